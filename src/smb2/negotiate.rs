//! [MS-SMB2] 2.2.3 SMB2 NEGOTIATE Request and 2.2.4 SMB2 NEGOTIATE Response.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, FileTime, Guid, Writer};

use super::message::{BodyStart, DecodeMessage, List, body, field, length16};
use super::negotiate_context::NegotiateContexts;
use super::types::{Capabilities, Dialect, SecurityMode};

/// [MS-SMB2] 2.2.3 SMB2 NEGOTIATE Request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NegotiateRequest<'a> {
    /// SecurityMode.
    pub security_mode: SecurityMode,
    /// Capabilities; meaningful when a 3.x dialect is offered.
    pub capabilities: Capabilities,
    /// Names the client across its connections (2.1 and later).
    pub client_guid: Guid,
    /// Dialects offered, in any order. May be empty: the server answers INVALID_PARAMETER.
    pub dialects: List<'a, Dialect>,
    /// The contexts; empty unless 3.1.1 is offered.
    pub contexts: NegotiateContexts<'a>,
}

impl NegotiateRequest<'_> {
    /// StructureSize (2), DialectCount (2), SecurityMode (2), Reserved (2), Capabilities (4), ClientGuid (16),
    /// ClientStartTime or NegotiateContextOffset (4), NegotiateContextCount (2) and Reserved2 (2).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 2 + 2 + 4 + 16 + 4 + 2 + 2;
}

impl<'a> DecodeMessage<'a> for NegotiateRequest<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let dialect_count = reader.u16("DialectCount")?;
        let security_mode = SecurityMode::from(reader.u16("SecurityMode")?);
        reader.skip("Reserved", 2)?;
        let capabilities = Capabilities::from(reader.u32("Capabilities")?);
        let client_guid = Guid(reader.array("ClientGuid")?);
        let context_offset = reader.u32("NegotiateContextOffset")?;
        let context_count = reader.u16("NegotiateContextCount")?;
        reader.skip("Reserved2", 2)?;
        let dialects = List::read(&mut reader, "Dialects", dialect_count)?;
        // The offset and count are ClientStartTime unless 3.1.1 is offered.
        let contexts = if dialects.contains(Dialect::SMB_3_1_1) {
            wire_contexts(message, context_offset, context_count)?
        } else {
            NegotiateContexts::EMPTY
        };
        Ok(NegotiateRequest { security_mode, capabilities, client_guid, dialects, contexts })
    }
}

impl Encode for NegotiateRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        writer.u16(length16(self.dialects.len()));
        writer.u16(self.security_mode.bits());
        writer.u16(0);
        writer.u32(self.capabilities.bits());
        writer.bytes(&self.client_guid.0);
        let context_offset_at = writer.position();
        writer.u32(0);
        let context_count_at = writer.position();
        writer.u16(0);
        writer.u16(0);
        self.dialects.write(writer);
        if self.dialects.contains(Dialect::SMB_3_1_1) {
            start.align(writer, 8);
            writer.patch_u32(context_offset_at, start.offset(writer));
            let count = self.contexts.write(writer);
            writer.patch_u16(context_count_at, usize::from(count));
        }
    }
}

/// [MS-SMB2] 2.2.4 SMB2 NEGOTIATE Response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NegotiateResponse<'a> {
    /// SecurityMode.
    pub security_mode: SecurityMode,
    /// The dialect chosen, or `WILDCARD` in the answer to a multi-protocol negotiate.
    pub dialect: Dialect,
    /// Names the server.
    pub server_guid: Guid,
    /// Capabilities.
    pub capabilities: Capabilities,
    /// Largest QUERY_INFO, QUERY_DIRECTORY, SET_INFO, IOCTL and CHANGE_NOTIFY buffer in bytes.
    pub max_transact_size: u32,
    /// Largest READ in bytes.
    pub max_read_size: u32,
    /// Largest WRITE in bytes.
    pub max_write_size: u32,
    /// The server's time.
    pub system_time: FileTime,
    /// Start time; zero on current servers.
    pub server_start_time: FileTime,
    /// The security package's first token (SPNEGO NegTokenInit2); may be empty.
    pub security_buffer: &'a [u8],
    /// The contexts; empty unless 3.1.1 was chosen.
    pub contexts: NegotiateContexts<'a>,
}

impl NegotiateResponse<'_> {
    /// StructureSize (2), SecurityMode (2), DialectRevision (2), NegotiateContextCount (2), ServerGuid (16),
    /// Capabilities (4), MaxTransactSize (4), MaxReadSize (4), MaxWriteSize (4), SystemTime (8),
    /// ServerStartTime (8), SecurityBufferOffset (2), SecurityBufferLength (2), NegotiateContextOffset (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 2 + 2 + 16 + 4 + 4 + 4 + 4 + 8 + 8 + 2 + 2 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for NegotiateResponse<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let security_mode = SecurityMode::from(reader.u16("SecurityMode")?);
        let dialect = Dialect(reader.u16("DialectRevision")?);
        let context_count = reader.u16("NegotiateContextCount")?;
        let server_guid = Guid(reader.array("ServerGuid")?);
        let capabilities = Capabilities::from(reader.u32("Capabilities")?);
        let max_transact_size = reader.u32("MaxTransactSize")?;
        let max_read_size = reader.u32("MaxReadSize")?;
        let max_write_size = reader.u32("MaxWriteSize")?;
        let system_time = FileTime(reader.u64("SystemTime")?);
        let server_start_time = FileTime(reader.u64("ServerStartTime")?);
        let security_offset = reader.u16("SecurityBufferOffset")?;
        let security_length = reader.u16("SecurityBufferLength")?;
        let context_offset = reader.u32("NegotiateContextOffset")?;
        let security_buffer = field(message, "SecurityBuffer", security_offset, security_length)?;
        let contexts = if dialect == Dialect::SMB_3_1_1 {
            wire_contexts(message, context_offset, context_count)?
        } else {
            NegotiateContexts::EMPTY
        };
        Ok(NegotiateResponse {
            security_mode,
            dialect,
            server_guid,
            capabilities,
            max_transact_size,
            max_read_size,
            max_write_size,
            system_time,
            server_start_time,
            security_buffer,
            contexts,
        })
    }
}

impl Encode for NegotiateResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + NegotiateResponse::STRUCTURE_SIZE - 1;
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        writer.u16(self.security_mode.bits());
        writer.u16(self.dialect.0);
        let context_count_at = writer.position();
        writer.u16(0);
        writer.bytes(&self.server_guid.0);
        writer.u32(self.capabilities.bits());
        writer.u32(self.max_transact_size);
        writer.u32(self.max_read_size);
        writer.u32(self.max_write_size);
        writer.u64(self.system_time.0);
        writer.u64(self.server_start_time.0);
        writer.u16(BUFFER_OFFSET);
        writer.u16(length16(self.security_buffer.len()));
        let context_offset_at = writer.position();
        writer.u32(0);
        writer.bytes(self.security_buffer);
        if self.dialect == Dialect::SMB_3_1_1 {
            start.align(writer, 8);
            writer.patch_u32(context_offset_at, start.offset(writer));
            let count = self.contexts.write(writer);
            writer.patch_u16(context_count_at, usize::from(count));
        }
        start.fill_odd_size(writer, 64);
    }
}

/// The contexts from `offset` on, which must be aligned to 8 and behind the fixed part.
fn wire_contexts(message: &[u8], offset: u32, count: u16) -> Result<NegotiateContexts<'_>, DecodeError> {
    if count == 0 {
        return Ok(NegotiateContexts::EMPTY);
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let error = |reason| DecodeError { field: "NegotiateContextOffset", reason, offset: start };
    if start < 64 + 36 || !start.is_multiple_of(8) {
        return Err(error(DecodeReason::Invalid));
    }
    let list = message.get(start..).ok_or(error(DecodeReason::OutOfBounds))?;
    Ok(NegotiateContexts::wire(list, count, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::header::{HeaderId, Smb2Header};
    use crate::smb2::negotiate_context::{
        Cipher, CompressionAlgorithm, CompressionFlags, HashAlgorithm, NegotiateContext, SigningAlgorithm,
    };
    use crate::smb2::testing;
    use crate::smb2::utf16::Utf16Buf;
    use proptest::prelude::*;

    /// The body of [MS-SMB2] 4.1 Connecting to a Share by Using a Multi-Protocol Negotiate, second request.
    #[test]
    fn the_request_of_a_2_1_client() {
        let message = [
            testing::hex("fe534d42400000000000000000000100000000000000000001000000000000000000000000000000")
                .as_slice(),
            &[0; 24],
            &testing::hex(
                "2400 0200 0100 0000 00000000 00000000000000000000000000000000 0000000000000000 0202 1002",
            ),
        ]
        .concat();
        let request = NegotiateRequest::decode(&message).expect("a request");
        let expected = NegotiateRequest {
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::empty(),
            client_guid: Guid::ZERO,
            dialects: (&[Dialect::SMB_2_0_2, Dialect::SMB_2_1]).into(),
            contexts: NegotiateContexts::EMPTY,
        };
        assert_eq!(request, expected);
        assert_eq!(request.to_bytes(), message[64..]);
    }

    /// A Windows 11 client's contexts in its order.
    #[test]
    fn a_3_1_1_request_with_every_context_round_trips() {
        let server = Utf16Buf::from("files.example");
        let salt = [0x5A; 32];
        let contexts = [
            NegotiateContext::PreauthIntegrity {
                hash_algorithms: (&[HashAlgorithm::SHA_512]).into(),
                salt: &salt,
            },
            NegotiateContext::Encryption {
                ciphers: (&[
                    Cipher::AES_128_GCM,
                    Cipher::AES_128_CCM,
                    Cipher::AES_256_GCM,
                    Cipher::AES_256_CCM,
                ])
                    .into(),
            },
            NegotiateContext::Compression {
                flags: CompressionFlags::CHAINED,
                algorithms: (&[CompressionAlgorithm::LZ77, CompressionAlgorithm::PATTERN_V1]).into(),
            },
            NegotiateContext::Signing {
                algorithms: (&[
                    SigningAlgorithm::AES_GMAC,
                    SigningAlgorithm::AES_CMAC,
                    SigningAlgorithm::HMAC_SHA256,
                ])
                    .into(),
            },
            NegotiateContext::NetName(server.as_utf16()),
        ];
        let request = NegotiateRequest {
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::from(0x7F),
            client_guid: Guid([7; 16]),
            dialects: (&Dialect::ALL).into(),
            contexts: (&contexts).into(),
        };
        let message = testing::message(&request);
        let decoded = NegotiateRequest::decode(&message).expect("a request");
        assert_eq!(decoded, request);
        assert_eq!(decoded.contexts.iter().collect::<Result<Vec<_>, _>>().expect("contexts"), contexts);
        assert_eq!(testing::message(&decoded), message);
        // 100 bytes and five dialects end at 110; the contexts follow at 112.
        assert_eq!(message[92..100], testing::hex("70000000 0500 0000"));
        assert_eq!(message.len() % 8, server.as_utf16().as_bytes().len() % 8);
    }

    #[test]
    fn contexts_are_read_only_for_3_1_1() {
        let request = NegotiateRequest {
            security_mode: SecurityMode::empty(),
            capabilities: Capabilities::empty(),
            client_guid: Guid::ZERO,
            dialects: (&[Dialect::SMB_3_0]).into(),
            contexts: NegotiateContexts::EMPTY,
        };
        let mut message = testing::message(&request);
        message[92..100].fill(0xFF);
        assert_eq!(NegotiateRequest::decode(&message), Ok(request));
    }

    #[test]
    fn contexts_must_be_aligned_and_inside() {
        for (offset, reason) in [
            (104_u32, None),
            (108, Some(DecodeReason::Invalid)),
            (96, Some(DecodeReason::Invalid)),
            (4096, Some(DecodeReason::OutOfBounds)),
        ] {
            let mut message = Smb2Header {
                id: HeaderId::Sync { process_id: 0, tree_id: Default::default() },
                ..Default::default()
            }
            .encode()
            .to_vec();
            message.extend(testing::hex("2400 0100 0000 0000 00000000 00000000000000000000000000000000"));
            message.extend(offset.to_le_bytes());
            message.extend(testing::hex("0100 0000 1103 0000 0800 0200 00000000 0000 0000"));
            assert_eq!(
                NegotiateRequest::decode(&message).map(|_| ()).err().map(|error| error.reason),
                reason,
                "{offset}"
            );
        }
    }

    proptest! {
        #[test]
        fn requests_round_trip(mode: u16, capabilities: u32, guid: [u8; 16], dialects in proptest::collection::vec(prop_oneof![Just(0x0311_u16), any::<u16>()], 0..9), salt in testing::blob(40)) {
            let dialects: Vec<Dialect> = dialects.into_iter().map(Dialect).collect();
            let contexts = [
                NegotiateContext::PreauthIntegrity { hash_algorithms: (&[HashAlgorithm(3)]).into(), salt: &salt },
                NegotiateContext::Encryption { ciphers: List::EMPTY },
            ];
            let contexts: &[_] = if dialects.contains(&Dialect::SMB_3_1_1) { &contexts } else { &[] };
            let request = NegotiateRequest {
                security_mode: mode.into(),
                capabilities: capabilities.into(),
                client_guid: Guid(guid),
                dialects: dialects.as_slice().into(),
                contexts: contexts.into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(NegotiateRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(sizes: [u32; 4], times: [u64; 2], guid: [u8; 16], mode: u16, dialect in prop_oneof![Just(0x0311_u16), any::<u16>()], token in testing::blob(90)) {
            let contexts = [NegotiateContext::Signing { algorithms: (&[SigningAlgorithm::AES_GMAC]).into() }];
            let contexts: &[_] = if dialect == 0x0311 { &contexts } else { &[] };
            let response = NegotiateResponse {
                security_mode: mode.into(),
                dialect: Dialect(dialect),
                server_guid: Guid(guid),
                capabilities: sizes[0].into(),
                max_transact_size: sizes[1],
                max_read_size: sizes[2],
                max_write_size: sizes[3],
                system_time: FileTime(times[0]),
                server_start_time: FileTime(times[1]),
                security_buffer: &token,
                contexts: contexts.into(),
            };
            let message = testing::message(&response);
            prop_assert_eq!(NegotiateResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(mut request in testing::hostile(36), response in testing::hostile(65)) {
            if let Some(dialect) = request.get_mut(100..102) {
                dialect.copy_from_slice(&[0x11, 0x03]);
            }
            if let Ok(found) = NegotiateRequest::decode(&request) {
                prop_assert!(found.contexts.iter().count() <= request.len());
            }
            if let Ok(found) = NegotiateResponse::decode(&response) {
                prop_assert!(found.contexts.iter().count() <= response.len());
            }
        }
    }
}
