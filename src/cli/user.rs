//! `freehold user`: local accounts.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::password::PasswordOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = ["Name", "Enabled", "Administrator", "FullName", "Groups", "PasswordSet"];

/// Arguments of `freehold user`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold user add anna --full-name \"Anna Berg\" --admin\n  \
                        freehold user add bob --password-file - < secret.txt\n  \
                        freehold user passwd anna --generate-password\n  \
                        freehold user disable bob\n  \
                        freehold user list -o json | jq '.[] | select(.Enabled)'")]
pub(super) enum UserCommand {
    /// Make an account
    #[command(
        after_help = "Examples:\n  freehold user add anna\n  freehold user add bob --admin --password-file - < secret.txt\n  freehold user add carl --group engineers --disabled"
    )]
    Add(AddArgs),
    /// Set an account's password
    #[command(
        after_help = "Examples:\n  freehold user passwd anna\n  freehold user passwd anna --generate-password"
    )]
    Passwd(PasswdArgs),
    /// Keep an account from logging on and end its sessions
    #[command(after_help = "Examples:\n  freehold user disable bob\n  freehold user disable bob --what-if")]
    Disable(NameArgs),
    /// Let a disabled account log on again
    #[command(after_help = "Examples:\n  freehold user enable bob")]
    Enable(NameArgs),
    /// Remove an account; its files stay
    #[command(after_help = "Examples:\n  freehold user remove bob\n  freehold user remove bob --force")]
    Remove(RemoveArgs),
    /// List accounts
    #[command(after_help = "Examples:\n  freehold user list\n  freehold user list -o csv")]
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the account: 1 to 20 characters
    name: String,
    /// Make it an administrator of this server
    #[arg(long)]
    admin: bool,
    /// Group to put it into besides Users; may be given more than once
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Full name
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    full_name: String,
    /// Comment
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    comment: String,
    /// Make it disabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    password: PasswordOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct PasswdArgs {
    /// Name of the account
    name: String,
    #[command(flatten)]
    password: PasswordOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// Name of the account
    name: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name of the account
    name: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(command: UserCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        UserCommand::Add(arguments) => add(arguments, options),
        UserCommand::Passwd(arguments) => set_password(&arguments, options),
        UserCommand::Disable(arguments) => set_disabled(arguments, true, options),
        UserCommand::Enable(arguments) => set_disabled(arguments, false, options),
        UserCommand::Remove(arguments) => remove(arguments, options),
        UserCommand::List(form) => list(form, options),
    }
}

fn add(arguments: AddArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let AddArgs { name, admin, mut groups, full_name, comment, disabled, password, change } = arguments;
    if change.only_says(&format!("the account {name} would be made")) {
        return Ok(());
    }
    if admin {
        groups.push("Administrators".to_owned());
    }
    let chosen = password.obtain(&name)?;
    let shown = chosen.generated.then(|| chosen.password.clone());
    let password = chosen.password;
    target::call(
        options,
        Request::UserAdd { name: name.clone(), password, full_name, comment, disabled, groups },
    )?;
    match shown {
        Some(password) => super::say(password.expose()),
        None => super::say(&format!("The account {name} is made.")),
    }
    Ok(())
}

fn set_password(arguments: &PasswdArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let name = arguments.name.clone();
    if arguments.change.only_says(&format!("the password of {name} would be set")) {
        return Ok(());
    }
    let chosen = arguments.password.obtain(&name)?;
    let shown = chosen.generated.then(|| chosen.password.clone());
    let password = Some(chosen.password);
    target::call(
        options,
        Request::UserSet { name: name.clone(), password, disabled: None, full_name: None, comment: None },
    )?;
    match shown {
        Some(password) => super::say(password.expose()),
        None => super::say(&format!("The password of {name} is set.")),
    }
    Ok(())
}

fn set_disabled(arguments: NameArgs, disabled: bool, options: &ServerOptions) -> anyhow::Result<()> {
    let NameArgs { name, change } = arguments;
    let verb = if disabled { "disabled" } else { "enabled" };
    if change.only_says(&format!("the account {name} would be {verb}")) {
        return Ok(());
    }
    let request = Request::UserSet {
        name: name.clone(),
        password: None,
        disabled: Some(disabled),
        full_name: None,
        comment: None,
    };
    target::call(options, request)?;
    super::say(&format!("The account {name} is {verb}."));
    Ok(())
}

fn remove(arguments: RemoveArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let RemoveArgs { name, force, change } = arguments;
    if change.only_says(&format!("the account {name} would be removed")) {
        return Ok(());
    }
    target::confirm(force, &format!("Remove the account {name}"))?;
    target::call(options, Request::UserRemove { name: name.clone() })?;
    super::say(&format!("The account {name} is removed."));
    Ok(())
}

fn list(form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::UserList)? {
        Reply::Users(rows) => output::print(&rows, &COLUMNS, form.format),
        other => Err(target::unexpected(&other)),
    }
}
