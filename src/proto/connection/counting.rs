//! Counts requests when they are answered, and keeps what is known of those that took long.

use std::time::Duration;

use freehold_dtyp::{FileTime, NtStatus};

use super::super::account::{self, Doing, Ended, OpKind, Subject, Waiting};
use super::super::chain::Chain;
use super::super::commands::Parked;
use super::super::context::Request;
use super::super::event::{Now, WaiterId};
use super::super::op::{Op, OpId};
use super::Connection;
use crate::metrics::{Cause, Lane, Sizes};
use crate::smb2::create::CreateRequest;
use crate::smb2::{Command, DecodeMessage, Smb2Header};

/// 100-nanosecond units in a microsecond.
const TICKS_PER_MICRO: u64 = 10;

impl Connection {
    /// The counters that this connection adds to from now on: those of the thread that runs it.
    pub fn count_on(&mut self, lane: Lane) {
        self.lane = lane;
    }

    /// Says what an operation has spent its time on, or a part of it, where the shell knows better than by its kind. To be called before
    /// [`Connection::complete`].
    pub fn explain(&mut self, id: OpId, cause: Cause, took: Duration) {
        if let Some(chain) = self.chains.get_mut(&id.0) {
            chain.account.explain(cause, took);
        }
    }

    /// A request begins to wait for an operation.
    pub(super) fn start_operation(chain: &mut Chain, op: &Op, now: Now) {
        chain.account.start(Doing::Operation(OpKind::of(op)), now.monotonic);
    }

    /// A request begins to wait for something else.
    pub(super) fn start_waiting(&self, chain: &mut Chain, parked: &Parked, now: Now) {
        let doing = account::doing_while_parked(&self.server, &parked.waits());
        if let Doing::Waiting(cause) = &doing {
            let waiter = WaiterId { connection: self.link.id, chain: chain.id };
            let subject = self.subject(chain, chain.request.as_ref());
            let longest = (cause.clone(), Duration::ZERO);
            let began = chain.account.began();
            let request = subject.slow(wall_at(began, now), Duration::ZERO, None, longest);
            self.server.waiting.insert(waiter, Waiting { began, request });
        }
        chain.account.start(doing, now.monotonic);
    }

    /// What a request waited for is there, or is not waited for any more.
    pub(super) fn end_stage(&self, chain: &mut Chain, now: Now) {
        let metrics = &self.server.metrics;
        match chain.account.end(now.monotonic) {
            Ended::Operation(kind, took) => metrics.operated(self.lane, kind as u8, took),
            Ended::Break(took) => metrics.breaks.waited(took),
            Ended::Nothing => {}
        }
    }

    /// A request does not wait any more.
    pub(super) fn forget_waiting(&self, chain: &Chain) {
        self.server.waiting.remove(&WaiterId { connection: self.link.id, chain: chain.id });
    }

    /// Counts an answered request, whose reply starts at `start`.
    pub(super) fn count(
        &self,
        chain: &mut Chain,
        request: &Request,
        status: NtStatus,
        start: usize,
        now: Now,
    ) {
        let command = u8::try_from(request.header.command.0).unwrap_or(u8::MAX);
        let data = data_bytes(chain, request, status, start);
        let spliced = chain.splice.as_ref().map_or(0, |splice| splice.length_bytes);
        let mut sizes = Sizes {
            request: wide(request.message.len()),
            reply: wide(chain.out.len().saturating_sub(start).saturating_add(spliced)),
            data,
        };
        if request.in_pieces {
            sizes.request = sizes.request.saturating_add(data);
        }
        let metrics = &self.server.metrics;
        let requests = chain.tree.as_ref().map_or(&metrics.no_share, |tree| &tree.share.requests);
        requests.count(self.lane, command, status, sizes);
        if let Some(usage) = chain.account.via.as_ref().and_then(|via| via.usage.as_ref()) {
            usage.operations.add_alone(1);
            match request.header.command {
                Command::READ => usage.read_bytes.add_alone(data),
                Command::WRITE => usage.written_bytes.add_alone(data),
                _ => {}
            }
        }
        chain.account.commands.push(command);
        if chain.account.took(now.monotonic) >= metrics.slow.threshold() {
            self.keep_slow(chain, request, status, now);
        }
    }

    #[cold]
    fn keep_slow(&self, chain: &mut Chain, request: &Request, status: NtStatus, now: Now) {
        let took = chain.account.took(now.monotonic);
        let longest = chain.account.longest(took);
        let began = wall_at(chain.account.began(), now);
        let slow = self.subject(chain, Some(request)).slow(began, took, Some(status.0), longest);
        self.server.metrics.slow.keep(slow);
    }

    /// Whose request it is and what it is about.
    fn subject<'a>(&'a self, chain: &'a Chain, request: Option<&Request>) -> Subject<'a> {
        let command = request.map_or(Command(u16::MAX), |request| request.header.command);
        let session = chain.session.as_ref();
        let mut path = account::path_of(session, chain.related_file);
        if path.is_empty()
            && command == Command::CREATE
            && let Some(create) = request.and_then(|request| CreateRequest::decode(&request.message).ok())
        {
            path = create.name.to_wtf8().to_string().replace('\\', "/");
        }
        Subject {
            command: u8::try_from(command.0).unwrap_or(u8::MAX),
            session,
            share: chain.tree.as_ref().map(|tree| tree.share.name.as_str()),
            client: &self.link.peer,
            path,
        }
    }
}

/// File data in a READ's reply or a WRITE's request: [MS-SMB2] 2.2.20 DataLength, 2.2.22 Count.
fn data_bytes(chain: &Chain, request: &Request, status: NtStatus, start: usize) -> u64 {
    /// Both fields are behind StructureSize and two more bytes of the body.
    const LENGTH_OFFSET: usize = Smb2Header::SIZE + 4;
    if !matches!(request.header.command, Command::READ | Command::WRITE) || status.is_error() {
        return 0;
    }
    let at = start.saturating_add(LENGTH_OFFSET);
    let field = chain.out.as_slice().get(at..).and_then(|rest| rest.first_chunk::<4>());
    field.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
}

/// What the wall clock showed when the monotonic one showed `at`.
fn wall_at(at: Duration, now: Now) -> FileTime {
    let micros = u64::try_from(now.monotonic.saturating_sub(at).as_micros()).unwrap_or(u64::MAX);
    FileTime(now.wall.0.saturating_sub(micros.saturating_mul(TICKS_PER_MICRO)))
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
