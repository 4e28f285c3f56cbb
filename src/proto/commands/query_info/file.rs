//! [MS-SMB2] 3.3.5.20.1 Handling SMB2_0_INFO_FILE, [MS-FSA] 2.1.5.12 Server Requests a Query of File Information: the classes
//! that are answered from metadata and from the open itself.

use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, NtStatus, Writer, Wtf8Buf};

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::{extended_attributes, limit_of, names, posix, reply, unserved};
use crate::fscc::file_info::{
    AccessInformation, AlignmentInformation, AllInformation, AttributeTagInformation, BasicInformation,
    CompressionInformation, EaInformation, IdInformation, InternalInformation, ModeInformation,
    NameInformation, NetworkOpenInformation, PositionInformation, StandardInformation,
};
use crate::fscc::fsctl::CompressionState;
use crate::fscc::{FileAttributes, FileInformationClass};
use crate::smb2::Dialect;
use crate::smb2::query_info::QueryInfoRequest;
use crate::vfs::{Metadata, NodeKind};

/// A query of metadata under way.
pub struct Pending {
    open: Arc<Open>,
    class: FileInformationClass,
    limit_bytes: usize,
}

/// Checks class, length and access, then answers or asks the volume.
///
/// # Errors
/// INVALID_INFO_CLASS, NOT_SUPPORTED, INFO_LENGTH_MISMATCH, ACCESS_DENIED.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, request: &QueryInfoRequest<'_>) -> StepResult {
    let class = FileInformationClass(request.file_info_class);
    let limit_bytes = limit_of(request);
    let file = file_of(open)?;
    if class == FileInformationClass::POSIX && !file.posix {
        return Err(unserved(class).into());
    }
    let needed = needed_access(class).ok_or(unserved(class))?;
    if class == FileInformationClass::NORMALIZED_NAME && cx.link.dialect() < Dialect::SMB_3_1_1 {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    if class.minimum_query_length().is_some_and(|least| limit_bytes < least) {
        return Err(NtStatus::INFO_LENGTH_MISMATCH.into());
    }
    if !open.granted.contains(needed) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    match class {
        FileInformationClass::ACCESS => reply(cx, limit_bytes, |writer| access(open).encode(writer)),
        FileInformationClass::POSITION => reply(cx, limit_bytes, |writer| position(file).encode(writer)),
        FileInformationClass::MODE => reply(cx, limit_bytes, |writer| mode(file).encode(writer)),
        FileInformationClass::ALIGNMENT => {
            reply(cx, limit_bytes, |writer| AlignmentInformation::default().encode(writer))
        }
        FileInformationClass::FULL_EA => extended_attributes::decide(open, file, request),
        FileInformationClass::POSIX => posix::decide(open, file, limit_bytes),
        FileInformationClass::STREAM
        | FileInformationClass::NORMALIZED_NAME
        | FileInformationClass::ALTERNATE_NAME => names::decide(cx, open, file, class, limit_bytes),
        _ => {
            let op = Op::Metadata { file: file.file.clone() };
            let pending = Pending { open: Arc::clone(open), class, limit_bytes };
            Ok(Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::File(pending)))))
        }
    }
}

/// Access that a class takes (3.3.5.20.1); `None` for a class that is not served.
fn needed_access(class: FileInformationClass) -> Option<AccessMask> {
    Some(match class {
        FileInformationClass::BASIC
        | FileInformationClass::ALL
        | FileInformationClass::NETWORK_OPEN
        | FileInformationClass::ATTRIBUTE_TAG
        | FileInformationClass::POSIX => AccessMask::FILE_READ_ATTRIBUTES,
        FileInformationClass::FULL_EA => AccessMask::FILE_READ_EA,
        FileInformationClass::STANDARD
        | FileInformationClass::INTERNAL
        | FileInformationClass::EA
        | FileInformationClass::ACCESS
        | FileInformationClass::POSITION
        | FileInformationClass::MODE
        | FileInformationClass::ALIGNMENT
        | FileInformationClass::ALTERNATE_NAME
        | FileInformationClass::STREAM
        | FileInformationClass::COMPRESSION
        | FileInformationClass::NORMALIZED_NAME
        | FileInformationClass::ID => AccessMask::EMPTY,
        _ => return None,
    })
}

/// Encodes metadata.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    let mut metadata = result.metadata()?;
    let (open, file) = (&pending.open, file_of(&pending.open)?);
    cx.server.held_times.show(file, &mut metadata, cx.now);
    let name = (pending.class == FileInformationClass::ALL).then(|| names::wire_path(open, file, true));
    let serial = open.volume().map_or(0, |volume| volume.identity.serial);
    let mut refused = None;
    let answered = reply(cx, pending.limit_bytes, |writer| {
        let metadata = &metadata;
        match pending.class {
            FileInformationClass::BASIC => basic(open, metadata).encode(writer),
            FileInformationClass::STANDARD => standard(open, file, metadata).encode(writer),
            FileInformationClass::INTERNAL => internal(metadata).encode(writer),
            FileInformationClass::EA => ea(metadata).encode(writer),
            FileInformationClass::ALL => all(open, file, metadata, &name.unwrap_or_default(), writer),
            FileInformationClass::COMPRESSION => compression(metadata).encode(writer),
            FileInformationClass::NETWORK_OPEN => network_open(open, metadata).encode(writer),
            FileInformationClass::ATTRIBUTE_TAG => attribute_tag(open, metadata).encode(writer),
            FileInformationClass::ID => id(metadata, serial).encode(writer),
            _ => refused = Some(CommandError::Internal("a class that needs no metadata")),
        }
    });
    refused.map_or(answered, Err)
}

fn is_directory(file: &FileOpen) -> bool {
    file.kind == NodeKind::Directory && file.stream.is_none()
}

fn basic(open: &Open, metadata: &Metadata) -> BasicInformation {
    BasicInformation {
        creation_time: metadata.created,
        last_access_time: metadata.accessed,
        last_write_time: metadata.modified,
        change_time: metadata.changed,
        file_attributes: open.shown_attributes(metadata),
    }
}

/// A name that goes with the last handle is not counted.
fn standard(open: &Open, file: &FileOpen, metadata: &Metadata) -> StandardInformation {
    let (delete_pending, links_going) = {
        let node = file.node.lock();
        (node.is_delete_pending(file.stream_id, node.link_of(open.id())), node.pending_links())
    };
    StandardInformation {
        allocation_size: metadata.allocated_bytes,
        end_of_file: metadata.size_bytes,
        number_of_links: metadata.links.saturating_sub(u32::try_from(links_going).unwrap_or(u32::MAX)),
        delete_pending,
        directory: is_directory(file),
    }
}

fn internal(metadata: &Metadata) -> InternalInformation {
    InternalInformation { index_number: metadata.id.0 }
}

fn ea(metadata: &Metadata) -> EaInformation {
    EaInformation { ea_size: metadata.ea_size_bytes }
}

pub(super) fn access(open: &Open) -> AccessInformation {
    AccessInformation { access_flags: open.granted.0 }
}

fn position(file: &FileOpen) -> PositionInformation {
    let position = file.state.lock().position;
    PositionInformation { current_byte_offset: i64::try_from(position).unwrap_or(i64::MAX) }
}

fn mode(file: &FileOpen) -> ModeInformation {
    ModeInformation { mode: file.mode() }
}

fn all(open: &Open, file: &FileOpen, metadata: &Metadata, name: &Wtf8Buf, writer: &mut Writer) {
    AllInformation {
        basic: basic(open, metadata),
        standard: standard(open, file, metadata),
        internal: internal(metadata),
        ea: ea(metadata),
        access: access(open),
        position: position(file),
        mode: mode(file),
        alignment: AlignmentInformation::default(),
        name: NameInformation { name: name.as_wtf8() },
    }
    .encode(writer);
}

/// What is not compressed takes its size. Of what is, the file system tells what it would take without.
fn compression(metadata: &Metadata) -> CompressionInformation {
    CompressionInformation {
        compressed_file_size: i64::try_from(metadata.size_bytes).unwrap_or(i64::MAX),
        compression_format: if metadata.attributes.contains(FileAttributes::COMPRESSED) {
            CompressionState::LZNT1
        } else {
            CompressionState::NONE
        },
        ..CompressionInformation::default()
    }
}

fn network_open(open: &Open, metadata: &Metadata) -> NetworkOpenInformation {
    NetworkOpenInformation {
        creation_time: metadata.created,
        last_access_time: metadata.accessed,
        last_write_time: metadata.modified,
        change_time: metadata.changed,
        allocation_size: metadata.allocated_bytes,
        end_of_file: metadata.size_bytes,
        file_attributes: open.shown_attributes(metadata),
    }
}

fn attribute_tag(open: &Open, metadata: &Metadata) -> AttributeTagInformation {
    let file_attributes = open.shown_attributes(metadata);
    AttributeTagInformation { file_attributes, reparse_tag: metadata.reparse_tag }
}

fn id(metadata: &Metadata, serial: u32) -> IdInformation {
    IdInformation { volume_serial_number: u64::from(serial), file_id: metadata.id.to_128() }
}
