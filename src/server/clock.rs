//! The system's clocks as the core wants them.

use std::time::{Instant, SystemTime};

use freehold_dtyp::FileTime;

use crate::proto::event::Now;

/// Reads both clocks; the monotonic one counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Clock { started: Instant::now() }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { monotonic: self.started.elapsed(), wall: FileTime::from_system_time(SystemTime::now()) }
    }

    /// The monotonic clock alone.
    #[must_use]
    pub fn monotonic(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// The instant at which the monotonic clock shows `monotonic`.
    #[must_use]
    pub fn instant(&self, monotonic: std::time::Duration) -> Instant {
        self.started + monotonic
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}
