//! Targets that do not answer.

use std::collections::HashSet;

use crate::model::Target;
use crate::names::{Fold, SEPARATOR};

/// The servers and shares that are known not to answer at one time; who polls them swaps the whole.
#[derive(Clone, Debug)]
pub struct Unreachable {
    fold: Fold,
    shares: HashSet<Vec<u16>>,
}

impl Default for Unreachable {
    /// None.
    fn default() -> Self {
        Unreachable::new(Fold::ASCII)
    }
}

impl Unreachable {
    /// None, names compared by `fold`.
    #[must_use]
    pub fn new(fold: Fold) -> Self {
        Unreachable { fold, shares: HashSet::new() }
    }

    /// A share does not answer.
    pub fn insert(&mut self, server: &str, share: &str) {
        self.shares.insert(key(self.fold, server, share));
    }

    /// The target's share does not answer.
    #[must_use]
    pub fn contains(&self, target: &Target) -> bool {
        !self.shares.is_empty() && self.shares.contains(&key(self.fold, &target.server, &target.share))
    }

    /// How many shares do not answer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// All answer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }
}

fn key(fold: Fold, server: &str, share: &str) -> Vec<u16> {
    let mut key = fold.name(server);
    key.push(SEPARATOR);
    key.extend(fold.name(share));
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_unreachable_whatever_the_case_and_the_path_below() {
        let mut dead = Unreachable::default();
        dead.insert("FS1", "data");
        assert!(dead.contains(&Target::new("fs1", "DATA", r"a\b")));
        assert!(!dead.contains(&Target::new("fs1", "other", "")));
        assert_eq!(dead.len(), 1);
    }
}
