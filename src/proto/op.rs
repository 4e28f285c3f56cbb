//! What the core asks the I/O shell to do, and what comes back.
//!
//! An [`Op`] is one call of a [`crate::vfs::Volume`] or [`crate::vfs::File`], as plain data. The shell runs it (inline or
//! on a thread that may block), and gives the [`OpResult`] to `Connection::complete` under the same [`OpId`]. The
//! core never calls a volume itself, so that a simulation can delay, reorder and fail every operation.

use std::sync::Arc;

use bytes::Bytes;
use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Sid, Wtf8, Wtf8Buf};
use freehold_quotas::{Change, OwnerRow, Policy};

use super::buffer::ReplyBuffer;
use super::node::DeletionUnderWay;
use super::persistent::Persist;
use crate::audit::record::Batch;
use crate::auth::AccountQuery;
use crate::names::Questions;
use crate::rpc::{Commission, Done, TaskError};
use crate::smb2::SessionId;
use crate::vfs::folders::{Folder, Missing};
use crate::vfs::local::LocalLock;
use crate::vfs::{
    DataUse, DirectoryCursor, DirectoryEntry, Existing, ExtendedAttribute, FileRef, Metadata, MetadataChange,
    NewNode, OpenError, Opened, Space, StreamEntry, VfsError, VfsPath, Volume,
};

/// Names one operation under way on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// A volume as the core holds it: an opaque handle that it passes on.
#[derive(Clone)]
pub struct VolumeRef {
    /// Number of the volume in this server: with a `NodeId` it names a file.
    pub id: VolumeId,
    /// What the volume is and can do.
    pub identity: Arc<crate::vfs::VolumeIdentity>,
    /// The volume, for the shell.
    pub volume: Arc<dyn Volume>,
}

impl std::fmt::Debug for VolumeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VolumeRef({})", self.id.0)
    }
}

/// Number of a volume in this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub u32);

/// A snapshot of a volume, itself a volume.
#[derive(Clone)]
pub struct FoundSnapshot {
    /// What the volume is and can do.
    pub identity: Arc<crate::vfs::VolumeIdentity>,
    /// The volume, for the shell.
    pub volume: Arc<dyn Volume>,
}

/// One chunk of [`Op::CopyRanges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRange {
    /// Where to read, in bytes.
    pub source_offset: u64,
    /// Where to write, in bytes.
    pub offset: u64,
    /// How much, in bytes.
    pub length_bytes: u64,
}

/// File data that goes from the file to the socket without passing through this process.
#[derive(Clone, Debug)]
pub struct Splice {
    /// The file.
    pub file: FileRef,
    /// Where it starts, in bytes.
    pub offset: u64,
    /// How much, in bytes. Should the file shrink meanwhile, zeros fill the rest.
    pub length_bytes: usize,
}

/// Collects directory entries on behalf of QUERY_DIRECTORY. Runs in the shell, but is pure: it filters and encodes.
pub trait ListVisitor: Send {
    /// Takes an entry; false when it does not fit any more (it is offered again at the next scan).
    fn visit(&mut self, name: Wtf8<'_>, metadata: &Metadata) -> bool;
    /// It is told descriptors as well ([`crate::vfs::File::list_secured`]).
    fn wants_security(&self) -> bool {
        false
    }
    /// [`ListVisitor::visit`] with the entry's descriptor.
    fn visit_secured(
        &mut self,
        name: Wtf8<'_>,
        metadata: &Metadata,
        _security: &Arc<SecurityDescriptor>,
    ) -> bool {
        self.visit(name, metadata)
    }
    /// Gives back what [`Op::List`] was started with, for `finish`.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}

/// What [`Op::Quota`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaRequest {
    /// The limits: answers [`OpResult::QuotaPolicy`].
    Policy,
    /// [`crate::vfs::quotas::Quotas::owners`].
    Owners {
        /// The owner before the first.
        after: Option<Sid>,
        /// Most rows.
        most: usize,
    },
    /// The rows of these owners, in this order; one that uses nothing and has no entry has a row, too.
    Of(Vec<Sid>),
    /// [`crate::vfs::quotas::Quotas::change`]: answers [`OpResult::Done`].
    Change(Vec<Change>),
}

/// One operation.
#[allow(missing_docs)] // fields are the arguments of the volume method named
pub enum Op {
    /// [`Volume::open`].
    Open { volume: VolumeRef, path: VfsPath, stream: Option<Wtf8Buf>, data_use: DataUse },
    /// [`Volume::create`].
    Create { volume: VolumeRef, parent: FileRef, name: Wtf8Buf, new: Box<NewNode> },
    /// [`Volume::create_stream`].
    CreateStream { volume: VolumeRef, file: FileRef, name: Wtf8Buf, now: FileTime },
    /// [`Volume::rename`].
    Rename { volume: VolumeRef, file: FileRef, to: VfsPath, existing: Existing, now: FileTime },
    /// [`Volume::link`].
    Link { volume: VolumeRef, file: FileRef, to: VfsPath, existing: Existing, now: FileTime },
    /// [`Volume::unlink`]; `under_way` is dropped when it is done.
    Unlink { volume: VolumeRef, file: FileRef, under_way: DeletionUnderWay },
    /// [`Volume::space_of`].
    Space { volume: VolumeRef, caller: Sid, file: FileRef },
    /// [`crate::vfs::folders::find_or_make`].
    Folder { volume: VolumeRef, path: VfsPath, missing: Box<Missing> },
    /// Something about usage and limits.
    Quota { volume: VolumeRef, request: QuotaRequest },
    /// Drops a handle, so that the system call that closes it happens in the shell.
    Close { file: FileRef },
    /// [`crate::vfs::File::open_data`], which is done when no program of this machine has a lease any more.
    OpenData { file: FileRef, write: bool, cache: bool },
    /// [`crate::vfs::File::lock_local`].
    LockLocal { file: FileRef, locks: Vec<LocalLock> },
    /// [`crate::vfs::File::unlock_local`].
    UnlockLocal { file: FileRef, locks: Vec<LocalLock> },
    /// [`crate::vfs::File::read`] to the end of `buffer`, which grows by what was read (at most `length_bytes`). With
    /// `may_splice` the shell may leave the data where it is and answer with a [`Splice`].
    Read { file: FileRef, offset: u64, length_bytes: u32, buffer: ReplyBuffer, may_splice: bool },
    /// [`crate::vfs::File::write`]; with `durable` a flush follows.
    Write { file: FileRef, offset: u64, data: Bytes, durable: bool },
    /// [`crate::vfs::File::flush`].
    Flush { file: FileRef },
    /// [`crate::vfs::File::set_size`].
    SetSize { file: FileRef, size_bytes: u64 },
    /// [`crate::vfs::File::allocate`].
    Allocate { file: FileRef, allocated_bytes: u64 },
    /// [`crate::vfs::File::punch_hole`].
    PunchHole { file: FileRef, offset: u64, length_bytes: u64 },
    /// [`crate::vfs::File::allocated_ranges`].
    AllocatedRanges { file: FileRef, offset: u64, length_bytes: u64, limit: usize },
    /// [`crate::vfs::File::copy_range`] for each range in turn, up to the first that fails or ends early.
    CopyRanges { source: FileRef, file: FileRef, ranges: Vec<CopyRange> },
    /// [`crate::vfs::File::clone_range`].
    CloneRange { source: FileRef, file: FileRef, range: CopyRange },
    /// [`crate::vfs::File::metadata`].
    Metadata { file: FileRef },
    /// [`crate::vfs::File::set_metadata`].
    SetMetadata { file: FileRef, change: MetadataChange },
    /// [`crate::vfs::File::overwrite`].
    Overwrite { file: FileRef, new: Box<NewNode>, supersede_security: bool },
    /// [`crate::vfs::File::security`].
    Security { file: FileRef },
    /// [`crate::vfs::File::replace_security`].
    ReplaceSecurity {
        file: FileRef,
        expected: Arc<SecurityDescriptor>,
        security: Arc<SecurityDescriptor>,
        now: FileTime,
    },
    /// [`crate::vfs::File::extended_attributes`].
    ExtendedAttributes { file: FileRef },
    /// [`crate::vfs::File::set_extended_attributes`].
    SetExtendedAttributes { file: FileRef, changes: Vec<ExtendedAttribute>, now: FileTime },
    /// [`crate::vfs::File::streams`].
    Streams { file: FileRef },
    /// [`crate::vfs::File::rename_stream`].
    RenameStream { file: FileRef, to: Wtf8Buf, existing: Existing, now: FileTime },
    /// [`crate::vfs::File::set_compressed`].
    SetCompressed { file: FileRef, compressed: bool },
    /// [`Volume::snapshots`].
    Snapshots { volume: VolumeRef },
    /// [`Volume::snapshot`].
    Snapshot { volume: VolumeRef, time: FileTime },
    /// [`crate::vfs::File::reparse_data`].
    ReparseData { file: FileRef },
    /// [`crate::vfs::File::set_reparse_data`].
    SetReparseData { file: FileRef, data: Option<Vec<u8>>, now: FileTime },
    /// [`crate::vfs::File::list`], or [`crate::vfs::File::list_secured`] for a visitor that wants descriptors.
    List { file: FileRef, cursor: DirectoryCursor, visitor: Box<dyn ListVisitor> },
    /// [`crate::vfs::File::entry`].
    Entry { file: FileRef, name: Wtf8Buf },
    /// [`crate::vfs::File::is_empty`].
    IsEmpty { file: FileRef },
    /// Writes records to the audit log. With `follows_deletion` they tell of the operation before, and are dropped when
    /// that has failed.
    Audit { batch: Batch, follows_deletion: bool },
    /// Makes a change of the persistent opens durable; answers [`OpResult::Done`].
    Persist(Box<Persist>),
    /// Finds out about an account for a logon.
    Account { query: Box<AccountQuery> },
    /// Has the directory asked, so that [`super::server::Server::directory`] knows more; answers [`OpResult::Done`] also when
    /// nobody could be asked.
    Names { questions: Questions },
    /// Does what an RPC call through `session` wants done.
    Rpc { commission: Box<Commission>, session: SessionId },
    /// Waits, then answers [`OpResult::Done`]: a failed logon's delay.
    Delay { duration: std::time::Duration },
}

impl Op {
    /// True for operations that usually wait for the disk or take long, so that the shell does not run them on a
    /// thread that serves connections.
    #[must_use]
    pub fn blocks(&self) -> bool {
        match self {
            Op::Flush { .. }
            | Op::CopyRanges { .. }
            | Op::CloneRange { .. }
            | Op::SetCompressed { .. }
            | Op::Snapshots { .. }
            | Op::Snapshot { .. }
            | Op::Quota { .. }
            | Op::Persist(_)
            | Op::Write { durable: true, .. } => true,
            Op::SetSize { .. }
            | Op::Allocate { .. }
            | Op::PunchHole { .. }
            | Op::Open { .. }
            | Op::Create { .. }
            | Op::CreateStream { .. }
            | Op::Rename { .. }
            | Op::Link { .. }
            | Op::Unlink { .. }
            | Op::Space { .. }
            | Op::Folder { .. }
            | Op::Close { .. }
            | Op::OpenData { .. }
            | Op::LockLocal { .. }
            | Op::UnlockLocal { .. }
            | Op::Read { .. }
            | Op::Write { durable: false, .. }
            | Op::AllocatedRanges { .. }
            | Op::Metadata { .. }
            | Op::SetMetadata { .. }
            | Op::Overwrite { .. }
            | Op::Security { .. }
            | Op::ReplaceSecurity { .. }
            | Op::ExtendedAttributes { .. }
            | Op::SetExtendedAttributes { .. }
            | Op::Streams { .. }
            | Op::RenameStream { .. }
            | Op::ReparseData { .. }
            | Op::SetReparseData { .. }
            | Op::List { .. }
            | Op::Entry { .. }
            | Op::IsEmpty { .. }
            | Op::Audit { .. }
            | Op::Account { .. }
            | Op::Names { .. }
            | Op::Rpc { .. }
            | Op::Delay { .. } => false,
        }
    }
}

/// What is known of an account that wants to log on.
#[derive(Debug)]
pub struct AccountLookup {
    /// For the acceptor.
    pub answer: crate::auth::AccountAnswer,
    /// Who it is once the logon succeeds; `None` when there is no such account.
    pub identity: Option<super::session::Identity>,
}

/// The result of an [`Op`].
#[allow(missing_docs)] // named after the operations
pub enum OpResult {
    /// Of Open, Create, CreateStream.
    Opened(Result<Opened, OpenError>),
    /// Of every operation without a result of its own.
    Done(Result<(), VfsError>),
    /// Of Write: the size before, where the file has become longer.
    Written(Result<Option<u64>, VfsError>),
    /// Of Read: the buffer comes back, longer by the bytes read, or as it was; with a splice the bytes are to be sent
    /// from the file, and `result` counts them.
    Read { buffer: ReplyBuffer, result: Result<usize, VfsError>, splice: Option<Splice> },
    /// Of Rename: the new path.
    Renamed(Result<VfsPath, VfsError>),
    /// Of CopyRanges: ranges done wholly, and bytes copied of the next one; then what stopped it, if anything.
    Copied { ranges: u32, partial_bytes: u64, total_bytes: u64, result: Result<(), VfsError> },
    /// Of Space.
    Space(Result<Space, VfsError>),
    /// Of Folder.
    Folder(Result<Folder, VfsError>),
    /// Of Quota, for the limits; [`VfsError::NotSupported`] where nothing is counted.
    QuotaPolicy(Result<Arc<Policy>, VfsError>),
    /// Of Quota, for rows.
    QuotaOwners(Result<Vec<OwnerRow>, VfsError>),
    /// Of Metadata and Overwrite.
    Metadata(Result<Metadata, VfsError>),
    /// Of Security.
    Security(Result<Arc<SecurityDescriptor>, VfsError>),
    /// Of ReplaceSecurity: whether the descriptor was the expected one.
    Replaced(Result<bool, VfsError>),
    /// Of ExtendedAttributes.
    ExtendedAttributes(Result<Vec<ExtendedAttribute>, VfsError>),
    /// Of Streams.
    Streams(Result<Vec<StreamEntry>, VfsError>),
    /// Of AllocatedRanges.
    Ranges(Result<Vec<(u64, u64)>, VfsError>),
    /// Of Snapshots: the newest first.
    Snapshots(Result<Vec<FileTime>, VfsError>),
    /// Of Snapshot.
    Snapshot(Result<FoundSnapshot, VfsError>),
    /// Of ReparseData.
    Bytes(Result<Vec<u8>, VfsError>),
    /// Of List: the visitor comes back.
    Listed { visitor: Box<dyn ListVisitor>, result: Result<Option<DirectoryCursor>, VfsError> },
    /// Of Entry.
    Entry(Result<Option<DirectoryEntry>, VfsError>),
    /// Of IsEmpty.
    IsEmpty(Result<bool, VfsError>),
    /// Of OpenData: whether a client may cache.
    DataOpened(Result<bool, VfsError>),
    /// Of Audit: false when the log could not be written and the request must not be answered as done.
    Audited(bool),
    /// Of Account.
    Account(Box<AccountLookup>),
    /// Of Rpc.
    Rpc(Result<Done, TaskError>),
}

macro_rules! take {
    ($($(#[$doc:meta])* $name:ident: $variant:ident -> $ty:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// What the volume said; `CommandError::Internal` when the shell answered another operation.
        pub fn $name(self) -> Result<$ty, super::status::CommandError> {
            match self {
                OpResult::$variant(result) => Ok(result?),
                _ => Err(super::status::CommandError::Internal("the result is of another operation")),
            }
        }
    )*};
}

impl OpResult {
    take! {
        /// Of an operation without a result.
        done: Done -> ();
        /// Of Write.
        written: Written -> Option<u64>;
        /// Of OpenData.
        data_opened: DataOpened -> bool;
        /// Of Metadata and Overwrite.
        metadata: Metadata -> Metadata;
        /// Of Rename.
        renamed: Renamed -> VfsPath;
        /// Of Space.
        space: Space -> Space;
        /// Of Folder.
        folder: Folder -> Folder;
        /// Of Quota, for the limits.
        quota_policy: QuotaPolicy -> Arc<Policy>;
        /// Of Quota, for rows.
        quota_owners: QuotaOwners -> Vec<OwnerRow>;
        /// Of Security.
        security: Security -> Arc<SecurityDescriptor>;
        /// Of ReplaceSecurity.
        replaced: Replaced -> bool;
        /// Of ExtendedAttributes.
        extended_attributes: ExtendedAttributes -> Vec<ExtendedAttribute>;
        /// Of Streams.
        streams: Streams -> Vec<StreamEntry>;
        /// Of AllocatedRanges.
        ranges: Ranges -> Vec<(u64, u64)>;
        /// Of Snapshots.
        snapshots: Snapshots -> Vec<FileTime>;
        /// Of Snapshot.
        snapshot: Snapshot -> FoundSnapshot;
        /// Of ReparseData.
        bytes: Bytes -> Vec<u8>;
        /// Of Entry.
        entry: Entry -> Option<DirectoryEntry>;
        /// Of IsEmpty.
        is_empty: IsEmpty -> bool;
    }
}
