//! One line of the log: a number that grows by one, the record, and a hash over the line and the one before it.
//!
//! ```text
//! {"Seq":7,"Time":...,...,"Chain":"<SHA-256 in hexadecimal>"}
//! ```
//!
//! Chain is SHA-256 over the chain of the line before (32 bytes) and the bytes of this line in front of `,"Chain"`.
//! Whoever changes, removes or inserts a line must make all lines after it anew, and the last chain is then another one
//! than what an administrator has noted elsewhere. A pure part.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use aws_lc_rs::digest;

/// Bytes of a chain value.
pub const CHAIN_BYTES: usize = 32;

/// The chain value of a line, or what a log starts from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chain(pub [u8; CHAIN_BYTES]);

impl Chain {
    /// What the first line of a log hangs on.
    pub const START: Chain = Chain([0; CHAIN_BYTES]);

    /// The value after a line whose bytes in front of its chain are `content`.
    #[must_use]
    pub fn after(self, content: &[u8]) -> Chain {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.0);
        context.update(content);
        let mut value = [0; CHAIN_BYTES];
        for (place, byte) in value.iter_mut().zip(context.finish().as_ref()) {
            *place = *byte;
        }
        Chain(value)
    }

    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Chain> {
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != CHAIN_BYTES || !rest.is_empty() {
            return None;
        }
        let mut value = [0; CHAIN_BYTES];
        for (place, [high, low]) in value.iter_mut().zip(pairs) {
            *place = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        Some(Chain(value))
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.saturating_sub(b'0')),
        b'a'..=b'f' => Some(digit.saturating_sub(b'a').saturating_add(10)),
        _ => None,
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({self})")
    }
}

const BEFORE_SEQ: &[u8] = b"{\"Seq\":";
const BEFORE_CHAIN: &[u8] = b",\"Chain\":\"";
const END: &[u8] = b"\"}";

/// Appends the line with the members `body` and its line feed; gives the chain after it.
pub fn write(seq: u64, body: &[u8], before: Chain, out: &mut Vec<u8>) -> Chain {
    let start = out.len();
    out.extend_from_slice(BEFORE_SEQ);
    out.extend_from_slice(seq.to_string().as_bytes());
    out.push(b',');
    out.extend_from_slice(body);
    let chain = before.after(out.get(start..).unwrap_or_default());
    out.extend_from_slice(BEFORE_CHAIN);
    out.extend_from_slice(chain.to_string().as_bytes());
    out.extend_from_slice(END);
    out.push(b'\n');
    chain
}

/// What a whole line says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Its number.
    pub seq: u64,
    /// Its chain.
    pub chain: Chain,
    /// What its chain is over, besides the chain before.
    pub content: &'a [u8],
}

/// Takes a line without its line feed apart; `None` when it is no line of a log.
#[must_use]
pub fn parse(line: &[u8]) -> Option<Parts<'_>> {
    let head = line.strip_suffix(END)?;
    let (rest, chain) = head.split_at_checked(head.len().checked_sub(CHAIN_BYTES.saturating_mul(2))?)?;
    let content = rest.strip_suffix(BEFORE_CHAIN)?;
    let after = content.strip_prefix(BEFORE_SEQ)?;
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seq = std::str::from_utf8(after.get(..digits)?).ok()?.parse().ok()?;
    (after.get(digits) == Some(&b',')).then_some(())?;
    Some(Parts { seq, chain: Chain::from_hex(chain)?, content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_hang_on_each_other() {
        let mut text = Vec::new();
        let first = write(1, b"\"A\":1", Chain::START, &mut text);
        let second = write(2, b"\"A\":2", first, &mut text);
        let lines: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
        let parts = [parse(lines[0]).unwrap(), parse(lines[1]).unwrap()];
        assert_eq!((parts[0].seq, parts[0].chain), (1, Chain::START.after(b"{\"Seq\":1,\"A\":1")));
        assert_eq!((parts[1].seq, parts[1].chain), (2, second));
        assert_eq!(parts[0].chain.after(parts[1].content), second);
        assert!(lines.iter().all(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok()));
    }

    #[test]
    fn the_chain_is_sha_256() {
        let expected = "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370";
        assert_eq!(Chain::START.after(b"abc").to_string(), expected);
        assert_eq!(Chain::from_hex(expected.as_bytes()), Some(Chain::START.after(b"abc")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_or_refused(line in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&line);
        }

        #[test]
        fn a_line_that_was_cut_is_refused(cut in 0usize..100) {
            let mut text = Vec::new();
            write(12, b"\"A\":\"x\"", Chain::START, &mut text);
            text.pop();
            prop_assume!(cut < text.len());
            prop_assert_eq!(parse(&text[..cut]), None);
        }
    }
}
