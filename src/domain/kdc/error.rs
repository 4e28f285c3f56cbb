//! Why a Kerberos logon or a service ticket was refused, and what to do next.

use super::krb_error::KrbError;

/// A KDC refused, or none could be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KdcError {
    /// KDC_ERR_PREAUTH_FAILED.
    #[error("the password of {account} is wrong")]
    WrongPassword {
        /// The account.
        account: String,
    },
    /// KDC_ERR_C_PRINCIPAL_UNKNOWN.
    #[error("the domain knows no account {account}")]
    UnknownAccount {
        /// The account.
        account: String,
    },
    /// KDC_ERR_KEY_EXPIRED with STATUS_PASSWORD_EXPIRED.
    #[error("the password of {account} has expired: change it first")]
    PasswordExpired {
        /// The account.
        account: String,
    },
    /// KDC_ERR_KEY_EXPIRED with STATUS_PASSWORD_MUST_CHANGE.
    #[error("{account} must change its password at its first logon: change it first")]
    PasswordMustChange {
        /// The account.
        account: String,
    },
    /// STATUS_ACCOUNT_DISABLED.
    #[error("the account {account} is disabled: enable it in Active Directory")]
    Disabled {
        /// The account.
        account: String,
    },
    /// STATUS_ACCOUNT_LOCKED_OUT.
    #[error("the account {account} is locked out: unlock it in Active Directory, or wait")]
    LockedOut {
        /// The account.
        account: String,
    },
    /// KDC_ERR_NAME_EXP or STATUS_ACCOUNT_EXPIRED.
    #[error("the account {account} has expired")]
    AccountExpired {
        /// The account.
        account: String,
    },
    /// KDC_ERR_CLIENT_REVOKED without a reason.
    #[error("the account {account} is disabled, locked out or expired")]
    Revoked {
        /// The account.
        account: String,
    },
    /// KDC_ERR_POLICY, or a restriction of hours, workstations or kind of logon.
    #[error("the domain does not let {account} log on now or from here (status {status:#010x})")]
    Restricted {
        /// The account.
        account: String,
        /// The NTSTATUS, 0 when the KDC did not say.
        status: u32,
    },
    /// KDC_ERR_S_PRINCIPAL_UNKNOWN.
    #[error("the domain has no account with the service name {service}")]
    UnknownService {
        /// The service principal name.
        service: String,
    },
    /// KRB_AP_ERR_SKEW.
    #[error("this server's clock differs too much from the domain's{}: set it, or start a time service", seconds(*.difference_seconds))]
    ClockSkew {
        /// The KDC's time less ours.
        difference_seconds: Option<i64>,
    },
    /// KDC_ERR_ETYPE_NOSUPP.
    #[error(
        "{account} has no AES key that the domain controller would use: allow AES for it (msDS-SupportedEncryptionTypes 24) and set its password anew"
    )]
    UnsupportedEncryption {
        /// The account.
        account: String,
    },
    /// KDC_ERR_WRONG_REALM.
    #[error("the domain controller does not serve the realm {realm}")]
    WrongRealm {
        /// The realm.
        realm: String,
    },
    /// The sspi crate writes names of ASCII only.
    #[error(
        "Kerberos logons of this server cannot use the name {account}: only ASCII letters, digits and punctuation; use another account"
    )]
    NotAscii {
        /// The account.
        account: String,
    },
    /// No connection, no answer, or one that ended early.
    #[error("the Kerberos service of {host} (port 88, TCP) does not answer: {reason}")]
    Unreachable {
        /// The domain controller.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// Any other KRB-ERROR.
    #[error("the domain controller refused {account}: Kerberos error {code}{}{text}", if .text.is_empty() { "" } else { ", " })]
    Refused {
        /// The account.
        account: String,
        /// error-code.
        code: i64,
        /// e-text.
        text: String,
    },
    /// A message that is none, or that does not prove that its sender knows the key.
    #[error("{host} answered with what is no Kerberos: {reason}")]
    Protocol {
        /// The domain controller or service.
        host: String,
        /// What is wrong.
        reason: String,
    },
}

fn seconds(difference: Option<i64>) -> String {
    match difference {
        Some(difference) if difference >= 0 => format!(" (it is {difference} s slow)"),
        Some(difference) => format!(" (it is {} s fast)", difference.unsigned_abs()),
        None => String::new(),
    }
}

impl KdcError {
    /// True when another domain controller may do better.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, KdcError::Unreachable { .. } | KdcError::Protocol { .. })
    }

    /// True when the password was not that of the account.
    #[must_use]
    pub fn is_wrong_password(&self) -> bool {
        matches!(self, KdcError::WrongPassword { .. })
    }

    /// [MS-KILE] 3.3.5.6.4 and [MS-ERREF] 2.3.1: the status says more than the code.
    pub(super) fn of(
        error: &KrbError,
        account: &str,
        realm: &str,
        service: &str,
        difference_seconds: Option<i64>,
    ) -> Self {
        let account = account.to_owned();
        match (error.status, error.code) {
            (Some(0xc000_0064), _) | (None, 6) => KdcError::UnknownAccount { account },
            (Some(0xc000_006a), _) => KdcError::WrongPassword { account },
            (Some(0xc000_0071), _) => KdcError::PasswordExpired { account },
            (Some(0xc000_0224), _) => KdcError::PasswordMustChange { account },
            (Some(0xc000_0072), _) => KdcError::Disabled { account },
            (Some(0xc000_0234), _) => KdcError::LockedOut { account },
            (Some(0xc000_0193), _) => KdcError::AccountExpired { account },
            (Some(status @ (0xc000_006e..=0xc000_0070 | 0xc000_015b | 0xc000_0413)), _) => {
                KdcError::Restricted { account, status }
            }
            (_, 1) => KdcError::AccountExpired { account },
            (_, 6) => KdcError::UnknownAccount { account },
            (_, 7) => KdcError::UnknownService { service: service.to_owned() },
            (status, 12) => KdcError::Restricted { account, status: status.unwrap_or_default() },
            (_, 14) => KdcError::UnsupportedEncryption { account },
            (_, 18) => KdcError::Revoked { account },
            (_, 23) => KdcError::PasswordExpired { account },
            (_, 24) => KdcError::WrongPassword { account },
            (_, 37) => KdcError::ClockSkew { difference_seconds },
            (_, 68) => KdcError::WrongRealm { realm: realm.to_owned() },
            (_, code) => KdcError::Refused { account, code, text: error.text.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KdcError, KrbError};

    fn of(code: i64, status: Option<u32>) -> KdcError {
        let error = KrbError { code, status, ..KrbError::default() };
        KdcError::of(&error, "alice", "CORP.EXAMPLE", "ldap/dc1", Some(-400))
    }

    #[test]
    fn the_status_tells_accounts_apart_that_share_a_code() {
        let account = || "alice".to_owned();
        assert_eq!(of(18, Some(0xc000_0072)), KdcError::Disabled { account: account() });
        assert_eq!(of(18, Some(0xc000_0234)), KdcError::LockedOut { account: account() });
        assert_eq!(of(18, Some(0xc000_0193)), KdcError::AccountExpired { account: account() });
        assert_eq!(of(18, None), KdcError::Revoked { account: account() });
        assert_eq!(of(23, Some(0xc000_0224)), KdcError::PasswordMustChange { account: account() });
        assert_eq!(of(23, None), KdcError::PasswordExpired { account: account() });
        assert_eq!(of(24, None), KdcError::WrongPassword { account: account() });
    }

    #[test]
    fn a_clock_that_is_fast_is_told_so() {
        assert!(of(37, None).to_string().contains("(it is 400 s fast)"));
    }
}
