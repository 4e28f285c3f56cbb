//! [MS-FSA] 2.1.5.1.2 Open of an Existing File: type, attributes and access, up to the point where other opens matter.

use freehold_acl::{
    AccessError, AccessMask, FileAccess, file_access_check, maximal_file_access, within_share,
};
use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, StepResult};
use super::super::super::durable::close_older;
use super::super::super::node::{NodeKey, link_id};
use super::super::super::op::Op;
use super::super::super::status::CommandError;
use super::intent::Wanted;
use super::{Stage, Work, audit, close, durable, local, symlink};
use crate::fsa::StreamId;
use crate::fsa::disposition::{CreateAction, check_deletable, check_overwrite_attributes};
use crate::fscc::FileAttributes;
use crate::smb2::create::CreateOptions;
use crate::vfs::{DataUse, NodeKind, OpenError, Opened};

/// What is to be done with something that was found.
enum Next {
    /// Let it in with this access.
    Admit(CreateAction, AccessMask),
    /// The directory that holds it has a say.
    AskParent,
    /// It is a symbolic link.
    Link,
}

/// Rights that the parent directory can give.
const FROM_PARENT: AccessMask = AccessMask::DELETE.union(AccessMask::FILE_READ_ATTRIBUTES);

/// Goes on with what the path led to.
pub(super) fn found(cx: &mut Context<'_>, work: Work, found: Box<Opened>) -> StepResult {
    match examine(cx, &work, &found) {
        Ok(Next::Admit(action, granted)) => match take_from_older_instance(cx, &work, &found) {
            Ok(()) => local::admit(cx, work, found, action, granted),
            Err(error) => {
                close(cx, found.file);
                Err(error)
            }
        },
        Ok(Next::AskParent) => {
            // INVARIANT: the volume's root has no parent and is not sent here.
            let path = found.path.split_last().map(|(parent, _)| parent).unwrap_or_default();
            let data_use = DataUse::READ;
            let op = Op::Open { volume: work.volume.clone(), path, stream: None, data_use };
            work.then(op, Stage::Parent(found))
        }
        Ok(Next::Link) => {
            let file = found.file.clone();
            close(cx, found.file);
            work.then(Op::ReparseData { file }, Stage::ReadingLink)
        }
        Err(error) => {
            let error = audit::refused(cx, &work, &found, error);
            close(cx, found.file);
            Err(error)
        }
    }
}

/// Goes on when the directory that holds what was found is open.
pub(super) fn parent_found(
    cx: &mut Context<'_>,
    mut work: Work,
    found_file: Box<Opened>,
    parent: Result<Opened, OpenError>,
) -> StepResult {
    match parent {
        Ok(parent) => {
            work.parent = Some(parent.security);
            close(cx, parent.file);
            found(cx, work, found_file)
        }
        Err(_) => {
            // It was there a moment ago: somebody moved the file.
            close(cx, found_file.file);
            work.again()
        }
    }
}

fn examine(cx: &Context<'_>, work: &Work, found: &Opened) -> Result<Next, CommandError> {
    let intent = &work.intent;
    let attributes = found.metadata.attributes;
    if attributes.contains(FileAttributes::REPARSE_POINT)
        && !intent.options.contains(CreateOptions::OPEN_REPARSE_POINT)
    {
        return match found.metadata.reparse_tag {
            symlink::SYMLINK_TAG => Ok(Next::Link),
            symlink::DFS_TAG => Err(NtStatus::PATH_NOT_COVERED.into()),
            _ => Err(NtStatus::IO_REPARSE_TAG_NOT_HANDLED.into()),
        };
    }
    let action = intent.disposition.on_existing()?;
    if action != CreateAction::Opened || intent.options.contains(CreateOptions::DELETE_ON_CLOSE) {
        work.check_writable()?;
    }
    let is_directory = found.metadata.kind == NodeKind::Directory && intent.stream.is_none();
    check_type(work, is_directory)?;
    check_delete_pending(cx, work, found)?;

    let access = access(work, found, is_directory, action);
    if parent_matters(work, found, access) {
        return Ok(Next::AskParent);
    }
    let granted = access?;
    audit::may_proceed(cx, work, &found.security, granted)?;
    if action != CreateAction::Opened && intent.stream.is_none() {
        check_overwrite_attributes(attributes.bits(), intent.attributes.bits())?;
    }
    if intent.options.contains(CreateOptions::DELETE_ON_CLOSE) {
        if !granted.contains(AccessMask::DELETE) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        check_deletable(attributes.bits(), false)?;
    }
    Ok(Next::Admit(action, granted))
}

/// [MS-SMB2] 3.3.5.9.13: what the same application has open of the file elsewhere is closed.
fn take_from_older_instance(cx: &Context<'_>, work: &Work, found: &Opened) -> Result<(), CommandError> {
    let Some(instance) = work.durable.as_ref().and_then(|wanted| wanted.app_instance()) else {
        return Ok(());
    };
    let key = NodeKey { volume: work.volume.id, id: found.metadata.id };
    let share = &cx.tree()?.share.name;
    let maximal = maximal_file_access(&found.security, work.parent.as_deref(), &work.intent.token);
    let may_read = maximal.contains(AccessMask::FILE_GENERIC_READ);
    let client = durable::client_guid(cx);
    close_older(cx.server, instance, client, may_read, cx.now, |open| {
        open.as_file().is_some_and(|file| file.node.key == key)
            && open.tree.share.name.eq_ignore_ascii_case(share)
    })?;
    Ok(())
}

/// Phases 6 and 7: file or directory, as the request wants it.
fn check_type(work: &Work, is_directory: bool) -> Result<(), CommandError> {
    let intent = &work.intent;
    if is_directory {
        if intent.wanted == Wanted::File || intent.names_data || intent.disposition.overwrites() {
            return Err(NtStatus::FILE_IS_A_DIRECTORY.into());
        }
    } else if intent.wanted == Wanted::Directory {
        return Err(NtStatus::NOT_A_DIRECTORY.into());
    } else if intent.trailing_separator {
        return Err(NtStatus::OBJECT_NAME_INVALID.into());
    }
    Ok(())
}

/// A file that goes with its last open is not opened any more, whoever asks.
fn check_delete_pending(cx: &Context<'_>, work: &Work, found: &Opened) -> Result<(), CommandError> {
    let key = NodeKey { volume: work.volume.id, id: found.metadata.id };
    if let Some(cell) = cx.server.nodes.find(key) {
        let node = cell.lock();
        let stream = node.find_stream(work.intent.folded_stream.as_wtf8()).unwrap_or(StreamId::UNNAMED);
        if node.is_delete_pending(stream, link_id(&found.metadata, &found.path)) {
            return Err(NtStatus::DELETE_PENDING.into());
        }
    }
    Ok(())
}

/// 2.1.5.1.2.1, on top of what the share lets through.
fn access(
    work: &Work,
    found: &Opened,
    is_directory: bool,
    action: CreateAction,
) -> Result<AccessMask, AccessError> {
    let intent = &work.intent;
    let required = match action {
        CreateAction::Opened | CreateAction::Created => AccessMask::EMPTY,
        CreateAction::Overwritten | CreateAction::Superseded if intent.stream.is_some() => {
            AccessMask::FILE_WRITE_DATA
        }
        CreateAction::Overwritten => FileAccess::OVERWRITE,
        CreateAction::Superseded => FileAccess::SUPERSEDE,
    };
    if !intent.share_allows.contains(required) {
        return Err(AccessError::Denied);
    }
    let granted = file_access_check(&FileAccess {
        descriptor: &found.security,
        parent: work.parent.as_deref(),
        token: &intent.token,
        desired: intent.desired,
        required,
        backup_intent: intent.options.contains(CreateOptions::OPEN_FOR_BACKUP_INTENT),
        read_only: !is_directory && found.metadata.attributes.contains(FileAttributes::READONLY),
    })?;
    within_share(granted, intent.share_allows, &mut ())
}

/// The directory's descriptor is looked at only where it can change the answer: that saves an operation for most opens.
fn parent_matters(work: &Work, found: &Opened, access: Result<AccessMask, AccessError>) -> bool {
    let intent = &work.intent;
    if work.parent.is_some() || found.path.is_root() {
        return false;
    }
    let maximum = intent.desired.contains(AccessMask::MAXIMUM_ALLOWED);
    let asked = match access {
        Err(AccessError::Denied) => {
            maximum || intent.desired.intersects(FROM_PARENT) || intent.disposition.overwrites()
        }
        Err(AccessError::PrivilegeNotHeld) => false,
        Ok(granted) => maximum && !granted.contains(FROM_PARENT),
    };
    asked
        || (intent.maximal_access.is_some()
            && access.is_ok()
            && !maximal_file_access(&found.security, None, &intent.token).contains(FROM_PARENT))
}
