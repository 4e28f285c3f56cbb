//! [MS-FSCC] 2.4: the file information classes of fixed size.

use freehold_dtyp::{FileTime, Guid};

use crate::fscc::FileAttributes;
use crate::fscc::layout::{flag_field, wire_struct};

wire_struct! {
    /// [MS-FSCC] 2.4.7 FileBasicInformation. In a set request see [`TimeChange`].
    pub struct BasicInformation {
        /// When the file was made.
        creation_time: FileTime = "CreationTime";
        /// When data was read last.
        last_access_time: FileTime = "LastAccessTime";
        /// When data was written last.
        last_write_time: FileTime = "LastWriteTime";
        /// When anything of the file was changed last.
        change_time: FileTime = "ChangeTime";
        /// Attributes; zero in a set request keeps them.
        file_attributes: FileAttributes = "FileAttributes", reserved 4;
    }
}

/// What a time of a set request asks for: [MS-FSCC] 2.4.7, [MS-FSA] 2.1.5.15.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeChange {
    /// 0: leave it.
    Keep,
    /// -1: leave it, and let no later operation on this handle change it.
    Freeze,
    /// -2: let operations on this handle change it again.
    Resume,
    /// Set it.
    Set(FileTime),
    /// Less than -2: INVALID_PARAMETER.
    Invalid,
}

impl From<FileTime> for TimeChange {
    fn from(time: FileTime) -> Self {
        match time.0 {
            0 => TimeChange::Keep,
            u64::MAX => TimeChange::Freeze,
            RESUME => TimeChange::Resume,
            value if value > i64::MAX.unsigned_abs() => TimeChange::Invalid,
            _ => TimeChange::Set(time),
        }
    }
}

/// -2.
const RESUME: u64 = !1;

wire_struct! {
    /// [MS-FSCC] 2.4 FileStandardInformation.
    pub struct StandardInformation {
        /// Bytes on disk.
        allocation_size: u64 = "AllocationSize";
        /// Size in bytes.
        end_of_file: u64 = "EndOfFile";
        /// Names of the file that are not being deleted.
        number_of_links: u32 = "NumberOfLinks";
        /// To be deleted when the last handle closes.
        delete_pending: bool = "DeletePending";
        /// A directory.
        directory: bool = "Directory", reserved 2;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.27 FileInternalInformation.
    pub struct InternalInformation {
        /// 64-bit file id.
        index_number: u64 = "IndexNumber";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.12 FileEaInformation.
    pub struct EaInformation {
        /// Bytes of extended attributes: see [`crate::fscc::full_ea::ea_size`].
        ea_size: u32 = "EaSize";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.1 FileAccessInformation.
    pub struct AccessInformation {
        /// Access granted to the handle.
        access_flags: u32 = "AccessFlags";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.40 FilePositionInformation.
    pub struct PositionInformation {
        /// Position kept for the handle; nothing on SMB2 reads or moves it.
        current_byte_offset: i64 = "CurrentByteOffset";
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.4.31 FileModeInformation: Mode.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FileMode: u32 {
        /// FILE_WRITE_THROUGH.
        const WRITE_THROUGH = 0x0000_0002;
        /// FILE_SEQUENTIAL_ONLY.
        const SEQUENTIAL_ONLY = 0x0000_0004;
        /// FILE_NO_INTERMEDIATE_BUFFERING.
        const NO_INTERMEDIATE_BUFFERING = 0x0000_0008;
        /// FILE_SYNCHRONOUS_IO_ALERT.
        const SYNCHRONOUS_IO_ALERT = 0x0000_0010;
        /// FILE_SYNCHRONOUS_IO_NONALERT.
        const SYNCHRONOUS_IO_NONALERT = 0x0000_0020;
        /// FILE_DELETE_ON_CLOSE.
        const DELETE_ON_CLOSE = 0x0000_1000;

        const _ = !0;
    }
}

flag_field!(FileMode: u32);

impl FileMode {
    /// What a set request may hold: [MS-FSA] 2.1.5.15 FileModeInformation. Anything else is
    /// INVALID_PARAMETER.
    pub const SETTABLE: FileMode = FileMode::WRITE_THROUGH
        .union(FileMode::SEQUENTIAL_ONLY)
        .union(FileMode::SYNCHRONOUS_IO_ALERT)
        .union(FileMode::SYNCHRONOUS_IO_NONALERT);
}

wire_struct! {
    /// [MS-FSCC] 2.4.31 FileModeInformation.
    pub struct ModeInformation {
        /// How the file was opened.
        mode: FileMode = "Mode";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.3 FileAlignmentInformation.
    pub struct AlignmentInformation {
        /// Alignment of buffers less one: 0 for bytes, 1 for words, up to 0x1FF.
        alignment_requirement: u32 = "AlignmentRequirement";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.34 FileNetworkOpenInformation.
    pub struct NetworkOpenInformation {
        /// When the file was made.
        creation_time: FileTime = "CreationTime";
        /// When data was read last.
        last_access_time: FileTime = "LastAccessTime";
        /// When data was written last.
        last_write_time: FileTime = "LastWriteTime";
        /// When anything of the file was changed last.
        change_time: FileTime = "ChangeTime";
        /// Bytes on disk.
        allocation_size: u64 = "AllocationSize";
        /// Size in bytes.
        end_of_file: u64 = "EndOfFile";
        /// Attributes.
        file_attributes: FileAttributes = "FileAttributes", reserved 4;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.6 FileAttributeTagInformation.
    pub struct AttributeTagInformation {
        /// Attributes.
        file_attributes: FileAttributes = "FileAttributes";
        /// Reparse tag; zero where the file is no reparse point.
        reparse_tag: u32 = "ReparseTag";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.9 FileCompressionInformation.
    pub struct CompressionInformation {
        /// Bytes on disk of the compressed file.
        compressed_file_size: i64 = "CompressedFileSize";
        /// 0 for none, 2 for LZNT1.
        compression_format: u16 = "CompressionFormat";
        /// Base 2 logarithm.
        compression_unit_shift: u8 = "CompressionUnitShift";
        /// Base 2 logarithm.
        chunk_shift: u8 = "ChunkShift";
        /// Base 2 logarithm.
        cluster_shift: u8 = "ClusterShift", reserved 3;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.26 FileIdInformation.
    pub struct IdInformation {
        /// 64-bit serial number of the volume.
        volume_serial_number: u64 = "VolumeSerialNumber";
        /// 128-bit file id.
        file_id: [u8; 16] = "FileId";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.4 FileAllocationInformation.
    pub struct AllocationInformation {
        /// Wanted bytes on disk; negative is INVALID_PARAMETER.
        allocation_size: i64 = "AllocationSize";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.13 FileEndOfFileInformation.
    pub struct EndOfFileInformation {
        /// Wanted size in bytes; negative is INVALID_PARAMETER.
        end_of_file: i64 = "EndOfFile";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4 FileValidDataLengthInformation.
    pub struct ValidDataLengthInformation {
        /// Bytes that count as written; may not shrink nor pass the size.
        valid_data_length: i64 = "ValidDataLength";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.11 FileDispositionInformation.
    pub struct DispositionInformation {
        /// Delete when the last handle closes, or do not after all.
        delete_pending: bool = "DeletePending";
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.4 FileDispositionInformationEx: Flags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct DispositionFlags: u32 {
        /// Delete; without it, do not after all.
        const DELETE = 0x0000_0001;
        /// The name goes when this handle closes.
        const POSIX_SEMANTICS = 0x0000_0002;
        /// Fail where the file is mapped as an image.
        const FORCE_IMAGE_SECTION_CHECK = 0x0000_0004;
        /// Changes delete-on-close instead.
        const ON_CLOSE = 0x0000_0008;
        /// Delete a read-only file too.
        const IGNORE_READONLY_ATTRIBUTE = 0x0000_0010;

        const _ = !0;
    }
}

flag_field!(DispositionFlags: u32);

wire_struct! {
    /// [MS-FSCC] 2.4 FileDispositionInformationEx.
    pub struct DispositionExInformation {
        /// What to do.
        flags: DispositionFlags = "Flags";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.37 FilePipeInformation.
    pub struct PipeInformation {
        /// 0 for bytes, 1 for messages.
        read_mode: u32 = "ReadMode";
        /// 0 to wait, 1 not to.
        completion_mode: u32 = "CompletionMode";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.38 FilePipeLocalInformation.
    pub struct PipeLocalInformation {
        /// 0 for bytes, 1 for messages.
        named_pipe_type: u32 = "NamedPipeType";
        /// 0 inbound, 1 outbound, 2 both ways.
        named_pipe_configuration: u32 = "NamedPipeConfiguration";
        /// Most instances; 0xFFFFFFFF for no limit.
        maximum_instances: u32 = "MaximumInstances";
        /// Instances that are there.
        current_instances: u32 = "CurrentInstances";
        /// Buffer for data to the server in bytes.
        inbound_quota: u32 = "InboundQuota";
        /// Bytes that a read would find.
        read_data_available: u32 = "ReadDataAvailable";
        /// Buffer for data to the client in bytes.
        outbound_quota: u32 = "OutboundQuota";
        /// Bytes that a write would find room for.
        write_quota_available: u32 = "WriteQuotaAvailable";
        /// 1 disconnected, 2 listening, 3 connected, 4 closing.
        named_pipe_state: u32 = "NamedPipeState";
        /// 0 the client's end, 1 the server's.
        named_pipe_end: u32 = "NamedPipeEnd";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.39 FilePipeRemoteInformation.
    pub struct PipeRemoteInformation {
        /// How long a client gathers data, in 100 ns.
        collect_data_time: FileTime = "CollectDataTime";
        /// How much a client gathers, in bytes.
        maximum_collection_count: u32 = "MaximumCollectionCount";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.36.1 FileObjectIdInformation Type 1.
    pub struct ObjectIdInformation {
        /// 64-bit file id.
        file_reference: u64 = "FileReferenceNumber";
        /// Object id.
        object_id: Guid = "ObjectId";
        /// Volume on which the id was given.
        birth_volume_id: Guid = "BirthVolumeId";
        /// The id that was given first.
        birth_object_id: Guid = "BirthObjectId";
        /// Zero.
        domain_id: Guid = "DomainId";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.4.44 FileReparsePointInformation.
    pub struct ReparsePointInformation {
        /// 64-bit file id.
        file_reference: u64 = "FileReferenceNumber";
        /// Reparse tag.
        tag: u32 = "Tag", reserved 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::FileInformationClass;
    use crate::fscc::layout::tests::round_trips;
    use freehold_dtyp::{Decode, Encode};
    use proptest::prelude::*;

    #[test]
    fn sizes_are_those_of_the_specification() {
        for (class, size) in [
            (FileInformationClass::BASIC, BasicInformation::FIXED_SIZE),
            (FileInformationClass::STANDARD, StandardInformation::FIXED_SIZE),
            (FileInformationClass::INTERNAL, InternalInformation::FIXED_SIZE),
            (FileInformationClass::EA, EaInformation::FIXED_SIZE),
            (FileInformationClass::ACCESS, AccessInformation::FIXED_SIZE),
            (FileInformationClass::POSITION, PositionInformation::FIXED_SIZE),
            (FileInformationClass::MODE, ModeInformation::FIXED_SIZE),
            (FileInformationClass::ALIGNMENT, AlignmentInformation::FIXED_SIZE),
            (FileInformationClass::NETWORK_OPEN, NetworkOpenInformation::FIXED_SIZE),
            (FileInformationClass::ATTRIBUTE_TAG, AttributeTagInformation::FIXED_SIZE),
            (FileInformationClass::COMPRESSION, CompressionInformation::FIXED_SIZE),
            (FileInformationClass::ID, IdInformation::FIXED_SIZE),
            (FileInformationClass::PIPE, PipeInformation::FIXED_SIZE),
            (FileInformationClass::PIPE_LOCAL, PipeLocalInformation::FIXED_SIZE),
        ] {
            assert_eq!(class.minimum_query_length(), Some(size), "{class:?}");
        }
        assert_eq!(DispositionInformation::FIXED_SIZE, 1);
        assert_eq!(ObjectIdInformation::FIXED_SIZE, 72);
        assert_eq!(ReparsePointInformation::FIXED_SIZE, 16);
        assert_eq!(PipeRemoteInformation::FIXED_SIZE, 12);
    }

    #[test]
    fn standard_information_has_the_layout_of_the_specification() {
        let bytes = [
            0x00, 0x10, 0, 0, 0, 0, 0, 0, // AllocationSize
            0x05, 0x00, 0, 0, 0, 0, 0, 0, // EndOfFile
            2, 0, 0, 0, // NumberOfLinks
            1, 0, // DeletePending, Directory
            0, 0,
        ];
        let value = StandardInformation {
            allocation_size: 4096,
            end_of_file: 5,
            number_of_links: 2,
            delete_pending: true,
            directory: false,
        };
        assert_eq!(value.to_bytes(), bytes);
        assert_eq!(StandardInformation::from_bytes(&bytes), Ok(value));
    }

    #[test]
    fn special_times_keep_freeze_and_resume() {
        for (value, expected) in [
            (0i64, TimeChange::Keep),
            (-1, TimeChange::Freeze),
            (-2, TimeChange::Resume),
            (-3, TimeChange::Invalid),
            (i64::MIN, TimeChange::Invalid),
            (1, TimeChange::Set(FileTime(1))),
            (i64::MAX, TimeChange::Set(FileTime(i64::MAX.unsigned_abs()))),
        ] {
            assert_eq!(TimeChange::from(FileTime(value.cast_unsigned())), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn fixed_classes_round_trip(a: [u64; 6], b: [u32; 10], id: [u8; 16], flag: bool) {
            round_trips(&BasicInformation {
                creation_time: FileTime(a[0]), last_access_time: FileTime(a[1]), last_write_time: FileTime(a[2]),
                change_time: FileTime(a[3]), file_attributes: FileAttributes::from_bits_retain(b[0]),
            }, 40);
            round_trips(&NetworkOpenInformation {
                creation_time: FileTime(a[0]), last_access_time: FileTime(a[1]), last_write_time: FileTime(a[2]),
                change_time: FileTime(a[3]), allocation_size: a[4], end_of_file: a[5],
                file_attributes: FileAttributes::from_bits_retain(b[0]),
            }, 56);
            round_trips(&StandardInformation {
                allocation_size: a[0], end_of_file: a[1], number_of_links: b[0], delete_pending: flag, directory: !flag,
            }, 24);
            round_trips(&IdInformation { volume_serial_number: a[0], file_id: id }, 24);
            round_trips(&EndOfFileInformation { end_of_file: a[0].cast_signed() }, 8);
            round_trips(&DispositionInformation { delete_pending: flag }, 1);
            round_trips(&DispositionExInformation { flags: DispositionFlags::from_bits_retain(b[0]) }, 4);
            round_trips(&PipeLocalInformation {
                named_pipe_type: b[0], named_pipe_configuration: b[1], maximum_instances: b[2], current_instances: b[3],
                inbound_quota: b[4], read_data_available: b[5], outbound_quota: b[6], write_quota_available: b[7],
                named_pipe_state: b[8], named_pipe_end: b[9],
            }, 40);
        }
    }
}
