//! The index of a folder: which names it has, found without regard to case.
//!
//! Built by reading the folder once, when a name was not found as spelled (or a name is made, which must not differ
//! from another in case only). Kept true by our own changes; a folder that somebody else changed has another change
//! time and is read again. All indexes together stay below a limit; the least recently used go first.
//!
//! A listing goes through a copy of the names in NTFS's order, made when the folder changed since the last one.
//! An open handle keeps its listing: what comes and goes meanwhile does not disturb it.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use freehold_dtyp::{FileTime, Wtf8, Wtf8Buf};
use hashbrown::{HashMap, HashTable};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::names::to_windows;
use super::sys::{self, NodeKey, Stat, Time};
use crate::fscc::short_name;
use crate::fscc::upcase::{compare_ignore_case, eq_ignore_case, fold_hash};
use crate::vfs::remark::{self, Remark};
use crate::vfs::{NameCase, is_reserved};

/// Where clocks are coarse: how long a folder must rest before its index is believed to be complete, and how much
/// longer for every entry, so that a big folder is not read again and again while files are made in it.
const REST: Duration = Duration::from_millis(20);
const REST_PER_ENTRY: Duration = Duration::from_micros(20);
/// Bytes of a slot of the table with its control byte, at the usual load.
const TABLE_BYTES: usize = 7;
/// Bytes of an 8.3 name with the name it stands for, about.
const SHORT_NAME_BYTES: usize = 128;
/// Bytes that an index costs apart from its entries.
const FOLDER_BYTES: usize = 256;

/// What tells that a folder's entries changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Time,
    changed: Time,
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Stamp { modified: stat.modified, changed: stat.changed }
    }
}

/// One name in a text buffer that holds them with a zero after each.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    at: u32,
    length: u16,
}

impl Entry {
    fn linux(self, text: &[u8]) -> &[u8] {
        let at = self.at as usize;
        &text[at..at + usize::from(self.length)]
    }
}

/// The names of one folder.
#[derive(Debug)]
pub(super) struct Index {
    stamp: Stamp,
    /// When it was last known to be complete although the clock is coarse.
    rested: bool,
    seed: u64,
    text: Vec<u8>,
    dead_text: usize,
    entries: Vec<Entry>,
    table: HashTable<u32>,
    listing: Option<Arc<Listing>>,
    /// Names are found by their 8.3 names as well.
    short_names: bool,
    /// The Linux names by their generated 8.3 names, once one was looked for.
    by_short_name: Option<HashMap<Wtf8Buf, Vec<Box<[u8]>>>>,
}

/// Names in NTFS's order, as one listing goes through them.
#[derive(Debug)]
pub(super) struct Listing {
    text: Box<[u8]>,
    entries: Box<[(u32, u16)]>,
}

impl Listing {
    /// Number of names.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The Linux name at `position`.
    pub(super) fn name(&self, position: usize) -> &std::ffi::CStr {
        let (at, length) = self.entries[position];
        let (at, length) = (at as usize, usize::from(length));
        // INVARIANT: a zero follows each name and none is in it. An empty name is found nowhere.
        std::ffi::CStr::from_bytes_with_nul(&self.text[at..=at + length]).unwrap_or(c"")
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<(u32, u16)>()
    }
}

fn with_windows<R>(linux: &[u8], use_name: impl FnOnce(Wtf8<'_>) -> R) -> R {
    let shown = to_windows(linux);
    use_name(Wtf8::from_bytes(&shown).unwrap_or_else(|| Wtf8::from("")))
}

fn add_short_name(by_short_name: &mut HashMap<Wtf8Buf, Vec<Box<[u8]>>>, linux: &[u8]) {
    if let Some(short) = with_windows(linux, short_name::generated) {
        by_short_name.entry(short).or_default().push(linux.into());
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Index {
    fn new(stamp: Stamp, seed: u64, short_names: bool) -> Self {
        Index {
            stamp,
            rested: true,
            seed,
            text: Vec::new(),
            dead_text: 0,
            entries: Vec::new(),
            table: HashTable::new(),
            listing: None,
            short_names,
            by_short_name: None,
        }
    }

    fn hash(&self, linux: &[u8]) -> u32 {
        with_windows(linux, |name| fold_hash(name, self.seed) as u32)
    }

    /// Adds a name that is not there.
    pub(super) fn insert(&mut self, linux: &[u8]) -> Result<(), Errno> {
        let at = u32::try_from(self.text.len()).map_err(|_| Errno::NOMEM)?;
        let length = u16::try_from(linux.len()).map_err(|_| Errno::NAMETOOLONG)?;
        let hash = self.hash(linux);
        self.text.extend_from_slice(linux);
        self.text.push(0);
        let slot = self.entries.len() as u32;
        self.entries.push(Entry { hash, at, length });
        let entries = &self.entries;
        self.table.insert_unique(spread(hash), slot, |slot| spread(entries[*slot as usize].hash));
        self.listing = None;
        if let Some(by_short_name) = &mut self.by_short_name {
            add_short_name(by_short_name, linux);
        }
        Ok(())
    }

    /// Removes a name in exactly this spelling.
    pub(super) fn remove(&mut self, linux: &[u8]) {
        let hash = self.hash(linux);
        let (entries, text) = (&self.entries, &self.text);
        let exact = |slot: &u32| entries[*slot as usize].linux(text) == linux;
        let Ok(found) = self.table.find_entry(spread(hash), exact) else { return };
        let (slot, _) = found.remove();
        if let Some(by_short_name) = &mut self.by_short_name
            && let Some(short) = with_windows(linux, short_name::generated)
            && let Some(names) = by_short_name.get_mut(&short)
        {
            names.retain(|own| **own != *linux);
        }
        self.dead_text += linux.len() + 1;
        let last = self.entries.len() as u32 - 1;
        self.entries.swap_remove(slot as usize);
        if slot != last {
            let moved = self.entries[slot as usize];
            if let Some(place) = self.table.find_mut(spread(moved.hash), |at| *at == last) {
                *place = slot;
            }
        }
        self.listing = None;
        if self.dead_text > 4096 && self.dead_text > self.text.len() / 2 {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let mut text = Vec::with_capacity(self.text.len() - self.dead_text);
        for entry in &mut self.entries {
            let name = entry.linux(&self.text);
            let at = text.len() as u32;
            text.extend_from_slice(name);
            text.push(0);
            entry.at = at;
        }
        self.text = text;
        self.dead_text = 0;
    }

    /// The Linux name that `name` finds: in exactly this spelling if there is one, else the first in byte order; where
    /// there are 8.3 names, last of all the one whose 8.3 name it is.
    pub(super) fn find(&mut self, name: Wtf8<'_>) -> Option<&[u8]> {
        if self.short_names && short_name::may_be_generated(name) && self.find_long(name).is_none() {
            return self.find_short(name);
        }
        self.find_long(name)
    }

    /// A short name that two names share finds neither.
    #[cold]
    fn find_short(&mut self, name: Wtf8<'_>) -> Option<&[u8]> {
        if self.by_short_name.is_none() {
            let mut by_short_name = HashMap::new();
            for entry in &self.entries {
                add_short_name(&mut by_short_name, entry.linux(&self.text));
            }
            self.by_short_name = Some(by_short_name);
        }
        let upper = name.to_string().to_ascii_uppercase();
        let names = self.by_short_name.as_ref()?.get(&Wtf8Buf::from(upper.as_str()))?;
        if let [only] = &names[..] { Some(only) } else { None }
    }

    fn find_long(&self, name: Wtf8<'_>) -> Option<&[u8]> {
        let hash = fold_hash(name, self.seed) as u32;
        let mut found: Option<&[u8]> = None;
        for slot in self.table.iter_hash(spread(hash)) {
            let entry = self.entries[*slot as usize];
            if entry.hash != hash {
                continue;
            }
            let linux = entry.linux(&self.text);
            let (same, exact) = with_windows(linux, |own| (eq_ignore_case(own, name), own == name));
            if exact {
                return Some(linux);
            }
            if same && found.is_none_or(|found| linux < found) {
                found = Some(linux);
            }
        }
        found
    }

    /// The Linux name that makes `name` taken: in this spelling only when `case` is exact.
    pub(super) fn taken(&mut self, name: Wtf8<'_>, case: NameCase) -> Option<&[u8]> {
        if case == NameCase::Ignored {
            return self.find(name);
        }
        self.find_long(name).filter(|found| with_windows(found, |own| own == name))
    }

    /// The names in NTFS's order.
    pub(super) fn listing(&mut self) -> Arc<Listing> {
        if let Some(listing) = &self.listing {
            return Arc::clone(listing);
        }
        let mut order: Vec<(u64, Entry)> =
            self.entries.iter().map(|entry| (sort_prefix(entry.linux(&self.text)), *entry)).collect();
        order.sort_unstable_by(|(a_prefix, a), (b_prefix, b)| {
            a_prefix.cmp(b_prefix).then_with(|| {
                let (a, b) = (a.linux(&self.text), b.linux(&self.text));
                with_windows(a, |a| with_windows(b, |b| compare_ignore_case(a, b).then_with(|| a.cmp(&b))))
            })
        });
        let mut text = Vec::with_capacity(self.text.len() - self.dead_text);
        let entries = order
            .iter()
            .map(|(_, entry)| {
                let at = text.len() as u32;
                text.extend_from_slice(entry.linux(&self.text));
                text.push(0);
                (at, entry.length)
            })
            .collect();
        let listing = Arc::new(Listing { text: text.into(), entries });
        self.listing = Some(Arc::clone(&listing));
        listing
    }

    /// The folder's change time with which this is true.
    pub(super) fn changed_on_disk(&self) -> Time {
        self.stamp.changed
    }

    fn bytes(&self) -> usize {
        self.text.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + self.table.capacity() * TABLE_BYTES
            + self.listing.as_ref().map_or(0, |listing| listing.bytes())
            + self.by_short_name.as_ref().map_or(0, |names| names.capacity() * SHORT_NAME_BYTES)
    }
}

/// The first two code units of the upper-case name and as much as fits, for quick comparison: never puts two names in
/// the wrong order.
fn sort_prefix(linux: &[u8]) -> u64 {
    with_windows(linux, |name| {
        let mut units = name.utf16().map(crate::fscc::upcase::upcase_unit);
        (0..4).fold(0, |prefix, _| prefix << 16 | u64::from(units.next().unwrap_or(0)))
    })
}

/// What building indexes has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexCounters {
    /// Folders read.
    pub builds: u64,
    /// Entries read by them.
    pub entries_read: u64,
    /// Time it took, in microseconds.
    pub build_us: u64,
    /// Names looked up in an index.
    pub lookups: u64,
    /// Bytes held now.
    pub bytes: u64,
}

/// Everything that guards one folder's index. `None` until it is built.
pub(super) type SharedIndex = Arc<Mutex<Option<Index>>>;

struct Held {
    index: SharedIndex,
    bytes: usize,
    used: u64,
}

/// The indexes of all folders.
pub(super) struct Indexes {
    folders: Mutex<Folders>,
    limit_bytes: usize,
    seed: u64,
    fine_times: bool,
    root: NodeKey,
    short_names: bool,
    builds: AtomicU64,
    entries_read: AtomicU64,
    build_us: AtomicU64,
    lookups: AtomicU64,
}

#[derive(Default)]
struct Folders {
    held: HashMap<NodeKey, Held>,
    bytes: usize,
    clock: u64,
}

impl Indexes {
    pub(super) fn new(
        limit_bytes: usize,
        seed: u64,
        fine_times: bool,
        root: NodeKey,
        short_names: bool,
    ) -> Self {
        Indexes {
            folders: Mutex::default(),
            limit_bytes,
            seed,
            fine_times,
            root,
            short_names,
            builds: AtomicU64::new(0),
            entries_read: AtomicU64::new(0),
            build_us: AtomicU64::new(0),
            lookups: AtomicU64::new(0),
        }
    }

    pub(super) fn counters(&self) -> IndexCounters {
        IndexCounters {
            builds: self.builds.load(Ordering::Relaxed),
            entries_read: self.entries_read.load(Ordering::Relaxed),
            build_us: self.build_us.load(Ordering::Relaxed),
            lookups: self.lookups.load(Ordering::Relaxed),
            bytes: self.folders.lock().bytes as u64,
        }
    }

    /// The place of a folder's index; nothing is built yet.
    pub(super) fn of(&self, folder: NodeKey) -> SharedIndex {
        let mut folders = self.folders.lock();
        folders.clock += 1;
        let used = folders.clock;
        let held = folders.held.entry(folder).or_insert_with(|| Held {
            index: SharedIndex::default(),
            bytes: 0,
            used,
        });
        held.used = used;
        Arc::clone(&held.index)
    }

    /// The same if there is one.
    pub(super) fn if_held(&self, folder: NodeKey) -> Option<SharedIndex> {
        self.folders.lock().held.get(&folder).map(|held| Arc::clone(&held.index))
    }

    /// Forgets a folder that is gone.
    pub(super) fn forget(&self, folder: NodeKey) {
        let mut folders = self.folders.lock();
        if let Some(held) = folders.held.remove(&folder) {
            folders.bytes -= held.bytes;
        }
    }

    /// Makes `slot` hold the true index of the folder behind `directory`. The caller holds the slot's lock.
    pub(super) fn validate<'a>(
        &self,
        slot: &'a mut Option<Index>,
        directory: BorrowedFd<'_>,
    ) -> Result<&'a mut Index, Errno> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let stat = sys::stat(directory)?;
        if slot.as_ref().is_none_or(|index| !self.is_true(index, &stat)) {
            *slot = Some(self.build(&stat, directory)?);
        }
        slot.as_mut().ok_or(Errno::IO)
    }

    /// The same for a look only, where the folder was `seen` a moment ago: nothing more is asked when the index was
    /// true then.
    fn validate_seen<'a>(
        &self,
        slot: &'a mut Option<Index>,
        seen: &Stat,
        directory: BorrowedFd<'_>,
    ) -> Result<&'a mut Index, Errno> {
        if slot.as_ref().is_none_or(|index| !self.is_true(index, seen)) {
            return self.validate(slot, directory);
        }
        self.lookups.fetch_add(1, Ordering::Relaxed);
        slot.as_mut().ok_or(Errno::IO)
    }

    /// True when nobody changed the folder since the index was right.
    fn is_true(&self, index: &Index, stat: &Stat) -> bool {
        index.stamp == Stamp::of(stat) && (index.rested || !self.has_rested(stat, index.entries.len()))
    }

    fn has_rested(&self, stat: &Stat, entries: usize) -> bool {
        let rest = REST + REST_PER_ENTRY * u32::try_from(entries).unwrap_or(u32::MAX);
        let now = FileTime::from_system_time(SystemTime::now());
        self.fine_times || stat.changed.file_time().saturating_add(rest) < now
    }

    fn build(&self, stat: &Stat, directory: BorrowedFd<'_>) -> Result<Index, Errno> {
        let start = Instant::now();
        let listed = sys::open_for_listing(directory, b"")?;
        let mut index = Index::new(Stamp::of(stat), self.seed, self.short_names);
        let in_root = stat.key == self.root;
        let mut result = Ok(());
        sys::read_directory(&listed, |linux| {
            if !(in_root && with_windows(linux, is_reserved)) {
                result = index.insert(linux);
            }
            result.is_ok()
        })?;
        result?;
        index.rested = self.has_rested(stat, 0);
        index.text.shrink_to_fit();
        index.entries.shrink_to_fit();
        let entries = index.entries.len() as u64;
        let took = start.elapsed();
        remark::leave(Remark::DirectoryRead { entries }, start);
        self.builds.fetch_add(1, Ordering::Relaxed);
        self.entries_read.fetch_add(entries, Ordering::Relaxed);
        self.build_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        tracing::debug!(
            inode = stat.key.ino,
            entries,
            milliseconds = took.as_secs_f64() * 1e3,
            bytes_per_entry = index.bytes() as u64 / entries.max(1),
            "folder index built"
        );
        Ok(index)
    }

    /// Takes note of our own change of a folder whose index was true just before it.
    pub(super) fn restamp(&self, index: &mut Index, directory: BorrowedFd<'_>) {
        match sys::stat(directory) {
            Ok(stat) => {
                index.stamp = Stamp::of(&stat);
                index.rested = self.fine_times;
            }
            // Gone: never true again.
            Err(_) => index.stamp = Stamp { modified: Time::default(), changed: Time::default() },
        }
    }

    /// Takes note that the folder itself was renamed by us.
    pub(super) fn moved(&self, before: &Stat, after: &Stat) {
        if let Some(shared) = self.if_held(before.key)
            && let Some(index) = &mut *shared.lock()
            && index.stamp == Stamp::of(before)
        {
            index.stamp = Stamp::of(after);
        }
    }

    /// Accounts for the size of a folder's index after it was used, and lets others go when there is too much.
    /// Call without holding the slot's lock.
    pub(super) fn account(&self, folder: NodeKey, bytes: usize) {
        let mut folders = self.folders.lock();
        let Some(held) = folders.held.get_mut(&folder) else { return };
        let bytes = bytes + FOLDER_BYTES;
        let before = std::mem::replace(&mut held.bytes, bytes);
        folders.bytes = folders.bytes - before + bytes;
        if folders.bytes <= self.limit_bytes {
            return;
        }
        // Some at once, so that the search is paid for once.
        let mut by_age: Vec<(u64, NodeKey)> = folders
            .held
            .iter()
            .map(|(key, held)| (held.used, *key))
            .filter(|(_, key)| *key != folder)
            .collect();
        by_age.sort_unstable();
        for (_, oldest) in by_age {
            if folders.bytes <= self.limit_bytes / 8 * 7 {
                break;
            }
            if let Some(held) = folders.held.remove(&oldest) {
                folders.bytes -= held.bytes;
            }
        }
    }

    /// Runs `change` on the true index of the folder, building it when needed.
    pub(super) fn with<R>(
        &self,
        folder: NodeKey,
        directory: BorrowedFd<'_>,
        change: impl FnOnce(&mut Index) -> R,
    ) -> Result<R, Errno> {
        let shared = self.of(folder);
        let (result, bytes) = {
            let mut slot = shared.lock();
            let index = self.validate(&mut slot, directory)?;
            let result = change(index);
            (result, slot_bytes(&slot))
        };
        self.account(folder, bytes);
        Ok(result)
    }

    /// Runs `look` on an index of the folder that is no older than `seen`, building it when needed.
    pub(super) fn with_seen<R>(
        &self,
        seen: &Stat,
        directory: BorrowedFd<'_>,
        look: impl FnOnce(&mut Index) -> R,
    ) -> Result<R, Errno> {
        let shared = self.of(seen.key);
        let (result, bytes) = {
            let mut slot = shared.lock();
            let index = self.validate_seen(&mut slot, seen, directory)?;
            let result = look(index);
            (result, slot_bytes(&slot))
        };
        self.account(seen.key, bytes);
        Ok(result)
    }

    /// Runs a change of the folder itself that leaves its entries as they are (its attribute, its times).
    pub(super) fn around_own_change<R>(
        &self,
        folder: NodeKey,
        directory: BorrowedFd<'_>,
        change: impl FnOnce() -> R,
    ) -> R {
        let Some(shared) = self.if_held(folder) else { return change() };
        let mut slot = shared.lock();
        let was_true = match (&*slot, sys::stat(directory)) {
            (Some(index), Ok(stat)) => self.is_true(index, &stat),
            _ => false,
        };
        let result = change();
        match &mut *slot {
            Some(index) if was_true => self.restamp(index, directory),
            _ => *slot = None,
        }
        result
    }

    /// True when the index is there and right; for taking our own removals along.
    pub(super) fn is_held_and_true(&self, slot: &Option<Index>, directory: BorrowedFd<'_>) -> bool {
        match (slot, sys::stat(directory)) {
            (Some(index), Ok(stat)) => self.is_true(index, &stat),
            _ => false,
        }
    }
}

/// Bytes of what is in the slot.
pub(super) fn slot_bytes(slot: &Option<Index>) -> usize {
    slot.as_ref().map_or(0, Index::bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> Index {
        Index::new(Stamp { modified: Time::default(), changed: Time::default() }, 7, true)
    }

    fn listed(index: &mut Index) -> Vec<Vec<u8>> {
        let listing = index.listing();
        (0..listing.len()).map(|at| listing.name(at).to_bytes().to_vec()).collect()
    }

    #[test]
    fn exact_spelling_wins_and_all_are_listed() {
        let mut index = index();
        for name in [&b"File"[..], b"FILE", b"file", b"other"] {
            index.insert(name).unwrap();
        }
        assert_eq!(index.find("file".into()), Some(&b"file"[..]));
        assert_eq!(index.find("FILE".into()), Some(&b"FILE"[..]));
        assert_eq!(index.find("fiLE".into()), Some(&b"FILE"[..]));
        assert_eq!(listed(&mut index).len(), 4);
        index.remove(b"FILE");
        assert_eq!(index.find("FILE".into()), Some(&b"File"[..]));
        index.remove(b"FILE");
        assert_eq!(index.find("none".into()), None);
    }

    proptest! {
        #[test]
        fn acts_like_a_set(steps in proptest::collection::vec(("[a-cA-C]{1,3}", any::<bool>()), 1..200)) {
            let mut index = index();
            let mut model = std::collections::BTreeSet::new();
            for (name, add) in steps {
                if add && model.insert(name.clone()) {
                    index.insert(name.as_bytes()).unwrap();
                } else if !add {
                    model.remove(&name);
                    index.remove(name.as_bytes());
                }
                for probe in ["a", "AB", "bCa", "c"] {
                    let expected = model.iter().filter(|own| own.eq_ignore_ascii_case(probe)).min_by_key(|own| (*own != probe, (*own).clone()));
                    prop_assert_eq!(index.find(probe.into()), expected.map(|own| own.as_bytes()));
                }
            }
            let mut expected: Vec<String> = model.into_iter().collect();
            expected.sort_by_key(|name| (name.to_uppercase(), name.clone()));
            let expected: Vec<Vec<u8>> = expected.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(listed(&mut index), expected);
        }
    }

    #[test]
    fn a_name_costs_few_bytes_and_removed_ones_none() {
        let mut index = index();
        for number in 0..100_000 {
            index.insert(format!("file-{number:06}").as_bytes()).unwrap();
        }
        assert!(index.bytes() / 100_000 < 64, "{}", index.bytes() / 100_000);
        for number in 0..99_000 {
            index.remove(format!("file-{number:06}").as_bytes());
        }
        assert!(index.text.len() < 40_000);
        assert!(index.find("FILE-099500".into()).is_some() && index.find("FILE-000500".into()).is_none());
    }
}
