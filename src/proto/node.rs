//! The files that somebody has open: share modes, delete-pending, oplocks, leases and byte-range locks of each, found by
//! file id. A cell lives as long as an open or a request holds it.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Mutex, MutexGuard};

use super::audit::OpenAudit;
use super::directory_lease::{DirectoryLeases, Listed};
use super::op::VolumeId;
use super::open::{FileOpen, Open};
use super::sharded::Sharded;
use crate::fsa::{LinkId, Node};
use crate::vfs::{FileRef, Metadata, NodeId, NodeKind, VfsPath};

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
    deletions: Mutex<Vec<(LinkId, Deletion)>>,
    /// Of a directory on which somebody holds, or has held, a lease: where changes in it find it.
    listed: OnceLock<Listed>,
    /// Its persistent opens, where it has, or has had, any: their store hears of what others change of them.
    persistent: OnceLock<Mutex<Vec<Weak<Open>>>>,
    /// Where it is found; it forgets itself there.
    table: Arc<Sharded<NodeKey, Weak<NodeCell>>>,
}

impl Drop for NodeCell {
    fn drop(&mut self) {
        let mut shard = self.table.shard(&self.key);
        // Somebody may have made a new cell for the file since the last reference to this one was gone.
        if shard.get(&self.key).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), self)) {
            shard.remove(&self.key);
        }
    }
}

/// A deletion that waits for the last open of a file to be closed.
pub struct Deletion {
    /// The handle whose name it removes.
    pub file: FileRef,
    /// What is recorded of it.
    pub audit: Option<Arc<OpenAudit>>,
}

/// A deletion that the volume has been asked for. While it is there, who opens the file waits, so that nobody gets hold of
/// what is about to go; to be dropped when the volume has answered.
pub struct DeletionUnderWay {
    cell: Arc<NodeCell>,
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl DeletionUnderWay {
    /// Of a node whose [`Node::close`] has said that something is to be deleted.
    #[must_use]
    pub fn new(cell: &Arc<NodeCell>) -> Self {
        DeletionUnderWay { cell: Arc::clone(cell), then: None }
    }

    /// Does something when the volume has answered. It may lock nodes.
    pub fn then(&mut self, then: impl FnOnce() + Send + 'static) {
        self.then = Some(Box::new(then));
    }
}

impl Drop for DeletionUnderWay {
    fn drop(&mut self) {
        self.cell.lock().deletion_done();
        if let Some(then) = self.then.take() {
            then();
        }
    }
}

impl NodeCell {
    /// Locks the state. Never hold two nodes' locks; never run an operation or post to a connection's own queue while
    /// holding one longer than needed.
    pub fn lock(&self) -> MutexGuard<'_, Node> {
        self.state.lock()
    }

    /// Keeps the handle whose name a pending deletion removes, until the last open through that link is closed. The first
    /// one counts.
    pub fn keep_for_deletion(&self, link: LinkId, open: &FileOpen) {
        let mut deletions = self.deletions.lock();
        if !deletions.iter().any(|(other, _)| other.may_be(link)) {
            deletions.push((link, Deletion { file: open.file.clone(), audit: open.audit.clone() }));
        }
    }

    /// Notes a persistent open of the file.
    pub fn add_persistent(&self, open: &Arc<Open>) {
        self.persistent.get_or_init(Mutex::default).lock().push(Arc::downgrade(open));
    }

    /// Forgets one that is closed.
    pub fn forget_persistent(&self, open: &Open) {
        if let Some(opens) = self.persistent.get() {
            opens.lock().retain(|known| !std::ptr::eq(known.as_ptr(), open));
        }
    }

    /// Its persistent opens. Costs nothing for a file that never had any.
    #[must_use]
    pub fn persistent(&self) -> Vec<Arc<Open>> {
        let Some(opens) = self.persistent.get() else { return Vec::new() };
        opens.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Lets changes in this directory find it, before a lease on it is granted.
    pub fn list_directory(self: &Arc<Self>, leases: &DirectoryLeases, directory: &FileRef) {
        self.listed.get_or_init(|| leases.list(self.key.volume, directory, self));
    }

    /// The kept handle of a link. Taken when the deletion is done, or taken back.
    pub fn take_deletion(&self, link: LinkId) -> Option<Deletion> {
        let mut deletions = self.deletions.lock();
        let index = deletions.iter().position(|(other, _)| other.may_be(link))?;
        Some(deletions.swap_remove(index).1)
    }
}

/// What a stream has for byte-range locks to be on ([MS-FSA] Stream.AllocationSize): its clusters, or its size where that is
/// more, as in a sparse file.
#[must_use]
pub fn backed_bytes(metadata: &Metadata) -> u64 {
    metadata.allocated_bytes.max(metadata.size_bytes)
}

/// The link that a file was found by: of a file with one link all opens came the same way.
#[must_use]
pub fn link_id(metadata: &Metadata, path: &VfsPath) -> LinkId {
    if metadata.links > 1 && metadata.kind == NodeKind::File { link_of_path(path) } else { LinkId::ONLY }
}

/// The link that has this name.
#[must_use]
pub fn link_of_path(path: &VfsPath) -> LinkId {
    let mut hasher = std::hash::DefaultHasher::new();
    path.hash(&mut hasher);
    LinkId(hasher.finish().max(1))
}

/// All open files, in shards.
#[derive(Default)]
pub struct NodeTable {
    cells: Arc<Sharded<NodeKey, Weak<NodeCell>>>,
}

impl NodeTable {
    /// The cell of a file, made when nobody has it open.
    pub fn cell(&self, key: NodeKey) -> Arc<NodeCell> {
        let mut shard = self.cells.shard(&key);
        if let Some(cell) = shard.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        let cell = Arc::new(NodeCell {
            key,
            state: Mutex::default(),
            deletions: Mutex::default(),
            listed: OnceLock::new(),
            persistent: OnceLock::new(),
            table: Arc::clone(&self.cells),
        });
        shard.insert(key, Arc::downgrade(&cell));
        cell
    }

    /// The cell of a file, when somebody has it open.
    pub fn find(&self, key: NodeKey) -> Option<Arc<NodeCell>> {
        self.cells.shard(&key).get(&key).and_then(Weak::upgrade)
    }

    /// The cells of all files that somebody has open, for counting.
    pub fn cells(&self) -> Vec<Arc<NodeCell>> {
        self.cells.values().iter().filter_map(Weak::upgrade).collect()
    }

    /// True when no file is open.
    pub fn is_empty(&self) -> bool {
        self.cells.values().iter().all(|cell| cell.strong_count() == 0)
    }
}
