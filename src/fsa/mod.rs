//! File-system rules without a file system.

/// State of one open file.
#[derive(Debug, Default)]
pub struct Node {}
