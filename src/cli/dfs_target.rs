//! `freehold dfs target`: where folders of namespaces lead.

use clap::{Args, Subcommand};

use super::dfs::{ask, change, unexpected};
use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::dfs_protocol::{
    DfsPriorityClass, DfsReply, DfsRequest, DfsState, DfsTargetRow, TargetOptions,
};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 5] = ["Path", "TargetPath", "State", "ReferralPriorityClass", "ReferralPriorityRank"];
/// Columns of what a test finds.
const TEST_COLUMNS: [&str; 6] = ["Path", "TargetPath", "State", "Answers", "Milliseconds", "Message"];

/// Arguments of `freehold dfs target`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold dfs target add 'files\\projects' '\\\\fs2\\projects' --class sitecost-low\n  \
                        freehold dfs target set 'files\\projects' '\\\\fs2\\projects' --state offline\n  \
                        freehold dfs target list files\n  freehold dfs target test files\n\n\
                        Classes: global-high before all others, sitecost-high, sitecost-normal and sitecost-low among those of\n\
                        one site cost, global-low behind all others. Among targets of one class lower ranks come first."
)]
pub(super) enum TargetCommand {
    /// Give a folder a further target
    #[command(
        after_help = "Examples:\n  freehold dfs target add 'files\\projects' '\\\\fs2\\projects' --class global-low --rank 3"
    )]
    Add(ChangeArgs),
    /// Change a target; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold dfs target set 'files\\projects' '\\\\fs2\\projects' --state offline --what-if"
    )]
    Set(ChangeArgs),
    /// Take a target from a folder that has others; what it holds stays
    #[command(
        after_help = "Examples:\n  freehold dfs target remove 'files\\projects' '\\\\fs2\\projects' --force"
    )]
    Remove(RemoveArgs),
    /// List targets
    #[command(
        after_help = "Examples:\n  freehold dfs target list 'files\\projects'\n  freehold dfs target list -o json"
    )]
    List(ListArgs),
    /// Show the targets of a folder
    #[command(after_help = "Examples:\n  freehold dfs target show 'files\\projects' -o json")]
    Show(ShowArgs),
    /// Ask each target's server whether it answers
    #[command(after_help = "Examples:\n  freehold dfs target test\n  freehold dfs target test files -o json")]
    Test(ListArgs),
}

/// What a target can be given when it is made and later.
#[derive(Debug, Args)]
pub(super) struct SettingArgs {
    /// Is the target given to clients?
    #[arg(long, alias = "target-state", value_enum, ignore_case = true)]
    state: Option<DfsState>,
    /// When it is taken among others
    #[arg(long, alias = "referral-priority-class", value_enum, ignore_case = true)]
    class: Option<DfsPriorityClass>,
    /// Among those of one class, lower ones come first: 0 to 31
    #[arg(long, alias = "referral-priority-rank", value_name = "NUMBER",
          value_parser = clap::value_parser!(u8).range(0..=31))]
    rank: Option<u8>,
}

impl SettingArgs {
    pub(super) const fn into_options(self) -> TargetOptions {
        TargetOptions {
            state: self.state,
            referral_priority_class: self.class,
            referral_priority_rank: self.rank,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    /// The folder
    path: String,
    /// The target: \\server\share or a folder below
    target_path: String,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The folder
    path: String,
    /// The target
    target_path: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// A namespace or a folder [default: all]
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

pub(super) fn run(command: TargetCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        TargetCommand::Add(ChangeArgs { path, target_path, settings, change: only }) => {
            let what = format!("the folder {path} would lead to {target_path} too");
            let done = format!("The folder {path} leads to {target_path} too.");
            let settings = settings.into_options();
            change(only, &what, options, DfsRequest::AddTarget { path, target_path, settings }, &done)
        }
        TargetCommand::Set(ChangeArgs { path, target_path, settings, change: only }) => {
            let what = format!("the target {target_path} of {path} would be changed");
            let done = format!("The target {target_path} of {path} is changed.");
            let settings = settings.into_options();
            change(only, &what, options, DfsRequest::SetTarget { path, target_path, settings }, &done)
        }
        TargetCommand::Remove(RemoveArgs { path, target_path, force, change: only }) => {
            if !only.what_if {
                target::confirm(force, &format!("Take the target {target_path} from {path}"))?;
            }
            let what = format!("the target {target_path} would be taken from {path}");
            let done = format!("The folder {path} does not lead to {target_path} any more.");
            change(only, &what, options, DfsRequest::RemoveTarget { path, target_path }, &done)
        }
        TargetCommand::List(ListArgs { path, form }) => {
            output::print(&rows(options, path)?, &COLUMNS, form.format)
        }
        TargetCommand::Show(ShowArgs { path, form }) => {
            output::print(&rows(options, Some(path))?, &COLUMNS, form.format)
        }
        TargetCommand::Test(ListArgs { path, form }) => match ask(options, DfsRequest::Test { path })? {
            DfsReply::Tests(rows) => {
                output::print(&rows, &TEST_COLUMNS, form.format)?;
                let silent = rows.iter().filter(|row| !row.answers).count();
                anyhow::ensure!(silent == 0, "{silent} of {} targets do not answer", rows.len());
                Ok(())
            }
            other => Err(unexpected(other)),
        },
    }
}

fn rows(options: &ServerOptions, path: Option<String>) -> anyhow::Result<Vec<DfsTargetRow>> {
    match ask(options, DfsRequest::Targets { path })? {
        DfsReply::Targets(rows) => Ok(rows),
        other => Err(unexpected(other)),
    }
}
