//! When a change of LastWriteTime is seen, on a volume that shows it late ([MS-FSA] 2.1.4.17; docs/decisions/0030-write-times.md).
//!
//! The time is noted with the write, as the section says; what is held back is only what is answered of it. A [`Hold`] is of one
//! file, whichever of its handles has begun it. What a handle's writes have to do with it is its [`Writes`]:
//!
//! ```text
//! None --first write: the time from before, for SHOWN_AFTER--> Pending --flush, new size, new times--> Seen
//!                               Pending, Seen --write, where no hold is on: until it is ended--> Pending
//! Pending --close, loss of the session--> the hold is over
//! ```

use std::time::Duration;

use freehold_dtyp::FileTime;

/// How long after the first write of a handle its time is seen.
pub const SHOWN_AFTER: Duration = Duration::from_secs(2);

/// What of a handle's writes the shown time does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// Nothing was written through it.
    #[default]
    None,
    /// It has written since a hold was ended through it: its close ends the hold.
    Pending,
    /// It has not.
    Seen,
}

/// The time that is shown of a file in place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Tells it from those before, for who is to say what the time is.
    number: u64,
    /// LastWriteTime before the write that has begun it; `None` until the volume has told it.
    time: Option<FileTime>,
    /// When it is over by itself, on the monotonic clock; `None`: when it is ended.
    until: Option<Duration>,
}

impl Hold {
    /// The time to show instead of the file's own.
    #[must_use]
    pub fn shown(&self, now: Duration) -> Option<FileTime> {
        self.time.filter(|_| self.is_on(now))
    }

    /// Takes the LastWriteTime that was read for the hold of this number, before the write was made. The first one counts.
    pub fn learn(&mut self, number: u64, time: FileTime) {
        if self.number == number {
            self.time.get_or_insert(time);
        }
    }

    /// Its number, while its time is not known.
    #[must_use]
    pub fn wanted(&self) -> Option<u64> {
        self.time.is_none().then_some(self.number)
    }

    fn is_on(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Writes {
    /// A write of data through the handle is about to be made, with `hold` on the file: the hold that it is made under. `number`
    /// is that of a new one.
    #[must_use]
    pub fn begin(&mut self, hold: Option<Hold>, number: u64, now: Duration) -> Hold {
        let until = match self {
            Writes::None => Some(now.saturating_add(SHOWN_AFTER)),
            Writes::Pending | Writes::Seen => None,
        };
        *self = Writes::Pending;
        match hold.filter(|hold| hold.is_on(now)) {
            // The earlier end counts.
            Some(hold) => Hold { until: hold.until.into_iter().chain(until).min(), ..hold },
            None => Hold { number, time: None, until },
        }
    }

    /// What was written is seen from now on; true when there was something that may not have been.
    pub fn end(&mut self) -> bool {
        let was_pending = *self == Writes::Pending;
        if was_pending {
            *self = Writes::Seen;
        }
        was_pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FileTime = FileTime(100);
    const FIRST: FileTime = FileTime(200);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn held(writes: &mut Writes, before: Option<Hold>, number: u64, now: Duration, time: FileTime) -> Hold {
        let mut hold = writes.begin(before, number, now);
        if let Some(number) = hold.wanted() {
            hold.learn(number, time);
        }
        hold
    }

    #[test]
    fn the_first_write_is_seen_after_two_seconds() {
        let mut writes = Writes::default();
        let hold = held(&mut writes, None, 1, at(10), OLD);
        assert_eq!(hold.shown(at(10)), Some(OLD));
        assert_eq!(hold.shown(at(12) - Duration::from_nanos(1)), Some(OLD));
        assert_eq!(hold.shown(at(12)), None);
    }

    #[test]
    fn later_writes_within_the_two_seconds_do_not_put_the_end_off() {
        let mut writes = Writes::default();
        let hold = held(&mut writes, None, 1, at(10), OLD);
        let hold = held(&mut writes, Some(hold), 2, at(11), FIRST);
        assert_eq!((hold.shown(at(11)), hold.shown(at(12))), (Some(OLD), None));
    }

    #[test]
    fn a_write_after_them_is_seen_when_the_hold_is_ended() {
        let mut writes = Writes::default();
        let hold = held(&mut writes, None, 1, at(10), OLD);
        let hold = held(&mut writes, Some(hold), 2, at(13), FIRST);
        assert_eq!(hold.shown(at(1_000_000)), Some(FIRST));
        assert!(writes.end());
    }

    #[test]
    fn a_close_has_nothing_to_end_where_nothing_was_written_since_the_last_end() {
        let mut writes = Writes::default();
        assert!(!writes.end());
        assert_eq!(writes, Writes::None);
        let _ = held(&mut writes, None, 1, at(10), OLD);
        assert!(writes.end());
        assert!(!writes.end());
        // What is written then is no first write any more.
        let hold = held(&mut writes, None, 2, at(11), FIRST);
        assert_eq!(hold.shown(at(100)), Some(FIRST));
        assert!(writes.end());
    }

    #[test]
    fn the_first_write_of_another_handle_is_seen_after_two_seconds_as_well() {
        let (mut one, mut other) = (Writes::Seen, Writes::default());
        let hold = held(&mut one, None, 1, at(10), OLD);
        let hold = held(&mut other, Some(hold), 2, at(20), FIRST);
        assert_eq!((hold.shown(at(21)), hold.shown(at(22))), (Some(OLD), None));
        // Of two that wait, the earlier end counts.
        let mut third = Writes::default();
        let hold = held(&mut third, Some(hold), 3, at(21), FIRST);
        assert_eq!(hold.shown(at(22)), None);
    }

    #[test]
    fn nothing_is_shown_before_the_time_is_known_and_only_the_first_answer_counts() {
        let mut hold = Writes::default().begin(None, 7, at(10));
        assert_eq!((hold.shown(at(10)), hold.wanted()), (None, Some(7)));
        // Read for a hold that was ended meanwhile.
        hold.learn(6, FIRST);
        assert_eq!(hold.shown(at(10)), None);
        hold.learn(7, OLD);
        hold.learn(7, FIRST);
        assert_eq!((hold.shown(at(10)), hold.wanted()), (Some(OLD), None));
    }

    #[test]
    fn the_end_of_the_clock_is_no_mistake() {
        let hold = held(&mut Writes::default(), None, 1, Duration::MAX, OLD);
        assert_eq!(hold.shown(Duration::MAX), None);
    }
}
