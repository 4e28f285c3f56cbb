//! Reads and changes the membership of a domain in the database: the account's passwords with the keys made from them, and
//! this server's further names.
//!
//! A password is `pending` from before a domain controller is told of it until one has answered, then `current`, then
//! `earlier` until nothing that was made with it can be in use any more. The keys of all three are in the snapshot, so that no
//! moment of a change leaves a ticket without its key.

use std::time::Duration;

use freehold_dtyp::{FileTime, Sid};
use rusqlite::{Connection, OptionalExtension, Transaction};
use zeroize::Zeroizing;

use super::accounts::fold_name;
use super::{
    Change, MachinePassword, Membership, State, StateError, accounts_changes, now, time_from_sql, time_to_sql,
};
use crate::auth::kerberos::{EncryptionType, ServiceKey};

/// RID of a domain's administrators ([MS-DTYP] 2.4.2.4, DOMAIN_ADMINS).
const DOMAIN_ADMINS: u32 = 512;
/// RID of a domain's users ([MS-DTYP] 2.4.2.4, DOMAIN_USERS).
const DOMAIN_USERS: u32 = 513;
/// Most further names of this server.
const MAX_ALIASES: usize = 256;
/// Most earlier passwords that are kept with their keys: the newest ones.
const MAX_EARLIER_PASSWORDS: u32 = 16;

/// What a join found out and agreed on.
#[derive(Debug)]
pub struct NewMembership<'a> {
    /// DNS name of the domain.
    pub dns_domain: &'a str,
    /// NetBIOS name of the domain.
    pub netbios_domain: &'a str,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// DNS name of the forest's root domain.
    pub forest: &'a str,
    /// Name of the computer account without its `$`.
    pub computer_name: &'a str,
    /// Distinguished name of the computer account.
    pub computer_dn: &'a str,
    /// Fully qualified name of this server.
    pub dns_host_name: &'a str,
    /// The site that this server is in.
    pub site: Option<&'a str>,
    /// The account's password.
    pub password: &'a str,
    /// The keys that belong to it.
    pub keys: &'a [ServiceKey],
}

impl State {
    /// Makes this server a member of a domain, in place of the one that it was a member of. As on Windows the domain's
    /// administrators become administrators of this server, and its users users.
    ///
    /// Passwords that the same account of the same domain had before count for `keep` longer, as after a change of the password:
    /// a domain controller that has not heard of the new one goes on issuing tickets for the one before.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn join_domain(&self, new: &NewMembership<'_>, keep: Duration) -> Result<(), StateError> {
        let before = self.membership();
        let is_again = before.as_ref().is_some_and(|before| is_same_account(before, new));
        self.change(|transaction| {
            if is_again {
                retire_passwords(transaction, keep)?;
            } else {
                transaction.execute("DELETE FROM machine_password", [])?;
            }
            forget(transaction, before.as_deref())?;
            let time = time_to_sql(now());
            transaction.execute(
                "INSERT INTO membership (id, dns_domain, netbios_domain, domain_sid, forest, computer_name,
                 computer_dn, dns_host_name, site, joined) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    new.dns_domain,
                    new.netbios_domain,
                    new.domain_sid.to_string(),
                    new.forest,
                    new.computer_name,
                    new.computer_dn,
                    new.dns_host_name,
                    new.site,
                    time,
                ),
            )?;
            add_password(transaction, "current", new.password, new.keys)?;
            for (group, rid) in [(Sid::ADMINISTRATORS, DOMAIN_ADMINS), (Sid::USERS, DOMAIN_USERS)] {
                let member = of_domain(&new.domain_sid, rid)?;
                accounts_changes::add_member(transaction, group, member)?;
            }
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// Ends the membership: passwords and keys are forgotten, the domain's administrators and users leave this server's
    /// groups. The further names stay, for the next domain.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn leave_domain(&self) -> Result<(), StateError> {
        let before = self.membership();
        self.change(|transaction| {
            transaction.execute("DELETE FROM machine_password", [])?;
            forget(transaction, before.as_deref())?;
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// Notes a password that a domain controller is about to be told of, in place of one that was noted before.
    ///
    /// # Errors
    /// [`StateError::Refused`] when the server is no member, and failures of the database.
    pub fn note_pending_password(&self, password: &str, keys: &[ServiceKey]) -> Result<(), StateError> {
        self.change(|transaction| {
            must_be_member(transaction)?;
            transaction.execute("DELETE FROM machine_password WHERE status = 'pending'", [])?;
            add_password(transaction, "pending", password, keys)?;
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// The noted password is the account's now, with `keys` as the domain has them; the one before counts for `keep` longer.
    ///
    /// # Errors
    /// [`StateError::Refused`] when none was noted, and failures of the database.
    pub fn confirm_pending_password(&self, keys: &[ServiceKey], keep: Duration) -> Result<(), StateError> {
        self.change(|transaction| {
            let now = now();
            let pending: Option<i64> = transaction
                .query_row("SELECT id FROM machine_password WHERE status = 'pending'", [], |row| row.get(0))
                .optional()?;
            let pending = pending.ok_or(StateError::Refused("no new machine password was noted"))?;
            retire(transaction, "current", now.saturating_add(keep))?;
            transaction.execute(
                "UPDATE machine_password SET status = 'current', set_at = ?2 WHERE id = ?1",
                (pending, time_to_sql(now)),
            )?;
            transaction.execute("DELETE FROM service_key WHERE password = ?1", [pending])?;
            add_keys(transaction, pending, keys)?;
            keep_newest(transaction)?;
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// Forgets passwords and keys whose time is over. True when there were any.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn forget_old_passwords(&self) -> Result<bool, StateError> {
        let time = now();
        let is_over = |password: &MachinePassword| password.not_after.is_some_and(|end| end < time);
        if !self.membership().is_some_and(|member| member.earlier_passwords.iter().any(is_over)) {
            return Ok(false);
        }
        self.change(|transaction| {
            transaction.execute(
                "DELETE FROM machine_password WHERE status = 'earlier' AND not_after < ?1",
                [time_to_sql(time)],
            )?;
            Ok((true, vec![Change::MembershipChanged]))
        })
    }

    /// Notes where the domain has this server now: the account's distinguished name and the site.
    ///
    /// # Errors
    /// [`StateError::Refused`] when the server is no member, and failures of the database.
    pub fn note_place_in_domain(&self, computer_dn: &str, site: Option<&str>) -> Result<(), StateError> {
        self.change(|transaction| {
            must_be_member(transaction)?;
            transaction.execute("UPDATE membership SET computer_dn = ?1, site = ?2", (computer_dn, site))?;
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// Adds a further name of this server. The caller has checked its form.
    ///
    /// # Errors
    /// [`StateError::Exists`], [`StateError::Refused`] when there are too many, and failures of the database.
    pub fn add_alias(&self, name: &str) -> Result<(), StateError> {
        self.change(|transaction| {
            let aliases = load_aliases(transaction)?;
            if aliases.iter().any(|alias| fold_name(alias) == fold_name(name)) {
                return Err(StateError::Exists { kind: "an alias", name: name.to_owned() });
            }
            if aliases.len() >= MAX_ALIASES {
                return Err(StateError::Refused(
                    "this server has 256 aliases already, and more are not kept",
                ));
            }
            transaction.execute(
                "INSERT INTO server_alias (folded_name, name) VALUES (?1, ?2)",
                (fold_name(name), name),
            )?;
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// Removes a further name of this server.
    ///
    /// # Errors
    /// [`StateError::NotFound`] and failures of the database.
    pub fn remove_alias(&self, name: &str) -> Result<(), StateError> {
        self.change(|transaction| {
            let removed =
                transaction.execute("DELETE FROM server_alias WHERE folded_name = ?1", [fold_name(name)])?;
            if removed == 0 {
                return Err(StateError::NotFound { kind: "alias", name: name.to_owned() });
            }
            Ok(((), vec![Change::MembershipChanged]))
        })
    }

    /// The further names of this server, member of a domain or not.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn aliases(&self) -> Result<Vec<String>, StateError> {
        load_aliases(&self.database.lock())
    }
}

fn of_domain(domain: &Sid, rid: u32) -> Result<Sid, StateError> {
    domain.with_rid(rid).ok_or(StateError::Damaged { what: "membership.domain_sid" })
}

/// Is it the account that this server has already?
fn is_same_account(before: &Membership, new: &NewMembership<'_>) -> bool {
    before.domain_sid == new.domain_sid
        && before.dns_domain == new.dns_domain
        && fold_name(&before.computer_name) == fold_name(new.computer_name)
}

/// Every password is an earlier one: the present one, and the pending one, which a domain controller may have taken.
fn retire_passwords(transaction: &Transaction<'_>, keep: Duration) -> Result<(), StateError> {
    let not_after = now().saturating_add(keep);
    retire(transaction, "current", not_after)?;
    retire(transaction, "pending", not_after)?;
    keep_newest(transaction)
}

/// A password that was in use counts until `not_after`.
fn retire(transaction: &Transaction<'_>, status: &str, not_after: FileTime) -> Result<(), StateError> {
    transaction.execute(
        "UPDATE machine_password SET status = 'earlier', not_after = ?2 WHERE status = ?1",
        (status, time_to_sql(not_after)),
    )?;
    Ok(())
}

/// Forgets the oldest ones of too many earlier passwords: each key is one more that a ticket may be tried with.
fn keep_newest(transaction: &Transaction<'_>) -> Result<(), StateError> {
    transaction.execute(
        "DELETE FROM machine_password WHERE status = 'earlier' AND id NOT IN
         (SELECT id FROM machine_password WHERE status = 'earlier' ORDER BY id DESC LIMIT ?1)",
        [MAX_EARLIER_PASSWORDS],
    )?;
    Ok(())
}

/// Forgets the membership, but not the passwords. Aliases stay.
fn forget(transaction: &Transaction<'_>, before: Option<&Membership>) -> Result<(), StateError> {
    transaction.execute("DELETE FROM membership", [])?;
    let Some(before) = before else { return Ok(()) };
    for (group, rid) in [(Sid::ADMINISTRATORS, DOMAIN_ADMINS), (Sid::USERS, DOMAIN_USERS)] {
        transaction.execute(
            "DELETE FROM group_member WHERE group_sid = ?1 AND member_sid = ?2",
            (group.to_string(), of_domain(&before.domain_sid, rid)?.to_string()),
        )?;
    }
    Ok(())
}

fn must_be_member(transaction: &Transaction<'_>) -> Result<(), StateError> {
    let member: i64 = transaction.query_row("SELECT count(*) FROM membership", [], |row| row.get(0))?;
    if member == 0 {
        return Err(StateError::Refused("this server is not a member of a domain"));
    }
    Ok(())
}

fn add_password(
    transaction: &Transaction<'_>,
    status: &str,
    password: &str,
    keys: &[ServiceKey],
) -> Result<(), StateError> {
    transaction.execute(
        "INSERT INTO machine_password (status, password, set_at) VALUES (?1, ?2, ?3)",
        (status, password, time_to_sql(now())),
    )?;
    add_keys(transaction, transaction.last_insert_rowid(), keys)
}

fn add_keys(transaction: &Transaction<'_>, password: i64, keys: &[ServiceKey]) -> Result<(), StateError> {
    for key in keys {
        transaction.execute(
            "INSERT INTO service_key (password, encryption_type, kvno, key) VALUES (?1, ?2, ?3, ?4)",
            (password, key.encryption_type.0, key.kvno, key.key.as_slice()),
        )?;
    }
    Ok(())
}

/// The membership as the database has it.
pub(super) fn load(database: &Connection) -> Result<Option<Membership>, StateError> {
    let row = database
        .query_row(
            "SELECT dns_domain, netbios_domain, domain_sid, forest, computer_name, computer_dn, dns_host_name, site,
             joined FROM membership",
            [],
            |row| {
                let domain_sid: String = row.get(2)?;
                let member = Membership {
                    dns_domain: row.get(0)?,
                    netbios_domain: row.get(1)?,
                    domain_sid: Sid::NULL,
                    forest: row.get(3)?,
                    computer_name: row.get(4)?,
                    computer_dn: row.get(5)?,
                    dns_host_name: row.get(6)?,
                    aliases: Vec::new(),
                    site: row.get(7)?,
                    password: MachinePassword { text: Zeroizing::default(), not_after: None },
                    pending_password: None,
                    earlier_passwords: Vec::new(),
                    keys: Vec::new(),
                    joined: time_from_sql(row.get(8)?),
                    password_changed: FileTime::ZERO,
                };
                Ok((member, domain_sid))
            },
        )
        .optional()?;
    let Some((mut member, domain_sid)) = row else { return Ok(None) };
    member.domain_sid =
        domain_sid.parse().map_err(|_| StateError::Damaged { what: "membership.domain_sid" })?;
    member.aliases = load_aliases(database)?;
    load_passwords(database, &mut member)?;
    if member.password.text.is_empty() {
        return Err(StateError::Damaged { what: "machine_password has no current row" });
    }
    Ok(Some(member))
}

/// Passwords and their keys: the current ones first, then those that are pending, then earlier ones, the latest first.
fn load_passwords(database: &Connection, member: &mut Membership) -> Result<(), StateError> {
    let mut statement = database.prepare(
        "SELECT id, status, password, set_at, not_after FROM machine_password
         ORDER BY CASE status WHEN 'current' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, id DESC",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let not_after: Option<i64> = row.get(4)?;
        let not_after = not_after.map(time_from_sql);
        let password = MachinePassword { text: Zeroizing::new(row.get(2)?), not_after };
        match row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)? {
            "current" => {
                member.password = password;
                member.password_changed = time_from_sql(row.get(3)?);
            }
            "pending" => member.pending_password = Some(password),
            _ => member.earlier_passwords.push(password),
        }
        let mut keys = database.prepare_cached(
            "SELECT kvno, encryption_type, key FROM service_key WHERE password = ?1 ORDER BY encryption_type DESC",
        )?;
        let mut keys = keys.query([id])?;
        while let Some(row) = keys.next()? {
            member.keys.push(ServiceKey {
                kvno: row.get(0)?,
                encryption_type: EncryptionType(row.get(1)?),
                key: Zeroizing::new(row.get(2)?),
                not_after,
            });
        }
    }
    Ok(())
}

fn load_aliases(database: &Connection) -> Result<Vec<String>, StateError> {
    let mut statement = database.prepare("SELECT name FROM server_alias ORDER BY folded_name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<Vec<String>, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DATABASE_FILE;

    fn key(kvno: u32, encryption_type: EncryptionType) -> ServiceKey {
        let key = Zeroizing::new(vec![u8::try_from(kvno).unwrap(); 32]);
        ServiceKey { kvno, encryption_type, key, not_after: None }
    }

    fn keys(kvno: u32) -> Vec<ServiceKey> {
        vec![
            key(kvno, EncryptionType::AES256_CTS_HMAC_SHA1_96),
            key(kvno, EncryptionType::AES128_CTS_HMAC_SHA1_96),
        ]
    }

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn join(state: &State) {
        join_as(state, "FILES", "first", 2);
    }

    fn join_as(state: &State, computer_name: &str, password: &str, kvno: u32) {
        let new = NewMembership {
            dns_domain: "corp.example",
            netbios_domain: "CORP",
            domain_sid: "S-1-5-21-7-8-9".parse().unwrap(),
            forest: "corp.example",
            computer_name,
            computer_dn: "CN=FILES,CN=Computers,DC=corp,DC=example",
            dns_host_name: "files.corp.example",
            site: Some("Paris"),
            password,
            keys: &keys(kvno),
        };
        state.join_domain(&new, DAY).unwrap();
    }

    #[test]
    fn short_names_of_sddl_are_the_domains_once_there_is_one() {
        let state = State::in_memory().unwrap();
        let machine = state.identity().machine_sid;
        assert_eq!(state.sddl_domains(), freehold_acl::SddlDomains::of(machine));
        join(&state);
        let domain = "S-1-5-21-7-8-9".parse().unwrap();
        let joined = freehold_acl::SddlDomains { machine, domain, forest: Some(domain) };
        assert_eq!(state.sddl_domains(), joined);
    }

    fn texts(list: &[MachinePassword]) -> Vec<String> {
        list.iter().map(|password| password.text.to_string()).collect()
    }

    fn kvnos(member: &Membership) -> Vec<u32> {
        member.keys.iter().map(|key| key.kvno).collect()
    }

    fn members(state: &State, group: &str) -> Vec<String> {
        state.accounts().group(group).unwrap().members.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_membership_survives_a_restart_and_ends_with_leaving() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        assert!(state.membership().is_none());
        join(&state);
        state.add_alias("Data.corp.example").unwrap();
        let before = state.membership().unwrap();
        drop(state);
        let state = State::open(folder.path()).unwrap();
        let member = state.membership().unwrap();
        assert_eq!(member, before);
        assert_eq!((member.computer_name.as_str(), member.site.as_deref()), ("FILES", Some("Paris")));
        assert_eq!(member.password.text.as_str(), "first");
        assert_eq!(member.keys, keys(2));
        assert_eq!(member.aliases, ["Data.corp.example"]);
        assert_eq!(members(&state, "Administrators"), ["S-1-5-21-7-8-9-512"]);
        assert_eq!(members(&state, "Users"), ["S-1-5-21-7-8-9-513"]);
        state.leave_domain().unwrap();
        assert!(state.membership().is_none());
        assert!(members(&state, "Administrators").is_empty() && members(&state, "Users").is_empty());
        assert_eq!(state.aliases().unwrap(), ["Data.corp.example"]);
        join(&state);
        assert_eq!(state.membership().unwrap().aliases, ["Data.corp.example"]);
    }

    #[test]
    fn passwords_are_pending_then_current_then_earlier() {
        let state = State::in_memory().unwrap();
        assert!(matches!(state.note_pending_password("x", &[]), Err(StateError::Refused(_))));
        join(&state);
        let keep = Duration::from_secs(3_600);
        assert!(matches!(state.confirm_pending_password(&keys(3), keep), Err(StateError::Refused(_))));
        state.note_pending_password("lost", &keys(3)).unwrap();
        state.note_pending_password("second", &keys(3)).unwrap();
        let member = state.membership().unwrap();
        assert_eq!(member.password.text.as_str(), "first");
        assert_eq!(member.pending_password.as_ref().unwrap().text.as_str(), "second");
        assert_eq!(kvnos(&member), [2, 2, 3, 3]);
        // The domain counts differently: its number is taken.
        state.confirm_pending_password(&keys(5), keep).unwrap();
        let member = state.membership().unwrap();
        assert_eq!((member.password.text.as_str(), member.pending_password.is_none()), ("second", true));
        assert_eq!(
            (kvnos(&member), texts(&member.earlier_passwords)),
            (vec![5, 5, 2, 2], vec!["first".into()])
        );
        assert!(member.keys[0].not_after.is_none() && member.keys[2].not_after > Some(now()));
        assert!(!state.forget_old_passwords().unwrap());
        state.note_pending_password("third", &keys(6)).unwrap();
        state.confirm_pending_password(&keys(6), Duration::ZERO).unwrap();
        assert_eq!(texts(&state.membership().unwrap().earlier_passwords), ["second", "first"]);
        std::thread::sleep(Duration::from_millis(2));
        assert!(state.forget_old_passwords().unwrap());
        let member = state.membership().unwrap();
        assert_eq!(
            (kvnos(&member), texts(&member.earlier_passwords)),
            (vec![6, 6, 2, 2], vec!["first".into()])
        );
    }

    #[test]
    fn joining_the_same_account_again_keeps_its_earlier_passwords_for_a_while() {
        let state = State::in_memory().unwrap();
        join(&state);
        state.note_pending_password("sent", &keys(3)).unwrap();
        join_as(&state, "files", "second", 4);
        let member = state.membership().unwrap();
        assert_eq!((member.password.text.as_str(), member.pending_password.is_none()), ("second", true));
        assert_eq!(texts(&member.earlier_passwords), ["sent", "first"]);
        assert_eq!(kvnos(&member), [4, 4, 3, 3, 2, 2]);
        let day_from_now = now().saturating_add(DAY);
        let ends = member.keys.iter().map(|key| key.not_after).collect::<Vec<_>>();
        assert!(ends[..2].iter().all(Option::is_none), "{ends:?}");
        assert!(
            ends[2..].iter().all(|end| end.is_some_and(|end| now() < end && end <= day_from_now)),
            "{ends:?}"
        );
        assert_eq!(members(&state, "Administrators"), ["S-1-5-21-7-8-9-512"]);
        // Another account has nothing of it, nor has the same one after leaving.
        join_as(&state, "OTHER", "third", 2);
        assert!(state.membership().unwrap().earlier_passwords.is_empty());
        state.leave_domain().unwrap();
        join_as(&state, "OTHER", "fourth", 3);
        assert_eq!(kvnos(&state.membership().unwrap()), [3, 3]);
    }

    #[test]
    fn the_newest_earlier_passwords_are_kept() {
        let state = State::in_memory().unwrap();
        for turn in 0..20u32 {
            join_as(&state, "FILES", &format!("join {turn}"), turn);
        }
        let newest = (3..19).rev().map(|turn| format!("join {turn}")).collect::<Vec<_>>();
        assert_eq!(texts(&state.membership().unwrap().earlier_passwords), newest);
        state.note_pending_password("rotated", &keys(20)).unwrap();
        state.confirm_pending_password(&keys(20), DAY).unwrap();
        let member = state.membership().unwrap();
        assert_eq!(texts(&member.earlier_passwords)[0], "join 19");
        assert_eq!((member.earlier_passwords.len(), member.keys.len()), (16, 34));
    }

    #[test]
    fn aliases_are_told_apart_without_case() {
        let state = State::in_memory().unwrap();
        state.add_alias("files").unwrap();
        assert!(matches!(state.add_alias("FILES"), Err(StateError::Exists { .. })));
        assert!(matches!(state.remove_alias("other"), Err(StateError::NotFound { .. })));
        state.remove_alias("Files").unwrap();
        assert!(state.aliases().unwrap().is_empty());
    }

    #[test]
    fn a_change_is_told_with_the_new_membership_in_place() {
        let state = std::sync::Arc::new(State::in_memory().unwrap());
        let seen = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (weak, told) = (std::sync::Arc::downgrade(&state), std::sync::Arc::clone(&seen));
        state.on_change(Box::new(move |change| {
            let name = weak.upgrade().unwrap().membership().map(|member| member.dns_domain.clone());
            told.lock().push((change.clone(), name));
        }));
        join(&state);
        state.leave_domain().unwrap();
        let domain = Some("corp.example".to_owned());
        assert_eq!(*seen.lock(), [(Change::MembershipChanged, domain), (Change::MembershipChanged, None)]);
    }

    #[test]
    fn a_database_from_before_domains_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let database = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
        super::super::schema::make_of_version(&database, 4);
        drop(database);
        let state = State::open(folder.path()).unwrap();
        assert!(state.membership().is_none());
        join(&state);
        assert!(state.membership().is_some());
    }

    #[test]
    fn secrets_are_not_printed() {
        let state = State::in_memory().unwrap();
        join(&state);
        let text = format!("{:?}", state.membership().unwrap());
        assert!(!text.contains("first") && text.contains("hidden"), "{text}");
    }
}
