//! Folders of namespaces in a share on a volume in memory.

use std::cell::{Cell, RefCell};
use std::sync::atomic::AtomicU32;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor};
use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, FolderOptions, Kind, Namespace, NamespaceOptions,
    State as Online, Target,
};
use freehold_dtyp::{Encode, Sid, Wtf8Buf};

use super::*;
use crate::fscc::FileAttributes;
use crate::fscc::upcase::upcase_unit;
use crate::proto::op::VolumeId;
use crate::proto::tree_connect::{CachingMode, Share, ShareTarget};
use crate::vfs::fault::{FaultVolume, Faults, Operation};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};
use crate::vfs::{DataUse, NameCase, NewNode, NodeKind, OpenError, Opened, VfsError, Volume};

const FOLD: Fold = Fold(upcase_unit);
const NOW: FileTime = FileTime(133_000_000_000_000_000);

fn security(of: Sid) -> SecurityDescriptor {
    let flags = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
    let dacl = Acl::from_aces([Ace::allow(of, AccessMask::FILE_ALL_ACCESS, flags)]).unwrap();
    SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl)
}

fn folder(path: &str) -> Folder {
    Folder {
        path: path.to_owned(),
        guid: Guid([1; 16]),
        comment: String::new(),
        state: Online::Online,
        ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
        options: FolderOptions::default(),
        security: None,
        targets: vec![Target::new("s", "d", "")],
    }
}

fn namespaces(folders: Vec<Folder>) -> Namespaces {
    let mut index = NamespaceIndex::new(Arc::new(Namespace {
        name: "files".to_owned(),
        guid: Guid([2; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: Online::Online,
        ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
        options: NamespaceOptions::default(),
        targets: Vec::new(),
    }));
    for folder in folders {
        index.insert(FOLD, Arc::new(folder)).unwrap();
    }
    Namespaces::new(FOLD, [index])
}

fn of(paths: &[&str]) -> Namespaces {
    namespaces(paths.iter().map(|path| folder(path)).collect())
}

struct Desk {
    volume: MemoryVolume,
    faults: Arc<Faults>,
    reference: VolumeRef,
    shares: Arc<Shares>,
    state: Arc<State>,
    links: Links,
    told: RefCell<Vec<(String, Told)>>,
    /// Looks at whether the server stops until it does.
    looks: Cell<u32>,
}

impl Desk {
    fn new() -> Self {
        let volume = MemoryVolume::new(MemoryOptions::new(Arc::new(security(Sid::EVERYONE))));
        let faults = Faults::new(1);
        let reference = VolumeRef {
            id: VolumeId(1),
            identity: Arc::new(volume.identity().clone()),
            volume: Arc::new(FaultVolume::new(volume.clone(), Arc::clone(&faults))),
        };
        let state = Arc::new(State::in_memory().unwrap());
        let mut desk = Desk {
            links: Links::new(Arc::clone(&state)),
            shares: Arc::default(),
            told: RefCell::default(),
            looks: Cell::new(u32::MAX),
            volume,
            faults,
            reference,
            state,
        };
        desk.share("");
        desk
    }

    /// Has the share lead to a folder of the volume.
    fn share(&mut self, path: &str) {
        let path = VfsPath::new(Wtf8Buf::from(path)).unwrap();
        let share = Share {
            name: "Files".to_owned(),
            target: ShareTarget::Disk { volume: self.reference.clone(), path },
            comment: String::new(),
            security: Arc::new(security(Sid::EVERYONE)),
            encrypt: false,
            varies: None,
            access_based_enumeration: false,
            continuously_available: false,
            ca_timeout: Duration::ZERO,
            caching: CachingMode::None,
            audit: Default::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: Arc::default(),
        };
        self.shares = Arc::new(Shares::new([share]));
    }

    fn settle(&mut self, wanted: Namespaces) -> Settled {
        let tell = |_: &VolumeRef, path: &VfsPath, what: Told| {
            self.told.borrow_mut().push((path.as_wtf8().to_str().unwrap().to_owned(), what));
        };
        let around = Around {
            shares: Arc::clone(&self.shares),
            volume: &|guid| (self.reference.identity.guid == guid).then(|| self.reference.clone()),
            tell: &tell,
            now: &|| NOW,
            stopped: &|| {
                let left = self.looks.get().checked_sub(1);
                self.looks.set(left.unwrap_or(0));
                left.is_none()
            },
        };
        self.links.settle(&around, &wanted).unwrap()
    }

    /// The server starts anew.
    fn restart(&mut self) {
        self.links = Links::new(Arc::clone(&self.state));
    }

    fn calls(&self, operations: &[Operation]) -> u64 {
        operations.iter().map(|operation| self.faults.calls(*operation)).sum()
    }

    fn open(&self, path: &str) -> Result<Opened, OpenError> {
        self.volume.open(&VfsPath::new(Wtf8Buf::from(path)).unwrap(), None, DataUse::WRITE)
    }

    /// Reparse tag of what is there; `None` for nothing.
    fn tag(&self, path: &str) -> Option<u32> {
        self.open(path).ok().map(|opened| opened.metadata.reparse_tag)
    }

    fn make(&self, path: &str, kind: NodeKind) {
        let Err(OpenError::NotFound(parent)) = self.open(path) else { panic!("{path} is there") };
        let name = path.rsplit('/').next().unwrap();
        let new = NewNode {
            kind,
            attributes: FileAttributes::empty(),
            security: Arc::new(security(Sid::EVERYONE)),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            no_compression: false,
            now: NOW,
            case: NameCase::Ignored,
        };
        self.volume.create(&parent.file, Wtf8::from(name), &new).unwrap();
    }
}

const LINK: Option<u32> = Some(0x8000_000A);

#[test]
fn folders_appear_and_go_with_the_directories_on_the_way() {
    let mut desk = Desk::new();
    desk.settle(of(&[r"a\b\link", r"a\other", "top"]));
    assert_eq!((desk.tag("a/b/link"), desk.tag("a/other"), desk.tag("top")), (LINK, LINK, LINK));
    assert_eq!(desk.tag("a/b"), Some(0));
    desk.settle(of(&[r"a\other", "new"]));
    assert_eq!((desk.tag("a/b"), desk.tag("top")), (None, None), "what has nothing else goes as well");
    assert_eq!((desk.tag("a/other"), desk.tag("new")), (LINK, LINK));
    desk.settle(Namespaces::default());
    assert_eq!((desk.tag("a"), desk.tag("new")), (None, None));
}

#[test]
fn what_clients_have_made_is_left_alone() {
    let mut desk = Desk::new();
    desk.make("file", NodeKind::File);
    desk.make("block", NodeKind::File);
    desk.make("full", NodeKind::Directory);
    desk.make("full/inside", NodeKind::File);
    desk.make("empty", NodeKind::Directory);
    desk.settle(of(&["file", "full", "empty", r"block\x", r"way\link"]));
    assert_eq!((desk.tag("file"), desk.tag("full"), desk.tag("full/inside")), (Some(0), Some(0), Some(0)));
    assert_eq!(desk.tag("empty"), LINK, "an empty folder becomes the link");
    desk.make("way/beside", NodeKind::File);
    desk.settle(of(&[]));
    assert_eq!(
        (desk.tag("file"), desk.tag("full/inside"), desk.tag("way/beside")),
        (Some(0), Some(0), Some(0))
    );
    assert_eq!(desk.tag("way/link"), None);
}

#[test]
fn links_from_an_earlier_life_go_however_deep_they_are() {
    let mut desk = Desk::new();
    desk.settle(of(&["old", r"a\old", r"a\kept", r"deep\er\and\deeper"]));
    // The server has stopped; meanwhile folders were removed.
    desk.restart();
    let settled = desk.settle(of(&[r"A\KEPT"]));
    assert_eq!((desk.tag("old"), desk.tag("a/old"), desk.tag("a/kept")), (None, None, LINK));
    assert_eq!(desk.tag("deep"), None);
    assert_eq!(settled, Settled { placed: 1, withdrawn: 3, ..Settled::default() });
    desk.restart();
    desk.settle(Namespaces::default());
    assert_eq!(desk.tag("a"), None);
    assert_eq!(desk.state.placed_roots().unwrap(), []);
}

#[test]
fn links_that_were_never_written_down_are_found_beside_the_folders() {
    let mut desk = Desk::new();
    desk.settle(of(&["old", r"a\old", r"a\kept"]));
    desk.state.forget_placed_root("FILES").unwrap();
    desk.restart();
    desk.settle(of(&[r"A\KEPT"]));
    assert_eq!((desk.tag("old"), desk.tag("a/old"), desk.tag("a/kept")), (None, None, LINK));
}

#[test]
fn a_start_looks_at_nothing_that_has_not_changed() {
    let mut desk = Desk::new();
    let paths: Vec<String> = (0..2000).map(|number| format!(r"dept {}\link {number}", number % 20)).collect();
    let some = |paths: &[String]| namespaces(paths.iter().map(|path| folder(path)).collect());
    let disk = [Operation::Open, Operation::Create, Operation::Unlink, Operation::Change, Operation::List];
    assert_eq!(desk.settle(some(&paths[..1999])).placed, 1999);
    desk.restart();
    let before = desk.calls(&disk);
    assert_eq!(desk.settle(some(&paths[..1999])), Settled::default());
    // The share's folder, and two folders to see that it is the same disk.
    assert_eq!(desk.calls(&disk) - before, 3);
    // One more costs its directory alone, also when it came while the server was down.
    for restarts in [false, true] {
        if restarts {
            desk.settle(some(&paths[..1999]));
            desk.restart();
        }
        let (before, made) = (desk.calls(&disk), desk.calls(&[Operation::Create]));
        assert_eq!(desk.settle(some(&paths)).placed, 1);
        assert_eq!(desk.calls(&[Operation::Create]) - made, 1);
        assert!(desk.calls(&disk) - before <= 6, "{}", desk.calls(&disk) - before);
    }
}

#[test]
fn work_that_was_cut_off_is_done_at_the_next_start() {
    let mut desk = Desk::new();
    let paths: Vec<String> = (0..BATCH * 3).map(|number| format!("link {number:04}")).collect();
    let all = || namespaces(paths.iter().map(|path| folder(path)).collect());
    desk.looks.set(2);
    let settled = desk.settle(all());
    assert_eq!(settled, Settled { placed: BATCH * 2, cut_off: true, ..Settled::default() });
    desk.looks.set(u32::MAX);
    desk.restart();
    let made = desk.calls(&[Operation::Create]);
    assert_eq!(desk.settle(all()).placed, BATCH);
    assert_eq!(desk.calls(&[Operation::Create]) - made, BATCH as u64);
    // Killed after the directory was made and before that was written down.
    let begun = PlacedMark::Begun { path: "link 0000".to_owned(), security: None };
    desk.state.mark_placed("FILES", &[begun]).unwrap();
    desk.restart();
    assert_eq!(desk.settle(of(&[])).withdrawn, BATCH * 3);
    assert_eq!((desk.tag("link 0000"), desk.tag("link 0767")), (None, None));
}

#[test]
fn a_share_that_leads_elsewhere_has_the_folders_there() {
    let mut desk = Desk::new();
    desk.make("other", NodeKind::Directory);
    desk.settle(of(&["link"]));
    desk.share("other");
    desk.settle(of(&["link"]));
    assert_eq!((desk.tag("link"), desk.tag("other/link")), (None, LINK));
    // The share's folder was emptied behind the server's back.
    desk.volume.unlink(&desk.open("other/link").unwrap().file).unwrap();
    desk.restart();
    desk.settle(of(&["link"]));
    assert_eq!(desk.tag("other/link"), LINK);
}

#[test]
fn a_directory_that_was_taken_away_is_back_when_its_folder_changes() {
    let mut desk = Desk::new();
    desk.settle(of(&["a", "b"]));
    desk.volume.unlink(&desk.open("a").unwrap().file).unwrap();
    // The same folders, read anew: nothing is looked at.
    assert_eq!(desk.settle(of(&["a", "b"])), Settled::default());
    let described = Folder { comment: "for all".to_owned(), ..folder("a") };
    assert_eq!(desk.settle(namespaces(vec![described, folder("b")])).placed, 1);
    assert_eq!(desk.tag("a"), LINK);
}

#[test]
fn a_folder_gives_way_to_folders_below_it_and_takes_another_spelling() {
    let mut desk = Desk::new();
    desk.settle(of(&[r"a\b"]));
    assert_eq!(desk.settle(of(&[r"a\b\c"])), Settled { placed: 1, withdrawn: 1, ..Settled::default() });
    assert_eq!((desk.tag("a/b"), desk.tag("a/b/c")), (Some(0), LINK));
    desk.settle(of(&[r"a\b"]));
    assert_eq!(desk.tag("a/b"), LINK);
    desk.settle(of(&[r"a\B"]));
    assert_eq!(desk.open("a/b").unwrap().file.0.path().as_wtf8().to_str(), Some("a/B"));
    desk.restart();
    assert_eq!(desk.settle(of(&[r"a\B"])), Settled::default());
}

#[test]
fn who_watches_is_told_of_each_directory() {
    let mut desk = Desk::new();
    desk.make("empty", NodeKind::Directory);
    desk.settle(of(&[r"a\link", "empty"]));
    let told = |desk: &Desk| -> Vec<(String, Told)> { desk.told.take() };
    let seen = |path: &str, what| (path.to_owned(), what);
    assert_eq!(
        told(&desk),
        [seen("a", Told::Added), seen("a/link", Told::Added), seen("empty", Told::Changed)]
    );
    desk.settle(of(&["empty"]));
    assert_eq!(told(&desk), [seen("a/link", Told::Removed), seen("a", Told::Removed)]);
}

#[test]
fn a_disk_that_fails_is_tried_again_at_the_next_start() {
    let mut desk = Desk::new();
    desk.faults.fail_once(Operation::Create, 0, crate::vfs::fault::Outcome::Failed(VfsError::DiskFull));
    assert_eq!(desk.settle(of(&["a", "b"])), Settled { placed: 1, failed: 1, ..Settled::default() });
    assert_eq!((desk.tag("a"), desk.tag("b")), (None, LINK));
    desk.restart();
    assert_eq!(desk.settle(of(&["a", "b"])).placed, 1);
    assert_eq!(desk.tag("a"), LINK);
}

#[test]
fn a_folder_has_the_descriptor_that_it_is_given() {
    let mut desk = Desk::new();
    let secret = |sid: Option<Sid>| {
        let security = sid.map(|sid| security(sid).to_bytes());
        namespaces(vec![Folder { security, ..folder("link") }])
    };
    let trustees = |desk: &Desk| -> Vec<Sid> {
        let opened = desk.open("link").unwrap();
        opened.security.dacl.acl().unwrap().aces().iter().map(|ace| *ace.sid()).collect()
    };
    desk.settle(secret(Some(Sid::SYSTEM)));
    assert_eq!(trustees(&desk), [Sid::SYSTEM]);
    desk.settle(secret(Some(Sid::AUTHENTICATED_USERS)));
    assert_eq!(trustees(&desk), [Sid::AUTHENTICATED_USERS]);
    desk.settle(secret(None));
    assert_eq!(trustees(&desk), [Sid::EVERYONE], "inherited");
    assert_eq!(desk.tag("link"), LINK);
}
