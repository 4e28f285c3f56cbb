//! Reads and changes DFS namespaces in the database, and keeps the snapshot.
//!
//! What is there is known from the snapshot; a change writes the rows that it is about, whatever the size of the namespace, and
//! shares with the new snapshot what it leaves alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_dfs::{
    Folder, Kind, ModelError, Namespace, NamespaceIndex, Namespaces, Priority, PriorityClass,
    State as DfsState, Target, TargetState, check_folder, check_namespace,
};
use freehold_dtyp::Guid;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::accounts::fold_name;
use super::dfs::{
    DfsEdit, FOLD, folder_flags, folder_options, namespace_flags, namespace_options, same_target,
};
use super::identity::random_guid;
use super::{Change, State, StateError};
use crate::share_path::SharePath;

/// Why a share whose folder depends on who connects is no root.
pub(super) const ROOT_VARIES: &str = "the root of a DFS namespace has one folder for everybody, and the share's path has variables: give it a path without, or make the namespace on another share";

impl State {
    /// Makes changes of namespaces, in this order: all of them or none.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Exists`], [`StateError::Namespace`] with the field, and failures of the database.
    pub fn edit_dfs(&self, edits: &[DfsEdit]) -> Result<(), StateError> {
        let mut told = Vec::new();
        {
            let mut database = self.database.lock();
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut draft = Draft::new(&self.namespaces.load());
            for edit in edits {
                draft.apply(&transaction, edit)?;
                let change = Change::NamespaceChanged(edit.namespace().to_owned());
                if !told.contains(&change) {
                    told.push(change);
                }
            }
            transaction.commit()?;
            self.namespaces.store(Arc::new(draft.finish()));
        }
        for listener in self.listeners.lock().iter() {
            told.iter().for_each(listener);
        }
        Ok(())
    }

    /// A GUID for a new namespace or folder.
    ///
    /// # Errors
    /// [`StateError::Random`].
    pub fn new_guid() -> Result<Guid, StateError> {
        random_guid()
    }
}

/// The next snapshot, while a transaction makes the same of the database.
pub(super) struct Draft {
    namespaces: Namespaces,
    /// Those that differ, by folded name; `None` for one that is gone.
    changed: BTreeMap<String, Option<NamespaceIndex>>,
    /// Namespaces of the directory may differ too: it is only tried, or follows what the directory has.
    with_directory: bool,
}

impl Draft {
    pub(super) fn new(present: &Namespaces) -> Draft {
        Draft { namespaces: present.clone(), changed: BTreeMap::new(), with_directory: false }
    }

    /// One that changes namespaces of the directory as well.
    pub(super) fn with_directory(present: &Namespaces) -> Draft {
        Draft { with_directory: true, ..Draft::new(present) }
    }

    /// What the snapshot is once the transaction has succeeded.
    pub(super) fn finish(mut self) -> Namespaces {
        for (name, index) in self.changed {
            match index {
                Some(index) => self.namespaces.set(Arc::new(index)),
                None => drop(self.namespaces.remove(&name)),
            }
        }
        self.namespaces
    }

    pub(super) fn index(&mut self, name: &str) -> Result<&mut NamespaceIndex, StateError> {
        let present = &self.namespaces;
        let entry = self
            .changed
            .entry(fold_name(name))
            .or_insert_with(|| present.namespace(name).map(|index| NamespaceIndex::clone(index)));
        entry.as_mut().ok_or_else(|| StateError::NotFound { kind: "namespace", name: name.to_owned() })
    }

    fn folder(&mut self, namespace: &str, path: &str) -> Result<Folder, StateError> {
        let found = self.index(namespace)?.folder(FOLD, path);
        found
            .map(|folder| Folder::clone(folder))
            .ok_or_else(|| StateError::NotFound { kind: "folder", name: path.to_owned() })
    }

    /// Makes one change, here and in the database.
    pub(super) fn apply(&mut self, transaction: &Transaction<'_>, edit: &DfsEdit) -> Result<(), StateError> {
        if !self.with_directory && self.is_of_domain(edit) {
            return Err(StateError::Refused(
                "the namespace is kept in the directory of the domain: change it by `freehold dfs` while this server runs",
            ));
        }
        match edit {
            DfsEdit::AddNamespace(namespace) | DfsEdit::AddRootTarget(namespace) => {
                self.add_namespace(transaction, namespace)
            }
            DfsEdit::ChangeNamespace { name, change } => {
                let index = self.index(name)?;
                let mut namespace = Namespace::clone(index.namespace());
                change.apply(&mut namespace);
                check_namespace(&namespace)?;
                store_namespace(transaction, &namespace)?;
                index.set_namespace(Arc::new(namespace));
                Ok(())
            }
            DfsEdit::RemoveNamespace { name } => self.remove_namespace(transaction, name),
            DfsEdit::ChangeRootTarget { name, target, change } => {
                let index = self.index(name)?;
                let mut namespace = Namespace::clone(index.namespace());
                let found = namespace.targets.iter_mut().find(|one| same_target(one, target));
                change.apply(found.ok_or_else(|| no_target(target))?);
                check_namespace(&namespace)?;
                store_root_targets(transaction, &namespace)?;
                index.set_namespace(Arc::new(namespace));
                Ok(())
            }
            DfsEdit::AddFolder { namespace, folder } => {
                let index = self.index(namespace)?;
                check_folder(folder)?;
                index.insert(FOLD, Arc::new(folder.clone())).map_err(place)?;
                insert_folder(transaction, index.namespace().guid, folder)
            }
            DfsEdit::ChangeFolder { namespace, path, change } => {
                let mut folder = self.folder(namespace, path)?;
                change.apply(&mut folder);
                self.put(transaction, namespace, path, folder, change.targets.is_some())
            }
            DfsEdit::RemoveFolder { namespace, path } => self.remove_folder(transaction, namespace, path),
            DfsEdit::AddTarget { namespace, path, target } => {
                let mut folder = self.folder(namespace, path)?;
                if folder.targets.iter().any(|one| same_target(one, &target.unc())) {
                    return Err(StateError::Exists { kind: "a target", name: target.unc() });
                }
                folder.targets.push(target.clone());
                self.put(transaction, namespace, path, folder, true)
            }
            DfsEdit::ChangeTarget { namespace, path, target, change } => {
                let mut folder = self.folder(namespace, path)?;
                let found = folder.targets.iter_mut().find(|one| same_target(one, target));
                change.apply(found.ok_or_else(|| no_target(target))?);
                self.put(transaction, namespace, path, folder, true)
            }
            DfsEdit::RemoveTarget { namespace, path, target, with_folder } => {
                let mut folder = self.folder(namespace, path)?;
                let before = folder.targets.len();
                folder.targets.retain(|one| !same_target(one, target));
                match folder.targets.len() {
                    after if after == before => Err(no_target(target)),
                    0 if *with_folder => self.remove_folder(transaction, namespace, path),
                    0 => Err(StateError::Refused(
                        "it is the folder's last target: remove the folder, or add another target first",
                    )),
                    _ => self.put(transaction, namespace, path, folder, true),
                }
            }
        }
    }

    /// The directory keeps the namespace, or would.
    fn is_of_domain(&mut self, edit: &DfsEdit) -> bool {
        let of_domain = |namespace: &Namespace| matches!(namespace.kind, Kind::DomainBased { .. });
        match edit {
            DfsEdit::AddNamespace(namespace) => of_domain(namespace),
            DfsEdit::AddRootTarget(_) => true,
            other => self.index(other.namespace()).is_ok_and(|index| of_domain(index.namespace())),
        }
    }

    pub(super) fn remove_namespace(
        &mut self,
        transaction: &Transaction<'_>,
        name: &str,
    ) -> Result<(), StateError> {
        let guid = self.index(name)?.namespace().guid;
        transaction.execute("DELETE FROM dfs_namespace WHERE guid = ?1", [guid.0])?;
        self.changed.insert(fold_name(name), None);
        Ok(())
    }

    pub(super) fn add_namespace(
        &mut self,
        transaction: &Transaction<'_>,
        namespace: &Namespace,
    ) -> Result<(), StateError> {
        check_namespace(namespace)?;
        if let Ok(index) = self.index(&namespace.name) {
            return Err(StateError::Exists { kind: "a namespace", name: index.namespace().name.clone() });
        }
        let share: Option<(String, String)> = transaction
            .query_row(
                "SELECT name, path FROM share WHERE folded_name = ?1",
                [fold_name(&namespace.name)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        // The name is as the share's, so that clients find it.
        let Some((name, path)) = share else {
            return Err(StateError::NotFound { kind: "share", name: namespace.name.clone() });
        };
        if SharePath::parse(&path).is_ok_and(|path| path.is_some()) {
            return Err(StateError::Refused(ROOT_VARIES));
        }
        let namespace = Namespace { name, ..namespace.clone() };
        transaction.execute(
            "INSERT INTO dfs_namespace (guid, name, folded_name, comment, online, ttl_seconds, flags, domain)
             VALUES (?1, ?2, ?3, '', 1, 1, 0, ?4)",
            (namespace.guid.0, &namespace.name, fold_name(&namespace.name), domain_of(&namespace.kind)),
        )?;
        store_namespace(transaction, &namespace)?;
        store_root_targets(transaction, &namespace)?;
        let folded = fold_name(&namespace.name);
        self.changed.insert(folded, Some(NamespaceIndex::new(Arc::new(namespace))));
        Ok(())
    }

    /// Puts `folder` in the place of the one at `path`, which may be another than its own.
    fn put(
        &mut self,
        transaction: &Transaction<'_>,
        namespace: &str,
        path: &str,
        folder: Folder,
        targets: bool,
    ) -> Result<(), StateError> {
        check_folder(&folder)?;
        let index = self.index(namespace)?;
        index.remove(FOLD, path);
        index.insert(FOLD, Arc::new(folder.clone())).map_err(place)?;
        update_folder(transaction, &folder)?;
        if targets { store_targets(transaction, &folder) } else { Ok(()) }
    }

    fn remove_folder(
        &mut self,
        transaction: &Transaction<'_>,
        namespace: &str,
        path: &str,
    ) -> Result<(), StateError> {
        let folder = self.folder(namespace, path)?;
        transaction.prepare_cached("DELETE FROM dfs_folder WHERE guid = ?1")?.execute([folder.guid.0])?;
        self.index(namespace)?.remove(FOLD, path);
        Ok(())
    }
}

fn no_target(target: &str) -> StateError {
    StateError::NotFound { kind: "target", name: target.to_owned() }
}

/// A place that is taken is told like every name that is.
fn place(error: ModelError) -> StateError {
    match error {
        ModelError::FolderExists(name) => StateError::Exists { kind: "a folder", name },
        other => other.into(),
    }
}

fn domain_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::StandAlone => None,
        Kind::DomainBased { domain } => Some(domain),
    }
}

pub(super) fn store_namespace(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
) -> Result<(), StateError> {
    transaction.execute(
        "UPDATE dfs_namespace SET comment = ?2, online = ?3, ttl_seconds = ?4, flags = ?5 WHERE guid = ?1",
        (
            namespace.guid.0,
            &namespace.comment,
            namespace.state == DfsState::Online,
            namespace.ttl_seconds,
            namespace_flags(&namespace.options),
        ),
    )?;
    Ok(())
}

pub(super) fn insert_folder(
    transaction: &Transaction<'_>,
    namespace: Guid,
    folder: &Folder,
) -> Result<(), StateError> {
    transaction
        .prepare_cached(
            "INSERT INTO dfs_folder (guid, namespace, path, comment, online, ttl_seconds, flags)
             VALUES (?1, ?2, '', '', 1, 1, 0)",
        )?
        .execute((folder.guid.0, namespace.0))?;
    update_folder(transaction, folder)?;
    store_targets(transaction, folder)
}

pub(super) fn update_folder(transaction: &Transaction<'_>, folder: &Folder) -> Result<(), StateError> {
    transaction
        .prepare_cached(
            "UPDATE dfs_folder SET path = ?2, comment = ?3, online = ?4, ttl_seconds = ?5, flags = ?6, security = ?7
             WHERE guid = ?1",
        )?
        .execute((
            folder.guid.0,
            &folder.path,
            &folder.comment,
            folder.state == DfsState::Online,
            folder.ttl_seconds,
            folder_flags(&folder.options),
            &folder.security,
        ))?;
    Ok(())
}

pub(super) fn store_targets(transaction: &Transaction<'_>, folder: &Folder) -> Result<(), StateError> {
    transaction.prepare_cached("DELETE FROM dfs_target WHERE folder = ?1")?.execute([folder.guid.0])?;
    let insert = transaction.prepare_cached(
        "INSERT INTO dfs_target (folder, position, server, share, path, online, priority_class, priority_rank)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert_targets(insert, folder.guid, &folder.targets)
}

pub(super) fn store_root_targets(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
) -> Result<(), StateError> {
    transaction.execute("DELETE FROM dfs_root_target WHERE namespace = ?1", [namespace.guid.0])?;
    let insert = transaction.prepare_cached(
        "INSERT INTO dfs_root_target (namespace, position, server, share, path, online, priority_class, priority_rank)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert_targets(insert, namespace.guid, &namespace.targets)
}

fn insert_targets(
    mut insert: CachedStatement<'_>,
    owner: Guid,
    targets: &[Target],
) -> Result<(), StateError> {
    for (position, target) in (0_i64..).zip(targets) {
        insert.execute((
            owner.0,
            position,
            &target.server,
            &target.share,
            &target.path,
            target.state == TargetState::Online,
            target.priority.class.number(),
            target.priority.rank,
        ))?;
    }
    Ok(())
}

/// The snapshot of what the database holds.
pub(super) fn load(database: &Connection) -> Result<Namespaces, StateError> {
    let mut statement = database.prepare_cached(
        "SELECT guid, name, comment, online, ttl_seconds, flags, domain FROM dfs_namespace",
    )?;
    let found = statement.query_map([], namespace_of)?.collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::with_capacity(found.len());
    for mut namespace in found {
        namespace.targets = load_root_targets(database, namespace.guid)?;
        let mut index = NamespaceIndex::new(Arc::new(namespace));
        for folder in load_folders(database, index.namespace().guid)? {
            index.insert(FOLD, Arc::new(folder))?;
        }
        all.push(index);
    }
    Ok(Namespaces::new(FOLD, all))
}

fn load_root_targets(database: &Connection, namespace: Guid) -> Result<Vec<Target>, StateError> {
    let mut statement = database.prepare_cached(
        "SELECT namespace, server, share, path, online, priority_class, priority_rank FROM dfs_root_target
         WHERE namespace = ?1 ORDER BY position",
    )?;
    let mut rows = statement.query([namespace.0])?;
    let mut targets = Vec::new();
    while let Some(row) = rows.next()? {
        targets.push(target_of(row)?);
    }
    Ok(targets)
}

/// Folders and targets in one order, so that each table is read once.
fn load_folders(database: &Connection, namespace: Guid) -> Result<Vec<Folder>, StateError> {
    let mut statement = database.prepare_cached(
        "SELECT guid, path, comment, online, ttl_seconds, flags, security FROM dfs_folder
         WHERE namespace = ?1 ORDER BY guid",
    )?;
    let mut folders = statement.query_map([namespace.0], folder_of)?.collect::<Result<Vec<_>, _>>()?;
    let mut statement = database.prepare_cached(
        "SELECT f.guid, t.server, t.share, t.path, t.online, t.priority_class, t.priority_rank
         FROM dfs_folder AS f JOIN dfs_target AS t ON t.folder = f.guid
         WHERE f.namespace = ?1 ORDER BY f.guid, t.position",
    )?;
    let mut rows = statement.query([namespace.0])?;
    let mut places = folders.iter_mut();
    let mut present = places.next();
    while let Some(row) = rows.next()? {
        let folder = Guid(row.get(0)?);
        while present.as_ref().is_some_and(|place| place.guid != folder) {
            present = places.next();
        }
        let place = present.as_mut().ok_or(StateError::Damaged { what: "dfs_target.folder" })?;
        place.targets.push(target_of(row)?);
    }
    // A list that grows by itself begins with room for four.
    folders.iter_mut().for_each(|folder| folder.targets.shrink_to_fit());
    Ok(folders)
}

const fn state(online: bool) -> DfsState {
    if online { DfsState::Online } else { DfsState::Offline }
}

fn namespace_of(row: &Row<'_>) -> Result<Namespace, rusqlite::Error> {
    Ok(Namespace {
        guid: Guid(row.get(0)?),
        name: row.get(1)?,
        kind: match row.get(6)? {
            None => Kind::StandAlone,
            Some(domain) => Kind::DomainBased { domain },
        },
        comment: row.get(2)?,
        state: state(row.get(3)?),
        ttl_seconds: row.get(4)?,
        options: namespace_options(row.get(5)?),
        targets: Vec::new(),
    })
}

fn folder_of(row: &Row<'_>) -> Result<Folder, rusqlite::Error> {
    Ok(Folder {
        guid: Guid(row.get(0)?),
        path: row.get(1)?,
        comment: row.get(2)?,
        state: state(row.get(3)?),
        ttl_seconds: row.get(4)?,
        options: folder_options(row.get(5)?),
        security: row.get(6)?,
        targets: Vec::new(),
    })
}

fn target_of(row: &Row<'_>) -> Result<Target, StateError> {
    let online: bool = row.get(4)?;
    let class = PriorityClass::from_number(row.get(5)?)
        .ok_or(StateError::Damaged { what: "dfs_target.priority_class or dfs_root_target.priority_class" })?;
    Ok(Target {
        server: row.get(1)?,
        share: row.get(2)?,
        path: row.get(3)?,
        state: if online { TargetState::Online } else { TargetState::Offline },
        priority: Priority { class, rank: row.get(6)? },
    })
}

/// Is the share the root of a namespace? It cannot go then.
pub(super) fn is_root(transaction: &Transaction<'_>, share: &str) -> Result<bool, StateError> {
    let found: Option<i64> = transaction
        .query_row("SELECT 1 FROM dfs_namespace WHERE folded_name = ?1", [fold_name(share)], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}
