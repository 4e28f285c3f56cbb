//! [MS-FSA] 2.1.5.15.6 FileFullEaInformation.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change::{self, Care};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::done;
use crate::fscc::full_ea::FullEas;
use crate::fscc::notify::CompletionFilter;
use crate::vfs::{ExtendedAttribute, Metadata, RESERVED_EA};

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
    stage: Stage,
}

enum Stage {
    /// What the file is before is asked for.
    Before(Vec<ExtendedAttribute>),
    /// The attributes are set; what the file was before, where something of it must be put back, or added.
    Setting(Option<Metadata>),
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
    match data_change::care_of(file) {
        Care::None => set(cx, open, file, changes, None),
        Care::Archive | Care::KeepTimes => {
            then(open, Op::Metadata { file: file.file.clone() }, Stage::Before(changes))
        }
    }
}

fn set(
    cx: &Context<'_>,
    open: &Arc<Open>,
    file: &FileOpen,
    changes: Vec<ExtendedAttribute>,
    before: Option<Metadata>,
) -> StepResult {
    let op = Op::SetExtendedAttributes { file: file.file.clone(), changes, now: cx.now.wall };
    then(open, op, Stage::Setting(before))
}

fn then(open: &Arc<Open>, op: Op, stage: Stage) -> StepResult {
    let pending = super::Pending::ExtendedAttributes(Pending { open: Arc::clone(open), stage });
    Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
}

/// Goes on with what the file was, then tells who watches: the file is to be archived, too.
///
/// # Errors
/// EA_TOO_LARGE and what else the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { open, stage } = pending;
    let file = file_of(&open)?;
    match stage {
        Stage::Before(changes) => {
            let before = result.metadata()?;
            set(cx, &open, file, changes, Some(before))
        }
        Stage::Setting(before) => {
            result.done()?;
            if let Some(before) = before {
                data_change::settle(cx, file, &before);
            }
            data_change::report(cx, &open, file, CompletionFilter::EA | CompletionFilter::ATTRIBUTES);
            done(cx)
        }
    }
}
