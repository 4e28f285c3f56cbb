//! [MS-SMB2] 2.2 Message Syntax: bytes to messages and back, one file per command, request and
//! response together.
//!
//! **Decoding.** A request or response decoder gets *one whole message from its SMB2 header on*: the
//! slice starts at the header and ends where this element of a compound ends. Every offset in these
//! messages counts from the header, so that one function (`message::field`) checks them all. Values
//! borrow from the slice; nothing is allocated.
//!
//! **Encoding.** [`freehold_dtyp::Encode`] writes the *body*: the writer must stand right after the
//! 64 bytes of the header, wherever in the output that is. Offsets are written as if the header ended there.
//!
//! Knows nothing of sessions, opens, files or keys; information classes and descriptors pass through as bytes.
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

pub mod apple;
pub mod cancel;
pub mod change_notify;
pub mod close;
pub mod create;
pub mod create_context;
pub mod echo;
pub mod error;
pub mod flush;
pub mod header;
pub mod ioctl;
pub mod lock;
pub mod logoff;
mod message;
pub mod negotiate;
pub mod negotiate_context;
pub mod oplock_break;
pub mod query_directory;
pub mod query_info;
pub mod read;
pub mod server_to_client_notification;
pub mod session_setup;
pub mod set_info;
pub mod smb1_negotiate;
#[cfg(test)]
mod testing;
pub mod transform;
pub mod tree_connect;
pub mod tree_disconnect;
pub mod types;
mod utf16;
pub mod write;

pub use header::{Command, HeaderFlags, HeaderId, Smb2Header};
pub use message::{DecodeMessage, List, message_bytes};
pub use types::{
    AsyncId, Capabilities, Channel, CreditCharge, Dialect, FileId, InfoType, LeaseKey, LeaseState, MessageId,
    OplockLevel, SecurityInformation, SecurityMode, SessionId, TreeId,
};
pub use utf16::{Utf16, Utf16Buf};
