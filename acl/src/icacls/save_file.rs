//! The file that `icacls /save` writes: UTF-16LE with a byte-order mark; for each object a line with its name and a line with
//! its DACL in SDDL, each ended by CR LF. Names are relative to the folder that `/restore` is given, their parts separated
//! by `\`.

use crate::{AclPart, Control, SddlError, SecurityDescriptor};
use freehold_dtyp::{Sid, Wtf8, Wtf8Buf};

/// U+FEFF in UTF-16LE.
const BYTE_ORDER_MARK: [u8; 2] = [0xFF, 0xFE];
const CARRIAGE_RETURN: u16 = 0x0D;
const LINE_FEED: u16 = 0x0A;

/// One object of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAcl {
    /// Its name, parts separated by `\`.
    pub name: Wtf8Buf,
    /// Its DACL with PROTECTED, AUTO_INHERITED and AUTO_INHERIT_REQ; nothing else of it was saved.
    pub descriptor: SecurityDescriptor,
    /// Its line, as it stands in the file: what short names of a domain's accounts mean in it depends on who reads it.
    pub sddl: String,
}

/// Why a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveFileError {
    /// It is not UTF-16LE.
    NotUtf16,
    /// The last object has a name but no descriptor.
    CutShort,
    /// A line (from 1) has no name.
    NoName(usize),
    /// A line (from 1) is no descriptor.
    Descriptor(usize, SddlError),
    /// The descriptor of a line (from 1) has no DACL.
    NoDacl(usize),
}

impl core::fmt::Display for SaveFileError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            SaveFileError::NotUtf16 => f.write_str("the file is not UTF-16LE, as icacls writes it"),
            SaveFileError::CutShort => f.write_str("the file ends behind a name, in the middle of an entry"),
            SaveFileError::NoName(line) => write!(f, "line {line}: expected the name of a file"),
            SaveFileError::Descriptor(line, error) => write!(f, "line {line}: {error}"),
            SaveFileError::NoDacl(line) => write!(f, "line {line}: the descriptor has no DACL (D:...)"),
        }
    }
}

impl std::error::Error for SaveFileError {}

/// Appends an object's two lines; the byte-order mark first when `output` is empty.
pub fn encode_save_file(output: &mut Vec<u8>, name: Wtf8<'_>, descriptor: &SecurityDescriptor) {
    if output.is_empty() {
        output.extend(BYTE_ORDER_MARK);
    }
    let dacl = SecurityDescriptor {
        control: descriptor.control
            & (Control::DACL_PROTECTED | Control::DACL_AUTO_INHERITED | Control::DACL_AUTO_INHERIT_REQ),
        dacl: descriptor.dacl.clone(),
        ..SecurityDescriptor::default()
    };
    name.append_utf16le(output);
    output.extend([CARRIAGE_RETURN, LINE_FEED].into_iter().flat_map(u16::to_le_bytes));
    output.extend(dacl.to_sddl().encode_utf16().flat_map(u16::to_le_bytes));
    output.extend([CARRIAGE_RETURN, LINE_FEED].into_iter().flat_map(u16::to_le_bytes));
}

/// Reads a file, with or without byte-order mark, lines ended by CR LF or LF. `domain` gives two-letter names of a domain's
/// groups their meaning.
///
/// # Errors
/// [`SaveFileError`].
pub fn parse_save_file(bytes: &[u8], domain: Option<&Sid>) -> Result<Vec<SavedAcl>, SaveFileError> {
    let bytes = bytes.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(bytes);
    let (units, []) = bytes.as_chunks::<2>() else { return Err(SaveFileError::NotUtf16) };
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    if units.contains(&0) {
        return Err(SaveFileError::NotUtf16);
    }
    let mut lines = units
        .split(|unit| *unit == LINE_FEED)
        .map(|line| line.strip_suffix(&[CARRIAGE_RETURN]).unwrap_or(line))
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let mut saved = Vec::new();
    while let Some((number, name)) = lines.next() {
        let name = Wtf8Buf::from_utf16(name.iter().copied(), name.len());
        if name.as_wtf8().as_bytes().starts_with(b"D:") {
            return Err(SaveFileError::NoName(number.saturating_add(1)));
        }
        let (number, text) = lines.next().ok_or(SaveFileError::CutShort)?;
        let number = number.saturating_add(1);
        let text = String::from_utf16(text).map_err(|_| SaveFileError::NotUtf16)?;
        let descriptor = SecurityDescriptor::from_sddl(&text, domain)
            .map_err(|error| SaveFileError::Descriptor(number, error))?;
        if matches!(descriptor.dacl, AclPart::Absent) {
            return Err(SaveFileError::NoDacl(number));
        }
        saved.push(SavedAcl { name, descriptor, sddl: text });
    }
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::descriptor;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_form_is_name_then_descriptor() {
        let sd: SecurityDescriptor = "O:BAG:SYD:PAI(A;OICI;FA;;;BA)S:(AU;SA;FA;;;WD)".parse().unwrap();
        let mut file = Vec::new();
        encode_save_file(&mut file, Wtf8::from("data"), &sd);
        encode_save_file(&mut file, Wtf8::from("data\\ü.txt"), &sd);
        let text = "\u{FEFF}data\r\nD:PAI(A;OICI;FA;;;BA)\r\ndata\\ü.txt\r\nD:PAI(A;OICI;FA;;;BA)\r\n";
        assert_eq!(file, utf16(text));
        let read = parse_save_file(&file, None).unwrap();
        let names: Vec<_> = read.iter().map(|saved| saved.name.to_string()).collect();
        assert_eq!(names, ["data", "data\\ü.txt"]);
        assert_eq!(read[0].descriptor.dacl, sd.dacl);
        assert_eq!(read[0].descriptor.control, sd.control);
        assert_eq!(read[0].descriptor.owner, None);
        // Without the mark, with bare line feeds, and an empty line at the end.
        assert_eq!(parse_save_file(&utf16("data\nD:PAI(A;OICI;FA;;;BA)\n\n"), None).unwrap(), read[..1]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let read = |text: &str| parse_save_file(&utf16(text), None).unwrap_err();
        assert_eq!(read("a\r\n"), SaveFileError::CutShort);
        assert_eq!(read("a\r\nO:BA\r\n"), SaveFileError::NoDacl(2));
        assert_eq!(read("D:(A;;FA;;;BA)\r\n"), SaveFileError::NoName(1));
        assert!(matches!(read("a\r\nD:(A;;FA;;;BA)\r\nb\r\nnonsense"), SaveFileError::Descriptor(4, _)));
        assert_eq!(parse_save_file(b"odd", None), Err(SaveFileError::NotUtf16));
        assert_eq!(parse_save_file(b"plain text\n", None), Err(SaveFileError::NotUtf16));
    }

    proptest! {
        #[test]
        fn what_is_saved_is_restored(
            names in vec("[^\\u{0}-\\u{1f}:*?\"<>|]{1,12}", 1..6),
            sd in descriptor(),
        ) {
            // What SDDL cannot say of a DACL is not in the file; see `sddl`.
            let text = SecurityDescriptor { owner: None, group: None, sacl: AclPart::Absent, ..sd }.to_sddl();
            let Ok(sd) = text.parse::<SecurityDescriptor>() else { return Ok(()) };
            prop_assume!(sd.dacl.is_present());
            let mut file = Vec::new();
            for name in &names {
                encode_save_file(&mut file, Wtf8::from(name.as_str()), &sd);
            }
            let read = parse_save_file(&file, None).unwrap();
            prop_assert_eq!(read.len(), names.len());
            for (saved, name) in read.iter().zip(&names) {
                prop_assert_eq!(saved.name.as_wtf8(), Wtf8::from(name.as_str()));
                prop_assert_eq!(&saved.descriptor, &sd);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..64)) {
            let _ = parse_save_file(&bytes, None);
        }
    }
}
