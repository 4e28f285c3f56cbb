//! Quotas as an administrator sets them, as plain data. A pure part: no database, no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::{FolderQuotaId, Limits, Settings};

use super::accounts::fold_name;

/// What a folder quota and a template have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderLimit {
    /// Most bytes; `None` only counts.
    pub limit_bytes: Option<u64>,
    /// What would exceed the limit is refused; else it is only told.
    pub hard: bool,
    /// Percentages of the limit (1 to 250) at which somebody is told, ascending.
    pub thresholds_percent: Vec<u16>,
    /// For people.
    pub description: String,
}

/// A folder's quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderEntry {
    /// The limit.
    pub limit: FolderLimit,
    /// It counts only.
    pub disabled: bool,
    /// Name of the template that it came from.
    pub template: Option<String>,
    /// It was made for a subfolder of this folder, which has an auto quota.
    pub auto: Option<String>,
}

/// A folder whose subfolders get a quota each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoQuota {
    /// Name of the template.
    pub template: String,
    /// New subfolders get none for the time being.
    pub disabled: bool,
}

/// A template of folder quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaTemplate {
    /// Name in the case it was made with; compared without case.
    pub name: String,
    /// The limit.
    pub limit: FolderLimit,
}

/// Who is told of thresholds that are crossed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Notification {
    /// URL that a JSON document is posted to.
    pub webhook: Option<String>,
    /// Bearer token that goes with it.
    pub webhook_secret: Option<zeroize::Zeroizing<String>>,
    /// Program and arguments.
    pub command: Vec<String>,
}

impl std::fmt::Debug for Notification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL's path may be as good as a password.
        f.debug_struct("Notification")
            .field("webhook", &self.webhook.is_some())
            .field("webhook_secret", &self.webhook_secret.is_some())
            .field("command", &self.command.first())
            .finish()
    }
}

/// Who is in a group, directly or through groups, when it was looked up last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// The members, sorted.
    pub members: Vec<Sid>,
    /// When they were looked up.
    pub as_of: FileTime,
}

/// All quotas of one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeQuotas {
    /// Mode, default, what is recorded.
    pub settings: Settings,
    /// Owners with limits of their own.
    pub own: HashMap<Sid, Limits>,
    /// Rules of groups.
    pub groups: BTreeMap<Sid, Limits>,
    /// Folder quotas by path below the volume's root.
    pub folders: BTreeMap<String, (FolderQuotaId, FolderEntry)>,
    /// Auto quotas by path below the volume's root.
    pub autos: BTreeMap<String, AutoQuota>,
}

/// What a volume does that nobody has set up: usage is kept, and what is set later is told.
pub const DEFAULT_SETTINGS: Settings = Settings {
    mode: freehold_quotas::Mode::Track,
    default: Limits::NONE,
    record_warning: true,
    record_limit: true,
};

impl Default for VolumeQuotas {
    fn default() -> Self {
        VolumeQuotas {
            settings: DEFAULT_SETTINGS,
            own: HashMap::new(),
            groups: BTreeMap::new(),
            folders: BTreeMap::new(),
            autos: BTreeMap::new(),
        }
    }
}

/// All quotas at one time.
#[derive(Clone, Debug, Default)]
pub struct QuotasSnapshot {
    pub(super) volumes: BTreeMap<String, Arc<VolumeQuotas>>,
    /// By folded name.
    pub(super) templates: BTreeMap<String, Arc<QuotaTemplate>>,
    pub(super) members: HashMap<Sid, Arc<GroupMembers>>,
    pub(super) notification: Arc<Notification>,
}

impl QuotasSnapshot {
    /// The quotas of a volume; the defaults where nobody has set any up.
    #[must_use]
    pub fn volume(&self, name: &str) -> Arc<VolumeQuotas> {
        self.volumes.get(name).cloned().unwrap_or_default()
    }

    /// The volumes that have any, by name.
    pub fn volumes(&self) -> impl Iterator<Item = (&str, &Arc<VolumeQuotas>)> {
        self.volumes.iter().map(|(name, quotas)| (name.as_str(), quotas))
    }

    /// Templates in the order of their names.
    pub fn templates(&self) -> impl Iterator<Item = &Arc<QuotaTemplate>> {
        self.templates.values()
    }

    /// The template called `name`, in any case.
    #[must_use]
    pub fn template(&self, name: &str) -> Option<&Arc<QuotaTemplate>> {
        self.templates.get(&fold_name(name))
    }

    /// Who is in a group; `None` when it was not looked up yet.
    #[must_use]
    pub fn members(&self, group: &Sid) -> Option<&Arc<GroupMembers>> {
        self.members.get(group)
    }

    /// Who is told of thresholds that are crossed.
    #[must_use]
    pub fn notification(&self) -> &Arc<Notification> {
        &self.notification
    }

    /// Groups that a rule of any volume names.
    pub fn ruled_groups(&self) -> impl Iterator<Item = &Sid> {
        self.volumes.values().flat_map(|quotas| quotas.groups.keys())
    }
}

/// One change of quotas. Each puts something in place of what was there; a missing value takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaEdit {
    /// Mode, default, what is recorded.
    Settings {
        /// The volume.
        volume: String,
        /// In place of what was.
        settings: Settings,
    },
    /// An owner's own limits.
    Entry {
        /// The volume.
        volume: String,
        /// The owner.
        owner: Sid,
        /// Its limits.
        limits: Option<Limits>,
    },
    /// A group's rule.
    Group {
        /// The volume.
        volume: String,
        /// The group.
        group: Sid,
        /// Its members' limits.
        limits: Option<Limits>,
    },
    /// A folder's quota; one that was there keeps its number.
    Folder {
        /// The volume.
        volume: String,
        /// The folder below the volume's root, in the spelling on disk.
        path: String,
        /// The quota.
        entry: Option<FolderEntry>,
    },
    /// Folders were renamed: quotas of `from` and of what is below go along.
    MoveFolders {
        /// The volume.
        volume: String,
        /// Old path.
        from: String,
        /// New path.
        to: String,
    },
    /// A folder's auto quota.
    Auto {
        /// The volume.
        volume: String,
        /// The folder below the volume's root, in the spelling on disk.
        path: String,
        /// The auto quota.
        auto: Option<AutoQuota>,
    },
    /// A template.
    Template {
        /// Its name.
        name: String,
        /// Its settings.
        limit: Option<FolderLimit>,
    },
    /// Who is told.
    Notification(Notification),
    /// Who is in a group.
    Members {
        /// The group.
        group: Sid,
        /// The members.
        members: Option<GroupMembers>,
    },
}

/// Whose usage a sample is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleSubject {
    /// The volume's space in use.
    Volume,
    /// An owner's files.
    Owner(Sid),
    /// What is below a folder quota.
    Folder(FolderQuotaId),
}

/// Usage at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Hours since 1970.
    pub hour: i64,
    /// Bytes.
    pub used_bytes: u64,
}
