//! [MS-SMB2] 2.2.13 SMB2 CREATE Request and 2.2.14 SMB2 CREATE Response; the contexts are in `create_context`.

use freehold_dtyp::{DecodeError, Encode, FileTime, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::create_context::{CreateContexts, RequestContext, ResponseContext};
use super::message::{BodyStart, DecodeMessage, field, fixed, length16};
use super::types::{FileId, OplockLevel, WireFileId, open_flags, open_number};
use super::utf16::Utf16;

open_number! {
    /// ImpersonationLevel of [MS-SMB2] 2.2.13.
    ImpersonationLevel(u32) {
        /// Anonymous
        ANONYMOUS = 0x0000_0000;
        /// Identification
        IDENTIFICATION = 0x0000_0001;
        /// Impersonation
        IMPERSONATION = 0x0000_0002;
        /// Delegate
        DELEGATE = 0x0000_0003;
    }
}

impl ImpersonationLevel {
    /// True for a level that the specification names; another one is BAD_IMPERSONATION_LEVEL.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0 <= ImpersonationLevel::DELEGATE.0
    }
}

open_flags! {
    /// ShareAccess of [MS-SMB2] 2.2.13: what others may do while the file is open.
    ShareAccess(u32) {
        /// FILE_SHARE_READ
        READ = 0x0000_0001;
        /// FILE_SHARE_WRITE
        WRITE = 0x0000_0002;
        /// FILE_SHARE_DELETE
        DELETE = 0x0000_0004;
    }
}

open_number! {
    /// CreateDisposition of [MS-SMB2] 2.2.13.
    CreateDisposition(u32) {
        /// FILE_SUPERSEDE: replace, or create.
        SUPERSEDE = 0x0000_0000;
        /// FILE_OPEN: fail if it does not exist.
        OPEN = 0x0000_0001;
        /// FILE_CREATE: fail if it exists.
        CREATE = 0x0000_0002;
        /// FILE_OPEN_IF: open, or create.
        OPEN_IF = 0x0000_0003;
        /// FILE_OVERWRITE: fail if it does not exist.
        OVERWRITE = 0x0000_0004;
        /// FILE_OVERWRITE_IF: overwrite, or create.
        OVERWRITE_IF = 0x0000_0005;
    }
}

open_flags! {
    /// CreateOptions of [MS-SMB2] 2.2.13.
    CreateOptions(u32) {
        /// FILE_DIRECTORY_FILE
        DIRECTORY_FILE = 0x0000_0001;
        /// FILE_WRITE_THROUGH
        WRITE_THROUGH = 0x0000_0002;
        /// FILE_SEQUENTIAL_ONLY
        SEQUENTIAL_ONLY = 0x0000_0004;
        /// FILE_NO_INTERMEDIATE_BUFFERING
        NO_INTERMEDIATE_BUFFERING = 0x0000_0008;
        /// FILE_SYNCHRONOUS_IO_ALERT
        SYNCHRONOUS_IO_ALERT = 0x0000_0010;
        /// FILE_SYNCHRONOUS_IO_NONALERT
        SYNCHRONOUS_IO_NONALERT = 0x0000_0020;
        /// FILE_NON_DIRECTORY_FILE
        NON_DIRECTORY_FILE = 0x0000_0040;
        /// FILE_COMPLETE_IF_OPLOCKED
        COMPLETE_IF_OPLOCKED = 0x0000_0100;
        /// FILE_NO_EA_KNOWLEDGE
        NO_EA_KNOWLEDGE = 0x0000_0200;
        /// FILE_OPEN_REMOTE_INSTANCE
        OPEN_REMOTE_INSTANCE = 0x0000_0400;
        /// FILE_RANDOM_ACCESS
        RANDOM_ACCESS = 0x0000_0800;
        /// FILE_DELETE_ON_CLOSE
        DELETE_ON_CLOSE = 0x0000_1000;
        /// FILE_OPEN_BY_FILE_ID
        OPEN_BY_FILE_ID = 0x0000_2000;
        /// FILE_OPEN_FOR_BACKUP_INTENT
        OPEN_FOR_BACKUP_INTENT = 0x0000_4000;
        /// FILE_NO_COMPRESSION
        NO_COMPRESSION = 0x0000_8000;
        /// FILE_OPEN_REQUIRING_OPLOCK
        OPEN_REQUIRING_OPLOCK = 0x0001_0000;
        /// FILE_DISALLOW_EXCLUSIVE
        DISALLOW_EXCLUSIVE = 0x0002_0000;
        /// FILE_RESERVE_OPFILTER
        RESERVE_OPFILTER = 0x0010_0000;
        /// FILE_OPEN_REPARSE_POINT
        OPEN_REPARSE_POINT = 0x0020_0000;
        /// FILE_OPEN_NO_RECALL
        OPEN_NO_RECALL = 0x0040_0000;
        /// FILE_OPEN_FOR_FREE_SPACE_QUERY
        OPEN_FOR_FREE_SPACE_QUERY = 0x0080_0000;
    }
}

/// [MS-SMB2] 2.2.13 SMB2 CREATE Request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreateRequest<'a> {
    /// RequestedOplockLevel.
    pub requested_oplock_level: OplockLevel,
    /// ImpersonationLevel.
    pub impersonation_level: ImpersonationLevel,
    /// [MS-SMB2] 2.2.13.1 SMB2 Access Mask Encoding.
    pub desired_access: u32,
    /// [MS-FSCC] 2.6 File Attributes, for a file that is created or overwritten.
    pub file_attributes: u32,
    /// ShareAccess.
    pub share_access: ShareAccess,
    /// CreateDisposition.
    pub create_disposition: CreateDisposition,
    /// CreateOptions.
    pub create_options: CreateOptions,
    /// Path from the share's root, without a backslash in front. Empty for the root itself.
    pub name: Utf16<'a>,
    /// The contexts.
    pub contexts: CreateContexts<'a, RequestContext<'a>>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    security_flags: u8,
    requested_oplock_level: u8,
    impersonation_level: U32,
    smb_create_flags: U64,
    reserved: U64,
    desired_access: U32,
    file_attributes: U32,
    share_access: U32,
    create_disposition: U32,
    create_options: U32,
    name_offset: U16,
    name_length: U16,
    contexts_offset: U32,
    contexts_length: U32,
}

impl CreateRequest<'_> {
    /// StructureSize (2), SecurityFlags (1), RequestedOplockLevel (1), ImpersonationLevel (4), SmbCreateFlags (8),
    /// Reserved (8), DesiredAccess (4), FileAttributes (4), ShareAccess (4), CreateDisposition (4),
    /// CreateOptions (4), NameOffset (2), NameLength (2), CreateContextsOffset (4), CreateContextsLength (4),
    /// one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 8 + 8 + 4 + 4 + 4 + 4 + 4 + 2 + 2 + 4 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for CreateRequest<'a> {
    /// Checks that name and contexts lie in the message; the contexts are read when they are walked.
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        const NAME_LENGTH_OFFSET: usize = 64 + 46;
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let name = field(message, "Name", wire.name_offset.get(), wire.name_length.get())?;
        let contexts =
            field(message, "CreateContexts", wire.contexts_offset.get(), wire.contexts_length.get())?;
        let contexts_offset = usize::try_from(wire.contexts_offset.get()).unwrap_or(usize::MAX);
        Ok(CreateRequest {
            requested_oplock_level: wire.requested_oplock_level.into(),
            impersonation_level: wire.impersonation_level.get().into(),
            desired_access: wire.desired_access.get(),
            file_attributes: wire.file_attributes.get(),
            share_access: wire.share_access.get().into(),
            create_disposition: wire.create_disposition.get().into(),
            create_options: wire.create_options.get().into(),
            name: Utf16::checked(name, "NameLength", NAME_LENGTH_OFFSET)?,
            contexts: CreateContexts::wire(contexts, contexts_offset),
        })
    }
}

impl Encode for CreateRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const NAME_OFFSET: u16 = 64 + CreateRequest::STRUCTURE_SIZE - 1;
        /// CreateContextsOffset, CreateContextsLength: from the body's start.
        const CONTEXTS_OFFSET_AT: usize = 48;
        let body_start = writer.position();
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            security_flags: 0,
            requested_oplock_level: self.requested_oplock_level.0,
            impersonation_level: self.impersonation_level.0.into(),
            smb_create_flags: U64::ZERO,
            reserved: U64::ZERO,
            desired_access: self.desired_access.into(),
            file_attributes: self.file_attributes.into(),
            share_access: self.share_access.bits().into(),
            create_disposition: self.create_disposition.0.into(),
            create_options: self.create_options.bits().into(),
            name_offset: NAME_OFFSET.into(),
            name_length: length16(self.name.as_bytes().len()).into(),
            contexts_offset: U32::ZERO,
            contexts_length: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.name.as_bytes());
        self.contexts.write_at(writer, start, body_start.saturating_add(CONTEXTS_OFFSET_AT));
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.14.
    CreateResponseFlags(u8) {
        /// SMB2_CREATE_FLAG_REPARSEPOINT: the last part of the path is a reparse point (3.x).
        REPARSEPOINT = 0x01;
    }
}

open_number! {
    /// CreateAction of [MS-SMB2] 2.2.14.
    CreateAction(u32) {
        /// FILE_SUPERSEDED
        SUPERSEDED = 0x0000_0000;
        /// FILE_OPENED
        OPENED = 0x0000_0001;
        /// FILE_CREATED
        CREATED = 0x0000_0002;
        /// FILE_OVERWRITTEN
        OVERWRITTEN = 0x0000_0003;
    }
}

/// [MS-SMB2] 2.2.14 SMB2 CREATE Response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreateResponse<'a> {
    /// The oplock granted.
    pub oplock_level: OplockLevel,
    /// Flags.
    pub flags: CreateResponseFlags,
    /// What was done.
    pub create_action: CreateAction,
    /// When the file was created.
    pub creation_time: FileTime,
    /// When its data was last read.
    pub last_access_time: FileTime,
    /// When its data was last written.
    pub last_write_time: FileTime,
    /// When anything of it was last changed.
    pub change_time: FileTime,
    /// Bytes allocated for it.
    pub allocation_size: u64,
    /// Its length in bytes.
    pub end_of_file: u64,
    /// [MS-FSCC] 2.6 File Attributes.
    pub file_attributes: u32,
    /// Names the open.
    pub file_id: FileId,
    /// The contexts.
    pub contexts: CreateContexts<'a, ResponseContext<'a>>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireResponse {
    structure_size: U16,
    oplock_level: u8,
    flags: u8,
    create_action: U32,
    creation_time: U64,
    last_access_time: U64,
    last_write_time: U64,
    change_time: U64,
    allocation_size: U64,
    end_of_file: U64,
    file_attributes: U32,
    reserved2: U32,
    file_id: WireFileId,
    contexts_offset: U32,
    contexts_length: U32,
}

impl CreateResponse<'_> {
    /// StructureSize (2), OplockLevel (1), Flags (1), CreateAction (4), CreationTime (8), LastAccessTime (8),
    /// LastWriteTime (8), ChangeTime (8), AllocationSize (8), EndofFile (8), FileAttributes (4), Reserved2 (4),
    /// FileId (16), CreateContextsOffset (4), CreateContextsLength (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 8 + 8 + 8 + 8 + 8 + 8 + 4 + 4 + 16 + 4 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for CreateResponse<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireResponse = fixed(message, Self::STRUCTURE_SIZE)?;
        let contexts =
            field(message, "CreateContexts", wire.contexts_offset.get(), wire.contexts_length.get())?;
        let contexts_offset = usize::try_from(wire.contexts_offset.get()).unwrap_or(usize::MAX);
        Ok(CreateResponse {
            oplock_level: wire.oplock_level.into(),
            flags: wire.flags.into(),
            create_action: wire.create_action.get().into(),
            creation_time: FileTime(wire.creation_time.get()),
            last_access_time: FileTime(wire.last_access_time.get()),
            last_write_time: FileTime(wire.last_write_time.get()),
            change_time: FileTime(wire.change_time.get()),
            allocation_size: wire.allocation_size.get(),
            end_of_file: wire.end_of_file.get(),
            file_attributes: wire.file_attributes.get(),
            file_id: wire.file_id.into(),
            contexts: CreateContexts::wire(contexts, contexts_offset),
        })
    }
}

impl Encode for CreateResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        /// CreateContextsOffset, CreateContextsLength: from the body's start.
        const CONTEXTS_OFFSET_AT: usize = 80;
        let body_start = writer.position();
        let start = BodyStart::at(writer);
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            oplock_level: self.oplock_level.0,
            flags: self.flags.bits(),
            create_action: self.create_action.0.into(),
            creation_time: self.creation_time.0.into(),
            last_access_time: self.last_access_time.0.into(),
            last_write_time: self.last_write_time.0.into(),
            change_time: self.change_time.0.into(),
            allocation_size: self.allocation_size.into(),
            end_of_file: self.end_of_file.into(),
            file_attributes: self.file_attributes.into(),
            reserved2: U32::ZERO,
            file_id: self.file_id.into(),
            contexts_offset: U32::ZERO,
            contexts_length: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
        self.contexts.write_at(writer, start, body_start.saturating_add(CONTEXTS_OFFSET_AT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::create_context::{DurableHandleV2Flags, DurableHandleV2Request, Lease, LeaseFlags};
    use crate::smb2::testing;
    use crate::smb2::types::{LeaseKey, LeaseState};
    use crate::smb2::utf16::Utf16Buf;
    use freehold_dtyp::{DecodeReason, Guid};
    use proptest::prelude::*;

    /// [MS-SMB2] 4.4 Executing an Operation on a Named Pipe: opening "srvsvc".
    #[test]
    fn the_request_of_the_specification() {
        let name = Utf16Buf::from("srvsvc");
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: 0x0012_019F,
            file_attributes: 0,
            share_access: ShareAccess::READ | ShareAccess::WRITE,
            create_disposition: CreateDisposition::OPEN,
            create_options: CreateOptions::OPEN_NO_RECALL,
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        let message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex(
                "3900 00 00 02000000 0000000000000000 0000000000000000 9f011200 00000000 03000000 01000000
                 00004000 7800 0c00 00000000 00000000 730072007600730076006300"
            )
        );
        assert_eq!(CreateRequest::decode(&message), Ok(request));
    }

    #[test]
    fn the_response_of_the_specification() {
        let response = CreateResponse {
            oplock_level: OplockLevel::NONE,
            flags: CreateResponseFlags::empty(),
            create_action: CreateAction::OPENED,
            creation_time: FileTime::ZERO,
            last_access_time: FileTime::ZERO,
            last_write_time: FileTime::ZERO,
            change_time: FileTime::ZERO,
            allocation_size: 4096,
            end_of_file: 0,
            file_attributes: 0x80,
            file_id: FileId { persistent: 1, volatile: 2 },
            contexts: CreateContexts::EMPTY,
        };
        let message = testing::message(&response);
        assert_eq!(message.len(), 64 + 88);
        assert_eq!(message[64..72], testing::hex("5900 00 00 01000000"));
        assert_eq!(message[104..128], testing::hex("0010000000000000 0000000000000000 80000000 00000000"));
        assert_eq!(CreateResponse::decode(&message), Ok(response));
    }

    #[test]
    fn the_share_root_has_an_empty_name() {
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: 0x80,
            file_attributes: 0,
            share_access: ShareAccess::all(),
            create_disposition: CreateDisposition::OPEN,
            create_options: CreateOptions::DIRECTORY_FILE,
            name: Utf16::EMPTY,
            contexts: CreateContexts::EMPTY,
        };
        let mut message = testing::message(&request);
        assert_eq!(message.len(), 64 + 57);
        assert_eq!(CreateRequest::decode(&message), Ok(request));
        // Linux and macOS send an offset of zero, or leave the odd byte out.
        message.truncate(64 + 56);
        message[108..110].fill(0);
        assert_eq!(CreateRequest::decode(&message), Ok(request));
    }

    #[test]
    fn a_name_of_odd_length_or_outside_of_the_message_is_refused() {
        let name = Utf16Buf::from("ab");
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::ANONYMOUS,
            desired_access: 0,
            file_attributes: 0,
            share_access: ShareAccess::empty(),
            create_disposition: CreateDisposition::OPEN,
            create_options: CreateOptions::empty(),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        let mut message = testing::message(&request);
        for (length, error) in [
            (3, DecodeError { field: "NameLength", reason: DecodeReason::Invalid, offset: 110 }),
            (6, DecodeError { field: "Name", reason: DecodeReason::OutOfBounds, offset: 120 }),
        ] {
            message[110] = length;
            assert_eq!(CreateRequest::decode(&message), Err(error));
        }
    }

    proptest! {
        #[test]
        fn requests_round_trip(level: u8, numbers: [u32; 6], name in testing::name(40), key: [u8; 16], data in testing::blob(30), count in 0..4_usize) {
            let contexts = [
                RequestContext::ExtendedAttributes(&data),
                RequestContext::Lease(Lease { key: LeaseKey(key), state: LeaseState::all(), flags: LeaseFlags::empty(), v2: None }),
                RequestContext::DurableHandleV2(DurableHandleV2Request {
                    timeout_ms: numbers[0],
                    flags: DurableHandleV2Flags::PERSISTENT,
                    create_guid: Guid(key),
                }),
            ];
            let request = CreateRequest {
                requested_oplock_level: OplockLevel(level),
                impersonation_level: numbers[0].into(),
                desired_access: numbers[1],
                file_attributes: numbers[2],
                share_access: numbers[3].into(),
                create_disposition: numbers[4].into(),
                create_options: numbers[5].into(),
                name: Utf16::from_bytes(&name).expect("even"),
                contexts: contexts[..count].into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(CreateRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(bytes: [u8; 2], numbers: [u32; 2], times: [u64; 4], sizes: [u64; 2], ids: [u64; 2], count in 0..3_usize) {
            let contexts = [
                ResponseContext::MaximalAccess { query_status: freehold_dtyp::NtStatus::SUCCESS, maximal_access: numbers[0] },
                ResponseContext::DurableHandle,
            ];
            let response = CreateResponse {
                oplock_level: OplockLevel(bytes[0]),
                flags: bytes[1].into(),
                create_action: numbers[0].into(),
                creation_time: FileTime(times[0]),
                last_access_time: FileTime(times[1]),
                last_write_time: FileTime(times[2]),
                change_time: FileTime(times[3]),
                allocation_size: sizes[0],
                end_of_file: sizes[1],
                file_attributes: numbers[1],
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                contexts: contexts[..count].into(),
            };
            let message = testing::message(&response);
            prop_assert_eq!(CreateResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(57), response in testing::hostile(89)) {
            if let Ok(found) = CreateRequest::decode(&request) {
                prop_assert!(found.name.as_bytes().len() < request.len());
                prop_assert!(found.contexts.iter().count() <= request.len());
            }
            if let Ok(found) = CreateResponse::decode(&response) {
                prop_assert!(found.contexts.iter().count() <= response.len());
            }
        }
    }
}
