//! STATUS_STOPPED_ON_SYMLINK ([MS-SMB2] 2.2.2.2.1): the client resolves symbolic links, the server only says where one is.

use freehold_dtyp::{DecodeError, Encode, NtStatus, Reader};

use super::super::super::status::CommandError;
use super::intent::Intent;
use crate::smb2::Utf16;
use crate::smb2::error::{SymlinkErrorResponse, SymlinkFlags};

/// [MS-FSCC] 2.1.2.1 IO_REPARSE_TAG_SYMLINK
pub(super) const SYMLINK_TAG: u32 = 0xA000_000C;
/// [MS-FSCC] 2.1.2.1 IO_REPARSE_TAG_DFS: what a folder of a namespace is on disk.
pub(super) const DFS_TAG: u32 = 0x8000_000A;

/// A reparse point stands at component `index` of the path.
pub(super) fn stopped_on_the_way(intent: &Intent, index: usize, data: &[u8]) -> CommandError {
    if index < intent.share_depth {
        // The share's own folder leads through a link: that is nothing a client could resolve.
        return NtStatus::OBJECT_PATH_NOT_FOUND.into();
    }
    let behind = intent.path.components().skip(index.saturating_add(1));
    // Each component that was not looked at, with the backslash in front of it.
    let unparsed = behind.fold(0usize, |bytes, component| {
        bytes.saturating_add(component.utf16_length().saturating_add(1).saturating_mul(2))
    });
    stopped(intent, unparsed, data)
}

/// A reparse point, `unparsed_bytes` of the path's UTF-16 before the end (without the stream).
pub(super) fn stopped(intent: &Intent, unparsed_bytes: usize, data: &[u8]) -> CommandError {
    let unparsed = unparsed_bytes.saturating_add(intent.stream_part_bytes);
    match describe(unparsed, data) {
        Ok(Some(body)) => CommandError::StatusWithData(NtStatus::STOPPED_ON_SYMLINK, body),
        Ok(None) if data.starts_with(&DFS_TAG.to_le_bytes()) => NtStatus::PATH_NOT_COVERED.into(),
        Ok(None) => NtStatus::IO_REPARSE_TAG_NOT_HANDLED.into(),
        Err(_) => NtStatus::IO_REPARSE_DATA_INVALID.into(),
    }
}

/// The error's data from a REPARSE_DATA_BUFFER ([MS-FSCC] 2.1.2.4); `None` when it is no symbolic link.
fn describe(unparsed_bytes: usize, data: &[u8]) -> Result<Option<Vec<u8>>, DecodeError> {
    let mut reader = Reader::new(data);
    if reader.u32("ReparseTag")? != SYMLINK_TAG {
        return Ok(None);
    }
    reader.skip("ReparseDataLength", 4)?;
    let substitute_offset = usize::from(reader.u16("SubstituteNameOffset")?);
    let substitute_length = usize::from(reader.u16("SubstituteNameLength")?);
    let print_offset = usize::from(reader.u16("PrintNameOffset")?);
    let print_length = usize::from(reader.u16("PrintNameLength")?);
    let flags = SymlinkFlags::from(reader.u32("Flags")?);
    let names = Reader::new(reader.remaining());
    let name = |field, offset, length| {
        names.slice_at(field, offset, length).map(|bytes| Utf16::from_bytes(bytes).unwrap_or(Utf16::EMPTY))
    };
    let response = SymlinkErrorResponse {
        unparsed_path_length: u16::try_from(unparsed_bytes).unwrap_or(u16::MAX),
        substitute_name: name("SubstituteName", substitute_offset, substitute_length)?,
        print_name: name("PrintName", print_offset, print_length)?,
        flags,
    };
    Ok(Some(response.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A relative link to `..\b`, shown as `b`, in a REPARSE_DATA_BUFFER.
    fn link() -> Vec<u8> {
        let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (target, shown) = (units("..\\b"), units("b"));
        let mut data = SYMLINK_TAG.to_le_bytes().to_vec();
        let length = u16::try_from(12 + target.len() + shown.len()).unwrap();
        for number in [length, 0, 0, 8, 8, 2] {
            data.extend(number.to_le_bytes());
        }
        data.extend(1u32.to_le_bytes());
        data.extend(target);
        data.extend(shown);
        data
    }

    #[test]
    fn a_link_is_described_with_what_is_left_of_the_path() {
        let body = describe(6, &link()).unwrap().unwrap();
        // [MS-SMB2] 2.2.2.2.1: SymLinkLength, "SYML", ReparseTag, ReparseDataLength, UnparsedPathLength ...
        assert_eq!(body[4..8], *b"SYML");
        assert_eq!(body[8..12], SYMLINK_TAG.to_le_bytes());
        assert_eq!(body[14..16], [6, 0]);
        assert_eq!(body[24..28], [1, 0, 0, 0]);
        assert_eq!(body.len(), 28 + 8 + 2);
    }

    #[test]
    fn other_reparse_points_and_damaged_ones_are_told_apart() {
        assert_eq!(describe(0, &0xA000_0003u32.to_le_bytes()).unwrap(), None);
        assert!(describe(0, &link()[..20]).is_err());
    }
}
