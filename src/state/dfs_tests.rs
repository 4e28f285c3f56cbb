//! Namespaces in the state.

use freehold_dfs::{Folder, Kind, Namespace, Priority, PriorityClass, Target};

use super::dfs::{FOLD, FolderChange, NamespaceChange, SITE_COSTING, TARGET_FAILBACK, TargetChange};
use super::*;

fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.to_owned(),
        guid: State::new_guid().unwrap(),
        kind: Kind::StandAlone,
        comment: "first".to_owned(),
        state: freehold_dfs::State::Online,
        ttl_seconds: 300,
        options: freehold_dfs::NamespaceOptions { site_costing: true, ..Default::default() },
        targets: Vec::new(),
    }
}

fn folder(path: &str, targets: &[&str]) -> Folder {
    Folder {
        path: path.to_owned(),
        guid: State::new_guid().unwrap(),
        comment: String::new(),
        state: freehold_dfs::State::Online,
        ttl_seconds: 1800,
        options: freehold_dfs::FolderOptions::default(),
        security: None,
        targets: targets.iter().map(|target| Target::from_unc(target).unwrap()).collect(),
    }
}

fn share(state: &State, name: &str) {
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
    state.add_share(name, &settings).unwrap();
}

fn add(namespace: &str, folder: Folder) -> DfsEdit {
    DfsEdit::AddFolder { namespace: namespace.to_owned(), folder }
}

fn with_namespace(state: &State) {
    share(state, "files");
    state.edit_dfs(&[DfsEdit::AddNamespace(namespace("Files"))]).unwrap();
}

fn paths(state: &State) -> Vec<String> {
    let namespaces = state.namespaces();
    let index = namespaces.namespace("files").unwrap();
    let mut paths: Vec<String> = index.folders().map(|folder| folder.path.clone()).collect();
    paths.sort();
    paths
}

/// FREEHOLD_DFS_FOLDERS=50000 shows how long as many take: `cargo test -p freehold --lib many_folders -- --nocapture`.
#[test]
fn many_folders_are_made_in_one_change_and_the_next_writes_its_own_rows() {
    let count = std::env::var("FREEHOLD_DFS_FOLDERS").map_or(2_000, |text| text.parse::<u32>().unwrap());
    let place = tempfile::tempdir().unwrap();
    let state = State::open(place.path()).unwrap();
    with_namespace(&state);
    let path = |number: u32| format!(r"Department {}\Project {number}", number % 50);
    let edits: Vec<_> = (0..count)
        .map(|number| add("files", folder(&path(number), &[r"\\fs1\data\project", r"\\fs2\data\project"])))
        .collect();
    let begun = std::time::Instant::now();
    state.edit_dfs(&edits).unwrap();
    let made = begun.elapsed();
    // One that cannot be made takes the others back with it.
    let twice = [add("files", folder("new", &[r"\\fs1\d"])), edits[7].clone()];
    assert!(matches!(state.edit_dfs(&twice), Err(StateError::Exists { .. })));
    let before = state.database.lock().total_changes();
    state.edit_dfs(&twice[..1]).unwrap();
    // The folder is made and filled in, and has a target.
    assert_eq!(state.database.lock().total_changes() - before, 3);
    let all = paths(&state);
    drop(state);
    let begun = std::time::Instant::now();
    let state = State::open(place.path()).unwrap();
    println!("{count} folders: made in {made:?}, read in {:?}", begun.elapsed());
    assert_eq!(paths(&state), all);
    assert_eq!(all.len(), count as usize + 1);
    let namespaces = state.namespaces();
    let loaded = namespaces.namespace("files").unwrap().folder(FOLD, &path(0)).unwrap();
    assert_eq!((loaded.targets.len(), loaded.targets.capacity()), (2, 2), "no room that nobody needs");
}

#[test]
fn namespaces_survive_a_restart_and_are_one_with_their_share() {
    let place = tempfile::tempdir().unwrap();
    let state = State::open(place.path()).unwrap();
    assert!(matches!(
        state.edit_dfs(&[DfsEdit::AddNamespace(namespace("files"))]),
        Err(StateError::NotFound { kind: "share", .. })
    ));
    with_namespace(&state);
    let folders = folder("projects\\x", &["\\\\fs1\\data\\x", "\\\\fs2\\data"]);
    state.edit_dfs(&[add("FILES", folders.clone())]).unwrap();
    assert!(matches!(state.remove_share("files"), Err(StateError::Refused(_))));
    drop(state);
    let state = State::open(place.path()).unwrap();
    let namespaces = state.namespaces();
    let index = namespaces.namespace("FILES").unwrap();
    // As the share is called.
    assert_eq!(index.namespace().name, "files");
    assert!(index.namespace().options.site_costing);
    assert_eq!(**index.folder(FOLD, "PROJECTS\\X").unwrap(), folders);
    state.edit_dfs(&[DfsEdit::RemoveNamespace { name: "files".to_owned() }]).unwrap();
    assert!(state.namespaces().is_empty());
    state.remove_share("files").unwrap();
    let left: i64 =
        state.database.lock().query_row("SELECT count(*) FROM dfs_target", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn no_folder_lies_below_another() {
    let state = State::in_memory().unwrap();
    with_namespace(&state);
    let at = |path: &str| state.edit_dfs(&[add("files", folder(path, &["\\\\fs1\\data"]))]);
    at("a\\b").unwrap();
    // Its name begins the same, but it is beside.
    at("a\\bc").unwrap();
    assert!(matches!(at("A\\B"), Err(StateError::Exists { kind: "a folder", .. })));
    for path in ["a\\b\\c", "a"] {
        assert!(matches!(at(path), Err(StateError::Namespace(_))), "{path}");
    }
    let moved = |path: &str, to: &str| {
        state.edit_dfs(&[DfsEdit::ChangeFolder {
            namespace: "files".to_owned(),
            path: path.to_owned(),
            change: FolderChange { path: Some(to.to_owned()), ..FolderChange::default() },
        }])
    };
    assert!(matches!(moved("a\\b", "a\\bc\\x"), Err(StateError::Namespace(_))));
    moved("a\\b", "a\\b\\c").unwrap();
    moved("a\\b\\c", "A\\B").unwrap();
    assert_eq!(paths(&state), ["A\\B", "a\\bc"]);
}

#[test]
fn targets_come_and_go_and_the_last_one_stays() {
    let state = State::in_memory().unwrap();
    with_namespace(&state);
    state.edit_dfs(&[add("files", folder("a", &["\\\\fs1\\data"]))]).unwrap();
    let names = || ("files".to_owned(), "a".to_owned());
    let add = |target: &str| {
        let (namespace, path) = names();
        DfsEdit::AddTarget { namespace, path, target: Target::from_unc(target).unwrap() }
    };
    state.edit_dfs(&[add("\\\\fs2\\data")]).unwrap();
    assert!(matches!(
        state.edit_dfs(&[add("\\\\FS2\\Data")]),
        Err(StateError::Exists { kind: "a target", .. })
    ));
    let (namespace, path) = names();
    let priority = Priority { class: PriorityClass::GlobalLow, rank: 7 };
    let change = TargetChange { state: None, priority: Some(priority) };
    let target = "\\\\FS1\\DATA".to_owned();
    state.edit_dfs(&[DfsEdit::ChangeTarget { namespace, path, target, change }]).unwrap();
    let priorities = || {
        let namespaces = state.namespaces();
        let folder = namespaces.namespace("files").unwrap().folder(FOLD, "a").unwrap().clone();
        folder.targets.iter().map(|target| target.priority.rank).collect::<Vec<_>>()
    };
    assert_eq!(priorities(), [7, 0]);
    let remove = |target: &str, with_folder| {
        let (namespace, path) = names();
        DfsEdit::RemoveTarget { namespace, path, target: target.to_owned(), with_folder }
    };
    assert!(matches!(
        state.edit_dfs(&[remove("\\\\fs3\\data", false)]),
        Err(StateError::NotFound { kind: "target", .. })
    ));
    state.edit_dfs(&[remove("\\\\fs1\\data", false)]).unwrap();
    assert!(matches!(state.edit_dfs(&[remove("\\\\fs2\\data", false)]), Err(StateError::Refused(_))));
    assert_eq!(priorities(), [0]);
    state.edit_dfs(&[remove("\\\\fs2\\data", true)]).unwrap();
    assert!(paths(&state).is_empty());
}

#[test]
fn a_change_keeps_what_is_not_named_and_many_are_one() {
    let state = State::in_memory().unwrap();
    with_namespace(&state);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    state.on_change(Box::new(move |change| log.lock().push(change.clone())));
    let change = NamespaceChange {
        comment: Some("second".to_owned()),
        flags_mask: TARGET_FAILBACK,
        flags: TARGET_FAILBACK | SITE_COSTING,
        ..NamespaceChange::default()
    };
    state.edit_dfs(&[DfsEdit::ChangeNamespace { name: "files".to_owned(), change }]).unwrap();
    let namespaces = state.namespaces();
    let found = namespaces.namespace("files").unwrap().namespace();
    assert_eq!((found.comment.as_str(), found.ttl_seconds), ("second", 300));
    assert!(found.options.site_costing && found.options.target_failback);
    assert_eq!(*heard.lock(), [Change::NamespaceChanged("files".to_owned())]);
    let wrong = [
        add("files", folder("a", &["\\\\fs1\\data"])),
        DfsEdit::RemoveFolder { namespace: "files".to_owned(), path: "b".to_owned() },
    ];
    assert!(matches!(state.edit_dfs(&wrong), Err(StateError::NotFound { kind: "folder", .. })));
    assert!(paths(&state).is_empty());
    assert_eq!(heard.lock().len(), 1);
}

/// One change of a large namespace writes the rows that it is about.
#[test]
fn a_change_writes_few_rows_of_many() {
    let state = State::in_memory().unwrap();
    with_namespace(&state);
    let many: Vec<DfsEdit> =
        (0..2_000).map(|n| add("files", folder(&format!("team{n}\\x"), &["\\\\fs1\\data"]))).collect();
    state.edit_dfs(&many).unwrap();
    let changes = || state.database.lock().total_changes();
    let before = changes();
    state.edit_dfs(&[add("files", folder("one\\more", &["\\\\fs1\\data", "\\\\fs2\\data"]))]).unwrap();
    // The folder, which is made and then given its settings, and its two targets.
    assert_eq!(changes() - before, 4);
    assert_eq!(paths(&state).len(), 2_001);
}

#[test]
fn a_database_without_namespaces_gets_their_tables() {
    let mut database = Connection::open_in_memory().unwrap();
    schema::make_of_version(&database, 9);
    schema::migrate(&mut database).unwrap();
    assert!(dfs_changes::load(&database).unwrap().is_empty());
}
