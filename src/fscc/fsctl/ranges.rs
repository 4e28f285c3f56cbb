//! Ranges of a file: allocated ranges, regions, sparse, zero data and trim of [MS-FSCC] 2.3.

use freehold_dtyp::{Decode, DecodeError, Encode, Reader, Writer};

use crate::fscc::layout::{read_length, wire_struct};

wire_struct! {
    /// [MS-FSCC] 2.3 FILE_ALLOCATED_RANGE_BUFFER: the request of FSCTL_QUERY_ALLOCATED_RANGES and each
    /// element of its reply.
    pub struct AllocatedRange {
        /// Where the range begins in bytes; negative is INVALID_PARAMETER.
        file_offset: i64 = "FileOffset";
        /// Length in bytes; negative is INVALID_PARAMETER.
        length: i64 = "Length";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_SET_ZERO_DATA Request.
    pub struct SetZeroData {
        /// First byte to make zero.
        file_offset: i64 = "FileOffset";
        /// The byte behind the last one.
        beyond_final_zero: i64 = "BeyondFinalZero";
    }
}

/// [MS-FSCC] 2.3 FSCTL_SET_SPARSE Request: without data it means true.
#[must_use]
pub fn decode_set_sparse(input: &[u8]) -> bool {
    input.first().is_none_or(|byte| *byte != 0)
}

wire_struct! {
    /// [MS-FSCC] 2.3 FILE_LEVEL_TRIM_RANGE.
    pub struct TrimRange {
        /// Where the range begins in bytes.
        offset: u64 = "Offset";
        /// Length in bytes.
        length: u64 = "Length";
    }
}

/// [MS-FSCC] 2.3 FSCTL_FILE_LEVEL_TRIM Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLevelTrim<'a> {
    /// Zero.
    pub key: u32,
    /// The ranges in wire form.
    ranges: &'a [[u8; TrimRange::FIXED_SIZE]],
}

impl<'a> FileLevelTrim<'a> {
    /// Bytes in front of the ranges: Key (4), NumRanges (4).
    pub const FIXED_SIZE: usize = 8;

    /// Number of ranges; none is INVALID_PARAMETER.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The ranges in order.
    pub fn ranges(&self) -> impl Iterator<Item = TrimRange> + 'a {
        // A range has a fixed size and no value that is refused: none is ever left out.
        self.ranges.iter().filter_map(|bytes| TrimRange::from_bytes(bytes).ok())
    }
}

impl<'a> Decode<'a> for FileLevelTrim<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let key = reader.u32("Key")?;
        let count = read_length(reader, "NumRanges")?;
        let ranges = reader.bytes("Ranges", count.saturating_mul(TrimRange::FIXED_SIZE))?;
        Ok(FileLevelTrim { key, ranges: ranges.as_chunks().0 })
    }
}

/// Appends [MS-FSCC] 2.3 FSCTL_FILE_LEVEL_TRIM Request: the client's side.
pub fn encode_file_level_trim(ranges: &[TrimRange], writer: &mut Writer) {
    writer.u32(0);
    writer.u32(u32::try_from(ranges.len()).unwrap_or(u32::MAX));
    for range in ranges {
        range.encode(writer);
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_FILE_LEVEL_TRIM Reply.
    pub struct FileLevelTrimResponse {
        /// Ranges that were dealt with.
        num_ranges_processed: u32 = "NumRangesProcessed";
    }
}

/// FILE_REGION_USAGE_VALID_CACHED_DATA.
pub const REGION_VALID_CACHED_DATA: u32 = 0x0000_0001;
/// FILE_REGION_USAGE_VALID_NONCACHED_DATA.
pub const REGION_VALID_NONCACHED_DATA: u32 = 0x0000_0002;

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_QUERY_FILE_REGIONS Request. Without data it asks for the whole file.
    pub struct FileRegionInput {
        /// Where to begin in bytes.
        file_offset: i64 = "FileOffset";
        /// How many bytes to look at.
        length: i64 = "Length";
        /// REGION_ values wanted.
        desired_usage: u32 = "DesiredUsage", reserved 4;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FILE_REGION_INFO.
    pub struct FileRegion {
        /// Where the region begins in bytes.
        file_offset: i64 = "FileOffset";
        /// Length in bytes.
        length: i64 = "Length";
        /// REGION_ values.
        usage: u32 = "DesiredUsage", reserved 4;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_QUERY_FILE_REGIONS Reply, in front of the regions.
    pub struct FileRegionOutput {
        /// Zero.
        flags: u32 = "Flags";
        /// Regions that there are.
        total_region_entry_count: u32 = "TotalRegionEntryCount";
        /// Regions that follow.
        region_entry_count: u32 = "RegionEntryCount", reserved 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::layout::tests::round_trips;
    use proptest::prelude::*;

    #[test]
    fn set_sparse_without_data_means_true() {
        assert!(decode_set_sparse(&[]));
        assert!(decode_set_sparse(&[1]));
        assert!(!decode_set_sparse(&[0, 1]));
    }

    proptest! {
        #[test]
        fn ranges_round_trip(a: [i64; 2], b: [u32; 3], ranges in prop::collection::vec(any::<(u64, u64)>(), 0..9)) {
            round_trips(&AllocatedRange { file_offset: a[0], length: a[1] }, 16);
            round_trips(&SetZeroData { file_offset: a[0], beyond_final_zero: a[1] }, 16);
            round_trips(&FileRegionInput { file_offset: a[0], length: a[1], desired_usage: b[0] }, 24);
            round_trips(&FileRegion { file_offset: a[0], length: a[1], usage: b[0] }, 24);
            round_trips(&FileRegionOutput { flags: b[0], total_region_entry_count: b[1], region_entry_count: b[2] }, 16);
            round_trips(&FileLevelTrimResponse { num_ranges_processed: b[0] }, 4);
            let ranges: Vec<_> = ranges.into_iter().map(|(offset, length)| TrimRange { offset, length }).collect();
            let mut writer = Writer::new();
            encode_file_level_trim(&ranges, &mut writer);
            let bytes = writer.into_bytes();
            let trim = FileLevelTrim::from_bytes(&bytes).unwrap();
            prop_assert_eq!(trim.count(), ranges.len());
            prop_assert_eq!(trim.ranges().collect::<Vec<_>>(), ranges);
            if !bytes[8..].is_empty() {
                prop_assert!(FileLevelTrim::from_bytes(&bytes[..bytes.len() - 1]).is_err());
            }
        }
    }
}
