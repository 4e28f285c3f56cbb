//! The network interfaces that clients may open further channels to ([MS-SMB2] 2.2.32.5).

use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use crate::fscc::fsctl::NetworkInterfaceInfo;

/// Speed claimed for an interface that does not tell its own, in bits a second.
const DEFAULT_SPEED: u64 = 1_000_000_000;
/// Receive-side scaling is claimed from this number of receive queues on.
const RSS_QUEUES: usize = 2;

/// The addresses this server listens on, with their interfaces. Loopback counts only where nothing else is listened on.
pub fn list(listen: &[SocketAddr]) -> Vec<NetworkInterfaceInfo> {
    let addresses = match getifaddrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            tracing::warn!(%error, "the network interfaces cannot be listed: clients use one connection each");
            return Vec::new();
        }
    };
    let wanted = |address: IpAddr, loopback: bool| {
        listen.iter().any(|listen| {
            let any = listen.ip().is_unspecified() && (listen.is_ipv6() || address.is_ipv4());
            listen.ip() == address || (any && !loopback)
        })
    };
    let mut found = Vec::new();
    for interface in addresses {
        let Some(address) = interface.address.as_ref().and_then(ip) else { continue };
        let loopback = interface.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        let up = interface.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
        // A link-local address needs a scope that the wire format cannot carry.
        let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if !up || link_local || !wanted(address, loopback) {
            continue;
        }
        let Ok(if_index) = if_nametoindex(interface.interface_name.as_str()) else { continue };
        found.push(NetworkInterfaceInfo {
            if_index,
            capability: if queues(&interface.interface_name) >= RSS_QUEUES {
                NetworkInterfaceInfo::RSS_CAPABLE
            } else {
                0
            },
            link_speed: speed(&interface.interface_name),
            address,
        });
    }
    found
}

fn ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// What the driver says, in bits a second.
fn speed(interface: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/speed")).unwrap_or_default();
    let megabits = text.trim().parse::<i64>().ok().and_then(|speed| u64::try_from(speed).ok());
    megabits.filter(|speed| *speed > 0).map_or(DEFAULT_SPEED, |speed| speed * 1_000_000)
}

fn queues(interface: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(format!("/sys/class/net/{interface}/queues")) else { return 0 };
    entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"rx-")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_loopback_shows_that_address() {
        let found = list(&["127.0.0.1:445".parse().unwrap()]);
        assert!(found.iter().all(|each| each.address == IpAddr::from([127, 0, 0, 1]) && each.if_index != 0));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_server_on_every_address_does_not_show_loopback() {
        assert!(list(&["0.0.0.0:445".parse().unwrap()]).iter().all(|each| !each.address.is_loopback()));
    }
}
