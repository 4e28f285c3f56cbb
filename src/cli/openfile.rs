//! `freehold openfile`: what is open.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::open_protocol::{OpenFileFilter, OpenFileRequest, OpenFileRow};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 7] = [
    "FileId",
    "SessionId",
    "ClientComputerName",
    "ClientUserName",
    "ShareName",
    "ShareRelativePath",
    "Locks",
];

/// Arguments of `freehold openfile`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold openfile list\n  \
                        freehold openfile list --share Projects -o json\n  \
                        freehold openfile close --path Projects/plan.xlsx\n  \
                        freehold openfile close 9007199254740993 --force")]
pub(super) enum OpenFileCommand {
    /// List open files, folders and pipes
    #[command(after_help = "Examples:\n  freehold openfile list\n  \
                            freehold openfile list --user 'CORP\\alice'\n  \
                            freehold openfile list --path /srv/data/projects -o csv")]
    List(ListArgs),
    /// Close open files with their locks and leases; clients get an error when they use them
    #[command(after_help = "Examples:\n  freehold openfile close 9007199254740993\n  \
                            freehold openfile close --path Projects/plan.xlsx --what-if\n  \
                            freehold openfile close --user alice --share Projects --force\n\n\
                            What clients have not written yet is lost.")]
    Close(CloseArgs),
}

#[derive(Debug, Args)]
struct FilterArgs {
    /// The session that has it open
    #[arg(long, alias = "session-id", value_name = "ID")]
    session: Option<u64>,
    /// Address of the client
    #[arg(long, alias = "client-computer-name", value_name = "ADDRESS")]
    client: Option<String>,
    /// The user, with or without domain
    #[arg(long, alias = "client-user-name", value_name = "ACCOUNT")]
    user: Option<String>,
    /// The share
    #[arg(long, value_name = "NAME")]
    share: Option<String>,
    /// A file, or a folder and what is below it: on the server's disk, or SHARE/PATH
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// FileId of one open file
    id: Option<u64>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    /// FileId of the open file
    #[arg(required_unless_present_any = ["session", "client", "user", "share", "path"])]
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
    fn with(self, file_id: Option<u64>) -> OpenFileFilter {
        OpenFileFilter {
            file_id,
            session_id: self.session,
            client_computer_name: self.client,
            client_user_name: self.user,
            share_name: self.share,
            path: self.path,
        }
    }
}

pub(super) fn run(command: OpenFileCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        OpenFileCommand::List(ListArgs { id, filter, form }) => {
            let rows = ask(options, OpenFileRequest::List { filter: filter.with(id) })?;
            output::print(&rows, &COLUMNS, form.format)
        }
        OpenFileCommand::Close(arguments) => close(arguments, options),
    }
}

fn close(arguments: CloseArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let CloseArgs { id, filter, force, change } = arguments;
    let filter = filter.with(id);
    let request = |what_if| OpenFileRequest::Close { filter: filter.clone(), what_if };
    if change.what_if || !force {
        let rows = ask(options, request(true))?;
        for row in &rows {
            let text = format!("{} would be closed", described(row));
            if change.what_if {
                change.only_says(&text);
            } else {
                eprintln!("{text}");
            }
        }
        if change.what_if {
            return Ok(());
        }
        let what =
            if rows.len() == 1 { "Close it".to_owned() } else { format!("Close these {}", rows.len()) };
        target::confirm(force, &what)?;
    }
    for row in ask(options, request(false))? {
        super::say(&format!("{} is closed.", described(&row)));
    }
    Ok(())
}

fn described(row: &OpenFileRow) -> String {
    let user = if row.client_user_name.is_empty() { "nobody" } else { &row.client_user_name };
    format!("{} ({}) of {user}", row.path, row.file_id)
}

fn ask(options: &ServerOptions, request: OpenFileRequest) -> anyhow::Result<Vec<OpenFileRow>> {
    match target::call(options, Request::OpenFile { request })? {
        Reply::OpenFiles(rows) => Ok(rows),
        other => Err(target::unexpected(&other)),
    }
}
