//! `freehold status`: who the server is.

use clap::Args;

use super::output::OutputOptions;
use super::{ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 8] =
    ["Version", "Running", "MachineSid", "ServerGuid", "Users", "Shares", "ApiAddresses", "ApiFingerprint"];

/// Arguments of `freehold status`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "Examples:\n  freehold status\n  freehold status -o json | jq -r '.Volumes[].Name'")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(arguments: StatusArgs, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::Status)? {
        Reply::Status(row) => output::print_one(&row, &COLUMNS, arguments.form.format),
        other => Err(target::unexpected(&other)),
    }
}
