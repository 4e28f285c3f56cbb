//! What can go wrong with LDAP, with Active Directory's own codes, and what to do next.

use crate::domain::kdc::KdcError;
use crate::domain::locator::LocateError;

/// RFC 4511 4.1.9 resultCode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u32);

impl ResultCode {
    /// success.
    pub const SUCCESS: ResultCode = ResultCode(0);
    /// operationsError.
    pub const OPERATIONS_ERROR: ResultCode = ResultCode(1);
    /// sizeLimitExceeded.
    pub const SIZE_LIMIT_EXCEEDED: ResultCode = ResultCode(4);
    /// strongerAuthRequired.
    pub const STRONGER_AUTH_REQUIRED: ResultCode = ResultCode(8);
    /// referral.
    pub const REFERRAL: ResultCode = ResultCode(10);
    /// noSuchAttribute.
    pub const NO_SUCH_ATTRIBUTE: ResultCode = ResultCode(16);
    /// constraintViolation.
    pub const CONSTRAINT_VIOLATION: ResultCode = ResultCode(19);
    /// attributeOrValueExists.
    pub const ATTRIBUTE_OR_VALUE_EXISTS: ResultCode = ResultCode(20);
    /// noSuchObject.
    pub const NO_SUCH_OBJECT: ResultCode = ResultCode(32);
    /// invalidCredentials.
    pub const INVALID_CREDENTIALS: ResultCode = ResultCode(49);
    /// insufficientAccessRights.
    pub const INSUFFICIENT_ACCESS: ResultCode = ResultCode(50);
    /// busy.
    pub const BUSY: ResultCode = ResultCode(51);
    /// unavailable.
    pub const UNAVAILABLE: ResultCode = ResultCode(52);
    /// unwillingToPerform.
    pub const UNWILLING_TO_PERFORM: ResultCode = ResultCode(53);
    /// entryAlreadyExists.
    pub const ENTRY_ALREADY_EXISTS: ResultCode = ResultCode(68);

    /// The name of RFC 4511.
    fn name(self) -> &'static str {
        match self.0 {
            0 => "success",
            1 => "operationsError",
            2 => "protocolError",
            3 => "timeLimitExceeded",
            4 => "sizeLimitExceeded",
            7 => "authMethodNotSupported",
            8 => "strongerAuthRequired",
            10 => "referral",
            11 => "adminLimitExceeded",
            12 => "unavailableCriticalExtension",
            13 => "confidentialityRequired",
            14 => "saslBindInProgress",
            16 => "noSuchAttribute",
            17 => "undefinedAttributeType",
            18 => "inappropriateMatching",
            19 => "constraintViolation",
            20 => "attributeOrValueExists",
            21 => "invalidAttributeSyntax",
            32 => "noSuchObject",
            34 => "invalidDNSyntax",
            48 => "inappropriateAuthentication",
            49 => "invalidCredentials",
            50 => "insufficientAccessRights",
            51 => "busy",
            52 => "unavailable",
            53 => "unwillingToPerform",
            64 => "namingViolation",
            65 => "objectClassViolation",
            66 => "notAllowedOnNonLeaf",
            67 => "notAllowedOnRDN",
            68 => "entryAlreadyExists",
            71 => "affectsMultipleDSAs",
            _ => "other",
        }
    }
}

impl std::fmt::Display for ResultCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

/// An operation was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LdapError {
    /// No domain controller.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// No Kerberos logon.
    #[error(transparent)]
    Kerberos(#[from] KdcError),
    /// This server has no account: it is not joined.
    #[error("this server has no machine account: join it to a domain first (freehold domain join)")]
    NoAccount,
    /// The certificates to check domain controllers with are unreadable.
    #[error("{0}; check domain.tls_ca")]
    Certificates(String),
    /// TLS was not agreed on, most of all because a certificate is not trusted.
    #[error("TLS with {host} failed: {reason}; check domain.tls_ca, and the domain controller's certificate")]
    Tls {
        /// The domain controller.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// The domain controller did not take the logon.
    #[error("{host} refused the LDAP logon of {account}: {code}, {message}")]
    Bind {
        /// The domain controller.
        host: String,
        /// Who.
        account: String,
        /// The result code.
        code: ResultCode,
        /// The domain controller's text.
        message: String,
        /// The error of [MS-ERREF] 2.2 in that text (`data 52e`).
        win32: Option<u32>,
    },
    /// The domain controller did not do what was asked.
    #[error("{host} refused to {operation}: {code}, {message}")]
    Refused {
        /// The domain controller.
        host: String,
        /// What was asked, in words that follow "to".
        operation: String,
        /// The result code.
        code: ResultCode,
        /// The domain controller's text.
        message: String,
        /// The error of [MS-ERREF] 2.2 in that text.
        win32: Option<u32>,
    },
    /// No connection, no answer in time, or one that ended.
    #[error("the LDAP service of {host} does not answer: {reason}")]
    Unreachable {
        /// The domain controller.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer that is none.
    #[error("{host} answered with what is no LDAP: {reason}")]
    Protocol {
        /// The domain controller.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// More entries or values than the caller takes.
    #[error("{host} has more than {limit} answers")]
    TooMany {
        /// The domain controller.
        host: String,
        /// How many are taken.
        limit: usize,
    },
}

impl LdapError {
    /// True when another domain controller may do better.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            LdapError::Unreachable { .. } | LdapError::Protocol { .. } | LdapError::Tls { .. } => true,
            LdapError::Kerberos(error) => error.is_unreachable(),
            LdapError::Refused { code, .. } | LdapError::Bind { code, .. } => {
                matches!(*code, ResultCode::BUSY | ResultCode::UNAVAILABLE)
            }
            _ => false,
        }
    }

    /// The result code, when a domain controller answered with one.
    #[must_use]
    pub fn code(&self) -> Option<ResultCode> {
        match self {
            LdapError::Refused { code, .. } | LdapError::Bind { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The error of [MS-ERREF] 2.2 that the domain controller gave.
    #[must_use]
    pub fn win32(&self) -> Option<u32> {
        match self {
            LdapError::Refused { win32, .. } | LdapError::Bind { win32, .. } => *win32,
            _ => None,
        }
    }

    /// True when the entry is not there.
    #[must_use]
    pub fn is_no_such_object(&self) -> bool {
        self.code() == Some(ResultCode::NO_SUCH_OBJECT)
    }

    /// True when the password was not that of the account.
    #[must_use]
    pub fn is_wrong_password(&self) -> bool {
        match self {
            LdapError::Kerberos(error) => error.is_wrong_password(),
            // ERROR_LOGON_FAILURE
            LdapError::Bind { code: ResultCode::INVALID_CREDENTIALS, win32, .. } => {
                win32.is_none_or(|code| code == 0x52e)
            }
            _ => false,
        }
    }
}

/// Active Directory's texts: `80090308: LdapErr: DSID-..., comment: AcceptSecurityContext error, data 52e, v4563` for binds, with the
/// error behind `data`; `0000052D: SvcErr: DSID-..., problem 5003 (WILL_NOT_PERFORM), data 0` for the rest, with the error in front.
pub(super) fn win32_of(text: &str) -> Option<u32> {
    let hexadecimal = |text: &str| {
        let end = text.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(text.len());
        u32::from_str_radix(text.get(..end)?, 16).ok()
    };
    if text.contains("AcceptSecurityContext") {
        return hexadecimal(text.split_once("data ")?.1);
    }
    match text.split_once(':') {
        Some((first, _)) if first.len() == 8 => u32::from_str_radix(first, 16).ok(),
        _ => None,
    }
}

/// A text of a domain controller as it may be shown: one line, no control characters, not without end.
pub(super) fn shown(text: &str) -> String {
    const LIMIT: usize = 300;
    text.trim_end_matches('\0').chars().filter(|character| !character.is_control()).take(LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::win32_of;

    #[test]
    fn the_error_is_found_in_every_form_of_text() {
        for (text, code) in [
            (
                "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 52e, v4563",
                Some(0x52e),
            ),
            (
                "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 533, v1db1",
                Some(0x533),
            ),
            ("0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", Some(0x52d)),
            ("00002098: SecErr: DSID-031514A0, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", Some(0x2098)),
            ("0000208D: NameErr: DSID-0310028B, problem 2001 (NO_OBJECT)", Some(0x208d)),
            ("No such Base DN: DC=nowhere", None),
            ("", None),
        ] {
            assert_eq!(win32_of(text), code, "{text}");
        }
    }
}
