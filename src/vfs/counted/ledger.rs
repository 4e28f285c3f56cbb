//! Who is charged for what: the accounts of a volume, the limits that hold for them, and whom to tell.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use freehold_dtyp::Sid;
use freehold_quotas::{
    Crossing, FolderQuota, FolderQuotaId, Intent, IntentKind, Mode, OwnerRow, Policy, Subject,
};
use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use super::account::{Account, Amount};
use super::durable::{Durable, Slot};
use super::nodes::Charged;
use super::recount::Visits;
use super::rows::Key;
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

/// Usage of one account changes by `amount`, of which `reserved` bytes were reserved.
#[derive(Clone, Copy)]
pub(super) struct Charge<'a> {
    pub(super) account: &'a Account,
    pub(super) amount: Amount,
    pub(super) reserved: u64,
}

/// Before the path of an intent is looked up: which renames of folders may lead it elsewhere, and which file is the newest.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    renames: u64,
    newest: u64,
}

/// A change that is written down as under way. Nothing has come of it where this is dropped.
pub(super) struct Begun<'a> {
    durable: &'a Durable,
    slot: Option<Slot>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.durable.cancel(slot);
        }
    }
}

pub(super) struct Ledger {
    /// Usage on disk, where it is kept.
    pub(super) durable: Option<Durable>,
    /// Usage of folder quotas as it was when the volume was closed, until limits are put in place or something changes.
    kept_folders: Mutex<HashMap<(FolderQuotaId, u64), (u32, Amount)>>,
    has_kept_folders: AtomicBool,
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
    /// With what was kept on disk, by row.
    pub(super) fn new(durable: Option<Durable>, kept: Vec<(u32, Key, Amount)>) -> Ledger {
        let ledger = Self::empty(durable);
        let mut folders = ledger.kept_folders.lock();
        for (row, key, amount) in kept {
            match key {
                Key::Owner(owner) => {
                    let account = Account::new(Subject::Owner(owner), Some(row), amount);
                    ledger.shard(&owner).write().insert(owner, Arc::new(account));
                }
                Key::Folder(id, path) | Key::Uncounted(id, path) => {
                    folders.insert((id, path), (row, amount));
                }
            }
        }
        ledger.has_kept_folders.store(!folders.is_empty(), Ordering::SeqCst);
        drop(folders);
        ledger
    }

    fn empty(durable: Option<Durable>) -> Ledger {
        Ledger {
            durable,
            kept_folders: Mutex::default(),
            has_kept_folders: AtomicBool::new(false),
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
            let row = self.durable.as_ref().and_then(|durable| durable.make_row(&Key::Owner(*owner)));
            let account = Account::new(Subject::Owner(*owner), row, Amount::default());
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

    /// The account of a folder quota that is put in place, with what was kept on disk for it; true where that is to be counted.
    pub(super) fn folder(&self, id: FolderQuotaId, path: &VfsPath) -> (Account, bool) {
        let key = (id, path_hash(path));
        if let Some((row, kept)) = self.kept_folders.lock().remove(&key) {
            return (Account::new(Subject::Folder(id), Some(row), kept), false);
        }
        let row = self.durable.as_ref().and_then(|durable| durable.make_row(&Key::Uncounted(id, key.1)));
        (Account::new(Subject::Folder(id), row, Amount::default()), true)
    }

    /// What was kept for folder quotas counts for nothing any more.
    pub(super) fn forget_kept_folders(&self) {
        self.has_kept_folders.store(false, Ordering::SeqCst);
        for (_, (row, _)) in self.kept_folders.lock().drain() {
            self.forget_row(row);
        }
    }

    /// A folder quota is no more.
    pub(super) fn forget_row(&self, row: u32) {
        if let Some(durable) = &self.durable {
            durable.forget_row(row);
        }
    }

    /// To be asked for before the path of an intent is looked up.
    pub(super) fn moment(&self) -> Moment {
        let (renames, newest) = self.durable.as_ref().map(Durable::moment).unwrap_or_default();
        Moment { renames, newest }
    }

    /// Writes down that a file is about to change: what it is charged for so far, and where it is.
    pub(super) fn begin(
        &self,
        kind: IntentKind,
        id: u64,
        charged: &Charged,
        last_name: bool,
        (path, moment): (Option<&VfsPath>, Moment),
    ) -> Option<Begun<'_>> {
        self.write_down(&Intent {
            kind,
            id,
            last_name,
            owner: charged.owner.row.unwrap_or(u32::MAX),
            folders: charged.folders.iter().filter_map(|folder| folder.row).collect(),
            entering: Vec::new(),
            bytes: charged.bytes(),
            physical: charged.physical,
            files: 0,
            renames: moment.renames,
            newest: moment.newest,
            path: path.map(|path| Cow::Borrowed(path.as_wtf8().as_bytes())),
        })
    }

    /// Writes down that the file or folder `id` is about to move to `to`, and `amount` with it from what is `leaving` to
    /// what is `entering`.
    pub(super) fn begin_move(
        &self,
        id: u64,
        leaving: &[Arc<Account>],
        entering: &[Arc<Account>],
        amount: Amount,
        (to, moment): (&VfsPath, Moment),
    ) -> Option<Begun<'_>> {
        let rows = |accounts: &[Arc<Account>]| accounts.iter().filter_map(|account| account.row).collect();
        self.write_down(&Intent {
            kind: IntentKind::Move,
            id,
            last_name: true,
            owner: u32::MAX,
            folders: rows(leaving),
            entering: rows(entering),
            bytes: amount.bytes as u64,
            physical: amount.physical as u64,
            files: amount.files as u64,
            renames: moment.renames,
            newest: moment.newest,
            path: Some(Cow::Borrowed(to.as_wtf8().as_bytes())),
        })
    }

    fn write_down(&self, intent: &Intent<'_>) -> Option<Begun<'_>> {
        let durable = self.durable.as_ref().filter(|_| !self.is_off())?;
        if self.has_kept_folders.load(Ordering::Relaxed) {
            self.forget_kept_folders();
        }
        Some(Begun { durable, slot: Some(durable.begin(intent)) })
    }

    /// A file's usage changes by `amount` in each account, of which `reserved` bytes were reserved.
    pub(super) fn charge<'a>(
        &self,
        id: u64,
        accounts: impl Iterator<Item = &'a Arc<Account>>,
        amount: Amount,
        reserved: u64,
        begun: Option<Begun<'_>>,
    ) {
        let charges: SmallVec<[Charge<'_>; 4]> =
            accounts.map(|account| Charge { account, amount, reserved }).collect();
        self.settle(id, &charges, begun);
    }

    /// A file's usage changes; what was written down as under way is done.
    pub(super) fn settle(&self, id: u64, charges: &[Charge<'_>], begun: Option<Begun<'_>>) {
        if self.is_off() {
            return;
        }
        self.keep(id, charges, begun, false);
        let visits = self.visits.load();
        let is_visited = visits.as_ref().is_some_and(|visits| visits.contains(id));
        for charge in charges {
            charge.account.change(charge.amount, charge.reserved);
            if is_visited {
                charge.account.count(charge.amount);
            }
            for crossing in charge.account.crossings() {
                self.tell(&crossing);
            }
        }
    }

    /// A file was made. A recount that is under way finds it by itself.
    pub(super) fn charge_new(&self, id: u64, charged: &Charged, begun: Option<Begun<'_>>) {
        if self.is_off() {
            return;
        }
        let amount = Amount { files: 1, ..Amount::default() };
        let charges: SmallVec<[Charge<'_>; 4]> =
            charged.accounts().map(|account| Charge { account, amount, reserved: 0 }).collect();
        self.keep(id, &charges, begun, true);
        charged.accounts().for_each(|account| account.change(amount, 0));
    }

    /// Usage of a folder quota changes, since the folder `id` with what is below it moved.
    pub(super) fn move_usage(&self, id: u64, charge: Charge<'_>, begun: Option<Begun<'_>>) {
        self.keep(id, &[charge], begun, false);
        charge.account.change(charge.amount, charge.reserved);
        charge.account.crossings().iter().for_each(|crossing| self.tell(crossing));
    }

    /// Puts right what is kept.
    pub(super) fn correct(&self, account: &Account, difference: Amount) {
        let charge = Charge { account, amount: difference, reserved: 0 };
        self.keep(0, &[charge], None, false);
        account.change(difference, 0);
    }

    fn keep(&self, id: u64, charges: &[Charge<'_>], begun: Option<Begun<'_>>, created: bool) {
        let Some(durable) = &self.durable else { return };
        let slot = begun.and_then(|mut begun| begun.slot.take());
        let rows: SmallVec<[(u32, Amount); 4]> = charges
            .iter()
            .filter(|charge| !charge.amount.is_nothing_named())
            .filter_map(|charge| Some((charge.account.row?, charge.amount)))
            .collect();
        if !rows.is_empty() || slot.is_some() || created {
            durable.apply(id, &rows, slot, created);
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

/// Tells the folder of a quota from another that it may have later (FNV-1a).
fn path_hash(path: &VfsPath) -> u64 {
    path.as_wtf8()
        .as_bytes()
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}
