//! The HTTPS door of a running server: its listeners, and logons through the same acceptors and accounts as SMB's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Shared, listener};
use crate::admin::AdminService;
use crate::api::logon::{Account, Answer, Logons, User};
use crate::api::tls::{self, CertificateFiles, Tls};
use crate::api::{self, Api};
use crate::auth::{
    Acceptor, AcceptorConfig, AcceptorRandomness, AccountQuery, Authorization, ChannelBinding,
};
use crate::config::Config;
use crate::proto::session::Identity;
use crate::state::{self, State};

/// The door, open.
pub(super) struct Door {
    /// Where it listens.
    pub(super) addresses: Vec<SocketAddr>,
    /// SHA-256 of its certificate.
    pub(super) fingerprint: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Door {
    /// Waits until everything has ended, once the server is told to stop.
    pub(super) async fn closed(self) {
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Opens the door where the configuration wants it.
///
/// # Errors
/// When the certificate cannot be used or an address cannot be listened on.
pub(super) fn open(
    config: &Config,
    state: &Arc<State>,
    shared: &Arc<Shared>,
    service: &AdminService,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Option<Door>> {
    if config.api.listen.is_empty() {
        return Ok(None);
    }
    let files = match &config.api.certificate {
        Some((certificate, key)) => CertificateFiles { certificate: certificate.clone(), key: key.clone() },
        None => tls::own(&config.state_dir, &[&config.names.dns, &config.names.netbios])?,
    };
    let tls = Arc::new(Tls::load(&files).context("`api`")?);
    let logons = Arc::clone(shared) as Arc<dyn Logons>;
    let api = Api::new(service.clone(), Arc::clone(state), logons, tls.binding);
    let (mut addresses, mut tasks) = (Vec::new(), Vec::new());
    for address in &config.api.listen {
        let listener = listener::bind(*address, "api.listen")?;
        let bound = listener.local_addr().context("`api.listen`")?;
        addresses.push(bound);
        tracing::info!(address = %bound, fingerprint = tls.fingerprint, "administration over HTTPS");
        tasks.push(tokio::spawn(api::serve(Arc::clone(&api), Arc::clone(&tls), listener, stop.clone())));
    }
    Ok(Some(Door { addresses, fingerprint: tls.fingerprint.clone(), tasks }))
}

impl Logons for Shared {
    fn acceptor(&self, channel_binding: ChannelBinding) -> Acceptor {
        let config = AcceptorConfig { channel_binding, ..AcceptorConfig::clone(&self.core.acceptor.load()) };
        let mut random = zeroize::Zeroizing::new([0; AcceptorRandomness::SIZE]);
        self.core.entropy.fill(&mut *random);
        Acceptor::new(Arc::new(config), self.clock.now().wall, AcceptorRandomness::new(&random))
    }

    fn takes_ntlm(&self) -> bool {
        !self.core.acceptor.load().refuse_ntlm
    }

    fn account<'a>(&'a self, query: &'a AccountQuery, client: &'a str) -> Answer<'a> {
        Box::pin(async move {
            let found = match self.account_here(query) {
                Some(found) => found,
                None => self.account_of_domain(query, client).await,
            };
            Account { answer: found.answer, user: found.identity.as_ref().map(user) }
        })
    }

    fn user_of(&self, authorization: &Authorization) -> User {
        let token = state::domain_token(&self.state.accounts(), authorization);
        User {
            account: authorization.account_name.clone(),
            domain: authorization.domain_name.clone(),
            sid: authorization.user,
            is_administrator: token.is_admin(),
        }
    }

    fn still(&self, user: &User) -> Option<User> {
        let of = user.sid.split_rid().map(|(domain, _)| domain);
        if of == Some(self.state.identity().machine_sid) {
            let accounts = self.state.accounts();
            let account = accounts.account_by_sid(&user.sid).filter(|account| !account.disabled)?;
            return Some(User { is_administrator: account.is_administrator(), ..user.clone() });
        }
        // What groups the domain has put the user into was settled by the logon, which lasts minutes.
        self.state.membership().map(|_| user.clone())
    }

    fn failed(&self, client: &str) -> Option<Duration> {
        self.core.logon_failed(client, self.clock.now()).then_some(self.limits.logon_wait)
    }

    fn succeeded(&self, client: &str) {
        self.core.logon_succeeded(client);
    }
}

fn user(identity: &Identity) -> User {
    User {
        account: identity.user.clone(),
        domain: identity.domain.clone(),
        sid: *identity.token.user(),
        is_administrator: identity.token.is_admin(),
    }
}
