//! `freehold api`: what administration over HTTPS understands.

use clap::Subcommand;

use crate::api::openapi;

/// Arguments of `freehold api`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold api openapi > openapi.json\n\n\
                        HTTPS is served where `listen` in [api] of the configuration says; `freehold status` shows where, and the\n\
                        fingerprint of the certificate. Log on with Negotiate or NTLM, or with a token of `freehold token add`.")]
pub(super) enum ApiCommand {
    /// Print the OpenAPI 3.1 document
    #[command(after_help = "Examples:\n  freehold api openapi > openapi.json")]
    Openapi,
}

pub(super) fn run(command: &ApiCommand) -> anyhow::Result<()> {
    match command {
        ApiCommand::Openapi => {
            super::say(openapi::text()?.trim_end());
            Ok(())
        }
    }
}
