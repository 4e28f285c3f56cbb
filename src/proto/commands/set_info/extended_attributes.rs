//! [MS-FSA] 2.1.5.15.6 FileFullEaInformation.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::done;
use crate::fscc::full_ea::FullEas;
use crate::fscc::notify::CompletionFilter;
use crate::vfs::{ExtendedAttribute, RESERVED_EA};

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
}

/// Reads the list and starts the change.
///
/// # Errors
/// EA_LIST_INCONSISTENT, INVALID_EA_NAME, ACCESS_DENIED for a name that the volume keeps to itself.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let mut changes = Vec::new();
    for entry in FullEas::new(buffer) {
        let entry = entry.map_err(|error| CommandError::Status(error.status()))?;
        if entry.name.eq_ignore_ascii_case(RESERVED_EA) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        changes.push(ExtendedAttribute {
            flags: entry.flags,
            name: entry.name.to_vec(),
            value: entry.value.to_vec(),
        });
    }
    if changes.is_empty() {
        return done(cx);
    }
    let op = Op::SetExtendedAttributes { file: file.file.clone(), changes, now: cx.now.wall };
    let pending = super::Pending::ExtendedAttributes(Pending { open: Arc::clone(open) });
    Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
}

/// Tells who watches.
///
/// # Errors
/// EA_TOO_LARGE and what else the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    result.done()?;
    data_change::report(cx, &pending.open, file_of(&pending.open)?, CompletionFilter::EA);
    done(cx)
}
