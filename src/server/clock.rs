//! The system's clocks as the core wants them.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use freehold_dtyp::FileTime;

use crate::proto::event::Now;

/// The wall clock is looked at this often by each thread, and told by the monotonic one in between: a request needs the time twice
/// and more, and each reading costs as much as all the rest of its counting. However the wall clock is set, it is believed after this time; the
/// two drift apart by a few nanoseconds in it at most.
const BELIEVED_FOR: Duration = Duration::from_millis(10);

thread_local! {
    /// What both clocks showed when the wall clock was last looked at: the monotonic one as an instant.
    static LOOKED: Cell<Option<(Instant, FileTime)>> = const { Cell::new(None) };
}

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
        let now = Instant::now();
        Now { monotonic: now.saturating_duration_since(self.started), wall: wall_at(now) }
    }

    /// The monotonic clock alone.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    /// The instant at which the monotonic clock shows `monotonic`.
    #[must_use]
    pub fn instant(&self, monotonic: Duration) -> Instant {
        self.started + monotonic
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

/// What the wall clock shows at `now`, which is the present.
fn wall_at(now: Instant) -> FileTime {
    if let Some((at, wall)) = LOOKED.get() {
        let since = now.saturating_duration_since(at);
        if since < BELIEVED_FOR {
            // Below 10 ms: far below the limit of the type. A unit of FILETIME is 100 ns.
            return FileTime(wall.0.saturating_add(since.as_nanos() as u64 / 100));
        }
    }
    let wall = FileTime::from_system_time(SystemTime::now());
    LOOKED.set(Some((now, wall)));
    wall
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on_together() {
        let clock = Clock::new();
        let mut last = clock.now();
        for _ in 0..20_000 {
            let now = clock.now();
            let system = FileTime::from_system_time(SystemTime::now());
            assert!(now.monotonic >= last.monotonic);
            // A thread may be set aside between the two readings.
            assert!(system.0.abs_diff(now.wall.0) < 20_000_000, "{} {}", system.0, now.wall.0);
            last = now;
        }
    }

    #[test]
    fn the_wall_clock_is_looked_at_again() {
        let clock = Clock::new();
        let _ = clock.now();
        // As if it had been set since. A thread may be set aside for longer than it is believed.
        let believed = (0..1_000).any(|_| {
            LOOKED.set(Some((Instant::now(), FileTime(5))));
            clock.now().wall.0 < 1_000_000
        });
        assert!(believed);
        std::thread::sleep(BELIEVED_FOR);
        assert!(clock.now().wall.0 > 100_000_000_000_000_000);
    }
}
