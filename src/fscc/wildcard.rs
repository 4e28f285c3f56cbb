//! [MS-FSA] 2.1.4.4 Algorithm for Determining if a FileName Is in an Expression; [MS-FSCC] 2.1.4 for the
//! wildcards.
//!
//! | character | name | matches |
//! |---|---|---|
//! | `*` | star | any characters, none too |
//! | `?` | question mark | one character |
//! | `<` | DOS_STAR | any characters, none too, up to the last period of the name and with it |
//! | `>` | DOS_QM | one character that is no period; nothing in front of a period or at the end |
//! | `"` | DOS_DOT | a period; nothing at the end |
//!
//! Clients turn what users type into these (`*.*` into `*`, `*.` into `<`, `a?.b` into `a>.b`), so `*.*` that
//! arrives as such really asks for a period. Matching follows all alternatives at once: its time is at most
//! the length of the name times that of the pattern, whatever both hold.

use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::name::{MAX_COMPONENT_UNITS, NameError, is_file_name_unit};
use super::upcase::{eq_ignore_case, upcase_unit};

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This code unit, in upper case.
    Unit(u16),
    Star,
    Question,
    DosStar,
    DosQm,
    DosDot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// `*`.
    All,
    /// No wildcard.
    Literal(Wtf8Buf),
    /// `*` and then no wildcard; the tail, all ASCII.
    Suffix(Vec<u8>),
    General(Vec<Token>),
}

/// A search pattern, made ready once per scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Kind);

impl Pattern {
    /// From the UTF-16LE bytes of a QUERY_DIRECTORY request. An empty pattern is `*`.
    ///
    /// # Errors
    /// [`NameError`] when it is no file name even with wildcards allowed.
    pub fn from_utf16le(bytes: &[u8]) -> Result<Self, NameError> {
        let name = Wtf8Buf::from_utf16le(bytes).ok_or(NameError::OddLength)?;
        Self::new(name.as_wtf8())
    }

    /// From text. An empty pattern is `*`.
    ///
    /// # Errors
    /// [`NameError`] when it is no file name even with wildcards allowed.
    pub fn new(text: Wtf8<'_>) -> Result<Self, NameError> {
        if text.utf16_length() > MAX_COMPONENT_UNITS {
            return Err(NameError::ComponentTooLong);
        }
        let mut tokens = Vec::with_capacity(text.as_bytes().len());
        for unit in text.utf16() {
            let token = Token::new(unit)?;
            // `**` is `*`.
            if !(token == Token::Star && tokens.last() == Some(&Token::Star)) {
                tokens.push(token);
            }
        }
        let is_literal = |tokens: &[Token]| tokens.iter().all(|token| matches!(token, Token::Unit(_)));
        Ok(Pattern(match tokens.as_slice() {
            [] | [Token::Star] => Kind::All,
            all if is_literal(all) => Kind::Literal(text.to_owned()),
            [Token::Star, tail @ ..] if is_literal(tail) && text.as_bytes().is_ascii() => {
                Kind::Suffix(text.as_bytes().iter().copied().filter(|byte| *byte != b'*').collect())
            }
            _ => Kind::General(tokens),
        }))
    }

    /// Matches every name.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        matches!(self.0, Kind::All)
    }

    /// The one name (in any case) that matches, when there is no wildcard: a look-up then saves the scan.
    #[must_use]
    pub fn literal(&self) -> Option<Wtf8<'_>> {
        match &self.0 {
            Kind::Literal(name) => Some(name.as_wtf8()),
            _ => None,
        }
    }

    /// True when `name` (a directory entry, `.` and `..` included) matches without regard to case.
    #[must_use]
    pub fn matches(&self, name: Wtf8<'_>) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Literal(literal) => eq_ignore_case(literal.as_wtf8(), name),
            Kind::Suffix(tail) => {
                // The tail is ASCII, which nothing else folds to, so that comparing bytes is enough.
                let bytes = name.as_bytes();
                let end = bytes.len().checked_sub(tail.len()).and_then(|start| bytes.get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(tail))
            }
            Kind::General(tokens) => matches_tokens(tokens, name),
        }
    }
}

impl Token {
    fn new(unit: u16) -> Result<Token, NameError> {
        Ok(match u8::try_from(unit) {
            Ok(b'*') => Token::Star,
            Ok(b'?') => Token::Question,
            Ok(b'<') => Token::DosStar,
            Ok(b'>') => Token::DosQm,
            Ok(b'"') => Token::DosDot,
            _ if is_file_name_unit(unit) => Token::Unit(upcase_unit(unit)),
            _ => return Err(NameError::InvalidCharacter),
        })
    }
}

/// The places of a pattern that are reached: one bit each, one more than the longest pattern has tokens.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct States([u64; States::WORDS]);

impl States {
    const WORDS: usize = MAX_COMPONENT_UNITS / 64 + 1;

    #[inline]
    fn add(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    #[inline]
    fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

/// Follows every alternative at once. A period is the last one when no other follows in the name.
fn matches_tokens(tokens: &[Token], name: Wtf8<'_>) -> bool {
    const PERIOD: u16 = b'.' as u16;
    let mut periods_ahead = name.as_bytes().iter().filter(|byte| **byte == b'.').count();
    let mut reached = States::default();
    reached.add(0);
    // Places below this one are not reached any more.
    let mut first = 0usize;
    for unit in name.utf16() {
        let unit = upcase_unit(unit);
        if unit == PERIOD {
            periods_ahead = periods_ahead.saturating_sub(1);
        }
        let last_period = unit == PERIOD && periods_ahead == 0;
        let mut next = States::default();
        let mut next_first = usize::MAX;
        // Steps that take no character go forward only, so one pass in order of places finds them all.
        for (place, token) in tokens.iter().enumerate().skip(first) {
            if !reached.contains(place) {
                continue;
            }
            let after = place.saturating_add(1);
            let (takes, stays, skips) = match token {
                Token::Unit(own) => (*own == unit, false, false),
                Token::Question => (true, false, false),
                Token::Star => (false, true, true),
                // The last period ends it, and may be its own last character.
                Token::DosStar => (last_period, !last_period, true),
                Token::DosQm => (unit != PERIOD, false, unit == PERIOD),
                Token::DosDot => (unit == PERIOD, false, false),
            };
            if takes {
                next.add(after);
                next_first = next_first.min(after);
            }
            if stays {
                next.add(place);
                next_first = next_first.min(place);
            }
            if skips {
                reached.add(after);
            }
        }
        if next_first == usize::MAX {
            return false;
        }
        reached = next;
        first = next_first;
    }
    // At the end of the name, these match nothing.
    for (place, token) in tokens.iter().enumerate().skip(first) {
        if reached.contains(place) && !matches!(token, Token::Unit(_) | Token::Question) {
            reached.add(place.saturating_add(1));
        }
    }
    reached.contains(tokens.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern.into()).unwrap().matches(name.into())
    }

    #[test]
    fn star_and_question_mark() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "anything", true),
            ("*", "a.b", true),
            ("*.*", "ab", false),
            ("*.*", "a.b", true),
            ("a*c", "AbbC", true),
            ("a*c", "abcd", false),
            ("?", "a", true),
            ("?", "", false),
            ("??", "a", false),
            ("a?c", "abc", true),
            ("*.TXT", "readme.txt", true),
            ("*.txt", ".txt", true),
            ("*.txt", "txt", false),
            ("*é", "CAFÉ", true),
            ("Σ*", "σ.txt", true),
            ("ς*", "σ.txt", false),
            ("README", "readme", true),
            ("readme", "readme.txt", false),
            ("a***b", "ab", true),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn dos_star_stops_at_the_last_period() {
        for (pattern, name, expected) in [
            ("<", "abc", true),
            ("<", "abc.d", false),
            ("<.d", "abc.d", true),
            ("<.d", "a.b.c.d", true),
            ("<.b", "a.b.c", false),
            ("<.<", "a.b", true),
            ("<.<", "ab", false),
            ("<\"*", "ab", true),
            ("<\"*", "a.b", true),
            ("a<", "a.b", false),
            // What users type as `*.` shows the two.
            ("<", ".", true),
            ("<", "..", true),
            ("<.", "..", true),
            ("<txt", "Fine.txt", true),
            ("<txt", "a.b.TXT", true),
            ("<txt", "a.txt.jpg", false),
            ("<txt", "txt", true),
            ("<txt", "Nine.jpg", false),
            ("F<txt", "Fine.txt", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn dos_qm_matches_nothing_at_a_period_and_at_the_end() {
        for (pattern, name, expected) in [
            (">", "a", true),
            (">>>", "a", true),
            (">>>", "abcd", false),
            (">>>.txt", "a.txt", true),
            (">>>.txt", "abcd.txt", false),
            ("a>.b", "a.b", true),
            ("a>.b", "ax.b", true),
            (">>>>>>>>.>>>", "file.rs", true),
            (">>>>>>>>.>>>", "file", false),
            (">>>>>>>>\">>>", "file", true),
            (">", ".", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn dos_dot_matches_a_period_or_the_end() {
        for (pattern, name, expected) in [
            ("a\"", "a", true),
            ("a\"", "a.", true),
            ("a\"b", "a.b", true),
            ("a\"b", "ab", false),
            ("\"\"", ".", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_fast_kinds_are_chosen() {
        let kind = |text: &str| Pattern::new(text.into()).unwrap().0;
        assert_eq!(kind("*"), Kind::All);
        assert_eq!(kind("a.b"), Kind::Literal("a.b".into()));
        assert_eq!(kind("*.rs"), Kind::Suffix(b".rs".to_vec()));
        assert_eq!(kind("* a"), Kind::Suffix(b" a".to_vec()));
        assert!(matches!(kind("a*"), Kind::General(_)));
        assert_eq!(Pattern::new("a.b".into()).unwrap().literal(), Some("a.b".into()));
        assert!(Pattern::new("***".into()).unwrap().is_all());
    }

    #[test]
    fn what_is_no_name_is_no_pattern() {
        for text in ["a\\b", "a/b", "a:b", "a|b", "a\u{1}", "a\0"] {
            assert_eq!(Pattern::new(text.into()), Err(NameError::InvalidCharacter), "{text:?}");
        }
        assert_eq!(Pattern::new("x".repeat(256).as_str().into()), Err(NameError::ComponentTooLong));
        assert_eq!(Pattern::from_utf16le(b"abc"), Err(NameError::OddLength));
    }

    #[test]
    fn a_pattern_made_to_backtrack_takes_linear_time() {
        let pattern = Pattern::new("*a".repeat(127).as_str().into()).unwrap();
        let name = format!("{}b", "a".repeat(254));
        for _ in 0..100 {
            assert!(!pattern.matches(name.as_str().into()));
        }
        assert!(pattern.matches("a".repeat(255).as_str().into()));
    }

    /// The rules, tried one after the other with backtracking.
    fn naive(pattern: &[u16], name: &[u16]) -> bool {
        let Some((&head, tail)) = pattern.split_first() else { return name.is_empty() };
        let first = name.first().copied();
        let rest = name.get(1..).unwrap_or_default();
        let period = u16::from(b'.');
        match u8::try_from(head).unwrap_or(0) {
            b'*' => naive(tail, name) || (first.is_some() && naive(pattern, rest)),
            b'?' => first.is_some() && naive(tail, rest),
            b'<' => {
                let is_last = first == Some(period) && !rest.contains(&period);
                naive(tail, name) || (first.is_some() && naive(if is_last { tail } else { pattern }, rest))
            }
            b'>' => match first {
                Some(unit) if unit != period => naive(tail, rest),
                _ => naive(tail, name),
            },
            b'"' => match first {
                Some(unit) if unit == period => naive(tail, rest),
                Some(_) => false,
                None => naive(tail, name),
            },
            _ => first.is_some_and(|unit| upcase_unit(unit) == upcase_unit(head)) && naive(tail, rest),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn equals_the_naive_matcher(pattern in "[*?<>\".aAbé]{1,9}", name in "[.aAbÉ]{0,9}") {
            let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), naive(&units(&pattern), &units(&name)));
        }

        #[test]
        fn any_pattern_is_judged_without_panic(pattern: Vec<u8>, name: Vec<u16>) {
            if let Ok(pattern) = Pattern::from_utf16le(&pattern) {
                let _ = pattern.matches(Wtf8Buf::from_utf16(name.into_iter(), 0).as_wtf8());
            }
        }
    }
}
