//! The `user.freehold` attribute: what Linux has no place for, of one file.
//!
//! Little-endian, 48 bytes for a file with nothing special and 64 with a ChangeTime that was set: so much fits into the
//! inode on ext4 (256-byte inodes), and no block of its own is needed.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | flags: 1 ChangeTime follows, 2 the file has named streams, 4 parts follow |
//! | 2 | 2 | epoch of the volume when written (see `store`) |
//! | 4 | 4 | CRC-32C of the whole with this field zero |
//! | 8 | 8 | file id |
//! | 16 | 8 | CreationTime |
//! | 24 | 4 | DOS attributes |
//! | 28 | 4 | home: hash of the inode it was written for, by which copies are known |
//! | 32 | 16 | hash of the security descriptor, zero without |
//! | 48 | 8 + 8 | with flag 1: ChangeTime, and the LastWriteTime with which it holds |
//! | | | with flag 4, up to the end: parts of kind 1, length 2, bytes |
//!
//! Parts: 1 extended attributes, 2 reparse buffer; 3 and 4 the same kept in the volume's store, as hash (16) and
//! size or tag (4).

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, FileTime, Reader, Writer};

use crate::fscc::FileAttributes;
use crate::vfs::ExtendedAttribute;

/// Name of the attribute.
pub(super) const XATTR_NAME: &str = "user.freehold";
/// Newest format that is understood, and the one written.
const VERSION: u8 = 1;
/// Longest attribute written: ext4 has about 4,000 bytes for all of a file's attributes.
pub(super) const MAX_RECORD_BYTES: usize = 1536;
/// Longest list of extended attributes or reparse buffer kept in the attribute itself.
const MAX_INLINE_BYTES: usize = 640;

const HAS_CHANGED: u8 = 1;
const HAS_STREAMS: u8 = 2;
const HAS_PARTS: u8 = 4;

/// First 16 bytes of SHA-256; zero means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ContentHash(pub(super) [u8; 16]);

impl ContentHash {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        ContentHash(digest.as_ref().first_chunk().copied().unwrap_or_default())
    }

    pub(super) fn is_none(self) -> bool {
        self == ContentHash::default()
    }

    pub(super) fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Something that is kept in the attribute, or in the store when it is big.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// There is none.
    #[default]
    None,
    /// Here.
    Inline(Vec<u8>),
    /// In the store under this hash; `about` is the EA size or the reparse tag.
    Stored {
        /// Of the content.
        hash: ContentHash,
        /// What is known of it without reading.
        about: u32,
    },
}

/// A decoded attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// File id.
    pub(super) id: u64,
    /// Epoch of the volume when it was written.
    pub(super) epoch: u16,
    /// Hash of its inode.
    pub(super) home: u32,
    /// Settable attributes and SPARSE_FILE.
    pub(super) attributes: FileAttributes,
    /// CreationTime.
    pub(super) created: FileTime,
    /// Security descriptor.
    pub(super) security: ContentHash,
    /// ChangeTime, and the LastWriteTime with which it holds.
    pub(super) changed: Option<(FileTime, FileTime)>,
    /// There may be named streams in the store.
    pub(super) has_streams: bool,
    /// Extended attributes, encoded.
    pub(super) extended_attributes: Part,
    /// Reparse buffer.
    pub(super) reparse: Part,
}

/// Why an attribute could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordError {
    /// Written by a newer version.
    Newer(u8),
    /// Not what was written.
    Damaged,
}

impl From<DecodeError> for RecordError {
    fn from(_: DecodeError) -> Self {
        RecordError::Damaged
    }
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::from_vec(Vec::with_capacity(64));
        let has_parts = self.extended_attributes != Part::None || self.reparse != Part::None;
        let flags =
            [(self.changed.is_some(), HAS_CHANGED), (self.has_streams, HAS_STREAMS), (has_parts, HAS_PARTS)];
        writer.u8(VERSION);
        writer.u8(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
        writer.u16(self.epoch);
        writer.u32(0);
        writer.u64(self.id);
        writer.u64(self.created.0);
        writer.u32(self.attributes.bits());
        writer.u32(self.home);
        writer.bytes(&self.security.0);
        if let Some((changed, modified)) = self.changed {
            writer.u64(changed.0);
            writer.u64(modified.0);
        }
        for (part, inline, stored) in [(&self.extended_attributes, 1, 3), (&self.reparse, 2, 4)] {
            match part {
                Part::None => {}
                Part::Inline(bytes) => {
                    writer.u8(inline);
                    writer.u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
                    writer.bytes(bytes);
                }
                Part::Stored { hash, about } => {
                    writer.u8(stored);
                    writer.u16(20);
                    writer.bytes(&hash.0);
                    writer.u32(*about);
                }
            }
        }
        let mut bytes = writer.into_bytes();
        let checksum = crc32c(&bytes);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8("version")?;
        if version > VERSION {
            return Err(RecordError::Newer(version));
        }
        let flags = reader.u8("flags")?;
        let epoch = reader.u16("epoch")?;
        let checksum = reader.u32("checksum")?;
        let unknown = flags & !(HAS_CHANGED | HAS_STREAMS | HAS_PARTS) != 0;
        if version != VERSION || unknown || checksum != crc32c(bytes) {
            return Err(RecordError::Damaged);
        }
        let mut record = Record {
            id: reader.u64("id")?,
            epoch,
            created: FileTime(reader.u64("created")?),
            attributes: FileAttributes::from_bits_retain(reader.u32("attributes")?),
            home: reader.u32("home")?,
            security: ContentHash(reader.array("security")?),
            has_streams: flags & HAS_STREAMS != 0,
            ..Record::default()
        };
        if flags & HAS_CHANGED != 0 {
            record.changed = Some((FileTime(reader.u64("changed")?), FileTime(reader.u64("modified")?)));
        }
        while !reader.is_empty() {
            let kind = reader.u8("part")?;
            let length = reader.u16("length")?;
            let mut part = Reader::new(reader.bytes("part", usize::from(length))?);
            let decoded = match kind {
                1 | 2 => Part::Inline(part.remaining().to_vec()),
                3 | 4 => Part::Stored { hash: ContentHash(part.array("hash")?), about: part.u32("about")? },
                _ => return Err(RecordError::Damaged),
            };
            if kind % 2 == 1 {
                record.extended_attributes = decoded;
            } else {
                record.reparse = decoded;
            }
        }
        if record.id == 0 || record.id == u64::MAX {
            return Err(RecordError::Damaged);
        }
        Ok(record)
    }

    pub(super) fn has_stored_parts(&self) -> bool {
        matches!(self.extended_attributes, Part::Stored { .. }) || matches!(self.reparse, Part::Stored { .. })
    }
}

impl Part {
    /// Inline when it is short; else the caller stores `bytes` under the hash.
    pub(super) fn of(bytes: &[u8], about: u32) -> Part {
        match bytes.len() {
            0 => Part::None,
            1..=MAX_INLINE_BYTES => Part::Inline(bytes.to_vec()),
            _ => Part::Stored { hash: ContentHash::of(bytes), about },
        }
    }

    /// Size (extended attributes) or tag (reparse buffer), given how to find it in inline bytes.
    pub(super) fn about(&self, inline: impl Fn(&[u8]) -> u32) -> u32 {
        match self {
            Part::None => 0,
            Part::Inline(bytes) => inline(bytes),
            Part::Stored { about, .. } => *about,
        }
    }
}

/// A list of extended attributes as bytes: flags 1, name length 1, value length 2, name, value, each.
pub(super) fn encode_eas(list: &[ExtendedAttribute]) -> Vec<u8> {
    let mut writer = Writer::new();
    for ea in list {
        writer.u8(ea.flags);
        writer.u8(u8::try_from(ea.name.len()).unwrap_or(u8::MAX));
        writer.u16(u16::try_from(ea.value.len()).unwrap_or(u16::MAX));
        writer.bytes(&ea.name);
        writer.bytes(&ea.value);
    }
    writer.into_bytes()
}

/// Undoes [`encode_eas`].
pub(super) fn decode_eas(bytes: &[u8]) -> Result<Vec<ExtendedAttribute>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut list = Vec::new();
    while !reader.is_empty() {
        let flags = reader.u8("flags")?;
        let name_length = reader.u8("name length")?;
        let value_length = reader.u16("value length")?;
        let name = reader.bytes("name", usize::from(name_length))?.to_vec();
        let value = reader.bytes("value", usize::from(value_length))?.to_vec();
        if name.is_empty() {
            return Err(reader.error("name", DecodeReason::Invalid));
        }
        list.push(ExtendedAttribute { flags, name, value });
    }
    Ok(list)
}

/// The tag at the start of a reparse buffer.
pub(super) fn reparse_tag(data: &[u8]) -> u32 {
    data.first_chunk::<4>().map_or(0, |tag| u32::from_le_bytes(*tag))
}

/// A descriptor's self-relative form.
pub(super) fn encode_security(security: &freehold_acl::SecurityDescriptor) -> Vec<u8> {
    security.to_bytes()
}

/// Undoes [`encode_security`].
pub(super) fn decode_security(bytes: &[u8]) -> Option<freehold_acl::SecurityDescriptor> {
    freehold_acl::SecurityDescriptor::from_bytes(bytes).ok()
}

/// CRC-32C (Castagnoli) of a record, with bytes 4 to 7 taken as zero.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 != 0 { value >> 1 ^ 0x82F6_3B78 } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    let mut crc = u32::MAX;
    for (at, byte) in bytes.iter().enumerate() {
        let byte = if (4..8).contains(&at) { 0 } else { *byte };
        crc = crc >> 8 ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> Record {
        Record {
            id: 77,
            epoch: 3,
            home: 0xDEAD_BEEF,
            attributes: FileAttributes::HIDDEN,
            created: FileTime(133_000_000_000_000_001),
            security: ContentHash::of(b"x"),
            ..Record::default()
        }
    }

    #[test]
    fn the_usual_record_fits_into_an_ext4_inode() {
        let mut record = record();
        assert_eq!(record.encode().len(), 48);
        record.changed = Some((FileTime(1), FileTime(2)));
        record.has_streams = true;
        assert_eq!(record.encode().len(), 64);
    }

    #[test]
    fn the_longest_record_is_within_the_limit() {
        let mut record = record();
        record.changed = Some((FileTime(1), FileTime(2)));
        record.extended_attributes = Part::of(&[1; MAX_INLINE_BYTES], 0);
        record.reparse = Part::of(&[1; MAX_INLINE_BYTES], 0);
        assert!(record.encode().len() <= MAX_RECORD_BYTES);
        assert!(!record.has_stored_parts());
        record.reparse = Part::of(&[1; MAX_INLINE_BYTES + 1], 0);
        assert!(record.has_stored_parts());
    }

    #[test]
    fn newer_versions_and_damage_are_told_apart() {
        let mut bytes = record().encode();
        bytes[0] = 2;
        assert_eq!(Record::decode(&bytes), Err(RecordError::Newer(2)));
        for at in 0..48 {
            let mut bytes = record().encode();
            bytes[at] ^= 0x10;
            assert!(Record::decode(&bytes).is_err(), "byte {at}");
        }
        assert_eq!(Record::decode(&record().encode()[..47]), Err(RecordError::Damaged));
        assert_eq!(Record::decode(&[]), Err(RecordError::Damaged));
    }

    proptest! {
        #[test]
        fn records_round_trip(id in 1..u64::MAX, created: u64, attributes: u32, security: [u8; 16], changed: Option<(u64, u64)>,
            has_streams: bool, eas in proptest::collection::vec(any::<u8>(), 0..1000), reparse in proptest::collection::vec(any::<u8>(), 0..1000))
        {
            let record = Record {
                id,
                epoch: 9,
                home: 5,
                attributes: FileAttributes::from_bits_retain(attributes),
                created: FileTime(created),
                security: ContentHash(security),
                changed: changed.map(|(a, b)| (FileTime(a), FileTime(b))),
                has_streams,
                extended_attributes: Part::of(&eas, 7),
                reparse: Part::of(&reparse, 8),
            };
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes: Vec<u8>) {
            let _ = Record::decode(&bytes);
            let _ = decode_eas(&bytes);
        }
    }
}
