//! What is read when a state is opened. What cannot be read is named by its table: a server does not start on half a state.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::quotas::QuotasSnapshot;
use super::{
    AccountsSnapshot, ApiToken, Identity, Membership, ServerSettings, SharesSnapshot, StateError,
    accounts_changes, api_tokens, dfs_changes, domain_changes, identity, now, quotas_changes, schema, server,
    shares_changes,
};

/// All snapshots of a database.
pub(super) struct Loaded {
    pub(super) identity: Identity,
    pub(super) accounts: AccountsSnapshot,
    pub(super) shares: SharesSnapshot,
    pub(super) quotas: QuotasSnapshot,
    pub(super) namespaces: freehold_dfs::Namespaces,
    pub(super) membership: Option<Membership>,
    pub(super) server: ServerSettings,
    pub(super) api_tokens: Vec<std::sync::Arc<ApiToken>>,
}

impl Loaded {
    /// Brings the database to this program's version and reads it.
    pub(super) fn from(database: &mut Connection) -> Result<Loaded, StateError> {
        schema::migrate(database)?;
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let identity = named("identity", identity::load_or_make(&transaction, now()))?;
        transaction.commit()?;
        let accounts = accounts_changes::load(database, identity.machine_sid);
        Ok(Loaded {
            identity,
            accounts: named("account, local_group or group_member", accounts)?,
            shares: named("share", shares_changes::load(database))?,
            quotas: named("a quota_ table", quotas_changes::load(database))?,
            namespaces: named(
                "dfs_namespace, dfs_folder, dfs_target or dfs_root_target",
                dfs_changes::load(database),
            )?,
            membership: named(
                "membership, machine_password, service_key or server_alias",
                domain_changes::load(database),
            )?,
            server: named("server_settings", server::load(database))?,
            api_tokens: named("api_token", api_tokens::load(database))?,
        })
    }
}

/// A row that does not fit, or a file that is no database, is damage of `what` and no failure of SQLite.
pub(super) fn named<T>(what: &'static str, read: Result<T, StateError>) -> Result<T, StateError> {
    use rusqlite::Error;
    read.map_err(|error| {
        let is_damage = match &error {
            StateError::Database(
                Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
                | Error::Utf8Error(..),
            ) => true,
            StateError::Database(Error::SqliteFailure(failure, _)) => {
                matches!(failure.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
            }
            _ => false,
        };
        if !is_damage {
            return error;
        }
        tracing::error!(%error, what, "the state database cannot be read");
        StateError::Damaged { what }
    })
}
