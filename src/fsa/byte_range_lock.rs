//! Byte-range locks of one stream.

/// The locks of one stream.
#[derive(Debug, Default)]
pub struct LockTable {
    locks: Vec<()>,
}

impl LockTable {
    /// True when nobody holds a lock.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }
}
