//! What it costs to come from one site to another ([MS-DRSR] 4.1.16.3): the cheapest way over site links.
//!
//! A link is a way between any two of its sites. Where all links are bridged, ways go over any number of them; where bridges are
//! required, a way is one link, or goes over links of one bridge.

use core::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::{Topology, fold};

/// There is no way.
pub(super) const NO_WAY: u32 = u32::MAX;

/// Sites and links by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// By site, its links.
    links_of: Vec<Vec<usize>>,
    /// By link, its cost and sites.
    links: Vec<(u32, Vec<usize>)>,
    /// The links of each bridge; `None` where all links are bridged.
    bridges: Option<Vec<HashSet<usize>>>,
}

impl Graph {
    pub(super) fn new(topology: &Topology, site: &dyn Fn(&str) -> Option<usize>) -> Self {
        let mut graph = Graph { links_of: vec![Vec::new(); topology.sites.len()], ..Graph::default() };
        let mut by_name = HashMap::new();
        for (number, link) in topology.links.iter().enumerate() {
            by_name.insert(fold(&link.name), number);
            let sites: Vec<usize> = link.sites.iter().filter_map(|name| site(name)).collect();
            for site in &sites {
                if let Some(links) = graph.links_of.get_mut(*site) {
                    links.push(number);
                }
            }
            graph.links.push((link.cost, sites));
        }
        if topology.bridges_required {
            let links = |names: &[String]| {
                names.iter().filter_map(|name| by_name.get(&fold(name)).copied()).collect()
            };
            graph.bridges = Some(topology.bridges.iter().map(|bridge| links(&bridge.links)).collect());
        }
        graph
    }

    /// The costs from one site to each. That to itself is 0.
    pub(super) fn row(&self, from: usize) -> Vec<u32> {
        let Some(bridges) = &self.bridges else { return self.cheapest(from, &|_| true) };
        let mut row = self.direct(from);
        let own = self.links_of.get(from).map_or(&[][..], Vec::as_slice);
        for bridge in bridges.iter().filter(|bridge| own.iter().any(|link| bridge.contains(link))) {
            for (best, cost) in row.iter_mut().zip(self.cheapest(from, &|link| bridge.contains(&link))) {
                *best = cost.min(*best);
            }
        }
        row
    }

    /// Over one link.
    fn direct(&self, from: usize) -> Vec<u32> {
        let mut row = vec![NO_WAY; self.links_of.len()];
        for link in self.links_of.get(from).into_iter().flatten() {
            let Some((cost, sites)) = self.links.get(*link) else { continue };
            for site in sites {
                if let Some(best) = row.get_mut(*site) {
                    *best = (*best).min(within(*cost));
                }
            }
        }
        if let Some(own) = row.get_mut(from) {
            *own = 0;
        }
        row
    }

    /// Over links that are allowed (Dijkstra). A link is entered once: who comes first comes cheapest, and leaving it costs the
    /// same wherever it was entered.
    fn cheapest(&self, from: usize, allowed: &dyn Fn(usize) -> bool) -> Vec<u32> {
        let mut row = vec![NO_WAY; self.links_of.len()];
        let mut entered = vec![false; self.links.len()];
        let mut waiting = BinaryHeap::new();
        if let Some(own) = row.get_mut(from) {
            *own = 0;
            waiting.push(Reverse((0_u32, from)));
        }
        while let Some(Reverse((cost, site))) = waiting.pop() {
            if row.get(site).is_none_or(|best| cost > *best) {
                continue;
            }
            for link in self.links_of.get(site).into_iter().flatten() {
                let Some(first) = entered.get_mut(*link).filter(|entered| !**entered) else { continue };
                *first = true;
                let Some((toll, sites)) = self.links.get(*link).filter(|_| allowed(*link)) else { continue };
                let there = within(cost.saturating_add(*toll));
                for other in sites {
                    if let Some(best) = row.get_mut(*other).filter(|best| there < **best) {
                        *best = there;
                        waiting.push(Reverse((there, *other)));
                    }
                }
            }
        }
        row
    }
}

/// However dear, a way is better than none.
fn within(cost: u32) -> u32 {
    cost.min(NO_WAY.saturating_sub(1))
}
