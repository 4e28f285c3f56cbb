//! Freehold.
pub mod crypto;
