//! Kerberos with this server as the client ([MS-KILE], RFC 4120, RFC 4121): the machine account's logon and that of whoever joins it.
//!
//! The sspi crate makes and reads the messages up to the AP exchange; the network, the errors and the wrap tokens are ours. It works on
//! a thread of the blocking pool, because it derives keys from passwords and looks into krb5.conf, and with its tracing switched off,
//! because that writes keys. What a KDC sends can make it fail, not hang: every exchange with the network has a limit.

mod error;
mod exchange;
mod krb_error;
pub(in crate::domain) mod wrap;

use std::sync::Arc;

use sspi::Kerberos;
use zeroize::Zeroizing;

pub use error::KdcError;
pub use krb_error::EncryptionSalt;
pub use wrap::{Seal, Unseal, WrapError};

use super::locator::DomainController;
use exchange::Exchange;

/// Who logs on. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Credentials {
    /// sAMAccountName, or a user principal name with its `@`.
    account: String,
    /// DNS name of the account's domain.
    domain: String,
    password: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, {})", self.account, self.domain)
    }
}

impl Credentials {
    /// `account` is a sAMAccountName (`joiner`, `SERVER$`), `DOMAIN\name` (the part before the backslash is left out: the account
    /// is one of `domain`) or a user principal name, with any suffix of the forest; `domain` is the domain's DNS name.
    #[must_use]
    pub fn new(account: &str, domain: &str, password: Zeroizing<String>) -> Self {
        let account = account.rsplit_once('\\').map_or(account, |(_, name)| name);
        // A principal name of the domain itself names the account: canonical names need no alias then.
        let account = match account.rsplit_once('@') {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case(domain) => name,
            _ => account,
        };
        Self { account: account.to_owned(), domain: domain.to_lowercase(), password }
    }

    /// The account's name, as it was given without its domain.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The DNS name of the account's domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The Kerberos realm.
    #[must_use]
    pub fn realm(&self) -> String {
        self.domain.to_uppercase()
    }

    /// The name for a simple bind: a user principal name.
    pub(super) fn principal_name(&self) -> String {
        if self.account.contains('@') {
            self.account.clone()
        } else {
            format!("{}@{}", self.account, self.domain)
        }
    }

    pub(super) fn password(&self) -> &Zeroizing<String> {
        &self.password
    }
}

/// What the KDC said on the way, for those who report on a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The KDC's time less this server's, in seconds.
    pub clock_difference_seconds: Option<i64>,
    /// The encryption types that the account has keys of, with the salts of its password (PA-ETYPE-INFO2).
    pub salts: Vec<EncryptionSalt>,
}

/// A security context that waits for the service's answer.
pub struct Initiator {
    kerberos: Kerberos,
    service: String,
    observed: Observed,
}

/// A security context that both sides proved themselves in, with integrity, confidentiality, replay and sequence detection.
pub struct Context {
    /// Seals what this side sends.
    pub seal: Seal,
    /// Opens what the service sends.
    pub unseal: Unseal,
    /// The key that both sides share: the acceptor's subkey.
    pub session_key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Initiator({})", self.service)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

impl Initiator {
    /// Logs on at `dc` and gets a ticket for `service` (`ldap/dc1.corp.example`): the context, and the first token for the service
    /// (RFC 4121 4.1: InitialContextToken with an AP-REQ, which asks for mutual authentication). 6 s at most.
    ///
    /// # Errors
    /// [`KdcError`].
    pub async fn start(
        dc: &Arc<DomainController>,
        credentials: &Credentials,
        service: &str,
    ) -> Result<(Self, Vec<u8>), KdcError> {
        Exchange::new(dc, credentials, service)?.run().await
    }

    /// What the KDC said on the way.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Takes the service's answer (an AP-REP), which proves that it has the service's key.
    ///
    /// # Errors
    /// [`KdcError::Protocol`].
    pub fn finish(self, reply: &[u8]) -> Result<Context, KdcError> {
        exchange::finish(self, reply)
    }
}

/// Proves that the password is the account's: a logon, and a ticket for the domain controller's own LDAP service.
///
/// # Errors
/// [`KdcError`].
pub async fn log_on(dc: &Arc<DomainController>, credentials: &Credentials) -> Result<Observed, KdcError> {
    let service = format!("ldap/{}", dc.host);
    let (initiator, _token) = Initiator::start(dc, credentials, &service).await?;
    Ok(initiator.observed)
}

/// What a KDC says of an account before it has proved itself: the salts of its password and the KDC's time.
///
/// # Errors
/// [`KdcError`]: none of a wrong password.
pub async fn preauthentication(
    dc: &Arc<DomainController>,
    account: &str,
    domain: &str,
) -> Result<Observed, KdcError> {
    let credentials = Credentials::new(account, domain, Zeroizing::new(String::new()));
    Exchange::new(dc, &credentials, "krbtgt/preauthentication")?.observe().await
}

/// For the fuzz target: reads `bytes` as a KDC's error, and as a sealed token.
#[cfg(fuzzing)]
pub fn read_any(bytes: &[u8]) {
    let _ = krb_error::KrbError::decode(bytes);
    if let Some((_, mut unseal)) = wrap::pair(zeroize::Zeroizing::new(vec![7; 32]), 0) {
        let _ = unseal.unwrap(bytes);
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::Credentials;

    fn credentials(account: &str) -> Credentials {
        Credentials::new(account, "Corp.Example", Zeroizing::new("secret".to_owned()))
    }

    #[test]
    fn every_way_to_write_an_account_is_taken() {
        for (text, account, principal) in [
            ("joiner", "joiner", "joiner@corp.example"),
            ("CORP\\joiner", "joiner", "joiner@corp.example"),
            ("joiner@corp.example", "joiner", "joiner@corp.example"),
            ("joiner@other.suffix", "joiner@other.suffix", "joiner@other.suffix"),
            ("SERVER$", "SERVER$", "SERVER$@corp.example"),
        ] {
            let credentials = credentials(text);
            assert_eq!(
                (credentials.account(), credentials.principal_name().as_str()),
                (account, principal),
                "{text}"
            );
            assert_eq!(credentials.realm(), "CORP.EXAMPLE");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        assert!(!format!("{:?}", credentials("joiner")).contains("secret"));
    }
}
