//! Persistent opens and their store ([MS-SMB2] 3.3.1.10, Open.IsPersistent): what must be known of an open so that its client
//! can take it up after the server was restarted.
//!
//! Every grant, every change of locks, of deletion marks and of what is cached, every new name and every close is handed to the store
//! before the client hears of it; a break that nobody acknowledges right behind its notification. Nothing is written for opens that are
//! not persistent, and nothing is looked for where a file has none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use freehold_acl::{AccessMask, maximum_access};
use freehold_acl::{GenericMapping, Token};
use freehold_dtyp::Wtf8;
use parking_lot::Mutex;

use super::audit;
use super::caching;
use super::durable::{self, AppInstance, Created, Durability, Kept};
use super::event::Now;
use super::lease::{Claim, LeaseTarget};
use super::node::{NodeCell, NodeKey, backed_bytes, link_id};
use super::op::Op;
use super::open::{FileOpen, FileOpenState, Open, Target};
use super::server::Server;
use super::tree_connect::{Share, TreeConnect};
use crate::fsa::byte_range_lock::{LockKind, LockRange};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{
    CacheRequest, CacheState, Effects, Granted, LeaseId, LeaseRequest, OpenId, OpenRequest, OplockLevel,
    OplockPolicy, Owner, ShareAccess, StreamId, Verdict,
};
use crate::fscc::{FileAttributes, upcase};
use crate::smb2::create_context::AppInstanceVersion;
use crate::smb2::{FileId, SessionId};
use crate::state::{
    PersistentAppInstance, PersistentChange, PersistentLease, PersistentLock, PersistentLocks,
    PersistentMarks, PersistentOpen,
};
use crate::vfs::{NodeKind, Opened, VfsError};

/// Where persistent opens are kept. The shell gives one that outlives it.
pub trait PersistentStore: Send + Sync {
    /// Makes a change durable. May block.
    ///
    /// # Errors
    /// [`VfsError::DiskFull`], [`VfsError::Io`].
    fn apply(&self, change: PersistentChange) -> Result<(), VfsError>;
}

/// The store and a change for it, as an operation carries them.
pub struct Persist {
    /// Where.
    pub store: Arc<dyn PersistentStore>,
    /// What.
    pub change: PersistentChange,
}

impl Persist {
    /// Makes the change durable.
    ///
    /// # Errors
    /// As [`PersistentStore::apply`].
    pub fn run(self) -> Result<(), VfsError> {
        self.store.apply(self.change)
    }
}

fn op(server: &Server, change: PersistentChange) -> Option<Op> {
    let store = Arc::clone(server.persistent.get()?);
    Some(Op::Persist(Box::new(Persist { store, change })))
}

/// The operation that writes a new persistent open; `None` for an open that is not persistent. Whatever others change of it from now on
/// is written too: what may overtake this comes once more with [`granted`].
#[must_use]
pub fn grant(server: &Server, open: &Arc<Open>, share: ShareAccess) -> Option<Op> {
    let file = open.as_file()?;
    let known = file.state.lock().durability.clone().filter(|known| known.kept == Kept::Persistent)?;
    let created = known.created?;
    file.node.add_persistent(open);
    let (lease, oplock, delete_pending) = {
        let node = file.node.lock();
        let pending = node.is_delete_pending(file.stream_id, node.link_of(open.id()));
        (node.lease_grant(open.id()), node.oplock_of(open.id()), pending)
    };
    let record = PersistentOpen {
        id: open.file_id.persistent,
        share: open.tree.share.name.clone(),
        path: file.file.0.path().as_wtf8().as_bytes().to_vec(),
        stream: file.stream.as_ref().map(|stream| stream.as_wtf8().as_bytes().to_vec()),
        file: file.node.key.id.0,
        owner: known.owner,
        user: known.user.clone(),
        client_guid: known.client_guid,
        create_guid: created.guid,
        action: created.action.to_wire(),
        desired_access: created.desired_access,
        granted_access: open.granted.0,
        share_access: share.bits(),
        create_options: created.create_options,
        timeout_ms: timeout_ms(known.timeout),
        delete_on_close: file.state.lock().delete_on_close,
        delete_pending,
        marks_version: 0,
        app_instance: known.app_instance.map(|instance| PersistentAppInstance {
            id: instance.id,
            version: instance.version.map(|version| (version.high, version.low)),
        }),
        posix: file.posix,
        oplock_level: super::caching::wire_level(oplock).0,
        lease: lease.map(|lease| PersistentLease {
            key: lease.id.key,
            state: lease.state.bits(),
            version: lease.version,
            epoch: lease.epoch,
            parent: lease.parent,
        }),
        locks: PersistentLocks::default(),
    };
    op(server, PersistentChange::Grant(Box::new(record)))
}

/// A new persistent open is in its store: what others have changed of it meanwhile is written again, since it may have come first.
pub fn granted(server: &Server, open: &Open, operations: &mut VecDeque<Op>) {
    let Some(file) = open.as_file() else { return };
    let is_marked = file.state.lock().durability.as_ref().is_some_and(|known| known.marks_version > 0);
    if is_marked {
        operations.extend(marks(server, open));
    }
}

/// Adds the operations that write what each persistent open of a file caches now, and whether the file is to be deleted.
pub fn marks_changed(server: &Server, cell: &NodeCell, operations: &mut VecDeque<Op>) {
    operations.extend(cell.persistent().iter().filter_map(|open| marks(server, open)));
}

/// The operation that writes how long an open waits for its client, after that has changed; `None` for one that is not persistent.
#[must_use]
pub fn timeout_changed(server: &Server, open: &Open) -> Option<Op> {
    marks(server, open)
}

fn timeout_ms(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)
}

fn marks(server: &Server, open: &Open) -> Option<Op> {
    let file = open.as_file()?;
    let node = file.node.lock();
    let mut state = file.state.lock();
    let known = state.durability.as_mut().filter(|known| known.kept == Kept::Persistent)?;
    let timeout_ms = timeout_ms(known.timeout);
    known.marks_version = known.marks_version.saturating_add(1);
    let marks = PersistentMarks {
        version: known.marks_version,
        oplock_level: super::caching::wire_level(node.oplock_of(open.id())).0,
        lease: node.lease_grant(open.id()).map(|lease| (lease.state.bits(), lease.epoch)),
        delete_pending: node.is_delete_pending(file.stream_id, node.link_of(open.id())),
        timeout_ms,
    };
    drop(state);
    drop(node);
    op(server, PersistentChange::Marks { id: open.file_id.persistent, marks })
}

/// Adds the operations that write the new name of a stream, for each persistent open of it; empty where it has become the unnamed one.
pub fn stream_renamed(server: &Server, file: &FileOpen, to: Wtf8<'_>, operations: &mut VecDeque<Op>) {
    for open in file.node.persistent() {
        if open.as_file().is_some_and(|other| other.stream_id == file.stream_id) {
            let stream = (!to.is_empty()).then(|| to.as_bytes().to_vec());
            let id = open.file_id.persistent;
            operations.extend(op(server, PersistentChange::Stream { id, stream }));
        }
    }
}

/// The store has failed: the open outlives its session only, and that only where it may.
pub fn demote(open: &Open) -> Option<Durability> {
    let file = open.as_file()?;
    let covered = file.node.lock().cached_by(open.id()).contains(CacheState::HANDLE);
    let mut state = file.state.lock();
    let known = state.durability.as_mut()?;
    known.kept = if covered { Kept::Durable } else { Kept::No };
    covered.then(|| (**known).clone())
}

/// Adds the operation that writes an open's locks and lock sequences, where the open is persistent.
pub fn locks_changed(server: &Server, open: &Open, file: &FileOpen, operations: &mut VecDeque<Op>) {
    {
        let state = file.state.lock();
        if state.durability.as_ref().is_none_or(|known| known.kept != Kept::Persistent) {
            return;
        }
    }
    let mut node = file.node.lock();
    let mut held: Vec<_> =
        node.locks(file.stream_id).into_iter().flat_map(|locks| locks.of(open.id())).collect();
    // A shared lock goes over an exclusive one of the same open, not the other way round.
    held.sort_by_key(|(_, kind)| *kind == LockKind::Shared);
    let mut state = file.state.lock();
    let sequence = state.lock_sequence.iter().map(|number| number.unwrap_or(u8::MAX)).collect();
    let Some(known) = state.durability.as_mut() else { return };
    known.lock_version = known.lock_version.saturating_add(1);
    let locks = PersistentLocks {
        version: known.lock_version,
        locks: held
            .into_iter()
            .map(|(range, kind)| PersistentLock {
                offset: range.offset(),
                length_bytes: range.length(),
                exclusive: kind == LockKind::Exclusive,
            })
            .collect(),
        sequence,
    };
    drop(state);
    drop(node);
    operations.extend(op(server, PersistentChange::Locks { id: open.file_id.persistent, locks }));
}

/// Adds the operation that forgets a persistent open which is closed.
pub fn closed(server: &Server, open: &Open, known: &Durability, operations: &mut VecDeque<Op>) {
    if let Some(file) = open.as_file() {
        file.node.forget_persistent(open);
    }
    if known.kept == Kept::Persistent {
        operations.extend(op(server, PersistentChange::Close { id: open.file_id.persistent }));
    }
}

/// Adds the operations that write the new paths of persistent opens, after something was renamed. Costs a look at all
/// persistent opens, and nothing where there are none.
pub fn renamed(server: &Server, operations: &mut VecDeque<Op>) {
    for open in server.replays.persistent() {
        let Some(file) = open.as_file() else { continue };
        let path = file.file.0.path().as_wtf8().as_bytes().to_vec();
        let id = open.file_id.persistent;
        operations.extend(op(server, PersistentChange::Path { id, path }));
    }
}

/// Why a persistent open of the server's former life is not there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Another file is at its path.
    #[error("the file is another one")]
    OtherFile,
    /// Other persistent opens of the file do not let it in.
    #[error("it does not go together with the others")]
    Conflict,
    /// The record makes no sense.
    #[error("the record is damaged")]
    Damaged,
}

/// Puts a persistent open of the server's former life in place, disconnected: its client has its time from now on. To be called
/// before the first client is served. `opened` is what is at its path.
///
/// # Errors
/// [`RestoreError`]: the caller removes the record.
pub fn restore(
    server: &Arc<Server>,
    share: &Arc<Share>,
    record: &PersistentOpen,
    opened: Opened,
    now: Now,
) -> Result<(), RestoreError> {
    let super::tree_connect::ShareTarget::Disk { volume, .. } = &share.target else {
        return Err(RestoreError::Damaged);
    };
    if opened.metadata.id.0 != record.file {
        return Err(RestoreError::OtherFile);
    }
    let stream = match &record.stream {
        Some(name) => Some(Wtf8::from_bytes(name).ok_or(RestoreError::Damaged)?.to_owned()),
        None => None,
    };
    let folded = stream.as_ref().map(|name| upcase::fold(name.as_wtf8())).unwrap_or_default();
    let is_directory = stream.is_none() && opened.metadata.kind == NodeKind::Directory;
    let key = NodeKey { volume: volume.id, id: opened.metadata.id };
    let cell = server.nodes.cell(key);
    let share_access = ShareAccess::from_bits(record.share_access).ok_or(RestoreError::Damaged)?;
    let mut request = OpenRequest {
        id: OpenId(record.id),
        stream: StreamId::UNNAMED,
        link: link_id(&opened.metadata, &opened.path),
        access: AccessMask(record.granted_access),
        implied: AccessMask::EMPTY,
        share: share_access,
        overwrites: false,
        delete_on_close: record.delete_on_close,
        is_directory,
        retried: false,
        cache: cache_request(record),
        // What its client holds since before cannot be taken by a restart: that client would go on using it.
        policy: OplockPolicy::All,
        backed_bytes: backed_bytes(&opened.metadata),
        owner: Owner::gone(record.id),
        posix: record.posix,
    };
    let mut effects = Effects::default();
    {
        let mut node = cell.lock();
        if !folded.is_empty() {
            request.stream = node.stream(folded.as_wtf8());
        }
        match node.reserve(&request, now.monotonic, now.monotonic, &mut effects) {
            Ok(Verdict::Reserved) => {}
            Ok(Verdict::Wait(_)) | Err(_) => {
                node.forget_unused_stream(request.stream);
                return Err(RestoreError::Conflict);
            }
        }
        let target = LeaseTarget { node: key, stream: folded, seen_as: None };
        if let CacheRequest::Lease(lease) = request.cache {
            if server.leases.claim(lease.id, target) != Claim::Own {
                request.cache = CacheRequest::Oplock(OplockLevel::None);
            } else if is_directory {
                cell.list_directory(&server.directory_leases, &opened.file);
            }
        }
        let _: Granted = node.grant(&request);
        node.hold_to(caching::policy(&volume.identity.options));
        restore_locks(&mut node, &request, &record.locks);
    }
    // All opens so far wait for their clients: nobody is there to be told of a break.
    let identity = open(server, share, record, opened, cell, &request, stream);
    server.reserve_file_ids(record.id);
    place(server, &identity, now);
    Ok(())
}

fn cache_request(record: &PersistentOpen) -> CacheRequest {
    match &record.lease {
        Some(lease) => CacheRequest::Lease(LeaseRequest {
            id: LeaseId { client: record.client_guid, key: lease.key },
            state: CacheState::from_bits_truncate(lease.state),
            version: lease.version,
            // Granting it counts one up: its client may have been told of a break that nobody has written down.
            epoch: lease.epoch,
            parent: lease.parent,
        }),
        None => CacheRequest::Oplock(match record.oplock_level {
            0x01 => OplockLevel::II,
            0x08 => OplockLevel::Exclusive,
            0x09 => OplockLevel::Batch,
            _ => OplockLevel::None,
        }),
    }
}

fn restore_locks(node: &mut crate::fsa::Node, request: &OpenRequest, locks: &PersistentLocks) {
    let Some(table) = node.locks(request.stream) else { return };
    for lock in &locks.locks {
        let kind = if lock.exclusive { LockKind::Exclusive } else { LockKind::Shared };
        let taken = LockRange::new(lock.offset, lock.length_bytes)
            .is_some_and(|range| table.lock(request.id, range, kind));
        if !taken {
            tracing::error!(file_id = request.id.0, "a byte-range lock does not go together with the others");
        }
    }
}

fn open(
    server: &Server,
    share: &Arc<Share>,
    record: &PersistentOpen,
    opened: Opened,
    cell: Arc<super::node::NodeCell>,
    request: &OpenRequest,
    stream: Option<freehold_dtyp::Wtf8Buf>,
) -> Arc<Open> {
    // What its user may do through the share is decided anew when the open is taken up; this much was granted before.
    let token = Token::builder(record.owner).build();
    let maximal = maximum_access(&share.security, &token, &GenericMapping::FILE) | request.access;
    let tree = TreeConnect::detached(Arc::clone(share), maximal);
    let delays_times = tree.disk().is_some_and(|(volume, _)| volume.identity.options.delayed_write_times);
    let created = Created {
        guid: record.create_guid,
        action: CreateAction::from_wire(record.action),
        desired_access: record.desired_access,
        share_access: record.share_access,
        create_options: record.create_options,
    };
    let durability = Durability {
        kept: Kept::Persistent,
        timeout: Duration::from_millis(u64::from(record.timeout_ms)),
        client_guid: record.client_guid,
        owner: record.owner,
        user: record.user.clone(),
        created: Some(created),
        app_instance: record.app_instance.map(|instance| AppInstance {
            id: instance.id,
            version: instance.version.map(|(high, low)| AppInstanceVersion { high, low }),
        }),
        lock_version: record.locks.version,
        marks_version: record.marks_version,
        deadline: None,
    };
    let state = FileOpenState {
        delete_on_close: record.delete_on_close,
        written: opened.metadata.attributes.contains(FileAttributes::ARCHIVE),
        lock_sequence: record.locks.sequence.iter().map(|number| (*number < 16).then_some(*number)).collect(),
        durability: Some(Box::new(durability)),
        ..FileOpenState::default()
    };
    let who = (&record.owner, record.user.as_str());
    let audit = audit::restored(server, share, who, &opened, stream.as_ref(), (record.id, request.access));
    let target = Target::File(FileOpen {
        kind: if stream.is_some() { NodeKind::File } else { opened.metadata.kind },
        file: opened.file,
        node: cell,
        stream,
        stream_id: request.stream,
        audit,
        posix: record.posix,
        delays_times: delays_times && opened.metadata.kind == NodeKind::File,
        snapshot: None,
        create_options: record.create_options | crate::smb2::create::CreateOptions::WRITE_THROUGH.bits(),
        state: Mutex::new(state),
    });
    let file_id = FileId { persistent: record.id, volatile: record.id };
    let open = Arc::new(Open::new(file_id, SessionId::NONE, tree, request.access, 0, target));
    // A replay of its CREATE may come as well as a reconnect.
    open.replay_eligible.store(true, Ordering::Relaxed);
    server.replays.restore(record.client_guid, record.create_guid, &open);
    if let Some(instance) = &record.app_instance {
        server.app_instances.add(instance.id, &open);
    }
    if let Some(file) = open.as_file() {
        file.node.add_persistent(&open);
    }
    open
}

/// Marks the files that are to be deleted with their last open, once [`restore`] has put all opens in place: nobody is let in to
/// a file that is marked.
pub fn restore_deletions(server: &Server, records: &[PersistentOpen]) {
    for record in records.iter().filter(|record| record.delete_pending) {
        let Some(open) = server.replays.find_persistent(record.create_guid) else { continue };
        let Some(file) = open.as_file().filter(|_| open.file_id.persistent == record.id) else { continue };
        let link = {
            let mut node = file.node.lock();
            node.set_delete_pending(open.id(), true);
            node.link_of(open.id())
        };
        if file.stream.is_none() {
            file.node.keep_for_deletion(link, file);
        }
    }
}

fn place(server: &Server, open: &Arc<Open>, now: Now) {
    // INVARIANT: nobody knows the open yet, so that it cannot be closed meanwhile.
    let kept = durable::preserve(server, open, now);
    debug_assert!(kept, "INVARIANT: a persistent open is kept");
}
