//! Times in buckets whose bounds grow by a half and by a third in turn: 4, 6, 8, 12, 16 ... microseconds, to half a minute. A quantile read from
//! them is off by a sixth at most.

use std::time::Duration;

use super::counter::{Counter, Lane};

/// Bounds that there are; one more bucket holds what is above the last.
const BOUNDS: usize = 47;

/// The upper bounds of the buckets in microseconds, each within its bucket.
pub const BOUNDS_MICROS: [u64; BOUNDS] = bounds();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated when compiled
const fn bounds() -> [u64; BOUNDS] {
    let mut bounds = [0; BOUNDS];
    let mut index = 0;
    while index < BOUNDS {
        let octave = 4u64 << (index / 2);
        bounds[index] = if index % 2 == 0 { octave } else { octave + octave / 2 };
        index += 1;
    }
    bounds
}

/// A time in nanoseconds; 584 years are as good as any longer.
#[inline]
fn nanos_of(took: Duration) -> u64 {
    took.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(took.subsec_nanos()))
}

/// The bucket of a time.
#[inline]
#[allow(clippy::arithmetic_side_effects)] // on numbers of at most 64 bits, none of which overflows
fn bucket(nanos: u64) -> usize {
    // A time that is a bound exactly belongs below it; below the first bound there is one bucket.
    let micros = (nanos.saturating_sub(1) / 1_000).max(2);
    let octave = micros.ilog2();
    // The bit below the highest one tells the half of the octave. 2 and 3 microseconds are octave 1, whose index is below 1.
    let index = ((octave as usize) << 1 | ((micros >> (octave - 1)) & 1) as usize).saturating_sub(3);
    index.min(BOUNDS)
}

/// Counts of times.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; BOUNDS + 1],
    sum_nanos: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: std::array::from_fn(|_| Counter::default()), sum_nanos: Counter::default() }
    }
}

impl Histogram {
    /// Counts a time, on a lane of the caller's.
    #[inline]
    pub fn observe(&self, lane: Lane, took: Duration) {
        let nanos = nanos_of(took);
        if let Some(counter) = self.buckets.get(bucket(nanos)) {
            counter.add(lane, 1);
        }
        self.sum_nanos.add(lane, nanos);
    }

    /// Adds these counts to others.
    pub fn add_to(&self, sum: &mut Distribution) {
        for (place, counter) in sum.buckets.iter_mut().zip(&self.buckets) {
            *place = place.wrapping_add(counter.value());
        }
        sum.sum_nanos = sum.sum_nanos.wrapping_add(self.sum_nanos.value());
    }

    /// The counts.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let mut sum = Distribution::default();
        self.add_to(&mut sum);
        sum
    }
}

/// Counts of times at one moment, bucket by bucket, as a plain value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Times in each bucket; the last is of what is above every bound.
    pub buckets: [u64; BOUNDS + 1],
    /// Their sum in nanoseconds.
    pub sum_nanos: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution { buckets: [0; BOUNDS + 1], sum_nanos: 0 }
    }
}

impl Distribution {
    /// How many times there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// The time below which `share` (0 to 1) of them are, in microseconds, as if they lay evenly in their bucket; 0 without any.
    #[must_use]
    pub fn quantile_micros(&self, share: f64) -> f64 {
        quantile_micros(&self.buckets, share)
    }
}

/// As [`Distribution::quantile_micros`], of counts as they are in a row.
#[must_use]
pub fn quantile_micros(buckets: &[u64], share: f64) -> f64 {
    let count = buckets.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
    if count == 0 {
        return 0.0;
    }
    let wanted = share.clamp(0.0, 1.0) * count as f64;
    let mut below = 0.0;
    let mut lower = 0.0;
    for (index, inside) in buckets.iter().enumerate() {
        // Nothing is known of those above the last bound but that they are above.
        let Some(upper) = BOUNDS_MICROS.get(index).map(|bound| *bound as f64) else { return lower };
        let inside = *inside as f64;
        if inside > 0.0 && below + inside >= wanted {
            return lower + (upper - lower) * ((wanted - below) / inside).clamp(0.0, 1.0);
        }
        below += inside;
        lower = upper;
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        for nanos in (0..200_000u64).step_by(37).chain([1, 4_000, 4_001, 6_000, 6_001, 12_000, 12_001]) {
            let expected = BOUNDS_MICROS.iter().position(|bound| nanos <= bound * 1_000).unwrap();
            assert_eq!(bucket(nanos), expected, "{nanos}");
        }
        for (index, bound) in BOUNDS_MICROS.iter().enumerate() {
            assert_eq!(bucket(bound * 1_000), index);
            assert_eq!(bucket(bound * 1_000 + 1), index + 1);
        }
        assert_eq!(bucket(nanos_of(Duration::from_secs(3_600))), BOUNDS);
        assert_eq!(bucket(nanos_of(Duration::MAX)), BOUNDS);
        assert!(*BOUNDS_MICROS.last().unwrap() > 30_000_000);
    }

    #[test]
    fn quantiles_lie_between_the_bounds() {
        let histogram = Histogram::default();
        for micros in 1..=1_000 {
            histogram.observe(Lane::SHARED, Duration::from_micros(micros));
        }
        let read = histogram.read();
        assert_eq!(read.count(), 1_000);
        assert_eq!(read.sum_nanos, 500_500_000);
        for (share, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = read.quantile_micros(share);
            assert!((found - exact).abs() / exact < 0.17, "{share}: {found}");
        }
        assert!(Distribution::default().quantile_micros(0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_above_every_bound_is_told_as_the_last_bound() {
        let histogram = Histogram::default();
        histogram.observe(Lane::SHARED, Duration::from_secs(100));
        let last = *BOUNDS_MICROS.last().unwrap() as f64;
        assert!((histogram.read().quantile_micros(0.5) - last).abs() < 1.0);
    }
}
