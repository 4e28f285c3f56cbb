//! `freehold dfs namespace`: shares of this server that are the root of a namespace.

use clap::{Args, Subcommand};

use super::dfs::{ask, change, unexpected};
use super::output::OutputOptions;
use super::password::LogonPasswordOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::dfs_protocol::{DfsNamespaceRow, DfsReply, DfsRequest, DfsState, NamespaceOptions};
use crate::admin::domain_protocol::DomainLogon;

/// Columns of the table and of CSV.
const COLUMNS: [&str; 7] = ["Path", "Type", "State", "TimeToLiveSec", "Folders", "Properties", "Description"];

/// Arguments of `freehold dfs namespace`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold dfs namespace add files --volume data --path dfs/files --description \"All files\"\n  \
                        freehold dfs namespace set files --ttl 600 --target-failback true\n  \
                        freehold dfs namespace list -o json\n\n\
                        The root of a namespace is a share of its name: with --volume it is made, without it must be there."
)]
pub(super) enum NamespaceCommand {
    /// Make a namespace
    #[command(
        after_help = "Examples:\n  freehold dfs namespace add files --volume data --path dfs/files\n  \
                            freehold dfs namespace add Projects --description \"A share that is there\" --access-based-enumeration true\n  \
                            freehold dfs namespace add files --domain --volume data --path dfs/files\n  \
                            freehold dfs namespace add files --domain --volume data --user Administrator\n\n\
                            --domain keeps it in the directory, for \\\\domain\\files: the account that changes it needs rights on \
                            CN=Dfs-Configuration,CN=System there."
    )]
    Add(AddArgs),
    /// Change a namespace; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold dfs namespace set files --ttl 600 --insite-referrals false\n  \
                            freehold dfs namespace set files --state offline --what-if"
    )]
    Set(SetArgs),
    /// Remove a namespace with its folders; the share and what the targets hold stay
    #[command(after_help = "Examples:\n  freehold dfs namespace remove files --force\n\n\
                            Of a namespace of the domain this server goes out of the root targets; with the last one the namespace \
                            and its folders leave the directory.")]
    Remove(RemoveArgs),
    /// List namespaces
    #[command(after_help = "Examples:\n  freehold dfs namespace list\n  freehold dfs namespace list -o csv")]
    List(OutputOptions),
    /// Show a namespace
    #[command(after_help = "Examples:\n  freehold dfs namespace show files -o json")]
    Show(ShowArgs),
}

/// What a namespace can be given when it is made and later.
#[derive(Debug, Args)]
struct CommonArgs {
    /// Comment
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Is the namespace given to clients?
    #[arg(long, value_enum, ignore_case = true)]
    state: Option<DfsState>,
    /// How long clients keep a referral to the root, in seconds [default: 300]
    #[arg(long, alias = "time-to-live-sec", value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Clients get targets of their own site only
    #[arg(long, alias = "enable-insite-referrals", value_name = "true|false")]
    insite_referrals: Option<bool>,
    /// Targets outside of the client's site come in the order of their cost
    #[arg(long, alias = "enable-site-costing", value_name = "true|false")]
    site_costing: Option<bool>,
    /// Root servers need not ask the domain's first controller for changes
    #[arg(long, alias = "enable-root-scalability", value_name = "true|false")]
    root_scalability: Option<bool>,
    /// Users see the folders only that they may read
    #[arg(long, alias = "enable-access-based-enumeration", value_name = "true|false")]
    access_based_enumeration: Option<bool>,
    /// Clients go back to a better target that is there again
    #[arg(long, alias = "enable-target-failback", value_name = "true|false")]
    target_failback: Option<bool>,
}

impl CommonArgs {
    fn into_options(self) -> NamespaceOptions {
        NamespaceOptions {
            description: self.description,
            state: self.state,
            time_to_live_sec: self.ttl,
            enable_insite_referrals: self.insite_referrals,
            enable_site_costing: self.site_costing,
            enable_root_scalability: self.root_scalability,
            enable_access_based_enumeration: self.access_based_enumeration,
            enable_target_failback: self.target_failback,
        }
    }
}

/// Who changes the directory.
#[derive(Debug, Args)]
struct LogonArgs {
    /// Who changes the directory, for a namespace of the domain: name, name@domain or DOMAIN\name [default: this server's account]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    password: LogonPasswordOptions,
}

impl LogonArgs {
    fn obtain(&self) -> anyhow::Result<Option<DomainLogon>> {
        let Some(user) = &self.user else {
            anyhow::ensure!(!self.password.is_given(), "a password is of somebody: add --user");
            return Ok(None);
        };
        Ok(Some(DomainLogon { user: user.clone(), password: self.password.obtain(user)? }))
    }
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the namespace, which is its share's
    name: String,
    /// Make the share too, on this volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// Folder of that share within the volume; made when it is missing
    #[arg(long, value_name = "PATH", requires = "volume")]
    path: Option<String>,
    /// Keep it in the directory of the domain, for every server that holds its root; one that is there already gets this server too
    #[arg(long)]
    domain: bool,
    #[command(flatten)]
    logon: LogonArgs,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Name of the namespace
    name: String,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name of the namespace
    name: String,
    #[command(flatten)]
    logon: LogonArgs,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Name of the namespace
    name: String,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(command: NamespaceCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        NamespaceCommand::Add(AddArgs { name, volume, path, domain, logon, common, change: only }) => {
            let what = format!(
                "the namespace {name} would be made{}",
                if domain { " in the directory of the domain" } else { "" }
            );
            let done = match domain {
                false => format!("The namespace {name} is made."),
                true => format!("The namespace {name} of the domain is served."),
            };
            if only.only_says(&what) {
                return Ok(());
            }
            let (settings, logon) = (common.into_options(), logon.obtain()?);
            let request = DfsRequest::AddNamespace { name, volume, path, settings, domain, logon };
            change(only, &what, options, request, &done)
        }
        NamespaceCommand::Set(SetArgs { name, common, change: only }) => {
            let what = format!("the namespace {name} would be changed");
            let done = format!("The namespace {name} is changed.");
            let settings = common.into_options();
            change(only, &what, options, DfsRequest::SetNamespace { name, settings }, &done)
        }
        NamespaceCommand::Remove(RemoveArgs { name, logon, force, change: only }) => {
            if !only.what_if {
                target::confirm(force, &format!("Remove the namespace {name} with its folders"))?;
            }
            let what = format!("the namespace {name} would be removed with its folders");
            let done = format!("The namespace {name} is removed; its share stays.");
            if only.only_says(&what) {
                return Ok(());
            }
            let logon = logon.obtain()?;
            change(only, &what, options, DfsRequest::RemoveNamespace { name, logon }, &done)
        }
        NamespaceCommand::List(form) => output::print(&rows(options, None)?, &COLUMNS, form.format),
        NamespaceCommand::Show(ShowArgs { name, form }) => match rows(options, Some(name))?.first() {
            Some(row) => output::print_one(row, &COLUMNS, form.format),
            None => Ok(()),
        },
    }
}

fn rows(options: &ServerOptions, name: Option<String>) -> anyhow::Result<Vec<DfsNamespaceRow>> {
    match ask(options, DfsRequest::Namespaces { name })? {
        DfsReply::Namespaces(rows) => Ok(rows),
        other => Err(unexpected(other)),
    }
}
