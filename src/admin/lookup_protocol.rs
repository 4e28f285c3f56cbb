//! Answers about who is who. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

/// Somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AccountRow {
    /// `CORP\\alice`, `BUILTIN\\Users`, `Everyone`.
    pub name: String,
    /// SID; not the one asked for where that is in the SID history.
    pub sid: String,
    /// `user`, `group`, `local group`, `domain`, `well-known`, `label`.
    pub r#type: String,
    /// `directory`, `server` or `well-known`: who says so.
    pub source: String,
    /// Full name, or name to be shown.
    pub full_name: String,
    /// User principal name.
    pub user_principal_name: String,
    /// Distinguished name in the directory.
    pub distinguished_name: String,
    /// It may log on; absent for what cannot.
    pub enabled: Option<bool>,
    /// SIDs that it had before.
    pub sid_history: Vec<String>,
    /// Something that could not be found out.
    pub remark: String,
}

/// A group that somebody is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MembershipRow {
    /// Name of the group; its SID where it has none.
    pub name: String,
    /// SID.
    pub sid: String,
    /// `group`, `local group`.
    pub r#type: String,
    /// `directory` or `server`: whose group it is.
    pub source: String,
}
