//! NTLM logons of domain users, by pass-through ([MS-APDS] 3.1) over the Netlogon secure channel ([MS-NRPC]).
//!
//! Owns the one secure channel that this member has at a time, its renewal and the choice of another domain controller. A logon
//! that finds no channel makes one; those that come meanwhile wait for it and share its outcome. Whoever can be reached answers:
//! a domain controller that gives no sign of life for two seconds is given up, with every call that waits for it.
//!
//! Knows nothing of sessions and of local accounts: whether a domain controller is asked at all is the server's choice.

mod channel;
mod crypto;
mod error;
mod messages;
mod validation;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use freehold_dtyp::NtStatus;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::auth::{AccountQuery, Authorization};
use crate::domain::Domain;
use crate::domain::locator::Locator;
use crate::state::{Membership, State};
use channel::{CallError, Channel};
pub use error::LogonError;
use error::{ChannelError, asks_for_another};

/// A domain controller must be found and a channel to it be made within this time, other domain controllers included.
const REACH_LIMIT: Duration = Duration::from_secs(4);
/// A channel to one domain controller must be made within this time.
const OPEN_LIMIT: Duration = Duration::from_secs(2);
/// A domain controller that lives may take this long for a logon: it may have to ask one of a trusted domain.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Channels that one logon uses before it gives up.
const MAX_ATTEMPTS: usize = 4;
/// How often the channel is looked after while nothing happens.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(60);

/// [MS-RPCE] 2.1.1.1: where endpoint mappers listen.
const ENDPOINT_MAPPER_PORT: u16 = 135;

/// A domain controller to make a channel to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its DNS name.
    pub host: String,
    /// Where its endpoint mapper listens: port 135.
    pub endpoint_mapper: SocketAddr,
}

/// A future that the [`Surroundings`] answer with.
pub type Find<'a> = Pin<Box<dyn Future<Output = Option<Controller>> + Send + 'a>>;

/// What the client needs to know from others.
pub trait Surroundings: Send + Sync {
    /// The membership, as it is now.
    fn membership(&self) -> Option<Arc<Membership>>;
    /// The domain controller to use now; `None` when none is known to live.
    fn find(&self) -> Find<'_>;
    /// This one did not answer: another one is wanted for a while.
    fn failed(&self, controller: &Controller);
}

/// A user whom a domain controller verified.
pub struct Verified {
    /// Who that is.
    pub authorization: Authorization,
    /// UserSessionKey: the base of the session's keys.
    pub session_base_key: Zeroizing<[u8; 16]>,
}

/// The member's side of Netlogon.
pub struct Netlogon {
    surroundings: Box<dyn Surroundings>,
    present: Mutex<Option<Arc<Channel>>>,
    /// Held by whoever makes a channel.
    making: tokio::sync::Mutex<Making>,
}

/// What came of the last attempt to make a channel.
#[derive(Default)]
struct Making {
    failed: Option<(Instant, LogonError)>,
}

impl std::fmt::Debug for Netlogon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Netlogon({:?})", self.controller())
    }
}

impl Netlogon {
    /// Of a running server. Nothing is asked of anybody yet.
    pub(super) fn of_member(state: Weak<State>, locator: Arc<Locator>) -> Self {
        Netlogon::new(Box::new(OfMember { state, locator }))
    }

    /// Without a channel yet.
    #[must_use]
    pub fn new(surroundings: Box<dyn Surroundings>) -> Self {
        Netlogon { surroundings, present: Mutex::new(None), making: tokio::sync::Mutex::default() }
    }

    /// Lets a domain controller verify what a client answered to this server's challenge.
    ///
    /// # Errors
    /// When it refuses the user, and when none can be asked: after about five seconds at most while none lives.
    pub async fn verify(&self, query: &AccountQuery) -> Result<Verified, LogonError> {
        let begun = Instant::now();
        for _ in 0..MAX_ATTEMPTS {
            let channel = self.channel(begun + REACH_LIMIT).await?;
            let host = &channel.controller().host;
            match channel.sam_logon(query, begun + ANSWER_LIMIT).await {
                Ok(result) if asks_for_another(result.status) => {
                    tracing::warn!(controller = host, status = ?result.status, "the domain controller verifies nobody now");
                    self.give_up(&channel, true);
                }
                Ok(result) => return judge(result),
                Err(CallError::Gone) => {
                    if channel.is_up() {
                        tracing::warn!(controller = host, "the domain controller gives no sign of life");
                    }
                    self.give_up(&channel, true);
                }
                Err(CallError::Stale(error)) => {
                    tracing::info!(controller = host, %error, "the secure channel is made anew");
                    self.give_up(&channel, false);
                }
                Err(CallError::TooSlow) => {
                    tracing::warn!(controller = host, "the domain controller is too slow to verify a logon");
                    return Err(LogonError::NoLogonServers);
                }
            }
            if begun.elapsed() >= REACH_LIMIT {
                break;
            }
        }
        Err(LogonError::NoLogonServers)
    }

    /// The host name of the domain controller that the channel leads to.
    #[must_use]
    pub fn controller(&self) -> Option<String> {
        self.present.lock().as_ref().map(|channel| channel.controller().host.clone())
    }

    /// Makes a channel if there is none, and tries the one that there is.
    ///
    /// # Errors
    /// When no domain controller can be asked, or they refuse this server's account.
    pub async fn check(&self) -> Result<(), LogonError> {
        let deadline = Instant::now() + REACH_LIMIT;
        let channel = self.channel(deadline).await?;
        if let Err(error) = channel.verify(deadline).await {
            tracing::info!(controller = channel.controller().host, %error, "the secure channel is made anew");
            self.give_up(&channel, matches!(error, CallError::Gone | CallError::TooSlow));
            self.channel(deadline).await?;
        }
        Ok(())
    }

    /// Looks after the channel while nothing else does: makes one so that a logon finds it, and notices early when its domain
    /// controller died.
    pub async fn look_after(&self) {
        if let Err(error) = self.check().await {
            tracing::warn!(%error, "there is no secure channel to a domain controller");
        }
        self.return_to_the_best().await;
        if let Some(channel) = self.present.lock().as_ref() {
            channel.trim();
        }
    }

    /// When there is a better domain controller than the channel's (it was away, perhaps), the next channel leads to it.
    async fn return_to_the_best(&self) {
        let Some(channel) = self.present.lock().clone() else { return };
        if self.surroundings.find().await.is_some_and(|best| best != *channel.controller()) {
            // Calls under way end on the old channel.
            let mut present = self.present.lock();
            if present.as_ref().is_some_and(|present| Arc::ptr_eq(present, &channel)) {
                *present = None;
            }
        }
    }

    /// The present channel, or a new one.
    async fn channel(&self, deadline: Instant) -> Result<Arc<Channel>, LogonError> {
        let come = Instant::now();
        if let Some(channel) = self.present() {
            return Ok(channel);
        }
        let mut making = tokio::time::timeout_at(deadline, self.making.lock())
            .await
            .map_err(|_| LogonError::NoLogonServers)?;
        if let Some(channel) = self.present() {
            return Ok(channel);
        }
        // An attempt that failed while this one waited for it has said enough.
        if let Some((_, error)) = making.failed.filter(|(at, _)| *at > come) {
            return Err(error);
        }
        let made = self.make(deadline).await;
        match &made {
            Ok(channel) => {
                tracing::info!(controller = channel.controller().host, "the secure channel is up");
                *self.present.lock() = Some(Arc::clone(channel));
                making.failed = None;
            }
            Err(error) => making.failed = Some((Instant::now(), *error)),
        }
        made
    }

    fn present(&self) -> Option<Arc<Channel>> {
        self.present.lock().as_ref().filter(|channel| channel.is_up()).cloned()
    }

    /// Makes a channel to the first domain controller that answers and knows this server's account: one to which the account or
    /// its password has not been replicated yet knows it later.
    async fn make(&self, deadline: Instant) -> Result<Arc<Channel>, LogonError> {
        let mut tried: Vec<Controller> = Vec::new();
        let mut refused = None;
        let in_vain =
            |refused: Option<NtStatus>| Err(refused.map_or(LogonError::NoLogonServers, LogonError::Trust));
        loop {
            let membership = self.surroundings.membership().ok_or(LogonError::NoLogonServers)?;
            let found = tokio::time::timeout_at(deadline, self.surroundings.find()).await;
            // One that comes again is the only one that there is.
            let Some(controller) = found.ok().flatten().filter(|found| !tried.contains(found)) else {
                return in_vain(refused);
            };
            let limit = deadline.min(Instant::now() + OPEN_LIMIT);
            match open(controller.clone(), &membership, limit).await {
                Ok(channel) => return Ok(channel),
                Err(error) => {
                    if let CallError::Stale(ChannelError::Refused(status)) = error {
                        refused.get_or_insert(status);
                    }
                    tracing::warn!(controller = controller.host, %error, "no secure channel");
                    self.surroundings.failed(&controller);
                    tried.push(controller);
                }
            }
            if Instant::now() >= deadline {
                return in_vain(refused);
            }
        }
    }

    /// Ends a channel; `dead` when its domain controller does not answer.
    fn give_up(&self, channel: &Arc<Channel>, dead: bool) {
        {
            let mut present = self.present.lock();
            if present.as_ref().is_some_and(|present| Arc::ptr_eq(present, channel)) {
                *present = None;
            }
        }
        // The first to notice tells.
        if dead && channel.is_up() {
            self.surroundings.failed(channel.controller());
        }
        channel.give_up();
    }
}

/// Keeps a channel up while this server is a member, until `stop` becomes true.
pub async fn keep_channel(domain: Arc<Domain>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Some(member) = domain.member() {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = member.netlogon.look_after() => {}
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(KEEP_ALIVE_INTERVAL) => {}
        }
    }
}

/// The surroundings in a running server.
struct OfMember {
    state: Weak<State>,
    locator: Arc<Locator>,
}

impl Surroundings for OfMember {
    fn membership(&self) -> Option<Arc<Membership>> {
        self.state.upgrade()?.membership()
    }

    fn find(&self) -> Find<'_> {
        Box::pin(async {
            let found = self.locator.find().await;
            let found = found.inspect_err(|error| tracing::debug!(%error, "no domain controller")).ok()?;
            Some(Controller {
                host: found.host.clone(),
                endpoint_mapper: SocketAddr::new(found.address, ENDPOINT_MAPPER_PORT),
            })
        })
    }

    fn failed(&self, controller: &Controller) {
        // Another one may have been chosen meanwhile.
        if let Some(current) = self.locator.current()
            && current.address == controller.endpoint_mapper.ip()
        {
            self.locator.failed(&current);
        }
    }
}

async fn open(
    controller: Controller,
    membership: &Membership,
    deadline: Instant,
) -> Result<Arc<Channel>, CallError> {
    let channel = Channel::open(controller, membership, deadline).await?;
    channel.verify(deadline).await?;
    Ok(channel)
}

/// What a domain controller's answer means.
fn judge(result: messages::LogonResult) -> Result<Verified, LogonError> {
    let refused = |status| Err(LogonError::Refused { status, authoritative: result.authoritative });
    match (result.status, result.validation) {
        // Somebody was let in whom nobody verified.
        (NtStatus::SUCCESS, Some(validation)) if validation.is_guest => refused(NtStatus::LOGON_FAILURE),
        (NtStatus::SUCCESS, Some(validation)) => {
            Ok(Verified { authorization: validation.authorization, session_base_key: validation.session_key })
        }
        (NtStatus::SUCCESS, None) => refused(NtStatus::LOGON_FAILURE),
        (status, _) => refused(status),
    }
}

/// For the fuzz target: reads `bytes` as each answer of a domain controller.
#[cfg(fuzzing)]
pub fn read_any(bytes: &[u8]) {
    let _ = messages::decode_req_challenge(bytes);
    let _ = messages::decode_authenticate3(bytes);
    let _ = messages::decode_get_capabilities(bytes);
    let _ = messages::decode_sam_logon_ex(bytes);
}
