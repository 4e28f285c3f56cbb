//! The SMB2 protocol core ([MS-SMB2] 3.3): bytes and time in, frames and operations out. No I/O.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod account;
pub mod activity;
pub mod admit;
pub mod audit;
pub mod buffer;
pub mod caching;
pub mod chain;
pub mod changes;
pub mod channel_sequence;
pub mod clients;
pub mod commands;
pub mod connection;
pub mod context;
pub mod credits;
pub mod data_change;
mod dfs;
pub mod directory_lease;
pub mod dispatch;
pub mod durable;
pub mod event;
pub mod held_times;
pub mod inheritance;
pub mod lease;
pub mod limits;
pub mod link;
mod membership;
pub mod node;
pub mod notify;
pub mod op;
pub mod open;
pub mod persistent;
pub mod pipe;
mod posix;
mod quota;
pub mod recent_logons;
pub mod server;
pub mod session;
pub mod sharded;
pub mod status;
pub mod teardown;
pub mod tree_connect;
pub mod under_way;
