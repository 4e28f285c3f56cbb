//! Leaving: the computer account is disabled or removed, then the membership ends.

use super::account;
use super::error::DomainError;
use super::join::must_be_there;
use super::kdc::Credentials;
use super::ldap::Connection;
use super::{Domain, Logon, Progress, machine_credentials};

/// What becomes of the computer account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountEnd {
    /// Nobody can log on with it any more; it can be used again.
    Disable,
    /// It is removed, with what is below it.
    Delete,
    /// It stays as it is.
    Keep,
}

impl Domain {
    /// Ends the membership. `force` ends it also when the directory cannot be reached or refuses. Returns the domain's name. Blocks on
    /// the state's disk between waits.
    ///
    /// # Errors
    /// [`DomainError`]; this server is a member still then.
    pub async fn leave(
        &self,
        logon: Option<Logon>,
        end: AccountEnd,
        force: bool,
        progress: &mut Progress<'_>,
    ) -> Result<String, DomainError> {
        let _changing = self.changing.lock().await;
        let membership = self.state.membership().ok_or(DomainError::NotMember)?;
        if end != AccountEnd::Keep {
            match self.end_account(logon, end).await {
                Ok(dn) => {
                    let how = if end == AccountEnd::Delete { "removed" } else { "disabled" };
                    progress(&format!("The computer account {dn} is {how}."));
                }
                Err(error) if force => {
                    progress(&format!("The computer account stays as it is: {error}."));
                }
                Err(DomainError::Refused(text)) => {
                    return Err(DomainError::Refused(format!("{text}. --force leaves all the same")));
                }
                Err(error) => return Err(error),
            }
        }
        self.state.leave_domain()?;
        tracing::info!(domain = membership.dns_domain, "left the domain");
        Ok(membership.dns_domain.clone())
    }

    async fn end_account(&self, logon: Option<Logon>, end: AccountEnd) -> Result<String, DomainError> {
        let membership = self.state.membership().ok_or(DomainError::NotMember)?;
        let connection = self.connection_as(logon).await?;
        let account = must_be_there(&connection, &membership.computer_name).await?;
        match end {
            AccountEnd::Keep => {}
            AccountEnd::Disable => account::set_disabled(&connection, &account, true).await?,
            AccountEnd::Delete => connection.delete(&account.dn).await.map_err(|error| {
                account::advised(
                    error,
                    format!(
                        "That is the right to delete {}: name somebody who has it with --user",
                        account.dn
                    ),
                )
            })?,
        }
        Ok(account.dn)
    }

    /// A connection of whoever is named, else of the computer account.
    pub(super) async fn connection_as(&self, logon: Option<Logon>) -> Result<Connection, DomainError> {
        let (membership, member) = self.joined()?;
        let Some(logon) = logon else {
            let machine = machine_credentials(&membership);
            return match Connection::bind_as_first(&member.locator, &self.settings, &machine).await {
                Ok((connection, _)) => Ok(connection),
                Err(error) if error.is_wrong_password() => Err(DomainError::Estranged(error)),
                Err(error) => Err(error.into()),
            };
        };
        let credentials = Credentials::new(&logon.user, &membership.dns_domain, logon.password);
        Ok(Connection::bind_as(&member.locator, &self.settings, &credentials).await?)
    }
}
