//! Which names the open handles came through, and how renames move them.
//!
//! A [`Link`] is one name of one file that is open, shared by the handles that came through it. A rename changes the
//! path of the link, or of every link below a renamed directory. Lock order: a link's `changing`, then a shard of the
//! table, then a link's state.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use freehold_dtyp::Wtf8Buf;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::sys::NodeKey;
use crate::vfs::VfsPath;

const SHARDS: usize = 64;

/// One name of an open file.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) key: NodeKey,
    state: Mutex<State>,
    /// Held while the name is renamed or removed.
    pub(super) changing: Mutex<()>,
    /// The name may not be on disk yet: flush makes its directory durable, too.
    pub(super) name_is_new: AtomicBool,
    /// A size that the file had: a write that ends below it does not grow the file.
    pub(super) known_size_bytes: AtomicU64,
    table: Weak<Links>,
}

#[derive(Debug)]
struct State {
    path: VfsPath,
    hash: u64,
    gone: bool,
}

impl Link {
    pub(super) fn path(&self) -> VfsPath {
        self.state.lock().path.clone()
    }

    /// The path, unless the name was removed or replaced.
    pub(super) fn live_path(&self) -> Option<VfsPath> {
        let state = self.state.lock();
        (!state.gone).then(|| state.path.clone())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(table) = self.table.upgrade() {
            let hash = self.state.get_mut().hash;
            let own: *const Link = self;
            let mut shard = table.shard(hash).lock();
            if let Ok(entry) = shard.find_entry(hash, |entry| std::ptr::eq(entry.link.as_ptr(), own)) {
                entry.remove();
            }
        }
    }
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    link: Weak<Link>,
}

/// Every link that is open.
#[derive(Debug)]
pub(super) struct Links {
    shards: Vec<Mutex<HashTable<Entry>>>,
    hasher: DefaultHashBuilder,
    begun: AtomicU64,
    ended: AtomicU64,
}

/// The table when a path was looked up: tells whether a rename came between.
#[derive(Clone, Copy)]
pub(super) struct Moment(u64);

impl Links {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Links {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        })
    }

    fn shard(&self, hash: u64) -> &Mutex<HashTable<Entry>> {
        &self.shards[(hash >> 48) as usize % SHARDS]
    }

    fn hash(&self, path: &VfsPath) -> u64 {
        self.hasher.hash_one(path.as_wtf8().as_bytes())
    }

    pub(super) fn moment(&self) -> Moment {
        Moment(self.ended.load(Ordering::SeqCst))
    }

    /// True when no rename was under way or done since `moment`.
    pub(super) fn is_still(&self, moment: Moment) -> bool {
        self.begun.load(Ordering::SeqCst) == moment.0
    }

    /// The link of `path`, shared with the handles that have it open already.
    pub(super) fn open(self: &Arc<Self>, path: VfsPath, key: NodeKey, size_bytes: u64) -> Arc<Link> {
        let hash = self.hash(&path);
        // Kept until after the lock of the shard: dropping the last handle of a link takes that lock.
        let mut seen = SmallVec::<[Arc<Link>; 2]>::new();
        let mut shard = self.shard(hash).lock();
        let same = |entry: &Entry| {
            if entry.hash != hash {
                return false;
            }
            let Some(link) = entry.link.upgrade() else { return false };
            let same = {
                let state = link.state.lock();
                link.key == key && !state.gone && state.path == path
            };
            seen.push(link);
            same
        };
        if shard.find(hash, same).is_some() {
            drop(shard);
            if let Some(link) = seen.pop() {
                return link;
            }
            shard = self.shard(hash).lock();
        }
        let link = Arc::new(Link {
            key,
            state: Mutex::new(State { path, hash, gone: false }),
            changing: Mutex::new(()),
            name_is_new: AtomicBool::new(false),
            known_size_bytes: AtomicU64::new(size_bytes),
            table: Arc::downgrade(self),
        });
        shard.insert_unique(hash, Entry { hash, link: Arc::downgrade(&link) }, |entry| entry.hash);
        drop(shard);
        link
    }

    /// Marks a rename as under way until the guard is dropped.
    pub(super) fn begin(&self) -> Renaming<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Renaming(self)
    }

    /// The name of `key` at `path` is gone.
    pub(super) fn removed(&self, path: &VfsPath, key: NodeKey) {
        for link in self.at(path, key) {
            link.state.lock().gone = true;
        }
    }

    /// `key` was moved from `from` to `to`.
    pub(super) fn moved(&self, from: &VfsPath, to: &VfsPath, key: NodeKey, is_directory: bool) {
        let mut moved = self.at(from, key);
        if is_directory {
            for shard in &self.shards {
                let links: Vec<Arc<Link>> =
                    shard.lock().iter().filter_map(|entry| entry.link.upgrade()).collect();
                moved.extend(links.into_iter().filter(|link| {
                    let state = link.state.lock();
                    !state.gone && state.path != *from && state.path.is_within(from)
                }));
            }
        }
        for link in moved {
            let (old_hash, new_hash) = {
                let mut state = link.state.lock();
                let Some(path) = rebase(&state.path, from, to) else { continue };
                let old_hash = state.hash;
                state.hash = self.hash(&path);
                state.path = path;
                (old_hash, state.hash)
            };
            let is_own = |entry: &Entry| std::ptr::eq(entry.link.as_ptr(), Arc::as_ptr(&link));
            if let Ok(entry) = self.shard(old_hash).lock().find_entry(old_hash, is_own) {
                entry.remove();
            }
            let entry = Entry { hash: new_hash, link: Arc::downgrade(&link) };
            self.shard(new_hash).lock().insert_unique(new_hash, entry, |entry| entry.hash);
        }
    }

    fn at(&self, path: &VfsPath, key: NodeKey) -> Vec<Arc<Link>> {
        let hash = self.hash(path);
        let all: Vec<Arc<Link>> = {
            let shard = self.shard(hash).lock();
            shard
                .iter_hash(hash)
                .filter(|entry| entry.hash == hash)
                .filter_map(|entry| entry.link.upgrade())
                .collect()
        };
        all.into_iter()
            .filter(|link| {
                let state = link.state.lock();
                link.key == key && !state.gone && state.path == *path
            })
            .collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// `path` with `from` at its front replaced by `to`.
fn rebase(path: &VfsPath, from: &VfsPath, to: &VfsPath) -> Option<VfsPath> {
    let tail = path.as_wtf8().as_bytes().strip_prefix(from.as_wtf8().as_bytes())?;
    let tail = tail.strip_prefix(b"/").unwrap_or(tail);
    let tail: Wtf8Buf = freehold_dtyp::Wtf8::from_bytes(tail)?.to_owned();
    Some(to.join(&VfsPath::new(tail)?))
}

/// A rename that is under way.
pub(super) struct Renaming<'a>(&'a Links);

impl Drop for Renaming<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::conformance::path;

    const fn key(ino: u64) -> NodeKey {
        NodeKey { dev: 1, ino }
    }

    #[test]
    fn handles_of_one_name_share_a_link_and_leave_nothing_behind() {
        let links = Links::new();
        let one = links.open(path("a/b"), key(1), 0);
        let two = links.open(path("a/b"), key(1), 0);
        assert!(Arc::ptr_eq(&one, &two));
        let other = links.open(path("a/b"), key(2), 0);
        assert!(!Arc::ptr_eq(&one, &other));
        links.moved(&path("a"), &path("x/y"), key(9), true);
        assert_eq!(one.path(), path("x/y/b"));
        links.moved(&path("x/y/b"), &path("c"), key(1), false);
        assert_eq!((two.path(), other.path()), (path("c"), path("x/y/b")));
        links.removed(&path("c"), key(1));
        assert_eq!(one.live_path(), None);
        assert!(!Arc::ptr_eq(&one, &links.open(path("c"), key(1), 0)));
        drop((one, two, other));
        assert_eq!(links.len(), 0);
    }

    #[test]
    fn a_rename_under_way_is_noticed() {
        let links = Links::new();
        let before = links.moment();
        assert!(links.is_still(before));
        let first = links.begin();
        assert!(!links.is_still(before) && !links.is_still(links.moment()));
        let second = links.begin();
        drop(first);
        assert!(!links.is_still(links.moment()));
        drop(second);
        assert!(links.is_still(links.moment()) && !links.is_still(before));
    }
}
