//! [MS-FSCC] 2.1.2 Reparse Point Data Structures.

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Guid, NtStatus, Reader, Writer};

/// Most bytes of a reparse buffer, head included: MAXIMUM_REPARSE_DATA_BUFFER_SIZE.
pub const MAX_REPARSE_BUFFER_BYTES: usize = 16_384;

/// [MS-FSCC] 2.1.2.1 Reparse Tags. Open: unknown tags are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReparseTag(pub u32);

impl ReparseTag {
    /// A junction or a mounted volume.
    pub const MOUNT_POINT: ReparseTag = ReparseTag(0xA000_0003);
    /// Hierarchical storage, the old tag.
    pub const HSM: ReparseTag = ReparseTag(0xC000_0004);
    /// Hierarchical storage.
    pub const HSM2: ReparseTag = ReparseTag(0x8000_0006);
    /// Single-instance storage.
    pub const SIS: ReparseTag = ReparseTag(0x8000_0007);
    /// A DFS link.
    pub const DFS: ReparseTag = ReparseTag(0x8000_000A);
    /// A symbolic link.
    pub const SYMLINK: ReparseTag = ReparseTag(0xA000_000C);
    /// DFS replication.
    pub const DFSR: ReparseTag = ReparseTag(0x8000_0012);
    /// Deduplicated data.
    pub const DEDUP: ReparseTag = ReparseTag(0x8000_0013);
    /// A special file or symbolic link as Windows' NFS server keeps it.
    pub const NFS: ReparseTag = ReparseTag(0x8000_0014);
    /// A compressed system file.
    pub const WOF: ReparseTag = ReparseTag(0x8000_0017);
    /// An application's alias.
    pub const APPEXECLINK: ReparseTag = ReparseTag(0x8000_001B);
    /// A symbolic link of the Windows Subsystem for Linux.
    pub const LX_SYMLINK: ReparseTag = ReparseTag(0xA000_001D);
    /// A socket.
    pub const AF_UNIX: ReparseTag = ReparseTag(0x8000_0023);
    /// A FIFO of the Windows Subsystem for Linux.
    pub const LX_FIFO: ReparseTag = ReparseTag(0x8000_0024);
    /// A character device of the Windows Subsystem for Linux.
    pub const LX_CHR: ReparseTag = ReparseTag(0x8000_0025);
    /// A block device of the Windows Subsystem for Linux.
    pub const LX_BLK: ReparseTag = ReparseTag(0x8000_0026);

    /// Microsoft's tags have no GUID.
    #[must_use]
    pub const fn is_microsoft(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// The file stands for another named object.
    #[must_use]
    pub const fn is_name_surrogate(self) -> bool {
        self.0 & 0x2000_0000 != 0
    }

    /// 0, 1 and 2 mean no reparse point and cannot be set.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 <= 2
    }
}

/// Why reparse data is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReparseError {
    /// Lengths do not agree with the buffer, or it is too long: IO_REPARSE_DATA_INVALID.
    Data,
    /// The tag is reserved: IO_REPARSE_TAG_INVALID.
    Tag,
}

impl ReparseError {
    /// The answer to a request that holds such data.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            ReparseError::Data => NtStatus::IO_REPARSE_DATA_INVALID,
            ReparseError::Tag => NtStatus::IO_REPARSE_TAG_INVALID,
        }
    }
}

impl core::fmt::Display for ReparseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ReparseError::Data => "the lengths of a reparse buffer do not agree",
            ReparseError::Tag => "a reparse tag is reserved",
        })
    }
}

impl std::error::Error for ReparseError {}

impl From<DecodeError> for ReparseError {
    fn from(_: DecodeError) -> Self {
        ReparseError::Data
    }
}

/// [MS-FSCC] 2.1.2.2 REPARSE_DATA_BUFFER and 2.1.2.3 REPARSE_GUID_DATA_BUFFER: any reparse point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReparseBuffer<'a> {
    /// What kind it is.
    pub tag: ReparseTag,
    /// Whose it is; only and always with tags that are not Microsoft's.
    pub guid: Option<Guid>,
    /// The data behind the head.
    pub data: &'a [u8],
}

impl<'a> ReparseBuffer<'a> {
    /// Bytes of the head without a GUID: ReparseTag (4), ReparseDataLength (2), Reserved (2).
    pub const FIXED_SIZE: usize = 8;
    /// Bytes of the head with a GUID.
    pub const FIXED_SIZE_GUID: usize = 24;

    /// From the data of FSCTL_SET_REPARSE_POINT: [MS-FSA] 2.1.5.10 FSCTL_SET_REPARSE_POINT. The data must
    /// fill the buffer.
    ///
    /// # Errors
    /// [`ReparseError`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, ReparseError> {
        if bytes.len() > MAX_REPARSE_BUFFER_BYTES {
            return Err(ReparseError::Data);
        }
        let mut reader = Reader::new(bytes);
        let buffer = Self::decode_head(&mut reader)?;
        if !reader.is_empty() {
            return Err(ReparseError::Data);
        }
        if buffer.tag.is_reserved() {
            return Err(ReparseError::Tag);
        }
        // A symbolic link or a mount point that cannot be followed is refused when it is made.
        match buffer.tag {
            ReparseTag::SYMLINK => SymbolicLink::from_bytes(buffer.data).map(|_| ())?,
            ReparseTag::MOUNT_POINT => MountPoint::from_bytes(buffer.data).map(|_| ())?,
            _ => {}
        }
        Ok(buffer)
    }

    /// From the data of FSCTL_DELETE_REPARSE_POINT: a head without data ([MS-FSA] 2.1.5.10
    /// FSCTL_DELETE_REPARSE_POINT).
    ///
    /// # Errors
    /// [`ReparseError`].
    pub fn from_delete_request(bytes: &'a [u8]) -> Result<Self, ReparseError> {
        let mut reader = Reader::new(bytes);
        let buffer = Self::decode_head(&mut reader)?;
        if !buffer.data.is_empty() || !reader.is_empty() {
            return Err(ReparseError::Data);
        }
        if buffer.tag.is_reserved() { Err(ReparseError::Tag) } else { Ok(buffer) }
    }

    fn decode_head(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let tag = ReparseTag(reader.u32("ReparseTag")?);
        let length = reader.u16("ReparseDataLength")?;
        reader.skip("Reserved", 2)?;
        let guid = if tag.is_microsoft() { None } else { Some(Guid::decode(reader)?) };
        Ok(ReparseBuffer { tag, guid, data: reader.bytes("DataBuffer", usize::from(length))? })
    }
}

impl Encode for ReparseBuffer<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.tag.0);
        writer.u16(u16::try_from(self.data.len()).unwrap_or(u16::MAX));
        writer.zeros(2);
        if let Some(guid) = self.guid {
            guid.encode(writer);
        }
        writer.bytes(self.data);
    }
}

/// [MS-FSCC] 2.1.2.6 Network File System (NFS) Reparse Data Buffer, Type: what kind of special file it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NfsType(pub u64);

#[allow(missing_docs)] // the names are the specification's
impl NfsType {
    pub const NONE: NfsType = NfsType(0);
    pub const SPECFILE_LNK: NfsType = NfsType(0x014B_4E4C);
    pub const SPECFILE_CHR: NfsType = NfsType(0x0052_4843);
    pub const SPECFILE_BLK: NfsType = NfsType(0x004B_4C42);
    pub const SPECFILE_FIFO: NfsType = NfsType(0x4F46_4946);
    pub const SPECFILE_SOCK: NfsType = NfsType(0x4B43_4F53);

    /// Of a whole reparse buffer; [`NfsType::NONE`] for one with another tag.
    #[must_use]
    pub fn of_buffer(buffer: &[u8]) -> Self {
        let is_nfs = buffer.first_chunk::<4>() == Some(&ReparseTag::NFS.0.to_le_bytes());
        let kind = buffer.get(ReparseBuffer::FIXED_SIZE..).and_then(|data| data.first_chunk::<8>());
        kind.filter(|_| is_nfs).map_or(NfsType::NONE, |kind| NfsType(u64::from_le_bytes(*kind)))
    }
}

/// [MS-FSCC] 2.1.2.4 Symbolic Link Reparse Data Buffer, behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolicLink<'a> {
    /// The target, UTF-16LE, as the file system follows it.
    pub substitute_name: &'a [u8],
    /// The target, UTF-16LE, as users see it.
    pub print_name: &'a [u8],
    /// [`SymbolicLink::RELATIVE`] or zero.
    pub flags: u32,
}

impl SymbolicLink<'_> {
    /// The target is relative to the link's directory.
    pub const RELATIVE: u32 = 1;
}

impl<'a> Decode<'a> for SymbolicLink<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let offsets = NameOffsets::decode(reader)?;
        let flags = reader.u32("Flags")?;
        let (substitute_name, print_name) = offsets.names(reader)?;
        Ok(SymbolicLink { substitute_name, print_name, flags })
    }
}

impl Encode for SymbolicLink<'_> {
    fn encode(&self, writer: &mut Writer) {
        NameOffsets::encode(self.substitute_name, self.print_name, 0, writer);
        writer.u32(self.flags);
        writer.bytes(self.substitute_name);
        writer.bytes(self.print_name);
    }
}

/// [MS-FSCC] 2.1.2.5 Mount Point Reparse Data Buffer, behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountPoint<'a> {
    /// The target, UTF-16LE, as the file system follows it.
    pub substitute_name: &'a [u8],
    /// The target, UTF-16LE, as users see it.
    pub print_name: &'a [u8],
}

impl<'a> Decode<'a> for MountPoint<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let offsets = NameOffsets::decode(reader)?;
        let (substitute_name, print_name) = offsets.names(reader)?;
        Ok(MountPoint { substitute_name, print_name })
    }
}

impl Encode for MountPoint<'_> {
    fn encode(&self, writer: &mut Writer) {
        // Windows ends both names with a zero that their lengths do not count.
        NameOffsets::encode(self.substitute_name, self.print_name, 2, writer);
        writer.bytes(self.substitute_name);
        writer.zeros(2);
        writer.bytes(self.print_name);
        writer.zeros(2);
    }
}

/// SubstituteNameOffset, SubstituteNameLength, PrintNameOffset, PrintNameLength.
struct NameOffsets {
    substitute: (usize, usize),
    print: (usize, usize),
}

impl NameOffsets {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut pair = |offset, length| -> Result<(usize, usize), DecodeError> {
            Ok((usize::from(reader.u16(offset)?), usize::from(reader.u16(length)?)))
        };
        Ok(NameOffsets {
            substitute: pair("SubstituteNameOffset", "SubstituteNameLength")?,
            print: pair("PrintNameOffset", "PrintNameLength")?,
        })
    }

    /// The names in PathBuffer, which is all that remains.
    fn names<'a>(&self, reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
        let remaining = reader.remaining();
        let path = Reader::new(reader.bytes("PathBuffer", remaining.len())?);
        let name = |field, (offset, length): (usize, usize)| -> Result<&'a [u8], DecodeError> {
            if !length.is_multiple_of(2) {
                return Err(DecodeError { field, reason: DecodeReason::Invalid, offset });
            }
            path.slice_at(field, offset, length)
        };
        Ok((name("SubstituteName", self.substitute)?, name("PrintName", self.print)?))
    }

    fn encode(substitute: &[u8], print: &[u8], terminator: usize, writer: &mut Writer) {
        let number = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
        writer.u16(0);
        writer.u16(number(substitute.len()));
        writer.u16(number(substitute.len().saturating_add(terminator)));
        writer.u16(number(print.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_symbolic_link_has_the_layout_of_the_specification() {
        let target = utf16("a\\b");
        let link =
            SymbolicLink { substitute_name: &target, print_name: &target, flags: SymbolicLink::RELATIVE };
        let data = link.to_bytes();
        let bytes = ReparseBuffer { tag: ReparseTag::SYMLINK, guid: None, data: &data }.to_bytes();
        #[rustfmt::skip]
        assert_eq!(bytes, [
            0x0C, 0, 0, 0xA0, 24, 0, 0, 0,
            0, 0, 6, 0, 6, 0, 6, 0, 1, 0, 0, 0,
            b'a', 0, b'\\', 0, b'b', 0, b'a', 0, b'\\', 0, b'b', 0,
        ]);
        let read = ReparseBuffer::from_bytes(&bytes).unwrap();
        assert_eq!(SymbolicLink::from_bytes(read.data), Ok(link));
    }

    #[test]
    fn lengths_must_agree_with_the_buffer() {
        let good = ReparseBuffer { tag: ReparseTag::LX_FIFO, guid: None, data: b"" }.to_bytes();
        assert!(ReparseBuffer::from_bytes(&good).is_ok());
        assert_eq!(ReparseBuffer::from_bytes(&good[..7]), Err(ReparseError::Data));
        let mut long = good.clone();
        long.push(0);
        assert_eq!(ReparseBuffer::from_bytes(&long), Err(ReparseError::Data));
        let data = vec![0; MAX_REPARSE_BUFFER_BYTES - 8];
        let mut most = ReparseBuffer { tag: ReparseTag::NFS, guid: None, data: &data }.to_bytes();
        assert!(ReparseBuffer::from_bytes(&most).is_ok());
        most[4..6].copy_from_slice(&u16::try_from(data.len() + 1).unwrap().to_le_bytes());
        most.push(0);
        assert_eq!(ReparseBuffer::from_bytes(&most), Err(ReparseError::Data));
    }

    #[test]
    fn reserved_tags_and_links_that_cannot_be_followed_are_refused() {
        for tag in 0..=2 {
            let bytes = ReparseBuffer { tag: ReparseTag(tag), guid: Some(Guid::ZERO), data: b"" }.to_bytes();
            assert_eq!(ReparseBuffer::from_bytes(&bytes), Err(ReparseError::Tag));
        }
        let bytes = ReparseBuffer { tag: ReparseTag::SYMLINK, guid: None, data: &[0; 11] }.to_bytes();
        assert_eq!(ReparseBuffer::from_bytes(&bytes), Err(ReparseError::Data));
        let outside = [0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'a', 0];
        let bytes = ReparseBuffer { tag: ReparseTag::SYMLINK, guid: None, data: &outside }.to_bytes();
        assert_eq!(ReparseBuffer::from_bytes(&bytes), Err(ReparseError::Data));
        assert_eq!(ReparseError::Data.status(), NtStatus::IO_REPARSE_DATA_INVALID);
    }

    #[test]
    fn an_nfs_buffer_tells_what_it_is() {
        let buffer = |tag, data: &[u8]| ReparseBuffer { tag, guid: None, data }.to_bytes();
        assert_eq!(NfsType::of_buffer(&buffer(ReparseTag::NFS, b"FIFO\0\0\0\0")), NfsType::SPECFILE_FIFO);
        assert_eq!(
            NfsType::of_buffer(&buffer(ReparseTag::NFS, b"LNK\x01\0\0\0\0t\0")),
            NfsType::SPECFILE_LNK
        );
        assert_eq!(NfsType::of_buffer(&buffer(ReparseTag::NFS, b"FIFO")), NfsType::NONE);
        assert_eq!(NfsType::of_buffer(&buffer(ReparseTag::LX_FIFO, b"FIFO\0\0\0\0")), NfsType::NONE);
        assert_eq!(NfsType::of_buffer(b""), NfsType::NONE);
    }

    #[test]
    fn a_delete_request_has_no_data() {
        let bytes = ReparseBuffer { tag: ReparseTag::SYMLINK, guid: None, data: b"" }.to_bytes();
        assert_eq!(ReparseBuffer::from_delete_request(&bytes).map(|b| b.tag), Ok(ReparseTag::SYMLINK));
        let bytes = ReparseBuffer { tag: ReparseTag::SYMLINK, guid: None, data: b"x" }.to_bytes();
        assert_eq!(ReparseBuffer::from_delete_request(&bytes), Err(ReparseError::Data));
    }

    proptest! {
        #[test]
        fn buffers_round_trip(tag in 3u32.., guid: [u8; 16], data: Vec<u8>, substitute in ".{0,20}", print in ".{0,20}") {
            let tag = ReparseTag(tag);
            if tag != ReparseTag::SYMLINK && tag != ReparseTag::MOUNT_POINT {
                let guid = (!tag.is_microsoft()).then_some(Guid(guid));
                let buffer = ReparseBuffer { tag, guid, data: &data };
                let bytes = buffer.to_bytes();
                prop_assert_eq!(ReparseBuffer::from_bytes(&bytes), Ok(buffer));
            }
            let (substitute, print) = (utf16(&substitute), utf16(&print));
            let mount = MountPoint { substitute_name: &substitute, print_name: &print };
            let bytes = mount.to_bytes();
            prop_assert_eq!(MountPoint::from_bytes(&bytes), Ok(mount));
            let link = SymbolicLink { substitute_name: &substitute, print_name: &print, flags: 0 };
            let bytes = link.to_bytes();
            prop_assert_eq!(SymbolicLink::from_bytes(&bytes), Ok(link));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), link: bool) {
            let _ = ReparseBuffer::from_bytes(&bytes);
            let tag = if link { ReparseTag::SYMLINK } else { ReparseTag::MOUNT_POINT };
            let _ = ReparseBuffer::from_bytes(&ReparseBuffer { tag, guid: None, data: &bytes }.to_bytes());
        }
    }
}
