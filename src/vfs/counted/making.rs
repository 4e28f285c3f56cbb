//! Files that are being made, and are not charged yet.
//!
//! Between the moment when a new file can be seen and the moment when it is charged, its name must stay: if the server were
//! killed then, it would be looked for there. Whoever renames or removes a file that may be so new waits until it is
//! charged, before it takes the file's lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::gate::wait;

/// Places for files that are being made: a thread has one of its own in practice.
const PLACES: usize = 64;

#[repr(align(128))]
#[derive(Default)]
struct Place(AtomicU64);

pub(super) struct Making {
    /// Each the newest file id before the file, and one; 0 where nothing is being made.
    places: [Place; PLACES],
}

/// A file is being made, until this is dropped.
pub(super) struct Made<'a>(&'a AtomicU64);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

impl Making {
    pub(super) fn new() -> Making {
        Making { places: std::array::from_fn(|_| Place::default()) }
    }

    /// A file with an id above `newest` is about to be made.
    pub(super) fn begin(&self, newest: u64) -> Made<'_> {
        thread_local! {
            static HINT: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut place = HINT.get();
        if place == usize::MAX {
            place = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
            HINT.set(place);
        }
        let mut rounds = 0;
        loop {
            let own = &self.places[place].0;
            let mine = newest.saturating_add(1);
            if own.compare_exchange(0, mine, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                return Made(own);
            }
            place = (place + 1) % PLACES;
            if place == HINT.get() {
                wait(&mut rounds);
            }
        }
    }

    /// Waits until the file `id`, which can be seen, is charged. The caller has no file's lock. `is_charged` may be asked first where
    /// that is not certain.
    pub(super) fn wait_until_charged(&self, id: u64, is_charged: impl Fn(u64) -> bool) {
        for place in &self.places {
            let began = place.0.load(Ordering::SeqCst);
            // A file is newer than everything that was there when its making began.
            if began == 0 || began > id {
                continue;
            }
            let mut rounds = 0;
            while place.0.load(Ordering::SeqCst) == began && !is_charged(id) {
                wait(&mut rounds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_new_file_keeps_its_name_until_it_is_charged() {
        let making = Making::new();
        let made = making.begin(10);
        making.wait_until_charged(10, |_| false); // it was there before
        making.wait_until_charged(11, |_| true);
        let waited = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                making.wait_until_charged(11, |_| false);
                waited.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!waited.load(Ordering::SeqCst));
            drop(made);
        });
        assert!(waited.load(Ordering::SeqCst));
        making.wait_until_charged(u64::MAX, |_| false);
    }
}
