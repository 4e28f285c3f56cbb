//! Lease of [MS-SMB2] 3.3.1.12: the caching that several opens of one client share under a key of the client's.

use freehold_dtyp::Guid;

use super::oplock::CacheState;

/// Names a lease: keys are unique within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId {
    /// ClientGuid.
    pub client: Guid,
    /// LeaseKey.
    pub key: [u8; 16],
}

/// What a CREATE asks for ([MS-SMB2] 2.2.13.2.8 and 2.2.13.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Which lease.
    pub id: LeaseId,
    /// LeaseState.
    pub state: CacheState,
    /// 1 or 2: the form of the context.
    pub version: u8,
    /// Epoch of the version 2 form.
    pub epoch: u16,
    /// ParentLeaseKey of the version 2 form.
    pub parent: Option<[u8; 16]>,
}

/// What a CREATE got: goes into the response's lease context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGrant {
    /// Which lease.
    pub id: LeaseId,
    /// LeaseState now.
    pub state: CacheState,
    /// SMB2_LEASE_FLAG_BREAK_IN_PROGRESS.
    pub breaking: bool,
    /// The form in which the lease was made; the answer has the same.
    pub version: u8,
    /// Epoch now.
    pub epoch: u16,
    /// ParentLeaseKey, as the client gave it.
    pub parent: Option<[u8; 16]>,
}

/// The part of a holder that only leases have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseFacts {
    /// Form of the context that made it.
    pub version: u8,
    /// Counts changes of the state.
    pub epoch: u16,
    /// Opens that carry it.
    pub opens: u32,
    /// ParentLeaseKey.
    pub parent: Option<[u8; 16]>,
}
