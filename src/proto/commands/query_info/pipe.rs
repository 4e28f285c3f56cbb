//! [MS-SMB2] 3.3.5.20.1 Handling SMB2_0_INFO_FILE for named pipes: what RPC run-times and Win32 ask of an open pipe.

use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, NtStatus, Wtf8, Wtf8Buf};
use parking_lot::Mutex;

use super::super::super::context::{Context, StepResult};
use super::super::super::open::Open;
use super::super::super::pipe::PipeOpen;
use super::{file, limit_of, reply, unserved};
use crate::fscc::file_info::{
    AlignmentInformation, BasicInformation, ModeInformation, NameInformation, PipeInformation,
    PipeLocalInformation, StandardInformation,
};
use crate::fscc::{FileAttributes, FileInformationClass};
use crate::smb2::query_info::QueryInfoRequest;

/// Messages, not bytes: NamedPipeType and ReadMode.
const MESSAGE_MODE: u32 = 1;
/// NamedPipeConfiguration: both ways.
const FULL_DUPLEX: u32 = 2;
/// NamedPipeState: connected.
const CONNECTED: u32 = 3;
/// NamedPipeState: the server closed its end.
const CLOSING: u32 = 4;
/// MaximumInstances: no limit.
const UNLIMITED: u32 = u32::MAX;
/// Buffers that are announced, in bytes.
const QUOTA_BYTES: u32 = 4096;

/// Answers.
///
/// # Errors
/// INVALID_INFO_CLASS, NOT_SUPPORTED, INFO_LENGTH_MISMATCH, ACCESS_DENIED.
pub fn decide(
    cx: &mut Context<'_>,
    open: &Open,
    pipe: &Mutex<PipeOpen>,
    request: &QueryInfoRequest<'_>,
) -> StepResult {
    let class = FileInformationClass(request.file_info_class);
    let limit_bytes = limit_of(request);
    if class.minimum_query_length().is_some_and(|least| limit_bytes < least) {
        return Err(NtStatus::INFO_LENGTH_MISMATCH.into());
    }
    let needs_attributes = matches!(
        class,
        FileInformationClass::BASIC | FileInformationClass::PIPE | FileInformationClass::PIPE_LOCAL
    );
    if needs_attributes && !open.granted.contains(AccessMask::FILE_READ_ATTRIBUTES) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    match class {
        FileInformationClass::BASIC => reply(cx, limit_bytes, |writer| {
            BasicInformation { file_attributes: FileAttributes::NORMAL, ..BasicInformation::default() }
                .encode(writer);
        }),
        FileInformationClass::STANDARD => reply(cx, limit_bytes, |writer| {
            StandardInformation {
                allocation_size: u64::from(QUOTA_BYTES),
                number_of_links: 1,
                // A pipe goes with its last handle.
                delete_pending: true,
                ..StandardInformation::default()
            }
            .encode(writer);
        }),
        FileInformationClass::ACCESS => reply(cx, limit_bytes, |writer| file::access(open).encode(writer)),
        FileInformationClass::MODE => {
            reply(cx, limit_bytes, |writer| ModeInformation::default().encode(writer))
        }
        FileInformationClass::ALIGNMENT => {
            reply(cx, limit_bytes, |writer| AlignmentInformation::default().encode(writer))
        }
        FileInformationClass::NAME => {
            let mut name = Wtf8Buf::from("\\");
            name.push(Wtf8::from(pipe.lock().name()));
            reply(cx, limit_bytes, |writer| NameInformation { name: name.as_wtf8() }.encode(writer))
        }
        FileInformationClass::PIPE => reply(cx, limit_bytes, |writer| {
            PipeInformation { read_mode: MESSAGE_MODE, completion_mode: 0 }.encode(writer);
        }),
        FileInformationClass::PIPE_LOCAL => {
            let local = local(&pipe.lock());
            reply(cx, limit_bytes, |writer| local.encode(writer))
        }
        _ => Err(unserved(class).into()),
    }
}

fn local(pipe: &PipeOpen) -> PipeLocalInformation {
    let (available, _, _) = pipe.available();
    PipeLocalInformation {
        named_pipe_type: MESSAGE_MODE,
        named_pipe_configuration: FULL_DUPLEX,
        maximum_instances: UNLIMITED,
        current_instances: 1,
        inbound_quota: QUOTA_BYTES,
        read_data_available: u32::try_from(available).unwrap_or(u32::MAX),
        outbound_quota: QUOTA_BYTES,
        write_quota_available: QUOTA_BYTES,
        named_pipe_state: if pipe.is_disconnected() { CLOSING } else { CONNECTED },
        named_pipe_end: 0,
    }
}
