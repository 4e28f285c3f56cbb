//! Files and functions that deserve a second look for their size.

use super::source::{SourceFile, end_of_item};

/// Lines of a file, tests aside.
const LARGE_FILE: usize = 800;
/// Lines of a function.
const LARGE_FUNCTION: usize = 80;

/// One line of text for each, the largest first.
pub(super) fn large(files: &[SourceFile]) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for file in files {
        let code = file.shipped_code();
        // Comments count, test modules do not.
        let lines = file
            .text
            .lines()
            .zip(code.lines())
            .filter(|(text, code)| text.trim().is_empty() || !code.trim().is_empty() || is_comment(text))
            .count();
        if !file.is_test && lines > LARGE_FILE {
            found.push((lines, format!("{}: {lines} lines", file.path)));
        }
        for (at, name) in functions(&code) {
            let end = end_of_item(code.as_bytes(), at);
            let lines = code[at..end].lines().count();
            if lines > LARGE_FUNCTION {
                found
                    .push((lines, format!("{}:{}: `{name}` has {lines} lines", file.path, file.line_of(at))));
            }
        }
    }
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, text)| text).collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Where each function starts, with its name.
fn functions(code: &str) -> Vec<(usize, &str)> {
    code.match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .filter_map(|(at, _)| {
            let rest = &code[at + 3..];
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            (length > 0).then(|| (at, &rest[..length]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_listed_and_a_short_one_is_not() {
        let text = format!("fn short() {{}}\nfn long() {{\n{}}}\n", "    x();\n".repeat(90));
        let file = SourceFile { path: "a.rs".to_owned(), code: text.clone(), text, is_test: false };
        let found = large(&[file]);
        assert_eq!(found, ["a.rs:2: `long` has 92 lines"]);
    }
}
