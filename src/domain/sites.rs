//! Sites, subnets and site links as the directory has them ([MS-ADTS] 6.1.1.2.2): all below `CN=Sites` of the configuration, which
//! every domain controller of the forest has, read by one search.

use std::collections::HashMap;

use freehold_dfs::sites::{Controller, SiteLink, SiteLinkBridge, Subnet, Topology};

use super::Member;
use super::ldap::{Entry, LdapError, Search};

/// The objects that count.
const FILTER: &str = "(|(objectClass=site)(objectClass=subnet)(objectClass=siteLink)(objectClass=siteLinkBridge)\
                      (objectClass=interSiteTransport)(objectClass=server)(objectClass=nTDSDSA))";
/// What is read of them.
const ATTRIBUTES: [&str; 8] =
    ["objectClass", "cn", "siteObject", "cost", "siteList", "siteLinkList", "options", "dNSHostName"];
/// [MS-ADTS] 6.1.1.2.2.3.1 options of the transport: NTDSTRANSPORT_OPT_BRIDGES_REQUIRED.
const BRIDGES_REQUIRED: i64 = 2;
/// What a link costs that does not say so: Windows' tools make links so.
const DEFAULT_COST: u32 = 100;

impl Member {
    /// Asks a domain controller for the sites; how many objects there were comes with them.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn read_sites(&self) -> Result<(Topology, usize), LdapError> {
        let configuration = self.ldap.connect().await?.root().configuration.clone();
        let base = format!("CN=Sites,{configuration}");
        let entries = self.ldap.search(&Search::new(&base, FILTER, &ATTRIBUTES)).await?;
        Ok((topology(&entries, &base), entries.len()))
    }
}

/// The topology of the entries below `base`, in an order that does not hang on theirs.
fn topology(entries: &[Entry], base: &str) -> Topology {
    let ip = format!("cn=ip,cn=inter-site transports,{base}").to_lowercase();
    let of = |class: &'static str| {
        entries
            .iter()
            .filter(move |entry| entry.texts("objectClass").any(|one| one.eq_ignore_ascii_case(class)))
    };
    let of_ip = |class| of(class).filter(|entry| parent(&entry.dn.to_lowercase()) == Some(&ip));
    let sites = by_dn(of("site"));
    let links = by_dn(of_ip("siteLink"));
    let named = |entry: &Entry, attribute, names: &HashMap<String, String>| -> Vec<String> {
        let found = entry.texts(attribute).filter_map(|dn| names.get(&dn.to_lowercase()).cloned());
        let mut found: Vec<String> = found.collect();
        found.sort_unstable();
        found
    };
    let transport = of("interSiteTransport").find(|entry| entry.dn.to_lowercase() == ip);
    let options = transport.and_then(|entry| entry.integer("options")).unwrap_or(0);
    let mut topology = Topology {
        sites: sites.values().cloned().collect(),
        subnets: of("subnet")
            .filter_map(|entry| {
                let site = sites.get(&entry.text("siteObject")?.to_lowercase())?.clone();
                Some(Subnet { prefix: entry.text("cn")?.to_owned(), site })
            })
            .collect(),
        links: of_ip("siteLink")
            .filter_map(|entry| {
                let name = entry.text("cn")?.to_owned();
                Some(SiteLink { name, cost: cost(entry), sites: named(entry, "siteList", &sites) })
            })
            .collect(),
        bridges: of_ip("siteLinkBridge")
            .filter_map(|entry| {
                let name = entry.text("cn")?.to_owned();
                Some(SiteLinkBridge { name, links: named(entry, "siteLinkList", &links) })
            })
            .collect(),
        bridges_required: options & BRIDGES_REQUIRED != 0,
        controllers: controllers(&of("server").collect::<Vec<_>>(), of("nTDSDSA"), &sites),
    };
    topology.sites.sort_unstable();
    topology.subnets.sort_unstable();
    topology.links.sort_unstable();
    topology.bridges.sort_unstable();
    topology.controllers.sort_unstable();
    topology
}

/// Servers with a directory service: others may be there too ([MS-ADTS] 6.1.1.2.2.1.2.1.1).
fn controllers<'e>(
    servers: &[&Entry],
    services: impl Iterator<Item = &'e Entry>,
    sites: &HashMap<String, String>,
) -> Vec<Controller> {
    let by_dn: HashMap<String, &Entry> =
        servers.iter().map(|entry| (entry.dn.to_lowercase(), *entry)).collect();
    services
        .filter_map(|service| {
            // CN=NTDS Settings,CN=<server>,CN=Servers,CN=<site>,CN=Sites,...
            let dn = service.dn.to_lowercase();
            let server = parent(&dn)?;
            let site = sites.get(parent(parent(server)?)?)?.clone();
            Some(Controller { name: by_dn.get(server)?.text("dNSHostName")?.to_owned(), site })
        })
        .collect()
}

/// Common names by folded distinguished name.
fn by_dn<'e>(entries: impl Iterator<Item = &'e Entry>) -> HashMap<String, String> {
    entries.filter_map(|entry| Some((entry.dn.to_lowercase(), entry.text("cn")?.to_owned()))).collect()
}

fn cost(entry: &Entry) -> u32 {
    entry.integer("cost").map_or(DEFAULT_COST, |cost| u32::try_from(cost).unwrap_or(0))
}

/// The distinguished name of what an entry lies below; a comma behind a backslash is part of a name (RFC 4514 2.4).
fn parent(dn: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in dn.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => return dn.get(at + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "CN=Sites,CN=Configuration,DC=corp,DC=example";

    fn entry(dn: &str, class: &str, attributes: &[(&str, &[&str])]) -> Entry {
        let text = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let name = dn.split(',').next().unwrap().trim_start_matches("CN=").replace('\\', "");
        let mut all = vec![
            ("objectClass".to_owned(), text(&["top", class])),
            ("cn".to_owned(), vec![name.into_bytes()]),
        ];
        all.extend(attributes.iter().map(|(name, values)| ((*name).to_owned(), text(values))));
        Entry::new(&format!("{dn},{BASE}"), all)
    }

    fn entries() -> Vec<Entry> {
        let site = |name: &str| format!("cn={name},{BASE}");
        let (berlin, paris) = (site("BERLIN"), site("Paris"));
        let link = |name: &str| format!("CN={name},CN=IP,CN=Inter-Site Transports,{BASE}");
        let (one, two) = (link("one"), link("two"));
        vec![
            entry("CN=Paris", "site", &[]),
            entry("CN=Berlin", "site", &[]),
            entry("CN=IP,CN=Inter-Site Transports", "interSiteTransport", &[("options", &["3"])]),
            entry("CN=SMTP,CN=Inter-Site Transports", "interSiteTransport", &[("options", &["0"])]),
            entry("CN=10.1.0.0/16,CN=Subnets", "subnet", &[("siteObject", &[&paris])]),
            entry("CN=10.0.0.0/16,CN=Subnets", "subnet", &[("siteObject", &[&berlin])]),
            entry("CN=10.2.0.0/16,CN=Subnets", "subnet", &[]),
            entry("CN=two,CN=IP,CN=Inter-Site Transports", "siteLink", &[("siteList", &[&paris])]),
            entry(
                "CN=one,CN=IP,CN=Inter-Site Transports",
                "siteLink",
                &[("siteList", &[&paris, &berlin, &site("Gone")]), ("cost", &["30"])],
            ),
            entry(
                "CN=mail,CN=SMTP,CN=Inter-Site Transports",
                "siteLink",
                &[("siteList", &[&paris, &berlin])],
            ),
            entry(
                "CN=b,CN=IP,CN=Inter-Site Transports",
                "siteLinkBridge",
                &[("siteLinkList", &[&two, &one])],
            ),
            entry("CN=DC1,CN=Servers,CN=Berlin", "server", &[("dNSHostName", &["dc1.corp.example"])]),
            entry("CN=NTDS Settings,CN=DC1,CN=Servers,CN=Berlin", "nTDSDSA", &[("options", &["1"])]),
            entry("CN=MQ,CN=Servers,CN=Berlin", "server", &[("dNSHostName", &["mq.corp.example"])]),
        ]
    }

    #[test]
    fn entries_become_a_topology_whatever_their_order() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let link =
            |name: &str, cost, sites: &[&str]| SiteLink { name: name.to_owned(), cost, sites: texts(sites) };
        let subnet = |prefix: &str, site: &str| Subnet { prefix: prefix.to_owned(), site: site.to_owned() };
        let expected = Topology {
            sites: texts(&["Berlin", "Paris"]),
            subnets: vec![subnet("10.0.0.0/16", "Berlin"), subnet("10.1.0.0/16", "Paris")],
            links: vec![link("one", 30, &["Berlin", "Paris"]), link("two", 100, &["Paris"])],
            bridges: vec![SiteLinkBridge { name: "b".to_owned(), links: texts(&["one", "two"]) }],
            bridges_required: true,
            controllers: vec![Controller { name: "dc1.corp.example".to_owned(), site: "Berlin".to_owned() }],
        };
        let mut entries = entries();
        assert_eq!(topology(&entries, BASE), expected);
        entries.reverse();
        assert_eq!(topology(&entries, BASE), expected);
        assert_eq!(topology(&[], BASE), Topology::default());
    }

    #[test]
    fn a_comma_in_a_name_is_not_its_end() {
        assert_eq!(parent(r"CN=a\,b\\,CN=c,DC=d"), Some("CN=c,DC=d"));
        assert_eq!(parent("DC=d"), None);
    }
}
