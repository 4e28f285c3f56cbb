//! FileRenameInformation and FileLinkInformation ([MS-SMB2] 3.3.5.21.1, [MS-FSA] 2.1.5.15.12 and 2.1.5.15.7): a new name for a
//! file, a directory or a stream, one more name for a file. SET_INFO decodes the request and calls [`decide`].
//!
//! ```text
//! decide --> waits for cached handles --> OpeningTarget --nothing there: its directory--> Changing --> done
//!    |                                          |--something there--> OpeningParent --'
//!    '--> of a stream: waits for cached handles --> ListingStreams, where one may be replaced --> ChangingStream --> done
//! ```

use std::sync::Arc;
use std::time::Duration;

use freehold_acl::{AccessMask, FileAccess, GenericMapping, access_check, file_access_check};
use freehold_dtyp::{NtStatus, Wtf8Buf};

use super::super::audit::{self, OpenAudit};
use super::super::caching::{self, BreakWait, Registration};
use super::super::changes;
use super::super::commands;
use super::super::context::{Context, Step, StepResult, file_of};
use super::super::data_change::{self, Care};
use super::super::dfs;
use super::super::directory_lease::By;
use super::super::event::Wake;
use super::super::node::{NodeCell, NodeKey, link_of_path};
use super::super::op::{Op, OpResult, VolumeRef};
use super::super::open::{FileOpen, Open};
use super::super::persistent;
use super::super::status::CommandError;
use super::set_info;
use crate::fsa::{DELETION_RETRY, FsaError, LinkId, ShareAccess, StreamId};
use crate::fscc::file_info::RenameInformation;
use crate::fscc::name::{NewStreamName, NewStreamType, ParsedName};
use crate::fscc::posix_name::parse_posix_path;
use crate::fscc::{FileAttributes, upcase};
use crate::vfs::{
    DataUse, Existing, FileRef, Metadata, NameCase, NodeKind, OpenError, Opened, VfsError, VfsPath,
};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameChange {
    /// FileRenameInformation
    Rename,
    /// FileLinkInformation
    Link,
}

/// A change under way.
struct Work {
    change: NameChange,
    open: Arc<Open>,
    volume: VolumeRef,
    to: VfsPath,
    /// The new name of the stream; `None` where the file gets one.
    stream: Option<Wtf8Buf>,
    replace: bool,
    /// Through a POSIX open: rename(2) and link(2).
    posix: bool,
    /// What the file was before, where something of it must be put back, or added.
    before: Option<Box<Metadata>>,
    /// The new name is one of the file's already.
    onto_itself: bool,
}

/// What a change under way waits for.
pub struct Pending {
    work: Work,
    stage: Stage,
}

enum Stage {
    /// What the file is now is being asked for.
    Before,
    /// The new name is being looked up.
    OpeningTarget,
    /// The directory of the new name is being opened; what has the name now, unless it is the file itself.
    OpeningParent(Option<Box<Opened>>),
    /// The directory of a new name that is not one of a stream, while a stream is open, is being opened.
    OpeningStreamParent,
    /// The file's streams are being listed, for the size of the one that has the name now.
    ListingStreams,
    /// The volume does it; the path before, and what is replaced.
    Changing(VfsPath, Option<Replaced>),
    /// The volume renames the stream; the new name.
    ChangingStream(Wtf8Buf),
}

/// A file whose place is taken.
struct Replaced {
    path: VfsPath,
    /// What is recorded of its deletion.
    audit: Option<Arc<OpenAudit>>,
}

/// A change that waits until cached handles are closed.
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
}

/// Checks the request and starts it.
///
/// # Errors
/// ACCESS_DENIED, INVALID_PARAMETER, OBJECT_NAME_INVALID, OBJECT_NAME_COLLISION, SHARING_VIOLATION, OBJECT_PATH_NOT_FOUND,
/// OBJECT_TYPE_MISMATCH, FILE_IS_A_DIRECTORY, DELETE_PENDING, NOT_SUPPORTED.
pub fn decide(
    cx: &mut Context<'_>,
    open: &Arc<Open>,
    change: NameChange,
    request: &RenameInformation<'_>,
) -> StepResult {
    let file = file_of(open)?;
    let (volume, share_path) = open.tree.disk().ok_or(NtStatus::INVALID_PARAMETER)?;
    if file.snapshot.is_some() {
        // A name leads into the present, which is another volume.
        return Err(NtStatus::NOT_SAME_DEVICE.into());
    }
    if request.root_directory != 0 || request.file_name.is_empty() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if change == NameChange::Rename && !open.granted.contains(AccessMask::DELETE) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let directory = file.kind == NodeKind::Directory && file.stream.is_none();
    if change == NameChange::Link {
        // 2.1.5.15.7: only a file as a whole has names.
        if file.stream.is_some() {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if directory {
            return Err(NtStatus::FILE_IS_A_DIRECTORY.into());
        }
    }
    let work = Work {
        change,
        open: Arc::clone(open),
        volume: volume.clone(),
        to: VfsPath::root(),
        stream: None,
        replace: request.replace_if_exists,
        posix: file.posix,
        before: None,
        onto_itself: false,
    };
    if change == NameChange::Rename && !file.posix && NewStreamName::is_meant(request.file_name) {
        let name = NewStreamName::from_utf16le(request.file_name).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        return rename_stream(cx, work, file, name);
    }
    let name = if file.posix {
        parse_posix_path(request.file_name)?
    } else {
        ParsedName::from_utf16le(request.file_name)?
    };
    let below = VfsPath::new(name.path).ok_or(NtStatus::OBJECT_NAME_INVALID)?;
    let work = Work { to: share_path.join(&below), ..work };
    if file.stream.is_some() {
        // Windows opens the directory of a new name before it looks at the rest.
        let parent = work.to.split_last().map(|(parent, _)| parent).unwrap_or_default();
        return work.open(parent, Stage::OpeningStreamParent);
    }
    // A backslash at the end says that a directory is meant, as in CREATE: jcifs ends the names of all directories so.
    if name.stream.is_some() || below.is_root() || (name.trailing_separator && !directory) {
        return Err(NtStatus::OBJECT_NAME_INVALID.into());
    }
    if !open.tree.maximal_access.contains(added(directory)) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if directory && dfs::is_way_to_folders(cx, &open.tree, &file.file.0.path()) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    work.start(cx)
}

/// Goes on with what an operation found or did.
///
/// # Errors
/// As [`decide`], and what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { mut work, stage } = pending;
    match stage {
        Stage::Before => {
            work.before = Some(Box::new(result.metadata()?));
            work.open_target()
        }
        Stage::OpeningTarget => target_opened(cx, work, opened(result)?),
        Stage::OpeningParent(target) => parent_opened(cx, work, target, opened(result)?),
        Stage::OpeningStreamParent => stream_parent_opened(cx, work, opened(result)?),
        Stage::ListingStreams => streams_listed(cx, work, result),
        Stage::Changing(from, replaced) => changed(cx, &work, &from, replaced.as_ref(), result),
        Stage::ChangingStream(to) => {
            result.done().map_err(stream_error)?;
            let file = file_of(&work.open)?;
            // A handle that has become one of the unnamed stream is found by no name: no other has a colon.
            let folded = if to.is_empty() { Wtf8Buf::from(":") } else { upcase::fold(to.as_wtf8()) };
            file.node.lock().rename_stream(file.stream_id, folded.as_wtf8());
            persistent::stream_renamed(cx.server, file, to.as_wtf8(), cx.before_reply);
            done(cx)
        }
    }
}

/// Goes on after a wait.
///
/// # Errors
/// CANCELLED; FILE_CLOSED when the open is gone.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    let Parked { work, wait } = parked;
    // First: the end of a wait takes the request out of the node's line, which it joins anew where more is to be waited for.
    drop(wait);
    file_of(&work.open)?.state.lock().leave_line(cx.waiter);
    match wake {
        Wake::Retry | Wake::TimedOut if work.stream.is_some() => work.start_stream(cx),
        Wake::Retry | Wake::TimedOut => work.start(cx),
        Wake::Cancelled => Err(NtStatus::CANCELLED.into()),
        Wake::Closed => Err(NtStatus::FILE_CLOSED.into()),
    }
}

/// The right that a directory must give to who puts something into it.
const fn added(directory: bool) -> AccessMask {
    if directory { AccessMask::FILE_ADD_SUBDIRECTORY } else { AccessMask::FILE_ADD_FILE }
}

fn opened(result: OpResult) -> Result<Result<Opened, OpenError>, CommandError> {
    match result {
        OpResult::Opened(result) => Ok(result),
        _ => Err(CommandError::Internal("the result is not of an open")),
    }
}

fn close(cx: &mut Context<'_>, file: FileRef) {
    cx.before_reply.push_back(Op::Close { file });
}

/// SET_INFO's reply: nothing but its size ([MS-SMB2] 2.2.40).
fn done(cx: &mut Context<'_>) -> StepResult {
    cx.reply(&crate::smb2::set_info::SetInfoResponse)
}

impl Work {
    fn then(self, op: Op, stage: Stage) -> StepResult {
        let pending = set_info::Pending::Rename(Pending { work: self, stage });
        Ok(Step::Op(op, commands::Pending::SetInfo(Box::new(pending))))
    }

    fn park(self, cx: &Context<'_>, wait: BreakWait) -> StepResult {
        if !file_of(&self.open)?.state.lock().enter_line(cx.waiter) {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        let parked = set_info::Parked::Rename(Parked { work: self, wait });
        Ok(Step::Park(commands::Parked::SetInfo(Box::new(parked))))
    }

    fn is_directory(&self) -> bool {
        self.open.as_file().is_some_and(|file| file.kind == NodeKind::Directory)
    }

    /// How the new name is looked up.
    fn case(&self) -> NameCase {
        match self.open.tree.disk() {
            Some((_, share_path)) if self.posix => NameCase::Exact { from: share_path.components().count() },
            _ => NameCase::Ignored,
        }
    }

    fn open(self, path: VfsPath, stage: Stage) -> StepResult {
        let data_use = DataUse { write: false, case: self.case() };
        let op = Op::Open { volume: self.volume.clone(), path, stream: None, data_use };
        self.then(op, stage)
    }

    fn open_parent(self, target: Option<Box<Opened>>) -> StepResult {
        let parent = self.to.split_last().map(|(parent, _)| parent).unwrap_or_default();
        self.open(parent, Stage::OpeningParent(target))
    }

    /// The new name, in a directory whose path is known as it is on disk.
    fn into_directory(mut self, directory: &VfsPath) -> Self {
        let name = self.to.split_last().and_then(|(_, name)| VfsPath::new(name.to_owned()));
        if let Some(name) = name {
            self.to = directory.join(&name);
        }
        self
    }

    /// Other opens of what is moved, then the new name.
    fn start(self, cx: &mut Context<'_>) -> StepResult {
        let file = file_of(&self.open)?;
        if file.state.lock().closed {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        if !self.posix {
            let node = file.node.lock();
            if node.is_delete_pending(StreamId::UNNAMED, node.link_of(self.open.id())) {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
        }
        if self.change == NameChange::Rename {
            let from = file.file.0.path();
            let (_, share_path) = self.open.tree.disk().ok_or(NtStatus::INVALID_PARAMETER)?;
            if share_path.is_within(&from) {
                // The share's own folder stays where it is.
                return Err(NtStatus::ACCESS_DENIED.into());
            }
            if self.is_directory() && self.to != from && self.to.is_within(&from) {
                return Err(NtStatus::INVALID_PARAMETER.into());
            }
            if file.node.lock().has_other_stream_opens(self.open.id()) {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
        }
        // [MS-FSA] 2.1.4.12: a new name takes cached handles, and so does one more name.
        let wait = caching::break_for_name(cx.server, &file.node, Some(&self.open), cx.waiter, cx.now);
        if let Some(wait) = wait {
            return self.park(cx, wait);
        }
        if self.change == NameChange::Rename
            && self.is_directory()
            && let Some(wait) = check_nothing_open_below(cx, &self.volume, &file.file.0.path(), self.posix)?
        {
            return self.park(cx, wait);
        }
        let settles = !self.posix && !self.is_directory() && data_change::care_of(file) != Care::None;
        if settles && self.before.is_none() {
            let op = Op::Metadata { file: file.file.clone() };
            return self.then(op, Stage::Before);
        }
        self.open_target()
    }

    fn open_target(self) -> StepResult {
        let to = self.to.clone();
        self.open(to, Stage::OpeningTarget)
    }

    /// The file has this very name already ([MS-FSA] 2.1.5.15.12): its path, with the new name as it is spelled.
    fn changes_nothing(&self, from: &VfsPath) -> bool {
        self.change == NameChange::Rename && self.to == *from
    }

    /// Other opens of the stream that is renamed, then the stream that has its new name.
    fn start_stream(self, cx: &mut Context<'_>) -> StepResult {
        let file = file_of(&self.open)?;
        if file.state.lock().closed {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        if let Some(wait) =
            caching::break_for_name(cx.server, &file.node, Some(&self.open), cx.waiter, cx.now)
        {
            return self.park(cx, wait);
        }
        let name = self.stream.clone().unwrap_or_default();
        if name.is_empty() {
            check_unnamed(&self, file)?;
            return self.change_stream(cx, name);
        }
        match (is_open(file, &name), self.replace) {
            (true, true) => Err(NtStatus::INVALID_PARAMETER.into()),
            (true, false) => Err(NtStatus::OBJECT_NAME_COLLISION.into()),
            // Only an empty one is replaced.
            (false, true) => {
                let op = Op::Streams { file: file.file.clone() };
                self.then(op, Stage::ListingStreams)
            }
            (false, false) => self.change_stream(cx, name),
        }
    }

    fn change_stream(self, cx: &Context<'_>, name: Wtf8Buf) -> StepResult {
        let op = Op::RenameStream {
            file: file_of(&self.open)?.file.clone(),
            to: name.clone(),
            existing: if self.replace { Existing::Replace } else { Existing::Keep },
            now: cx.now.wall,
        };
        self.then(op, Stage::ChangingStream(name))
    }
}

/// [MS-FSA] 2.1.4.2: a directory below which something is open is not moved. Handles that clients only keep in their
/// caches are asked for first: `Some` when there is such a wait. A POSIX rename takes along what is open through POSIX opens.
fn check_nothing_open_below(
    cx: &Context<'_>,
    volume: &VolumeRef,
    path: &VfsPath,
    posix: bool,
) -> Result<Option<BreakWait>, CommandError> {
    let mut below = false;
    for session in cx.server.sessions.values() {
        for other in session.opens() {
            let matters = |file: &&FileOpen| file.node.key.volume == volume.id && !(posix && file.posix);
            let Some(file) = other.as_file().filter(matters) else { continue };
            let other_path = file.file.0.path();
            if other_path == *path || !other_path.is_within(path) {
                continue;
            }
            below = true;
            if let Some(wait) = caching::break_for_name(cx.server, &file.node, None, cx.waiter, cx.now) {
                return Ok(Some(wait));
            }
        }
    }
    if below { Err(NtStatus::ACCESS_DENIED.into()) } else { Ok(None) }
}

/// What has the new name now.
fn target_opened(cx: &mut Context<'_>, mut work: Work, result: Result<Opened, OpenError>) -> StepResult {
    match result {
        Ok(target) if target.metadata.id == file_of(&work.open)?.node.key.id => {
            close(cx, target.file);
            match work.change {
                // rename(2): two names of one file both stay.
                NameChange::Rename if work.posix && target.path != file_of(&work.open)?.file.0.path() => {
                    done(cx)
                }
                // Only the spelling changes; or the file has that name as well, and keeps it.
                NameChange::Rename => {
                    work.onto_itself = target.path != file_of(&work.open)?.file.0.path();
                    work.open_parent(None)
                }
                NameChange::Link if work.replace => done(cx),
                NameChange::Link => Err(NtStatus::OBJECT_NAME_COLLISION.into()),
            }
        }
        Ok(target) => match check_target(cx, &work, &target) {
            Ok(None) => work.open_parent(Some(Box::new(target))),
            Ok(Some(wait)) => {
                close(cx, target.file);
                work.park(cx, wait)
            }
            Err(error) => {
                close(cx, target.file);
                Err(error)
            }
        },
        Err(OpenError::NotFound(parent)) => {
            let checked = check_parent(cx, &work, &parent);
            close(cx, parent.file);
            match checked? {
                Some(wait) => work.park(cx, wait),
                None => change(cx, work.into_directory(&parent.path), None),
            }
        }
        Err(error) => Err(path_error(error)),
    }
}

fn path_error(error: OpenError) -> CommandError {
    match error {
        OpenError::Failed(error) => error.into(),
        OpenError::NotFound(_)
        | OpenError::StreamNotFound(_)
        | OpenError::PathNotFound
        | OpenError::NotADirectory
        | OpenError::Reparse { .. } => NtStatus::OBJECT_PATH_NOT_FOUND.into(),
    }
}

/// [MS-FSA] 2.1.5.15.12: what may be replaced. `Some` when its cached handles must be closed first.
fn check_target(cx: &Context<'_>, work: &Work, target: &Opened) -> Result<Option<BreakWait>, CommandError> {
    if !work.replace {
        return Err(NtStatus::OBJECT_NAME_COLLISION.into());
    }
    let read_only = target.metadata.attributes.contains(FileAttributes::READONLY);
    // rename(2) replaces a directory by a directory, if it is empty: the volume looks.
    let directories = target.metadata.kind == NodeKind::Directory || work.is_directory();
    if (directories && !work.posix) || read_only {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if work.posix {
        match (target.metadata.kind, work.is_directory()) {
            (NodeKind::Directory, false) => return Err(NtStatus::FILE_IS_A_DIRECTORY.into()),
            (NodeKind::File, true) => return Err(NtStatus::NOT_A_DIRECTORY.into()),
            (NodeKind::Directory, true) | (NodeKind::File, false) => {}
        }
    }
    let key = NodeKey { volume: work.volume.id, id: target.metadata.id };
    let Some(cell) = cx.server.nodes.find(key) else { return Ok(None) };
    if !work.posix && cell.lock().is_delete_pending(StreamId::UNNAMED, link_of_path(&target.path)) {
        return Err(NtStatus::DELETE_PENDING.into());
    }
    if let Some(wait) = caching::break_for_name(cx.server, &cell, None, cx.waiter, cx.now) {
        return Ok(Some(wait));
    }
    let mut node = cell.lock();
    if node.is_being_deleted() {
        // The name is about to be free.
        node.add_waiter(caching::waiter_of(cx.waiter));
        drop(node);
        let deadline = cx.now.monotonic.saturating_add(DELETION_RETRY);
        return Ok(Some(BreakWait::new(deadline, Registration::new(cell, cx.waiter))));
    }
    // What is open through POSIX opens loses its name and goes on.
    let free = node.is_unused() || (work.posix && node.has_only_posix_opens());
    if free { Ok(None) } else { Err(NtStatus::ACCESS_DENIED.into()) }
}

/// The directory that gets the name: it is opened for adding to it, shared for reading and writing, as far as share modes
/// are concerned, and must grant it. `Some` when cached handles of it must be closed first.
fn check_parent(cx: &Context<'_>, work: &Work, parent: &Opened) -> Result<Option<BreakWait>, CommandError> {
    let key = NodeKey { volume: work.volume.id, id: parent.metadata.id };
    if let Some(cell) = cx.server.nodes.find(key)
        && let Err(error) = check_parent_sharing(work, &cell)
    {
        // [MS-FSA] 2.1.5.1.2, OPEN_BREAK_H: handles that are open in caches only may be closed.
        let wait = (error == FsaError::SharingViolation)
            .then(|| caching::break_for_name(cx.server, &cell, None, cx.waiter, cx.now))
            .flatten();
        return wait.map(Some).ok_or(error.into());
    }
    let token = cx.token()?;
    access_check(&parent.security, &token, added(work.is_directory()), &GenericMapping::FILE)?;
    Ok(None)
}

/// Share access of the directory that gets the name.
fn check_parent_sharing(work: &Work, cell: &NodeCell) -> Result<(), FsaError> {
    cell.lock().check_share_access(added(work.is_directory()), ShareAccess::READ | ShareAccess::WRITE)
}

/// The directory of the new name is open.
fn parent_opened(
    cx: &mut Context<'_>,
    work: Work,
    target: Option<Box<Opened>>,
    result: Result<Opened, OpenError>,
) -> StepResult {
    let (replaced, target_security) = match target {
        Some(target) => {
            let target = *target;
            close(cx, target.file);
            (Some(target.path), Some(target.security))
        }
        None => (None, None),
    };
    let parent = result.map_err(path_error)?;
    let mut checked = check_parent(cx, &work, &parent);
    let mut audit = None;
    if let (Ok(None), Some(security), Some(path)) = (&checked, &target_security, &replaced) {
        // Who replaces a file deletes it.
        let token = cx.token()?;
        let access = FileAccess {
            parent: Some(&parent.security),
            ..FileAccess::new(security, &token, AccessMask::DELETE)
        };
        checked = file_access_check(&access).map(|_| None).map_err(CommandError::from);
        match audit::replaces(cx, &work.open, (path, security), checked.is_ok()) {
            Ok(found) => audit = found,
            Err(error) => checked = Err(error),
        }
    }
    close(cx, parent.file);
    match checked? {
        Some(wait) => work.park(cx, wait),
        None => {
            let replaced = replaced.map(|path| Replaced { path, audit });
            let work = work.into_directory(&parent.path);
            if work.changes_nothing(&file_of(&work.open)?.file.0.path()) {
                return done(cx);
            }
            change(cx, work, replaced)
        }
    }
}

/// Everything is allowed: the volume does it.
fn change(cx: &mut Context<'_>, work: Work, replaced: Option<Replaced>) -> StepResult {
    let file: &FileOpen = file_of(&work.open)?;
    let existing = match (replaced.is_some() || work.onto_itself, work.posix) {
        (true, false) => Existing::Replace,
        (false, false) => Existing::Keep,
        (true, true) => Existing::ReplaceExact,
        (false, true) => Existing::KeepExact,
    };
    let (volume, handle, to, now) = (work.volume.clone(), file.file.clone(), work.to.clone(), cx.now.wall);
    let from = handle.0.path();
    let op = match work.change {
        NameChange::Rename => Op::Rename { volume, file: handle, to, existing, now },
        NameChange::Link => Op::Link { volume, file: handle, to, existing, now },
    };
    work.then(op, Stage::Changing(from, replaced))
}

fn changed(
    cx: &mut Context<'_>,
    work: &Work,
    from: &VfsPath,
    replaced: Option<&Replaced>,
    result: OpResult,
) -> StepResult {
    let volume = work.volume.id;
    let node = &file_of(&work.open)?.node;
    let by = By { parent_key: node.lock().parent_key_of(work.open.id()), now: cx.now };
    match work.change {
        NameChange::Rename => {
            let to = result.renamed()?;
            if let Some(replaced) = replaced {
                changes::report_removed(cx.server, volume, &replaced.path, false);
                if let Some(audit) = &replaced.audit {
                    audit::replaced(cx, audit, &replaced.path);
                }
            }
            node.lock().rename_link(link_of_path(from), link_of_path(&to));
            cx.server.inheritance.moved(volume, from, &to);
            changes::report_renamed(cx.server, volume, from, &to, work.is_directory(), by);
            persistent::renamed(cx.server, cx.before_reply);
        }
        NameChange::Link => {
            result.done()?;
            // From now on it matters through which of its links the file is opened.
            node.lock().rename_link(LinkId::ONLY, link_of_path(from));
            if let Some(Replaced { path, audit: Some(audit) }) = replaced {
                audit::replaced(cx, audit, path);
            }
            cx.server.inheritance.moved(volume, from, &work.to);
            changes::report_added(cx.server, volume, &work.to, false, by);
        }
    }
    if let Some(before) = &work.before {
        // A file with another name, or one more, is to be archived; a change time that the client keeps stays.
        data_change::settle(cx, file_of(&work.open)?, before);
    }
    done(cx)
}

/// [MS-FSA] 2.1.5.15.12.1, up to what has to be looked up: a stream stays with its file.
fn rename_stream(cx: &mut Context<'_>, work: Work, file: &FileOpen, new: NewStreamName) -> StepResult {
    let is_directory = file.kind == NodeKind::Directory;
    if new.name.is_empty() && is_directory {
        // A directory has no data.
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let is_index = is_directory && file.stream.is_none();
    let fits = match new.stream_type {
        NewStreamType::Data => !is_index,
        NewStreamType::IndexAllocation => is_index,
        NewStreamType::Other => false,
    };
    if !fits {
        return Err(NtStatus::OBJECT_TYPE_MISMATCH.into());
    }
    if is_index {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let same = file.node.lock().find_stream(upcase::fold(new.name.as_wtf8()).as_wtf8());
    if same == Some(file.stream_id) {
        return done(cx);
    }
    if file.stream.is_none() {
        // DIFFERS: NTFS makes the file's data a named stream, and the handle one of that. What does so hides a running program.
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    Work { stream: Some(new.name), ..work }.start_stream(cx)
}

/// True when somebody has the stream of that name open, and it is not the one of this open.
fn is_open(file: &FileOpen, name: &Wtf8Buf) -> bool {
    let node = file.node.lock();
    let taken = node.find_stream(upcase::fold(name.as_wtf8()).as_wtf8());
    taken.is_some_and(|id| id != file.stream_id && node.opens_of(id) > 0)
}

/// Only a stream that has no data gives its name to another.
fn streams_listed(cx: &mut Context<'_>, work: Work, result: OpResult) -> StepResult {
    let streams = result.streams()?;
    let name = work.stream.clone().unwrap_or_default();
    let folded = upcase::fold(name.as_wtf8());
    let taken = streams.iter().find(|stream| upcase::fold(stream.name.as_wtf8()) == folded);
    let has_data = taken.is_some_and(|stream| stream.size_bytes != 0);
    if has_data || is_open(file_of(&work.open)?, &name) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    work.change_stream(cx, name)
}

/// A named stream becomes the file's data: nobody else may have either of the two open.
fn check_unnamed(work: &Work, file: &FileOpen) -> Result<(), CommandError> {
    if !work.replace {
        return Err(NtStatus::OBJECT_NAME_COLLISION.into());
    }
    let node = file.node.lock();
    if node.opens_of(StreamId::UNNAMED) > 0 {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    // DIFFERS: where the other handles of the stream would have to become ones of the file's data.
    if node.opens_of(file.stream_id) > 1 { Err(NtStatus::ACCESS_DENIED.into()) } else { Ok(()) }
}

/// The status of a stream that could not be renamed: the unnamed one is replaced only while it is empty.
fn stream_error(error: CommandError) -> CommandError {
    match error {
        CommandError::Vfs(VfsError::NotEmpty | VfsError::IsADirectory) => NtStatus::INVALID_PARAMETER.into(),
        other => other,
    }
}

fn stream_parent_opened(cx: &mut Context<'_>, work: Work, result: Result<Opened, OpenError>) -> StepResult {
    let parent = result.map_err(path_error)?;
    let cell = cx.server.nodes.find(NodeKey { volume: work.volume.id, id: parent.metadata.id });
    let checked = cell.map_or(Ok(()), |cell| check_parent_sharing(&work, &cell));
    close(cx, parent.file);
    checked?;
    Err(NtStatus::INVALID_PARAMETER.into())
}
