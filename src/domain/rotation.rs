//! The machine account's password: when it is changed, and how.
//!
//! ```text
//! current --note--> current + pending --a domain controller takes it--> confirm --> current (the one before: earlier, for a while)
//!                      |      ^
//!                      '------'  no answer, or refused: the same pending password is sent again, never another
//! ```
//! Whether an answer that was lost was a yes is found out by logging on with the pending password. It is never given up for another
//! one, so that a domain controller that has taken it is always understood. Its keys are the acceptor's from before it is sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freehold_dtyp::FileTime;
use zeroize::Zeroizing;

use super::error::DomainError;
use super::join::{domain_keys, must_be_there};
use super::kdc::Credentials;
use super::ldap::{Connection, LdapError, ResultCode};
use super::locator::DomainController;
use super::{Domain, Member, account, keys};
use crate::config::DomainSettings;
use crate::state::Membership;

/// Servers that joined together do not change their passwords together: each does it up to this part of the period earlier.
const JITTER_PART: u64 = 10;

impl Domain {
    /// Changes the password of the machine account now, or ends a change that is under way. Returns the key version number. Blocks on
    /// the state's disk between waits.
    ///
    /// # Errors
    /// [`DomainError`]. The password before is good still then, or the new one is noted as pending.
    pub async fn rotate(&self) -> Result<u32, DomainError> {
        let _changing = self.changing.lock().await;
        self.change_password().await
    }

    /// As [`Self::rotate`], when the password is due or a change was left open. True when that was so. Whether it is so counts once
    /// nobody else changes anything: a change that is under way looks open to whoever does not wait for its end, and due is no password
    /// that somebody has just changed.
    ///
    /// # Errors
    /// [`DomainError`].
    pub(super) async fn rotate_when_due(&self) -> Result<bool, DomainError> {
        let _changing = self.changing.lock().await;
        let Some(membership) = self.state.membership() else { return Ok(false) };
        let now = FileTime::from_system_time(SystemTime::now());
        let due = next_change(&membership, &self.settings).is_some_and(|due| due <= now);
        if !due && membership.pending_password.is_none() {
            return Ok(false);
        }
        self.change_password().await?;
        Ok(true)
    }

    /// The change itself. The caller sees to it that there is one at a time.
    async fn change_password(&self) -> Result<u32, DomainError> {
        let (membership, member) = self.joined()?;
        let mut tried = Vec::new();
        let new = match &membership.pending_password {
            Some(pending) => {
                // First: the domain controller that took it takes no other.
                tried.push(machine(&membership, &pending.text));
                pending.text.clone()
            }
            None => {
                let new = keys::machine_password()?;
                let salt = keys::computer_salt(&membership.dns_domain, &membership.computer_name);
                let expected = keys::service_keys(&new, &salt, membership.kvno().saturating_add(1))?;
                self.state.note_pending_password(&new, &expected)?;
                new
            }
        };
        tried.push(machine(&membership, &membership.password.text));
        let (connection, taken) =
            match Connection::bind_as_first(&member.locator, &self.settings, &tried).await {
                Err(error) if error.is_wrong_password() => return Err(DomainError::Estranged(error)),
                outcome => outcome?,
            };
        // The last one is the present password.
        if taken + 1 < tried.len() {
            return self.confirm(&membership, &connection, &new).await;
        }
        let account = must_be_there(&connection, &membership.computer_name).await?;
        match account::change_password(&connection, &account.dn, &membership.password.text, &new).await {
            Ok(()) => self.confirm(&membership, &connection, &new).await,
            Err(error) => {
                match self.taken_all_the_same(&membership, &member, &connection, &error, &new).await? {
                    Some(connection) => self.confirm(&membership, &connection, &new).await,
                    None => Err(error.into()),
                }
            }
        }
    }

    /// After a change that was not answered with a yes: a connection with the new password, if it is the account's. The domain
    /// controller that was asked is asked first, since the others hear of it later.
    async fn taken_all_the_same(
        &self,
        membership: &Membership,
        member: &Member,
        asked: &Connection,
        error: &LdapError,
        new: &Zeroizing<String>,
    ) -> Result<Option<Connection>, DomainError> {
        let lost = error.is_unreachable();
        // A refusal may mean that the present password is not the account's any more: another domain controller took the new one.
        if !lost && error.code() != Some(ResultCode::CONSTRAINT_VIOLATION) {
            return Ok(None);
        }
        let machine = machine(membership, new);
        let again = match Connection::open(asked.dc(), &member.locator, &self.settings, &machine).await {
            Err(error) if error.is_unreachable() => {
                member.locator.failed(asked.dc());
                Connection::bind_as(&member.locator, &self.settings, &machine).await
            }
            outcome => outcome,
        };
        match again {
            Ok(connection) => Ok(Some(connection)),
            Err(error) if error.is_wrong_password() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The pending password is the account's.
    async fn confirm(
        &self,
        membership: &Membership,
        connection: &Connection,
        password: &Zeroizing<String>,
    ) -> Result<u32, DomainError> {
        let keys = match self.keys_now(membership, connection.dc(), password).await {
            Ok(keys) => keys,
            Err(error) => {
                // It is the account's all the same: its keys follow from what is known.
                tracing::warn!(%error, "the keys of the new machine password are taken without asking for its salt and version");
                let salt = keys::computer_salt(&membership.dns_domain, &membership.computer_name);
                keys::service_keys(password, &salt, membership.kvno().saturating_add(1))?
            }
        };
        let kvno = keys.first().map_or(0, |key| key.kvno);
        self.state.confirm_pending_password(&keys, self.settings.keep_old_keys)?;
        tracing::info!(kvno, dc = %connection.dc().host, "the machine password is changed");
        Ok(kvno)
    }

    async fn keys_now(
        &self,
        membership: &Membership,
        dc: &Arc<DomainController>,
        password: &Zeroizing<String>,
    ) -> Result<Vec<crate::auth::kerberos::ServiceKey>, DomainError> {
        let (_, member) = self.joined()?;
        let connection =
            Connection::open(dc, &member.locator, &self.settings, &machine(membership, password)).await?;
        let account = must_be_there(&connection, &membership.computer_name).await?;
        if account.dn != membership.computer_dn {
            self.state.note_place_in_domain(&account.dn, membership.site.as_deref())?;
        }
        domain_keys(dc, &account, &membership.dns_domain, &membership.computer_name, password).await
    }
}

fn machine(membership: &Membership, password: &Zeroizing<String>) -> Credentials {
    Credentials::new(&membership.account_name(), &membership.dns_domain, password.clone())
}

/// When the password is due; `None` when it is never changed by itself.
#[must_use]
pub(super) fn next_change(membership: &Membership, settings: &DomainSettings) -> Option<FileTime> {
    let days = settings.password_rotation_days;
    if days == 0 {
        return None;
    }
    let period = Duration::from_secs(u64::from(days) * 24 * 3_600);
    // The same for the same password, so that a restart moves nothing: FNV-1a over its time and the account.
    let mut hash: u64 = 0xCBF2_9CE4_8422_2325;
    for byte in membership.password_changed.0.to_le_bytes().iter().chain(membership.computer_name.as_bytes())
    {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    let earlier = Duration::from_secs(hash % (period.as_secs() / JITTER_PART).max(1));
    Some(membership.password_changed.saturating_add(period.saturating_sub(earlier)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::membership;

    #[test]
    fn the_password_is_due_within_the_last_tenth_of_the_period() {
        let mut member = membership();
        member.password_changed = FileTime::from_unix(1_800_000_000, 0);
        let mut settings = DomainSettings::default();
        let day = 24 * 3_600;
        let mut seen = std::collections::HashSet::new();
        for name in ["A", "B", "C", "D"] {
            name.clone_into(&mut member.computer_name);
            let due = next_change(&member, &settings).unwrap();
            assert_eq!(Some(due), next_change(&member, &settings));
            let after = due.to_unix().0 - 1_800_000_000;
            assert!((27 * day..=30 * day).contains(&after), "{after}");
            seen.insert(after);
        }
        assert!(seen.len() > 1);
        settings.password_rotation_days = 0;
        assert_eq!(next_change(&member, &settings), None);
    }
}
