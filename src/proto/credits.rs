//! Credits and the window of message ids ([MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3).

use std::collections::VecDeque;

use super::limits::MAX_CREDITS;
use crate::smb2::MessageId;

/// The window may run ahead of the oldest unused id by this many ids.
const WINDOW_IDS: u64 = 2 * MAX_CREDITS as u64;

/// CommandSequenceWindow: which message ids the client may use. Each is used once.
#[derive(Debug)]
pub struct CreditWindow {
    /// Oldest id that was not used.
    low: u64,
    /// First id that was not granted.
    end: u64,
    /// Bit `n` of word `w`: id `low_word * 64 + w * 64 + n` was used. Words before the one of `low` are dropped.
    used: VecDeque<u64>,
    /// Ids granted and not used.
    available: u64,
}

impl Default for CreditWindow {
    fn default() -> Self {
        // 3.3.5.1: a new connection may use message id 0.
        CreditWindow { low: 0, end: 1, used: VecDeque::new(), available: 1 }
    }
}

impl CreditWindow {
    /// Credits that the client holds.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.available
    }

    /// Uses `count` ids from `first` on; false (nothing is used) when one of them is not there to be used.
    pub fn consume(&mut self, first: MessageId, count: u16) -> bool {
        let count = u64::from(count.max(1));
        let Some(end) = first.0.checked_add(count) else { return false };
        if first.0 < self.low || end > self.end {
            return false;
        }
        if first.0 == self.low && self.used.is_empty() {
            // The usual case: in order, nothing skipped.
            self.low = end;
            self.available = self.available.saturating_sub(count);
            return true;
        }
        if (first.0..end).any(|id| self.is_used(id)) {
            return false;
        }
        for id in first.0..end {
            self.mark_used(id);
        }
        self.available = self.available.saturating_sub(count);
        self.slide();
        true
    }

    /// Grants credits for a reply: what was asked, at least one, as far as `limit` (at most [`MAX_CREDITS`]) and the
    /// window allow. A client is never left without any.
    pub fn grant(&mut self, requested: u16, limit: u16) -> u16 {
        let room = u64::from(limit.min(MAX_CREDITS)).saturating_sub(self.available);
        let ahead = self.low.saturating_add(WINDOW_IDS).saturating_sub(self.end);
        let granted = u64::from(requested.max(1)).min(room).min(ahead);
        self.end = self.end.saturating_add(granted);
        self.available = self.available.saturating_add(granted);
        u16::try_from(granted).unwrap_or(u16::MAX)
    }

    fn word_of(&self, id: u64) -> (usize, u64) {
        let word = (id >> 6).saturating_sub(self.low >> 6);
        (usize::try_from(word).unwrap_or(usize::MAX), 1 << (id & 63))
    }

    fn is_used(&self, id: u64) -> bool {
        let (word, bit) = self.word_of(id);
        self.used.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn mark_used(&mut self, id: u64) {
        let (word, bit) = self.word_of(id);
        // At most WINDOW_IDS / 64 words: ids are below `end`.
        while self.used.len() <= word {
            self.used.push_back(0);
        }
        if let Some(bits) = self.used.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Moves `low` past used ids.
    fn slide(&mut self) {
        while self.low < self.end && self.is_used(self.low) {
            self.low = self.low.saturating_add(1);
            if self.low & 63 == 0 {
                self.used.pop_front();
            }
        }
        // Nothing used past `low`: back to the empty form, so that the usual case stays cheap.
        let below = (1u64 << (self.low & 63)).wrapping_sub(1);
        let clean = self
            .used
            .iter()
            .enumerate()
            .all(|(word, bits)| if word == 0 { bits & !below == 0 } else { *bits == 0 });
        if clean {
            self.used.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_connection_has_message_id_zero() {
        let mut window = CreditWindow::default();
        assert!(!window.consume(MessageId(1), 1));
        assert!(window.consume(MessageId(0), 1));
        assert!(!window.consume(MessageId(0), 1));
        assert_eq!(window.available(), 0);
    }

    #[test]
    fn the_largest_message_id_does_not_overflow() {
        let mut window = CreditWindow::default();
        assert!(!window.consume(MessageId(u64::MAX), 2));
        assert!(!window.consume(MessageId(u64::MAX - 1), 1));
    }

    #[test]
    fn a_client_that_skips_an_id_forever_runs_dry_instead_of_growing_the_window() {
        let mut window = CreditWindow::default();
        assert!(window.consume(MessageId(0), 1));
        window.grant(2, MAX_CREDITS);
        let mut next = 2; // id 1 is never used
        while window.consume(MessageId(next), 1) {
            next += 1;
            window.grant(1, MAX_CREDITS);
        }
        assert_eq!(next, 1 + WINDOW_IDS);
        assert!(window.used.len() <= 257);
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_of_ids(steps in proptest::collection::vec((0u64..80, 1u16..6, 0u16..20), 1..300)) {
            let mut window = CreditWindow::default();
            let mut free: BTreeSet<u64> = BTreeSet::from([0]);
            let mut end = 1;
            for (offset, count, grant) in steps {
                let first = free.first().copied().unwrap_or(end) + offset;
                let wanted: Vec<u64> = (first..first + u64::from(count)).collect();
                let expected = wanted.iter().all(|id| free.contains(id));
                prop_assert_eq!(window.consume(MessageId(first), count), expected);
                if expected {
                    for id in &wanted {
                        free.remove(id);
                    }
                }
                prop_assert_eq!(window.available(), free.len() as u64);
                let granted = window.grant(grant, 64);
                prop_assert!(granted <= grant.max(1));
                for _ in 0..granted {
                    free.insert(end);
                    end += 1;
                }
                prop_assert!(free.len() <= 64);
                prop_assert!(!free.is_empty() || granted == 0);
            }
        }
    }
}
