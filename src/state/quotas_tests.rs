//! Tests of quotas in the state.

use std::sync::Arc;

use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::{FolderQuotaId, Limits, Mode, Settings};
use parking_lot::Mutex;

use super::quotas::{
    AutoQuota, FolderEntry, FolderLimit, GroupMembers, Notification, QuotaEdit, QuotasSnapshot, Sample,
    SampleSubject,
};
use super::{Change, State, StateError};

fn sid(rid: u32) -> Sid {
    format!("S-1-5-21-1-2-3-{rid}").parse().unwrap()
}

fn limits(limit: u64) -> Limits {
    Limits { limit_bytes: Some(limit), warning_bytes: Some(limit / 2) }
}

fn folder(limit: u64) -> FolderEntry {
    FolderEntry {
        limit: FolderLimit {
            limit_bytes: Some(limit),
            hard: true,
            thresholds_percent: vec![80, 100],
            description: "for tests".to_owned(),
        },
        ..FolderEntry::default()
    }
}

fn folder_edit(path: &str, entry: Option<FolderEntry>) -> QuotaEdit {
    QuotaEdit::Folder { volume: "data".to_owned(), path: path.to_owned(), entry }
}

fn entry_edit(rid: u32, limits: Option<Limits>) -> QuotaEdit {
    QuotaEdit::Entry { volume: "data".to_owned(), owner: sid(rid), limits }
}

fn something_of_everything() -> Vec<QuotaEdit> {
    let volume = || "data".to_owned();
    vec![
        QuotaEdit::Settings {
            volume: volume(),
            settings: Settings {
                mode: Mode::Enforce,
                default: limits(100),
                record_warning: false,
                record_limit: true,
            },
        },
        entry_edit(1, Some(limits(7))),
        entry_edit(2, Some(Limits::NONE)),
        QuotaEdit::Group { volume: volume(), group: sid(9), limits: Some(limits(50)) },
        QuotaEdit::Template { name: "Ten".to_owned(), limit: Some(folder(10).limit) },
        folder_edit("a/b", Some(FolderEntry { template: Some("Ten".to_owned()), ..folder(10) })),
        QuotaEdit::Auto {
            volume: volume(),
            path: "homes".to_owned(),
            auto: Some(AutoQuota { template: "Ten".to_owned(), disabled: false }),
        },
        QuotaEdit::Notification(Notification {
            webhook: Some("https://example.org/hook".to_owned()),
            webhook_secret: Some("word".to_owned().into()),
            command: vec!["/bin/true".to_owned(), "a b".to_owned()],
        }),
        QuotaEdit::Members {
            group: sid(9),
            members: Some(GroupMembers { members: vec![sid(4), sid(3), sid(4)], as_of: FileTime(5) }),
        },
    ]
}

fn same(one: &QuotasSnapshot, other: &QuotasSnapshot) -> bool {
    one.volumes().eq(other.volumes())
        && one.templates().eq(other.templates())
        && one.notification() == other.notification()
        && one.members == other.members
}

#[test]
fn what_is_set_is_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let state = State::open(home.path()).unwrap();
    state.edit_quotas(&something_of_everything()).unwrap();
    let before = state.quotas();
    assert_eq!(before.volume("data").own.len(), 2);
    assert_eq!(before.members(&sid(9)).unwrap().members, [sid(3), sid(4)]);
    drop(state);
    let state = State::open(home.path()).unwrap();
    assert!(same(&before, &state.quotas()));
    // Each is taken away again.
    let take = |edit: QuotaEdit| match edit {
        QuotaEdit::Entry { volume, owner, .. } => QuotaEdit::Entry { volume, owner, limits: None },
        QuotaEdit::Group { volume, group, .. } => QuotaEdit::Group { volume, group, limits: None },
        QuotaEdit::Folder { volume, path, .. } => QuotaEdit::Folder { volume, path, entry: None },
        QuotaEdit::Auto { volume, path, .. } => QuotaEdit::Auto { volume, path, auto: None },
        QuotaEdit::Template { name, .. } => QuotaEdit::Template { name, limit: None },
        QuotaEdit::Notification(_) => QuotaEdit::Notification(Notification::default()),
        QuotaEdit::Members { group, .. } => QuotaEdit::Members { group, members: None },
        other => other,
    };
    let edits: Vec<QuotaEdit> = something_of_everything().into_iter().map(take).collect();
    state.edit_quotas(&edits).unwrap();
    let after = state.quotas();
    drop(state);
    assert!(same(&after, &State::open(home.path()).unwrap().quotas()));
    let volume = after.volume("data");
    assert!(volume.own.is_empty() && volume.groups.is_empty() && volume.folders.is_empty());
    assert!(volume.autos.is_empty() && after.templates().count() == 0 && after.members.is_empty());
    assert_eq!(**after.notification(), Notification::default());
}

#[test]
fn a_mistake_changes_nothing_and_names_the_field() {
    let state = State::in_memory().unwrap();
    let too_big = Limits { limit_bytes: Some(1 << 63), warning_bytes: None };
    let named =
        |name: &str| QuotaEdit::Template { name: name.to_owned(), limit: Some(FolderLimit::default()) };
    let limit = |thresholds: Vec<u16>, description: &str| {
        let limit = FolderLimit {
            thresholds_percent: thresholds,
            description: description.to_owned(),
            ..FolderLimit::default()
        };
        folder_edit("x", Some(FolderEntry { limit, ..FolderEntry::default() }))
    };
    for (edit, expected) in [
        (entry_edit(2, Some(too_big)), "limit"),
        (limit(vec![0], ""), "threshold"),
        (limit(vec![251], ""), "threshold"),
        (limit((1..=11).collect(), ""), "threshold"),
        (limit(vec![], "a\u{7}"), "description"),
        (named(""), "template name"),
        (named(" x"), "template name"),
    ] {
        let error = state.edit_quotas(&[entry_edit(1, Some(limits(5))), edit]).unwrap_err();
        assert!(matches!(error, StateError::Invalid { field, .. } if field == expected), "{error}");
    }
    assert!(state.quotas().volume("data").own.is_empty());
}

#[test]
fn listeners_hear_of_each_volume_once() {
    let state = State::in_memory().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    state.on_change(Box::new(move |change| ears.lock().push(change.clone())));
    state.edit_quotas(&something_of_everything()).unwrap();
    assert_eq!(*heard.lock(), [Change::QuotasChanged("data".to_owned())]);
    heard.lock().clear();
    // Members matter to the volumes with a rule for the group.
    let members = |group| QuotaEdit::Members { group, members: Some(GroupMembers::default()) };
    state.edit_quotas(&[members(sid(77))]).unwrap();
    assert!(heard.lock().is_empty());
    state.edit_quotas(&[members(sid(9))]).unwrap();
    assert_eq!(heard.lock().len(), 1);
}

#[test]
fn quotas_go_along_when_folders_are_renamed() {
    let state = State::in_memory().unwrap();
    let auto = AutoQuota { template: "Ten".to_owned(), disabled: false };
    let volume = "data".to_owned();
    state
        .edit_quotas(&[
            folder_edit("a", Some(folder(1))),
            folder_edit("a/b", Some(FolderEntry { auto: Some("a".to_owned()), ..folder(2) })),
            folder_edit("ab", Some(folder(3))),
            folder_edit("c/b", Some(folder(4))),
            QuotaEdit::Auto { volume: volume.clone(), path: "a".to_owned(), auto: Some(auto) },
        ])
        .unwrap();
    let id = state.quotas().volume("data").folders["a/b"].0;
    let (from, to) = ("a".to_owned(), "c".to_owned());
    state.edit_quotas(&[QuotaEdit::MoveFolders { volume, from, to }]).unwrap();
    let quotas = state.quotas().volume("data");
    assert_eq!(quotas.folders.keys().collect::<Vec<_>>(), ["ab", "c", "c/b"]);
    assert_eq!(quotas.folders["c/b"].0, id);
    assert_eq!(quotas.folders["c/b"].1.auto.as_deref(), Some("c"));
    assert_eq!(quotas.autos.keys().collect::<Vec<_>>(), ["c"]);
    let reread = super::quotas_changes::load(&state.database.lock()).unwrap();
    assert!(same(&state.quotas(), &reread));
}

#[test]
fn a_folder_quota_keeps_its_number_and_its_peak() {
    let state = State::in_memory().unwrap();
    state.edit_quotas(&[folder_edit("a", Some(folder(1))), folder_edit("b", Some(folder(1)))]).unwrap();
    let id = |path: &str| state.quotas().volume("data").folders[path].0;
    let (a, b) = (id("a"), id("b"));
    assert_ne!(a, b);
    state.raise_quota_peaks(&[(a, 7)]).unwrap();
    state.raise_quota_peaks(&[(a, 5)]).unwrap();
    state.edit_quotas(&[folder_edit("a", Some(folder(2)))]).unwrap();
    assert_eq!(id("a"), a);
    assert_eq!(state.quota_peaks().unwrap()[&a], 7);
    // A new one has a new number.
    state.edit_quotas(&[folder_edit("b", None), folder_edit("b", Some(folder(1)))]).unwrap();
    assert!(id("b") > b);
}

#[test]
fn samples_are_hourly_for_two_days_and_daily_for_ninety() {
    let state = State::in_memory().unwrap();
    let start = 24 * 20_000;
    let folder = SampleSubject::Folder(FolderQuotaId(3));
    for hour in 0..24 * 100 {
        let samples = [(SampleSubject::Volume, hour), (SampleSubject::Owner(sid(1)), 5), (folder.clone(), 6)];
        state.add_quota_samples("data", start + i64::try_from(hour).unwrap(), &samples).unwrap();
    }
    let samples = state.quota_samples("data").unwrap();
    assert_eq!(samples.len(), 3);
    let kept = &samples[&SampleSubject::Volume];
    assert_eq!(kept.len(), 48 + 89);
    assert!(kept.is_sorted_by_key(|sample| sample.hour));
    assert_eq!(kept.last(), Some(&Sample { hour: start + 2_399, used_bytes: 2_399 }));
    assert!(state.quota_samples("other").unwrap().is_empty());
}

#[test]
fn a_hundred_thousand_entries_are_set_at_once() {
    let state = State::in_memory().unwrap();
    let edits: Vec<QuotaEdit> = (0..100_000).map(|rid| entry_edit(rid, Some(limits(10)))).collect();
    state.edit_quotas(&edits).unwrap();
    state.edit_quotas(&[entry_edit(5, None)]).unwrap();
    assert_eq!(state.quotas().volume("data").own.len(), 99_999);
    let reread = super::quotas_changes::load(&state.database.lock()).unwrap();
    assert!(same(&state.quotas(), &reread));
}

#[test]
fn secrets_are_not_printed() {
    let notification = Notification {
        webhook: Some("https://hooks.example.org/very-secret".to_owned()),
        webhook_secret: Some("secret-word".to_owned().into()),
        command: vec!["/bin/true".to_owned()],
    };
    let printed = format!("{notification:?}");
    assert!(!printed.contains("secret-word") && !printed.contains("very-secret"), "{printed}");
}
