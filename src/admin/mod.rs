//! The administration of a server: one typed service that every way in calls.
//!
//! Owns the requests and replies ([`protocol`]), what they do ([`AdminService`]), and the local socket over which the
//! command line reaches a running server ([`listen`], [`Client`]). One request is one line of JSON, so is its reply.
//!
//! Every door but a program's own calls comes through [`AdminService::execute_as`], which asks whether the caller may and
//! records what he changed ([`caller`], [`scope`]).
//!
//! Only the account that the server runs as and root may connect: the socket has mode 0600 and the peer's credentials
//! are checked on top. Knows nothing of SMB.

mod acl;
mod acl_path;
pub mod acl_protocol;
mod audit;
pub mod audit_protocol;
pub mod caller;
mod client;
#[cfg(test)]
mod damaged_state_tests;
mod declared;
pub mod declared_namespaces;
pub mod declared_protocol;
mod dfs;
mod dfs_domain;
pub mod dfs_fields;
pub mod dfs_protocol;
mod domain;
pub mod domain_protocol;
pub mod explain;
mod home_share;
mod lookup;
pub mod lookup_protocol;
mod metrics;
pub mod metrics_protocol;
mod names;
mod open;
pub mod open_protocol;
pub mod protocol;
mod quota;
mod quota_folders;
pub mod quota_protocol;
mod quota_report;
pub mod quota_size;
#[cfg(test)]
mod quota_tests;
mod quota_users;
mod running;
pub mod scope;
mod server_configuration;
mod service;
mod shares;
mod socket;
#[cfg(test)]
mod testing;
pub mod token_protocol;
mod tokens;
mod volume_folder;

pub use client::{Client, ClientError};
pub use dfs_domain::domain_root;
pub use open::NothingFits;
pub use running::{KnownSites, LiveOpen, RunningServer};
pub use service::AdminService;
pub use shares::default_share_security;
pub use socket::listen;

/// Longest request or reply, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;
