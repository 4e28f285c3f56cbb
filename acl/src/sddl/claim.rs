//! [MS-DTYP] 2.4.4.15 SYSTEM_RESOURCE_ATTRIBUTE_ACE and 2.4.10.1 CLAIM_SECURITY_ATTRIBUTE_RELATIVE_V1: a resource
//! attribute as text, `("Project",TS,0x0,"Blue","Red")`, and as bytes.

use super::cursor::{Cursor, push_hex, push_quoted};
use super::format::push_sid;
use super::parse;
use super::{SddlDomains, SddlError};
use crate::claim::value_type;
use core::fmt::Write as _;
use freehold_dtyp::{Decode, Encode, Reader, Sid, Writer};

/// Types of values, by the name of the text and the number of the bytes.
const TYPES: &[(&str, u16)] = &[
    ("TI", value_type::INT64),
    ("TU", value_type::UINT64),
    ("TS", value_type::STRING),
    ("TD", value_type::SID),
    ("TB", value_type::BOOLEAN),
    ("TX", value_type::OCTET_STRING),
];

/// Bytes before the offsets of the values: Name 4, ValueType 2, Reserved 2, Flags 4, ValueCount 4.
const HEADER_SIZE: usize = 4 + 2 + 2 + 4 + 4;

/// Reads an attribute in parentheses and gives its bytes, not padded.
pub(super) fn compile(cursor: &mut Cursor<'_>, domains: Option<&SddlDomains>) -> Result<Vec<u8>, SddlError> {
    let comma = "a comma: an attribute is (\"name\",type,flags,value,...)";
    cursor.expect("(", "a resource attribute in parentheses")?;
    cursor.skip_spaces();
    let name = cursor.quoted()?;
    separator(cursor, comma)?;
    let start = cursor.position();
    let type_name = cursor.take(2).unwrap_or_default();
    let Some((_, value_type)) = TYPES.iter().find(|(other, _)| other.eq_ignore_ascii_case(type_name)) else {
        return Err(Cursor::error_at(start, "a type: TI, TU, TS, TD, TB or TX"));
    };
    separator(cursor, comma)?;
    let start = cursor.position();
    let flags =
        u32::try_from(cursor.number()?.0).map_err(|_| Cursor::error_at(start, "flags that fit 32 bits"))?;
    let mut values = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.eat(")") {
            return Ok(encode(&name, *value_type, flags, &values));
        }
        separator(cursor, comma)?;
        values.push(value(cursor, *value_type, domains)?);
    }
}

fn separator(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<(), SddlError> {
    cursor.skip_spaces();
    cursor.expect(",", expected)?;
    cursor.skip_spaces();
    Ok(())
}

/// One value, as its bytes.
fn value(
    cursor: &mut Cursor<'_>,
    value_type: u16,
    domains: Option<&SddlDomains>,
) -> Result<Vec<u8>, SddlError> {
    let start = cursor.position();
    let mut writer = Writer::new();
    match value_type {
        value_type::INT64 => {
            let negative = cursor.eat("-");
            let (magnitude, _) = cursor.number()?;
            let value =
                if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
            writer.i64(value.ok_or(Cursor::error_at(start, "a number that fits 64 bits with its sign"))?);
        }
        value_type::UINT64 => writer.u64(cursor.number()?.0),
        value_type::BOOLEAN => match cursor.number()?.0 {
            value @ 0..=1 => writer.u64(value),
            _ => return Err(Cursor::error_at(start, "0 or 1")),
        },
        value_type::STRING => write_text(&mut writer, &cursor.quoted()?),
        value_type::SID => {
            let in_words = cursor.eat("SID(");
            cursor.skip_spaces();
            let sid = parse::sid(cursor, domains)?;
            if in_words {
                cursor.expect(")", "a closing parenthesis")?;
            }
            writer.u32(u32::try_from(sid.size()).unwrap_or(u32::MAX));
            sid.encode(&mut writer);
        }
        _ => {
            // The bytes may follow a number sign, as in a condition.
            cursor.eat("#");
            let bytes = cursor.hex_bytes()?;
            writer.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            writer.bytes(&bytes);
        }
    }
    Ok(writer.into_bytes())
}

/// UTF-16 units and a terminating zero.
fn write_text(writer: &mut Writer, units: &[u16]) {
    units.iter().for_each(|unit| writer.u16(*unit));
    writer.u16(0);
}

fn encode(name: &[u16], value_type: u16, flags: u32, values: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u32(0);
    writer.u16(value_type);
    writer.u16(0);
    writer.u32(flags);
    writer.u32(u32::try_from(values.len()).unwrap_or(u32::MAX));
    writer.zeros(values.len().saturating_mul(4));
    writer.patch_u32(0, writer.position());
    write_text(&mut writer, name);
    for (index, value) in values.iter().enumerate() {
        writer.patch_u32(index.saturating_mul(4).saturating_add(HEADER_SIZE), writer.position());
        writer.bytes(value);
    }
    writer.into_bytes()
}

/// The attribute in parentheses; `None` when the bytes are no well-formed attribute.
pub(super) fn decompile(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    let name = text_at(data, reader.u32("Name").ok()?)?;
    let value_type = reader.u16("ValueType").ok()?;
    let (type_name, _) = TYPES.iter().find(|(_, other)| *other == value_type)?;
    reader.skip("Reserved", 2).ok()?;
    let flags = reader.u32("Flags").ok()?;
    let count = reader.u32("ValueCount").ok()?;
    let mut text = String::from("(");
    push_quoted(&mut text, &name);
    // Writing to a string does not fail.
    let _ = write!(text, ",{type_name},0x{flags:x}");
    // Values may share bytes, so the text is bounded, not only the count.
    let longest = data.len().saturating_mul(MAX_EXPANSION);
    for _ in 0..count {
        let offset = reader.u32("Values").ok()?;
        text.push(',');
        push_value(&mut text, data, value_type, offset)?;
        if text.len() > longest {
            return None;
        }
    }
    text.push(')');
    Some(text)
}

/// Most characters of text for a byte of an attribute: an encoded UTF-16 unit takes five for two, a number 21 for 12.
const MAX_EXPANSION: usize = 8;

/// A text that ends with a zero unit, without it.
fn text_at(data: &[u8], offset: u32) -> Option<Vec<u16>> {
    let (pairs, _) = data.get(usize::try_from(offset).ok()?..)?.as_chunks::<2>();
    let end = pairs.iter().position(|pair| *pair == [0, 0])?;
    Some(pairs.iter().take(end).map(|pair| u16::from_le_bytes(*pair)).collect())
}

fn push_value(text: &mut String, data: &[u8], value_type: u16, offset: u32) -> Option<()> {
    let mut reader = Reader::new(data.get(usize::try_from(offset).ok()?..)?);
    // Writing to a string does not fail.
    match value_type {
        value_type::INT64 => {
            let _ = write!(text, "{}", reader.i64("Int64").ok()?);
        }
        value_type::UINT64 => {
            let _ = write!(text, "{}", reader.u64("Uint64").ok()?);
        }
        value_type::BOOLEAN => match reader.u64("Boolean").ok()? {
            0 => text.push('0'),
            1 => text.push('1'),
            _ => return None,
        },
        value_type::STRING => push_quoted(text, &text_at(data, offset)?),
        value_type::SID => {
            let length = usize::try_from(reader.u32("Length").ok()?).ok()?;
            let bytes = reader.bytes("OctetString", length).ok()?;
            push_sid(text, &Sid::from_bytes(bytes).ok().filter(|sid| sid.size() == length)?);
        }
        _ => {
            let length = usize::try_from(reader.u32("Length").ok()?).ok()?;
            text.push('#');
            push_hex(text, reader.bytes("OctetString", length).ok()?);
        }
    }
    Some(())
}
