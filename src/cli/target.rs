//! Where a request goes: to the running server, or to the state of one that does not run.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::ServerOptions;
use crate::admin::protocol::{Reply, Request};
use crate::admin::{AdminService, Client};
use crate::config::Config;
use crate::state::{State, StateError};

/// Something that executes requests.
pub(super) enum Target {
    /// The server runs.
    Running(Client),
    /// It does not: its state is open here. With the parts of its last answer that were not taken yet.
    Stopped(AdminService, VecDeque<Reply>),
}

impl Target {
    pub(super) fn open(options: &ServerOptions) -> anyhow::Result<Target> {
        if let Some(socket) = &options.socket {
            let client = Client::connect(socket).with_context(|| {
                format!("no server answers on {}; start it, or name its --config instead", socket.display())
            })?;
            return Ok(Target::Running(client));
        }
        let config = Config::load(&options.config_path())?;
        match Client::connect(&config.admin_socket) {
            Ok(client) => Ok(Target::Running(client)),
            Err(error) if is_nobody_there(&error) => Self::open_state(config),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "cannot use the administration socket {}; run this as root or as the account that the server runs as",
                    config.admin_socket.display()
                )
            }),
        }
    }

    fn open_state(config: Config) -> anyhow::Result<Target> {
        let state = State::open(&config.state_dir).map_err(|error| match error {
            StateError::InUse { .. } => anyhow::anyhow!(
                "the server runs, but nobody answers on its administration socket {}: wait until it has started, or name the socket with --socket",
                config.admin_socket.display()
            ),
            other => other.into(),
        })?;
        state.set_configured((&config).into());
        state.set_volumes(config.volumes);
        Ok(Target::Stopped(AdminService::new(Arc::new(state)), VecDeque::new()))
    }

    /// Executes `request`; a refusal becomes an error.
    pub(super) fn call(&mut self, request: Request) -> anyhow::Result<Reply> {
        let reply = match self {
            Target::Running(client) => client.call(&request)?,
            Target::Stopped(service, parts) => {
                parts.clear();
                service.execute_in_parts(request, &mut |reply| {
                    parts.push_back(reply);
                    true
                });
                parts.pop_front().ok_or_else(no_further_part)?
            }
        };
        accepted(reply)
    }

    /// The next part of an answer in parts.
    pub(super) fn next_part(&mut self) -> anyhow::Result<Reply> {
        match self {
            Target::Running(client) => accepted(client.next_part()?),
            Target::Stopped(_, parts) => accepted(parts.pop_front().ok_or_else(no_further_part)?),
        }
    }
}

fn no_further_part() -> anyhow::Error {
    anyhow::anyhow!("the answer has no further part")
}

/// A refusal is an error.
fn accepted(reply: Reply) -> anyhow::Result<Reply> {
    match reply {
        Reply::Refused { message } => Err(anyhow::anyhow!(message)),
        reply => Ok(reply),
    }
}

fn is_nobody_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Opens the target of `options` and executes one request.
pub(super) fn call(options: &ServerOptions, request: Request) -> anyhow::Result<Reply> {
    Target::open(options)?.call(request)
}

/// The reply was not the one that belongs to the request.
pub(super) fn unexpected(reply: &Reply) -> anyhow::Error {
    anyhow::anyhow!("the server answered something else than was asked: {reply:?}")
}

/// Asks before something is lost: on a terminal with a question, otherwise only `--force` will do.
pub(super) fn confirm(force: bool, what: &str) -> anyhow::Result<()> {
    confirm_by(force, what, "--force")
}

/// As [`confirm`], by another option.
pub(super) fn confirm_by(given: bool, what: &str, option: &str) -> anyhow::Result<()> {
    use io::IsTerminal as _;
    if given {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        anyhow::bail!("{what} needs a confirmation: add {option}");
    }
    eprint!("{what}? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { anyhow::bail!("nothing was done") }
}

/// The absolute form of a path from the command line.
pub(super) fn absolute(path: &std::path::Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))
}
