//! [MS-SMB2] 3.3.5.3.1 SMB 2.1 or 3.x Support: the SMB_COM_NEGOTIATE request by which a client of both
//! worlds asks for SMB2. All of SMB1 that is read here.

use freehold_dtyp::{DecodeError, DecodeReason, Reader};

/// [MS-CIFS] 2.2.4.52.1 Request of SMB_COM_NEGOTIATE: which SMB2 dialect strings it offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smb1NegotiateRequest {
    /// "SMB 2.002" is offered: an answer with [`super::Dialect::SMB_2_0_2`] is understood.
    pub offers_smb_2_002: bool,
    /// "SMB 2.???" is offered: an answer with [`super::Dialect::WILDCARD`] is understood.
    pub offers_smb_2_wildcard: bool,
}

impl Smb1NegotiateRequest {
    /// Bytes of the SMB1 header.
    const HEADER_SIZE: usize = 32;
    /// SMB_COM_NEGOTIATE
    const COMMAND: u8 = 0x72;
    /// BufferFormat of a dialect string.
    const DIALECT_FORMAT: u8 = 0x02;

    /// Reads a packet that starts with 0xFF 'S' 'M' 'B'.
    ///
    /// # Errors
    /// [`DecodeError`] for any other SMB1 command and for a malformed list of dialects.
    pub fn decode(packet: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(packet);
        let invalid = |field, offset| Err(DecodeError { field, reason: DecodeReason::Invalid, offset });
        if reader.array("Protocol")? != [0xFF, b'S', b'M', b'B'] {
            return invalid("Protocol", 0);
        }
        if reader.u8("Command")? != Self::COMMAND {
            return invalid("Command", 4);
        }
        reader.skip("Header", Self::HEADER_SIZE - 5)?;
        let words = reader.u8("WordCount")?;
        reader.skip("Words", usize::from(words).saturating_mul(2))?;
        let count = reader.u16("ByteCount")?;
        let mut rest = reader.bytes("Dialects", usize::from(count))?;
        let mut found = Smb1NegotiateRequest::default();
        while let Some((&format, tail)) = rest.split_first() {
            let end = tail.iter().position(|byte| *byte == 0);
            let (Self::DIALECT_FORMAT, Some((name, after))) =
                (format, end.and_then(|end| tail.split_at_checked(end)))
            else {
                return invalid("Dialects", packet.len().saturating_sub(rest.len()));
            };
            found.offers_smb_2_002 |= name == b"SMB 2.002";
            found.offers_smb_2_wildcard |= name == b"SMB 2.???";
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(found)
    }

    /// A packet that offers "NT LM 0.12" and what `self` says, for clients and tests.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut packet = vec![0xFF, b'S', b'M', b'B', Self::COMMAND];
        packet.resize(Self::HEADER_SIZE, 0);
        let mut dialects = b"\x02NT LM 0.12\0".to_vec();
        if self.offers_smb_2_002 {
            dialects.extend_from_slice(b"\x02SMB 2.002\0");
        }
        if self.offers_smb_2_wildcard {
            dialects.extend_from_slice(b"\x02SMB 2.???\0");
        }
        packet.push(0);
        packet.extend_from_slice(&super::message::length16(dialects.len()).to_le_bytes());
        packet.extend_from_slice(&dialects);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sent by Windows 7 and by smbclient without a minimum protocol.
    #[test]
    fn the_list_of_a_windows_client_offers_both() {
        let mut packet = crate::smb2::testing::hex(
            "ff534d42 72 00000000 18 53c8 0000 0000000000000000 0000 ffff fffe 0000 0000 00 7800",
        );
        packet.extend_from_slice(
            b"\x02PC NETWORK PROGRAM 1.0\0\x02LANMAN1.0\0\x02Windows for Workgroups 3.1a\0\x02LM1.2X002\0\
              \x02LANMAN2.1\0\x02NT LM 0.12\0\x02SMB 2.002\0\x02SMB 2.???\0",
        );
        let both = Smb1NegotiateRequest { offers_smb_2_002: true, offers_smb_2_wildcard: true };
        assert_eq!(Smb1NegotiateRequest::decode(&packet), Ok(both));
    }

    #[test]
    fn what_is_written_is_read() {
        for (offers_smb_2_002, offers_smb_2_wildcard) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let request = Smb1NegotiateRequest { offers_smb_2_002, offers_smb_2_wildcard };
            assert_eq!(Smb1NegotiateRequest::decode(&request.to_bytes()), Ok(request));
        }
    }

    #[test]
    fn other_commands_and_unterminated_names_are_refused() {
        let request = Smb1NegotiateRequest { offers_smb_2_002: true, offers_smb_2_wildcard: false };
        let mut other = request.to_bytes();
        other[4] = 0x73;
        assert!(Smb1NegotiateRequest::decode(&other).is_err_and(|error| error.field == "Command"));
        let mut open = request.to_bytes();
        *open.last_mut().expect("a byte") = b'x';
        assert!(Smb1NegotiateRequest::decode(&open).is_err_and(|error| error.field == "Dialects"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(tail in proptest::collection::vec(prop_oneof![Just(0_u8), Just(2), any::<u8>()], 0..80)) {
            let mut packet = Smb1NegotiateRequest::default().to_bytes();
            packet.truncate(32);
            packet.extend(tail);
            let _ = Smb1NegotiateRequest::decode(&packet);
            let _ = Smb1NegotiateRequest::decode(&packet[packet.len() / 2..]);
        }
    }
}
