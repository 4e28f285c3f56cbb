//! Data types of MS-DTYP and MS-ERREF that every other part of Freehold builds on: byte cursors,
//! NTSTATUS, GUID, FILETIME, SID and Windows names.
//!
//! A leaf crate: no I/O, no clock, no randomness, nothing of SMB. Nothing in it panics on any input.
#![forbid(unsafe_code)]
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

mod cursor;
mod file_time;
mod guid;
mod nt_status;
mod sid;
mod wtf8;

pub use cursor::{Decode, DecodeError, DecodeReason, Encode, Reader, Writer};
pub use file_time::FileTime;
pub use guid::Guid;
pub use nt_status::NtStatus;
pub use sid::{Sid, SidParseError};
pub use wtf8::{Wtf8, Wtf8Buf};
