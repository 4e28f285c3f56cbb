//! Requests and answers about the audit log. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What can be asked about the audit log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum AuditRequest {
    /// Records that fit.
    Search {
        /// Which.
        search: Box<AuditSearch>,
    },
}

/// Which records: those that everything given fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct AuditSearch {
    /// From this time on: see [`crate::audit::moment::parse`].
    pub since: Option<String>,
    /// Before this time.
    pub until: Option<String>,
    /// Who did it, or whose logon it is: a name, `DOMAIN\name`, `name@domain` or a SID.
    pub user: Option<String>,
    /// What it was done to, with `*` and `?`: see [`crate::audit::filter::matches_glob`].
    pub path: Option<String>,
    /// Ids of events; none for all.
    pub events: Vec<u16>,
    /// What was granted, or what was refused.
    pub outcome: Option<AuditOutcome>,
    /// Through this share.
    pub share: Option<String>,
    /// Logons by this package.
    pub package: Option<AuditPackage>,
    /// Those whose Seq comes after this one.
    pub after: Option<u64>,
    /// At most so many records: 1 to [`MAX_RECORDS`].
    pub limit: Option<u64>,
}

/// Most records of one answer.
pub const MAX_RECORDS: u64 = 10_000;
/// Records of one answer where no limit is given.
pub const USUAL_RECORDS: u64 = 1_000;

/// Whether something was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub enum AuditOutcome {
    /// It was.
    Success,
    /// It was refused, or failed.
    Failure,
}

/// How somebody logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, utoipa::ToSchema)]
pub enum AuditPackage {
    /// NTLM.
    #[serde(rename = "NTLM")]
    Ntlm,
    /// Kerberos.
    Kerberos,
}

impl AuditPackage {
    /// As records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        use crate::audit::logon::Package;
        match self {
            AuditPackage::Ntlm => Package::Ntlm.name(),
            AuditPackage::Kerberos => Package::Kerberos.name(),
        }
    }
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum AuditReply {
    /// Records, in their order.
    Page(AuditPage),
}

/// Records, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuditPage {
    /// The records as the log has them.
    pub records: Vec<Value>,
    /// What `After` has to be for what follows; `None` when the end of the log was reached.
    pub next: Option<u64>,
    /// `Since` as a point in time, for the next page.
    pub since: Option<String>,
    /// `Until` as a point in time.
    pub until: Option<String>,
}
