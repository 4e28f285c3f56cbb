//! [MS-SMB2] 3.3.5.21.3 Handling SMB2_0_INFO_SECURITY, [MS-FSA] 2.1.5.17 Server Requests Setting of Security Information.

use std::sync::Arc;

use freehold_acl::{SecurityDescriptor, SecurityInformation, SetSecurityError, access_to_set, set_security};
use freehold_dtyp::{Decode, NtStatus};

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::Open;
use super::super::super::status::CommandError;
use super::done;
use crate::fscc::notify::CompletionFilter;
use crate::smb2::set_info::SetInfoRequest;

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
    stage: Stage,
}

enum Stage {
    /// The present descriptor is read; these parts of it are replaced.
    Reading(SecurityInformation, Box<SecurityDescriptor>),
    /// The new one is stored.
    Storing,
}

/// Checks access, reads the new descriptor and asks for the present one.
///
/// # Errors
/// ACCESS_DENIED, INVALID_SECURITY_DESCR; NOT_SUPPORTED for a pipe.
pub fn decide(open: &Arc<Open>, request: &SetInfoRequest<'_>) -> StepResult {
    let file = open.as_file().ok_or(NtStatus::NOT_SUPPORTED)?;
    let information = SecurityInformation(request.additional_information);
    if !open.granted.contains(access_to_set(information)) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let new = SecurityDescriptor::from_bytes(request.buffer).map_err(|_| NtStatus::INVALID_SECURITY_DESCR)?;
    let op = Op::Security { file: file.file.clone() };
    then(open, op, Stage::Reading(information, Box::new(new)))
}

fn then(open: &Arc<Open>, op: Op, stage: Stage) -> StepResult {
    let pending = Pending { open: Arc::clone(open), stage };
    let pending = super::Pending::Security(Box::new(pending));
    Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
}

/// Stores the new descriptor, then tells who watches.
///
/// # Errors
/// INVALID_OWNER, INVALID_PRIMARY_GROUP, PRIVILEGE_NOT_HELD, and what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let file = file_of(&pending.open)?;
    match pending.stage {
        Stage::Reading(information, new) => {
            let current = result.security()?;
            let changed = set_security(&current, &new, information, &*cx.token()?).map_err(refused)?;
            let op =
                Op::SetSecurity { file: file.file.clone(), security: Arc::new(changed), now: cx.now.wall };
            then(&pending.open, op, Stage::Storing)
        }
        Stage::Storing => {
            result.done()?;
            data_change::report(cx, &pending.open, file, CompletionFilter::SECURITY);
            done(cx)
        }
    }
}

fn refused(error: SetSecurityError) -> CommandError {
    CommandError::Status(match error {
        SetSecurityError::InvalidOwner => NtStatus::INVALID_OWNER,
        SetSecurityError::InvalidPrimaryGroup => NtStatus::INVALID_PRIMARY_GROUP,
        SetSecurityError::PrivilegeNotHeld => NtStatus::PRIVILEGE_NOT_HELD,
        SetSecurityError::TooLarge => NtStatus::INVALID_SECURITY_DESCR,
    })
}
