//! [MS-RPCE] 2.2.2.11 sec_trailer and the authentication token behind it, and 2.2.2.13 the verification trailer.

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Reader, Writer};

use super::pdu::{self, HEADER_SIZE, Header, Syntax};
use crate::auth::Protection;

/// Bytes of a sec_trailer: auth_type 1, auth_level 1, auth_pad_length 1, auth_reserved 1, auth_context_id 4.
pub(super) const TRAILER_SIZE: usize = 1 + 1 + 1 + 1 + 4;
/// What the trailer of a request or response is aligned to, from the start of the PDU's body.
const ALIGNMENT: usize = 16;
/// Where auth_length is in a PDU.
const AUTH_LENGTH_OFFSET: usize = 10;
/// pfc_flags of a bind, an alter_context and their answers: the sender can sign headers ([MS-RPCE] 2.2.2.3).
pub(super) const SUPPORT_HEADER_SIGN: u8 = 0x04;

/// [MS-RPCE] 2.2.1.1.7 authentication types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthenticationType(pub(super) u8);

impl AuthenticationType {
    pub(super) const GSS_NEGOTIATE: AuthenticationType = AuthenticationType(9);
    pub(super) const WINNT: AuthenticationType = AuthenticationType(10);
    pub(super) const GSS_KERBEROS: AuthenticationType = AuthenticationType(16);

    /// Is it one that logons here understand?
    pub(super) const fn is_known(self) -> bool {
        matches!(self, Self::GSS_NEGOTIATE | Self::WINNT | Self::GSS_KERBEROS)
    }
}

/// [MS-RPCE] 2.2.1.1.8 authentication levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthenticationLevel(pub(super) u8);

impl AuthenticationLevel {
    pub(super) const CONNECT: AuthenticationLevel = AuthenticationLevel(2);

    /// What is done to requests and responses; `None` for a level that does not exist. Call and packet are raised to
    /// integrity, as everybody does.
    pub(super) const fn protection(self) -> Option<Option<Protection>> {
        match self.0 {
            2 => Some(None),
            3..=5 => Some(Some(Protection::Signed)),
            6 => Some(Some(Protection::Sealed)),
            _ => None,
        }
    }
}

/// The fixed part, which names a security context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) authentication_type: AuthenticationType,
    pub(super) level: AuthenticationLevel,
    pub(super) context_id: u32,
}

impl Trailer {
    fn encode(self, pad_length: u8, writer: &mut Writer) {
        writer.u8(self.authentication_type.0);
        writer.u8(self.level.0);
        writer.u8(pad_length);
        writer.u8(0);
        writer.u32(self.context_id);
    }
}

/// What a PDU ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verifier<'a> {
    pub(super) trailer: Trailer,
    pub(super) pad_length: u8,
    pub(super) token: &'a [u8],
}

impl<'a> Verifier<'a> {
    /// The verifier of a fragment; `None` when it has none.
    pub(super) fn of(header: &Header, fragment: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        if header.auth_length == 0 {
            return Ok(None);
        }
        // Its place is found from the end of the fragment.
        let body = pdu::body(header, fragment)?;
        let start = HEADER_SIZE.saturating_add(body.len());
        let mut reader = Reader::new(fragment.get(start..).unwrap_or_default());
        let authentication_type = AuthenticationType(reader.u8("auth_type")?);
        let level = AuthenticationLevel(reader.u8("auth_level")?);
        let pad_length = reader.u8("auth_pad_length")?;
        reader.skip("auth_reserved", 1)?;
        let context_id = reader.u32("auth_context_id")?;
        let trailer = Trailer { authentication_type, level, context_id };
        Ok(Some(Verifier { trailer, pad_length, token: reader.remaining() }))
    }
}

/// Adds a verifier to a whole PDU that carries a leg of a logon: bind_ack or alter_context_resp.
pub(super) fn append(pdu: Vec<u8>, trailer: Trailer, token: &[u8], sign_headers: bool) -> Vec<u8> {
    let mut writer = Writer::from_vec(pdu);
    let before = writer.position();
    writer.align_from(0, 4);
    let pad = writer.position().saturating_sub(before);
    trailer.encode(u8::try_from(pad).unwrap_or(0), &mut writer);
    writer.bytes(token);
    finish(writer, token.len(), sign_headers)
}

fn finish(mut writer: Writer, token: usize, sign_headers: bool) -> Vec<u8> {
    let length = writer.position();
    writer.patch_u16(8, length);
    writer.patch_u16(AUTH_LENGTH_OFFSET, token);
    let mut bytes = writer.into_bytes();
    if let Some(flags) = bytes.get_mut(3).filter(|_| sign_headers) {
        *flags |= SUPPORT_HEADER_SIGN;
    }
    bytes
}

/// A response's fragment with its padding and trailer, ready to be protected: the token's place is zeros.
pub(super) struct Unprotected {
    pub(super) bytes: Vec<u8>,
    /// Where the parameters begin.
    pub(super) data: usize,
    /// Where they end, padding included, and the trailer begins.
    pub(super) trailer: usize,
}

/// Prepares one fragment of a response.
pub(super) fn prepare(fragment: Vec<u8>, trailer: Trailer, signature_size: usize) -> Unprotected {
    let mut writer = Writer::from_vec(fragment);
    let before = writer.position();
    writer.align_from(pdu::CALL_HEADER_SIZE, ALIGNMENT);
    let start = writer.position();
    trailer.encode(u8::try_from(start.saturating_sub(before)).unwrap_or(0), &mut writer);
    writer.zeros(signature_size);
    let bytes = finish(writer, signature_size, false);
    Unprotected { bytes, data: pdu::CALL_HEADER_SIZE, trailer: start }
}

/// Bytes that a verifier takes in a fragment, its padding included.
pub(super) const fn room(signature_size: usize) -> usize {
    signature_size.saturating_add(TRAILER_SIZE).saturating_add(ALIGNMENT - 1)
}

/// rpc_sec_verification_trailer.
const SIGNATURE: [u8; 8] = [0x8A, 0xE3, 0x13, 0x71, 0x02, 0xF4, 0x36, 0x71];
/// SEC_VT commands and the bits above them.
const COMMAND_BITMASK: u16 = 1;
const COMMAND_PRESENTATION_CONTEXT: u16 = 2;
const COMMAND_HEADER2: u16 = 3;
const COMMAND_END: u16 = 0x4000;
const MUST_PROCESS: u16 = 0x8000;
const COMMAND_MASK: u16 = 0x3FFF;
/// rpc_sec_vt_bitmask: the client can sign headers.
const CLIENT_SUPPORT_HEADER_SIGNING: u32 = 1;

/// What a request says of itself, to be held against its verification trailer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed<'a> {
    pub(super) call_id: u32,
    pub(super) context_id: u16,
    pub(super) operation: u16,
    pub(super) interface: &'a Syntax,
    pub(super) signs_headers: bool,
}

/// The verification trailer does not agree with the request: somebody has changed the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disagrees;

/// Where the parameters end: at the verification trailer, when there is one and it agrees with the request.
pub(super) fn check(stub: &[u8], claimed: &Claimed<'_>) -> Result<usize, Disagrees> {
    let found = (0..stub.len().div_euclid(4)).rev().find_map(|word| {
        let start = word.saturating_mul(4);
        let rest = stub.get(start..)?;
        rest.starts_with(&SIGNATURE).then_some((start, rest))
    });
    let Some((start, trailer)) = found else { return Ok(stub.len()) };
    let mut reader = Reader::new(trailer);
    commands(&mut reader, claimed).map_err(|_| Disagrees)?;
    Ok(start)
}

fn commands(reader: &mut Reader<'_>, claimed: &Claimed<'_>) -> Result<(), DecodeError> {
    reader.skip("signature", SIGNATURE.len())?;
    loop {
        let command = reader.u16("command")?;
        let length = reader.u16("length")?;
        let body = reader.bytes("body", length.into())?;
        let mut body = Reader::new(body);
        let agrees = match command & COMMAND_MASK {
            COMMAND_BITMASK => {
                body.u32("bits")? & CLIENT_SUPPORT_HEADER_SIGNING == 0 || claimed.signs_headers
            }
            COMMAND_PRESENTATION_CONTEXT => {
                Syntax::decode(&mut body)? == *claimed.interface && Syntax::decode(&mut body)? == pdu::NDR32
            }
            COMMAND_HEADER2 => {
                let kind = body.u8("PTYPE")?;
                body.skip("reserved", 3)?;
                let representation = body.array::<4>("drep")?;
                kind == pdu::PduType::REQUEST.0
                    && representation.first() == Some(&0x10)
                    && body.u32("call_id")? == claimed.call_id
                    && body.u16("p_cont_id")? == claimed.context_id
                    && body.u16("opnum")? == claimed.operation
            }
            _ => command & MUST_PROCESS == 0,
        };
        if !agrees {
            return Err(reader.error("command", DecodeReason::Invalid));
        }
        if command & COMMAND_END != 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAILER: Trailer = Trailer {
        authentication_type: AuthenticationType::WINNT,
        level: AuthenticationLevel(6),
        context_id: 7,
    };

    #[test]
    fn a_verifier_is_found_from_the_end() {
        let pdu = pdu::bind_acknowledgement(pdu::PduType::BIND_ACK, 1, 4_280, 1, "\\PIPE\\x", &[]);
        let whole = append(pdu, TRAILER, b"token", true);
        let header = Header::from_bytes(&whole).unwrap();
        assert_eq!((usize::from(header.fragment_length), header.auth_length), (whole.len(), 5));
        assert_eq!(header.flags, 7);
        let verifier = Verifier::of(&header, &whole).unwrap().unwrap();
        assert_eq!((verifier.trailer, verifier.token), (TRAILER, &b"token"[..]));
        let mut short = header;
        short.auth_length = 60_000;
        assert!(Verifier::of(&short, &whole).is_err());
        let plain = Header { auth_length: 0, ..header };
        assert_eq!(Verifier::of(&plain, &whole), Ok(None));
    }

    #[test]
    fn a_response_is_padded_to_sixteen_bytes() {
        for size in 0..40 {
            let stub = vec![1; size];
            let fragment = pdu::response_fragments(1, 0, &stub, 4_280).next().unwrap();
            let prepared = prepare(fragment, TRAILER, 16);
            assert_eq!((prepared.trailer - prepared.data) % 16, 0, "{size}");
            assert!(prepared.bytes.len() <= pdu::CALL_HEADER_SIZE + size + room(16));
            let header = Header::from_bytes(&prepared.bytes).unwrap();
            let verifier = Verifier::of(&header, &prepared.bytes).unwrap().unwrap();
            assert_eq!(prepared.trailer - prepared.data, size + usize::from(verifier.pad_length));
            assert_eq!(prepared.trailer + TRAILER_SIZE + 16, prepared.bytes.len());
            assert_eq!(verifier.token, [0; 16]);
        }
    }

    fn claimed(interface: &Syntax) -> Claimed<'_> {
        Claimed { call_id: 9, context_id: 1, operation: 15, interface, signs_headers: false }
    }

    fn trailer(commands: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![5, 5, 5, 5];
        bytes.extend(SIGNATURE);
        for (command, body) in commands {
            bytes.extend(command.to_le_bytes());
            bytes.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
            bytes.extend(*body);
        }
        bytes
    }

    #[test]
    fn a_verification_trailer_must_agree_with_its_request() {
        let interface = Syntax { uuid: freehold_dtyp::Guid([3; 16]), version: 3 };
        let mut contexts = interface.uuid.0.to_vec();
        contexts.extend(3u32.to_le_bytes());
        contexts.extend(pdu::NDR32.uuid.0);
        contexts.extend(2u32.to_le_bytes());
        let header2 = [0, 0, 0, 0, 0x10, 0, 0, 0, 9, 0, 0, 0, 1, 0, 15, 0];
        let check = |stub: &[u8]| check(stub, &claimed(&interface));
        assert_eq!(check(b"no trailer at all"), Ok(17));
        assert_eq!(check(&trailer(&[(2, &contexts), (0x4003, &header2)])), Ok(4));
        assert_eq!(check(&trailer(&[(0x4001, &[0, 0, 0, 0])])), Ok(4));
        assert_eq!(check(&trailer(&[(0x77, &[0; 4]), (0x4002, &contexts)])), Ok(4));
        // Another call's, another interface's, one that must be understood, a bit that was taken out of the bind, no end.
        let mut other = header2;
        other[14] = 16;
        assert_eq!(check(&trailer(&[(0x4003, &other)])), Err(Disagrees));
        contexts[0] ^= 1;
        assert_eq!(check(&trailer(&[(0x4002, &contexts)])), Err(Disagrees));
        assert_eq!(check(&trailer(&[(0xC077, &[0; 4])])), Err(Disagrees));
        assert_eq!(check(&trailer(&[(0x4001, &[1, 0, 0, 0])])), Err(Disagrees));
        assert_eq!(check(&trailer(&[(0x0001, &[0; 4])])), Err(Disagrees));
    }

    #[test]
    fn levels_lead_to_protection() {
        let of = |level| AuthenticationLevel(level).protection();
        assert_eq!((of(0), of(1), of(7)), (None, None, None));
        assert_eq!(of(2), Some(None));
        assert_eq!((of(4), of(5)), (Some(Some(Protection::Signed)), Some(Some(Protection::Signed))));
        assert_eq!(of(6), Some(Some(Protection::Sealed)));
    }
}
