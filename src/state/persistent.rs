//! Persistent opens as plain data ([MS-SMB2] 3.3.1.10, Open.IsPersistent). A pure part: no database, no clock.

use freehold_dtyp::{Guid, Sid};

/// The lease that an open carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentLease {
    /// LeaseKey.
    pub key: [u8; 16],
    /// LeaseState.
    pub state: u32,
    /// 1 or 2.
    pub version: u8,
    /// Epoch.
    pub epoch: u16,
    /// ParentLeaseKey.
    pub parent: Option<[u8; 16]>,
}

/// A byte-range lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentLock {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length_bytes: u64,
    /// Nobody else may read either.
    pub exclusive: bool,
}

/// The byte-range locks of an open, all of them, and its lock sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistentLocks {
    /// Counts the changes; an older one does not replace a newer one.
    pub version: u64,
    /// The locks, in an order in which they can be taken.
    pub locks: Vec<PersistentLock>,
    /// LockSequenceArray: a number from 0 to 15 for each place, 255 for one that is not valid; may be shorter than 64.
    pub sequence: Vec<u8>,
}

/// The application that an open belongs to, wherever it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentAppInstance {
    /// AppInstanceId.
    pub id: Guid,
    /// ApplicationInstanceVersionHigh and ApplicationInstanceVersionLow, where the client gave them.
    pub version: Option<(u64, u64)>,
}

/// What changes of an open while it is there: how much it caches, whether its file goes with the last open, and how long it
/// waits for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentMarks {
    /// Counts the changes; an older one does not replace a newer one.
    pub version: u64,
    /// OplockLevel, where there is no lease: 0, 1, 8 or 9.
    pub oplock_level: u8,
    /// LeaseState and Epoch, where there is a lease.
    pub lease: Option<(u32, u16)>,
    /// The file, or the named stream, is to be deleted when its last open is closed.
    pub delete_pending: bool,
    /// How long it waits for its client, in milliseconds.
    pub timeout_ms: u32,
}

/// A persistent open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentOpen {
    /// FileId.Persistent.
    pub id: u64,
    /// Name of the share.
    pub share: String,
    /// Path below the volume's root, in WTF-8.
    pub path: Vec<u8>,
    /// Named stream, in WTF-8.
    pub stream: Option<Vec<u8>>,
    /// File id in the volume: what is at `path` must have it still.
    pub file: u64,
    /// DurableOwner.
    pub owner: Sid,
    /// Its name, for lists.
    pub user: String,
    /// ClientGuid.
    pub client_guid: Guid,
    /// CreateGuid.
    pub create_guid: Guid,
    /// CreateAction.
    pub action: u32,
    /// DesiredAccess.
    pub desired_access: u32,
    /// GrantedAccess.
    pub granted_access: u32,
    /// ShareAccess.
    pub share_access: u32,
    /// CreateOptions as they came.
    pub create_options: u32,
    /// DurableOpenTimeout in milliseconds.
    pub timeout_ms: u32,
    /// The file goes with its last open: FILE_DELETE_ON_CLOSE.
    pub delete_on_close: bool,
    /// The file, or the named stream, is to be deleted when its last open is closed: somebody has said so.
    pub delete_pending: bool,
    /// Numbers the last of the [`PersistentMarks`]; 0 before the first.
    pub marks_version: u64,
    /// The application it belongs to.
    pub app_instance: Option<PersistentAppInstance>,
    /// It is of the POSIX extensions.
    pub posix: bool,
    /// OplockLevel, where there is no lease: 0, 1, 8 or 9.
    pub oplock_level: u8,
    /// Lease.
    pub lease: Option<PersistentLease>,
    /// Byte-range locks.
    pub locks: PersistentLocks,
}

/// A change of what must outlive the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersistentChange {
    /// A new open.
    Grant(Box<PersistentOpen>),
    /// Locks of an open were taken or given up.
    Locks {
        /// Which open.
        id: u64,
        /// All its locks now.
        locks: PersistentLocks,
    },
    /// The file of an open has another name.
    Path {
        /// Which open.
        id: u64,
        /// The path now, in WTF-8.
        path: Vec<u8>,
    },
    /// The named stream of an open has another name, or is the unnamed one now.
    Stream {
        /// Which open.
        id: u64,
        /// Its stream now, in WTF-8.
        stream: Option<Vec<u8>>,
    },
    /// What an open caches has changed, or whether its file is to be deleted.
    Marks {
        /// Which open.
        id: u64,
        /// What counts now.
        marks: PersistentMarks,
    },
    /// An open is closed.
    Close {
        /// Which open.
        id: u64,
    },
}
