//! What happens to folder quotas when something moves from below one to below another.
//!
//! A file moves with its lock held. A folder moves while no other change is under way: everything below it is added up first, so
//! that a hard limit is known to have room for it, and counts elsewhere in the same step.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::account::{Account, Amount, signed};
use super::durable::Durable;
use super::file::CountedFile;
use super::ledger::{Charge, Folder, Moment};
use super::nodes::NodeState;
use super::recount::Visits;
use super::{Shared, measure};
use crate::vfs::{DataUse, DirectoryCursor, FileRef, NodeKind, OpenError, VfsError, VfsPath};

/// Most accounts whose part of a move is written down before it.
const MOST_WRITTEN_DOWN: usize = 256;

/// A file is about to count for other folder quotas.
pub(super) struct Crossing {
    leaving: SmallVec<[Arc<Account>; 2]>,
    entering: SmallVec<[Arc<Account>; 2]>,
    to: SmallVec<[Arc<Account>; 2]>,
    amount: Amount,
    bytes: u64,
    /// Where it goes, in the spelling on disk.
    path: VfsPath,
    moment: Moment,
}

/// What is at and below a folder that moves.
#[derive(Default)]
struct Tree {
    moved: Vec<Moved>,
    /// Files that are open or have several names: the folder quotas that they count for afterwards, and how many of their
    /// other names have not been met.
    files: HashMap<u64, MovedFile>,
}

/// A file that moves with a folder.
struct MovedFile {
    folders: SmallVec<[Arc<Account>; 2]>,
    other_names: u32,
}

/// What moves with a folder, for one account.
struct Moved {
    account: Arc<Account>,
    amount: Amount,
    /// The part of it that a recount under way has seen.
    counted: Amount,
}

/// More usage of folder quotas moves than can be written down: if the server is killed meanwhile, they are counted anew.
struct Moving<'a>(Option<&'a Durable>);

impl<'a> Moving<'a> {
    fn begin(durable: Option<&'a Durable>) -> Moving<'a> {
        durable.iter().for_each(|durable| durable.folders_move(1));
        Moving(durable)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|durable| durable.folders_move(-1));
    }
}

fn contains(accounts: &[Arc<Account>], account: &Arc<Account>) -> bool {
    accounts.iter().any(|known| Arc::ptr_eq(known, account))
}

impl Shared {
    /// Where `to` is, in the spelling on disk.
    fn spelled(&self, to: &VfsPath) -> Result<VfsPath, VfsError> {
        let (parent, name) = to.split_last().ok_or(VfsError::NameInvalid)?;
        let parent = match self.inner.open(&parent, None, DataUse::READ) {
            Ok(opened) => opened.path,
            Err(OpenError::Failed(error)) => return Err(error),
            Err(_) => return Err(VfsError::NotFound),
        };
        Ok(parent.join(&VfsPath::new(name.to_owned()).ok_or(VfsError::NameInvalid)?))
    }

    /// Takes room for a file that is about to be renamed to `to`, where that is below other folder quotas.
    pub(super) fn cross(
        &self,
        file: &CountedFile,
        state: &mut NodeState,
        to: &VfsPath,
    ) -> Result<Option<Crossing>, VfsError> {
        if self.ledger.folders.load().is_empty() || self.ledger.is_off() {
            return Ok(None);
        }
        let moment = self.ledger.moment();
        // The rename says itself why it cannot be done.
        let Ok(path) = self.spelled(to) else { return Ok(None) };
        let to = self.ledger.folders_of(&path);
        let charged = self.load(file.node(), state, &file.inner)?;
        let leaving = charged.folders.iter().filter(|old| !contains(&to, old)).cloned().collect();
        let entering: SmallVec<[Arc<Account>; 2]> =
            to.iter().filter(|new| !contains(&charged.folders, new)).cloned().collect();
        let leaving: SmallVec<[Arc<Account>; 2]> = leaving;
        if leaving.is_empty() && entering.is_empty() {
            return Ok(None);
        }
        let (amount, bytes) = (super::total(charged), charged.bytes());
        // Its other names would stay behind, and it counts once.
        if file.inner.0.metadata()?.links > 1 {
            return Err(VfsError::CrossDevice);
        }
        self.ledger.reserve(entering.iter(), bytes)?;
        Ok(Some(Crossing { leaving, entering, to, amount, bytes, path, moment }))
    }

    /// Runs the rename of a file that may cross.
    pub(super) fn move_file<R>(
        &self,
        file: &CountedFile,
        state: &mut NodeState,
        crossing: Option<Crossing>,
        change: impl FnOnce() -> Result<R, VfsError>,
    ) -> Result<R, VfsError> {
        let Some(crossing) = crossing else { return change() };
        let Crossing { leaving, entering, to, amount, bytes, path, moment } = crossing;
        let begun = self.ledger.begin_move(file.id, &leaving, &entering, amount, (&path, moment));
        let done = change().inspect_err(|_| {
            entering.iter().for_each(|account| self.ledger.release(account, bytes));
        })?;
        let out = leaving.iter().map(|account| Charge { account, amount: amount.negated(), reserved: 0 });
        let into = entering.iter().map(|account| Charge { account, amount, reserved: bytes });
        let charges: SmallVec<[Charge<'_>; 4]> = out.chain(into).collect();
        self.ledger.settle(file.id, &charges, begun);
        if let Some(charged) = &mut state.charged {
            charged.folders = to;
        }
        Ok(done)
    }

    /// Whether a folder's way from `from` to `to` changes what counts for a folder quota.
    pub(super) fn crosses(&self, from: &VfsPath, to: &VfsPath) -> bool {
        let folders = self.ledger.folders.load();
        let changes = |folder: &Folder| {
            from.is_within(&folder.path) != to.is_within(&folder.path)
                || folder.path.is_within(from)
                || folder.path.is_within(to)
        };
        !self.ledger.is_off() && from != to && folders.iter().any(changes)
    }

    /// The paths of a folder that is about to be renamed, where folder quotas are concerned.
    pub(super) fn tree_crosses(&self, file: &CountedFile, to: &VfsPath) -> Option<(VfsPath, VfsPath)> {
        if file.kind != NodeKind::Directory || self.ledger.folders.load().is_empty() {
            return None;
        }
        let (from, to) = (file.inner.0.path(), self.spelled(to).ok()?);
        self.crosses(&from, &to).then_some((from, to))
    }

    /// Refuses a link to `to` that would be below other folder quotas than the file is: it could not be said for which of them the
    /// file counts. Called with the file's lock held.
    pub(super) fn check_link(
        &self,
        file: &CountedFile,
        state: &mut NodeState,
        to: &VfsPath,
    ) -> Result<(), VfsError> {
        if self.ledger.folders.load().is_empty() || self.ledger.is_off() {
            return Ok(());
        }
        // The link says itself why it cannot be made.
        let Ok(to) = self.spelled(to) else { return Ok(()) };
        let to = self.ledger.folders_of(&to);
        let from = &self.load(file.node(), state, &file.inner)?.folders;
        let is_same = from.len() == to.len() && from.iter().all(|account| contains(&to, account));
        if is_same { Ok(()) } else { Err(VfsError::CrossDevice) }
    }

    /// Runs the rename of the folder `file` that crosses. No change is under way.
    pub(super) fn move_tree<R>(
        &self,
        file: &CountedFile,
        (from, to): &(VfsPath, VfsPath),
        change: impl FnOnce() -> Result<R, VfsError>,
    ) -> Result<R, VfsError> {
        let moment = self.ledger.moment();
        let mut tree = Tree::default();
        let visits = self.ledger.visits.load_full();
        self.add_up(from, to, visits.as_deref(), &mut tree)?;
        if tree.files.values().any(|file| file.other_names > 0) {
            return Err(VfsError::CrossDevice);
        }
        let moved = &tree.moved;
        let grows = |moved: &&Moved| moved.amount.bytes > 0;
        for (number, entry) in moved.iter().filter(grows).enumerate() {
            let bytes = entry.amount.bytes.unsigned_abs();
            if let Err(error) = self.ledger.reserve(std::iter::once(&entry.account), bytes) {
                for entry in moved.iter().filter(grows).take(number) {
                    self.ledger.release(&entry.account, entry.amount.bytes.unsigned_abs());
                }
                return Err(error);
            }
        }
        let _moving = (moved.len() > MOST_WRITTEN_DOWN).then(|| Moving::begin(self.ledger.durable.as_ref()));
        let write_down = |entry: &Moved| {
            let account = std::slice::from_ref(&entry.account);
            self.ledger.begin_move(file.id, &[], account, entry.amount, (to, moment))
        };
        let begun: Vec<_> = moved
            .iter()
            .take(MOST_WRITTEN_DOWN)
            .map(write_down)
            .chain(std::iter::repeat_with(|| None))
            .take(moved.len())
            .collect();
        let result = change();
        for (Moved { account, amount, counted }, begun) in moved.iter().zip(begun) {
            let reserved = u64::try_from(amount.bytes).unwrap_or(0);
            if result.is_ok() {
                self.ledger.move_usage(file.id, Charge { account, amount: *amount, reserved }, begun);
                account.count(*counted);
            } else {
                self.ledger.release(account, reserved);
            }
        }
        if result.is_ok() {
            for (id, MovedFile { folders, .. }) in tree.files {
                let Some(node) = self.nodes.find(id) else { continue };
                if let Some(charged) = &mut node.state.lock().charged {
                    charged.folders = folders;
                }
            }
        }
        result
    }

    /// Adds up what is at `from` and below it, by what changes for each account when it is at `to`.
    fn add_up(
        &self,
        from: &VfsPath,
        to: &VfsPath,
        visits: Option<&Visits>,
        tree: &mut Tree,
    ) -> Result<(), VfsError> {
        let opened = match self.inner.open(from, None, DataUse::READ) {
            Ok(opened) => opened,
            Err(OpenError::Failed(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        let (old, new) = (self.ledger.folders_of(from), self.ledger.folders_of(to));
        let (id, links) = (opened.file.0.id().0, opened.metadata.links);
        if let Some(file) = tree.files.get_mut(&id) {
            file.other_names = file.other_names.saturating_sub(1);
            return Ok(());
        }
        let is_same = old.len() == new.len() && old.iter().all(|account| contains(&new, account));
        let has_others = opened.metadata.kind == NodeKind::File && links > 1;
        if has_others || (!is_same && self.nodes.find(id).is_some()) {
            let other_names = if has_others && !is_same { links - 1 } else { 0 };
            tree.files.insert(id, MovedFile { folders: new.clone(), other_names });
        }
        let (main, named, physical) = measure(&opened.file)?;
        let bytes = signed(main.saturating_add(named));
        let amount = Amount { bytes, nameless: 0, files: 1, physical: signed(physical) };
        let is_counted = visits.is_some_and(|visits| visits.contains(id));
        for (accounts, others, amount) in [(&old, &new, amount.negated()), (&new, &old, amount)] {
            for account in accounts.iter().filter(|account| !contains(others, account)) {
                let counted = if is_counted { amount } else { Amount::default() };
                match tree.moved.iter_mut().find(|entry| Arc::ptr_eq(&entry.account, account)) {
                    Some(entry) => {
                        entry.amount = entry.amount.plus(amount);
                        entry.counted = entry.counted.plus(counted);
                    }
                    None => tree.moved.push(Moved { account: Arc::clone(account), amount, counted }),
                }
            }
        }
        if opened.metadata.kind == NodeKind::Directory && opened.metadata.reparse_tag == 0 {
            for name in names_in(&opened.file)? {
                self.add_up(&from.join(&name), &to.join(&name), visits, tree)?;
            }
        }
        Ok(())
    }
}

fn names_in(folder: &FileRef) -> Result<Vec<VfsPath>, VfsError> {
    let mut names = Vec::new();
    folder.0.list(DirectoryCursor::default(), &mut |name, _| {
        names.extend(VfsPath::new(name.to_owned()));
        true
    })?;
    Ok(names)
}
