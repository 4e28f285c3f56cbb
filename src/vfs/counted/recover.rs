//! After the server was killed: what was under way is looked at, and charged for what it is.
//!
//! Where a file can be is known from its intent and from the renames of folders that may have come between (`renames`). A file that
//! is open by a name that was removed, while it has others, is searched for, in so many files and no more.

use std::collections::{HashMap, HashSet, VecDeque};

use freehold_dtyp::{Sid, Wtf8, Wtf8Buf};
use freehold_quotas::{INTENT_FOLDERS, Intent, IntentKind};

use super::account::{Amount, signed};
use super::durable::{Durable, Found, Slot};
use super::renames::Renames;
use super::rows::Key;
use super::{measure, owner_of};
use crate::vfs::{DataUse, DirectoryCursor, NodeKind, OpenError, Opened, VfsPath, Volume};

/// Most names that are looked at in a search.
const SEARCHED: usize = 50_000;

/// What was found when the volume was opened, after a kill or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Changes that were under way, each of which was looked at.
    pub under_way: usize,
    /// Files that were searched for, since the name they were opened by had been removed.
    pub searched: usize,
    /// Why everything is counted anew.
    pub recount: Option<&'static str>,
    /// Why folder quotas are counted anew.
    pub folders: Option<&'static str>,
}

/// A change that was under way, as it turned out.
struct Outcome {
    id: u64,
    rows: Vec<(u32, Amount)>,
    /// The file was made.
    created: bool,
}

impl Outcome {
    fn nothing(intent: &Intent<'_>) -> Outcome {
        Outcome { id: intent.id, rows: Vec::new(), created: false }
    }
}

/// What cannot be said without counting.
enum Doubt {
    /// Anything.
    Everything(&'static str),
    /// What is below the folder quotas of the intent.
    Folders(&'static str),
}

struct Recovery<'a> {
    inner: &'a dyn Volume,
    durable: &'a Durable,
    renames: Renames,
    owners: HashMap<Sid, u32>,
    rows: HashSet<u32>,
    /// Files that were found to be new, and were charged for what they are.
    created: HashSet<u64>,
    /// Names that may still be looked at in searches.
    left: usize,
    searched: usize,
}

/// Looks at every file that was about to change.
pub(super) fn recover(inner: &dyn Volume, durable: &Durable, found: Found) -> Recovered {
    let mut recovery = Recovery {
        inner,
        durable,
        renames: durable.renames(),
        owners: HashMap::new(),
        rows: HashSet::new(),
        created: HashSet::new(),
        left: SEARCHED,
        searched: 0,
    };
    for (row, key, _) in &found.rows {
        recovery.rows.insert(*row);
        if let Key::Owner(owner) = key {
            recovery.owners.insert(*owner, *row);
        }
    }
    let mut recovered =
        Recovered { under_way: found.open.len(), folders: found.folders_anew, ..Recovered::default() };
    let mut open = found.open;
    // What else was about to happen to a file that had just been made is part of what it is found to be.
    open.sort_by_key(|(_, intent)| intent.kind != IntentKind::Create);
    for (slot, intent) in open {
        recovery.end(slot, &intent, &mut recovered);
    }
    recovered.searched = recovery.searched;
    if recovered.under_way > 0 {
        tracing::info!(?recovered, "changes were under way when the server stopped: usage is put right");
    }
    recovered
}

impl Recovery<'_> {
    fn end(&mut self, slot: Slot, intent: &Intent<'_>, recovered: &mut Recovered) {
        match self.resolve(intent).and_then(|outcome| self.checked(outcome, intent)) {
            Ok(outcome) => {
                if outcome.created {
                    self.created.insert(outcome.id);
                }
                self.durable.apply(outcome.id, &outcome.rows, Some(slot), outcome.created);
            }
            Err(Doubt::Everything(reason)) => {
                tracing::warn!(?intent, reason, "usage is counted anew");
                self.durable.cancel(slot);
                recovered.recount = Some(reason);
            }
            Err(Doubt::Folders(reason)) => {
                tracing::warn!(?intent, reason, "folder quotas are counted anew");
                for row in intent.folders.iter().chain(&intent.entering) {
                    if self.rows.remove(row) {
                        self.durable.forget_row(*row);
                    }
                }
                self.durable.cancel(slot);
                recovered.folders = Some(reason);
            }
        }
    }

    fn resolve(&mut self, intent: &Intent<'_>) -> Result<Outcome, Doubt> {
        if intent.path.is_none() && intent.folders.len() == INTENT_FOLDERS {
            return Err(Doubt::Everything("a file is below too many folder quotas"));
        }
        if intent.path.is_some() && path_of(intent).is_none() {
            return Err(Doubt::Everything("a change was of a path that cannot be"));
        }
        match intent.kind {
            IntentKind::Create => self.made(intent),
            IntentKind::Change | IntentKind::Vanish if self.created.contains(&intent.id) => {
                Ok(Outcome::nothing(intent))
            }
            IntentKind::Change => match self.find(intent, |id| id == intent.id)? {
                Some(there) => self.changed(intent, &there),
                None => Err(Doubt::Everything("a file that was about to change is not there")),
            },
            IntentKind::Vanish => match self.find(intent, |id| id == intent.id)? {
                Some(there) => self.changed(intent, &there),
                None if intent.last_name => {
                    let gone = before(intent).negated();
                    let mut rows = vec![(intent.owner, gone)];
                    rows.extend(intent.folders.iter().map(|row| (*row, gone)));
                    Ok(Outcome { id: intent.id, rows, created: false })
                }
                None => Ok(Outcome::nothing(intent)),
            },
            IntentKind::Move => self.moved(intent),
        }
    }

    fn made(&mut self, intent: &Intent<'_>) -> Result<Outcome, Doubt> {
        let durable = self.durable;
        let is_new = |id: u64| id > intent.newest && !durable.is_known_new(id);
        let Some(there) = self.find(intent, is_new)? else { return Ok(Outcome::nothing(intent)) };
        let amount = now(&there)?;
        let mut rows = vec![(self.row_of(&there)?, amount)];
        rows.extend(intent.folders.iter().map(|row| (*row, amount)));
        Ok(Outcome { id: there.file.0.id().0, rows, created: true })
    }

    fn changed(&mut self, intent: &Intent<'_>, there: &Opened) -> Result<Outcome, Doubt> {
        let (before, after) = (before(intent), now(there)?);
        let difference = after.plus(before.negated());
        let owner = self.row_of(there)?;
        let mut rows: Vec<(u32, Amount)> = intent.folders.iter().map(|row| (*row, difference)).collect();
        if owner == intent.owner {
            rows.push((owner, difference));
        } else {
            rows.extend([(intent.owner, before.negated()), (owner, after)]);
        }
        Ok(Outcome { id: intent.id, rows, created: false })
    }

    /// It is where it was going to, or it is not.
    fn moved(&mut self, intent: &Intent<'_>) -> Result<Outcome, Doubt> {
        let path = path_of(intent).ok_or(Doubt::Folders("what moved has too long a path"))?;
        let name = path.split_last().map(|(_, name)| name.to_owned());
        // A name that changes its case alone leads to the file before, too.
        let is_there = |there: &Opened| {
            there.file.0.id().0 == intent.id
                && there.path.split_last().map(|(_, name)| name.to_owned()) == name
        };
        let places = self.renames.places(&path, intent.renames);
        let places = places.ok_or(Doubt::Folders("too many folders were renamed while something moved"))?;
        let mut has_moved = false;
        for place in &places {
            has_moved |= self.look(place)?.as_ref().is_some_and(is_there);
        }
        if !has_moved {
            return Ok(Outcome::nothing(intent));
        }
        let amount = Amount {
            bytes: intent.bytes as i64,
            nameless: 0,
            files: intent.files as i64,
            physical: intent.physical as i64,
        };
        let out = intent.folders.iter().map(|row| (*row, amount.negated()));
        let rows = out.chain(intent.entering.iter().map(|row| (*row, amount))).collect();
        Ok(Outcome { id: intent.id, rows, created: false })
    }

    /// What the intent is about, wherever it can be; `None` where it is certain that it is not there.
    fn find(&mut self, intent: &Intent<'_>, is_it: impl Fn(u64) -> bool) -> Result<Option<Opened>, Doubt> {
        let path = path_of(intent);
        let places = path.as_ref().and_then(|path| self.renames.places(path, intent.renames));
        for place in places.iter().flatten() {
            if let Some(there) = self.look(place)?.filter(|there| is_it(there.file.0.id().0)) {
                return Ok(Some(there));
            }
        }
        // A file that changes is somewhere; one that was to go, or to be made, need not be.
        if places.is_some() && intent.kind != IntentKind::Change {
            return Ok(None);
        }
        let folder = path.as_ref().and_then(VfsPath::split_last).map(|(folder, _)| folder);
        self.search(folder, is_it)
    }

    /// Looks through the volume, `first` before everything else.
    fn search(
        &mut self,
        first: Option<VfsPath>,
        is_it: impl Fn(u64) -> bool,
    ) -> Result<Option<Opened>, Doubt> {
        self.searched += 1;
        let mut queue: VecDeque<VfsPath> = first.into_iter().chain([VfsPath::root()]).collect();
        while let Some(folder) = queue.pop_front() {
            let Some(opened) = self.look(&folder)? else { continue };
            let mut names: Vec<(Wtf8Buf, u64, bool)> = Vec::new();
            let most = self.left;
            let each = &mut |name: Wtf8<'_>, metadata: &crate::vfs::Metadata| {
                let enter = metadata.kind == NodeKind::Directory && metadata.reparse_tag == 0;
                names.push((name.to_owned(), metadata.id.0, enter));
                names.len() < most
            };
            if opened.file.0.list(DirectoryCursor::default(), each).is_err() {
                return Err(Doubt::Everything("a folder cannot be listed"));
            }
            if names.len() >= most {
                return Err(Doubt::Everything(
                    "a file was open by a name that had been removed, and the volume is large",
                ));
            }
            self.left -= names.len();
            for (name, id, enter) in names {
                let Some(name) = VfsPath::new(name) else { continue };
                let path = folder.join(&name);
                if enter {
                    queue.push_back(path.clone());
                }
                if is_it(id) {
                    return self.look(&path);
                }
            }
        }
        Ok(None)
    }

    fn look(&self, path: &VfsPath) -> Result<Option<Opened>, Doubt> {
        match self.inner.open(path, None, DataUse::READ) {
            Ok(opened) => Ok(Some(opened)),
            // A link in the way was never on the way to the file.
            Err(
                OpenError::NotFound(_)
                | OpenError::PathNotFound
                | OpenError::NotADirectory
                | OpenError::Reparse { .. },
            ) => Ok(None),
            Err(OpenError::StreamNotFound(_) | OpenError::Failed(_)) => {
                Err(Doubt::Everything("a file that was about to change cannot be opened"))
            }
        }
    }

    /// Without folder quotas that are to be counted anyway.
    fn checked(&self, mut outcome: Outcome, intent: &Intent<'_>) -> Result<Outcome, Doubt> {
        let is_folder = |row: &u32| intent.folders.contains(row) || intent.entering.contains(row);
        outcome.rows.retain(|(row, _)| self.rows.contains(row) || !is_folder(row));
        if outcome.rows.iter().all(|(row, _)| self.rows.contains(row)) {
            Ok(outcome)
        } else {
            Err(Doubt::Everything("a change was of an account that is not there"))
        }
    }

    fn row_of(&mut self, there: &Opened) -> Result<u32, Doubt> {
        let owner = owner_of(&there.security);
        if let Some(row) = self.owners.get(&owner) {
            return Ok(*row);
        }
        let row = self.durable.make_row(&Key::Owner(owner));
        let row = row.ok_or(Doubt::Everything("there is no place for an account"))?;
        self.owners.insert(owner, row);
        self.rows.insert(row);
        Ok(row)
    }
}

fn path_of(intent: &Intent<'_>) -> Option<VfsPath> {
    VfsPath::new(Wtf8::from_bytes(intent.path.as_deref()?)?.to_owned())
}

fn before(intent: &Intent<'_>) -> Amount {
    Amount { bytes: signed(intent.bytes), nameless: 0, files: 1, physical: signed(intent.physical) }
}

fn now(there: &Opened) -> Result<Amount, Doubt> {
    let (main, named, physical) = measure(&there.file)
        .map_err(|_| Doubt::Everything("a file that was about to change cannot be looked at"))?;
    Ok(Amount {
        bytes: signed(main.saturating_add(named)),
        nameless: 0,
        files: 1,
        physical: signed(physical),
    })
}
