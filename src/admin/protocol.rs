//! Requests, replies and the rows of listings. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::acl_protocol::{AclReply, AclRequest};
use super::domain_protocol::{DomainReply, DomainRequest};
use super::explain::{ExplainRequest, Explanation};
use super::lookup_protocol::{AccountRow, MembershipRow};
use super::quota_protocol::{QuotaReply, QuotaRequest};
use crate::config::AuditOption;
use crate::state::CachingMode;

/// A password on its way to the server: prints nothing, is wiped when dropped.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
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
    /// Gives an account or group a right to a share, in place of what it had.
    ShareGrant {
        /// The share.
        name: String,
        /// Account, group, SID, or a well-known name such as Everyone.
        account: String,
        /// The right.
        right: ShareRight,
    },
    /// Takes every right that was given to, or kept from, an account or group.
    ShareRevoke {
        /// The share.
        name: String,
        /// As in `ShareGrant`.
        account: String,
    },
    /// Asks whether a user may do something with a file, and why.
    Explain(ExplainRequest),
    /// Something about access-control lists of files.
    Acl {
        /// What.
        request: AclRequest,
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
}

/// Settings of a share that can be given or left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct ShareOptions {
    /// Folder within the volume.
    pub path: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Who may connect, as SDDL.
    pub access: Option<String>,
    /// Only encrypted requests.
    pub encrypt: Option<bool>,
    /// Leave out what a user cannot read.
    pub access_based_enumeration: Option<bool>,
    /// Offline use.
    pub caching: Option<CachingMode>,
    /// Handles survive a restart of the server.
    pub continuously_available: Option<bool>,
    /// Most users at a time; 0 for no limit.
    pub max_users: Option<u32>,
    /// Accesses that are recorded.
    pub audit: Option<AuditOption>,
}

/// The rights that Windows shows for shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "PascalCase")]
pub enum ShareRight {
    /// Everything, changing access rights of files included.
    Full,
    /// Read, write, delete.
    Change,
    /// Read only.
    Read,
    /// Nothing, whatever other entries say.
    Deny,
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
    /// May this user do that with this file, and why.
    Explanation(Box<Explanation>),
    /// About access-control lists.
    Acl(AclReply),
    /// About the domain.
    Domain(DomainReply),
    /// About quotas.
    Quota(QuotaReply),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A volume of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeRow {
    /// Name.
    pub name: String,
    /// The folder on this machine.
    pub folder: String,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Comment.
    pub comment: String,
    /// Only encrypted requests are answered.
    pub encrypt: bool,
    /// Entries that a user cannot read are left out.
    pub access_based_enumeration: bool,
    /// Offline use.
    pub caching: CachingMode,
    /// Handles survive a restart of the server.
    #[serde(default)]
    pub continuously_available: bool,
    /// Most users at a time; 0 for no limit.
    pub max_users: u32,
    /// Accesses that are recorded.
    pub audit: AuditOption,
    /// Left out of what people see when they browse.
    pub hidden: bool,
    /// Who may connect, as SDDL.
    pub access: String,
    /// The same for people, an entry each, as icacls writes them.
    #[serde(default)]
    pub permissions: Vec<String>,
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
