//! X.690: as much of BER as the messages need that this server reads and writes itself: CLDAP pings, LDAP's bind, the check of
//! what a domain controller sends before ldap3 sees it, and Kerberos' errors. Definite lengths only, nothing is allocated on reading.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub(super) const BOOLEAN: u8 = 0x01;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// ENUMERATED.
pub(super) const ENUMERATED: u8 = 0x0a;
/// SEQUENCE and SEQUENCE OF.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub(super) const SET: u8 = 0x31;

/// The bytes are no BER, or not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed BER")]
pub struct BerError;

/// One element: its identifier octet and its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// What the first bytes of a stream say of the element that they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// More bytes are needed to tell.
    Incomplete,
    /// Octets of identifier and length, and octets of contents.
    Complete {
        /// Of identifier and length.
        header: usize,
        /// Of contents.
        content: usize,
    },
}

/// Reads identifier and length.
///
/// # Errors
/// Tags of more than one octet, indefinite lengths, and lengths of more than four octets: no message has them.
pub(super) fn header(bytes: &[u8]) -> Result<Header, BerError> {
    let [tag, rest @ ..] = bytes else { return Ok(Header::Incomplete) };
    if tag & 0x1f == 0x1f {
        return Err(BerError);
    }
    let [first, rest @ ..] = rest else { return Ok(Header::Incomplete) };
    if first & 0x80 == 0 {
        return Ok(Header::Complete { header: 2, content: usize::from(*first) });
    }
    let octets = usize::from(first & 0x7f);
    if octets == 0 || octets > 4 {
        return Err(BerError);
    }
    let Some(length) = rest.get(..octets) else { return Ok(Header::Incomplete) };
    let content = length.iter().fold(0usize, |value, octet| value << 8 | usize::from(*octet));
    Ok(Header::Complete { header: 2usize.saturating_add(octets), content })
}

impl<'a> Reader<'a> {
    /// The next element, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, BerError> {
        let [tag, ..] = self.0 else { return Ok(None) };
        let Header::Complete { header, content } = header(self.0)? else { return Err(BerError) };
        let rest = self.0.get(header..).ok_or(BerError)?;
        let element = Element { tag: *tag, content: rest.get(..content).ok_or(BerError)? };
        self.0 = rest.get(content..).ok_or(BerError)?;
        Ok(Some(element))
    }

    /// The contents of the next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element.content),
            _ => Err(BerError),
        }
    }

    /// The contents of the next element if it has this tag; else nothing is consumed.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        let mut ahead = *self;
        match ahead.next()? {
            Some(element) if element.tag == tag => {
                *self = ahead;
                Ok(Some(element.content))
            }
            _ => Ok(None),
        }
    }

    /// The field with this context tag among those that are left, in any place; fields before it are skipped.
    pub(super) fn field(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        let mut ahead = *self;
        while let Some(element) = ahead.next()? {
            if element.tag == tag {
                *self = ahead;
                return Ok(Some(element.content));
            }
        }
        Ok(None)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The value of an INTEGER's or ENUMERATED's contents.
pub(super) fn integer(content: &[u8]) -> Result<i64, BerError> {
    let [first, ..] = content else { return Err(BerError) };
    if content.len() > 8 {
        return Err(BerError);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(sign, |value: i64, octet| value << 8 | i64::from(*octet)))
}

/// An element with these contents.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len().saturating_add(6));
    bytes.push(tag);
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => bytes.push(length),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|octet| **octet == 0).count();
            let octets = length.get(zeros..).unwrap_or_default();
            bytes.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
            bytes.extend_from_slice(octets);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// An element whose contents are these parts, one after the other.
pub(super) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// An INTEGER or ENUMERATED.
pub(super) fn encode_integer(tag: u8, value: i32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // 8.3.2: the first nine bits are not all alike.
    let spare = bytes
        .windows(2)
        .take_while(|pair| {
            matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xff, next] if next & 0x80 != 0)
        })
        .count();
    element(tag, bytes.get(spare..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{
        BerError, Header, INTEGER, OCTET_STRING, Reader, SEQUENCE, constructed, element, encode_integer,
        header, integer,
    };

    #[test]
    fn lengths_take_as_few_octets_as_they_can() {
        assert_eq!(element(OCTET_STRING, b"ab"), [4, 2, b'a', b'b']);
        assert_eq!(element(OCTET_STRING, &[0; 200])[..3], [4, 0x81, 200]);
        assert_eq!(element(OCTET_STRING, &[0; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
    }

    #[test]
    fn what_no_message_has_is_refused() {
        assert_eq!(header(&[0x3f, 0x81]), Err(BerError), "a tag of several octets");
        assert_eq!(header(&[0x30, 0x80]), Err(BerError), "an indefinite length");
        assert_eq!(header(&[0x30, 0x85, 0, 0, 0, 0, 1]), Err(BerError), "a length of five octets");
        assert_eq!(header(&[0x30, 0x82, 1]), Ok(Header::Incomplete));
        assert_eq!(Reader(&[0x30, 3, 1]).next(), Err(BerError), "longer than what is there");
    }

    #[test]
    fn a_field_is_found_behind_others() {
        let bytes = constructed(SEQUENCE, &[&element(0xa1, b"one"), &element(0xa4, b"four")]);
        let mut fields = Reader(Reader(&bytes).expect(SEQUENCE).unwrap());
        assert_eq!(fields.field(0xa4), Ok(Some(b"four".as_slice())));
        assert_eq!(fields.field(0xa1), Ok(None));
    }

    proptest! {
        #[test]
        fn integers_round_trip(value: i32) {
            let bytes = encode_integer(INTEGER, value);
            prop_assert_eq!(integer(Reader(&bytes).expect(INTEGER).unwrap()), Ok(i64::from(value)));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader(&bytes);
            while let Ok(Some(element)) = reader.next() {
                let _ = integer(element.content);
            }
        }
    }
}
