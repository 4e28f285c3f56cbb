//! [MS-SRVS] 3.1.4.32 NetprNameValidate, 3.1.4.33 NetprNameCanonicalize, 3.1.4.34 NetprNameCompare.
//!
//! Pure rules on names, open to everybody who has a session.

use std::cmp::Ordering;

use freehold_dtyp::Wtf8Buf;

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;

/// Flags: the rules of LAN Manager 2.x.
const LM2X_COMPATIBLE: u32 = 0x8000_0000;
/// Flags of NetprNameCanonicalize: the buffer must hold any name of the type.
const ROOM_FOR_ANY: u32 = 1;
/// Flags of NetprNameCompare: both names are canonical already.
const ALREADY_CANONICAL: u32 = 1;
/// Largest OutbufLen.
const MAX_BUFFER: u32 = 64_000;
/// The default set of characters that names cannot have, besides control characters ([MS-SRVS] 2.2.2.8).
const FORBIDDEN: &[u8] = b"\"/\\[]:|<>+=;,?";

/// What [MS-SRVS] 2.2.2.8 and 3.1.4.33 say of one type of names.
struct NameType {
    /// NAMETYPE_*.
    number: u32,
    /// Fewest characters.
    minimum: usize,
    /// Most characters, and in upper case when canonical; today's rules.
    today: (usize, bool),
    /// The same by the rules of LAN Manager 2.x.
    lm2x: (usize, bool),
    /// Any character but zero is allowed (passwords).
    free: bool,
    /// Characters that are not allowed besides the default set.
    also_forbidden: &'static [u8],
}

const fn name_type(number: u32, lm2x: (usize, bool), today: (usize, bool)) -> NameType {
    NameType { number, minimum: 1, today, lm2x, free: false, also_forbidden: b"" }
}

/// NAMETYPE_COMPUTER.
const COMPUTER: u32 = 4;
/// NAMETYPE_MESSAGEDEST.
const MESSAGE_DESTINATION: u32 = 11;

static TYPES: [NameType; 13] = [
    name_type(1, (20, true), (256, false)),
    NameType { minimum: 0, free: true, ..name_type(2, (14, false), (256, false)) },
    name_type(3, (20, true), (256, false)),
    NameType { also_forbidden: b"*", ..name_type(COMPUTER, (15, true), (259, false)) },
    name_type(5, (16, true), (16, true)),
    NameType { also_forbidden: b"* ", ..name_type(6, (15, true), (15, false)) },
    name_type(7, (15, true), (80, false)),
    name_type(8, (259, true), (259, true)),
    name_type(9, (12, true), (80, false)),
    name_type(10, (259, true), (259, true)),
    name_type(MESSAGE_DESTINATION, (259, true), (259, true)),
    NameType { minimum: 0, free: true, ..name_type(12, (8, false), (8, false)) },
    name_type(13, (15, true), (15, false)),
];

impl NameType {
    fn find(number: u32) -> Result<&'static NameType, Win32> {
        TYPES.iter().find(|known| known.number == number).ok_or(Win32::INVALID_PARAMETER)
    }

    const fn limits(&self, flags: u32) -> (usize, bool) {
        if flags & LM2X_COMPATIBLE != 0 { self.lm2x } else { self.today }
    }

    fn validate(&self, name: &Wtf8Buf, flags: u32) -> Result<(), Win32> {
        let bytes = name.as_bytes();
        let units = name.as_wtf8().utf16_length();
        let (maximum, _) = self.limits(flags);
        if !(self.minimum..=maximum).contains(&units) {
            return Err(Win32::INVALID_NAME);
        }
        if self.free {
            return if bytes.contains(&0) { Err(Win32::INVALID_NAME) } else { Ok(()) };
        }
        let forbidden =
            |byte: &u8| *byte < 0x20 || FORBIDDEN.contains(byte) || self.also_forbidden.contains(byte);
        let blank_at_an_end = self.number == COMPUTER && (bytes.starts_with(b" ") || bytes.ends_with(b" "));
        // `*` may end a message's destination only.
        let star = self.number == MESSAGE_DESTINATION
            && bytes.split_last().is_some_and(|(_, front)| front.contains(&b'*'));
        if bytes.iter().any(forbidden) || blank_at_an_end || star {
            return Err(Win32::INVALID_NAME);
        }
        Ok(())
    }

    fn canonical(&self, name: &Wtf8Buf, flags: u32) -> Result<String, Win32> {
        self.validate(name, flags)?;
        let text = name.as_wtf8().to_str().ok_or(Win32::INVALID_NAME)?;
        let (_, upper) = self.limits(flags);
        Ok(if upper { text.to_uppercase() } else { text.to_owned() })
    }
}

/// NetprNameValidate.
pub(super) fn name_validate(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("Name")?;
    let number = call.parameters.u32("NameType")?;
    let flags = call.parameters.u32("Flags")?;
    let outcome = match flags {
        0 | LM2X_COMPATIBLE => NameType::find(number).and_then(|rules| rules.validate(&name, flags)),
        _ => Err(Win32::INVALID_PARAMETER),
    };
    Ok(super::status_only(outcome))
}

/// NetprNameCanonicalize.
pub(super) fn name_canonicalize(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("Name")?;
    let room = call.parameters.u32("OutbufLen")?;
    let number = call.parameters.u32("NameType")?;
    let flags = call.parameters.u32("Flags")?;
    if room > MAX_BUFFER {
        return Err(Fault::BAD_STUB_DATA);
    }
    let outcome = canonicalize(&name, room, number, flags);
    // WCHAR Outbuf[OutbufLen]: the whole buffer is returned.
    let mut buffer = Vec::new();
    if let Ok(text) = &outcome {
        freehold_dtyp::Wtf8::from(text.as_str()).append_utf16le(&mut buffer);
    }
    buffer.resize(usize::try_from(room).unwrap_or(0).saturating_mul(2), 0);
    let mut writer = NdrWriter::new();
    writer.u32(room);
    writer.bytes(&buffer);
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

fn canonicalize(name: &Wtf8Buf, room: u32, number: u32, flags: u32) -> Result<String, Win32> {
    if flags & !(LM2X_COMPATIBLE | ROOM_FOR_ANY) != 0 {
        return Err(Win32::INVALID_PARAMETER);
    }
    let rules = NameType::find(number)?;
    let text = rules.canonical(name, flags)?;
    let units = freehold_dtyp::Wtf8::from(text.as_str()).utf16_length().saturating_add(1);
    let (maximum, _) = rules.limits(flags);
    let needed = if flags & ROOM_FOR_ANY != 0 { units.max(maximum) } else { units };
    if usize::try_from(room).unwrap_or(0) < needed {
        return Err(Win32::NERR_BUF_TOO_SMALL);
    }
    Ok(text)
}

/// NetprNameCompare.
pub(super) fn name_compare(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let first = call.parameters.wide_string("Name1")?;
    let second = call.parameters.wide_string("Name2")?;
    let number = call.parameters.u32("NameType")?;
    let flags = call.parameters.u32("Flags")?;
    Ok(super::comparison(compare(&first, &second, number, flags)))
}

fn compare(first: &Wtf8Buf, second: &Wtf8Buf, number: u32, flags: u32) -> Result<Ordering, Win32> {
    if flags & !(LM2X_COMPATIBLE | ALREADY_CANONICAL) != 0 {
        return Err(Win32::INVALID_PARAMETER);
    }
    let rules = NameType::find(number)?;
    let text = |name: &Wtf8Buf| {
        if flags & ALREADY_CANONICAL != 0 {
            return name.as_wtf8().to_str().map(str::to_owned).ok_or(Win32::INVALID_PARAMETER);
        }
        rules.canonical(name, flags).map_err(|_| Win32::INVALID_PARAMETER)
    };
    let (first, second) = (text(first)?, text(second)?);
    // PASSWORD, MESSAGE, MESSAGEDEST, SHAREPASSWORD.
    let exact = flags & LM2X_COMPATIBLE != 0 && matches!(number, 2 | 10 | 11 | 12);
    Ok(if exact { first.cmp(&second) } else { first.to_uppercase().cmp(&second.to_uppercase()) })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn validate(name: &str, number: u32, flags: u32) -> u32 {
        let mut writer = NdrWriter::new();
        writer.null();
        writer.wide_string(name);
        writer.u32(number);
        writer.u32(flags);
        let fixture = Fixture::new().ordinary_caller();
        let stub = Client::srvsvc(&fixture).call(33, &writer.into_bytes()).unwrap();
        u32::from_le_bytes(stub.try_into().unwrap())
    }

    #[test]
    fn names_are_held_to_the_rules_of_their_type() {
        for (name, number, flags, status) in [
            ("data", 9, 0, 0),
            ("", 9, 0, 123),
            ("a/b", 9, 0, 123),
            (&"x".repeat(80), 9, 0, 0),
            (&"x".repeat(81), 9, 0, 123),
            ("thirteen.char", 9, LM2X_COMPATIBLE, 123),
            ("anything:/\\", 2, 0, 0),
            ("", 2, 0, 0),
            (" files", 4, 0, 123),
            ("fi*es", 4, 0, 123),
            ("CORP X", 6, 0, 123),
            ("CORP X", 13, 0, 0),
            ("host*", 11, 0, 0),
            ("ho*st", 11, 0, 123),
            ("data", 0, 0, 87),
            ("data", 14, 0, 87),
            ("data", 9, 2, 87),
        ] {
            assert_eq!(validate(name, number, flags), status, "{name:?} {number} {flags:x}");
        }
    }

    #[test]
    fn canonical_names_come_in_the_whole_buffer() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let mut ask = |name: &str, room: u32, number: u32, flags: u32| {
            let mut writer = NdrWriter::new();
            writer.null();
            writer.wide_string(name);
            for value in [room, number, flags] {
                writer.u32(value);
            }
            client.call(34, &writer.into_bytes()).unwrap()
        };
        let stub = ask("Ab", 4, 5, 0);
        assert_eq!(stub, [4, 0, 0, 0, b'A', 0, b'B', 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let status = |stub: Vec<u8>| u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap());
        assert_eq!(status(ask("Abc", 3, 9, 0)), 2123);
        assert_eq!(status(ask("Abc", 79, 9, ROOM_FOR_ANY)), 2123);
        assert_eq!(status(ask("Abc", 80, 9, ROOM_FOR_ANY)), 0);
        assert_eq!(status(ask("A|c", 80, 9, 0)), 123);
        assert_eq!(status(ask("Abc", 80, 9, 4)), 87);
    }

    #[test]
    fn names_are_compared_without_case_except_old_secrets() {
        let name = |text: &str| Wtf8Buf::from(text);
        assert_eq!(compare(&name("ab"), &name("AB"), 9, 0), Ok(Ordering::Equal));
        assert_eq!(compare(&name("ab"), &name("AC"), 9, 0), Ok(Ordering::Less));
        assert_eq!(compare(&name("ab"), &name("AB"), 2, LM2X_COMPATIBLE), Ok(Ordering::Greater));
        assert_eq!(compare(&name("a|"), &name("AB"), 9, 0), Err(Win32::INVALID_PARAMETER));
        assert_eq!(compare(&name("a|"), &name("A|"), 9, ALREADY_CANONICAL), Ok(Ordering::Equal));
        assert_eq!(compare(&name("a"), &name("a"), 99, 1), Err(Win32::INVALID_PARAMETER));
    }
}
