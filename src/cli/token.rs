//! `freehold token`: tokens for administration over HTTPS.

use clap::{Args, Subcommand};

use super::output::{Format, OutputOptions};
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request};
use crate::admin::scope::Scope;
use crate::admin::token_protocol::{TokenReply, TokenRequest};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = ["Name", "Scopes", "Created", "Expires", "Expired", "LastUsed"];

/// Arguments of `freehold token`.
#[derive(Debug, Subcommand)]
#[command(after_help = help())]
pub(super) enum TokenCommand {
    /// Make a token and print its secret, once
    #[command(
        after_help = "Examples:\n  freehold token add monitoring --scope status:read,shares:read --expires 90d"
    )]
    Add(AddArgs),
    /// Remove a token: it is refused from then on
    #[command(after_help = "Examples:\n  freehold token remove monitoring --force")]
    Remove(RemoveArgs),
    /// List the tokens
    #[command(after_help = "Examples:\n  freehold token list\n  freehold token list -o json")]
    List(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Name of the token
    name: String,
    /// What it may do; may be given several times, or by comma
    #[arg(long = "scope", required = true, value_delimiter = ',', value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<String>,
    /// How long it is good for, in days: 90d [default: for ever]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    expires: Option<u32>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name of the token
    name: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

/// Examples, and the scopes that there are.
fn help() -> String {
    let mut text = "Examples:\n  freehold token add monitoring --scope status:read --scope shares:read --expires 90d\n  \
                    freehold token list\n  freehold token remove monitoring --force\n\n\
                    Use: curl --cacert api-certificate.pem -H \"Authorization: Bearer $TOKEN\" https://SERVER:8445/v1/shares\n\n\
                    Scopes, of which none contains another:"
        .to_owned();
    for scope in Scope::ALL {
        text.push_str(&format!("\n  {:<15} {}", scope.name(), scope.about()));
    }
    text
}

/// What has to be said of a token with these scopes.
fn warning(scopes: &[String]) -> Option<String> {
    let wide: Vec<&str> = scopes
        .iter()
        .filter_map(|name| Scope::of_name(name))
        .filter(|scope| scope.is_nearly_everything())
        .map(Scope::name)
        .collect();
    let verb = if wide.len() == 1 { "is" } else { "are" };
    (!wide.is_empty()).then(|| {
        format!(
            "warning: {} {verb} nearly as good as all scopes (`freehold token --help` says why): whoever has the secret can take \
             over the server",
            wide.join(", ")
        )
    })
}

fn scope(text: &str) -> Result<String, String> {
    match Scope::of_name(text) {
        Some(scope) => Ok(scope.name().to_owned()),
        None => Err(format!("known are {}", Scope::ALL.map(Scope::name).join(", "))),
    }
}

fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text).parse::<u32>().ok();
    number
        .filter(|days| (1..=3_650).contains(days))
        .ok_or_else(|| "expected days from 1d to 3650d".to_owned())
}

pub(super) fn run(command: TokenCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        TokenCommand::List(form) => {
            match target::call(options, Request::Token { request: TokenRequest::List })? {
                Reply::Token(TokenReply::Tokens(rows)) => output::print(&rows, &COLUMNS, form.format),
                other => Err(target::unexpected(&other)),
            }
        }
        TokenCommand::Add(arguments) => add(arguments, options),
        TokenCommand::Remove(RemoveArgs { name, force, change }) => {
            if change.only_says(&format!("the token {name} would be removed")) {
                return Ok(());
            }
            target::confirm(force, &format!("Remove the token {name}"))?;
            let request = TokenRequest::Remove { name: name.clone() };
            target::call(options, Request::Token { request })?;
            super::say(&format!("The token {name} is removed."));
            Ok(())
        }
    }
}

fn add(arguments: AddArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let AddArgs { name, scopes, expires, change, form } = arguments;
    if change.only_says(&format!("the token {name} would be made, with {}", scopes.join(", "))) {
        return Ok(());
    }
    let warning = warning(&scopes);
    let mut server = target::Target::open(options)?;
    let request = TokenRequest::Add { name: name.clone(), scopes, expires_in_days: expires };
    let made = match server.call(Request::Token { request })? {
        Reply::Token(TokenReply::Added(made)) => made,
        other => return Err(target::unexpected(&other)),
    };
    if let Some(warning) = warning {
        eprintln!("{warning}");
    }
    if form.format != Format::Table {
        return output::print_one(&*made, &["Token", "Secret"], form.format);
    }
    super::say(made.secret.expose());
    eprintln!("The token {name} is made. This is its only showing: keep it where only its user can read it.");
    if let Reply::Status(status) = server.call(Request::Status)?
        && let Some(address) = status.api_addresses.first()
    {
        eprintln!(
            "It is for https://{address}, whose certificate has the SHA-256 {}.",
            status.api_fingerprint
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_scopes_are_checked_before_the_server_is_asked() {
        assert_eq!((days("90d"), days("1")), (Ok(90), Ok(1)));
        for wrong in ["", "d", "0d", "3651d", "1h"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
        assert_eq!(scope("shares:read"), Ok("shares:read".to_owned()));
        assert!(scope("shares").unwrap_err().contains("quotas:write"));
    }

    #[test]
    fn the_help_has_every_scope_and_wide_ones_are_warned_of() {
        let text = help();
        for scope in Scope::ALL {
            assert!(
                text.contains(&format!("\n  {:<15} {}", scope.name(), scope.about())),
                "{}",
                scope.name()
            );
        }
        let warned =
            |names: &[&str]| warning(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(warned(&["status:read", "quotas:write"]), None);
        assert!(warned(&["config:write"]).unwrap().contains("config:write is nearly"));
        assert!(warned(&["users:write", "config:write"]).unwrap().contains("users:write, config:write are"));
    }
}
