//! What every [`Volume`] does: run on each implementation by its own tests.

use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor};
use freehold_dtyp::{FileTime, Sid, Wtf8, Wtf8Buf};

use super::{
    DataUse, DirectoryCursor, Existing, ExtendedAttribute, FileRef, MetadataChange, NameCase, NewNode,
    NodeKind, OpenError, Opened, VfsError, VfsPath, Volume, Wait,
};
use crate::fscc::FileAttributes;

pub(super) const NOW: FileTime = FileTime(133_000_000_000_000_000);
pub(super) const LATER: FileTime = FileTime(133_100_000_000_000_000);

pub(super) fn descriptor(mask: u32) -> Arc<SecurityDescriptor> {
    let ace = Ace::allow(
        Sid::EVERYONE,
        AccessMask(mask),
        AceFlags::OBJECT_INHERIT.union(AceFlags::CONTAINER_INHERIT),
    );
    let dacl = Acl::from_aces([ace]).unwrap();
    Arc::new(SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::SYSTEM, dacl))
}

pub(super) fn path(text: &str) -> VfsPath {
    VfsPath::new(Wtf8Buf::from(text)).unwrap()
}

pub(super) fn new_node(kind: NodeKind) -> NewNode {
    NewNode {
        kind,
        attributes: FileAttributes::ARCHIVE,
        security: descriptor(0x1F01FF),
        extended_attributes: Vec::new(),
        no_compression: false,
        allocation_bytes: 0,
        now: NOW,
        case: NameCase::Ignored,
    }
}

pub(super) fn ea(name: &str, value: &[u8]) -> ExtendedAttribute {
    ExtendedAttribute { flags: 0, name: name.into(), value: value.into() }
}

pub(super) fn open(volume: &dyn Volume, text: &str) -> Result<Opened, OpenError> {
    volume.open(&path(text), None, DataUse::WRITE)
}

pub(super) fn opened(volume: &dyn Volume, text: &str) -> Opened {
    match open(volume, text) {
        Ok(opened) => opened,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

pub(super) fn create(volume: &dyn Volume, text: &str, kind: NodeKind) -> Opened {
    let full = path(text);
    let (parent, name) = full.split_last().unwrap();
    let parent = volume.open(&parent, None, DataUse::WRITE).expect("parent");
    volume.create(&parent.file, name, &new_node(kind)).expect(text)
}

pub(super) fn list(file: &FileRef) -> Vec<String> {
    let mut names = Vec::new();
    let end = file
        .0
        .list(DirectoryCursor::default(), &mut |name, _| {
            names.push(name.to_string());
            true
        })
        .unwrap();
    assert_eq!(end, None);
    names
}

pub(super) fn contents(file: &FileRef) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 20];
    let length = file.0.read(0, &mut buffer, Wait::Allowed).unwrap();
    buffer.truncate(length);
    buffer
}

/// Runs every test, each on a fresh volume.
pub(super) fn run<V: Volume>(fresh: &dyn Fn() -> V) {
    for (name, test) in TESTS {
        eprintln!("conformance: {name}");
        test(&fresh());
    }
}

type Test = fn(&dyn Volume);

const TESTS: &[(&str, Test)] = &[
    ("open_tells_what_is_missing", open_tells_what_is_missing),
    ("lookup_ignores_case_and_keeps_it", lookup_ignores_case_and_keeps_it),
    ("create_puts_everything_in_place", create_puts_everything_in_place),
    ("create_refuses_taken_and_bad_names", create_refuses_taken_and_bad_names),
    ("data_is_read_back", data_is_read_back),
    ("holes_and_ranges", holes_and_ranges),
    ("metadata_is_kept_exactly", metadata_is_kept_exactly),
    ("writing_moves_the_write_time_on", writing_moves_the_write_time_on),
    ("attributes_keep_sparse", attributes_keep_sparse),
    ("security_is_kept", security_is_kept),
    ("security_is_changed_in_one_step", security_is_changed_in_one_step),
    ("extended_attributes_are_kept", extended_attributes_are_kept),
    ("streams_are_files_in_the_file", streams_are_files_in_the_file),
    ("a_stream_becomes_the_files_data", a_stream_becomes_the_files_data),
    ("overwrite_makes_new", overwrite_makes_new),
    ("rename_moves_open_handles", rename_moves_open_handles),
    ("rename_refuses_and_replaces", rename_refuses_and_replaces),
    ("rename_of_case_only", rename_of_case_only),
    ("names_that_differ_in_case_live_side_by_side", names_that_differ_in_case_live_side_by_side),
    ("listings_tell_descriptors", listings_tell_descriptors),
    ("hard_links_have_their_own_names", hard_links_have_their_own_names),
    ("unlinked_files_live_while_open", unlinked_files_live_while_open),
    ("reparse_points_stop_the_way", reparse_points_stop_the_way),
    ("listing_is_sorted_and_goes_on", listing_is_sorted_and_goes_on),
    ("entry_finds_without_case", entry_finds_without_case),
    ("copies_within_the_volume", copies_within_the_volume),
    ("ids_are_stable_and_unique", ids_are_stable_and_unique),
    ("reserved_folder_is_not_there", reserved_folder_is_not_there),
    ("odd_names_are_kept", odd_names_are_kept),
];

fn open_tells_what_is_missing(volume: &dyn Volume) {
    let root = opened(volume, "");
    assert_eq!(root.metadata.kind, NodeKind::Directory);
    assert!(root.metadata.attributes.contains(FileAttributes::DIRECTORY));
    assert!(root.path.is_root());
    create(volume, "Dir", NodeKind::Directory);
    create(volume, "Dir/File", NodeKind::File);
    match open(volume, "dir/nothing") {
        Err(OpenError::NotFound(parent)) => {
            assert_eq!(parent.path, path("Dir"));
            assert_eq!(parent.metadata.kind, NodeKind::Directory);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(open(volume, "nothing"), Err(OpenError::NotFound(parent)) if parent.path.is_root()));
    assert!(matches!(open(volume, "nothing/below"), Err(OpenError::PathNotFound)));
    assert!(matches!(open(volume, "dir/nothing/below"), Err(OpenError::PathNotFound)));
    assert!(matches!(open(volume, "Dir/File/below"), Err(OpenError::NotADirectory)));
    assert!(matches!(open(volume, "dir/FILE/below"), Err(OpenError::NotADirectory)));
    assert!(matches!(open(volume, "dir/FILE/below/more"), Err(OpenError::NotADirectory)));
    let stream = volume.open(&path("dir/file"), Some("s".into()), DataUse::READ);
    assert!(matches!(stream, Err(OpenError::StreamNotFound(file)) if file.path == path("Dir/File")));
}

fn lookup_ignores_case_and_keeps_it(volume: &dyn Volume) {
    create(volume, "Straße Ünïcode", NodeKind::Directory);
    let file = create(volume, "Straße Ünïcode/Readme.TXT", NodeKind::File);
    let found = opened(volume, "STRAßE üNÏCODE/README.txt");
    assert_eq!(found.path, path("Straße Ünïcode/Readme.TXT"));
    assert_eq!(found.metadata.id, file.metadata.id);
    assert_eq!(found.file.0.path(), found.path);
}

fn create_puts_everything_in_place(volume: &dyn Volume) {
    let root = opened(volume, "");
    let mut new = new_node(NodeKind::File);
    new.attributes = FileAttributes::HIDDEN | FileAttributes::READONLY;
    new.security = descriptor(0x1200A9);
    new.extended_attributes = vec![ea("ONE", b"1"), ea("TWO", &[7; 3000])];
    let made = volume.create(&root.file, "made".into(), &new).unwrap();
    assert_eq!(made.path, path("made"));
    assert_eq!(made.metadata.attributes, FileAttributes::HIDDEN | FileAttributes::READONLY);
    assert_eq!(made.metadata.links, 1);
    assert_eq!((made.metadata.size_bytes, made.metadata.allocated_bytes), (0, 0));
    assert_eq!(made.metadata.ea_size_bytes, 4 + 5 + 3 + 1 + 5 + 3 + 3000);
    assert_eq!(made.security, new.security);
    assert_eq!(made.metadata, made.file.0.metadata().unwrap());
    drop(made);
    let found = opened(volume, "made");
    assert_eq!(found.metadata.attributes, FileAttributes::HIDDEN | FileAttributes::READONLY);
    assert_eq!(found.security, new.security);
    assert_eq!(found.file.0.extended_attributes().unwrap(), new.extended_attributes);
    let mut reserved = new_node(NodeKind::File);
    reserved.allocation_bytes = 100_000;
    let made = volume.create(&root.file, "reserved".into(), &reserved).unwrap();
    assert_eq!(made.metadata.size_bytes, 0);
    assert!(made.metadata.allocated_bytes >= 100_000);
}

fn create_refuses_taken_and_bad_names(volume: &dyn Volume) {
    let root = opened(volume, "");
    create(volume, "taken", NodeKind::File);
    let new = new_node(NodeKind::Directory);
    for name in ["taken", "TAKEN"] {
        assert_eq!(volume.create(&root.file, name.into(), &new).unwrap_err(), VfsError::Exists);
    }
    let long = "x".repeat(256);
    for name in ["", ".", "..", "a/b", "a\0b", "a*b", "a:b", "a\\b", "tab\t", &long] {
        assert_eq!(
            volume.create(&root.file, name.into(), &new).unwrap_err(),
            VfsError::NameInvalid,
            "{name:?}"
        );
    }
    let file = opened(volume, "taken");
    assert_eq!(volume.create(&file.file, "x".into(), &new).unwrap_err(), VfsError::NotADirectory);
    assert_eq!(list(&root.file), ["taken"]);
}

fn data_is_read_back(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    file.0.write(3, b"hello").unwrap();
    assert_eq!(contents(&file), b"\0\0\0hello");
    let mut buffer = [0; 4];
    assert_eq!(file.0.read(6, &mut buffer, Wait::Allowed), Ok(2));
    assert_eq!(file.0.read(8, &mut buffer, Wait::Allowed), Ok(0));
    assert_eq!(file.0.read(1 << 40, &mut buffer, Wait::Allowed), Ok(0));
    match file.0.read(3, &mut buffer, Wait::Never) {
        Ok(length) => assert_eq!(&buffer[..length], &b"hello"[..length]),
        Err(error) => assert_eq!(error, VfsError::WouldBlock),
    }
    let big: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    assert_eq!(file.0.write(8, &big), Ok(Some(8)), "the size before, where the file grows");
    assert_eq!(file.0.write(8, &big[..1]), Ok(None));
    assert_eq!(&contents(&file)[8..], &big[..]);
    file.0.set_size(5).unwrap();
    file.0.set_size(8).unwrap();
    assert_eq!(contents(&file), b"\0\0\0he\0\0\0");
    assert_eq!(file.0.write(u64::MAX, b"x"), Err(VfsError::OutOfRange));
    assert_eq!(file.0.set_size(u64::MAX), Err(VfsError::OutOfRange));
    file.0.flush().unwrap();
    volume.sync().unwrap();
    let directory = create(volume, "d", NodeKind::Directory).file;
    assert_eq!(directory.0.read(0, &mut buffer, Wait::Allowed), Err(VfsError::IsADirectory));
    assert_eq!(directory.0.write(0, b"x"), Err(VfsError::IsADirectory));
    directory.0.flush().unwrap();
    assert_eq!(contents(&opened(volume, "f").file), b"\0\0\0he\0\0\0");
}

fn holes_and_ranges(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    file.0.write(0, &vec![1; 200_000]).unwrap();
    assert_eq!(file.0.allocated_ranges(0, 1 << 30, 10).unwrap(), [(0, 200_000)]);
    file.0.punch_hole(4096, 65536).unwrap();
    file.0.punch_hole(10, 10).unwrap();
    let data = contents(&file);
    assert_eq!(data.len(), 200_000);
    let zero = |at: usize| (10..20).contains(&at) || (4096..4096 + 65536).contains(&at);
    assert!(data.iter().enumerate().all(|(at, byte)| *byte == u8::from(!zero(at))));
    if volume.identity().sparse {
        let second = (4096 + 65536, 200_000 - 4096 - 65536);
        assert_eq!(file.0.allocated_ranges(0, 1 << 30, 10).unwrap(), [(0, 4096), second]);
        assert_eq!(file.0.allocated_ranges(0, 1 << 30, 1).unwrap(), [(0, 4096)]);
        assert_eq!(file.0.allocated_ranges(100, 5000, 9).unwrap(), [(100, 3996)]);
        assert_eq!(file.0.allocated_ranges(8192, 4096, 9).unwrap(), []);
    }
    file.0.punch_hole(1 << 30, 4096).unwrap();
    assert_eq!(file.0.metadata().unwrap().size_bytes, 200_000);
    file.0.allocate(1 << 20).unwrap();
    let metadata = file.0.metadata().unwrap();
    assert_eq!(metadata.size_bytes, 200_000);
    assert!(metadata.allocated_bytes >= 200_000);
}

fn metadata_is_kept_exactly(volume: &dyn Volume) {
    for kind in [NodeKind::File, NodeKind::Directory] {
        let name = format!("{kind:?}");
        let file = create(volume, &name, kind).file;
        let change = MetadataChange {
            attributes: Some(FileAttributes::SYSTEM | FileAttributes::DIRECTORY | FileAttributes::NORMAL),
            sparse: None,
            created: Some(FileTime(NOW.0 + 1_234_567)),
            accessed: Some(FileTime(NOW.0 + 2_345_678)),
            modified: Some(FileTime(NOW.0 + 3_456_789)),
            changed: Some(FileTime(NOW.0 + 4_567_891)),
        };
        file.0.set_metadata(&change).unwrap();
        for metadata in [file.0.metadata().unwrap(), opened(volume, &name).metadata] {
            let own =
                if kind == NodeKind::Directory { FileAttributes::DIRECTORY } else { FileAttributes::empty() };
            assert_eq!(metadata.attributes, FileAttributes::SYSTEM | own);
            assert_eq!(Some(metadata.created), change.created);
            assert_eq!(Some(metadata.accessed), change.accessed);
            assert_eq!(Some(metadata.modified), change.modified);
            assert_eq!(Some(metadata.changed), change.changed);
        }
        // None keeps, ChangeTime as well.
        let attributes = MetadataChange { attributes: Some(FileAttributes::HIDDEN), ..Default::default() };
        file.0.set_metadata(&attributes).unwrap();
        let metadata = file.0.metadata().unwrap();
        assert_eq!(Some(metadata.modified), change.modified);
        assert_eq!(Some(metadata.changed), change.changed);
        assert!(metadata.attributes.contains(FileAttributes::HIDDEN));
    }
}

fn writing_moves_the_write_time_on(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let old = MetadataChange { modified: Some(NOW), changed: Some(NOW), ..Default::default() };
    file.0.set_metadata(&old).unwrap();
    file.0.write(0, b"x").unwrap();
    let metadata = file.0.metadata().unwrap();
    assert!(metadata.modified > NOW && metadata.changed > NOW);
    file.0.set_metadata(&old).unwrap();
    let security = descriptor(1);
    file.0.set_security(security, LATER).unwrap();
    let metadata = file.0.metadata().unwrap();
    assert!(metadata.modified == NOW && metadata.changed > NOW);
}

fn attributes_keep_sparse(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let sparse = MetadataChange { sparse: Some(true), ..Default::default() };
    file.0.set_metadata(&sparse).unwrap();
    let normal = MetadataChange { attributes: Some(FileAttributes::NORMAL), ..Default::default() };
    file.0.set_metadata(&normal).unwrap();
    assert_eq!(file.0.metadata().unwrap().attributes, FileAttributes::SPARSE_FILE);
    file.0.set_metadata(&MetadataChange { sparse: Some(false), ..Default::default() }).unwrap();
    assert_eq!(opened(volume, "f").metadata.attributes, FileAttributes::empty());
}

fn security_is_kept(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let security = descriptor(0x120089);
    file.0.set_security(Arc::clone(&security), LATER).unwrap();
    assert_eq!(file.0.security().unwrap(), security);
    assert_eq!(opened(volume, "f").security, security);
    let other = opened(volume, "");
    other.file.0.set_security(Arc::clone(&security), LATER).unwrap();
    assert_eq!(opened(volume, "").security, security);
}

fn security_is_changed_in_one_step(volume: &dyn Volume) {
    let folder = create(volume, "d", NodeKind::Directory).file;
    let file = create(volume, "d/f", NodeKind::File).file;
    assert!(file.0.replace_security(&descriptor(0x1F01FF), &descriptor(0), LATER).unwrap());
    assert!(!file.0.replace_security(&descriptor(0x1F01FF), &descriptor(1), LATER).unwrap());
    assert_eq!(file.0.security().unwrap(), descriptor(0));
    // Others' changes come before or after, never between; the folder's descriptor can be looked at meanwhile.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let other = opened(volume, "d/F").file;
                for _ in 0..25 {
                    let mut add_one = |present: &Arc<SecurityDescriptor>| {
                        folder.0.security()?;
                        Ok(Some(descriptor(present.dacl.acl().unwrap().aces()[0].mask().0 + 1)))
                    };
                    assert!(other.0.change_security(&mut add_one, LATER).unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(opened(volume, "d/f").security, descriptor(100));
    let before = file.0.metadata().unwrap();
    assert_eq!(file.0.change_security(&mut |_| Ok(None), NOW).unwrap(), None);
    assert_eq!(file.0.change_security(&mut |_| Err(VfsError::Io), NOW), Err(VfsError::Io));
    assert_eq!(file.0.metadata().unwrap(), before);
    // What is inherited from a folder follows it.
    assert!(folder.0.change_security(&mut |_| Ok(Some(descriptor(7))), LATER).unwrap().is_some());
    assert_eq!(opened(volume, "d").security, descriptor(7));
}

fn extended_attributes_are_kept(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    assert_eq!(file.0.extended_attributes().unwrap(), []);
    file.0.set_extended_attributes(&[ea("A", b"1"), ea("B", b"2")], LATER).unwrap();
    file.0.set_extended_attributes(&[ea("a", b"3"), ea("C", &[9; 40_000]), ea("b", b"")], LATER).unwrap();
    let expected = [ea("a", b"3"), ea("C", &[9; 40_000])];
    assert_eq!(file.0.extended_attributes().unwrap(), expected);
    assert_eq!(file.0.metadata().unwrap().ea_size_bytes, 4 + 5 + 1 + 1 + 5 + 1 + 40_000);
    let more = [ea("D", &[9; 30_000])];
    assert_eq!(file.0.set_extended_attributes(&more, LATER), Err(VfsError::EaTooLarge));
    assert_eq!(opened(volume, "F").file.0.extended_attributes().unwrap(), expected);
    file.0.set_extended_attributes(&[ea("A", b""), ea("c", b"")], LATER).unwrap();
    assert_eq!(file.0.metadata().unwrap().ea_size_bytes, 0);
    assert_eq!(opened(volume, "f").file.0.extended_attributes().unwrap(), []);
}

fn stream_names(file: &FileRef) -> Vec<(String, u64)> {
    let streams = file.0.streams().unwrap();
    streams.into_iter().map(|entry| (entry.name.to_string(), entry.size_bytes)).collect()
}

fn streams_are_files_in_the_file(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let directory = create(volume, "d", NodeKind::Directory).file;
    assert_eq!(stream_names(&directory), []);
    assert_eq!(stream_names(&file), [(String::new(), 0)]);
    file.0.write(0, b"main").unwrap();
    let one = volume.create_stream(&file, "Zone.Identifier".into(), LATER).unwrap();
    assert_eq!(one.metadata.size_bytes, 0);
    assert_eq!(one.metadata.id, file.0.id());
    one.file.0.write(0, b"[ZoneTransfer]").unwrap();
    assert_eq!(one.file.0.metadata().unwrap().size_bytes, 14);
    assert_eq!(file.0.metadata().unwrap().size_bytes, 4);
    assert_eq!(volume.create_stream(&file, "ZONE.identifier".into(), LATER).unwrap_err(), VfsError::Exists);
    let odd = volume.create_stream(&file, "a*b?\"<\u{1}".into(), LATER).unwrap().file;
    for bad in ["", "a:b", "a/b", "a\\b", "a\0"] {
        assert_eq!(volume.create_stream(&file, bad.into(), LATER).unwrap_err(), VfsError::NameInvalid);
    }
    volume.create_stream(&directory, "..".into(), LATER).unwrap().file.0.write(0, b"x").unwrap();
    assert_eq!(stream_names(&directory), [("..".to_owned(), 1)]);
    let names = [(String::new(), 4), ("a*b?\"<\u{1}".to_owned(), 0), ("Zone.Identifier".to_owned(), 14)];
    assert_eq!(stream_names(&file), names);
    let again = volume.open(&path("F"), Some("zone.IDENTIFIER".into()), DataUse::WRITE).unwrap();
    assert_eq!(contents(&again.file), b"[ZoneTransfer]");
    assert_eq!(again.metadata.size_bytes, 14);
    assert_eq!(
        again.file.0.rename_stream("a*B?\"<\u{1}".into(), Existing::Keep, LATER),
        Err(VfsError::Exists)
    );
    assert_eq!(again.file.0.rename_stream("".into(), Existing::Keep, LATER), Err(VfsError::Exists));
    assert_eq!(again.file.0.rename_stream("".into(), Existing::Replace, LATER), Err(VfsError::NotEmpty));
    assert_eq!(file.0.rename_stream("x".into(), Existing::Replace, LATER), Err(VfsError::NotSupported));
    odd.0.write(0, b"odd").unwrap();
    again.file.0.rename_stream("a*B?\"<\u{1}".into(), Existing::Replace, LATER).unwrap();
    assert_eq!(stream_names(&file), [(String::new(), 4), ("a*B?\"<\u{1}".to_owned(), 14)]);
    assert_eq!(contents(&odd), b"odd", "a replaced stream lives while it is open");
    again.file.0.rename_stream("plain".into(), Existing::Keep, LATER).unwrap();
    again.file.0.rename_stream("PLAIN".into(), Existing::Keep, LATER).unwrap();
    assert_eq!(contents(&one.file), b"[ZoneTransfer]");
    volume.unlink(&again.file).unwrap();
    assert_eq!(stream_names(&file), [(String::new(), 4)]);
    assert_eq!(volume.unlink(&again.file), Err(VfsError::NotFound));
    let gone = volume.open(&path("f"), Some("plain".into()), DataUse::WRITE);
    assert!(matches!(gone, Err(OpenError::StreamNotFound(_))));
    // The streams go where the file goes.
    volume.create_stream(&file, "kept".into(), LATER).unwrap().file.0.write(0, b"k").unwrap();
    volume.rename(&file, &path("d/moved"), Existing::Keep, LATER).unwrap();
    let kept = volume.open(&path("d/moved"), Some("KEPT".into()), DataUse::READ).unwrap();
    assert_eq!(contents(&kept.file), b"k");
}

fn a_stream_becomes_the_files_data(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let stream = volume.create_stream(&file, "s".into(), LATER).unwrap().file;
    stream.0.write(0, b"from the stream").unwrap();
    stream.0.rename_stream("".into(), Existing::Replace, LATER).unwrap();
    assert_eq!(stream_names(&file), [(String::new(), 15)]);
    assert_eq!(contents(&file), b"from the stream");
    stream.0.write(0, b"FROM").unwrap();
    assert_eq!(contents(&file), b"FROM the stream", "the handle is one of the file's data now");
    assert_eq!(stream.0.metadata().unwrap().size_bytes, 15);
    let directory = create(volume, "d", NodeKind::Directory).file;
    let stream = volume.create_stream(&directory, "s".into(), LATER).unwrap().file;
    assert_eq!(stream.0.rename_stream("".into(), Existing::Replace, LATER), Err(VfsError::IsADirectory));
}

fn overwrite_makes_new(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File);
    let id = file.metadata.id;
    let file = file.file;
    file.0.write(0, b"old").unwrap();
    file.0.set_extended_attributes(&[ea("OLD", b"1")], LATER).unwrap();
    let stream = volume.create_stream(&file, "s".into(), LATER).unwrap().file;
    stream.0.write(0, b"stream").unwrap();
    let mut new = new_node(NodeKind::File);
    new.attributes = FileAttributes::HIDDEN;
    new.security = descriptor(0x20);
    new.extended_attributes = vec![ea("NEW", b"2")];
    let cut = stream.0.overwrite(&new, true).unwrap();
    assert_eq!((cut.size_bytes, contents(&file)), (0, b"old".to_vec()));
    assert_eq!(file.0.security().unwrap(), new_node(NodeKind::File).security);
    let metadata = file.0.overwrite(&new, false).unwrap();
    assert_eq!((metadata.id, metadata.size_bytes), (id, 0));
    assert_eq!(metadata.attributes, FileAttributes::HIDDEN);
    assert_eq!(file.0.security().unwrap(), new_node(NodeKind::File).security);
    assert_eq!(file.0.extended_attributes().unwrap(), new.extended_attributes);
    assert_eq!(stream_names(&file), [(String::new(), 0)]);
    file.0.overwrite(&new, true).unwrap();
    assert_eq!(opened(volume, "f").security, new.security);
    let directory = create(volume, "d", NodeKind::Directory).file;
    assert_eq!(directory.0.overwrite(&new, true).unwrap_err(), VfsError::IsADirectory);
}

fn rename_moves_open_handles(volume: &dyn Volume) {
    let directory = create(volume, "a", NodeKind::Directory).file;
    create(volume, "b", NodeKind::Directory);
    create(volume, "a/sub", NodeKind::Directory);
    let file = create(volume, "a/sub/f", NodeKind::File).file;
    let other = opened(volume, "A/SUB/F").file;
    assert_eq!(volume.rename(&directory, &path("B/c"), Existing::Keep, LATER).unwrap(), path("b/c"));
    assert_eq!(directory.0.path(), path("b/c"));
    assert_eq!(file.0.path(), path("b/c/sub/f"));
    assert_eq!(other.0.path(), path("b/c/sub/f"));
    assert!(matches!(open(volume, "a/sub/f"), Err(OpenError::PathNotFound)));
    assert_eq!(opened(volume, "b/c/sub/f").metadata.id, file.0.id());
    volume.rename(&other, &path("g"), Existing::Keep, LATER).unwrap();
    assert_eq!(file.0.path(), path("g"));
    volume.unlink(&file).unwrap();
    assert!(matches!(open(volume, "g"), Err(OpenError::NotFound(_))));
    assert_eq!(volume.unlink(&other), Err(VfsError::NotFound));
    assert_eq!(volume.rename(&other, &path("h"), Existing::Keep, LATER), Err(VfsError::NotFound));
}

fn rename_refuses_and_replaces(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    file.0.write(0, b"f").unwrap();
    let id = file.0.id();
    let victim = create(volume, "Victim", NodeKind::File).file;
    let directory = create(volume, "d", NodeKind::Directory).file;
    create(volume, "full", NodeKind::Directory);
    create(volume, "full/x", NodeKind::File);
    create(volume, "empty", NodeKind::Directory);
    let rename = |file: &FileRef, to: &str, existing| volume.rename(file, &path(to), existing, LATER);
    assert_eq!(rename(&file, "victim", Existing::Keep), Err(VfsError::Exists));
    assert_eq!(rename(&file, "nowhere/x", Existing::Keep), Err(VfsError::NotFound));
    assert_eq!(rename(&file, "d", Existing::Replace), Err(VfsError::IsADirectory));
    assert_eq!(rename(&directory, "f", Existing::Replace), Err(VfsError::NotADirectory));
    assert_eq!(rename(&directory, "full", Existing::Replace), Err(VfsError::NotEmpty));
    assert_eq!(rename(&directory, "d/below", Existing::Keep), Err(VfsError::OutOfRange));
    assert_eq!(rename(&file, "a?b", Existing::Keep), Err(VfsError::NameInvalid));
    assert_eq!(rename(&file, "", Existing::Replace), Err(VfsError::NameInvalid));
    assert_eq!(rename(&opened(volume, "").file, "r", Existing::Keep), Err(VfsError::PermissionDenied));
    rename(&directory, "EMPTY", Existing::Replace).unwrap();
    assert_eq!(rename(&file, "VICTIM", Existing::Replace), Ok(path("VICTIM")));
    assert_eq!(list(&opened(volume, "").file), ["EMPTY", "full", "VICTIM"]);
    assert_eq!(opened(volume, "victim").metadata.id, id);
    victim.0.write(0, b"still open").unwrap();
    assert_eq!(volume.unlink(&victim), Err(VfsError::NotFound));
    assert_eq!(contents(&opened(volume, "victim").file), b"f");
}

fn rename_of_case_only(volume: &dyn Volume) {
    let file = create(volume, "name", NodeKind::File).file;
    assert_eq!(volume.rename(&file, &path("NAME"), Existing::Keep, LATER), Ok(path("NAME")));
    assert_eq!(list(&opened(volume, "").file), ["NAME"]);
    assert_eq!(opened(volume, "name").path, path("NAME"));
    assert_eq!(volume.rename(&file, &path("NAME"), Existing::Keep, LATER), Ok(path("NAME")));
    assert_eq!(list(&opened(volume, "").file), ["NAME"]);
}

fn exact(text: &str) -> (VfsPath, DataUse) {
    (path(text), DataUse { write: true, case: NameCase::Exact { from: 0 } })
}

fn names_that_differ_in_case_live_side_by_side(volume: &dyn Volume) {
    let open_exact = |text: &str| {
        let (path, data_use) = exact(text);
        volume.open(&path, None, data_use)
    };
    let root = opened(volume, "").file;
    let new = NewNode { case: NameCase::Exact { from: 0 }, ..new_node(NodeKind::File) };
    let lower = create(volume, "name", NodeKind::File);
    let upper = volume.create(&root, "NAME".into(), &new).unwrap();
    assert_ne!(lower.metadata.id, upper.metadata.id);
    assert_eq!(volume.create(&root, "NAME".into(), &new).unwrap_err(), VfsError::Exists);
    assert_eq!(volume.create(&root, "Name".into(), &new_node(NodeKind::File)).unwrap_err(), VfsError::Exists);
    assert_eq!(open_exact("name").unwrap().metadata.id, lower.metadata.id);
    assert_eq!(opened(volume, "NAME").metadata.id, upper.metadata.id);
    assert_eq!(opened(volume, "nAME").metadata.id, upper.metadata.id, "the first in byte order");
    assert!(matches!(open_exact("nAME"), Err(OpenError::NotFound(_))));
    assert_eq!(list(&root), ["NAME", "name"]);

    let link = |to: &str, existing| volume.link(&lower.file, &path(to), existing, LATER);
    assert_eq!(link("Name", Existing::Keep), Err(VfsError::Exists));
    assert_eq!(link("NAME", Existing::KeepExact), Err(VfsError::Exists));
    link("Name", Existing::KeepExact).unwrap();
    assert_eq!(list(&root), ["NAME", "Name", "name"]);
    let rename = |to: &str, existing| volume.rename(&lower.file, &path(to), existing, LATER);
    assert_eq!(rename("NAME", Existing::KeepExact), Err(VfsError::Exists));
    assert_eq!(rename("nAmE", Existing::KeepExact), Ok(path("nAmE")));
    assert_eq!(rename("NAME", Existing::ReplaceExact), Ok(path("NAME")));
    assert_eq!(list(&root), ["NAME", "Name"]);
    assert_eq!(opened(volume, "NAME").metadata.id, lower.metadata.id);

    // What is in front of the first exact component is found in any case.
    create(volume, "Folder", NodeKind::Directory);
    create(volume, "Folder/File", NodeKind::File);
    let from_one = |text: &str| {
        let data_use = DataUse { write: false, case: NameCase::Exact { from: 1 } };
        volume.open(&path(text), None, data_use)
    };
    assert_eq!(from_one("FOLDER/File").unwrap().path, path("Folder/File"));
    assert!(matches!(from_one("FOLDER/FILE"), Err(OpenError::NotFound(_))));
    assert!(matches!(open_exact("FOLDER/File"), Err(OpenError::PathNotFound)));
}

fn listings_tell_descriptors(volume: &dyn Volume) {
    let root = opened(volume, "").file;
    for (name, mask) in [("a", 0x12_0089), ("b", 0x1F_01FF)] {
        let new = NewNode { security: descriptor(mask), ..new_node(NodeKind::File) };
        volume.create(&root, name.into(), &new).unwrap();
    }
    let mut told = Vec::new();
    let end = root.0.list_secured(DirectoryCursor::default(), &mut |name, _, security| {
        told.push((name.to_string(), Arc::clone(security)));
        true
    });
    assert_eq!(end, Ok(None));
    assert_eq!(told, [("a".to_owned(), descriptor(0x12_0089)), ("b".to_owned(), descriptor(0x1F_01FF))]);
    let mut seen = 0;
    let stopped = root.0.list_secured(DirectoryCursor::default(), &mut |_, _, _| {
        seen += 1;
        seen < 2
    });
    assert_eq!(stopped, Ok(Some(DirectoryCursor(1))));
}

fn hard_links_have_their_own_names(volume: &dyn Volume) {
    let file = create(volume, "one", NodeKind::File).file;
    file.0.write(0, b"shared").unwrap();
    create(volume, "taken", NodeKind::File);
    volume.link(&file, &path("two"), Existing::Keep, LATER).unwrap();
    assert_eq!(volume.link(&file, &path("TAKEN"), Existing::Keep, LATER), Err(VfsError::Exists));
    assert_eq!(volume.link(&file, &path("ONE"), Existing::Keep, LATER), Err(VfsError::Exists));
    volume.link(&file, &path("Taken"), Existing::Replace, LATER).unwrap();
    let two = opened(volume, "two");
    assert_eq!(two.metadata.links, 3);
    assert_eq!(two.metadata.id, file.0.id());
    assert_eq!(two.file.0.path(), path("two"));
    volume.rename(&two.file, &path("zwei"), Existing::Keep, LATER).unwrap();
    assert_eq!(file.0.path(), path("one"));
    volume.unlink(&file).unwrap();
    assert_eq!(list(&opened(volume, "").file), ["Taken", "zwei"]);
    assert_eq!(contents(&opened(volume, "taken").file), b"shared");
    // A rename over another link of the same file leaves one name.
    volume.rename(&two.file, &path("TAKEN"), Existing::Replace, LATER).unwrap();
    assert_eq!(list(&opened(volume, "").file), ["TAKEN"]);
    assert_eq!(opened(volume, "taken").metadata.links, 1);
    let directory = create(volume, "d", NodeKind::Directory).file;
    assert_eq!(volume.link(&directory, &path("x"), Existing::Keep, LATER), Err(VfsError::IsADirectory));
}

fn unlinked_files_live_while_open(volume: &dyn Volume) {
    let file = create(volume, "f", NodeKind::File).file;
    let other = opened(volume, "f").file;
    file.0.write(0, b"data").unwrap();
    volume.unlink(&file).unwrap();
    assert!(matches!(open(volume, "f"), Err(OpenError::NotFound(_))));
    assert_eq!(contents(&other), b"data");
    let new = create(volume, "f", NodeKind::File);
    assert_ne!(new.metadata.id, other.0.id());
    assert_eq!(volume.link(&other, &path("g"), Existing::Keep, LATER), Err(VfsError::NotFound));
    let directory = create(volume, "d", NodeKind::Directory).file;
    create(volume, "d/x", NodeKind::File);
    assert_eq!(volume.unlink(&directory), Err(VfsError::NotEmpty));
    volume.unlink(&opened(volume, "d/x").file).unwrap();
    assert!(directory.0.is_empty().unwrap());
    volume.unlink(&directory).unwrap();
    let new = new_node(NodeKind::File);
    assert_eq!(volume.create(&directory, "y".into(), &new).unwrap_err(), VfsError::NotFound);
    assert!(volume.unlink(&opened(volume, "").file).is_err());
}

fn reparse_points_stop_the_way(volume: &dyn Volume) {
    let data = [&0xA000_000C_u32.to_le_bytes()[..], &[4, 0, 0, 0, 1, 2, 3, 4]].concat();
    let directory = create(volume, "d", NodeKind::Directory).file;
    create(volume, "d/e", NodeKind::Directory);
    assert_eq!(directory.0.set_reparse_data(Some(&data), LATER), Err(VfsError::NotEmpty));
    assert_eq!(directory.0.reparse_data(), Err(VfsError::NotFound));
    assert_eq!(directory.0.set_reparse_data(None, LATER), Err(VfsError::NotFound));
    let inner = opened(volume, "d/e");
    inner.file.0.set_reparse_data(Some(&data), LATER).unwrap();
    assert_eq!(inner.file.0.metadata().unwrap().reparse_tag, 0xA000_000C);
    let again = opened(volume, "D/E");
    assert!(again.metadata.attributes.contains(FileAttributes::REPARSE_POINT));
    assert_eq!(again.file.0.reparse_data().unwrap(), data);
    for below in ["d/e/x", "D/E/x/y"] {
        match open(volume, below) {
            Err(OpenError::Reparse { index, data: found }) => assert_eq!((index, found), (1, data.clone())),
            other => panic!("{other:?}"),
        }
    }
    let file = create(volume, "f", NodeKind::File).file;
    file.0.set_reparse_data(Some(&[data.clone(), vec![5; 9000]].concat()), LATER).unwrap();
    assert!(matches!(open(volume, "f/x"), Err(OpenError::Reparse { index: 0, .. })));
    assert_eq!(file.0.reparse_data().unwrap().len(), data.len() + 9000);
    assert_eq!(file.0.set_reparse_data(Some(&[1; 20_000]), LATER), Err(VfsError::OutOfRange));
    file.0.set_reparse_data(None, LATER).unwrap();
    assert_eq!(opened(volume, "f").metadata.reparse_tag, 0);
}

fn listing_is_sorted_and_goes_on(volume: &dyn Volume) {
    let directory = create(volume, "d", NodeKind::Directory).file;
    assert!(directory.0.is_empty().unwrap());
    for name in ["b", "C", "a", "é", "D", "_", "10"] {
        create(volume, &format!("d/{name}"), NodeKind::File);
    }
    assert!(!directory.0.is_empty().unwrap());
    assert_eq!(list(&directory), ["10", "a", "b", "C", "D", "_", "é"]);
    let mut seen = Vec::new();
    let mut cursor = DirectoryCursor::default();
    loop {
        let mut count = 0;
        let next = directory.0.list(cursor, &mut |name, metadata| {
            count += 1;
            if count == 3 {
                return false;
            }
            assert_eq!(metadata.kind, NodeKind::File);
            seen.push(name.to_string());
            true
        });
        // What comes and goes meanwhile does not make others appear twice or not at all.
        match seen.len() {
            2 => drop(create(volume, "d/0", NodeKind::File)),
            4 => volume.unlink(&opened(volume, "d/_").file).unwrap(),
            _ => {}
        }
        match next.unwrap() {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(seen, ["10", "a", "b", "C", "D", "é"]);
    assert_eq!(list(&directory), ["0", "10", "a", "b", "C", "D", "é"]);
    let file = opened(volume, "d/a").file;
    assert_eq!(file.0.list(DirectoryCursor::default(), &mut |_, _| true), Err(VfsError::NotADirectory));
    assert_eq!(file.0.is_empty(), Err(VfsError::NotADirectory));
    assert_eq!(file.0.entry("x".into()).unwrap_err(), VfsError::NotADirectory);
}

fn entry_finds_without_case(volume: &dyn Volume) {
    let directory = create(volume, "d", NodeKind::Directory).file;
    let file = create(volume, "d/File", NodeKind::File);
    file.file.0.write(0, b"xyz").unwrap();
    let entry = directory.0.entry("fILE".into()).unwrap().unwrap();
    assert_eq!(entry.name.as_wtf8(), Wtf8::from("File"));
    assert_eq!((entry.metadata.id, entry.metadata.size_bytes), (file.metadata.id, 3));
    assert!(directory.0.entry("files".into()).unwrap().is_none());
    assert!(directory.0.entry("..".into()).unwrap().is_none());
    assert!(directory.0.entry("".into()).unwrap().is_none());
}

fn copies_within_the_volume(volume: &dyn Volume) {
    let source = create(volume, "source", NodeKind::File).file;
    let target = create(volume, "target", NodeKind::File).file;
    let data: Vec<u8> = (0..100_000u32).map(|at| (at % 241) as u8).collect();
    source.0.write(0, &data).unwrap();
    assert_eq!(target.0.copy_range(&source, 10, 5, 1000), Ok(1000));
    assert_eq!(&contents(&target)[5..], &data[10..1010]);
    assert_eq!(target.0.copy_range(&source, 99_990, 0, 1000), Ok(10));
    assert_eq!(&contents(&target)[..10], &data[99_990..]);
    assert_eq!(target.0.copy_range(&source, 200_000, 0, 1000), Ok(0));
    assert_eq!(source.0.copy_range(&source, 0, 100_000, 100), Ok(100));
    assert_eq!(&contents(&source)[100_000..], &data[..100]);
    let cloned = create(volume, "cloned", NodeKind::File).file;
    if volume.identity().reflinks {
        cloned.0.clone_range(&source, 0, 0, 65_536).unwrap();
        assert_eq!(&contents(&cloned), &data[..65_536]);
        assert_eq!(cloned.0.clone_range(&source, 1, 0, 4096), Err(VfsError::OutOfRange));
    } else {
        assert_eq!(cloned.0.clone_range(&source, 0, 0, 65_536), Err(VfsError::NotSupported));
    }
}

fn ids_are_stable_and_unique(volume: &dyn Volume) {
    let mut seen = std::collections::HashSet::new();
    assert!(seen.insert(opened(volume, "").metadata.id));
    for at in 0..50 {
        let name = format!("f{at}");
        let file = create(volume, &name, NodeKind::File);
        assert!(file.metadata.id.0 != 0 && file.metadata.id.0 != u64::MAX);
        assert!(seen.insert(file.metadata.id));
        file.file.0.set_metadata(&MetadataChange { created: Some(LATER), ..Default::default() }).unwrap();
        assert_eq!(opened(volume, &name).metadata.id, file.metadata.id);
        if at % 2 == 0 {
            volume.unlink(&file.file).unwrap();
        }
    }
}

fn reserved_folder_is_not_there(volume: &dyn Volume) {
    let root = opened(volume, "").file;
    for name in [".freehold", ".FreeHold", ".FREEHOLD"] {
        assert!(matches!(open(volume, name), Err(OpenError::NotFound(_))), "{name}");
        assert!(matches!(open(volume, &format!("{name}/x")), Err(OpenError::PathNotFound)), "{name}");
        let new = new_node(NodeKind::Directory);
        assert_eq!(volume.create(&root, name.into(), &new).unwrap_err(), VfsError::NameInvalid);
        assert!(root.0.entry(name.into()).unwrap().is_none());
    }
    let file = create(volume, "f", NodeKind::File).file;
    assert_eq!(volume.rename(&file, &path(".Freehold"), Existing::Keep, LATER), Err(VfsError::NameInvalid));
    assert!(volume.link(&file, &path(".freehold/sd/x"), Existing::Keep, LATER).is_err());
    assert_eq!(list(&root), ["f"]);
    create(volume, "d", NodeKind::Directory);
    create(volume, "d/.freehold", NodeKind::File);
    assert_eq!(opened(volume, "d/.FREEHOLD").path, path("d/.freehold"));
}

fn odd_names_are_kept(volume: &dyn Volume) {
    let lone = Wtf8Buf::from_utf16([0x61, 0xD800, 0x62].into_iter(), 8);
    let names = [
        Wtf8Buf::from("trailing. ."),
        Wtf8Buf::from("CON"),
        Wtf8Buf::from("\u{F022}\u{F029}\u{F001}"),
        Wtf8Buf::from("\u{EE2A}"),
        Wtf8Buf::from("\u{EEC3}\u{EEA9}"),
        Wtf8Buf::from("😀"),
        lone,
    ];
    let root = opened(volume, "").file;
    for name in &names {
        volume.create(&root, name.as_wtf8(), &new_node(NodeKind::File)).unwrap();
    }
    let mut listed = Vec::new();
    root.0
        .list(DirectoryCursor::default(), &mut |name, _| {
            listed.push(name.to_owned());
            true
        })
        .unwrap();
    for name in &names {
        let entry = root.0.entry(name.as_wtf8()).unwrap().unwrap();
        assert_eq!(entry.name, *name);
        let found = volume.open(&VfsPath::new(name.clone()).unwrap(), None, DataUse::READ).unwrap();
        assert_eq!(found.metadata.id, entry.metadata.id);
        assert!(listed.contains(name));
    }
    assert_eq!(listed.len(), names.len());
}
