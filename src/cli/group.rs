//! `freehold group`: local groups.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 4] = ["Name", "BuiltIn", "Members", "Comment"];

/// Arguments of `freehold group`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold group add engineers --comment \"Who builds it\"\n  \
                        freehold group set engineers --comment \"Who builds it\"\n  \
                        freehold group add-member engineers anna\n  \
                        freehold group add-member Administrators bob\n  freehold group list")]
pub(super) enum GroupCommand {
    /// Make a group
    #[command(after_help = "Examples:\n  freehold group add engineers --comment \"Who builds it\"")]
    Add(AddArgs),
    /// Change a group
    #[command(after_help = "Examples:\n  freehold group set engineers --comment \"Who builds it\"")]
    Set(SetArgs),
    /// Remove a group; its members stay
    #[command(
        after_help = "Examples:\n  freehold group remove engineers\n  freehold group remove engineers --force"
    )]
    Remove(RemoveArgs),
    /// Put an account, a group or a SID into a group
    #[command(
        after_help = "Examples:\n  freehold group add-member engineers anna\n  freehold group add-member Administrators 'CORP\\Server Admins'"
    )]
    AddMember(MemberArgs),
    /// Take an account, a group or a SID out of a group
    #[command(
        after_help = "Examples:\n  freehold group remove-member engineers anna\n  freehold group remove-member engineers S-1-5-21-1004336348-1177238915-682003330-1103"
    )]
    RemoveMember(MemberArgs),
    /// List groups
    #[command(after_help = "Examples:\n  freehold group list\n  freehold group list -o json")]
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the group
    name: String,
    /// Comment
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    comment: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Name of the group
    name: String,
    /// New comment
    #[arg(long, value_name = "TEXT")]
    comment: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name of the group
    name: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct MemberArgs {
    /// Name of the group
    group: String,
    /// Account, group or SID
    member: String,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(command: GroupCommand, options: &ServerOptions) -> anyhow::Result<()> {
    let (change, what, done, request) = match command {
        GroupCommand::List(form) => {
            return match target::call(options, Request::GroupList)? {
                Reply::Groups(rows) => output::print(&rows, &COLUMNS, form.format),
                other => Err(target::unexpected(&other)),
            };
        }
        GroupCommand::Add(AddArgs { name, comment, change }) => (
            change,
            format!("the group {name} would be made"),
            format!("The group {name} is made."),
            Request::GroupAdd { name, comment },
        ),
        GroupCommand::Set(SetArgs { name, comment, change }) => (
            change,
            format!("the group {name} would be changed"),
            format!("The group {name} is changed."),
            Request::GroupSet { name, comment: Some(comment) },
        ),
        GroupCommand::Remove(RemoveArgs { name, force, change }) => {
            if !change.what_if {
                target::confirm(force, &format!("Remove the group {name}"))?;
            }
            (
                change,
                format!("the group {name} would be removed"),
                format!("The group {name} is removed."),
                Request::GroupRemove { name },
            )
        }
        GroupCommand::AddMember(MemberArgs { group, member, change }) => (
            change,
            format!("{member} would be put into {group}"),
            format!("{member} is in {group}."),
            Request::GroupAddMember { name: group, member },
        ),
        GroupCommand::RemoveMember(MemberArgs { group, member, change }) => (
            change,
            format!("{member} would be taken out of {group}"),
            format!("{member} is not in {group} any more."),
            Request::GroupRemoveMember { name: group, member },
        ),
    };
    if change.only_says(&what) {
        return Ok(());
    }
    target::call(options, request)?;
    super::say(&done);
    Ok(())
}
