//! After the server was killed: what was under way is looked at, and charged for what it is.

use std::collections::{HashMap, HashSet};

use freehold_dtyp::{Sid, Wtf8};
use freehold_quotas::{Intent, IntentKind};

use super::account::{Amount, signed};
use super::durable::{Durable, Found, Key};
use super::{measure, owner_of};
use crate::vfs::{DataUse, OpenError, Opened, VfsPath, Volume};

/// A change that was under way, as it turned out.
struct Outcome {
    id: u64,
    rows: Vec<(u32, Amount)>,
    /// The file was made.
    created: bool,
}

struct Recovery<'a> {
    inner: &'a dyn Volume,
    durable: &'a Durable,
    owners: HashMap<Sid, u32>,
    rows: HashSet<u32>,
    renames: u64,
}

/// Looks at every file that was about to change. False where one could not be found: then everything is to be counted.
pub(super) fn recover(inner: &dyn Volume, durable: &Durable, found: Found) -> bool {
    let mut recovery =
        Recovery { inner, durable, owners: HashMap::new(), rows: HashSet::new(), renames: found.renames };
    for (row, key, _) in &found.rows {
        recovery.rows.insert(*row);
        if let Key::Owner(owner) = key {
            recovery.owners.insert(*owner, *row);
        }
    }
    let mut is_whole = true;
    for (slot, intent) in found.open {
        match intent.as_ref().and_then(|intent| recovery.resolve(intent)) {
            Some(outcome) => durable.apply(outcome.id, &outcome.rows, Some(slot), outcome.created),
            None => {
                tracing::warn!(
                    ?intent,
                    "a file that was about to change cannot be found: usage is counted anew"
                );
                durable.cancel(slot);
                is_whole = false;
            }
        }
    }
    is_whole
}

impl Recovery<'_> {
    fn resolve(&mut self, intent: &Intent<'_>) -> Option<Outcome> {
        let path = VfsPath::new(Wtf8::from_bytes(intent.path.as_deref()?)?.to_owned())?;
        let there = match self.inner.open(&path, None, DataUse::READ) {
            Ok(opened) => Some(opened),
            Err(OpenError::NotFound(_) | OpenError::PathNotFound | OpenError::NotADirectory) => None,
            Err(OpenError::StreamNotFound(_) | OpenError::Reparse { .. } | OpenError::Failed(_)) => {
                return None;
            }
        };
        let is_same_place = intent.renames == self.renames;
        let nothing = Outcome { id: intent.id, rows: Vec::new(), created: false };
        match (intent.kind, there) {
            (IntentKind::Create, Some(there)) => {
                let id = there.file.0.id().0;
                if id <= intent.newest || self.durable.is_known_new(id) {
                    return Some(nothing);
                }
                let amount = now(&there)?;
                let mut rows = vec![(self.row_of(&there)?, amount)];
                rows.extend(intent.folders.iter().map(|row| (*row, amount)));
                self.checked(Outcome { id, rows, created: true }, intent)
            }
            (IntentKind::Change | IntentKind::Vanish, Some(there)) if there.file.0.id().0 == intent.id => {
                let (before, after) = (before(intent), now(&there)?);
                let difference = after.plus(before.negated());
                let owner = self.row_of(&there)?;
                let mut rows: Vec<(u32, Amount)> =
                    intent.folders.iter().map(|row| (*row, difference)).collect();
                if owner == intent.owner {
                    rows.push((owner, difference));
                } else {
                    rows.extend([(intent.owner, before.negated()), (owner, after)]);
                }
                self.checked(Outcome { id: intent.id, rows, created: false }, intent)
            }
            (IntentKind::Vanish, _) if is_same_place && intent.last_name => {
                let gone = before(intent).negated();
                let mut rows = vec![(intent.owner, gone)];
                rows.extend(intent.folders.iter().map(|row| (*row, gone)));
                self.checked(Outcome { id: intent.id, rows, created: false }, intent)
            }
            (IntentKind::Vanish | IntentKind::Create, _) if is_same_place => Some(nothing),
            _ => None,
        }
    }

    /// Without folder quotas that are to be counted anyway.
    fn checked(&self, mut outcome: Outcome, intent: &Intent<'_>) -> Option<Outcome> {
        outcome.rows.retain(|(row, _)| self.rows.contains(row) || !intent.folders.contains(row));
        outcome.rows.iter().all(|(row, _)| self.rows.contains(row)).then_some(outcome)
    }

    fn row_of(&mut self, there: &Opened) -> Option<u32> {
        let owner = owner_of(&there.security);
        if let Some(row) = self.owners.get(&owner) {
            return Some(*row);
        }
        let row = self.durable.make_row(&Key::Owner(owner))?;
        self.owners.insert(owner, row);
        self.rows.insert(row);
        Some(row)
    }
}

fn before(intent: &Intent<'_>) -> Amount {
    Amount { bytes: signed(intent.bytes), nameless: 0, files: 1, physical: signed(intent.physical) }
}

fn now(there: &Opened) -> Option<Amount> {
    let (main, named, physical) = measure(&there.file).ok()?;
    Some(Amount {
        bytes: signed(main.saturating_add(named)),
        nameless: 0,
        files: 1,
        physical: signed(physical),
    })
}
