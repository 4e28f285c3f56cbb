//! One client connection's task: direct TCP transport ([MS-SMB2] 2.1) around the protocol core.
//!
//! The task takes in as many messages as have come, runs their operations in place where they do not block, and sends
//! all replies with as few system calls as possible. What may block goes to the runtime's blocking threads; its
//! result comes back through a channel.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use nix::sys::socket::sockopt::{GetStruct, SetStruct};
use rustix::net::{SendFlags, send};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};

use super::Shared;
use super::lane;
use super::listener::Counted;
use super::local_leases;
use super::rpc_changes::Way;
use super::worker::{Outcome, execute};
use crate::audit::log::Done;
use crate::audit::record::Batch;
use crate::auth::AccountQuery;
use crate::metrics::{Cause, Lane};
use crate::proto::admit::Disconnect;
use crate::proto::buffer::TRANSPORT_HEADER_BYTES;
use crate::proto::connection::pieces::{HEAD_BYTES, WriteInPieces};
use crate::proto::connection::{Connection, OutFrame};
use crate::proto::event::{Now, Waker};
use crate::proto::op::{Op, OpId, OpResult, Splice};
use crate::vfs::Wait;
use crate::vfs::remark::{self, Remark};

/// Room for requests that came together; a longer message gets exactly what it needs.
const RECEIVE_BYTES: usize = 64 * 1024;
/// After a message longer than [`RECEIVE_BYTES`] this much is asked for first: it holds the next one's length, so that the
/// rest of that can be read exactly, and next to nothing must be moved to make room.
const HEAD_BYTES_AFTER_LONG: usize = 4 * 1024;
/// A large write is taken in and written in pieces of this size (see [`crate::proto::connection::pieces`]), which stay in a
/// core's second-level cache between the socket and the file. They end at multiples of it in the file.
const PIECE_BYTES: usize = 256 * 1024;
/// While more than this is missing of a message, the task is not woken for less.
const LOW_WATER_BYTES: usize = 512 * 1024;
/// Replies queued, in bytes, above which no further request is taken in.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// Messages taken in before the task lets others run.
const MESSAGES_PER_TURN: usize = 256;
/// A connection without traffic for this long gives its buffers back.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// A notification that somebody waits for must be acknowledged by the client's TCP within this time: else the connection is
/// taken for dead, and the notification goes another way ([MS-SMB2] 3.3.4.6). Most of the 35 seconds that a client has for
/// its answer are left then.
const URGENT: Duration = Duration::from_secs(8);
/// An operation that took this long may have been remarked on.
const WORTH_A_REMARK: Duration = Duration::from_millis(5);
/// Replies sent with one system call.
const MAX_SLICES: usize = 64;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The client closed it.
    #[error("closed by the client")]
    Closed,
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client broke the protocol.
    #[error(transparent)]
    Protocol(#[from] Disconnect),
    /// The client's TCP has not acknowledged in time what somebody waits for.
    #[error("an urgent notification was not acknowledged within {} s", URGENT.as_secs())]
    Unacknowledged,
    /// No logon in time.
    #[error("no logon in time")]
    LogonTimeout,
    /// The server stops.
    #[error("the server stops")]
    Shutdown,
}

/// Wakes a task.
pub(super) struct NotifyWaker(pub(super) Arc<Notify>);

impl Waker for NotifyWaker {
    fn wake(&self) {
        self.0.notify_one();
    }
}

/// Serves one connection to its end. `half_open` counts it among those without a logon until it has one.
pub async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    half_open: Counted,
    mut shutdown: watch::Receiver<bool>,
) -> End {
    // Small replies must not wait for more.
    let _ = stream.set_nodelay(true);
    let address = |address: io::Result<std::net::SocketAddr>| {
        address.map_or_else(|_| String::new(), |address| address.ip().to_canonical().to_string())
    };
    let mail = Arc::new(Notify::new());
    let connection = Connection::new(
        Arc::clone(&shared.core),
        address(stream.peer_addr()),
        address(stream.local_addr()),
        Box::new(NotifyWaker(Arc::clone(&mail))),
    )
    .from_port(stream.peer_addr().map_or(0, |address| address.port()));
    let (results_in, results) = mpsc::unbounded_channel();
    let mut task = Task {
        shared,
        half_open: Some(half_open),
        stream,
        connection,
        mail,
        results,
        results_in,
        received: BytesMut::new(),
        missing: 0,
        after_long: false,
        write: None,
        piece: BytesMut::new(),
        low_water: 1,
        outbox: VecDeque::new(),
        sent_of_first: 0,
        queued_bytes: 0,
        running: 0,
        held_up: Arc::default(),
        ended: Arc::default(),
        impatient_at: None,
        last: Duration::ZERO,
        lane: Lane::SHARED,
    };
    let end = task.run(&mut shutdown).await;
    task.drain(&mut shutdown).await;
    end
}

nix::setsockopt_impl!(
    ReceiveLowWater,
    libc::SOL_SOCKET,
    libc::SO_RCVLOWAT,
    libc::c_int,
    SetStruct<'_, libc::c_int>
);

/// SO_RCVLOWAT.
#[derive(Clone)]
struct ReceiveLowWater;

nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, libc::tcp_info, GetStruct<libc::tcp_info>);

/// TCP_INFO.
#[derive(Clone, Copy, Debug)]
struct TcpInfo;

/// What has come.
enum Incoming {
    /// A whole message.
    Whole(BytesMut),
    /// The head of a write whose data comes in pieces.
    Head(BytesMut, WriteInPieces),
}

/// What is still to come of a write's data.
struct WriteUnderWay {
    /// Bytes, those of the present piece included.
    missing_bytes: usize,
    /// Bytes of the present piece when it is whole.
    piece_bytes: usize,
}

/// The result of an operation that ran elsewhere.
struct Answer {
    id: OpId,
    result: OpResult,
    /// How long it waited for a thread, where it needed one that may block.
    queued: Option<Duration>,
    /// What it spent its time on, where the volume has said so.
    remark: Option<(Remark, Duration)>,
}

impl Answer {
    fn new(id: OpId, result: OpResult) -> Self {
        Answer { id, result, queued: None, remark: None }
    }
}

struct Task {
    shared: Arc<Shared>,
    half_open: Option<Counted>,
    stream: TcpStream,
    connection: Connection,
    mail: Arc<Notify>,
    results: mpsc::UnboundedReceiver<Answer>,
    results_in: mpsc::UnboundedSender<Answer>,
    received: BytesMut,
    /// Bytes that are missing of the message that has begun; 0 where none has.
    missing: usize,
    /// The last message was longer than [`RECEIVE_BYTES`].
    after_long: bool,
    /// A write whose data is coming.
    write: Option<WriteUnderWay>,
    /// The piece of it that has begun.
    piece: BytesMut,
    /// SO_RCVLOWAT of the socket.
    low_water: usize,
    outbox: VecDeque<OutFrame>,
    /// Bytes of the first message (with its splice) that are sent.
    sent_of_first: usize,
    queued_bytes: usize,
    /// Operations on other threads.
    running: usize,
    /// Batches of records that wait for room in the audit log.
    held_up: Arc<AtomicUsize>,
    /// The transport is gone: what waits for programs of this machine gives up.
    ended: Arc<AtomicBool>,
    /// When to look whether an urgent notification was acknowledged.
    impatient_at: Option<tokio::time::Instant>,
    /// When the core was last given something, on the monotonic clock.
    last: Duration,
    /// The counters of the thread that this task runs on now.
    lane: Lane,
}

impl Task {
    async fn run(&mut self, shutdown: &mut watch::Receiver<bool>) -> End {
        match self.exchange(shutdown).await {
            Err(end) => {
                // What was answered before the end still goes out, if it can at once.
                self.collect();
                let _ = self.send();
                end
            }
            Ok(never) => match never {},
        }
    }

    async fn exchange(
        &mut self,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<std::convert::Infallible, End> {
        let logon_deadline = tokio::time::Instant::now() + self.shared.limits.logon_timeout;
        let mut idle = false;
        loop {
            let progress = self.turn()?;
            if progress {
                idle = false;
                // A client that always has more to ask does not keep the server from stopping.
                if shutdown.has_changed().unwrap_or(true) {
                    return Err(End::Shutdown);
                }
                tokio::task::yield_now().await;
                continue;
            }
            let blocked = !self.outbox.is_empty();
            let reads =
                self.queued_bytes <= MAX_QUEUED_BYTES && !self.is_held_up() && !self.is_busy_writing();
            let interest = match (reads, blocked) {
                (true, true) => Interest::READABLE | Interest::WRITABLE,
                (true, false) => Interest::READABLE,
                (false, _) => Interest::WRITABLE,
            };
            if reads {
                self.set_low_water(self.low_water_wanted());
            }
            let deadline = self.connection.next_deadline().map(|at| self.shared.clock.instant(at).into());
            let logged_on = self.connection.link().logged_on;
            if logged_on {
                self.half_open = None;
            }
            tokio::select! {
                biased;
                _ = shutdown.changed() => return Err(End::Shutdown),
                ready = self.stream.ready(interest), if reads || blocked => {
                    ready?;
                }
                result = self.results.recv() => {
                    if let Some(answer) = result {
                        self.stay_here();
                        self.finished(answer)?;
                    }
                }
                () = self.mail.notified() => {
                    self.stay_here();
                    let now = self.now();
                    self.connection.handle_events(now)?;
                }
                () = sleep_until(self.impatient_at) => self.check_acknowledged()?,
                () = sleep_until(deadline) => {
                    self.stay_here();
                    let now = self.now();
                    self.connection.handle_deadline(now)?;
                }
                () = tokio::time::sleep_until(logon_deadline), if !logged_on => return Err(End::LogonTimeout),
                () = tokio::time::sleep(IDLE_AFTER), if !idle => {
                    idle = true;
                    self.connection.release_memory();
                    if self.received.is_empty() {
                        self.received = BytesMut::new();
                    }
                    if self.piece.is_empty() {
                        self.piece = BytesMut::new();
                    }
                    self.outbox.shrink_to_fit();
                }
            }
        }
    }

    /// Takes in what has come and does it; true when something was done.
    fn turn(&mut self) -> Result<bool, End> {
        let mut progress = false;
        self.stay_here();
        while let Ok(answer) = self.results.try_recv() {
            self.finished(answer)?;
            progress = true;
        }
        self.operate()?;
        for _ in 0..MESSAGES_PER_TURN {
            if self.queued_bytes > MAX_QUEUED_BYTES || self.is_held_up() {
                break;
            }
            if self.take_in()? {
                progress = true;
                continue;
            }
            // Answers first, while the client is still sending: then look for more.
            self.collect();
            self.send()?;
            if self.is_busy_writing() || !self.fill()? {
                break;
            }
            progress = true;
        }
        self.collect();
        self.send()?;
        Ok(progress)
    }

    /// Records of this connection wait for room in the audit log.
    fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::Relaxed) > 0
    }

    /// Takes in a message, the head of a large write, or the next piece of its data; false when that is not there.
    fn take_in(&mut self) -> Result<bool, End> {
        if self.write.is_some() {
            let Some(data) = self.next_piece() else { return Ok(false) };
            let now = self.now();
            self.connection.receive_data(data, now)?;
        } else {
            let Some(incoming) = self.next_message()? else { return Ok(false) };
            let now = self.now();
            match incoming {
                Incoming::Whole(frame) => self.connection.receive(frame, now)?,
                Incoming::Head(head, write) => self.connection.receive_head(head, write, now)?,
            }
        }
        self.operate()?;
        Ok(true)
    }

    /// The next message without its transport header, once it is there. Of a large write the head is enough.
    fn next_message(&mut self) -> Result<Option<Incoming>, End> {
        self.missing = 0;
        let Some(header) = self.received.first_chunk::<TRANSPORT_HEADER_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header) as usize;
        // 2.1: the first byte is zero; anything else is NetBIOS or no SMB at all.
        if length > self.connection.max_frame_bytes() {
            return Err(Disconnect::TooLong.into());
        }
        let whole = TRANSPORT_HEADER_BYTES + length;
        if self.received.len() < whole {
            self.missing = whole - self.received.len();
            return Ok(if length > PIECE_BYTES { self.head_of_write(length) } else { None });
        }
        self.after_long = length > RECEIVE_BYTES;
        self.received.advance(TRANSPORT_HEADER_BYTES);
        Ok(Some(Incoming::Whole(self.received.split_to(length))))
    }

    /// The head of the long message that has begun, when it is a write whose data can be written as it comes.
    fn head_of_write(&mut self, length: usize) -> Option<Incoming> {
        let Some(head) = self.received.get(TRANSPORT_HEADER_BYTES..TRANSPORT_HEADER_BYTES + HEAD_BYTES)
        else {
            self.missing = TRANSPORT_HEADER_BYTES + HEAD_BYTES - self.received.len();
            return None;
        };
        let write = self.connection.write_in_pieces(head, length)?;
        let past_boundary = usize::try_from(write.file_offset % PIECE_BYTES as u64).unwrap_or(0);
        let piece_bytes = (PIECE_BYTES - past_boundary).min(write.data_bytes);
        self.write = Some(WriteUnderWay { missing_bytes: write.data_bytes, piece_bytes });
        self.after_long = true;
        self.received.advance(TRANSPORT_HEADER_BYTES);
        Some(Incoming::Head(self.received.split_to(HEAD_BYTES), write))
    }

    /// The next piece of a write's data, once it is there and is wanted.
    fn next_piece(&mut self) -> Option<Bytes> {
        let write = self.write.as_mut()?;
        self.piece.reserve(write.piece_bytes - self.piece.len());
        // What came together with the head.
        let come = self.received.len().min(write.piece_bytes - self.piece.len());
        self.piece.put(self.received.split_to(come));
        self.missing = write.piece_bytes - self.piece.len();
        if self.missing != 0 || !self.connection.takes_data() {
            return None;
        }
        write.missing_bytes -= write.piece_bytes;
        write.piece_bytes = write.missing_bytes.min(PIECE_BYTES);
        if write.missing_bytes == 0 {
            self.write = None;
        }
        Some(self.piece.split().freeze())
    }

    /// True while a piece of a write is under way and nothing more can be taken in.
    fn is_busy_writing(&self) -> bool {
        self.write.is_some() && !self.connection.takes_data()
    }

    /// Reads what the socket has; false when it has nothing.
    fn fill(&mut self) -> Result<bool, End> {
        if self.low_water_wanted() == LOW_WATER_BYTES {
            // Before anything is read: then the kernel acknowledges data when it comes, not when it is read, and its sender
            // goes on meanwhile.
            self.set_low_water(LOW_WATER_BYTES);
        }
        let (buffer, wanted) = match (&self.write, self.missing) {
            (Some(_), missing) => (&mut self.piece, missing),
            (None, 0) if self.after_long => (&mut self.received, HEAD_BYTES_AFTER_LONG),
            (None, missing) => (&mut self.received, missing.max(RECEIVE_BYTES)),
        };
        // The buffer is this task's alone by now, except for messages that wait: it is used again in place.
        buffer.reserve(wanted);
        match self.stream.try_read_buf(&mut buffer.limit(wanted)) {
            Ok(0) => Err(End::Closed),
            Ok(_) => {
                // The client is there.
                self.impatient_at = None;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What SO_RCVLOWAT may be: a part of a long message is not worth a wake-up, unless it is the last. Never more than is
    /// sure to come.
    fn low_water_wanted(&self) -> usize {
        let left = match &self.write {
            Some(write) => write.missing_bytes - self.piece.len(),
            None => self.missing,
        };
        if left > RECEIVE_BYTES { left.min(LOW_WATER_BYTES) } else { 1 }
    }

    fn set_low_water(&mut self, wanted: usize) {
        if wanted == self.low_water {
            return;
        }
        self.low_water = wanted;
        let bytes = libc::c_int::try_from(wanted).unwrap_or(1);
        if let Err(error) = nix::sys::socket::setsockopt(&self.stream, ReceiveLowWater, &bytes) {
            tracing::debug!(%error, "SO_RCVLOWAT cannot be set");
        }
    }

    fn finished(&mut self, answer: Answer) -> Result<(), Disconnect> {
        let Answer { id, result, queued, remark } = answer;
        self.running -= 1;
        if let Some(queued) = queued {
            self.shared.core.metrics.queue_waits.at(self.lane).observe(self.lane, queued);
            self.connection.explain(id, Cause::Queue, queued);
        }
        if let Some((remark, took)) = remark {
            self.connection.explain(id, cause_of(remark), took);
        }
        let now = self.now();
        self.connection.complete(id, result, now)?;
        self.operate()
    }

    /// The present, noted as the time at which the core was last given something.
    fn now(&mut self) -> Now {
        let now = self.shared.clock.now();
        self.last = now.monotonic;
        now
    }

    /// Counts on the lane of the thread that runs this task until it waits again.
    fn stay_here(&mut self) {
        self.lane = lane::here();
        self.connection.count_on(self.lane);
    }

    /// Gives the core the result of an operation that ran here.
    fn completed(&mut self, id: OpId, result: OpResult) -> Result<(), Disconnect> {
        let before = self.last;
        let now = self.now();
        let took = now.monotonic.saturating_sub(before);
        if took >= WORTH_A_REMARK
            && let Some((remark, took)) = remark::take(took)
        {
            self.connection.explain(id, cause_of(remark), took);
        }
        self.connection.complete(id, result, now)
    }

    /// Runs operations until none is left that can be done here.
    fn operate(&mut self) -> Result<(), Disconnect> {
        while let Some((id, op)) = self.connection.poll_op() {
            match op {
                Op::Account { query } => match self.shared.account_here(&query) {
                    Some(lookup) => self.completed(id, OpResult::Account(Box::new(lookup)))?,
                    None => self.ask_domain(id, query),
                },
                Op::Audit { batch, .. } => self.record(id, batch),
                Op::Names { questions } => {
                    self.running += 1;
                    let (shared, results) = (Arc::clone(&self.shared), self.results_in.clone());
                    tokio::spawn(async move {
                        let asked = Instant::now();
                        shared.ask_directory(&questions).await;
                        shared.controller_answered(asked.elapsed());
                        let _ = results.send(Answer::new(id, OpResult::Done(Ok(()))));
                    });
                }
                Op::Rpc { commission, session } => {
                    self.running += 1;
                    let (shared, results) = (Arc::clone(&self.shared), self.results_in.clone());
                    let link = self.connection.link();
                    let way = Way { address: link.peer.clone(), port: link.peer_port, session };
                    tokio::task::spawn_blocking(move || {
                        let done = shared.run_task(*commission, &way);
                        let _ = results.send(Answer::new(id, OpResult::Rpc(done)));
                    });
                }
                Op::Delay { duration } => {
                    self.running += 1;
                    let results = self.results_in.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(duration).await;
                        let _ = results.send(Answer::new(id, OpResult::Done(Ok(()))));
                    });
                }
                op if op.blocks() => self.elsewhere(id, op),
                op => match execute(op, Wait::Never) {
                    Outcome::Done(result) => self.completed(id, result)?,
                    Outcome::WouldBlock(op) => self.elsewhere(id, op),
                },
            }
        }
        Ok(())
    }

    /// Lets a domain controller decide on a logon. Other requests of the connection go on meanwhile.
    fn ask_domain(&mut self, id: OpId, query: Box<AccountQuery>) {
        self.running += 1;
        let (shared, results) = (Arc::clone(&self.shared), self.results_in.clone());
        let client = self.connection.link().peer.clone();
        tokio::spawn(async move {
            let asked = Instant::now();
            let lookup = shared.account_of_domain(&query, &client).await;
            shared.controller_answered(asked.elapsed());
            let _ = results.send(Answer::new(id, OpResult::Account(Box::new(lookup))));
        });
    }

    /// Gives records to the audit log. Where it has no room, this connection takes in nothing more until it has.
    fn record(&mut self, id: OpId, batch: Batch) {
        self.running += 1;
        let results = self.results_in.clone();
        let done: Done = Box::new(move |recorded| {
            let _ = results.send(Answer::new(id, OpResult::Audited(recorded.is_ok())));
        });
        if let Err((batch, done)) = self.shared.audit.try_submit(batch, done) {
            self.held_up.fetch_add(1, Ordering::Relaxed);
            let (audit, held_up) = (Arc::clone(&self.shared.audit), Arc::clone(&self.held_up));
            // Counted out before the result is sent, which is what wakes this task.
            let done: Done = Box::new(move |recorded| {
                held_up.fetch_sub(1, Ordering::Relaxed);
                done(recorded);
            });
            tokio::spawn(async move { audit.submit(batch, done).await });
        }
    }

    /// Runs an operation on a thread that may block.
    fn elsewhere(&mut self, id: OpId, op: Op) {
        self.running += 1;
        let results = self.results_in.clone();
        let asked = Instant::now();
        let ended = Arc::clone(&self.ended);
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let result = match execute(op, Wait::Allowed) {
                Outcome::Done(result) => result,
                Outcome::WouldBlock(op) => {
                    // No thread waits for a program's lease.
                    tokio::spawn(async move {
                        let result = local_leases::wait(op, &ended).await;
                        let _ = results.send(Answer::new(id, result));
                    });
                    return;
                }
            };
            let took = began.elapsed();
            let remark = if took >= WORTH_A_REMARK { remark::take(took) } else { None };
            let queued = Some(began.saturating_duration_since(asked));
            // The task waits for every result before it ends.
            let _ = results.send(Answer { id, result, queued, remark });
        });
    }

    /// Takes over the messages that the core wants sent.
    fn collect(&mut self) {
        let mut sent_at = None;
        while let Some(frame) = self.connection.poll_transmit() {
            if !frame.commands.is_empty() {
                let now = *sent_at.get_or_insert_with(|| self.shared.clock.monotonic());
                let took = now.saturating_sub(frame.received);
                for command in &frame.commands {
                    self.shared.core.metrics.answered(self.lane, *command, took);
                }
            }
            self.queued_bytes += frame.bytes().len();
            if frame.urgent && self.impatient_at.is_none() {
                self.impatient_at = Some(tokio::time::Instant::now() + URGENT);
            }
            self.outbox.push_back(frame);
        }
    }

    /// Ends the connection when its TCP has acknowledged nothing for [`URGENT`]: TCP's own patience is a quarter of an hour. The
    /// client, should it hear anything at all, hears of it by a reset.
    fn check_acknowledged(&mut self) -> Result<(), End> {
        self.impatient_at = None;
        let Ok(info) = nix::sys::socket::getsockopt(&self.stream, TcpInfo) else { return Ok(()) };
        if info.tcpi_unacked == 0 && self.outbox.is_empty() {
            return Ok(());
        }
        let silent = Duration::from_millis(u64::from(info.tcpi_last_ack_recv));
        if silent >= URGENT {
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            return Err(End::Unacknowledged);
        }
        self.impatient_at = Some(tokio::time::Instant::now() + (URGENT - silent));
        Ok(())
    }

    /// Sends as much as the socket takes.
    fn send(&mut self) -> io::Result<()> {
        while let Some(first) = self.outbox.front() {
            let head = first.bytes().len();
            let sent = if first.splice.is_some() {
                if self.sent_of_first < head { self.send_head() } else { self.send_splice() }
            } else {
                self.send_many()
            };
            match sent {
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends messages up to the first with a splice.
    fn send_many(&self) -> io::Result<usize> {
        if self.outbox.len() == 1 {
            let bytes = self.outbox.front().map(OutFrame::bytes).unwrap_or_default();
            return self.stream.try_write(bytes.get(self.sent_of_first..).unwrap_or_default());
        }
        let mut slices = smallvec::SmallVec::<[io::IoSlice<'_>; MAX_SLICES]>::new();
        for frame in self.outbox.iter().take(MAX_SLICES).take_while(|frame| frame.splice.is_none()) {
            let skip = if slices.is_empty() { self.sent_of_first } else { 0 };
            slices.push(io::IoSlice::new(frame.bytes().get(skip..).unwrap_or_default()));
        }
        self.stream.try_write_vectored(&slices)
    }

    /// Sends the headers in front of a splice, telling the kernel that more follows.
    fn send_head(&self) -> io::Result<usize> {
        let bytes = self.outbox.front().map(OutFrame::bytes).unwrap_or_default();
        let rest = bytes.get(self.sent_of_first..).unwrap_or_default();
        self.stream.try_io(Interest::WRITABLE, || {
            Ok(send(self.stream.as_fd(), rest, SendFlags::MORE | SendFlags::NOSIGNAL)?)
        })
    }

    fn send_splice(&self) -> io::Result<usize> {
        let Some((head, splice)) =
            self.outbox.front().and_then(|frame| Some((frame.bytes().len(), frame.splice.as_ref()?)))
        else {
            return Ok(0);
        };
        let done = self.sent_of_first - head;
        self.stream.try_io(Interest::WRITABLE, || send_file(&self.stream, splice, done))
    }

    /// Counts what was sent, and lets go of the messages that are wholly sent.
    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.outbox.front() {
            let whole = first.bytes().len() + first.splice.as_ref().map_or(0, |splice| splice.length_bytes);
            let left = whole - self.sent_of_first;
            if count < left {
                self.sent_of_first += count;
                return;
            }
            count -= left;
            self.sent_of_first = 0;
            if let Some(frame) = self.outbox.pop_front() {
                self.queued_bytes -= frame.bytes().len();
                self.connection.recycle(frame.buffer);
            }
        }
    }

    /// After the transport is gone: ends the sessions and waits for what is under way. A CREATE that its client can ask for
    /// again may take as long as the break that it waits for.
    async fn drain(&mut self, shutdown: &mut watch::Receiver<bool>) {
        self.ended.store(true, Ordering::Relaxed);
        self.connection.disconnected(self.shared.clock.now());
        let mut stopping = *shutdown.borrow();
        loop {
            // The core answers nothing any more: errors cannot come.
            let _ = self.operate();
            if self.connection.is_drained() && self.running == 0 {
                return;
            }
            if stopping {
                self.connection.stop_waiting(self.shared.clock.now());
                let _ = self.operate();
            }
            let deadline = self.connection.next_deadline().map(|at| self.shared.clock.instant(at).into());
            tokio::select! {
                result = self.results.recv() => match result {
                    Some(answer) => {
                        self.stay_here();
                        let _ = self.finished(answer);
                    }
                    None => return,
                },
                () = self.mail.notified() => {
                    let _ = self.connection.handle_events(self.shared.clock.now());
                }
                () = sleep_until(deadline) => {
                    let _ = self.connection.handle_deadline(self.shared.clock.now());
                }
                _ = shutdown.changed(), if !stopping => stopping = true,
                () = tokio::time::sleep(Duration::from_secs(60)), if deadline.is_none() => {
                    if self.running == 0 {
                        tracing::error!("a closed connection has requests that wait for nothing");
                        return;
                    }
                }
            }
        }
    }
}

/// Sends a part of a splice from `done` bytes on; zeros where the file has become shorter.
fn send_file(stream: &TcpStream, splice: &Splice, done: usize) -> io::Result<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let rest = splice.length_bytes - done;
    let mut offset = splice.offset.saturating_add(done as u64);
    if let Some(file) = splice.file.0.as_fd() {
        let count = rustix::fs::sendfile(stream.as_fd(), file, Some(&mut offset), rest)?;
        if count > 0 {
            return Ok(count);
        }
    }
    let zeros = ZEROS.get(..rest.min(ZEROS.len())).unwrap_or_default();
    Ok(send(stream.as_fd(), zeros, SendFlags::NOSIGNAL)?)
}

/// A remark of a volume as what a request has waited for.
const fn cause_of(remark: Remark) -> Cause {
    match remark {
        Remark::DirectoryRead { entries } => Cause::DirectoryRead { entries },
        Remark::QuotaRecount => Cause::QuotaRecount,
    }
}

/// Waits until `deadline`, for ever without one.
pub(super) async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
