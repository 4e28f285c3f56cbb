//! Tests on a temporary directory: what others do on disk, damage, copies, limits.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::PathBuf;

use freehold_dtyp::Wtf8Buf;

use super::*;
use crate::fscc::FileAttributes;
use crate::vfs::conformance::{
    self, NOW, contents, create, descriptor, ea, list, new_node, open, opened, path,
};
use crate::vfs::{DirectoryCursor, MetadataChange, NodeKind, Wait};

/// A volume and the directory that goes with it.
struct Scratch {
    volume: PosixVolume,
    directory: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Scratch { volume: volume(directory.path()), directory }
    }

    fn disk(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same volume after a restart.
    fn restarted(self) -> Self {
        let Scratch { volume: before, directory } = self;
        drop(before);
        Scratch { volume: volume(directory.path()), directory }
    }
}

fn volume(directory: &Path) -> PosixVolume {
    PosixVolume::open(directory, PosixOptions::new("test", descriptor(0x1F01FF))).expect("a volume")
}

fn xattr(path: &Path) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 4096];
    let length = rustix::fs::lgetxattr(path, XATTR_NAME, &mut buffer[..]).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

fn set_xattr(path: &Path, value: &[u8]) {
    rustix::fs::setxattr(path, XATTR_NAME, value, XattrFlags::empty()).expect("setxattr");
}

/// `cp -a`, as far as this volume sees it: data and attribute.
fn copy_with_attributes(from: &Path, to: &Path) {
    fs::copy(from, to).expect("a copy");
    set_xattr(to, &xattr(from).expect("an attribute"));
}

#[test]
fn conforms() {
    let directories = std::cell::RefCell::new(Vec::new());
    conformance::run(&|| {
        let Scratch { volume, directory } = Scratch::new();
        directories.borrow_mut().push(directory);
        volume
    });
}

#[test]
fn conforms_with_tiny_caches() {
    let directories = std::cell::RefCell::new(Vec::new());
    conformance::run(&|| {
        let directory = tempfile::tempdir().unwrap();
        let mut options = PosixOptions::new("test", descriptor(0x1F01FF));
        (options.index_bytes, options.remembered_inodes) = (0, 0);
        let volume = PosixVolume::open(directory.path(), options).unwrap();
        directories.borrow_mut().push(directory);
        volume
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    let scratch = Scratch::new();
    let directory = create(&scratch.volume, "Dir", NodeKind::Directory);
    let file = create(&scratch.volume, "Dir/File", NodeKind::File);
    let id = file.metadata.id;
    file.file.0.write(0, b"data").unwrap();
    file.file.0.set_extended_attributes(&[ea("BIG", &[3; 20_000])], NOW).unwrap();
    file.file.0.set_reparse_data(Some(&[7; 5000]), NOW).unwrap();
    let stream = scratch.volume.create_stream(&file.file, "s".into(), NOW).unwrap();
    stream.file.0.write(0, b"stream").unwrap();
    let change = MetadataChange {
        attributes: Some(FileAttributes::HIDDEN),
        created: Some(FileTime(NOW.0 + 1)),
        modified: Some(FileTime(NOW.0 + 2)),
        changed: Some(FileTime(NOW.0 + 3)),
        ..Default::default()
    };
    file.file.0.set_metadata(&change).unwrap();
    file.file.0.set_security(descriptor(0x55), NOW).unwrap();
    change_security_id(&directory.file);
    let before = file.file.0.metadata().unwrap();
    let guid = scratch.volume.identity().guid;
    drop((file, stream, directory));
    let scratch = scratch.restarted();
    assert_eq!(scratch.volume.identity().guid, guid);
    let file = opened(&scratch.volume, "dir/file");
    assert_eq!(file.metadata, before);
    assert_eq!(file.metadata.id, id);
    assert_eq!(file.security, descriptor(0x55));
    assert_eq!(file.file.0.reparse_data().unwrap(), vec![7; 5000]);
    let stream = scratch.volume.open(&path("dir/file"), Some("S".into()), DataUse::READ).unwrap();
    assert_eq!(contents(&stream.file), b"stream");
    // New ids are beyond the old ones.
    assert!(create(&scratch.volume, "new", NodeKind::File).metadata.id > id);
}

fn change_security_id(file: &FileRef) {
    file.0.set_security(descriptor(0x66), NOW).unwrap();
}

#[test]
fn nothing_of_a_removed_file_is_left_in_the_store() {
    let scratch = Scratch::new();
    for how in ["unlink", "rename over", "link over"] {
        let file = create(&scratch.volume, "f", NodeKind::File).file;
        file.0.set_extended_attributes(&[ea("BIG", &[3; 20_000])], NOW).unwrap();
        scratch.volume.create_stream(&file, "s".into(), NOW).unwrap().file.0.write(0, &[1; 100]).unwrap();
        match how {
            "unlink" => scratch.volume.unlink(&file).unwrap(),
            _ => {
                let other = create(&scratch.volume, "other", NodeKind::File).file;
                if how == "link over" {
                    scratch.volume.link(&other, &path("F"), Existing::Replace, NOW).unwrap();
                } else {
                    scratch.volume.rename(&other, &path("F"), Existing::Replace, NOW).map(drop).unwrap();
                }
                scratch.volume.unlink(&opened(&scratch.volume, "f").file).unwrap();
            }
        }
        for folder in ["streams", "parts", "tmp"] {
            let left = fs::read_dir(scratch.disk(".freehold").join(folder)).unwrap().count();
            assert_eq!(left, 0, "{folder} after {how}");
        }
        let _ = open(&scratch.volume, "other").map(|other| scratch.volume.unlink(&other.file));
    }
    // Replaced lists of attributes do not pile up, either.
    let file = create(&scratch.volume, "f", NodeKind::File).file;
    for round in 0..5 {
        file.0.set_extended_attributes(&[ea("BIG", &[round; 20_000])], NOW).unwrap();
    }
    assert_eq!(fs::read_dir(scratch.disk(".freehold/parts")).unwrap().count(), 1);
}

#[test]
fn planted_links_and_special_files_are_shown_and_never_followed() {
    let scratch = Scratch::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    symlink(outside.path(), scratch.disk("out")).unwrap();
    symlink("../..", scratch.disk("up")).unwrap();
    symlink(outside.path().join("secret"), scratch.disk("file")).unwrap();
    create(&scratch.volume, "dir", NodeKind::Directory);
    symlink("/", scratch.disk("dir/root")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scratch.disk("pipe"),
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.disk("socket")).unwrap();
    for below in ["out/secret", "OUT/secret", "up/etc", "dir/root/etc/passwd", "DIR/Root/etc"] {
        match open(&scratch.volume, below) {
            Err(OpenError::Reparse { index, data }) => {
                assert_eq!(
                    index,
                    below.split('/').take_while(|part| !part.eq_ignore_ascii_case("root")).count().min(1)
                        * usize::from(below.to_lowercase().starts_with("dir"))
                );
                assert_eq!(&data[..4], &0xA000_000C_u32.to_le_bytes());
            }
            other => panic!("{below}: {other:?}"),
        }
    }
    for (name, tag) in
        [("out", 0xA000_000C), ("file", 0xA000_000C), ("pipe", 0x8000_0014), ("socket", 0x8000_0014)]
    {
        let found = opened(&scratch.volume, name);
        assert_eq!(found.metadata.reparse_tag, tag, "{name}");
        assert!(found.metadata.attributes.contains(FileAttributes::REPARSE_POINT));
        assert_eq!((found.metadata.kind, found.metadata.size_bytes), (NodeKind::File, 0));
        assert_eq!(&found.file.0.reparse_data().unwrap()[..4], &tag.to_le_bytes());
        assert_eq!(found.file.0.read(0, &mut [0; 10], Wait::Allowed), Ok(0));
        assert!(found.file.0.write(0, b"x").is_err());
        assert!(found.file.0.as_fd().is_none());
        assert!(found.file.0.overwrite(&new_node(NodeKind::File), true).is_err());
        assert!(found.file.0.set_security(descriptor(1), NOW).is_err());
        let times = MetadataChange { modified: Some(NOW), ..Default::default() };
        found.file.0.set_metadata(&times).unwrap();
        assert_eq!(found.file.0.metadata().unwrap().modified, NOW);
        found.file.0.flush().unwrap();
    }
    let root = opened(&scratch.volume, "").file;
    assert_eq!(list(&root), ["dir", "file", "out", "pipe", "socket", "up"]);
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
    // They can be moved and removed as what they are.
    let link = opened(&scratch.volume, "out").file;
    scratch.volume.rename(&link, &path("dir/moved"), Existing::Keep, NOW).unwrap();
    assert!(fs::symlink_metadata(scratch.disk("dir/moved")).unwrap().is_symlink());
    scratch.volume.unlink(&link).unwrap();
    scratch.volume.unlink(&opened(&scratch.volume, "pipe").file).unwrap();
    assert!(outside.path().join("secret").exists());
    // A target behind a link is no target.
    let file = create(&scratch.volume, "f", NodeKind::File).file;
    assert!(scratch.volume.rename(&file, &path("up/f"), Existing::Replace, NOW).is_err());
    assert!(fs::symlink_metadata(scratch.disk("socket")).unwrap().file_type().is_socket());
}

#[test]
fn opening_a_pipe_wakes_nobody() {
    let scratch = Scratch::new();
    let pipe = scratch.disk("pipe");
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let found = opened(&scratch.volume, "PIPE");
    // A writer that does not wait finds no reader: the pipe is not open.
    let writer = rustix::fs::open(&pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    assert_eq!(writer.unwrap_err(), Errno::NXIO);
    drop(found);
}

#[test]
fn a_lease_of_a_local_program_is_not_waited_for() {
    let scratch = Scratch::new();
    let file = create(&scratch.volume, "f", NodeKind::File).file;
    file.0.write(0, b"content").unwrap();
    drop(file);
    let local = fs::OpenOptions::new().read(true).write(true).open(scratch.disk("f")).unwrap();
    // The kernel tells the holder by SIGIO, which would end this process.
    // SAFETY: no handler is installed; the signal is ignored.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    // SAFETY: the descriptor lives until the end of this test; F_SETLEASE takes a number and touches no memory.
    let leased =
        unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&local), libc::F_SETLEASE, libc::F_WRLCK) };
    assert_eq!(leased, 0, "{}", std::io::Error::last_os_error());
    let found = opened(&scratch.volume, "f");
    let mut bytes = [0; 7];
    assert_eq!(found.file.0.read(0, &mut bytes, Wait::Allowed), Err(VfsError::WouldBlock));
    drop(local);
    assert_eq!(found.file.0.read(0, &mut bytes, Wait::Allowed), Ok(7));
}

#[test]
fn names_that_windows_cannot_have_are_reachable() {
    let scratch = Scratch::new();
    let names: [&[u8]; 8] =
        [b"a*b", b"a?b", b"back\\slash", b"latin\xE9", b"new\nline", b"Case", b"CASE", b"colon:x"];
    for name in names {
        fs::write(scratch.directory.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let root = opened(&scratch.volume, "").file;
    let mut found = Vec::new();
    root.0
        .list(DirectoryCursor::default(), &mut |name, _| {
            found.push(name.to_owned());
            true
        })
        .unwrap();
    assert_eq!(found.len(), names.len());
    let mut read: Vec<Vec<u8>> = Vec::new();
    for name in found {
        let opened = scratch.volume.open(&VfsPath::new(name.clone()).unwrap(), None, DataUse::READ).unwrap();
        assert_eq!(root.0.entry(name.as_wtf8()).unwrap().unwrap().metadata.id, opened.metadata.id);
        read.push(contents(&opened.file));
    }
    read.sort();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(read, expected);
    assert_eq!(contents(&opened(&scratch.volume, "Case").file), b"Case");
    assert_eq!(contents(&opened(&scratch.volume, "CASE").file), b"CASE");
    assert_eq!(contents(&opened(&scratch.volume, "case").file), b"CASE");
    assert_eq!(opened(&scratch.volume, "A\u{EE2A}B").path, path("a\u{EE2A}b"));
}

#[test]
fn a_damaged_attribute_is_served_with_defaults_and_kept_until_a_change() {
    let scratch = Scratch::new();
    let root_security = descriptor(0x1F01FF);
    for (number, damage) in [&b"rubbish"[..], b"", &[2; 60], &[1; 800]].into_iter().enumerate() {
        let name = format!("f{number}");
        let file = create(&scratch.volume, &name, NodeKind::File);
        file.file.0.write(0, b"data").unwrap();
        file.file.0.set_security(descriptor(5), NOW).unwrap();
        drop(file);
        set_xattr(&scratch.disk(&name), damage);
        let found = opened(&scratch.volume, &name);
        assert_eq!(contents(&found.file), b"data");
        assert_eq!(found.metadata.attributes, FileAttributes::ARCHIVE);
        assert_eq!(
            found.security.dacl.acl().unwrap().aces().len(),
            root_security.dacl.acl().unwrap().aces().len()
        );
        assert_eq!(found.file.0.extended_attributes().unwrap(), []);
        let id = found.metadata.id;
        found.file.0.write(4, b"more").unwrap();
        found.file.0.flush().unwrap();
        assert_eq!(xattr(&scratch.disk(&name)).unwrap(), damage);
        assert_eq!(opened(&scratch.volume, &name).metadata.id, id);
        let change = MetadataChange { attributes: Some(FileAttributes::SYSTEM), ..Default::default() };
        found.file.0.set_metadata(&change).unwrap();
        assert_ne!(xattr(&scratch.disk(&name)).unwrap(), damage);
        let found = opened(&scratch.volume, &name);
        assert_eq!((found.metadata.id, found.metadata.attributes), (id, FileAttributes::SYSTEM));
    }
}

#[test]
fn files_made_by_others_inherit_and_keep_their_id() {
    let scratch = Scratch::new();
    let directory = create(&scratch.volume, "d", NodeKind::Directory).file;
    fs::create_dir(scratch.disk("d/sub")).unwrap();
    fs::write(scratch.disk("d/sub/foreign"), b"x").unwrap();
    let found = opened(&scratch.volume, "D/SUB/Foreign");
    assert!(found.metadata.created.0 > 0);
    assert_eq!(found.metadata.attributes, FileAttributes::ARCHIVE);
    let mask = |security: &SecurityDescriptor| security.dacl.acl().unwrap().aces()[0].mask();
    assert_eq!(mask(&found.security), mask(&descriptor(0x1F01FF)));
    directory.0.set_security(descriptor(0x120089), NOW).unwrap();
    let again = opened(&scratch.volume, "d/sub/foreign");
    assert_eq!(mask(&again.security), mask(&descriptor(0x120089)));
    assert_eq!(again.metadata.id, found.metadata.id);
    assert_eq!(xattr(&scratch.disk("d/sub/foreign")), None);
    again.file.0.set_metadata(&MetadataChange { created: Some(NOW), ..Default::default() }).unwrap();
    assert_eq!(opened(&scratch.volume, "d/sub/foreign").metadata.id, found.metadata.id);
    assert!(xattr(&scratch.disk("d/sub/foreign")).is_some());
}

#[test]
fn a_lost_descriptor_falls_back_to_what_is_inherited() {
    let scratch = Scratch::new();
    create(&scratch.volume, "f", NodeKind::File).file.0.set_security(descriptor(0x42), NOW).unwrap();
    let scratch = {
        for entry in fs::read_dir(scratch.disk(".freehold/sd")).unwrap() {
            fs::write(entry.unwrap().path(), b"damage").unwrap();
        }
        scratch.restarted()
    };
    let found = opened(&scratch.volume, "f");
    assert_ne!(found.security, descriptor(0x42));
    assert!(found.security.dacl.acl().is_some());
    // Kept again by content, it is repaired.
    found.file.0.set_security(descriptor(0x42), NOW).unwrap();
    assert_eq!(opened(&scratch.volume, "f").security, descriptor(0x42));
    drop(found);
    assert_eq!(opened(&scratch.restarted().volume, "f").security, descriptor(0x42));
}

#[test]
fn a_copy_gets_an_id_and_parts_of_its_own() {
    let scratch = Scratch::new();
    let original = create(&scratch.volume, "original", NodeKind::File);
    let big = [ea("BIG", &[3; 20_000])];
    original.file.0.set_extended_attributes(&big, NOW).unwrap();
    original.file.0.set_security(descriptor(0x99), NOW).unwrap();
    scratch.volume.create_stream(&original.file, "s".into(), NOW).unwrap().file.0.write(0, b"s").unwrap();
    copy_with_attributes(&scratch.disk("original"), &scratch.disk("copy"));
    let copy = opened(&scratch.volume, "copy");
    assert_ne!(copy.metadata.id, original.metadata.id);
    assert_eq!(copy.security, descriptor(0x99));
    assert_eq!(copy.file.0.extended_attributes().unwrap(), big);
    assert_eq!(copy.file.0.streams().unwrap().len(), 1);
    copy.file.0.set_extended_attributes(&[ea("MORE", b"1")], NOW).unwrap();
    assert_eq!(opened(&scratch.volume, "copy").metadata.id, copy.metadata.id);
    scratch.volume.unlink(&original.file).unwrap();
    assert_eq!(copy.file.0.extended_attributes().unwrap().len(), 2);
    // The copy of a copy, and again after a restart.
    let id = copy.metadata.id;
    drop((copy, original));
    copy_with_attributes(&scratch.disk("copy"), &scratch.disk("third"));
    let scratch = scratch.restarted();
    assert_eq!(opened(&scratch.volume, "copy").metadata.id, id);
    assert_ne!(opened(&scratch.volume, "third").metadata.id, id);
}

#[test]
fn a_copied_volume_keeps_ids_and_streams() {
    let scratch = Scratch::new();
    let file = create(&scratch.volume, "f", NodeKind::File);
    let stream = scratch.volume.create_stream(&file.file, "s".into(), NOW).unwrap();
    stream.file.0.write(0, b"stream").unwrap();
    let id = file.metadata.id;
    drop((file, stream));
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg("--preserve=xattr")
        .arg(scratch.disk("."))
        .arg(elsewhere.path().join("v"))
        .status();
    assert!(copied.unwrap().success());
    let moved = volume(&elsewhere.path().join("v"));
    assert_eq!(opened(&moved, "f").metadata.id, id);
    let stream = moved.open(&path("f"), Some("s".into()), DataUse::READ).unwrap();
    assert_eq!(contents(&stream.file), b"stream");
    copy_with_attributes(&elsewhere.path().join("v/f"), &elsewhere.path().join("v/g"));
    assert_ne!(opened(&moved, "g").metadata.id, id);
}

#[test]
fn changes_by_others_are_seen_at_once() {
    let scratch = Scratch::new();
    let directory = create(&scratch.volume, "d", NodeKind::Directory).file;
    for round in 0..50 {
        let name = format!("file{round}");
        assert!(matches!(
            open(&scratch.volume, &format!("d/{}", name.to_uppercase())),
            Err(OpenError::NotFound(_))
        ));
        fs::write(scratch.disk("d").join(&name), b"x").unwrap();
        assert_eq!(
            opened(&scratch.volume, &format!("d/{}", name.to_uppercase())).path,
            path(&format!("d/{name}"))
        );
        let taken = scratch.volume.create(
            &directory,
            Wtf8Buf::from(name.to_uppercase().as_str()).as_wtf8(),
            &new_node(NodeKind::File),
        );
        assert_eq!(taken.unwrap_err(), VfsError::Exists);
        assert_eq!(list(&directory), std::slice::from_ref(&name));
        fs::rename(scratch.disk("d").join(&name), scratch.disk("d/other")).unwrap();
        assert!(directory.0.entry(Wtf8Buf::from(name.as_str()).as_wtf8()).unwrap().is_none());
        assert_eq!(list(&directory), ["other"]);
        fs::write(scratch.disk("d/other"), b"longer").unwrap();
        assert_eq!(directory.0.entry("OTHER".into()).unwrap().unwrap().metadata.size_bytes, 6);
        fs::remove_file(scratch.disk("d/other")).unwrap();
        assert!(directory.0.is_empty().unwrap());
        assert_eq!(list(&directory), Vec::<String>::new());
    }
}

#[test]
fn what_others_put_in_the_place_of_a_file_is_not_touched() {
    let scratch = Scratch::new();
    let file = create(&scratch.volume, "f", NodeKind::File).file;
    file.0.write(0, b"ours").unwrap();
    fs::rename(scratch.disk("f"), scratch.disk("elsewhere")).unwrap();
    fs::write(scratch.disk("f"), b"theirs").unwrap();
    assert_eq!(scratch.volume.unlink(&file), Err(VfsError::NotFound));
    assert_eq!(scratch.volume.rename(&file, &path("g"), Existing::Keep, NOW), Err(VfsError::NotFound));
    assert_eq!(contents(&file), b"ours");
    assert_eq!(fs::read(scratch.disk("f")).unwrap(), b"theirs");
}

#[test]
fn a_big_folder_is_read_once_and_our_own_changes_keep_its_index() {
    const FILES: usize = 100_000;
    let scratch = Scratch::new();
    let directory = create(&scratch.volume, "d", NodeKind::Directory).file;
    // Links to one file: quick to make.
    fs::write(scratch.disk("d/f000000"), b"").unwrap();
    for number in 1..FILES {
        let (link, target) = (number / 60_000, scratch.disk(&format!("d/f{number:06}")));
        let source = scratch.disk(&format!("d/f{:06}", link * 60_000));
        if number == link * 60_000 {
            fs::write(target, b"").unwrap();
        } else {
            fs::hard_link(source, target).unwrap();
        }
    }
    let start = scratch.volume.index_counters();
    for number in (0..FILES).step_by(500) {
        let name = format!("F{number:06}");
        assert!(directory.0.entry(Wtf8Buf::from(name.as_str()).as_wtf8()).unwrap().is_some());
        assert!(matches!(open(&scratch.volume, &format!("d/absent{number}")), Err(OpenError::NotFound(_))));
        let made = create(&scratch.volume, &format!("d/made{number}"), NodeKind::File).file;
        made.0.write(0, b"x").unwrap();
        scratch.volume.rename(&made, &path(&format!("d/Renamed{number}")), Existing::Keep, NOW).unwrap();
        scratch.volume.unlink(&opened(&scratch.volume, &format!("d/renamed{number}")).file).unwrap();
    }
    directory.0.set_metadata(&MetadataChange { modified: Some(NOW), ..Default::default() }).unwrap();
    directory.0.set_security(descriptor(3), NOW).unwrap();
    assert!(directory.0.entry("F000007".into()).unwrap().is_some());
    let end = scratch.volume.index_counters();
    assert_eq!(end.builds - start.builds, 1, "one build for everything");
    assert_eq!(end.entries_read - start.entries_read, FILES as u64);
    assert!(end.bytes / (FILES as u64) < 64, "{} bytes", end.bytes);
    let mut count = 0;
    directory
        .0
        .list(DirectoryCursor::default(), &mut |_, _| {
            count += 1;
            true
        })
        .unwrap();
    assert_eq!(count, FILES);
}

#[test]
fn indexes_stay_below_their_limit() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = PosixOptions::new("test", descriptor(1));
    options.index_bytes = 64 * 1024;
    let volume = PosixVolume::open(directory.path(), options).unwrap();
    for folder in 0..100 {
        let name = format!("d{folder}");
        create(&volume, &name, NodeKind::Directory);
        for file in 0..20 {
            fs::write(directory.path().join(&name).join(format!("a rather long name {file}")), b"").unwrap();
        }
        assert!(open(&volume, &format!("{name}/A RATHER LONG NAME 7")).is_ok());
        assert!(volume.index_counters().bytes <= 64 * 1024);
    }
}

#[test]
fn handles_cost_one_descriptor_and_leave_no_link_behind() {
    let scratch = Scratch::new();
    let descriptors = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter(|entry| {
                let target = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
                target.is_some_and(|target| target.starts_with(scratch.directory.path()))
            })
            .count()
    };
    create(&scratch.volume, "d", NodeKind::Directory);
    let before = descriptors();
    let file = create(&scratch.volume, "d/f", NodeKind::File).file;
    assert_eq!(descriptors(), before + 1);
    let other = opened(&scratch.volume, "D/F").file;
    file.0.write(0, b"x").unwrap();
    assert_eq!(contents(&other), b"x");
    other.0.write(1, b"y").unwrap();
    assert_eq!(descriptors(), before + 2);
    scratch.volume.rename(&other, &path("g"), Existing::Keep, NOW).unwrap();
    drop((file, other));
    assert_eq!(descriptors(), before);
    assert_eq!(scratch.volume.inner.links.len(), 0);
}

#[test]
fn names_on_disk_are_the_names_of_windows() {
    let scratch = Scratch::new();
    create(&scratch.volume, "Dir", NodeKind::Directory);
    let file = create(&scratch.volume, "Dir/Ünïcode.txt", NodeKind::File).file;
    file.0.write(0, b"hello").unwrap();
    file.0.flush().unwrap();
    assert_eq!(fs::read(scratch.disk("Dir/Ünïcode.txt")).unwrap(), b"hello");
    let metadata = fs::metadata(scratch.disk("Dir/Ünïcode.txt")).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    assert_eq!(xattr(&scratch.disk("Dir/Ünïcode.txt")).unwrap().len(), 48);
}

#[test]
fn a_volume_is_opened_once_and_refused_when_it_cannot_be_read() {
    let scratch = Scratch::new();
    let options = || PosixOptions::new("test", descriptor(1));
    let again = PosixVolume::open(scratch.directory.path(), options());
    assert!(matches!(again, Err(OpenVolumeError::InUse)));
    let Scratch { volume, directory } = scratch;
    drop(volume);
    let file = directory.path().join(".freehold/volume");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("\"version\": 1", "\"version\": 9, \"new\": true")).unwrap();
    let newer = PosixVolume::open(directory.path(), options());
    assert!(matches!(newer, Err(OpenVolumeError::Newer { found: 9, known: 1 })));
    fs::write(&file, "rubbish").unwrap();
    assert!(matches!(PosixVolume::open(directory.path(), options()), Err(OpenVolumeError::Damaged { .. })));
    fs::write(&file, good).unwrap();
    assert!(PosixVolume::open(directory.path(), options()).is_ok());
    let missing = PosixVolume::open(&directory.path().join("missing"), options());
    assert!(matches!(missing, Err(OpenVolumeError::Root { .. })));
    let no_xattrs = PosixVolume::open(Path::new("/proc/self"), options());
    assert!(no_xattrs.is_err());
}

#[test]
fn what_was_left_in_tmp_is_removed() {
    let scratch = Scratch::new();
    fs::write(scratch.disk(".freehold/tmp/0"), b"half").unwrap();
    fs::create_dir(scratch.disk(".freehold/tmp/dir")).unwrap();
    fs::write(scratch.disk(".freehold/tmp/dir/x"), b"half").unwrap();
    let scratch = scratch.restarted();
    assert_eq!(fs::read_dir(scratch.disk(".freehold/tmp")).unwrap().count(), 0);
}

#[test]
fn threads_change_one_folder_together() {
    let scratch = Scratch::new();
    create(&scratch.volume, "d", NodeKind::Directory);
    create(&scratch.volume, "e", NodeKind::Directory);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let volume = &scratch.volume;
            scope.spawn(move || {
                for round in 0..100 {
                    let name = format!("d/{thread}-{round}");
                    let file = create(volume, &name, NodeKind::File).file;
                    file.0.set_extended_attributes(&[ea("A", b"1")], NOW).unwrap();
                    let to = path(&format!("e/{thread}-{round}"));
                    volume.rename(&file, &to, Existing::Keep, NOW).unwrap();
                    assert_eq!(file.0.path(), to);
                    let again = opened(volume, &format!("E/{thread}-{round}"));
                    assert_eq!(again.file.0.path(), to);
                    if round % 2 == 0 {
                        volume.unlink(&again.file).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(list(&opened(&scratch.volume, "e").file).len(), 200);
    assert_eq!(list(&opened(&scratch.volume, "d").file).len(), 0);
    assert_eq!(scratch.volume.inner.links.len(), 0);
}

#[test]
fn one_name_is_made_once_by_many_threads_in_any_case() {
    let scratch = Scratch::new();
    for round in 0..20 {
        let made: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let volume = &scratch.volume;
                    scope.spawn(move || {
                        let name = format!("name{round}");
                        let name = if thread % 2 == 0 { name.to_uppercase() } else { name };
                        let root = opened(volume, "").file;
                        let name = Wtf8Buf::from(name.as_str());
                        usize::from(volume.create(&root, name.as_wtf8(), &new_node(NodeKind::File)).is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(made, 1);
    }
    assert_eq!(list(&opened(&scratch.volume, "").file).len(), 20);
}

#[test]
fn a_deep_path_is_walked() {
    let scratch = Scratch::new();
    let mut at = opened(&scratch.volume, "").file;
    let name = "n".repeat(200);
    let mut full = String::new();
    for _ in 0..30 {
        at = scratch.volume.create(&at, name.as_str().into(), &new_node(NodeKind::Directory)).unwrap().file;
        full = if full.is_empty() { name.clone() } else { format!("{full}/{name}") };
    }
    assert!(full.len() > 4096);
    let found = opened(&scratch.volume, &full);
    assert_eq!(found.file.0.id(), at.0.id());
    let upper = opened(&scratch.volume, &full.to_uppercase());
    assert_eq!(upper.path, path(&full));
    let file = create(&scratch.volume, &format!("{full}/f"), NodeKind::File).file;
    file.0.flush().unwrap();
    scratch.volume.rename(&file, &path(&format!("{full}/g")), Existing::Keep, NOW).unwrap();
    scratch.volume.unlink(&file).unwrap();
}

/// Runs this test again on a file system of 4 MiB, mounted in a user namespace of its own.
fn on_a_small_disk(test: &str, inner: impl FnOnce(&Path)) {
    const VARIABLE: &str = "FREEHOLD_TEST_SMALL_DISK";
    if let Some(mounted) = std::env::var_os(VARIABLE) {
        return inner(Path::new(&mounted));
    }
    let directory = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=4m tmpfs {0} || exit 77; exec \"$0\" --exact {1}",
        directory.path().display(),
        test
    );
    let status = std::process::Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", &mount])
        .arg(std::env::current_exe().unwrap())
        .env(VARIABLE, directory.path())
        .stdout(std::process::Stdio::null())
        .status();
    match status {
        Ok(status) if status.code() == Some(101) => panic!("failed on the small disk"),
        Ok(status) if status.success() => {}
        other => panic!(
            "no small file system can be mounted here ({other:?}): unshare(1) must be installed and unprivileged \
             user namespaces allowed (sysctl kernel.unprivileged_userns_clone=1), or the test be run as root"
        ),
    }
}

#[test]
fn a_full_disk_leaves_the_old_content_intact() {
    on_a_small_disk("vfs::posix::tests::a_full_disk_leaves_the_old_content_intact", |disk| {
        let volume = PosixVolume::open(disk, PosixOptions::new("test", descriptor(1)))
            .expect("tmpfs keeps user attributes since Linux 6.6");
        let file = create(&volume, "f", NodeKind::File).file;
        file.0.write(0, &vec![7; 1 << 20]).unwrap();
        let before = volume.space().unwrap();
        assert_eq!(file.0.write(1 << 19, &vec![8; 8 << 20]), Err(VfsError::DiskFull));
        assert_eq!(file.0.metadata().unwrap().size_bytes, 1 << 20);
        assert_eq!(volume.space().unwrap(), before, "what was written beyond the end is given back");
        let mut first_half = vec![0; 1 << 19];
        assert_eq!(file.0.read(0, &mut first_half, Wait::Allowed), Ok(1 << 19));
        assert!(first_half.iter().all(|byte| *byte == 7));
        assert_eq!(file.0.allocate(64 << 20), Err(VfsError::DiskFull));
        let source = create(&volume, "source", NodeKind::File).file;
        source.0.write(0, &vec![9; 1 << 20]).unwrap();
        source.0.set_size(8 << 20).unwrap();
        let filler = create(&volume, "filler", NodeKind::File).file;
        let mut at = 0;
        while filler.0.write(at, &[1; 4096]).is_ok() {
            at += 4096;
        }
        assert_eq!(filler.0.metadata().unwrap().size_bytes, at);
        assert_eq!(file.0.copy_range(&source, 0, 1 << 20, 1 << 20), Err(VfsError::DiskFull));
        assert_eq!(file.0.metadata().unwrap().size_bytes, 1 << 20);
        let mut big = new_node(NodeKind::File);
        big.allocation_bytes = 1 << 20;
        let root = opened(&volume, "").file;
        assert_eq!(volume.create(&root, "g".into(), &big).unwrap_err(), VfsError::DiskFull);
        assert!(matches!(open(&volume, "g"), Err(OpenError::NotFound(_))), "all of it or nothing");
        let eas = [ea("BIG", &[1; 60_000])];
        assert_eq!(file.0.set_extended_attributes(&eas, NOW), Err(VfsError::DiskFull));
        assert_eq!(file.0.extended_attributes().unwrap(), []);
        volume.unlink(&filler).unwrap();
        drop(filler);
        file.0.set_extended_attributes(&eas, NOW).unwrap();
        file.0.write(1 << 20, &[1; 4096]).unwrap();
    });
}

#[test]
fn a_coarse_clock_hides_no_change_for_long() {
    let directory = tempfile::tempdir().unwrap();
    let options = PosixOptions::new("test", descriptor(1));
    let volume = PosixVolume::open_as(directory.path(), options, Some(false)).unwrap();
    // What a coarse clock does: the folder and the file change, and their change times do not.
    let stat = sys::stat(&volume.inner.root).unwrap();
    let root = opened(&volume, "").file;
    let file = create(&volume, "f", NodeKind::File).file;
    assert_eq!(list(&root), ["f"]);
    let slot = volume.inner.indexes.of(stat.key);
    let mut names = vec!["f".to_owned()];
    // A thread that is set aside for long enough sees the change at once: then there is another.
    let hidden = (0..100).any(|number| {
        let before = names.clone();
        names.push(format!("g{number:02}"));
        fs::write(directory.path().join(&names[names.len() - 1]), b"").unwrap();
        volume.inner.indexes.restamp(slot.lock().as_mut().unwrap(), volume.inner.root.as_fd());
        list(&root) == before
    });
    assert!(hidden);
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_eq!(list(&root), names);
    let builds = volume.index_counters().builds;
    assert_eq!(list(&root), names);
    assert_eq!(volume.index_counters().builds, builds, "and then believed");
    assert_eq!(file.0.metadata().unwrap().attributes, FileAttributes::ARCHIVE);
}

#[test]
fn a_killed_server_leaves_whole_files() {
    const VARIABLE: &str = "FREEHOLD_TEST_KILLED";
    if let Some(directory) = std::env::var_os(VARIABLE) {
        // The one that is killed: each file that it tells of was flushed.
        let volume = volume(Path::new(&directory));
        for number in 0.. {
            let name = format!("f{number}");
            let mut new = new_node(NodeKind::File);
            new.extended_attributes = vec![ea("BIG", &[1; 5000])];
            let root = opened(&volume, "").file;
            let file = volume.create(&root, name.as_str().into(), &new).unwrap().file;
            volume.create_stream(&file, "s".into(), NOW).unwrap().file.0.write(0, name.as_bytes()).unwrap();
            file.0.write(0, name.as_bytes()).unwrap();
            file.0.set_security(descriptor(number % 7), NOW).unwrap();
            volume.rename(&file, &path(&format!("done{number}")), Existing::Keep, NOW).unwrap();
            file.0.flush().unwrap();
            fs::write(Path::new(&directory).join("../told"), number.to_string()).unwrap();
        }
    }
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("volume");
    fs::create_dir(&directory).unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vfs::posix::tests::a_killed_server_leaves_whole_files"])
        .env(VARIABLE, &directory)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let told =
        || fs::read_to_string(outer.path().join("told")).ok().and_then(|text| text.parse::<u32>().ok());
    let mut before = None;
    for _ in 0..600 {
        before = told().or(before);
        if before.is_some_and(|number| number >= 10) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Killed while it told, it has left nothing to be read: what was told before holds.
    let told = told().max(before).expect("some files were told of");
    let volume = volume(&directory);
    for number in 0..=told {
        let found = opened(&volume, &format!("DONE{number}"));
        assert_eq!(contents(&found.file), format!("f{number}").as_bytes());
        assert_eq!(found.security, descriptor(number % 7));
        assert_eq!(found.file.0.extended_attributes().unwrap(), [ea("BIG", &[1; 5000])]);
        let stream = volume.open(&path(&format!("done{number}")), Some("s".into()), DataUse::READ);
        assert_eq!(contents(&stream.unwrap().file), format!("f{number}").as_bytes());
    }
    // Whatever it was doing: everything that is there can be opened, changed and removed.
    let root = opened(&volume, "").file;
    for name in list(&root) {
        let file = opened(&volume, &name).file;
        file.0.extended_attributes().unwrap();
        file.0.streams().unwrap();
        volume.unlink(&file).unwrap();
    }
    assert!(root.0.is_empty().unwrap());
    assert_eq!(fs::read_dir(directory.join(".freehold/tmp")).unwrap().count(), 0);
}
