//! Checks of `freehold::domain` against a real Active Directory. Part of the AD suite: not run by a plain `cargo test`
//! (`test = false` in Cargo.toml), and every test fails where these variables are not set:
//!
//! | variable | what |
//! |---|---|
//! | `FREEHOLD_AD_DOMAIN` | DNS name of the domain, as `corp.example` |
//! | `FREEHOLD_AD_DNS` | address of its DNS server; the system's resolvers without it |
//! | `FREEHOLD_AD_USER`, `FREEHOLD_AD_PASSWORD` | a user, as `alice`, and its password |
//! | `FREEHOLD_AD_MACHINE`, `FREEHOLD_AD_MACHINE_PASSWORD_FILE` | a machine account, as `FILESERVER$`, and the file with its password |
//! | `FREEHOLD_AD_CA` | file with the certificates of the domain's authority |
//! | `FREEHOLD_AD_MANY_GROUPS_USER` | a user in 300 groups, whose password is `Passw0rd.` and its name |

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold::config::{DomainSettings, LdapProtection};
use freehold::domain::kdc::{Credentials, KdcError, log_on, preauthentication};
use freehold::domain::ldap::{Connection, LdapError, Pool, ResultCode, Search};
use freehold::domain::locator::{DcFlags, DomainController, Locator};
use zeroize::Zeroizing;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this test needs an Active Directory"))
}

fn settings() -> DomainSettings {
    let dns_servers =
        std::env::var("FREEHOLD_AD_DNS").map(|address| format!("{address}:53").parse().unwrap());
    DomainSettings { dns_servers: dns_servers.into_iter().collect(), ..DomainSettings::default() }
}

fn locator() -> Arc<Locator> {
    Locator::new(&variable("FREEHOLD_AD_DOMAIN"), &settings())
}

fn credentials(account: &str, password: &str) -> Credentials {
    Credentials::new(account, &variable("FREEHOLD_AD_DOMAIN"), Zeroizing::new(password.to_owned()))
}

fn user() -> Credentials {
    credentials(&variable("FREEHOLD_AD_USER"), &variable("FREEHOLD_AD_PASSWORD"))
}

fn machine() -> Credentials {
    let password = std::fs::read_to_string(variable("FREEHOLD_AD_MACHINE_PASSWORD_FILE")).unwrap();
    credentials(&variable("FREEHOLD_AD_MACHINE"), password.trim_end_matches('\n'))
}

async fn dc() -> Arc<DomainController> {
    locator().find().await.unwrap()
}

#[tokio::test]
async fn a_domain_controller_is_found_and_remembered() {
    let first = quickest_of(3, async || drop(locator().find().await.unwrap())).await;
    let locator = locator();
    let dc = locator.find().await.unwrap();
    let started = Instant::now();
    assert_eq!(locator.find().await.unwrap(), dc);
    println!("found in {first:?}, again in {:?}: {dc:?}", started.elapsed());
    assert!(first < Duration::from_secs(2));
    assert!(dc.flags.has(DcFlags::LDAP | DcFlags::KDC | DcFlags::WRITABLE));
    assert_eq!(dc.dns_domain, variable("FREEHOLD_AD_DOMAIN"));
    let survey = locator.survey().await.unwrap();
    assert!(survey.iter().any(|(_, _, answer)| answer.as_ref().is_ok_and(|other| other.host == dc.host)));
}

#[tokio::test]
async fn failing_the_only_domain_controller_does_not_lose_it() {
    let host = locator().find().await.unwrap().host.clone();
    let settings = DomainSettings { servers: vec![host], ..settings() };
    let locator = Locator::new(&variable("FREEHOLD_AD_DOMAIN"), &settings);
    let dc = locator.find().await.unwrap();
    locator.failed(&dc);
    assert_eq!(locator.find().await.unwrap().host, dc.host);
}

#[tokio::test]
async fn kerberos_logons_succeed_or_say_why_not() {
    let dc = dc().await;
    let started = Instant::now();
    let observed = log_on(&dc, &user()).await.unwrap();
    println!("logon of a user in {:?}: {observed:?}", started.elapsed());
    assert!(observed.clock_difference_seconds.is_some_and(|seconds| seconds.abs() < 5));
    log_on(&dc, &machine()).await.unwrap();
    let account = user();
    let wrong = credentials(account.account(), "no such password");
    assert!(matches!(log_on(&dc, &wrong).await, Err(KdcError::WrongPassword { .. })));
    let unknown = credentials("nobody-of-this-name", "x");
    assert!(matches!(log_on(&dc, &unknown).await, Err(KdcError::UnknownAccount { .. })));
}

#[tokio::test]
async fn every_state_of_an_account_has_its_error() {
    let dc = dc().await;
    for (account, wanted) in [("dave", "disabled"), ("erin", "expired"), ("frank", "must change")] {
        let error = log_on(&dc, &credentials(account, &format!("Passw0rd.{account}"))).await.unwrap_err();
        println!("{account}: {error}");
        assert!(error.to_string().contains(wanted), "{account}: {error:?}");
    }
}

#[tokio::test]
async fn a_ticket_with_many_groups_is_taken() {
    let name = variable("FREEHOLD_AD_MANY_GROUPS_USER");
    let many = credentials(&name, &format!("Passw0rd.{name}"));
    let connection = Connection::bind_as(&locator(), &settings(), &many).await.unwrap();
    assert!(
        connection
            .search_one(&Search::base(&connection.root().domain, &["objectSid"]))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn the_salt_of_an_account_is_told_without_its_password() {
    let observed =
        preauthentication(&dc().await, &variable("FREEHOLD_AD_MACHINE"), &variable("FREEHOLD_AD_DOMAIN"))
            .await
            .unwrap();
    println!("{observed:?}");
    assert!(observed.salts.iter().any(|salt| salt.encryption_type == 18 && salt.salt.is_some()));
}

#[tokio::test]
async fn large_results_come_whole_over_a_sealed_connection() {
    let locator = locator();
    for account in [user(), machine()] {
        let started = Instant::now();
        let connection = Connection::bind_as(&locator, &settings(), &account).await.unwrap();
        println!("sealed logon of {} in {:?}", account.account(), started.elapsed());
        large_results(&connection).await;
    }
}

#[tokio::test]
async fn large_results_come_whole_over_tls() {
    let tls = DomainSettings {
        ldap: LdapProtection::Tls,
        tls_ca: Some(PathBuf::from(variable("FREEHOLD_AD_CA"))),
        ..settings()
    };
    let started = Instant::now();
    let connection = Connection::bind_as(&locator(), &tls, &machine()).await.unwrap();
    println!("TLS logon in {:?}", started.elapsed());
    large_results(&connection).await;
    let wrong = credentials(machine().account(), "no such password");
    let error = Connection::bind_as(&locator(), &tls, &wrong).await.unwrap_err();
    println!("{error}");
    assert!(error.is_wrong_password(), "{error:?}");
    let system = DomainSettings { tls_ca: None, ..tls };
    assert!(matches!(
        Connection::bind_as(&locator(), &system, &machine()).await,
        Err(LdapError::Tls { .. } | LdapError::Certificates(_))
    ));
}

/// More than one page, and more than 1 MiB in all.
async fn large_results(connection: &Connection) {
    let filter = "(objectClass=*)";
    let started = Instant::now();
    let mut octets = 0;
    let schema = connection.root().schema.clone();
    let entries = connection.search(&Search::new(&schema, filter, &["*"])).await.unwrap();
    for entry in &entries {
        octets += entry.attributes().map(|(name, values)| name.len() + values.concat().len()).sum::<usize>();
    }
    println!("{} entries, {octets} octets in {:?}", entries.len(), started.elapsed());
    assert!(entries.len() > 1000 && octets > 1024 * 1024);
    let groups = connection
        .search(&Search::new(
            &connection.root().domain,
            "(objectClass=group)",
            &["sAMAccountName", "objectSid"],
        ))
        .await
        .unwrap();
    assert!(groups.len() > 300);
    assert!(
        groups.iter().all(|group| group.sid("objectSid").is_some() && group.text("sAMAccountName").is_some())
    );
    let few = Search { limit: 10, ..Search::new(&connection.root().domain, "(objectClass=group)", &["cn"]) };
    assert!(matches!(connection.search(&few).await, Err(LdapError::TooMany { limit: 10, .. })));
}

#[tokio::test]
async fn refusals_are_typed() {
    let connection = Connection::bind_as(&locator(), &settings(), &user()).await.unwrap();
    let base = connection.root().domain.clone();
    let nowhere = connection.search(&Search::base(&format!("CN=nowhere,{base}"), &["cn"])).await.unwrap_err();
    assert!(nowhere.is_no_such_object(), "{nowhere:?}");
    assert_eq!(
        connection.search_one(&Search::base(&format!("CN=nowhere,{base}"), &["cn"])).await.unwrap(),
        None
    );
    let error = connection.delete(&format!("CN=Users,{base}")).await.unwrap_err();
    println!("{error}");
    assert!(error.code().is_some_and(|code| code != ResultCode::SUCCESS));
    assert!(connection.is_usable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_serves_many_at_once() {
    let pool = Pool::new(locator(), settings(), || vec![machine()]);
    let started = Instant::now();
    let base = pool.connect().await.unwrap().root().domain.clone();
    println!("first connection in {:?}", started.elapsed());
    const CALLS: u32 = 500;
    let started = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let (pool, base) = (Arc::clone(&pool), base.clone());
        calls.spawn(async move {
            let found =
                pool.search(&Search::new(&base, "(sAMAccountName=alice)", &["objectSid"])).await.unwrap();
            assert_eq!(found.len(), 1);
        });
    }
    calls.join_all().await;
    println!("{CALLS} searches in {:?}, {pool:?}", started.elapsed());
}

/// How long something takes that asks nobody: other programs may hold one attempt up, and hardly each of several.
async fn quickest_of(attempts: usize, attempt: impl AsyncFn()) -> Duration {
    let mut quickest = Duration::MAX;
    for _ in 0..attempts {
        let started = Instant::now();
        attempt().await;
        quickest = quickest.min(started.elapsed());
    }
    quickest
}

/// A domain controller at another address of this machine (root is needed: its ports are those of the domain controller), which can be
/// made silent: it takes connections and datagrams, as a process does that was stopped, and answers nothing.
struct Stand {
    address: std::net::IpAddr,
    silent: tokio::sync::watch::Sender<bool>,
}

impl Stand {
    async fn start(address: &str, dc: std::net::IpAddr) -> Self {
        let address = address.parse().unwrap();
        let (silent, stopped) = tokio::sync::watch::channel(false);
        for port in [88, 389] {
            let listener = tokio::net::TcpListener::bind((address, port)).await.unwrap();
            let stopped = stopped.clone();
            tokio::spawn(async move {
                let mut kept = Vec::new();
                loop {
                    let (mut client, _) = listener.accept().await.unwrap();
                    if *stopped.borrow() {
                        kept.push(client);
                        continue;
                    }
                    let mut stopped = stopped.clone();
                    tokio::spawn(async move {
                        let mut server = tokio::net::TcpStream::connect((dc, port)).await.unwrap();
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                            () = falls_silent(&mut stopped) => std::future::pending::<()>().await,
                        }
                    });
                }
            });
        }
        let socket = tokio::net::UdpSocket::bind((address, 389)).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (received, client) = socket.recv_from(&mut buffer).await.unwrap();
                if *stopped.borrow() {
                    continue;
                }
                let server = tokio::net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
                server.send_to(&buffer[..received], (dc, 389)).await.unwrap();
                let mut answer = [0; 4096];
                let (received, _) = server.recv_from(&mut answer).await.unwrap();
                socket.send_to(&answer[..received], client).await.unwrap();
            }
        });
        Self { address, silent }
    }
}

async fn falls_silent(stopped: &mut tokio::sync::watch::Receiver<bool>) {
    let _silent = stopped.wait_for(|silent| *silent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_domain_controller_is_left_in_time() {
    let real = dc().await.address;
    let stand = Stand::start("127.0.0.77", real).await;
    let both = DomainSettings { servers: vec![stand.address.to_string(), real.to_string()], ..settings() };
    let two = Locator::new(&variable("FREEHOLD_AD_DOMAIN"), &both);
    let pool = Pool::new(Arc::clone(&two), both, || vec![machine()]);
    let alone = DomainSettings { servers: vec![stand.address.to_string()], ..settings() };
    let one = Locator::new(&variable("FREEHOLD_AD_DOMAIN"), &alone);
    let lonely = Pool::new(Arc::clone(&one), alone, || vec![machine()]);
    for pool in [&pool, &lonely] {
        assert_eq!(pool.connect().await.unwrap().dc().address, stand.address);
    }
    let base = pool.connect().await.unwrap().root().domain.clone();

    stand.silent.send(true).unwrap();
    let search = Search::new(&base, "(sAMAccountName=alice)", &["objectSid"]);
    let started = Instant::now();
    assert_eq!(pool.search(&search).await.unwrap().len(), 1);
    println!("a search on a silent domain controller, done by the other after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(pool.connect().await.unwrap().dc().address, real);

    let started = Instant::now();
    let error = lonely.search(&search).await.unwrap_err();
    println!("with no other: {error} after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5));
    let quickest = quickest_of(5, async || drop(lonely.search(&search).await.unwrap_err())).await;
    assert!(quickest < Duration::from_millis(100), "who asks next is told at once: {quickest:?}");

    // A new connection, when the one that was chosen fell silent since.
    stand.silent.send(false).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(lonely.search(&search).await.unwrap().len(), 1, "it is found again");
    lonely.reset();
    stand.silent.send(true).unwrap();
    let started = Instant::now();
    lonely.search(&search).await.unwrap_err();
    println!("a logon on a silent domain controller, given up after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_name_that_is_not_ascii_logs_on_over_tls() {
    let settings = DomainSettings { tls_ca: Some(PathBuf::from(variable("FREEHOLD_AD_CA"))), ..settings() };
    let account = credentials("zoë", "Pässwörd.€");
    let connection = Connection::bind_as(&locator(), &settings, &account).await.unwrap();
    assert!(
        connection
            .search_one(&Search::base(&connection.root().domain, &["objectSid"]))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_pool_tries_earlier_passwords_and_then_leaves_the_account_alone() {
    let wrong = || credentials(machine().account(), "no such password");
    let pool = Pool::new(locator(), settings(), move || vec![wrong(), machine()]);
    pool.connect().await.unwrap();
    let pool = Pool::new(locator(), settings(), move || vec![wrong()]);
    assert!(pool.connect().await.unwrap_err().is_wrong_password());
    let again = async || assert!(pool.connect().await.unwrap_err().is_wrong_password());
    let quickest = quickest_of(5, again).await;
    assert!(quickest < Duration::from_millis(50), "the refusal is remembered: {quickest:?}");
}
