//! Connection: frames and events in, operations and frames out ([MS-SMB2] 3.3.5.1, 3.3.5.2, 3.3.4.1).
//!
//! The shell calls [`Connection::receive`] for each transport message, runs what [`Connection::poll_op`] gives and
//! answers with [`Connection::complete`], sends what [`Connection::poll_transmit`] gives, calls
//! [`Connection::handle_events`] when the mailbox's waker was called and [`Connection::handle_deadline`] when
//! [`Connection::next_deadline`] has come. After the transport is gone: [`Connection::disconnected`], and operations until
//! [`Connection::is_drained`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use freehold_dtyp::{Encode, NtStatus};

use super::admit::{self, Disconnect};
use super::buffer::{HEADROOM_BYTES, ReplyBuffer, TRANSFORM_HEADER_BYTES, TRANSPORT_HEADER_BYTES};
use super::chain::{Answered, Chain, Hashed, Stage, Ticket};
use super::commands::{Parked, Pending, negotiate};
use super::context::{Context, Request, Step, StepResult};
use super::credits::CreditWindow;
use super::dispatch::{self, Needs};
use super::event::{ChainId, Event, Mailbox, Now, WaiterId, Wake, Waker};
use super::limits;
use super::link::{Channel, Link};
use super::op::{Op, OpId, OpResult, Splice};
use super::server::Server;
use super::session::Session;
use super::sharded::IdMap;
use super::status::CommandError;
use super::teardown;
use crate::crypto::Sender;
use crate::smb2::error::{ErrorData, ErrorResponse};
use crate::smb2::header::ProtocolId;
use crate::smb2::transform::TransformHeader;
use crate::smb2::{AsyncId, Command, HeaderFlags, HeaderId, MessageId, SessionId, Smb2Header, TreeId};

/// A transport message to send: `buffer[start..]`, then the file data of `splice`.
#[derive(Debug)]
pub struct OutFrame {
    /// Holds the message; give it back with [`Connection::recycle`].
    pub buffer: ReplyBuffer,
    /// First byte to send.
    pub start: usize,
    /// File data that follows.
    pub splice: Option<Splice>,
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
    ops: VecDeque<(OpId, Op)>,
    transmit: VecDeque<OutFrame>,
    spare: Vec<ReplyBuffer>,
    next_id: u64,
    detached: usize,
    closed: bool,
}

/// How a request's next step is entered.
enum Input {
    Begin,
    Finish(Pending, OpResult),
    Resume(Parked, Wake),
    Drained(NtStatus),
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
            ops: VecDeque::new(),
            transmit: VecDeque::new(),
            spare: Vec::new(),
            next_id: 1,
            detached: 0,
            closed: false,
        }
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
        if self.chains.len() >= self.server.config.limits.requests_per_connection {
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
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Running(pending) => self.run(chain, Input::Finish(pending, result), now),
            Stage::Draining(status) => {
                if let OpResult::Done(Err(error)) = result {
                    tracing::warn!(%error, connection = self.link.id.0, "an operation before a reply failed");
                }
                self.run(chain, Input::Drained(status), now)
            }
            stage @ (Stage::Next | Stage::Parked(_)) => {
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

    /// Takes in what others have posted.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn handle_events(&mut self, now: Now) -> Result<(), Disconnect> {
        for event in self.mailbox.take() {
            match event {
                Event::Wake { chain, wake } => self.wake(chain, wake, now)?,
                Event::Break { session, body } => self.send_break(session, &body),
                Event::ShareGone(share) => {
                    let mut ops = VecDeque::new();
                    for channel in self.link.channels.values() {
                        for tree in channel.session.take_trees_of(&share) {
                            for open in channel.session.take_opens(Some(tree.id)) {
                                teardown::close_open(&self.server, &open, &mut ops, now);
                            }
                        }
                    }
                    self.detach(ops);
                }
                Event::EndSession(session) => {
                    if let Some(channel) = self.link.channels.get(&session.0).cloned() {
                        let mut ops = VecDeque::new();
                        self.server.end_session(&channel.session, &mut ops, now);
                        self.detach(ops);
                    }
                }
                Event::SessionGone(session) => {
                    // Its channel stays until the connection ends: what is still asked in its name is refused with
                    // USER_SESSION_DELETED, signed with its key, so that the client can believe it.
                    self.link.setups.remove(&session.0);
                }
            }
        }
        Ok(())
    }

    /// When [`Connection::handle_deadline`] wants to be called, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.chains.values().filter_map(|chain| deadline_of(chain)).min()
    }

    /// Does what is due: interim replies of slow operations, waits that have timed out.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn handle_deadline(&mut self, now: Now) -> Result<(), Disconnect> {
        let mut due: Vec<u64> = self
            .chains
            .iter()
            .filter(|(_, chain)| deadline_of(chain).is_some_and(|deadline| deadline <= now.monotonic))
            .map(|(id, _)| *id)
            .collect();
        due.sort_unstable();
        for id in due {
            let Some(mut chain) = self.chains.remove(&id) else { continue };
            if matches!(chain.stage, Stage::Parked(_)) {
                self.chains.insert(id, chain);
                self.wake(ChainId(id), Wake::TimedOut, now)?;
            } else {
                self.send_interim(&mut chain);
                self.chains.insert(id, chain);
            }
        }
        Ok(())
    }

    /// The transport is gone: ends its sessions. Operations go on until [`Connection::is_drained`].
    pub fn disconnected(&mut self, now: Now) {
        self.closed = true;
        self.server.unregister(self.link.id);
        if let Some(negotiated) = &self.link.negotiated {
            self.server.leases.leave(&negotiated.client_guid, self.link.id);
        }
        let mut parked: Vec<u64> = self
            .chains
            .iter()
            .filter(|(_, chain)| matches!(chain.stage, Stage::Parked(_)))
            .map(|(id, _)| *id)
            .collect();
        parked.sort_unstable();
        for id in parked {
            // A connection that is closed cannot be dropped once more.
            let _ = self.wake(ChainId(id), Wake::Closed, now);
        }
        self.end_sessions(now);
        self.transmit.clear();
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

    /// Ends every session that lives on this connection alone.
    fn end_sessions(&mut self, now: Now) {
        let mut sessions: Vec<Arc<Session>> =
            self.link.channels.values().map(|channel| Arc::clone(&channel.session)).collect();
        sessions.sort_by_key(|session| session.id);
        let mut ops = VecDeque::new();
        for session in sessions {
            self.server.leave_session(&session, self.link.id, &mut ops, now);
        }
        if self.chains.is_empty() {
            self.link.channels.clear();
            self.link.setups.clear();
        }
        self.detach(ops);
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

    /// 3.3.5.16 Receiving an SMB2 CANCEL Request.
    fn cancel(&mut self, header: &Smb2Header, now: Now) -> Result<(), Disconnect> {
        let found = self.chains.values().find(|chain| match header.id {
            HeaderId::Async(id) => chain.async_id == Some(id),
            HeaderId::Sync { .. } => {
                chain.request.as_ref().is_some_and(|request| request.header.message_id == header.message_id)
            }
        });
        if let Some(id) = found.map(|chain| chain.id) {
            // What follows the cancelled request in its frame may end the connection.
            self.wake(id, Wake::Cancelled, now)?;
        }
        Ok(())
    }

    fn wake(&mut self, id: ChainId, wake: Wake, now: Now) -> Result<(), Disconnect> {
        let Some(mut chain) = self.chains.remove(&id.0) else { return Ok(()) };
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Parked(parked) => self.run(chain, Input::Resume(parked, wake), now),
            stage => {
                chain.cancelled |= wake == Wake::Cancelled;
                chain.stage = stage;
                self.chains.insert(id.0, chain);
                Ok(())
            }
        }
    }

    /// Carries a frame on until it must wait or is answered.
    fn run(&mut self, mut chain: Box<Chain>, mut input: Input, now: Now) -> Result<(), Disconnect> {
        loop {
            let outcome = match input {
                Input::Drained(status) => Ok(Step::Reply(status)),
                Input::Begin => match self.begin(&mut chain, now) {
                    Ok(decide) => self.step(&mut chain, now, decide)?,
                    Err(error) => Err(error),
                },
                Input::Finish(pending, result) => {
                    self.step(&mut chain, now, |cx| pending.finish(cx, result))?
                }
                Input::Resume(parked, wake) => self.step(&mut chain, now, |cx| parked.resume(cx, wake))?,
            };
            let status = match outcome {
                Ok(Step::Op(op, pending)) => {
                    chain.stage = Stage::Running(pending);
                    self.store(chain, Some(op));
                    return Ok(());
                }
                Ok(Step::Park(parked)) if self.closed => {
                    // Nobody would wake it any more.
                    input = Input::Resume(parked, Wake::Closed);
                    continue;
                }
                Ok(Step::Park(parked))
                    if !chain.is_last() && !matches!(parked, Parked::Create(_) | Parked::SetInfo(_)) =>
                {
                    // 3.3.5.2.7: only a CREATE, or the last request of a frame, may take its time.
                    let _ = self.step(&mut chain, now, |cx| parked.resume(cx, Wake::Cancelled))?;
                    self.write_error(&mut chain, NtStatus::INTERNAL_ERROR.into())
                }
                Ok(Step::Park(parked)) => {
                    chain.stage = Stage::Parked(parked);
                    self.send_interim(&mut chain);
                    self.store(chain, None);
                    return Ok(());
                }
                Ok(Step::Reply(status)) => status,
                Err(error) => self.write_error(&mut chain, error),
            };
            if let Some(op) = chain.before_reply.pop_front() {
                chain.stage = Stage::Draining(status);
                self.store(chain, Some(op));
                return Ok(());
            }
            self.answer(&mut chain, status);
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
                }
                return Ok(());
            }
            chain.index = chain.index.saturating_add(1);
            chain.stage = Stage::Next;
            input = Input::Begin;
        }
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
            before_reply: &mut chain.before_reply,
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

    /// Starts the present request: 3.3.5.2.7 (compounds), 3.3.5.2.9 (session), 3.3.5.2.11 (tree connect).
    fn begin(
        &mut self,
        chain: &mut Chain,
        now: Now,
    ) -> Result<fn(&mut Context<'_>) -> StepResult, CommandError> {
        let Some(element) = chain.elements.get(chain.index).cloned() else {
            return Err(CommandError::Internal("a frame without a request"));
        };
        chain.began = now.monotonic;
        chain.async_id = None;
        chain.ticket = Some(Ticket::new());
        chain.channel = None;
        chain.session = None;
        chain.tree = None;
        if !chain.answered.is_empty() {
            chain.out.align_8_from(HEADROOM_BYTES);
        }
        chain.header_start = chain.out.len();
        chain.out.append(&[0; Smb2Header::SIZE]);

        let related = element.header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        let mut header = element.header;
        if related && chain.index > 0 {
            if header.session_id == SessionId::RELATED {
                header.session_id = chain.related_session;
            }
            if let HeaderId::Sync { process_id, tree_id: TreeId::RELATED } = header.id {
                header.id = HeaderId::Sync { process_id, tree_id: chain.related_tree };
            }
        } else {
            chain.related_file = None;
            chain.create_error = None;
        }
        chain.related_session = header.session_id;
        chain.related_tree = header.tree_id().unwrap_or_default();
        chain.request = Some(Request {
            header,
            message: chain.frame.slice(element.range.clone()),
            sealed: chain.sealed_by.is_some(),
            signed: element.signed,
            related: related && chain.index > 0,
        });
        let channel = self.link.channels.get(&header.session_id.0).cloned();
        if element.signed {
            chain.channel.clone_from(&channel);
        }
        if chain.sealed_by.is_some_and(|sealed| sealed != header.session_id) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        if let Some(channel) = channel.as_ref().filter(|channel| chain.sealed_by == Some(channel.session.id))
        {
            chain.seal_with = Some(Arc::clone(&channel.session));
        }
        if let Some(status) = element.refused {
            return Err(status.into());
        }
        if related && chain.index == 0 {
            // 3.3.5.2.7.2: the first request of a chain has nothing to be related to, and so have those behind it.
            chain.related_is_whole = false;
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if related && !chain.related_is_whole {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if let Some(status) = chain.create_error.filter(|_| related) {
            // 3.3.5.2.7.2: without the file there is nothing to do.
            return Err(status.into());
        }
        chain.related_is_whole = false;
        let decide = self.needs(chain, &header, channel.map(|channel| Arc::clone(&channel.session)))?;
        chain.related_is_whole = true;
        Ok(decide)
    }

    /// Finds what the command needs.
    fn needs(
        &mut self,
        chain: &mut Chain,
        header: &Smb2Header,
        session: Option<Arc<Session>>,
    ) -> Result<fn(&mut Context<'_>) -> StepResult, CommandError> {
        let row = dispatch::row(header.command).ok_or(dispatch::UNKNOWN_COMMAND)?;
        if self.link.negotiated.is_none() && header.command != Command::NEGOTIATE {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if row.needs == Needs::Connection {
            chain.session = session;
            return Ok(row.decide);
        }
        let Some(session) = session.filter(|session| !session.closed.load(Ordering::Acquire)) else {
            self.vouch_for_refusal(chain, header);
            return Err(NtStatus::USER_SESSION_DELETED.into());
        };
        // 3.3.5.2.9: what an expired session may still do is to clean up.
        let cleans_up = matches!(
            header.command,
            Command::LOGOFF | Command::CLOSE | Command::LOCK | Command::FLUSH | Command::TREE_DISCONNECT
        );
        if session.expired.load(Ordering::Relaxed) && !cleans_up {
            return Err(NtStatus::NETWORK_SESSION_EXPIRED.into());
        }
        let sealed = chain.sealed_by.is_some();
        if session.encrypt_data && !sealed && self.server.config.reject_unencrypted {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        if session.encrypt_data && session.sealing.is_some() {
            chain.seal_with = Some(Arc::clone(&session));
        }
        if row.needs == Needs::Tree {
            let id = header.tree_id().unwrap_or_default();
            let tree = session.tree(id).ok_or(NtStatus::NETWORK_NAME_DELETED)?;
            // 3.3.5.2.11
            if tree.share.encrypt && !sealed && self.server.config.reject_unencrypted {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
            if tree.share.encrypt && session.sealing.is_some() {
                chain.seal_with = Some(Arc::clone(&session));
            }
            chain.tree = Some(tree);
        }
        chain.session = Some(session);
        Ok(row.decide)
    }

    /// A session that this connection is no channel of may be another connection's: who signed with its key is
    /// refused under its key, to be believed.
    fn vouch_for_refusal(&self, chain: &mut Chain, header: &Smb2Header) {
        let Some(request) = chain.request.as_mut().filter(|_| header.flags.contains(HeaderFlags::SIGNED))
        else {
            return;
        };
        if chain.channel.is_some() {
            return;
        }
        let Some(session) = self.server.sessions.find(&header.session_id.0) else { return };
        let signing = session.signing.clone();
        let mut copy = request.message.to_vec();
        if signing.as_ref().is_some_and(|key| key.verify(&mut copy, Sender::Client).is_ok()) {
            request.signed = true;
            chain.channel = Some(Arc::new(Channel { session, signing }));
        }
    }

    /// Replaces what a failed command wrote with an ERROR response ([MS-SMB2] 2.2.2).
    fn write_error(&mut self, chain: &mut Chain, error: CommandError) -> NtStatus {
        if let CommandError::Internal(reason) = &error {
            tracing::error!(reason, connection = self.link.id.0, "broken invariant");
        }
        let status = error.status();
        let data = match error {
            CommandError::StatusWithData(_, data) => data,
            CommandError::Status(_)
            | CommandError::Decode(_)
            | CommandError::Vfs(_)
            | CommandError::Internal(_) => Vec::new(),
        };
        chain.out.truncate(chain.header_start.saturating_add(Smb2Header::SIZE));
        chain.splice = None;
        let in_context = self.link.dialect() == crate::smb2::Dialect::SMB_3_1_1;
        let data = if data.is_empty() { ErrorData::None } else { ErrorData::Other(&data) };
        chain.out.write(|writer| ErrorResponse { in_context, data }.encode(writer));
        status
    }

    /// Completes the present reply in the buffer.
    fn answer(&mut self, chain: &mut Chain, status: NtStatus) {
        let Some(request) = chain.request.take() else { return };
        let header = &request.header;
        tracing::trace!(
            connection = self.link.id.0,
            message_id = header.message_id.0,
            command = ?header.command,
            %status,
            "answered"
        );
        let credits = if chain.async_id.is_some() { 0 } else { self.grant(header) };
        let sign = self.signer(chain, &request);
        let mut flags = HeaderFlags::SERVER_TO_REDIR;
        flags.set(HeaderFlags::RELATED_OPERATIONS, header.flags.contains(HeaderFlags::RELATED_OPERATIONS));
        flags.set(HeaderFlags::SIGNED, sign.is_some());
        let process_id = match header.id {
            HeaderId::Sync { process_id, .. } => process_id,
            HeaderId::Async(_) => 0,
        };
        let reply = Smb2Header {
            credit_charge: header.credit_charge,
            status,
            command: header.command,
            credits,
            flags,
            next_command: 0,
            message_id: header.message_id,
            id: chain
                .async_id
                .map_or(HeaderId::Sync { process_id, tree_id: chain.related_tree }, HeaderId::Async),
            session_id: chain.related_session,
            signature: [0; 16],
        };
        let start = chain.header_start;
        if let Some(place) = chain.out.tail_mut(start).first_chunk_mut::<{ Smb2Header::SIZE }>() {
            *place = reply.encode();
        }
        if let Some(previous) = chain.answered.last() {
            let next = u32::try_from(start.saturating_sub(previous.start)).unwrap_or(0).to_le_bytes();
            let at = previous.start.saturating_add(Smb2Header::NEXT_COMMAND_OFFSET);
            if let Some(place) = chain.out.tail_mut(at).first_chunk_mut::<4>() {
                *place = next;
            }
        }
        let hash = match header.command {
            Command::NEGOTIATE => Hashed::Connection,
            Command::SESSION_SETUP if status == NtStatus::MORE_PROCESSING_REQUIRED => {
                Hashed::Setup(chain.related_session)
            }
            _ => Hashed::No,
        };
        chain.answered.push(Answered { start, sign, hash });
        if header.command == Command::CREATE && status.is_error() {
            chain.create_error = Some(status);
        }
        if let Some(ticket) = chain.ticket.take() {
            ticket.answered();
        }
    }

    /// 3.3.4.1.1 Signing the Message: the channel whose key signs the reply.
    fn signer(&self, chain: &mut Chain, request: &Request) -> Option<Arc<super::link::Channel>> {
        if chain.sealed_by.is_some()
            || chain.seal_with.is_some() && request.header.command != Command::SESSION_SETUP
        {
            return None;
        }
        // 3.3.5.5.3: replies to SESSION_SETUP are signed as soon as there is a key.
        let set_up = request.header.command == Command::SESSION_SETUP;
        let channel = chain.channel.take()?;
        let wanted = request.signed || channel.session.signing_required || set_up;
        (wanted && channel.signing.is_some()).then_some(channel)
    }

    /// 3.3.1.2 Algorithm for the Granting of Credits.
    fn grant(&mut self, header: &Smb2Header) -> u16 {
        let most = self.server.config.limits.credits;
        let limit = if self.link.logged_on { most } else { most.min(limits::MAX_CREDITS_BEFORE_LOGON) };
        self.window.grant(header.credits.max(header.credit_charge.message_ids()), limit)
    }

    /// 3.3.4.2 Sending an Interim Response for an Asynchronous Operation. Sends the replies before it as well.
    fn send_interim(&mut self, chain: &mut Chain) {
        if chain.async_id.is_some() || self.closed {
            return;
        }
        let Some(request) = &chain.request else { return };
        if is_reading(chain) && !chain.answered.is_empty() {
            return;
        }
        let header = request.header;
        let async_id = AsyncId(self.next_id());
        chain.async_id = Some(async_id);
        if !is_reading(chain) {
            chain.out.truncate(chain.header_start);
            if chain.answered.is_empty() {
                chain.out.reset();
            } else {
                self.flush(chain);
            }
            chain.header_start = chain.out.len();
            chain.out.append(&[0; Smb2Header::SIZE]);
        }
        // Never signed (3.2.5.1.3 exempts STATUS_PENDING): with AES-GMAC the final reply needs this nonce.
        let reply = Smb2Header {
            credit_charge: header.credit_charge,
            status: NtStatus::PENDING,
            command: header.command,
            credits: self.grant(&header),
            flags: HeaderFlags::SERVER_TO_REDIR,
            next_command: 0,
            message_id: header.message_id,
            id: HeaderId::Async(async_id),
            session_id: chain.related_session,
            signature: [0; 16],
        };
        let mut out = self.buffer();
        out.append(&reply.encode());
        out.write(|writer| ErrorResponse::EMPTY.encode(writer));
        let seal = chain.seal_with.clone();
        self.queue(out, HEADROOM_BYTES, seal.as_deref(), None);
    }

    /// 3.3.4.6, 3.3.4.7: an oplock or lease break notification.
    fn send_break(&mut self, session: SessionId, body: &[u8]) {
        let header = Smb2Header {
            command: Command::OPLOCK_BREAK,
            flags: HeaderFlags::SERVER_TO_REDIR,
            message_id: MessageId::UNSOLICITED,
            ..Smb2Header::default()
        };
        let mut out = self.buffer();
        out.append(&header.encode());
        out.append(body);
        let seal = self.link.session(session).filter(|session| session.encrypt_data).cloned();
        self.queue(out, HEADROOM_BYTES, seal.as_deref(), None);
    }

    /// Hashes, signs and queues the finished replies of a chain; its buffer is empty afterwards.
    fn flush(&mut self, chain: &mut Chain) {
        let replacement = self.buffer();
        let mut out = std::mem::replace(&mut chain.out, replacement);
        let answered = std::mem::take(&mut chain.answered);
        let end = out.len();
        for (index, reply) in answered.iter().enumerate() {
            let until = answered.get(index.saturating_add(1)).map_or(end, |next| next.start);
            let message = out.tail_mut(reply.start);
            let message = message.get_mut(..until.saturating_sub(reply.start)).unwrap_or_default();
            if let Some(key) = reply.sign.as_ref().and_then(|channel| channel.signing.as_ref())
                && let Err(error) = key.sign(message, Sender::Server)
            {
                tracing::error!(%error, connection = self.link.id.0, "a reply could not be signed");
            }
            // With its signature: that is what the client hashes.
            match reply.hash {
                Hashed::No => {}
                Hashed::Connection => self.link.preauth.update(message),
                Hashed::Setup(session) => {
                    if let Some(setup) = self.link.setups.get_mut(&session.0) {
                        setup.hash(message);
                    }
                }
            }
        }
        let seal = chain.seal_with.clone();
        let splice = chain.splice.take();
        self.queue(out, HEADROOM_BYTES, seal.as_deref(), splice);
    }

    /// Seals a message that starts at `start` in the buffer, puts the transport header in front and queues it.
    fn queue(&mut self, mut out: ReplyBuffer, start: usize, seal: Option<&Session>, splice: Option<Splice>) {
        if self.closed || out.is_empty() {
            self.recycle(out);
            return;
        }
        let mut first = start.saturating_sub(TRANSPORT_HEADER_BYTES);
        let mut length = out.len().saturating_sub(start);
        if let Some((session, keys)) = seal.and_then(|session| Some((session, session.sealing.as_ref()?))) {
            let header = TransformHeader {
                original_message_size: u32::try_from(length).unwrap_or(u32::MAX),
                flags: 1,
                session_id: session.id,
                ..TransformHeader::default()
            };
            let mut header = header.encode();
            if let Err(error) = keys.seal.seal(&mut header, out.tail_mut(start)) {
                // Clear bytes must not leave: the client sees a lost connection instead.
                tracing::error!(%error, connection = self.link.id.0, "a reply could not be sealed");
                self.recycle(out);
                return;
            }
            let at = start.saturating_sub(TRANSFORM_HEADER_BYTES);
            if let Some(place) = out.tail_mut(at).first_chunk_mut::<TRANSFORM_HEADER_BYTES>() {
                *place = header;
            }
            first = at.saturating_sub(TRANSPORT_HEADER_BYTES);
            length = length.saturating_add(TRANSFORM_HEADER_BYTES);
        }
        let total = length.saturating_add(splice.as_ref().map_or(0, |splice| splice.length_bytes));
        let transport = u32::try_from(total).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(place) = out.tail_mut(first).first_chunk_mut::<TRANSPORT_HEADER_BYTES>() {
            *place = transport;
        }
        self.transmit.push_back(OutFrame { buffer: out, start: first, splice });
    }
}

/// True while the reply buffer is with an operation that reads into it. The replies in it cannot be sent before then.
fn is_reading(chain: &Chain) -> bool {
    chain.out.len() < HEADROOM_BYTES
}

/// When something is to be done for a chain.
fn deadline_of(chain: &Chain) -> Option<Duration> {
    match &chain.stage {
        Stage::Parked(parked) => parked.deadline(),
        // Only the last request of a frame may answer later than its neighbours.
        Stage::Running(_)
            if chain.async_id.is_none()
                && chain.is_last()
                && (chain.answered.is_empty() || !is_reading(chain)) =>
        {
            Some(chain.began.saturating_add(limits::INTERIM_AFTER))
        }
        Stage::Running(_) | Stage::Draining(_) | Stage::Next => None,
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for (_, mut chain) in self.chains.drain() {
            if let Some(ticket) = chain.ticket.take() {
                ticket.abandoned();
            }
        }
    }
}
