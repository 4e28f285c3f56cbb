//! `freehold domain lookup` and `freehold domain groups`: who is who, and who is in what.

use clap::Args;

use super::output::{self, OutputOptions};
use super::{ServerOptions, target};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const ACCOUNT_COLUMNS: [&str; 6] = ["Name", "Sid", "Type", "Source", "Enabled", "FullName"];
const GROUP_COLUMNS: [&str; 4] = ["Name", "Sid", "Type", "Source"];

/// Whom to look up.
#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    /// Name or SID: CORP\\alice, alice@corp.example, alice, S-1-5-21-...
    account: String,
    #[command(flatten)]
    form: OutputOptions,
}

/// Shows who has a name or a SID.
pub(super) fn lookup(arguments: LookupArgs, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::Lookup { account: arguments.account })? {
        Reply::Lookup(row) => output::print(&[*row], &ACCOUNT_COLUMNS, arguments.form.format),
        other => Err(target::unexpected(&other)),
    }
}

/// Shows the groups of an account.
pub(super) fn groups(arguments: LookupArgs, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::LookupGroups { account: arguments.account })? {
        Reply::LookupGroups(rows) => output::print(&rows, &GROUP_COLUMNS, arguments.form.format),
        other => Err(target::unexpected(&other)),
    }
}
