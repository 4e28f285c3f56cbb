//! [MS-FSCC] File System Control Codes: information classes, FSCTL payloads, attributes, the syntax of names,
//! their comparison without case, and search patterns.
//!
//! Pure: bytes in, values out and back. Knows nothing of SMB2 headers, of open files or of where data is
//! kept.
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

pub mod chain;
pub mod directory;
pub mod file_info;
pub mod fs_info;
pub mod fsctl;
pub mod full_ea;
pub mod name;
pub mod notify;
pub mod posix;
pub mod posix_name;
pub mod quota;
pub mod short_name;
pub mod upcase;
pub mod wildcard;

mod attributes;
mod information_class;
mod layout;

pub use attributes::FileAttributes;
pub use chain::{ChainEntries, ChainWriter};
pub use directory::{Append, DirectoryEntry, DirectoryWriter};
pub use information_class::{FileInformationClass, FsInformationClass};
pub use name::{NameError, NewStreamName, ParsedName, Stream, StreamType};
pub use wildcard::Pattern;
