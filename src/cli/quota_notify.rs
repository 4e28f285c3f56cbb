//! `freehold quota notify`: who is told of thresholds that are crossed.

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::output::OutputOptions;
use super::quota::{ask, unexpected};
use super::{ChangeOptions, ServerOptions, output};
use crate::admin::protocol::Password;
use crate::admin::quota_protocol::{NotificationChange, QuotaReply, QuotaRequest};

/// Columns of tables and of CSV.
const COLUMNS: [&str; 3] = ["Webhook", "WebhookSecret", "Command"];
const TEST_COLUMNS: [&str; 3] = ["Channel", "Success", "Detail"];

/// Arguments of `freehold quota notify`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold quota notify set --webhook https://hooks.example.org/quota --secret-file token.txt\n  \
                  freehold quota notify set --command /usr/local/bin/tell-quota --command --verbose\n  \
                  freehold quota notify set --no-webhook\n  freehold quota notify test\n\n\
                  The webhook gets a JSON document by POST; the command gets the same in environment variables: FREEHOLD_EVENT,\n\
                  FREEHOLD_VOLUME, FREEHOLD_USER, FREEHOLD_PATH, FREEHOLD_DISK_SPACE_USED, FREEHOLD_THRESHOLD, FREEHOLD_MESSAGE ..."
)]
pub(super) enum NotifyCommand {
    /// Change who is told; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota notify set --webhook https://hooks.example.org/quota --secret-file token.txt\n  freehold quota notify set --no-webhook"
    )]
    Set(SetArgs),
    /// Show who is told
    #[command(after_help = "Examples:\n  freehold quota notify show")]
    Show(OutputOptions),
    /// Tell them something now
    #[command(after_help = "Examples:\n  freehold quota notify test\n  freehold quota notify test -o json")]
    Test(OutputOptions),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// URL that is told: https://, or http:// to this machine itself
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Tell no URL
    #[arg(long, conflicts_with = "webhook")]
    no_webhook: bool,
    /// File with the bearer token that the webhook wants
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    /// Program that is run (full path), and each of its arguments
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    command: Vec<String>,
    /// Run no program
    #[arg(long, conflicts_with = "command")]
    no_command: bool,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn run(command: NotifyCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        NotifyCommand::Set(arguments) => set(arguments, options),
        NotifyCommand::Show(form) => match ask(options, QuotaRequest::Notification)? {
            QuotaReply::Notification(row) => output::print_one(&row, &COLUMNS, form.format),
            other => Err(unexpected(other)),
        },
        NotifyCommand::Test(form) => match ask(options, QuotaRequest::TestNotification)? {
            QuotaReply::Tested(rows) => {
                output::print(&rows, &TEST_COLUMNS, form.format)?;
                if rows.iter().any(|row| !row.success) {
                    anyhow::bail!("not everybody could be told");
                }
                Ok(())
            }
            other => Err(unexpected(other)),
        },
    }
}

fn set(arguments: SetArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let SetArgs { webhook, no_webhook, secret_file, command, no_command, change, form } = arguments;
    let secret = match secret_file {
        Some(file) => {
            use anyhow::Context as _;
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let text = Zeroizing::new(text);
            Some(Password::new(text.trim().to_owned()))
        }
        None => None,
    };
    let settings = NotificationChange {
        webhook: if no_webhook { Some(String::new()) } else { webhook },
        webhook_secret: secret,
        command: if no_command { Some(Vec::new()) } else { Some(command).filter(|words| !words.is_empty()) },
    };
    if settings.webhook.is_none() && settings.webhook_secret.is_none() && settings.command.is_none() {
        anyhow::bail!("nothing is to be changed: give --webhook, --secret-file or --command");
    }
    if change.only_says("who is told of quotas would be changed") {
        return Ok(());
    }
    match ask(options, QuotaRequest::SetNotification { settings })? {
        QuotaReply::Notification(row) => output::print_one(&row, &COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}
