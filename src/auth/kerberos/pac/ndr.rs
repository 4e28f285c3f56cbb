//! [MS-RPCE] 2.2.6 Type Serialization Version 1 of NDR, little-endian, as far as a PAC needs it. Every count is held against the
//! bytes that are left, so that what is allocated is bounded by the PAC.

use freehold_acl::{Group, GroupAttributes};
use freehold_dtyp::{DecodeError, DecodeReason, Reader, Sid};

/// Reads one serialized object.
pub(super) struct Ndr<'a>(Reader<'a>);

impl<'a> Ndr<'a> {
    /// Reads the common and the private header and the pointer to the object.
    pub(super) fn of_object(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let [version, endianness] = reader.array("Version, Endianness")?;
        // 2.2.6.1: version 1, little-endian; the rest is fixed or filler.
        if version != 1 || endianness != 0x10 {
            return Err(reader.error("Version, Endianness", DecodeReason::Invalid));
        }
        reader.skip("headers", 14)?;
        let mut ndr = Ndr(Reader::new(reader.remaining()));
        if ndr.pointer("object")? { Ok(ndr) } else { Err(ndr.error("object")) }
    }

    pub(super) fn error(&self, field: &'static str) -> DecodeError {
        self.0.error(field, DecodeReason::Invalid)
    }

    fn align(&mut self, to: usize) -> Result<(), DecodeError> {
        let past = self.0.position() & to.saturating_sub(1);
        if past == 0 { Ok(()) } else { self.0.skip("padding", to.saturating_sub(past)) }
    }

    pub(super) fn skip(&mut self, field: &'static str, length: usize) -> Result<(), DecodeError> {
        self.align(4)?;
        self.0.skip(field, length)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.align(2)?;
        self.0.u16(field)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.align(4)?;
        self.0.u32(field)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.align(8)?;
        self.0.u64(field)
    }

    /// True when a referent follows, later.
    pub(super) fn pointer(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.u32(field)? != 0)
    }

    /// The conformance of an array whose elements have `size` bytes or more, which must be `count`.
    pub(super) fn array(
        &mut self,
        field: &'static str,
        count: u32,
        size: usize,
    ) -> Result<usize, DecodeError> {
        let maximum = self.u32(field)?;
        let length = usize::try_from(count).map_err(|_| self.error(field))?;
        let fits = length.checked_mul(size).is_some_and(|bytes| bytes <= self.0.remaining().len());
        if maximum == count && fits { Ok(length) } else { Err(self.error(field)) }
    }

    pub(super) fn bytes(&mut self, field: &'static str, count: u32) -> Result<&'a [u8], DecodeError> {
        let length = self.array(field, count, 1)?;
        self.0.bytes(field, length)
    }

    /// The fixed part of [MS-DTYP] 2.3.10 RPC_UNICODE_STRING: whether a buffer follows, later.
    pub(super) fn unicode_string(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        self.skip(field, 4)?;
        self.pointer(field)
    }

    /// The buffer of a string that is there: conformant, varying, without an end or (`[string]`) with one.
    pub(super) fn text(&mut self, field: &'static str, present: bool) -> Result<String, DecodeError> {
        if !present {
            return Ok(String::new());
        }
        let maximum = self.u32(field)?;
        let offset = self.u32(field)?;
        let actual = self.u32(field)?;
        if offset != 0 || actual > maximum {
            return Err(self.error(field));
        }
        let length = usize::try_from(actual).ok().and_then(|units| units.checked_mul(2));
        let bytes = self.0.bytes(field, length.ok_or(self.error(field))?)?;
        utf16(bytes.strip_suffix(&[0, 0]).filter(|rest| rest.len() % 2 == 0).unwrap_or(bytes))
            .ok_or(self.error(field))
    }

    /// [MS-DTYP] 2.4.2.3 RPC_SID.
    pub(super) fn sid(&mut self, field: &'static str) -> Result<Sid, DecodeError> {
        let count = self.u32(field)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= Sid::MAX_SUB_AUTHORITIES);
        let length = count.ok_or(self.error(field))?.saturating_mul(4).saturating_add(8);
        let bytes = self.0.bytes(field, length)?;
        let sid: Sid = freehold_dtyp::Decode::from_bytes(bytes)?;
        if sid.size() == length { Ok(sid) } else { Err(self.error(field)) }
    }

    /// [MS-PAC] 2.2.2 GROUP_MEMBERSHIP: groups of `domain`.
    pub(super) fn groups(
        &mut self,
        field: &'static str,
        count: u32,
    ) -> Result<Vec<(u32, GroupAttributes)>, DecodeError> {
        let length = self.array(field, count, 8)?;
        (0..length).map(|_| Ok((self.u32(field)?, GroupAttributes(self.u32(field)?)))).collect()
    }

    /// [MS-PAC] 2.2.1 KERB_SID_AND_ATTRIBUTES.
    pub(super) fn sids(&mut self, field: &'static str, count: u32) -> Result<Vec<Group>, DecodeError> {
        let length = self.array(field, count, 8)?;
        let heads: Vec<(bool, GroupAttributes)> = (0..length)
            .map(|_| Ok((self.pointer(field)?, GroupAttributes(self.u32(field)?))))
            .collect::<Result<_, DecodeError>>()?;
        heads
            .into_iter()
            .filter(|(present, _)| *present)
            .map(|(_, attributes)| Ok(Group { sid: self.sid(field)?, attributes }))
            .collect()
    }
}

/// Well-formed UTF-16LE.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair))).collect::<Result<_, _>>().ok()
}
