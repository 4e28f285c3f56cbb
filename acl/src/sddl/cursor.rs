//! Reads a text character by character and says where it stopped.

use super::SddlError;

/// A position in a text.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Cursor { text, position: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) const fn error(&self, expected: &'static str) -> SddlError {
        SddlError { position: self.position, expected }
    }

    /// The error `expected`, at where this cursor stood before.
    pub(super) const fn error_at(position: usize, expected: &'static str) -> SddlError {
        SddlError { position, expected }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) fn skip_spaces(&mut self) {
        self.take_while(|c| c.is_ascii_whitespace());
    }

    /// Takes `word` if it is next, without regard to case.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
        if found {
            self.advance(word.len());
        }
        found
    }

    /// Takes `word`, which must be next.
    pub(super) fn expect(&mut self, word: &str, expected: &'static str) -> Result<(), SddlError> {
        if self.eat(word) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// Takes the longest run of characters that are `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.advance(length);
        rest.get(..length).unwrap_or_default()
    }

    /// Takes `length` bytes, or nothing where no character ends there.
    pub(super) fn take(&mut self, length: usize) -> Option<&'a str> {
        let found = self.rest().get(..length)?;
        self.advance(length);
        Some(found)
    }

    /// Takes one character.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.advance(c.len_utf8());
        Some(c)
    }

    fn advance(&mut self, length: usize) {
        self.position = self.position.saturating_add(length);
    }

    /// Takes an unsigned number: decimal, `0x` hexadecimal, or octal with a leading 0. Gives its base too.
    pub(super) fn number(&mut self) -> Result<(u64, u32), SddlError> {
        let start = self.position;
        let base = if self.eat("0x") {
            16
        } else if self.rest().starts_with('0')
            && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit())
        {
            8
        } else {
            10
        };
        let digits = self.take_while(|c| c.is_ascii_hexdigit() && (base == 16 || c.is_ascii_digit()));
        if digits.is_empty() {
            return Err(self.error("a number"));
        }
        let value = u64::from_str_radix(digits, base);
        value.map(|value| (value, base)).map_err(|_| Self::error_at(start, "a number that fits 64 bits"))
    }

    /// Takes hexadecimal digits, two for each byte. `#` counts as 0, as in texts that Windows writes.
    pub(super) fn hex_bytes(&mut self) -> Result<Vec<u8>, SddlError> {
        let start = self.position;
        let digits = self.take_while(|c| c.is_ascii_hexdigit() || c == '#');
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Self::error_at(start, "an even number of hexadecimal digits"));
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let byte = |[high, low]: &[u8; 2]| digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0);
        Ok(pairs.iter().map(byte).collect())
    }

    /// Takes a text in double quotes, in which `%` and four hexadecimal digits stand for one UTF-16 unit.
    pub(super) fn quoted(&mut self) -> Result<Vec<u16>, SddlError> {
        self.expect("\"", "a text in double quotes")?;
        let mut units = Vec::new();
        loop {
            if self.eat("\"") {
                return Ok(units);
            }
            self.unit(&mut units, "a closing double quote")?;
        }
    }

    /// Takes one character, or an encoded UTF-16 unit.
    pub(super) fn unit(&mut self, units: &mut Vec<u16>, expected: &'static str) -> Result<(), SddlError> {
        if let Some(unit) = self.rest().strip_prefix('%').and_then(encoded_unit) {
            self.advance(5);
            units.push(unit);
            return Ok(());
        }
        let c = self.next().ok_or(self.error(expected))?;
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        Ok(())
    }
}

/// The unit that the first four characters stand for, when they are hexadecimal digits.
fn encoded_unit(text: &str) -> Option<u16> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// Appends UTF-16 units as text; characters that `plain` refuses, `%` and lone surrogates become `%` and four digits.
pub(super) fn push_units(to: &mut String, units: &[u16], plain: impl Fn(char) -> bool) {
    use core::fmt::Write as _;
    let encode = |to: &mut String, unit: u16| {
        // Writing to a string does not fail.
        let _ = write!(to, "%{unit:04x}");
    };
    for decoded in char::decode_utf16(units.iter().copied()) {
        match decoded {
            Ok(c) if c != '%' && plain(c) => to.push(c),
            Ok(c) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| encode(to, *unit)),
            Err(lone) => encode(to, lone.unpaired_surrogate()),
        }
    }
}

/// Appends a text in double quotes, as [`Cursor::quoted`] reads it.
pub(super) fn push_quoted(to: &mut String, units: &[u16]) {
    to.push('"');
    push_units(to, units, |c| c != '"' && !c.is_control());
    to.push('"');
}

/// Appends bytes as hexadecimal digits.
pub(super) fn push_hex(to: &mut String, bytes: &[u8]) {
    use core::fmt::Write as _;
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(to, "{byte:02x}");
    }
}
