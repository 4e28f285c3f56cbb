//! [MS-SMB2] 3.3.5.13 Receiving an SMB2 WRITE Request.
//! Owns access and limits of a write. The data stays in the memory that it was received into.

pub mod pieces;

use std::sync::Arc;

use bytes::Bytes;
use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::context::{Context, Step, StepResult};
use super::super::data_change::{self, Care};
use super::super::limits;
use super::super::op::{Op, OpResult};
use super::super::open::{FileOpen, Open, Target};
use super::super::pipe;
use super::super::status::CommandError;
use crate::fscc::file_info::FileMode;
use crate::smb2::DecodeMessage;
use crate::smb2::create::CreateOptions;
use crate::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use crate::vfs::{Metadata, NodeKind};

/// Offsets above are no file's ([MS-FSA] 2.1.5.4).
const MAX_OFFSET: u64 = i64::MAX as u64;

/// A write under way.
pub struct Pending {
    open: Arc<Open>,
    file_offset: u64,
    count: u32,
    stage: Stage,
}

enum Stage {
    /// The file's metadata is asked for, since something must be put back after the write, or shown instead: the number of
    /// the hold that the write time is for.
    Before { data: Bytes, durable: bool, hold: Option<u64> },
    /// The data is being written.
    Write { before: Option<Box<Metadata>> },
}

/// Checks in the order of the section and chooses one operation. Never blocks.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, INVALID_DEVICE_REQUEST, ACCESS_DENIED, FILE_LOCK_CONFLICT.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    if cx.request.in_pieces {
        return pieces::decide(cx);
    }
    let message = cx.request.message.clone();
    let request = WriteRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let count = u32::try_from(request.data.len()).unwrap_or(u32::MAX);
    if count > cx.link.max_write_bytes() || request.data_message_offset > WriteRequest::MAX_DATA_OFFSET {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let data = cx.request.slice(request.data_range());
    let file = match &open.target {
        Target::Pipe(_) => return pipe::write(cx, &open, &data),
        Target::QuotaIndex(_) => return Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
        Target::File(file) => file,
    };
    let file_offset = request.file_offset;
    check(&open, file, file_offset, count)?;
    if count == 0 {
        return reply(cx, 0);
    }
    data_change::admit(cx, &open, file, file_offset, u64::from(count))?;
    let durable = is_durable(file, request.flags);
    let handle = file.file.clone();
    let hold = cx.server.held_times.begin(file, cx.now);
    let (op, stage) = if hold.is_none() && data_change::care_of(file) == Care::None {
        let op = Op::Write { file: handle, offset: file_offset, data, durable };
        (op, Stage::Write { before: None })
    } else {
        (Op::Metadata { file: handle }, Stage::Before { data, durable, hold })
    };
    Ok(Step::Op(op, super::Pending::Write(Pending { open, file_offset, count, stage })))
}

/// 2.2.13: FILE_WRITE_THROUGH of the open, from its CREATE or set since, or the request's own flag.
fn is_durable(file: &FileOpen, flags: WriteFlags) -> bool {
    flags.contains(WriteFlags::WRITE_THROUGH)
        || CreateOptions::from(file.create_options).contains(CreateOptions::WRITE_THROUGH)
        || file.mode().contains(FileMode::WRITE_THROUGH)
}

/// 3.3.5.13 and [MS-FSA] 2.1.5.4: may this handle write this range?
fn check(open: &Open, file: &FileOpen, file_offset: u64, count: u32) -> Result<(), CommandError> {
    if file.kind == NodeKind::Directory && file.stream.is_none() {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    // Either right will do wherever the range lies, as with Windows.
    if !open.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let limit = if count == 0 { MAX_OFFSET } else { limits::MAX_FILE_BYTES };
    if file_offset.checked_add(u64::from(count)).is_none_or(|end| end > limit) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    Ok(())
}

/// Turns what the volume answered into the reply.
///
/// # Errors
/// DISK_FULL, or what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let open = Arc::clone(&pending.open);
    let Target::File(file) = &open.target else {
        return Err(CommandError::Internal("a pipe has no operations"));
    };
    match pending.stage {
        Stage::Before { data, durable, hold } => {
            let before = result.metadata()?;
            if let Some(number) = hold {
                cx.server.held_times.learn(file, number, before.modified);
            }
            let stage = Stage::Write { before: Some(Box::new(before)) };
            let op = Op::Write { file: file.file.clone(), offset: pending.file_offset, data, durable };
            Ok(Step::Op(op, super::Pending::Write(Pending { stage, ..pending })))
        }
        Stage::Write { before } => {
            result.written()?;
            if let Some(before) = before {
                data_change::settle(cx, file, &before);
            }
            written(cx, &open, file, pending.file_offset, pending.count);
            reply(cx, pending.count)
        }
    }
}

/// Notes what a write leaves behind in its open, and tells who watches.
fn written(cx: &Context<'_>, open: &Open, file: &FileOpen, file_offset: u64, count: u32) {
    {
        let mut state = file.state.lock();
        state.position = file_offset.saturating_add(u64::from(count));
        state.written = true;
    }
    data_change::report_written(cx, open, file);
}

fn reply(cx: &mut Context<'_>, count: u32) -> StepResult {
    cx.reply(&WriteResponse { count, ..WriteResponse::default() })
}
