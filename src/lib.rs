//! Freehold.
pub mod crypto;
pub mod fscc;
