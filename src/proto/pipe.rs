//! Opens of named pipes: READ, WRITE, FSCTL_PIPE_TRANSCEIVE and FSCTL_PIPE_PEEK over `rpc` ([MS-SMB2] 3.3.5.12,
//! 3.3.5.13, 3.3.5.15.3, 3.3.5.15.4).
//!
//! Calls run where they complete: they touch memory only. A read of an empty pipe waits until something is written. What needs
//! more than memory (names of the directory, an account that logs on, a change of the state) waits in the pipe; the request that
//! wants its answer runs the errand, others that come meanwhile wait as for any answer.
//! Lock order: a pipe's lock is taken before the tables of sessions and shares, never after.

use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::{NtStatus, Wtf8};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::activity::ServerActivity;
use super::commands::{Parked, Pending, read};
use super::context::{Context, Step, StepResult};
use super::event::{Event, Now, WaiterId, Wake};
use super::op::{Op, OpResult};
use super::open::{Open, Target};
use super::server::Server;
use super::session::Identity;
use super::status::{CommandError, pipe_status};
use super::under_way::Outstanding;
use crate::auth::{Acceptor, AcceptorRandomness, AuthError};
use crate::names::Asked;
use crate::rpc::{
    Activity as _, Caller, Done, Errand, Logons, Outcome, Pipe, PipeError, PipeRead, RpcContext,
};
use crate::smb2::read::ReadResponse;
use crate::smb2::write::WriteResponse;

/// Reads of one pipe that wait at a time.
const MAX_WAITING: usize = 64;

/// One open of a pipe.
#[derive(Debug)]
pub struct PipeOpen {
    pipe: Pipe,
    /// Who opened it, and who calls through it: another logon of the session changes nothing here.
    identity: Arc<Identity>,
    /// The client broke the protocol: what was answered before can still be read, then the pipe is gone.
    disconnected: bool,
    /// CLOSE waits for the requests that are under way: none of them waits for an answer any more.
    closing: bool,
    /// The open is closed.
    closed: bool,
    /// Requests that wait for something to read.
    waiting: Vec<WaiterId>,
}

impl PipeOpen {
    /// Opens the pipe called `name` (without `\PIPE\`, in any case); `None` when there is none:
    /// OBJECT_NAME_NOT_FOUND.
    #[must_use]
    pub fn open(name: Wtf8<'_>, identity: Arc<Identity>) -> Option<PipeOpen> {
        let pipe = Pipe::open(name)?;
        Some(PipeOpen {
            pipe,
            identity,
            disconnected: false,
            closing: false,
            closed: false,
            waiting: Vec::new(),
        })
    }

    /// True when there is a pipe of that name.
    #[must_use]
    pub fn exists(name: Wtf8<'_>) -> bool {
        Pipe::open(name).is_some()
    }

    /// The name it goes by.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.pipe.endpoint().name()
    }

    /// What can be read: bytes of all messages, messages, bytes left of the first one.
    #[must_use]
    pub fn available(&self) -> (usize, usize, usize) {
        self.pipe.available()
    }

    /// The next bytes, which stay.
    #[must_use]
    pub fn peek(&self, max: usize) -> &[u8] {
        self.pipe.peek(max)
    }

    /// True when nothing will come any more.
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        self.disconnected
    }

    /// Takes the next message or a part of it; `waiter` is registered where there is none and nothing to ask. A read of no bytes
    /// waits like others.
    fn take(&mut self, max: usize, waiter: WaiterId) -> Result<Answer, CommandError> {
        match self.pipe.read(max) {
            PipeRead::Data { bytes, more } => Ok(Answer::Data { bytes, more }),
            PipeRead::Empty if self.disconnected => Err(NtStatus::PIPE_DISCONNECTED.into()),
            PipeRead::Empty => self.run_or_wait(waiter),
        }
    }

    /// Takes the answer to what was just written. Who has no room for one does not wait for it.
    fn take_answer(&mut self, max: usize, waiter: WaiterId) -> Result<Answer, CommandError> {
        if max == 0 && !self.disconnected && self.pipe.available().1 == 0 {
            return Ok(Answer::Data { bytes: Vec::new(), more: false });
        }
        self.take(max, waiter)
    }

    /// What must be done before there is something to read, if anything.
    pub fn errand(&mut self) -> Option<Errand> {
        if self.disconnected { None } else { self.pipe.errand() }
    }

    fn run_or_wait(&mut self, waiter: WaiterId) -> Result<Answer, CommandError> {
        match self.errand() {
            Some(errand) => Ok(Answer::Run(errand)),
            None => self.wait(waiter).map(|()| Answer::Wait),
        }
    }

    fn wait(&mut self, waiter: WaiterId) -> Result<(), CommandError> {
        if self.closing {
            return Err(NtStatus::PIPE_BROKEN.into());
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
        }
        self.waiting.push(waiter);
        Ok(())
    }
}

/// What there is for a request that wants to read.
pub enum Answer {
    /// A message or a part of it.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// The message goes on.
        more: bool,
    },
    /// The request has to have this done, then to call [`resume`].
    Run(Errand),
    /// Nothing: the request is registered to be woken.
    Wait,
}

/// The pipe of an open.
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a file.
pub fn of(open: &Open) -> Result<&Mutex<PipeOpen>, CommandError> {
    match &open.target {
        Target::Pipe(pipe) => Ok(pipe),
        Target::File(_) | Target::QuotaIndex(_) => Err(NtStatus::INVALID_DEVICE_REQUEST.into()),
    }
}

/// READ: the next message, or as much of it as is asked for.
///
/// # Errors
/// ACCESS_DENIED, PIPE_DISCONNECTED.
pub fn read(cx: &mut Context<'_>, parked: read::Parked) -> StepResult {
    if !parked.open().granted.intersects(AccessMask::FILE_READ_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let max = usize::try_from(parked.length_bytes()).unwrap_or(usize::MAX);
    let answer = of(parked.open())?.lock().take(max, cx.waiter)?;
    let (bytes, more) = match answer {
        Answer::Data { bytes, more } => (bytes, more),
        Answer::Run(errand) => {
            return Ok(Step::Op(operation(cx, errand), Pending::PipeRead(parked)));
        }
        Answer::Wait => return Ok(Step::Park(Parked::Read(parked))),
    };
    let data_length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    cx.write(|writer| {
        writer.bytes(&ReadResponse { data_length, ..ReadResponse::default() }.header_bytes());
        writer.bytes(&bytes);
        if bytes.is_empty() {
            // StructureSize 17 counts a byte of Buffer.
            writer.u8(0);
        }
    });
    Ok(Step::Reply(if more { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS }))
}

/// WRITE: all of `data` is taken, and the calls that it completes are run.
///
/// # Errors
/// ACCESS_DENIED, PIPE_DISCONNECTED, INSUFFICIENT_RESOURCES for a client that never reads.
pub fn write(cx: &mut Context<'_>, open: &Arc<Open>, data: &[u8]) -> StepResult {
    if !open.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    call(cx, of(open)?, |open, rpc| open.pipe.write(rpc, data))?;
    cx.reply(&WriteResponse {
        count: u32::try_from(data.len()).unwrap_or(u32::MAX),
        ..WriteResponse::default()
    })
}

/// FSCTL_PIPE_TRANSCEIVE: a write, then a read of at most `max` bytes.
///
/// # Errors
/// PIPE_BUSY while an answer waits to be read, PIPE_DISCONNECTED.
pub fn transceive(
    cx: &mut Context<'_>,
    open: &Open,
    input: &[u8],
    max: usize,
) -> Result<Answer, CommandError> {
    if !open.granted.contains(AccessMask::FILE_READ_DATA | AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let waiter = cx.waiter;
    call(cx, of(open)?, |open, rpc| match open.pipe.transceive(rpc, input, max)? {
        PipeRead::Data { bytes, more } => Ok(Answer::Data { bytes, more }),
        PipeRead::Empty => open.run_or_wait(waiter).map_err(|_| PipeError::Full),
    })
}

/// The operation that runs an errand. It may take as long as a domain controller does: a CLOSE does not wait for it, as pipes of
/// Windows do not, and the request ends when it is done.
#[must_use]
pub fn operation(cx: &mut Context<'_>, errand: Errand) -> Op {
    if let Some(outstanding) = cx.outstanding {
        outstanding.pause();
    }
    match errand {
        Errand::Names(questions) => Op::Names { questions },
        Errand::Task(commission) => Op::Rpc { commission, session: *cx.session_id },
        Errand::Account(query) => Op::Account { query },
        Errand::Delay => Op::Delay { duration: cx.server.config.limits.logon_wait },
    }
}

/// The errand is done: what has waited for it goes on.
///
/// # Errors
/// PIPE_BROKEN when the pipe was closed meanwhile, PIPE_DISCONNECTED, INSUFFICIENT_RESOURCES.
pub fn resume(cx: &mut Context<'_>, open: &Open, result: OpResult) -> Result<(), CommandError> {
    let pipe = of(open)?;
    let goes_on = cx.outstanding.as_mut().is_none_or(Outstanding::go_on);
    if !goes_on || pipe.lock().closed {
        // What was done is recorded as done: nothing of it may be left because nobody waits for the answer.
        if let OpResult::Rpc(Ok(Done::Own(ending))) = &result {
            let activity = ServerActivity::new(cx.server, cx.now);
            activity.end(ending);
            activity.finish(cx.before_reply);
        }
        return Err(NtStatus::PIPE_BROKEN.into());
    }
    let outcome = match result {
        OpResult::Rpc(done) => Outcome::Task(done),
        OpResult::Account(lookup) => Outcome::Account(lookup.answer, lookup.identity.as_ref().map(caller)),
        _ => Outcome::Nothing,
    };
    call(cx, pipe, |open, rpc| open.pipe.resume(rpc, outcome))
}

fn caller(identity: &Identity) -> Caller {
    Caller {
        token: Arc::clone(&identity.token),
        name: identity.user.clone(),
        domain: identity.domain.clone(),
    }
}

/// Goes on with a transceive that has waited.
///
/// # Errors
/// PIPE_DISCONNECTED.
pub fn receive(cx: &Context<'_>, open: &Open, max: usize) -> Result<Answer, CommandError> {
    of(open)?.lock().take_answer(max, cx.waiter)
}

/// Forgets a request that does not wait any more.
pub fn stop_waiting(open: &Open, waiter: WaiterId) {
    if let Target::Pipe(pipe) = &open.target {
        pipe.lock().waiting.retain(|other| *other != waiter);
    }
}

/// The open is about to be closed: requests that wait on it end, one that runs an errand goes on.
pub fn end_waits(server: &Server, pipe: &Mutex<PipeOpen>) {
    let waiting = {
        let mut pipe = pipe.lock();
        pipe.closing = true;
        std::mem::take(&mut pipe.waiting)
    };
    post(server, waiting, Wake::Closed);
}

/// The open is closed: requests that wait on it end.
pub fn close(server: &Server, pipe: &Mutex<PipeOpen>) {
    let waiting = {
        let mut pipe = pipe.lock();
        pipe.disconnected = true;
        pipe.closed = true;
        std::mem::take(&mut pipe.waiting)
    };
    post(server, waiting, Wake::Closed);
}

/// Runs what a client sent, then wakes who waits for an answer.
fn call<T>(
    cx: &mut Context<'_>,
    pipe: &Mutex<PipeOpen>,
    run: impl FnOnce(&mut PipeOpen, &RpcContext<'_>) -> Result<T, PipeError>,
) -> Result<T, CommandError> {
    let identity = Arc::clone(&pipe.lock().identity);
    let (accounts, shares) = (cx.server.accounts.load(), cx.server.share_settings.load());
    // As an administrator keeps them: also targets that do not answer.
    let namespaces = cx.server.kept_namespaces.load();
    let domain = cx.server.domain.load();
    let activity = ServerActivity::new(cx.server, cx.now);
    let asked = Asked::default();
    let logons = ServerLogons { server: cx.server, now: cx.now, peer: &cx.link.peer };
    let rpc = RpcContext {
        server: &cx.server.rpc,
        domain: domain.as_deref(),
        caller: &identity.token,
        caller_name: &identity.user,
        caller_domain: &identity.domain,
        accounts: &accounts,
        directory: &cx.server.directory,
        asked: &asked,
        shares: &shares,
        namespaces: &namespaces,
        activity: &activity,
        logons: &logons,
        now: cx.now.wall,
    };
    let (outcome, waiting) = {
        let mut pipe = pipe.lock();
        let before = std::mem::take(&mut pipe.waiting);
        let outcome = run(&mut pipe, &rpc);
        if matches!(outcome, Err(PipeError::Disconnected | PipeError::Full)) {
            pipe.disconnected = true;
        }
        if pipe.pipe.is_broken() {
            pipe.disconnected = true;
        }
        // One of those that wait runs the errand that this request has not taken.
        if pipe.disconnected || pipe.available().1 != 0 || pipe.pipe.has_errand() {
            (outcome, before)
        } else {
            pipe.waiting.extend(before);
            (outcome, Vec::new())
        }
    };
    post(cx.server, waiting, Wake::Retry);
    activity.finish(cx.before_reply);
    outcome.map_err(|error| pipe_status(error).into())
}

/// Logons within RPC are held to what those of sessions are held to.
struct ServerLogons<'a> {
    server: &'a Server,
    now: Now,
    peer: &'a str,
}

impl Logons for ServerLogons<'_> {
    fn acceptor(&self) -> Acceptor {
        let mut random = Zeroizing::new([0; AcceptorRandomness::SIZE]);
        self.server.entropy.fill(&mut *random);
        Acceptor::new(self.server.acceptor.load_full(), self.now.wall, AcceptorRandomness::new(&random))
    }

    fn failed(&self, error: AuthError) -> bool {
        tracing::info!(peer = self.peer, reason = %error, "logon within RPC failed");
        self.server.logon_failed(self.peer, self.now)
    }

    fn succeeded(&self, caller: &Caller) {
        tracing::info!(user = caller.name, peer = self.peer, "logged on within RPC");
        self.server.logon_succeeded(self.peer);
    }
}

fn post(server: &Server, waiting: Vec<WaiterId>, wake: Wake) {
    for waiter in waiting {
        server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake });
    }
}
