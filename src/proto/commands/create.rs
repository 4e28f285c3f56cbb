//! [MS-SMB2] 3.3.5.9 Receiving an SMB2 CREATE Request, with the rules of [MS-FSA] 2.1.5.1.
//!
//! A request becomes an `intent::Intent`: what it wants, checked as far as that goes without looking at the disk. One
//! operation then opens the path; what is found decides what follows:
//!
//! ```text
//! Opening --found--> (Parent) --access--> (OpeningData) --> admit --> Open  existing.rs, local.rs
//!    |                                      |-----> Overwriting --> Open    admit.rs
//!    |                                      '-----> parked, then Opening again
//!    |--symbolic link--> ReadingLink --> STOPPED_ON_SYMLINK                 symlink.rs
//!    |--no such name--> Creating (--> Inheriting) (--> CreatingStream) --> admit   missing.rs, inheriting.rs
//!    '--no such stream--> CreatingStream --> admit
//! ```
//!
//! A name that appears or goes between two operations starts it again. A request that takes up an open which is there
//! already, or comes a second time, goes through `reconnect.rs` instead. Knows nothing of sockets or of the disk.

mod admit;
mod apple;
mod audit;
mod durable;
mod existing;
mod inheriting;
mod intent;
mod local;
mod missing;
mod pipe;
mod posix;
mod quota;
mod reconnect;
mod reply;
mod symlink;

use std::sync::Arc;
use std::time::Duration;

use freehold_acl::{AccessMask, SecurityDescriptor};
use freehold_dtyp::{FileTime, NtStatus};

use super::super::audit::share_checked;
use super::super::caching::{BreakWait, Registration};
use super::super::commands;
use super::super::context::{Context, Step, StepResult};
use super::super::directory_lease::By;
use super::super::event::Wake;
use super::super::node::NodeCell;
use super::super::op::{Op, OpResult, VolumeRef};
use super::super::status::CommandError;
use super::super::teardown;
use super::super::tree_connect::ShareTarget;
use crate::smb2::create::CreateRequest;
use crate::smb2::{Command, DecodeMessage};
use crate::vfs::{DataUse, FileRef, NodeKind, OpenError, Opened, VfsError};

/// How often a request starts again because names appear and go meanwhile.
const MAX_ATTEMPTS: u32 = 16;

/// A request under way.
struct Work {
    intent: intent::Intent,
    volume: VolumeRef,
    /// Times it has started again because of a race.
    attempts: u32,
    /// It has waited for a break.
    waited: bool,
    /// The descriptor of the parent directory, once it had to be looked at.
    parent: Option<Arc<SecurityDescriptor>>,
    /// What [`Inheritance::generation`](super::super::inheritance::Inheritance::generation) was before anything was looked at.
    generation: u64,
    /// What it wants beyond the life of its session.
    durable: Option<Box<durable::Wanted>>,
    /// What stands behind its cache, where programs of this machine can break it.
    backing: Option<local::Backing>,
}

/// What a request under way waits for.
pub struct Pending {
    /// `None` where the open is there already.
    work: Option<Work>,
    stage: Stage,
}

enum Stage {
    /// The snapshot is being looked for.
    FindingSnapshot(FileTime),
    /// The path is being opened.
    Opening,
    /// The directory that holds what was found is being opened, for its descriptor.
    Parent(Box<Opened>),
    /// The data of what was found is being opened, for the sake of programs of this machine.
    OpeningData(Box<local::Opening>),
    /// The reparse buffer of what was found is being read; the number of components behind it.
    ReadingLink,
    /// The file or directory is being made; access that its creator gets.
    Creating(AccessMask, FileRef),
    /// It is made, while folders' descriptors changed: what it inherits is looked at again.
    Inheriting(Box<inheriting::Inheriting>),
    /// The named stream is being made.
    CreatingStream(missing::NewStream),
    /// What was found is being emptied.
    Overwriting(Box<admit::Overwrite>),
    /// The share's root is being opened for the index of its quotas.
    QuotaIndex,
    /// The open is there; the metadata of its file is being asked for.
    Known(Box<reconnect::Known>),
    /// The open is there and is being written to the store of persistent opens.
    Persisting(Box<admit::Persisting>),
}

/// A request that waits for a break of somebody's cache, or for somebody to close.
pub struct Parked {
    work: Work,
    wait: BreakWait,
}

impl Parked {
    /// When the wait is over in any case, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        Some(self.wait.deadline)
    }

    /// The file whose use it waits for.
    #[must_use]
    pub fn waits_for(&self) -> &NodeCell {
        self.wait.cell()
    }

    /// Its client can send it again and find out what became of it.
    #[must_use]
    pub fn can_be_replayed(&self) -> bool {
        self.work.durable.as_ref().is_some_and(|wanted| wanted.pending.is_some())
    }
}

/// Checks the request and starts it.
///
/// # Errors
/// Every status that 3.3.5.9 and [MS-FSA] 2.1.5.1 name for what can be seen in the request itself.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = CreateRequest::decode(&cx.request.message)?;
    let tree = Arc::clone(cx.tree()?);
    share_checked(cx, &tree, &request)?;
    match &tree.share.target {
        ShareTarget::Pipes => pipe::decide(cx, &request),
        ShareTarget::Disk { volume, path } => {
            let asked = durable::Asked::read(cx.link.dialect(), &request)?;
            if let Some(wanted) = asked.reconnect {
                return reconnect::decide(cx, &request, &asked, wanted, &tree, path);
            }
            let pending = match &asked.v2 {
                Some(wanted) => match reconnect::came_before(cx, &request, &asked, wanted, &tree)? {
                    reconnect::Came::New(pending) => Some(pending),
                    reconnect::Came::Again(known) => return known.start(),
                },
                None => None,
            };
            let durable = durable::Wanted::new(&asked, &request, pending);
            let intent = intent::Intent::new(cx, &request, &tree, path)?;
            let generation = cx.server.inheritance.generation();
            let timewarp = intent.timewarp;
            let volume = volume.clone();
            let work = Work {
                intent,
                volume,
                attempts: 0,
                waited: false,
                parent: None,
                generation,
                durable,
                backing: None,
            };
            match timewarp {
                Some(time) => work.find_snapshot(time),
                None if work.intent.quota_index => quota::decide(work),
                None => work.open(),
            }
        }
    }
}

/// Goes on with what an operation found or did.
///
/// # Errors
/// As [`decide`], for what only the volume can tell.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { work, stage } = pending;
    let work = match (stage, work) {
        (Stage::Known(known), _) => return reconnect::finish(cx, *known, result),
        (Stage::Persisting(persisting), _) => return admit::persisted(cx, *persisting, result),
        (stage, Some(work)) => (stage, work),
        (_, None) => return Err(CommandError::Internal("a CREATE without its request")),
    };
    let (stage, work) = work;
    match stage {
        Stage::FindingSnapshot(time) => work.snapshot_found(cx, time, result),
        Stage::Opening => match opened(result)? {
            Ok(found) if work.intent.empty_component => {
                close(cx, found.file);
                // [MS-FSA] 2.1.5.1, phase 6: whose directory is not there comes before what is no name.
                Err(match found.metadata.kind {
                    NodeKind::Directory => NtStatus::OBJECT_NAME_INVALID.into(),
                    NodeKind::File => NtStatus::OBJECT_PATH_NOT_FOUND.into(),
                })
            }
            Ok(found) => existing::found(cx, work, Box::new(found)),
            Err(error) => work.not_opened(cx, error),
        },
        Stage::QuotaIndex => quota::found(cx, work, opened(result)?.map_err(failed)?),
        Stage::Parent(found) => existing::parent_found(cx, work, found, opened(result)?),
        Stage::OpeningData(opening) => local::opened(cx, work, *opening, result),
        Stage::ReadingLink => Err(symlink::stopped(&work.intent, 0, &result.bytes()?)),
        Stage::Creating(granted, parent) => missing::created(cx, work, granted, parent, opened(result)?),
        Stage::Inheriting(state) => inheriting::finish(cx, work, *state, result),
        Stage::CreatingStream(stream) => missing::stream_created(cx, work, stream, opened(result)?),
        Stage::Overwriting(overwrite) => admit::overwritten(cx, work, *overwrite, result),
        Stage::Known(_) | Stage::Persisting(_) => Err(CommandError::Internal("a CREATE in two states")),
    }
}

/// Goes on after a wait: starts again with what is there now.
///
/// # Errors
/// CANCELLED; FILE_CLOSED when the session is over.
pub fn resume(_: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    match wake {
        Wake::Retry | Wake::TimedOut => {
            let mut work = parked.work;
            work.waited = true;
            work.parent = None;
            work.open()
        }
        Wake::Cancelled => Err(NtStatus::CANCELLED.into()),
        Wake::Closed => Err(NtStatus::FILE_CLOSED.into()),
    }
}

/// A request was carried out, and the audit log could not be written: nobody is told that it was done, what a CREATE
/// has opened is closed again, and whom a SESSION_SETUP has logged on is logged off.
///
/// # Errors
/// Always AUDIT_FAILED.
pub fn not_recorded(cx: &mut Context<'_>) -> StepResult {
    if cx.request.header.command == Command::CREATE
        && let Some(id) = cx.related_file.take()
        && let Some(open) = cx.session()?.remove_open(id)
    {
        teardown::close_open(cx.server, &open, cx.before_reply, cx.now);
    }
    if cx.request.header.command == Command::SESSION_SETUP
        && let Some(channel) = cx.channel.take()
    {
        cx.server.end_session(&channel.session, cx.before_reply, cx.now);
    }
    Err(NtStatus::AUDIT_FAILED.into())
}

/// The result of an operation that opens.
fn opened(result: OpResult) -> Result<Result<Opened, OpenError>, CommandError> {
    match result {
        OpResult::Opened(result) => Ok(result),
        _ => Err(CommandError::Internal("the result is not of an open")),
    }
}

/// Who makes a new name or empties a file, as far as leases on the directory are concerned.
fn by(cx: &Context<'_>, work: &Work) -> By {
    By { parent_key: work.intent.cache.parent_key(), now: cx.now }
}

/// Lets the shell close a handle that is not needed any more.
fn close(cx: &mut Context<'_>, file: FileRef) {
    cx.before_reply.push_back(Op::Close { file });
}

impl Work {
    /// The next step: an operation, then `stage`.
    fn then(self, op: Op, stage: Stage) -> StepResult {
        Ok(Step::Op(op, commands::Pending::Create(Box::new(Pending { work: Some(self), stage }))))
    }

    /// 3.3.5.9.4 Handling the SMB2_CREATE_TIMEWARP_TOKEN Create Context: looks for the snapshot of that time.
    fn find_snapshot(self, time: FileTime) -> StepResult {
        let op = Op::Snapshot { volume: self.volume.clone(), time };
        self.then(op, Stage::FindingSnapshot(time))
    }

    /// Goes on in the snapshot; there is none of another time than asked for.
    fn snapshot_found(mut self, cx: &mut Context<'_>, time: FileTime, result: OpResult) -> StepResult {
        self.volume = cx.server.snapshot_volume(&self.volume, time, result.snapshot()?);
        self.open()
    }

    /// In a snapshot nothing is made, emptied or deleted.
    fn check_writable(&self) -> Result<(), CommandError> {
        if self.volume.identity.read_only { Err(NtStatus::MEDIA_WRITE_PROTECTED.into()) } else { Ok(()) }
    }

    /// Opens the path.
    fn open(self) -> StepResult {
        let op = Op::Open {
            volume: self.volume.clone(),
            path: self.intent.path.clone(),
            stream: self.intent.stream.clone(),
            data_use: DataUse { write: self.intent.wants_to_write(), case: self.intent.case() },
        };
        self.then(op, Stage::Opening)
    }

    /// Starts again after losing a race.
    fn again(mut self) -> StepResult {
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts > MAX_ATTEMPTS {
            return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
        }
        self.open()
    }

    /// [MS-FSA] 2.1.5.1, phase 6: what an open that found nothing means.
    fn not_opened(self, cx: &mut Context<'_>, error: OpenError) -> StepResult {
        match error {
            OpenError::NotFound(parent) if self.intent.empty_component => {
                close(cx, parent.file);
                Err(NtStatus::OBJECT_PATH_NOT_FOUND.into())
            }
            OpenError::NotFound(parent) => missing::name(cx, self, *parent),
            OpenError::StreamNotFound(file) => missing::stream(cx, self, *file),
            OpenError::PathNotFound | OpenError::NotADirectory => Err(NtStatus::OBJECT_PATH_NOT_FOUND.into()),
            OpenError::Reparse { index, data } => {
                Err(symlink::stopped_on_the_way(&self.intent, index, &data))
            }
            OpenError::Failed(error) => Err(CommandError::Vfs(error)),
        }
    }

    /// Waits in the line of a node; what was opened is closed and opened again after the wait.
    fn park(self, cx: &mut Context<'_>, cell: Arc<NodeCell>, deadline: Duration) -> StepResult {
        let wait = BreakWait::new(deadline, Registration::new(cell, cx.waiter));
        let parked = Parked { work: self, wait };
        Ok(Step::Park(commands::Parked::Create(Box::new(parked))))
    }
}

/// The volume's error of an operation that opens, where only [`OpenError::Failed`] makes sense.
fn failed(error: OpenError) -> VfsError {
    match error {
        OpenError::Failed(error) => error,
        OpenError::NotFound(_) | OpenError::StreamNotFound(_) | OpenError::PathNotFound => VfsError::NotFound,
        OpenError::NotADirectory | OpenError::Reparse { .. } => VfsError::NotADirectory,
    }
}
