//! What a volume that counts is asked for, and the limits that are put in place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::{Sid, Wtf8Buf};
use freehold_quotas::{Change, Classes, Crossing, FolderQuotaId, Mode, OwnerRow, Policy, Usage};

use super::Shared;
use super::counting::What;
use super::ledger::Folder;
use crate::vfs::quotas::{Counting, FolderChange, Quotas, Recount};
use crate::vfs::{DataUse, NodeKind, VfsError, VfsPath};

/// Who puts limits on a small folder sees at once what is used there.
const MOMENT: Duration = Duration::from_millis(100);

impl Quotas for Shared {
    fn policy(&self) -> Arc<Policy> {
        self.ledger.policy.load_full()
    }

    fn set_policy(&self, policy: Arc<Policy>) -> Result<(), VfsError> {
        let _one_at_a_time = self.changing_policy.lock();
        let before = self.ledger.folders.load_full();
        let known: HashMap<(FolderQuotaId, &VfsPath), &Folder> =
            before.iter().map(|folder| ((folder.quota.id, &folder.path), folder)).collect();
        let (mut folders, mut new) = (Vec::new(), Vec::new());
        for quota in &policy.folders {
            let path =
                VfsPath::new(Wtf8Buf::from(quota.path.trim_matches('/'))).ok_or(VfsError::NameInvalid)?;
            let known = known.get(&(quota.id, &path)).map(|folder| Arc::clone(&folder.account));
            let (account, is_new) = match known {
                Some(account) => (account, false),
                None => {
                    self.check_folder(&path)?;
                    let (account, is_new) = self.ledger.folder(quota.id, &path);
                    (Arc::new(account), is_new)
                }
            };
            let folder = Folder { path, quota: quota.clone(), account };
            if is_new {
                new.push(folder.clone());
            }
            folders.push(folder);
        }
        self.ledger.forget_kept_folders();
        let was_off = self.ledger.is_off();
        {
            let _closed = self.gate.close();
            if let Some(durable) = self.ledger.durable.as_ref().filter(|_| policy.settings.mode == Mode::Off)
            {
                durable.set_known(false);
            }
            let gone = |old: &&Folder| !folders.iter().any(|new| Arc::ptr_eq(&new.account, &old.account));
            before
                .iter()
                .filter(gone)
                .filter_map(|old| old.account.row)
                .for_each(|row| self.ledger.forget_row(row));
            self.ledger.put_in_place(Arc::clone(&policy), folders);
        }
        match policy.settings.mode {
            Mode::Off => return Ok(()),
            // Nothing was counted meanwhile.
            Mode::Track | Mode::Enforce if was_off => self.count_in_background(What::Everything),
            Mode::Track | Mode::Enforce if new.is_empty() => return Ok(()),
            Mode::Track | Mode::Enforce => self.count_in_background(What::Folders(new)),
        }
        self.counting.wait(MOMENT);
        Ok(())
    }

    fn change(&self, changes: &[Change]) -> Result<(), VfsError> {
        let policy = self.store.as_ref().ok_or(VfsError::NotSupported)?.change(changes)?;
        self.set_policy(policy)
    }

    fn usage(&self, owner: &Sid) -> Usage {
        self.ledger.known_owner(owner).map(|account| account.usage()).unwrap_or_default()
    }

    fn owners(&self, after: Option<&Sid>, most: usize) -> Vec<OwnerRow> {
        self.ledger.rows(after, most)
    }

    fn folders(&self) -> Vec<(FolderQuotaId, Usage)> {
        let folders = self.ledger.folders.load();
        folders.iter().map(|folder| (folder.quota.id, folder.account.usage())).collect()
    }

    fn classes(&self) -> Option<Classes> {
        self.classes_now()
    }

    fn recount(&self, progress: &mut dyn FnMut(u64) -> bool) -> Result<Recount, VfsError> {
        if self.ledger.is_off() {
            return Err(VfsError::NotSupported);
        }
        self.count_all(false, progress)
    }

    fn counting(&self) -> Option<Counting> {
        self.counting.now()
    }

    fn on_crossing(&self, listener: Box<dyn Fn(Crossing) + Send + Sync>) {
        self.ledger.listen(listener);
    }

    fn on_folder_change(&self, listener: Box<dyn Fn(&FolderChange) + Send + Sync>) {
        self.folder_listener.store(Some(Arc::new(listener)));
    }
}

impl Shared {
    fn check_folder(&self, path: &VfsPath) -> Result<(), VfsError> {
        match self.inner.open(path, None, DataUse::READ) {
            Ok(found) if found.metadata.kind == NodeKind::Directory => Ok(()),
            Ok(_) | Err(_) => Err(VfsError::NotFound),
        }
    }
}
