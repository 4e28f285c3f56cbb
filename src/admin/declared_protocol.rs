//! The state that an administrator declares in a file, and what applying it answers. Names of fields are for scripts and for
//! files: they never change.

use serde::{Deserialize, Serialize};

use super::declared_namespaces::DeclaredNamespace;
use super::protocol::{CachingMode, FolderEnumerationMode, ShareRight};
use super::quota_protocol::QuotaState;
use super::quota_size::QuotaSize;
use crate::config::AuditOption;

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum DeclaredRequest {
    /// Makes the state as declared. Everything is checked before anything is changed.
    Apply {
        /// The state.
        declaration: Box<Declaration>,
        /// Only says what would be changed.
        #[serde(default)]
        what_if: bool,
        /// What is there and not declared is removed, in the sections that the declaration has.
        #[serde(default)]
        prune: bool,
    },
    /// The present state as a declaration.
    Export,
}

/// What applying and exporting answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DeclaredReply {
    /// What was or would be changed, in order; empty when the state is as declared.
    Changes(Vec<ChangeRow>),
    /// The present state.
    Exported(Box<Declaration>),
}

/// State as declared. A section that is missing is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Declaration {
    /// What holds for the whole server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<DeclaredServer>,
    /// Local groups and their members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<DeclaredGroup>>,
    /// Shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<DeclaredShare>>,
    /// DFS namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dfs_namespaces: Option<Vec<DeclaredNamespace>>,
    /// Templates of folder quotas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_templates: Option<Vec<DeclaredTemplate>>,
    /// Quotas of volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Vec<DeclaredQuotas>>,
}

/// What holds for the whole server; what is not given has the value of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredServer {
    /// New sessions are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt_data: Option<bool>,
    /// Clear requests to what is encrypted fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_unencrypted_access: Option<bool>,
}

/// A local group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredGroup {
    /// Its name; made when it is not there.
    pub name: String,
    /// Comment of a group that is made.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// All its direct members.
    #[serde(default)]
    pub members: Vec<DeclaredAccount>,
}

/// A share. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredShare {
    /// Its name.
    pub name: String,
    /// The volume.
    pub volume: String,
    /// Folder within the volume; made when it is not there.
    #[serde(default)]
    pub path: String,
    /// Comment shown in listings.
    #[serde(default)]
    pub description: String,
    /// Only encrypted requests are answered.
    #[serde(default)]
    pub encrypt_data: bool,
    /// Are entries that a user cannot read left out?
    #[serde(default)]
    pub folder_enumeration_mode: FolderEnumerationMode,
    /// Offline use.
    #[serde(default)]
    pub caching_mode: CachingMode,
    /// Handles survive a restart of the server.
    #[serde(default)]
    pub continuously_available: bool,
    /// How long they wait for their client, in seconds, where the client does not say; 0 for the server's default.
    #[serde(default, rename = "CATimeout")]
    pub ca_timeout: u32,
    /// Most users at a time; 0 for no limit.
    #[serde(default)]
    pub concurrent_user_limit: u32,
    /// Accesses that are recorded.
    #[serde(default)]
    pub audit: AuditOption,
    /// Who may connect with full access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub full_access: Vec<DeclaredAccount>,
    /// Who may read, write and delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change_access: Vec<DeclaredAccount>,
    /// Who may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_access: Vec<DeclaredAccount>,
    /// Who may not connect, whatever else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_access: Vec<DeclaredAccount>,
    /// Who may connect, as SDDL, in place of the four lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_descriptor: Option<String>,
}

impl DeclaredShare {
    /// The accounts that have `right`.
    #[must_use]
    pub fn allowed(&self, right: ShareRight) -> &[DeclaredAccount] {
        match right {
            ShareRight::Full => &self.full_access,
            ShareRight::Change => &self.change_access,
            ShareRight::Read => &self.read_access,
        }
    }
}

/// An account: its name, or its name and SID. The SID decides where both are given; a name that is another account's now is
/// refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "expected an account: its name, or its name and SID as { Account, Sid }")]
pub enum DeclaredAccount {
    /// Name or SID, in any spelling.
    Name(String),
    /// Both.
    Both(NameAndSid),
}

/// A name with the SID beside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NameAndSid {
    /// Name, for people.
    pub account: String,
    /// SID.
    pub sid: String,
}

/// A template of folder quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredTemplate {
    /// Its name.
    pub name: String,
    /// Most bytes; missing where it only counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<QuotaSize>,
    /// What would exceed it is told, not refused.
    #[serde(default)]
    pub soft_limit: bool,
    /// Percentages of the size at which somebody is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threshold: Vec<u16>,
    /// Description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// The quotas of a volume. What is not given is as on a volume that nobody has set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredQuotas {
    /// The volume.
    pub volume: String,
    /// Off, track, enforce.
    #[serde(default = "track")]
    pub state: QuotaState,
    /// Limit of accounts without one of their own and without a group's; missing for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_limit: Option<QuotaSize>,
    /// From where on they are warned; missing for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_warning_limit: Option<QuotaSize>,
    /// Crossing a warning is recorded and told.
    #[serde(default = "yes")]
    pub record_warning: bool,
    /// Crossing a limit is recorded and told.
    #[serde(default = "yes")]
    pub record_limit: bool,
    /// Accounts with limits of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<DeclaredLimits>,
    /// Rules of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<DeclaredLimits>,
    /// Folders with a quota.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<DeclaredFolderQuota>,
    /// Folders whose subfolders get a quota each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_quotas: Vec<DeclaredAutoQuota>,
}

const fn track() -> QuotaState {
    QuotaState::Track
}

const fn yes() -> bool {
    true
}

/// The limits of an account, or of a group's members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredLimits {
    /// Name or SID, in any spelling.
    pub account: String,
    /// SID, which decides where it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Most bytes; missing for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<QuotaSize>,
    /// Bytes above which a warning is due; missing for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_limit: Option<QuotaSize>,
}

/// A folder's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredFolderQuota {
    /// The folder within the volume; made when it is not there.
    pub path: String,
    /// Most bytes; missing where it only counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<QuotaSize>,
    /// What would exceed it is told, not refused.
    #[serde(default)]
    pub soft_limit: bool,
    /// Percentages of the size at which somebody is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threshold: Vec<u16>,
    /// Description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// It counts only.
    #[serde(default)]
    pub disabled: bool,
    /// The template that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The folder with the auto quota that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto: Option<String>,
}

/// A folder whose subfolders get a quota each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredAutoQuota {
    /// The folder within the volume; made when it is not there.
    pub path: String,
    /// The template.
    pub template: String,
    /// New subfolders get none for the time being.
    #[serde(default)]
    pub disabled: bool,
}

/// A change that was made, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeRow {
    /// What is done.
    pub action: ChangeAction,
    /// Kind of the thing: `Server`, `Group`, `GroupMember`, `Share`, ...
    pub kind: String,
    /// The thing.
    pub name: String,
    /// What of it, from which value to which.
    pub detail: String,
    /// It was done; false for what is only said, and for removals without `Prune`.
    pub done: bool,
}

/// What is done to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum ChangeAction {
    /// It is new.
    Add,
    /// It differs.
    Change,
    /// It is not declared.
    Remove,
}
