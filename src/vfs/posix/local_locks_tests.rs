//! Tests of byte-range locks that are shared with programs of this machine. Such a program is another open file
//! description of this process: to the kernel its locks are somebody else's as well.

use std::fs::{self, File};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use super::*;
use crate::vfs::conformance::{create, descriptor, open, opened};
use crate::vfs::local::LocalLock;
use crate::vfs::{NodeKind, Wait};

const HIGHEST: u64 = i64::MAX as u64;

fn sharing(directory: &Path) -> PosixVolume {
    let mut options = PosixOptions::new("test", descriptor(0x1F01FF));
    options.volume.local_programs = LocalPrograms::Locks;
    PosixVolume::open(directory, options).expect("a volume")
}

fn lock(offset: u64, length_bytes: u64, exclusive: bool) -> LocalLock {
    LocalLock { offset, length_bytes, exclusive }
}

/// A program that has the file open.
struct Program(File);

impl Program {
    fn of(path: &Path) -> Self {
        Program(fs::OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    fn set(&self, kind: libc::c_int, start: i64, length: i64) -> bool {
        let lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: 0,
            l_start: start,
            l_len: length,
            l_pid: 0,
        };
        match fcntl(&self.0, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => true,
            Err(Errno::EAGAIN) => false,
            Err(errno) => panic!("{errno}"),
        }
    }

    /// Bytes 0 to 39 as a map: `x` where nobody else may lock, `s` where others may share, `.` where nothing is.
    fn sees(&self) -> String {
        (0..40)
            .map(|byte| {
                let exclusive = self.set(libc::F_WRLCK, byte, 1);
                let shared = exclusive || self.set(libc::F_RDLCK, byte, 1);
                assert!(self.set(libc::F_UNLCK, byte, 1));
                match (exclusive, shared) {
                    (true, _) => '.',
                    (false, true) => 's',
                    (false, false) => 'x',
                }
            })
            .collect()
    }
}

#[test]
fn locks_of_clients_are_seen_by_programs() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    let (one, other) = (create(&volume, "f", NodeKind::File).file, opened(&volume, "f").file);
    let program = Program::of(&directory.path().join("f"));
    one.0.lock_local(&[lock(0, 10, true), lock(20, 5, false)]).unwrap();
    // Of the same open, shared over exclusive; and another client's beside it.
    one.0.lock_local(&[lock(5, 10, false)]).unwrap();
    other.0.lock_local(&[lock(12, 10, false)]).unwrap();
    assert_eq!(program.sees(), "xxxxxxxxxxsssssssssssssss...............");
    one.0.unlock_local(&[lock(0, 10, false)]);
    assert_eq!(program.sees(), ".....ssssssssssssssssssss...............");
    // Not the range of any lock.
    one.0.unlock_local(&[lock(5, 9, false)]);
    other.0.unlock_local(&[lock(5, 10, false)]);
    assert_eq!(program.sees(), ".....ssssssssssssssssssss...............");
    drop(one);
    assert_eq!(program.sees(), "............ssssssssss..................");
    drop(other);
    assert_eq!(program.sees(), ".".repeat(40));
}

#[test]
fn two_locks_of_one_range_are_given_up_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    let file = create(&volume, "f", NodeKind::File).file;
    let program = Program::of(&directory.path().join("f"));
    file.0.lock_local(&[lock(0, 2, false), lock(0, 2, false), lock(0, 2, true)]).unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(program.sees()[..3].to_owned());
        file.0.unlock_local(&[lock(0, 2, false)]);
    }
    assert_eq!(seen, ["xx.", "ss.", "ss."]);
    assert_eq!(program.sees(), ".".repeat(40));
}

#[test]
fn locks_of_programs_hold_for_clients() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    let file = create(&volume, "f", NodeKind::File).file;
    file.0.write(0, &[7; 40]).unwrap();
    let program = Program::of(&directory.path().join("f"));
    assert!(program.set(libc::F_WRLCK, 10, 10) && program.set(libc::F_RDLCK, 30, 5));

    // All or none.
    assert_eq!(file.0.lock_local(&[lock(0, 5, true), lock(15, 10, false)]), Err(VfsError::RangeLocked));
    assert_eq!(Program::of(&directory.path().join("f")).sees(), "..........xxxxxxxxxx..........sssss.....");
    assert_eq!(file.0.lock_local(&[lock(30, 1, true)]), Err(VfsError::RangeLocked));
    file.0.lock_local(&[lock(0, 5, true), lock(30, 1, false)]).unwrap();

    let mut bytes = [0; 5];
    for wait in [Wait::Never, Wait::Allowed] {
        assert_eq!(file.0.read(8, &mut bytes, wait), Err(VfsError::RangeLocked));
        assert_eq!(file.0.read(30, &mut bytes, wait), Ok(5));
        // Its own lock does not keep it out.
        assert_eq!(file.0.read(0, &mut bytes, wait), Ok(5));
    }
    assert_eq!(file.0.write(19, b"x"), Err(VfsError::RangeLocked));
    assert_eq!(file.0.write(34, b"x"), Err(VfsError::RangeLocked));
    assert_eq!(file.0.punch_hole(5, 6), Err(VfsError::RangeLocked));
    assert_eq!(file.0.copy_range(&file, 12, 35, 2), Err(VfsError::RangeLocked));
    assert_eq!(file.0.copy_range(&file, 0, 32, 2), Err(VfsError::RangeLocked));
    assert_eq!(file.0.write(20, b"x"), Ok(None));
    assert!(file.0.as_fd().is_none(), "nothing is sent without a look at locks");
    drop(program);
    assert_eq!(file.0.read(8, &mut bytes, Wait::Allowed), Ok(5));
    assert_eq!(file.0.write(34, b"x"), Ok(None));
}

#[test]
fn a_lock_that_is_refused_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    let file = create(&volume, "f", NodeKind::File).file;
    file.0.lock_local(&[lock(0, 10, false)]).unwrap();
    let program = Program::of(&directory.path().join("f"));
    assert!(program.set(libc::F_RDLCK, 5, 1));
    // Would make bytes 0 to 4 exclusive before it finds out.
    assert_eq!(file.0.lock_local(&[lock(0, 10, true)]), Err(VfsError::RangeLocked));
    assert!(program.set(libc::F_UNLCK, 5, 1));
    assert_eq!(program.sees(), format!("{}{}", "s".repeat(10), ".".repeat(30)));
}

#[test]
fn ranges_at_the_end_of_all_offsets() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    let file = create(&volume, "f", NodeKind::File).file;
    let program = Program::of(&directory.path().join("f"));
    // Without a local form: nothing is taken, nothing is refused.
    let formless = [lock(0, 0, true), lock(HIGHEST + 1, 5, true), lock(u64::MAX, 1, true)];
    assert!(program.set(libc::F_WRLCK, 0, 0));
    file.0.lock_local(&formless).unwrap();
    file.0.unlock_local(&formless);
    assert!(program.set(libc::F_UNLCK, 0, 0));
    file.0.lock_local(&[lock(HIGHEST - 1, u64::MAX - HIGHEST, true)]).unwrap();
    assert!(!program.set(libc::F_RDLCK, i64::MAX, 1));
    assert!(program.set(libc::F_WRLCK, 0, i64::MAX - 1));
    file.0.unlock_local(&[lock(HIGHEST - 1, u64::MAX - HIGHEST, true)]);
    assert!(program.set(libc::F_RDLCK, i64::MAX, 1));
}

#[test]
fn a_file_that_may_only_be_read_is_kept_from_writers() {
    if rustix::process::geteuid().is_root() {
        return read_only_as_another_user();
    }
    let directory = tempfile::tempdir().unwrap();
    check_read_only(directory.path());
}

/// Root may write what it likes: the same as somebody else, in a process of its own.
fn read_only_as_another_user() {
    let me = std::env::current_exe().unwrap();
    let name = "vfs::posix::local_locks_tests::a_file_that_may_only_be_read_is_kept_from_writers";
    let mut command = std::process::Command::new(me);
    std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let done = command.args(["--exact", name]).env("TMPDIR", folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

fn check_read_only(directory: &Path) {
    let volume = sharing(directory);
    drop(create(&volume, "f", NodeKind::File));
    let path = directory.join("f");
    let program = Program::of(&path);
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let file = opened(&volume, "f").file;
    file.0.lock_local(&[lock(0, 4, true)]).unwrap();
    assert!(program.sees().starts_with("ssss...."));
}

#[test]
fn without_the_option_nothing_is_shared() {
    let directory = tempfile::tempdir().unwrap();
    let volume =
        PosixVolume::open(directory.path(), PosixOptions::new("test", descriptor(0x1F01FF))).unwrap();
    let file = create(&volume, "f", NodeKind::File).file;
    file.0.write(0, &[1; 10]).unwrap();
    let program = Program::of(&directory.path().join("f"));
    assert!(program.set(libc::F_WRLCK, 0, 5));
    file.0.lock_local(&[lock(0, 10, true)]).unwrap();
    assert_eq!(file.0.read(0, &mut [0; 5], Wait::Allowed), Ok(5));
    assert!(program.set(libc::F_WRLCK, 5, 5));
}

#[test]
fn data_is_opened_with_the_file_where_programs_are_minded() {
    let directory = tempfile::tempdir().unwrap();
    let volume = sharing(directory.path());
    drop(create(&volume, "f", NodeKind::File));
    let program = Program::of(&directory.path().join("f"));
    // The kernel tells the holder by SIGIO, which would end this process.
    // SAFETY: no handler is installed; the signal is ignored.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    // SAFETY: the descriptor lives until the end of this test; F_SETLEASE takes a number and touches no memory.
    let leased =
        unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&program.0), libc::F_SETLEASE, libc::F_WRLCK) };
    assert_eq!(leased, 0, "{}", std::io::Error::last_os_error());
    let found = open(&volume, "f").unwrap().file;
    assert_eq!(found.0.open_data(false, false), Err(VfsError::WouldBlock));
    drop(program);
    assert_eq!(found.0.open_data(true, true), Ok(true));
}
