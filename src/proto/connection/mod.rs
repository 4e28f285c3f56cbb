//! Connection: frames and events in, operations and frames out ([MS-SMB2] 3.3.5.1, 3.3.5.2, 3.3.4.1).
//!
//! The shell calls [`Connection::receive`] for each transport message, runs what [`Connection::poll_op`] gives and
//! answers with [`Connection::complete`], sends what [`Connection::poll_transmit`] gives, calls
//! [`Connection::handle_events`] when the mailbox's waker was called and [`Connection::handle_deadline`] when
//! [`Connection::next_deadline`] has come. After the transport is gone: [`Connection::disconnected`], and operations until
//! [`Connection::is_drained`].

mod begin;
mod counting;
mod events;
pub mod pieces;
mod reply;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use freehold_dtyp::NtStatus;
use smallvec::SmallVec;

use super::admit::{self, Disconnect};
use super::buffer::{HEADROOM_BYTES, ReplyBuffer};
use super::chain::{Chain, Stage};
use super::commands::{self, Parked, Pending, negotiate};
use super::context::{Context, Step, StepResult};
use super::credits::CreditWindow;
use super::event::{ChainId, Mailbox, Now, WaiterId, Wake, Waker};
use super::limits;
use super::link::Link;
use super::op::{Op, OpId, OpResult, Splice};
use super::server::Server;
use super::sharded::IdMap;
use super::status::CommandError;
use crate::metrics::Lane;
use crate::smb2::header::ProtocolId;
use crate::smb2::{Command, HeaderFlags, MessageId, Smb2Header};

/// A transport message to send: `buffer[start..]`, then the file data of `splice`.
#[derive(Debug)]
pub struct OutFrame {
    /// Holds the message; give it back with [`Connection::recycle`].
    pub buffer: ReplyBuffer,
    /// First byte to send.
    pub start: usize,
    /// File data that follows.
    pub splice: Option<Splice>,
    /// Somebody waits for the client's answer: that the transport is dead should be noticed soon.
    pub urgent: bool,
    /// When the frame that it answers had come.
    pub received: Duration,
    /// Numbers of the commands that it answers; none for what is no final reply.
    pub commands: SmallVec<[u8; 16]>,
}

impl OutFrame {
    /// The bytes to send before the splice.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_slice().get(self.start..).unwrap_or_default()
    }
}

/// Reply buffers kept for reuse while a connection is busy.
const SPARE_BUFFERS: usize = 8;

/// One client connection.
pub struct Connection {
    server: Arc<Server>,
    link: Link,
    mailbox: Arc<Mailbox>,
    window: CreditWindow,
    chains: IdMap<u64, Box<Chain>>,
    /// The request whose data is coming in pieces.
    data_to_come: Option<ChainId>,
    ops: VecDeque<(OpId, Op)>,
    transmit: VecDeque<OutFrame>,
    spare: Vec<ReplyBuffer>,
    next_id: u64,
    detached: usize,
    closed: bool,
    /// The counters that are added to.
    lane: Lane,
}

/// How a request's next step is entered.
enum Input {
    Begin,
    Finish(Pending, OpResult),
    Resume(Parked, Wake),
    Data(Pending, Bytes),
    Drained(NtStatus),
    /// What it did must be recorded and could not be.
    NotRecorded,
}

impl Connection {
    /// A connection from `peer` to `local` (addresses without port), registered with the server.
    #[must_use]
    pub fn new(server: Arc<Server>, peer: String, local: String, waker: Box<dyn Waker>) -> Self {
        let mailbox = Mailbox::new(waker);
        let id = server.register(Arc::clone(&mailbox));
        Connection {
            server,
            link: Link::new(id, peer, local),
            mailbox,
            window: CreditWindow::default(),
            chains: IdMap::default(),
            data_to_come: None,
            ops: VecDeque::new(),
            transmit: VecDeque::new(),
            spare: Vec::new(),
            next_id: 1,
            detached: 0,
            closed: false,
            lane: Lane::SHARED,
        }
    }

    /// The same with the port that the client connects from, for records.
    #[must_use]
    pub fn from_port(mut self, port: u16) -> Self {
        self.link.peer_port = port;
        self
    }

    /// The protocol state, for lists and logs.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Longest transport message that is accepted now, in bytes.
    #[must_use]
    pub fn max_frame_bytes(&self) -> usize {
        if self.link.logged_on { limits::MAX_FRAME_BYTES } else { limits::MAX_FRAME_BYTES_BEFORE_LOGON }
    }

    /// Takes in one transport message without its 4-byte header.
    ///
    /// # Errors
    /// [`Disconnect`]: the shell sends what is to be transmitted, then closes the transport.
    pub fn receive(&mut self, mut frame: BytesMut, now: Now) -> Result<(), Disconnect> {
        if frame.len() > self.max_frame_bytes() {
            return Err(Disconnect::TooLong);
        }
        let sealed_by = match ProtocolId::of(&frame).ok_or(Disconnect::NotSmb2)? {
            ProtocolId::Smb2 => None,
            ProtocolId::Transform => Some(admit::open_transform(&self.link, &mut frame)?),
            ProtocolId::Smb1 => return self.multi_protocol(&frame, now),
            ProtocolId::Compression => return Err(Disconnect::NotSmb2),
        };
        let admitted = admit::admit(&self.link, &mut self.window, frame, sealed_by)?;
        if let [only] = admitted.elements.as_slice()
            && only.header.command == Command::CANCEL
        {
            if only.refused.is_none() {
                return self.cancel(&only.header, now);
            }
            return Ok(());
        }
        // Those that wait are refused in time (`may_wait`); this is for what runs beside them.
        if self.chains.len() >= self.server.config.limits.requests_per_connection.saturating_mul(2) {
            return Err(Disconnect::TooManyRequests);
        }
        let id = self.next_id();
        let chain = Chain::new(
            ChainId(id),
            admitted.frame,
            admitted.elements,
            admitted.sealed_by,
            self.buffer(),
            now.monotonic,
        );
        self.run(Box::new(chain), Input::Begin, now)?;
        // What the request has posted to its own connection (a break of the client's other lease) goes out before the
        // next request is looked at.
        self.handle_events(now)
    }

    /// The next operation to run.
    pub fn poll_op(&mut self) -> Option<(OpId, Op)> {
        self.ops.pop_front()
    }

    /// Takes in an operation's result.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn complete(&mut self, id: OpId, result: OpResult, now: Now) -> Result<(), Disconnect> {
        let Some(mut chain) = self.chains.remove(&id.0) else {
            self.detached = self.detached.saturating_sub(1);
            if let OpResult::Done(Err(error)) = result {
                tracing::warn!(%error, connection = self.link.id.0, "an operation after a session's end failed");
            }
            return Ok(());
        };
        self.end_stage(&mut chain, now);
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Running(pending) => self.run(chain, Input::Finish(pending, result), now),
            Stage::Draining(status)
                if matches!(result, OpResult::Audited(false)) && !is_failed_logon(&chain, status) =>
            {
                self.run(chain, Input::NotRecorded, now)
            }
            Stage::Draining(status) => {
                if let OpResult::Done(Err(error)) = result {
                    tracing::warn!(%error, connection = self.link.id.0, "an operation before a reply failed");
                    // A record of what was not done after all.
                    chain
                        .before_reply
                        .pop_front_if(|next| matches!(next, Op::Audit { follows_deletion: true, .. }));
                }
                self.run(chain, Input::Drained(status), now)
            }
            stage @ (Stage::Next | Stage::Parked(_) | Stage::Receiving(_) | Stage::Discarding(_)) => {
                debug_assert!(false, "a result for a request that runs no operation");
                chain.stage = stage;
                self.chains.insert(id.0, chain);
                Ok(())
            }
        }
    }

    /// The next transport message to send.
    pub fn poll_transmit(&mut self) -> Option<OutFrame> {
        self.transmit.pop_front()
    }

    /// Takes a sent message's buffer back for the next reply.
    pub fn recycle(&mut self, buffer: ReplyBuffer) {
        if self.spare.len() < SPARE_BUFFERS {
            self.spare.push(buffer);
        }
    }

    /// Frees what is only kept for speed; to be called when the connection has been idle for a moment.
    pub fn release_memory(&mut self) {
        self.spare = Vec::new();
        self.ops.shrink_to_fit();
        self.transmit.shrink_to_fit();
        self.chains.shrink_to_fit();
    }

    /// True when nothing is under way any more.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.chains.is_empty() && self.ops.is_empty() && self.detached == 0
    }

    fn next_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    fn buffer(&mut self) -> ReplyBuffer {
        match self.spare.pop() {
            Some(mut buffer) => {
                buffer.reset();
                buffer
            }
            None => ReplyBuffer::new(),
        }
    }

    fn emit(&mut self, id: OpId, op: Op) {
        self.ops.push_back((id, op));
    }

    /// Runs operations whose results nobody waits for.
    fn detach(&mut self, ops: VecDeque<Op>) {
        for op in ops {
            let id = OpId(self.next_id());
            self.detached = self.detached.saturating_add(1);
            self.emit(id, op);
        }
    }

    /// 3.3.5.3 SMB1 multi-protocol negotiation: the only SMB1 that is understood.
    fn multi_protocol(&mut self, frame: &[u8], now: Now) -> Result<(), Disconnect> {
        if self.link.negotiated.is_some() || self.link.multi_protocol {
            return Err(Disconnect::NotSmb2);
        }
        let body = negotiate::multi_protocol(&self.server, &mut self.link, frame, now)?;
        // 3.3.5.3.1: the request used message id 0; a client that was offered 2.??? negotiates again with id 1.
        self.window.consume(MessageId(0), 1);
        let header = Smb2Header {
            command: Command::NEGOTIATE,
            credits: self.window.grant(1, limits::MAX_CREDITS_BEFORE_LOGON),
            flags: HeaderFlags::SERVER_TO_REDIR,
            ..Smb2Header::default()
        };
        let mut out = self.buffer();
        out.append(&header.encode());
        out.append(&body);
        self.queue(out, HEADROOM_BYTES, None, None);
        Ok(())
    }

    /// Carries a frame on until it must wait or is answered.
    fn run(&mut self, mut chain: Box<Chain>, mut input: Input, now: Now) -> Result<(), Disconnect> {
        loop {
            let outcome = match input {
                Input::Drained(status) => Ok(Step::Reply(status)),
                Input::NotRecorded => self.step(&mut chain, now, commands::create::not_recorded)?,
                Input::Begin => match self.begin(&mut chain, now) {
                    Ok(decide) => self.step(&mut chain, now, decide)?,
                    Err(error) => Err(error),
                },
                Input::Finish(pending, result) => {
                    self.step(&mut chain, now, |cx| pending.finish(cx, result))?
                }
                Input::Resume(parked, wake) => self.step(&mut chain, now, |cx| parked.resume(cx, wake))?,
                Input::Data(pending, data) => self.step(&mut chain, now, |cx| pending.receive(cx, data))?,
            };
            let status = match outcome {
                Ok(Step::Op(op, pending)) => {
                    Self::start_operation(&mut chain, &op, now);
                    chain.stage = Stage::Running(pending);
                    self.store(chain, Some(op));
                    return Ok(());
                }
                Ok(Step::Park(parked))
                    if self.closed && !events::outlives(&parked, chain.session.as_ref(), self.link.id) =>
                {
                    // Nobody would wake it any more.
                    input = Input::Resume(parked, Wake::Closed);
                    continue;
                }
                Ok(Step::Park(parked)) if chain.cancelled && parked.can_be_cancelled() => {
                    // The CANCEL came before its turn, or while an operation of it was running.
                    input = Input::Resume(parked, Wake::Cancelled);
                    continue;
                }
                Ok(Step::Park(parked))
                    if !chain.is_last()
                        && !matches!(parked, Parked::Create(_) | Parked::SetInfo(_) | Parked::Close(_)) =>
                {
                    // 3.3.5.2.7: only a CREATE, or the last request of a frame, may take its time.
                    let _ = self.step(&mut chain, now, |cx| parked.resume(cx, Wake::Cancelled))?;
                    self.write_error(&mut chain, NtStatus::INTERNAL_ERROR.into())
                }
                Ok(Step::Park(parked))
                    if parked.can_be_cancelled() && !self.closed && !self.may_wait(&chain) =>
                {
                    let _ = self.step(&mut chain, now, |cx| parked.resume(cx, Wake::Cancelled))?;
                    self.write_error(&mut chain, NtStatus::INSUFFICIENT_RESOURCES.into())
                }
                Ok(Step::Park(parked)) => {
                    self.start_waiting(&mut chain, &parked, now);
                    let is_told_of = parked.is_told_of();
                    chain.stage = Stage::Parked(parked);
                    if is_told_of {
                        self.send_interim(&mut chain);
                    }
                    self.store(chain, None);
                    return Ok(());
                }
                Ok(Step::Receive(_)) if self.closed => {
                    // Nothing more will come.
                    self.write_error(&mut chain, NtStatus::CANCELLED.into())
                }
                Ok(Step::Receive(pending)) => {
                    if let Some(outstanding) = &mut chain.outstanding {
                        outstanding.pause();
                    }
                    chain.stage = Stage::Receiving(pending);
                    self.store(chain, None);
                    return Ok(());
                }
                Ok(Step::Reply(status)) => status,
                Err(error) => self.write_error(&mut chain, error),
            };
            if chain.missing_bytes != 0 {
                // What is refused is answered when the client has sent all of it.
                if let Some(outstanding) = &mut chain.outstanding {
                    outstanding.pause();
                }
                chain.stage = Stage::Discarding(status);
                self.store(chain, None);
                return Ok(());
            }
            let record = chain.audit.settle(&self.server, chain.request.as_ref(), status, now);
            chain.before_reply.extend(record);
            if let Some(op) = chain.before_reply.pop_front() {
                Self::start_operation(&mut chain, &op, now);
                chain.stage = Stage::Draining(status);
                self.store(chain, Some(op));
                return Ok(());
            }
            self.answer(&mut chain, status, now);
            if chain.is_last() {
                if chain.elements.len() > 1 {
                    // The last reply of a compound is padded like the others, as Windows does.
                    chain.out.align_8_from(HEADROOM_BYTES);
                }
                self.flush(&mut chain);
                self.recycle(std::mem::take(&mut chain.out));
                if self.closed {
                    drop(chain);
                    self.end_sessions(now);
                    self.leave_server();
                }
                return Ok(());
            }
            chain.index = chain.index.saturating_add(1);
            chain.stage = Stage::Next;
            input = Input::Begin;
        }
    }

    /// 3.3.4.2: an operation that would have to wait fails where as many wait as may. As on Windows the last of them is the one
    /// that is refused. What has waited before goes on.
    fn may_wait(&self, chain: &Chain) -> bool {
        let waiting = self.chains.values().filter(|chain| matches!(chain.stage, Stage::Parked(_))).count();
        chain.async_id.is_some()
            || waiting.saturating_add(1) < self.server.config.limits.requests_per_connection
    }

    fn store(&mut self, chain: Box<Chain>, op: Option<Op>) {
        let id = chain.id;
        self.chains.insert(id.0, chain);
        if let Some(op) = op {
            self.emit(OpId(id.0), op);
        }
    }

    /// Calls one function of a command with its surroundings.
    fn step(
        &mut self,
        chain: &mut Chain,
        now: Now,
        call: impl FnOnce(&mut Context<'_>) -> StepResult,
    ) -> Result<StepResult, Disconnect> {
        let Some(request) = chain.request.take() else {
            debug_assert!(false, "a step of no request");
            return Ok(Err(CommandError::Internal("a step of no request")));
        };
        let mut disconnect = None;
        let may_splice =
            chain.elements.len() == 1 && !request.sealed && !request.signed && chain.seal_with.is_none();
        let waiter = WaiterId { connection: self.link.id, chain: chain.id };
        let mut cx = Context {
            server: &self.server,
            link: &mut self.link,
            request: &request,
            session: chain.session.clone(),
            tree: chain.tree.clone(),
            session_id: &mut chain.related_session,
            tree_id: &mut chain.related_tree,
            disconnect: &mut disconnect,
            related_file: &mut chain.related_file,
            out: &mut chain.out,
            header_start: chain.header_start,
            audit: &mut chain.audit,
            before_reply: &mut chain.before_reply,
            outstanding: &mut chain.outstanding,
            channel: &mut chain.channel,
            splice: &mut chain.splice,
            may_splice,
            waiter,
            now,
        };
        let outcome = call(&mut cx);
        chain.request = Some(request);
        match disconnect {
            Some(reason) => {
                if let Some(ticket) = chain.ticket.take() {
                    ticket.abandoned();
                }
                Err(reason)
            }
            None => Ok(outcome),
        }
    }
}

/// A logon that fails is answered with its reason, recorded or not: nothing came of it that a record would have to precede.
fn is_failed_logon(chain: &Chain, status: NtStatus) -> bool {
    let is_logon =
        chain.request.as_ref().is_some_and(|request| request.header.command == Command::SESSION_SETUP);
    is_logon && status.is_error()
}

impl Drop for Connection {
    fn drop(&mut self) {
        for (id, mut chain) in self.chains.drain() {
            self.server.waiting.remove(&WaiterId { connection: self.link.id, chain: ChainId(id) });
            if let Some(ticket) = chain.ticket.take() {
                ticket.abandoned();
            }
        }
    }
}
