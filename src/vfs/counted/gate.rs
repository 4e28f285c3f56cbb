//! Lets changes through, all at once, until somebody needs a moment in which none is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::vfs::remark::{self, Remark};

/// Counters of changes that are under way: unrelated files meet in none.
const COUNTERS: usize = 64;

#[repr(align(128))]
#[derive(Default)]
struct Counter(AtomicU64);

pub(super) struct Gate {
    inside: [Counter; COUNTERS],
    closed: AtomicBool,
    closing: Mutex<()>,
}

/// A change is under way. One thread has one at a time, and takes it before any lock of a file.
pub(super) struct Pass<'a>(&'a AtomicU64);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// No change is under way.
pub(super) struct Closed<'a> {
    gate: &'a Gate,
    _alone: MutexGuard<'a, ()>,
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.closed.store(false, Ordering::SeqCst);
    }
}

impl Gate {
    pub(super) fn new() -> Gate {
        Gate {
            inside: std::array::from_fn(|_| Counter::default()),
            closed: AtomicBool::new(false),
            closing: Mutex::new(()),
        }
    }

    /// Begins a change of the file with this id.
    pub(super) fn enter(&self, id: u64) -> Pass<'_> {
        let counter = &self.inside[id as usize % COUNTERS].0;
        loop {
            counter.fetch_add(1, Ordering::SeqCst);
            if !self.closed.load(Ordering::SeqCst) {
                return Pass(counter);
            }
            counter.fetch_sub(1, Ordering::SeqCst);
            let began = Instant::now();
            drop(self.closing.lock());
            // Whoever asks why this took long is told.
            remark::leave(Remark::QuotaRecount, began);
        }
    }

    /// Waits until no change is under way, and keeps others from beginning.
    pub(super) fn close(&self) -> Closed<'_> {
        let alone = self.closing.lock();
        self.closed.store(true, Ordering::SeqCst);
        for counter in &self.inside {
            let mut rounds = 0;
            while counter.0.load(Ordering::SeqCst) != 0 {
                wait(&mut rounds);
            }
        }
        Closed { gate: self, _alone: alone }
    }
}

/// Waits a little for what another thread is about to finish.
pub(super) fn wait(rounds: &mut u32) {
    *rounds += 1;
    match *rounds {
        0..64 => std::hint::spin_loop(),
        64..128 => std::thread::yield_now(),
        _ => std::thread::sleep(std::time::Duration::from_micros(100)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_closed_is_alone() {
        let gate = Arc::new(Gate::new());
        let inside = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..4)
            .map(|id| {
                let (gate, inside, stop) = (Arc::clone(&gate), Arc::clone(&inside), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let mut passes = 0;
                    while !stop.load(Ordering::Relaxed) || passes == 0 {
                        let pass = gate.enter(id);
                        inside.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(pass);
                        passes += 1;
                    }
                    passes
                })
            })
            .collect();
        for _ in 0..200 {
            let closed = gate.close();
            for _ in 0..50 {
                assert_eq!(inside.load(Ordering::SeqCst), 0);
            }
            drop(closed);
        }
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            assert!(thread.join().unwrap() > 0);
        }
    }
}
