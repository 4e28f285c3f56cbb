//! What there is of each type and of each age of files, for reports: what becomes of it when files are made, closed, renamed and
//! removed. Nothing is done for a write.
//!
//! A file counts for what it was when its state was loaded, until it is closed: then for the size that it is charged for, and for the
//! day of its last write, which is asked for where it counts for another day than today. The cells and what is kept on
//! disk are `class_cells`; everything here is called with the file's lock held unless it says otherwise.

use std::path::Path;
use std::sync::atomic::Ordering;

use freehold_dtyp::{FileTime, Guid, Wtf8};
use freehold_quotas::{Classes, FileType};

use super::class_cells::{Cells, Class, Left, Place, Then};
use super::nodes::{Node, NodeState};
use super::{Shared, measure};
use crate::vfs::{DataUse, FileRef, Metadata, NewNode, NodeKind, VfsPath, Volume};

/// What is known of an open file's class.
#[derive(Debug, Default)]
pub(super) struct ClassState {
    /// What it counts for.
    counted: Option<Class>,
    /// Where that is written down while it may change.
    place: Option<Place>,
}

/// A place that is given back where nothing comes of it.
pub(super) struct Reserved<'a> {
    cells: &'a Cells,
    place: Option<Place>,
    class: Class,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.place.take().into_iter().for_each(|place| self.cells.end(place));
    }
}

/// By how much the file system's times may be behind the clock, with a good margin: 20 ms.
const CLOCK_STEP_100NS: u64 = 200_000;

fn kind_of(path: &VfsPath) -> FileType {
    path.split_last().map_or(FileType::Other, |(_, name)| FileType::of_name(name))
}

/// Opens what is kept in `folder`, and looks at the files that were open when the server was killed.
pub(super) fn open(inner: &dyn Volume, folder: &Path, volume: Guid) -> Cells {
    match Cells::open(folder, volume) {
        Ok((cells, left)) => {
            recover(inner, &cells, left);
            cells
        }
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "types and ages of files cannot be kept on disk: they are counted at each start");
            Cells::volatile()
        }
    }
}

/// Has every file that was open count for what it is. In doubt everything is to be counted.
fn recover(inner: &dyn Volume, cells: &Cells, mut left: Vec<Left>) {
    // Those of one file one after the other; those without an id are files that were about to be made.
    left.sort_by_key(|left| left.id);
    let known: Vec<u64> = left.iter().map(|left| left.id).collect();
    let mut rest = left.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut group = vec![first];
        while let Some(other) = rest.next_if(|other| other.id != 0 && other.id == group[0].id) {
            group.push(other);
        }
        let id = group[0].id;
        let mut is_unclear = false;
        let there = group.iter().find_map(|left| look(inner, cells, left, &mut is_unclear));
        let same = group.iter().all(|left| left.class == group[0].class);
        let is_ending = group.iter().any(|left| left.is_ending);
        let mut group = group.into_iter();
        let Some(first) = group.next() else { continue };
        match there {
            Some((found, class)) if same && (id != 0 || known.binary_search(&found).is_err()) => {
                cells.resolve(first, found, class);
            }
            _ if id == 0 && !is_unclear => cells.drop_left(first),
            None if same && is_ending => cells.resolve(first, id, None),
            _ => {
                tracing::info!(path = ?first.path, "a file that was open cannot be found: types and ages of files are counted anew");
                cells.doubt();
                cells.drop_left(first);
            }
        }
        group.for_each(|other| cells.drop_left(other));
    }
}

/// The file that is at the path of `left`, where that is the same, or was about to be made. Sometimes the latter cannot be told.
fn look(
    inner: &dyn Volume,
    cells: &Cells,
    left: &Left,
    is_unclear: &mut bool,
) -> Option<(u64, Option<Class>)> {
    let opened = inner.open(left.path.as_ref()?, None, DataUse::READ).ok()?;
    let id = opened.file.0.id().0;
    let (main, named, _) = measure(&opened.file).ok()?;
    // What was there before was not made at the time of what was about to be made.
    let (metadata, made) = (&opened.metadata, left.class.bytes);
    let is_before = |time: FileTime| time.0.saturating_add(CLOCK_STEP_100NS) < made;
    let is_other = if left.id != 0 {
        left.id != id
    } else if id >> 63 != 0 {
        // It has no record of its own yet: the file system's time is a little behind.
        is_before(metadata.created)
    } else if metadata.created.0 == made {
        false
    } else {
        // A new file may have the creation time of one that had its name a moment ago (tunnelling): it is empty, and new otherwise.
        *is_unclear |= main == 0 && named == 0 && !is_before(metadata.modified);
        true
    };
    if is_other {
        return None;
    }
    let day = cells.day(opened.metadata.modified);
    let class = Class { kind: kind_of(&opened.path), day, bytes: main.saturating_add(named) };
    Some((id, (opened.metadata.kind == NodeKind::File).then_some(class)))
}

impl Shared {
    /// What there is of each class; `None` until it is counted. Open files count for their size now.
    pub(super) fn classes_now(&self) -> Option<Classes> {
        for node in self.nodes.classed() {
            self.class_settle(&node, &mut node.state.lock(), None);
        }
        self.cells.classes()
    }

    /// Counts what there is of each class in the background, where usage is known and they are not.
    pub(super) fn count_classes(&self) {
        let Some(shared) = self.own.upgrade() else { return };
        let counting = std::thread::Builder::new().name("class-count".to_owned()).spawn(move || {
            let label = &shared.inner.identity().label;
            let stop = &mut |_: u64| !shared.stop.load(Ordering::Relaxed);
            match shared.count_all(false, stop) {
                Ok(found) if found.stopped => {}
                Ok(found) => tracing::info!(volume = label, files = found.files, "types and ages of files were counted"),
                Err(error) => {
                    tracing::error!(volume = label, %error, "types and ages of files could not be counted: run `freehold quota recount`");
                }
            }
        });
        match counting {
            Ok(thread) => *self.counting_classes.lock() = Some(thread),
            Err(error) => {
                tracing::error!(%error, "types and ages of files are not counted: run `freehold quota recount`");
            }
        }
    }

    /// Waits until [`Shared::count_classes`] is done.
    pub(super) fn wait_for_classes(&self) {
        let counting = self.counting_classes.lock().take();
        if let Some(thread) = counting {
            let _ = thread.join();
        }
    }

    fn is_class_counted(&self, id: u64) -> bool {
        self.ledger.visits.load().as_ref().is_some_and(|visits| visits.contains(id))
    }

    /// What the file counts for was found out. From now on it may change.
    pub(super) fn class_known(
        &self,
        node: &Node,
        state: &mut ClassState,
        file: &FileRef,
        metadata: &Metadata,
        bytes: u64,
    ) {
        if metadata.kind != NodeKind::File || state.counted.is_some() {
            return;
        }
        let path = file.0.path();
        let class = Class { kind: kind_of(&path), day: self.cells.day(metadata.modified), bytes };
        state.place = Some(self.cells.take(node.id, class, &path));
        state.counted = Some(class);
        node.is_classed.store(true, Ordering::Relaxed);
    }

    /// A file is about to be made. No lock is held.
    pub(super) fn class_making(
        &self,
        parent: &FileRef,
        name: Wtf8<'_>,
        new: &NewNode,
    ) -> Option<Reserved<'_>> {
        if new.kind != NodeKind::File {
            return None;
        }
        let path = parent.0.path().join(&VfsPath::new(name.to_owned())?);
        let class = Class { kind: FileType::of_name(name), day: self.cells.day(new.now), bytes: 0 };
        let before = Class { bytes: new.now.0, ..class };
        Some(Reserved { cells: &self.cells, place: Some(self.cells.take(0, before, &path)), class })
    }

    /// It was made.
    pub(super) fn class_made(&self, node: &Node, state: &mut NodeState, reserved: Option<Reserved<'_>>) {
        let Some(mut reserved) = reserved else { return };
        // Somebody may have opened it already, and taken it for counted. A recount under way has found it, or finds it.
        let class = state.class.counted.unwrap_or(reserved.class);
        let then = if state.class.place.is_some() { Then::IsFree } else { Then::SaysSo };
        let place = reserved.place.take();
        self.cells.settle(node.id, (None, Some(class)), place.as_ref().map(|place| (place, then)), false);
        state.class.counted = Some(class);
        if then == Then::SaysSo {
            state.class.place = place;
        } else {
            place.into_iter().for_each(|place| self.cells.ended(place));
        }
        node.is_classed.store(true, Ordering::Relaxed);
    }

    /// Has the file count for what it is now; `file` is asked for the day of its last write where that may be another one.
    pub(super) fn class_settle(&self, node: &Node, state: &mut NodeState, file: Option<&FileRef>) {
        let (Some(before), Some(charged)) = (state.class.counted, &state.charged) else { return };
        if state.gone {
            return;
        }
        let mut now = Class { bytes: charged.bytes(), ..before };
        if let Some(file) = file.filter(|_| before.day != self.cells.today())
            && let Ok(metadata) = file.0.metadata()
        {
            now.day = self.cells.day(metadata.modified);
        }
        self.class_becomes(node, &mut state.class, now);
    }

    fn class_becomes(&self, node: &Node, state: &mut ClassState, now: Class) {
        if state.counted == Some(now) {
            return;
        }
        let place = state.place.as_ref().map(|place| (place, Then::SaysSo));
        self.cells.settle(node.id, (state.counted, Some(now)), place, self.is_class_counted(node.id));
        state.counted = Some(now);
    }

    /// A handle of the file is about to be closed. Takes the file's lock.
    pub(super) fn class_closing(&self, node: &Node, file: &FileRef) {
        if node.is_classed.load(Ordering::Relaxed) {
            self.class_settle(node, &mut node.state.lock(), Some(file));
        }
    }

    /// The last handle of the file was closed.
    pub(super) fn class_left(&self, state: &mut NodeState) {
        state.class.place.take().into_iter().for_each(|place| self.cells.end(place));
    }

    /// The time of the file's last write was set.
    pub(super) fn class_written_at(&self, node: &Node, state: &mut NodeState, time: FileTime) {
        let Some(before) = state.class.counted.filter(|_| !state.gone) else { return };
        self.class_becomes(node, &mut state.class, Class { day: self.cells.day(time), ..before });
    }

    /// A name of the file is about to go; `is_last` where it has no other.
    pub(super) fn class_ending(&self, state: &NodeState, is_last: bool) {
        if let Some(place) = state.class.place.as_ref().filter(|_| is_last && !state.lost_a_name) {
            self.cells.ending(place);
        }
    }

    /// The file has no name any more.
    pub(super) fn class_gone(&self, node: &Node, state: &mut ClassState) {
        let Some(before) = state.counted.take() else { return };
        let place = state.place.take();
        let then = place.as_ref().map(|place| (place, Then::IsFree));
        self.cells.settle(node.id, (Some(before), None), then, self.is_class_counted(node.id));
        place.into_iter().for_each(|place| self.cells.ended(place));
    }

    /// The file is about to be renamed to `to`. After a kill it is looked for there, too.
    pub(super) fn class_moving(
        &self,
        node: &Node,
        state: &mut NodeState,
        file: &FileRef,
        to: &VfsPath,
    ) -> Option<Reserved<'_>> {
        if state.class.counted.is_none() && kind_of(&file.0.path()) == kind_of(to) {
            return None; // it stays what it is
        }
        // The rename says itself why it cannot be done.
        self.load(node, state, file).ok()?;
        let class = state.class.counted.filter(|_| !state.gone)?;
        Some(Reserved { cells: &self.cells, place: Some(self.cells.take(node.id, class, to)), class })
    }

    /// It was renamed to `to`.
    pub(super) fn class_moved(
        &self,
        node: &Node,
        state: &mut ClassState,
        reserved: Option<Reserved<'_>>,
        to: &VfsPath,
    ) {
        let Some(mut reserved) = reserved else { return };
        let old = std::mem::replace(&mut state.place, reserved.place.take());
        old.into_iter().for_each(|place| self.cells.end(place));
        if let Some(before) = state.counted {
            self.class_becomes(node, state, Class { kind: kind_of(to), ..before });
        }
    }

    /// The recount under way has found the file.
    pub(super) fn class_visited(&self, node: &Node, state: &NodeState) {
        if let Some(class) = state.class.counted {
            self.cells.count(node.id, class);
        }
    }
}
