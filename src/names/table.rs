//! A table of bounded size for many readers: what was put in first goes first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use freehold_dtyp::FileTime;
use parking_lot::RwLock;

use super::Principal;

/// Parts with a lock each.
const SHARDS: usize = 16;
/// The same for hashes.
const SHARDS_U64: u64 = 16;

/// What is kept of an answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Who; `None`: nobody.
    pub(super) principal: Option<Arc<Principal>>,
    /// When the directory said so.
    pub(super) at: FileTime,
}

struct Shard<K> {
    entries: HashMap<K, (Answer, u64)>,
    /// Keys with the number they were put in under, oldest first. A key that was put in again is there more than once; only
    /// its last number counts.
    order: VecDeque<(u64, K)>,
    next: u64,
}

/// See the module.
pub(super) struct Table<K> {
    shards: [RwLock<Shard<K>>; SHARDS],
    hasher: RandomState,
    max_per_shard: usize,
}

impl<K: Hash + Eq + Clone> Table<K> {
    /// A table for at most `max` entries (rounded up to a multiple of the shards).
    pub(super) fn new(max: usize) -> Self {
        let shard = || RwLock::new(Shard { entries: HashMap::new(), order: VecDeque::new(), next: 0 });
        Table {
            shards: std::array::from_fn(|_| shard()),
            hasher: RandomState::new(),
            max_per_shard: max.div_ceil(SHARDS),
        }
    }

    fn shard(&self, key: &K) -> Option<&RwLock<Shard<K>>> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS_U64).unwrap_or(0);
        self.shards.get(at)
    }

    pub(super) fn find(&self, key: &K) -> Option<Answer> {
        self.shard(key)?.read().entries.get(key).map(|(answer, _)| answer.clone())
    }

    pub(super) fn put(&self, key: K, answer: Answer) {
        let max = self.max_per_shard;
        let Some(shard) = self.shard(&key) else { return };
        let mut shard = shard.write();
        let number = shard.next;
        shard.next = number.wrapping_add(1);
        shard.order.push_back((number, key.clone()));
        shard.entries.insert(key, (answer, number));
        // What was put in again leaves its old places behind: those go too, so that the queue stays bounded.
        while shard.entries.len() > max || shard.order.len() > max.saturating_mul(2) {
            let Some((number, key)) = shard.order.pop_front() else { break };
            let is_current = shard.entries.get(&key).is_some_and(|(_, current)| *current == number);
            if is_current && shard.entries.len() > max {
                shard.entries.remove(&key);
            } else if is_current {
                // Still good, and there is room: it goes to the end.
                let renewed = shard.next;
                shard.next = renewed.wrapping_add(1);
                if let Some(entry) = shard.entries.get_mut(&key) {
                    entry.1 = renewed;
                }
                shard.order.push_back((renewed, key));
            }
        }
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.entries.clear();
            shard.order.clear();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().entries.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at: u64) -> Answer {
        Answer { principal: None, at: FileTime(at) }
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let table = Table::new(160);
        for key in 0..10_000u32 {
            table.put(key, answer(u64::from(key)));
        }
        assert!((100..=160).contains(&table.len()), "{}", table.len());
        assert!(table.find(&9_999).is_some() && table.find(&0).is_none());
    }

    #[test]
    fn putting_in_again_renews_and_does_not_grow() {
        let table = Table::new(16);
        for at in 0..100_000 {
            table.put(7u32, answer(at));
        }
        assert_eq!((table.len(), table.find(&7).unwrap().at), (1, FileTime(99_999)));
        let queued: usize = table.shards.iter().map(|shard| shard.read().order.len()).sum();
        assert!(queued <= 2, "{queued}");
        table.clear();
        assert_eq!(table.len(), 0);
    }
}
