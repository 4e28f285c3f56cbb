//! [MS-DTYP] 2.4.10.1 CLAIM_SECURITY_ATTRIBUTE_RELATIVE_V1: a named attribute with values, as a token carries it of a user
//! or a device, and as a resource attribute entry carries it of a file ([MS-DTYP] 2.4.4.15).

use freehold_dtyp::{Decode, Reader, Sid};
use serde::{Deserialize, Serialize};

/// [MS-DTYP] 2.4.10.1, Flags. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimFlags(pub u32);

bit_set!(ClaimFlags, u32);

#[allow(missing_docs)] // the names are the specification's
impl ClaimFlags {
    pub const NON_INHERITABLE: ClaimFlags = ClaimFlags(0x0001);
    pub const VALUE_CASE_SENSITIVE: ClaimFlags = ClaimFlags(0x0002);
    pub const USE_FOR_DENY_ONLY: ClaimFlags = ClaimFlags(0x0004);
    pub const DISABLED_BY_DEFAULT: ClaimFlags = ClaimFlags(0x0008);
    pub const DISABLED: ClaimFlags = ClaimFlags(0x0010);
    pub const MANDATORY: ClaimFlags = ClaimFlags(0x0020);
}

/// [MS-DTYP] 2.4.10.1, ValueType and Values: all values of a claim are of one type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "Type", content = "Values")]
pub enum ClaimValues {
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_INT64.
    Int64(Vec<i64>),
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_UINT64.
    Uint64(Vec<u64>),
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_STRING.
    String(Vec<String>),
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_SID.
    Sid(Vec<Sid>),
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_BOOLEAN.
    Boolean(Vec<bool>),
    /// CLAIM_SECURITY_ATTRIBUTE_TYPE_OCTET_STRING.
    OctetString(Vec<Vec<u8>>),
}

impl ClaimValues {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            ClaimValues::Int64(values) => values.len(),
            ClaimValues::Uint64(values) => values.len(),
            ClaimValues::String(values) => values.len(),
            ClaimValues::Sid(values) => values.len(),
            ClaimValues::Boolean(values) => values.len(),
            ClaimValues::OctetString(values) => values.len(),
        }
    }

    /// True when there is none: the claim then counts as not being there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl core::fmt::Display for ClaimValues {
    /// For people: `"Blue", "Red"`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        fn list<T>(
            f: &mut core::fmt::Formatter<'_>,
            values: &[T],
            one: impl Fn(&T, &mut core::fmt::Formatter<'_>) -> core::fmt::Result,
        ) -> core::fmt::Result {
            for (index, value) in values.iter().enumerate() {
                if index != 0 {
                    f.write_str(", ")?;
                }
                one(value, f)?;
            }
            Ok(())
        }
        match self {
            ClaimValues::Int64(values) => list(f, values, |value, f| write!(f, "{value}")),
            ClaimValues::Uint64(values) => list(f, values, |value, f| write!(f, "{value}")),
            ClaimValues::String(values) => list(f, values, |value, f| write!(f, "{value:?}")),
            ClaimValues::Sid(values) => list(f, values, |value, f| write!(f, "SID({value})")),
            ClaimValues::Boolean(values) => list(f, values, |value, f| write!(f, "{}", u8::from(*value))),
            ClaimValues::OctetString(values) => list(f, values, |value, f| {
                f.write_str("#")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }),
        }
    }
}

/// A claim: what is known of a user, of a device or of a file, for conditions to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Claim {
    /// Name, compared without case.
    pub name: String,
    /// How the values count.
    #[serde(default)]
    pub flags: ClaimFlags,
    /// The values.
    #[serde(flatten)]
    pub values: ClaimValues,
}

/// ValueType, on the wire.
pub(crate) mod value_type {
    pub(crate) const INT64: u16 = 0x0001;
    pub(crate) const UINT64: u16 = 0x0002;
    pub(crate) const STRING: u16 = 0x0003;
    pub(crate) const SID: u16 = 0x0005;
    pub(crate) const BOOLEAN: u16 = 0x0006;
    pub(crate) const OCTET_STRING: u16 = 0x0010;
}

impl Claim {
    /// A claim without flags.
    #[must_use]
    pub fn new(name: impl Into<String>, values: ClaimValues) -> Claim {
        Claim { name: name.into(), flags: ClaimFlags::EMPTY, values }
    }

    /// True when an entry that allows (or, with `deny`, one that denies) looks at the claim.
    pub(crate) fn counts(&self, deny: bool) -> bool {
        !self.values.is_empty()
            && !self.flags.intersects(ClaimFlags::DISABLED)
            && (deny || !self.flags.intersects(ClaimFlags::USE_FOR_DENY_ONLY))
    }

    /// From the application data of a resource attribute entry. `None` when it is not well-formed: such an attribute
    /// counts as not being there. Values that share bytes are not well-formed, so that what is allocated is bounded by
    /// what is stored.
    #[must_use]
    pub fn from_bytes(data: &[u8]) -> Option<Claim> {
        let mut reader = Reader::new(data);
        let mut room = data.len();
        let name = text_at(data, reader.u32("Name").ok()?, &mut room)?;
        let value_type = reader.u16("ValueType").ok()?;
        reader.skip("Reserved", 2).ok()?;
        let flags = ClaimFlags(reader.u32("Flags").ok()?);
        let count = usize::try_from(reader.u32("ValueCount").ok()?).ok()?;
        let (offsets, _) = reader.bytes("Values", count.checked_mul(4)?).ok()?.as_chunks::<4>();
        let offsets = offsets.iter().map(|offset| u32::from_le_bytes(*offset));
        let at = |offset: u32| data.get(usize::try_from(offset).ok()?..).map(Reader::new);
        let values = match value_type {
            value_type::INT64 => ClaimValues::Int64(
                offsets.map(|offset| at(offset)?.i64("Int64").ok()).collect::<Option<_>>()?,
            ),
            value_type::UINT64 => ClaimValues::Uint64(
                offsets.map(|offset| at(offset)?.u64("Uint64").ok()).collect::<Option<_>>()?,
            ),
            value_type::STRING => ClaimValues::String(
                offsets.map(|offset| text_at(data, offset, &mut room)).collect::<Option<_>>()?,
            ),
            value_type::SID => ClaimValues::Sid(
                offsets
                    .map(|offset| {
                        let bytes = octets_at(data, offset, &mut room)?;
                        Sid::from_bytes(bytes).ok().filter(|sid| sid.size() == bytes.len())
                    })
                    .collect::<Option<_>>()?,
            ),
            value_type::BOOLEAN => ClaimValues::Boolean(
                offsets
                    .map(|offset| match at(offset)?.u64("Boolean").ok()? {
                        0 => Some(false),
                        1 => Some(true),
                        _ => None,
                    })
                    .collect::<Option<_>>()?,
            ),
            value_type::OCTET_STRING => ClaimValues::OctetString(
                offsets
                    .map(|offset| octets_at(data, offset, &mut room).map(<[u8]>::to_vec))
                    .collect::<Option<_>>()?,
            ),
            _ => return None,
        };
        Some(Claim { name, flags, values })
    }
}

/// A text that ends with a zero unit, without it.
fn text_at(data: &[u8], offset: u32, room: &mut usize) -> Option<String> {
    let (pairs, _) = data.get(usize::try_from(offset).ok()?..)?.as_chunks::<2>();
    let length = pairs.iter().take(room.checked_div(2)?).position(|pair| *pair == [0, 0])?;
    *room = room.checked_sub(length.checked_add(1)?.checked_mul(2)?)?;
    char::decode_utf16(pairs.iter().take(length).map(|pair| u16::from_le_bytes(*pair)))
        .collect::<Result<String, _>>()
        .ok()
}

/// [MS-DTYP] 2.4.10.2 CLAIM_SECURITY_ATTRIBUTE_OCTET_STRING_RELATIVE.
fn octets_at<'a>(data: &'a [u8], offset: u32, room: &mut usize) -> Option<&'a [u8]> {
    let mut reader = Reader::new(data.get(usize::try_from(offset).ok()?..)?);
    let length = usize::try_from(reader.u32("Length").ok()?).ok()?;
    *room = room.checked_sub(length.checked_add(4)?)?;
    reader.bytes("OctetString", length).ok()
}

/// The form in which names and texts are compared without case: each character in its simple upper case.
pub(crate) fn fold(text: &str) -> String {
    text.chars()
        .map(|character| {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => character,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecurityDescriptor;
    use proptest::prelude::*;

    fn read(attribute: &str) -> Option<Claim> {
        let sd: SecurityDescriptor = format!("S:(RA;;;;;WD;{attribute})").parse().unwrap();
        Claim::from_bytes(sd.sacl.acl().unwrap().aces()[0].data())
    }

    #[test]
    fn every_type_of_value_is_read() {
        for (text, values) in [
            ("(\"p\",TS,0,\"Blue\",\"Röd\")", ClaimValues::String(vec!["Blue".into(), "Röd".into()])),
            ("(\"p\",TI,0,-5,7)", ClaimValues::Int64(vec![-5, 7])),
            ("(\"p\",TU,0,18446744073709551615)", ClaimValues::Uint64(vec![u64::MAX])),
            ("(\"p\",TD,0,BA)", ClaimValues::Sid(vec![Sid::ADMINISTRATORS])),
            ("(\"p\",TB,0,1,0)", ClaimValues::Boolean(vec![true, false])),
            ("(\"p\",TX,0,#0102)", ClaimValues::OctetString(vec![vec![1, 2]])),
            ("(\"p\",TS,0)", ClaimValues::String(vec![])),
        ] {
            assert_eq!(read(text), Some(Claim::new("p", values)), "{text}");
        }
        assert_eq!(read("(\"p\",TI,0x12,1)").unwrap().flags, ClaimFlags(0x12));
    }

    /// A few bytes that name one long value many times do not become many long values.
    #[test]
    fn values_that_share_bytes_are_refused() {
        let mut data = vec![0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0];
        data[0..4].copy_from_slice(&(16u32 + 400).to_le_bytes());
        for _ in 0..100 {
            data.extend((16u32 + 400 + 4).to_le_bytes());
        }
        data.extend([b'p', 0, 0, 0]);
        data.extend([b'x', 0].repeat(100));
        data.extend([0, 0]);
        assert_eq!(Claim::from_bytes(&data), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data in prop::collection::vec(0u8..40, 0..90)) {
            let _ = Claim::from_bytes(&data);
        }
    }
}
