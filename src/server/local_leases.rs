//! Operations on files that a program of this machine has a lease on (`F_SETLEASE`; fcntl(2)): a file server beside this
//! one, for instance, whose clients cache the file. The kernel has told the program to give it up, and lets nobody open the
//! file's data until it has, or until `/proc/sys/fs/lease-break-time` has passed. No thread waits for that: the operation is
//! run again from time to time, and everything else of the connection goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::worker::{Outcome, execute, still_leased};
use crate::proto::op::{Op, OpResult};
use crate::vfs::Wait;

/// When an operation is first run again.
const FIRST: Duration = Duration::from_millis(10);
/// The longest time between two runs.
const LAST: Duration = Duration::from_millis(250);
/// What an administrator may set the kernel's patience to and be followed, in seconds; it is 45 by default.
const PATIENCE_SECONDS: std::ops::RangeInclusive<u64> = 1..=120;
/// Where the kernel's patience cannot be read, or has no end.
const DEFAULT_SECONDS: u64 = 45;
/// The kernel counts from when it told the program, and looks once a second.
const GRACE: Duration = Duration::from_secs(2);

/// Runs an operation again until the program has given its lease up, the kernel has taken it, or `ended` is set: then it
/// fails, as an open that others forbid.
pub(super) async fn wait(mut op: Op, ended: &AtomicBool) -> OpResult {
    let began = Instant::now();
    let patience = patience(std::fs::read_to_string("/proc/sys/fs/lease-break-time").ok().as_deref());
    let mut pause = FIRST;
    loop {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LAST);
        let last = ended.load(Ordering::Relaxed) || began.elapsed() > patience;
        let run = tokio::task::spawn_blocking(move || match execute(op, Wait::Allowed) {
            Outcome::WouldBlock(op) if last => Outcome::Done(still_leased(op)),
            outcome => outcome,
        });
        match run.await {
            Ok(Outcome::Done(result)) => return result,
            Ok(Outcome::WouldBlock(again)) => op = again,
            // The runtime is going: nobody is answered any more.
            Err(_) => return std::future::pending().await,
        }
    }
}

/// How long an operation is run again, by what the kernel says of its own patience in seconds.
fn patience(lease_break_time: Option<&str>) -> Duration {
    let seconds = lease_break_time
        .and_then(|text| text.trim().parse().ok())
        .filter(|seconds| PATIENCE_SECONDS.contains(seconds))
        .unwrap_or(DEFAULT_SECONDS);
    Duration::from_secs(seconds) + GRACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_patience_is_followed_within_reason() {
        assert_eq!(patience(Some("45\n")), Duration::from_secs(47));
        assert_eq!(patience(Some("3")), Duration::from_secs(5));
        for unusable in [None, Some("0"), Some("100000"), Some("-1"), Some("soon")] {
            assert_eq!(patience(unusable), Duration::from_secs(47), "{unusable:?}");
        }
    }
}
