//! What decided, in rows and in words.

use freehold_acl::{
    AccessError, AccessMask, Ace, AceFlags, AttributeSource, Cause, Giver, Keeper, Place, Reason, Reasons,
    SecurityDescriptor, Truth,
};
use freehold_dtyp::Sid;

use super::answer::{ConditionRow, EntryRow, LookupRow, ReasonKind, RightRow, ShareAnswer};
use super::{Question, ThroughShare, rights};

/// Turns what an observer kept into rows.
pub(super) struct Reasoner<'a> {
    pub(super) question: &'a Question,
    pub(super) share: Option<&'a ThroughShare>,
}

/// The kind, the words and the entry.
struct Words(ReasonKind, String, Option<EntryRow>);

impl Reasoner<'_> {
    /// The row of a right.
    pub(super) fn row(
        &self,
        right: AccessMask,
        outcome: Result<AccessMask, AccessError>,
        reasons: &Reasons,
    ) -> RightRow {
        let allowed = outcome.is_ok();
        let Words(decided_by, reason, entry) =
            if allowed { self.why_granted(right, reasons) } else { self.why_denied(right, outcome, reasons) };
        let known = rights::of_bit(right);
        let is_directory = self.question.target.is_directory();
        let purpose = known.map_or("", |known| if is_directory { known.of_folder } else { known.of_file });
        RightRow {
            right: known.map_or_else(|| format!("{:#x}", right.0), |known| known.name.to_owned()),
            short: known.map_or_else(|| format!("{:#x}", right.0), |known| known.short.to_owned()),
            purpose: purpose.to_owned(),
            mask: right.0,
            allowed,
            decided_by,
            reason,
            entry,
        }
    }

    fn why_granted(&self, right: AccessMask, reasons: &Reasons) -> Words {
        let found = reasons.granted(Place::Object, right).or_else(|| {
            reasons.granted(Place::Parent, right).filter(|reason| matches!(reason.cause, Cause::Given(_)))
        });
        match found.map(|reason| (&reason.cause, reason.place)) {
            Some((Cause::Entry(index, ace), _)) => {
                let row = self.entry(*index, ace);
                Words(ReasonKind::Entry, self.entry_words(&row), Some(row))
            }
            Some((Cause::Given(giver), _)) => self.given(*giver, right, reasons),
            // INVARIANT: what is granted was told; should it not have been, that is all that can be said.
            Some((Cause::Kept(_), _)) | None => Words(ReasonKind::NoEntry, "it is granted".to_owned(), None),
        }
    }

    fn given(&self, giver: Giver, right: AccessMask, reasons: &Reasons) -> Words {
        let subject = &self.question.subject;
        let (kind, words) = match giver {
            Giver::Owner => {
                let owner = self.question.descriptor.owner.unwrap_or(Sid::NULL);
                let chain = subject.chain(&owner).join(" > ");
                (ReasonKind::Owner, format!("the owner always has it ({chain})"))
            }
            Giver::NoDacl => (
                ReasonKind::NoDacl,
                "the file has no list of permissions: everybody may do everything".to_owned(),
            ),
            Giver::SecurityPrivilege => (ReasonKind::Privilege, "SeSecurityPrivilege gives it".to_owned()),
            Giver::TakeOwnershipPrivilege => (
                ReasonKind::Privilege,
                "SeTakeOwnershipPrivilege gives it, when a program asks for it".to_owned(),
            ),
            Giver::BackupPrivilege => {
                (ReasonKind::BackupIntent, "SeBackupPrivilege gives it to backup programs".to_owned())
            }
            Giver::RestorePrivilege => {
                (ReasonKind::BackupIntent, "SeRestorePrivilege gives it to backup programs".to_owned())
            }
            Giver::Parent => {
                let (from, name) = if right.intersects(AccessMask::DELETE) {
                    (AccessMask::FILE_DELETE_CHILD, "deleting what is in it (FILE_DELETE_CHILD)")
                } else {
                    (AccessMask::FILE_LIST_DIRECTORY, "listing it (FILE_LIST_DIRECTORY)")
                };
                let by = reasons.granted(Place::Parent, from).map(|reason| self.parent_words(reason));
                let by = by.map_or(String::new(), |by| format!(": {by}"));
                (ReasonKind::ParentFolder, format!("the folder that it is in allows {name}{by}"))
            }
            Giver::Creator => {
                let add = AccessMask::FILE_ADD_FILE;
                let by = reasons.granted(Place::Parent, add).map(|reason| self.parent_words(reason));
                let by = by.map_or(String::new(), |by| format!(": {by}"));
                (
                    ReasonKind::Creator,
                    format!("it is not there; who makes it has it, and the folder allows making files{by}"),
                )
            }
        };
        Words(kind, words, None)
    }

    /// What an entry of the folder says, in short.
    fn parent_words(&self, reason: &Reason) -> String {
        match &reason.cause {
            Cause::Entry(_, ace) => {
                format!("its entry {} for {}", ace.to_sddl(), self.question.subject.name_of(ace.sid()))
            }
            Cause::Given(Giver::Owner) => "its owner".to_owned(),
            _ => "it restricts nothing".to_owned(),
        }
    }

    fn why_denied(
        &self,
        right: AccessMask,
        outcome: Result<AccessMask, AccessError>,
        reasons: &Reasons,
    ) -> Words {
        if right.intersects(AccessMask::FILE_RESERVED) {
            return Words(ReasonKind::NotAFileRight, "files have no such right".to_owned(), None);
        }
        if let Some(share) = self.share
            && !right.intersects(AccessMask::ACCESS_SYSTEM_SECURITY)
            && !share.allows.intersects(right)
        {
            return self.denied_by_share(right, share);
        }
        if outcome == Err(AccessError::PrivilegeNotHeld) {
            let words = "only SeSecurityPrivilege gives it, which administrators have".to_owned();
            return Words(ReasonKind::PrivilegeNotHeld, words, None);
        }
        let (place, wanted) = match self.question.target.found {
            Some(_) => (Place::Object, right),
            None => (Place::Parent, AccessMask::FILE_ADD_FILE),
        };
        match reasons.denied(place, wanted).map(|reason| &reason.cause) {
            Some(Cause::Entry(index, ace)) => {
                let row = self.entry(*index, ace);
                Words(ReasonKind::Entry, self.entry_words(&row), Some(row))
            }
            Some(Cause::Kept(Keeper::ReadOnly)) => {
                let words = "the file has the attribute read-only".to_owned();
                Words(ReasonKind::ReadOnly, words, None)
            }
            Some(Cause::Kept(Keeper::Label(level))) => {
                let words = format!("its integrity label ({:#x}) is above the user's level", level.0);
                Words(ReasonKind::IntegrityLabel, words, None)
            }
            _ => self.no_entry(reasons),
        }
    }

    fn no_entry(&self, reasons: &Reasons) -> Words {
        let failed = reasons
            .conditions()
            .iter()
            .find(|condition| condition.ace.ace_type().allows() && condition.value != Truth::True);
        let mut words = match self.question.target.found {
            Some(_) => "no entry gives it to the user or to a group of the user's".to_owned(),
            None => "it is not there, and no entry of the folder lets the user make files".to_owned(),
        };
        if let Some(condition) = failed {
            words = format!(
                "{words}; the entry {} would, but its condition is {}",
                condition.ace.to_sddl(),
                condition.value
            );
        }
        Words(ReasonKind::NoEntry, words, None)
    }

    fn denied_by_share(&self, right: AccessMask, share: &ThroughShare) -> Words {
        let name = self.question.target.share.as_ref().map_or("", |share| share.name.as_str());
        let entry = share.reasons.denied(Place::Share, right).and_then(|reason| match &reason.cause {
            Cause::Entry(index, ace) => Some(self.share_entry(*index, ace)),
            _ => None,
        });
        let words = match &entry {
            Some(row) => {
                format!("the share {name} denies it: its entry {} for {}", row.sddl, chain_words(row))
            }
            None => format!("the share {name} does not let it through: no entry of the share gives it"),
        };
        Words(ReasonKind::Share, words, entry)
    }

    /// A row for an entry of the file.
    fn entry(&self, index: usize, ace: &Ace) -> EntryRow {
        let target = &self.question.target;
        let inherited = ace.flags().intersects(AceFlags::INHERITED);
        let what_if = target.is_assumed(ace);
        EntryRow {
            inherited,
            inherited_from: if inherited { target.inherited_from(ace) } else { None },
            what_if,
            ..self.share_entry(index, ace)
        }
    }

    /// A row for an entry of a share, which inherits nothing.
    fn share_entry(&self, index: usize, ace: &Ace) -> EntryRow {
        EntryRow {
            index,
            sddl: ace.to_sddl(),
            allows: ace.ace_type().allows(),
            account: self.question.subject.name_of(ace.sid()),
            sid: ace.sid().to_string(),
            chain: self.question.chain(ace.sid()),
            inherited: false,
            inherited_from: None,
            what_if: false,
        }
    }

    fn entry_words(&self, row: &EntryRow) -> String {
        let verb = if row.allows { "allows" } else { "denies" };
        let of = match self.question.target.found {
            Some(_) => String::new(),
            None => format!(" of the folder {}", self.question.target.described()),
        };
        let from = match (&row.inherited_from, row.inherited, row.what_if) {
            (_, _, true) => "assumed".to_owned(),
            (Some(folder), ..) => format!("inherited from {folder}"),
            (None, true, _) => "inherited, but no folder above has it any more".to_owned(),
            (None, false, _) => "set on it".to_owned(),
        };
        format!("entry {}{of} {verb} it to {} ({from}): {}", row.index, chain_words(row), row.sddl)
    }

    /// What the share says on the whole.
    pub(super) fn share_answer(&self) -> Option<ShareAnswer> {
        let share = self.question.target.share.as_ref()?;
        let through = self.share?;
        let mut entries = Vec::new();
        for bit in rights::RIGHTS.iter().map(|right| right.mask) {
            let granted = through.reasons.granted(Place::Share, bit);
            let decided = granted.or_else(|| through.reasons.denied(Place::Share, bit));
            if let Some(Reason { cause: Cause::Entry(index, ace), .. }) = decided {
                let row = self.share_entry(*index, ace);
                if !entries.contains(&row) {
                    entries.push(row);
                }
            }
        }
        Some(ShareAnswer {
            name: share.name.clone(),
            allowed: !through.allows.is_empty(),
            maximal_mask: through.allows.0,
            maximal: rights::names(through.allows),
            entries,
            encrypt: share.settings.encrypt,
            access_based_enumeration: share.settings.access_based_enumeration,
        })
    }

    /// The conditions that were evaluated.
    pub(super) fn conditions(&self, reasons: &Reasons) -> Vec<ConditionRow> {
        let subject = &self.question.subject;
        let row = |condition: &freehold_acl::ConditionReport| {
            let attributes = condition.attributes.iter().map(|(source, name, values)| {
                let prefix = match source {
                    AttributeSource::Local => "",
                    AttributeSource::User => "@User.",
                    AttributeSource::Resource => "@Resource.",
                    AttributeSource::Device => "@Device.",
                };
                LookupRow { operand: format!("{prefix}{name}"), value: values.clone() }
            });
            let memberships = condition.memberships.iter().map(|(sid, device, is_member)| {
                let operator = if *device { "Device_Member_of" } else { "Member_of" };
                let operand = format!("{operator} {}", subject.name_of(sid));
                LookupRow { operand, value: Some(is_member.to_string()) }
            });
            let denies = condition.ace.ace_type().denies();
            ConditionRow {
                index: condition.index,
                sddl: condition.ace.to_sddl(),
                value: condition.value.to_string(),
                applied: condition.value == Truth::True || (denies && condition.value == Truth::Unknown),
                operands: attributes.chain(memberships).collect(),
            }
        };
        reasons.conditions().iter().filter(|condition| condition.place != Place::Share).map(row).collect()
    }
}

/// `engineers (anna > developers > engineers)`.
fn chain_words(row: &EntryRow) -> String {
    if row.chain.len() > 1 {
        format!("{} ({})", row.account, row.chain.join(" > "))
    } else {
        row.account.clone()
    }
}

/// A group of the descriptor that has all of `wanted` by an entry without condition, for advice.
pub(super) fn group_with(descriptor: &SecurityDescriptor, wanted: AccessMask) -> Option<Sid> {
    let mapping = &freehold_acl::GenericMapping::FILE;
    descriptor
        .dacl
        .acl()?
        .aces()
        .iter()
        .find(|ace| {
            !ace.is_inherit_only()
                && ace.ace_type().allows()
                && !ace.ace_type().is_callback()
                && mapping.map_generic(ace.mask()).contains(wanted)
        })
        .map(|ace| *ace.sid())
}
