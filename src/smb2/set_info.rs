//! [MS-SMB2] 2.2.39 SMB2 SET_INFO Request and 2.2.40 SMB2 SET_INFO Response.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{BodyStart, DecodeMessage, body, field, fixed, length32};
use super::types::{FileId, InfoType, SecurityInformation, WireFileId};

/// [MS-SMB2] 2.2.39 SMB2 SET_INFO Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetInfoRequest<'a> {
    /// InfoType.
    pub info_type: InfoType,
    /// FileInfoClass: [MS-FSCC] 2.4 for files, 2.5 for file systems, else zero.
    pub file_info_class: u8,
    /// AdditionalInformation; see [`SetInfoRequest::security_information`].
    pub additional_information: u32,
    /// The open to change.
    pub file_id: FileId,
    /// The information.
    pub buffer: &'a [u8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    info_type: u8,
    file_info_class: u8,
    buffer_length: U32,
    buffer_offset: U16,
    reserved: U16,
    additional_information: U32,
    file_id: WireFileId,
}

impl SetInfoRequest<'_> {
    /// StructureSize (2), InfoType (1), FileInfoClass (1), BufferLength (4), BufferOffset (2), Reserved (2),
    /// AdditionalInformation (4), FileId (16), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 2 + 2 + 4 + 16 + 1;

    /// AdditionalInformation of a security change: the parts of the descriptor that are set.
    #[inline]
    #[must_use]
    pub const fn security_information(&self) -> SecurityInformation {
        SecurityInformation::from_bits_retain(self.additional_information)
    }
}

impl<'a> DecodeMessage<'a> for SetInfoRequest<'a> {
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(SetInfoRequest {
            info_type: wire.info_type.into(),
            file_info_class: wire.file_info_class,
            additional_information: wire.additional_information.get(),
            file_id: wire.file_id.into(),
            buffer: field(message, "Buffer", wire.buffer_offset.get(), wire.buffer_length.get())?,
        })
    }
}

impl Encode for SetInfoRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + SetInfoRequest::STRUCTURE_SIZE - 1;
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            info_type: self.info_type.0,
            file_info_class: self.file_info_class,
            buffer_length: length32(self.buffer.len()).into(),
            buffer_offset: BUFFER_OFFSET.into(),
            reserved: U16::ZERO,
            additional_information: self.additional_information.into(),
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.buffer);
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

/// [MS-SMB2] 2.2.40 SMB2 SET_INFO Response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetInfoResponse;

impl SetInfoResponse {
    /// StructureSize (2).
    pub const STRUCTURE_SIZE: u16 = 2;
}

impl<'a> DecodeMessage<'a> for SetInfoResponse {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        body(message, Self::STRUCTURE_SIZE).map(|_| SetInfoResponse)
    }
}

impl Encode for SetInfoResponse {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(Self::STRUCTURE_SIZE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn deleting_a_file_is_one_byte_of_information() {
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: 13,
            additional_information: 0,
            file_id: FileId { persistent: 1, volatile: 2 },
            buffer: &[1],
        };
        let message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex("2100 01 0d 01000000 6000 0000 00000000 0100000000000000 0200000000000000 01")
        );
        assert_eq!(SetInfoRequest::decode(&message), Ok(request));
        assert_eq!(SetInfoResponse.to_bytes(), [2, 0]);
        assert_eq!(SetInfoResponse::decode(&testing::message(&SetInfoResponse)), Ok(SetInfoResponse));
    }

    proptest! {
        #[test]
        fn requests_round_trip(kind: u8, class: u8, additional: u32, ids: [u64; 2], buffer in testing::blob(60)) {
            let request = SetInfoRequest {
                info_type: InfoType(kind),
                file_info_class: class,
                additional_information: additional,
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                buffer: &buffer,
            };
            let message = testing::message(&request);
            prop_assert_eq!(SetInfoRequest::decode(&message), Ok(request));
            prop_assert_eq!(request.security_information().bits(), additional);
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(33), response in testing::hostile(2)) {
            if let Ok(found) = SetInfoRequest::decode(&request) {
                prop_assert!(found.buffer.len() < request.len());
            }
            let _ = SetInfoResponse::decode(&response);
        }
    }
}
