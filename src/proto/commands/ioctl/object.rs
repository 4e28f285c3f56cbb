//! Control codes that tell of a file what never changes here: snapshots ([MS-SMB2] 3.3.5.15.1), object ids, compression
//! and path names ([MS-FSA] 2.1.5.10).

use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Guid, NtStatus, Writer};

use super::super::super::context::{Context, StepResult, file_of};
use super::Call;
use crate::fscc::fsctl::snapshots::SnapshotArray;
use crate::fscc::fsctl::{CompressionState, ObjectIdBuffer};

/// [MS-SMB2] 3.3.5.15.1 Handling an Enumeration of Previous Versions Request: this server keeps no snapshots yet.
///
/// # Errors
/// INVALID_PARAMETER for an output of less than 16 bytes.
pub(super) fn snapshots(cx: &mut Context<'_>, call: &Call) -> StepResult {
    file_of(&*call.open()?)?;
    if call.max_output < SnapshotArray::MINIMUM_OUTPUT {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let mut writer = Writer::new();
    SnapshotArray::encode(&[], call.max_output, &mut writer);
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
    let (volume, _) = open.tree.disk().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
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

/// FSCTL_GET_COMPRESSION: nothing is compressed.
///
/// # Errors
/// INVALID_PARAMETER for an output of less than 2 bytes.
pub(super) fn get_compression(cx: &mut Context<'_>, call: &Call) -> StepResult {
    file_of(&*call.open()?)?;
    if call.max_output < CompressionState::FIXED_SIZE {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    call.answer(cx, &CompressionState { compression_state: CompressionState::NONE })
}

/// FSCTL_SET_COMPRESSION: only "not compressed" can be set, and is the case already.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, NOT_SUPPORTED.
pub(super) fn set_compression(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let open = call.open()?;
    file_of(&open)?;
    if !open.granted.contains(AccessMask::FILE_READ_DATA | AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    match CompressionState::from_bytes(&call.input)?.compression_state {
        CompressionState::NONE => call.done(cx),
        CompressionState::DEFAULT | CompressionState::LZNT1 => Err(NtStatus::NOT_SUPPORTED.into()),
        _ => Err(NtStatus::INVALID_PARAMETER.into()),
    }
}

/// FSCTL_IS_PATHNAME_VALID: [MS-FSA] 2.1.5.10 answers success to any name.
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a pipe.
pub(super) fn is_pathname_valid(cx: &mut Context<'_>, call: &Call) -> StepResult {
    file_of(&*call.open()?)?;
    call.done(cx)
}
