//! [MS-DTYP] 2.3.3 FILETIME.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// [MS-DTYP] 2.3.3 FILETIME: 100 ns intervals since 1601-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

/// 100 ns intervals between 1601-01-01 and 1970-01-01.
const UNIX_EPOCH_100NS: i64 = 116_444_736_000_000_000;

impl FileTime {
    /// No time: 1601-01-01.
    pub const ZERO: FileTime = FileTime(0);

    /// From a POSIX timestamp; times before 1601 or past the range saturate. Below 100 ns is cut off.
    #[must_use]
    pub const fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let whole = seconds.saturating_mul(10_000_000).saturating_add(UNIX_EPOCH_100NS);
        let all = whole.saturating_add((nanoseconds / 100) as i64);
        FileTime(if all < 0 { 0 } else { all.unsigned_abs() })
    }

    /// As a POSIX timestamp: seconds (may be negative) and nanoseconds (0 to 999,999,900).
    #[must_use]
    pub fn to_unix(self) -> (i64, u32) {
        let all = i64::try_from(self.0).unwrap_or(i64::MAX).saturating_sub(UNIX_EPOCH_100NS);
        let seconds = all.div_euclid(10_000_000);
        let rest = all.rem_euclid(10_000_000);
        (seconds, u32::try_from(rest).unwrap_or(0).saturating_mul(100))
    }

    /// From the system clock's type; times before 1970 become 1970.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
    }

    /// This time plus `duration`, saturating.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let intervals = u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX);
        FileTime(self.0.saturating_add(intervals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_round_trips() {
        assert_eq!(FileTime::from_unix(0, 0).0, 116_444_736_000_000_000);
        assert_eq!(FileTime::from_unix(0, 199).to_unix(), (0, 100));
        assert_eq!(FileTime::from_unix(-1, 500_000_000).to_unix(), (-1, 500_000_000));
        assert_eq!(FileTime::ZERO.to_unix(), (-11_644_473_600, 0));
    }

    #[test]
    fn extreme_times_saturate() {
        assert_eq!(FileTime::from_unix(i64::MIN, 0), FileTime::ZERO);
        assert_eq!(FileTime(u64::MAX).to_unix().0, (i64::MAX - 116_444_736_000_000_000) / 10_000_000);
    }
}
