//! [MS-SMB2] 3.3.5.19 Receiving an SMB2 CHANGE_NOTIFY Request, [MS-FSA] 2.1.5.11 Server Requests Change Notifications for a
//! Directory.
//!
//! The first request of an open starts its watch, whose filter, depth and size later requests cannot change. Between
//! requests the watch goes on collecting.

use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::context::{Context, Step, StepResult, file_of};
use super::super::event::Wake;
use super::super::notify::Look;
use super::super::open::{FileOpen, FileOpenState, Open};
use super::output_buffer;
use crate::fsa::LinkId;
use crate::fsa::change_notify::{Change, Told};
use crate::fscc::notify::{CompletionFilter, NotifyInformation};
use crate::fscc::{Append, ChainWriter};
use crate::smb2::DecodeMessage;
use crate::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest};
use crate::vfs::NodeKind;

/// A request that waits for a change.
pub struct Parked {
    open: Arc<Open>,
    output_buffer_length: u32,
}

/// Answers with what has been collected, or waits.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, ACCESS_DENIED, DELETE_PENDING.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = ChangeNotifyRequest::decode(&cx.request.message)?;
    let open = cx.open(request.file_id)?;
    if request.output_buffer_length > cx.link.max_transact_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let file = open.as_file().ok_or(NtStatus::INVALID_PARAMETER)?;
    if open.volume().is_some_and(|volume| !volume.identity.options.change_notify) {
        // DIFFERS: the section says NOT_SUPPORTED; a server whose notifications are switched off is expected to answer this
        // (smbtorture's smb2.change_notify_disabled).
        return Err(NtStatus::NOT_IMPLEMENTED.into());
    }
    if file.kind != NodeKind::Directory || file.stream.is_some() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if !open.granted.contains(AccessMask::FILE_LIST_DIRECTORY) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if file.node.lock().is_delete_pending(file.stream_id, LinkId::ONLY) {
        return Err(NtStatus::DELETE_PENDING.into());
    }
    start(cx, &open, file, &request)?;
    let output_buffer_length = request.output_buffer_length;
    look(cx, Parked { open, output_buffer_length })
}

/// Starts the open's watch if this is its first request.
fn start(
    cx: &Context<'_>,
    open: &Open,
    file: &FileOpen,
    request: &ChangeNotifyRequest,
) -> Result<(), NtStatus> {
    let mut state = file.state.lock();
    match &state.watch {
        Some(watch) => watch.revive(),
        None => {
            let volume = open.volume().ok_or(NtStatus::INVALID_PARAMETER)?;
            state.watch = Some(cx.server.notify.watch(
                volume.id,
                file.file.0.path(),
                request.flags.contains(ChangeNotifyFlags::WATCH_TREE),
                CompletionFilter::from_bits_retain(request.completion_filter.bits()),
                usize::try_from(request.output_buffer_length).unwrap_or(usize::MAX),
            ));
        }
    }
    Ok(())
}

/// Answers, or waits.
fn look(cx: &mut Context<'_>, parked: Parked) -> StepResult {
    let limit_bytes = usize::try_from(parked.output_buffer_length).unwrap_or(usize::MAX);
    let file = file_of(&parked.open)?;
    let found = {
        let mut state = file.state.lock();
        if state.closed {
            return cleaned_up(cx);
        }
        let watch = state.watch.as_ref().ok_or(NtStatus::INVALID_PARAMETER)?;
        let found = watch.look(cx.waiter, limit_bytes);
        state.leave_line(cx.waiter);
        if found == Look::Wait && !state.enter_line(cx.waiter) {
            watch_left(&state, cx);
            return cleaned_up(cx);
        }
        found
    };
    match found {
        Look::Wait | Look::Ready(Told::Nothing) => Ok(Step::Park(super::Parked::ChangeNotify(parked))),
        Look::Deleted => Err(NtStatus::DELETE_PENDING.into()),
        Look::Ready(Told::Overflow) => output_buffer::reply(cx, NtStatus::NOTIFY_ENUM_DIR, |_| ()),
        Look::Ready(Told::Changes(changes)) => {
            output_buffer::reply(cx, NtStatus::SUCCESS, |output| encode(&changes, limit_bytes, output))
        }
    }
}

/// [MS-FSCC] 2.7.1 FILE_NOTIFY_INFORMATION entries.
fn encode(changes: &[Change], limit_bytes: usize, output: &mut Vec<u8>) {
    let mut chain = ChainWriter::new(output, limit_bytes);
    for change in changes {
        let entry = NotifyInformation { action: change.action, file_name: change.name.as_wtf8() };
        let written = chain.append(&entry) == Append::Written;
        debug_assert!(written, "INVARIANT: what a watch tells fits");
    }
}

/// Goes on after a change, a cancel, or the end of the open.
///
/// # Errors
/// CANCELLED, DELETE_PENDING.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    match wake {
        Wake::Retry => look(cx, parked),
        Wake::Closed => cleaned_up(cx),
        Wake::Cancelled | Wake::TimedOut => {
            let mut state = file_of(&parked.open)?.state.lock();
            state.leave_line(cx.waiter);
            watch_left(&state, cx);
            Err(NtStatus::CANCELLED.into())
        }
    }
}

/// The request does not wait for changes any more.
fn watch_left(state: &FileOpenState, cx: &Context<'_>) {
    if let Some(watch) = &state.watch {
        watch.leave(cx.server, cx.waiter);
    }
}

/// The watched directory's handle is gone.
fn cleaned_up(cx: &mut Context<'_>) -> StepResult {
    output_buffer::reply(cx, NtStatus::NOTIFY_CLEANUP, |_| ())
}
