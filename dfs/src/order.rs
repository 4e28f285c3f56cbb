//! The order in which clients are to try targets: [MS-DFSC] 3.2.1.1, 3.2.1.2 and 3.2.5.5 with the priorities of [MS-DFSNM]
//! 2.2.2.7.
//!
//! ```text
//! group 1  global-high                                      group 2  site cost, then sitecost-high, -normal, -low
//! group 3  global-low
//! ```
//! Inside a group: by cost, by class, by rank; what is equal in all of them is a target set, in random order.

use crate::model::{Priority, PriorityClass, Target};

/// How a namespace has targets ordered for one referral.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// DFS_PROPERTY_FLAG_INSITE_REFERRALS of the root, or of the link: targets outside of the client's site are left out.
    pub insite_only: bool,
    /// DFS_PROPERTY_FLAG_SITE_COSTING of the root: targets outside of the client's site are told by cost.
    pub site_costing: bool,
}

/// Where a target is, seen from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// In the client's site.
    SameSite,
    /// In another, which costs this much to reach.
    Cost(u32),
    /// The client's site or the target's is not known, or there is no way between them.
    #[default]
    Unknown,
}

/// A target in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The target.
    pub target: &'a Target,
    /// It is the first of its target set.
    pub starts_set: bool,
}

/// What decides about a target's place; equal for the members of a target set.
type Place = (u8, Distance, PriorityClass, u8);

/// The targets in the order in which the client is to try them. `random` gives a number below its argument, each as likely
/// as the others. Targets that are offline or dead are left out by the caller.
#[must_use]
pub fn order<'a>(
    targets: &[(&'a Target, Distance)],
    rules: Rules,
    random: &mut dyn FnMut(usize) -> usize,
) -> Vec<Placed<'a>> {
    // 3.2.5.5: in-site mode leaves out what is elsewhere, of group 2 only. Where all have the default priority, that is all.
    let mut places: Vec<(Place, &'a Target)> = targets
        .iter()
        .filter(|(target, distance)| {
            !rules.insite_only || *distance == Distance::SameSite || group(target.priority.class) != 2
        })
        .map(|(target, distance)| (place(target.priority, *distance, rules), *target))
        .collect();
    shuffle(&mut places, random);
    // The sort is stable: what is equal stays in random order.
    places.sort_by_key(|(place, _)| *place);
    let mut before = None;
    places
        .into_iter()
        .map(|(place, target)| Placed { target, starts_set: before.replace(place) != Some(place) })
        .collect()
}

fn place(priority: Priority, distance: Distance, rules: Rules) -> Place {
    let distance = match distance {
        Distance::SameSite => Distance::SameSite,
        // 3.2.1.1: without costing there is the client's site and all the rest.
        _ if !rules.site_costing => Distance::Unknown,
        distance => distance,
    };
    (group(priority.class), distance, priority.class, priority.rank)
}

fn group(class: PriorityClass) -> u8 {
    match class {
        PriorityClass::GlobalHigh => 1,
        PriorityClass::SiteCostHigh | PriorityClass::SiteCostNormal | PriorityClass::SiteCostLow => 2,
        PriorityClass::GlobalLow => 3,
    }
}

/// Every order as likely as every other.
fn shuffle<T>(items: &mut [T], random: &mut dyn FnMut(usize) -> usize) {
    for left in (2..=items.len()).rev() {
        let last = left.saturating_sub(1);
        items.swap(last, random(left).min(last));
    }
}

#[cfg(test)]
mod tests;
