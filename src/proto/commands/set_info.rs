//! [MS-SMB2] 3.3.5.21 Receiving an SMB2 SET_INFO Request.
//!
//! Owns what all kinds of information have in common: sizes, access, the reply. Each class is decided in a file of its own.

mod basic;
mod extended_attributes;
mod handle;
mod quota;
mod security;
mod size;

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, NtStatus};

use super::super::context::{Context, StepResult};
use super::super::event::Wake;
use super::super::node::NodeCell;
use super::super::op::OpResult;
use super::super::open::{Open, Target};
use super::super::status::CommandError;
use super::{disposition, rename};
use crate::fscc::file_info::{DispositionInformation, RenameInformation};
use crate::fscc::{FileInformationClass, FsInformationClass};
use crate::smb2::set_info::{SetInfoRequest, SetInfoResponse};
use crate::smb2::{DecodeMessage, InfoType};

/// A request under way.
pub enum Pending {
    /// A rename or a link.
    Rename(rename::Pending),
    /// A deletion.
    Disposition(disposition::Pending),
    /// Times and attributes.
    Basic(basic::Pending),
    /// Size and allocation.
    Size(size::Pending),
    /// Extended attributes.
    ExtendedAttributes(extended_attributes::Pending),
    /// Quota entries and settings.
    Quota(quota::Pending),
    /// The security descriptor.
    Security(Box<security::Pending>),
}

/// A request that waits for a break.
pub enum Parked {
    /// A rename or a link.
    Rename(rename::Parked),
    /// A deletion.
    Disposition(disposition::Parked),
}

impl Parked {
    /// When the wait is over in any case, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Duration> {
        match self {
            Parked::Rename(parked) => parked.deadline(),
            Parked::Disposition(parked) => parked.deadline(),
        }
    }

    /// The file whose use it waits for.
    #[must_use]
    pub fn waits_for(&self) -> &NodeCell {
        match self {
            Parked::Rename(parked) => parked.waits_for(),
            Parked::Disposition(parked) => parked.waits_for(),
        }
    }
}

/// Checks in the order of the section and starts the change.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, INVALID_INFO_CLASS, NOT_SUPPORTED, INFO_LENGTH_MISMATCH, ACCESS_DENIED, and the class's.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = SetInfoRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let length = u32::try_from(request.buffer.len()).unwrap_or(u32::MAX);
    if length > cx.link.max_transact_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    match (request.info_type, &open.target) {
        (InfoType::FILE, Target::File(file)) => {
            let class = check_file(&open, &request)?;
            match class {
                FileInformationClass::RENAME => {
                    let information = RenameInformation::from_bytes(request.buffer).map_err(name_beyond)?;
                    rename::decide(cx, &open, rename::NameChange::Rename, &information)
                }
                FileInformationClass::LINK => {
                    let information = RenameInformation::from_bytes(request.buffer).map_err(name_beyond)?;
                    rename::decide(cx, &open, rename::NameChange::Link, &information)
                }
                FileInformationClass::DISPOSITION => {
                    let information = DispositionInformation::from_bytes(request.buffer).map_err(short)?;
                    disposition::decide(cx, &open, information.delete_pending)
                }
                FileInformationClass::BASIC => basic::decide(cx, &open, file, request.buffer),
                FileInformationClass::POSITION => handle::set_position(cx, file, request.buffer),
                FileInformationClass::MODE => handle::set_mode(cx, file, request.buffer),
                FileInformationClass::SHORT_NAME => handle::set_short_name(cx, &open, file, request.buffer),
                FileInformationClass::FULL_EA => extended_attributes::decide(cx, &open, file, request.buffer),
                FileInformationClass::ALLOCATION
                | FileInformationClass::END_OF_FILE
                | FileInformationClass::VALID_DATA_LENGTH => {
                    size::decide(cx, &open, file, class, request.buffer)
                }
                _ => Err(CommandError::Internal("a class that was let through")),
            }
        }
        (InfoType::FILE, Target::Pipe(_)) => handle::set_pipe(cx, &open, &request),
        (InfoType::FILESYSTEM, _) if request.file_info_class == FsInformationClass::CONTROL.0 => {
            quota::decide_control(cx, &open, request.buffer)
        }
        (InfoType::FILESYSTEM, _) => Err(file_system(FsInformationClass(request.file_info_class)).into()),
        (InfoType::SECURITY, _) => security::decide(&open, &request),
        (InfoType::QUOTA, _) => quota::decide(cx, &open, request.buffer),
        (InfoType::FILE, Target::QuotaIndex(_)) => Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
        _ => Err(NtStatus::INVALID_PARAMETER.into()),
    }
}

/// Class, length and access of a change of a file (3.3.5.21.1).
fn check_file(open: &Open, request: &SetInfoRequest<'_>) -> Result<FileInformationClass, CommandError> {
    let class = FileInformationClass(request.file_info_class);
    let needed = match class {
        FileInformationClass::BASIC => AccessMask::FILE_WRITE_ATTRIBUTES,
        FileInformationClass::RENAME | FileInformationClass::DISPOSITION => AccessMask::DELETE,
        FileInformationClass::ALLOCATION
        | FileInformationClass::END_OF_FILE
        | FileInformationClass::VALID_DATA_LENGTH => AccessMask::FILE_WRITE_DATA,
        FileInformationClass::FULL_EA => AccessMask::FILE_WRITE_EA,
        FileInformationClass::LINK | FileInformationClass::POSITION | FileInformationClass::MODE => {
            AccessMask::EMPTY
        }
        FileInformationClass::SHORT_NAME => AccessMask::DELETE,
        // 3.3.5.21.1: NOT_SUPPORTED for what can be set, if not here; what can only be asked for is no class of this command.
        // [MS-FSA] 2.1.5.15.9, .11 and .13 say the same of three more.
        FileInformationClass::OBJECT_ID
        | FileInformationClass::QUOTA
        | FileInformationClass::SFIO_RESERVE => {
            return Err(NtStatus::NOT_SUPPORTED.into());
        }
        other if other.minimum_set_length().is_some() => return Err(NtStatus::NOT_SUPPORTED.into()),
        _ => return Err(NtStatus::INVALID_INFO_CLASS.into()),
    };
    if class.minimum_set_length().is_some_and(|least| request.buffer.len() < least) {
        return Err(NtStatus::INFO_LENGTH_MISMATCH.into());
    }
    if !open.granted.contains(needed) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    Ok(class)
}

/// 3.3.5.21.2 Handling SMB2_0_INFO_FILESYSTEM: nothing else of the volume is set through a share. NOT_SUPPORTED for a class
/// that [MS-FSCC] 2.5 has for setting or for local use, INVALID_INFO_CLASS for one that can only be asked for.
fn file_system(class: FsInformationClass) -> NtStatus {
    match class {
        FsInformationClass::DRIVER_PATH => NtStatus::NOT_SUPPORTED,
        class if class.minimum_set_length().is_some() => NtStatus::NOT_SUPPORTED,
        _ => NtStatus::INVALID_INFO_CLASS,
    }
}

/// A new name that is longer than its buffer ([MS-FSA] 2.1.5.15.7, 2.1.5.15.12); the fixed part is there.
fn name_beyond(_: freehold_dtyp::DecodeError) -> CommandError {
    NtStatus::INVALID_PARAMETER.into()
}

/// A buffer that ends too early.
fn short(_: freehold_dtyp::DecodeError) -> CommandError {
    NtStatus::INFO_LENGTH_MISMATCH.into()
}

/// The reply: nothing but its size ([MS-SMB2] 2.2.40).
fn done(cx: &mut Context<'_>) -> StepResult {
    cx.reply(&SetInfoResponse)
}

/// Goes on with an operation's result.
///
/// # Errors
/// The class's.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    match pending {
        Pending::Rename(pending) => rename::finish(cx, pending, result),
        Pending::Disposition(pending) => disposition::finish(cx, pending, result),
        Pending::Basic(pending) => basic::finish(cx, &pending, result),
        Pending::Size(pending) => size::finish(cx, pending, result),
        Pending::ExtendedAttributes(pending) => extended_attributes::finish(cx, pending, result),
        Pending::Quota(pending) => quota::finish(cx, pending, result),
        Pending::Security(pending) => security::finish(cx, *pending, result),
    }
}

/// Goes on after a wake.
///
/// # Errors
/// The class's.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    match parked {
        Parked::Rename(parked) => rename::resume(cx, parked, wake),
        Parked::Disposition(parked) => disposition::resume(cx, parked, wake),
    }
}
