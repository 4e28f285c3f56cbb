//! Named streams: files in `.freehold/streams/ID/`, named with a `:` in front.
//!
//! A file has few; they are looked for by reading the folder. The names are kept as WTF-8: what is forbidden in a
//! stream's name cannot be in a Linux name, either, and the colon keeps `.` and `..` apart.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{Wtf8, Wtf8Buf};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::Inner;
use super::file::PosixFile;
use super::nodes::Source;
use super::sys::{self, Descriptor, InodeKind, NodeKey, Stat};
use crate::fscc::name::check_stream_name;
use crate::fscc::upcase::eq_ignore_case;
use crate::vfs::{Existing, File, FileRef, OpenError, Opened, StreamEntry, VfsError, VfsPath, listing_order};

/// What a handle of a named stream has besides the file's.
pub(super) struct StreamHandle {
    pub(super) descriptor: Descriptor,
    pub(super) key: NodeKey,
    pub(super) known_size_bytes: AtomicU64,
}

fn stored_name(name: Wtf8<'_>) -> Vec<u8> {
    [b":", name.as_bytes()].concat()
}

/// The stream's name of a file in the folder.
fn shown_name(stored: &[u8]) -> Option<Wtf8<'_>> {
    Wtf8::from_bytes(stored.strip_prefix(b":")?)
}

/// Names in a folder of streams for which `wanted` holds.
fn find(folder: &OwnedFd, mut wanted: impl FnMut(Wtf8<'_>, &[u8]) -> bool) -> Result<Vec<Vec<u8>>, Errno> {
    let mut found = Vec::new();
    sys::read_directory(sys::open_for_listing(folder, b"")?, |stored| {
        if shown_name(stored).is_some_and(|name| wanted(name, stored)) {
            found.push(stored.to_vec());
        }
        true
    })?;
    Ok(found)
}

fn find_by_name(folder: &OwnedFd, name: Wtf8<'_>) -> Result<Option<Vec<u8>>, Errno> {
    let exact = stored_name(name);
    if sys::stat_at(folder, &exact[..]).is_ok() {
        return Ok(Some(exact));
    }
    Ok(find(folder, |own, _| eq_ignore_case(own, name))?.into_iter().min())
}

fn find_by_key(folder: &OwnedFd, key: NodeKey) -> Result<Option<Vec<u8>>, Errno> {
    let same = |stored: &[u8]| sys::stat_at(folder, stored).is_ok_and(|stat| stat.key == key);
    Ok(find(folder, |_, stored| same(stored))?.pop())
}

impl Inner {
    fn has_streams(&self, file: &PosixFile, stat: &Stat) -> Result<bool, VfsError> {
        self.nodes.with(stat, Source::Open(&file.descriptor), |info| info.has_streams)
    }

    /// The folder of the file's streams, if it has one.
    fn streams_of(&self, file: &PosixFile) -> Result<Option<OwnedFd>, VfsError> {
        let stat = sys::stat(file.descriptor.place())?;
        if !self.has_streams(file, &stat)? {
            return Ok(None);
        }
        match self.store.stream_folder(file.id.0) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Goes on from an opened file to one of its streams.
    pub(super) fn open_stream(
        self: &Arc<Self>,
        opened: Opened,
        name: Wtf8<'_>,
        write: bool,
    ) -> Result<Opened, OpenError> {
        match self.find_stream(&opened, name, write) {
            Ok(Some(stream)) => Ok(stream),
            Ok(None) => Err(OpenError::StreamNotFound(Box::new(opened))),
            Err(error) => Err(OpenError::Failed(error)),
        }
    }

    fn find_stream(
        self: &Arc<Self>,
        opened: &Opened,
        name: Wtf8<'_>,
        write: bool,
    ) -> Result<Option<Opened>, VfsError> {
        let file = super::own(&opened.file)?;
        let Some(folder) = self.streams_of(file)? else { return Ok(None) };
        let Some(stored) = find_by_name(&folder, name)? else { return Ok(None) };
        match sys::open_path(&folder, &stored) {
            Ok(place) => {
                let path = opened.path.clone();
                let security = Arc::clone(&opened.security);
                self.stream_handle(file, Descriptor::from_path(place), path, security, write).map(Some)
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn stream_handle(
        self: &Arc<Self>,
        file: &PosixFile,
        descriptor: Descriptor,
        path: VfsPath,
        security: Arc<SecurityDescriptor>,
        write: bool,
    ) -> Result<Opened, VfsError> {
        let stat = sys::stat(descriptor.place())?;
        if stat.kind != InodeKind::File {
            return Err(VfsError::Corrupt);
        }
        let handle = PosixFile {
            volume: Arc::clone(self),
            key: file.key,
            id: file.id,
            kind: file.kind,
            descriptor: file.descriptor.duplicate()?,
            link: Arc::clone(&file.link),
            stream: Some(StreamHandle {
                descriptor,
                key: stat.key,
                known_size_bytes: AtomicU64::new(stat.size_bytes),
            }),
            write,
            listing: Mutex::new(None),
            lock_owner: AtomicU64::new(0),
            place: Mutex::new(None),
        };
        let metadata = handle.metadata()?;
        Ok(Opened { file: FileRef(Arc::new(handle)), metadata, security, path })
    }

    /// [`super::PosixVolume::create_stream`].
    pub(super) fn create_stream(
        self: &Arc<Self>,
        file: &PosixFile,
        name: Wtf8<'_>,
    ) -> Result<Opened, VfsError> {
        if name.is_empty() || check_stream_name(name).is_err() {
            return Err(VfsError::NameInvalid);
        }
        if let Some(folder) = self.streams_of(file)?
            && find_by_name(&folder, name)?.is_some()
        {
            return Err(VfsError::Exists);
        }
        // First the mark, then the stream: a stream without the mark would not be found.
        file.update_record(None, |record, _| {
            if !record.has_streams {
                // What is there is left over from an overwrite that was killed before it could remove it.
                self.store.remove_streams(file.id.0)?;
            }
            record.has_streams = true;
            record.changed = None;
            Ok(())
        })?;
        let folder = self.store.make_stream_folder(file.id.0)?;
        let created = {
            let _one_at_a_time = self.record_lock(file.key);
            if find_by_name(&folder, name)?.is_some() {
                return Err(VfsError::Exists);
            }
            sys::create_file(&folder, &stored_name(name), self.file_mode)?
        };
        let path = file.link.path();
        self.stream_handle(file, Descriptor::from_writable(created), path, file.security()?, true)
    }

    /// [`crate::vfs::File::streams`].
    pub(super) fn list_streams(&self, file: &PosixFile, stat: &Stat) -> Result<Vec<StreamEntry>, VfsError> {
        let mut entries = Vec::new();
        if stat.kind == InodeKind::File {
            let source = Source::Open(&file.descriptor);
            let metadata = self.nodes.with(stat, source, |info| info.metadata(stat))?;
            entries.push(StreamEntry {
                name: Wtf8Buf::new(),
                size_bytes: metadata.size_bytes,
                allocated_bytes: metadata.allocated_bytes,
            });
        }
        if let Some(folder) = self.streams_of(file)? {
            for stored in find(&folder, |_, _| true)? {
                let (Ok(stat), Some(name)) = (sys::stat_at(&folder, &stored[..]), shown_name(&stored)) else {
                    continue;
                };
                entries.push(StreamEntry {
                    name: name.to_owned(),
                    size_bytes: stat.size_bytes,
                    allocated_bytes: stat.sectors * 512,
                });
            }
        }
        entries.sort_by(|a, b| listing_order(a.name.as_wtf8(), b.name.as_wtf8()));
        Ok(entries)
    }

    /// [`super::PosixVolume::unlink`] through a handle of a stream.
    pub(super) fn unlink_stream(&self, file: &PosixFile, stream: &StreamHandle) -> Result<(), VfsError> {
        {
            let _one_at_a_time = self.record_lock(file.key);
            let folder = self.streams_of(file)?.ok_or(VfsError::NotFound)?;
            let stored = find_by_key(&folder, stream.key)?.ok_or(VfsError::NotFound)?;
            rustix::fs::unlinkat(&folder, &stored[..], AtFlags::empty())?;
        }
        touch(file)
    }

    /// [`crate::vfs::File::rename_stream`].
    pub(super) fn rename_stream(
        &self,
        file: &PosixFile,
        stream: &StreamHandle,
        to: Wtf8<'_>,
        existing: Existing,
    ) -> Result<(), VfsError> {
        if check_stream_name(to).is_err() {
            return Err(VfsError::NameInvalid);
        }
        if to.is_empty() {
            return self.become_unnamed(file, stream, existing);
        }
        {
            let _one_at_a_time = self.record_lock(file.key);
            let folder = self.streams_of(file)?.ok_or(VfsError::NotFound)?;
            let mut from = find_by_key(&folder, stream.key)?.ok_or(VfsError::NotFound)?;
            let new = stored_name(to);
            if let Some(taken) = find_by_name(&folder, to)?.filter(|taken| *taken != from) {
                if existing == Existing::Keep {
                    return Err(VfsError::Exists);
                }
                rustix::fs::renameat(&folder, &from[..], &folder, &taken[..])?;
                from = taken;
            }
            rename_spelling(&folder, &from, &new)?;
        }
        touch(file)
    }
}

impl Inner {
    /// The named stream becomes the file's data, which must be empty; the handle is one of the file's data from then on. On
    /// disk that data is the file itself: what is in the stream goes there, without a copy where the file system can.
    fn become_unnamed(
        &self,
        file: &PosixFile,
        stream: &StreamHandle,
        existing: Existing,
    ) -> Result<(), VfsError> {
        if file.kind != InodeKind::File {
            return Err(VfsError::IsADirectory);
        }
        if existing == Existing::Keep {
            return Err(VfsError::Exists);
        }
        let main = file.descriptor.duplicate()?;
        let to = main.writable(&self.proc, InodeKind::File)?;
        if sys::stat(to)?.size_bytes != 0 {
            return Err(VfsError::NotEmpty);
        }
        let from = stream.descriptor.readable(&self.proc, InodeKind::File, false)?;
        let size = sys::stat(from)?.size_bytes;
        let moved = rustix::fs::ioctl_ficlone(to, from)
            .or_else(|_| super::file::copy(from, to, 0, 0, size).map(|_| ()))
            .map_err(VfsError::from)
            .and_then(|()| {
                let _one_at_a_time = self.record_lock(file.key);
                let folder = self.streams_of(file)?.ok_or(VfsError::NotFound)?;
                let stored = find_by_key(&folder, stream.key)?.ok_or(VfsError::NotFound)?;
                Ok(rustix::fs::unlinkat(&folder, &stored[..], AtFlags::empty())?)
            });
        if let Err(error) = moved {
            rustix::fs::ftruncate(to, 0)?;
            return Err(error);
        }
        stream.descriptor.become_same_as(&main)?;
        file.link.known_size_bytes.fetch_max(size, Ordering::Relaxed);
        touch(file)
    }
}

/// The streams of a file changed: that is a change of the file.
fn touch(file: &PosixFile) -> Result<(), VfsError> {
    file.update_record(None, |record, _| {
        record.has_streams = true;
        record.changed = None;
        Ok(())
    })?;
    Ok(())
}

fn rename_spelling(folder: &OwnedFd, from: &[u8], to: &[u8]) -> Result<(), VfsError> {
    if from != to {
        rustix::fs::renameat_with(folder.as_fd(), from, folder.as_fd(), to, RenameFlags::NOREPLACE)?;
    }
    Ok(())
}
