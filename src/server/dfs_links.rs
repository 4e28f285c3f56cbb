//! The folders of DFS namespaces as they lie in the shares that are roots: directories with IO_REPARSE_TAG_DFS ([MS-FSCC]
//! 2.1.2.1), as a Windows namespace server keeps them, so that listings show them.
//!
//! Whether a path is covered is decided from the namespaces in memory (`proto::dfs`); what is on disk follows them. Runs beside
//! the server: what cannot be made is logged and clients still get their referrals.

use std::sync::Arc;
use std::time::Duration;

use freehold_acl::{SecurityDescriptor, Token, create_descriptor};
use freehold_dfs::{Folder, NamespaceIndex, Namespaces};
use freehold_dtyp::{Decode, FileTime, Wtf8, Wtf8Buf};
use tokio::sync::watch;

use super::Shared;
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::reparse::ReparseTag;
use crate::proto::tree_connect::Shares;
use crate::vfs::{
    DataUse, DirectoryCursor, NameCase, NewNode, NodeKind, OpenError, Opened, VfsError, VfsPath, Volume,
};

/// How often the namespaces in memory are compared with what was placed last.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why a folder could not be placed in its share.
#[derive(Debug, thiserror::Error)]
enum LinkError {
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

/// Keeps the shares of roots as the namespaces are, until the server stops.
pub(super) async fn keep(shared: Arc<Shared>, mut shutdown: watch::Receiver<bool>) {
    let mut placed = Arc::new(Namespaces::default());
    loop {
        let wanted = shared.core.namespaces.load_full();
        if !Arc::ptr_eq(&placed, &wanted) {
            let (core, before, after) = (Arc::clone(&shared.core), placed, Arc::clone(&wanted));
            let now = shared.clock.now().wall;
            let settled =
                tokio::task::spawn_blocking(move || settle(&core.shares.load(), &before, &after, now));
            if let Err(error) = settled.await {
                tracing::error!(%error, "the folders of DFS namespaces could not be placed in their shares");
            }
            placed = wanted;
        }
        tokio::select! {
            _ = shutdown.changed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Makes what `after` has and `before` had not, and takes away what is no folder any more.
fn settle(shares: &Shares, before: &Namespaces, after: &Namespaces, now: FileTime) {
    let fold = after.fold();
    for index in after.list() {
        let name = &index.namespace().name;
        let old = before.namespace(name);
        if old.is_some_and(|old| Arc::ptr_eq(old, index)) {
            continue;
        }
        let Some(root) = Root::find(shares, name) else {
            tracing::warn!(namespace = name, "the namespace has no share on this server");
            continue;
        };
        for folder in index.folders() {
            let known = old.and_then(|old| old.folder(fold, &folder.path));
            if known.is_some_and(|known| Arc::ptr_eq(known, folder) || known.security == folder.security) {
                continue;
            }
            if known.is_some() && folder.security.is_none() {
                // What it inherits is worked out where it is made.
                report(name, &folder.path, root.withdraw(&folder.path));
            }
            report(name, &folder.path, root.place(folder, now));
        }
        match old {
            Some(old) => {
                for folder in old.folders().filter(|folder| index.folder(fold, &folder.path).is_none()) {
                    report(name, &folder.path, root.withdraw(&folder.path));
                }
            }
            None => root.sweep(index, after),
        }
    }
    for old in before.list() {
        let name = &old.namespace().name;
        if after.namespace(name).is_none()
            && let Some(root) = Root::find(shares, name)
        {
            for folder in old.folders() {
                report(name, &folder.path, root.withdraw(&folder.path));
            }
        }
    }
}

fn report(namespace: &str, folder: &str, result: Result<(), LinkError>) {
    if let Err(error) = result {
        tracing::warn!(namespace, folder, %error, "a DFS folder could not be brought into its share's listing");
    }
}

/// The folder of a share.
struct Root {
    volume: Arc<dyn Volume>,
    path: VfsPath,
}

impl Root {
    fn find(shares: &Shares, name: &str) -> Option<Self> {
        let share = shares.find(name)?;
        match &share.target {
            crate::proto::tree_connect::ShareTarget::Disk { volume, path } => {
                Some(Root { volume: Arc::clone(&volume.volume), path: path.clone() })
            }
            crate::proto::tree_connect::ShareTarget::Pipes => None,
        }
    }

    /// The path of a folder within the volume; the first `depth` components of it.
    fn path_of(&self, path: &str, depth: usize) -> Result<VfsPath, LinkError> {
        let components: Vec<&str> = path.split('\\').take(depth).collect();
        let below = VfsPath::new(Wtf8Buf::from(components.join("/").as_str())).ok_or(LinkError::Path)?;
        Ok(self.path.join(&below))
    }

    /// Makes the folder, and the directories on the way to it.
    fn place(&self, folder: &Folder, now: FileTime) -> Result<(), LinkError> {
        let creator = match &folder.security {
            Some(bytes) => Some(SecurityDescriptor::from_bytes(bytes).map_err(|_| LinkError::Security)?),
            None => None,
        };
        let names: Vec<&str> = folder.path.split('\\').collect();
        for (index, name) in names.iter().enumerate() {
            let is_last = index + 1 == names.len();
            let here = self.path_of(&folder.path, index + 1)?;
            let opened = match self.volume.open(&here, None, DataUse::WRITE) {
                Ok(opened) => opened,
                Err(OpenError::NotFound(parent)) => {
                    self.make(&parent, name, creator.as_ref().filter(|_| is_last), now)?
                }
                Err(OpenError::Failed(error)) => return Err(error.into()),
                Err(_) => return Err(LinkError::NotADirectory),
            };
            let is_link = opened.metadata.reparse_tag == ReparseTag::DFS.0;
            if opened.metadata.kind != NodeKind::Directory || !is_last && opened.metadata.reparse_tag != 0 {
                return Err(if is_last { LinkError::NameTaken } else { LinkError::NotADirectory });
            }
            if !is_last {
                continue;
            }
            if !is_link {
                match opened.file.0.set_reparse_data(Some(&reparse_buffer()), now) {
                    Err(VfsError::NotEmpty) => return Err(LinkError::NameTaken),
                    result => result?,
                }
            } else if let Some(creator) = &creator
                && opened.security.dacl != creator.dacl
            {
                opened.file.0.set_security(Arc::new(creator.clone()), now)?;
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
            security: Arc::new(security),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            no_compression: false,
            now,
            case: NameCase::Ignored,
        };
        Ok(self.volume.create(&parent.file, Wtf8::from(name), &new)?)
    }

    /// Takes the folder away, and the directories on the way to it that have nothing else. What is no DFS link stays.
    fn withdraw(&self, path: &str) -> Result<(), LinkError> {
        let depth = path.split('\\').count();
        for depth in (1..=depth).rev() {
            let opened = match self.volume.open(&self.path_of(path, depth)?, None, DataUse::WRITE) {
                Ok(opened) => opened,
                Err(OpenError::Failed(error)) => return Err(error.into()),
                Err(_) => return Ok(()),
            };
            let is_leaf = depth == path.split('\\').count();
            if is_leaf && opened.metadata.reparse_tag != ReparseTag::DFS.0 {
                return Ok(());
            }
            match self.volume.unlink(&opened.file) {
                Err(VfsError::NotEmpty) if !is_leaf => return Ok(()),
                result => result?,
            }
        }
        Ok(())
    }

    /// Takes away the links, beside those of the namespace, that were folders when the server ran last.
    fn sweep(&self, index: &NamespaceIndex, all: &Namespaces) {
        let fold = all.fold();
        let mut folders = std::collections::BTreeSet::from([String::new()]);
        for folder in index.folders() {
            let mut parent = folder.path.as_str();
            while let Some((above, _)) = parent.rsplit_once('\\') {
                if !folders.insert(above.to_owned()) {
                    break;
                }
                parent = above;
            }
        }
        for parent in folders {
            for name in self.links_in(&parent) {
                let path = if parent.is_empty() { name } else { format!("{parent}\\{name}") };
                if index.folder(fold, &path).is_none() {
                    report(&index.namespace().name, &path, self.withdraw(&path));
                }
            }
        }
    }

    /// Names of the DFS links in a directory.
    fn links_in(&self, parent: &str) -> Vec<String> {
        let mut found = Vec::new();
        let depth = if parent.is_empty() { 0 } else { parent.split('\\').count() };
        let Ok(path) = self.path_of(parent, depth) else { return found };
        let Ok(opened) = self.volume.open(&path, None, DataUse::READ) else { return found };
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

/// [MS-FSCC] 2.1.2.2 REPARSE_DATA_BUFFER without data: where the folder leads is told by referrals alone.
fn reparse_buffer() -> [u8; 8] {
    let mut buffer = [0; 8];
    buffer[..4].copy_from_slice(&ReparseTag::DFS.0.to_le_bytes());
    buffer
}

#[cfg(test)]
mod tests;
