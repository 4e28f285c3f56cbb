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

    /// The path's components folded, one separator between them; empty ones are left out.
    #[must_use]
    pub(crate) fn path(self, units: impl Iterator<Item = u16>) -> Vec<u16> {
        let mut folded = Vec::with_capacity(units.size_hint().0);
        let mut pending = false;
        for unit in units {
            if unit == u16::from(b'\\') {
                pending = !folded.is_empty();
            } else {
                if core::mem::take(&mut pending) {
                    folded.push(SEPARATOR);
                }
                folded.push((self.0)(unit));
            }
        }
        folded
    }

    /// One name folded.
    pub(crate) fn name(self, name: &str) -> Vec<u16> {
        name.encode_utf16().map(self.0).collect()
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
        let fold = |path: &str| Fold::ASCII.path(path.encode_utf16());
        assert_eq!(fold(r"\a\\B\"), fold(r"A\b"));
        assert_ne!(fold(r"a\b"), fold("ab"));
        assert!(fold("").is_empty() && fold(r"\\").is_empty());
        // What lies below a path follows it at once, before a sibling of a longer name.
        let mut paths = [fold("a b"), fold(r"a\z"), fold("a")];
        paths.sort();
        assert_eq!(paths, [fold("a"), fold(r"a\z"), fold("a b")]);
    }
}
