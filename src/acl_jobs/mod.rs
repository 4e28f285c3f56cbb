//! Access-control lists of whole trees: what an administrator changes on a folder reaches everything below it.
//!
//! Owns the changes of one object ([`AclJobs::change`]), the jobs that hand them down ([MS-DTYP] 2.5.3.4 with automatic
//! inheritance), one at a time on a volume, each in the state database until it has ended, and the thread that runs
//! them. Everything goes through the opened volumes, so that cached descriptors stay true and watchers hear of it.
//! Knows nothing of names of accounts, of text forms or of the administration socket.
//!
//! # Why no file is missed
//! A folder's descriptor is in place before the folder is listed, so whatever is made later inherits it. A creation that has
//! read the folder's descriptor before is caught by CREATE itself (`proto::inheritance`); a rename within the tree is
//! told to the walk, which looks at the new place again. Each object is read, computed and stored in one step of the
//! volume, from what its folder has at that moment: of two changes of a folder the later one stays. A job that was
//! interrupted goes on where it was, and then looks at the whole tree once more.

mod change;
mod node;
mod record;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use freehold_dtyp::{FileTime, Wtf8Buf};
use parking_lot::Mutex;

use crate::proto::op::VolumeRef;
use crate::proto::server::Server;
use crate::state::{AclJob, AclJobProgress, AclJobStatus, State, StateError};
use crate::vfs::VfsPath;

pub use change::{AclError, Changed, Found};
pub use record::Recorder;

/// How much slower than the rest of the server the walks may be scheduled.
const NICE: i32 = 10;

/// The jobs of one server.
pub struct AclJobs {
    core: Arc<Server>,
    state: Arc<State>,
    volumes: HashMap<String, VolumeRef>,
    recorder: Arc<dyn Recorder>,
    stop: AtomicBool,
    workers: Mutex<HashMap<String, Worker>>,
    /// How far the running jobs are, newer than in the database.
    live: Mutex<HashMap<i64, Live>>,
}

struct Worker {
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

/// A running job.
#[derive(Clone, Debug, Default)]
struct Live {
    progress: AclJobProgress,
    current: Wtf8Buf,
}

/// A job and how far it is.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// The job, with the newest counts.
    pub job: AclJob,
    /// What it looks at now, below the volume's root; empty when it does not run.
    pub current: Wtf8Buf,
}

impl AclJobs {
    /// For these volumes, by their names in the configuration; what SACLs ask for is given to `recorder`.
    #[must_use]
    pub fn new(
        core: Arc<Server>,
        state: Arc<State>,
        volumes: HashMap<String, VolumeRef>,
        recorder: Arc<dyn Recorder>,
    ) -> Arc<Self> {
        Arc::new(AclJobs {
            core,
            state,
            volumes,
            recorder,
            stop: AtomicBool::new(false),
            workers: Mutex::default(),
            live: Mutex::default(),
        })
    }

    /// The protocol core: accounts and the server's names.
    #[must_use]
    pub fn core(&self) -> &Arc<Server> {
        &self.core
    }

    /// Takes up what the last run of the server left. Blocks on disk.
    pub fn resume(self: &Arc<Self>) {
        let jobs = match self.state.acl_jobs() {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "jobs on access-control lists cannot be read");
                return;
            }
        };
        for job in jobs.iter().filter(|job| !job.status.is_ended()) {
            if job.status == AclJobStatus::Preparing {
                self.finish_preparing(job);
            }
            tracing::info!(job = job.id, volume = job.work.volume, path = %job.work.path, "a job on access-control lists goes on");
            self.wake(&job.work.volume);
        }
    }

    /// The root of the tree has its new descriptor, or gets it now; unless somebody has changed it since.
    fn finish_preparing(&self, job: &AclJob) {
        let set = || {
            let (before, after) = job.work.root.as_ref()?;
            let volume = self.volumes.get(&job.work.volume)?;
            let path = VfsPath::new(job.work.path.clone())?;
            let opened = node::open(volume, &path).ok()?;
            let now = FileTime::from_system_time(std::time::SystemTime::now());
            opened.file.0.replace_security(before, &Arc::new(after.clone()), now).ok()
        };
        if set().is_none() {
            tracing::warn!(job = job.id, "the root of a tree could not be looked at");
        }
        if let Err(error) = self.state.queue_acl_job(job.id) {
            tracing::error!(job = job.id, %error, "a job on access-control lists cannot be queued");
        }
    }

    /// Has the volume's jobs looked at.
    fn wake(self: &Arc<Self>, volume: &str) {
        if self.stop.load(Ordering::SeqCst) {
            return;
        }
        let mut workers = self.workers.lock();
        if let Some(worker) = workers.get(volume) {
            // Fails only when the thread is gone, after a panic: then another one is made.
            if worker.wake.send(()).is_ok() {
                return;
            }
        }
        let (wake, woken) = channel();
        let jobs = Arc::clone(self);
        let name = volume.to_owned();
        let spawned =
            std::thread::Builder::new().name("acl-jobs".to_owned()).spawn(move || jobs.work(&name, &woken));
        match spawned {
            Ok(thread) => {
                let _ = wake.send(());
                workers.insert(volume.to_owned(), Worker { wake, thread });
            }
            Err(error) => tracing::error!(%error, "no thread for jobs on access-control lists"),
        }
    }

    /// The thread of a volume.
    fn work(&self, volume: &str, woken: &Receiver<()>) {
        // Clients come first. On Linux this is of the calling thread alone.
        let _ = rustix::process::setpriority_process(None, NICE);
        while woken.recv().is_ok() {
            loop {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                match self.state.next_acl_job(volume) {
                    Ok(Some(job)) => self.run(&job),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(%error, "jobs on access-control lists cannot be read");
                        break;
                    }
                }
            }
        }
    }

    fn run(&self, job: &AclJob) {
        self.live.lock().insert(job.id, Live { progress: job.progress.clone(), ..Live::default() });
        let (status, progress) = match self.volumes.get(&job.work.volume) {
            Some(volume) => walk::run(self, volume, job),
            None => {
                let errors = format!("there is no volume {} any more", job.work.volume);
                (AclJobStatus::Failed, AclJobProgress { errors, ..job.progress.clone() })
            }
        };
        if status.is_ended() {
            tracing::info!(
                job = job.id,
                volume = job.work.volume,
                path = %job.work.path,
                status = status.word(),
                visited = progress.visited,
                changed = progress.changed,
                failed = progress.failed,
                "a job on access-control lists has ended"
            );
        }
        self.keep(job.id, status, &progress);
        self.live.lock().remove(&job.id);
    }

    /// Keeps a job's state; what cannot be kept is done again after a restart.
    fn keep(&self, id: i64, status: AclJobStatus, progress: &AclJobProgress) {
        if let Err(error) = self.state.keep_acl_job(id, status, progress) {
            tracing::error!(job = id, %error, "the progress of a job on access-control lists cannot be kept");
        }
    }

    /// Tells what a running job looks at.
    fn show(&self, id: i64, progress: &AclJobProgress, current: &VfsPath) {
        if let Some(live) = self.live.lock().get_mut(&id) {
            live.progress = progress.clone();
            live.current = current.as_wtf8().to_owned();
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// All jobs, oldest first, the latest ended ones among them.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn report(&self) -> Result<Vec<JobReport>, StateError> {
        let jobs = self.state.acl_jobs()?;
        let live = self.live.lock();
        let report = |mut job: AclJob| {
            let mut current = Wtf8Buf::new();
            if let Some(live) = live.get(&job.id).filter(|_| !job.status.is_ended()) {
                job.progress = live.progress.clone();
                job.status = AclJobStatus::Running;
                current = live.current.clone();
            }
            JobReport { job, current }
        };
        Ok(jobs.into_iter().map(report).collect())
    }

    /// Ends the threads; what they were at goes on when the server runs again. Waits for the object under way.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let workers = std::mem::take(&mut *self.workers.lock());
        for worker in workers.into_values() {
            drop(worker.wake);
            if worker.thread.join().is_err() {
                tracing::error!("a thread of jobs on access-control lists has panicked");
            }
        }
    }
}
