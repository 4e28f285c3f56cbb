//! Calls of netdfs, and what they answer.

use std::sync::Arc;

use freehold_dfs::{
    Folder, FolderOptions, Kind, Namespace, NamespaceIndex, NamespaceOptions, Namespaces, Priority,
    PriorityClass, State as DfsState, Target, TargetState,
};
use freehold_dtyp::{Encode as _, Guid};

use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::task::Task;
use super::super::testing::{Client, Fixture};
use super::super::{DfsTask, win32::Win32};
use crate::state::dfs::{
    DfsEdit, FOLD, FolderChange, NamespaceChange, SITE_COSTING, TARGET_FAILBACK, TargetChange,
};

const ROOT: &str = "\\\\files\\Data";
const LINK: &str = "\\\\files\\data\\teams\\red";

fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.to_owned(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: "The root".to_owned(),
        state: DfsState::Online,
        ttl_seconds: 300,
        options: NamespaceOptions { site_costing: true, ..NamespaceOptions::default() },
        targets: Vec::new(),
    }
}

fn folder(path: &str, targets: Vec<Target>) -> Arc<Folder> {
    Arc::new(Folder {
        path: path.to_owned(),
        guid: Guid([2; 16]),
        comment: "A link".to_owned(),
        state: DfsState::Online,
        ttl_seconds: 1800,
        options: FolderOptions { interlink: true, ..FolderOptions::default() },
        security: None,
        targets,
    })
}

/// `Data` with two links, of which one has two targets.
fn fixture() -> Fixture {
    let mut index = NamespaceIndex::new(Arc::new(namespace("Data")));
    let mut second = Target::new("fs2", "red", "x");
    second.state = TargetState::Offline;
    second.priority = Priority { class: PriorityClass::GlobalLow, rank: 7 };
    let targets = vec![Target::new("fs1", "red", ""), second];
    index.insert(FOLD, folder("teams\\red", targets)).unwrap();
    index.insert(FOLD, folder("teams\\blue", vec![Target::new("fs1", "blue", "")])).unwrap();
    Fixture::new().with_namespaces(Namespaces::new(FOLD, [index]))
}

fn optional(writer: &mut NdrWriter, text: Option<&str>) {
    match text {
        Some(text) => {
            writer.pointer();
            writer.wide_string(text);
        }
        None => writer.null(),
    }
}

fn add_request(path: &str, server: &str, share: &str, flags: u32) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.wide_string(path);
    writer.wide_string(server);
    optional(&mut writer, Some(share));
    optional(&mut writer, Some("new"));
    writer.u32(flags);
    writer.into_bytes()
}

fn info_request(path: &str, target: Option<(&str, &str)>, level: u32) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.wide_string(path);
    optional(&mut writer, target.map(|(server, _)| server));
    optional(&mut writer, target.map(|(_, share)| share));
    writer.u32(level);
    writer
}

fn enum_request(path: Option<&str>, level: u32, preferred: u32, resume: Option<u32>) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    if let Some(path) = path {
        writer.wide_string(path);
    }
    writer.u32(level);
    writer.u32(preferred);
    writer.pointer();
    writer.u32(level);
    writer.u32(level);
    writer.pointer();
    writer.u32(0);
    writer.null();
    writer.optional_u32(resume);
    writer.into_bytes()
}

/// The status of a change, and what it has done.
fn changed(fixture: &Fixture, operation: u16, request: &[u8]) -> (u32, Vec<DfsTask>) {
    let before = fixture.tasks().len();
    let (_, status) = Client::netdfs(fixture).outcome(operation, request);
    let tasks = fixture.tasks().split_off(before);
    let of_dfs = |task| match task {
        Task::Dfs(task) => *task,
        other => panic!("{other:?}"),
    };
    (status, tasks.into_iter().map(of_dfs).collect())
}

#[test]
fn the_version_is_the_result() {
    let fixture = fixture().ordinary_caller();
    assert_eq!(Client::netdfs(&fixture).call(0, &[]).unwrap(), [6, 0, 0, 0]);
    assert_eq!(Client::netdfs(&fixture).call(26, &[]), Err(Fault::OP_RANGE));
}

/// [MS-DFSNM] 2.2.4.3 DFS_INFO_3 of a link with two targets, word by word.
#[test]
fn a_link_is_shown_with_its_targets() {
    let fixture = fixture().ordinary_caller();
    let (stub, status) = Client::netdfs(&fixture).outcome(4, &info_request(LINK, None, 3).into_bytes());
    assert_eq!(status, 0);
    let mut reader = NdrReader::new(&stub);
    assert_eq!(reader.u32("level").unwrap(), 3);
    let mut pointer = || reader.pointer("").unwrap();
    assert!(pointer() && pointer() && pointer());
    assert_eq!((reader.u32("state").unwrap(), reader.u32("count").unwrap()), (1, 2));
    assert!(reader.pointer("storage").unwrap());
    assert_eq!(reader.wide_string("path").unwrap(), "\\\\FILES\\Data\\teams\\red".into());
    assert_eq!(reader.wide_string("comment").unwrap(), "A link".into());
    assert_eq!(reader.u32("conformance").unwrap(), 2);
    for state in [2, 1] {
        assert_eq!(reader.u32("state").unwrap(), state);
        assert!(reader.pointer("server").unwrap() && reader.pointer("share").unwrap());
    }
    for text in ["fs1", "red", "fs2", "red\\x"] {
        assert_eq!(reader.wide_string("name").unwrap(), text.into());
    }
    assert_eq!(reader.remaining(), 0);
}

/// [MS-DFSNM] 2.2.4.6 DFS_INFO_6 with priorities.
#[test]
fn level_6_has_times_flags_and_priorities() {
    let fixture = fixture();
    let (stub, status) = Client::netdfs(&fixture).outcome(4, &info_request(LINK, None, 6).into_bytes());
    assert_eq!(status, 0);
    let mut reader = NdrReader::new(&stub);
    for _ in 0..4 {
        assert_ne!(reader.u32("level and pointers").unwrap(), 0);
    }
    assert_eq!((reader.u32("state").unwrap(), reader.u32("timeout").unwrap()), (1, 1800));
    assert_eq!(reader.array::<16>("guid").unwrap(), [2; 16]);
    // That it leads to another namespace is no flag of the protocol.
    assert_eq!(reader.u32("flags").unwrap(), 0);
    assert_ne!(reader.u32("metadata").unwrap(), 0);
    assert_eq!(reader.u32("count").unwrap(), 2);
    assert!(reader.pointer("storage").unwrap());
    reader.wide_string("path").unwrap();
    reader.wide_string("comment").unwrap();
    reader.align(4).unwrap();
    assert_eq!(reader.u32("conformance").unwrap(), 2);
    for (state, class, rank) in [(2, 0, 0), (1, 4, 7)] {
        assert_eq!(reader.u32("state").unwrap(), state);
        assert!(reader.pointer("server").unwrap() && reader.pointer("share").unwrap());
        assert_eq!((reader.u32("class").unwrap(), reader.u16("rank").unwrap()), (class, rank));
        assert_eq!(reader.u16("reserved").unwrap(), 0);
    }
}

#[test]
fn a_root_is_stand_alone_and_what_is_not_there_is_not_found() {
    let fixture = fixture();
    let mut client = Client::netdfs(&fixture);
    let (stub, status) = client.outcome(4, &info_request(ROOT, None, 2).into_bytes());
    let word = |at: usize| u32::from_le_bytes(stub[at..at + 4].try_into().unwrap());
    assert_eq!((status, word(16), word(20)), (0, 0x101, 1));
    let mut get = |path: &str, level| client.outcome(4, &info_request(path, None, level).into_bytes()).1;
    for level in [1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 100] {
        assert_eq!(get(ROOT, level), 0, "{level}");
    }
    for level in [1, 2, 3, 4, 5, 6, 8, 9, 100, 150] {
        assert_eq!(get(LINK, level), 0, "{level}");
    }
    assert_eq!(get("\\\\files\\data\\teams", 1), Win32::NOT_FOUND.0);
    assert_eq!(get("\\\\files\\none", 1), Win32::NOT_FOUND.0);
    assert_eq!(get("\\\\files", 1), Win32::INVALID_PARAMETER.0);
    assert_eq!(get(LINK, 101), Win32::INVALID_LEVEL.0);
    assert_eq!(get(ROOT, 150), Win32::INVALID_PARAMETER.0);
    assert_eq!(client.call(4, &info_request(ROOT, None, 10).into_bytes()), Err(Fault::INVALID_TAG));
    let named = info_request(ROOT, Some(("fs1", "red")), 50).into_bytes();
    assert_eq!(client.outcome(4, &named).1, Win32::INVALID_PARAMETER.0);
    let anonymous = self::fixture().anonymous_caller();
    let refused = Client::netdfs(&anonymous).outcome(4, &info_request(ROOT, None, 1).into_bytes()).1;
    assert_eq!(refused, Win32::ACCESS_DENIED.0);
}

/// Entries of a level 1 or 300 answer, the resume handle and the status.
fn listed(stub: &[u8], level: u32) -> (Vec<String>, Option<u32>, u32) {
    let mut reader = NdrReader::new(stub);
    assert!(reader.pointer("").unwrap());
    assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap()), (level, level));
    assert!(reader.pointer("").unwrap());
    let count = reader.u32("").unwrap();
    let mut paths = Vec::new();
    if reader.pointer("").unwrap() {
        assert_eq!(reader.u32("").unwrap(), count);
        for _ in 0..count {
            if level == 300 {
                assert_eq!(reader.u32("").unwrap(), 0x100);
            }
            assert!(reader.pointer("").unwrap());
        }
        paths = (0..count).map(|_| reader.wide_string("").unwrap().to_string()).collect();
    }
    let resume = reader.optional("", |reader| reader.u32("")).unwrap();
    (paths, resume, reader.u32("").unwrap())
}

#[test]
fn roots_and_links_are_listed_piece_by_piece() {
    let fixture = fixture();
    let mut client = Client::netdfs(&fixture);
    let mut list = |path: Option<&str>, level, preferred, resume| {
        let operation = if path.is_some() { 21 } else { 5 };
        listed(&client.call(operation, &enum_request(path, level, preferred, resume)).unwrap(), level)
    };
    let all = ["\\\\FILES\\Data", "\\\\FILES\\Data\\teams\\blue", "\\\\FILES\\Data\\teams\\red"];
    let (paths, resume, status) = list(None, 1, u32::MAX, None);
    assert_eq!((paths.as_slice(), resume, status), (all.map(str::to_owned).as_slice(), None, 0));
    // What follows the namespace's name is ignored.
    assert_eq!(list(Some(LINK), 1, u32::MAX, Some(0)).0, all);
    let mut resume = Some(0);
    for (number, path) in (1..).zip(all) {
        let (paths, next, status) = list(Some(ROOT), 1, 1, resume);
        assert_eq!((paths, next, status), (vec![path.to_owned()], Some(number), 0));
        resume = next;
    }
    assert_eq!(list(Some(ROOT), 1, 1, resume), (Vec::new(), Some(3), Win32::NO_MORE_ITEMS.0));
    assert_eq!(list(Some("\\\\files"), 300, u32::MAX, Some(0)), (vec![all[0].to_owned()], Some(1), 0));
    assert_eq!(list(Some("files"), 200, u32::MAX, Some(0)).2, Win32::NOT_SUPPORTED.0);
    assert_eq!(list(Some("\\\\files\\none"), 1, u32::MAX, Some(0)).2, Win32::NOT_FOUND.0);
    let wrong = enum_request(Some(ROOT), 7, u32::MAX, None);
    assert_eq!(client.call(21, &wrong), Err(Fault::INVALID_TAG));
    let none = Fixture::new();
    let stub = Client::netdfs(&none).call(5, &enum_request(None, 1, u32::MAX, None)).unwrap();
    assert_eq!(listed(&stub, 1).2, Win32::NOT_FOUND.0);
}

#[test]
fn links_and_targets_are_added_by_administrators() {
    let fixture = fixture();
    let (status, tasks) = changed(&fixture, 1, &add_request("\\\\files\\DATA\\a\\b", "\\\\fs3", "d\\e", 1));
    assert_eq!(status, 0);
    let wanted = DfsTask::AddFolder {
        namespace: "Data".to_owned(),
        path: "a\\b".to_owned(),
        comment: "new".to_owned(),
        target: Target::new("fs3", "d", "e"),
    };
    assert_eq!(tasks, [wanted]);
    let (status, tasks) = changed(&fixture, 1, &add_request(LINK, "fs3", "d", 0));
    assert_eq!(status, 0);
    assert!(matches!(&tasks[..], [DfsTask::Edit(edits)] if matches!(edits[..], [DfsEdit::AddTarget { .. }])));
    for (request, wanted) in [
        (add_request(LINK, "fs3", "d", 1), Win32::FILE_EXISTS),
        (add_request(LINK, "FS1", "RED", 0), Win32::FILE_EXISTS),
        (add_request(ROOT, "fs1", "red", 0), Win32::INVALID_PARAMETER),
        (add_request(LINK, "", "red", 0), Win32::INVALID_PARAMETER),
        (add_request(LINK, "fs1", "red", 8), Win32::INVALID_PARAMETER),
        (add_request("\\\\files\\none\\a", "fs1", "red", 0), Win32::NOT_FOUND),
    ] {
        assert_eq!(changed(&fixture, 1, &request), (wanted.0, Vec::new()));
    }
    let user = self::fixture().ordinary_caller();
    let denied = changed(&user, 1, &add_request(LINK, "fs3", "d", 0));
    assert_eq!(denied, (Win32::ACCESS_DENIED.0, Vec::new()));
}

#[test]
fn a_link_goes_with_its_targets_or_one_of_them_does() {
    let fixture = fixture();
    let remove = |path: &str, target: Option<(&str, &str)>| {
        let mut writer = NdrWriter::new();
        writer.wide_string(path);
        optional(&mut writer, target.map(|(server, _)| server));
        optional(&mut writer, target.map(|(_, share)| share));
        changed(&fixture, 2, &writer.into_bytes())
    };
    let edit = |edit| (0, vec![DfsTask::Edit(vec![edit])]);
    let names = || ("data".to_owned(), "teams\\red".to_owned());
    let (namespace, path) = names();
    assert_eq!(remove(LINK, None), edit(DfsEdit::RemoveFolder { namespace, path }));
    let (namespace, path) = names();
    let target = "\\\\fs2\\red\\X".to_owned();
    let wanted = DfsEdit::RemoveTarget { namespace, path, target, with_folder: true };
    assert_eq!(remove(LINK, Some(("fs2", "red\\X"))), edit(wanted));
    assert_eq!(remove(LINK, Some(("fs9", "red"))).0, Win32::FILE_NOT_FOUND.0);
    assert_eq!(remove("\\\\files\\data\\none", None).0, Win32::NOT_FOUND.0);
    assert_eq!(remove(ROOT, None).0, Win32::INVALID_PARAMETER.0);
}

#[test]
fn a_move_takes_what_lies_below_with_it() {
    let fixture = fixture();
    let move_to = |from: &str, to: &str, flags: u32| {
        let mut writer = NdrWriter::new();
        writer.wide_string(from);
        writer.wide_string(to);
        writer.u32(flags);
        changed(&fixture, 6, &writer.into_bytes())
    };
    let (status, tasks) = move_to("\\\\files\\data\\TEAMS", "\\\\files\\data\\old\\teams", 0);
    assert_eq!(status, 0);
    let [DfsTask::Edit(edits)] = &tasks[..] else { panic!("{tasks:?}") };
    let moved: Vec<_> = edits
        .iter()
        .map(|edit| match edit {
            DfsEdit::ChangeFolder { path, change, .. } => (path.as_str(), change.path.as_deref()),
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = [("teams\\blue", Some("old\\teams\\blue")), ("teams\\red", Some("old\\teams\\red"))];
    assert_eq!(moved, wanted);
    let blue = "\\\\files\\data\\teams\\blue";
    assert_eq!(move_to(LINK, blue, 0).0, Win32::FILE_EXISTS.0);
    let (status, tasks) = move_to(LINK, blue, 1);
    assert_eq!(status, 0);
    let [DfsTask::Edit(edits)] = &tasks[..] else { panic!("{tasks:?}") };
    assert!(matches!(edits[..], [DfsEdit::RemoveFolder { .. }, DfsEdit::ChangeFolder { .. }]));
    assert_eq!(move_to(LINK, "\\\\files\\other\\red", 0).0, Win32::INVALID_PARAMETER.0);
    assert_eq!(move_to("\\\\files\\data\\none", blue, 0).0, Win32::NOT_FOUND.0);
}

/// The union of NetrDfsSetInfo up to its arm's pointer.
fn set_request(path: &str, target: Option<(&str, &str)>, level: u32, arm: &[u32]) -> Vec<u8> {
    let mut writer = info_request(path, target, level);
    writer.u32(level);
    writer.pointer();
    arm.iter().for_each(|word| writer.u32(*word));
    writer.into_bytes()
}

#[test]
fn what_is_set_is_what_the_level_has() {
    let fixture = fixture();
    let edit = |edit| (0, vec![DfsTask::Edit(vec![edit])]);
    let of_root = |change| edit(DfsEdit::ChangeNamespace { name: "Data".to_owned(), change });
    let of_link = |change| {
        edit(DfsEdit::ChangeFolder { namespace: "Data".to_owned(), path: "teams\\red".to_owned(), change })
    };
    let of_target = |change| {
        let (namespace, path) = ("data".to_owned(), "teams\\red".to_owned());
        edit(DfsEdit::ChangeTarget { namespace, path, target: "\\\\fs1\\red".to_owned(), change })
    };
    let set = |path, target, level, arm: &[u32]| changed(&fixture, 3, &set_request(path, target, level, arm));
    let ttl = |seconds| FolderChange { ttl_seconds: Some(seconds), ..FolderChange::default() };
    assert_eq!(set(LINK, None, 102, &[60]), of_link(ttl(60)));
    let flags = NamespaceChange {
        flags_mask: SITE_COSTING | TARGET_FAILBACK,
        flags: TARGET_FAILBACK,
        ..NamespaceChange::default()
    };
    assert_eq!(set(ROOT, None, 103, &[12, 8]), of_root(flags));
    let offline = FolderChange { state: Some(DfsState::Offline), ..FolderChange::default() };
    assert_eq!(set(LINK, None, 101, &[3]), of_link(offline));
    let target = Some(("FS1", "red"));
    let change = TargetChange {
        state: Some(TargetState::Offline),
        priority: Some(Priority { class: PriorityClass::GlobalHigh, rank: 3 }),
    };
    let (status, tasks) = set(LINK, target, 106, &[1, 1, 3]);
    assert_eq!(status, 0);
    let (_, wanted) = of_target(change);
    let spelled = |tasks: &[DfsTask]| format!("{tasks:?}").to_lowercase();
    assert_eq!(spelled(&tasks), spelled(&wanted));
    for (path, target, level, arm, wanted) in [
        (LINK, None, 101, &[2][..], Win32::INVALID_PARAMETER),
        (LINK, None, 103, &[SITE_COSTING, 0], Win32::INVALID_PARAMETER),
        (LINK, None, 104, &[0, 0], Win32::INVALID_PARAMETER),
        (LINK, target, 104, &[5, 0], Win32::INVALID_PARAMETER),
        (LINK, target, 104, &[0, 32], Win32::INVALID_PARAMETER),
        (LINK, target, 102, &[60], Win32::INVALID_PARAMETER),
        (LINK, Some(("fs9", "red")), 101, &[1], Win32::FILE_NOT_FOUND),
        (ROOT, target, 101, &[1], Win32::NOT_SUPPORTED),
        (ROOT, None, 150, &[0, 0], Win32::INVALID_PARAMETER),
        (LINK, None, 3, &[], Win32::INVALID_LEVEL),
        ("\\\\files\\data\\none", None, 102, &[60], Win32::NOT_FOUND),
    ] {
        assert_eq!(set(path, target, level, arm), (wanted.0, Vec::new()), "{path} {level} {arm:?}");
    }
}

#[test]
fn a_comment_and_a_descriptor_are_behind_their_pointers() {
    let fixture = fixture();
    let mut writer = info_request(LINK, None, 107);
    writer.u32(107);
    writer.pointer();
    writer.pointer();
    for word in [4, 90, 0, 0] {
        writer.u32(word);
    }
    let descriptor: freehold_acl::SecurityDescriptor = "O:BAG:BAD:(A;;FR;;;WD)".parse().unwrap();
    let bytes = descriptor.to_bytes();
    writer.count(bytes.len());
    writer.pointer();
    writer.wide_string("other");
    writer.count(bytes.len());
    writer.bytes(&bytes);
    let request = writer.into_bytes();
    let (status, tasks) = changed(&fixture, 3, &request);
    assert_eq!(status, 0);
    let [DfsTask::Edit(edits)] = &tasks[..] else { panic!("{tasks:?}") };
    let [DfsEdit::ChangeFolder { change, .. }] = &edits[..] else { panic!("{edits:?}") };
    assert_eq!((change.comment.as_deref(), change.ttl_seconds), (Some("other"), Some(90)));
    assert_eq!(change.security, Some(Some(bytes)));
    // No piece of it is taken for the whole.
    for length in 0..request.len() {
        let cut = Client::netdfs(&fixture).call(3, &request[..length]);
        assert_eq!(cut, Err(Fault::BAD_STUB_DATA), "{length}");
    }
}

#[test]
fn shares_become_stand_alone_roots() {
    let fixture = Fixture::new();
    let root = |fixture: &Fixture, operation: u16, share: &str, comment: Option<&str>| {
        let mut writer = NdrWriter::new();
        writer.wide_string("files");
        writer.wide_string(share);
        if let Some(comment) = comment {
            writer.wide_string(comment);
        }
        writer.u32(0);
        changed(fixture, operation, &writer.into_bytes())
    };
    let wanted = DfsTask::AddNamespace { share: "Data".to_owned(), comment: "c".to_owned() };
    assert_eq!(root(&fixture, 12, "DATA", Some("c")), (0, vec![wanted]));
    assert_eq!(root(&fixture, 12, "none", Some("c")).0, Win32::NERR_NET_NAME_NOT_FOUND.0);
    assert_eq!(root(&fixture, 13, "Data", None).0, Win32::NOT_FOUND.0);
    let with = self::fixture();
    assert_eq!(root(&with, 12, "data", Some("c")).0, Win32::FILE_EXISTS.0);
    let gone = DfsTask::Edit(vec![DfsEdit::RemoveNamespace { name: "Data".to_owned() }]);
    assert_eq!(root(&with, 13, "data", None), (0, vec![gone]));
    let user = self::fixture().ordinary_caller();
    assert_eq!(root(&user, 13, "data", None).0, Win32::ACCESS_DENIED.0);
    assert!(matches!(fixture.tasks()[..], [Task::Dfs(_)]));
}

/// `Data` as a namespace of the domain with two root targets, at a member of it.
fn domain_fixture() -> Fixture {
    let mut root = namespace("Data");
    root.kind = Kind::DomainBased { domain: "corp.example".to_owned() };
    root.targets = vec![Target::new("files.corp.example", "Data", ""), Target::new("fs2", "Data", "")];
    Fixture::new().joined().with_namespaces(Namespaces::new(FOLD, [NamespaceIndex::new(Arc::new(root))]))
}

fn root_target_request(path: &str, target: Option<&str>, version: u32, is_new: u8, flags: u32) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    optional(&mut writer, Some(path));
    optional(&mut writer, target);
    writer.u32(version);
    optional(&mut writer, Some("c"));
    writer.u8(is_new);
    writer.u32(flags);
    writer.into_bytes()
}

#[test]
fn a_root_of_the_domain_is_shown_with_its_targets() {
    let fixture = domain_fixture();
    let request = info_request("\\\\corp\\data", None, 3).into_bytes();
    let reply = Client::netdfs(&fixture).call(4, &request).unwrap();
    let mut reader = NdrReader::new(&reply);
    reader.u32("level").unwrap();
    for field in ["info", "path", "comment"] {
        assert!(reader.pointer(field).unwrap());
    }
    // DFS_VOLUME_FLAVOR_AD_BLOB and OK, two root targets.
    assert_eq!((reader.u32("state").unwrap(), reader.u32("storages").unwrap()), (0x201, 2));
    assert!(reader.pointer("storage").unwrap());
    assert_eq!(reader.wide_string("path").unwrap().to_string(), "\\\\corp.example\\Data");
    let version =
        Client::netdfs(&fixture).call(4, &info_request("\\\\corp\\data", None, 50).into_bytes()).unwrap();
    assert_eq!(version[8..16], [2, 0, 0, 0, 0, 0, 0, 0]);
    let change = TargetChange { state: Some(TargetState::Offline), priority: None };
    let mut writer = info_request("\\\\corp\\data", Some(("FS2", "data")), 101);
    writer.u32(101);
    writer.pointer();
    writer.u32(1);
    let edit =
        DfsEdit::ChangeRootTarget { name: "data".to_owned(), target: r"\\FS2\data".to_owned(), change };
    assert_eq!(changed(&fixture, 3, &writer.into_bytes()), (0, vec![DfsTask::Edit(vec![edit])]));
    // DFS_VOLUME_STATE_RESYNCHRONIZE, which other servers send.
    let mut writer = info_request("\\\\corp\\data", None, 101);
    writer.u32(101);
    writer.pointer();
    writer.u32(0x10);
    assert_eq!(changed(&fixture, 3, &writer.into_bytes()), (0, vec![DfsTask::Edit(Vec::new())]));
}

#[test]
fn root_targets_of_the_domain_come_and_go() {
    let fixture = Fixture::new().joined();
    let add = |path: &str, target: Option<&str>, version, is_new, flags| {
        changed(&fixture, 23, &root_target_request(path, target, version, is_new, flags))
    };
    let own = Some("\\\\FILES\\data");
    let made = |may_be_new| {
        let (share, comment) = ("Data".to_owned(), "c".to_owned());
        (0, vec![DfsTask::AddDomainRoot { share, comment, may_be_new }])
    };
    assert_eq!(add("\\\\corp.example\\data", own, 2, 1, 0), made(true));
    assert_eq!(add("\\\\CORP\\data", own, 0, 0, 0), made(false));
    let refused = |path: &str, target, version, is_new, flags| {
        let (status, tasks) = add(path, target, version, is_new, flags);
        assert!(tasks.is_empty());
        Win32(status)
    };
    assert_eq!(refused("\\\\corp\\data", own, 1, 1, 0), Win32::NOT_SUPPORTED);
    assert_eq!(refused("\\\\corp\\data", own, 0, 1, 0), Win32::INVALID_PARAMETER);
    assert_eq!(refused("\\\\corp\\data", own, 3, 1, 0), Win32::INVALID_PARAMETER);
    assert_eq!(refused("\\\\corp\\data", own, 2, 1, 1), Win32::INVALID_PARAMETER);
    assert_eq!(refused("\\\\other\\data", own, 2, 1, 0), Win32::INVALID_PARAMETER);
    assert_eq!(refused("\\\\corp\\data", Some("\\\\fs9\\data"), 2, 1, 0), Win32::INVALID_PARAMETER);
    assert_eq!(refused("\\\\corp\\other", own, 2, 1, 0), Win32::NOT_SUPPORTED);
    assert_eq!(refused("\\\\corp\\none", Some("\\\\files\\none"), 2, 1, 0), Win32::NERR_NET_NAME_NOT_FOUND);
    // A stand-alone one by the same call.
    let alone = DfsTask::AddNamespace { share: "Data".to_owned(), comment: "c".to_owned() };
    assert_eq!(add("\\\\files\\data", None, 1, 1, 0), (0, vec![alone]));
    assert_eq!(refused("\\\\files\\data", None, 2, 1, 0), Win32::INVALID_PARAMETER);

    let there = domain_fixture();
    let request = root_target_request("\\\\corp\\data", own, 2, 0, 0);
    assert_eq!(changed(&there, 23, &request), (Win32::ALREADY_EXISTS.0, Vec::new()));
    let remove = |target: &str, flags| {
        let mut writer = NdrWriter::new();
        optional(&mut writer, Some("\\\\corp\\data"));
        optional(&mut writer, Some(target));
        writer.u32(flags);
        changed(&there, 24, &writer.into_bytes())
    };
    let gone = DfsTask::Edit(vec![DfsEdit::RemoveNamespace { name: "Data".to_owned() }]);
    assert_eq!(remove("\\\\files\\data", 0), (0, vec![gone.clone()]));
    assert_eq!(remove("\\\\fs2\\data", 0), (Win32::FILE_NOT_FOUND.0, Vec::new()));
    assert_eq!(remove("\\\\files\\data", 0x8000_0000), (Win32::NOT_SUPPORTED.0, Vec::new()));
    let ft = |fixture: &Fixture, texts: &[&str], is_new: Option<u8>| {
        let mut writer = NdrWriter::new();
        texts.iter().for_each(|text| writer.wide_string(text));
        is_new.into_iter().for_each(|is_new| writer.u8(is_new));
        writer.u32(0);
        writer.null();
        changed(fixture, if is_new.is_some() { 10 } else { 11 }, &writer.into_bytes())
    };
    assert_eq!(ft(&there, &["files", "dc", "Data", "Data"], None), (0, vec![gone]));
    // What is new would be of version 1.
    let add = ["files", "dc", "Data", "Data", "", "CN=x"];
    assert_eq!(ft(&fixture, &add, Some(1)), (Win32::NOT_SUPPORTED.0, Vec::new()));
    let joined =
        DfsTask::AddDomainRoot { share: "Data".to_owned(), comment: String::new(), may_be_new: false };
    assert_eq!(ft(&fixture, &add, Some(0)), (0, vec![joined]));
    assert_eq!(ft(&domain_fixture().ordinary_caller(), &add[..4], None).0, Win32::ACCESS_DENIED.0);
}

#[test]
fn versions_of_namespaces_are_told() {
    let asked = |fixture: &Fixture, origin: u16| {
        let mut writer = NdrWriter::new();
        writer.u16(origin);
        optional(&mut writer, None);
        let (reply, status) = Client::netdfs(fixture).outcome(25, &writer.into_bytes());
        (reply[..4].to_vec(), reply[16..20].to_vec(), status)
    };
    let both = (vec![2, 0, 0, 0], vec![1, 0, 0, 0], 0);
    assert_eq!(asked(&Fixture::new().joined(), 2), both);
    assert_eq!(asked(&Fixture::new(), 1), both);
    assert_eq!(asked(&Fixture::new(), 2), (vec![0; 4], vec![1, 0, 0, 0], 0));
    assert_eq!(asked(&Fixture::new(), 3).2, Win32::INVALID_PARAMETER.0);
}
