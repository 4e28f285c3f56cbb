//! What the tests of all messages share.

use freehold_dtyp::Encode;
use proptest::prelude::*;

use super::header::Smb2Header;

/// A message with an all-zero header (but for its constants) and `body`.
pub(crate) fn message(body: &impl Encode) -> Vec<u8> {
    super::message_bytes(&Smb2Header::default(), body)
}

/// Bytes after a header: arbitrary ones, and ones whose fields are small numbers, so that lengths and
/// offsets often point into the message. The first two bytes are `structure_size` three times out of four.
pub(crate) fn hostile(structure_size: u16) -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![
        4 => Just(0_u8),
        2 => 0..8_u8,
        2 => 0x40..0xA0_u8,
        1 => any::<u8>(),
    ];
    let bytes = prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        3 => proptest::collection::vec(small, 2..200),
    ];
    (bytes, 0..4_u8).prop_map(move |(mut bytes, keep)| {
        if keep != 0
            && let Some(size) = bytes.first_chunk_mut::<2>()
        {
            *size = structure_size.to_le_bytes();
        }
        let mut message = Smb2Header::default().encode().to_vec();
        message.append(&mut bytes);
        message
    })
}

/// Bytes of a file, name or token.
pub(crate) fn blob(limit: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..limit)
}

/// UTF-16LE bytes of a name, lone surrogates included.
pub(crate) fn name(limit: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u16>(), 0..limit)
        .prop_map(|units| units.into_iter().flat_map(u16::to_le_bytes).collect())
}

/// Bytes written as hexadecimal digits, spaces between them ignored.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).expect("ASCII"), 16).expect("hex digits"))
        .collect()
}
