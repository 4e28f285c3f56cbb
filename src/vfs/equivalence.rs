//! Random operations on `memory` and `posix` at once: every answer and all that is stored must be the same.

use proptest::prelude::*;

use freehold_dtyp::{FileTime, Wtf8, Wtf8Buf};

use super::conformance::{NOW, descriptor, ea, new_node};
use super::memory::{MemoryOptions, MemoryVolume};
use super::posix::{PosixOptions, PosixVolume};
use super::{
    DataUse, DirectoryCursor, Existing, FileRef, Metadata, MetadataChange, NodeKind, OpenError, Opened,
    VfsError, VfsPath, Volume, Wait,
};
use crate::fscc::FileAttributes;

/// Paths that meet each other in many ways, in different case.
const PATHS: &[&str] = &[
    "a",
    "A",
    "b",
    "B",
    "dir",
    "DIR",
    "dir/x",
    "Dir/X",
    "dir/y",
    "dir/sub",
    "DIR/SUB/z",
    "dir/sub/Z",
    "other",
    "other/x",
    "other/Sub",
    "a/b",
    "é",
    "É",
    ".freehold",
    ".freehold/x",
    "bad*name",
    "",
];
const STREAMS: &[&str] = &["one", "ONE", "two", "a:b", "", "*"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Create { path: usize, directory: bool },
    Open { path: usize },
    OpenStream { path: usize, stream: usize },
    Close { handle: usize },
    Write { handle: usize, offset: u64, length: usize },
    SetSize { handle: usize, size: u64 },
    PunchHole { handle: usize, offset: u64, length: u64 },
    Copy { handle: usize, source: usize, from: u64, to: u64, length: u64 },
    Rename { handle: usize, path: usize, replace: bool },
    Link { handle: usize, path: usize, replace: bool },
    Unlink { handle: usize },
    CreateStream { handle: usize, stream: usize },
    RenameStream { handle: usize, stream: usize, replace: bool },
    SetMetadata { handle: usize, bits: u32, time: u64 },
    SetSecurity { handle: usize, mask: u32 },
    SetEas { handle: usize, name: u8, length: usize },
    SetReparse { handle: usize, length: Option<usize> },
    Overwrite { handle: usize },
    Flush { handle: usize },
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (path, handle, stream) = (0..PATHS.len(), 0..1000usize, 0..STREAMS.len());
    let offset = prop_oneof![0..20u64, 0..20_000u64, Just(4096u64), Just(8192u64)];
    prop_oneof![
        6 => (path.clone(), any::<bool>()).prop_map(|(path, directory)| Step::Create { path, directory }),
        4 => path.clone().prop_map(|path| Step::Open { path }),
        2 => (path.clone(), stream.clone()).prop_map(|(path, stream)| Step::OpenStream { path, stream }),
        1 => handle.clone().prop_map(|handle| Step::Close { handle }),
        3 => (handle.clone(), offset.clone(), 0..9000usize).prop_map(|(handle, offset, length)| Step::Write { handle, offset, length }),
        1 => (handle.clone(), offset.clone()).prop_map(|(handle, size)| Step::SetSize { handle, size }),
        1 => (handle.clone(), offset.clone(), 0..9000u64).prop_map(|(handle, offset, length)| Step::PunchHole { handle, offset, length }),
        1 => (handle.clone(), handle.clone(), offset.clone(), offset.clone(), 0..5000u64)
            .prop_map(|(handle, source, from, to, length)| Step::Copy { handle, source, from, to, length }),
        4 => (handle.clone(), path.clone(), any::<bool>()).prop_map(|(handle, path, replace)| Step::Rename { handle, path, replace }),
        2 => (handle.clone(), path.clone(), any::<bool>()).prop_map(|(handle, path, replace)| Step::Link { handle, path, replace }),
        2 => handle.clone().prop_map(|handle| Step::Unlink { handle }),
        3 => (handle.clone(), stream.clone()).prop_map(|(handle, stream)| Step::CreateStream { handle, stream }),
        1 => (handle.clone(), stream, any::<bool>()).prop_map(|(handle, stream, replace)| Step::RenameStream { handle, stream, replace }),
        2 => (handle.clone(), any::<u32>(), 0..1_000_000u64).prop_map(|(handle, bits, time)| Step::SetMetadata { handle, bits, time }),
        1 => (handle.clone(), 0..5u32).prop_map(|(handle, mask)| Step::SetSecurity { handle, mask }),
        2 => (handle.clone(), b'a'..b'd', prop_oneof![Just(0usize), 1..50usize, 30_000..40_000usize])
            .prop_map(|(handle, name, length)| Step::SetEas { handle, name, length }),
        1 => (handle.clone(), proptest::option::of(prop_oneof![Just(3usize), 8..50usize, 2000..3000usize]))
            .prop_map(|(handle, length)| Step::SetReparse { handle, length }),
        1 => handle.clone().prop_map(|handle| Step::Overwrite { handle }),
        1 => handle.prop_map(|handle| Step::Flush { handle }),
    ]
}

/// What must be equal of metadata: not the ids, nor times that the clock gave, nor how much a disk block holds.
#[derive(Debug, PartialEq)]
struct Seen {
    kind: NodeKind,
    attributes: FileAttributes,
    created: FileTime,
    size_bytes: u64,
    links: u32,
    ea_size_bytes: u32,
    reparse_tag: u32,
}

fn seen(metadata: &Metadata) -> Seen {
    Seen {
        kind: metadata.kind,
        attributes: metadata.attributes,
        created: metadata.created,
        size_bytes: metadata.size_bytes,
        links: metadata.links,
        ea_size_bytes: metadata.ea_size_bytes,
        reparse_tag: metadata.reparse_tag,
    }
}

/// Length and hash of the data.
fn contents(file: &FileRef) -> Result<(usize, u64), VfsError> {
    let mut buffer = vec![0; 128 * 1024];
    let length = file.0.read(0, &mut buffer, Wait::Allowed)?;
    let hash = buffer[..length].iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    });
    Ok((length, hash))
}

/// Whatever lies outside of the allocated ranges is zero. (How much lies inside is the file system's matter.)
fn check_ranges(file: &FileRef) {
    let mut data = vec![0; 128 * 1024];
    let Ok(length) = file.0.read(0, &mut data, Wait::Allowed) else { return };
    let ranges = file.0.allocated_ranges(0, 1 << 20, 100).expect("ranges");
    for (start, length) in &ranges {
        data[*start as usize..(start + length) as usize].fill(0);
    }
    assert!(data[..length].iter().all(|byte| *byte == 0), "{ranges:?}");
}

fn windows(text: &str) -> VfsPath {
    VfsPath::new(Wtf8Buf::from(text)).expect("a path of the list")
}

/// One side: a volume and its handles.
pub(super) struct Side<'v> {
    volume: &'v dyn Volume,
    pub(super) handles: Vec<FileRef>,
}

impl<'v> Side<'v> {
    /// With one handle, of the root.
    pub(super) fn new(volume: &'v dyn Volume) -> Side<'v> {
        let root = volume.open(&VfsPath::root(), None, DataUse::WRITE).expect("the root");
        let made = MetadataChange { created: Some(NOW), ..Default::default() };
        root.file.0.set_metadata(&made).expect("the root");
        Side { volume, handles: vec![root.file] }
    }

    fn open(&self, path: &str, stream: Option<&str>) -> Result<Opened, OpenError> {
        self.volume.open(&windows(path), stream.map(Wtf8::from), DataUse::WRITE)
    }

    /// Answers of all kinds as text.
    fn opened(&mut self, result: Result<Opened, OpenError>, keep: bool) -> String {
        let about = |opened: &Opened| {
            format!("{} {:?} {:?}", opened.path.as_wtf8(), seen(&opened.metadata), opened.security)
        };
        match result {
            Ok(opened) => {
                let text = format!("opened {}", about(&opened));
                if keep {
                    self.handles.push(opened.file);
                }
                text
            }
            Err(OpenError::NotFound(parent)) => format!("not found in {}", about(&parent)),
            Err(OpenError::StreamNotFound(file)) => format!("no stream in {}", about(&file)),
            Err(other) => format!("{other:?}"),
        }
    }

    pub(super) fn handle(&self, number: usize) -> FileRef {
        self.handles[number % self.handles.len()].clone()
    }

    /// True when the handle's path still leads to its file.
    fn is_live(&self, file: &FileRef) -> bool {
        let found = self.volume.open(&file.0.path(), None, DataUse::READ);
        found.is_ok_and(|found| found.file.0.id() == file.0.id())
    }

    pub(super) fn run(&mut self, step: &Step) -> String {
        let existing = |replace: &bool| if *replace { Existing::Replace } else { Existing::Keep };
        match step {
            Step::Create { path, directory } => {
                let kind = if *directory { NodeKind::Directory } else { NodeKind::File };
                match self.open(PATHS[*path], None) {
                    Err(OpenError::NotFound(parent)) => {
                        let full = windows(PATHS[*path]);
                        let Some((_, name)) = full.split_last() else { return "root".to_owned() };
                        let made = self.volume.create(&parent.file, name, &new_node(kind));
                        if let Ok(made) = &made {
                            let change = MetadataChange { created: Some(NOW), ..Default::default() };
                            made.file.0.set_metadata(&change).expect("set_metadata");
                        }
                        match made {
                            Ok(made) => {
                                let text = format!("made {}", made.path.as_wtf8());
                                self.handles.push(made.file);
                                text
                            }
                            Err(error) => format!("{error:?}"),
                        }
                    }
                    other => self.opened(other, true),
                }
            }
            Step::Open { path } => {
                let opened = self.open(PATHS[*path], None);
                self.opened(opened, true)
            }
            Step::OpenStream { path, stream } => {
                let opened = self.open(PATHS[*path], Some(STREAMS[*stream]));
                self.opened(opened, true)
            }
            Step::Close { handle } => {
                let number = handle % self.handles.len();
                if number > 0 {
                    self.handles.swap_remove(number);
                }
                String::new()
            }
            Step::Write { handle, offset, length } => {
                let data: Vec<u8> = (0..*length).map(|at| (at % 250) as u8 + 1).collect();
                format!("{:?}", self.handle(*handle).0.write(*offset, &data))
            }
            Step::SetSize { handle, size } => format!("{:?}", self.handle(*handle).0.set_size(*size)),
            Step::PunchHole { handle, offset, length } => {
                format!("{:?}", self.handle(*handle).0.punch_hole(*offset, *length))
            }
            Step::Copy { handle, source, from, to, length } => {
                let (target, source) = (self.handle(*handle), self.handle(*source));
                if target.0.id() == source.0.id() && from.abs_diff(*to) < *length {
                    return String::new(); // ranges of one file may not overlap
                }
                format!("{:?}", target.0.copy_range(&source, *from, *to, *length))
            }
            Step::Rename { handle, path, replace } => {
                let result =
                    self.volume.rename(&self.handle(*handle), &windows(PATHS[*path]), existing(replace), NOW);
                format!("{result:?}")
            }
            Step::Link { handle, path, replace } => {
                let result =
                    self.volume.link(&self.handle(*handle), &windows(PATHS[*path]), existing(replace), NOW);
                format!("{result:?}")
            }
            Step::Unlink { handle } => format!("{:?}", self.volume.unlink(&self.handle(*handle))),
            Step::CreateStream { handle, stream } => {
                let file = self.handle(*handle);
                if !self.is_live(&file) {
                    return String::new(); // what a file without a name keeps is not said
                }
                match self.volume.create_stream(&file, STREAMS[*stream].into(), NOW) {
                    Ok(stream) => {
                        self.handles.push(stream.file);
                        format!("{:?}", seen(&stream.metadata))
                    }
                    Err(error) => format!("{error:?}"),
                }
            }
            Step::RenameStream { handle, stream, replace } => {
                let file = self.handle(*handle);
                // Onto the unnamed stream only the one handle of a stream may go: conformance.rs has that.
                if !self.is_live(&file) || STREAMS[*stream].is_empty() {
                    return String::new();
                }
                format!("{:?}", file.0.rename_stream(STREAMS[*stream].into(), existing(replace), NOW))
            }
            Step::SetMetadata { handle, bits, time } => {
                let change = MetadataChange {
                    attributes: Some(FileAttributes::from_bits_retain(*bits)),
                    sparse: Some(bits & 1 != 0),
                    created: Some(FileTime(NOW.0 + time)),
                    modified: Some(FileTime(NOW.0 + 2 * time)),
                    accessed: Some(FileTime(NOW.0 + 3 * time)),
                    changed: Some(FileTime(NOW.0 + 4 * time)),
                };
                let file = self.handle(*handle);
                let result = file.0.set_metadata(&change);
                let after =
                    file.0.metadata().map(|now| (now.created, now.modified, now.accessed, now.changed));
                format!("{result:?} {after:?}")
            }
            Step::SetSecurity { handle, mask } => {
                format!("{:?}", self.handle(*handle).0.set_security(descriptor(*mask), NOW))
            }
            Step::SetEas { handle, name, length } => {
                let file = self.handle(*handle);
                if !self.is_live(&file) {
                    return String::new();
                }
                let change = ea(&char::from(*name).to_string(), &vec![*name; *length]);
                format!("{:?}", file.0.set_extended_attributes(&[change], NOW))
            }
            Step::SetReparse { handle, length } => {
                let file = self.handle(*handle);
                if !self.is_live(&file) || file.0.path().is_root() {
                    return String::new();
                }
                let data = length.map(|length| vec![0x17; length]);
                format!("{:?}", file.0.set_reparse_data(data.as_deref(), NOW))
            }
            Step::Overwrite { handle } => {
                let mut new = new_node(NodeKind::File);
                new.attributes = FileAttributes::HIDDEN;
                new.security = descriptor(77);
                new.extended_attributes = vec![ea("fresh", b"1")];
                format!("{:?}", self.handle(*handle).0.overwrite(&new, true).map(|metadata| seen(&metadata)))
            }
            Step::Flush { handle } => format!("{:?}", self.handle(*handle).0.flush()),
        }
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for (number, file) in self.handles.iter().enumerate() {
            let metadata = file.0.metadata().map(|metadata| seen(&metadata));
            let path = if self.is_live(file) { file.0.path() } else { VfsPath::root() };
            text += &format!("handle {number}: {} {metadata:?} {:?}\n", path.as_wtf8(), contents(file));
        }
        self.describe_tree(&VfsPath::root(), &mut text);
        text
    }

    fn describe_tree(&self, path: &VfsPath, text: &mut String) {
        let opened = self.volume.open(path, None, DataUse::READ).expect("listed");
        let file = &opened.file.0;
        *text += &format!("{} {:?}\n", opened.path.as_wtf8(), seen(&opened.metadata));
        *text += &format!("  {:?} {:?}\n", opened.security, file.extended_attributes());
        *text += &format!("  {:?} {:?}\n", file.reparse_data(), contents(&opened.file));
        check_ranges(&opened.file);
        for stream in file.streams().expect("streams") {
            *text += &format!("  :{} {}", stream.name, stream.size_bytes);
            if !stream.name.is_empty() {
                let stream =
                    self.volume.open(path, Some(stream.name.as_wtf8()), DataUse::READ).expect("a stream");
                *text += &format!(" {:?}", contents(&stream.file));
            }
            *text += "\n";
        }
        if opened.metadata.kind != NodeKind::Directory {
            return;
        }
        let mut entries = Vec::new();
        let end = file
            .list(DirectoryCursor::default(), &mut |name, metadata| {
                entries.push((name.to_owned(), seen(metadata), metadata.id));
                true
            })
            .expect("a listing");
        assert_eq!(end, None);
        *text += &format!("  empty: {:?}\n", file.is_empty());
        for (name, seen_there, id) in entries {
            let below = path.join(&VfsPath::new(name.clone()).expect("a name"));
            let entry = file.entry(name.as_wtf8()).expect("entry").expect("listed");
            assert_eq!((&entry.name, entry.metadata.id), (&name, id));
            *text += &format!("  - {name} {seen_there:?}\n");
            if opened.metadata.reparse_tag == 0 {
                self.describe_tree(&below, text);
            }
        }
    }
}

/// Everything that is stored, as text.
fn tree(volume: &dyn Volume) -> String {
    let mut text = String::new();
    Side { volume, handles: Vec::new() }.describe_tree(&VfsPath::root(), &mut text);
    text
}

/// Runs `steps` on both: every answer and all that is stored in the end must be the same. Returns what is stored.
pub(super) fn give_the_same_answers(
    steps: &[Step],
    left: &dyn Volume,
    right: &dyn Volume,
) -> Result<String, TestCaseError> {
    let mut sides = [left, right].map(Side::new);
    for step in steps {
        let [left, right] = &mut sides;
        prop_assert_eq!(left.run(step), right.run(step), "{:?}", step);
    }
    prop_assert_eq!(sides[0].describe(), sides[1].describe());
    Ok(tree(right))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_posix_give_the_same_answers(steps in proptest::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let security = descriptor(0x1F01FF);
        let memory = MemoryVolume::new(MemoryOptions::new(security.clone()));
        let posix = PosixVolume::open(directory.path(), PosixOptions::new("test", security)).expect("a volume");
        let before = give_the_same_answers(&steps, &memory, &posix)?;
        // Nothing of it was only in memory.
        drop(posix);
        let options = PosixOptions::new("test", descriptor(0x1F01FF));
        let again = PosixVolume::open(directory.path(), options).expect("the same volume");
        prop_assert_eq!(tree(&again), before);
    }
}
