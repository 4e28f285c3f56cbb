//! What a call of a volume has spent its time on, where the volume knows more than its caller sees: left behind on the thread that
//! ran it, for who asks after a call that took long.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What took the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A directory of that many entries was read from its beginning to its end.
    DirectoryRead {
        /// Entries.
        entries: u64,
    },
    /// Usage was being counted again, or other limits were put in place.
    QuotaRecount,
}

thread_local! {
    static LAST: Cell<Option<(Remark, Instant, Duration)>> = const { Cell::new(None) };
}

/// Leaves a remark: this has been going on since `began`, and is over.
pub fn leave(remark: Remark, began: Instant) {
    let now = Instant::now();
    LAST.set(Some((remark, now, now.saturating_duration_since(began))));
}

/// Takes the remark that was left on this thread within the last `within`, and how long what it tells of took.
#[must_use]
pub fn take(within: Duration) -> Option<(Remark, Duration)> {
    LAST.take().filter(|(_, at, _)| at.elapsed() <= within).map(|(remark, _, took)| (remark, took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_taken_once_and_not_for_a_later_call() {
        let began = Instant::now();
        leave(Remark::DirectoryRead { entries: 3 }, began);
        let found = take(Duration::from_secs(60)).unwrap();
        assert_eq!(found.0, Remark::DirectoryRead { entries: 3 });
        assert_eq!(take(Duration::from_secs(60)), None);
        leave(Remark::QuotaRecount, began);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(take(Duration::from_millis(1)), None);
    }
}
