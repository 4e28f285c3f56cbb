//! Why a logon was not verified, and what that means to whom.

use freehold_dtyp::{DecodeError, NtStatus};

use crate::auth::AuthError;
use crate::domain::rpc::RpcError;

/// Why there is no secure channel to a domain controller.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChannelError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("malformed answer: {0}")]
    Malformed(#[from] DecodeError),
    /// With every password that may still count.
    #[error(
        "the domain controller refuses this server's account ({0:?}): if the password was reset there, join again \
         with `freehold domain join`"
    )]
    Refused(NtStatus),
    #[error(
        "the domain controller does not know the password of this server's account: it is not what it seems"
    )]
    WrongServer,
    #[error(
        "the domain controller agrees to no AES or no sealing (flags {0:#010x}): it is too old, or somebody is in between"
    )]
    TooWeak(u32),
    #[error("somebody changed what was agreed on: {0:#010x} here, {1:#010x} there")]
    Downgraded(u32, u32),
    #[error("the domain controller cannot do it now ({0:?})")]
    NotNow(NtStatus),
    #[error("no random numbers")]
    Random,
}

/// Why a domain user was not logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogonError {
    /// A domain controller refused the user.
    #[error("the domain controller refused the logon ({status:?})")]
    Refused {
        /// What it said.
        status: NtStatus,
        /// False when somebody else could know better: the domain controller does not know the domain.
        authoritative: bool,
    },
    /// No domain controller answered in time.
    #[error("no domain controller answers")]
    NoLogonServers,
    /// The domain controllers refuse this server's own account.
    #[error("the domain controllers refuse the account of this server ({0:?})")]
    Trust(NtStatus),
}

impl LogonError {
    /// What the logon fails with.
    #[must_use]
    pub fn auth_error(self) -> AuthError {
        match self {
            LogonError::NoLogonServers => AuthError::NoLogonServers,
            LogonError::Trust(NtStatus::NO_TRUST_SAM_ACCOUNT) => AuthError::NoTrustAccount,
            LogonError::Trust(_) => AuthError::TrustFailure,
            LogonError::Refused { status, .. } => refusal(status),
        }
    }
}

/// [MS-APDS] 3.1.5.2: a domain controller's status as this server's own. Whether the user exists is not told.
fn refusal(status: NtStatus) -> AuthError {
    match status {
        NtStatus::ACCOUNT_DISABLED => AuthError::AccountDisabled,
        NtStatus::ACCOUNT_LOCKED_OUT => AuthError::AccountLockedOut,
        NtStatus::ACCOUNT_EXPIRED => AuthError::AccountExpired,
        NtStatus::PASSWORD_EXPIRED => AuthError::PasswordExpired,
        NtStatus::PASSWORD_MUST_CHANGE => AuthError::PasswordMustChange,
        NtStatus::INVALID_WORKSTATION => AuthError::InvalidWorkstation,
        NtStatus::INVALID_LOGON_HOURS => AuthError::InvalidLogonHours,
        NtStatus::LOGON_TYPE_NOT_GRANTED => AuthError::LogonTypeNotGranted,
        NtStatus::ACCOUNT_RESTRICTION => AuthError::AccountRestriction,
        NtStatus::NTLM_BLOCKED => AuthError::NtlmBlocked,
        NtStatus::AUTHENTICATION_FIREWALL_FAILED => AuthError::AuthenticationFirewall,
        // The domain controller cannot reach one of the user's domain.
        NtStatus::NO_LOGON_SERVERS | NtStatus::DOMAIN_CONTROLLER_NOT_FOUND => AuthError::NoLogonServers,
        NtStatus::TRUSTED_DOMAIN_FAILURE => AuthError::TrustedDomainFailure,
        NtStatus::TRUSTED_RELATIONSHIP_FAILURE => AuthError::TrustFailure,
        NtStatus::NO_TRUST_SAM_ACCOUNT => AuthError::NoTrustAccount,
        // NO_SUCH_USER, WRONG_PASSWORD, LOGON_FAILURE, NO_SUCH_DOMAIN and what has no meaning for a client.
        _ => AuthError::LogonFailure,
    }
}

/// A status by which a domain controller says that it is not in a state to answer: another one may be.
pub(super) fn asks_for_another(status: NtStatus) -> bool {
    matches!(
        status,
        NtStatus::NETLOGON_NOT_STARTED
            | NtStatus::INVALID_SERVER_STATE
            | NtStatus::INVALID_DOMAIN_STATE
            | NtStatus::INVALID_DOMAIN_ROLE
            | NtStatus::INSUFFICIENT_RESOURCES
            | NtStatus::INTERNAL_ERROR
            | NtStatus::SYNCHRONIZATION_REQUIRED
    )
}
