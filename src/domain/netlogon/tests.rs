//! The member against fake domain controllers.

use std::sync::atomic::Ordering;

use freehold_dtyp::FileTime;

use super::fake::{FakeController, SESSION_KEY};
use super::messages::{OFFERED, SUPPORTS_AES};
use super::*;
use crate::auth::PassThrough;
use crate::state::MachinePassword;

const PASSWORD: &str = "Machine.Passw0rd";

struct Site {
    membership: Mutex<Arc<Membership>>,
    /// Controllers in the order in which they are tried; those that failed go to the end.
    controllers: Mutex<Vec<Controller>>,
}

struct AtSite(Arc<Site>);

impl Surroundings for AtSite {
    fn membership(&self) -> Option<Arc<Membership>> {
        Some(Arc::clone(&self.0.membership.lock()))
    }

    fn find(&self) -> Find<'_> {
        let first = self.0.controllers.lock().first().cloned();
        Box::pin(std::future::ready(first))
    }

    fn failed(&self, controller: &Controller) {
        let mut controllers = self.0.controllers.lock();
        if controllers.first() == Some(controller) {
            controllers.rotate_left(1);
        }
    }
}

fn password(text: &str, not_after: Option<FileTime>) -> MachinePassword {
    MachinePassword { text: Zeroizing::new(text.to_owned()), not_after }
}

fn membership() -> Membership {
    Membership {
        dns_domain: "corp.example".to_owned(),
        netbios_domain: "CORP".to_owned(),
        domain_sid: "S-1-5-21-1-2-3".parse().unwrap(),
        forest: "corp.example".to_owned(),
        computer_name: "MEMBER".to_owned(),
        computer_dn: "CN=MEMBER,DC=corp,DC=example".to_owned(),
        dns_host_name: "member.corp.example".to_owned(),
        aliases: Vec::new(),
        site: None,
        password: password(PASSWORD, None),
        earlier_passwords: Vec::new(),
        pending_password: None,
        keys: Vec::new(),
        joined: FileTime::default(),
        password_changed: FileTime::default(),
    }
}

fn member_of(controllers: &[&FakeController]) -> (Netlogon, Arc<Site>) {
    let site = Arc::new(Site {
        membership: Mutex::new(Arc::new(membership())),
        controllers: Mutex::new(controllers.iter().map(|controller| controller.controller()).collect()),
    });
    (Netlogon::new(Box::new(AtSite(Arc::clone(&site)))), site)
}

fn query(user: &str) -> AccountQuery {
    AccountQuery {
        user: user.to_owned(),
        domain: "CORP".to_owned(),
        workstation: "CLIENT".to_owned(),
        pass_through: PassThrough {
            server_challenge: [1, 2, 3, 4, 5, 6, 7, 8],
            nt_response: vec![7; 300],
            lm_response: Vec::new(),
        },
    }
}

fn status(result: Result<Verified, LogonError>) -> LogonError {
    result.map(|verified| verified.authorization.account_name).unwrap_err()
}

#[tokio::test]
async fn a_user_is_verified_and_the_channel_is_kept() {
    let controller = FakeController::start("dc1", PASSWORD).await;
    let (netlogon, _) = member_of(&[&controller]);
    for _ in 0..3 {
        let verified = netlogon.verify(&query("alice")).await.unwrap();
        assert_eq!(*verified.session_base_key, SESSION_KEY);
        assert_eq!(verified.authorization.user.to_string(), "S-1-5-21-1-2-3-1103");
        // The answer has several kilobytes, and the primary group was added.
        assert_eq!(verified.authorization.groups.len(), 1_001);
    }
    assert_eq!(controller.behaviour.handshakes.load(Ordering::Relaxed), 1);
    // Endpoint mapper, handshake, sealed.
    assert_eq!(controller.behaviour.connections.load(Ordering::Relaxed), 3);
    assert_eq!(netlogon.controller().as_deref(), Some("dc1"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    use crate::auth::AuthError;

    let controller = FakeController::start("dc1", PASSWORD).await;
    let (netlogon, _) = member_of(&[&controller]);
    let cases = [
        ("c000006a", AuthError::LogonFailure),
        ("c0000064", AuthError::LogonFailure),
        ("c0000072", AuthError::AccountDisabled),
        ("c0000193", AuthError::AccountExpired),
        ("c0000234", AuthError::AccountLockedOut),
        ("c0000224", AuthError::PasswordMustChange),
        ("c0000071", AuthError::PasswordExpired),
        ("c0000070", AuthError::InvalidWorkstation),
        ("c000006f", AuthError::InvalidLogonHours),
        ("c000006e", AuthError::AccountRestriction),
        ("c000015b", AuthError::LogonTypeNotGranted),
        ("c0000418", AuthError::NtlmBlocked),
        ("c0000413", AuthError::AuthenticationFirewall),
        ("c000018c", AuthError::TrustedDomainFailure),
        ("c000005e", AuthError::NoLogonServers),
        // Of a status that means nothing to a client.
        ("c0000001", AuthError::LogonFailure),
    ];
    for (user, expected) in cases {
        assert_eq!(status(netlogon.verify(&query(user)).await).auth_error(), expected, "{user}");
    }
    assert_eq!(
        status(netlogon.verify(&query("nobody")).await),
        LogonError::Refused { status: NtStatus::NO_SUCH_USER, authoritative: false }
    );
    let guest = LogonError::Refused { status: NtStatus::LOGON_FAILURE, authoritative: true };
    assert_eq!(status(netlogon.verify(&query("guest")).await), guest);
    assert_eq!(controller.behaviour.handshakes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_controller_that_restarts_is_authenticated_to_anew() {
    let controller = FakeController::start("dc1", PASSWORD).await;
    let (netlogon, _) = member_of(&[&controller]);
    netlogon.verify(&query("alice")).await.unwrap();
    controller.restart();
    netlogon.verify(&query("alice")).await.unwrap();
    assert_eq!(controller.behaviour.handshakes.load(Ordering::Relaxed), 2);
    // A domain controller that forgot the key drops new connections.
    controller.restart();
    netlogon.check().await.unwrap();
    assert_eq!(controller.behaviour.handshakes.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_controller_that_stops_is_replaced() {
    let (first, second) =
        (FakeController::start("dc1", PASSWORD).await, FakeController::start("dc2", PASSWORD).await);
    let (netlogon, _) = member_of(&[&first, &second]);
    netlogon.verify(&query("alice")).await.unwrap();
    first.stop();
    let begun = Instant::now();
    netlogon.verify(&query("alice")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(netlogon.controller().as_deref(), Some("dc2"));
    second.stop();
    assert_eq!(status(netlogon.verify(&query("alice")).await), LogonError::NoLogonServers);
    assert!(begun.elapsed() < REACH_LIMIT);
}

#[tokio::test]
async fn a_controller_that_falls_silent_is_replaced_for_all_who_wait() {
    let (first, second) =
        (FakeController::start("dc1", PASSWORD).await, FakeController::start("dc2", PASSWORD).await);
    let (netlogon, _) = member_of(&[&first, &second]);
    netlogon.verify(&query("alice")).await.unwrap();
    first.behaviour.silent.store(true, Ordering::Relaxed);
    let netlogon = Arc::new(netlogon);
    let begun = Instant::now();
    let logons: Vec<_> = (0..100)
        .map(|_| {
            let netlogon = Arc::clone(&netlogon);
            tokio::spawn(async move { netlogon.verify(&query("bob")).await.map(|_| ()) })
        })
        .collect();
    for logon in logons {
        logon.await.unwrap().unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(second.behaviour.handshakes.load(Ordering::Relaxed), 1);
    assert_eq!(second.behaviour.logons.load(Ordering::Relaxed), 100);
}

#[tokio::test]
async fn with_every_controller_silent_all_fail_in_time() {
    let controller = FakeController::start("dc1", PASSWORD).await;
    controller.behaviour.silent.store(true, Ordering::Relaxed);
    let (netlogon, _) = member_of(&[&controller]);
    let netlogon = Arc::new(netlogon);
    let begun = Instant::now();
    let logons: Vec<_> = (0..20)
        .map(|_| {
            let netlogon = Arc::clone(&netlogon);
            tokio::spawn(async move { status(netlogon.verify(&query("alice")).await) })
        })
        .collect();
    for logon in logons {
        assert_eq!(logon.await.unwrap(), LogonError::NoLogonServers);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_slow_controller_that_lives_is_waited_for() {
    let controller = FakeController::start("dc1", PASSWORD).await;
    let (netlogon, _) = member_of(&[&controller]);
    *controller.behaviour.delay.lock() = Duration::from_millis(2_600);
    netlogon.verify(&query("alice")).await.unwrap();
    assert_eq!(controller.behaviour.handshakes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_earlier_password_counts_while_it_may() {
    let controller = FakeController::start("dc1", "Earlier.Passw0rd").await;
    let (netlogon, site) = member_of(&[&controller]);
    let refused = LogonError::Trust(NtStatus::ACCESS_DENIED);
    assert_eq!(status(netlogon.verify(&query("alice")).await), refused);
    assert_eq!(refused.auth_error(), crate::auth::AuthError::TrustFailure);
    let mut changed = membership();
    let past = FileTime::from_unix(1_000_000_000, 0);
    changed.earlier_passwords = vec![password("Earlier.Passw0rd", Some(past))];
    *site.membership.lock() = Arc::new(changed.clone());
    assert_eq!(status(netlogon.verify(&query("alice")).await), refused);
    changed.earlier_passwords = vec![password("Earlier.Passw0rd", None)];
    *site.membership.lock() = Arc::new(changed);
    netlogon.verify(&query("alice")).await.unwrap();
}

#[tokio::test]
async fn weak_and_changed_agreements_are_refused() {
    let controller = FakeController::start("dc1", PASSWORD).await;
    let (netlogon, _) = member_of(&[&controller]);
    for flags in [
        (OFFERED & !SUPPORTS_AES, OFFERED & !SUPPORTS_AES),
        (OFFERED, OFFERED & !0x10),
        (OFFERED & !0x10, OFFERED),
    ] {
        *controller.behaviour.flags.lock() = flags;
        assert_eq!(status(netlogon.verify(&query("alice")).await), LogonError::NoLogonServers, "{flags:x?}");
        assert_eq!(controller.behaviour.logons.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_better_controller_is_returned_to() {
    let (first, second) =
        (FakeController::start("dc1", PASSWORD).await, FakeController::start("dc2", PASSWORD).await);
    let (netlogon, site) = member_of(&[&second]);
    netlogon.verify(&query("alice")).await.unwrap();
    site.controllers.lock().insert(0, first.controller());
    netlogon.return_to_the_best().await;
    netlogon.verify(&query("alice")).await.unwrap();
    assert_eq!(netlogon.controller().as_deref(), Some("dc1"));
}
