//! UTF-16LE names as they lie in a message.

use freehold_dtyp::{DecodeError, DecodeReason, Wtf8, Wtf8Buf};

/// A name in a message: UTF-16LE bytes, always an even number of them. Lone surrogates are allowed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Utf16<'a>(&'a [u8]);

impl<'a> Utf16<'a> {
    /// No character.
    pub const EMPTY: Utf16<'static> = Utf16(&[]);

    /// From UTF-16LE bytes; `None` when their number is odd.
    #[inline]
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        bytes.len().is_multiple_of(2).then_some(Utf16(bytes))
    }

    /// As [`Utf16::from_bytes`], naming `field` and its offset when it fails.
    #[inline]
    pub(crate) fn checked(bytes: &'a [u8], field: &'static str, offset: usize) -> Result<Self, DecodeError> {
        Self::from_bytes(bytes).ok_or(DecodeError { field, reason: DecodeReason::Invalid, offset })
    }

    /// The UTF-16LE bytes.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// True when there is no character.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The code units in order.
    pub fn units(self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + 'a {
        self.0.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair))
    }

    /// As an owned name.
    #[must_use]
    pub fn to_wtf8(self) -> Wtf8Buf {
        Wtf8Buf::from_utf16le(self.0).unwrap_or_default()
    }
}

impl core::fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.to_wtf8(), f)
    }
}

/// Owned UTF-16LE bytes, for building messages.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Utf16Buf(Vec<u8>);

impl Utf16Buf {
    /// Borrows it.
    #[must_use]
    pub fn as_utf16(&self) -> Utf16<'_> {
        Utf16(&self.0)
    }
}

impl From<&str> for Utf16Buf {
    fn from(text: &str) -> Self {
        Utf16Buf(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
    }
}

impl From<Wtf8<'_>> for Utf16Buf {
    fn from(name: Wtf8<'_>) -> Self {
        Utf16Buf(name.utf16().flat_map(u16::to_le_bytes).collect())
    }
}

impl core::fmt::Debug for Utf16Buf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.as_utf16(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_number_of_bytes_is_no_name() {
        assert_eq!(Utf16::from_bytes(b"a\0b"), None);
        assert_eq!(
            Utf16::checked(b"a", "NameLength", 9),
            Err(DecodeError { field: "NameLength", reason: DecodeReason::Invalid, offset: 9 })
        );
    }

    #[test]
    fn text_round_trips() {
        let name = Utf16Buf::from("Grüße 🦀");
        assert_eq!(name.as_utf16().to_wtf8(), Wtf8Buf::from("Grüße 🦀"));
        assert_eq!(Utf16Buf::from(name.as_utf16().to_wtf8().as_wtf8()), name);
        assert_eq!(name.as_utf16().units().next(), Some(u16::from(b'G')));
    }
}
