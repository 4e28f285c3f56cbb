//! What a volume that counts usage offers besides its files.

use std::sync::Arc;

use freehold_dtyp::Sid;
use freehold_quotas::{Change, Classes, Crossing, FolderQuotaId, OwnerRow, Policy, Usage};

use super::{VfsError, VfsPath};

/// Usage and limits of a volume. Every method may block and may be called from any thread.
pub trait Quotas: Send + Sync {
    /// The limits now.
    fn policy(&self) -> Arc<Policy>;

    /// Puts other limits in place. Usage below a folder quota that is new, or of the volume where nothing was counted before, is
    /// counted in the background where it takes longer than a moment ([`Quotas::counting`]); limits hold for what is known.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] for a folder quota whose folder is not there, [`VfsError::Io`].
    fn set_policy(&self, policy: Arc<Policy>) -> Result<(), VfsError>;

    /// Carries out what an administrator asked for through SMB, durably, and puts it in place.
    ///
    /// # Errors
    /// [`VfsError::NotSupported`] where nobody keeps such changes; [`VfsError::Io`].
    fn change(&self, changes: &[Change]) -> Result<(), VfsError>;

    /// What an owner uses.
    fn usage(&self, owner: &Sid) -> Usage;

    /// Owners that have an entry or use something, by SID, after `after`; at most `most`.
    fn owners(&self, after: Option<&Sid>, most: usize) -> Vec<OwnerRow>;

    /// What is below each folder quota.
    fn folders(&self) -> Vec<(FolderQuotaId, Usage)>;

    /// What there is of each type and age of files; `None` until that is counted. An open file counts for its size now, and for the
    /// age that it had when it was opened or closed last.
    fn classes(&self) -> Option<Classes> {
        None
    }

    /// Counts everything again while clients work, compares, and puts right what has drifted. `progress` is told how many
    /// files were counted, and stops it by returning false.
    ///
    /// # Errors
    /// [`VfsError::Io`] and others.
    fn recount(&self, progress: &mut dyn FnMut(u64) -> bool) -> Result<Recount, VfsError>;

    /// What is being counted for the first time, or anew; `None` where usage is what is stored.
    fn counting(&self) -> Option<Counting> {
        None
    }

    /// Who is told of thresholds that were crossed; in place of whoever was before. It must not block.
    fn on_crossing(&self, listener: Box<dyn Fn(Crossing) + Send + Sync>);

    /// Who is told of folders that were made or renamed, before whoever did it is answered; in place of whoever was before. It must
    /// not block.
    fn on_folder_change(&self, _listener: Box<dyn Fn(&FolderChange) + Send + Sync>) {}
}

/// What has become of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderChange {
    /// A folder was made in this one.
    MadeIn(VfsPath),
    /// It was renamed, with what is below it.
    Renamed {
        /// Where it was, in the spelling on disk.
        from: VfsPath,
        /// Where it is.
        to: VfsPath,
    },
}

/// Usage is being counted in the background: until that is done, what is shown is what is known so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// Files and folders that were counted so far.
    pub files: u64,
    /// Everything on the volume is counted.
    pub everything: bool,
    /// What is below these folder quotas is counted.
    pub folders: Vec<FolderQuotaId>,
}

/// What a recount found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recount {
    /// Files and folders that were counted.
    pub files: u64,
    /// Owners whose usage was not what was counted: who, kept, counted.
    pub drifted: Vec<(Sid, Usage, Usage)>,
    /// The same of folder quotas.
    pub drifted_folders: Vec<(FolderQuotaId, Usage, Usage)>,
    /// It was stopped before the end, and nothing was put right.
    pub stopped: bool,
}

/// Keeps changes that came through SMB, and compiles them into a new policy.
pub trait PolicyStore: Send + Sync {
    /// Makes the changes durable and returns the policy with them.
    ///
    /// # Errors
    /// [`VfsError::Io`].
    fn change(&self, changes: &[Change]) -> Result<Arc<Policy>, VfsError>;
}
