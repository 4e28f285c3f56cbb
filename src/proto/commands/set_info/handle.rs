//! What SET_INFO changes of the open itself, not of the file: [MS-FSA] 2.1.5.15.10 FilePositionInformation, 2.1.5.15.9
//! FileModeInformation, [MS-FSCC] 2.4.37 FilePipeInformation.

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, NtStatus};

use super::super::super::context::{Context, StepResult};
use super::super::super::open::{FileOpen, Open};
use super::{done, short};
use crate::fscc::FileInformationClass;
use crate::fscc::file_info::{FileMode, ModeInformation, PipeInformation, PositionInformation};
use crate::smb2::create::CreateOptions;
use crate::smb2::set_info::SetInfoRequest;

/// What positions of unbuffered handles must be a multiple of, in bytes.
const SECTOR_BYTES: u64 = 512;
/// ReadMode: messages.
const READ_MESSAGES: u32 = 1;

/// CurrentByteOffset.
///
/// # Errors
/// INVALID_PARAMETER for a negative one, and for one that an unbuffered handle cannot have.
pub fn set_position(cx: &mut Context<'_>, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let wanted = buffer.get(..PositionInformation::FIXED_SIZE).unwrap_or(buffer);
    let wanted = PositionInformation::from_bytes(wanted).map_err(short)?;
    let position = u64::try_from(wanted.current_byte_offset).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let unbuffered =
        CreateOptions::from(file.create_options).contains(CreateOptions::NO_INTERMEDIATE_BUFFERING);
    if unbuffered && !position.is_multiple_of(SECTOR_BYTES) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    file.state.lock().position = position;
    done(cx)
}

/// Mode.
///
/// # Errors
/// INVALID_PARAMETER for what cannot be changed on an open handle.
pub fn set_mode(cx: &mut Context<'_>, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let wanted = buffer.get(..ModeInformation::FIXED_SIZE).unwrap_or(buffer);
    let mode = ModeInformation::from_bytes(wanted).map_err(short)?.mode;
    let both = FileMode::SYNCHRONOUS_IO_ALERT | FileMode::SYNCHRONOUS_IO_NONALERT;
    if !FileMode::SETTABLE.contains(mode) || mode.contains(both) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    file.state.lock().mode = Some(mode.bits());
    done(cx)
}

/// ReadMode and CompletionMode of a pipe: messages are what there is.
///
/// # Errors
/// INFO_LENGTH_MISMATCH, ACCESS_DENIED, INVALID_PARAMETER, NOT_SUPPORTED for bytes and for every other class.
pub fn set_pipe(cx: &mut Context<'_>, open: &Open, request: &SetInfoRequest<'_>) -> StepResult {
    let class = FileInformationClass(request.file_info_class);
    if !class.is_defined() {
        return Err(NtStatus::INVALID_INFO_CLASS.into());
    }
    if class != FileInformationClass::PIPE {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    let wanted = request.buffer.get(..PipeInformation::FIXED_SIZE).unwrap_or(request.buffer);
    let wanted = PipeInformation::from_bytes(wanted).map_err(short)?;
    if !open.granted.contains(AccessMask::FILE_WRITE_ATTRIBUTES) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    match (wanted.read_mode, wanted.completion_mode) {
        (READ_MESSAGES, 0 | 1) => done(cx),
        (0, 0 | 1) => Err(NtStatus::NOT_SUPPORTED.into()),
        _ => Err(NtStatus::INVALID_PARAMETER.into()),
    }
}
