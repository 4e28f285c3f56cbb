//! [MS-FSCC] 2.4.15 FileFullEaInformation and 2.4.15.1 FILE_GET_EA_INFORMATION; [MS-FSA] 2.1.5.15 for the
//! rules of names.

use freehold_dtyp::{DecodeError, DecodeReason, NtStatus, Reader, Writer};

use super::chain::{Chain, ChainEncode};

/// Most bytes of a name, without its terminator.
pub const MAX_EA_NAME_BYTES: usize = 254;

/// Flag FILE_NEED_EA: who does not understand the attribute cannot understand the file.
pub const FILE_NEED_EA: u8 = 0x80;

/// Why a list of extended attributes is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EaError {
    /// An entry does not fit, or its offsets lead nowhere.
    ListInconsistent,
    /// A name is empty, too long or holds a character that is not allowed.
    InvalidName,
    /// A flag other than FILE_NEED_EA.
    InvalidFlags,
}

impl EaError {
    /// The answer to a request that holds such a list.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            EaError::ListInconsistent => NtStatus::EA_LIST_INCONSISTENT,
            EaError::InvalidName | EaError::InvalidFlags => NtStatus::INVALID_EA_NAME,
        }
    }
}

impl core::fmt::Display for EaError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            EaError::ListInconsistent => "a list of extended attributes does not hold together",
            EaError::InvalidName => "an extended attribute has a name that is not allowed",
            EaError::InvalidFlags => "an extended attribute has a flag that is not allowed",
        })
    }
}

impl std::error::Error for EaError {}

impl From<DecodeError> for EaError {
    fn from(_: DecodeError) -> Self {
        EaError::ListInconsistent
    }
}

/// True when `name` (without terminator) may name an extended attribute: 1 to 254 bytes, no control character
/// and none of `"*+,/:;<=>?[\]|`. Bytes of 0x80 and above are in whatever code page the client has.
#[must_use]
pub fn is_ea_name(name: &[u8]) -> bool {
    (1..=MAX_EA_NAME_BYTES).contains(&name.len())
        && name.iter().all(|byte| *byte >= 0x20 && !b"\"*+,/:;<=>?[\\]|".contains(byte))
}

/// [MS-FSCC] 2.4.15 FileFullEaInformation: one attribute. Names compare without ASCII case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FullEa<'a> {
    /// Zero or [`FILE_NEED_EA`].
    pub flags: u8,
    /// Name without terminator; at most 254 bytes.
    pub name: &'a [u8],
    /// Value, at most 65,535 bytes; none in a set request removes the attribute.
    pub value: &'a [u8],
}

impl ChainEncode for FullEa<'_> {
    const ALIGNMENT: usize = 4;

    fn size(&self) -> usize {
        // NextEntryOffset, Flags, EaNameLength, EaValueLength, then the name, a zero and the value
        self.name.len().saturating_add(self.value.len()).saturating_add(9)
    }

    fn write(&self, writer: &mut Writer) {
        debug_assert!(self.name.len() <= MAX_EA_NAME_BYTES && self.value.len() <= usize::from(u16::MAX));
        writer.u8(self.flags);
        writer.u8(u8::try_from(self.name.len()).unwrap_or(u8::MAX));
        writer.u16(u16::try_from(self.value.len()).unwrap_or(u16::MAX));
        writer.bytes(self.name);
        writer.u8(0);
        writer.bytes(self.value);
    }
}

/// EaSize of FileEaInformation and of directory entries: the attributes as OS/2 packed them (4 bytes for the
/// list, 5 for each besides name and value), zero where there are none. Takes the lengths of names and
/// values.
#[must_use]
pub fn ea_size(lengths: impl IntoIterator<Item = (usize, usize)>) -> u32 {
    let entries = lengths
        .into_iter()
        .fold(0usize, |sum, (name, value)| sum.saturating_add(name).saturating_add(value).saturating_add(5));
    if entries == 0 { 0 } else { u32::try_from(entries.saturating_add(4)).unwrap_or(u32::MAX) }
}

/// The attributes of a set request, a create context or a reply. Ends after the first error.
#[derive(Clone, Debug)]
pub struct FullEas<'a>(Chain<'a>);

impl<'a> FullEas<'a> {
    /// None where `bytes` is empty.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        FullEas(Chain::new(bytes, 9, 4))
    }
}

impl<'a> Iterator for FullEas<'a> {
    type Item = Result<FullEa<'a>, EaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.next()?.map_err(EaError::from).and_then(decode_full_ea);
        if entry.is_err() {
            self.0.end();
        }
        Some(entry)
    }
}

fn decode_full_ea(bytes: &[u8]) -> Result<FullEa<'_>, EaError> {
    let mut reader = Reader::new(bytes);
    reader.skip("NextEntryOffset", 4)?;
    let flags = reader.u8("Flags")?;
    let name_length = reader.u8("EaNameLength")?;
    let value_length = reader.u16("EaValueLength")?;
    let name = terminated_name(&mut reader, name_length)?;
    let value = reader.bytes("EaValue", usize::from(value_length))?;
    if !is_ea_name(name) {
        return Err(EaError::InvalidName);
    }
    if flags & !FILE_NEED_EA != 0 {
        return Err(EaError::InvalidFlags);
    }
    Ok(FullEa { flags, name, value })
}

fn terminated_name<'a>(reader: &mut Reader<'a>, length: u8) -> Result<&'a [u8], DecodeError> {
    let name = reader.bytes("EaName", usize::from(length))?;
    if reader.u8("EaName")? != 0 {
        return Err(reader.error("EaName", DecodeReason::Invalid));
    }
    Ok(name)
}

/// [MS-FSCC] 2.4.15.1 FILE_GET_EA_INFORMATION: the name of an attribute that a query asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetEa<'a> {
    /// Name without terminator.
    pub name: &'a [u8],
}

impl ChainEncode for GetEa<'_> {
    const ALIGNMENT: usize = 4;

    fn size(&self) -> usize {
        self.name.len().saturating_add(6)
    }

    fn write(&self, writer: &mut Writer) {
        debug_assert!(self.name.len() <= MAX_EA_NAME_BYTES);
        writer.u8(u8::try_from(self.name.len()).unwrap_or(u8::MAX));
        writer.bytes(self.name);
        writer.u8(0);
    }
}

/// The names that a query asks for. Ends after the first error.
#[derive(Clone, Debug)]
pub struct GetEas<'a>(Chain<'a>);

impl<'a> GetEas<'a> {
    /// None where `bytes` is empty.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        GetEas(Chain::new(bytes, 6, 4))
    }
}

impl<'a> Iterator for GetEas<'a> {
    type Item = Result<GetEa<'a>, EaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.next()?.map_err(EaError::from).and_then(decode_get_ea);
        if entry.is_err() {
            self.0.end();
        }
        Some(entry)
    }
}

fn decode_get_ea(bytes: &[u8]) -> Result<GetEa<'_>, EaError> {
    let mut reader = Reader::new(bytes);
    reader.skip("NextEntryOffset", 4)?;
    let length = reader.u8("EaNameLength")?;
    let name = terminated_name(&mut reader, length)?;
    if is_ea_name(name) { Ok(GetEa { name }) } else { Err(EaError::InvalidName) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::{Append, ChainWriter};
    use proptest::prelude::*;

    fn encoded(eas: &[FullEa<'_>]) -> Vec<u8> {
        let mut output = Vec::new();
        let mut chain = ChainWriter::new(&mut output, 1 << 20);
        for ea in eas {
            assert_eq!(chain.append(ea), Append::Written);
        }
        output
    }

    #[test]
    fn an_attribute_has_the_layout_of_the_specification() {
        let eas =
            [FullEa { flags: 0, name: b"AB", value: b"xyz" }, FullEa { flags: 0x80, name: b"C", value: b"" }];
        let bytes = encoded(&eas);
        #[rustfmt::skip]
        assert_eq!(bytes, [
            16, 0, 0, 0, 0, 2, 3, 0, b'A', b'B', 0, b'x', b'y', b'z', 0, 0,
            0, 0, 0, 0, 0x80, 1, 0, 0, b'C', 0,
        ]);
        assert_eq!(FullEas::new(&bytes).collect::<Result<Vec<_>, _>>(), Ok(eas.to_vec()));
    }

    #[test]
    fn names_that_are_not_allowed_are_refused() {
        for name in [&b"a*"[..], b"", b"a b\x1f", b"a=b", b"[", b"]", b"a,b", b"a+", &[b'x'; 255]] {
            assert!(!is_ea_name(name), "{name:?}");
        }
        for name in [&b"$LXUID"[..], b"user.name", b"a b", b"\xE9", &[b'x'; 254]] {
            assert!(is_ea_name(name), "{name:?}");
        }
        let bytes = encoded(&[FullEa { flags: 0, name: b"a*b", value: b"1" }]);
        assert_eq!(FullEas::new(&bytes).next(), Some(Err(EaError::InvalidName)));
        let bytes = encoded(&[FullEa { flags: 1, name: b"ab", value: b"1" }]);
        assert_eq!(FullEas::new(&bytes).next(), Some(Err(EaError::InvalidFlags)));
    }

    #[test]
    fn lists_that_do_not_hold_together_are_refused() {
        let mut bytes = encoded(&[FullEa { flags: 0, name: b"AB", value: b"x" }]);
        bytes[10] = 1; // no zero behind the name
        assert_eq!(FullEas::new(&bytes).collect::<Vec<_>>(), [Err(EaError::ListInconsistent)]);
        bytes[10] = 0;
        bytes[6] = 9; // a value longer than the buffer
        assert_eq!(FullEas::new(&bytes).collect::<Vec<_>>(), [Err(EaError::ListInconsistent)]);
        assert_eq!(EaError::ListInconsistent.status(), NtStatus::EA_LIST_INCONSISTENT);
    }

    #[test]
    fn ea_size_counts_as_os2_did() {
        assert_eq!(ea_size([]), 0);
        assert_eq!(ea_size([(2, 3)]), 14);
        assert_eq!(ea_size([(2, 3), (1, 0)]), 20);
    }

    #[test]
    fn names_to_get_round_trip() {
        let mut output = Vec::new();
        let mut chain = ChainWriter::new(&mut output, 100);
        for name in [&b"ONE"[..], b"THREE"] {
            assert_eq!(chain.append(&GetEa { name }), Append::Written);
        }
        let names: Vec<_> = GetEas::new(&output).map(|ea| ea.unwrap().name).collect();
        assert_eq!(names, [&b"ONE"[..], b"THREE"]);
    }

    proptest! {
        #[test]
        fn attributes_round_trip(eas in prop::collection::vec(("[ !#-)A-Z]{1,20}", any::<Vec<u8>>()), 1..6)) {
            let eas: Vec<_> = eas.iter().map(|(name, value)| FullEa { flags: 0, name: name.as_bytes(), value }).collect();
            let bytes = encoded(&eas);
            prop_assert_eq!(FullEas::new(&bytes).collect::<Result<Vec<_>, _>>(), Ok(eas));
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(12), any::<u8>()], 0..200)) {
            prop_assert!(FullEas::new(&bytes).count() <= 200);
            prop_assert!(GetEas::new(&bytes).count() <= 200);
        }
    }
}
