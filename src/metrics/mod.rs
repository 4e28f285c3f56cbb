//! What operators see of a running server: plain counters that the core and its shell add to, and the picture that is made of
//! them ([`snapshot`]) as rows and as OpenMetrics text.
//!
//! Owns counters, histograms, the table of the most active users and the list of slow requests. Has no I/O, no clock and no threads: whoever
//! counts says when and on which [`Lane`]. Requests are counted on lanes, one for each thread that serves connections, so that
//! counting costs an addition to memory that no other processor writes; what is rare is counted in one place.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod command;
mod counter;
mod histogram;
pub mod openmetrics;
mod rare;
mod slow;
pub mod snapshot;
mod users;

use std::time::Duration;

pub use command::{COMMANDS, Counted, Requests, Sizes, StatusClass, command_name};
pub use counter::{Counter, Lane, Lanes};
pub use histogram::{BOUNDS_MICROS, Distribution, Histogram};
pub use rare::{Breaks, Logons};
pub use slow::{Cause, Holder, Slow, SlowRequests};
pub use users::{TopUser, Usage, UserReport, Users};

/// Kinds of operations that the shell runs, by number; the core gives them their names.
pub const OPERATIONS: usize = 48;

/// How long each command took: the time from the last byte of its frame to its reply's place in the queue to the socket.
pub struct Latencies([Histogram; COMMANDS]);

impl Default for Latencies {
    fn default() -> Self {
        Latencies(std::array::from_fn(|_| Histogram::default()))
    }
}

/// How long each kind of operation took.
pub struct Operations([Histogram; OPERATIONS]);

impl Default for Operations {
    fn default() -> Self {
        Operations(std::array::from_fn(|_| Histogram::default()))
    }
}

/// All that is counted of a server, apart from what is counted per share.
#[derive(Default)]
pub struct Metrics {
    /// Requests outside of any share: NEGOTIATE, SESSION_SETUP, TREE_CONNECT and the like.
    pub no_share: Requests,
    latencies: Lanes<Latencies>,
    operations: Lanes<Operations>,
    /// How long operations waited for a thread that may block.
    pub queue_waits: Lanes<Histogram>,
    /// Breaks of oplocks and leases.
    pub breaks: Breaks,
    /// Logons.
    pub logons: Logons,
    /// Who does most.
    pub users: Users,
    /// Requests that took long, and why.
    pub slow: SlowRequests,
    /// Times that a domain controller was asked, and how long that took.
    pub controllers: Histogram,
}

impl Metrics {
    /// Takes in how long a command took; `command` is the number of [MS-SMB2] 2.2.1.
    pub fn answered(&self, lane: Lane, command: u8, took: Duration) {
        let histograms = &self.latencies.at(lane).0;
        if let Some(histogram) = histograms.get(usize::from(command)).or(histograms.last()) {
            histogram.observe(lane, took);
        }
    }

    /// Takes in how long an operation took.
    pub fn operated(&self, lane: Lane, kind: u8, took: Duration) {
        if let Some(histogram) = self.operations.at(lane).0.get(usize::from(kind)) {
            histogram.observe(lane, took);
        }
    }

    /// How long a command took, over all lanes.
    #[must_use]
    pub fn latency(&self, command: usize) -> Distribution {
        let mut sum = Distribution::default();
        for lane in self.latencies.used() {
            if let Some(histogram) = lane.0.get(command) {
                histogram.add_to(&mut sum);
            }
        }
        sum
    }

    /// How long a kind of operation took, over all lanes.
    #[must_use]
    pub fn operation(&self, kind: usize) -> Distribution {
        let mut sum = Distribution::default();
        for lane in self.operations.used() {
            if let Some(histogram) = lane.0.get(kind) {
                histogram.add_to(&mut sum);
            }
        }
        sum
    }

    /// How long operations waited for a thread, over all lanes.
    #[must_use]
    pub fn queue_wait(&self) -> Distribution {
        let mut sum = Distribution::default();
        for lane in self.queue_waits.used() {
            lane.add_to(&mut sum);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lanes_count_is_seen_as_one() {
        let metrics = Metrics::default();
        metrics.answered(Lane::of_thread(0), 8, Duration::from_micros(10));
        metrics.answered(Lane::of_thread(1), 8, Duration::from_micros(20));
        metrics.answered(Lane::SHARED, 8, Duration::from_micros(30));
        metrics.answered(Lane::SHARED, 9, Duration::from_micros(30));
        let read = metrics.latency(8);
        assert_eq!((read.count(), read.sum_nanos), (3, 60_000));
        assert_eq!(metrics.latency(9).count(), 1);
        assert_eq!(metrics.latency(5).count(), 0);
    }

    #[test]
    fn an_unknown_command_is_counted_as_other() {
        let metrics = Metrics::default();
        metrics.answered(Lane::SHARED, 200, Duration::from_micros(10));
        assert_eq!(metrics.latency(COMMANDS - 1).count(), 1);
        metrics.operated(Lane::SHARED, 200, Duration::from_micros(10));
        assert!((0..OPERATIONS).all(|kind| metrics.operation(kind).count() == 0));
    }
}
