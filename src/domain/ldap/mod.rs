//! LDAP to domain controllers through ldap3, never in clear ([MS-ADTS] 3.1.1.3, RFC 4511).
//!
//! Owns the connection: TCP, then either Kerberos with sealing on port 389 (`sasl`) or TLS on port 636 (`tls`), then a logon. ldap3 does
//! not see the domain controller: it has one end of a pair of sockets, and `pump` carries checked messages between both. So ldap3's
//! own protections, which lose data or need other libraries, are not used, and what it reads cannot end its task.
//!
//! A [`Connection`] takes any number of calls at the same time. A call has the time limit of the configuration; when an answer is slow,
//! the domain controller is asked by an LDAP ping whether it is there at all, so that a dead one is noticed early.

mod connect;
mod entry;
mod error;
mod message;
mod operations;
mod pool;
mod pump;
mod sasl;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

pub use entry::Entry;
pub use error::{LdapError, ResultCode};
pub use operations::{Change, Search};
pub use pool::{CredentialSource, Pool};

pub use ldap3::{Scope, dn_escape, ldap_escape};

use super::locator::{DomainController, Locator};
use pump::Ending;

/// How long an answer is waited for before the domain controller is asked whether it is there.
const SILENCE: Duration = Duration::from_millis(1200);

/// A filter's value for octets: every octet escaped (RFC 4515 3).
#[must_use]
pub fn escape_bytes(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::with_capacity(octets.len().saturating_mul(3)), |mut text, octet| {
        let _ = write!(text, "\\{octet:02x}");
        text
    })
}

/// What a domain controller says of itself in its root DSE ([MS-ADTS] 3.1.1.3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootDse {
    /// defaultNamingContext: the domain.
    pub domain: String,
    /// configurationNamingContext.
    pub configuration: String,
    /// schemaNamingContext.
    pub schema: String,
    /// rootDomainNamingContext: the forest's root domain.
    pub forest: String,
}

/// A connection that somebody has logged on to.
#[derive(Debug)]
pub struct Connection {
    ldap: ldap3::Ldap,
    dc: Arc<DomainController>,
    locator: Arc<Locator>,
    root: RootDse,
    request_limit: Duration,
    in_flight: AtomicUsize,
    broken: AtomicBool,
    /// The domain controller did not answer a ping either.
    gone: AtomicBool,
    ending: Ending,
    last_used: parking_lot::Mutex<Instant>,
    tasks: [AbortHandle; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Connection {
    /// The domain controller.
    #[must_use]
    pub fn dc(&self) -> &Arc<DomainController> {
        &self.dc
    }

    /// Its root DSE.
    #[must_use]
    pub fn root(&self) -> &RootDse {
        &self.root
    }

    /// False when it is of no more use.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.broken.load(Ordering::Relaxed) && !self.tasks.iter().any(AbortHandle::is_finished)
    }

    /// Waits for an answer: as long as the domain controller is there, and no longer than the limit.
    async fn call<T>(&self, answer: impl Future<Output = ldap3::result::Result<T>>) -> Result<T, LdapError> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let _done = InFlight(self);
        tokio::pin!(answer);
        let started = Instant::now();
        let silence = SILENCE.min(self.request_limit);
        if let Ok(answer) = tokio::time::timeout(silence, &mut answer).await {
            return self.answered(answer);
        }
        // Slow, or gone? The ping goes another way than the connection, so it tells.
        tokio::select! {
            answer = &mut answer => return self.answered(answer),
            alive = self.locator.is_alive(&self.dc) => {
                if !alive {
                    self.gone.store(true, Ordering::Relaxed);
                    return Err(self.broke("it answers neither on the connection nor to a ping".to_owned()));
                }
            }
        }
        match tokio::time::timeout(self.request_limit.saturating_sub(started.elapsed()), &mut answer).await {
            Ok(answer) => self.answered(answer),
            Err(_) => Err(self.broke(format!("nothing within {} s", self.request_limit.as_secs()))),
        }
    }

    fn answered<T>(&self, answer: ldap3::result::Result<T>) -> Result<T, LdapError> {
        *self.last_used.lock() = Instant::now();
        answer.map_err(|error| match error {
            // A mistake of the caller's, found before anything was sent.
            ldap3::LdapError::FilterParsing | ldap3::LdapError::AddNoValues => {
                LdapError::Protocol { host: "this server".to_owned(), reason: error.to_string() }
            }
            error => {
                let reason = self.ending.lock().clone();
                self.broke(reason.unwrap_or_else(|| error.to_string()))
            }
        })
    }

    fn broke(&self, reason: String) -> LdapError {
        self.broken.store(true, Ordering::Relaxed);
        LdapError::Unreachable { host: self.dc.host.clone(), reason }
    }
}

struct InFlight<'a>(&'a Connection);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// For the fuzz target: reads `bytes`, in two pieces, as what a directory server sends.
#[cfg(fuzzing)]
pub fn read_any(bytes: &[u8]) {
    sasl::read_any(bytes);
    let mut messages = message::Messages::default();
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for piece in [first, rest] {
        messages.push(piece);
        let _ = messages.take();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn octets_are_escaped_for_filters() {
        assert_eq!(super::escape_bytes(&[0, 0x2a, 0xff]), "\\00\\2a\\ff");
    }
}
