//! Namespaces that the directory keeps ([MS-DFSNM] 2.3, version 2): read into this server's copy, and changed.
//!
//! Owns the form of the entries (`entry`, `target_list`: pure), how the copy follows the directory (`follow`) and how a change is
//! made so that no other server's is lost (`change`). The copy itself is the state's ([`crate::state::DirectoryChange`]): it is
//! what clients are answered from, and what is there when no domain controller answers. Knows nothing of referrals.

mod access;
mod change;
mod conflict;
mod entry;
mod error;
mod follow;
mod target_list;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use entry::EntryError;
pub use error::DfsDirectoryError;
pub use target_list::{TargetList, TargetListError};

use super::kdc::Credentials;
use super::ldap::Connection;
use super::{Domain, Logon, Member, machine_credentials};
use crate::state::{DfsEdit, Membership};
use access::{Access as _, Holder};
use change::Writer;
use follow::Follower;

/// How often the directory is looked at while it keeps a namespace of this server: others' changes are seen within this time.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often it is looked at whether it names this server for a namespace at all.
const LOOK_FOR_FIRST_EVERY: Duration = Duration::from_secs(20);
/// The first look after the start.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// The directory's namespaces, as this server follows them.
#[derive(Debug, Default)]
pub(super) struct DfsDirectory {
    /// One look or change at a time.
    inner: tokio::sync::Mutex<Inner>,
    /// There may be a first namespace to follow.
    changed: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Inner {
    holder: Holder,
    follower: Follower,
    /// Whose: another membership begins anew.
    of: Option<Membership>,
}

impl Inner {
    /// The connection that is read from, of the present membership.
    async fn connection(
        &mut self,
        domain: &Domain,
    ) -> Result<(Arc<Membership>, Arc<Member>, Arc<Connection>), DfsDirectoryError> {
        let (membership, member) = domain.joined().map_err(|_| DfsDirectoryError::NotMember)?;
        let same = |of: &Membership| {
            of.dns_domain == membership.dns_domain && of.computer_name == membership.computer_name
        };
        if !self.of.as_ref().is_some_and(same) {
            *self = Inner { of: Some(Membership::clone(&membership)), ..Inner::default() };
        }
        let credentials = machine_credentials(&membership);
        let connection = self.holder.connection(&member, &domain.settings, &credentials).await?;
        Ok((membership, member, connection))
    }
}

impl Domain {
    /// Follows the directory's namespaces until `stop` becomes true.
    pub async fn follow_namespaces(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause = FIRST_LOOK;
        let mut failing = false;
        loop {
            tokio::select! {
                // An error means that whoever could stop the server is gone.
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(pause) => {}
                () = self.dfs.changed.notified() => {}
            }
            pause = LOOK_FOR_FIRST_EVERY;
            if self.member().is_none() {
                continue;
            }
            let domain = Arc::clone(&self);
            let runtime = tokio::runtime::Handle::current();
            // Changes of the state wait for the disk.
            let looked = tokio::task::spawn_blocking(move || runtime.block_on(domain.look_at_namespaces()));
            match looked.await {
                Ok(Ok(any)) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("namespaces of the domain follow the directory again");
                    }
                    if any {
                        pause = LOOK_EVERY;
                    }
                }
                Ok(Err(error)) => {
                    if self.has_namespaces() {
                        pause = LOOK_EVERY;
                        if !std::mem::replace(&mut failing, true) {
                            tracing::warn!(%error, "namespaces of the domain are served as they were");
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "looking at the namespaces of the domain failed"),
            }
        }
    }

    fn has_namespaces(&self) -> bool {
        let of_domain = |kind: &freehold_dfs::Kind| matches!(kind, freehold_dfs::Kind::DomainBased { .. });
        self.state.namespaces().list().iter().any(|index| of_domain(&index.namespace().kind))
    }

    /// One look. True when the directory keeps a namespace of this server.
    async fn look_at_namespaces(&self) -> Result<bool, DfsDirectoryError> {
        let mut inner = self.dfs.inner.lock().await;
        let (membership, _, connection) = inner.connection(self).await?;
        let looked = inner.follower.catch_up(&*connection, &self.state, &membership).await;
        if looked.as_ref().is_err_and(DfsDirectoryError::is_unreachable) {
            inner.holder.failed();
        }
        looked.map(|()| !inner.follower.namespaces.is_empty())
    }

    /// Changes namespaces that the directory keeps, one change after the other, as `logon` or as this server; this server's copy has
    /// them then. What is refused for what it says is refused before anything is changed.
    ///
    /// # Errors
    /// [`DfsDirectoryError`].
    pub async fn edit_namespaces(
        &self,
        edits: &[DfsEdit],
        logon: Option<Logon>,
    ) -> Result<(), DfsDirectoryError> {
        let mut inner = self.dfs.inner.lock().await;
        let (membership, member, reader) = inner.connection(self).await?;
        let account = logon.as_ref().map_or_else(|| membership.account_name(), |logon| logon.user.clone());
        let writer = match logon {
            None => Arc::clone(&reader),
            Some(logon) => {
                let credentials = Credentials::new(&logon.user, &membership.dns_domain, logon.password);
                let dc = reader.dc();
                Arc::new(Connection::open(dc, &member.locator, &self.settings, &credentials).await?)
            }
        };
        let mut work = Writer {
            state: &self.state,
            membership: &membership,
            reader: &*reader,
            writer: &*writer,
            follower: &mut inner.follower,
        };
        let edited = work.edit(edits).await;
        self.dfs.changed.notify_one();
        if edited.as_ref().is_err_and(DfsDirectoryError::is_unreachable) {
            inner.holder.failed();
        }
        edited.map_err(|error| error.advised(&account, &reader.container()))
    }
}
