//! [MS-SMB2] 2.2.37 SMB2 QUERY_INFO Request and 2.2.38 SMB2 QUERY_INFO Response.

use freehold_dtyp::{DecodeError, Encode, Reader, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{BodyStart, DecodeMessage, field, fixed, length32};
use super::types::{FileId, InfoType, SecurityInformation, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.37, for extended attributes.
    QueryInfoFlags(u32) {
        /// SL_RESTART_SCAN
        RESTART_SCAN = 0x0000_0001;
        /// SL_RETURN_SINGLE_ENTRY
        RETURN_SINGLE_ENTRY = 0x0000_0002;
        /// SL_INDEX_SPECIFIED: AdditionalInformation is the index of the first attribute.
        INDEX_SPECIFIED = 0x0000_0004;
    }
}

/// [MS-SMB2] 2.2.37 SMB2 QUERY_INFO Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryInfoRequest<'a> {
    /// InfoType.
    pub info_type: InfoType,
    /// FileInfoClass: [MS-FSCC] 2.4 for files, 2.5 for file systems, else zero.
    pub file_info_class: u8,
    /// Most bytes that the client takes.
    pub output_buffer_length: u32,
    /// AdditionalInformation; see [`QueryInfoRequest::security_information`].
    pub additional_information: u32,
    /// Flags.
    pub flags: QueryInfoFlags,
    /// The open to query.
    pub file_id: FileId,
    /// For quota [`QueryQuotaInfo`], for FileFullEaInformation the names asked for, else empty.
    pub input_buffer: &'a [u8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    info_type: u8,
    file_info_class: u8,
    output_buffer_length: U32,
    input_buffer_offset: U16,
    reserved: U16,
    input_buffer_length: U32,
    additional_information: U32,
    flags: U32,
    file_id: WireFileId,
}

impl QueryInfoRequest<'_> {
    /// StructureSize (2), InfoType (1), FileInfoClass (1), OutputBufferLength (4), InputBufferOffset (2),
    /// Reserved (2), InputBufferLength (4), AdditionalInformation (4), Flags (4), FileId (16), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 2 + 2 + 4 + 4 + 4 + 16 + 1;

    /// AdditionalInformation of a security query: the parts of the descriptor asked for.
    #[inline]
    #[must_use]
    pub const fn security_information(&self) -> SecurityInformation {
        SecurityInformation::from_bits_retain(self.additional_information)
    }
}

impl<'a> DecodeMessage<'a> for QueryInfoRequest<'a> {
    #[inline]
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let input_length = wire.input_buffer_length.get();
        Ok(QueryInfoRequest {
            info_type: wire.info_type.into(),
            file_info_class: wire.file_info_class,
            output_buffer_length: wire.output_buffer_length.get(),
            additional_information: wire.additional_information.get(),
            flags: wire.flags.get().into(),
            file_id: wire.file_id.into(),
            input_buffer: field(message, "InputBuffer", wire.input_buffer_offset.get(), input_length)?,
        })
    }
}

impl Encode for QueryInfoRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + QueryInfoRequest::STRUCTURE_SIZE - 1;
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            info_type: self.info_type.0,
            file_info_class: self.file_info_class,
            output_buffer_length: self.output_buffer_length.into(),
            input_buffer_offset: if self.input_buffer.is_empty() { 0 } else { BUFFER_OFFSET }.into(),
            reserved: U16::ZERO,
            input_buffer_length: length32(self.input_buffer.len()).into(),
            additional_information: self.additional_information.into(),
            flags: self.flags.bits().into(),
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
        writer.bytes(self.input_buffer);
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

/// [MS-SMB2] 2.2.37.1 SMB2_QUERY_QUOTA_INFO: the input buffer of a quota query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryQuotaInfo<'a> {
    /// ReturnSingle: one entry only.
    pub return_single: bool,
    /// RestartScan: from the first user on. It counts only where nobody is named.
    pub restart_scan: bool,
    /// [MS-FSCC] 2.4.41.1 FILE_GET_QUOTA_INFORMATION entries: the users asked for. Empty for all.
    pub sid_list: &'a [u8],
    /// The SID to start from; empty for none. Not looked at when there is a list.
    pub start_sid: &'a [u8],
}

impl<'a> QueryQuotaInfo<'a> {
    /// ReturnSingle (1), RestartScan (1), Reserved (2), SidListLength (4), StartSidLength (4), StartSidOffset (4).
    pub const FIXED_SIZE: usize = 1 + 1 + 2 + 4 + 4 + 4;

    /// Reads an input buffer.
    ///
    /// # Errors
    /// [`DecodeError`] when list or start SID lie outside of it.
    pub fn decode(input_buffer: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(input_buffer);
        let return_single = reader.u8("ReturnSingle")? != 0;
        let restart_scan = reader.u8("RestartScan")? != 0;
        reader.skip("Reserved", 2)?;
        let list_length = usize::try_from(reader.u32("SidListLength")?).unwrap_or(usize::MAX);
        let start_length = usize::try_from(reader.u32("StartSidLength")?).unwrap_or(usize::MAX);
        let start_offset = usize::try_from(reader.u32("StartSidOffset")?).unwrap_or(usize::MAX);
        let sid_buffer = Reader::new(reader.remaining());
        let at = |error: DecodeError| DecodeError {
            offset: error.offset.saturating_add(Self::FIXED_SIZE),
            ..error
        };
        // 3.3.5.20.4: where there is a list, the start SID is not looked at; where either or an offset is given, RestartScan is not.
        let (sid_list, start_sid): (&[u8], &[u8]) = match (list_length, start_length) {
            (0, 0) => (&[], &[]),
            (0, _) => (&[], sid_buffer.slice_at("StartSid", start_offset, start_length).map_err(at)?),
            (_, _) => (sid_buffer.slice_at("SidList", 0, list_length).map_err(at)?, &[]),
        };
        let restart_scan = restart_scan && list_length == 0 && start_length == 0 && start_offset == 0;
        Ok(QueryQuotaInfo { return_single, restart_scan, sid_list, start_sid })
    }
}

impl Encode for QueryQuotaInfo<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(u8::from(self.return_single));
        writer.u8(u8::from(self.restart_scan));
        writer.u16(0);
        writer.u32(length32(self.sid_list.len()));
        writer.u32(length32(self.start_sid.len()));
        writer.u32(0);
        writer.bytes(self.sid_list);
        writer.bytes(self.start_sid);
    }
}

/// Defines a response that is nothing but an output buffer: StructureSize 9, OutputBufferOffset, OutputBufferLength.
macro_rules! output_buffer_response {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// The output buffer.
            pub output_buffer: &'a [u8],
        }

        impl $name<'_> {
            /// StructureSize (2), OutputBufferOffset (2), OutputBufferLength (4), one byte of Buffer.
            pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 1;
            /// Bytes of the fixed part, after which the output buffer starts.
            pub const HEADER_SIZE: usize = 8;

            /// The fixed part, for callers that write the output buffer behind a reserved place.
            #[inline]
            #[must_use]
            pub fn header_bytes(length_bytes: u32) -> [u8; 8] {
                let [s0, s1] = Self::STRUCTURE_SIZE.to_le_bytes();
                let [l0, l1, l2, l3] = length_bytes.to_le_bytes();
                [s0, s1, 64 + 8, 0, l0, l1, l2, l3]
            }
        }

        impl<'a> DecodeMessage<'a> for $name<'a> {
            #[inline]
            fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
                let mut reader = $crate::smb2::message::body(message, Self::STRUCTURE_SIZE)?;
                let offset = reader.u16("OutputBufferOffset")?;
                let length = reader.u32("OutputBufferLength")?;
                Ok($name { output_buffer: field(message, "OutputBuffer", offset, length)? })
            }
        }

        impl Encode for $name<'_> {
            #[inline]
            fn encode(&self, writer: &mut Writer) {
                writer.bytes(&Self::header_bytes(length32(self.output_buffer.len())));
                writer.bytes(self.output_buffer);
            }
        }
    };
}

pub(crate) use output_buffer_response;

output_buffer_response! {
    /// [MS-SMB2] 2.2.38 SMB2 QUERY_INFO Response.
    QueryInfoResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn the_request_for_the_root_of_a_windows_client() {
        let request = QueryInfoRequest {
            info_type: InfoType::FILESYSTEM,
            file_info_class: 1,
            output_buffer_length: 88,
            additional_information: 0,
            flags: QueryInfoFlags::empty(),
            file_id: FileId { persistent: 2, volatile: 1 },
            input_buffer: &[],
        };
        // Windows sends InputBufferOffset 0x68 with a length of zero, and no byte of Buffer.
        let mut message = testing::message(&request);
        message.truncate(64 + 40);
        message[72] = 0x68;
        assert_eq!(
            message[64..],
            testing::hex(
                "2900 02 01 58000000 6800 0000 00000000 00000000 00000000 0200000000000000 0100000000000000"
            )
        );
        assert_eq!(QueryInfoRequest::decode(&message), Ok(request));
    }

    #[test]
    fn responses_start_their_buffer_at_byte_72() {
        let response = QueryInfoResponse { output_buffer: b"abcd" };
        assert_eq!(response.to_bytes(), testing::hex("0900 4800 04000000 61626364"));
        assert_eq!(QueryInfoResponse::decode(&testing::message(&response)), Ok(response));
    }

    #[test]
    fn a_quota_query_has_a_list_or_a_start() {
        let list =
            QueryQuotaInfo { return_single: false, restart_scan: true, sid_list: b"list", start_sid: b"" };
        assert_eq!(list.to_bytes(), testing::hex("00 01 0000 04000000 00000000 00000000 6c697374"));
        let named = QueryQuotaInfo { restart_scan: false, ..list };
        assert_eq!(QueryQuotaInfo::decode(&list.to_bytes()), Ok(named));
        let both = QueryQuotaInfo { start_sid: b"start", ..list };
        assert_eq!(QueryQuotaInfo::decode(&both.to_bytes()), Ok(named));
        let start = QueryQuotaInfo { sid_list: b"", restart_scan: false, ..both };
        assert_eq!(QueryQuotaInfo::decode(&start.to_bytes()), Ok(start));
        let all = QueryQuotaInfo { start_sid: b"", restart_scan: true, ..start };
        assert_eq!(QueryQuotaInfo::decode(&all.to_bytes()), Ok(all));
        let mut offset = all.to_bytes();
        offset[12] = 1;
        assert_eq!(QueryQuotaInfo::decode(&offset), Ok(QueryQuotaInfo { restart_scan: false, ..all }));
        let mut outside = start.to_bytes();
        outside[12] = 1;
        assert!(
            QueryQuotaInfo::decode(&outside)
                .is_err_and(|error| error.field == "StartSid" && error.offset == 17)
        );
    }

    proptest! {
        #[test]
        fn requests_round_trip(kind: u8, class: u8, numbers: [u32; 3], ids: [u64; 2], input in testing::blob(60)) {
            let request = QueryInfoRequest {
                info_type: InfoType(kind),
                file_info_class: class,
                output_buffer_length: numbers[0],
                additional_information: numbers[1],
                flags: numbers[2].into(),
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                input_buffer: &input,
            };
            let message = testing::message(&request);
            prop_assert_eq!(QueryInfoRequest::decode(&message), Ok(request));
            prop_assert_eq!(request.security_information().bits(), numbers[1]);
        }

        #[test]
        fn responses_round_trip(output in testing::blob(100)) {
            let response = QueryInfoResponse { output_buffer: &output };
            let message = testing::message(&response);
            prop_assert_eq!(QueryInfoResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(41), response in testing::hostile(9)) {
            if let Ok(found) = QueryInfoRequest::decode(&request) {
                prop_assert!(found.input_buffer.len() < request.len());
            }
            if let Ok(found) = QueryInfoResponse::decode(&response) {
                prop_assert!(found.output_buffer.len() < response.len());
            }
            let _ = QueryQuotaInfo::decode(&response[64..]);
        }
    }
}
