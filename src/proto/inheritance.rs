//! What must not be missed while inherited entries are put right in a tree ([MS-DTYP] 2.5.3.4): files that are made, and
//! files that are moved, between the moment that a folder's descriptor changes and the visit of what is in it.
//!
//! Owns a counter of such changes, which CREATE compares before and after, and the list of walks under way, which hear of
//! renames. Both cost one load while nothing happens. The walks themselves are the shell's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::op::VolumeId;
use crate::vfs::VfsPath;

/// Most renamed paths that a walk keeps in mind; when there are more it walks again.
const MAX_MOVED: usize = 10_000;

/// Changes of folders' descriptors, and walks under way.
#[derive(Default)]
pub struct Inheritance {
    generation: AtomicU64,
    active: AtomicUsize,
    walks: Mutex<Vec<Arc<Walk>>>,
}

/// A walk through a tree that is under way.
pub struct Walk {
    volume: VolumeId,
    state: Mutex<WalkState>,
    overflow: AtomicBool,
}

struct WalkState {
    /// Where the tree is now.
    root: VfsPath,
    moved: Vec<VfsPath>,
}

impl Inheritance {
    /// Changes with every change of a folder's descriptor: what was inherited before may be out of date. To be read before
    /// the folder's descriptor is.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// A folder has another descriptor. To be called when it is in place, before what is in the folder is listed.
    pub fn folder_changed(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Begins a walk of the tree at `root`.
    #[must_use]
    pub fn begin(&self, volume: VolumeId, root: VfsPath) -> Arc<Walk> {
        let state = Mutex::new(WalkState { root, moved: Vec::new() });
        let walk = Arc::new(Walk { volume, state, overflow: AtomicBool::new(false) });
        self.walks.lock().push(Arc::clone(&walk));
        self.active.fetch_add(1, Ordering::SeqCst);
        walk
    }

    /// Ends a walk.
    pub fn end(&self, walk: &Arc<Walk>) {
        self.active.fetch_sub(1, Ordering::SeqCst);
        self.walks.lock().retain(|other| !Arc::ptr_eq(other, walk));
    }

    /// What was at `from` is at `to`, or is there too. A file that comes from outside of a tree keeps what it has, as on Windows;
    /// one that is moved within may have escaped the walk.
    #[inline]
    pub fn moved(&self, volume: VolumeId, from: &VfsPath, to: &VfsPath) {
        if self.active.load(Ordering::SeqCst) > 0 {
            self.tell(volume, from, to);
        }
    }

    /// What is at `path` must be looked at again.
    pub fn look_again(&self, volume: VolumeId, path: &VfsPath) {
        self.moved(volume, path, path);
    }

    #[cold]
    fn tell(&self, volume: VolumeId, from: &VfsPath, to: &VfsPath) {
        for walk in self.walks.lock().iter().filter(|walk| walk.volume == volume) {
            let mut state = walk.state.lock();
            if let Some(tail) = from_root(&state.root, from) {
                // The tree itself, or a folder that holds it.
                state.root = to.join(&tail);
            } else if from.is_within(&state.root) && to.is_within(&state.root) {
                if state.moved.len() < MAX_MOVED {
                    state.moved.push(to.clone());
                } else {
                    walk.overflow.store(true, Ordering::SeqCst);
                }
            }
        }
    }
}

/// The rest of `root` below `ancestor`; `None` when it is not there.
fn from_root(root: &VfsPath, ancestor: &VfsPath) -> Option<VfsPath> {
    if ancestor.is_root() || !root.is_within(ancestor) {
        return None;
    }
    let length = ancestor.as_wtf8().as_bytes().len();
    let tail = root.as_wtf8().as_bytes().get(length..)?;
    let tail = tail.strip_prefix(b"/").unwrap_or(tail);
    VfsPath::new(freehold_dtyp::Wtf8::from_bytes(tail)?.to_owned())
}

impl Walk {
    /// Where the tree is now: it may have been renamed.
    #[must_use]
    pub fn root(&self) -> VfsPath {
        self.state.lock().root.clone()
    }

    /// Takes what was moved within the tree since the last call.
    #[must_use]
    pub fn take_moved(&self) -> Vec<VfsPath> {
        std::mem::take(&mut self.state.lock().moved)
    }

    /// True, once, when more was moved than could be kept in mind.
    #[must_use]
    pub fn take_overflow(&self) -> bool {
        self.overflow.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUME: VolumeId = VolumeId(1);

    fn path(text: &str) -> VfsPath {
        VfsPath::new(text.into()).unwrap()
    }

    #[test]
    fn a_walk_hears_of_moves_within_its_tree() {
        let table = Inheritance::default();
        table.moved(VOLUME, &path("a/b"), &path("a/c"));
        let walk = table.begin(VOLUME, path("a"));
        assert!(walk.take_moved().is_empty());
        table.moved(VOLUME, &path("a/b/x"), &path("a/c/x"));
        table.moved(VOLUME, &path("outside"), &path("a/in"));
        table.moved(VOLUME, &path("a/out"), &path("outside"));
        table.moved(VOLUME, &path("ab/x"), &path("ab/y"));
        table.moved(VolumeId(2), &path("a/b"), &path("a/c"));
        table.look_again(VOLUME, &path("a/new"));
        assert_eq!(walk.take_moved(), [path("a/c/x"), path("a/new")]);
        assert!(walk.take_moved().is_empty());
        table.end(&walk);
        table.moved(VOLUME, &path("a/b/x"), &path("a/c/x"));
        assert!(walk.take_moved().is_empty());
    }

    #[test]
    fn a_tree_that_is_renamed_is_followed() {
        let table = Inheritance::default();
        let walk = table.begin(VOLUME, path("a/b"));
        table.moved(VOLUME, &path("a"), &path("z/y"));
        assert_eq!(walk.root(), path("z/y/b"));
        table.moved(VOLUME, &path("z/y/b"), &path("c"));
        assert_eq!(walk.root(), path("c"));
        table.moved(VOLUME, &path("c/1"), &path("c/2"));
        assert_eq!(walk.take_moved(), [path("c/2")]);
        assert!(!walk.take_overflow());
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let table = Inheritance::default();
        let walk = table.begin(VOLUME, VfsPath::root());
        for _ in 0..=MAX_MOVED {
            table.moved(VOLUME, &path("x"), &path("y"));
        }
        assert_eq!(walk.take_moved().len(), MAX_MOVED);
        assert!(walk.take_overflow() && !walk.take_overflow());
    }

    #[test]
    fn a_changed_folder_is_a_new_generation() {
        let table = Inheritance::default();
        let before = table.generation();
        table.folder_changed();
        assert_ne!(table.generation(), before);
    }
}
