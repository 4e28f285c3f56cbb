//! [MS-FSCC] 2.4.41 FileQuotaInformation and 2.4.41.1 FILE_GET_QUOTA_INFORMATION.

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, FileTime, Reader, Sid, Writer};

use super::chain::{ChainDecode, ChainEncode};
use super::layout::read_length;

/// Limit or threshold: none.
pub const NO_LIMIT: i64 = -1;

/// Limit in a set request: remove the entry.
pub const REMOVE_ENTRY: i64 = -2;

/// [MS-FSCC] 2.4.41 FileQuotaInformation: one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaInformation {
    /// When the entry was changed last; ignored in a set request.
    pub change_time: FileTime,
    /// Bytes in use; ignored in a set request.
    pub quota_used: i64,
    /// Bytes at which a warning is given; [`NO_LIMIT`] for none.
    pub quota_threshold: i64,
    /// Bytes that may be used; [`NO_LIMIT`] for no limit, [`REMOVE_ENTRY`] in a set request to remove the
    /// entry.
    pub quota_limit: i64,
    /// The user.
    pub sid: Sid,
}

impl QuotaInformation {
    /// Bytes in front of the SID: NextEntryOffset (4), SidLength (4), ChangeTime, QuotaUsed, QuotaThreshold,
    /// QuotaLimit (8 each).
    pub const FIXED_SIZE: usize = 40;
}

impl ChainEncode for QuotaInformation {
    const ALIGNMENT: usize = 8;

    fn size(&self) -> usize {
        self.sid.size().saturating_add(Self::FIXED_SIZE)
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(u32::try_from(self.sid.size()).unwrap_or(u32::MAX));
        writer.u64(self.change_time.0);
        writer.i64(self.quota_used);
        writer.i64(self.quota_threshold);
        writer.i64(self.quota_limit);
        self.sid.encode(writer);
    }
}

impl<'a> ChainDecode<'a> for QuotaInformation {
    const MINIMUM_SIZE: usize = Self::FIXED_SIZE;
    const ALIGNMENT: usize = 4; // 8 by the text, yet clients are known to align to 4

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "SidLength")?;
        Ok(QuotaInformation {
            change_time: FileTime(reader.u64("ChangeTime")?),
            quota_used: reader.i64("QuotaUsed")?,
            quota_threshold: reader.i64("QuotaThreshold")?,
            quota_limit: reader.i64("QuotaLimit")?,
            sid: read_sid(reader, length)?,
        })
    }
}

/// [MS-FSCC] 2.4.41.1 FILE_GET_QUOTA_INFORMATION: a user that a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetQuotaInformation {
    /// The user.
    pub sid: Sid,
}

impl GetQuotaInformation {
    /// Bytes in front of the SID: NextEntryOffset (4), SidLength (4).
    pub const FIXED_SIZE: usize = 8;
}

impl ChainEncode for GetQuotaInformation {
    const ALIGNMENT: usize = 4;

    fn size(&self) -> usize {
        self.sid.size().saturating_add(Self::FIXED_SIZE)
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(u32::try_from(self.sid.size()).unwrap_or(u32::MAX));
        self.sid.encode(writer);
    }
}

impl<'a> ChainDecode<'a> for GetQuotaInformation {
    const MINIMUM_SIZE: usize = Self::FIXED_SIZE;
    const ALIGNMENT: usize = 4;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "SidLength")?;
        Ok(GetQuotaInformation { sid: read_sid(reader, length)? })
    }
}

/// A SID that is exactly as long as its entry says.
fn read_sid(reader: &mut Reader<'_>, length: usize) -> Result<Sid, DecodeError> {
    let error = reader.error("SidLength", DecodeReason::Invalid);
    let sid = Sid::from_bytes(reader.bytes("Sid", length)?)?;
    if sid.size() == length { Ok(sid) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::{Append, ChainEntries, ChainWriter};
    use proptest::prelude::*;

    fn any_sid() -> impl Strategy<Value = Sid> {
        prop::collection::vec(any::<u32>(), 1..6)
            .prop_map(|subs| Sid::from_parts([0, 0, 0, 0, 0, 5], &subs).unwrap())
    }

    #[test]
    fn a_quota_has_the_layout_of_the_specification() {
        let mut output = Vec::new();
        let entry = QuotaInformation {
            change_time: FileTime(1),
            quota_used: 2,
            quota_threshold: NO_LIMIT,
            quota_limit: REMOVE_ENTRY,
            sid: Sid::EVERYONE,
        };
        let mut chain = ChainWriter::new(&mut output, 200);
        assert_eq!(chain.append(&entry), Append::Written);
        assert_eq!(chain.append(&entry), Append::Written);
        let mut one = vec![56, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        one.extend([0xFF; 8]);
        one.extend([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        one.extend(Sid::EVERYONE.to_bytes());
        assert_eq!(output[..52], one);
        assert_eq!(output.len(), 56 + 52);
    }

    #[test]
    fn a_sid_that_is_shorter_than_its_length_is_refused() {
        let mut output = Vec::new();
        let _ = ChainWriter::new(&mut output, 100).append(&GetQuotaInformation { sid: Sid::EVERYONE });
        output.extend([0; 4]);
        output[4] = 16;
        let read: Vec<_> = ChainEntries::<GetQuotaInformation>::new(&output).collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].map_err(|e| e.field), Err("SidLength"));
    }

    proptest! {
        #[test]
        fn quotas_round_trip(entries in prop::collection::vec((any::<[i64; 3]>(), any_sid()), 0..6)) {
            let entries: Vec<_> = entries.into_iter().map(|([quota_used, quota_threshold, quota_limit], sid)| {
                QuotaInformation { change_time: FileTime(9), quota_used, quota_threshold, quota_limit, sid }
            }).collect();
            let (mut output, mut gets) = (Vec::new(), Vec::new());
            let mut chain = ChainWriter::new(&mut output, 1 << 16);
            let mut get_chain = ChainWriter::new(&mut gets, 1 << 16);
            for entry in &entries {
                prop_assert_eq!(chain.append(entry), Append::Written);
                prop_assert_eq!(get_chain.append(&GetQuotaInformation { sid: entry.sid }), Append::Written);
            }
            let read: Result<Vec<_>, _> = ChainEntries::<QuotaInformation>::new(&output).collect();
            prop_assert_eq!(read, Ok(entries.clone()));
            let sids: Vec<_> = ChainEntries::<GetQuotaInformation>::new(&gets).map(|get| get.unwrap().sid).collect();
            prop_assert_eq!(sids, entries.iter().map(|entry| entry.sid).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..200)) {
            prop_assert!(ChainEntries::<QuotaInformation>::new(&bytes).count() <= 200);
            prop_assert!(ChainEntries::<GetQuotaInformation>::new(&bytes).count() <= 200);
        }
    }
}
