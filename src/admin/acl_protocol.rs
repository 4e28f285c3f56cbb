//! Requests and answers about access-control lists. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

/// What can be asked of access-control lists. `path` is `share:/folder/file`, `\\server\share\folder\file`, or the path on
/// this machine of something within a volume. `as_user` is an account, by name or SID: whose folder is meant where a share leads
/// to another one for each who connects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum AclRequest {
    /// Reads the object's list and, with `recurse`, those of everything below. Answered in parts.
    Read {
        /// Where.
        path: String,
        /// Whose folder.
        #[serde(default)]
        as_user: Option<String>,
        /// Everything below, too.
        recurse: bool,
    },
    /// Changes the object's list, and what inherits from it.
    Change {
        /// Where.
        path: String,
        /// Whose folder.
        #[serde(default)]
        as_user: Option<String>,
        /// What.
        change: AclChange,
        /// The same for everything below.
        recurse: bool,
        /// Goes on below when an object cannot be changed.
        continue_on_error: bool,
        /// Tells what would become of the object, and does nothing.
        what_if: bool,
    },
    /// Puts saved lists back, exactly as they are given; nothing is handed down.
    Restore {
        /// The folder that the names are relative to.
        path: String,
        /// Whose folder.
        #[serde(default)]
        as_user: Option<String>,
        /// What was saved.
        entries: Vec<RestoreEntry>,
        /// Accounts, by name or SID, and those that take their place in what is put back.
        #[serde(default)]
        substitutes: Vec<(String, String)>,
        /// Goes on when an object cannot be changed.
        continue_on_error: bool,
        /// Tells what could be restored, and does nothing.
        what_if: bool,
    },
    /// Lists the jobs that hand changes down.
    Jobs,
}

/// A change in the words of `icacls`; accounts by name, or as `*` and their SID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "Do", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum AclChange {
    /// `/grant`, with `replace` `/grant:r`.
    Grant {
        /// `ACCOUNT:(OI)(CI)RIGHTS`.
        entries: Vec<String>,
        /// In place of what the accounts were granted.
        replace: bool,
    },
    /// `/deny`.
    Deny {
        /// `ACCOUNT:(OI)(CI)RIGHTS`.
        entries: Vec<String>,
    },
    /// `/remove`, `/remove:g`, `/remove:d`.
    Revoke {
        /// The accounts.
        accounts: Vec<String>,
        /// Entries that grant.
        granted: bool,
        /// Entries that deny.
        denied: bool,
    },
    /// `/inheritance:e`, `:d`, `:r`.
    Inherit {
        /// Which.
        mode: InheritMode,
    },
    /// `/reset`.
    Reset,
    /// Parts in SDDL, owner and group by name, `/setintegritylevel`.
    Set {
        /// O:, G:, D: and S: as far as they are to change.
        sddl: Option<String>,
        /// Account or group.
        owner: Option<String>,
        /// Account or group.
        group: Option<String>,
        /// `(OI)(CI)H`.
        integrity: Option<String>,
    },
}

/// What becomes of inheritance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub enum InheritMode {
    /// Inherit what the folder gives
    #[value(alias = "e", alias = "on")]
    Enable,
    /// Inherit no more; keep what was inherited as own entries
    #[value(alias = "d", alias = "off")]
    Disable,
    /// Inherit no more; remove what was inherited
    #[value(alias = "r")]
    Remove,
}

/// A saved list that is put back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RestoreEntry {
    /// Path below the folder, parts separated by `/` or `\`.
    pub path: String,
    /// The parts to put back, in SDDL. Short names of a domain's accounts mean those of this server's domain.
    pub sddl: String,
}

/// An object and its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AclRow {
    /// Path below what was asked for, parts separated by `/`; empty for itself.
    pub path: String,
    /// `Directory` or `File`.
    pub r#type: String,
    /// Owner's name.
    pub owner: String,
    /// Primary group's name.
    pub group: String,
    /// The DACL takes nothing over from above.
    pub protected: bool,
    /// Entries of DACL and integrity label as `icacls` prints them.
    pub access: Vec<String>,
    /// Everything, in SDDL.
    pub sddl: String,
    /// Why it cannot be read; then the rest is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// What a change did.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AclChanged {
    /// The object as it is now, or would be.
    pub row: AclRow,
    /// Something differs from before.
    pub changed: bool,
    /// The job that changes what is below.
    pub job: Option<i64>,
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AclRestored {
    /// Objects that have what was saved.
    pub processed: u64,
    /// Those that had it not before.
    pub changed: u64,
    /// Those that could not be changed: path and reason.
    pub failed: Vec<(String, String)>,
}

/// A job that hands a change down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AclJobRow {
    /// Its number.
    pub id: i64,
    /// `preparing`, `queued`, `running`, `done` or `failed`.
    pub status: String,
    /// Volume.
    pub volume: String,
    /// Folder within the volume.
    pub path: String,
    /// Objects looked at.
    pub visited: u64,
    /// Objects changed.
    pub changed: u64,
    /// Objects that could not be changed.
    pub failed: u64,
    /// What it looks at now.
    pub current: String,
    /// The first failures, with reasons.
    pub errors: Vec<String>,
    /// When it was asked for (ISO 8601, UTC).
    pub created: String,
    /// When it was begun (ISO 8601, UTC).
    pub started: String,
    /// When it ended (ISO 8601, UTC).
    pub ended: String,
    /// Seconds from its beginning to its end, or to now.
    pub seconds: f64,
}

/// Answers to an [`AclRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum AclReply {
    /// Of Read; more follow when `more`.
    Rows {
        /// Objects.
        rows: Vec<AclRow>,
        /// It is not the last part.
        more: bool,
    },
    /// Of Change.
    Changed(Box<AclChanged>),
    /// Of Restore.
    Restored(AclRestored),
    /// Of Jobs.
    Jobs(Vec<AclJobRow>),
}
