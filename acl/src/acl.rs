//! [MS-DTYP] 2.4.5 ACL.

use crate::{Ace, AceFlags};
use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Reader, Sid, Writer};

/// An access-control list would not fit its 16-bit size field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclTooLarge;

impl core::fmt::Display for AclTooLarge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the access-control list is longer than {} bytes", Acl::MAX_SIZE)
    }
}

impl std::error::Error for AclTooLarge {}

/// [MS-DTYP] 2.4.5 ACL: entries in the order in which they are looked at. Never longer than its size field can say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acl {
    revision: u8,
    aces: Vec<Ace>,
    /// Bytes of the encoded form.
    size: usize,
    /// An entry that is not inherit-only speaks of OWNER RIGHTS: the owner's implied rights are off.
    has_owner_rights: bool,
}

impl Default for Acl {
    fn default() -> Self {
        Acl::new()
    }
}

impl Acl {
    /// Bytes of the header: AclRevision 1, Sbz1 1, AclSize 2, AceCount 2, Sbz2 2.
    pub const HEADER_SIZE: usize = 1 + 1 + 2 + 2 + 2;
    /// Most bytes of an encoded ACL.
    pub const MAX_SIZE: usize = 0xFFFC;
    /// ACL_REVISION: no object entries.
    pub const REVISION: u8 = 2;
    /// ACL_REVISION_DS: object entries too.
    pub const REVISION_DS: u8 = 4;

    /// A list without entries.
    #[must_use]
    pub const fn new() -> Acl {
        Acl { revision: Acl::REVISION, aces: Vec::new(), size: Acl::HEADER_SIZE, has_owner_rights: false }
    }

    /// A list of `aces`.
    ///
    /// # Errors
    /// [`AclTooLarge`] when they do not fit.
    pub fn from_aces(aces: impl IntoIterator<Item = Ace>) -> Result<Acl, AclTooLarge> {
        let mut acl = Acl::new();
        for ace in aces {
            acl.push(ace)?;
        }
        Ok(acl)
    }

    /// Appends an entry. An object entry raises the revision to 4.
    ///
    /// # Errors
    /// [`AclTooLarge`] when it does not fit; the list is unchanged.
    pub fn push(&mut self, ace: Ace) -> Result<(), AclTooLarge> {
        let size = self.size.saturating_add(ace.size());
        if size > Acl::MAX_SIZE {
            return Err(AclTooLarge);
        }
        self.size = size;
        if ace.ace_type().is_object() && self.revision < Acl::REVISION_DS {
            self.revision = Acl::REVISION_DS;
        }
        self.has_owner_rights |= !ace.is_inherit_only()
            && (ace.ace_type().allows() || ace.ace_type().denies())
            && *ace.sid() == Sid::OWNER_RIGHTS;
        self.aces.push(ace);
        Ok(())
    }

    /// AclRevision: 2, 3 or 4.
    #[must_use]
    pub const fn revision(&self) -> u8 {
        self.revision
    }

    /// The entries.
    #[inline]
    #[must_use]
    pub fn aces(&self) -> &[Ace] {
        &self.aces
    }

    /// The entries, owned.
    #[must_use]
    pub fn into_aces(self) -> Vec<Ace> {
        self.aces
    }

    /// AclSize: bytes of the encoded form.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// True when the owner's implied rights are replaced by entries for OWNER RIGHTS.
    #[inline]
    #[must_use]
    pub const fn has_owner_rights(&self) -> bool {
        self.has_owner_rights
    }

    /// True when a child would inherit an entry.
    #[must_use]
    pub fn is_inheritable(&self) -> bool {
        self.aces.iter().any(|ace| ace.flags().intersects(AceFlags::INHERITABLE))
    }

    /// True when the entries stand in the order that Windows' tools keep: own before inherited, and among the own
    /// ones those that deny before those that allow.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        let rank = |ace: &Ace| match (ace.flags().intersects(AceFlags::INHERITED), ace.ace_type().denies()) {
            (false, true) => 0u8,
            (false, false) => 1,
            (true, _) => 2,
        };
        self.aces.iter().is_sorted_by_key(rank)
    }
}

impl<'a> Decode<'a> for Acl {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.position();
        let revision = reader.u8("AclRevision")?;
        if !(Acl::REVISION..=Acl::REVISION_DS).contains(&revision) {
            return Err(DecodeError { field: "AclRevision", reason: DecodeReason::Invalid, offset: start });
        }
        reader.skip("Sbz1", 1)?;
        let size_error = reader.error("AclSize", DecodeReason::Invalid);
        let size = usize::from(reader.u16("AclSize")?);
        let count_error = reader.error("AceCount", DecodeReason::OutOfBounds);
        let count = usize::from(reader.u16("AceCount")?);
        reader.skip("Sbz2", 2)?;
        let body_offset = reader.position();
        let bytes = reader.bytes("AclSize", size.checked_sub(Acl::HEADER_SIZE).ok_or(size_error)?)?;
        let mut body = Reader::new(bytes);
        let mut acl = Acl { revision, ..Acl::new() };
        // Every entry takes 4 bytes at least: what is reserved is bounded by what was sent.
        acl.aces.reserve_exact(count.min(bytes.len() / Ace::MIN_KNOWN_SIZE));
        for _ in 0..count {
            if body.is_empty() {
                return Err(count_error);
            }
            let ace = Ace::decode(&mut body)
                .map_err(|error| DecodeError { offset: error.offset.saturating_add(body_offset), ..error })?;
            acl.push(ace).map_err(|AclTooLarge| size_error)?;
        }
        // `push` raises the revision of a list that has object entries; keep what was sent.
        acl.revision = revision;
        Ok(acl)
    }
}

impl Encode for Acl {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.revision);
        writer.u8(0);
        writer.u16(u16::try_from(self.size).unwrap_or(u16::MAX));
        writer.u16(u16::try_from(self.aces.len()).unwrap_or(u16::MAX));
        writer.u16(0);
        for ace in &self.aces {
            ace.encode(writer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, acl};
    use crate::{AccessMask, AceType, ObjectTypes};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_acl_round_trips(acl in acl()) {
            let bytes = acl.to_bytes();
            prop_assert_eq!(bytes.len(), acl.size());
            prop_assert_eq!(Acl::from_bytes(&bytes), Ok(acl));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(mut bytes in vec(any::<u8>(), 8..128), revision in 2u8..=4, count in 0u8..6) {
            bytes[0] = revision;
            let size = u16::try_from(bytes.len()).unwrap().to_le_bytes();
            bytes[2..4].copy_from_slice(&size);
            bytes[4..6].copy_from_slice(&[count, 0]);
            if let Ok(acl) = Acl::from_bytes(&bytes) {
                prop_assert_eq!(acl.aces().len(), usize::from(count));
                prop_assert_eq!(Acl::from_bytes(&acl.to_bytes()), Ok(acl));
            }
        }
    }

    fn allow(rid: u32, flags: AceFlags) -> Ace {
        Ace::allow(account(rid), AccessMask(1), flags)
    }

    #[test]
    fn object_entries_raise_the_revision() {
        let mut acl = Acl::from_aces([allow(1, AceFlags::EMPTY)]).unwrap();
        assert_eq!(acl.revision(), Acl::REVISION);
        let ace_type = AceType::ACCESS_ALLOWED_OBJECT;
        let types = ObjectTypes::default();
        acl.push(Ace::object(ace_type, AceFlags::EMPTY, AccessMask(1), types, account(1)).unwrap()).unwrap();
        assert_eq!(acl.revision(), Acl::REVISION_DS);
    }

    #[test]
    fn the_revision_that_was_sent_is_kept() {
        let types = ObjectTypes::default();
        let ace_type = AceType::ACCESS_ALLOWED_OBJECT;
        let ace = Ace::object(ace_type, AceFlags::EMPTY, AccessMask(1), types, account(1)).unwrap();
        let mut bytes = Acl::from_aces([ace]).unwrap().to_bytes();
        for revision in 2..=4 {
            bytes[0] = revision;
            let acl = Acl::from_bytes(&bytes).unwrap();
            assert_eq!(acl.revision(), revision);
            assert_eq!(acl.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_list_that_does_not_fit_its_size_field_is_refused() {
        let mut acl = Acl::new();
        let ace = allow(1, AceFlags::EMPTY);
        let fitting = (Acl::MAX_SIZE - Acl::HEADER_SIZE) / ace.size();
        for _ in 0..fitting {
            acl.push(ace.clone()).unwrap();
        }
        assert_eq!(acl.push(ace), Err(AclTooLarge));
        assert_eq!(acl.aces().len(), fitting);
        assert_eq!(Acl::from_bytes(&acl.to_bytes()), Ok(acl));
    }

    #[test]
    fn more_entries_than_bytes_are_refused() {
        let bytes = [2, 0, 8, 0, 0xFF, 0xFF, 0, 0];
        assert_eq!(Acl::from_bytes(&bytes).map_err(|e| (e.field, e.offset)), Err(("AceCount", 4)));
        let bytes = [2, 0, 7, 0, 0, 0, 0, 0];
        assert_eq!(Acl::from_bytes(&bytes).map_err(|e| (e.field, e.offset)), Err(("AclSize", 2)));
        let bytes = [5, 0, 8, 0, 0, 0, 0, 0];
        assert_eq!(Acl::from_bytes(&bytes).map_err(|e| (e.field, e.offset)), Err(("AclRevision", 0)));
    }

    #[test]
    fn room_after_the_last_entry_is_allowed() {
        let bytes = [2, 0, 12, 0, 0, 0, 0, 0, 9, 9, 9, 9];
        assert_eq!(Acl::from_bytes(&bytes), Ok(Acl::new()));
    }

    #[test]
    fn own_denials_come_first_in_canonical_order() {
        let deny = |flags| Ace::deny(account(1), AccessMask(1), flags);
        let (own, inherited) = (AceFlags::EMPTY, AceFlags::INHERITED);
        let canonical = |aces: Vec<Ace>| Acl::from_aces(aces).unwrap().is_canonical();
        assert!(canonical(vec![deny(own), allow(1, own), deny(inherited), allow(1, inherited)]));
        assert!(canonical(vec![allow(1, own), allow(1, inherited), deny(inherited)]));
        assert!(!canonical(vec![allow(1, own), deny(own)]));
        assert!(!canonical(vec![allow(1, inherited), allow(1, own)]));
    }

    #[test]
    fn inherit_only_owner_rights_do_not_count() {
        let owner_rights = |flags| {
            Acl::from_aces([Ace::allow(Sid::OWNER_RIGHTS, AccessMask(1), flags)]).unwrap().has_owner_rights()
        };
        assert!(owner_rights(AceFlags::EMPTY));
        assert!(!owner_rights(AceFlags::INHERIT_ONLY));
    }
}
