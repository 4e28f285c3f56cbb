//! RFC 4511 4.1.1: the messages of a domain controller, cut out of the stream and checked before ldap3 reads them.
//!
//! ldap3 recurses as deep as what it reads is nested, and ends its task, or its caller's, on a message that is not built as it
//! expects. So every message is read here first, field by field: what passes has a known depth and every field that ldap3 wants.

use crate::domain::ber::{
    BOOLEAN, BerError, ENUMERATED, Header, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, header,
};

/// Largest message: an entry with all its values. A domain controller sends values beyond 1500 in ranges.
pub(super) const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

const CONTROLS: u8 = 0xa0;
/// Where Active Directory puts the name of a notice of disconnection.
const NOTICE_NAME: u8 = 0x8a;

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_RESULT_ENTRY: u8 = 0x64;
const SEARCH_RESULT_DONE: u8 = 0x65;
const MODIFY_RESPONSE: u8 = 0x67;
const ADD_RESPONSE: u8 = 0x69;
const DELETE_RESPONSE: u8 = 0x6b;
const MODIFY_DN_RESPONSE: u8 = 0x6d;
const COMPARE_RESPONSE: u8 = 0x6f;
const SEARCH_RESULT_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;

const REFERRAL: u8 = 0xa3;
const SERVER_SASL_CREDENTIALS: u8 = 0x87;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

/// Cuts messages out of what comes in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pending: Vec<u8>,
    /// Octets of `pending` that were handed out already.
    done: usize,
}

impl Messages {
    /// Adds what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.done);
        self.done = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole messages, checked, as many as there are; empty when more is needed.
    pub(super) fn take(&mut self) -> Result<&[u8], BerError> {
        let start = self.done;
        loop {
            let rest = self.pending.get(self.done..).unwrap_or_default();
            let Header::Complete { header, content } = header(rest)? else { break };
            let whole = header.saturating_add(content);
            if whole > MESSAGE_LIMIT {
                return Err(BerError);
            }
            let Some(message) = rest.get(..whole) else { break };
            check(message)?;
            self.done = self.done.saturating_add(whole);
        }
        Ok(self.pending.get(start..self.done).unwrap_or_default())
    }
}

/// Checks one LDAPMessage.
fn check(message: &[u8]) -> Result<(), BerError> {
    let mut message = Reader(Reader(message).expect(SEQUENCE)?);
    if !matches!(message.expect(INTEGER)?.len(), 1..=4) {
        return Err(BerError);
    }
    let operation = message.next()?.ok_or(BerError)?;
    match operation.tag {
        SEARCH_RESULT_ENTRY => entry(operation.content)?,
        SEARCH_RESULT_REFERENCE => texts(operation.content)?,
        BIND_RESPONSE | SEARCH_RESULT_DONE | MODIFY_RESPONSE | ADD_RESPONSE | DELETE_RESPONSE
        | MODIFY_DN_RESPONSE | COMPARE_RESPONSE | EXTENDED_RESPONSE => result(operation.content)?,
        _ => return Err(BerError),
    }
    if let Some(list) = message.optional(CONTROLS)? {
        controls(list)?;
    } else if message.optional(NOTICE_NAME)?.is_some() && operation.tag != EXTENDED_RESPONSE {
        return Err(BerError);
    }
    end(&message)
}

/// 4.5.2 SearchResultEntry.
fn entry(content: &[u8]) -> Result<(), BerError> {
    let mut entry = Reader(content);
    text(entry.expect(OCTET_STRING)?)?;
    let mut attributes = Reader(entry.expect(SEQUENCE)?);
    while !attributes.is_empty() {
        let mut attribute = Reader(attributes.expect(SEQUENCE)?);
        text(attribute.expect(OCTET_STRING)?)?;
        let mut values = Reader(attribute.expect(SET)?);
        while !values.is_empty() {
            values.expect(OCTET_STRING)?;
        }
        end(&attribute)?;
    }
    end(&entry)
}

/// 4.1.9 LDAPResult and what BindResponse and ExtendedResponse add to it.
fn result(content: &[u8]) -> Result<(), BerError> {
    let mut result = Reader(content);
    if !matches!(result.expect(ENUMERATED)?.len(), 1..=4) {
        return Err(BerError);
    }
    text(result.expect(OCTET_STRING)?)?;
    text(result.expect(OCTET_STRING)?)?;
    while let Some(field) = result.next()? {
        match field.tag {
            REFERRAL => texts(field.content)?,
            SERVER_SASL_CREDENTIALS | RESPONSE_VALUE => {}
            RESPONSE_NAME => text(field.content)?,
            _ => return Err(BerError),
        }
    }
    Ok(())
}

/// 4.1.11 Controls.
fn controls(list: &[u8]) -> Result<(), BerError> {
    let mut list = Reader(list);
    while !list.is_empty() {
        let mut control = Reader(list.expect(SEQUENCE)?);
        text(control.expect(OCTET_STRING)?)?;
        if let Some(critical) = control.optional(BOOLEAN)?
            && critical.len() != 1
        {
            return Err(BerError);
        }
        control.optional(OCTET_STRING)?;
        end(&control)?;
    }
    Ok(())
}

fn texts(list: &[u8]) -> Result<(), BerError> {
    let mut list = Reader(list);
    while !list.is_empty() {
        text(list.expect(OCTET_STRING)?)?;
    }
    Ok(())
}

fn text(octets: &[u8]) -> Result<(), BerError> {
    std::str::from_utf8(octets).map(drop).map_err(|_| BerError)
}

fn end(reader: &Reader<'_>) -> Result<(), BerError> {
    if reader.is_empty() { Ok(()) } else { Err(BerError) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Messages, check};
    use crate::domain::ber::{
        ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET, constructed, element, encode_integer,
    };

    fn message(operation: &[u8], controls: &[u8]) -> Vec<u8> {
        constructed(SEQUENCE, &[&encode_integer(INTEGER, 5), operation, controls])
    }

    fn octets(value: &[u8]) -> Vec<u8> {
        element(OCTET_STRING, value)
    }

    fn entry(values: &[&[u8]]) -> Vec<u8> {
        let values: Vec<u8> = values.iter().flat_map(|value| octets(value)).collect();
        let attribute = constructed(SEQUENCE, &[&octets(b"objectSid"), &element(SET, &values)]);
        constructed(0x64, &[&octets(b"CN=a"), &element(SEQUENCE, &attribute)])
    }

    fn done(extra: &[u8]) -> Vec<u8> {
        constructed(0x65, &[&encode_integer(ENUMERATED, 0), &octets(b""), &octets(b""), extra])
    }

    #[test]
    fn what_domain_controllers_send_passes() {
        let paged = constructed(
            SEQUENCE,
            &[&octets(b"1.2.840.113556.1.4.319"), &element(1, &[0]), &octets(b"\x30\x00")],
        );
        let notice = constructed(0x78, &[&encode_integer(ENUMERATED, 52), &octets(b""), &octets(b"idle")]);
        for good in [
            message(&entry(&[b"\x01\xff", b""]), b""),
            message(&entry(&[]), b""),
            message(&done(b""), &element(0xa0, &paged)),
            message(&done(&element(0xa3, &octets(b"ldap://x/"))), b""),
            message(&element(0x73, &octets(b"ldap://other/DC=x")), b""),
            message(&notice, &element(0x8a, b"1.3.6.1.4.1.1466.20036")),
        ] {
            assert_eq!(check(&good), Ok(()), "{good:02x?}");
        }
    }

    #[test]
    fn what_ldap3_stumbles_over_does_not() {
        let nested = (0..1000).fold(Vec::new(), |inner, _| element(SEQUENCE, &inner));
        for (why, bad) in [
            ("no operation", message(b"", b"")),
            (
                "a name that is no text",
                message(&constructed(0x64, &[&octets(b"\xff"), &element(SEQUENCE, b"")]), b""),
            ),
            ("deep nesting", message(&constructed(0x64, &[&octets(b""), &element(SEQUENCE, &nested)]), b"")),
            ("no result code", message(&element(0x65, b""), b"")),
            ("a request", message(&element(0x63, b""), b"")),
            ("a long message id", constructed(SEQUENCE, &[&element(INTEGER, &[1; 9]), &done(b"")])),
            ("something behind", message(&done(b""), &element(0xa5, b""))),
        ] {
            assert!(check(&bad).is_err(), "{why}");
        }
    }

    proptest! {
        #[test]
        fn messages_are_cut_alike_whatever_the_pieces(
            lengths in proptest::collection::vec(0..300usize, 0..8),
            pieces in proptest::collection::vec(1..200usize, 1..60),
        ) {
            let stream: Vec<u8> = lengths.iter().flat_map(|length| message(&entry(&[&vec![7; *length]]), b"")).collect();
            let mut messages = Messages::default();
            let (mut rest, mut taken) = (stream.as_slice(), Vec::new());
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                messages.push(now);
                taken.extend_from_slice(messages.take().unwrap());
                rest = later;
                if rest.is_empty() { break }
            }
            prop_assert_eq!(taken, stream);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut messages = Messages::default();
            messages.push(&bytes);
            let _ = messages.take();
            let _ = check(&message(&bytes, b""));
        }

        /// The point of it all: what passes does not end ldap3's parser.
        #[test]
        fn what_passes_is_read_by_ldap3(mut bytes in proptest::collection::vec(any::<u8>(), 0..60), at: usize) {
            let mut whole = message(&entry(&[b"value", &bytes]), b"");
            let place = at % whole.len();
            whole[place] ^= bytes.pop().unwrap_or(1) | 1;
            if check(&whole).is_ok() {
                let (rest, _tag) = ldap3::asn1::parse_tag(&whole).unwrap();
                prop_assert!(rest.is_empty());
            }
        }
    }
}
