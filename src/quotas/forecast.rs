//! When what grows will be full, from samples of the past: a straight line by least squares. Pure.

use crate::state::quotas::Sample;

/// History of fewer hours than this says nothing.
pub const MIN_HISTORY_HOURS: i64 = 24;
/// So many samples at least.
const MIN_SAMPLES: usize = 3;
/// What is further away than this many days is as good as never.
const MAX_DAYS: f64 = 3_650.0;

/// What samples say about the time to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Growth in bytes a day; `None` when there is too little history.
    pub bytes_per_day: Option<f64>,
    /// Days from now until the limit; `None` when it is not reached within ten years, or nothing can be said.
    pub days_until_full: Option<f64>,
    /// Days between the first and the last sample.
    pub history_days: f64,
}

/// Looks from `used_bytes` now along the line through `samples`, in the order of time, to `limit_bytes`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "bytes and hours as statistics take them")]
pub fn forecast(samples: &[Sample], used_bytes: u64, limit_bytes: Option<u64>) -> Forecast {
    let span = match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => last.hour.saturating_sub(first.hour),
        _ => 0,
    };
    let history_days = span as f64 / 24.0;
    let full = limit_bytes.is_some_and(|limit| used_bytes >= limit);
    let days_if_full = full.then_some(0.0);
    if span < MIN_HISTORY_HOURS || samples.len() < MIN_SAMPLES {
        return Forecast { bytes_per_day: None, days_until_full: days_if_full, history_days };
    }
    let rate = slope(samples) * 24.0;
    let days = match limit_bytes {
        Some(limit) if !full && rate > 0.0 => Some((limit - used_bytes) as f64 / rate),
        _ => days_if_full,
    };
    Forecast {
        bytes_per_day: Some(rate),
        days_until_full: days.filter(|days| *days <= MAX_DAYS),
        history_days,
    }
}

/// Bytes an hour, by least squares. Hours are counted from the first sample, so that no precision is lost.
#[expect(clippy::cast_precision_loss, reason = "bytes and hours as statistics take them")]
fn slope(samples: &[Sample]) -> f64 {
    let start = samples.first().map_or(0, |sample| sample.hour);
    let points = || samples.iter().map(|sample| ((sample.hour - start) as f64, sample.used_bytes as f64));
    let count = samples.len() as f64;
    let (sum_x, sum_y) = points().fold((0.0, 0.0), |(x, y), (px, py)| (x + px, y + py));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points().fold((0.0, 0.0), |(over, under), (x, y)| {
        (over + (x - mean_x) * (y - mean_y), under + (x - mean_x) * (x - mean_x))
    });
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(hours: impl Iterator<Item = i64>, start: u64, per_hour: u64) -> Vec<Sample> {
        hours
            .map(|hour| Sample { hour, used_bytes: start + per_hour * u64::try_from(hour).unwrap() })
            .collect()
    }

    #[test]
    fn steady_growth_reaches_the_limit_when_it_should() {
        let samples = line((0..=240).step_by(24), 1_000, 10);
        let found = forecast(&samples, 3_400, Some(3_400 + 2_400));
        assert!((found.bytes_per_day.unwrap() - 240.0).abs() < 1e-6);
        assert!((found.days_until_full.unwrap() - 10.0).abs() < 1e-6);
        assert!((found.history_days - 10.0).abs() < 1e-9);
    }

    #[test]
    fn an_outlier_does_not_turn_the_line_around() {
        let mut samples = line(0..=200, 1_000, 10);
        samples[100].used_bytes = 0;
        let rate = forecast(&samples, 3_000, Some(10_000)).bytes_per_day.unwrap();
        assert!((230.0..250.0).contains(&rate), "{rate}");
    }

    #[test]
    fn too_little_history_says_nothing() {
        for samples in [vec![], line(0..=5, 0, 1), line([0, 100].into_iter(), 0, 1)] {
            let found = forecast(&samples, 5, Some(10));
            assert_eq!((found.bytes_per_day, found.days_until_full), (None, None));
        }
    }

    #[test]
    fn what_does_not_grow_or_has_no_limit_never_fills() {
        let flat = line(0..=48, 100, 0);
        assert_eq!(forecast(&flat, 100, Some(200)).days_until_full, None);
        let growing = line(0..=48, 0, 1);
        assert_eq!(forecast(&growing, 48, None).days_until_full, None);
        assert_eq!(forecast(&growing, 48, Some(u64::MAX)).days_until_full, None);
        assert_eq!(forecast(&growing, 48, Some(48)).days_until_full, Some(0.0));
        assert_eq!(forecast(&[], 48, Some(48)).days_until_full, Some(0.0));
    }

    proptest::proptest! {
        #[test]
        fn any_samples_end(hours in proptest::collection::vec((0i64..1_000_000, proptest::num::u64::ANY), 0..50), used: u64, limit: Option<u64>) {
            let mut hours = hours;
            hours.sort_unstable();
            let samples: Vec<Sample> = hours.into_iter().map(|(hour, used_bytes)| Sample { hour, used_bytes }).collect();
            let found = forecast(&samples, used, limit);
            proptest::prop_assert!(found.days_until_full.is_none_or(|days| (0.0..=MAX_DAYS).contains(&days)));
        }
    }
}
