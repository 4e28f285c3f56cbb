//! [MS-SMB2] 2.2.15 SMB2 CLOSE Request and 2.2.16 SMB2 CLOSE Response.

use freehold_dtyp::{DecodeError, Encode, FileTime, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{DecodeMessage, fixed};
use super::types::{FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.15 and 2.2.16.
    CloseFlags(u16) {
        /// SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB: the response holds the file's attributes.
        POSTQUERY_ATTRIB = 0x0001;
    }
}

/// [MS-SMB2] 2.2.15 SMB2 CLOSE Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// Flags.
    pub flags: CloseFlags,
    /// The open to close.
    pub file_id: FileId,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    flags: U16,
    reserved: U32,
    file_id: WireFileId,
}

impl CloseRequest {
    /// StructureSize (2), Flags (2), Reserved (4), FileId (16).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16;
}

impl<'a> DecodeMessage<'a> for CloseRequest {
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(CloseRequest { flags: wire.flags.get().into(), file_id: wire.file_id.into() })
    }
}

impl Encode for CloseRequest {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            flags: self.flags.bits().into(),
            reserved: U32::ZERO,
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
    }
}

/// [MS-SMB2] 2.2.16 SMB2 CLOSE Response. Without POSTQUERY_ATTRIB everything is zero: [`Default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseResponse {
    /// Flags.
    pub flags: CloseFlags,
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
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireResponse {
    structure_size: U16,
    flags: U16,
    reserved: U32,
    creation_time: U64,
    last_access_time: U64,
    last_write_time: U64,
    change_time: U64,
    allocation_size: U64,
    end_of_file: U64,
    file_attributes: U32,
}

impl CloseResponse {
    /// StructureSize (2), Flags (2), Reserved (4), CreationTime (8), LastAccessTime (8), LastWriteTime (8),
    /// ChangeTime (8), AllocationSize (8), EndofFile (8), FileAttributes (4).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 8 + 8 + 8 + 8 + 8 + 8 + 4;
}

impl<'a> DecodeMessage<'a> for CloseResponse {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireResponse = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(CloseResponse {
            flags: wire.flags.get().into(),
            creation_time: FileTime(wire.creation_time.get()),
            last_access_time: FileTime(wire.last_access_time.get()),
            last_write_time: FileTime(wire.last_write_time.get()),
            change_time: FileTime(wire.change_time.get()),
            allocation_size: wire.allocation_size.get(),
            end_of_file: wire.end_of_file.get(),
            file_attributes: wire.file_attributes.get(),
        })
    }
}

impl Encode for CloseResponse {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            flags: self.flags.bits().into(),
            reserved: U32::ZERO,
            creation_time: self.creation_time.0.into(),
            last_access_time: self.last_access_time.0.into(),
            last_write_time: self.last_write_time.0.into(),
            change_time: self.change_time.0.into(),
            allocation_size: self.allocation_size.into(),
            end_of_file: self.end_of_file.into(),
            file_attributes: self.file_attributes.into(),
        };
        writer.bytes(wire.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    /// [MS-SMB2] 4.4 Executing an Operation on a Named Pipe: the CLOSE at its end.
    #[test]
    fn the_layout_is_that_of_the_specification() {
        let request = CloseRequest {
            flags: CloseFlags::empty(),
            file_id: FileId { persistent: 0x0000_0000_0000_0001, volatile: 0x0000_0002_0000_0001 },
        };
        assert_eq!(request.to_bytes(), testing::hex("1800 0000 00000000 0100000000000000 0100000002000000"));
        assert_eq!(CloseResponse::default().to_bytes(), [&[60_u8, 0][..], &[0; 58]].concat());
    }

    proptest! {
        #[test]
        fn requests_round_trip(flags: u16, persistent: u64, volatile: u64) {
            let request = CloseRequest { flags: flags.into(), file_id: FileId { persistent, volatile } };
            let message = testing::message(&request);
            prop_assert_eq!(CloseRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(flags: u16, times: [u64; 4], sizes: [u64; 2], file_attributes: u32) {
            let response = CloseResponse {
                flags: flags.into(),
                creation_time: FileTime(times[0]),
                last_access_time: FileTime(times[1]),
                last_write_time: FileTime(times[2]),
                change_time: FileTime(times[3]),
                allocation_size: sizes[0],
                end_of_file: sizes[1],
                file_attributes,
            };
            let message = testing::message(&response);
            prop_assert_eq!(CloseResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(24), response in testing::hostile(60)) {
            prop_assert!(CloseRequest::decode(&request).is_err() || request.len() >= 88);
            prop_assert!(CloseResponse::decode(&response).is_err() || response.len() >= 124);
        }
    }
}
