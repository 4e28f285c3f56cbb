//! `freehold share`: shares and who may connect to them.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{CachingMode, FolderEnumerationMode, Reply, Request, ShareOptions, ShareRight};
use crate::config::AuditOption;

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = ["Name", "Volume", "Path", "EncryptData", "SecurityDescriptor", "Description"];
/// Columns of who may connect.
const ACCESS_COLUMNS: [&str; 4] = ["Name", "AccountName", "AccessControlType", "AccessRight"];

/// Arguments of `freehold share`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold share add Projects --volume data --path projects --description \"All projects\"\n  \
                        freehold share add Payroll --volume data --path payroll --encrypt --full-access 'CORP\\payroll'\n  \
                        freehold share grant Projects engineers change\n  \
                        freehold share block Projects 'CORP\\interns'\n  \
                        freehold share access Projects\n  \
                        freehold share set Projects --access-based-enumeration true --audit failure\n  \
                        freehold share list -o json\n\n\
                        A share's access decides who may connect; what happens to files is decided by their own descriptors.\n\
                        A new share lets administrators (full) and everybody who logs on (change) connect."
)]
pub(super) enum ShareCommand {
    /// Make a share; a folder that is missing is made
    #[command(after_help = "Examples:\n  freehold share add Projects --volume data --path projects\n  \
                            freehold share add Payroll --volume data --path payroll --encrypt --full-access payroll --no-access interns\n  \
                            freehold share add VMs --volume data --path vms --continuously-available --ca-timeout 120\n  \
                            freehold share add Home --volume data --path 'users/{user}'\n\n\
                            A path can hold {user}, {domain}, {sid}, {client} (address) and {time} (of the connect, in UTC): each who connects is\n\
                            led to a folder of their own, made at the first connect. The folder of {user} or {sid} is that user's alone.")]
    Add(AddArgs),
    /// Change a share; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold share set Projects --description \"All projects\" --max-users 50\n  \
                            freehold share set Payroll --encrypt true --caching none\n  \
                            freehold share set Payroll --access \"D:(A;;FA;;;BA)\" --what-if\n\n\
                            Clients see most changes when they connect anew."
    )]
    Set(SetArgs),
    /// Remove a share; the files stay
    #[command(
        after_help = "Examples:\n  freehold share remove Projects\n  freehold share remove Projects --force"
    )]
    Remove(RemoveArgs),
    /// Let an account or group connect, in place of the right it was allowed
    #[command(after_help = "Examples:\n  freehold share grant Projects engineers change\n  \
                            freehold share grant Projects 'CORP\\alice' full\n  freehold share grant Projects Everyone read")]
    Grant(GrantArgs),
    /// Take away what an account or group was allowed
    #[command(after_help = "Examples:\n  freehold share revoke Projects Everyone\n\n\
                            What is kept from an account by `freehold share block` stays so.")]
    Revoke(AccountArgs),
    /// Keep an account or group out, whatever it and its groups are allowed
    #[command(
        after_help = "Examples:\n  freehold share block Projects interns\n  freehold share block Projects 'CORP\\mallory' --what-if"
    )]
    Block(AccountArgs),
    /// Take back what kept an account or group out
    #[command(after_help = "Examples:\n  freehold share unblock Projects interns")]
    Unblock(AccountArgs),
    /// List who may connect
    #[command(after_help = "Examples:\n  freehold share access Projects\n  freehold share access -o csv")]
    Access(AccessArgs),
    /// List shares
    #[command(after_help = "Examples:\n  freehold share list\n  freehold share list -o json")]
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AccessArgs {
    /// Name of the share [default: all]
    name: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

/// What a share can be given when it is made and later.
#[derive(Debug, Args)]
struct CommonArgs {
    /// Folder within the volume, which can hold {user} and other variables [default: the volume's root]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Comment shown in listings
    #[arg(long, alias = "comment", value_name = "TEXT")]
    description: Option<String>,
    /// Who may connect, as SDDL such as D:(A;;FA;;;BA)
    #[arg(long, alias = "security-descriptor", value_name = "SDDL")]
    access: Option<String>,
    /// Who may connect with full access; with any of the four lists, nobody else may
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',', conflicts_with = "access")]
    full_access: Vec<String>,
    /// Who may read, write and delete
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',', conflicts_with = "access")]
    change_access: Vec<String>,
    /// Who may read
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',', conflicts_with = "access")]
    read_access: Vec<String>,
    /// Who may not connect, whatever else is said
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',', conflicts_with = "access")]
    no_access: Vec<String>,
    /// What clients may keep for offline use
    #[arg(long, alias = "caching-mode", value_parser = caching_mode, value_name = "manual|documents|programs|none")]
    caching: Option<CachingMode>,
    /// How long persistent handles wait for their client, in seconds, where the client does not say; 0 for the server's default
    #[arg(long, value_name = "SECONDS")]
    ca_timeout: Option<u32>,
    /// Most users at a time; 0 for no limit
    #[arg(long, alias = "concurrent-user-limit", value_name = "NUMBER")]
    max_users: Option<u32>,
    /// Accesses through it that are recorded in the audit log
    #[arg(long, value_parser = audit_option, value_name = "none|success|failure|all")]
    audit: Option<AuditOption>,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the share; one that ends in $ is left out when people browse
    name: String,
    /// Volume of the configuration
    #[arg(long, value_name = "NAME")]
    volume: String,
    /// Answer encrypted requests only
    #[arg(long, alias = "encrypt-data")]
    encrypt: bool,
    /// Leave out of listings what a user cannot read
    #[arg(long, alias = "access-based")]
    access_based_enumeration: bool,
    /// Keep clients' handles over a restart of the server; each write waits for the disk
    #[arg(long)]
    continuously_available: bool,
    #[command(flatten)]
    common: CommonArgs,
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
    /// Answer encrypted requests only
    #[arg(long, alias = "encrypt-data", value_name = "true|false")]
    encrypt: Option<bool>,
    /// Leave out of listings what a user cannot read
    #[arg(long, alias = "access-based", value_name = "true|false")]
    access_based_enumeration: Option<bool>,
    /// Keep clients' handles over a restart of the server; each write waits for the disk
    #[arg(long, value_name = "true|false")]
    continuously_available: Option<bool>,
    #[command(flatten)]
    common: CommonArgs,
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
pub(super) struct AccountArgs {
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
        .find(|mode| mode.word().eq_ignore_ascii_case(text))
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
        ShareCommand::Revoke(AccountArgs { name, account, change }) => {
            let what = format!("what {account} is allowed on {name} would be taken away");
            let done = format!("{account} is allowed nothing of its own on {name} any more.");
            finish(change, &what, options, Request::ShareRevoke { name, account }, &done)
        }
        ShareCommand::Block(AccountArgs { name, account, change }) => {
            let what = format!("{account} would be kept out of {name}");
            let done = format!("{account} is kept out of {name}.");
            finish(change, &what, options, Request::ShareBlock { name, account }, &done)
        }
        ShareCommand::Unblock(AccountArgs { name, account, change }) => {
            let what = format!("{account} would not be kept out of {name} any more");
            let done = format!("{account} is not kept out of {name} any more.");
            finish(change, &what, options, Request::ShareUnblock { name, account }, &done)
        }
        ShareCommand::Access(AccessArgs { name, form }) => {
            match target::call(options, Request::ShareAccess { name })? {
                Reply::ShareAccess(rows) => output::print(&rows, &ACCESS_COLUMNS, form.format),
                other => Err(target::unexpected(&other)),
            }
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
    let AddArgs { name, volume, encrypt, access_based_enumeration, continuously_available, common, change } =
        arguments;
    let settings = ShareOptions {
        encrypt_data: Some(encrypt),
        folder_enumeration_mode: Some(FolderEnumerationMode::of(access_based_enumeration)),
        continuously_available: Some(continuously_available),
        ..common.into_options()
    };
    let what = format!("the share {name} would be made on the volume {volume}");
    let done = format!("The share {name} is made.");
    finish(change, &what, options, Request::ShareAdd { name, volume, settings }, &done)
}

fn set(arguments: SetArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let SetArgs { name, volume, encrypt, access_based_enumeration, continuously_available, common, change } =
        arguments;
    let settings = ShareOptions {
        encrypt_data: encrypt,
        folder_enumeration_mode: access_based_enumeration.map(FolderEnumerationMode::of),
        continuously_available,
        ..common.into_options()
    };
    let what = format!("the share {name} would be changed");
    let done = format!("The share {name} is changed.");
    finish(change, &what, options, Request::ShareSet { name, volume, settings }, &done)
}

impl CommonArgs {
    fn into_options(self) -> ShareOptions {
        let CommonArgs {
            path,
            description,
            access,
            full_access,
            change_access,
            read_access,
            no_access,
            caching,
            ca_timeout,
            max_users,
            audit,
        } = self;
        let given = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
        ShareOptions {
            path,
            description,
            security_descriptor: access,
            full_access: given(full_access),
            change_access: given(change_access),
            read_access: given(read_access),
            no_access: given(no_access),
            caching_mode: caching,
            ca_timeout,
            concurrent_user_limit: max_users,
            audit,
            ..ShareOptions::default()
        }
    }
}

fn list(form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    match target::call(options, Request::ShareList)? {
        Reply::Shares(rows) => output::print(&rows, &COLUMNS, form.format),
        other => Err(target::unexpected(&other)),
    }
}
