//! Further names of this server: service principal names on the computer account, and the name in the state, which the Kerberos
//! acceptor goes by.

use super::account::{self, ComputerAccount};
use super::error::DomainError;
use super::join::must_be_there;
use super::ldap::{Change, Connection};
use super::{Domain, Logon, Progress, machine_names};
use crate::state::{Membership, StateError};

impl Domain {
    /// Registers a further name and takes tickets for it from then on. On a server that is no member it is noted for the next join.
    /// Returns the name and its service principal names. Blocks on the state's disk between waits.
    ///
    /// # Errors
    /// [`DomainError`]; nothing has changed then.
    pub async fn add_alias(
        &self,
        name: &str,
        logon: Option<Logon>,
        progress: &mut Progress<'_>,
    ) -> Result<(String, Vec<String>), DomainError> {
        let _changing = self.changing.lock().await;
        let name = machine_names::alias(name)?;
        if self.state.aliases()?.iter().any(|alias| alias.eq_ignore_ascii_case(&name)) {
            return Err(StateError::Exists { kind: "an alias", name }.into());
        }
        let Some(membership) = self.state.membership() else {
            self.state.add_alias(&name)?;
            progress("This server is no member of a domain: the alias is registered when it joins one.");
            return Ok((name, Vec::new()));
        };
        if membership.host_names().contains(&name) {
            return Err(DomainError::Refused(format!("this server is called {name} already")));
        }
        let service_names = machine_names::alias_service_names(&name, &membership.dns_domain);
        let connection = self.connection_as(logon).await?;
        let account = must_be_there(&connection, &membership.computer_name).await?;
        if let Some(owner) = account::other_owners(&connection, &account.dn, &service_names).await?.first() {
            return Err(DomainError::Refused(format!(
                "{owner} has one of the names {} already: remove it there first (setspn -D)",
                service_names.join(", ")
            )));
        }
        register(&connection, &account, &membership, &name, &service_names).await?;
        self.state.add_alias(&name)?;
        Ok((name, service_names))
    }

    /// Takes a further name away, in the directory and here; with `force` here also when the directory does not let it go.
    ///
    /// # Errors
    /// [`DomainError`]; nothing has changed then.
    pub async fn remove_alias(
        &self,
        name: &str,
        logon: Option<Logon>,
        force: bool,
        progress: &mut Progress<'_>,
    ) -> Result<(String, Vec<String>), DomainError> {
        let _changing = self.changing.lock().await;
        let aliases = self.state.aliases()?;
        let bare = name.strip_suffix('.').unwrap_or(name);
        let Some(name) = aliases.into_iter().find(|alias| alias.eq_ignore_ascii_case(bare)) else {
            return Err(StateError::NotFound { kind: "alias", name: name.to_owned() }.into());
        };
        let Some(membership) = self.state.membership() else {
            self.state.remove_alias(&name)?;
            return Ok((name, Vec::new()));
        };
        // A name that another alias stands for too stays registered.
        let others = Membership {
            aliases: membership.aliases.iter().filter(|alias| **alias != name).cloned().collect(),
            ..Membership::clone(&membership)
        }
        .host_names();
        let mut service_names = machine_names::alias_service_names(&name, &membership.dns_domain);
        service_names.retain(|name| !others.iter().any(|other| name.ends_with(&format!("/{other}"))));
        if let Err(error) = self.unregister(logon, &membership, &name, &service_names).await {
            if !force {
                return Err(error);
            }
            progress(&format!("The alias stays in the directory: {error}."));
        }
        self.state.remove_alias(&name)?;
        Ok((name, service_names))
    }

    async fn unregister(
        &self,
        logon: Option<Logon>,
        membership: &Membership,
        name: &str,
        service_names: &[String],
    ) -> Result<(), DomainError> {
        let connection = self.connection_as(logon).await?;
        let account = must_be_there(&connection, &membership.computer_name).await?;
        account::remove_service_names(&connection, &account, service_names)
            .await
            .map_err(|error| account::advised(error, rights_on(&account)))?;
        if let Some(value) = additional_dns_host_name(name, &membership.dns_domain) {
            let delete = Change::Delete("msDS-AdditionalDnsHostName".to_owned(), vec![value.into_bytes()]);
            // It need not be there, and nothing goes by it once the service names are gone.
            let _ = connection.modify(&account.dn, vec![delete]).await;
        }
        Ok(())
    }
}

/// msDS-AdditionalDnsHostName first, where that is possible: the computer may then write the service names that follow from it
/// ([MS-ADTS] 3.1.1.5.3.1.1.4). Then the service names themselves.
async fn register(
    connection: &Connection,
    account: &ComputerAccount,
    membership: &Membership,
    name: &str,
    service_names: &[String],
) -> Result<(), DomainError> {
    if let Some(value) = additional_dns_host_name(name, &membership.dns_domain) {
        let add = Change::Add("msDS-AdditionalDnsHostName".to_owned(), vec![value.into_bytes()]);
        if let Err(error) = connection.modify(&account.dn, vec![add]).await {
            tracing::debug!(%error, "msDS-AdditionalDnsHostName is not written");
        }
    }
    let account = must_be_there(connection, &membership.computer_name).await?;
    account::add_service_names(connection, &account, service_names)
        .await
        .map_err(|error| account::advised(error, rights_on(&account)))
}

fn rights_on(account: &ComputerAccount) -> String {
    format!(
        "That is the right to write servicePrincipalName of {}, which computers have for their own name only: name somebody who has it \
         with --user",
        account.dn
    )
}

/// The fully qualified form of an alias of the computer's own domain, which is what the attribute may hold.
fn additional_dns_host_name(alias: &str, dns_domain: &str) -> Option<String> {
    crate::state::domain::alias_host_names(alias, dns_domain)
        .into_iter()
        .find(|name| name.ends_with(&format!(".{dns_domain}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_has_fully_qualified_names_of_the_domain() {
        let value = |alias| additional_dns_host_name(alias, "corp.example");
        assert_eq!(value("data").as_deref(), Some("data.corp.example"));
        assert_eq!(value("data.corp.example").as_deref(), Some("data.corp.example"));
        assert_eq!(value("data.other.example"), None);
    }
}
