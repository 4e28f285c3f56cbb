//! What of DFS namespaces has been placed in the shares of their roots: each folder's directory is written down before it is
//! made and until it is taken away, so that a server that starts knows what is on disk without looking at all of it.

use freehold_dtyp::Guid;
use rusqlite::{Transaction, TransactionBehavior};

use super::{State, StateError};

/// Where the folders of a root have been placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedRoot {
    /// The namespace's name, folded.
    pub root: String,
    /// Identity of the volume.
    pub volume: Guid,
    /// The share's folder below the volume's root, as bytes of WTF-8.
    pub path: Vec<u8>,
    /// Number of that folder's node; another number is another folder at the same path.
    pub node: u64,
}

/// A folder that is, or may be, in its share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedFolder {
    /// Its path below the root, as it was spelled.
    pub path: String,
    /// The descriptor that it was given; `None` for an inherited one.
    pub security: Option<Vec<u8>>,
    /// It was made as a whole; else the work may have been cut off.
    pub done: bool,
}

/// A step of the work on one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacedMark {
    /// It is going to be made, or changed.
    Begun {
        /// The folder.
        path: String,
        /// Its descriptor.
        security: Option<Vec<u8>>,
    },
    /// It is made.
    Done {
        /// The folder.
        path: String,
    },
    /// It is taken away.
    Gone {
        /// The folder.
        path: String,
    },
}

impl State {
    /// The roots in whose shares folders have been placed.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn placed_roots(&self) -> Result<Vec<PlacedRoot>, StateError> {
        let database = self.database.lock();
        let mut statement =
            database.prepare_cached("SELECT root, volume, path, node FROM dfs_placed_root ORDER BY root")?;
        let roots = statement.query_map([], |row| {
            let node: i64 = row.get(3)?;
            Ok(PlacedRoot {
                root: row.get(0)?,
                volume: Guid(row.get(1)?),
                path: row.get(2)?,
                node: node.cast_unsigned(),
            })
        })?;
        Ok(roots.collect::<Result<_, _>>()?)
    }

    /// Writes down where the folders of a root are placed from now on; what was placed for it before is forgotten.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn set_placed_root(&self, root: &PlacedRoot) -> Result<(), StateError> {
        self.change_placed(|transaction| {
            transaction.execute("DELETE FROM dfs_placed_root WHERE root = ?1", [&root.root])?;
            transaction.execute(
                "INSERT INTO dfs_placed_root (root, volume, path, node) VALUES (?1, ?2, ?3, ?4)",
                (&root.root, root.volume.0, &root.path, root.node.cast_signed()),
            )?;
            Ok(())
        })
    }

    /// Forgets a root with all that was placed for it.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn forget_placed_root(&self, root: &str) -> Result<(), StateError> {
        self.change_placed(|transaction| {
            transaction.execute("DELETE FROM dfs_placed_root WHERE root = ?1", [root])?;
            Ok(())
        })
    }

    /// Folders of a root in the order of their paths, those behind `after`, at most `most`.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn placed_folders(
        &self,
        root: &str,
        after: &str,
        most: u32,
    ) -> Result<Vec<PlacedFolder>, StateError> {
        let database = self.database.lock();
        let mut statement = database.prepare_cached(
            "SELECT path, security, done FROM dfs_placed WHERE root = ?1 AND path > ?2 ORDER BY path LIMIT ?3",
        )?;
        let folders = statement.query_map((root, after, most), |row| {
            Ok(PlacedFolder { path: row.get(0)?, security: row.get(1)?, done: row.get(2)? })
        })?;
        Ok(folders.collect::<Result<_, _>>()?)
    }

    /// Writes down steps for a root that is known, in this order, in one transaction.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn mark_placed(&self, root: &str, marks: &[PlacedMark]) -> Result<(), StateError> {
        if marks.is_empty() {
            return Ok(());
        }
        self.change_placed(|transaction| {
            let mut begun = transaction.prepare_cached(
                "INSERT OR REPLACE INTO dfs_placed (root, path, security, done) VALUES (?1, ?2, ?3, 0)",
            )?;
            let mut done =
                transaction.prepare_cached("UPDATE dfs_placed SET done = 1 WHERE root = ?1 AND path = ?2")?;
            let mut gone =
                transaction.prepare_cached("DELETE FROM dfs_placed WHERE root = ?1 AND path = ?2")?;
            for mark in marks {
                match mark {
                    PlacedMark::Begun { path, security } => begun.execute((root, path, security))?,
                    PlacedMark::Done { path } => done.execute((root, path))?,
                    PlacedMark::Gone { path } => gone.execute((root, path))?,
                };
            }
            Ok(())
        })
    }

    fn change_placed(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut database = self.database.lock();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&transaction)?;
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(path: &str) -> PlacedMark {
        PlacedMark::Begun { path: path.to_owned(), security: Some(vec![7]) }
    }

    #[test]
    fn folders_are_read_in_pages_and_go_with_their_root() {
        let state = State::in_memory().unwrap();
        let root =
            PlacedRoot { root: "FILES".into(), volume: Guid([3; 16]), path: b"a/b".to_vec(), node: u64::MAX };
        state.set_placed_root(&root).unwrap();
        assert_eq!(state.placed_roots().unwrap(), std::slice::from_ref(&root));
        let done = PlacedMark::Done { path: "b".into() };
        let gone = PlacedMark::Gone { path: "c".into() };
        state.mark_placed("FILES", &[begun("b"), begun("c"), begun("a\\x"), done, gone]).unwrap();
        let paths = |after: &str, most| -> Vec<(String, bool)> {
            let folders = state.placed_folders("FILES", after, most).unwrap();
            folders.into_iter().map(|folder| (folder.path, folder.done)).collect()
        };
        assert_eq!(paths("", 1), [("a\\x".to_owned(), false)]);
        assert_eq!(paths("a\\x", 9), [("b".to_owned(), true)]);
        state.set_placed_root(&PlacedRoot { node: 1, ..root }).unwrap();
        assert!(paths("", 9).is_empty(), "another place begins with nothing");
        state.forget_placed_root("FILES").unwrap();
        assert!(state.placed_roots().unwrap().is_empty());
        assert!(state.mark_placed("FILES", &[begun("b")]).is_err(), "the root is not known");
    }
}
