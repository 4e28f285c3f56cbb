//! Reply buffers: one allocation that holds transport header, transform header, SMB2 headers and payload, so that a
//! reply is signed or sealed in place and sent with one system call.

use freehold_dtyp::Writer;

/// Bytes of the direct TCP transport header ([MS-SMB2] 2.1).
pub const TRANSPORT_HEADER_BYTES: usize = 4;
/// Bytes of the SMB2 TRANSFORM_HEADER ([MS-SMB2] 2.2.41).
pub const TRANSFORM_HEADER_BYTES: usize = 52;
/// Room in front of the first SMB2 header.
pub const HEADROOM_BYTES: usize = TRANSPORT_HEADER_BYTES + TRANSFORM_HEADER_BYTES;

/// A growing reply. Bytes past its length that were in use before stay initialised, so a reused buffer is never
/// cleared before a volume reads into it.
#[derive(Debug, Default)]
pub struct ReplyBuffer {
    /// Always wholly initialised; only the first `length` bytes are the reply's.
    storage: Vec<u8>,
    length: usize,
}

impl ReplyBuffer {
    /// An empty reply: nothing but head room.
    #[must_use]
    pub fn new() -> Self {
        let mut buffer = ReplyBuffer::default();
        buffer.reset();
        buffer
    }

    /// Empties it, keeping the allocation.
    pub fn reset(&mut self) {
        self.length = 0;
        self.extend(HEADROOM_BYTES);
        if let Some(head) = self.storage.get_mut(..HEADROOM_BYTES) {
            head.fill(0);
        }
    }

    /// Bytes used, head room included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// True when nothing stands behind the head room.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length <= HEADROOM_BYTES
    }

    /// Bytes allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.storage.len()
    }

    /// Everything, head room included.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.storage.get(..self.length).unwrap_or_default()
    }

    /// Everything, head room included.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.storage.get_mut(..self.length).unwrap_or_default()
    }

    /// Bytes from `start` on (0 is the start of the head room).
    #[inline]
    pub fn tail_mut(&mut self, start: usize) -> &mut [u8] {
        self.storage.get_mut(start..self.length).unwrap_or_default()
    }

    /// Appends `count` bytes of unspecified content (to be overwritten by the caller) and returns them.
    #[inline]
    pub fn extend(&mut self, count: usize) -> &mut [u8] {
        let start = self.length;
        let end = start.saturating_add(count);
        if self.storage.len() < end {
            // Grows in steps, so that small replies do not reallocate.
            let wanted = end.max(512).checked_next_power_of_two().unwrap_or(end);
            self.storage.resize(if wanted > 1 << 16 { end.next_multiple_of(4096) } else { wanted }, 0);
        }
        self.length = end;
        self.storage.get_mut(start..end).unwrap_or_default()
    }

    /// Appends bytes.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) {
        self.extend(bytes.len()).copy_from_slice(bytes);
    }

    /// Cuts to `length` bytes; does nothing when it is shorter.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Appends zeros until the length behind `start` is a multiple of 8.
    pub fn align_8_from(&mut self, start: usize) {
        let past = self.length.saturating_sub(start) % 8;
        if past != 0 {
            self.extend(8usize.saturating_sub(past)).fill(0);
        }
    }

    /// Runs `write` with a [`Writer`] that appends to this buffer; its position counts from the start of the head
    /// room, so `start` of a structure is [`ReplyBuffer::len`] before the call.
    pub fn write<T>(&mut self, write: impl FnOnce(&mut Writer) -> T) -> T {
        let mut storage = std::mem::take(&mut self.storage);
        storage.truncate(self.length);
        let mut writer = Writer::from_vec(storage);
        let result = write(&mut writer);
        self.storage = writer.into_bytes();
        self.length = self.storage.len();
        result
    }
}
