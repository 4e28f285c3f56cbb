//! Volumes: the narrow set of operations through which every change to stored files goes.
//!
//! Owns the [`Volume`] trait and the plain data that passes through it. The protocol core reads this module for
//! its data types only: it never calls a [`Volume`], it emits `proto::op::Op` values that the I/O shell runs.
//! Implementations: `posix` (ordinary files and one extended attribute each), `memory` (for tests and the
//! simulation), `fault` (wraps any volume and makes it fail).
//!
//! Knows nothing of SMB, sessions, access rights, share modes or locks. A volume is asked only for what the core
//! has already allowed; it keeps security descriptors but never evaluates them.
//!
//! Paths are relative to the volume's root, components separated by `/`, in Windows spelling; the root is the
//! empty path. Lookup ignores case and keeps it ([MS-FSA] 2.1.1.3). No path leaves the volume, whatever symbolic
//! links were planted below its root.

#[cfg(test)]
mod conformance;
pub mod counted;
mod ea;
#[cfg(test)]
mod equivalence;
pub mod fault;
pub mod folders;
pub mod local;
pub mod memory;
pub mod oplock_policy;
pub mod posix;
pub mod quotas;
pub mod remark;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Guid, Sid, Wtf8, Wtf8Buf};

use crate::fscc::fsctl::reparse::NfsType;
use crate::fscc::name::check_file_name;
use crate::fscc::upcase::{compare_ignore_case, eq_ignore_case};
use crate::fscc::{FileAttributes, Pattern};
use local::{LocalLock, LocalPrograms};
use oplock_policy::OplockPolicy;

/// The volume's own folder in its root. No path leads into it and no listing shows it, in any case.
pub const RESERVED_FOLDER: &str = ".freehold";
/// An extended attribute that no client may have: a tool that carries the attributes of files from a volume's folder to a
/// mount of a share would put the volume's own bookkeeping there, and back again.
pub const RESERVED_EA: &[u8] = b"FREEHOLD";
/// Longest reparse buffer ([MS-FSCC] 2.1.2: MAXIMUM_REPARSE_DATA_BUFFER_SIZE), in bytes.
pub const MAX_REPARSE_BYTES: usize = 16 * 1024;

/// 64-bit file id ([MS-FSCC] 2.1.9): unique in its volume, stable across renames and restarts, never 0 or `u64::MAX`,
/// not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The 128-bit form ([MS-FSCC] 2.1.10): the 64-bit id in the low half.
    #[must_use]
    pub fn to_128(self) -> [u8; 16] {
        u128::from(self.0).to_le_bytes()
    }
}

/// What a volume is and can do; fixed while it is open.
#[derive(Clone, Debug)]
pub struct VolumeIdentity {
    /// [MS-FSCC] 2.5.9 VolumeSerialNumber.
    pub serial: u32,
    /// Label, at most 32 UTF-16 units.
    pub label: String,
    /// Unique id of this volume, kept inside it.
    pub guid: Guid,
    /// When the volume was made.
    pub created: FileTime,
    /// Two files can share extents: [`File::clone_range`] works.
    pub reflinks: bool,
    /// Holes can be punched: [`File::punch_hole`] frees space.
    pub sparse: bool,
    /// Allocation unit in bytes (a power of two, 512 to 65,536).
    pub allocation_unit_bytes: u32,
    /// Longest extended-attribute list a file can have, in bytes.
    pub max_ea_bytes: u32,
    /// Files can be compressed: [`File::set_compressed`] works.
    pub compression: bool,
    /// Nothing can be changed: it is a snapshot of another volume.
    pub read_only: bool,
    /// Usage is counted: [`Volume::quotas`] has it ([MS-FSA] 2.1.1.1 IsQuotasSupported).
    pub quotas: bool,
    /// What its administrator chose.
    pub options: VolumeOptions,
}

/// What an administrator chose for a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeOptions {
    /// Files have 8.3 names besides their own ([MS-FSA] 2.1.1.1 GenerateShortNames).
    pub short_names: bool,
    /// Files can have named streams.
    pub named_streams: bool,
    /// Changes can be watched ([MS-SMB2] 3.3.5.19).
    pub change_notify: bool,
    /// Files with such names are shown HIDDEN, whatever is stored.
    pub hidden_names: Vec<Pattern>,
    /// The volume may have snapshots (previous versions).
    pub snapshots: bool,
    /// AUTO_INHERITED of a list stays as a client sets it, without AUTO_INHERIT_REQ ([MS-DTYP] 2.4.6).
    pub keep_auto_inherited: bool,
    /// What handles have written shows in LastWriteTime after two seconds, or when they are flushed or closed.
    pub delayed_write_times: bool,
    /// How far programs of this machine are minded.
    pub local_programs: LocalPrograms,
    /// What clients may cache.
    pub oplocks: OplockPolicy,
}

impl Default for VolumeOptions {
    /// As NTFS is set up today.
    fn default() -> Self {
        VolumeOptions {
            short_names: false,
            named_streams: true,
            change_notify: true,
            hidden_names: Vec::new(),
            snapshots: false,
            keep_auto_inherited: false,
            delayed_write_times: false,
            local_programs: LocalPrograms::Ignore,
            oplocks: OplockPolicy::All,
        }
    }
}

impl VolumeOptions {
    /// Attributes of a file called `name` as clients see them; the root has no name.
    #[must_use]
    pub fn shown(&self, attributes: FileAttributes, name: Option<Wtf8<'_>>) -> FileAttributes {
        let hidden = name.is_some_and(|name| self.hidden_names.iter().any(|pattern| pattern.matches(name)));
        if hidden { attributes | FileAttributes::HIDDEN } else { attributes }
    }
}

/// Space of the file system under a volume, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total_bytes: u64,
    /// Free for this server's account.
    pub available_bytes: u64,
    /// Free, reserved parts included.
    pub free_bytes: u64,
    /// Files that there can be; `u64::MAX` where nothing limits them.
    pub total_files: u64,
    /// Files that can yet be made; `u64::MAX` where nothing limits them.
    pub free_files: u64,
    /// A limit of the caller's leaves less than all of it.
    pub limited: bool,
}

/// File or directory. Symbolic links and special files on disk are served as reparse points, never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A data file.
    File,
    /// A directory.
    Directory,
}

/// What is known of a file without reading its data ([MS-FSA] 2.1.1.3 and 2.1.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File id.
    pub id: NodeId,
    /// File or directory.
    pub kind: NodeKind,
    /// DOS attributes as stored, with DIRECTORY, SPARSE_FILE, COMPRESSED and REPARSE_POINT set from the facts; never NORMAL
    /// (the caller shows NORMAL for a file with no other).
    pub attributes: FileAttributes,
    /// CreationTime.
    pub created: FileTime,
    /// LastAccessTime.
    pub accessed: FileTime,
    /// LastWriteTime.
    pub modified: FileTime,
    /// ChangeTime.
    pub changed: FileTime,
    /// Bytes of the unnamed stream (0 for a directory), or of the named stream when the handle is of one.
    pub size_bytes: u64,
    /// Bytes allocated for it, without the cost of metadata; 0 for an empty file.
    pub allocated_bytes: u64,
    /// Hard links; 0 when the file is open and has no name any more.
    pub links: u32,
    /// Size of the extended attributes as FileEaInformation counts them; 0 without any.
    pub ea_size_bytes: u32,
    /// Reparse tag, 0 without one.
    pub reparse_tag: u32,
    /// What an NFS reparse point is.
    pub nfs_type: NfsType,
}

/// New values for some of the settable fields; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct MetadataChange {
    /// DOS attributes: those of [`FileAttributes::SETTABLE`] are taken, others ignored.
    pub attributes: Option<FileAttributes>,
    /// SPARSE_FILE, which an ordinary change of attributes never touches.
    pub sparse: Option<bool>,
    /// CreationTime.
    pub created: Option<FileTime>,
    /// LastAccessTime.
    pub accessed: Option<FileTime>,
    /// LastWriteTime.
    pub modified: Option<FileTime>,
    /// ChangeTime.
    pub changed: Option<FileTime>,
}

/// One extended attribute ([MS-FSCC] 2.4.16). Names are compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedAttribute {
    /// FILE_NEED_EA or 0.
    pub flags: u8,
    /// 1 to 254 bytes of the OEM character set.
    pub name: Vec<u8>,
    /// Up to 65,535 bytes; an empty value deletes when setting.
    pub value: Vec<u8>,
}

/// What to put into a file that is being made or superseded.
#[derive(Clone, Debug)]
pub struct NewNode {
    /// File or directory.
    pub kind: NodeKind,
    /// Settable DOS attributes.
    pub attributes: FileAttributes,
    /// Its security descriptor, complete (inheritance is already computed).
    pub security: Arc<SecurityDescriptor>,
    /// Extended attributes, put in place with the file or not at all.
    pub extended_attributes: Vec<ExtendedAttribute>,
    /// Space to reserve, in bytes; a hint except that DISK_FULL is reported.
    pub allocation_bytes: u64,
    /// It is not compressed, even where its directory compresses what is made in it.
    pub no_compression: bool,
    /// The present time for CreationTime, LastWriteTime, LastAccessTime and ChangeTime.
    pub now: FileTime,
    /// Which names make its own taken.
    pub case: NameCase,
}

/// How data of an opened file will be used: decides how the volume opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataUse {
    /// Data, attributes or anything else may be written through the handle.
    pub write: bool,
    /// How the names of the path are looked up.
    pub case: NameCase,
}

impl DataUse {
    /// For reading, the path in any case.
    pub const READ: DataUse = DataUse { write: false, case: NameCase::Ignored };
    /// For reading and writing, the path in any case.
    pub const WRITE: DataUse = DataUse { write: true, case: NameCase::Ignored };
}

/// How names are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameCase {
    /// Without regard to case ([MS-FSA] 2.1.1.3); an exact spelling wins.
    #[default]
    Ignored,
    /// Only the exact spelling is the name (SMB3 POSIX Extensions): names that differ in case are others. In a path from
    /// this component on; what is in front of it is in any case.
    Exact {
        /// Component, from 0.
        from: usize,
    },
}

impl NameCase {
    /// Exact for the component `index` of a path.
    #[must_use]
    pub fn is_exact_at(self, index: usize) -> bool {
        matches!(self, NameCase::Exact { from } if index >= from)
    }
}

/// A normalised path below the volume's root: components in Windows spelling separated by `/`, no empty component,
/// no `.` or `..`. The root is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VfsPath(Wtf8Buf);

impl VfsPath {
    /// The volume's root.
    #[must_use]
    pub const fn root() -> Self {
        VfsPath(Wtf8Buf::new())
    }

    /// From components separated by `/`; `None` when one is empty, `.`, `..` or holds a zero character.
    #[must_use]
    pub fn new(path: Wtf8Buf) -> Option<Self> {
        let bad =
            |part: Wtf8<'_>| matches!(part.as_bytes(), b"" | b"." | b"..") || part.as_bytes().contains(&0);
        if !path.is_empty() && path.as_wtf8().split(b'/').any(bad) {
            return None;
        }
        Some(VfsPath(path))
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn as_wtf8(&self) -> Wtf8<'_> {
        self.0.as_wtf8()
    }

    /// True for the volume's root.
    #[inline]
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components from the root on; none for the root.
    pub fn components(&self) -> impl Iterator<Item = Wtf8<'_>> {
        self.as_wtf8().split(b'/').filter(|part| !part.is_empty())
    }

    /// The directory that holds it and its name there; `None` for the root.
    #[must_use]
    pub fn split_last(&self) -> Option<(VfsPath, Wtf8<'_>)> {
        if self.is_root() {
            return None;
        }
        match self.as_wtf8().rsplit_once(b'/') {
            Some((parent, name)) => Some((VfsPath(parent.to_owned()), name)),
            None => Some((VfsPath::root(), self.as_wtf8())),
        }
    }

    /// This path with `tail` (itself normalised) below it.
    #[must_use]
    pub fn join(&self, tail: &VfsPath) -> VfsPath {
        if tail.is_root() {
            return self.clone();
        }
        if self.is_root() {
            return tail.clone();
        }
        let mut joined = self.0.clone();
        joined.push_ascii(b'/');
        joined.push(tail.as_wtf8());
        VfsPath(joined)
    }

    /// True when `self` is `ancestor` or lies below it, byte for byte.
    #[must_use]
    pub fn is_within(&self, ancestor: &VfsPath) -> bool {
        ancestor.is_root()
            || self
                .0
                .as_bytes()
                .strip_prefix(ancestor.0.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    }
}

/// An open handle to a file, a directory or one named stream. Cheap to clone; the file stays open until the last
/// clone is dropped. The core passes it on and never looks inside.
#[derive(Clone)]
pub struct FileRef(pub Arc<dyn File>);

impl fmt::Debug for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileRef({:#x})", self.0.id().0)
    }
}

/// What [`Volume::open`] found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The handle.
    pub file: FileRef,
    /// Metadata at the time of the open.
    pub metadata: Metadata,
    /// The file's security descriptor; for a file that has none yet, what it would have inherited.
    pub security: Arc<SecurityDescriptor>,
    /// The path in the spelling on disk.
    pub path: VfsPath,
}

/// Why [`Volume::open`] found nothing.
#[derive(Clone, Debug)]
pub enum OpenError {
    /// The directory is there, the name in it is not. Boxed: the way to create it.
    NotFound(Box<Opened>),
    /// The file is there, the named stream is not; the file itself comes opened for creating the stream.
    StreamNotFound(Box<Opened>),
    /// A directory on the way is missing.
    PathNotFound,
    /// Something on the way is a file, not a directory.
    NotADirectory,
    /// A reparse point (symbolic link) stands on the way, at component `index` (from 0); `data` is its reparse
    /// buffer as FSCTL_GET_REPARSE_POINT would return it. Not reported for the last component: that is opened.
    Reparse {
        /// Component, from 0.
        index: usize,
        /// REPARSE_DATA_BUFFER.
        data: Vec<u8>,
    },
    /// Anything else.
    Failed(VfsError),
}

/// Why a volume could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VfsError {
    /// Nothing of that name.
    #[error("not found")]
    NotFound,
    /// The name is taken.
    #[error("exists already")]
    Exists,
    /// A directory was needed.
    #[error("not a directory")]
    NotADirectory,
    /// A file was needed.
    #[error("is a directory")]
    IsADirectory,
    /// The directory has entries.
    #[error("directory not empty")]
    NotEmpty,
    /// No space left, or a disk quota of the file system is used up.
    #[error("no space left")]
    DiskFull,
    /// The file system is mounted read-only.
    #[error("read-only file system")]
    ReadOnly,
    /// The service account may not do it on disk.
    #[error("the service account has no permission on disk")]
    PermissionDenied,
    /// The name is too long for the file system, or cannot be mapped.
    #[error("name cannot be stored")]
    NameInvalid,
    /// Too many links to one file.
    #[error("too many links")]
    TooManyLinks,
    /// Another file system: links and renames do not cross.
    #[error("crosses file systems")]
    CrossDevice,
    /// The extended attributes are more than a file can have.
    #[error("extended attributes too large")]
    EaTooLarge,
    /// Metadata on disk cannot be read (damaged attribute or store).
    #[error("stored metadata is damaged")]
    Corrupt,
    /// This volume cannot do it (reflinks, holes).
    #[error("not supported by this volume")]
    NotSupported,
    /// An argument is outside of the file system's range (offset too large).
    #[error("out of range")]
    OutOfRange,
    /// The process or the system has no more descriptors or memory.
    #[error("out of resources")]
    OutOfResources,
    /// A program of this machine has locked the range.
    #[error("a program of this machine has locked the range")]
    RangeLocked,
    /// The data is not in memory and the caller asked not to wait: run again where blocking is allowed. Where it is, a local
    /// program holds the file under a lease (`F_SETLEASE`) and was told to give it up: run again later.
    #[error("would block")]
    WouldBlock,
    /// The disk failed.
    #[error("input/output error")]
    Io,
}

/// One entry of a directory listing.
#[derive(Clone, Debug)]
pub struct DirectoryEntry {
    /// Name as stored.
    pub name: Wtf8Buf,
    /// Its metadata.
    pub metadata: Metadata,
}

/// Where a directory listing stands. Opaque to callers; 0 starts.
///
/// Entries that exist during the whole listing are returned once; entries made or removed meanwhile may or may not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectoryCursor(pub u64);

/// One named data stream ([MS-FSCC] 2.4.49).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Name without `:` and type; empty for the unnamed stream.
    pub name: Wtf8Buf,
    /// Bytes in it.
    pub size_bytes: u64,
    /// Bytes allocated for it.
    pub allocated_bytes: u64,
}

/// What happens to a name that is taken when renaming or linking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse with [`VfsError::Exists`].
    Keep,
    /// Replace it in one step (a directory replaces only an empty directory).
    Replace,
    /// As `Keep`, but only the exact spelling is taken: a name that differs in case is another one.
    KeepExact,
    /// As `Replace`, but only the exact spelling is taken.
    ReplaceExact,
}

impl Existing {
    /// A name that is taken is replaced.
    #[must_use]
    pub const fn replaces(self) -> bool {
        matches!(self, Existing::Replace | Existing::ReplaceExact)
    }

    /// How the new name is looked up in its directory.
    #[must_use]
    pub const fn case(self) -> NameCase {
        match self {
            Existing::Keep | Existing::Replace => NameCase::Ignored,
            Existing::KeepExact | Existing::ReplaceExact => NameCase::Exact { from: 0 },
        }
    }
}

/// A named volume. Every method may block unless it says otherwise and may be called from any thread.
pub trait Volume: Send + Sync + 'static {
    /// What the volume is.
    fn identity(&self) -> &VolumeIdentity;

    /// Space now.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn space(&self) -> Result<Space, VfsError>;

    /// Space as `caller` has it where `file` is: what quotas leave of [`Volume::space`] ([MS-FSCC] 2.5.4).
    ///
    /// # Errors
    /// As [`Volume::space`].
    fn space_of(&self, _caller: &Sid, _file: &FileRef) -> Result<Space, VfsError> {
        self.space()
    }

    /// Usage and limits, where the volume counts.
    fn quotas(&self) -> Option<Arc<dyn quotas::Quotas>> {
        None
    }

    /// Opens what is at `path` (and in it the named stream, a name without `:` and type). The last component is opened
    /// even when it is a reparse point; symbolic links on the way are reported, never followed.
    ///
    /// # Errors
    /// [`OpenError`], which carries what a creator needs.
    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError>;

    /// Makes a file or directory called `name` in `parent` and opens it for writing. All of `new` is in place or
    /// nothing is made.
    ///
    /// # Errors
    /// [`VfsError::Exists`] when the name (compared as `new` says) is taken, and others.
    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError>;

    /// Makes the named stream `name` in `file` and opens it. The handle's metadata is the file's, with the stream's size.
    ///
    /// # Errors
    /// [`VfsError::Exists`] and others.
    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, now: FileTime) -> Result<Opened, VfsError>;

    /// Moves the file that `file` opened to `to`. Its open handles go on, with the new path. `now` becomes ChangeTime.
    /// A change of case only is a rename as well.
    ///
    /// # Errors
    /// [`VfsError::Exists`], [`VfsError::NotEmpty`], [`VfsError::NotFound`] (the target's directory) and others.
    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError>;

    /// Makes one more hard link to `file`.
    ///
    /// # Errors
    /// [`VfsError::Exists`], [`VfsError::TooManyLinks`] and others.
    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, now: FileTime) -> Result<(), VfsError>;

    /// Removes the name through which `file` was opened (after renames: its present one); the data goes with the last
    /// link and the last handle. For a handle of a named stream: removes the stream.
    ///
    /// # Errors
    /// [`VfsError::NotEmpty`] and others.
    fn unlink(&self, file: &FileRef) -> Result<(), VfsError>;

    /// Times of the volume's snapshots, the newest first.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError>;

    /// The snapshot of that time (in whole seconds), as a volume that is read only. The same snapshot is the same volume
    /// while it is there.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] and others.
    fn snapshot(&self, time: FileTime) -> Result<Arc<dyn Volume>, VfsError>;

    /// Files that programs of this machine want and do not get, as long as clients may have them in a cache: to be asked for
    /// when the process was told so by SIGIO.
    fn broken_leases(&self) -> Vec<NodeId> {
        Vec::new()
    }

    /// No client has the file in a cache any more: who waits for it goes on.
    fn release_lease(&self, _file: NodeId) {}

    /// Makes every acknowledged change of the volume durable.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn sync(&self) -> Result<(), VfsError>;
}

/// How a read may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Only what is in memory: else [`VfsError::WouldBlock`]. For calls from an event loop.
    Never,
    /// May wait for the disk.
    Allowed,
}

/// What [`File::change_security`] makes of a file's present descriptor.
pub type SecurityChange<'a> =
    dyn FnMut(&Arc<SecurityDescriptor>) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> + 'a;

/// An open file, directory or named stream. Offsets and lengths are in bytes.
///
/// `Any` lets a volume recognise its own handles among [`FileRef`]s; one of another volume is [`VfsError::CrossDevice`].
pub trait File: Any + Send + Sync {
    /// The file's id (of the file also for a handle of a stream).
    fn id(&self) -> NodeId;

    /// The file's present path below the volume's root, in the spelling on disk.
    fn path(&self) -> VfsPath;

    /// Reads at `offset` into `buffer`; returns how much was read, 0 at or past the end. Short only at the end, except
    /// with [`Wait::Never`], where the caller asks again for the rest.
    ///
    /// # Errors
    /// [`VfsError::WouldBlock`] with [`Wait::Never`], [`VfsError::Io`].
    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<usize, VfsError>;

    /// The descriptor behind the handle, for sending its data without a copy; `None` where there is none.
    fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>>;

    /// Writes all of `data` at `offset`, growing the file if needed: the size before is returned where it has grown.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`]: what was written before the space ran out is undone where the file would have grown.
    fn write(&self, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError>;

    /// Opens the file's data, for writing or for reading, where the volume minds programs of this machine: a lease that one
    /// of them has on the file is broken now and not by the first read or write. Elsewhere nothing.
    ///
    /// # Errors
    /// [`VfsError::WouldBlock`] while such a lease is there. What else keeps the data from being opened shows when it is used.
    ///
    /// With `cache` a client wants to keep data in a cache: true when it may, so that a program which wants the file from now
    /// on shows in [`Volume::broken_leases`] first, or where the volume asks for no such thing.
    fn open_data(&self, _write: bool, _cache: bool) -> Result<bool, VfsError> {
        Ok(true)
    }

    /// Takes byte-range locks that programs of this machine see: all of them or none. Those of all handles of a file are
    /// one owner's to the kernel; they never conflict with each other here. Never waits. Nothing where the volume shares no
    /// locks, and for ranges without a local form (empty ones, those above 2^63 - 1, those of named streams).
    ///
    /// # Errors
    /// [`VfsError::RangeLocked`] for a lock of a program; [`VfsError::OutOfResources`] and others.
    fn lock_local(&self, _locks: &[LocalLock]) -> Result<(), VfsError> {
        Ok(())
    }

    /// Gives up locks of [`File::lock_local`] by their exact ranges: for each entry one lock of this handle, an exclusive one
    /// first (`exclusive` is not looked at). What is not held is passed over. A handle that is dropped gives up all of its.
    fn unlock_local(&self, _locks: &[LocalLock]) {}

    /// Makes data and metadata of this file durable (fsync; for a new file its name, too).
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn flush(&self) -> Result<(), VfsError>;

    /// Cuts or grows (with zeros) to `size_bytes`.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`] and others.
    fn set_size(&self, size_bytes: u64) -> Result<(), VfsError>;

    /// Reserves space up to `allocated_bytes` without changing the size; less than the size does nothing.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`].
    fn allocate(&self, allocated_bytes: u64) -> Result<(), VfsError>;

    /// Makes the range zeros, freeing its space where the volume is sparse; never changes the size.
    ///
    /// # Errors
    /// [`VfsError::Io`] and others.
    fn punch_hole(&self, offset: u64, length_bytes: u64) -> Result<(), VfsError>;

    /// The ranges with data between `offset` and `offset + length_bytes`, in order, as (offset, length); at most `limit`.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn allocated_ranges(
        &self,
        offset: u64,
        length_bytes: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, VfsError>;

    /// Copies within the machine from `source` (may be this file; ranges may not overlap); returns bytes copied, less
    /// than asked only at the source's end.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`] and others.
    fn copy_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<u64, VfsError>;

    /// Shares `source`'s extents (reflink).
    ///
    /// # Errors
    /// [`VfsError::NotSupported`], [`VfsError::OutOfRange`] for unaligned ranges.
    fn clone_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), VfsError>;

    /// Metadata now.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn metadata(&self) -> Result<Metadata, VfsError>;

    /// Changes metadata. The file's write time given here stays until data is written again.
    ///
    /// # Errors
    /// [`VfsError::Io`] and others.
    fn set_metadata(&self, change: &MetadataChange) -> Result<(), VfsError>;

    /// Makes the file as if newly made, in one step: cut to 0, other streams and extended attributes removed, `new` in
    /// place. Keeps the id, the name, the links and CreationTime. `new.security` is applied only when
    /// `supersede_security`. Through a handle of a named stream only that stream is cut.
    ///
    /// # Errors
    /// As [`Volume::create`].
    fn overwrite(&self, new: &NewNode, supersede_security: bool) -> Result<Metadata, VfsError>;

    /// The security descriptor.
    ///
    /// # Errors
    /// [`VfsError::Corrupt`], [`VfsError::Io`].
    fn security(&self) -> Result<Arc<SecurityDescriptor>, VfsError>;

    /// Replaces the security descriptor; `now` becomes ChangeTime.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`] and others.
    fn set_security(&self, security: Arc<SecurityDescriptor>, now: FileTime) -> Result<(), VfsError>;

    /// Replaces the security descriptor by what `change` makes of the present one, in one step: nobody else's change of it
    /// comes between. `None` leaves it and the file as they are. Returns the new one, if any; `now` becomes ChangeTime with it.
    ///
    /// `change` may be called more than once, and may read the descriptors of other files, but must change nothing.
    ///
    /// # Errors
    /// What `change` says, [`VfsError::DiskFull`] and others.
    fn change_security(
        &self,
        change: &mut SecurityChange<'_>,
        now: FileTime,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError>;

    /// Replaces the security descriptor where it still is `expected`; false when it is not.
    ///
    /// # Errors
    /// As [`File::set_security`].
    fn replace_security(
        &self,
        expected: &SecurityDescriptor,
        security: &Arc<SecurityDescriptor>,
        now: FileTime,
    ) -> Result<bool, VfsError> {
        let mut matches = false;
        let mut change = |present: &Arc<SecurityDescriptor>| {
            matches = **present == *expected;
            Ok(matches.then(|| Arc::clone(security)))
        };
        self.change_security(&mut change, now)?;
        Ok(matches)
    }

    /// All extended attributes in stored order.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn extended_attributes(&self) -> Result<Vec<ExtendedAttribute>, VfsError>;

    /// Adds, replaces (same name without case) or, with an empty value, removes: all of them or none.
    ///
    /// # Errors
    /// [`VfsError::EaTooLarge`] and others.
    fn set_extended_attributes(&self, changes: &[ExtendedAttribute], now: FileTime) -> Result<(), VfsError>;

    /// The data streams: the unnamed one first (not for a directory), then the named ones.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn streams(&self) -> Result<Vec<StreamEntry>, VfsError>;

    /// Renames the named stream of this handle; a stream that has the new name is replaced only with
    /// [`Existing::Replace`]. With an empty name it becomes the file's data, and its handle one of that; the caller makes
    /// sure that it is the only one.
    ///
    /// # Errors
    /// [`VfsError::Exists`]; [`VfsError::NotEmpty`] where the file has data; [`VfsError::IsADirectory`] for the unnamed
    /// stream of a directory; [`VfsError::NotSupported`] from the unnamed stream; and others.
    fn rename_stream(&self, to: Wtf8<'_>, existing: Existing, now: FileTime) -> Result<(), VfsError>;

    /// Compresses the file or stream, or stops it; of a directory: what is made in it.
    ///
    /// # Errors
    /// [`VfsError::NotSupported`] where the file system does not compress, and others.
    fn set_compressed(&self, compressed: bool) -> Result<(), VfsError>;

    /// The reparse buffer.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] when it is no reparse point.
    fn reparse_data(&self) -> Result<Vec<u8>, VfsError>;

    /// Sets (`Some`) or removes the reparse buffer.
    ///
    /// # Errors
    /// [`VfsError::NotEmpty`] for a directory with entries, and others.
    fn set_reparse_data(&self, data: Option<&[u8]>, now: FileTime) -> Result<(), VfsError>;

    /// Lists a directory from `cursor` on, calling `visit` for each entry (not for `.` and `..`) until it returns
    /// false (that entry is not counted as listed) or the end; returns where to go on, `None` at the end. Entries come
    /// in the order of their upper-case names, as NTFS has them. A handle has one listing at a time.
    ///
    /// # Errors
    /// [`VfsError::NotADirectory`], [`VfsError::Io`].
    fn list(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError>;

    /// [`File::list`] with the descriptor of each entry.
    ///
    /// # Errors
    /// As [`File::list`], and [`VfsError::Corrupt`].
    fn list_secured(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata, &Arc<SecurityDescriptor>) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError>;

    /// One entry of this directory by name without regard to case; `None` when there is none. Costs the same in a large
    /// directory as in a small one.
    ///
    /// # Errors
    /// As [`File::list`].
    fn entry(&self, name: Wtf8<'_>) -> Result<Option<DirectoryEntry>, VfsError>;

    /// True when this directory has no entries.
    ///
    /// # Errors
    /// As [`File::list`].
    fn is_empty(&self) -> Result<bool, VfsError>;
}

/// True for the reserved folder's name, in any case; only the root of a volume has it.
pub(crate) fn is_reserved(name: Wtf8<'_>) -> bool {
    eq_ignore_case(name, Wtf8::from(RESERVED_FOLDER))
}

/// Checks the name of a new file in a directory.
fn check_new_name(in_root: bool, name: Wtf8<'_>) -> Result<(), VfsError> {
    if check_file_name(name).is_err() || name.is_empty() || (in_root && is_reserved(name)) {
        return Err(VfsError::NameInvalid);
    }
    Ok(())
}

/// The order of a listing: by upper-case name; two names that differ only in case by their bytes.
#[must_use]
pub fn listing_order(left: Wtf8<'_>, right: Wtf8<'_>) -> std::cmp::Ordering {
    compare_ignore_case(left, right).then_with(|| left.cmp(&right))
}
