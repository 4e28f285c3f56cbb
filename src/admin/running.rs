//! What only a running server can tell an administrator or do for him: it has the volumes open.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freehold_dfs::Sites;
use freehold_dtyp::FileTime;

use super::open_protocol::{OpenFileRow, SessionRow};
use crate::acl_jobs::AclJobs;
use crate::audit::record::Batch;
use crate::domain::Domain;
use crate::fsa::OpenReport;
use crate::metrics::snapshot::Snapshot;
use crate::quotas::QuotaService;
use crate::vfs::{NodeId, Volume};

/// A running server, as the administration service sees it. Calls may block on disk.
pub trait RunningServer: Send + Sync {
    /// The opened volume of that name.
    fn volume(&self, name: &str) -> Option<Arc<dyn Volume>>;

    /// What is done to access-control lists.
    fn acl_jobs(&self) -> Arc<AclJobs>;

    /// Where administration is served over HTTPS, and the fingerprint of the certificate there.
    fn api(&self) -> Option<(Vec<SocketAddr>, String)>;

    /// It is reached by this address, as far as it tells clients of its addresses.
    fn is_own_address(&self, address: IpAddr) -> bool;

    /// The folder of the audit log.
    fn audit_folder(&self) -> PathBuf;

    /// Gives records to the audit log and waits until they are kept. False when they could not be.
    fn record(&self, batch: Batch) -> bool;

    /// The domain that this server is or may become a member of.
    fn domain(&self) -> Arc<Domain>;

    /// What it does and has done.
    fn metrics(&self) -> Snapshot;

    /// What brings quotas to the volumes.
    fn quotas(&self) -> Arc<QuotaService>;

    /// Who has a file of a volume open now, in the order in which they opened it.
    fn opens_of(&self, volume: &str, file: NodeId) -> Vec<LiveOpen>;

    /// All sessions, in the order in which they were made.
    fn sessions(&self) -> Vec<SessionRow>;

    /// All open files, in the order in which they were made.
    fn open_files(&self) -> Vec<OpenFileRow>;

    /// Ends the sessions with these ids, with everything that they have open; how many there were.
    fn end_sessions(&self, ids: &[u64]) -> usize;

    /// Closes the opens with these ids; how many there were.
    fn close_opens(&self, ids: &[u64]) -> usize;

    /// Asks servers, by name or address, whether they take SMB connections: how long each took, or why it did not.
    fn probe(&self, servers: &[String]) -> HashMap<String, Result<Duration, String>>;

    /// Servers, in lower case, that DFS clients are not sent to since they do not answer.
    fn dead_dfs_servers(&self) -> HashSet<String>;

    /// Where clients and targets of DFS are, as far as it is known.
    fn dfs_sites(&self) -> KnownSites;

    /// Users of a share now.
    fn share_users(&self, share: &str) -> u32;
}

/// What is known of the directory's sites.
#[derive(Clone, Debug, Default)]
pub struct KnownSites {
    /// The sites; none where they were never read.
    pub sites: Arc<Sites>,
    /// Name of this server's own site: where its addresses are, else where a domain controller has said.
    pub own: Option<String>,
    /// When a domain controller told them last.
    pub read: Option<FileTime>,
    /// Why they could not be read since.
    pub problem: Option<String>,
}

/// An open and whose it is.
#[derive(Clone, Debug)]
pub struct LiveOpen {
    /// The open.
    pub open: OpenReport,
    /// The user; empty when the session is gone.
    pub user: String,
    /// Address of the client; empty when the session is gone.
    pub client: String,
    /// The share it was opened through; empty when the session is gone.
    pub share: String,
}
