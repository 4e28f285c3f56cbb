//! What happens when an open ends, by CLOSE or with its tree connect, session or connection ([MS-SMB2] 3.3.5.10,
//! [MS-FSA] 2.1.5.5).

use std::collections::VecDeque;
use std::sync::Arc;

use super::audit::{self, OpenAudit};
use super::caching;
use super::changes;
use super::commands::lock;
use super::directory_lease::By;
use super::durable;
use super::event::{Event, Now, Wake};
use super::node::{DeletionUnderWay, NodeCell};
use super::op::{Op, VolumeRef};
use super::open::{FileOpen, Open, Target};
use super::persistent;
use super::pipe;
use super::server::Server;
use crate::fsa::Closed;
use crate::vfs::{FileRef, NodeKind};

/// An open is about to be closed: its requests that wait for others end, those that are carried out go on.
pub fn begin_close(server: &Server, open: &Open) {
    match &open.target {
        Target::File(file) => {
            let parked = {
                let mut state = file.state.lock();
                state.closing = true;
                std::mem::take(&mut state.parked)
            };
            for waiter in parked {
                server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake: Wake::Closed });
            }
        }
        Target::Pipe(pipe) => pipe::end_waits(server, pipe),
        Target::QuotaIndex(_) => {}
    }
}

/// Closes an open that was taken out of its session when no request of it is under way any more: at once, or by the last of them.
/// Requests that wait on it end. As [`close_now`] otherwise.
pub fn close_open(server: &Server, open: &Arc<Open>, ops: &mut VecDeque<Op>, now: Now) {
    begin_close(server, open);
    let Some(shared) = server.shared().filter(|_| !open.under_way.is_over()) else {
        return close_now(server, open, ops, now);
    };
    let closing = Arc::clone(open);
    open.under_way.end(move || {
        let mut ops = VecDeque::new();
        close_now(&shared, &closing, &mut ops, now);
        shared.disconnected.run(ops);
    });
}

/// Closes an open that was taken out of its session: gives back its share mode, oplock and locks, and adds the operations that delete
/// the file and close the handle to `ops`.
pub fn close_now(server: &Server, open: &Arc<Open>, ops: &mut VecDeque<Op>, now: Now) {
    match &open.target {
        Target::File(file) => close_file(server, open, file, ops, now),
        Target::Pipe(pipe) => pipe::close(server, pipe),
        Target::QuotaIndex(index) => ops.push_back(Op::Close { file: index.root.clone() }),
    }
}

fn close_file(server: &Server, open: &Open, file: &FileOpen, ops: &mut VecDeque<Op>, now: Now) {
    let (parked, durability) = {
        let mut state = file.state.lock();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        (std::mem::take(&mut state.parked), state.durability.take())
    };
    ops.extend(server.held_times.end_own(file, now));
    if file.is_deleted_by_close() {
        // A CLOSE has waited for it; a tree connect, session or connection that ends does not.
        caching::break_for_deletion(server, open, file, now);
    }
    if let Some(known) = durability {
        durable::forget(server, open, &known);
        persistent::closed(server, open, &known, ops);
    }
    for waiter in parked {
        server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake: Wake::Closed });
    }
    let is_shared = lock::local::is_shared(open, file);
    let mut locks = Vec::new();
    let closed = {
        let mut node = file.node.lock();
        if is_shared && let Some(table) = node.locks(file.stream_id) {
            locks.extend(table.of(open.id()).map(|(range, kind)| lock::local::form_of(range, kind)));
        }
        let closed = node.close(open.id(), now.monotonic);
        if let Some(lease) = &closed.lease_gone {
            server.leases.release(lease, file.node.key);
        }
        closed
    };
    if !locks.is_empty() {
        // Not with the handle: a deletion that waits keeps it.
        ops.push_back(Op::UnlockLocal { file: file.file.clone(), locks });
    }
    if closed.file_deletion_waits {
        file.node.keep_for_deletion(closed.link, file);
        server.notify.deletion_pending(server, open, file);
        persistent::marks_changed(server, &file.node, ops);
    } else if file.stream.is_some() {
        // A stream that goes with its last open may have been marked by this one.
        persistent::marks_changed(server, &file.node, ops);
    }
    if let Some(volume) = open.volume() {
        let by = By { parent_key: closed.parent_key, now };
        if (closed.modified || closed.delete_stream)
            && !closed.delete_file
            && !server.directory_leases.is_unused()
        {
            // What was written is seen in the directory from now on.
            server.directory_leases.entry_changed(server, volume.id, &file.file.0.path(), by);
        }
        let gone = Gone {
            volume,
            node: &file.node,
            file: &file.file,
            audit: file.audit.as_ref(),
            is_directory: file.kind == NodeKind::Directory && file.stream.is_none(),
        };
        delete(server, &gone, &closed, ops, by);
    }
    ops.push_back(Op::Close { file: file.file.clone() });
    caching::wake(server, closed.wake);
}

/// What went with its last open, or with that of its link or stream.
pub struct Gone<'a> {
    /// Where it is.
    pub volume: &'a VolumeRef,
    /// Its node.
    pub node: &'a Arc<NodeCell>,
    /// The handle of that open.
    pub file: &'a FileRef,
    /// What of its use is recorded.
    pub audit: Option<&'a Arc<OpenAudit>>,
    /// It is a directory, and no stream of one.
    pub is_directory: bool,
}

/// Adds the operations that delete what [`crate::fsa::Node::close`] says is to go, and tells who watches. Until they are done, or
/// dropped, whoever opens the file waits.
pub fn delete(server: &Server, gone: &Gone<'_>, closed: &Closed, ops: &mut VecDeque<Op>, by: By) {
    let volume = gone.volume.id;
    if closed.delete_file {
        let deletion = gone.node.take_deletion(closed.link);
        let audit = deletion.as_ref().map_or(gone.audit, |deletion| deletion.audit.as_ref()).cloned();
        let file = deletion.map_or_else(|| gone.file.clone(), |deletion| deletion.file);
        let path = file.0.path();
        changes::report_removed(server, volume, &path, gone.is_directory);
        let mut under_way = DeletionUnderWay::new(gone.node);
        if !server.directory_leases.is_unused()
            && let Some(server) = server.shared()
        {
            under_way.then(move || changes::report_gone(&server, volume, &path, by));
        }
        ops.push_back(Op::Unlink { volume: gone.volume.clone(), file: file.clone(), under_way });
        audit::deleted(server, audit.as_ref(), &file, ops, by.now);
    }
    if closed.delete_stream {
        changes::report_stream_removed(server, volume, &gone.file.0.path());
        let under_way = DeletionUnderWay::new(gone.node);
        ops.push_back(Op::Unlink { volume: gone.volume.clone(), file: gone.file.clone(), under_way });
        audit::deleted(server, gone.audit, gone.file, ops, by.now);
    }
}
