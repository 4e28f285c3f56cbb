//! What there is of each class of files, kept: `.freehold/quota/classes`, which is exact after the server was killed.
//!
//! The file is shared memory, as that of usage is (`durable`):
//!
//! | part | what |
//! |---|---|
//! | head | what the file is, and whether what it says can be relied on |
//! | stripes | by file id: a change that is being carried out, and a cell for each type and for each day |
//! | places | one for each open file that may change: which file, where it is, what it counts for |
//!
//! A file counts for what it was when it was looked at or closed last. Who opens it to change it takes a place; what it counts for
//! then and the place are changed in one step, decided by one store. After a kill the files of taken places are looked at, no others.
//!
//! Locks: a stripe's is held for some dozen stores, by those who close files of the stripe; none is held with another but to make
//! everything durable.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use freehold_dtyp::{FileTime, Guid};
use freehold_quotas::{AgeBand, Classes, FileType};
use parking_lot::{Mutex, MutexGuard};

use super::account::signed;
use super::durable::{boot_id, halves};
use super::map::Map;
use crate::vfs::VfsPath;

const MAGIC: u64 = u64::from_le_bytes(*b"FHCLASS1");
const FILE: &str = "classes";

const HEAD_WORDS: usize = 512;
const STRIPES: usize = 8;
/// Room for types.
const TYPES: usize = 16;
/// Days that are told apart: 11 years before the file was made and 11 after it.
const DAYS: usize = 8192;
const CELLS: usize = TYPES + DAYS;
/// Files and bytes.
const CELL_WORDS: usize = 2;
/// Words that are changed in one step: those of four cells, and of a place.
const REDO_WORDS: usize = 2 * CELL_WORDS * 2 + 4;
const REDO_HEAD: usize = 2;
const STRIPE_WORDS: usize = (REDO_HEAD + 2 * REDO_WORDS + CELLS * CELL_WORDS).next_multiple_of(512);
const STRIPE_PLACES: usize = 256;
const PATH_WORDS: usize = 91;
const PLACE_WORDS: usize = 5 + PATH_WORDS;
const PLACES_AT: usize = HEAD_WORDS + STRIPES * STRIPE_WORDS;
const WORDS: usize = (PLACES_AT + STRIPES * STRIPE_PLACES * PLACE_WORDS).next_multiple_of(512);
/// The file is made anew when so few days are left.
const LAST_DAYS: i64 = 400;

// Words of the head.
const H_MAGIC: usize = 0;
const H_GUID: usize = 1;
const H_INODE: usize = 3;
const H_KNOWN: usize = 4;
const H_CLEAN: usize = 5;
const H_BOOT: usize = 6;
/// Days since 1970 of the first day.
const H_FIRST_DAY: usize = 8;
/// Open files that may change and have no place.
const H_PLACELESS: usize = 9;

// Words of a place.
const P_STATE: usize = 0;
const P_ID: usize = 1;
const P_CLASS: usize = 2;
const P_BYTES: usize = 3;
const P_PATH_BYTES: usize = 4;
const P_PATH: usize = 5;

// States of a place.
const FREE: u64 = 0;
const TAKEN: u64 = 1;
/// The file's last name is about to go.
const ENDING: u64 = 2;

/// What a file counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: FileType,
    /// The day of its last write, counted from the first that there is.
    pub(super) day: u32,
    pub(super) bytes: u64,
}

/// Where a file that may change is written down. It is given back by [`Cells::settle`] or [`Cells::end`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Numbered(usize),
    /// There was none, or the path is too long: if the server is killed meanwhile, everything is counted anew.
    None,
}

/// What becomes of a file's place with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It says what the file counts for now.
    SaysSo,
    /// It is free in the file; [`Cells::ended`] gives it back.
    IsFree,
}

/// A file that was open when the server was killed.
pub(super) struct Left {
    place: usize,
    /// 0: it was about to be made, and counts for nothing.
    pub(super) id: u64,
    pub(super) class: Class,
    pub(super) is_ending: bool,
    pub(super) path: Option<VfsPath>,
}

enum Words {
    Mapped(Map),
    /// Of a volume that nothing outlives.
    Own(Box<[AtomicU64]>),
}

#[derive(Default)]
struct Stripe {
    /// What a recount has found so far.
    counted: Option<Vec<i64>>,
    free: Vec<usize>,
}

pub(super) struct Cells {
    words: Words,
    stripes: [Mutex<Stripe>; STRIPES],
    first_day: i64,
    known: AtomicBool,
    clean: AtomicBool,
}

/// Days since 1970.
fn day_of(time: FileTime) -> i64 {
    time.to_unix().0.div_euclid(86_400)
}

fn day_now() -> i64 {
    day_of(FileTime::from_system_time(SystemTime::now()))
}

fn place_at(place: usize) -> usize {
    PLACES_AT + place * PLACE_WORDS
}

fn stripe_at(stripe: usize) -> usize {
    HEAD_WORDS + stripe * STRIPE_WORDS
}

impl Class {
    fn word(self) -> u64 {
        (self.kind.index() as u64) << 32 | u64::from(self.day)
    }

    fn of_words(class: u64, bytes: u64) -> Option<Class> {
        let kind = FileType::ALL.into_iter().find(|kind| kind.index() as u64 == class >> 32)?;
        let day = u32::try_from(class & 0xFFFF_FFFF).ok().filter(|day| (*day as usize) < DAYS)?;
        (bytes <= i64::MAX as u64).then_some(Class { kind, day, bytes })
    }

    fn cells(self) -> [usize; 2] {
        [self.kind.index(), TYPES + self.day as usize]
    }
}

/// Words of cells that change, by how much.
#[derive(Default)]
struct Changes {
    words: [(usize, i64); 2 * CELL_WORDS * 2],
    count: usize,
}

impl Changes {
    fn add(&mut self, class: Class, sign: i64) {
        for cell in class.cells() {
            for (part, by) in [1, signed(class.bytes)].into_iter().enumerate() {
                let word = cell * CELL_WORDS + part;
                if let Some((_, sum)) = self.words[..self.count].iter_mut().find(|(known, _)| *known == word)
                {
                    *sum = sum.wrapping_add(sign * by);
                } else {
                    self.words[self.count] = (word, sign * by);
                    self.count += 1;
                }
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, i64)> {
        self.words[..self.count].iter().copied().filter(|(_, by)| *by != 0)
    }
}

impl Cells {
    /// Opens or makes the file in `folder`; also the files that were open when the server was killed.
    pub(super) fn open(folder: &Path, volume: Guid) -> io::Result<(Cells, Vec<Left>)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        match options.open(&path) {
            Ok(file) if file.metadata()?.len() >= WORDS as u64 * 8 => {
                let inode = file.metadata()?.ino();
                let mut cells = Self::of(Words::Mapped(Map::new(&file, 0, WORDS)?));
                match cells.find(volume, inode) {
                    Ok(left) => return Ok((cells, left)),
                    Err(reason) => {
                        tracing::info!(path = %path.display(), reason, "types and ages of files are counted anew");
                    }
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let _ = std::fs::remove_file(&path);
        let file = options.create_new(true).open(&path)?;
        let cells = Self::of(Words::Mapped(Map::new(&file, 0, WORDS)?));
        for (place, word) in [H_GUID, H_GUID + 1].into_iter().zip(halves(volume)) {
            cells.set(place, word);
        }
        cells.set(H_INODE, file.metadata()?.ino());
        cells.set(H_FIRST_DAY, cells.first_day as u64);
        cells.begin_run();
        cells.set(H_MAGIC, MAGIC);
        Ok((cells, Vec::new()))
    }

    /// Cells that nothing outlives.
    pub(super) fn volatile() -> Cells {
        Self::of(Words::Own((0..WORDS).map(|_| AtomicU64::new(0)).collect()))
    }

    fn of(words: Words) -> Cells {
        let all = |stripe: usize| (stripe * STRIPE_PLACES..(stripe + 1) * STRIPE_PLACES).rev().collect();
        Cells {
            words,
            stripes: std::array::from_fn(|stripe| Mutex::new(Stripe { counted: None, free: all(stripe) })),
            first_day: day_now() - DAYS as i64 / 2,
            known: AtomicBool::new(false),
            clean: AtomicBool::new(false),
        }
    }

    fn word(&self, number: usize) -> &AtomicU64 {
        match &self.words {
            Words::Mapped(map) => map.word(number),
            Words::Own(words) => &words[number],
        }
    }

    fn get(&self, word: usize) -> u64 {
        self.word(word).load(Ordering::SeqCst)
    }

    fn set(&self, word: usize, value: u64) {
        self.word(word).store(value, Ordering::SeqCst);
    }

    /// From here on the file is believed while this machine runs.
    fn begin_run(&self) {
        self.clean.store(self.get(H_CLEAN) == 1, Ordering::SeqCst);
        self.known.store(self.get(H_KNOWN) == 1, Ordering::SeqCst);
        for (place, word) in [H_BOOT, H_BOOT + 1].into_iter().zip(boot_id()) {
            self.set(place, word);
        }
    }

    /// What the file says, once it is known that it can be believed.
    fn find(&mut self, volume: Guid, inode: u64) -> Result<Vec<Left>, &'static str> {
        const DAMAGED: &str = "what was kept is damaged";
        if self.get(H_MAGIC) != MAGIC {
            return Err("what was kept is damaged, or of another version");
        }
        if [self.get(H_GUID), self.get(H_GUID + 1)] != halves(volume) {
            return Err("what was kept is another volume's");
        }
        let same_run = self.get(H_INODE) == inode && [self.get(H_BOOT), self.get(H_BOOT + 1)] == boot_id();
        if !same_run && self.get(H_CLEAN) != 1 {
            return Err("the machine went down while the volume was open");
        }
        if self.get(H_KNOWN) != 1 {
            return Err("they had not been counted to the end");
        }
        if self.get(H_PLACELESS) != 0 {
            return Err("too many files were open when the server stopped");
        }
        self.first_day = self.get(H_FIRST_DAY) as i64;
        let left_days = self.first_day.saturating_add(DAYS as i64).saturating_sub(day_now());
        if !(LAST_DAYS..=DAYS as i64).contains(&left_days) {
            return Err("the days that are told apart are over");
        }
        for stripe in 0..STRIPES {
            self.finish(stripe).ok_or(DAMAGED)?;
        }
        let mut left = Vec::new();
        for place in 0..STRIPES * STRIPE_PLACES {
            if self.get(place_at(place) + P_STATE) != FREE {
                left.push(self.left(place).ok_or(DAMAGED)?);
            }
        }
        for stripe in &mut self.stripes {
            stripe.get_mut().free.retain(|place| !left.iter().any(|left| left.place == *place));
        }
        self.sums().ok_or(DAMAGED)?;
        self.begin_run();
        Ok(left)
    }

    fn left(&self, place: usize) -> Option<Left> {
        let at = place_at(place);
        let length =
            usize::try_from(self.get(at + P_PATH_BYTES)).ok().filter(|bytes| *bytes <= PATH_WORDS * 8)?;
        let words = (0..length.div_ceil(8)).map(|word| self.get(at + P_PATH + word));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        bytes.truncate(length);
        let path = freehold_dtyp::Wtf8::from_bytes(&bytes).and_then(|path| VfsPath::new(path.to_owned()));
        Some(Left {
            place,
            id: self.get(at + P_ID),
            class: Class::of_words(self.get(at + P_CLASS), self.get(at + P_BYTES))?,
            is_ending: self.get(at + P_STATE) == ENDING,
            path,
        })
    }

    /// What is kept can be relied on.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::SeqCst)
    }

    /// What is kept is to be counted.
    pub(super) fn doubt(&self) {
        self.known.store(false, Ordering::SeqCst);
        self.set(H_KNOWN, 0);
    }

    /// The number of the day of `time` here.
    pub(super) fn day(&self, time: FileTime) -> u32 {
        let day = day_of(time).saturating_sub(self.first_day).clamp(0, DAYS as i64 - 1);
        u32::try_from(day).unwrap_or(0)
    }

    /// The number of the present day here.
    pub(super) fn today(&self) -> u32 {
        self.day(FileTime::from_system_time(SystemTime::now()))
    }

    /// Before the first change after everything was on disk.
    #[inline]
    fn soil(&self) {
        if self.clean.load(Ordering::Relaxed) && self.clean.swap(false, Ordering::SeqCst) {
            self.set(H_CLEAN, 0);
            if let Words::Mapped(map) = &self.words
                && let Err(error) = map.flush()
            {
                tracing::error!(%error, "the file of types and ages cannot be written");
            }
        }
    }

    /// Writes down that a file may change from now on: what it counts for, and where it is. `id` is 0 for one that is about to be made;
    /// then the bytes are the time that it is made at, which tells it from one that was there.
    pub(super) fn take(&self, id: u64, class: Class, path: &VfsPath) -> Place {
        let Words::Mapped(_) = &self.words else { return Place::None };
        let bytes = path.as_wtf8().as_bytes();
        // A file that has no id yet goes by its name.
        let hash = bytes.iter().rev().take(8).fold(id, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte));
        let stripe = if id == 0 { hash } else { id } as usize % STRIPES;
        // Held until the place is written, so that what is made durable is whole.
        let mut alone = self.stripes[stripe].lock();
        self.soil();
        let place = if bytes.len() <= PATH_WORDS * 8 { alone.free.pop() } else { None };
        let Some(place) = place else {
            self.word(H_PLACELESS).fetch_add(1, Ordering::SeqCst);
            return Place::None;
        };
        let at = place_at(place);
        let store = |word: usize, value: u64| self.word(at + word).store(value, Ordering::Relaxed);
        for (number, part) in bytes.chunks(8).enumerate() {
            let mut all = [0; 8];
            all[..part.len()].copy_from_slice(part);
            store(P_PATH + number, u64::from_le_bytes(all));
        }
        store(P_PATH_BYTES, bytes.len() as u64);
        store(P_ID, id);
        store(P_CLASS, class.word());
        store(P_BYTES, class.bytes);
        self.word(at + P_STATE).store(TAKEN, Ordering::Release);
        Place::Numbered(place)
    }

    /// The last name of the file is about to go.
    pub(super) fn ending(&self, place: &Place) {
        if let Place::Numbered(place) = place {
            self.word(place_at(*place) + P_STATE).store(ENDING, Ordering::Release);
        }
    }

    /// Gives a place back.
    pub(super) fn end(&self, place: Place) {
        match place {
            Place::Numbered(place) => {
                self.word(place_at(place) + P_STATE).store(FREE, Ordering::Release);
                self.give_back(place);
            }
            Place::None => self.one_placeless_less(),
        }
    }

    fn one_placeless_less(&self) {
        if let Words::Mapped(_) = &self.words {
            self.word(H_PLACELESS).fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn give_back(&self, place: usize) {
        self.stripes[place / STRIPE_PLACES].lock().free.push(place);
    }

    /// The file `id` counts for `to` now in place of `from`. Its place says so, or is given back, in the same step. `is_counted` where the
    /// recount under way has counted it.
    pub(super) fn settle(
        &self,
        id: u64,
        (from, to): (Option<Class>, Option<Class>),
        place: Option<(&Place, Then)>,
        is_counted: bool,
    ) {
        let mut changes = Changes::default();
        from.into_iter().for_each(|class| changes.add(class, -1));
        to.into_iter().for_each(|class| changes.add(class, 1));
        let stripe = id as usize % STRIPES;
        let base = stripe_at(stripe);
        let mut alone = self.stripes[stripe].lock();
        self.soil();
        let mut count = 0;
        let mut decide = |word: usize, value: u64| {
            let at = base + REDO_HEAD + 2 * count;
            self.word(at).store(word as u64, Ordering::Relaxed);
            self.word(at + 1).store(value, Ordering::Relaxed);
            count += 1;
        };
        for (word, by) in changes.iter() {
            let word = base + REDO_HEAD + 2 * REDO_WORDS + word;
            let now = self.word(word).load(Ordering::Relaxed) as i64;
            decide(word, now.wrapping_add(by) as u64);
        }
        if let Some((Place::Numbered(place), then)) = place {
            let at = place_at(*place);
            match (then, to) {
                (Then::SaysSo, Some(class)) => {
                    decide(at + P_ID, id);
                    decide(at + P_CLASS, class.word());
                    decide(at + P_BYTES, class.bytes);
                }
                (Then::SaysSo, None) | (Then::IsFree, _) => decide(at + P_STATE, FREE),
            }
        }
        self.word(base + 1).store(count as u64, Ordering::Relaxed);
        self.word(base).store(1, Ordering::Release);
        let _ = self.carry_out(stripe);
        self.word(base).store(0, Ordering::Release);
        if let Some(counted) = alone.counted.as_mut().filter(|_| is_counted) {
            for (word, by) in changes.iter() {
                counted[word] = counted[word].wrapping_add(by);
            }
        }
    }

    /// Gives back a place that [`Cells::settle`] has given back in the file.
    pub(super) fn ended(&self, place: Place) {
        match place {
            Place::Numbered(place) => self.give_back(place),
            Place::None => self.one_placeless_less(),
        }
    }

    /// Carries out what is decided in a stripe; `None` where it makes no sense.
    fn carry_out(&self, stripe: usize) -> Option<()> {
        let base = stripe_at(stripe);
        let count = usize::try_from(self.word(base + 1).load(Ordering::Relaxed)).ok()?;
        if count > REDO_WORDS {
            return None;
        }
        for number in 0..count {
            let at = base + REDO_HEAD + 2 * number;
            let word = usize::try_from(self.word(at).load(Ordering::Relaxed)).ok();
            let word = word.filter(|word| (HEAD_WORDS..WORDS).contains(word))?;
            self.word(word).store(self.word(at + 1).load(Ordering::Relaxed), Ordering::Release);
        }
        Some(())
    }

    /// After a start: what was decided is carried out.
    fn finish(&self, stripe: usize) -> Option<()> {
        if self.get(stripe_at(stripe)) == 1 {
            self.carry_out(stripe)?;
            self.set(stripe_at(stripe), 0);
        }
        Some(())
    }

    /// After a start: a file that was open counts for `to` now.
    pub(super) fn resolve(&self, left: Left, id: u64, to: Option<Class>) {
        let from = (left.id != 0).then_some(left.class);
        let place = Place::Numbered(left.place);
        self.settle(id, (from, to), Some((&place, Then::IsFree)), false);
        self.ended(place);
    }

    /// After a start: one more place of a file that was seen to.
    pub(super) fn drop_left(&self, left: Left) {
        self.end(Place::Numbered(left.place));
    }

    /// A recount begins. Nothing changes meanwhile but by closes.
    pub(super) fn begin_count(&self) {
        for stripe in &self.stripes {
            stripe.lock().counted = Some(vec![0; CELLS * CELL_WORDS]);
        }
    }

    /// The recount under way has found a file.
    pub(super) fn count(&self, id: u64, class: Class) {
        let mut stripe = self.stripes[id as usize % STRIPES].lock();
        let Some(counted) = &mut stripe.counted else { return };
        let mut changes = Changes::default();
        changes.add(class, 1);
        for (word, by) in changes.iter() {
            counted[word] = counted[word].wrapping_add(by);
        }
    }

    /// A recount ends. Where it came to its end, what it found is kept; true where that differs from what was known.
    pub(super) fn end_count(&self, is_whole: bool) -> bool {
        let was_known = self.is_known();
        let mut differs = false;
        if is_whole {
            self.soil();
            // Until all of it is stored, it is not to be relied on.
            self.set(H_KNOWN, 0);
        }
        for (number, stripe) in self.stripes.iter().enumerate() {
            let mut stripe = stripe.lock();
            let Some(counted) = stripe.counted.take().filter(|_| is_whole) else { continue };
            let first = stripe_at(number) + REDO_HEAD + 2 * REDO_WORDS;
            for (word, value) in counted.into_iter().enumerate() {
                let word = self.word(first + word);
                if word.load(Ordering::Relaxed) != value as u64 {
                    differs = true;
                    word.store(value as u64, Ordering::Relaxed);
                }
            }
        }
        if is_whole {
            self.set(H_KNOWN, 1);
            self.known.store(true, Ordering::SeqCst);
        }
        differs && was_known
    }

    fn cell(&self, cell: usize, part: usize) -> Option<u64> {
        let in_stripe = |stripe: usize| {
            self.word(stripe_at(stripe) + REDO_HEAD + 2 * REDO_WORDS + cell * CELL_WORDS + part)
                .load(Ordering::SeqCst) as i64
        };
        u64::try_from((0..STRIPES).fold(0i64, |sum, stripe| sum.wrapping_add(in_stripe(stripe)))).ok()
    }

    /// What there is of each class; `None` where it makes no sense.
    fn sums(&self) -> Option<Classes> {
        let mut sums = Classes::default();
        for kind in FileType::ALL {
            let sum = &mut sums.types[kind.index()];
            (sum.files, sum.logical_bytes) = (self.cell(kind.index(), 0)?, self.cell(kind.index(), 1)?);
        }
        let today = day_now();
        for day in 0..DAYS {
            let (files, bytes) = (self.cell(TYPES + day, 0)?, self.cell(TYPES + day, 1)?);
            if files == 0 && bytes == 0 {
                continue;
            }
            let age = today.saturating_sub(self.first_day.saturating_add(day as i64));
            let sum = &mut sums.ages[AgeBand::of_days(age)];
            sum.files = sum.files.saturating_add(files);
            sum.logical_bytes = sum.logical_bytes.saturating_add(bytes);
        }
        Some(sums)
    }

    /// What there is of each class; `None` until it is counted.
    pub(super) fn classes(&self) -> Option<Classes> {
        let found = if self.is_known() { self.sums() } else { None };
        found.filter(|_| self.is_known())
    }

    /// Makes everything durable. No change is under way but closes.
    pub(super) fn sync(&self) -> io::Result<()> {
        let Words::Mapped(map) = &self.words else { return Ok(()) };
        let _alone: Vec<MutexGuard<'_, Stripe>> = self.stripes.iter().map(Mutex::lock).collect();
        map.flush()?;
        self.set(H_CLEAN, 1);
        self.clean.store(true, Ordering::SeqCst);
        map.flush()
    }
}
