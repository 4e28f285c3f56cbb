//! The rows of the usage file: an account each.
//!
//! A row says whose account it is, and has a cell for each stripe. Keys, cells and the number of rows have checks: what was
//! damaged, cut off or never written is noticed when the volume is opened.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_dtyp::{Decode, Encode, Reader, Sid, Writer};
use freehold_quotas::FolderQuotaId;

use super::account::Amount;
use super::check::Check;
use super::durable::{Durable, FRONT_BYTES, H_KNOWN, H_ROWS, STRIPES};
use super::map::Map;

const KEY_WORDS: usize = 16;
/// Word of the key that has the check of those before it, without the first.
const KEY_CHECK: usize = KEY_WORDS - 1;
/// Bytes, files, bytes on disk, and their check.
pub(super) const CELL_WORDS: usize = 4;
const ROW_WORDS: usize = KEY_WORDS + STRIPES * CELL_WORDS;
pub(super) const CHUNK_ROWS: usize = 1024;
const CHUNK_WORDS: usize = CHUNK_ROWS * ROW_WORDS;
/// Bytes of the rows that are mapped together: a multiple of any page size up to 32 KiB.
pub(super) const CHUNK_BYTES: u64 = CHUNK_WORDS as u64 * 8;
/// Most accounts of a volume: 1,048,576.
pub(super) const CHUNKS: usize = 1024;

// Kinds of rows: the first word of the key, stored alone when it changes.
const OWNER: u64 = 1;
const FOLDER: u64 = 2;
const UNCOUNTED: u64 = 3;
const FORGOTTEN: u64 = 4;

/// Whose account a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Owner(Sid),
    /// A folder quota, and which folder it is of.
    Folder(FolderQuotaId, u64),
    /// The same, before what was there is counted.
    Uncounted(FolderQuotaId, u64),
}

impl Key {
    fn words(&self) -> [u64; KEY_WORDS] {
        let mut words = [0; KEY_WORDS];
        match self {
            Key::Owner(owner) => {
                words[0] = OWNER;
                let mut writer = Writer::new();
                owner.encode(&mut writer);
                for (word, bytes) in words[1..KEY_CHECK].iter_mut().zip(writer.into_bytes().chunks(8)) {
                    let mut all = [0; 8];
                    all[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_le_bytes(all);
                }
            }
            Key::Folder(id, path) => words[..3].copy_from_slice(&[FOLDER, id.0, *path]),
            Key::Uncounted(id, path) => words[..3].copy_from_slice(&[UNCOUNTED, id.0, *path]),
        }
        words
    }

    fn of_words(words: &[u64; KEY_WORDS]) -> Option<Key> {
        match words[0] {
            OWNER => {
                let bytes: Vec<u8> = words[1..KEY_CHECK].iter().flat_map(|word| word.to_le_bytes()).collect();
                Sid::decode(&mut Reader::new(&bytes)).ok().map(Key::Owner)
            }
            FOLDER => Some(Key::Folder(FolderQuotaId(words[1]), words[2])),
            UNCOUNTED => Some(Key::Uncounted(FolderQuotaId(words[1]), words[2])),
            _ => None,
        }
    }
}

fn key_check(row: u32, words: &[u64; KEY_WORDS]) -> u64 {
    words[1..KEY_CHECK].iter().fold(Check::of(u64::from(row) << 8), |check, word| check.and(*word)).end()
}

/// The check of a cell, without what it holds.
#[inline]
pub(super) fn cell_check(row: u32, stripe: usize) -> Check {
    Check::of((u64::from(row) << 8) | (stripe as u64 + 1))
}

/// The number of rows as it is kept: with its check, in one word.
fn kept_count(rows: u32) -> u64 {
    u64::from(rows) | Check::of(u64::from(rows)).end() << 32
}

impl Durable {
    /// How many rows there are; `None` where that is damaged.
    pub(super) fn row_count(&self) -> Option<u32> {
        let kept = self.get(H_ROWS);
        let rows = (kept & 0xFFFF_FFFF) as u32;
        (kept == kept_count(rows) && rows as usize <= CHUNKS * CHUNK_ROWS).then_some(rows)
    }

    /// There are no rows yet.
    pub(super) fn begin_rows(&self) {
        self.set(H_ROWS, kept_count(0));
    }

    /// What is used, by row; `None` where that is damaged.
    pub(super) fn rows(&self) -> Option<Vec<(u32, Key, Amount)>> {
        let count = self.row_count()?;
        let mut rows = Vec::new();
        for row in 0..count {
            let mut words = [0; KEY_WORDS];
            for (number, word) in words.iter_mut().enumerate() {
                *word = self.row_word(row, number).load(Ordering::SeqCst);
            }
            if words[KEY_CHECK] != key_check(row, &words) {
                return None;
            }
            if words[0] == FORGOTTEN {
                continue;
            }
            let is_whole = |stripe| {
                self.cell_is_whole(row, stripe, |part| self.cell(row, stripe, part).load(Ordering::SeqCst))
            };
            if !(0..STRIPES).all(is_whole) {
                return None;
            }
            rows.push((row, Key::of_words(&words)?, self.sum(row)));
        }
        Some(rows)
    }

    /// Whether a cell holds what was stored there; `part` gives its words.
    pub(super) fn cell_is_whole(&self, row: u32, stripe: usize, part: impl Fn(usize) -> u64) -> bool {
        let check =
            (0..CELL_WORDS - 1).fold(cell_check(row, stripe), |check, number| check.and(part(number)));
        check.end() == part(CELL_WORDS - 1)
    }

    pub(super) fn map_chunk(&self, chunk: usize) -> io::Result<()> {
        if self.chunks[chunk].get().is_none() {
            let offset = FRONT_BYTES + chunk as u64 * CHUNK_BYTES;
            let _ = self.chunks[chunk].set(Map::new(&self.file, offset, CHUNK_WORDS)?);
        }
        Ok(())
    }

    fn row_word(&self, row: u32, word: usize) -> &AtomicU64 {
        let row = row as usize;
        // INVARIANT: a row's chunk is mapped before anybody knows its number.
        let chunk = self.chunks[row / CHUNK_ROWS].get().expect("the chunk of a row is mapped");
        chunk.word(row % CHUNK_ROWS * ROW_WORDS + word)
    }

    pub(super) fn cell(&self, row: u32, stripe: usize, part: usize) -> &AtomicU64 {
        self.row_word(row, KEY_WORDS + stripe * CELL_WORDS + part)
    }

    fn sum(&self, row: u32) -> Amount {
        let part = |part| {
            (0..STRIPES).fold(0i64, |sum, stripe| {
                sum.wrapping_add(self.cell(row, stripe, part).load(Ordering::SeqCst) as i64)
            })
        };
        Amount { bytes: part(0), nameless: 0, files: part(1), physical: part(2) }
    }

    /// A row for an account that has none; `None` where there is no place for it.
    pub(super) fn make_row(&self, key: &Key) -> Option<u32> {
        let _one_at_a_time = self.making_rows.lock();
        let number = self.row_count().filter(|row| (*row as usize) < CHUNKS * CHUNK_ROWS)?;
        if let Err(error) = self.map_chunk(number as usize / CHUNK_ROWS) {
            tracing::error!(%error, "usage of one more owner cannot be kept: it is counted at the next start");
            self.set(H_KNOWN, 0);
            return None;
        }
        let mut words = key.words();
        words[KEY_CHECK] = key_check(number, &words);
        for (word, value) in words.into_iter().enumerate() {
            self.row_word(number, word).store(value, Ordering::SeqCst);
        }
        for stripe in 0..STRIPES {
            for part in 0..CELL_WORDS - 1 {
                self.cell(number, stripe, part).store(0, Ordering::Relaxed);
            }
            let check = (0..CELL_WORDS - 1).fold(cell_check(number, stripe), |check, _| check.and(0)).end();
            self.cell(number, stripe, CELL_WORDS - 1).store(check, Ordering::Release);
        }
        self.set(H_ROWS, kept_count(number + 1));
        Some(number)
    }

    /// The account of a row is no more.
    pub(super) fn forget_row(&self, row: u32) {
        self.row_word(row, 0).store(FORGOTTEN, Ordering::SeqCst);
    }

    /// What was there when a folder quota was made is counted: from here on its row says what is used.
    pub(super) fn folder_is_counted(&self, row: u32) {
        let _ = self.row_word(row, 0).compare_exchange(UNCOUNTED, FOLDER, Ordering::SeqCst, Ordering::SeqCst);
    }
}
