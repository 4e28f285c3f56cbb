//! Folders of namespaces in a share on a volume in memory.

use std::sync::atomic::AtomicU32;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl};
use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Fold, FolderOptions, Kind, Namespace,
    NamespaceOptions, State, Target,
};
use freehold_dtyp::{Encode, Guid, Sid};

use super::*;
use crate::fscc::upcase::upcase_unit;
use crate::proto::op::{VolumeId, VolumeRef};
use crate::proto::tree_connect::{CachingMode, Share, ShareTarget};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};

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
        state: State::Online,
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
        state: State::Online,
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
    shares: Shares,
    placed: Namespaces,
}

impl Desk {
    fn new() -> Self {
        let volume = MemoryVolume::new(MemoryOptions::new(Arc::new(security(Sid::EVERYONE))));
        let share = Share {
            name: "Files".to_owned(),
            target: ShareTarget::Disk {
                volume: VolumeRef {
                    id: VolumeId(1),
                    identity: Arc::new(volume.identity().clone()),
                    volume: Arc::new(volume.clone()),
                },
                path: VfsPath::root(),
            },
            comment: String::new(),
            security: Arc::new(security(Sid::EVERYONE)),
            encrypt: false,
            access_based_enumeration: false,
            continuously_available: false,
            ca_timeout: Duration::ZERO,
            caching: CachingMode::None,
            audit: Default::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: Arc::default(),
        };
        Desk { volume, shares: Shares::new([share]), placed: Namespaces::default() }
    }

    fn settle(&mut self, wanted: Namespaces) {
        settle(&self.shares, &self.placed, &wanted, NOW);
        self.placed = wanted;
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
fn links_from_an_earlier_life_are_swept() {
    let mut desk = Desk::new();
    desk.settle(of(&["old", r"a\old", r"a\kept"]));
    // The server has stopped; meanwhile two folders were removed.
    desk.placed = Namespaces::default();
    desk.settle(of(&[r"A\KEPT"]));
    assert_eq!((desk.tag("old"), desk.tag("a/old"), desk.tag("a/kept")), (None, None, LINK));
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
