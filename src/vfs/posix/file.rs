//! An open file, directory or named stream.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Wtf8};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, FallocateFlags, SeekFrom, Timespec, Timestamps, XattrFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::Inner;
use super::index::Listing;
use super::links::Link;
use super::local_leases::Place;
use super::names::{to_linux, to_windows, to_windows_name};
use super::nodes::{Found, Source, default_record};
use super::store::home;
use super::streams::StreamHandle;
use super::sys::{self, Descriptor, InodeKind, NodeKey, ProcPath, Stat};
use super::xattr::{Part, Record, XATTR_NAME, decode_eas, encode_eas, reparse_tag};
use crate::fscc::FileAttributes;
use crate::vfs::local::LocalLock;
use crate::vfs::{
    DirectoryCursor, DirectoryEntry, Existing, ExtendedAttribute, File, FileRef, MAX_REPARSE_BYTES, Metadata,
    MetadataChange, NewNode, NodeId, SecurityChange, StreamEntry, VfsError, VfsPath, Wait, ea, is_reserved,
};

/// Bytes copied at once where the kernel cannot copy by itself.
const COPY_BYTES: usize = 256 * 1024;
/// How often an entry is looked at whose name goes from one file to another meanwhile.
const MAX_LOOKS: usize = 8;
/// Zeros written at once where holes cannot be punched.
const ZERO_BYTES: usize = 64 * 1024;

pub(super) struct PosixFile {
    pub(super) volume: Arc<Inner>,
    pub(super) key: NodeKey,
    pub(super) id: NodeId,
    pub(super) kind: InodeKind,
    pub(super) descriptor: Descriptor,
    pub(super) link: Arc<Link>,
    pub(super) stream: Option<StreamHandle>,
    /// Opened to be written: the first read opens it for both.
    pub(super) write: bool,
    pub(super) listing: Mutex<Option<Arc<Listing>>>,
    /// Its name among the holders of local locks; 0 before the first.
    pub(super) lock_owner: AtomicU64,
    /// The file's one open file description, where handles share it.
    pub(super) place: Mutex<Option<Arc<Place>>>,
}

/// What becomes of a record that was looked at in order to change it.
enum Edit {
    /// It stays.
    Keep,
    /// It is written; its descriptor, where that is known.
    Write(Option<Arc<SecurityDescriptor>>),
}

/// Offsets are signed on disk.
fn check_range(offset: u64, length_bytes: u64) -> Result<(), VfsError> {
    match offset.checked_add(length_bytes) {
        Some(end) if i64::try_from(end).is_ok() => Ok(()),
        _ => Err(VfsError::OutOfRange),
    }
}

fn timespec(time: FileTime) -> Timespec {
    let (seconds, nanoseconds) = time.to_unix();
    Timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds) }
}

/// Leaves a time as it is.
const OMIT: Timespec = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
/// The present time of the file system's clock.
pub(super) const PRESENT: Timespec = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };

/// Sets times through a place.
pub(super) fn set_times(
    place: BorrowedFd<'_>,
    accessed: Option<Timespec>,
    modified: Option<Timespec>,
) -> Result<(), Errno> {
    let times =
        Timestamps { last_access: accessed.unwrap_or(OMIT), last_modification: modified.unwrap_or(OMIT) };
    rustix::fs::utimensat(place, c"", &times, AtFlags::EMPTY_PATH)
}

impl PosixFile {
    fn stat(&self) -> Result<Stat, VfsError> {
        Ok(sys::stat(self.descriptor.place())?)
    }

    fn source(&self) -> Source<'_> {
        Source::Open(&self.descriptor)
    }

    /// The descriptor of the data, what it is, and a size that it had.
    #[inline]
    fn data(&self) -> Result<(&Descriptor, InodeKind, &AtomicU64), VfsError> {
        match (&self.stream, self.kind) {
            (Some(stream), _) => Ok((&stream.descriptor, InodeKind::File, &stream.known_size_bytes)),
            (None, InodeKind::Directory) => Err(VfsError::IsADirectory),
            (None, kind) => Ok((&self.descriptor, kind, &self.link.known_size_bytes)),
        }
    }

    #[inline]
    pub(super) fn readable(&self) -> Result<BorrowedFd<'_>, VfsError> {
        let (descriptor, kind, _) = self.data()?;
        self.enter_place(false)?;
        Ok(descriptor.readable(&self.volume.proc, kind, self.write)?)
    }

    #[inline]
    pub(super) fn writable(&self) -> Result<BorrowedFd<'_>, VfsError> {
        self.volume.check_writable()?;
        let (descriptor, kind, _) = self.data()?;
        self.enter_place(true)?;
        Ok(descriptor.writable(&self.volume.proc, kind)?)
    }

    /// The size before something that may make the file longer; nothing is asked when it does not.
    fn size_before_growth(&self, fd: BorrowedFd<'_>, end: u64) -> Result<Option<u64>, VfsError> {
        let (_, _, known) = self.data()?;
        // Each handle of a named stream knows for itself only: another one may have made the stream shorter.
        if self.stream.is_none() && end <= known.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(Some(sys::stat(fd)?.size_bytes))
    }

    /// Takes back what a failed write added.
    fn undo_growth(&self, fd: BorrowedFd<'_>, before: Option<u64>) {
        if let Some(size) = before
            && sys::stat(fd).is_ok_and(|stat| stat.size_bytes > size)
            && let Err(errno) = rustix::fs::ftruncate(fd, size)
        {
            tracing::warn!(inode = self.key.ino, %errno, "a write that ran out of space could not be undone");
        }
    }

    fn wrote_up_to(&self, end: u64) -> Result<(), VfsError> {
        let (_, _, known) = self.data()?;
        if known.load(Ordering::Relaxed) < end {
            known.fetch_max(end, Ordering::Relaxed);
        }
        self.touch_owner()
    }

    /// Writing to a named stream is writing to the file.
    fn touch_owner(&self) -> Result<(), VfsError> {
        if self.stream.is_some() {
            set_times(self.descriptor.place(), None, Some(PRESENT))?;
        }
        Ok(())
    }

    /// Reads the record, has it changed, writes it. A file that had none, or one that cannot be read, gets one.
    pub(super) fn update_record(
        &self,
        security: Option<&Arc<SecurityDescriptor>>,
        edit: impl FnOnce(&mut Record, &Stat) -> Result<(), VfsError>,
    ) -> Result<Stat, VfsError> {
        self.edit_record(|record, stat| {
            edit(record, stat)?;
            Ok(Edit::Write(security.cloned()))
        })
    }

    /// The same, where only the change tells whether and with which descriptor the record is written.
    fn edit_record(
        &self,
        edit: impl FnOnce(&mut Record, &Stat) -> Result<Edit, VfsError>,
    ) -> Result<Stat, VfsError> {
        if !matches!(self.kind, InodeKind::File | InodeKind::Directory) {
            return Err(VfsError::NotSupported);
        }
        let volume = &*self.volume;
        volume.check_writable()?;
        let _one_at_a_time = volume.record_lock(self.key);
        let place = self.descriptor.place();
        let change = || {
            let before = sys::stat(place)?;
            let mut record = match volume.nodes.read(&before, self.source())? {
                Found::Record(record, _) => *record,
                Found::Absent | Found::Unusable => default_record(&before),
            };
            let id = volume.nodes.id_of(&before, &record);
            if id != record.id {
                volume.own_parts_of_copy(&mut record, id)?;
            }
            let old_parts = [record.extended_attributes.clone(), record.reparse.clone()];
            let Edit::Write(security) = edit(&mut record, &before)? else { return Ok(before) };
            record.epoch = volume.store.epoch;
            record.home = home(&before);
            let bytes = record.encode();
            if self.descriptor.is_open() {
                rustix::fs::fsetxattr(place, XATTR_NAME, &bytes, XattrFlags::empty())?;
            } else {
                let path = ProcPath::new(place, b"")?;
                rustix::fs::setxattr(path.as_bytes(), XATTR_NAME, &bytes, XattrFlags::empty())?;
            }
            let new_parts = [&record.extended_attributes, &record.reparse];
            for part in &old_parts {
                if let Part::Stored { hash, .. } = part
                    && !new_parts.contains(&part)
                {
                    volume.store.remove_part(id, *hash);
                }
            }
            let after = sys::stat(place)?;
            volume.nodes.wrote(&after, &record, bytes.len(), security);
            Ok(after)
        };
        if self.kind == InodeKind::Directory {
            volume.indexes.around_own_change(self.key, place, change)
        } else {
            change()
        }
    }

    fn bytes_of(&self, part: &Part, id: u64) -> Result<Vec<u8>, VfsError> {
        match part {
            Part::None => Ok(Vec::new()),
            Part::Inline(bytes) => Ok(bytes.clone()),
            Part::Stored { hash, .. } => self.volume.store.part(id, *hash),
        }
    }

    fn record(&self) -> Result<Option<Record>, VfsError> {
        match self.volume.nodes.read(&self.stat()?, self.source())? {
            Found::Record(record, _) => Ok(Some(*record)),
            Found::Absent | Found::Unusable => Ok(None),
        }
    }

    fn check_directory(&self) -> Result<(), VfsError> {
        if self.kind == InodeKind::Directory && self.stream.is_none() {
            Ok(())
        } else {
            Err(VfsError::NotADirectory)
        }
    }

    fn has_no_entries(&self) -> Result<bool, VfsError> {
        let mut empty = true;
        let in_root = self.key == self.volume.root_key;
        let listed = sys::open_for_listing(self.descriptor.place(), b"")?;
        sys::read_directory(listed, |linux| {
            empty = in_root && is_reserved(to_windows_name(linux).as_wtf8());
            empty
        })?;
        Ok(empty)
    }

    /// Metadata of an entry of this directory; `None` when it is gone.
    fn entry_metadata(
        &self,
        place: BorrowedFd<'_>,
        linux: &std::ffi::CStr,
    ) -> Result<Option<(Metadata, Stat)>, VfsError> {
        for _ in 0..MAX_LOOKS {
            let stat = match sys::stat_at(place, linux) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            };
            let source = Source::Entry(place, linux.to_bytes());
            match self.volume.nodes.with(&stat, source, |info| info.metadata(&stat)) {
                Ok(metadata) => return Ok(Some((metadata, stat))),
                Err(VfsError::NotFound) => {} // gone, or another file has the name by now
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Descriptor of an entry of this directory; `None` when it is gone.
    fn entry_security(
        &self,
        place: BorrowedFd<'_>,
        linux: &std::ffi::CStr,
        stat: &Stat,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        let name = to_windows_name(linux.to_bytes());
        let path = super::resolve::join(&self.link.path(), name.as_wtf8()).ok_or(VfsError::NameInvalid)?;
        match self.volume.security(stat, Source::Entry(place, linux.to_bytes()), &path) {
            Ok(security) => Ok(Some(security)),
            Err(VfsError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes through the entries from `cursor` on; `visit` gets the Linux name, too.
    fn scan(
        &self,
        cursor: DirectoryCursor,
        mut visit: impl FnMut(&std::ffi::CStr, Wtf8<'_>, &Metadata, &Stat) -> Result<bool, VfsError>,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.check_directory()?;
        let place = self.descriptor.place();
        let kept = self.listing.lock().clone().filter(|_| cursor != DirectoryCursor::default());
        let listing = match kept {
            Some(listing) => listing,
            None => {
                let listing = self.volume.indexes.with(self.key, place, |index| index.listing())?;
                *self.listing.lock() = Some(Arc::clone(&listing));
                listing
            }
        };
        let start = usize::try_from(cursor.0).unwrap_or(usize::MAX);
        for position in start..listing.len() {
            let linux = listing.name(position);
            let Some((metadata, stat)) = self.entry_metadata(place, linux)? else { continue };
            let shown = to_windows(linux.to_bytes());
            let name = Wtf8::from_bytes(&shown).ok_or(VfsError::Corrupt)?;
            if !visit(linux, name, &metadata, &stat)? {
                return Ok(Some(DirectoryCursor(position as u64)));
            }
        }
        *self.listing.lock() = None;
        Ok(None)
    }

    /// Writes what [`NewNode`] has for the record; the new parts are in the store before the record names them.
    pub(super) fn fill_record(volume: &Inner, record: &mut Record, new: &NewNode) -> Result<(), VfsError> {
        record.attributes = new.attributes.intersection(FileAttributes::SETTABLE);
        record.extended_attributes = volume.keep_eas(record.id, &new.extended_attributes, Vec::new())?;
        Ok(())
    }
}

impl Inner {
    /// Applies changes to a list of extended attributes and keeps the result.
    fn keep_eas(
        &self,
        id: u64,
        changes: &[ExtendedAttribute],
        mut list: Vec<ExtendedAttribute>,
    ) -> Result<Part, VfsError> {
        if changes.is_empty() && list.is_empty() {
            return Ok(Part::None);
        }
        ea::apply(&mut list, changes)?;
        self.keep_part(id, &encode_eas(&list), ea::size_bytes(&list))
    }

    fn keep_part(&self, id: u64, bytes: &[u8], about: u32) -> Result<Part, VfsError> {
        let part = Part::of(bytes, about);
        if let Part::Stored { hash, .. } = part {
            self.store.put_part(id, hash, bytes)?;
        }
        Ok(part)
    }

    /// A copy becomes a file of its own: it gets its own id and its own stored parts; named streams were not copied.
    fn own_parts_of_copy(&self, record: &mut Record, id: u64) -> Result<(), VfsError> {
        for part in [&mut record.extended_attributes, &mut record.reparse] {
            if let Part::Stored { hash, .. } = *part {
                match self.store.part(record.id, hash) {
                    Ok(bytes) => self.store.put_part(id, hash, &bytes)?,
                    Err(VfsError::Corrupt) => *part = Part::None,
                    Err(error) => return Err(error),
                }
            }
        }
        record.has_streams = false;
        record.id = id;
        Ok(())
    }

    /// The reparse buffer that a client set.
    pub(super) fn stored_reparse(
        &self,
        stat: &Stat,
        source: Source<'_>,
    ) -> Result<Option<Vec<u8>>, VfsError> {
        let Found::Record(record, _) = self.nodes.read(stat, source)? else { return Ok(None) };
        match &record.reparse {
            Part::None => Ok(None),
            Part::Inline(bytes) => Ok(Some(bytes.clone())),
            Part::Stored { hash, .. } => self.store.part(record.id, *hash).map(Some),
        }
    }
}

impl File for PosixFile {
    fn id(&self) -> NodeId {
        self.id
    }

    fn path(&self) -> VfsPath {
        self.link.path()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<usize, VfsError> {
        check_range(offset, 0)?;
        if self.stream.is_none() && matches!(self.kind, InodeKind::Symlink | InodeKind::Special(..)) {
            return Ok(0);
        }
        let fd = self.readable()?;
        self.check_local_locks(fd, offset, buffer.len() as u64, false)?;
        if wait == Wait::Never {
            if !self.volume.nowait.load(Ordering::Relaxed) {
                return Err(VfsError::WouldBlock);
            }
            return loop {
                let mut slices = [IoSliceMut::new(buffer)];
                break match rustix::io::preadv2(fd, &mut slices, offset, ReadWriteFlags::NOWAIT) {
                    Ok(length) => Ok(length),
                    Err(Errno::INTR) => continue,
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                        self.volume.nowait.store(false, Ordering::Relaxed);
                        Err(VfsError::WouldBlock)
                    }
                    Err(errno) => Err(errno.into()),
                };
            };
        }
        let mut read = 0;
        while read < buffer.len() {
            match rustix::io::pread(fd, &mut buffer[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(length) => read += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(read)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        // Where locks are shared each read looks for them.
        if self.has_shared_locks() { None } else { self.readable().ok() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError> {
        check_range(offset, data.len() as u64)?;
        let fd = self.writable()?;
        if data.is_empty() {
            return Ok(None);
        }
        self.check_local_locks(fd, offset, data.len() as u64, true)?;
        let end = offset + data.len() as u64;
        let before = self.size_before_growth(fd, end)?;
        let mut written = 0;
        while written < data.len() {
            match rustix::io::pwrite(fd, &data[written..], offset + written as u64) {
                Ok(length) => written += length,
                Err(Errno::INTR) => {}
                Err(errno) => {
                    self.undo_growth(fd, before);
                    return Err(errno.into());
                }
            }
        }
        self.wrote_up_to(end)?;
        Ok(before.filter(|size| *size < end))
    }

    fn open_data(&self, write: bool, cache: bool) -> Result<bool, VfsError> {
        self.open_for_local_programs(write, cache)
    }

    fn lock_local(&self, locks: &[LocalLock]) -> Result<(), VfsError> {
        self.take_local_locks(locks)
    }

    fn unlock_local(&self, locks: &[LocalLock]) {
        self.give_up_local_locks(locks);
    }

    fn flush(&self) -> Result<(), VfsError> {
        if matches!(self.kind, InodeKind::Symlink | InodeKind::Special(..)) {
            return Ok(());
        }
        self.enter_place(false)?;
        let fd = self.descriptor.readable(&self.volume.proc, self.kind, self.write)?;
        rustix::fs::fsync(fd)?;
        if let Some(stream) = &self.stream {
            rustix::fs::fsync(stream.descriptor.readable(&self.volume.proc, InodeKind::File, self.write)?)?;
            match self.volume.store.sync_streams(self.id.0) {
                Ok(()) | Err(Errno::NOENT) => {} // removed, and open still
                Err(errno) => return Err(errno.into()),
            }
        }
        if self.link.name_is_new.swap(false, Ordering::AcqRel)
            && let Some(path) = self.link.live_path()
            && let Some((parent, _)) = path.split_last()
        {
            let synced = self
                .volume
                .directory(&parent)
                .and_then(|parent| rustix::fs::fsync(sys::open_for_listing(&parent, b"")?));
            if let Err(errno) = synced {
                self.link.name_is_new.store(true, Ordering::Release);
                return Err(errno.into());
            }
        }
        Ok(())
    }

    fn set_size(&self, size_bytes: u64) -> Result<(), VfsError> {
        check_range(size_bytes, 0)?;
        let fd = self.writable()?;
        rustix::fs::ftruncate(fd, size_bytes)?;
        let (_, _, known) = self.data()?;
        known.store(size_bytes, Ordering::Relaxed);
        self.touch_owner()
    }

    fn allocate(&self, allocated_bytes: u64) -> Result<(), VfsError> {
        check_range(allocated_bytes, 0)?;
        let fd = self.writable()?;
        let size = sys::stat(fd)?.size_bytes;
        if allocated_bytes <= size {
            return Ok(());
        }
        match rustix::fs::fallocate(fd, FallocateFlags::KEEP_SIZE, size, allocated_bytes - size) {
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn punch_hole(&self, offset: u64, length_bytes: u64) -> Result<(), VfsError> {
        check_range(offset, length_bytes)?;
        let fd = self.writable()?;
        if length_bytes == 0 {
            return Ok(());
        }
        self.check_local_locks(fd, offset, length_bytes, true)?;
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(fd, punch, offset, length_bytes) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP) => {
                let end = offset.saturating_add(length_bytes).min(sys::stat(fd)?.size_bytes);
                let zeros = [0; ZERO_BYTES];
                let mut at = offset;
                while at < end {
                    let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZERO_BYTES);
                    match rustix::io::pwrite(fd, &zeros[..length], at) {
                        Ok(length) => at += length as u64,
                        Err(Errno::INTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
            }
            Err(errno) => return Err(errno.into()),
        }
        self.touch_owner()
    }

    fn allocated_ranges(
        &self,
        offset: u64,
        length_bytes: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, VfsError> {
        let fd = self.readable()?;
        let end = offset.saturating_add(length_bytes).min(sys::stat(fd)?.size_bytes);
        let mut ranges = Vec::new();
        let mut at = offset;
        while at < end && ranges.len() < limit {
            let start = match rustix::fs::seek(fd, SeekFrom::Data(at)) {
                Ok(start) => start,
                Err(Errno::NXIO) => break,
                Err(errno) => return Err(errno.into()),
            };
            let stop = rustix::fs::seek(fd, SeekFrom::Hole(start))?.min(end);
            if start >= stop {
                break;
            }
            ranges.push((start, stop - start));
            at = stop;
        }
        Ok(ranges)
    }

    fn copy_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<u64, VfsError> {
        let source = super::own(source)?;
        check_range(source_offset, length_bytes)?;
        check_range(offset, length_bytes)?;
        let (from, to) = (source.readable()?, self.writable()?);
        let there = sys::stat(from)?.size_bytes.saturating_sub(source_offset).min(length_bytes);
        if there == 0 {
            return Ok(0);
        }
        source.check_local_locks(from, source_offset, there, false)?;
        self.check_local_locks(to, offset, there, true)?;
        let before = self.size_before_growth(to, offset + there)?;
        match copy(from, to, source_offset, offset, there) {
            Ok(copied) => {
                self.wrote_up_to(offset + copied)?;
                Ok(copied)
            }
            Err(errno) => {
                self.undo_growth(to, before);
                Err(errno.into())
            }
        }
    }

    fn clone_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), VfsError> {
        let source = super::own(source)?;
        let end = source_offset.checked_add(length_bytes).ok_or(VfsError::OutOfRange)?;
        let (from, to) = (source.readable()?, self.writable()?);
        if !self.volume.identity.reflinks {
            return Err(VfsError::NotSupported);
        }
        if end > sys::stat(from)?.size_bytes {
            return Err(VfsError::OutOfRange);
        }
        if length_bytes == 0 {
            return Ok(()); // to the kernel it means "up to the end"
        }
        source.check_local_locks(from, source_offset, length_bytes, false)?;
        self.check_local_locks(to, offset, length_bytes, true)?;
        sys::clone_range(to, from, source_offset, offset, length_bytes)?;
        self.wrote_up_to(offset.saturating_add(length_bytes))
    }

    fn metadata(&self) -> Result<Metadata, VfsError> {
        let stat = self.stat()?;
        let mut metadata = self.volume.nodes.with(&stat, self.source(), |info| info.metadata(&stat))?;
        metadata.id = self.id;
        if let Some(stream) = &self.stream {
            let stat = sys::stat(stream.descriptor.place())?;
            metadata.size_bytes = stat.size_bytes;
            metadata.allocated_bytes = stat.sectors * 512;
            metadata.attributes.set(FileAttributes::COMPRESSED, stat.compressed);
        }
        Ok(metadata)
    }

    fn set_metadata(&self, change: &MetadataChange) -> Result<(), VfsError> {
        self.volume.check_writable()?;
        let times = || {
            if change.accessed.is_none() && change.modified.is_none() {
                return Ok(());
            }
            let (accessed, modified) = (change.accessed.map(timespec), change.modified.map(timespec));
            let place = self.descriptor.place();
            let set = || set_times(place, accessed, modified);
            if self.kind == InodeKind::Directory {
                self.volume.indexes.around_own_change(self.key, place, set)
            } else {
                set()
            }
        };
        if !matches!(self.kind, InodeKind::File | InodeKind::Directory) {
            return Ok(times()?); // a symbolic link or special file has no place for more
        }
        let kept_change = match change.changed {
            Some(changed) => changed,
            None => self.metadata()?.changed,
        };
        self.update_record(None, |record, stat| {
            if let Some(attributes) = change.attributes {
                record.attributes = record
                    .attributes
                    .difference(FileAttributes::SETTABLE)
                    .union(attributes.intersection(FileAttributes::SETTABLE));
            }
            if let Some(sparse) = change.sparse {
                record.attributes.set(FileAttributes::SPARSE_FILE, sparse);
            }
            record.created = change.created.unwrap_or(record.created);
            let modified = change.modified.unwrap_or(stat.modified.file_time());
            record.changed = Some((kept_change, modified));
            Ok(())
        })?;
        Ok(times()?)
    }

    fn overwrite(&self, new: &NewNode, supersede_security: bool) -> Result<Metadata, VfsError> {
        let fd = self.writable()?;
        if self.stream.is_none() {
            let security = match supersede_security {
                true => Some(self.volume.securities.keep(&self.volume.store, &new.security)?),
                false => None,
            };
            let mut had_streams = false;
            self.update_record(security.as_ref().map(|(_, shared)| shared), |record, _| {
                PosixFile::fill_record(&self.volume, record, new)?;
                had_streams = record.has_streams;
                if let Some((hash, _)) = &security {
                    // Whom the new descriptor lets in must not find what the old one kept from them: that goes first.
                    if had_streams {
                        self.volume.store.remove_streams(self.id.0)?;
                    }
                    self.set_size(0)?;
                    record.security = *hash;
                }
                record.has_streams = false;
                record.reparse = Part::None;
                record.changed = None;
                Ok(())
            })?;
            if had_streams {
                self.volume.store.remove_streams(self.id.0)?;
            }
        }
        self.set_size(0)?;
        if new.allocation_bytes > 0 {
            rustix::fs::fallocate(fd, FallocateFlags::KEEP_SIZE, 0, new.allocation_bytes)?;
        }
        set_times(self.descriptor.place(), Some(PRESENT), Some(PRESENT))?;
        self.metadata()
    }

    fn security(&self) -> Result<Arc<SecurityDescriptor>, VfsError> {
        self.volume.security(&self.stat()?, self.source(), &self.link.path())
    }

    fn set_security(&self, security: Arc<SecurityDescriptor>, _now: FileTime) -> Result<(), VfsError> {
        let (hash, shared) = self.volume.securities.keep(&self.volume.store, &security)?;
        self.update_record(Some(&shared), |record, _| {
            record.security = hash;
            record.changed = None;
            Ok(())
        })?;
        if self.kind == InodeKind::Directory {
            self.volume.inheritance_epoch.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    fn change_security(
        &self,
        change: &mut SecurityChange<'_>,
        _now: FileTime,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        let mut new = None;
        self.edit_record(|record, stat| {
            let present = self.volume.security(stat, self.source(), &self.path())?;
            let Some(security) = change(&present)? else { return Ok(Edit::Keep) };
            let (hash, shared) = self.volume.securities.keep(&self.volume.store, &security)?;
            record.security = hash;
            record.changed = None;
            new = Some(Arc::clone(&shared));
            Ok(Edit::Write(Some(shared)))
        })?;
        if new.is_some() && self.kind == InodeKind::Directory {
            self.volume.inheritance_epoch.fetch_add(1, Ordering::AcqRel);
        }
        Ok(new)
    }

    fn extended_attributes(&self) -> Result<Vec<ExtendedAttribute>, VfsError> {
        let Some(record) = self.record()? else { return Ok(Vec::new()) };
        let bytes = self.bytes_of(&record.extended_attributes, record.id)?;
        decode_eas(&bytes).map_err(|_| VfsError::Corrupt)
    }

    fn set_extended_attributes(&self, changes: &[ExtendedAttribute], _now: FileTime) -> Result<(), VfsError> {
        self.update_record(None, |record, _| {
            let bytes = self.bytes_of(&record.extended_attributes, record.id)?;
            let list = decode_eas(&bytes).map_err(|_| VfsError::Corrupt)?;
            record.extended_attributes = self.volume.keep_eas(record.id, changes, list)?;
            record.changed = None;
            Ok(())
        })?;
        Ok(())
    }

    fn streams(&self) -> Result<Vec<StreamEntry>, VfsError> {
        self.volume.list_streams(self, &self.stat()?)
    }

    fn rename_stream(&self, to: Wtf8<'_>, existing: Existing, _now: FileTime) -> Result<(), VfsError> {
        match &self.stream {
            Some(stream) => {
                self.volume.check_writable()?;
                self.volume.rename_stream(self, stream, to, existing)
            }
            None => Err(VfsError::NotSupported),
        }
    }

    fn set_compressed(&self, compressed: bool) -> Result<(), VfsError> {
        self.volume.check_writable()?;
        if !self.volume.identity.compression {
            return Err(VfsError::NotSupported);
        }
        let (descriptor, kind) = match &self.stream {
            Some(stream) => (&stream.descriptor, InodeKind::File),
            None => (&self.descriptor, self.kind),
        };
        self.enter_place(false)?;
        let fd = descriptor.readable(&self.volume.proc, kind, self.write)?;
        let set = || sys::set_compressed(fd, compressed);
        if kind == InodeKind::Directory {
            self.volume.indexes.around_own_change(self.key, fd, set)?;
        } else {
            set()?;
        }
        Ok(())
    }

    fn reparse_data(&self) -> Result<Vec<u8>, VfsError> {
        if let Some(data) = super::special::reparse_data(self.kind, self.descriptor.place())? {
            return Ok(data);
        }
        self.volume.stored_reparse(&self.stat()?, self.source())?.ok_or(VfsError::NotFound)
    }

    fn set_reparse_data(&self, data: Option<&[u8]>, _now: FileTime) -> Result<(), VfsError> {
        if data.is_some_and(|data| data.len() < 8 || data.len() > MAX_REPARSE_BYTES) {
            return Err(VfsError::OutOfRange);
        }
        if data.is_some() && self.kind == InodeKind::Directory && !self.has_no_entries()? {
            return Err(VfsError::NotEmpty);
        }
        self.update_record(None, |record, _| {
            record.reparse = match data {
                Some(data) => self.volume.keep_part(record.id, data, reparse_tag(data))?,
                None if record.reparse == Part::None => return Err(VfsError::NotFound),
                None => Part::None,
            };
            record.changed = None;
            Ok(())
        })?;
        Ok(())
    }

    fn list(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.scan(cursor, |_, name, metadata, _| Ok(visit(name, metadata)))
    }

    fn list_secured(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata, &Arc<SecurityDescriptor>) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        let place = self.descriptor.place();
        self.scan(cursor, |linux, name, metadata, stat| {
            let mut seen = Some((metadata.clone(), *stat));
            for _ in 0..MAX_LOOKS {
                let Some((metadata, stat)) = seen else { break };
                if let Some(security) = self.entry_security(place, linux, &stat)? {
                    return Ok(visit(name, &metadata, &security));
                }
                // Gone, or another file has the name by now.
                seen = self.entry_metadata(place, linux)?;
            }
            Ok(true)
        })
    }

    fn entry(&self, name: Wtf8<'_>) -> Result<Option<DirectoryEntry>, VfsError> {
        self.check_directory()?;
        if self.key == self.volume.root_key && is_reserved(name) {
            return Ok(None);
        }
        let place = self.descriptor.place();
        let metadata = |linux: &[u8]| match std::ffi::CString::new(linux) {
            Ok(linux) => match self.entry_metadata(place, &linux) {
                Err(VfsError::NameInvalid) => Ok(None), // longer than any name on disk
                other => other.map(|found| found.map(|(metadata, _)| metadata)),
            },
            Err(_) => Ok(None),
        };
        if let Some(linux) = to_linux(name)
            && let Some(metadata) = metadata(&linux)?
        {
            return Ok(Some(DirectoryEntry { name: name.to_owned(), metadata }));
        }
        let find = |index: &mut super::index::Index| index.find(name).map(<[u8]>::to_vec);
        let Some(linux) = self.volume.indexes.with(self.key, place, find)? else { return Ok(None) };
        let found = metadata(&linux)?;
        Ok(found.map(|metadata| DirectoryEntry { name: to_windows_name(&linux), metadata }))
    }

    fn is_empty(&self) -> Result<bool, VfsError> {
        self.check_directory()?;
        self.has_no_entries()
    }
}

/// Copies in the kernel where it can, else through memory.
pub(super) fn copy(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    source_offset: u64,
    offset: u64,
    length_bytes: u64,
) -> Result<u64, Errno> {
    let (mut source_at, mut at) = (source_offset, offset);
    let end = source_offset + length_bytes;
    while source_at < end {
        let length = usize::try_from(end - source_at).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut source_at), to, Some(&mut at), length) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                return copy_through_memory(from, to, source_at, at, end - source_at)
                    .map(|copied| at - offset + copied);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(at - offset)
}

fn copy_through_memory(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    source_offset: u64,
    offset: u64,
    length_bytes: u64,
) -> Result<u64, Errno> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut copied = 0;
    while copied < length_bytes {
        let wanted = usize::try_from(length_bytes - copied).unwrap_or(usize::MAX).min(COPY_BYTES);
        let length = match rustix::io::pread(from, &mut buffer[..wanted], source_offset + copied) {
            Ok(0) => break,
            Ok(length) => length,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        };
        let mut written = 0;
        while written < length {
            match rustix::io::pwrite(to, &buffer[written..length], offset + copied + written as u64) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        copied += length as u64;
    }
    Ok(copied)
}

impl AsFd for PosixFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.place()
    }
}
