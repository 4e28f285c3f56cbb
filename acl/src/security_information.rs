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
