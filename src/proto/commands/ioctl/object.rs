//! Control codes for what a file has besides its data: snapshots ([MS-SMB2] 3.3.5.15.1), object ids, compression
//! and path names ([MS-FSA] 2.1.5.10).

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Guid, NtStatus, Writer};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::{Call, Work};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::snapshots::SnapshotArray;
use crate::fscc::fsctl::{CompressionState, ObjectIdBuffer};
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

/// FSCTL_CREATE_OR_GET_OBJECT_ID and FSCTL_GET_OBJECT_ID: every file has an object id, made of the volume's id and the
/// file's own, so that it is unique and stays.
///
/// # Errors
/// INVALID_PARAMETER when the id does not fit.
pub(super) fn object_id(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if call.max_output < ObjectIdBuffer::FIXED_SIZE {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let volume = open.volume().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    let birth_volume_id = volume.identity.guid;
    let mut id = birth_volume_id.0;
    let node = file.node.key.id.0.to_le_bytes();
    id.iter_mut().zip(node).for_each(|(byte, other)| *byte ^= other);
    let object_id = Guid(id);
    call.answer(
        cx,
        &ObjectIdBuffer { object_id, birth_volume_id, birth_object_id: object_id, domain_id: Guid::ZERO },
    )
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

/// FSCTL_IS_PATHNAME_VALID: [MS-FSA] 2.1.5.10 answers success to any name.
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a pipe.
pub(super) fn is_pathname_valid(cx: &mut Context<'_>, call: &Call) -> StepResult {
    file_of(&*call.open()?)?;
    call.done(cx)
}
