//! C706 chapter 14 and [MS-RPCE] 2.2.5: Network Data Representation 2.0 (NDR32), little-endian.
//!
//! A reader and a writer of the primitive and constructed types that the interfaces here use. Pointers are written in
//! two passes, as the encoding wants it: first the referent ids where the pointers stand, later the referents.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Guid, Reader, Sid, Writer, Wtf8, Wtf8Buf};

/// Longest string that is taken, in UTF-16 units.
pub(crate) const MAX_STRING_UNITS: usize = 32_768;
/// Longest RPC_UNICODE_STRING: its length is in 16 bits and even.
const MAX_UNICODE_STRING_BYTES: u16 = 0xFFFE;
/// First referent id, and the step to the next; any values that differ would do.
const FIRST_REFERENT: u32 = 0x0002_0000;
const REFERENT_STEP: u32 = 4;

/// Reads the parameters of a request.
#[derive(Debug)]
pub(crate) struct NdrReader<'a>(Reader<'a>);

impl<'a> NdrReader<'a> {
    pub(crate) const fn new(stub: &'a [u8]) -> Self {
        NdrReader(Reader::new(stub))
    }

    /// Bytes that are left: no array that is still to come can have more elements.
    pub(crate) fn remaining(&self) -> usize {
        self.0.remaining().len()
    }

    pub(crate) fn error(&self, field: &'static str) -> DecodeError {
        self.0.error(field, DecodeReason::Invalid)
    }

    pub(crate) fn align(&mut self, to: usize) -> Result<(), DecodeError> {
        let past = self.0.position() & to.saturating_sub(1);
        if past == 0 { Ok(()) } else { self.0.skip("padding", to.saturating_sub(past)) }
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.align(2)?;
        self.0.u16(field)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.align(4)?;
        self.0.u32(field)
    }

    /// A count or length.
    pub(crate) fn size(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let value = self.u32(field)?;
        usize::try_from(value).map_err(|_| self.error(field))
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        self.0.array(field)
    }

    pub(crate) fn bytes(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        self.0.bytes(field, length)
    }

    /// 14.3.10: a unique or full pointer; true when a referent follows (later).
    pub(crate) fn pointer(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.u32(field)? != 0)
    }

    /// A unique pointer to a value that is not inside of another construction: its referent follows at once.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.pointer(field)? { read(self).map(Some) } else { Ok(None) }
    }

    /// 14.3.4.2: a conformant varying string of wide characters, with or without its ending zero.
    pub(crate) fn wide_string(&mut self, field: &'static str) -> Result<Wtf8Buf, DecodeError> {
        let maximum = self.size(field)?;
        let offset = self.size(field)?;
        let actual = self.size(field)?;
        if offset != 0 || actual > maximum || actual > MAX_STRING_UNITS {
            return Err(self.error(field));
        }
        let bytes = self.bytes(field, actual.saturating_mul(2))?;
        let text = bytes.strip_suffix(&[0, 0]).filter(|rest| rest.len() % 2 == 0).unwrap_or(bytes);
        Wtf8Buf::from_utf16le(text).ok_or_else(|| self.error(field))
    }

    /// The fixed part of [MS-DTYP] 2.3.10 RPC_UNICODE_STRING: its length in bytes and whether a buffer follows.
    pub(crate) fn unicode_string_header(&mut self, field: &'static str) -> Result<(u16, bool), DecodeError> {
        self.align(4)?;
        let length = self.u16(field)?;
        let maximum = self.u16(field)?;
        if length > maximum {
            return Err(self.error(field));
        }
        Ok((length, self.pointer(field)?))
    }

    /// The buffer that belongs to [`NdrReader::unicode_string_header`].
    pub(crate) fn unicode_string_buffer(
        &mut self,
        field: &'static str,
        header: (u16, bool),
    ) -> Result<Wtf8Buf, DecodeError> {
        let (length, present) = header;
        if !present {
            return if length == 0 { Ok(Wtf8Buf::new()) } else { Err(self.error(field)) };
        }
        let maximum = self.size(field)?;
        let offset = self.size(field)?;
        let actual = self.size(field)?;
        if offset != 0 || actual > maximum || actual != usize::from(length).div_euclid(2) {
            return Err(self.error(field));
        }
        Wtf8Buf::from_utf16le(self.bytes(field, actual.saturating_mul(2))?).ok_or_else(|| self.error(field))
    }

    /// [MS-DTYP] 2.4.2.3 RPC_SID, with the conformance of its array in front.
    pub(crate) fn sid(&mut self, field: &'static str) -> Result<Sid, DecodeError> {
        let count = self.size(field)?;
        if count > Sid::MAX_SUB_AUTHORITIES {
            return Err(self.error(field));
        }
        let bytes = self.bytes(field, count.saturating_mul(4).saturating_add(8))?;
        if bytes.get(1).map(|inner| usize::from(*inner)) != Some(count) {
            return Err(self.error(field));
        }
        freehold_dtyp::Decode::from_bytes(bytes)
    }
}

/// Writes the results of a call.
#[derive(Debug)]
pub(crate) struct NdrWriter {
    writer: Writer,
    next_referent: u32,
}

impl NdrWriter {
    pub(crate) const fn new() -> Self {
        NdrWriter { writer: Writer::new(), next_referent: FIRST_REFERENT }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_bytes()
    }

    /// Bytes written so far.
    pub(crate) fn size(&self) -> usize {
        self.writer.position()
    }

    pub(crate) fn align(&mut self, to: usize) {
        self.writer.align_from(0, to);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.writer.bytes(&[value]);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.align(2);
        self.writer.u16(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.align(4);
        self.writer.u32(value);
    }

    /// A hyper.
    pub(crate) fn u64(&mut self, value: u64) {
        self.align(8);
        self.writer.u64(value);
    }

    /// [MS-SAMR] 2.2.2.2 OLD_LARGE_INTEGER: a time in two words, aligned as one of them.
    pub(crate) fn old_large_integer(&mut self, value: u64) {
        self.align(4);
        self.writer.u64(value);
    }

    /// A count; counts here come from what is in memory and fit.
    pub(crate) fn count(&mut self, value: usize) {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX));
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.align(4);
        self.writer.bytes(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.writer.bytes(bytes);
    }

    pub(crate) fn guid(&mut self, guid: &Guid) {
        self.align(4);
        guid.encode(&mut self.writer);
    }

    /// A pointer whose referent is written later.
    pub(crate) fn pointer(&mut self) {
        let referent = self.next_referent;
        self.next_referent = referent.wrapping_add(REFERENT_STEP);
        self.u32(referent);
    }

    /// A pointer to nothing.
    pub(crate) fn null(&mut self) {
        self.u32(0);
    }

    /// A unique pointer to a number and the number, as for resume handles.
    pub(crate) fn optional_u32(&mut self, value: Option<u32>) {
        match value {
            Some(value) => {
                self.pointer();
                self.u32(value);
            }
            None => self.null(),
        }
    }

    /// A conformant varying string of wide characters with its ending zero.
    pub(crate) fn wide_string(&mut self, text: &str) {
        let units = Wtf8::from(text).utf16_length().saturating_add(1);
        self.count(units);
        self.u32(0);
        self.count(units);
        let mut bytes = Vec::with_capacity(units.saturating_mul(2));
        Wtf8::from(text).append_utf16le(&mut bytes);
        self.bytes(&bytes);
        self.writer.u16(0);
    }

    /// 14.3.4.2: a varying string of wide characters with its ending zero, in an array of fixed size.
    pub(super) fn varying_string(&mut self, text: &str) {
        let units = Wtf8::from(text).utf16_length().saturating_add(1);
        self.u32(0);
        self.count(units);
        let mut bytes = Vec::with_capacity(units.saturating_mul(2));
        Wtf8::from(text).append_utf16le(&mut bytes);
        self.bytes(&bytes);
        self.writer.u16(0);
    }

    /// The fixed part of RPC_UNICODE_STRING for `text`, which [`NdrWriter::unicode_string_buffer`] has to follow.
    pub(crate) fn unicode_string_header(&mut self, text: &str) {
        let bytes = Wtf8::from(text).utf16_length().saturating_mul(2);
        let length = u16::try_from(bytes).unwrap_or(MAX_UNICODE_STRING_BYTES);
        self.align(4);
        self.u16(length);
        self.u16(length);
        self.pointer();
    }

    pub(crate) fn unicode_string_buffer(&mut self, text: &str) {
        let mut bytes = Vec::new();
        Wtf8::from(text).append_utf16le(&mut bytes);
        bytes.truncate(usize::from(MAX_UNICODE_STRING_BYTES));
        let units = bytes.len().div_euclid(2);
        self.count(units);
        self.u32(0);
        self.count(units);
        self.bytes(&bytes);
    }

    /// An RPC_UNICODE_STRING without a buffer.
    pub(crate) fn null_string(&mut self) {
        self.align(4);
        self.u16(0);
        self.u16(0);
        self.null();
    }

    /// The fixed part of an RPC_UNICODE_STRING with room for an ending zero, which some clients take for granted in
    /// names of DNS; [`NdrWriter::unicode_string_large_buffer`] has to follow.
    pub(crate) fn unicode_string_large_header(&mut self, text: &str) {
        let length = large_length(text);
        self.align(4);
        self.u16(length);
        self.u16(length.saturating_add(2));
        self.pointer();
    }

    pub(crate) fn unicode_string_large_buffer(&mut self, text: &str) {
        let length = usize::from(large_length(text));
        let mut bytes = Vec::new();
        Wtf8::from(text).append_utf16le(&mut bytes);
        bytes.truncate(length);
        let units = length.div_euclid(2);
        self.count(units.saturating_add(1));
        self.u32(0);
        self.count(units);
        self.bytes(&bytes);
    }

    /// RPC_SID with its conformance.
    pub(crate) fn sid(&mut self, sid: &Sid) {
        self.count(sid.sub_authorities().len());
        sid.encode(&mut self.writer);
    }
}

/// Bytes of a string that leaves room for an ending zero.
fn large_length(text: &str) -> u16 {
    let bytes = Wtf8::from(text).utf16_length().saturating_mul(2);
    u16::try_from(bytes).unwrap_or(u16::MAX).min(MAX_UNICODE_STRING_BYTES.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_strings_round_trip_and_keep_their_alignment() {
        let mut writer = NdrWriter::new();
        writer.wide_string("abc");
        writer.u32(7);
        let bytes = writer.into_bytes();
        assert_eq!(bytes.len(), 24);
        let mut reader = NdrReader::new(&bytes);
        assert_eq!(reader.wide_string("x"), Ok("abc".into()));
        assert_eq!(reader.u32("y"), Ok(7));
    }

    #[test]
    fn a_string_longer_than_its_bytes_is_refused() {
        for (maximum, offset, actual) in [(9u32, 0u32, 9u32), (1, 0, 2), (4, 1, 1), (u32::MAX, 0, u32::MAX)] {
            let mut bytes = Vec::new();
            for value in [maximum, offset, actual] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend([0; 8]);
            assert!(NdrReader::new(&bytes).wide_string("x").is_err(), "{maximum} {offset} {actual}");
        }
    }

    #[test]
    fn sids_need_equal_counts() {
        let mut writer = NdrWriter::new();
        writer.sid(&Sid::ADMINISTRATORS);
        let mut bytes = writer.into_bytes();
        assert_eq!(NdrReader::new(&bytes).sid("x"), Ok(Sid::ADMINISTRATORS));
        bytes[0] = 1;
        assert!(NdrReader::new(&bytes).sid("x").is_err());
    }

    #[test]
    fn a_unicode_string_must_have_the_length_it_claims() {
        let mut writer = NdrWriter::new();
        writer.unicode_string_header("Änne");
        writer.unicode_string_buffer("Änne");
        let mut bytes = writer.into_bytes();
        let read = |bytes: &[u8]| {
            let mut reader = NdrReader::new(bytes);
            let header = reader.unicode_string_header("x")?;
            reader.unicode_string_buffer("x", header)
        };
        assert_eq!(read(&bytes), Ok("Änne".into()));
        bytes[0] = 6;
        assert!(read(&bytes).is_err());
    }
}
