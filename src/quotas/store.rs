//! Changes that came over SMB ([MS-SMB2] 3.3.5.21.4, [MS-FSCC] 2.5.2): kept like those of every other door.

use std::sync::{Arc, Weak};

use freehold_quotas::{Change, Policy};

use super::service::QuotaService;
use crate::state::quotas::QuotaEdit;
use crate::vfs::VfsError;
use crate::vfs::quotas::PolicyStore;

/// Keeps the changes of one volume.
pub(super) struct VolumeStore {
    pub(super) service: Weak<QuotaService>,
    pub(super) volume: String,
}

impl PolicyStore for VolumeStore {
    fn change(&self, changes: &[Change]) -> Result<Arc<Policy>, VfsError> {
        let service = self.service.upgrade().ok_or(VfsError::NotSupported)?;
        let volume = || self.volume.clone();
        let edit = |change: &Change| match change {
            Change::Settings(settings) => QuotaEdit::Settings { volume: volume(), settings: *settings },
            Change::Entry { owner, limits } => {
                QuotaEdit::Entry { volume: volume(), owner: *owner, limits: Some(*limits) }
            }
            Change::Remove { owner } => QuotaEdit::Entry { volume: volume(), owner: *owner, limits: None },
        };
        let edits: Vec<QuotaEdit> = changes.iter().map(edit).collect();
        service.state().edit_quotas(&edits).map_err(|error| {
            tracing::error!(%error, volume = self.volume, "a change of quotas over SMB could not be kept");
            VfsError::Io
        })?;
        Ok(Arc::new(service.policy(&self.volume)))
    }
}
