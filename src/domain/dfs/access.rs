//! The directory where namespaces are: one domain controller, the one that holds the PDC emulator's role ([MS-DFSNM] 3.1.4: changes
//! are made there, so what is read there is never behind).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entry::Attributes;
use super::error::DfsDirectoryError;
use crate::config::DomainSettings;
use crate::domain::Member;
use crate::domain::kdc::Credentials;
use crate::domain::ldap::{Change, Connection, Entry, LdapError, Scope, Search};
use crate::domain::locator::{DcFlags, DomainController};

/// The container of all namespaces below the domain's own entry ([MS-DFSNM] 2.3.1).
const CONTAINER: &str = "CN=Dfs-Configuration,CN=System";
/// How long the domain controller that held the role is taken to hold it still.
const ROLE_FOR: Duration = Duration::from_secs(15 * 60);

/// What is read and changed of a directory: a connection, or what tests put in its place.
pub(super) trait Access: Send + Sync {
    /// The distinguished name of the container.
    fn container(&self) -> String;
    /// As [`Connection::search`].
    fn search(&self, search: &Search<'_>) -> impl Future<Output = Result<Vec<Entry>, LdapError>> + Send;
    /// As [`Connection::add`].
    fn add(&self, dn: &str, attributes: Attributes) -> impl Future<Output = Result<(), LdapError>> + Send;
    /// As [`Connection::modify`].
    fn modify(&self, dn: &str, changes: Vec<Change>) -> impl Future<Output = Result<(), LdapError>> + Send;
    /// As [`Connection::delete`].
    fn delete(&self, dn: &str) -> impl Future<Output = Result<(), LdapError>> + Send;

    /// The entry of that name, if it is there.
    fn read(
        &self,
        dn: &str,
        attributes: &[&str],
    ) -> impl Future<Output = Result<Option<Entry>, LdapError>> + Send {
        async move {
            match self.search(&Search::base(dn, attributes)).await {
                Ok(found) => Ok(found.into_iter().next()),
                Err(error) if error.is_no_such_object() => Ok(None),
                Err(error) => Err(error),
            }
        }
    }

    /// The entries right below `dn`.
    fn below(
        &self,
        dn: &str,
        filter: &str,
        attributes: &[&str],
    ) -> impl Future<Output = Result<Vec<Entry>, LdapError>> + Send {
        async move {
            let search = Search { scope: Scope::OneLevel, ..Search::new(dn, filter, attributes) };
            match self.search(&search).await {
                Err(error) if error.is_no_such_object() => Ok(Vec::new()),
                outcome => outcome,
            }
        }
    }
}

impl Access for Connection {
    fn container(&self) -> String {
        format!("{CONTAINER},{}", self.root().domain)
    }

    async fn search(&self, search: &Search<'_>) -> Result<Vec<Entry>, LdapError> {
        Connection::search(self, search).await
    }

    async fn add(&self, dn: &str, attributes: Attributes) -> Result<(), LdapError> {
        Connection::add(self, dn, attributes).await
    }

    async fn modify(&self, dn: &str, changes: Vec<Change>) -> Result<(), LdapError> {
        Connection::modify(self, dn, changes).await
    }

    async fn delete(&self, dn: &str) -> Result<(), LdapError> {
        Connection::delete(self, dn).await
    }
}

/// A connection of the machine account to the holder of the role, kept from one use to the next.
#[derive(Debug, Default)]
pub(super) struct Holder {
    connection: Option<(Arc<Connection>, Instant)>,
}

impl Holder {
    /// The connection; another one when the role may have moved, or the connection is of no use any more.
    pub(super) async fn connection(
        &mut self,
        member: &Member,
        settings: &DomainSettings,
        credentials: &[Credentials],
    ) -> Result<Arc<Connection>, DfsDirectoryError> {
        if let Some((connection, since)) = &self.connection
            && connection.is_usable()
            && since.elapsed() < ROLE_FOR
        {
            return Ok(Arc::clone(connection));
        }
        self.connection = None;
        let dc = find(member).await?;
        let mut refused = None;
        for credentials in credentials {
            match Connection::open(&dc, &member.locator, settings, credentials).await {
                Ok(connection) => {
                    let connection = Arc::new(connection);
                    self.connection = Some((Arc::clone(&connection), Instant::now()));
                    return Ok(connection);
                }
                Err(error) if error.is_wrong_password() => refused = refused.or(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused.unwrap_or(LdapError::NoAccount).into())
    }

    /// The next use makes another connection.
    pub(super) fn failed(&mut self) {
        self.connection = None;
    }
}

async fn find(member: &Member) -> Result<Arc<DomainController>, DfsDirectoryError> {
    let holds = |dc: &DomainController| dc.flags.has(DcFlags::PDC);
    if let Some(current) = member.locator.current().filter(|current| holds(current))
        && member.locator.is_alive(&current).await
    {
        return Ok(current);
    }
    let all = member.locator.survey().await.map_err(LdapError::from)?;
    let found = all.into_iter().find_map(|(_, _, dc)| dc.ok().filter(holds));
    found.map(Arc::new).ok_or(DfsDirectoryError::NoHolder)
}
