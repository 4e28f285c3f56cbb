//! Sites, subnets and the costs between sites: where a client and a target are, and how far apart ([MS-ADTS] 6.1.1.2.2,
//! [MS-DRSR] 4.1.16.3 IDL_DRSQuerySitesByCost, [MS-DFSC] 3.2.1).
//!
//! Owns what is computed from a [`Topology`]: everything that a referral needs is looked up, not worked out. Knows nothing of
//! directories and resolvers: who fills a topology and finds the addresses of servers tells them here.

mod costs;
mod prefixes;

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::order::Distance;
use costs::{Graph, NO_WAY};
pub use prefixes::Prefix;
use prefixes::Prefixes;

/// Costs that are kept at most: a row for each site with a target, a column for each site. 64 MiB.
const COSTS_LIMIT: usize = 1 << 24;

/// What a directory says of sites. Names are compared without case; what refers to a name that is not there counts for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Topology {
    /// Names of the sites ([MS-ADTS] 6.1.1.2.2.1).
    pub sites: Vec<String>,
    /// Which addresses are in them ([MS-ADTS] 6.1.1.2.2.2.1).
    pub subnets: Vec<Subnet>,
    /// What leads from one to another over IP ([MS-ADTS] 6.1.1.2.2.3.3).
    pub links: Vec<SiteLink>,
    /// Which links may follow each other on a way ([MS-ADTS] 6.1.1.2.2.3.4).
    pub bridges: Vec<SiteLinkBridge>,
    /// NTDSTRANSPORT_OPT_BRIDGES_REQUIRED: only links of one bridge may follow each other; without it all may.
    pub bridges_required: bool,
    /// Domain controllers, which are where the directory says, whatever their address.
    pub controllers: Vec<Controller>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subnet {
    /// `10.1.0.0/16`, `2001:db8::/32`. One with bits of hosts in it, or that is no prefix at all, has no addresses.
    pub prefix: String,
    /// The site.
    pub site: String,
}

/// A site link: a way between any two of its sites.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SiteLink {
    /// Name.
    pub name: String,
    /// What the way costs.
    pub cost: u32,
    /// The sites.
    pub sites: Vec<String>,
}

/// A site link bridge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SiteLinkBridge {
    /// Name.
    pub name: String,
    /// Names of its links.
    pub links: Vec<String>,
}

/// A domain controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Controller {
    /// DNS name of the computer.
    pub name: String,
    /// Its site.
    pub site: String,
}

/// What is known of a server that has targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServerPlace {
    /// Its addresses; the first one in a subnet decides.
    pub addresses: Vec<IpAddr>,
    /// Its site where no address says: what a domain controller told this server of itself.
    pub site: Option<String>,
}

/// Which of [`Topology::sites`]. Of use with the [`Sites`] that gave it only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteId(u32);

impl SiteId {
    fn at(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Why a server is in a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedBy {
    /// It is a domain controller of it.
    Controller,
    /// This address is in a subnet of it.
    Address(IpAddr, Prefix),
    /// A domain controller has said so.
    Told,
}

/// Where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSite {
    /// The site.
    pub site: SiteId,
    /// Why.
    pub by: PlacedBy,
}

/// Sites as referrals use them: immutable, swapped as a whole when the directory or the targets differ.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    topology: Topology,
    by_name: HashMap<String, SiteId>,
    prefixes: Prefixes,
    servers: HashMap<String, ServerSite>,
    graph: Graph,
    /// By site: the costs to all others, where a server is in it.
    costs: Vec<Option<Box<[u32]>>>,
    left_out: usize,
}

impl Sites {
    /// What follows from `topology`, for targets on `servers`, named as namespaces name them.
    #[must_use]
    pub fn new(topology: Topology, servers: &BTreeMap<String, ServerPlace>) -> Self {
        let by_name = (0_u32..).zip(&topology.sites).map(|(id, name)| (fold(name), SiteId(id))).collect();
        let mut sites = Sites { topology, by_name, ..Sites::default() };
        for subnet in &sites.topology.subnets {
            if let (Some(prefix), Some(site)) = (Prefix::parse(&subnet.prefix), sites.named(&subnet.site)) {
                sites.prefixes.insert(prefix, site);
            }
        }
        sites.prefixes.finish();
        sites.graph = Graph::new(&sites.topology, &|name| sites.named(name).map(SiteId::at));
        sites.place(servers);
        sites.weigh();
        sites
    }

    /// What the directory says.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// No site is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topology.sites.is_empty()
    }

    /// How many sites with targets have no costs, since there are too many.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The site of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<SiteId> {
        if self.by_name.is_empty() { None } else { self.by_name.get(&fold(name)).copied() }
    }

    /// The name of a site.
    #[must_use]
    pub fn name(&self, site: SiteId) -> &str {
        self.topology.sites.get(site.at()).map_or("", String::as_str)
    }

    /// The site of an address: the one of the longest prefix that it has. An IPv4 address in IPv6 is one of IPv4.
    #[must_use]
    pub fn of_address(&self, address: IpAddr) -> Option<(SiteId, Prefix)> {
        self.prefixes.find(address)
    }

    /// The site of a client that comes from `address` and may name its own ([MS-DFSC] 2.2.3 SiteName). A name that is not known
    /// is as none.
    #[must_use]
    pub fn of_client(&self, site_name: Option<&str>, address: Option<IpAddr>) -> Option<SiteId> {
        if self.is_empty() {
            return None;
        }
        let named = site_name.filter(|name| !name.is_empty()).and_then(|name| self.named(name));
        named.or_else(|| Some(self.of_address(address?)?.0))
    }

    /// Where a target's server is; `None` for one that was not told of, and for one in no known site.
    #[must_use]
    pub fn of_server(&self, name: &str) -> Option<ServerSite> {
        // As a namespace spells it; else as all spell it.
        self.servers.get(name).or_else(|| self.servers.get(&fold(name))).copied()
    }

    /// Servers with their sites, by folded name.
    pub fn servers(&self) -> impl Iterator<Item = (&str, ServerSite)> {
        let folded = self.servers.iter().filter(|(name, _)| fold(name) == **name);
        folded.map(|(name, place)| (name.as_str(), *place))
    }

    /// How far a target's server is from a client ([MS-DFSC] 3.2.1.1, 3.2.1.2).
    #[must_use]
    pub fn distance(&self, client: Option<SiteId>, server: &str) -> Distance {
        let Some(client) = client else { return Distance::Unknown };
        let Some(place) = self.of_server(server) else { return Distance::Unknown };
        if place.site == client {
            return Distance::SameSite;
        }
        // Costs are the same both ways: the row of the target's site has the client's.
        let row = self.costs.get(place.site.at()).and_then(Option::as_deref);
        match row.and_then(|row| row.get(client.at())) {
            None | Some(&NO_WAY) => Distance::Unknown,
            Some(cost) => Distance::Cost(*cost),
        }
    }

    /// What it costs to come from one site to each ([MS-DRSR] 4.1.16.3), in the order of [`Topology::sites`]; `None` where
    /// there is no way. Worked out anew.
    #[must_use]
    pub fn costs_from(&self, site: SiteId) -> Vec<Option<u32>> {
        let row = self.graph.row(site.at());
        row.into_iter().map(|cost| (cost != NO_WAY).then_some(cost)).collect()
    }

    fn place(&mut self, servers: &BTreeMap<String, ServerPlace>) {
        let mut controllers = HashMap::new();
        for controller in &self.topology.controllers {
            if let Some(site) = self.named(&controller.site) {
                let name = fold(&controller.name);
                if let Some((host, _)) = name.split_once('.') {
                    controllers.insert(host.to_owned(), site);
                }
                controllers.insert(name, site);
            }
        }
        for (name, place) in servers {
            let folded = fold(name);
            let by_address = |address: IpAddr| {
                let (site, prefix) = self.of_address(address)?;
                Some(ServerSite { site, by: PlacedBy::Address(address, prefix) })
            };
            let controller = controllers.get(&folded);
            let found = controller
                .map(|site| ServerSite { site: *site, by: PlacedBy::Controller })
                .or_else(|| by_address(name.parse().ok()?))
                .or_else(|| place.addresses.iter().find_map(|address| by_address(*address)))
                .or_else(|| {
                    let site = self.named(place.site.as_deref()?)?;
                    Some(ServerSite { site, by: PlacedBy::Told })
                });
            if let Some(found) = found {
                self.servers.insert(folded, found);
                self.servers.insert(name.clone(), found);
            }
        }
    }

    fn weigh(&mut self) {
        let count = self.topology.sites.len();
        let mut rows = COSTS_LIMIT.checked_div(count).unwrap_or(0);
        self.costs = vec![None; count];
        for place in self.servers.values() {
            let Some(row) = self.costs.get_mut(place.site.at()).filter(|row| row.is_none()) else { continue };
            if rows == 0 {
                self.left_out = self.left_out.saturating_add(1);
                continue;
            }
            rows = rows.saturating_sub(1);
            *row = Some(self.graph.row(place.site.at()).into_boxed_slice());
        }
    }
}

/// Names of sites and servers are compared without case.
fn fold(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests;
