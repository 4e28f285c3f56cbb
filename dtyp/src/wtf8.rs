//! Windows names: any sequence of UTF-16 code units, lone surrogates included, kept as WTF-8.
//!
//! WTF-8 is UTF-8 that may also encode surrogate code points that stand alone. Well-formed UTF-16 becomes
//! ordinary UTF-8, so names look right on a Linux file system; every name survives a round trip.

/// A borrowed Windows name or path in WTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wtf8<'a>(&'a [u8]);

/// An owned Windows name or path in WTF-8.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wtf8Buf(Vec<u8>);

impl<'a> Wtf8<'a> {
    /// Accepts bytes that are well-formed WTF-8.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        if core::str::from_utf8(bytes).is_ok() {
            return Some(Wtf8(bytes));
        }
        let mut rest = bytes;
        let mut after_high = false;
        while let Some((code_point, tail)) = split_code_point(rest) {
            let low = (0xDC00..=0xDFFF).contains(&code_point);
            if low && after_high {
                return None; // a pair must be encoded as one supplementary character
            }
            after_high = (0xD800..=0xDBFF).contains(&code_point);
            rest = tail;
        }
        rest.is_empty().then_some(Wtf8(bytes))
    }

    /// The WTF-8 bytes.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// As a `str`, when no lone surrogate is in it.
    #[must_use]
    pub fn to_str(self) -> Option<&'a str> {
        core::str::from_utf8(self.0).ok()
    }

    /// True when there is no character.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The code points, surrogates included.
    pub fn code_points(self) -> impl Iterator<Item = u32> + 'a {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (code_point, tail) = split_code_point(rest)?;
            rest = tail;
            Some(code_point)
        })
    }

    /// The UTF-16 code units.
    pub fn utf16(self) -> impl Iterator<Item = u16> + 'a {
        let mut low = None;
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if let Some(unit) = low.take() {
                return Some(unit);
            }
            let (code_point, tail) = split_code_point(rest)?;
            rest = tail;
            match u16::try_from(code_point) {
                Ok(unit) => Some(unit),
                Err(_) => {
                    let above = code_point.saturating_sub(0x1_0000);
                    low = u16::try_from(0xDC00 | (above & 0x3FF)).ok();
                    u16::try_from(0xD800 | (above >> 10)).ok()
                }
            }
        })
    }

    /// Number of UTF-16 code units: Windows limits names by it (255 a component).
    #[must_use]
    pub fn utf16_length(self) -> usize {
        if self.0.is_ascii() { self.0.len() } else { self.utf16().count() }
    }

    /// Appends the UTF-16LE form to `output`.
    pub fn append_utf16le(self, output: &mut Vec<u8>) {
        if self.0.is_ascii() {
            output.extend(self.0.iter().flat_map(|&byte| [byte, 0]));
        } else {
            output.extend(self.utf16().flat_map(u16::to_le_bytes));
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(self) -> Wtf8Buf {
        Wtf8Buf(self.0.to_vec())
    }

    /// Splits at the first ASCII `separator`.
    #[must_use]
    pub fn split_once(self, separator: u8) -> Option<(Wtf8<'a>, Wtf8<'a>)> {
        debug_assert!(separator.is_ascii());
        let at = self.0.iter().position(|&byte| byte == separator)?;
        let (head, tail) = self.0.split_at_checked(at)?;
        Some((Wtf8(head), Wtf8(tail.get(1..)?)))
    }

    /// Splits at the last ASCII `separator`.
    #[must_use]
    pub fn rsplit_once(self, separator: u8) -> Option<(Wtf8<'a>, Wtf8<'a>)> {
        debug_assert!(separator.is_ascii());
        let at = self.0.iter().rposition(|&byte| byte == separator)?;
        let (head, tail) = self.0.split_at_checked(at)?;
        Some((Wtf8(head), Wtf8(tail.get(1..)?)))
    }

    /// The parts between an ASCII `separator`; one empty part for an empty name.
    pub fn split(self, separator: u8) -> impl Iterator<Item = Wtf8<'a>> {
        debug_assert!(separator.is_ascii());
        self.0.split(move |&byte| byte == separator).map(Wtf8)
    }
}

impl<'a> From<&'a str> for Wtf8<'a> {
    fn from(text: &'a str) -> Self {
        Wtf8(text.as_bytes())
    }
}

impl core::fmt::Display for Wtf8<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for code_point in self.code_points() {
            core::fmt::Write::write_char(
                f,
                char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER),
            )?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for Wtf8<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("\"")?;
        for code_point in self.code_points() {
            match char::from_u32(code_point) {
                Some(character) => write!(f, "{}", character.escape_debug())?,
                None => write!(f, "\\u{{{code_point:x}}}")?,
            }
        }
        f.write_str("\"")
    }
}

impl Wtf8Buf {
    /// An empty name.
    #[must_use]
    pub const fn new() -> Self {
        Wtf8Buf(Vec::new())
    }

    /// From UTF-16LE bytes; `None` when their number is odd.
    #[must_use]
    pub fn from_utf16le(bytes: &[u8]) -> Option<Self> {
        if !bytes.len().is_multiple_of(2) {
            return None;
        }
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        Some(Self::from_utf16(units, bytes.len() / 2))
    }

    /// From UTF-16 code units; `capacity` is a hint in bytes.
    #[must_use]
    pub fn from_utf16(units: impl Iterator<Item = u16>, capacity: usize) -> Self {
        let mut output = Vec::with_capacity(capacity);
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(character) if character.is_ascii() => output.push(u8::try_from(character).unwrap_or(b'?')),
                Ok(character) => output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(lone) => push_surrogate(&mut output, lone.unpaired_surrogate()),
            }
        }
        Wtf8Buf(output)
    }

    /// Borrows it.
    #[inline]
    #[must_use]
    pub fn as_wtf8(&self) -> Wtf8<'_> {
        Wtf8(&self.0)
    }

    /// The WTF-8 bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True when there is no character.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends an ASCII character.
    pub fn push_ascii(&mut self, character: u8) {
        debug_assert!(character.is_ascii());
        self.0.push(character);
    }

    /// Appends `tail`; a high surrogate at the end and a low one at the start of `tail` join to one character.
    pub fn push(&mut self, tail: Wtf8<'_>) {
        let high = self.0.last_chunk::<3>().and_then(surrogate).filter(|unit| *unit < 0xDC00);
        let low = tail.0.first_chunk::<3>().and_then(surrogate).filter(|unit| *unit >= 0xDC00);
        if let (Some(high), Some(low)) = (high, low) {
            self.0.truncate(self.0.len().saturating_sub(3));
            let joined = Self::from_utf16([high, low].into_iter(), 4);
            self.0.extend_from_slice(&joined.0);
            self.0.extend_from_slice(tail.0.get(3..).unwrap_or_default());
        } else {
            self.0.extend_from_slice(tail.0);
        }
    }
}

impl From<&str> for Wtf8Buf {
    fn from(text: &str) -> Self {
        Wtf8Buf(text.as_bytes().to_vec())
    }
}

impl From<String> for Wtf8Buf {
    fn from(text: String) -> Self {
        Wtf8Buf(text.into_bytes())
    }
}

impl core::fmt::Display for Wtf8Buf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.as_wtf8(), f)
    }
}

impl core::fmt::Debug for Wtf8Buf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.as_wtf8(), f)
    }
}

/// The surrogate that these three bytes encode.
fn surrogate(bytes: &[u8; 3]) -> Option<u16> {
    match *bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF] => {
            Some(0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F))
        }
        _ => None,
    }
}

fn push_surrogate(output: &mut Vec<u8>, unit: u16) {
    let low_bits = |shift: u16| u8::try_from((unit >> shift) & 0x3F).unwrap_or_default();
    output.extend_from_slice(&[0xED, 0x80 | low_bits(6), 0x80 | low_bits(0)]);
}

/// The first code point and what follows; `None` at the end or before malformed bytes.
fn split_code_point(bytes: &[u8]) -> Option<(u32, &[u8])> {
    if let Some((&first @ 0..0x80, tail)) = bytes.split_first() {
        return Some((u32::from(first), tail));
    }
    if let Some((head, tail)) = bytes.split_first_chunk::<3>()
        && let Some(unit) = surrogate(head)
    {
        return Some((u32::from(unit), tail));
    }
    let length = match bytes.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let (head, tail) = bytes.split_at_checked(length)?;
    let character = core::str::from_utf8(head).ok()?.chars().next()?;
    Some((u32::from(character), tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_utf16_round_trips(units: Vec<u16>) {
            let name = Wtf8Buf::from_utf16(units.iter().copied(), units.len());
            prop_assert_eq!(name.as_wtf8().utf16().collect::<Vec<_>>(), units);
            prop_assert!(Wtf8::from_bytes(name.as_bytes()).is_some());
        }

        #[test]
        fn surrogates_round_trip(units in proptest::collection::vec(0xD700u16..0xE100, 0..20)) {
            let name = Wtf8Buf::from_utf16(units.iter().copied(), units.len());
            prop_assert_eq!(name.as_wtf8().utf16().collect::<Vec<_>>(), units.clone());
            prop_assert_eq!(name.as_wtf8().utf16_length(), units.len());
        }

        #[test]
        fn joining_equals_joining_the_units(left: Vec<u16>, right: Vec<u16>) {
            let mut joined = Wtf8Buf::from_utf16(left.iter().copied(), 0);
            joined.push(Wtf8Buf::from_utf16(right.iter().copied(), 0).as_wtf8());
            let whole = Wtf8Buf::from_utf16(left.iter().chain(&right).copied(), 0);
            prop_assert_eq!(joined, whole);
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            if let Some(name) = Wtf8::from_bytes(&bytes) {
                let units: Vec<u16> = name.utf16().collect();
                let again = Wtf8Buf::from_utf16(units.into_iter(), 0);
                prop_assert_eq!(again.as_bytes(), &bytes[..]);
            }
        }
    }
}
