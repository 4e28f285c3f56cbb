//! [MS-NLMP] 2.2.1 NTLM Messages and 2.2.2.8 NTLM2_CLIENT_CHALLENGE, both directions.

use super::NegotiateFlags;
use super::av_pair::{self, AvId, AvPairs};
use crate::auth::ServerNames;
use freehold_dtyp::{DecodeError, DecodeReason, FileTime, Reader, Writer};

/// Signature of every message.
pub(super) const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
const MESSAGE_TYPE_NEGOTIATE: u32 = 1;
const MESSAGE_TYPE_CHALLENGE: u32 = 2;
const MESSAGE_TYPE_AUTHENTICATE: u32 = 3;
/// [MS-NLMP] 2.2.2.10 VERSION: 10.0, build 20348, NTLMSSP_REVISION_W2K3.
const VERSION: [u8; 8] = [10, 0, 0x7c, 0x4f, 0, 0, 0, 15];
/// Offset of MIC in the AUTHENTICATE message.
pub(super) const MIC_OFFSET: usize = 72;
/// End of MIC, where the payload starts in a message that has one.
const MIC_END: usize = 88;
/// Responses of this size are LM or NTLM version 1.
const V1_RESPONSE_SIZE: usize = 24;
/// NTProofStr and the fixed part of NTLMv2_CLIENT_CHALLENGE.
const V2_RESPONSE_MIN_SIZE: usize = 16 + 28;

/// [MS-NLMP] 2.2.1.1 NEGOTIATE_MESSAGE. The names that a client may put here mean nothing to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NegotiateMessage {
    pub(super) flags: NegotiateFlags,
}

/// [MS-NLMP] 2.2.1.2 CHALLENGE_MESSAGE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChallengeMessage<'a> {
    /// UTF-16LE.
    pub(super) target_name: &'a [u8],
    pub(super) flags: NegotiateFlags,
    pub(super) server_challenge: [u8; 8],
    /// A list of AV_PAIR.
    pub(super) target_info: &'a [u8],
}

/// [MS-NLMP] 2.2.1.3 AUTHENTICATE_MESSAGE. Strings are UTF-16LE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthenticateMessage<'a> {
    pub(super) lm_response: &'a [u8],
    pub(super) nt_response: &'a [u8],
    pub(super) domain: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) workstation: &'a [u8],
    pub(super) encrypted_random_session_key: &'a [u8],
    pub(super) flags: NegotiateFlags,
    /// `None` when the payload starts where the field would be.
    pub(super) mic: Option<[u8; 16]>,
}

/// What NtChallengeResponse holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NtResponse<'a> {
    /// Nothing: an anonymous logon, or LM only.
    Empty,
    /// [MS-NLMP] 2.2.2.6 NTLM v1 Response, or what LM clients send.
    V1,
    /// [MS-NLMP] 2.2.2.8 NTLM v2 Response.
    V2(V2Response<'a>),
}

/// [MS-NLMP] 2.2.2.8 NTLMv2_RESPONSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct V2Response<'a> {
    /// NTProofStr.
    pub(super) proof: [u8; 16],
    /// Everything after it, which the proof covers.
    pub(super) temp: &'a [u8],
    /// The client's attributes.
    pub(super) pairs: AvPairs<'a>,
}

impl NegotiateMessage {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = message_of(bytes, MESSAGE_TYPE_NEGOTIATE)?;
        Ok(NegotiateMessage { flags: decode_flags(&mut reader)? })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = start_message(MESSAGE_TYPE_NEGOTIATE);
        writer.u32(self.flags.bits());
        writer.zeros(16); // DomainNameFields, WorkstationFields
        writer.bytes(&VERSION);
        writer.into_bytes()
    }
}

impl<'a> ChallengeMessage<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = message_of(bytes, MESSAGE_TYPE_CHALLENGE)?;
        let (target_name, _) = field(&mut reader, "TargetNameFields")?;
        let flags = decode_flags(&mut reader)?;
        let server_challenge = reader.array("ServerChallenge")?;
        reader.skip("Reserved", 8)?;
        let (target_info, _) = field(&mut reader, "TargetInfoFields")?;
        Ok(ChallengeMessage { target_name, flags, server_challenge, target_info })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = start_message(MESSAGE_TYPE_CHALLENGE);
        let target_name_fields = reserve_field(&mut writer);
        writer.u32(self.flags.bits());
        writer.bytes(&self.server_challenge);
        writer.zeros(8); // Reserved
        let target_info_fields = reserve_field(&mut writer);
        writer.bytes(&VERSION);
        put_field(&mut writer, target_name_fields, self.target_name);
        put_field(&mut writer, target_info_fields, self.target_info);
        writer.into_bytes()
    }
}

impl<'a> AuthenticateMessage<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = message_of(bytes, MESSAGE_TYPE_AUTHENTICATE)?;
        let (lm_response, a) = field(&mut reader, "LmChallengeResponseFields")?;
        let (nt_response, b) = field(&mut reader, "NtChallengeResponseFields")?;
        let (domain, c) = field(&mut reader, "DomainNameFields")?;
        let (user, d) = field(&mut reader, "UserNameFields")?;
        let (workstation, e) = field(&mut reader, "WorkstationFields")?;
        let (encrypted_random_session_key, f) = field(&mut reader, "EncryptedRandomSessionKeyFields")?;
        let flags = decode_flags(&mut reader)?;
        // Whether Version and MIC are there is told only by where the payload starts.
        let payload_start = [a, b, c, d, e, f].into_iter().min().unwrap_or(bytes.len());
        let mic = if payload_start >= MIC_END {
            bytes.get(MIC_OFFSET..).and_then(|rest| rest.first_chunk().copied())
        } else {
            None
        };
        Ok(AuthenticateMessage {
            lm_response,
            nt_response,
            domain,
            user,
            workstation,
            encrypted_random_session_key,
            flags,
            mic,
        })
    }

    /// The message; `mic` is written as it is, or left out together with its field.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = start_message(MESSAGE_TYPE_AUTHENTICATE);
        let fields = [
            self.lm_response,
            self.nt_response,
            self.domain,
            self.user,
            self.workstation,
            self.encrypted_random_session_key,
        ]
        .map(|content| (reserve_field(&mut writer), content));
        writer.u32(self.flags.bits());
        writer.bytes(&VERSION);
        if let Some(mic) = &self.mic {
            writer.bytes(mic);
        }
        for (position, content) in fields {
            put_field(&mut writer, position, content);
        }
        writer.into_bytes()
    }
}

impl<'a> NtResponse<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes.len() {
            0 => return Ok(NtResponse::Empty),
            V1_RESPONSE_SIZE => return Ok(NtResponse::V1),
            _ => {}
        }
        let mut reader = Reader::new(bytes);
        let proof = reader.array("NTProofStr")?;
        let temp = reader.remaining();
        let versions = reader.array::<2>("RespType, HiRespType")?;
        if versions != [1, 1] || bytes.len() < V2_RESPONSE_MIN_SIZE {
            return Err(reader.error("RespType", DecodeReason::Invalid));
        }
        reader.skip("Reserved1, Reserved2, TimeStamp, ChallengeFromClient, Reserved3", 2 + 4 + 8 + 8 + 4)?;
        let pairs = AvPairs::decode(reader.remaining())?;
        Ok(NtResponse::V2(V2Response { proof, temp, pairs }))
    }
}

/// The server's attributes for TargetInfo.
pub(super) fn encode_target_info(names: &ServerNames, now: FileTime) -> Vec<u8> {
    let mut writer = Writer::new();
    let names = [
        (AvId::NB_DOMAIN_NAME, &names.netbios_domain),
        (AvId::NB_COMPUTER_NAME, &names.netbios_computer),
        (AvId::DNS_DOMAIN_NAME, &names.dns_domain),
        (AvId::DNS_COMPUTER_NAME, &names.dns_computer),
        (AvId::DNS_TREE_NAME, &names.dns_tree),
    ];
    for (id, name) in names.into_iter().filter(|(id, name)| *id != AvId::DNS_TREE_NAME || !name.is_empty()) {
        av_pair::put_pair(&mut writer, id, &super::utf16le(name));
    }
    av_pair::put_pair(&mut writer, AvId::TIMESTAMP, &now.0.to_le_bytes());
    av_pair::put_pair(&mut writer, AvId::EOL, &[]);
    writer.into_bytes()
}

/// The part of NTLMv2_RESPONSE that the proof covers: NTLMv2_CLIENT_CHALLENGE and four zeros.
pub(super) fn encode_temp(time: FileTime, client_challenge: &[u8; 8], pairs: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.bytes(&[1, 1]);
    writer.zeros(6); // Reserved1, Reserved2
    writer.u64(time.0);
    writer.bytes(client_challenge);
    writer.zeros(4); // Reserved3
    writer.bytes(pairs);
    writer.zeros(4);
    writer.into_bytes()
}

/// A reader behind Signature and MessageType.
fn message_of(bytes: &[u8], message_type: u32) -> Result<Reader<'_>, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.array("Signature")? != *SIGNATURE {
        return Err(reader.error("Signature", DecodeReason::Invalid));
    }
    if reader.u32("MessageType")? != message_type {
        return Err(reader.error("MessageType", DecodeReason::Invalid));
    }
    Ok(reader)
}

fn decode_flags(reader: &mut Reader<'_>) -> Result<NegotiateFlags, DecodeError> {
    Ok(NegotiateFlags::from_bits_retain(reader.u32("NegotiateFlags")?))
}

/// Len, MaxLen, BufferOffset: the content and where it starts. An empty field starts nowhere, whatever it says.
fn field<'a>(reader: &mut Reader<'a>, name: &'static str) -> Result<(&'a [u8], usize), DecodeError> {
    let length = usize::from(reader.u16(name)?);
    reader.skip(name, 2)?;
    let offset =
        usize::try_from(reader.u32(name)?).map_err(|_| reader.error(name, DecodeReason::OutOfBounds))?;
    if length == 0 {
        return Ok((&[], usize::MAX));
    }
    Ok((reader.slice_at(name, offset, length)?, offset))
}

fn start_message(message_type: u32) -> Writer {
    let mut writer = Writer::new();
    writer.bytes(SIGNATURE);
    writer.u32(message_type);
    writer
}

/// Leaves room for Len, MaxLen, BufferOffset and says where.
fn reserve_field(writer: &mut Writer) -> usize {
    let position = writer.position();
    writer.zeros(8);
    position
}

/// Appends `content` to the payload and points the fields at `position` to it.
fn put_field(writer: &mut Writer, position: usize, content: &[u8]) {
    writer.patch_u16(position, content.len());
    writer.patch_u16(position.saturating_add(2), content.len());
    writer.patch_u32(position.saturating_add(4), writer.position());
    writer.bytes(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_outside_of_the_message_is_refused() {
        let mut bytes = ChallengeMessage {
            target_name: b"x\0",
            flags: NegotiateFlags::UNICODE,
            server_challenge: [1; 8],
            target_info: &[0; 4],
        }
        .encode();
        assert!(ChallengeMessage::decode(&bytes).is_ok());
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        let reason = ChallengeMessage::decode(&bytes).map_err(|error| (error.field, error.reason));
        assert_eq!(reason, Err(("TargetNameFields", DecodeReason::OutOfBounds)));
    }

    #[test]
    fn the_offset_of_an_empty_field_means_nothing() {
        let mut bytes = ChallengeMessage {
            target_name: &[],
            flags: NegotiateFlags::UNICODE,
            server_challenge: [1; 8],
            target_info: &[0; 4],
        }
        .encode();
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(ChallengeMessage::decode(&bytes).map(|message| message.target_name), Ok(&[][..]));
    }

    #[test]
    fn a_message_of_another_type_is_refused() {
        let bytes = NegotiateMessage { flags: NegotiateFlags::UNICODE }.encode();
        assert!(NegotiateMessage::decode(&bytes).is_ok());
        assert!(AuthenticateMessage::decode(&bytes).is_err());
        assert!(ChallengeMessage::decode(&bytes).is_err());
    }

    #[test]
    fn responses_are_told_apart_by_their_size() {
        assert_eq!(NtResponse::decode(&[]), Ok(NtResponse::Empty));
        assert_eq!(NtResponse::decode(&[1; 24]), Ok(NtResponse::V1));
        let response = [&[7; 16][..], &encode_temp(FileTime(5), &[9; 8], &[0; 4])].concat();
        assert!(matches!(NtResponse::decode(&response), Ok(NtResponse::V2(_))));
        for length in (1..24).chain(25..44) {
            assert!(NtResponse::decode(&response[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn challenges_round_trip(name: Vec<u8>, flags: u32, server_challenge: [u8; 8], info: Vec<u8>) {
            let flags = NegotiateFlags::from_bits_retain(flags);
            let message = ChallengeMessage { target_name: &name, flags, server_challenge, target_info: &info };
            let bytes = message.encode();
            prop_assert_eq!(ChallengeMessage::decode(&bytes), Ok(message));
        }

        #[test]
        fn authentications_round_trip(
            fields: [Vec<u8>; 6], last in 1u8.., flags: u32, mic: Option<[u8; 16]>,
        ) {
            let [lm, nt, domain, user, workstation, mut key] = fields;
            key.push(last); // with no payload at all nothing tells whether there is a MIC
            let message = AuthenticateMessage {
                lm_response: &lm,
                nt_response: &nt,
                domain: &domain,
                user: &user,
                workstation: &workstation,
                encrypted_random_session_key: &key,
                flags: NegotiateFlags::from_bits_retain(flags),
                mic,
            };
            let bytes = message.encode();
            prop_assert_eq!(AuthenticateMessage::decode(&bytes), Ok(message));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(message_type in 1u8..4, tail: Vec<u8>) {
            let bytes = [&SIGNATURE[..], &[message_type, 0, 0, 0], &tail].concat();
            let _ = NegotiateMessage::decode(&bytes);
            let _ = ChallengeMessage::decode(&bytes);
            let _ = AuthenticateMessage::decode(&bytes);
            let _ = NtResponse::decode(&tail);
        }
    }
}
