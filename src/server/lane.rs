//! The counters of each thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::metrics::Lane;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LANE: Lane = Lane::of_thread(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// The lane of the calling thread, which keeps it for good: for the threads that serve connections.
pub(super) fn here() -> Lane {
    LANE.with(|lane| *lane)
}
