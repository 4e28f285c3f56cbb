//! A source file as the rules see it: its text, and its code with comments, texts and test modules blanked out.

use std::path::Path;

/// A Rust file that some module declares.
pub(super) struct SourceFile {
    /// Path from the workspace's root, with `/`.
    pub path: String,
    /// The text as it is.
    pub text: String,
    /// The text with comments, string and character literals blanked by spaces: the same length, the same lines.
    pub code: String,
    /// Declared under `#[cfg(test)]`, or a test target: most rules do not apply.
    pub is_test: bool,
}

impl SourceFile {
    /// Reads `path` below `root`.
    ///
    /// # Errors
    /// A message when it cannot be read.
    pub(super) fn read(root: &Path, path: &Path, is_test: bool) -> Result<SourceFile, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let relative = path.strip_prefix(root).unwrap_or(path);
        let path = relative
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        let code = blank_literals(&text);
        Ok(SourceFile { path, text, code, is_test })
    }

    /// The line of byte `at`, counted from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    /// The code with every item under `#[cfg(test)]` blanked out too; empty for a test file.
    pub(super) fn shipped_code(&self) -> String {
        if self.is_test {
            return String::new();
        }
        let mut code = self.code.clone().into_bytes();
        let mut from = 0;
        while let Some(found) = ["#[cfg(test)]", "#[cfg(all(test,"]
            .iter()
            .filter_map(|attribute| find(&code, attribute.as_bytes(), from))
            .min()
        {
            let end = end_of_item(&code, found);
            for byte in code.iter_mut().take(end).skip(found) {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            from = end;
        }
        String::from_utf8_lossy(&code).into_owned()
    }
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}

/// The byte behind the item that starts at or after `from`: behind its `;`, or behind its braces.
pub(super) fn end_of_item(code: &[u8], from: usize) -> usize {
    let mut depth = 0usize;
    let mut brackets = 0usize;
    for (at, byte) in code.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Replaces comments and literals by spaces and keeps line breaks.
fn blank_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' | b'b' | b'c' if !follows_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => char_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0usize, at);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// The end of `r"..."`, `r#"..."#`, `br"..."` and the like; `None` where no raw string starts.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at;
    while i < at + 2 && matches!(bytes.get(i), Some(b'b' | b'c')) {
        i += 1;
    }
    if bytes.get(i) != Some(&b'r') {
        return None;
    }
    i += 1;
    let hashes = bytes[i..].iter().take_while(|byte| **byte == b'#').count();
    i += hashes;
    if bytes.get(i) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    Some(find(bytes, &close, i + 1).map_or(bytes.len(), |found| found + close.len()))
}

/// The end of a character literal; `None` where the quote starts a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at + 1) == Some(&b'\\') {
        let close = bytes.get(at + 3..)?.iter().position(|byte| *byte == b'\'')?;
        return Some(at + 3 + close + 1);
    }
    let character = std::str::from_utf8(bytes.get(at + 1..(at + 5).min(bytes.len()))?)
        .or_else(|error| std::str::from_utf8(&bytes[at + 1..at + 1 + error.valid_up_to()]))
        .ok()?
        .chars()
        .next()?;
    let close = at + 1 + character.len_utf8();
    (bytes.get(close) == Some(&b'\'')).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
            code: blank_literals(text),
            is_test: false,
        }
    }

    #[test]
    fn comments_and_literals_are_blank() {
        let code = blank_literals(
            "a // use x::*\nlet s = \"use y::*\"; 'c' '\\'' b'x' /* { /* } */ */ r#\"\"{\"#; z",
        );
        assert!(!code.contains('*') && !code.contains('{') && !code.contains('\''), "{code}");
        assert!(code.starts_with("a ") && code.ends_with("; z") && code.contains("let s ="), "{code}");
    }

    #[test]
    fn lifetimes_stay() {
        assert_eq!(blank_literals("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    }

    #[test]
    fn test_modules_are_not_shipped() {
        let shipped =
            file("fn a() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\nfn b() {}\n").shipped_code();
        assert!(
            shipped.contains("fn a") && shipped.contains("fn b") && !shipped.contains("super"),
            "{shipped}"
        );
    }
}
