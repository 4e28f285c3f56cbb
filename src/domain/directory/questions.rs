//! Questions as searches, and what the entries that are found say ([MS-ADTS] 3.1.1.3.1.3 search filters, [MS-LSAT] 3.1.1.1.7). Pure.

use std::fmt::Write as _;

use freehold_dtyp::{Encode, Sid};

use crate::domain::ldap::{Entry, escape_bytes, ldap_escape};
use crate::names::{DirectoryName, Domain, Principal, SidUse};
use crate::state::accounts::fold_name;

/// Questions in one search.
pub(super) const QUESTIONS_PER_SEARCH: usize = 50;
/// What is read of a trust.
pub(super) const TRUST_ATTRIBUTES: [&str; 5] =
    ["flatName", "trustPartner", "securityIdentifier", "trustDirection", "trustType"];

/// [MS-ADTS] 6.1.6.7.12 trustDirection: TRUST_DIRECTION_OUTBOUND.
const OUTBOUND: i64 = 2;
/// [MS-ADTS] 6.1.6.7.15 trustType: TRUST_TYPE_DOWNLEVEL and TRUST_TYPE_UPLEVEL are Windows domains.
const WINDOWS_DOMAINS: [i64; 2] = [1, 2];

/// The accounts that have one of `sids`, now or in their history.
pub(super) fn sids_filter(sids: &[Sid]) -> String {
    let mut filter = String::from("(|");
    for sid in sids {
        let octets = escape_bytes(&sid.to_bytes());
        let _ = write!(filter, "(objectSid={octets})(sIDHistory={octets})");
    }
    filter.push(')');
    filter
}

/// The accounts with one of these names; `None` when none of them can be in `domain`.
pub(super) fn names_filter(domain: &Domain, names: &[&DirectoryName]) -> Option<String> {
    let mut filter = String::from("(|");
    let empty = filter.len();
    let account = |filter: &mut String, name: &str| {
        let _ = write!(filter, "(sAMAccountName={})", ldap_escape(name));
    };
    for name in names {
        match name {
            DirectoryName::InDomain { domain: other, name } if domain.is_called(other) => {
                account(&mut filter, name);
            }
            DirectoryName::InDomain { .. } => {}
            DirectoryName::Isolated(name) => account(&mut filter, name),
            DirectoryName::UserPrincipalName(name) => {
                let _ = write!(filter, "(userPrincipalName={})", ldap_escape(name));
                if let Some(user) = default_name(domain, name) {
                    account(&mut filter, user);
                }
            }
        }
    }
    let any = filter.len() > empty;
    filter.push(')');
    any.then_some(filter)
}

/// [MS-LSAT] 3.1.1.1.7: `name@domain`, with either name of the domain, is a name of an account too.
fn default_name<'n>(domain: &Domain, name: &'n str) -> Option<&'n str> {
    let (user, suffix) = name.rsplit_once('@')?;
    domain.is_called(suffix).then_some(user)
}

/// Who has `sid`: the account with it, else the one that had it.
pub(super) fn answer_to_sid(domain: &Domain, entries: &[Entry], sid: &Sid) -> Option<Principal> {
    let now = |entry: &&Entry| entry.sid("objectSid") == Some(*sid);
    let before = |entry: &&Entry| entry.sids("sIDHistory").any(|old| old == *sid);
    let entry = entries.iter().find(now).or_else(|| entries.iter().find(before))?;
    principal(domain, entry)
}

/// Who is called `name`. Domain controllers compare with less care (accents do not count): what they find counts only when it is the
/// name in all but case.
pub(super) fn answer_to_name(domain: &Domain, entries: &[Entry], name: &DirectoryName) -> Option<Principal> {
    let called = |wanted: &str| {
        let wanted = fold_name(wanted);
        let is =
            |entry: &&Entry| entry.text("sAMAccountName").is_some_and(|found| fold_name(found) == wanted);
        entries.iter().find(is).and_then(|entry| principal(domain, entry))
    };
    match name {
        DirectoryName::InDomain { domain: other, name } => {
            if domain.is_called(other) {
                called(name)
            } else {
                None
            }
        }
        DirectoryName::Isolated(name) => called(name),
        DirectoryName::UserPrincipalName(name) => {
            let wanted = fold_name(name);
            let has = |entry: &&Entry| {
                entry.text("userPrincipalName").is_some_and(|found| fold_name(found) == wanted)
            };
            let mut matches = entries.iter().filter(has);
            match (matches.next(), matches.next()) {
                // 3.1.4.5: several with one user principal name are none.
                (Some(_), Some(_)) => None,
                (Some(only), None) => principal(domain, only),
                (None, _) => called(default_name(domain, name)?),
            }
        }
    }
}

/// An account of `domain`; `None` for one of its BUILTIN, which are this server's own here, and for what is no principal.
fn principal(domain: &Domain, entry: &Entry) -> Option<Principal> {
    let sid = entry.sid("objectSid")?;
    if sid.split_rid()?.0 != domain.sid {
        return None;
    }
    let account_type = u32::try_from(entry.integer("sAMAccountType")?).ok()?;
    Some(Principal {
        sid,
        name: entry.text("sAMAccountName")?.to_owned(),
        domain: domain.netbios_name.clone(),
        domain_sid: domain.sid,
        sid_use: SidUse::of_account_type(account_type)?,
    })
}

/// A trusted domain; `None` when accounts of it cannot log on here, or it is no Windows domain ([MS-LSAT] 3.1.1.3).
pub(super) fn trusted_domain(entry: &Entry) -> Option<Domain> {
    let outbound = entry.integer("trustDirection")? & OUTBOUND != 0;
    if !outbound || !WINDOWS_DOMAINS.contains(&entry.integer("trustType")?) {
        return None;
    }
    Some(Domain {
        sid: entry.sid("securityIdentifier")?,
        netbios_name: entry.text("flatName")?.to_owned(),
        dns_name: entry.text("trustPartner").unwrap_or_default().to_owned(),
    })
}
