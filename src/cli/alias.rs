//! `freehold alias`: further names of this server in its domain.

use clap::{Args, Subcommand};

use super::output::{self, OutputOptions};
use super::password::LogonPasswordOptions;
use super::{ChangeOptions, ServerOptions, domain};
use crate::admin::domain_protocol::{DomainReply, DomainRequest};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 2] = ["Name", "ServicePrincipalNames"];

/// Arguments of `freehold alias`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold alias add data --user admin\n  \
                        freehold alias add data.corp.example --user admin --password-file -\n  \
                        freehold alias remove data --user admin\n  \
                        freehold alias list -o json\n\n\
                        An alias is registered with the domain's service principal names, so that clients get tickets for it. Its DNS record \
                        is made where your DNS is managed. Most domains let administrators alone register names that are not the \
                        computer's own: name one with --user.")]
pub(super) enum AliasCommand {
    /// Register a further name; clients that are connected notice nothing
    #[command(
        after_help = "Examples:\n  freehold alias add data --user admin\n  freehold alias add data.corp.example --user admin --password-file -"
    )]
    Add(AddArgs),
    /// Remove a further name and its registration
    #[command(
        after_help = "Examples:\n  freehold alias remove data --user admin\n  freehold alias remove data --what-if"
    )]
    Remove(RemoveArgs),
    /// List the further names
    #[command(after_help = "Examples:\n  freehold alias list\n  freehold alias list -o json")]
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The name: short, or fully qualified
    name: String,
    /// Who registers it: name, name@domain or DOMAIN\name [default: the computer account]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    password: LogonPasswordOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The name
    name: String,
    /// Who removes it from the directory: name, name@domain or DOMAIN\name [default: the computer account]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    password: LogonPasswordOptions,
    /// Remove it here also when the directory cannot be reached or refuses
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(command: AliasCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        AliasCommand::Add(arguments) => {
            if arguments.change.only_says(&format!("the alias {} would be registered", arguments.name)) {
                return Ok(());
            }
            let logon = domain::logon(arguments.user.as_ref(), &arguments.password)?;
            changed(options, DomainRequest::AliasAdd { name: arguments.name, logon }, "is registered")
        }
        AliasCommand::Remove(arguments) => {
            if arguments.change.only_says(&format!("the alias {} would be removed", arguments.name)) {
                return Ok(());
            }
            let logon = domain::logon(arguments.user.as_ref(), &arguments.password)?;
            let request = DomainRequest::AliasRemove { name: arguments.name, logon, force: arguments.force };
            changed(options, request, "is removed")
        }
        AliasCommand::List(form) => match domain::ask(options, DomainRequest::AliasList)? {
            DomainReply::Aliases(rows) => output::print(&rows, &COLUMNS, form.format),
            other => Err(domain::unexpected(other)),
        },
    }
}

fn changed(options: &ServerOptions, request: DomainRequest, what: &str) -> anyhow::Result<()> {
    match domain::ask(options, request)? {
        DomainReply::AliasChanged(row) => {
            let names = row.service_principal_names.join(", ");
            let names = if names.is_empty() { names } else { format!(" ({names})") };
            super::say(&format!("The alias {} {what}{names}.", row.name));
            Ok(())
        }
        other => Err(domain::unexpected(other)),
    }
}
