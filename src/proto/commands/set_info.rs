//! [MS-SMB2] 3.3.5.21 Receiving an SMB2 SET_INFO Request: the classes that change names.

use freehold_dtyp::{Decode, NtStatus};

use super::super::context::{Context, StepResult};
use super::super::event::Wake;
use super::super::op::OpResult;
use super::{disposition, rename};
use crate::fscc::FileInformationClass;
use crate::fscc::file_info::{DispositionInformation, RenameInformation};
use crate::smb2::set_info::SetInfoRequest;
use crate::smb2::{DecodeMessage, InfoType};

/// A request under way.
pub enum Pending {
    /// A rename or a link.
    Rename(rename::Pending),
    /// A deletion.
    Disposition(disposition::Pending),
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
}

/// Chooses the class.
///
/// # Errors
/// The class's.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = SetInfoRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    if request.info_type != InfoType::FILE {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    let short = |_| NtStatus::INFO_LENGTH_MISMATCH;
    match FileInformationClass(request.file_info_class) {
        FileInformationClass::RENAME => {
            let information = RenameInformation::from_bytes(request.buffer).map_err(short)?;
            rename::decide(cx, &open, rename::NameChange::Rename, &information)
        }
        FileInformationClass::LINK => {
            let information = RenameInformation::from_bytes(request.buffer).map_err(short)?;
            rename::decide(cx, &open, rename::NameChange::Link, &information)
        }
        FileInformationClass::DISPOSITION => {
            let information = DispositionInformation::from_bytes(request.buffer).map_err(short)?;
            disposition::decide(cx, &open, information.delete_pending)
        }
        _ => Err(NtStatus::NOT_SUPPORTED.into()),
    }
}

/// Goes on with an operation's result.
///
/// # Errors
/// The class's.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    match pending {
        Pending::Rename(pending) => rename::finish(cx, pending, result),
        Pending::Disposition(pending) => disposition::finish(cx, pending, result),
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
