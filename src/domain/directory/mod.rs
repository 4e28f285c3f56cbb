//! The directory as a book of names: which account has a SID, which SID a name has, and in which groups an account is.
//!
//! Owns how questions become searches (`questions`), that the same question is asked once however many wait for its answer, and what
//! happens when no domain controller answers: nothing is asked for [`QUIET_FOR`], and what is kept in the [`DirectoryCache`] is used. The
//! cache belongs to `names`; how long its answers count is said there, and what is kept beside it (`details`) counts as long.

mod account;
mod details;
mod everybody;
mod flights;
mod questions;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freehold_dtyp::FileTime;
use parking_lot::Mutex;

pub use account::DirectoryAccount;

use super::ldap::{Entry, LdapError, Pool, Search};
use crate::names::{DirectoryCache, Domain, Questions};
use details::Details;
use flights::Flights;

/// How long a look-up may take in all; a domain controller that fails is replaced by another within.
pub const LOOK_UP_LIMIT: Duration = Duration::from_secs(6);
/// After a look-up that nobody answered nothing is asked for this long.
pub const QUIET_FOR: Duration = Duration::from_secs(5);
/// How often the list of trusted domains is read again.
const TRUSTS_FOR: Duration = Duration::from_secs(60 * 60);

/// Answers searches.
pub trait Source: Send + Sync {
    /// As [`Pool::search`].
    fn search<'a>(
        &'a self,
        search: &'a Search<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, LdapError>> + Send + 'a>>;
}

impl Source for Pool {
    fn search<'a>(
        &'a self,
        search: &'a Search<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Entry>, LdapError>> + Send + 'a>> {
        Box::pin(self.search(search))
    }
}

/// The directory of the domain that this server is a member of.
pub struct Directory {
    source: Arc<dyn Source>,
    cache: Arc<DirectoryCache>,
    domain: Domain,
    /// Distinguished name of the domain.
    base: String,
    /// When the list of trusted domains was read last.
    trusts_read: Mutex<Option<FileTime>>,
    flights: Flights,
    details: Details,
    limit: Duration,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// What the directory cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No domain controller, or it refused.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// No answer in time.
    #[error("the directory has not answered within {} s: `freehold domain test` says what is wrong", LOOK_UP_LIMIT.as_secs())]
    TimedOut,
    /// It has not said within a longer time who is in a group.
    #[error(
        "the directory has not said in time who is in the group: it is asked again later; `freehold domain test` says whether it is slow"
    )]
    Late,
    /// Somebody else has found out a moment ago that no domain controller answers.
    #[error(
        "no domain controller answers: `freehold domain test` says why; it is asked again in a few seconds"
    )]
    Silent,
}

impl Directory {
    /// The directory of `domain`, whose answers go into `cache`, which is told that it is that domain's.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, cache: Arc<DirectoryCache>, domain: Domain) -> Arc<Self> {
        Self::with_limit(source, cache, domain, LOOK_UP_LIMIT)
    }

    fn with_limit(
        source: Arc<dyn Source>,
        cache: Arc<DirectoryCache>,
        domain: Domain,
        limit: Duration,
    ) -> Arc<Self> {
        cache.set_domain(Some(domain.clone()));
        let parts: Vec<String> = domain.dns_name.split('.').map(|part| format!("DC={part}")).collect();
        Arc::new(Directory {
            source,
            cache,
            domain,
            base: parts.join(","),
            trusts_read: Mutex::new(None),
            flights: Flights::default(),
            details: Details::default(),
            limit,
        })
    }

    /// Asks what is still open of `questions`; the answers are in the cache then. Returns in any case, after [`LOOK_UP_LIMIT`] at the
    /// latest; what could not be asked stays open, and nobody asks again for a while.
    pub async fn look_up(&self, questions: &Questions) {
        let open = self.cache.still_open(questions, now());
        if open.is_empty() {
            return;
        }
        match self.limited(self.ask(open)).await {
            Ok(()) => {}
            Err(error) => self.be_silent(&error),
        }
    }

    /// Nothing more is asked for a while.
    fn be_silent(&self, error: &DirectoryError) {
        if !self.cache.is_silent(now()) {
            tracing::warn!(%error, "the directory cannot be asked for names");
        }
        self.cache.be_silent(now().saturating_add(QUIET_FOR));
    }

    /// Asks those of the questions that nobody asks already, and waits for all.
    async fn ask(&self, questions: Questions) -> Result<(), DirectoryError> {
        let (mine, others) = self.flights.board(questions);
        if !mine.questions().is_empty() {
            self.read_trusts().await?;
            self.ask_sids(mine.questions()).await?;
            self.ask_names(mine.questions()).await?;
        }
        drop(mine);
        for other in others {
            other.landed().await;
        }
        Ok(())
    }

    async fn limited<T, E: Into<DirectoryError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DirectoryError> {
        match tokio::time::timeout(self.limit, work).await {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err(DirectoryError::TimedOut),
        }
    }

    async fn search(&self, base: &str, filter: &str, attributes: &[&str]) -> Result<Vec<Entry>, LdapError> {
        self.source.search(&Search::new(base, filter, attributes)).await
    }

    /// The domains that this one trusts: their accounts have names too.
    async fn read_trusts(&self) -> Result<(), LdapError> {
        let at = now();
        let fresh = |read: FileTime| at.0.saturating_sub(read.0) < filetime(TRUSTS_FOR);
        if self.trusts_read.lock().is_some_and(fresh) {
            return Ok(());
        }
        let base = format!("CN=System,{}", self.base);
        let entries = self.search(&base, "(objectClass=trustedDomain)", &questions::TRUST_ATTRIBUTES).await?;
        self.cache.set_trusted(entries.iter().filter_map(questions::trusted_domain).collect());
        *self.trusts_read.lock() = Some(at);
        Ok(())
    }

    async fn ask_sids(&self, questions: &Questions) -> Result<(), LdapError> {
        let sids: Vec<_> = questions.sids.iter().copied().collect();
        for some in sids.chunks(questions::QUESTIONS_PER_SEARCH) {
            let filter = questions::sids_filter(some);
            let entries = self.search(&self.base, &filter, &account::ATTRIBUTES).await?;
            let at = now();
            self.remember(&entries, at);
            for sid in some {
                self.cache.put_sid(*sid, questions::answer_to_sid(&self.domain, &entries, sid), at);
            }
        }
        Ok(())
    }

    async fn ask_names(&self, questions: &Questions) -> Result<(), LdapError> {
        let names: Vec<_> = questions.names.iter().collect();
        for some in names.chunks(questions::QUESTIONS_PER_SEARCH) {
            let entries = match questions::names_filter(&self.domain, some) {
                Some(filter) => self.search(&self.base, &filter, &account::ATTRIBUTES).await?,
                None => Vec::new(),
            };
            let at = now();
            self.remember(&entries, at);
            for name in some {
                self.cache.put_name(name, questions::answer_to_name(&self.domain, &entries, name), at);
            }
        }
        Ok(())
    }
}

fn now() -> FileTime {
    FileTime::from_system_time(SystemTime::now())
}

/// A duration in units of a FILETIME.
fn filetime(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX)
}
