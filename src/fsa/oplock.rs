//! Oplocks and leases of one stream as one thing: a holder of cached state that can be broken ([MS-FSA] 2.1.4.12, 2.1.5.18;
//! [MS-SMB2] 3.3.1.10 Open.OplockState, 3.3.1.12 Lease).
//!
//! An oplock is held by one open: level II is the state R, exclusive is RW, batch is RWH. A lease is held by all opens
//! with its key. Life of a holder: `Held(state)` --break that takes W or H--> `Breaking(requested, required)`
//! --acknowledgement--> `Held(less)`, or again `Breaking` when more was asked for meanwhile; --deadline--> `Held(nothing)`.
//! A break that takes only R needs no acknowledgement: the state is gone when the notification is made.

use std::time::Duration;

use super::lease::{LeaseFacts, LeaseGrant, LeaseId};
use super::node::{OpenId, Owner, StreamId};
use super::oplock_policy::OplockPolicy;
use super::{Effects, FsaError, Node, Waiter};

bitflags::bitflags! {
    /// LeaseState of [MS-SMB2] 2.2.13.2.8; the values are those of the wire.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CacheState: u32 {
        /// Data may be read from the cache.
        const READ = 0x1;
        /// The handle may stay open after the application closed it.
        const HANDLE = 0x2;
        /// Data may be written to the cache, and locks kept in it.
        const WRITE = 0x4;
    }
}

/// OplockLevel of [MS-SMB2] 2.2.13, without LEASE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OplockLevel {
    /// SMB2_OPLOCK_LEVEL_NONE
    #[default]
    None,
    /// SMB2_OPLOCK_LEVEL_II
    II,
    /// SMB2_OPLOCK_LEVEL_EXCLUSIVE
    Exclusive,
    /// SMB2_OPLOCK_LEVEL_BATCH
    Batch,
}

impl OplockLevel {
    /// The state that the level stands for.
    #[must_use]
    pub const fn state(self) -> CacheState {
        match self {
            OplockLevel::None => CacheState::empty(),
            OplockLevel::II => CacheState::READ,
            OplockLevel::Exclusive => CacheState::READ.union(CacheState::WRITE),
            OplockLevel::Batch => CacheState::all(),
        }
    }

    /// The highest level within a state.
    #[must_use]
    pub const fn within(state: CacheState) -> Self {
        if !state.contains(CacheState::READ) {
            OplockLevel::None
        } else if !state.contains(CacheState::WRITE) {
            OplockLevel::II
        } else if state.contains(CacheState::HANDLE) {
            OplockLevel::Batch
        } else {
            OplockLevel::Exclusive
        }
    }
}

/// Who holds cached state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderId {
    /// An open, by an oplock.
    Oplock(OpenId),
    /// A client, by a lease.
    Lease(LeaseId),
}

/// Who does something that may break others' caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Through which open.
    pub open: OpenId,
    /// The lease that the open carries: it is not broken by its own client.
    pub lease: Option<LeaseId>,
}

/// A break under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Breaking {
    /// What the notification said may be kept.
    requested: CacheState,
    /// What may be kept in the end: more than one break may have come together.
    required: CacheState,
    /// When it ends without acknowledgement, on the monotonic clock.
    deadline: Duration,
    /// The connection that the notification was given to.
    told: Option<u64>,
    /// What it has to do with the lease's epoch.
    counted: Counted,
}

/// Whether a break is counted in its lease's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// The break before it was, and this is its second step.
    No,
    /// It is.
    Yes,
    /// It will be as soon as its holder can be told of it.
    Later,
}

/// Something that holds cached state of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub id: HolderId,
    pub stream: StreamId,
    pub owner: Owner,
    pub state: CacheState,
    breaking: Option<Breaking>,
    /// The last break took all, and its notification wanted no answer.
    told_only: bool,
    pub lease: Option<LeaseFacts>,
    /// What the volume lets be held.
    pub policy: OplockPolicy,
}

/// A notification to be sent to who holds cached state ([MS-SMB2] 2.2.23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakNotice {
    /// To whom.
    pub owner: Owner,
    /// What is broken.
    pub id: HolderId,
    /// What is held.
    pub from: CacheState,
    /// What may be kept.
    pub to: CacheState,
    /// The holder must answer.
    pub acknowledge: bool,
    /// NewEpoch: 0 for oplocks and version 1 leases.
    pub epoch: u16,
    /// What it tells of is done already: who has done it hears of that first.
    pub done: bool,
}

/// What an open got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// An oplock, or nothing.
    Oplock(OplockLevel),
    /// A lease, perhaps of no state.
    Lease(LeaseGrant),
}

/// What the acknowledgement of an oplock's break comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct OplockAcknowledged {
    /// The level that is left; `None` when the one asked for cannot be kept: then nothing is left.
    pub kept: Option<OplockLevel>,
    /// What follows for others.
    pub effects: Effects,
}

impl Holder {
    pub fn new(
        id: HolderId,
        stream: StreamId,
        owner: Owner,
        state: CacheState,
        lease: Option<LeaseFacts>,
        policy: OplockPolicy,
    ) -> Self {
        Holder { id, stream, owner, state, breaking: None, told_only: false, lease, policy }
    }

    pub fn is_breaking(&self) -> bool {
        self.breaking.is_some()
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.breaking.map(|breaking| breaking.deadline)
    }

    pub fn is_lease(&self, id: Option<LeaseId>) -> bool {
        id.is_some_and(|id| self.id == HolderId::Lease(id))
    }

    fn wire_epoch(&self) -> u16 {
        self.lease.filter(|lease| lease.version > 1).map_or(0, |lease| lease.epoch)
    }

    fn notice(&self, from: CacheState, to: CacheState, acknowledge: bool) -> BreakNotice {
        let (owner, id, epoch) = (self.owner, self.id, self.wire_epoch());
        BreakNotice { owner, id, from, to, acknowledge, epoch, done: false }
    }

    /// Takes all that is not in `to`. While a break is under way it only notes what more must go.
    pub fn break_to(&mut self, to: CacheState, deadline: Duration) -> Option<BreakNotice> {
        if let Some(breaking) = &mut self.breaking {
            breaking.required &= to;
            return None;
        }
        let to = match self.id {
            // Oplocks know nothing between level II and what they are.
            HolderId::Oplock(_) if !to.contains(self.state) => to & CacheState::READ,
            _ => to & self.state,
        };
        let to = self.policy.limit(to);
        if to.contains(self.state) {
            return None;
        }
        if let Some(lease) = &mut self.lease {
            lease.epoch = lease.epoch.wrapping_add(1);
        }
        let from = self.state;
        let acknowledge = from.intersects(CacheState::WRITE | CacheState::HANDLE);
        if acknowledge {
            self.breaking =
                Some(Breaking { requested: to, required: to, deadline, told: None, counted: Counted::Yes });
        } else {
            self.state = to;
            self.told_only = true;
        }
        Some(self.notice(from, to, acknowledge))
    }

    /// The holder keeps `state`. Returns the next notification, when more must go.
    fn acknowledge(
        &mut self,
        state: CacheState,
        deadline: Duration,
    ) -> Result<Option<BreakNotice>, FsaError> {
        let breaking = self.breaking.ok_or(FsaError::LeaseNotBreaking)?;
        if !breaking.requested.contains(state) {
            return Err(FsaError::LeaseStateTooHigh);
        }
        self.state = state;
        self.breaking = None;
        let required = self.policy.limit(breaking.required & state);
        if required == state {
            return Ok(None);
        }
        // What came meanwhile is broken step by step: first down to R, then the rest.
        let acknowledge = state.intersects(CacheState::WRITE | CacheState::HANDLE);
        let mut to = required;
        if acknowledge {
            to = self.policy.limit(to | CacheState::READ & state);
            self.breaking =
                Some(Breaking { requested: to, required, deadline, told: None, counted: Counted::No });
        } else {
            self.state = to;
            self.told_only = true;
        }
        Ok(Some(self.notice(state, to, acknowledge)))
    }

    /// Gives up waiting: nothing is held any more ([MS-SMB2] 3.3.6.1).
    pub fn revoke(&mut self) {
        self.state = CacheState::empty();
        self.breaking = None;
    }

    /// The notification of the break reached nobody: the break waits for the holder to come back. Who comes back is told of the
    /// epoch that it knows first.
    pub fn suspend(&mut self, until: Duration) {
        let Some(breaking) = &mut self.breaking else { return };
        breaking.deadline = until;
        if breaking.told.is_none() && breaking.counted == Counted::Yes {
            breaking.counted = Counted::Later;
            if let Some(lease) = &mut self.lease {
                lease.epoch = lease.epoch.wrapping_sub(1);
            }
        }
    }

    /// The holder is back: the notification of the break that it has missed.
    pub fn resume(&mut self, deadline: Duration) -> Option<BreakNotice> {
        let breaking = self.breaking.as_mut()?;
        breaking.deadline = deadline;
        if breaking.counted == Counted::Later {
            breaking.counted = Counted::Yes;
            if let Some(lease) = &mut self.lease {
                lease.epoch = lease.epoch.wrapping_add(1);
            }
        }
        let to = breaking.requested;
        Some(self.notice(self.state, to, true))
    }

    /// What a CREATE answers about a lease.
    pub fn lease_grant(&self) -> Option<LeaseGrant> {
        let (HolderId::Lease(id), Some(lease)) = (self.id, self.lease) else { return None };
        Some(LeaseGrant {
            id,
            state: self.state,
            breaking: self.is_breaking(),
            version: lease.version,
            epoch: lease.epoch,
            parent: lease.parent,
        })
    }
}

impl Node {
    /// Ends breaks whose time is over ([MS-SMB2] 3.3.6.1 Oplock Break Acknowledgment Timer Event), and says how many.
    pub fn expire_breaks(&mut self, now: Duration) -> u32 {
        let mut expired = 0u32;
        for holder in &mut self.holders {
            if holder.deadline().is_some_and(|deadline| deadline <= now) {
                holder.revoke();
                expired = expired.saturating_add(1);
            }
        }
        if expired > 0 {
            self.forget_empty_oplocks();
        }
        expired
    }

    /// When the next break ends without acknowledgement.
    #[must_use]
    pub fn break_deadline(&self) -> Option<Duration> {
        self.holders.iter().filter_map(Holder::deadline).min()
    }

    /// Ends the break of an oplock ([MS-SMB2] 3.3.5.22.1). `level` is what the client says it keeps, `None` for what is no
    /// level of an oplock.
    ///
    /// # Errors
    /// [`FsaError::OplockNotBreaking`] when none is under way. Where the client was told of one that wants no answer (level II to
    /// none), Open.OplockState is Breaking all the same (3.3.4.6), and it is [MS-FSA] 2.1.5.19 that refuses:
    /// [`FsaError::OplockProtocol`] (smbtorture smb2.oplock.levelii500).
    pub fn acknowledge_oplock(
        &mut self,
        open: OpenId,
        level: Option<OplockLevel>,
        deadline: Duration,
    ) -> Result<OplockAcknowledged, FsaError> {
        let holder = self.holders.iter_mut().find(|holder| holder.id == HolderId::Oplock(open));
        let Some(holder) = holder.filter(|holder| holder.is_breaking()) else {
            let asked = self.opens.iter_mut().find(|other| other.id == open);
            let told = asked.is_some_and(|asked| std::mem::take(&mut asked.told_of_break));
            return Err(if told { FsaError::OplockProtocol } else { FsaError::OplockNotBreaking });
        };
        let kept = match level {
            Some(OplockLevel::Exclusive) if holder.state.contains(CacheState::HANDLE) => {
                Some(OplockLevel::None)
            }
            Some(level @ (OplockLevel::None | OplockLevel::II)) => Some(level),
            _ => None,
        };
        // Level II where nothing may be kept is taken back at once.
        let requested = holder.breaking.map_or(CacheState::empty(), |breaking| breaking.requested);
        let state = kept.unwrap_or_default().state();
        let notice = holder.acknowledge(state & requested, deadline)?;
        self.forget_empty_oplocks();
        let effects =
            Effects { notices: notice.into_iter().collect(), wake: self.take_waiters(), expired: 0 };
        Ok(OplockAcknowledged { kept, effects })
    }

    /// Ends the break of a lease, or one step of it ([MS-SMB2] 3.3.5.22.2).
    ///
    /// # Errors
    /// [`FsaError::LeaseNotFound`], [`FsaError::LeaseNotBreaking`], [`FsaError::LeaseStateTooHigh`].
    pub fn acknowledge_lease(
        &mut self,
        id: LeaseId,
        state: CacheState,
        deadline: Duration,
    ) -> Result<Effects, FsaError> {
        let holder = self.holders.iter_mut().find(|holder| holder.id == HolderId::Lease(id));
        let notice = holder.ok_or(FsaError::LeaseNotFound)?.acknowledge(state, deadline)?;
        Ok(Effects { notices: notice.into_iter().collect(), wake: self.take_waiters(), expired: 0 })
    }

    /// Data or size of a stream changes, or a range of it is locked: nobody else may go on reading from a cache
    /// ([MS-FSA] 2.1.5.4, 2.1.5.8, 2.1.5.15). Nobody is waited for. A level II oplock goes even by its own holder's act.
    pub fn break_caches_of_data(&mut self, stream: StreamId, actor: Actor, deadline: Duration) -> Effects {
        let mut effects = Effects::default();
        self.data_changes = self.data_changes.wrapping_add(1);
        if self.holders.is_empty() {
            return effects;
        }
        for holder in self.holders.iter_mut().filter(|holder| holder.stream == stream) {
            let own = match holder.id {
                HolderId::Lease(_) => holder.is_lease(actor.lease),
                HolderId::Oplock(open) => open == actor.open && holder.state.contains(CacheState::WRITE),
            };
            if !own {
                effects.notices.extend(holder.break_to(CacheState::empty(), deadline));
            }
        }
        self.forget_empty_oplocks();
        effects
    }

    /// A program of the server's machine waits to open the file: nobody may go on caching its data. The kernel does not say
    /// what the program will do.
    pub fn break_for_local_program(&mut self, deadline: Duration) -> Effects {
        let mut effects = Effects::default();
        self.local_breaks = self.local_breaks.wrapping_add(1);
        for holder in self.holders.iter_mut().filter(|holder| holder.stream == StreamId::UNNAMED) {
            effects.notices.extend(holder.break_to(CacheState::empty(), deadline));
        }
        self.forget_empty_oplocks();
        effects
    }

    /// True while somebody caches the file's data, or has not yet said that it does not any more.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.holders.iter().any(|holder| {
            holder.stream == StreamId::UNNAMED && (!holder.state.is_empty() || holder.is_breaking())
        })
    }

    /// Lets data of a stream be changed through an open: as [`Node::break_caches_of_data`], and the directory's entry is out
    /// of date from the open's close on.
    pub fn change_data(&mut self, stream: StreamId, id: OpenId, deadline: Duration) -> Effects {
        let Some(open) = self.opens.iter_mut().find(|open| open.id == id) else { return Effects::default() };
        open.modified = true;
        let actor = Actor { open: id, lease: open.lease };
        self.break_caches_of_data(stream, actor, deadline)
    }

    /// What is in this directory has changed: nobody else may go on reading it from a cache ([MS-FSA] 2.1.4.12 with
    /// PARENT_OBJECT). Nobody is waited for. `parent_key` is the key that the open which made the change names as its client's
    /// lease on the directory: as with Windows since 8, it counts whoever the client is ([MS-SMB2] 3.3.1.4).
    pub fn break_caches_of_directory(&mut self, parent_key: Option<[u8; 16]>, deadline: Duration) -> Effects {
        let mut effects = Effects::default();
        for holder in self.holders.iter_mut().filter(|holder| holder.stream == StreamId::UNNAMED) {
            let HolderId::Lease(id) = holder.id else { continue };
            if parent_key != Some(id.key) {
                let notice = holder.break_to(CacheState::empty(), deadline);
                effects.notices.extend(notice.map(|notice| BreakNotice { done: true, ..notice }));
            }
        }
        effects
    }

    /// The client's key is of another file as well: nothing may be cached under it. Nobody is waited for.
    pub fn break_lease(&mut self, id: LeaseId, deadline: Duration) -> Effects {
        let mut effects = Effects::default();
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.is_lease(Some(id))) {
            effects.notices.extend(holder.break_to(CacheState::empty(), deadline));
        }
        effects
    }

    /// What is held already stays until it is broken, and goes then as far as the policy says: for holders of a time when the
    /// volume gave more.
    pub fn hold_to(&mut self, policy: OplockPolicy) {
        for holder in &mut self.holders {
            holder.policy = policy;
        }
    }

    /// A break of the holder waits for its answer.
    #[must_use]
    pub fn is_breaking(&self, id: HolderId) -> bool {
        self.holders.iter().any(|holder| holder.id == id && holder.is_breaking())
    }

    /// The notification of a break is given to a connection.
    pub fn break_told(&mut self, id: HolderId, connection: u64) {
        let holder = self.holders.iter_mut().find(|holder| holder.id == id);
        if let Some(breaking) = holder.and_then(|holder| holder.breaking.as_mut()) {
            breaking.told = Some(connection);
        }
    }

    /// A connection is gone: the notification that was given to it and is not answered, to be sent another way ([MS-SMB2]
    /// 3.3.4.6, 3.3.4.7: "the server MUST retry the send using an alternate connection").
    #[must_use]
    pub fn break_lost(&self, id: HolderId, connection: u64) -> Option<BreakNotice> {
        let holder = self.holders.iter().find(|holder| holder.id == id)?;
        let breaking = holder.breaking.filter(|breaking| breaking.told == Some(connection))?;
        Some(holder.notice(holder.state, breaking.requested, true))
    }

    /// A break notification could be brought to nobody: the holder keeps nothing ([MS-SMB2] 3.3.4.6, 3.3.4.7). Says who may go
    /// on.
    pub fn break_undelivered(&mut self, id: HolderId) -> Vec<Waiter> {
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.id == id) {
            holder.revoke();
        }
        self.forget_empty_oplocks();
        self.take_waiters()
    }

    /// The name of the file changes or goes: handles that others keep open only in their caches must be closed
    /// ([MS-FSA] 2.1.5.15.3, 2.1.5.15.12). `actor` is left out for the target of a rename, which the renaming client has not
    /// opened. `stream` is the one whose name changes or goes, where it is not the file's. The second value is true when there is
    /// something to wait for.
    pub fn break_caches_of_handles(
        &mut self,
        actor: Option<Actor>,
        stream: Option<StreamId>,
        now: Duration,
        deadline: Duration,
    ) -> (Effects, bool) {
        let mut effects = Effects { expired: self.expire_breaks(now), ..Effects::default() };
        let mut wait = false;
        for holder in &mut self.holders {
            let own = actor.is_some_and(|actor| {
                holder.is_lease(actor.lease) || holder.id == HolderId::Oplock(actor.open)
            });
            let elsewhere = stream.is_some_and(|stream| holder.stream != stream);
            if own || elsewhere || !(holder.state.contains(CacheState::HANDLE)) {
                continue;
            }
            let keep = holder.state.difference(CacheState::HANDLE);
            effects.notices.extend(holder.break_to(keep, deadline));
            wait |= holder.is_breaking();
        }
        (effects, wait)
    }

    pub(super) fn forget_empty_oplocks(&mut self) {
        for holder in self.holders.iter().filter(|holder| holder.told_only && holder.state.is_empty()) {
            let told = self.opens.iter_mut().find(|open| holder.id == HolderId::Oplock(open.id));
            if let Some(open) = told {
                open.told_of_break = true;
            }
        }
        self.holders.retain(|holder| {
            matches!(holder.id, HolderId::Lease(_)) || !holder.state.is_empty() || holder.is_breaking()
        });
    }
}
