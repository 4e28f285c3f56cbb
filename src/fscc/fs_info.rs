//! [MS-FSCC] 2.5 File System Information Classes.

use freehold_dtyp::{Decode, DecodeError, Encode, FileTime, Guid, Reader, Writer, Wtf8, Wtf8Buf};

use super::layout::{flag_field, read_length, read_name, wire_struct, write_name};

/// [MS-FSCC] 2.5.9 FileFsVolumeInformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsVolumeInformation<N> {
    /// When the volume was made.
    pub volume_creation_time: FileTime,
    /// Serial number; equal to that in the volume's open replies.
    pub volume_serial_number: u32,
    /// Object ids are kept.
    pub supports_objects: bool,
    /// Label, at most 32 characters.
    pub volume_label: N,
}

impl<N> FsVolumeInformation<N> {
    /// Bytes in front of the label: time (8), serial number (4), label length (4), SupportsObjects (1),
    /// Reserved (1).
    pub const FIXED_SIZE: usize = 18;
}

impl Encode for FsVolumeInformation<Wtf8<'_>> {
    fn encode(&self, writer: &mut Writer) {
        writer.u64(self.volume_creation_time.0);
        writer.u32(self.volume_serial_number);
        let length = writer.position();
        writer.u32(0);
        writer.u8(u8::from(self.supports_objects));
        writer.u8(0);
        let written = write_name(writer, self.volume_label);
        writer.patch_u32(length, written);
    }
}

impl<'a> Decode<'a> for FsVolumeInformation<Wtf8Buf> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let volume_creation_time = FileTime(reader.u64("VolumeCreationTime")?);
        let volume_serial_number = reader.u32("VolumeSerialNumber")?;
        let length = read_length(reader, "VolumeLabelLength")?;
        let supports_objects = reader.u8("SupportsObjects")? != 0;
        reader.skip("Reserved", 1)?;
        let volume_label = read_name(reader, "VolumeLabel", length)?;
        Ok(FsVolumeInformation { volume_creation_time, volume_serial_number, supports_objects, volume_label })
    }
}

/// [MS-FSCC] 2.5.5 FileFsLabelInformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsLabelInformation<N> {
    /// Label, at most 32 characters.
    pub volume_label: N,
}

impl<N> FsLabelInformation<N> {
    /// Bytes in front of the label.
    pub const FIXED_SIZE: usize = 4;
}

impl Encode for FsLabelInformation<Wtf8<'_>> {
    fn encode(&self, writer: &mut Writer) {
        super::layout::write_counted_name(writer, self.volume_label);
    }
}

impl<'a> Decode<'a> for FsLabelInformation<Wtf8Buf> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "VolumeLabelLength")?;
        Ok(FsLabelInformation { volume_label: read_name(reader, "VolumeLabel", length)? })
    }
}

wire_struct! {
    /// [MS-FSCC] 2.5.8 FileFsSizeInformation.
    pub struct FsSizeInformation {
        /// Size in allocation units, limited by the caller's quota.
        total_allocation_units: u64 = "TotalAllocationUnits";
        /// Free allocation units, limited by the caller's quota.
        available_allocation_units: u64 = "AvailableAllocationUnits";
        /// Sectors in an allocation unit.
        sectors_per_allocation_unit: u32 = "SectorsPerAllocationUnit";
        /// Bytes in a sector.
        bytes_per_sector: u32 = "BytesPerSector";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.5.4 FileFsFullSizeInformation.
    pub struct FsFullSizeInformation {
        /// Size in allocation units, limited by the caller's quota.
        total_allocation_units: u64 = "TotalAllocationUnits";
        /// Free allocation units, limited by the caller's quota.
        caller_available_allocation_units: u64 = "CallerAvailableAllocationUnits";
        /// Free allocation units of the volume.
        actual_available_allocation_units: u64 = "ActualAvailableAllocationUnits";
        /// Sectors in an allocation unit.
        sectors_per_allocation_unit: u32 = "SectorsPerAllocationUnit";
        /// Bytes in a sector.
        bytes_per_sector: u32 = "BytesPerSector";
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.5.10 FileFsDeviceInformation: Characteristics.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct DeviceCharacteristics: u32 {
        /// The medium can be taken out.
        const REMOVABLE_MEDIA = 0x0000_0001;
        /// Cannot be written.
        const READ_ONLY_DEVICE = 0x0000_0002;
        /// A floppy disk.
        const FLOPPY_DISKETTE = 0x0000_0004;
        /// Can be written once.
        const WRITE_ONCE_MEDIA = 0x0000_0008;
        /// On another machine.
        const REMOTE_DEVICE = 0x0000_0010;
        /// A file system is mounted.
        const DEVICE_IS_MOUNTED = 0x0000_0020;
        /// A virtual volume.
        const VIRTUAL_VOLUME = 0x0000_0040;
        /// Opens are checked like the device's own.
        const DEVICE_SECURE_OPEN = 0x0000_0100;

        const _ = !0;
    }
}

flag_field!(DeviceCharacteristics: u32);

wire_struct! {
    /// [MS-FSCC] 2.5.10 FileFsDeviceInformation.
    pub struct FsDeviceInformation {
        /// [`FsDeviceInformation::DISK`] or another FILE_DEVICE value.
        device_type: u32 = "DeviceType";
        /// What can be said of it.
        characteristics: DeviceCharacteristics = "Characteristics";
    }
}

impl FsDeviceInformation {
    /// FILE_DEVICE_DISK.
    pub const DISK: u32 = 0x0000_0007;
    /// FILE_DEVICE_NAMED_PIPE: IPC$.
    pub const NAMED_PIPE: u32 = 0x0000_0011;
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.5.1 FileFsAttributeInformation: FileSystemAttributes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FileSystemAttributes: u32 {
        /// Names can be looked up with case.
        const CASE_SENSITIVE_SEARCH = 0x0000_0001;
        /// Names keep their case.
        const CASE_PRESERVED_NAMES = 0x0000_0002;
        /// Names are Unicode.
        const UNICODE_ON_DISK = 0x0000_0004;
        /// Access control lists are kept and enforced.
        const PERSISTENT_ACLS = 0x0000_0008;
        /// Files can be compressed.
        const FILE_COMPRESSION = 0x0000_0010;
        /// Quotas per user.
        const VOLUME_QUOTAS = 0x0000_0020;
        /// Sparse files.
        const SUPPORTS_SPARSE_FILES = 0x0000_0040;
        /// Reparse points.
        const SUPPORTS_REPARSE_POINTS = 0x0000_0080;
        /// Remote storage.
        const SUPPORTS_REMOTE_STORAGE = 0x0000_0100;
        /// Close tells what was cleaned up.
        const RETURNS_CLEANUP_RESULT_INFO = 0x0000_0200;
        /// Deletes and renames as POSIX has them.
        const SUPPORTS_POSIX_UNLINK_RENAME = 0x0000_0400;
        /// The volume is compressed.
        const VOLUME_IS_COMPRESSED = 0x0000_8000;
        /// Object ids.
        const SUPPORTS_OBJECT_IDS = 0x0001_0000;
        /// Encrypted files.
        const SUPPORTS_ENCRYPTION = 0x0002_0000;
        /// Named streams.
        const NAMED_STREAMS = 0x0004_0000;
        /// Cannot be written.
        const READ_ONLY_VOLUME = 0x0008_0000;
        /// Can be written once.
        const SEQUENTIAL_WRITE_ONCE = 0x0010_0000;
        /// Transactions.
        const SUPPORTS_TRANSACTIONS = 0x0020_0000;
        /// Hard links.
        const SUPPORTS_HARD_LINKS = 0x0040_0000;
        /// Extended attributes.
        const SUPPORTS_EXTENDED_ATTRIBUTES = 0x0080_0000;
        /// Files can be opened by id.
        const SUPPORTS_OPEN_BY_FILE_ID = 0x0100_0000;
        /// A change journal.
        const SUPPORTS_USN_JOURNAL = 0x0200_0000;
        /// Integrity streams.
        const SUPPORTS_INTEGRITY_STREAMS = 0x0400_0000;
        /// Files can share extents.
        const SUPPORTS_BLOCK_REFCOUNTING = 0x0800_0000;
        /// Valid data length of sparse files.
        const SUPPORTS_SPARSE_VDL = 0x1000_0000;
        /// Ghosted ranges.
        const SUPPORTS_GHOSTING = 0x4000_0000;

        const _ = !0;
    }
}

/// [MS-FSCC] 2.5.1 FileFsAttributeInformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsAttributeInformation<N> {
    /// What the file system can do.
    pub file_system_attributes: FileSystemAttributes,
    /// Most characters of a name.
    pub maximum_component_name_length: u32,
    /// Name of the file system.
    pub file_system_name: N,
}

impl<N> FsAttributeInformation<N> {
    /// Bytes in front of the name: attributes (4), longest name (4), name length (4).
    pub const FIXED_SIZE: usize = 12;
}

impl Encode for FsAttributeInformation<Wtf8<'_>> {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.file_system_attributes.bits());
        writer.u32(self.maximum_component_name_length);
        super::layout::write_counted_name(writer, self.file_system_name);
    }
}

impl<'a> Decode<'a> for FsAttributeInformation<Wtf8Buf> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let file_system_attributes =
            FileSystemAttributes::from_bits_retain(reader.u32("FileSystemAttributes")?);
        let maximum_component_name_length = reader.u32("MaximumComponentNameLength")?;
        let length = read_length(reader, "FileSystemNameLength")?;
        let file_system_name = read_name(reader, "FileSystemName", length)?;
        Ok(FsAttributeInformation { file_system_attributes, maximum_component_name_length, file_system_name })
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.5.2 FileFsControlInformation: FileSystemControlFlags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FsControlFlags: u32 {
        /// Use is counted.
        const QUOTA_TRACK = 0x0000_0001;
        /// Limits are enforced.
        const QUOTA_ENFORCE = 0x0000_0002;
        /// The content index is off.
        const CONTENT_INDEX_DISABLED = 0x0000_0008;
        /// An event is logged when a threshold is passed.
        const LOG_QUOTA_THRESHOLD = 0x0000_0010;
        /// An event is logged when a limit is passed.
        const LOG_QUOTA_LIMIT = 0x0000_0020;
        /// An event is logged when the volume's threshold is passed.
        const LOG_VOLUME_THRESHOLD = 0x0000_0040;
        /// An event is logged when the volume's limit is passed.
        const LOG_VOLUME_LIMIT = 0x0000_0080;
        /// The counts are not complete.
        const QUOTAS_INCOMPLETE = 0x0000_0100;
        /// The counts are being made anew.
        const QUOTAS_REBUILDING = 0x0000_0200;

        const _ = !0;
    }
}

flag_field!(FsControlFlags: u32);

wire_struct! {
    /// [MS-FSCC] 2.5.2 FileFsControlInformation.
    pub struct FsControlInformation {
        /// Content index: free bytes at which filtering starts.
        free_space_start_filtering: i64 = "FreeSpaceStartFiltering";
        /// Content index: free bytes to keep.
        free_space_threshold: i64 = "FreeSpaceThreshold";
        /// Content index: free bytes at which filtering stops.
        free_space_stop_filtering: i64 = "FreeSpaceStopFiltering";
        /// Default warning level in bytes; -1 for none.
        default_quota_threshold: i64 = "DefaultQuotaThreshold";
        /// Default limit in bytes; -1 for none.
        default_quota_limit: i64 = "DefaultQuotaLimit";
        /// What is counted, enforced and logged.
        file_system_control_flags: FsControlFlags = "FileSystemControlFlags", reserved 4;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.5.6 FileFsObjectIdInformation.
    pub struct FsObjectIdInformation {
        /// Object id of the volume.
        object_id: Guid = "ObjectId";
        /// More of it.
        extended_info_0: Guid = "ExtendedInfo";
        /// More of it.
        extended_info_1: Guid = "ExtendedInfo";
        /// More of it.
        extended_info_2: Guid = "ExtendedInfo";
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.5.7 FileFsSectorSizeInformation: Flags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SectorSizeFlags: u32 {
        /// The first physical sector begins where the first logical one does.
        const ALIGNED_DEVICE = 0x0000_0001;
        /// The partition begins on a physical sector.
        const PARTITION_ALIGNED_ON_DEVICE = 0x0000_0002;
        /// Seeks cost nothing.
        const NO_SEEK_PENALTY = 0x0000_0004;
        /// TRIM is understood.
        const TRIM_ENABLED = 0x0000_0008;

        const _ = !0;
    }
}

flag_field!(SectorSizeFlags: u32);

wire_struct! {
    /// [MS-FSCC] 2.5.7 FileFsSectorSizeInformation.
    pub struct FsSectorSizeInformation {
        /// Bytes in a logical sector.
        logical_bytes_per_sector: u32 = "LogicalBytesPerSector";
        /// Bytes that are written all or not.
        physical_bytes_per_sector_for_atomicity: u32 = "PhysicalBytesPerSectorForAtomicity";
        /// Bytes that are best written at once.
        physical_bytes_per_sector_for_performance: u32 = "PhysicalBytesPerSectorForPerformance";
        /// Bytes that the file system takes to be written all or not.
        file_system_effective_physical_bytes_per_sector_for_atomicity: u32 =
            "FileSystemEffectivePhysicalBytesPerSectorForAtomicity";
        /// What is known of the device.
        flags: SectorSizeFlags = "Flags";
        /// Offset of the first physical sector; 0xFFFFFFFF when not known.
        byte_offset_for_sector_alignment: u32 = "ByteOffsetForSectorAlignment";
        /// Offset of the partition; 0xFFFFFFFF when not known.
        byte_offset_for_partition_alignment: u32 = "ByteOffsetForPartitionAlignment";
    }
}

wire_struct! {
    /// SMB3 POSIX Extensions, FileFsPosixInformation (100).
    pub struct FsPosixInformation {
        /// Best size of a transfer in bytes.
        optimal_transfer_size: u32 = "OptimalTransferSize";
        /// Bytes in a block.
        block_size: u32 = "BlockSize";
        /// Size in blocks.
        total_blocks: u64 = "TotalBlocks";
        /// Free blocks.
        blocks_available: u64 = "BlocksAvail";
        /// Free blocks for the caller.
        user_blocks_available: u64 = "UserBlocksAvail";
        /// Files that there can be.
        total_file_nodes: u64 = "TotalFileNodes";
        /// Files that can yet be made.
        free_file_nodes: u64 = "FreeFileNodes";
        /// Id of the file system.
        file_system_identifier: u64 = "FileSysIdentifier";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::FsInformationClass;
    use crate::fscc::layout::tests::round_trips;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_those_of_the_specification() {
        for (class, size) in [
            (FsInformationClass::SIZE, FsSizeInformation::FIXED_SIZE),
            (FsInformationClass::DEVICE, FsDeviceInformation::FIXED_SIZE),
            (FsInformationClass::CONTROL, FsControlInformation::FIXED_SIZE),
            (FsInformationClass::FULL_SIZE, FsFullSizeInformation::FIXED_SIZE),
            (FsInformationClass::OBJECT_ID, FsObjectIdInformation::FIXED_SIZE),
            (FsInformationClass::SECTOR_SIZE, FsSectorSizeInformation::FIXED_SIZE),
            (FsInformationClass::POSIX, FsPosixInformation::FIXED_SIZE),
        ] {
            assert_eq!(class.minimum_query_length(), Some(size), "{class:?}");
        }
    }

    #[test]
    fn volume_information_has_the_layout_of_the_specification() {
        let volume = FsVolumeInformation {
            volume_creation_time: FileTime(0x0102),
            volume_serial_number: 0xAABB_CCDD,
            supports_objects: true,
            volume_label: Wtf8::from("ab"),
        };
        let bytes = [2, 1, 0, 0, 0, 0, 0, 0, 0xDD, 0xCC, 0xBB, 0xAA, 4, 0, 0, 0, 1, 0, b'a', 0, b'b', 0];
        assert_eq!(volume.to_bytes(), bytes);
        let read = FsVolumeInformation::<Wtf8Buf>::from_bytes(&bytes).unwrap();
        assert_eq!((read.volume_serial_number, read.volume_label), (0xAABB_CCDD, "ab".into()));
    }

    #[test]
    fn attribute_information_has_the_layout_of_the_specification() {
        let attributes = FsAttributeInformation {
            file_system_attributes: FileSystemAttributes::CASE_PRESERVED_NAMES
                | FileSystemAttributes::PERSISTENT_ACLS,
            maximum_component_name_length: 255,
            file_system_name: Wtf8::from("NTFS"),
        };
        let bytes = attributes.to_bytes();
        assert_eq!(bytes, b"\x0A\0\0\0\xFF\0\0\0\x08\0\0\0N\0T\0F\0S\0");
        let read = FsAttributeInformation::<Wtf8Buf>::from_bytes(&bytes).unwrap();
        assert_eq!(read.file_system_name, "NTFS".into());
    }

    proptest! {
        #[test]
        fn fixed_classes_round_trip(a: [i64; 5], b: [u32; 7], label: Vec<u16>) {
            round_trips(&FsControlInformation {
                free_space_start_filtering: a[0], free_space_threshold: a[1], free_space_stop_filtering: a[2],
                default_quota_threshold: a[3], default_quota_limit: a[4],
                file_system_control_flags: FsControlFlags::from_bits_retain(b[0]),
            }, 48);
            round_trips(&FsSectorSizeInformation {
                logical_bytes_per_sector: b[0], physical_bytes_per_sector_for_atomicity: b[1],
                physical_bytes_per_sector_for_performance: b[2],
                file_system_effective_physical_bytes_per_sector_for_atomicity: b[3],
                flags: SectorSizeFlags::from_bits_retain(b[4]), byte_offset_for_sector_alignment: b[5],
                byte_offset_for_partition_alignment: b[6],
            }, 28);
            round_trips(&FsFullSizeInformation {
                total_allocation_units: a[0].cast_unsigned(), caller_available_allocation_units: a[1].cast_unsigned(),
                actual_available_allocation_units: a[2].cast_unsigned(), sectors_per_allocation_unit: b[0],
                bytes_per_sector: b[1],
            }, 32);
            let label = Wtf8Buf::from_utf16(label.into_iter(), 0);
            let bytes = FsLabelInformation { volume_label: label.as_wtf8() }.to_bytes();
            prop_assert_eq!(FsLabelInformation::from_bytes(&bytes), Ok(FsLabelInformation { volume_label: label }));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = FsVolumeInformation::<Wtf8Buf>::from_bytes(&bytes);
            let _ = FsLabelInformation::<Wtf8Buf>::from_bytes(&bytes);
            let _ = FsAttributeInformation::<Wtf8Buf>::from_bytes(&bytes);
        }
    }
}
