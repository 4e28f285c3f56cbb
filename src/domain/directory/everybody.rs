//! Everybody in a group, for quotas: SIDs only, thousands of them.

use std::collections::BTreeSet;

use freehold_dtyp::{Encode as _, Sid};

use super::{Directory, DirectoryError};
use crate::domain::ldap::{Entry, LdapError, escape_bytes, ldap_escape};

/// What is read of each.
const ATTRIBUTES: [&str; 2] = ["objectSid", "sAMAccountType"];
/// Thousands of entries may take so many times as long as a look-up of names: nobody's logon waits for them.
const PATIENCE: u32 = 5;
/// [MS-ADTS] 2.2.16 sAMAccountType of groups of every kind: the bits that tell them from accounts.
const GROUP_TYPES: [i64; 4] = [0x1000_0000, 0x1000_0001, 0x2000_0000, 0x2000_0001];

impl Directory {
    /// The accounts that are in the group with `sid`, directly, through other groups, or because it is their primary group; that account
    /// alone where `sid` is one. Empty when the directory has nothing with that SID.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn everybody_in(&self, sid: &Sid) -> Result<Vec<Sid>, DirectoryError> {
        match tokio::time::timeout(self.limit.saturating_mul(PATIENCE), self.read_everybody(sid)).await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(DirectoryError::Late),
        }
    }

    async fn read_everybody(&self, sid: &Sid) -> Result<Vec<Sid>, LdapError> {
        let filter = format!("(objectSid={})", escape_bytes(&sid.to_bytes()));
        let found = self.search(&self.base, &filter, &ATTRIBUTES).await?;
        let Some(root) = found.first() else { return Ok(Vec::new()) };
        if !is_group(root) {
            return Ok(vec![*sid]);
        }
        // [MS-ADTS] 3.1.1.3.4.4.3 LDAP_MATCHING_RULE_TRANSITIVE_EVAL: follows chains, circles too. It is asked for groups alone: for each
        // of ten thousand accounts a domain controller would follow its chains for many seconds.
        let dn = ldap_escape(root.dn.as_str());
        let filter = format!("(&(objectCategory=group)(memberOf:1.2.840.113556.1.4.1941:={dn}))");
        let below = self.search(&self.base, &filter, &ATTRIBUTES).await?;
        let groups: Vec<&Entry> = below.iter().filter(|entry| is_group(entry)).chain([root]).collect();
        let mut members: BTreeSet<Sid> = BTreeSet::new();
        for some in groups.chunks(super::questions::QUESTIONS_PER_SEARCH) {
            let parts: String = some.iter().map(|group| self.who_is_in(group)).collect();
            let entries = self.search(&self.base, &format!("(|{parts})"), &ATTRIBUTES).await?;
            let accounts = entries.iter().filter(|entry| !is_group(entry));
            members.extend(accounts.filter_map(|entry| entry.sid("objectSid")));
        }
        Ok(members.into_iter().collect())
    }

    /// The part of a filter for who is in a group itself. Whose primary group it is has no memberOf of it.
    fn who_is_in(&self, group: &Entry) -> String {
        let of_domain = group.sid("objectSid").and_then(|sid| sid.split_rid());
        let primary = of_domain.filter(|(of, _)| *of == self.domain.sid);
        let primary = primary.map_or_else(String::new, |(_, rid)| format!("(primaryGroupID={rid})"));
        format!("(memberOf={}){primary}", ldap_escape(group.dn.as_str()))
    }
}

fn is_group(entry: &Entry) -> bool {
    entry.integer("sAMAccountType").is_some_and(|kind| GROUP_TYPES.contains(&kind))
}
