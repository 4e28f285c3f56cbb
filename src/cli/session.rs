//! `freehold session`: who is connected.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::open_protocol::{SessionFilter, SessionRequest, SessionRow};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 7] = [
    "SessionId",
    "ClientComputerName",
    "ClientUserName",
    "NumOpens",
    "SecondsExists",
    "SecondsIdle",
    "Dialect",
];

/// Arguments of `freehold session`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold session list\n  \
                        freehold session list --user 'CORP\\alice' -o json\n  \
                        freehold session close 3735928559\n  \
                        freehold session close --client 192.0.2.7 --force")]
pub(super) enum SessionCommand {
    /// List sessions
    #[command(after_help = "Examples:\n  freehold session list\n  freehold session list --user alice\n  \
                            freehold session list -o json | jq '.[] | select(.SecondsIdle > 3600)'")]
    List(ListArgs),
    /// End sessions with everything that they have open; clients log on anew by themselves
    #[command(
        after_help = "Examples:\n  freehold session close 3735928559\n  freehold session close --user alice --what-if\n  \
                            freehold session close --client 192.0.2.7 --force\n\n\
                            What clients have not written yet is lost. To keep a user out, disable the account first."
    )]
    Close(CloseArgs),
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// Address of the client
    #[arg(long, alias = "client-computer-name", value_name = "ADDRESS")]
    client: Option<String>,
    /// The user, with or without domain
    #[arg(long, alias = "client-user-name", value_name = "ACCOUNT")]
    user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// SessionId of one session
    id: Option<u64>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    /// SessionId of the session
    #[arg(required_unless_present_any = ["client", "user"])]
    id: Option<u64>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

impl FilterArgs {
    fn with(self, session_id: Option<u64>) -> SessionFilter {
        SessionFilter { session_id, client_computer_name: self.client, client_user_name: self.user }
    }
}

pub(super) fn run(command: SessionCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        SessionCommand::List(ListArgs { id, filter, form }) => {
            let rows = ask(options, SessionRequest::List { filter: filter.with(id) })?;
            output::print(&rows, &COLUMNS, form.format)
        }
        SessionCommand::Close(arguments) => close(arguments, options),
    }
}

fn close(arguments: CloseArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let CloseArgs { id, filter, force, change } = arguments;
    let filter = filter.with(id);
    let request = |what_if| SessionRequest::Close { filter: filter.clone(), what_if };
    if change.what_if || !force {
        let rows = ask(options, request(true))?;
        for row in &rows {
            let text = format!("the session {} would end", described(row));
            if change.what_if {
                change.only_says(&text);
            } else {
                eprintln!("{text}");
            }
        }
        if change.what_if {
            return Ok(());
        }
        let what = if rows.len() == 1 { "End it".to_owned() } else { format!("End these {}", rows.len()) };
        target::confirm(force, &what)?;
    }
    for row in ask(options, request(false))? {
        super::say(&format!("The session {} is ended.", described(&row)));
    }
    Ok(())
}

fn described(row: &SessionRow) -> String {
    let user = if row.client_user_name.is_empty() { "nobody" } else { &row.client_user_name };
    format!(
        "{} of {user} from {}, with {} open files,",
        row.session_id, row.client_computer_name, row.num_opens
    )
}

fn ask(options: &ServerOptions, request: SessionRequest) -> anyhow::Result<Vec<SessionRow>> {
    match target::call(options, Request::Session { request })? {
        Reply::Sessions(rows) => Ok(rows),
        other => Err(target::unexpected(&other)),
    }
}
