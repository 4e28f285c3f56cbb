//! FSCTL_QUERY_FILE_REGIONS ([MS-FSA] 2.1.5.10.24): how far the data of a file is valid. What was never written reads as zeros
//! here, so that all of a file is.

use freehold_dtyp::{Decode, Encode, NtStatus, Writer};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::{Call, Work, is_directory};
use crate::fscc::fsctl::{FileRegion, FileRegionInput, FileRegionOutput, REGION_VALID_CACHED_DATA};

/// Bytes of an answer with one region; there never are more.
const ANSWER_BYTES: usize = FileRegionOutput::FIXED_SIZE + FileRegion::FIXED_SIZE;

/// A request under way: the part of the file that it is about, in bytes.
pub(super) struct Regions {
    offset: u64,
    length_bytes: u64,
}

/// Checks the request and asks for the size. Without input it is about the whole file. Of the usages, only that of NTFS is known.
///
/// # Errors
/// INVALID_PARAMETER, BUFFER_TOO_SMALL.
pub(super) fn query(call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if is_directory(file) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let mut regions = Regions { offset: 0, length_bytes: u64::MAX };
    if !call.input.is_empty() {
        let input = call.input.get(..FileRegionInput::FIXED_SIZE).ok_or(NtStatus::BUFFER_TOO_SMALL)?;
        let wanted = FileRegionInput::from_bytes(input)?;
        let number = |value: i64| u64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
        regions = Regions { offset: number(wanted.file_offset)?, length_bytes: number(wanted.length)? };
        if wanted.file_offset.checked_add(wanted.length).is_none()
            || wanted.desired_usage != REGION_VALID_CACHED_DATA
        {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
    }
    if call.max_output < ANSWER_BYTES {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    let op = Op::Metadata { file: file.file.clone() };
    call.run(op, Work::Regions(regions))
}

/// Answers with the one region that there is, or with none for a part behind the end.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish(cx: &mut Context<'_>, call: &Call, regions: &Regions, result: OpResult) -> StepResult {
    let size_bytes = result.metadata()?.size_bytes;
    let length = size_bytes.saturating_sub(regions.offset).min(regions.length_bytes);
    let count = u32::from(length > 0);
    let mut writer = Writer::new();
    FileRegionOutput { flags: 0, total_region_entry_count: count, region_entry_count: count }
        .encode(&mut writer);
    if length > 0 {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        FileRegion {
            file_offset: number(regions.offset),
            length: number(length),
            usage: REGION_VALID_CACHED_DATA,
        }
        .encode(&mut writer);
    }
    call.answer_bytes(cx, writer.as_slice(), NtStatus::SUCCESS)
}
