//! Changes of names: making, opening and removing streams and files, renaming, linking.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use freehold_dtyp::{FileTime, Wtf8};
use freehold_quotas::IntentKind;
use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::account::{Amount, signed};
use super::file::CountedFile;
use super::ledger::{Begun, Moment};
use super::nodes::{Charged, Node, NodeState, OpenStream};
use super::{Shared, owner_of, total};
use crate::fscc::upcase::fold;
use crate::vfs::quotas::FolderChange;
use crate::vfs::{
    DataUse, Existing, FileRef, NameCase, NewNode, NodeKind, OpenError, Opened, VfsError, VfsPath,
};

/// How often what stands in the way of a rename is looked at again when it was another one.
const ATTEMPTS: usize = 16;

/// The file that a rename or a link replaces, opened.
struct Victim {
    file: FileRef,
    id: u64,
    kind: NodeKind,
}

/// What is at the target of a rename or a link.
enum Target {
    Free,
    /// The file itself, under this or another name.
    Own,
    Taken(Victim),
}

/// How a file or a folder gets another name.
#[derive(Clone, Copy)]
enum Way<'a> {
    Rename(&'a VfsPath),
    Link(&'a VfsPath),
    /// It was looked at before.
    Folder,
}

impl Shared {
    pub(super) fn open_stream(
        &self,
        path: &VfsPath,
        name: Wtf8<'_>,
        data_use: DataUse,
    ) -> Result<Opened, OpenError> {
        for _ in 0..ATTEMPTS {
            let first = self.inner.open(path, None, data_use).map_err(|error| self.wrap_error(error))?;
            let id = first.file.0.id().0;
            let (node, _) = self.nodes.enter(id);
            // Which of the file's streams this is must not change between finding and knowing it.
            let mut state = node.state.lock();
            let opened = self.inner.open(path, Some(name), data_use);
            let stream = match &opened {
                Ok(opened) if opened.file.0.id().0 == id => {
                    Some(open_stream_state(&mut state, name, opened.metadata.size_bytes))
                }
                _ => None,
            };
            drop(state);
            match (opened, stream) {
                (Ok(opened), Some(stream)) => {
                    let known = OnceLock::from(Arc::clone(&node));
                    let file = self.file(opened.file, opened.metadata.kind, known, Some(stream));
                    return Ok(Opened { file, ..opened });
                }
                (Ok(_), None) => {
                    self.leave(&node, &first.file); // another file has the name by now
                }
                (Err(error), _) => {
                    self.leave(&node, &first.file);
                    return Err(self.wrap_error(error));
                }
            }
        }
        Err(OpenError::Failed(VfsError::Io))
    }

    pub(super) fn create_stream(
        &self,
        file: &CountedFile,
        name: Wtf8<'_>,
        now: FileTime,
    ) -> Result<Opened, VfsError> {
        let node = file.node();
        let mut state = node.state.lock();
        let opened = self.inner.create_stream(&file.inner, name, now)?;
        let stream = open_stream_state(&mut state, name, 0);
        drop(state);
        let known = OnceLock::from(self.nodes.enter(file.id).0);
        let file = self.file(opened.file, opened.metadata.kind, known, Some(stream));
        Ok(Opened { file, ..opened })
    }

    pub(super) fn create(
        &self,
        parent: &CountedFile,
        name: Wtf8<'_>,
        new: &NewNode,
    ) -> Result<Opened, VfsError> {
        let _pass = self.gate.enter(parent.id);
        let owner = self.ledger.owner(&owner_of(&new.security));
        let generation = self.ledger.generation.load(Ordering::SeqCst);
        let mut born =
            Charged { owner, folders: SmallVec::new(), generation, main: 0, named: 0, physical: 0 };
        let durable = self.ledger.durable.as_ref();
        let _making = durable.map(|durable| self.making.begin(durable.moment().1));
        let begun = self.begin_create(parent, name, &mut born);
        let making = self.class_making(&parent.inner, name, new);
        let opened = self.inner.create(&parent.inner, name, new)?;
        let id = opened.file.0.id().0;
        let (node, fresh) = self.nodes.enter(id);
        {
            let mut state = node.state.lock();
            let state = &mut *state;
            born.folders = self.folders_at(&opened.file);
            // A recount that is under way has found it, or finds it below.
            self.ledger.charge_new(id, &born, begun);
            self.class_made(&node, state, making);
            if fresh && state.charged.is_none() {
                state.charged = Some(born);
            } else if let Err(error) = self.load(&node, state, &opened.file) {
                // Whoever changes it next finds out.
                tracing::debug!(id, %error, "a new file could not be looked at");
            }
            state.moved_blocks |= new.allocation_bytes > 0;
            self.visit_open(&node, state);
        }
        let kind = opened.metadata.kind;
        if kind == NodeKind::Directory {
            self.tell_folder(|| FolderChange::MadeIn(parent.inner.0.path()));
        }
        Ok(Opened { file: self.file(opened.file, kind, OnceLock::from(node), None), ..opened })
    }

    fn begin_create(&self, parent: &CountedFile, name: Wtf8<'_>, born: &mut Charged) -> Option<Begun<'_>> {
        self.ledger.durable.as_ref()?;
        let moment = self.ledger.moment();
        let path = parent.inner.0.path().join(&VfsPath::new(name.to_owned())?);
        born.folders = self.ledger.folders_of(&path);
        self.ledger.begin(IntentKind::Create, 0, born, true, (Some(&path), moment))
    }

    /// A name of the file `id` is about to change.
    fn wait_until_charged(&self, id: u64) {
        if let Some(durable) = &self.ledger.durable {
            self.making.wait_until_charged(id, |id| durable.is_known_new(id));
        }
    }

    pub(super) fn unlink(&self, file: &CountedFile) -> Result<(), VfsError> {
        let _pass = self.gate.enter(file.id);
        self.wait_until_charged(file.id);
        let node = file.node();
        let mut state = node.state.lock();
        let state = &mut *state;
        self.load(node, state, &file.inner)?;
        self.visit_open(node, state);
        match &file.stream {
            Some(stream) => {
                let size = file.inner.0.metadata()?.size_bytes;
                let begun = self.begin_change(file, state);
                self.inner.unlink(&file.inner)?;
                stream.size.store(size, Ordering::SeqCst);
                let nameless = stream.lost_its_name(state.charged.as_ref());
                state.streams.retain(|(_, open)| !Arc::ptr_eq(open, stream));
                if let Some(charged) = &mut state.charged {
                    charged.named = charged.named.saturating_sub(size);
                    // Of a file without a name it has been nameless before.
                    let moved = if state.gone {
                        Amount { nameless: nameless - signed(size), ..Amount::default() }
                    } else {
                        Amount { bytes: -signed(size), nameless, ..Amount::default() }
                    };
                    self.ledger.charge(node.id, charged.accounts(), moved, 0, begun);
                }
            }
            None => {
                let is_last = file.kind == NodeKind::Directory || file.inner.0.metadata()?.links <= 1;
                let at = (|| file.inner.0.path(), self.ledger.moment());
                let begun = self.begin_vanish(node, state, is_last, at);
                self.inner.unlink(&file.inner)?;
                if is_last {
                    self.lost_last_name(node, state, begun);
                } else {
                    state.lost_a_name = true;
                }
            }
        }
        Ok(())
    }

    /// Size or owner of the file are about to change.
    pub(super) fn begin_change(&self, file: &CountedFile, state: &NodeState) -> Option<Begun<'_>> {
        self.ledger.durable.as_ref()?;
        let charged = state.charged.as_ref().filter(|_| !state.gone)?;
        let moment = self.ledger.moment();
        self.ledger.begin(IntentKind::Change, file.id, charged, false, (Some(&file.inner.0.path()), moment))
    }

    /// A name of the file is about to go.
    fn begin_vanish(
        &self,
        node: &Node,
        state: &NodeState,
        is_last: bool,
        (path, moment): (impl FnOnce() -> VfsPath, Moment),
    ) -> Option<Begun<'_>> {
        self.class_ending(state, is_last);
        self.ledger.durable.as_ref()?;
        let charged = state.charged.as_ref().filter(|_| !state.gone)?;
        // That nothing is at a path that led nowhere before would tell nothing.
        let path = (!state.lost_a_name).then(path);
        self.ledger.begin(IntentKind::Vanish, node.id, charged, is_last, (path.as_ref(), moment))
    }

    /// The file has no name any more: what it has stays charged until it is closed, and is no longer kept on disk.
    fn lost_last_name(&self, node: &Node, state: &mut NodeState, begun: Option<Begun<'_>>) {
        if state.gone {
            return;
        }
        state.gone = true;
        self.class_gone(node, &mut state.class);
        if let Some(charged) = &mut state.charged {
            let mut moved = total(charged).negated();
            moved.nameless = signed(charged.bytes());
            charged.physical = 0;
            self.ledger.charge(node.id, charged.accounts(), moved, 0, begun);
        }
    }

    fn open_target(&self, to: &VfsPath, existing: Existing) -> Option<Opened> {
        let case = match existing.case() {
            NameCase::Ignored => NameCase::Ignored,
            NameCase::Exact { .. } => NameCase::Exact { from: to.components().count().saturating_sub(1) },
        };
        self.inner.open(to, None, DataUse { write: false, case }).ok()
    }

    fn id_at(&self, to: &VfsPath, existing: Existing) -> Option<u64> {
        self.open_target(to, existing).map(|found| found.file.0.id().0)
    }

    fn target(&self, file: &CountedFile, to: &VfsPath, existing: Existing) -> Target {
        match self.open_target(to, existing) {
            Some(found) if found.file.0.id().0 == file.id => Target::Own,
            Some(found) => {
                let (kind, id) = (found.metadata.kind, found.file.0.id().0);
                let node = OnceLock::from(self.nodes.enter(id).0);
                Target::Taken(Victim { file: self.file(found.file, kind, node, None), id, kind })
            }
            None => Target::Free,
        }
    }

    /// Renames or links `file` to `to` by `change`, and ends the charge of what is replaced. The caller has a pass.
    fn replace<R>(
        &self,
        file: &CountedFile,
        to: &VfsPath,
        existing: Existing,
        is_rename: bool,
        change: impl Fn(Existing) -> Result<R, VfsError>,
    ) -> Result<R, VfsError> {
        let way = match file.kind {
            NodeKind::File if is_rename => Way::Rename(to),
            NodeKind::File => Way::Link(to),
            NodeKind::Directory => Way::Folder,
        };
        self.wait_until_charged(file.id);
        for _ in 0..ATTEMPTS {
            let moment = self.ledger.moment();
            let target = if existing.replaces() { self.target(file, to, existing) } else { Target::Own };
            match target {
                Target::Own => {
                    let mut state = file.node().state.lock();
                    let done = self.moving(file, &mut state, way, || change(existing))?;
                    state.lost_a_name |= existing.replaces();
                    return Ok(done);
                }
                Target::Free => {
                    // What has appeared there since is not replaced unseen.
                    let keep = match existing {
                        Existing::ReplaceExact | Existing::KeepExact => Existing::KeepExact,
                        Existing::Replace | Existing::Keep => Existing::Keep,
                    };
                    let mut state = file.node().state.lock();
                    match self.moving(file, &mut state, way, || change(keep)) {
                        Err(VfsError::Exists) => {}
                        other => return other,
                    }
                }
                Target::Taken(victim) => {
                    self.wait_until_charged(victim.id);
                    let node = Arc::clone(self.counted_node(&victim.file));
                    let (mut own, mut taken) = lock_both(file.node(), &node, victim.id < file.id);
                    let inner = super::unwrap(&victim.file);
                    // It may have gone before its lock was taken.
                    if self.id_at(to, existing) != Some(victim.id) {
                        continue;
                    }
                    self.load(&node, &mut taken, inner)?;
                    self.visit_open(&node, &mut taken);
                    let links = inner.0.metadata()?.links;
                    let is_last = victim.kind == NodeKind::Directory || links <= 1;
                    let begun = self.begin_vanish(&node, &taken, is_last, (|| to.clone(), moment));
                    let done = self.moving(file, &mut own, way, || change(existing))?;
                    let gone = victim.kind == NodeKind::Directory
                        || inner.0.metadata().is_ok_and(|metadata| metadata.links == 0);
                    if gone {
                        self.lost_last_name(&node, &mut taken, begun);
                    } else if !is_last {
                        taken.lost_a_name = true;
                    } else {
                        self.lost_count("a rename replaced another file than the one that was there");
                    }
                    return Ok(done);
                }
            }
        }
        Err(VfsError::Exists)
    }

    fn counted_node<'f>(&self, file: &'f FileRef) -> &'f Arc<Node> {
        let any: &dyn std::any::Any = &*file.0;
        // INVARIANT: `target` made it.
        any.downcast_ref::<CountedFile>().map_or_else(|| unreachable!("a counted file"), CountedFile::node)
    }

    /// Runs a change of the names of `file`; a recount that is under way looks at it.
    fn moving<R>(
        &self,
        file: &CountedFile,
        state: &mut NodeState,
        way: Way<'_>,
        change: impl FnOnce() -> Result<R, VfsError>,
    ) -> Result<R, VfsError> {
        let crossing = match way {
            Way::Rename(to) => self.cross(file, state, to)?,
            Way::Link(to) => {
                self.check_link(file, state, to)?;
                None
            }
            Way::Folder => None,
        };
        let moving_to = match way {
            Way::Rename(to) => Some(to),
            Way::Link(_) | Way::Folder => None,
        };
        let moving = moving_to.and_then(|to| self.class_moving(file.node(), state, &file.inner, to));
        let done = self.move_file(file, state, crossing, change)?;
        if let Some(to) = moving_to {
            self.class_moved(file.node(), &mut state.class, moving, to);
        }
        if self.ledger.visits.load().is_some() {
            self.load(file.node(), state, &file.inner)?;
            self.visit_open(file.node(), state);
        }
        Ok(done)
    }

    pub(super) fn rename(
        &self,
        file: &CountedFile,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        let rename = |existing| {
            if file.kind != NodeKind::Directory {
                return self.inner.rename(&file.inner, to, existing, now);
            }
            let from = file.inner.0.path();
            let durable = self.ledger.durable.as_ref();
            let _under_way = durable.map(|durable| durable.folder_rename(&from, to));
            let renamed = self.inner.rename(&file.inner, to, existing, now);
            if let Ok(path) = &renamed
                && let Some(visits) = &*self.ledger.visits.load()
            {
                visits.moved(path.clone());
            }
            if let Ok(path) = &renamed
                && *path != from
            {
                self.tell_folder(|| FolderChange::Renamed { from, to: path.clone() });
            }
            renamed
        };
        loop {
            if self.tree_crosses(file, to).is_some() {
                let _closed = self.gate.close();
                // Another rename may have come before.
                if let Some(way) = self.tree_crosses(file, to) {
                    return self.move_tree(file, &way, || self.replace(file, to, existing, true, rename));
                }
                return self.replace(file, to, existing, true, rename);
            }
            let _pass = self.gate.enter(file.id);
            // The folder may have been led below other folder quotas before; from here on it is not.
            if self.tree_crosses(file, to).is_none() {
                return self.replace(file, to, existing, true, rename);
            }
        }
    }

    pub(super) fn link(
        &self,
        file: &CountedFile,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<(), VfsError> {
        let _pass = self.gate.enter(file.id);
        self.replace(file, to, existing, false, |existing| self.inner.link(&file.inner, to, existing, now))
    }
}

/// The state of the file's stream of that name, which is open.
fn open_stream_state(state: &mut NodeState, name: Wtf8<'_>, size: u64) -> Arc<OpenStream> {
    let folded = fold(name);
    if let Some((_, open)) = state.streams.iter().find(|(known, _)| *known == folded) {
        return Arc::clone(open);
    }
    let stream = Arc::new(OpenStream::default());
    stream.size.store(size, Ordering::SeqCst);
    state.streams.push((folded, Arc::clone(&stream)));
    stream
}

/// Locks two files in the order of their ids.
fn lock_both<'a>(
    own: &'a Node,
    other: &'a Node,
    other_first: bool,
) -> (MutexGuard<'a, NodeState>, MutexGuard<'a, NodeState>) {
    if other_first {
        let other = other.state.lock();
        (own.state.lock(), other)
    } else {
        let own = own.state.lock();
        (own, other.state.lock())
    }
}
