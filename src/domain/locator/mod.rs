//! Which domain controller to talk to ([MS-NRPC] 3.5.4.3.1 DsrGetDcNameEx2, [MS-ADTS] 6.3.6 Locating a Domain Controller).
//!
//! Owns the choice: candidates from the DNS or from the configuration, an LDAP ping of several at a time, the site of this server,
//! what is remembered, and which domain controllers are left aside for a while because they failed. [`Locator::find`] answers from
//! memory on the hot way and asks the network once for all who wait.
//!
//! ```text
//!             find, none known               first good answer
//!  unknown ----------------------> asking --------------------> known --(RECHECK_AFTER: asked again in the background)--> known
//!     ^                              | nobody answers            |
//!     |                              v                           | failed(dc)
//!     '--(MISSING_FOR)---------- missing                         '--> unknown, and dc left aside for QUARANTINE, doubling
//! ```

mod candidates;
mod ping;
mod response;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

pub use response::{DcFlags, SamLogonResponseEx};

use super::dns::DnsError;
use crate::config::DomainSettings;
use candidates::{Discovery, Knowledge};

/// What is looked for, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    dns_domain: String,
    settings: DomainSettings,
}

/// A domain controller that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainController {
    /// Its fully qualified name, as it says itself: what tickets for it are named after.
    pub host: String,
    /// The address that answered.
    pub address: IpAddr,
    /// The site it is in.
    pub site: String,
    /// The site of this server, when a subnet is defined for its address.
    pub client_site: Option<String>,
    /// DNS name of the domain.
    pub dns_domain: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// NetBIOS name of the domain controller.
    pub netbios_name: String,
    /// DNS name of the forest.
    pub forest: String,
    /// What it is able to do.
    pub flags: DcFlags,
}

impl DomainController {
    /// True when it is in the site of this server or the one closest to it, or when this server is in no site.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.client_site.is_none() || self.flags.has(DcFlags::CLOSEST)
    }
}

/// No domain controller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// The DNS lists none, or is not to be asked.
    #[error("no domain controller of {domain} found: {error}")]
    Dns {
        /// The domain.
        domain: String,
        /// What the DNS said.
        error: DnsError,
    },
    /// Those that are listed do not answer.
    #[error(
        "no domain controller of {domain} answers ({tried}); check the network, and ports 389 (UDP and TCP) and 88 to them"
    )]
    NoneAnswers {
        /// The domain.
        domain: String,
        /// Who was asked and what came of it.
        tried: String,
    },
}

/// How long a choice is good before it is looked at again.
const RECHECK_AFTER: Duration = Duration::from_secs(15 * 60);
/// How soon it is looked at again when it is not in this server's site.
const RECHECK_FAR_AFTER: Duration = Duration::from_secs(5 * 60);
/// How long those who ask are told at once that there is none, before the network is asked again.
const MISSING_FOR: Duration = Duration::from_secs(2);
/// How long a domain controller that failed is not chosen while another one answers; doubles with each failure in a row.
const QUARANTINE: Duration = Duration::from_secs(30);
/// The most that it grows to.
const QUARANTINE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Domain controllers whose failures are remembered.
const FAILURES_LIMIT: usize = 1024;
/// How long [`Locator::is_alive`] waits.
const ALIVE_LIMIT: Duration = Duration::from_millis(900);

/// Finds domain controllers.
#[derive(Debug)]
pub struct Locator {
    target: Target,
    known: ArcSwapOption<Known>,
    knowledge: Mutex<Knowledge>,
    missing: Mutex<Option<(Instant, LocateError)>>,
    failures: Mutex<HashMap<IpAddr, Failure>>,
    asking: tokio::sync::Mutex<()>,
    rechecking: std::sync::atomic::AtomicBool,
}

#[derive(Debug)]
struct Known {
    dc: Arc<DomainController>,
    recheck_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    until: Instant,
    lasts: Duration,
}

impl Locator {
    /// A locator of domain controllers of `dns_domain` that knows none yet. Nothing is asked before [`Self::find`].
    #[must_use]
    pub fn new(dns_domain: &str, settings: &DomainSettings) -> Arc<Self> {
        Arc::new(Self {
            target: Target { dns_domain: dns_domain.to_lowercase(), settings: settings.clone() },
            known: ArcSwapOption::empty(),
            knowledge: Mutex::default(),
            missing: Mutex::new(None),
            failures: Mutex::new(HashMap::new()),
            asking: tokio::sync::Mutex::new(()),
            rechecking: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// DNS name of the domain.
    #[must_use]
    pub fn dns_domain(&self) -> &str {
        &self.target.dns_domain
    }

    /// A domain controller: the one known, else the first that answers, those in this server's site preferred. About 4 s at most.
    ///
    /// # Errors
    /// [`LocateError`]. It is repeated without asking for 2 s.
    pub async fn find(self: &Arc<Self>) -> Result<Arc<DomainController>, LocateError> {
        if let Some(dc) = self.known() {
            return Ok(dc);
        }
        // Who does not wait any longer does not end the search: the next one would begin it anew, and wait no longer either.
        let locator = Arc::clone(self);
        tokio::spawn(async move { locator.ask().await }).await.unwrap_or_else(|error| {
            Err(LocateError::NoneAnswers {
                domain: self.target.dns_domain.clone(),
                tried: format!("the search did not end: {error}"),
            })
        })
    }

    async fn ask(self: Arc<Self>) -> Result<Arc<DomainController>, LocateError> {
        let _asking = self.asking.lock().await;
        // Who asked before us may have found one, or found that there is none.
        if let Some(dc) = self.known() {
            return Ok(dc);
        }
        if let Some((since, error)) = &*self.missing.lock()
            && since.elapsed() < MISSING_FOR
        {
            return Err(error.clone());
        }
        match self.discover().await {
            Ok(dc) => Ok(dc),
            Err(error) => {
                *self.missing.lock() = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Stays with `dc`, which has just done something for this server that the others will hear of later.
    pub fn stay_with(&self, dc: Arc<DomainController>) {
        self.adopt(dc);
    }

    /// The domain controller that [`Self::find`] would answer without asking the network.
    #[must_use]
    pub fn current(&self) -> Option<Arc<DomainController>> {
        self.known.load().as_ref().map(|known| Arc::clone(&known.dc))
    }

    /// Leaves `dc` aside for a while: it did not do what it should. The next [`Self::find`] gives another one if any answers.
    pub fn failed(&self, dc: &DomainController) {
        let now = Instant::now();
        {
            let mut failures = self.failures.lock();
            if failures.len() >= FAILURES_LIMIT {
                failures.retain(|_, failure| failure.until > now);
            }
            let lasts = match failures.get(&dc.address) {
                // Those who used it at the same time report the same failure: it counts once.
                Some(failure) if failure.until > now => failure.lasts,
                Some(failure) => failure.lasts.saturating_mul(2).min(QUARANTINE_LIMIT),
                None => QUARANTINE,
            };
            failures.insert(dc.address, Failure { until: now + lasts, lasts });
        }
        self.forget(dc);
        tracing::warn!(host = %dc.host, address = %dc.address, "domain controller failed, looking for another");
    }

    /// `dc` did what it should: what it failed before is forgotten.
    pub fn succeeded(&self, dc: &DomainController) {
        self.failures.lock().remove(&dc.address);
    }

    /// Asks `dc` itself whether it is there; answers within 0.9 s. For those who wait for a reply and wonder.
    pub async fn is_alive(&self, dc: &DomainController) -> bool {
        ping::ping(dc.address, &self.target.dns_domain, ALIVE_LIMIT).await.is_ok()
    }

    /// Every domain controller that the DNS or the configuration lists, each with its answer, for a report to an administrator.
    ///
    /// # Errors
    /// [`LocateError`] when there is no list.
    pub async fn survey(
        &self,
    ) -> Result<Vec<(String, IpAddr, Result<DomainController, String>)>, LocateError> {
        Discovery::new(&self.target, Knowledge::default()).survey().await
    }

    fn known(self: &Arc<Self>) -> Option<Arc<DomainController>> {
        let known = self.known.load_full()?;
        if known.recheck_at <= Instant::now() {
            self.recheck();
        }
        Some(Arc::clone(&known.dc))
    }

    /// Looks again in the background, so that nobody waits: the site's own domain controller may be back.
    fn recheck(self: &Arc<Self>) {
        use std::sync::atomic::Ordering::AcqRel;
        if self.rechecking.swap(true, AcqRel) {
            return;
        }
        let locator = Arc::clone(self);
        tokio::spawn(async move {
            let _asking = locator.asking.lock().await;
            locator.look_again().await;
            locator.rechecking.store(false, std::sync::atomic::Ordering::Release);
        });
    }

    /// Stays with a domain controller that is near and there: those who use it have connections to it. Leaves one that is not near for
    /// one that is.
    async fn look_again(&self) {
        let Some(dc) = self.current() else { return };
        let alive = self.is_alive(&dc).await;
        if alive && dc.is_near() {
            return self.keep(&dc);
        }
        match self.search().await {
            Ok(found) if found.is_near() || !alive => self.adopt(found),
            // Nothing better is to be had. Whether it is still good is found out by those who use it.
            _ => self.keep(&dc),
        }
    }

    /// Remembers it for longer, unless somebody found out meanwhile that it failed.
    fn keep(&self, dc: &Arc<DomainController>) {
        if self.current().is_some_and(|current| current.address == dc.address) {
            self.remember(dc);
        }
    }

    async fn discover(&self) -> Result<Arc<DomainController>, LocateError> {
        let found = self.search().await?;
        self.adopt(Arc::clone(&found));
        Ok(found)
    }

    async fn search(&self) -> Result<Arc<DomainController>, LocateError> {
        let started = Instant::now();
        let avoided = |address: IpAddr| {
            self.failures.lock().get(&address).is_some_and(|failure| failure.until > started)
        };
        let knowledge = self.knowledge.lock().clone();
        let (dc, knowledge) = Discovery::new(&self.target, knowledge).run(&avoided).await?;
        *self.knowledge.lock() = knowledge;
        tracing::debug!(host = %dc.host, took_ms = started.elapsed().as_millis(), "domain controller answered");
        Ok(Arc::new(dc))
    }

    fn adopt(&self, dc: Arc<DomainController>) {
        if self.current().is_none_or(|before| before.address != dc.address) {
            tracing::info!(host = %dc.host, address = %dc.address, site = %dc.site, "domain controller found");
        }
        self.remember(&dc);
    }

    fn remember(&self, dc: &Arc<DomainController>) {
        let after = if dc.is_near() { RECHECK_AFTER } else { RECHECK_FAR_AFTER };
        self.known.store(Some(Arc::new(Known { dc: Arc::clone(dc), recheck_at: Instant::now() + after })));
        *self.missing.lock() = None;
    }

    fn forget(&self, dc: &DomainController) {
        self.known.rcu(|known| known.clone().filter(|known| known.dc.address != dc.address));
    }
}

/// For the fuzz target: reads `bytes` as the answer to a ping.
#[cfg(fuzzing)]
pub fn read_any(bytes: &[u8]) {
    ping::read_any(bytes);
    let _ = response::SamLogonResponseEx::decode(bytes);
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;

    use super::{DcFlags, DomainController};

    /// A domain controller called `host`, near.
    pub fn controller(host: &str) -> Arc<DomainController> {
        Arc::new(DomainController {
            host: host.to_owned(),
            address: [192, 0, 2, 1].into(),
            site: "Here".to_owned(),
            client_site: Some("Here".to_owned()),
            dns_domain: "corp.example".to_owned(),
            netbios_domain: "CORP".to_owned(),
            netbios_name: "DC1".to_owned(),
            forest: "corp.example".to_owned(),
            flags: DcFlags(0x1fd),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::testing::controller as dc;
    use super::{Arc, DcFlags, DomainController, LocateError, Locator};
    use crate::config::DomainSettings;

    fn locator() -> Arc<Locator> {
        // Nobody listens there: every question fails at once.
        let dns_servers = vec!["127.0.0.1:9".parse().unwrap()];
        Locator::new("corp.example", &DomainSettings { dns_servers, ..DomainSettings::default() })
    }

    #[tokio::test]
    async fn a_known_one_is_answered_without_a_question_until_it_fails() {
        let locator = locator();
        locator.remember(&dc("dc1"));
        assert_eq!(locator.find().await.unwrap().host, "dc1");
        locator.failed(&dc("dc1"));
        assert!(locator.current().is_none());
        assert!(matches!(locator.find().await, Err(LocateError::Dns { .. })));
    }

    #[tokio::test]
    async fn that_there_is_none_is_told_again_without_asking() {
        let locator = locator();
        let first = locator.find().await.unwrap_err();
        // The quickest of some: a thread may be set aside for a while.
        let mut took = Vec::new();
        for _ in 0..10 {
            let started = Instant::now();
            assert_eq!(locator.find().await.unwrap_err(), first);
            took.push(started.elapsed());
        }
        assert!(took.iter().min().is_some_and(|least| *least < Duration::from_millis(100)), "{took:?}");
    }

    #[test]
    fn near_is_what_the_domain_controller_says_or_no_site() {
        let near = |client_site: Option<&str>, flags| {
            let client_site = client_site.map(str::to_owned);
            DomainController { client_site, flags: DcFlags(flags), ..DomainController::clone(&dc("dc1")) }
                .is_near()
        };
        assert!(near(Some("Here"), DcFlags::CLOSEST));
        assert!(!near(Some("There"), DcFlags::WRITABLE));
        assert!(near(None, DcFlags::WRITABLE));
    }

    #[tokio::test]
    async fn looking_again_keeps_what_is_known_when_nothing_better_answers() {
        let locator = locator();
        let mut far = DomainController::clone(&dc("dc1"));
        far.flags = DcFlags(DcFlags::WRITABLE);
        far.address = [127, 0, 0, 1].into();
        locator.remember(&Arc::new(far));
        locator.look_again().await;
        assert_eq!(locator.current().unwrap().host, "dc1");
    }

    #[test]
    fn failures_at_the_same_time_count_once_and_later_ones_double() {
        let locator = locator();
        locator.failed(&dc("dc1"));
        locator.failed(&dc("dc1"));
        let first = locator.failures.lock()[&dc("dc1").address];
        assert_eq!(first.lasts, super::QUARANTINE);
        locator.failures.lock().get_mut(&dc("dc1").address).unwrap().until = Instant::now();
        locator.failed(&dc("dc1"));
        assert_eq!(locator.failures.lock()[&dc("dc1").address].lasts, super::QUARANTINE * 2);
        locator.succeeded(&dc("dc1"));
        assert!(locator.failures.lock().is_empty());
    }
}
