//! Keeps what referrals know of sites: reads them from the directory, finds the addresses of the servers that have targets, and puts
//! what follows into the core as a whole.
//!
//! What was read last is kept in the state, and used until something newer is read: a server that starts while no domain controller
//! answers orders targets all the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use freehold_dfs::sites::{ServerPlace, Topology};
use freehold_dfs::{Namespaces, Sites};
use freehold_dtyp::FileTime;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Shared;
use crate::admin::KnownSites;
use crate::state::dfs_sites::KeptSites;
use crate::state::{Membership, StateError};

/// How often it is looked whether something is due: this long after a join sites are read, and after a new target its address.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often the sites are read, where they come in one page of an answer.
const READ_EVERY: Duration = Duration::from_secs(60);
/// How often larger ones are.
const READ_LARGE_EVERY: Duration = Duration::from_secs(5 * 60);
/// Objects of one page ([MS-ADTS] 3.1.1.3.4.6 MaxPageSize).
const ONE_PAGE: usize = 1_000;
/// How long after a failure nobody is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(20);
/// How long reading may take.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// How long an address counts. The system's resolver does not tell what the DNS says.
const ADDRESSES_FOR: Duration = Duration::from_secs(5 * 60);
/// How long one round of questions for addresses begins new ones; who was not asked is asked in the next.
const RESOLVE_LIMIT: Duration = Duration::from_secs(20);
/// Names that are asked for at one time.
const AT_A_TIME: usize = 16;
/// How old the time in the state may be, while nothing else of it differs.
const KEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// What is known now.
#[derive(Debug, Default)]
pub(super) struct DfsSites(Mutex<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    kept: Arc<KeptSites>,
    /// Why the last attempt to read them failed.
    problem: Option<String>,
}

impl Shared {
    /// Puts the sites that were kept into the core.
    pub(super) fn load_dfs_sites(&self) -> Result<(), StateError> {
        let Some(membership) = self.state.membership() else { return Ok(()) };
        if let Some(kept) = self.state.kept_dfs_sites()?.filter(|kept| kept.domain == membership.dns_domain) {
            self.core.sites.store(Arc::new(Sites::new(kept.topology.clone(), &kept.servers)));
            self.dfs_sites.0.lock().kept = Arc::new(kept);
        }
        Ok(())
    }

    /// What is known of sites, for an administrator.
    pub(super) fn known_sites(&self) -> KnownSites {
        let Known { kept, problem } = self.dfs_sites.0.lock().clone();
        let read = (kept.read != FileTime::ZERO).then_some(kept.read);
        let sites = self.core.sites.load_full();
        let mut addresses = self.core.config.interfaces.iter().map(|interface| interface.address);
        let by_address = addresses.find_map(|address| sites.of_address(address));
        let own = match by_address {
            Some((site, _)) => Some(sites.name(site).to_owned()),
            None => self.state.membership().and_then(|membership| membership.site.clone()),
        };
        KnownSites { sites, own, read, problem }
    }

    /// Puts what follows from `kept` into the core, and into the state when `write`. Blocks on disk.
    fn publish_sites(&self, kept: KeptSites, write: bool) {
        let sites = Sites::new(kept.topology.clone(), &kept.servers);
        if sites.left_out() > 0 {
            tracing::warn!(
                sites = sites.left_out(),
                "there are too many sites with DFS targets: the costs of some are not known, and their targets come last"
            );
        }
        self.core.sites.store(Arc::new(sites));
        if write && let Err(error) = self.state.keep_dfs_sites(&kept) {
            tracing::warn!(%error, "the sites of the directory could not be kept");
        }
        self.dfs_sites.0.lock().kept = Arc::new(kept);
    }

    /// This server under each of its names: where its addresses are, else where a domain controller has said.
    fn own(&self, membership: &Membership) -> Own {
        let config = &self.core.config;
        let mut names = membership.host_names();
        names.extend([config.netbios_name.clone(), config.dns_name.clone()]);
        let addresses = config.interfaces.iter().map(|interface| interface.address).collect();
        Own { names, place: ServerPlace { addresses, site: membership.site.clone() } }
    }
}

/// This server among the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Own {
    names: Vec<String>,
    place: ServerPlace,
}

/// Keeps them until `stopped`.
pub(super) async fn keep(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut keeper = Keeper::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = keeper.look(&shared) => {}
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// When something is due.
struct Keeper {
    read_at: Instant,
    /// When each server is asked for again.
    resolve_at: HashMap<String, Instant>,
    /// When the first of them is.
    resolve_next: Instant,
    own: Own,
    /// The namespaces that `servers` are of.
    namespaces: Option<Arc<Namespaces>>,
    servers: BTreeSet<String>,
    /// The time that the state has.
    written: FileTime,
}

impl Keeper {
    fn new() -> Self {
        Keeper {
            read_at: Instant::now(),
            resolve_at: HashMap::new(),
            resolve_next: Instant::now(),
            own: Own::default(),
            namespaces: None,
            servers: BTreeSet::new(),
            written: FileTime::ZERO,
        }
    }

    async fn look(&mut self, shared: &Arc<Shared>) {
        let Some(membership) = shared.state.membership() else {
            self.forget(shared).await;
            return;
        };
        let Known { kept: before, mut problem } = shared.dfs_sites.0.lock().clone();
        if before.domain != membership.dns_domain {
            self.read_at = Instant::now();
        }
        let reading = self.read_at <= Instant::now();
        let own = shared.own(&membership);
        let servers_differ = self.servers_differ(shared) || own != self.own;
        if !reading && !servers_differ && self.resolve_next > Instant::now() {
            return;
        }
        let mut kept = match before.domain == membership.dns_domain {
            true => KeptSites::clone(&before),
            false => KeptSites { domain: membership.dns_domain.clone(), ..KeptSites::default() },
        };
        if reading {
            self.read(shared, &mut kept, &mut problem).await;
            shared.dfs_sites.0.lock().problem = problem;
        }
        self.own = own;
        // Without a site nobody needs an address.
        if kept.topology.sites.is_empty() {
            self.resolve_next = self.read_at;
        } else {
            self.find_servers(&mut kept).await;
        }
        let changed = kept.topology != before.topology
            || kept.servers != before.servers
            || kept.domain != before.domain;
        if changed {
            self.publish(shared, kept).await;
        } else if kept.read != before.read {
            if kept.read.0.saturating_sub(self.written.0) >= ticks(KEEP_EVERY) {
                self.publish(shared, kept).await;
            } else {
                shared.dfs_sites.0.lock().kept = Arc::new(kept);
            }
        }
    }

    async fn publish(&mut self, shared: &Arc<Shared>, kept: KeptSites) {
        self.written = kept.read;
        let shared = Arc::clone(shared);
        // What was never read is not worth keeping.
        let write = kept.read != FileTime::ZERO;
        let _ = tokio::task::spawn_blocking(move || shared.publish_sites(kept, write)).await;
    }

    /// This server is no member.
    async fn forget(&mut self, shared: &Arc<Shared>) {
        if shared.dfs_sites.0.lock().kept.domain.is_empty() {
            return;
        }
        *self = Keeper::new();
        let shared = Arc::clone(shared);
        let forgetting = tokio::task::spawn_blocking(move || {
            if let Err(error) = shared.state.forget_dfs_sites() {
                tracing::warn!(%error, "the sites of the domain that was left could not be forgotten");
            }
            shared.core.sites.store(Arc::default());
            *shared.dfs_sites.0.lock() = Known::default();
        });
        let _ = forgetting.await;
    }

    async fn read(&mut self, shared: &Shared, kept: &mut KeptSites, problem: &mut Option<String>) {
        match read(shared).await {
            Ok((topology, entries)) => {
                if problem.take().is_some() {
                    tracing::info!("the sites of the directory could be read again");
                }
                kept.topology = topology;
                kept.read = FileTime::from_system_time(SystemTime::now());
                self.read_at =
                    Instant::now() + if entries <= ONE_PAGE { READ_EVERY } else { READ_LARGE_EVERY };
            }
            Err(error) => {
                if problem.is_none() {
                    tracing::warn!(
                        error,
                        "the sites of the directory cannot be read; DFS targets are ordered by what was read before"
                    );
                }
                *problem = Some(error);
                self.read_at = Instant::now() + RETRY_AFTER;
            }
        }
    }

    /// Looks for the servers of the targets anew where namespaces have changed; true then.
    fn servers_differ(&mut self, shared: &Shared) -> bool {
        let namespaces = shared.core.kept_namespaces.load_full();
        if self.namespaces.as_ref().is_some_and(|known| Arc::ptr_eq(known, &namespaces)) {
            return false;
        }
        let servers = servers(&namespaces);
        self.namespaces = Some(namespaces);
        if servers == self.servers {
            return false;
        }
        self.resolve_at.retain(|name, _| servers.contains(name));
        self.servers = servers;
        true
    }

    /// Sees to it that `kept` has a place for each server that has targets.
    async fn find_servers(&mut self, kept: &mut KeptSites) {
        kept.servers.retain(|name, _| self.servers.contains(name));
        let now = Instant::now();
        let mut asked = Vec::new();
        for name in &self.servers {
            if self.own.names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                kept.servers.insert(name.clone(), self.own.place.clone());
            } else if self.resolve_at.get(name).is_none_or(|due| *due <= now) {
                asked.push(name.clone());
            }
        }
        self.resolve(asked, kept).await;
        // Those that there was no time for are asked for at the next look.
        let known = self.servers.iter().filter(|name| kept.servers.contains_key(*name)).count();
        self.resolve_next = match known < self.servers.len() {
            true => Instant::now(),
            false => {
                self.resolve_at.values().min().copied().unwrap_or_else(|| Instant::now() + ADDRESSES_FOR)
            }
        };
    }

    async fn resolve(&mut self, asked: Vec<String>, kept: &mut KeptSites) {
        if asked.is_empty() {
            return;
        }
        let Ok(answers) = tokio::task::spawn_blocking(move || resolve(&asked)).await else { return };
        for (name, addresses) in answers {
            let again = if addresses.is_some() { ADDRESSES_FOR } else { RETRY_AFTER };
            self.resolve_at.insert(name.clone(), Instant::now() + again);
            // What a resolver said before counts while it does not answer.
            let place = kept.servers.entry(name).or_default();
            if let Some(addresses) = addresses {
                *place = ServerPlace { addresses, site: None };
            }
        }
    }
}

async fn read(shared: &Shared) -> Result<(Topology, usize), String> {
    let member = shared.domain.member().ok_or("this server is being joined")?;
    match tokio::time::timeout(READ_LIMIT, member.read_sites()).await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no domain controller has told them within {} s", READ_LIMIT.as_secs())),
    }
}

/// The servers of all targets, as they are spelled.
fn servers(namespaces: &Namespaces) -> BTreeSet<String> {
    let mut servers = BTreeSet::new();
    for index in namespaces.list() {
        let of_folders = index.folders().flat_map(|folder| &folder.targets);
        for target in index.namespace().targets.iter().chain(of_folders) {
            if !servers.contains(&target.server) {
                servers.insert(target.server.clone());
            }
        }
    }
    servers
}

/// The addresses of each name that there was time to ask for; `None` where the resolver has not told. Blocks.
fn resolve(names: &[String]) -> BTreeMap<String, Option<Vec<IpAddr>>> {
    let answers = Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    let end = Instant::now() + RESOLVE_LIMIT;
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(names.len()) {
            scope.spawn(|| {
                while Instant::now() < end
                    && let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let addresses = (name.as_str(), 0).to_socket_addrs().ok().map(|found| {
                        let mut addresses: Vec<IpAddr> =
                            found.map(|address| address.ip().to_canonical()).collect();
                        // A resolver turns them round; the first one in a subnet decides.
                        addresses.sort_unstable();
                        addresses.dedup();
                        addresses
                    });
                    answers.lock().insert(name.clone(), addresses);
                }
            });
        }
    });
    answers.into_inner()
}

fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / 100).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use freehold_dfs::{
        Fold, Folder, FolderOptions, Kind, Namespace, NamespaceIndex, NamespaceOptions, Target,
    };
    use freehold_dtyp::Guid;

    use super::*;

    #[test]
    fn servers_of_roots_and_folders_are_found_as_they_are_spelled() {
        let namespace = Namespace {
            name: "files".to_owned(),
            guid: Guid::ZERO,
            kind: Kind::StandAlone,
            comment: String::new(),
            state: freehold_dfs::State::Online,
            ttl_seconds: 300,
            options: NamespaceOptions::default(),
            targets: vec![Target::new("Root", "files", "")],
        };
        let mut index = NamespaceIndex::new(Arc::new(namespace));
        let folder = Folder {
            path: "a".to_owned(),
            guid: Guid::ZERO,
            comment: String::new(),
            state: freehold_dfs::State::Online,
            ttl_seconds: 60,
            options: FolderOptions::default(),
            security: None,
            targets: vec![
                Target::new("FS1", "x", ""),
                Target::new("fs2", "x", ""),
                Target::new("FS1", "y", ""),
            ],
        };
        index.insert(Fold::ASCII, Arc::new(folder)).unwrap();
        let found = servers(&Namespaces::new(Fold::ASCII, [index]));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["FS1", "Root", "fs2"]);
    }

    #[test]
    fn names_have_addresses_or_none() {
        let names = ["127.0.0.9".to_owned(), "no-such-host.invalid".to_owned()];
        let answers = resolve(&names);
        assert_eq!(answers[&names[0]], Some(vec!["127.0.0.9".parse().unwrap()]));
        assert_eq!(answers[&names[1]], None);
    }
}
