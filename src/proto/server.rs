//! What all connections share ([MS-SMB2] 3.3.1.5 Server): configuration, shares, sessions, open files, mailboxes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use freehold_dfs::{Namespaces, Sites};
use freehold_dtyp::{FileTime, Guid, Sid};
use parking_lot::Mutex;

use super::account::Waiting;
use super::audit::{self, LogonAudit, ShareAudit};
use super::clients::ClientTable;
use super::directory_lease::DirectoryLeases;
use super::durable::{self, AppInstances, DisconnectedOpens, ReplayTable};
use super::event::{ConnectionId, Event, Mailbox, Now, WaiterId};
use super::held_times::HeldTimes;
use super::inheritance::Inheritance;
use super::lease::LeaseTable;
use super::limits;
use super::membership;
use super::node::NodeTable;
use super::notify::NotifyTable;
use super::op::{FoundSnapshot, Op, VolumeId, VolumeRef};
use super::persistent::PersistentStore;
use super::recent_logons::RecentLogons;
use super::session::Session;
use super::sharded::Sharded;
use super::teardown;
use super::tree_connect::Shares;
use crate::auth::AcceptorConfig;
use crate::auth::kerberos::ReplayCache;
use crate::fscc::fsctl::NetworkInterfaceInfo;
use crate::metrics::Metrics;
use crate::names::DirectoryCache;
use crate::rpc::{DomainInfo, ServerInfo};
use crate::smb2::{Dialect, SessionId};
use crate::state::{AccountsSnapshot, SharesSnapshot};

/// What is fixed while the server runs.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// ServerGuid.
    pub guid: Guid,
    /// NetBIOS name, upper case, at most 15 characters.
    pub netbios_name: String,
    /// DNS name.
    pub dns_name: String,
    /// The machine's SID: local accounts' SIDs start with it.
    pub machine_sid: Sid,
    /// Comment of the server in lists.
    pub comment: String,
    /// Lowest dialect.
    pub min_dialect: Dialect,
    /// Highest dialect.
    pub max_dialect: Dialect,
    /// Every session signs ([MS-SMB2] RequireMessageSigning).
    pub require_signing: bool,
    /// Every session of a client that can is sealed ([MS-SMB2] EncryptData), until [`Server::set_encryption`].
    pub encrypt_data: bool,
    /// Clear traffic to what must be sealed is refused ([MS-SMB2] RejectUnencryptedAccess), until
    /// [`Server::set_encryption`].
    pub reject_unencrypted: bool,
    /// Sessions without an account may be made.
    pub allow_anonymous: bool,
    /// NTLM may come without SPNEGO around it.
    pub allow_raw_ntlm: bool,
    /// NTLM is neither offered nor taken: only Kerberos is left.
    pub refuse_ntlm: bool,
    /// Kerberos tickets and keys of RC4 are taken.
    pub allow_rc4: bool,
    /// NTLM clients that announce no MIC are refused (the Linux kernel's among them).
    pub require_mic: bool,
    /// The SMB3 POSIX Extensions are spoken with clients that offer them.
    pub posix_extensions: bool,
    /// When the server started.
    pub started: FileTime,
    /// Workgroup, as RPC clients see it.
    pub workgroup: String,
    /// The limits in force.
    pub limits: limits::Limits,
    /// Accesses to shares that are recorded for every share, besides what each share says.
    pub audit_shares: ShareAudit,
    /// Logons that are recorded.
    pub audit_logons: LogonAudit,
    /// The addresses it can be reached at; empty when they are not known (FSCTL_QUERY_NETWORK_INTERFACE_INFO is
    /// refused then).
    pub interfaces: Vec<NetworkInterfaceInfo>,
}

impl Default for ServerConfig {
    /// As safe as it gets, without a name: signing is required, clear traffic to what is sealed refused.
    fn default() -> Self {
        ServerConfig {
            guid: Guid::ZERO,
            netbios_name: String::new(),
            dns_name: String::new(),
            machine_sid: Sid::NULL,
            comment: String::new(),
            min_dialect: Dialect::SMB_2_0_2,
            max_dialect: Dialect::SMB_3_1_1,
            require_signing: true,
            encrypt_data: false,
            reject_unencrypted: true,
            allow_anonymous: false,
            allow_raw_ntlm: true,
            refuse_ntlm: false,
            allow_rc4: false,
            require_mic: false,
            posix_extensions: true,
            started: FileTime::ZERO,
            workgroup: "WORKGROUP".to_owned(),
            limits: limits::Limits::default(),
            audit_shares: ShareAudit::default(),
            audit_logons: LogonAudit::default(),
            interfaces: Vec::new(),
        }
    }
}

/// Random bytes for ids, challenges and salts. The shell gives the system's, a simulation a seeded one.
pub trait Entropy: Send + Sync {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// The server.
pub struct Server {
    /// For what an operation's end calls back.
    this: Weak<Server>,
    /// What is fixed.
    pub config: ServerConfig,
    /// What logons are held to, swapped when the membership of a domain changes.
    pub acceptor: ArcSwap<AcceptorConfig>,
    /// Kerberos authenticators that were used, on any connection.
    pub authenticators: Arc<ReplayCache>,
    /// The shares, swapped when one changes.
    pub shares: ArcSwap<Shares>,
    /// Local accounts and groups as the RPC interfaces tell of them, swapped when one changes.
    pub accounts: ArcSwap<AccountsSnapshot>,
    /// The shares with all their settings as the RPC interfaces tell of them, swapped together with `shares`.
    pub share_settings: ArcSwap<SharesSnapshot>,
    /// The DFS namespaces whose roots are among the shares, swapped when one changes; see [`Server::set_namespaces`].
    pub namespaces: ArcSwap<Namespaces>,
    /// The same as the RPC interfaces tell of them.
    pub kept_namespaces: ArcSwap<Namespaces>,
    /// Servers of DFS targets, in lower case, that do not answer: the shell asks them.
    pub dead_dfs_servers: ArcSwap<HashSet<String>>,
    /// Where clients and targets are, as the directory says; the shell swaps it.
    pub sites: ArcSwap<Sites>,
    /// How the RPC interfaces present this server.
    pub rpc: ServerInfo,
    /// The domain that this server is a member of, swapped when it joins or leaves.
    pub domain: ArcSwapOption<DomainInfo>,
    /// Names of that domain: what its directory has answered.
    pub directory: Arc<DirectoryCache>,
    /// Sessions whose logon succeeded.
    pub sessions: Sharded<u64, Arc<Session>>,
    /// Files that are open.
    pub nodes: NodeTable,
    /// Clients, by the ids that they give themselves.
    pub clients: ClientTable,
    /// Leases, by key.
    pub leases: LeaseTable,
    /// Directories that are watched.
    pub notify: NotifyTable,
    /// Directories with leases.
    pub directory_leases: DirectoryLeases,
    /// LastWriteTimes that are shown late.
    pub held_times: Arc<HeldTimes>,
    /// Walks that put inherited entries right.
    pub inheritance: Inheritance,
    /// The audit log takes no records: what must be recorded is refused. The shell sets it.
    pub audit_refuses: Arc<AtomicBool>,
    /// Opens that wait for their client to come back.
    pub disconnected: DisconnectedOpens,
    /// CREATE requests that can be replayed.
    pub replays: Arc<ReplayTable>,
    /// Opens by their application instance.
    pub app_instances: AppInstances,
    /// Where persistent opens are kept; without one there are none.
    pub persistent: OnceLock<Arc<dyn PersistentStore>>,
    /// What operators see.
    pub metrics: Metrics,
    /// Who has logged on of late.
    pub recent_logons: RecentLogons,
    /// Requests that wait for others now.
    pub waiting: Sharded<WaiterId, Waiting>,
    /// Random bytes.
    pub entropy: Box<dyn Entropy>,
    mailboxes: Sharded<ConnectionId, Arc<Mailbox>>,
    encrypt_data: AtomicBool,
    reject_unencrypted: AtomicBool,
    next_connection: AtomicU64,
    next_file: AtomicU64,
    failed_logons: Mutex<HashMap<String, FailedLogons>>,
    logons_succeeded: AtomicU64,
    logons_refused: AtomicU64,
    snapshots: Mutex<Snapshots>,
}

/// Logons since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logons {
    /// Which succeeded.
    pub succeeded: u64,
    /// Which were refused.
    pub refused: u64,
}

/// Numbers of snapshots have this bit, those of configured volumes do not.
const FIRST_SNAPSHOT: u32 = 1 << 31;

/// Snapshots that somebody opened a file of: each is a volume of its own.
#[derive(Default)]
struct Snapshots {
    known: HashMap<(VolumeId, FileTime), VolumeRef>,
    /// Numbers given to them so far.
    given: u32,
}

#[derive(Clone, Copy, Debug)]
struct FailedLogons {
    count: u32,
    last: std::time::Duration,
}

impl Server {
    /// A server without sessions.
    #[must_use]
    pub fn new(config: ServerConfig, entropy: Box<dyn Entropy>) -> Arc<Self> {
        let authenticators = Arc::default();
        let acceptor = membership::acceptor_config(&config, None, &authenticators);
        let rpc = ServerInfo {
            netbios_name: config.netbios_name.clone(),
            dns_name: config.dns_name.clone(),
            workgroup: config.workgroup.clone(),
            comment: config.comment.clone(),
            version: ServerInfo::VERSION,
            machine_sid: config.machine_sid,
            server_guid: config.guid,
        };
        let accounts = AccountsSnapshot::new(config.machine_sid, Vec::new(), Vec::new());
        // A client that comes back after a restart must not find another's open under its old id: each start has file ids
        // of its own.
        let mut start = [0; 4];
        entropy.fill(&mut start);
        let first_file = u64::from(u32::from_le_bytes(start) >> 1) << 32 | 1;
        Arc::new_cyclic(|this| Server {
            this: this.clone(),
            accounts: ArcSwap::from_pointee(accounts),
            share_settings: ArcSwap::from_pointee(SharesSnapshot::default()),
            namespaces: ArcSwap::from_pointee(Namespaces::default()),
            kept_namespaces: ArcSwap::from_pointee(Namespaces::default()),
            dead_dfs_servers: ArcSwap::from_pointee(HashSet::new()),
            sites: ArcSwap::from_pointee(Sites::default()),
            rpc,
            domain: ArcSwapOption::empty(),
            directory: Arc::default(),
            encrypt_data: AtomicBool::new(config.encrypt_data),
            reject_unencrypted: AtomicBool::new(config.reject_unencrypted),
            config,
            acceptor: ArcSwap::from_pointee(acceptor),
            authenticators,
            shares: ArcSwap::from_pointee(Shares::default()),
            sessions: Sharded::default(),
            nodes: NodeTable::default(),
            clients: ClientTable::default(),
            leases: LeaseTable::default(),
            notify: NotifyTable::default(),
            directory_leases: DirectoryLeases::default(),
            held_times: Arc::default(),
            inheritance: Inheritance::default(),
            audit_refuses: Arc::default(),
            disconnected: DisconnectedOpens::default(),
            replays: Arc::default(),
            app_instances: AppInstances::default(),
            persistent: OnceLock::new(),
            metrics: Metrics::default(),
            recent_logons: RecentLogons::default(),
            waiting: Sharded::default(),
            entropy,
            mailboxes: Sharded::default(),
            next_connection: AtomicU64::new(1),
            next_file: AtomicU64::new(first_file),
            failed_logons: Mutex::new(HashMap::new()),
            logons_succeeded: AtomicU64::new(0),
            logons_refused: AtomicU64::new(0),
            snapshots: Mutex::default(),
        })
    }

    /// The server, to be kept by something that outlives a call; `None` when it is being dropped.
    #[must_use]
    pub fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Registers a connection's mailbox and names the connection.
    pub fn register(&self, mailbox: Arc<Mailbox>) -> ConnectionId {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        self.mailboxes.insert(id, mailbox);
        id
    }

    /// Forgets a connection.
    pub fn unregister(&self, id: ConnectionId) {
        self.mailboxes.remove(&id);
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.mailboxes.len()
    }

    /// True while a connection is registered and its transport there.
    pub fn is_connected(&self, id: ConnectionId) -> bool {
        self.mailboxes.find(&id).is_some_and(|mailbox| !mailbox.is_closed())
    }

    /// Sends an event to a connection; false when it is gone, or cannot deliver a notification any more.
    pub fn post(&self, to: ConnectionId, event: Event) -> bool {
        self.mailboxes.find(&to).is_some_and(|mailbox| mailbox.post(event))
    }

    /// A connection's mailbox, for who posts to it without the server at hand; `None` when it is gone.
    #[must_use]
    pub fn mailbox(&self, of: ConnectionId) -> Option<Arc<Mailbox>> {
        self.mailboxes.find(&of)
    }

    /// A volatile (and persistent) file id that was never used.
    pub fn next_file_id(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// Every new session of a client that can is sealed ([MS-SMB2] 3.3.1.5 EncryptData).
    #[must_use]
    pub fn encrypts_data(&self) -> bool {
        self.encrypt_data.load(Ordering::Relaxed)
    }

    /// Clear traffic to what must be sealed is refused ([MS-SMB2] 3.3.1.5 RejectUnencryptedAccess).
    #[inline]
    #[must_use]
    pub fn rejects_unencrypted(&self) -> bool {
        self.reject_unencrypted.load(Ordering::Relaxed)
    }

    /// An administrator sets both. Sessions that there are stay sealed or clear, as with Windows.
    pub fn set_encryption(&self, encrypt_data: bool, reject_unencrypted: bool) {
        self.encrypt_data.store(encrypt_data, Ordering::Relaxed);
        self.reject_unencrypted.store(reject_unencrypted, Ordering::Relaxed);
    }

    /// Puts all DFS namespaces in place, without the targets that do not answer. Requests under way end with those they began with; a client that has connected to a
    /// share before it became a root, or since it ceased to be one, learns of it when it connects again.
    pub fn set_namespaces(&self, namespaces: Arc<Namespaces>) {
        self.namespaces.store(namespaces);
    }

    /// How many opens there have been.
    pub fn opens_made(&self) -> u64 {
        // The low half counts from 1 on.
        let low = self.next_file.load(Ordering::Relaxed) & u64::from(u32::MAX);
        low.saturating_sub(1)
    }

    /// How many logons there have been.
    pub fn logons(&self) -> Logons {
        Logons {
            succeeded: self.logons_succeeded.load(Ordering::Relaxed),
            refused: self.logons_refused.load(Ordering::Relaxed),
        }
    }

    /// Keeps [`Server::next_file_id`] clear of an id that a former life of the server has given out.
    pub fn reserve_file_ids(&self, used: u64) {
        let now = self.next_file.load(Ordering::Relaxed);
        if used >= now && used >> 32 == now >> 32 {
            self.next_file.store(used.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// A session id that is not in use; random, so that ids cannot be guessed.
    pub fn next_session_id(&self) -> SessionId {
        loop {
            let mut bytes = [0; 4];
            self.entropy.fill(&mut bytes);
            // Some clients keep it in 32 bits.
            let id = u64::from(u32::from_le_bytes(bytes));
            if id != 0 && id != u64::from(u32::MAX) && self.sessions.find(&id).is_none() {
                return SessionId(id);
            }
        }
    }

    /// Ends a session: its opens wait for their client to come back, or are closed with `ops`; its other channels are told.
    pub fn end_session(&self, session: &Arc<Session>, ops: &mut VecDeque<Op>, now: Now) {
        self.end(session, ops, now, true);
    }

    /// Ends a session with all its opens: its account may not be logged on any more, or an administrator says so.
    pub fn throw_out(&self, session: &Arc<Session>, ops: &mut VecDeque<Op>, now: Now) {
        self.end(session, ops, now, false);
    }

    fn end(&self, session: &Arc<Session>, ops: &mut VecDeque<Op>, now: Now, may_return: bool) {
        let had_ended = session.closed.swap(true, Ordering::AcqRel);
        self.sessions.remove(&session.id.0);
        for open in session.take_opens(None) {
            if !(may_return && durable::preserve(self, &open, now)) {
                teardown::close_open(self, &open, ops, now);
            }
        }
        session.take_trees();
        if !had_ended {
            audit::logged_off(self, session, ops, now);
        }
        for connection in session.all_connections() {
            self.post(connection, Event::SessionGone(session.id));
        }
    }

    /// Tells every session's connection that a share is gone, and closes the opens of it that wait for their client.
    pub fn share_gone(&self, share: &str, now: Now) {
        durable::give_up_where(self, now, |open, _| open.tree.share.name.eq_ignore_ascii_case(share));
        for session in self.sessions.values() {
            if let Some(connection) = session.connections().first() {
                self.post(*connection, Event::ShareGone(share.to_owned()));
            }
        }
    }

    /// Has the sessions of an account ended, and closes its opens that wait for their client.
    pub fn account_gone(&self, account: &Sid, now: Now) {
        durable::give_up_where(self, now, |_, known| known.owner == *account);
        for session in self.sessions.values() {
            if session.identity.load().token.user() == account
                && let Some(connection) = session.connections().first()
            {
                self.post(*connection, Event::EndSession(session.id));
            }
        }
    }

    /// Has the sessions of everybody ended who has an account elsewhere, and closes their opens that wait for their client: this
    /// server is not a member of its domain any more.
    pub fn domain_gone(&self, now: Now) {
        let machine = self.config.machine_sid;
        // [MS-DTYP] 2.4.2.4: accounts of machines and domains are S-1-5-21-...; the anonymous user has no account.
        let is_elsewhere = |user: &Sid| {
            user.sub_authorities().first() == Some(&21)
                && user.split_rid().is_some_and(|(domain, _)| domain != machine)
        };
        durable::give_up_where(self, now, |_, known| is_elsewhere(&known.owner));
        for session in self.sessions.values() {
            if is_elsewhere(session.identity.load().token.user())
                && let Some(connection) = session.connections().first()
            {
                self.post(*connection, Event::EndSession(session.id));
            }
        }
    }

    /// A connection with a channel of the session is gone: the session ends with its last one. A connection `lingers` that
    /// has requests of the session under way still.
    pub fn leave_session(
        &self,
        session: &Arc<Session>,
        from: ConnectionId,
        lingers: bool,
        ops: &mut VecDeque<Op>,
        now: Now,
    ) {
        if session.leave(from, lingers) {
            self.end_session(session, ops, now);
        }
    }

    /// Counts a failed logon of an address; true when the answer shall be delayed.
    pub fn logon_failed(&self, peer: &str, now: Now) -> bool {
        self.logons_refused.fetch_add(1, Ordering::Relaxed);
        let mut table = self.failed_logons.lock();
        if table.len() > limits::MAX_ADDRESSES_WITH_FAILED_LOGONS {
            table.retain(|_, entry| {
                now.monotonic.saturating_sub(entry.last) < limits::FAILED_LOGONS_FORGOTTEN_AFTER
            });
        }
        let entry = table.entry(peer.to_owned()).or_insert(FailedLogons { count: 0, last: now.monotonic });
        if now.monotonic.saturating_sub(entry.last) >= limits::FAILED_LOGONS_FORGOTTEN_AFTER {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now.monotonic;
        entry.count > self.config.limits.logon_failures_before_wait
    }

    /// The snapshot `found` of `volume`, which keeps its number while it is the same one.
    pub fn snapshot_volume(&self, volume: &VolumeRef, time: FileTime, found: FoundSnapshot) -> VolumeRef {
        let mut snapshots = self.snapshots.lock();
        let key = (volume.id, time);
        if let Some(known) = snapshots.known.get(&key)
            && Arc::ptr_eq(&known.volume, &found.volume)
        {
            return known.clone();
        }
        if snapshots.known.len() >= limits::MAX_SNAPSHOTS {
            // Who has files of one open goes on with it; the next open gives it another number.
            snapshots.known.clear();
        }
        snapshots.given = snapshots.given.wrapping_add(1);
        let id = VolumeId(snapshots.given | FIRST_SNAPSHOT);
        let named = VolumeRef { id, identity: found.identity, volume: found.volume };
        snapshots.known.insert(key, named.clone());
        named
    }

    /// A logon from this address succeeded: its failures are forgotten.
    pub fn logon_succeeded(&self, peer: &str) {
        self.logons_succeeded.fetch_add(1, Ordering::Relaxed);
        let mut table = self.failed_logons.lock();
        if !table.is_empty() {
            table.remove(peer);
        }
    }
}
