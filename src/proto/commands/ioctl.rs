//! [MS-SMB2] 3.3.5.15 Receiving an SMB2 IOCTL Request: what holds for all control codes, and who handles each.
//!
//! A code that Windows defines and this server does not serve is INVALID_DEVICE_REQUEST, an undefined one NOT_SUPPORTED.

mod copy;
mod dfs;
mod extents;
mod network;
mod object;
mod pipes;
mod regions;
mod reparse;
mod resiliency;
mod sparse;

use std::sync::Arc;

use bytes::Bytes;
use freehold_dtyp::{Encode, NtStatus};

use super::super::context::{Context, Step, StepResult};
use super::super::event::Wake;
use super::super::op::{Op, OpResult};
use super::super::open::{FileOpen, Open};
use super::super::status::CommandError;
use crate::fscc::fsctl::FsctlCode;
use crate::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use crate::smb2::{DecodeMessage, FileId};
use crate::vfs::NodeKind;

/// One request, checked as far as all codes are alike.
struct Call {
    code: FsctlCode,
    /// The open's, or all ones.
    file_id: FileId,
    /// `None` for the codes that come without a file.
    open: Option<Arc<Open>>,
    /// The input buffer, in the memory it was received into.
    input: Bytes,
    /// MaxOutputResponse in bytes.
    max_output: usize,
}

/// A request under way.
pub struct Pending {
    call: Call,
    work: Work,
}

/// What is being done.
enum Work {
    /// PIPE_TRANSCEIVE and PIPE_PEEK: an errand of the pipe.
    Errand,
    /// SRV_COPYCHUNK.
    Copy(copy::Copy),
    /// DUPLICATE_EXTENTS_TO_FILE.
    Extents(extents::Extents),
    /// SRV_ENUMERATE_SNAPSHOTS.
    Snapshots,
    /// GET_COMPRESSION.
    GetCompression,
    /// SET_COMPRESSION.
    SetCompression,
    /// SET_SPARSE.
    SetSparse,
    /// SET_ZERO_DATA.
    ZeroData,
    /// QUERY_ALLOCATED_RANGES.
    Ranges(sparse::Ranges),
    /// QUERY_FILE_REGIONS.
    Regions(regions::Regions),
    /// FILE_LEVEL_TRIM.
    Trim(sparse::Trim),
    /// GET_REPARSE_POINT.
    GetReparse,
    /// SET_REPARSE_POINT and DELETE_REPARSE_POINT.
    ChangeReparse(reparse::Stage),
}

/// A transceive whose answer has not come.
pub struct Parked {
    call: Call,
}

/// Checks what holds for all codes, then hands over to the code's own function.
///
/// # Errors
/// NOT_SUPPORTED, INVALID_PARAMETER, FILE_CLOSED, INVALID_DEVICE_REQUEST, and those of the code.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = IoctlRequest::decode(&message)?;
    if !request.flags.contains(IoctlFlags::IS_FSCTL) {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    let code = FsctlCode(request.ctl_code);
    if code.needs_no_open() && request.file_id != FileId::ANY {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let limit = cx.link.max_transact_bytes();
    let input_count = u32::try_from(request.input.len()).unwrap_or(u32::MAX);
    if input_count > limit || request.max_input_response > limit || request.max_output_response > limit {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let open = if code.needs_no_open() { None } else { Some(cx.open(request.file_id)?) };
    let call = Call {
        code,
        file_id: open.as_ref().map_or(request.file_id, |open| open.file_id),
        open,
        input: message.slice_ref(request.input),
        max_output: usize::try_from(request.max_output_response).unwrap_or(usize::MAX),
    };
    match code {
        FsctlCode::DFS_GET_REFERRALS | FsctlCode::DFS_GET_REFERRALS_EX => dfs::referrals(cx, &call),
        FsctlCode::QUERY_NETWORK_INTERFACE_INFO => network::interfaces(cx, &call),
        FsctlCode::VALIDATE_NEGOTIATE_INFO => network::validate_negotiate(cx, &call),
        FsctlCode::LMR_REQUEST_RESILIENCY => resiliency::request(cx, &call),
        FsctlCode::PIPE_WAIT => pipes::wait(cx, &call),
        FsctlCode::PIPE_PEEK => pipes::peek(cx, call),
        FsctlCode::PIPE_TRANSCEIVE => pipes::transceive(cx, call),
        FsctlCode::SRV_REQUEST_RESUME_KEY => copy::resume_key(cx, &call),
        FsctlCode::SRV_COPYCHUNK | FsctlCode::SRV_COPYCHUNK_WRITE => copy::decide(cx, call),
        FsctlCode::DUPLICATE_EXTENTS_TO_FILE | FsctlCode::DUPLICATE_EXTENTS_TO_FILE_EX => {
            extents::decide(cx, call)
        }
        FsctlCode::SRV_ENUMERATE_SNAPSHOTS => object::snapshots(call),
        FsctlCode::CREATE_OR_GET_OBJECT_ID | FsctlCode::GET_OBJECT_ID => object::object_id(cx, &call),
        FsctlCode::GET_COMPRESSION => object::get_compression(call),
        FsctlCode::SET_COMPRESSION => object::set_compression(cx, call),
        FsctlCode::IS_PATHNAME_VALID => object::is_pathname_valid(cx, &call),
        FsctlCode::GET_REPARSE_POINT => reparse::get(call),
        FsctlCode::SET_REPARSE_POINT | FsctlCode::DELETE_REPARSE_POINT => reparse::change(call),
        FsctlCode::SET_SPARSE => sparse::set_sparse(call),
        FsctlCode::SET_ZERO_DATA => sparse::zero_data(cx, call),
        FsctlCode::QUERY_ALLOCATED_RANGES => sparse::allocated_ranges(cx, call),
        FsctlCode::QUERY_FILE_REGIONS => regions::query(call),
        FsctlCode::FILE_LEVEL_TRIM => sparse::trim(cx, call),
        _ if code.is_defined() => Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
        _ => Err(NtStatus::NOT_SUPPORTED.into()),
    }
}

/// Goes on with the operation's result.
///
/// # Errors
/// Those of the code.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { call, work } = pending;
    match work {
        Work::Errand => pipes::resumed(cx, call, result),
        Work::Copy(copy) => copy::finish(cx, call, copy, result),
        Work::Extents(extents) => extents::finish(cx, call, extents, result),
        Work::Snapshots => object::finish_snapshots(cx, &call, result),
        Work::GetCompression => object::finish_get_compression(cx, &call, result),
        Work::SetCompression => object::finish_set_compression(cx, &call, result),
        Work::SetSparse => sparse::finish_set_sparse(cx, &call, result),
        Work::ZeroData => sparse::finish_zero_data(cx, &call, result),
        Work::Ranges(ranges) => sparse::finish_ranges(cx, call, ranges, result),
        Work::Regions(regions) => regions::finish(cx, &call, &regions, result),
        Work::Trim(trim) => sparse::finish_trim(cx, call, trim, result),
        Work::GetReparse => reparse::finish_get(cx, &call, result),
        Work::ChangeReparse(stage) => reparse::finish_change(cx, call, stage, result),
    }
}

impl Parked {
    /// A pipe answers when it answers.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Duration> {
        None
    }
}

/// Goes on with a transceive.
///
/// # Errors
/// CANCELLED, PIPE_BROKEN, and those of the pipe.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    pipes::resume(cx, parked.call, wake)
}

impl Call {
    /// The open.
    fn open(&self) -> Result<Arc<Open>, CommandError> {
        self.open.clone().ok_or(CommandError::Internal("the control code has no open"))
    }

    /// Waits for an operation.
    fn run(self, op: Op, work: Work) -> StepResult {
        Ok(Step::Op(op, super::Pending::Ioctl(Box::new(Pending { call: self, work }))))
    }

    /// Answers with a structure.
    fn answer(&self, cx: &mut Context<'_>, output: &impl Encode) -> StepResult {
        self.answer_bytes(cx, &output.to_bytes(), NtStatus::SUCCESS)
    }

    /// Answers without output.
    fn done(&self, cx: &mut Context<'_>) -> StepResult {
        self.answer_bytes(cx, &[], NtStatus::SUCCESS)
    }

    /// 3.3.5.15: the response, also with a status that is not SUCCESS.
    fn answer_bytes(&self, cx: &mut Context<'_>, output: &[u8], status: NtStatus) -> StepResult {
        let count = u32::try_from(output.len()).unwrap_or(u32::MAX);
        let head = IoctlResponse::header_bytes(self.code.0, self.file_id, count);
        cx.write(|writer| {
            writer.bytes(&head);
            writer.bytes(output);
        });
        Ok(Step::Reply(status))
    }
}

/// The directory itself, not a named stream of it.
fn is_directory(file: &FileOpen) -> bool {
    file.kind == NodeKind::Directory && file.stream.is_none()
}
