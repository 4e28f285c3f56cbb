//! [MS-SMB2] 3.3.5.11 Receiving an SMB2 FLUSH Request.

use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::context::{Context, Step, StepResult, file_of};
use super::super::op::{Op, OpResult};
use super::super::open::{Open, Target};
use crate::smb2::DecodeMessage;
use crate::smb2::flush::{FlushRequest, FlushResponse};

/// A flush under way.
pub struct Pending {
    open: Arc<Open>,
}

/// Makes what was written durable. A pipe has nothing to make durable: what was written was answered already.
///
/// # Errors
/// FILE_CLOSED, ACCESS_DENIED.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = FlushRequest::decode(&cx.request.message)?;
    let open = cx.open(request.file_id)?;
    let Target::File(file) = &open.target else {
        return cx.reply(&FlushResponse);
    };
    // FILE_ADD_FILE and FILE_ADD_SUBDIRECTORY are the same bits on a directory.
    if !open.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let op = Op::Flush { file: file.file.clone() };
    Ok(Step::Op(op, super::Pending::Flush(Pending { open })))
}

/// Answers.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    result.done()?;
    let file = file_of(&pending.open)?;
    cx.before_reply.extend(cx.server.held_times.end(file, cx.now));
    cx.reply(&FlushResponse)
}
