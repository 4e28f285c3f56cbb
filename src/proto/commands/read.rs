//! [MS-SMB2] 3.3.5.12 Receiving an SMB2 READ Request.
//! Owns access and limits of a read. Knows nothing of sockets, paths or where the reply is sent from.

use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::context::{Context, Step, StepResult};
use super::super::event::Wake;
use super::super::op::{Op, OpResult};
use super::super::open::{FileOpen, Open, Target};
use super::super::pipe;
use super::super::status::CommandError;
use crate::smb2::DecodeMessage;
use crate::smb2::read::{ReadRequest, ReadResponse};
use crate::vfs::NodeKind;

/// From this many bytes on, sending from the file costs less than copying into the reply.
const SPLICE_FROM_BYTES: u32 = 32 * 1024;
/// Offsets above are no file's ([MS-FSA] 2.1.5.3).
const MAX_OFFSET: u64 = i64::MAX as u64;

/// A read under way.
pub struct Pending {
    open: Arc<Open>,
    file_offset: u64,
    minimum_count: u32,
    /// Where the fixed part of the reply's body starts in the buffer.
    body_start: usize,
}

/// A read of a pipe that has nothing to say yet.
pub struct Parked {
    open: Arc<Open>,
    length_bytes: u32,
    minimum_count: u32,
}

/// Checks in the order of the section and chooses one operation. Never blocks.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, INVALID_DEVICE_REQUEST, ACCESS_DENIED, FILE_LOCK_CONFLICT.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = ReadRequest::decode(&cx.request.message)?;
    let open = cx.open(request.file_id)?;
    if request.length > cx.link.max_read_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let (length_bytes, file_offset, minimum_count) =
        (request.length, request.file_offset, request.minimum_count);
    let file = match &open.target {
        Target::Pipe(_) => return pipe::read(cx, Parked { open, length_bytes, minimum_count }),
        Target::QuotaIndex(_) => return Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
        Target::File(file) => file,
    };
    check(&open, file, file_offset, length_bytes)?;

    let body_start = cx.out.len();
    cx.out.extend(ReadResponse::HEADER_SIZE).fill(0);
    let op = Op::Read {
        file: file.file.clone(),
        offset: file_offset,
        length_bytes,
        buffer: std::mem::take(cx.out),
        may_splice: cx.may_splice && length_bytes >= SPLICE_FROM_BYTES,
    };
    Ok(Step::Op(op, super::Pending::Read(Pending { open, file_offset, minimum_count, body_start })))
}

/// 3.3.5.12 and [MS-FSA] 2.1.5.3: may this handle read this range?
fn check(open: &Open, file: &FileOpen, file_offset: u64, length_bytes: u32) -> Result<(), CommandError> {
    if file.kind == NodeKind::Directory && file.stream.is_none() {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    if !open.granted.intersects(AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if file_offset.checked_add(u64::from(length_bytes)).is_none_or(|end| end > MAX_OFFSET) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let mut node = file.node.lock();
    let permitted = node
        .locks(file.stream_id)
        .is_none_or(|locks| locks.permits(open.id(), file_offset, u64::from(length_bytes), false));
    if !permitted {
        return Err(NtStatus::FILE_LOCK_CONFLICT.into());
    }
    Ok(())
}

/// Turns what the volume answered into the reply.
///
/// # Errors
/// END_OF_FILE, or what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let OpResult::Read { buffer, result, splice } = result else {
        return Err(CommandError::Internal("the result is not of a read"));
    };
    *cx.out = buffer;
    let count = result?;
    let data_length = u32::try_from(count).map_err(|_| CommandError::Internal("a read longer than asked"))?;
    // 3.3.5.12: nothing read where something was asked, or fewer than MinimumCount.
    let asked_nothing = data_length == 0 && pending.minimum_count == 0 && splice.is_none();
    if data_length < pending.minimum_count || (data_length == 0 && !(asked_nothing && is_empty_request(cx))) {
        return Err(NtStatus::END_OF_FILE.into());
    }
    if let Some(file) = pending.open.as_file() {
        file.state.lock().position = pending.file_offset.saturating_add(u64::from(data_length));
    }
    let head = ReadResponse { data_length, ..ReadResponse::default() }.header_bytes();
    if let Some(place) =
        cx.out.tail_mut(pending.body_start).first_chunk_mut::<{ ReadResponse::HEADER_SIZE }>()
    {
        *place = head;
    }
    if data_length == 0 {
        // StructureSize 17 counts a byte of Buffer.
        cx.out.append(&[0]);
    }
    *cx.splice = splice;
    Ok(Step::Reply(NtStatus::SUCCESS))
}

/// A request of zero bytes succeeds anywhere in a file.
fn is_empty_request(cx: &Context<'_>) -> bool {
    ReadRequest::decode(&cx.request.message).is_ok_and(|request| request.length == 0)
}

/// Goes on with a pipe whose errand is done.
///
/// # Errors
/// PIPE_BROKEN and others of the pipe.
pub fn resumed(cx: &mut Context<'_>, parked: Parked, result: OpResult) -> StepResult {
    pipe::resume(cx, &parked.open, result)?;
    pipe::read(cx, parked)
}

/// Goes on with a pipe.
///
/// # Errors
/// CANCELLED, PIPE_BROKEN and others of the pipe.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    match wake {
        Wake::Retry => pipe::read(cx, parked),
        Wake::Cancelled => {
            pipe::stop_waiting(&parked.open, cx.waiter);
            Err(NtStatus::CANCELLED.into())
        }
        Wake::Closed | Wake::TimedOut => {
            pipe::stop_waiting(&parked.open, cx.waiter);
            Err(NtStatus::PIPE_BROKEN.into())
        }
    }
}

impl Parked {
    /// The pipe's open.
    #[must_use]
    pub fn open(&self) -> &Arc<Open> {
        &self.open
    }

    /// Bytes asked for.
    #[must_use]
    pub fn length_bytes(&self) -> u32 {
        self.length_bytes
    }

    /// Bytes that must be there.
    #[must_use]
    pub fn minimum_count(&self) -> u32 {
        self.minimum_count
    }
}
