//! Reads and changes accounts and groups in the database.

use freehold_dtyp::Sid;
use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::auth::{NtHash, nt_hash};

use super::accounts::fold_name;
use super::{
    Account, AccountsSnapshot, Change, Group, State, StateError, identity, now, time_from_sql, time_to_sql,
};

/// Longest account name in characters ([MS-SAMR] 3.1.1.6, user names).
const MAX_ACCOUNT_NAME: usize = 20;
/// Longest group name in characters.
const MAX_GROUP_NAME: usize = 256;
/// Longest full name or comment in characters.
const MAX_COMMENT: usize = 256;
/// Longest password in UTF-16 units, as Windows has it.
pub const MAX_PASSWORD_UNITS: usize = 256;
/// Characters that names of accounts and groups cannot have ([MS-SAMR] 3.1.1.8.4).
const FORBIDDEN: &str = "\"/\\[]:;|=,+*?<>@";

/// A new account.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Name: 1 to 20 characters, none of `"/\[]:;|=,+*?<>@` or control characters, not all dots and spaces.
    pub name: &'a str,
    /// Full name for people; at most 256 characters.
    pub full_name: &'a str,
    /// Comment; at most 256 characters.
    pub comment: &'a str,
    /// Password: 1 to 256 UTF-16 units.
    pub password: &'a str,
    /// It starts disabled.
    pub disabled: bool,
    /// Names or SIDs of groups besides BUILTIN\Users, in which every account is.
    pub groups: &'a [&'a str],
}

/// New values for some fields of an account; `None` keeps.
#[derive(Debug, Default)]
pub struct AccountChange<'a> {
    /// Password: 1 to 256 UTF-16 units.
    pub password: Option<&'a str>,
    /// Disabled or not.
    pub disabled: Option<bool>,
    /// Full name.
    pub full_name: Option<&'a str>,
    /// Comment.
    pub comment: Option<&'a str>,
}

impl State {
    /// Makes an account and puts it into BUILTIN\Users and the groups asked for.
    ///
    /// # Errors
    /// [`StateError::Exists`] when an account or a group has the name, [`StateError::Invalid`],
    /// [`StateError::NotFound`] for a group, and failures of the database.
    pub fn add_account(&self, new: &NewAccount<'_>) -> Result<Sid, StateError> {
        check_name("account name", new.name, MAX_ACCOUNT_NAME, "expected 1 to 20 characters")?;
        check_comment("full name", new.full_name)?;
        check_comment("comment", new.comment)?;
        let hash = check_password(new.password)?;
        let accounts = self.accounts();
        let mut groups = vec![Sid::USERS];
        for name in new.groups {
            groups.push(find_group(&accounts, name)?.sid);
        }
        let machine_sid = self.identity.machine_sid;
        self.change(|transaction| {
            name_is_free(transaction, new.name)?;
            let rid = identity::take_rid(transaction)?;
            let sid = machine_sid.with_rid(rid).ok_or(StateError::Damaged { what: "identity.machine_sid" })?;
            let time = time_to_sql(now());
            transaction.execute(
                "INSERT INTO account (rid, name, folded_name, full_name, comment, nt_hash, disabled, created, password_set)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
                (rid, new.name, fold_name(new.name), new.full_name, new.comment, hash.as_bytes(), new.disabled, time),
            )?;
            for group in &groups {
                add_member(transaction, *group, sid)?;
            }
            Ok((sid, vec![Change::AccountChanged(sid)]))
        })
    }

    /// Changes fields of the account called `name`.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Invalid`], [`StateError::Refused`] for the last enabled administrator,
    /// and failures of the database.
    pub fn change_account(&self, name: &str, change: &AccountChange<'_>) -> Result<(), StateError> {
        for (field, text) in [("full name", change.full_name), ("comment", change.comment)] {
            check_comment(field, text.unwrap_or(""))?;
        }
        let new_hash = change.password.map(check_password).transpose()?;
        self.change(|transaction| {
            let account = load_account(transaction, self.identity.machine_sid, name)?;
            if change.disabled == Some(true) && !account.disabled {
                keep_an_administrator(transaction, self.identity.machine_sid, account.sid)?;
            }
            if let Some(hash) = &new_hash {
                transaction.execute(
                    "UPDATE account SET nt_hash = ?2, password_set = ?3 WHERE rid = ?1",
                    (account.rid, hash.as_bytes(), time_to_sql(now())),
                )?;
            }
            transaction.execute(
                "UPDATE account SET disabled = coalesce(?2, disabled), full_name = coalesce(?3, full_name),
                 comment = coalesce(?4, comment) WHERE rid = ?1",
                (account.rid, change.disabled, change.full_name, change.comment),
            )?;
            let mut changes = vec![Change::AccountChanged(account.sid)];
            if change.disabled == Some(true) {
                changes.push(Change::AccountDisabled(account.sid));
            }
            Ok(((), changes))
        })
    }

    /// Removes the account called `name` from the server and from every group. Files that it owns keep its SID.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Refused`] for the last enabled administrator, and failures of the
    /// database.
    pub fn remove_account(&self, name: &str) -> Result<(), StateError> {
        self.change(|transaction| {
            let account = load_account(transaction, self.identity.machine_sid, name)?;
            keep_an_administrator(transaction, self.identity.machine_sid, account.sid)?;
            transaction
                .execute("DELETE FROM group_member WHERE member_sid = ?1", [account.sid.to_string()])?;
            transaction.execute("DELETE FROM account WHERE rid = ?1", [account.rid])?;
            Ok(((), vec![Change::AccountRemoved(account.sid)]))
        })
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`StateError::Exists`], [`StateError::Invalid`] and failures of the database.
    pub fn add_group(&self, name: &str, comment: &str) -> Result<Sid, StateError> {
        self.change(|transaction| {
            let sid = add_group(transaction, self.identity.machine_sid, name, comment)?;
            Ok((sid, vec![Change::AccountChanged(sid)]))
        })
    }

    /// Gives a group a comment.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Invalid`] and failures of the database.
    pub fn change_group(&self, group: Sid, comment: &str) -> Result<(), StateError> {
        check_comment("comment", comment)?;
        self.change(|transaction| {
            let changed = transaction.execute(
                "UPDATE local_group SET comment = ?2 WHERE sid = ?1",
                (group.to_string(), comment),
            )?;
            if changed == 0 {
                return Err(StateError::NotFound { kind: "group", name: group.to_string() });
            }
            Ok(((), vec![Change::AccountChanged(group)]))
        })
    }

    /// Removes a group that is not one of BUILTIN.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Refused`] and failures of the database.
    pub fn remove_group(&self, name: &str) -> Result<(), StateError> {
        let accounts = self.accounts();
        let group = find_group(&accounts, name)?;
        if group.builtin {
            return Err(StateError::Refused("groups of BUILTIN cannot be removed"));
        }
        let mut changes: Vec<Change> = affected(&accounts, group.sid);
        changes.push(Change::AccountChanged(group.sid));
        self.change(|transaction| {
            transaction.execute("DELETE FROM group_member WHERE member_sid = ?1", [group.sid.to_string()])?;
            transaction.execute("DELETE FROM local_group WHERE sid = ?1", [group.sid.to_string()])?;
            still_administered(transaction, self.identity.machine_sid, &accounts)?;
            Ok(((), changes))
        })
    }

    /// Puts an account, a group or any SID into a group.
    ///
    /// # Errors
    /// [`StateError::NotFound`] and failures of the database. Being a member already is no error.
    pub fn add_group_member(&self, group: &str, member: &str) -> Result<(), StateError> {
        let accounts = self.accounts();
        let group = find_group(&accounts, group)?.sid;
        let member = find_principal(&accounts, member)?;
        if group == member {
            return Err(StateError::Refused("a group cannot be a member of itself"));
        }
        self.change(|transaction| {
            add_member(transaction, group, member)?;
            Ok(((), affected_by_member(&accounts, member)))
        })
    }

    /// Takes an account, a group or any SID out of a group.
    ///
    /// # Errors
    /// [`StateError::NotFound`] when it is not a member, [`StateError::Refused`] for the last enabled administrator,
    /// and failures of the database.
    pub fn remove_group_member(&self, group: &str, member: &str) -> Result<(), StateError> {
        let accounts = self.accounts();
        let group = find_group(&accounts, group)?.sid;
        let sid = find_principal(&accounts, member)?;
        self.change(|transaction| {
            let removed = transaction.execute(
                "DELETE FROM group_member WHERE group_sid = ?1 AND member_sid = ?2",
                (group.to_string(), sid.to_string()),
            )?;
            if removed == 0 {
                return Err(StateError::NotFound { kind: "member", name: member.to_owned() });
            }
            still_administered(transaction, self.identity.machine_sid, &accounts)?;
            Ok(((), affected_by_member(&accounts, sid)))
        })
    }
}

/// Makes a group.
pub(super) fn add_group(
    transaction: &Transaction<'_>,
    machine_sid: Sid,
    name: &str,
    comment: &str,
) -> Result<Sid, StateError> {
    check_group(name, comment)?;
    name_is_free(transaction, name)?;
    let rid = identity::take_rid(transaction)?;
    let sid = machine_sid.with_rid(rid).ok_or(StateError::Damaged { what: "identity.machine_sid" })?;
    transaction.execute(
        "INSERT INTO local_group (sid, name, folded_name, comment, builtin) VALUES (?1, ?2, ?3, ?4, 0)",
        (sid.to_string(), name, fold_name(name), comment),
    )?;
    Ok(sid)
}

/// What a new group would be refused for, besides a name that is taken.
pub(super) fn check_group(name: &str, comment: &str) -> Result<(), StateError> {
    check_name("group name", name, MAX_GROUP_NAME, "expected 1 to 256 characters")?;
    check_comment("comment", comment)
}

/// Refuses when no enabled administrator is left of those that `accounts` has.
pub(super) fn still_administered(
    transaction: &Transaction<'_>,
    machine_sid: Sid,
    accounts: &AccountsSnapshot,
) -> Result<(), StateError> {
    if administrators(transaction, machine_sid, None)? == 0 && administrators_in(accounts) > 0 {
        return Err(LAST_ADMINISTRATOR);
    }
    Ok(())
}

const LAST_ADMINISTRATOR: StateError = StateError::Refused(
    "it is the last enabled administrator of this server: make another account an administrator first",
);

fn administrators_in(accounts: &AccountsSnapshot) -> usize {
    accounts.accounts().iter().filter(|account| !account.disabled && account.is_administrator()).count()
}

/// Enabled administrators as the transaction sees them, `without` left out.
fn administrators(
    transaction: &Transaction<'_>,
    machine_sid: Sid,
    without: Option<Sid>,
) -> Result<usize, StateError> {
    let accounts = load(transaction, machine_sid)?;
    Ok(accounts
        .accounts()
        .iter()
        .filter(|account| Some(account.sid) != without && !account.disabled && account.is_administrator())
        .count())
}

/// Refuses when `leaving` is the only enabled administrator.
fn keep_an_administrator(
    transaction: &Transaction<'_>,
    machine_sid: Sid,
    leaving: Sid,
) -> Result<(), StateError> {
    let all = administrators(transaction, machine_sid, None)?;
    let rest = administrators(transaction, machine_sid, Some(leaving))?;
    if all > 0 && rest == 0 { Err(LAST_ADMINISTRATOR) } else { Ok(()) }
}

/// The accounts whose groups change with `group`.
fn affected(accounts: &AccountsSnapshot, group: Sid) -> Vec<Change> {
    accounts
        .accounts()
        .iter()
        .filter(|account| account.groups.binary_search(&group).is_ok())
        .map(|account| Change::AccountChanged(account.sid))
        .collect()
}

pub(super) fn affected_by_member(accounts: &AccountsSnapshot, member: Sid) -> Vec<Change> {
    match accounts.account_by_sid(&member) {
        Some(account) => vec![Change::AccountChanged(account.sid)],
        // A group, or somebody of a domain: no local account need be affected, and the change is told all the same.
        None => [vec![Change::AccountChanged(member)], affected(accounts, member)].concat(),
    }
}

fn find_group<'a>(accounts: &'a AccountsSnapshot, name: &str) -> Result<&'a Group, StateError> {
    let bare = name.strip_prefix("BUILTIN\\").unwrap_or(name);
    accounts
        .group(bare)
        .or_else(|| accounts.group_by_sid(&name.parse().ok()?))
        .map(|group| &**group)
        .ok_or_else(|| StateError::NotFound { kind: "group", name: name.to_owned() })
}

fn find_principal(accounts: &AccountsSnapshot, name: &str) -> Result<Sid, StateError> {
    accounts
        .account(name)
        .map(|account| account.sid)
        .or_else(|| find_group(accounts, name).ok().map(|group| group.sid))
        .or_else(|| name.parse().ok())
        .ok_or_else(|| StateError::NotFound { kind: "account or group", name: name.to_owned() })
}

fn check_name(field: &'static str, name: &str, most: usize, allowed: &'static str) -> Result<(), StateError> {
    let invalid = |allowed| StateError::Invalid { field, found: format!("{name:?}"), allowed };
    if !(1..=most).contains(&name.chars().count()) {
        return Err(invalid(allowed));
    }
    if name.chars().any(|character| character.is_control() || FORBIDDEN.contains(character)) {
        return Err(invalid("expected none of \" / \\ [ ] : ; | = , + * ? < > @ and no control characters"));
    }
    if name.chars().all(|character| character == '.' || character == ' ') || name.ends_with('.') {
        return Err(invalid("expected more than dots and spaces, and no dot at the end"));
    }
    if name.trim() != name {
        return Err(invalid("expected no space at either end"));
    }
    Ok(())
}

fn check_comment(field: &'static str, text: &str) -> Result<(), StateError> {
    if text.chars().count() > MAX_COMMENT || text.chars().any(char::is_control) {
        return Err(StateError::Invalid {
            field,
            found: format!("{} characters long", text.chars().count()),
            allowed: "expected at most 256 characters, no control characters",
        });
    }
    Ok(())
}

fn check_password(password: &str) -> Result<NtHash, StateError> {
    let units = password.encode_utf16().count();
    if !(1..=MAX_PASSWORD_UNITS).contains(&units) || password.contains('\0') {
        return Err(StateError::Invalid {
            field: "password",
            found: format!("{units} characters long"),
            allowed: "expected 1 to 256 characters, no zero character",
        });
    }
    Ok(nt_hash(password))
}

/// Accounts and groups share one space of names, as on Windows.
fn name_is_free(transaction: &Transaction<'_>, name: &str) -> Result<(), StateError> {
    for (kind, query) in [
        ("an account", "SELECT name FROM account WHERE folded_name = ?1"),
        ("a group", "SELECT name FROM local_group WHERE folded_name = ?1"),
    ] {
        let taken: Option<String> =
            transaction.query_row(query, [fold_name(name)], |row| row.get(0)).optional()?;
        if let Some(name) = taken {
            return Err(StateError::Exists { kind, name });
        }
    }
    Ok(())
}

pub(super) fn add_member(transaction: &Transaction<'_>, group: Sid, member: Sid) -> Result<(), StateError> {
    transaction.execute(
        "INSERT OR IGNORE INTO group_member (group_sid, member_sid) VALUES (?1, ?2)",
        (group.to_string(), member.to_string()),
    )?;
    Ok(())
}

fn load_account(transaction: &Transaction<'_>, machine_sid: Sid, name: &str) -> Result<Account, StateError> {
    let accounts = load(transaction, machine_sid)?;
    let account = accounts
        .account(name)
        .ok_or_else(|| StateError::NotFound { kind: "account", name: name.to_owned() })?;
    Ok(Account::clone(account))
}

/// The snapshot of what the database holds.
pub(super) fn load(database: &Connection, machine_sid: Sid) -> Result<AccountsSnapshot, StateError> {
    let mut statement = database.prepare_cached(
        "SELECT rid, name, full_name, comment, nt_hash, disabled, created, password_set FROM account ORDER BY rid",
    )?;
    let mut accounts = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let rid = row.get(0)?;
        accounts.push(Account {
            rid,
            sid: machine_sid.with_rid(rid).ok_or(StateError::Damaged { what: "identity.machine_sid" })?,
            name: row.get(1)?,
            full_name: row.get(2)?,
            comment: row.get(3)?,
            nt_hash: NtHash::from_bytes(row.get(4)?),
            disabled: row.get(5)?,
            created: time_from_sql(row.get(6)?),
            password_set: time_from_sql(row.get(7)?),
            groups: Vec::new(),
        });
    }
    let mut groups = Vec::new();
    let mut statement = database.prepare_cached("SELECT sid, name, comment, builtin FROM local_group")?;
    let mut members_of =
        database.prepare_cached("SELECT member_sid FROM group_member WHERE group_sid = ?1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sid_text: String = row.get(0)?;
        let mut members = Vec::new();
        let mut member_rows = members_of.query([&sid_text])?;
        while let Some(member) = member_rows.next()? {
            members.push(parse_sid(&member.get::<_, String>(0)?, "group_member.member_sid")?);
        }
        groups.push(Group {
            sid: parse_sid(&sid_text, "local_group.sid")?,
            name: row.get(1)?,
            comment: row.get(2)?,
            builtin: row.get(3)?,
            members,
        });
    }
    Ok(AccountsSnapshot::new(machine_sid, accounts, groups))
}

fn parse_sid(text: &str, what: &'static str) -> Result<Sid, StateError> {
    text.parse().map_err(|_| StateError::Damaged { what })
}
