//! What requests about the whole server's settings do.

use super::protocol::{ServerConfigurationRow, ServerOptions};
use super::service::AdminService;
use crate::config::Dialect;
use crate::state::ServerSettings;

impl AdminService {
    /// What holds now.
    pub(super) fn server_configuration(&self) -> anyhow::Result<ServerConfigurationRow> {
        let configured = self
            .state()
            .configured()
            .ok_or_else(|| anyhow::anyhow!("the configuration file of this server is not known"))?;
        let set = self.state().server_settings();
        let overridden = [
            ("EncryptData", set.encrypt_data.is_some()),
            ("RejectUnencryptedAccess", set.reject_unencrypted.is_some()),
        ];
        Ok(ServerConfigurationRow {
            encrypt_data: set.encrypt_data.unwrap_or(configured.encrypt_data),
            reject_unencrypted_access: set.reject_unencrypted.unwrap_or(configured.reject_unencrypted),
            require_security_signature: configured.require_signing,
            smb2_dialect_min: dialect(configured.min_dialect).to_owned(),
            smb2_dialect_max: dialect(configured.max_dialect).to_owned(),
            announce_comment: configured.comment.clone(),
            max_session_per_connection: configured.sessions_per_connection,
            overridden: overridden
                .iter()
                .filter(|(_, set)| *set)
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        })
    }

    /// Sets what is given.
    pub(super) fn set_server(&self, options: ServerOptions) -> anyhow::Result<()> {
        let now = self.state().server_settings();
        self.state().set_server_settings(ServerSettings {
            encrypt_data: options.encrypt_data.or(now.encrypt_data),
            reject_unencrypted: options.reject_unencrypted_access.or(now.reject_unencrypted),
        })?;
        Ok(())
    }
}

const fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Smb202 => "2.0.2",
        Dialect::Smb210 => "2.1",
        Dialect::Smb300 => "3.0",
        Dialect::Smb302 => "3.0.2",
        Dialect::Smb311 => "3.1.1",
    }
}
