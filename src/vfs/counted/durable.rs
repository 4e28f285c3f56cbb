//! Usage on disk: `.freehold/quota/usage`, which is exact after the server was killed.
//!
//! The file is shared memory: a store is kept by the kernel at once, without a system call. It has
//!
//! | part | what |
//! |---|---|
//! | head | what the file is, and whether what it says can be relied on |
//! | intents | what is about to happen to a file, one slot for each change under way |
//! | stripes | by file id; a change of usage that is being carried out, and the ids of the newest files |
//! | renames | the last renames of folders: where a path may lead (`renames`) |
//! | rows | one for each account: whose, and its usage, the sum of a cell for each stripe (`rows`) |
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

use freehold_dtyp::Guid;
use freehold_quotas::{INTENT_WORDS, Intent};
use parking_lot::Mutex;

use super::account::Amount;
use super::check::Check;
use super::gate::wait;
use super::map::Map;
use super::renames::{RING_WORDS, UnderWay};
use super::rows::{CELL_WORDS, CHUNK_BYTES, CHUNK_ROWS, CHUNKS, Key, cell_check};

const MAGIC: u64 = u64::from_le_bytes(*b"FHQUOTA2");
const FILE: &str = "usage";

const HEAD_WORDS: usize = 512;
const SLOTS: usize = 512;
/// State, check, intent.
const SLOT_WORDS: usize = INTENT_WORDS + 2;
pub(super) const STRIPES: usize = 16;
/// Newest files that a stripe remembers.
const NEW_FILES: usize = 256;
/// Accounts that are changed in one step.
const REDO_ROWS: usize = 16;
const REDO_ROW_WORDS: usize = 1 + CELL_WORDS;
const STRIPE_HEAD_WORDS: usize = 8;
const STRIPE_WORDS: usize = STRIPE_HEAD_WORDS + REDO_ROWS * REDO_ROW_WORDS + NEW_FILES;
pub(super) const RENAMES_AT: usize = HEAD_WORDS + SLOTS * SLOT_WORDS + STRIPES * STRIPE_WORDS;
const FRONT_WORDS: usize = RENAMES_AT + RING_WORDS;
/// The front rounded up to pages.
pub(super) const FRONT_BYTES: u64 = (FRONT_WORDS as u64 * 8).next_multiple_of(4096);

// Words of the head.
const H_MAGIC: usize = 0;
const H_GUID: usize = 1;
const H_INODE: usize = 3;
/// 1: the rows say what is used; 0: they are to be counted.
pub(super) const H_KNOWN: usize = 4;
/// 1: everything is on disk.
const H_CLEAN: usize = 5;
const H_BOOT: usize = 6;
/// Renames of folders so far.
pub(super) const H_RENAMES: usize = 8;
const H_NEWEST: usize = 9;
pub(super) const H_ROWS: usize = 10;
/// Moves between folder quotas that are under way.
const H_MOVING: usize = 11;
/// The first rename of a folder that is not done.
pub(super) const H_FLOOR: usize = 12;

// States of a slot, in the low byte; above it how often it was used.
const FREE: u64 = 0;
const TAKEN: u64 = 1;
const OPEN: u64 = 2;
const STATE: u64 = 0xFF;
const USE: u64 = 0x100;
/// Instead of the check of an intent: there is none.
const NO_INTENT: u64 = 0;

// Words of a stripe.
const S_DECIDED: usize = 0;
const S_ROWS: usize = 1;
const S_SLOT: usize = 2;
const S_CREATED: usize = 3;
const S_MADE: usize = 4;
const S_SLOT_STATE: usize = 5;

/// What is on disk of a volume that was closed, or whose server was killed.
pub(super) struct Found {
    pub(super) rows: Vec<(u32, Key, Amount)>,
    /// Changes that were under way.
    pub(super) open: Vec<(Slot, Intent<'static>)>,
    /// Folder quotas are to be counted anew: why.
    pub(super) folders_anew: Option<&'static str>,
}

/// An intent that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    number: usize,
    state: u64,
}

pub(super) struct Durable {
    pub(super) file: File,
    pub(super) front: Map,
    pub(super) chunks: Vec<OnceLock<Map>>,
    stripes: [Mutex<()>; STRIPES],
    pub(super) making_rows: Mutex<()>,
    pub(super) under_way: Mutex<UnderWay>,
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
        durable.begin_rows();
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
            under_way: Mutex::default(),
            clean: AtomicBool::new(false),
        })
    }

    pub(super) fn get(&self, word: usize) -> u64 {
        self.front.word(word).load(Ordering::SeqCst)
    }

    pub(super) fn set(&self, word: usize, value: u64) {
        self.front.word(word).store(value, Ordering::SeqCst);
    }

    /// From here on the file is believed while this machine runs.
    fn begin_run(&self) {
        self.clean.store(self.get(H_CLEAN) == 1, Ordering::SeqCst);
        for (place, word) in [H_BOOT, H_BOOT + 1].into_iter().zip(boot_id()) {
            self.set(place, word);
        }
        if let Ok(metadata) = self.file.metadata() {
            self.set(H_INODE, metadata.ino());
        }
        self.begin_renames();
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
        let count = self.row_count().ok_or("the kept usage is damaged")? as usize;
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        if length < FRONT_BYTES + count.div_ceil(CHUNK_ROWS) as u64 * CHUNK_BYTES {
            return Err("the kept usage is cut short");
        }
        for chunk in 0..count.div_ceil(CHUNK_ROWS) {
            self.map_chunk(chunk).map_err(|_| "the kept usage cannot be mapped")?;
        }
        for stripe in 0..STRIPES {
            self.finish(stripe).ok_or("the kept usage is damaged")?;
        }
        let mut rows = self.rows().ok_or("the kept usage is damaged")?;
        let mut folders_anew = None;
        if self.get(H_MOVING) != 0 {
            folders_anew = Some("many folder quotas were on their way");
            self.set(H_MOVING, 0);
        }
        rows.retain(|(row, key, amount)| {
            let is_of_use = match key {
                Key::Owner(_) => true,
                Key::Folder(..) => folders_anew.is_none() && amount.makes_sense(),
                Key::Uncounted(..) => false,
            };
            if !is_of_use {
                self.forget_row(*row);
            }
            is_of_use
        });
        let mut open = Vec::new();
        for slot in 0..SLOTS {
            let first = HEAD_WORDS + slot * SLOT_WORDS;
            let state = self.get(first);
            if state & STATE == OPEN && self.get(first + 1) != NO_INTENT {
                let intent = self.kept_intent(slot);
                open.push((Slot { number: slot, state }, intent.ok_or("the kept usage is damaged")?));
            } else {
                self.set(first, state & !STATE);
            }
        }
        Ok(Found { rows, open, folders_anew })
    }

    /// The intent of a slot, if it is what was written down.
    fn kept_intent(&self, slot: usize) -> Option<Intent<'static>> {
        let first = HEAD_WORDS + slot * SLOT_WORDS;
        let words: Vec<u64> = (2..SLOT_WORDS).map(|word| self.get(first + word)).collect();
        let intent = Intent::decode(&words)?;
        let mut check = Check::of(slot as u64);
        intent.encode(|_, value| check = check.and(value));
        (check.end() == self.get(first + 1)).then_some(intent)
    }

    /// Whether what the rows say can be relied on by the next run.
    pub(super) fn set_known(&self, known: bool) {
        self.set(H_KNOWN, u64::from(known));
    }

    /// The first rename of a folder that is not done, and the newest file: for an intent, before its path is looked up.
    pub(super) fn moment(&self) -> (u64, u64) {
        (self.get(H_FLOOR), self.get(H_NEWEST))
    }

    /// A file with this id is there, and charged. Ids with the high bit are derived from inodes, and tell nothing of age.
    pub(super) fn saw(&self, id: u64) {
        if id >> 63 == 0 && id > self.get(H_NEWEST) {
            self.front.word(H_NEWEST).fetch_max(id, Ordering::SeqCst);
        }
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
        let mut check = Check::of(slot as u64);
        intent.encode(|word, value| {
            check = check.and(value);
            self.front.word(first + 2 + word).store(value, Ordering::Relaxed);
        });
        self.front.word(first + 1).store(check.end(), Ordering::Relaxed);
        let state = (self.front.word(first).load(Ordering::Relaxed) & !STATE).wrapping_add(USE) | OPEN;
        self.front.word(first).store(state, Ordering::Release);
        Slot { number: slot, state }
    }

    /// Nothing came of what was about to happen.
    pub(super) fn cancel(&self, slot: Slot) {
        let first = HEAD_WORDS + slot.number * SLOT_WORDS;
        let place = self.front.word(first);
        // Somebody else may have it by now, where what was decided is carried out once more.
        if place.load(Ordering::Relaxed) != slot.state {
            return;
        }
        // What is left in the slot is no intent, whatever becomes of its state.
        self.front.word(first + 1).store(NO_INTENT, Ordering::Release);
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
            let mut check = cell_check(*row, stripe);
            for (part, change) in [amount.bytes, amount.files, amount.physical].into_iter().enumerate() {
                let now = self.cell(*row, stripe, part).load(Ordering::Relaxed) as i64;
                let then = now.wrapping_add(change) as u64;
                check = check.and(then);
                word(place + 1 + part).store(then, Ordering::Relaxed);
            }
            word(place + CELL_WORDS).store(check.end(), Ordering::Relaxed);
        }
        word(S_ROWS).store(rows.len() as u64, Ordering::Relaxed);
        word(S_SLOT).store(slot.map_or(0, |slot| slot.number as u64 + 1), Ordering::Relaxed);
        word(S_SLOT_STATE).store(slot.map_or(0, |slot| slot.state), Ordering::Relaxed);
        word(S_CREATED).store(if created { id } else { 0 }, Ordering::Relaxed);
        word(S_DECIDED).store(self.decision(stripe), Ordering::Release);
        self.carry_out(stripe, word(S_MADE).load(Ordering::Relaxed));
        word(S_DECIDED).store(0, Ordering::Release);
    }

    /// The mark of what is written down in a stripe as decided: a check of it, never 0. The cells have their own.
    fn decision(&self, stripe: usize) -> u64 {
        let base = HEAD_WORDS + SLOTS * SLOT_WORDS + stripe * STRIPE_WORDS;
        let word = |number: usize| self.front.word(base + number).load(Ordering::Relaxed);
        let rows = word(S_ROWS);
        let parts = [S_SLOT, S_SLOT_STATE, S_CREATED].map(word);
        let check = parts.into_iter().fold(Check::of(stripe as u64).and(rows), Check::and);
        (0..usize::try_from(rows).unwrap_or(0).min(REDO_ROWS))
            .map(|number| word(STRIPE_HEAD_WORDS + number * REDO_ROW_WORDS))
            .fold(check, Check::and)
            .end()
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
            if !self.cell_is_whole(row, stripe, |part| word(place + 1 + part).load(Ordering::Relaxed)) {
                return None;
            }
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
        let decided = self.get(base + S_DECIDED);
        if decided != 0 {
            if decided != self.decision(stripe) {
                return None;
            }
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
