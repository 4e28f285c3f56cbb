//! Requests and rows about who is connected and what is open. The rows have the property names of Windows' MSFT_SmbSession
//! and MSFT_SmbOpenFile. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

/// Which sessions: those that everything given fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct SessionFilter {
    /// SessionId.
    pub session_id: Option<u64>,
    /// Address of the client.
    pub client_computer_name: Option<String>,
    /// The user, with or without domain; compared without case.
    pub client_user_name: Option<String>,
}

/// What can be asked about sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum SessionRequest {
    /// Lists them.
    List {
        /// Which.
        filter: SessionFilter,
    },
    /// Ends them, with everything that they have open: nothing survives, as with Windows' Close-SmbSession. Refused without a
    /// filter, and where none fits.
    Close {
        /// Which.
        filter: SessionFilter,
        /// Only says which.
        #[serde(default)]
        what_if: bool,
    },
}

/// Which open files: those that everything given fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct OpenFileFilter {
    /// FileId.
    pub file_id: Option<u64>,
    /// The session that has it open.
    pub session_id: Option<u64>,
    /// Address of the client.
    pub client_computer_name: Option<String>,
    /// The user, with or without domain; compared without case.
    pub client_user_name: Option<String>,
    /// The share; compared without case.
    pub share_name: Option<String>,
    /// This file, or what is below this folder: `Path` of the rows, or the path on the server's disk.
    pub path: Option<String>,
}

/// What can be asked about open files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum OpenFileRequest {
    /// Lists them.
    List {
        /// Which.
        filter: OpenFileFilter,
    },
    /// Closes them, with their locks and leases; their clients get FILE_CLOSED. Refused without a filter, and where none fits.
    Close {
        /// Which.
        filter: OpenFileFilter,
        /// Only says which.
        #[serde(default)]
        what_if: bool,
    },
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SessionRow {
    /// Names it.
    pub session_id: u64,
    /// Address of the client that made it.
    pub client_computer_name: String,
    /// `DOMAIN\name`; empty for an anonymous one.
    pub client_user_name: String,
    /// SID of the user.
    pub client_user_sid: String,
    /// Open files and pipes.
    pub num_opens: u64,
    /// Seconds since it was made.
    pub seconds_exists: u64,
    /// Seconds since its last request.
    pub seconds_idle: u64,
    /// The dialect: `2.0.2` to `3.1.1`.
    pub dialect: String,
    /// Every message must be sealed.
    pub encrypted: bool,
    /// Every message must be signed or sealed.
    pub signed: bool,
    /// Connections that it uses.
    pub num_channels: u64,
}

/// An open file, folder or pipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct OpenFileRow {
    /// Names it.
    pub file_id: u64,
    /// The session.
    pub session_id: u64,
    /// The path on this server's disk; `\PIPE\name` for a pipe.
    pub path: String,
    /// The path below the share, with backslashes; empty for the share's own folder. A stream is named after a colon.
    pub share_relative_path: String,
    /// The share it was opened through.
    pub share_name: String,
    /// Address of the client.
    pub client_computer_name: String,
    /// `DOMAIN\name`; empty for an anonymous one.
    pub client_user_name: String,
    /// The access that was granted, as an access mask.
    pub permissions: u32,
    /// Byte-range locks.
    pub locks: u32,
    /// It is persistent: it survives a restart of the server.
    pub continuously_available: bool,
    /// Its messages must be sealed.
    pub encrypted: bool,
    /// Its messages must be signed or sealed.
    pub signed: bool,
}
