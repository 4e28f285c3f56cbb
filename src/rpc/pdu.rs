//! C706 chapter 12 and [MS-RPCE] 2.2.2: connection-oriented PDUs.

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Guid, Reader, Writer};

/// Bytes of the common header: rpc_vers 1, rpc_vers_minor 1, PTYPE 1, pfc_flags 1, packed_drep 4, frag_length 2,
/// auth_length 2, call_id 4.
pub(crate) const HEADER_SIZE: usize = 1 + 1 + 1 + 1 + 4 + 2 + 2 + 4;
/// Bytes of a response or request header: the common one, alloc_hint 4, p_cont_id 2, cancel_count 1 + reserved 1 (or
/// opnum 2).
pub(crate) const CALL_HEADER_SIZE: usize = HEADER_SIZE + 4 + 2 + 2;
/// Largest fragment that this server receives and sends over a pipe ([MS-RPCE] 3.3.1.5.1; what Windows has).
pub(crate) const MAX_FRAGMENT: u16 = 4_280;
/// Smallest size that every implementation receives (C706 12.6.3.1 MustRecvFragSize).
pub(crate) const MUST_RECEIVE_FRAGMENT: u16 = 1_432;
/// Largest fragment that is taken from a client that ignores what was agreed.
pub(crate) const LARGEST_FRAGMENT_TAKEN: u16 = 5_840;
/// Most presentation contexts in one bind.
const MAX_CONTEXTS: u8 = 64;

/// PTYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PduType(pub(crate) u8);

impl PduType {
    pub(crate) const REQUEST: PduType = PduType(0);
    pub(crate) const RESPONSE: PduType = PduType(2);
    pub(crate) const FAULT: PduType = PduType(3);
    pub(crate) const BIND: PduType = PduType(11);
    pub(crate) const BIND_ACK: PduType = PduType(12);
    pub(crate) const BIND_NAK: PduType = PduType(13);
    pub(crate) const ALTER_CONTEXT: PduType = PduType(14);
    pub(crate) const ALTER_CONTEXT_RESPONSE: PduType = PduType(15);
    pub(crate) const AUTH3: PduType = PduType(16);
    pub(crate) const CO_CANCEL: PduType = PduType(18);
    pub(crate) const ORPHANED: PduType = PduType(19);
}

/// pfc_flags: the first fragment.
pub(crate) const FIRST_FRAGMENT: u8 = 0x01;
/// pfc_flags: the last fragment.
pub(crate) const LAST_FRAGMENT: u8 = 0x02;
/// pfc_flags of a fault: the call was not executed.
pub(crate) const DID_NOT_EXECUTE: u8 = 0x20;
/// pfc_flags of a request: an object UUID is in its header.
const OBJECT_UUID: u8 = 0x80;

/// NDR 2.0, the only transfer syntax that is spoken here.
pub(crate) const NDR32: Syntax = Syntax {
    uuid: Guid::new(0x8A88_5D04, 0x1CEB, 0x11C9, [0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60]),
    version: 2,
};

/// An abstract or transfer syntax: UUID and version (major in the low half, minor in the high half).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) uuid: Guid,
    pub(crate) version: u32,
}

impl Syntax {
    const NONE: Syntax = Syntax { uuid: Guid::ZERO, version: 0 };

    /// [MS-RPCE] 2.2.2.14: the features that a client wants to negotiate, when this syntax is the way it says so.
    pub(crate) fn bind_time_features(&self) -> Option<u64> {
        // 6CB71C2C-9812-4540-xxxxxxxxxxxxxxxx: the last eight bytes are the bits.
        const PREFIX: [u8; 8] = [0x2C, 0x1C, 0xB7, 0x6C, 0x12, 0x98, 0x40, 0x45];
        let (prefix, bits) = self.uuid.0.split_first_chunk::<8>()?;
        (*prefix == PREFIX).then_some(())?;
        Some(u64::from_le_bytes(*bits.first_chunk()?))
    }
}

impl<'a> Decode<'a> for Syntax {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Syntax { uuid: Guid::decode(reader)?, version: reader.u32("if_version")? })
    }
}

impl Encode for Syntax {
    fn encode(&self, writer: &mut Writer) {
        self.uuid.encode(writer);
        writer.u32(self.version);
    }
}

/// The common header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) pdu_type: PduType,
    pub(crate) flags: u8,
    /// Bytes of the fragment, this header included.
    pub(crate) fragment_length: u16,
    /// Bytes of the authentication token at its end; 0 without verifier.
    pub(crate) auth_length: u16,
    pub(crate) call_id: u32,
}

impl<'a> Decode<'a> for Header {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let invalid = |reader: &Reader<'_>, field| Err(reader.error(field, DecodeReason::Invalid));
        if reader.u8("rpc_vers")? != 5 {
            return invalid(reader, "rpc_vers");
        }
        if reader.u8("rpc_vers_minor")? > 1 {
            return invalid(reader, "rpc_vers_minor");
        }
        let pdu_type = PduType(reader.u8("PTYPE")?);
        let flags = reader.u8("pfc_flags")?;
        // Little-endian integers, ASCII, IEEE floats. DIFFERS: C706 lets a server take any; no SMB client sends another.
        if reader.array::<4>("packed_drep")?.first_chunk::<2>() != Some(&[0x10, 0]) {
            return invalid(reader, "packed_drep");
        }
        let fragment_length = reader.u16("frag_length")?;
        let auth_length = reader.u16("auth_length")?;
        let call_id = reader.u32("call_id")?;
        // A ticket with many groups makes the leg of a logon longer than any agreed size.
        let is_leg = matches!(pdu_type, PduType::BIND | PduType::ALTER_CONTEXT | PduType::AUTH3);
        let most = if is_leg { u16::MAX } else { LARGEST_FRAGMENT_TAKEN };
        if !(16..=most).contains(&fragment_length) {
            return invalid(reader, "frag_length");
        }
        Ok(Header { pdu_type, flags, fragment_length, auth_length, call_id })
    }
}

/// Bytes of the header in front of an authentication token (sec_trailer).
const SECURITY_TRAILER_SIZE: usize = 8;

/// The part of a fragment between the common header and the authentication verifier.
pub(crate) fn body<'a>(header: &Header, fragment: &'a [u8]) -> Result<&'a [u8], DecodeError> {
    let error = DecodeError { field: "auth_length", reason: DecodeReason::OutOfBounds, offset: 10 };
    let tail = match usize::from(header.auth_length) {
        0 => 0,
        token => token.saturating_add(SECURITY_TRAILER_SIZE),
    };
    let end = fragment.len().checked_sub(tail).ok_or(error)?;
    fragment.get(HEADER_SIZE..end).ok_or(error)
}

/// One presentation context that a client proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContextElement {
    pub(crate) id: u16,
    pub(crate) interface: Syntax,
    pub(crate) transfer_syntaxes: Vec<Syntax>,
}

/// The body of bind and alter_context PDUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) max_transmit: u16,
    pub(crate) max_receive: u16,
    pub(crate) association_group: u32,
    pub(crate) contexts: Vec<ContextElement>,
}

impl<'a> Decode<'a> for Bind {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let max_transmit = reader.u16("max_xmit_frag")?;
        let max_receive = reader.u16("max_recv_frag")?;
        let association_group = reader.u32("assoc_group_id")?;
        let count = reader.u8("n_context_elem")?;
        if count == 0 || count > MAX_CONTEXTS {
            return Err(reader.error("n_context_elem", DecodeReason::Invalid));
        }
        reader.skip("reserved", 3)?;
        let mut contexts = Vec::new();
        for _ in 0..count {
            let id = reader.u16("p_cont_id")?;
            let syntaxes = reader.u8("n_transfer_syn")?;
            reader.skip("reserved", 1)?;
            let interface = Syntax::decode(reader)?;
            let transfer_syntaxes =
                (0..syntaxes).map(|_| Syntax::decode(reader)).collect::<Result<Vec<_>, _>>()?;
            contexts.push(ContextElement { id, interface, transfer_syntaxes });
        }
        Ok(Bind { max_transmit, max_receive, association_group, contexts })
    }
}

/// The answer to one presentation context (p_result_t).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextResult {
    /// The interface, in NDR32.
    Accepted,
    /// No such interface on this pipe.
    UnknownInterface,
    /// The interface, but in none of the transfer syntaxes.
    UnknownTransferSyntax,
    /// [MS-RPCE] 2.2.2.4 negotiate_ack with the features that both sides have.
    Features(u16),
}

impl Encode for ContextResult {
    fn encode(&self, writer: &mut Writer) {
        let (result, reason, syntax) = match self {
            ContextResult::Accepted => (0, 0, NDR32),
            ContextResult::UnknownInterface => (2, 1, Syntax::NONE),
            ContextResult::UnknownTransferSyntax => (2, 2, Syntax::NONE),
            ContextResult::Features(bits) => (3, *bits, Syntax::NONE),
        };
        writer.u16(result);
        writer.u16(reason);
        syntax.encode(writer);
    }
}

/// The header of a request PDU and its part of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) context_id: u16,
    pub(crate) operation: u16,
    pub(crate) stub: &'a [u8],
}

impl<'a> Request<'a> {
    pub(crate) fn decode(header: &Header, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        reader.skip("alloc_hint", 4)?;
        let context_id = reader.u16("p_cont_id")?;
        let operation = reader.u16("opnum")?;
        if header.flags & OBJECT_UUID != 0 {
            reader.skip("object", 16)?;
        }
        let remaining = reader.remaining();
        // The verifier's padding is counted in its trailer; without a verifier there is none.
        Ok(Request { context_id, operation, stub: remaining })
    }
}

pub(crate) fn start(pdu_type: PduType, flags: u8, call_id: u32) -> Writer {
    let mut writer = Writer::new();
    writer.u8(5);
    writer.u8(0);
    writer.u8(pdu_type.0);
    writer.u8(flags);
    writer.bytes(&[0x10, 0, 0, 0]);
    writer.u16(0); // frag_length, patched by `finish`
    writer.u16(0);
    writer.u32(call_id);
    writer
}

pub(crate) fn finish(mut writer: Writer) -> Vec<u8> {
    let length = writer.position();
    writer.patch_u16(8, length);
    writer.into_bytes()
}

/// A bind_ack or alter_context_response PDU. `address` is the pipe's name, empty for the latter.
pub(crate) fn bind_acknowledgement(
    pdu_type: PduType,
    call_id: u32,
    fragment_size: u16,
    association_group: u32,
    address: &str,
    results: &[ContextResult],
) -> Vec<u8> {
    let mut writer = start(pdu_type, FIRST_FRAGMENT | LAST_FRAGMENT, call_id);
    writer.u16(fragment_size);
    writer.u16(MAX_FRAGMENT);
    writer.u32(association_group);
    if address.is_empty() {
        writer.u16(0);
    } else {
        writer.u16(u16::try_from(address.len().saturating_add(1)).unwrap_or(u16::MAX));
        writer.bytes(address.as_bytes());
        writer.u8(0);
    }
    writer.align_from(0, 4);
    writer.u8(u8::try_from(results.len()).unwrap_or(u8::MAX));
    writer.zeros(3);
    for result in results {
        result.encode(&mut writer);
    }
    finish(writer)
}

/// Reasons of a bind_nak PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindRefusal {
    /// Reason not specified.
    Unspecified,
    /// [MS-RPCE] 2.2.2.5 authentication type not recognized.
    AuthenticationType,
    /// [MS-RPCE] 2.2.2.5 invalid checksum: the logon failed.
    InvalidChecksum,
}

pub(crate) fn bind_refused(call_id: u32, refusal: BindRefusal) -> Vec<u8> {
    let mut writer = start(PduType::BIND_NAK, FIRST_FRAGMENT | LAST_FRAGMENT, call_id);
    writer.u16(match refusal {
        BindRefusal::Unspecified => 0,
        BindRefusal::AuthenticationType => 8,
        BindRefusal::InvalidChecksum => 9,
    });
    // p_rt_versions_supported: one, 5.0.
    writer.bytes(&[1, 5, 0]);
    finish(writer)
}

pub(crate) fn fault(call_id: u32, context_id: u16, status: u32) -> Vec<u8> {
    let mut writer = start(PduType::FAULT, FIRST_FRAGMENT | LAST_FRAGMENT | DID_NOT_EXECUTE, call_id);
    writer.u32(0x20);
    writer.u16(context_id);
    writer.u16(0);
    writer.u32(status);
    writer.u32(0);
    finish(writer)
}

/// The fragments of a response, none larger than `fragment_size`.
pub(crate) fn response_fragments(
    call_id: u32,
    context_id: u16,
    stub: &[u8],
    fragment_size: u16,
) -> impl Iterator<Item = Vec<u8>> {
    // Every fragment but the last carries a multiple of eight bytes, so that NDR's alignment goes on in the next.
    let room = usize::from(fragment_size).saturating_sub(CALL_HEADER_SIZE).max(8) & !7;
    let count = stub.len().div_ceil(room).max(1);
    (0..count).map(move |index| {
        let offset = index.saturating_mul(room);
        let end = offset.saturating_add(room).min(stub.len());
        let mut flags = 0;
        if index == 0 {
            flags |= FIRST_FRAGMENT;
        }
        if end == stub.len() {
            flags |= LAST_FRAGMENT;
        }
        let mut writer = start(PduType::RESPONSE, flags, call_id);
        writer.u32(u32::try_from(stub.len().saturating_sub(offset)).unwrap_or(u32::MAX));
        writer.u16(context_id);
        writer.u16(0);
        writer.bytes(stub.get(offset..end).unwrap_or_default());
        finish(writer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_cut_at_eight_bytes() {
        let stub: Vec<u8> = (0..3000u32).map(|n| n.to_le_bytes()[0]).collect();
        let fragments: Vec<Vec<u8>> = response_fragments(7, 1, &stub, 1_432).collect();
        assert_eq!(fragments.len(), 3);
        let mut joined = Vec::new();
        for (index, fragment) in fragments.iter().enumerate() {
            assert!(fragment.len() <= 1_432);
            let header = Header::from_bytes(fragment).unwrap();
            assert_eq!(usize::from(header.fragment_length), fragment.len());
            assert_eq!(header.flags & FIRST_FRAGMENT != 0, index == 0);
            assert_eq!(header.flags & LAST_FRAGMENT != 0, index == 2);
            let part = &fragment[CALL_HEADER_SIZE..];
            assert!(index == 2 || part.len() % 8 == 0);
            joined.extend_from_slice(part);
        }
        assert_eq!(joined, stub);
    }

    #[test]
    fn an_empty_response_is_one_fragment() {
        assert_eq!(response_fragments(1, 0, &[], 4_280).count(), 1);
    }

    #[test]
    fn headers_of_other_protocols_are_refused() {
        let good = bind_refused(1, BindRefusal::Unspecified);
        assert!(Header::from_bytes(&good).is_ok());
        for (at, value) in [(0, 4), (1, 2), (4, 0), (8, 15)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(Header::from_bytes(&bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_verifier_longer_than_its_fragment_is_refused() {
        let bytes = bind_refused(1, BindRefusal::Unspecified);
        let mut header = Header::from_bytes(&bytes).unwrap();
        assert_eq!(body(&header, &bytes).map(<[u8]>::len), Ok(bytes.len() - HEADER_SIZE));
        header.auth_length = 60_000;
        assert!(body(&header, &bytes).is_err());
    }

    #[test]
    fn bind_time_features_are_in_the_last_half_of_the_uuid() {
        let uuid = Guid::new(0x6CB7_1C2C, 0x9812, 0x4540, [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Syntax { uuid, version: 1 }.bind_time_features(), Some(3));
        assert_eq!(NDR32.bind_time_features(), None);
    }
}
