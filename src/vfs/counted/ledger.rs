//! Who is charged for what: the accounts of a volume, the limits that hold for them, and whom to tell.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use freehold_dtyp::Sid;
use freehold_quotas::{Crossing, FolderQuota, Mode, OwnerRow, Policy, Subject};
use parking_lot::RwLock;
use smallvec::SmallVec;

use super::account::{Account, Amount};
use super::nodes::Charged;
use super::recount::Visits;
use crate::vfs::{VfsError, VfsPath};

/// Locks of the table of owners.
const SHARDS: usize = 16;

/// Who is told of thresholds.
type Listener = Box<dyn Fn(Crossing) + Send + Sync>;

/// A folder quota that is in place.
#[derive(Clone)]
pub(super) struct Folder {
    pub(super) path: VfsPath,
    pub(super) quota: FolderQuota,
    pub(super) account: Arc<Account>,
}

pub(super) struct Ledger {
    owners: [RwLock<HashMap<Sid, Arc<Account>>>; SHARDS],
    hasher: RandomState,
    pub(super) folders: ArcSwap<Vec<Folder>>,
    /// Changes whenever a file may be below other folder quotas than before.
    pub(super) generation: AtomicU64,
    pub(super) policy: ArcSwap<Policy>,
    /// Nothing is counted.
    off: AtomicBool,
    listener: ArcSwapOption<Listener>,
    /// The recount that is under way.
    pub(super) visits: ArcSwapOption<Visits>,
}

impl Ledger {
    pub(super) fn new() -> Ledger {
        Ledger {
            owners: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            folders: ArcSwap::default(),
            generation: AtomicU64::new(0),
            policy: ArcSwap::default(),
            off: AtomicBool::new(false),
            listener: ArcSwapOption::empty(),
            visits: ArcSwapOption::empty(),
        }
    }

    fn shard(&self, owner: &Sid) -> &RwLock<HashMap<Sid, Arc<Account>>> {
        &self.owners[self.hasher.hash_one(owner) as usize % SHARDS]
    }

    /// The account of an owner.
    pub(super) fn owner(&self, owner: &Sid) -> Arc<Account> {
        let shard = self.shard(owner);
        if let Some(account) = shard.read().get(owner) {
            return Arc::clone(account);
        }
        let mut shard = shard.write();
        let account = shard.entry(*owner).or_insert_with(|| {
            let account = Account::new(Subject::Owner(*owner), Amount::default());
            // Whoever changes the policy puts the new one in place first and comes here then.
            let policy = self.policy.load();
            account.limit_owner(policy.limits_of(owner).0, policy.settings.mode);
            Arc::new(account)
        });
        Arc::clone(account)
    }

    pub(super) fn known_owner(&self, owner: &Sid) -> Option<Arc<Account>> {
        self.shard(owner).read().get(owner).map(Arc::clone)
    }

    /// Every account, owners first.
    pub(super) fn accounts(&self) -> Vec<Arc<Account>> {
        let mut all: Vec<Arc<Account>> = Vec::new();
        for shard in &self.owners {
            all.extend(shard.read().values().map(Arc::clone));
        }
        all.extend(self.folders.load().iter().map(|folder| Arc::clone(&folder.account)));
        all
    }

    /// Puts limits in place for the accounts that there are; `folders` are those of the policy.
    pub(super) fn put_in_place(&self, policy: Arc<Policy>, folders: Vec<Folder>) {
        let mode = policy.settings.mode;
        self.policy.store(Arc::clone(&policy));
        self.off.store(mode == Mode::Off, Ordering::SeqCst);
        for shard in &self.owners {
            for (owner, account) in shard.read().iter() {
                account.limit_owner(policy.limits_of(owner).0, mode);
            }
        }
        for folder in &folders {
            folder.account.limit_folder(&folder.quota, mode);
        }
        self.folders.store(Arc::new(folders));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// The folder quotas that what is at `path` counts for.
    pub(super) fn folders_of(&self, path: &VfsPath) -> SmallVec<[Arc<Account>; 2]> {
        self.folders
            .load()
            .iter()
            .filter(|folder| path != &folder.path && path.is_within(&folder.path))
            .map(|folder| Arc::clone(&folder.account))
            .collect()
    }

    /// Takes room for `bytes` more in each account, or in none.
    pub(super) fn reserve<'a>(
        &self,
        accounts: impl Iterator<Item = &'a Arc<Account>> + Clone,
        bytes: u64,
    ) -> Result<(), VfsError> {
        if bytes == 0 || self.is_off() {
            return Ok(());
        }
        for (number, account) in accounts.clone().enumerate() {
            if !account.reserve(bytes) {
                accounts.take(number).for_each(|account| account.release(bytes));
                if let Some(crossing) = account.refused() {
                    self.tell(&crossing);
                }
                return Err(VfsError::DiskFull);
            }
        }
        Ok(())
    }

    /// Gives back what was reserved in an account.
    pub(super) fn release(&self, account: &Account, bytes: u64) {
        if !self.is_off() {
            account.release(bytes);
        }
    }

    /// A file's usage changes by `amount`, of which `reserved` bytes were reserved.
    pub(super) fn charge<'a>(
        &self,
        id: u64,
        accounts: impl Iterator<Item = &'a Arc<Account>>,
        amount: Amount,
        reserved: u64,
    ) {
        accounts.for_each(|account| self.charge_one(id, account, amount, reserved));
    }

    /// The same for what a recount finds by itself.
    pub(super) fn charge_kept(&self, charged: &Charged, amount: Amount) {
        if self.is_off() {
            return;
        }
        charged.accounts().for_each(|account| account.change(amount, 0));
    }

    pub(super) fn charge_one(&self, id: u64, account: &Account, amount: Amount, reserved: u64) {
        if self.is_off() {
            return;
        }
        account.change(amount, reserved);
        if let Some(visits) = &*self.visits.load()
            && visits.contains(id)
        {
            account.count(amount);
        }
        for crossing in account.crossings() {
            self.tell(&crossing);
        }
    }

    fn tell(&self, crossing: &Crossing) {
        if let Some(listener) = &*self.listener.load() {
            listener(*crossing);
        }
    }

    pub(super) fn listen(&self, listener: Listener) {
        self.listener.store(Some(Arc::new(listener)));
    }

    /// [`crate::vfs::quotas::Quotas::owners`].
    pub(super) fn rows(&self, after: Option<&Sid>, most: usize) -> Vec<OwnerRow> {
        let policy = self.policy.load();
        let is_after = |owner: &Sid| after.is_none_or(|after| owner > after);
        let mut owners: Vec<Sid> = policy.own.keys().filter(|owner| is_after(owner)).copied().collect();
        for shard in &self.owners {
            let shard = shard.read();
            let used = shard.iter().filter(|(owner, account)| {
                let usage = account.usage();
                is_after(owner) && (usage.files > 0 || usage.logical_bytes > 0)
            });
            owners.extend(used.map(|(owner, _)| *owner));
        }
        owners.sort_unstable();
        owners.dedup();
        owners.truncate(most);
        let row = |owner: Sid| {
            let (limits, source) = policy.limits_of(&owner);
            let usage = self.known_owner(&owner).map(|account| account.usage()).unwrap_or_default();
            OwnerRow { owner, usage, limits, source }
        };
        owners.into_iter().map(row).collect()
    }
}
