//! A large forest: 2,000 sites, 10,000 subnets, 500 servers with targets. What referrals look up agrees with what is worked out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use freehold_dfs::Distance;
use freehold_dfs::sites::{ServerPlace, SiteLink, Sites, Subnet, Topology};

const SITES: u16 = 2_000;
const SUBNETS: u16 = 10_000;
const SERVERS: u16 = 500;

fn site(number: u16) -> String {
    format!("Site-{number}")
}

/// An address of a subnet.
fn address(subnet: u16, host: u8) -> IpAddr {
    let [high, low] = subnet.to_be_bytes();
    Ipv4Addr::new(10, high, low, host).into()
}

/// Hubs of 50 sites each; every hub is linked with the next.
fn forest() -> Topology {
    let link =
        |name: String, cost: u32, sites: [u16; 2]| SiteLink { name, cost, sites: sites.map(site).into() };
    let spokes = (0..SITES).filter(|number| number % 50 != 0);
    let spokes = spokes
        .map(|number| link(format!("spoke-{number}"), u32::from(number % 7) + 1, [number, number / 50 * 50]));
    let hubs =
        (50..SITES).step_by(50).map(|number| link(format!("hub-{number}"), 100, [number - 50, number]));
    Topology {
        sites: (0..SITES).map(site).collect(),
        subnets: (0..SUBNETS)
            .map(|number| Subnet { prefix: format!("{}/24", address(number, 0)), site: site(number % SITES) })
            .collect(),
        links: spokes.chain(hubs).collect(),
        ..Topology::default()
    }
}

#[test]
fn what_is_looked_up_is_what_is_worked_out() {
    let place = |number: u16| ServerPlace { addresses: vec![address(number * 3, 9)], site: None };
    let name = |number: u16| format!("fs{number}.corp.example");
    let servers: BTreeMap<_, _> = (0..SERVERS).map(|number| (name(number), place(number))).collect();
    let began = std::time::Instant::now();
    let sites = Sites::new(forest(), &servers);
    let built = began.elapsed();
    assert_eq!((sites.left_out(), sites.servers().count()), (0, usize::from(SERVERS)));
    for client in [0, 1, 49, 999, SITES - 1] {
        let found = sites.of_client(None, Some(address(client, 200))).unwrap();
        assert_eq!(sites.name(found), site(client));
        let costs = sites.costs_from(found);
        for number in 0..SERVERS {
            let target = number * 3 % SITES;
            let expected = match costs[usize::from(target)] {
                _ if target == client => Distance::SameSite,
                Some(cost) => Distance::Cost(cost),
                None => Distance::Unknown,
            };
            assert_eq!(sites.distance(Some(found), &name(number)), expected, "{client} to {target}");
        }
    }
    let names: Vec<String> = (0..SERVERS).map(name).collect();
    let began = std::time::Instant::now();
    let mut known = 0_u32;
    for client in 0..SUBNETS {
        let found = sites.of_client(None, Some(address(client, 7)));
        for name in names.iter().skip(usize::from(client) % 100).take(10) {
            known += u32::from(sites.distance(found, name) != Distance::Unknown);
        }
    }
    assert_eq!(known, u32::from(SUBNETS) * 10);
    println!("built in {built:?}; a client and ten targets in {:?}", began.elapsed() / u32::from(SUBNETS));
}
