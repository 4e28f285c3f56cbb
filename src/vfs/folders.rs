//! A folder that is there when it is needed: made on the way to it, each missing component with the descriptor that it is to
//! have.

use std::sync::Arc;

use freehold_acl::{SecurityDescriptor, Token, create_descriptor};
use freehold_dtyp::FileTime;

use super::{DataUse, NameCase, NewNode, NodeKind, OpenError, Opened, VfsError, VfsPath, Volume};
use crate::fscc::FileAttributes;

/// How often a component is looked up again because it comes and goes meanwhile.
const MAX_ATTEMPTS: u32 = 8;

/// What may be made of a path.
#[derive(Debug)]
pub struct Missing {
    /// Components in front are made by nobody: where one is missing, so is the folder.
    pub from: usize,
    /// The component, from 0, that gets a descriptor of its own; what is made below inherits from it.
    pub owned: Option<(usize, Arc<SecurityDescriptor>)>,
    /// Who makes the others.
    pub token: Arc<Token>,
    /// The present time.
    pub now: FileTime,
}

/// A folder that is there.
#[derive(Debug)]
pub struct Folder {
    /// Its path, as spelled on disk.
    pub path: VfsPath,
    /// What was made on the way, in that order.
    pub made: Vec<VfsPath>,
}

/// Finds a folder, and makes what is missing of it. Symbolic links are not followed.
///
/// # Errors
/// [`VfsError::NotFound`] for what is not to be made, [`VfsError::NotADirectory`] where something else has the name, and what
/// making a directory can fail for.
pub fn find_or_make(volume: &dyn Volume, path: &VfsPath, missing: &Missing) -> Result<Folder, VfsError> {
    let mut folder = Folder { path: VfsPath::root(), made: Vec::new() };
    match volume.open(path, None, DataUse::READ) {
        Ok(found) => {
            folder.path = directory(&found)?;
            return Ok(folder);
        }
        Err(OpenError::NotFound(_) | OpenError::PathNotFound) => {}
        Err(error) => return Err(failed(error)),
    }
    let components: Vec<VfsPath> =
        path.components().filter_map(|name| VfsPath::new(name.to_owned())).collect();
    for (depth, name) in components.iter().enumerate() {
        let here = folder.path.join(name);
        folder.path = step(volume, &here, depth, missing, &mut folder.made)?;
    }
    Ok(folder)
}

/// One component.
fn step(
    volume: &dyn Volume,
    here: &VfsPath,
    depth: usize,
    missing: &Missing,
    made: &mut Vec<VfsPath>,
) -> Result<VfsPath, VfsError> {
    for _ in 0..MAX_ATTEMPTS {
        let parent = match volume.open(here, None, DataUse::WRITE) {
            Ok(found) => return directory(&found),
            Err(OpenError::NotFound(parent)) if depth >= missing.from => parent,
            Err(error) => return Err(failed(error)),
        };
        let (_, name) = here.split_last().ok_or(VfsError::NotFound)?;
        match volume.create(&parent.file, name, &new_folder(&parent, depth, missing)?) {
            Ok(new) => {
                made.push(new.path.clone());
                return Ok(new.path);
            }
            // Somebody else was faster.
            Err(VfsError::Exists) => {}
            Err(error) => return Err(error),
        }
    }
    Err(VfsError::OutOfResources)
}

fn new_folder(parent: &Opened, depth: usize, missing: &Missing) -> Result<NewNode, VfsError> {
    let security = match &missing.owned {
        Some((owned, security)) if *owned == depth => Arc::clone(security),
        _ => {
            let inherited = create_descriptor(Some(&parent.security), None, &missing.token, true);
            Arc::new(inherited.map_err(|_| VfsError::Corrupt)?)
        }
    };
    Ok(NewNode {
        kind: NodeKind::Directory,
        attributes: FileAttributes::empty(),
        security,
        extended_attributes: Vec::new(),
        allocation_bytes: 0,
        no_compression: false,
        now: missing.now,
        case: NameCase::Ignored,
    })
}

/// The path of what was found, which must be a directory and no link to one.
fn directory(found: &Opened) -> Result<VfsPath, VfsError> {
    let link = found.metadata.attributes.contains(FileAttributes::REPARSE_POINT);
    if found.metadata.kind == NodeKind::Directory && !link {
        Ok(found.path.clone())
    } else {
        Err(VfsError::NotADirectory)
    }
}

fn failed(error: OpenError) -> VfsError {
    match error {
        OpenError::Failed(error) => error,
        OpenError::NotFound(_) | OpenError::StreamNotFound(_) | OpenError::PathNotFound => VfsError::NotFound,
        OpenError::NotADirectory | OpenError::Reparse { .. } => VfsError::NotADirectory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::memory::{MemoryOptions, MemoryVolume};

    fn volume() -> MemoryVolume {
        let root: SecurityDescriptor = "O:BAG:SYD:AI(A;OICI;FA;;;BA)".parse().unwrap();
        MemoryVolume::new(MemoryOptions::new(Arc::new(root)))
    }

    fn path(text: &str) -> VfsPath {
        VfsPath::new(text.into()).unwrap()
    }

    fn missing(from: usize, owned: usize) -> Missing {
        let own: SecurityDescriptor = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)".parse().unwrap();
        let token = Arc::new(Token::system());
        Missing { from, owned: Some((owned, Arc::new(own))), token, now: FileTime(1) }
    }

    #[test]
    fn what_is_missing_is_made_once_and_found_in_any_case() {
        let volume = volume();
        let first = find_or_make(&volume, &path("users/Alice/docs"), &missing(0, 1)).unwrap();
        assert_eq!(first.path, path("users/Alice/docs"));
        assert_eq!(first.made, [path("users"), path("users/Alice"), path("users/Alice/docs")]);
        let again = find_or_make(&volume, &path("USERS/alice/DOCS"), &missing(0, 1)).unwrap();
        assert_eq!((again.path, again.made), (first.path, vec![]));
        let security = |name| volume.open(&path(name), None, DataUse::READ).unwrap().security.to_sddl();
        assert_eq!(security("users"), "O:SYG:SYD:AI(A;OICIID;FA;;;BA)");
        assert_eq!(security("users/Alice"), "O:SYG:SYD:PAI(A;OICI;FA;;;SY)");
        assert_eq!(security("users/Alice/docs"), "O:SYG:SYD:AI(A;OICIID;FA;;;SY)");
    }

    #[test]
    fn what_is_fixed_is_not_made() {
        let volume = volume();
        let error = find_or_make(&volume, &path("users/alice"), &missing(1, 1)).unwrap_err();
        assert_eq!(error, VfsError::NotFound);
        assert!(volume.open(&path("users"), None, DataUse::READ).is_err());
    }

    #[test]
    fn a_file_of_the_name_is_no_folder() {
        let volume = volume();
        let root = volume.open(&VfsPath::root(), None, DataUse::WRITE).unwrap();
        let mut new = new_folder(&root, 0, &missing(0, 9)).unwrap();
        new.kind = NodeKind::File;
        volume.create(&root.file, "alice".into(), &new).unwrap();
        for name in ["alice", "alice/below"] {
            let error = find_or_make(&volume, &path(name), &missing(0, 0)).unwrap_err();
            assert_eq!(error, VfsError::NotADirectory, "{name}");
        }
    }
}
