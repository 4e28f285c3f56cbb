//! [MS-DTYP] 2.4.4 ACE.

use crate::AccessMask;
use crate::token::sid_key;
use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Guid, Reader, Sid, Writer};

/// [MS-DTYP] 2.4.4.1 ACE_HEADER, AceType. Open: unknown types are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AceType(pub u8);

#[allow(missing_docs)] // the names are the specification's
impl AceType {
    pub const ACCESS_ALLOWED: AceType = AceType(0x00);
    pub const ACCESS_DENIED: AceType = AceType(0x01);
    pub const SYSTEM_AUDIT: AceType = AceType(0x02);
    pub const SYSTEM_ALARM: AceType = AceType(0x03);
    pub const ACCESS_ALLOWED_COMPOUND: AceType = AceType(0x04);
    pub const ACCESS_ALLOWED_OBJECT: AceType = AceType(0x05);
    pub const ACCESS_DENIED_OBJECT: AceType = AceType(0x06);
    pub const SYSTEM_AUDIT_OBJECT: AceType = AceType(0x07);
    pub const SYSTEM_ALARM_OBJECT: AceType = AceType(0x08);
    pub const ACCESS_ALLOWED_CALLBACK: AceType = AceType(0x09);
    pub const ACCESS_DENIED_CALLBACK: AceType = AceType(0x0A);
    pub const ACCESS_ALLOWED_CALLBACK_OBJECT: AceType = AceType(0x0B);
    pub const ACCESS_DENIED_CALLBACK_OBJECT: AceType = AceType(0x0C);
    pub const SYSTEM_AUDIT_CALLBACK: AceType = AceType(0x0D);
    pub const SYSTEM_ALARM_CALLBACK: AceType = AceType(0x0E);
    pub const SYSTEM_AUDIT_CALLBACK_OBJECT: AceType = AceType(0x0F);
    pub const SYSTEM_ALARM_CALLBACK_OBJECT: AceType = AceType(0x10);
    pub const SYSTEM_MANDATORY_LABEL: AceType = AceType(0x11);
    pub const SYSTEM_RESOURCE_ATTRIBUTE: AceType = AceType(0x12);
    pub const SYSTEM_SCOPED_POLICY_ID: AceType = AceType(0x13);
    pub const SYSTEM_PROCESS_TRUST_LABEL: AceType = AceType(0x14);
    pub const SYSTEM_ACCESS_FILTER: AceType = AceType(0x15);
}

/// How the bytes after an ACE's header are laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Mask, SID, application data.
    Basic,
    /// Mask, flags, up to two GUIDs, SID, application data.
    Object,
    /// Not known: kept as bytes.
    Opaque,
}

impl AceType {
    const fn layout(self) -> Layout {
        match self.0 {
            0x00..=0x03 | 0x09 | 0x0A | 0x0D | 0x0E | 0x11..=0x15 => Layout::Basic,
            0x05..=0x08 | 0x0B | 0x0C | 0x0F | 0x10 => Layout::Object,
            _ => Layout::Opaque,
        }
    }

    /// True for the types that carry a mask and a SID.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self.layout(), Layout::Opaque)
    }

    /// True for the types that carry object GUIDs.
    #[must_use]
    pub const fn is_object(self) -> bool {
        matches!(self.layout(), Layout::Object)
    }

    /// True for the types whose application data is a condition ([MS-DTYP] 2.4.4.17).
    #[must_use]
    pub const fn is_callback(self) -> bool {
        matches!(self.0, 0x09..=0x10)
    }

    /// True for the types that allow access, with or without condition.
    #[inline]
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self.0, 0x00 | 0x05 | 0x09 | 0x0B)
    }

    /// True for the types that deny access, with or without condition.
    #[inline]
    #[must_use]
    pub const fn denies(self) -> bool {
        matches!(self.0, 0x01 | 0x06 | 0x0A | 0x0C)
    }

    /// True for the types that belong in a SACL and speak of auditing or alarms.
    #[must_use]
    pub const fn audits(self) -> bool {
        matches!(self.0, 0x02 | 0x03 | 0x07 | 0x08 | 0x0D..=0x10)
    }
}

impl core::fmt::Debug for AceType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AceType({:#04x})", self.0)
    }
}

/// [MS-DTYP] 2.4.4.1 ACE_HEADER, AceFlags. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AceFlags(pub u8);

bit_set!(AceFlags, u8);

#[allow(missing_docs)] // the names are the specification's
impl AceFlags {
    pub const OBJECT_INHERIT: AceFlags = AceFlags(0x01);
    pub const CONTAINER_INHERIT: AceFlags = AceFlags(0x02);
    pub const NO_PROPAGATE_INHERIT: AceFlags = AceFlags(0x04);
    pub const INHERIT_ONLY: AceFlags = AceFlags(0x08);
    pub const INHERITED: AceFlags = AceFlags(0x10);
    pub const CRITICAL: AceFlags = AceFlags(0x20);
    pub const SUCCESSFUL_ACCESS: AceFlags = AceFlags(0x40);
    pub const FAILED_ACCESS: AceFlags = AceFlags(0x80);

    /// The flags that say what a child inherits.
    pub const INHERITANCE: AceFlags = AceFlags(0x0F);
    /// OBJECT_INHERIT and CONTAINER_INHERIT.
    pub const INHERITABLE: AceFlags = AceFlags(0x03);
}

/// [MS-DTYP] 2.4.4.3 ACCESS_ALLOWED_OBJECT_ACE: the part that ordinary entries do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectTypes {
    /// The kind of object, property or extended right that the entry speaks of.
    pub object_type: Option<Guid>,
    /// The kind of object that inherits the entry.
    pub inherited_object_type: Option<Guid>,
    /// Bits of the Flags field without a meaning, kept.
    reserved_flags: u32,
}

impl ObjectTypes {
    const OBJECT_TYPE_PRESENT: u32 = 1;
    const INHERITED_OBJECT_TYPE_PRESENT: u32 = 2;

    /// From the two kinds.
    #[must_use]
    pub const fn new(object_type: Option<Guid>, inherited_object_type: Option<Guid>) -> Self {
        ObjectTypes { object_type, inherited_object_type, reserved_flags: 0 }
    }

    fn size(&self) -> usize {
        let guids = usize::from(self.object_type.is_some())
            .saturating_add(usize::from(self.inherited_object_type.is_some()));
        guids.saturating_mul(16).saturating_add(4)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.u32("Flags")?;
        let mut types = ObjectTypes {
            reserved_flags: flags & !(Self::OBJECT_TYPE_PRESENT | Self::INHERITED_OBJECT_TYPE_PRESENT),
            ..ObjectTypes::default()
        };
        if flags & Self::OBJECT_TYPE_PRESENT != 0 {
            types.object_type = Some(Guid(reader.array("ObjectType")?));
        }
        if flags & Self::INHERITED_OBJECT_TYPE_PRESENT != 0 {
            types.inherited_object_type = Some(Guid(reader.array("InheritedObjectType")?));
        }
        Ok(types)
    }

    fn encode(&self, writer: &mut Writer) {
        let mut flags = self.reserved_flags;
        if self.object_type.is_some() {
            flags |= Self::OBJECT_TYPE_PRESENT;
        }
        if self.inherited_object_type.is_some() {
            flags |= Self::INHERITED_OBJECT_TYPE_PRESENT;
        }
        writer.u32(flags);
        for guid in [self.object_type, self.inherited_object_type].into_iter().flatten() {
            guid.encode(writer);
        }
    }
}

/// [MS-DTYP] 2.4.4 ACE: one entry of an access-control list.
///
/// Built only in forms that can be encoded: object GUIDs go with object types, and the size is a multiple of 4 that
/// fits its 16-bit field.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ace {
    ace_type: AceType,
    flags: AceFlags,
    mask: AccessMask,
    /// [`sid_key`] of `sid`.
    key: u32,
    sid: Sid,
    object: Option<Box<ObjectTypes>>,
    /// Application data; all bytes after the header for unknown types.
    data: Box<[u8]>,
}

impl Ace {
    /// Bytes of ACE_HEADER: AceType 1, AceFlags 1, AceSize 2.
    const HEADER_SIZE: usize = 1 + 1 + 2;
    /// Fewest bytes of an ACE with a SID: header, mask and a SID without sub-authorities.
    pub(crate) const MIN_KNOWN_SIZE: usize = Ace::HEADER_SIZE + 4 + 8;
    /// Most bytes that an ACE can have: a multiple of 4 that fits 16 bits.
    pub const MAX_SIZE: usize = 0xFFFC;

    /// An entry of a type without GUIDs. `None` for another type.
    #[must_use]
    pub fn new(ace_type: AceType, flags: AceFlags, mask: AccessMask, sid: Sid) -> Option<Ace> {
        (ace_type.layout() == Layout::Basic).then(|| Ace::basic(ace_type, flags, mask, sid))
    }

    fn basic(ace_type: AceType, flags: AceFlags, mask: AccessMask, sid: Sid) -> Ace {
        Ace { ace_type, flags, mask, key: sid_key(&sid), sid, object: None, data: Box::default() }
    }

    /// An entry that allows.
    #[must_use]
    pub fn allow(sid: Sid, mask: AccessMask, flags: AceFlags) -> Ace {
        Ace::basic(AceType::ACCESS_ALLOWED, flags, mask, sid)
    }

    /// An entry that denies.
    #[must_use]
    pub fn deny(sid: Sid, mask: AccessMask, flags: AceFlags) -> Ace {
        Ace::basic(AceType::ACCESS_DENIED, flags, mask, sid)
    }

    /// An entry that audits; `flags` says whether success, failure or both.
    #[must_use]
    pub fn audit(sid: Sid, mask: AccessMask, flags: AceFlags) -> Ace {
        Ace::basic(AceType::SYSTEM_AUDIT, flags, mask, sid)
    }

    /// An entry with object GUIDs. `None` for a type that has none.
    #[must_use]
    pub fn object(
        ace_type: AceType,
        flags: AceFlags,
        mask: AccessMask,
        types: ObjectTypes,
        sid: Sid,
    ) -> Option<Ace> {
        ace_type
            .is_object()
            .then(|| Ace { object: Some(Box::new(types)), ..Ace::basic(ace_type, flags, mask, sid) })
    }

    /// This entry with application data (a condition, a resource attribute), padded with zeros to a multiple of 4.
    /// `None` when the entry would be too long.
    #[must_use]
    pub fn with_data(mut self, mut data: Vec<u8>) -> Option<Ace> {
        data.resize(data.len().checked_next_multiple_of(4)?, 0);
        self.data = data.into_boxed_slice();
        (self.size() <= Ace::MAX_SIZE).then_some(self)
    }

    /// An entry of a type that this crate does not know, from the bytes after its header. `None` when the type is
    /// known, or the bytes are too many or no multiple of 4.
    #[must_use]
    pub fn opaque(ace_type: AceType, flags: AceFlags, bytes: &[u8]) -> Option<Ace> {
        let fits = bytes.len() <= Ace::MAX_SIZE.saturating_sub(Ace::HEADER_SIZE) && bytes.len() & 3 == 0;
        (!ace_type.is_known() && fits)
            .then(|| Ace { data: bytes.into(), ..Ace::basic(ace_type, flags, AccessMask::EMPTY, Sid::NULL) })
    }

    /// The type.
    #[inline]
    #[must_use]
    pub const fn ace_type(&self) -> AceType {
        self.ace_type
    }

    /// The flags.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> AceFlags {
        self.flags
    }

    /// The rights. Empty for unknown types.
    #[inline]
    #[must_use]
    pub const fn mask(&self) -> AccessMask {
        self.mask
    }

    /// Whom the entry speaks of. S-1-0-0 for unknown types.
    #[inline]
    #[must_use]
    pub const fn sid(&self) -> &Sid {
        &self.sid
    }

    /// The GUIDs of an object entry.
    #[must_use]
    pub fn object_types(&self) -> Option<&ObjectTypes> {
        self.object.as_deref()
    }

    /// Application data; for unknown types every byte after the header.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// True when the entry is only there to be inherited.
    #[inline]
    #[must_use]
    pub const fn is_inherit_only(&self) -> bool {
        self.flags.intersects(AceFlags::INHERIT_ONLY)
    }

    /// This entry with other flags.
    #[must_use]
    pub fn with_flags(mut self, flags: AceFlags) -> Ace {
        self.flags = flags;
        self
    }

    /// This entry with another mask; unchanged for unknown types, which have none.
    #[must_use]
    pub fn with_mask(mut self, mask: AccessMask) -> Ace {
        if self.ace_type.is_known() {
            self.mask = mask;
        }
        self
    }

    /// This entry for another SID; unchanged for unknown types, which have none, and where it would not fit.
    #[must_use]
    pub fn with_sid(mut self, sid: Sid) -> Ace {
        let grown = self.size().saturating_sub(self.sid.size()).saturating_add(sid.size());
        if self.ace_type.is_known() && grown <= Ace::MAX_SIZE {
            self.sid = sid;
            self.key = sid_key(&sid);
        }
        self
    }

    #[inline]
    pub(crate) const fn key(&self) -> u32 {
        self.key
    }

    /// AceSize: bytes of the encoded form, a multiple of 4.
    #[must_use]
    pub fn size(&self) -> usize {
        let fixed = match self.ace_type.layout() {
            Layout::Basic => self.sid.size().saturating_add(4),
            Layout::Object => {
                let types = self.object.as_deref().map_or(4, ObjectTypes::size);
                self.sid.size().saturating_add(4).saturating_add(types)
            }
            Layout::Opaque => 0,
        };
        Ace::HEADER_SIZE.saturating_add(fixed).saturating_add(self.data.len())
    }
}

impl core::fmt::Debug for Ace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut debug = f.debug_struct("Ace");
        debug.field("ace_type", &self.ace_type).field("flags", &self.flags);
        if self.ace_type.is_known() {
            debug.field("mask", &self.mask).field("sid", &self.sid);
        }
        if let Some(types) = &self.object {
            debug.field("object", types);
        }
        if !self.data.is_empty() {
            debug.field("data", &self.data);
        }
        debug.finish()
    }
}

impl<'a> Decode<'a> for Ace {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let ace_type = AceType(reader.u8("AceType")?);
        let flags = AceFlags(reader.u8("AceFlags")?);
        let size_error = reader.error("AceSize", DecodeReason::Invalid);
        let size = usize::from(reader.u16("AceSize")?);
        if size & 3 != 0 {
            return Err(size_error);
        }
        let body_offset = reader.position();
        let body_size = size.checked_sub(Ace::HEADER_SIZE).ok_or(size_error)?;
        let bytes = reader.bytes("AceSize", body_size)?;
        let mut body = Reader::new(bytes);
        Ace::decode_body(ace_type, flags, &mut body)
            .map_err(|error| DecodeError { offset: error.offset.saturating_add(body_offset), ..error })
    }
}

impl Ace {
    fn decode_body(ace_type: AceType, flags: AceFlags, body: &mut Reader<'_>) -> Result<Ace, DecodeError> {
        let layout = ace_type.layout();
        if layout == Layout::Opaque {
            let data = body.remaining().into();
            return Ok(Ace { data, ..Ace::basic(ace_type, flags, AccessMask::EMPTY, Sid::NULL) });
        }
        let mask = AccessMask(body.u32("Mask")?);
        let object = match layout {
            Layout::Object => Some(Box::new(ObjectTypes::decode(body)?)),
            Layout::Basic | Layout::Opaque => None,
        };
        let sid = Sid::decode(body)?;
        let data = body.remaining().into();
        Ok(Ace { object, data, ..Ace::basic(ace_type, flags, mask, sid) })
    }
}

impl Encode for Ace {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.ace_type.0);
        writer.u8(self.flags.0);
        writer.u16(u16::try_from(self.size()).unwrap_or(u16::MAX));
        if self.ace_type.is_known() {
            writer.u32(self.mask.0);
            if let Some(types) = &self.object {
                types.encode(writer);
            }
            self.sid.encode(writer);
        }
        writer.bytes(&self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, ace};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_ace_round_trips(ace in ace()) {
            let bytes = ace.to_bytes();
            prop_assert_eq!(bytes.len(), ace.size());
            prop_assert_eq!(Ace::from_bytes(&bytes), Ok(ace));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..64)) {
            if let Ok(ace) = Ace::from_bytes(&bytes) {
                prop_assert_eq!(ace.to_bytes(), &bytes[..ace.size()]);
            }
        }
    }

    #[test]
    fn an_allow_ace_has_the_bytes_of_the_specification() {
        let ace = Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, AceFlags(0x03));
        let bytes = [0, 3, 20, 0, 0xFF, 0x01, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(ace.to_bytes(), bytes);
    }

    #[test]
    fn an_object_ace_keeps_which_guids_it_has() {
        let guid = Guid([7; 16]);
        let types = ObjectTypes::new(None, Some(guid));
        let flags = AceFlags::CONTAINER_INHERIT;
        let ace =
            Ace::object(AceType::ACCESS_DENIED_OBJECT, flags, AccessMask(1), types, account(5)).unwrap();
        assert_eq!(ace.size(), 4 + 4 + 4 + 16 + 28);
        let back = Ace::from_bytes(&ace.to_bytes()).unwrap();
        assert_eq!(back.object_types().unwrap().inherited_object_type, Some(guid));
        assert_eq!(back.object_types().unwrap().object_type, None);
    }

    #[test]
    fn errors_name_the_field_and_where_it_is() {
        let error = |bytes: &[u8]| Ace::from_bytes(bytes).map_err(|e| (e.field, e.offset)).unwrap_err();
        assert_eq!(error(&[0, 0]), ("AceSize", 2));
        assert_eq!(error(&[0, 0, 2, 0]), ("AceSize", 2));
        assert_eq!(error(&[0, 0, 5, 0, 0]), ("AceSize", 2));
        assert_eq!(error(&[0, 0, 6, 0, 0, 0]), ("AceSize", 2));
        assert_eq!(error(&[0, 0, 4, 0]), ("Mask", 4));
        assert_eq!(error(&[0, 0, 12, 0, 1, 0, 0, 0, 2, 1, 0, 0]), ("Revision", 9));
    }

    #[test]
    fn forms_that_cannot_be_encoded_cannot_be_built() {
        let types = ObjectTypes::default();
        let (flags, mask) = (AceFlags::EMPTY, AccessMask::EMPTY);
        assert_eq!(Ace::object(AceType::ACCESS_ALLOWED, flags, mask, types, Sid::EVERYONE), None);
        assert_eq!(Ace::new(AceType::ACCESS_ALLOWED_OBJECT, flags, mask, Sid::EVERYONE), None);
        assert_eq!(Ace::new(AceType::ACCESS_ALLOWED_COMPOUND, flags, mask, Sid::EVERYONE), None);
        assert_eq!(Ace::opaque(AceType::ACCESS_ALLOWED, flags, &[0; 4]), None);
        assert_eq!(Ace::opaque(AceType(0x80), flags, &[0; 5]), None);
        assert_eq!(Ace::opaque(AceType(0x80), flags, &[0; 0xFFFC]), None);
        let ace = Ace::allow(Sid::EVERYONE, mask, flags);
        assert_eq!(ace.clone().with_data(vec![0; 0xFFFC]), None);
        let longest = ace.with_data(vec![1; Ace::MAX_SIZE - 20]).unwrap();
        assert_eq!(longest.size(), Ace::MAX_SIZE);
        assert_eq!(longest.clone().with_sid(account(1)), longest);
    }
}
