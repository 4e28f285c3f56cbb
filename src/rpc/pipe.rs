//! A named pipe as a client sees it: messages written, messages read, and the association behind it.
//!
//! ```text
//!            bind                         request (all fragments)
//! Unbound ---------> Bound ------------------------------------------> Bound, with a response queued
//!    |  bad PDU        |  bad PDU  | an errand has to be run              ^
//!    '-----> Broken <--'           '------------> Suspended --------------' resume
//! ```
//!
//! A call that needs names of the directory is put aside with its parameters and runs again, once, when they are there or
//! have proved not to be; so is one that has a task done, and a logon for its account. What is written meanwhile waits behind it,
//! so that calls are answered in the order in which they came. Whoever wants something to read runs the errand first
//! ([`Pipe::errand`]); nothing else of the connection waits.

mod bind;

use std::collections::VecDeque;

use freehold_dtyp::{Decode, DecodeError, Wtf8};

use super::RpcContext;
use super::dispatch::{self, Handles, Interface, Ran};
use super::errand::{Errand, Outcome};
use super::fault::Fault;
use super::pdu::{self, Header, PduType, Request};
use super::security::Security;
use super::task::{Done, TaskError};
use super::verifier::{self, Claimed, Verifier};
use bind::PendingLeg;

/// Most bytes of parameters in one call.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Most bytes that are taken while a call is suspended: a whole call, and what may announce its end.
const MAX_WAITING_BYTES: usize = MAX_REQUEST_BYTES.saturating_add(64 * 1024);
/// Most bytes of answers that wait for a client to read them.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// Most presentation contexts on one pipe.
const MAX_CONTEXTS: usize = 64;
/// What a client that names no association group is put into.
const ASSOCIATION_GROUP: u32 = 0x0000_53F0;

/// The pipes of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `srvsvc`: shares, sessions, open files.
    Srvsvc,
    /// `wkssvc`: what this computer is.
    Wkssvc,
    /// `lsarpc`: names and SIDs.
    Lsarpc,
    /// `samr`: lists of accounts and groups.
    Samr,
    /// `netdfs`: DFS namespaces.
    Netdfs,
}

impl Endpoint {
    /// All pipes.
    pub const ALL: [Endpoint; 5] =
        [Endpoint::Srvsvc, Endpoint::Wkssvc, Endpoint::Lsarpc, Endpoint::Samr, Endpoint::Netdfs];

    /// The name to open it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Endpoint::Srvsvc => "srvsvc",
            Endpoint::Wkssvc => "wkssvc",
            Endpoint::Lsarpc => "lsarpc",
            Endpoint::Samr => "samr",
            Endpoint::Netdfs => "netdfs",
        }
    }

    /// The secondary address in a bind_ack.
    const fn address(self) -> &'static str {
        match self {
            Endpoint::Srvsvc => "\\PIPE\\srvsvc",
            Endpoint::Wkssvc => "\\PIPE\\wkssvc",
            Endpoint::Netdfs => "\\PIPE\\netdfs",
            // One process of Windows serves both.
            Endpoint::Lsarpc | Endpoint::Samr => "\\PIPE\\lsass",
        }
    }
}

/// Why a pipe refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipeError {
    /// The client broke the protocol, here or before: nothing more comes. STATUS_PIPE_DISCONNECTED.
    #[error("the pipe is disconnected")]
    Disconnected,
    /// A transceive while an answer waits to be read. STATUS_PIPE_BUSY.
    #[error("an answer waits to be read")]
    Busy,
    /// The client writes and never reads. STATUS_INSUFFICIENT_RESOURCES.
    #[error("too many answers wait to be read")]
    Full,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipeRead {
    /// A message or a part of it.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// The message goes on: STATUS_BUFFER_OVERFLOW.
        more: bool,
    },
    /// Nothing is there. A blocking read waits for the next write; otherwise STATUS_PIPE_EMPTY.
    Empty,
}

/// A call of which not all fragments have come.
#[derive(Debug)]
struct PartialCall {
    call_id: u32,
    context_id: u16,
    operation: u16,
    /// The security context that it came by.
    security: Option<u32>,
    /// It came with tokens of that context.
    verified: bool,
    stub: Vec<u8>,
}

/// What waits for an errand.
#[derive(Debug)]
enum Suspended {
    /// A call; in its next run it is answered whatever the directory says, if that has been asked.
    Call {
        /// Which.
        call: PartialCall,
        /// The directory has been asked.
        last: bool,
    },
    /// A leg of a logon, for the account.
    Leg(PendingLeg),
    /// A leg that is refused, for time to pass.
    Refusal(PendingLeg),
}

/// One open of a pipe.
#[derive(Debug)]
pub struct Pipe {
    endpoint: Endpoint,
    broken: bool,
    bound: bool,
    contexts: Vec<(u16, &'static Interface)>,
    fragment_size: u16,
    /// The start of a fragment whose end has not come; shorter than a fragment can be. While a call is suspended,
    /// everything that was written.
    input: Vec<u8>,
    call: Option<PartialCall>,
    /// What waits, and the errand; `None`: somebody is on it.
    suspended: Option<(Suspended, Option<Errand>)>,
    security: Security,
    output: VecDeque<Vec<u8>>,
    output_bytes: usize,
    /// Bytes of the first message that were read.
    read_offset: usize,
    handles: Handles,
}

impl Pipe {
    /// Opens the pipe called `name`, in any case and without `\PIPE\`; `None` when there is no such pipe
    /// (STATUS_OBJECT_NAME_NOT_FOUND).
    #[must_use]
    pub fn open(name: Wtf8<'_>) -> Option<Pipe> {
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name.as_bytes());
        // Windows knows lsarpc by the name of the process behind it as well.
        let lsass = is("lsass").then_some(Endpoint::Lsarpc);
        let endpoint = lsass.or_else(|| Endpoint::ALL.into_iter().find(|endpoint| is(endpoint.name())))?;
        Some(Pipe {
            endpoint,
            broken: false,
            bound: false,
            contexts: Vec::new(),
            fragment_size: pdu::MUST_RECEIVE_FRAGMENT,
            input: Vec::new(),
            call: None,
            suspended: None,
            security: Security::default(),
            output: VecDeque::new(),
            output_bytes: 0,
            read_offset: 0,
            handles: Handles::default(),
        })
    }

    /// Which pipe it is.
    #[must_use]
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// Takes what a client wrote and runs the calls that it completes. All of `bytes` is taken.
    ///
    /// # Errors
    /// [`PipeError::Disconnected`] or [`PipeError::Full`].
    pub fn write(&mut self, cx: &RpcContext<'_>, bytes: &[u8]) -> Result<(), PipeError> {
        if self.broken {
            return Err(PipeError::Disconnected);
        }
        if self.output_bytes > MAX_QUEUED_BYTES {
            return Err(PipeError::Full);
        }
        let outcome = if self.suspended.is_none() {
            self.take_fragments(cx, bytes)
        } else if self.input.len().saturating_add(bytes.len()) > MAX_WAITING_BYTES {
            Err(PipeError::Full)
        } else {
            self.input.extend_from_slice(bytes);
            Ok(())
        };
        self.settle_outcome(outcome)
    }

    /// After an error nothing more is taken. What was said about it before can still be read.
    fn settle_outcome(&mut self, outcome: Result<(), PipeError>) -> Result<(), PipeError> {
        match outcome.inspect_err(|_| self.break_off()) {
            Err(PipeError::Disconnected) if !self.output.is_empty() => Ok(()),
            outcome => outcome,
        }
    }

    /// True when nothing more is taken: what is to be read is the last.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// What has to be done before the pipe can go on; `None`: nothing, or it is being done. Whoever takes the errand has to call
    /// [`Pipe::resume`] with what comes of it.
    pub fn errand(&mut self) -> Option<Errand> {
        self.suspended.as_mut().and_then(|(_, errand)| errand.take())
    }

    /// True when somebody has to take the errand.
    #[must_use]
    pub fn has_errand(&self) -> bool {
        self.suspended.as_ref().is_some_and(|(_, errand)| errand.is_some())
    }

    /// True while a call waits.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        self.suspended.is_some()
    }

    /// The errand is done: goes on with what has waited for it, then with what was written meanwhile, up to the next errand.
    ///
    /// # Errors
    /// As [`Pipe::write`].
    pub fn resume(&mut self, cx: &RpcContext<'_>, outcome: Outcome) -> Result<(), PipeError> {
        if self.broken {
            return Err(PipeError::Disconnected);
        }
        match (self.suspended.take(), outcome) {
            (Some((Suspended::Call { call, last }, _)), Outcome::Nothing) => self.run(cx, call, last, None),
            (Some((Suspended::Call { call, last }, _)), Outcome::Task(done)) => {
                self.run(cx, call, last, Some(done));
            }
            (Some((Suspended::Leg(leg), _)), Outcome::Account(answer, caller)) => {
                self.resume_leg(cx, leg, answer, caller);
            }
            (Some((Suspended::Refusal(leg) | Suspended::Leg(leg), _)), _) => self.refuse(&leg),
            (Some((Suspended::Call { call, .. }, _)), Outcome::Account(..)) => {
                // INVARIANT: an errand is answered in kind.
                self.push(pdu::fault(call.call_id, call.context_id, Fault::NO_MEMORY.0));
            }
            (None, _) => {}
        }
        let outcome = self.take_fragments(cx, &[]);
        self.settle_outcome(outcome)
    }

    fn break_off(&mut self) {
        self.broken = true;
        self.input = Vec::new();
        self.call = None;
        self.suspended = None;
    }

    /// Takes the next message, or the next `max` bytes of it.
    pub fn read(&mut self, max: usize) -> PipeRead {
        let Some(message) = self.output.front() else { return PipeRead::Empty };
        let rest = message.get(self.read_offset..).unwrap_or_default();
        match rest.get(..max) {
            Some(part) if part.len() < rest.len() => {
                let bytes = part.to_vec();
                self.read_offset = self.read_offset.saturating_add(max);
                self.output_bytes = self.output_bytes.saturating_sub(bytes.len());
                PipeRead::Data { bytes, more: true }
            }
            _ => {
                let mut bytes = self.output.pop_front().unwrap_or_default();
                bytes.drain(..self.read_offset.min(bytes.len()));
                self.read_offset = 0;
                self.output_bytes = self.output_bytes.saturating_sub(bytes.len());
                PipeRead::Data { bytes, more: false }
            }
        }
    }

    /// [MS-SMB2] 3.3.5.15.3 FSCTL_PIPE_TRANSCEIVE: a write and the read of its answer.
    ///
    /// # Errors
    /// As [`Pipe::write`], and [`PipeError::Busy`] while an answer waits.
    pub fn transceive(
        &mut self,
        cx: &RpcContext<'_>,
        input: &[u8],
        max_output: usize,
    ) -> Result<PipeRead, PipeError> {
        if !self.output.is_empty() {
            return Err(PipeError::Busy);
        }
        self.write(cx, input)?;
        Ok(self.read(max_output))
    }

    /// What can be read now: bytes in all messages, messages, and bytes of the first one that are left
    /// ([MS-FSCC] 2.3.46 FSCTL_PIPE_PEEK).
    #[must_use]
    pub fn available(&self) -> (usize, usize, usize) {
        let first = self.output.front().map_or(0, |message| message.len().saturating_sub(self.read_offset));
        (self.output_bytes, self.output.len(), first)
    }

    /// The next bytes without taking them.
    #[must_use]
    pub fn peek(&self, max: usize) -> &[u8] {
        let rest =
            self.output.front().and_then(|message| message.get(self.read_offset..)).unwrap_or_default();
        rest.get(..max).unwrap_or(rest)
    }

    fn take_fragments(&mut self, cx: &RpcContext<'_>, bytes: &[u8]) -> Result<(), PipeError> {
        let joined;
        let mut rest = if self.input.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.input).as_slice(), bytes].concat();
            &joined
        };
        while rest.len() >= pdu::HEADER_SIZE {
            let header = Header::from_bytes(rest).map_err(|_| PipeError::Disconnected)?;
            let Some((fragment, tail)) = rest.split_at_checked(header.fragment_length.into()) else { break };
            self.take_fragment(cx, &header, fragment)?;
            if self.output_bytes > MAX_QUEUED_BYTES.saturating_mul(2) {
                return Err(PipeError::Full);
            }
            rest = tail;
            if self.suspended.is_some() {
                break;
            }
        }
        self.input.extend_from_slice(rest);
        Ok(())
    }

    fn take_fragment(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        fragment: &[u8],
    ) -> Result<(), PipeError> {
        let broken = |_: DecodeError| PipeError::Disconnected;
        let body = pdu::body(header, fragment).map_err(broken)?;
        let verifier = Verifier::of(header, fragment).map_err(broken)?;
        match header.pdu_type {
            PduType::BIND => self.bind(cx, header, body, verifier.as_ref())?,
            PduType::ALTER_CONTEXT if self.bound => {
                self.alter_context(cx, header, body, verifier.as_ref())?;
            }
            PduType::AUTH3 if self.bound => self.auth3(cx, header, verifier.as_ref())?,
            PduType::REQUEST if self.bound => self.request(cx, header, fragment, verifier.as_ref())?,
            // 12.6.4.2 and .11: answers are ready before a cancel can come, or it waits behind its call; an orphaned call is
            // forgotten.
            PduType::CO_CANCEL => {}
            PduType::ORPHANED => {
                self.call.take_if(|call| call.call_id == header.call_id);
            }
            _ => return Err(PipeError::Disconnected),
        }
        Ok(())
    }

    /// One fragment of a call: its part of the parameters in the clear is joined to what has come.
    fn request(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        fragment: &[u8],
        verifier: Option<&Verifier<'_>>,
    ) -> Result<(), PipeError> {
        let broken = |_: DecodeError| PipeError::Disconnected;
        let body = pdu::body(header, fragment).map_err(broken)?;
        let request = Request::decode(header, body).map_err(broken)?;
        let opened = match verifier {
            Some(verifier) => {
                let head = pdu::HEADER_SIZE.saturating_add(body.len()).saturating_sub(request.stub.len());
                self.security
                    .open(fragment, head, verifier)
                    .map(|opened| (Some(opened.context_id), opened.stub))
            }
            None => self.security.of_bare_request().map(|context| (context, request.stub.to_vec())),
        };
        let (security, stub) = match opened {
            Ok(opened) => opened,
            Err(fault) => {
                // [MS-RPCE] 3.3.1.5.2.2: what follows cannot be believed.
                self.push(pdu::fault(header.call_id, request.context_id, fault.0));
                return Err(PipeError::Disconnected);
            }
        };
        if header.flags & pdu::FIRST_FRAGMENT != 0 {
            if self.call.is_some() {
                return Err(PipeError::Disconnected);
            }
            self.call = Some(PartialCall {
                call_id: header.call_id,
                context_id: request.context_id,
                operation: request.operation,
                security,
                verified: verifier.is_some(),
                stub: Vec::new(),
            });
        }
        let Some(call) = self.call.as_mut().filter(|call| {
            call.call_id == header.call_id && call.security == security && call.verified == verifier.is_some()
        }) else {
            return Err(PipeError::Disconnected);
        };
        if call.stub.len().saturating_add(stub.len()) > MAX_REQUEST_BYTES {
            let (call_id, context_id) = (call.call_id, call.context_id);
            self.push(pdu::fault(call_id, context_id, Fault::NO_MEMORY.0));
            return Err(PipeError::Disconnected);
        }
        call.stub.extend_from_slice(&stub);
        if header.flags & pdu::LAST_FRAGMENT == 0 {
            return Ok(());
        }
        if let Some(mut call) = self.call.take() {
            if let Err(fault) = self.check_verification_trailer(&mut call) {
                self.push(pdu::fault(call.call_id, call.context_id, fault.0));
                return Err(PipeError::Disconnected);
            }
            self.run(cx, call, false, None);
        }
        Ok(())
    }

    /// [MS-RPCE] 2.2.2.13: what clients say of their request within what is protected of it.
    fn check_verification_trailer(&self, call: &mut PartialCall) -> Result<(), Fault> {
        let interface = self.interface(call.context_id);
        let (true, Some(interface)) = (call.verified, interface) else { return Ok(()) };
        let claimed = Claimed {
            call_id: call.call_id,
            context_id: call.context_id,
            operation: call.operation,
            interface: &interface.syntax(),
            signs_headers: self.security.signs_headers(),
        };
        let end = verifier::check(&call.stub, &claimed).map_err(|_| Fault::ACCESS_DENIED)?;
        call.stub.truncate(end);
        Ok(())
    }

    fn interface(&self, context_id: u16) -> Option<&'static Interface> {
        self.contexts.iter().find(|(id, _)| *id == context_id).map(|(_, interface)| *interface)
    }

    /// Runs a call; in the `last` run it is answered whatever the directory has said. `done` is what came of its task.
    fn run(
        &mut self,
        cx: &RpcContext<'_>,
        call: PartialCall,
        last: bool,
        done: Option<Result<Done, TaskError>>,
    ) {
        let Some(interface) = self.interface(call.context_id) else {
            self.push(pdu::fault(call.call_id, call.context_id, Fault::UNKNOWN_INTERFACE.0));
            return;
        };
        // Who is known by RPC's own security is that caller, whoever the session's user is.
        let caller = call.security.and_then(|context| self.security.caller(context));
        let cx = match &caller {
            Some(caller) => &RpcContext {
                caller: &caller.token,
                caller_name: &caller.name,
                caller_domain: &caller.domain,
                ..*cx
            },
            None => cx,
        };
        cx.asked.begin(last);
        let ran = dispatch::call(interface, cx, &mut self.handles, call.operation, &call.stub, done);
        let questions = cx.asked.take();
        if !questions.is_empty() {
            self.suspend(Suspended::Call { call, last: true }, Errand::Names(questions));
            return;
        }
        match ran {
            Ran::Wants(task) => self.suspend(Suspended::Call { call, last }, Errand::Task(task)),
            Ran::Response(stub) => {
                let PartialCall { call_id, context_id, security, verified, .. } = call;
                let security = security.filter(|_| verified);
                let size = self.fragment_size;
                for fragment in self.security.response(security, call_id, context_id, &stub, size) {
                    self.push(fragment);
                }
            }
            Ran::Fault(fault) => self.push(pdu::fault(call.call_id, call.context_id, fault.0)),
        }
    }

    fn suspend(&mut self, work: Suspended, errand: Errand) {
        self.suspended = Some((work, Some(errand)));
    }

    fn push(&mut self, message: Vec<u8>) {
        self.output_bytes = self.output_bytes.saturating_add(message.len());
        self.output.push_back(message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Fixture};
    use super::*;

    const SRVSVC: &str = "4b324fc8-1670-01d3-1278-5a47bf6ee188";

    fn data(read: PipeRead) -> Vec<u8> {
        match read {
            PipeRead::Data { bytes, more: false } => bytes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pipes_are_found_in_any_case_and_others_are_not() {
        assert_eq!(Pipe::open("SrvSvc".into()).map(|pipe| pipe.endpoint()), Some(Endpoint::Srvsvc));
        assert_eq!(Pipe::open("lsass".into()).map(|pipe| pipe.endpoint()), Some(Endpoint::Lsarpc));
        for absent in ["", "spoolss", "srvsvc2", "MsFteWds"] {
            assert!(Pipe::open(absent.into()).is_none(), "{absent}");
        }
    }

    #[test]
    fn each_presentation_context_is_answered() {
        // The bind of Windows: NDR32, NDR64 and bind-time features, in three contexts.
        let fixture = Fixture::new();
        let mut pipe = Pipe::open("srvsvc".into()).unwrap();
        let bind = testing::windows_bind(SRVSVC, 3);
        let answer = data(pipe.transceive(&fixture.context(), &bind, 4_280).unwrap());
        assert_eq!(answer[2], PduType::BIND_ACK.0);
        let results = &answer[answer.len() - 3 * 24..];
        let codes: Vec<u16> =
            results.chunks(24).map(|result| u16::from_le_bytes([result[0], result[1]])).collect();
        assert_eq!(codes, [0, 2, 3]);
        assert_eq!(&results[4..20], &pdu::NDR32.uuid.0);
        // sec_addr: its length, the name with its zero.
        assert_eq!(&answer[24..26], &13u16.to_le_bytes());
        assert_eq!(&answer[26..39], b"\\PIPE\\srvsvc\0");
    }

    #[test]
    fn an_interface_of_another_pipe_is_rejected() {
        let fixture = Fixture::new();
        let mut pipe = Pipe::open("wkssvc".into()).unwrap();
        let bind = testing::windows_bind(SRVSVC, 3);
        let answer = data(pipe.transceive(&fixture.context(), &bind, 4_280).unwrap());
        let result = &answer[answer.len() - 3 * 24..][..4];
        assert_eq!(result, &[2, 0, 1, 0]);
    }

    #[test]
    fn a_message_is_read_in_parts_and_a_write_may_come_in_parts() {
        let fixture = Fixture::new();
        let mut pipe = Pipe::open("srvsvc".into()).unwrap();
        let bind = testing::windows_bind(SRVSVC, 3);
        for byte in &bind {
            assert_eq!(pipe.read(100), PipeRead::Empty);
            pipe.write(&fixture.context(), &[*byte]).unwrap();
        }
        let (bytes, messages, first) = pipe.available();
        assert_eq!((bytes, messages), (first, 1));
        let PipeRead::Data { bytes: head, more: true } = pipe.read(10) else { panic!("no overflow") };
        assert_eq!(pipe.available().0, first - 10);
        assert_eq!(pipe.transceive(&fixture.context(), &bind, 10), Err(PipeError::Busy));
        let tail = data(pipe.read(first - 10));
        assert_eq!((head.len(), tail.len()), (10, first - 10));
        assert_eq!(pipe.read(10), PipeRead::Empty);
    }

    #[test]
    fn an_operation_that_is_not_there_is_a_range_fault() {
        let fixture = Fixture::new();
        let mut client = testing::Client::bind(&fixture, "srvsvc", SRVSVC, 3);
        assert_eq!(client.call(999, &[]), Err(Fault::OP_RANGE));
        assert_eq!(client.call_on(7, 15, &[]), Err(Fault::UNKNOWN_INTERFACE));
    }

    #[test]
    fn requests_in_fragments_are_joined_and_bounded() {
        let fixture = Fixture::new();
        let mut client = testing::Client::bind(&fixture, "srvsvc", SRVSVC, 3);
        client.fragment = 8;
        let whole = client.call(21, &testing::server_info_request(101)).unwrap();
        client.fragment = 4_000;
        assert_eq!(client.call(21, &testing::server_info_request(101)).unwrap(), whole);
        assert_eq!(client.call(21, &vec![0; MAX_REQUEST_BYTES + 1]), Err(Fault::NO_MEMORY));
        assert_eq!(client.pipe.write(&fixture.context(), &[0]), Err(PipeError::Disconnected));
    }

    #[test]
    fn a_request_before_a_bind_disconnects() {
        let fixture = Fixture::new();
        let mut pipe = Pipe::open("srvsvc".into()).unwrap();
        let request = testing::request_fragments(1, 0, 15, &[], 100).remove(0);
        assert_eq!(pipe.write(&fixture.context(), &request), Err(PipeError::Disconnected));
    }

    #[test]
    fn a_client_that_never_reads_is_stopped() {
        let fixture = Fixture::new();
        let mut client = testing::Client::bind(&fixture, "srvsvc", SRVSVC, 3);
        let request =
            testing::request_fragments(2, 0, 21, &testing::server_info_request(101), 4_000).remove(0);
        let outcome = (0..1_000_000).find_map(|_| client.pipe.write(&fixture.context(), &request).err());
        assert_eq!(outcome, Some(PipeError::Full));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(writes: Vec<Vec<u8>>, bound: bool) {
            let fixture = Fixture::new();
            let mut pipe = if bound {
                testing::Client::bind(&fixture, "lsarpc", "12345778-1234-abcd-ef00-0123456789ab", 0).pipe
            } else {
                Pipe::open("lsarpc".into()).unwrap()
            };
            for bytes in writes {
                let _ = pipe.write(&fixture.context(), &bytes);
                let _ = pipe.read(100);
            }
        }

        #[test]
        fn any_parameters_are_answered(
            which in 0usize..testing::INTERFACES.len(), operation in 0u16..140, stub in proptest::collection::vec(0u8..4, 0..200), joined: bool,
        ) {
            let (pipe, uuid, version) = testing::INTERFACES[which];
            let fixture = if joined { Fixture::new().joined() } else { Fixture::new() };
            let mut client = testing::Client::bind(&fixture, pipe, uuid, version);
            let _ = client.call(operation, &stub);
        }
    }
}
