//! Checks of `freehold::domain::directory` against a real Active Directory, as `live.rs` and with its variables. The accounts are those
//! that `seed.py` makes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold::config::DomainSettings;
use freehold::domain::directory::Directory;
use freehold::domain::kdc::Credentials;
use freehold::domain::ldap::{Pool, Search};
use freehold::domain::locator::Locator;
use freehold::names::{DirectoryCache, DirectoryName, Domain, Known, Questions, SidUse};
use freehold_dtyp::{FileTime, Sid};
use zeroize::Zeroizing;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this test needs an Active Directory"))
}

struct Rig {
    pool: Arc<Pool>,
    cache: Arc<DirectoryCache>,
    directory: Arc<Directory>,
    domain: Domain,
}

async fn rig() -> Rig {
    let dns_name = variable("FREEHOLD_AD_DOMAIN");
    let dns_servers = vec![format!("{}:53", variable("FREEHOLD_AD_DNS")).parse().unwrap()];
    let settings = DomainSettings { dns_servers, ..DomainSettings::default() };
    let locator = Locator::new(&dns_name, &settings);
    let netbios_name = locator.find().await.unwrap().netbios_domain.clone();
    let domain_name = dns_name.clone();
    let pool = Pool::new(Arc::clone(&locator), settings, move || {
        let password = std::fs::read_to_string(variable("FREEHOLD_AD_MACHINE_PASSWORD_FILE")).unwrap();
        let password = Zeroizing::new(password.trim_end_matches('\n').to_owned());
        vec![Credentials::new(&variable("FREEHOLD_AD_MACHINE"), &domain_name, password)]
    });
    let base = pool.connect().await.unwrap().root().domain.clone();
    let entry = pool.search_one(&Search::base(&base, &["objectSid"])).await.unwrap().unwrap();
    let domain = Domain { sid: entry.sid("objectSid").unwrap(), netbios_name, dns_name };
    let cache = Arc::new(DirectoryCache::default());
    let source = Arc::clone(&pool) as Arc<dyn freehold::domain::directory::Source>;
    let directory = Directory::new(source, Arc::clone(&cache), domain.clone());
    Rig { pool, cache, directory, domain }
}

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

impl Rig {
    async fn name_of(&self, sid: Sid) -> Option<String> {
        self.directory.look_up(&Questions { sids: [sid].into(), ..Questions::default() }).await;
        assert!(!self.cache.is_silent(now()), "the directory was not asked");
        self.cache.of_sid(&sid, now(), false).found().map(|found| found.full_name())
    }

    async fn sid_of(&self, name: DirectoryName) -> Option<Sid> {
        self.directory.look_up(&Questions { names: [name.clone()].into(), ..Questions::default() }).await;
        assert!(!self.cache.is_silent(now()), "the directory was not asked");
        self.cache.of_name(&name, now(), false).found().map(|found| found.sid)
    }

    async fn account(&self, name: &str) -> Sid {
        self.sid_of(DirectoryName::Isolated(name.to_owned())).await.unwrap_or_else(|| panic!("{name}"))
    }

    async fn groups(&self, name: &str) -> Vec<String> {
        let sid = self.account(name).await;
        let groups = self.directory.token_groups(&sid).await.unwrap().expect("the account");
        let questions = Questions { sids: groups.iter().copied().collect(), ..Questions::default() };
        self.directory.look_up(&questions).await;
        let name = |sid: &Sid| self.cache.of_sid(sid, now(), false).found().map(|found| found.name.clone());
        groups.iter().map(|sid| name(sid).unwrap_or_else(|| sid.to_string())).collect()
    }
}

#[tokio::test]
async fn every_account_of_the_domain_is_found_both_ways() {
    let rig = rig().await;
    // Whatever the directory holds, asked in one piece, then compared one by one.
    let attributes = ["objectSid", "sAMAccountName"];
    let filter = "(&(objectSid=*)(sAMAccountType=*))";
    let base = rig.pool.connect().await.unwrap().root().domain.clone();
    let entries = rig.pool.search(&Search::new(&base, filter, &attributes)).await.unwrap();
    let mut accounts = Vec::new();
    for entry in &entries {
        let (sid, name) = (entry.sid("objectSid").unwrap(), entry.text("sAMAccountName").unwrap().to_owned());
        if sid.split_rid().unwrap().0 == rig.domain.sid {
            accounts.push((sid, name));
        }
    }
    assert!(accounts.len() > 300, "{} accounts", accounts.len());
    let started = Instant::now();
    let questions =
        Questions { sids: accounts.iter().map(|(sid, _)| *sid).collect(), ..Questions::default() };
    rig.directory.look_up(&questions).await;
    println!("{} SIDs in {:?}", accounts.len(), started.elapsed());
    let started = Instant::now();
    let in_domain = |name: &String| DirectoryName::InDomain { domain: "CORP".to_owned(), name: name.clone() };
    let names = accounts.iter().map(|(_, name)| in_domain(name)).collect();
    rig.directory.look_up(&Questions { names, ..Questions::default() }).await;
    println!("{} names in {:?}", accounts.len(), started.elapsed());
    for (sid, name) in &accounts {
        let found = rig.cache.of_sid(sid, now(), false).found().unwrap_or_else(|| panic!("{name} {sid}"));
        assert_eq!(&found.name, name);
        let found = rig.cache.of_name(&in_domain(name), now(), false).found();
        assert_eq!(found.map(|found| found.sid), Some(*sid), "{name}");
    }
}

#[tokio::test]
async fn names_are_found_in_every_spelling() {
    let rig = rig().await;
    let alice = rig.account("alice").await;
    let upn = |name: &str| DirectoryName::UserPrincipalName(name.to_owned());
    let within =
        |domain: &str| DirectoryName::InDomain { domain: domain.to_owned(), name: "ALICE".to_owned() };
    for name in [within("CORP"), within("corp.example"), upn("alice@corp.example"), upn("Alice@CORP")] {
        assert_eq!(rig.sid_of(name.clone()).await, Some(alice), "{name:?}");
    }
    assert_eq!(rig.name_of(alice).await.as_deref(), Some("CORP\\alice"));
    let zoe = rig.account("ZOË").await;
    assert_eq!(rig.name_of(zoe).await.as_deref(), Some("CORP\\zoë"));
    for nobody in ["zoe", "al*", "nobody-of-this-name", "a)(objectClass=*"] {
        assert_eq!(rig.sid_of(DirectoryName::Isolated(nobody.to_owned())).await, None, "{nobody}");
    }
    assert_eq!(rig.sid_of(upn("nobody@corp.example")).await, None);
    assert_eq!(rig.name_of(rig.domain.sid.with_rid(987_654).unwrap()).await, None);
}

#[tokio::test]
async fn kinds_are_those_of_windows() {
    let rig = rig().await;
    let kind = |known: Known<Arc<freehold::names::Principal>>| known.found().unwrap().sid_use;
    for (name, wanted) in [
        ("alice", SidUse::User),
        ("staff", SidUse::Group),
        ("everywhere", SidUse::Group),
        ("fs-readers", SidUse::Alias),
        ("Domain Admins", SidUse::Group),
    ] {
        let sid = rig.account(name).await;
        assert_eq!(kind(rig.cache.of_sid(&sid, now(), false)), wanted, "{name}");
    }
    let machine = variable("FREEHOLD_AD_MACHINE");
    let sid = rig.account(&machine).await;
    assert_eq!(kind(rig.cache.of_sid(&sid, now(), false)), SidUse::User);
}

#[tokio::test]
async fn groups_are_those_of_a_logon() {
    let rig = rig().await;
    let bob = rig.groups("bob").await;
    println!("bob: {bob:?}");
    for group in ["backend", "engineering", "staff", "Domain Users"] {
        assert!(bob.iter().any(|name| name == group), "{group}: {bob:?}");
    }
    // A distribution group, and those of the domain controllers, are no groups of a logon here.
    assert!(!bob.iter().any(|name| name == "newsletter" || name.starts_with("S-1-5-32")), "{bob:?}");
    let alice = rig.groups("alice").await;
    println!("alice: {alice:?}");
    assert!(["staff", "ring-a", "ring-b"].iter().all(|group| alice.iter().any(|name| name == group)));
    let started = Instant::now();
    let mallory = rig.groups("mallory").await;
    println!("mallory: {} groups in {:?}", mallory.len(), started.elapsed());
    assert!(mallory.len() >= 300);
}

#[tokio::test]
async fn circular_groups_have_members_all_the_same() {
    let rig = rig().await;
    let ring = rig.account("ring-a").await;
    let group = rig.directory.account(&ring).await.unwrap().unwrap();
    let members = rig.directory.members(&group, true).await.unwrap();
    println!("ring-a: {:?}", members.iter().map(|member| &member.name).collect::<Vec<_>>());
    assert!(members.iter().any(|member| member.name == "ring-b"));
    let staff = rig.directory.account(&rig.account("staff").await).await.unwrap().unwrap();
    let nested = rig.directory.members(&staff, true).await.unwrap();
    assert!(nested.iter().any(|member| member.name == "bob"), "{nested:?}");
    let direct = rig.directory.members(&staff, false).await.unwrap();
    assert!(!direct.iter().any(|member| member.name == "bob"), "{direct:?}");
}

#[tokio::test]
async fn an_account_is_told_in_detail() {
    let rig = rig().await;
    let account = rig.directory.account(&rig.account("dave").await).await.unwrap().unwrap();
    assert!(!account.enabled && account.name == "dave" && account.distinguished_name.contains("dave"));
    assert_eq!(account.primary_group, rig.domain.sid.with_rid(513));
    assert_eq!(rig.directory.account(&rig.domain.sid.with_rid(987_654).unwrap()).await.unwrap(), None);
    assert_eq!(rig.directory.token_groups(&rig.domain.sid.with_rid(987_654).unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_domain_controller_the_answer_is_quick() {
    let domain = rig().await.domain;
    // Nobody listens there.
    let settings =
        DomainSettings { dns_servers: vec!["127.0.0.1:9".parse().unwrap()], ..DomainSettings::default() };
    let locator = Locator::new(&domain.dns_name, &settings);
    let pool = Pool::new(locator, settings, || {
        vec![Credentials::new("X$", "corp.example", Zeroizing::new("x".to_owned()))]
    });
    let cache = Arc::new(DirectoryCache::default());
    let directory = Directory::new(pool, Arc::clone(&cache), domain.clone());
    let ask = |rid| Questions { sids: [domain.sid.with_rid(rid).unwrap()].into(), ..Questions::default() };
    let started = Instant::now();
    directory.look_up(&ask(1)).await;
    println!("the first gives up after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(7) && cache.is_silent(now()));
    let started = Instant::now();
    for rid in 2..1_000 {
        directory.look_up(&ask(rid)).await;
    }
    println!("998 others after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(1));
}
