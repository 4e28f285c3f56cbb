//! What samr has the server do with local accounts and groups ([MS-SAMR] 3.1.5.4 to 3.1.5.8).

use freehold_dtyp::Sid;

/// A change of an account or of a group. Who asks for it may do it: that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountTask {
    /// Makes a local group; done with [`super::Done::Made`].
    AddGroup {
        /// Its name.
        name: String,
    },
    /// Removes a local group.
    RemoveGroup(Sid),
    /// Gives a local group a comment.
    ChangeGroup {
        /// Which.
        group: Sid,
        /// Its comment.
        comment: String,
    },
    /// Puts members into a local group: all that are not in it yet.
    AddMembers {
        /// Which.
        group: Sid,
        /// Whom.
        members: Vec<Sid>,
    },
    /// Takes members out of a local group: all that are in it.
    RemoveMembers {
        /// Which.
        group: Sid,
        /// Whom.
        members: Vec<Sid>,
    },
    /// Removes a local account.
    RemoveAccount(Sid),
    /// Changes a local account.
    ChangeAccount {
        /// Which.
        account: Sid,
        /// Full name, unless it stays.
        full_name: Option<String>,
        /// Comment, unless it stays.
        comment: Option<String>,
        /// Disabled or not, unless that stays.
        disabled: Option<bool>,
    },
}
