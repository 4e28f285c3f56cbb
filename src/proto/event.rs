//! What connections tell each other: typed events in a mailbox, never a call across.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freehold_dtyp::FileTime;
use parking_lot::Mutex;

use crate::fsa::HolderId;
use crate::smb2::SessionId;

/// The present, as the shell reads it from its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since the server started; never goes back.
    pub monotonic: Duration,
    /// Wall-clock time.
    pub wall: FileTime,
}

/// Names a connection of this server; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Names a received frame (a request or a compound of requests) under way on a connection; never reused there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub u64);

/// Names a parked request: what is registered with a file so that somebody else's action can resume it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterId {
    /// Where it waits.
    pub connection: ConnectionId,
    /// Its frame: one request of a frame waits at a time.
    pub chain: ChainId,
}

/// Why a parked request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// What it waited for may be there: look again.
    Retry,
    /// The client cancelled it ([MS-SMB2] 3.3.5.16).
    Cancelled,
    /// Its deadline has passed.
    TimedOut,
    /// Its open, tree connect or session is gone.
    Closed,
}

/// Something for a connection to do.
#[derive(Debug)]
pub enum Event {
    /// Resume a parked request. Ignored when it is gone or does not wait.
    Wake {
        /// Which.
        chain: ChainId,
        /// Why.
        wake: Wake,
    },
    /// Send an OPLOCK_BREAK notification ([MS-SMB2] 3.3.4.6, 3.3.4.7): the body, ready to send.
    Break {
        /// Whose session's keys seal it, where that session is encrypted.
        session: SessionId,
        /// What is broken: nothing is sent when that is gone by then.
        holder: HolderId,
        /// The persistent half of the FileId, for an oplock.
        persistent: u64,
        /// What it tells of is done already ([MS-FSA] 2.1.4.12 with PARENT_OBJECT): a reply that is due goes first.
        done: bool,
        /// The notification's body.
        body: Vec<u8>,
    },
    /// A share is gone: end the tree connects that this connection's sessions have to it.
    ShareGone(String),
    /// End a session: its account may not be logged on any more, or an administrator says so.
    EndSession(SessionId),
    /// A session of this connection was ended elsewhere: forget it.
    SessionGone(SessionId),
}

/// Tells the shell that a connection has mail. Called from any thread, must not block.
pub trait Waker: Send + Sync {
    /// Makes the shell call `Connection::handle_events` soon.
    fn wake(&self);
}

/// A connection's mailbox, reachable by all others.
pub struct Mailbox {
    events: Mutex<Vec<Event>>,
    closed: AtomicBool,
    /// Number of [`Event::Break`] among them.
    breaks: AtomicUsize,
    waker: Box<dyn Waker>,
}

impl Mailbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new(waker: Box<dyn Waker>) -> Arc<Self> {
        Arc::new(Mailbox {
            events: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
            breaks: AtomicUsize::new(0),
            waker,
        })
    }

    /// Puts an event in and wakes the owner; false for a break when the transport is gone.
    pub fn post(&self, event: Event) -> bool {
        let is_break = matches!(event, Event::Break { .. });
        if is_break && self.is_closed() {
            return false;
        }
        {
            let mut events = self.events.lock();
            if is_break {
                self.breaks.fetch_add(1, Ordering::Release);
            }
            events.push(event);
        }
        self.waker.wake();
        true
    }

    /// The transport is gone; requests of the connection may still be under way.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// True once the transport is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Takes the breaks alone, oldest first: they go out before a reply that may give the client what others had to give
    /// up. One load when there is none.
    #[must_use]
    pub fn take_breaks(&self) -> Vec<Event> {
        if self.breaks.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let mut events = self.events.lock();
        self.breaks.store(0, Ordering::Release);
        events.extract_if(.., |event| matches!(event, Event::Break { .. })).collect()
    }

    /// Takes all events, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        let mut events = self.events.lock();
        self.breaks.store(0, Ordering::Release);
        std::mem::take(&mut *events)
    }
}
