//! [MS-SMB2] 3.3.5.21.3 Handling SMB2_0_INFO_SECURITY, [MS-FSA] 2.1.5.17 Server Requests Setting of Security Information.

use std::sync::Arc;

use freehold_acl::{
    Control, SecurityDescriptor, SecurityInformation, SetSecurityError, access_to_set, set_security,
    sole_posix_mode, with_posix_mode,
};
use freehold_dtyp::{Decode, NtStatus};

use super::super::super::audit;
use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::done;
use crate::fscc::notify::CompletionFilter;
use crate::smb2::set_info::SetInfoRequest;
use crate::vfs::NodeKind;

/// How often a change starts again because somebody else changes the descriptor meanwhile.
const MAX_ATTEMPTS: u32 = 16;

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
    /// Parts that are replaced.
    information: SecurityInformation,
    /// By those of this one.
    new: Box<SecurityDescriptor>,
    attempts: u32,
    stage: Stage,
}

enum Stage {
    /// The present descriptor is read.
    Reading,
    /// The new one (the second) is stored, unless the present one (the first) is another by now.
    Storing(Arc<SecurityDescriptor>, Arc<SecurityDescriptor>),
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
    let mut new =
        SecurityDescriptor::from_bytes(request.buffer).map_err(|_| NtStatus::INVALID_SECURITY_DESCR)?;
    if open.volume().is_some_and(|volume| volume.identity.options.keep_auto_inherited) {
        // What is auto-inherited is taken as a request to keep it so.
        let auto = new.control & (Control::DACL_AUTO_INHERITED | Control::SACL_AUTO_INHERITED);
        new.control |= Control(auto.0 >> 2);
    }
    let op = Op::Security { file: file.file.clone() };
    let (open, new) = (Arc::clone(open), Box::new(new));
    Pending { open, information, new, attempts: 0, stage: Stage::Reading }.then(op)
}

impl Pending {
    /// SMB3 POSIX Extensions: chmod(2) is a DACL with nothing but a mode in it; what else the list says stays.
    fn posix_mode(&self, file: &FileOpen) -> Option<u32> {
        let only_dacl = self.information == SecurityInformation::DACL;
        if file.posix && only_dacl { sole_posix_mode(&self.new) } else { None }
    }

    fn then(self, op: Op) -> StepResult {
        let pending = super::Pending::Security(Box::new(self));
        Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
    }
}

/// Stores the new descriptor, then tells who watches.
///
/// # Errors
/// INVALID_OWNER, INVALID_PRIMARY_GROUP, PRIVILEGE_NOT_HELD, and what the volume refuses.
pub fn finish(cx: &mut Context<'_>, mut pending: Pending, result: OpResult) -> StepResult {
    let file = file_of(&pending.open)?;
    match pending.stage {
        Stage::Reading => {
            let current = result.security()?;
            let changed = match pending.posix_mode(file) {
                Some(mode) => {
                    with_posix_mode(&current, mode).map_err(|_| NtStatus::INVALID_SECURITY_DESCR)?
                }
                None => set_security(&current, &pending.new, pending.information, &*cx.token()?)
                    .map_err(refused)?,
            };
            let security = Arc::new(changed);
            audit::security_changes(cx, pending.information)?;
            let op = Op::ReplaceSecurity {
                file: file.file.clone(),
                expected: Arc::clone(&current),
                security: Arc::clone(&security),
                now: cx.now.wall,
            };
            pending.stage = Stage::Storing(current, security);
            pending.then(op)
        }
        Stage::Storing(ref old, ref new) if result.replaced()? => {
            if file.kind == NodeKind::Directory {
                cx.server.inheritance.folder_changed();
            }
            audit::security_changed(cx, &pending.open, pending.information, old, new)?;
            data_change::report(cx, &pending.open, file, CompletionFilter::SECURITY);
            done(cx)
        }
        // What the request does not name must be as it is now: the new descriptor is made again.
        Stage::Storing(..) if pending.attempts < MAX_ATTEMPTS => {
            let op = Op::Security { file: file.file.clone() };
            pending.attempts = pending.attempts.saturating_add(1);
            pending.stage = Stage::Reading;
            pending.then(op)
        }
        Stage::Storing(..) => Err(NtStatus::INSUFFICIENT_RESOURCES.into()),
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
