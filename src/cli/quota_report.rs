//! `freehold quota recount`, `report` and `forecast`.

use std::io::IsTerminal as _;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{self, OutputOptions};
use super::quota::{ask, unexpected};
use super::target::{self, Target};
use super::{ChangeOptions, ServerOptions};
use crate::admin::protocol::{Reply, Request};
use crate::admin::quota_protocol::{QuotaReply, QuotaRequest, RecountRow, ReportBy};

/// Columns of tables and of CSV.
const RECOUNT_COLUMNS: [&str; 3] = ["QuotaVolume", "Files", "Stopped"];
const DRIFT_COLUMNS: [&str; 5] = ["User", "Kept", "Counted", "FilesKept", "FilesCounted"];
const REPORT_COLUMNS: [&str; 7] =
    ["QuotaVolume", "Name", "DiskSpaceUsed", "Percent", "Files", "Limit", "Status"];
const FORECAST_COLUMNS: [&str; 8] =
    ["QuotaVolume", "Type", "Name", "DiskSpaceUsed", "Limit", "BytesPerDay", "DaysUntilFull", "Remark"];

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold quota recount data\n\n\
                  Usage that was kept wrong is put right and shown, and the exit code is 1: files were changed on this machine\n\
                  behind the server, or it is a bug.")]
pub(super) struct RecountArgs {
    /// The volume
    volume: String,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  freehold quota report --top 10\n  freehold quota report data --by folder -o csv\n  \
                  freehold quota report data --by age\n  freehold quota report --by type --top 5 -o json\n\n\
                  Ages are days since a file was written to last; types are the file groups of Windows' File Server Resource Manager,\n\
                  by the end of the name. All of it is kept by the volume: nothing is searched."
)]
pub(super) struct ReportArgs {
    /// One volume [default: all]
    volume: Option<String>,
    /// By what
    #[arg(long, value_enum, default_value = "owner", value_name = "WHAT")]
    by: ReportBy,
    /// At most so many rows of a volume
    #[arg(long, default_value = "20", value_name = "NUMBER")]
    top: u64,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  freehold quota forecast\n  freehold quota forecast data --user CORP\\\\alice -o json\n\n\
                  The rate is that of the last 90 days, a straight line by least squares through what was used."
)]
pub(super) struct ForecastArgs {
    /// One volume [default: all]
    volume: Option<String>,
    /// One account only
    #[arg(long, value_name = "ACCOUNT")]
    user: Option<String>,
    /// At most so many rows
    #[arg(long, default_value = "20", value_name = "NUMBER")]
    top: u64,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn recount(arguments: &RecountArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let volume = arguments.volume.clone();
    if arguments.change.only_says(&format!("the files of {volume} would be counted")) {
        return Ok(());
    }
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} files counted, {elapsed}") {
        progress.set_style(style);
    }
    let mut target = Target::open(options)?;
    let mut reply = target.call(Request::Quota { request: QuotaRequest::Recount { volume } })?;
    let found = loop {
        match reply {
            Reply::Quota(QuotaReply::Counting { files }) => progress.set_position(files),
            Reply::Quota(QuotaReply::Recounted(found)) => break found,
            other => return Err(target::unexpected(&other)),
        }
        reply = target.next_part()?;
    };
    progress.finish_and_clear();
    let row: &RecountRow = &found;
    output::print_one(row, &RECOUNT_COLUMNS, arguments.form.format)?;
    if row.stopped {
        anyhow::bail!("the recount was stopped before its end; nothing was put right");
    }
    if !row.drift.is_empty() {
        if arguments.form.format == output::Format::Table {
            output::print(&row.drift, &DRIFT_COLUMNS, arguments.form.format)?;
        }
        anyhow::bail!(
            "usage of {} accounts was kept wrong and has been put right: files were changed on this machine behind the server, \
             or this is a bug: then please report it with the lines above",
            row.drift.len()
        );
    }
    Ok(())
}

pub(super) fn report(arguments: ReportArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let ReportArgs { volume, by, top, form } = arguments;
    match ask(options, QuotaRequest::Report { volume, by, top: Some(top) })? {
        QuotaReply::Report(rows) => output::print(&rows, &REPORT_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}

pub(super) fn forecast(arguments: ForecastArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let ForecastArgs { volume, user, top, form } = arguments;
    match ask(options, QuotaRequest::Forecast { volume, account: user, top: Some(top) })? {
        QuotaReply::Forecast(rows) => output::print(&rows, &FORECAST_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}
