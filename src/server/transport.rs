//! One client connection's task: direct TCP transport ([MS-SMB2] 2.1) around the protocol core.
//!
//! The task takes in as many messages as have come, runs their operations in place where they do not block, and sends
//! all replies with as few system calls as possible. What may block goes to the runtime's blocking threads; its
//! result comes back through a channel.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use rustix::net::{SendFlags, send};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};

use super::Shared;
use super::listener::Counted;
use super::worker::{Outcome, execute};
use crate::audit::log::Done;
use crate::audit::record::Batch;
use crate::proto::admit::Disconnect;
use crate::proto::buffer::TRANSPORT_HEADER_BYTES;
use crate::proto::connection::{Connection, OutFrame};
use crate::proto::event::Waker;
use crate::proto::op::{Op, OpId, OpResult, Splice};
use crate::vfs::{VfsError, Wait};

/// Room for requests that came together; a longer message gets exactly what it needs.
const RECEIVE_BYTES: usize = 64 * 1024;
/// After a message longer than [`RECEIVE_BYTES`] this much is asked for first: it holds the next one's length, so that the
/// rest of that can be read exactly, and next to nothing must be moved to make room.
const HEAD_BYTES: usize = 4 * 1024;
/// Replies queued, in bytes, above which no further request is taken in.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// Messages taken in before the task lets others run.
const MESSAGES_PER_TURN: usize = 256;
/// A connection without traffic for this long gives its buffers back.
const IDLE_AFTER: Duration = Duration::from_secs(1);
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
        outbox: VecDeque::new(),
        sent_of_first: 0,
        queued_bytes: 0,
        running: 0,
        held_up: Arc::default(),
    };
    let end = task.run(&mut shutdown).await;
    task.drain(&mut shutdown).await;
    end
}

struct Task {
    shared: Arc<Shared>,
    half_open: Option<Counted>,
    stream: TcpStream,
    connection: Connection,
    mail: Arc<Notify>,
    results: mpsc::UnboundedReceiver<(OpId, OpResult)>,
    results_in: mpsc::UnboundedSender<(OpId, OpResult)>,
    received: BytesMut,
    /// Bytes that are missing of the message that has begun; 0 where none has.
    missing: usize,
    /// The last message was longer than [`RECEIVE_BYTES`].
    after_long: bool,
    outbox: VecDeque<OutFrame>,
    /// Bytes of the first message (with its splice) that are sent.
    sent_of_first: usize,
    queued_bytes: usize,
    /// Operations on other threads.
    running: usize,
    /// Batches of records that wait for room in the audit log.
    held_up: Arc<AtomicUsize>,
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
                tokio::task::yield_now().await;
                continue;
            }
            let blocked = !self.outbox.is_empty();
            let held_up = self.is_held_up();
            let interest = if self.queued_bytes > MAX_QUEUED_BYTES || held_up {
                Interest::WRITABLE
            } else if blocked {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            let deadline = self.connection.next_deadline().map(|at| self.shared.clock.instant(at).into());
            let logged_on = self.connection.link().logged_on;
            if logged_on {
                self.half_open = None;
            }
            tokio::select! {
                biased;
                _ = shutdown.changed() => return Err(End::Shutdown),
                ready = self.stream.ready(interest), if blocked || !held_up => {
                    ready?;
                }
                result = self.results.recv() => {
                    if let Some((id, result)) = result {
                        self.finished(id, result)?;
                    }
                }
                () = self.mail.notified() => self.connection.handle_events(self.shared.clock.now())?,
                () = sleep_until(deadline) => self.connection.handle_deadline(self.shared.clock.now())?,
                () = tokio::time::sleep_until(logon_deadline), if !logged_on => return Err(End::LogonTimeout),
                () = tokio::time::sleep(IDLE_AFTER), if !idle => {
                    idle = true;
                    self.connection.release_memory();
                    if self.received.is_empty() {
                        self.received = BytesMut::new();
                    }
                    self.outbox.shrink_to_fit();
                }
            }
        }
    }

    /// Takes in what has come and does it; true when something was done.
    fn turn(&mut self) -> Result<bool, End> {
        let mut progress = false;
        while let Ok((id, result)) = self.results.try_recv() {
            self.finished(id, result)?;
            progress = true;
        }
        self.operate()?;
        for _ in 0..MESSAGES_PER_TURN {
            if self.queued_bytes > MAX_QUEUED_BYTES || self.is_held_up() {
                break;
            }
            if let Some(frame) = self.next_frame()? {
                self.connection.receive(frame, self.shared.clock.now())?;
                self.operate()?;
                progress = true;
                continue;
            }
            // Answers first, while the client is still sending: then look for more.
            self.collect();
            self.send()?;
            if !self.fill()? {
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

    /// A whole message without its transport header, once it is there.
    fn next_frame(&mut self) -> Result<Option<BytesMut>, End> {
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
            return Ok(None);
        }
        self.after_long = length > RECEIVE_BYTES;
        self.received.advance(TRANSPORT_HEADER_BYTES);
        Ok(Some(self.received.split_to(length)))
    }

    /// Reads what the socket has; false when it has nothing.
    fn fill(&mut self) -> Result<bool, End> {
        let wanted = match self.missing {
            0 if self.after_long => HEAD_BYTES,
            missing => missing.max(RECEIVE_BYTES),
        };
        // The buffer is this task's alone by now, except for messages that wait: it is used again in place.
        self.received.reserve(wanted);
        match self.stream.try_read_buf(&mut (&mut self.received).limit(wanted)) {
            Ok(0) => Err(End::Closed),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn finished(&mut self, id: OpId, result: OpResult) -> Result<(), Disconnect> {
        self.running -= 1;
        self.connection.complete(id, result, self.shared.clock.now())?;
        self.operate()
    }

    /// Runs operations until none is left that can be done here.
    fn operate(&mut self) -> Result<(), Disconnect> {
        while let Some((id, op)) = self.connection.poll_op() {
            match op {
                Op::Account { domain, user } => {
                    let lookup = self.shared.account(&domain, &user);
                    self.connection.complete(
                        id,
                        OpResult::Account(Box::new(lookup)),
                        self.shared.clock.now(),
                    )?;
                }
                Op::Audit { batch, .. } => self.record(id, batch),
                Op::Delay { duration } => {
                    self.running += 1;
                    let results = self.results_in.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(duration).await;
                        let _ = results.send((id, OpResult::Done(Ok(()))));
                    });
                }
                op if op.blocks() => self.elsewhere(id, op),
                op => match execute(op, Wait::Never) {
                    Outcome::Done(result) => self.connection.complete(id, result, self.shared.clock.now())?,
                    Outcome::WouldBlock(op) => self.elsewhere(id, op),
                },
            }
        }
        Ok(())
    }

    /// Gives records to the audit log. Where it has no room, this connection takes in nothing more until it has.
    fn record(&mut self, id: OpId, batch: Batch) {
        self.running += 1;
        let results = self.results_in.clone();
        let done: Done = Box::new(move |recorded| {
            let _ = results.send((id, OpResult::Audited(recorded.is_ok())));
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
        tokio::task::spawn_blocking(move || {
            let result = match execute(op, Wait::Allowed) {
                Outcome::Done(result) => result,
                Outcome::WouldBlock(_) => OpResult::Done(Err(VfsError::Io)),
            };
            // The task waits for every result before it ends.
            let _ = results.send((id, result));
        });
    }

    /// Takes over the messages that the core wants sent.
    fn collect(&mut self) {
        while let Some(frame) = self.connection.poll_transmit() {
            self.queued_bytes += frame.bytes().len();
            self.outbox.push_back(frame);
        }
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
                    Some((id, result)) => {
                        let _ = self.finished(id, result);
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

/// Waits until `deadline`, for ever without one.
pub(super) async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
