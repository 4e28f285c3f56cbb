//! Local accounts and groups as plain data. A pure part: no database, no clock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use freehold_dtyp::{FileTime, Sid};

use crate::auth::NtHash;

/// A local account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Name in the case it was made with; compared without case.
    pub name: String,
    /// Last part of its SID.
    pub rid: u32,
    /// Its SID: the machine's with [`Account::rid`].
    pub sid: Sid,
    /// Full name for people.
    pub full_name: String,
    /// Comment.
    pub comment: String,
    /// What its password is checked against.
    pub nt_hash: NtHash,
    /// It cannot log on.
    pub disabled: bool,
    /// When it was made.
    pub created: FileTime,
    /// When its password was set last.
    pub password_set: FileTime,
    /// SIDs of all local groups that it is in, directly or through other groups, sorted.
    pub groups: Vec<Sid>,
}

impl Account {
    /// Is it in BUILTIN\Administrators?
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.groups.binary_search(&Sid::ADMINISTRATORS).is_ok()
    }
}

/// A local group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name in the case it was made with; compared without case.
    pub name: String,
    /// Its SID.
    pub sid: Sid,
    /// Comment.
    pub comment: String,
    /// It is one of BUILTIN and cannot be removed.
    pub builtin: bool,
    /// Direct members, sorted.
    pub members: Vec<Sid>,
}

/// All accounts and groups at one time.
#[derive(Clone, Debug, Default)]
pub struct AccountsSnapshot {
    machine_sid: Option<Sid>,
    /// By RID.
    accounts: Vec<Arc<Account>>,
    /// By name.
    groups: Vec<Arc<Group>>,
    account_by_name: HashMap<String, Arc<Account>>,
    account_by_sid: HashMap<Sid, Arc<Account>>,
    group_by_name: HashMap<String, Arc<Group>>,
    group_by_sid: HashMap<Sid, Arc<Group>>,
    /// The groups that a member is in directly.
    groups_of: HashMap<Sid, Vec<Sid>>,
}

impl AccountsSnapshot {
    /// From its parts; [`Account::groups`] is computed here. `machine_sid` is what the accounts' SIDs start with.
    #[must_use]
    pub fn new(machine_sid: Sid, mut accounts: Vec<Account>, mut groups: Vec<Group>) -> Self {
        accounts.sort_by_key(|account| account.rid);
        groups.sort_by_key(|group| fold_name(&group.name));
        let mut groups_of: HashMap<Sid, Vec<Sid>> = HashMap::new();
        for group in &mut groups {
            group.members.sort_unstable();
            for member in &group.members {
                groups_of.entry(*member).or_default().push(group.sid);
            }
        }
        for account in &mut accounts {
            account.groups = closure(account.sid, &groups_of);
        }
        let accounts: Vec<Arc<Account>> = accounts.into_iter().map(Arc::new).collect();
        let groups: Vec<Arc<Group>> = groups.into_iter().map(Arc::new).collect();
        AccountsSnapshot {
            machine_sid: Some(machine_sid),
            account_by_name: accounts.iter().map(|a| (fold_name(&a.name), Arc::clone(a))).collect(),
            account_by_sid: accounts.iter().map(|a| (a.sid, Arc::clone(a))).collect(),
            group_by_name: groups.iter().map(|g| (fold_name(&g.name), Arc::clone(g))).collect(),
            group_by_sid: groups.iter().map(|g| (g.sid, Arc::clone(g))).collect(),
            accounts,
            groups,
            groups_of,
        }
    }

    /// SID that the accounts' SIDs start with; `None` for the empty snapshot.
    #[must_use]
    pub const fn machine_sid(&self) -> Option<Sid> {
        self.machine_sid
    }

    /// Accounts in the order of their RIDs.
    #[must_use]
    pub fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    /// Groups in the order of their names.
    #[must_use]
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// The account called `name`, in any case.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Arc<Account>> {
        self.account_by_name.get(&fold_name(name))
    }

    /// The account with `sid`.
    #[must_use]
    pub fn account_by_sid(&self, sid: &Sid) -> Option<&Arc<Account>> {
        self.account_by_sid.get(sid)
    }

    /// The group called `name`, in any case.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.group_by_name.get(&fold_name(name))
    }

    /// The group with `sid`.
    #[must_use]
    pub fn group_by_sid(&self, sid: &Sid) -> Option<&Arc<Group>> {
        self.group_by_sid.get(sid)
    }
}

impl AccountsSnapshot {
    /// All groups that an account or a group is in, directly or through groups, sorted.
    #[must_use]
    pub fn groups_of(&self, member: &Sid) -> Vec<Sid> {
        closure(*member, &self.groups_of)
    }

    /// A shortest chain of memberships from `member` to `group`, both included; `None` when it is not in it.
    #[must_use]
    pub fn membership_chain(&self, member: &Sid, group: &Sid) -> Option<Vec<Sid>> {
        let mut from: HashMap<Sid, Sid> = HashMap::new();
        let mut waiting = VecDeque::from([*member]);
        while let Some(sid) = waiting.pop_front() {
            if sid == *group {
                let mut chain = vec![sid];
                let mut here = sid;
                while let Some(before) = from.get(&here) {
                    chain.push(*before);
                    here = *before;
                }
                chain.reverse();
                return Some(chain);
            }
            for next in self.groups_of.get(&sid).into_iter().flatten() {
                if next != member && !from.contains_key(next) {
                    from.insert(*next, sid);
                    waiting.push_back(*next);
                }
            }
        }
        None
    }
}

/// All groups that `start` is in, directly or through groups, sorted. Groups in circles are no trouble.
fn closure(start: Sid, groups_of: &HashMap<Sid, Vec<Sid>>) -> Vec<Sid> {
    let mut found = HashSet::new();
    let mut waiting = vec![start];
    while let Some(sid) = waiting.pop() {
        for group in groups_of.get(&sid).into_iter().flatten() {
            if found.insert(*group) {
                waiting.push(*group);
            }
        }
    }
    let mut all: Vec<Sid> = found.into_iter().collect();
    all.sort_unstable();
    all
}

/// The form in which names of accounts, groups and shares are compared: each character in its simple upper case
/// ([MS-NLMP] uses the same for user names); characters whose upper case is a sequence stay as they are.
#[must_use]
pub fn fold_name(name: &str) -> String {
    name.chars()
        .map(|character| {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => character,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, sid: Sid, members: &[Sid]) -> Group {
        Group {
            name: name.to_owned(),
            sid,
            comment: String::new(),
            builtin: false,
            members: members.to_vec(),
        }
    }

    fn account(name: &str, sid: Sid) -> Account {
        Account {
            name: name.to_owned(),
            rid: sid.split_rid().unwrap().1,
            sid,
            full_name: String::new(),
            comment: String::new(),
            nt_hash: NtHash::from_bytes([0; 16]),
            disabled: false,
            created: FileTime::ZERO,
            password_set: FileTime::ZERO,
            groups: Vec::new(),
        }
    }

    #[test]
    fn groups_of_groups_count_and_circles_end() {
        let machine: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let sid = |rid| machine.with_rid(rid).unwrap();
        let snapshot = AccountsSnapshot::new(
            machine,
            vec![account("Änne", sid(1000)), account("bob", sid(1001))],
            vec![
                group("inner", sid(2000), &[sid(1000), sid(2001)]),
                group("outer", sid(2001), &[sid(2000)]),
                group("Administrators", Sid::ADMINISTRATORS, &[sid(2001)]),
            ],
        );
        let anne = snapshot.account("äNNE").unwrap();
        assert!(anne.is_administrator());
        assert_eq!(anne.groups, [Sid::ADMINISTRATORS, sid(2000), sid(2001)]);
        assert!(!snapshot.account("BOB").unwrap().is_administrator());
        assert_eq!(snapshot.group("INNER").unwrap().sid, sid(2000));
        let chain = snapshot.membership_chain(&sid(1000), &Sid::ADMINISTRATORS).unwrap();
        assert_eq!(chain, [sid(1000), sid(2000), sid(2001), Sid::ADMINISTRATORS]);
        assert_eq!(snapshot.membership_chain(&sid(1001), &sid(2000)), None);
        assert_eq!(snapshot.membership_chain(&sid(1001), &sid(1001)).unwrap(), [sid(1001)]);
        assert_eq!(snapshot.groups_of(&sid(2001)), [Sid::ADMINISTRATORS, sid(2000), sid(2001)]);
        assert_eq!(snapshot.account_by_sid(&sid(1001)).unwrap().name, "bob");
    }

    #[test]
    fn names_fold_character_by_character() {
        assert_eq!(fold_name("straße"), "STRAßE");
        assert_eq!(fold_name("Ünïx"), "ÜNÏX");
    }
}
