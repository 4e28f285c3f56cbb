//! `freehold.toml`: what is fixed when the server starts, read once, checked whole, then passed on as plain data.
//!
//! Owns the [`Config`] types and the way from text to them. A file is read to its end before anything is refused, so
//! that [`ConfigError`] lists every mistake with its line and column, and each message names the setting, what was
//! found and what is allowed. Nobody reads settings by name later on.
//!
//! Knows nothing of sockets, the state database or the protocol. The only things it asks of the machine are those that
//! [`Config::load`] needs to judge a file: its text, whether a volume's folder is there, and the host's name.

mod api;
mod audit;
mod domain;
mod metrics;
mod mistake;
mod read;
mod sections;
mod settings;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use api::ApiConfig;
pub use audit::AuditConfig;
pub use domain::{DomainSettings, LdapProtection};
pub use metrics::MetricsConfig;
pub use mistake::{ConfigError, Mistake};
pub use sections::parse_address;
pub use settings::{
    AuditOption, Config, Dialect, DomainNtlm, EncryptionMode, KerberosConfig, Limits, LocalPrograms,
    LogConfig, LogFormat, NtlmConfig, OplockPolicy, SecurityConfig, ServerNames, VolumeConfig, WriteTimes,
};

/// Largest configuration file that is read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

impl Config {
    /// Reads and checks `path`, the folders that it names included. Relative paths in it count from its folder.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] when the file cannot be read, else [`ConfigError::Mistakes`] with all of them.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > MAX_CONFIG_BYTES {
            return Err(unreadable(std::io::Error::other(format!(
                "it has {length} bytes, at most {MAX_CONFIG_BYTES} are read"
            ))));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        sections::parse(&text, folder, &host_name(), sections::Folders::MustExist)
            .map_err(|mistakes| ConfigError::Mistakes { path: path.to_owned(), text, mistakes })
    }

    /// Checks `text` alone: relative paths count from `folder`, no folder needs to exist, a name that is not given is
    /// taken from `host_name`.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the text.
    pub fn parse(text: &str, folder: &Path, host_name: &str) -> Result<Config, Vec<Mistake>> {
        sections::parse(text, folder, host_name, sections::Folders::Unchecked)
    }
}

/// The name of this machine, `freehold` when the system does not tell.
#[must_use]
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "freehold".to_owned())
}
