//! The rules of a Windows file system without a file system ([MS-FSA] 2.1): share access, delete-pending, oplocks, leases,
//! byte-range locks, dispositions.
//!
//! A [`Node`] holds what is known of one file that somebody has open. Its functions take `&mut Node` and return a
//! decision plus [`Effects`]: they never lock, sleep or send. Knows nothing of messages, connections or volumes; opens,
//! requests that wait and clients are plain numbers here.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod byte_range_lock;
pub mod change_notify;
pub mod disposition;
pub mod lease;
pub mod node;
pub mod node_report;
pub mod open;
pub mod oplock;
pub mod oplock_policy;
pub mod preserved;
pub mod share_access;
#[cfg(test)]
mod tests;
pub mod write_time;

pub use disposition::CreateDisposition;
pub use lease::{LeaseGrant, LeaseId, LeaseRequest};
pub use node::{Closed, Effects, LinkId, Node, OpenId, Owner, StreamId, Waiter};
pub use node_report::{NodeTally, OpenReport};
pub use open::{CacheRequest, DELETION_RETRY, OpenRequest, Verdict};
pub use oplock::{Actor, BreakNotice, CacheState, Granted, HolderId, OplockAcknowledged, OplockLevel};
pub use oplock_policy::OplockPolicy;
pub use share_access::ShareAccess;

/// Why the rules refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsaError {
    /// Another open does not share what is wanted, or holds what is not shared.
    SharingViolation,
    /// The file or stream goes away with its last open.
    DeletePending,
    /// An acknowledgement that does not fit the break of the oplock that was notified.
    OplockProtocol,
    /// An acknowledgement of no break: the client was told of none.
    OplockNotBreaking,
    /// There is no such lease.
    LeaseNotFound,
    /// The lease is not being broken.
    LeaseNotBreaking,
    /// A lease acknowledgement wants to keep more than the break left.
    LeaseStateTooHigh,
    /// The attribute READONLY forbids the deletion.
    CannotDelete,
    /// The name is taken.
    NameCollision,
    /// Nothing of that name.
    NameNotFound,
    /// The attributes of the file forbid the overwrite or the data access.
    AccessDenied,
    /// Values that exclude each other.
    InvalidParameter,
    /// A file was wanted, a directory is there.
    IsADirectory,
    /// A directory was wanted, a file is there.
    NotADirectory,
    /// The open is not known any more.
    Closed,
}
