//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging for the rest of the process.
///
/// # Errors
/// When the level is not understood or logging was started before.
pub(super) fn start(config: &LogConfig) -> anyhow::Result<()> {
    // At no level: sspi writes keys when it traces, ldap3 entries of the directory when it warns.
    let filter = EnvFilter::try_new(&config.level)?
        .add_directive("sspi=off".parse()?)
        .add_directive("ldap3=off".parse()?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(super::output::colour_on_stderr()).try_init(),
    };
    outcome.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}
