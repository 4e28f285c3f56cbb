//! From a path to an open file.
//!
//! The path as spelled is tried first, in one system call that cannot leave the volume. Only when that fails is the
//! way gone component by component, through the indexes of the folders.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_dtyp::{Wtf8, Wtf8Buf};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::Inner;
use super::file::PosixFile;
use super::index::Index;
use super::links::Link;
use super::names::{path_to_linux, to_linux, to_windows_name};
use super::nodes::Source;
use super::special::reparse_data;
use super::store::is_derived_id;
use super::sys::{self, Descriptor, InodeKind, Stat};
use crate::vfs::{DataUse, FileRef, NameCase, NodeId, OpenError, Opened, VfsError, VfsPath, is_reserved};

/// An open that races with renames is tried again so often.
const MAX_TRIES: usize = 8;

/// A place that was found.
pub(super) struct Located {
    pub(super) place: OwnedFd,
    pub(super) stat: Stat,
    /// In the spelling on disk.
    pub(super) path: VfsPath,
}

/// Why there is no place.
pub(super) enum LocateError {
    /// The directory is there, the name is not.
    Missing(Box<Located>),
    PathNotFound,
    NotADirectory,
    Reparse(usize, Vec<u8>),
    Failed(VfsError),
}

impl From<Errno> for LocateError {
    fn from(errno: Errno) -> Self {
        LocateError::Failed(errno.into())
    }
}

impl From<VfsError> for LocateError {
    fn from(error: VfsError) -> Self {
        LocateError::Failed(error)
    }
}

/// True when the path leads to or into the volume's own folder.
fn is_into_reserved(path: &VfsPath) -> bool {
    let text = path.as_wtf8();
    // No other name of this length begins so: a look at one byte is enough for nearly all.
    text.as_bytes().first() == Some(&b'.') && path.components().next().is_some_and(is_reserved)
}

impl Inner {
    /// Opens a directory whose path is in the spelling on disk.
    pub(super) fn directory(&self, path: &VfsPath) -> Result<OwnedFd, Errno> {
        let linux = path_to_linux(path.as_wtf8()).ok_or(Errno::NOENT)?;
        match sys::open_directory(&self.root, &linux) {
            Err(Errno::NAMETOOLONG) => {
                // Longer than the kernel takes at once.
                let mut at = sys::open_directory(&self.root, b"")?;
                for component in path.components() {
                    let name = to_linux(component).ok_or(Errno::NOENT)?;
                    at = sys::open_directory(&at, &name)?;
                }
                Ok(at)
            }
            other => other,
        }
    }

    /// Finds a path, wherever case differs (and may differ) through the indexes.
    pub(super) fn locate(&self, path: &VfsPath, case: NameCase) -> Result<Located, LocateError> {
        if !is_into_reserved(path)
            && let Some(linux) = path_to_linux(path.as_wtf8())
        {
            match sys::open_path(&self.root, &linux) {
                Ok(place) => {
                    let stat = sys::stat(&place)?;
                    return Ok(Located { place, stat, path: path.clone() });
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => {}
                Err(errno) => return Err(errno.into()),
            }
            // Usually all but the last component is spelled right.
            if let Some((parent, name)) = path.split_last()
                && let Some(linux) = path_to_linux(parent.as_wtf8())
                && let Ok(place) = sys::open_directory(&self.root, &linux)
            {
                let stat = sys::stat(&place)?;
                let name_index = path.components().count().saturating_sub(1);
                let located = Located { place, stat, path: parent };
                self.check_way(&located, name_index.saturating_sub(1))?;
                let found = if case.is_exact_at(name_index) {
                    self.step(located, name, true)?
                } else {
                    // Not there as spelled, a moment ago: the index knows every spelling.
                    self.step_by_index(located, name)?
                };
                return found.map_err(|at| LocateError::Missing(Box::new(at)));
            }
        }
        self.walk(path, case)
    }

    fn walk(&self, path: &VfsPath, case: NameCase) -> Result<Located, LocateError> {
        let place = sys::open_directory(&self.root, b"")?;
        let stat = sys::stat(&place)?;
        let mut at = Located { place, stat, path: VfsPath::root() };
        let mut components = path.components().enumerate().peekable();
        while let Some((index, name)) = components.next() {
            if index > 0 {
                self.check_way(&at, index - 1)?;
            }
            let is_last = components.peek().is_none();
            at = match self.step(at, name, case.is_exact_at(index))? {
                Ok(next) => next,
                Err(parent) if is_last => return Err(LocateError::Missing(Box::new(parent))),
                Err(_) => return Err(LocateError::PathNotFound),
            };
        }
        Ok(at)
    }

    /// Checks that the way can go on through `at`, component `index`.
    fn check_way(&self, at: &Located, index: usize) -> Result<(), LocateError> {
        if let Some(data) = reparse_data(at.stat.kind, at.place.as_fd())? {
            return Err(LocateError::Reparse(index, data));
        }
        let source = Source::Place(at.place.as_fd());
        let has_tag = self.nodes.with(&at.stat, source, |info| info.reparse_tag != 0)?;
        if has_tag && let Some(data) = self.stored_reparse(&at.stat, source)? {
            return Err(LocateError::Reparse(index, data));
        }
        if at.stat.is_directory() { Ok(()) } else { Err(LocateError::NotADirectory) }
    }

    /// One component further, `exact` in this spelling only; the inner error gives the directory back when the name is
    /// not there.
    fn step(
        &self,
        at: Located,
        name: Wtf8<'_>,
        exact: bool,
    ) -> Result<Result<Located, Located>, LocateError> {
        if at.stat.key == self.root_key && is_reserved(name) {
            return Ok(Err(at));
        }
        let place = match &to_linux(name) {
            Some(linux) => sys::open_path(&at.place, linux),
            None => Err(Errno::NOENT),
        };
        match place {
            Ok(place) => self.stepped(&at, place, name).map(Ok),
            Err(Errno::NOENT | Errno::NAMETOOLONG) if exact => Ok(Err(at)),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => self.step_by_index(at, name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// One component further by the index of `at`, in any case.
    fn step_by_index(&self, at: Located, name: Wtf8<'_>) -> Result<Result<Located, Located>, LocateError> {
        if at.stat.key == self.root_key && is_reserved(name) {
            return Ok(Err(at));
        }
        let find = |index: &mut Index| index.find(name).map(<[u8]>::to_vec);
        let found = match self.indexes.with_seen(&at.stat, at.place.as_fd(), find) {
            Ok(found) => found,
            Err(Errno::NOENT) => None, // the directory itself was removed
            Err(errno) => return Err(errno.into()),
        };
        let Some(linux) = found else { return Ok(Err(at)) };
        match sys::open_path(&at.place, &linux) {
            Ok(place) => self.stepped(&at, place, to_windows_name(&linux).as_wtf8()).map(Ok),
            Err(Errno::NOENT) => Ok(Err(at)), // removed just now
            Err(errno) => Err(errno.into()),
        }
    }

    fn stepped(&self, at: &Located, place: OwnedFd, spelled: Wtf8<'_>) -> Result<Located, LocateError> {
        let stat = sys::stat(&place)?;
        let path = join(&at.path, spelled).ok_or(VfsError::NameInvalid)?;
        Ok(Located { place, stat, path })
    }

    /// [`super::PosixVolume::open`].
    pub(super) fn open(
        self: &Arc<Self>,
        path: &VfsPath,
        stream: Option<Wtf8<'_>>,
        data_use: DataUse,
    ) -> Result<Opened, OpenError> {
        let write = data_use.write;
        let mut tries = 0;
        loop {
            tries += 1;
            let moment = self.links.moment();
            let opened = match self.locate(path, data_use.case) {
                Ok(located) => self.opened(located, write).map_err(OpenError::Failed),
                Err(LocateError::Missing(parent)) => match self.opened(*parent, write) {
                    Ok(parent) => Err(OpenError::NotFound(Box::new(parent))),
                    Err(error) => Err(OpenError::Failed(error)),
                },
                Err(LocateError::PathNotFound) => Err(OpenError::PathNotFound),
                Err(LocateError::NotADirectory) => Err(OpenError::NotADirectory),
                Err(LocateError::Reparse(index, data)) => Err(OpenError::Reparse { index, data }),
                Err(LocateError::Failed(error)) => Err(OpenError::Failed(error)),
            };
            // A rename in between: the link that was just made may have the path of before. And what could not be made
            // complete was never there.
            let again = !self.links.is_still(moment) || opened.as_ref().is_ok_and(was_never_made);
            if again && tries < MAX_TRIES {
                continue;
            }
            return match (opened, stream) {
                (Ok(opened), Some(name)) => self.open_stream(opened, name, write),
                (opened, _) => opened,
            };
        }
    }

    fn opened(self: &Arc<Self>, located: Located, write: bool) -> Result<Opened, VfsError> {
        let Located { place, stat, path } = located;
        let link = self.links.open(path.clone(), stat.key, stat.size_bytes);
        self.finish(Descriptor::from_path(place), &stat, link, path, write)
    }

    /// Makes the handle of what was opened or made.
    pub(super) fn finish(
        self: &Arc<Self>,
        descriptor: Descriptor,
        stat: &Stat,
        link: Arc<Link>,
        path: VfsPath,
        write: bool,
    ) -> Result<Opened, VfsError> {
        let source = Source::Open(&descriptor);
        let epoch = self.inheritance_epoch.load(Ordering::Acquire);
        let (metadata, known) =
            self.nodes.with(stat, source, |info| (info.metadata(stat), info.known_descriptor(epoch)))?;
        let security = match known {
            Some(known) => known,
            None => self.security(stat, source, &path)?,
        };
        let file = PosixFile {
            volume: Arc::clone(self),
            key: stat.key,
            id: NodeId(metadata.id.0),
            kind: stat.kind,
            descriptor,
            link,
            stream: None,
            write,
            listing: Mutex::new(None),
            lock_owner: AtomicU64::new(0),
            place: Mutex::new(None),
        };
        Ok(Opened { file: FileRef(Arc::new(file)), metadata, security, path })
    }

    /// A directory that a rename or link leads to, spelled in any case.
    pub(super) fn target_directory(&self, path: &VfsPath) -> Result<Located, VfsError> {
        match self.locate(path, NameCase::Ignored) {
            Ok(located) if located.stat.is_directory() => {
                // Nothing is put behind a reparse point, where no path leads.
                let source = Source::Place(located.place.as_fd());
                if self.nodes.with(&located.stat, source, |info| info.reparse_tag != 0)? {
                    return Err(VfsError::NotADirectory);
                }
                Ok(located)
            }
            Ok(Located { stat: Stat { kind: InodeKind::File, .. }, .. }) => Err(VfsError::NotADirectory),
            Err(LocateError::Failed(error)) => Err(error),
            _ => Err(VfsError::NotFound),
        }
    }
}

/// True for a file without an attribute that lost its name while it was opened: it may be one that was being made, and
/// was taken back. Nothing is asked for one with an attribute.
fn was_never_made(opened: &Opened) -> bool {
    is_derived_id(opened.metadata.id.0)
        && super::own(&opened.file)
            .and_then(|file| Ok(sys::stat(file.descriptor.place())?))
            .is_ok_and(|stat| stat.links == 0)
}

/// The path of `name` in `directory`.
pub(super) fn join(directory: &VfsPath, name: Wtf8<'_>) -> Option<VfsPath> {
    let name: Wtf8Buf = name.to_owned();
    Some(directory.join(&VfsPath::new(name)?))
}
