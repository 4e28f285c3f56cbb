//! What a volume has to do with programs of this machine that use the same files: plain data (docs/decisions/0034).

/// How far a volume minds programs of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalPrograms {
    /// Their locks and the clients' are not of one world. Costs nothing.
    #[default]
    Ignore,
    /// Byte-range locks of clients are locks of the kernel as well, locks of programs hold for clients, and data is opened
    /// with the file, so that leases of programs are broken by then.
    Locks,
    /// The same, and what clients cache is behind leases of the kernel: a program that opens a file breaks them.
    Leases,
}

impl LocalPrograms {
    /// Byte-range locks are shared.
    #[inline]
    #[must_use]
    pub const fn shares_locks(self) -> bool {
        matches!(self, LocalPrograms::Locks | LocalPrograms::Leases)
    }

    /// Nothing is cached that a program could not break.
    #[inline]
    #[must_use]
    pub const fn backs_caches(self) -> bool {
        matches!(self, LocalPrograms::Leases)
    }
}

/// A byte-range lock of a client, as programs of this machine are to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalLock {
    /// First byte.
    pub offset: u64,
    /// Length in bytes. An empty range has no local form.
    pub length_bytes: u64,
    /// Nobody else may read or lock; else others may.
    pub exclusive: bool,
}
