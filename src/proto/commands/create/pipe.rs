//! CREATE on IPC$: opens a named pipe ([MS-SMB2] 3.3.5.9, pipes).

use std::sync::Arc;

use freehold_acl::{AccessMask, GenericMapping};
use freehold_dtyp::{FileTime, NtStatus};
use parking_lot::Mutex;

use super::super::super::context::{Context, StepResult};
use super::super::super::limits::MAX_OPENS_PER_SESSION;
use super::super::super::open::{Open, Target};
use super::super::super::pipe::PipeOpen;
use crate::smb2::create::{
    CreateAction, CreateRequest, CreateResponse, CreateResponseFlags, ImpersonationLevel,
};
use crate::smb2::create_context::CreateContexts;
use crate::smb2::{FileId, OplockLevel};

/// FILE_ATTRIBUTE_NORMAL
const NORMAL: u32 = 0x80;
/// What a pipe reports as allocated for it, as Windows does.
const PIPE_ALLOCATION_BYTES: u64 = 4096;

/// Opens a pipe.
///
/// # Errors
/// OBJECT_NAME_NOT_FOUND for a pipe that does not exist, ACCESS_DENIED by the share, BAD_IMPERSONATION_LEVEL.
pub(super) fn decide(cx: &mut Context<'_>, request: &CreateRequest<'_>) -> StepResult {
    let session = Arc::clone(cx.session()?);
    let tree = Arc::clone(cx.tree()?);
    // 3.3.5.9: nobody acts through a pipe in its client's name elsewhere.
    if !request.impersonation_level.is_known() || request.impersonation_level == ImpersonationLevel::DELEGATE
    {
        return Err(NtStatus::BAD_IMPERSONATION_LEVEL.into());
    }
    if session.open_count() >= MAX_OPENS_PER_SESSION {
        return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
    }
    let desired = GenericMapping::FILE.map_generic(AccessMask(request.desired_access));
    if desired.is_empty() || desired.intersects(AccessMask::FILE_RESERVED) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let granted = if desired.intersects(AccessMask::MAXIMUM_ALLOWED) {
        tree.maximal_access
    } else {
        desired.without(AccessMask::ACCESS_SYSTEM_SECURITY)
    };
    if !tree.maximal_access.contains(granted) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let name = request.name.to_wtf8();
    let pipe = PipeOpen::open(name.as_wtf8(), session.identity.load_full())
        .ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    let id = cx.server.next_file_id();
    let file_id = FileId { persistent: id, volatile: id };
    let sequence = cx.request.header.channel_sequence();
    let target = Target::Pipe(Mutex::new(pipe));
    session.add_open(Arc::new(Open::new(file_id, session.id, tree, granted, sequence, target)));
    *cx.related_file = Some(file_id);
    cx.reply(&CreateResponse {
        oplock_level: OplockLevel::NONE,
        flags: CreateResponseFlags::empty(),
        create_action: CreateAction::OPENED,
        creation_time: FileTime::ZERO,
        last_access_time: FileTime::ZERO,
        last_write_time: FileTime::ZERO,
        change_time: FileTime::ZERO,
        allocation_size: PIPE_ALLOCATION_BYTES,
        end_of_file: 0,
        file_attributes: NORMAL,
        file_id,
        contexts: CreateContexts::EMPTY,
    })
}
