//! [MS-SMB2] 2.2.31 SMB2 IOCTL Request and 2.2.32 SMB2 IOCTL Response. The control codes and their payloads,
//! those of MS-SMB2 too, are in the module `fscc`.

use freehold_dtyp::{DecodeError, Encode, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::message::{BodyStart, DecodeMessage, field, fixed, length32};
use super::types::{FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.31.
    IoctlFlags(u32) {
        /// SMB2_0_IOCTL_IS_FSCTL
        IS_FSCTL = 0x0000_0001;
    }
}

/// [MS-SMB2] 2.2.31 SMB2 IOCTL Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlRequest<'a> {
    /// CtlCode: [MS-FSCC] 2.3 and [MS-SMB2] 2.2.31.
    pub ctl_code: u32,
    /// The open, or [`FileId::ANY`].
    pub file_id: FileId,
    /// The input buffer.
    pub input: &'a [u8],
    /// Most bytes of input that the client takes back.
    pub max_input_response: u32,
    /// The output buffer of the request; empty in all codes that exist.
    pub output: &'a [u8],
    /// Most bytes of output that the client takes.
    pub max_output_response: u32,
    /// Flags.
    pub flags: IoctlFlags,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    reserved: U16,
    ctl_code: U32,
    file_id: WireFileId,
    input_offset: U32,
    input_count: U32,
    max_input_response: U32,
    output_offset: U32,
    output_count: U32,
    max_output_response: U32,
    flags: U32,
    reserved2: U32,
}

impl IoctlRequest<'_> {
    /// StructureSize (2), Reserved (2), CtlCode (4), FileId (16), InputOffset (4), InputCount (4),
    /// MaxInputResponse (4), OutputOffset (4), OutputCount (4), MaxOutputResponse (4), Flags (4), Reserved2 (4),
    /// one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 4 + 4 + 4 + 4 + 4 + 4 + 4 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for IoctlRequest<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(IoctlRequest {
            ctl_code: wire.ctl_code.get(),
            file_id: wire.file_id.into(),
            input: field(message, "Input", wire.input_offset.get(), wire.input_count.get())?,
            max_input_response: wire.max_input_response.get(),
            output: field(message, "Output", wire.output_offset.get(), wire.output_count.get())?,
            max_output_response: wire.max_output_response.get(),
            flags: wire.flags.get().into(),
        })
    }
}

impl Encode for IoctlRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u32 = 64 + 56;
        let start = BodyStart::at(writer);
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved: U16::ZERO,
            ctl_code: self.ctl_code.into(),
            file_id: self.file_id.into(),
            input_offset: if self.input.is_empty() { 0 } else { BUFFER_OFFSET }.into(),
            input_count: length32(self.input.len()).into(),
            max_input_response: self.max_input_response.into(),
            output_offset: second_offset(BUFFER_OFFSET, self.input, self.output).into(),
            output_count: length32(self.output.len()).into(),
            max_output_response: self.max_output_response.into(),
            flags: self.flags.bits().into(),
            reserved2: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
        write_buffers(self.input, self.output, start, writer);
        start.fill_odd_size(writer, size_of::<WireRequest>());
    }
}

/// [MS-SMB2] 2.2.32 SMB2 IOCTL Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlResponse<'a> {
    /// CtlCode of the request.
    pub ctl_code: u32,
    /// FileId of the request.
    pub file_id: FileId,
    /// Input handed back: empty in all codes that exist.
    pub input: &'a [u8],
    /// The output.
    pub output: &'a [u8],
    /// Flags; reserved, zero.
    pub flags: IoctlFlags,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireResponse {
    structure_size: U16,
    reserved: U16,
    ctl_code: U32,
    file_id: WireFileId,
    input_offset: U32,
    input_count: U32,
    output_offset: U32,
    output_count: U32,
    flags: U32,
    reserved2: U32,
}

impl IoctlResponse<'_> {
    /// StructureSize (2), Reserved (2), CtlCode (4), FileId (16), InputOffset (4), InputCount (4), OutputOffset (4),
    /// OutputCount (4), Flags (4), Reserved2 (4), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 4 + 4 + 4 + 4 + 4 + 4 + 1;
    /// Bytes of the fixed part, after which the output starts when no input is handed back.
    pub const HEADER_SIZE: usize = size_of::<WireResponse>();

    /// The fixed part of a response with `output_count` bytes of output and no input, for callers that write the
    /// output behind a reserved place.
    #[must_use]
    pub fn header_bytes(ctl_code: u32, file_id: FileId, output_count: u32) -> [u8; 48] {
        const BUFFER_OFFSET: u32 = 64 + 48;
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved: U16::ZERO,
            ctl_code: ctl_code.into(),
            file_id: file_id.into(),
            input_offset: BUFFER_OFFSET.into(),
            input_count: U32::ZERO,
            output_offset: BUFFER_OFFSET.into(),
            output_count: output_count.into(),
            flags: U32::ZERO,
            reserved2: U32::ZERO,
        };
        zerocopy::transmute!(wire)
    }
}

impl<'a> DecodeMessage<'a> for IoctlResponse<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireResponse = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(IoctlResponse {
            ctl_code: wire.ctl_code.get(),
            file_id: wire.file_id.into(),
            input: field(message, "Input", wire.input_offset.get(), wire.input_count.get())?,
            output: field(message, "Output", wire.output_offset.get(), wire.output_count.get())?,
            flags: wire.flags.get().into(),
        })
    }
}

impl Encode for IoctlResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u32 = 64 + 48;
        let start = BodyStart::at(writer);
        let output_offset = match second_offset(BUFFER_OFFSET, self.input, self.output) {
            0 => BUFFER_OFFSET,
            offset => offset,
        };
        let wire = WireResponse {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved: U16::ZERO,
            ctl_code: self.ctl_code.into(),
            file_id: self.file_id.into(),
            input_offset: BUFFER_OFFSET.into(),
            input_count: length32(self.input.len()).into(),
            output_offset: output_offset.into(),
            output_count: length32(self.output.len()).into(),
            flags: self.flags.bits().into(),
            reserved2: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
        write_buffers(self.input, self.output, start, writer);
    }
}

/// Where `output` starts when `input` starts at `offset`: at the next multiple of 8. Zero for no output.
fn second_offset(offset: u32, input: &[u8], output: &[u8]) -> u32 {
    if output.is_empty() {
        return 0;
    }
    offset.saturating_add(length32(input.len().checked_next_multiple_of(8).unwrap_or(usize::MAX)))
}

fn write_buffers(input: &[u8], output: &[u8], start: BodyStart, writer: &mut Writer) {
    writer.bytes(input);
    if !output.is_empty() {
        start.align(writer, 8);
        writer.bytes(output);
    }
}

const _: () = assert!(size_of::<WireRequest>() == 56 && size_of::<WireResponse>() == 48);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    /// FSCTL_PIPE_TRANSCEIVE
    const PIPE_TRANSCEIVE: u32 = 0x0011_C017;

    /// [MS-SMB2] 4.4 Executing an Operation on a Named Pipe: the transceive, its data shortened.
    #[test]
    fn the_request_of_the_specification() {
        let request = IoctlRequest {
            ctl_code: PIPE_TRANSCEIVE,
            file_id: FileId { persistent: 1, volatile: 2 },
            input: b"\x05\0\x0b\x03",
            max_input_response: 0,
            output: &[],
            max_output_response: 1024,
            flags: IoctlFlags::IS_FSCTL,
        };
        let mut message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex(
                "3900 0000 17c01100 0100000000000000 0200000000000000 78000000 04000000 00000000
                 00000000 00000000 00040000 01000000 00000000 05000b03"
            )
        );
        assert_eq!(IoctlRequest::decode(&message), Ok(request));
        // Windows sends an OutputOffset with an OutputCount of zero.
        message[100] = 0x78;
        assert_eq!(IoctlRequest::decode(&message), Ok(request));
    }

    fn reply_of_a_pipe() -> IoctlResponse<'static> {
        IoctlResponse {
            ctl_code: PIPE_TRANSCEIVE,
            file_id: FileId { persistent: 1, volatile: 2 },
            input: &[],
            output: b"reply",
            flags: IoctlFlags::empty(),
        }
    }

    #[test]
    fn a_response_starts_its_output_at_byte_112() {
        let response = reply_of_a_pipe();
        let message = testing::message(&response);
        assert_eq!(message[64..112], IoctlResponse::header_bytes(response.ctl_code, response.file_id, 5));
        assert_eq!(message[88..104], testing::hex("70000000 00000000 70000000 05000000"));
        assert_eq!(IoctlResponse::decode(&message), Ok(response));
    }

    #[test]
    fn the_output_of_a_response_may_lie_behind_padding() {
        let response = reply_of_a_pipe();
        for padding in [1, 8, 100] {
            let mut message = testing::message(&response);
            message.truncate(112);
            message[96] += padding;
            message.extend(vec![0xEE; usize::from(padding)]);
            message.extend_from_slice(b"reply");
            assert_eq!(IoctlResponse::decode(&message), Ok(response));
            message.pop();
            assert!(IoctlResponse::decode(&message).is_err_and(|error| error.field == "Output"));
        }
    }

    #[test]
    fn input_outside_of_the_message_is_refused() {
        let request = IoctlRequest {
            ctl_code: 0,
            file_id: FileId::ANY,
            input: b"1234",
            max_input_response: 0,
            output: &[],
            max_output_response: 0,
            flags: IoctlFlags::IS_FSCTL,
        };
        let mut message = testing::message(&request);
        message[92] = 5;
        assert!(IoctlRequest::decode(&message).is_err_and(|error| error.field == "Input"));
    }

    proptest! {
        #[test]
        fn requests_round_trip(code: u32, ids: [u64; 2], numbers: [u32; 3], input in testing::blob(50), output in testing::blob(50)) {
            let request = IoctlRequest {
                ctl_code: code,
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                input: &input,
                max_input_response: numbers[0],
                output: &output,
                max_output_response: numbers[1],
                flags: numbers[2].into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(IoctlRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(code: u32, ids: [u64; 2], flags: u32, input in testing::blob(50), output in testing::blob(50)) {
            let response = IoctlResponse {
                ctl_code: code,
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                input: &input,
                output: &output,
                flags: flags.into(),
            };
            let message = testing::message(&response);
            prop_assert_eq!(IoctlResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(57), response in testing::hostile(49)) {
            if let Ok(found) = IoctlRequest::decode(&request) {
                prop_assert!(found.input.len() < request.len() && found.output.len() < request.len());
            }
            if let Ok(found) = IoctlResponse::decode(&response) {
                prop_assert!(found.input.len() < response.len() && found.output.len() < response.len());
            }
        }
    }
}
