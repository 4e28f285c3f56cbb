//! What an administrator changes while the server runs: this server's identity, local accounts and groups, shares, namespaces, tokens; and
//! the persistent opens, which outlive it.
//!
//! Owns `state.db` in the state folder (SQLite, mode 0600) and the snapshots made from it. Readers take a snapshot
//! ([`State::accounts`], [`State::shares`]) without locks or SQL; each change runs in one transaction, then swaps the
//! snapshot, then tells the listeners, in that order, so that a listener already sees the new state.
//!
//! [`accounts`] and [`shares`] hold plain data and may be read by pure modules. Knows nothing of SMB, sessions or
//! sockets.
//!
//! Lock order: `listeners` is never held while `database` is taken, nor is the queue of the persistent opens.

pub mod accounts;
mod accounts_changes;
mod acl_jobs;
mod api_tokens;
pub mod declared;
pub mod dfs;
mod dfs_changes;
mod dfs_directory;
#[cfg(test)]
mod dfs_directory_tests;
mod dfs_placed;
pub mod dfs_sites;
#[cfg(test)]
mod dfs_tests;
pub mod domain;
mod domain_changes;
mod error;
mod identity;
mod load;
pub mod persistent;
mod persistent_changes;
pub mod quotas;
mod quotas_changes;
mod quotas_samples;
#[cfg(test)]
mod quotas_tests;
mod schema;
pub mod server;
pub mod shares;
mod shares_changes;
pub mod tokens;

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption};
use freehold_acl::SddlDomains;
use freehold_dfs::Namespaces;
use freehold_dtyp::{FileTime, Sid};
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::config::VolumeConfig;

pub use crate::config::AuditOption;
pub use accounts::{Account, AccountsSnapshot, Group};
pub use accounts_changes::{AccountChange, NewAccount};
pub use acl_jobs::{AclJob, AclJobProgress, AclJobStatus, NewAclJob};
pub use api_tokens::ApiToken;
pub use declared::DeclaredStep;
pub use dfs::DfsEdit;
pub use dfs_directory::{DirectoryChange, NotFollowed};
pub use dfs_placed::{PlacedFolder, PlacedMark, PlacedRoot};
pub use domain::{MachinePassword, Membership};
pub use domain_changes::NewMembership;
pub use error::StateError;
pub use identity::Identity;
pub use persistent::{
    PersistentAppInstance, PersistentChange, PersistentLease, PersistentLock, PersistentLocks,
    PersistentMarks, PersistentOpen,
};
pub use server::{ConfiguredServer, ServerSettings};
pub use shares::{CachingMode, Share, ShareSettings, SharesSnapshot};
pub use shares_changes::ShareChange;
pub use tokens::{domain_token, network_token, network_token_if};

/// Name of the database in the state folder.
pub const DATABASE_FILE: &str = "state.db";
/// Name of the file that is locked while a process owns the state.
pub const LOCK_FILE: &str = "lock";
/// How long a statement waits for another process that reads the database, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// What has changed, told after the new snapshot is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An account was removed: its sessions end.
    AccountRemoved(Sid),
    /// An account was disabled: its sessions end.
    AccountDisabled(Sid),
    /// Password, names or groups of an account differ: new logons use them. Or there is another group, or one differs.
    AccountChanged(Sid),
    /// A share was removed: tree connects to it end. The name is in the case it was made with.
    ShareRemoved(String),
    /// A share is new or has other settings.
    ShareChanged(String),
    /// Limits of the volume of this name differ, or somebody else has them.
    QuotasChanged(String),
    /// The namespace of this name, its folders or their targets differ, or it is gone.
    NamespaceChanged(String),
    /// The server joined or left a domain, or its account there has other names, passwords or keys.
    MembershipChanged,
    /// What holds for the whole server differs.
    ServerChanged,
}

/// Called after each change, on the thread that made it. Must not block and must not change the state.
pub type ChangeListener = Box<dyn Fn(&Change) + Send + Sync>;

/// The state of one server. Methods that change it block on disk: call them where that is allowed.
pub struct State {
    identity: Identity,
    database: Mutex<Connection>,
    accounts: ArcSwap<AccountsSnapshot>,
    shares: ArcSwap<SharesSnapshot>,
    quotas: ArcSwap<quotas::QuotasSnapshot>,
    namespaces: ArcSwap<Namespaces>,
    volumes: ArcSwap<Vec<VolumeConfig>>,
    membership: ArcSwapOption<Membership>,
    server: ArcSwap<ServerSettings>,
    configured: ArcSwapOption<ConfiguredServer>,
    api_tokens: ArcSwap<Vec<Arc<ApiToken>>>,
    listeners: Mutex<Vec<ChangeListener>>,
    persistent: persistent_changes::Batch,
    /// Holds the lock of the state folder; `None` for a state in memory.
    _lock: Option<File>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl State {
    /// Opens the state in `folder`, making folder and database when they are not there, and keeps other processes
    /// out until it is dropped.
    ///
    /// # Errors
    /// [`StateError::InUse`] when another process has it, [`StateError::TooNew`] for a database of a newer version,
    /// else the failed step.
    pub fn open(folder: &Path) -> Result<State, StateError> {
        let io = |error| StateError::Folder { path: folder.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        let private = |name: &str| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(folder.join(name))
        };
        let lock = private(LOCK_FILE).map_err(io)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            if error == rustix::io::Errno::WOULDBLOCK {
                StateError::InUse { path: folder.to_owned() }
            } else {
                io(error.into())
            }
        })?;
        // SQLite gives its journal files the mode of the database: make that first.
        drop(private(DATABASE_FILE).map_err(io)?);
        let database = load::named(DATABASE_FILE, connect(&folder.join(DATABASE_FILE)))?;
        Self::from_connection(database, Some(lock))
    }

    /// A state in memory with the rows of `rows` and then changed by `damage`, as no program writes it.
    #[cfg(test)]
    pub(crate) fn damaged(rows: &str, damage: &str) -> Result<State, StateError> {
        let mut database = Connection::open_in_memory()?;
        schema::migrate(&mut database)?;
        let transaction = database.transaction()?;
        identity::load_or_make(&transaction, now())?;
        transaction.commit()?;
        database.execute_batch(rows)?;
        database.pragma_update(None, "ignore_check_constraints", true)?;
        database.execute_batch(damage)?;
        database.pragma_update(None, "ignore_check_constraints", false)?;
        Self::from_connection(database, None)
    }

    /// Makes the tables of this version.
    #[cfg(test)]
    pub(crate) fn make_tables(database: &Connection) {
        schema::make_of_version(database, schema::MIGRATIONS.len());
    }

    /// A new state that lives in memory only.
    ///
    /// # Errors
    /// When SQLite or the system's random source fails.
    pub fn in_memory() -> Result<State, StateError> {
        Self::from_connection(Connection::open_in_memory()?, None)
    }

    fn from_connection(mut database: Connection, lock: Option<File>) -> Result<State, StateError> {
        database.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
        database.pragma_update(None, "foreign_keys", true)?;
        // Passwords and keys that were replaced are overwritten.
        database.pragma_update(None, "secure_delete", true)?;
        let loaded = load::named(DATABASE_FILE, load::Loaded::from(&mut database))?;
        let load::Loaded { identity, accounts, shares, quotas, namespaces, membership, server, api_tokens } =
            loaded;
        Ok(State {
            identity,
            database: Mutex::new(database),
            accounts: ArcSwap::from_pointee(accounts),
            shares: ArcSwap::from_pointee(shares),
            quotas: ArcSwap::from_pointee(quotas),
            namespaces: ArcSwap::from_pointee(namespaces),
            volumes: ArcSwap::default(),
            membership: ArcSwapOption::from_pointee(membership),
            server: ArcSwap::from_pointee(server),
            configured: ArcSwapOption::empty(),
            api_tokens: ArcSwap::from_pointee(api_tokens),
            listeners: Mutex::new(Vec::new()),
            persistent: persistent_changes::Batch::default(),
            _lock: lock,
        })
    }

    /// Who this server is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Accounts and groups as of now. Does not block.
    #[must_use]
    pub fn accounts(&self) -> Arc<AccountsSnapshot> {
        self.accounts.load_full()
    }

    /// Shares as of now. Does not block.
    #[must_use]
    pub fn shares(&self) -> Arc<SharesSnapshot> {
        self.shares.load_full()
    }

    /// DFS namespaces as of now. Does not block.
    #[must_use]
    pub fn namespaces(&self) -> Arc<Namespaces> {
        self.namespaces.load_full()
    }

    /// The domain that this server is a member of. Does not block.
    #[must_use]
    pub fn membership(&self) -> Option<Arc<Membership>> {
        self.membership.load_full()
    }

    /// Whose accounts the short names of SDDL stand for: this machine's, and those of the domain that it is a member of.
    #[must_use]
    pub fn sddl_domains(&self) -> SddlDomains {
        let machine = self.identity().machine_sid;
        let Some(member) = self.membership() else { return SddlDomains::of(machine) };
        let is_root = member.forest.eq_ignore_ascii_case(&member.dns_domain);
        SddlDomains { machine, domain: member.domain_sid, forest: is_root.then_some(member.domain_sid) }
    }

    /// The volumes of the configuration that this process runs with; empty before [`State::set_volumes`].
    #[must_use]
    pub fn volumes(&self) -> Arc<Vec<VolumeConfig>> {
        self.volumes.load_full()
    }

    /// Tells which volumes there are. Not kept in the database: the configuration file has them.
    pub fn set_volumes(&self, volumes: Vec<VolumeConfig>) {
        self.volumes.store(Arc::new(volumes));
    }

    /// What the configuration file says; `None` before [`State::set_configured`].
    #[must_use]
    pub fn configured(&self) -> Option<Arc<ConfiguredServer>> {
        self.configured.load_full()
    }

    /// Tells what the configuration file says. Not kept in the database either.
    pub fn set_configured(&self, configured: ConfiguredServer) {
        self.configured.store(Some(Arc::new(configured)));
    }

    /// Has `listener` called after each change from now on.
    pub fn on_change(&self, listener: ChangeListener) {
        self.listeners.lock().push(listener);
    }

    /// Runs one change: all of it or nothing. What `work` returns besides its value is told to the listeners.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<(T, Vec<Change>), StateError>,
    ) -> Result<T, StateError> {
        let changes;
        let value;
        {
            let mut database = self.database.lock();
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            (value, changes) = work(&transaction)?;
            transaction.commit()?;
            let of_shares =
                |change: &Change| matches!(change, Change::ShareRemoved(_) | Change::ShareChanged(_));
            if changes.iter().any(of_shares) {
                self.shares.store(Arc::new(shares_changes::load(&database)?));
            }
            if changes.iter().any(|change| matches!(change, Change::NamespaceChanged(_))) {
                self.namespaces.store(Arc::new(dfs_changes::load(&database)?));
            }
            if changes.contains(&Change::MembershipChanged) {
                self.membership.store(domain_changes::load(&database)?.map(Arc::new));
            }
            if changes.contains(&Change::ServerChanged) {
                self.server.store(Arc::new(server::load(&database)?));
            }
            let of_others = |change: &Change| {
                of_shares(change) || matches!(change, Change::ServerChanged | Change::NamespaceChanged(_))
            };
            if !changes.iter().all(of_others) || changes.is_empty() {
                self.accounts.store(Arc::new(accounts_changes::load(&database, self.identity.machine_sid)?));
            }
        }
        for listener in self.listeners.lock().iter() {
            changes.iter().for_each(listener);
        }
        Ok(value)
    }
}

fn connect(path: &Path) -> Result<Connection, StateError> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    Ok(database)
}

/// The system's time.
fn now() -> FileTime {
    FileTime::from_system_time(SystemTime::now())
}

/// A FILETIME as SQLite keeps it.
fn time_to_sql(time: FileTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn time_from_sql(value: i64) -> FileTime {
    FileTime(u64::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests;
