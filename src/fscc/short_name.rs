//! [MS-FSCC] 2.1.5.2.1 8.3 Filename: which names are such names, and which one a long name gets beside its own.
//!
//! The short name of a long one follows from the long name alone, so that it needs no place on disk, is the same after a
//! restart and in a copy, and is known for files that came from elsewhere: the first character, five characters of a
//! hash, `~`, one more of the hash, and the start of the extension. Two names of a folder that would get the same one
//! (one pair in two thousand million) cannot be opened by it.

use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::upcase;

/// Characters in front of the period, and behind it.
const BASE_LENGTH: usize = 8;
const EXTENSION_LENGTH: usize = 3;
/// Characters besides letters and digits that a short name may hold.
const EXTRA: &[u8] = b"!#$%&'()-@^_`{}~";
/// Digits of the hash's part.
const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn is_short_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || EXTRA.contains(&byte)
}

/// True for a name that is an 8.3 name itself.
#[must_use]
pub fn is_short_name(name: Wtf8<'_>) -> bool {
    let fits = |part: &[u8], most: usize| {
        (1..=most).contains(&part.len()) && part.iter().all(|byte| is_short_byte(*byte))
    };
    let mut parts = name.as_bytes().splitn(2, |byte| *byte == b'.');
    let base = parts.next().unwrap_or_default();
    fits(base, BASE_LENGTH) && parts.next().is_none_or(|part| fits(part, EXTENSION_LENGTH))
}

/// True for a name that [`generated`] may have given.
#[must_use]
pub fn may_be_generated(name: Wtf8<'_>) -> bool {
    name.as_bytes().get(6) == Some(&b'~') && is_short_name(name)
}

/// The short name that a long name gets; `None` for a name that is short itself, and for `.` and `..`.
#[must_use]
pub fn generated(name: Wtf8<'_>) -> Option<Wtf8Buf> {
    if is_short_name(name) || matches!(name.as_bytes(), b"." | b"..") {
        return None;
    }
    let bytes = name.as_bytes();
    let trimmed =
        bytes.iter().position(|byte| *byte != b'.').and_then(|start| bytes.get(start..)).unwrap_or(b"_");
    let period = trimmed.iter().rposition(|byte| *byte == b'.');
    let extension = period
        .and_then(|at| trimmed.get(at..))
        .and_then(<[u8]>::split_first)
        .map_or(&[][..], |(_, rest)| rest);
    let mut short = Wtf8Buf::new();
    short.push_ascii(shown(trimmed.iter().find(|byte| **byte != b' ').copied().unwrap_or(b'_')));
    let mut hash = hash_of(name);
    for place in 0..6 {
        if place == 5 {
            short.push_ascii(b'~');
        }
        let digit = usize::try_from(hash % 36).unwrap_or(0);
        short.push_ascii(DIGITS.get(digit).copied().unwrap_or(b'0'));
        hash /= 36;
    }
    // A character of several bytes counts once.
    let mut extension =
        extension.iter().filter(|byte| **byte != b' ' && !matches!(**byte, 0x80..0xC0)).peekable();
    if extension.peek().is_some() {
        short.push_ascii(b'.');
        for byte in extension.take(EXTENSION_LENGTH) {
            short.push_ascii(shown(*byte));
        }
    }
    Some(short)
}

/// A byte of a long name as a short name shows it.
fn shown(byte: u8) -> u8 {
    if is_short_byte(byte) { byte.to_ascii_uppercase() } else { b'_' }
}

/// FNV-1a of the name without regard to case, mixed. Short names that programs keep depend on it: must never change.
fn hash_of(name: Wtf8<'_>) -> u64 {
    let folded = upcase::fold(name);
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in folded.as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_form_are_their_own_short_names() {
        for (name, short) in [
            ("bufsize.txt", true),
            ("A~1", true),
            ("abcdefgh.abc", true),
            ("abcdefghi.abc", false),
            ("a.abcd", false),
            ("a.b.c", false),
            ("a b", false),
            (".a", false),
            ("a.", false),
            ("é", false),
            ("a+b", false),
        ] {
            assert_eq!(is_short_name(name.into()), short, "{name}");
            assert_eq!(generated(name.into()).is_none(), short, "{name}");
        }
        assert_eq!((generated(".".into()), generated("..".into())), (None, None));
    }

    #[test]
    fn a_long_name_keeps_its_first_character_and_its_extension() {
        for (name, first, extension) in [
            ("a long name.html", "A", ".HTM"),
            ("readme.txt.bak2", "R", ".BAK"),
            (".bashrc", "B", ""),
            ("...", "_", ""),
            ("name with spaces", "N", ""),
            ("ünïcode.dört", "_", ".D_R"),
            ("trailing.", "T", ""),
        ] {
            let short = generated(name.into()).unwrap().to_string();
            assert!(short.starts_with(first) && short.ends_with(extension), "{name}: {short}");
            assert_eq!(short.contains('.'), !extension.is_empty(), "{name}: {short}");
        }
    }

    /// What programs were told once must stay true.
    #[test]
    fn short_names_never_change() {
        assert_eq!(
            generated("a long name.html".into()).map(|name| name.to_string()),
            generated("A LONG NAME.HTML".into()).map(|name| name.to_string())
        );
        assert_eq!(generated("verylongfilename".into()).unwrap().to_string().len(), 8);
    }

    proptest! {
        #[test]
        fn every_generated_name_is_short_and_known_as_such(name in "\\PC{1,40}") {
            if let Some(short) = generated(Wtf8::from(name.as_str())) {
                prop_assert!(is_short_name(short.as_wtf8()), "{short}");
                prop_assert!(may_be_generated(short.as_wtf8()), "{short}");
            }
        }
    }
}
