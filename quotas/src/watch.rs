//! Which thresholds usage has crossed: each is told once, and again only after usage fell well below it.

use crate::Threshold;

/// Usage must fall below this percentage of a threshold before its next crossing is told.
pub const REARM_PERCENT: u64 = 95;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    threshold: Threshold,
    bytes: u64,
    told: bool,
}

impl Mark {
    fn rearm_below(&self) -> u64 {
        let exact = u128::from(self.bytes) * u128::from(REARM_PERCENT) / 100;
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

/// The thresholds of one owner or folder, and which of them were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    marks: Vec<Mark>,
}

impl Watch {
    /// Watches `thresholds` (each with its bytes) from a usage of `used_bytes` on. Those that usage is above of already count as
    /// told: a restart, or a limit that was lowered, is no crossing.
    #[must_use]
    pub fn new(thresholds: impl IntoIterator<Item = (Threshold, u64)>, used_bytes: u64) -> Watch {
        let marks = thresholds
            .into_iter()
            .map(|(threshold, bytes)| Mark { threshold, bytes, told: used_bytes > bytes })
            .collect();
        Watch { marks }
    }

    /// The same with other thresholds. One that stays as it is stays told.
    #[must_use]
    pub fn renewed(&self, thresholds: impl IntoIterator<Item = (Threshold, u64)>, used_bytes: u64) -> Watch {
        let mut new = Watch::new(thresholds, used_bytes);
        for mark in &mut new.marks {
            mark.told |= self
                .marks
                .iter()
                .any(|old| old.told && old.threshold == mark.threshold && old.bytes == mark.bytes);
        }
        new.rearm(used_bytes);
        new
    }

    /// Above this usage there is something to tell; `u64::MAX` where nothing is left.
    #[must_use]
    pub fn rises_at(&self) -> u64 {
        self.marks.iter().filter(|mark| !mark.told).map(|mark| mark.bytes).min().unwrap_or(u64::MAX)
    }

    /// Below this usage a threshold is to be told again; 0 where none was told.
    #[must_use]
    pub fn falls_at(&self) -> u64 {
        self.marks.iter().filter(|mark| mark.told).map(Mark::rearm_below).max().unwrap_or(0)
    }

    /// Usage is now `used_bytes`: what it crossed upwards, with the thresholds' bytes.
    pub fn moved(&mut self, used_bytes: u64) -> Vec<(Threshold, u64)> {
        self.rearm(used_bytes);
        let mut crossed = Vec::new();
        for mark in self.marks.iter_mut().filter(|mark| !mark.told && used_bytes > mark.bytes) {
            mark.told = true;
            crossed.push((mark.threshold, mark.bytes));
        }
        crossed
    }

    /// Something was refused because of the limit: the limit, unless it was told already.
    pub fn refused(&mut self) -> Option<(Threshold, u64)> {
        let mark = self.marks.iter_mut().find(|mark| mark.threshold == Threshold::Limit && !mark.told)?;
        mark.told = true;
        Some((mark.threshold, mark.bytes))
    }

    fn rearm(&mut self, used_bytes: u64) {
        for mark in &mut self.marks {
            mark.told &= used_bytes >= mark.rearm_below();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_crossing_is_told_once_until_usage_fell_well_below() {
        let mut watch = Watch::new([(Threshold::Warning, 100), (Threshold::Limit, 200)], 0);
        assert_eq!(watch.moved(100), []);
        assert_eq!(watch.moved(101), [(Threshold::Warning, 100)]);
        assert_eq!(watch.moved(150), []);
        assert_eq!(watch.moved(96), []);
        assert_eq!(watch.moved(101), [], "it has not fallen below 95 %");
        assert_eq!(watch.moved(94), []);
        assert_eq!(watch.moved(300), [(Threshold::Warning, 100), (Threshold::Limit, 200)]);
    }

    #[test]
    fn a_refusal_tells_the_limit_once() {
        let mut watch = Watch::new([(Threshold::Limit, 200)], 199);
        assert_eq!(watch.refused(), Some((Threshold::Limit, 200)));
        assert_eq!(watch.refused(), None);
        assert_eq!(watch.moved(189), []);
        assert_eq!(watch.refused(), Some((Threshold::Limit, 200)));
    }

    #[test]
    fn what_is_exceeded_from_the_start_is_no_crossing() {
        let mut watch = Watch::new([(Threshold::Percent(85), 85)], 90);
        assert_eq!(watch.moved(95), []);
        let mut watch = watch.renewed([(Threshold::Percent(85), 85), (Threshold::Percent(95), 95)], 90);
        assert_eq!(watch.moved(96), [(Threshold::Percent(95), 95)]);
    }

    proptest! {
        /// Against a model with one threshold: told at a rise above it while armed; armed by falling below 95 %.
        #[test]
        fn one_threshold_is_told_as_a_model_says(
            bytes in 0u64..1000,
            usage in proptest::collection::vec(0u64..2000, 1..50),
        ) {
            let mut watch = Watch::new([(Threshold::Warning, bytes)], 0);
            let mut armed = true;
            for used in usage {
                armed |= used < bytes * 95 / 100;
                let expected = armed && used > bytes;
                armed &= !expected;
                prop_assert_eq!(watch.moved(used).len(), usize::from(expected));
                // Between the two marks nothing happens: who is told them need not ask.
                prop_assert!(used <= watch.rises_at());
                prop_assert!(used >= watch.falls_at());
            }
        }
    }
}
