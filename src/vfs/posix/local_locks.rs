//! Byte-range locks that clients and programs of this machine share (docs/decisions/0034): what clients lock is locked
//! with the kernel as well, and what programs have locked is looked for before data is touched.
//!
//! To the kernel all clients of a file are one owner: the open file description `place`, by open-file-description locks
//! (`F_OFD_SETLK`), which meet programs' POSIX locks and are not lost when another descriptor of the file is closed. What
//! clients may do beside each other the core decides; for each byte the kernel has the strongest of their locks. So the
//! locks of all handles are kept here, and after each change what the kernel has of the range is made to fit.
//!
//! Knows nothing of opens or of who waits. The lock of a shard is held over system calls that do not wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use parking_lot::Mutex;

use super::file::PosixFile;
use super::sys::{InodeKind, NodeKey};
use crate::vfs::VfsError;
use crate::vfs::local::LocalLock;

const SHARDS: usize = 64;
/// First byte that has no lock of the kernel: offsets are signed.
const END: u64 = 1 << 63;

/// Bytes from `start` up to `end`, at most [`END`]; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
}

impl Range {
    /// What the kernel can lock of a range, if anything.
    fn of(offset: u64, length_bytes: u64) -> Option<Range> {
        let end = offset.saturating_add(length_bytes).min(END);
        (offset < end).then_some(Range { start: offset, end })
    }

    fn meets(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// As the kernel wants it; `kind` is F_RDLCK, F_WRLCK or F_UNLCK.
    fn flock(self, kind: libc::c_int) -> libc::flock {
        let signed = |value: u64| libc::off_t::try_from(value).unwrap_or(libc::off_t::MAX);
        libc::flock {
            l_type: libc::c_short::try_from(kind).unwrap_or_default(),
            l_whence: 0, // SEEK_SET
            l_start: signed(self.start),
            // 0: up to the highest offset that there is.
            l_len: if self.end == END { 0 } else { signed(self.end - self.start) },
            l_pid: 0,
        }
    }
}

/// A lock of a handle.
#[derive(Clone, Copy, Debug)]
struct Held {
    handle: u64,
    /// As it was asked for: unlocking names it.
    lock: LocalLock,
    range: Range,
}

/// The locks of one file.
struct FileLocks {
    place: Arc<OwnedFd>,
    /// `place` may take exclusive locks.
    writable: bool,
    held: Vec<Held>,
}

/// The locks of a volume's files.
pub(super) struct LocalLocks {
    shards: Vec<Mutex<HashMap<NodeKey, FileLocks>>>,
    next_handle: AtomicU64,
}

/// Parts of `range` with what the kernel is to have there: true for an exclusive lock, `None` for none.
fn parts(held: &[Held], range: Range) -> Vec<(Range, Option<bool>)> {
    // (place, change of the number of exclusive locks, of all locks)
    let mut edges: Vec<(u64, i64, i64)> = vec![(range.start, 0, 0), (range.end, 0, 0)];
    for each in held.iter().filter(|each| each.range.meets(range)) {
        let exclusive = i64::from(each.lock.exclusive);
        edges.push((each.range.start.max(range.start), exclusive, 1));
        edges.push((each.range.end.min(range.end), -exclusive, -1));
    }
    edges.sort_unstable_by_key(|edge| edge.0);
    let (mut exclusive, mut all) = (0, 0);
    let mut parts: Vec<(Range, Option<bool>)> = Vec::new();
    for pair in edges.windows(2) {
        let [(start, more_exclusive, more), (end, ..)] = pair else { continue };
        exclusive += more_exclusive;
        all += more;
        if start == end {
            continue;
        }
        let wanted = (all > 0).then_some(exclusive > 0);
        match parts.last_mut() {
            Some((last, kind)) if *kind == wanted => last.end = *end,
            _ => parts.push((Range { start: *start, end: *end }, wanted)),
        }
    }
    parts
}

impl FileLocks {
    /// Makes what the kernel has of a range fit what handles hold.
    fn settle(&self, range: Range) -> Result<(), VfsError> {
        for (part, wanted) in parts(&self.held, range) {
            let kind = match wanted {
                None => libc::F_UNLCK,
                // Where this account may only read the file it cannot keep readers out: it keeps writers out.
                Some(exclusive) if exclusive && self.writable => libc::F_WRLCK,
                Some(_) => libc::F_RDLCK,
            };
            match fcntl(&*self.place, FcntlArg::F_OFD_SETLK(&part.flock(kind))) {
                Ok(_) => {}
                Err(Errno::EAGAIN | Errno::EACCES) => return Err(VfsError::RangeLocked),
                Err(Errno::ENOLCK | Errno::ENOMEM) => return Err(VfsError::OutOfResources),
                Err(errno) => {
                    tracing::warn!(%errno, "the file system does not take a byte-range lock");
                    return Err(VfsError::NotSupported);
                }
            }
        }
        Ok(())
    }

    /// The same where locks have gone: nobody can be told that it failed.
    fn relax(&self, range: Range) {
        if let Err(error) = self.settle(range) {
            tracing::warn!(%error, "a byte-range lock stays with the kernel until its file is closed");
        }
    }
}

impl LocalLocks {
    pub(super) fn new() -> Self {
        LocalLocks { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), next_handle: AtomicU64::new(1) }
    }

    fn shard(&self, key: NodeKey) -> &Mutex<HashMap<NodeKey, FileLocks>> {
        &self.shards[key.ino as usize % SHARDS]
    }

    /// Takes all locks or none. `place` is asked for where the file has none yet.
    fn lock(
        &self,
        key: NodeKey,
        handle: u64,
        locks: &[LocalLock],
        place: impl FnOnce() -> Result<(OwnedFd, bool), VfsError>,
    ) -> Result<(), VfsError> {
        let new: Vec<Held> = locks
            .iter()
            .filter_map(|lock| {
                let range = Range::of(lock.offset, lock.length_bytes)?;
                Some(Held { handle, lock: *lock, range })
            })
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut shard = self.shard(key).lock();
        let file = match shard.entry(key) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => {
                let (place, writable) = place()?;
                free.insert(FileLocks { place: Arc::new(place), writable, held: Vec::new() })
            }
        };
        let before = file.held.len();
        file.held.extend_from_slice(&new);
        let outcome = new.iter().try_for_each(|each| file.settle(each.range));
        if outcome.is_err() {
            file.held.truncate(before);
            for each in &new {
                file.relax(each.range);
            }
            if file.held.is_empty() {
                shard.remove(&key);
            }
        }
        outcome
    }

    /// Gives up those locks of `handle` that `goes` takes out of all that it has.
    fn unlock(&self, key: NodeKey, goes: impl FnOnce(&mut Vec<Held>) -> Vec<Range>) {
        let mut shard = self.shard(key).lock();
        let Some(file) = shard.get_mut(&key) else { return };
        for range in goes(&mut file.held) {
            file.relax(range);
        }
        if file.held.is_empty() {
            shard.remove(&key);
        }
    }

    /// True when somebody else on this machine forbids reading or writing the range. `own` is asked where clients have no
    /// locks on the file.
    fn is_forbidden(
        &self,
        key: NodeKey,
        own: BorrowedFd<'_>,
        range: Range,
        write: bool,
    ) -> Result<bool, Errno> {
        // The clients' own locks do not count: they are those of `place`.
        let place = self.shard(key).lock().get(&key).map(|file| Arc::clone(&file.place));
        let asked = place.as_ref().map_or(own, |place| place.as_fd());
        let mut lock = range.flock(if write { libc::F_WRLCK } else { libc::F_RDLCK });
        fcntl(asked, FcntlArg::F_OFD_GETLK(&mut lock))?;
        Ok(libc::c_int::from(lock.l_type) != libc::F_UNLCK)
    }
}

impl PosixFile {
    /// The volume's shared locks, where it has them and this handle is of a file's data.
    #[inline]
    fn shared_locks(&self) -> Option<&LocalLocks> {
        let locks = self.volume.local_locks.as_ref()?;
        (self.stream.is_none() && self.kind == InodeKind::File).then_some(locks)
    }

    /// [MS-FSA] 2.1.4.10 for locks of programs of this machine.
    ///
    /// # Errors
    /// [`VfsError::RangeLocked`].
    #[inline]
    pub(super) fn check_local_locks(
        &self,
        fd: BorrowedFd<'_>,
        offset: u64,
        length_bytes: u64,
        write: bool,
    ) -> Result<(), VfsError> {
        match self.shared_locks() {
            None => Ok(()),
            Some(locks) => self.look_for_lock(locks, fd, offset, length_bytes, write),
        }
    }

    fn look_for_lock(
        &self,
        locks: &LocalLocks,
        fd: BorrowedFd<'_>,
        offset: u64,
        length_bytes: u64,
        write: bool,
    ) -> Result<(), VfsError> {
        let Some(range) = Range::of(offset, length_bytes) else { return Ok(()) };
        match locks.is_forbidden(self.key, fd, range, write) {
            Ok(false) => Ok(()),
            Ok(true) => Err(VfsError::RangeLocked),
            Err(errno) => {
                tracing::warn!(inode = self.key.ino, %errno, "locks of local programs cannot be looked for");
                Err(VfsError::Io)
            }
        }
    }

    /// True where data must not leave the file without a look at locks.
    #[inline]
    pub(super) fn has_shared_locks(&self) -> bool {
        self.shared_locks().is_some()
    }

    /// [`crate::vfs::File::open_data`].
    pub(super) fn open_for_local_programs(&self, write: bool, cache: bool) -> Result<bool, VfsError> {
        if self.shared_locks().is_none() {
            return Ok(true);
        }
        let opened = if write { self.writable() } else { self.readable() };
        match opened {
            Err(VfsError::WouldBlock) => Err(VfsError::WouldBlock),
            Ok(_) => Ok(!cache || self.may_be_cached()),
            // What is not open has no lease.
            Err(_) => Ok(!cache || !self.volume.identity.options.local_programs.backs_caches()),
        }
    }

    /// [`crate::vfs::File::lock_local`].
    pub(super) fn take_local_locks(&self, wanted: &[LocalLock]) -> Result<(), VfsError> {
        let Some(locks) = self.shared_locks() else { return Ok(()) };
        let handle = match self.lock_owner.load(Ordering::Acquire) {
            0 => {
                let new = locks.next_handle.fetch_add(1, Ordering::Relaxed);
                match self.lock_owner.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => new,
                    Err(other) => other,
                }
            }
            known => known,
        };
        locks.lock(self.key, handle, wanted, || {
            let (fd, writable) = match self.writable() {
                Ok(fd) => (fd, true),
                Err(VfsError::PermissionDenied | VfsError::ReadOnly) => (self.readable()?, false),
                Err(error) => return Err(error),
            };
            Ok((rustix::io::fcntl_dupfd_cloexec(fd, 0)?, writable))
        })
    }

    /// [`crate::vfs::File::unlock_local`].
    pub(super) fn give_up_local_locks(&self, given: &[LocalLock]) {
        let handle = self.lock_owner.load(Ordering::Acquire);
        let Some(locks) = self.shared_locks().filter(|_| handle != 0) else { return };
        locks.unlock(self.key, |held| {
            let mut ranges = Vec::new();
            for lock in given {
                let is_meant = |each: &Held, exclusive: bool| {
                    each.handle == handle
                        && each.lock.exclusive == exclusive
                        && (each.lock.offset, each.lock.length_bytes) == (lock.offset, lock.length_bytes)
                };
                let found = [true, false]
                    .into_iter()
                    .find_map(|exclusive| held.iter().position(|each| is_meant(each, exclusive)));
                if let Some(at) = found {
                    ranges.push(held.remove(at).range);
                }
            }
            ranges
        });
    }
}

impl Drop for PosixFile {
    fn drop(&mut self) {
        let handle = *self.lock_owner.get_mut();
        if handle == 0 {
            return;
        }
        if let Some(locks) = self.volume.local_locks.as_ref() {
            locks.unlock(self.key, |held| {
                held.extract_if(.., |each| each.handle == handle).map(|each| each.range).collect()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(locks: &[(u64, u64, bool)]) -> Vec<Held> {
        locks
            .iter()
            .filter_map(|(offset, length_bytes, exclusive)| {
                let lock = LocalLock { offset: *offset, length_bytes: *length_bytes, exclusive: *exclusive };
                Some(Held { handle: 1, lock, range: Range::of(*offset, *length_bytes)? })
            })
            .collect()
    }

    #[test]
    fn only_what_the_kernel_can_number_is_locked() {
        assert_eq!(Range::of(0, 0), None);
        assert_eq!(Range::of(END, 1), None);
        assert_eq!(Range::of(u64::MAX, 1), None);
        assert_eq!(Range::of(END - 1, 1), Some(Range { start: END - 1, end: END }));
        assert_eq!(Range::of(5, u64::MAX), Some(Range { start: 5, end: END }));
        assert_eq!(Range::of(5, u64::MAX).map(|range| range.flock(libc::F_RDLCK).l_len), Some(0));
        assert_eq!(Range::of(5, 7).map(|range| range.flock(libc::F_RDLCK).l_len), Some(7));
    }

    #[test]
    fn the_strongest_lock_of_a_byte_counts() {
        let range = |start, end| Range { start, end };
        let locks = held(&[(0, 10, true), (5, 10, false), (20, 5, false)]);
        assert_eq!(
            parts(&locks, range(0, 30)),
            [
                (range(0, 10), Some(true)),
                (range(10, 15), Some(false)),
                (range(15, 20), None),
                (range(20, 25), Some(false)),
                (range(25, 30), None)
            ]
        );
        assert_eq!(parts(&locks, range(12, 14)), [(range(12, 14), Some(false))]);
        assert_eq!(parts(&[], range(0, 5)), [(range(0, 5), None)]);
    }

    proptest! {
        #[test]
        fn parts_are_what_each_byte_has(
            locks in proptest::collection::vec((0u64..40, 0u64..12, any::<bool>()), 0..12),
            start in 0u64..40,
            length in 1u64..20,
        ) {
            let locks = held(&locks);
            let range = Range { start, end: start + length };
            let parts = parts(&locks, range);
            let mut at = start;
            for (part, wanted) in &parts {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.end > part.start);
                at = part.end;
                for byte in part.start..part.end {
                    let covers = |each: &&Held| (each.range.start..each.range.end).contains(&byte);
                    let any = locks.iter().any(|each| covers(&each));
                    let exclusive = locks.iter().any(|each| covers(&each) && each.lock.exclusive);
                    prop_assert_eq!(*wanted, any.then_some(exclusive));
                }
            }
            prop_assert_eq!(at, range.end);
            prop_assert!(parts.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }
    }
}
