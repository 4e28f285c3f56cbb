//! FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT and FSCTL_DELETE_REPARSE_POINT ([MS-SMB2] 3.3.5.15.13,
//! [MS-FSA] 2.1.5.10).

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::Open;
use super::super::super::status::CommandError;
use super::{Call, Work, is_directory};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::FsctlCode;
use crate::fscc::fsctl::reparse::{ReparseBuffer, ReparseError, ReparseTag};
use crate::fscc::notify::CompletionFilter;
use crate::vfs::{MetadataChange, VfsError};

/// Where a change stands.
pub(super) enum Stage {
    /// A file is to become a symbolic link: it must be empty.
    Size,
    /// The present reparse point is asked for: its tag must be the same.
    Compare,
    /// The new one is being put in place.
    Change,
    /// It is there; ARCHIVE may have to be set.
    Attributes,
}

impl From<ReparseError> for CommandError {
    fn from(error: ReparseError) -> Self {
        CommandError::Status(error.status())
    }
}

/// FSCTL_GET_REPARSE_POINT.
///
/// # Errors
/// BUFFER_TOO_SMALL for an output that does not even take the head.
pub(super) fn get(call: Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?.file.clone();
    if call.max_output < ReparseBuffer::FIXED_SIZE {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    call.run(Op::ReparseData { file }, Work::GetReparse)
}

/// The reparse buffer, cut to what the client takes.
///
/// # Errors
/// NOT_A_REPARSE_POINT; BUFFER_TOO_SMALL for an output that does not take the head.
pub(super) fn finish_get(cx: &mut Context<'_>, call: &Call, result: OpResult) -> StepResult {
    let data = present(result)?.ok_or(NtStatus::NOT_A_REPARSE_POINT)?;
    let tag = data.first_chunk::<4>().map(|tag| ReparseTag(u32::from_le_bytes(*tag)));
    // [MS-FSCC] 2.1.2.3: the head of a tag that is not Microsoft's has a GUID.
    if tag.is_some_and(|tag| !tag.is_microsoft()) && call.max_output < ReparseBuffer::FIXED_SIZE_GUID {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    match data.get(..call.max_output) {
        Some(cut) if cut.len() < data.len() => call.answer_bytes(cx, cut, NtStatus::BUFFER_OVERFLOW),
        _ => call.answer_bytes(cx, &data, NtStatus::SUCCESS),
    }
}

/// FSCTL_SET_REPARSE_POINT and FSCTL_DELETE_REPARSE_POINT, phase 1 of [MS-FSA] 2.1.5.10.37 and 2.1.5.10.3.
///
/// DIFFERS: whoever may write makes symbolic links. Windows wants SeCreateSymbolicLinkPrivilege, which is for those who
/// could lead a program of the server itself astray: here nothing on the server follows such a link.
///
/// # Errors
/// ACCESS_DENIED, IO_REPARSE_DATA_INVALID, IO_REPARSE_TAG_INVALID; NOT_A_DIRECTORY for a mount point that is no directory.
pub(super) fn change(call: Call) -> StepResult {
    let open = call.open()?;
    let opened = file_of(&open)?;
    let file = opened.file.clone();
    if !may_change(&open) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let tag = wanted(&call)?.tag;
    if call.code == FsctlCode::SET_REPARSE_POINT && !is_directory(opened) {
        if tag == ReparseTag::MOUNT_POINT {
            return Err(NtStatus::NOT_A_DIRECTORY.into());
        }
        if tag == ReparseTag::SYMLINK {
            return call.run(Op::Metadata { file }, Work::ChangeReparse(Stage::Size));
        }
    }
    call.run(Op::ReparseData { file }, Work::ChangeReparse(Stage::Compare))
}

fn may_change(open: &Open) -> bool {
    open.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_WRITE_ATTRIBUTES)
}

fn wanted(call: &Call) -> Result<ReparseBuffer<'_>, ReparseError> {
    if call.code == FsctlCode::DELETE_REPARSE_POINT {
        ReparseBuffer::from_delete_request(&call.input)
    } else {
        ReparseBuffer::from_bytes(&call.input)
    }
}

/// `None` for a file without reparse point.
fn present(result: OpResult) -> Result<Option<Vec<u8>>, CommandError> {
    match result {
        OpResult::Bytes(Err(VfsError::NotFound)) => Ok(None),
        other => other.bytes().map(Some),
    }
}

/// Goes on with a change.
///
/// # Errors
/// NOT_A_REPARSE_POINT, IO_REPARSE_TAG_MISMATCH, DIRECTORY_NOT_EMPTY; IO_REPARSE_DATA_INVALID for a symbolic link with data.
pub(super) fn finish_change(cx: &mut Context<'_>, call: Call, stage: Stage, result: OpResult) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    match stage {
        Stage::Size => {
            if result.metadata()?.size_bytes != 0 {
                return Err(NtStatus::IO_REPARSE_DATA_INVALID.into());
            }
            call.run(Op::ReparseData { file: file.file.clone() }, Work::ChangeReparse(Stage::Compare))
        }
        Stage::Compare => {
            let deletes = call.code == FsctlCode::DELETE_REPARSE_POINT;
            let wanted = wanted(&call)?;
            match present(result)? {
                // What is on disk is compared by its head alone.
                Some(data) => same_kind(&data, &wanted)?,
                None if deletes => return Err(NtStatus::NOT_A_REPARSE_POINT.into()),
                None => {}
            }
            let data = (!deletes).then(|| call.input.to_vec());
            let op = Op::SetReparseData { file: file.file.clone(), data, now: cx.now.wall };
            call.run(op, Work::ChangeReparse(Stage::Change))
        }
        Stage::Change => {
            result.done()?;
            if is_directory(file) {
                return changed(cx, &call);
            }
            call.run(Op::Metadata { file: file.file.clone() }, Work::ChangeReparse(Stage::Attributes))
        }
        Stage::Attributes => {
            let attributes = result.metadata()?.attributes;
            if !attributes.contains(FileAttributes::ARCHIVE) {
                let attributes = (attributes & FileAttributes::SETTABLE) | FileAttributes::ARCHIVE;
                let change = MetadataChange { attributes: Some(attributes), ..MetadataChange::default() };
                cx.before_reply.push_back(Op::SetMetadata { file: file.file.clone(), change });
            }
            changed(cx, &call)
        }
    }
}

/// Tells who watches, and answers.
fn changed(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let open = call.open()?;
    data_change::report(cx, &open, file_of(&open)?, CompletionFilter::ATTRIBUTES);
    call.done(cx)
}

/// [MS-FSA] 2.1.5.10: the tag, and the GUID of a tag that is not Microsoft's, must be those that are there.
fn same_kind(data: &[u8], wanted: &ReparseBuffer<'_>) -> Result<(), CommandError> {
    let present = ReparseBuffer::from_bytes(data)?;
    if present.tag != wanted.tag {
        return Err(NtStatus::IO_REPARSE_TAG_MISMATCH.into());
    }
    if present.guid != wanted.guid {
        return Err(NtStatus::REPARSE_ATTRIBUTE_CONFLICT.into());
    }
    Ok(())
}
