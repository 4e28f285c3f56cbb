//! [MS-PAC] 2.11 PAC_CLIENT_CLAIMS_INFO and 2.13 PAC_DEVICE_CLAIMS_INFO: [MS-ADTS] 2.2.18 CLAIMS_SET_METADATA and what is in it.

use freehold_acl::{Claim, ClaimValues};
use freehold_dtyp::DecodeError;

use super::ndr::Ndr;
use super::xpress;

/// Longest claims set, uncompressed.
const CLAIMS_SIZE_LIMIT: u32 = 256 * 1024;
/// Most values of all claims together.
const VALUES_LIMIT: usize = 16_384;

/// [MS-ADTS] 2.2.18.4 CLAIMS_COMPRESSION_FORMAT.
const COMPRESSION_FORMAT_NONE: u16 = 0;
const COMPRESSION_FORMAT_XPRESS_HUFF: u16 = 4;

/// [MS-ADTS] 2.2.18.1 CLAIM_TYPE.
const CLAIM_TYPE_INT64: u16 = 1;
const CLAIM_TYPE_UINT64: u16 = 2;
const CLAIM_TYPE_STRING: u16 = 3;
const CLAIM_TYPE_BOOLEAN: u16 = 6;

/// The claims of a user or a device. An empty buffer holds none.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Claim>, DecodeError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    // 2.2.18.9 CLAIMS_SET_METADATA.
    let mut ndr = Ndr::of_object(bytes)?;
    let size = ndr.u32("ulClaimsSetSize")?;
    let present = ndr.pointer("ClaimsSet")?;
    let format = ndr.u16("usCompressionFormat")?;
    let uncompressed_size = ndr.u32("ulUncompressedClaimsSetSize")?;
    ndr.u16("usReservedType")?;
    ndr.u32("ulReservedFieldSize")?;
    ndr.pointer("ReservedField")?;
    if !present {
        return Ok(Vec::new());
    }
    let set = ndr.bytes("ClaimsSet", size)?;
    match format {
        COMPRESSION_FORMAT_NONE => decode_set(set),
        // What Windows compresses with; the other formats of the enumeration are never sent.
        COMPRESSION_FORMAT_XPRESS_HUFF if uncompressed_size <= CLAIMS_SIZE_LIMIT => {
            let length = usize::try_from(uncompressed_size).unwrap_or_default();
            decode_set(&xpress::decompress(set, length).ok_or(ndr.error("ClaimsSet"))?)
        }
        _ => Err(ndr.error("usCompressionFormat")),
    }
}

/// 2.2.18.8 CLAIMS_SET.
fn decode_set(bytes: &[u8]) -> Result<Vec<Claim>, DecodeError> {
    let mut ndr = Ndr::of_object(bytes)?;
    let count = ndr.u32("ulClaimsArrayCount")?;
    let present = ndr.pointer("ClaimsArrays")?;
    ndr.u16("usReservedType")?;
    ndr.u32("ulReservedFieldSize")?;
    ndr.pointer("ReservedField")?;
    if !present {
        return Ok(Vec::new());
    }
    // 2.2.18.7 CLAIMS_ARRAY.
    let length = ndr.array("ClaimsArrays", count, 12)?;
    let arrays: Vec<(u32, bool)> = (0..length)
        .map(|_| {
            ndr.u16("usClaimsSourceType")?;
            Ok((ndr.u32("ulClaimsCount")?, ndr.pointer("ClaimEntries")?))
        })
        .collect::<Result<_, DecodeError>>()?;
    let mut claims = Vec::new();
    let mut room = VALUES_LIMIT;
    for (count, present) in arrays {
        if present {
            decode_entries(&mut ndr, count, &mut claims, &mut room)?;
        }
    }
    Ok(claims)
}

/// The fixed part of 2.2.18.6 CLAIM_ENTRY.
struct Entry {
    has_id: bool,
    kind: u16,
    count: u32,
    has_values: bool,
}

fn decode_entries(
    ndr: &mut Ndr<'_>,
    count: u32,
    claims: &mut Vec<Claim>,
    room: &mut usize,
) -> Result<(), DecodeError> {
    let length = ndr.array("ClaimEntries", count, 16)?;
    let mut entries = Vec::with_capacity(length);
    for _ in 0..length {
        let has_id = ndr.pointer("Id")?;
        let kind = ndr.u16("Type")?;
        if ndr.u16("Type")? != kind {
            return Err(ndr.error("Type"));
        }
        entries.push(Entry {
            has_id,
            kind,
            count: ndr.u32("ValueCount")?,
            has_values: ndr.pointer("Values")?,
        });
    }
    for entry in entries {
        let name = ndr.text("Id", entry.has_id)?;
        let count = if entry.has_values { entry.count } else { 0 };
        *room = usize::try_from(count)
            .ok()
            .and_then(|count| room.checked_sub(count))
            .ok_or(ndr.error("ValueCount"))?;
        let values = decode_values(ndr, &entry)?;
        claims.push(Claim::new(name, values));
    }
    Ok(())
}

fn decode_values(ndr: &mut Ndr<'_>, entry: &Entry) -> Result<ClaimValues, DecodeError> {
    let numbers = |ndr: &mut Ndr<'_>| -> Result<Vec<u64>, DecodeError> {
        if !entry.has_values {
            return Ok(Vec::new());
        }
        let length = ndr.array("Values", entry.count, 8)?;
        (0..length).map(|_| ndr.u64("Values")).collect()
    };
    Ok(match entry.kind {
        CLAIM_TYPE_INT64 => ClaimValues::Int64(
            numbers(ndr)?.into_iter().map(|value| i64::from_le_bytes(value.to_le_bytes())).collect(),
        ),
        CLAIM_TYPE_UINT64 => ClaimValues::Uint64(numbers(ndr)?),
        CLAIM_TYPE_BOOLEAN => {
            ClaimValues::Boolean(numbers(ndr)?.into_iter().map(|value| value != 0).collect())
        }
        CLAIM_TYPE_STRING if entry.has_values => {
            let length = ndr.array("StringValues", entry.count, 4)?;
            let present: Vec<bool> =
                (0..length).map(|_| ndr.pointer("StringValues")).collect::<Result<_, DecodeError>>()?;
            let values = present.into_iter().map(|present| ndr.text("StringValues", present));
            ClaimValues::String(values.collect::<Result<_, DecodeError>>()?)
        }
        CLAIM_TYPE_STRING => ClaimValues::String(Vec::new()),
        _ => return Err(ndr.error("Type")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::kerberos::testing::NdrWriter;
    use proptest::prelude::*;

    fn set(claims: &[Claim]) -> Vec<u8> {
        let mut ndr = NdrWriter::new();
        ndr.u32(1);
        ndr.pointer();
        ndr.u16(0);
        ndr.u32(0);
        ndr.u32(0);
        // One array, from Active Directory.
        ndr.u32(1);
        ndr.u16(1);
        ndr.u32(claims.len() as u32);
        ndr.pointer();
        ndr.u32(claims.len() as u32);
        for claim in claims {
            ndr.pointer();
            let kind = match &claim.values {
                ClaimValues::Int64(_) => CLAIM_TYPE_INT64,
                ClaimValues::Uint64(_) => CLAIM_TYPE_UINT64,
                ClaimValues::String(_) => CLAIM_TYPE_STRING,
                _ => CLAIM_TYPE_BOOLEAN,
            };
            ndr.u16(kind);
            ndr.u16(kind);
            ndr.u32(claim.values.len() as u32);
            ndr.pointer();
        }
        for claim in claims {
            ndr.chars(&claim.name, true);
            ndr.u32(claim.values.len() as u32);
            match &claim.values {
                ClaimValues::Int64(values) => values.iter().for_each(|value| ndr.u64(*value as u64)),
                ClaimValues::Uint64(values) => values.iter().for_each(|value| ndr.u64(*value)),
                ClaimValues::Boolean(values) => values.iter().for_each(|value| ndr.u64(u64::from(*value))),
                ClaimValues::String(values) => {
                    values.iter().for_each(|_| ndr.pointer());
                    values.iter().for_each(|value| ndr.chars(value, true));
                }
                ClaimValues::Sid(_) | ClaimValues::OctetString(_) => {
                    panic!("not in Active Directory's claims")
                }
            }
        }
        ndr.object()
    }

    fn metadata(set: &[u8], format: u16, uncompressed_size: u32) -> Vec<u8> {
        let mut ndr = NdrWriter::new();
        ndr.u32(set.len() as u32);
        ndr.pointer();
        ndr.u16(format);
        ndr.u32(uncompressed_size);
        ndr.u16(0);
        ndr.u32(0);
        ndr.u32(0);
        ndr.u32(set.len() as u32);
        ndr.bytes(set);
        ndr.object()
    }

    fn all_types() -> Vec<Claim> {
        let texts =
            |texts: &[&str]| ClaimValues::String(texts.iter().map(|text| (*text).to_owned()).collect());
        vec![
            Claim::new("ad://ext/department:88d1", texts(&["Engineering", "Büro"])),
            Claim::new("ad://ext/level", ClaimValues::Int64(vec![-3])),
            Claim::new("ad://ext/quota", ClaimValues::Uint64(vec![u64::MAX, 1])),
            Claim::new("ad://ext/manager", ClaimValues::Boolean(vec![true])),
        ]
    }

    #[test]
    fn every_type_of_claim_is_read() {
        let bytes = set(&all_types());
        let size = bytes.len() as u32;
        assert_eq!(decode(&metadata(&bytes, COMPRESSION_FORMAT_NONE, size)), Ok(all_types()));
        assert_eq!(decode(&[]), Ok(Vec::new()));
        assert!(decode(&metadata(&bytes, 2, size)).is_err(), "LZNT1 is not read");
    }

    /// A table in which every literal has a code of eight bits makes each byte its own code.
    #[test]
    fn compressed_claims_are_read() {
        let bytes = set(&all_types());
        let mut compressed = [vec![0x88; 128], vec![0; 128]].concat();
        // Units are little-endian and give their high byte first.
        for pair in bytes.chunks(2) {
            compressed.extend([*pair.get(1).unwrap_or(&0), pair[0]]);
        }
        compressed.extend([0; 4]);
        let whole = metadata(&compressed, COMPRESSION_FORMAT_XPRESS_HUFF, bytes.len() as u32);
        assert_eq!(decode(&whole), Ok(all_types()));
        assert!(decode(&metadata(&compressed, COMPRESSION_FORMAT_XPRESS_HUFF, u32::MAX)).is_err());
    }

    proptest! {
        #[test]
        fn changed_claims_are_judged_without_panic(place: prop::sample::Index, change: u8, cut: prop::sample::Index) {
            let bytes = set(&all_types());
            let mut whole = metadata(&bytes, COMPRESSION_FORMAT_NONE, bytes.len() as u32);
            let place = place.index(whole.len());
            whole[place] = change;
            let _ = decode(&whole);
            let _ = decode(&whole[..cut.index(whole.len())]);
        }
    }
}
