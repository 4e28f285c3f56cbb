//! [MS-FSA] 2.1.5.1.2 Open of an Existing File: share access against the caches of others, and 2.1.5.18 Server Requests an
//! Oplock.

use std::time::Duration;

use freehold_acl::AccessMask;

use super::lease::{LeaseFacts, LeaseRequest};
use super::node::{LinkId, NodeOpen, OpenId, Owner, StreamId};
use super::oplock::{Granted, Holder, HolderId, OplockLevel};
use super::oplock_policy::OplockPolicy;
use super::share_access::{ShareAccess, Sharing};
use super::{CacheState, Effects, FsaError, Node};

/// What an open wants to cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheRequest {
    /// An oplock, or nothing.
    Oplock(OplockLevel),
    /// A lease.
    Lease(LeaseRequest),
}

impl CacheRequest {
    fn lease(&self) -> Option<super::LeaseId> {
        match self {
            CacheRequest::Oplock(_) => None,
            CacheRequest::Lease(request) => Some(request.id),
        }
    }

    /// The key of the lease that the client holds on the directory, as far as it says so ([MS-FSA] Open.ParentOplockKey).
    #[must_use]
    pub fn parent_key(&self) -> Option<[u8; 16]> {
        match self {
            CacheRequest::Oplock(_) => None,
            CacheRequest::Lease(request) => request.parent,
        }
    }
}

/// An open that wants to be let in.
#[derive(Clone, Copy, Debug)]
pub struct OpenRequest {
    /// Its id.
    pub id: OpenId,
    /// The stream.
    pub stream: StreamId,
    /// The link that it came through.
    pub link: LinkId,
    /// GrantedAccess.
    pub access: AccessMask,
    /// Rights that the disposition takes beyond it (overwriting writes).
    pub implied: AccessMask,
    /// ShareAccess.
    pub share: ShareAccess,
    /// The disposition overwrites what is there.
    pub overwrites: bool,
    /// FILE_DELETE_ON_CLOSE.
    pub delete_on_close: bool,
    /// It is of a directory.
    pub is_directory: bool,
    /// It has waited for a break before.
    pub retried: bool,
    /// What it wants to cache.
    pub cache: CacheRequest,
    /// What its volume gives of that at all.
    pub policy: OplockPolicy,
    /// AllocationSize of the stream, or its size where that is more: byte-range locks that begin beyond it forbid no cache.
    pub backed_bytes: u64,
    /// Where break notifications go.
    pub owner: Owner,
    /// It is a POSIX open (SMB3 POSIX Extensions).
    pub posix: bool,
}

/// What [`Node::reserve`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The open is in: its share mode counts from now on, until [`Node::close`].
    Reserved,
    /// Ask again when woken, or at the deadline (monotonic clock).
    Wait(Duration),
}

/// How long an open waits before it looks again whether the volume has done a deletion.
pub const DELETION_RETRY: Duration = Duration::from_millis(2);

/// An open with nothing but these rights does not break oplocks.
const OPLOCK_STAT_ACCESS: AccessMask =
    AccessMask::FILE_READ_ATTRIBUTES.union(AccessMask::FILE_WRITE_ATTRIBUTES).union(AccessMask::SYNCHRONIZE);

/// An open with nothing but these rights does not break leases.
const LEASE_STAT_ACCESS: AccessMask = OPLOCK_STAT_ACCESS.union(AccessMask::READ_CONTROL);

impl Node {
    /// Lets an open in, makes it wait for breaks, or refuses. `deadline` is when a break that starts now ends.
    ///
    /// # Errors
    /// [`FsaError::DeletePending`], [`FsaError::SharingViolation`]; breaks may have been started all the same.
    pub fn reserve(
        &mut self,
        request: &OpenRequest,
        now: Duration,
        deadline: Duration,
        effects: &mut Effects,
    ) -> Result<Verdict, FsaError> {
        let expired = self.expire_breaks(now);
        if expired > 0 {
            effects.expired = effects.expired.saturating_add(expired);
            effects.wake.append(&mut self.take_waiters());
        }
        if self.is_being_deleted() {
            return Ok(Verdict::Wait(now.saturating_add(DELETION_RETRY)));
        }
        if self.is_delete_pending(request.stream, request.link) {
            return Err(FsaError::DeletePending);
        }
        let conflict = self.has_conflict(request);
        if self.break_for_open(request, conflict, deadline, effects) {
            // INVARIANT: what is waited for is a break, and each has a deadline.
            return Ok(Verdict::Wait(self.break_deadline().unwrap_or(deadline)));
        }
        if conflict {
            return Err(FsaError::SharingViolation);
        }
        self.opens.push(NodeOpen {
            id: request.id,
            stream: request.stream,
            link: request.link,
            sharing: Sharing { access: request.access, share: request.share },
            delete_on_close: request.delete_on_close,
            is_directory: request.is_directory,
            lease: None,
            parent_key: request.cache.parent_key(),
            modified: false,
            told_of_break: false,
            owner: request.owner,
            posix: request.posix,
        });
        Ok(Verdict::Reserved)
    }

    /// Share access against every other open ([MS-FSA] 2.1.5.1.2, 2.1.5.1.2.2). POSIX opens do not exclude each other.
    fn has_conflict(&self, request: &OpenRequest) -> bool {
        let wanted = Sharing { access: request.access | request.implied, share: request.share };
        self.opens.iter().filter(|open| !(open.posix && request.posix)).any(|open| {
            if open.stream == request.stream {
                open.sharing.conflicts(wanted)
            } else if request.stream == StreamId::UNNAMED {
                wanted.conflicts_with_stream(open.sharing)
            } else {
                open.stream == StreamId::UNNAMED && open.sharing.conflicts_with_stream(wanted)
            }
        })
    }

    /// Breaks what the open cannot stand beside; true when it must wait. A sharing conflict may go away when cached handles
    /// are closed; otherwise cached writes must come back before somebody else looks at the data.
    fn break_for_open(
        &mut self,
        request: &OpenRequest,
        conflict: bool,
        deadline: Duration,
        effects: &mut Effects,
    ) -> bool {
        let access = request.access | request.implied;
        if OPLOCK_STAT_ACCESS.contains(access) {
            return false;
        }
        let lease_stat = LEASE_STAT_ACCESS.contains(access);
        let lease = request.cache.lease();
        // FILE_DELETE_ON_CLOSE takes cached handles with its close: `Node::break_caches_of_handles`.
        let contended = if conflict { CacheState::HANDLE } else { CacheState::WRITE };
        let empties = request.overwrites && !conflict;
        let mut wait = false;
        for holder in self.holders.iter_mut().filter(|holder| holder.stream == request.stream) {
            if holder.is_lease(lease) || (lease_stat && matches!(holder.id, HolderId::Lease(_))) {
                continue;
            }
            let mut keep = holder.state.difference(contended);
            if empties {
                keep = CacheState::empty();
            }
            if keep == holder.state {
                // What is being taken for somebody else is waited for as well.
                wait |= holder.is_breaking();
                continue;
            }
            wait |= holder.state.intersects(contended) || (holder.is_breaking() && request.retried);
            effects.notices.extend(holder.break_to(keep, deadline));
        }
        self.forget_empty_oplocks();
        wait
    }

    /// Gives a reserved open what it may cache of what it wants ([MS-FSA] 2.1.5.18).
    pub fn grant(&mut self, request: &OpenRequest) -> Granted {
        let allowed = self.grantable(request);
        match request.cache {
            CacheRequest::Oplock(_) => {
                let level = OplockLevel::within(allowed);
                if level != OplockLevel::None {
                    let id = HolderId::Oplock(request.id);
                    let (owner, state) = (request.owner, level.state());
                    self.holders.push(Holder::new(id, request.stream, owner, state, None, request.policy));
                }
                Granted::Oplock(level)
            }
            CacheRequest::Lease(lease) => self.grant_lease(request, lease, allowed),
        }
    }

    fn grant_lease(&mut self, request: &OpenRequest, lease: LeaseRequest, allowed: CacheState) -> Granted {
        if let Some(open) = self.opens.iter_mut().find(|open| open.id == request.id) {
            open.lease = Some(lease.id);
        }
        let id = HolderId::Lease(lease.id);
        let index = match self.holders.iter().position(|holder| holder.id == id) {
            Some(index) => index,
            None => {
                let facts =
                    LeaseFacts { version: lease.version, epoch: lease.epoch, opens: 0, parent: lease.parent };
                let (owner, none) = (request.owner, CacheState::empty());
                self.holders.push(Holder::new(id, request.stream, owner, none, Some(facts), request.policy));
                self.holders.len().saturating_sub(1)
            }
        };
        let Some(holder) = self.holders.get_mut(index) else { return Granted::Oplock(OplockLevel::None) };
        let breaking = holder.is_breaking();
        let mut whole = lease.state;
        whole.set(CacheState::WRITE, whole.contains(CacheState::WRITE) && !request.is_directory);
        if let Some(facts) = &mut holder.lease {
            let first = facts.opens == 0;
            facts.opens = facts.opens.saturating_add(1);
            // A lease that is there grows by an open to all that is asked for, or not at all; a new one gets what others
            // leave.
            let grows = allowed != holder.state
                && allowed.contains(holder.state)
                && (first || allowed == whole)
                && !breaking;
            if grows {
                holder.state = allowed;
            }
            // [MS-SMB2] 3.3.5.9.11 counts what the object store has granted: a lease of nothing has the client's number.
            if grows || (first && !holder.state.is_empty()) {
                facts.epoch = facts.epoch.wrapping_add(1);
            }
        }
        holder.lease_grant().map_or(Granted::Oplock(OplockLevel::None), Granted::Lease)
    }

    /// The part of what is wanted that others leave.
    fn grantable(&mut self, request: &OpenRequest) -> CacheState {
        let (mut wanted, lease) = match request.cache {
            CacheRequest::Oplock(level) => (level.state(), None),
            CacheRequest::Lease(lease) => (lease.state, Some(lease.id)),
        };
        if request.is_directory {
            // [MS-FSA] 2.1.5.18: of a directory there are leases of R and RH, and nothing else.
            if lease.is_none() {
                return CacheState::empty();
            }
            wanted.remove(CacheState::WRITE);
        }
        if wanted.is_empty() {
            return CacheState::empty();
        }
        let others = || {
            self.holders.iter().filter(|holder| {
                holder.stream == request.stream
                    && !holder.is_lease(lease)
                    && holder.id != HolderId::Oplock(request.id)
            })
        };
        let other_oplock = others().any(|holder| matches!(holder.id, HolderId::Oplock(_)));
        let other_handle = others().any(|holder| holder.state.contains(CacheState::HANDLE));
        let other_writes = others().any(|holder| holder.state.contains(CacheState::WRITE));
        let other_opens = self.opens.iter().any(|open| {
            open.id != request.id
                && open.stream == request.stream
                && !(lease.is_some() && open.lease == lease)
                && (open.lease.is_some() || !OPLOCK_STAT_ACCESS.contains(open.sharing.access))
        });
        let locked = self.locks(request.stream).is_some_and(|locks| locks.any_below(request.backed_bytes));

        if other_writes {
            return CacheState::empty();
        }
        if other_opens || other_oplock {
            wanted.remove(CacheState::WRITE);
        }
        // 2.1.5.18.2: who may not keep locks in a cache must not read past those that are there.
        if locked && !wanted.contains(CacheState::WRITE) {
            return CacheState::empty();
        }
        if lease.is_some() {
            if other_oplock {
                wanted.remove(CacheState::HANDLE);
            }
        } else if other_handle {
            return CacheState::empty();
        }
        // Only R, RH, RW and RWH exist.
        let exists = if wanted.contains(CacheState::READ) { wanted } else { CacheState::empty() };
        request.policy.limit(exists)
    }
}
