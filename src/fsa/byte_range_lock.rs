//! [MS-FSA] 2.1.5.8 and 2.1.5.9 (lock and unlock), 2.1.4.10 (does a read or write conflict with locks): the byte-range
//! locks of one stream.
//!
//! Locks are kept by the power of two of their length, ordered by offset: whether something overlaps a range costs
//! O(log n) for each length class in use, however many locks there are.

use std::collections::BTreeMap;

use super::{OpenId, Waiter};

/// A range in bytes. Ends at or below 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRange {
    offset: u64,
    length: u64,
}

impl LockRange {
    /// The range; `None` when it ends above 2^64 (INVALID_LOCK_RANGE).
    #[must_use]
    pub fn new(offset: u64, length: u64) -> Option<Self> {
        // The last byte must have an offset: length 0 has none, and length 1 at the highest offset is fine.
        let last = length.checked_sub(1);
        last.is_none_or(|last| offset.checked_add(last).is_some()).then_some(LockRange { offset, length })
    }

    /// First byte.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.offset
    }

    /// Length in bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }

    /// First byte after the range, which may be 2^64.
    fn end(self) -> u128 {
        u128::from(self.offset).saturating_add(u128::from(self.length))
    }

    /// An empty range overlaps one that has bytes on both sides of its place.
    fn overlaps(self, other: LockRange) -> bool {
        u128::from(self.offset) < other.end() && u128::from(other.offset) < self.end()
    }

    /// Length class: 0 for an empty range, else the number of significant bits of the length.
    fn class(self) -> u8 {
        u8::try_from(u64::BITS.saturating_sub(self.length.leading_zeros())).unwrap_or(64)
    }
}

/// What a lock allows to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Others may read and take shared locks.
    Shared,
    /// Others may do nothing.
    Exclusive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lock {
    range: LockRange,
    kind: LockKind,
    owner: OpenId,
}

/// The locks of one stream, and who waits for one.
#[derive(Debug, Default)]
pub struct LockTable {
    /// Length class, offset, number of the lock.
    locks: BTreeMap<(u8, u64, u64), Lock>,
    /// Bit `n`: there are locks of class `n`.
    classes: u128,
    next: u64,
    waiters: Vec<Waiter>,
}

impl LockTable {
    /// True when nobody holds a lock.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    /// Number of locks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.locks.len()
    }

    /// True when a lock begins before `size_bytes`: within what the stream has, not somewhere beyond it.
    #[must_use]
    pub fn any_below(&self, size_bytes: u64) -> bool {
        (0..128u8).filter(|class| self.classes & (1u128 << class) != 0).any(|class| {
            let first = self.locks.range((class, 0, 0)..=(class, u64::MAX, u64::MAX)).next();
            first.is_some_and(|((_, offset, _), _)| *offset < size_bytes)
        })
    }

    /// 2.1.4.10: true when `open` may read (or write) the range: no lock of another open forbids it. A write is
    /// forbidden by shared locks too, those of `open` itself included.
    #[inline]
    #[must_use]
    pub fn permits(&self, open: OpenId, offset: u64, length: u64, write: bool) -> bool {
        if self.locks.is_empty() || length == 0 {
            return true;
        }
        let length = length.min(u64::MAX.saturating_sub(offset));
        let range = LockRange { offset, length };
        !self.any_overlapping(range, |lock| match lock.kind {
            LockKind::Exclusive => lock.owner != open,
            LockKind::Shared => write,
        })
    }

    /// 2.1.5.8: takes a lock; false when it conflicts. Locks of the same open stack only shared over exclusive.
    #[must_use]
    pub fn lock(&mut self, owner: OpenId, range: LockRange, kind: LockKind) -> bool {
        let conflict = self.any_overlapping(range, |lock| match (lock.kind, kind) {
            (LockKind::Shared, LockKind::Shared) => false,
            (LockKind::Exclusive, LockKind::Shared) => lock.owner != owner,
            (_, LockKind::Exclusive) => true,
        });
        if conflict {
            return false;
        }
        let class = range.class();
        self.locks.insert((class, range.offset, self.next), Lock { range, kind, owner });
        self.classes |= 1 << class;
        self.next = self.next.wrapping_add(1);
        true
    }

    /// 2.1.5.9: gives up the oldest lock of exactly that range, an exclusive one first; false when there is none.
    #[must_use]
    pub fn unlock(&mut self, owner: OpenId, range: LockRange) -> bool {
        let class = range.class();
        let mut found: Option<((u8, u64, u64), LockKind)> = None;
        for (key, lock) in self.locks.range((class, range.offset, 0)..=(class, range.offset, u64::MAX)) {
            if lock.owner == owner && lock.range == range {
                if lock.kind == LockKind::Exclusive {
                    found = Some((*key, lock.kind));
                    break;
                }
                found = found.or(Some((*key, lock.kind)));
            }
        }
        let Some((key, _)) = found else { return false };
        self.remove(key);
        true
    }

    /// Takes back the newest lock of exactly that range and kind: the others of its request were not granted.
    pub fn undo(&mut self, owner: OpenId, range: LockRange, kind: LockKind) {
        let class = range.class();
        let wanted = Lock { range, kind, owner };
        let newest = self
            .locks
            .range((class, range.offset, 0)..=(class, range.offset, u64::MAX))
            .rfind(|(_, lock)| **lock == wanted)
            .map(|(key, _)| *key);
        if let Some(key) = newest {
            self.remove(key);
        }
    }

    /// Number of locks that an open holds.
    #[must_use]
    pub fn held_by(&self, owner: OpenId) -> usize {
        self.locks.values().filter(|lock| lock.owner == owner).count()
    }

    /// The locks that an open holds, by length class, then by offset.
    pub fn of(&self, owner: OpenId) -> impl Iterator<Item = (LockRange, LockKind)> {
        self.locks.values().filter(move |lock| lock.owner == owner).map(|lock| (lock.range, lock.kind))
    }

    /// Gives up all locks of an open; true when it had any.
    pub fn release(&mut self, owner: OpenId) -> bool {
        if self.locks.is_empty() {
            return false;
        }
        let keys: Vec<_> =
            self.locks.iter().filter(|(_, lock)| lock.owner == owner).map(|(key, _)| *key).collect();
        for key in &keys {
            self.remove(*key);
        }
        !keys.is_empty()
    }

    /// Registers a request that waits for a lock to go.
    pub fn wait(&mut self, waiter: Waiter) {
        self.waiters.push(waiter);
    }

    /// Forgets a waiting request.
    pub fn stop_waiting(&mut self, waiter: Waiter) {
        self.waiters.retain(|each| *each != waiter);
    }

    /// Takes out the waiting requests, oldest first: a lock has gone, each tries again.
    #[must_use]
    pub fn take_waiters(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.waiters)
    }

    fn remove(&mut self, key: (u8, u64, u64)) {
        self.locks.remove(&key);
        if self.locks.range((key.0, 0, 0)..=(key.0, u64::MAX, u64::MAX)).next().is_none() {
            self.classes &= !(1 << key.0);
        }
    }

    fn any_overlapping(&self, range: LockRange, mut matters: impl FnMut(&Lock) -> bool) -> bool {
        let mut classes = self.classes;
        while classes != 0 {
            let class = u8::try_from(classes.trailing_zeros()).unwrap_or(u8::MAX);
            classes &= classes.wrapping_sub(1);
            // A lock of this class is shorter than 2^class: one that starts before this point ends before the range.
            let reach = 1u128 << class;
            let first = u64::try_from(u128::from(range.offset).saturating_sub(reach)).unwrap_or(u64::MAX);
            let last = u64::try_from(range.end()).unwrap_or(u64::MAX);
            let found = self
                .locks
                .range((class, first, 0)..=(class, last, u64::MAX))
                .any(|(_, lock)| lock.range.overlaps(range) && matters(lock));
            if found {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(offset: u64, length: u64) -> LockRange {
        LockRange::new(offset, length).unwrap()
    }

    #[test]
    fn a_range_may_end_at_the_last_byte_but_not_beyond() {
        assert!(LockRange::new(u64::MAX, 1).is_some());
        assert!(LockRange::new(u64::MAX, 2).is_none());
        assert!(LockRange::new(0, u64::MAX).is_some());
        assert!(LockRange::new(1, u64::MAX).is_some());
        assert!(LockRange::new(2, u64::MAX).is_none());
        assert!(LockRange::new(u64::MAX, 0).is_some());
    }

    #[test]
    fn an_empty_lock_conflicts_only_inside_a_range() {
        let mut table = LockTable::default();
        assert!(table.lock(OpenId(1), range(10, 10), LockKind::Exclusive));
        assert!(table.lock(OpenId(2), range(10, 0), LockKind::Exclusive));
        assert!(table.lock(OpenId(2), range(20, 0), LockKind::Exclusive));
        assert!(!table.lock(OpenId(2), range(15, 0), LockKind::Exclusive));
    }

    #[test]
    fn a_shared_lock_stacks_on_the_owners_exclusive_one_only() {
        let mut table = LockTable::default();
        assert!(table.lock(OpenId(1), range(0, 10), LockKind::Exclusive));
        assert!(table.lock(OpenId(1), range(0, 10), LockKind::Shared));
        assert!(!table.lock(OpenId(2), range(0, 10), LockKind::Shared));
        assert!(!table.lock(OpenId(1), range(5, 1), LockKind::Exclusive));
        assert!(table.unlock(OpenId(1), range(0, 10)));
        assert!(table.lock(OpenId(2), range(0, 10), LockKind::Shared), "the exclusive one goes first");
    }

    #[test]
    fn undoing_leaves_older_locks_of_the_same_range() {
        let mut table = LockTable::default();
        assert!(table.lock(OpenId(1), range(0, 10), LockKind::Exclusive));
        assert!(table.lock(OpenId(1), range(0, 10), LockKind::Shared));
        table.undo(OpenId(1), range(0, 10), LockKind::Shared);
        assert_eq!(table.len(), 1);
        assert!(!table.lock(OpenId(2), range(0, 10), LockKind::Shared), "the exclusive one is still there");
        table.undo(OpenId(1), range(0, 10), LockKind::Shared);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn ones_own_shared_lock_forbids_writing() {
        let mut table = LockTable::default();
        assert!(table.lock(OpenId(1), range(0, 10), LockKind::Shared));
        assert!(!table.permits(OpenId(1), 5, 1, true));
        assert!(table.permits(OpenId(1), 5, 1, false));
        assert!(table.permits(OpenId(1), 10, 1, true));
    }

    #[test]
    fn locks_below_a_size_are_those_that_begin_there() {
        let mut table = LockTable::default();
        assert!(!table.any_below(u64::MAX));
        // Of several length classes: the first to begin is not the shortest.
        for (offset, length) in [(100, 1), (200, 10_000), (u64::MAX, 1), (40, 20)] {
            assert!(table.lock(OpenId(1), range(offset, length), LockKind::Exclusive), "{offset}");
        }
        let check = |table: &LockTable, first: u64| {
            assert!(!table.any_below(0));
            assert!(!table.any_below(first));
            assert!(table.any_below(first + 1));
            assert!(table.any_below(u64::MAX));
        };
        check(&table, 40);
        assert!(table.unlock(OpenId(1), range(40, 20)));
        check(&table, 100);
        assert!(table.unlock(OpenId(1), range(100, 1)));
        check(&table, 200);
        assert!(table.unlock(OpenId(1), range(200, 10_000)));
        assert!(!table.any_below(u64::MAX), "what begins at the very end is beyond every size");
        assert!(!table.is_empty());
    }

    #[test]
    fn locks_at_the_very_end_are_seen() {
        let mut table = LockTable::default();
        assert!(table.lock(OpenId(1), range(u64::MAX, 1), LockKind::Exclusive));
        assert!(!table.lock(OpenId(2), range(u64::MAX - 5, 6), LockKind::Shared));
        assert!(!table.lock(OpenId(2), range(1, u64::MAX), LockKind::Shared));
        assert!(table.lock(OpenId(2), range(0, u64::MAX), LockKind::Shared));
    }

    #[derive(Clone, Debug)]
    enum Action {
        Lock(u64, u64, u64, bool),
        Unlock(u64, u64, u64),
        Release(u64),
        Access(u64, u64, u64, bool),
    }

    fn place() -> impl Strategy<Value = (u64, u64)> {
        prop_oneof![(0u64..40, 0u64..12), (u64::MAX - 20..=u64::MAX, 0u64..12), (0u64..4, Just(u64::MAX - 2)),]
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => (0u64..3, place(), any::<bool>()).prop_map(|(o, (a, b), k)| Action::Lock(o, a, b, k)),
            2 => (0u64..3, place()).prop_map(|(o, (a, b))| Action::Unlock(o, a, b)),
            1 => (0u64..3).prop_map(Action::Release),
            3 => (0u64..3, place(), any::<bool>()).prop_map(|(o, (a, b), k)| Action::Access(o, a, b, k)),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_of_locks(actions in proptest::collection::vec(action(), 1..120)) {
            let mut table = LockTable::default();
            let mut model: Vec<(u64, u128, u128, bool)> = Vec::new(); // owner, start, end, exclusive
            let hits = |start: u128, end: u128, lock: &(u64, u128, u128, bool)| start < lock.2 && lock.1 < end;
            for action in actions {
                match action {
                    Action::Lock(owner, offset, length, exclusive) => {
                        let Some(range) = LockRange::new(offset, length) else { continue };
                        let (start, end) = (u128::from(offset), u128::from(offset) + u128::from(length));
                        let expected = !model.iter().any(|lock| {
                            hits(start, end, lock) && (exclusive || (lock.3 && lock.0 != owner))
                        });
                        let kind = if exclusive { LockKind::Exclusive } else { LockKind::Shared };
                        prop_assert_eq!(table.lock(OpenId(owner), range, kind), expected);
                        if expected {
                            model.push((owner, start, end, exclusive));
                        }
                    }
                    Action::Unlock(owner, offset, length) => {
                        let Some(range) = LockRange::new(offset, length) else { continue };
                        let (start, end) = (u128::from(offset), u128::from(offset) + u128::from(length));
                        let same = |lock: &&(u64, u128, u128, bool)| lock.0 == owner && lock.1 == start && lock.2 == end;
                        let found = model
                            .iter()
                            .position(|lock| same(&lock) && lock.3)
                            .or_else(|| model.iter().position(|lock| same(&lock)));
                        prop_assert_eq!(table.unlock(OpenId(owner), range), found.is_some());
                        if let Some(at) = found {
                            model.remove(at);
                        }
                    }
                    Action::Release(owner) => {
                        let had = model.iter().any(|lock| lock.0 == owner);
                        prop_assert_eq!(table.release(OpenId(owner)), had);
                        model.retain(|lock| lock.0 != owner);
                    }
                    Action::Access(owner, offset, length, write) => {
                        let length = length.min(u64::MAX - offset);
                        let (start, end) = (u128::from(offset), u128::from(offset) + u128::from(length));
                        let expected = length == 0 || !model.iter().any(|lock| {
                            hits(start, end, lock) && if lock.3 { lock.0 != owner } else { write }
                        });
                        prop_assert_eq!(table.permits(OpenId(owner), offset, length, write), expected);
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
