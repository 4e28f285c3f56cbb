//! What a CREATE gives to the audit log: 4656 for what is opened or refused, by the SACL of the file, or of the folder in
//! which something was to be made.

use std::sync::Arc;

use freehold_acl::{AccessMask, SecurityDescriptor};
use freehold_dtyp::NtStatus;

use super::super::super::audit::{OpenAudit, Opening};
use super::super::super::context::Context;
use super::super::super::status::CommandError;
use super::Work;
use crate::fsa::disposition::CreateAction;
use crate::smb2::create::CreateOptions;
use crate::vfs::{Opened, VfsPath};

fn opening<'a>(work: &'a Work, security: &'a SecurityDescriptor, path: &'a VfsPath) -> Opening<'a> {
    let intent = &work.intent;
    Opening {
        descriptor: security,
        token: &intent.token,
        volume: &work.volume.identity,
        path: path.as_wtf8(),
        stream: intent.stream.as_ref(),
        backup_intent: intent.options.contains(CreateOptions::OPEN_FOR_BACKUP_INTENT),
        parent: work.parent.as_deref(),
    }
}

/// Before an open has an effect: what must be recorded needs a log that takes records.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn may_proceed(
    cx: &Context<'_>,
    work: &Work,
    security: &SecurityDescriptor,
    granted: AccessMask,
) -> Result<(), CommandError> {
    opening(work, security, &work.intent.path).may_proceed(cx.server, granted)
}

/// An open was refused: passes the refusal on, recorded where it is one of access and the SACL asks for it.
pub(super) fn refused(
    cx: &mut Context<'_>,
    work: &Work,
    found: &Opened,
    error: CommandError,
) -> CommandError {
    let desired = work.intent.desired;
    record_refusal(cx, &opening(work, &found.security, &found.path), desired, error)
}

/// As [`refused`], for something that was to be made in `parent` with the right `add`.
pub(super) fn refused_in(
    cx: &mut Context<'_>,
    work: &Work,
    parent: &Opened,
    add: AccessMask,
    error: CommandError,
) -> CommandError {
    let opening = Opening { stream: None, parent: None, ..opening(work, &parent.security, &parent.path) };
    record_refusal(cx, &opening, add, error)
}

fn record_refusal(
    cx: &mut Context<'_>,
    opening: &Opening<'_>,
    desired: AccessMask,
    error: CommandError,
) -> CommandError {
    if !matches!(error.status(), NtStatus::ACCESS_DENIED | NtStatus::PRIVILEGE_NOT_HELD) {
        return error;
    }
    match opening.refused(cx, desired) {
        Ok(()) => error,
        Err(not_recorded) => not_recorded,
    }
}

/// An open was let in: what is recorded of its use.
///
/// # Errors
/// `Internal` without a session or tree connect.
pub(super) fn granted(
    cx: &mut Context<'_>,
    work: &Work,
    found: &Opened,
    action: CreateAction,
    granted: AccessMask,
    handle_id: u64,
) -> Result<Option<Arc<OpenAudit>>, CommandError> {
    let used = match action {
        CreateAction::Opened | CreateAction::Created => AccessMask::EMPTY,
        CreateAction::Overwritten | CreateAction::Superseded => AccessMask::FILE_WRITE_DATA,
    };
    opening(work, &found.security, &found.path).granted(cx, granted, used, handle_id)
}
