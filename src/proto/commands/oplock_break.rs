//! [MS-SMB2] 3.3.5.22 Receiving an SMB2 OPLOCK_BREAK Acknowledgment.

use std::sync::atomic::Ordering;

use freehold_dtyp::NtStatus;

use super::super::caching::{self, break_deadline};
use super::super::context::{Context, StepResult, file_of};
use super::super::node::NodeCell;
use super::super::persistent;
use crate::fsa::{CacheState, FsaError, HolderId, LeaseId, OplockLevel};
use crate::smb2::oplock_break::{LeaseBreak, OplockBreak, OplockBreakAcknowledgment};
use crate::smb2::{self, DecodeMessage, FileId};

/// Takes in the answer to a break and wakes who waits for it.
///
/// # Errors
/// INVALID_DEVICE_STATE, INVALID_OPLOCK_PROTOCOL, INVALID_PARAMETER, FILE_CLOSED for oplocks; OBJECT_NAME_NOT_FOUND, UNSUCCESSFUL,
/// REQUEST_NOT_ACCEPTED for leases.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    match OplockBreakAcknowledgment::decode(&cx.request.message)? {
        OplockBreakAcknowledgment::Oplock(request) => acknowledge_oplock(cx, request),
        OplockBreakAcknowledgment::Lease(request) => acknowledge_lease(cx, request),
    }
}

/// 3.3.5.22.1 Processing an Oplock Acknowledgment.
fn acknowledge_oplock(cx: &mut Context<'_>, request: OplockBreak) -> StepResult {
    let open = cx.open(request.file_id)?;
    let file = file_of(&open)?;
    let level = match request.oplock_level {
        smb2::OplockLevel::NONE => Some(OplockLevel::None),
        smb2::OplockLevel::II => Some(OplockLevel::II),
        smb2::OplockLevel::EXCLUSIVE => Some(OplockLevel::Exclusive),
        smb2::OplockLevel::BATCH => Some(OplockLevel::Batch),
        _ => None,
    };
    let answered = file.node.lock().acknowledge_oplock(open.id(), level, break_deadline(cx.now))?;
    cx.server.metrics.breaks.acknowledged.add_shared(1);
    caching::carry_out(cx.server, &file.node, answered.effects);
    persistent::marks_changed(cx.server, &file.node, cx.before_reply);
    match answered.kept {
        Some(kept) => cx.reply(&OplockBreak { oplock_level: caching::wire_level(kept), ..request }),
        None if request.oplock_level == smb2::OplockLevel::LEASE => Err(NtStatus::INVALID_PARAMETER.into()),
        None => Err(FsaError::OplockProtocol.into()),
    }
}

/// 3.3.5.22.2 Processing a Lease Acknowledgment.
fn acknowledge_lease(cx: &mut Context<'_>, request: LeaseBreak) -> StepResult {
    let client = cx.link.negotiated.as_ref().map(|negotiated| negotiated.client_guid).unwrap_or_default();
    let id = LeaseId { client, key: request.lease_key.0 };
    // Of a mixed key, the file that is being broken.
    let targets = cx.server.leases.find(&id).into_iter();
    let cells = targets.filter_map(|target| cx.server.nodes.find(target.node));
    let cell = cells.max_by_key(|cell| cell.lock().is_breaking(HolderId::Lease(id)));
    let cell = cell.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    if cx.link.dialect().is_3x() {
        end_replays(cx, &cell, id);
    }
    let state = CacheState::from_bits_truncate(request.lease_state.bits());
    let effects = cell.lock().acknowledge_lease(id, state, break_deadline(cx.now))?;
    cx.server.metrics.breaks.acknowledged.add_shared(1);
    caching::carry_out(cx.server, &cell, effects);
    persistent::marks_changed(cx.server, &cell, cx.before_reply);
    cx.reply(&request)
}

/// The client knows of the lease, and so of the opens that carry it: none of their requests comes again.
fn end_replays(cx: &Context<'_>, cell: &NodeCell, lease: LeaseId) {
    let opens = cell.lock().opens_of_lease(lease);
    for (open, owner) in opens {
        let id = FileId { persistent: owner.persistent, volatile: open.0 };
        let session = cx.server.sessions.find(&owner.session);
        if let Some(open) = session.and_then(|session| session.open(id)) {
            open.replay_eligible.store(false, Ordering::Relaxed);
        }
    }
}
