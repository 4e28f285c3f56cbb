//! Structures that go over the wire say where they are specified.

use super::source::SourceFile;
use super::{Finding, finding};

/// Modules whose structures are wire formats.
const WIRE_FOLDERS: &[&str] = &["src/smb2/", "src/fscc/", "dtyp/src/", "acl/src/"];
/// Beginnings of the traits that a type implements when it is read from or written to the wire.
const CODECS: &[&str] = &["Decode", "Encode"];

/// Types of this file that decode or encode and do not cite a section.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if !WIRE_FOLDERS.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let code = file.shipped_code();
    let mut names: Vec<&str> = Vec::new();
    for (at, _) in code.match_indices(" for ") {
        let line = code[..at].rfind('\n').map_or(0, |start| start + 1);
        let head = code[line..at].trim_start();
        let implemented = head.split_whitespace().next_back().unwrap_or_default();
        if !head.starts_with("impl") || !CODECS.iter().any(|codec| implemented.starts_with(codec)) {
            continue;
        }
        let rest = &code[at + " for ".len()..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..length];
        // A macro's `$name` has its comment where the macro is used.
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().filter_map(|name| undocumented(file, &code, name)).collect()
}

fn undocumented(file: &SourceFile, code: &str, name: &str) -> Option<Finding> {
    let at = ["struct ", "enum "].iter().find_map(|keyword| {
        code.match_indices(&format!("{keyword}{name}")).map(|(at, _)| at).find(|at| {
            let behind = code[at + keyword.len() + name.len()..].chars().next();
            !behind.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    })?;
    let line = file.line_of(at);
    let lines: Vec<&str> = file.text.lines().take(line.saturating_sub(1)).collect();
    let cited = lines
        .iter()
        .rev()
        .take_while(|text| {
            matches!(text.trim_start().as_bytes(), [b'/', b'/', b'/', ..] | [b'#', ..] | [b')', ..])
                || text.contains("derive")
        })
        .any(|text| text.contains("[MS-") || text.contains("RFC "));
    (!cited).then(|| {
        finding(file, at, format!("`{name}` goes over the wire: its comment names no [MS-...] section"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        let file = SourceFile {
            path: "src/smb2/read.rs".to_owned(),
            text: text.to_owned(),
            code: text.to_owned(),
            is_test: false,
        };
        check(&file).len()
    }

    #[test]
    fn a_wire_struct_without_its_section_is_found() {
        let body = "pub struct A {}\nimpl<'a> Decode<'a> for A {}\n";
        assert_eq!(findings(body), 1);
        assert_eq!(
            findings(&format!("/// [MS-SMB2] 2.2.19 SMB2 READ Request.\n#[derive(Debug)]\n{body}")),
            0
        );
        assert_eq!(findings("pub struct B {}\nimpl Clone for B {}\n"), 0);
    }
}
