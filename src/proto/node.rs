//! The files that somebody has open: share modes, delete-pending, oplocks, leases and byte-range locks of each, found by
//! file id. A cell lives as long as an open or a request holds it.

use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::op::VolumeId;
use super::sharded::Sharded;
use crate::fsa::Node;
use crate::vfs::NodeId;

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
}

impl NodeCell {
    /// Locks the state. Never hold two nodes' locks; never run an operation or post to a connection's own queue while
    /// holding one longer than needed.
    pub fn lock(&self) -> MutexGuard<'_, Node> {
        self.state.lock()
    }
}

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
        let cell = Arc::new(NodeCell { key, state: Mutex::new(Node::default()) });
        shard.insert(key, Arc::downgrade(&cell));
        cell
    }

    /// The cell of a file, when somebody has it open.
    pub fn find(&self, key: NodeKey) -> Option<Arc<NodeCell>> {
        self.cells.shard(&key).get(&key).and_then(Weak::upgrade)
    }

    /// Forgets a cell that nobody holds any more. Called after an open was dropped.
    pub fn forget(&self, key: NodeKey) {
        let mut shard = self.cells.shard(&key);
        if shard.get(&key).is_some_and(|cell| cell.strong_count() == 0) {
            shard.remove(&key);
        }
    }

    /// True when no file is open.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}
