//! [MS-FSCC] 2.4: the classes that list a directory. One entry type serves all of them.

use core::borrow::BorrowMut;

use freehold_dtyp::{DecodeError, DecodeReason, FileTime, Reader, Wtf8, Wtf8Buf};

use super::chain::Chain;
use super::layout::{read_length, read_name};
use super::{FileAttributes, FileInformationClass};

/// A short (8.3) name: at most 12 UTF-16 code units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShortName {
    bytes: [u8; 24],
    length_bytes: u8,
}

impl ShortName {
    /// No short name.
    pub const NONE: ShortName = ShortName { bytes: [0; 24], length_bytes: 0 };

    /// `None` when the name is longer than 12 code units.
    #[must_use]
    pub fn new(name: Wtf8<'_>) -> Option<Self> {
        let mut short = ShortName::NONE;
        let (places, _) = short.bytes.as_chunks_mut::<2>();
        let mut places = places.iter_mut();
        for unit in name.utf16() {
            *places.next()? = unit.to_le_bytes();
            short.length_bytes = short.length_bytes.saturating_add(2);
        }
        Some(short)
    }

    /// The name.
    #[must_use]
    pub fn to_name(&self) -> Wtf8Buf {
        let used = self.bytes.get(..usize::from(self.length_bytes)).unwrap_or_default();
        Wtf8Buf::from_utf16le(used).unwrap_or_default()
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length_bytes == 0
    }
}

/// What the directory classes tell of a file. A class writes those of the fields that it has; the others are
/// zero when read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DirectoryEntry<N> {
    /// Name of the entry.
    pub name: N,
    /// 8.3 name; empty where the volume makes none.
    pub short_name: ShortName,
    /// Position in the directory; zero where the file system has none.
    pub file_index: u32,
    /// When the file was made.
    pub creation_time: FileTime,
    /// When data was read last.
    pub last_access_time: FileTime,
    /// When data was written last.
    pub last_write_time: FileTime,
    /// When anything of the file was changed last.
    pub change_time: FileTime,
    /// Size in bytes; zero for a directory.
    pub end_of_file: u64,
    /// Bytes on disk.
    pub allocation_size: u64,
    /// Attributes.
    pub file_attributes: FileAttributes,
    /// Bytes of extended attributes. Classes without a field of its own for the reparse tag have the tag here
    /// when the file is a reparse point.
    pub ea_size: u32,
    /// Reparse tag; zero for other files.
    pub reparse_tag: u32,
    /// 64-bit file id.
    pub file_id: u64,
    /// 128-bit file id.
    pub file_id_128: [u8; 16],
}

/// How the fixed part of a class goes on behind the fields that (almost) all share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Directory,
    FullDirectory,
    BothDirectory,
    Names,
    IdBothDirectory,
    IdFullDirectory,
    IdExtdDirectory,
    IdExtdBothDirectory,
    Id64ExtdDirectory,
    Id64ExtdBothDirectory,
    IdAllExtdDirectory,
    IdAllExtdBothDirectory,
}

impl Layout {
    const fn of(class: FileInformationClass) -> Option<Layout> {
        Some(match class {
            FileInformationClass::DIRECTORY => Layout::Directory,
            FileInformationClass::FULL_DIRECTORY => Layout::FullDirectory,
            FileInformationClass::BOTH_DIRECTORY => Layout::BothDirectory,
            FileInformationClass::NAMES => Layout::Names,
            FileInformationClass::ID_BOTH_DIRECTORY => Layout::IdBothDirectory,
            FileInformationClass::ID_FULL_DIRECTORY => Layout::IdFullDirectory,
            FileInformationClass::ID_EXTD_DIRECTORY => Layout::IdExtdDirectory,
            FileInformationClass::ID_EXTD_BOTH_DIRECTORY => Layout::IdExtdBothDirectory,
            FileInformationClass::ID_64_EXTD_DIRECTORY => Layout::Id64ExtdDirectory,
            FileInformationClass::ID_64_EXTD_BOTH_DIRECTORY => Layout::Id64ExtdBothDirectory,
            FileInformationClass::ID_ALL_EXTD_DIRECTORY => Layout::IdAllExtdDirectory,
            FileInformationClass::ID_ALL_EXTD_BOTH_DIRECTORY => Layout::IdAllExtdBothDirectory,
            _ => return None,
        })
    }

    /// Bytes in front of the name.
    const fn fixed_size(self) -> usize {
        match self {
            Layout::Names => 12,                   // next, index, name length
            Layout::Directory => COMMON,           // times, sizes, attributes, name length
            Layout::FullDirectory => 68,           // + EaSize
            Layout::BothDirectory => 94,           // + EaSize, short name
            Layout::IdBothDirectory => 104,        // + EaSize, short name, Reserved2 (2), FileId
            Layout::IdFullDirectory => 80,         // + EaSize, Reserved (4), FileId
            Layout::IdExtdDirectory => 88,         // + EaSize, ReparsePointTag, FileId (16)
            Layout::IdExtdBothDirectory => 114,    // + EaSize, ReparsePointTag, FileId (16), short name
            Layout::Id64ExtdDirectory => 80,       // + EaSize, ReparsePointTag, FileId (8)
            Layout::Id64ExtdBothDirectory => 106,  // + EaSize, ReparsePointTag, FileId (8), short name
            Layout::IdAllExtdDirectory => 96,      // + EaSize, ReparsePointTag, FileId (8), FileId128 (16)
            Layout::IdAllExtdBothDirectory => 122, // + EaSize, ReparsePointTag, FileId, FileId128, short name
        }
    }

    /// Has a field of its own for the reparse tag.
    const fn has_tag(self) -> bool {
        matches!(
            self,
            Layout::IdExtdDirectory
                | Layout::IdExtdBothDirectory
                | Layout::Id64ExtdDirectory
                | Layout::Id64ExtdBothDirectory
                | Layout::IdAllExtdDirectory
                | Layout::IdAllExtdBothDirectory
        )
    }
}

/// Bytes of the fields that all classes but NAMES begin with.
const COMMON: usize = 64;

/// Bytes of ShortNameLength, Reserved and ShortName.
const SHORT_NAME: usize = 26;

/// Entries begin at multiples of this, counted from the first.
const ALIGNMENT: usize = 8;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Append {
    /// It is in the buffer.
    Written,
    /// It does not fit behind those that are there: it comes first in the next reply.
    Full,
    /// Not even one entry fits.
    FirstTooLarge,
}

/// Appends entries of one class to a reply (a `Vec<u8>`, borrowed or owned), up to the output limit.
#[derive(Debug)]
pub struct DirectoryWriter<O> {
    output: O,
    layout: Layout,
    /// Where the first entry begins.
    start: usize,
    /// Where the output must end at the latest.
    end: usize,
    /// Where the last entry begins.
    last: Option<usize>,
    count: usize,
}

impl<O: BorrowMut<Vec<u8>>> DirectoryWriter<O> {
    /// Writes at the end of `output` and at most `limit_bytes`. `None` when `class` lists no directory.
    #[must_use]
    pub fn new(class: FileInformationClass, output: O, limit_bytes: usize) -> Option<Self> {
        let layout = Layout::of(class)?;
        let start = output.borrow().len();
        Some(DirectoryWriter {
            layout,
            start,
            end: start.saturating_add(limit_bytes),
            last: None,
            count: 0,
            output,
        })
    }

    /// Entries written.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes written, without padding behind the last entry.
    #[must_use]
    pub fn length_bytes(&self) -> usize {
        self.output.borrow().len().saturating_sub(self.start)
    }

    /// The output.
    #[must_use]
    pub fn into_output(self) -> O {
        self.output
    }

    /// Appends an entry, or leaves the output as it was.
    #[inline]
    pub fn append(&mut self, entry: &DirectoryEntry<Wtf8<'_>>) -> Append {
        let output = self.output.borrow_mut();
        let fixed = self.layout.fixed_size();
        let name = entry.name.as_bytes();
        let ascii = name.is_ascii();
        let name_length = if ascii { name.len() } else { entry.name.utf16_length() }.saturating_mul(2);
        let used = output.len().saturating_sub(self.start);
        let entry_start = self.start.saturating_add(used.next_multiple_of(ALIGNMENT));
        let entry_end = entry_start.saturating_add(fixed).saturating_add(name_length);
        if entry_end > self.end {
            return if self.last.is_none() { Append::FirstTooLarge } else { Append::Full };
        }
        if let Some(last) = self.last {
            let next = u32::try_from(entry_start.saturating_sub(last)).unwrap_or_default();
            if let Some(place) = output.get_mut(last..).and_then(|tail| tail.first_chunk_mut()) {
                *place = next.to_le_bytes();
            }
        }
        self.last = Some(entry_start);
        self.count = self.count.saturating_add(1);
        output.reserve(entry_end.saturating_sub(output.len()));
        output.resize(entry_start, 0);
        let mut head = Head::default();
        fill(&mut head, self.layout, entry, name_length);
        output.extend_from_slice(head.0.get(..fixed).unwrap_or_default());
        if ascii {
            let at = output.len();
            output.resize(entry_end, 0);
            let (pairs, _) = output.get_mut(at..).unwrap_or_default().as_chunks_mut::<2>();
            for (pair, byte) in pairs.iter_mut().zip(name) {
                *pair = [*byte, 0];
            }
        } else {
            output.extend(entry.name.utf16().flat_map(u16::to_le_bytes));
        }
        Append::Written
    }
}

/// Room for the longest fixed part.
struct Head([u8; 128]);

impl Default for Head {
    fn default() -> Self {
        Head([0; 128])
    }
}

impl Head {
    /// Writes at a fixed offset; offsets are constants below the size.
    #[inline]
    fn put<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) {
        if let Some(place) = self.0.get_mut(offset..).and_then(|tail| tail.first_chunk_mut::<N>()) {
            *place = bytes;
        }
    }

    #[inline]
    fn put_short_name(&mut self, offset: usize, name: &ShortName) {
        self.put(offset, [name.length_bytes, 0]);
        self.put(offset.saturating_add(2), name.bytes);
    }
}

/// The fixed part of an entry; NextEntryOffset stays zero.
#[inline]
fn fill<N>(head: &mut Head, layout: Layout, entry: &DirectoryEntry<N>, name_length: usize) {
    let name_length = u32::try_from(name_length).unwrap_or(u32::MAX).to_le_bytes();
    head.put(4, entry.file_index.to_le_bytes());
    if layout == Layout::Names {
        head.put(8, name_length);
        return;
    }
    head.put(8, entry.creation_time.0.to_le_bytes());
    head.put(16, entry.last_access_time.0.to_le_bytes());
    head.put(24, entry.last_write_time.0.to_le_bytes());
    head.put(32, entry.change_time.0.to_le_bytes());
    head.put(40, entry.end_of_file.to_le_bytes());
    head.put(48, entry.allocation_size.to_le_bytes());
    head.put(56, entry.file_attributes.bits().to_le_bytes());
    head.put(60, name_length);
    if layout == Layout::Directory {
        return;
    }
    let tag = entry.reparse_tag.to_le_bytes();
    let reparse = entry.file_attributes.contains(FileAttributes::REPARSE_POINT);
    let ea_size = if reparse && !layout.has_tag() { tag } else { entry.ea_size.to_le_bytes() };
    head.put(64, ea_size);
    if layout.has_tag() {
        head.put(68, tag);
    }
    let file_id = entry.file_id.to_le_bytes();
    match layout {
        Layout::Names | Layout::Directory | Layout::FullDirectory => {}
        Layout::BothDirectory => head.put_short_name(68, &entry.short_name),
        Layout::IdBothDirectory => {
            head.put_short_name(68, &entry.short_name);
            head.put(96, file_id);
        }
        Layout::IdFullDirectory | Layout::Id64ExtdDirectory => head.put(72, file_id),
        Layout::IdExtdDirectory => head.put(72, entry.file_id_128),
        Layout::IdExtdBothDirectory => {
            head.put(72, entry.file_id_128);
            head.put_short_name(88, &entry.short_name);
        }
        Layout::Id64ExtdBothDirectory => {
            head.put(72, file_id);
            head.put_short_name(80, &entry.short_name);
        }
        Layout::IdAllExtdDirectory => {
            head.put(72, file_id);
            head.put(80, entry.file_id_128);
        }
        Layout::IdAllExtdBothDirectory => {
            head.put(72, file_id);
            head.put(80, entry.file_id_128);
            head.put_short_name(96, &entry.short_name);
        }
    }
}

/// Reads the entries of a reply.
#[derive(Clone, Debug)]
pub struct DirectoryEntries<'a> {
    chain: Chain<'a>,
    layout: Layout,
}

impl<'a> DirectoryEntries<'a> {
    /// `None` when `class` lists no directory.
    #[must_use]
    pub fn new(class: FileInformationClass, bytes: &'a [u8]) -> Option<Self> {
        let layout = Layout::of(class)?;
        Some(DirectoryEntries { chain: Chain::new(bytes, layout.fixed_size(), ALIGNMENT), layout })
    }
}

impl Iterator for DirectoryEntries<'_> {
    type Item = Result<DirectoryEntry<Wtf8Buf>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.chain.next()?;
        Some(entry.and_then(|bytes| decode_entry(self.layout, bytes)))
    }
}

fn decode_entry(layout: Layout, bytes: &[u8]) -> Result<DirectoryEntry<Wtf8Buf>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut entry = DirectoryEntry::default();
    reader.skip("NextEntryOffset", 4)?;
    entry.file_index = reader.u32("FileIndex")?;
    if layout == Layout::Names {
        let length = read_length(&mut reader, "FileNameLength")?;
        entry.name = read_name(&mut reader, "FileName", length)?;
        return Ok(entry);
    }
    entry.creation_time = FileTime(reader.u64("CreationTime")?);
    entry.last_access_time = FileTime(reader.u64("LastAccessTime")?);
    entry.last_write_time = FileTime(reader.u64("LastWriteTime")?);
    entry.change_time = FileTime(reader.u64("ChangeTime")?);
    entry.end_of_file = reader.u64("EndOfFile")?;
    entry.allocation_size = reader.u64("AllocationSize")?;
    entry.file_attributes = FileAttributes::from_bits_retain(reader.u32("FileAttributes")?);
    let length = read_length(&mut reader, "FileNameLength")?;
    if layout != Layout::Directory {
        entry.ea_size = reader.u32("EaSize")?;
        if layout.has_tag() {
            entry.reparse_tag = reader.u32("ReparsePointTag")?;
        } else if entry.file_attributes.contains(FileAttributes::REPARSE_POINT) {
            entry.reparse_tag = core::mem::take(&mut entry.ea_size);
        }
    }
    match layout {
        Layout::Names | Layout::Directory | Layout::FullDirectory => {}
        Layout::BothDirectory => entry.short_name = read_short_name(&mut reader)?,
        Layout::IdBothDirectory => {
            entry.short_name = read_short_name(&mut reader)?;
            reader.skip("Reserved2", 2)?;
            entry.file_id = reader.u64("FileId")?;
        }
        Layout::IdFullDirectory => {
            reader.skip("Reserved", 4)?;
            entry.file_id = reader.u64("FileId")?;
        }
        Layout::Id64ExtdDirectory => entry.file_id = reader.u64("FileId")?,
        Layout::IdExtdDirectory => entry.file_id_128 = reader.array("FileId")?,
        Layout::IdExtdBothDirectory => {
            entry.file_id_128 = reader.array("FileId")?;
            entry.short_name = read_short_name(&mut reader)?;
        }
        Layout::Id64ExtdBothDirectory => {
            entry.file_id = reader.u64("FileId")?;
            entry.short_name = read_short_name(&mut reader)?;
        }
        Layout::IdAllExtdDirectory | Layout::IdAllExtdBothDirectory => {
            entry.file_id = reader.u64("FileId")?;
            entry.file_id_128 = reader.array("FileId128")?;
            if layout == Layout::IdAllExtdBothDirectory {
                entry.short_name = read_short_name(&mut reader)?;
            }
        }
    }
    entry.name = read_name(&mut reader, "FileName", length)?;
    Ok(entry)
}

/// ShortNameLength, Reserved, ShortName.
fn read_short_name(reader: &mut Reader<'_>) -> Result<ShortName, DecodeError> {
    let error = reader.error("ShortNameLength", DecodeReason::Invalid);
    let [length_bytes, _, bytes @ ..] = reader.array::<SHORT_NAME>("ShortName")?;
    if length_bytes > 24 || !length_bytes.is_multiple_of(2) {
        return Err(error);
    }
    let mut name = ShortName { bytes, length_bytes };
    // What lies behind the name has no meaning.
    for byte in name.bytes.iter_mut().skip(usize::from(length_bytes)) {
        *byte = 0;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLASSES: [FileInformationClass; 12] = [
        FileInformationClass::DIRECTORY,
        FileInformationClass::FULL_DIRECTORY,
        FileInformationClass::BOTH_DIRECTORY,
        FileInformationClass::NAMES,
        FileInformationClass::ID_BOTH_DIRECTORY,
        FileInformationClass::ID_FULL_DIRECTORY,
        FileInformationClass::ID_EXTD_DIRECTORY,
        FileInformationClass::ID_EXTD_BOTH_DIRECTORY,
        FileInformationClass::ID_64_EXTD_DIRECTORY,
        FileInformationClass::ID_64_EXTD_BOTH_DIRECTORY,
        FileInformationClass::ID_ALL_EXTD_DIRECTORY,
        FileInformationClass::ID_ALL_EXTD_BOTH_DIRECTORY,
    ];

    fn entry(name: &str) -> DirectoryEntry<Wtf8<'_>> {
        DirectoryEntry {
            name: name.into(),
            short_name: ShortName::new("SHORT~1.TXT".into()).unwrap(),
            file_index: 0,
            creation_time: FileTime(0x01D0_0000_0000_0001),
            last_access_time: FileTime(0x01D0_0000_0000_0002),
            last_write_time: FileTime(0x01D0_0000_0000_0003),
            change_time: FileTime(0x01D0_0000_0000_0004),
            end_of_file: 0x1234,
            allocation_size: 0x2000,
            file_attributes: FileAttributes::ARCHIVE,
            ea_size: 7,
            reparse_tag: 0,
            file_id: 0x0102_0304_0506_0708,
            file_id_128: *b"0123456789ABCDEF",
        }
    }

    #[test]
    fn the_fixed_part_is_what_a_query_needs_at_least() {
        for class in CLASSES {
            assert_eq!(class.minimum_query_length(), Layout::of(class).map(Layout::fixed_size), "{class:?}");
        }
        assert!(DirectoryWriter::new(FileInformationClass::BASIC, &mut Vec::new(), 100).is_none());
    }

    /// Laid out by hand from [MS-FSCC] 2.4 FileIdBothDirectoryInformation.
    #[test]
    fn id_both_directory_has_the_layout_of_the_specification() {
        let mut output = vec![0xEE; 3]; // the reply's header: entries align from their own start
        let mut writer =
            DirectoryWriter::new(FileInformationClass::ID_BOTH_DIRECTORY, &mut output, 4096).unwrap();
        assert_eq!(writer.append(&entry("a")), Append::Written);
        assert_eq!(writer.append(&entry("é")), Append::Written);
        assert_eq!((writer.count(), writer.length_bytes()), (2, 112 + 106));
        let mut expected = Vec::new();
        for (next, unit) in [(112u32, 0x61u16), (0, 0xE9)] {
            expected.extend(next.to_le_bytes());
            expected.extend(0u32.to_le_bytes());
            for time in 1..=4u64 {
                expected.extend((0x01D0_0000_0000_0000 + time).to_le_bytes());
            }
            expected.extend(0x1234u64.to_le_bytes());
            expected.extend(0x2000u64.to_le_bytes());
            expected.extend(0x20u32.to_le_bytes());
            expected.extend(2u32.to_le_bytes());
            expected.extend(7u32.to_le_bytes());
            expected.extend([22, 0]);
            expected.extend("SHORT~1.TXT\0".encode_utf16().flat_map(u16::to_le_bytes));
            expected.extend([0; 2]);
            expected.extend(0x0102_0304_0506_0708u64.to_le_bytes());
            expected.extend(unit.to_le_bytes());
            if next != 0 {
                expected.extend([0; 6]);
            }
        }
        assert_eq!(&output[3..], &expected[..]);
    }

    #[test]
    fn an_entry_that_does_not_fit_leaves_the_output_alone() {
        for class in CLASSES {
            let fixed = class.minimum_query_length().unwrap();
            let one = fixed + 6;
            let mut output = Vec::new();
            let mut writer = DirectoryWriter::new(class, &mut output, one - 1).unwrap();
            assert_eq!(writer.append(&entry("abc")), Append::FirstTooLarge);
            assert_eq!(writer.append(&entry("ab")), Append::Written);
            assert_eq!(writer.append(&entry("a")), Append::Full);
            assert_eq!(output.len(), one - 2);

            let two = one.next_multiple_of(8) + one;
            let mut output = Vec::new();
            let mut writer = DirectoryWriter::new(class, &mut output, two).unwrap();
            assert_eq!(writer.append(&entry("abc")), Append::Written);
            assert_eq!(writer.append(&entry("abcd")), Append::Full);
            assert_eq!(writer.append(&entry("abc")), Append::Written);
            assert_eq!(output.len(), two);
            assert_eq!(DirectoryEntries::new(class, &output).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_reparse_point_has_its_tag_in_the_ea_size_of_the_old_classes() {
        let mut link = entry("link");
        link.file_attributes = FileAttributes::REPARSE_POINT;
        link.reparse_tag = 0xA000_000C;
        link.ea_size = 0;
        for class in CLASSES {
            let mut output = Vec::new();
            let mut writer = DirectoryWriter::new(class, &mut output, 4096).unwrap();
            assert_eq!(writer.append(&link), Append::Written);
            let read = DirectoryEntries::new(class, &output).unwrap().next().unwrap().unwrap();
            if ![FileInformationClass::NAMES, FileInformationClass::DIRECTORY].contains(&class) {
                assert_eq!((read.reparse_tag, read.ea_size), (0xA000_000C, 0), "{class:?}");
            }
        }
    }

    #[test]
    fn short_names_have_twelve_characters_at_most() {
        assert!(ShortName::new("TWELVECH.ARS".into()).is_some());
        assert!(ShortName::new("THIRTEENC.ARS".into()).is_none());
        assert_eq!(ShortName::new("ÄB~1".into()).unwrap().to_name(), Wtf8Buf::from("ÄB~1"));
        assert!(ShortName::NONE.is_empty());
    }

    fn any_entry() -> impl Strategy<Value = DirectoryEntry<Wtf8Buf>> {
        let name = prop::collection::vec(any::<u16>(), 1..40);
        (any::<[u64; 7]>(), any::<[u32; 4]>(), any::<[u8; 16]>(), name, "[A-Z]{0,12}").prop_map(
            |(longs, words, file_id_128, name, short)| DirectoryEntry {
                name: Wtf8Buf::from_utf16(name.into_iter(), 0),
                short_name: ShortName::new(short.as_str().into()).unwrap(),
                file_index: words[0],
                creation_time: FileTime(longs[0]),
                last_access_time: FileTime(longs[1]),
                last_write_time: FileTime(longs[2]),
                change_time: FileTime(longs[3]),
                end_of_file: longs[4],
                allocation_size: longs[5],
                file_attributes: FileAttributes::from_bits_retain(words[1]) - FileAttributes::REPARSE_POINT,
                ea_size: words[2],
                reparse_tag: words[3],
                file_id: longs[6],
                file_id_128,
            },
        )
    }

    fn borrowed(entry: &DirectoryEntry<Wtf8Buf>) -> DirectoryEntry<Wtf8<'_>> {
        let DirectoryEntry { ref name, short_name, file_index, .. } = *entry;
        DirectoryEntry {
            name: name.as_wtf8(),
            short_name,
            file_index,
            creation_time: entry.creation_time,
            last_access_time: entry.last_access_time,
            last_write_time: entry.last_write_time,
            change_time: entry.change_time,
            end_of_file: entry.end_of_file,
            allocation_size: entry.allocation_size,
            file_attributes: entry.file_attributes,
            ea_size: entry.ea_size,
            reparse_tag: entry.reparse_tag,
            file_id: entry.file_id,
            file_id_128: entry.file_id_128,
        }
    }

    /// What a class keeps of an entry.
    fn kept(class: FileInformationClass, entry: &DirectoryEntry<Wtf8Buf>) -> DirectoryEntry<Wtf8Buf> {
        let mut kept = entry.clone();
        let number = class.0;
        if number == 12 {
            return DirectoryEntry {
                name: kept.name,
                file_index: kept.file_index,
                ..DirectoryEntry::default()
            };
        }
        if number == 1 {
            kept.ea_size = 0;
        }
        if number < 60 {
            kept.reparse_tag = 0;
        }
        if ![3, 37, 63, 79, 81].contains(&number) {
            kept.short_name = ShortName::NONE;
        }
        if ![37, 38, 78, 79, 80, 81].contains(&number) {
            kept.file_id = 0;
        }
        if ![60, 63, 80, 81].contains(&number) {
            kept.file_id_128 = [0; 16];
        }
        kept
    }

    proptest! {
        #[test]
        fn every_class_round_trips(entries in prop::collection::vec(any_entry(), 0..5)) {
            for class in CLASSES {
                let mut output = Vec::new();
                let mut writer = DirectoryWriter::new(class, &mut output, 1 << 20).unwrap();
                for entry in &entries {
                    prop_assert_eq!(writer.append(&borrowed(entry)), Append::Written);
                }
                let read: Vec<_> = DirectoryEntries::new(class, &output).unwrap().map(Result::unwrap).collect();
                let expected: Vec<_> = entries.iter().map(|entry| kept(class, entry)).collect();
                prop_assert_eq!(read, expected);
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..400)) {
            for class in CLASSES {
                prop_assert!(DirectoryEntries::new(class, &bytes).unwrap().count() <= 400);
            }
        }
    }
}
