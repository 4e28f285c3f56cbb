//! [MS-FSCC] 2.1.5 and [MS-FSA] 2.1.4: names compare without case by the volume's up-case table, one UTF-16
//! code unit at a time.
//!
//! The table is the `$UpCase` file that every Windows since Vista writes to an NTFS volume, and that a client
//! therefore expects of a server that says "NTFS". It is the simple upper-case mapping of Unicode 5.1 with
//! these exceptions: the micro sign, dotless i, long s, final sigma, the Greek symbol forms, the title-case
//! digraphs and the iota subscript stay as they are; the Greek letters with iota subscript map to their
//! title-case form. Letters that later versions of Unicode gave an upper case (Georgian, Cherokee, ...) stay
//! as they are as well. Supplementary characters are two surrogates and have no case.
//!
//! Nothing but ASCII maps to ASCII and ASCII maps to nothing else: the fast paths depend on it and a test
//! holds it.

use core::cmp::Ordering;

use freehold_dtyp::{Wtf8, Wtf8Buf};

/// First and last code unit of a run, the step between its members, and what to add for the upper case.
const RUNS: &[(u16, u16, u16, i32)] = &[
    (0x0061, 0x007A, 1, -32),
    (0x00E0, 0x00F6, 1, -32),
    (0x00F8, 0x00FE, 1, -32),
    (0x00FF, 0x00FF, 1, 121),
    (0x0101, 0x012F, 2, -1),
    (0x0133, 0x0137, 2, -1),
    (0x013A, 0x0148, 2, -1),
    (0x014B, 0x0177, 2, -1),
    (0x017A, 0x017E, 2, -1),
    (0x0180, 0x0180, 1, 195),
    (0x0183, 0x0185, 2, -1),
    (0x0188, 0x0188, 1, -1),
    (0x018C, 0x018C, 1, -1),
    (0x0192, 0x0192, 1, -1),
    (0x0195, 0x0195, 1, 97),
    (0x0199, 0x0199, 1, -1),
    (0x019A, 0x019A, 1, 163),
    (0x019E, 0x019E, 1, 130),
    (0x01A1, 0x01A5, 2, -1),
    (0x01A8, 0x01A8, 1, -1),
    (0x01AD, 0x01AD, 1, -1),
    (0x01B0, 0x01B0, 1, -1),
    (0x01B4, 0x01B6, 2, -1),
    (0x01B9, 0x01B9, 1, -1),
    (0x01BD, 0x01BD, 1, -1),
    (0x01BF, 0x01BF, 1, 56),
    (0x01C6, 0x01C6, 1, -2),
    (0x01C9, 0x01C9, 1, -2),
    (0x01CC, 0x01CC, 1, -2),
    (0x01CE, 0x01DC, 2, -1),
    (0x01DD, 0x01DD, 1, -79),
    (0x01DF, 0x01EF, 2, -1),
    (0x01F3, 0x01F3, 1, -2),
    (0x01F5, 0x01F5, 1, -1),
    (0x01F9, 0x021F, 2, -1),
    (0x0223, 0x0233, 2, -1),
    (0x023C, 0x023C, 1, -1),
    (0x0242, 0x0242, 1, -1),
    (0x0247, 0x024F, 2, -1),
    (0x0250, 0x0250, 1, 10783),
    (0x0251, 0x0251, 1, 10780),
    (0x0253, 0x0253, 1, -210),
    (0x0254, 0x0254, 1, -206),
    (0x0256, 0x0257, 1, -205),
    (0x0259, 0x0259, 1, -202),
    (0x025B, 0x025B, 1, -203),
    (0x0260, 0x0260, 1, -205),
    (0x0263, 0x0263, 1, -207),
    (0x0268, 0x0268, 1, -209),
    (0x0269, 0x0269, 1, -211),
    (0x026B, 0x026B, 1, 10743),
    (0x026F, 0x026F, 1, -211),
    (0x0271, 0x0271, 1, 10749),
    (0x0272, 0x0272, 1, -213),
    (0x0275, 0x0275, 1, -214),
    (0x027D, 0x027D, 1, 10727),
    (0x0280, 0x0280, 1, -218),
    (0x0283, 0x0283, 1, -218),
    (0x0288, 0x0288, 1, -218),
    (0x0289, 0x0289, 1, -69),
    (0x028A, 0x028B, 1, -217),
    (0x028C, 0x028C, 1, -71),
    (0x0292, 0x0292, 1, -219),
    (0x0371, 0x0373, 2, -1),
    (0x0377, 0x0377, 1, -1),
    (0x037B, 0x037D, 1, 130),
    (0x03AC, 0x03AC, 1, -38),
    (0x03AD, 0x03AF, 1, -37),
    (0x03B1, 0x03C1, 1, -32),
    (0x03C3, 0x03CB, 1, -32),
    (0x03CC, 0x03CC, 1, -64),
    (0x03CD, 0x03CE, 1, -63),
    (0x03D7, 0x03D7, 1, -8),
    (0x03D9, 0x03EF, 2, -1),
    (0x03F2, 0x03F2, 1, 7),
    (0x03F8, 0x03F8, 1, -1),
    (0x03FB, 0x03FB, 1, -1),
    (0x0430, 0x044F, 1, -32),
    (0x0450, 0x045F, 1, -80),
    (0x0461, 0x0481, 2, -1),
    (0x048B, 0x04BF, 2, -1),
    (0x04C2, 0x04CE, 2, -1),
    (0x04CF, 0x04CF, 1, -15),
    (0x04D1, 0x0523, 2, -1),
    (0x0561, 0x0586, 1, -48),
    (0x1D79, 0x1D79, 1, 35332),
    (0x1D7D, 0x1D7D, 1, 3814),
    (0x1E01, 0x1E95, 2, -1),
    (0x1EA1, 0x1EFF, 2, -1),
    (0x1F00, 0x1F07, 1, 8),
    (0x1F10, 0x1F15, 1, 8),
    (0x1F20, 0x1F27, 1, 8),
    (0x1F30, 0x1F37, 1, 8),
    (0x1F40, 0x1F45, 1, 8),
    (0x1F51, 0x1F57, 2, 8),
    (0x1F60, 0x1F67, 1, 8),
    (0x1F70, 0x1F71, 1, 74),
    (0x1F72, 0x1F75, 1, 86),
    (0x1F76, 0x1F77, 1, 100),
    (0x1F78, 0x1F79, 1, 128),
    (0x1F7A, 0x1F7B, 1, 112),
    (0x1F7C, 0x1F7D, 1, 126),
    (0x1F80, 0x1F87, 1, 8),
    (0x1F90, 0x1F97, 1, 8),
    (0x1FA0, 0x1FA7, 1, 8),
    (0x1FB0, 0x1FB1, 1, 8),
    (0x1FB3, 0x1FB3, 1, 9),
    (0x1FC3, 0x1FC3, 1, 9),
    (0x1FD0, 0x1FD1, 1, 8),
    (0x1FE0, 0x1FE1, 1, 8),
    (0x1FE5, 0x1FE5, 1, 7),
    (0x1FF3, 0x1FF3, 1, 9),
    (0x214E, 0x214E, 1, -28),
    (0x2170, 0x217F, 1, -16),
    (0x2184, 0x2184, 1, -1),
    (0x24D0, 0x24E9, 1, -26),
    (0x2C30, 0x2C5E, 1, -48),
    (0x2C61, 0x2C61, 1, -1),
    (0x2C65, 0x2C65, 1, -10795),
    (0x2C66, 0x2C66, 1, -10792),
    (0x2C68, 0x2C6C, 2, -1),
    (0x2C73, 0x2C73, 1, -1),
    (0x2C76, 0x2C76, 1, -1),
    (0x2C81, 0x2CE3, 2, -1),
    (0x2D00, 0x2D25, 1, -7264),
    (0xA641, 0xA65F, 2, -1),
    (0xA663, 0xA66D, 2, -1),
    (0xA681, 0xA697, 2, -1),
    (0xA723, 0xA72F, 2, -1),
    (0xA733, 0xA76F, 2, -1),
    (0xA77A, 0xA77C, 2, -1),
    (0xA77F, 0xA787, 2, -1),
    (0xA78C, 0xA78C, 1, -1),
    (0xFF41, 0xFF5A, 1, -32),
];

/// Code units in a page of the table.
const PAGE: usize = 256;

/// Which page of differences a high byte uses; pages that are equal are kept once.
static INDEX: [u8; 256] = TABLE.0;
/// What to add to a code unit, by page and low byte.
static PAGES: [[u16; PAGE]; PAGE_COUNT] = TABLE.1;

/// Different pages of the table.
const PAGE_COUNT: usize = 17;

const TABLE: ([u8; 256], [[u16; PAGE]; PAGE_COUNT]) = build();

/// Expands [`RUNS`]. Runs at compile time only, where a wrong index does not compile.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
const fn build() -> ([u8; 256], [[u16; PAGE]; PAGE_COUNT]) {
    let mut index = [0u8; 256];
    let mut pages = [[0u16; PAGE]; PAGE_COUNT];
    let mut used = 1; // page 0 holds no difference
    let mut high = 0;
    while high < 256 {
        let mut page = [0u16; PAGE];
        let mut any = false;
        let mut i = 0;
        while i < RUNS.len() {
            let (first, last, step, add) = RUNS[i];
            let mut unit = first as usize;
            while unit <= last as usize {
                if unit / PAGE == high {
                    page[unit % PAGE] = (add & 0xFFFF) as u16;
                    any = true;
                }
                unit += step as usize;
            }
            i += 1;
        }
        if any {
            pages[used] = page;
            index[high] = used as u8;
            used += 1;
        }
        high += 1;
    }
    assert!(used == PAGE_COUNT);
    (index, pages)
}

/// The upper-case form of one UTF-16 code unit.
#[inline]
#[must_use]
pub fn upcase_unit(unit: u16) -> u16 {
    let [low, high] = unit.to_le_bytes();
    if unit < 0x80 {
        return u16::from(low.to_ascii_uppercase());
    }
    let page = INDEX.get(usize::from(high)).and_then(|page| PAGES.get(usize::from(*page)));
    unit.wrapping_add(page.and_then(|page| page.get(usize::from(low))).copied().unwrap_or(0))
}

/// True when the two names are one to a case-insensitive lookup.
#[must_use]
pub fn eq_ignore_case(left: Wtf8<'_>, right: Wtf8<'_>) -> bool {
    let (a, b) = (left.as_bytes(), right.as_bytes());
    if a.len() == b.len() {
        if a == b {
            return true;
        }
        if a.is_ascii() {
            return a.eq_ignore_ascii_case(b); // a byte of b that is not ASCII equals none of a
        }
    } else if a.is_ascii() || b.is_ascii() {
        return false;
    }
    left.utf16().map(upcase_unit).eq(right.utf16().map(upcase_unit))
}

/// Order of two names by their upper-case code units: how NTFS sorts a directory.
#[must_use]
pub fn compare_ignore_case(left: Wtf8<'_>, right: Wtf8<'_>) -> Ordering {
    let (a, b) = (left.as_bytes(), right.as_bytes());
    if a.is_ascii() && b.is_ascii() {
        return a.iter().map(u8::to_ascii_uppercase).cmp(b.iter().map(u8::to_ascii_uppercase));
    }
    left.utf16().map(upcase_unit).cmp(right.utf16().map(upcase_unit))
}

/// The name in upper case: two names fold to equal text exactly when they are [`eq_ignore_case`].
#[must_use]
pub fn fold(name: Wtf8<'_>) -> Wtf8Buf {
    if let Some(text) = name.to_str()
        && text.is_ascii()
    {
        return Wtf8Buf::from(text.to_ascii_uppercase());
    }
    Wtf8Buf::from_utf16(name.utf16().map(upcase_unit), name.as_bytes().len())
}

/// A hash that is equal for names that are [`eq_ignore_case`]. Nothing is allocated. `seed` must be
/// secret and random per process where a peer chooses the names, so that it cannot choose collisions.
#[must_use]
pub fn fold_hash(name: Wtf8<'_>, seed: u64) -> u64 {
    let bytes = name.as_bytes();
    let key = seed ^ HASH_KEY;
    if bytes.is_ascii() {
        let (words, tail) = bytes.as_chunks::<8>();
        let mut state = seed;
        for word in words {
            state = mix(state ^ upcase_ascii_word(u64::from_le_bytes(*word)), key);
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(tail) {
            *to = *from;
        }
        finish(state ^ upcase_ascii_word(u64::from_le_bytes(last)), bytes.len(), key)
    } else {
        let (mut state, mut word, mut units) = (!seed, 0u64, 0usize);
        for unit in name.utf16() {
            word = word << 16 | u64::from(upcase_unit(unit));
            units = units.saturating_add(1);
            if units.is_multiple_of(4) {
                state = mix(state ^ word, key);
                word = 0;
            }
        }
        finish(state ^ word, units, key)
    }
}

/// Digits of pi: odd and without structure.
const HASH_KEY: u64 = 0x243F_6A88_85A3_08D3;
/// More digits of pi.
const HASH_END: u64 = 0x1319_8A2E_0370_7345;

/// Upper case of eight ASCII bytes at once.
#[inline]
const fn upcase_ascii_word(word: u64) -> u64 {
    const EVERY: u64 = 0x0101_0101_0101_0101;
    // 0x80 - 'a' and 0x80 - ('z' + 1) set the top bit of a byte that is at least 'a', and past 'z'. No byte
    // carries into the next as all are below 0x80.
    let from_a = word.wrapping_add(EVERY.wrapping_mul(0x1F));
    let past_z = word.wrapping_add(EVERY.wrapping_mul(0x05));
    let lower = from_a & !past_z & EVERY.wrapping_mul(0x80);
    word ^ (lower >> 2)
}

/// Both halves of the 128-bit product.
#[inline]
fn mix(left: u64, right: u64) -> u64 {
    let product = u128::from(left).wrapping_mul(u128::from(right));
    let [low, high] =
        [product & u128::from(u64::MAX), product >> 64].map(|half| u64::try_from(half).unwrap_or(0));
    low ^ high
}

#[inline]
fn finish(state: u64, length: usize, key: u64) -> u64 {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    mix(mix(state, key) ^ length, HASH_END ^ key.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Simple upper case of `unit` as this compiler's Unicode data has it.
    fn unicode_upper(unit: u16) -> u16 {
        let Some(character) = char::from_u32(u32::from(unit)) else { return unit };
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
            _ => unit,
        }
    }

    /// The CRC-64 of the table that Windows (Vista to Server 2025) records in `$UpCase:$Info`.
    #[test]
    fn the_table_is_the_one_windows_writes() {
        let mut crc = u64::MAX;
        for byte in (0..=u16::MAX).flat_map(|unit| upcase_unit(unit).to_le_bytes()) {
            crc ^= u64::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x9A6C_9329_AC4B_C9B5 } else { crc >> 1 };
            }
        }
        assert_eq!(!crc, 0xDADC_7E77_6B1B_690C);
    }

    /// How the runs come from Unicode data: where the table maps, it maps as Unicode does, but for the Greek
    /// letters with iota subscript; where it does not though Unicode 5.1 has an upper case, it is one of
    /// these.
    #[test]
    fn the_table_is_unicode_with_the_known_exceptions() {
        let iota: Vec<u16> = [0x1F80..=0x1F87, 0x1F90..=0x1F97, 0x1FA0..=0x1FA7]
            .into_iter()
            .flatten()
            .chain([0x1FB3, 0x1FC3, 0x1FF3])
            .collect();
        let kept = [
            0xB5, 0x131, 0x17F, 0x1C5, 0x1C8, 0x1CB, 0x1F2, 0x345, 0x3C2, 0x3D0, 0x3D1, 0x3D5, 0x3D6, 0x3F0,
            0x3F1, 0x3F5, 0x1E9B, 0x1FBE,
        ];
        for unit in 0..=u16::MAX {
            let upper = upcase_unit(unit);
            if iota.contains(&unit) {
                assert_eq!(upper, unit + if unit < 0x1FB0 { 8 } else { 9 });
            } else if kept.contains(&unit) {
                assert_eq!(upper, unit);
                assert_ne!(unicode_upper(unit), unit);
            } else if upper != unit {
                assert_eq!(upper, unicode_upper(unit), "{unit:04X}");
            } else if unit < 0x180 {
                assert_eq!(unicode_upper(unit), unit, "{unit:04X}"); // older than any exception not listed
            }
        }
    }

    #[test]
    fn letters_that_a_linux_case_fold_would_join_stay_apart() {
        for (left, right) in [
            ("ı", "I"), // dotless i
            ("ß", "ẞ"), // sharp s: U+1E9E has no lower-case partner here
            ("ß", "SS"),
            ("ǅ", "Ǆ"), // title-case digraph
            ("ς", "Σ"), // final sigma
            ("ა", "Ა"), // Georgian Mkhedruli, Mtavruli
            ("ſ", "S"),
            ("µ", "μ"),
            ("\u{212A}", "k"), // Kelvin sign
            ("é", "e\u{301}"), // no normalisation
            ("𐐨", "𐐀"),        // supplementary characters have no case
        ] {
            assert!(!eq_ignore_case(left.into(), right.into()), "{left} {right}");
        }
        for (left, right) in
            [("ǆ", "Ǆ"), ("σ", "Σ"), ("ÿ", "Ÿ"), ("ａ", "Ａ"), ("ᾀ", "ᾈ"), ("ɐ", "Ɐ"), ("ⴀ", "Ⴀ")]
        {
            assert!(eq_ignore_case(left.into(), right.into()), "{left} {right}");
        }
    }

    #[test]
    fn ascii_maps_within_ascii_and_nothing_else_maps_to_it() {
        for unit in 0..=u16::MAX {
            assert_eq!(unit < 0x80, upcase_unit(unit) < 0x80);
            assert_eq!(upcase_unit(upcase_unit(unit)), upcase_unit(unit));
        }
    }

    fn any_name() -> impl Strategy<Value = Wtf8Buf> {
        let unit = prop_oneof![
            0x40u16..0x80,
            prop::sample::select(vec![
                0xE9u16, 0xC9, 0x3C3, 0x3C2, 0x3A3, 0x250, 0x2C6F, 0xD800, 0xDC00, 0x131, 0x1C5
            ]),
            any::<u16>()
        ];
        prop::collection::vec(unit, 0..20).prop_map(|units| Wtf8Buf::from_utf16(units.into_iter(), 0))
    }

    fn other_case(name: &Wtf8Buf, choose: u32) -> Wtf8Buf {
        let mut choose = choose;
        let lower: std::collections::HashMap<u16, u16> =
            (0..=u16::MAX).map(|unit| (upcase_unit(unit), unit)).collect();
        let units: Vec<u16> = name.as_wtf8().utf16().collect();
        let changed = units.into_iter().map(|unit| {
            choose = choose.rotate_left(1);
            if choose & 1 == 1 {
                upcase_unit(unit)
            } else {
                lower.get(&upcase_unit(unit)).copied().unwrap_or(unit)
            }
        });
        Wtf8Buf::from_utf16(changed.collect::<Vec<_>>().into_iter(), 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn names_that_differ_in_case_only_are_one(name in any_name(), choose: u32, seed: u64) {
            let other = other_case(&name, choose);
            prop_assert!(eq_ignore_case(name.as_wtf8(), other.as_wtf8()));
            prop_assert_eq!(compare_ignore_case(name.as_wtf8(), other.as_wtf8()), Ordering::Equal);
            prop_assert_eq!(fold(name.as_wtf8()), fold(other.as_wtf8()));
            prop_assert_eq!(fold_hash(name.as_wtf8(), seed), fold_hash(other.as_wtf8(), seed));
        }

        #[test]
        fn comparison_is_that_of_the_folded_units(left in any_name(), right in any_name(), seed: u64) {
            let units = |name: &Wtf8Buf| name.as_wtf8().utf16().map(upcase_unit).collect::<Vec<_>>();
            let order = units(&left).cmp(&units(&right));
            prop_assert_eq!(compare_ignore_case(left.as_wtf8(), right.as_wtf8()), order);
            prop_assert_eq!(eq_ignore_case(left.as_wtf8(), right.as_wtf8()), order == Ordering::Equal);
            prop_assert_eq!(fold(left.as_wtf8()) == fold(right.as_wtf8()), order == Ordering::Equal);
            if order != Ordering::Equal {
                prop_assert_ne!(fold_hash(left.as_wtf8(), seed), fold_hash(right.as_wtf8(), seed));
            }
        }
    }

    #[test]
    fn hashes_of_similar_names_spread() {
        let mut buckets = [0u32; 256];
        for i in 0..25_600 {
            let name = format!("file{i:06}.txt");
            buckets[usize::try_from(fold_hash(name.as_str().into(), 1) & 255).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|&count| (50..200).contains(&count)), "{buckets:?}");
    }
}
