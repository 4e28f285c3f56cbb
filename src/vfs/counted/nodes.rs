//! What is known of the files that are open: whom they are charged to, and how much.
//!
//! A file's state is under a lock of that file, which changes of its size, owner or names take. Writing inside of the present
//! size takes none: the writer counts itself in, and whoever makes the file shorter waits for those that are in.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use freehold_dtyp::Wtf8Buf;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::account::{Account, signed};
use super::classes::ClassState;
use super::gate::wait;

/// Locks of the table: unrelated files seldom meet in one, and it is held for a look-up only.
const SHARDS: usize = 256;

/// An open file.
pub(super) struct Node {
    pub(super) id: u64,
    /// Size of the unnamed stream, 0 until it is known.
    size: AtomicU64,
    /// Writers inside of the present size.
    writers: AtomicU32,
    /// It counts for a class of files ([`ClassState`]).
    pub(super) is_classed: AtomicBool,
    pub(super) state: Mutex<NodeState>,
}

#[derive(Default)]
pub(super) struct NodeState {
    /// `None` until it is needed.
    pub(super) charged: Option<Charged>,
    /// Which class of files it counts for.
    pub(super) class: ClassState,
    /// Named streams that are open and have names.
    pub(super) streams: Vec<(Wtf8Buf, Arc<OpenStream>)>,
    /// It has no name any more.
    pub(super) gone: bool,
    /// One of its names went: a handle may have come through it.
    pub(super) lost_a_name: bool,
    /// It may take other blocks on disk than when it was looked at.
    pub(super) moved_blocks: bool,
}

/// What a file is charged for.
pub(super) struct Charged {
    pub(super) owner: Arc<Account>,
    /// Folder quotas above it.
    pub(super) folders: SmallVec<[Arc<Account>; 2]>,
    /// When `folders` was found out.
    pub(super) generation: u64,
    /// Bytes of the unnamed stream.
    pub(super) main: u64,
    /// Bytes of the named streams.
    pub(super) named: u64,
    /// Bytes on disk when it was looked at last.
    pub(super) physical: u64,
}

impl Charged {
    /// Every account that is charged.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> + Clone {
        std::iter::once(&self.owner).chain(&self.folders)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.main.saturating_add(self.named)
    }
}

/// A named stream that is open; changed under the lock of its file.
#[derive(Default)]
pub(super) struct OpenStream {
    pub(super) size: AtomicU64,
    /// Whom it is charged to since it has no name any more, whoever owns the file then.
    pub(super) gone: OnceLock<Vec<Arc<Account>>>,
    /// It became the file's unnamed stream.
    pub(super) unnamed: AtomicBool,
}

impl OpenStream {
    /// It has no name any more. Returns the bytes that stay charged while it is open.
    pub(super) fn lost_its_name(&self, charged: Option<&Charged>) -> i64 {
        let _ =
            self.gone.set(charged.map(|charged| charged.accounts().cloned().collect()).unwrap_or_default());
        signed(self.size.load(Ordering::SeqCst))
    }
}

impl Node {
    fn new(id: u64) -> Node {
        Node {
            id,
            size: AtomicU64::new(0),
            writers: AtomicU32::new(0),
            is_classed: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Begins a write that ends at `end`, if that is inside of the present size.
    #[inline]
    pub(super) fn write_inside(&self, end: u64) -> Option<Inside<'_>> {
        if end > self.size.load(Ordering::Relaxed) {
            return None;
        }
        let inside = Inside(self);
        self.writers.fetch_add(1, Ordering::SeqCst);
        (end <= self.size.load(Ordering::SeqCst)).then_some(inside)
    }

    /// The file has this size, or is about to be made as short: who writes inside of it from now on sees it.
    pub(super) fn set_size(&self, size: u64) {
        if self.size.swap(size, Ordering::SeqCst) > size {
            let mut rounds = 0;
            while self.writers.load(Ordering::SeqCst) != 0 {
                wait(&mut rounds);
            }
        }
    }
}

/// A write inside of the present size is under way.
pub(super) struct Inside<'a>(&'a Node);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.writers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    /// Ids are handed out one after the other by the volume.
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    }
}

#[derive(Default)]
struct Shard {
    open: HashMap<u64, (Arc<Node>, usize), BuildHasherDefault<IdHasher>>,
    /// Highest id of a file that was changed and closed.
    highest_changed: u64,
}

#[repr(align(128))]
#[derive(Default)]
struct Padded(Mutex<Shard>);

/// Every open file that may change.
pub(super) struct Nodes {
    shards: Vec<Padded>,
}

impl Nodes {
    pub(super) fn new() -> Nodes {
        Nodes { shards: (0..SHARDS).map(|_| Padded::default()).collect() }
    }

    fn shard(&self, id: u64) -> &Mutex<Shard> {
        &self.shards[id as usize % SHARDS].0
    }

    /// One more handle of the file. True where nobody can have changed a file that was just made.
    pub(super) fn enter(&self, id: u64) -> (Arc<Node>, bool) {
        let mut shard = self.shard(id).lock();
        let mut fresh = false;
        let highest = shard.highest_changed;
        let (node, handles) = shard.open.entry(id).or_insert_with(|| {
            fresh = id > highest;
            (Arc::new(Node::new(id)), 0)
        });
        *handles += 1;
        (Arc::clone(node), fresh)
    }

    /// The file with this id, if it is open.
    pub(super) fn find(&self, id: u64) -> Option<Arc<Node>> {
        self.shard(id).lock().open.get(&id).map(|(node, _)| Arc::clone(node))
    }

    /// One handle less. True when it was the last.
    pub(super) fn leave(&self, id: u64) -> bool {
        let mut shard = self.shard(id).lock();
        let Some((node, handles)) = shard.open.get_mut(&id) else { return false };
        *handles -= 1;
        if *handles > 0 {
            return false;
        }
        // Nobody else has it, and whoever comes now waits for the shard.
        let changed = node.state.try_lock().is_none_or(|state| state.charged.is_some());
        shard.open.remove(&id);
        if changed {
            shard.highest_changed = shard.highest_changed.max(id);
        }
        true
    }

    /// The open files that count for a class.
    pub(super) fn classed(&self) -> Vec<Arc<Node>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.0.lock();
            let classed = shard.open.values().filter(|(node, _)| node.is_classed.load(Ordering::Relaxed));
            found.extend(classed.map(|(node, _)| Arc::clone(node)));
        }
        found
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().open.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_fresh_only_where_no_newer_one_of_its_shard_was_changed() {
        let nodes = Nodes::new();
        let (node, fresh) = nodes.enter(7);
        assert!(fresh && !nodes.enter(7).1);
        node.set_size(5);
        assert!(node.write_inside(5).is_some() && node.write_inside(6).is_none());
        assert!(!nodes.leave(7) && nodes.leave(7));
        let one = SHARDS as u64;
        let (node, _) = nodes.enter(3 * one);
        let owner = Arc::new(Account::new(
            freehold_quotas::Subject::Owner(freehold_dtyp::Sid::SYSTEM),
            None,
            super::super::account::Amount::default(),
        ));
        let charged =
            Charged { owner, folders: SmallVec::new(), generation: 0, main: 0, named: 0, physical: 0 };
        node.state.lock().charged = Some(charged);
        nodes.leave(3 * one);
        assert!(!nodes.enter(2 * one).1 && !nodes.enter(3 * one).1 && nodes.enter(4 * one).1);
    }
}
