//! Windows security descriptors as pure functions: their binary and text forms, the access check, inheritance when a
//! file is created, and what a query or a set of security information reads and changes ([MS-DTYP] 2.4 and 2.5,
//! [MS-FSA] 2.1.5.1, 2.1.5.14 and 2.1.5.17).
//!
//! Knows nothing of files, protocols, clocks or accounts: a caller brings a parsed [`SecurityDescriptor`] (usually
//! behind an `Arc`, shared by all files that have the same one) and a [`Token`]. Nothing in it panics on any input.
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

#[macro_use]
mod flags;

mod access_check;
mod access_mask;
mod ace;
mod acl;
mod audit;
mod claim;
mod condition;
mod descriptor;
mod file_access;
mod guid_text;
mod icacls;
mod inherit;
mod observer;
mod posix_mode;
mod propagate;
mod reasons;
mod sddl;
mod security_information;
mod serde_form;
#[cfg(test)]
mod test_support;
mod token;

pub use access_check::{AccessError, access_check, maximum_access, maximum_access_observed};
pub use access_mask::{AccessMask, GenericMapping};
pub use ace::{Ace, AceFlags, AceType, ObjectTypes};
pub use acl::{Acl, AclTooLarge};
pub use audit::{AccessReason, AccessReasons, AuditOutcome, audited_access};
pub use claim::{Claim, ClaimFlags, ClaimValues};
pub use condition::{Truth, condition_value};
pub use descriptor::{AclPart, Control, SecurityDescriptor};
pub use file_access::{
    FileAccess, create_access_check, create_access_check_observed, file_access_check,
    file_access_check_observed, maximal_file_access, may_enumerate, share_access_check, within_share,
};
pub use icacls::{
    AclEdit, AclEntry, EditError, EntryError, IntegrityEntry, SaveFileError, SavedAcl, ace_text,
    encode_save_file, parse_entry, parse_integrity, parse_mask, parse_save_file, rights_text,
    substitute_sids,
};
pub use inherit::{CreateSecurityError, create_descriptor};
pub use observer::{AccessObserver, AttributeSource, Giver, Keeper, Note, Place};
pub use posix_mode::{MODE_BITS, posix_mode, sole_posix_mode, stored_posix_mode, with_posix_mode};
pub use propagate::{is_dacl_protected, is_sacl_protected, propagate};
pub use reasons::{Cause, ConditionReport, Reason, Reasons};
pub use sddl::{SddlDomains, SddlError};
pub use security_information::{
    SecurityInformation, SetSecurityError, access_to_query, access_to_set, query, set_security,
};
pub use serde_form::sddl as serde_sddl;
pub use token::{Group, GroupAttributes, IntegrityLevel, Privileges, Token, TokenBuilder, TokenClaims};
