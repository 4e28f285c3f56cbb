//! [MS-SMB2] 2.2.41 SMB2 TRANSFORM_HEADER and 2.2.42 SMB2 COMPRESSION_TRANSFORM_HEADER: what stands in front of
//! sealed and of compressed messages. Knows nothing of keys and of compression itself.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Reader, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::length32;
use super::negotiate_context::CompressionAlgorithm;
use super::types::SessionId;

/// [MS-SMB2] 2.2.41 SMB2 TRANSFORM_HEADER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransformHeader {
    /// Signature: the tag of the cipher.
    pub signature: [u8; 16],
    /// Nonce: 11 bytes for CCM, 12 for GCM, the rest zero.
    pub nonce: [u8; 16],
    /// OriginalMessageSize: bytes of the clear message.
    pub original_message_size: u32,
    /// Flags (3.1.1) or EncryptionAlgorithm (3.0, 3.0.2): [`TransformHeader::ENCRYPTED`] in both.
    pub flags: u16,
    /// The session whose key seals the message.
    pub session_id: SessionId,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireTransform {
    protocol_id: [u8; 4],
    signature: [u8; 16],
    nonce: [u8; 16],
    original_message_size: U32,
    reserved: U16,
    flags: U16,
    session_id: U64,
}

impl TransformHeader {
    /// ProtocolId (4), Signature (16), Nonce (16), OriginalMessageSize (4), Reserved (2), Flags (2), SessionId (8).
    pub const SIZE: usize = 4 + 16 + 16 + 4 + 2 + 2 + 8;
    /// The first four bytes.
    pub const PROTOCOL_ID: [u8; 4] = [0xFD, b'S', b'M', b'B'];
    /// Where the signature stands.
    pub const SIGNATURE_OFFSET: usize = 4;
    /// Where the nonce stands; from here on the header is the cipher's additional data.
    pub const NONCE_OFFSET: usize = 20;
    /// Flags: encrypted; as EncryptionAlgorithm: SMB2_ENCRYPTION_AES128_CCM.
    pub const ENCRYPTED: u16 = 0x0001;

    /// Reads the header at the start of `packet`; what follows it is the sealed message.
    ///
    /// # Errors
    /// `Truncated` below 52 bytes, `Invalid` for another ProtocolId. Flags and size are the caller's to judge.
    #[inline]
    pub fn decode(packet: &[u8]) -> Result<Self, DecodeError> {
        let Ok((wire, _)) = WireTransform::ref_from_prefix(packet) else {
            return Err(DecodeError { field: "TransformHeader", reason: DecodeReason::Truncated, offset: 0 });
        };
        if wire.protocol_id != Self::PROTOCOL_ID {
            return Err(DecodeError { field: "ProtocolId", reason: DecodeReason::Invalid, offset: 0 });
        }
        Ok(TransformHeader {
            signature: wire.signature,
            nonce: wire.nonce,
            original_message_size: wire.original_message_size.get(),
            flags: wire.flags.get(),
            session_id: SessionId(wire.session_id.get()),
        })
    }

    /// The 52 bytes of the header.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let wire = WireTransform {
            protocol_id: Self::PROTOCOL_ID,
            signature: self.signature,
            nonce: self.nonce,
            original_message_size: self.original_message_size.into(),
            reserved: U16::ZERO,
            flags: self.flags.into(),
            session_id: self.session_id.0.into(),
        };
        zerocopy::transmute!(wire)
    }
}

/// SMB2_COMPRESSION_FLAG_CHAINED
const FLAG_CHAINED: u16 = 0x0001;

/// [MS-SMB2] 2.2.42.1 SMB2_COMPRESSION_TRANSFORM_HEADER_UNCHAINED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnchainedCompression<'a> {
    /// OriginalCompressedSegmentSize: bytes that `compressed` stands for.
    pub original_size: u32,
    /// CompressionAlgorithm.
    pub algorithm: CompressionAlgorithm,
    /// The start of the message, as it is: Offset bytes.
    pub uncompressed: &'a [u8],
    /// The rest of it, compressed.
    pub compressed: &'a [u8],
}

/// [MS-SMB2] 2.2.42.2 SMB2_COMPRESSION_TRANSFORM_HEADER_CHAINED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainedCompression<'a> {
    /// OriginalCompressedSegmentSize: bytes of the whole message when it is no longer compressed.
    pub original_size: u32,
    /// The payloads, see [`ChainedCompression::payloads`].
    chain: &'a [u8],
}

/// [MS-SMB2] 2.2.42.2.1 SMB2_COMPRESSION_CHAINED_PAYLOAD_HEADER and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressedPayload<'a> {
    /// NONE: bytes as they are.
    None(&'a [u8]),
    /// LZNT1, LZ77, LZ77+Huffman, LZ4.
    Compressed {
        /// CompressionAlgorithm.
        algorithm: CompressionAlgorithm,
        /// OriginalPayloadSize: bytes that `data` stands for.
        original_size: u32,
        /// The compressed bytes.
        data: &'a [u8],
    },
    /// [MS-SMB2] 2.2.42.2.2 SMB2_COMPRESSION_PATTERN_PAYLOAD_V1.
    Pattern {
        /// The byte.
        pattern: u8,
        /// How often it stands there.
        repetitions: u32,
    },
}

/// [MS-SMB2] 2.2.42 SMB2 COMPRESSION_TRANSFORM_HEADER, both forms, with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionTransform<'a> {
    /// 2.2.42.1
    Unchained(UnchainedCompression<'a>),
    /// 2.2.42.2
    Chained(ChainedCompression<'a>),
}

impl<'a> CompressionTransform<'a> {
    /// The first four bytes.
    pub const PROTOCOL_ID: [u8; 4] = [0xFC, b'S', b'M', b'B'];

    /// Reads a whole packet that starts with 0xFC 'S' 'M' 'B'. The sizes it claims are not bounded here: see
    /// [`CompressionTransform::original_message_size`].
    ///
    /// # Errors
    /// [`DecodeError`] for another ProtocolId and when Offset points outside of the packet.
    pub fn decode(packet: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(packet);
        if reader.array("ProtocolId")? != Self::PROTOCOL_ID {
            return Err(DecodeError { field: "ProtocolId", reason: DecodeReason::Invalid, offset: 0 });
        }
        let original_size = reader.u32("OriginalCompressedSegmentSize")?;
        let chain = reader.remaining();
        let algorithm = CompressionAlgorithm(reader.u16("CompressionAlgorithm")?);
        let flags = reader.u16("Flags")?;
        if flags & FLAG_CHAINED != 0 {
            return Ok(CompressionTransform::Chained(ChainedCompression { original_size, chain }));
        }
        let offset = usize::try_from(reader.u32("Offset")?).unwrap_or(usize::MAX);
        let (uncompressed, compressed) = reader.remaining().split_at_checked(offset).ok_or(DecodeError {
            field: "Offset",
            reason: DecodeReason::OutOfBounds,
            offset: 12,
        })?;
        let unchained = UnchainedCompression { original_size, algorithm, uncompressed, compressed };
        Ok(CompressionTransform::Unchained(unchained))
    }

    /// Bytes of the message when it is no longer compressed, as the header claims; saturates. A receiver compares
    /// it with its limits before it decompresses.
    #[must_use]
    pub fn original_message_size(&self) -> usize {
        let (size, plain) = match self {
            CompressionTransform::Unchained(unchained) => {
                (unchained.original_size, unchained.uncompressed.len())
            }
            CompressionTransform::Chained(chained) => (chained.original_size, 0),
        };
        usize::try_from(size).unwrap_or(usize::MAX).saturating_add(plain)
    }
}

impl Encode for UnchainedCompression<'_> {
    /// Writes the header and what follows it.
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&CompressionTransform::PROTOCOL_ID);
        writer.u32(self.original_size);
        writer.u16(self.algorithm.0);
        writer.u16(0);
        writer.u32(length32(self.uncompressed.len()));
        writer.bytes(self.uncompressed);
        writer.bytes(self.compressed);
    }
}

impl<'a> ChainedCompression<'a> {
    /// The payloads in order; stops after the first error, whose offset counts from the packet's start.
    pub fn payloads(self) -> impl Iterator<Item = Result<CompressedPayload<'a>, DecodeError>> {
        /// ProtocolId, OriginalCompressedSegmentSize.
        const CHAIN_OFFSET: usize = 4 + 4;
        let mut reader = Reader::new(self.chain);
        let mut done = false;
        core::iter::from_fn(move || {
            if done || reader.is_empty() {
                return None;
            }
            let found = CompressedPayload::read(&mut reader)
                .map_err(|error| DecodeError { offset: error.offset.saturating_add(CHAIN_OFFSET), ..error });
            done = found.is_err();
            Some(found)
        })
    }

    /// Writes header and payloads: the other direction of [`CompressionTransform::decode`].
    pub fn encode(original_size: u32, payloads: &[CompressedPayload<'_>], writer: &mut Writer) {
        writer.bytes(&CompressionTransform::PROTOCOL_ID);
        writer.u32(original_size);
        // Only the first payload's header says that the message is chained.
        let mut flags = FLAG_CHAINED;
        for payload in payloads {
            payload.write(flags, writer);
            flags = 0;
        }
    }
}

impl<'a> CompressedPayload<'a> {
    /// Pattern (1), Reserved1 (1), Reserved2 (2), Repetitions (4).
    const PATTERN_SIZE: u32 = 1 + 1 + 2 + 4;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.position();
        let algorithm = CompressionAlgorithm(reader.u16("CompressionAlgorithm")?);
        reader.skip("Flags", 2)?;
        let length = usize::try_from(reader.u32("Length")?).unwrap_or(usize::MAX);
        let data_start = reader.position();
        let data = reader.bytes("CompressedData", length)?;
        let mut inner = Reader::new(data);
        let at =
            |error: DecodeError| DecodeError { offset: error.offset.saturating_add(data_start), ..error };
        match algorithm {
            CompressionAlgorithm::NONE => Ok(CompressedPayload::None(data)),
            CompressionAlgorithm::PATTERN_V1 => {
                let pattern = inner.u8("Pattern").map_err(at)?;
                inner.skip("Reserved", 3).map_err(at)?;
                let repetitions = inner.u32("Repetitions").map_err(at)?;
                Ok(CompressedPayload::Pattern { pattern, repetitions })
            }
            CompressionAlgorithm::LZNT1
            | CompressionAlgorithm::LZ77
            | CompressionAlgorithm::LZ77_HUFFMAN
            | CompressionAlgorithm::LZ4 => {
                let original_size = inner.u32("OriginalPayloadSize").map_err(at)?;
                Ok(CompressedPayload::Compressed { algorithm, original_size, data: inner.remaining() })
            }
            _ => Err(DecodeError {
                field: "CompressionAlgorithm",
                reason: DecodeReason::Invalid,
                offset: start,
            }),
        }
    }

    fn write(&self, flags: u16, writer: &mut Writer) {
        let mut header = |algorithm: CompressionAlgorithm, length: u32| {
            writer.u16(algorithm.0);
            writer.u16(flags);
            writer.u32(length);
        };
        match self {
            CompressedPayload::None(data) => {
                header(CompressionAlgorithm::NONE, length32(data.len()));
                writer.bytes(data);
            }
            CompressedPayload::Compressed { algorithm, original_size, data } => {
                // Length counts OriginalPayloadSize too.
                header(*algorithm, length32(data.len()).saturating_add(4));
                writer.u32(*original_size);
                writer.bytes(data);
            }
            CompressedPayload::Pattern { pattern, repetitions } => {
                header(CompressionAlgorithm::PATTERN_V1, Self::PATTERN_SIZE);
                writer.u8(*pattern);
                writer.zeros(3);
                writer.u32(*repetitions);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn a_transform_header_has_52_bytes() {
        let header = TransformHeader {
            signature: [0xAA; 16],
            nonce: [0xBB; 16],
            original_message_size: 0x68,
            flags: TransformHeader::ENCRYPTED,
            session_id: SessionId(0x0000_1000_0000_0019),
        };
        let bytes = header.encode();
        assert_eq!(
            bytes[..],
            testing::hex(
                "fd534d42 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
                 68000000 0000 0100 1900000000100000"
            )
        );
        assert_eq!(bytes[TransformHeader::SIGNATURE_OFFSET..][..16], [0xAA; 16]);
        assert_eq!(bytes[TransformHeader::NONCE_OFFSET..][..16], [0xBB; 16]);
        assert_eq!(TransformHeader::decode(&bytes), Ok(header));
        assert!(TransformHeader::decode(&bytes[..51]).is_err());
    }

    #[test]
    fn an_unchained_packet_is_cut_at_its_offset() {
        let unchained = UnchainedCompression {
            original_size: 4096,
            algorithm: CompressionAlgorithm::LZ77,
            uncompressed: b"header",
            compressed: b"short",
        };
        let bytes = unchained.to_bytes();
        assert_eq!(bytes[..16], testing::hex("fc534d42 00100000 0200 0000 06000000"));
        let transform = CompressionTransform::Unchained(unchained);
        assert_eq!(CompressionTransform::decode(&bytes), Ok(transform));
        assert_eq!(transform.original_message_size(), 4102);
        let mut outside = bytes;
        outside[12] = 12;
        assert!(CompressionTransform::decode(&outside).is_err_and(|error| error.field == "Offset"));
    }

    #[test]
    fn a_chain_says_so_in_its_first_payload_only() {
        let payloads = [
            CompressedPayload::None(b"header"),
            CompressedPayload::Pattern { pattern: 0x61, repetitions: 1000 },
            CompressedPayload::Compressed {
                algorithm: CompressionAlgorithm::LZ4,
                original_size: 512,
                data: b"x",
            },
        ];
        let mut writer = Writer::new();
        ChainedCompression::encode(1518, &payloads, &mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(
            bytes,
            testing::hex(
                "fc534d42 ee050000 0000 0100 06000000 686561646572
                 0400 0000 08000000 61 00 0000 e8030000
                 0500 0000 05000000 00020000 78"
            )
        );
        let Ok(CompressionTransform::Chained(chained)) = CompressionTransform::decode(&bytes) else {
            panic!("not a chain");
        };
        assert_eq!(chained.payloads().collect::<Result<Vec<_>, _>>(), Ok(payloads.to_vec()));
    }

    #[test]
    fn an_unknown_algorithm_ends_the_chain() {
        let bytes = testing::hex("fc534d42 00000000 0900 0100 00000000");
        let Ok(CompressionTransform::Chained(chained)) = CompressionTransform::decode(&bytes) else {
            panic!("not a chain");
        };
        let error = DecodeError { field: "CompressionAlgorithm", reason: DecodeReason::Invalid, offset: 8 };
        assert_eq!(chained.payloads().collect::<Vec<_>>(), [Err(error)]);
    }

    proptest! {
        #[test]
        fn transform_headers_round_trip(signature: [u8; 16], nonce: [u8; 16], original_message_size: u32, flags: u16, session: u64) {
            let header = TransformHeader { signature, nonce, original_message_size, flags, session_id: SessionId(session) };
            prop_assert_eq!(TransformHeader::decode(&header.encode()), Ok(header));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(first in prop_oneof![Just(0xFC_u8), Just(0xFD)], body in proptest::collection::vec(prop_oneof![3 => 0..6_u8, 1 => any::<u8>()], 0..120)) {
            let packet = [&[first, b'S', b'M', b'B'][..], &body].concat();
            prop_assert_eq!(TransformHeader::decode(&packet).is_ok(), first == 0xFD && packet.len() >= 52);
            if let Ok(CompressionTransform::Chained(chained)) = CompressionTransform::decode(&packet) {
                prop_assert!(chained.payloads().count() <= packet.len() / 8 + 1);
                let good: Vec<_> = chained.payloads().map_while(Result::ok).collect();
                let mut writer = Writer::new();
                ChainedCompression::encode(chained.original_size, &good, &mut writer);
                if !good.is_empty() {
                    let again = CompressionTransform::decode(writer.as_slice());
                    prop_assert!(matches!(again, Ok(CompressionTransform::Chained(found)) if found.payloads().map_while(Result::ok).eq(good.iter().copied())));
                }
            }
        }
    }
}
