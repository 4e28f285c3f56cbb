//! Names as the SMB3 POSIX Extensions have them: any character but `/` and NUL, `/` between components, case counts.
//!
//! Everything behind the wire keeps names in Windows spelling, in which characters that no Windows name can hold are
//! characters of a private-use range ([`ESCAPE_BASE`]). A volume on disk maps those to the characters themselves, so that a
//! file `a:b` is `a:b` on disk and for POSIX clients, and the same file with another colon for Windows clients.

use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::name::{MAX_COMPONENT_UNITS, MAX_PATH_UNITS, NameError, ParsedName, is_file_name_unit};

/// First of the 256 code points that stand for bytes which a Windows name cannot hold: this plus the byte.
pub const ESCAPE_BASE: u16 = 0xEE00;

const SLASH: u16 = b'/' as u16;

/// The unit of Windows spelling.
fn hide(unit: u16) -> u16 {
    if is_file_name_unit(unit) || matches!(unit, 0 | SLASH) { unit } else { ESCAPE_BASE | unit }
}

/// Undoes [`hide`].
fn show(unit: u16) -> u16 {
    match unit.checked_sub(ESCAPE_BASE) {
        Some(0 | SLASH) | None => unit,
        Some(character) if is_file_name_unit(character) => unit,
        Some(character) => character,
    }
}

/// A path of a request, in Windows spelling. It has no stream: a colon is a character like others.
///
/// # Errors
/// The first rule that it breaks.
pub fn parse_posix_path(bytes: &[u8]) -> Result<ParsedName, NameError> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return Err(NameError::OddLength) };
    if pairs.len() > MAX_PATH_UNITS {
        return Err(NameError::PathTooLong);
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let path = Wtf8Buf::from_utf16(units.map(hide), pairs.len());
    if path.is_empty() {
        return Ok(ParsedName::default());
    }
    let mut components: Vec<Wtf8<'_>> = path.as_wtf8().split(b'/').collect();
    if components.first().is_some_and(|first| first.is_empty()) {
        return Err(NameError::LeadingSeparator);
    }
    let trailing_separator = components.last().is_some_and(|last| last.is_empty());
    if trailing_separator {
        components.pop();
    }
    let mut checked = Wtf8Buf::new();
    for component in components {
        check_component(component)?;
        if !checked.is_empty() {
            checked.push_ascii(b'/');
        }
        checked.push(component);
    }
    Ok(ParsedName { path: checked, stream: None, trailing_separator })
}

fn check_component(component: Wtf8<'_>) -> Result<(), NameError> {
    match component.as_bytes() {
        b"" => Err(NameError::EmptyComponent),
        b"." => Err(NameError::DotComponent),
        b".." => Err(NameError::ParentComponent),
        bytes if bytes.contains(&0) => Err(NameError::InvalidCharacter),
        _ if component.utf16_length() > MAX_COMPONENT_UNITS => Err(NameError::ComponentTooLong),
        _ => Ok(()),
    }
}

/// The Windows spelling of one component; it is not checked.
#[must_use]
pub fn from_posix_name(name: Wtf8<'_>) -> Wtf8Buf {
    Wtf8Buf::from_utf16(name.utf16().map(hide), name.as_bytes().len())
}

/// What POSIX clients see of a name (or of a path with `/`) in Windows spelling. Bytes that are no characters stay escaped.
#[must_use]
pub fn to_posix_name(name: Wtf8<'_>) -> Wtf8Buf {
    Wtf8Buf::from_utf16(name.utf16().map(show), name.as_bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn parsed(text: &str) -> Result<String, NameError> {
        parse_posix_path(&utf16(text)).map(|name| name.path.to_string())
    }

    #[test]
    fn characters_that_windows_forbids_are_names() {
        assert_eq!(parsed("a:b/c*?\\d/e "), Ok("a\u{EE3A}b/c\u{EE2A}\u{EE3F}\u{EE5C}d/e ".to_owned()));
        assert_eq!(parsed("..."), Ok("...".to_owned()));
        assert_eq!(parsed("a\tb\u{F022}"), Ok("a\u{EE09}b\u{F022}".to_owned()));
        assert_eq!(parsed(""), Ok(String::new()));
        let directory = parse_posix_path(&utf16("a/b/")).unwrap();
        assert_eq!((directory.path.to_string(), directory.trailing_separator), ("a/b".to_owned(), true));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (text, error) in [
            ("/a", NameError::LeadingSeparator),
            ("a//b", NameError::EmptyComponent),
            ("a/./b", NameError::DotComponent),
            ("../a", NameError::ParentComponent),
            ("a\0", NameError::InvalidCharacter),
        ] {
            assert_eq!(parsed(text), Err(error), "{text}");
        }
        assert_eq!(parsed(&"a".repeat(256)), Err(NameError::ComponentTooLong));
        assert_eq!(parse_posix_path(b"abc"), Err(NameError::OddLength));
    }

    #[test]
    fn a_name_comes_back_as_it_was_sent() {
        for name in ["a:b", "\"<>|?*\\", "\u{1}\u{1F}", "plain", "\u{EEE9}", "\u{EE2F}", "\u{EE41}"] {
            let stored = from_posix_name(name.into());
            assert!(stored.as_wtf8().utf16().all(is_file_name_unit));
            assert_eq!(to_posix_name(stored.as_wtf8()).to_string(), name);
        }
    }

    proptest! {
        #[test]
        fn names_in_windows_spelling_are_windows_names(units in prop::collection::vec(prop_oneof![1u16..0x80, any::<u16>()], 0..40)) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            if let Ok(name) = parse_posix_path(&bytes) {
                for component in name.path.as_wtf8().split(b'/').filter(|component| !component.is_empty()) {
                    prop_assert!(super::super::name::check_file_name(component).is_ok());
                    let shown = to_posix_name(component);
                    prop_assert_eq!(from_posix_name(shown.as_wtf8()), component.to_owned());
                }
            }
        }
    }
}
