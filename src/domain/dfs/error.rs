//! Why a namespace of the directory was not read or changed, and what to do next.

use super::entry::EntryError;
use crate::domain::ldap::{LdapError, ResultCode};
use crate::state::StateError;

/// A namespace of the directory was not read or changed. The text is meant for administrators.
#[derive(Debug, thiserror::Error)]
pub enum DfsDirectoryError {
    /// This server is no member.
    #[error(
        "this server is not a member of a domain, whose directory keeps the namespace: `freehold domain join` makes it one"
    )]
    NotMember,
    /// Nobody holds the role.
    #[error(
        "the domain controller with the PDC emulator's role does not answer: namespaces of the domain are served as they were, and can \
         be changed when it is back; `netdom query fsmo` or `samba-tool fsmo show` says which it is"
    )]
    NoHolder,
    /// The directory did not do what it should.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// Rights are missing.
    #[error(
        "{account} may not change the namespaces of the domain ({error}). Let it, for all servers of namespaces at once by a group: \
         dsacls \"{container}\" /I:T /G \"DOMAIN\\GROUP:GA\", or on Samba: samba-tool dsacl set --objectdn=\"{container}\" \
         --sddl=\"(A;CI;GA;;;SID)\"; or add the namespace with --user and let somebody who may give this server the rights"
    )]
    Denied {
        /// Who is missing them.
        account: String,
        /// Where.
        container: String,
        /// What the directory said.
        error: Box<LdapError>,
    },
    /// The same as the state has it.
    #[error(transparent)]
    State(#[from] StateError),
    /// Two changed the same.
    #[error(
        "{name}: {field} was changed by another server at the same time; look at what it is now, and repeat the change if it is still right"
    )]
    Conflict {
        /// The folder's path, or the namespace's name.
        name: String,
        /// What both changed.
        field: &'static str,
    },
    /// Others were faster all the time.
    #[error("{0} is being changed by other servers all the time; try again in a moment")]
    Busy(String),
    /// The entry cannot be read.
    #[error("{dn}: {error}; repair the entry, or remove it")]
    Entry {
        /// Its name.
        dn: String,
        /// Why.
        error: EntryError,
    },
    /// The namespace has the older form.
    #[error(
        "{0} is a namespace of version 1 (Windows 2000 Server mode), which only Windows serves: export it there by dfsutil root export, \
         remove it, and make it anew in Windows Server 2008 mode"
    )]
    OldVersion(String),
    /// What only a stand-alone namespace can be.
    #[error("{0}")]
    Refused(&'static str),
}

impl DfsDirectoryError {
    /// The same, with what to do where rights are missing.
    pub(super) fn advised(self, account: &str, container: &str) -> Self {
        match self {
            DfsDirectoryError::Ldap(error) if error.code() == Some(ResultCode::INSUFFICIENT_ACCESS) => {
                DfsDirectoryError::Denied {
                    account: account.to_owned(),
                    container: container.to_owned(),
                    error: Box::new(error),
                }
            }
            other => other,
        }
    }

    /// The domain controller is to be asked anew.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, DfsDirectoryError::Ldap(error) if error.is_unreachable())
    }
}
