//! The files that somebody has open: share modes, delete-pending, oplocks, leases and byte-range locks of each, found by
//! file id. A cell lives as long as an open or a request holds it.

use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::op::VolumeId;
use super::sharded::Sharded;
use crate::fsa::Node;
use crate::vfs::{FileRef, NodeId};

/// Names a file of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// Its volume.
    pub volume: VolumeId,
    /// Its id there.
    pub id: NodeId,
}

/// One file's state, behind its own lock.
pub struct NodeCell {
    /// Which file.
    pub key: NodeKey,
    state: Mutex<Node>,
    deletion: Mutex<Option<FileRef>>,
}

impl NodeCell {
    /// Locks the state. Never hold two nodes' locks; never run an operation or post to a connection's own queue while
    /// holding one longer than needed.
    pub fn lock(&self) -> MutexGuard<'_, Node> {
        self.state.lock()
    }

    /// Keeps the handle whose name a pending deletion removes, until the last open of the file is closed. The first one
    /// counts: it names the link that was deleted.
    pub fn keep_for_deletion(&self, file: &FileRef) {
        self.deletion.lock().get_or_insert_with(|| file.clone());
    }

    /// The kept handle. Taken when the deletion is done, or taken back.
    pub fn take_deletion(&self) -> Option<FileRef> {
        self.deletion.lock().take()
    }
}

/// Entries of a shard at which the ones of files that nobody has open are first looked for.
const PURGE_AT: usize = 64;

/// All open files, in shards.
#[derive(Default)]
pub struct NodeTable {
    cells: Sharded<NodeKey, Weak<NodeCell>>,
}

impl NodeTable {
    /// The cell of a file, made when nobody has it open.
    pub fn cell(&self, key: NodeKey) -> Arc<NodeCell> {
        let mut shard = self.cells.shard(&key);
        if let Some(cell) = shard.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        if shard.len() >= PURGE_AT && shard.len().is_power_of_two() {
            // What two closes at the same time left to each other.
            shard.retain(|_, cell| cell.strong_count() != 0);
        }
        let cell = Arc::new(NodeCell { key, state: Mutex::default(), deletion: Mutex::default() });
        shard.insert(key, Arc::downgrade(&cell));
        cell
    }

    /// The cell of a file, when somebody has it open.
    pub fn find(&self, key: NodeKey) -> Option<Arc<NodeCell>> {
        self.cells.shard(&key).get(&key).and_then(Weak::upgrade)
    }

    /// Forgets a cell of which the caller holds the last reference. Called when an open is closed or refused.
    pub fn release(&self, cell: &Arc<NodeCell>) {
        let mut shard = self.cells.shard(&cell.key);
        // References come from this table or from another reference: under the shard's lock nobody can get one.
        let mine = shard.get(&cell.key).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), Arc::as_ptr(cell)));
        if mine && Arc::strong_count(cell) == 1 {
            shard.remove(&cell.key);
        }
    }

    /// True when no file is open.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}
