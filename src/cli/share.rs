//! `freehold share`: shares and who may connect to them.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request, ShareOptions, ShareRight};
use crate::config::AuditOption;
use crate::state::CachingMode;

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = ["Name", "Volume", "Path", "Encrypt", "Access", "Comment"];

/// Arguments of `freehold share`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold share add Projects --volume data --path projects --comment \"All projects\"\n  \
                        freehold share add Payroll --volume data --path payroll --encrypt --access \"D:(A;;FA;;;BA)\"\n  \
                        freehold share grant Projects engineers change\n  \
                        freehold share grant Projects Everyone read\n  \
                        freehold share set Projects --access-based-enumeration true --audit failure\n  \
                        freehold share list -o json\n\n\
                        A share's access decides who may connect; what happens to files is decided by their own descriptors.\n\
                        A new share lets administrators (full) and everybody who logs on (change) connect."
)]
pub(super) enum ShareCommand {
    /// Make a share; a folder that is missing is made
    Add(AddArgs),
    /// Change a share; what is not named stays
    Set(SetArgs),
    /// Remove a share; the files stay
    Remove(RemoveArgs),
    /// Let an account or group connect, in place of the right it had
    Grant(GrantArgs),
    /// Take away an account's or group's entry
    Revoke(RevokeArgs),
    /// List shares
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the share; one that ends in $ is left out when people browse
    name: String,
    /// Volume of the configuration
    #[arg(long, value_name = "NAME")]
    volume: String,
    /// Folder within the volume [default: the volume's root]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Comment shown in listings
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Who may connect, as SDDL such as D:(A;;FA;;;BA)
    #[arg(long, value_name = "SDDL")]
    access: Option<String>,
    /// Answer encrypted requests only
    #[arg(long)]
    encrypt: bool,
    /// Leave out of listings what a user cannot read
    #[arg(long, alias = "access-based")]
    access_based_enumeration: bool,
    /// What clients may keep for offline use
    #[arg(long, value_parser = caching_mode, value_name = "manual|documents|programs|none")]
    caching: Option<CachingMode>,
    /// Keep clients' handles over a restart of the server; each write waits for the disk
    #[arg(long)]
    continuously_available: bool,
    /// Most users at a time; 0 for no limit
    #[arg(long, value_name = "NUMBER")]
    max_users: Option<u32>,
    /// Accesses through it that are recorded in the audit log
    #[arg(long, value_parser = audit_option, value_name = "none|success|failure|all")]
    audit: Option<AuditOption>,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Name of the share
    name: String,
    /// Volume of the configuration
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// Folder within the volume
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Comment shown in listings
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Who may connect, as SDDL such as D:(A;;FA;;;BA)
    #[arg(long, value_name = "SDDL")]
    access: Option<String>,
    /// Answer encrypted requests only
    #[arg(long, value_name = "true|false")]
    encrypt: Option<bool>,
    /// Leave out of listings what a user cannot read
    #[arg(long, alias = "access-based", value_name = "true|false")]
    access_based_enumeration: Option<bool>,
    /// What clients may keep for offline use
    #[arg(long, value_parser = caching_mode, value_name = "manual|documents|programs|none")]
    caching: Option<CachingMode>,
    /// Keep clients' handles over a restart of the server; each write waits for the disk
    #[arg(long, value_name = "true|false")]
    continuously_available: Option<bool>,
    /// Most users at a time; 0 for no limit
    #[arg(long, value_name = "NUMBER")]
    max_users: Option<u32>,
    /// Accesses through it that are recorded in the audit log
    #[arg(long, value_parser = audit_option, value_name = "none|success|failure|all")]
    audit: Option<AuditOption>,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name of the share
    name: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// Name of the share
    name: String,
    /// Account, group, SID, or Everyone, "Authenticated Users"
    account: String,
    /// The right
    #[arg(value_enum)]
    right: ShareRight,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// Name of the share
    name: String,
    /// Account, group, SID, or Everyone, "Authenticated Users"
    account: String,
    #[command(flatten)]
    change: ChangeOptions,
}

fn caching_mode(text: &str) -> Result<CachingMode, String> {
    CachingMode::ALL
        .into_iter()
        .find(|mode| mode.word() == text)
        .ok_or_else(|| "expected manual, documents, programs or none".to_owned())
}

fn audit_option(text: &str) -> Result<AuditOption, String> {
    AuditOption::ALL
        .into_iter()
        .find(|option| option.word() == text)
        .ok_or_else(|| "expected none, success, failure or all".to_owned())
}

pub(super) fn run(command: ShareCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        ShareCommand::List(form) => list(form, options),
        ShareCommand::Add(arguments) => add(arguments, options),
        ShareCommand::Set(arguments) => set(arguments, options),
        ShareCommand::Remove(RemoveArgs { name, force, change }) => {
            if !change.what_if {
                target::confirm(force, &format!("Remove the share {name}"))?;
            }
            let done = format!("The share {name} is removed; its files stay.");
            let what = format!("the share {name} would be removed");
            finish(change, &what, options, Request::ShareRemove { name }, &done)
        }
        ShareCommand::Grant(GrantArgs { name, account, right, change }) => {
            let word = format!("{right:?}").to_lowercase();
            let what = format!("{account} would get the right {word} on {name}");
            let done = format!("{account} has the right {word} on {name}.");
            finish(change, &what, options, Request::ShareGrant { name, account, right }, &done)
        }
        ShareCommand::Revoke(RevokeArgs { name, account, change }) => {
            let what = format!("the entry of {account} on {name} would be removed");
            let done = format!("{account} has no entry of its own on {name} any more.");
            finish(change, &what, options, Request::ShareRevoke { name, account }, &done)
        }
    }
}

fn finish(
    change: ChangeOptions,
    what: &str,
    options: &ServerOptions,
    request: Request,
    done: &str,
) -> anyhow::Result<()> {
    if change.only_says(what) {
        return Ok(());
    }
    target::call(options, request)?;
    super::say(done);
    Ok(())
}

fn add(arguments: AddArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let AddArgs {
        name,
        volume,
        path,
        comment,
        access,
        encrypt,
        access_based_enumeration,
        caching,
        continuously_available,
        max_users,
        audit,
        change,
    } = arguments;
    let settings = ShareOptions {
        path,
        comment,
        access,
        encrypt: Some(encrypt),
        access_based_enumeration: Some(access_based_enumeration),
        caching,
        continuously_available: Some(continuously_available),
        max_users,
        audit,
    };
    let what = format!("the share {name} would be made on the volume {volume}");
    let done = format!("The share {name} is made.");
    finish(change, &what, options, Request::ShareAdd { name, volume, settings }, &done)
}

fn set(arguments: SetArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let SetArgs {
        name,
        volume,
        path,
        comment,
        access,
        encrypt,
        access_based_enumeration,
        caching,
        continuously_available,
        max_users,
        audit,
        change,
    } = arguments;
    let settings = ShareOptions {
        path,
        comment,
        access,
        encrypt,
        access_based_enumeration,
        caching,
        continuously_available,
        max_users,
        audit,
    };
    let what = format!("the share {name} would be changed");
    let done = format!("The share {name} is changed.");
    finish(change, &what, options, Request::ShareSet { name, volume, settings }, &done)
}

fn list(form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::ShareList)? {
        Reply::Shares(rows) => output::print(&rows, &COLUMNS, form.format),
        other => Err(target::unexpected(&other)),
    }
}
