//! Symbolic links, pipes, sockets and devices that stand on disk: shown as reparse points, never followed or opened.

use std::os::fd::BorrowedFd;

use freehold_dtyp::{Writer, Wtf8Buf};
use rustix::io::Errno;

use super::names::to_windows_name;
use super::nodes::{TAG_NFS, TAG_SYMLINK};
use super::sys::{InodeKind, S_IFBLK, S_IFCHR, S_IFIFO};
use crate::fscc::fsctl::reparse::NfsType;

/// SYMLINK_FLAG_RELATIVE ([MS-FSCC] 2.1.2.4).
const SYMLINK_FLAG_RELATIVE: u32 = 1;

/// The reparse buffer of what is behind `place`; `None` for files and directories.
pub(super) fn reparse_data(kind: InodeKind, place: BorrowedFd<'_>) -> Result<Option<Vec<u8>>, Errno> {
    match kind {
        InodeKind::File | InodeKind::Directory => Ok(None),
        InodeKind::Symlink => {
            let target = rustix::fs::readlinkat(place, c"", Vec::new())?;
            Ok(Some(symlink(target.as_bytes())))
        }
        InodeKind::Special(mode, major, minor) => Ok(Some(special(mode, major, minor))),
    }
}

fn buffer(tag: u32, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u32(tag);
    writer.u16(u16::try_from(data.len()).unwrap_or(u16::MAX));
    writer.u16(0);
    writer.bytes(data);
    writer.into_bytes()
}

/// [MS-FSCC] 2.1.2.4 Symbolic Link Reparse Data Buffer.
fn symlink(target: &[u8]) -> Vec<u8> {
    let mut windows = Wtf8Buf::new();
    for (index, component) in target.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            windows.push_ascii(b'\\');
        }
        windows.push(to_windows_name(component).as_wtf8());
    }
    let mut name = Vec::new();
    windows.as_wtf8().append_utf16le(&mut name);
    // A Linux target has at most 4,095 bytes, so twice its UTF-16 form fits into 16 bits.
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    let mut writer = Writer::new();
    writer.u16(0); // SubstituteNameOffset
    writer.u16(length); // SubstituteNameLength
    writer.u16(length); // PrintNameOffset
    writer.u16(length); // PrintNameLength
    writer.u32(if target.starts_with(b"/") { 0 } else { SYMLINK_FLAG_RELATIVE });
    writer.bytes(&name);
    writer.bytes(&name);
    buffer(TAG_SYMLINK, writer.as_slice())
}

/// What a special file on disk is; `None` for files, directories and links.
pub(super) fn nfs_type(kind: InodeKind) -> Option<NfsType> {
    match kind {
        InodeKind::File | InodeKind::Directory | InodeKind::Symlink => None,
        InodeKind::Special(mode, _, _) => Some(type_of_mode(mode)),
    }
}

const fn type_of_mode(mode: u32) -> NfsType {
    match mode {
        S_IFIFO => NfsType::SPECFILE_FIFO,
        S_IFCHR => NfsType::SPECFILE_CHR,
        S_IFBLK => NfsType::SPECFILE_BLK,
        _ => NfsType::SPECFILE_SOCK,
    }
}

/// [MS-FSCC] 2.1.2.6 Network File System (NFS) Reparse Data Buffer.
fn special(mode: u32, major: u32, minor: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u64(type_of_mode(mode).0);
    if matches!(mode, S_IFCHR | S_IFBLK) {
        writer.u32(major);
        writer.u32(minor);
    }
    buffer(TAG_NFS, writer.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_target_becomes_a_relative_windows_path() {
        let data = symlink(b"../a/b*");
        let mut expected = Vec::new();
        Wtf8Buf::from("..\\a\\b\u{EE2A}").as_wtf8().append_utf16le(&mut expected);
        assert_eq!(&data[..8], &[0x0C, 0, 0, 0xA0, 12 + 2 * 14, 0, 0, 0]);
        assert_eq!(&data[8..20], &[0, 0, 14, 0, 14, 0, 14, 0, 1, 0, 0, 0]);
        assert_eq!(&data[20..34], &expected[..]);
        assert_eq!(&data[34..], &expected[..]);
        assert_eq!(symlink(b"/etc")[16], 0);
    }

    #[test]
    fn a_device_has_its_numbers() {
        let data = special(S_IFBLK, 8, 1);
        assert_eq!(
            data,
            [0x14, 0, 0, 0x80, 16, 0, 0, 0, 0x42, 0x4C, 0x4B, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0]
        );
        assert_eq!(special(S_IFIFO, 0, 0).len(), 16);
    }
}
