//! What SET_INFO changes of the open itself, not of the file: [MS-FSA] 2.1.5.15.10 FilePositionInformation, 2.1.5.15.8
//! FileModeInformation, 2.1.5.15.14 FileShortNameInformation, [MS-FSCC] 2.4.37 FilePipeInformation.

use freehold_acl::{AccessMask, Privileges};
use freehold_dtyp::{Decode, NtStatus, Reader, Wtf8Buf};

use super::super::super::context::{Context, StepResult};
use super::super::super::open::{FileOpen, Open};
use super::{done, short};
use crate::fscc::FileInformationClass;
use crate::fscc::file_info::{
    FileMode, ModeInformation, NameInformation, PipeInformation, PositionInformation,
};
use crate::fscc::short_name::is_short_name;
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

/// Mode ([MS-FSA] 2.1.5.15.8).
///
/// # Errors
/// INVALID_PARAMETER for what cannot be changed on an open handle: whether it is synchronous is one of these.
pub fn set_mode(cx: &mut Context<'_>, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let wanted = buffer.get(..ModeInformation::FIXED_SIZE).unwrap_or(buffer);
    let mode = ModeInformation::from_bytes(wanted).map_err(short)?.mode;
    let held = file.mode();
    let both = FileMode::SYNCHRONOUS_IO_ALERT | FileMode::SYNCHRONOUS_IO_NONALERT;
    if !FileMode::SETTABLE.contains(mode)
        || mode.contains(both)
        || mode.intersects(both) != held.intersects(both)
    {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    // What is not buffered is written through, or not, as it was opened.
    let fixed = match held.contains(FileMode::NO_INTERMEDIATE_BUFFERING) {
        true => FileMode::WRITE_THROUGH,
        false => FileMode::empty(),
    };
    let mode = mode.difference(fixed) | held.intersection(fixed);
    file.state.lock().mode = Some(mode.bits());
    done(cx)
}

/// A short name ([MS-FSA] 2.1.5.15.14), in the order of that section. In the end nobody gives one: they follow from the long names.
///
/// # Errors
/// INFO_LENGTH_MISMATCH, INVALID_PARAMETER, ACCESS_DENIED, PRIVILEGE_NOT_HELD, or NOT_SUPPORTED.
pub fn set_short_name(cx: &Context<'_>, open: &Open, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let mut reader = Reader::new(buffer);
    let wanted: NameInformation<Wtf8Buf> = NameInformation::decode(&mut reader).map_err(short)?;
    let name = wanted.name.as_wtf8();
    let no_short_name = file.stream.is_some()
        || file.posix
        || file.file.0.path().is_root()
        || !(name.is_empty() || is_short_name(name));
    if no_short_name {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let goes = {
        let node = file.node.lock();
        node.is_delete_pending(file.stream_id, node.link_of(open.id()))
            || file.mode().contains(FileMode::DELETE_ON_CLOSE)
    };
    let needed = AccessMask::FILE_WRITE_DATA | AccessMask::FILE_WRITE_ATTRIBUTES;
    if goes || !open.granted.intersects(needed) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if !cx.token()?.has(Privileges::RESTORE) {
        return Err(NtStatus::PRIVILEGE_NOT_HELD.into());
    }
    Err(NtStatus::NOT_SUPPORTED.into())
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
