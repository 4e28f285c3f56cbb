//! [MS-SMB2] 3.3.5.15.17 and [MS-FSA] 2.1.5.10 FSCTL_DUPLICATE_EXTENTS_TO_FILE: two files share their blocks.

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, NtStatus};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{CopyRange, Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::super::super::under_way::Outstanding;
use super::{Call, Work, is_directory};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::{DuplicateExtents, DuplicateExtentsEx, FsctlCode};
use crate::smb2::FileId;
use crate::vfs::{Metadata, VfsError};

/// A request under way.
pub(super) struct Extents {
    /// The source, whose CLOSE comes behind the request as that of the target does.
    source: Outstanding,
    range: CopyRange,
    stage: Stage,
}

enum Stage {
    /// The source's metadata is asked for.
    Source,
    /// The target's metadata is asked for.
    Target(Box<Metadata>),
    /// The blocks are being shared.
    Clone(Box<Metadata>),
}

/// Checks access and the form of the ranges.
///
/// # Errors
/// INVALID_DEVICE_REQUEST where the volume cannot, INVALID_PARAMETER, INVALID_HANDLE for an unknown source,
/// ACCESS_DENIED, NOT_SUPPORTED.
pub(super) fn decide(cx: &mut Context<'_>, call: Call) -> StepResult {
    let target = call.open()?;
    let target_file = file_of(&target)?;
    let volume = target.volume().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    if !volume.identity.reflinks {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    if !target.granted.contains(AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let (source_id, range) = read_input(&call)?;
    let source = cx.session()?.open(source_id).ok_or(NtStatus::INVALID_HANDLE)?;
    let source_file = source.as_file().ok_or(NtStatus::INVALID_HANDLE)?;
    cx.audit.reads_from(&source);
    if !source.granted.intersects(AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let unit = u64::from(volume.identity.allocation_unit_bytes).max(1);
    let aligned = range.source_offset.is_multiple_of(unit) && range.offset.is_multiple_of(unit);
    if is_directory(target_file)
        || is_directory(source_file)
        || source_file.node.key.volume != target_file.node.key.volume
        || !aligned
    {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if data_change::same_stream(source_file, target_file) && overlaps(&range) {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    if range.length_bytes == 0 {
        return call.done(cx);
    }
    let file = source_file.file.clone();
    let source = Outstanding::enter(&source, None).ok_or(NtStatus::INVALID_HANDLE)?;
    call.run(Op::Metadata { file }, Work::Extents(Extents { source, range, stage: Stage::Source }))
}

fn read_input(call: &Call) -> Result<(FileId, CopyRange), CommandError> {
    let (persistent, volatile, source, target, count) = if call.code == FsctlCode::DUPLICATE_EXTENTS_TO_FILE {
        let request = DuplicateExtents::from_bytes(&call.input)?;
        (
            request.source_persistent,
            request.source_volatile,
            request.source_file_offset,
            request.target_file_offset,
            request.byte_count,
        )
    } else {
        let request = DuplicateExtentsEx::from_bytes(&call.input)?;
        if request.structure_size != DuplicateExtentsEx::STRUCTURE_SIZE
            || request.flags & !DuplicateExtentsEx::SOURCE_ATOMIC != 0
        {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        (
            request.source_persistent,
            request.source_volatile,
            request.source_file_offset,
            request.target_file_offset,
            request.byte_count,
        )
    };
    let number = |value: i64| u64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
    let range =
        CopyRange { source_offset: number(source)?, offset: number(target)?, length_bytes: number(count)? };
    // [MS-FSA]: offset and length together stay below 2^63.
    if end_of(range.source_offset, &range).is_none() || end_of(range.offset, &range).is_none() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    Ok((FileId { persistent, volatile }, range))
}

fn end_of(offset: u64, range: &CopyRange) -> Option<u64> {
    offset.checked_add(range.length_bytes).filter(|end| i64::try_from(*end).is_ok())
}

fn overlaps(range: &CopyRange) -> bool {
    range.source_offset.abs_diff(range.offset) < range.length_bytes
}

/// Goes on with the metadata of both files, then with the clone.
///
/// # Errors
/// NOT_SUPPORTED for ranges that are not within the files (a sparse target grows), and where a sparse file would get into one that is not;
/// what the volume refuses.
pub(super) fn finish(cx: &mut Context<'_>, call: Call, mut extents: Extents, result: OpResult) -> StepResult {
    let target = call.open()?;
    let file = file_of(&target)?;
    match extents.stage {
        Stage::Source => {
            extents.stage = Stage::Target(Box::new(result.metadata()?));
            call.run(Op::Metadata { file: file.file.clone() }, Work::Extents(extents))
        }
        Stage::Target(source) => {
            let metadata = result.metadata()?;
            check_files(&source, &metadata, &extents.range)?;
            // Byte-range locks do not hold it up, which is what Windows does; caches end all the same.
            super::super::super::caching::break_for_data(cx.server, &target, file, cx.now);
            let source_file = file_of(extents.source.open())?;
            let op = Op::CloneRange {
                source: source_file.file.clone(),
                file: file.file.clone(),
                range: extents.range,
            };
            extents.stage = Stage::Clone(Box::new(metadata));
            call.run(op, Work::Extents(extents))
        }
        Stage::Clone(before) => {
            match result {
                OpResult::Done(Err(VfsError::CrossDevice | VfsError::OutOfRange)) => {
                    return Err(NtStatus::INVALID_PARAMETER.into());
                }
                other => other.done()?,
            }
            written(cx, &target, file, &before);
            call.done(cx)
        }
    }
}

/// What follows a change of data whose metadata from before is known.
pub(super) fn written(cx: &mut Context<'_>, open: &Open, file: &FileOpen, before: &Metadata) {
    data_change::settle(cx, file, before);
    data_change::mark_written(file);
    data_change::report_written(cx, open, file);
}

fn check_files(source: &Metadata, target: &Metadata, range: &CopyRange) -> Result<(), CommandError> {
    let within = |offset: u64, size: u64| end_of(offset, range).is_some_and(|end| end <= size);
    let sparse = |metadata: &Metadata| metadata.attributes.contains(FileAttributes::SPARSE_FILE);
    // DIFFERS: the section has every target end behind the range; ReFS lets a sparse one grow (smb2.ioctl.dup_extents_sparse_dest).
    if !within(range.source_offset, source.size_bytes)
        || (!within(range.offset, target.size_bytes) && !sparse(target))
        || (sparse(source) && !sparse(target))
    {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    Ok(())
}
