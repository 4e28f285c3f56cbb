//! Listings as a table for people, and as JSON, JSON lines or CSV for scripts.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

/// Form of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Table,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
    /// RFC 4180, with a header
    Csv,
}

/// The option that every listing has.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct OutputOptions {
    /// Form of the listing
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORM")]
    pub(super) format: Format,
}

/// True when what is written to standard error may be coloured.
pub(super) fn colour_on_stderr() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Prints `rows`. `columns` are the properties that a table and CSV show, in this order; JSON has all.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print<T: Serialize>(rows: &[T], columns: &[&str], format: Format) -> anyhow::Result<()> {
    let text = render(rows, columns, format)?;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // `freehold user list | head` is no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Prints one thing that is alone by its nature: JSON is the object itself.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print_one<T: Serialize>(row: &T, columns: &[&str], format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        super::say(&serde_json::to_string_pretty(row)?);
        return Ok(());
    }
    print(std::slice::from_ref(row), columns, format)
}

fn render<T: Serialize>(rows: &[T], columns: &[&str], format: Format) -> anyhow::Result<String> {
    let mut text = String::new();
    match format {
        Format::Json => {
            text = serde_json::to_string_pretty(rows)?;
            text.push('\n');
        }
        Format::Jsonl => {
            for row in rows {
                writeln!(text, "{}", serde_json::to_string(row)?)?;
            }
        }
        Format::Csv => {
            let header: Vec<String> = columns.iter().map(|column| csv_field(column)).collect();
            write!(text, "{}\r\n", header.join(","))?;
            for row in rows {
                let fields: Vec<String> = cells(row, columns)?.iter().map(|cell| csv_field(cell)).collect();
                write!(text, "{}\r\n", fields.join(","))?;
            }
        }
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
            table.set_header(columns.iter().copied());
            for row in rows {
                table.add_row(cells(row, columns)?);
            }
            for line in table.lines() {
                writeln!(text, "{}", line.trim())?;
            }
        }
    }
    Ok(text)
}

fn cells<T: Serialize>(row: &T, columns: &[&str]) -> anyhow::Result<Vec<String>> {
    let value = serde_json::to_value(row)?;
    Ok(columns.iter().map(|column| value.get(column).map_or_else(String::new, cell)).collect())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// RFC 4180 2.5 to 2.7. A field that a spreadsheet would take for a formula is kept from it by a leading apostrophe.
pub(super) fn csv_field(text: &str) -> String {
    let text =
        if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        name: String,
        size: u64,
        groups: Vec<String>,
    }

    fn rows() -> Vec<Row> {
        vec![
            Row { name: "a,\"b\"".to_owned(), size: 10, groups: vec!["x".to_owned(), "y".to_owned()] },
            Row { name: "=cmd".to_owned(), size: 2, groups: Vec::new() },
        ]
    }

    #[test]
    fn csv_quotes_and_defuses() {
        let text = render(&rows(), &["Name", "Groups"], Format::Csv).unwrap();
        assert_eq!(text, "Name,Groups\r\n\"a,\"\"b\"\"\",x; y\r\n'=cmd,\r\n");
    }

    #[test]
    fn json_keeps_the_order_of_properties() {
        let text = render(&rows()[1..], &[], Format::Jsonl).unwrap();
        assert_eq!(text, "{\"Name\":\"=cmd\",\"Size\":2,\"Groups\":[]}\n");
        let text = render(&rows(), &[], Format::Json).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_table_has_a_line_for_each_row() {
        let text = render(&rows(), &["Name", "Size"], Format::Table).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("Name") && lines[2].starts_with("=cmd"), "{text}");
    }
}
