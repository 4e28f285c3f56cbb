//! Renaming, linking and removing names; `create` makes them.
//!
//! Whoever changes a folder whose index is held takes the index along: it is checked just before and stamped just
//! after, with its lock held, so that our own changes never make it out of date.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::Inner;
use super::file::PosixFile;
use super::index::{Index, SharedIndex, slot_bytes};
use super::links::Link;
use super::names::to_linux;
use super::nodes::Source;
use super::resolve::join;
use super::sys::{self, InodeKind, NodeKey, ProcPath, Stat};
use super::xattr::Part;
use crate::vfs::{Existing, VfsError, VfsPath, check_new_name};

/// A folder that is about to change, with its index if one is held.
struct Folder<'a> {
    place: BorrowedFd<'a>,
    key: NodeKey,
    slot: Option<MutexGuard<'a, Option<Index>>>,
}

impl<'a> Folder<'a> {
    /// Locks the index that is held for the folder, or none.
    fn new(place: BorrowedFd<'a>, key: NodeKey, shared: Option<&'a SharedIndex>) -> Self {
        Folder { place, key, slot: shared.map(|shared| shared.lock()) }
    }

    /// Makes sure that the index can be changed along; forgets it otherwise.
    fn check(&mut self, inner: &Inner) {
        if let Some(slot) = &mut self.slot
            && !inner.indexes.is_held_and_true(slot, self.place)
        {
            **slot = None;
        }
    }

    /// Takes our own change along.
    fn changed(&mut self, inner: &Inner, change: impl FnOnce(&mut Index) -> Result<(), Errno>) {
        let Some(slot) = &mut self.slot else { return };
        let Some(index) = slot.as_mut() else { return };
        if change(index).is_ok() {
            inner.changed_folder(self.key, index, self.place);
        } else {
            **slot = None;
        }
    }

    fn finish(self, inner: &Inner) {
        let bytes = self.slot.as_deref().map(slot_bytes);
        drop(self.slot);
        if let Some(bytes) = bytes {
            inner.indexes.account(self.key, bytes);
        }
    }
}

/// A file that lost its last name: what of it is in the store goes, too.
struct Leftovers {
    key: NodeKey,
    id: u64,
    streams: bool,
    parts: Vec<Part>,
}

impl Inner {
    /// After our own change of a folder's entries: its index is true, and its attribute is as it was.
    pub(super) fn changed_folder(&self, folder: NodeKey, index: &mut Index, place: BorrowedFd<'_>) {
        let before = index.changed_on_disk();
        self.indexes.restamp(index, place);
        self.nodes.changed_by_us(folder, before, index.changed_on_disk());
    }

    /// The folder and Linux name of a link, if the name still leads to the file.
    fn place_of(&self, link: &Link, key: NodeKey) -> Result<(VfsPath, OwnedFd, Vec<u8>, Stat), VfsError> {
        loop {
            let path = link.live_path().ok_or(VfsError::NotFound)?;
            let (parent, name) = path.split_last().ok_or(VfsError::PermissionDenied)?;
            let linux = to_linux(name).ok_or(VfsError::NotFound)?.into_owned();
            let found = self.directory(&parent).and_then(|directory| {
                let stat = sys::stat_at(&directory, &linux[..])?;
                Ok((directory, stat))
            });
            match found {
                Ok((directory, stat)) if stat.key == key => return Ok((path, directory, linux, stat)),
                // A rename of a folder above may have come between.
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) if link.live_path().as_ref() != Some(&path) => {}
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => return Err(VfsError::NotFound),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// [`super::PosixVolume::unlink`].
    pub(super) fn unlink(&self, file: &PosixFile) -> Result<(), VfsError> {
        let _one_at_a_time = file.link.changing.lock();
        let (path, directory, linux, stat) = self.place_of(&file.link, file.key)?;
        let leftovers = self.leftovers(&stat, Source::Open(&file.descriptor))?;
        let key = sys::stat(&directory)?.key;
        let shared = self.indexes.of(key);
        let mut folder = Folder::new(directory.as_fd(), key, Some(&shared));
        folder.check(self);
        // Before the lock of the folder's index another file may have been renamed onto the name.
        if sys::stat_at(&directory, &linux[..])?.key != file.key {
            return Err(VfsError::NotFound);
        }
        rustix::fs::unlinkat(&directory, &linux[..], removal(file.kind == InodeKind::Directory))?;
        folder.changed(self, |index| {
            index.remove(&linux);
            Ok(())
        });
        folder.finish(self);
        self.links.removed(&path, file.key);
        self.name_is_gone(key, &linux);
        if let Some(leftovers) = leftovers {
            self.remove_leftovers(&leftovers);
        }
        Ok(())
    }

    fn name_is_gone(&self, folder: NodeKey, linux: &[u8]) {
        if let Some(tunnel) = &self.tunnel {
            tunnel.removed(folder, super::names::to_windows_name(linux).as_wtf8());
        }
    }

    /// What goes with the last name of an inode; `None` while it has others.
    fn leftovers(&self, stat: &Stat, source: Source<'_>) -> Result<Option<Leftovers>, VfsError> {
        if stat.links > 1 && !stat.is_directory() {
            return Ok(None);
        }
        let (id, streams, stored) =
            self.nodes.with(stat, source, |info| (info.id, info.has_streams, info.has_stored_parts))?;
        let mut parts = Vec::new();
        if stored && let super::nodes::Found::Record(record, _) = self.nodes.read(stat, source)? {
            parts = vec![record.extended_attributes, record.reparse];
        }
        Ok(Some(Leftovers { key: stat.key, id, streams, parts }))
    }

    fn remove_leftovers(&self, leftovers: &Leftovers) {
        self.nodes.forget(leftovers.key);
        self.indexes.forget(leftovers.key);
        for part in &leftovers.parts {
            if let Part::Stored { hash, .. } = part {
                self.store.remove_part(leftovers.id, *hash);
            }
        }
        if leftovers.streams
            && let Err(errno) = self.store.remove_streams(leftovers.id)
        {
            tracing::warn!(id = leftovers.id, %errno, "the streams of a removed file could not be removed");
        }
    }

    /// [`super::PosixVolume::rename`].
    pub(super) fn rename(
        &self,
        file: &PosixFile,
        to: &VfsPath,
        existing: Existing,
    ) -> Result<VfsPath, VfsError> {
        let (to_parent, name) = to.split_last().ok_or(VfsError::NameInvalid)?;
        let target = self.target_directory(&to_parent)?;
        check_new_name(target.stat.key == self.root_key, name)?;
        let new = to_linux(name).ok_or(VfsError::NameInvalid)?;
        let new_path = join(&target.path, name).ok_or(VfsError::NameInvalid)?;
        let _one_at_a_time = file.link.changing.lock();
        let (path, directory, old, before) = self.place_of(&file.link, file.key)?;
        let from_key = sys::stat(&directory)?.key;
        let to_key = target.stat.key;
        let is_directory = file.kind == InodeKind::Directory;
        if is_directory && target.path.is_within(&path) {
            return Err(VfsError::OutOfRange);
        }

        // The target's index is needed to know whether the name is taken in another spelling. Locks in order.
        let to_shared = self.indexes.of(to_key);
        let from_shared = if from_key == to_key { None } else { self.indexes.if_held(from_key) };
        let mut from_folder = None;
        if from_key < to_key {
            from_folder = Some(Folder::new(directory.as_fd(), from_key, from_shared.as_ref()));
        }
        let mut to_folder = Folder::new(target.place.as_fd(), to_key, Some(&to_shared));
        let mut from_folder =
            from_folder.unwrap_or_else(|| Folder::new(directory.as_fd(), from_key, from_shared.as_ref()));
        from_folder.check(self);
        let taken = match &mut to_folder.slot {
            Some(slot) => {
                let index = self.indexes.validate(slot, target.place.as_fd())?;
                index.taken(name, existing.case()).map(<[u8]>::to_vec)
            }
            None => None,
        };
        let is_self = |taken: &Vec<u8>| from_key == to_key && *taken == old;
        let taken = taken.filter(|taken| !is_self(taken));

        let renaming = self.links.begin();
        let mut replaced = None;
        match &taken {
            None if from_key == to_key && *old == *new => {}
            None => {
                let flags = RenameFlags::NOREPLACE;
                rustix::fs::renameat_with(&directory, &old[..], &target.place, &*new, flags)?;
            }
            Some(_) if !existing.replaces() => return Err(VfsError::Exists),
            Some(taken) => {
                replaced = self.replace(file, &directory, &old, &target.place, taken, &new)?;
            }
        }
        if from_key == to_key {
            to_folder.changed(self, |index| {
                taken.iter().for_each(|taken| index.remove(taken));
                index.remove(&old);
                index.insert(&new)
            });
        } else {
            from_folder.changed(self, |index| {
                index.remove(&old);
                Ok(())
            });
            to_folder.changed(self, |index| {
                taken.iter().for_each(|taken| index.remove(taken));
                index.insert(&new)
            });
        }
        from_folder.finish(self);
        to_folder.finish(self);
        if let (Some((leftovers, victim)), Some(taken)) = (&replaced, &taken) {
            let spelled = super::names::to_windows_name(taken);
            if let Some(taken_path) = join(&target.path, spelled.as_wtf8()) {
                self.links.removed(&taken_path, *victim);
            }
            if let Some(leftovers) = leftovers {
                self.remove_leftovers(leftovers);
            }
        }
        self.links.moved(&path, &new_path, file.key, is_directory);
        self.name_is_gone(from_key, &old);
        drop(renaming);
        file.link.name_is_new.store(true, Ordering::Release);
        if from_key != to_key {
            // What it inherits may be different there.
            self.inheritance_epoch.fetch_add(u64::from(is_directory), Ordering::AcqRel);
        }
        let after = sys::stat(file.descriptor.place())?;
        self.nodes.changed_by_us(file.key, before.changed, after.changed);
        if is_directory {
            self.indexes.moved(&before, &after);
        }
        self.forget_set_change_time(file, &after)?;
        Ok(new_path)
    }

    /// Renames over `taken`, which is then spelled `new`. Tells what was replaced.
    fn replace(
        &self,
        file: &PosixFile,
        directory: &OwnedFd,
        old: &[u8],
        target: &OwnedFd,
        taken: &[u8],
        new: &[u8],
    ) -> Result<Option<(Option<Leftovers>, NodeKey)>, VfsError> {
        let victim = sys::stat_at(target, taken)?;
        if victim.key == file.key {
            // Another name of the same file: rename(2) would leave both.
            rustix::fs::unlinkat(target, taken, AtFlags::empty())?;
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(directory, old, target, new, flags)?;
            return Ok(Some((None, victim.key)));
        }
        match (file.kind == InodeKind::Directory, victim.is_directory()) {
            (false, true) => return Err(VfsError::IsADirectory),
            (true, false) => return Err(VfsError::NotADirectory),
            _ => {}
        }
        let leftovers = self.leftovers(&victim, Source::Entry(target.as_fd(), taken))?;
        match rustix::fs::renameat(directory, old, target, taken) {
            Err(Errno::EXIST) => return Err(VfsError::NotEmpty),
            other => other?,
        }
        if taken != new {
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(target, taken, target, new, flags)?;
        }
        Ok(Some((leftovers, victim.key)))
    }

    /// After a change of the inode that only the kernel recorded: a ChangeTime that was set holds no longer.
    fn forget_set_change_time(&self, file: &PosixFile, stat: &Stat) -> Result<(), VfsError> {
        let source = Source::Open(&file.descriptor);
        if self.nodes.with(stat, source, |info| info.has_explicit_change_time())? {
            file.update_record(None, |record, _| {
                record.changed = None;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// [`super::PosixVolume::link`].
    pub(super) fn link(&self, file: &PosixFile, to: &VfsPath, existing: Existing) -> Result<(), VfsError> {
        let (to_parent, name) = to.split_last().ok_or(VfsError::NameInvalid)?;
        let target = self.target_directory(&to_parent)?;
        check_new_name(target.stat.key == self.root_key, name)?;
        let new = to_linux(name).ok_or(VfsError::NameInvalid)?;
        if file.kind == InodeKind::Directory {
            return Err(VfsError::IsADirectory);
        }
        if sys::stat(file.descriptor.place())?.links == 0 {
            return Err(VfsError::NotFound);
        }
        let place = target.place.as_fd();
        let own = ProcPath::new(file.descriptor.place(), b"")?;
        let make_link = |directory: BorrowedFd<'_>, name: &[u8]| {
            let follow = AtFlags::SYMLINK_FOLLOW;
            rustix::fs::linkat(rustix::fs::CWD, own.as_bytes(), directory, name, follow)
        };
        let replaced = self
            .indexes
            .with(target.stat.key, place, |index| {
                let Some(taken) = index.taken(name, existing.case()).map(<[u8]>::to_vec) else {
                    make_link(place, &new)?;
                    if index.insert(&new).is_ok() {
                        self.changed_folder(target.stat.key, index, place);
                    }
                    return Ok(None);
                };
                if !existing.replaces() {
                    return Err(VfsError::Exists);
                }
                let victim = sys::stat_at(place, &taken[..])?;
                if victim.key == file.key {
                    return Ok(None);
                }
                if victim.is_directory() {
                    return Err(VfsError::IsADirectory);
                }
                let leftovers = self.leftovers(&victim, Source::Entry(place, &taken))?;
                // A new link takes the place of another name in one step only by a rename.
                let tmp = self.store.tmp_name();
                make_link(self.store.tmp.as_fd(), &tmp)?;
                if let Err(errno) = rustix::fs::renameat(&self.store.tmp, &tmp[..], place, &taken[..]) {
                    let _ = rustix::fs::unlinkat(&self.store.tmp, &tmp[..], AtFlags::empty());
                    return Err(errno.into());
                }
                if taken != *new {
                    let flags = RenameFlags::NOREPLACE;
                    rustix::fs::renameat_with(place, &taken[..], place, &*new, flags)?;
                    index.remove(&taken);
                    if index.insert(&new).is_err() {
                        return Err(VfsError::OutOfResources);
                    }
                }
                self.changed_folder(target.stat.key, index, place);
                Ok(Some((leftovers, victim.key, taken)))
            })
            .map_err(VfsError::from)
            .and_then(|linked| linked)?;
        if let Some((leftovers, victim, taken)) = replaced {
            let spelled = super::names::to_windows_name(&taken);
            if let Some(taken_path) = join(&target.path, spelled.as_wtf8()) {
                self.links.removed(&taken_path, victim);
            }
            if let Some(leftovers) = leftovers {
                self.remove_leftovers(&leftovers);
            }
        }
        self.forget_set_change_time(file, &sys::stat(file.descriptor.place())?)
    }
}

pub(super) fn removal(is_directory: bool) -> AtFlags {
    if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() }
}
