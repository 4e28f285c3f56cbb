//! Control codes for what a file has besides its data: snapshots ([MS-SMB2] 3.3.5.15.1), compression, regions
//! and path names ([MS-FSA] 2.1.5.10).

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, NtStatus, Writer};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::status::CommandError;
use super::{Call, Work, is_directory};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::snapshots::SnapshotArray;
use crate::fscc::fsctl::{
    CompressionState, FileRegion, FileRegionInput, FileRegionOutput, REGION_VALID_CACHED_DATA,
};
use crate::fscc::notify::CompletionFilter;

/// [MS-SMB2] 3.3.5.15.1 Handling an Enumeration of Previous Versions Request.
///
/// # Errors
/// INVALID_PARAMETER for an output of less than 16 bytes.
pub(super) fn snapshots(call: Call) -> StepResult {
    let open = call.open()?;
    file_of(&open)?;
    if call.max_output < SnapshotArray::MINIMUM_OUTPUT {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let (volume, _) = open.tree.disk().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    call.run(Op::Snapshots { volume: volume.clone() }, Work::Snapshots)
}

/// Answers with the tokens, the newest first, or with the space they need.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_snapshots(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    let times = result.snapshots()?;
    let mut writer = Writer::new();
    SnapshotArray::encode(&times, call.max_output, &mut writer);
    call.answer_bytes(cx, writer.as_slice(), NtStatus::SUCCESS)
}

/// FSCTL_GET_COMPRESSION.
///
/// # Errors
/// INVALID_PARAMETER for an output of less than 2 bytes.
pub(super) fn get_compression(call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?.file.clone();
    if call.max_output < CompressionState::FIXED_SIZE {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    call.run(Op::Metadata { file }, Work::GetCompression)
}

/// Answers: what is compressed is told to be so in the one way that Windows knows.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_get_compression(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    let compressed = result.metadata()?.attributes.contains(FileAttributes::COMPRESSED);
    let compression_state = if compressed { CompressionState::LZNT1 } else { CompressionState::NONE };
    call.answer(cx, &CompressionState { compression_state })
}

/// FSCTL_SET_COMPRESSION: where the volume does not compress, only "not compressed" can be set, and is the case already.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, NOT_SUPPORTED.
pub(super) fn set_compression(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?.file.clone();
    if !open.granted.contains(AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let compressed = match CompressionState::from_bytes(&call.input)?.compression_state {
        CompressionState::NONE => false,
        CompressionState::DEFAULT | CompressionState::LZNT1 => true,
        _ => return Err(NtStatus::INVALID_PARAMETER.into()),
    };
    if !compressed && !open.volume().is_some_and(|volume| volume.identity.compression) {
        return call.done(cx);
    }
    call.run(Op::SetCompressed { file, compressed }, Work::SetCompression)
}

/// Answers.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_set_compression(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    result.done()?;
    let open = call.open()?;
    data_change::report(cx, &open, file_of(&open)?, CompletionFilter::ATTRIBUTES);
    call.done(cx)
}

/// FSCTL_QUERY_FILE_REGIONS: which parts of a file hold valid data. Here all of a file is valid: what was never written
/// reads as zeros.
///
/// # Errors
/// INVALID_PARAMETER for a directory, a range that is none, and a usage other than valid cached data.
pub(super) fn file_regions(call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    let asked = regions_asked(&call)?;
    let is_range = asked.file_offset >= 0
        && asked.length >= 0
        && asked.file_offset.checked_add(asked.length).is_some()
        && asked.desired_usage & REGION_VALID_CACHED_DATA != 0;
    if is_directory(file) || !is_range {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if call.max_output < FileRegionOutput::FIXED_SIZE {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    let file = file.file.clone();
    call.run(Op::Metadata { file }, Work::Regions)
}

/// The input; without one the whole file is meant.
fn regions_asked(call: &Call) -> Result<FileRegionInput, CommandError> {
    if call.input.is_empty() {
        let desired_usage = REGION_VALID_CACHED_DATA;
        return Ok(FileRegionInput { file_offset: 0, length: i64::MAX, desired_usage });
    }
    let input = call.input.get(..FileRegionInput::FIXED_SIZE).ok_or(NtStatus::INVALID_PARAMETER)?;
    Ok(FileRegionInput::from_bytes(input)?)
}

/// Answers with the one region.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish_file_regions(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    let size = i64::try_from(result.metadata()?.size_bytes).unwrap_or(i64::MAX);
    let asked = regions_asked(call)?;
    let length = size.saturating_sub(asked.file_offset).min(asked.length);
    let there = u32::from(length > 0);
    let room = call.max_output.saturating_sub(FileRegionOutput::FIXED_SIZE) >= FileRegion::FIXED_SIZE;
    let given = if room { there } else { 0 };
    let mut writer = Writer::new();
    FileRegionOutput { flags: 0, total_region_entry_count: there, region_entry_count: given }
        .encode(&mut writer);
    if given != 0 {
        let usage = REGION_VALID_CACHED_DATA;
        FileRegion { file_offset: asked.file_offset, length, usage }.encode(&mut writer);
    }
    let status = if given == there { NtStatus::SUCCESS } else { NtStatus::BUFFER_OVERFLOW };
    call.answer_bytes(cx, writer.as_slice(), status)
}

/// FSCTL_IS_PATHNAME_VALID: [MS-FSA] 2.1.5.10 answers success to any name.
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a pipe.
pub(super) fn is_pathname_valid(cx: &mut Context<'_>, call: &Call) -> StepResult {
    file_of(&*call.open()?)?;
    call.done(cx)
}
