//! Which changes of two servers mean the same setting. Pure.
//!
//! A change that lost is worked out anew from what the winner left: another target, another folder, another setting of the same
//! folder are no conflict. Where both set the same, whoever comes second is asked to look.

use freehold_dfs::{Folder, Namespace, Namespaces, Target};

use super::error::DfsDirectoryError;
use crate::state::DfsEdit;
use crate::state::dfs::{
    FOLD, FolderChange, NamespaceChange, TargetChange, folder_flags, namespace_flags, same_target,
};

/// What the change sets, and somebody else has set since `first`.
pub(super) fn conflict(edit: &DfsEdit, first: &Namespaces, now: &Namespaces) -> Option<DfsDirectoryError> {
    let (before, after) = (first.namespace(edit.namespace())?, now.namespace(edit.namespace())?);
    let folders = |path: &str| Some((before.folder(FOLD, path)?, after.folder(FOLD, path)?));
    let (name, field) = match edit {
        DfsEdit::ChangeNamespace { name, change } => {
            (name, of_namespace(change, before.namespace(), after.namespace()))
        }
        DfsEdit::ChangeRootTarget { name, target, change } => {
            (name, of_target(change, target, &before.namespace().targets, &after.namespace().targets))
        }
        DfsEdit::ChangeFolder { path, change, .. } => {
            let (before, after) = folders(path)?;
            (path, of_folder(change, before, after))
        }
        DfsEdit::ChangeTarget { path, target, change, .. } => {
            let (before, after) = folders(path)?;
            (path, of_target(change, target, &before.targets, &after.targets))
        }
        DfsEdit::RemoveFolder { path, .. } => {
            let (before, after) = folders(path)?;
            (path, (before != after).then_some("the folder"))
        }
        DfsEdit::AddNamespace(_)
        | DfsEdit::AddRootTarget(_)
        | DfsEdit::RemoveNamespace { .. }
        | DfsEdit::AddFolder { .. }
        | DfsEdit::AddTarget { .. }
        | DfsEdit::RemoveTarget { .. } => return None,
    };
    field.map(|field| DfsDirectoryError::Conflict { name: name.clone(), field })
}

/// The first setting that is set and differs.
fn first_of(settings: &[(&'static str, bool, bool)]) -> Option<&'static str> {
    settings.iter().find(|(_, set, differs)| *set && *differs).map(|(field, ..)| *field)
}

fn of_namespace(change: &NamespaceChange, before: &Namespace, after: &Namespace) -> Option<&'static str> {
    let flags = (namespace_flags(&before.options) ^ namespace_flags(&after.options)) & change.flags_mask;
    first_of(&[
        ("the comment", change.comment.is_some(), before.comment != after.comment),
        ("the state", change.state.is_some(), before.state != after.state),
        ("the time to live", change.ttl_seconds.is_some(), before.ttl_seconds != after.ttl_seconds),
        ("a property", true, flags != 0),
    ])
}

fn of_folder(change: &FolderChange, before: &Folder, after: &Folder) -> Option<&'static str> {
    let flags = (folder_flags(&before.options) ^ folder_flags(&after.options)) & change.flags_mask;
    first_of(&[
        ("the path", change.path.is_some(), before.path != after.path),
        ("the comment", change.comment.is_some(), before.comment != after.comment),
        ("the state", change.state.is_some(), before.state != after.state),
        ("the time to live", change.ttl_seconds.is_some(), before.ttl_seconds != after.ttl_seconds),
        ("the security", change.security.is_some(), before.security != after.security),
        ("the targets", change.targets.is_some(), before.targets != after.targets),
        ("a property", true, flags != 0),
    ])
}

fn of_target(
    change: &TargetChange,
    target: &str,
    before: &[Target],
    after: &[Target],
) -> Option<&'static str> {
    let find = |targets: &[Target]| targets.iter().find(|one| same_target(one, target)).cloned();
    let (before, after) = (find(before)?, find(after)?);
    first_of(&[
        ("the target's state", change.state.is_some(), before.state != after.state),
        ("the target's priority", change.priority.is_some(), before.priority != after.priority),
    ])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use freehold_dfs::{FolderOptions, Kind, NamespaceIndex, NamespaceOptions, State, TargetState};
    use freehold_dtyp::Guid;

    use super::*;

    fn with(change: impl FnOnce(&mut Folder)) -> Namespaces {
        let namespace = Namespace {
            name: "files".to_owned(),
            guid: Guid([1; 16]),
            kind: Kind::DomainBased { domain: "corp.example".to_owned() },
            comment: String::new(),
            state: State::Online,
            ttl_seconds: 300,
            options: NamespaceOptions::default(),
            targets: Vec::new(),
        };
        let mut folder = Folder {
            path: "a".to_owned(),
            guid: Guid([2; 16]),
            comment: String::new(),
            state: State::Online,
            ttl_seconds: 1800,
            options: FolderOptions::default(),
            security: None,
            targets: vec![Target::new("fs1", "data", ""), Target::new("fs2", "data", "")],
        };
        change(&mut folder);
        let mut index = NamespaceIndex::new(Arc::new(namespace));
        index.insert(FOLD, Arc::new(folder)).unwrap();
        Namespaces::new(FOLD, [index])
    }

    fn field(edit: &DfsEdit, other: impl FnOnce(&mut Folder)) -> Option<&'static str> {
        match conflict(edit, &with(|_| {}), &with(other)) {
            None => None,
            Some(DfsDirectoryError::Conflict { name, field }) => {
                assert_eq!(name, "A");
                Some(field)
            }
            Some(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_same_setting_of_the_same_folder_is_a_conflict_and_nothing_else() {
        let (namespace, path) = ("FILES".to_owned(), "A".to_owned());
        let comment =
            FolderChange { comment: Some("mine".to_owned()), flags_mask: 8, ..FolderChange::default() };
        let edit =
            DfsEdit::ChangeFolder { namespace: namespace.clone(), path: path.clone(), change: comment };
        assert_eq!(field(&edit, |_| {}), None);
        assert_eq!(field(&edit, |folder| folder.comment = "theirs".to_owned()), Some("the comment"));
        assert_eq!(field(&edit, |folder| folder.ttl_seconds = 1), None);
        assert_eq!(field(&edit, |folder| folder.options.target_failback = true), Some("a property"));
        assert_eq!(field(&edit, |folder| folder.options.insite_referrals = true), None);
        let change = TargetChange { state: Some(TargetState::Offline), priority: None };
        let target = r"\\FS1\data".to_owned();
        let edit = DfsEdit::ChangeTarget { namespace: namespace.clone(), path: path.clone(), target, change };
        assert_eq!(field(&edit, |folder| folder.targets[1].state = TargetState::Offline), None);
        assert_eq!(field(&edit, |folder| folder.targets[0].priority.rank = 3), None);
        assert_eq!(
            field(&edit, |folder| folder.targets[0].state = TargetState::Offline),
            Some("the target's state")
        );
        let edit = DfsEdit::RemoveFolder { namespace, path };
        assert_eq!(field(&edit, |folder| folder.comment = "theirs".to_owned()), Some("the folder"));
    }
}
