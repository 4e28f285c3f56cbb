//! [MS-SMB2] 3.3.5.10 Receiving an SMB2 CLOSE Request.
//!
//! Takes the open out of its session at once, so that a request that comes after sees FILE_CLOSED; what the end of the
//! open means for the file is `teardown`'s.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::commands;
use super::super::context::{Context, Step, StepResult};
use super::super::op::{Op, OpResult};
use super::super::open::Open;
use super::super::teardown;
use crate::smb2::DecodeMessage;
use crate::smb2::close::{CloseFlags, CloseRequest, CloseResponse};

/// A close that first asks for the file's attributes.
pub struct Pending {
    open: Arc<Open>,
}

/// Closes an open.
///
/// # Errors
/// FILE_CLOSED when there is none of that id in this session and tree connect.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = CloseRequest::decode(&cx.request.message)?;
    let id = cx.open(request.file_id)?.file_id;
    let open = cx.session()?.remove_open(id).ok_or(NtStatus::FILE_CLOSED)?;
    match open.as_file() {
        Some(file) if request.flags.contains(CloseFlags::POSTQUERY_ATTRIB) => {
            let op = Op::Metadata { file: file.file.clone() };
            Ok(Step::Op(op, commands::Pending::Close(Pending { open })))
        }
        _ => {
            teardown::close_open(cx.server, &open, cx.before_reply, cx.now);
            cx.reply(&CloseResponse::default())
        }
    }
}

/// Goes on when the attributes are known; the close is done also where they are not.
///
/// # Errors
/// Never.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let mut result = result.metadata();
    if let (Some(file), Ok(metadata)) = (pending.open.as_file(), &mut result) {
        if let Some(op) = cx.server.held_times.end_own(file, cx.now) {
            // The file gets the present time with its close.
            metadata.modified = cx.now.wall;
            cx.before_reply.push_back(op);
        }
        // Writes of other handles may be held back still.
        cx.server.held_times.show(file, metadata, cx.now);
    }
    teardown::close_open(cx.server, &pending.open, cx.before_reply, cx.now);
    let response = match result {
        Ok(metadata) => CloseResponse {
            flags: CloseFlags::POSTQUERY_ATTRIB,
            creation_time: metadata.created,
            last_access_time: metadata.accessed,
            last_write_time: metadata.modified,
            change_time: metadata.changed,
            allocation_size: metadata.allocated_bytes,
            end_of_file: metadata.size_bytes,
            file_attributes: pending.open.shown_attributes(&metadata).bits(),
        },
        Err(_) => CloseResponse::default(),
    };
    cx.reply(&response)
}
