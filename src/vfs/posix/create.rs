//! Making files and folders: the name, then everything else, under one lock that those wait for who find the name alone
//! (`making`).

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{Wtf8, Wtf8Buf};
use rustix::fs::{AtFlags, FallocateFlags, XattrFlags};
use rustix::io::Errno;

use super::Inner;
use super::entries::removal;
use super::file::PosixFile;
use super::making::Unfinished;
use super::names::to_linux;
use super::nodes::created;
use super::resolve::join;
use super::store::home;
use super::sys::{self, Descriptor, InodeKind, ProcPath, Stat};
use super::xattr::{Part, Record, XATTR_NAME};
use crate::vfs::{NewNode, NodeKind, Opened, VfsError, check_new_name};

impl Inner {
    /// [`super::PosixVolume::create`].
    pub(super) fn create(
        self: &Arc<Self>,
        parent: &PosixFile,
        name: Wtf8<'_>,
        new: &NewNode,
    ) -> Result<Opened, VfsError> {
        if parent.kind != InodeKind::Directory || parent.stream.is_some() {
            return Err(VfsError::NotADirectory);
        }
        check_new_name(parent.key == self.root_key, name)?;
        let tunnelled = self.tunnelled(parent, name)?;
        let name = tunnelled.as_ref().map_or(name, |name| name.as_wtf8());
        let linux = to_linux(name).ok_or(VfsError::NameInvalid)?;
        let path = join(&parent.link.path(), name).ok_or(VfsError::NameInvalid)?;
        // All that can fail by itself comes before the file appears.
        let (mut record, security) = self.new_record(new)?;
        let place = parent.descriptor.place();
        let made = self
            .indexes
            .with(parent.key, place, |index| {
                if index.taken(name, new.case).is_some() {
                    return Err(Errno::EXIST);
                }
                let unfinished = self.nodes.making.begin(parent.key);
                let descriptor = self.make(place, &linux, new.kind)?;
                if index.insert(&linux).is_ok() {
                    self.changed_folder(parent.key, index, place);
                }
                Ok((descriptor, unfinished))
            })
            .and_then(|made| made);
        let completed =
            made.and_then(|(descriptor, unfinished)| match self.complete(&descriptor, new, &mut record) {
                Ok((length, stat)) => {
                    self.nodes.wrote(&stat, &record, length, Some(security));
                    Ok((descriptor, stat))
                }
                Err(errno) => {
                    self.unmake(parent, &linux, new.kind, unfinished);
                    Err(errno)
                }
            });
        let (descriptor, stat) = match completed {
            Ok(completed) => completed,
            Err(errno) => {
                if let Part::Stored { hash, .. } = record.extended_attributes {
                    self.store.remove_part(record.id, hash);
                }
                return Err(errno.into());
            }
        };
        let link = self.links.open(path.clone(), stat.key, 0);
        link.name_is_new.store(true, Ordering::Release);
        self.finish(descriptor, &stat, link, path, true)
    }

    /// The long name that comes back with its 8.3 name, unless another file has it by now.
    fn tunnelled(&self, parent: &PosixFile, name: Wtf8<'_>) -> Result<Option<Wtf8Buf>, VfsError> {
        let Some(long) = self.tunnel.as_ref().and_then(|tunnel| tunnel.restored(parent.key, name)) else {
            return Ok(None);
        };
        let place = parent.descriptor.place();
        let taken = self.indexes.with(parent.key, place, |index| index.find(long.as_wtf8()).is_some())?;
        Ok((!taken).then_some(long))
    }

    fn make(&self, place: BorrowedFd<'_>, linux: &[u8], kind: NodeKind) -> Result<Descriptor, Errno> {
        match kind {
            NodeKind::File => sys::create_file(place, linux, self.file_mode).map(Descriptor::from_writable),
            NodeKind::Directory => {
                rustix::fs::mkdirat(place, linux, self.directory_mode)?;
                sys::open_directory(place, linux).map(Descriptor::from_path).inspect_err(|_| {
                    let _ = rustix::fs::unlinkat(place, linux, AtFlags::REMOVEDIR);
                })
            }
        }
    }

    /// The record of a new file, but for what follows from its inode. Its stored parts are in the store.
    fn new_record(&self, new: &NewNode) -> Result<(Record, Arc<SecurityDescriptor>), VfsError> {
        let (hash, security) = self.securities.keep(&self.store, &new.security)?;
        let mut record = Record {
            id: self.store.fresh_id()?,
            epoch: self.store.epoch,
            security: hash,
            ..Record::default()
        };
        PosixFile::fill_record(self, &mut record, new)?;
        Ok((record, security))
    }

    /// Makes a file that was just made complete: its attribute comes last.
    fn complete(
        &self,
        descriptor: &Descriptor,
        new: &NewNode,
        record: &mut Record,
    ) -> Result<(usize, Stat), Errno> {
        let place = descriptor.place();
        let stat = sys::stat(place)?;
        record.created = created(&stat);
        record.home = home(&stat);
        if new.no_compression && stat.compressed {
            match new.kind {
                NodeKind::File => sys::set_compressed(place, false)?,
                NodeKind::Directory => sys::set_compressed(sys::open_for_listing(place, b"")?, false)?,
            }
        }
        if new.kind == NodeKind::File && new.allocation_bytes > 0 {
            match rustix::fs::fallocate(place, FallocateFlags::KEEP_SIZE, 0, new.allocation_bytes) {
                Ok(()) | Err(Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(errno),
            }
        }
        let bytes = record.encode();
        if descriptor.is_open() {
            rustix::fs::fsetxattr(place, XATTR_NAME, &bytes, XattrFlags::empty())?;
        } else {
            let path = ProcPath::new(place, b"")?;
            rustix::fs::setxattr(path.as_bytes(), XATTR_NAME, &bytes, XattrFlags::empty())?;
        }
        Ok((bytes.len(), sys::stat(place)?))
    }

    /// Takes back a file that could not be made complete, before anybody who found it looks at it again. Its folder is
    /// read again when it is needed: the lock of its index must not be taken now (see `making`).
    #[cold]
    fn unmake(&self, parent: &PosixFile, linux: &[u8], kind: NodeKind, unfinished: Unfinished<'_>) {
        let removed =
            rustix::fs::unlinkat(parent.descriptor.place(), linux, removal(kind == NodeKind::Directory));
        self.indexes.forget(parent.key);
        drop(unfinished);
        if let Err(errno) = removed {
            tracing::warn!(%errno, "a file that could not be made complete could not be removed either");
        }
    }
}
