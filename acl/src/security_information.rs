//! [MS-DTYP] 2.4.7 SECURITY_INFORMATION; [MS-FSA] 2.1.5.14 Server Requests a Query of Security Information and 2.1.5.17
//! Server Requests Setting of Security Information.

use crate::inherit::{effective_mask, may_label};
use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Control, Privileges, SecurityDescriptor, Token,
};

/// [MS-DTYP] 2.4.7 SECURITY_INFORMATION: which parts of a descriptor are read or set. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecurityInformation(pub u32);

bit_set!(SecurityInformation, u32);

#[allow(missing_docs)] // the names are the specification's
impl SecurityInformation {
    pub const OWNER: SecurityInformation = SecurityInformation(0x0000_0001);
    pub const GROUP: SecurityInformation = SecurityInformation(0x0000_0002);
    pub const DACL: SecurityInformation = SecurityInformation(0x0000_0004);
    pub const SACL: SecurityInformation = SecurityInformation(0x0000_0008);
    pub const LABEL: SecurityInformation = SecurityInformation(0x0000_0010);
    pub const ATTRIBUTE: SecurityInformation = SecurityInformation(0x0000_0020);
    pub const SCOPE: SecurityInformation = SecurityInformation(0x0000_0040);
    pub const BACKUP: SecurityInformation = SecurityInformation(0x0001_0000);
    pub const UNPROTECTED_SACL: SecurityInformation = SecurityInformation(0x1000_0000);
    pub const UNPROTECTED_DACL: SecurityInformation = SecurityInformation(0x2000_0000);
    pub const PROTECTED_SACL: SecurityInformation = SecurityInformation(0x4000_0000);
    pub const PROTECTED_DACL: SecurityInformation = SecurityInformation(0x8000_0000);
}

impl SecurityInformation {
    /// Every part.
    pub const ALL: SecurityInformation = SecurityInformation(0x0000_007F);
    /// The parts that live in the SACL.
    const IN_SACL: SecurityInformation = SecurityInformation(0x0000_0078);

    /// BACKUP stands for every part.
    const fn parts(self) -> SecurityInformation {
        if self.intersects(SecurityInformation::BACKUP) { self.union(SecurityInformation::ALL) } else { self }
    }

    /// Which of the parts an entry of a SACL belongs to.
    const fn of_sacl_ace(ace_type: AceType) -> SecurityInformation {
        match ace_type {
            AceType::SYSTEM_MANDATORY_LABEL => SecurityInformation::LABEL,
            AceType::SYSTEM_RESOURCE_ATTRIBUTE => SecurityInformation::ATTRIBUTE,
            AceType::SYSTEM_SCOPED_POLICY_ID => SecurityInformation::SCOPE,
            _ => SecurityInformation::SACL,
        }
    }
}

/// Access that an open must have been granted to read these parts ([MS-FSA] 2.1.5.14).
#[must_use]
pub fn access_to_query(information: SecurityInformation) -> AccessMask {
    let mut access = AccessMask::EMPTY;
    let simple = SecurityInformation::OWNER
        | SecurityInformation::GROUP
        | SecurityInformation::DACL
        | SecurityInformation::LABEL
        | SecurityInformation::ATTRIBUTE
        | SecurityInformation::SCOPE;
    if information.intersects(simple | SecurityInformation::BACKUP) {
        access |= AccessMask::READ_CONTROL;
    }
    if information.intersects(SecurityInformation::SACL | SecurityInformation::BACKUP) {
        access |= AccessMask::ACCESS_SYSTEM_SECURITY;
    }
    access
}

/// Access that an open must have been granted to set these parts ([MS-FSA] 2.1.5.17).
#[must_use]
pub fn access_to_set(information: SecurityInformation) -> AccessMask {
    let mut access = AccessMask::EMPTY;
    let any = |parts: SecurityInformation| information.intersects(parts | SecurityInformation::BACKUP);
    if any(SecurityInformation::OWNER | SecurityInformation::GROUP | SecurityInformation::LABEL) {
        access |= AccessMask::WRITE_OWNER;
    }
    if any(SecurityInformation::DACL
        | SecurityInformation::ATTRIBUTE
        | SecurityInformation::PROTECTED_DACL
        | SecurityInformation::UNPROTECTED_DACL)
    {
        access |= AccessMask::WRITE_DAC;
    }
    if any(SecurityInformation::SACL
        | SecurityInformation::SCOPE
        | SecurityInformation::PROTECTED_SACL
        | SecurityInformation::UNPROTECTED_SACL)
    {
        access |= AccessMask::ACCESS_SYSTEM_SECURITY;
    }
    access
}

/// The parts of `descriptor` that are asked for, with the control bits that belong to them.
#[must_use]
pub fn query(descriptor: &SecurityDescriptor, information: SecurityInformation) -> SecurityDescriptor {
    let parts = information.parts();
    let mut found = SecurityDescriptor::default();
    let mut kept = Control::EMPTY;
    if parts.intersects(SecurityInformation::OWNER) {
        found.owner = descriptor.owner;
        kept |= Control::OWNER_DEFAULTED;
    }
    if parts.intersects(SecurityInformation::GROUP) {
        found.group = descriptor.group;
        kept |= Control::GROUP_DEFAULTED;
    }
    if parts.intersects(SecurityInformation::DACL) {
        found.dacl = descriptor.dacl.clone();
        kept |= DACL_CONTROL;
    }
    if parts.intersects(SecurityInformation::IN_SACL) {
        found.sacl = match &descriptor.sacl {
            AclPart::Present(acl) => {
                let chosen = acl
                    .aces()
                    .iter()
                    .filter(|ace| parts.intersects(SecurityInformation::of_sacl_ace(ace.ace_type())));
                // Fewer entries than the list has: they fit.
                Acl::from_aces(chosen.cloned()).map_or(AclPart::Absent, AclPart::Present)
            }
            other => other.clone(),
        };
        kept |= SACL_CONTROL;
    }
    if information.intersects(SecurityInformation::BACKUP) {
        kept |= Control::RM_CONTROL_VALID;
        found.rm_control = descriptor.rm_control;
    }
    found.control = descriptor.control & kept;
    found
}

/// Control bits that go with the DACL.
const DACL_CONTROL: Control =
    Control::DACL_DEFAULTED.union(Control::DACL_AUTO_INHERITED).union(Control::DACL_PROTECTED);

/// Control bits that go with the SACL.
const SACL_CONTROL: Control =
    Control::SACL_DEFAULTED.union(Control::SACL_AUTO_INHERITED).union(Control::SACL_PROTECTED);

/// Why a descriptor was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetSecurityError {
    /// The new owner is missing, or neither the user nor a group that may own, and SeRestorePrivilege is not held.
    InvalidOwner,
    /// The new primary group is missing.
    InvalidPrimaryGroup,
    /// A label is above the token's integrity and SeRelabelPrivilege is not held.
    PrivilegeNotHeld,
    /// The descriptor would be longer than 64 KiB.
    TooLarge,
}

impl core::fmt::Display for SetSecurityError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            SetSecurityError::InvalidOwner => {
                "the owner is neither the user nor a group that may own, and SeRestorePrivilege is not held"
            }
            SetSecurityError::InvalidPrimaryGroup => "the primary group is missing",
            SetSecurityError::PrivilegeNotHeld => "the integrity label is above the user's own",
            SetSecurityError::TooLarge => "the security descriptor would be longer than 64 KiB",
        })
    }
}

impl std::error::Error for SetSecurityError {}

/// `current` with the parts that `information` names replaced by those of `new`.
///
/// The caller has checked that the open was granted [`access_to_set`]. Generic rights of entries that count for the
/// object itself are mapped. A list is marked auto-inherited when `new` has both AUTO_INHERIT_REQ and AUTO_INHERITED, as
/// Windows' tools send it; PROTECTED is taken over. A DACL that is named by `information` but absent from `new` becomes
/// null, which restricts nothing, as on Windows; a SACL becomes empty.
///
/// # Errors
/// [`SetSecurityError`]; nothing is changed.
pub fn set_security(
    current: &SecurityDescriptor,
    new: &SecurityDescriptor,
    information: SecurityInformation,
    token: &Token,
) -> Result<SecurityDescriptor, SetSecurityError> {
    let parts = information.parts();
    let mut changed = current.clone();
    if parts.intersects(SecurityInformation::OWNER) {
        let owner = new.owner.ok_or(SetSecurityError::InvalidOwner)?;
        if !token.may_own_as(&owner) && !token.has(Privileges::RESTORE) {
            return Err(SetSecurityError::InvalidOwner);
        }
        changed.owner = Some(owner);
        changed.control = changed.control.without(Control::OWNER_DEFAULTED);
    }
    if parts.intersects(SecurityInformation::GROUP) {
        changed.group = Some(new.group.ok_or(SetSecurityError::InvalidPrimaryGroup)?);
        changed.control = changed.control.without(Control::GROUP_DEFAULTED);
    }
    if parts.intersects(SecurityInformation::DACL) {
        changed.dacl = match &new.dacl {
            AclPart::Present(acl) => AclPart::Present(map_acl(acl, |_| true)?),
            AclPart::Null | AclPart::Absent => AclPart::Null,
        };
        let auto = Control::DACL_AUTO_INHERIT_REQ | Control::DACL_AUTO_INHERITED;
        changed.control = changed
            .control
            .without(DACL_CONTROL)
            .with(Control::DACL_AUTO_INHERITED, new.control.contains(auto))
            .with(Control::DACL_PROTECTED, new.control.contains(Control::DACL_PROTECTED));
    }
    if parts.intersects(SecurityInformation::IN_SACL) {
        set_sacl(&mut changed, new, parts, token)?;
    }
    for (bit, control, on) in [
        (SecurityInformation::PROTECTED_DACL, Control::DACL_PROTECTED, true),
        (SecurityInformation::UNPROTECTED_DACL, Control::DACL_PROTECTED, false),
        (SecurityInformation::PROTECTED_SACL, Control::SACL_PROTECTED, true),
        (SecurityInformation::UNPROTECTED_SACL, Control::SACL_PROTECTED, false),
    ] {
        if information.intersects(bit) {
            changed.control = changed.control.with(control, on);
        }
    }
    if information.intersects(SecurityInformation::BACKUP) {
        let rm = Control::RM_CONTROL_VALID;
        changed.control = changed.control.with(rm, new.control.contains(rm));
        changed.rm_control = new.rm_control;
    }
    if changed.size() > SecurityDescriptor::MAX_SIZE {
        return Err(SetSecurityError::TooLarge);
    }
    Ok(changed)
}

/// The entries of `acl` that are chosen, generic rights mapped where an entry counts for the object itself.
fn map_acl(acl: &Acl, chosen: impl Fn(&Ace) -> bool) -> Result<Acl, SetSecurityError> {
    let aces = acl.aces().iter().filter(|ace| chosen(ace)).map(|ace| {
        let mask =
            if ace.flags().intersects(AceFlags::INHERIT_ONLY) { ace.mask() } else { effective_mask(ace) };
        ace.clone().with_mask(mask)
    });
    Acl::from_aces(aces).map_err(|_| SetSecurityError::TooLarge)
}

/// Replaces the kinds of entries that `parts` names and keeps the others.
fn set_sacl(
    changed: &mut SecurityDescriptor,
    new: &SecurityDescriptor,
    parts: SecurityInformation,
    token: &Token,
) -> Result<(), SetSecurityError> {
    let chosen = |ace: &Ace| parts.intersects(SecurityInformation::of_sacl_ace(ace.ace_type()));
    let mut aces = match new.sacl.acl() {
        Some(acl) => map_acl(acl, chosen)?.into_aces(),
        None => Vec::new(),
    };
    let is_label = |ace: &&Ace| ace.ace_type() == AceType::SYSTEM_MANDATORY_LABEL;
    if aces.iter().filter(is_label).any(|label| !may_label(label, token)) {
        return Err(SetSecurityError::PrivilegeNotHeld);
    }
    let kept = changed.sacl.acl().map_or(&[][..], Acl::aces).iter().filter(|ace| !chosen(ace));
    aces.extend(kept.cloned());
    changed.sacl = if aces.is_empty() && new.sacl.acl().is_none() {
        new.sacl.clone()
    } else {
        AclPart::Present(Acl::from_aces(aces).map_err(|_| SetSecurityError::TooLarge)?)
    };
    if parts.intersects(SecurityInformation::SACL) {
        let auto = Control::SACL_AUTO_INHERIT_REQ | Control::SACL_AUTO_INHERITED;
        changed.control = changed
            .control
            .without(SACL_CONTROL)
            .with(Control::SACL_AUTO_INHERITED, new.control.contains(auto))
            .with(Control::SACL_PROTECTED, new.control.contains(Control::SACL_PROTECTED));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, descriptor};
    use freehold_dtyp::Sid;
    use proptest::prelude::*;

    const INFO: SecurityInformation = SecurityInformation::DACL;

    fn user() -> Token {
        Token::builder(account(1)).groups([Sid::EVERYONE, Sid::ADMINISTRATORS]).build()
    }

    fn file() -> SecurityDescriptor {
        let acl = Acl::from_aces([Ace::allow(account(1), AccessMask(1), AceFlags::EMPTY)]).unwrap();
        SecurityDescriptor::new(account(1), account(513), acl)
    }

    fn label(level: u32) -> Ace {
        let sid = Sid::from_parts([0, 0, 0, 0, 0, 16], &[level]).unwrap();
        Ace::new(AceType::SYSTEM_MANDATORY_LABEL, AceFlags::EMPTY, AccessMask(1), sid).unwrap()
    }

    fn audit() -> Ace {
        Ace::audit(Sid::EVERYONE, AccessMask(2), AceFlags::FAILED_ACCESS)
    }

    /// smb2.acls.INHERITFLAGS and SDFLAGSVSCHOWN: which control bits a set leaves.
    #[test]
    fn auto_inherited_takes_the_request_and_protected_is_taken_over() {
        let (req, auto, protected) =
            (Control::DACL_AUTO_INHERIT_REQ, Control::DACL_AUTO_INHERITED, Control::DACL_PROTECTED);
        for (sent, kept) in [
            (Control::EMPTY, Control::EMPTY),
            (auto, Control::EMPTY),
            (req, Control::EMPTY),
            (req | auto, auto),
            (protected, protected),
            (req | auto | protected, auto | protected),
        ] {
            for before in [Control::EMPTY, auto, protected | Control::DACL_DEFAULTED] {
                let current = SecurityDescriptor { control: before, ..file() };
                let new = SecurityDescriptor { control: sent, ..file() };
                let set = set_security(&current, &new, INFO, &user()).unwrap();
                assert_eq!(set.control, kept, "{sent:?} over {before:?}");
                // A change of owner leaves them alone.
                let owner = SecurityInformation::OWNER;
                assert_eq!(set_security(&set, &new, owner, &user()).unwrap().control, kept);
            }
        }
    }

    #[test]
    fn flags_of_the_request_protect_and_unprotect() {
        let protected = |before, information| {
            let current = SecurityDescriptor { control: before, ..file() };
            set_security(&current, &SecurityDescriptor::default(), information, &user()).unwrap()
        };
        let on = protected(Control::EMPTY, SecurityInformation::PROTECTED_DACL);
        assert_eq!(on, SecurityDescriptor { control: Control::DACL_PROTECTED, ..file() });
        let off = protected(Control::DACL_PROTECTED, SecurityInformation::UNPROTECTED_DACL);
        assert_eq!(off, file());
    }

    /// smb2.acls.GENERIC.
    #[test]
    fn generic_rights_are_mapped_where_an_entry_counts_here() {
        let all = |mask, flags| Ace::allow(Sid::EVERYONE, mask, flags);
        let (full, generic) = (AccessMask::FILE_ALL_ACCESS, AccessMask::GENERIC_ALL);
        let inherit_only = AceFlags::INHERIT_ONLY | AceFlags::OBJECT_INHERIT;
        let aces = [all(generic, AceFlags::EMPTY), all(generic, inherit_only)];
        let new = SecurityDescriptor {
            dacl: Acl::from_aces(aces).unwrap().into(),
            ..SecurityDescriptor::default()
        };
        let set = set_security(&file(), &new, INFO, &user()).unwrap();
        assert_eq!(set.dacl.acl().unwrap().aces(), [all(full, AceFlags::EMPTY), all(generic, inherit_only)]);
        assert_eq!(set.owner, file().owner);
    }

    /// smb2.create.nulldacl.
    #[test]
    fn a_dacl_that_is_absent_or_null_becomes_null() {
        for dacl in [AclPart::Absent, AclPart::Null] {
            let new = SecurityDescriptor { dacl, ..SecurityDescriptor::default() };
            assert_eq!(set_security(&file(), &new, INFO, &user()).unwrap().dacl, AclPart::Null);
        }
        let new = SecurityDescriptor { dacl: Acl::new().into(), ..SecurityDescriptor::default() };
        assert_eq!(set_security(&file(), &new, INFO, &user()).unwrap().dacl, Acl::new().into());
    }

    #[test]
    fn an_owner_is_oneself_or_a_group_that_may_own() {
        let set = |owner, token: &Token| {
            let new = SecurityDescriptor { owner, ..SecurityDescriptor::default() };
            set_security(&file(), &new, SecurityInformation::OWNER, token).map(|sd| sd.owner)
        };
        let restorer = Token::builder(account(1)).privileges(Privileges::RESTORE).build();
        assert_eq!(set(Some(account(1)), &user()), Ok(Some(account(1))));
        assert_eq!(set(Some(Sid::ADMINISTRATORS), &user()), Ok(Some(Sid::ADMINISTRATORS)));
        assert_eq!(set(Some(Sid::EVERYONE), &user()), Err(SetSecurityError::InvalidOwner));
        assert_eq!(set(Some(account(2)), &user()), Err(SetSecurityError::InvalidOwner));
        assert_eq!(set(Some(account(2)), &restorer), Ok(Some(account(2))));
        assert_eq!(set(None, &restorer), Err(SetSecurityError::InvalidOwner));
    }

    #[test]
    fn a_group_must_be_there() {
        let set = |group| {
            let new = SecurityDescriptor { group, ..SecurityDescriptor::default() };
            set_security(&file(), &new, SecurityInformation::GROUP, &user()).map(|sd| sd.group)
        };
        assert_eq!(set(Some(account(5))), Ok(Some(account(5))));
        assert_eq!(set(None), Err(SetSecurityError::InvalidPrimaryGroup));
    }

    #[test]
    fn kinds_of_system_entries_are_set_and_read_on_their_own() {
        let with = |aces: &[Ace]| SecurityDescriptor {
            sacl: Acl::from_aces(aces.iter().cloned()).unwrap().into(),
            ..SecurityDescriptor::default()
        };
        let sacl = |sd: &SecurityDescriptor| sd.sacl.acl().unwrap().aces().to_vec();
        let current = with(&[label(0x1000), audit()]);
        let set =
            set_security(&current, &with(&[label(0x2000), audit()]), SecurityInformation::LABEL, &user());
        assert_eq!(sacl(&set.unwrap()), [label(0x2000), audit()]);
        let set = set_security(&current, &with(&[]), SecurityInformation::SACL, &user()).unwrap();
        assert_eq!(sacl(&set), [label(0x1000)]);
        let refused = set_security(&current, &with(&[label(0x3000)]), SecurityInformation::LABEL, &user());
        assert_eq!(refused, Err(SetSecurityError::PrivilegeNotHeld));

        assert_eq!(sacl(&query(&current, SecurityInformation::SACL)), [audit()]);
        assert_eq!(sacl(&query(&current, SecurityInformation::LABEL)), [label(0x1000)]);
        assert_eq!(sacl(&query(&current, SecurityInformation::BACKUP)), [label(0x1000), audit()]);
    }

    #[test]
    fn a_query_gives_the_parts_asked_for_and_their_bits() {
        let control = Control::DACL_PROTECTED | Control::SACL_PROTECTED | Control::OWNER_DEFAULTED;
        let sd = SecurityDescriptor { control, rm_control: 3, ..file() };
        let dacl = query(&sd, SecurityInformation::DACL);
        assert_eq!((dacl.owner, dacl.group, &dacl.dacl), (None, None, &sd.dacl));
        assert_eq!((dacl.control, dacl.rm_control), (Control::DACL_PROTECTED, 0));
        let owner = query(&sd, SecurityInformation::OWNER | SecurityInformation::GROUP);
        assert_eq!((owner.owner, owner.group, owner.dacl), (sd.owner, sd.group, AclPart::Absent));
        assert_eq!(owner.control, Control::OWNER_DEFAULTED);
        assert_eq!(query(&sd, SecurityInformation::EMPTY), SecurityDescriptor::default());
    }

    #[test]
    fn each_part_takes_its_right() {
        let (read, security) = (AccessMask::READ_CONTROL, AccessMask::ACCESS_SYSTEM_SECURITY);
        let (dac, owner) = (AccessMask::WRITE_DAC, AccessMask::WRITE_OWNER);
        for (information, to_query, to_set) in [
            (SecurityInformation::OWNER, read, owner),
            (SecurityInformation::GROUP, read, owner),
            (SecurityInformation::DACL, read, dac),
            (SecurityInformation::SACL, security, security),
            (SecurityInformation::LABEL, read, owner),
            (SecurityInformation::ATTRIBUTE, read, dac),
            (SecurityInformation::SCOPE, read, security),
            (SecurityInformation::BACKUP, read | security, dac | owner | security),
        ] {
            assert_eq!(access_to_query(information), to_query, "{information:?}");
            assert_eq!(access_to_set(information), to_set, "{information:?}");
        }
    }

    #[test]
    fn a_descriptor_that_grows_beyond_64_kib_is_refused() {
        let big = |count| {
            let ace =
                Ace::allow(account(1), AccessMask(1), AceFlags::EMPTY).with_data(vec![1; 0x3000]).unwrap();
            Acl::from_aces(vec![ace; count]).unwrap()
        };
        let current = SecurityDescriptor { sacl: big(3).into(), ..file() };
        let set = |count| {
            let new = SecurityDescriptor { dacl: big(count).into(), ..SecurityDescriptor::default() };
            set_security(&current, &new, INFO, &user()).map(|_| ())
        };
        assert_eq!(set(2), Ok(()));
        assert_eq!(set(3), Err(SetSecurityError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_not_named_stays(current in descriptor(), new in descriptor(), information in 0u32..0x80) {
            let information = SecurityInformation(information);
            let system = Token::system();
            if let Ok(set) = set_security(&current, &new, information, &system) {
                let others = SecurityInformation(!information.0 & 0x7F);
                let parts = [SecurityInformation::OWNER, SecurityInformation::GROUP, SecurityInformation::DACL];
                for part in parts.into_iter().filter(|part| others.intersects(*part)) {
                    prop_assert_eq!(query(&set, part), query(&current, part));
                }
                if !information.intersects(SecurityInformation::IN_SACL) {
                    prop_assert_eq!(query(&set, SecurityInformation::IN_SACL), query(&current, SecurityInformation::IN_SACL));
                }
            }
        }
    }
}
