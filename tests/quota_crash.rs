//! Usage is exact after the server was killed, whatever it was doing.
//!
//! A child works on a volume with several threads: it makes, writes, cuts, punches, links, renames (folders, too) and removes
//! files and streams, and gives them to other owners, where owners and folders have hard and soft limits that it meets. It is
//! killed at a random step. What is kept then, by owner and by folder quota, must be what a look at every file says.
//!
//! `FREEHOLD_QUOTA_CRASHES` sets how many children are killed (10), `FREEHOLD_QUOTA_STEPS` how many steps each would do
//! (10,000), `FREEHOLD_QUOTA_SEED` repeats a run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use freehold::fscc::FileAttributes;
use freehold::vfs::counted::Counted;
use freehold::vfs::posix::{PosixOptions, PosixVolume};
use freehold::vfs::{
    DataUse, DirectoryCursor, Existing, FileRef, NameCase, NewNode, NodeKind, VfsPath, Volume,
};
use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Sid, Wtf8, Wtf8Buf};
use freehold_quotas::{FolderQuota, FolderQuotaId, Limits, Mode, Policy, Settings};

const CHILD: &str = "FREEHOLD_QUOTA_CRASH_CHILD";
const NOW: FileTime = FileTime(133_000_000_000_000_000);
const THREADS: u64 = 3;
/// Where files are.
const FOLDERS: [&str; 12] =
    ["d0", "d1", "d2", "d0/e", "d1/e", "d2/e", "q0", "q0/in", "q1", "q0/m", "q0/in/m", "q1/m"];
/// Folders that are made, removed and renamed to one another: into folder quotas, out of them, with them.
const MOVING: [&str; 9] = ["d0", "d1", "d2", "d0/e", "d1/e", "d2/e", "q0/m", "q0/in/m", "q1/m"];
/// Folders that stay, all of which have a quota.
const STAYING: [&str; 3] = ["q0", "q0/in", "q1"];
/// Folder quotas: where, how much, hard or not. Two are of folders that move.
const QUOTAS: [(&str, Option<u64>, bool); 5] = [
    ("q0", Some(150_000), true),
    ("q0/in", Some(60_000), true),
    ("q1", Some(50_000), false),
    ("d1", None, true),
    ("d0/e", Some(40_000), true),
];
/// Bytes that one of the owners may have, and another.
const OWNERS: [(u64, u64); 2] = [(2, 120_000), (3, 300_000)];
const STREAMS: [&str; 2] = ["one", "two"];
/// Steps between two reports of the child.
const REPORT: u64 = 50;
/// A child that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ value >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

fn path(text: &str) -> VfsPath {
    VfsPath::new(Wtf8Buf::from(text)).expect("a path")
}

fn security(owner: u64) -> Arc<SecurityDescriptor> {
    let text = format!("O:S-1-5-21-1-2-3-{}G:SYD:(A;OICI;FA;;;WD)", 1000 + owner);
    Arc::new(text.parse().expect("a descriptor"))
}

fn new_node(kind: NodeKind, owner: u64) -> NewNode {
    NewNode {
        kind,
        attributes: FileAttributes::ARCHIVE,
        security: security(owner),
        extended_attributes: Vec::new(),
        allocation_bytes: 0,
        no_compression: false,
        now: NOW,
        case: NameCase::Ignored,
    }
}

fn open_posix(root: &Path) -> Arc<PosixVolume> {
    Arc::new(PosixVolume::open(root, PosixOptions::new("crash", security(0))).expect("a volume"))
}

fn open_counted(root: &Path, inner: &Arc<PosixVolume>) -> Counted {
    Counted::open(Arc::clone(inner) as Arc<dyn Volume>, &root.join(".freehold/quota"), None)
}

/// The limits, of the folders that are there.
fn policy(root: &Path) -> Arc<Policy> {
    let settings = Settings { mode: Mode::Enforce, ..Settings::default() };
    let mut policy = Policy { settings, ..Policy::default() };
    for (owner, limit) in OWNERS {
        let limits = Limits { limit_bytes: Some(limit), warning_bytes: Some(limit / 2) };
        policy.own.insert(security(owner).owner.expect("an owner"), limits);
    }
    for (number, (folder, limit_bytes, hard)) in QUOTAS.into_iter().enumerate() {
        let id = FolderQuotaId(number as u64 + 1);
        let quota =
            FolderQuota { id, path: folder.to_owned(), limit_bytes, hard, thresholds_percent: vec![85] };
        policy.folders.extend(root.join(folder).is_dir().then_some(quota));
    }
    Arc::new(policy)
}

/// One of the child's threads.
struct Worker<'v> {
    volume: &'v Counted,
    /// Threads share folders, not names: a file that another thread is just making has no id yet.
    thread: u64,
    random: Random,
    handles: Vec<FileRef>,
}

impl Worker<'_> {
    fn file_path(&mut self) -> VfsPath {
        let number = self.random.below(12);
        let folder = self.random.pick(&FOLDERS);
        let thread = self.thread;
        path(&if number < 2 { format!("f{number}-{thread}") } else { format!("{folder}/f{number}-{thread}") })
    }

    fn handle(&mut self) -> Option<FileRef> {
        let count = self.handles.len() as u64;
        (count > 0).then(|| self.handles[self.random.below(count) as usize].clone())
    }

    fn keep(&mut self, file: FileRef) {
        if self.handles.len() >= 6 {
            let place = self.random.below(6) as usize;
            self.handles.swap_remove(place);
        }
        self.handles.push(file);
    }

    fn create(&mut self, at: &VfsPath, kind: NodeKind) -> Option<FileRef> {
        let (parent, name) = at.split_last()?;
        let parent = self.volume.open(&parent, None, DataUse::WRITE).ok()?;
        let new = new_node(kind, self.random.below(4));
        Some(self.volume.create(&parent.file, name, &new).ok()?.file)
    }

    fn existing(&mut self) -> Existing {
        if self.random.below(2) == 0 { Existing::Replace } else { Existing::Keep }
    }

    /// Does something. That it fails is as good.
    fn step(&mut self) -> Option<()> {
        match self.random.below(26) {
            0..5 => {
                let at = self.file_path();
                let file = self.create(&at, NodeKind::File)?;
                self.keep(file);
            }
            5..7 => {
                let at = self.file_path();
                let file = self.volume.open(&at, None, DataUse::WRITE).ok()?.file;
                self.keep(file);
            }
            7..12 => {
                let data = vec![7; self.random.below(9000) as usize];
                let offset = self.random.below(20_000);
                self.handle()?.0.write(offset, &data).ok()?;
            }
            12 => {
                let size = self.random.below(30_000);
                self.handle()?.0.set_size(size).ok()?;
            }
            13 => {
                let source = self.handle()?;
                let target = self.handle()?;
                if source.0.id() != target.0.id() {
                    target.0.copy_range(&source, 0, self.random.below(5000), 4096).ok()?;
                }
            }
            14..16 => {
                let (to, existing) = (self.file_path(), self.existing());
                let file = self.handle()?;
                self.volume.rename(&file, &to, existing, NOW).ok()?;
            }
            16 => {
                let (to, existing) = (self.file_path(), self.existing());
                let file = self.handle()?;
                self.volume.link(&file, &to, existing, NOW).ok()?;
            }
            17 => {
                let file = self.handle()?;
                self.volume.unlink(&file).ok()?;
            }
            18 => {
                let owner = self.random.below(4);
                self.handle()?.0.set_security(security(owner), NOW).ok()?;
            }
            19 => {
                let new = new_node(NodeKind::File, self.random.below(4));
                let supersede = self.random.below(2) == 0;
                self.handle()?.0.overwrite(&new, supersede).ok()?;
            }
            20 => {
                let name = self.random.pick(&STREAMS);
                let file = self.handle()?;
                let stream = self.volume.create_stream(&file, name.into(), NOW).ok()?.file;
                self.keep(stream);
            }
            21 => {
                let name = self.random.pick(&STREAMS);
                let existing = self.existing();
                self.handle()?.0.rename_stream(name.into(), existing, NOW).ok()?;
            }
            22 => {
                // A folder goes somewhere else, and the way may be free or not.
                let (from, to) = (self.random.pick(&MOVING), self.random.pick(&MOVING));
                let existing = self.existing();
                let folder = self.volume.open(&path(from), None, DataUse::WRITE).ok()?.file;
                self.volume.rename(&folder, &path(to), existing, NOW).ok()?;
            }
            23 => {
                let (offset, length) = (self.random.below(20_000), self.random.below(20_000));
                self.handle()?.0.punch_hole(offset, length).ok()?;
            }
            24 => {
                let at = path(self.random.pick(&MOVING));
                let folder = self.volume.open(&at, None, DataUse::WRITE).ok()?.file;
                self.volume.unlink(&folder).ok()?;
            }
            _ => {
                let at = path(self.random.pick(&MOVING));
                self.create(&at, NodeKind::Directory)?;
            }
        }
        Some(())
    }
}

/// What the child does, until it is killed or has done its steps.
#[test]
fn child_of_the_crash_test() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (seed, root) = told.split_once(':').expect("SEED:FOLDER");
    let seed: u64 = seed.parse().expect("a seed");
    let root = PathBuf::from(root);
    let volume = open_counted(&root, &open_posix(&root));
    volume.quotas().expect("it counts").set_policy(policy(&root)).expect("limits");
    let (steps, done) = (setting("FREEHOLD_QUOTA_STEPS", 10_000), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (volume, done) = (&volume, &done);
            scope.spawn(move || {
                let random = Random(seed.wrapping_mul(31).wrapping_add(thread));
                let mut worker = Worker { volume, thread, random, handles: Vec::new() };
                loop {
                    let step = done.fetch_add(1, Ordering::Relaxed);
                    if step >= steps {
                        break;
                    }
                    worker.step();
                    if step.is_multiple_of(REPORT) {
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "step {step}").expect("the parent listens");
                        out.flush().expect("the parent listens");
                    }
                }
            });
        }
    });
    let found = volume.quotas().expect("it counts").recount(&mut |_| true).expect("a recount");
    assert_eq!(found.drifted, [], "without any kill");
}

/// Bytes and files by owner and by folder quota.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    owners: BTreeMap<Sid, (u64, u64)>,
    folders: BTreeMap<u64, (u64, u64)>,
}

/// Which folder quotas a file has names below, and names not below, by its id: bits of their numbers.
#[derive(Default)]
struct Names(BTreeMap<u64, (u64, u64)>);

impl Names {
    /// Folder quotas that a file has names on both sides of.
    fn on_both_sides(&self) -> u64 {
        self.0.values().fold(0, |both, (below, outside)| both | below & outside)
    }
}

/// What a look at every file says.
fn look(volume: &dyn Volume, at: &VfsPath, quotas: &[FolderQuota], names: &mut Names, sums: &mut Sums) {
    let opened = volume.open(at, None, DataUse::READ).expect("what was listed");
    let is_below = |quota: &FolderQuota| *at != path(&quota.path) && at.is_within(&path(&quota.path));
    let known = names.0.contains_key(&opened.file.0.id().0);
    let (below, outside) = names.0.entry(opened.file.0.id().0).or_default();
    for quota in quotas {
        *(if is_below(quota) { &mut *below } else { &mut *outside }) |= 1 << quota.id.0;
    }
    if !known {
        let bytes =
            opened.file.0.streams().expect("streams").iter().map(|stream| stream.size_bytes).sum::<u64>();
        let owner = opened.security.owner.expect("an owner");
        let owner = sums.owners.entry(owner).or_default();
        *owner = (owner.0 + bytes, owner.1 + 1);
        for quota in quotas {
            let sum = sums.folders.entry(quota.id.0).or_default();
            if is_below(quota) {
                *sum = (sum.0 + bytes, sum.1 + 1);
            }
        }
    }
    if opened.metadata.kind == NodeKind::Directory {
        let mut entries = Vec::new();
        let each = &mut |name: Wtf8<'_>, _: &freehold::vfs::Metadata| {
            entries.push(VfsPath::new(name.to_owned()).expect("a name"));
            true
        };
        opened.file.0.list(DirectoryCursor::default(), each).expect("a listing");
        for name in entries {
            look(volume, &at.join(&name), quotas, names, sums);
        }
    }
}

impl Sums {
    /// Without folder quotas of which files count on both sides.
    fn without(mut self, ambiguous: u64) -> Sums {
        self.folders.retain(|id, _| ambiguous & 1 << id == 0);
        self
    }
}

/// What is kept.
fn kept(volume: &Counted) -> Sums {
    let quotas = volume.quotas().expect("it counts");
    let amount = |usage: freehold_quotas::Usage| (usage.logical_bytes, usage.files);
    let owners = quotas.owners(None, usize::MAX).into_iter();
    let used = owners.map(|row| (row.owner, amount(row.usage))).filter(|(_, used)| *used != (0, 0));
    Sums {
        owners: used.collect(),
        folders: quotas.folders().into_iter().map(|(id, usage)| (id.0, amount(usage))).collect(),
    }
}

/// Runs a child and kills it at a random step. Tells which.
fn run_and_kill(root: &Path, seed: u64) -> u64 {
    let mut random = Random(seed);
    let kill_at = random.below(setting("FREEHOLD_QUOTA_STEPS", 10_000));
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child_of_the_crash_test", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{seed}:{}", root.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test again");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let (said, saying) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let step = line.rsplit_once("step ").and_then(|(_, step)| step.parse::<u64>().ok());
            if step.is_some_and(|step| said.send(step).is_err()) {
                break;
            }
        }
    });
    let mut reached = 0;
    while reached < kill_at {
        match saying.recv_timeout(PATIENCE) {
            Ok(step) => reached = step + REPORT,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break, // it has done all of them
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("the child is stuck after step {reached}");
            }
        }
    }
    std::thread::sleep(Duration::from_micros(random.below(3000)));
    let _ = child.kill();
    child.wait().expect("the child is gone");
    drop(saying);
    reader.join().expect("the reader");
    reached
}

#[test]
fn usage_is_exact_after_kill() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let seed = setting(
        "FREEHOLD_QUOTA_SEED",
        std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos() as u64),
    );
    println!("FREEHOLD_QUOTA_SEED={seed}");
    let mut directory = tempfile::tempdir().expect("a folder");
    let (mut counted_anew, mut folders_anew, mut searched, mut under_way, mut steps) = (0, 0, 0, 0, 0);
    let mut ambiguous = 0u64;
    let crashes = setting("FREEHOLD_QUOTA_CRASHES", 10);
    for number in 0..crashes {
        if number.is_multiple_of(5) {
            ambiguous = 0;
            directory = tempfile::tempdir().expect("a folder");
            let inner = open_posix(directory.path());
            let volume = open_counted(directory.path(), &inner);
            let root = volume.open(&VfsPath::root(), None, DataUse::WRITE).expect("the root").file;
            for folder in STAYING {
                let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
                let parent = match parent {
                    "" => root.clone(),
                    parent => volume.open(&path(parent), None, DataUse::WRITE).expect("a folder").file,
                };
                volume.create(&parent, name.into(), &new_node(NodeKind::Directory, 0)).expect("a folder");
            }
            volume.wait_until_counted();
        }
        let root = directory.path();
        steps += run_and_kill(root, seed.wrapping_add(number));
        let inner = open_posix(root);
        let volume = open_counted(root, &inner);
        let recovered = volume.recovered().clone();
        if (recovered.recount, recovered.folders, recovered.searched) != (None, None, 0) {
            println!("kill {number}: {recovered:?}");
        }
        counted_anew += u64::from(recovered.recount.is_some());
        folders_anew += u64::from(recovered.folders.is_some());
        searched += u64::from(recovered.searched > 0);
        under_way += recovered.under_way;
        let quotas = volume.quotas().expect("it counts");
        let policy = policy(root);
        quotas.set_policy(Arc::clone(&policy)).expect("limits");
        volume.wait_until_counted();
        let (mut looked, mut names) = (Sums::default(), Names::default());
        look(&*inner, &VfsPath::root(), &policy.folders, &mut names, &mut looked);
        // A folder that was not there may get a quota when files in it have names elsewhere already. No link makes one so.
        ambiguous &= policy.folders.iter().fold(0, |all, quota| all | 1 << quota.id.0);
        ambiguous |= names.on_both_sides();
        let staying = (1..=STAYING.len()).fold(0, |all, id| all | 1 << id);
        assert_eq!(ambiguous & staying, 0, "a link was made across folder quotas");
        let looked = looked.without(ambiguous);
        assert_eq!(
            kept(&volume).without(ambiguous),
            looked,
            "after kill {number} of seed {seed}: {recovered:?}"
        );
        let found = quotas.recount(&mut |_| true).expect("a recount");
        assert_eq!(found.drifted, [], "after kill {number} of seed {seed}");
        let certain = found.drifted_folders.iter().filter(|(id, ..)| ambiguous & 1 << id.0 == 0);
        assert_eq!(certain.count(), 0, "after kill {number} of seed {seed}");
        assert_eq!(kept(&volume).without(ambiguous), looked, "after kill {number} of seed {seed}, recounted");
    }
    println!(
        "{crashes} kills after {steps} steps with {under_way} changes under way: {} exact without a search, {searched} \
         after a search, {folders_anew} with folder quotas counted anew, {counted_anew} with everything counted anew",
        crashes - searched.max(counted_anew).max(folders_anew),
    );
    // To count anew is right as well, but is meant for what cannot be found.
    assert!(counted_anew + folders_anew <= crashes / 50 + 1, "usage was counted anew too often");
}
