//! Counts everything again while clients work.
//!
//! Each file is looked at once, under its lock, and is marked then: from there on every change of it changes what was counted as
//! well as what is kept. A file that is new, or that moves, is looked at by whoever makes or moves it; a folder that
//! moves is gone through again where it has gone. At the end, in a moment without changes, both must be the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_dtyp::Wtf8Buf;
use freehold_quotas::Subject;
use parking_lot::Mutex;

use super::account::{Account, Amount, signed};
use super::ledger::Folder;
use super::nodes::{Node, NodeState};
use super::{Shared, owner_of};
use crate::vfs::quotas::Recount;
use crate::vfs::{DataUse, DirectoryCursor, FileRef, NodeKind, OpenError, VfsError, VfsPath};

/// Files between two reports of progress.
const PROGRESS_FILES: u64 = 1000;
/// How often folders that moved are followed while others move.
const ROUNDS: u32 = 3;

/// What a recount has looked at.
#[derive(Default)]
pub(super) struct Visits {
    /// A bit for each file, 65,536 of them to a page.
    seen: Mutex<HashMap<u64, Box<[u64; 1024]>>>,
    /// Folders to go through.
    queue: Mutex<Vec<VfsPath>>,
    /// Folders that have moved since, to where they are now.
    moved: Mutex<Vec<VfsPath>>,
    files: AtomicU64,
}

fn place(id: u64) -> (u64, usize, u64) {
    (id >> 16, (id as usize >> 6) % 1024, 1 << (id % 64))
}

impl Visits {
    pub(super) fn contains(&self, id: u64) -> bool {
        let (page, word, bit) = place(id);
        self.seen.lock().get(&page).is_some_and(|page| page[word] & bit != 0)
    }

    /// False when it was there already.
    pub(super) fn insert(&self, id: u64) -> bool {
        let (page, word, bit) = place(id);
        let mut seen = self.seen.lock();
        let page = seen.entry(page).or_insert_with(|| Box::new([0; 1024]));
        let new = page[word] & bit == 0;
        page[word] |= bit;
        new
    }

    /// A folder is there now.
    pub(super) fn moved(&self, folder: VfsPath) {
        self.moved.lock().push(folder);
    }

    /// Goes on with what has moved; false where nothing has.
    fn follow_moved(&self) -> bool {
        let moved = std::mem::take(&mut *self.moved.lock());
        self.queue.lock().extend_from_slice(&moved);
        !moved.is_empty()
    }
}

impl Shared {
    /// Looks at an open file for the recount that is under way, if it has not been. Called with the file's lock held.
    pub(super) fn visit_open(&self, node: &Node, state: &mut NodeState) {
        let visits = self.ledger.visits.load();
        let Some(visits) = &*visits else { return };
        let Some(charged) = &state.charged else { return };
        if state.gone || !visits.insert(node.id) {
            return;
        }
        visits.files.fetch_add(1, Ordering::Relaxed);
        if let Some(durable) = &self.ledger.durable {
            durable.saw(node.id);
        }
        let amount = Amount {
            bytes: signed(charged.bytes()),
            nameless: 0,
            files: 1,
            physical: signed(charged.physical),
        };
        charged.owner.count(amount);
        charged.folders.iter().for_each(|folder| folder.count(amount));
        self.class_visited(node, state);
    }

    /// Counts everything ([`crate::vfs::quotas::Quotas::recount`]). With `is_first`, what was kept counts for nothing.
    pub(super) fn count_all(
        &self,
        is_first: bool,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Recount, VfsError> {
        let _one_at_a_time = self.recounting.lock();
        self.count(&[VfsPath::root()], None, is_first, progress)
    }

    /// Counts what is below folders that have just become folder quotas.
    pub(super) fn count_folders(
        &self,
        folders: &[Folder],
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Recount, VfsError> {
        let _one_at_a_time = self.recounting.lock();
        let roots: Vec<VfsPath> = folders.iter().map(|folder| folder.path.clone()).collect();
        let accounts = folders.iter().map(|folder| Arc::clone(&folder.account)).collect();
        self.count(&roots, Some(accounts), true, progress)
    }

    /// Counts what is at and below `roots`, for `accounts` alone where they are given.
    fn count(
        &self,
        roots: &[VfsPath],
        accounts: Option<Vec<Arc<Account>>>,
        is_first: bool,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Recount, VfsError> {
        let visits = Arc::new(Visits::default());
        let known: Vec<Folder>;
        {
            let _closed = self.gate.close();
            known = self.ledger.folders.load().iter().cloned().collect();
            self.ledger.accounts().iter().for_each(|account| account.reset_counted());
            if accounts.is_none() {
                self.cells.begin_count();
            }
            visits.queue.lock().extend_from_slice(roots);
            self.ledger.visits.store(Some(Arc::clone(&visits)));
        }
        let mut walked = roots.iter().try_for_each(|root| self.visit(&visits, root, false)).map(|()| true);
        let mut rounds = 0;
        let _closed = loop {
            if let Ok(true) = walked {
                walked = self.walk(&visits, progress, false);
            }
            let closed = self.gate.close();
            if !matches!(walked, Ok(true)) || !visits.follow_moved() {
                break closed;
            }
            rounds += 1;
            if rounds == ROUNDS {
                // Folders move faster than they are gone through: now none does.
                walked = self.walk(&visits, progress, true);
                break closed;
            }
        };
        if accounts.is_none() && self.cells.end_count(matches!(walked, Ok(true))) {
            tracing::error!("types and ages of files had drifted, and were put right");
        }
        self.ledger.visits.store(None);
        let mut found = Recount { files: visits.files.load(Ordering::Relaxed), ..Recount::default() };
        if !walked? {
            found.stopped = true;
            return Ok(found);
        }
        let is_all = accounts.is_none();
        // A folder quota that was put in place meanwhile is counted by itself.
        let is_whole = |account: &Arc<Account>| match account.subject {
            Subject::Owner(_) => true,
            Subject::Folder(_) => known.iter().any(|folder| Arc::ptr_eq(&folder.account, account)),
        };
        for account in accounts.unwrap_or_else(|| self.ledger.accounts()) {
            if is_whole(&account) {
                self.compare(&account, is_first, &mut found);
                self.is_counted(&account);
            }
        }
        if let Some(durable) = self.ledger.durable.as_ref().filter(|_| is_all && !self.ledger.is_off()) {
            durable.set_known(true);
        }
        Ok(found)
    }

    /// Puts right what is not as it was counted.
    fn compare(&self, account: &Account, is_first: bool, found: &mut Recount) {
        let _nobody_closes = self.nameless.lock();
        let (kept, counted) = (account.named(), account.counted());
        let difference = counted.plus(kept.negated());
        let before = account.usage();
        self.ledger.correct(account, difference);
        // Blocks on disk are known as of when a file was looked at.
        if is_first || (kept.bytes, kept.files) == (counted.bytes, counted.files) {
            return;
        }
        match account.subject {
            Subject::Owner(owner) => {
                tracing::error!(%owner, kept = ?before, counted = ?account.usage(), "usage had drifted: this is a bug");
                found.drifted.push((owner, before, account.usage()));
            }
            Subject::Folder(folder) => {
                tracing::error!(folder = folder.0, kept = ?before, counted = ?account.usage(), "usage had drifted: this is a bug");
                found.drifted_folders.push((folder, before, account.usage()));
            }
        }
    }

    /// Goes through every folder; false when it was stopped.
    fn walk(
        &self,
        visits: &Visits,
        progress: &mut dyn FnMut(u64) -> bool,
        is_alone: bool,
    ) -> Result<bool, VfsError> {
        let mut told = 0;
        loop {
            let Some(folder) = visits.queue.lock().pop() else { return Ok(true) };
            let Some(opened) = self.look(&folder)? else { continue };
            let mut names: Vec<(Wtf8Buf, bool)> = Vec::new();
            let listed = opened.0.list(DirectoryCursor::default(), &mut |name, metadata| {
                let enter = metadata.kind == NodeKind::Directory && metadata.reparse_tag == 0;
                names.push((name.to_owned(), enter));
                true
            });
            match listed {
                Ok(_) => {}
                Err(VfsError::NotFound | VfsError::NotADirectory) => continue,
                Err(error) => return Err(error),
            }
            for (name, enter) in names {
                let Some(name) = VfsPath::new(name) else { continue };
                let path = folder.join(&name);
                self.visit(visits, &path, is_alone)?;
                if enter {
                    visits.queue.lock().push(path);
                }
                let files = visits.files.load(Ordering::Relaxed);
                if files >= told + PROGRESS_FILES {
                    told = files;
                    if !progress(files) {
                        return Ok(false);
                    }
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
        }
    }

    /// What is at `path` now; `None` where nothing is.
    fn look(&self, path: &VfsPath) -> Result<Option<FileRef>, VfsError> {
        match self.inner.open(path, None, DataUse::READ) {
            Ok(opened) => Ok(Some(opened.file)),
            Err(OpenError::Failed(error @ (VfsError::Io | VfsError::OutOfResources))) => Err(error),
            Err(OpenError::Failed(error)) => {
                tracing::warn!(path = %path.as_wtf8(), %error, "a file could not be looked at and is not counted");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// `is_alone` where the gate is closed already.
    fn visit(&self, visits: &Visits, path: &VfsPath, is_alone: bool) -> Result<(), VfsError> {
        let Some(file) = self.look(path)? else { return Ok(()) };
        let id = file.0.id().0;
        if visits.contains(id) {
            return Ok(());
        }
        // No folder moves across folder quotas meanwhile.
        let _pass = (!is_alone).then(|| self.gate.enter(id));
        let (node, _) = self.nodes.enter(id);
        let visited = self.visit_locked(&node, &file);
        self.leave(&node, &file);
        visited
    }

    fn visit_locked(&self, node: &Node, file: &FileRef) -> Result<(), VfsError> {
        let mut state = node.state.lock();
        let known = state.charged.is_some();
        if let Err(error) = self.load(node, &mut state, file) {
            // It went meanwhile, or cannot be read.
            tracing::debug!(id = node.id, %error, "a file could not be looked at and is not counted");
            return Ok(());
        }
        if known && !state.gone {
            // What counts is what is there.
            let (main, named, physical) = super::measure(file)?;
            let owner = owner_of(&*file.0.security()?);
            if let Some(charged) = &mut state.charged {
                charged.owner = self.ledger.owner(&owner);
                (charged.main, charged.named, charged.physical) = (main, named, physical);
                node.set_size(main);
            }
            self.class_settle(node, &mut state, Some(file));
        }
        self.visit_open(node, &mut state);
        Ok(())
    }
}
