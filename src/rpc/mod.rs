//! Remote procedure calls over named pipes: bytes in, bytes out.
//!
//! Owns the pipe as clients see it ([`Pipe`]), the connection-oriented PDUs of DCE/RPC ([MS-RPCE] 2.2.2, C706 chapter
//! 12), NDR32 (C706 chapter 14) and one file per interface: `srvsvc` ([MS-SRVS]), `wkssvc` ([MS-WKST]), `lsarpc`
//! ([MS-LSAD], [MS-LSAT]), `samr` ([MS-SAMR]), `dssetup` ([MS-DSSP]), `netdfs` ([MS-DFSNM]). Who calls, what the server is and what it holds
//! come in with each call as [`RpcContext`].
//!
//! Knows nothing of SMB messages: the caller turns WRITE, READ and FSCTL_PIPE_TRANSCEIVE into [`Pipe::write`],
//! [`Pipe::read`] and [`Pipe::transceive`]. No I/O, no clock, no randomness; every count that a peer sends is bounded
//! by the bytes it sent.
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

mod account_task;
mod context;
mod dfs_task;
mod dispatch;
mod dssetup;
mod enumeration;
mod errand;
mod fault;
mod lsarpc;
pub(crate) mod ndr;
mod netdfs;
mod objects;
pub(crate) mod pdu;
mod pipe;
mod samr;
mod security;
mod srvsvc;
mod task;
mod verifier;
mod win32;
mod wkssvc;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod testing;

pub use account_task::AccountTask;
pub use context::{
    Activity, Caller, ConnectionInfo, DomainInfo, Logons, NoActivity, OpenFileInfo, RpcContext, ServerInfo,
    SessionInfo, Statistics,
};
pub use dfs_task::DfsTask;
pub use errand::{Errand, Outcome};
pub use pipe::{Endpoint, Pipe, PipeError, PipeRead};
pub use task::{Commission, Done, Ending, Field, FileName, NewShare, Task, TaskError};
