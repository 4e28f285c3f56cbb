//! One account in detail, its groups, and the members of a group: for administrators.

use freehold_dtyp::{Encode as _, FileTime, Sid};

use super::details::Kept;
use super::{Directory, DirectoryError, now};
use crate::domain::ldap::{Entry, Search, escape_bytes, ldap_escape};

/// What is read of an account, also when only its name is asked for.
pub(super) const ATTRIBUTES: [&str; 9] = [
    "objectSid",
    "sIDHistory",
    "sAMAccountName",
    "sAMAccountType",
    "userPrincipalName",
    "displayName",
    "userAccountControl",
    "primaryGroupID",
    "groupType",
];
/// [MS-ADTS] 2.2.16 userAccountControl: ADS_UF_ACCOUNTDISABLE.
const ACCOUNT_DISABLED: i64 = 0x2;
/// [MS-ADTS] 2.2.12 groupType: GROUP_TYPE_SECURITY_ENABLED.
const SECURITY_ENABLED: i64 = 0x8000_0000;

/// An account or a group of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryAccount {
    /// objectSid.
    pub sid: Sid,
    /// sAMAccountName.
    pub name: String,
    /// sAMAccountType.
    pub account_type: u32,
    /// Distinguished name.
    pub distinguished_name: String,
    /// userPrincipalName.
    pub user_principal_name: String,
    /// displayName.
    pub display_name: String,
    /// It is a user or a computer and may log on.
    pub enabled: bool,
    /// It is a group that no access-control list can name with effect.
    pub distribution: bool,
    /// Its primary group.
    pub primary_group: Option<Sid>,
    /// sIDHistory.
    pub sid_history: Vec<Sid>,
}

impl DirectoryAccount {
    fn of(entry: &Entry) -> Option<DirectoryAccount> {
        let sid = entry.sid("objectSid")?;
        let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
        let control = entry.integer("userAccountControl");
        let group_type = entry.integer("groupType");
        let primary = entry.integer("primaryGroupID").and_then(|rid| u32::try_from(rid).ok());
        Some(DirectoryAccount {
            name: text("sAMAccountName"),
            account_type: u32::try_from(entry.integer("sAMAccountType")?).ok()?,
            distinguished_name: entry.dn.clone(),
            user_principal_name: text("userPrincipalName"),
            display_name: text("displayName"),
            enabled: control.is_some_and(|control| control & ACCOUNT_DISABLED == 0),
            distribution: group_type.is_some_and(|group_type| group_type & SECURITY_ENABLED == 0),
            primary_group: primary.and_then(|rid| sid.split_rid()?.0.with_rid(rid)),
            sid_history: entry.sids("sIDHistory").collect(),
            sid,
        })
    }
}

impl Directory {
    /// The account with `sid`, now or in its history; `None` when there is none. Answered from memory while what is there is fresh, and
    /// while no domain controller answers.
    ///
    /// # Errors
    /// When the directory has to be asked and cannot be.
    pub async fn account(&self, sid: &Sid) -> Result<Option<DirectoryAccount>, DirectoryError> {
        let kept = match self.details.find(sid, now()) {
            Some(Kept::Fresh(account)) => return Ok(Some(account)),
            kept => kept.map(Kept::account),
        };
        if self.cache.is_silent(now()) {
            return kept.map(Some).ok_or(DirectoryError::Silent);
        }
        match self.ask_account(sid).await {
            Ok(found) => {
                match &found {
                    Some(account) => self.details.put(*sid, account.clone(), now()),
                    None => self.details.forget(sid),
                }
                Ok(found)
            }
            Err(error) => {
                self.be_silent(&error);
                kept.map(Some).ok_or(error)
            }
        }
    }

    /// Keeps what entries say of accounts.
    pub(super) fn remember(&self, entries: &[Entry], at: FileTime) {
        for account in entries.iter().filter_map(DirectoryAccount::of) {
            self.details.put(account.sid, account, at);
        }
    }

    async fn ask_account(&self, sid: &Sid) -> Result<Option<DirectoryAccount>, DirectoryError> {
        let octets = escape_bytes(&sid.to_bytes());
        let filter = format!("(|(objectSid={octets})(sIDHistory={octets}))");
        let entries = self.limited(self.search(&self.base, &filter, &ATTRIBUTES)).await?;
        let found: Vec<DirectoryAccount> = entries.iter().filter_map(DirectoryAccount::of).collect();
        let now = found.iter().position(|account| account.sid == *sid);
        Ok(found.into_iter().nth(now.unwrap_or(0)))
    }

    /// [MS-ADTS] 3.1.1.4.5.19 tokenGroups: all groups that an account is in, directly or through groups, its primary group too, as a logon
    /// finds them; BUILTIN ones are left out, since those of the domain controllers mean nothing here. `None` when there is no such
    /// account.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn token_groups(&self, sid: &Sid) -> Result<Option<Vec<Sid>>, DirectoryError> {
        let base = format!("<SID={sid}>");
        let search = Search::base(&base, &["tokenGroups"]);
        let entries = match self.limited(self.source.search(&search)).await {
            Err(DirectoryError::Ldap(error)) if error.is_no_such_object() => return Ok(None),
            outcome => outcome?,
        };
        let Some(entry) = entries.first() else { return Ok(None) };
        let is_builtin = |sid: &Sid| sid.sub_authorities().first() == Some(&32);
        let mut groups: Vec<Sid> = entry.sids("tokenGroups").filter(|sid| !is_builtin(sid)).collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(Some(groups))
    }

    /// The members of a group, those of its groups too where `nested`, in no particular order.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn members(
        &self,
        group: &DirectoryAccount,
        nested: bool,
    ) -> Result<Vec<DirectoryAccount>, DirectoryError> {
        // [MS-ADTS] 3.1.1.3.4.4.3 LDAP_MATCHING_RULE_TRANSITIVE_EVAL: follows chains, circles too.
        let rule = if nested { ":1.2.840.113556.1.4.1941:" } else { "" };
        let name = ldap_escape(group.distinguished_name.as_str());
        let filter = format!("(memberOf{rule}={name})");
        let entries = self.limited(self.search(&self.base, &filter, &ATTRIBUTES)).await?;
        Ok(entries.iter().filter_map(DirectoryAccount::of).collect())
    }
}
