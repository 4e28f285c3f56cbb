use std::os::unix::fs::PermissionsExt;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl};

use super::*;

fn account<'a>(name: &'a str, groups: &'a [&'a str]) -> NewAccount<'a> {
    NewAccount { name, full_name: "", comment: "", password: "Secret-1", disabled: false, groups }
}

fn settings() -> ShareSettings {
    let everyone = Ace::allow(Sid::EVERYONE, AccessMask(0x001f_01ff), AceFlags(0));
    let dacl = Acl::from_aces([everyone]).unwrap();
    ShareSettings {
        volume: "data".to_owned(),
        path: String::new(),
        comment: "first".to_owned(),
        security: Arc::new(freehold_acl::SecurityDescriptor::new(
            Sid::ADMINISTRATORS,
            Sid::ADMINISTRATORS,
            dacl,
        )),
        encrypt: false,
        access_based_enumeration: false,
        caching: CachingMode::Manual,
        continuously_available: false,
        ca_timeout_seconds: 0,
        max_users: None,
        audit: crate::config::AuditOption::None,
    }
}

#[test]
fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let identity = *state.identity();
    let sid = state.add_account(&account("Anna", &["Administrators"])).unwrap();
    state.add_share("Files", &settings()).unwrap();
    drop(state);
    let state = State::open(folder.path()).unwrap();
    assert_eq!(*state.identity(), identity);
    let accounts = state.accounts();
    let anna = accounts.account("ANNA").unwrap();
    assert_eq!((anna.sid, anna.rid), (sid, 1000));
    assert_eq!(anna.groups, [Sid::ADMINISTRATORS, Sid::USERS]);
    assert_eq!(anna.nt_hash.as_bytes(), crate::auth::nt_hash("Secret-1").as_bytes());
    assert_eq!(state.shares().share("files").unwrap().settings, settings());
}

#[test]
fn files_are_for_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("a/b");
    let state = State::open(&state_dir).unwrap();
    state.add_account(&account("anna", &[])).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(&state_dir).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o7777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2);
    assert_eq!(std::fs::metadata(&state_dir).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn a_second_process_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    assert!(matches!(State::open(folder.path()), Err(StateError::InUse { .. })));
    drop(state);
    State::open(folder.path()).unwrap();
}

#[test]
fn a_newer_database_is_refused_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    drop(State::open(folder.path()).unwrap());
    let database = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = State::open(folder.path()).unwrap_err();
    assert!(matches!(error, StateError::TooNew { found: 99, .. }));
    assert!(error.to_string().contains("version 99"));
}

#[test]
fn names_are_taken_whatever_their_case() {
    let state = State::in_memory().unwrap();
    state.add_account(&account("anna", &[])).unwrap();
    assert!(matches!(state.add_account(&account("ANNA", &[])), Err(StateError::Exists { .. })));
    assert!(matches!(state.add_account(&account("users", &[])), Err(StateError::Exists { .. })));
    assert!(matches!(state.add_group("Anna", ""), Err(StateError::Exists { .. })));
    state.add_share("data", &settings()).unwrap();
    assert!(matches!(state.add_share("DATA", &settings()), Err(StateError::Exists { .. })));
}

#[test]
fn rids_are_never_given_out_twice() {
    let state = State::in_memory().unwrap();
    let first = state.add_account(&account("anna", &[])).unwrap();
    state.remove_account("anna").unwrap();
    let second = state.add_account(&account("anna", &[])).unwrap();
    assert_ne!(first, second);
    assert!(state.accounts().account_by_sid(&first).is_none());
}

#[test]
fn the_last_administrator_stays() {
    let state = State::in_memory().unwrap();
    state.add_account(&account("anna", &["Administrators"])).unwrap();
    let disable = AccountChange { disabled: Some(true), ..AccountChange::default() };
    assert!(matches!(state.remove_account("anna"), Err(StateError::Refused(_))));
    assert!(matches!(state.change_account("anna", &disable), Err(StateError::Refused(_))));
    assert!(matches!(state.remove_group_member("Administrators", "anna"), Err(StateError::Refused(_))));
    assert!(state.accounts().account("anna").unwrap().is_administrator());
    state.add_group("ops", "").unwrap();
    state.add_group_member("administrators", "ops").unwrap();
    state.add_account(&account("bob", &["ops"])).unwrap();
    state.change_account("anna", &disable).unwrap();
    assert!(matches!(state.remove_group("ops"), Err(StateError::Refused(_))));
    assert!(state.accounts().account("anna").unwrap().disabled);
}

#[test]
fn listeners_hear_after_the_snapshot_has_changed() {
    let state = Arc::new(State::in_memory().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (weak, log) = (Arc::downgrade(&state), Arc::clone(&heard));
    state.on_change(Box::new(move |change| {
        let gone = weak.upgrade().is_some_and(|state| state.shares().share("data").is_none());
        log.lock().push((change.clone(), gone));
    }));
    state.add_share("data", &settings()).unwrap();
    state.remove_share("DATA").unwrap();
    assert_eq!(
        *heard.lock(),
        [(Change::ShareChanged("data".to_owned()), false), (Change::ShareRemoved("data".to_owned()), true)]
    );
}

#[test]
fn a_refused_change_leaves_nothing_behind() {
    let state = State::in_memory().unwrap();
    let error = state.add_account(&account("anna", &["nobody-knows"])).unwrap_err();
    assert!(matches!(error, StateError::NotFound { kind: "group", .. }));
    assert!(state.accounts().accounts().is_empty());
    for name in ["", "a/b", "...", "a ", "x@y", "averyveryverylongname", "a\u{7}"] {
        assert!(
            matches!(state.add_account(&account(name, &[])), Err(StateError::Invalid { .. })),
            "{name:?}"
        );
    }
    for name in ["", "IPC$", "a\\b", "pipe", " x"] {
        assert!(matches!(state.add_share(name, &settings()), Err(StateError::Invalid { .. })), "{name:?}");
    }
}

#[test]
fn paths_of_shares_stay_in_the_volume() {
    let state = State::in_memory().unwrap();
    let at = |path: &str| ShareSettings { path: path.to_owned(), ..settings() };
    assert!(matches!(state.add_share("a", &at("x/../..")), Err(StateError::Invalid { .. })));
    state.add_share("a", &at("\\x\\y/")).unwrap();
    assert_eq!(state.shares().share("a").unwrap().settings.path, "x/y");
}

#[test]
fn paths_with_variables_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let at = |path: &str| ShareSettings { path: path.to_owned(), ..settings() };
    state.add_share("home", &at("users\\{user}")).unwrap();
    assert_eq!(state.shares().share("home").unwrap().settings.path, "users/{user}");
    state.add_share("literal", &at("{6F9619FF-8B86}")).unwrap();
    let unknown = state.add_share("b", &at("users/{usr}")).unwrap_err();
    assert!(matches!(unknown, StateError::Invalid { field: "path", .. }), "{unknown}");
    // Handles of such a share could not be found again after a restart.
    let available = ShareChange { continuously_available: Some(true), ..ShareChange::default() };
    assert!(matches!(state.change_share("home", &available), Err(StateError::Refused(_))));
    assert!(!state.shares().share("home").unwrap().settings.continuously_available);
}

#[test]
fn a_share_change_keeps_what_is_not_named() {
    let state = State::in_memory().unwrap();
    state.add_share("a", &settings()).unwrap();
    let change = ShareChange { encrypt: Some(true), max_users: Some(Some(3)), ..ShareChange::default() };
    state.change_share("A", &change).unwrap();
    let expected = ShareSettings { encrypt: true, max_users: Some(3), ..settings() };
    assert_eq!(state.shares().share("a").unwrap().settings, expected);
}
