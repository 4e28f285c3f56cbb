//! Opens that outlive their connection ([MS-SMB2] 3.3.7.1, 3.3.5.9.7, 3.3.5.9.12): they keep share mode, locks and oplock or
//! lease, and belong to nobody until their client takes them up again.

use std::time::Duration;

use smallvec::SmallVec;

use super::lease::{LeaseGrant, LeaseId};
use super::node::{OpenId, Owner};
use super::oplock::{BreakNotice, Holder, HolderId};
use super::{CacheState, Node, StreamId, Waiter};

impl Owner {
    /// Of an open whose session is gone.
    #[must_use]
    pub const fn gone(persistent: u64) -> Self {
        Owner { connection: 0, session: 0, persistent }
    }

    /// True for an open that waits to be taken up again: notifications reach nobody.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.connection == 0
    }
}

impl Node {
    /// The session of an open is gone; the open stays. With `only_when_covered` it stays only where it has an oplock or a lease
    /// that is not being broken, covers its handle and, if it has byte-range locks, covers writes as well: while nobody
    /// answers, others would go on beside locks of which only the client knows whether it still needs them. False when it
    /// does not stay.
    #[must_use]
    pub fn detach(&mut self, id: OpenId, only_when_covered: bool) -> bool {
        let Some(open) = self.opens.iter().find(|open| open.id == id) else { return false };
        let (lease, stream, persistent) = (open.lease, open.stream, open.owner.persistent);
        if only_when_covered {
            let mut needed = CacheState::HANDLE;
            needed.set(CacheState::WRITE, self.locks_held(stream, id) > 0);
            let covered = self
                .cache_of(id, lease)
                .is_some_and(|holder| !holder.is_breaking() && holder.state.contains(needed));
            if !covered {
                return false;
            }
        }
        self.belong(id, Owner::gone(persistent));
        true
    }

    /// An open has an owner again. The notification of a break that reached nobody meanwhile is returned, to be sent now; its
    /// time runs from now on until `deadline`.
    pub fn attach(&mut self, id: OpenId, owner: Owner, deadline: Duration) -> Option<BreakNotice> {
        let lease = self.lease_of(id);
        let missed =
            self.cache_of(id, lease).is_some_and(|holder| holder.owner.is_gone() && holder.is_breaking());
        self.belong(id, owner);
        if !missed {
            return None;
        }
        self.cache_of(id, lease).and_then(|holder| holder.resume(deadline))
    }

    fn cache_of(&mut self, id: OpenId, lease: Option<LeaseId>) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.id == HolderId::Oplock(id) || holder.is_lease(lease))
    }

    /// Notifications of an oplock go to the open's owner, those of a lease to that of the oldest open which has one.
    fn belong(&mut self, id: OpenId, owner: Owner) {
        let Some(open) = self.opens.iter_mut().find(|open| open.id == id) else { return };
        open.owner = owner;
        let lease = open.lease;
        let heir = self
            .opens
            .iter()
            .filter(|open| lease.is_some() && open.lease == lease && !open.owner.is_gone())
            .min_by_key(|open| open.id)
            .map_or(owner, |open| open.owner);
        if let Some(holder) = self.cache_of(id, lease) {
            holder.owner = heir;
        }
    }

    /// The opens whose session is gone.
    #[must_use]
    pub fn detached(&self) -> SmallVec<[OpenId; 4]> {
        self.opens.iter().filter(|open| open.owner.is_gone()).map(|open| open.id).collect()
    }

    /// The opens that hold something together: that of an oplock, or all of a lease.
    #[must_use]
    pub fn opens_holding(&self, id: HolderId) -> SmallVec<[OpenId; 4]> {
        match id {
            HolderId::Oplock(open) => SmallVec::from_iter([open]),
            HolderId::Lease(lease) => {
                self.opens.iter().filter(|open| open.lease == Some(lease)).map(|open| open.id).collect()
            }
        }
    }

    /// The opens that carry a lease, and whose they are.
    #[must_use]
    pub fn opens_of_lease(&self, lease: LeaseId) -> SmallVec<[(OpenId, Owner); 4]> {
        let opens = self.opens.iter().filter(|open| open.lease == Some(lease));
        opens.map(|open| (open.id, open.owner)).collect()
    }

    /// A break that reached nobody waits for its holder to come back, until `until` at most.
    pub fn suspend_break(&mut self, id: HolderId, until: Duration) {
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.id == id) {
            holder.suspend(until);
        }
    }

    /// A break that reached nobody is over: nothing is held any more. Returns who may go on.
    pub fn end_break(&mut self, id: HolderId) -> Vec<Waiter> {
        if let Some(holder) = self.holders.iter_mut().find(|holder| holder.id == id) {
            holder.revoke();
        }
        self.forget_empty_oplocks();
        self.take_waiters()
    }

    /// What a CREATE answers about the lease that an open carries.
    #[must_use]
    pub fn lease_grant(&self, id: OpenId) -> Option<LeaseGrant> {
        let lease = self.lease_of(id);
        self.holders.iter().find(|holder| holder.is_lease(lease)).and_then(Holder::lease_grant)
    }

    /// Number of byte-range locks that an open has.
    #[must_use]
    pub fn locks_held(&mut self, stream: StreamId, id: OpenId) -> usize {
        self.locks(stream).map_or(0, |locks| if locks.is_empty() { 0 } else { locks.held_by(id) })
    }
}
