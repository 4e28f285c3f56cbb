//! The lines of a TOML file that a server's objections are about.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// `message` with `file:line` before each line that begins with a place such as `Shares[2].Path: `.
pub(super) fn with_lines(file: &str, text: &str, message: &str) -> String {
    let Ok(table) = DeTable::parse(text) else { return message.to_owned() };
    let table = DeValue::Table(table.into_inner());
    let line = |objection: &str| {
        let place = objection.split_once(": ")?.0;
        let offset = offset_of(&table, place)?;
        let line = text.get(..offset)?.matches('\n').count() + 1;
        Some(format!("{file}:{line}: {objection}"))
    };
    let lines: Vec<String> =
        message.lines().map(|objection| line(objection).unwrap_or_else(|| objection.to_owned())).collect();
    lines.join("\n")
}

/// Where a place begins in the file; the nearest that is there.
fn offset_of(table: &DeValue<'_>, place: &str) -> Option<usize> {
    let mut here = table;
    let mut offset = None;
    for part in place.split('.') {
        let (name, indices) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        let mut found: &Spanned<DeValue<'_>> = match here {
            DeValue::Table(table) => match table.get(name) {
                Some(found) => found,
                None => break,
            },
            _ => break,
        };
        offset = Some(found.span().start);
        for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok())
        {
            match found.get_ref() {
                DeValue::Array(elements) => found = elements.get(index)?,
                _ => return offset,
            }
            offset = Some(found.span().start);
        }
        here = found.get_ref();
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_get_the_line_of_their_place() {
        let text =
            "[[Shares]]\nName = \"a\"\n\n[[Shares]]\nName = \"b\"\nFullAccess = [\n  \"x\",\n  \"y\",\n]\n";
        let message = "it has 4 mistakes:\nShares[1].FullAccess[1]: who?\nShares[1].Path: what?\nShares[0].Name: no\nX: y";
        let shown = with_lines("f.toml", text, message);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "it has 4 mistakes:");
        assert_eq!(lines[1], "f.toml:8: Shares[1].FullAccess[1]: who?");
        assert_eq!(lines[2], "f.toml:4: Shares[1].Path: what?");
        assert_eq!(lines[3], "f.toml:2: Shares[0].Name: no");
        assert_eq!(lines[4], "X: y");
    }
}
