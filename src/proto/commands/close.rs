//! [MS-SMB2] 3.3.5.10 Receiving an SMB2 CLOSE Request.
//!
//! Takes the open out of its session at once, so that a request that comes after sees FILE_CLOSED. Requests that are under way
//! end first (3.3.4.17): those that wait for others at once, those that are carried out when they are done, with what came of them.
//! A close that deletes the file waits for clients that keep it open only in their caches, as on Windows.
//! Only then is anything given back: what others are let do with the file must not meet a write of this open. What the end of
//! the open means for the file is `teardown`'s.

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::NtStatus;

use super::super::caching::{self, BreakWait};
use super::super::commands;
use super::super::context::{Context, Step, StepResult};
use super::super::event::Wake;
use super::super::limits;
use super::super::node::NodeCell;
use super::super::op::{Op, OpResult};
use super::super::open::Open;
use super::super::teardown;
use crate::smb2::DecodeMessage;
use crate::smb2::close::{CloseFlags, CloseRequest, CloseResponse};

/// A close that first asks for the file's attributes.
pub struct Pending {
    open: Arc<Open>,
}

/// A close that waits for the other requests of its open, then for handles in the caches of others.
pub struct Parked {
    open: Arc<Open>,
    flags: CloseFlags,
    /// When the client is told that it takes time; `None` once it was told.
    tell_at: Option<Duration>,
    /// For those handles; `None` while requests of its own open are under way.
    handles: Option<BreakWait>,
}

impl Parked {
    /// The client was not told that it takes time.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.tell_at.is_some()
    }

    /// When the client is to be told, or others are waited for no longer, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let over_at = self.handles.as_ref().map(|wait| wait.deadline);
        self.tell_at.into_iter().chain(over_at).min()
    }

    /// The file that others keep open in their caches, where it waits for them.
    #[must_use]
    pub fn waits_for(&self) -> Option<&NodeCell> {
        self.handles.as_ref().map(BreakWait::cell)
    }
}

/// Closes an open.
///
/// # Errors
/// FILE_CLOSED when there is none of that id in this session and tree connect.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = CloseRequest::decode(&cx.request.message)?;
    let id = cx.open(request.file_id)?.file_id;
    let open = cx.session()?.remove_open(id).ok_or(NtStatus::FILE_CLOSED)?;
    teardown::begin_close(cx.server, &open);
    let tell_at = Some(cx.now.monotonic.saturating_add(limits::INTERIM_AFTER));
    wait(cx, Parked { open, flags: request.flags, tell_at, handles: None })
}

/// Goes on when no other request of the open is under way, and what is to be deleted is open in no cache.
fn wait(cx: &mut Context<'_>, mut parked: Parked) -> StepResult {
    let alone = match cx.server.mailbox(cx.waiter.connection) {
        Some(mailbox) => parked.open.under_way.close(mailbox, cx.waiter.chain),
        // Nobody could wake it.
        None => true,
    };
    if alone {
        parked.handles = break_for_deletion(cx, &parked.open);
    }
    if alone && parked.handles.is_none() {
        close(cx, parked.open, parked.flags)
    } else {
        Ok(Step::Park(commands::Parked::Close(parked)))
    }
}

/// The end of an open with FILE_DELETE_ON_CLOSE takes the handle caching of others, and waits for it. [MS-FSA] has it neither with the
/// open nor here; Windows' file systems have it here (FsRtlCheckOplockEx with OPLOCK_FLAG_CLOSING_DELETE_ON_CLOSE).
fn break_for_deletion(cx: &Context<'_>, open: &Open) -> Option<BreakWait> {
    let file = open.as_file().filter(|file| file.is_deleted_by_close())?;
    caching::break_for_name(cx.server, &file.node, Some(open), cx.waiter, cx.now)
}

/// Goes on after a wake. Where the connection is gone nobody is left to be answered: the last request of the open closes it.
///
/// # Errors
/// Never.
pub fn resume(cx: &mut Context<'_>, mut parked: Parked, wake: Wake) -> StepResult {
    // It leaves the line before it may enter it again.
    parked.handles = None;
    match wake {
        Wake::Retry | Wake::Cancelled => wait(cx, parked),
        Wake::TimedOut => {
            parked.tell_at = parked.tell_at.filter(|at| *at > cx.now.monotonic);
            wait(cx, parked)
        }
        Wake::Closed => {
            teardown::close_open(cx.server, &parked.open, cx.before_reply, cx.now);
            cx.reply(&CloseResponse::default())
        }
    }
}

fn close(cx: &mut Context<'_>, open: Arc<Open>, flags: CloseFlags) -> StepResult {
    match open.as_file() {
        Some(file) if flags.contains(CloseFlags::POSTQUERY_ATTRIB) => {
            let op = Op::Metadata { file: file.file.clone() };
            Ok(Step::Op(op, commands::Pending::Close(Pending { open })))
        }
        _ => {
            teardown::close_now(cx.server, &open, cx.before_reply, cx.now);
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
    teardown::close_now(cx.server, &pending.open, cx.before_reply, cx.now);
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
