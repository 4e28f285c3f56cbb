//! `freehold dfs site`: the sites of the directory, by which targets are ordered.

use clap::{Args, Subcommand};

use super::dfs::{ask, unexpected};
use super::output::OutputOptions;
use super::{ServerOptions, output};
use crate::admin::dfs_protocol::{DfsReply, DfsRequest};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 7] = ["Name", "Subnets", "Links", "Servers", "From", "Cost", "ReadAt"];

/// Arguments of `freehold dfs site`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold dfs site list\n  freehold dfs site list --from 10.0.0.7 -o json\n\n\
                        A member of a domain reads sites, subnets and site links from the directory by itself. They are changed \
                        there,\n\
                        with Active Directory Sites and Services or samba-tool sites."
)]
pub(super) enum SiteCommand {
    /// List sites with their subnets, their servers of targets, and what the way to them costs
    #[command(
        after_help = "Examples:\n  freehold dfs site list\n  freehold dfs site list --from Berlin -o csv"
    )]
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Count costs from this site, or from the site of this address [default: this server's site]
    #[arg(long, value_name = "SITE|IP")]
    from: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(command: SiteCommand, options: &ServerOptions) -> anyhow::Result<()> {
    let SiteCommand::List(ListArgs { from, form }) = command;
    match ask(options, DfsRequest::Sites { from })? {
        DfsReply::Sites(rows) => {
            output::print(&rows, &COLUMNS, form.format)?;
            if let Some(row) = rows.first().filter(|row| !row.problem.is_empty()) {
                eprintln!("The sites could not be read since: {}", row.problem);
            }
            Ok(())
        }
        other => Err(unexpected(other)),
    }
}
