//! Reads typed values out of a parsed table and notes everything that does not fit, instead of stopping at the first.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;

/// Collects mistakes while a file is read.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub(super) fn add(&self, span: Range<usize>, message: String, help: Option<String>) {
        self.0.borrow_mut().push(Mistake { message, help, span });
    }

    pub(super) fn into_sorted(self) -> Vec<Mistake> {
        let mut all = self.0.into_inner();
        all.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        all
    }
}

/// One table of the file. Each reader takes a key's value and remembers that the key is known; [`Section::finish`] then
/// reports the others.
pub(super) struct Section<'t, 'i> {
    /// Dotted name for messages; empty for the top.
    name: String,
    span: Range<usize>,
    table: Option<&'t DeTable<'i>>,
    known: Vec<&'static str>,
    mistakes: &'t Mistakes,
}

/// A value and where it stands.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(super) fn top(table: &'t Spanned<DeTable<'i>>, mistakes: &'t Mistakes) -> Self {
        Section { name: String::new(), span: 0..0, table: Some(table.get_ref()), known: Vec::new(), mistakes }
    }

    pub(super) fn mistakes(&self) -> &'t Mistakes {
        self.mistakes
    }

    /// Where the section starts, for a mistake that is about something missing.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The full name of `key`.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'i>>, expected: &str) {
        self.mistakes.add(
            value.span(),
            format!("`{}` is {}", self.path_of(key), describe(value.get_ref())),
            Some(format!("expected {expected}")),
        );
    }

    /// A table inside of this one; an empty section when it is not there.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'t, 'i> {
        let mut section = Section {
            name: self.path_of(key),
            span: self.span(),
            table: None,
            known: Vec::new(),
            mistakes: self.mistakes,
        };
        if let Some(value) = self.take(key) {
            section.span = value.span();
            match value.get_ref() {
                DeValue::Table(table) => section.table = Some(table),
                _ => self.wrong(key, value, &format!("a table, written as [{}]", self.path_of(key))),
            }
        }
        section
    }

    /// The tables inside of this one whose names the user chose, each with the place of its name.
    pub(super) fn named_sections(self, what: &str) -> Vec<(Found<String>, Section<'t, 'i>)> {
        let mut all = Vec::new();
        for (name, value) in self.table.into_iter().flatten() {
            let path = self.path_of(name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => {
                    let found = Found { value: name.get_ref().to_string(), span: name.span() };
                    let section = Section {
                        name: path,
                        span: name.span(),
                        table: Some(table),
                        known: Vec::new(),
                        mistakes: self.mistakes,
                    };
                    all.push((found, section));
                }
                _ => self.wrong(name.get_ref(), value, &format!("{what}, written as [{path}]")),
            }
        }
        all
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(value) => match value.get_ref() {
                DeValue::Boolean(found) => *found,
                _ => {
                    self.wrong(key, value, "true or false");
                    default
                }
            },
        }
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Found<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Found { value: text.to_string(), span: value.span() }),
            _ => {
                self.wrong(key, value, "text in quotes");
                None
            }
        }
    }

    /// One text or a list of texts.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Vec<Found<String>>> {
        let value = self.take(key)?;
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut all = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => all.push(Found { value: text.to_string(), span: item.span() }),
                _ => self.wrong(key, item, "text in quotes, or a list of such"),
            }
        }
        Some(all)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        let Some(value) = self.take(key) else { return default };
        if let DeValue::String(text) = value.get_ref()
            && let Some((_, choice)) = choices.iter().find(|(word, _)| word == text)
        {
            return *choice;
        }
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.wrong(key, value, &format!("one of {}", words.join(", ")));
        default
    }

    /// A whole number in `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.take(key) else { return default };
        let found = match value.get_ref() {
            DeValue::Integer(integer) => parse_integer(integer),
            _ => None,
        };
        self.in_range(key, value, found, &range, "a whole number").unwrap_or(default)
    }

    /// A size in bytes in `range`: a whole number, or text such as `"8MiB"`.
    pub(super) fn size(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.take(key) else { return default };
        let found = match value.get_ref() {
            DeValue::Integer(integer) => parse_integer(integer),
            DeValue::String(text) => parse_size(text).map(i128::from),
            _ => None,
        };
        self.in_range(key, value, found, &range, "a size in bytes or as \"8MiB\"").unwrap_or(default)
    }

    fn in_range(
        &self,
        key: &str,
        value: &Spanned<DeValue<'i>>,
        found: Option<i128>,
        range: &RangeInclusive<u32>,
        what: &str,
    ) -> Option<u32> {
        let fits =
            found.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        if fits.is_none() {
            self.wrong(key, value, &format!("{what}, from {} to {}", range.start(), range.end()));
        }
        fits
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (name, _) in self.table.into_iter().flatten() {
            if self.known.iter().any(|known| known == name.get_ref()) {
                continue;
            }
            let nearest = nearest(name.get_ref(), &self.known);
            let place =
                if self.name.is_empty() { "at the top".to_owned() } else { format!("in [{}]", self.name) };
            let help = match nearest {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known {place}: {}", self.known.join(", ")),
            };
            self.mistakes.add(
                name.span(),
                format!("`{}` is not a setting", self.path_of(name.get_ref())),
                Some(help),
            );
        }
    }
}

/// What was found, for a message.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(found) => found.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn parse_integer(integer: &toml::de::DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
}

/// Bytes from `10GB` (powers of ten), `512MiB` (powers of two) or a plain number.
#[must_use]
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The known key that `found` is most probably a slip of.
fn nearest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|candidate| (distance(found, candidate), *candidate))
        .min()
        .filter(|(edits, candidate)| *edits <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(a != *b)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_decimal_and_binary_units() {
        assert_eq!(parse_size("8MiB"), Some(8 << 20));
        assert_eq!(parse_size("10 GB"), Some(10_000_000_000));
        assert_eq!(parse_size("512"), Some(512));
        for wrong in ["", "MiB", "8XB", "-1", "1.5MiB", "99999999999999999999", "18446744073709551615KB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lisen", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
