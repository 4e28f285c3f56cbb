//! Everybody in a group, for quotas: SIDs only, thousands of them.

use std::collections::BTreeSet;

use freehold_dtyp::{Encode as _, Sid};

use super::{Directory, DirectoryError};
use crate::domain::ldap::{Entry, LdapError, escape_bytes, ldap_escape};

/// What is read of each.
const ATTRIBUTES: [&str; 2] = ["objectSid", "sAMAccountType"];
/// [MS-ADTS] 2.2.16 sAMAccountType of groups of every kind: the bits that tell them from accounts.
const GROUP_TYPES: [i64; 4] = [0x1000_0000, 0x1000_0001, 0x2000_0000, 0x2000_0001];

impl Directory {
    /// The accounts that are in the group with `sid`, directly, through other groups, or because it is their primary group; that account
    /// alone where `sid` is one. Empty when the directory has nothing with that SID.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn everybody_in(&self, sid: &Sid) -> Result<Vec<Sid>, DirectoryError> {
        self.limited(self.read_everybody(sid)).await
    }

    async fn read_everybody(&self, sid: &Sid) -> Result<Vec<Sid>, LdapError> {
        let filter = format!("(objectSid={})", escape_bytes(&sid.to_bytes()));
        let found = self.search(&self.base, &filter, &ATTRIBUTES).await?;
        let Some(root) = found.first() else { return Ok(Vec::new()) };
        if !is_group(root) {
            return Ok(vec![*sid]);
        }
        // [MS-ADTS] 3.1.1.3.4.4.3 LDAP_MATCHING_RULE_TRANSITIVE_EVAL: follows chains, circles too.
        let filter = format!("(memberOf:1.2.840.113556.1.4.1941:={})", ldap_escape(root.dn.as_str()));
        let below = self.search(&self.base, &filter, &ATTRIBUTES).await?;
        let (groups, accounts): (Vec<&Entry>, Vec<&Entry>) = below.iter().partition(|entry| is_group(entry));
        let mut members: BTreeSet<Sid> = accounts.iter().filter_map(|entry| entry.sid("objectSid")).collect();
        // Whose primary group it is has no memberOf of it: asked for all groups of this domain at once.
        let groups = groups.into_iter().filter_map(|entry| entry.sid("objectSid")).chain([*sid]);
        let of_domain = groups.filter_map(|group| group.split_rid()).filter(|(of, _)| *of == self.domain.sid);
        let rids: Vec<u32> = of_domain.map(|(_, rid)| rid).collect();
        for some in rids.chunks(super::questions::QUESTIONS_PER_SEARCH) {
            let parts: String = some.iter().map(|rid| format!("(primaryGroupID={rid})")).collect();
            let entries = self.search(&self.base, &format!("(|{parts})"), &ATTRIBUTES).await?;
            members.extend(entries.iter().filter_map(|entry| entry.sid("objectSid")));
        }
        Ok(members.into_iter().collect())
    }
}

fn is_group(entry: &Entry) -> bool {
    entry.integer("sAMAccountType").is_some_and(|kind| GROUP_TYPES.contains(&kind))
}
