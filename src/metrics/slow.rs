//! Requests that took long, and what they waited for: the last of them, and those that wait now.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use freehold_dtyp::FileTime;
use parking_lot::Mutex;

use super::counter::{Counter, Lane};
use super::histogram::{Distribution, Histogram};

/// Requests that are kept.
const KEPT: usize = 256;
/// What counts as slow when nobody says otherwise.
const THRESHOLD: Duration = Duration::from_millis(200);

/// Somebody who is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// `DOMAIN\user`; empty when the session is gone.
    pub user: String,
    /// Address of the client; empty when the session is gone.
    pub client: String,
}

/// What a request waited for longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// For clients to give up an oplock or lease, or to close cached handles.
    Break(Vec<Holder>),
    /// For a byte range that others have locked.
    Lock,
    /// For a file's deletion by somebody else to be done.
    Deletion,
    /// For another request of the same handle.
    Neighbour,
    /// For the volume: the kind of operation.
    Disk(&'static str),
    /// For a directory of that many entries to be read.
    DirectoryRead {
        /// Entries.
        entries: u64,
    },
    /// For usage to be counted again.
    QuotaRecount,
    /// For a domain controller.
    DomainController,
    /// For the audit log.
    AuditLog,
    /// For a thread that may block.
    Queue,
    /// For an RPC call's errand.
    Rpc,
    /// The server made the client wait after many failed logons.
    LogonDelay,
    /// For this server's processors: none of the others.
    Server,
}

impl Cause {
    /// Its name in rows and labels.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Cause::Break(_) => "LeaseBreak",
            Cause::Lock => "Lock",
            Cause::Deletion => "Deletion",
            Cause::Neighbour => "SameHandle",
            Cause::Disk(_) => "Disk",
            Cause::DirectoryRead { .. } => "DirectoryIndex",
            Cause::QuotaRecount => "QuotaRecount",
            Cause::DomainController => "DomainController",
            Cause::AuditLog => "AuditLog",
            Cause::Queue => "Queue",
            Cause::Rpc => "Rpc",
            Cause::LogonDelay => "LogonDelay",
            Cause::Server => "Server",
        }
    }

    /// The cause for people.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Cause::Break(holders) if holders.is_empty() => "a client that holds a lease".to_owned(),
            Cause::Break(holders) => {
                let names = holders.iter().map(|Holder { user, client }| match (&**user, &**client) {
                    ("", "") => "a client that is gone".to_owned(),
                    ("", client) => client.to_owned(),
                    (user, client) => format!("{client} ({user})"),
                });
                format!("lease break: {}", names.collect::<Vec<_>>().join(", "))
            }
            Cause::Lock => "a byte range that others have locked".to_owned(),
            Cause::Deletion => "a deletion of the file".to_owned(),
            Cause::Neighbour => "another request of the same handle".to_owned(),
            Cause::Disk(operation) => format!("disk: {operation}"),
            Cause::DirectoryRead { entries } => format!("directory of {entries} entries being indexed"),
            Cause::QuotaRecount => "quota recount".to_owned(),
            Cause::DomainController => "domain controller".to_owned(),
            Cause::AuditLog => "audit log".to_owned(),
            Cause::Queue => "a free thread for blocking work".to_owned(),
            Cause::Rpc => "an administrator's call".to_owned(),
            Cause::LogonDelay => "delay after failed logons".to_owned(),
            Cause::Server => "this server's processors".to_owned(),
        }
    }
}

/// A request that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Counts up from 1 in the order of their ends; 0 while it waits.
    pub number: u64,
    /// When it came.
    pub began: FileTime,
    /// How long it has taken.
    pub took: Duration,
    /// Number of its command ([MS-SMB2] 2.2.1).
    pub command: u8,
    /// Its status; `None` while it waits.
    pub status: Option<u32>,
    /// The share; empty outside of any.
    pub share: String,
    /// `DOMAIN\user`; empty without a session.
    pub user: String,
    /// Address of the client.
    pub client: String,
    /// Path below the share's volume; empty where there is none.
    pub path: String,
    /// What it waited for longest.
    pub cause: Cause,
    /// How long it waited for that.
    pub caused: Duration,
}

#[derive(Debug, Default)]
struct Ring {
    made: u64,
    last: VecDeque<Slow>,
}

/// The last requests that took long.
#[derive(Debug)]
pub struct SlowRequests {
    threshold_nanos: AtomicU64,
    ring: Mutex<Ring>,
    count: Counter,
    took: Histogram,
}

impl Default for SlowRequests {
    fn default() -> Self {
        let requests = SlowRequests {
            threshold_nanos: AtomicU64::new(0),
            ring: Mutex::default(),
            count: Counter::default(),
            took: Histogram::default(),
        };
        requests.set_threshold(THRESHOLD);
        requests
    }
}

impl SlowRequests {
    /// What takes this long is kept from now on.
    pub fn set_threshold(&self, threshold: Duration) {
        let nanos = u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX);
        self.threshold_nanos.store(nanos, Ordering::Relaxed);
    }

    /// What takes this long is kept.
    #[inline]
    #[must_use]
    pub fn threshold(&self) -> Duration {
        Duration::from_nanos(self.threshold_nanos.load(Ordering::Relaxed))
    }

    /// Keeps one; its number is given here.
    pub fn keep(&self, mut slow: Slow) {
        self.count.add_shared(1);
        self.took.observe(Lane::SHARED, slow.took);
        let mut ring = self.ring.lock();
        ring.made = ring.made.saturating_add(1);
        slow.number = ring.made;
        if ring.last.len() >= KEPT {
            ring.last.pop_front();
        }
        ring.last.push_back(slow);
    }

    /// Those that are kept, the newest first.
    #[must_use]
    pub fn last(&self) -> Vec<Slow> {
        self.ring.lock().last.iter().rev().cloned().collect()
    }

    /// How long they took.
    #[must_use]
    pub fn times(&self) -> Distribution {
        self.took.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(path: &str) -> Slow {
        Slow {
            number: 0,
            began: FileTime(0),
            took: Duration::from_millis(300),
            command: 5,
            status: Some(0),
            share: "data".to_owned(),
            user: String::new(),
            client: "192.0.2.1".to_owned(),
            path: path.to_owned(),
            cause: Cause::Disk("Open"),
            caused: Duration::from_millis(299),
        }
    }

    #[test]
    fn the_last_ones_are_kept_and_numbered() {
        let requests = SlowRequests::default();
        for number in 0..KEPT + 10 {
            requests.keep(slow(&number.to_string()));
        }
        let last = requests.last();
        assert_eq!(last.len(), KEPT);
        assert_eq!((last[0].number, &*last[0].path), (266, "265"));
        assert_eq!((last[KEPT - 1].number, &*last[KEPT - 1].path), (11, "10"));
        assert_eq!(requests.times().count(), 266);
    }

    #[test]
    fn a_cause_names_who_is_waited_for() {
        let holder = |user: &str, client: &str| Holder { user: user.to_owned(), client: client.to_owned() };
        let cause = Cause::Break(vec![holder("CORP\\anna", "192.0.2.7"), holder("", "")]);
        assert_eq!(cause.text(), "lease break: 192.0.2.7 (CORP\\anna), a client that is gone");
        assert_eq!(Cause::DirectoryRead { entries: 5 }.text(), "directory of 5 entries being indexed");
    }
}
