//! [MS-SMB2] 3.3.5.20 Receiving an SMB2 QUERY_INFO Request.
//!
//! Owns what all kinds of information have in common: sizes of the request, and what becomes of an answer that is too long.
//! What is in an answer is decided in one file for each kind.

mod extended_attributes;
mod file;
mod file_system;
mod names;
mod pipe;
mod posix;
mod quota;
mod security;

use freehold_dtyp::{NtStatus, Writer};

use super::super::context::{Context, Step, StepResult};
use super::super::op::OpResult;
use super::super::open::Target;
use super::output_buffer;
use crate::fscc::FileInformationClass;
use crate::smb2::query_info::QueryInfoRequest;
use crate::smb2::{DecodeMessage, InfoType};

/// A query under way.
pub enum Pending {
    /// Of the file's metadata.
    File(file::Pending),
    /// Of extended attributes.
    ExtendedAttributes(extended_attributes::Pending),
    /// Of the names of streams.
    Names(names::Pending),
    /// Of quota entries.
    Quota(quota::Pending),
    /// Of the space and the quota settings of the volume.
    Space(file_system::Pending),
    /// Of what the SMB3 POSIX Extensions tell.
    Posix(posix::Pending),
    /// Of the security descriptor.
    Security(security::Pending),
}

/// Checks in the order of the section and asks for what is not known yet.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, INVALID_INFO_CLASS, NOT_SUPPORTED, INFO_LENGTH_MISMATCH, ACCESS_DENIED.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = QueryInfoRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let input_bytes = u32::try_from(request.input_buffer.len()).unwrap_or(u32::MAX);
    if request.output_buffer_length.max(input_bytes) > cx.link.max_transact_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    match (request.info_type, &open.target) {
        (InfoType::FILE, Target::File(_)) => file::decide(cx, &open, &request),
        (InfoType::FILE, Target::Pipe(pipe)) => pipe::decide(cx, &open, pipe, &request),
        (InfoType::FILESYSTEM, _) => file_system::decide(cx, &open, &request),
        (InfoType::SECURITY, _) => security::decide(&open, &request),
        (InfoType::QUOTA, _) => quota::decide(cx, &open, &request),
        (InfoType::FILE, Target::QuotaIndex(_)) => Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
        _ => Err(NtStatus::INVALID_PARAMETER.into()),
    }
}

/// Goes on with what the volume answered.
///
/// # Errors
/// Those of the kind of information; what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    match pending {
        Pending::File(pending) => file::finish(cx, &pending, result),
        Pending::ExtendedAttributes(pending) => extended_attributes::finish(cx, &pending, result),
        Pending::Names(pending) => names::finish(cx, &pending, result),
        Pending::Quota(pending) => quota::finish(cx, pending, result),
        Pending::Space(pending) => file_system::finish(cx, &pending, result),
        Pending::Posix(pending) => posix::finish(cx, pending, result),
        Pending::Security(pending) => security::finish(cx, &pending, result),
    }
}

/// Most bytes of output.
fn limit_of(request: &QueryInfoRequest<'_>) -> usize {
    usize::try_from(request.output_buffer_length).unwrap_or(usize::MAX)
}

/// The answer to a class that is not served: INVALID_INFO_CLASS for a number without meaning, INVALID_PARAMETER for quotas, which
/// have an InfoType of their own ([MS-FSA] 2.1.5.12.24).
fn unserved(class: FileInformationClass) -> NtStatus {
    if class == FileInformationClass::QUOTA {
        return NtStatus::INVALID_PARAMETER;
    }
    if class.is_defined() { NtStatus::NOT_SUPPORTED } else { NtStatus::INVALID_INFO_CLASS }
}

/// Answers with what `encode` writes. What goes beyond the limit is cut, and the status says so.
fn reply(cx: &mut Context<'_>, limit_bytes: usize, encode: impl FnOnce(&mut Writer)) -> StepResult {
    let body_start = output_buffer::reserve(cx);
    let output_start = cx.out.len();
    cx.out.write(encode);
    let status = if cx.out.len().saturating_sub(output_start) > limit_bytes {
        cx.out.truncate(output_start.saturating_add(limit_bytes));
        NtStatus::BUFFER_OVERFLOW
    } else {
        NtStatus::SUCCESS
    };
    output_buffer::finish(cx, body_start);
    Ok(Step::Reply(status))
}
