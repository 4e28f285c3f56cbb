//! LastWriteTimes that are held back, on volumes that show them late (docs/decisions/0030-write-times.md): which files show what,
//! from when to when. The rule is [`crate::fsa::write_time`]'s.
//!
//! A file has an entry only while a handle that is open has writes pending. The locks here are leaves: one may be taken under an
//! open's own state, and nothing is locked under one. Nothing of it is touched by opens of other volumes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use freehold_dtyp::FileTime;

use super::event::Now;
use super::node::NodeKey;
use super::op::Op;
use super::open::FileOpen;
use super::sharded::Sharded;
use crate::fsa::write_time::Hold;
use crate::vfs::{Metadata, MetadataChange};

/// All holds of a server.
#[derive(Default)]
pub struct HeldTimes {
    holds: Sharded<NodeKey, Hold>,
    begun: AtomicU64,
}

impl HeldTimes {
    /// The LastWriteTime to show of a file instead of its own.
    #[must_use]
    pub fn shown(&self, key: NodeKey, now: Duration) -> Option<FileTime> {
        self.holds.shard(&key).get(&key).and_then(|hold| hold.shown(now))
    }

    /// Makes metadata of an open's file what is shown of it.
    #[inline]
    pub fn show(&self, file: &FileOpen, metadata: &mut Metadata, now: Now) {
        if file.delays_times
            && let Some(held) = self.shown(file.node.key, now.monotonic)
        {
            metadata.modified = held;
        }
    }

    /// Data is about to be written through a handle: the number to [`HeldTimes::learn`] the file's LastWriteTime for, before it
    /// is; `None` where it is known or the time is not held back. A named stream, a POSIX open and times that a client has set
    /// on the handle are not.
    #[inline]
    #[must_use]
    pub fn begin(&self, file: &FileOpen, now: Now) -> Option<u64> {
        if !file.delays_times || file.stream.is_some() || file.posix {
            return None;
        }
        let key = file.node.key;
        let mut state = file.state.lock();
        // Who closes it ends what was begun; afterwards nobody would.
        if state.closed || state.frozen_times.modified {
            return None;
        }
        let mut holds = self.holds.shard(&key);
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let hold = state.writes.begin(holds.get(&key).copied(), number, now.monotonic);
        holds.insert(key, hold);
        hold.wanted()
    }

    /// The file's LastWriteTime was read for a hold, which may be over by now.
    pub fn learn(&self, file: &FileOpen, number: u64, time: FileTime) {
        let key = file.node.key;
        if let Some(hold) = self.holds.shard(&key).get_mut(&key) {
            hold.learn(number, time);
        }
    }

    /// A flush, a new size or new times through a handle: the file's own LastWriteTime is shown from now on. Where writes of the
    /// handle were held back, the operation that makes it the present one, to be run before the reply.
    #[inline]
    #[must_use]
    pub fn end(&self, file: &FileOpen, now: Now) -> Option<Op> {
        if !file.delays_times {
            return None;
        }
        let own = self.end_own(file, now);
        self.forget(file.node.key);
        own
    }

    /// A handle is closed: the same, where it has written since the last end. Where it has not, nothing is ended.
    #[inline]
    #[must_use]
    pub fn end_own(&self, file: &FileOpen, now: Now) -> Option<Op> {
        if !file.delays_times {
            return None;
        }
        let frozen = {
            let mut state = file.state.lock();
            if !state.writes.end() {
                return None;
            }
            state.frozen_times
        };
        let was_on =
            self.holds.remove(&file.node.key).is_some_and(|hold| hold.shown(now.monotonic).is_some());
        // A change of one time is one of ChangeTime as well.
        let may_change = was_on && !frozen.modified && !frozen.changed;
        let change = MetadataChange { modified: Some(now.wall), ..MetadataChange::default() };
        may_change.then(|| Op::SetMetadata { file: file.file.clone(), change })
    }

    /// A handle is not its client's any more, and waits for it to come back: what was written through it is seen.
    pub fn lost(&self, file: &FileOpen) {
        if file.delays_times && file.state.lock().writes.end() {
            self.forget(file.node.key);
        }
    }

    /// The file's own LastWriteTime is shown from now on.
    pub fn forget(&self, key: NodeKey) {
        self.holds.remove(&key);
    }

    /// True when no time is held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }
}
