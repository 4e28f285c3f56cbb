//! Control codes of named pipes: [MS-SMB2] 3.3.5.15.3 (transceive), 3.3.5.15.4 (peek), 3.3.5.15.10 (wait).

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, NtStatus, Wtf8Buf};

use super::super::super::context::{Context, Step, StepResult};
use super::super::super::event::Wake;
use super::super::super::op::OpResult;
use super::super::super::pipe::{self, Answer, PipeOpen};
use super::{Call, Parked, Work};
use crate::fscc::fsctl::{FsctlCode, PipePeek, PipeWait};

/// FILE_PIPE_CONNECTED_STATE and FILE_PIPE_CLOSING_STATE of [MS-FSCC] 2.3.46.
const CONNECTED: u32 = 3;
const CLOSING: u32 = 4;

/// 3.3.5.15.10: the pipes of this server always have an instance to spare, so there is nothing to wait for.
///
/// # Errors
/// INVALID_PARAMETER, OBJECT_NAME_NOT_FOUND.
pub(super) fn wait(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let request = PipeWait::from_bytes(&call.input)?;
    let name = Wtf8Buf::from_utf16le(request.name).ok_or(NtStatus::INVALID_PARAMETER)?;
    if !PipeOpen::exists(name.as_wtf8()) {
        return Err(NtStatus::OBJECT_NAME_NOT_FOUND.into());
    }
    call.done(cx)
}

/// 3.3.5.15.4: what a read would find, which stays in the pipe.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, PIPE_DISCONNECTED.
pub(super) fn peek(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let mut output = Vec::new();
    let status = {
        let mut pipe = pipe::of(&open)?.lock();
        if !open.granted.intersects(AccessMask::FILE_READ_DATA) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        let Some(room) = call.max_output.checked_sub(PipePeek::FIXED_SIZE) else {
            return Err(NtStatus::INVALID_PARAMETER.into());
        };
        // A client that looks again and again without reading would never see the answer of a call that waits.
        if pipe.available().1 == 0
            && let Some(errand) = pipe.errand()
        {
            drop(pipe);
            return call.run(pipe::operation(cx, errand), Work::Errand);
        }
        let (bytes, messages, first) = pipe.available();
        if messages == 0 && pipe.is_disconnected() {
            return Err(NtStatus::PIPE_DISCONNECTED.into());
        }
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let head = PipePeek {
            named_pipe_state: if pipe.is_disconnected() { CLOSING } else { CONNECTED },
            read_data_available: number(bytes),
            number_of_messages: number(messages),
            message_length: number(first),
        };
        output.extend_from_slice(&head.to_bytes());
        output.extend_from_slice(pipe.peek(room));
        if first > room { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS }
    };
    call.answer_bytes(cx, &output, status)
}

/// 3.3.5.15.3: writes a message and reads the answer.
///
/// # Errors
/// ACCESS_DENIED, PIPE_BUSY, PIPE_DISCONNECTED.
pub(super) fn transceive(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let answer = pipe::transceive(cx, &open, &call.input, call.max_output)?;
    answered(cx, call, answer)
}

/// Goes on when the errand of a pipe is done.
///
/// # Errors
/// PIPE_BROKEN, PIPE_DISCONNECTED.
pub(super) fn resumed(cx: &mut Context<'_>, call: Call, result: OpResult) -> StepResult {
    let open = call.open()?;
    pipe::resume(cx, &open, result)?;
    if call.code == FsctlCode::PIPE_PEEK {
        return peek(cx, call);
    }
    let answer = pipe::receive(cx, &open, call.max_output)?;
    answered(cx, call, answer)
}

/// Goes on with one that has waited.
///
/// # Errors
/// CANCELLED, PIPE_BROKEN, PIPE_DISCONNECTED.
pub(super) fn resume(cx: &mut Context<'_>, call: Call, wake: Wake) -> StepResult {
    let open = call.open()?;
    match wake {
        Wake::Retry => {
            let answer = pipe::receive(cx, &open, call.max_output)?;
            answered(cx, call, answer)
        }
        Wake::Cancelled => {
            pipe::stop_waiting(&open, cx.waiter);
            Err(NtStatus::CANCELLED.into())
        }
        Wake::Closed | Wake::TimedOut => {
            pipe::stop_waiting(&open, cx.waiter);
            Err(NtStatus::PIPE_BROKEN.into())
        }
    }
}

fn answered(cx: &mut Context<'_>, call: Call, answer: Answer) -> StepResult {
    match answer {
        Answer::Data { bytes, more: true } => call.answer_bytes(cx, &bytes, NtStatus::BUFFER_OVERFLOW),
        Answer::Data { bytes, more: false } => call.answer_bytes(cx, &bytes, NtStatus::SUCCESS),
        Answer::Run(errand) => call.run(pipe::operation(cx, errand), Work::Errand),
        Answer::Wait => Ok(Step::Park(super::super::Parked::Ioctl(Box::new(Parked { call })))),
    }
}
