//! What there is of each type and age of files is exact after the server was killed, whatever it was doing.
//!
//! A child works on a volume with several threads, as clients do: it makes, writes, cuts, renames, replaces and removes files and sets
//! the times of their last writes. It is killed at a random moment. What is kept then must be what a look at every file says, and
//! is to be known without a count but for a few kills.
//!
//! `FREEHOLD_CLASS_CRASHES` sets how many children are killed (12), `FREEHOLD_CLASS_SEED` repeats a run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold::fscc::FileAttributes;
use freehold::vfs::counted::Counted;
use freehold::vfs::posix::{PosixOptions, PosixVolume};
use freehold::vfs::{
    DataUse, DirectoryCursor, Existing, FileRef, Metadata, MetadataChange, NameCase, NewNode, NodeKind,
    VfsPath, Volume,
};
use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Wtf8, Wtf8Buf};
use freehold_quotas::{AgeBand, Classes, FileType};

const CHILD: &str = "FREEHOLD_CLASS_CRASH_CHILD";
const THREADS: u64 = 3;
const EXTENSIONS: [&str; 4] = ["docx", "tmp", "jpg", "none"];
/// More than any child does before it is killed.
const STEPS: u64 = 1_000_000;
const DAY: u64 = 86_400 * 10_000_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (value ^ value >> 31) % end
    }
}

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

fn path(text: &str) -> VfsPath {
    VfsPath::new(Wtf8Buf::from(text)).expect("a path")
}

fn security() -> Arc<SecurityDescriptor> {
    Arc::new("O:S-1-5-21-1-2-3-1000G:SYD:(A;OICI;FA;;;WD)".parse().expect("a descriptor"))
}

fn new_node(kind: NodeKind) -> NewNode {
    NewNode {
        kind,
        attributes: FileAttributes::ARCHIVE,
        security: security(),
        extended_attributes: Vec::new(),
        allocation_bytes: 0,
        no_compression: false,
        now: now(),
        case: NameCase::Ignored,
    }
}

fn open_posix(root: &Path) -> Arc<PosixVolume> {
    Arc::new(PosixVolume::open(root, PosixOptions::new("crash", security())).expect("a volume"))
}

fn open_counted(root: &Path, inner: &Arc<PosixVolume>) -> Counted {
    Counted::open(Arc::clone(inner) as Arc<dyn Volume>, &root.join(".freehold/quota"), None)
}

/// One of the child's threads, with files of its own: a handle opens one file, as its thread knows it.
struct Worker<'v> {
    volume: &'v Counted,
    thread: u64,
    random: Random,
    handles: Vec<FileRef>,
}

impl Worker<'_> {
    fn name(&mut self) -> String {
        let (number, extension) = (self.random.below(8), self.random.below(4) as usize);
        format!("t{}/f{number}.{}", self.thread, EXTENSIONS[extension])
    }

    fn handle(&mut self) -> Option<FileRef> {
        let count = self.handles.len() as u64;
        (count > 0).then(|| self.handles[self.random.below(count) as usize].clone())
    }

    fn keep(&mut self, file: FileRef) {
        if self.handles.len() >= 5 {
            let place = self.random.below(5) as usize;
            self.handles.swap_remove(place);
        }
        self.handles.push(file);
    }

    /// Does something. That it fails is as good.
    fn step(&mut self) -> Option<()> {
        match self.random.below(20) {
            0..5 => {
                let at = path(&self.name());
                let (parent, name) = at.split_last()?;
                let parent = self.volume.open(&parent, None, DataUse::WRITE).ok()?;
                let made = self.volume.create(&parent.file, name, &new_node(NodeKind::File)).ok()?;
                self.keep(made.file);
            }
            5..8 => {
                let at = path(&self.name());
                let file = self.volume.open(&at, None, DataUse::WRITE).ok()?.file;
                self.keep(file);
            }
            8..12 => {
                let data = vec![7; 1 + self.random.below(6000) as usize];
                let offset = self.random.below(9_000);
                self.handle()?.0.write(offset, &data).ok()?;
            }
            12 => {
                let size = self.random.below(9_000);
                self.handle()?.0.set_size(size).ok()?;
            }
            13 => {
                let modified = Some(FileTime(now().0 - self.random.below(2500) * DAY));
                let change = MetadataChange { modified, ..MetadataChange::default() };
                self.handle()?.0.set_metadata(&change).ok()?;
            }
            14..17 => {
                let to = path(&self.name());
                let existing = if self.random.below(2) == 0 { Existing::Replace } else { Existing::Keep };
                let file = self.handle()?;
                self.volume.rename(&file, &to, existing, now()).ok()?;
            }
            17 => {
                let file = self.handle()?;
                self.volume.unlink(&file).ok()?;
            }
            18 => {
                self.handle()?.0.overwrite(&new_node(NodeKind::File), false).ok()?;
            }
            _ => {
                let count = self.handles.len() as u64;
                (count > 0).then(|| self.handles.swap_remove(self.random.below(count) as usize))?;
            }
        }
        Some(())
    }
}

/// What the child does, until it is killed.
#[test]
fn child_of_the_class_crash_test() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (seed, root) = told.split_once(':').expect("SEED:FOLDER");
    let (seed, root): (u64, _) = (seed.parse().expect("a seed"), PathBuf::from(root));
    let volume = open_counted(&root, &open_posix(&root));
    println!("working");
    std::io::stdout().flush().expect("the parent listens");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let volume = &volume;
            scope.spawn(move || {
                let random = Random(seed.wrapping_mul(31).wrapping_add(thread));
                let mut worker = Worker { volume, thread, random, handles: Vec::new() };
                for _ in 0..STEPS {
                    worker.step();
                }
            });
        }
    });
}

/// What a look at every file says.
fn look(volume: &dyn Volume, at: &VfsPath, found: &mut Classes) {
    let opened = volume.open(at, None, DataUse::READ).expect("what was listed");
    if opened.metadata.kind == NodeKind::File {
        let days = |time: FileTime| time.to_unix().0.div_euclid(86_400);
        let streams = opened.file.0.streams().expect("streams");
        let bytes: u64 = streams.iter().map(|stream| stream.size_bytes).sum();
        let kind = FileType::of_name(at.split_last().expect("a name").1);
        let age = AgeBand::of_days(days(now()) - days(opened.metadata.modified));
        for usage in [&mut found.types[kind.index()], &mut found.ages[age]] {
            usage.files += 1;
            usage.logical_bytes += bytes;
        }
        return;
    }
    let mut names = Vec::new();
    let each = &mut |name: Wtf8<'_>, _: &Metadata| {
        names.push(VfsPath::new(name.to_owned()).expect("a name"));
        true
    };
    opened.file.0.list(DirectoryCursor::default(), each).expect("a listing");
    names.iter().for_each(|name| look(volume, &at.join(name), found));
}

fn run_and_kill(root: &Path, seed: u64) {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child_of_the_class_crash_test", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{seed}:{}", root.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test again");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("working"))), "the child works");
    std::thread::sleep(Duration::from_micros(Random(seed).below(400_000)));
    child.kill().expect("it is killed");
    child.wait().expect("the child is gone");
}

#[test]
fn classes_are_exact_after_kill() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let time = std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos() as u64);
    let seed = setting("FREEHOLD_CLASS_SEED", time);
    println!("FREEHOLD_CLASS_SEED={seed}");
    let directory = tempfile::tempdir().expect("a folder");
    let root = directory.path();
    {
        let volume = open_counted(root, &open_posix(root));
        volume.wait_until_counted();
        let top = volume.open(&VfsPath::root(), None, DataUse::WRITE).expect("the root").file;
        for thread in 0..THREADS {
            volume
                .create(&top, format!("t{thread}").as_str().into(), &new_node(NodeKind::Directory))
                .expect("a folder");
        }
    }
    let crashes = setting("FREEHOLD_CLASS_CRASHES", 12);
    let (mut counted_anew, mut files) = (0, 0);
    for number in 0..crashes {
        run_and_kill(root, seed.wrapping_add(number));
        let inner = open_posix(root);
        let volume = open_counted(root, &inner);
        let quotas = volume.quotas().expect("it counts");
        let first = quotas.classes();
        counted_anew += u64::from(first.is_none());
        let mut looked = Classes::default();
        look(&*inner, &VfsPath::root(), &mut looked);
        volume.wait_until_counted();
        let kept = first.or_else(|| quotas.classes());
        assert_eq!(kept.as_ref(), Some(&looked), "after kill {number} of seed {seed}");
        files += looked.types.iter().map(|usage| usage.files).sum::<u64>();
    }
    println!("{crashes} kills, {files} files looked at; {counted_anew} times everything was counted anew");
    assert!(files > 0, "the children made no files");
    // To count anew is right as well, but is meant for what cannot be found.
    assert!(counted_anew < crashes.max(2), "everything was counted anew every time");
}
