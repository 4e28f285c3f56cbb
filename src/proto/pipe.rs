//! Opens of named pipes.
