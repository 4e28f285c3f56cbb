//! Replies, interim replies and notifications: headers, credits, signing, sealing ([MS-SMB2] 3.3.4.1 to 3.3.4.7).

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::{Encode, NtStatus};
use smallvec::SmallVec;

use super::super::buffer::{HEADROOM_BYTES, ReplyBuffer, TRANSFORM_HEADER_BYTES, TRANSPORT_HEADER_BYTES};
use super::super::chain::{Answered, Chain, Hashed};
use super::super::context::Request;
use super::super::event::Now;
use super::super::limits;
use super::super::link::Channel;
use super::super::op::Splice;
use super::super::session::Session;
use super::super::status::CommandError;
use super::{Connection, OutFrame};
use crate::crypto::Sender;
use crate::fsa::HolderId;
use crate::smb2::error::{ErrorData, ErrorResponse};
use crate::smb2::transform::TransformHeader;
use crate::smb2::{AsyncId, Command, HeaderFlags, HeaderId, MessageId, SessionId, Smb2Header};

impl Connection {
    /// Replaces what a failed command wrote with an ERROR response ([MS-SMB2] 2.2.2).
    pub(super) fn write_error(&mut self, chain: &mut Chain, error: CommandError) -> NtStatus {
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
    pub(super) fn answer(&mut self, chain: &mut Chain, status: NtStatus, now: Now) {
        let Some(request) = chain.request.take() else { return };
        if !chain.is_last() {
            // The last one's counts until its reply is on its way.
            chain.outstanding = None;
        }
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
        self.count(chain, &request, status, start, now);
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
    pub(super) fn signer(&self, chain: &mut Chain, request: &Request) -> Option<Arc<Channel>> {
        if chain.sealed_by.is_some()
            || chain.seal_with.is_some() && request.header.command != Command::SESSION_SETUP
        {
            return None;
        }
        let channel = chain.channel.take()?;
        // 3.3.5.5.3: replies to SESSION_SETUP are signed as soon as there is a key, if it is somebody's.
        let set_up = request.header.command == Command::SESSION_SETUP && !channel.session.key_is_public;
        let asked = request.header.flags.contains(HeaderFlags::SIGNED);
        let wanted = asked || channel.session.signing_required || set_up;
        (wanted && channel.signing.is_some()).then_some(channel)
    }

    /// 3.3.1.2 Algorithm for the Granting of Credits.
    pub(super) fn grant(&mut self, header: &Smb2Header) -> u16 {
        let most = self.server.config.limits.credits;
        let limit = if self.link.logged_on { most } else { most.min(limits::MAX_CREDITS_BEFORE_LOGON) };
        self.window.grant(header.credits.max(header.credit_charge.message_ids()), limit)
    }

    /// 3.3.4.2 Sending an Interim Response for an Asynchronous Operation. Sends the replies before it as well.
    pub(super) fn send_interim(&mut self, chain: &mut Chain) {
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

    /// 3.3.4.6, 3.3.4.7: an oplock or lease break notification. That of an oplock names its session, as Windows does since 10.
    pub(super) fn send_break(&mut self, session: SessionId, holder: HolderId, body: &[u8]) {
        let header = Smb2Header {
            command: Command::OPLOCK_BREAK,
            flags: HeaderFlags::SERVER_TO_REDIR,
            message_id: MessageId::UNSOLICITED,
            session_id: match holder {
                HolderId::Oplock(_) => session,
                HolderId::Lease(_) => SessionId::NONE,
            },
            ..Smb2Header::default()
        };
        let mut out = self.buffer();
        out.append(&header.encode());
        out.append(body);
        let seal = self.link.session(session).filter(|session| session.encrypt_data).cloned();
        let before = self.transmit.len();
        self.queue(out, HEADROOM_BYTES, seal.as_deref(), None);
        if let Some(frame) = self.transmit.get_mut(before) {
            frame.urgent = true;
        }
    }

    /// Hashes, signs and queues the finished replies of a chain; its buffer is empty afterwards.
    pub(super) fn flush(&mut self, chain: &mut Chain) {
        let behind = self.send_breaks(chain.related_file);
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
        let before = self.transmit.len();
        self.queue(out, HEADROOM_BYTES, seal.as_deref(), splice);
        let commands = std::mem::take(&mut chain.account.commands);
        if let Some(frame) = self.transmit.get_mut(before) {
            frame.received = chain.account.received;
            frame.commands = commands;
        }
        self.send_these(behind);
    }

    /// Seals a message that starts at `start` in the buffer, puts the transport header in front and queues it.
    pub(super) fn queue(
        &mut self,
        mut out: ReplyBuffer,
        start: usize,
        seal: Option<&Session>,
        splice: Option<Splice>,
    ) {
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
        self.transmit.push_back(OutFrame {
            buffer: out,
            start: first,
            splice,
            urgent: false,
            received: Duration::ZERO,
            commands: SmallVec::new(),
        });
    }
}

/// True while the reply buffer is with an operation that reads into it. The replies in it cannot be sent before then.
pub(super) fn is_reading(chain: &Chain) -> bool {
    chain.out.len() < HEADROOM_BYTES
}
