//! Shares and TreeConnects ([MS-SMB2] 3.3.1.6 and 3.3.1.9).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use freehold_acl::{AccessMask, SecurityDescriptor};

use super::audit::ShareAudit;
use super::op::VolumeRef;
use crate::metrics::Requests;
use crate::share_path::SharePath;
use crate::smb2::TreeId;
use crate::vfs::VfsPath;

/// Offline-caching mode of a share ([MS-SMB2] 2.2.10 ShareFlags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachingMode {
    /// Files are cached when the user asks.
    #[default]
    Manual,
    /// Documents are cached when opened.
    Documents,
    /// Programs and documents are cached when opened.
    Programs,
    /// Nothing is cached offline.
    None,
}

/// What a share gives access to.
#[derive(Clone, Debug)]
pub enum ShareTarget {
    /// A folder of a volume.
    Disk {
        /// The volume.
        volume: VolumeRef,
        /// The folder, below the volume's root.
        path: VfsPath,
    },
    /// The named pipes (IPC$).
    Pipes,
}

/// A share as clients see it ([MS-SMB2] 3.3.1.6). Immutable: a change makes a new one.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its name, as spelled by who made it.
    pub name: String,
    /// What it leads to. Where [`Share::varies`], and nobody has connected yet, the root of the volume stands for the folder.
    pub target: ShareTarget,
    /// The folder depends on who connects. Each tree connect has the share with the folder that it leads to.
    pub varies: Option<Arc<SharePath>>,
    /// Remark.
    pub comment: String,
    /// Who may do what through this share, on top of each file's own descriptor (ConnectSecurity).
    pub security: Arc<SecurityDescriptor>,
    /// EncryptData.
    pub encrypt: bool,
    /// DoAccessBasedDirectoryEnumeration.
    pub access_based_enumeration: bool,
    /// CATimeout is set: handles can be persistent.
    pub continuously_available: bool,
    /// How long a persistent handle waits for its client where the client does not say; zero for the server's default
    /// (CATimeout).
    pub ca_timeout: std::time::Duration,
    /// CSCFlags.
    pub caching: CachingMode,
    /// Accesses through it that are recorded.
    pub audit: ShareAudit,
    /// Most uses at a time; `None` without limit.
    pub max_uses: Option<u32>,
    /// Uses now; common to all versions of the share.
    pub uses: Arc<AtomicU32>,
    /// What was asked through it; common to all versions of the share.
    pub requests: Arc<Requests>,
}

/// All shares, by name without case. Swapped whole when one changes.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    by_name: HashMap<String, Arc<Share>>,
}

impl Shares {
    /// Of these shares; a later one of the same name wins.
    #[must_use]
    pub fn new(shares: impl IntoIterator<Item = Share>) -> Self {
        Shares {
            by_name: shares.into_iter().map(|share| (share.name.to_uppercase(), Arc::new(share))).collect(),
        }
    }

    /// The share of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Share>> {
        self.by_name.get(&name.to_uppercase())
    }

    /// All of them, in the order of their names.
    #[must_use]
    pub fn list(&self) -> Vec<&Arc<Share>> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

/// One use of a share by a session ([MS-SMB2] 3.3.1.9). Counts itself in the share's uses until it is over.
pub struct TreeConnect {
    /// What the client names it by.
    pub id: TreeId,
    /// The share as it was when connected.
    pub share: Arc<Share>,
    /// What the share's descriptor grants the session's user.
    pub maximal_access: AccessMask,
    /// The client has been told that the share is a DFS root: its names may come as `server\share\path` (Share.IsDfs).
    pub is_dfs: bool,
    /// It counts among the share's uses.
    counted: AtomicBool,
}

impl TreeConnect {
    /// Takes a use of the share; `None` when it has as many as it may.
    #[must_use]
    pub fn new(id: TreeId, share: Arc<Share>, maximal_access: AccessMask, is_dfs: bool) -> Option<Arc<Self>> {
        let before = share.uses.fetch_add(1, Ordering::Relaxed);
        let counted = AtomicBool::new(true);
        let tree = Arc::new(TreeConnect { id, share, maximal_access, is_dfs, counted });
        (tree.share.max_uses.is_none_or(|most| before < most)).then_some(tree)
    }

    /// What an open keeps of its tree connect over a restart of the server.
    #[must_use]
    pub fn detached(share: Arc<Share>, maximal_access: AccessMask) -> Arc<Self> {
        let counted = AtomicBool::new(false);
        Arc::new(TreeConnect { id: TreeId::NONE, share, maximal_access, is_dfs: false, counted })
    }

    /// Gives back the use of the share: the tree connect is over, though an open may still wait for its client.
    pub fn end(&self) {
        if self.counted.swap(false, Ordering::Relaxed) {
            self.share.uses.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Volume and folder; `None` for IPC$.
    #[must_use]
    pub fn disk(&self) -> Option<(&VolumeRef, &VfsPath)> {
        match &self.share.target {
            ShareTarget::Disk { volume, path } => Some((volume, path)),
            ShareTarget::Pipes => None,
        }
    }
}

impl Drop for TreeConnect {
    fn drop(&mut self) {
        self.end();
    }
}
