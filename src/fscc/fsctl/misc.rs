//! Small payloads: pipes, object ids, compression, integrity, path names.

use freehold_dtyp::{Decode, DecodeError, Encode, Guid, Reader, Writer};

use crate::fscc::layout::{read_length, wire_struct};

/// [MS-FSCC] 2.3 FSCTL_PIPE_WAIT Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeWait<'a> {
    /// How long to wait in 100 ns; only with `timeout_specified`, else the pipe's own time.
    pub timeout_100ns: i64,
    /// `timeout_100ns` counts.
    pub timeout_specified: bool,
    /// Name of the pipe, UTF-16LE, without `\PIPE\`.
    pub name: &'a [u8],
}

impl PipeWait<'_> {
    /// Bytes in front of the name: Timeout (8), NameLength (4), TimeoutSpecified (1), Padding (1).
    pub const FIXED_SIZE: usize = 14;
}

impl<'a> Decode<'a> for PipeWait<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let timeout_100ns = reader.i64("Timeout")?;
        let length = read_length(reader, "NameLength")?;
        let timeout_specified = reader.u8("TimeoutSpecified")? != 0;
        reader.skip("Padding", 1)?;
        Ok(PipeWait { timeout_100ns, timeout_specified, name: reader.bytes("Name", length)? })
    }
}

impl Encode for PipeWait<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.i64(self.timeout_100ns);
        writer.u32(u32::try_from(self.name.len()).unwrap_or(u32::MAX));
        writer.u8(u8::from(self.timeout_specified));
        writer.u8(0);
        writer.bytes(self.name);
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_PIPE_PEEK Reply, in front of the data.
    pub struct PipePeek {
        /// 3 connected, 4 closing.
        named_pipe_state: u32 = "NamedPipeState";
        /// Bytes that a read would find.
        read_data_available: u32 = "ReadDataAvailable";
        /// Messages that wait; zero for a byte pipe.
        number_of_messages: u32 = "NumberOfMessages";
        /// Bytes of the first message.
        message_length: u32 = "MessageLength";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.1.3.1 FILE_OBJECTID_BUFFER Type 1.
    pub struct ObjectIdBuffer {
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
    /// [MS-FSCC] 2.3 FSCTL_SET_OBJECT_ID_EXTENDED Request: all but the id itself.
    pub struct ObjectIdExtended {
        /// Volume on which the id was given.
        birth_volume_id: Guid = "BirthVolumeId";
        /// The id that was given first.
        birth_object_id: Guid = "BirthObjectId";
        /// Zero.
        domain_id: Guid = "DomainId";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_GET_COMPRESSION Reply and 2.3 FSCTL_SET_COMPRESSION Request.
    pub struct CompressionState {
        /// [`CompressionState::NONE`], [`CompressionState::DEFAULT`] or [`CompressionState::LZNT1`].
        compression_state: u16 = "CompressionState";
    }
}

impl CompressionState {
    /// COMPRESSION_FORMAT_NONE.
    pub const NONE: u16 = 0;
    /// COMPRESSION_FORMAT_DEFAULT.
    pub const DEFAULT: u16 = 1;
    /// COMPRESSION_FORMAT_LZNT1.
    pub const LZNT1: u16 = 2;
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_GET_INTEGRITY_INFORMATION Reply.
    pub struct IntegrityInformation {
        /// 0 none, 1 CRC-32, 2 CRC-64.
        checksum_algorithm: u16 = "ChecksumAlgorithm", reserved 2;
        /// 1 for checksums that are not enforced.
        flags: u32 = "Flags";
        /// Bytes under one checksum.
        checksum_chunk_size_in_bytes: u32 = "ChecksumChunkSizeInBytes";
        /// Bytes in a cluster.
        cluster_size_in_bytes: u32 = "ClusterSizeInBytes";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_SET_INTEGRITY_INFORMATION Request.
    pub struct SetIntegrityInformation {
        /// 0 none, 1 CRC-32, 2 CRC-64, 0xFFFF as it is.
        checksum_algorithm: u16 = "ChecksumAlgorithm", reserved 2;
        /// 1 for checksums that are not enforced.
        flags: u32 = "Flags";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 FSCTL_SET_INTEGRITY_INFORMATION_EX Request.
    pub struct SetIntegrityInformationEx {
        /// Checksums on or off.
        enable_integrity: bool = "EnableIntegrity";
        /// Leave them as they are.
        keep_integrity_state_unchanged: bool = "KeepIntegrityStateUnchanged", reserved 2;
        /// 1 for checksums that are not enforced.
        flags: u32 = "Flags";
        /// 1.
        version: u8 = "Version", reserved 7;
    }
}

/// [MS-FSCC] 2.3 FSCTL_IS_PATHNAME_VALID Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsPathnameValid<'a> {
    /// The path, UTF-16LE.
    pub path_name: &'a [u8],
}

impl<'a> Decode<'a> for IsPathnameValid<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "PathNameLength")?;
        Ok(IsPathnameValid { path_name: reader.bytes("PathName", length)? })
    }
}

impl Encode for IsPathnameValid<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(u32::try_from(self.path_name.len()).unwrap_or(u32::MAX));
        writer.bytes(self.path_name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::layout::tests::round_trips;
    use proptest::prelude::*;

    #[test]
    fn a_pipe_name_longer_than_the_buffer_is_refused() {
        let wait = PipeWait { timeout_100ns: -5, timeout_specified: true, name: b"s\0" };
        let bytes = wait.to_bytes();
        assert_eq!(bytes, [0xFB, 255, 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 1, 0, b's', 0]);
        assert_eq!(PipeWait::from_bytes(&bytes), Ok(wait));
        assert_eq!(PipeWait::from_bytes(&bytes[..15]).map_err(|e| e.field), Err("Name"));
    }

    proptest! {
        #[test]
        fn payloads_round_trip(ids: [[u8; 16]; 4], a: [u32; 4], b: [u16; 2], flag: bool, version: u8, name: Vec<u8>) {
            let [object_id, birth_volume_id, birth_object_id, domain_id] = ids.map(Guid);
            round_trips(&ObjectIdBuffer { object_id, birth_volume_id, birth_object_id, domain_id }, 64);
            round_trips(&ObjectIdExtended { birth_volume_id, birth_object_id, domain_id }, 48);
            round_trips(&CompressionState { compression_state: b[0] }, 2);
            round_trips(&PipePeek {
                named_pipe_state: a[0], read_data_available: a[1], number_of_messages: a[2], message_length: a[3],
            }, 16);
            round_trips(&IntegrityInformation {
                checksum_algorithm: b[0], flags: a[0], checksum_chunk_size_in_bytes: a[1], cluster_size_in_bytes: a[2],
            }, 16);
            round_trips(&SetIntegrityInformation { checksum_algorithm: b[0], flags: a[0] }, 8);
            round_trips(&SetIntegrityInformationEx {
                enable_integrity: flag, keep_integrity_state_unchanged: !flag, flags: a[0], version,
            }, 16);
            let path = IsPathnameValid { path_name: &name };
            let bytes = path.to_bytes();
            prop_assert_eq!(IsPathnameValid::from_bytes(&bytes), Ok(path));
            let _ = PipeWait::from_bytes(&name);
        }
    }
}
