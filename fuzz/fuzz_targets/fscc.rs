//! [MS-FSCC]: names, patterns, every information class and FSCTL payload. The first byte chooses between payloads and
//! text.
#![no_main]

use freehold::fscc::chain::{ChainDecode, ChainEncode};
use freehold::fscc::directory::DirectoryEntries;
use freehold::fscc::posix::{PosixDirectoryEntries, PosixInformation};
use freehold::fscc::posix_name::{from_posix_name, parse_posix_path, to_posix_name};
use freehold::fscc::file_info::{
    AllInformation, AllocationInformation, BasicInformation, DispositionExInformation,
    DispositionInformation, EndOfFileInformation, LinkEntry, ModeInformation, NameInformation,
    NetworkOpenInformation, PositionInformation, RenameExInformation, RenameInformation,
    StandardInformation, StreamInformation, ValidDataLengthInformation,
};
use freehold::fscc::fs_info::{
    FsAttributeInformation, FsControlInformation, FsFullSizeInformation, FsLabelInformation,
    FsSectorSizeInformation, FsVolumeInformation,
};
use freehold::fscc::fsctl::reparse::{MountPoint, ReparseBuffer, SymbolicLink};
use freehold::fscc::fsctl::snapshots::{SnapshotArray, parse_gmt_token};
use freehold::fscc::fsctl::{
    AllocatedRange, CopyChunkCopy, DuplicateExtents, DuplicateExtentsEx, FileLevelTrim,
    IsPathnameValid, NetworkInterfaceInfo, PipeWait, SetZeroData, ValidateNegotiateInfo,
};
use freehold::fscc::full_ea::{FullEas, GetEas};
use freehold::fscc::name::{check_file_name, check_stream_name, to_wire_path};
use freehold::fscc::notify::NotifyInformation;
use freehold::fscc::quota::{GetQuotaInformation, QuotaInformation};
use freehold::fscc::upcase::{compare_ignore_case, eq_ignore_case, fold};
use freehold::fscc::{Append, ChainEntries, ChainWriter, FileInformationClass, ParsedName, Pattern};
use freehold_dtyp::{Decode, Encode, Wtf8Buf};
use libfuzzer_sys::fuzz_target;

/// What was read encodes to something that is read as the same.
macro_rules! round_trip {
    ($bytes:expr, $($type:ty),* $(,)?) => {$(
        if let Ok(found) = <$type>::from_bytes($bytes) {
            assert_eq!(<$type>::from_bytes(&found.to_bytes()).as_ref(), Ok(&found));
        }
    )*};
}

/// The entries of a chain, up to the first bad one, encode to the same entries.
fn chain<'a, E>(bytes: &'a [u8])
where
    E: ChainDecode<'a> + PartialEq + core::fmt::Debug,
{
    let most = bytes.len() / 4 + 2;
    assert!(ChainEntries::<E>::new(bytes).count() <= most);
}

fn rewritten<E>(entries: &[E]) -> Vec<u8>
where
    E: ChainEncode,
{
    let mut output = Vec::new();
    let mut writer = ChainWriter::new(&mut output, usize::MAX);
    for entry in entries {
        assert_eq!(writer.append(entry), Append::Written);
    }
    output
}

fn payloads(bytes: &[u8]) {
    round_trip!(
        bytes,
        BasicInformation,
        StandardInformation,
        PositionInformation,
        ModeInformation,
        NetworkOpenInformation,
        AllocationInformation,
        EndOfFileInformation,
        ValidDataLengthInformation,
        DispositionInformation,
        DispositionExInformation,
        RenameInformation<'_>,
        RenameExInformation<'_>,
        FsControlInformation,
        FsFullSizeInformation,
        FsSectorSizeInformation,
        AllocatedRange,
        SetZeroData,
        DuplicateExtents,
        DuplicateExtentsEx,
        SymbolicLink<'_>,
        MountPoint<'_>,
        IsPathnameValid<'_>,
        PipeWait<'_>,
    );
    let _ = AllInformation::<Wtf8Buf>::from_bytes(bytes);
    let _ = NameInformation::<Wtf8Buf>::from_bytes(bytes);
    let _ = FsVolumeInformation::<Wtf8Buf>::from_bytes(bytes);
    let _ = FsLabelInformation::<Wtf8Buf>::from_bytes(bytes);
    let _ = FsAttributeInformation::<Wtf8Buf>::from_bytes(bytes);
    let _ = SnapshotArray::from_bytes(bytes);
    let _ = RenameInformation::decode_type_1(&mut freehold_dtyp::Reader::new(bytes));

    if let Ok(found) = CopyChunkCopy::from_bytes(bytes) {
        assert!(found.chunks().count() <= bytes.len() / 24);
        assert!(found.count() <= bytes.len() / 24);
    }
    if let Ok(found) = FileLevelTrim::from_bytes(bytes) {
        assert!(found.ranges().count() <= bytes.len() / 16);
    }
    if let Ok(found) = ValidateNegotiateInfo::from_bytes(bytes) {
        assert!(found.dialects().count() <= bytes.len() / 2);
    }
    if let Ok(found) = ReparseBuffer::from_bytes(bytes) {
        assert_eq!(ReparseBuffer::from_bytes(&found.to_bytes()), Ok(found));
    }
    let _ = ReparseBuffer::from_delete_request(bytes);

    chain::<StreamInformation<Wtf8Buf>>(bytes);
    chain::<LinkEntry<Wtf8Buf>>(bytes);
    chain::<NotifyInformation<Wtf8Buf>>(bytes);
    chain::<NetworkInterfaceInfo>(bytes);
    let quotas: Vec<_> = ChainEntries::<QuotaInformation>::new(bytes).map_while(Result::ok).collect();
    let again = rewritten(&quotas);
    assert!(ChainEntries::<QuotaInformation>::new(&again).map(Result::unwrap).eq(quotas));
    let users: Vec<_> = ChainEntries::<GetQuotaInformation>::new(bytes).map_while(Result::ok).collect();
    let again = rewritten(&users);
    assert!(ChainEntries::<GetQuotaInformation>::new(&again).map(Result::unwrap).eq(users));
    let attributes: Vec<_> = FullEas::new(bytes).map_while(Result::ok).collect();
    let again = rewritten(&attributes);
    assert!(FullEas::new(&again).map(Result::unwrap).eq(attributes));
    let wanted: Vec<_> = GetEas::new(bytes).map_while(Result::ok).collect();
    let again = rewritten(&wanted);
    assert!(GetEas::new(&again).map(Result::unwrap).eq(wanted));

    let entries = PosixDirectoryEntries::new(bytes);
    assert!(entries.count() <= bytes.len() / 4 + 2);
    if let Ok(information) = PosixInformation::from_bytes(bytes) {
        assert_eq!(PosixInformation::from_bytes(&information.to_bytes()), Ok(information));
    }
    for class in 0..=u8::MAX {
        if let Some(entries) = DirectoryEntries::new(FileInformationClass(class), bytes) {
            assert!(entries.count() <= bytes.len() / 4 + 2);
        }
    }
}

fn text(bytes: &[u8]) {
    if let Ok(parsed) = parse_posix_path(bytes) {
        for component in parsed.path.as_wtf8().split(b'/').filter(|component| !component.is_empty()) {
            assert_eq!(check_file_name(component), Ok(()), "{:?}", parsed.path);
            let shown = to_posix_name(component);
            assert_eq!(from_posix_name(shown.as_wtf8()), component.to_owned());
        }
    }
    if let Ok(parsed) = ParsedName::from_utf16le(bytes) {
        for component in parsed.path.as_wtf8().split(b'/').filter(|component| !component.is_empty()) {
            assert_eq!(check_file_name(component), Ok(()), "{:?}", parsed.path);
        }
        if let Some(stream) = &parsed.stream {
            assert_eq!(check_stream_name(stream.name.as_wtf8()), Ok(()));
        }
        let wire = to_wire_path(parsed.path.as_wtf8(), false);
        let units: Vec<u8> = wire.as_wtf8().utf16().flat_map(u16::to_le_bytes).collect();
        let again = ParsedName::from_utf16le(&units).expect("a path that was parsed");
        assert_eq!(again.path, parsed.path);
    }
    // A pattern, a zero, a name.
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let split = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    let (pattern, name) = units.split_at(split);
    let pattern: Vec<u8> = pattern.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let name = Wtf8Buf::from_utf16(name.iter().skip(1).copied(), name.len());
    let name = name.as_wtf8();
    if let Ok(pattern) = Pattern::from_utf16le(&pattern) {
        let matches = pattern.matches(name);
        if let Some(literal) = pattern.literal() {
            assert_eq!(matches, eq_ignore_case(literal, name));
        }
        assert_eq!(matches, pattern.matches(fold(name).as_wtf8()));
    }
    let folded = fold(name);
    assert!(eq_ignore_case(name, folded.as_wtf8()));
    assert_eq!(compare_ignore_case(name, folded.as_wtf8()), std::cmp::Ordering::Equal);
    assert_eq!(fold(folded.as_wtf8()), folded);
    let _ = parse_gmt_token(&String::from_utf8_lossy(bytes));
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    if choice % 2 == 0 { payloads(rest) } else { text(rest) }
});
