//! What every change of a file's data has in common, whichever command makes it: others' caches, byte-range locks, who
//! watches, ARCHIVE, and times that a client has frozen ([MS-FSA] 2.1.4.17, 2.1.5.4).

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::caching;
use super::context::Context;
use super::directory_lease::By;
use super::op::Op;
use super::open::{FileOpen, Open};
use super::status::CommandError;
use crate::fscc::FileAttributes;
use crate::fscc::notify::{CompletionFilter, NotifyAction};
use crate::vfs::{Metadata, MetadataChange};

/// 2.1.4.10: may `open` read or write these bytes?
///
/// # Errors
/// FILE_LOCK_CONFLICT.
pub fn check_locks(
    open: &Open,
    file: &FileOpen,
    offset: u64,
    length_bytes: u64,
    write: bool,
) -> Result<(), CommandError> {
    let permitted = file
        .node
        .lock()
        .locks(file.stream_id)
        .is_none_or(|locks| locks.permits(open.id(), offset, length_bytes, write));
    if permitted { Ok(()) } else { Err(NtStatus::FILE_LOCK_CONFLICT.into()) }
}

/// Lets a change of these bytes in: no byte-range lock forbids it, and nobody else goes on reading from a cache. One
/// lock, uncontended where the file is not shared. Returns [`crate::fsa::Node::data_changes`] with this change counted.
///
/// # Errors
/// FILE_LOCK_CONFLICT.
pub fn admit(
    cx: &Context<'_>,
    open: &Open,
    file: &FileOpen,
    offset: u64,
    length_bytes: u64,
) -> Result<u64, CommandError> {
    let (effects, number) = {
        let mut node = file.node.lock();
        let locks = node.locks(file.stream_id);
        if !locks.is_none_or(|locks| locks.permits(open.id(), offset, length_bytes, true)) {
            return Err(NtStatus::FILE_LOCK_CONFLICT.into());
        }
        let effects = node.change_data(file.stream_id, open.id(), caching::break_deadline(cx.now));
        (effects, node.data_changes())
    };
    if !effects.is_empty() {
        caching::carry_out(cx.server, &file.node, effects);
    }
    Ok(number)
}

/// Breaks the leases of others on the directory whose entry of the file has changed through `open` ([MS-FSA] 2.1.5.15).
pub fn break_directory(cx: &Context<'_>, open: &Open, file: &FileOpen) {
    if cx.server.directory_leases.is_unused() {
        return;
    }
    let Some(volume) = open.volume() else { return };
    let by = By { parent_key: file.node.lock().parent_key_of(open.id()), now: cx.now };
    cx.server.directory_leases.entry_changed(cx.server, volume.id, &file.file.0.path(), by);
}

/// Tells who watches the file's directory, or holds a lease on it, that the file was modified.
pub fn report(cx: &Context<'_>, open: &Open, file: &FileOpen, filter: CompletionFilter) {
    // Who may do what is not listed: the entry has a new change time at most.
    if filter == CompletionFilter::SECURITY {
        file.node.lock().set_modified(open.id());
    } else {
        break_directory(cx, open, file);
    }
    let server = cx.server;
    if server.notify.is_unused() {
        return;
    }
    let Some(volume) = open.volume() else { return };
    let path = file.file.0.path();
    let is_directory = file.kind == crate::vfs::NodeKind::Directory;
    server.notify.report(server, volume.id, &path, is_directory, NotifyAction::MODIFIED.0, filter.bits());
}

/// Tells who watches that data was written through `open`. Who has begun to read from a cache since the change was let in
/// may have seen old data.
pub fn report_written(cx: &Context<'_>, open: &Open, file: &FileOpen) {
    caching::break_for_data(cx.server, open, file, cx.now);
    let server = cx.server;
    if server.notify.is_unused() {
        return;
    }
    let Some(volume) = open.volume() else { return };
    if file.stream.is_none() {
        let filter = CompletionFilter::LAST_WRITE | CompletionFilter::SIZE;
        let (path, is_directory) = (file.file.0.path(), file.kind == crate::vfs::NodeKind::Directory);
        let (action, filter) = (NotifyAction::MODIFIED.0, filter.bits());
        server.notify.report(server, volume.id, &path, is_directory, action, filter);
        return;
    }
    let filter = CompletionFilter::STREAM_WRITE | CompletionFilter::STREAM_SIZE;
    let path = file.file.0.path();
    server.notify.report(server, volume.id, &path, false, NotifyAction::MODIFIED_STREAM.0, filter.bits());
}

/// What a handle's state asks for around a change of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Nothing: the usual case.
    None,
    /// The first change through this handle: ARCHIVE may have to be set.
    Archive,
    /// The client set or froze times on this handle: they must be as before afterwards.
    KeepTimes,
}

/// What is to be done around the next change of data through this handle.
#[must_use]
pub fn care_of(file: &FileOpen) -> Care {
    let state = file.state.lock();
    if state.frozen_times.modified || state.frozen_times.changed {
        Care::KeepTimes
    } else if state.written {
        Care::None
    } else {
        Care::Archive
    }
}

/// Notes that data was changed through this handle.
pub fn mark_written(file: &FileOpen) {
    file.state.lock().written = true;
}

/// Puts back what a change of data must not have changed, before the reply is sent: ARCHIVE is set, frozen times are as
/// in `before`, the metadata from before the change.
pub fn settle(cx: &mut Context<'_>, file: &FileOpen, before: &Metadata) {
    let frozen = file.state.lock().frozen_times;
    let mut change = MetadataChange::default();
    if frozen.modified {
        change.modified = Some(before.modified);
    }
    if frozen.changed {
        change.changed = Some(before.changed);
    }
    if !before.attributes.contains(FileAttributes::ARCHIVE) {
        change.attributes = Some((before.attributes & FileAttributes::SETTABLE) | FileAttributes::ARCHIVE);
    }
    if change.modified.is_some() || change.changed.is_some() || change.attributes.is_some() {
        cx.before_reply.push_back(Op::SetMetadata { file: file.file.clone(), change });
    }
}

/// True when both opens are of the same stream of the same file.
#[must_use]
pub fn same_stream(left: &FileOpen, right: &FileOpen) -> bool {
    Arc::ptr_eq(&left.node, &right.node) && left.stream_id == right.stream_id
}
