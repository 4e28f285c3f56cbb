//! The writer of a log: one thread that appends what has come meanwhile and syncs it once, then answers all of it.
//!
//! A record counts as written when its bytes and those before it are on the disk. What waits is bounded by the queue's
//! size: who brings more waits for room ([`AuditLog::submit`]), so that clients are slowed and no record is dropped.
//!
//! When the disk refuses (full, broken), records are kept and written as soon as it takes them again, and until then
//!
//! - with [`OnFailure::Refuse`] the flag that the core looks at is set: what would be recorded is refused beforehand, and
//!   whoever waits is told so. Only what must happen all the same (handles of lost connections) is still recorded;
//! - with [`OnFailure::Continue`] work goes on.
//!
//! What does not fit the queue in that time is counted, and the count is recorded (4612) when the log works again.
//!
//! Lock order: `queue` is held alone, never across a system call.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use freehold_dtyp::FileTime;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::files::{self, Position};
use super::line::{self, Chain};
use super::record::{Batch, Detail, Record, time_text};

/// How long a log that cannot be written waits before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What happens to work that must be recorded while the log cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused.
    Refuse,
    /// It is done; what cannot be kept is counted.
    Continue,
}

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Its folder.
    pub folder: PathBuf,
    /// A file of this many bytes is followed by the next one.
    pub max_file_bytes: u64,
    /// A file of this age is followed by the next one.
    pub max_file_age: Duration,
    /// Files that are kept; 0 for all.
    pub keep_files: usize,
    /// Bytes of records that may wait.
    pub queue_bytes: u32,
    /// Each record is on the disk before it is answered for; otherwise it is with the operating system, which
    /// outlives this process but not a power failure.
    pub sync: bool,
    /// What happens while it cannot be written.
    pub on_failure: OnFailure,
    /// This server's name, for the log's own records.
    pub computer: String,
}

/// The log could not be written, and what was to be recorded must not be answered as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct NotRecorded;

/// Called once the records are written, or are not. Must not block.
pub type Done = Box<dyn FnOnce(Result<(), NotRecorded>) + Send>;

struct Waiting {
    batch: Batch,
    done: Done,
    _room: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    closing: bool,
}

struct Inner {
    queue: Mutex<Queue>,
    wake: Condvar,
    written: AtomicU64,
}

/// A log that is being written.
pub struct AuditLog {
    inner: Arc<Inner>,
    folder: PathBuf,
    room: Arc<Semaphore>,
    queue_bytes: u32,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the log and starts its thread. `refusing` is set while the log cannot be written.
    ///
    /// # Errors
    /// When the log cannot be opened: a server that cannot record must not start as if it could.
    pub fn open(options: LogOptions, refusing: Arc<AtomicBool>) -> io::Result<AuditLog> {
        let position = files::open(&options.folder, &now_text())?;
        let folder = options.folder.clone();
        let inner =
            Arc::new(Inner { queue: Mutex::default(), wake: Condvar::new(), written: AtomicU64::new(0) });
        let queue_bytes = options.queue_bytes.max(1);
        let room = Arc::new(Semaphore::new(queue_bytes as usize));
        let writer = Writer {
            inner: Arc::clone(&inner),
            on_disk: position.chain,
            position,
            options,
            refusing,
            unwritten: Vec::new(),
            broken: false,
            lost: 0,
        };
        let thread = std::thread::Builder::new().name("audit-log".to_owned()).spawn(move || writer.run())?;
        Ok(AuditLog { inner, folder, room, queue_bytes, thread: Mutex::new(Some(thread)) })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records that were written since the log was opened.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.inner.written.load(Ordering::Relaxed)
    }

    /// Gives records to the log. Never blocks.
    ///
    /// # Errors
    /// What was given when there is no room: [`AuditLog::submit`] waits for it.
    pub fn try_submit(&self, batch: Batch, done: Done) -> Result<(), (Batch, Done)> {
        match Arc::clone(&self.room).try_acquire_many_owned(self.size_of(&batch)) {
            Ok(room) => {
                self.push(Waiting { batch, done, _room: room });
                Ok(())
            }
            Err(_) => Err((batch, done)),
        }
    }

    /// Waits for room, in the order of asking, and gives records to the log.
    pub async fn submit(&self, batch: Batch, done: Done) {
        match Arc::clone(&self.room).acquire_many_owned(self.size_of(&batch)).await {
            Ok(room) => self.push(Waiting { batch, done, _room: room }),
            // INVARIANT: the semaphore is never closed.
            Err(_) => done(Err(NotRecorded)),
        }
    }

    /// Bytes of the queue that a batch takes.
    fn size_of(&self, batch: &Batch) -> u32 {
        u32::try_from(batch.size_bytes()).unwrap_or(u32::MAX).clamp(1, self.queue_bytes)
    }

    fn push(&self, waiting: Waiting) {
        let mut queue = self.inner.queue.lock();
        queue.waiting.push(waiting);
        let first = queue.waiting.len() == 1;
        drop(queue);
        if first {
            self.inner.wake.notify_one();
        }
    }

    /// Writes what waits and ends the thread.
    pub fn close(&self) {
        self.inner.queue.lock().closing = true;
        self.inner.wake.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the audit log's thread has panicked");
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn now_text() -> String {
    time_text(FileTime::from_system_time(SystemTime::now()))
}

struct Writer {
    inner: Arc<Inner>,
    position: Position,
    options: LogOptions,
    refusing: Arc<AtomicBool>,
    /// Chain of the last record that is on the disk.
    on_disk: Chain,
    /// Lines that are numbered and chained and not on the disk yet.
    unwritten: Vec<u8>,
    /// The last attempt failed.
    broken: bool,
    /// Records that did not fit while it was broken.
    lost: u64,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (waiting, closing) = self.next();
            if self.broken {
                self.while_broken(waiting);
            } else if !waiting.is_empty() {
                self.commit(waiting);
            }
            if closing {
                if !self.unwritten.is_empty() {
                    tracing::error!(
                        bytes = self.unwritten.len(),
                        "the server stops and the audit log still cannot be written: records are lost"
                    );
                }
                return;
            }
        }
    }

    /// What has come; waits for it, or for the next attempt.
    fn next(&mut self) -> (Vec<Waiting>, bool) {
        let mut queue = self.inner.queue.lock();
        while queue.waiting.is_empty() && !queue.closing {
            if self.broken {
                self.inner.wake.wait_for(&mut queue, RETRY_AFTER);
                break;
            }
            self.inner.wake.wait(&mut queue);
        }
        (std::mem::take(&mut queue.waiting), queue.closing)
    }

    /// Writes all of it with one sync and answers.
    fn commit(&mut self, waiting: Vec<Waiting>) {
        let mut count = 0;
        for each in &waiting {
            count += self.take(&each.batch);
        }
        let answer = match self.flush() {
            Ok(()) => {
                self.inner.written.fetch_add(count, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.breaks(&error);
                self.answer_while_broken()
            }
        };
        for each in waiting {
            (each.done)(answer);
        }
    }

    /// Numbers and chains a batch's records.
    fn take(&mut self, batch: &Batch) -> u64 {
        let position = &mut self.position;
        for record in batch.records() {
            position.chain = line::write(position.next_seq, record, position.chain, &mut self.unwritten);
            position.next_seq += 1;
        }
        batch.len() as u64
    }

    /// Brings `unwritten` to the disk: all of it, or it stays.
    fn flush(&mut self) -> io::Result<()> {
        self.rotate()?;
        let position = &mut self.position;
        let written = position.file.write_all(&self.unwritten).and_then(|()| match self.options.sync {
            true => position.file.sync_data(),
            false => Ok(()),
        });
        if let Err(error) = written {
            // Half a line must not stay in front of the next attempt's.
            let _ = position.file.set_len(position.size_bytes);
            let _ = position.file.seek(SeekFrom::Start(position.size_bytes));
            return Err(error);
        }
        position.size_bytes += self.unwritten.len() as u64;
        position.is_empty = false;
        self.on_disk = position.chain;
        self.unwritten.clear();
        Ok(())
    }

    /// Begins the next file when this one is full or old.
    fn rotate(&mut self) -> io::Result<()> {
        let is_full = self.position.size_bytes >= self.options.max_file_bytes;
        if self.position.is_empty || !(is_full || self.is_old()) {
            return Ok(());
        }
        // What waits to be written is numbered already: the next file begins with its first line.
        let first = self.unwritten.split(|byte| *byte == b'\n').next().and_then(line::parse);
        let Some(first) = first else { return Ok(()) };
        self.position.file.sync_data()?;
        let (next_seq, chain) = (self.position.next_seq, self.position.chain);
        self.position = files::begin(&self.options.folder, first.seq, self.on_disk, &now_text())?;
        (self.position.next_seq, self.position.chain) = (next_seq, chain);
        if let Err(error) = files::remove_oldest(&self.options.folder, self.options.keep_files) {
            tracing::warn!(%error, "an old file of the audit log could not be removed");
        }
        Ok(())
    }

    fn is_old(&self) -> bool {
        let now = SystemTime::now();
        let oldest = now.checked_sub(self.options.max_file_age).unwrap_or(SystemTime::UNIX_EPOCH);
        // The form of times is made to be compared as text.
        self.position.started < time_text(FileTime::from_system_time(oldest))
    }

    fn breaks(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.broken, true) {
            let refuse = self.options.on_failure == OnFailure::Refuse;
            self.refusing.store(refuse, Ordering::Release);
            tracing::error!(
                %error,
                folder = %self.options.folder.display(),
                refuse,
                "the audit log cannot be written; free space or mend the disk, it is tried every second. Until then \
                 what must be recorded is refused (audit.on_failure = \"refuse\") or goes on unrecorded (\"continue\")"
            );
        }
    }

    fn answer_while_broken(&self) -> Result<(), NotRecorded> {
        match self.options.on_failure {
            OnFailure::Refuse => Err(NotRecorded),
            OnFailure::Continue => Ok(()),
        }
    }

    /// Keeps what has come as far as there is room, and tries again.
    fn while_broken(&mut self, waiting: Vec<Waiting>) {
        let answer = self.answer_while_broken();
        for each in waiting {
            if self.unwritten.len() < self.options.queue_bytes as usize {
                self.take(&each.batch);
            } else {
                self.lost += each.batch.len() as u64;
            }
            (each.done)(answer);
        }
        let lost = self.lost;
        let before = (self.unwritten.len(), self.position.next_seq, self.position.chain);
        if lost > 0 {
            let mut batch = Batch::default();
            batch.push(&Record {
                time: FileTime::from_system_time(SystemTime::now()),
                success: true,
                computer: &self.options.computer,
                subject: None,
                detail: Detail::RecordsLost { count: lost },
            });
            self.take(&batch);
        }
        let kept = (self.position.next_seq, self.unwritten.len());
        match self.flush() {
            Ok(()) => {
                self.broken = false;
                self.lost = 0;
                self.refusing.store(false, Ordering::Release);
                tracing::warn!(lost, bytes = kept.1, "the audit log is written again");
            }
            Err(_) => {
                // The record of the loss is made anew next time: there may be more of it.
                self.unwritten.truncate(before.0);
                (self.position.next_seq, self.position.chain) = (before.1, before.2);
            }
        }
    }
}

#[cfg(test)]
mod tests;
