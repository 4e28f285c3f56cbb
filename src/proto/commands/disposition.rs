//! FileDispositionInformation ([MS-SMB2] 3.3.5.21.1, [MS-FSA] 2.1.5.15.3): marks a file, a directory or a stream for deletion with
//! its last close, or takes that back. SET_INFO decodes the request and calls [`decide`].

use std::sync::Arc;
use std::time::Duration;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::caching::{self, BreakWait};
use super::super::commands;
use super::super::context::{Context, Step, StepResult, file_of};
use super::super::event::Wake;
use super::super::node::NodeCell;
use super::super::op::{Op, OpResult};
use super::super::open::{FileOpen, Open};
use super::super::persistent;
use super::set_info;
use crate::fsa::disposition::check_deletable;
use crate::vfs::NodeKind;

/// A deletion that is being checked.
pub struct Pending {
    open: Arc<Open>,
    stage: Stage,
}

enum Stage {
    /// The attributes are being read.
    Attributes,
    /// The directory is being looked into.
    Emptiness,
}

/// A deletion that waits until cached handles are closed.
pub struct Parked {
    open: Arc<Open>,
    wait: BreakWait,
}

impl Parked {
    /// When the wait is over in any case, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        Some(self.wait.deadline)
    }

    /// The file whose use it waits for.
    #[must_use]
    pub fn waits_for(&self) -> &NodeCell {
        self.wait.cell()
    }
}

/// Checks the request and starts it.
///
/// # Errors
/// ACCESS_DENIED without DELETE and for the share's own folder; CANNOT_DELETE for a read-only file; DIRECTORY_NOT_EMPTY.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, delete: bool) -> StepResult {
    let file = file_of(open)?;
    if !open.granted.contains(AccessMask::DELETE) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if file.snapshot.is_some() {
        return Err(NtStatus::MEDIA_WRITE_PROTECTED.into());
    }
    if !delete {
        let link = {
            let mut node = file.node.lock();
            node.set_delete_pending(open.id(), false);
            node.link_of(open.id())
        };
        if file.stream.is_none() {
            drop(file.node.take_deletion(link));
        }
        persistent::marks_changed(cx.server, &file.node, cx.before_reply);
        return done(cx);
    }
    let (_, share_path) = open.tree.disk().ok_or(NtStatus::INVALID_PARAMETER)?;
    if file.stream.is_none() && share_path.is_within(&file.file.0.path()) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    then(open, Op::Metadata { file: file.file.clone() }, Stage::Attributes)
}

/// Goes on with what an operation found.
///
/// # Errors
/// As [`decide`], and what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let file = file_of(&pending.open)?;
    match pending.stage {
        Stage::Attributes => {
            let attributes = result.metadata()?.attributes;
            check_deletable(attributes.bits(), false)?;
            if file.kind == NodeKind::Directory {
                return then(&pending.open, Op::IsEmpty { file: file.file.clone() }, Stage::Emptiness);
            }
        }
        Stage::Emptiness => {
            if !result.is_empty()? {
                return Err(NtStatus::DIRECTORY_NOT_EMPTY.into());
            }
        }
    }
    mark(cx, &pending.open, file)
}

/// Goes on after a wait: what was checked before it is checked again.
///
/// # Errors
/// CANCELLED; FILE_CLOSED when the open is gone.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    file_of(&parked.open)?.state.lock().leave_line(cx.waiter);
    match wake {
        Wake::Retry | Wake::TimedOut => decide(cx, &parked.open, true),
        Wake::Cancelled => Err(NtStatus::CANCELLED.into()),
        Wake::Closed => Err(NtStatus::FILE_CLOSED.into()),
    }
}

fn then(open: &Arc<Open>, op: Op, stage: Stage) -> StepResult {
    let pending = set_info::Pending::Disposition(Pending { open: Arc::clone(open), stage });
    Ok(Step::Op(op, commands::Pending::SetInfo(Box::new(pending))))
}

/// Handles that clients only keep in their caches are closed first; then the deletion waits for the last close.
fn mark(cx: &mut Context<'_>, open: &Arc<Open>, file: &FileOpen) -> StepResult {
    if let Some(wait) = caching::break_for_name(cx.server, &file.node, Some(open), cx.waiter, cx.now) {
        if !file.state.lock().enter_line(cx.waiter) {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        let parked = set_info::Parked::Disposition(Parked { open: Arc::clone(open), wait });
        return Ok(Step::Park(commands::Parked::SetInfo(Box::new(parked))));
    }
    if file.state.lock().closed {
        return Err(NtStatus::FILE_CLOSED.into());
    }
    let link = {
        let mut node = file.node.lock();
        node.set_delete_pending(open.id(), true);
        node.link_of(open.id())
    };
    if file.stream.is_none() {
        file.node.keep_for_deletion(link, file);
        cx.server.notify.deletion_pending(cx.server, open, file);
    }
    persistent::marks_changed(cx.server, &file.node, cx.before_reply);
    done(cx)
}

/// SET_INFO's reply: nothing but its size ([MS-SMB2] 2.2.40).
fn done(cx: &mut Context<'_>) -> StepResult {
    cx.reply(&crate::smb2::set_info::SetInfoResponse)
}
