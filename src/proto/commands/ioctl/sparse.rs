//! Holes: FSCTL_SET_SPARSE, FSCTL_SET_ZERO_DATA, FSCTL_QUERY_ALLOCATED_RANGES and FSCTL_FILE_LEVEL_TRIM
//! ([MS-FSA] 2.1.5.10, [MS-SMB2] 3.3.5.15.14).

use std::collections::VecDeque;

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, NtStatus, Writer};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::Open;
use super::super::super::status::CommandError;
use super::{Call, Work, is_directory};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::{
    AllocatedRange, FileLevelTrim, FileLevelTrimResponse, SetZeroData, decode_set_sparse,
};
use crate::fscc::notify::CompletionFilter;
use crate::vfs::{MetadataChange, VolumeIdentity};

/// Ranges of one FSCTL_FILE_LEVEL_TRIM.
const MAX_TRIM_RANGES: usize = 4096;
/// Ranges that one FSCTL_QUERY_ALLOCATED_RANGES reports at most; more is a BUFFER_OVERFLOW.
const MAX_ALLOCATED_RANGES: usize = 65_536;

/// FSCTL_QUERY_ALLOCATED_RANGES under way.
pub(super) struct Ranges {
    offset: u64,
    length_bytes: u64,
    /// Metadata is known: the file is sparse, and the volume was asked.
    asked: bool,
}

/// FSCTL_FILE_LEVEL_TRIM under way.
pub(super) struct Trim {
    rest: VecDeque<(u64, u64)>,
    processed: u32,
}

fn identity(open: &Open) -> Result<&VolumeIdentity, CommandError> {
    let volume = open.volume().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    Ok(&volume.identity)
}

/// FSCTL_SET_SPARSE: an attribute; holes are made by FSCTL_SET_ZERO_DATA.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER for a directory, INVALID_DEVICE_REQUEST where the volume has no holes.
pub(super) fn set_sparse(call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    let needed =
        AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA | AccessMask::FILE_WRITE_ATTRIBUTES;
    if !open.granted.intersects(needed) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if is_directory(file) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if !identity(&open)?.sparse {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    let sparse = Some(decode_set_sparse(&call.input));
    let change = MetadataChange { sparse, ..MetadataChange::default() };
    call.run(Op::SetMetadata { file: file.file.clone(), change }, Work::SetSparse)
}

/// Answers.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_set_sparse(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    result.done()?;
    let open = call.open()?;
    data_change::report(cx, &open, file_of(&open)?, CompletionFilter::ATTRIBUTES);
    call.done(cx)
}

/// FSCTL_SET_ZERO_DATA: never changes the size.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, FILE_LOCK_CONFLICT.
pub(super) fn zero_data(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if !open.granted.contains(AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let request = SetZeroData::from_bytes(&call.input)?;
    let number = |value: i64| u64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
    let (offset, end) = (number(request.file_offset)?, number(request.beyond_final_zero)?);
    let length_bytes = end.checked_sub(offset).ok_or(NtStatus::INVALID_PARAMETER)?;
    if is_directory(file) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if length_bytes == 0 {
        return call.done(cx);
    }
    data_change::admit(cx, &open, file, offset, length_bytes)?;
    call.run(Op::PunchHole { file: file.file.clone(), offset, length_bytes }, Work::ZeroData)
}

/// Answers.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_zero_data(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    result.done()?;
    let open = call.open()?;
    data_change::report_written(cx, &open, file_of(&open)?);
    call.done(cx)
}

/// FSCTL_QUERY_ALLOCATED_RANGES.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER.
pub(super) fn allocated_ranges(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if !open.granted.contains(AccessMask::FILE_READ_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    // A longer buffer is fine; only its start counts.
    let input = call.input.get(..AllocatedRange::FIXED_SIZE).ok_or(NtStatus::INVALID_PARAMETER)?;
    let request = AllocatedRange::from_bytes(input)?;
    let number = |value: i64| u64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
    let (offset, length_bytes) = (number(request.file_offset)?, number(request.length)?);
    if request.file_offset.checked_add(request.length).is_none() || is_directory(file) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if length_bytes == 0 {
        return call.done(cx);
    }
    let ranges = Ranges { offset, length_bytes, asked: false };
    call.run(Op::Metadata { file: file.file.clone() }, Work::Ranges(ranges))
}

/// Goes on with the metadata, then with the ranges. All of a file that is not sparse counts as allocated.
///
/// # Errors
/// BUFFER_TOO_SMALL when not one range fits.
pub(super) fn finish_ranges(
    cx: &mut Context<'_>,
    call: Call,
    mut ranges: Ranges,
    result: OpResult,
) -> StepResult {
    if ranges.asked {
        return answer_ranges(cx, &call, &result.ranges()?);
    }
    let metadata = result.metadata()?;
    let length_bytes = metadata.size_bytes.saturating_sub(ranges.offset).min(ranges.length_bytes);
    if length_bytes == 0 {
        return call.done(cx);
    }
    if !metadata.attributes.contains(FileAttributes::SPARSE_FILE) {
        return answer_ranges(cx, &call, &[(ranges.offset, length_bytes)]);
    }
    ranges.asked = true;
    let open = call.open()?;
    let file = file_of(&open)?.file.clone();
    // One more than fits shows that there are more.
    let fits = call.max_output.checked_div(AllocatedRange::FIXED_SIZE).unwrap_or(0);
    let limit = fits.min(MAX_ALLOCATED_RANGES).saturating_add(1);
    let op = Op::AllocatedRanges { file, offset: ranges.offset, length_bytes, limit };
    call.run(op, Work::Ranges(ranges))
}

fn answer_ranges(cx: &mut Context<'_>, call: &Call, ranges: &[(u64, u64)]) -> StepResult {
    let fits = call.max_output.checked_div(AllocatedRange::FIXED_SIZE).unwrap_or(0).min(MAX_ALLOCATED_RANGES);
    if fits == 0 && !ranges.is_empty() {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    let mut writer = Writer::new();
    for (offset, length) in ranges.iter().take(fits) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        AllocatedRange { file_offset: number(*offset), length: number(*length) }.encode(&mut writer);
    }
    let status = if ranges.len() > fits { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS };
    call.answer_bytes(cx, writer.as_slice(), status)
}

/// FSCTL_FILE_LEVEL_TRIM: the client does not need what is in the ranges any more. Whole allocation units are freed.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, FILE_LOCK_CONFLICT, INVALID_DEVICE_REQUEST where nothing can be freed.
pub(super) fn trim(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if !open.granted.contains(AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if !identity(&open)?.sparse {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    let request = FileLevelTrim::from_bytes(&call.input)?;
    let answers = call.max_output >= FileLevelTrimResponse::FIXED_SIZE || call.max_output == 0;
    if request.key != 0
        || request.count() == 0
        || request.count() > MAX_TRIM_RANGES
        || !answers
        || is_directory(file)
    {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let unit = u64::from(identity(&open)?.allocation_unit_bytes).max(1);
    let mut rest = VecDeque::with_capacity(request.count());
    for range in request.ranges() {
        let end = range.offset.checked_add(range.length).filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(NtStatus::INVALID_PARAMETER)?;
        data_change::admit(cx, &open, file, range.offset, range.length)?;
        let first = range.offset.checked_next_multiple_of(unit).unwrap_or(u64::MAX);
        let whole = end.saturating_sub(end.checked_rem(unit).unwrap_or(0)).saturating_sub(first);
        rest.push_back((first, whole));
    }
    next_trim(cx, call, Trim { rest, processed: 0 })
}

fn next_trim(cx: &mut Context<'_>, call: Call, mut trim: Trim) -> StepResult {
    while let Some((offset, length_bytes)) = trim.rest.pop_front() {
        trim.processed = trim.processed.saturating_add(1);
        if length_bytes != 0 {
            let open = call.open()?;
            let file = file_of(&open)?.file.clone();
            return call.run(Op::PunchHole { file, offset, length_bytes }, Work::Trim(trim));
        }
    }
    if call.max_output == 0 {
        return call.done(cx);
    }
    call.answer(cx, &FileLevelTrimResponse { num_ranges_processed: trim.processed })
}

/// Goes on with the next range.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_trim(cx: &mut Context<'_>, call: Call, trim: Trim, result: OpResult) -> StepResult {
    result.done()?;
    next_trim(cx, call, trim)
}
