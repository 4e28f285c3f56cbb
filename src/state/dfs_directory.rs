//! Namespaces that the directory of a domain keeps, as this server has them: a copy, which is there when no domain controller
//! answers. Only what the directory says changes them.

use std::sync::Arc;

use freehold_dfs::{Folder, Namespace, Namespaces, check_folder, check_namespace};
use freehold_dtyp::Guid;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::dfs::{DfsEdit, FOLD};
use super::dfs_changes::{
    Draft, insert_folder, store_namespace, store_root_targets, store_targets, update_folder,
};
use super::{Change, State, StateError};

/// What the directory has, and this server's copy has not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryChange {
    /// A namespace is new here, or differs in what holds for all its folders.
    Namespace(Namespace),
    /// A namespace is not for this server any more.
    NamespaceGone {
        /// Which.
        name: String,
    },
    /// A folder is new or differs.
    Folder {
        /// The namespace.
        namespace: String,
        /// The folder.
        folder: Folder,
        /// Where this server has it, unless it had no place; `None` for a new one.
        before: Option<String>,
    },
    /// A folder is gone.
    FolderGone {
        /// The namespace.
        namespace: String,
        /// Where this server has it, unless it had no place.
        path: String,
        /// Its identity.
        guid: Guid,
    },
}

/// A folder or namespace of the directory that this server cannot have.
#[derive(Debug)]
pub struct NotFollowed {
    /// The folder's path, or the namespace's name.
    pub name: String,
    /// Why.
    pub error: StateError,
}

impl State {
    /// Follows the directory. What cannot be followed is left out and named; the rest is kept, all of it or none.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn follow_directory(&self, changes: &[DirectoryChange]) -> Result<Vec<NotFollowed>, StateError> {
        let mut refused = Vec::new();
        let mut told: Vec<Change> = Vec::new();
        {
            let mut database = self.database.lock();
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut draft = Draft::with_directory(&self.namespaces.load());
            // What goes or moves first makes room for what comes.
            for change in changes {
                draft.make_room(&transaction, change)?;
                let change = Change::NamespaceChanged(change.namespace().to_owned());
                if !told.contains(&change) {
                    told.push(change);
                }
            }
            for change in changes {
                if let Err(error) = draft.follow(&transaction, change) {
                    match error {
                        StateError::Database(_) => return Err(error),
                        error => refused.push(NotFollowed { name: change.name().to_owned(), error }),
                    }
                }
            }
            transaction.commit()?;
            self.namespaces.store(Arc::new(draft.finish()));
        }
        for listener in self.listeners.lock().iter() {
            told.iter().for_each(listener);
        }
        Ok(refused)
    }

    /// What the namespaces would be after these changes, those of the directory too. Nothing is changed.
    ///
    /// # Errors
    /// As [`State::edit_dfs`].
    pub fn rehearse_dfs(&self, edits: &[DfsEdit]) -> Result<Namespaces, StateError> {
        let mut database = self.database.lock();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut draft = Draft::with_directory(&self.namespaces.load());
        for edit in edits {
            draft.apply(&transaction, edit)?;
        }
        // Dropping the transaction takes everything back.
        Ok(draft.finish())
    }
}

impl DirectoryChange {
    fn namespace(&self) -> &str {
        match self {
            DirectoryChange::Namespace(namespace) => &namespace.name,
            DirectoryChange::NamespaceGone { name } => name,
            DirectoryChange::Folder { namespace, .. } | DirectoryChange::FolderGone { namespace, .. } => {
                namespace
            }
        }
    }

    fn name(&self) -> &str {
        match self {
            DirectoryChange::Folder { folder, .. } => &folder.path,
            DirectoryChange::FolderGone { path, .. } => path,
            other => other.namespace(),
        }
    }
}

impl Draft {
    fn make_room(
        &mut self,
        transaction: &Transaction<'_>,
        change: &DirectoryChange,
    ) -> Result<(), StateError> {
        match change {
            DirectoryChange::Namespace(_) => Ok(()),
            DirectoryChange::NamespaceGone { name } => match self.remove_namespace(transaction, name) {
                Err(StateError::NotFound { .. }) => Ok(()),
                outcome => outcome,
            },
            DirectoryChange::FolderGone { namespace, path, guid } => {
                let gone = self.take(namespace, path, *guid);
                gone.map_or(Ok(()), |folder| forget_folder(transaction, &folder))
            }
            DirectoryChange::Folder { namespace, before: Some(path), folder } => {
                self.take(namespace, path, folder.guid);
                Ok(())
            }
            DirectoryChange::Folder { before: None, .. } => Ok(()),
        }
    }

    /// Takes the folder of that identity away from `path`; another one there stays.
    fn take(&mut self, namespace: &str, path: &str, guid: Guid) -> Option<Arc<Folder>> {
        let index = self.index(namespace).ok()?;
        index.folder(FOLD, path).filter(|folder| folder.guid == guid)?;
        index.remove(FOLD, path)
    }

    fn follow(&mut self, transaction: &Transaction<'_>, change: &DirectoryChange) -> Result<(), StateError> {
        match change {
            DirectoryChange::NamespaceGone { .. } | DirectoryChange::FolderGone { .. } => Ok(()),
            DirectoryChange::Namespace(namespace) => {
                check_namespace(namespace)?;
                match self.index(&namespace.name) {
                    Ok(index) if index.namespace().guid == namespace.guid => {
                        // The share's spelling stays.
                        let name = index.namespace().name.clone();
                        let namespace = Namespace { name, ..namespace.clone() };
                        store_namespace(transaction, &namespace)?;
                        store_root_targets(transaction, &namespace)?;
                        index.set_namespace(Arc::new(namespace));
                        Ok(())
                    }
                    Ok(_) => {
                        // Another one of the same name: its folders are others.
                        self.remove_namespace(transaction, &namespace.name)?;
                        self.add_namespace(transaction, namespace)
                    }
                    Err(_) => self.add_namespace(transaction, namespace),
                }
            }
            DirectoryChange::Folder { namespace, folder, .. } => {
                let placed = self.place(transaction, namespace, folder);
                if matches!(&placed, Err(error) if !matches!(error, StateError::Database(_))) {
                    let owner = self.index(namespace)?.namespace().guid;
                    if owner_of(transaction, folder)? == Some(owner.0) {
                        forget_folder(transaction, folder)?;
                    }
                }
                placed
            }
        }
    }

    fn place(
        &mut self,
        transaction: &Transaction<'_>,
        namespace: &str,
        folder: &Folder,
    ) -> Result<(), StateError> {
        let index = self.index(namespace)?;
        check_folder(folder)?;
        let namespace = index.namespace().guid;
        let owner = owner_of(transaction, folder)?;
        if owner.is_some_and(|owner| owner != namespace.0) {
            return Err(StateError::Exists {
                kind: "another folder of the identity",
                name: folder.guid.to_string(),
            });
        }
        index.insert(FOLD, Arc::new(folder.clone()))?;
        match owner {
            None => insert_folder(transaction, namespace, folder),
            Some(_) => {
                update_folder(transaction, folder)?;
                store_targets(transaction, folder)
            }
        }
    }
}

/// The namespace that has a folder of this identity.
fn owner_of(transaction: &Transaction<'_>, folder: &Folder) -> Result<Option<[u8; 16]>, StateError> {
    let mut statement = transaction.prepare_cached("SELECT namespace FROM dfs_folder WHERE guid = ?1")?;
    Ok(statement.query_row([folder.guid.0], |row| row.get(0)).optional()?)
}

fn forget_folder(transaction: &Transaction<'_>, folder: &Folder) -> Result<(), StateError> {
    transaction.prepare_cached("DELETE FROM dfs_folder WHERE guid = ?1")?.execute([folder.guid.0])?;
    Ok(())
}
