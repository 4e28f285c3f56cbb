//! `freehold server`: what holds for the whole server.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::protocol::{Reply, Request, ServerOptions as Settings};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 6] = [
    "EncryptData",
    "RejectUnencryptedAccess",
    "RequireSecuritySignature",
    "Smb2DialectMin",
    "Smb2DialectMax",
    "Overridden",
];

/// Arguments of `freehold server`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold server show\n  \
                        freehold server set --encrypt-data true\n  \
                        freehold server reset\n\n\
                        What is set here is kept in the state and holds in place of the configuration file's value.")]
pub(super) enum ServerCommand {
    /// Show what holds
    #[command(after_help = "Examples:\n  freehold server show\n  freehold server show -o json")]
    Show(OutputOptions),
    /// Change what holds; what is not named stays
    #[command(after_help = "Examples:\n  freehold server set --encrypt-data true\n  \
                            freehold server set --encrypt-data true --reject-unencrypted-access false --what-if\n\n\
                            Sessions that there are stay as they are: `freehold session close` makes clients log on anew.")]
    Set(SetArgs),
    /// Let the values of the configuration file hold again
    #[command(after_help = "Examples:\n  freehold server reset\n  freehold server reset --what-if")]
    Reset(ChangeOptions),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["encrypt_data", "reject_unencrypted_access"])]
pub(super) struct SetArgs {
    /// Encrypt every new session of a client that can
    #[arg(long, value_name = "true|false")]
    encrypt_data: Option<bool>,
    /// Refuse clear requests to what is encrypted, and clients that cannot encrypt
    #[arg(long, value_name = "true|false")]
    reject_unencrypted_access: Option<bool>,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(command: ServerCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        ServerCommand::Show(form) => match target::call(options, Request::ServerConfiguration)? {
            Reply::ServerConfiguration(row) => output::print_one(&*row, &COLUMNS, form.format),
            other => Err(target::unexpected(&other)),
        },
        ServerCommand::Set(SetArgs { encrypt_data, reject_unencrypted_access, change }) => {
            let named =
                [("EncryptData", encrypt_data), ("RejectUnencryptedAccess", reject_unencrypted_access)];
            let named: Vec<String> = named
                .iter()
                .filter_map(|(name, value)| value.map(|value| format!("{name} = {value}")))
                .collect();
            let named = named.join(", ");
            if change.only_says(&format!("{named} would be set")) {
                return Ok(());
            }
            let settings = Settings { encrypt_data, reject_unencrypted_access };
            target::call(options, Request::ServerSet { settings })?;
            super::say(&format!("{named} is set; new sessions go by it."));
            Ok(())
        }
        ServerCommand::Reset(change) => {
            if change.only_says("the values of the configuration file would hold again") {
                return Ok(());
            }
            target::call(options, Request::ServerReset)?;
            super::say("The values of the configuration file hold again.");
            Ok(())
        }
    }
}
