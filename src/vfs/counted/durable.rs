//! Usage on disk: `.freehold/quota/usage`, which is exact after the server was killed.
//!
//! The file is shared memory: a store is kept by the kernel at once, without a system call. It has
//!
//! | part | what |
//! |---|---|
//! | head | what the file is, and whether what it says can be relied on |
//! | intents | what is about to happen to a file, one slot for each change under way |
//! | stripes | by file id; a change of usage that is being carried out, and the ids of the newest files |
//! | rows | one for each account: whose, and its usage, the sum of a cell for each stripe |
//!
//! A change writes its intent before it touches the file. When it is done, it takes its stripe's lock, writes down the new
//! contents of the cells and which intent ends, marks that as decided in one store, carries it out and takes the mark away. To
//! carry it out twice is to do it once. So a killed server leaves each change decided, and then it is carried out, or open, and
//! then its file is looked at.
//!
//! After the machine itself went down the file is believed only where the volume was closed before. In doubt it is not.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use freehold_dtyp::{Decode, Encode, Guid, Reader, Sid, Writer};
use freehold_quotas::{FolderQuotaId, INTENT_WORDS, Intent};
use parking_lot::Mutex;

use super::account::Amount;
use super::gate::wait;
use super::map::Map;

const MAGIC: u64 = u64::from_le_bytes(*b"FHQUOTA1");
const FILE: &str = "usage";

const HEAD_WORDS: usize = 512;
const SLOTS: usize = 512;
const SLOT_WORDS: usize = INTENT_WORDS + 1;
const STRIPES: usize = 16;
/// Newest files that a stripe remembers.
const NEW_FILES: usize = 256;
/// Accounts that are changed in one step.
const REDO_ROWS: usize = 16;
const REDO_ROW_WORDS: usize = 4;
const STRIPE_HEAD_WORDS: usize = 8;
const STRIPE_WORDS: usize = STRIPE_HEAD_WORDS + REDO_ROWS * REDO_ROW_WORDS + NEW_FILES;
const FRONT_WORDS: usize = HEAD_WORDS + SLOTS * SLOT_WORDS + STRIPES * STRIPE_WORDS;
/// The front rounded up to pages.
const FRONT_BYTES: u64 = (FRONT_WORDS as u64 * 8).next_multiple_of(4096);
const KEY_WORDS: usize = 16;
const CELL_WORDS: usize = 3;
const ROW_WORDS: usize = KEY_WORDS + STRIPES * CELL_WORDS;
const CHUNK_ROWS: usize = 1024;
const CHUNK_WORDS: usize = CHUNK_ROWS * ROW_WORDS;
/// Most accounts of a volume: 1,048,576.
const CHUNKS: usize = 1024;

// Words of the head.
const H_MAGIC: usize = 0;
const H_GUID: usize = 1;
const H_INODE: usize = 3;
/// 1: the rows say what is used; 0: they are to be counted.
const H_KNOWN: usize = 4;
/// 1: everything is on disk.
const H_CLEAN: usize = 5;
const H_BOOT: usize = 6;
const H_RENAMES: usize = 8;
const H_NEWEST: usize = 9;
const H_ROWS: usize = 10;
/// Moves between folder quotas that are under way.
const H_MOVING: usize = 11;

// States of a slot, in the low byte; above it how often it was used.
const FREE: u64 = 0;
const TAKEN: u64 = 1;
const OPEN: u64 = 2;
const STATE: u64 = 0xFF;
const USE: u64 = 0x100;

// Words of a stripe.
const S_DECIDED: usize = 0;
const S_ROWS: usize = 1;
const S_SLOT: usize = 2;
const S_CREATED: usize = 3;
const S_MADE: usize = 4;
const S_SLOT_STATE: usize = 5;

/// Whose account a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Owner(Sid),
    /// A folder quota, and which folder it is of.
    Folder(FolderQuotaId, u64),
}

/// What is on disk of a volume that was closed, or whose server was killed.
pub(super) struct Found {
    pub(super) rows: Vec<(u32, Key, Amount)>,
    /// Changes that were under way.
    pub(super) open: Vec<(Slot, Option<Intent<'static>>)>,
    /// Renames of folders so far.
    pub(super) renames: u64,
}

/// An intent that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    number: usize,
    state: u64,
}

pub(super) struct Durable {
    file: File,
    front: Map,
    chunks: Vec<OnceLock<Map>>,
    stripes: [Mutex<()>; STRIPES],
    making_rows: Mutex<()>,
    /// Everything is on disk: the next change must first say that it is not.
    clean: AtomicBool,
}

pub(super) fn boot_id() -> [u64; 2] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let half = |from: usize| {
        digits.get(from..from + 16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
    };
    [half(0), half(16)]
}

pub(super) fn halves(guid: Guid) -> [u64; 2] {
    let value = u128::from_le_bytes(guid.0);
    [value as u64, (value >> 64) as u64]
}

impl Key {
    fn words(&self) -> [u64; KEY_WORDS] {
        let mut words = [0; KEY_WORDS];
        match self {
            Key::Owner(owner) => {
                words[0] = 1;
                let mut writer = Writer::new();
                owner.encode(&mut writer);
                for (word, bytes) in words[1..].iter_mut().zip(writer.into_bytes().chunks(8)) {
                    let mut all = [0; 8];
                    all[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_le_bytes(all);
                }
            }
            Key::Folder(id, path) => words[..3].copy_from_slice(&[2, id.0, *path]),
        }
        words
    }

    fn of_words(words: &[u64; KEY_WORDS]) -> Option<Key> {
        match words[0] {
            1 => {
                let bytes: Vec<u8> = words[1..].iter().flat_map(|word| word.to_le_bytes()).collect();
                Sid::decode(&mut Reader::new(&bytes)).ok().map(Key::Owner)
            }
            2 => Some(Key::Folder(FolderQuotaId(words[1]), words[2])),
            _ => None,
        }
    }
}

impl Durable {
    /// Opens or makes the file in `folder`; without what it says where that cannot be relied on, or is not to be.
    pub(super) fn open(folder: &Path, volume: Guid, rely: bool) -> io::Result<(Durable, Option<Found>)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        if rely && file.metadata()?.len() >= FRONT_BYTES {
            let durable = Self::of(file)?;
            match durable.find(volume) {
                Ok(found) => {
                    durable.begin_run();
                    return Ok((durable, Some(found)));
                }
                Err(reason) => tracing::warn!(path = %path.display(), reason, "usage is counted anew"),
            }
            drop(durable);
        }
        // A new file in its place: nothing of the old one is left.
        let _ = std::fs::remove_file(&path);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let durable = Self::of(file)?;
        for (place, word) in [H_GUID, H_GUID + 1].into_iter().zip(halves(volume)) {
            durable.set(place, word);
        }
        durable.set(H_INODE, durable.file.metadata()?.ino());
        durable.begin_run();
        durable.set(H_MAGIC, MAGIC);
        Ok((durable, None))
    }

    fn of(file: File) -> io::Result<Durable> {
        let front = Map::new(&file, 0, FRONT_BYTES as usize / 8)?;
        Ok(Durable {
            file,
            front,
            chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(),
            stripes: std::array::from_fn(|_| Mutex::default()),
            making_rows: Mutex::default(),
            clean: AtomicBool::new(false),
        })
    }

    fn get(&self, word: usize) -> u64 {
        self.front.word(word).load(Ordering::SeqCst)
    }

    fn set(&self, word: usize, value: u64) {
        self.front.word(word).store(value, Ordering::SeqCst);
    }

    /// From here on the file is believed while this machine runs.
    fn begin_run(&self) {
        self.clean.store(self.get(H_CLEAN) == 1, Ordering::SeqCst);
        for (place, word) in [H_BOOT, H_BOOT + 1].into_iter().zip(boot_id()) {
            self.set(place, word);
        }
    }

    fn find(&self, volume: Guid) -> Result<Found, &'static str> {
        if self.get(H_MAGIC) != MAGIC {
            return Err("the kept usage is damaged, or of another version");
        }
        if [self.get(H_GUID), self.get(H_GUID + 1)] != halves(volume) {
            return Err("the kept usage is another volume's");
        }
        let same_file = self.file.metadata().is_ok_and(|metadata| metadata.ino() == self.get(H_INODE));
        let same_run = same_file && [self.get(H_BOOT), self.get(H_BOOT + 1)] == boot_id();
        if !same_run && self.get(H_CLEAN) != 1 {
            return Err("the machine went down while the volume was open");
        }
        if self.get(H_KNOWN) != 1 {
            return Err("the usage had not been counted to the end");
        }
        let count = usize::try_from(self.get(H_ROWS)).ok().filter(|rows| *rows <= CHUNKS * CHUNK_ROWS);
        let count = count.ok_or("the kept usage is damaged")?;
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        if length < FRONT_BYTES + count.div_ceil(CHUNK_ROWS) as u64 * CHUNK_WORDS as u64 * 8 {
            return Err("the kept usage is cut short");
        }
        for chunk in 0..count.div_ceil(CHUNK_ROWS) {
            self.map_chunk(chunk).map_err(|_| "the kept usage cannot be mapped")?;
        }
        for stripe in 0..STRIPES {
            self.finish(stripe).ok_or("the kept usage is damaged")?;
        }
        if self.get(H_MOVING) != 0 {
            tracing::info!(
                "folder quotas are counted anew: something moved between them when the server stopped"
            );
            for (row, key, _) in self.rows().ok_or("the kept usage is damaged")? {
                if let Key::Folder(..) = key {
                    self.forget_row(row);
                }
            }
            self.set(H_MOVING, 0);
        }
        let mut open = Vec::new();
        for slot in 0..SLOTS {
            let first = HEAD_WORDS + slot * SLOT_WORDS;
            let state = self.get(first);
            if state & STATE == OPEN {
                let words: Vec<u64> = (1..SLOT_WORDS).map(|word| self.get(first + word)).collect();
                open.push((Slot { number: slot, state }, Intent::decode(&words)));
            } else {
                self.set(first, state & !STATE);
            }
        }
        Ok(Found {
            rows: self.rows().ok_or("the kept usage is damaged")?,
            open,
            renames: self.get(H_RENAMES),
        })
    }

    /// What is used, by row; `None` where it makes no sense.
    pub(super) fn rows(&self) -> Option<Vec<(u32, Key, Amount)>> {
        let count = u32::try_from(self.get(H_ROWS)).ok()?;
        let mut rows = Vec::with_capacity(count as usize);
        for row in 0..count {
            let mut words = [0; KEY_WORDS];
            for (number, word) in words.iter_mut().enumerate() {
                *word = self.row_word(row, number).load(Ordering::SeqCst);
            }
            match Key::of_words(&words) {
                Some(key) => rows.push((row, key, self.sum(row))),
                None if words[0] == 0 => {}
                None => return None,
            }
        }
        Some(rows)
    }

    fn map_chunk(&self, chunk: usize) -> io::Result<()> {
        if self.chunks[chunk].get().is_none() {
            let offset = FRONT_BYTES + (chunk * CHUNK_WORDS * 8) as u64;
            let _ = self.chunks[chunk].set(Map::new(&self.file, offset, CHUNK_WORDS)?);
        }
        Ok(())
    }

    fn row_word(&self, row: u32, word: usize) -> &std::sync::atomic::AtomicU64 {
        let row = row as usize;
        // INVARIANT: a row's chunk is mapped before anybody knows its number.
        let chunk = self.chunks[row / CHUNK_ROWS].get().expect("the chunk of a row is mapped");
        chunk.word(row % CHUNK_ROWS * ROW_WORDS + word)
    }

    fn cell(&self, row: u32, stripe: usize, part: usize) -> &std::sync::atomic::AtomicU64 {
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
        let row = usize::try_from(self.get(H_ROWS)).ok().filter(|row| *row < CHUNKS * CHUNK_ROWS)?;
        if let Err(error) = self.map_chunk(row / CHUNK_ROWS) {
            tracing::error!(%error, "usage of one more owner cannot be kept: it is counted at the next start");
            self.set(H_KNOWN, 0);
            return None;
        }
        let number = u32::try_from(row).ok()?;
        for (word, value) in key.words().into_iter().enumerate() {
            self.row_word(number, word).store(value, Ordering::SeqCst);
        }
        self.set(H_ROWS, row as u64 + 1);
        Some(number)
    }

    /// The account of a row is no more.
    pub(super) fn forget_row(&self, row: u32) {
        self.row_word(row, 0).store(0, Ordering::SeqCst);
    }

    /// Whether what the rows say can be relied on by the next run.
    pub(super) fn set_known(&self, known: bool) {
        self.set(H_KNOWN, u64::from(known));
    }

    /// Renames of folders, and the newest file: for an intent.
    pub(super) fn moment(&self) -> (u64, u64) {
        (self.get(H_RENAMES), self.get(H_NEWEST))
    }

    /// A file with this id is there, and charged. Ids with the high bit are derived from inodes, and tell nothing of age.
    pub(super) fn saw(&self, id: u64) {
        if id >> 63 == 0 && id > self.get(H_NEWEST) {
            self.front.word(H_NEWEST).fetch_max(id, Ordering::SeqCst);
        }
    }

    /// A folder is about to be renamed, or has been.
    pub(super) fn renaming(&self) {
        self.front.word(H_RENAMES).fetch_add(1, Ordering::SeqCst);
    }

    /// Something begins (1) or ends (-1) to move from below one folder quota to below another.
    pub(super) fn folders_move(&self, change: i64) {
        self.soil();
        self.front.word(H_MOVING).fetch_add(change as u64, Ordering::SeqCst);
    }

    /// Before the first change after everything was on disk.
    #[inline]
    fn soil(&self) {
        if self.clean.load(Ordering::Relaxed) && self.clean.swap(false, Ordering::SeqCst) {
            self.set(H_CLEAN, 0);
            if let Err(error) = self.front.flush() {
                tracing::error!(%error, "the file of usage cannot be written");
            }
        }
    }

    /// Writes down what is about to happen.
    pub(super) fn begin(&self, intent: &Intent<'_>) -> Slot {
        thread_local! {
            static HINT: std::cell::Cell<usize> = const { std::cell::Cell::new(usize::MAX) };
        }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.soil();
        let mut slot = HINT.get();
        if slot == usize::MAX {
            slot = NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS;
            HINT.set(slot);
        }
        let mut rounds = 0;
        loop {
            let place = self.front.word(HEAD_WORDS + slot * SLOT_WORDS);
            let state = place.load(Ordering::Relaxed);
            if state & STATE == FREE
                && place.compare_exchange(state, state | TAKEN, Ordering::SeqCst, Ordering::Relaxed).is_ok()
            {
                break;
            }
            slot = (slot + 1) % SLOTS;
            if slot == HINT.get() {
                wait(&mut rounds);
            }
        }
        let first = HEAD_WORDS + slot * SLOT_WORDS;
        intent.encode(|word, value| self.front.word(first + 1 + word).store(value, Ordering::Relaxed));
        let state = (self.front.word(first).load(Ordering::Relaxed) & !STATE).wrapping_add(USE) | OPEN;
        self.front.word(first).store(state, Ordering::Release);
        Slot { number: slot, state }
    }

    /// Nothing came of what was about to happen.
    pub(super) fn cancel(&self, slot: Slot) {
        // Somebody else may have it by now, where what was decided is carried out once more.
        let place = self.front.word(HEAD_WORDS + slot.number * SLOT_WORDS);
        let _ = place.compare_exchange(slot.state, slot.state & !STATE, Ordering::Release, Ordering::Relaxed);
    }

    /// Usage changes by a change of the file `id`, which ends its intent; `created` where the file is new.
    pub(super) fn apply(&self, id: u64, rows: &[(u32, Amount)], slot: Option<Slot>, created: bool) {
        self.soil();
        let mut rows = rows;
        while let Some((first, rest)) = rows.split_at_checked(REDO_ROWS).filter(|(_, rest)| !rest.is_empty())
        {
            self.apply_some(id, first, None, false);
            rows = rest;
        }
        self.apply_some(id, rows, slot, created);
    }

    fn apply_some(&self, id: u64, rows: &[(u32, Amount)], slot: Option<Slot>, created: bool) {
        let stripe = id as usize % STRIPES;
        let base = HEAD_WORDS + SLOTS * SLOT_WORDS + stripe * STRIPE_WORDS;
        let word = |number: usize| self.front.word(base + number);
        let _mine = self.stripes[stripe].lock();
        for (number, (row, amount)) in rows.iter().enumerate() {
            let place = STRIPE_HEAD_WORDS + number * REDO_ROW_WORDS;
            word(place).store(u64::from(*row), Ordering::Relaxed);
            for (part, change) in [amount.bytes, amount.files, amount.physical].into_iter().enumerate() {
                let now = self.cell(*row, stripe, part).load(Ordering::Relaxed) as i64;
                word(place + 1 + part).store(now.wrapping_add(change) as u64, Ordering::Relaxed);
            }
        }
        word(S_ROWS).store(rows.len() as u64, Ordering::Relaxed);
        word(S_SLOT).store(slot.map_or(0, |slot| slot.number as u64 + 1), Ordering::Relaxed);
        word(S_SLOT_STATE).store(slot.map_or(0, |slot| slot.state), Ordering::Relaxed);
        word(S_CREATED).store(if created { id } else { 0 }, Ordering::Relaxed);
        word(S_DECIDED).store(1, Ordering::Release);
        self.carry_out(stripe, word(S_MADE).load(Ordering::Relaxed));
        word(S_DECIDED).store(0, Ordering::Release);
    }

    /// Carries out what is decided in a stripe; `None` where it makes no sense.
    fn carry_out(&self, stripe: usize, made: u64) -> Option<()> {
        let base = HEAD_WORDS + SLOTS * SLOT_WORDS + stripe * STRIPE_WORDS;
        let word = |number: usize| self.front.word(base + number);
        let rows =
            usize::try_from(word(S_ROWS).load(Ordering::Relaxed)).ok().filter(|rows| *rows <= REDO_ROWS)?;
        for number in 0..rows {
            let place = STRIPE_HEAD_WORDS + number * REDO_ROW_WORDS;
            let row = u32::try_from(word(place).load(Ordering::Relaxed)).ok()?;
            self.chunks.get(row as usize / CHUNK_ROWS)?.get()?;
            for part in 0..CELL_WORDS {
                let value = word(place + 1 + part).load(Ordering::Relaxed);
                self.cell(row, stripe, part).store(value, Ordering::Release);
            }
        }
        let created = word(S_CREATED).load(Ordering::Relaxed);
        if created != 0 {
            let place = STRIPE_HEAD_WORDS + REDO_ROWS * REDO_ROW_WORDS + made as usize % NEW_FILES;
            word(place).store(created, Ordering::Release);
            word(S_MADE).store(made.wrapping_add(1), Ordering::Release);
            self.saw(created);
        }
        if let Some(slot) = word(S_SLOT).load(Ordering::Relaxed).checked_sub(1) {
            let number = usize::try_from(slot).ok().filter(|slot| *slot < SLOTS)?;
            self.cancel(Slot { number, state: word(S_SLOT_STATE).load(Ordering::Relaxed) });
        }
        Some(())
    }

    /// After a start: what was decided is carried out.
    fn finish(&self, stripe: usize) -> Option<()> {
        let base = HEAD_WORDS + SLOTS * SLOT_WORDS + stripe * STRIPE_WORDS;
        if self.get(base + S_DECIDED) == 1 {
            self.carry_out(stripe, self.get(base + S_MADE))?;
            self.set(base + S_DECIDED, 0);
        }
        Some(())
    }

    /// The file with this id was made and charged lately.
    pub(super) fn is_known_new(&self, id: u64) -> bool {
        let base = HEAD_WORDS + SLOTS * SLOT_WORDS + id as usize % STRIPES * STRIPE_WORDS;
        let first = base + STRIPE_HEAD_WORDS + REDO_ROWS * REDO_ROW_WORDS;
        (0..NEW_FILES).any(|number| self.get(first + number) == id)
    }

    /// Makes everything durable. No change is under way.
    pub(super) fn sync(&self) -> io::Result<()> {
        for chunk in self.chunks.iter().map_while(OnceLock::get) {
            chunk.flush()?;
        }
        self.front.flush()?;
        self.set(H_CLEAN, 1);
        self.clean.store(true, Ordering::SeqCst);
        self.front.flush()
    }
}
