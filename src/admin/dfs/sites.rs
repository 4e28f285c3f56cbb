//! What is known of the directory's sites.

use std::net::IpAddr;

use freehold_dfs::Sites;
use freehold_dfs::sites::SiteId;

use super::super::dfs_protocol::DfsSiteRow;
use super::super::running::KnownSites;
use super::super::service::{AdminService, iso_8601};

impl AdminService {
    /// The sites as a running server has them, else as they were kept.
    pub(super) fn known_sites(&self) -> anyhow::Result<KnownSites> {
        if let Some(server) = self.if_running() {
            return Ok(server.dfs_sites());
        }
        Ok(match self.state().kept_dfs_sites()? {
            Some(kept) => KnownSites {
                sites: Sites::new(kept.topology, &kept.servers).into(),
                own: self.state().membership().and_then(|membership| membership.site.clone()),
                read: Some(kept.read),
                problem: None,
            },
            None => KnownSites::default(),
        })
    }

    /// Why there are no sites, and what to do about it.
    pub(super) fn why_no_sites(&self, known: &KnownSites) -> String {
        if self.state().membership().is_none() {
            return "no sites are known: they are the directory's, and this server is no member of a domain \
                    (`freehold domain join`)"
                .to_owned();
        }
        match (&known.problem, self.if_running()) {
            (Some(problem), _) => format!("no sites are known: {problem}"),
            (None, Some(_)) => {
                "no sites are known yet: a domain controller is asked within seconds".to_owned()
            }
            (None, None) => {
                "no sites are known: the server reads them while it runs (`freehold serve`)".to_owned()
            }
        }
    }

    pub(super) fn site_rows(&self, from: Option<&str>) -> anyhow::Result<Vec<DfsSiteRow>> {
        let known = self.known_sites()?;
        let sites = &*known.sites;
        if sites.is_empty() {
            anyhow::bail!(self.why_no_sites(&known));
        }
        let own = || sites.named(known.own.as_deref()?);
        let from = from.map(|from| site_of(sites, from)).transpose()?.or_else(own);
        let costs = from.map(|from| sites.costs_from(from)).unwrap_or_default();
        let topology = sites.topology();
        let same = |name: &str, other: &str| name.to_lowercase() == other.to_lowercase();
        let row = |(name, cost): (&String, Option<u32>)| DfsSiteRow {
            name: name.clone(),
            subnets: topology
                .subnets
                .iter()
                .filter(|subnet| same(&subnet.site, name))
                .map(|subnet| subnet.prefix.clone())
                .collect(),
            links: topology
                .links
                .iter()
                .filter(|link| link.sites.iter().any(|site| same(site, name)))
                .map(|link| format!("{} ({})", link.name, link.cost))
                .collect(),
            servers: servers_in(sites, sites.named(name)),
            from: from.map_or(String::new(), |from| sites.name(from).to_owned()),
            cost,
            read_at: known.read.map_or(String::new(), iso_8601),
            problem: known.problem.clone().unwrap_or_default(),
        };
        let costs = costs.into_iter().chain(std::iter::repeat(None));
        Ok(topology.sites.iter().zip(costs).map(row).collect())
    }
}

/// A site that is named, or in which an address is.
fn site_of(sites: &Sites, text: &str) -> anyhow::Result<SiteId> {
    let by_address = || Some(sites.of_address(text.parse::<IpAddr>().ok()?)?.0);
    sites.named(text).or_else(by_address).ok_or_else(|| {
        anyhow::anyhow!(
            "From is {text:?}: expected a site of the directory or an address in one of its subnets"
        )
    })
}

fn servers_in(sites: &Sites, site: Option<SiteId>) -> Vec<String> {
    let here = sites.servers().filter(|(_, place)| Some(place.site) == site);
    let mut names: Vec<String> = here.map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    names
}
