//! [MS-SMB2] 2.2.19 SMB2 READ Request and 2.2.20 SMB2 READ Response.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::Smb2Header;
use super::message::{BodyStart, DecodeMessage, field, fixed, length16};
use super::types::{Channel, FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.19.
    ReadFlags(u8) {
        /// SMB2_READFLAG_READ_UNBUFFERED (3.0.2 and later)
        READ_UNBUFFERED = 0x01;
        /// SMB2_READFLAG_REQUEST_COMPRESSED (3.1.1)
        REQUEST_COMPRESSED = 0x02;
    }
}

/// [MS-SMB2] 2.2.19 SMB2 READ Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest<'a> {
    /// Where the client wants the data in the response: an offset from the header, a hint. Zero for any.
    pub padding: u8,
    /// Flags.
    pub flags: ReadFlags,
    /// Bytes to read.
    pub length: u32,
    /// Where in the file; ignored for a pipe.
    pub file_offset: u64,
    /// The open to read.
    pub file_id: FileId,
    /// Fewer bytes than this are END_OF_FILE.
    pub minimum_count: u32,
    /// Channel; reserved before 3.x.
    pub channel: Channel,
    /// Bytes that the client intends to read after these: a hint.
    pub remaining_bytes: u32,
    /// ReadChannelInfo: buffer descriptors of the channel.
    pub channel_info: &'a [u8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    padding: u8,
    flags: u8,
    length: U32,
    file_offset: U64,
    file_id: WireFileId,
    minimum_count: U32,
    channel: U32,
    remaining_bytes: U32,
    channel_info_offset: U16,
    channel_info_length: U16,
}

impl ReadRequest<'_> {
    /// StructureSize (2), Padding (1), Flags (1), Length (4), Offset (8), FileId (16), MinimumCount (4),
    /// Channel (4), RemainingBytes (4), ReadChannelInfoOffset (2), ReadChannelInfoLength (2), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 8 + 16 + 4 + 4 + 4 + 2 + 2 + 1;
}

impl<'a> DecodeMessage<'a> for ReadRequest<'a> {
    /// The channel information is looked at only when there is a channel that has some: before 3.x these fields are reserved, and
    /// what no version defines says nothing of them.
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let channel = Channel(wire.channel.get());
        let channel_info = if !channel.has_information() {
            &[]
        } else {
            field(message, "ReadChannelInfo", wire.channel_info_offset.get(), wire.channel_info_length.get())?
        };
        Ok(ReadRequest {
            padding: wire.padding,
            flags: wire.flags.into(),
            length: wire.length.get(),
            file_offset: wire.file_offset.get(),
            file_id: wire.file_id.into(),
            minimum_count: wire.minimum_count.get(),
            channel,
            remaining_bytes: wire.remaining_bytes.get(),
            channel_info,
        })
    }
}

impl Encode for ReadRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + ReadRequest::STRUCTURE_SIZE - 1;
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            padding: self.padding,
            flags: self.flags.bits(),
            length: self.length.into(),
            file_offset: self.file_offset.into(),
            file_id: self.file_id.into(),
            minimum_count: self.minimum_count.into(),
            channel: self.channel.0.into(),
            remaining_bytes: self.remaining_bytes.into(),
            channel_info_offset: if self.channel_info.is_empty() { 0 } else { BUFFER_OFFSET }.into(),
            channel_info_length: length16(self.channel_info.len()).into(),
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.channel_info);
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.20 (3.1.1).
    ReadResponseFlags(u32) {
        /// SMB2_READFLAG_RESPONSE_RDMA_TRANSFORM
        RDMA_TRANSFORM = 0x0000_0001;
    }
}

/// [MS-SMB2] 2.2.20 SMB2 READ Response: its fixed part. The data follows at once; where it comes from is the
/// caller's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadResponse {
    /// Bytes of data.
    pub data_length: u32,
    /// Bytes that went over the channel.
    pub data_remaining: u32,
    /// Flags; reserved before 3.1.1.
    pub flags: ReadResponseFlags,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireResponse {
    structure_size: U16,
    data_offset: u8,
    reserved: u8,
    data_length: U32,
    data_remaining: U32,
    flags: U32,
}

impl ReadResponse {
    /// StructureSize (2), DataOffset (1), Reserved (1), DataLength (4), DataRemaining (4), Flags (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 4 + 4 + 1;
    /// Bytes of the fixed part, after which the data starts.
    pub const HEADER_SIZE: usize = size_of::<WireResponse>();
    /// Where the data starts, counted from the SMB2 header.
    pub const DATA_OFFSET: u8 = 64 + 16;

    /// The fixed part as an array, for callers that fill a reserved place in front of the data.
    #[inline]
    #[must_use]
    pub fn header_bytes(&self) -> [u8; Self::HEADER_SIZE] {
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            data_offset: Self::DATA_OFFSET,
            reserved: 0,
            data_length: self.data_length.into(),
            data_remaining: self.data_remaining.into(),
            flags: self.flags.bits().into(),
        };
        zerocopy::transmute!(wire)
    }

    /// Reads the fixed part and the data of a whole message (see [`DecodeMessage`]).
    ///
    /// # Errors
    /// [`DecodeError`] when DataOffset and DataLength point outside of the message.
    #[inline]
    pub fn decode_with_data(message: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let wire: &WireResponse = fixed(message, Self::STRUCTURE_SIZE)?;
        let data = field(message, "Buffer", wire.data_offset, wire.data_length.get())?;
        let response = ReadResponse {
            data_length: wire.data_length.get(),
            data_remaining: wire.data_remaining.get(),
            flags: wire.flags.get().into(),
        };
        Ok((response, data))
    }
}

impl Encode for ReadResponse {
    /// Writes [`ReadResponse::HEADER_SIZE`] bytes: not the data.
    #[inline]
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.header_bytes());
    }
}

const _: () = assert!(ReadResponse::DATA_OFFSET as usize == Smb2Header::SIZE + ReadResponse::HEADER_SIZE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    /// [MS-SMB2] 4.3 Reading from a Remote File.
    #[test]
    fn the_layout_is_that_of_the_specification() {
        let request = ReadRequest {
            padding: 0x50,
            flags: ReadFlags::empty(),
            length: 0x0001_0000,
            file_offset: 0,
            file_id: FileId { persistent: 0x0000_0000_0000_0009, volatile: 0x0000_0000_0000_0001 },
            minimum_count: 0,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
        };
        let body = testing::hex(
            "3100 50 00 00000100 0000000000000000 0900000000000000 0100000000000000
             00000000 00000000 00000000 0000 0000 00",
        );
        assert_eq!(request.to_bytes(), body);
        let mut message = testing::message(&request);
        assert_eq!(ReadRequest::decode(&message), Ok(request));
        // Some clients leave the one byte of Buffer out.
        message.truncate(112);
        assert_eq!(ReadRequest::decode(&message), Ok(request));
    }

    #[test]
    fn the_data_of_a_response_starts_at_byte_80() {
        let response = ReadResponse { data_length: 3, ..ReadResponse::default() };
        let mut message = testing::message(&response);
        assert_eq!(message[64..], testing::hex("1100 50 00 03000000 00000000 00000000"));
        message.extend_from_slice(b"abc");
        assert_eq!(ReadResponse::decode_with_data(&message), Ok((response, &b"abc"[..])));
        message.pop();
        assert!(ReadResponse::decode_with_data(&message).is_err_and(|error| error.field == "Buffer"));
    }

    #[test]
    fn the_data_of_a_response_may_lie_behind_padding() {
        let response = ReadResponse { data_length: 3, ..ReadResponse::default() };
        for padding in [1, 8, 100] {
            let mut message = testing::message(&response);
            message[66] += padding;
            message.extend(vec![0xEE; usize::from(padding)]);
            message.extend_from_slice(b"abc");
            assert_eq!(ReadResponse::decode_with_data(&message), Ok((response, &b"abc"[..])));
            message.pop();
            assert!(ReadResponse::decode_with_data(&message).is_err_and(|error| error.field == "Buffer"));
        }
    }

    #[test]
    fn channel_information_counts_only_with_a_channel() {
        let request = ReadRequest {
            padding: 0,
            flags: ReadFlags::empty(),
            length: 0,
            file_offset: 0,
            file_id: FileId::ANY,
            minimum_count: 0,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
        };
        let mut message = testing::message(&request);
        message[108..112].fill(0xFF);
        assert_eq!(ReadRequest::decode(&message), Ok(request));
        message[100] = 1;
        assert!(ReadRequest::decode(&message).is_err_and(|error| error.field == "ReadChannelInfo"));
        message[100] = 4;
        let unknown = ReadRequest { channel: Channel(4), ..request };
        assert_eq!(ReadRequest::decode(&message), Ok(unknown));
    }

    proptest! {
        #[test]
        fn requests_round_trip(bytes: [u8; 2], numbers: [u32; 3], ids: [u64; 3], channel in 0..3_u32, info in testing::blob(40)) {
            let request = ReadRequest {
                padding: bytes[0],
                flags: bytes[1].into(),
                length: numbers[0],
                file_offset: ids[0],
                file_id: FileId { persistent: ids[1], volatile: ids[2] },
                minimum_count: numbers[1],
                channel: Channel(channel),
                remaining_bytes: numbers[2],
                channel_info: if channel == 0 { &[] } else { &info },
            };
            let message = testing::message(&request);
            prop_assert_eq!(ReadRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(data in testing::blob(100), data_remaining: u32, flags: u32) {
            let data_length = u32::try_from(data.len()).expect("short");
            let response = ReadResponse { data_length, data_remaining, flags: flags.into() };
            let mut message = testing::message(&response);
            message.extend_from_slice(&data);
            prop_assert_eq!(ReadResponse::decode_with_data(&message), Ok((response, data.as_slice())));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(49), response in testing::hostile(17)) {
            if let Ok(found) = ReadRequest::decode(&request) {
                prop_assert!(found.channel_info.len() < request.len());
            }
            if let Ok((found, data)) = ReadResponse::decode_with_data(&response) {
                prop_assert_eq!(usize::try_from(found.data_length), Ok(data.len()));
            }
        }
    }
}
