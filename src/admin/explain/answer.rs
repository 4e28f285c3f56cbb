//! The answer. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

/// May this user do that with this file, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Explanation {
    /// The account.
    pub user: String,
    /// Its SID.
    pub user_sid: String,
    /// It can log on.
    pub account_enabled: bool,
    /// The file, as `share:/folder/file` or `volume:/folder/file`.
    pub path: String,
    /// It is there.
    pub exists: bool,
    /// It is a folder.
    pub is_directory: bool,
    /// What was asked; `MAXIMUM_ALLOWED` for what can be done at all.
    pub asked: String,
    /// The same as an access mask.
    pub asked_mask: u32,
    /// An open that asks for it succeeds now.
    pub allowed: bool,
    /// The status that the client gets.
    pub status: String,
    /// The access that the open gets.
    pub granted_mask: u32,
    /// The same by names.
    pub granted: Vec<String>,
    /// Who owns the file.
    pub owner: String,
    /// Each right by itself.
    pub rights: Vec<RightRow>,
    /// What the share says; absent when no share is in question.
    pub share: Option<ShareAnswer>,
    /// Shares that lead to it, where the path says none and there are several: then no share's permissions count.
    pub also_through: Vec<String>,
    /// A listing shows it (access-based enumeration); absent where there is nothing to show.
    pub visible: Option<bool>,
    /// Groups that the user is in.
    pub groups: Vec<String>,
    /// Privileges that the user has.
    pub privileges: Vec<String>,
    /// Claims of the user, as `name = values`.
    pub user_claims: Vec<String>,
    /// Claims of the device, as `name = values`.
    pub device_claims: Vec<String>,
    /// Conditions that were evaluated.
    pub conditions: Vec<ConditionRow>,
    /// What a quota leaves.
    pub quota: QuotaRow,
    /// Who has it open.
    pub holders: Vec<HolderRow>,
    /// What was assumed.
    pub what_if: Vec<String>,
    /// The answer for people.
    pub summary: Vec<String>,
    /// What to do.
    pub advice: Vec<String>,
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RightRow {
    /// Its name, such as `FILE_READ_DATA`.
    pub right: String,
    /// icacls' name, such as `RD`.
    pub short: String,
    /// What it is for.
    pub purpose: String,
    /// Its bit.
    pub mask: u32,
    /// It is granted.
    pub allowed: bool,
    /// What decided.
    pub decided_by: ReasonKind,
    /// The same for people.
    pub reason: String,
    /// The deciding entry.
    pub entry: Option<EntryRow>,
}

/// What decides a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)] // each is what its name says; `reason` has the words
pub enum ReasonKind {
    Entry,
    NoEntry,
    Owner,
    NoDacl,
    Privilege,
    BackupIntent,
    PrivilegeNotHeld,
    ParentFolder,
    Creator,
    IntegrityLabel,
    ReadOnly,
    Share,
    NotAFileRight,
}

/// An entry that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EntryRow {
    /// Entries before it in its list.
    pub index: usize,
    /// The entry as SDDL.
    pub sddl: String,
    /// It allows; else it denies.
    pub allows: bool,
    /// Whom it speaks of.
    pub account: String,
    /// The same as a SID.
    pub sid: String,
    /// How the user is that: account, group, group that has the group.
    pub chain: Vec<String>,
    /// It came from a folder above.
    pub inherited: bool,
    /// The folder that has it as its own; absent for an own entry, and where no folder above has it any more.
    pub inherited_from: Option<String>,
    /// It was assumed.
    pub what_if: bool,
}

/// What a share says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ShareAnswer {
    /// The share.
    pub name: String,
    /// The user may connect.
    pub allowed: bool,
    /// The most that it lets through.
    pub maximal_mask: u32,
    /// The same by names.
    pub maximal: Vec<String>,
    /// Entries that decided.
    pub entries: Vec<EntryRow>,
    /// Only encrypted requests are answered.
    pub encrypt: bool,
    /// Entries that a user cannot read are left out of listings.
    pub access_based_enumeration: bool,
}

/// A condition and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ConditionRow {
    /// Entries before its entry in the list.
    pub index: usize,
    /// The entry as SDDL.
    pub sddl: String,
    /// `true`, `false` or `unknown`.
    pub value: String,
    /// The entry counted.
    pub applied: bool,
    /// What it looked up.
    pub operands: Vec<LookupRow>,
}

/// Something that a condition looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LookupRow {
    /// As the condition says it: `@User.Department`, `Member_of SID(engineers)`.
    pub operand: String,
    /// Its values, or whether it is so; absent when it is not there.
    pub value: Option<String>,
}

/// What a quota leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct QuotaRow {
    /// The quota forbids growth.
    pub exceeded: bool,
    /// For people.
    pub text: String,
}

/// Somebody who has the file open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct HolderRow {
    /// The user.
    pub user: String,
    /// Address of the client.
    pub client: String,
    /// The share it came through.
    pub share: String,
    /// What the open may do.
    pub access: Vec<String>,
    /// What it lets others do: `read`, `write`, `delete`.
    pub shares: Vec<String>,
    /// Its oplock or lease, such as `lease RWH` or `oplock RW`; empty without one.
    pub cache: String,
    /// The cache is being taken back.
    pub breaking: bool,
    /// The file goes with it.
    pub delete_on_close: bool,
    /// It is of a named stream.
    pub named_stream: bool,
    /// Its byte-range locks, the first ones.
    pub locks: Vec<LockRow>,
    /// Number of its byte-range locks.
    pub lock_count: usize,
    /// What is asked cannot be opened beside it.
    pub blocks: bool,
    /// The same for people; empty when it is no obstacle.
    pub effect: String,
}

/// A byte-range lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LockRow {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Others may do nothing there; else they may read.
    pub exclusive: bool,
}
