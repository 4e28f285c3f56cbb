//! What a domain controller says of a user: the content of a PAC ([MS-PAC] 2.5) or of Netlogon's validation information
//! ([MS-NRPC] 2.2.1.4.13), in one form.

use freehold_acl::{Claim, Group};
use freehold_dtyp::Sid;

/// The authorization data of a domain user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The user's SID.
    pub user: Sid,
    /// PrimaryGroupId, as a SID.
    pub primary_group: Sid,
    /// All groups with their attributes: of the user's domain, extra SIDs (universal groups, SID history) and resource
    /// groups. The primary group is among them. Nested membership was resolved by the domain controller.
    pub groups: Vec<Group>,
    /// EffectiveName: the account's name.
    pub account_name: String,
    /// LogonDomainName: NetBIOS name of the account's domain.
    pub domain_name: String,
    /// FullName; may be empty.
    pub full_name: String,
    /// The user principal name, where it is told.
    pub user_principal_name: Option<String>,
    /// [MS-PAC] 2.11: claims of the user.
    pub user_claims: Vec<Claim>,
    /// [MS-PAC] 2.13: claims of the device that the user sits at.
    pub device_claims: Vec<Claim>,
    /// [MS-PAC] 2.12: the device's groups.
    pub device_groups: Vec<Group>,
}
