//! A map spread over many locks, so that unrelated files, sessions and connections never meet in one.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

use parking_lot::{Mutex, MutexGuard};

/// Number of locks; a power of two.
const SHARDS: usize = 64;

/// Hashes ids that this server made itself: cheap, and the same in every run, so that a simulation repeats. Keys that
/// a peer can choose must not use it.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl BuildHasher for IdHasher {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(0)
    }
}

/// A map by ids of this server's making.
pub type IdMap<K, V> = HashMap<K, V, IdHasher>;

/// An [`IdMap`] in `SHARDS` parts, each behind a lock of its own. Lock order: never hold two shards at a time.
#[derive(Debug)]
pub struct Sharded<K, V> {
    shards: [Mutex<IdMap<K, V>>; SHARDS],
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        Sharded { shards: std::array::from_fn(|_| Mutex::new(IdMap::default())) }
    }
}

impl<K: Hash + Eq + Copy, V> Sharded<K, V> {
    /// The locked part in which `key` lives.
    pub fn shard(&self, key: &K) -> MutexGuard<'_, IdMap<K, V>> {
        let hash = IdHasher::default().hash_one(key);
        let index = usize::try_from(hash >> 48).unwrap_or(0) % SHARDS;
        #[allow(clippy::indexing_slicing)] // below SHARDS by the remainder above
        self.shards[index].lock()
    }

    /// A clone of the value.
    pub fn find(&self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.shard(key).get(key).cloned()
    }

    /// Puts a value in place, returning the one before.
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.shard(&key).insert(key, value)
    }

    /// Takes a value out.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.shard(key).remove(key)
    }

    /// Clones of all values, shard by shard; the order is that of no meaning but the same in every run.
    pub fn values(&self) -> Vec<V>
    where
        V: Clone,
    {
        self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
