//! What there is of each class is what a naive look at everything says, over restarts and kills.

use std::path::Path;
use std::sync::Arc;

use freehold_dtyp::FileTime;
use freehold_quotas::{AgeBand, Classes, FileType};
use proptest::prelude::*;

use super::{Counted, measure};
use crate::vfs::conformance::{create, descriptor, new_node, opened, path};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};
use crate::vfs::posix::{PosixOptions, PosixVolume};
use crate::vfs::{
    DataUse, DirectoryCursor, Existing, FileRef, MetadataChange, NewNode, NodeKind, VfsPath, Volume,
};

const DAY: u64 = 86_400 * 10_000_000;
const NAMES: [&str; 6] = ["a.docx", "b.tmp", "c", "d.JPG", "sub/a.docx", "sub/e.zip"];

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

fn inner(root: &Path) -> Arc<PosixVolume> {
    Arc::new(PosixVolume::open(root, PosixOptions::new("test", descriptor(0x1F01FF))).unwrap())
}

fn posix(root: &Path, inner: &Arc<PosixVolume>) -> Counted {
    let volume: Arc<dyn Volume> = Arc::clone(inner) as Arc<dyn Volume>;
    Counted::open(volume, &root.join(".freehold/quota"), None)
}

fn memory() -> Counted {
    Counted::volatile(Arc::new(MemoryVolume::new(MemoryOptions::new(descriptor(0x1F01FF)))), None)
}

fn classes(volume: &Counted) -> Classes {
    volume.quotas().unwrap().classes().unwrap()
}

/// By looking at everything.
fn naive(volume: &dyn Volume) -> Classes {
    fn look(volume: &dyn Volume, at: &VfsPath, found: &mut Classes) {
        let opened = volume.open(at, None, DataUse::READ).unwrap();
        if opened.metadata.kind == NodeKind::File {
            let (main, named, _) = measure(&opened.file).unwrap();
            let day = |time: FileTime| time.to_unix().0.div_euclid(86_400);
            let kind = FileType::of_name(at.split_last().unwrap().1);
            let age = AgeBand::of_days(day(now()) - day(opened.metadata.modified));
            for usage in [&mut found.types[kind.index()], &mut found.ages[age]] {
                usage.files += 1;
                usage.logical_bytes += main + named;
            }
            return;
        }
        let mut names = Vec::new();
        let each = &mut |name: freehold_dtyp::Wtf8<'_>, _: &crate::vfs::Metadata| {
            names.push(VfsPath::new(name.to_owned()).unwrap());
            true
        };
        opened.file.0.list(DirectoryCursor::default(), each).unwrap();
        names.iter().for_each(|name| look(volume, &at.join(name), found));
    }
    let mut found = Classes::default();
    look(volume, &VfsPath::root(), &mut found);
    found
}

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Open(usize),
    Close(usize),
    Write(usize, u64, usize),
    SetSize(usize, u64),
    WrittenAt(usize, u64),
    Rename(usize, usize, bool),
    Unlink(usize),
    Overwrite(usize),
    Stream(usize),
    Recount,
}

fn step() -> impl Strategy<Value = Step> {
    let (handle, name) = (|| 0..100usize, || 0..NAMES.len());
    prop_oneof![
        4 => name().prop_map(Step::Create),
        3 => name().prop_map(Step::Open),
        3 => handle().prop_map(Step::Close),
        4 => (handle(), 0..5000u64, 1..5000usize).prop_map(|(file, at, length)| Step::Write(file, at, length)),
        1 => (handle(), 0..9000u64).prop_map(|(file, size)| Step::SetSize(file, size)),
        2 => (handle(), 0..2000u64).prop_map(|(file, days)| Step::WrittenAt(file, days)),
        3 => (handle(), name(), any::<bool>()).prop_map(|(file, to, replace)| Step::Rename(file, to, replace)),
        1 => handle().prop_map(Step::Unlink),
        1 => handle().prop_map(Step::Overwrite),
        1 => handle().prop_map(Step::Stream),
        1 => Just(Step::Recount),
    ]
}

/// Does a step. That it fails is as good.
fn run(volume: &Counted, handles: &mut Vec<FileRef>, step: &Step) -> Option<()> {
    let at = |number: usize| handles.get(number % handles.len().max(1)).cloned();
    let new = NewNode { now: now(), ..new_node(NodeKind::File) };
    match *step {
        Step::Create(name) => {
            let to = path(NAMES[name]);
            let (parent, name) = to.split_last()?;
            let parent = volume.open(&parent, None, DataUse::WRITE).ok()?.file;
            handles.push(volume.create(&parent, name, &new).ok()?.file);
        }
        Step::Open(name) => handles.push(volume.open(&path(NAMES[name]), None, DataUse::WRITE).ok()?.file),
        Step::Close(file) => {
            let count = handles.len();
            (count > 0).then(|| handles.swap_remove(file % count))?;
        }
        Step::Write(file, offset, length) => {
            at(file)?.0.write(offset, &vec![1; length]).ok()?;
        }
        Step::SetSize(file, size) => at(file)?.0.set_size(size).ok()?,
        Step::WrittenAt(file, days) => {
            let modified = Some(FileTime(now().0 - days * DAY));
            at(file)?.0.set_metadata(&MetadataChange { modified, ..MetadataChange::default() }).ok()?;
        }
        Step::Rename(file, to, replace) => {
            let existing = if replace { Existing::Replace } else { Existing::Keep };
            volume.rename(&at(file)?, &path(NAMES[to]), existing, now()).ok()?;
        }
        Step::Unlink(file) => volume.unlink(&at(file)?).ok()?,
        Step::Overwrite(file) => {
            at(file)?.0.overwrite(&new, false).ok()?;
        }
        Step::Stream(file) => {
            let stream = volume.create_stream(&at(file)?, "s".into(), now()).ok()?.file;
            stream.0.write(0, &[1; 100]).ok()?;
        }
        Step::Recount => {
            volume.quotas().unwrap().recount(&mut |_| true).unwrap();
        }
    }
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn classes_are_what_a_look_at_everything_says(steps in proptest::collection::vec(step(), 1..80)) {
        let directory = tempfile::tempdir().unwrap();
        let inner = inner(directory.path());
        let volumes = [memory(), posix(directory.path(), &inner)];
        for volume in &volumes {
            volume.wait_until_counted();
            create(volume, "sub", NodeKind::Directory);
            let mut handles = Vec::new();
            for (number, step) in steps.iter().enumerate() {
                run(volume, &mut handles, step);
                if number % 5 != 0 {
                    continue;
                }
                // Sizes are those of now; the age of an open file is that of its last close.
                prop_assert_eq!(classes(volume).types, naive(&*volume.shared.inner).types, "{:?}", step);
            }
            handles.clear();
            prop_assert_eq!(classes(volume), naive(&*volume.shared.inner));
        }
    }

    #[test]
    fn classes_are_exact_after_a_server_was_killed_with_open_files(
        lives in proptest::collection::vec(proptest::collection::vec(step(), 1..30), 1..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let inner = inner(directory.path());
        posix(directory.path(), &inner).wait_until_counted();
        for steps in &lives {
            let volume = posix(directory.path(), &inner);
            prop_assert!(volume.quotas().unwrap().classes().is_some(), "nothing is counted anew");
            prop_assert_eq!(classes(&volume), naive(&*inner));
            let _ = volume.open(&VfsPath::root(), None, DataUse::WRITE).map(|root| {
                volume.create(&root.file, "sub".into(), &new_node(NodeKind::Directory))
            });
            let mut handles = Vec::new();
            for step in steps {
                run(&volume, &mut handles, step);
            }
            // Nothing is closed or made durable.
            std::mem::forget(handles);
            std::mem::forget(volume);
        }
        let volume = posix(directory.path(), &inner);
        prop_assert!(volume.quotas().unwrap().classes().is_some());
        prop_assert_eq!(classes(&volume), naive(&*inner));
    }
}

#[test]
fn a_file_that_says_nothing_sensible_is_counted_anew() {
    let directory = tempfile::tempdir().unwrap();
    let inner = inner(directory.path());
    let kept = directory.path().join(".freehold/quota/classes");
    {
        let volume = posix(directory.path(), &inner);
        volume.wait_until_counted();
        opened(&volume, "");
        create(&volume, "a.txt", NodeKind::File).file.0.write(0, &[1; 77]).unwrap();
    }
    let good = std::fs::read(&kept).unwrap();
    let damaged = |from: usize, bytes: &[u8]| {
        let mut all = good.clone();
        all[from..from + bytes.len()].copy_from_slice(bytes);
        all
    };
    let words = |first: usize, count: usize| damaged(first * 8, &vec![0xFF; count * 8]);
    for (what, bytes) in [
        ("cut short", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("another version", damaged(0, b"FHCLASS9")),
        ("another volume's", words(1, 2)),
        ("a step that leads out of the file", words(512, 40)),
        ("cells below nothing", words(512 + 60, 400)),
        ("places that make no sense", words(good.len() / 8 - 10_000, 5_000)),
        ("all ones behind the head", words(512, good.len() / 8 - 512)),
        ("a first day that overflows", damaged(8 * 8, &i64::MIN.to_le_bytes())),
    ] {
        std::fs::write(&kept, bytes).unwrap();
        let volume = posix(directory.path(), &inner);
        volume.wait_until_counted();
        let found = classes(&volume);
        assert_eq!(found, naive(&*inner), "{what}");
        assert_eq!(found.types[FileType::Text.index()].logical_bytes, 77, "{what}");
    }
}

#[test]
fn more_open_files_than_there_are_places_are_counted_anew_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let inner = inner(directory.path());
    let volume = posix(directory.path(), &inner);
    volume.wait_until_counted();
    let files: Vec<FileRef> =
        (0..2100).map(|number| create(&volume, &format!("{number}.txt"), NodeKind::File).file).collect();
    assert_eq!(classes(&volume).types[FileType::Text.index()].files, 2100);
    std::mem::forget((files, volume));
    let volume = posix(directory.path(), &inner);
    volume.wait_until_counted();
    assert_eq!(classes(&volume), naive(&*inner));
}
