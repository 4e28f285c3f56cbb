//! [MS-SMB2] 3.3.5.2.10 Verifying the Channel Sequence Number: which requests of an open may have been sent twice, because a
//! channel was lost between them and their replies.

use std::sync::atomic::{AtomicU64, Ordering};

/// Open.ChannelSequence, Open.OutstandingRequestCount and Open.OutstandingPreRequestCount in one word, so that they change
/// together without a lock: 16, 24 and 24 bits. A connection has far fewer requests under way than a count can hold.
#[derive(Debug)]
pub struct ChannelSequence(AtomicU64);

/// The largest count; it sticks there.
const MOST: u64 = 0xFF_FFFF;

#[derive(Clone, Copy)]
struct Counts {
    sequence: u16,
    outstanding: u64,
    before: u64,
}

impl Counts {
    fn read(word: u64) -> Self {
        let [a, b, ..] = word.to_le_bytes();
        Counts {
            sequence: u16::from_le_bytes([a, b]),
            outstanding: (word >> 16) & MOST,
            before: (word >> 40) & MOST,
        }
    }

    fn word(self) -> u64 {
        u64::from(self.sequence) | (self.outstanding.min(MOST) << 16) | (self.before.min(MOST) << 40)
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is counted as under way until `ChannelSequence::done`.
    Counted,
    /// It may have been sent before its channel was lost and repeated since, or its first copy may still be under way:
    /// what changes something must be refused.
    Doubtful,
}

impl ChannelSequence {
    /// Of a new open; `sequence` is its CREATE's.
    #[must_use]
    pub fn new(sequence: u16) -> Self {
        ChannelSequence(AtomicU64::new(u64::from(sequence)))
    }

    /// Takes note of a request. `replay` is SMB2_FLAGS_REPLAY_OPERATION.
    #[must_use]
    pub fn admit(&self, sequence: u16, replay: bool) -> Admission {
        let mut admission = Admission::Doubtful;
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let mut counts = Counts::read(word);
            let ahead = sequence.wrapping_sub(counts.sequence);
            if ahead > 0x7FFF {
                admission = Admission::Doubtful;
                return None;
            }
            if ahead != 0 {
                counts.before = counts.before.saturating_add(counts.outstanding);
                counts.outstanding = 0;
                counts.sequence = sequence;
            }
            admission = if replay && counts.before != 0 { Admission::Doubtful } else { Admission::Counted };
            if admission == Admission::Counted {
                counts.outstanding = counts.outstanding.saturating_add(1);
            }
            Some(counts.word())
        });
        admission
    }

    /// A counted request with this ChannelSequence is answered.
    pub(super) fn done(&self, sequence: u16) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let mut counts = Counts::read(word);
            // Where the sequence has gone around meanwhile, the older requests are meant.
            if counts.sequence == sequence && counts.outstanding != 0 {
                counts.outstanding = counts.outstanding.saturating_sub(1);
            } else {
                counts.before = counts.before.saturating_sub(1);
            }
            Some(counts.word())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_waits_for_what_was_sent_before_the_channel_was_lost() {
        let open = ChannelSequence::new(0);
        assert_eq!(open.admit(0, false), Admission::Counted);
        assert_eq!(open.admit(1, true), Admission::Doubtful, "the first copy is still under way");
        assert_eq!(open.admit(1, false), Admission::Counted, "a new request need not wait");
        open.done(0);
        assert_eq!(open.admit(1, true), Admission::Counted);
    }

    #[test]
    fn an_older_sequence_is_doubtful_by_half_the_range() {
        let open = ChannelSequence::new(0);
        for (sequence, expected) in [
            (0x8000, Admission::Doubtful),
            (0xFFFF, Admission::Doubtful),
            (0x7FFF, Admission::Counted),
            (0x7FFE, Admission::Doubtful),
            (0x8000, Admission::Counted),
            (0xFFFF, Admission::Counted),
            (0, Admission::Counted),
            (1, Admission::Counted),
            (0, Admission::Doubtful),
        ] {
            assert_eq!(open.admit(sequence, false), expected, "{sequence:#x}");
            if expected == Admission::Counted {
                open.done(sequence);
            }
        }
    }

    #[test]
    fn requests_from_before_the_sequence_went_around_do_not_go_below_zero() {
        let open = ChannelSequence::new(0);
        assert_eq!(open.admit(0, false), Admission::Counted); // a CHANGE_NOTIFY that stays
        for sequence in [30_000, 60_000, 0] {
            assert_eq!(open.admit(sequence, false), Admission::Counted);
            open.done(sequence);
        }
        open.done(0);
        assert_eq!(open.admit(1, true), Admission::Counted);
    }
}
