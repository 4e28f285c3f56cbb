//! Names and paths of namespaces, compared without case.

use freehold_dtyp::Guid;

/// Between the components of a folded path: sorts before every character of a name, so that what lies below a path follows it.
pub(crate) const SEPARATOR: u16 = 0;

/// Upper case of one UTF-16 code unit: the volume's up-case table.
#[derive(Clone, Copy)]
pub struct Fold(pub fn(u16) -> u16);

impl Fold {
    /// Letters of ASCII only.
    pub const ASCII: Fold = Fold(|unit| match u8::try_from(unit) {
        Ok(byte) => u16::from(byte.to_ascii_uppercase()),
        Err(_) => unit,
    });

    /// The path's components folded, one separator between them; empty ones are left out. What it gives is not kept anywhere.
    #[must_use]
    pub(crate) fn path<I: Iterator<Item = u16>>(self, units: I) -> Folded<I> {
        Folded { fold: self, units, begun: false, held: None }
    }

    /// One name folded.
    pub(crate) fn name(self, name: &str) -> impl Iterator<Item = u16> + Clone {
        name.encode_utf16().map(move |unit| (self.0)(unit))
    }
}

/// The units of [`Fold::path`].
#[derive(Clone)]
pub(crate) struct Folded<I> {
    fold: Fold,
    units: I,
    begun: bool,
    /// What follows a separator.
    held: Option<u16>,
}

impl<I: Iterator<Item = u16>> Iterator for Folded<I> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(unit) = self.held.take() {
            return Some(unit);
        }
        let mut separated = false;
        loop {
            let unit = self.units.next()?;
            if unit == u16::from(b'\\') {
                separated = self.begun;
                continue;
            }
            self.begun = true;
            let unit = (self.fold.0)(unit);
            if separated {
                self.held = Some(unit);
                return Some(SEPARATOR);
            }
            return Some(unit);
        }
    }
}

impl core::fmt::Debug for Fold {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fold")
    }
}

/// GUIDs as text in serialised forms.
pub(crate) mod guid_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Guid;

    pub(crate) fn serialize<S: Serializer>(guid: &Guid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(guid)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Guid, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text)
            .ok_or_else(|| D::Error::custom("a GUID has the form 00000000-0000-0000-0000-000000000000"))
    }

    fn parse(text: &str) -> Option<Guid> {
        let mut digits = [0_u8; 32];
        let mut places = digits.iter_mut();
        for (index, character) in text.bytes().enumerate() {
            if matches!(index, 8 | 13 | 18 | 23) {
                if character != b'-' {
                    return None;
                }
            } else {
                *places.next()? = u8::try_from(char::from(character).to_digit(16)?).ok()?;
            }
        }
        if places.next().is_some() {
            return None;
        }
        let (pairs, _) = digits.as_chunks::<2>();
        let mut bytes = [0_u8; 16];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = high << 4 | low;
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        Some(Guid::new(
            u32::from_be_bytes([a, b, c, d]),
            u16::from_be_bytes([e, f]),
            u16::from_be_bytes([g, h]),
            rest,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_components_without_case() {
        let fold = |path: &str| Fold::ASCII.path(path.encode_utf16()).collect::<Vec<_>>();
        assert_eq!(fold(r"\a\\B\"), fold(r"A\b"));
        assert_ne!(fold(r"a\b"), fold("ab"));
        assert!(fold("").is_empty() && fold(r"\\").is_empty());
        // What lies below a path follows it at once, before a sibling of a longer name.
        let mut paths = [fold("a b"), fold(r"a\z"), fold("a")];
        paths.sort();
        assert_eq!(paths, [fold("a"), fold(r"a\z"), fold("a b")]);
    }
}
