//! `freehold top`: what the running server does, now and in one view.

mod report;
mod screen;

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use report::{Report, Sort};

use super::output::{self, Format, OutputOptions};
use super::target::{Target, unexpected};
use super::{ServerOptions, say};
use crate::admin::metrics_protocol::{MetricsReply, MetricsRequest};
use crate::admin::protocol::{Reply, Request};
use crate::metrics::snapshot::Snapshot;

/// Columns of the tables and of CSV.
pub(super) const SLOW_COLUMNS: [&str; 8] =
    ["Time", "DurationMs", "Command", "Share", "Path", "User", "Client", "WaitedFor"];
const CLIENT_COLUMNS: [&str; 6] =
    ["Client", "User", "Connections", "RequestsPerSecond", "ReadBytesPerSecond", "WriteBytesPerSecond"];
const SHARE_COLUMNS: [&str; 6] = [
    "Share",
    "TreeConnects",
    "RequestsPerSecond",
    "ErrorsPerSecond",
    "ReadBytesPerSecond",
    "WriteBytesPerSecond",
];
const COMMAND_COLUMNS: [&str; 6] =
    ["Command", "RequestsPerSecond", "ErrorsPerSecond", "P50Ms", "P95Ms", "P99Ms"];

/// Which table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Show {
    /// All of them
    #[default]
    All,
    /// Clients and their users
    Clients,
    /// Shares
    Shares,
    /// Commands and how long they take
    Commands,
    /// Requests that took long, or wait, and for what
    Slow,
}

/// Arguments of `freehold top`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  freehold top\n  freehold top --slow\n  freehold top --once\n  freehold top --once -o json | jq .Commands\n  \
                  freehold top --once --show clients -o csv --interval 10\n\n\
                  Keys: q quits, s sorts by the next column, a shows all tables, c clients, h shares, l commands with their latency,\n\
                  w slow requests, p stops and goes on, + and - change the interval.\n\
                  Without a terminal it prints once, as with --once."
)]
pub(super) struct TopArgs {
    /// Print once what happened within one interval, and end
    #[arg(long)]
    once: bool,
    /// Only requests that took long, or wait, and for what: short for --show slow
    #[arg(long, conflicts_with = "show")]
    slow: bool,
    /// Which table
    #[arg(long, value_enum, default_value_t, value_name = "TABLE")]
    show: Show,
    /// What comes first
    #[arg(long, value_enum, default_value_t, value_name = "COLUMN")]
    sort: Sort,
    /// Seconds between two looks, 0.2 to 30
    #[arg(long, default_value = "1", value_parser = interval, value_name = "SECONDS")]
    interval: Duration,
    #[command(flatten)]
    output: OutputOptions,
}

fn interval(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.2..=30.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds from 0.2 to 30".to_owned()),
    }
}

/// Shows it, or prints it once.
///
/// # Errors
/// When no server runs, or the terminal cannot be used.
pub(super) fn run(arguments: &TopArgs, server: &ServerOptions) -> anyhow::Result<()> {
    let mut target = Target::open(server)?;
    let show = if arguments.slow { Show::Slow } else { arguments.show };
    if !arguments.once && arguments.output.format == Format::Table && std::io::stdout().is_terminal() {
        let mut look = || look(&mut target);
        return screen::run(&mut look, show, arguments.sort, arguments.interval);
    }
    if show == Show::All && arguments.output.format == Format::Csv {
        anyhow::bail!("CSV holds one table: add --show clients, shares, commands or slow");
    }
    let before = look(&mut target)?;
    if show == Show::Slow {
        return output::print(&before.slow, &SLOW_COLUMNS, arguments.output.format);
    }
    std::thread::sleep(arguments.interval);
    let report = Report::between(&before, &look(&mut target)?, arguments.sort);
    let format = arguments.output.format;
    match show {
        Show::Clients => output::print(&report.clients, &CLIENT_COLUMNS, format),
        Show::Shares => output::print(&report.shares, &SHARE_COLUMNS, format),
        Show::Commands => output::print(&report.commands, &COMMAND_COLUMNS, format),
        Show::All | Show::Slow if format == Format::Table => print_all(&report),
        Show::All | Show::Slow => output::print_one(&report, &[], format),
    }
}

/// All tables, one below the other, for people without a terminal.
fn print_all(report: &Report) -> anyhow::Result<()> {
    for line in report.headline() {
        say(&line);
    }
    say("");
    output::print(&report.shares, &SHARE_COLUMNS, Format::Table)?;
    say("");
    output::print(&report.commands, &COMMAND_COLUMNS, Format::Table)?;
    say("");
    output::print(&report.clients, &CLIENT_COLUMNS, Format::Table)?;
    say("");
    output::print(&report.slow, &SLOW_COLUMNS, Format::Table)
}

/// Asks the server.
fn look(target: &mut Target) -> anyhow::Result<Snapshot> {
    match target.call(Request::Metrics { request: MetricsRequest::Snapshot })? {
        Reply::Metrics(MetricsReply::Snapshot(snapshot)) => Ok(*snapshot),
        reply => Err(unexpected(&reply)),
    }
}
