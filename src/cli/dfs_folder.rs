//! `freehold dfs folder`: folders of namespaces, which lead elsewhere.

use clap::{Args, Subcommand};

use super::dfs::{ask, change, unexpected};
use super::dfs_target::SettingArgs;
use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::dfs_protocol::{DfsFolderRow, DfsReply, DfsRequest, DfsState, FolderOptions};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = ["Path", "State", "TimeToLiveSec", "TargetPaths", "Properties", "Description"];

/// Arguments of `freehold dfs folder`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold dfs folder add 'files\\projects' --target '\\\\fs1\\projects' --target '\\\\fs2\\projects'\n  \
                        freehold dfs folder add files/teams/red --target //fs1/teams/red --ttl 600\n  \
                        freehold dfs folder move 'files\\projects' 'files\\archive\\projects'\n  \
                        freehold dfs folder list files -o json\n\n\
                        The folder shows what its first target that answers holds. No folder lies below another."
)]
pub(super) enum FolderCommand {
    /// Make a folder with its targets
    #[command(
        after_help = "Examples:\n  freehold dfs folder add 'files\\projects' --target '\\\\fs1\\projects'\n  \
                            freehold dfs folder add files/teams/red --target //fs1/teams/red --target //fs2/teams/red --class sitecost-high"
    )]
    Add(AddArgs),
    /// Change a folder; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold dfs folder set 'files\\projects' --ttl 60 --target-failback true\n  \
                            freehold dfs folder set files/projects --state offline --what-if\n  \
                            freehold dfs folder set files/board --access 'D:P(A;;FA;;;BA)(A;;FR;;;S-1-5-21-1-2-3-1104)'"
    )]
    Set(SetArgs),
    /// Give a folder another place in its namespace
    #[command(
        after_help = "Examples:\n  freehold dfs folder move 'files\\projects' 'files\\archive\\projects'"
    )]
    Move(MoveArgs),
    /// Remove a folder with its targets; what they hold stays
    #[command(after_help = "Examples:\n  freehold dfs folder remove 'files\\projects' --force")]
    Remove(RemoveArgs),
    /// List the folders of a namespace, or of all
    #[command(after_help = "Examples:\n  freehold dfs folder list files\n  freehold dfs folder list -o csv")]
    List(ListArgs),
    /// Show a folder
    #[command(after_help = "Examples:\n  freehold dfs folder show 'files\\projects' -o json")]
    Show(ShowArgs),
}

/// What a folder can be given when it is made and later.
#[derive(Debug, Args)]
struct CommonArgs {
    /// Comment
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long clients keep a referral to it, in seconds [default: 1800]
    #[arg(long, alias = "time-to-live-sec", value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Clients get targets of their own site only
    #[arg(long, alias = "enable-insite-referrals", value_name = "true|false")]
    insite_referrals: Option<bool>,
    /// Clients go back to a better target that is there again
    #[arg(long, alias = "enable-target-failback", value_name = "true|false")]
    target_failback: Option<bool>,
    /// The only target is a namespace of another server, where clients ask again
    #[arg(long, value_name = "true|false")]
    interlink: Option<bool>,
    /// Who sees the folder where the namespace lists by access, as SDDL; "" for what its parent says
    #[arg(long, value_name = "SDDL")]
    access: Option<String>,
}

impl CommonArgs {
    fn into_options(self, state: Option<DfsState>) -> FolderOptions {
        FolderOptions {
            description: self.description,
            state,
            time_to_live_sec: self.ttl,
            enable_insite_referrals: self.insite_referrals,
            enable_target_failback: self.target_failback,
            interlink: self.interlink,
            security_descriptor: self.access,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The folder: namespace\folder
    path: String,
    /// Where it leads: \\server\share or a folder below; may be given several times
    #[arg(long = "target", alias = "target-path", required = true, value_name = "PATH")]
    targets: Vec<String>,
    /// Is the folder given to clients?
    #[arg(long = "folder-state", value_enum, ignore_case = true)]
    folder_state: Option<DfsState>,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The folder
    path: String,
    /// Is the folder given to clients?
    #[arg(long, value_enum, ignore_case = true)]
    state: Option<DfsState>,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct MoveArgs {
    /// The folder
    path: String,
    /// Its new path, in the same namespace
    new_path: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The folder
    path: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The namespace [default: all]
    path: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The folder
    path: String,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(command: FolderCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        FolderCommand::Add(arguments) => add(arguments, options),
        FolderCommand::Set(SetArgs { path, state, common, change: only }) => {
            let what = format!("the folder {path} would be changed");
            let done = format!("The folder {path} is changed.");
            let settings = common.into_options(state);
            change(only, &what, options, DfsRequest::SetFolder { path, settings }, &done)
        }
        FolderCommand::Move(MoveArgs { path, new_path, change: only }) => {
            let what = format!("the folder {path} would be moved to {new_path}");
            let done = format!("The folder {path} is at {new_path} now.");
            change(only, &what, options, DfsRequest::MoveFolder { path, new_path }, &done)
        }
        FolderCommand::Remove(RemoveArgs { path, force, change: only }) => {
            if !only.what_if {
                target::confirm(force, &format!("Remove the folder {path}"))?;
            }
            let what = format!("the folder {path} would be removed");
            let done = format!("The folder {path} is removed; what its targets hold stays.");
            change(only, &what, options, DfsRequest::RemoveFolder { path }, &done)
        }
        FolderCommand::List(ListArgs { path, form }) => {
            output::print(&rows(options, path)?, &COLUMNS, form.format)
        }
        FolderCommand::Show(ShowArgs { path, form }) => match rows(options, Some(path))?.first() {
            Some(row) => output::print_one(row, &COLUMNS, form.format),
            None => anyhow::bail!("it has no folders: name one of the namespace's folders"),
        },
    }
}

fn add(arguments: AddArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let AddArgs { path, targets, folder_state, common, settings, change: only } = arguments;
    let what = format!("the folder {path} would be made, leading to {}", targets.join(", "));
    let done = format!("The folder {path} is made.");
    let request = DfsRequest::AddFolder {
        path,
        target_paths: targets,
        settings: common.into_options(folder_state),
        targets: settings.into_options(),
    };
    change(only, &what, options, request, &done)
}

fn rows(options: &ServerOptions, path: Option<String>) -> anyhow::Result<Vec<DfsFolderRow>> {
    match ask(options, DfsRequest::Folders { path })? {
        DfsReply::Folders(rows) => Ok(rows),
        other => Err(unexpected(other)),
    }
}
