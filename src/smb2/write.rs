//! [MS-SMB2] 2.2.21 SMB2 WRITE Request and 2.2.22 SMB2 WRITE Response.

use core::ops::Range;

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{BodyStart, DecodeMessage, field, fixed, length16, length32};
use super::types::{Channel, FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.21.
    WriteFlags(u32) {
        /// SMB2_WRITEFLAG_WRITE_THROUGH (2.1 and later)
        WRITE_THROUGH = 0x0000_0001;
        /// SMB2_WRITEFLAG_WRITE_UNBUFFERED (3.0.2 and later)
        WRITE_UNBUFFERED = 0x0000_0002;
    }
}

/// [MS-SMB2] 2.2.21 SMB2 WRITE Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRequest<'a> {
    /// Where in the file; ignored for a pipe.
    pub file_offset: u64,
    /// The open to write.
    pub file_id: FileId,
    /// Channel; reserved before 3.x.
    pub channel: Channel,
    /// Bytes that the client intends to write after these: a hint. With a channel, the bytes it transfers.
    pub remaining_bytes: u32,
    /// WriteChannelInfo: buffer descriptors of the channel.
    pub channel_info: &'a [u8],
    /// Flags.
    pub flags: WriteFlags,
    /// DataOffset: where the data starts, counted from the SMB2 header. Encoding writes
    /// [`WriteRequest::DATA_OFFSET`] (or what follows the channel information) and ignores this.
    pub data_message_offset: u16,
    /// The data. May be empty.
    pub data: &'a [u8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    data_offset: U16,
    length: U32,
    file_offset: U64,
    file_id: WireFileId,
    channel: U32,
    remaining_bytes: U32,
    channel_info_offset: U16,
    channel_info_length: U16,
    flags: U32,
}

impl WriteRequest<'_> {
    /// StructureSize (2), DataOffset (2), Length (4), Offset (8), FileId (16), Channel (4), RemainingBytes (4),
    /// WriteChannelInfoOffset (2), WriteChannelInfoLength (2), Flags (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 8 + 16 + 4 + 4 + 2 + 2 + 4 + 1;
    /// Where the data usually starts, counted from the SMB2 header.
    pub const DATA_OFFSET: u16 = 64 + Self::STRUCTURE_SIZE - 1;
    /// [MS-SMB2] 3.3.5.13: a larger DataOffset fails the request.
    pub const MAX_DATA_OFFSET: u16 = 0x100;
    /// Header and fixed part: what stands before the data when that is at [`WriteRequest::DATA_OFFSET`].
    pub const HEAD_BYTES: usize = Self::DATA_OFFSET as usize;

    /// Where the data stands in the message that was decoded, for callers that keep the message itself alive.
    /// Empty (at zero) when there is no data.
    #[inline]
    #[must_use]
    pub fn data_range(&self) -> Range<usize> {
        if self.data.is_empty() {
            return 0..0;
        }
        let start = usize::from(self.data_message_offset);
        start..start.saturating_add(self.data.len())
    }
}

/// [MS-SMB2] 2.2.21 SMB2 WRITE Request of which only the header and the fixed part have come: its data follows in the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteHead {
    /// Offset.
    pub file_offset: u64,
    /// The open to write.
    pub file_id: FileId,
    /// Channel; reserved before 3.x.
    pub channel: Channel,
    /// Flags.
    pub flags: WriteFlags,
    /// DataOffset, counted from the SMB2 header.
    pub data_message_offset: u16,
    /// Length: bytes of data.
    pub length_bytes: u32,
}

impl<'a> DecodeMessage<'a> for WriteHead {
    /// Looks at the fixed part only: `message` may end with it.
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, WriteRequest::STRUCTURE_SIZE)?;
        Ok(WriteHead {
            file_offset: wire.file_offset.get(),
            file_id: wire.file_id.into(),
            channel: Channel(wire.channel.get()),
            flags: wire.flags.get().into(),
            data_message_offset: wire.data_offset.get(),
            length_bytes: wire.length.get(),
        })
    }
}

impl<'a> DecodeMessage<'a> for WriteRequest<'a> {
    /// The channel information is looked at only when there is a channel that has some: before 3.x these fields are reserved, and
    /// what no version defines says nothing of them.
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let channel = Channel(wire.channel.get());
        let channel_info = if !channel.has_information() {
            &[]
        } else {
            field(
                message,
                "WriteChannelInfo",
                wire.channel_info_offset.get(),
                wire.channel_info_length.get(),
            )?
        };
        let data_message_offset = wire.data_offset.get();
        Ok(WriteRequest {
            file_offset: wire.file_offset.get(),
            file_id: wire.file_id.into(),
            channel,
            remaining_bytes: wire.remaining_bytes.get(),
            channel_info,
            flags: wire.flags.get().into(),
            data_message_offset,
            data: field(message, "Buffer", data_message_offset, wire.length.get())?,
        })
    }
}

impl Encode for WriteRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        let start = BodyStart::at(writer);
        let channel_info_length = length16(self.channel_info.len());
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            data_offset: Self::DATA_OFFSET.saturating_add(channel_info_length).into(),
            length: length32(self.data.len()).into(),
            file_offset: self.file_offset.into(),
            file_id: self.file_id.into(),
            channel: self.channel.0.into(),
            remaining_bytes: self.remaining_bytes.into(),
            channel_info_offset: if channel_info_length == 0 { 0 } else { Self::DATA_OFFSET }.into(),
            channel_info_length: channel_info_length.into(),
            flags: self.flags.bits().into(),
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.channel_info);
        writer.bytes(self.data);
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

/// [MS-SMB2] 2.2.22 SMB2 WRITE Response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteResponse {
    /// Bytes written.
    pub count: u32,
    /// Zero.
    pub remaining: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireResponse {
    structure_size: U16,
    reserved: U16,
    count: U32,
    remaining: U32,
    channel_info_offset: U16,
    channel_info_length: U16,
}

impl WriteResponse {
    /// StructureSize (2), Reserved (2), Count (4), Remaining (4), WriteChannelInfoOffset (2),
    /// WriteChannelInfoLength (2), one byte of Buffer, which no server sends.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 4 + 2 + 2 + 1;
}

impl<'a> DecodeMessage<'a> for WriteResponse {
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireResponse = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(WriteResponse { count: wire.count.get(), remaining: wire.remaining.get() })
    }
}

impl Encode for WriteResponse {
    #[inline]
    fn encode(&self, writer: &mut Writer) {
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved: U16::ZERO,
            count: self.count.into(),
            remaining: self.remaining.into(),
            channel_info_offset: U16::ZERO,
            channel_info_length: U16::ZERO,
        };
        writer.bytes(wire.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use freehold_dtyp::DecodeReason;
    use proptest::prelude::*;

    fn request(data: &[u8]) -> WriteRequest<'_> {
        WriteRequest {
            file_offset: 0,
            file_id: FileId { persistent: 9, volatile: 1 },
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags: WriteFlags::empty(),
            data_message_offset: WriteRequest::DATA_OFFSET,
            data,
        }
    }

    /// [MS-SMB2] 4.6 Writing to a Remote File, its data shortened.
    #[test]
    fn the_layout_is_that_of_the_specification() {
        let message = testing::message(&request(b"data"));
        assert_eq!(
            message[64..],
            testing::hex(
                "3100 7000 04000000 0000000000000000 0900000000000000 0100000000000000
                 00000000 00000000 0000 0000 00000000 64617461"
            )
        );
        assert_eq!(WriteRequest::decode(&message), Ok(request(b"data")));
        assert_eq!(
            WriteResponse { count: 4, remaining: 0 }.to_bytes(),
            testing::hex("1100 0000 04000000 00000000 0000 0000")
        );
    }

    #[test]
    fn nothing_may_be_written_and_the_odd_byte_may_be_missing() {
        let mut message = testing::message(&request(b""));
        assert_eq!(message.len(), 64 + 49);
        message.truncate(64 + 48);
        message[66..68].fill(0);
        let found = WriteRequest::decode(&message).expect("a request");
        assert_eq!((found.data, found.data_range()), (&b""[..], 0..0));
    }

    #[test]
    fn a_head_needs_no_data() {
        let message = testing::message(&request(b"data"));
        let head = WriteHead::decode(&message[..WriteRequest::HEAD_BYTES]).expect("a head");
        assert_eq!(head, WriteHead::decode(&message).expect("a head"));
        assert_eq!((head.length_bytes, head.data_message_offset), (4, WriteRequest::DATA_OFFSET));
        assert!(WriteHead::decode(&message[..WriteRequest::HEAD_BYTES - 1]).is_err());
    }

    #[test]
    fn channel_information_counts_only_with_a_channel_that_has_some() {
        let unknown = WriteRequest { channel: Channel(4), ..request(b"abc") };
        let mut message = testing::message(&unknown);
        // WriteChannelInfoOffset, WriteChannelInfoLength
        message[104..108].fill(0xFF);
        assert_eq!(WriteRequest::decode(&message), Ok(unknown));
        message[96] = 1;
        assert!(WriteRequest::decode(&message).is_err_and(|error| error.field == "WriteChannelInfo"));
    }

    #[test]
    fn data_outside_of_the_message_is_refused() {
        for (offset, length) in [(112_u16, 5_u32), (63, 1), (65_535, 1), (112, u32::MAX)] {
            let mut message = testing::message(&request(b"data"));
            message[66..68].copy_from_slice(&offset.to_le_bytes());
            message[68..72].copy_from_slice(&length.to_le_bytes());
            assert_eq!(
                WriteRequest::decode(&message).map_err(|error| (error.field, error.reason)),
                Err(("Buffer", DecodeReason::OutOfBounds))
            );
        }
    }

    proptest! {
        #[test]
        fn requests_round_trip(numbers: [u32; 2], ids: [u64; 3], channel in 0..3_u32, info in testing::blob(40), data in testing::blob(200)) {
            let info: &[u8] = if channel == 0 { &[] } else { &info };
            let request = WriteRequest {
                file_offset: ids[0],
                file_id: FileId { persistent: ids[1], volatile: ids[2] },
                channel: Channel(channel),
                remaining_bytes: numbers[0],
                channel_info: info,
                flags: numbers[1].into(),
                data_message_offset: WriteRequest::DATA_OFFSET + u16::try_from(info.len()).expect("short"),
                data: &data,
            };
            let message = testing::message(&request);
            prop_assert_eq!(WriteRequest::decode(&message), Ok(request));
            prop_assert_eq!(&message[request.data_range()], data.as_slice());
        }

        #[test]
        fn responses_round_trip(count: u32, remaining: u32) {
            let response = WriteResponse { count, remaining };
            let message = testing::message(&response);
            prop_assert_eq!(WriteResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(49), response in testing::hostile(17)) {
            if let Ok(found) = WriteRequest::decode(&request) {
                prop_assert_eq!(request.get(found.data_range()), Some(found.data));
            }
            let _ = WriteResponse::decode(&response);
        }
    }
}
