//! [MS-SMB2] 2.2.2 SMB2 ERROR Response.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, NtStatus, Reader, Writer};

use super::header::Smb2Header;
use super::message::{BodyStart, DecodeMessage, body, length16, length32};
use super::types::{open_flags, open_number};
use super::utf16::Utf16;

open_number! {
    /// ErrorId of [MS-SMB2] 2.2.2.1 SMB2 ERROR Context Response.
    ErrorId(u32) {
        /// SMB2_ERROR_ID_DEFAULT
        DEFAULT = 0x0000_0000;
        /// SMB2_ERROR_ID_SHARE_REDIRECT
        SHARE_REDIRECT = 0x7264_5253;
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.2.2.1 Symbolic Link Error Response.
    SymlinkFlags(u32) {
        /// SYMLINK_FLAG_RELATIVE
        RELATIVE = 0x0000_0001;
    }
}

/// [MS-SMB2] 2.2.2.2.1 Symbolic Link Error Response: goes with STATUS_STOPPED_ON_SYMLINK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymlinkErrorResponse<'a> {
    /// Bytes at the end of the path of the request that were not looked at yet.
    pub unparsed_path_length: u16,
    /// The target.
    pub substitute_name: Utf16<'a>,
    /// The target as people shall read it.
    pub print_name: Utf16<'a>,
    /// Whether the target is relative to the link.
    pub flags: SymlinkFlags,
}

impl<'a> SymlinkErrorResponse<'a> {
    /// SymLinkErrorTag: "SYML".
    const TAG: u32 = 0x4C4D_5953;
    /// IO_REPARSE_TAG_SYMLINK
    const REPARSE_TAG: u32 = 0xA000_000C;
    /// SymLinkErrorTag (4), ReparseTag (4), ReparseDataLength (2), UnparsedPathLength (2), SubstituteNameOffset (2),
    /// SubstituteNameLength (2), PrintNameOffset (2), PrintNameLength (2), Flags (4): all that SymLinkLength counts
    /// but the names.
    const FIXED_SIZE: usize = 4 + 4 + 2 + 2 + 2 + 2 + 2 + 2 + 4;
    /// Of these, what ReparseDataLength counts: from SubstituteNameOffset on.
    const REPARSE_FIXED_SIZE: usize = 2 + 2 + 2 + 2 + 4;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let invalid = |field, offset| DecodeError { field, reason: DecodeReason::Invalid, offset };
        reader.skip("SymLinkLength", 4)?;
        if reader.u32("SymLinkErrorTag")? != Self::TAG {
            return Err(invalid("SymLinkErrorTag", 4));
        }
        if reader.u32("ReparseTag")? != Self::REPARSE_TAG {
            return Err(invalid("ReparseTag", 8));
        }
        reader.skip("ReparseDataLength", 2)?;
        let unparsed_path_length = reader.u16("UnparsedPathLength")?;
        let substitute_offset = usize::from(reader.u16("SubstituteNameOffset")?);
        let substitute_length = usize::from(reader.u16("SubstituteNameLength")?);
        let print_offset = usize::from(reader.u16("PrintNameOffset")?);
        let print_length = usize::from(reader.u16("PrintNameLength")?);
        let flags = SymlinkFlags::from(reader.u32("Flags")?);
        let names = Reader::new(reader.remaining());
        let name =
            |field, offset, length| Utf16::checked(names.slice_at(field, offset, length)?, field, offset);
        Ok(SymlinkErrorResponse {
            unparsed_path_length,
            substitute_name: name("SubstituteName", substitute_offset, substitute_length)?,
            print_name: name("PrintName", print_offset, print_length)?,
            flags,
        })
    }
}

impl Encode for SymlinkErrorResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        let (substitute, print) = (self.substitute_name.as_bytes(), self.print_name.as_bytes());
        let names = substitute.len().saturating_add(print.len());
        writer.u32(length32(names.saturating_add(Self::FIXED_SIZE)));
        writer.u32(Self::TAG);
        writer.u32(Self::REPARSE_TAG);
        writer.u16(length16(names.saturating_add(Self::REPARSE_FIXED_SIZE)));
        writer.u16(self.unparsed_path_length);
        writer.u16(0);
        writer.u16(length16(substitute.len()));
        writer.u16(length16(substitute.len()));
        writer.u16(length16(print.len()));
        writer.u32(self.flags.bits());
        writer.bytes(substitute);
        writer.bytes(print);
    }
}

/// [MS-SMB2] 2.2.2.2.2.1 MOVE_DST_IPADDR structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveDestination(pub core::net::IpAddr);

impl MoveDestination {
    /// Type (4), Reserved (4), IPAddress (16).
    const SIZE: usize = 4 + 4 + 16;
    /// MOVE_DST_IPADDR_V4
    const V4: u32 = 1;
    /// MOVE_DST_IPADDR_V6
    const V6: u32 = 2;

    fn decode(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u32("Type").ok()?;
        reader.skip("Reserved", 4).ok()?;
        match kind {
            Self::V4 => reader.array::<4>("IPv4Address").ok().map(|octets| MoveDestination(octets.into())),
            Self::V6 => reader.array::<16>("IPv6Address").ok().map(|octets| MoveDestination(octets.into())),
            _ => None,
        }
    }

    fn write(self, writer: &mut Writer) {
        match self.0 {
            core::net::IpAddr::V4(address) => {
                writer.u32(Self::V4);
                writer.u32(0);
                writer.bytes(&address.octets());
                writer.zeros(12);
            }
            core::net::IpAddr::V6(address) => {
                writer.u32(Self::V6);
                writer.u32(0);
                writer.bytes(&address.octets());
            }
        }
    }
}

/// Addresses of a share redirect: borrowed from a message or from values to be encoded.
#[derive(Clone, Copy)]
pub struct MoveDestinations<'a>(DestinationsKind<'a>);

#[derive(Clone, Copy)]
enum DestinationsKind<'a> {
    Wire(&'a [[u8; MoveDestination::SIZE]]),
    Values(&'a [MoveDestination]),
}

impl<'a> MoveDestinations<'a> {
    /// The addresses in order; ones of an unknown type are left out.
    pub fn iter(self) -> impl Iterator<Item = MoveDestination> + 'a {
        let (wire, values): (&[[u8; MoveDestination::SIZE]], &[MoveDestination]) = match self.0 {
            DestinationsKind::Wire(wire) => (wire, &[]),
            DestinationsKind::Values(values) => (&[], values),
        };
        wire.iter().filter_map(MoveDestination::decode).chain(values.iter().copied())
    }
}

impl<'a> From<&'a [MoveDestination]> for MoveDestinations<'a> {
    fn from(values: &'a [MoveDestination]) -> Self {
        MoveDestinations(DestinationsKind::Values(values))
    }
}

impl PartialEq for MoveDestinations<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl core::fmt::Debug for MoveDestinations<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// [MS-SMB2] 2.2.2.2.2 Share Redirect Error Context Response: goes with STATUS_BAD_NETWORK_NAME.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareRedirect<'a> {
    /// Addresses to connect to.
    pub addresses: MoveDestinations<'a>,
    /// Name of the server to connect to.
    pub resource_name: Utf16<'a>,
}

impl<'a> ShareRedirect<'a> {
    /// SHARE_MOVE_NOTIFICATION
    const NOTIFICATION_TYPE: u32 = 3;
    /// StructureSize (4), NotificationType (4), ResourceNameOffset (4), ResourceNameLength (4), Flags (2),
    /// TargetType (2), IPAddrCount (4).
    const FIXED_SIZE: usize = 4 + 4 + 4 + 4 + 2 + 2 + 4;

    fn decode(data: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        reader.skip("StructureSize", 4)?;
        if reader.u32("NotificationType")? != Self::NOTIFICATION_TYPE {
            return Err(DecodeError { field: "NotificationType", reason: DecodeReason::Invalid, offset: 4 });
        }
        let name_offset = usize::try_from(reader.u32("ResourceNameOffset")?).unwrap_or(usize::MAX);
        let name_length = usize::try_from(reader.u32("ResourceNameLength")?).unwrap_or(usize::MAX);
        reader.skip("TargetType", 4)?;
        let count = usize::try_from(reader.u32("IPAddrCount")?).unwrap_or(usize::MAX);
        let addresses = reader.bytes("IPAddrMoveList", count.saturating_mul(MoveDestination::SIZE))?;
        let name = reader.slice_at("ResourceName", name_offset, name_length)?;
        Ok(ShareRedirect {
            addresses: MoveDestinations(DestinationsKind::Wire(addresses.as_chunks().0)),
            resource_name: Utf16::checked(name, "ResourceName", name_offset)?,
        })
    }
}

impl Encode for ShareRedirect<'_> {
    fn encode(&self, writer: &mut Writer) {
        let name = self.resource_name.as_bytes();
        let count = self.addresses.iter().count();
        let name_offset = count.saturating_mul(MoveDestination::SIZE).saturating_add(Self::FIXED_SIZE);
        writer.u32(length32(name_offset.saturating_add(name.len())));
        writer.u32(Self::NOTIFICATION_TYPE);
        writer.u32(length32(name_offset));
        writer.u32(length32(name.len()));
        writer.u32(0);
        writer.u32(length32(count));
        for address in self.addresses.iter() {
            address.write(writer);
        }
        writer.bytes(name);
    }
}

/// What an error says beyond its status.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ErrorData<'a> {
    /// Nothing.
    None,
    /// STATUS_BUFFER_TOO_SMALL and STATUS_INFO_LENGTH_MISMATCH: the number of bytes that would do.
    RequiredLength(u32),
    /// STATUS_STOPPED_ON_SYMLINK.
    Symlink(SymlinkErrorResponse<'a>),
    /// STATUS_BAD_NETWORK_NAME in 3.1.1, when the client asked for a redirect.
    ShareRedirect(ShareRedirect<'a>),
    /// Anything else.
    Other(&'a [u8]),
}

impl<'a> ErrorData<'a> {
    const fn error_id(&self) -> ErrorId {
        match self {
            ErrorData::ShareRedirect(_) => ErrorId::SHARE_REDIRECT,
            _ => ErrorId::DEFAULT,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            ErrorData::None => {}
            ErrorData::RequiredLength(length_bytes) => writer.u32(*length_bytes),
            ErrorData::Symlink(symlink) => symlink.encode(writer),
            ErrorData::ShareRedirect(redirect) => redirect.encode(writer),
            ErrorData::Other(bytes) => writer.bytes(bytes),
        }
    }

    fn decode(status: NtStatus, id: ErrorId, data: &'a [u8]) -> Result<Self, DecodeError> {
        if data.is_empty() {
            return Ok(ErrorData::None);
        }
        match (id, status) {
            (ErrorId::SHARE_REDIRECT, _) => ShareRedirect::decode(data).map(ErrorData::ShareRedirect),
            (_, NtStatus::STOPPED_ON_SYMLINK) => SymlinkErrorResponse::decode(data).map(ErrorData::Symlink),
            (_, NtStatus::BUFFER_TOO_SMALL | NtStatus::INFO_LENGTH_MISMATCH) if data.len() == 4 => {
                Reader::new(data).u32("RequiredLength").map(ErrorData::RequiredLength)
            }
            _ => Ok(ErrorData::Other(data)),
        }
    }
}

/// [MS-SMB2] 2.2.2 SMB2 ERROR Response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorResponse<'a> {
    /// Whether the data stands in an error context, as it does in 3.1.1 and only there.
    pub in_context: bool,
    /// The data. A second context, which nobody sends, is ignored.
    pub data: ErrorData<'a>,
}

impl ErrorResponse<'_> {
    /// The usual one: a status and nothing more.
    pub const EMPTY: ErrorResponse<'static> = ErrorResponse { in_context: false, data: ErrorData::None };

    /// StructureSize (2), ErrorContextCount (1), Reserved (1), ByteCount (4), one byte of ErrorData.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 1;
}

impl<'a> DecodeMessage<'a> for ErrorResponse<'a> {
    /// What the data is depends on the status, which is read from the message's header.
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let status = Smb2Header::decode(message)?.status;
        let context_count = reader.u8("ErrorContextCount")?;
        reader.skip("Reserved", 1)?;
        let byte_count = usize::try_from(reader.u32("ByteCount")?).unwrap_or(usize::MAX);
        let data_start = reader.position();
        let mut data = Reader::new(reader.bytes("ErrorData", byte_count)?);
        let at =
            |error: DecodeError| DecodeError { offset: error.offset.saturating_add(data_start), ..error };
        let in_context = context_count != 0;
        let (id, bytes) = if in_context {
            let length = usize::try_from(data.u32("ErrorDataLength").map_err(at)?).unwrap_or(usize::MAX);
            let id = ErrorId(data.u32("ErrorId").map_err(at)?);
            (id, data.bytes("ErrorContextData", length).map_err(at)?)
        } else {
            (ErrorId::DEFAULT, data.remaining())
        };
        let data = ErrorData::decode(status, id, bytes).map_err(at)?;
        Ok(ErrorResponse { in_context, data })
    }
}

impl Encode for ErrorResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        let in_context = self.in_context && self.data != ErrorData::None;
        writer.u8(u8::from(in_context));
        writer.u8(0);
        let byte_count_at = writer.position();
        writer.u32(0);
        let data_start = writer.position();
        if in_context {
            let length_at = writer.position();
            writer.u32(0);
            writer.u32(self.data.error_id().0);
            let context_start = writer.position();
            self.data.write(writer);
            writer.patch_u32(length_at, writer.position().saturating_sub(context_start));
        } else {
            self.data.write(writer);
        }
        writer.patch_u32(byte_count_at, writer.position().saturating_sub(data_start));
        start.fill_odd_size(writer, 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use crate::smb2::utf16::Utf16Buf;
    use proptest::prelude::*;

    fn with_status(status: NtStatus, body: &impl Encode) -> Vec<u8> {
        crate::smb2::message_bytes(&Smb2Header { status, ..Smb2Header::default() }, body)
    }

    #[test]
    fn the_usual_error_has_nine_bytes() {
        assert_eq!(ErrorResponse::EMPTY.to_bytes(), testing::hex("0900 00 00 00000000 00"));
        let message = with_status(NtStatus::ACCESS_DENIED, &ErrorResponse::EMPTY);
        assert_eq!(ErrorResponse::decode(&message), Ok(ErrorResponse::EMPTY));
    }

    #[test]
    fn the_required_length_stands_in_a_context_in_3_1_1_only() {
        for (in_context, bytes) in [
            (false, "0900 00 00 04000000 10270000"),
            (true, "0900 01 00 0c000000 04000000 00000000 10270000"),
        ] {
            let response = ErrorResponse { in_context, data: ErrorData::RequiredLength(10_000) };
            assert_eq!(response.to_bytes(), testing::hex(bytes));
            let message = with_status(NtStatus::BUFFER_TOO_SMALL, &response);
            assert_eq!(ErrorResponse::decode(&message), Ok(response));
        }
    }

    #[test]
    fn a_symbolic_link_counts_its_names_twice() {
        let (target, shown) = (Utf16Buf::from("..\\b"), Utf16Buf::from("b"));
        let response = ErrorResponse {
            in_context: false,
            data: ErrorData::Symlink(SymlinkErrorResponse {
                unparsed_path_length: 6,
                substitute_name: target.as_utf16(),
                print_name: shown.as_utf16(),
                flags: SymlinkFlags::RELATIVE,
            }),
        };
        assert_eq!(
            response.to_bytes(),
            testing::hex(
                "0900 00 00 26000000
                 22000000 53594d4c 0c0000a0 1600 0600 0000 0800 0800 0200 01000000 2e002e005c006200 6200"
            )
        );
        let message = with_status(NtStatus::STOPPED_ON_SYMLINK, &response);
        assert_eq!(ErrorResponse::decode(&message), Ok(response));
    }

    #[test]
    fn a_share_redirect_round_trips() {
        let name = Utf16Buf::from("node2");
        let addresses = [MoveDestination([10, 0, 0, 7].into()), MoveDestination([7_u8; 16].into())];
        let response = ErrorResponse {
            in_context: true,
            data: ErrorData::ShareRedirect(ShareRedirect {
                addresses: addresses.as_slice().into(),
                resource_name: name.as_utf16(),
            }),
        };
        let message = with_status(NtStatus::BAD_NETWORK_NAME, &response);
        assert_eq!(ErrorResponse::decode(&message), Ok(response));
    }

    proptest! {
        #[test]
        fn symbolic_links_round_trip(unparsed: u16, flags: u32, target in testing::name(30), shown in testing::name(30), in_context: bool) {
            let data = ErrorData::Symlink(SymlinkErrorResponse {
                unparsed_path_length: unparsed,
                substitute_name: Utf16::from_bytes(&target).expect("even"),
                print_name: Utf16::from_bytes(&shown).expect("even"),
                flags: flags.into(),
            });
            let response = ErrorResponse { in_context, data };
            let message = with_status(NtStatus::STOPPED_ON_SYMLINK, &response);
            prop_assert_eq!(ErrorResponse::decode(&message), Ok(response));
        }

        #[test]
        fn other_data_round_trips(data in testing::blob(60), in_context: bool) {
            let data = if data.is_empty() { ErrorData::None } else { ErrorData::Other(&data) };
            let response = ErrorResponse { in_context: in_context && data != ErrorData::None, data };
            let message = with_status(NtStatus::ACCESS_DENIED, &response);
            prop_assert_eq!(ErrorResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(mut message in testing::hostile(9), status in prop_oneof![Just(NtStatus::STOPPED_ON_SYMLINK), Just(NtStatus::BUFFER_TOO_SMALL)]) {
            message[Smb2Header::STATUS_OFFSET..][..4].copy_from_slice(&status.0.to_le_bytes());
            let _ = ErrorResponse::decode(&message);
            let _ = SymlinkErrorResponse::decode(&message);
            let _ = ShareRedirect::decode(&message).map(|found| found.addresses.iter().count());
        }
    }
}
