//! A bounded map that keeps what was used recently.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::HashMap;

/// Two generations: what is used moves to the young one; when that is full the old one is dropped and the young one
/// becomes old. Never holds more than twice its capacity, and costs nothing per entry.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// `capacity` entries of each generation, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Recent { young: HashMap::new(), old: HashMap::new(), capacity: capacity.max(1) }
    }

    #[inline]
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_size_is_bounded() {
        let mut map = Recent::new(10);
        map.insert(0, 0);
        for key in 1..1000 {
            map.insert(key, key);
            assert_eq!(map.get(&0), Some(&mut 0));
            assert!(map.len() <= 20);
        }
        assert_eq!(map.get(&1), None);
        map.remove(&0);
        assert_eq!(map.get(&0), None);
    }
}
