//! Names on disk and their Windows names: one of each for every one of the other.
//!
//! A Linux name is any bytes but `/` and zero; a Windows name is WTF-8 without `<>:"|?*\` and control characters.
//! Almost every name is the same in both. What Windows cannot have (those characters, and bytes that are no WTF-8) is
//! shown as a character of U+EE00 to U+EEFF: U+EE00 plus the byte. These "escapes" are far from U+F001 to U+F0FF, which
//! clients put into names themselves and which are stored as they are. A Linux name that holds such a character
//! literally has it shown as the escapes of its three bytes.
//!
//! That alone would leave Windows names without a Linux name: those that spell escapes in a way that no Linux name is
//! shown ("non-canonical", say the escapes of C3 and A9, which are shown as é). They are told apart by marks in front,
//! U+EE00, which no escape uses as no Linux name holds a zero. With T non-canonical and not beginning with a mark, the
//! Linux names that are T behind n marks stand for two kinds of Windows names, as odd and even numbers stand for two
//! kinds of numbers: behind 2k + 1 marks for T behind k marks, behind 2k marks for what the escapes alone make of T
//! behind k marks.

use std::borrow::Cow;

use freehold_dtyp::{Wtf8, Wtf8Buf};

/// First of the 256 escapes.
const ESCAPE_BASE: u32 = crate::fscc::posix_name::ESCAPE_BASE as u32;
/// UTF-8 of U+EE00.
const MARK: &[u8] = &[0xEE, 0xB8, 0x80];

/// ASCII that a Windows name cannot hold, other than `/` and zero.
const fn is_forbidden(byte: u8) -> bool {
    matches!(byte, 1..=0x1F | b'"' | b'*' | b':' | b'<' | b'>' | b'?' | b'\\' | b'|')
}

/// Bytes for which a name needs more than a look: forbidden ones, and the first byte of every escape.
const fn is_special(byte: u8) -> bool {
    is_forbidden(byte) || byte == 0xEE
}

/// The byte that this code point stands for.
fn escaped_byte(code_point: u32) -> Option<u8> {
    let byte = u8::try_from(code_point.checked_sub(ESCAPE_BASE)?).ok()?;
    (is_forbidden(byte) || byte >= 0x80).then_some(byte)
}

fn push_escape(output: &mut Vec<u8>, byte: u8) {
    // U+EE00 + byte in UTF-8: EE, B8 + two bits, 80 + six bits.
    output.extend_from_slice(&[0xEE, 0xB8 | byte >> 6, 0x80 | byte & 0x3F]);
}

/// Length and code point of the WTF-8 character at the start of `bytes`; `None` when there is none.
fn first_character(bytes: &[u8]) -> Option<(usize, u32)> {
    let length = match *bytes.first()? {
        0..0x80 => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let head = bytes.get(..length)?;
    let code_point = Wtf8::from_bytes(head)?.code_points().next()?;
    Some((length, code_point))
}

/// The Windows name by escapes alone; every Linux name has its own.
fn show_by_escapes(linux: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(linux.len() + 8);
    let mut rest = linux;
    let mut after_high = false;
    while let Some(&byte) = rest.first() {
        let character = first_character(rest).filter(|(_, code_point)| {
            let joins = after_high && (0xDC00..0xE000).contains(code_point);
            !joins && escaped_byte(*code_point).is_none() && !(*code_point < 0x80 && is_forbidden(byte))
        });
        let (length, code_point) = character.unwrap_or((1, 0));
        let (head, tail) = rest.split_at(length);
        if character.is_some() {
            shown.extend_from_slice(head);
        } else {
            push_escape(&mut shown, byte);
        }
        after_high = (0xD800..0xDC00).contains(&code_point);
        rest = tail;
    }
    shown
}

/// Undoes [`show_by_escapes`]; for other names gives some Linux name that is shown in another way.
fn hide_escapes(windows: &[u8]) -> Vec<u8> {
    let mut linux = Vec::with_capacity(windows.len());
    let mut rest = windows;
    while let Some((length, code_point)) = first_character(rest) {
        let (head, tail) = rest.split_at(length);
        match escaped_byte(code_point) {
            Some(byte) => linux.push(byte),
            None => linux.extend_from_slice(head),
        }
        rest = tail;
    }
    linux
}

/// True for a Windows name that no Linux name is shown as by escapes alone.
fn is_non_canonical(name: &[u8]) -> bool {
    name.contains(&0xEE)
        && !name.iter().any(|byte| is_forbidden(*byte))
        && Wtf8::from_bytes(name).is_some()
        && show_by_escapes(&hide_escapes(name)) != name
}

/// Number of marks at the front, and what follows them.
fn split_marks(name: &[u8]) -> (usize, &[u8]) {
    let mut rest = name;
    while let Some(tail) = rest.strip_prefix(MARK) {
        rest = tail;
    }
    ((name.len() - rest.len()) / MARK.len(), rest)
}

fn with_marks(count: usize, name: &[u8]) -> Vec<u8> {
    [&MARK.repeat(count)[..], name].concat()
}

/// The Windows name of a Linux name.
pub(super) fn to_windows(linux: &[u8]) -> Cow<'_, [u8]> {
    if !linux.iter().any(|byte| is_special(*byte)) && Wtf8::from_bytes(linux).is_some() {
        return Cow::Borrowed(linux);
    }
    let (marks, rest) = split_marks(linux);
    if marks == 0 || !is_non_canonical(rest) {
        return Cow::Owned(show_by_escapes(linux));
    }
    let half = with_marks(marks / 2, rest);
    Cow::Owned(if marks % 2 == 1 { half } else { show_by_escapes(&half) })
}

/// The Linux name of a Windows name; `None` when it holds what no Windows name has.
pub(super) fn to_linux(windows: Wtf8<'_>) -> Option<Cow<'_, [u8]>> {
    let bytes = windows.as_bytes();
    let mut has_escape = false;
    for byte in bytes {
        if is_special(*byte) || *byte == 0 || *byte == b'/' {
            if *byte != 0xEE {
                return None;
            }
            has_escape = true;
        }
    }
    if bytes.is_empty() || matches!(bytes, b"." | b"..") {
        return None;
    }
    if !has_escape {
        return Some(Cow::Borrowed(bytes));
    }
    let (marks, rest) = split_marks(bytes);
    if is_non_canonical(rest) {
        return Some(Cow::Owned(with_marks(2 * marks + 1, rest)));
    }
    let hidden = hide_escapes(bytes);
    let (marks, rest) = split_marks(&hidden);
    if is_non_canonical(rest) {
        return Some(Cow::Owned(with_marks(2 * marks, rest)));
    }
    Some(Cow::Owned(hidden))
}

/// The Linux path of a whole Windows path (components separated by `/`).
pub(super) fn path_to_linux(windows: Wtf8<'_>) -> Option<Cow<'_, [u8]>> {
    if !windows.as_bytes().iter().any(|byte| is_special(*byte)) {
        return Some(Cow::Borrowed(windows.as_bytes()));
    }
    let mut linux = Vec::with_capacity(windows.as_bytes().len());
    for (index, component) in windows.split(b'/').enumerate() {
        if index > 0 {
            linux.push(b'/');
        }
        linux.extend_from_slice(&to_linux(component)?);
    }
    Some(Cow::Owned(linux))
}

/// [`to_windows`] as an owned name.
pub(super) fn to_windows_name(linux: &[u8]) -> Wtf8Buf {
    // INVARIANT: to_windows gives well-formed WTF-8. Were it not so, the name would be shown as empty and found by no one.
    let shown = to_windows(linux);
    Wtf8::from_bytes(&shown).map(Wtf8::to_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows(linux: &[u8]) -> Wtf8Buf {
        let shown = to_windows(linux);
        let name = Wtf8::from_bytes(&shown).expect("well-formed");
        assert!(!name.is_empty() && !name.as_bytes().iter().any(|byte| is_forbidden(*byte)));
        name.to_owned()
    }

    fn round_trips_from_linux(linux: &[u8]) {
        let name = windows(linux);
        assert_eq!(to_linux(name.as_wtf8()).expect("storable").as_ref(), linux, "{name:?}");
    }

    fn round_trips_from_windows(name: &Wtf8Buf) {
        if let Some(linux) = to_linux(name.as_wtf8()) {
            assert!(!linux.contains(&b'/') && !linux.contains(&0) && !matches!(&*linux, b"." | b".." | b""));
            assert_eq!(windows(&linux), *name, "{linux:x?}");
        }
    }

    #[test]
    fn ordinary_names_are_the_same() {
        for name in ["readme.txt", "Ünïcode 😀", "trailing. .", "CON", "\u{F022}\u{F029}\u{F001}", "..."]
        {
            assert_eq!(to_windows(name.as_bytes()), name.as_bytes());
            assert_eq!(to_linux(name.into()).unwrap(), name.as_bytes());
        }
    }

    #[test]
    fn what_windows_cannot_have_is_escaped() {
        assert_eq!(windows(b"a*b?"), Wtf8Buf::from("a\u{EE2A}b\u{EE3F}"));
        assert_eq!(windows(b"tab\t"), Wtf8Buf::from("tab\u{EE09}"));
        assert_eq!(windows(b"latin\xE9"), Wtf8Buf::from("latin\u{EEE9}"));
        assert_eq!(to_linux("a\u{EE2A}".into()).unwrap().as_ref(), b"a*");
        assert_eq!(to_linux("a*".into()), None);
    }

    #[test]
    fn chains_of_marks_round_trip() {
        let odd = "\u{EEC3}\u{EEA9}".as_bytes();
        let mut name = odd.to_vec();
        for _ in 0..4 {
            round_trips_from_linux(&name);
            round_trips_from_windows(&Wtf8::from_bytes(&name).unwrap().to_owned());
            name = [MARK, &name[..]].concat();
        }
        let shown = show_by_escapes(&[MARK, odd].concat());
        round_trips_from_windows(&Wtf8::from_bytes(&shown).unwrap().to_owned());
    }

    /// Bytes that make trouble: parts of escapes, of surrogates, forbidden characters.
    fn tricky_bytes() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(MARK.to_vec()),
            (0u8..=255).prop_map(|byte| {
                let mut escape = Vec::new();
                push_escape(&mut escape, byte);
                escape
            }),
            Just("\u{EEC3}\u{EEA9}".as_bytes().to_vec()),
            Just("\u{EEEE}\u{EEBB}\u{EE83}".as_bytes().to_vec()),
            Just(vec![0xED, 0xA0, 0x80]),
            Just(vec![0xED, 0xB0, 0x80]),
            Just("é".as_bytes().to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        proptest::collection::vec(part, 1..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn every_linux_name_round_trips(linux in tricky_bytes()) {
            if !linux.contains(&0) && !linux.contains(&b'/') && linux != b"." && linux != b".." {
                round_trips_from_linux(&linux);
            }
        }

        #[test]
        fn every_windows_name_round_trips(bytes in tricky_bytes()) {
            if let Some(name) = Wtf8::from_bytes(&bytes) {
                round_trips_from_windows(&name.to_owned());
            }
        }

        #[test]
        fn any_utf16_round_trips(units in proptest::collection::vec(
            prop_oneof![Just(0xEE00u16), 0xEE00u16..0xEF00, 0xD800u16..0xE000, 0x20u16..0x80], 1..12)
        ) {
            round_trips_from_windows(&Wtf8Buf::from_utf16(units.into_iter(), 16));
        }
    }
}
