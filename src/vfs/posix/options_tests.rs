//! Tests of what an administrator can choose for a volume: 8.3 names and snapshots.

use std::fs;
use std::path::Path;

use freehold_dtyp::Wtf8;

use super::*;
use crate::fscc::fsctl::snapshots::parse_gmt_token;
use crate::fscc::short_name::generated;
use crate::vfs::conformance::{LATER, contents, create, descriptor, ea, list, new_node, open, opened, path};
use crate::vfs::{DataUse, Existing, MetadataChange, NameCase, NodeKind, OpenError};

fn volume(directory: &Path, change: impl FnOnce(&mut PosixOptions)) -> PosixVolume {
    let mut options = PosixOptions::new("test", descriptor(0x1F01FF));
    change(&mut options);
    PosixVolume::open(directory, options).expect("a volume")
}

fn short(name: &str) -> String {
    generated(Wtf8::from(name)).expect("a long name").to_string()
}

#[test]
fn files_are_found_by_their_short_names() {
    let directory = tempfile::tempdir().unwrap();
    let volume = volume(directory.path(), |options| options.volume.short_names = true);
    let long = "A rather long name.html";
    let made = create(&volume, long, NodeKind::File);
    fs::write(directory.path().join("from elsewhere.txt"), "x").unwrap();
    let by_short = opened(&volume, &short(long).to_lowercase());
    assert_eq!((by_short.metadata.id, by_short.path), (made.metadata.id, path(long)));
    assert_eq!(opened(&volume, &short("from elsewhere.txt")).path, path("from elsewhere.txt"));
    let root = opened(&volume, "").file;
    assert_eq!(root.0.entry(short(long).as_str().into()).unwrap().unwrap().name.to_string(), long);
    // A name that another file has as its short name is taken.
    let taken = volume.create(&root, short(long).as_str().into(), &new_node(NodeKind::File));
    assert_eq!(taken.unwrap_err(), VfsError::Exists);
    volume.rename(&made.file, &path("Another long name.html"), Existing::Keep, LATER).unwrap();
    assert!(matches!(open(&volume, &short(long)), Err(OpenError::NotFound(_))));
    assert_eq!(opened(&volume, &short("Another long name.html")).path, path("Another long name.html"));
}

#[test]
fn without_the_option_short_names_find_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let volume = volume(directory.path(), |_| ());
    create(&volume, "A rather long name.html", NodeKind::File);
    assert!(matches!(open(&volume, &short("A rather long name.html")), Err(OpenError::NotFound(_))));
}

#[test]
fn a_file_made_anew_by_its_short_name_has_its_long_name_back() {
    let directory = tempfile::tempdir().unwrap();
    let volume = volume(directory.path(), |options| options.volume.short_names = true);
    let long = "A rather long name.html";
    let made = create(&volume, long, NodeKind::File);
    volume.unlink(&made.file).unwrap();
    assert_eq!(create(&volume, &short(long), NodeKind::File).path, path(long));
    let root = opened(&volume, "").file;
    assert_eq!(list(&root), [long]);
}

/// A copy with its attributes stands for what a file system's snapshot is.
fn copy_tree(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").args(["-a"]).arg(from).arg(to).status().expect("cp");
    assert!(status.success());
}

#[test]
fn snapshots_are_volumes_that_nothing_changes() {
    let directory = tempfile::tempdir().unwrap();
    let (now, past) = (directory.path().join("now"), directory.path().join("past"));
    fs::create_dir(&now).unwrap();
    fs::create_dir(&past).unwrap();
    let volume = volume(&now, |options| options.snapshots = Some(past.clone()));
    assert_eq!(volume.snapshots(), Ok(Vec::new()));
    let file = create(&volume, "f", NodeKind::File);
    file.file.0.write(0, b"before").unwrap();
    file.file.0.set_security(descriptor(0x120089), LATER).unwrap();
    volume.create_stream(&file.file, "s".into(), LATER).unwrap().file.0.write(0, b"stream").unwrap();
    let (token, other) = ("@GMT-2026.11.21-10.00.00", "@GMT-2026.11.22-10.00.00");
    copy_tree(&now, &past.join(token));
    fs::create_dir(past.join("no token")).unwrap();
    fs::create_dir(past.join(other)).unwrap();
    file.file.0.write(0, b"after!").unwrap();
    create(&volume, "new", NodeKind::File);

    let (time, empty) = (parse_gmt_token(token).unwrap(), parse_gmt_token(other).unwrap());
    assert_eq!(volume.snapshots(), Ok(vec![empty, time]));
    assert!(volume.snapshot(empty).is_err(), "no image of the volume");
    assert!(volume.snapshot(LATER).is_err());
    let snapshot = volume.snapshot(time).unwrap();
    assert!(Arc::ptr_eq(&snapshot, &volume.snapshot(time).unwrap()));
    assert!(snapshot.identity().read_only && snapshot.identity().serial == volume.identity().serial);
    assert_eq!(list(&opened(&*snapshot, "").file), ["f"]);
    let old = snapshot.open(&path("F"), None, DataUse { write: true, case: NameCase::Ignored }).unwrap();
    assert_eq!(contents(&old.file), b"before");
    assert_eq!((old.metadata.id, old.security), (file.metadata.id, descriptor(0x120089)));
    let stream = snapshot
        .open(&path("f"), Some("S".into()), DataUse { write: false, case: NameCase::Ignored })
        .unwrap();
    assert_eq!(contents(&stream.file), b"stream");

    let root = opened(&*snapshot, "").file;
    let old = &old.file;
    let refused = [
        snapshot.create(&root, "x".into(), &new_node(NodeKind::File)).map(|_| ()),
        snapshot.create_stream(old, "x".into(), LATER).map(|_| ()),
        snapshot.rename(old, &path("x"), Existing::Keep, LATER).map(|_| ()),
        snapshot.link(old, &path("x"), Existing::Keep, LATER),
        snapshot.unlink(old),
        snapshot.unlink(&stream.file),
        stream.file.0.rename_stream("x".into(), Existing::Keep, LATER),
        old.0.write(0, b"x").map(|_| ()),
        old.0.set_size(1),
        old.0.allocate(1 << 20),
        old.0.punch_hole(0, 1),
        old.0.copy_range(old, 0, 3, 1).map(|_| ()),
        old.0.overwrite(&new_node(NodeKind::File), false).map(|_| ()),
        old.0.set_metadata(&MetadataChange { modified: Some(LATER), ..MetadataChange::default() }),
        old.0.set_security(descriptor(1), LATER),
        old.0.set_extended_attributes(&[ea("X", b"y")], LATER),
        old.0.set_reparse_data(Some(&[0; 8]), LATER),
        old.0.set_compressed(true),
    ];
    assert!(refused.iter().all(|result| *result == Err(VfsError::ReadOnly)), "{refused:?}");
    fs::remove_dir_all(past.join(token)).unwrap();
    assert_eq!(volume.snapshot(time).map(|_| ()), Err(VfsError::NotFound));
}
