//! Persistent opens over a restart: the state database is their store, and what it holds is put in place before the first
//! client is served.

use std::sync::Arc;

use freehold_dtyp::Wtf8;

use super::Shared;
use crate::proto::caching::break_for_local_program;
use crate::proto::node::NodeKey;
use crate::proto::persistent::{PersistentStore, RestoreError, restore, restore_deletions};
use crate::proto::tree_connect::ShareTarget;
use crate::state::{PersistentChange, PersistentOpen, State};
use crate::vfs::local::LocalLock;
use crate::vfs::{DataUse, NodeKind, VfsError, VfsPath};

/// The state database as the core sees it.
pub struct StateStore(pub Arc<State>);

impl PersistentStore for StateStore {
    fn apply(&self, change: PersistentChange) -> Result<(), VfsError> {
        self.0.change_persistent(change).map_err(|error| {
            tracing::error!(%error, "the persistent opens could not be written");
            VfsError::Io
        })
    }
}

/// Opens again what clients had open when the server ended. What is not there any more is forgotten.
///
/// # Errors
/// When the state database cannot be read or written.
pub fn restore_all(shared: &Shared, state: &State) -> anyhow::Result<()> {
    let records = state.persistent_opens()?;
    let total = records.len();
    let mut restored = 0_usize;
    for record in &records {
        let id = record.id;
        match restore_one(shared, record) {
            Ok(()) => restored += 1,
            Err(reason) => {
                tracing::warn!(
                    file_id = id,
                    share = record.share,
                    path = %String::from_utf8_lossy(&record.path),
                    user = record.user,
                    reason,
                    "a persistent open is gone"
                );
                state.change_persistent(PersistentChange::Close { id })?;
            }
        }
    }
    restore_deletions(&shared.core, &records);
    if total > 0 {
        tracing::info!(restored, gone = total - restored, "persistent opens wait for their clients");
    }
    Ok(())
}

fn restore_one(shared: &Shared, record: &PersistentOpen) -> Result<(), String> {
    let shares = shared.core.shares.load();
    let share = shares.find(&record.share).ok_or("there is no such share")?;
    let ShareTarget::Disk { volume, .. } = &share.target else {
        return Err("the share has no files".to_owned());
    };
    let name = |bytes: &[u8]| Wtf8::from_bytes(bytes).map(|name| name.to_owned());
    let path = name(&record.path).and_then(VfsPath::new).ok_or("its path cannot be read")?;
    let stream = match &record.stream {
        Some(stream) => Some(name(stream).ok_or("its stream's name cannot be read")?),
        None => None,
    };
    // The path is spelled as on disk, and an exact spelling wins.
    let opened = volume
        .volume
        .open(&path, stream.as_ref().map(|stream| stream.as_wtf8()), DataUse::WRITE)
        .map_err(|error| format!("{error:?}"))?;
    let form = |lock: &crate::state::PersistentLock| LocalLock {
        offset: lock.offset,
        length_bytes: lock.length_bytes,
        exclusive: lock.exclusive,
    };
    let locks: Vec<LocalLock> = record.locks.locks.iter().map(form).collect();
    if let Err(error) = opened.file.0.lock_local(&locks) {
        // Its client believes that it has them: other clients are kept out, and this program was first.
        tracing::warn!(path = %String::from_utf8_lossy(&record.path), %error,
            "a program of this machine has locked what a persistent open had locked");
    }
    let key = NodeKey { volume: volume.id, id: opened.metadata.id };
    let backed = stream.is_some()
        || opened.metadata.kind == NodeKind::Directory
        || opened.file.0.open_data(true, true) == Ok(true);
    restore(&shared.core, share, record, opened, shared.clock.now())
        .map_err(|error: RestoreError| error.to_string())?;
    if !backed {
        // A program of this machine has opened it meanwhile.
        break_for_local_program(&shared.core, key, shared.clock.now());
    }
    Ok(())
}
