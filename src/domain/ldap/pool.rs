//! Connections of the machine account: a few, shared, made anew on another domain controller when one fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Connection, Entry, LdapError, Search};
use crate::config::DomainSettings;
use crate::domain::kdc::Credentials;
use crate::domain::locator::Locator;

/// Connections at the same time: one does for all, more keep a large answer from delaying small ones.
const CONNECTIONS_LIMIT: usize = 4;
/// Calls on one connection before another is opened.
const CALLS_BEFORE_ANOTHER: usize = 4;
/// Idle connections are closed before domain controllers do it (MaxConnIdleTime: 15 minutes).
const IDLE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Domain controllers that are tried for one call.
const TRIES: usize = 3;
/// How long nobody logs on again after the machine account's password was refused: each try counts towards a lock-out.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// How long nobody tries again after no connection could be had for another reason: those who wait are all told at once.
const FAILED_FOR: Duration = Duration::from_secs(2);

/// Who logs on: the machine account with its password, then with earlier ones, which a domain controller that has not heard of the latest
/// still knows. None when this server is no member.
pub trait CredentialSource: Send + Sync {
    /// In the order in which they are tried.
    fn credentials(&self) -> Vec<Credentials>;
}

impl<F: Fn() -> Vec<Credentials> + Send + Sync> CredentialSource for F {
    fn credentials(&self) -> Vec<Credentials> {
        self()
    }
}

/// The connections.
pub struct Pool {
    locator: Arc<Locator>,
    settings: DomainSettings,
    source: Box<dyn CredentialSource>,
    open: Mutex<Vec<Arc<Connection>>>,
    /// Until when nobody connects, and why.
    refused: Mutex<Option<(Instant, LdapError)>>,
    opening: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} connections)", self.open.lock().len())
    }
}

impl Pool {
    /// A pool without connections yet.
    #[must_use]
    pub fn new(
        locator: Arc<Locator>,
        settings: DomainSettings,
        source: impl CredentialSource + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            locator,
            settings,
            source: Box::new(source),
            open: Mutex::new(Vec::new()),
            refused: Mutex::new(None),
            opening: tokio::sync::Mutex::new(()),
        })
    }

    /// A connection, shared with others: the least busy one, a new one when all are busy or none is there.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn connect(&self) -> Result<Arc<Connection>, LdapError> {
        if let Some(connection) = self.idle() {
            return Ok(connection);
        }
        let _opening = self.opening.lock().await;
        // Who opened one before us may have done so for us.
        if let Some(connection) = self.idle() {
            return Ok(connection);
        }
        if let Some((until, error)) = &*self.refused.lock()
            && *until > Instant::now()
        {
            return self.least_busy().ok_or_else(|| error.clone());
        }
        let connection = match self.open().await {
            Ok(connection) => Arc::new(connection),
            Err(error) => {
                let lasts = if error.is_wrong_password() { REFUSED_FOR } else { FAILED_FOR };
                *self.refused.lock() = Some((Instant::now() + lasts, error.clone()));
                // Busy ones are better than none.
                return self.least_busy().ok_or(error);
            }
        };
        self.open.lock().push(Arc::clone(&connection));
        Ok(connection)
    }

    /// [`Connection::search`] on a connection of the pool; on another domain controller when one does not answer.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn search(&self, search: &Search<'_>) -> Result<Vec<Entry>, LdapError> {
        let mut last = LdapError::NoAccount;
        for _ in 0..TRIES {
            let connection = self.connect().await?;
            match connection.search(search).await {
                Err(error) if error.is_unreachable() => {
                    self.failed(&connection).await;
                    last = error;
                }
                outcome => return outcome,
            }
        }
        Err(last)
    }

    /// [`Connection::search_one`] in the same way.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn search_one(&self, search: &Search<'_>) -> Result<Option<Entry>, LdapError> {
        match self.search(&Search { limit: 1, ..search.clone() }).await {
            Ok(entries) => Ok(entries.into_iter().next()),
            Err(error) if error.is_no_such_object() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Closes all connections and forgets refusals: the account or its password has changed. Calls that run go on.
    pub fn reset(&self) {
        self.open.lock().clear();
        *self.refused.lock() = None;
    }

    /// Puts a connection away that did not answer, and its domain controller aside unless only the connection was lost. For those who
    /// use a connection of [`Self::connect`] themselves.
    pub async fn failed(&self, connection: &Arc<Connection>) {
        self.open.lock().retain(|open| !Arc::ptr_eq(open, connection));
        // A domain controller that was restarted has closed its connections and is there again.
        if connection.gone.load(Ordering::Relaxed) || !self.locator.is_alive(connection.dc()).await {
            self.locator.failed(connection.dc());
        }
    }

    fn idle(&self) -> Option<Arc<Connection>> {
        let current = self.locator.current();
        let mut open = self.open.lock();
        open.retain(|connection| {
            let busy = connection.in_flight.load(Ordering::Relaxed) > 0;
            // Those to another domain controller than the one that was chosen since end with their calls.
            let wanted = current.as_ref().is_none_or(|dc| dc.address == connection.dc().address);
            connection.is_usable() && (busy || (wanted && connection.last_used.lock().elapsed() < IDLE_LIMIT))
        });
        let full = open.len() >= CONNECTIONS_LIMIT;
        let least = open.iter().min_by_key(|connection| connection.in_flight.load(Ordering::Relaxed))?;
        let calls = least.in_flight.load(Ordering::Relaxed);
        (full || calls < CALLS_BEFORE_ANOTHER).then(|| Arc::clone(least))
    }

    fn least_busy(&self) -> Option<Arc<Connection>> {
        let open = self.open.lock();
        let usable = open.iter().filter(|connection| connection.is_usable());
        usable.min_by_key(|connection| connection.in_flight.load(Ordering::Relaxed)).map(Arc::clone)
    }

    async fn open(&self) -> Result<Connection, LdapError> {
        let mut last = LdapError::NoAccount;
        for _ in 0..TRIES {
            let dc = self.locator.find().await?;
            let mut refused = None;
            for credentials in self.source.credentials() {
                match Connection::open(&dc, &self.locator, &self.settings, &credentials).await {
                    Ok(connection) => {
                        self.locator.succeeded(&dc);
                        return Ok(connection);
                    }
                    Err(error) if error.is_wrong_password() => {
                        refused.get_or_insert(error);
                    }
                    Err(error) if error.is_unreachable() => {
                        self.locator.failed(&dc);
                        refused = None;
                        last = error;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            if let Some(error) = refused {
                tracing::error!(%error, "the machine account cannot log on");
                return Err(error);
            }
            if matches!(last, LdapError::NoAccount) {
                break;
            }
        }
        Err(last)
    }
}
