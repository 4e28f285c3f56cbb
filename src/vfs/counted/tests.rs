//! The wrapped volumes act as they do without; usage is what a naive count of everything says.

use std::collections::{BTreeMap, HashSet};

use freehold_quotas::{
    Crossing, FolderQuota, FolderQuotaId, Limits, Mode, Policy, Settings, Subject, Threshold,
};
use proptest::prelude::*;

use super::*;
use crate::vfs::conformance::{self, NOW, create, descriptor, new_node, opened, path};
use crate::vfs::equivalence::{Side, Step, give_the_same_answers, step};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};
use crate::vfs::posix::{PosixOptions, PosixVolume};
use crate::vfs::{DirectoryCursor, NodeId};

fn memory() -> Counted {
    let counted =
        Counted::volatile(Arc::new(MemoryVolume::new(MemoryOptions::new(descriptor(0x1F01FF)))), None);
    counted.wait_until_counted();
    counted
}

pub(super) fn posix(root: &Path) -> Counted {
    let posix = PosixVolume::open(root, PosixOptions::new("test", descriptor(0x1F01FF))).unwrap();
    Counted::open(Arc::new(posix), &root.join(".freehold/quota"), None)
}

pub(super) fn owner(number: u32) -> Sid {
    format!("S-1-5-21-1-2-3-{}", 1000 + number).parse().unwrap()
}

fn owned_by(owner: Sid) -> Arc<SecurityDescriptor> {
    Arc::new(SecurityDescriptor { owner: Some(owner), ..(*descriptor(0x1F01FF)).clone() })
}

pub(super) fn create_as(volume: &Counted, name: &str, owner: Sid) -> FileRef {
    let root = opened(volume, "").file;
    let new = NewNode { security: owned_by(owner), ..new_node(NodeKind::File) };
    volume.create(&root, name.into(), &new).unwrap().file
}

fn enforce(volume: &Counted, owner: Sid, limit_bytes: u64) {
    let mut policy =
        Policy { settings: Settings { mode: Mode::Enforce, ..Settings::default() }, ..Policy::default() };
    policy.own.insert(owner, Limits { limit_bytes: Some(limit_bytes), warning_bytes: None });
    volume.quotas().unwrap().set_policy(Arc::new(policy)).unwrap();
}

fn used(volume: &Counted, owner: &Sid) -> u64 {
    volume.quotas().unwrap().usage(owner).logical_bytes
}

/// Bytes and files by owner, found by looking at everything.
pub(super) fn naive(volume: &dyn Volume) -> BTreeMap<Sid, (i64, i64)> {
    fn look(
        volume: &dyn Volume,
        path: &VfsPath,
        seen: &mut HashSet<NodeId>,
        sums: &mut BTreeMap<Sid, (i64, i64)>,
    ) {
        let opened = volume.open(path, None, DataUse::READ).unwrap();
        if seen.insert(opened.file.0.id()) {
            let sum = sums.entry(owner_of(&opened.security)).or_default();
            sum.1 += 1;
            for stream in opened.file.0.streams().unwrap() {
                sum.0 += signed(stream.size_bytes);
            }
        }
        if opened.metadata.kind == NodeKind::Directory && opened.metadata.reparse_tag == 0 {
            let mut names = Vec::new();
            let all = &mut |name: Wtf8<'_>, _: &crate::vfs::Metadata| {
                names.push(VfsPath::new(name.to_owned()).unwrap());
                true
            };
            opened.file.0.list(DirectoryCursor::default(), all).unwrap();
            for name in names {
                look(volume, &path.join(&name), seen, sums);
            }
        }
    }
    let mut sums = BTreeMap::new();
    look(volume, &VfsPath::root(), &mut HashSet::new(), &mut sums);
    sums
}

/// What is charged for files that have names, by owner.
pub(super) fn kept(volume: &Counted) -> BTreeMap<Sid, (i64, i64)> {
    let mut sums = BTreeMap::new();
    for account in volume.shared.ledger.accounts() {
        let named = account.named();
        if let Subject::Owner(owner) = account.subject
            && (named.bytes, named.files) != (0, 0)
        {
            sums.insert(owner, (named.bytes, named.files));
        }
    }
    sums
}

#[test]
fn conforms_over_memory() {
    conformance::run(&memory);
}

#[test]
fn conforms_over_posix() {
    let directory = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU64::new(0);
    conformance::run(&|| {
        let root = directory.path().join(number.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&root).unwrap();
        posix(&root)
    });
}

#[derive(Clone, Debug)]
enum Counting {
    Step(Step),
    Own { handle: usize, owner: u32 },
    Recount,
}

fn counting() -> impl Strategy<Value = Counting> {
    prop_oneof![
        12 => step().prop_map(Counting::Step),
        2 => (0..1000usize, 0..3u32).prop_map(|(handle, owner)| Counting::Own { handle, owner }),
        1 => Just(Counting::Recount),
    ]
}

fn run(side: &mut Side<'_>, volume: &Counted, step: &Counting) {
    match step {
        Counting::Step(step) => {
            side.run(step);
        }
        Counting::Own { handle, owner: number } => {
            let _ = side.handle(*handle).0.set_security(owned_by(owner(*number)), NOW);
        }
        Counting::Recount => {
            let found = volume.quotas().unwrap().recount(&mut |_| true).unwrap();
            assert_eq!(found.drifted, []);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counted_volumes_give_the_same_answers(steps in proptest::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        give_the_same_answers(&steps, &memory(), &posix(directory.path()))?;
        let plain = MemoryVolume::new(MemoryOptions::new(descriptor(0x1F01FF)));
        give_the_same_answers(&steps, &plain, &memory())?;
    }

    #[test]
    fn usage_is_what_a_count_of_everything_says(steps in proptest::collection::vec(counting(), 1..80)) {
        let volume = memory();
        let mut side = Side::new(&volume);
        for step in &steps {
            run(&mut side, &volume, step);
            prop_assert_eq!(kept(&volume), naive(&*volume.shared.inner), "{:?}", step);
        }
        drop(side);
        // Nothing is nameless any more, and nothing is remembered of what is closed.
        prop_assert_eq!(volume.shared.nodes.len(), 0);
        for (owner, (bytes, _)) in naive(&*volume.shared.inner) {
            prop_assert_eq!(signed(used(&volume, &owner)), bytes);
        }
    }

    #[test]
    fn no_step_takes_usage_above_the_limit(
        steps in proptest::collection::vec(counting(), 1..80),
        limit in 0u64..30_000,
    ) {
        let volume = memory();
        let mut side = Side::new(&volume);
        enforce(&volume, owner(1), limit);
        for step in &steps {
            let before = used(&volume, &owner(1));
            run(&mut side, &volume, step);
            prop_assert!(used(&volume, &owner(1)) <= before.max(limit), "{:?}", step);
            prop_assert_eq!(kept(&volume), naive(&*volume.shared.inner), "{:?}", step);
        }
    }
}

pub(super) fn folder_quota(id: u64, path: &str, limit_bytes: Option<u64>) -> FolderQuota {
    let path = path.to_owned();
    FolderQuota { id: FolderQuotaId(id), path, limit_bytes, hard: true, thresholds_percent: vec![85] }
}

pub(super) fn folder_policy(folders: Vec<FolderQuota>) -> Arc<Policy> {
    let settings = Settings { mode: Mode::Enforce, ..Settings::default() };
    Arc::new(Policy { settings, folders, ..Policy::default() })
}

/// Bytes and files below each folder quota, found by looking at everything.
pub(super) fn naive_folders(volume: &Counted) -> BTreeMap<FolderQuotaId, (i64, i64)> {
    fn look(
        volume: &Counted,
        at: &VfsPath,
        seen: &mut HashSet<NodeId>,
        sums: &mut BTreeMap<FolderQuotaId, (i64, i64)>,
    ) {
        let opened = volume.shared.inner.open(at, None, DataUse::READ).unwrap();
        let (main, named, _) = measure(&opened.file).unwrap();
        let is_first = seen.insert(opened.file.0.id());
        for folder in volume.shared.ledger.folders.load().iter() {
            let sum = sums.entry(folder.quota.id).or_default();
            if is_first && *at != folder.path && at.is_within(&folder.path) {
                *sum = (sum.0 + signed(main + named), sum.1 + 1);
            }
        }
        if opened.metadata.kind == NodeKind::Directory && opened.metadata.reparse_tag == 0 {
            let mut names = Vec::new();
            let all = &mut |name: Wtf8<'_>, _: &crate::vfs::Metadata| {
                names.push(VfsPath::new(name.to_owned()).unwrap());
                true
            };
            opened.file.0.list(DirectoryCursor::default(), all).unwrap();
            names.iter().for_each(|name| look(volume, &at.join(name), seen, sums));
        }
    }
    let mut sums = BTreeMap::new();
    look(volume, &VfsPath::root(), &mut HashSet::new(), &mut sums);
    sums
}

pub(super) fn kept_folders(volume: &Counted) -> BTreeMap<FolderQuotaId, (i64, i64)> {
    let folders = volume.shared.ledger.folders.load();
    let kept = |folder: &ledger::Folder| (folder.account.named().bytes, folder.account.named().files);
    folders.iter().map(|folder| (folder.quota.id, kept(folder))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folder_quotas_count_what_is_below_them(
        steps in proptest::collection::vec(counting(), 1..100),
        limit in proptest::option::of(0u64..40_000),
    ) {
        let volume = memory();
        for folder in ["dir", "dir/sub", "other", "other/Sub"] {
            create(&volume, folder, NodeKind::Directory);
        }
        let folders = vec![
            folder_quota(1, "dir", limit), folder_quota(2, "other", None), folder_quota(3, "dir/sub", None),
        ];
        volume.quotas().unwrap().set_policy(folder_policy(folders)).unwrap();
        let mut side = Side::new(&volume);
        for step in &steps {
            let before = kept_folders(&volume);
            run(&mut side, &volume, step);
            prop_assert_eq!(kept_folders(&volume), naive_folders(&volume), "{:?}", step);
            prop_assert_eq!(kept(&volume), naive(&*volume.shared.inner), "{:?}", step);
            if let Some(limit) = limit {
                let (now, before) = (kept_folders(&volume)[&FolderQuotaId(1)].0, before[&FolderQuotaId(1)].0);
                prop_assert!(now <= before.max(signed(limit)), "{:?}", step);
            }
        }
        drop(side);
        let folders = volume.quotas().unwrap().folders();
        for (folder, (bytes, files)) in naive_folders(&volume) {
            let usage = folders.iter().find(|(id, _)| *id == folder).unwrap().1;
            prop_assert_eq!((signed(usage.logical_bytes), signed(usage.files)), (bytes, files));
        }
    }
}

#[test]
fn a_folder_quota_refuses_what_is_moved_into_it() {
    let volume = memory();
    for folder in ["in", "out", "out/deep"] {
        create(&volume, folder, NodeKind::Directory);
    }
    create(&volume, "out/deep/f", NodeKind::File).file.0.write(0, &[1; 600]).unwrap();
    create(&volume, "in/g", NodeKind::File).file.0.write(0, &[1; 500]).unwrap();
    let quotas = volume.quotas().unwrap();
    quotas.set_policy(folder_policy(vec![folder_quota(7, "in", Some(1000))])).unwrap();
    let used = || quotas.folders()[0].1.logical_bytes;
    assert_eq!(used(), 500, "what is there is counted before the limits are in place");
    let deep = opened(&volume, "out/deep").file;
    let file = opened(&volume, "out/deep/f").file;
    assert_eq!(volume.rename(&deep, &path("in/deep"), Existing::Keep, NOW), Err(VfsError::DiskFull));
    assert_eq!(volume.rename(&file, &path("in/f"), Existing::Keep, NOW), Err(VfsError::DiskFull));
    assert_eq!(opened(&volume, "in/g").file.0.set_size(1001), Err(VfsError::DiskFull));
    file.0.set_size(500).unwrap();
    volume.rename(&deep, &path("in/deep"), Existing::Keep, NOW).unwrap();
    assert_eq!(used(), 1000);
    assert_eq!(file.0.write(500, &[1]), Err(VfsError::DiskFull));
    let space = volume.space_of(&owner(1), &file).unwrap();
    assert_eq!((space.total_bytes, space.available_bytes), (1000, 0));
    volume.rename(&file, &path("out/f"), Existing::Keep, NOW).unwrap();
    assert_eq!(used(), 500);
    let nowhere = folder_policy(vec![folder_quota(8, "nowhere", None)]);
    assert_eq!(quotas.set_policy(nowhere), Err(VfsError::NotFound));
}

#[test]
fn usage_is_kept_when_the_volume_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let anna = owner(1);
    let quota = || folder_policy(vec![folder_quota(7, "in", Some(1000))]);
    {
        let volume = posix(directory.path());
        assert!(volume.quotas().is_some());
        volume.wait_until_counted();
        create(&volume, "in", NodeKind::Directory);
        volume.quotas().unwrap().set_policy(quota()).unwrap();
        let file = create_as(&volume, "f", anna);
        file.0.write(0, &[1; 300]).unwrap();
        create(&volume, "in/g", NodeKind::File).file.0.write(0, &[1; 400]).unwrap();
    }
    let volume = posix(directory.path());
    assert!(!volume.is_counting(), "what is kept is relied on");
    assert_eq!(used(&volume, &anna), 300);
    volume.quotas().unwrap().set_policy(quota()).unwrap();
    assert_eq!(volume.quotas().unwrap().folders()[0].1.logical_bytes, 400);
    assert_eq!(volume.quotas().unwrap().recount(&mut |_| true).unwrap().drifted, []);
    assert_eq!(kept(&volume), naive(&*volume.shared.inner));
    drop(volume);

    let file = directory.path().join(".freehold/quota/usage");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let volume = posix(directory.path());
    volume.wait_until_counted();
    assert_eq!(used(&volume, &anna), 300, "damage is no reason to refuse: everything is counted");
    assert_eq!(kept(&volume), naive(&*volume.shared.inner));
    drop(volume);

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let volume = posix(directory.path());
    volume.wait_until_counted();
    assert_eq!(used(&volume, &anna), 300, "nor is that nothing can be kept");
}

#[test]
fn two_writers_get_the_last_byte_once() {
    let volume = memory();
    let anna = owner(1);
    let limit = 100_501;
    enforce(&volume, anna, limit);
    let files = [create_as(&volume, "one", anna), create_as(&volume, "two", anna)];
    std::thread::scope(|scope| {
        for file in &files {
            scope.spawn(|| {
                let (mut at, mut length) = (0, 1000);
                while length > 0 {
                    match file.0.write(at, &vec![1; length]) {
                        Ok(_) => at += length as u64,
                        Err(VfsError::DiskFull) => length /= 2,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(used(&volume, &anna), limit);
    let sizes: u64 = files.iter().map(|file| file.0.metadata().unwrap().size_bytes).sum();
    assert_eq!(sizes, limit);
}

#[test]
fn who_shortens_meets_who_writes_inside_and_nothing_is_lost() {
    let volume = memory();
    let file = create_as(&volume, "f", owner(1));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                (0..2000).for_each(|_| {
                    file.0.write(0, &[1; 4096]).unwrap();
                })
            });
        }
        scope.spawn(|| (0..2000).for_each(|step| file.0.set_size(step % 3 * 1000).unwrap()));
    });
    assert_eq!(used(&volume, &owner(1)), file.0.metadata().unwrap().size_bytes);
}

#[test]
fn a_limit_below_usage_stops_growth_alone() {
    let volume = memory();
    let (anna, bert) = (owner(1), owner(2));
    let file = create_as(&volume, "f", anna);
    file.0.write(0, &[1; 1000]).unwrap();
    enforce(&volume, anna, 500);
    assert_eq!(file.0.write(1000, &[1]), Err(VfsError::DiskFull));
    assert_eq!(file.0.set_size(1001), Err(VfsError::DiskFull));
    assert_eq!(file.0.metadata().unwrap().size_bytes, 1000, "nothing of it is written");
    file.0.write(0, &[2; 1000]).unwrap();
    volume.rename(&file, &path("g"), Existing::Keep, NOW).unwrap();
    file.0.set_size(499).unwrap();
    file.0.write(499, &[1]).unwrap();
    assert_eq!(file.0.write(500, &[1]), Err(VfsError::DiskFull));
    let others = create_as(&volume, "h", bert);
    others.0.write(0, &[1]).unwrap();
    assert_eq!(others.0.set_security(owned_by(anna), NOW), Err(VfsError::DiskFull));
    assert_eq!(others.0.security().unwrap().owner, Some(bert));
    assert_eq!(
        volume.create_stream(&file, "s".into(), NOW).unwrap().file.0.write(0, b"x"),
        Err(VfsError::DiskFull)
    );
    assert_eq!(file.0.copy_range(&others, 0, 500, 1), Err(VfsError::DiskFull));
    file.0.set_security(owned_by(bert), NOW).unwrap();
    others.0.set_security(owned_by(anna), NOW).unwrap();
    assert_eq!((used(&volume, &anna), used(&volume, &bert)), (1, 500));
}

#[test]
fn what_has_no_name_is_charged_until_it_is_closed() {
    let volume = memory();
    let anna = owner(1);
    let file = create_as(&volume, "f", anna);
    let reader = volume.open(&path("f"), None, DataUse::READ).unwrap().file;
    file.0.write(0, &[1; 100]).unwrap();
    volume.unlink(&file).unwrap();
    file.0.write(100, &[1; 50]).unwrap();
    assert_eq!(used(&volume, &anna), 150);
    drop(file);
    assert_eq!(used(&volume, &anna), 150);
    drop(reader);
    assert_eq!(used(&volume, &anna), 0);
}

#[test]
fn free_space_is_the_callers_own() {
    let volume = memory();
    let (anna, bert) = (owner(1), owner(2));
    enforce(&volume, anna, 1000);
    let file = create_as(&volume, "f", anna);
    file.0.write(0, &[1; 300]).unwrap();
    let of = |owner: &Sid| volume.space_of(owner, &file).unwrap();
    assert_eq!((of(&anna).total_bytes, of(&anna).available_bytes), (1000, 700));
    assert_eq!(of(&anna).free_bytes, volume.space().unwrap().free_bytes);
    assert_eq!(of(&bert), volume.space().unwrap());
}

#[test]
fn crossings_are_told_once() {
    let volume = memory();
    let anna = owner(1);
    let told: Arc<Mutex<Vec<Crossing>>> = Arc::default();
    let listener = Arc::clone(&told);
    volume.quotas().unwrap().on_crossing(Box::new(move |crossing| listener.lock().push(crossing)));
    let mut policy = Policy::default();
    policy.settings.mode = Mode::Enforce;
    policy.settings.default = Limits { limit_bytes: Some(200), warning_bytes: Some(100) };
    volume.quotas().unwrap().set_policy(Arc::new(policy)).unwrap();
    let file = create_as(&volume, "f", anna);
    for size in [100, 101, 150, 96, 150] {
        file.0.set_size(size).unwrap();
    }
    assert_eq!(file.0.set_size(201), Err(VfsError::DiskFull));
    assert_eq!(file.0.set_size(202), Err(VfsError::DiskFull));
    let seen: Vec<(Threshold, u64)> =
        told.lock().iter().map(|told| (told.threshold, told.used_bytes)).collect();
    assert_eq!(seen, [(Threshold::Warning, 101), (Threshold::Limit, 150)]);
    assert_eq!(told.lock()[0].subject, Subject::Owner(anna));
}

#[test]
fn a_recount_while_clients_work_finds_nothing() {
    let volume = memory();
    let done = AtomicBool::new(false);
    for folder in ["a", "b", "c"] {
        create(&volume, folder, NodeKind::Directory);
    }
    std::thread::scope(|scope| {
        for worker in 0..3u32 {
            let (volume, done) = (&volume, &done);
            scope.spawn(move || {
                let mut round = 0u32;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    let name = format!("{}/{worker}-{}", ["a", "b", "c"][round as usize % 3], round % 17);
                    let Ok(parent) = volume.open(&path(&name[..1]), None, DataUse::WRITE) else { continue };
                    let (parent, name) = (parent.file, name[2..].to_owned());
                    let new = NewNode { security: owned_by(owner(worker)), ..new_node(NodeKind::File) };
                    let Ok(made) = volume.create(&parent, name.as_str().into(), &new) else { continue };
                    made.file.0.write(0, &vec![1; round as usize % 5000]).unwrap();
                    let to =
                        path(&format!("{}/{worker}-{}", ["a", "b", "c"][round as usize / 3 % 3], round % 13));
                    let _ = volume.rename(&made.file, &to, Existing::Replace, NOW);
                    if round.is_multiple_of(4) {
                        let _ = volume.unlink(&made.file);
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                round += 1;
                if round % 2 == 1 {
                    let Ok(found) = volume.open(&path("c"), None, DataUse::WRITE) else { continue };
                    volume.rename(&found.file, &path("a/c"), Existing::Keep, NOW).unwrap();
                } else {
                    let found = volume.open(&path("a/c"), None, DataUse::WRITE).unwrap();
                    volume.rename(&found.file, &path("c"), Existing::Keep, NOW).unwrap();
                }
            }
        });
        let found: Vec<_> =
            (0..5).map(|_| volume.quotas().unwrap().recount(&mut |_| true).unwrap().drifted).collect();
        done.store(true, Ordering::Relaxed);
        assert_eq!(found, vec![vec![]; 5]);
    });
    assert_eq!(kept(&volume), naive(&*volume.shared.inner));
}

#[test]
fn what_was_not_counted_while_off_is_counted_when_it_is_on() {
    let volume = memory();
    let set = |mode| {
        let policy = Policy { settings: Settings { mode, ..Settings::default() }, ..Policy::default() };
        volume.quotas().unwrap().set_policy(Arc::new(policy)).unwrap();
    };
    let file = create_as(&volume, "f", owner(1));
    set(Mode::Off);
    file.0.write(0, &[1; 100]).unwrap();
    create_as(&volume, "g", owner(2)).0.write(0, &[1; 10]).unwrap();
    set(Mode::Track);
    assert_eq!((used(&volume, &owner(1)), used(&volume, &owner(2))), (100, 10));
    assert_eq!(kept(&volume), naive(&*volume.shared.inner));
}

#[test]
fn limits_are_put_in_place_before_what_is_there_is_counted() {
    let volume = memory();
    create(&volume, "in", NodeKind::Directory);
    create(&volume, "in/f", NodeKind::File).file.0.write(0, &[1; 600]).unwrap();
    let quotas = volume.quotas().unwrap();
    let busy = volume.shared.recounting.lock();
    quotas.set_policy(folder_policy(vec![folder_quota(7, "in", Some(1000))])).unwrap();
    let counting = quotas.counting().unwrap();
    assert_eq!((counting.everything, counting.folders), (false, vec![FolderQuotaId(7)]));
    assert!(volume.is_counting());
    let file = create(&volume, "in/g", NodeKind::File).file;
    assert_eq!(file.0.set_size(1001), Err(VfsError::DiskFull), "the limit holds for what is known");
    file.0.set_size(300).unwrap();
    drop(busy);
    volume.wait_until_counted();
    assert_eq!(quotas.counting(), None);
    assert_eq!(quotas.folders()[0].1.logical_bytes, 900);
    assert_eq!(file.0.set_size(401), Err(VfsError::DiskFull));
    file.0.set_size(400).unwrap();
}

#[test]
fn a_file_has_all_its_names_below_the_same_folder_quotas() {
    let volume = memory();
    for folder in ["in", "in/sub", "out"] {
        create(&volume, folder, NodeKind::Directory);
    }
    volume.quotas().unwrap().set_policy(folder_policy(vec![folder_quota(7, "in", None)])).unwrap();
    let file = create(&volume, "in/f", NodeKind::File).file;
    file.0.write(0, &[1; 600]).unwrap();
    let (keep, crosses) = (Existing::Keep, VfsError::CrossDevice);
    assert_eq!(volume.link(&file, &path("out/f"), keep, NOW), Err(crosses));
    volume.link(&file, &path("in/sub/g"), keep, NOW).unwrap();
    assert_eq!(volume.rename(&file, &path("out/f"), keep, NOW), Err(crosses), "its other name would stay");
    let sub = opened(&volume, "in/sub").file;
    assert_eq!(volume.rename(&sub, &path("out/sub"), keep, NOW), Err(crosses), "and so would this");
    volume.rename(&file, &path("in/sub/f"), keep, NOW).unwrap();
    volume.rename(&sub, &path("out/sub"), keep, NOW).unwrap();
    assert_eq!(volume.quotas().unwrap().folders()[0].1.logical_bytes, 0, "all of its names went");
    file.0.write(600, &[1; 100]).unwrap();
    assert_eq!(volume.quotas().unwrap().folders()[0].1.logical_bytes, 0);
    volume.rename(&sub, &path("in/sub"), keep, NOW).unwrap();
    assert_eq!(volume.quotas().unwrap().folders()[0].1.logical_bytes, 700, "counted once");
    assert_eq!(kept_folders(&volume), naive_folders(&volume));
}
