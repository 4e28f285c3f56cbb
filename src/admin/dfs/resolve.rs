//! Which referral a client would get, and why.

use std::collections::HashSet;
use std::net::IpAddr;

use freehold_dfs::sites::{PlacedBy, SiteId};
use freehold_dfs::{Answer, Distance, LeftOut, PriorityClass, ReferralError, Sites, Surroundings, Target};

use super::super::dfs_protocol::{DfsResolution, DfsResolvedTarget};
use super::super::running::RunningServer;
use super::super::service::AdminService;
use super::path::NamespacePath;
use super::shown_class;

impl AdminService {
    pub(super) fn resolve_path(&self, path: &str, client: Option<&str>) -> anyhow::Result<DfsResolution> {
        let address = client.map(str::parse::<IpAddr>).transpose().map_err(|_| {
            anyhow::anyhow!("Client is {:?}: expected an IP address", client.unwrap_or_default())
        })?;
        let NamespacePath { namespace, below } = NamespacePath::parse(path)?;
        let (server, own) = (self.dfs_server(), self.own_names());
        let asked = match below.is_empty() {
            true => format!("\\{server}\\{namespace}"),
            false => format!("\\{server}\\{namespace}\\{below}"),
        };
        let units: Vec<u16> = asked.encode_utf16().collect();
        let dead = self.if_running().map_or_else(HashSet::new, RunningServer::dead_dfs_servers);
        let known = self.known_sites()?;
        let seen = Seen { sites: &known.sites, client: known.sites.of_client(None, address) };
        let around = Surroundings {
            distance: &|target| seen.distance(target),
            is_dead: &|target: &Target| dead.contains(&target.server.to_lowercase()),
            is_own: &|name| own.has(name),
        };
        let namespaces = self.state().namespaces();
        let mut resolution = DfsResolution { path: format!("\\{asked}"), ..DfsResolution::default() };
        // The order among equals is the one in which they were made: the answer is for reading.
        match namespaces.refer(&units, &around, &mut |below| below.saturating_sub(1)) {
            Ok(answer) => resolution.tell(&answer, &units, &seen),
            Err(ReferralError::NoNamespace | ReferralError::NotAController) => {
                resolution.reasons.push(format!(
                    "{namespace} is no namespace of this server: clients get no referral (STATUS_NOT_FOUND)"
                ))
            }
        }
        resolution.client_site = seen.client.map_or(String::new(), |site| seen.sites.name(site).to_owned());
        resolution.reasons.push(match address {
            _ if seen.sites.is_empty() => {
                format!("{}; no target is nearer than another", self.why_no_sites(&known))
            }
            None => "no client is named (--client IP): it counts as one whose site is not known".to_owned(),
            Some(address) => seen.client_reason(address),
        });
        Ok(resolution)
    }
}

/// Targets, as a client sees them.
struct Seen<'a> {
    sites: &'a Sites,
    client: Option<SiteId>,
}

impl Seen<'_> {
    fn distance(&self, target: &Target) -> Distance {
        self.sites.distance(self.client, &target.server)
    }

    fn site(&self, target: &Target) -> String {
        let place = self.sites.of_server(&target.server);
        place.map_or(String::new(), |place| self.sites.name(place.site).to_owned())
    }

    fn cost(&self, target: &Target) -> Option<u32> {
        match self.distance(target) {
            Distance::SameSite => Some(0),
            Distance::Cost(cost) => Some(cost),
            Distance::Unknown => None,
        }
    }

    /// Where a target is, and how that is known.
    fn place(&self, target: &Target) -> String {
        match self.sites.of_server(&target.server) {
            None => "in no site that is known".to_owned(),
            Some(place) => {
                let name = self.sites.name(place.site);
                match place.by {
                    PlacedBy::Controller => format!("in {name}, as a domain controller of it"),
                    PlacedBy::Address(address, prefix) => {
                        format!("in {name}, by its address {address} in {prefix}")
                    }
                    PlacedBy::Told => format!("in {name}, as a domain controller has told this server"),
                }
            }
        }
    }

    /// Why a target has its place among the others.
    fn reason(&self, target: &Target, site_costing: bool) -> String {
        let distance = match self.distance(target) {
            Distance::SameSite => "the client's site".to_owned(),
            Distance::Cost(cost) if site_costing => format!("another site, cost {cost}"),
            Distance::Cost(_) => "another site, and costs do not count without site costing".to_owned(),
            Distance::Unknown if self.client.is_none() => "the client's site is not known".to_owned(),
            Distance::Unknown => "no cost is known".to_owned(),
        };
        let group = match target.priority.class {
            PriorityClass::GlobalHigh => "before all others by its class; ",
            PriorityClass::GlobalLow => "behind all others by its class; ",
            _ => "",
        };
        format!("{group}{}: {distance}", self.place(target))
    }

    fn client_reason(&self, address: IpAddr) -> String {
        match self.sites.of_address(address) {
            Some((site, prefix)) => {
                format!("{address} is in the site {} (subnet {prefix})", self.sites.name(site))
            }
            None => format!(
                "{address} is in no subnet of the directory: its site is not known, and no target is nearer than another"
            ),
        }
    }
}

impl DfsResolution {
    fn tell(&mut self, answer: &Answer<'_>, units: &[u16], seen: &Seen<'_>) {
        let (covered, rest) = units.split_at_checked(answer.consumed).unwrap_or((units, &[]));
        let (covered, rest) = (String::from_utf16_lossy(covered), String::from_utf16_lossy(rest));
        let what = match (answer.folder.is_some(), answer.interlink) {
            (false, _) => "the root",
            (true, false) => "a folder",
            (true, true) => "a folder that leads to another namespace, where the client asks again",
        };
        self.referral = if answer.folder.is_some() { "Link" } else { "Root" }.to_owned();
        self.referral_path = format!("\\{covered}");
        // [MS-DFSC] 2.2.4: in bytes.
        self.path_consumed = u32::try_from(answer.consumed.saturating_mul(2)).unwrap_or(u32::MAX);
        self.time_to_live_sec = answer.ttl_seconds;
        self.reasons.push(format!(
            "\\{covered} is {what}: the client keeps its targets for {} s{}",
            answer.ttl_seconds,
            if answer.failback { " and goes back to a better one" } else { "" }
        ));
        let mut sets = 0;
        for told in &answer.told {
            sets += usize::from(told.starts_set);
            self.targets.push(DfsResolvedTarget {
                target_path: told.target.unc(),
                leads_to: format!("{}{rest}", told.target.unc()),
                set_boundary: told.starts_set,
                referral_priority_class: shown_class(told.target.priority.class),
                referral_priority_rank: told.target.priority.rank,
                site: seen.site(&told.target),
                site_cost: seen.cost(&told.target),
                reason: seen.reason(&told.target, answer.namespace.options.site_costing),
            });
        }
        if sets < answer.told.len() {
            self.reasons.push("targets of one set come in a random order each time".to_owned());
        }
        for (target, why) in &answer.left_out {
            let why = match why {
                LeftOut::Offline => "it is offline, or its folder or namespace is".to_owned(),
                LeftOut::Dead => "its server does not answer".to_owned(),
                LeftOut::OutsideSite => {
                    format!("only targets in the client's site are given, and it is {}", seen.place(target))
                }
            };
            self.reasons.push(format!("{} is left out: {why}", target.unc()));
        }
        if answer.told.is_empty() {
            self.reasons.push("no target is left: clients get none".to_owned());
        }
    }
}
