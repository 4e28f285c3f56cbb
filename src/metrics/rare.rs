//! What is too rare to need lanes: breaks and logons.

use super::counter::{Counter, Lane};
use super::histogram::Histogram;
use std::time::Duration;

/// Breaks of oplocks and leases ([MS-SMB2] 3.3.4.6, 3.3.4.7).
#[derive(Debug, Default)]
pub struct Breaks {
    /// Notifications of oplocks.
    pub oplocks_sent: Counter,
    /// Notifications of leases.
    pub leases_sent: Counter,
    /// Breaks that the client answered.
    pub acknowledged: Counter,
    /// Breaks that the client did not answer in time.
    pub timed_out: Counter,
    waited: Histogram,
}

impl Breaks {
    /// A request has waited for one.
    pub fn waited(&self, took: Duration) {
        self.waited.observe(Lane::SHARED, took);
    }

    /// How long requests waited for them.
    #[must_use]
    pub fn waits(&self) -> super::Distribution {
        self.waited.read()
    }
}

/// Logons by how they were tried and what came of it.
#[derive(Debug, Default)]
pub struct Logons {
    /// NTLM, let in.
    pub ntlm_succeeded: Counter,
    /// NTLM, refused.
    pub ntlm_refused: Counter,
    /// Kerberos, let in.
    pub kerberos_succeeded: Counter,
    /// Kerberos, refused.
    pub kerberos_refused: Counter,
    /// Anonymous, let in.
    pub anonymous_succeeded: Counter,
    /// Refused before it was known how it would be tried.
    pub other_refused: Counter,
}
