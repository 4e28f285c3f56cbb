//! Names and services from the DNS, over the resolvers of the system or those of the configuration.
//!
//! Owns the order in which the targets of a SRV record set are tried (RFC 2782). Knows nothing of what is behind them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::{Resolver, TokioResolver};

/// How long one resolver is waited for before the next one is asked.
const RESOLVER_LIMIT: Duration = Duration::from_millis(700);
/// How long a question may take in all.
const QUESTION_LIMIT: Duration = Duration::from_millis(1800);
/// Targets of one SRV record set that are looked at.
const TARGETS_LIMIT: usize = 256;
/// Addresses of one host that are looked at.
const ADDRESSES_LIMIT: usize = 16;

/// The DNS did not answer, or said that there is nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The system's settings are unreadable, or those given make no resolver.
    #[error("DNS is not usable: {0}; check /etc/resolv.conf or domain.dns_servers")]
    Settings(String),
    /// NXDOMAIN, or no record of the kind.
    #[error(
        "DNS has no {kind} record for {name}; is this server's resolver the domain's DNS? (domain.dns_servers)"
    )]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// The kind of record.
        kind: &'static str,
    },
    /// No resolver answered in time, or with an error.
    #[error(
        "DNS did not answer for {name}: {reason}; check /etc/resolv.conf or domain.dns_servers, and port 53"
    )]
    NoAnswer {
        /// The name that was asked for.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

/// One target of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvTarget {
    /// The lower, the earlier it is tried.
    pub priority: u16,
    /// Share of the load among targets of one priority.
    pub weight: u16,
    /// The host, without a dot at the end, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A resolver.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns")
    }
}

impl Dns {
    /// Asks `servers`; the system's resolvers when there are none.
    ///
    /// # Errors
    /// [`DnsError::Settings`].
    pub fn new(servers: &[SocketAddr]) -> Result<Self, DnsError> {
        let unusable = |error: NetError| DnsError::Settings(error.to_string());
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(unusable)?
        } else {
            let config =
                ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(name_server).collect());
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = RESOLVER_LIMIT;
        options.attempts = 1;
        // Answers are kept no longer than a domain controller may take to move.
        options.positive_max_ttl = Some(Duration::from_secs(60));
        options.negative_max_ttl = Some(Duration::from_secs(5));
        Ok(Self { resolver: builder.build().map_err(unusable)? })
    }

    /// The targets of a service, in the order in which they are to be tried.
    ///
    /// # Errors
    /// [`DnsError`].
    pub async fn services(&self, name: &str) -> Result<Vec<SrvTarget>, DnsError> {
        let lookup = limited(name, "SRV", self.resolver.srv_lookup(absolute(name)?)).await?;
        let mut targets: Vec<SrvTarget> = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(SrvTarget {
                    priority: srv.priority,
                    weight: srv.weight,
                    host: host_of(&srv.target),
                    port: srv.port,
                }),
                _ => None,
            })
            // RFC 2782: a target of "." says that the service is decidedly not there.
            .filter(|target| !target.host.is_empty())
            .take(TARGETS_LIMIT)
            .collect();
        if targets.is_empty() {
            return Err(DnsError::NotFound { name: name.to_owned(), kind: "SRV" });
        }
        order(&mut targets, random_below);
        Ok(targets)
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// [`DnsError`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let lookup = limited(host, "address", self.resolver.lookup_ip(absolute(host)?)).await?;
        Ok(lookup.iter().take(ADDRESSES_LIMIT).collect())
    }
}

fn name_server(server: &SocketAddr) -> NameServerConfig {
    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    config
}

/// A name that the search list of the system is not added to.
fn absolute(name: &str) -> Result<Name, DnsError> {
    let mut absolute = Name::from_utf8(name)
        .map_err(|error| DnsError::NoAnswer { name: name.to_owned(), reason: error.to_string() })?;
    absolute.set_fqdn(true);
    Ok(absolute)
}

fn host_of(name: &Name) -> String {
    name.to_utf8().trim_end_matches('.').to_lowercase()
}

async fn limited<T>(
    name: &str,
    kind: &'static str,
    question: impl Future<Output = Result<T, NetError>>,
) -> Result<T, DnsError> {
    let no_answer = |reason: String| DnsError::NoAnswer { name: name.to_owned(), reason };
    match tokio::time::timeout(QUESTION_LIMIT, question).await {
        Ok(Ok(lookup)) => Ok(lookup),
        Ok(Err(error)) if error.is_no_records_found() => {
            Err(DnsError::NotFound { name: name.to_owned(), kind })
        }
        Ok(Err(error)) => Err(no_answer(error.to_string())),
        Err(_) => Err(no_answer(format!("nothing within {} s", QUESTION_LIMIT.as_secs_f32()))),
    }
}

/// RFC 2782, "Usage rules": ascending priority; within one, drawn by weight, those of weight 0 rarely first.
/// `random(n)` is a number from 0 to n, both included.
fn order(targets: &mut [SrvTarget], mut random: impl FnMut(u32) -> u32) {
    targets.sort_by_key(|target| (target.priority, target.weight));
    let mut start = 0;
    while let Some(priority) = targets.get(start).map(|first| first.priority) {
        let end =
            targets.iter().rposition(|target| target.priority == priority).map_or(start, |last| last + 1);
        for place in start..end {
            let Some(left) = targets.get_mut(place..end) else { break };
            let sum: u32 = left.iter().map(|target| u32::from(target.weight)).sum();
            let drawn = random(sum);
            let mut running = 0;
            let chosen = left
                .iter()
                .position(|target| {
                    running += u32::from(target.weight);
                    running >= drawn
                })
                .unwrap_or(0);
            // Keeps the others in their order.
            if let Some(upto) = left.get_mut(..=chosen) {
                upto.rotate_right(1);
            }
        }
        start = end;
    }
}

fn random_below(limit: u32) -> u32 {
    let mut bytes = [0; 4];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        return 0;
    }
    let range = u64::from(limit) + 1;
    u32::try_from(u64::from(u32::from_le_bytes(bytes)) % range).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{SrvTarget, order};

    fn target(priority: u16, weight: u16, host: &str) -> SrvTarget {
        SrvTarget { priority, weight, host: host.to_owned(), port: 389 }
    }

    fn hosts(targets: &[SrvTarget]) -> Vec<&str> {
        targets.iter().map(|target| target.host.as_str()).collect()
    }

    #[test]
    fn lower_priorities_come_first_whatever_the_weights() {
        let mut targets = [target(20, 100, "far"), target(0, 1, "near"), target(10, 65535, "middle")];
        order(&mut targets, |limit| limit);
        assert_eq!(hosts(&targets), ["near", "middle", "far"]);
    }

    #[test]
    fn the_draw_goes_by_weight() {
        // Sorted by weight: light (1), heavy (9). 0 and 1 draw the light one, 2 to 10 the heavy one.
        for (drawn, first) in [(0, "light"), (1, "light"), (2, "heavy"), (10, "heavy")] {
            let mut targets = [target(0, 9, "heavy"), target(0, 1, "light")];
            let mut draws = [drawn, 0].into_iter();
            order(&mut targets, |_| draws.next().unwrap_or(0));
            assert_eq!(hosts(&targets)[0], first, "drawn {drawn}");
        }
    }

    proptest! {
        #[test]
        fn no_target_is_lost_or_out_of_priority(
            set in proptest::collection::vec((0..4u16, any::<u16>()), 0..20),
            draws in proptest::collection::vec(any::<u32>(), 20),
        ) {
            let mut targets: Vec<SrvTarget> =
                set.iter().enumerate().map(|(i, (p, w))| target(*p, *w, &i.to_string())).collect();
            let mut draw = draws.into_iter().cycle();
            order(&mut targets, |limit| draw.next().map_or(0, |n| n % (limit.saturating_add(1))));
            let mut names = hosts(&targets).into_iter().map(|n| n.parse::<usize>().unwrap()).collect::<Vec<_>>();
            prop_assert_eq!(targets.is_sorted_by_key(|t| t.priority), true);
            names.sort_unstable();
            prop_assert_eq!(names, (0..set.len()).collect::<Vec<_>>());
        }
    }
}
