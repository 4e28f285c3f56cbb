//! Directories of links below the folder of one share.

use freehold_acl::{SecurityDescriptor, Token, create_descriptor};
use freehold_dfs::{Fold, Folder, NamespaceIndex};
use freehold_dtyp::{Decode, FileTime, Wtf8, Wtf8Buf};

use crate::fscc::FileAttributes;
use crate::fscc::fsctl::reparse::ReparseTag;
use crate::proto::op::VolumeRef;
use crate::proto::tree_connect::{ShareTarget, Shares};
use crate::state::PlacedRoot;
use crate::vfs::{
    DataUse, DirectoryCursor, NameCase, NewNode, NodeKind, OpenError, Opened, VfsError, VfsPath,
};

/// Why a folder could not be placed in its share.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("a part of its path is a file; rename the file, or move the folder")]
    NotADirectory,
    #[error("a file or a folder with contents has its name; rename it, or move the folder")]
    NameTaken,
    #[error("its path is no path below the share")]
    Path,
    #[error("its security descriptor cannot be read; set it again")]
    Security,
    #[error(transparent)]
    Volume(#[from] VfsError),
}

/// What has happened to a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was made.
    Added,
    /// It is gone.
    Removed,
    /// It has become a link, or has another descriptor.
    Changed,
}

/// Who is told of directories, by their path on disk, when they are as they are to be.
pub(super) type Tell<'a> = &'a dyn Fn(&VolumeRef, &VfsPath, Told);

/// The folder of a share.
pub(super) struct Root {
    pub(super) volume: VolumeRef,
    pub(super) path: VfsPath,
}

impl Root {
    /// The folder of the share of that name.
    pub(super) fn find(shares: &Shares, name: &str) -> Option<Self> {
        match &shares.find(name)?.target {
            ShareTarget::Disk { volume, path } => Some(Root { volume: volume.clone(), path: path.clone() }),
            ShareTarget::Pipes => None,
        }
    }

    /// The same root.
    pub(super) fn is(&self, other: &Root) -> bool {
        self.volume.id == other.volume.id && self.path == other.path
    }

    /// How it is written down.
    pub(super) fn placed(&self, key: &str) -> Result<PlacedRoot, LinkError> {
        let opened = match self.volume.volume.open(&self.path, None, DataUse::READ) {
            Ok(opened) => opened,
            Err(OpenError::Failed(error)) => return Err(error.into()),
            Err(_) => return Err(LinkError::Path),
        };
        Ok(PlacedRoot {
            root: key.to_owned(),
            volume: self.volume.identity.guid,
            path: self.path.as_wtf8().as_bytes().to_vec(),
            node: opened.metadata.id.0,
        })
    }

    /// The first `depth` components of a folder's path, within the volume.
    fn path_of(&self, path: &str, depth: usize) -> Result<VfsPath, LinkError> {
        let components: Vec<&str> = path.split('\\').take(depth).collect();
        let below = VfsPath::new(Wtf8Buf::from(components.join("/").as_str())).ok_or(LinkError::Path)?;
        Ok(self.path.join(&below))
    }

    fn open(&self, path: &VfsPath) -> Result<Opened, OpenError> {
        self.volume.volume.open(path, None, DataUse::WRITE)
    }

    /// A link is at that path.
    pub(super) fn has_link(&self, path: &str) -> bool {
        let Ok(path) = self.path_of(path, usize::MAX) else { return false };
        self.open(&path).is_ok_and(|opened| is_link(&opened))
    }

    /// Makes the folder, and the directories on the way to it.
    pub(super) fn place(&self, folder: &Folder, now: FileTime, tell: Tell<'_>) -> Result<(), LinkError> {
        let creator = match &folder.security {
            Some(bytes) => Some(SecurityDescriptor::from_bytes(bytes).map_err(|_| LinkError::Security)?),
            None => None,
        };
        let path = self.path_of(&folder.path, usize::MAX)?;
        let mut found = self.open(&path);
        if matches!(found, Err(OpenError::PathNotFound)) {
            self.make_way(&folder.path, now, tell)?;
            found = self.open(&path);
        }
        let (opened, is_new) = match found {
            Ok(opened) => (opened, false),
            Err(OpenError::NotFound(parent)) => {
                let (_, name) = folder.path.rsplit_once('\\').unwrap_or(("", &folder.path));
                (self.make(&parent, name, creator.as_ref(), now)?, true)
            }
            Err(OpenError::Failed(error)) => return Err(error.into()),
            Err(_) => return Err(LinkError::NotADirectory),
        };
        if opened.metadata.kind != NodeKind::Directory {
            return Err(LinkError::NameTaken);
        }
        if !is_link(&opened) {
            match opened.file.0.set_reparse_data(Some(&reparse_buffer()), now) {
                Err(VfsError::NotEmpty) => return Err(LinkError::NameTaken),
                result => result?,
            }
        } else if let Some(creator) = creator
            && opened.security.dacl != creator.dacl
        {
            opened.file.0.set_security(std::sync::Arc::new(creator), now)?;
        } else {
            return Ok(());
        }
        tell(&self.volume, &opened.file.0.path(), if is_new { Told::Added } else { Told::Changed });
        Ok(())
    }

    /// Makes the directories on the way to a folder.
    fn make_way(&self, path: &str, now: FileTime, tell: Tell<'_>) -> Result<(), LinkError> {
        let names: Vec<&str> = path.split('\\').collect();
        for (name, depth) in names.iter().zip(1..names.len()) {
            match self.open(&self.path_of(path, depth)?) {
                Ok(opened) if opened.metadata.kind == NodeKind::Directory && !is_link(&opened) => {}
                Err(OpenError::NotFound(parent)) => {
                    let made = self.make(&parent, name, None, now)?;
                    tell(&self.volume, &made.file.0.path(), Told::Added);
                }
                Err(OpenError::Failed(error)) => return Err(error.into()),
                _ => return Err(LinkError::NotADirectory),
            }
        }
        Ok(())
    }

    fn make(
        &self,
        parent: &Opened,
        name: &str,
        creator: Option<&SecurityDescriptor>,
        now: FileTime,
    ) -> Result<Opened, LinkError> {
        let security = create_descriptor(Some(&parent.security), creator, &Token::system(), true)
            .map_err(|_| LinkError::Security)?;
        let new = NewNode {
            kind: NodeKind::Directory,
            attributes: FileAttributes::empty(),
            security: std::sync::Arc::new(security),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            no_compression: false,
            now,
            case: NameCase::Ignored,
        };
        Ok(self.volume.volume.create(&parent.file, Wtf8::from(name), &new)?)
    }

    /// Takes the folder away, but not the directories on the way to it. What is no DFS link stays.
    pub(super) fn remove_link(&self, path: &str, tell: Tell<'_>) -> Result<(), LinkError> {
        let opened = match self.open(&self.path_of(path, usize::MAX)?) {
            Ok(opened) if is_link(&opened) => opened,
            Err(OpenError::Failed(error)) => return Err(error.into()),
            _ => return Ok(()),
        };
        self.unlink(&opened, tell)
    }

    /// Takes the folder away, and the directories on the way to it that have nothing else.
    pub(super) fn withdraw(&self, path: &str, tell: Tell<'_>) -> Result<(), LinkError> {
        self.remove_link(path, tell)?;
        for depth in (1..path.split('\\').count()).rev() {
            let opened = match self.open(&self.path_of(path, depth)?) {
                Ok(opened) if !is_link(&opened) => opened,
                Err(OpenError::Failed(error)) => return Err(error.into()),
                _ => continue,
            };
            match self.unlink(&opened, tell) {
                Err(LinkError::Volume(VfsError::NotEmpty)) => return Ok(()),
                result => result?,
            }
        }
        Ok(())
    }

    fn unlink(&self, opened: &Opened, tell: Tell<'_>) -> Result<(), LinkError> {
        let path = opened.file.0.path();
        self.volume.volume.unlink(&opened.file)?;
        tell(&self.volume, &path, Told::Removed);
        Ok(())
    }

    /// Links that are no folders of the namespace, in the directories where its folders are.
    pub(super) fn leftovers(&self, index: &NamespaceIndex, fold: Fold) -> Vec<String> {
        let mut parents = std::collections::BTreeSet::from([""]);
        for folder in index.folders() {
            let mut parent = folder.path.as_str();
            while let Some((above, _)) = parent.rsplit_once('\\') {
                if !parents.insert(above) {
                    break;
                }
                parent = above;
            }
        }
        let mut found = Vec::new();
        for parent in parents {
            for name in self.links_in(parent) {
                let path = if parent.is_empty() { name } else { format!("{parent}\\{name}") };
                if index.folder(fold, &path).is_none() {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Names of the DFS links in a directory.
    fn links_in(&self, parent: &str) -> Vec<String> {
        let mut found = Vec::new();
        let depth = if parent.is_empty() { 0 } else { usize::MAX };
        let Ok(path) = self.path_of(parent, depth) else { return found };
        let Ok(opened) = self.volume.volume.open(&path, None, DataUse::READ) else { return found };
        let mut cursor = DirectoryCursor::default();
        loop {
            let listed = opened.file.0.list(cursor, &mut |name, metadata| {
                if metadata.reparse_tag == ReparseTag::DFS.0
                    && let Some(name) = name.to_str()
                {
                    found.push(name.to_owned());
                }
                true
            });
            match listed {
                Ok(Some(next)) => cursor = next,
                Ok(None) => return found,
                Err(error) => {
                    tracing::warn!(parent, %error, "a directory of a DFS root cannot be listed");
                    return found;
                }
            }
        }
    }
}

fn is_link(opened: &Opened) -> bool {
    opened.metadata.reparse_tag == ReparseTag::DFS.0
}

/// [MS-FSCC] 2.1.2.2 REPARSE_DATA_BUFFER without data: where the folder leads is told by referrals alone.
fn reparse_buffer() -> [u8; 8] {
    let mut buffer = [0; 8];
    buffer[..4].copy_from_slice(&ReparseTag::DFS.0.to_le_bytes());
    buffer
}
