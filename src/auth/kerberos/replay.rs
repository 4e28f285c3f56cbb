//! RFC 4120 3.2.3: authenticators that were used, so that none is used twice. Shared by all connections of a server.

use std::collections::{BTreeMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use freehold_dtyp::FileTime;
use parking_lot::Mutex;

/// Locks that logons at the same time spread over.
const SHARDS: usize = 16;
/// Authenticators kept per shard: four million in all, which is 7,000 logons per second for as long as an authenticator can be
/// used. Only who holds a ticket can fill it.
const SHARD_LIMIT: usize = 1 << 18;
/// Entries end together in spans of this length, in 100 ns: half a minute.
const SPAN_100NS: u64 = 300_000_000;

/// Whether an authenticator was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    Before,
    /// There is no room to remember it: it must be refused.
    Full,
}

/// The used authenticators, each until it would be refused for its time.
pub struct ReplayCache {
    shards: [Mutex<Shard>; SHARDS],
}

/// Digests by the span of time in which their authenticators' times lie. Equal authenticators have equal times.
#[derive(Default)]
struct Shard {
    spans: BTreeMap<u64, HashSet<[u8; 16]>>,
    count: usize,
}

impl Default for ReplayCache {
    fn default() -> Self {
        ReplayCache { shards: core::array::from_fn(|_| Mutex::default()) }
    }
}

impl ReplayCache {
    /// Remembers an authenticator, by its encrypted form (which has a random block in front), made at `time`. What is older
    /// than `oldest` is forgotten: nothing as old is accepted any more.
    pub(super) fn insert(&self, authenticator: &[u8], time: FileTime, oldest: FileTime) -> Seen {
        let digest = digest(&SHA256, authenticator);
        let Some((key, [shard, ..])) = digest.as_ref().split_first_chunk::<16>() else { return Seen::Full };
        let Some(shard) = self.shards.get(usize::from(*shard) % SHARDS) else { return Seen::Full };
        let mut shard = shard.lock();
        let live = shard.spans.split_off(&span(oldest));
        let dead = core::mem::replace(&mut shard.spans, live);
        let gone: usize = dead.values().map(HashSet::len).sum();
        shard.count = shard.count.saturating_sub(gone);
        if shard.spans.get(&span(time)).is_some_and(|seen| seen.contains(key)) {
            return Seen::Before;
        }
        if shard.count >= SHARD_LIMIT {
            return Seen::Full;
        }
        shard.spans.entry(span(time)).or_default().insert(*key);
        shard.count = shard.count.saturating_add(1);
        Seen::New
    }
}

fn span(time: FileTime) -> u64 {
    time.0.checked_div(SPAN_100NS).unwrap_or_default()
}

impl core::fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ReplayCache(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 600_000_000;
    const NOW: FileTime = FileTime(133_000_000_000_000_000);

    #[test]
    fn an_authenticator_is_new_once_and_forgotten_when_it_is_too_old_to_be_used() {
        let cache = ReplayCache::default();
        let oldest = FileTime(NOW.0 - 5 * MINUTE);
        assert_eq!(cache.insert(b"one", NOW, oldest), Seen::New);
        assert_eq!(cache.insert(b"two", NOW, oldest), Seen::New);
        assert_eq!(cache.insert(b"one", NOW, oldest), Seen::Before);
        // As long as its time is accepted it is remembered.
        assert_eq!(cache.insert(b"one", NOW, NOW), Seen::Before);
        let count =
            |cache: &ReplayCache| -> usize { cache.shards.iter().map(|shard| shard.lock().count).sum() };
        assert_eq!(count(&cache), 2);
        let later = FileTime(NOW.0 + 6 * MINUTE);
        for number in 0..200u32 {
            assert_eq!(cache.insert(&number.to_le_bytes(), later, FileTime(later.0 - 5 * MINUTE)), Seen::New);
        }
        assert_eq!(count(&cache), 200, "the old ones are gone");
    }

    #[test]
    fn a_full_shard_takes_nothing_new() {
        let cache = ReplayCache::default();
        cache.shards.iter().for_each(|shard| shard.lock().count = SHARD_LIMIT);
        assert_eq!(cache.insert(b"one", NOW, NOW), Seen::Full);
    }
}
