//! What the verbs make of a descriptor. Inherited entries are not theirs: [`crate::propagate`] puts them right afterwards.

use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, AclTooLarge, Control, SecurityDescriptor,
    SecurityInformation,
};
use freehold_dtyp::Sid;
use serde::{Deserialize, Serialize};

/// An entry that a verb adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AclEntry {
    /// Whom it speaks of.
    pub sid: Sid,
    /// What inherits it: counts in folders only.
    #[serde(default)]
    pub flags: AceFlags,
    /// The rights.
    pub mask: AccessMask,
    /// It denies.
    #[serde(default)]
    pub denies: bool,
}

impl AclEntry {
    /// As an entry of a list.
    #[must_use]
    pub fn ace(&self) -> Ace {
        if self.denies {
            Ace::deny(self.sid, self.mask, self.flags)
        } else {
            Ace::allow(self.sid, self.mask, self.flags)
        }
    }

    /// For one kind of object; `None` when it has no meaning for a file.
    fn fitted(&self, is_directory: bool) -> Option<AclEntry> {
        let flags = if is_directory { self.flags & AceFlags::INHERITANCE } else { AceFlags::EMPTY };
        let useless = !is_directory && self.flags.intersects(AceFlags::INHERIT_ONLY);
        (!useless).then(|| AclEntry { flags, ..self.clone() })
    }
}

/// [MS-DTYP] 2.4.4.13: a label to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IntegrityEntry {
    /// Last sub-authority of S-1-16-*.
    pub level: u32,
    /// What inherits it: counts in folders only.
    #[serde(default)]
    pub flags: AceFlags,
}

/// One change of a descriptor. Doing it twice is doing it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all = "PascalCase", rename_all_fields = "PascalCase", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "there are few of them, and none is kept for long")]
pub enum AclEdit {
    /// Adds rights; with `replace` in place of those that the accounts were granted before.
    Grant {
        /// The entries.
        entries: Vec<AclEntry>,
        /// `/grant:r`
        #[serde(default)]
        replace: bool,
    },
    /// Denies rights, and takes them out of what the accounts were granted.
    Deny {
        /// The entries.
        entries: Vec<AclEntry>,
    },
    /// Removes an account's own entries.
    Revoke {
        /// The accounts.
        accounts: Vec<Sid>,
        /// Those that grant.
        granted: bool,
        /// Those that deny.
        denied: bool,
    },
    /// Inherits again what the folder gives.
    InheritEnable,
    /// Inherits no more; what was inherited becomes the object's own.
    InheritDisable,
    /// Inherits no more; what was inherited is removed.
    InheritRemove,
    /// Has nothing but what is inherited.
    Reset,
    /// Replaces whole parts.
    Set {
        /// The new parts, in SDDL.
        #[serde(with = "crate::serde_sddl")]
        descriptor: SecurityDescriptor,
    },
    /// Sets the integrity label.
    Integrity(IntegrityEntry),
}

/// Why a descriptor was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The list, or the whole descriptor, would be longer than 64 KiB.
    TooLarge,
}

impl core::fmt::Display for EditError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the security descriptor would be longer than 64 KiB")
    }
}

impl std::error::Error for EditError {}

impl From<AclTooLarge> for EditError {
    fn from(_: AclTooLarge) -> Self {
        EditError::TooLarge
    }
}

fn is_inherited(ace: &Ace) -> bool {
    ace.flags().intersects(AceFlags::INHERITED)
}

/// Position in the order that Windows' tools keep.
fn rank(ace: &Ace) -> u8 {
    match (is_inherited(ace), ace.ace_type().denies()) {
        (false, true) => 0,
        (false, false) => 1,
        (true, _) => 2,
    }
}

impl AclEdit {
    /// True when the change is about the SACL.
    #[must_use]
    pub fn touches_sacl(&self) -> bool {
        match self {
            AclEdit::Integrity(_) => true,
            AclEdit::Set { descriptor } => descriptor.sacl.is_present(),
            _ => false,
        }
    }

    /// `current` with the change made to its own entries. Where entries are added the list comes out in canonical order:
    /// own denials, own grants, inherited entries as they were.
    ///
    /// # Errors
    /// [`EditError`]; nothing is changed.
    pub fn apply(
        &self,
        current: &SecurityDescriptor,
        is_directory: bool,
    ) -> Result<SecurityDescriptor, EditError> {
        let mut new = current.clone();
        match self {
            AclEdit::Set { descriptor } => set_parts(&mut new, descriptor),
            AclEdit::Integrity(label) => set_label(&mut new, *label, is_directory)?,
            _ => self.apply_to_dacl(&mut new, is_directory)?,
        }
        if new.size() > SecurityDescriptor::MAX_SIZE { Err(EditError::TooLarge) } else { Ok(new) }
    }

    fn apply_to_dacl(&self, new: &mut SecurityDescriptor, is_directory: bool) -> Result<(), EditError> {
        let mut aces: Vec<Ace> = new.dacl.acl().map_or(Vec::new(), |acl| acl.aces().to_vec());
        match self {
            AclEdit::Grant { entries, replace } => {
                if *replace {
                    let replaced = |ace: &Ace| {
                        !is_inherited(ace)
                            && ace.ace_type().allows()
                            && entries.iter().any(|entry| !entry.denies && entry.sid == *ace.sid())
                    };
                    aces.retain(|ace| !replaced(ace));
                }
                entries
                    .iter()
                    .filter_map(|entry| entry.fitted(is_directory))
                    .for_each(|e| add(&mut aces, &e));
            }
            AclEdit::Deny { entries } => {
                for entry in entries.iter().filter_map(|entry| entry.fitted(is_directory)) {
                    take_out(&mut aces, &entry);
                    add(&mut aces, &AclEntry { denies: true, ..entry });
                }
            }
            AclEdit::Revoke { accounts, granted, denied } => aces.retain(|ace| {
                let named = accounts.contains(ace.sid()) && !is_inherited(ace);
                let kind = (*granted && ace.ace_type().allows()) || (*denied && ace.ace_type().denies());
                !(named && kind)
            }),
            AclEdit::InheritEnable => new.control = new.control.without(Control::DACL_PROTECTED),
            AclEdit::InheritDisable => {
                new.control |= Control::DACL_PROTECTED;
                for ace in &mut aces {
                    let flags = ace.flags().without(AceFlags::INHERITED);
                    *ace = ace.clone().with_flags(flags);
                }
                aces.sort_by_key(rank);
            }
            AclEdit::InheritRemove => {
                new.control |= Control::DACL_PROTECTED;
                aces.retain(|ace| !is_inherited(ace));
            }
            AclEdit::Reset => {
                new.control = new.control.without(Control::DACL_PROTECTED);
                aces.retain(is_inherited);
                new.dacl = AclPart::Present(Acl::new());
            }
            AclEdit::Set { .. } | AclEdit::Integrity(_) => return Ok(()),
        }
        let unchanged = new.dacl.acl().is_some_and(|acl| acl.aces() == aces);
        // A null DACL has no entry to take away; a first one ends it.
        if !unchanged && (new.dacl.acl().is_some() || !aces.is_empty()) {
            new.dacl = AclPart::Present(Acl::from_aces(aces)?);
        }
        Ok(())
    }
}

/// Adds an entry to the object's own ones: to an entry of the same kind, account and flags, or as a new one.
fn add(aces: &mut Vec<Ace>, entry: &AclEntry) {
    let new = entry.ace();
    let same = |ace: &&mut Ace| {
        ace.ace_type() == new.ace_type()
            && *ace.sid() == entry.sid
            && ace.flags() == entry.flags
            && ace.data().is_empty()
    };
    match aces.iter_mut().find(same) {
        Some(ace) => *ace = ace.clone().with_mask(ace.mask() | entry.mask),
        None => {
            aces.push(new);
            aces.sort_by_key(rank);
        }
    }
}

/// Takes the rights of a denial out of what the account was granted itself.
fn take_out(aces: &mut Vec<Ace>, denial: &AclEntry) {
    let granted = |ace: &Ace| {
        !is_inherited(ace) && ace.ace_type() == AceType::ACCESS_ALLOWED && *ace.sid() == denial.sid
    };
    for ace in aces.iter_mut().filter(|ace| granted(ace)) {
        *ace = ace.clone().with_mask(ace.mask().without(denial.mask));
    }
    // What is left of a grant with SYNCHRONIZE alone is no grant.
    let empty = |mask: AccessMask| mask.without(AccessMask::SYNCHRONIZE).is_empty();
    aces.retain(|ace| !(granted(ace) && empty(ace.mask())));
}

/// Owner, group and lists that `from` has replace those of `to`.
fn set_parts(to: &mut SecurityDescriptor, from: &SecurityDescriptor) {
    let mut kept = Control(u16::MAX);
    if from.owner.is_some() {
        to.owner = from.owner;
        kept = kept.without(Control::OWNER_DEFAULTED);
    }
    if from.group.is_some() {
        to.group = from.group;
        kept = kept.without(Control::GROUP_DEFAULTED);
    }
    let dacl = Control::DACL_PROTECTED | Control::DACL_AUTO_INHERITED | Control::DACL_DEFAULTED;
    let sacl = Control::SACL_PROTECTED | Control::SACL_AUTO_INHERITED | Control::SACL_DEFAULTED;
    if from.dacl.is_present() {
        to.dacl = from.dacl.clone();
        kept = kept.without(dacl);
    }
    if from.sacl.is_present() {
        to.sacl = from.sacl.clone();
        kept = kept.without(sacl);
    }
    let named = Control(!kept.0);
    to.control = (to.control & kept) | (from.control & named);
}

/// [MS-DTYP] 2.4.4.13: the object's own label, that nobody of a lower level writes to it.
fn set_label(
    new: &mut SecurityDescriptor,
    label: IntegrityEntry,
    is_directory: bool,
) -> Result<(), EditError> {
    /// SYSTEM_MANDATORY_LABEL_NO_WRITE_UP
    const NO_WRITE_UP: AccessMask = AccessMask(1);
    let flags = if is_directory { label.flags & AceFlags::INHERITANCE } else { AceFlags::EMPTY };
    let sid = Sid::from_parts([0, 0, 0, 0, 0, 16], &[label.level]).unwrap_or(Sid::NULL);
    let entry = Ace::new(AceType::SYSTEM_MANDATORY_LABEL, flags, NO_WRITE_UP, sid);
    let others = new.sacl.acl().map_or(&[][..], Acl::aces).iter();
    let kept =
        others.filter(|ace| ace.ace_type() != AceType::SYSTEM_MANDATORY_LABEL || is_inherited(ace)).cloned();
    new.sacl = AclPart::Present(Acl::from_aces(entry.into_iter().chain(kept))?);
    Ok(())
}

impl SecurityInformation {
    /// The parts that a descriptor has.
    #[must_use]
    pub fn of(descriptor: &SecurityDescriptor) -> SecurityInformation {
        SecurityInformation::EMPTY
            .with(SecurityInformation::OWNER, descriptor.owner.is_some())
            .with(SecurityInformation::GROUP, descriptor.group.is_some())
            .with(SecurityInformation::DACL, descriptor.dacl.is_present())
            .with(SecurityInformation::SACL, descriptor.sacl.is_present())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, ace, descriptor};
    use proptest::prelude::*;

    const READ: AccessMask = AccessMask::FILE_GENERIC_READ;
    const WRITE: AccessMask = AccessMask(0x116);
    const FULL: AccessMask = AccessMask::FILE_ALL_ACCESS;
    const OI: AceFlags = AceFlags::OBJECT_INHERIT;
    const CI: AceFlags = AceFlags::CONTAINER_INHERIT;

    fn sd(dacl: &str) -> SecurityDescriptor {
        format!("O:BAG:SY{dacl}").parse().unwrap()
    }

    fn entry(rid: u32, flags: AceFlags, mask: AccessMask) -> AclEntry {
        AclEntry { sid: account(rid), flags, mask, denies: false }
    }

    fn grant(entries: &[AclEntry], replace: bool) -> AclEdit {
        AclEdit::Grant { entries: entries.to_vec(), replace }
    }

    fn dacl(edit: &AclEdit, before: &SecurityDescriptor, is_directory: bool) -> Vec<Ace> {
        edit.apply(before, is_directory).unwrap().dacl.acl().unwrap().aces().to_vec()
    }

    #[test]
    fn grants_add_up_or_replace() {
        let before = SecurityDescriptor::new(
            account(9),
            account(9),
            Acl::from_aces([
                Ace::deny(account(2), WRITE, AceFlags::EMPTY),
                Ace::allow(account(1), READ, OI | CI),
                Ace::allow(account(1), READ, AceFlags::EMPTY),
                Ace::allow(account(1), FULL, AceFlags::INHERITED),
            ])
            .unwrap(),
        );
        let added = dacl(&grant(&[entry(1, OI | CI, WRITE), entry(3, OI, READ)], false), &before, true);
        assert_eq!(
            added,
            [
                Ace::deny(account(2), WRITE, AceFlags::EMPTY),
                Ace::allow(account(1), READ | WRITE, OI | CI),
                Ace::allow(account(1), READ, AceFlags::EMPTY),
                Ace::allow(account(3), READ, OI),
                Ace::allow(account(1), FULL, AceFlags::INHERITED),
            ]
        );
        let replaced = dacl(&grant(&[entry(1, CI, WRITE)], true), &before, true);
        assert_eq!(
            replaced,
            [
                Ace::deny(account(2), WRITE, AceFlags::EMPTY),
                Ace::allow(account(1), WRITE, CI),
                Ace::allow(account(1), FULL, AceFlags::INHERITED),
            ]
        );
        // A file has nothing below it: flags count in folders only, entries for what is below not at all.
        let file = dacl(
            &grant(&[entry(3, OI | CI, READ), entry(4, OI | AceFlags::INHERIT_ONLY, READ)], true),
            &before,
            false,
        );
        assert_eq!(file.iter().filter(|ace| *ace.sid() == account(3)).count(), 1);
        assert!(file.contains(&Ace::allow(account(3), READ, AceFlags::EMPTY)));
        assert!(!file.iter().any(|ace| *ace.sid() == account(4)));
    }

    #[test]
    fn denials_come_first_and_take_from_grants() {
        let before = sd("D:(A;;FA;;;WD)(A;;0x120116;;;BU)");
        let deny = AclEdit::Deny {
            entries: vec![AclEntry {
                sid: Sid::EVERYONE,
                flags: AceFlags::EMPTY,
                mask: WRITE,
                denies: false,
            }],
        };
        assert_eq!(
            dacl(&deny, &before, false),
            [
                Ace::deny(Sid::EVERYONE, WRITE, AceFlags::EMPTY),
                Ace::allow(Sid::EVERYONE, FULL.without(WRITE), AceFlags::EMPTY),
                Ace::allow(Sid::USERS, AccessMask(0x12_0116), AceFlags::EMPTY),
            ]
        );
        let all = AclEdit::Deny {
            entries: vec![AclEntry { sid: Sid::EVERYONE, flags: AceFlags::EMPTY, mask: FULL, denies: true }],
        };
        let aces = dacl(&all, &before, false);
        assert_eq!(aces[0], Ace::deny(Sid::EVERYONE, FULL, AceFlags::EMPTY));
        assert_eq!(aces.len(), 2);
    }

    #[test]
    fn revoking_leaves_what_is_inherited() {
        let before = sd("D:(D;;FA;;;WD)(A;;FA;;;WD)(A;ID;FA;;;WD)(A;;FA;;;BU)");
        let revoke = |granted, denied| AclEdit::Revoke { accounts: vec![Sid::EVERYONE], granted, denied };
        let text = |edit: AclEdit| edit.apply(&before, false).unwrap().to_sddl();
        assert_eq!(text(revoke(true, true)), "O:BAG:SYD:(A;ID;FA;;;WD)(A;;FA;;;BU)");
        assert_eq!(text(revoke(true, false)), "O:BAG:SYD:(D;;FA;;;WD)(A;ID;FA;;;WD)(A;;FA;;;BU)");
        assert_eq!(text(revoke(false, true)), "O:BAG:SYD:(A;;FA;;;WD)(A;ID;FA;;;WD)(A;;FA;;;BU)");
    }

    #[test]
    fn inheritance_is_turned_off_with_or_without_a_copy_and_on_again() {
        let before = sd("D:AI(A;;FR;;;BU)(D;ID;FW;;;WD)(A;ID;FA;;;BA)");
        let text = |edit: AclEdit| edit.apply(&before, false).unwrap().to_sddl();
        assert_eq!(text(AclEdit::InheritDisable), "O:BAG:SYD:PAI(D;;FW;;;WD)(A;;FR;;;BU)(A;;FA;;;BA)");
        assert_eq!(text(AclEdit::InheritRemove), "O:BAG:SYD:PAI(A;;FR;;;BU)");
        let off = AclEdit::InheritRemove.apply(&before, false).unwrap();
        assert_eq!(AclEdit::InheritEnable.apply(&off, false).unwrap().to_sddl(), "O:BAG:SYD:AI(A;;FR;;;BU)");
        let off = sd("D:PAI(A;;FR;;;BU)");
        assert_eq!(AclEdit::Reset.apply(&off, false).unwrap().to_sddl(), "O:BAG:SYD:AI");
    }

    #[test]
    fn parts_are_replaced_by_those_that_are_given() {
        let before: SecurityDescriptor = "O:BAG:SYD:PAI(A;;FA;;;BA)S:AI(AU;SA;FA;;;WD)".parse().unwrap();
        let set = |text: &str| {
            let descriptor = text.parse().unwrap();
            AclEdit::Set { descriptor }.apply(&before, false).unwrap().to_sddl()
        };
        assert_eq!(set("O:SY"), "O:SYG:SYD:PAI(A;;FA;;;BA)S:AI(AU;SA;FA;;;WD)");
        assert_eq!(set("D:(A;;FR;;;WD)"), "O:BAG:SYD:(A;;FR;;;WD)S:AI(AU;SA;FA;;;WD)");
        assert_eq!(set("G:BAS:P(AU;FA;FA;;;WD)"), "O:BAG:BAD:PAI(A;;FA;;;BA)S:P(AU;FA;FA;;;WD)");
    }

    #[test]
    fn a_label_replaces_the_objects_own() {
        let before: SecurityDescriptor = "O:BAG:SYD:S:(AU;SA;FA;;;WD)(ML;;NW;;;LW)".parse().unwrap();
        let set = |is_directory| {
            let label = IntegrityEntry { level: 0x3000, flags: OI | CI };
            AclEdit::Integrity(label).apply(&before, is_directory).unwrap().to_sddl()
        };
        assert_eq!(set(true), "O:BAG:SYD:S:(ML;OICI;NW;;;HI)(AU;SA;FA;;;WD)");
        assert_eq!(set(false), "O:BAG:SYD:S:(ML;;NW;;;HI)(AU;SA;FA;;;WD)");
    }

    #[test]
    fn a_null_dacl_gets_its_first_entry() {
        let before = SecurityDescriptor { dacl: AclPart::Null, ..SecurityDescriptor::default() };
        let none = AclEdit::Revoke { accounts: vec![Sid::EVERYONE], granted: true, denied: true };
        assert_eq!(none.apply(&before, false).unwrap().dacl, AclPart::Null);
        assert_eq!(dacl(&grant(&[entry(1, OI, READ)], false), &before, true).len(), 1);
    }

    fn edit() -> impl Strategy<Value = AclEdit> {
        let entries = || {
            let entry = (ace(), any::<bool>()).prop_map(|(ace, denies)| AclEntry {
                sid: *ace.sid(),
                flags: ace.flags() & AceFlags::INHERITANCE,
                mask: ace.mask(),
                denies,
            });
            proptest::collection::vec(entry, 1..4)
        };
        prop_oneof![
            (entries(), any::<bool>()).prop_map(|(entries, replace)| AclEdit::Grant { entries, replace }),
            entries().prop_map(|entries| AclEdit::Deny { entries }),
            (crate::test_support::sid(), any::<bool>(), any::<bool>())
                .prop_map(|(sid, granted, denied)| AclEdit::Revoke { accounts: vec![sid], granted, denied }),
            Just(AclEdit::InheritEnable),
            Just(AclEdit::InheritDisable),
            Just(AclEdit::InheritRemove),
            Just(AclEdit::Reset),
            (0u32..5, any::<u8>()).prop_map(|(level, flags)| AclEdit::Integrity(IntegrityEntry {
                level: level << 12,
                flags: AceFlags(flags)
            })),
            descriptor().prop_map(|descriptor| AclEdit::Set { descriptor }),
        ]
    }

    proptest! {
        /// A job that is interrupted does the last object again.
        #[test]
        fn twice_is_once(edit in edit(), before in descriptor(), is_directory: bool) {
            if let Ok(once) = edit.apply(&before, is_directory) {
                prop_assert_eq!(edit.apply(&once, is_directory), Ok(once));
            }
        }

        /// Kept in the state database until the job is done.
        #[test]
        fn edits_come_back_from_json(edit in edit()) {
            let edit = match edit {
                // SDDL says less than a descriptor holds.
                AclEdit::Set { descriptor } => match descriptor.to_sddl().parse() {
                    Ok(descriptor) => AclEdit::Set { descriptor },
                    Err(_) => return Ok(()),
                },
                edit => edit,
            };
            let text = serde_json::to_string(&edit).unwrap();
            prop_assert_eq!(serde_json::from_str::<AclEdit>(&text).unwrap(), edit);
        }
    }
}
