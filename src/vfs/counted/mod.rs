//! A volume that counts: wraps any volume and charges every change of what is stored to the owner of the file and to the folder
//! quotas above it, in the same step, and refuses what a limit does not allow.
//!
//! Charged are the logical bytes of the unnamed and of the named streams; a file without a name stays charged until it is
//! closed. Limits are checked before anything is written: room is reserved first (`account::Account::reserve`), so that two
//! writers never get more than there is.
//!
//! Lock order: the gate, then files in the order of their ids, then the locks inside of the tables, of which no two are held
//! at once. No lock is shared by writers of different files; writing inside of a file's present size takes none at all.

mod account;
mod check;
mod class_cells;
mod classes;
mod counting;
mod durable;
mod file;
mod folders;
mod gate;
mod ledger;
mod making;
mod map;
mod names;
mod nodes;
mod policy;
mod recount;
mod recover;
mod renames;
mod rows;

#[cfg(test)]
mod class_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Sid, Wtf8};
use parking_lot::Mutex;

use self::account::{Amount, signed};
use self::class_cells::Cells;
use self::counting::{Counting, What};
use self::durable::Durable;
use self::file::CountedFile;
use self::gate::Gate;
use self::ledger::Ledger;
use self::making::Making;
use self::nodes::{Charged, Node, NodeState, Nodes};
pub use self::recover::Recovered;
use self::rows::Key;
use super::quotas::{FolderChange, PolicyStore, Quotas};
use super::{
    DataUse, Existing, FileRef, NewNode, NodeId, NodeKind, OpenError, Opened, Space, VfsError, VfsPath,
    Volume, VolumeIdentity,
};

/// Whom a file without an owner is charged to.
const NOBODY: Sid = Sid::ADMINISTRATORS;

/// A [`Volume`] whose usage is counted and limited.
pub struct Counted {
    shared: Arc<Shared>,
    recovered: Recovered,
}

/// Who is told of folders that were made or renamed.
type FolderListener = Box<dyn Fn(&FolderChange) + Send + Sync>;

/// What the volume, its files and whoever asks for usage share.
pub(super) struct Shared {
    inner: Arc<dyn Volume>,
    identity: VolumeIdentity,
    store: Option<Arc<dyn PolicyStore>>,
    /// Who is told of folders.
    folder_listener: ArcSwapOption<FolderListener>,
    nodes: Nodes,
    ledger: Ledger,
    gate: Gate,
    /// What there is of each class of files.
    cells: Cells,
    /// Counts them, where they alone are not known.
    counting_classes: Mutex<Option<std::thread::JoinHandle<()>>>,
    making: Making,
    /// Held while usage of nameless files ends, and while usage is compared with a recount.
    nameless: Mutex<()>,
    /// One recount at a time.
    recounting: Mutex<()>,
    /// One change of the policy at a time.
    changing_policy: Mutex<()>,
    /// What is being counted.
    counting: Counting,
    /// The volume is being closed.
    stop: AtomicBool,
    /// Itself, for [`Quotas`] and for threads.
    own: std::sync::Weak<Shared>,
}

impl Counted {
    /// Counts what is in `inner`, keeping usage in `folder`, the volume's own. Without usage that can be relied on, everything
    /// is counted first, while clients work. `store` keeps changes of limits that come through SMB.
    #[must_use]
    pub fn open(inner: Arc<dyn Volume>, folder: &Path, store: Option<Arc<dyn PolicyStore>>) -> Counted {
        let volume = inner.identity().guid;
        let mut recovered = Recovered::default();
        let (durable, kept) = match Durable::open(folder, volume, true) {
            Ok((durable, Some(found))) => {
                recovered = recover::recover(&*inner, &durable, found);
                match rows_of_use(&durable).filter(|_| recovered.recount.is_none()) {
                    Some(rows) => (Ok(durable), Some(rows)),
                    None => {
                        recovered.recount.get_or_insert("what is kept makes no sense");
                        (Durable::open(folder, volume, false).map(|(durable, _)| durable), None)
                    }
                }
            }
            Ok((durable, None)) => {
                recovered.recount = Some("no usage is kept that can be relied on");
                (Ok(durable), None)
            }
            Err(error) => (Err(error), None),
        };
        let durable = durable.inspect_err(|error| {
            tracing::error!(folder = %folder.display(), %error, "usage cannot be kept on disk: it is counted at each start");
        });
        let cells = classes::open(&*inner, folder, volume);
        let mut counted = Self::with(inner, durable.ok(), kept, cells, store);
        counted.recovered = recovered;
        counted
    }

    /// The same for a volume that nothing outlives: everything is counted when it is opened.
    #[must_use]
    pub fn volatile(inner: Arc<dyn Volume>, store: Option<Arc<dyn PolicyStore>>) -> Counted {
        Self::with(inner, None, None, Cells::volatile(), store)
    }

    fn with(
        inner: Arc<dyn Volume>,
        durable: Option<Durable>,
        kept: Option<Vec<(u32, Key, Amount)>>,
        cells: Cells,
        store: Option<Arc<dyn PolicyStore>>,
    ) -> Counted {
        let is_known = kept.is_some();
        let shared = Arc::new_cyclic(|own| Shared {
            identity: VolumeIdentity { quotas: true, ..inner.identity().clone() },
            inner,
            store,
            folder_listener: ArcSwapOption::empty(),
            nodes: Nodes::new(),
            ledger: Ledger::new(durable, kept.unwrap_or_default()),
            gate: Gate::new(),
            cells,
            counting_classes: Mutex::default(),
            making: Making::new(),
            nameless: Mutex::default(),
            recounting: Mutex::default(),
            changing_policy: Mutex::default(),
            counting: Counting::default(),
            stop: AtomicBool::new(false),
            own: own.clone(),
        });
        if !is_known {
            shared.count_in_background(What::Everything);
        } else if !shared.cells.is_known() {
            shared.count_classes();
        }
        Counted { shared, recovered: Recovered::default() }
    }

    /// What was found when the volume was opened.
    #[must_use]
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Something that was there before it was to be counted is still being counted.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.shared.counting.now().is_some()
    }

    /// Waits until everything that was to be counted is.
    pub fn wait_until_counted(&self) {
        self.shared.counting.join();
        self.shared.wait_for_classes();
    }

    fn counted<'f>(&self, file: &'f FileRef) -> Result<&'f CountedFile, VfsError> {
        let any: &dyn Any = &*file.0;
        let file: &CountedFile = any.downcast_ref().ok_or(VfsError::CrossDevice)?;
        if Arc::ptr_eq(&file.shared, &self.shared) { Ok(file) } else { Err(VfsError::CrossDevice) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.wait_until_counted();
        if let Some(durable) = &self.shared.ledger.durable
            && let Err(error) = durable.sync()
        {
            tracing::error!(%error, "usage could not be made durable: it is counted at the next start");
        }
        if let Err(error) = self.shared.cells.sync() {
            tracing::error!(%error, "types and ages of files could not be made durable: they are counted at the next start");
        }
    }
}

/// What is kept; folder quotas that cannot be right are forgotten, and counted anew.
fn rows_of_use(durable: &Durable) -> Option<Vec<(u32, Key, Amount)>> {
    let mut rows = durable.rows()?;
    rows.retain(|(row, key, amount)| {
        let is_of_use = amount.makes_sense() || matches!(key, Key::Owner(_));
        if !is_of_use {
            durable.forget_row(*row);
        }
        is_of_use
    });
    rows.iter().all(|(_, _, amount)| amount.makes_sense()).then_some(rows)
}

/// The file inside of one that is counted; another one as it is.
fn unwrap(file: &FileRef) -> &FileRef {
    let any: &dyn Any = &*file.0;
    any.downcast_ref::<CountedFile>().map_or(file, |file| &file.inner)
}

fn owner_of(security: &SecurityDescriptor) -> Sid {
    security.owner.unwrap_or(NOBODY)
}

/// Bytes of the unnamed stream, of the named streams, and on disk.
fn measure(file: &FileRef) -> Result<(u64, u64, u64), VfsError> {
    let (mut main, mut named, mut physical) = (0u64, 0u64, 0u64);
    for stream in file.0.streams()? {
        let sum = if stream.name.is_empty() { &mut main } else { &mut named };
        *sum = sum.saturating_add(stream.size_bytes);
        physical = physical.saturating_add(stream.allocated_bytes);
    }
    Ok((main, named, physical))
}

impl Shared {
    /// Finds out what a file is charged for, where that is not known. Called with the file's lock held.
    fn load<'s>(
        &self,
        node: &Node,
        state: &'s mut NodeState,
        file: &FileRef,
    ) -> Result<&'s mut Charged, VfsError> {
        let generation = self.ledger.generation.load(Ordering::SeqCst);
        let charged = match state.charged.take() {
            Some(mut charged) => {
                // What has no name stays where it was.
                if charged.generation != generation && !state.gone {
                    charged.folders = self.ledger.folders_of(&file.0.path());
                    charged.generation = generation;
                }
                charged
            }
            None => {
                let metadata = file.0.metadata()?;
                state.gone |= metadata.links == 0;
                let (main, named, physical) = measure(file)?;
                let owner = self.ledger.owner(&owner_of(&*file.0.security()?));
                node.set_size(main);
                if !state.gone {
                    self.class_known(node, &mut state.class, file, &metadata, main.saturating_add(named));
                }
                let folders = self.folders_at(file);
                Charged { owner, folders, generation, main, named, physical }
            }
        };
        Ok(state.charged.insert(charged))
    }

    fn folders_at(&self, file: &FileRef) -> smallvec::SmallVec<[Arc<account::Account>; 2]> {
        if self.ledger.folders.load().is_empty() {
            return smallvec::SmallVec::new();
        }
        self.ledger.folders_of(&file.0.path())
    }

    /// Wraps what was opened. Files are known from now on: one that loses its name stays charged while it is open.
    fn wrap(&self, opened: Opened) -> Opened {
        let inner = opened.file;
        let node = OnceLock::new();
        if opened.metadata.kind == NodeKind::File {
            let _ = node.set(self.nodes.enter(inner.0.id().0).0);
        }
        Opened { file: self.file(inner, opened.metadata.kind, node, None), ..opened }
    }

    fn file(
        &self,
        inner: FileRef,
        kind: NodeKind,
        node: OnceLock<Arc<Node>>,
        stream: Option<Arc<nodes::OpenStream>>,
    ) -> FileRef {
        // INVARIANT: whoever calls holds the volume, which holds this.
        let shared = self.own.upgrade().unwrap_or_else(|| unreachable!("the volume is open"));
        FileRef(Arc::new(CountedFile { id: inner.0.id().0, shared, inner, kind, node, stream }))
    }

    fn wrap_error(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::NotFound(parent) => OpenError::NotFound(Box::new(self.wrap(*parent))),
            OpenError::StreamNotFound(file) => OpenError::StreamNotFound(Box::new(self.wrap(*file))),
            other => other,
        }
    }

    /// Tells who is told of folders; what is not a folder's change is not made.
    fn tell_folder(&self, change: impl FnOnce() -> FolderChange) {
        if let Some(listener) = &*self.folder_listener.load() {
            listener(&change());
        }
    }

    /// Usage is not known exactly any more.
    fn lost_count(&self, reason: &str) {
        tracing::error!(reason, "usage is not exact any more: run `freehold quota recount`");
        if let Some(durable) = &self.ledger.durable {
            durable.set_known(false);
        }
    }
}

impl Volume for Counted {
    fn identity(&self) -> &VolumeIdentity {
        &self.shared.identity
    }

    fn space(&self) -> Result<Space, VfsError> {
        self.shared.inner.space()
    }

    fn space_of(&self, caller: &Sid, file: &FileRef) -> Result<Space, VfsError> {
        let file = unwrap(file);
        let mut space = self.shared.inner.space_of(caller, file)?;
        let owner = self.shared.ledger.owner(caller);
        let mut rooms: Vec<(u64, u64)> = owner.room().into_iter().collect();
        let folders = self.shared.ledger.folders.load();
        if !folders.is_empty() {
            let path = file.0.path();
            let above = folders.iter().filter(|folder| path.is_within(&folder.path));
            rooms.extend(above.filter_map(|folder| folder.account.room()));
        }
        for (limit, left) in rooms {
            space.limited |= limit < space.total_bytes || left < space.available_bytes;
            space.total_bytes = space.total_bytes.min(limit);
            space.available_bytes = space.available_bytes.min(left);
        }
        Ok(space)
    }

    fn quotas(&self) -> Option<Arc<dyn Quotas>> {
        Some(Arc::clone(&self.shared) as Arc<dyn Quotas>)
    }

    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError> {
        let shared = &*self.shared;
        match stream {
            None => match shared.inner.open(path, None, data_use) {
                Ok(opened) => Ok(shared.wrap(opened)),
                Err(error) => Err(shared.wrap_error(error)),
            },
            Some(name) => shared.open_stream(path, name, data_use),
        }
    }

    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError> {
        self.shared.create(self.counted(parent)?, name, new)
    }

    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, now: FileTime) -> Result<Opened, VfsError> {
        self.shared.create_stream(self.counted(file)?, name, now)
    }

    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        self.shared.rename(self.counted(file)?, to, existing, now)
    }

    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        self.shared.link(self.counted(file)?, to, existing, now)
    }

    fn unlink(&self, file: &FileRef) -> Result<(), VfsError> {
        self.shared.unlink(self.counted(file)?)
    }

    fn broken_leases(&self) -> Vec<NodeId> {
        self.shared.inner.broken_leases()
    }

    fn release_lease(&self, file: NodeId) {
        self.shared.inner.release_lease(file);
    }

    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError> {
        self.shared.inner.snapshots()
    }

    /// A snapshot is not charged to anybody: its files are the inner volume's own.
    fn snapshot(&self, time: FileTime) -> Result<Arc<dyn Volume>, VfsError> {
        self.shared.inner.snapshot(time)
    }

    fn sync(&self) -> Result<(), VfsError> {
        let _closed = self.shared.gate.close();
        self.shared.inner.sync()?;
        if let Some(durable) = &self.shared.ledger.durable {
            durable.sync().map_err(|error| {
                tracing::error!(%error, "usage could not be made durable");
                VfsError::Io
            })?;
        }
        self.shared.cells.sync().map_err(|error| {
            tracing::error!(%error, "types and ages of files could not be made durable");
            VfsError::Io
        })?;
        Ok(())
    }
}

/// A file's state and what it is charged for, with what it takes to change both.
fn total(charged: &Charged) -> Amount {
    Amount { bytes: signed(charged.bytes()), nameless: 0, files: 1, physical: signed(charged.physical) }
}
