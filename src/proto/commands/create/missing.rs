//! [MS-FSA] 2.1.5.1.1 Creation of a New File: a file or directory where no name is, a named stream where none is.

use std::sync::Arc;

use freehold_acl::{AccessMask, FileAccess, create_access_check, create_descriptor, file_access_check};
use freehold_dtyp::NtStatus;

use super::super::super::changes;
use super::super::super::context::{Context, StepResult};
use super::super::super::node::NodeKey;
use super::super::super::op::Op;
use super::super::super::status::CommandError;
use super::intent::{Intent, Wanted};
use super::{Stage, Work, admit, audit, by, close, failed, inheriting, local, posix};
use crate::fsa::disposition::{CreateAction, check_deletable};
use crate::fsa::{CacheRequest, LinkId, StreamId};
use crate::fscc::FileAttributes;
use crate::smb2::create::CreateOptions;
use crate::vfs::{FileRef, NewNode, NodeKind, OpenError, Opened, VfsError};

/// A named stream that is being made.
pub(super) struct NewStream {
    /// Access that its creator gets.
    granted: AccessMask,
    /// Its file.
    base: FileRef,
}

/// The name is not there; its directory is.
pub(super) fn name(cx: &mut Context<'_>, work: Work, parent: Opened) -> StepResult {
    match prepare(cx, &work, &parent) {
        Ok((new, granted)) => {
            // INVARIANT: the root of a volume is always there.
            let name = work.intent.path.split_last().map(|(_, name)| name.to_owned()).unwrap_or_default();
            let op = Op::Create {
                volume: work.volume.clone(),
                parent: parent.file.clone(),
                name,
                new: Box::new(new),
            };
            work.then(op, Stage::Creating(granted, parent.file))
        }
        Err(error) => {
            let error = audit::refused_in(cx, &work, &parent, to_add(&work.intent), error);
            close(cx, parent.file);
            Err(error)
        }
    }
}

/// Checks a creation; what to make, and the access that the creator gets.
fn prepare(cx: &Context<'_>, work: &Work, parent: &Opened) -> Result<(NewNode, AccessMask), CommandError> {
    let intent = &work.intent;
    intent.disposition.on_missing()?;
    work.check_writable()?;
    let is_directory = intent.wanted == Wanted::Directory;
    if intent.trailing_separator && !is_directory {
        return Err(NtStatus::OBJECT_NAME_INVALID.into());
    }
    check_parent(cx, work, parent)?;
    if !intent.share_allows.contains(to_add(intent)) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let backup = intent.options.contains(CreateOptions::OPEN_FOR_BACKUP_INTENT);
    let granted = create_access_check(&parent.security, &intent.token, intent.desired, is_directory, backup)?
        & (intent.share_allows | AccessMask::ACCESS_SYSTEM_SECURITY);
    if intent.options.contains(CreateOptions::DELETE_ON_CLOSE) {
        check_deletable(intent.attributes.bits(), false)?;
    }
    if intent.attributes.contains(FileAttributes::ENCRYPTED) {
        // No volume encrypts file by file; a caller that insists must know.
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    check_lease_key(cx, work)?;
    let security =
        create_descriptor(Some(&parent.security), intent.security.as_deref(), &intent.token, is_directory)?;
    let security = posix::secured(intent.posix, security)?;
    audit::may_proceed(cx, work, &security, granted)?;
    let mut attributes = intent.attributes & FileAttributes::SETTABLE;
    if !is_directory {
        attributes |= FileAttributes::ARCHIVE;
    }
    let new = NewNode {
        kind: if is_directory { NodeKind::Directory } else { NodeKind::File },
        attributes,
        security: Arc::new(security),
        extended_attributes: intent.extended_attributes.clone(),
        allocation_bytes: if intent.stream.is_none() { intent.allocation_bytes } else { 0 },
        no_compression: intent.options.contains(CreateOptions::NO_COMPRESSION),
        now: cx.now.wall,
        case: intent.case(),
    };
    Ok((new, granted))
}

/// The right to make it that the directory must grant.
fn to_add(intent: &Intent) -> AccessMask {
    match intent.wanted {
        Wanted::Directory => AccessMask::FILE_ADD_SUBDIRECTORY,
        Wanted::Any | Wanted::File => AccessMask::FILE_ADD_FILE,
    }
}

/// Nothing is made in a directory that goes with its last open.
fn check_parent(cx: &Context<'_>, work: &Work, parent: &Opened) -> Result<(), CommandError> {
    let key = NodeKey { volume: work.volume.id, id: parent.metadata.id };
    match cx.server.nodes.find(key) {
        Some(cell) => {
            let node = cell.lock();
            let goes = node.is_delete_pending(StreamId::UNNAMED, LinkId::ONLY) || node.is_being_deleted();
            if goes { Err(NtStatus::DELETE_PENDING.into()) } else { Ok(()) }
        }
        None => Ok(()),
    }
}

/// [MS-SMB2] 3.3.5.9.8: a lease key that is in use is another file's, or of one with the same name in another folder.
fn check_lease_key(cx: &Context<'_>, work: &Work) -> Result<(), CommandError> {
    match work.intent.cache {
        CacheRequest::Lease(lease)
            if !cx.server.leases.may_claim_new(
                &lease.id,
                &work.intent.folded_stream,
                work.intent.seen_as.as_ref(),
            ) =>
        {
            Err(NtStatus::INVALID_PARAMETER.into())
        }
        CacheRequest::Lease(_) | CacheRequest::Oplock(_) => Ok(()),
    }
}

/// The file or directory is made, or somebody else was faster.
pub(super) fn created(
    cx: &mut Context<'_>,
    work: Work,
    granted: AccessMask,
    parent: FileRef,
    result: Result<Opened, OpenError>,
) -> StepResult {
    match result {
        Ok(made) if cx.server.inheritance.generation() != work.generation => {
            inheriting::start(cx, work, granted, parent, made)
        }
        Ok(made) => {
            close(cx, parent);
            made_complete(cx, work, granted, made)
        }
        Err(error) => {
            close(cx, parent);
            match failed(error) {
                VfsError::Exists => work.again(),
                VfsError::NotFound => Err(NtStatus::OBJECT_PATH_NOT_FOUND.into()),
                error => Err(error.into()),
            }
        }
    }
}

/// The file or directory is there, with the descriptor that it is to have.
pub(super) fn made_complete(
    cx: &mut Context<'_>,
    work: Work,
    granted: AccessMask,
    made: Opened,
) -> StepResult {
    let is_directory = made.metadata.kind == NodeKind::Directory;
    changes::report_added(cx.server, work.volume.id, &made.path, is_directory, by(cx, &work));
    if work.intent.stream.is_some() {
        return make_stream(cx, work, granted, made.file);
    }
    local::admit(cx, work, Box::new(made), CreateAction::Created, granted)
}

/// The file is there, its named stream is not.
pub(super) fn stream(cx: &mut Context<'_>, work: Work, file: Opened) -> StepResult {
    match check_stream(cx, &work, &file) {
        Ok(granted) => make_stream(cx, work, granted, file.file),
        Err(error) => {
            let error = audit::refused(cx, &work, &file, error);
            close(cx, file.file);
            Err(error)
        }
    }
}

fn check_stream(cx: &Context<'_>, work: &Work, file: &Opened) -> Result<AccessMask, CommandError> {
    let intent = &work.intent;
    check_parent(cx, work, file)?;
    intent.disposition.on_missing()?;
    work.check_writable()?;
    if !intent.share_allows.contains(AccessMask::FILE_WRITE_DATA) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let attributes = file.metadata.attributes;
    let granted = file_access_check(&FileAccess {
        // Making a stream writes to the file.
        required: AccessMask::FILE_WRITE_DATA,
        backup_intent: intent.options.contains(CreateOptions::OPEN_FOR_BACKUP_INTENT),
        read_only: file.metadata.kind == NodeKind::File && attributes.contains(FileAttributes::READONLY),
        ..FileAccess::new(&file.security, &intent.token, intent.desired)
    })?;
    audit::may_proceed(cx, work, &file.security, granted)?;
    check_lease_key(cx, work)?;
    if intent.options.contains(CreateOptions::DELETE_ON_CLOSE) {
        check_deletable(attributes.bits(), false)?;
    }
    Ok(granted & (intent.share_allows | AccessMask::ACCESS_SYSTEM_SECURITY))
}

fn make_stream(cx: &Context<'_>, work: Work, granted: AccessMask, base: FileRef) -> StepResult {
    let op = Op::CreateStream {
        volume: work.volume.clone(),
        file: base.clone(),
        name: work.intent.stream.clone().unwrap_or_default(),
        now: cx.now.wall,
    };
    work.then(op, Stage::CreatingStream(NewStream { granted, base }))
}

/// The named stream is made, or somebody else was faster.
pub(super) fn stream_created(
    cx: &mut Context<'_>,
    work: Work,
    stream: NewStream,
    result: Result<Opened, OpenError>,
) -> StepResult {
    close(cx, stream.base);
    match result {
        Ok(made) => {
            changes::report_stream_added(cx.server, work.volume.id, &made.path, by(cx, &work));
            admit::admit(cx, work, Box::new(made), CreateAction::Created, stream.granted)
        }
        Err(error) => match failed(error) {
            VfsError::Exists => work.again(),
            error => Err(error.into()),
        },
    }
}
