//! Namespaces of the directory in the state.

use freehold_dfs::{Folder, Kind, Namespace, Target, TargetState};
use freehold_dtyp::Guid;

use super::dfs::{FOLD, NamespaceChange, TargetChange};
use super::*;

fn namespace() -> Namespace {
    Namespace {
        name: "FILES".to_owned(),
        guid: Guid([1; 16]),
        kind: Kind::DomainBased { domain: "corp.example".to_owned() },
        comment: "first".to_owned(),
        state: freehold_dfs::State::Online,
        ttl_seconds: 300,
        options: freehold_dfs::NamespaceOptions::default(),
        targets: vec![Target::new("fs1", "files", ""), Target::new("fs2", "files", "")],
    }
}

fn folder(number: u8, path: &str) -> Folder {
    Folder {
        path: path.to_owned(),
        guid: Guid([number; 16]),
        comment: String::new(),
        state: freehold_dfs::State::Online,
        ttl_seconds: 1800,
        options: freehold_dfs::FolderOptions::default(),
        security: None,
        targets: vec![Target::new("fs3", "data", "")],
    }
}

fn put(folder: Folder, before: Option<&str>) -> DirectoryChange {
    DirectoryChange::Folder { namespace: "files".to_owned(), folder, before: before.map(str::to_owned) }
}

fn gone(number: u8, path: &str) -> DirectoryChange {
    let guid = Guid([number; 16]);
    DirectoryChange::FolderGone { namespace: "files".to_owned(), path: path.to_owned(), guid }
}

fn paths(state: &State) -> Vec<String> {
    let namespaces = state.namespaces();
    let index = namespaces.namespace("files").unwrap();
    index.folders().map(|folder| folder.path.clone()).collect()
}

/// What is in memory is what would be read again.
fn check(state: &State) {
    let read = dfs_changes::load(&state.database.lock()).unwrap();
    let shown = |namespaces: &Namespaces| {
        let all = namespaces.list();
        all.iter()
            .map(|index| {
                let folders: Vec<Folder> = index.folders().map(|folder| Folder::clone(folder)).collect();
                (Namespace::clone(index.namespace()), folders)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&read), shown(&state.namespaces()));
}

fn state() -> State {
    let state = State::in_memory().unwrap();
    let settings = ShareSettings {
        volume: "data".to_owned(),
        path: String::new(),
        comment: String::new(),
        security: Arc::new("O:BAG:BAD:(A;;FA;;;WD)".parse().unwrap()),
        encrypt: false,
        access_based_enumeration: false,
        caching: CachingMode::None,
        continuously_available: false,
        ca_timeout_seconds: 0,
        max_users: None,
        audit: AuditOption::None,
    };
    state.add_share("files", &settings).unwrap();
    assert!(state.follow_directory(&[DirectoryChange::Namespace(namespace())]).unwrap().is_empty());
    state
}

#[test]
fn the_copy_follows_and_is_read_again() {
    let state = state();
    assert_eq!(state.namespaces().namespace("files").unwrap().namespace().name, "files", "as the share");
    let refused = state.follow_directory(&[put(folder(2, "a"), None), put(folder(3, r"b\c"), None)]).unwrap();
    assert!(refused.is_empty());
    assert_eq!(paths(&state), ["a", r"b\c"]);
    check(&state);
    // Two change places, one is new where another was.
    let swap = [put(folder(2, r"b\c"), Some("a")), put(folder(3, "a"), Some(r"b\c"))];
    assert!(state.follow_directory(&swap).unwrap().is_empty());
    check(&state);
    let changes = [put(folder(4, "a"), None), gone(3, "a")];
    assert!(state.follow_directory(&changes).unwrap().is_empty());
    assert_eq!(state.namespaces().namespace("files").unwrap().folder(FOLD, "a").unwrap().guid, Guid([4; 16]));
    let mut other = namespace();
    other.comment = "second".to_owned();
    other.targets[0].state = TargetState::Offline;
    assert!(state.follow_directory(&[DirectoryChange::Namespace(other)]).unwrap().is_empty());
    assert_eq!(paths(&state), ["a", r"b\c"]);
    check(&state);
    state.follow_directory(&[DirectoryChange::NamespaceGone { name: "Files".to_owned() }]).unwrap();
    assert!(state.namespaces().is_empty());
    check(&state);
}

#[test]
fn what_has_no_place_is_named_and_the_rest_kept() {
    let state = state();
    let mut bad = folder(5, "bad");
    bad.targets.clear();
    let changes =
        [put(folder(2, "a"), None), put(folder(3, r"a\b"), None), put(folder(4, "c"), None), put(bad, None)];
    let refused = state.follow_directory(&changes).unwrap();
    let names: Vec<&str> = refused.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [r"a\b", "bad"]);
    assert_eq!(paths(&state), ["a", "c"]);
    check(&state);
    // Who had no place takes nobody's.
    assert!(state.follow_directory(&[gone(9, "a"), put(folder(9, "d"), Some("c"))]).unwrap().is_empty());
    assert_eq!(paths(&state), ["a", "c", "d"]);
    state.follow_directory(&[gone(9, "d")]).unwrap();
    // One that was there goes when it moves to a place that is taken.
    assert_eq!(state.follow_directory(&[put(folder(4, r"a\x"), Some("c"))]).unwrap().len(), 1);
    assert_eq!(paths(&state), ["a"]);
    check(&state);
}

#[test]
fn nobody_but_the_directory_changes_it() {
    let state = state();
    state.follow_directory(&[put(folder(2, "a"), None)]).unwrap();
    let name = || "files".to_owned();
    let change = NamespaceChange { comment: Some("x".to_owned()), ..Default::default() };
    let edits = [
        DfsEdit::ChangeNamespace { name: name(), change },
        DfsEdit::RemoveNamespace { name: name() },
        DfsEdit::AddFolder { namespace: name(), folder: folder(3, "b") },
        DfsEdit::RemoveFolder { namespace: name(), path: "a".to_owned() },
        DfsEdit::AddNamespace(namespace()),
    ];
    for edit in edits {
        assert!(matches!(state.edit_dfs(&[edit]), Err(StateError::Refused(_))));
    }
    check(&state);
}

#[test]
fn a_rehearsal_changes_nothing() {
    let state = state();
    let change = TargetChange { state: Some(TargetState::Offline), priority: None };
    let edits = [
        DfsEdit::AddFolder { namespace: "files".to_owned(), folder: folder(3, "b") },
        DfsEdit::ChangeRootTarget { name: "files".to_owned(), target: r"\\FS2\files".to_owned(), change },
    ];
    let after = state.rehearse_dfs(&edits).unwrap();
    let index = after.namespace("files").unwrap();
    assert!(index.folder(FOLD, "B").is_some());
    assert_eq!(index.namespace().targets[1].state, TargetState::Offline);
    assert!(paths(&state).is_empty());
    check(&state);
    let remove = DfsEdit::RemoveFolder { namespace: "files".to_owned(), path: "none".to_owned() };
    assert!(matches!(state.rehearse_dfs(&[edits[0].clone(), remove]), Err(StateError::NotFound { .. })));
    assert!(paths(&state).is_empty());
}
