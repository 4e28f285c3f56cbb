//! [MS-DTYP] 2.4.6 SECURITY_DESCRIPTOR.

use crate::{AceType, Acl};
use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Reader, Sid, Writer};

/// [MS-DTYP] 2.4.6 SECURITY_DESCRIPTOR, Control.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Control(pub u16);

bit_set!(Control, u16);

#[allow(missing_docs)] // the names are the specification's
impl Control {
    pub const OWNER_DEFAULTED: Control = Control(0x0001);
    pub const GROUP_DEFAULTED: Control = Control(0x0002);
    pub const DACL_PRESENT: Control = Control(0x0004);
    pub const DACL_DEFAULTED: Control = Control(0x0008);
    pub const SACL_PRESENT: Control = Control(0x0010);
    pub const SACL_DEFAULTED: Control = Control(0x0020);
    pub const DACL_TRUSTED: Control = Control(0x0040);
    pub const SERVER_SECURITY: Control = Control(0x0080);
    pub const DACL_AUTO_INHERIT_REQ: Control = Control(0x0100);
    pub const SACL_AUTO_INHERIT_REQ: Control = Control(0x0200);
    pub const DACL_AUTO_INHERITED: Control = Control(0x0400);
    pub const SACL_AUTO_INHERITED: Control = Control(0x0800);
    pub const DACL_PROTECTED: Control = Control(0x1000);
    pub const SACL_PROTECTED: Control = Control(0x2000);
    pub const RM_CONTROL_VALID: Control = Control(0x4000);
    pub const SELF_RELATIVE: Control = Control(0x8000);
}

impl Control {
    /// The bits that follow from a descriptor's parts and form; [`SecurityDescriptor::control`] never holds them.
    pub(crate) const DERIVED: Control =
        Control::DACL_PRESENT.union(Control::SACL_PRESENT).union(Control::SELF_RELATIVE);
}

/// A DACL or SACL of a descriptor: three cases that mean three different things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AclPart {
    /// Not in the descriptor. A DACL that is absent restricts nothing.
    #[default]
    Absent,
    /// Present and null. A null DACL restricts nothing.
    Null,
    /// Present. A DACL without entries allows nothing.
    Present(Acl),
}

impl AclPart {
    /// The list, when there is one.
    #[inline]
    #[must_use]
    pub const fn acl(&self) -> Option<&Acl> {
        match self {
            AclPart::Present(acl) => Some(acl),
            AclPart::Absent | AclPart::Null => None,
        }
    }

    /// True when the descriptor speaks of this part, with a list or with null.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        !matches!(self, AclPart::Absent)
    }
}

impl From<Acl> for AclPart {
    fn from(acl: Acl) -> AclPart {
        AclPart::Present(acl)
    }
}

/// [MS-DTYP] 2.4.6 SECURITY_DESCRIPTOR: who owns an object, and who may do what with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SecurityDescriptor {
    /// Control bits, without those that follow from the parts (DACL_PRESENT, SACL_PRESENT, SELF_RELATIVE).
    pub control: Control,
    /// Sbz1: the resource manager's byte, kept; it counts when RM_CONTROL_VALID is set.
    pub rm_control: u8,
    /// The owner.
    pub owner: Option<Sid>,
    /// The primary group.
    pub group: Option<Sid>,
    /// The discretionary list: who may do what.
    pub dacl: AclPart,
    /// The system list: what is audited, the integrity label, resource attributes.
    pub sacl: AclPart,
}

impl SecurityDescriptor {
    /// Bytes of the fixed part: Revision 1, Sbz1 1, Control 2, OffsetOwner 4, OffsetGroup 4, OffsetSacl 4, OffsetDacl 4.
    pub const HEADER_SIZE: usize = 1 + 1 + 2 + 4 + 4 + 4 + 4;
    /// Most bytes of a self-relative descriptor that is taken from a client or kept with a file.
    pub const MAX_SIZE: usize = 0x1_0000;

    /// A descriptor with owner, group and DACL.
    #[must_use]
    pub fn new(owner: Sid, group: Sid, dacl: Acl) -> Self {
        SecurityDescriptor {
            owner: Some(owner),
            group: Some(group),
            dacl: AclPart::Present(dacl),
            ..SecurityDescriptor::default()
        }
    }

    /// Bytes of the self-relative form.
    #[must_use]
    pub fn size(&self) -> usize {
        let sid = |sid: &Option<Sid>| sid.as_ref().map_or(0, Sid::size);
        let acl = |part: &AclPart| part.acl().map_or(0, Acl::size);
        Self::HEADER_SIZE
            .saturating_add(sid(&self.owner))
            .saturating_add(sid(&self.group))
            .saturating_add(acl(&self.sacl))
            .saturating_add(acl(&self.dacl))
    }

    /// Control as the wire has it: with the bits that follow from the parts.
    #[must_use]
    pub const fn wire_control(&self) -> Control {
        self.control
            .without(Control::DERIVED)
            .union(Control::SELF_RELATIVE)
            .with(Control::DACL_PRESENT, self.dacl.is_present())
            .with(Control::SACL_PRESENT, self.sacl.is_present())
    }

    /// The integrity label of the SACL, when it has one that counts for this object.
    pub(crate) fn label(&self) -> Option<&crate::Ace> {
        let aces = self.sacl.acl()?.aces();
        aces.iter().find(|ace| ace.ace_type() == AceType::SYSTEM_MANDATORY_LABEL && !ace.is_inherit_only())
    }
}

fn part_at<'a, T: Decode<'a>>(
    reader: &Reader<'a>,
    field: &'static str,
    offset: u32,
) -> Result<T, DecodeError> {
    let out_of_bounds = DecodeError { field, reason: DecodeReason::OutOfBounds, offset: reader.position() };
    let offset = usize::try_from(offset).map_err(|_| out_of_bounds)?;
    if offset < SecurityDescriptor::HEADER_SIZE {
        return Err(out_of_bounds);
    }
    let bytes = reader.input().get(offset..).ok_or(out_of_bounds)?;
    T::from_bytes(bytes).map_err(|error| DecodeError { offset: error.offset.saturating_add(offset), ..error })
}

impl<'a> Decode<'a> for SecurityDescriptor {
    /// Reads a self-relative descriptor. Offsets count from the start of the reader's input, so the reader must stand
    /// there; use [`Decode::from_bytes`] with the descriptor's bytes.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.position();
        let bytes = reader.remaining();
        let mut reader_here = Reader::new(bytes);
        let descriptor = Self::decode_here(&mut reader_here)
            .map_err(|error| DecodeError { offset: error.offset.saturating_add(start), ..error })?;
        reader.skip("SECURITY_DESCRIPTOR", bytes.len())?;
        Ok(descriptor)
    }
}

impl SecurityDescriptor {
    fn decode_here(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u8("Revision")? != 1 {
            return Err(DecodeError { field: "Revision", reason: DecodeReason::Invalid, offset: 0 });
        }
        let rm_control = reader.u8("Sbz1")?;
        let control_error = reader.error("Control", DecodeReason::Invalid);
        let control = Control(reader.u16("Control")?);
        if !control.contains(Control::SELF_RELATIVE) {
            return Err(control_error);
        }
        let sid = |reader: &mut Reader<'_>, field| {
            let offset = reader.u32(field)?;
            if offset == 0 { Ok(None) } else { part_at(reader, field, offset).map(Some) }
        };
        let owner = sid(reader, "OffsetOwner")?;
        let group = sid(reader, "OffsetGroup")?;
        let acl = |reader: &mut Reader<'_>, field, bit| {
            let offset = reader.u32(field)?;
            match (control.contains(bit), offset) {
                (false, _) => Ok(AclPart::Absent),
                (true, 0) => Ok(AclPart::Null),
                (true, _) => part_at(reader, field, offset).map(AclPart::Present),
            }
        };
        let sacl = acl(reader, "OffsetSacl", Control::SACL_PRESENT)?;
        let dacl = acl(reader, "OffsetDacl", Control::DACL_PRESENT)?;
        let control = control.without(Control::DERIVED);
        let descriptor = SecurityDescriptor { control, rm_control, owner, group, dacl, sacl };
        if descriptor.size() > SecurityDescriptor::MAX_SIZE {
            return Err(DecodeError {
                field: "SECURITY_DESCRIPTOR",
                reason: DecodeReason::OutOfBounds,
                offset: 0,
            });
        }
        Ok(descriptor)
    }
}

impl Encode for SecurityDescriptor {
    /// Writes the self-relative form: header, owner, group, SACL, DACL, without gaps.
    fn encode(&self, writer: &mut Writer) {
        writer.u8(1);
        writer.u8(self.rm_control);
        writer.u16(self.wire_control().0);
        let mut end = Self::HEADER_SIZE;
        let mut offset = |size: Option<usize>| {
            let start = size.map_or(0, |_| end);
            end = end.saturating_add(size.unwrap_or(0));
            writer.u32(u32::try_from(start).unwrap_or(u32::MAX));
        };
        offset(self.owner.as_ref().map(Sid::size));
        offset(self.group.as_ref().map(Sid::size));
        offset(self.sacl.acl().map(Acl::size));
        offset(self.dacl.acl().map(Acl::size));
        for sid in [&self.owner, &self.group].into_iter().flatten() {
            sid.encode(writer);
        }
        for acl in [self.sacl.acl(), self.dacl.acl()].into_iter().flatten() {
            acl.encode(writer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, acl, descriptor};
    use crate::{AccessMask, Ace, AceFlags};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_descriptor_round_trips(descriptor in descriptor()) {
            let bytes = descriptor.to_bytes();
            prop_assert_eq!(bytes.len(), descriptor.size());
            prop_assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor));
        }

        #[test]
        fn parts_may_stand_in_any_order_and_with_gaps(
            acl in acl(),
            order in Just([0usize, 1, 2, 3]).prop_shuffle(),
            gap in 0usize..8,
        ) {
            let parts = [account(1).to_bytes(), account(2).to_bytes(), acl.to_bytes(), Acl::new().to_bytes()];
            let mut bytes = vec![1, 0, 0x14, 0x80];
            bytes.resize(20, 0);
            for index in order {
                bytes.resize(bytes.len() + gap, 0xEE);
                let offset = u32::try_from(bytes.len()).unwrap().to_le_bytes();
                bytes[4 + 4 * index..8 + 4 * index].copy_from_slice(&offset);
                bytes.extend(&parts[index]);
            }
            let decoded = SecurityDescriptor::from_bytes(&bytes).unwrap();
            prop_assert_eq!(decoded.owner, Some(account(1)));
            prop_assert_eq!(decoded.group, Some(account(2)));
            prop_assert_eq!(decoded.sacl.acl(), Some(&acl));
            prop_assert_eq!(decoded.dacl.acl(), Some(&Acl::new()));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(
            control: u16,
            offsets in proptest::array::uniform4(0u32..160),
            rest in vec(any::<u8>(), 0..140),
        ) {
            let mut bytes = vec![1, 0];
            bytes.extend((control | 0x8000).to_le_bytes());
            bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
            bytes.extend(rest);
            if let Ok(decoded) = SecurityDescriptor::from_bytes(&bytes) {
                prop_assert_eq!(SecurityDescriptor::from_bytes(&decoded.to_bytes()), Ok(decoded));
            }
        }

        #[test]
        fn damaged_descriptors_do_not_panic(
            descriptor in descriptor(),
            damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = descriptor.to_bytes();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let _ = SecurityDescriptor::from_bytes(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            let _ = SecurityDescriptor::from_bytes(&bytes);
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let acl = Acl::from_aces([Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY)])
            .unwrap();
        let mut descriptor = SecurityDescriptor::new(Sid::SYSTEM, Sid::ADMINISTRATORS, acl);
        descriptor.control = Control::DACL_PROTECTED;
        #[rustfmt::skip]
        let bytes = [
            1, 0, 0x04, 0x90, // Revision, Sbz1, Control
            20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, // OffsetOwner, -Group, -Sacl, -Dacl
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // S-1-5-18
            1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, // S-1-5-32-544
            2, 0, 28, 0, 1, 0, 0, 0, // AclRevision, Sbz1, AclSize, AceCount, Sbz2
            0, 0, 20, 0, 0xFF, 0x01, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
        ];
        assert_eq!(descriptor.to_bytes(), bytes);
        assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor));
    }

    #[test]
    fn null_empty_and_absent_lists_are_told_apart() {
        let dacl = |dacl| SecurityDescriptor { dacl, ..SecurityDescriptor::default() };
        for (part, control, offset) in [
            (AclPart::Absent, 0x8000, 0),
            (AclPart::Null, 0x8004, 0),
            (AclPart::Present(Acl::new()), 0x8004, 20),
        ] {
            let descriptor = dacl(part);
            let bytes = descriptor.to_bytes();
            assert_eq!(u16::from_le_bytes([bytes[2], bytes[3]]), control);
            assert_eq!(bytes[16], offset);
            assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(descriptor));
        }
    }

    #[test]
    fn an_offset_without_its_present_bit_is_ignored() {
        let mut bytes =
            SecurityDescriptor { dacl: Acl::new().into(), ..SecurityDescriptor::default() }.to_bytes();
        bytes[2] = 0;
        assert_eq!(SecurityDescriptor::from_bytes(&bytes), Ok(SecurityDescriptor::default()));
    }

    #[test]
    fn errors_name_the_field_and_where_it_is() {
        let error = |bytes: &[u8]| {
            SecurityDescriptor::from_bytes(bytes).map_err(|e| (e.field, e.offset)).unwrap_err()
        };
        let header = |control: u16, owner: u8, dacl: u8| {
            let mut bytes = vec![1, 0];
            bytes.extend(control.to_le_bytes());
            bytes.extend([owner, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, dacl, 0, 0, 0]);
            bytes
        };
        assert_eq!(error(&[2]), ("Revision", 0));
        assert_eq!(error(&header(0x0004, 0, 0)), ("Control", 2));
        assert_eq!(error(&header(0x8004, 0, 0)[..18]), ("OffsetDacl", 16));
        assert_eq!(error(&header(0x8004, 5, 0)), ("OffsetOwner", 8));
        assert_eq!(error(&header(0x8004, 200, 0)), ("OffsetOwner", 8));
        assert_eq!(error(&header(0x8004, 20, 0)), ("Revision", 20));
        assert_eq!(error(&header(0x8004, 0, 20)), ("AclRevision", 20));
    }

    #[test]
    fn longer_than_64_kib_is_refused() {
        let mut half = Acl::new();
        let ace = Ace::allow(account(1), AccessMask(1), AceFlags::EMPTY).with_data(vec![1; 0x3F00]).unwrap();
        half.push(ace.clone()).unwrap();
        half.push(ace.clone()).unwrap();
        let mut descriptor = SecurityDescriptor {
            dacl: half.clone().into(),
            sacl: half.clone().into(),
            ..SecurityDescriptor::default()
        };
        assert!(descriptor.size() <= SecurityDescriptor::MAX_SIZE);
        assert_eq!(SecurityDescriptor::from_bytes(&descriptor.to_bytes()), Ok(descriptor.clone()));
        half.push(ace).unwrap();
        descriptor.dacl = half.into();
        let error = SecurityDescriptor::from_bytes(&descriptor.to_bytes()).unwrap_err();
        assert_eq!((error.field, error.reason), ("SECURITY_DESCRIPTOR", DecodeReason::OutOfBounds));
    }
}
