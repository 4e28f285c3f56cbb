//! `freehold serve`: the server, until SIGTERM or SIGINT.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::{ServerOptions, logging};
use crate::config::Config;
use crate::server::Ready;
use crate::state::State;

/// What still blocks once everything is closed is left behind after this time.
const LEFT_FOR: Duration = Duration::from_secs(10);

/// Arguments of `freehold serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold serve --config /etc/freehold/freehold.toml\n\n\
                        Signals: SIGTERM and SIGINT stop the server cleanly, SIGHUP reads shares and accounts again.")]
pub(super) struct ServeArgs {}

pub(super) fn run(_arguments: &ServeArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let mut config = Config::load(&options.config_path())?;
    if let Some(socket) = &options.socket {
        config.admin_socket = super::target::absolute(socket)?;
    }
    logging::start(&config.log)?;
    let state = State::open(&config.state_dir)?;
    run_server(config, Arc::new(state), |ready| {
        tracing::info!(address = %ready.smb, version = env!("CARGO_PKG_VERSION"), "ready to serve");
    })
}

/// Runs the server in this process until it is told to stop.
pub(super) fn run_server(
    config: Config,
    state: Arc<State>,
    ready: impl FnOnce(Ready) + Send,
) -> anyhow::Result<()> {
    state.set_volumes(config.volumes.clone());
    state.set_configured((&config).into());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the server's threads cannot be started")?;
    let ended = runtime.block_on(crate::server::run(config, state, ready));
    // Clients' work is done and on the disk. What is left are commands of administrators and names that a resolver is asked for.
    runtime.shutdown_timeout(LEFT_FOR);
    ended
}
