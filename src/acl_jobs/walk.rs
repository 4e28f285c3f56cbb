//! The walk through a tree: folder by folder, in the order of listings, with one open handle a level.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_acl::{AclEdit, is_dacl_protected, is_sacl_protected};
use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::AclJobs;
use super::node::{self, Changer, NodeError};
use crate::proto::inheritance::Walk;
use crate::proto::op::VolumeRef;
use crate::state::{AclJob, AclJobProgress, AclJobStatus};
use crate::vfs::{DirectoryCursor, FileRef, NodeId, Opened, VfsError, VfsPath, listing_order};

/// Names taken from a listing at once.
const BATCH: usize = 64;
/// Deepest folder below the root of a tree.
const MAX_DEPTH: usize = 4096;
/// Objects between two looks at the clock.
const TICK: u64 = 64;
/// How often progress is kept: so much is looked at again after a crash.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Failures that are kept with their reasons.
const MAX_ERRORS: u64 = 20;
/// Longest text that is kept of them, in bytes.
const MAX_ERROR_BYTES: usize = 8192;
/// How long a walk waits in the end for renames that the volume has done but nobody has told of yet.
const GRACE: Duration = Duration::from_millis(20);
/// Most times that a tree is walked because more was moved in it than could be kept in mind.
const MAX_PASSES: u32 = 64;

/// Why a walk ends early.
enum End {
    /// The server stops.
    Stopped,
    /// An object could not be changed, and the job is not to go on.
    Failed,
}

/// A folder on the way.
struct Level {
    folder: FileRef,
    cursor: Option<DirectoryCursor>,
    names: VecDeque<Entry>,
    /// Where an interrupted walk goes on: what comes before this in the order of listings is done.
    resume: Option<Resume>,
}

struct Entry {
    name: Wtf8Buf,
    id: NodeId,
}

struct Resume {
    name: Wtf8Buf,
    /// Below it; `None` when the entry itself is done, too.
    below: Option<VfsPath>,
}

impl Resume {
    fn at(path: &VfsPath) -> Option<Resume> {
        let name = path.components().next()?.to_owned();
        let rest: Vec<_> = path.components().skip(1).collect();
        let below = rest.iter().fold(VfsPath::root(), |path, part| {
            VfsPath::new((*part).to_owned()).map_or(path.clone(), |part| path.join(&part))
        });
        Some(Resume { name, below: (!below.is_root()).then_some(below) })
    }
}

impl Level {
    fn new(folder: FileRef, resume: Option<&VfsPath>) -> Self {
        Level {
            folder,
            cursor: Some(DirectoryCursor::default()),
            names: VecDeque::new(),
            resume: resume.and_then(Resume::at),
        }
    }

    fn next(&mut self) -> Result<Option<Entry>, VfsError> {
        while self.names.is_empty() {
            let Some(cursor) = self.cursor else { return Ok(None) };
            let names = &mut self.names;
            self.cursor = self.folder.0.list(cursor, &mut |name, metadata| {
                let fits = names.len() < BATCH;
                if fits {
                    names.push_back(Entry { name: name.to_owned(), id: metadata.id });
                }
                fits
            })?;
        }
        Ok(self.names.pop_front())
    }
}

struct Walker<'a> {
    jobs: &'a AclJobs,
    volume: &'a VolumeRef,
    id: i64,
    walk: Arc<Walk>,
    changer: Changer<'a>,
    edit: Option<&'a AclEdit>,
    sacl: bool,
    continue_on_error: bool,
    progress: AclJobProgress,
    /// The way through the tree is kept, for another run to go on.
    records: bool,
    kept: Instant,
}

/// Runs a job from where it stands; what became of it.
pub(super) fn run(jobs: &AclJobs, volume: &VolumeRef, job: &AclJob) -> (AclJobStatus, AclJobProgress) {
    let Some(root) = VfsPath::new(job.work.path.clone()) else {
        return (AclJobStatus::Failed, job.progress.clone());
    };
    let walk = jobs.core.inheritance.begin(volume.id, root);
    let mut walker = Walker {
        jobs,
        volume,
        id: job.id,
        walk: Arc::clone(&walk),
        changer: Changer::new(jobs, volume),
        edit: job.work.edit.as_ref(),
        sacl: job.work.sacl,
        // What is handed down goes as far as it can; an edit of each object stops where one cannot be made.
        continue_on_error: job.work.continue_on_error || job.work.edit.is_none(),
        progress: job.progress.clone(),
        records: true,
        kept: Instant::now(),
    };
    let interrupted = job.status == AclJobStatus::Running;
    jobs.keep(job.id, AclJobStatus::Running, &walker.progress);
    let end = walker.run(interrupted);
    jobs.core.inheritance.end(&walk);
    let status = match end {
        Ok(()) => AclJobStatus::Done,
        Err(End::Failed) => AclJobStatus::Failed,
        Err(End::Stopped) => AclJobStatus::Running,
    };
    if status.is_ended() {
        walker.progress.position = None;
    }
    if status == AclJobStatus::Done
        && walker.progress.changed > 0
        && let Err(error) = volume.volume.sync()
    {
        // What is lost with the machine's power is not known any more.
        tracing::error!(%error, "the volume could not be synced at the end of a job");
    }
    (status, walker.progress)
}

impl Walker<'_> {
    fn run(&mut self, interrupted: bool) -> Result<(), End> {
        let resume = self.progress.position.take().and_then(VfsPath::new);
        self.tree(&self.walk.root(), resume.as_ref())?;
        self.records = false;
        self.moved()?;
        self.edits_are_made();
        let mut again = self.walk.take_overflow() || interrupted;
        let mut passes = 0;
        while again && passes < MAX_PASSES {
            // Nobody knows what was moved while the server did not run, or what there was no room for.
            self.tree(&self.walk.root(), None)?;
            self.moved()?;
            again = self.walk.take_overflow();
            passes += 1;
        }
        std::thread::sleep(GRACE);
        self.moved()
    }

    /// What the job does to each object itself is done: others may change that from now on. What is handed down is not.
    fn edits_are_made(&mut self) {
        self.progress.position = None;
        if self.edit.take().is_some() {
            self.changer = Changer::new(self.jobs, self.volume);
            if let Err(error) = self.jobs.state.acl_job_edited(self.id) {
                tracing::error!(job = self.id, %error, "the progress of a job on access-control lists cannot be kept");
            }
        }
    }

    /// Looks again at what was moved within the tree.
    fn moved(&mut self) -> Result<(), End> {
        loop {
            let moved: BTreeSet<VfsPath> = self.walk.take_moved().into_iter().collect();
            if moved.is_empty() {
                return Ok(());
            }
            for path in moved {
                let root = self.walk.root();
                let Some((parent, _)) = path.split_last() else { continue };
                if path == root || !path.is_within(&root) {
                    continue;
                }
                // Gone again, or moved on: then there is another path for it.
                let Ok(parent) = node::open(self.volume, &parent) else { continue };
                if let Some(opened) = self.visit(&parent.file, &path, None)?
                    && node::is_folder(&opened)
                {
                    self.levels(Level::new(opened.file, None), &root)?;
                }
            }
        }
    }

    /// Everything below `root`.
    fn tree(&mut self, root: &VfsPath, resume: Option<&VfsPath>) -> Result<(), End> {
        let opened = match node::open(self.volume, root) {
            Ok(opened) => opened,
            Err(error) => {
                self.failed(root, &error.into());
                return Err(End::Failed);
            }
        };
        if !node::is_folder(&opened) {
            return Ok(());
        }
        self.levels(Level::new(opened.file, resume), root)
    }

    fn levels(&mut self, top: Level, root: &VfsPath) -> Result<(), End> {
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            let folder = level.folder.clone();
            let entry = match level.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    levels.pop();
                    if !levels.is_empty() {
                        self.finished(&folder.0.path(), root);
                    }
                    continue;
                }
                Err(error) => {
                    levels.pop();
                    self.failed(&folder.0.path(), &error.into());
                    self.go_on()?;
                    continue;
                }
            };
            let Some(name) = VfsPath::new(entry.name.clone()) else { continue };
            let path = folder.0.path().join(&name);
            let below = match skip(level, entry.name.as_wtf8()) {
                Skip::No => None,
                Skip::Done => continue,
                Skip::Into(below) => Some(below),
            };
            if let Some(below) = below {
                // Looked at before the interruption; what is in it was not, or not all.
                if let Ok(opened) = node::open(self.volume, &path)
                    && node::is_folder(&opened)
                {
                    levels.push(Level::new(opened.file, Some(&below)));
                }
                continue;
            }
            let opened = self.visit(&folder, &path, Some(entry.id))?;
            match opened {
                Some(opened) if node::is_folder(&opened) && !self.ends_here(&opened) => {
                    if levels.len() < MAX_DEPTH {
                        levels.push(Level::new(opened.file, None));
                    } else {
                        self.failed(&path, &VfsError::OutOfRange.into());
                        self.go_on()?;
                    }
                }
                _ => self.finished(&path, root),
            }
        }
        Ok(())
    }

    /// Nothing of what the job hands down goes beyond a folder whose lists are protected.
    fn ends_here(&self, folder: &Opened) -> bool {
        let Ok(security) = folder.file.0.security() else { return false };
        self.edit.is_none() && is_dacl_protected(&security) && (!self.sacl || is_sacl_protected(&security))
    }

    /// Puts one object right. `None` when it is gone, or could not be changed.
    fn visit(
        &mut self,
        folder: &FileRef,
        path: &VfsPath,
        expected: Option<NodeId>,
    ) -> Result<Option<Opened>, End> {
        if self.jobs.is_stopping() {
            return Err(End::Stopped);
        }
        let opened = match node::open(self.volume, path) {
            // Another file has the name by now: it was made or moved here since, and is looked at then.
            Ok(opened) if expected.is_some_and(|id| id != opened.metadata.id) => return Ok(None),
            Ok(opened) => opened,
            Err(VfsError::NotFound | VfsError::NotADirectory) => return Ok(None),
            Err(error) => {
                self.failed(path, &error.into());
                self.go_on()?;
                return Ok(None);
            }
        };
        self.progress.visited += 1;
        match self.changer.put_right(folder, &opened, self.edit) {
            Ok(changed) => self.progress.changed += u64::from(changed),
            // What Linux keeps no attribute for has what it inherits, always; and what is gone is gone.
            Err(NodeError::Volume(VfsError::NotSupported | VfsError::NotFound)) => {}
            Err(error) => {
                self.failed(path, &error);
                self.go_on()?;
                return Ok(None);
            }
        }
        if self.progress.visited.is_multiple_of(TICK) {
            self.jobs.show(self.id, &self.progress, path);
            if self.kept.elapsed() >= KEEP_EVERY {
                self.jobs.keep(self.id, AclJobStatus::Running, &self.progress);
                self.kept = Instant::now();
            }
        }
        Ok(Some(opened))
    }

    /// An object, and everything in it, is done.
    fn finished(&mut self, path: &VfsPath, root: &VfsPath) {
        let length = root.as_wtf8().as_bytes().len();
        if self.records
            && path.is_within(root)
            && let Some(tail) = path.as_wtf8().as_bytes().get(length..)
        {
            let tail = tail.strip_prefix(b"/").unwrap_or(tail);
            self.progress.position = Wtf8::from_bytes(tail).map(Wtf8::to_owned);
        }
    }

    fn failed(&mut self, path: &VfsPath, error: &NodeError) {
        self.progress.failed += 1;
        tracing::warn!(job = self.id, path = %path.as_wtf8(), %error, "an access-control list was not changed");
        let errors = &mut self.progress.errors;
        if self.progress.failed <= MAX_ERRORS && errors.len() < MAX_ERROR_BYTES {
            // Writing to a string does not fail.
            let _ = writeln!(errors, "{}: {error}", path.as_wtf8());
        }
    }

    fn go_on(&self) -> Result<(), End> {
        if self.continue_on_error { Ok(()) } else { Err(End::Failed) }
    }
}

enum Skip {
    No,
    Done,
    Into(VfsPath),
}

/// What an interrupted walk does with an entry.
fn skip(level: &mut Level, name: Wtf8<'_>) -> Skip {
    let Some(resume) = &level.resume else { return Skip::No };
    match listing_order(name, resume.name.as_wtf8()) {
        Ordering::Less => Skip::Done,
        Ordering::Equal => match level.resume.take().and_then(|resume| resume.below) {
            Some(below) => Skip::Into(below),
            None => Skip::Done,
        },
        Ordering::Greater => {
            level.resume = None;
            Skip::No
        }
    }
}

#[cfg(test)]
mod tests;
