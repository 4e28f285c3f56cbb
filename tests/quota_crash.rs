//! Usage is exact after the server was killed, whatever it was doing.
//!
//! A child works on a volume with several threads: it makes, writes, cuts, links, renames (folders, too) and removes files and
//! streams, and gives them to other owners. It is killed at a random step. What is kept then must be what a look at every
//! file says.
//!
//! `FREEHOLD_QUOTA_CRASHES` sets how many children are killed (10), `FREEHOLD_QUOTA_STEPS` how many steps each would do
//! (10,000), `FREEHOLD_QUOTA_SEED` repeats a run.

use std::collections::{BTreeMap, HashSet};
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

const CHILD: &str = "FREEHOLD_QUOTA_CRASH_CHILD";
const NOW: FileTime = FileTime(133_000_000_000_000_000);
const THREADS: u64 = 3;
const FOLDERS: [&str; 6] = ["d0", "d1", "d2", "d0/e", "d1/e", "d2/e"];
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
        match self.random.below(24) {
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
                let (from, to) = (self.random.pick(&FOLDERS), self.random.pick(&FOLDERS));
                let folder = self.volume.open(&path(from), None, DataUse::WRITE).ok()?.file;
                self.volume.rename(&folder, &path(to), Existing::Keep, NOW).ok()?;
            }
            _ => {
                let at = path(self.random.pick(&FOLDERS));
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
    volume.wait_until_counted();
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

/// Bytes and files by owner: what a look at every file says.
fn look(volume: &dyn Volume, at: &VfsPath, seen: &mut HashSet<u64>, sums: &mut BTreeMap<Sid, (u64, u64)>) {
    let opened = volume.open(at, None, DataUse::READ).expect("what was listed");
    if seen.insert(opened.file.0.id().0) {
        let sum = sums.entry(opened.security.owner.expect("an owner")).or_default();
        sum.1 += 1;
        sum.0 +=
            opened.file.0.streams().expect("streams").iter().map(|stream| stream.size_bytes).sum::<u64>();
    }
    if opened.metadata.kind == NodeKind::Directory {
        let mut names = Vec::new();
        let each = &mut |name: Wtf8<'_>, _: &freehold::vfs::Metadata| {
            names.push(VfsPath::new(name.to_owned()).expect("a name"));
            true
        };
        opened.file.0.list(DirectoryCursor::default(), each).expect("a listing");
        for name in names {
            look(volume, &at.join(&name), seen, sums);
        }
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
    let (mut counted_anew, mut steps) = (0, 0);
    let crashes = setting("FREEHOLD_QUOTA_CRASHES", 10);
    for number in 0..crashes {
        if number.is_multiple_of(5) {
            directory = tempfile::tempdir().expect("a folder");
            let inner = open_posix(directory.path());
            open_counted(directory.path(), &inner).wait_until_counted();
        }
        let root = directory.path();
        steps += run_and_kill(root, seed.wrapping_add(number));
        let inner = open_posix(root);
        let volume = open_counted(root, &inner);
        counted_anew += u64::from(volume.is_counting());
        volume.wait_until_counted();
        let mut looked = BTreeMap::new();
        look(&*inner, &VfsPath::root(), &mut HashSet::new(), &mut looked);
        let quotas = volume.quotas().expect("it counts");
        let kept: BTreeMap<Sid, (u64, u64)> = quotas
            .owners(None, usize::MAX)
            .into_iter()
            .map(|row| (row.owner, (row.usage.logical_bytes, row.usage.files)))
            .collect();
        assert_eq!(kept, looked, "after kill {number} of seed {seed}");
        let found = quotas.recount(&mut |_| true).expect("a recount");
        assert_eq!(found.drifted, [], "after kill {number} of seed {seed}");
    }
    println!("{crashes} kills after {steps} steps; {counted_anew} times usage was counted anew");
    // To count anew is right as well, but is meant for what cannot be found.
    assert!(counted_anew < crashes.max(2), "usage was counted anew every time");
}
