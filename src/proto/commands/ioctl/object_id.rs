//! Object ids ([MS-FSCC] 2.1.3, [MS-FSA] 2.1.5.10 FSCTL_CREATE_OR_GET_OBJECT_ID, FSCTL_GET_OBJECT_ID,
//! FSCTL_SET_OBJECT_ID, FSCTL_SET_OBJECT_ID_EXTENDED, FSCTL_DELETE_OBJECT_ID): what link tracking knows a file by.
//!
//! An id that is made here is the volume's id with the file's own in it: no other file has it, and nothing is asked of
//! the system.

use freehold_acl::{AccessMask, Privileges};
use freehold_dtyp::{Decode, Encode, Guid, NtStatus};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::{Call, Work};
use crate::fscc::fsctl::{FsctlCode, ObjectIdBuffer, ObjectIdExtended};
use crate::vfs::{ObjectId, VfsError};

/// A request under way.
pub(super) enum Stage {
    /// What the file has is asked for.
    Asking,
    /// The file gets this id, which is told.
    Giving(ObjectIdBuffer),
    /// The file gets another id or loses its own; nothing is told.
    Changing,
}

/// Checks form and access, then asks for the id that the file has, or gives it another.
///
/// # Errors
/// INVALID_PARAMETER, ACCESS_DENIED, MEDIA_WRITE_PROTECTED.
pub(super) fn decide(cx: &mut Context<'_>, call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    match call.code {
        FsctlCode::CREATE_OR_GET_OBJECT_ID | FsctlCode::GET_OBJECT_ID => {
            if call.max_output < ObjectIdBuffer::FIXED_SIZE {
                return Err(NtStatus::INVALID_PARAMETER.into());
            }
            ask(call, file)
        }
        FsctlCode::SET_OBJECT_ID => {
            // Who restores may say what a file was known by.
            if !cx.token()?.has(Privileges::RESTORE) {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
            decode::<ObjectIdBuffer>(&call, ObjectIdBuffer::FIXED_SIZE)?;
            ask(call, file)
        }
        FsctlCode::SET_OBJECT_ID_EXTENDED => {
            check_write(&open)?;
            decode::<ObjectIdExtended>(&call, ObjectIdExtended::FIXED_SIZE)?;
            ask(call, file)
        }
        _ => {
            check_write(&open)?;
            change(call, file, None, Stage::Changing)
        }
    }
}

/// Goes on with what the file has, or answers.
///
/// # Errors
/// OBJECTID_NOT_FOUND, OBJECT_NAME_COLLISION for a file that has one, DUPLICATE_NAME for one that another file has.
pub(super) fn finish(cx: &mut Context<'_>, call: Call, stage: Stage, result: OpResult) -> StepResult {
    match stage {
        Stage::Asking => known(cx, call, result.object_id()?),
        Stage::Giving(given) => {
            result.done()?;
            call.answer(cx, &given)
        }
        Stage::Changing => {
            match result {
                OpResult::Done(Err(VfsError::Exists)) => return Err(NtStatus::DUPLICATE_NAME.into()),
                other => other.done()?,
            }
            call.done(cx)
        }
    }
}

fn known(cx: &mut Context<'_>, call: Call, found: Option<ObjectId>) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    match (call.code, found) {
        (FsctlCode::CREATE_OR_GET_OBJECT_ID | FsctlCode::GET_OBJECT_ID, Some(found)) => {
            call.answer(cx, &buffer_of(&found)?)
        }
        (FsctlCode::CREATE_OR_GET_OBJECT_ID, None) => {
            let made = make(&open, file)?;
            change(call, file, Some(object_id_of(&made)?), Stage::Giving(made))
        }
        (FsctlCode::SET_OBJECT_ID, Some(_)) => Err(NtStatus::OBJECT_NAME_COLLISION.into()),
        (FsctlCode::SET_OBJECT_ID, None) => {
            let wanted = decode::<ObjectIdBuffer>(&call, ObjectIdBuffer::FIXED_SIZE)?;
            change(call, file, Some(object_id_of(&wanted)?), Stage::Changing)
        }
        (FsctlCode::SET_OBJECT_ID_EXTENDED, Some(mut found)) => {
            found.extended = *call.input.first_chunk().ok_or(NtStatus::INVALID_PARAMETER)?;
            change(call, file, Some(found), Stage::Changing)
        }
        _ => Err(NtStatus::OBJECTID_NOT_FOUND.into()),
    }
}

/// The id of a file that gets its first one.
fn make(open: &Open, file: &FileOpen) -> Result<ObjectIdBuffer, CommandError> {
    let volume = open.volume().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    let birth_volume_id = volume.identity.guid;
    let mut id = birth_volume_id.0;
    let node = file.node.key.id.0.to_le_bytes();
    id.iter_mut().zip(node).for_each(|(byte, other)| *byte ^= other);
    let object_id = Guid(id);
    Ok(ObjectIdBuffer { object_id, birth_volume_id, birth_object_id: object_id, domain_id: Guid::ZERO })
}

fn ask(call: Call, file: &FileOpen) -> StepResult {
    call.run(Op::ObjectId { file: file.file.clone() }, Work::ObjectId(Stage::Asking))
}

fn change(call: Call, file: &FileOpen, object_id: Option<ObjectId>, stage: Stage) -> StepResult {
    let object_id = object_id.map(Box::new);
    call.run(Op::SetObjectId { file: file.file.clone(), object_id }, Work::ObjectId(stage))
}

fn check_write(open: &Open) -> Result<(), CommandError> {
    let needed = AccessMask::FILE_WRITE_DATA | AccessMask::FILE_WRITE_ATTRIBUTES;
    if open.granted.intersects(needed) { Ok(()) } else { Err(NtStatus::ACCESS_DENIED.into()) }
}

/// The input, which has exactly this size.
fn decode<'a, T: Decode<'a>>(call: &'a Call, size: usize) -> Result<T, CommandError> {
    if call.input.len() != size {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    Ok(T::from_bytes(&call.input)?)
}

fn object_id_of(buffer: &ObjectIdBuffer) -> Result<ObjectId, CommandError> {
    let bytes = buffer.to_bytes();
    let extended = bytes.get(16..).and_then(|rest| rest.first_chunk());
    let extended = extended.ok_or(CommandError::Internal("an object id has 64 bytes"))?;
    Ok(ObjectId { id: buffer.object_id, extended: *extended })
}

fn buffer_of(object_id: &ObjectId) -> Result<ObjectIdBuffer, CommandError> {
    let extended = ObjectIdExtended::from_bytes(&object_id.extended)?;
    Ok(ObjectIdBuffer {
        object_id: object_id.id,
        birth_volume_id: extended.birth_volume_id,
        birth_object_id: extended.birth_object_id,
        domain_id: extended.domain_id,
    })
}
