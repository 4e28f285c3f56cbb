//! Threads that make, find, list, replace and remove the same names: whoever finds a file finds it complete.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl};
use freehold_dtyp::Sid;
use hashbrown::HashMap;

use super::*;
use crate::fscc::FileAttributes;
use crate::vfs::conformance::{NOW, contents, create, descriptor, ea, new_node, opened, path};
use crate::vfs::{DirectoryCursor, Metadata, NodeKind};

const NAMES: [&str; 3] = ["one", "Two", "three"];
const MAKERS: u32 = 2;
/// Descriptors of each maker.
const OWNERS: u32 = 16;
/// How many files each of those who look must have found.
const FOUND_EACH: usize = 4000;

/// A descriptor that no file inherits; each has an owner of its own.
fn security_of(number: u32) -> Arc<SecurityDescriptor> {
    let owner: Sid = format!("S-1-5-21-7-7-7-{}", 1000 + number).parse().expect("a SID");
    let ace = Ace::allow(owner, AccessMask(0x1F_01FF), AceFlags::default());
    let dacl = Acl::from_aces([ace]).expect("a short list");
    Arc::new(SecurityDescriptor::new(owner, Sid::SYSTEM, dacl))
}

fn volume(directory: &Path) -> PosixVolume {
    PosixVolume::open(directory, PosixOptions::new("test", descriptor(0x1F_01FF))).expect("a volume")
}

/// What somebody saw of a file.
struct Seen {
    how: &'static str,
    metadata: Metadata,
    security: Option<Arc<SecurityDescriptor>>,
}

impl Seen {
    fn opened(how: &'static str, opened: Opened) -> Seen {
        Seen { how, metadata: opened.metadata, security: Some(opened.security) }
    }
}

/// Makes names, by themselves or over others, and removes them. Returns what it made.
fn make(volume: &PosixVolume, maker: u32, stop: &AtomicBool) -> HashMap<u64, Arc<SecurityDescriptor>> {
    let root = opened(volume, "").file;
    let own_name = format!("of maker {maker}");
    let mut made = HashMap::new();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let target = NAMES[round as usize % NAMES.len()];
        let kind = if round % 5 == 0 { NodeKind::Directory } else { NodeKind::File };
        let replaces = round % 3 == 0;
        let mut new = new_node(kind);
        new.attributes = FileAttributes::HIDDEN;
        new.security = security_of(maker * OWNERS + round % OWNERS);
        let name = if replaces { own_name.as_str() } else { target };
        let file = match volume.create(&root, name.into(), &new) {
            Ok(opened) => opened,
            Err(VfsError::Exists) => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        assert!(made.insert(file.metadata.id.0, new.security).is_none(), "an id was given twice");
        if replaces {
            // Not over a folder.
            let _ = volume.rename(&file.file, &path(target), Existing::Replace, NOW);
        }
        match volume.unlink(&file.file) {
            Ok(()) | Err(VfsError::NotFound) => {} // replaced by the other one
            Err(error) => panic!("{name}: {error}"),
        }
    }
    made
}

/// Looks for names in every way until enough was found.
fn look(volume: &PosixVolume, looker: usize) -> Vec<Seen> {
    let root = opened(volume, "").file;
    let mut seen = Vec::new();
    let mut round = looker;
    while seen.len() < FOUND_EACH {
        round += 1;
        let name = NAMES[round % NAMES.len()];
        match round % 4 {
            0 => seen.extend(open(volume, name).map(|opened| Seen::opened("opened", opened))),
            1 => seen.extend(
                open(volume, &name.to_uppercase())
                    .map(|opened| Seen::opened("opened in another case", opened)),
            ),
            2 => seen.extend(root.0.entry(name.into()).expect("an entry or none").map(|entry| Seen {
                how: "looked up",
                metadata: entry.metadata,
                security: None,
            })),
            _ => {
                let mut visit = |_: Wtf8<'_>, metadata: &Metadata, security: &Arc<SecurityDescriptor>| {
                    seen.push(Seen {
                        how: "listed",
                        metadata: metadata.clone(),
                        security: Some(Arc::clone(security)),
                    });
                    true
                };
                root.0.list_secured(DirectoryCursor::default(), &mut visit).expect("a listing");
            }
        }
    }
    seen
}

fn open(volume: &PosixVolume, name: &str) -> Option<Opened> {
    volume.open(&path(name), None, DataUse::READ).ok()
}

#[test]
fn whoever_finds_a_new_file_finds_it_complete() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let volume = &volume(directory.path());
    let stop = &AtomicBool::new(false);
    let (made, seen) = thread::scope(|scope| {
        let makers: Vec<_> =
            (0..MAKERS).map(|maker| scope.spawn(move || make(volume, maker, stop))).collect();
        let lookers: Vec<_> = (0..3).map(|looker| scope.spawn(move || look(volume, looker))).collect();
        let seen: Vec<_> = lookers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        let made: Vec<_> = makers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        (made, seen)
    });
    let mut all = HashMap::new();
    for of_one in made {
        for (id, security) in of_one.expect("a maker") {
            assert!(all.insert(id, security).is_none(), "an id was given twice");
        }
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    for seen in seen.into_iter().flat_map(|seen| seen.expect("one who looks")) {
        count += 1;
        let id = seen.metadata.id.0;
        let expected = all.get(&id);
        let right = expected.is_some_and(|expected| seen.security.as_ref().is_none_or(|own| own == expected))
            && seen.metadata.attributes.contains(FileAttributes::HIDDEN);
        if !right {
            wrong.push(format!("{}: id {id:#x}, made so: {}", seen.how, expected.is_some()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} were incomplete, such as {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(8)]
    );
}

#[test]
fn a_superseded_file_never_shows_old_data_under_its_new_descriptor() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let volume = &volume(directory.path());
    let (before, after) = (security_of(0), security_of(1));
    let leaks = AtomicUsize::new(0);
    for round in 0..300 {
        let name = format!("f{round}");
        let mut new = new_node(NodeKind::File);
        new.security = Arc::clone(&before);
        let root = opened(volume, "").file;
        let file = volume.create(&root, name.as_str().into(), &new).expect("a file").file;
        file.0.write(0, b"secret").expect("written");
        volume
            .create_stream(&file, "s".into(), NOW)
            .expect("a stream")
            .file
            .0
            .write(0, b"more")
            .expect("written");
        new.security = Arc::clone(&after);
        let together = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                loop {
                    let found = open(volume, &name).expect("always there");
                    if found.security == after {
                        let data = contents(&found.file);
                        let streams = found.file.0.streams().expect("its streams").len();
                        leaks.fetch_add(usize::from(!data.is_empty() || streams != 1), Ordering::Relaxed);
                        break;
                    }
                }
            });
            together.wait();
            file.0.overwrite(&new, true).expect("superseded");
        });
    }
    assert_eq!(leaks.into_inner(), 0);
}

/// What an overwrite leaves when it is killed between the attribute and the removal of the streams.
#[test]
fn streams_of_an_overwrite_that_was_killed_do_not_come_back() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let volume = volume(directory.path());
    let file = create(&volume, "f", NodeKind::File);
    volume
        .create_stream(&file.file, "old".into(), NOW)
        .expect("a stream")
        .file
        .0
        .write(0, b"old")
        .expect("written");
    let streams = directory.path().join(".freehold/streams").join(format!("{:016x}", file.metadata.id.0));
    let aside = directory.path().join("aside");
    std::fs::rename(&streams, &aside).expect("its streams");
    file.file.0.overwrite(&new_node(NodeKind::File), false).expect("overwritten");
    std::fs::rename(&aside, &streams).expect("put back");
    volume.create_stream(&file.file, "new".into(), NOW).expect("a stream");
    let names: Vec<String> =
        file.file.0.streams().expect("its streams").iter().map(|stream| stream.name.to_string()).collect();
    assert_eq!(names, ["", "new"]);
}

/// A create that fails leaves nothing behind, in the folder or in the store, and the folder's index stays true.
#[test]
fn what_cannot_be_made_complete_is_not_there() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let volume = volume(directory.path());
    let root = opened(&volume, "").file;
    let mut new = new_node(NodeKind::File);
    new.extended_attributes = vec![ea("BIG", &[1; 20_000])];
    // More than any file system has.
    new.allocation_bytes = 1 << 62;
    for _ in 0..3 {
        let failed = volume.create(&root, "f".into(), &new).map(|_| ());
        assert!(matches!(failed, Err(VfsError::DiskFull | VfsError::OutOfRange)), "{failed:?}");
        assert!(open(&volume, "F").is_none());
        let parts = std::fs::read_dir(directory.path().join(".freehold/parts")).expect("a folder").count();
        assert_eq!(parts, 0);
    }
    new.allocation_bytes = 0;
    let made = volume.create(&root, "f".into(), &new).expect("a file");
    assert_eq!(open(&volume, "F").expect("there").metadata.id, made.metadata.id);
}
