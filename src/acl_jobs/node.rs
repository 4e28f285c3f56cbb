//! One object: what its descriptor becomes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use freehold_acl::{AclEdit, Control, EditError, SecurityDescriptor, propagate};
use freehold_dtyp::FileTime;

use super::{AclJobs, record};
use crate::fscc::notify::{CompletionFilter, NotifyAction};
use crate::proto::op::VolumeRef;
use crate::vfs::{DataUse, FileRef, NodeKind, OpenError, Opened, VfsError, VfsPath};

/// Results that are remembered: most files of a tree have the same few descriptors.
const REMEMBERED: usize = 512;

/// Why an object was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The volume refuses.
    #[error(transparent)]
    Volume(#[from] VfsError),
    /// The new descriptor cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The change must be recorded, and cannot be.
    #[error("the audit log cannot be written, and the change must be recorded")]
    NotRecorded,
}

/// Opens what is at `path`; the volume's error of an open that finds nothing.
pub(super) fn open(volume: &VolumeRef, path: &VfsPath) -> Result<Opened, VfsError> {
    volume.volume.open(path, None, DataUse::READ).map_err(|error| match error {
        OpenError::NotFound(_) | OpenError::StreamNotFound(_) | OpenError::PathNotFound => VfsError::NotFound,
        OpenError::NotADirectory | OpenError::Reparse { .. } => VfsError::NotADirectory,
        OpenError::Failed(error) => error,
    })
}

/// True for a folder whose content belongs to it: not a reparse point.
pub(super) fn is_folder(opened: &Opened) -> bool {
    opened.metadata.kind == NodeKind::Directory && opened.metadata.reparse_tag == 0
}

/// What a descriptor becomes by an edit and by what the folder gives now; `own` itself when nothing differs.
pub(super) fn new_descriptor(
    parent: Option<&SecurityDescriptor>,
    own: &Arc<SecurityDescriptor>,
    edit: Option<&AclEdit>,
    is_directory: bool,
) -> Result<Arc<SecurityDescriptor>, EditError> {
    let edited = edit.map(|edit| edit.apply(own, is_directory)).transpose()?;
    let edited = edited.as_ref().unwrap_or(own);
    let new = match parent {
        Some(parent) => propagate(parent, edited, is_directory)?,
        None => edited.clone(),
    };
    Ok(if new == **own { Arc::clone(own) } else { Arc::new(new) })
}

/// The same for the object that an administrator names: the entries that its lists give from now on are marked INHERITED
/// below, as Windows' tools have it.
pub(super) fn root_descriptor(
    parent: Option<&SecurityDescriptor>,
    own: &Arc<SecurityDescriptor>,
    edit: &AclEdit,
    is_directory: bool,
) -> Result<Arc<SecurityDescriptor>, EditError> {
    let new = new_descriptor(parent, own, Some(edit), is_directory)?;
    let auto = Control::EMPTY
        .with(Control::DACL_AUTO_INHERITED, new.dacl.is_present())
        .with(Control::SACL_AUTO_INHERITED, new.sacl.is_present());
    if !is_directory || new.control.contains(auto) {
        return Ok(new);
    }
    let mut marked = SecurityDescriptor::clone(&new);
    marked.control |= auto;
    Ok(Arc::new(marked))
}

/// Changes objects one after the other.
pub(super) struct Changer<'a> {
    jobs: &'a AclJobs,
    volume: &'a VolumeRef,
    /// By the addresses of the folder's and the object's descriptor, which stay as long as they are kept here.
    remembered: HashMap<(usize, usize, bool), Remembered>,
}

struct Remembered {
    new: Arc<SecurityDescriptor>,
    _kept: [Arc<SecurityDescriptor>; 2],
}

impl<'a> Changer<'a> {
    pub(super) fn new(jobs: &'a AclJobs, volume: &'a VolumeRef) -> Self {
        Changer { jobs, volume, remembered: HashMap::new() }
    }

    fn compute(
        &mut self,
        parent: &Arc<SecurityDescriptor>,
        own: &Arc<SecurityDescriptor>,
        edit: Option<&AclEdit>,
        is_directory: bool,
    ) -> Result<Arc<SecurityDescriptor>, EditError> {
        let address = |sd: &Arc<SecurityDescriptor>| Arc::as_ptr(sd).addr();
        let key = (address(parent), address(own), is_directory);
        if let Some(known) = self.remembered.get(&key) {
            return Ok(Arc::clone(&known.new));
        }
        let new = new_descriptor(Some(parent), own, edit, is_directory)?;
        if self.remembered.len() >= REMEMBERED {
            self.remembered.clear();
        }
        let kept = [Arc::clone(parent), Arc::clone(own)];
        self.remembered.insert(key, Remembered { new: Arc::clone(&new), _kept: kept });
        Ok(new)
    }

    /// Puts one object in `folder` right; true when that changed it. What the walk does must be the same for all objects
    /// of this changer.
    pub(super) fn put_right(
        &mut self,
        folder: &FileRef,
        opened: &Opened,
        edit: Option<&AclEdit>,
    ) -> Result<bool, NodeError> {
        let is_directory = opened.metadata.kind == NodeKind::Directory;
        let parent = folder.0.security()?;
        let new = self.compute(&parent, &opened.security, edit, is_directory)?;
        if Arc::ptr_eq(&new, &opened.security) {
            return Ok(false);
        }
        if record::is_refused(&self.jobs.core, &opened.security, &new) {
            return Err(NodeError::NotRecorded);
        }
        let mut failed = None;
        let mut before = Arc::clone(&opened.security);
        // In one step of the volume, from what folder and object have at that moment.
        let mut change = |present: &Arc<SecurityDescriptor>| {
            let parent = folder.0.security()?;
            before = Arc::clone(present);
            match self.compute(&parent, present, edit, is_directory) {
                Ok(new) => Ok((!Arc::ptr_eq(&new, present)).then_some(new)),
                Err(error) => {
                    failed = Some(error);
                    Ok(None)
                }
            }
        };
        let now = FileTime::from_system_time(SystemTime::now());
        let changed = opened.file.0.change_security(&mut change, now)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let Some(after) = changed else { return Ok(false) };
        let path = opened.file.0.path();
        tell(self.jobs, self.volume, &path, is_directory, (&before, &after), false)?;
        Ok(true)
    }
}

/// A descriptor is in place: creations under way, watchers and the audit log hear of it. With `wait` the record is kept when
/// this returns.
pub(super) fn tell(
    jobs: &AclJobs,
    volume: &VolumeRef,
    path: &VfsPath,
    is_directory: bool,
    descriptors: (&SecurityDescriptor, &SecurityDescriptor),
    wait: bool,
) -> Result<(), NodeError> {
    let server = &*jobs.core;
    if is_directory {
        server.inheritance.folder_changed();
    }
    let (action, filter) = (NotifyAction::MODIFIED.0, CompletionFilter::SECURITY.bits());
    server.notify.report(server, volume.id, path, is_directory, action, filter);
    if record::changed(server, &*jobs.recorder, volume, path, descriptors, wait) {
        Ok(())
    } else {
        Err(NodeError::NotRecorded)
    }
}
