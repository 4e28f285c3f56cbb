//! The I/O shell: sockets, clocks, random numbers, threads and signals around the protocol core. It has no protocol rules.

mod api;
mod audit;
mod clock;
mod dfs_health;
mod dfs_links;
mod dfs_sites;
mod entropy;
mod interfaces;
mod lane;
mod listener;
mod live;
mod local_breaks;
mod local_leases;
mod logon;
mod metrics_http;
mod persistent;
mod picture;
mod process;
mod rpc_changes;
mod rpc_tasks;
mod run;
mod scavenger;
mod transport;
pub mod worker;

pub use run::{Ready, Shared, run};
