//! C706 12.6 and [MS-RPCE] 2.2.2: the PDUs that a client sends and takes. Pure: bytes in, bytes out.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Reader, Writer};

use super::RpcError;
use crate::rpc::pdu::{
    CALL_HEADER_SIZE, FIRST_FRAGMENT, HEADER_SIZE, Header, LARGEST_FRAGMENT_TAKEN, LAST_FRAGMENT,
    MUST_RECEIVE_FRAGMENT, NDR32, PduType, Syntax, start,
};

/// Bytes of [MS-RPCE] 2.2.2.11 sec_trailer: auth_type 1, auth_level 1, auth_pad_length 1, auth_reserved 1, auth_context_id 4.
pub(super) const TRAILER_SIZE: usize = 1 + 1 + 1 + 1 + 4;
/// The only presentation context of a connection here.
const CONTEXT_ID: u16 = 0;
/// The only security context of a connection here.
const AUTH_CONTEXT_ID: u32 = 1;
/// What sealed stubs are padded to, as Windows does.
pub(super) const SEAL_ALIGNMENT: usize = 16;

/// [MS-RPCE] 2.2.2.11: what protects a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) struct Verifier {
    /// [MS-RPCE] 2.2.1.1.7 Security Providers.
    pub(in crate::domain) auth_type: u8,
    /// [MS-RPCE] 2.2.1.1.8 Authentication Levels.
    pub(in crate::domain) auth_level: u8,
}

impl Verifier {
    fn encode(self, pad_bytes: usize, writer: &mut Writer) {
        writer.u8(self.auth_type);
        writer.u8(self.auth_level);
        writer.u8(u8::try_from(pad_bytes).unwrap_or(0));
        writer.u8(0);
        writer.u32(AUTH_CONTEXT_ID);
    }
}

/// A bind PDU for one interface in NDR32.
pub(super) fn bind(call_id: u32, interface: &Syntax, verifier: Option<(Verifier, &[u8])>) -> Vec<u8> {
    let mut writer = start(PduType::BIND, FIRST_FRAGMENT | LAST_FRAGMENT, call_id);
    writer.u16(LARGEST_FRAGMENT_TAKEN);
    writer.u16(LARGEST_FRAGMENT_TAKEN);
    writer.u32(0); // assoc_group_id: a new one
    writer.bytes(&[1, 0, 0, 0]); // n_context_elem
    writer.u16(CONTEXT_ID);
    writer.bytes(&[1, 0]); // n_transfer_syn
    interface.encode(&mut writer);
    NDR32.encode(&mut writer);
    if let Some((verifier, token)) = verifier {
        verifier.encode(0, &mut writer);
        writer.bytes(token);
        writer.patch_u16(AUTH_LENGTH_OFFSET, token.len());
    }
    finish(writer)
}

/// Places of the lengths in the common header.
const FRAGMENT_LENGTH_OFFSET: usize = 8;
const AUTH_LENGTH_OFFSET: usize = 10;

fn finish(mut writer: Writer) -> Vec<u8> {
    let length = writer.position();
    writer.patch_u16(FRAGMENT_LENGTH_OFFSET, length);
    writer.into_bytes()
}

/// What a bind_ack PDU agrees on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BindAck {
    /// Largest fragment that the server takes.
    pub(super) max_receive: u16,
}

impl BindAck {
    /// `body` is what follows the common header.
    pub(super) fn decode(body: &[u8]) -> Result<Self, RpcError> {
        let mut reader = Reader::new(body);
        reader.skip("max_xmit_frag", 2)?;
        let max_receive = reader.u16("max_recv_frag")?;
        reader.skip("assoc_group_id", 4)?;
        let address_length = reader.u16("sec_addr.length")?;
        reader.skip("sec_addr", usize::from(address_length))?;
        // The header before this body has a multiple of four bytes.
        let past = reader.position() & 3;
        if past != 0 {
            reader.skip("pad2", 4usize.saturating_sub(past))?;
        }
        if reader.u8("n_results")? == 0 {
            return Err(reader.error("n_results", DecodeReason::Invalid).into());
        }
        reader.skip("reserved", 3)?;
        let result = reader.u16("result")?;
        reader.skip("reason", 2)?;
        let syntax = Syntax::decode(&mut reader)?;
        if result != 0 || syntax != NDR32 {
            return Err(RpcError::NotOffered(result));
        }
        Ok(BindAck { max_receive: max_receive.max(MUST_RECEIVE_FRAGMENT) })
    }
}

/// The reason in a bind_nak PDU.
pub(super) fn bind_refusal(body: &[u8]) -> Result<u16, DecodeError> {
    Reader::new(body).u16("provider_reject_reason")
}

/// The status in a fault PDU.
pub(super) fn fault_status(body: &[u8]) -> Result<u32, DecodeError> {
    let mut reader = Reader::new(body);
    reader.skip("alloc_hint, p_cont_id, cancel_count, reserved", 8)?;
    reader.u32("status")
}

/// Stub bytes of one request fragment; a multiple of [`SEAL_ALIGNMENT`].
pub(super) fn request_room(max_fragment: u16, signature_bytes: usize) -> usize {
    let overhead = CALL_HEADER_SIZE
        .saturating_add(TRAILER_SIZE)
        .saturating_add(signature_bytes)
        .saturating_add(SEAL_ALIGNMENT);
    usize::from(max_fragment.min(LARGEST_FRAGMENT_TAKEN)).saturating_sub(overhead).max(SEAL_ALIGNMENT)
        & !(SEAL_ALIGNMENT.saturating_sub(1))
}

/// One fragment of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestFragment<'a> {
    pub(super) call_id: u32,
    pub(super) operation: u16,
    pub(super) first: bool,
    pub(super) last: bool,
    /// Bytes of the whole stub from here on.
    pub(super) left_bytes: usize,
    /// The part of the stub, padding included.
    pub(super) stub: &'a [u8],
    /// Verifier, bytes of padding and signature.
    pub(super) protection: Option<(Verifier, usize, &'a [u8])>,
}

impl RequestFragment<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut flags = 0;
        if self.first {
            flags |= FIRST_FRAGMENT;
        }
        if self.last {
            flags |= LAST_FRAGMENT;
        }
        let mut writer = start(PduType::REQUEST, flags, self.call_id);
        writer.u32(u32::try_from(self.left_bytes).unwrap_or(u32::MAX));
        writer.u16(CONTEXT_ID);
        writer.u16(self.operation);
        writer.bytes(self.stub);
        if let Some((verifier, pad_bytes, signature)) = self.protection {
            verifier.encode(pad_bytes, &mut writer);
            writer.bytes(signature);
            writer.patch_u16(AUTH_LENGTH_OFFSET, signature.len());
        }
        finish(writer)
    }
}

/// One fragment of a response, taken apart.
#[derive(Debug)]
pub(super) struct ResponseFragment<'a> {
    pub(super) stub: &'a mut [u8],
    /// Bytes of padding at the end of `stub`, and the signature.
    pub(super) protection: Option<(usize, &'a [u8])>,
}

impl<'a> ResponseFragment<'a> {
    /// `fragment` is the whole PDU; `verifier` is what a protected connection expects.
    pub(super) fn decode(
        header: &Header,
        fragment: &'a mut [u8],
        verifier: Option<Verifier>,
    ) -> Result<Self, RpcError> {
        const MALFORMED: DecodeError = DecodeError {
            field: "auth_length",
            reason: DecodeReason::OutOfBounds,
            offset: AUTH_LENGTH_OFFSET,
        };
        let Some(verifier) = verifier else {
            if header.auth_length != 0 {
                return Err(RpcError::Unprotected);
            }
            let stub = fragment.get_mut(CALL_HEADER_SIZE..).ok_or(MALFORMED)?;
            return Ok(ResponseFragment { stub, protection: None });
        };
        let tail = usize::from(header.auth_length).saturating_add(TRAILER_SIZE);
        if header.auth_length == 0 {
            return Err(RpcError::Unprotected);
        }
        let end = fragment.len().checked_sub(tail).ok_or(MALFORMED)?;
        let (front, tail) = fragment.split_at_mut_checked(end).ok_or(MALFORMED)?;
        let (trailer, signature) = tail.split_at_checked(TRAILER_SIZE).ok_or(MALFORMED)?;
        let mut reader = Reader::new(trailer);
        let auth_type = reader.u8("auth_type")?;
        let auth_level = reader.u8("auth_level")?;
        let pad_bytes = usize::from(reader.u8("auth_pad_length")?);
        if (Verifier { auth_type, auth_level }) != verifier {
            return Err(RpcError::Unprotected);
        }
        let stub = front.get_mut(CALL_HEADER_SIZE..).ok_or(MALFORMED)?;
        if pad_bytes > stub.len() {
            return Err(MALFORMED.into());
        }
        Ok(ResponseFragment { stub, protection: Some((pad_bytes, signature)) })
    }
}

/// What follows the common header of an unprotected PDU.
pub(super) fn plain_body(fragment: &[u8]) -> &[u8] {
    fragment.get(HEADER_SIZE..).unwrap_or_default()
}

/// The other side, for the fake domain controller.
#[cfg(test)]
pub(in crate::domain) mod testing {
    use super::{Verifier, Writer, finish};
    use crate::rpc::pdu::{FIRST_FRAGMENT, LAST_FRAGMENT, PduType, start};

    /// A fragment of a response, with a verifier; `place` says whether it is the first and the last.
    pub(in crate::domain) fn sealed_response(
        call_id: u32,
        place: (bool, bool),
        stub: &[u8],
        verifier: Verifier,
        pad_bytes: usize,
        signature: &[u8],
    ) -> Vec<u8> {
        let flags = (u8::from(place.0) * FIRST_FRAGMENT) | (u8::from(place.1) * LAST_FRAGMENT);
        let mut writer: Writer = start(PduType::RESPONSE, flags, call_id);
        writer.u32(0);
        writer.u32(0);
        writer.bytes(stub);
        verifier.encode(pad_bytes, &mut writer);
        writer.bytes(signature);
        writer.patch_u16(super::AUTH_LENGTH_OFFSET, signature.len());
        finish(writer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rpc::pdu::{Bind, ContextResult, Request, bind_acknowledgement, body};

    const VERIFIER: Verifier = Verifier { auth_type: 68, auth_level: 6 };

    #[test]
    fn the_server_understands_the_bind() {
        let interface = Syntax { uuid: freehold_dtyp::Guid([7; 16]), version: 1 };
        let bytes = bind(3, &interface, Some((VERIFIER, b"token!")));
        let header = Header::from_bytes(&bytes).unwrap();
        assert_eq!(
            (usize::from(header.fragment_length), header.auth_length, header.call_id),
            (bytes.len(), 6, 3)
        );
        let bind = Bind::from_bytes(body(&header, &bytes).unwrap()).unwrap();
        assert_eq!(bind.contexts.len(), 1);
        assert_eq!(
            (bind.contexts[0].interface, &bind.contexts[0].transfer_syntaxes[..]),
            (interface, &[NDR32][..])
        );
        assert_eq!(&bytes[bytes.len() - 14..], b"\x44\x06\x00\x00\x01\x00\x00\x00token!");
    }

    #[test]
    fn acknowledgements_are_read_and_refusals_told_apart() {
        for address in ["", "135", "49152", r"\PIPE\lsass"] {
            let answer = |result| bind_acknowledgement(PduType::BIND_ACK, 1, 4_280, 9, address, &[result]);
            let accepted = answer(ContextResult::Accepted);
            assert_eq!(BindAck::decode(plain_body(&accepted)).unwrap(), BindAck { max_receive: 4_280 });
            let refused = answer(ContextResult::UnknownInterface);
            assert!(matches!(BindAck::decode(plain_body(&refused)), Err(RpcError::NotOffered(2))));
        }
    }

    #[test]
    fn requests_are_what_the_server_reads() {
        let fragment = RequestFragment {
            call_id: 9,
            operation: 39,
            first: true,
            last: true,
            left_bytes: 5,
            stub: b"hello",
            protection: None,
        };
        let bytes = fragment.encode();
        let header = Header::from_bytes(&bytes).unwrap();
        let request = Request::decode(&header, body(&header, &bytes).unwrap()).unwrap();
        assert_eq!((request.operation, request.context_id, request.stub), (39, 0, &b"hello"[..]));
        for size in [0, 1_432, 4_280, u16::MAX] {
            let room = request_room(size, 56);
            assert!(room.is_multiple_of(SEAL_ALIGNMENT) && room > 0);
            assert!(
                room + SEAL_ALIGNMENT + CALL_HEADER_SIZE + TRAILER_SIZE + 56 <= usize::from(size.max(128))
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            auth_length in any::<u16>(),
            protected in any::<bool>(),
        ) {
            let _ = BindAck::decode(&bytes);
            let _ = fault_status(&bytes);
            let _ = bind_refusal(&bytes);
            let header = Header {
                pdu_type: PduType::RESPONSE,
                flags: 3,
                fragment_length: 0,
                auth_length: auth_length % 64,
                call_id: 1,
            };
            let _ = ResponseFragment::decode(&header, &mut bytes, protected.then_some(VERIFIER));
        }
    }
}
