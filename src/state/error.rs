//! Why the state could not be opened or changed.

use std::path::PathBuf;

/// Why the state could not be opened or changed. The text of the refusals is meant for administrators.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The state folder cannot be used.
    #[error("the state folder {path} cannot be used: {error}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Another process has the state open.
    #[error("the state folder {path} is in use by a running server", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A newer Freehold wrote the database.
    #[error(
        "the state database has version {found}, this program knows versions up to {known}: use the newer program"
    )]
    TooNew {
        /// Version in the database.
        found: i64,
        /// Highest version that this program knows.
        known: i64,
    },
    /// A row holds something that this program never writes.
    #[error(
        "the state database is damaged: {what} cannot be read. Put a copy of the state folder back, or mend the rows with sqlite3 while no \
         server runs on it"
    )]
    Damaged {
        /// Table, and column where that is known.
        what: &'static str,
    },
    /// SQLite failed.
    #[error("the state database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A change that was written together with others failed with them.
    #[error("{0}")]
    Batch(String),
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// No such account, group, share or part of a namespace.
    #[error("there is no {kind} called {name:?}")]
    NotFound {
        /// `account`, `group`, `share`, `namespace`, ...
        kind: &'static str,
        /// The name asked for.
        name: String,
    },
    /// The name is taken.
    #[error("{name:?} exists already as {kind}")]
    Exists {
        /// `an account`, `a group`, `a share`, `a namespace`, ...
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A value is outside of what is allowed.
    #[error("{field} is {found}: {allowed}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A part of a namespace is not as it must be.
    #[error(transparent)]
    Namespace(#[from] freehold_dfs::ModelError),
    /// The change would leave the server in a state that cannot be mended.
    #[error("{0}")]
    Refused(&'static str),
}
