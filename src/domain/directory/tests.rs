//! The directory against entries in memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use freehold_dtyp::{Encode as _, Sid};

use super::*;
use crate::names::{DirectoryName, Known};

#[derive(Default)]
struct Fake {
    entries: Vec<Entry>,
    trusts: Vec<Entry>,
    searches: AtomicUsize,
    away: AtomicBool,
    slow: AtomicBool,
}

impl Source for Fake {
    fn search<'a>(
        &'a self,
        search: &'a Search<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, LdapError>> + Send + 'a>> {
        Box::pin(async move {
            self.searches.fetch_add(1, Ordering::Relaxed);
            if self.slow.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            tokio::task::yield_now().await;
            if self.away.load(Ordering::Relaxed) {
                let reason = "away".to_owned();
                return Err(LdapError::Unreachable { host: "dc1".to_owned(), reason });
            }
            if search.filter.contains("trustedDomain") {
                return Ok(self.trusts.clone());
            }
            // Entries that match a part of the filter, as far as these tests go: by SID or by name without case and accents.
            let plain = |text: &str| text.to_lowercase().replace('ë', "e");
            let filter = plain(search.filter);
            let matches = |entry: &&Entry| {
                let sid = entry.bytes("objectSid").map(crate::domain::ldap::escape_bytes);
                let old = entry.bytes("sIDHistory").map(crate::domain::ldap::escape_bytes);
                let name =
                    entry.text("sAMAccountName").map(|name| format!("(samaccountname={})", plain(name)));
                let upn = entry
                    .text("userPrincipalName")
                    .map(|name| format!("(userprincipalname={})", plain(name)));
                // Memberships are direct ones here, and named by the group's name.
                let above = entry.text("memberOf").map(|dn| format!("memberof={})", plain(dn)));
                let is_nested = entry.text("memberOf").is_some_and(|dn| {
                    filter.contains(&format!(
                        "(objectcategory=group)(memberof:1.2.840.113556.1.4.1941:={})",
                        plain(dn)
                    ))
                });
                if is_nested && entry.text("sAMAccountType") == Some(GROUP.to_string()).as_deref() {
                    return true;
                }
                let primary = entry.text("primaryGroupID").map(|rid| format!("(primarygroupid={rid})"));
                [sid, old, name, upn, above, primary]
                    .into_iter()
                    .flatten()
                    .any(|value| filter.contains(&value))
            };
            Ok(self.entries.iter().filter(matches).cloned().collect())
        })
    }
}

fn corp() -> Domain {
    Domain {
        sid: "S-1-5-21-7-8-9".parse().unwrap(),
        netbios_name: "CORP".to_owned(),
        dns_name: "corp.example".to_owned(),
    }
}

fn sid(rid: u32) -> Sid {
    corp().sid.with_rid(rid).unwrap()
}

fn entry(rid: u32, name: &str, account_type: u32, more: &[(&str, Vec<u8>)]) -> Entry {
    let mut attributes = vec![
        ("objectSid".to_owned(), vec![sid(rid).to_bytes()]),
        ("sAMAccountName".to_owned(), vec![name.as_bytes().to_vec()]),
        ("sAMAccountType".to_owned(), vec![account_type.to_string().into_bytes()]),
    ];
    attributes.extend(more.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])));
    Entry::new(&format!("CN={name},DC=corp,DC=example"), attributes)
}

const USER: u32 = 0x3000_0000;
const GROUP: u32 = 0x1000_0000;

fn old_sid() -> Sid {
    "S-1-5-21-1-1-1-500".parse().unwrap()
}

fn fake() -> Fake {
    let upn = |text: &str| ("userPrincipalName", text.as_bytes().to_vec());
    let trust = |name: &str, direction: &str| {
        Entry::new(
            &format!("CN={name},CN=System,DC=corp,DC=example"),
            vec![
                ("flatName".to_owned(), vec![name.to_uppercase().into_bytes()]),
                ("trustPartner".to_owned(), vec![format!("{name}.example").into_bytes()]),
                ("securityIdentifier".to_owned(), vec!["S-1-5-21-4-5-6".parse::<Sid>().unwrap().to_bytes()]),
                ("trustDirection".to_owned(), vec![direction.as_bytes().to_vec()]),
                ("trustType".to_owned(), vec![b"2".to_vec()]),
            ],
        )
    };
    Fake {
        entries: vec![
            entry(1103, "alice", USER, &[upn("a.smith@mail.example")]),
            entry(1110, "zoë", USER, &[]),
            entry(1117, "backend", GROUP, &[("sIDHistory", old_sid().to_bytes())]),
            entry(1130, "twin1", USER, &[upn("twin@mail.example")]),
            entry(1131, "twin2", USER, &[upn("twin@mail.example")]),
        ],
        trusts: vec![trust("other", "3"), trust("inward", "1")],
        ..Fake::default()
    }
}

const LIMIT: Duration = Duration::from_secs(1);

struct Rig {
    fake: Arc<Fake>,
    cache: Arc<DirectoryCache>,
    directory: Arc<Directory>,
}

fn rig() -> Rig {
    let (fake, cache) = (Arc::new(fake()), Arc::new(DirectoryCache::default()));
    let source = Arc::clone(&fake) as Arc<dyn Source>;
    let directory = Directory::with_limit(source, Arc::clone(&cache), corp(), LIMIT);
    Rig { fake, cache, directory }
}

impl Rig {
    async fn name(&self, name: DirectoryName) -> Known<String> {
        self.directory.look_up(&Questions { names: [name.clone()].into(), ..Questions::default() }).await;
        self.cache.of_name(&name, now(), false).map(|found| found.full_name())
    }

    async fn sid(&self, sid: Sid) -> Known<String> {
        self.directory.look_up(&Questions { sids: [sid].into(), ..Questions::default() }).await;
        self.cache.of_sid(&sid, now(), false).map(|found| found.full_name())
    }

    fn searches(&self) -> usize {
        self.fake.searches.load(Ordering::Relaxed)
    }
}

fn found(name: &str) -> Known<String> {
    Known::Found(name.to_owned())
}

#[tokio::test]
async fn sids_are_found_also_in_the_history() {
    let rig = rig();
    assert_eq!(rig.sid(sid(1103)).await, found("CORP\\alice"));
    assert_eq!(rig.sid(old_sid()).await, found("CORP\\backend"));
    assert_eq!(rig.sid(sid(4711)).await, Known::Absent);
    // The trusts once, then each question once.
    assert_eq!(rig.searches(), 4);
    rig.sid(sid(1103)).await;
    rig.sid(sid(4711)).await;
    assert_eq!(rig.searches(), 4);
}

#[tokio::test]
async fn names_are_found_in_every_spelling() {
    let rig = rig();
    let isolated = |name: &str| DirectoryName::Isolated(name.to_owned());
    let upn = |name: &str| DirectoryName::UserPrincipalName(name.to_owned());
    let within = |domain: &str, name: &str| DirectoryName::InDomain {
        domain: domain.to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(rig.name(isolated("ALICE")).await, found("CORP\\alice"));
    assert_eq!(rig.name(within("CORP", "Alice")).await, found("CORP\\alice"));
    assert_eq!(rig.name(within("corp.example", "alice")).await, found("CORP\\alice"));
    assert_eq!(rig.name(within("OTHER", "alice")).await, Known::Absent);
    assert_eq!(rig.name(upn("A.Smith@mail.example")).await, found("CORP\\alice"));
    assert_eq!(rig.name(upn("alice@corp.example")).await, found("CORP\\alice"));
    assert_eq!(rig.name(upn("alice@CORP")).await, found("CORP\\alice"));
    assert_eq!(rig.name(upn("alice@mail.example")).await, Known::Absent);
    // Two with one user principal name are none.
    assert_eq!(rig.name(upn("twin@mail.example")).await, Known::Absent);
    assert_eq!(rig.name(isolated("zoë")).await, found("CORP\\zoë"));
    // A domain controller finds this one too; it is another name all the same.
    assert_eq!(rig.name(isolated("zoe")).await, Known::Absent);
    assert_eq!(rig.name(isolated("al*")).await, Known::Absent);
}

#[tokio::test]
async fn trusted_domains_are_known_by_name_and_sid() {
    let rig = rig();
    rig.sid(sid(1103)).await;
    assert!(matches!(rig.cache.domain_called("other.example"), Known::Found(_)));
    // Who trusts this domain is not trusted by it.
    assert_eq!(rig.cache.domain_called("INWARD"), Known::Absent);
}

#[tokio::test]
async fn many_questions_are_asked_together() {
    let rig = rig();
    let questions = Questions { sids: (2000..2120).map(sid).collect(), ..Questions::default() };
    rig.directory.look_up(&questions).await;
    assert_eq!(rig.searches(), 1 + 3);
    // Those who come at the same time with the same questions wait for one answer.
    let more = Questions { sids: (3000..3010).map(sid).collect(), ..Questions::default() };
    tokio::join!(rig.directory.look_up(&more), rig.directory.look_up(&more), rig.directory.look_up(&more));
    assert_eq!(rig.searches(), 1 + 3 + 1);
    assert_eq!(rig.cache.len().0, 130);
}

#[tokio::test]
async fn ten_thousand_members_take_three_searches() {
    let crowd = "CN=crowd,DC=corp,DC=example";
    let mut all = fake();
    all.entries.push(entry(5000, "crowd", GROUP, &[]));
    all.entries.push(entry(5001, "inner", GROUP, &[("memberOf", crowd.as_bytes().to_vec())]));
    for number in 0..10_000 {
        let group = ("memberOf", crowd.as_bytes().to_vec());
        all.entries.push(entry(10_000 + number, &format!("user{number}"), USER, &[group]));
    }
    all.entries.push(entry(30_000, "primary", USER, &[("primaryGroupID", b"5001".to_vec())]));
    let (all, cache) = (Arc::new(all), Arc::new(DirectoryCache::default()));
    let directory = Directory::new(Arc::clone(&all) as Arc<dyn Source>, cache, corp());
    let members = directory.everybody_in(&sid(5000)).await.unwrap();
    assert_eq!(members.len(), 10_001);
    assert!(members.is_sorted() && members.contains(&sid(30_000)) && !members.contains(&sid(5001)));
    // The group, the groups in it at any depth, and who is in any of them.
    assert_eq!(all.searches.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn without_a_domain_controller_one_waits_and_the_rest_do_not() {
    let rig = rig();
    assert_eq!(rig.sid(sid(1103)).await, found("CORP\\alice"));
    rig.fake.slow.store(true, Ordering::Relaxed);
    let before = tokio::time::Instant::now();
    assert_eq!(rig.sid(sid(1110)).await, Known::Absent);
    assert!(before.elapsed() >= LIMIT && before.elapsed() < LIMIT * 5);
    assert!(rig.cache.is_silent(now()));
    // Nothing more is asked, also of what is unknown; what is known goes on being so.
    let (searches, before) = (rig.searches(), tokio::time::Instant::now());
    assert_eq!(rig.sid(sid(1117)).await, Known::Absent);
    assert_eq!(rig.sid(sid(1103)).await, found("CORP\\alice"));
    assert!(before.elapsed() < LIMIT && rig.searches() == searches);
    // A domain controller is back: asked again when the silence is over.
    rig.fake.slow.store(false, Ordering::Relaxed);
    rig.cache.be_silent(FileTime::ZERO);
    assert_eq!(rig.sid(sid(1110)).await, found("CORP\\zoë"));
}

#[tokio::test]
async fn a_refused_search_is_followed_by_silence_as_well() {
    let rig = rig();
    rig.fake.away.store(true, Ordering::Relaxed);
    assert_eq!(rig.sid(sid(1103)).await, Known::Absent);
    assert!(rig.cache.is_silent(now()) && !rig.cache.is_silent(now().saturating_add(QUIET_FOR)));
}

#[tokio::test]
async fn an_account_whose_name_was_looked_up_is_told_from_memory() {
    let rig = rig();
    assert_eq!(rig.name(DirectoryName::Isolated("alice".to_owned())).await, found("CORP\\alice"));
    let searches = rig.searches();
    let told = rig.directory.account(&sid(1103)).await.unwrap().unwrap();
    assert_eq!((told.name.as_str(), told.user_principal_name.as_str()), ("alice", "a.smith@mail.example"));
    assert_eq!(rig.searches(), searches);
    // One that nobody asked for is asked for once, an account of long ago by its SID of then.
    for _ in 0..2 {
        assert_eq!(rig.directory.account(&old_sid()).await.unwrap().unwrap().sid, sid(1117));
    }
    assert_eq!(rig.searches(), searches + 1);
    assert_eq!(rig.directory.account(&sid(4711)).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_in_detail_is_not_waited_for_twice_while_no_domain_controller_answers() {
    let rig = rig();
    assert_eq!(rig.sid(sid(1103)).await, found("CORP\\alice"));
    rig.fake.slow.store(true, Ordering::Relaxed);
    assert!(matches!(rig.directory.account(&sid(1110)).await, Err(DirectoryError::TimedOut)));
    let (searches, before) = (rig.searches(), tokio::time::Instant::now());
    assert!(matches!(rig.directory.account(&sid(1110)).await, Err(DirectoryError::Silent)));
    assert_eq!(rig.directory.account(&sid(1103)).await.unwrap().unwrap().name, "alice");
    assert!(before.elapsed() < LIMIT && rig.searches() == searches);
}
