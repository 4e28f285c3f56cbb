//! [MS-SMB2] 3.3.5.9.7 and 3.3.5.9.12: a client takes up an open that has outlived its session; and the end of a replay
//! (3.3.5.9), which is answered from the open that the first request made.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::super::audit::taken_up;
use super::super::super::commands;
use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::dfs;
use super::super::super::durable::{self, Durability, Kept, PendingCreate, Replayable};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::Open;
use super::super::super::status::CommandError;
use super::super::super::tree_connect::TreeConnect;
use super::durable::{Asked, Reconnect, answer_v2, client_guid, keeps_persistent};
use super::reply::{self, Answer};
use super::{Pending, Stage, intent};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{CacheState, Granted, LeaseGrant, OplockLevel};
use crate::fscc::name::ParsedName;
use crate::fscc::upcase::eq_ignore_case;
use crate::smb2::HeaderFlags;
use crate::smb2::create::{CreateOptions, CreateRequest};
use crate::smb2::create_context::{DurableHandleV2Flags, DurableHandleV2Request};
use crate::vfs::{NodeKind, VfsPath};

/// A request that is answered from an open which is there already, once the file's metadata is known.
pub(super) struct Known {
    open: Arc<Open>,
    action: CreateAction,
    /// The oplock level that a replay asked for; `None` for a reconnect.
    asked: Option<OplockLevel>,
    /// The lease of an open that waited for its client, before it was taken up: a break that the client has missed is told behind the
    /// reply.
    lease: Option<LeaseGrant>,
    on_disk_id: bool,
}

/// What a request with a CreateGuid is.
pub(super) enum Came {
    /// One that was not seen before.
    New(PendingCreate),
    /// A replay.
    Again(Known),
}

impl Known {
    /// Asks for the metadata, then answers.
    pub fn start(self) -> StepResult {
        let op = Op::Metadata { file: file_of(&self.open)?.file.clone() };
        let pending = Pending { work: None, stage: Stage::Known(Box::new(self)) };
        Ok(Step::Op(op, commands::Pending::Create(Box::new(pending))))
    }
}

/// Takes up an open.
///
/// # Errors
/// OBJECT_NAME_NOT_FOUND, INVALID_PARAMETER, ACCESS_DENIED as the sections say.
pub(super) fn decide(
    cx: &mut Context<'_>,
    request: &CreateRequest<'_>,
    asked: &Asked,
    wanted: Reconnect,
    tree: &Arc<TreeConnect>,
    share_path: &VfsPath,
) -> StepResult {
    let open = find(cx, wanted, tree).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    check(cx, request, asked, wanted, &open, tree, share_path)?;
    let lease = attach(cx, &open, tree)?;
    // 3.3.5.9.9: nothing is said of the file's id on the disk.
    Known { open, action: CreateAction::Opened, asked: None, lease, on_disk_id: false }.start()
}

fn find(cx: &Context<'_>, wanted: Reconnect, tree: &TreeConnect) -> Option<Arc<Open>> {
    cx.server.disconnected.find(wanted.file_id.persistent).or_else(|| {
        let (guid, flags) = wanted.v2?;
        let persistent = flags.contains(DurableHandleV2Flags::PERSISTENT) && keeps_persistent(cx, tree);
        let open = persistent.then(|| cx.server.replays.find_persistent(guid)).flatten()?;
        // One that is connected is not found here.
        cx.server.disconnected.find(open.file_id.persistent)
    })
}

/// The conditions of 3.3.5.9.7 and 3.3.5.9.12, in their order.
// DIFFERS: 3.3.5.9.7 has the first version look at the name before the lease; Windows looks at the name last, as 3.3.5.9.12
// says of the second (smbtorture smb2.durable-open.reopen2-lease).
fn check(
    cx: &Context<'_>,
    request: &CreateRequest<'_>,
    asked: &Asked,
    wanted: Reconnect,
    open: &Open,
    tree: &TreeConnect,
    share_path: &VfsPath,
) -> Result<(), CommandError> {
    let file = file_of(open)?;
    let known = file.state.lock().durability.clone().ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    let (lease, cached) = {
        let node = file.node.lock();
        (node.lease_grant(open.id()), node.cached_by(open.id()))
    };
    let [first, second] = asked.lease_keys.map(|key| key.map(|key| key.0));
    let same_lease = match &lease {
        // Every context names it, and one is of its version.
        Some(held) => {
            let named = if held.version > 1 { second } else { first };
            let other = if held.version > 1 { first } else { second };
            named == Some(held.id.key) && other.is_none_or(|key| key == held.id.key)
        }
        None => first.is_none() && second.is_none(),
    };
    let found = !(lease.is_some() && known.client_guid != client_guid(cx))
        && same_lease
        && tree.share.name.eq_ignore_ascii_case(&open.tree.share.name)
        && (known.kept != Kept::Durable || cached.contains(CacheState::HANDLE))
        && known.kept != Kept::No;
    if let Some((guid, flags)) = wanted.v2 {
        let persistent = flags.contains(DurableHandleV2Flags::PERSISTENT);
        // An open of the first version has none: that is the one of zeros.
        let same = known.created.map(|created| created.guid).unwrap_or_default() == guid;
        if !same || (known.kept == Kept::Persistent && !persistent) {
            return Err(NtStatus::OBJECT_NAME_NOT_FOUND.into());
        }
        if found && known.kept != Kept::Persistent && persistent {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
    }
    if !found {
        return Err(NtStatus::OBJECT_NAME_NOT_FOUND.into());
    }
    // Lease.FileDeleteOnClose: what is to go may have another name by now.
    let goes = CreateOptions::from(file.create_options).contains(CreateOptions::DELETE_ON_CLOSE) || {
        let node = file.node.lock();
        node.is_delete_pending(file.stream_id, node.link_of(open.id()))
    };
    if lease.is_some() && !goes && !is_name_of(cx, request, tree, share_path, &file.file.0.path()) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    check_owner(cx, &known)
}

/// Only who made an open may take it up.
fn check_owner(cx: &Context<'_>, known: &Durability) -> Result<(), CommandError> {
    if *cx.token()?.user() == known.owner { Ok(()) } else { Err(NtStatus::ACCESS_DENIED.into()) }
}

/// True when the request names the file at `path`; a stream's name is not compared.
fn is_name_of(
    cx: &Context<'_>,
    request: &CreateRequest<'_>,
    tree: &TreeConnect,
    share_path: &VfsPath,
    path: &VfsPath,
) -> bool {
    let wire_name = match tree.is_dfs {
        true => dfs::relative_name(cx, tree, request.name.as_bytes()).ok(),
        false => Some(request.name.as_bytes()),
    };
    let name = wire_name.and_then(|name| ParsedName::from_utf16le(name).ok());
    let below = name.and_then(|name| VfsPath::new(name.path));
    below.is_some_and(|below| eq_ignore_case(share_path.join(&below).as_wtf8(), path.as_wtf8()))
}

/// Makes the open this session's; says what its lease was before.
fn attach(
    cx: &mut Context<'_>,
    open: &Arc<Open>,
    tree: &Arc<TreeConnect>,
) -> Result<Option<LeaseGrant>, CommandError> {
    let session = Arc::clone(cx.session()?);
    if session.open_count() >= cx.server.config.limits.opens_per_session {
        return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
    }
    let lease = file_of(open)?.node.lock().lease_grant(open.id());
    if !durable::take_up(cx.server, open, cx.link.id, &session, tree, cx.now) {
        return Err(NtStatus::OBJECT_NAME_NOT_FOUND.into());
    }
    taken_up(cx, open)?;
    super::admit::check_session(cx, &session, open)?;
    Ok(lease)
}

/// 3.3.5.9 and 3.3.5.9.10: is this CREATE one that came before?
///
/// # Errors
/// DUPLICATE_OBJECTID, FILE_NOT_AVAILABLE, ACCESS_DENIED, INVALID_PARAMETER, CONTEXT_MISMATCH.
pub(super) fn came_before(
    cx: &mut Context<'_>,
    request: &CreateRequest<'_>,
    asked: &Asked,
    wanted: &DurableHandleV2Request,
    tree: &Arc<TreeConnect>,
) -> Result<Came, CommandError> {
    let (client, guid) = (client_guid(cx), wanted.create_guid);
    let replay = cx.request.header.flags.contains(HeaderFlags::REPLAY_OPERATION);
    let open = match cx.server.replays.find(client, guid) {
        Replayable::Unknown => None,
        // DIFFERS: Windows runs the replay beside the first request, or refuses it with ACCESS_DENIED, depending on what it
        // waits for; FILE_NOT_AVAILABLE tells the client to come again (docs/decisions/0006-durable-handles.md).
        Replayable::Pending if replay => return Err(NtStatus::FILE_NOT_AVAILABLE.into()),
        Replayable::Done(open) if replay => Some(open),
        Replayable::Pending | Replayable::Done(_) => return Err(NtStatus::DUPLICATE_OBJECTID.into()),
    };
    if let Some(open) = open {
        let persistent = wanted.flags.contains(DurableHandleV2Flags::PERSISTENT);
        return replayed(cx, request, asked, open, tree, persistent).map(Came::Again);
    }
    let persistent = wanted.flags.contains(DurableHandleV2Flags::PERSISTENT) && keeps_persistent(cx, tree);
    if replay
        && persistent
        && let Some(open) = cx.server.replays.find_persistent(guid)
    {
        return replayed_persistent(cx, request, asked, open, tree).map(Came::Again);
    }
    Ok(Came::New(cx.server.replays.begin(client, guid)))
}

/// The open can be replayed: nothing was done with it since.
fn replayed(
    cx: &mut Context<'_>,
    request: &CreateRequest<'_>,
    asked: &Asked,
    open: Arc<Open>,
    tree: &Arc<TreeConnect>,
    persistent: bool,
) -> Result<Known, CommandError> {
    let file = file_of(&open)?;
    let known = file.state.lock().durability.clone().ok_or(NtStatus::ACCESS_DENIED)?;
    check_owner(cx, &known)?;
    let lease = file.node.lock().lease_grant(open.id()).map(|lease| lease.id.key);
    if lease != asked.lease.map(|lease| lease.key.0) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let waits = cx.server.disconnected.find(open.file_id.persistent).is_some();
    if waits && !tree.share.name.eq_ignore_ascii_case(&open.tree.share.name) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if !waits && open.session() != cx.session()?.id {
        return Err(NtStatus::DUPLICATE_OBJECTID.into());
    }
    // As Windows does since 10.
    if known.kept == Kept::Persistent && !persistent {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let lease = if waits { attach(cx, &open, tree)? } else { None };
    Ok(Known { lease, ..answer_for(request, asked, open, &known) })
}

/// A persistent open answers a replay also after it was used, and whatever connection asks.
fn replayed_persistent(
    cx: &mut Context<'_>,
    request: &CreateRequest<'_>,
    asked: &Asked,
    open: Arc<Open>,
    tree: &Arc<TreeConnect>,
) -> Result<Known, CommandError> {
    if cx.server.disconnected.find(open.file_id.persistent).is_none() {
        return Err(NtStatus::FILE_NOT_AVAILABLE.into());
    }
    let file = file_of(&open)?;
    let known = file.state.lock().durability.clone().ok_or(NtStatus::ACCESS_DENIED)?;
    check_owner(cx, &known)?;
    let created = known.created.ok_or(NtStatus::CONTEXT_MISMATCH)?;
    let same = created.create_options == request.create_options.bits()
        && created.desired_access == request.desired_access
        && created.share_access == request.share_access.bits()
        && tree.share.name.eq_ignore_ascii_case(&open.tree.share.name);
    if !same {
        return Err(NtStatus::CONTEXT_MISMATCH.into());
    }
    let lease = attach(cx, &open, tree)?;
    Ok(Known { lease, ..answer_for(request, asked, open, &known) })
}

fn answer_for(request: &CreateRequest<'_>, asked: &Asked, open: Arc<Open>, known: &Durability) -> Known {
    Known {
        open,
        action: known.created.map_or(CreateAction::Opened, |created| created.action),
        asked: Some(intent::oplock_of(request.requested_oplock_level)),
        lease: None,
        on_disk_id: asked.on_disk_id,
    }
}

/// Answers once the file's metadata is known.
pub(super) fn finish(cx: &mut Context<'_>, known: Known, result: OpResult) -> StepResult {
    let mut metadata = result.metadata()?;
    let open = &known.open;
    let file = file_of(open)?;
    cx.server.held_times.show(file, &mut metadata, cx.now);
    if file.state.lock().closed {
        return Err(NtStatus::FILE_CLOSED.into());
    }
    let caches = {
        let node = file.node.lock();
        match known.lease.or_else(|| node.lease_grant(open.id())) {
            Some(lease) => Granted::Lease(lease),
            None => Granted::Oplock(level_shown(node.oplock_of(open.id()), known.asked)),
        }
    };
    let granted = file.state.lock().durability.clone();
    let covered = match &caches {
        Granted::Oplock(level) => *level == OplockLevel::Batch,
        Granted::Lease(lease) => lease.state.contains(CacheState::HANDLE),
    };
    // A reconnect is not told of its durability again; a replay is told what the first answer said.
    let durable = granted
        .filter(|_| known.asked.is_some())
        .filter(|granted| granted.kept == Kept::Persistent || (granted.kept != Kept::No && covered))
        .map(|granted| answer_v2(&granted));
    let on_disk_id = open.tree.disk().filter(|_| known.on_disk_id);
    *cx.related_file = Some(open.file_id);
    reply::send(
        cx,
        Answer {
            is_directory: file.kind == NodeKind::Directory && file.stream.is_none(),
            action: known.action,
            file_id: open.file_id,
            caches,
            maximal_access: None,
            on_disk_id: on_disk_id.map(|(volume, _)| u64::from(volume.identity.serial)),
            durable,
            apple: None,
            posix: None,
            attributes: open.shown_attributes(&metadata),
            metadata,
        },
    )
}

/// The level that is answered: a replay is told at most what it asks for.
fn level_shown(held: OplockLevel, asked: Option<OplockLevel>) -> OplockLevel {
    match asked {
        Some(asked) => OplockLevel::within(held.state() & asked.state()),
        None => held,
    }
}
