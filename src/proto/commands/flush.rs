//! [MS-SMB2] 3.3.5.11 Receiving an SMB2 FLUSH Request.

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::context::{Context, Step, StepResult};
use super::super::op::{Op, OpResult};
use super::super::open::Target;
use crate::smb2::DecodeMessage;
use crate::smb2::flush::{FlushRequest, FlushResponse};

/// A flush under way.
pub struct Pending(());

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
    Ok(Step::Op(Op::Flush { file: file.file.clone() }, super::Pending::Flush(Pending(()))))
}

/// Answers.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, _: Pending, result: OpResult) -> StepResult {
    result.done()?;
    cx.reply(&FlushResponse)
}
