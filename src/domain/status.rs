//! What an administrator sees of the membership.

use freehold_dtyp::FileTime;

use super::{Domain, rotation};
use crate::config::DomainSettings;
use crate::state::Membership;

/// The membership and how it is going.
#[derive(Clone, Debug, Default)]
pub struct DomainStatus {
    /// When the password is changed next by itself.
    pub next_password_change: Option<FileTime>,
}

impl DomainStatus {
    /// What can be told without asking anybody.
    #[must_use]
    pub fn at_rest(membership: &Membership, settings: &DomainSettings) -> Self {
        DomainStatus { next_password_change: rotation::next_change(membership, settings) }
    }
}

impl Domain {
    /// The membership and how it is going; `None` when this server is no member. Asks the domain controller in use.
    pub async fn status(&self) -> Option<DomainStatus> {
        let membership = self.state.membership()?;
        Some(DomainStatus::at_rest(&membership, &self.settings))
    }
}
