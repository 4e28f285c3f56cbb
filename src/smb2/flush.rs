//! [MS-SMB2] 2.2.17 SMB2 FLUSH Request and 2.2.18 SMB2 FLUSH Response.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::logoff::empty_message;
use super::message::{DecodeMessage, body, fixed};
use super::types::{FileId, WireFileId};

/// [MS-SMB2] 2.2.17 SMB2 FLUSH Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushRequest {
    /// Reserved1: reserved in the specification; see [`FlushRequest::FULL_SYNC`].
    pub reserved1: u16,
    /// The open to flush.
    pub file_id: FileId,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    reserved1: U16,
    reserved2: U32,
    file_id: WireFileId,
}

impl FlushRequest {
    /// StructureSize (2), Reserved1 (2), Reserved2 (4), FileId (16).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16;
    /// Reserved1 of a Mac that asks for F_FULLFSYNC.
    pub const FULL_SYNC: u16 = 0xFFFF;
}

impl<'a> DecodeMessage<'a> for FlushRequest {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(FlushRequest { reserved1: wire.reserved1.get(), file_id: wire.file_id.into() })
    }
}

impl Encode for FlushRequest {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved1: self.reserved1.into(),
            reserved2: U32::ZERO,
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
    }
}

empty_message! {
    /// [MS-SMB2] 2.2.18 SMB2 FLUSH Response.
    FlushResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn responses_round_trip() {
        assert_eq!(FlushResponse::decode(&testing::message(&FlushResponse)), Ok(FlushResponse));
    }

    proptest! {
        #[test]
        fn requests_round_trip(reserved1: u16, persistent: u64, volatile: u64) {
            let request = FlushRequest { reserved1, file_id: FileId { persistent, volatile } };
            let message = testing::message(&request);
            prop_assert_eq!(message.len(), 64 + 24);
            prop_assert_eq!(FlushRequest::decode(&message), Ok(request));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(24)) {
            prop_assert!(FlushRequest::decode(&request).is_err() || request.len() >= 88);
        }
    }
}
