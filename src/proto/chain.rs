//! A received frame under way: its requests are carried out one after the other, their replies collected in one buffer.
//!
//! A request's life: `Next` (its turn has not come) --decide--> `Running` (an operation is with the shell) or `Parked`
//! (waits for an event) --finish, resume--> ... --> `Draining` (operations that must precede the reply) --> answered.
//! One whose data comes in pieces is `Receiving` between two of them, or `Discarding` the rest once it is refused.
//! Each request except CANCEL owns one [`Ticket`], which exactly one final reply consumes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use freehold_dtyp::NtStatus;
use smallvec::SmallVec;

use super::account::Account;
use super::admit::Element;
use super::buffer::ReplyBuffer;
use super::commands::{Parked, Pending};
use super::context::Request;
use super::event::ChainId;
use super::link::Channel;
use super::op::{Op, Splice};
use super::session::Session;
use super::tree_connect::TreeConnect;
use super::under_way::Outstanding;
use crate::smb2::{AsyncId, FileId, SessionId, TreeId};

/// The duty to answer one request.
#[derive(Debug)]
#[must_use]
pub struct Ticket(bool);

impl Ticket {
    /// Takes the duty.
    pub fn new() -> Self {
        Ticket(true)
    }

    /// The final reply is built: the duty is done.
    pub fn answered(mut self) {
        self.0 = false;
    }

    /// The connection is gone: nobody is left to answer.
    pub fn abandoned(mut self) {
        self.0 = false;
    }
}

impl Default for Ticket {
    fn default() -> Self {
        Ticket::new()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // INVARIANT: every ticket is answered or abandoned. In release builds the client would miss one reply.
        debug_assert!(!self.0 || std::thread::panicking(), "a request was dropped without a reply");
    }
}

/// Where the present request stands.
pub enum Stage {
    /// The next one has not begun.
    Next,
    /// The shell has an operation of it.
    Running(Pending),
    /// It waits for an event.
    Parked(Parked),
    /// It waits for the next piece of its data.
    Receiving(Pending),
    /// Refused; what is to come of its data is thrown away before it is answered.
    Discarding(NtStatus),
    /// Decided; operations before the reply are under way.
    Draining(NtStatus),
}

/// A finished reply in the buffer.
#[derive(Clone)]
pub struct Answered {
    /// Where its header starts.
    pub start: usize,
    /// The channel whose key must sign it.
    pub sign: Option<Arc<Channel>>,
    /// The pre-authentication hash that it belongs to.
    pub hash: Hashed,
}

/// Which pre-authentication hash a reply goes into ([MS-SMB2] 3.3.5.4 and 3.3.5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// None.
    No,
    /// The connection's: a NEGOTIATE reply.
    Connection,
    /// That of a logon under way: a SESSION_SETUP reply that is not the last.
    Setup(SessionId),
}

/// The frame.
pub struct Chain {
    /// Its name on the connection.
    pub id: ChainId,
    /// The clear bytes.
    pub frame: Bytes,
    /// All its requests.
    pub elements: SmallVec<[Element; 1]>,
    /// The request under way, or the next one.
    pub index: usize,
    /// The session whose key opened it: replies are sealed.
    pub sealed_by: Option<SessionId>,
    /// The session whose key seals the replies.
    pub seal_with: Option<Arc<Session>>,
    /// Where the present request stands.
    pub stage: Stage,
    /// The present request.
    pub request: Option<Request>,
    /// Its session.
    pub session: Option<Arc<Session>>,
    /// Its tree connect.
    pub tree: Option<Arc<TreeConnect>>,
    /// The channel whose key signs its reply.
    pub channel: Option<Arc<Channel>>,
    /// The duty to answer it.
    pub ticket: Option<Ticket>,
    /// What the present request has to record before its reply.
    pub audit: super::audit::Recording,
    /// Operations before its reply.
    pub before_reply: VecDeque<Op>,
    /// The present request, as it is counted in its open.
    pub outstanding: Option<Outstanding>,
    /// What related requests inherit.
    pub related_session: SessionId,
    /// What related requests inherit.
    pub related_tree: TreeId,
    /// What related requests inherit.
    pub related_file: Option<FileId>,
    /// Why the CREATE that related requests hang on failed.
    pub create_error: Option<NtStatus>,
    /// The request before had the session and tree connect that it needed.
    pub related_is_whole: bool,
    /// Bytes of the request's data that are still to come, where it comes in pieces.
    pub missing_bytes: usize,
    /// The request's data comes in pieces.
    pub in_pieces: bool,
    /// The replies.
    pub out: ReplyBuffer,
    /// Where the present reply's header starts.
    pub header_start: usize,
    /// Finished replies in `out`.
    pub answered: SmallVec<[Answered; 2]>,
    /// File data behind the last reply.
    pub splice: Option<Splice>,
    /// The AsyncId of the present request, once it has an interim reply.
    pub async_id: Option<AsyncId>,
    /// When the present request began.
    pub began: Duration,
    /// What is told of the requests beside their replies.
    pub account: Account,
    /// The client cancelled the present request while an operation of it was running.
    pub cancelled: bool,
}

impl Chain {
    /// A chain with nothing done.
    #[must_use]
    pub fn new(
        id: ChainId,
        frame: Bytes,
        elements: SmallVec<[Element; 1]>,
        sealed_by: Option<SessionId>,
        out: ReplyBuffer,
        now: Duration,
    ) -> Self {
        Chain {
            id,
            frame,
            elements,
            index: 0,
            sealed_by,
            seal_with: None,
            stage: Stage::Next,
            request: None,
            session: None,
            tree: None,
            channel: None,
            ticket: None,
            audit: super::audit::Recording::default(),
            before_reply: VecDeque::new(),
            outstanding: None,
            related_session: SessionId::NONE,
            related_tree: TreeId::NONE,
            related_file: None,
            create_error: None,
            related_is_whole: true,
            missing_bytes: 0,
            in_pieces: false,
            out,
            header_start: 0,
            answered: SmallVec::new(),
            splice: None,
            async_id: None,
            began: now,
            account: Account::of_frame(now),
            cancelled: false,
        }
    }

    /// True when the present request is the frame's last.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.index.saturating_add(1) >= self.elements.len()
    }
}
