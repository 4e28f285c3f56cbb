//! One search for a domain controller: who is asked, in which order, and whose answer counts.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::ping::{PingError, ping};
use super::response::{DcFlags, SamLogonResponseEx};
use super::{DomainController, LocateError, Target};
use crate::domain::dns::{Dns, DnsError};

/// How long after one candidate the next one is asked as well.
const NEXT_AFTER: Duration = Duration::from_millis(100);
/// How long one round of pings may take.
const ROUND_LIMIT: Duration = Duration::from_millis(1500);
/// How long a domain controller of the right site is looked for when another one has answered already.
const SITE_LIMIT: Duration = Duration::from_millis(600);
/// How long a writable domain controller is waited for when one that is not has answered.
const WRITABLE_GRACE: Duration = Duration::from_millis(200);
/// Candidates that are asked in one round.
const CANDIDATES_LIMIT: usize = 24;
/// What a domain controller must be to be chosen.
const NEEDED: u32 = DcFlags::LDAP | DcFlags::DS | DcFlags::KDC;

/// A host to ask, and where.
type Candidate = (String, IpAddr);

/// What earlier searches found out.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// The site of this server, as a domain controller said.
    pub(super) site: Option<String>,
    /// The candidates of the last search: the DNS server is often the domain controller that does not answer.
    candidates: Vec<Candidate>,
}

pub(super) struct Discovery<'a> {
    target: &'a Target,
    known: Knowledge,
    /// Those that did not answer, or not well.
    useless: HashSet<IpAddr>,
    tried: Vec<String>,
}

impl<'a> Discovery<'a> {
    pub(super) fn new(target: &'a Target, known: Knowledge) -> Self {
        Self { target, known, useless: HashSet::new(), tried: Vec::new() }
    }

    /// The domain controller to use. Those whose address is `avoided` only when no other answers.
    pub(super) async fn run(
        mut self,
        avoided: &(dyn Fn(IpAddr) -> bool + Sync),
    ) -> Result<(DomainController, Knowledge), LocateError> {
        let dns = Dns::new(&self.target.settings.dns_servers).map_err(|error| self.no_list(error))?;
        let site = self.target.settings.site.clone().or_else(|| self.known.site.clone());
        let mut left_aside = Vec::new();
        let mut list_error = None;
        let mut chosen = None;
        for site in site.as_deref().map(Some).into_iter().chain([None]) {
            let candidates = match self.list(&dns, site).await {
                Ok(candidates) => candidates,
                Err(error) => {
                    let silent = !matches!(error, DnsError::NotFound { .. });
                    list_error = Some(error);
                    // Who does not answer one question does not answer the next.
                    if silent { break } else { continue }
                }
            };
            let (aside, good): (Vec<Candidate>, Vec<Candidate>) =
                candidates.into_iter().partition(|(_, address)| avoided(*address));
            left_aside.extend(aside);
            if let Some(dc) = self.first_answer(good, ROUND_LIMIT).await {
                chosen = Some(self.nearer(&dns, dc, site, avoided).await);
                break;
            }
            if !self.target.settings.servers.is_empty() {
                break;
            }
        }
        if chosen.is_none() {
            chosen = self.first_answer(left_aside, ROUND_LIMIT).await;
        }
        match (chosen, list_error) {
            (Some(dc), _) => {
                self.known.site = dc.client_site.clone();
                Ok((dc, self.known))
            }
            (None, Some(error)) if self.tried.is_empty() => Err(self.no_list(error)),
            (None, _) => Err(LocateError::NoneAnswers {
                domain: self.target.dns_domain.clone(),
                tried: self.tried.join(", "),
            }),
        }
    }

    /// The candidates of a site or of all, without those that were asked in vain; those of the last search when the DNS is silent.
    async fn list(&mut self, dns: &Dns, site: Option<&str>) -> Result<Vec<Candidate>, DnsError> {
        let listed = match self.hosts(dns, site).await {
            Ok(hosts) => resolve(dns, hosts).await,
            Err(error @ DnsError::NotFound { .. }) => return Err(error),
            Err(error) if self.known.candidates.is_empty() => return Err(error),
            Err(_) => Vec::new(),
        };
        let mut candidates = if listed.is_empty() { self.known.candidates.clone() } else { listed };
        if site.is_none() || self.known.candidates.is_empty() {
            self.known.candidates.clone_from(&candidates);
        }
        candidates.retain(|(_, address)| !self.useless.contains(address));
        Ok(candidates)
    }

    /// Every candidate with its answer.
    pub(super) async fn survey(
        self,
    ) -> Result<Vec<(String, IpAddr, Result<DomainController, String>)>, LocateError> {
        let dns = Dns::new(&self.target.settings.dns_servers).map_err(|error| self.no_list(error))?;
        let hosts = self.hosts(&dns, None).await.map_err(|error| self.no_list(error))?;
        let mut asked = JoinSet::new();
        for (place, (host, address)) in resolve(&dns, hosts).await.into_iter().enumerate() {
            let domain = self.target.dns_domain.clone();
            asked.spawn(async move {
                let answer = ping(address, &domain, ROUND_LIMIT).await;
                (place, host, address, answer)
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(place, ..)| *place);
        Ok(answers
            .into_iter()
            .map(|(_, host, address, answer)| {
                let answer = answer.map(|response| domain_controller(response, address));
                (host, address, answer.map_err(|error| error.to_string()))
            })
            .collect())
    }

    /// [MS-ADTS] 6.3.6.1: the names of domain controllers, of one site or of all.
    async fn hosts(&self, dns: &Dns, site: Option<&str>) -> Result<Vec<String>, DnsError> {
        if !self.target.settings.servers.is_empty() {
            return Ok(self.target.settings.servers.clone());
        }
        let domain = &self.target.dns_domain;
        let name = match site {
            Some(site) => format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}"),
            None => format!("_ldap._tcp.dc._msdcs.{domain}"),
        };
        Ok(dns.services(&name).await?.into_iter().map(|target| target.host).collect())
    }

    /// A domain controller in the site of this server, if `dc` says that it is not near and one there answers soon.
    async fn nearer(
        &mut self,
        dns: &Dns,
        dc: DomainController,
        asked_site: Option<&str>,
        avoided: &(dyn Fn(IpAddr) -> bool + Sync),
    ) -> DomainController {
        let site = match (&self.target.settings.site, &dc.client_site) {
            (None, Some(site))
                if self.target.settings.servers.is_empty()
                    && !dc.flags.has(DcFlags::CLOSEST)
                    && asked_site.is_none_or(|asked| !asked.eq_ignore_ascii_case(site)) =>
            {
                site.clone()
            }
            _ => return dc,
        };
        let deadline = Instant::now() + SITE_LIMIT;
        let Ok(Ok(hosts)) = timeout_at(deadline, self.hosts(dns, Some(&site))).await else { return dc };
        let Ok(mut candidates) = timeout_at(deadline, resolve(dns, hosts)).await else { return dc };
        candidates.retain(|(_, address)| !avoided(*address) && !self.useless.contains(address));
        let left = deadline.saturating_duration_since(Instant::now());
        self.first_answer(candidates, left).await.unwrap_or(dc)
    }

    /// Asks one candidate after the other without waiting for the one before to fail. The first good answer wins; one that is
    /// not writable only when no other comes soon after.
    async fn first_answer(
        &mut self,
        candidates: Vec<Candidate>,
        limit: Duration,
    ) -> Option<DomainController> {
        let mut asked = JoinSet::new();
        let mut waiting = candidates.into_iter().take(CANDIDATES_LIMIT);
        let mut deadline = Instant::now() + limit;
        let mut next_at = Instant::now();
        let mut read_only = None;
        let mut outstanding = Vec::new();
        let mut left = waiting.next();
        while left.is_some() || !asked.is_empty() {
            tokio::select! {
                () = sleep_until(next_at), if left.is_some() => {
                    if let Some((host, address)) = left.take() {
                        let domain = self.target.dns_domain.clone();
                        outstanding.push((host.clone(), address));
                        asked.spawn(async move { (ping(address, &domain, limit).await, host, address) });
                    }
                    left = waiting.next();
                    next_at = Instant::now() + NEXT_AFTER;
                }
                Some(answered) = asked.join_next(), if !asked.is_empty() => {
                    let Ok((answer, host, address)) = answered else { continue };
                    outstanding.retain(|(_, other)| *other != address);
                    match self.good(answer, &host, address) {
                        Ok(dc) if dc.flags.has(DcFlags::WRITABLE) => return Some(dc),
                        Ok(dc) => {
                            deadline = deadline.min(Instant::now() + WRITABLE_GRACE);
                            read_only.get_or_insert(dc);
                        }
                        Err(reason) => self.give_up(&host, address, &reason),
                    }
                    // One that failed need not be waited for.
                    next_at = Instant::now();
                }
                () = sleep_until(deadline) => break,
            }
        }
        if read_only.is_none() {
            for (host, address) in outstanding {
                self.give_up(&host, address, "no answer");
            }
        }
        read_only
    }

    fn give_up(&mut self, host: &str, address: IpAddr, reason: &str) {
        self.useless.insert(address);
        self.tried.push(format!("{host} [{address}]: {reason}"));
    }

    fn good(
        &self,
        answer: Result<SamLogonResponseEx, PingError>,
        host: &str,
        address: IpAddr,
    ) -> Result<DomainController, String> {
        let response = answer.map_err(|error| error.to_string())?;
        if !response.dns_domain.eq_ignore_ascii_case(&self.target.dns_domain) {
            return Err(format!("serves {}", response.dns_domain));
        }
        if !response.flags.has(NEEDED) {
            return Err(format!("does not serve LDAP and Kerberos (flags {:#x})", response.flags.0));
        }
        if response.host.is_empty() {
            return Err("does not say its name".to_owned());
        }
        // Anybody may have sent the answer. Tickets are asked for by the name in it: it must be the one that the DNS gave.
        if self.target.settings.servers.is_empty() && !response.host.eq_ignore_ascii_case(host) {
            return Err(format!("says that it is {}", response.host));
        }
        Ok(domain_controller(response, address))
    }

    fn no_list(&self, error: DnsError) -> LocateError {
        LocateError::Dns { domain: self.target.dns_domain.clone(), error }
    }
}

/// The addresses of all, in the order of the hosts; hosts without one drop out. Looked up at the same time.
async fn resolve(dns: &Dns, hosts: Vec<String>) -> Vec<Candidate> {
    let mut lookups = JoinSet::new();
    for (place, host) in hosts.into_iter().take(CANDIDATES_LIMIT).enumerate() {
        let dns = dns.clone();
        lookups.spawn(async move {
            let addresses = dns.addresses(&host).await.unwrap_or_default();
            (place, host, addresses)
        });
    }
    let mut found = lookups.join_all().await;
    found.sort_by_key(|(place, ..)| *place);
    let mut seen = HashSet::new();
    found
        .into_iter()
        .flat_map(|(_, host, addresses)| addresses.into_iter().map(move |address| (host.clone(), address)))
        .filter(|(_, address)| seen.insert(*address))
        .collect()
}

fn domain_controller(response: SamLogonResponseEx, address: IpAddr) -> DomainController {
    DomainController {
        host: response.host.to_lowercase(),
        address,
        site: response.site,
        client_site: Some(response.client_site).filter(|site| !site.is_empty()),
        dns_domain: response.dns_domain.to_lowercase(),
        netbios_domain: response.netbios_domain,
        netbios_name: response.netbios_name,
        forest: response.forest.to_lowercase(),
        flags: response.flags,
    }
}
