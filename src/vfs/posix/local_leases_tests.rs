//! Tests of leases behind what clients cache. The program is another open file description of this process, opened with
//! O_NONBLOCK: the kernel says that it would have to wait.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::*;
use crate::vfs::conformance::{create, descriptor, opened};
use crate::vfs::{NodeKind, Wait};

fn backing(directory: &Path) -> PosixVolume {
    // SAFETY: no handler is installed; the signal, which would end this process, is ignored.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    let mut options = PosixOptions::new("test", descriptor(0x1F01FF));
    options.volume.local_programs = LocalPrograms::Leases;
    PosixVolume::open(directory, options).expect("a volume")
}

/// What a program gets that does not wait; `None` when it would have to.
fn program(path: &Path, write: bool) -> Option<File> {
    match OpenOptions::new().read(true).write(write).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_file_that_is_cached_is_not_opened_by_a_program() {
    let directory = tempfile::tempdir().unwrap();
    let volume = backing(directory.path());
    let made = create(&volume, "f", NodeKind::File);
    let (id, path) = (made.metadata.id, directory.path().join("f"));
    assert_eq!(made.file.0.open_data(true, true), Ok(true));
    assert_eq!(volume.broken_leases(), []);
    for write in [false, true] {
        assert!(program(&path, write).is_none());
        assert_eq!(volume.broken_leases(), [id]);
        // Nothing new is cached while it is being broken, and what is there can be used.
        assert_eq!(opened(&volume, "f").file.0.open_data(false, true), Ok(false));
        made.file.0.write(0, b"cached").unwrap();
        volume.release_lease(id);
        assert_eq!(volume.broken_leases(), []);
        let there = program(&path, write).expect("the file");
        // Nor while the program has it open; opens without a cache are let in.
        assert_eq!(made.file.0.open_data(true, true), Ok(false));
        assert_eq!(made.file.0.open_data(true, false), Ok(true));
        drop(there);
        assert_eq!(made.file.0.open_data(true, true), Ok(true), "once it is closed");
    }
    drop(made);
    assert!(program(&path, true).is_some(), "the lease ends with the last handle");
}

#[test]
fn handles_of_a_file_do_not_stand_in_each_others_way() {
    let directory = tempfile::tempdir().unwrap();
    let volume = backing(directory.path());
    drop(create(&volume, "f", NodeKind::File));
    let path = directory.path().join("f");
    let one = opened(&volume, "f");
    assert_eq!(one.file.0.open_data(false, true), Ok(true));
    // Opened after the lease was taken, for reading and for writing, at once or when it is used.
    let others = [(); 3].map(|()| opened(&volume, "f").file);
    assert_eq!(others[0].0.open_data(true, true), Ok(true));
    others[1].0.write(0, b"data").unwrap();
    let mut bytes = [0; 4];
    assert_eq!(others[2].0.read(0, &mut bytes, Wait::Allowed), Ok(4));
    assert_eq!(one.file.0.read(0, &mut bytes, Wait::Allowed), Ok(4));
    assert_eq!(volume.broken_leases(), []);
    // The first handle goes: the lease is the file's.
    let id = one.metadata.id;
    drop(one);
    assert!(program(&path, false).is_none());
    assert_eq!(volume.broken_leases(), [id]);
    volume.release_lease(id);
    assert!(program(&path, false).is_some());
}

#[test]
fn what_is_released_twice_or_not_broken_is_no_matter() {
    let directory = tempfile::tempdir().unwrap();
    let volume = backing(directory.path());
    let made = create(&volume, "f", NodeKind::File);
    volume.release_lease(made.metadata.id);
    assert_eq!(made.file.0.open_data(true, true), Ok(true));
    volume.release_lease(made.metadata.id);
    volume.release_lease(made.metadata.id);
    assert!(program(&directory.path().join("f"), true).is_some());
}

#[test]
fn without_leases_a_program_opens_what_it_likes() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = PosixOptions::new("test", descriptor(0x1F01FF));
    options.volume.local_programs = LocalPrograms::Locks;
    let volume = PosixVolume::open(directory.path(), options).unwrap();
    let made = create(&volume, "f", NodeKind::File);
    assert_eq!(made.file.0.open_data(true, true), Ok(true));
    assert!(program(&directory.path().join("f"), true).is_some());
    assert_eq!(volume.broken_leases(), []);
}
