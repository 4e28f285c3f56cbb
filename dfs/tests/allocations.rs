//! What a lookup and a change cost, counted in allocations: that does not depend on how fast the machine is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Difference, Distance, Fold, Folder, Kind,
    Namespace, NamespaceIndex, Namespaces, State, Surroundings, Target,
};
use freehold_dtyp::Guid;

const FOLDERS: u32 = 2_000;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator; counts for each thread.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting in a `Cell` that needs no destructor allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of `work`, and their bytes.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64, usize) {
    let (allocations, bytes) = (ALLOCATIONS.get(), BYTES.get());
    let value = work();
    (value, ALLOCATIONS.get() - allocations, BYTES.get() - bytes)
}

fn path(number: u32) -> String {
    format!(r"Department {}\Team {}\Project {number}", number % 50, number % 1000)
}

fn folder(path: String) -> Arc<Folder> {
    Arc::new(Folder {
        guid: Guid([2; 16]),
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
        options: Default::default(),
        security: None,
        targets: vec![Target::new("fs1", "data", path.clone()), Target::new("fs2", "data", path.clone())],
        path,
    })
}

fn namespaces() -> Namespaces {
    let mut index = NamespaceIndex::new(Arc::new(Namespace {
        name: "files".into(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
        options: Default::default(),
        targets: Vec::new(),
    }));
    for number in 0..FOLDERS {
        index.insert(Fold::ASCII, folder(path(number))).unwrap();
    }
    Namespaces::new(Fold::ASCII, [index])
}

#[test]
fn a_path_is_judged_without_allocation() {
    let all = namespaces();
    let inside: Vec<u16> = format!(r"{}\deep\file", path(1234).to_uppercase()).encode_utf16().collect();
    let outside: Vec<u16> = r"Department 3\Team 3\Projects\a\b".encode_utf16().collect();
    let (found, allocations, _) = counted(|| all.find_below("FILES", inside.iter().copied()));
    assert_eq!(found.unwrap().0.path, path(1234));
    assert_eq!(allocations, 0);
    let (found, allocations, _) = counted(|| all.find_below("FILES", outside.iter().copied()));
    assert!(found.is_none());
    assert_eq!(allocations, 0);
    let asked: Vec<u16> = format!(r"\server\Files\{}", path(7)).encode_utf16().collect();
    let (_, allocations, _) = counted(|| all.find(&asked));
    assert_eq!(allocations, 0);
}

/// Units of a name that the lookup reads, whatever lies in the namespace.
#[test]
fn a_lookup_reads_no_more_for_many_folders() {
    thread_local!(static FOLDED: Cell<u32> = const { Cell::new(0) });
    let counting = Fold(|unit| {
        FOLDED.set(FOLDED.get() + 1);
        (Fold::ASCII.0)(unit)
    });
    let all = namespaces();
    let index = NamespaceIndex::clone(all.namespace("files").unwrap());
    let all = Namespaces::new(counting, [index]);
    let asked: Vec<u16> = r"Department 3\Team 3\Projects\a".encode_utf16().collect();
    FOLDED.set(0);
    assert!(all.find_below("files", asked.iter().copied()).is_none());
    // 2,000 folders are 11 steps of a search and as many units a step as the neighbours have in common.
    let (steps, units) = (13, u32::try_from(asked.len()).unwrap());
    assert!(FOLDED.get() < steps * units, "{} units were folded", FOLDED.get());
}

#[test]
fn a_change_copies_little_and_is_found_without_a_walk() {
    let mut all = namespaces();
    let before = Arc::clone(all.namespace("files").unwrap());
    let added = folder("new".into());
    let (_, allocations, bytes) = counted(|| {
        let mut index = NamespaceIndex::clone(&before);
        index.insert(Fold::ASCII, added).unwrap();
        all.set(Arc::new(index));
    });
    assert!(allocations < 16, "{allocations}");
    // The chunk that the folder is in, and the list of chunks.
    assert!(bytes < 8192, "{bytes}");
    let after = all.namespace("files").unwrap();
    let (differences, allocations, _) = counted(|| after.differences(&before));
    assert!(matches!(differences.as_slice(), [Difference::Added(folder)] if folder.path == "new"));
    assert!(allocations < 4, "{allocations}");
}

#[test]
fn a_referral_allocates_a_fixed_number_of_times() {
    let all = namespaces();
    let around = Surroundings { distance: &|_| Distance::Unknown, is_dead: &|_| false, is_own: &|_| false };
    for asked in [r"\server\files", r"\server\files\Department 7\Team 7\Project 7\deep\er"] {
        let asked: Vec<u16> = asked.encode_utf16().collect();
        let (bytes, allocations, _) = counted(|| {
            let answer = all.refer(&asked, &around, &mut |_| 0).unwrap();
            answer.encode(&asked, 4, 4096).unwrap()
        });
        println!("{allocations} allocations for {} bytes", bytes.len());
        assert!(allocations < 64, "{allocations}");
    }
}
