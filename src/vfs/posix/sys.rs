//! System calls as the rest of `posix` uses them. The only place with `unsafe`.
//!
//! # The life of a [`Descriptor`]
//! `Path` (opened with O_PATH: no side effect on any kind of file) -> `Read` -> `Write`. It is upgraded when its data
//! is first used: the file behind it is opened again through `/proc/self/fd` and takes the place of the old
//! description under the same number (dup3), so that there is one descriptor per handle, and one that was lent out stays
//! good.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use freehold_dtyp::FileTime;
use parking_lot::Mutex;
use rustix::fs::{AtFlags, IFlags, Mode, OFlags, ResolveFlags, Statx, StatxFlags, StatxTimestamp};
use rustix::io::Errno;

/// No path leaves the directory it starts in, by `..`, symbolic links or mounts.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// Names an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeKey {
    /// Device (subvolumes of btrfs have their own).
    pub(super) dev: u64,
    /// Inode number.
    pub(super) ino: u64,
}

/// A time of the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
}

impl Time {
    pub(super) fn file_time(self) -> FileTime {
        FileTime::from_unix(self.seconds, self.nanoseconds)
    }

    fn from_kernel(time: StatxTimestamp) -> Self {
        Time { seconds: time.tv_sec, nanoseconds: time.tv_nsec }
    }
}

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InodeKind {
    File,
    Directory,
    Symlink,
    /// Pipe, socket, device: the type in the mode, and the device's number.
    Special(u32, u32, u32),
}

/// What the kernel tells of an inode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub(super) key: NodeKey,
    pub(super) kind: InodeKind,
    pub(super) links: u32,
    pub(super) size_bytes: u64,
    pub(super) sectors: u64,
    pub(super) accessed: Time,
    pub(super) modified: Time,
    pub(super) changed: Time,
    pub(super) born: Option<Time>,
    /// The file system compresses it; of a directory, what is made in it.
    pub(super) compressed: bool,
}

/// Type bits of a mode.
const S_IFMT: u32 = 0o170_000;
pub(super) const S_IFIFO: u32 = 0o010_000;
pub(super) const S_IFCHR: u32 = 0o020_000;
const S_IFDIR: u32 = 0o040_000;
pub(super) const S_IFBLK: u32 = 0o060_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// STATX_ATTR_COMPRESSED.
const COMPRESSED: u64 = 4;

impl Stat {
    #[inline]
    fn from_kernel(stat: &Statx) -> Self {
        let kind = match u32::from(stat.stx_mode) & S_IFMT {
            S_IFREG => InodeKind::File,
            S_IFDIR => InodeKind::Directory,
            S_IFLNK => InodeKind::Symlink,
            other => InodeKind::Special(other, stat.stx_rdev_major, stat.stx_rdev_minor),
        };
        let born = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        Stat {
            key: NodeKey {
                dev: u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor),
                ino: stat.stx_ino,
            },
            kind,
            links: stat.stx_nlink,
            size_bytes: stat.stx_size,
            sectors: stat.stx_blocks,
            accessed: Time::from_kernel(stat.stx_atime),
            modified: Time::from_kernel(stat.stx_mtime),
            changed: Time::from_kernel(stat.stx_ctime),
            born: born.then(|| Time::from_kernel(stat.stx_btime)),
            compressed: stat.stx_attributes.bits() & COMPRESSED != 0,
        }
    }

    /// True when both are of one file: the number of one that is gone is soon given to a new one.
    pub(super) fn is_same_file(&self, other: &Stat) -> bool {
        self.key == other.key && self.born == other.born
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == InodeKind::Directory
    }
}

fn wanted() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME
}

/// Of an open descriptor.
#[inline]
pub(super) fn stat(fd: impl AsFd) -> Result<Stat, Errno> {
    rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, wanted()).map(|stat| Stat::from_kernel(&stat))
}

/// Of an entry of a directory, itself when it is a symbolic link.
#[inline]
pub(super) fn stat_at(directory: impl AsFd, name: impl rustix::path::Arg) -> Result<Stat, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    rustix::fs::statx(directory, name, flags, wanted()).map(|stat| Stat::from_kernel(&stat))
}

/// Opens what is at `path` below `directory` without any side effect, the last component itself when it is a symbolic
/// link.
#[inline]
pub(super) fn open_path(directory: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    open_beneath(directory, path, OFlags::PATH | OFlags::NOFOLLOW)
}

/// Opens a directory below `directory` for use as the start of other calls.
#[inline]
pub(super) fn open_directory(directory: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    open_beneath(directory, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY)
}

/// Opens a directory below `directory` for reading its entries and for fsync.
pub(super) fn open_for_listing(directory: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    open_beneath(directory, path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY)
}

fn open_beneath(directory: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let directory = directory.as_fd();
    loop {
        match rustix::fs::openat2(directory, path, flags | OFlags::CLOEXEC, Mode::empty(), RESOLVE) {
            // A rename or mount somewhere raced with the walk.
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Makes a file that must not exist.
pub(super) fn create_file(directory: impl AsFd, name: &[u8], mode: Mode) -> Result<OwnedFd, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, mode)
}

/// Calls `visit` for every entry but `.` and `..`, until it returns false.
pub(super) fn read_directory(
    directory: impl AsFd,
    mut visit: impl FnMut(&[u8]) -> bool,
) -> Result<(), Errno> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut entries = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") && !visit(name) {
            break;
        }
    }
    Ok(())
}

/// How far a [`Descriptor`] has been opened.
const PATH: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

/// One descriptor that becomes readable and writable when it needs to be.
#[derive(Debug)]
pub(super) struct Descriptor {
    fd: OwnedFd,
    state: AtomicU8,
    upgrade: Mutex<()>,
}

impl Descriptor {
    /// From one opened with O_PATH.
    pub(super) fn from_path(fd: OwnedFd) -> Self {
        Descriptor { fd, state: AtomicU8::new(PATH), upgrade: Mutex::new(()) }
    }

    /// From one opened for reading and writing.
    pub(super) fn from_writable(fd: OwnedFd) -> Self {
        Descriptor { fd, state: AtomicU8::new(WRITE), upgrade: Mutex::new(()) }
    }

    /// Another one of the same file.
    pub(super) fn duplicate(&self) -> Result<Self, Errno> {
        // Read first: a state seen too low costs one more upgrade, and it never falls.
        let state = self.state.load(Ordering::Acquire);
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)?;
        Ok(Descriptor { fd, state: AtomicU8::new(state), upgrade: Mutex::new(()) })
    }

    /// For calls that need no more than a place: stat, utimensat, the start of another path.
    #[inline]
    pub(super) fn place(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// True when fgetxattr and fsetxattr work on it.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) != PATH
    }

    /// For reading; `likely_written` opens it for writing at once where that is allowed. `proc` is `/proc/self/fd`.
    #[inline]
    pub(super) fn readable(
        &self,
        proc: &OwnedFd,
        kind: InodeKind,
        likely_written: bool,
    ) -> Result<BorrowedFd<'_>, Errno> {
        if self.state.load(Ordering::Acquire) >= READ {
            return Ok(self.fd.as_fd());
        }
        if likely_written && kind == InodeKind::File {
            match self.reopen(proc, WRITE) {
                Err(Errno::ROFS | Errno::ACCESS | Errno::PERM | Errno::TXTBSY) => {}
                other => return other,
            }
        }
        if matches!(kind, InodeKind::File | InodeKind::Directory) {
            return self.reopen(proc, READ);
        }
        Err(Errno::OPNOTSUPP)
    }

    /// For writing.
    #[inline]
    pub(super) fn writable(&self, proc: &OwnedFd, kind: InodeKind) -> Result<BorrowedFd<'_>, Errno> {
        if self.state.load(Ordering::Acquire) >= WRITE {
            return Ok(self.fd.as_fd());
        }
        match kind {
            InodeKind::File => self.reopen(proc, WRITE),
            InodeKind::Directory => Err(Errno::ISDIR),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    #[cold]
    fn reopen(&self, proc: &OwnedFd, state: u8) -> Result<BorrowedFd<'_>, Errno> {
        let _one_at_a_time = self.upgrade.lock();
        if self.state.load(Ordering::Acquire) >= state {
            return Ok(self.fd.as_fd());
        }
        let access = if state == WRITE { OFlags::RDWR } else { OFlags::RDONLY };
        // Known to be a file or a directory, so opening it has no side effect.
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let number = rustix::path::DecInt::from_fd(self.fd.as_fd());
        let opened = rustix::fs::openat(proc, number.as_c_str(), flags, Mode::empty())?;
        self.replace(&opened)?;
        self.state.store(state, Ordering::Release);
        Ok(self.fd.as_fd())
    }

    /// Leads to the file of `other`, which is open for writing, from now on.
    pub(super) fn become_same_as(&self, other: &Descriptor) -> Result<(), Errno> {
        let _one_at_a_time = self.upgrade.lock();
        self.replace(&other.fd)?;
        self.state.store(other.state.load(Ordering::Acquire), Ordering::Release);
        Ok(())
    }

    /// Leads to the same open file description as `place` from now on, which is open for reading and, with `writable`, for
    /// writing.
    pub(super) fn adopt(&self, place: &OwnedFd, writable: bool) -> Result<(), Errno> {
        let _one_at_a_time = self.upgrade.lock();
        self.replace(place)?;
        self.state.store(if writable { WRITE } else { READ }, Ordering::Release);
        Ok(())
    }

    fn replace(&self, opened: &OwnedFd) -> Result<(), Errno> {
        // SAFETY: both numbers belong to live descriptors that this function borrows; dup3 replaces the description behind
        // `self.fd` in one step, and `self.fd` goes on to own the number.
        let result = unsafe { libc::dup3(opened.as_raw_fd(), self.fd.as_raw_fd(), libc::O_CLOEXEC) };
        if result < 0 {
            return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
        }
        Ok(())
    }
}

/// `/proc/self/fd/N`, or an entry of the directory N, as bytes with a zero at the end.
pub(super) struct ProcPath {
    bytes: [u8; 320],
    length: usize,
}

impl ProcPath {
    /// Of a descriptor, and below it `name` unless empty.
    pub(super) fn new(fd: BorrowedFd<'_>, name: &[u8]) -> Result<Self, Errno> {
        let number = rustix::path::DecInt::from_fd(fd);
        let mut path = ProcPath { bytes: [0; 320], length: 0 };
        let separator: &[u8] = if name.is_empty() { b"" } else { b"/" };
        for part in [b"/proc/self/fd/", number.as_bytes(), separator, name] {
            let end = path.length + part.len();
            path.bytes.get_mut(path.length..end).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(part);
            path.length = end;
        }
        Ok(path)
    }

    /// Without the zero.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// BTRFS_SUPER_MAGIC: other file systems keep the flag and compress nothing.
const BTRFS_MAGIC: u64 = 0x9123_683E;

/// True where the file system compresses files that are marked so.
pub(super) fn compresses(fd: impl AsFd) -> bool {
    rustix::fs::fstatfs(fd).is_ok_and(|disk| u64::try_from(disk.f_type).is_ok_and(|kind| kind == BTRFS_MAGIC))
}

/// Marks a file or directory for compression, or takes the mark away.
pub(super) fn set_compressed(fd: impl AsFd, compressed: bool) -> Result<(), Errno> {
    let fd = fd.as_fd();
    let mut flags = rustix::fs::ioctl_getflags(fd)?;
    flags.set(IFlags::COMPRESSED, compressed);
    rustix::fs::ioctl_setflags(fd, flags)
}

/// Shares `length_bytes` (0: up to the end) of `source` with `target`.
pub(super) fn clone_range(
    target: BorrowedFd<'_>,
    source: BorrowedFd<'_>,
    source_offset: u64,
    offset: u64,
    length_bytes: u64,
) -> Result<(), Errno> {
    let range = libc::file_clone_range {
        src_fd: i64::from(source.as_raw_fd()),
        src_offset: source_offset,
        src_length: length_bytes,
        dest_offset: offset,
    };
    // SAFETY: FICLONERANGE reads one file_clone_range, which lives until the call returns; both descriptors are borrowed.
    let result = unsafe { libc::ioctl(target.as_raw_fd(), libc::FICLONERANGE, &raw const range) };
    if result < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(())
}

/// F_SETLEASE and F_GETLEASE of fcntl(2).
fn lease(fd: BorrowedFd<'_>, command: libc::c_int, kind: libc::c_int) -> Result<libc::c_int, Errno> {
    // SAFETY: both commands take a number and touch no memory; the descriptor is borrowed.
    let result = unsafe { libc::fcntl(fd.as_raw_fd(), command, kind) };
    if result < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(result)
}

/// Takes a lease on a file that nobody else on this machine has open: whoever opens or truncates it waits, and this process
/// gets SIGIO, which by default would end it.
pub(super) fn take_write_lease(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    lease(fd, libc::F_SETLEASE, libc::F_WRLCK).map(|_| ())
}

/// True while there is such a lease, and nobody waits for it to go.
pub(super) fn has_write_lease(fd: BorrowedFd<'_>) -> bool {
    lease(fd, libc::F_GETLEASE, 0) == Ok(libc::F_WRLCK)
}

/// Gives it back.
pub(super) fn give_up_lease(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    lease(fd, libc::F_SETLEASE, libc::F_UNLCK).map(|_| ())
}
