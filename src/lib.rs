//! Freehold: a Windows file server that you own. See ARCHITECTURE.md for the map of the code.

pub mod acl_jobs;
pub mod admin;
pub mod api;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod fsa;
pub mod fscc;
pub mod metrics;
pub mod names;
pub mod proto;
pub mod quotas;
pub mod rpc;
pub mod server;
pub mod share_path;
pub mod smb2;
pub mod state;
pub mod vfs;
