//! What an administrator does to one object, and reads of a tree.

use std::sync::Arc;
use std::time::SystemTime;

use freehold_acl::{AclEdit, SecurityDescriptor};
use freehold_dtyp::{FileTime, Wtf8Buf};

use super::node::{self, NodeError};
use super::{AclJobs, record};
use crate::proto::op::VolumeRef;
use crate::state::{NewAclJob, StateError};
use crate::vfs::{DirectoryCursor, FileRef, NodeKind, Opened, VfsError, VfsPath};

/// How often a change starts again because somebody else changes the descriptor meanwhile.
const MAX_ATTEMPTS: u32 = 16;
/// Names taken from a listing at once.
const BATCH: usize = 64;

/// Why an administrator's request was not done.
#[derive(Debug, thiserror::Error)]
pub enum AclError {
    /// No such volume.
    #[error("there is no volume called {0:?}")]
    NoVolume(String),
    /// The root of a volume inherits from nothing.
    #[error("the root of a volume has nothing to inherit from: set its access with `freehold acl set`")]
    NothingToInherit,
    /// Somebody else changes the same descriptor all the time.
    #[error("the access-control list is being changed by others all the time: try again")]
    Busy,
    /// The object cannot be read or changed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The job cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl From<VfsError> for AclError {
    fn from(error: VfsError) -> Self {
        AclError::Node(error.into())
    }
}

/// What a change did, or would do.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The object is a folder.
    pub is_directory: bool,
    /// Its descriptor before.
    pub before: Arc<SecurityDescriptor>,
    /// And after.
    pub after: Arc<SecurityDescriptor>,
    /// The job that hands it down, where there is something to hand down.
    pub job: Option<i64>,
}

/// An object of a tree that is read.
#[derive(Clone, Debug)]
pub struct Found {
    /// Path below the tree's root; empty for the root itself.
    pub path: VfsPath,
    /// It is a folder.
    pub is_directory: bool,
    /// Its descriptor, or why it cannot be read.
    pub security: Result<Arc<SecurityDescriptor>, VfsError>,
}

impl AclJobs {
    fn volume(&self, name: &str) -> Result<&VolumeRef, AclError> {
        self.volumes.get(name).ok_or_else(|| AclError::NoVolume(name.to_owned()))
    }

    /// Makes `edit` on the object at `path`, inherits anew what its folder gives, and, for a folder, has everything below it
    /// inherit anew; with `recurse` the edit is made on everything below, too. With `only_say` nothing is done.
    ///
    /// The object is changed when this returns; what is below follows.
    ///
    /// # Errors
    /// [`AclError`]; nothing is changed.
    pub fn change(
        self: &Arc<Self>,
        volume_name: &str,
        path: &VfsPath,
        edit: &AclEdit,
        recurse: bool,
        continue_on_error: bool,
        only_say: bool,
    ) -> Result<Changed, AclError> {
        let volume = self.volume(volume_name)?;
        let opened = node::open(volume, path)?;
        let path = opened.path.clone();
        let parent = self.parent(volume, &path)?;
        if parent.is_none() && matches!(edit, AclEdit::Reset) {
            return Err(AclError::NothingToInherit);
        }
        let is_directory = opened.metadata.kind == NodeKind::Directory;
        for _ in 0..MAX_ATTEMPTS {
            let before = opened.file.0.security()?;
            let above = parent.as_ref().map(|parent| parent.0.security()).transpose()?;
            let after = node::root_descriptor(above.as_deref(), &before, edit, is_directory)
                .map_err(NodeError::from)?;
            if only_say {
                return Ok(Changed { is_directory, before, after, job: None });
            }
            if record::is_refused(&self.core, &before, &after) {
                return Err(NodeError::NotRecorded.into());
            }
            // Kept first: should the server end between the root and the rest, the rest follows when it runs again.
            let job = node::is_folder(&opened).then(|| NewAclJob {
                volume: volume_name.to_owned(),
                path: path.as_wtf8().to_owned(),
                edit: recurse.then(|| edit.clone()),
                continue_on_error,
                sacl: edit.touches_sacl() || before.sacl != after.sacl,
                root: Some((SecurityDescriptor::clone(&before), SecurityDescriptor::clone(&after))),
            });
            let job = job.map(|job| self.state.add_acl_job(&job)).transpose()?;
            let replaced = opened.file.0.replace_security(&before, &after, now());
            match replaced {
                Ok(true) => {
                    let told = node::tell(self, volume, &path, is_directory, (&before, &after), true);
                    if let Some(id) = job {
                        self.state.queue_acl_job(id)?;
                        self.wake(volume_name);
                    }
                    told?;
                    return Ok(Changed { is_directory, before, after, job });
                }
                Ok(false) | Err(_) => {
                    if let Some(id) = job {
                        self.state.drop_acl_job(id)?;
                    }
                    replaced?;
                }
            }
        }
        Err(AclError::Busy)
    }

    /// The folder that holds `path`; `None` for the root of a volume.
    fn parent(&self, volume: &VolumeRef, path: &VfsPath) -> Result<Option<FileRef>, AclError> {
        match path.split_last() {
            Some((parent, _)) => Ok(Some(node::open(volume, &parent)?.file)),
            None => Ok(None),
        }
    }

    /// Replaces the parts that `parts` has, exactly and on this object alone: nothing is inherited anew, nothing handed down.
    ///
    /// # Errors
    /// [`AclError`]; nothing is changed.
    pub fn restore(
        &self,
        volume_name: &str,
        path: &VfsPath,
        parts: &SecurityDescriptor,
    ) -> Result<bool, AclError> {
        let volume = self.volume(volume_name)?;
        let opened = node::open(volume, path)?;
        let is_directory = opened.metadata.kind == NodeKind::Directory;
        let edit = AclEdit::Set { descriptor: parts.clone() };
        let mut failed = None;
        let mut before = Arc::clone(&opened.security);
        let mut change = |present: &Arc<SecurityDescriptor>| {
            before = Arc::clone(present);
            match edit.apply(present, is_directory) {
                Ok(new) if record::is_refused(&self.core, present, &new) => {
                    failed = Some(NodeError::NotRecorded)
                }
                Ok(new) => return Ok((new != **present).then(|| Arc::new(new))),
                Err(error) => failed = Some(error.into()),
            }
            Ok(None)
        };
        let changed = opened.file.0.change_security(&mut change, now())?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let Some(after) = changed else { return Ok(false) };
        node::tell(self, volume, &opened.path, is_directory, (&before, &after), true)?;
        Ok(true)
    }

    /// Reads descriptors of the object at `path` and, with `recurse`, of everything below it, folders before what is in them.
    /// `visit` gets each and says whether to go on.
    ///
    /// # Errors
    /// When the object itself cannot be read.
    pub fn read(
        &self,
        volume_name: &str,
        path: &VfsPath,
        recurse: bool,
        visit: &mut dyn FnMut(Found) -> bool,
    ) -> Result<(), AclError> {
        let volume = self.volume(volume_name)?;
        let opened = node::open(volume, path)?;
        if !visit(found(VfsPath::root(), &opened)) || !recurse || !node::is_folder(&opened) {
            return Ok(());
        }
        let mut levels = vec![(opened.file, VfsPath::root(), Some(DirectoryCursor::default()), Vec::new())];
        while let Some((folder, below, cursor, names)) = levels.last_mut() {
            let Some(name): Option<Wtf8Buf> = names.pop() else {
                let Some(from) = *cursor else {
                    levels.pop();
                    continue;
                };
                let listed = folder.0.list(from, &mut |name, _| {
                    let fits = names.len() < BATCH;
                    if fits {
                        names.push(name.to_owned());
                    }
                    fits
                });
                names.reverse();
                match listed {
                    Ok(next) => *cursor = next,
                    Err(error) => {
                        *cursor = None;
                        let failed = Found { path: below.clone(), is_directory: true, security: Err(error) };
                        if !visit(failed) {
                            return Ok(());
                        }
                    }
                }
                continue;
            };
            let Some(name) = VfsPath::new(name) else { continue };
            let path = folder.0.path().join(&name);
            let below = below.join(&name);
            let go_on = match node::open(volume, &path) {
                Ok(opened) => {
                    let go_on = visit(found(below.clone(), &opened));
                    if node::is_folder(&opened) {
                        levels.push((opened.file, below, Some(DirectoryCursor::default()), Vec::new()));
                    }
                    go_on
                }
                Err(VfsError::NotFound | VfsError::NotADirectory) => true,
                Err(error) => visit(Found { path: below, is_directory: false, security: Err(error) }),
            };
            if !go_on {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn found(path: VfsPath, opened: &Opened) -> Found {
    let is_directory = opened.metadata.kind == NodeKind::Directory;
    Found { path, is_directory, security: Ok(Arc::clone(&opened.security)) }
}

fn now() -> FileTime {
    FileTime::from_system_time(SystemTime::now())
}
