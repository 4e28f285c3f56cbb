//! Counts in the background what was there before anybody asked for its usage: a volume without usage that can be relied on, what is
//! below a folder that has just got a quota.
//!
//! Limits hold meanwhile for what is known so far, and changes are charged as always.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use freehold_quotas::Subject;
use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::ledger::Folder;
use crate::vfs::quotas;

/// Files between two lines of the log.
const TOLD_FILES: u64 = 100_000;

/// What is to be counted.
pub(super) enum What {
    Everything,
    Folders(Vec<Folder>),
}

struct Job {
    what: What,
    files: AtomicU64,
}

#[derive(Default)]
pub(super) struct Counting {
    jobs: Mutex<Vec<Arc<Job>>>,
    done: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Takes a job away when it is done, however it ends.
struct Ending {
    shared: Weak<Shared>,
    job: Arc<Job>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.counting.jobs.lock().retain(|job| !Arc::ptr_eq(job, &self.job));
            shared.counting.done.notify_all();
        }
    }
}

impl Counting {
    /// What is being counted now.
    pub(super) fn now(&self) -> Option<quotas::Counting> {
        let jobs = self.jobs.lock();
        if jobs.is_empty() {
            return None;
        }
        let mut now = quotas::Counting::default();
        for job in jobs.iter() {
            now.files += job.files.load(Ordering::Relaxed);
            match &job.what {
                What::Everything => now.everything = true,
                What::Folders(folders) => now.folders.extend(folders.iter().map(|folder| folder.quota.id)),
            }
        }
        Some(now)
    }

    /// Waits until nothing is being counted, but no longer than `at_most`.
    pub(super) fn wait(&self, at_most: Duration) {
        let end = Instant::now() + at_most;
        let mut jobs = self.jobs.lock();
        while !jobs.is_empty() {
            if self.done.wait_until(&mut jobs, end).timed_out() {
                break;
            }
        }
    }

    /// Waits until nothing is being counted.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Begins to count, while clients work.
    pub(super) fn count_in_background(&self, what: What) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        let Some(shared) = self.own.upgrade() else { return };
        let job = Arc::new(Job { what, files: AtomicU64::new(0) });
        self.counting.jobs.lock().push(Arc::clone(&job));
        let ending = Ending { shared: self.own.clone(), job };
        let started = std::thread::Builder::new().name("quota-count".to_owned()).spawn(move || {
            shared.run(&ending.job);
            drop(ending);
        });
        match started {
            Ok(thread) => {
                let mut threads = self.counting.threads.lock();
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread);
            }
            Err(error) => {
                tracing::error!(%error, "usage is not counted: run `freehold quota recount`");
            }
        }
    }

    fn run(&self, job: &Job) {
        let started = Instant::now();
        let label = &self.inner.identity().label;
        let mut told = 0;
        let mut progress = |files: u64| {
            job.files.store(files, Ordering::Relaxed);
            if files >= told + TOLD_FILES {
                told = files;
                tracing::info!(volume = label, files, "usage is being counted");
            }
            !self.stop.load(Ordering::Relaxed)
        };
        let counted = match &job.what {
            What::Everything => self.count_all(true, &mut progress),
            What::Folders(folders) => self.count_folders(folders, &mut progress),
        };
        let seconds = started.elapsed().as_secs();
        match counted {
            Ok(found) if found.stopped => {}
            Ok(found) => tracing::info!(volume = label, files = found.files, seconds, "usage was counted"),
            Err(error) => {
                tracing::error!(volume = label, %error, "usage could not be counted: run `freehold quota recount`");
            }
        }
    }

    /// After a folder quota's account was found to be right.
    pub(super) fn is_counted(&self, account: &super::account::Account) {
        if let (Some(durable), Some(row), Subject::Folder(_)) =
            (&self.ledger.durable, account.row, account.subject)
        {
            durable.folder_is_counted(row);
        }
    }
}
