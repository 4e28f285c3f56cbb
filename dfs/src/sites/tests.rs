//! Where addresses and servers are, and costs against a naive model.

use proptest::prelude::*;

use super::*;

fn subnet(prefix: &str, site: &str) -> Subnet {
    Subnet { prefix: prefix.to_owned(), site: site.to_owned() }
}

fn link(name: &str, cost: u32, sites: &[&str]) -> SiteLink {
    let sites = sites.iter().map(|site| (*site).to_owned()).collect();
    SiteLink { name: name.to_owned(), cost, sites }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Berlin -10- Hub -20- Paris, Berlin -100- Paris, and Far, which nothing leads to.
fn topology() -> Topology {
    Topology {
        sites: names(&["Hub", "Berlin", "Paris", "Far"]),
        subnets: vec![
            subnet("10.0.0.0/8", "Hub"),
            subnet("10.1.0.0/16", "BERLIN"),
            subnet("10.1.2.0/24", "Paris"),
            subnet("10.9.0.1/16", "Far"),
            subnet("2001:db8::/32", "Hub"),
            subnet("2001:db8:1::/48", "Paris"),
            subnet("0.0.0.0/0", "Nowhere"),
        ],
        links: vec![
            link("hub-berlin", 10, &["Hub", "Berlin"]),
            link("hub-paris", 20, &["hub", "Paris"]),
            link("direct", 100, &["Berlin", "Paris", "Gone"]),
        ],
        bridges: Vec::new(),
        bridges_required: false,
        controllers: vec![Controller { name: "DC1.corp.example".to_owned(), site: "Paris".to_owned() }],
    }
}

fn place(addresses: &[&str]) -> ServerPlace {
    ServerPlace { addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(), site: None }
}

fn servers() -> BTreeMap<String, ServerPlace> {
    let told = ServerPlace { site: Some("far".to_owned()), ..place(&["127.0.0.1"]) };
    [
        ("FS1.corp.example", place(&["192.168.0.1", "10.1.0.7"])),
        ("dc1", place(&["10.1.0.11"])),
        ("10.1.2.3", place(&[])),
        ("me", told),
        ("lost", place(&["192.168.0.2"])),
        ("hub", place(&["::ffff:10.200.0.1"])),
    ]
    .into_iter()
    .map(|(name, place)| (name.to_owned(), place))
    .collect()
}

fn sites() -> Sites {
    Sites::new(topology(), &servers())
}

fn of(address: &str) -> Option<String> {
    let sites = sites();
    let (site, prefix) = sites.of_address(address.parse().unwrap())?;
    Some(format!("{} by {prefix}", sites.name(site)))
}

#[test]
fn the_longest_prefix_decides() {
    for (address, expected) in [
        ("10.1.2.200", Some("Paris by 10.1.2.0/24")),
        ("10.1.3.1", Some("Berlin by 10.1.0.0/16")),
        ("10.2.0.1", Some("Hub by 10.0.0.0/8")),
        ("::ffff:10.1.2.3", Some("Paris by 10.1.2.0/24")),
        // Its subnet has bits of hosts and counts for nothing.
        ("10.9.0.1", Some("Hub by 10.0.0.0/8")),
        // Its subnet is of a site that is not there.
        ("192.168.0.1", None),
        ("2001:db8:1:2::3", Some("Paris by 2001:db8:1::/48")),
        ("2001:db8:2::1", Some("Hub by 2001:db8::/32")),
        ("fe80::1", None),
    ] {
        assert_eq!(of(address).as_deref(), expected, "{address}");
    }
}

#[test]
fn prefixes_are_read_as_subnets_are_named() {
    for good in ["10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "::/0", "2001:db8::1/128"] {
        assert_eq!(Prefix::parse(good).map(|prefix| prefix.to_string()).as_deref(), Some(good));
    }
    for bad in [
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "::1/64",
        "::/129",
        "x/8",
        "10.0.0.0/+8",
        "10.0.0.0/8 ",
    ] {
        assert_eq!(Prefix::parse(bad), None, "{bad}");
    }
}

#[test]
fn servers_are_where_the_directory_or_their_addresses_say() {
    let sites = sites();
    let at = |name: &str| sites.of_server(name).map(|place| sites.name(place.site).to_owned());
    assert_eq!(at("FS1.corp.example").as_deref(), Some("Berlin"), "its second address is in a subnet");
    assert_eq!(at("fs1.CORP.example").as_deref(), Some("Berlin"));
    assert_eq!(at("DC1").as_deref(), Some("Paris"), "a controller, whatever its address");
    assert_eq!(at("10.1.2.3").as_deref(), Some("Paris"));
    assert_eq!(at("me").as_deref(), Some("Far"));
    assert_eq!(at("hub").as_deref(), Some("Hub"));
    assert_eq!(at("lost"), None);
    assert_eq!(at("fs1"), None, "not told of");
    assert_eq!(sites.servers().count(), 5);
    assert_eq!(sites.left_out(), 0);
}

#[test]
fn a_client_names_its_site_or_comes_from_it() {
    let sites = sites();
    let address = Some("10.1.2.3".parse().unwrap());
    let of = |name, address| sites.of_client(name, address).map(|site| sites.name(site));
    assert_eq!(of(None, address), Some("Paris"));
    assert_eq!(of(Some("berlin"), address), Some("Berlin"));
    assert_eq!(of(Some("berlin"), None), Some("Berlin"));
    assert_eq!(of(Some("Rome"), address), Some("Paris"));
    assert_eq!(of(Some(""), address), Some("Paris"));
    assert_eq!(of(None, None), None);
    assert_eq!(Sites::default().of_client(Some("Paris"), address), None);
}

#[test]
fn distances_are_those_of_the_cheapest_way() {
    let sites = sites();
    let client = sites.named("Paris");
    assert_eq!(sites.distance(client, "dc1"), Distance::SameSite);
    assert_eq!(sites.distance(client, "hub"), Distance::Cost(20));
    assert_eq!(sites.distance(client, "fs1.corp.example"), Distance::Cost(30), "over the hub");
    assert_eq!(sites.distance(client, "me"), Distance::Unknown, "no way");
    assert_eq!(sites.distance(client, "lost"), Distance::Unknown);
    assert_eq!(sites.distance(None, "hub"), Distance::Unknown);
    assert_eq!(sites.costs_from(client.unwrap()), [Some(20), Some(30), Some(0), None]);
}

#[test]
fn where_bridges_are_required_only_their_links_follow_each_other() {
    let mut topology = Topology { bridges_required: true, ..topology() };
    let cost = |topology: &Topology| Sites::new(topology.clone(), &servers()).costs_from(SiteId(1));
    assert_eq!(cost(&topology), [Some(10), Some(0), Some(100), None], "the direct link alone");
    topology.bridges = vec![SiteLinkBridge { name: "b".to_owned(), links: names(&["HUB-berlin", "none"]) }];
    assert_eq!(cost(&topology)[2], Some(100), "a bridge with one of the links");
    topology
        .bridges
        .push(SiteLinkBridge { name: "c".to_owned(), links: names(&["hub-berlin", "hub-paris"]) });
    assert_eq!(cost(&topology)[2], Some(30));
}

#[test]
fn a_dear_way_is_a_way() {
    let topology = Topology {
        sites: names(&["a", "b", "c"]),
        links: vec![link("x", u32::MAX, &["a", "b"]), link("y", u32::MAX, &["b", "c"])],
        ..Topology::default()
    };
    let sites = Sites::new(topology, &BTreeMap::new());
    assert_eq!(sites.costs_from(SiteId(0)), [Some(0), Some(u32::MAX - 1), Some(u32::MAX - 1)]);
}

#[test]
fn a_topology_is_kept_as_text() {
    let text = serde_json::to_string(&topology()).unwrap();
    assert_eq!(serde_json::from_str::<Topology>(&text).unwrap(), topology());
    assert_eq!(serde_json::from_str::<Topology>("{}").unwrap(), Topology::default());
}

/// [MS-DRSR] 4.1.16.3 as it is written: arcs between any two sites of a link, all pairs.
fn floyd_warshall(count: usize, links: &[(u32, Vec<usize>)]) -> Vec<Vec<Option<u64>>> {
    let mut costs = vec![vec![None; count]; count];
    for (site, row) in costs.iter_mut().enumerate() {
        row[site] = Some(0);
    }
    for (cost, sites) in links {
        for from in sites {
            for to in sites {
                if from != to {
                    let best: &mut Option<u64> = &mut costs[*from][*to];
                    *best = Some(best.map_or(u64::from(*cost), |best| best.min(u64::from(*cost))));
                }
            }
        }
    }
    for middle in 0..count {
        for from in 0..count {
            for to in 0..count {
                if let (Some(one), Some(two)) = (costs[from][middle], costs[middle][to])
                    && costs[from][to].is_none_or(|best| one + two < best)
                {
                    costs[from][to] = Some(one + two);
                }
            }
        }
    }
    costs
}

/// Every arc alone.
fn arcs(count: usize, links: &[(u32, Vec<usize>)]) -> Vec<Vec<Option<u64>>> {
    let mut costs = vec![vec![None; count]; count];
    for (cost, sites) in links {
        for from in sites {
            for to in sites {
                let best: &mut Option<u64> = &mut costs[*from][*to];
                *best = Some(best.map_or(u64::from(*cost), |best| best.min(u64::from(*cost))));
            }
        }
    }
    costs
}

const COUNT: usize = 8;

prop_compose! {
    fn arbitrary_links()(links in proptest::collection::vec(
        (0_u32..50, proptest::collection::btree_set(0..COUNT, 0..4)), 0..10)) -> Vec<(u32, Vec<usize>)> {
        links.into_iter().map(|(cost, sites)| (cost, sites.into_iter().collect())).collect()
    }
}

fn of_links(links: &[(u32, Vec<usize>)], bridges: &[Vec<usize>], bridges_required: bool) -> Sites {
    let name = |site: &usize| format!("s{site}");
    Sites::new(
        Topology {
            sites: (0..COUNT).map(|site| name(&site)).collect(),
            links: links
                .iter()
                .enumerate()
                .map(|(number, (cost, sites))| SiteLink {
                    name: format!("l{number}"),
                    cost: *cost,
                    sites: sites.iter().map(name).collect(),
                })
                .collect(),
            bridges: bridges
                .iter()
                .enumerate()
                .map(|(number, links)| SiteLinkBridge {
                    name: format!("b{number}"),
                    links: links.iter().map(|link| format!("l{link}")).collect(),
                })
                .collect(),
            bridges_required,
            ..Topology::default()
        },
        &BTreeMap::new(),
    )
}

fn number(site: usize) -> SiteId {
    SiteId(u32::try_from(site).unwrap())
}

proptest! {
    #[test]
    fn costs_are_those_of_all_pairs(links in arbitrary_links()) {
        let sites = of_links(&links, &[], false);
        let expected = floyd_warshall(COUNT, &links);
        for (from, row) in expected.iter().enumerate() {
            let found: Vec<Option<u64>> =
                sites.costs_from(number(from)).into_iter().map(|cost| cost.map(u64::from)).collect();
            prop_assert_eq!(&found, row);
        }
    }

    #[test]
    fn bridged_costs_are_the_least_of_arc_and_bridges(
        links in arbitrary_links(),
        bridges in proptest::collection::vec(proptest::collection::vec(0_usize..12, 0..5), 0..4),
    ) {
        let sites = of_links(&links, &bridges, true);
        let direct = arcs(COUNT, &links);
        let by_bridge: Vec<_> = bridges
            .iter()
            .map(|bridge| {
                let of_bridge: Vec<_> =
                    links.iter().enumerate().filter(|(link, _)| bridge.contains(link)).map(|(_, link)| link.clone()).collect();
                floyd_warshall(COUNT, &of_bridge)
            })
            .collect();
        for from in 0..COUNT {
            for (to, found) in sites.costs_from(number(from)).into_iter().enumerate() {
                let ways = by_bridge.iter().map(|costs| costs[from][to]).chain([direct[from][to]]);
                let expected = if from == to { Some(0) } else { ways.flatten().min() };
                prop_assert_eq!(found.map(u64::from), expected, "{} to {}", from, to);
            }
        }
    }

    #[test]
    fn the_site_of_an_address_is_that_of_its_longest_prefix(
        prefixes in proptest::collection::vec((any::<u8>(), 0_u32..=8), 0..20),
        address: u8,
    ) {
        // Addresses of eight bits, at the end of 10.0.0.0.
        let masked = |bits: u8, length: u32| bits & u8::MAX.checked_shl(8 - length).unwrap_or(0);
        let text = |bits: u8, length: u32| format!("10.0.0.{}/{}", masked(bits, length), 24 + length);
        let topology = Topology {
            sites: prefixes.iter().enumerate().map(|(number, _)| format!("s{number}")).collect(),
            subnets: prefixes
                .iter()
                .enumerate()
                .map(|(number, (bits, length))| subnet(&text(*bits, *length), &format!("S{number}")))
                .collect(),
            ..Topology::default()
        };
        let sites = Sites::new(topology, &BTreeMap::new());
        let mut expected: Option<(usize, u32)> = None;
        for (number, (bits, length)) in prefixes.iter().enumerate() {
            if masked(*bits, *length) == masked(address, *length) && expected.is_none_or(|(_, best)| *length > best) {
                expected = Some((number, *length));
            }
        }
        let found = sites.of_address(IpAddr::from([10, 0, 0, address])).map(|(site, _)| site.at());
        prop_assert_eq!(found, expected.map(|(number, _)| number));
    }

    #[test]
    fn any_text_is_judged_as_a_prefix_without_panic(text: String) {
        let _ = Prefix::parse(&text);
    }
}
