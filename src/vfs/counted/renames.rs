//! The last renames of folders, on disk: where a path may lead after a kill that was given before one of them.
//!
//! Renames of folders take a lock here, held for some hundred stores; nothing else does. A rename is written down before it is
//! done, and whether it was done need not be known: whoever looks for a file looks at every place where it can be.

use std::sync::atomic::Ordering;

use freehold_dtyp::Wtf8;
use smallvec::SmallVec;

use super::check::Check;
use super::durable::{Durable, H_FLOOR, H_RENAMES, RENAMES_AT};
use crate::fscc::upcase::fold;
use crate::vfs::VfsPath;

/// Renames that are remembered.
const RENAMES: usize = 32;
const RENAME_WORDS: usize = 256;
/// Words of all of them.
pub(super) const RING_WORDS: usize = RENAMES * RENAME_WORDS;
// Words of one: its number + 1, the lengths of both paths, the check, the paths.
const R_NUMBER: usize = 0;
const R_LENGTHS: usize = 1;
const R_CHECK: usize = 2;
const R_PATHS: usize = 3;
/// Bytes for both paths.
const PATH_BYTES: usize = (RENAME_WORDS - R_PATHS) * 8;
/// Most places where one file is looked for.
const PLACES: usize = 64;

/// Renames that are under way.
#[derive(Default)]
pub(super) struct UnderWay {
    next: u64,
    numbers: SmallVec<[u64; 4]>,
}

/// A folder is being renamed, until this is dropped.
pub(super) struct FolderRename<'a> {
    durable: &'a Durable,
    number: u64,
}

impl Drop for FolderRename<'_> {
    fn drop(&mut self) {
        let mut under_way = self.durable.under_way.lock();
        under_way.numbers.retain(|number| *number != self.number);
        self.durable.store_floor(&under_way);
    }
}

impl Durable {
    /// No rename is under way when the volume is opened.
    pub(super) fn begin_renames(&self) {
        let mut under_way = self.under_way.lock();
        *under_way = UnderWay { next: self.get(H_RENAMES), numbers: SmallVec::new() };
        self.store_floor(&under_way);
    }

    fn store_floor(&self, under_way: &UnderWay) {
        self.set(H_FLOOR, under_way.numbers.iter().min().copied().unwrap_or(under_way.next));
    }

    /// The folder `from` is about to be renamed to `to`.
    pub(super) fn folder_rename(&self, from: &VfsPath, to: &VfsPath) -> FolderRename<'_> {
        let mut under_way = self.under_way.lock();
        let number = under_way.next;
        let base = RENAMES_AT + number as usize % RENAMES * RENAME_WORDS;
        let word = |number: usize| self.front.word(base + number);
        word(R_NUMBER).store(0, Ordering::SeqCst);
        let (from, to) = (from.as_wtf8(), to.as_wtf8());
        let fits = from.as_bytes().len() + to.as_bytes().len() <= PATH_BYTES;
        let bytes = from.as_bytes().iter().chain(to.as_bytes()).copied().filter(|_| fits);
        let lengths =
            if fits { from.as_bytes().len() | to.as_bytes().len() << 32 } else { usize::MAX } as u64;
        let mut check = Check::of(number).and(lengths);
        let bytes: SmallVec<[u8; 512]> = bytes.collect();
        for (place, chunk) in bytes.chunks(8).enumerate() {
            let mut all = [0; 8];
            all[..chunk.len()].copy_from_slice(chunk);
            check = check.and(u64::from_le_bytes(all));
            word(R_PATHS + place).store(u64::from_le_bytes(all), Ordering::Relaxed);
        }
        word(R_LENGTHS).store(lengths, Ordering::Relaxed);
        word(R_CHECK).store(check.end(), Ordering::Relaxed);
        word(R_NUMBER).store(number.wrapping_add(1), Ordering::SeqCst);
        under_way.next = number.wrapping_add(1);
        under_way.numbers.push(number);
        self.set(H_RENAMES, under_way.next);
        self.store_floor(&under_way);
        drop(under_way);
        FolderRename { durable: self, number }
    }

    fn kept_rename(&self, number: u64) -> Option<(VfsPath, VfsPath)> {
        let base = RENAMES_AT + number as usize % RENAMES * RENAME_WORDS;
        let word = |place: usize| self.get(base + place);
        let lengths = word(R_LENGTHS);
        let (from, to) = ((lengths & 0xFFFF_FFFF) as usize, (lengths >> 32) as usize);
        let length = from.checked_add(to).filter(|length| *length <= PATH_BYTES)?;
        let words: Vec<u64> = (0..length.div_ceil(8)).map(|place| word(R_PATHS + place)).collect();
        let check = words.iter().fold(Check::of(number).and(lengths), |check, word| check.and(*word));
        if word(R_NUMBER) != number.wrapping_add(1) || word(R_CHECK) != check.end() {
            return None;
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take(length).collect();
        let path = |bytes: &[u8]| VfsPath::new(Wtf8::from_bytes(bytes)?.to_owned());
        Some((path(bytes.get(..from)?)?, path(bytes.get(from..)?)?))
    }

    /// The renames that are remembered.
    pub(super) fn renames(&self) -> Renames {
        let end = self.get(H_RENAMES);
        let mut renames = Renames { begin: end, moves: Vec::new() };
        while renames.begin > 0 && end - renames.begin < RENAMES as u64 {
            let Some(found) = self.kept_rename(renames.begin - 1) else { break };
            renames.moves.push(found);
            renames.begin -= 1;
        }
        renames
    }
}

/// The renames that were begun last, with none left out between.
pub(super) struct Renames {
    /// Number of the oldest.
    begin: u64,
    /// The newest first.
    moves: Vec<(VfsPath, VfsPath)>,
}

impl Renames {
    /// Every place where `path` may lead that was given when rename `since` was the first that was not done; `None` where
    /// that is not known.
    pub(super) fn places(&self, path: &VfsPath, since: u64) -> Option<Vec<VfsPath>> {
        if since < self.begin {
            return None;
        }
        let later = usize::try_from(since - self.begin).ok()?;
        let moves = self.moves.get(..self.moves.len().saturating_sub(later)).unwrap_or_default();
        // A folder may have been renamed by a path that another rename had led elsewhere.
        let mut all: Vec<(VfsPath, VfsPath)> = Vec::new();
        for (from, to) in moves {
            for from in closure(from, moves)? {
                all.push((from, to.clone()));
            }
        }
        closure(path, &all)
    }
}

/// `path` and everything that it becomes by some of the moves, in any order; `None` where that is too much.
fn closure(path: &VfsPath, moves: &[(VfsPath, VfsPath)]) -> Option<Vec<VfsPath>> {
    let mut places = vec![path.clone()];
    let mut looked_at = 0;
    while let Some(place) = places.get(looked_at).cloned() {
        looked_at += 1;
        for (from, to) in moves {
            if let Some(moved) = moved(&place, from, to)
                && !places.contains(&moved)
            {
                if places.len() == PLACES {
                    return None;
                }
                places.push(moved);
            }
        }
    }
    Some(places)
}

/// Where `path` is when `from` has become `to`; `None` where it is not below `from`, in any spelling.
fn moved(path: &VfsPath, from: &VfsPath, to: &VfsPath) -> Option<VfsPath> {
    let mut rest = path.components();
    for component in from.components() {
        let own = rest.next()?;
        if own != component && fold(own) != fold(component) {
            return None;
        }
    }
    let mut moved = to.clone();
    for component in rest {
        moved = moved.join(&VfsPath::new(component.to_owned())?);
    }
    Some(moved)
}

#[cfg(test)]
mod tests {
    use freehold_dtyp::Guid;

    use super::*;
    use crate::vfs::conformance::path;

    fn places(durable: &Durable, at: &str, since: u64) -> Option<Vec<String>> {
        let places = durable.renames().places(&path(at), since)?;
        Some(places.iter().map(|place| place.as_wtf8().to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_path_leads_where_later_renames_may_have_led_it() {
        let directory = tempfile::tempdir().unwrap();
        let (durable, _) = Durable::open(directory.path(), Guid([1; 16]), true).unwrap();
        assert_eq!(durable.moment().0, 0);
        drop(durable.folder_rename(&path("x"), &path("y")));
        let slow = durable.folder_rename(&path("b"), &path("c"));
        drop(durable.folder_rename(&path("A"), &path("b")));
        assert_eq!(durable.moment().0, 1, "what is still under way may lead a path elsewhere");
        drop(slow);
        assert_eq!(durable.moment().0, 3);
        let all = |at, since| places(&durable, at, since).unwrap();
        assert_eq!(all("a/f", 1), ["a/f", "b/f", "c/f"], "in whatever order they were done");
        assert_eq!(all("a/f", 2), ["a/f", "b/f"]);
        assert_eq!(all("a/f", 3), ["a/f"]);
        assert_eq!(all("x/f", 0), ["x/f", "y/f"]);
        assert_eq!(all("x/f", 1), ["x/f"]);
        for number in 0..RENAMES {
            drop(durable.folder_rename(&path(&format!("m{number}")), &path(&format!("n{number}"))));
        }
        assert_eq!(places(&durable, "a/f", 2), None, "too long ago");
        assert_eq!(all("a/f", 3), ["a/f"]);
        let long = "l".repeat(PATH_BYTES);
        drop(durable.folder_rename(&path(&long), &path("n")));
        assert_eq!(places(&durable, "a/f", 3), None, "one of them is not known");
    }
}
