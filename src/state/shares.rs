//! Shares as plain data. A pure part: no database, no clock.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;

use super::accounts::fold_name;
use crate::config::AuditOption;

/// How clients may keep files of a share for offline use ([MS-SMB2] 2.2.10 ShareFlags, [MS-SRVS] 2.2.4.29).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub enum CachingMode {
    /// Files that users choose (MANUAL).
    #[default]
    Manual,
    /// All files that users open (AUTO).
    Documents,
    /// The same, run from the cache (VDO).
    Programs,
    /// Nothing.
    None,
}

impl CachingMode {
    /// All modes.
    pub const ALL: [CachingMode; 4] =
        [CachingMode::Manual, CachingMode::Documents, CachingMode::Programs, CachingMode::None];

    /// The bits of the caching policy in ShareFlags ([MS-SMB2] 2.2.10) and in SHI1005_flags ([MS-SRVS] 2.2.4.29).
    #[must_use]
    pub const fn flags(self) -> u32 {
        match self {
            CachingMode::Manual => 0x00,
            CachingMode::Documents => 0x10,
            CachingMode::Programs => 0x20,
            CachingMode::None => 0x30,
        }
    }

    /// The word in the state database and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            CachingMode::Manual => "manual",
            CachingMode::Documents => "documents",
            CachingMode::Programs => "programs",
            CachingMode::None => "none",
        }
    }
}

/// What an administrator can set on a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSettings {
    /// The volume's name in the configuration.
    pub volume: String,
    /// Folder within the volume: components separated by `/`, none of them empty, `.` or `..`; the volume's root is
    /// the empty path.
    pub path: String,
    /// Comment shown in listings.
    pub comment: String,
    /// Who may connect and with what access.
    pub security: Arc<SecurityDescriptor>,
    /// Only encrypted requests are answered.
    pub encrypt: bool,
    /// Entries that a user cannot read are left out of listings.
    pub access_based_enumeration: bool,
    /// Offline use by clients.
    pub caching: CachingMode,
    /// Handles survive a failover.
    pub continuously_available: bool,
    /// How long such handles wait for their client, in seconds, where the client does not say; 0 for the server's default
    /// ([MS-SMB2] 3.3.1.6 CATimeout).
    pub ca_timeout_seconds: u32,
    /// Most users at a time; `None` for no limit.
    pub max_users: Option<u32>,
    /// Accesses that are recorded.
    pub audit: AuditOption,
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Number that no other share ever has, so that a share made anew under an old name is another one.
    pub id: i64,
    /// Name in the case it was made with; compared without case.
    pub name: String,
    /// The rest.
    pub settings: ShareSettings,
}

impl Share {
    /// Is it left out of what people see when they browse? Names that end in `$` are.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.name.ends_with('$')
    }
}

/// All shares at one time. IPC$ is not among them: it is always there and has no settings.
#[derive(Clone, Debug, Default)]
pub struct SharesSnapshot {
    /// By name.
    shares: Vec<Arc<Share>>,
    by_name: HashMap<String, Arc<Share>>,
}

impl SharesSnapshot {
    /// From the shares in any order.
    #[must_use]
    pub fn new(mut shares: Vec<Share>) -> Self {
        shares.sort_by_key(|share| fold_name(&share.name));
        let shares: Vec<Arc<Share>> = shares.into_iter().map(Arc::new).collect();
        let by_name = shares.iter().map(|share| (fold_name(&share.name), Arc::clone(share))).collect();
        SharesSnapshot { shares, by_name }
    }

    /// Shares in the order of their names, hidden ones included.
    #[must_use]
    pub fn all(&self) -> &[Arc<Share>] {
        &self.shares
    }

    /// The share called `name`, in any case.
    #[must_use]
    pub fn share(&self, name: &str) -> Option<&Arc<Share>> {
        self.by_name.get(&fold_name(name))
    }
}
