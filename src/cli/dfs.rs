//! `freehold dfs`: namespaces, whose folders lie on several shares and servers.

use clap::{Args, Subcommand};

use super::dfs_folder::{self, FolderCommand};
use super::dfs_namespace::{self, NamespaceCommand};
use super::dfs_site::{self, SiteCommand};
use super::dfs_target::{self, TargetCommand};
use super::output::{Format, OutputOptions};
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::dfs_protocol::{DfsReply, DfsRequest, DfsResolution};
use crate::admin::protocol::{Reply, Request};

/// Columns of where a client goes.
const RESOLVED_COLUMNS: [&str; 8] = [
    "TargetPath",
    "LeadsTo",
    "SetBoundary",
    "ReferralPriorityClass",
    "ReferralPriorityRank",
    "Site",
    "SiteCost",
    "Reason",
];

/// Arguments of `freehold dfs`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold dfs namespace add files --volume data --path dfs/files\n  \
                        freehold dfs folder add 'files\\projects' --target '\\\\fs1\\projects' --target '\\\\fs2\\projects'\n  \
                        freehold dfs target set 'files\\projects' '\\\\fs2\\projects' --class global-low\n  \
                        freehold dfs resolve 'files\\projects\\plans' --client 10.0.0.7\n\n\
                        A path may be written with / in place of \\: files/projects, //fs1/projects.")]
pub(super) enum DfsCommand {
    /// Namespaces: shares of this server whose folders lead elsewhere
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Folders of namespaces
    #[command(subcommand)]
    Folder(FolderCommand),
    /// Where folders lead
    #[command(subcommand)]
    Target(TargetCommand),
    /// Sites of the directory, by which targets are ordered
    #[command(subcommand)]
    Site(SiteCommand),
    /// Say which referral a client would get, and why
    #[command(after_help = "Examples:\n  freehold dfs resolve 'files\\projects\\plans'\n  \
                            freehold dfs resolve '\\\\server\\files\\projects' --client 10.0.0.7 -o json")]
    Resolve(ResolveArgs),
}

/// Arguments of `freehold dfs resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// Any path in a namespace
    path: String,
    /// Address of the client
    #[arg(long, value_name = "IP")]
    client: Option<std::net::IpAddr>,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(command: DfsCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        DfsCommand::Namespace(command) => dfs_namespace::run(command, options),
        DfsCommand::Folder(command) => dfs_folder::run(command, options),
        DfsCommand::Target(command) => dfs_target::run(command, options),
        DfsCommand::Site(command) => dfs_site::run(command, options),
        DfsCommand::Resolve(ResolveArgs { path, client, form }) => {
            let client = client.map(|address| address.to_string());
            match ask(options, DfsRequest::Resolve { path, client })? {
                DfsReply::Resolution(resolution) => show(&resolution, form.format),
                other => Err(unexpected(other)),
            }
        }
    }
}

fn show(resolution: &DfsResolution, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => super::say(&serde_json::to_string_pretty(resolution)?),
        Format::Jsonl => super::say(&serde_json::to_string(resolution)?),
        Format::Csv => output::print(&resolution.targets, &RESOLVED_COLUMNS, format)?,
        Format::Table => {
            for reason in &resolution.reasons {
                super::say(reason);
            }
            if !resolution.targets.is_empty() {
                output::print(&resolution.targets, &RESOLVED_COLUMNS, format)?;
            }
        }
    }
    Ok(())
}

/// Has a request about namespaces carried out.
pub(super) fn ask(options: &ServerOptions, request: DfsRequest) -> anyhow::Result<DfsReply> {
    match target::call(options, Request::Dfs { request })? {
        Reply::Dfs(reply) => Ok(reply),
        other => Err(target::unexpected(&other)),
    }
}

/// The answer does not belong to the request.
pub(super) fn unexpected(reply: DfsReply) -> anyhow::Error {
    target::unexpected(&Reply::Dfs(reply))
}

/// Makes a change and says so, or says what would be.
pub(super) fn change(
    change: ChangeOptions,
    what: &str,
    options: &ServerOptions,
    request: DfsRequest,
    done: &str,
) -> anyhow::Result<()> {
    if change.only_says(what) {
        return Ok(());
    }
    match ask(options, request)? {
        DfsReply::Done => super::say(done),
        other => return Err(unexpected(other)),
    }
    Ok(())
}
