//! Directories that somebody watches: who must hear of a change, and requests that wait for one ([MS-FSA] 2.1.4.1,
//! [MS-SMB2] 3.3.4.4).
//!
//! Owns the table of watched directories, by volume and path. Whoever changes a name or a file calls
//! [`NotifyTable::report`] or [`NotifyTable::report_rename`]; while nobody watches anything that costs one load. Lock order:
//! the lock of moves, a shard of the table, a watcher's state; wakes are posted with none of them held.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use freehold_dtyp::Wtf8;
use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use super::event::{Event, WaiterId, Wake};
use super::limits;
use super::op::VolumeId;
use super::open::{FileOpen, Open};
use super::server::Server;
use crate::fsa::change_notify::{ChangeBuffer, Told};
use crate::fscc::notify::{CompletionFilter, NotifyAction};
use crate::vfs::{NodeKind, VfsPath};

/// Number of locks of the table; a power of two.
const SHARDS: usize = 64;
/// Keeps an index below [`SHARDS`].
const SHARD_MASK: usize = SHARDS - 1;

/// What a renamed file also has that is new: its ARCHIVE attribute is set.
const RENAMED_FILE: CompletionFilter = CompletionFilter::ATTRIBUTES.union(CompletionFilter::CREATION);

/// Requests to wake once no lock is held.
type Wakes = SmallVec<[WaiterId; 2]>;

/// All watched directories.
pub struct NotifyTable {
    inner: Arc<Inner>,
}

struct Inner {
    /// Number of watchers: what [`NotifyTable::report`] looks at first.
    watchers: AtomicUsize,
    shards: [Mutex<Watched>; SHARDS],
    /// Held for writing while watches move, so that a watch that ends finds its place.
    moves: RwLock<()>,
}

/// The watchers of each directory.
#[derive(Default)]
struct Watched(HashMap<Place, Vec<Arc<Watcher>>>);

/// A watched directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    volume: VolumeId,
    path: VfsPath,
}

/// One open that watches.
struct Watcher {
    /// The folders below count, too.
    tree: bool,
    state: Mutex<WatcherState>,
}

struct WatcherState {
    /// Where the watched directory is now; it moves when the directory is renamed.
    place: Place,
    buffer: ChangeBuffer,
    /// Requests that wait, oldest first.
    waiting: Vec<WaiterId>,
    /// The watched directory is to be deleted: the requests that wait end.
    deleted: bool,
}

/// What an open watches, from its first CHANGE_NOTIFY on. Dropping it ends the watch.
pub struct Watch {
    watcher: Arc<Watcher>,
    table: Arc<Inner>,
}

/// What a CHANGE_NOTIFY request finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing: it waits, and will be woken.
    Wait,
    /// Something to tell.
    Ready(Told),
    /// The watched directory is to be deleted.
    Deleted,
}

impl Default for NotifyTable {
    fn default() -> Self {
        NotifyTable {
            inner: Arc::new(Inner {
                watchers: AtomicUsize::new(0),
                shards: std::array::from_fn(|_| Mutex::default()),
                moves: RwLock::new(()),
            }),
        }
    }
}

impl fmt::Debug for NotifyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotifyTable({})", self.inner.watchers.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({:?})", self.watcher.state.lock().place)
    }
}

impl NotifyTable {
    /// Begins a watch of the directory at `path`, with all below it when `tree`. `limit_bytes` is the size of the first
    /// request's output.
    #[must_use]
    pub fn watch(
        &self,
        volume: VolumeId,
        path: VfsPath,
        tree: bool,
        filter: CompletionFilter,
        limit_bytes: usize,
    ) -> Watch {
        let place = Place { volume, path };
        let watcher = Arc::new(Watcher {
            tree,
            state: Mutex::new(WatcherState {
                place: place.clone(),
                buffer: ChangeBuffer::new(filter, limit_bytes.min(limits::MAX_NOTIFY_BYTES)),
                waiting: Vec::new(),
                deleted: false,
            }),
        });
        self.inner.shard(&place).lock().0.entry(place).or_default().push(Arc::clone(&watcher));
        self.inner.watchers.fetch_add(1, Ordering::Release);
        Watch { watcher, table: Arc::clone(&self.inner) }
    }

    /// Tells who watches that the file or directory at `path` (in the spelling on disk) was changed. `action` is of
    /// [MS-FSCC] 2.7.1, `filter` the bits of [MS-SMB2] 2.2.35 CompletionFilter that the change belongs to. To be called when
    /// the change is done; a removed directory's own watchers hear of its deletion.
    pub fn report(
        &self,
        server: &Server,
        volume: VolumeId,
        path: &VfsPath,
        is_dir: bool,
        action: u32,
        filter: u32,
    ) {
        if self.is_unused() {
            return;
        }
        let (action, filter) = (NotifyAction(action), CompletionFilter::from_bits_retain(filter));
        let mut wakes = Wakes::new();
        self.for_each_watcher(volume, path, &mut |watcher, name| {
            watcher.push(filter, &[(action, name)], &mut wakes);
        });
        post(server, wakes);
        if is_dir && action == NotifyAction::REMOVED {
            self.directory_deleted(server, volume, path);
        }
    }

    /// Tells who watches that what was at `from` is now at `to`: an old and a new name within one directory, a removal and an
    /// addition between two. Watches of a renamed directory and of those below it go on at the new place.
    pub fn report_rename(
        &self,
        server: &Server,
        volume: VolumeId,
        from: &VfsPath,
        to: &VfsPath,
        is_dir: bool,
    ) {
        if self.is_unused() {
            return;
        }
        let parent = |path: &VfsPath| path.as_wtf8().rsplit_once(b'/').map(|(parent, _)| parent.to_owned());
        let name = if is_dir { CompletionFilter::DIR_NAME } else { CompletionFilter::FILE_NAME };
        let new_name = to.as_wtf8();
        let mut wakes = Wakes::new();
        if parent(from) == parent(to) {
            let old = from.as_wtf8().as_bytes();
            self.for_each_watcher(volume, to, &mut |watcher, new| {
                // The old name differs in the last component only, so it begins where the new one does.
                let start = new_name.as_bytes().len().saturating_sub(new.as_bytes().len());
                let Some(old) = old.get(start..).and_then(Wtf8::from_bytes) else { return };
                let pair = [(NotifyAction::RENAMED_OLD_NAME, old), (NotifyAction::RENAMED_NEW_NAME, new)];
                watcher.push_renamed(name, &pair, new, is_dir, &mut wakes);
            });
        } else {
            self.for_each_watcher(volume, from, &mut |watcher, old| {
                watcher.push(name, &[(NotifyAction::REMOVED, old)], &mut wakes);
            });
            self.for_each_watcher(volume, to, &mut |watcher, new| {
                watcher.push_renamed(name, &[(NotifyAction::ADDED, new)], new, is_dir, &mut wakes);
            });
        }
        if is_dir {
            self.move_watches(volume, from, to);
        }
        post(server, wakes);
    }

    /// To be called as soon as the file of an open is marked for deletion (a disposition is set, or a handle with
    /// FILE_DELETE_ON_CLOSE is closed): for a directory, requests that wait for changes in it end with DELETE_PENDING.
    pub fn deletion_pending(&self, server: &Server, open: &Open, file: &FileOpen) {
        if self.is_unused() || file.kind != NodeKind::Directory || file.stream.is_some() {
            return;
        }
        if let Some(volume) = open.volume() {
            self.directory_deleted(server, volume.id, &file.file.0.path());
        }
    }

    /// Ends the requests that wait for changes of the directory at `path` with DELETE_PENDING.
    fn directory_deleted(&self, server: &Server, volume: VolumeId, path: &VfsPath) {
        if self.is_unused() {
            return;
        }
        let place = Place { volume, path: path.clone() };
        let mut wakes = Wakes::new();
        for watcher in self.inner.shard(&place).lock().0.get(&place).into_iter().flatten() {
            let mut state = watcher.state.lock();
            state.deleted = true;
            wakes.extend(state.waiting.drain(..));
        }
        post(server, wakes);
    }

    pub(super) fn is_unused(&self) -> bool {
        self.inner.watchers.load(Ordering::Acquire) == 0
    }

    /// Calls `each` for every watcher of a directory that holds `path`, with the path from there.
    fn for_each_watcher(&self, volume: VolumeId, path: &VfsPath, each: &mut dyn FnMut(&Watcher, Wtf8<'_>)) {
        let whole = path.as_wtf8();
        let mut above = path.split_last().map(|(parent, _)| parent);
        let mut direct = true;
        while let Some(directory) = above {
            let length = directory.as_wtf8().as_bytes().len();
            let start = if length == 0 { 0 } else { length.saturating_add(1) };
            let name = whole.as_bytes().get(start..).and_then(Wtf8::from_bytes).unwrap_or(Wtf8::from(""));
            above = directory.split_last().map(|(parent, _)| parent);
            let place = Place { volume, path: directory };
            for watcher in self.inner.shard(&place).lock().0.get(&place).into_iter().flatten() {
                if direct || watcher.tree {
                    each(watcher, name);
                }
            }
            direct = false;
        }
    }

    /// A directory has a new path: what is watched in it as well.
    fn move_watches(&self, volume: VolumeId, from: &VfsPath, to: &VfsPath) {
        let _moving = self.inner.moves.write();
        let mut moved = Vec::new();
        for shard in &self.inner.shards {
            let within = |place: &Place| place.volume == volume && place.path.is_within(from);
            moved.extend(shard.lock().0.extract_if(|place, _| within(place)));
        }
        for (place, watchers) in moved {
            let Some(path) = moved_path(&place.path, from, to) else { continue };
            let place = Place { volume, path };
            for watcher in &watchers {
                watcher.state.lock().place = place.clone();
            }
            self.inner.shard(&place).lock().0.entry(place).or_default().extend(watchers);
        }
    }
}

/// The new path of what is at `path` in `from` when `from` becomes `to`.
pub(super) fn moved_path(path: &VfsPath, from: &VfsPath, to: &VfsPath) -> Option<VfsPath> {
    let tail = path.as_wtf8().as_bytes().strip_prefix(from.as_wtf8().as_bytes())?;
    let tail = Wtf8::from_bytes(tail.strip_prefix(b"/").unwrap_or(tail))?;
    Some(to.join(&VfsPath::new(tail.to_owned())?))
}

fn post(server: &Server, wakes: Wakes) {
    for waiter in wakes {
        server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake: Wake::Retry });
    }
}

impl Inner {
    fn shard(&self, place: &Place) -> &Mutex<Watched> {
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() >> 48).unwrap_or(0) & SHARD_MASK;
        #[allow(clippy::indexing_slicing)] // below SHARDS by the mask above
        &self.shards[index]
    }
}

impl Watcher {
    /// Keeps changes that the filter lets through; the oldest request that waits is woken.
    fn push(&self, filter: CompletionFilter, changes: &[(NotifyAction, Wtf8<'_>)], wakes: &mut Wakes) {
        let mut state = self.state.lock();
        if state.buffer.matches(filter) {
            for (action, name) in changes {
                state.buffer.push(*action, *name);
            }
            state.wake_one(wakes);
        }
    }

    /// The same for the new name of a renamed file or directory. Who does not watch for names hears that the file is modified.
    fn push_renamed(
        &self,
        filter: CompletionFilter,
        changes: &[(NotifyAction, Wtf8<'_>)],
        new: Wtf8<'_>,
        is_dir: bool,
        wakes: &mut Wakes,
    ) {
        let watches_names = self.state.lock().buffer.matches(filter);
        if watches_names {
            self.push(filter, changes, wakes);
        } else if !is_dir {
            self.push(RENAMED_FILE, &[(NotifyAction::MODIFIED, new)], wakes);
        }
    }
}

impl WatcherState {
    fn wake_one(&mut self, wakes: &mut Wakes) {
        if self.buffer.is_ready() && !self.waiting.is_empty() {
            wakes.push(self.waiting.remove(0));
        }
    }
}

impl Watch {
    /// What a request finds. With [`Look::Wait`] it is in the queue, behind those that came before, and will be woken with
    /// [`Wake::Retry`]; `limit_bytes` is what its client takes.
    pub fn look(&self, waiter: WaiterId, limit_bytes: usize) -> Look {
        let mut state = self.watcher.state.lock();
        if state.deleted {
            return Look::Deleted;
        }
        match state.buffer.take(limit_bytes) {
            Told::Nothing => {
                state.waiting.push(waiter);
                Look::Wait
            }
            told => Look::Ready(told),
        }
    }

    /// The directory is not to be deleted (any more).
    pub fn revive(&self) {
        self.watcher.state.lock().deleted = false;
    }

    /// A request does not wait any more. When it had been woken already, the next one is woken in its place.
    pub fn leave(&self, server: &Server, waiter: WaiterId) {
        let mut wakes = Wakes::new();
        {
            let mut state = self.watcher.state.lock();
            match state.waiting.iter().position(|other| *other == waiter) {
                Some(index) => drop(state.waiting.remove(index)),
                None => state.wake_one(&mut wakes),
            }
        }
        post(server, wakes);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _no_moves = self.table.moves.read();
        let place = self.watcher.state.lock().place.clone();
        let mut shard = self.table.shard(&place).lock();
        if let Some(watchers) = shard.0.get_mut(&place) {
            watchers.retain(|other| !Arc::ptr_eq(other, &self.watcher));
            if watchers.is_empty() {
                shard.0.remove(&place);
            }
        }
        self.table.watchers.fetch_sub(1, Ordering::Release);
    }
}
