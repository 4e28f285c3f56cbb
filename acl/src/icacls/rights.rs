//! The names of rights: `F`, `RX`, `(RD,WD,0x200)`.

use super::EntryError;
use crate::AccessMask;
use core::fmt::Write as _;

/// What deserves a letter of its own, in the order in which it is written.
const SIMPLE: [(&str, AccessMask); 6] = [
    ("F", AccessMask::FILE_ALL_ACCESS),
    ("M", AccessMask(0x0013_01BF)),
    ("RX", AccessMask(0x0012_00A9)),
    ("R", AccessMask(0x0012_0089)),
    ("W", AccessMask(0x0010_0116)),
    ("D", AccessMask(0x0011_0000)),
];

/// Single rights.
const SPECIFIC: [(&str, AccessMask); 20] = [
    ("DE", AccessMask::DELETE),
    ("Rc", AccessMask::READ_CONTROL),
    ("WDAC", AccessMask::WRITE_DAC),
    ("WO", AccessMask::WRITE_OWNER),
    ("S", AccessMask::SYNCHRONIZE),
    ("AS", AccessMask::ACCESS_SYSTEM_SECURITY),
    ("MA", AccessMask::MAXIMUM_ALLOWED),
    ("GR", AccessMask::GENERIC_READ),
    ("GW", AccessMask::GENERIC_WRITE),
    ("GE", AccessMask::GENERIC_EXECUTE),
    ("GA", AccessMask::GENERIC_ALL),
    ("RD", AccessMask::FILE_READ_DATA),
    ("WD", AccessMask::FILE_WRITE_DATA),
    ("AD", AccessMask::FILE_APPEND_DATA),
    ("REA", AccessMask::FILE_READ_EA),
    ("WEA", AccessMask::FILE_WRITE_EA),
    ("X", AccessMask::FILE_EXECUTE),
    ("DC", AccessMask::FILE_DELETE_CHILD),
    ("RA", AccessMask::FILE_READ_ATTRIBUTES),
    ("WA", AccessMask::FILE_WRITE_ATTRIBUTES),
];

/// The name for no access: an entry that denies everything.
pub(super) const NO_ACCESS: &str = "N";

/// The rights that a letter stands for. Entries that deny leave SYNCHRONIZE out, except with `F`: nearly every open asks
/// for it, so that denying `W` with it would deny reading too.
fn simple(name: &str, denies: bool) -> Option<AccessMask> {
    let (_, mask) = SIMPLE.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(for_kind(*mask, denies))
}

fn for_kind(mask: AccessMask, denies: bool) -> AccessMask {
    if denies && mask != AccessMask::FILE_ALL_ACCESS { mask.without(AccessMask::SYNCHRONIZE) } else { mask }
}

/// Rights as the command line has them: a letter (`F`, `M`, `RX`, `R`, `W`, `D`), or letters, single rights and hexadecimal
/// numbers separated by commas, with or without parentheses. `denies` tells that they are to be denied. Case does not matter.
///
/// # Errors
/// [`EntryError::UnknownRight`].
pub fn parse_mask(text: &str, denies: bool) -> Result<AccessMask, EntryError> {
    let text = text.trim();
    let inner = match text.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')').ok_or_else(|| EntryError::UnknownRight(text.to_owned()))?,
        None => text,
    };
    if inner.is_empty() {
        // Only in parentheses: an entry for nothing at all.
        return if text.is_empty() { Err(EntryError::NoRights) } else { Ok(AccessMask::EMPTY) };
    }
    let mut mask = AccessMask::EMPTY;
    for name in inner.split(',') {
        let name = name.trim();
        let specific =
            || SPECIFIC.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, mask)| *mask);
        let number = || {
            let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X"))?;
            let is_hex = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hex.then(|| u32::from_str_radix(digits, 16).ok().map(AccessMask)).flatten()
        };
        mask |= simple(name, denies)
            .or_else(specific)
            .or_else(number)
            .ok_or_else(|| EntryError::UnknownRight(name.to_owned()))?;
    }
    Ok(mask)
}

/// The shortest names of a mask, without parentheses: `M`, `RX,W`, `RD,WDAC`, `R,0x200`. [`parse_mask`] gives the mask
/// again.
#[must_use]
pub fn rights_text(mask: AccessMask, denies: bool) -> String {
    let mut text = String::new();
    let mut named = AccessMask::EMPTY;
    let simple = SIMPLE.iter().map(|(name, bits)| (*name, for_kind(*bits, denies)));
    for (name, bits) in simple.chain(SPECIFIC) {
        if mask.contains(bits) && !named.contains(bits) {
            separate(&mut text);
            text.push_str(name);
            named |= bits;
        }
    }
    let rest = mask.without(named);
    if !rest.is_empty() {
        separate(&mut text);
        // Writing to a string does not fail.
        let _ = write!(text, "0x{:x}", rest.0);
    }
    text
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_are_windows_masks() {
        for (text, allowed, denied) in [
            ("F", 0x1F_01FF, 0x1F_01FF),
            ("M", 0x13_01BF, 0x03_01BF),
            ("RX", 0x12_00A9, 0x02_00A9),
            ("R", 0x12_0089, 0x02_0089),
            ("W", 0x10_0116, 0x116),
            ("D", 0x11_0000, 0x1_0000),
            ("(RX,W)", 0x12_01BF, 0x02_01BF),
            ("(RD,WD,AD)", 7, 7),
            ("(S,RD)", 0x10_0001, 0x10_0001),
            ("rx", 0x12_00A9, 0x02_00A9),
            ("(GR, GE)", 0xA000_0000, 0xA000_0000),
            ("0x1200a9", 0x12_00A9, 0x12_00A9),
            ("()", 0, 0),
        ] {
            assert_eq!(parse_mask(text, false), Ok(AccessMask(allowed)), "{text}");
            assert_eq!(parse_mask(text, true), Ok(AccessMask(denied)), "{text} denied");
        }
        for text in ["", "Q", "(RX", "RX)", "(RX,)", "0x", "0x+1", "0x100000000", "R W"] {
            assert!(parse_mask(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn masks_are_written_as_windows_does() {
        for (mask, text) in [
            (0x1F_01FF, "F"),
            (0x13_01BF, "M"),
            (0x12_00A9, "RX"),
            (0x12_01BF, "RX,W"),
            (0x12_0089, "R"),
            (0x10_0116, "W"),
            (0x10_0001, "S,RD"),
            (0x02_0000, "Rc"),
            (0xA000_0000, "GR,GE"),
            (0x200, "0x200"),
            (0, ""),
        ] {
            assert_eq!(rights_text(AccessMask(mask), false), text, "{mask:#x}");
        }
        assert_eq!(rights_text(AccessMask(0x116), true), "W");
        assert_eq!(rights_text(AccessMask(0x10_0116), true), "W,S");
        assert_eq!(rights_text(AccessMask(0x1_0000), true), "D");
    }

    proptest! {
        #[test]
        fn every_mask_comes_back(mask: u32, denies: bool) {
            let text = rights_text(AccessMask(mask), denies);
            prop_assert_eq!(parse_mask(&format!("({text})"), denies), Ok(AccessMask(mask)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}", denies: bool) {
            let _ = parse_mask(&text, denies);
        }
    }
}
