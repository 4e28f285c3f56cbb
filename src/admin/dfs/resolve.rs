//! Which referral a client would get, and why.

use std::collections::HashSet;
use std::net::IpAddr;

use freehold_dfs::{Answer, Distance, LeftOut, ReferralError, Surroundings, Target};

use super::super::dfs_protocol::{DfsResolution, DfsResolvedTarget};
use super::super::running::RunningServer;
use super::super::service::AdminService;
use super::path::{NamespacePath, same};
use super::shown_class;

impl AdminService {
    pub(super) fn resolve_path(&self, path: &str, client: Option<&str>) -> anyhow::Result<DfsResolution> {
        let address = client.map(str::parse::<IpAddr>).transpose();
        let client = address.map_err(|_| {
            anyhow::anyhow!("Client is {:?}: expected an IP address", client.unwrap_or_default())
        })?;
        let NamespacePath { namespace, below } = NamespacePath::parse(path)?;
        let server = self.dfs_server();
        let asked = match below.is_empty() {
            true => format!("\\{server}\\{namespace}"),
            false => format!("\\{server}\\{namespace}\\{below}"),
        };
        let units: Vec<u16> = asked.encode_utf16().collect();
        let dead = self.if_running().map_or_else(HashSet::new, RunningServer::dead_dfs_servers);
        let around = Surroundings {
            distance: &|_| Distance::Unknown,
            is_dead: &|target: &Target| dead.contains(&target.server.to_lowercase()),
            is_own: &|name| same(name, &server),
        };
        let namespaces = self.state().namespaces();
        let mut resolution = DfsResolution { path: format!("\\{asked}"), ..DfsResolution::default() };
        // The order among equals is the one in which they were made: the answer is for reading.
        match namespaces.refer(&units, &around, &mut |below| below.saturating_sub(1)) {
            Ok(answer) => resolution.tell(&answer, &units),
            Err(ReferralError::NoNamespace | ReferralError::NotAController) => {
                resolution.reasons.push(format!(
                    "{namespace} is no namespace of this server: clients get no referral (STATUS_NOT_FOUND)"
                ))
            }
        }
        if let Some(client) = client {
            resolution.reasons.push(format!(
                "the site of {client} is not known to a stand-alone namespace: all targets cost the same"
            ));
        }
        Ok(resolution)
    }
}

impl DfsResolution {
    fn tell(&mut self, answer: &Answer<'_>, units: &[u16]) {
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
            });
        }
        if sets < answer.told.len() {
            self.reasons.push("targets of one set come in a random order each time".to_owned());
        }
        for (target, why) in &answer.left_out {
            let why = match why {
                LeftOut::Offline => "it is offline, or its folder or namespace is",
                LeftOut::Dead => "its server does not answer",
                LeftOut::OutsideSite => "it is not in the client's site, and only those are given",
            };
            self.reasons.push(format!("{} is left out: {why}", target.unc()));
        }
        if answer.told.is_empty() {
            self.reasons.push("no target is left: clients get none".to_owned());
        }
    }
}
