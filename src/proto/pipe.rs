//! Opens of named pipes.

/// The state of one open pipe.
#[derive(Debug, Default)]
pub struct PipeOpen {}
