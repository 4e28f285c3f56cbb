//! `freehold check`: every mistake of a configuration file, without starting anything.

use super::ServerOptions;
use crate::config::Config;

pub(super) fn run(options: &ServerOptions) -> anyhow::Result<()> {
    let path = options.config_path();
    let config = Config::load(&path)?;
    let count = config.volumes.len();
    let noun = if count == 1 { "volume" } else { "volumes" };
    super::say(&format!("{}: no mistakes found ({count} {noun})", path.display()));
    Ok(())
}
