//! [MS-DFSC] 2.2.4 RESP_GET_DFS_REFERRAL with the entries of 2.2.5.
//!
//! Strings follow the last entry, the path once and its alternate form once for all entries, then one target after the other:
//! the layout of the trace in [MS-DFSC] 4.5.

use bitflags::bitflags;
use freehold_dtyp::{DecodeError, DecodeReason, Reader, Writer};
use thiserror::Error;

bitflags! {
    /// ReferralHeaderFlags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct HeaderFlags: u32 {
        /// R (ReferralServers): the targets answer referral requests.
        const REFERRAL_SERVERS = 0x0000_0001;
        /// S (StorageServers): the targets are reached without another referral.
        const STORAGE_SERVERS = 0x0000_0002;
        /// T (TargetFailback); version 4 only.
        const TARGET_FAILBACK = 0x0000_0004;
        const _ = !0;
    }
}

bitflags! {
    /// ReferralEntryFlags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct EntryFlags: u16 {
        /// NameListReferral: the entry has names of domains or of domain controllers.
        const NAME_LIST = 0x0002;
        /// T (TargetSetBoundary): the first target of a target set; version 4 only.
        const TARGET_SET_BOUNDARY = 0x0004;
        const _ = !0;
    }
}

/// Longest response: what offsets of 16 bits reach.
pub const MAX_RESPONSE_BYTES: usize = 0xFFFF;
/// PathConsumed (2), NumberOfReferrals (2), ReferralHeaderFlags (4).
const HEADER: usize = 8;
/// VersionNumber (2), Size (2), ServerType (2), ReferralEntryFlags (2); ShareName follows.
const V1_FIXED: usize = 8;
/// As version 1, then Proximity (4), TimeToLive (4), three offsets (6).
const V2_FIXED: usize = 22;
/// As version 1, then TimeToLive (4), three offsets (6), ServiceSiteGuid (16).
const V3_FIXED: usize = 34;
/// Version 3 with NameListReferral and without padding: TimeToLive (4), SpecialNameOffset (2), NumberOfExpandedNames (2),
/// ExpandedNameOffset (2).
const NAME_LIST_FIXED: usize = 18;
/// Most code units of strings that one response is read for: entries may point to the same string.
const MAX_STRING_UNITS: usize = 1 << 20;

/// A response could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// Not one entry fits what the client takes ([MS-DFSC] 3.2.5.1: STATUS_BUFFER_OVERFLOW).
    #[error("not one entry fits the client's buffer")]
    BufferOverflow,
    /// No version is as low as the client's.
    #[error("no referral has a version as low as the client asks for")]
    Version,
}

/// One target of a response to come.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// `\server\share[\path]`.
    pub target: &'a str,
    /// It is the first of its target set.
    pub starts_set: bool,
}

/// A response to a root or link referral request, before its form is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Referral<'a> {
    /// The part of the request's path that is the root or the link, in UTF-16 code units.
    pub path: &'a [u16],
    /// The targets are root targets.
    pub root: bool,
    /// R, S and T; version 1 has R and S always, T is of version 4 only.
    pub flags: HeaderFlags,
    /// TimeToLive in seconds.
    pub ttl_seconds: u32,
}

impl Referral<'_> {
    /// Writes the response with as many of the targets as fit `max_bytes` ([MS-DFSC] 3.2.5.5), in the highest version up to 4
    /// that the client understands.
    ///
    /// # Errors
    /// [`ResponseError`].
    pub fn encode(
        &self,
        max_level: u16,
        max_bytes: usize,
        rows: &[Row<'_>],
    ) -> Result<Vec<u8>, ResponseError> {
        let version = max_level.min(4);
        if version == 0 {
            return Err(ResponseError::Version);
        }
        let targets: Vec<Vec<u16>> = rows.iter().map(|row| row.target.encode_utf16().collect()).collect();
        let count = self.fitting(version, max_bytes.min(MAX_RESPONSE_BYTES), &targets)?;
        let mut flags = self.flags;
        if version == 1 {
            flags |= HeaderFlags::REFERRAL_SERVERS | HeaderFlags::STORAGE_SERVERS;
        }
        flags.set(HeaderFlags::TARGET_FAILBACK, version == 4 && flags.contains(HeaderFlags::TARGET_FAILBACK));
        let mut writer = Writer::new();
        writer.u16(u16::try_from(self.path.len().saturating_mul(2)).unwrap_or(u16::MAX));
        writer.u16(u16::try_from(count).unwrap_or(u16::MAX));
        writer.u32(flags.bits());
        let chosen = rows.iter().zip(&targets).take(count);
        if version == 1 {
            chosen.for_each(|(_, target)| self.encode_v1(target, &mut writer));
        } else {
            self.encode_with_offsets(version, chosen, count, &mut writer);
        }
        Ok(writer.into_bytes())
    }

    /// How many targets fit.
    fn fitting(&self, version: u16, max_bytes: usize, targets: &[Vec<u16>]) -> Result<usize, ResponseError> {
        let strings =
            if version == 1 || targets.is_empty() { 0 } else { string_bytes(self.path).saturating_mul(2) };
        let mut total = HEADER.saturating_add(strings);
        if total > max_bytes {
            return Err(ResponseError::BufferOverflow);
        }
        let mut count = 0_usize;
        for target in targets {
            total = total.saturating_add(fixed_size(version)).saturating_add(string_bytes(target));
            if total > max_bytes {
                break;
            }
            count = count.saturating_add(1);
        }
        if count == 0 && !targets.is_empty() { Err(ResponseError::BufferOverflow) } else { Ok(count) }
    }

    fn encode_v1(&self, target: &[u16], writer: &mut Writer) {
        writer.u16(1);
        writer.u16(u16::try_from(V1_FIXED.saturating_add(string_bytes(target))).unwrap_or(u16::MAX));
        writer.u16(self.root.into());
        writer.u16(0);
        write_string(target, writer);
    }

    fn encode_with_offsets<'a>(
        &self,
        version: u16,
        rows: impl Iterator<Item = (&'a Row<'a>, &'a Vec<u16>)> + Clone,
        count: usize,
        writer: &mut Writer,
    ) {
        let size = fixed_size(version);
        let path = HEADER.saturating_add(size.saturating_mul(count));
        let alternate = path.saturating_add(string_bytes(self.path));
        let mut address = alternate.saturating_add(string_bytes(self.path));
        for (row, target) in rows.clone() {
            let start = writer.position();
            writer.u16(version);
            writer.u16(u16::try_from(size).unwrap_or(u16::MAX));
            writer.u16(self.root.into());
            let boundary = version == 4 && row.starts_set;
            writer.u16(if boundary { EntryFlags::TARGET_SET_BOUNDARY.bits() } else { 0 });
            if version == 2 {
                writer.u32(0);
            }
            writer.u32(self.ttl_seconds);
            for string in [path, alternate, address] {
                writer.u16(u16::try_from(string.saturating_sub(start)).unwrap_or(u16::MAX));
            }
            if version > 2 {
                writer.zeros(16);
            }
            address = address.saturating_add(string_bytes(target));
        }
        if count > 0 {
            write_string(self.path, writer);
            write_string(self.path, writer);
        }
        rows.for_each(|(_, target)| write_string(target, writer));
    }
}

/// A response to a domain referral request (one list of one name for each domain) or to a DC referral request (one list, the
/// domain and its controllers): [MS-DFSC] 3.3.5.2 and 3.3.5.3, version 3 always.
#[must_use]
pub fn encode_name_list(ttl_seconds: u32, flags: HeaderFlags, lists: &[(&str, &[&str])]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u16(0);
    writer.u16(u16::try_from(lists.len()).unwrap_or(u16::MAX));
    writer.u32(flags.bits());
    let mut starts = Vec::with_capacity(lists.len());
    for (_, expanded) in lists {
        starts.push(writer.position());
        writer.u16(3);
        writer.u16(u16::try_from(NAME_LIST_FIXED).unwrap_or(u16::MAX));
        writer.u16(0);
        writer.u16(EntryFlags::NAME_LIST.bits());
        writer.u32(ttl_seconds);
        writer.u16(0);
        writer.u16(u16::try_from(expanded.len()).unwrap_or(u16::MAX));
        writer.u16(0);
    }
    for ((special, expanded), start) in lists.iter().zip(starts) {
        let special_at = writer.position().saturating_sub(start);
        writer.patch_u16(start.saturating_add(12), special_at);
        write_string(&special.encode_utf16().collect::<Vec<_>>(), &mut writer);
        if !expanded.is_empty() {
            let expanded_at = writer.position().saturating_sub(start);
            writer.patch_u16(start.saturating_add(16), expanded_at);
        }
        for name in *expanded {
            write_string(&name.encode_utf16().collect::<Vec<_>>(), &mut writer);
        }
    }
    writer.into_bytes()
}

fn fixed_size(version: u16) -> usize {
    match version {
        1 => V1_FIXED,
        2 => V2_FIXED,
        _ => V3_FIXED,
    }
}

/// With its terminator.
fn string_bytes(units: &[u16]) -> usize {
    units.len().saturating_add(1).saturating_mul(2)
}

fn write_string(units: &[u16], writer: &mut Writer) {
    for unit in units {
        writer.u16(*unit);
    }
    writer.u16(0);
}

/// One entry of a response as it came. Strings are UTF-16LE without terminator, in the response's own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// 2.2.5.1 DFS_REFERRAL_V1.
    Share {
        /// ServerType is 1.
        root: bool,
        /// ShareName.
        share_name: &'a [u8],
    },
    /// 2.2.5.2 to 2.2.5.4 without NameListReferral.
    Target {
        /// VersionNumber: 2, 3 or 4.
        version: u16,
        /// ServerType is 1.
        root: bool,
        /// ReferralEntryFlags.
        flags: EntryFlags,
        /// TimeToLive in seconds.
        ttl_seconds: u32,
        /// The string of DFSPathOffset.
        path: &'a [u8],
        /// The string of DFSAlternatePathOffset.
        alternate: &'a [u8],
        /// The string of NetworkAddressOffset.
        address: &'a [u8],
    },
    /// 2.2.5.3.2: a domain, and its controllers where they were asked for.
    Names {
        /// VersionNumber: 3 or 4.
        version: u16,
        /// TimeToLive in seconds.
        ttl_seconds: u32,
        /// The string of SpecialNameOffset.
        special: &'a [u8],
        /// The strings of ExpandedNameOffset.
        expanded: Vec<&'a [u8]>,
    },
}

/// [MS-DFSC] 2.2.4 RESP_GET_DFS_REFERRAL as it came: the client's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferralResponse<'a> {
    /// PathConsumed in bytes.
    pub path_consumed: u16,
    /// ReferralHeaderFlags.
    pub flags: HeaderFlags,
    /// The entries, all of one version.
    pub entries: Vec<Entry<'a>>,
}

impl<'a> ReferralResponse<'a> {
    /// Reads a response.
    ///
    /// # Errors
    /// The first field that does not fit; entries of different versions; strings that add up to more than a response can have.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let path_consumed = reader.u16("PathConsumed")?;
        let count = reader.u16("NumberOfReferrals")?;
        let flags = HeaderFlags::from_bits_retain(reader.u32("ReferralHeaderFlags")?);
        let mut strings = Strings { bytes, left: MAX_STRING_UNITS };
        let mut entries = Vec::new();
        let mut version = None;
        let mut start = HEADER;
        for _ in 0..count {
            let rest = bytes.get(start..).unwrap_or_default();
            let mut entry = Reader::new(rest);
            let number = entry.u16("VersionNumber")?;
            if *version.get_or_insert(number) != number {
                return Err(entry.error("VersionNumber", DecodeReason::Invalid));
            }
            let size = usize::from(entry.u16("Size")?);
            entries.push(read_entry(number, size, start, &mut entry, &mut strings)?);
            start = start.saturating_add(size);
        }
        Ok(ReferralResponse { path_consumed, flags, entries })
    }
}

/// The strings of a response. What has been read is counted, so that many entries with one long string end.
struct Strings<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Strings<'a> {
    /// The string at a byte of the response; an error where it has no end.
    fn at(
        &mut self,
        start: usize,
        reader: &Reader<'_>,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let out = || reader.error(field, DecodeReason::OutOfBounds);
        let rest = self.bytes.get(start..).ok_or_else(out)?;
        let (units, _) = rest.as_chunks::<2>();
        let length = units.iter().take(self.left).position(|unit| *unit == [0, 0]).ok_or_else(out)?;
        self.left = self.left.saturating_sub(length).saturating_sub(1);
        rest.get(..length.saturating_mul(2)).ok_or_else(out)
    }
}

/// An entry whose VersionNumber and Size are read; `start` is where it lies in the response.
fn read_entry<'a>(
    version: u16,
    size: usize,
    start: usize,
    entry: &mut Reader<'a>,
    strings: &mut Strings<'a>,
) -> Result<Entry<'a>, DecodeError> {
    let root = entry.u16("ServerType")? == 1;
    let flags = EntryFlags::from_bits_retain(entry.u16("ReferralEntryFlags")?);
    let names = version > 2 && flags.contains(EntryFlags::NAME_LIST);
    let least = match version {
        1 => V1_FIXED.saturating_add(2),
        2 => V2_FIXED,
        3 | 4 if names => NAME_LIST_FIXED,
        3 | 4 => V3_FIXED,
        _ => return Err(entry.error("VersionNumber", DecodeReason::Invalid)),
    };
    if size < least {
        return Err(entry.error("Size", DecodeReason::Invalid));
    }
    if version == 1 {
        let share_name = strings.at(start.saturating_add(V1_FIXED), entry, "ShareName")?;
        return Ok(Entry::Share { root, share_name });
    }
    if version == 2 {
        entry.skip("Proximity", 4)?;
    }
    let ttl_seconds = entry.u32("TimeToLive")?;
    let from_entry = |offset: u16| start.saturating_add(offset.into());
    if names {
        let special = from_entry(entry.u16("SpecialNameOffset")?);
        let count = entry.u16("NumberOfExpandedNames")?;
        let mut next = from_entry(entry.u16("ExpandedNameOffset")?);
        let special = strings.at(special, entry, "SpecialName")?;
        let mut expanded = Vec::new();
        for _ in 0..count {
            let name = strings.at(next, entry, "ExpandedName")?;
            next = next.saturating_add(name.len()).saturating_add(2);
            expanded.push(name);
        }
        return Ok(Entry::Names { version, ttl_seconds, special, expanded });
    }
    let path = from_entry(entry.u16("DFSPathOffset")?);
    let alternate = from_entry(entry.u16("DFSAlternatePathOffset")?);
    let address = from_entry(entry.u16("NetworkAddressOffset")?);
    Ok(Entry::Target {
        version,
        root,
        flags,
        ttl_seconds,
        path: strings.at(path, entry, "DFSPath")?,
        alternate: strings.at(alternate, entry, "DFSAlternatePath")?,
        address: strings.at(address, entry, "NetworkAddress")?,
    })
}

#[cfg(test)]
mod tests;
