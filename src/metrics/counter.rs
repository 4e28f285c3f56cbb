//! Counters on lanes.
//!
//! A lane belongs to one thread at a time, so that adding needs no locked instruction and no cache line moves between
//! processors. Readers see each lane's sum as it was a moment ago.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lanes that there are; the last one is for all threads that came later.
const LANES: usize = 64;

/// Which set of counters to add to. A thread takes one for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    index: u8,
    alone: bool,
}

impl Lane {
    /// The lane that any thread may use at any time.
    pub const SHARED: Lane = Lane { index: 63, alone: false };

    /// The lane of the thread of that number, which no other thread has: from the 64th on it is [`Lane::SHARED`].
    #[must_use]
    pub fn of_thread(number: usize) -> Lane {
        match u8::try_from(number) {
            Ok(index) if number.saturating_add(1) < LANES => Lane { index, alone: true },
            _ => Lane::SHARED,
        }
    }
}

/// A number that only grows; wraps after 2^64.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds, on a lane of the caller's.
    #[inline]
    pub fn add(&self, lane: Lane, count: u64) {
        if lane.alone { self.add_alone(count) } else { self.add_shared(count) }
    }

    /// Adds, where nobody else adds at the same time.
    #[inline]
    pub fn add_alone(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Adds, from any thread.
    #[inline]
    pub fn add_shared(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The sum.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Keeps what two threads write on different cache lines, those that processors fetch in pairs included.
#[repr(align(128))]
#[derive(Default)]
struct Apart<T>(T);

/// One `T` for each lane, made when it is first used.
pub struct Lanes<T> {
    lanes: [OnceLock<Box<Apart<T>>>; LANES],
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Lanes { lanes: std::array::from_fn(|_| OnceLock::new()) }
    }
}

impl<T> std::fmt::Debug for Lanes<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lanes({} used)", self.lanes.iter().filter(|lane| lane.get().is_some()).count())
    }
}

impl<T: Default> Lanes<T> {
    /// Those of a lane.
    #[inline]
    #[must_use]
    pub fn at(&self, lane: Lane) -> &T {
        #[allow(clippy::indexing_slicing)] // INVARIANT: below LANES wherever a `Lane` is made
        let place = &self.lanes[usize::from(lane.index) % LANES];
        &place.get_or_init(Box::default).0
    }

    /// Those that were used.
    pub fn used(&self) -> impl Iterator<Item = &T> {
        self.lanes.iter().filter_map(|lane| lane.get().map(|lane| &lane.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_beyond_the_lanes_lose_no_count() {
        let counters: Lanes<Counter> = Lanes::default();
        std::thread::scope(|scope| {
            for number in 0..100 {
                let counters = &counters;
                scope.spawn(move || {
                    let lane = Lane::of_thread(number);
                    for _ in 0..1_000 {
                        counters.at(lane).add(lane, 1);
                    }
                });
            }
        });
        assert_eq!(counters.used().map(Counter::value).sum::<u64>(), 100_000);
        assert_eq!(counters.used().count(), LANES);
    }

    #[test]
    fn lanes_do_not_share_a_cache_line() {
        let counters: Lanes<Counter> = Lanes::default();
        let place = |number| std::ptr::from_ref(counters.at(Lane::of_thread(number))) as usize;
        assert!(place(0).abs_diff(place(1)) >= 128);
    }
}
