//! What an administrator sees of the membership.

use std::net::IpAddr;

use freehold_dtyp::FileTime;

use super::{Domain, DomainError, kdc, rotation};

/// How the membership is going.
#[derive(Clone, Debug, Default)]
pub struct DomainStatus {
    /// When the password is changed next by itself.
    pub next_password_change: Option<FileTime>,
    /// The domain controller in use: host, address, site.
    pub domain_controller: Option<(String, IpAddr, String)>,
    /// How far this server's clock is ahead of the domain controller's, in seconds.
    pub clock_offset_seconds: Option<i64>,
    /// The directory as the machine account reaches it: `ok`, or why not.
    pub directory: String,
    /// The secure channel for NTLM logons: `ok`, or why not.
    pub secure_channel: String,
}

impl Domain {
    /// How the membership is going. Asks the domain controller in use.
    ///
    /// # Errors
    /// [`DomainError::NotMember`].
    pub async fn status(&self) -> Result<DomainStatus, DomainError> {
        let (membership, member) = self.joined()?;
        let mut status = DomainStatus {
            next_password_change: rotation::next_change(&membership, &self.settings),
            ..DomainStatus::default()
        };
        let dc = match member.locator.find().await {
            Ok(dc) => dc,
            Err(error) => {
                status.directory = error.to_string();
                return Ok(status);
            }
        };
        status.domain_controller = Some((dc.host.clone(), dc.address, dc.site.clone()));
        let account = membership.account_name();
        let (observed, directory, channel) = tokio::join!(
            kdc::preauthentication(&dc, &account, &membership.dns_domain),
            member.ldap.connect(),
            member.netlogon.check(),
        );
        status.clock_offset_seconds =
            observed.ok().and_then(|observed| observed.clock_difference_seconds).and_then(i64::checked_neg);
        status.directory = match directory {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        status.secure_channel = match channel {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        Ok(status)
    }
}
