//! A part of a file as shared memory: what is stored in it is in the page cache at once, and stays when this process is killed.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// Words of 64 bits in a file.
pub(super) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Maps `words` words of `file` from `offset` (in bytes, a multiple of the page size) on, making the file as long. Its space is
    /// taken before: to store into a hole of a full disk would end the process.
    pub(super) fn new(file: &File, offset: u64, words: usize) -> io::Result<Map> {
        let length = words as u64 * 8;
        match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, length) {
            Err(Errno::OPNOTSUPP) if file.metadata()?.len() < offset + length => {
                let zeros = vec![0; words * 8];
                std::os::unix::fs::FileExt::write_all_at(file, &zeros, offset)?;
            }
            Err(Errno::OPNOTSUPP) => {}
            other => other?,
        }
        let raw = MmapOptions::new().offset(offset).len(words * 8).map_raw(file)?;
        Ok(Map { raw })
    }

    /// The word of that number.
    #[inline]
    pub(super) fn word(&self, number: usize) -> &AtomicU64 {
        assert!(number < self.raw.len() / 8, "a word of the map");
        // SAFETY: the word lies inside of the map, which is aligned to a page and lives as long as `self`. Everything in the map is
        // accessed through such atomics alone; the volume's lock keeps other servers out, and nobody makes the file shorter.
        unsafe { AtomicU64::from_ptr(self.raw.as_mut_ptr().cast::<u64>().add(number)) }
    }

    /// Makes what is stored durable.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.raw.flush()
    }
}
