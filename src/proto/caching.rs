//! Breaks of oplocks and leases, as the commands start them ([MS-SMB2] 3.3.4.6, 3.3.4.7): calls the rules in `fsa` under the
//! node's lock, then sends what they want sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::{Encode, Guid};

use super::durable;
use super::event::{ChainId, ConnectionId, Event, Now, WaiterId, Wake};
use super::limits::BREAK_ACKNOWLEDGEMENT;
use super::node::{NodeCell, NodeKey};
use super::open::{FileOpen, Open};
use super::persistent;
use super::server::Server;
use super::session::Session;
use crate::fsa::{Actor, BreakNotice, Effects, HolderId, LeaseId, Node, OplockLevel, OplockPolicy, Waiter};
use crate::smb2::oplock_break::{LeaseBreakFlags, LeaseBreakNotification, OplockBreak};
use crate::smb2::{self, FileId, LeaseKey, LeaseState, SessionId};
use crate::vfs::{VolumeOptions, oplock_policy};

/// When a break that starts now ends without acknowledgement, on the monotonic clock.
#[must_use]
pub fn break_deadline(now: Now) -> Duration {
    now.monotonic.saturating_add(BREAK_ACKNOWLEDGEMENT)
}

/// What a volume gives, as the rules know it.
#[inline]
#[must_use]
pub const fn policy(options: &VolumeOptions) -> OplockPolicy {
    match options.oplocks {
        oplock_policy::OplockPolicy::All => OplockPolicy::All,
        oplock_policy::OplockPolicy::Exclusive => OplockPolicy::Exclusive,
        oplock_policy::OplockPolicy::None => OplockPolicy::None,
    }
}

/// A parked request's name for a node.
#[must_use]
pub fn waiter_of(waiter: WaiterId) -> Waiter {
    Waiter { connection: waiter.connection.0, chain: waiter.chain.0 }
}

/// Sends notifications of a node, then wakes who may go on. Never call it with a node locked.
pub fn carry_out(server: &Server, cell: &NodeCell, effects: Effects) {
    server.metrics.breaks.timed_out.add_shared(u64::from(effects.expired));
    for notice in &effects.notices {
        if notice.owner.is_gone() {
            durable::undeliverable(server, notice);
        } else if !send(server, cell, notice) {
            // 3.3.4.6, 3.3.4.7: nobody can be told: nobody is waited for.
            let waiters = cell.lock().break_undelivered(notice.id);
            wake(server, waiters);
        } else {
            let breaks = &server.metrics.breaks;
            match notice.id {
                HolderId::Oplock(_) => breaks.oplocks_sent.add_shared(1),
                HolderId::Lease(_) => breaks.leases_sent.add_shared(1),
            }
        }
    }
    if !effects.is_empty() {
        // Nobody answers a break that takes READ alone, and one whose time is over is answered by nobody: right behind them.
        let mut operations = VecDeque::new();
        persistent::marks_changed(server, cell, &mut operations);
        server.disconnected.run(operations);
    }
    wake(server, effects.wake);
}

/// Gives a notification to the first connection that is there; false when there is none.
fn send(server: &Server, cell: &NodeCell, notice: &BreakNotice) -> bool {
    let session = SessionId(notice.owner.session);
    let body = notification(notice);
    let give = |to: ConnectionId| {
        if notice.acknowledge {
            // Before it is given: a connection that ends now looks for what it was told.
            cell.lock().break_told(notice.id, to.0);
        }
        let (persistent, body) = (notice.owner.persistent, body.clone());
        server.post(to, Event::Break { session, holder: notice.id, persistent, done: notice.done, body })
    };
    let holder = server.sessions.find(&session.0);
    if let HolderId::Lease(id) = notice.id
        && !holder.as_ref().is_some_and(|session| session.encrypt_data)
        && server.leases.connections(&id.client).into_iter().any(give)
    {
        // A lease is the client's, whatever the connection: its oldest one hears of it.
        return true;
    }
    let others = || holder.map(|session| session.connections()).unwrap_or_default();
    give(ConnectionId(notice.owner.connection)) || others().into_iter().any(give)
}

/// A client's connection is gone (and known to be): breaks that it was told of and that are not answered go to another one,
/// of the client for leases, of the session for oplocks.
pub fn resend_breaks(server: &Server, client: Option<&Guid>, lost: ConnectionId, sessions: &[Arc<Session>]) {
    let again = |cell: &NodeCell, id: HolderId| {
        let notice = cell.lock().break_lost(id, lost.0);
        if let Some(notice) = notice {
            carry_out(server, cell, Effects { notices: vec![notice], ..Effects::default() });
        }
    };
    if let Some(client) = client.filter(|client| !server.leases.connections(client).is_empty()) {
        for (id, target) in server.leases.of_client(client) {
            if let Some(cell) = server.nodes.find(target.node) {
                again(&cell, HolderId::Lease(id));
            }
        }
    }
    for session in sessions.iter().filter(|session| !session.connections().is_empty()) {
        for open in session.opens() {
            let Some(file) = open.as_file() else { continue };
            again(&file.node, HolderId::Oplock(open.id()));
            let lease = file.node.lock().lease_of(open.id());
            if let Some(lease) = lease {
                again(&file.node, HolderId::Lease(lease));
            }
        }
    }
}

/// Wakes parked requests.
pub fn wake(server: &Server, waiters: Vec<Waiter>) {
    for waiter in waiters {
        let wake = Event::Wake { chain: ChainId(waiter.chain), wake: Wake::Retry };
        server.post(ConnectionId(waiter.connection), wake);
    }
}

/// [MS-SMB2] 2.2.23: the notification's body.
fn notification(notice: &BreakNotice) -> Vec<u8> {
    match notice.id {
        HolderId::Oplock(open) => OplockBreak {
            oplock_level: wire_level(OplockLevel::within(notice.to)),
            file_id: FileId { persistent: notice.owner.persistent, volatile: open.0 },
        }
        .to_bytes(),
        HolderId::Lease(id) => LeaseBreakNotification {
            new_epoch: notice.epoch,
            flags: if notice.acknowledge { LeaseBreakFlags::ACK_REQUIRED } else { LeaseBreakFlags::empty() },
            lease_key: LeaseKey(id.key),
            current_lease_state: LeaseState::from_bits_retain(notice.from.bits()),
            new_lease_state: LeaseState::from_bits_retain(notice.to.bits()),
        }
        .to_bytes(),
    }
}

/// The wire form of a level.
#[must_use]
pub fn wire_level(level: OplockLevel) -> smb2::OplockLevel {
    match level {
        OplockLevel::None => smb2::OplockLevel::NONE,
        OplockLevel::II => smb2::OplockLevel::II,
        OplockLevel::Exclusive => smb2::OplockLevel::EXCLUSIVE,
        OplockLevel::Batch => smb2::OplockLevel::BATCH,
    }
}

fn actor(node: &Node, open: &Open) -> Actor {
    Actor { open: open.id(), lease: node.lease_of(open.id()) }
}

/// To be called before data, size, allocation or a byte-range lock of the open's stream changes: others may not go on
/// reading from their caches. Never waits, and costs one uncontended lock when nobody caches.
pub fn break_for_data(server: &Server, open: &Open, file: &FileOpen, now: Now) {
    let effects = {
        let mut node = file.node.lock();
        let actor = actor(&node, open);
        node.break_caches_of_data(file.stream_id, actor, break_deadline(now))
    };
    if !effects.is_empty() {
        carry_out(server, &file.node, effects);
    }
}

/// Where a lease's key is of several files that its client sees under one name, nothing may be cached of the others than
/// `node` either. Never call it with a node locked.
pub fn break_mixed(server: &Server, id: LeaseId, node: NodeKey, now: Now) {
    for target in server.leases.find(&id) {
        if target.node == node {
            continue;
        }
        if let Some(cell) = server.nodes.find(target.node) {
            let effects = cell.lock().break_lease(id, break_deadline(now));
            carry_out(server, &cell, effects);
        }
    }
}

/// A program of the server's machine waits to open a file: what clients cache of it is broken. [`has_let_go`]
/// tells when it is done.
pub fn break_for_local_program(server: &Server, key: NodeKey, now: Now) {
    let Some(cell) = server.nodes.find(key) else { return };
    let effects = cell.lock().break_for_local_program(break_deadline(now));
    carry_out(server, &cell, effects);
}

/// True when no client caches the file's data any more: all have answered, or are waited for no longer.
pub fn has_let_go(server: &Server, key: NodeKey, now: Now) -> bool {
    let Some(cell) = server.nodes.find(key) else { return true };
    let (effects, cached) = {
        let mut node = cell.lock();
        let expired = node.expire_breaks(now.monotonic);
        let wake = if expired > 0 { node.take_waiters() } else { Vec::new() };
        (Effects { expired, wake, ..Effects::default() }, node.is_cached())
    };
    if !effects.is_empty() {
        carry_out(server, &cell, effects);
    }
    !cached
}

/// A place among the requests that wait for a node to change; given up when dropped.
pub struct Registration {
    cell: Arc<NodeCell>,
    waiter: Waiter,
}

impl Registration {
    /// Of a request that is in the line already.
    #[must_use]
    pub fn new(cell: Arc<NodeCell>, waiter: WaiterId) -> Self {
        Registration { cell, waiter: waiter_of(waiter) }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.cell.lock().remove_waiter(self.waiter);
    }
}

/// A wait for a break, to be kept by what is parked.
pub struct BreakWait {
    /// When it is over in any case, on the monotonic clock.
    pub deadline: Duration,
    registration: Registration,
}

impl BreakWait {
    /// Until `deadline`, in the line of a node.
    #[must_use]
    pub fn new(deadline: Duration, registration: Registration) -> Self {
        BreakWait { deadline, registration }
    }

    /// The file whose use is waited for.
    #[must_use]
    pub fn cell(&self) -> &NodeCell {
        &self.registration.cell
    }
}

/// To be called where an open that deletes the file ends and nobody waits: others must close handles that are open only in their
/// caches, since the file goes with the last of them.
pub fn break_for_deletion(server: &Server, open: &Open, file: &FileOpen, now: Now) {
    let effects = {
        let mut node = file.node.lock();
        let actor = actor(&node, open);
        node.break_caches_of_handles(Some(actor), None, now.monotonic, break_deadline(now)).0
    };
    if !effects.is_empty() {
        carry_out(server, &file.node, effects);
    }
}

/// To be called before the file's name changes or goes, or the stream's where `open` is one of a stream: others must close
/// handles that are open only in their caches. `open` is the one that acts; `None` where the file is not the one that is
/// acted through (the target of a rename, a file below a directory that is moved). `Some` when there is something to wait
/// for: `waiter` is woken when it is there.
pub fn break_for_name(
    server: &Arc<Server>,
    cell: &Arc<NodeCell>,
    open: Option<&Open>,
    waiter: WaiterId,
    now: Now,
) -> Option<BreakWait> {
    let mut node = cell.lock();
    let actor = open.map(|open| actor(&node, open));
    let file = open.and_then(Open::as_file).filter(|file| file.stream.is_some());
    let stream = file.map(|file| file.stream_id);
    let (effects, wait) = node.break_caches_of_handles(actor, stream, now.monotonic, break_deadline(now));
    let deadline = wait.then(|| {
        node.add_waiter(waiter_of(waiter));
        node.break_deadline().unwrap_or(break_deadline(now))
    });
    drop(node);
    carry_out(server, cell, effects);
    deadline.map(|deadline| BreakWait::new(deadline, Registration::new(Arc::clone(cell), waiter)))
}
