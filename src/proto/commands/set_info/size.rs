//! [MS-FSA] 2.1.5.15.1 FileAllocationInformation, 2.1.5.15.5 FileEndOfFileInformation, 2.1.5.15.15
//! FileValidDataLengthInformation.

use std::sync::Arc;

use freehold_acl::Privileges;
use freehold_dtyp::{Decode, NtStatus};

use super::super::super::caching;
use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change::{self, Care};
use super::super::super::limits;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::{done, short};
use crate::fscc::file_info::{AllocationInformation, EndOfFileInformation, ValidDataLengthInformation};
use crate::fscc::notify::CompletionFilter;
use crate::fscc::{FileAttributes, FileInformationClass};
use crate::vfs::{Metadata, MetadataChange, NodeKind};

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
    stage: Stage,
}

enum Stage {
    /// What the file is before its size is set.
    BeforeSize(u64),
    /// The size is set; what the file was before, where something of it must be put back.
    Sizing(Option<Metadata>),
    /// What the file is before its allocation is set.
    BeforeAllocation(u64),
    /// Space is reserved; what the file was before.
    Allocating(Metadata),
    /// The size is read, which the valid data length may not pass.
    ValidData(u64),
}

/// Checks the value and starts the change.
///
/// # Errors
/// INVALID_PARAMETER for negative values, for more than a file can hold, and for directories; PRIVILEGE_NOT_HELD for a valid data
/// length.
pub fn decide(
    cx: &mut Context<'_>,
    open: &Arc<Open>,
    file: &FileOpen,
    class: FileInformationClass,
    buffer: &[u8],
) -> StepResult {
    let value = match class {
        FileInformationClass::ALLOCATION => {
            fixed(buffer).map(|size: AllocationInformation| size.allocation_size)
        }
        FileInformationClass::END_OF_FILE => fixed(buffer).map(|size: EndOfFileInformation| size.end_of_file),
        _ => fixed(buffer).map(|size: ValidDataLengthInformation| size.valid_data_length),
    };
    let value = value.map_err(short)?;
    if class == FileInformationClass::VALID_DATA_LENGTH && !cx.token()?.has(Privileges::MANAGE_VOLUME) {
        return Err(NtStatus::PRIVILEGE_NOT_HELD.into());
    }
    // No file is larger, and so is nothing that is valid in it.
    let bytes = u64::try_from(value).ok().filter(|bytes| *bytes <= limits::MAX_FILE_BYTES);
    let bytes = bytes.ok_or(NtStatus::INVALID_PARAMETER)?;
    if file.kind == NodeKind::Directory && file.stream.is_none() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    match class {
        FileInformationClass::ALLOCATION => {
            caching::break_for_data(cx.server, open, file, cx.now);
            then(open, Op::Metadata { file: file.file.clone() }, Stage::BeforeAllocation(bytes))
        }
        FileInformationClass::END_OF_FILE => {
            caching::break_for_data(cx.server, open, file, cx.now);
            match data_change::care_of(file) {
                Care::None => set_size(open, file, bytes, None),
                Care::Archive | Care::KeepTimes => {
                    then(open, Op::Metadata { file: file.file.clone() }, Stage::BeforeSize(bytes))
                }
            }
        }
        _ => then(open, Op::Metadata { file: file.file.clone() }, Stage::ValidData(bytes)),
    }
}

fn fixed<'a, T: Decode<'a>>(buffer: &'a [u8]) -> Result<T, freehold_dtyp::DecodeError> {
    T::decode(&mut freehold_dtyp::Reader::new(buffer))
}

fn then(open: &Arc<Open>, op: Op, stage: Stage) -> StepResult {
    let pending = super::Pending::Size(Pending { open: Arc::clone(open), stage });
    Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
}

fn set_size(open: &Arc<Open>, file: &FileOpen, size_bytes: u64, before: Option<Metadata>) -> StepResult {
    then(open, Op::SetSize { file: file.file.clone(), size_bytes }, Stage::Sizing(before))
}

/// Goes on with what the volume answered.
///
/// # Errors
/// DISK_FULL and what else the volume refuses; INVALID_PARAMETER for another valid data length than the one there is.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let open = &pending.open;
    let file = file_of(open)?;
    match pending.stage {
        Stage::BeforeSize(bytes) => set_size(open, file, bytes, Some(result.metadata()?)),
        Stage::Sizing(before) => {
            result.done()?;
            cx.before_reply.extend(cx.server.held_times.end(file, cx.now));
            if let Some(before) = before {
                data_change::settle(cx, file, &before);
            }
            data_change::mark_written(file);
            data_change::break_directory(cx, open, file);
            data_change::report_written(cx, open, file);
            done(cx)
        }
        Stage::BeforeAllocation(bytes) => {
            let before = result.metadata()?;
            if bytes < before.size_bytes {
                // Less space than data: the data is cut.
                return set_size(open, file, bytes, Some(before));
            }
            let op = Op::Allocate { file: file.file.clone(), allocated_bytes: bytes };
            then(open, op, Stage::Allocating(before))
        }
        Stage::Allocating(before) => {
            result.done()?;
            // Reserving space changes no data: LastWriteTime stays.
            let frozen = file.state.lock().frozen_times.changed;
            let changed = if frozen { before.changed } else { cx.now.wall };
            let change = MetadataChange {
                modified: Some(before.modified),
                changed: Some(changed),
                ..MetadataChange::default()
            };
            cx.before_reply.push_back(Op::SetMetadata { file: file.file.clone(), change });
            data_change::report(cx, open, file, CompletionFilter::SIZE);
            done(cx)
        }
        Stage::ValidData(bytes) => {
            let metadata = result.metadata()?;
            let holes = FileAttributes::SPARSE_FILE | FileAttributes::COMPRESSED;
            // All of a file is valid data here: what was never written reads as zeros. It does not get less, and not more.
            if bytes != metadata.size_bytes || metadata.attributes.intersects(holes) {
                return Err(NtStatus::INVALID_PARAMETER.into());
            }
            done(cx)
        }
    }
}
