//! [MS-DTYP] 2.4.4.17 Conditional ACEs: expressions as text ([MS-DTYP] 2.5.1.1) and as bytes (2.4.4.17.4).
//!
//! The bytes are the expression in postfix order behind the signature `artx`, padded with zeros to a multiple of 4.

use super::cursor::{Cursor, push_hex, push_quoted, push_units};
use super::format::push_sid;
use super::parse;
use super::{SddlDomains, SddlError};
use crate::condition::{SIGNATURE, code as token};
use core::fmt::Write as _;
use freehold_dtyp::{Decode, Encode, Reader, Sid, Writer};

/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: usize = 64;

/// Relational operators with two operands. Longer spellings come before those that they start with.
const RELATIONS: &[(&str, u8)] = &[
    ("==", 0x80),
    ("!=", 0x81),
    ("<=", 0x83),
    ("<", 0x82),
    (">=", 0x85),
    (">", 0x84),
    ("Contains", 0x86),
    ("Any_of", 0x88),
    ("Not_Contains", 0x8E),
    ("Not_Any_of", 0x8F),
];

/// Operators before a list of SIDs.
const MEMBERSHIPS: &[(&str, u8)] = &[
    ("Member_of", 0x89),
    ("Device_Member_of", 0x8A),
    ("Member_of_Any", 0x8B),
    ("Device_Member_of_Any", 0x8C),
    ("Not_Member_of", 0x90),
    ("Not_Device_Member_of", 0x91),
    ("Not_Member_of_Any", 0x92),
    ("Not_Device_Member_of_Any", 0x93),
];

/// Operators before an attribute.
const EXISTENCES: &[(&str, u8)] = &[("Exists", 0x87), ("Not_Exists", 0x8D)];

/// Where an attribute comes from.
const ATTRIBUTES: &[(&str, u8)] = &[("@User.", 0xF9), ("@Resource.", 0xFA), ("@Device.", 0xFB)];

/// Signs of an integer, and what the number may then be.
const SIGN_PLUS: u8 = 1;
const SIGN_MINUS: u8 = 2;
const SIGN_NONE: u8 = 3;

/// Bases of an integer.
const BASES: &[(u32, u8)] = &[(8, 1), (10, 2), (16, 3)];

/// Reads an expression in parentheses and gives its bytes, not padded.
pub(super) fn compile(cursor: &mut Cursor<'_>, domains: Option<&SddlDomains>) -> Result<Vec<u8>, SddlError> {
    let mut compiler = Compiler { cursor, domains, writer: Writer::new() };
    compiler.writer.bytes(&SIGNATURE);
    compiler.cursor.expect("(", "a condition in parentheses")?;
    compiler.disjunction(MAX_DEPTH)?;
    compiler.close()?;
    Ok(compiler.writer.into_bytes())
}

struct Compiler<'a, 'b> {
    cursor: &'b mut Cursor<'a>,
    domains: Option<&'b SddlDomains>,
    writer: Writer,
}

/// True for what a name of an attribute or an operator is made of, beside encoded characters.
fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '.' | '/')
}

/// True for what the name of an attribute with a prefix is made of, beside encoded characters.
fn is_prefixed_name_character(c: char) -> bool {
    is_name_character(c) || "#$'*+-;?@[\\]^`{}~".contains(c)
}

impl Compiler<'_, '_> {
    fn eat(&mut self, word: &str) -> bool {
        self.cursor.skip_spaces();
        self.cursor.eat(word)
    }

    fn close(&mut self) -> Result<(), SddlError> {
        self.cursor.skip_spaces();
        self.cursor.expect(")", "a closing parenthesis, && or ||")
    }

    fn disjunction(&mut self, depth: usize) -> Result<(), SddlError> {
        self.conjunction(depth)?;
        while self.eat("||") {
            self.conjunction(depth)?;
            self.writer.u8(token::OR);
        }
        Ok(())
    }

    fn conjunction(&mut self, depth: usize) -> Result<(), SddlError> {
        self.term(depth)?;
        while self.eat("&&") {
            self.term(depth)?;
            self.writer.u8(token::AND);
        }
        Ok(())
    }

    fn term(&mut self, depth: usize) -> Result<(), SddlError> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(self.cursor.error("a condition that is nested less deeply"));
        };
        if self.eat("!") {
            self.term(deeper)?;
            self.writer.u8(token::NOT);
            return Ok(());
        }
        if self.eat("(") {
            self.disjunction(deeper)?;
            return self.close();
        }
        // An operator is a whole word: `Exists_x` is an attribute.
        let word = self.cursor.clone().take_while(is_name_character);
        let named = |(name, _): &&(&str, u8)| name.eq_ignore_ascii_case(word);
        if let Some((_, code)) = MEMBERSHIPS.iter().find(named) {
            self.cursor.take(word.len());
            self.cursor.skip_spaces();
            // A list in braces, or one SID, in parentheses or not.
            if self.cursor.rest().starts_with('{') {
                self.composite()?;
            } else if self.eat("(") {
                self.value()?;
                self.close()?;
            } else {
                self.value()?;
            }
            self.writer.u8(*code);
            return Ok(());
        }
        if let Some((_, code)) = EXISTENCES.iter().find(named) {
            self.cursor.take(word.len());
            self.attribute()?;
            self.writer.u8(*code);
            return Ok(());
        }
        self.attribute()?;
        self.cursor.skip_spaces();
        let Some((name, code)) = RELATIONS.iter().find(|(name, _)| self.at_operator(name)) else {
            return Ok(());
        };
        self.cursor.eat(name);
        self.operand()?;
        self.writer.u8(*code);
        Ok(())
    }

    /// True when `name` is next, and when it is a word, ends there.
    fn at_operator(&self, name: &str) -> bool {
        let mut ahead = self.cursor.clone();
        ahead.eat(name)
            && !(name.starts_with(|c: char| c.is_ascii_alphabetic())
                && ahead.peek().is_some_and(is_name_character))
    }

    /// The right side of a relation: a value, a list of values or an attribute.
    fn operand(&mut self) -> Result<(), SddlError> {
        self.cursor.skip_spaces();
        match self.cursor.peek() {
            Some('{') => self.composite(),
            Some('"' | '#' | '+' | '-' | '0'..='9') => self.value(),
            _ if self.at_sid() => self.value(),
            _ => self.attribute(),
        }
    }

    fn at_sid(&self) -> bool {
        self.cursor.rest().get(..4).is_some_and(|next| next.eq_ignore_ascii_case("SID("))
    }

    fn attribute(&mut self) -> Result<(), SddlError> {
        self.cursor.skip_spaces();
        let known = ATTRIBUTES.iter().find(|(prefix, _)| self.cursor.eat(prefix));
        self.writer.u8(known.map_or(token::LOCAL_ATTRIBUTE, |(_, code)| *code));
        let plain = if known.is_some() { is_prefixed_name_character } else { is_name_character };
        let mut name = Vec::new();
        while self.cursor.peek().is_some_and(|c| plain(c) || c == '%') {
            self.cursor.unit(&mut name, "the name of an attribute")?;
        }
        if name.is_empty() {
            return Err(self.cursor.error("an attribute such as @User.Title, Exists, Member_of, ! or ("));
        }
        self.units(&name);
        Ok(())
    }

    fn units(&mut self, units: &[u16]) {
        let bytes = units.len().saturating_mul(2);
        self.writer.u32(u32::try_from(bytes).unwrap_or(u32::MAX));
        units.iter().for_each(|unit| self.writer.u16(*unit));
    }

    /// Writes a token whose length in bytes stands before what `content` writes.
    fn prefixed(
        &mut self,
        code: u8,
        content: impl FnOnce(&mut Self) -> Result<(), SddlError>,
    ) -> Result<(), SddlError> {
        self.writer.u8(code);
        let place = self.writer.position();
        self.writer.u32(0);
        let start = self.writer.position();
        content(self)?;
        self.writer.patch_u32(place, self.writer.position().saturating_sub(start));
        Ok(())
    }

    fn composite(&mut self) -> Result<(), SddlError> {
        self.cursor.expect("{", "a list in braces")?;
        self.prefixed(token::COMPOSITE, |compiler| {
            if compiler.eat("}") {
                return Ok(());
            }
            loop {
                compiler.value()?;
                if compiler.eat("}") {
                    return Ok(());
                }
                if !compiler.eat(",") {
                    return Err(compiler.cursor.error("a comma or a closing brace"));
                }
            }
        })
    }

    fn value(&mut self) -> Result<(), SddlError> {
        self.cursor.skip_spaces();
        match self.cursor.peek() {
            Some('"') => {
                let units = self.cursor.quoted()?;
                self.writer.u8(token::UNICODE_STRING);
                self.units(&units);
                Ok(())
            }
            Some('#') => {
                self.cursor.next();
                let bytes = self.cursor.hex_bytes()?;
                self.prefixed(token::OCTET_STRING, |compiler| {
                    compiler.writer.bytes(&bytes);
                    Ok(())
                })
            }
            Some('+' | '-' | '0'..='9') => self.integer(),
            _ if self.at_sid() => {
                self.cursor.eat("SID(");
                self.cursor.skip_spaces();
                let sid = parse::sid(self.cursor, self.domains)?;
                self.close()?;
                self.prefixed(token::SID, |compiler| {
                    sid.encode(&mut compiler.writer);
                    Ok(())
                })
            }
            _ => Err(self.cursor.error("a number, a text in double quotes, # and bytes, or SID(...)")),
        }
    }

    fn integer(&mut self) -> Result<(), SddlError> {
        let start = self.cursor.position();
        let sign = if self.cursor.eat("+") {
            SIGN_PLUS
        } else if self.cursor.eat("-") {
            SIGN_MINUS
        } else {
            SIGN_NONE
        };
        let (magnitude, base) = self.cursor.number()?;
        let value = if sign == SIGN_MINUS {
            0i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        let value = value.ok_or(Cursor::error_at(start, "a number that fits 64 bits"))?;
        self.writer.u8(token::INT64);
        self.writer.i64(value);
        self.writer.u8(sign);
        self.writer.u8(BASES.iter().find(|(other, _)| *other == base).map_or(2, |(_, code)| *code));
        Ok(())
    }
}

/// What an operand on the stack is, in the order in which it binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `a || b`.
    Or,
    /// `a && b`.
    And,
    /// A relation, a negation, something in parentheses.
    Term,
    /// An attribute: alone a term, or an operand.
    Attribute,
    /// A literal: an operand only.
    Value,
    /// A list of literals.
    List,
}

struct Operand {
    text: String,
    kind: Kind,
    /// How deep the compiler must go to read it back.
    depth: usize,
}

impl Operand {
    const fn is_logical(&self) -> bool {
        !matches!(self.kind, Kind::Value | Kind::List)
    }

    /// In parentheses when it binds less than `least`.
    fn enclosed(mut self, least: Kind) -> Operand {
        if self.kind < least {
            self.text.insert(0, '(');
            self.text.push(')');
            self.kind = Kind::Term;
            self.depth = self.depth.saturating_add(1);
        }
        self
    }
}

/// The expression in parentheses; `None` when the bytes are no well-formed expression, or one that is too deep.
pub(super) fn decompile(data: &[u8]) -> Option<String> {
    let mut reader = Reader::new(data);
    if reader.array("signature").ok()? != SIGNATURE {
        return None;
    }
    let mut stack: Vec<Operand> = Vec::new();
    while !reader.is_empty() {
        let code = reader.u8("token").ok()?;
        if code == token::PADDING {
            if reader.remaining().iter().any(|byte| *byte != 0) {
                return None;
            }
            break;
        }
        let operand = step(code, &mut reader, &mut stack)?;
        if operand.depth > MAX_DEPTH {
            return None;
        }
        stack.push(operand);
    }
    let whole = stack.pop().filter(|whole| stack.is_empty() && whole.is_logical())?;
    Some(format!("({})", whole.text))
}

/// Applies one token to the stack.
fn step(code: u8, reader: &mut Reader<'_>, stack: &mut Vec<Operand>) -> Option<Operand> {
    let term = |text, depth| Operand { text, kind: Kind::Term, depth };
    let name =
        |table: &[(&'static str, u8)]| table.iter().find(|(_, other)| *other == code).map(|(name, _)| *name);
    if let Some(relation) = name(RELATIONS) {
        let right = stack.pop().filter(|right| right.kind >= Kind::Attribute)?;
        let left = stack.pop().filter(|left| left.kind == Kind::Attribute)?;
        return Some(term(format!("{} {relation} {}", left.text, right.text), 1));
    }
    if let Some(membership) = name(MEMBERSHIPS) {
        let list = stack.pop().filter(|list| list.kind >= Kind::Value)?;
        return Some(term(format!("{membership} {}", list.text), 1));
    }
    if let Some(existence) = name(EXISTENCES) {
        let attribute = stack.pop().filter(|attribute| attribute.kind == Kind::Attribute)?;
        return Some(term(format!("{existence} {}", attribute.text), 1));
    }
    match code {
        token::NOT => {
            let inner = stack.pop().filter(Operand::is_logical)?;
            Some(term(format!("!({})", inner.text), inner.depth.saturating_add(2)))
        }
        token::AND | token::OR => {
            let right = stack.pop().filter(Operand::is_logical)?;
            let left = stack.pop().filter(Operand::is_logical)?;
            // Chains read from the left: a right side of the same kind needs parentheses.
            let (kind, word, above) = if code == token::AND {
                (Kind::And, " && ", Kind::Term)
            } else {
                (Kind::Or, " || ", Kind::And)
            };
            let right = right.enclosed(above);
            let mut left = left.enclosed(kind);
            left.text.push_str(word);
            left.text.push_str(&right.text);
            Some(Operand { kind, depth: left.depth.max(right.depth), text: left.text })
        }
        token::LOCAL_ATTRIBUTE..=0xFB => {
            let mut text = name(ATTRIBUTES).unwrap_or_default().to_owned();
            let units = units(reader)?;
            if units.is_empty() {
                return None;
            }
            push_name(&mut text, &units, code == token::LOCAL_ATTRIBUTE);
            Some(Operand { text, kind: Kind::Attribute, depth: 1 })
        }
        token::COMPOSITE => {
            let length = usize::try_from(reader.u32("length").ok()?).ok()?;
            let mut content = Reader::new(reader.bytes("composite", length).ok()?);
            let mut text = String::from("{");
            while !content.is_empty() {
                if text.len() > 1 {
                    text.push_str(", ");
                }
                let code = content.u8("token").ok()?;
                push_value(&mut text, code, &mut content)?;
            }
            text.push('}');
            Some(Operand { text, kind: Kind::List, depth: 1 })
        }
        _ => {
            let mut text = String::new();
            push_value(&mut text, code, reader)?;
            Some(Operand { text, kind: Kind::Value, depth: 1 })
        }
    }
}

/// A length in bytes and UTF-16 units.
fn units(reader: &mut Reader<'_>) -> Option<Vec<u16>> {
    let length = usize::try_from(reader.u32("length").ok()?).ok()?;
    let (pairs, []) = reader.bytes("string", length).ok()?.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect())
}

/// Appends the name of an attribute. The first character of one that would be read as something else is encoded.
fn push_name(text: &mut String, units: &[u16], local: bool) {
    let start = text.len();
    push_units(text, units, if local { is_name_character } else { is_prefixed_name_character });
    let name = text.get(start..).unwrap_or_default();
    let operators = [RELATIONS, MEMBERSHIPS, EXISTENCES];
    let is_operator =
        operators.iter().any(|names| names.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    if local && (is_operator || name.starts_with(|c: char| c.is_ascii_digit())) {
        let first = name.chars().next().unwrap_or_default();
        let rest = name.get(first.len_utf8()..).unwrap_or_default().to_owned();
        text.truncate(start);
        // Operators and digits are ASCII: one unit. Writing to a string does not fail.
        let _ = write!(text, "%{:04x}{rest}", u32::from(first));
    }
}

/// Appends a literal whose code was read.
fn push_value(text: &mut String, code: u8, reader: &mut Reader<'_>) -> Option<()> {
    match code {
        token::INT8..=token::INT64 => {
            let value = reader.i64("value").ok()?;
            let sign = match (reader.u8("sign").ok()?, value.signum()) {
                (SIGN_PLUS, 0 | 1) => "+",
                (SIGN_MINUS, 0 | -1) => "-",
                (SIGN_NONE, 0 | 1) => "",
                _ => return None,
            };
            let magnitude = value.unsigned_abs();
            // Writing to a string does not fail.
            let _ = match reader.u8("base").ok()? {
                1 => write!(text, "{sign}0{magnitude:o}"),
                2 => write!(text, "{sign}{magnitude}"),
                3 => write!(text, "{sign}0x{magnitude:x}"),
                _ => return None,
            };
        }
        token::UNICODE_STRING => push_quoted(text, &units(reader)?),
        token::OCTET_STRING => {
            let length = usize::try_from(reader.u32("length").ok()?).ok()?;
            text.push('#');
            push_hex(text, reader.bytes("octets", length).ok()?);
        }
        token::SID => {
            let length = usize::try_from(reader.u32("length").ok()?).ok()?;
            let bytes = reader.bytes("SID", length).ok()?;
            let sid = Sid::from_bytes(bytes).ok().filter(|sid| sid.size() == length)?;
            text.push_str("SID(");
            push_sid(text, &sid);
            text.push(')');
        }
        _ => return None,
    }
    Some(())
}
