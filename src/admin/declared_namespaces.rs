//! DFS namespaces as a file declares them. Names of fields are for scripts and for files: they never change. Properties are called as
//! the parameters of Windows' `New-DfsnRoot`, `New-DfsnFolder` and `New-DfsnFolderTarget` are.

use serde::{Deserialize, Serialize};

use super::dfs_protocol::{DfsPriorityClass, DfsState};

/// Who knows of a declared namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum DeclaredNamespaceType {
    /// This server alone. Those of a domain are kept in its directory, and are not declared.
    #[default]
    Standalone,
}

/// A DFS namespace. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredNamespace {
    /// Its name, which is its share's: the share is there, or declared too.
    pub name: String,
    /// Who knows of it.
    #[serde(default)]
    pub r#type: DeclaredNamespaceType,
    /// Comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Is it given to clients?
    #[serde(default)]
    pub state: DfsState,
    /// How long clients keep a referral to the root, in seconds.
    #[serde(default = "root_ttl")]
    pub time_to_live_sec: u32,
    /// Clients get targets of their own site only.
    #[serde(default)]
    pub enable_insite_referrals: bool,
    /// Targets outside of the client's site come in the order of their cost.
    #[serde(default)]
    pub enable_site_costing: bool,
    /// Root servers need not ask the domain's first controller for changes.
    #[serde(default)]
    pub enable_root_scalability: bool,
    /// Users see the folders only that they may read.
    #[serde(default)]
    pub enable_access_based_enumeration: bool,
    /// Clients go back to a better target that is there again.
    #[serde(default)]
    pub enable_target_failback: bool,
    /// All its folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<DeclaredNamespaceFolder>,
}

/// A folder of a namespace. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredNamespaceFolder {
    /// Path below the root, with `\` or `/`.
    pub path: String,
    /// Comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Is it given to clients?
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: DfsState,
    /// How long clients keep a referral to it, in seconds.
    #[serde(default = "folder_ttl", skip_serializing_if = "is_folder_ttl")]
    pub time_to_live_sec: u32,
    /// Clients get targets of their own site only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enable_insite_referrals: bool,
    /// Clients go back to a better target that is there again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enable_target_failback: bool,
    /// The only target is a namespace of another server, where clients ask again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interlink: bool,
    /// Who sees the folder where the namespace lists by access, as SDDL; missing for what its parent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_descriptor: Option<String>,
    /// Where it leads: at least one.
    pub targets: Vec<DeclaredNamespaceTarget>,
}

/// A target of a folder. What is not given has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeclaredNamespaceTarget {
    /// `\\server\share`, or a folder below.
    pub target_path: String,
    /// Is it given to clients?
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: DfsState,
    /// When it is taken among others.
    #[serde(default, skip_serializing_if = "is_default")]
    pub referral_priority_class: DfsPriorityClass,
    /// Among those of one class, lower ones come first: 0 to 31.
    #[serde(default, skip_serializing_if = "is_default")]
    pub referral_priority_rank: u8,
}

const fn root_ttl() -> u32 {
    freehold_dfs::DEFAULT_ROOT_TTL_SECONDS
}

const fn folder_ttl() -> u32 {
    freehold_dfs::DEFAULT_FOLDER_TTL_SECONDS
}

/// Fifty thousand folders are read more easily without what nobody has set.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_folder_ttl(seconds: &u32) -> bool {
    *seconds == folder_ttl()
}
