//! [MS-SMB2] 2.2.33 SMB2 QUERY_DIRECTORY Request and 2.2.34 SMB2 QUERY_DIRECTORY Response.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{BodyStart, DecodeMessage, field, fixed, length16, length32};
use super::query_info::output_buffer_response;
use super::types::{FileId, WireFileId, open_flags};
use super::utf16::Utf16;

open_flags! {
    /// Flags of [MS-SMB2] 2.2.33.
    QueryDirectoryFlags(u8) {
        /// SMB2_RESTART_SCANS
        RESTART_SCANS = 0x01;
        /// SMB2_RETURN_SINGLE_ENTRY
        RETURN_SINGLE_ENTRY = 0x02;
        /// SMB2_INDEX_SPECIFIED
        INDEX_SPECIFIED = 0x04;
        /// SMB2_REOPEN: restart, and take the new pattern.
        REOPEN = 0x10;
    }
}

/// [MS-SMB2] 2.2.33 SMB2 QUERY_DIRECTORY Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryDirectoryRequest<'a> {
    /// FileInformationClass of [MS-FSCC] 2.4.
    pub file_information_class: u8,
    /// Flags.
    pub flags: QueryDirectoryFlags,
    /// Where to start; see [`QueryDirectoryFlags::INDEX_SPECIFIED`].
    pub file_index: u32,
    /// The open of the directory.
    pub file_id: FileId,
    /// The pattern; empty for that of the call before.
    pub file_name: Utf16<'a>,
    /// Most bytes that the client takes.
    pub output_buffer_length: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    file_information_class: u8,
    flags: u8,
    file_index: U32,
    file_id: WireFileId,
    file_name_offset: U16,
    file_name_length: U16,
    output_buffer_length: U32,
}

impl QueryDirectoryRequest<'_> {
    /// StructureSize (2), FileInformationClass (1), Flags (1), FileIndex (4), FileId (16), FileNameOffset (2),
    /// FileNameLength (2), OutputBufferLength (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 16 + 2 + 2 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for QueryDirectoryRequest<'a> {
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        const NAME_LENGTH_OFFSET: usize = 64 + 26;
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let name = field(message, "FileName", wire.file_name_offset.get(), wire.file_name_length.get())?;
        Ok(QueryDirectoryRequest {
            file_information_class: wire.file_information_class,
            flags: wire.flags.into(),
            file_index: wire.file_index.get(),
            file_id: wire.file_id.into(),
            file_name: Utf16::checked(name, "FileNameLength", NAME_LENGTH_OFFSET)?,
            output_buffer_length: wire.output_buffer_length.get(),
        })
    }
}

impl Encode for QueryDirectoryRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + QueryDirectoryRequest::STRUCTURE_SIZE - 1;
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            file_information_class: self.file_information_class,
            flags: self.flags.bits(),
            file_index: self.file_index.into(),
            file_id: self.file_id.into(),
            file_name_offset: BUFFER_OFFSET.into(),
            file_name_length: length16(self.file_name.as_bytes().len()).into(),
            output_buffer_length: self.output_buffer_length.into(),
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.file_name.as_bytes());
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

output_buffer_response! {
    /// [MS-SMB2] 2.2.34 SMB2 QUERY_DIRECTORY Response.
    QueryDirectoryResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use crate::smb2::utf16::Utf16Buf;
    use proptest::prelude::*;

    #[test]
    fn the_request_of_a_windows_client() {
        let pattern = Utf16Buf::from("*");
        let request = QueryDirectoryRequest {
            file_information_class: 37,
            flags: QueryDirectoryFlags::RESTART_SCANS,
            file_index: 0,
            file_id: FileId { persistent: 5, volatile: 6 },
            file_name: pattern.as_utf16(),
            output_buffer_length: 65_536,
        };
        let message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex("2100 25 01 00000000 0500000000000000 0600000000000000 6000 0200 00000100 2a00")
        );
        assert_eq!(QueryDirectoryRequest::decode(&message), Ok(request));
    }

    #[test]
    fn an_odd_pattern_is_refused() {
        let mut message = testing::message(&QueryDirectoryRequest {
            file_information_class: 37,
            flags: QueryDirectoryFlags::empty(),
            file_index: 0,
            file_id: FileId::ZERO,
            file_name: Utf16::from_bytes(b"*\0").expect("even"),
            output_buffer_length: 0,
        });
        message[90] = 1;
        assert!(QueryDirectoryRequest::decode(&message).is_err_and(|error| error.field == "FileNameLength"));
    }

    proptest! {
        #[test]
        fn requests_round_trip(class: u8, flags: u8, numbers: [u32; 2], ids: [u64; 2], pattern in testing::name(30)) {
            let request = QueryDirectoryRequest {
                file_information_class: class,
                flags: flags.into(),
                file_index: numbers[0],
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                file_name: Utf16::from_bytes(&pattern).expect("even"),
                output_buffer_length: numbers[1],
            };
            let message = testing::message(&request);
            prop_assert_eq!(QueryDirectoryRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(output in testing::blob(100)) {
            let response = QueryDirectoryResponse { output_buffer: &output };
            let message = testing::message(&response);
            prop_assert_eq!(QueryDirectoryResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(33), response in testing::hostile(9)) {
            if let Ok(found) = QueryDirectoryRequest::decode(&request) {
                prop_assert!(found.file_name.as_bytes().len() < request.len());
            }
            let _ = QueryDirectoryResponse::decode(&response);
        }
    }
}
