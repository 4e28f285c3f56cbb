//! A file of usage that is damaged, another's, of another version, or says what cannot be: usage is what is stored all the same.

use std::borrow::Cow;
use std::os::unix::fs::FileExt;

use freehold_dtyp::Guid;
use freehold_quotas::{Intent, IntentKind};

use super::durable::{Durable, FRONT_BYTES};
use super::rows::{CHUNK_BYTES, Key};
use super::tests::{
    create_as, folder_policy, folder_quota, kept, kept_folders, naive, naive_folders, owner, posix,
};
use super::*;
use crate::vfs::conformance::create;

const FILES: u32 = 40;

struct Planted {
    directory: tempfile::TempDir,
    /// The file of a volume that was closed.
    whole: Vec<u8>,
}

fn policy() -> Arc<freehold_quotas::Policy> {
    folder_policy(vec![folder_quota(7, "in", Some(1_000_000)), folder_quota(8, "in/deep", None)])
}

impl Planted {
    fn new() -> Planted {
        let directory = tempfile::tempdir().unwrap();
        let volume = posix(directory.path());
        volume.wait_until_counted();
        for folder in ["in", "in/deep"] {
            create(&volume, folder, NodeKind::Directory);
        }
        volume.quotas().unwrap().set_policy(policy()).unwrap();
        volume.wait_until_counted();
        for number in 0..FILES {
            let file = create_as(&volume, &format!("f{number}"), owner(number % 5));
            file.0.write(0, &vec![1; 100 + number as usize]).unwrap();
            let path = if number % 2 == 0 { format!("in/f{number}") } else { format!("in/deep/f{number}") };
            create(&volume, &path, NodeKind::File).file.0.write(0, &[1; 10]).unwrap();
        }
        drop(volume);
        let whole = std::fs::read(Self::file(&directory)).unwrap();
        Planted { directory, whole }
    }

    fn file(directory: &tempfile::TempDir) -> std::path::PathBuf {
        directory.path().join(".freehold/quota/usage")
    }

    /// Puts `bytes` in place of the file (the same inode), opens the volume, and looks whether usage is what is stored. Tells whether it had to be
    /// counted.
    fn open_with(&self, bytes: &[u8]) -> bool {
        let path = Self::file(&self.directory);
        match std::fs::OpenOptions::new().write(true).open(&path) {
            Ok(file) => {
                file.set_len(0).unwrap();
                file.write_all_at(bytes, 0).unwrap();
            }
            Err(_) => std::fs::write(&path, bytes).unwrap(),
        }
        let volume = posix(self.directory.path());
        let was_counted = volume.recovered().recount.is_some();
        volume.quotas().unwrap().set_policy(policy()).unwrap();
        volume.wait_until_counted();
        assert_eq!(kept(&volume), naive(&*volume.shared.inner));
        assert_eq!(kept_folders(&volume), naive_folders(&volume));
        // And it goes on from there.
        let file = create_as(&volume, "more", owner(9));
        file.0.write(0, &[1; 5000]).unwrap();
        volume.unlink(&file).unwrap();
        drop(file);
        let found = volume.quotas().unwrap().recount(&mut |_| true).unwrap();
        assert_eq!((found.drifted, found.drifted_folders), (vec![], vec![]));
        was_counted
    }

    /// The file as it is now, where it is whole again.
    fn refresh(&mut self) {
        self.whole = std::fs::read(Self::file(&self.directory)).unwrap();
    }
}

#[test]
fn a_file_that_is_cut_short_is_no_usage() {
    let mut planted = Planted::new();
    assert!(!planted.open_with(&planted.whole.clone()), "a whole one is relied on");
    for length in [0, 1, 8, 4096, FRONT_BYTES - 1, FRONT_BYTES, FRONT_BYTES + CHUNK_BYTES / 2] {
        planted.refresh();
        let cut = planted.whole[..length as usize].to_vec();
        assert!(planted.open_with(&cut), "{length} bytes");
    }
    planted.refresh();
    let mut zeroed = planted.whole.clone();
    zeroed[FRONT_BYTES as usize..].fill(0);
    assert!(planted.open_with(&zeroed), "rows that were never written");
}

#[test]
fn what_is_anothers_or_newer_is_no_usage() {
    let mut planted = Planted::new();
    let mut newer = planted.whole.clone();
    newer[7] = b'9';
    assert!(planted.open_with(&newer));
    planted.refresh();
    let mut others = planted.whole.clone();
    others[8] ^= 1;
    assert!(planted.open_with(&others), "of another volume");
    planted.refresh();
    let whole = planted.whole.clone();
    let file = Planted::file(&planted.directory);
    std::fs::rename(&file, file.with_extension("one")).unwrap();
    assert!(!planted.open_with(&whole), "a copy of what was closed");
    planted.refresh();
    let mut open = planted.whole.clone();
    open[40..48].fill(0);
    std::fs::rename(&file, file.with_extension("two")).unwrap();
    assert!(planted.open_with(&open), "a copy of what was open");
}

#[test]
fn bytes_that_changed_are_noticed_or_mean_nothing() {
    let mut planted = Planted::new();
    let mut state = 7u64;
    let mut next = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    let rows = FRONT_BYTES as usize;
    let (mut counted, rounds) = (0, 60);
    for round in 0..rounds {
        planted.refresh();
        let mut bytes = planted.whole.clone();
        // What is in use: the head, the first rows; and anywhere.
        let (from, length) = match round % 4 {
            0 => (0, 104),
            1 => (rows, 8 * 640),
            2 => (4096, rows - 4096),
            _ => (0, bytes.len()),
        };
        for _ in 0..1 + next(3) {
            let (at, count) = (from + next(length), 1 + next(64));
            for byte in bytes.iter_mut().skip(at).take(count) {
                *byte = next(256) as u8;
            }
        }
        counted += u32::from(planted.open_with(&bytes));
    }
    assert!(counted > rounds / 4, "damage was noticed {counted} times of {rounds}");
}

#[test]
fn changes_of_what_is_not_there_are_no_changes() {
    let planted = Planted::new();
    let folder = planted.directory.path().join(".freehold/quota");
    let guid = posix(planted.directory.path()).identity().guid;
    let plant = |intent: &Intent<'_>| {
        let (durable, found) = Durable::open(&folder, guid, true).unwrap();
        assert!(found.is_some(), "what was closed is relied on");
        durable.begin(intent);
        drop(durable);
        let volume = posix(planted.directory.path());
        let recovered = volume.recovered().clone();
        volume.quotas().unwrap().set_policy(policy()).unwrap();
        volume.wait_until_counted();
        assert_eq!(kept(&volume), naive(&*volume.shared.inner), "{intent:?}");
        assert_eq!(kept_folders(&volume), naive_folders(&volume), "{intent:?}");
        recovered
    };
    let id = |name: &str| {
        let volume = posix(planted.directory.path());
        volume
            .open(&VfsPath::new(name.to_owned().into()).unwrap(), None, DataUse::READ)
            .unwrap()
            .file
            .0
            .id()
            .0
    };
    let of_path = |kind, id, path: &'static str| Intent {
        kind,
        id,
        last_name: true,
        owner: 0,
        folders: Vec::new(),
        entering: Vec::new(),
        bytes: 0,
        physical: 0,
        files: 0,
        renames: 0,
        newest: 0,
        path: Some(Cow::Borrowed(path.as_bytes())),
    };
    let there = id("f1");
    let no_account = Intent { owner: 999_999, ..of_path(IntentKind::Vanish, 77, "gone") };
    assert!(plant(&no_account).recount.is_some());
    let no_file = of_path(IntentKind::Change, 1 << 40, "f1");
    assert!(plant(&no_file).recount.is_some(), "a file that is nowhere");
    let no_folder = Intent {
        folders: vec![u32::MAX, 500_000],
        entering: vec![77_777],
        bytes: u64::MAX,
        files: 1 << 63,
        ..of_path(IntentKind::Move, there, "f1")
    };
    assert_eq!(plant(&no_folder).under_way, 1);
    let old = Intent { renames: 1 << 50, ..of_path(IntentKind::Move, there, "f1") };
    assert_eq!(plant(&old).under_way, 1);
    let bad_path = of_path(IntentKind::Create, 0, "../../etc/passwd");
    assert!(plant(&bad_path).recount.is_some());
}

#[test]
fn a_folder_quota_that_was_not_counted_to_the_end_is_counted_anew() {
    let directory = tempfile::tempdir().unwrap();
    let guid = Guid([7; 16]);
    let id = freehold_quotas::FolderQuotaId(3);
    let row = {
        let (durable, found) = Durable::open(directory.path(), guid, true).unwrap();
        assert!(found.is_none());
        durable.set_known(true);
        durable.make_row(&Key::Uncounted(id, 5)).unwrap()
    };
    let (durable, found) = Durable::open(directory.path(), guid, true).unwrap();
    assert_eq!(found.unwrap().rows, []);
    durable.folder_is_counted(row);
    assert_eq!(durable.rows(), Some(vec![]), "it was forgotten, and stays so");
    let row = durable.make_row(&Key::Uncounted(id, 5)).unwrap();
    durable.folder_is_counted(row);
    drop(durable);
    let (_, found) = Durable::open(directory.path(), guid, true).unwrap();
    assert_eq!(found.unwrap().rows, [(row, Key::Folder(id, 5), Amount::default())]);
}
