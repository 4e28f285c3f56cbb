//! X.690: the Distinguished Encoding Rules, as far as SPNEGO and Kerberos need them. No recursion, no allocation on reading;
//! every length is held against the bytes that are there.

/// INTEGER.
pub const TAG_INTEGER: u8 = 0x02;
/// BIT STRING, primitive.
pub const TAG_BIT_STRING: u8 = 0x03;
/// OCTET STRING, primitive.
pub const TAG_OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const TAG_OID: u8 = 0x06;
/// ENUMERATED.
pub const TAG_ENUMERATED: u8 = 0x0a;
/// GeneralizedTime.
pub const TAG_GENERALIZED_TIME: u8 = 0x18;
/// GeneralString.
pub const TAG_GENERAL_STRING: u8 = 0x1b;
/// SEQUENCE and SEQUENCE OF.
pub const TAG_SEQUENCE: u8 = 0x30;

/// The tag `[APPLICATION number]`, constructed; numbers up to 30.
#[must_use]
pub const fn application(number: u8) -> u8 {
    0x60 | (number & 0x1f)
}

/// The tag `[number]` of the context-specific class, constructed; numbers up to 30.
#[must_use]
pub const fn context(number: u8) -> u8 {
    0xa0 | (number & 0x1f)
}

/// Bytes are not what their grammar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed DER")]
pub struct DerError;

/// Reads tag-length-value triples from the front of a slice.
///
/// DIFFERS: lengths in more bytes than needed are accepted, as Windows does.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a>(pub &'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, which must have this tag.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn tagged(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        match self.next()? {
            Some((found, content)) if found == tag => Ok(content),
            _ => Err(DerError),
        }
    }

    /// Tag and content of the next value; `None` at the end.
    ///
    /// # Errors
    /// [`DerError`].
    #[allow(clippy::should_implement_trait)] // an iterator cannot say that it failed
    pub fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, DerError> {
        let Some((&tag, rest)) = self.0.split_first() else { return Ok(None) };
        let (&first, rest) = rest.split_first().ok_or(DerError)?;
        // Tags of more than one byte, indefinite lengths and lengths of more than four bytes do not occur.
        if tag & 0x1f == 0x1f {
            return Err(DerError);
        }
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(DerError)?;
                (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return Err(DerError),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(DerError)?;
        self.0 = rest;
        Ok(Some((tag, content)))
    }
}

/// The fields of a SEQUENCE whose tags are `[0]`, `[1]` and so on, taken in ascending order. Fields that nobody asks for are
/// passed over.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(Der<'a>);

impl<'a> Fields<'a> {
    /// Of a SEQUENCE, from its tag on.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn of(sequence: &'a [u8]) -> Result<Self, DerError> {
        Der(sequence).tagged(TAG_SEQUENCE).map(|content| Fields(Der(content)))
    }

    /// Of a SEQUENCE within `[APPLICATION number]`.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn of_application(number: u8, bytes: &'a [u8]) -> Result<Self, DerError> {
        Self::of(Der(bytes).tagged(application(number))?)
    }

    /// Field `[number]`, if it is there.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn optional(&mut self, number: u8) -> Result<Option<&'a [u8]>, DerError> {
        loop {
            let mut ahead = self.0;
            match ahead.next()? {
                Some((tag, content)) if tag == context(number) => {
                    self.0 = ahead;
                    return Ok(Some(content));
                }
                Some((tag, _)) if tag < context(number) => self.0 = ahead,
                _ => return Ok(None),
            }
        }
    }

    /// Field `[number]`.
    ///
    /// # Errors
    /// [`DerError`], also when it is not there.
    pub fn required(&mut self, number: u8) -> Result<&'a [u8], DerError> {
        self.optional(number)?.ok_or(DerError)
    }
}

/// An INTEGER of at most eight bytes, from its tag on.
///
/// # Errors
/// [`DerError`].
pub fn integer(bytes: &[u8]) -> Result<i64, DerError> {
    let content = Der(bytes).tagged(TAG_INTEGER)?;
    let first = *content.first().ok_or(DerError)?;
    if content.len() > 8 {
        return Err(DerError);
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(start, |value: i64, byte| value << 8 | i64::from(*byte)))
}

/// An INTEGER in DER.
#[must_use]
pub fn encode_integer(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // The first bytes that only repeat the sign are left out.
    let mut content = bytes.as_slice();
    while let [0, next, ..] | [0xff, next, ..] = content {
        let sign = if next & 0x80 == 0 { 0 } else { 0xff };
        match content.split_first() {
            Some((first, rest)) if *first == sign => content = rest,
            _ => break,
        }
    }
    tlv(TAG_INTEGER, content)
}

/// A SEQUENCE of `parts`, each encoded.
#[must_use]
pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(TAG_SEQUENCE, &parts.concat())
}

/// Tag, definite length in its shortest form, content.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut output = Vec::with_capacity(content.len().saturating_add(10));
    output.push(tag);
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => output.push(0),
        ([short @ 0..0x80], _) => output.push(*short),
        (long, Ok(count)) => {
            output.push(0x80 | count);
            output.extend_from_slice(long);
        }
        (_, Err(_)) => {}
    }
    output.extend_from_slice(content);
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_as_short_as_they_can_be() {
        for (value, bytes) in [
            (0i64, &[2u8, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (-1, &[2, 1, 0xff]),
            (-128, &[2, 1, 0x80]),
            (-129, &[2, 2, 0xff, 0x7f]),
            (0x8003, &[2, 3, 0, 0x80, 3]),
        ] {
            assert_eq!(encode_integer(value), bytes, "{value}");
        }
    }

    #[test]
    fn fields_are_found_in_order_and_others_passed_over() {
        let field = |number| tlv(context(number), &encode_integer(i64::from(number)));
        let bytes = sequence(&[field(0), field(2), field(3), field(7)]);
        let mut fields = Fields::of(&bytes).unwrap();
        assert_eq!(fields.required(0).and_then(integer), Ok(0));
        assert_eq!(fields.optional(1), Ok(None));
        assert_eq!(fields.required(3).and_then(integer), Ok(3));
        assert_eq!(fields.optional(2), Ok(None), "what was passed over does not come back");
        assert_eq!(fields.required(7).and_then(integer), Ok(7));
        assert_eq!(fields.required(8), Err(DerError));
    }

    proptest! {
        #[test]
        fn integers_round_trip(value: i64) {
            prop_assert_eq!(integer(&encode_integer(value)), Ok(value));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = integer(&bytes);
            if let Ok(mut fields) = Fields::of(&bytes) {
                let _ = (fields.optional(1), fields.required(4));
            }
        }
    }
}
