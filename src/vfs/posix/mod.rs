//! A volume that is a directory on a Linux file system (ext4, XFS, btrfs): DESIGN, "Files stay files".
//!
//! A Windows file is an ordinary file of the same name (see `names`), with one extended attribute for what Linux has no
//! place for (`xattr`). What is too big for that lives in the volume's own folder (`store`). Lookup without case goes
//! through an index per folder (`index`); an open in the right spelling does not need it. Attributes are parsed once and
//! believed while the inode's change time stays (`nodes`).
//!
//! Lock order: a link's `changing`, record locks, index slots (in the order of their inodes), those of files that are
//! being made (`making`), then the locks inside `index`, `nodes`, `securities` and `links`, of which no two are held at
//! once.

mod create;
mod entries;
mod error;
mod file;
mod index;
mod links;
mod local_leases;
mod local_locks;
mod making;
mod names;
mod nodes;
mod recent;
mod resolve;
mod securities;
mod snapshots;
mod special;
mod store;
mod streams;
mod sys;
mod tunnel;
mod xattr;

#[cfg(test)]
mod local_leases_tests;
#[cfg(test)]
mod local_locks_tests;
#[cfg(test)]
mod making_tests;
#[cfg(test)]
mod options_tests;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use freehold_acl::{SecurityDescriptor, Token, create_descriptor};
use freehold_dtyp::{FileTime, Wtf8};
use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use self::file::PosixFile;
pub use self::index::IndexCounters;
use self::index::Indexes;
use self::links::Links;
use self::local_leases::LocalLeases;
use self::local_locks::LocalLocks;
use self::nodes::{Nodes, Source};
use self::securities::Securities;
use self::snapshots::Snapshots;
use self::store::Store;
use self::sys::{NodeKey, Stat};
use self::tunnel::Tunnel;
use self::xattr::XATTR_NAME;
use super::local::LocalPrograms;
use super::{
    DataUse, Existing, FileRef, NewNode, NodeId, OpenError, Opened, Space, VfsError, VfsPath, Volume,
    VolumeIdentity, VolumeOptions, ea,
};

/// Locks that order changes of attributes: an inode has one of them.
const RECORD_LOCKS: usize = 64;

/// How a [`PosixVolume`] is opened.
#[derive(Clone, Debug)]
pub struct PosixOptions {
    /// Label of the volume, at most 32 UTF-16 units.
    pub label: String,
    /// Descriptor of the root until it has one of its own; files that have none inherit from their folder.
    pub root_security: Arc<SecurityDescriptor>,
    /// Most bytes that the indexes of folders take together.
    pub index_bytes: usize,
    /// Most inodes that are remembered, about 150 bytes each.
    pub remembered_inodes: usize,
    /// Mode of new files on disk. Access is decided by descriptors; this is for other programs on the machine.
    pub file_mode: u32,
    /// Mode of new directories on disk.
    pub directory_mode: u32,
    /// What the administrator chose; whether there are snapshots follows from `snapshots`.
    pub volume: VolumeOptions,
    /// The folder of the volume's snapshots.
    pub snapshots: Option<PathBuf>,
}

impl PosixOptions {
    /// Defaults: 256 MiB of indexes, 262,144 inodes, files and folders for the service account alone.
    #[must_use]
    pub fn new(label: &str, root_security: Arc<SecurityDescriptor>) -> Self {
        PosixOptions {
            label: label.to_owned(),
            root_security,
            index_bytes: 256 << 20,
            remembered_inodes: 1 << 18,
            file_mode: 0o600,
            directory_mode: 0o700,
            volume: VolumeOptions::default(),
            snapshots: None,
        }
    }
}

/// Why a directory cannot be opened as a volume.
#[derive(Debug, thiserror::Error)]
pub enum OpenVolumeError {
    /// It is not there or is no directory.
    #[error("{path}: {source}")]
    Root {
        /// The directory asked for.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its file system keeps no user attributes.
    #[error(
        "the file system keeps no user extended attributes: use ext4, XFS or btrfs (and mount without nouser_xattr)"
    )]
    NoUserAttributes,
    /// `/proc` is needed to open files by descriptor.
    #[error("/proc is not mounted")]
    NoProc,
    /// Another process has it open.
    #[error("another server has the volume open (.freehold/lock is locked)")]
    InUse,
    /// Made by a newer version of this program.
    #[error("the volume has layout {found}, this program knows layouts up to {known}")]
    Newer {
        /// Layout found.
        found: u64,
        /// Newest layout known.
        known: u32,
    },
    /// One of its own files cannot be read.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// Which.
        file: &'static str,
        /// How.
        reason: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoEntropy,
    /// Anything else.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// A [`Volume`] in a directory.
#[derive(Clone)]
pub struct PosixVolume {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for PosixVolume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PosixVolume({})", self.inner.identity.guid)
    }
}

struct Inner {
    identity: VolumeIdentity,
    root: OwnedFd,
    root_key: NodeKey,
    /// `/proc/self/fd`.
    proc: OwnedFd,
    store: Store,
    nodes: Nodes,
    links: Arc<Links>,
    indexes: Indexes,
    securities: Securities,
    root_security: Arc<SecurityDescriptor>,
    snapshots: Option<Snapshots>,
    /// Where there are 8.3 names.
    tunnel: Option<Tunnel>,
    /// Where byte-range locks are shared with programs of this machine.
    local_locks: Option<LocalLocks>,
    /// Where what clients cache is behind leases of the kernel.
    local_leases: Option<LocalLeases>,
    /// Changes whenever a directory's descriptor does: what files inherited before may be different now. Never 0.
    inheritance_epoch: AtomicU64,
    record_locks: Vec<Mutex<()>>,
    /// preadv2 with RWF_NOWAIT works here.
    nowait: AtomicBool,
    file_mode: Mode,
    directory_mode: Mode,
}

impl PosixVolume {
    /// Opens the directory `root` as a volume, making `.freehold` in it when it has none.
    ///
    /// # Errors
    /// [`OpenVolumeError`].
    pub fn open(root: &Path, options: PosixOptions) -> Result<PosixVolume, OpenVolumeError> {
        Self::open_as(root, options, None)
    }

    /// `fine_times` overrides what was found out about the file system's clock.
    fn open_as(
        root: &Path,
        options: PosixOptions,
        fine_times: Option<bool>,
    ) -> Result<PosixVolume, OpenVolumeError> {
        let io = |doing| move |errno: Errno| OpenVolumeError::Io { doing, source: errno.into() };
        let path = root;
        let root = open_root(path).map_err(|errno| OpenVolumeError::Root {
            path: path.display().to_string(),
            source: errno.into(),
        })?;
        let stat = sys::stat(&root).map_err(io("reading the root"))?;
        let store = Store::open(&root, &stat)?;
        let mut probe = Probe::of(&store).map_err(io("trying what the file system can do"))?;
        probe.fine_times = fine_times.unwrap_or(probe.fine_times);
        let disk = rustix::fs::fstatvfs(&root).map_err(io("reading the file system's size"))?;
        let [a, b, c, d, ..] = store.guid.0;
        let unit = u32::try_from(disk.f_frsize).unwrap_or(4096).clamp(512, 65_536).next_power_of_two();
        let identity = VolumeIdentity {
            serial: u32::from_le_bytes([a, b, c, d]),
            label: options.label.clone(),
            guid: store.guid,
            created: store.created,
            reflinks: probe.reflinks,
            sparse: probe.sparse,
            allocation_unit_bytes: unit,
            max_ea_bytes: ea::MAX_EA_BYTES,
            compression: probe.compression,
            read_only: false,
            quotas: false,
            options: VolumeOptions { snapshots: options.snapshots.is_some(), ..options.volume.clone() },
        };
        tracing::info!(
            path = %path.display(),
            guid = %identity.guid,
            reflinks = probe.reflinks,
            sparse = probe.sparse,
            compression = probe.compression,
            fine_times = probe.fine_times,
            "volume opened"
        );
        Self::put_together(root, &stat, store, identity, options, probe.fine_times)
    }

    /// Opens an image of a volume's root, whose identity it has, for reading only: nothing is written, not even a lock.
    fn open_snapshot(
        root: &Path,
        options: PosixOptions,
        identity: &VolumeIdentity,
    ) -> Result<PosixVolume, OpenVolumeError> {
        let path = root;
        let root = open_root(path).map_err(|errno| OpenVolumeError::Root {
            path: path.display().to_string(),
            source: errno.into(),
        })?;
        let stat = sys::stat(&root)
            .map_err(|errno| OpenVolumeError::Io { doing: "reading the root", source: errno.into() })?;
        let store = Store::open_read_only(&root, &stat)?;
        let mut identity = VolumeIdentity { read_only: true, reflinks: false, ..identity.clone() };
        identity.options.snapshots = false;
        identity.options.local_programs = LocalPrograms::Ignore;
        identity.options.delayed_write_times = false;
        // What does not change has no two changes at one time.
        Self::put_together(root, &stat, store, identity, options, true)
    }

    fn put_together(
        root: OwnedFd,
        stat: &Stat,
        store: Store,
        identity: VolumeIdentity,
        options: PosixOptions,
        fine_times: bool,
    ) -> Result<PosixVolume, OpenVolumeError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc =
            rustix::fs::open(c"/proc/self/fd", flags, Mode::empty()).map_err(|_| OpenVolumeError::NoProc)?;
        let mut seed = [0; 8];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| OpenVolumeError::NoEntropy)?;
        let snapshots =
            options.snapshots.map(|folder| Snapshots::new(folder, Arc::clone(&options.root_security)));
        let inner = Inner {
            nodes: Nodes::new(options.remembered_inodes, store.epoch, fine_times),
            indexes: Indexes::new(
                options.index_bytes,
                u64::from_le_bytes(seed),
                fine_times,
                stat.key,
                identity.options.short_names,
            ),
            tunnel: identity.options.short_names.then(Tunnel::default),
            local_leases: identity.options.local_programs.backs_caches().then(LocalLeases::new),
            local_locks: identity.options.local_programs.shares_locks().then(LocalLocks::new),
            identity,
            root,
            root_key: stat.key,
            proc,
            store,
            links: Links::new(),
            securities: Securities::new(),
            root_security: options.root_security,
            snapshots,
            inheritance_epoch: AtomicU64::new(1),
            record_locks: (0..RECORD_LOCKS).map(|_| Mutex::default()).collect(),
            nowait: AtomicBool::new(true),
            file_mode: Mode::from_raw_mode(options.file_mode),
            directory_mode: Mode::from_raw_mode(options.directory_mode),
        };
        Ok(PosixVolume { inner: Arc::new(inner) })
    }

    /// What the indexes of folders have cost since the volume was opened.
    #[must_use]
    pub fn index_counters(&self) -> IndexCounters {
        self.inner.indexes.counters()
    }
}

fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// What the file system can do.
struct Probe {
    reflinks: bool,
    sparse: bool,
    compression: bool,
    fine_times: bool,
}

impl Probe {
    fn of(store: &Store) -> Result<Probe, Errno> {
        let mode = Mode::from_raw_mode(0o600);
        let names = [store.tmp_name(), store.tmp_name()];
        let one = sys::create_file(&store.tmp, &names[0], mode)?;
        let two = sys::create_file(&store.tmp, &names[1], mode)?;
        for name in &names {
            rustix::fs::unlinkat(&store.tmp, &name[..], AtFlags::empty())?;
        }
        rustix::io::pwrite(&one, &[1; 4096], 0)?;
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Changes in quick succession, each after a look: a coarse clock shows two of them as one.
        let mut fine_times = true;
        for round in 0..4u8 {
            let before = sys::stat(&two)?.changed;
            rustix::fs::fsetxattr(&two, XATTR_NAME, &[round], XattrFlags::empty())?;
            fine_times &= sys::stat(&two)?.changed != before;
        }
        Ok(Probe {
            reflinks: rustix::fs::ioctl_ficlone(&two, &one).is_ok(),
            sparse: rustix::fs::fallocate(&one, punch, 0, 4096).is_ok(),
            compression: sys::compresses(&one) && sys::set_compressed(&one, true).is_ok(),
            fine_times,
        })
    }
}

impl Inner {
    /// Nothing is changed in a snapshot.
    fn check_writable(&self) -> Result<(), VfsError> {
        if self.identity.read_only { Err(VfsError::ReadOnly) } else { Ok(()) }
    }

    fn record_lock(&self, key: NodeKey) -> MutexGuard<'_, ()> {
        self.record_locks[key.ino as usize % RECORD_LOCKS].lock()
    }

    /// The descriptor of what is at `path`: its own, or what it inherits from the nearest folder that has one.
    fn security(
        &self,
        stat: &Stat,
        source: Source<'_>,
        path: &VfsPath,
    ) -> Result<Arc<SecurityDescriptor>, VfsError> {
        let epoch = self.inheritance_epoch.load(Ordering::Acquire);
        if let Some(found) = self.own_security(stat, source, epoch)? {
            return Ok(found);
        }
        let mut heirs = vec![*stat];
        let mut parent = path.split_last().map(|(parent, _)| parent);
        let mut security = loop {
            let Some(at) = parent.filter(|at| !at.is_root()) else {
                let stat = sys::stat(&self.root)?;
                let own = self.own_security(&stat, Source::Place(self.root.as_fd()), epoch)?;
                break own.unwrap_or_else(|| Arc::clone(&self.root_security));
            };
            let directory = self.directory(&at)?;
            let stat = sys::stat(&directory)?;
            if let Some(own) = self.own_security(&stat, Source::Place(directory.as_fd()), epoch)? {
                break own;
            }
            heirs.push(stat);
            parent = at.split_last().map(|(parent, _)| parent);
        };
        let system = Token::system();
        for heir in heirs.iter().rev() {
            if heir.key != self.root_key
                && let Ok(inherited) = create_descriptor(Some(&security), None, &system, heir.is_directory())
            {
                security = Arc::new(inherited);
                self.nodes.remember_descriptor(heir, &security, epoch);
            }
        }
        Ok(security)
    }

    fn own_security(
        &self,
        stat: &Stat,
        source: Source<'_>,
        epoch: u64,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        let (hash, known) =
            self.nodes.with(stat, source, |info| (info.security, info.known_descriptor(epoch)))?;
        if known.is_some() {
            return Ok(known);
        }
        if hash.is_none() {
            return Ok(None);
        }
        match self.securities.load(&self.store, hash) {
            Ok(descriptor) => {
                self.nodes.remember_descriptor(stat, &descriptor, 0);
                Ok(Some(descriptor))
            }
            Err(VfsError::Corrupt) => {
                tracing::warn!(
                    inode = stat.key.ino,
                    hash = hash.hex(),
                    "a security descriptor is missing or damaged: the file is served with what it inherits"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The posix handle behind a reference.
fn own(file: &FileRef) -> Result<&PosixFile, VfsError> {
    let any: &dyn Any = &*file.0;
    any.downcast_ref().ok_or(VfsError::CrossDevice)
}

impl PosixVolume {
    /// The same, of this very volume.
    fn own<'f>(&self, file: &'f FileRef) -> Result<&'f PosixFile, VfsError> {
        own(file).and_then(|file| {
            if Arc::ptr_eq(&file.volume, &self.inner) { Ok(file) } else { Err(VfsError::CrossDevice) }
        })
    }
}

impl Volume for PosixVolume {
    fn identity(&self) -> &VolumeIdentity {
        &self.inner.identity
    }

    fn space(&self) -> Result<Space, VfsError> {
        let disk = rustix::fs::fstatvfs(&self.inner.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Ok(Space {
            total_bytes: bytes(disk.f_blocks),
            available_bytes: bytes(disk.f_bavail),
            free_bytes: bytes(disk.f_bfree),
            // btrfs makes inodes as it needs them and shows none.
            total_files: if disk.f_files == 0 { u64::MAX } else { disk.f_files },
            free_files: if disk.f_files == 0 { u64::MAX } else { disk.f_favail },
            limited: false,
        })
    }

    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError> {
        self.inner.open(path, stream, data_use)
    }

    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError> {
        self.inner.check_writable()?;
        self.inner.create(self.own(parent)?, name, new)
    }

    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, _now: FileTime) -> Result<Opened, VfsError> {
        self.inner.check_writable()?;
        self.inner.create_stream(self.own(file)?, name)
    }

    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        _now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        self.inner.check_writable()?;
        self.inner.rename(self.own(file)?, to, existing)
    }

    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, _now: FileTime) -> Result<(), VfsError> {
        self.inner.check_writable()?;
        self.inner.link(self.own(file)?, to, existing)
    }

    fn unlink(&self, file: &FileRef) -> Result<(), VfsError> {
        self.inner.check_writable()?;
        let file = self.own(file)?;
        match &file.stream {
            Some(stream) => self.inner.unlink_stream(file, stream),
            None => self.inner.unlink(file),
        }
    }

    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError> {
        self.inner.snapshots.as_ref().map_or_else(|| Ok(Vec::new()), Snapshots::list)
    }

    fn snapshot(&self, time: FileTime) -> Result<Arc<dyn Volume>, VfsError> {
        let snapshots = self.inner.snapshots.as_ref().ok_or(VfsError::NotFound)?;
        Ok(snapshots.open(time, &self.inner.identity)?)
    }

    fn broken_leases(&self) -> Vec<NodeId> {
        self.inner.local_leases.as_ref().map(LocalLeases::broken).unwrap_or_default()
    }

    fn release_lease(&self, file: NodeId) {
        if let Some(leases) = &self.inner.local_leases {
            leases.release(file);
        }
    }

    fn sync(&self) -> Result<(), VfsError> {
        let root = sys::open_for_listing(&self.inner.root, b"")?;
        Ok(rustix::fs::syncfs(&root)?)
    }
}
