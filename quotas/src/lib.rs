//! Disk quotas: how much an owner may have on a volume, which limit applies to whom, and when to warn.
//!
//! Owns plain data and decisions; no files, clocks or threads. The volume keeps what is used and asks [`Policy`] what may be
//! ([MS-FSCC] 2.4.41 FileQuotaInformation, 2.5.2 FileFsControlInformation). All sizes are in bytes.
//!
//! Usage is charged to the *owner* of a file (the SID in its security descriptor): the logical bytes of its data and of its
//! named streams. Nothing is charged for names, descriptors and extended attributes.

mod classes;
mod intent;
mod watch;

use std::collections::HashMap;

pub use classes::{AgeBand, Classes, FileType};
pub use intent::{INTENT_FOLDERS, INTENT_PATH_BYTES, INTENT_WORDS, Intent, IntentKind};
pub use watch::{REARM_PERCENT, Watch};

use freehold_dtyp::Sid;
use serde::{Deserialize, Serialize};

/// What a volume does with quotas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Mode {
    /// Usage is not shown and nothing is limited.
    Off,
    /// Usage is kept and thresholds are recorded; nothing is refused.
    #[default]
    Track,
    /// What would exceed a limit is refused with DISK_FULL.
    Enforce,
}

/// A limit and the usage from which to warn; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Most bytes.
    pub limit_bytes: Option<u64>,
    /// Bytes above which a warning is due.
    pub warning_bytes: Option<u64>,
}

impl Limits {
    /// No limit and no warning.
    pub const NONE: Limits = Limits { limit_bytes: None, warning_bytes: None };

    /// Where `used_bytes` stands.
    #[must_use]
    pub fn status(&self, used_bytes: u64) -> Status {
        if self.limit_bytes.is_some_and(|limit| used_bytes > limit) {
            Status::OverLimit
        } else if self.warning_bytes.is_some_and(|warning| used_bytes > warning) {
            Status::OverWarning
        } else {
            Status::Ok
        }
    }
}

/// Where usage stands against its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Status {
    /// Below both.
    Ok,
    /// Above the warning, not above the limit.
    OverWarning,
    /// Above the limit.
    OverLimit,
}

/// Where limits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// The owner's own entry.
    Own,
    /// The rule of this group, the most generous of those that the owner is in.
    Group(Sid),
    /// The volume's default for users without an entry.
    Default,
    /// Nothing limits this owner: administrators of the server ([MS-FSCC] 2.4.41).
    Exempt,
}

/// How a volume treats quotas ([MS-FSCC] 2.5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Off, track, enforce.
    pub mode: Mode,
    /// For owners without an entry and without a group's rule.
    pub default: Limits,
    /// Crossing a warning is recorded (FILE_VC_LOG_QUOTA_THRESHOLD).
    pub record_warning: bool,
    /// Crossing a limit is recorded (FILE_VC_LOG_QUOTA_LIMIT).
    pub record_limit: bool,
}

/// Number of a folder quota in its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderQuotaId(pub u64);

/// A limit on all bytes below a folder, whoever owns them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderQuota {
    /// Its number.
    pub id: FolderQuotaId,
    /// The folder below the volume's root, `/` between components, in the spelling on disk.
    pub path: String,
    /// Most bytes; `None` only counts.
    pub limit_bytes: Option<u64>,
    /// What would exceed the limit is refused; else it is only told.
    pub hard: bool,
    /// Percentages of the limit (1 to 200) at which to tell somebody.
    pub thresholds_percent: Vec<u16>,
}

/// All limits of one volume at one time, immutable: a change swaps the whole. Groups are resolved already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Mode and default.
    pub settings: Settings,
    /// Owners with an entry of their own.
    pub own: HashMap<Sid, Limits>,
    /// Owners without one that rules of groups apply to.
    pub by_group: HashMap<Sid, (Limits, Sid)>,
    /// Owners that nothing limits.
    pub exempt: Vec<Sid>,
    /// Folder quotas.
    pub folders: Vec<FolderQuota>,
}

impl Policy {
    /// The limits of an owner and where they come from: the own entry, else the group's, else the default.
    #[must_use]
    pub fn limits_of(&self, owner: &Sid) -> (Limits, Source) {
        if self.exempt.contains(owner) {
            (Limits::NONE, Source::Exempt)
        } else if let Some(limits) = self.own.get(owner) {
            (*limits, Source::Own)
        } else if let Some((limits, group)) = self.by_group.get(owner) {
            (*limits, Source::Group(*group))
        } else {
            (self.settings.default, Source::Default)
        }
    }
}

/// What is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Logical bytes: what limits are compared with.
    pub logical_bytes: u64,
    /// Bytes allocated on disk as of when each file was looked at last; for people.
    pub physical_bytes: u64,
    /// Files and folders.
    pub files: u64,
}

/// One owner's row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRow {
    /// The owner.
    pub owner: Sid,
    /// What it uses.
    pub usage: Usage,
    /// What it may.
    pub limits: Limits,
    /// Where the limits come from.
    pub source: Source,
}

/// An administrator's change that came over SMB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Mode, default, what is recorded.
    Settings(Settings),
    /// An owner's own entry.
    Entry {
        /// The owner.
        owner: Sid,
        /// Its limits.
        limits: Limits,
    },
    /// Takes an owner's own entry away.
    Remove {
        /// The owner.
        owner: Sid,
    },
}

/// Usage has crossed a threshold upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Whose usage.
    pub subject: Subject,
    /// Which threshold.
    pub threshold: Threshold,
    /// Usage after it, in bytes.
    pub used_bytes: u64,
    /// The threshold, in bytes.
    pub threshold_bytes: u64,
}

/// Whom usage is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An owner on the volume.
    Owner(Sid),
    /// A folder quota.
    Folder(FolderQuotaId),
}

/// What was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// The warning of an owner.
    Warning,
    /// The limit, or an attempt to exceed it that was refused.
    Limit,
    /// A percentage of a folder's limit.
    Percent(u16),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_entry_beats_a_group_and_a_group_the_default() {
        let (anna, bert, carl) = (Sid::EVERYONE, Sid::SYSTEM, Sid::ANONYMOUS);
        let limits = |bytes| Limits { limit_bytes: Some(bytes), warning_bytes: None };
        let mut policy = Policy::default();
        policy.settings.default = limits(1);
        policy.own.insert(anna, limits(3));
        policy.by_group.insert(anna, (limits(9), carl));
        policy.by_group.insert(bert, (limits(2), carl));
        assert_eq!(policy.limits_of(&anna), (limits(3), Source::Own));
        assert_eq!(policy.limits_of(&bert), (limits(2), Source::Group(carl)));
        assert_eq!(policy.limits_of(&carl), (limits(1), Source::Default));
    }

    #[test]
    fn the_limit_itself_is_not_over_it() {
        let limits = Limits { limit_bytes: Some(10), warning_bytes: Some(8) };
        assert_eq!(limits.status(8), Status::Ok);
        assert_eq!(limits.status(9), Status::OverWarning);
        assert_eq!(limits.status(10), Status::OverWarning);
        assert_eq!(limits.status(11), Status::OverLimit);
        assert_eq!(Limits::NONE.status(u64::MAX), Status::Ok);
    }
}
