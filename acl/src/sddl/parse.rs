//! From text to descriptor.

use super::cursor::Cursor;
use super::names::{
    BIT_RIGHTS, FLAGS, LABEL_RIGHTS, NULL_ACL, SidName, TYPES, WHOLE_RIGHTS, has_condition, sid_by_name,
};
use super::{SddlDomains, SddlError, claim, condition};
use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, AclTooLarge, Control, ObjectTypes, SecurityDescriptor,
};
use freehold_dtyp::{Guid, Sid};

pub(super) fn descriptor(text: &str, domains: Option<&SddlDomains>) -> Result<SecurityDescriptor, SddlError> {
    let mut cursor = Cursor::new(text);
    if text.len() > SecurityDescriptor::MAX_SDDL_LENGTH {
        return Err(cursor.error("a text of at most 1 MiB"));
    }
    let mut descriptor = SecurityDescriptor::default();
    let mut seen = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.is_at_end() {
            break;
        }
        let start = cursor.position();
        let part = cursor.take(2).unwrap_or_default().to_ascii_uppercase();
        if seen.contains(&part) {
            return Err(Cursor::error_at(start, "each of O:, G:, D: and S: once"));
        }
        match part.as_str() {
            "O:" => descriptor.owner = Some(sid(&mut cursor, domains)?),
            "G:" => descriptor.group = Some(sid(&mut cursor, domains)?),
            "D:" => {
                let (part, flags) = acl(&mut cursor, domains)?;
                descriptor.dacl = part;
                descriptor.control |= flags;
            }
            "S:" => {
                let (part, flags) = acl(&mut cursor, domains)?;
                descriptor.sacl = part;
                // Each SACL bit is the one above its DACL bit.
                descriptor.control |= Control(flags.0 << 1);
            }
            _ => return Err(Cursor::error_at(start, "O:, G:, D: or S:")),
        }
        seen.push(part);
    }
    if descriptor.size() > SecurityDescriptor::MAX_SIZE {
        return Err(Cursor::error_at(0, "a descriptor of at most 64 KiB"));
    }
    Ok(descriptor)
}

/// One entry in parentheses, and nothing else.
pub(super) fn single_ace(text: &str, domains: Option<&SddlDomains>) -> Result<Ace, SddlError> {
    let mut cursor = Cursor::new(text);
    if text.len() > SecurityDescriptor::MAX_SDDL_LENGTH {
        return Err(cursor.error("a text of at most 1 MiB"));
    }
    cursor.skip_spaces();
    cursor.expect("(", "an entry in parentheses")?;
    let ace = ace(&mut cursor, domains)?;
    cursor.skip_spaces();
    if cursor.is_at_end() { Ok(ace) } else { Err(cursor.error("the end of the entry")) }
}

/// A SID: `S-1-...` or a two-letter name.
pub(super) fn sid(cursor: &mut Cursor<'_>, domains: Option<&SddlDomains>) -> Result<Sid, SddlError> {
    let start = cursor.position();
    let error = |expected| Cursor::error_at(start, expected);
    if cursor.rest().get(..2).is_some_and(|next| next.eq_ignore_ascii_case("S-")) {
        // The parts of a SID end where the next part of the descriptor starts: `O:S-1-5-18G:...`. A hexadecimal
        // authority is the only place where letters may stand.
        let rest = cursor.rest();
        let mut length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
        if rest.get(length..).is_some_and(|next| next.starts_with(':')) {
            length = length.saturating_sub(1);
        }
        let text = cursor.take(length).unwrap_or_default();
        return text.parse().map_err(|_| error("a SID such as S-1-5-18"));
    }
    match sid_by_name(cursor.take(2).unwrap_or_default(), domains) {
        SidName::Known(sid) => Ok(sid),
        SidName::NeedsDomain => {
            Err(error("a SID: this short name is a domain's or forest's, which is not known"))
        }
        SidName::Unknown => Err(error("a SID such as S-1-5-18, or a short name such as BA")),
    }
}

/// Flags and entries of a list, with the flags as bits of the DACL.
fn acl(cursor: &mut Cursor<'_>, domains: Option<&SddlDomains>) -> Result<(AclPart, Control), SddlError> {
    let mut flags = Control::EMPTY;
    let mut null = false;
    loop {
        cursor.skip_spaces();
        if cursor.eat(NULL_ACL) {
            null = true;
        } else if cursor.eat("AR") {
            flags |= Control::DACL_AUTO_INHERIT_REQ;
        } else if cursor.eat("AI") {
            flags |= Control::DACL_AUTO_INHERITED;
        } else if cursor.eat("P") {
            flags |= Control::DACL_PROTECTED;
        } else {
            break;
        }
    }
    let mut acl = Acl::new();
    loop {
        cursor.skip_spaces();
        let start = cursor.position();
        if !cursor.eat("(") {
            break;
        }
        if null {
            return Err(Cursor::error_at(start, "no entries after NO_ACCESS_CONTROL"));
        }
        let ace = ace(cursor, domains)?;
        acl.push(ace).map_err(|AclTooLarge| Cursor::error_at(start, "a list of at most 64 KiB"))?;
    }
    if !null && !cursor.is_at_end() && cursor.rest().get(1..2).is_none_or(|next| next != ":") {
        return Err(cursor.error("P, AR, AI, NO_ACCESS_CONTROL or an entry in parentheses"));
    }
    Ok((if null { AclPart::Null } else { AclPart::Present(acl) }, flags))
}

/// An entry, after its opening parenthesis and with its closing one.
fn ace(cursor: &mut Cursor<'_>, domains: Option<&SddlDomains>) -> Result<Ace, SddlError> {
    let start = cursor.position();
    let semicolon = "a semicolon: an entry is (type;flags;rights;object;inherited object;SID)";
    cursor.skip_spaces();
    let ace_type = ace_type(cursor)?;
    field(cursor, semicolon)?;
    let flags = ace_flags(cursor)?;
    field(cursor, semicolon)?;
    let mask = rights(cursor)?;
    field(cursor, semicolon)?;
    let object_at = cursor.position();
    let object_type = guid(cursor)?;
    field(cursor, semicolon)?;
    let inherited_object_type = guid(cursor)?;
    field(cursor, semicolon)?;
    let has_guids = object_type.is_some() || inherited_object_type.is_some();
    if has_guids && !ace_type.is_object() {
        return Err(Cursor::error_at(object_at, "no GUIDs in an entry of this type"));
    }
    let sid = if ace_type.is_known() { sid(cursor, domains)? } else { Sid::NULL };
    cursor.skip_spaces();
    let data = if cursor.eat(";") {
        cursor.skip_spaces();
        Some(data(cursor, ace_type, domains)?)
    } else {
        None
    };
    cursor.skip_spaces();
    cursor.expect(")", "a closing parenthesis")?;
    let types = ObjectTypes::new(object_type, inherited_object_type);
    let ace = if ace_type.is_known() {
        Ace::new(ace_type, flags, mask, sid).or_else(|| Ace::object(ace_type, flags, mask, types, sid))
    } else {
        return Ace::opaque(ace_type, flags, data.as_deref().unwrap_or_default())
            .ok_or(Cursor::error_at(start, "bytes in multiples of 4, at most 64 KiB"));
    };
    ace.and_then(|ace| ace.with_data(data.unwrap_or_default()))
        .ok_or(Cursor::error_at(start, "an entry of at most 64 KiB"))
}

/// The end of a field.
fn field(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<(), SddlError> {
    cursor.skip_spaces();
    cursor.expect(";", expected)?;
    cursor.skip_spaces();
    Ok(())
}

fn ace_type(cursor: &mut Cursor<'_>) -> Result<AceType, SddlError> {
    let start = cursor.position();
    let error = Cursor::error_at(start, "a type of entry such as A, D, AU, OA, XA, ML, RA or SP");
    if cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
        let (number, _) = cursor.number()?;
        return u8::try_from(number).map(AceType).map_err(|_| error);
    }
    let name = cursor.take_while(|c| c.is_ascii_alphabetic());
    TYPES
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, ace_type)| *ace_type)
        .ok_or(error)
}

fn ace_flags(cursor: &mut Cursor<'_>) -> Result<AceFlags, SddlError> {
    let mut flags = AceFlags::EMPTY;
    while cursor.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
        let start = cursor.position();
        let name = cursor.take(2).unwrap_or_default();
        let Some((_, flag)) = FLAGS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
            return Err(Cursor::error_at(start, "a flag: OI, CI, NP, IO, ID, CR, SA or FA"));
        };
        flags |= *flag;
    }
    Ok(flags)
}

fn rights(cursor: &mut Cursor<'_>) -> Result<AccessMask, SddlError> {
    let start = cursor.position();
    if cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
        let (number, _) = cursor.number()?;
        let mask = u32::try_from(number).map(AccessMask);
        return mask.map_err(|_| Cursor::error_at(start, "rights that fit 32 bits"));
    }
    let mut mask = AccessMask::EMPTY;
    while cursor.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
        let start = cursor.position();
        let name = cursor.take(2).unwrap_or_default();
        let names = [WHOLE_RIGHTS, BIT_RIGHTS, LABEL_RIGHTS];
        let mut all = names.iter().flat_map(|names| names.iter());
        let Some((_, right)) = all.find(|(other, _)| other.eq_ignore_ascii_case(name)) else {
            return Err(Cursor::error_at(
                start,
                "a right such as FA, FR, FW, FX, GA, SD, RC, WD or a number",
            ));
        };
        mask |= *right;
        cursor.skip_spaces();
    }
    Ok(mask)
}

fn guid(cursor: &mut Cursor<'_>) -> Result<Option<Guid>, SddlError> {
    let start = cursor.position();
    let text = cursor.take_while(|c| c.is_ascii_hexdigit() || c == '-');
    if text.is_empty() {
        return Ok(None);
    }
    crate::guid_text::parse(text)
        .map(Some)
        .ok_or(Cursor::error_at(start, "a GUID such as bf967aba-0de6-11d0-a285-00aa003049e2"))
}

/// What follows the SID: a condition, a resource attribute, or bytes.
fn data(
    cursor: &mut Cursor<'_>,
    ace_type: AceType,
    domains: Option<&SddlDomains>,
) -> Result<Vec<u8>, SddlError> {
    if cursor.eat("#") {
        return cursor.hex_bytes();
    }
    if has_condition(ace_type) {
        condition::compile(cursor, domains)
    } else if ace_type == AceType::SYSTEM_RESOURCE_ATTRIBUTE {
        claim::compile(cursor, domains)
    } else {
        Err(cursor.error("a closing parenthesis, or # and bytes in hexadecimal"))
    }
}
