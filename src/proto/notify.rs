//! Directories that somebody watches.
