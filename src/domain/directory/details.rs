//! What the directory has about accounts beyond their names, kept as the names are: every look-up of a name reads it along, so that an
//! administrator who asks for the account next is answered from memory.

use std::collections::HashMap;
use std::time::Duration;

use freehold_dtyp::{FileTime, Sid};
use parking_lot::Mutex;

use super::account::DirectoryAccount;
use crate::names::{FRESH_FOR, KEPT_FOR};

/// Most accounts of one generation; two generations are kept.
const GENERATION: usize = 5_000;

/// How much an answer that is kept counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// As much as a new one.
    Fresh(DirectoryAccount),
    /// Something, while no domain controller answers.
    Old(DirectoryAccount),
}

impl Kept {
    /// The account.
    pub(super) fn account(self) -> DirectoryAccount {
        match self {
            Kept::Fresh(account) | Kept::Old(account) => account,
        }
    }
}

/// Accounts by the SID that they were found by, each with the time of the answer.
#[derive(Debug, Default)]
pub(super) struct Details {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Sid, (DirectoryAccount, FileTime)>,
    old: HashMap<Sid, (DirectoryAccount, FileTime)>,
}

impl Details {
    /// Keeps an answer. The older half of too many goes.
    pub(super) fn put(&self, sid: Sid, account: DirectoryAccount, at: FileTime) {
        let mut generations = self.generations.lock();
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(sid, (account, at));
    }

    /// The directory has no such account any more.
    pub(super) fn forget(&self, sid: &Sid) {
        let mut generations = self.generations.lock();
        generations.young.remove(sid);
        generations.old.remove(sid);
    }

    /// What is kept of an account; `None` when that is nothing, or too old for any use.
    pub(super) fn find(&self, sid: &Sid, now: FileTime) -> Option<Kept> {
        let generations = self.generations.lock();
        let (account, at) = generations.young.get(sid).or_else(|| generations.old.get(sid))?;
        // A clock that was put back makes answers of the future: they are as good as old ones.
        let age =
            now.0.checked_sub(at.0).map_or(KEPT_FOR, |age| Duration::from_nanos(age.saturating_mul(100)));
        match age {
            age if age < FRESH_FOR => Some(Kept::Fresh(account.clone())),
            age if age <= KEPT_FOR => Some(Kept::Old(account.clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(rid: u32) -> DirectoryAccount {
        let domain: Sid = "S-1-5-21-7-8-9".parse().unwrap();
        DirectoryAccount {
            sid: domain.with_rid(rid).unwrap(),
            name: format!("user{rid}"),
            account_type: 0x3000_0000,
            distinguished_name: format!("CN=user{rid},DC=corp,DC=example"),
            user_principal_name: String::new(),
            display_name: String::new(),
            enabled: true,
            distribution: false,
            primary_group: None,
            sid_history: Vec::new(),
        }
    }

    #[test]
    fn answers_age() {
        let details = Details::default();
        let (alice, start) = (account(1103), FileTime(1_000_000_000_000_000));
        assert_eq!(details.find(&alice.sid, start), None);
        details.put(alice.sid, alice.clone(), start);
        let after = |time: Duration| details.find(&alice.sid, start.saturating_add(time));
        let second = Duration::from_secs(1);
        assert_eq!(after(FRESH_FOR - second), Some(Kept::Fresh(alice.clone())));
        assert_eq!(after(FRESH_FOR), Some(Kept::Old(alice.clone())));
        assert_eq!(after(KEPT_FOR), Some(Kept::Old(alice.clone())));
        assert_eq!(after(KEPT_FOR + second), None);
        assert_eq!(details.find(&alice.sid, FileTime(start.0 - 1)), Some(Kept::Old(alice.clone())));
        details.forget(&alice.sid);
        assert_eq!(details.find(&alice.sid, start), None);
    }

    #[test]
    fn the_newest_are_kept() {
        let (details, at) = (Details::default(), FileTime(1));
        let count = u32::try_from(GENERATION).unwrap() * 2 + 1;
        for rid in 0..count {
            details.put(account(rid).sid, account(rid), at);
        }
        let known = |rid: u32| details.find(&account(rid).sid, at).is_some();
        assert!(!known(0) && known(count - 1));
        assert!((count / 2..count).all(known));
    }
}
