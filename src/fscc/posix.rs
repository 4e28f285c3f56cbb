//! SMB3 POSIX Extensions, information class 100: what a POSIX `stat` tells of a file, for one file and for each entry of a
//! directory.

use freehold_dtyp::{Decode, DecodeError, Encode, FileTime, Reader, Sid, Writer, Wtf8, Wtf8Buf};

use super::chain::Chain;
use super::layout::{read_length, read_name};
use super::{Append, FileAttributes};

/// Types of files in bits 12 to 14 of a mode on the wire, which are not those of any operating system.
pub mod file_type {
    /// A regular file.
    pub const FILE: u32 = 0;
    /// A directory.
    pub const DIRECTORY: u32 = 1 << 12;
    /// A symbolic link.
    pub const SYMLINK: u32 = 2 << 12;
    /// A character device.
    pub const CHARACTER_DEVICE: u32 = 3 << 12;
    /// A block device.
    pub const BLOCK_DEVICE: u32 = 4 << 12;
    /// A FIFO.
    pub const FIFO: u32 = 5 << 12;
    /// A socket.
    pub const SOCKET: u32 = 6 << 12;
}

/// FilePosixInformation, a class beside those of [MS-FSCC] 2.4; in a listing each entry has it, with a name behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PosixInformation {
    /// When the file was made.
    pub creation_time: FileTime,
    /// When data was read last.
    pub last_access_time: FileTime,
    /// When data was written last.
    pub last_write_time: FileTime,
    /// When anything of the file was changed last.
    pub change_time: FileTime,
    /// Size in bytes.
    pub end_of_file: u64,
    /// Bytes on disk.
    pub allocation_size: u64,
    /// Attributes.
    pub file_attributes: FileAttributes,
    /// 64-bit file id.
    pub inode: u64,
    /// The volume's number.
    pub device_id: u32,
    /// Names of the file.
    pub link_count: u32,
    /// Reparse tag; zero for other files.
    pub reparse_tag: u32,
    /// Permission bits, and the [`file_type`].
    pub mode: u32,
    /// Owner.
    pub owner: Sid,
    /// Group.
    pub group: Sid,
}

impl PosixInformation {
    /// CreationTime, LastAccessTime, LastWriteTime, ChangeTime (8 each), EndOfFile (8), AllocationSize (8),
    /// FileAttributes (4), Inode (8), DeviceId (4), Reserved (4), NumberOfLinks (4), ReparseTag (4), Mode (4): what is
    /// in front of the SIDs.
    pub const FIXED_SIZE: usize = 4 * 8 + 8 + 8 + 4 + 8 + 4 + 4 + 4 + 4 + 4;

    fn size(&self) -> usize {
        Self::FIXED_SIZE.saturating_add(self.owner.size()).saturating_add(self.group.size())
    }
}

impl Encode for PosixInformation {
    fn encode(&self, writer: &mut Writer) {
        for time in [self.creation_time, self.last_access_time, self.last_write_time, self.change_time] {
            writer.u64(time.0);
        }
        writer.u64(self.end_of_file);
        writer.u64(self.allocation_size);
        writer.u32(self.file_attributes.bits());
        writer.u64(self.inode);
        writer.u32(self.device_id);
        writer.u32(0);
        writer.u32(self.link_count);
        writer.u32(self.reparse_tag);
        writer.u32(self.mode);
        self.owner.encode(writer);
        self.group.encode(writer);
    }
}

impl<'a> Decode<'a> for PosixInformation {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(PosixInformation {
            creation_time: FileTime(reader.u64("CreationTime")?),
            last_access_time: FileTime(reader.u64("LastAccessTime")?),
            last_write_time: FileTime(reader.u64("LastWriteTime")?),
            change_time: FileTime(reader.u64("ChangeTime")?),
            end_of_file: reader.u64("EndOfFile")?,
            allocation_size: reader.u64("AllocationSize")?,
            file_attributes: FileAttributes::from_bits_retain(reader.u32("FileAttributes")?),
            inode: reader.u64("Inode")?,
            device_id: reader.u32("DeviceId")?,
            link_count: {
                reader.skip("Reserved", 4)?;
                reader.u32("NumberOfLinks")?
            },
            reparse_tag: reader.u32("ReparseTag")?,
            mode: reader.u32("Mode")?,
            owner: Sid::decode(reader)?,
            group: Sid::decode(reader)?,
        })
    }
}

/// Bytes of NextEntryOffset and FileIndex.
const ENTRY_HEAD: usize = 8;
/// Bytes of FileNameLength.
const NAME_LENGTH: usize = 4;
/// Entries begin at multiples of this, counted from the first.
const ALIGNMENT: usize = 8;
/// Least bytes of an entry: with two SIDs without sub-authorities and without a name.
const LEAST_ENTRY: usize = ENTRY_HEAD + PosixInformation::FIXED_SIZE + 8 + 8 + NAME_LENGTH;

/// Appends entries to a reply, up to the output limit.
#[derive(Debug)]
pub struct PosixDirectoryWriter {
    output: Writer,
    start: usize,
    end: usize,
    last: Option<usize>,
    count: usize,
}

impl PosixDirectoryWriter {
    /// Writes at the end of `output` and at most `limit_bytes`.
    #[must_use]
    pub fn new(output: Vec<u8>, limit_bytes: usize) -> Self {
        let start = output.len();
        let end = start.saturating_add(limit_bytes);
        PosixDirectoryWriter { output: Writer::from_vec(output), start, end, last: None, count: 0 }
    }

    /// Entries written.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The output.
    #[must_use]
    pub fn into_output(self) -> Vec<u8> {
        self.output.into_bytes()
    }

    /// Appends an entry, or leaves the output as it was.
    pub fn append(&mut self, name: Wtf8<'_>, information: &PosixInformation) -> Append {
        let used = self.output.position().saturating_sub(self.start);
        let entry_start = self.start.saturating_add(used.next_multiple_of(ALIGNMENT));
        let name_bytes = name.utf16_length().saturating_mul(2);
        let size = ENTRY_HEAD.saturating_add(information.size()).saturating_add(NAME_LENGTH);
        if entry_start.saturating_add(size).saturating_add(name_bytes) > self.end {
            return if self.last.is_none() { Append::FirstTooLarge } else { Append::Full };
        }
        self.output.align_from(self.start, ALIGNMENT);
        if let Some(last) = self.last.replace(entry_start) {
            self.output.patch_u32(last, entry_start.saturating_sub(last));
        }
        self.count = self.count.saturating_add(1);
        self.output.u32(0);
        self.output.u32(0);
        information.encode(&mut self.output);
        self.output.u32(u32::try_from(name_bytes).unwrap_or(u32::MAX));
        for unit in name.utf16() {
            self.output.u16(unit);
        }
        Append::Written
    }
}

/// Reads the entries of a reply.
#[derive(Clone, Debug)]
pub struct PosixDirectoryEntries<'a>(Chain<'a>);

impl<'a> PosixDirectoryEntries<'a> {
    /// Of a reply's output.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        PosixDirectoryEntries(Chain::new(bytes, LEAST_ENTRY, ALIGNMENT))
    }
}

impl Iterator for PosixDirectoryEntries<'_> {
    type Item = Result<(Wtf8Buf, PosixInformation), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|bytes| {
            let mut reader = Reader::new(bytes);
            reader.skip("NextEntryOffset, FileIndex", ENTRY_HEAD)?;
            let information = PosixInformation::decode(&mut reader)?;
            let length = read_length(&mut reader, "FileNameLength")?;
            Ok((read_name(&mut reader, "FileName", length)?, information))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn information() -> PosixInformation {
        PosixInformation {
            creation_time: FileTime(1),
            last_access_time: FileTime(2),
            last_write_time: FileTime(3),
            change_time: FileTime(4),
            end_of_file: 5,
            allocation_size: 4096,
            file_attributes: FileAttributes::ARCHIVE,
            inode: 0x0102_0304_0506_0708,
            device_id: 0x0A0B_0C0D,
            link_count: 2,
            reparse_tag: 0,
            mode: 0o644,
            owner: Sid::ADMINISTRATORS,
            group: Sid::SYSTEM,
        }
    }

    #[test]
    fn information_has_the_layout_of_the_draft() {
        let bytes = information().to_bytes();
        #[rustfmt::skip]
        assert_eq!(bytes, [
            1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
            5, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0,
            0x20, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x0D, 0x0C, 0x0B, 0x0A, 0, 0, 0, 0,
            2, 0, 0, 0, 0, 0, 0, 0, 0xA4, 1, 0, 0,
            1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
            1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
        ]);
        assert_eq!(PosixInformation::from_bytes(&bytes), Ok(information()));
    }

    #[test]
    fn entries_are_chained_up_to_the_limit() {
        let one = ENTRY_HEAD + information().size() + NAME_LENGTH + 2 * 3;
        let mut writer = PosixDirectoryWriter::new(vec![0xFF; 3], one.next_multiple_of(ALIGNMENT) + one);
        assert_eq!(writer.append("a:b".into(), &information()), Append::Written);
        assert_eq!(writer.append("c*d".into(), &information()), Append::Written);
        assert_eq!(writer.append("e".into(), &information()), Append::Full);
        assert_eq!(writer.count(), 2);
        let output = writer.into_output();
        assert_eq!(output.len(), 3 + one.next_multiple_of(ALIGNMENT) + one);
        let read: Vec<_> = PosixDirectoryEntries::new(&output[3..]).map(Result::unwrap).collect();
        assert_eq!(read, [("a:b".into(), information()), ("c*d".into(), information())]);
        let mut small = PosixDirectoryWriter::new(Vec::new(), one - 1);
        assert_eq!(small.append("a:b".into(), &information()), Append::FirstTooLarge);
        assert!(small.into_output().is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = PosixInformation::from_bytes(&bytes);
            let _ = PosixDirectoryEntries::new(&bytes).count();
        }
    }
}
