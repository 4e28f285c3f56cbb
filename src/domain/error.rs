//! Why something about the membership was not done, and what to do next.

use super::kdc::KdcError;
use super::keys::KeyError;
use super::ldap::LdapError;
use super::locator::LocateError;
use super::machine_names::NameError;
use crate::state::StateError;

/// Something about the membership was not done. The text is meant for administrators.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// A name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No domain controller.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Kerberos refused.
    #[error(transparent)]
    Kerberos(#[from] KdcError),
    /// The directory refused.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// The directory refused, and it is known what to do about it.
    #[error("{error}. {advice}")]
    Advised {
        /// What the directory said.
        error: LdapError,
        /// What to do.
        advice: String,
    },
    /// The machine account's password is another one than this server has.
    #[error(
        "{0}: the account was reset or joined from elsewhere, or the domain controller has not heard of a new password yet. Try again \
         later, or join again"
    )]
    Estranged(LdapError),
    /// The state could not be read or changed.
    #[error(transparent)]
    State(#[from] StateError),
    /// Keys could not be made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// This server is no member.
    #[error("this server is not a member of a domain: `freehold domain join` makes it one")]
    NotMember,
    /// It would be wrong.
    #[error("{0}")]
    Refused(String),
    /// It failed, and the directory is not as before.
    #[error("{error}. {left}")]
    HalfDone {
        /// What failed.
        error: Box<DomainError>,
        /// What is in the directory now.
        left: String,
    },
}

impl DomainError {
    /// True when no domain controller could be asked, or the answer was lost.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            DomainError::Locate(_) => true,
            DomainError::Kerberos(error) => error.is_unreachable(),
            DomainError::Ldap(error) | DomainError::Advised { error, .. } => error.is_unreachable(),
            DomainError::HalfDone { error, .. } => error.is_unreachable(),
            _ => false,
        }
    }
}
