//! What is written down before a file changes, so that its usage is known exactly if the server is killed meanwhile.
//!
//! An intent says which file is about to change and what it was charged for before. Whoever finds one after a crash looks at the
//! file, and charges the difference. It is kept in words of 64 bits that are stored one by one.

use std::borrow::Cow;

/// Words of an intent.
pub const INTENT_WORDS: usize = 126;
/// Most folder quotas above a file that an intent names, and most that it enters.
pub const INTENT_FOLDERS: usize = 6;
/// Words before the path.
const HEAD_WORDS: usize = 14;
/// The first word of the folder quotas above the file, and of those that it enters.
const FOLDERS_AT: usize = 7;
const ENTERING_AT: usize = 10;
const FILES_AT: usize = 13;
/// Longest path that an intent holds, in bytes.
pub const INTENT_PATH_BYTES: usize = (INTENT_WORDS - HEAD_WORDS) * 8;
/// Instead of the length: the path was too long.
const NO_PATH: u64 = 0xFFFF;

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentKind {
    /// Size or owner of the file change.
    Change,
    /// A file is made at the path.
    Create,
    /// The name at the path goes.
    Vanish,
    /// A file or a folder moves to the path, and counts for other folder quotas there.
    Move,
}

/// A change that is about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent<'a> {
    /// What.
    pub kind: IntentKind,
    /// Of which file; 0 for one that is not made yet.
    pub id: u64,
    /// The file has this name alone.
    pub last_name: bool,
    /// Row of the owner's account.
    pub owner: u32,
    /// Rows of the folder quotas above it; of one that moves, those that it leaves.
    pub folders: Vec<u32>,
    /// Rows of the folder quotas that it enters when it moves.
    pub entering: Vec<u32>,
    /// Bytes it was charged for, or that move: then as a signed number.
    pub bytes: u64,
    /// Bytes on disk it was charged for, or that move.
    pub physical: u64,
    /// Files and folders that move; else 0.
    pub files: u64,
    /// Number of the first rename of a folder that was not done yet: it, or one after it, may have led the path elsewhere.
    pub renames: u64,
    /// The newest file id when it began.
    pub newest: u64,
    /// Where the file is, in WTF-8; `None` where that is too long.
    pub path: Option<Cow<'a, [u8]>>,
}

impl Intent<'_> {
    /// Gives each word to `put`, by its number. False when it names more folders than there is place for: then it says less than it
    /// should, and must not be relied on.
    pub fn encode(&self, mut put: impl FnMut(usize, u64)) -> bool {
        let kind = match self.kind {
            IntentKind::Change => 1,
            IntentKind::Create => 2,
            IntentKind::Vanish => 3,
            IntentKind::Move => 4,
        };
        let fits = self.folders.len() <= INTENT_FOLDERS && self.entering.len() <= INTENT_FOLDERS;
        let path = self.path.as_deref().filter(|path| fits && path.len() <= INTENT_PATH_BYTES);
        let folders = self.folders.len().min(INTENT_FOLDERS) as u64;
        let entering = self.entering.len().min(INTENT_FOLDERS) as u64;
        let length = path.map_or(NO_PATH, |path| path.len() as u64);
        put(0, kind | u64::from(self.last_name) << 8 | folders << 16 | entering << 24 | length << 32);
        put(1, self.id);
        put(2, u64::from(self.owner));
        put(3, self.bytes);
        put(4, self.physical);
        put(5, self.renames);
        put(6, self.newest);
        for (at, rows) in [(FOLDERS_AT, &self.folders), (ENTERING_AT, &self.entering)] {
            let row = |number: usize| rows.get(number).map_or(0, |row| u64::from(*row));
            for pair in 0..INTENT_FOLDERS / 2 {
                let first = pair.saturating_mul(2);
                put(at.saturating_add(pair), row(first) | row(first.saturating_add(1)) << 32);
            }
        }
        put(FILES_AT, self.files);
        for (number, bytes) in path.unwrap_or_default().chunks(8).enumerate() {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            put(HEAD_WORDS.saturating_add(number), u64::from_le_bytes(word));
        }
        fits
    }

    /// From its words; `None` for anything that [`Intent::encode`] did not write.
    #[must_use]
    pub fn decode(words: &[u64]) -> Option<Intent<'static>> {
        let (head, tail) = words.get(..INTENT_WORDS)?.split_at_checked(HEAD_WORDS)?;
        let [first, id, owner, bytes, physical, renames, newest, above @ .., files] = head else {
            return None;
        };
        let (above, enter) = above.split_at_checked(INTENT_FOLDERS / 2)?;
        let kind = match first & 0xFF {
            1 => IntentKind::Change,
            2 => IntentKind::Create,
            3 => IntentKind::Vanish,
            4 => IntentKind::Move,
            _ => return None,
        };
        let last_name = match first >> 8 & 0xFF {
            0 => false,
            1 => true,
            _ => return None,
        };
        let folders = rows(above, first >> 16 & 0xFF)?;
        let entering = rows(enter, first >> 24 & 0xFF)?;
        let path = match first >> 32 {
            NO_PATH => None,
            length => {
                let length = usize::try_from(length).ok().filter(|length| *length <= INTENT_PATH_BYTES)?;
                let bytes = tail.iter().flat_map(|word| word.to_le_bytes()).take(length);
                Some(Cow::Owned(bytes.collect()))
            }
        };
        Some(Intent {
            kind,
            id: *id,
            last_name,
            owner: u32::try_from(*owner).ok()?,
            folders,
            entering,
            bytes: *bytes,
            physical: *physical,
            files: *files,
            renames: *renames,
            newest: *newest,
            path,
        })
    }
}

/// The first `count` rows, two to a word; `None` where there are not as many.
fn rows(words: &[u64], count: u64) -> Option<Vec<u32>> {
    let count = usize::try_from(count).ok()?;
    let halves = words.iter().flat_map(|word| [*word & 0xFFFF_FFFF, *word >> 32]);
    let rows: Option<Vec<u32>> = halves.take(count).map(|row| u32::try_from(row).ok()).collect();
    rows.filter(|rows| rows.len() == count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(intent: &Intent<'_>) -> (Vec<u64>, bool) {
        let mut words = vec![0; INTENT_WORDS];
        let fits = intent.encode(|number, word| words[number] = word);
        (words, fits)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            kind in prop_oneof![
                Just(IntentKind::Change), Just(IntentKind::Create), Just(IntentKind::Vanish), Just(IntentKind::Move),
            ],
            (id, bytes, physical, renames, newest, files) in any::<(u64, u64, u64, u64, u64, u64)>(),
            owner in any::<u32>(),
            last_name in any::<bool>(),
            folders in proptest::collection::vec(any::<u32>(), 0..8),
            entering in proptest::collection::vec(any::<u32>(), 0..8),
            path in proptest::collection::vec(any::<u8>(), 0..1000),
        ) {
            let path = Some(Cow::Owned(path));
            let intent = Intent {
                kind, id, last_name, owner, folders, entering, bytes, physical, files, renames, newest, path,
            };
            let (words, fits) = words(&intent);
            let found = Intent::decode(&words).expect("what was encoded");
            if intent.path.as_ref().is_some_and(|path| path.len() > INTENT_PATH_BYTES) || !fits {
                prop_assert_eq!(found.path, None);
            } else {
                prop_assert_eq!(found, intent);
            }
        }

        #[test]
        fn anything_else_is_refused_or_bounded(words in proptest::collection::vec(any::<u64>(), 0..130)) {
            if let Some(found) = Intent::decode(&words) {
                prop_assert!(found.folders.len() <= INTENT_FOLDERS && found.entering.len() <= INTENT_FOLDERS);
                prop_assert!(found.path.is_none_or(|path| path.len() <= INTENT_PATH_BYTES));
            }
        }
    }
}
