//! [MS-SMB2] 2.2.3.1 SMB2 NEGOTIATE_CONTEXT Request Values and 2.2.4.1 SMB2 NEGOTIATE_CONTEXT Response
//! Values: the same layouts both ways.

use freehold_dtyp::{DecodeError, DecodeReason, Guid, Reader, Writer};

use super::message::{List, length16};
use super::types::{open_flags, open_number};
use super::utf16::Utf16;

open_number! {
    /// ContextType of [MS-SMB2] 2.2.3.1.
    NegotiateContextType(u16) {
        /// SMB2_PREAUTH_INTEGRITY_CAPABILITIES
        PREAUTH_INTEGRITY_CAPABILITIES = 0x0001;
        /// SMB2_ENCRYPTION_CAPABILITIES
        ENCRYPTION_CAPABILITIES = 0x0002;
        /// SMB2_COMPRESSION_CAPABILITIES
        COMPRESSION_CAPABILITIES = 0x0003;
        /// SMB2_NETNAME_NEGOTIATE_CONTEXT_ID
        NETNAME_NEGOTIATE_CONTEXT_ID = 0x0005;
        /// SMB2_TRANSPORT_CAPABILITIES
        TRANSPORT_CAPABILITIES = 0x0006;
        /// SMB2_RDMA_TRANSFORM_CAPABILITIES
        RDMA_TRANSFORM_CAPABILITIES = 0x0007;
        /// SMB2_SIGNING_CAPABILITIES
        SIGNING_CAPABILITIES = 0x0008;
        /// POSIX extensions (not of MS-SMB2).
        POSIX_EXTENSIONS_AVAILABLE = 0x0100;
    }
}

open_number! {
    /// HashAlgorithms of [MS-SMB2] 2.2.3.1.1.
    HashAlgorithm(u16) {
        /// SHA-512
        SHA_512 = 0x0001;
    }
}

open_number! {
    /// Ciphers of [MS-SMB2] 2.2.3.1.2.
    Cipher(u16) {
        /// AES-128-CCM
        AES_128_CCM = 0x0001;
        /// AES-128-GCM
        AES_128_GCM = 0x0002;
        /// AES-256-CCM
        AES_256_CCM = 0x0003;
        /// AES-256-GCM
        AES_256_GCM = 0x0004;
    }
}

open_number! {
    /// CompressionAlgorithms of [MS-SMB2] 2.2.3.1.3.
    CompressionAlgorithm(u16) {
        /// No compression.
        NONE = 0x0000;
        /// LZNT1
        LZNT1 = 0x0001;
        /// LZ77
        LZ77 = 0x0002;
        /// LZ77 with Huffman
        LZ77_HUFFMAN = 0x0003;
        /// Pattern scanning
        PATTERN_V1 = 0x0004;
        /// LZ4
        LZ4 = 0x0005;
    }
}

open_number! {
    /// SigningAlgorithms of [MS-SMB2] 2.2.3.1.7.
    SigningAlgorithm(u16) {
        /// HMAC-SHA256
        HMAC_SHA256 = 0x0000;
        /// AES-CMAC
        AES_CMAC = 0x0001;
        /// AES-GMAC
        AES_GMAC = 0x0002;
    }
}

open_number! {
    /// RDMATransformIds of [MS-SMB2] 2.2.3.1.6.
    RdmaTransform(u16) {
        /// None.
        NONE = 0x0000;
        /// Encryption of RDMA payload.
        ENCRYPTION = 0x0001;
        /// Signing of RDMA payload.
        SIGNING = 0x0002;
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.3.1.3.
    CompressionFlags(u32) {
        /// SMB2_COMPRESSION_CAPABILITIES_FLAG_CHAINED
        CHAINED = 0x0000_0001;
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.3.1.5.
    TransportFlags(u32) {
        /// SMB2_ACCEPT_TRANSPORT_LEVEL_SECURITY
        ACCEPT_TRANSPORT_LEVEL_SECURITY = 0x0000_0001;
    }
}

/// Tag of the POSIX extensions, in the negotiate context and as the name of the create context.
pub const POSIX_TAG: Guid =
    Guid([0x93, 0xAD, 0x25, 0x50, 0x9C, 0xB4, 0x11, 0xE7, 0xB4, 0x23, 0x83, 0xDE, 0x96, 0x8B, 0xCD, 0x7C]);

/// One negotiate context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NegotiateContext<'a> {
    /// [MS-SMB2] 2.2.3.1.1 SMB2_PREAUTH_INTEGRITY_CAPABILITIES.
    PreauthIntegrity {
        /// Hash algorithms; a response names one.
        hash_algorithms: List<'a, HashAlgorithm>,
        /// Random bytes.
        salt: &'a [u8],
    },
    /// [MS-SMB2] 2.2.3.1.2 SMB2_ENCRYPTION_CAPABILITIES.
    Encryption {
        /// In the order of preference; a response names one, or 0 for none.
        ciphers: List<'a, Cipher>,
    },
    /// [MS-SMB2] 2.2.3.1.3 SMB2_COMPRESSION_CAPABILITIES.
    Compression {
        /// Whether payloads may be chained.
        flags: CompressionFlags,
        /// In the order of preference.
        algorithms: List<'a, CompressionAlgorithm>,
    },
    /// [MS-SMB2] 2.2.3.1.4 SMB2_NETNAME_NEGOTIATE_CONTEXT_ID: the server name the user typed. Requests only.
    NetName(Utf16<'a>),
    /// [MS-SMB2] 2.2.3.1.5 SMB2_TRANSPORT_CAPABILITIES.
    Transport(TransportFlags),
    /// [MS-SMB2] 2.2.3.1.6 SMB2_RDMA_TRANSFORM_CAPABILITIES.
    RdmaTransform {
        /// Transforms supported.
        transforms: List<'a, RdmaTransform>,
    },
    /// [MS-SMB2] 2.2.3.1.7 SMB2_SIGNING_CAPABILITIES.
    Signing {
        /// In the order of preference; a response names one.
        algorithms: List<'a, SigningAlgorithm>,
    },
    /// POSIX extensions: the tags that the sender knows, 16 bytes each; see [`POSIX_TAG`].
    PosixExtensions {
        /// The tags.
        tags: &'a [[u8; 16]],
    },
}

impl<'a> NegotiateContext<'a> {
    /// The context's type.
    #[must_use]
    pub const fn context_type(&self) -> NegotiateContextType {
        match self {
            NegotiateContext::PreauthIntegrity { .. } => NegotiateContextType::PREAUTH_INTEGRITY_CAPABILITIES,
            NegotiateContext::Encryption { .. } => NegotiateContextType::ENCRYPTION_CAPABILITIES,
            NegotiateContext::Compression { .. } => NegotiateContextType::COMPRESSION_CAPABILITIES,
            NegotiateContext::NetName(_) => NegotiateContextType::NETNAME_NEGOTIATE_CONTEXT_ID,
            NegotiateContext::Transport(_) => NegotiateContextType::TRANSPORT_CAPABILITIES,
            NegotiateContext::RdmaTransform { .. } => NegotiateContextType::RDMA_TRANSFORM_CAPABILITIES,
            NegotiateContext::Signing { .. } => NegotiateContextType::SIGNING_CAPABILITIES,
            NegotiateContext::PosixExtensions { .. } => NegotiateContextType::POSIX_EXTENSIONS_AVAILABLE,
        }
    }

    /// Reads the data of a context; `Ok(None)` when its type is not known.
    ///
    /// # Errors
    /// [`DecodeError`] whose offset counts from the data.
    pub fn decode_data(
        context_type: NegotiateContextType,
        data: &'a [u8],
    ) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Some(match context_type {
            NegotiateContextType::PREAUTH_INTEGRITY_CAPABILITIES => {
                let count = reader.u16("HashAlgorithmCount")?;
                let salt_length = reader.u16("SaltLength")?;
                let hash_algorithms = List::read(&mut reader, "HashAlgorithms", count)?;
                let salt = reader.bytes("Salt", usize::from(salt_length))?;
                NegotiateContext::PreauthIntegrity { hash_algorithms, salt }
            }
            NegotiateContextType::ENCRYPTION_CAPABILITIES => {
                let count = reader.u16("CipherCount")?;
                NegotiateContext::Encryption { ciphers: List::read(&mut reader, "Ciphers", count)? }
            }
            NegotiateContextType::COMPRESSION_CAPABILITIES => {
                let count = reader.u16("CompressionAlgorithmCount")?;
                reader.skip("Padding", 2)?;
                let flags = CompressionFlags::from(reader.u32("Flags")?);
                let algorithms = List::read(&mut reader, "CompressionAlgorithms", count)?;
                NegotiateContext::Compression { flags, algorithms }
            }
            NegotiateContextType::NETNAME_NEGOTIATE_CONTEXT_ID => {
                NegotiateContext::NetName(Utf16::checked(data, "NetName", 0)?)
            }
            NegotiateContextType::TRANSPORT_CAPABILITIES => {
                NegotiateContext::Transport(TransportFlags::from(reader.u32("Flags")?))
            }
            NegotiateContextType::RDMA_TRANSFORM_CAPABILITIES => {
                let count = reader.u16("TransformCount")?;
                reader.skip("Reserved", 6)?;
                NegotiateContext::RdmaTransform {
                    transforms: List::read(&mut reader, "RDMATransformIds", count)?,
                }
            }
            NegotiateContextType::SIGNING_CAPABILITIES => {
                let count = reader.u16("SigningAlgorithmCount")?;
                NegotiateContext::Signing { algorithms: List::read(&mut reader, "SigningAlgorithms", count)? }
            }
            NegotiateContextType::POSIX_EXTENSIONS_AVAILABLE => {
                NegotiateContext::PosixExtensions { tags: data.as_chunks::<16>().0 }
            }
            _ => return Ok(None),
        }))
    }

    /// Writes the data without the context's header.
    fn write_data(&self, writer: &mut Writer) {
        match self {
            NegotiateContext::PreauthIntegrity { hash_algorithms, salt } => {
                writer.u16(length16(hash_algorithms.len()));
                writer.u16(length16(salt.len()));
                hash_algorithms.write(writer);
                writer.bytes(salt);
            }
            NegotiateContext::Encryption { ciphers } => {
                writer.u16(length16(ciphers.len()));
                ciphers.write(writer);
            }
            NegotiateContext::Compression { flags, algorithms } => {
                writer.u16(length16(algorithms.len()));
                writer.u16(0);
                writer.u32(flags.bits());
                algorithms.write(writer);
            }
            NegotiateContext::NetName(name) => writer.bytes(name.as_bytes()),
            NegotiateContext::Transport(flags) => writer.u32(flags.bits()),
            NegotiateContext::RdmaTransform { transforms } => {
                writer.u16(length16(transforms.len()));
                writer.zeros(6);
                transforms.write(writer);
            }
            NegotiateContext::Signing { algorithms } => {
                writer.u16(length16(algorithms.len()));
                algorithms.write(writer);
            }
            NegotiateContext::PosixExtensions { tags } => {
                for tag in *tags {
                    writer.bytes(tag);
                }
            }
        }
    }
}

/// A list of negotiate contexts: borrowed from a message or from values to be encoded.
#[derive(Clone, Copy)]
pub struct NegotiateContexts<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    /// `list` starts at `offset` of its message, a multiple of 8, and holds `count` contexts.
    Wire {
        list: &'a [u8],
        count: u16,
        offset: usize,
    },
    Values(&'a [NegotiateContext<'a>]),
}

impl<'a> NegotiateContexts<'a> {
    /// No context.
    pub const EMPTY: NegotiateContexts<'static> = NegotiateContexts(Kind::Values(&[]));

    pub(crate) const fn wire(list: &'a [u8], count: u16, offset: usize) -> Self {
        NegotiateContexts(Kind::Wire { list, count, offset })
    }

    /// The contexts in order; ones of an unknown type are left out. Stops after the first error, whose offset
    /// counts from the message's header.
    #[must_use]
    pub fn iter(self) -> NegotiateContextIter<'a> {
        match self.0 {
            Kind::Wire { list, count, offset } => {
                NegotiateContextIter { reader: Reader::new(list), left: count, offset, values: &[] }
            }
            Kind::Values(values) => {
                NegotiateContextIter { reader: Reader::new(&[]), left: 0, offset: 0, values }
            }
        }
    }

    /// Writes the list; the writer stands at a multiple of 8 from the header. Returns the number of contexts.
    pub(crate) fn write(self, writer: &mut Writer) -> u16 {
        let start = writer.position();
        let mut count = 0_u16;
        for context in self.iter().map_while(Result::ok) {
            writer.align_from(start, 8);
            writer.u16(context.context_type().0);
            let length_at = writer.position();
            writer.u16(0);
            writer.u32(0);
            let data_start = writer.position();
            context.write_data(writer);
            writer.patch_u16(length_at, writer.position().saturating_sub(data_start));
            count = count.saturating_add(1);
        }
        count
    }
}

impl<'a> From<&'a [NegotiateContext<'a>]> for NegotiateContexts<'a> {
    fn from(values: &'a [NegotiateContext<'a>]) -> Self {
        NegotiateContexts(Kind::Values(values))
    }
}

impl<'a, const N: usize> From<&'a [NegotiateContext<'a>; N]> for NegotiateContexts<'a> {
    fn from(values: &'a [NegotiateContext<'a>; N]) -> Self {
        NegotiateContexts(Kind::Values(values))
    }
}

impl PartialEq for NegotiateContexts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl core::fmt::Debug for NegotiateContexts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Walks over a list of negotiate contexts; see [`NegotiateContexts::iter`].
#[derive(Clone, Debug)]
pub struct NegotiateContextIter<'a> {
    reader: Reader<'a>,
    left: u16,
    offset: usize,
    values: &'a [NegotiateContext<'a>],
}

impl<'a> NegotiateContextIter<'a> {
    /// The next context of the wire form, of whatever type.
    fn step(&mut self) -> Result<Option<NegotiateContext<'a>>, DecodeError> {
        let past = self.reader.position() & 7;
        if past != 0 {
            self.reader.skip("NegotiateContextList", 8_usize.saturating_sub(past))?;
        }
        let context_type = NegotiateContextType(self.reader.u16("ContextType")?);
        let length = self.reader.u16("DataLength")?;
        self.reader.skip("Reserved", 4)?;
        let start = self.reader.position();
        let data = self.reader.bytes("Data", usize::from(length))?;
        NegotiateContext::decode_data(context_type, data)
            .map_err(|error| DecodeError { offset: error.offset.saturating_add(start), ..error })
    }
}

impl<'a> Iterator for NegotiateContextIter<'a> {
    type Item = Result<NegotiateContext<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((first, rest)) = self.values.split_first() {
            self.values = rest;
            return Some(Ok(*first));
        }
        while let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            match self.step() {
                Ok(Some(context)) => return Some(Ok(context)),
                Ok(None) => {}
                Err(DecodeError { field, reason, offset }) => {
                    self.left = 0;
                    let reason =
                        if reason == DecodeReason::Truncated { DecodeReason::OutOfBounds } else { reason };
                    return Some(Err(DecodeError {
                        field,
                        reason,
                        offset: offset.saturating_add(self.offset),
                    }));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use crate::smb2::utf16::Utf16Buf;
    use proptest::prelude::*;

    #[test]
    fn every_context_round_trips() {
        let name = Utf16Buf::from("srv");
        let contexts = [
            NegotiateContext::PreauthIntegrity {
                hash_algorithms: (&[HashAlgorithm::SHA_512]).into(),
                salt: b"salty",
            },
            NegotiateContext::Encryption { ciphers: (&[Cipher::AES_256_GCM]).into() },
            NegotiateContext::Compression {
                flags: CompressionFlags::empty(),
                algorithms: (&[CompressionAlgorithm::LZ4, CompressionAlgorithm(99)]).into(),
            },
            NegotiateContext::NetName(name.as_utf16()),
            NegotiateContext::Transport(TransportFlags::ACCEPT_TRANSPORT_LEVEL_SECURITY),
            NegotiateContext::RdmaTransform { transforms: (&[RdmaTransform::SIGNING]).into() },
            NegotiateContext::Signing { algorithms: (&[SigningAlgorithm::AES_CMAC]).into() },
            NegotiateContext::PosixExtensions { tags: &[POSIX_TAG.0] },
        ];
        let mut writer = Writer::new();
        let count = NegotiateContexts::from(&contexts).write(&mut writer);
        assert_eq!(count, 8);
        let decoded = NegotiateContexts::wire(writer.as_slice(), count, 0);
        assert_eq!(decoded.iter().collect::<Result<Vec<_>, _>>().expect("contexts"), contexts);
    }

    /// The Linux client's list: preauth, encryption, POSIX, with its padding.
    #[test]
    fn the_list_of_a_linux_client() {
        let list = testing::hex(
            "0100 2600 00000000 0100 2000 0100
             000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0000
             0200 0600 00000000 0200 0200 0100 0000
             0001 1000 00000000 93ad25509cb411e7b42383de968bcd7c",
        );
        let contexts = NegotiateContexts::wire(&list, 3, 0);
        let salt: Vec<u8> = (0..32).collect();
        assert_eq!(
            contexts,
            NegotiateContexts::from(&[
                NegotiateContext::PreauthIntegrity {
                    hash_algorithms: (&[HashAlgorithm::SHA_512]).into(),
                    salt: &salt
                },
                NegotiateContext::Encryption {
                    ciphers: (&[Cipher::AES_128_GCM, Cipher::AES_128_CCM]).into()
                },
                NegotiateContext::PosixExtensions { tags: &[POSIX_TAG.0] },
            ])
        );
        let mut writer = Writer::new();
        contexts.write(&mut writer);
        assert_eq!(writer.as_slice(), list);
    }

    #[test]
    fn unknown_types_are_left_out() {
        let list = testing::hex("3412 0300 00000000 aabbcc 0000000000 0600 0400 00000000 01000000");
        assert_eq!(
            NegotiateContexts::wire(&list, 2, 0).iter().collect::<Vec<_>>(),
            [Ok(NegotiateContext::Transport(TransportFlags::ACCEPT_TRANSPORT_LEVEL_SECURITY))]
        );
    }

    #[test]
    fn an_error_tells_its_place_in_the_message_and_ends_the_walk() {
        let list = testing::hex("0200 0400 00000000 0900 0100");
        assert_eq!(
            NegotiateContexts::wire(&list, 7, 112).iter().collect::<Vec<_>>(),
            [Err(DecodeError { field: "Ciphers", reason: DecodeReason::OutOfBounds, offset: 112 + 10 })]
        );
    }

    proptest! {
        #[test]
        fn any_list_ends_and_what_is_read_encodes_to_the_same(bytes in proptest::collection::vec(prop_oneof![3 => 0..9_u8, 1 => any::<u8>()], 0..200), count: u16) {
            let contexts = NegotiateContexts::wire(&bytes, count, 64);
            prop_assert!(contexts.iter().count() <= bytes.len() / 8 + 1);
            let good: Vec<_> = contexts.iter().map_while(Result::ok).collect();
            let mut writer = Writer::new();
            let written = NegotiateContexts::from(good.as_slice()).write(&mut writer);
            prop_assert_eq!(NegotiateContexts::wire(writer.as_slice(), written, 0), NegotiateContexts::from(good.as_slice()));
        }
    }
}
