//! Directories on which somebody holds a lease, by volume and path: whoever has changed what is in one finds it here, and the
//! leases of others on it are broken ([MS-SMB2] 3.3.1.4 "READ caching on a directory", [MS-FSA] 2.1.4.12 with PARENT_OBJECT).
//!
//! The leases themselves are in the directory's node, like those of a file. While there is none on any directory, a change
//! costs one load here. Lock order: the lock of moves, a node's state, a shard of the table, a place.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use super::caching;
use super::event::Now;
use super::node::NodeCell;
use super::notify::moved_path;
use super::op::VolumeId;
use super::server::Server;
use crate::vfs::{FileRef, VfsPath};

/// Number of locks of the table; a power of two.
const SHARDS: usize = 64;
/// Keeps an index below [`SHARDS`].
const SHARD_MASK: usize = SHARDS - 1;

/// Who makes a change in a directory.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// The key that the open which makes the change names as its client's lease on the directory ([MS-FSA]
    /// Open.ParentOplockKey): that lease stays.
    pub parent_key: Option<[u8; 16]>,
    /// The present.
    pub now: Now,
}

/// A directory by its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    volume: VolumeId,
    path: VfsPath,
}

/// Where a directory is now; it moves when the directory, or one above it, is renamed.
struct Entry {
    cell: Weak<NodeCell>,
    place: Mutex<Place>,
}

struct Inner {
    /// Number of entries: what a change looks at first.
    entries: AtomicUsize,
    shards: [Mutex<HashMap<Place, Arc<Entry>>>; SHARDS],
    /// Held for writing while entries move, so that one that goes finds its place.
    moves: RwLock<()>,
}

/// All directories with leases.
pub struct DirectoryLeases {
    inner: Arc<Inner>,
}

/// Keeps a directory in the table. Its node holds it, so that it ends with the directory's last open.
pub struct Listed {
    entry: Arc<Entry>,
    table: Arc<Inner>,
}

impl Default for DirectoryLeases {
    fn default() -> Self {
        DirectoryLeases {
            inner: Arc::new(Inner {
                entries: AtomicUsize::new(0),
                shards: std::array::from_fn(|_| Mutex::default()),
                moves: RwLock::new(()),
            }),
        }
    }
}

impl fmt::Debug for DirectoryLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryLeases({})", self.inner.entries.load(Ordering::Relaxed))
    }
}

impl DirectoryLeases {
    /// True while nobody holds a lease on a directory.
    #[inline]
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.inner.entries.load(Ordering::Acquire) == 0
    }

    /// Finds changes in a directory from now on. To be called before a lease on it is granted: what changes after the grant
    /// must not be missed.
    #[must_use]
    pub fn list(&self, volume: VolumeId, directory: &FileRef, cell: &Arc<NodeCell>) -> Listed {
        let mut place = Place { volume, path: directory.0.path() };
        let entry = Arc::new(Entry { cell: Arc::downgrade(cell), place: Mutex::new(place.clone()) });
        self.inner.entries.fetch_add(1, Ordering::AcqRel);
        self.inner.shard(&place).lock().insert(place.clone(), Arc::clone(&entry));
        // Where it was moved before it was in the table, it moves in it now.
        loop {
            let _no_moves = self.inner.moves.read();
            let path = directory.0.path();
            if path == place.path || *entry.place.lock() != place {
                break;
            }
            self.inner.shard(&place).lock().remove(&place);
            place.path = path;
            entry.place.lock().clone_from(&place);
            self.inner.shard(&place).lock().insert(place.clone(), Arc::clone(&entry));
        }
        Listed { entry, table: Arc::clone(&self.inner) }
    }

    /// What is at `path` was added, removed or modified: to be called when that is done. Leases on its directory are broken,
    /// except the one that `by` names. Never waits.
    pub fn entry_changed(&self, server: &Server, volume: VolumeId, path: &VfsPath, by: By) {
        if self.is_unused() {
            return;
        }
        let Some((parent, _)) = path.split_last() else { return };
        let place = Place { volume, path: parent };
        let cell = self.inner.shard(&place).lock().get(&place).and_then(|entry| entry.cell.upgrade());
        let Some(cell) = cell else { return };
        let effects = cell.lock().break_caches_of_directory(by.parent_key, caching::break_deadline(by.now));
        if !effects.is_empty() {
            caching::carry_out(server, &cell, effects);
        }
    }

    /// A directory has a new path: so have those below it.
    pub fn moved(&self, volume: VolumeId, from: &VfsPath, to: &VfsPath) {
        if self.is_unused() {
            return;
        }
        let _moving = self.inner.moves.write();
        let mut moved = Vec::new();
        for shard in &self.inner.shards {
            let within = |place: &Place| place.volume == volume && place.path.is_within(from);
            moved.extend(shard.lock().extract_if(|place, _| within(place)));
        }
        for (place, entry) in moved {
            let Some(path) = moved_path(&place.path, from, to) else { continue };
            let place = Place { volume, path };
            entry.place.lock().clone_from(&place);
            self.inner.shard(&place).lock().insert(place, entry);
        }
    }
}

impl Inner {
    fn shard(&self, place: &Place) -> &Mutex<HashMap<Place, Arc<Entry>>> {
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() >> 48).unwrap_or(0) & SHARD_MASK;
        #[allow(clippy::indexing_slicing)] // below SHARDS by the mask above
        &self.shards[index]
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let _no_moves = self.table.moves.read();
        let place = self.entry.place.lock().clone();
        let mut shard = self.table.shard(&place).lock();
        // A directory that was made anew at the same path has an entry of its own.
        if shard.get(&place).is_some_and(|entry| Arc::ptr_eq(entry, &self.entry)) {
            shard.remove(&place);
        }
        drop(shard);
        self.table.entries.fetch_sub(1, Ordering::AcqRel);
    }
}
