//! Every limit of the protocol core, by name. Sizes are in bytes unless the name says otherwise.

use std::time::Duration;

/// Most credits a connection may hold at a time ([MS-SMB2] 3.3.1.2).
pub const MAX_CREDITS: u16 = 8192;
/// Credits at most granted before the first logon on a connection has succeeded.
pub const MAX_CREDITS_BEFORE_LOGON: u16 = 512;
/// MaxReadSize, MaxWriteSize and MaxTransactSize for dialects with multi-credit operations.
pub const MAX_IO_BYTES: u32 = 8 * 1024 * 1024;
/// The same for SMB 2.0.2, which has no multi-credit operations.
pub const MAX_IO_BYTES_SMB_2_0_2: u32 = 65_536;
/// MAXFILESIZE of [MS-FSA] 2.1.5.4, 2.1.5.15.1 and 2.1.5.15.5: what NTFS with 4-KiB clusters can hold, which clients expect to meet.
pub const MAX_FILE_BYTES: u64 = 0x0FFF_FFFF_0000;
/// Bytes that one credit pays for ([MS-SMB2] 3.1.5.2).
pub const BYTES_PER_CREDIT: u32 = 65_536;
/// Largest transport message: the largest write with its headers, and room for compounds around it.
pub const MAX_FRAME_BYTES: usize = MAX_IO_BYTES as usize + 128 * 1024;
/// Largest transport message before a session exists.
pub const MAX_FRAME_BYTES_BEFORE_LOGON: usize = 128 * 1024;
/// Largest request of a command that costs one credit at most, with its header ([MS-SMB2] 3.3.5.2).
pub const MAX_SINGLE_CREDIT_BYTES: usize = 68 * 1024;
/// Requests in one compound.
pub const MAX_COMPOUND_REQUESTS: usize = 256;
/// Requests that one connection may have waiting (locks, notifications, breaks, blocked reads of pipes).
pub const MAX_PARKED_REQUESTS: usize = 4096;
/// Sessions on one connection.
pub const MAX_SESSIONS_PER_CONNECTION: usize = 16_384;
/// Channels of one session, as many as Windows lets a client have.
pub const MAX_CHANNELS_PER_SESSION: usize = 32;
/// Sessions of one connection whose logon is not finished.
pub const MAX_HALF_OPEN_SESSIONS: usize = 64;
/// Tree connects of one session.
pub const MAX_TREES_PER_SESSION: usize = 4096;
/// Opens of one session.
pub const MAX_OPENS_PER_SESSION: usize = 262_144;
/// A request that takes longer than this in the volume gets an interim reply.
pub const INTERIM_AFTER: Duration = Duration::from_millis(500);
/// Wait for the acknowledgement of an oplock or lease break ([MS-SMB2] 3.3.2.1).
pub const BREAK_ACKNOWLEDGEMENT: Duration = Duration::from_secs(35);
/// A logon must be finished within this time ([MS-SMB2] 3.3.2.3).
pub const LOGON_TIMEOUT: Duration = Duration::from_secs(45);
/// Failed logons in a row from one address after which further ones are delayed.
pub const FAILED_LOGONS_BEFORE_DELAY: u32 = 9;
/// The delay of such a logon's answer.
pub const FAILED_LOGON_DELAY: Duration = Duration::from_secs(2);
/// DurableOpenTimeout of a durable handle of the first version ([MS-SMB2] 3.3.5.9.6): as Windows since 8.
pub const DURABLE_TIMEOUT_V1: Duration = Duration::from_secs(120);
/// DurableOpenTimeout of a durable handle of the second version whose client leaves it to the server (3.3.5.9.10).
pub const DURABLE_TIMEOUT_V2: Duration = Duration::from_secs(60);
/// The longest DurableOpenTimeout that a client gets (3.3.5.9.10).
pub const MAX_DURABLE_TIMEOUT: Duration = Duration::from_secs(300);
/// ResiliencyTimeout of a client that leaves it to the server (3.3.5.15.9): as Windows.
pub const RESILIENCY_TIMEOUT: Duration = Duration::from_secs(120);
/// MaxResiliencyTimeout (3.3.3): as Windows.
pub const MAX_RESILIENCY_TIMEOUT: Duration = Duration::from_secs(300);
/// Opens that wait for their client to come back; further ones are closed when their session is lost. Persistent opens
/// are not counted out: they were promised to stay.
pub const MAX_DISCONNECTED_OPENS: usize = 262_144;
/// Chunks of one server-side copy ([MS-SMB2] 3.3.3 ServerSideCopyMaxNumberofChunks).
pub const COPY_MAX_CHUNKS: u32 = 256;
/// Bytes of one chunk (ServerSideCopyMaxChunkSize).
pub const COPY_MAX_CHUNK_BYTES: u32 = 1024 * 1024;
/// Bytes of one server-side copy (ServerSideCopyMaxDataSize).
pub const COPY_MAX_DATA_BYTES: u32 = 16 * 1024 * 1024;
/// Byte-range locks in one request.
pub const MAX_LOCKS_PER_REQUEST: usize = 1024;
/// Byte-range locks of one open.
pub const MAX_LOCKS_PER_OPEN: usize = 65_536;
/// Changes kept for a CHANGE_NOTIFY that has not been sent yet, in bytes of the reply; more overflows.
pub const MAX_NOTIFY_BYTES: usize = 1024 * 1024;
/// Failed logons of an address are forgotten after this time without one.
pub const FAILED_LOGONS_FORGOTTEN_AFTER: Duration = Duration::from_secs(300);
/// Addresses with failed logons that are remembered before old ones are dropped.
pub const MAX_ADDRESSES_WITH_FAILED_LOGONS: usize = 10_000;

/// The limits that an administrator may lower or raise. The constants of this module are the defaults, and for
/// [`Limits::credits`] and the sizes the ceilings as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most credits of a connection; 1 to [`MAX_CREDITS`].
    pub credits: u16,
    /// MaxTransactSize in bytes; 65,536 to [`MAX_IO_BYTES`].
    pub max_transact_bytes: u32,
    /// MaxReadSize in bytes; 65,536 to [`MAX_IO_BYTES`].
    pub max_read_bytes: u32,
    /// MaxWriteSize in bytes; 65,536 to [`MAX_IO_BYTES`].
    pub max_write_bytes: u32,
    /// Sessions of one connection.
    pub sessions_per_connection: usize,
    /// Tree connects of one session.
    pub trees_per_session: usize,
    /// Opens of one session.
    pub opens_per_session: usize,
    /// Requests of one connection that wait at a time, and one: that one is refused with INSUFFICIENT_RESOURCES.
    pub requests_per_connection: usize,
    /// Failed logons in a row from one address after which further ones are delayed.
    pub logon_failures_before_wait: u32,
    /// That delay.
    pub logon_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            credits: MAX_CREDITS,
            max_transact_bytes: MAX_IO_BYTES,
            max_read_bytes: MAX_IO_BYTES,
            max_write_bytes: MAX_IO_BYTES,
            sessions_per_connection: MAX_SESSIONS_PER_CONNECTION,
            trees_per_session: MAX_TREES_PER_SESSION,
            opens_per_session: MAX_OPENS_PER_SESSION,
            requests_per_connection: MAX_PARKED_REQUESTS,
            logon_failures_before_wait: FAILED_LOGONS_BEFORE_DELAY,
            logon_wait: FAILED_LOGON_DELAY,
        }
    }
}

/// Sessions of one connection above which the keys of those that have ended are forgotten.
pub const MAX_ENDED_SESSIONS: usize = 64;
/// Snapshots that are known at a time by the numbers under which files of them are open.
pub const MAX_SNAPSHOTS: usize = 4096;
