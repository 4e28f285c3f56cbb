//! What holds for the whole server: the values of the configuration file, and what an administrator has set over them.

use rusqlite::{Connection, Transaction};

use super::{Change, State, StateError};
use crate::config::{Config, Dialect, EncryptionMode};

/// What an administrator has set at run time; `None` where the configuration file's value holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// Every new session of a client that can is encrypted ([MS-SMB2] 3.3.1.5 EncryptData).
    pub encrypt_data: Option<bool>,
    /// Clear requests to what is encrypted fail ([MS-SMB2] 3.3.1.5 RejectUnencryptedAccess).
    pub reject_unencrypted: Option<bool>,
}

/// What the configuration file says of the things that are shown beside these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredServer {
    /// See [`ServerSettings::encrypt_data`].
    pub encrypt_data: bool,
    /// See [`ServerSettings::reject_unencrypted`].
    pub reject_unencrypted: bool,
    /// Every session signs.
    pub require_signing: bool,
    /// Lowest dialect.
    pub min_dialect: Dialect,
    /// Highest dialect.
    pub max_dialect: Dialect,
    /// Comment in listings.
    pub comment: String,
    /// NetBIOS name.
    pub netbios_name: String,
    /// Most sessions of a connection.
    pub sessions_per_connection: u32,
}

impl From<&Config> for ConfiguredServer {
    fn from(config: &Config) -> Self {
        ConfiguredServer {
            encrypt_data: config.security.encryption == EncryptionMode::Required,
            reject_unencrypted: config.security.reject_unencrypted,
            require_signing: config.security.require_signing,
            min_dialect: config.security.min_dialect,
            max_dialect: config.security.max_dialect,
            comment: config.names.comment.clone(),
            netbios_name: config.names.netbios.clone(),
            sessions_per_connection: config.limits.sessions_per_connection,
        }
    }
}

impl State {
    /// What an administrator has set. Does not block.
    #[must_use]
    pub fn server_settings(&self) -> ServerSettings {
        **self.server.load()
    }

    /// Sets it, `None` included.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn set_server_settings(&self, settings: ServerSettings) -> Result<(), StateError> {
        self.change(|transaction| {
            store(transaction, settings)?;
            Ok(((), vec![Change::ServerChanged]))
        })
    }
}

pub(super) fn store(transaction: &Transaction<'_>, settings: ServerSettings) -> Result<(), StateError> {
    transaction.execute(
        "INSERT INTO server_settings (id, encrypt_data, reject_unencrypted) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET encrypt_data = ?1, reject_unencrypted = ?2",
        (settings.encrypt_data, settings.reject_unencrypted),
    )?;
    Ok(())
}

pub(super) fn load(database: &Connection) -> Result<ServerSettings, StateError> {
    let mut statement = database
        .prepare_cached("SELECT encrypt_data, reject_unencrypted FROM server_settings WHERE id = 1")?;
    let mut rows = statement.query([])?;
    Ok(match rows.next()? {
        Some(row) => ServerSettings { encrypt_data: row.get(0)?, reject_unencrypted: row.get(1)? },
        None => ServerSettings::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_taken_back() {
        let state = State::in_memory().unwrap();
        assert_eq!(state.server_settings(), ServerSettings::default());
        let set = ServerSettings { encrypt_data: Some(true), reject_unencrypted: None };
        state.set_server_settings(set).unwrap();
        assert_eq!(state.server_settings(), set);
        assert_eq!(load(&state.database.lock()).unwrap(), set);
        state.set_server_settings(ServerSettings::default()).unwrap();
        assert_eq!(load(&state.database.lock()).unwrap(), ServerSettings::default());
    }
}
