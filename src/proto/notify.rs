//! Directories that somebody watches.

/// What an open watches.
#[derive(Debug, Default)]
pub struct Watch {}

/// All watched directories.
#[derive(Debug, Default)]
pub struct NotifyTable {}
