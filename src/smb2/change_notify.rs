//! [MS-SMB2] 2.2.35 SMB2 CHANGE_NOTIFY Request and 2.2.36 SMB2 CHANGE_NOTIFY Response.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{DecodeMessage, field, fixed, length32};
use super::query_info::output_buffer_response;
use super::types::{FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.35.
    ChangeNotifyFlags(u16) {
        /// SMB2_WATCH_TREE: the folders below too.
        WATCH_TREE = 0x0001;
    }
}

open_flags! {
    /// CompletionFilter of [MS-SMB2] 2.2.35.
    CompletionFilter(u32) {
        /// FILE_NOTIFY_CHANGE_FILE_NAME
        FILE_NAME = 0x0000_0001;
        /// FILE_NOTIFY_CHANGE_DIR_NAME
        DIR_NAME = 0x0000_0002;
        /// FILE_NOTIFY_CHANGE_ATTRIBUTES
        ATTRIBUTES = 0x0000_0004;
        /// FILE_NOTIFY_CHANGE_SIZE
        SIZE = 0x0000_0008;
        /// FILE_NOTIFY_CHANGE_LAST_WRITE
        LAST_WRITE = 0x0000_0010;
        /// FILE_NOTIFY_CHANGE_LAST_ACCESS
        LAST_ACCESS = 0x0000_0020;
        /// FILE_NOTIFY_CHANGE_CREATION
        CREATION = 0x0000_0040;
        /// FILE_NOTIFY_CHANGE_EA
        EA = 0x0000_0080;
        /// FILE_NOTIFY_CHANGE_SECURITY
        SECURITY = 0x0000_0100;
        /// FILE_NOTIFY_CHANGE_STREAM_NAME
        STREAM_NAME = 0x0000_0200;
        /// FILE_NOTIFY_CHANGE_STREAM_SIZE
        STREAM_SIZE = 0x0000_0400;
        /// FILE_NOTIFY_CHANGE_STREAM_WRITE
        STREAM_WRITE = 0x0000_0800;
    }
}

/// [MS-SMB2] 2.2.35 SMB2 CHANGE_NOTIFY Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeNotifyRequest {
    /// Flags.
    pub flags: ChangeNotifyFlags,
    /// Most bytes that the client takes.
    pub output_buffer_length: u32,
    /// The open of the directory.
    pub file_id: FileId,
    /// What to report.
    pub completion_filter: CompletionFilter,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    flags: U16,
    output_buffer_length: U32,
    file_id: WireFileId,
    completion_filter: U32,
    reserved: U32,
}

impl ChangeNotifyRequest {
    /// StructureSize (2), Flags (2), OutputBufferLength (4), FileId (16), CompletionFilter (4), Reserved (4).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 4 + 4;
}

impl<'a> DecodeMessage<'a> for ChangeNotifyRequest {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(ChangeNotifyRequest {
            flags: wire.flags.get().into(),
            output_buffer_length: wire.output_buffer_length.get(),
            file_id: wire.file_id.into(),
            completion_filter: wire.completion_filter.get().into(),
        })
    }
}

impl Encode for ChangeNotifyRequest {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            flags: self.flags.bits().into(),
            output_buffer_length: self.output_buffer_length.into(),
            file_id: self.file_id.into(),
            completion_filter: self.completion_filter.bits().into(),
            reserved: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
    }
}

output_buffer_response! {
    /// [MS-SMB2] 2.2.36 SMB2 CHANGE_NOTIFY Response: [MS-FSCC] 2.7.1 FILE_NOTIFY_INFORMATION entries. Empty with
    /// STATUS_NOTIFY_ENUM_DIR and STATUS_NOTIFY_CLEANUP.
    ChangeNotifyResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn an_overflowed_watch_is_answered_with_an_empty_buffer() {
        let response = ChangeNotifyResponse { output_buffer: &[] };
        assert_eq!(response.to_bytes(), testing::hex("0900 4800 00000000"));
        assert_eq!(ChangeNotifyResponse::decode(&testing::message(&response)), Ok(response));
    }

    #[test]
    fn the_layout_is_that_of_the_specification() {
        let request = ChangeNotifyRequest {
            flags: ChangeNotifyFlags::WATCH_TREE,
            output_buffer_length: 0x800,
            file_id: FileId { persistent: 1, volatile: 2 },
            completion_filter: CompletionFilter::FILE_NAME | CompletionFilter::STREAM_WRITE,
        };
        assert_eq!(
            request.to_bytes(),
            testing::hex("2000 0100 00080000 0100000000000000 0200000000000000 01080000 00000000")
        );
    }

    proptest! {
        #[test]
        fn requests_round_trip(flags: u16, numbers: [u32; 2], ids: [u64; 2]) {
            let request = ChangeNotifyRequest {
                flags: flags.into(),
                output_buffer_length: numbers[0],
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                completion_filter: numbers[1].into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(ChangeNotifyRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(output in testing::blob(100)) {
            let response = ChangeNotifyResponse { output_buffer: &output };
            let message = testing::message(&response);
            prop_assert_eq!(ChangeNotifyResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(32), response in testing::hostile(9)) {
            prop_assert!(ChangeNotifyRequest::decode(&request).is_err() || request.len() >= 96);
            let _ = ChangeNotifyResponse::decode(&response);
        }
    }
}
