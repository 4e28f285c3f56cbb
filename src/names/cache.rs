//! What the directory has answered, kept for a while.
//!
//! Owns the answers and how long each counts; the shell asks the directory and puts them in. Knows nothing of LDAP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use freehold_dtyp::{FileTime, Sid};

use super::questions::{DirectoryName, Questions};
use super::table::{Answer, Table};
use super::{Domain, Known, Principal};

/// Most SIDs, and most names, that are kept.
pub const MAX_ENTRIES: usize = 100_000;
/// For this long an answer is given without asking again.
pub const FRESH_FOR: Duration = Duration::from_secs(10 * 60);
/// For this long an answer is given while no domain controller answers.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// For this long nobody is asked again for what was not there.
pub const ABSENT_FOR: Duration = Duration::from_secs(60);

/// The domains whose accounts the directory can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Domains {
    own: Domain,
    /// `None`: they are not known yet.
    trusted: Option<Vec<Domain>>,
}

/// The answers of the directory of a domain; empty, and asking nothing, without a membership.
pub struct DirectoryCache {
    domains: ArcSwapOption<Domains>,
    by_sid: Table<Sid>,
    by_name: Table<DirectoryName>,
    /// Until then nothing is asked: no domain controller answered. A FILETIME.
    silent_until: AtomicU64,
}

impl Default for DirectoryCache {
    fn default() -> Self {
        DirectoryCache {
            domains: ArcSwapOption::empty(),
            by_sid: Table::new(MAX_ENTRIES),
            by_name: Table::new(MAX_ENTRIES),
            silent_until: AtomicU64::new(0),
        }
    }
}

impl std::fmt::Debug for DirectoryCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectoryCache")
            .field("domains", &self.domains.load())
            .field("sids", &self.by_sid.len())
            .field("names", &self.by_name.len())
            .finish_non_exhaustive()
    }
}

impl DirectoryCache {
    /// The server is a member of `domain` from now on, or of none. Answers of another domain are forgotten.
    pub fn set_domain(&self, domain: Option<Domain>) {
        let before = self.domains.load_full();
        if before.as_ref().map(|domains| &domains.own) == domain.as_ref() {
            return;
        }
        self.domains.store(domain.map(|own| Arc::new(Domains { own, trusted: None })));
        self.by_sid.clear();
        self.by_name.clear();
        self.silent_until.store(0, Ordering::Relaxed);
    }

    /// The domains that the membership's one trusts.
    pub fn set_trusted(&self, trusted: Vec<Domain>) {
        if let Some(before) = self.domains.load_full() {
            self.domains.store(Some(Arc::new(Domains { own: before.own.clone(), trusted: Some(trusted) })));
        }
    }

    /// The domain that the server is a member of.
    #[must_use]
    pub fn domain(&self) -> Option<Domain> {
        self.domains.load().as_ref().map(|domains| domains.own.clone())
    }

    /// The domain that is called `name`.
    #[must_use]
    pub fn domain_called(&self, name: &str) -> Known<Domain> {
        self.find_domain(|domain| domain.is_called(name))
    }

    /// The domain with `sid`.
    #[must_use]
    pub fn domain_of(&self, sid: &Sid) -> Known<Domain> {
        self.find_domain(|domain| domain.sid == *sid)
    }

    fn find_domain(&self, is_wanted: impl Fn(&Domain) -> bool) -> Known<Domain> {
        let domains = self.domains.load();
        let Some(domains) = domains.as_ref() else { return Known::Absent };
        let mut all = std::iter::once(&domains.own).chain(domains.trusted.iter().flatten());
        match all.find(|domain| is_wanted(domain)) {
            Some(domain) => Known::Found(domain.clone()),
            None if domains.trusted.is_none() => Known::Ask,
            None => Known::Absent,
        }
    }

    /// No domain controller answers: nothing is asked before `until`, and what is kept is given.
    pub fn be_silent(&self, until: FileTime) {
        self.silent_until.store(until.0, Ordering::Relaxed);
    }

    /// Is nothing asked at present?
    #[must_use]
    pub fn is_silent(&self, now: FileTime) -> bool {
        now.0 < self.silent_until.load(Ordering::Relaxed)
    }

    /// Puts in what the directory says of a SID: the account that has it, also in its SID history; `None`: nobody.
    pub fn put_sid(&self, sid: Sid, principal: Option<Principal>, at: FileTime) {
        self.by_sid.put(sid, Answer { principal: principal.map(Arc::new), at });
    }

    /// Puts in what the directory says of a name. The account's SID is known from then on as well.
    pub fn put_name(&self, name: &DirectoryName, principal: Option<Principal>, at: FileTime) {
        let principal = principal.map(Arc::new);
        if let Some(found) = &principal {
            self.by_sid.put(found.sid, Answer { principal: Some(Arc::clone(found)), at });
        }
        self.by_name.put(name.folded(), Answer { principal, at });
    }

    /// Who has `sid`. With `may_ask` false it answers with what there is.
    #[must_use]
    pub fn of_sid(&self, sid: &Sid, now: FileTime, may_ask: bool) -> Known<Arc<Principal>> {
        if self.domains.load().is_none() {
            return Known::Absent;
        }
        judge(self.by_sid.find(sid), now, may_ask && !self.is_silent(now))
    }

    /// Who is called `name`. With `may_ask` false it answers with what there is.
    #[must_use]
    pub fn of_name(&self, name: &DirectoryName, now: FileTime, may_ask: bool) -> Known<Arc<Principal>> {
        if self.domains.load().is_none() {
            return Known::Absent;
        }
        judge(self.by_name.find(&name.folded()), now, may_ask && !self.is_silent(now))
    }

    /// Leaves out what others have had answered meanwhile.
    #[must_use]
    pub fn still_open(&self, questions: &Questions, now: FileTime) -> Questions {
        Questions {
            sids: questions
                .sids
                .iter()
                .filter(|sid| self.of_sid(sid, now, true) == Known::Ask)
                .copied()
                .collect(),
            names: questions
                .names
                .iter()
                .filter(|name| self.of_name(name, now, true) == Known::Ask)
                .cloned()
                .collect(),
        }
    }

    /// SIDs and names that are kept.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.by_sid.len(), self.by_name.len())
    }
}

/// What an answer that is kept counts for now.
fn judge(kept: Option<Answer>, now: FileTime, may_ask: bool) -> Known<Arc<Principal>> {
    let unknown = if may_ask { Known::Ask } else { Known::Absent };
    let Some(answer) = kept else { return unknown };
    // A clock that was put back makes answers of the future: they are as good as old ones.
    let age =
        now.0.checked_sub(answer.at.0).map_or(KEPT_FOR, |age| Duration::from_nanos(age.saturating_mul(100)));
    match answer.principal {
        Some(principal) if age < FRESH_FOR => Known::Found(principal),
        Some(principal) if !may_ask && age <= KEPT_FOR => Known::Found(principal),
        None if age < ABSENT_FOR => Known::Absent,
        _ => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::SidUse;

    fn corp() -> Domain {
        Domain {
            sid: "S-1-5-21-7-8-9".parse().unwrap(),
            netbios_name: "CORP".to_owned(),
            dns_name: "corp.example".to_owned(),
        }
    }

    fn alice() -> Principal {
        Principal {
            sid: corp().sid.with_rid(1103).unwrap(),
            name: "alice".to_owned(),
            domain: "CORP".to_owned(),
            domain_sid: corp().sid,
            sid_use: SidUse::User,
        }
    }

    fn after(duration: Duration) -> FileTime {
        FileTime(1_000_000_000_000_000 + u64::try_from(duration.as_nanos() / 100).unwrap())
    }

    #[test]
    fn without_a_membership_nothing_is_asked_and_nothing_kept_is_given() {
        let cache = DirectoryCache::default();
        let now = after(Duration::ZERO);
        cache.put_sid(alice().sid, Some(alice()), now);
        assert_eq!(cache.of_sid(&alice().sid, now, true), Known::Absent);
        assert_eq!(cache.of_name(&DirectoryName::Isolated("alice".to_owned()), now, true), Known::Absent);
        assert_eq!(cache.domain_called("CORP"), Known::Absent);
    }

    #[test]
    fn answers_age() {
        let cache = DirectoryCache::default();
        cache.set_domain(Some(corp()));
        let (sid, nobody) = (alice().sid, corp().sid.with_rid(9).unwrap());
        let start = after(Duration::ZERO);
        assert_eq!(cache.of_sid(&sid, start, true), Known::Ask);
        assert_eq!(cache.of_sid(&sid, start, false), Known::Absent);
        cache.put_sid(sid, Some(alice()), start);
        cache.put_sid(nobody, None, start);
        let found = Known::Found(Arc::new(alice()));
        let fresh = after(FRESH_FOR - Duration::from_secs(1));
        assert_eq!(cache.of_sid(&sid, fresh, true), found);
        // Not fresh any more: asked, and given where that leads to nothing.
        for age in [FRESH_FOR, KEPT_FOR] {
            assert_eq!(cache.of_sid(&sid, after(age), true), Known::Ask);
            assert_eq!(cache.of_sid(&sid, after(age), false), found);
        }
        assert_eq!(cache.of_sid(&sid, after(KEPT_FOR + Duration::from_secs(1)), false), Known::Absent);
        let absent = after(ABSENT_FOR - Duration::from_secs(1));
        assert_eq!(cache.of_sid(&nobody, absent, true), Known::Absent);
        assert_eq!(cache.of_sid(&nobody, after(ABSENT_FOR), true), Known::Ask);
    }

    #[test]
    fn while_it_is_silent_nothing_is_asked() {
        let cache = DirectoryCache::default();
        cache.set_domain(Some(corp()));
        let sid = alice().sid;
        cache.put_sid(sid, Some(alice()), after(Duration::ZERO));
        cache.be_silent(after(FRESH_FOR + Duration::from_secs(5)));
        let now = after(FRESH_FOR + Duration::from_secs(1));
        assert_eq!(cache.of_sid(&sid, now, true), Known::Found(Arc::new(alice())));
        assert_eq!(cache.of_sid(&corp().sid.with_rid(9).unwrap(), now, true), Known::Absent);
        assert_eq!(cache.of_sid(&sid, after(FRESH_FOR + Duration::from_secs(6)), true), Known::Ask);
    }

    #[test]
    fn names_are_found_in_any_case_and_their_sids_with_them() {
        let cache = DirectoryCache::default();
        cache.set_domain(Some(corp()));
        let now = after(Duration::ZERO);
        let name = |name: &str| DirectoryName::InDomain { domain: "CORP".to_owned(), name: name.to_owned() };
        cache.put_name(&name("Alice"), Some(alice()), now);
        let found = Known::Found(Arc::new(alice()));
        assert_eq!(cache.of_name(&name("aLICE"), now, true), found);
        assert_eq!(cache.of_sid(&alice().sid, now, true), found);
        assert_eq!(cache.of_name(&DirectoryName::Isolated("alice".to_owned()), now, true), Known::Ask);
    }

    #[test]
    fn another_domain_begins_with_nothing() {
        let cache = DirectoryCache::default();
        cache.set_domain(Some(corp()));
        let now = after(Duration::ZERO);
        cache.put_sid(alice().sid, Some(alice()), now);
        cache.set_domain(Some(corp()));
        assert!(matches!(cache.of_sid(&alice().sid, now, true), Known::Found(_)));
        assert_eq!(cache.domain_called("other"), Known::Ask);
        cache.set_trusted(vec![Domain { netbios_name: "OTHER".to_owned(), ..corp() }]);
        assert!(matches!(cache.domain_called("other"), Known::Found(_)));
        assert_eq!(cache.domain_called("third"), Known::Absent);
        cache.set_domain(Some(Domain { netbios_name: "NEW".to_owned(), ..corp() }));
        assert_eq!(cache.of_sid(&alice().sid, now, true), Known::Ask);
        cache.set_domain(None);
        assert_eq!(cache.of_sid(&alice().sid, now, true), Known::Absent);
    }

    #[test]
    fn what_others_had_answered_is_not_asked_again() {
        let cache = DirectoryCache::default();
        cache.set_domain(Some(corp()));
        let now = after(Duration::ZERO);
        let (known, unknown) = (alice().sid, corp().sid.with_rid(9).unwrap());
        cache.put_sid(known, Some(alice()), now);
        let questions = Questions { sids: [known, unknown].into(), ..Questions::default() };
        assert_eq!(cache.still_open(&questions, now).sids, [unknown].into());
    }
}
