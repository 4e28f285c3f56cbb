//! Puts the server together and runs it until it is told to stop.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor, Token};
use freehold_dtyp::{FileTime, Sid, Wtf8, Wtf8Buf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore, watch};

use super::audit::{BlockingRecorder, logon_audit, open_audit, share_audit};
use super::clock::Clock;
use super::dfs_health::{self, Health};
use super::dfs_sites::{self, DfsSites};
use super::entropy::SystemEntropy;
use super::listener;
use super::{local_breaks, metrics_http, persistent, process, scavenger};
use crate::acl_jobs::{AclJobs, Recorder as _};
use crate::admin::open_protocol::{OpenFileRow, SessionRow};
use crate::admin::{AdminService, KnownSites, LiveOpen, RunningServer};
use crate::audit::log::AuditLog;
use crate::audit::record::Batch;
use crate::config::{Config, DomainNtlm, EncryptionMode, Limits, VolumeConfig, WriteTimes};
use crate::domain::{Domain, Refreshed, netlogon};
use crate::fsa::OpenReport;
use crate::fscc::Pattern;
use crate::metrics::snapshot::Snapshot;
use crate::names::Questions;
use crate::proto;
use crate::proto::audit::ShareAudit;
use crate::proto::node::NodeKey;
use crate::proto::op::{VolumeId, VolumeRef};
use crate::proto::server::{Server, ServerConfig};
use crate::proto::tree_connect::{self, ShareTarget, Shares};
use crate::quotas::{LoggedOn, QuotaService, Surroundings};
use crate::share_path::SharePath;
use crate::smb2::{Dialect, FileId};
use crate::state::{self, Change, State};
use crate::vfs::counted::Counted;
use crate::vfs::local::LocalPrograms;
use crate::vfs::oplock_policy::OplockPolicy;
use crate::vfs::posix::{PosixOptions, PosixVolume};
use crate::vfs::{NodeId, RESERVED_FOLDER, VfsPath, Volume, VolumeOptions};

/// What the connections' tasks share.
pub struct Shared {
    /// The protocol core.
    pub core: Arc<Server>,
    /// Clocks.
    pub clock: Clock,
    /// Limits of the configuration.
    pub limits: Limits,
    /// The audit log.
    pub audit: Arc<AuditLog>,
    /// The domain that this server is or may become a member of.
    pub domain: Arc<Domain>,
    pub(super) state: Arc<State>,
    /// Whether domain users may log on with NTLM.
    pub(super) domain_ntlm: DomainNtlm,
    pub(super) volumes: HashMap<String, VolumeRef>,
    acl_jobs: Arc<AclJobs>,
    /// How busy the machine is.
    pub(super) processors: process::Processors,
    /// Where HTTPS is served, and the fingerprint of its certificate.
    api: OnceLock<(Vec<SocketAddr>, String)>,
    pub(super) quotas: Arc<QuotaService>,
    /// Which targets of DFS folders answer.
    pub(super) dfs_health: Health,
    /// Where clients and targets of DFS are.
    pub(super) dfs_sites: DfsSites,
}

impl Shared {
    /// The first address of HTTPS, and the fingerprint of its certificate.
    fn api_address(&self) -> Option<(SocketAddr, String)> {
        let (addresses, fingerprint) = self.api.get()?;
        Some((*addresses.first()?, fingerprint.clone()))
    }

    /// Asks the directory; its answers are in the core's cache then. Returns also when nobody could be asked.
    pub async fn ask_directory(&self, questions: &Questions) {
        if let Some(member) = self.domain.member() {
            member.directory.look_up(questions).await;
        }
    }

    /// Puts the present shares of the state into the core.
    fn load_shares(&self) {
        let before = self.core.shares.load_full();
        let snapshot = self.state.shares();
        let mut shares: Vec<tree_connect::Share> = Vec::new();
        for share in snapshot.all() {
            match self.share(share, &before) {
                Ok(share) => shares.push(share),
                Err(reason) => {
                    tracing::error!(share = share.name, reason, "the share cannot be served");
                }
            }
        }
        shares.push(tree_connect::Share {
            name: "IPC$".to_owned(),
            target: ShareTarget::Pipes,
            varies: None,
            comment: "Remote IPC".to_owned(),
            security: Arc::new(pipes_security()),
            encrypt: false,
            access_based_enumeration: false,
            continuously_available: false,
            ca_timeout: Duration::ZERO,
            caching: tree_connect::CachingMode::None,
            audit: ShareAudit::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: before.find("IPC$").map_or_else(Arc::default, |old| Arc::clone(&old.requests)),
        });
        self.core.share_settings.store(snapshot);
        self.core.accounts.store(self.state.accounts());
        let membership = self.state.membership();
        self.core.set_membership(membership.as_deref());
        self.core.domain.store(membership.map(|membership| Arc::new((&*membership).into())));
        self.core.shares.store(Arc::new(Shares::new(shares)));
    }

    /// Puts the namespaces into the core, and which of their targets' servers do not answer.
    pub(super) fn load_namespaces(&self) {
        self.core.kept_namespaces.store(self.state.namespaces());
        self.core.set_namespaces(self.state.namespaces());
        self.core.dead_dfs_servers.store(Arc::new(self.dfs_health.dead()));
    }

    /// A share lists what its user may read alone: by its own setting, or by the one of the namespace whose root it is.
    fn lists_by_access(&self, share: &str, own: bool) -> bool {
        let namespaces = self.state.namespaces();
        own || namespaces
            .namespace(share)
            .is_some_and(|index| index.namespace().options.access_based_enumeration)
    }

    /// Takes in a change of a namespace. Its share is another one when its listings are.
    fn namespace_changed(&self, name: &str) {
        self.load_namespaces();
        let own =
            self.state.shares().share(name).is_some_and(|share| share.settings.access_based_enumeration);
        let listed = self.core.shares.load().find(name).is_some_and(|share| share.access_based_enumeration);
        if self.lists_by_access(name, own) != listed {
            self.load_shares();
        }
    }

    /// Puts into the core what holds for the whole server: the configuration's values, and what was set over them.
    fn load_server_settings(&self) {
        let (set, config) = (self.state.server_settings(), &self.core.config);
        self.core.set_encryption(
            set.encrypt_data.unwrap_or(config.encrypt_data),
            set.reject_unencrypted.unwrap_or(config.reject_unencrypted),
        );
    }

    /// An open with the session and the share that it came through.
    fn live_open(&self, open: OpenReport) -> LiveOpen {
        let session = self.core.sessions.find(&open.owner.session);
        let file_id = FileId { persistent: open.owner.persistent, volatile: open.id.0 };
        let share = session.as_ref().and_then(|session| session.open(file_id));
        LiveOpen {
            open,
            user: session.as_ref().map_or(String::new(), |session| session.identity.load().user.clone()),
            client: session.as_ref().map_or(String::new(), |session| session.client.clone()),
            share: share.map_or(String::new(), |open| open.tree.share.name.clone()),
        }
    }

    fn share(&self, share: &state::Share, before: &Shares) -> Result<tree_connect::Share, String> {
        let settings = &share.settings;
        let volume = self
            .volumes
            .get(&settings.volume)
            .ok_or_else(|| format!("there is no volume `{}` in the configuration", settings.volume))?;
        let path = settings.path.replace('\\', "/");
        let varies = SharePath::parse(&path).map_err(|error| format!("`{}`: {error}", settings.path))?;
        let fixed = if varies.is_some() { "" } else { path.trim_matches('/') };
        let path = VfsPath::new(Wtf8Buf::from(fixed))
            .ok_or_else(|| format!("`{}` is not a path below a volume", settings.path))?;
        let uses =
            before.find(&share.name).map_or_else(|| Arc::new(AtomicU32::new(0)), |old| Arc::clone(&old.uses));
        let requests = before.find(&share.name).map_or_else(Arc::default, |old| Arc::clone(&old.requests));
        Ok(tree_connect::Share {
            name: share.name.clone(),
            target: ShareTarget::Disk { volume: volume.clone(), path },
            varies: varies.map(Arc::new),
            comment: settings.comment.clone(),
            security: Arc::clone(&settings.security),
            encrypt: settings.encrypt,
            access_based_enumeration: self.lists_by_access(&share.name, settings.access_based_enumeration),
            continuously_available: settings.continuously_available,
            ca_timeout: Duration::from_secs(u64::from(settings.ca_timeout_seconds)),
            caching: match settings.caching {
                state::CachingMode::Manual => tree_connect::CachingMode::Manual,
                state::CachingMode::Documents => tree_connect::CachingMode::Documents,
                state::CachingMode::Programs => tree_connect::CachingMode::Programs,
                state::CachingMode::None => tree_connect::CachingMode::None,
            },
            audit: share_audit(settings.audit),
            max_uses: settings.max_users,
            uses,
            requests,
        })
    }
}

impl RunningServer for Shared {
    fn metrics(&self) -> Snapshot {
        self.picture()
    }

    fn volume(&self, name: &str) -> Option<Arc<dyn Volume>> {
        self.volumes.get(name).map(|volume| Arc::clone(&volume.volume))
    }

    fn acl_jobs(&self) -> Arc<AclJobs> {
        Arc::clone(&self.acl_jobs)
    }

    fn api(&self) -> Option<(Vec<SocketAddr>, String)> {
        self.api.get().cloned()
    }

    fn record(&self, batch: Batch) -> bool {
        BlockingRecorder(Arc::clone(&self.audit)).record(batch, true)
    }

    fn audit_folder(&self) -> PathBuf {
        self.audit.folder().to_owned()
    }

    fn domain(&self) -> Arc<Domain> {
        Arc::clone(&self.domain)
    }

    fn quotas(&self) -> Arc<QuotaService> {
        Arc::clone(&self.quotas)
    }

    fn opens_of(&self, volume: &str, file: NodeId) -> Vec<LiveOpen> {
        let Some(volume) = self.volumes.get(volume) else { return Vec::new() };
        let cell = self.core.nodes.find(NodeKey { volume: volume.id, id: file });
        // The node's lock is given back before sessions are looked at.
        let reports = cell.map(|cell| cell.lock().report()).unwrap_or_default();
        reports.into_iter().map(|open| self.live_open(open)).collect()
    }

    fn sessions(&self) -> Vec<SessionRow> {
        self.session_rows()
    }

    fn open_files(&self) -> Vec<OpenFileRow> {
        self.open_file_rows()
    }

    fn end_sessions(&self, ids: &[u64]) -> usize {
        self.end_sessions(ids)
    }

    fn close_opens(&self, ids: &[u64]) -> usize {
        self.close_opens(ids)
    }

    fn dead_dfs_servers(&self) -> HashSet<String> {
        self.dfs_health.dead()
    }

    fn dfs_sites(&self) -> KnownSites {
        self.known_sites()
    }

    fn probe(&self, servers: &[String]) -> HashMap<String, Result<Duration, String>> {
        dfs_health::probe(servers, &|| false)
    }

    fn is_own_address(&self, address: IpAddr) -> bool {
        self.core.config.interfaces.iter().any(|interface| interface.address == address)
    }

    fn share_users(&self, share: &str) -> u32 {
        self.users_of_share(share)
    }
}

/// What the administrator chose for a volume.
fn volume_options(volume: &VolumeConfig) -> anyhow::Result<VolumeOptions> {
    let pattern = |name: &String| {
        Pattern::new(Wtf8::from(name.as_str())).map_err(|_| {
            anyhow::anyhow!("`volumes.{}.hidden_names` has {name:?}, which no file is called", volume.name)
        })
    };
    Ok(VolumeOptions {
        short_names: volume.short_names,
        named_streams: volume.named_streams,
        change_notify: volume.change_notify,
        hidden_names: volume.hidden_names.iter().map(pattern).collect::<Result<_, _>>()?,
        snapshots: volume.snapshots.is_some(),
        keep_auto_inherited: volume.keep_auto_inherited,
        delayed_write_times: volume.write_times == WriteTimes::Delayed,
        local_programs: match volume.local_programs {
            crate::config::LocalPrograms::Ignore => LocalPrograms::Ignore,
            crate::config::LocalPrograms::Locks => LocalPrograms::Locks,
            crate::config::LocalPrograms::Leases => LocalPrograms::Leases,
        },
        oplocks: match volume.oplocks {
            crate::config::OplockPolicy::All => OplockPolicy::All,
            crate::config::OplockPolicy::Exclusive => OplockPolicy::Exclusive,
            crate::config::OplockPolicy::None => OplockPolicy::None,
        },
    })
}

/// A new volume's root: administrators and the system everything, whoever makes a file everything with it, who is
/// logged on what it takes to work. As on a fresh Windows data drive, automatic inheritance included, and inherited by everything below until an administrator decides otherwise.
const ROOT_SECURITY: &str =
    "O:BAG:SYD:AI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICIIO;FA;;;CO)(A;OICI;0x1301bf;;;AU)";

fn root_security() -> anyhow::Result<Arc<SecurityDescriptor>> {
    Ok(Arc::new(ROOT_SECURITY.parse().map_err(|error| anyhow::anyhow!("the root's descriptor: {error}"))?))
}

/// IPC$ is open to every session; each pipe decides for itself.
fn pipes_security() -> SecurityDescriptor {
    let access =
        AccessMask::FILE_GENERIC_READ | AccessMask::FILE_GENERIC_WRITE | AccessMask::FILE_GENERIC_EXECUTE;
    let mut dacl = Acl::new();
    for sid in [Sid::EVERYONE, Sid::ANONYMOUS] {
        // Two entries are far below the limit of a list.
        let _ = dacl.push(Ace::allow(sid, access, AceFlags::EMPTY));
    }
    SecurityDescriptor::new(Sid::SYSTEM, Sid::SYSTEM, dacl)
}

/// Where a server that has started can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The first address of SMB.
    pub smb: SocketAddr,
    /// The first address of HTTPS, and the fingerprint of its certificate.
    pub api: Option<(SocketAddr, String)>,
}

/// Runs the server until SIGTERM or SIGINT. `ready` is called once connections are accepted.
///
/// # Errors
/// When a volume cannot be opened or an address cannot be listened on.
pub async fn run(config: Config, state: Arc<State>, ready: impl FnOnce(Ready) + Send) -> anyhow::Result<()> {
    if !config.security.ntlm.enabled && state.membership().is_none() {
        tracing::warn!(
            "`security.ntlm.enabled = false` leaves nobody a way to log on until this server is a member of a domain: \
             `freehold domain join`"
        );
    }
    raise_descriptor_limit();
    let clock = Clock::new();
    let core = Server::new(core_config(&config, &state, clock), Box::new(SystemEntropy::default()));
    let audit = open_audit(&config, &core)?;
    let _ = core.persistent.set(Arc::new(persistent::StateStore(Arc::clone(&state))));
    let quotas = QuotaService::new(Arc::clone(&state));
    let mut volumes = HashMap::new();
    for (number, volume) in config.volumes.iter().enumerate() {
        let mut options = PosixOptions::new(&volume.label, root_security()?);
        options.volume = volume_options(volume)?;
        options.snapshots.clone_from(&volume.snapshots);
        let opened = PosixVolume::open(&volume.path, options)
            .with_context(|| format!("volume `{}` at {}", volume.name, volume.path.display()))?;
        let id = VolumeId(u32::try_from(number).context("too many volumes")?);
        let quota = volume.path.join(RESERVED_FOLDER).join("quota");
        let counted = Counted::open(Arc::new(opened), &quota, Some(quotas.store(&volume.name)));
        let identity = Arc::new(counted.identity().clone());
        volumes.insert(volume.name.clone(), VolumeRef { id, identity, volume: Arc::new(counted) });
    }
    let acl_jobs = AclJobs::new(
        Arc::clone(&core),
        Arc::clone(&state),
        volumes.clone(),
        Arc::new(BlockingRecorder(Arc::clone(&audit))),
    );
    let names = Arc::clone(&core.directory);
    let shared = Arc::new(Shared {
        core,
        clock,
        limits: config.limits.clone(),
        audit,
        domain: Domain::new(Arc::clone(&state), config.domain.clone(), &config.names.netbios, names),
        state: Arc::clone(&state),
        domain_ntlm: config.security.ntlm.domain,
        volumes,
        acl_jobs,
        processors: process::Processors::default(),
        api: OnceLock::new(),
        quotas,
        dfs_health: Health::default(),
        dfs_sites: DfsSites::default(),
    });
    shared.core.metrics.slow.set_threshold(config.metrics.slow);
    shared.load_shares();
    shared.load_namespaces();
    shared.load_dfs_sites().context("the sites of the directory")?;
    shared.load_server_settings();
    shared.acl_jobs.resume();
    {
        let shared = Arc::downgrade(&shared);
        state.on_change(Box::new(move |change| {
            if let Some(shared) = shared.upgrade() {
                // Nothing of quotas is in what this puts in place, and hardly anything of namespaces.
                if !matches!(change, Change::QuotasChanged(_) | Change::NamespaceChanged(_)) {
                    shared.load_shares();
                }
                match change {
                    Change::AccountRemoved(sid) | Change::AccountDisabled(sid) => {
                        shared.core.account_gone(sid, shared.clock.now());
                    }
                    Change::ShareRemoved(name) => shared.core.share_gone(name, shared.clock.now()),
                    Change::MembershipChanged => {
                        if shared.domain.refresh() == Refreshed::Left {
                            shared.core.domain_gone(shared.clock.now());
                        }
                    }
                    Change::ServerChanged => shared.load_server_settings(),
                    Change::NamespaceChanged(name) => shared.namespace_changed(name),
                    Change::AccountChanged(_) | Change::ShareChanged(_) | Change::QuotasChanged(_) => {}
                }
            }
        }));
    }

    start_quotas(&shared, &config)?;

    let mail = Arc::new(Notify::new());
    scavenger::listen(&shared, &mail);
    // Before the first lease.
    let broken = match shared.volumes.values().any(local_breaks::backs_caches) {
        true => Some(local_breaks::listen().context("listening for SIGIO")?),
        false => None,
    };
    // An open of another client must not come first.
    persistent::restore_all(&shared, &state).context("the persistent opens")?;

    // Before anybody can know that there is a server: from now on it stops in order.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reload = signal(SignalKind::hangup())?;
    let (stop, stopped) = watch::channel(false);
    if let Some(broken) = broken {
        tokio::spawn(local_breaks::watch(Arc::clone(&shared), broken, stopped.clone()));
    }
    let scavenging = tokio::spawn(scavenger::scavenge(Arc::clone(&shared), mail, stopped.clone()));
    let addresses = (Arc::new(listener::Addresses::default()), Arc::new(listener::Addresses::default()));
    let connections = Arc::new(Semaphore::new(config.limits.connections as usize));
    let mut accepting = Vec::new();
    let mut first = None;
    for address in &config.listen {
        let listener = listener::bind(*address, "server.listen")?;
        first = first.or(listener.local_addr().ok());
        accepting.push(tokio::spawn(listener::accept(
            Arc::clone(&shared),
            listener,
            addresses.clone(),
            Arc::clone(&connections),
            stopped.clone(),
        )));
    }
    let metrics = match config.metrics.listen {
        Some(address) => {
            let listener = metrics_http::bind(address)?;
            tracing::info!(address = %listener.local_addr()?, "metrics are served");
            Some(tokio::spawn(metrics_http::serve(Arc::clone(&shared), listener, stopped.clone())))
        }
        None => None,
    };
    let service = AdminService::of_running(Arc::clone(&state), Arc::clone(&shared) as Arc<dyn RunningServer>);
    let door = super::api::open(&config, &state, &shared, &service, &stopped)?;
    if let Some(door) = &door {
        let _ = shared.api.set((door.addresses.clone(), door.fingerprint.clone()));
    }
    let linking = tokio::spawn(super::dfs_links::keep(Arc::clone(&shared), stopped.clone()));
    let watching = tokio::spawn(dfs_health::watch(Arc::clone(&shared), stopped.clone()));
    let placing = tokio::spawn(dfs_sites::keep(Arc::clone(&shared), stopped.clone()));
    let maintaining = tokio::spawn(Arc::clone(&shared.domain).maintain(stopped.clone()));
    let following = tokio::spawn(Arc::clone(&shared.domain).follow_namespaces(stopped.clone()));
    let channel = tokio::spawn(netlogon::keep_channel(Arc::clone(&shared.domain), stopped.clone()));
    let admin = tokio::spawn(crate::admin::listen(service, config.admin_socket.clone(), stopped.clone()));
    if let Some(first) = first {
        let api = shared.api_address();
        ready(Ready { smb: first, api });
    }
    // Where no service manager listens this does nothing.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = reload.recv() => {
                shared.load_shares();
                tracing::info!("shares and accounts were read again");
            }
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping: connections are closed, volumes are synced");
    let _ = stop.send(true);
    for task in accepting {
        let _ = task.await;
    }
    let _ = admin.await;
    if let Some(metrics) = metrics {
        let _ = metrics.await;
    }
    if let Some(door) = door {
        door.closed().await;
    }
    let _ = watching.await;
    let _ = placing.await;
    let _ = maintaining.await;
    let _ = following.await;
    let _ = linking.await;
    let _ = channel.await;
    shared.acl_jobs.stop();
    shared.quotas.stop();
    let _ = scavenging.await;
    scavenger::finish(&shared).await;
    shared.audit.close();
    for volume in shared.volumes.values() {
        if let Err(error) = volume.volume.sync() {
            tracing::error!(%error, volume = volume.identity.label, "the volume could not be synced");
        }
    }
    Ok(())
}

/// Puts the limits in place before anybody is served.
fn start_quotas(shared: &Arc<Shared>, config: &Config) -> anyhow::Result<()> {
    let recorder = BlockingRecorder(Arc::clone(&shared.audit));
    let volume = |volume: &VolumeConfig| {
        let opened = shared.volumes.get(&volume.name)?;
        Some((volume.name.clone(), (Arc::clone(&opened.volume), volume.path.clone())))
    };
    let surroundings = Surroundings {
        volumes: config.volumes.iter().filter_map(volume).collect(),
        domain: Arc::clone(&shared.domain),
        runtime: tokio::runtime::Handle::current(),
        record: Box::new(move |batch| {
            recorder.record(batch, false);
        }),
        sessions: {
            let core = Arc::clone(&shared.core);
            Box::new(move |is_new| {
                // Those that have ended since, too: the groups are what the logon said.
                let ended = core.recent_logons.take().into_iter().map(|logon| {
                    let is_there = core.sessions.find(&logon.session).is_some();
                    (!is_there).then(|| who_logged_on(logon.session, logon.time, &logon.token, true))
                });
                let there = core.sessions.values();
                ended
                    .flatten()
                    .chain(there.iter().map(|session| {
                        let token = session.token();
                        who_logged_on(session.id.0, session.created, &token, is_new(session.id.0))
                    }))
                    .collect()
            })
        },
        computer: config.names.netbios.clone(),
        dns_name: config.names.dns.clone(),
    };
    shared.quotas.start(surroundings).context("the threads for quotas")
}

/// Who has logged on; the groups only where they matter.
fn who_logged_on(session: u64, time: FileTime, token: &Token, with_groups: bool) -> LoggedOn {
    let groups =
        if with_groups { token.members().iter().map(|group| group.sid).collect() } else { Vec::new() };
    LoggedOn { session, user: *token.user(), time, groups }
}

fn core_config(config: &Config, state: &State, clock: Clock) -> ServerConfig {
    let identity = state.identity();
    let security = &config.security;
    ServerConfig {
        guid: identity.server_guid,
        netbios_name: config.names.netbios.clone(),
        dns_name: config.names.dns.clone(),
        machine_sid: identity.machine_sid,
        comment: config.names.comment.clone(),
        min_dialect: Dialect(security.min_dialect.revision()),
        max_dialect: Dialect(security.max_dialect.revision()),
        require_signing: security.require_signing,
        encrypt_data: security.encryption == EncryptionMode::Required,
        reject_unencrypted: security.reject_unencrypted,
        allow_anonymous: security.allow_anonymous,
        allow_raw_ntlm: security.ntlm.allow_raw,
        refuse_ntlm: !security.ntlm.enabled,
        allow_rc4: security.kerberos.allow_rc4,
        require_mic: security.ntlm.require_mic,
        posix_extensions: security.posix_extensions,
        started: clock.now().wall,
        workgroup: config.names.workgroup.clone(),
        limits: core_limits(&config.limits),
        audit_shares: share_audit(config.audit.shares),
        audit_logons: logon_audit(config),
        interfaces: super::interfaces::list(&config.listen),
    }
}

fn core_limits(limits: &Limits) -> proto::limits::Limits {
    proto::limits::Limits {
        credits: limits.credits,
        max_transact_bytes: limits.max_transact_bytes,
        max_read_bytes: limits.max_read_bytes,
        max_write_bytes: limits.max_write_bytes,
        sessions_per_connection: limits.sessions_per_connection as usize,
        trees_per_session: limits.trees_per_session as usize,
        opens_per_session: limits.opens_per_session as usize,
        requests_per_connection: limits.async_requests_per_connection as usize,
        logon_failures_before_wait: limits.logon_failures_before_wait,
        logon_wait: limits.logon_wait,
    }
}

/// Each open file is a descriptor: takes as many as the system lets this process have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: now.maximum, maximum: now.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
