//! What an access check tells of its way: nothing when a file is opened, everything when an administrator asks why.
//!
//! There is one algorithm. It takes an [`AccessObserver`] as a type, so that for the unit type, which does nothing, the
//! compiler leaves the telling out.

use crate::{AccessError, AccessMask, Ace, Claim, IntegrityLevel, Truth};
use freehold_dtyp::Sid;

/// Is told what an access check comes across, in the order in which it does.
pub trait AccessObserver {
    /// One thing that was found.
    fn note(&mut self, note: Note<'_>);
}

/// Does not listen.
impl AccessObserver for () {
    #[inline(always)]
    fn note(&mut self, _: Note<'_>) {}
}

/// Whose descriptor is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The share's.
    Share,
    /// The file's or folder's own.
    Object,
    /// That of the folder that it is in.
    Parent,
}

/// What gives rights besides entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Giver {
    /// The owner reads the descriptor and changes the DACL.
    Owner,
    /// There is no DACL, or a null one: nothing is restricted.
    NoDacl,
    /// SeSecurityPrivilege.
    SecurityPrivilege,
    /// SeTakeOwnershipPrivilege.
    TakeOwnershipPrivilege,
    /// SeBackupPrivilege, with backup intent.
    BackupPrivilege,
    /// SeRestorePrivilege, with backup intent.
    RestorePrivilege,
    /// The folder: FILE_DELETE_CHILD gives DELETE, FILE_LIST_DIRECTORY gives FILE_READ_ATTRIBUTES.
    Parent,
    /// Who makes a file gets what he asks for.
    Creator,
}

/// What keeps rights back, whatever entries say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keeper {
    /// The integrity label is above the token's level.
    Label(IntegrityLevel),
    /// FILE_ATTRIBUTE_READONLY.
    ReadOnly,
    /// SeSecurityPrivilege is not held.
    NoSecurityPrivilege,
    /// The share does not let it through.
    Share,
    /// It is no right of a file, or no right at all was asked for.
    Reserved,
}

/// Where a condition looks for an attribute ([MS-DTYP] 2.4.4.17.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeSource {
    /// A simple name.
    Local,
    /// `@User.`
    User,
    /// `@Resource.`
    Resource,
    /// `@Device.`
    Device,
}

/// What an access check came across.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// From here on it is this descriptor's turn.
    Descriptor(Place),
    /// An entry of the DACL decided rights that nothing before it had.
    Entry {
        /// Its index.
        index: usize,
        /// The entry.
        ace: &'a Ace,
        /// What it decided.
        rights: AccessMask,
    },
    /// A condition was evaluated.
    Condition {
        /// Index of its entry.
        index: usize,
        /// The entry.
        ace: &'a Ace,
        /// Its value.
        value: Truth,
    },
    /// A condition, told of afterwards, looked for an attribute.
    Attribute {
        /// Where.
        source: AttributeSource,
        /// Its name.
        name: &'a str,
        /// What was found.
        claim: Option<&'a Claim>,
    },
    /// A condition, told of afterwards, asked for a membership.
    Membership {
        /// Of whom.
        sid: &'a Sid,
        /// Of the device, not of the user.
        device: bool,
        /// The answer.
        is_member: bool,
    },
    /// Rights that do not come from entries.
    Given {
        /// Where they come from.
        by: Giver,
        /// The rights.
        rights: AccessMask,
    },
    /// Rights that entries cannot give.
    Kept {
        /// What keeps them.
        by: Keeper,
        /// The rights.
        rights: AccessMask,
    },
    /// The end.
    Outcome(Result<AccessMask, AccessError>),
}
