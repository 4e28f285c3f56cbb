//! `freehold audit`: what was recorded, read from the log's files, whether the server runs or not.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{Format, OutputOptions, csv_field};
use super::{ServerOptions, target};
use crate::admin::audit_protocol::{AuditOutcome, AuditPackage};
use crate::admin::protocol::{Reply, Request};
use crate::audit::filter::{Filter, share_name};
use crate::audit::moment;
use crate::audit::read::{Found, Reader};
use crate::audit::verify;
use crate::config::Config;

/// How often `--follow` looks for new records.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);
/// Properties that CSV has, in this order.
const COLUMNS: [&str; 29] = [
    "Seq",
    "Time",
    "EventId",
    "Keywords",
    "Computer",
    "SubjectUserSid",
    "SubjectUserName",
    "SubjectDomainName",
    "SubjectLogonId",
    "IpAddress",
    "IpPort",
    "ShareName",
    "ObjectName",
    "RelativeTargetName",
    "HandleId",
    "AccessMask",
    "AccessList",
    "OldSd",
    "NewSd",
    "TargetUserSid",
    "TargetUserName",
    "TargetDomainName",
    "TargetLogonId",
    "AuthenticationPackageName",
    "LmPackageName",
    "WorkstationName",
    "Status",
    "SubStatus",
    "FailureReason",
];

/// Arguments of `freehold audit`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold audit search --since 1h --outcome failure\n  \
                  freehold audit search --user anna --path \"*/payroll/*\" --event 4660 -o csv\n  \
                  freehold audit search --share Projects --since 2026-11-01 --until 2026-12-01 -o jsonl\n  \
                  freehold audit search --event 4625 --since 1d\n  \
                  freehold audit search --event 4624 --package ntlm -o csv\n  \
                  freehold audit search --follow\n  \
                  freehold audit verify\n\n\
                  Files are recorded as their SACLs ask; shares with `freehold share set NAME --audit all`, or all of them\n\
                  with `shares` in [audit] of the configuration; logons as `logons` there says. Ids are those of Windows'\n\
                  Security log: 4624 logged on, 4625 logon failed, 4634 logged off, 4656 handle\n\
                  requested, 4663 access, 4660 deleted, 4670 permissions changed, 4907 auditing changed, 5140 share\n\
                  accessed, 5145 share checked, 4612 records lost. What administrators change is recorded too: 4720, 4726,\n\
                  4738 accounts, 4731 to 4735 groups, 5142 to 5144 shares, 4673 everything else and what was refused.")]
pub(super) enum AuditCommand {
    /// Show records
    #[command(
        after_help = "Examples:\n  freehold audit search --since 1h --outcome failure\n  freehold audit search --user anna --path \"*/payroll/*\" --event 4660 -o csv\n  freehold audit search --follow"
    )]
    Search(SearchArgs),
    /// Check that no record is missing or was changed
    #[command(after_help = "Examples:\n  freehold audit verify")]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// From this time on: 2026-11-27, 2026-11-27T14:00:00Z, or an age such as 90s, 30m, 12h, 7d
    #[arg(long, value_parser = time, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_parser = time, value_name = "TIME")]
    until: Option<String>,
    /// Who did it, or whose logon it is: a name, DOMAIN\name, name@domain or a SID
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What it was done to: volume:\path or share\path, with * for any characters and ? for one, without case
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// Ids of events, by comma
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    event: Vec<u16>,
    /// Only what was granted, or what was refused
    #[arg(long, value_enum)]
    outcome: Option<AuditOutcome>,
    /// Through this share
    #[arg(long, value_name = "NAME")]
    share: Option<String>,
    /// Logons by this package
    #[arg(long, value_enum)]
    package: Option<AuditPackage>,
    /// At most this many records
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Go on with what is recorded from then on, until interrupted
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
struct LogOptions {
    /// Folder of the log, in place of the one in the configuration
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl LogOptions {
    fn folder(&self, options: &ServerOptions) -> anyhow::Result<PathBuf> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => Ok(Config::load(&options.config_path())?.audit.folder),
        }
    }
}

fn time(text: &str) -> Result<String, moment::NoMoment> {
    moment::parse(text)
}

pub(super) fn run(command: AuditCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        AuditCommand::Search(arguments) => {
            match search(&arguments, options) {
                // `freehold audit search | head` is no error.
                Err(error) if error.downcast_ref::<io::Error>().is_some_and(is_broken_pipe) => Ok(()),
                outcome => outcome,
            }
        }
        AuditCommand::Verify(arguments) => verify_log(&arguments, options),
    }
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// How records name a user: NetBIOS domain and name, or a SID. Other spellings take the server, which knows the SID.
fn recorded_user(user: &str, options: &ServerOptions) -> String {
    let user = user.strip_prefix('*').unwrap_or(user);
    let dns_domain = user.split_once('\\').is_some_and(|(domain, _)| domain.contains('.'));
    if !dns_domain && !user.contains('@') {
        return user.to_owned();
    }
    match target::call(options, Request::Lookup { account: user.to_owned() }) {
        Ok(Reply::Lookup(row)) => row.sid,
        // What it is called in the records may be what was given.
        _ => user.to_owned(),
    }
}

fn search(arguments: &SearchArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let folder = arguments.log.folder(options)?;
    let filter = Filter {
        since: arguments.since.clone(),
        until: arguments.until.clone(),
        user: arguments.user.as_deref().map(|user| recorded_user(user, options)),
        path: arguments.path.clone(),
        events: arguments.event.clone(),
        success: arguments.outcome.map(|outcome| outcome == AuditOutcome::Success),
        share: arguments.share.clone(),
        package: arguments.package.map(|package| package.name().to_owned()),
    };
    let mut reader = Reader::new(&folder, filter.since.as_deref())
        .with_context(|| format!("the audit log in {} cannot be read", folder.display()))?;
    let mut out = Rows::new(BufWriter::new(io::stdout().lock()), arguments.form.format)?;
    let mut line = Vec::new();
    while arguments.limit.is_none_or(|limit| out.count < limit) {
        match reader.next(&mut line)? {
            Found::File { .. } => {}
            Found::Record => {
                if !filter.may_match(&line) {
                    continue;
                }
                match serde_json::from_slice::<Value>(&line) {
                    Ok(record) if filter.matches(&record) => out.row(&line, &record)?,
                    Ok(_) => {}
                    Err(_) => {
                        eprintln!("warning: a line of the log is no record; see `freehold audit verify`")
                    }
                }
            }
            Found::End if arguments.follow => {
                out.flush()?;
                std::thread::sleep(FOLLOW_EVERY);
                reader.refresh()?;
            }
            Found::End => break,
        }
    }
    out.end()
}

/// Writes records one by one in the form asked for.
struct Rows<W: Write> {
    out: W,
    format: Format,
    count: u64,
}

impl<W: Write> Rows<W> {
    fn new(mut out: W, format: Format) -> anyhow::Result<Self> {
        match format {
            Format::Table => writeln!(
                out,
                "{:<28} {:>5} {:<8} {:<20} {:<15} Object: Access",
                "Time", "Event", "Outcome", "User", "Address"
            )?,
            Format::Csv => write!(out, "{}\r\n", COLUMNS.join(","))?,
            Format::Json => write!(out, "[")?,
            Format::Jsonl => {}
        }
        Ok(Rows { out, format, count: 0 })
    }

    fn row(&mut self, line: &[u8], record: &Value) -> anyhow::Result<()> {
        match self.format {
            Format::Table => self.table_row(record)?,
            Format::Csv => {
                let fields: Vec<String> =
                    COLUMNS.iter().map(|column| csv_field(&cell(record.get(*column)))).collect();
                write!(self.out, "{}\r\n", fields.join(","))?;
            }
            Format::Json => {
                self.out.write_all(if self.count == 0 { b"\n" } else { b",\n" })?;
                self.out.write_all(line)?;
            }
            Format::Jsonl => {
                self.out.write_all(line)?;
                self.out.write_all(b"\n")?;
            }
        }
        self.count += 1;
        Ok(())
    }

    fn table_row(&mut self, record: &Value) -> anyhow::Result<()> {
        let text = |name: &str| cell(record.get(name));
        let outcome = if text("Keywords") == "Audit Success" { "success" } else { "failure" };
        let first = |names: &[&str]| {
            names.iter().map(|name| text(name)).find(|found| !found.is_empty()).unwrap_or_default()
        };
        let object = match first(&["ObjectName", "RelativeTargetName"]) {
            none if none.is_empty() => share_name(record).to_owned(),
            found => found,
        };
        let object = if object.is_empty() { first(&["WorkstationName", "TargetLogonId"]) } else { object };
        let access = first(&[
            "AccessList",
            "NewSd",
            "AuditsDiscarded",
            "Operation",
            "FailureReason",
            "LogonProcessName",
        ]);
        let user = first(&["TargetUserName", "SubjectUserName"]);
        let (time, event, address) = (text("Time"), text("EventId"), text("IpAddress"));
        let row = format!("{time:<28} {event:>5} {outcome:<8} {user:<20} {address:<15} {object}: {access}");
        // What a client put into a name must not reach the terminal.
        let row: String = row.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        Ok(writeln!(self.out, "{row}")?)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }

    fn end(mut self) -> anyhow::Result<()> {
        if self.format == Format::Json {
            self.out.write_all(if self.count == 0 { b"]\n" } else { b"\n]\n" })?;
        }
        self.flush()
    }
}

/// A property as text.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join("; "),
        Some(other) => other.to_string(),
    }
}

fn verify_log(arguments: &VerifyArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let folder = arguments.log.folder(options)?;
    let whole = verify::verify(&folder)?;
    if arguments.form.format != Format::Table {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Row {
            files: u64,
            records: u64,
            first_seq: u64,
            last_seq: u64,
            chain: String,
        }
        let row = Row {
            files: whole.files,
            records: whole.records,
            first_seq: whole.first_seq,
            last_seq: whole.last_seq,
            chain: whole.chain.to_string(),
        };
        return super::output::print(
            &[row],
            &["Files", "Records", "FirstSeq", "LastSeq", "Chain"],
            arguments.form.format,
        );
    }
    super::say(&format!(
        "The log is whole: {} records ({} to {}) in {} files.\nNote the chain of the last one elsewhere; who can \
         write the files cannot make it again with other records:\n{}",
        whole.records, whole.first_seq, whole.last_seq, whole.files, whole.chain
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(format: Format, records: &[Value]) -> String {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, format).unwrap();
        for record in records {
            rows.row(&serde_json::to_vec(record).unwrap(), record).unwrap();
        }
        rows.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn record() -> Value {
        json!({ "Seq": 3, "Time": "2026-11-27T14:05:06.1234567Z", "EventId": 4663, "Keywords": "Audit Success",
                "SubjectUserName": "anna", "IpAddress": "192.0.2.7", "ObjectName": "data:\\a\u{1b}[2J",
                "AccessList": ["DELETE", "WriteEA"] })
    }

    #[test]
    fn every_form_has_every_record() {
        let both = [record(), record()];
        assert_eq!(serde_json::from_str::<Value>(&shown(Format::Json, &both)).unwrap(), json!(both));
        assert_eq!(serde_json::from_str::<Value>(&shown(Format::Json, &[])).unwrap(), json!([]));
        assert_eq!(shown(Format::Jsonl, &both).lines().count(), 2);
        let csv = shown(Format::Csv, &both);
        assert!(csv.starts_with("Seq,Time,") && csv.contains("DELETE; WriteEA"), "{csv}");
        let table = shown(Format::Table, &both);
        assert!(table.contains("success") && table.contains("anna") && !table.contains('\u{1b}'), "{table}");
    }
}
