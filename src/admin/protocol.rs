//! Requests, replies and the rows of listings. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::acl_protocol::{AclReply, AclRequest};
use super::audit_protocol::{AuditReply, AuditRequest};
use super::declared_protocol::{DeclaredReply, DeclaredRequest};
use super::dfs_protocol::{DfsReply, DfsRequest};
use super::domain_protocol::{DomainReply, DomainRequest};
use super::explain::{ExplainRequest, Explanation};
use super::lookup_protocol::{AccountRow, MembershipRow};
use super::metrics_protocol::{MetricsReply, MetricsRequest};
use super::open_protocol::{OpenFileRequest, OpenFileRow, SessionRequest, SessionRow};
use super::quota_protocol::{QuotaReply, QuotaRequest};
use super::token_protocol::{TokenReply, TokenRequest};
use crate::config::AuditOption;
pub use crate::state::CachingMode;

/// A password on its way to the server: prints nothing, is wiped when dropped.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct Password(String);

impl Password {
    /// Wraps `text`.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Password(text)
    }

    /// The password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// What an administrator can ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Op", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum Request {
    /// Who the server is.
    Status,
    /// Makes an account.
    UserAdd {
        /// Its name.
        name: String,
        /// Its password.
        password: Password,
        /// Full name.
        full_name: String,
        /// Comment.
        comment: String,
        /// It starts disabled.
        disabled: bool,
        /// Groups besides BUILTIN\Users.
        groups: Vec<String>,
    },
    /// Changes an account; what is not given stays.
    UserSet {
        /// The account.
        name: String,
        /// New password.
        password: Option<Password>,
        /// Disable or enable.
        disabled: Option<bool>,
        /// New full name.
        full_name: Option<String>,
        /// New comment.
        comment: Option<String>,
    },
    /// Removes an account.
    UserRemove {
        /// The account.
        name: String,
    },
    /// Lists accounts.
    UserList,
    /// Who has a name or a SID.
    Lookup {
        /// Name or SID, in any spelling.
        account: String,
    },
    /// The groups that an account is in, of the domain and of this server.
    LookupGroups {
        /// Name or SID, in any spelling.
        account: String,
    },
    /// Makes a group.
    GroupAdd {
        /// Its name.
        name: String,
        /// Comment.
        comment: String,
    },
    /// Changes a group; what is not given stays.
    GroupSet {
        /// The group.
        name: String,
        /// New comment.
        comment: Option<String>,
    },
    /// Removes a group.
    GroupRemove {
        /// The group.
        name: String,
    },
    /// Lists groups.
    GroupList,
    /// Puts members into a group.
    GroupAddMember {
        /// The group.
        name: String,
        /// Account, group or SID, of this server or of the domain.
        member: String,
    },
    /// Takes members out of a group.
    GroupRemoveMember {
        /// The group.
        name: String,
        /// Account, group or SID.
        member: String,
    },
    /// Makes a share.
    ShareAdd {
        /// Its name.
        name: String,
        /// The volume.
        volume: String,
        /// The other settings; what is not given takes its default.
        settings: ShareOptions,
    },
    /// Changes a share; what is not given stays.
    ShareSet {
        /// The share.
        name: String,
        /// Another volume.
        volume: Option<String>,
        /// The other settings.
        settings: ShareOptions,
    },
    /// Removes a share. The files stay.
    ShareRemove {
        /// The share.
        name: String,
    },
    /// Lists shares.
    ShareList,
    /// Lists who may connect to a share, or to all.
    ShareAccess {
        /// The share.
        name: Option<String>,
    },
    /// Allows an account or group a right to a share, in place of what it was allowed. What is kept from it stays.
    ShareGrant {
        /// The share.
        name: String,
        /// Account, group, SID, or a well-known name such as Everyone.
        account: String,
        /// The right.
        right: ShareRight,
    },
    /// Takes every right that an account or group was allowed. What is kept from it stays.
    ShareRevoke {
        /// The share.
        name: String,
        /// As in `ShareGrant`.
        account: String,
    },
    /// Keeps a share from an account or group, whatever it and its groups are allowed.
    ShareBlock {
        /// The share.
        name: String,
        /// As in `ShareGrant`.
        account: String,
    },
    /// Takes back what kept a share from an account or group.
    ShareUnblock {
        /// The share.
        name: String,
        /// As in `ShareGrant`.
        account: String,
    },
    /// What holds for the whole server.
    ServerConfiguration,
    /// Changes what holds for the whole server; what is not given stays. New sessions and connections go by it.
    ServerSet {
        /// The settings.
        settings: ServerOptions,
    },
    /// Takes back what was set: the values of the configuration file hold again.
    ServerReset,
    /// Something about sessions.
    Session {
        /// What.
        request: SessionRequest,
    },
    /// Something about open files.
    OpenFile {
        /// What.
        request: OpenFileRequest,
    },
    /// Something about the state as a file declares it.
    Declared {
        /// What.
        request: DeclaredRequest,
    },
    /// Asks whether a user may do something with a file, and why.
    Explain(ExplainRequest),
    /// Something about access-control lists of files.
    Acl {
        /// What.
        request: AclRequest,
    },
    /// Something about the audit log.
    Audit {
        /// What.
        request: AuditRequest,
    },
    /// What the server does.
    Metrics {
        /// What.
        request: MetricsRequest,
    },
    /// Something about the domain or this server's further names.
    Domain {
        /// What.
        request: DomainRequest,
    },
    /// Something about quotas.
    Quota {
        /// What.
        request: QuotaRequest,
    },
    /// Something about DFS namespaces.
    Dfs {
        /// What.
        request: DfsRequest,
    },
    /// Something about the tokens of the HTTPS door.
    Token {
        /// What.
        request: TokenRequest,
    },
}

/// Settings of a share that can be given or left out, as Windows' New-SmbShare and Set-SmbShare name them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct ShareOptions {
    /// Folder within the volume.
    pub path: Option<String>,
    /// Comment shown in listings.
    pub description: Option<String>,
    /// Who may connect, as SDDL.
    pub security_descriptor: Option<String>,
    /// Who may connect with full access; with any of the four lists, nobody else may. Not together with
    /// `SecurityDescriptor`.
    pub full_access: Option<Vec<String>>,
    /// Who may read, write and delete.
    pub change_access: Option<Vec<String>>,
    /// Who may read.
    pub read_access: Option<Vec<String>>,
    /// Who may not connect, whatever else is said.
    pub no_access: Option<Vec<String>>,
    /// Only encrypted requests.
    pub encrypt_data: Option<bool>,
    /// Are entries that a user cannot read left out?
    pub folder_enumeration_mode: Option<FolderEnumerationMode>,
    /// Offline use.
    pub caching_mode: Option<CachingMode>,
    /// Handles survive a restart of the server.
    pub continuously_available: Option<bool>,
    /// How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.
    #[serde(rename = "CATimeout")]
    pub ca_timeout: Option<u32>,
    /// Most users at a time; 0 for no limit.
    pub concurrent_user_limit: Option<u32>,
    /// Accesses that are recorded.
    pub audit: Option<AuditOption>,
}

/// What listings of a share's folders show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum FolderEnumerationMode {
    /// What the user can read.
    AccessBased,
    /// Everything.
    #[default]
    Unrestricted,
}

impl FolderEnumerationMode {
    /// Whether entries that a user cannot read are left out.
    #[must_use]
    pub const fn of(access_based: bool) -> Self {
        if access_based { FolderEnumerationMode::AccessBased } else { FolderEnumerationMode::Unrestricted }
    }

    /// Are entries that a user cannot read left out?
    #[must_use]
    pub const fn is_access_based(self) -> bool {
        matches!(self, FolderEnumerationMode::AccessBased)
    }
}

/// The rights that Windows shows for shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub enum ShareRight {
    /// Everything, changing access rights of files included.
    Full,
    /// Read, write, delete.
    Change,
    /// Read only.
    Read,
}

/// What can be set for the whole server, as Windows' Set-SmbServerConfiguration names it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct ServerOptions {
    /// Every new session of a client that can is encrypted.
    pub encrypt_data: Option<bool>,
    /// Clear requests to what is encrypted fail, and clients that cannot encrypt are refused there.
    pub reject_unencrypted_access: Option<bool>,
}

/// A reply: the outcome, or why there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// Who the server is.
    Status(StatusRow),
    /// Accounts.
    Users(Vec<UserRow>),
    /// Groups.
    Groups(Vec<GroupRow>),
    /// Shares.
    Shares(Vec<ShareRow>),
    /// Who may connect to shares.
    ShareAccess(Vec<ShareAccessRow>),
    /// What holds for the whole server.
    ServerConfiguration(Box<ServerConfigurationRow>),
    /// Sessions: those that there are, or those that were or would be ended.
    Sessions(Vec<SessionRow>),
    /// Open files: those that there are, or those that were or would be closed.
    OpenFiles(Vec<OpenFileRow>),
    /// The state as a file declares it.
    Declared(DeclaredReply),
    /// May this user do that with this file, and why.
    Explanation(Box<Explanation>),
    /// About access-control lists.
    Acl(AclReply),
    /// About the domain.
    Domain(DomainReply),
    /// About quotas.
    Quota(QuotaReply),
    /// About the audit log.
    Audit(AuditReply),
    /// About DFS namespaces.
    Dfs(DfsReply),
    /// What the server does.
    Metrics(MetricsReply),
    /// About tokens.
    Token(TokenReply),
    /// Who it is.
    Lookup(Box<AccountRow>),
    /// Groups of an account.
    LookupGroups(Vec<MembershipRow>),
    /// It was refused.
    Refused {
        /// Why, and what would be right.
        message: String,
    },
}

/// Who the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StatusRow {
    /// Version of the program.
    pub version: String,
    /// SID of the machine.
    pub machine_sid: String,
    /// ServerGuid.
    pub server_guid: String,
    /// Accounts.
    pub users: usize,
    /// Shares.
    pub shares: usize,
    /// It serves clients now; false when this is only its state.
    pub running: bool,
    /// The volumes that shares and quotas can be on.
    pub volumes: Vec<VolumeRow>,
    /// Addresses where administration is served over HTTPS; none when it is not, or the server does not run.
    #[serde(default)]
    pub api_addresses: Vec<String>,
    /// SHA-256 of the certificate there; empty where there is none.
    #[serde(default)]
    pub api_fingerprint: String,
}

/// A volume of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeRow {
    /// Name.
    pub name: String,
    /// The folder on this machine.
    pub folder: String,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// It can log on.
    pub enabled: bool,
    /// It is an administrator of this server.
    pub administrator: bool,
    /// Full name.
    pub full_name: String,
    /// Comment.
    pub comment: String,
    /// SID.
    pub sid: String,
    /// Groups that it is in, directly or through others.
    pub groups: Vec<String>,
    /// When it was made (ISO 8601, UTC).
    pub created: String,
    /// When its password was set last (ISO 8601, UTC).
    pub password_set: String,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GroupRow {
    /// Name.
    pub name: String,
    /// It is one of BUILTIN.
    pub built_in: bool,
    /// Comment.
    pub comment: String,
    /// SID.
    pub sid: String,
    /// Direct members: names where they are known, else SIDs.
    pub members: Vec<String>,
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ShareRow {
    /// Name.
    pub name: String,
    /// Volume.
    pub volume: String,
    /// Folder within the volume.
    pub path: String,
    /// The folder on this machine; empty when the volume is not configured.
    pub folder: String,
    /// Comment shown in listings.
    pub description: String,
    /// Only encrypted requests are answered.
    pub encrypt_data: bool,
    /// Are entries that a user cannot read left out?
    pub folder_enumeration_mode: FolderEnumerationMode,
    /// Offline use.
    pub caching_mode: CachingMode,
    /// Handles survive a restart of the server.
    pub continuously_available: bool,
    /// How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default.
    #[serde(rename = "CATimeout")]
    pub ca_timeout: u32,
    /// Most users at a time; 0 for no limit.
    pub concurrent_user_limit: u32,
    /// Users now; 0 when the server does not run.
    pub current_users: u32,
    /// Accesses that are recorded.
    pub audit: AuditOption,
    /// Left out of what people see when they browse.
    pub hidden: bool,
    /// Who may connect, as SDDL.
    pub security_descriptor: String,
    /// The same for people, an entry each, as icacls writes them.
    pub permissions: Vec<String>,
}

/// An entry of a share's access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ShareAccessRow {
    /// The share.
    pub name: String,
    /// The account or group: its name where it is known, else its SID.
    pub account_name: String,
    /// Its SID.
    pub account_sid: String,
    /// Allow or Deny.
    pub access_control_type: AccessControlType,
    /// The right.
    pub access_right: AccessRight,
}

/// Whether an entry allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AccessControlType {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// What an entry of a share's access is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AccessRight {
    /// Everything.
    Full,
    /// Read, write, delete.
    Change,
    /// Read.
    Read,
    /// Another mask: the share's security descriptor has it.
    Custom,
}

/// What holds for the whole server, as Windows' Get-SmbServerConfiguration names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ServerConfigurationRow {
    /// Every new session of a client that can is encrypted.
    pub encrypt_data: bool,
    /// Clear requests to what is encrypted fail, and clients that cannot encrypt are refused there.
    pub reject_unencrypted_access: bool,
    /// Every session signs. Of the configuration file.
    pub require_security_signature: bool,
    /// Lowest dialect: `2.0.2` to `3.1.1`. Of the configuration file.
    pub smb2_dialect_min: String,
    /// Highest dialect. Of the configuration file.
    pub smb2_dialect_max: String,
    /// Comment of the server in listings. Of the configuration file.
    pub announce_comment: String,
    /// Most sessions of a connection. Of the configuration file.
    pub max_session_per_connection: u32,
    /// The properties that were set at run time, in place of the configuration file's values.
    pub overridden: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_printed_with_their_request() {
        let request = Request::UserSet {
            name: "anna".to_owned(),
            password: Some(Password::new("secret-word".to_owned())),
            disabled: None,
            full_name: None,
            comment: None,
        };
        assert!(!format!("{request:?}").contains("secret-word"));
        let line = serde_json::to_string(&request).unwrap();
        assert!(
            line.starts_with("{\"Op\":\"UserSet\",\"Name\":\"anna\",\"Password\":\"secret-word\""),
            "{line}"
        );
    }

    #[test]
    fn unknown_fields_of_a_request_are_refused() {
        for line in ["{\"Op\":\"UserRemove\",\"Name\":\"a\",\"X\":1}", "{\"Op\":\"Nothing\"}", "[]", ""] {
            assert!(serde_json::from_str::<Request>(line).is_err(), "{line}");
        }
    }
}
