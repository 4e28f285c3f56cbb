//! Open: one successful CREATE ([MS-SMB2] 3.3.1.10).
//!
//! Life: `Reserved` (share access taken, the volume not asked yet; kept by the CREATE) --commit--> `Live` (in the
//! session's table) --close--> `Closed` (out of the table, share access given back). A durable, resilient or persistent open
//! goes from `Live` to `Disconnected` (see `durable`) when its session is lost, and back when its client returns. Lock order:
//! a session's table, then a node's state, then an open's own state; never the other way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use freehold_acl::AccessMask;
use freehold_dtyp::Sid;
use parking_lot::Mutex;

use super::channel_sequence::ChannelSequence;
use super::durable::Durability;
use super::event::WaiterId;
use super::node::NodeCell;
use super::op::VolumeRef;
use super::tree_connect::TreeConnect;
use super::under_way::UnderWay;
use crate::fsa::write_time::Writes;
use crate::fsa::{OpenId, StreamId};
use crate::fscc::FileAttributes;
use crate::fscc::file_info::FileMode;
use crate::smb2::{FileId, SessionId, TreeId};
use crate::vfs::{DirectoryCursor, FileRef, Metadata, NodeKind};

/// One open file, directory, stream or pipe.
pub struct Open {
    /// What the client names it by.
    pub file_id: FileId,
    session: AtomicU64,
    tree_id: AtomicU32,
    /// The tree connect it was opened through: its share, and what that lets its user do. Not necessarily the one that it is
    /// used through now: see [`Open::tree_id`].
    pub tree: Arc<TreeConnect>,
    /// What it may do ([MS-SMB2] GrantedAccess).
    pub granted: AccessMask,
    /// Which of its requests may have been sent twice.
    pub channel_sequence: ChannelSequence,
    /// Its requests that are not answered.
    pub under_way: UnderWay,
    /// The CREATE may be replayed ([MS-SMB2] IsReplayEligible): until anything else is done with the open.
    pub replay_eligible: AtomicBool,
    /// File, pipe or index.
    pub target: Target,
}

/// What an open leads to.
pub enum Target {
    /// A file, directory or named stream of a volume.
    File(FileOpen),
    /// A named pipe of IPC$.
    Pipe(Mutex<super::pipe::PipeOpen>),
    /// The index of a volume's quotas.
    QuotaIndex(QuotaIndex),
}

/// The index of a volume's quotas, which is no file: entries are queried and set through it, nothing else.
pub struct QuotaIndex {
    /// The root of the share, for what is asked of the volume through it.
    pub root: FileRef,
    /// The last owner that a query has given ([MS-FSA] Open.LastQuotaId).
    pub scanned: Mutex<Option<Sid>>,
}

/// The part of an open that belongs to a file.
pub struct FileOpen {
    /// The volume's handle.
    pub file: FileRef,
    /// Share modes, locks and caching of the file, common to all its opens.
    pub node: Arc<NodeCell>,
    /// Its stream in `node`.
    pub stream_id: StreamId,
    /// File or directory. A named stream of a directory is a file.
    pub kind: NodeKind,
    /// The named stream it is of: its name without type, as the client spelled it; `None` for the unnamed one.
    pub stream: Option<freehold_dtyp::Wtf8Buf>,
    /// What of its use is recorded; `None` where the file's SACL asks for nothing.
    pub audit: Option<Arc<super::audit::OpenAudit>>,
    /// CreateOptions of the CREATE that still matter (WRITE_THROUGH, NO_INTERMEDIATE_BUFFERING, SEQUENTIAL_ONLY,
    /// BACKUP_INTENT ...).
    pub create_options: u32,
    /// A POSIX open: names are POSIX names, case counts (SMB3 POSIX Extensions).
    pub posix: bool,
    /// A file of a volume that shows write times late (docs/decisions/0030-write-times.md).
    pub delays_times: bool,
    /// The snapshot that it was opened in; `None` for a file of the share's own volume.
    pub snapshot: Option<Box<VolumeRef>>,
    /// What changes with use.
    pub state: Mutex<FileOpenState>,
}

/// CreateOptions that are the same bits in FileModeInformation.
const MODE_OF_CREATE_OPTIONS: FileMode = FileMode::WRITE_THROUGH
    .union(FileMode::SEQUENTIAL_ONLY)
    .union(FileMode::NO_INTERMEDIATE_BUFFERING)
    .union(FileMode::SYNCHRONOUS_IO_ALERT)
    .union(FileMode::SYNCHRONOUS_IO_NONALERT);

impl FileOpen {
    /// How the file was opened, with what SET_INFO changed ([MS-FSA] Open.Mode).
    #[must_use]
    pub fn mode(&self) -> FileMode {
        let state = self.state.lock();
        let opened = FileMode::from_bits_retain(self.create_options).intersection(MODE_OF_CREATE_OPTIONS);
        let mut mode = match state.mode {
            Some(set) => opened.difference(FileMode::SETTABLE).union(FileMode::from_bits_retain(set)),
            None => opened,
        };
        mode.set(FileMode::DELETE_ON_CLOSE, state.delete_on_close);
        mode
    }

    /// The end of this open deletes the file: it was opened with DELETE_ON_CLOSE, and is not of a stream alone.
    #[must_use]
    pub fn is_deleted_by_close(&self) -> bool {
        self.stream.is_none() && self.state.lock().delete_on_close
    }
}

/// What changes while a file is open.
#[derive(Default)]
pub struct FileOpenState {
    /// CurrentByteOffset of FilePositionInformation.
    pub position: u64,
    /// FileModeInformation as SET_INFO set it.
    pub mode: Option<u32>,
    /// Where a query of extended attributes goes on ([MS-FSA] Open.NextEaEntry).
    pub next_extended_attribute: usize,
    /// The last owner that a query of quotas has given ([MS-FSA] Open.LastQuotaId).
    pub quotas_scanned: Option<Box<Sid>>,
    /// DELETE_ON_CLOSE was asked at CREATE.
    pub delete_on_close: bool,
    /// Directory enumeration ([MS-SMB2] EnumerationLocation, EnumerationSearchPattern).
    pub enumeration: Option<Enumeration>,
    /// CHANGE_NOTIFY: what this open watches; set by the first request.
    pub watch: Option<super::notify::Watch>,
    /// Times that a client froze (-1) or set on this handle: automatic updates skip them ([MS-FSA] UserSet...Time).
    pub frozen_times: FrozenTimes,
    /// A write through this handle has set ARCHIVE and the write time already.
    pub written: bool,
    /// What of its writes the file's shown LastWriteTime does not tell.
    pub writes: Writes,
    /// Lock sequence numbers seen ([MS-SMB2] LockSequenceArray): 64 places, the value or `None`.
    pub lock_sequence: Vec<Option<u8>>,
    /// Requests that wait on this handle.
    pub parked: Vec<WaiterId>,
    /// CLOSE waits for the requests that are under way: none of them waits for others any more.
    pub closing: bool,
    /// The handle is closed; a request that raced with CLOSE sees FILE_CLOSED.
    pub closed: bool,
    /// Resume key of server-side copies ([MS-SMB2] 3.3.5.15.5) was given out.
    pub resume_key_given: bool,
    /// How the open outlives its session, or its CREATE can be replayed; `None` for most.
    pub durability: Option<Box<Durability>>,
}

impl FileOpenState {
    /// Registers a request that is to wait, so that CLOSE ends its wait; false when the handle is closed, or is about to be.
    #[must_use]
    pub fn enter_line(&mut self, waiter: WaiterId) -> bool {
        if self.closing || self.closed {
            return false;
        }
        if !self.parked.contains(&waiter) {
            self.parked.push(waiter);
        }
        true
    }

    /// Forgets a request that does not wait any more.
    pub fn leave_line(&mut self, waiter: WaiterId) {
        self.parked.retain(|other| *other != waiter);
    }
}

/// Where a directory enumeration stands.
#[derive(Clone, Debug)]
pub struct Enumeration {
    /// The pattern of the scan.
    pub pattern: freehold_dtyp::Wtf8Buf,
    /// The volume's position; `None` when the end was reached.
    pub cursor: Option<DirectoryCursor>,
    /// Which of `.` and `..` are still to be given (0: both, 1: `..`, 2: none).
    pub dots: u8,
    /// A scan with this pattern has been answered: the end is NO_MORE_FILES from then on.
    pub any: bool,
    /// A request of this open is listing.
    pub running: bool,
    /// Requests that wait until it is done.
    pub waiting: Vec<WaiterId>,
}

impl Enumeration {
    /// A scan that has not begun.
    #[must_use]
    pub fn new(pattern: freehold_dtyp::Wtf8Buf) -> Self {
        let cursor = Some(DirectoryCursor::default());
        Enumeration { pattern, cursor, dots: 0, any: false, running: false, waiting: Vec::new() }
    }
}

/// Times that are not updated automatically through a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrozenTimes {
    /// LastWriteTime.
    pub modified: bool,
    /// ChangeTime.
    pub changed: bool,
    /// LastAccessTime.
    pub accessed: bool,
}

impl Open {
    /// An open of a session, through one of its tree connects; `sequence` is its CREATE's ChannelSequence.
    #[must_use]
    pub fn new(
        file_id: FileId,
        session: SessionId,
        tree: Arc<TreeConnect>,
        granted: AccessMask,
        sequence: u16,
        target: Target,
    ) -> Self {
        Open {
            file_id,
            session: AtomicU64::new(session.0),
            tree_id: AtomicU32::new(tree.id.0),
            tree,
            granted,
            channel_sequence: ChannelSequence::new(sequence),
            under_way: UnderWay::default(),
            replay_eligible: AtomicBool::new(false),
            target,
        }
    }

    /// Its name in its file's state.
    #[must_use]
    pub fn id(&self) -> OpenId {
        OpenId(self.file_id.volatile)
    }

    /// The session that owns it; NONE while it is disconnected.
    #[must_use]
    pub fn session(&self) -> SessionId {
        SessionId(self.session.load(Ordering::Relaxed))
    }

    /// The tree connect through which it is used.
    #[inline]
    #[must_use]
    pub fn tree_id(&self) -> TreeId {
        TreeId(self.tree_id.load(Ordering::Relaxed))
    }

    /// Moves it to another session and tree connect: its session is lost, or its client takes it up again.
    pub fn move_to(&self, session: SessionId, tree: TreeId) {
        self.session.store(session.0, Ordering::Relaxed);
        self.tree_id.store(tree.0, Ordering::Relaxed);
    }

    /// The volume of its file: the share's, or the snapshot that it was opened in. `None` for a pipe.
    #[must_use]
    pub fn volume(&self) -> Option<&VolumeRef> {
        let (volume, _) = self.tree.disk()?;
        Some(self.as_file().and_then(|file| file.snapshot.as_deref()).unwrap_or(volume))
    }

    /// Attributes as this open shows them: a stream of a directory is no directory, and names can be shown as hidden.
    #[must_use]
    pub fn shown_attributes(&self, metadata: &Metadata) -> FileAttributes {
        let mut attributes = metadata.attributes;
        let Some(file) = self.as_file() else { return attributes };
        if let Some(volume) = self.volume().filter(|volume| !volume.identity.options.hidden_names.is_empty())
        {
            let path = file.file.0.path();
            attributes = volume.identity.options.shown(attributes, path.components().last());
        }
        let is_directory = file.kind == NodeKind::Directory && file.stream.is_none();
        attributes.set(FileAttributes::DIRECTORY, is_directory);
        attributes.normalized()
    }

    /// The file part; `None` for a pipe and for an index.
    #[must_use]
    pub fn as_file(&self) -> Option<&FileOpen> {
        match &self.target {
            Target::File(file) => Some(file),
            Target::Pipe(_) | Target::QuotaIndex(_) => None,
        }
    }

    /// Where in its volume it is; `None` for a pipe.
    #[must_use]
    pub fn place(&self) -> Option<&FileRef> {
        match &self.target {
            Target::File(file) => Some(&file.file),
            Target::QuotaIndex(index) => Some(&index.root),
            Target::Pipe(_) => None,
        }
    }

    /// The last owner that a query of quotas has given.
    #[must_use]
    pub fn quotas_scanned(&self) -> Option<Sid> {
        match &self.target {
            Target::File(file) => file.state.lock().quotas_scanned.as_deref().copied(),
            Target::QuotaIndex(index) => *index.scanned.lock(),
            Target::Pipe(_) => None,
        }
    }

    /// A query of quotas has given this owner last.
    pub fn set_quotas_scanned(&self, last: Sid) {
        match &self.target {
            Target::File(file) => file.state.lock().quotas_scanned = Some(Box::new(last)),
            Target::QuotaIndex(index) => *index.scanned.lock() = Some(last),
            Target::Pipe(_) => {}
        }
    }
}
