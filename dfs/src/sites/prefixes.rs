//! Which subnet an address is in: the one with the longest prefix.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::SiteId;

/// A prefix of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Prefix {
    /// The name of a subnet object ([MS-ADTS] 6.1.1.2.2.2.1): an address, `/`, and how many of its bits count. The others are
    /// zero. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        // A sign or a space would be no length.
        let length: u8 = length.bytes().all(|byte| byte.is_ascii_digit()).then(|| length.parse().ok())??;
        let clean = match address {
            IpAddr::V4(address) => length <= 32 && address.to_bits() & !mask32(length) == 0,
            IpAddr::V6(address) => length <= 128 && address.to_bits() & !mask128(length) == 0,
        };
        clean.then_some(Prefix { address, length })
    }
}

fn mask32(length: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or(0)
}

fn mask128(length: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(length.into())).unwrap_or(0)
}

/// Prefixes by their length, the longest first: a look for each length that there is.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    v4: Vec<(u8, HashMap<u32, SiteId>)>,
    v6: Vec<(u8, HashMap<u128, SiteId>)>,
}

impl Prefixes {
    /// Puts a prefix in; of two that are equal the first counts.
    pub(super) fn insert(&mut self, prefix: Prefix, site: SiteId) {
        match prefix.address {
            IpAddr::V4(address) => put(&mut self.v4, prefix.length, address.to_bits(), site),
            IpAddr::V6(address) => put(&mut self.v6, prefix.length, address.to_bits(), site),
        }
    }

    /// All are in.
    pub(super) fn finish(&mut self) {
        self.v4.sort_by_key(|(length, _)| core::cmp::Reverse(*length));
        self.v6.sort_by_key(|(length, _)| core::cmp::Reverse(*length));
    }

    /// The site of an address and the prefix that says so.
    pub(super) fn find(&self, address: IpAddr) -> Option<(SiteId, Prefix)> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                self.v4.iter().find_map(|(length, sites)| {
                    let bits = bits & mask32(*length);
                    let address = IpAddr::V4(Ipv4Addr::from_bits(bits));
                    Some((*sites.get(&bits)?, Prefix { address, length: *length }))
                })
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                self.v6.iter().find_map(|(length, sites)| {
                    let bits = bits & mask128(*length);
                    let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
                    Some((*sites.get(&bits)?, Prefix { address, length: *length }))
                })
            }
        }
    }
}

fn put<Bits: core::hash::Hash + Eq>(
    table: &mut Vec<(u8, HashMap<Bits, SiteId>)>,
    length: u8,
    bits: Bits,
    site: SiteId,
) {
    let sites = match table.iter_mut().find(|(present, _)| *present == length) {
        Some((_, sites)) => sites,
        None => {
            table.push((length, HashMap::new()));
            match table.last_mut() {
                Some((_, sites)) => sites,
                None => return,
            }
        }
    };
    if let Entry::Vacant(place) = sites.entry(bits) {
        place.insert(site);
    }
}
