//! Audit: what Windows writes to its Security log of files and shares, as lines of JSON in a log that only grows.
//!
//! - [`record`] (pure) has the events and writes each as JSON under the names that Windows documents for its id; [`logon`] those of logons.
//! - [`line`](mod@line) (pure) numbers and chains the lines, so that a gap or a change is seen.
//! - [`log`] writes them: one thread, many requests to one sync, a bounded queue that slows clients and drops nothing.
//! - [`files`] names the files, rotates them, and mends the last one after a crash.
//! - [`read`] reads them back, also while a server writes; [`filter`] chooses, by times as [`moment`] reads them; [`verify`] checks the chain.
//!
//! The core makes records and hands them to the shell as an operation that precedes the reply
//! ([`crate::proto::op::Op::Audit`]). Knows nothing of SMB.

pub mod files;
pub mod filter;
pub mod line;
pub mod log;
pub mod logon;
pub mod moment;
pub mod read;
pub mod record;
pub mod verify;

/// Name of the log's folder in the state folder.
pub const FOLDER: &str = "audit";
