//! Opens that outlive their session: durable, resilient and persistent ones ([MS-SMB2] 3.3.1.10, 3.3.7.1).
//!
//! Life: `Connected` --session lost, [`preserve`]--> `Disconnected` (in [`DisconnectedOpens`], with share mode, locks and
//! oplock or lease as before) --[`take_up`] by a reconnect or a replay--> `Connected`; or --[`give_up`]--> closed, when its
//! time is over ([`expire`]), a break that it cannot stand reaches nobody ([`undeliverable`]), or its share or account goes.
//!
//! Closing one needs operations that no connection waits for: they are collected here for the shell, which is woken.
//! Lock order: a shard of the table is never held while a node or an open is locked.

mod app_instance;
mod replay;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use freehold_acl::AccessMask;
use freehold_dtyp::{FileTime, Guid, Sid};
use parking_lot::Mutex;

use super::caching::break_deadline;
use super::event::{ConnectionId, Event, Now, Wake, Waker};
use super::limits;
use super::op::Op;
use super::open::Open;
use super::server::Server;
use super::session::Session;
use super::sharded::Sharded;
use super::teardown;
use super::tree_connect::TreeConnect;
use crate::fsa::disposition::CreateAction;
use crate::fsa::{BreakNotice, CacheState, Effects, HolderId, Node, Owner};
use crate::smb2::create_context::AppInstanceVersion;
use crate::smb2::{SessionId, TreeId};
use crate::vfs::NodeKind;

pub use app_instance::{AppInstances, close_older};
pub use replay::{PendingCreate, ReplayTable, Replayable};

/// Whether an open outlives its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It does not; its CREATE can be replayed, or it belongs to an application instance.
    No,
    /// IsDurable: as long as its oplock or lease covers its handle, and writes too where it has byte-range locks.
    Durable,
    /// IsResilient.
    Resilient,
    /// IsPersistent: also over a restart of the server.
    Persistent,
}

/// The CREATE that made an open, as far as its replay is compared with it ([MS-SMB2] 3.3.5.9).
#[derive(Clone, Copy, Debug)]
pub struct Created {
    /// CreateGuid.
    pub guid: Guid,
    /// What it did: a replay is answered the same.
    pub action: CreateAction,
    /// DesiredAccess as it came.
    pub desired_access: u32,
    /// ShareAccess as it came.
    pub share_access: u32,
    /// CreateOptions as they came.
    pub create_options: u32,
}

/// [MS-SMB2] 2.2.13.2.13 and 2.2.13.2.15: the application that an open belongs to, wherever it runs.
#[derive(Clone, Copy, Debug)]
pub struct AppInstance {
    /// AppInstanceId.
    pub id: Guid,
    /// ApplicationInstanceVersionHigh and ApplicationInstanceVersionLow, of 3.1.1.
    pub version: Option<AppInstanceVersion>,
}

/// What an open carries that outlives its session, or whose CREATE can be replayed.
#[derive(Clone, Debug)]
pub struct Durability {
    /// Whether it outlives its session.
    pub kept: Kept,
    /// How long it waits for its client (DurableOpenTimeout, ResiliencyTimeout).
    pub timeout: Duration,
    /// ClientGuid of the connection that made it.
    pub client_guid: Guid,
    /// DurableOwner: only this user may take it up again.
    pub owner: Sid,
    /// The user's name, for lists.
    pub user: String,
    /// Present where the request had a CreateGuid.
    pub created: Option<Created>,
    /// Present where the request named one.
    pub app_instance: Option<AppInstance>,
    /// Numbers the changes of its byte-range locks, so that the newest one counts in the store.
    pub lock_version: u64,
    /// Numbers the changes that others make of it, for the same.
    pub marks_version: u64,
    /// When it is given up, while it is disconnected; on the monotonic clock.
    pub deadline: Option<Duration>,
}

/// All opens that wait for their client, by FileId.Persistent.
#[derive(Default)]
pub struct DisconnectedOpens {
    opens: Sharded<u64, Arc<Open>>,
    count: AtomicUsize,
    persistent: AtomicUsize,
    deadlines: Mutex<BTreeSet<(Duration, u64)>>,
    leftovers: Mutex<VecDeque<Op>>,
    waker: OnceLock<Box<dyn Waker>>,
}

impl DisconnectedOpens {
    /// Has `waker` called when [`DisconnectedOpens::next_deadline`] comes earlier or there are operations to run.
    pub fn set_waker(&self, waker: Box<dyn Waker>) {
        let _ = self.waker.set(waker);
    }

    /// The open of that persistent id.
    #[must_use]
    pub fn find(&self, persistent: u64) -> Option<Arc<Open>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.opens.find(&persistent)
    }

    /// Number of opens that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, for lists.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Open>> {
        self.opens.values()
    }

    /// When [`expire`] is to be called, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.lock().first().map(|(deadline, _)| *deadline)
    }

    /// Operations that close what was given up, to be run by the shell in this order.
    #[must_use]
    pub fn take_operations(&self) -> VecDeque<Op> {
        std::mem::take(&mut *self.leftovers.lock())
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    /// Has the shell run operations that no connection waits for.
    pub fn run(&self, operations: VecDeque<Op>) {
        if !operations.is_empty() {
            self.leftovers.lock().extend(operations);
            self.wake();
        }
    }

    fn insert(&self, open: Arc<Open>, kept: Kept, deadline: Duration) {
        let id = open.file_id.persistent;
        self.count.fetch_add(1, Ordering::Relaxed);
        if kept == Kept::Persistent {
            self.persistent.fetch_add(1, Ordering::Relaxed);
        }
        self.opens.insert(id, open);
        let mut deadlines = self.deadlines.lock();
        deadlines.insert((deadline, id));
        let earliest = deadlines.first().is_some_and(|first| *first == (deadline, id));
        drop(deadlines);
        if earliest {
            self.wake();
        }
    }

    /// Takes an open out; `None` for who comes second.
    fn remove(&self, persistent: u64) -> Option<Arc<Open>> {
        let open = self.opens.remove(&persistent)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        let (kept, deadline) = match open.as_file() {
            Some(file) => {
                let mut state = file.state.lock();
                let durability = state.durability.as_mut();
                durability.map_or((Kept::No, None), |known| (known.kept, known.deadline.take()))
            }
            None => (Kept::No, None),
        };
        if kept == Kept::Persistent {
            self.persistent.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(deadline) = deadline {
            self.deadlines.lock().remove(&(deadline, persistent));
        }
        Some(open)
    }
}

/// Makes a new open known where it can be asked for: to replays of its CREATE, and to its application instance.
pub fn register(server: &Server, open: &Arc<Open>, pending: Option<PendingCreate>) {
    let Some(file) = open.as_file() else { return };
    let (kept, created, app_instance) = match &file.state.lock().durability {
        Some(known) => (known.kept, known.created, known.app_instance),
        None => return,
    };
    if let Some(pending) = pending {
        // 3.3.5.9.10: what reads or changes data can be replayed.
        let data = AccessMask::FILE_READ_DATA
            | AccessMask::FILE_EXECUTE
            | AccessMask::FILE_WRITE_DATA
            | AccessMask::FILE_APPEND_DATA
            | AccessMask::DELETE;
        let eligible =
            kept == Kept::Persistent || (file.kind == NodeKind::File && open.granted.intersects(data));
        open.replay_eligible.store(eligible, Ordering::Relaxed);
        pending.done(open);
    }
    if let Some(created) = created.filter(|_| kept == Kept::Persistent) {
        server.replays.add_persistent(created.guid, open);
    }
    if let Some(instance) = app_instance {
        server.app_instances.add(instance.id, open);
    }
}

/// Takes back what [`register`] did: the open is closed.
pub fn forget(server: &Server, open: &Open, known: &Durability) {
    if let Some(created) = known.created {
        server.replays.forget(known.client_guid, created.guid, open);
    }
    if let Some(instance) = known.app_instance {
        server.app_instances.forget(instance.id, open);
    }
}

/// 3.3.7.1: keeps an open whose session is lost, where it is to be kept. When this returns false the caller closes it.
/// Requests that wait on it end: their connection is gone.
#[must_use]
pub fn preserve(server: &Server, open: &Arc<Open>, now: Now) -> bool {
    let Some(file) = open.as_file() else { return false };
    let (kept, timeout) = match &file.state.lock().durability {
        Some(known) if known.kept != Kept::No => (known.kept, known.timeout),
        Some(_) | None => return false,
    };
    if kept != Kept::Persistent && server.disconnected.len() >= limits::MAX_DISCONNECTED_OPENS {
        return false;
    }
    if !file.node.lock().detach(open.id(), kept == Kept::Durable) {
        return false;
    }
    let deadline = now.monotonic.saturating_add(whole_seconds(timeout));
    let parked = {
        let mut state = file.state.lock();
        if state.closed {
            return true;
        }
        if let Some(known) = state.durability.as_mut() {
            known.deadline = Some(deadline);
        }
        std::mem::take(&mut state.parked)
    };
    for waiter in parked {
        server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake: Wake::Closed });
    }
    server.held_times.lost(file);
    open.move_to(SessionId::NONE, TreeId::NONE);
    server.disconnected.insert(Arc::clone(open), kept, deadline);
    true
}

/// How long an open waits in truth. Timers are looked at once a second in servers that clients know, and who asks for a tenth of a second
/// reckons with that: logging on again takes longer.
fn whole_seconds(timeout: Duration) -> Duration {
    Duration::from_secs(timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0)))
}

/// 3.3.5.9.7, 3.3.5.9.12: makes an open that waits one of `session`'s, used through `tree`. False when somebody was faster.
#[must_use]
pub fn take_up(
    server: &Server,
    open: &Arc<Open>,
    connection: ConnectionId,
    session: &Session,
    tree: &TreeConnect,
    now: Now,
) -> bool {
    let Some(file) = open.as_file() else { return false };
    if server.disconnected.remove(open.file_id.persistent).is_none() {
        return false;
    }
    open.move_to(session.id, tree.id);
    let owner =
        Owner { connection: connection.0, session: session.id.0, persistent: open.file_id.persistent };
    let missed = file.node.lock().attach(open.id(), owner, break_deadline(now));
    session.add_open(Arc::clone(open));
    tracing::info!(
        file_id = open.file_id.persistent,
        session_id = session.id.0,
        "a disconnected open was taken up"
    );
    // A break that came meanwhile goes out behind the reply.
    super::caching::carry_out(
        server,
        &file.node,
        Effects { notices: missed.into_iter().collect(), ..Effects::default() },
    );
    true
}

/// Closes an open that waits for its client ([MS-SMB2] 3.3.4.17). Nothing happens when it does not wait any more.
pub fn give_up(server: &Server, open: &Arc<Open>, now: Now) {
    if server.disconnected.remove(open.file_id.persistent).is_none() {
        return;
    }
    let mut operations = VecDeque::new();
    teardown::close_now(server, open, &mut operations, now);
    server.disconnected.run(operations);
}

/// 3.3.6.2, 3.3.6.4: closes the opens whose client has not come back in time.
pub fn expire(server: &Server, now: Now) {
    loop {
        let due = {
            let mut deadlines = server.disconnected.deadlines.lock();
            match deadlines.first().copied() {
                Some(first) if first.0 <= now.monotonic => {
                    deadlines.remove(&first);
                    first.1
                }
                Some(_) | None => return,
            }
        };
        if let Some(open) = server.disconnected.find(due) {
            tracing::info!(file_id = due, "a disconnected open was not taken up in time");
            give_up(server, &open, now);
        }
    }
}

/// Closes the opens that wait and for which `matches` is true: their share or their account is gone.
pub fn give_up_where(server: &Server, now: Now, matches: impl Fn(&Open, &Durability) -> bool) {
    if server.disconnected.is_empty() {
        return;
    }
    for open in server.disconnected.list() {
        let matched = open.as_file().is_some_and(|file| {
            file.state.lock().durability.as_ref().is_some_and(|known| matches(&open, known))
        });
        if matched {
            give_up(server, &open, now);
        }
    }
}

/// 3.3.4.6, 3.3.4.7: a break notification for which there is no connection. What is only durable is closed; a persistent
/// open's break waits until its client is back, a resilient one's is over with nothing held.
pub fn undeliverable(server: &Server, notice: &BreakNotice) {
    let cell = match notice.id {
        HolderId::Oplock(open) => {
            let open = server.disconnected.find(open.0);
            open.and_then(|open| open.as_file().map(|file| Arc::clone(&file.node)))
        }
        HolderId::Lease(lease) => {
            // Of a mixed key, the file that is being broken.
            let cells =
                server.leases.find(&lease).into_iter().filter_map(|target| server.nodes.find(target.node));
            cells.max_by_key(|cell| cell.lock().is_breaking(notice.id))
        }
    };
    let Some(cell) = cell else { return };
    let holding = cell.lock().opens_holding(notice.id);
    let mut suspended = None;
    let mut remain = false;
    for id in holding {
        let Some(open) = server.disconnected.find(id.0) else { continue };
        let (kept, deadline) = kept_until(&open);
        match kept {
            Kept::Persistent => suspended = suspended.max(deadline),
            Kept::Resilient => remain = true,
            Kept::Durable | Kept::No => give_up(server, &open, EARLIEST),
        }
    }
    if let Some(until) = suspended.filter(|_| notice.acknowledge) {
        cell.lock().suspend_break(notice.id, until);
    } else if remain {
        let woken = cell.lock().end_break(notice.id);
        super::caching::wake(server, woken);
    }
}

/// For closing at a time that does not matter: no break is over by then.
const EARLIEST: Now = Now { monotonic: Duration::ZERO, wall: FileTime::ZERO };

fn kept_until(open: &Open) -> (Kept, Option<Duration>) {
    let state = open.as_file().map(|file| file.state.lock());
    let known = state.as_ref().and_then(|state| state.durability.as_ref());
    known.map_or((Kept::No, None), |known| (known.kept, known.deadline))
}

/// 3.3.5.9: true when a file must not be opened now, because a persistent open of it waits for its client and has no oplock
/// or lease through which it could be told: neither one that covers the handle nor, with byte-range locks, one that covers
/// writes.
#[must_use]
pub fn is_reserved(server: &Server, node: &mut Node) -> bool {
    if server.disconnected.persistent.load(Ordering::Relaxed) == 0 {
        return false;
    }
    node.detached().into_iter().any(|id| {
        let Some(open) = server.disconnected.find(id.0) else { return false };
        let Some(file) = open.as_file() else { return false };
        let persistent = kept_until(&open).0 == Kept::Persistent;
        let cached = node.cached_by(id);
        let covered = cached.contains(CacheState::HANDLE)
            && (cached.contains(CacheState::WRITE) || node.locks_held(file.stream_id, id) == 0);
        persistent && !covered
    })
}
