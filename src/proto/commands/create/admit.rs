//! The last part of a CREATE: other opens of the file, their caches, emptying it where the disposition says so, and the Open
//! itself ([MS-FSA] 2.1.5.1.2, 2.1.5.18; [MS-SMB2] 3.3.5.9 "Open Execution" and "Oplock Acquisition").

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;
use parking_lot::Mutex;

use super::super::super::caching::{self, break_deadline, waiter_of};
use super::super::super::changes;
use super::super::super::commands;
use super::super::super::context::{Context, Step, StepResult};
use super::super::super::directory_lease::By;
use super::super::super::durable::{self, Kept};
use super::super::super::event::{ConnectionId, Now};
use super::super::super::lease::{Claim, LeaseTarget};
use super::super::super::node::{NodeCell, NodeKey, backed_bytes, link_id};
use super::super::super::op::{Op, OpResult, VolumeRef};
use super::super::super::open::{FileOpen, FileOpenState, Open, Target};
use super::super::super::persistent;
use super::super::super::server::Server;
use super::super::super::session::Session;
use super::super::super::status::CommandError;
use super::super::super::teardown::{self, Gone};
use super::durable::answer_v2;
use super::reply::{self, Answer};
use super::{Pending, Stage, Work, audit, by, close, local};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{
    CacheRequest, CacheState, Effects, Granted, LeaseRequest, OpenId, OpenRequest, OplockLevel, OplockPolicy,
    Owner, StreamId, Verdict,
};
use crate::fscc::FileAttributes;
use crate::smb2::create::CreateOptions;
use crate::smb2::{Capabilities, FileId};
use crate::vfs::{FileRef, NewNode, NodeKind, Opened};

/// An open that is let in, its share mode taken; given back when dropped.
struct Reservation {
    server: Arc<Server>,
    cell: Arc<NodeCell>,
    volume: VolumeRef,
    file: FileRef,
    id: OpenId,
    now: Now,
    kept: bool,
}

impl Reservation {
    /// The open is there to stay.
    fn commit(mut self) -> Arc<NodeCell> {
        self.kept = true;
        Arc::clone(&self.cell)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let closed = {
            let mut node = self.cell.lock();
            // What was not opened is not deleted on close.
            node.set_delete_on_close(self.id, false);
            node.close(self.id, self.now.monotonic)
        };
        // Another open has marked the file for deletion meanwhile, and this one was the last.
        let gone = Gone {
            volume: &self.volume,
            node: &self.cell,
            file: &self.file,
            audit: None,
            is_directory: false,
        };
        let mut ops = VecDeque::new();
        let by = By { parent_key: closed.parent_key, now: self.now };
        teardown::delete(&self.server, &gone, &closed, &mut ops, by);
        self.server.disconnected.run(ops);
        caching::wake(&self.server, closed.wake);
    }
}

/// An open that is let in and has something to do before it is one.
pub(super) struct Overwrite {
    found: Box<Opened>,
    action: CreateAction,
    request: OpenRequest,
    reservation: Reservation,
}

/// What the node decided.
enum Decision {
    In(Granted),
    Overwrite,
    Wait(std::time::Duration),
    Refused(CommandError),
}

/// Lets an open in, makes it wait, or refuses.
pub(super) fn admit(
    cx: &mut Context<'_>,
    work: Work,
    found: Box<Opened>,
    action: CreateAction,
    granted: AccessMask,
) -> StepResult {
    let key = NodeKey { volume: work.volume.id, id: found.metadata.id };
    let target = lease_target(&work, key);
    if let CacheRequest::Lease(lease) = work.intent.cache
        && !cx.server.leases.may_claim(&lease.id, &target)
    {
        // [MS-SMB2] 3.3.5.9.8: the key is of another name.
        close(cx, found.file);
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let cell = cx.server.nodes.cell(key);
    let mut request = open_request(cx, &work, &found, action, granted)?;
    let mut effects = Effects::default();
    let decision = {
        let mut node = cell.lock();
        let folded = work.intent.folded_stream.as_wtf8();
        request.stream = if folded.is_empty() { StreamId::UNNAMED } else { node.stream(folded) };
        if cx.link.dialect().is_3x() && durable::is_reserved(cx.server, &mut node) {
            node.forget_unused_stream(request.stream);
            drop(node);
            close(cx, found.file);
            return Err(NtStatus::FILE_NOT_AVAILABLE.into());
        }
        match node.reserve(&request, cx.now.monotonic, break_deadline(cx.now), &mut effects) {
            Ok(Verdict::Reserved) if request.overwrites => Decision::Overwrite,
            Ok(Verdict::Reserved) => {
                local::limit_cache(&work, &node, &mut request);
                Decision::In(grant(cx, &cell, &mut node, &mut request, &found.file, target))
            }
            Ok(Verdict::Wait(deadline)) => {
                node.add_waiter(waiter_of(cx.waiter));
                node.forget_unused_stream(request.stream);
                Decision::Wait(deadline)
            }
            Err(error) => {
                node.forget_unused_stream(request.stream);
                Decision::Refused(error.into())
            }
        }
    };
    caching::carry_out(cx.server, &cell, effects);
    match decision {
        Decision::In(caches) => commit(cx, work, *found, action, request, caches, cell),
        Decision::Overwrite => {
            let server = Arc::clone(cx.server);
            let (volume, file) = (work.volume.clone(), found.file.clone());
            let reservation =
                Reservation { server, cell, volume, file, id: request.id, now: cx.now, kept: false };
            let op = empty(cx, &work, &found);
            work.then(op, Stage::Overwriting(Box::new(Overwrite { found, action, request, reservation })))
        }
        Decision::Wait(deadline) => {
            close(cx, found.file);
            work.park(cx, cell, deadline)
        }
        Decision::Refused(error) => {
            close(cx, found.file);
            Err(error)
        }
    }
}

fn open_request(
    cx: &Context<'_>,
    work: &Work,
    found: &Opened,
    action: CreateAction,
    granted: AccessMask,
) -> Result<OpenRequest, CommandError> {
    let intent = &work.intent;
    let id = cx.server.next_file_id();
    let is_directory = found.metadata.kind == NodeKind::Directory && intent.stream.is_none();
    Ok(OpenRequest {
        id: OpenId(id),
        stream: StreamId::UNNAMED,
        link: link_id(&found.metadata, &found.path),
        access: granted,
        implied: match action {
            CreateAction::Opened | CreateAction::Created => AccessMask::EMPTY,
            CreateAction::Overwritten => AccessMask::FILE_WRITE_DATA,
            CreateAction::Superseded => AccessMask::FILE_WRITE_DATA | AccessMask::DELETE,
        },
        share: intent.share,
        overwrites: matches!(action, CreateAction::Overwritten | CreateAction::Superseded),
        delete_on_close: intent.options.contains(CreateOptions::DELETE_ON_CLOSE),
        is_directory,
        retried: work.waited,
        cache: intent.cache,
        policy: caching::policy(&work.volume.identity.options),
        backed_bytes: backed_bytes(&found.metadata),
        owner: Owner { connection: cx.link.id.0, session: cx.session()?.id.0, persistent: id },
        posix: intent.posix.is_some(),
    })
}

/// Grants an oplock or a lease; a lease whose key was taken for another file meanwhile is not granted.
fn grant(
    cx: &Context<'_>,
    cell: &Arc<NodeCell>,
    node: &mut crate::fsa::Node,
    request: &mut OpenRequest,
    file: &FileRef,
    target: LeaseTarget,
) -> Granted {
    let server = cx.server;
    if let CacheRequest::Lease(mut lease) = request.cache {
        let leasable = !request.is_directory || may_lease_directories(cx, &lease);
        let claim = if leasable { server.leases.claim(lease.id, target) } else { Claim::Taken };
        if claim == Claim::Taken {
            request.cache = CacheRequest::Oplock(OplockLevel::None);
        } else {
            if claim == Claim::Mixed {
                lease.state = CacheState::empty();
                request.cache = CacheRequest::Lease(lease);
            }
            // What never has a lease need not be found by changes in it.
            if request.is_directory && request.policy == OplockPolicy::All {
                cell.list_directory(&server.directory_leases, file);
            }
            let connection = ConnectionId(request.owner.connection);
            server.leases.join(lease.id.client, connection, |other| server.is_connected(other));
        }
    }
    node.grant(request)
}

/// What a lease of the file would be of.
fn lease_target(work: &Work, node: NodeKey) -> LeaseTarget {
    LeaseTarget { node, stream: work.intent.folded_stream.clone(), seen_as: work.intent.seen_as.clone() }
}

/// Leases on directories are of version 2, and of clients that were told of them (2.2.4, 2.2.13.2.10).
fn may_lease_directories(cx: &Context<'_>, lease: &LeaseRequest) -> bool {
    let told =
        cx.link.negotiated.as_ref().is_some_and(|negotiated| {
            negotiated.server_capabilities.contains(Capabilities::DIRECTORY_LEASING)
        });
    told && lease.version > 1
}

/// The operation that empties what was found.
fn empty(cx: &Context<'_>, work: &Work, found: &Opened) -> Op {
    let intent = &work.intent;
    if intent.stream.is_some() {
        return Op::SetSize { file: found.file.clone(), size_bytes: 0 };
    }
    let new = NewNode {
        kind: NodeKind::File,
        attributes: (intent.attributes & FileAttributes::SETTABLE) | FileAttributes::ARCHIVE,
        security: Arc::clone(&found.security),
        extended_attributes: intent.extended_attributes.clone(),
        allocation_bytes: intent.allocation_bytes,
        no_compression: intent.options.contains(CreateOptions::NO_COMPRESSION),
        now: cx.now.wall,
        case: intent.case(),
    };
    Op::Overwrite { file: found.file.clone(), new: Box::new(new), supersede_security: false }
}

/// What was found is empty now.
pub(super) fn overwritten(
    cx: &mut Context<'_>,
    work: Work,
    overwrite: Overwrite,
    result: OpResult,
) -> StepResult {
    let Overwrite { mut found, action, mut request, reservation } = overwrite;
    let outcome = if work.intent.stream.is_some() {
        result.done().map(|()| {
            found.metadata.size_bytes = 0;
            found.metadata.allocated_bytes = 0;
        })
    } else {
        result.metadata().map(|metadata| found.metadata = metadata)
    };
    if let Err(error) = outcome {
        close(cx, found.file);
        return Err(error);
    }
    request.backed_bytes = backed_bytes(&found.metadata);
    changes::report_overwritten(cx.server, work.volume.id, &found.path, by(cx, &work));
    let cell = reservation.commit();
    if work.volume.identity.options.delayed_write_times && work.intent.stream.is_none() {
        cx.server.held_times.forget(cell.key);
    }
    let target = lease_target(&work, cell.key);
    let caches = {
        let mut node = cell.lock();
        local::limit_cache(&work, &node, &mut request);
        grant(cx, &cell, &mut node, &mut request, &found.file, target)
    };
    commit(cx, work, *found, action, request, caches, cell)
}

/// Puts the Open in place and answers.
fn commit(
    cx: &mut Context<'_>,
    mut work: Work,
    mut found: Opened,
    action: CreateAction,
    request: OpenRequest,
    caches: Granted,
    cell: Arc<NodeCell>,
) -> StepResult {
    if let Granted::Lease(lease) = caches
        && work.intent.seen_as.is_some()
    {
        caching::break_mixed(cx.server, lease.id, cell.key, cx.now);
    }
    let intent = &work.intent;
    let session = Arc::clone(cx.session()?);
    let tree = Arc::clone(cx.tree()?);
    let file_id = FileId { persistent: request.owner.persistent, volatile: request.id.0 };
    let audit = audit::granted(cx, &work, &found, action, request.access, file_id.volatile)?;
    let wanted = work.durable.as_ref();
    let durability = match wanted {
        Some(wanted) => {
            let in_snapshot = work.volume.identity.read_only;
            Some(wanted.grant(cx, &tree, &caches, action, request.is_directory, in_snapshot)?)
        }
        None => None,
    };
    let durable = wanted.zip(durability.as_ref()).and_then(|(wanted, granted)| wanted.answer(granted));
    let kept = durability.as_ref().map_or(Kept::No, |granted| granted.kept);
    let state = FileOpenState {
        delete_on_close: request.delete_on_close,
        // ARCHIVE is there already: the first write has nothing to look for.
        written: found.metadata.attributes.contains(FileAttributes::ARCHIVE),
        durability: durability.map(Box::new),
        ..FileOpenState::default()
    };
    let target = Target::File(FileOpen {
        file: found.file.clone(),
        node: cell,
        kind: if intent.stream.is_some() { NodeKind::File } else { found.metadata.kind },
        stream: intent.stream.clone(),
        stream_id: request.stream,
        audit,
        create_options: intent.options.bits(),
        posix: intent.posix.is_some(),
        delays_times: found.metadata.kind == NodeKind::File
            && work.volume.identity.options.delayed_write_times,
        snapshot: work.volume.identity.read_only.then(|| Box::new(work.volume.clone())),
        state: Mutex::new(state),
    });
    let sequence = cx.request.header.channel_sequence();
    let open = Arc::new(Open::new(file_id, session.id, tree, request.access, sequence, target));
    if let Some(wanted) = work.durable.as_mut() {
        durable::register(cx.server, &open, wanted.pending.take());
    }
    session.add_open(Arc::clone(&open));
    check_session(cx, &session, &open)?;
    *cx.related_file = Some(file_id);
    if matches!(caches, Granted::Lease(_))
        && let Some(file) = open.as_file()
    {
        // The lease may have grown, for those that have it as well.
        persistent::marks_changed(cx.server, &file.node, cx.before_reply);
    }
    if let Some(file) = open.as_file() {
        cx.server.held_times.show(file, &mut found.metadata, cx.now);
    }
    let answer = Answer::new(&work, found, action, file_id, caches, durable);
    if kept == Kept::Persistent
        && let Some(op) = persistent::grant(cx.server, &open, request.share)
    {
        let stage = Stage::Persisting(Box::new(Persisting { open, answer }));
        let pending = Pending { work: None, stage };
        return Ok(Step::Op(op, commands::Pending::Create(Box::new(pending))));
    }
    reply::send(cx, answer)
}

/// A persistent open that is being written to its store, and what its client will be told.
pub(super) struct Persisting {
    open: Arc<Open>,
    answer: Answer,
}

/// The persistent open is in its store. Where it could not be written it is none: the client is told so.
pub(super) fn persisted(cx: &mut Context<'_>, persisting: Persisting, result: OpResult) -> StepResult {
    let Persisting { open, mut answer } = persisting;
    match result.done() {
        Ok(()) => persistent::granted(cx.server, &open, cx.before_reply),
        Err(error) => {
            tracing::error!(?error, "a persistent open could not be stored: it will not outlive this server");
            answer.durable = persistent::demote(&open).map(|granted| answer_v2(&granted));
        }
    }
    reply::send(cx, answer)
}

/// To be called when an open was put into a session: both may have ended meanwhile, and then whoever takes the open out
/// closes it.
///
/// # Errors
/// USER_SESSION_DELETED, NETWORK_NAME_DELETED.
pub(super) fn check_session(
    cx: &mut Context<'_>,
    session: &Session,
    open: &Arc<Open>,
) -> Result<(), CommandError> {
    let lost = session.closed.load(Ordering::Acquire);
    let status = match lost {
        true => NtStatus::USER_SESSION_DELETED,
        false if session.tree(open.tree_id()).is_none() => NtStatus::NETWORK_NAME_DELETED,
        false => return Ok(()),
    };
    if session.remove_open(open.file_id).is_some() && !(lost && durable::preserve(cx.server, open, cx.now)) {
        teardown::close_open(cx.server, open, cx.before_reply, cx.now);
    }
    Err(status.into())
}
