//! [MS-DTYP] 2.4.2 SID.

use crate::{Decode, DecodeError, DecodeReason, Encode, Reader, Writer};

/// [MS-DTYP] 2.4.2.2 SID: who an access-control entry, an owner or a token speaks of. At most 15 sub-authorities.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: [u8; 6],
    count: u8,
    /// Unused places are zero, so that the derived comparisons hold.
    sub_authorities: [u32; Sid::MAX_SUB_AUTHORITIES],
}

impl Sid {
    /// Most sub-authorities that a SID can have.
    pub const MAX_SUB_AUTHORITIES: usize = 15;
    /// Bytes of the longest encoded SID.
    pub const MAX_SIZE: usize = 68;

    /// S-1-0-0 (NULL).
    pub const NULL: Sid = Sid::constant(0, &[0]);
    /// S-1-1-0 (Everyone).
    pub const EVERYONE: Sid = Sid::constant(1, &[0]);
    /// S-1-3-0 (CREATOR OWNER).
    pub const CREATOR_OWNER: Sid = Sid::constant(3, &[0]);
    /// S-1-3-1 (CREATOR GROUP).
    pub const CREATOR_GROUP: Sid = Sid::constant(3, &[1]);
    /// S-1-3-4 (OWNER RIGHTS).
    pub const OWNER_RIGHTS: Sid = Sid::constant(3, &[4]);
    /// S-1-5-2 (NETWORK).
    pub const NETWORK: Sid = Sid::constant(5, &[2]);
    /// S-1-5-7 (ANONYMOUS LOGON).
    pub const ANONYMOUS: Sid = Sid::constant(5, &[7]);
    /// S-1-5-10 (SELF).
    pub const PRINCIPAL_SELF: Sid = Sid::constant(5, &[10]);
    /// S-1-5-11 (Authenticated Users).
    pub const AUTHENTICATED_USERS: Sid = Sid::constant(5, &[11]);
    /// S-1-5-18 (SYSTEM).
    pub const SYSTEM: Sid = Sid::constant(5, &[18]);
    /// S-1-5-32-544 (BUILTIN\Administrators).
    pub const ADMINISTRATORS: Sid = Sid::constant(5, &[32, 544]);
    /// S-1-5-32-545 (BUILTIN\Users).
    pub const USERS: Sid = Sid::constant(5, &[32, 545]);
    /// S-1-5-32-546 (BUILTIN\Guests).
    pub const GUESTS: Sid = Sid::constant(5, &[32, 546]);
    /// S-1-5-32-551 (BUILTIN\Backup Operators).
    pub const BACKUP_OPERATORS: Sid = Sid::constant(5, &[32, 551]);
    /// BUILTIN\Power Users, S-1-5-32-547.
    pub const POWER_USERS: Sid = Sid::constant(5, &[32, 547]);
    /// BUILTIN\Server Operators, S-1-5-32-549.
    pub const SERVER_OPERATORS: Sid = Sid::constant(5, &[32, 549]);
    /// BUILTIN\Print Operators, S-1-5-32-550.
    pub const PRINT_OPERATORS: Sid = Sid::constant(5, &[32, 550]);

    const fn constant(authority: u8, sub_authorities: &[u32]) -> Sid {
        match Sid::from_parts([0, 0, 0, 0, 0, authority], sub_authorities) {
            Some(sid) => sid,
            None => Sid { authority: [0; 6], count: 0, sub_authorities: [0; Sid::MAX_SUB_AUTHORITIES] },
        }
    }

    /// From an identifier authority (big-endian) and its sub-authorities; `None` for more than 15.
    #[must_use]
    pub const fn from_parts(authority: [u8; 6], sub_authorities: &[u32]) -> Option<Sid> {
        let mut all = [0; Sid::MAX_SUB_AUTHORITIES];
        let mut from = sub_authorities;
        let mut to: &mut [u32] = &mut all;
        let mut count = 0u8;
        while let [first, rest @ ..] = from {
            let Some((place, tail)) = to.split_first_mut() else { return None };
            *place = *first;
            to = tail;
            from = rest;
            count = count.saturating_add(1);
        }
        Some(Sid { authority, count, sub_authorities: all })
    }

    /// This SID with one more sub-authority (a domain's SID and an account's RID); `None` when it is full.
    #[must_use]
    pub fn with_rid(&self, rid: u32) -> Option<Sid> {
        let mut longer = *self;
        *longer.sub_authorities.get_mut(usize::from(self.count))? = rid;
        longer.count = longer.count.saturating_add(1);
        Some(longer)
    }

    /// The SID without its last sub-authority, and that one (RID); `None` when there is none.
    #[must_use]
    pub fn split_rid(&self) -> Option<(Sid, u32)> {
        let (rid, head) = self.sub_authorities().split_last()?;
        Some((Sid::from_parts(self.authority, head)?, *rid))
    }

    /// The identifier authority, big-endian.
    #[must_use]
    pub const fn authority(&self) -> [u8; 6] {
        self.authority
    }

    /// The sub-authorities.
    #[inline]
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        self.sub_authorities.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Length of the encoded form in bytes: 8 to 68.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        usize::from(self.count).saturating_mul(4).saturating_add(8)
    }
}

impl<'a> Decode<'a> for Sid {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.u8("Revision")? != 1 {
            return Err(reader.error("Revision", DecodeReason::Invalid));
        }
        let count = reader.u8("SubAuthorityCount")?;
        let authority = reader.array("IdentifierAuthority")?;
        let mut sub_authorities = [0; Sid::MAX_SUB_AUTHORITIES];
        let places = sub_authorities
            .get_mut(..usize::from(count))
            .ok_or_else(|| reader.error("SubAuthorityCount", DecodeReason::Invalid))?;
        for place in places {
            *place = reader.u32("SubAuthority")?;
        }
        Ok(Sid { authority, count, sub_authorities })
    }
}

impl Encode for Sid {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(1);
        writer.u8(self.count);
        writer.bytes(&self.authority);
        for sub_authority in self.sub_authorities() {
            writer.u32(*sub_authority);
        }
    }
}

impl core::fmt::Display for Sid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.authority;
        let number = u64::from_be_bytes([0, 0, a, b, c, d, e, g]);
        if a == 0 && b == 0 {
            write!(f, "S-1-{number}")?;
        } else {
            write!(f, "S-1-0x{number:012X}")?;
        }
        for sub_authority in self.sub_authorities() {
            write!(f, "-{sub_authority}")?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for Sid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// A text is not a SID in the form `S-1-5-21-...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidParseError;

impl core::fmt::Display for SidParseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a SID: expected the form S-1-5-21-1-2-3-1000 with at most 15 sub-authorities")
    }
}

impl std::error::Error for SidParseError {}

impl core::str::FromStr for Sid {
    type Err = SidParseError;

    /// [MS-DTYP] 2.4.2.1 SID String Format Syntax.
    fn from_str(text: &str) -> Result<Self, SidParseError> {
        fn number<T: TryFrom<u64>>(part: &str) -> Result<T, SidParseError> {
            let value = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
                Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16),
                _ if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse(),
                _ => return Err(SidParseError),
            };
            T::try_from(value.map_err(|_| SidParseError)?).map_err(|_| SidParseError)
        }
        let mut parts = text.split('-');
        if !parts.next().is_some_and(|first| first.eq_ignore_ascii_case("S")) || parts.next() != Some("1") {
            return Err(SidParseError);
        }
        let authority: u64 = number(parts.next().ok_or(SidParseError)?)?;
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return Err(SidParseError) };
        let mut sid = Sid::from_parts(authority, &[]).ok_or(SidParseError)?;
        for part in parts {
            sid = sid.with_rid(number(part)?).ok_or(SidParseError)?;
        }
        Ok(sid)
    }
}

impl serde::Serialize for Sid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sid_round_trips(authority: [u8; 6], subs in proptest::collection::vec(any::<u32>(), 0..=15)) {
            let sid = Sid::from_parts(authority, &subs).unwrap();
            prop_assert_eq!(Sid::from_bytes(&sid.to_bytes()), Ok(sid));
            prop_assert_eq!(sid.to_bytes().len(), sid.size());
            prop_assert_eq!(sid.to_string().parse(), Ok(sid));
            prop_assert_eq!(serde_json::from_str::<Sid>(&serde_json::to_string(&sid).unwrap()).unwrap(), sid);
        }
    }

    #[test]
    fn sixteen_sub_authorities_are_refused() {
        assert_eq!(Sid::from_parts([0; 6], &[0; 16]), None);
        let mut bytes = vec![1, 16, 0, 0, 0, 0, 0, 5];
        bytes.extend([0; 64]);
        assert_eq!(Sid::from_bytes(&bytes).map_err(|e| e.field), Err("SubAuthorityCount"));
    }

    #[test]
    fn text_that_is_no_sid_is_refused() {
        for text in [
            "",
            "S",
            "S-1",
            "S-2-5",
            "S-1-5-",
            "S-1-5-x",
            "S-1-5-4294967296",
            "S-1-+5",
            "S-1-0x1000000000000",
        ] {
            assert_eq!(text.parse::<Sid>(), Err(SidParseError), "{text}");
        }
    }
}
