//! The language of Windows' `icacls`: entries as text both ways, what its verbs make of a descriptor, and the file that
//! `/save` writes and `/restore` reads.
//!
//! Text in, descriptors out: names of accounts are the caller's to look up, and so is what a folder hands down (see
//! [`crate::propagate`]). Microsoft documents the syntax with the command.

mod edit;
mod entry;
mod rights;
mod save_file;
mod substitute;

pub use edit::{AclEdit, AclEntry, EditError, IntegrityEntry};
pub use entry::{EntryError, ace_text, parse_entry, parse_integrity};
pub use rights::{parse_mask, rights_text};
pub use save_file::{SaveFileError, SavedAcl, encode_save_file, parse_save_file};
pub use substitute::substitute_sids;
