//! Freehold.
pub mod auth;
pub mod config;
pub mod crypto;
pub mod fscc;
pub mod smb2;
pub mod state;
pub mod vfs;
