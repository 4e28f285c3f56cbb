//! Which requests of an open are under way ([MS-SMB2] 3.3.1.1 Request.Open), and the end of the open, which comes behind them
//! (3.3.5.10, 3.3.4.17): what an open gives back must not be given to others while it is still written or read through.
//!
//! Life: `Live` --enter, leave--> ... --close--> `Closing` (nobody enters any more) --the others leave--> the CLOSE is woken;
//! `Live` or `Closing` --end--> `Ending` --all leave--> its end is done by the last one.
//! Knows nothing of what a request does. One word that an open has for itself: no lock where nothing is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::event::{ChainId, Event, Mailbox, Wake};
use super::open::Open;

/// Nobody enters any more.
const CLOSING: u32 = 1 << 31;
/// Who leaves as the last one of all does the end.
const ENDING: u32 = 1 << 30;

/// The requests of one open that are not answered.
#[derive(Default)]
pub struct UnderWay {
    /// How many there are, and the marks above. A server has far fewer requests under way than would fill it.
    word: AtomicU32,
    /// What waits for them.
    closer: Mutex<Option<Closer>>,
}

enum Closer {
    /// A CLOSE, for all but itself.
    Close(Arc<Mailbox>, ChainId),
    /// The end of an open whose tree connect, session or connection is gone.
    End(Box<dyn FnOnce() + Send>),
}

impl UnderWay {
    #[inline]
    fn enter(&self) -> bool {
        if self.word.fetch_add(1, Ordering::Acquire) & CLOSING == 0 {
            return true;
        }
        self.leave();
        false
    }

    #[inline]
    fn leave(&self) {
        let before = self.word.fetch_sub(1, Ordering::AcqRel);
        // Only a CLOSE is left, which is a request of the open as well; or nobody.
        if before == CLOSING | 2 || before == CLOSING | ENDING | 1 {
            self.go_on();
        }
    }

    #[cold]
    fn go_on(&self) {
        let closer = self.closer.lock().take();
        match closer {
            Some(Closer::Close(mailbox, chain)) => {
                mailbox.post(Event::Wake { chain, wake: Wake::Retry });
            }
            Some(Closer::End(end)) => end(),
            None => {}
        }
    }

    /// Lets nobody enter any more. True when the caller, a CLOSE that has entered, is alone; else `chain` is woken at
    /// `mailbox` when it may be, to call this again.
    #[must_use]
    pub fn close(&self, mailbox: Arc<Mailbox>, chain: ChainId) -> bool {
        if self.word.compare_exchange(1, CLOSING | 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            return true;
        }
        *self.closer.lock() = Some(Closer::Close(mailbox, chain));
        // Whoever leaves behind this sees the mark and finds the CLOSE.
        let alone = self.word.fetch_or(CLOSING, Ordering::AcqRel) & !CLOSING <= 1;
        if alone {
            *self.closer.lock() = None;
        }
        alone
    }

    /// Lets nobody enter any more, and has `end` done when all have left: by the last of them, or at once. It may lock nodes.
    pub fn end(&self, end: impl FnOnce() + Send + 'static) {
        *self.closer.lock() = Some(Closer::End(Box::new(end)));
        if self.word.fetch_or(CLOSING | ENDING, Ordering::AcqRel) & !(CLOSING | ENDING) == 0 {
            self.go_on();
        }
    }

    /// True when no request of the open is under way; nobody enters any more then.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let over = CLOSING | ENDING;
        match self.word.compare_exchange(0, over, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(word) => word & !over == 0,
        }
    }
}

/// A request under way that is counted in its open; its end is counted when it is dropped.
pub struct Outstanding {
    open: Arc<Open>,
    /// The ChannelSequence under which it is counted there, too ([MS-SMB2] 3.3.5.2.10).
    sequence: Option<u16>,
    entered: bool,
}

impl Outstanding {
    /// Counts a request of an open, which [`super::channel_sequence::ChannelSequence::admit`] has counted under `sequence`; `None`
    /// when the open is being closed.
    #[inline]
    #[must_use]
    pub fn enter(open: &Arc<Open>, sequence: Option<u16>) -> Option<Self> {
        let mut outstanding = Outstanding { open: Arc::clone(open), sequence, entered: false };
        outstanding.go_on().then_some(outstanding)
    }

    /// Its open.
    #[must_use]
    pub fn open(&self) -> &Arc<Open> {
        &self.open
    }

    /// It waits for its client: a CLOSE need not wait for it.
    pub fn pause(&mut self) {
        if std::mem::take(&mut self.entered) {
            self.open.under_way.leave();
        }
    }

    /// It goes on; false when the open is being closed.
    #[inline]
    pub fn go_on(&mut self) -> bool {
        if !self.entered {
            self.entered = self.open.under_way.enter();
        }
        self.entered
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        if let Some(sequence) = self.sequence {
            self.open.channel_sequence.done(sequence);
        }
        self.pause();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::super::event::Waker;
    use super::*;

    struct Counted(Arc<AtomicUsize>);

    impl Waker for Counted {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn mailbox() -> (Arc<Mailbox>, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        (Mailbox::new(Box::new(Counted(Arc::clone(&woken)))), woken)
    }

    #[test]
    fn a_close_that_is_alone_need_not_wait() {
        let (mailbox, woken) = mailbox();
        let open = UnderWay::default();
        assert!(open.enter());
        assert!(open.enter());
        open.leave();
        assert!(open.close(mailbox, ChainId(1)));
        assert!(!open.enter(), "nobody enters what is being closed");
        open.leave();
        assert_eq!(woken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_last_one_before_a_close_wakes_it_once() {
        let (mailbox, woken) = mailbox();
        let open = UnderWay::default();
        for _ in 0..3 {
            assert!(open.enter());
        }
        assert!(!open.close(Arc::clone(&mailbox), ChainId(7)));
        open.leave();
        assert_eq!(woken.load(Ordering::Relaxed), 0, "one is still under way");
        open.leave();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(!open.enter());
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(matches!(mailbox.take()[..], [Event::Wake { chain: ChainId(7), wake: Wake::Retry }]));
        assert!(open.close(mailbox, ChainId(7)));
    }

    #[test]
    fn an_end_is_done_by_the_last_that_leaves() {
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let open = UnderWay::default();
        assert!(open.enter() && open.enter());
        assert!(!open.is_over());
        open.end(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(!open.enter());
        open.leave();
        assert_eq!(done.load(Ordering::Relaxed), 0);
        open.leave();
        assert_eq!(done.load(Ordering::Relaxed), 1);
        assert!(open.is_over() && !open.enter());
        assert_eq!(done.load(Ordering::Relaxed), 1);
        let alone = UnderWay::default();
        assert!(alone.is_over());
        let count = Arc::clone(&done);
        alone.end(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_close_whose_connection_is_lost_leaves_the_end_to_the_last() {
        let (mailbox, woken) = mailbox();
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let open = UnderWay::default();
        assert!(open.enter() && open.enter());
        assert!(!open.close(mailbox, ChainId(1)));
        open.end(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        // The CLOSE itself, then what it has waited for.
        open.leave();
        assert_eq!(done.load(Ordering::Relaxed), 0);
        open.leave();
        assert_eq!((done.load(Ordering::Relaxed), woken.load(Ordering::Relaxed)), (1, 0));
    }

    #[test]
    fn threads_that_come_and_go_leave_nobody_waiting() {
        for _ in 0..200 {
            let (mailbox, woken) = mailbox();
            let open = UnderWay::default();
            assert!(open.enter());
            let alone = std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while open.enter() {
                            open.leave();
                        }
                    });
                }
                open.close(Arc::clone(&mailbox), ChainId(1))
            });
            // All others are gone: either it was alone, or it was told.
            assert!(alone || woken.load(Ordering::Relaxed) == 1);
            assert!(open.close(mailbox, ChainId(1)));
        }
    }
}
