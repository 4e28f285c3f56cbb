//! Which files are just being made: whoever finds one that has no attribute yet waits until it has.
//!
//! A file appears in its folder by one system call and gets its attribute by the next. In between, another thread that
//! finds it would take it for one that was put there by another program, with another id, owner and descriptor. So
//! whoever makes a file holds its folder's lock for reading from before the file appears until it is complete (or gone
//! again), and whoever finds a file without an attribute takes each of these locks once and looks again. A file that
//! has its attribute costs nobody anything.
//!
//! Lock order: after all others but the caches' (`nodes`, and the table of `indexes`). Who holds one for reading takes
//! no lock of an index, since those who wait may hold them.

use std::array;

use parking_lot::{RwLock, RwLockReadGuard};

use super::sys::NodeKey;

/// Locks: files that are made in different folders seldom meet in one, and only in its counter.
const SHARDS: usize = 16;

/// Apart from the others in the processors' caches.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(RwLock<()>);

/// The files that are being made in one volume.
#[derive(Debug)]
pub(super) struct Making {
    shards: [Shard; SHARDS],
}

/// A file is being made until this is dropped.
pub(super) struct Unfinished<'a> {
    _shared: RwLockReadGuard<'a, ()>,
}

impl Making {
    pub(super) fn new() -> Self {
        Making { shards: array::from_fn(|_| Shard::default()) }
    }

    /// A file is about to appear in `folder`. To be called before it does.
    pub(super) fn begin(&self, folder: NodeKey) -> Unfinished<'_> {
        let spread = folder.ino.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Unfinished { _shared: self.shards[(spread >> 60) as usize % SHARDS].0.read() }
    }

    /// Waits until every file that can be seen now, and was made by this volume, is complete.
    pub(super) fn wait_for_all(&self) {
        for shard in &self.shards {
            // Waits for those that were there before, and lets none in front of it.
            drop(shard.0.write());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn who_waits_sees_the_end_of_what_began_before() {
        let making = Making::new();
        let done = AtomicBool::new(false);
        for ino in 0..64 {
            done.store(false, Ordering::SeqCst);
            let unfinished = making.begin(NodeKey { dev: 1, ino });
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    making.wait_for_all();
                    done.load(Ordering::SeqCst)
                });
                std::thread::sleep(std::time::Duration::from_millis(1));
                done.store(true, Ordering::SeqCst);
                drop(unfinished);
                assert!(waiting.join().expect("no panic"));
            });
        }
    }
}
