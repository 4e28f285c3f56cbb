//! `freehold quota`: who may use how much of a volume, and who does.

use clap::{Args, Subcommand};

use super::output::{Format, OutputOptions};
use super::quota_folder::{self, AutoCommand, FolderCommand, TemplateCommand};
use super::quota_report::{self, ForecastArgs, RecountArgs, ReportArgs};
use super::target::{self, Target};
use super::{ChangeOptions, ServerOptions, output, quota_notify};
use crate::admin::protocol::{Reply, Request};
use crate::admin::quota_protocol::{
    GroupQuotaRow, QuotaReply, QuotaRequest, QuotaSettingsChange, QuotaSettingsRow, QuotaState,
    UserQuotaChange, UserQuotaRow,
};
use crate::admin::quota_size::QuotaSize;

/// Columns of tables and of CSV.
const SETTINGS_COLUMNS: [&str; 6] =
    ["QuotaVolume", "State", "DefaultLimit", "DefaultWarningLimit", "RecordWarning", "RecordLimit"];
const USER_COLUMNS: [&str; 9] = [
    "QuotaVolume",
    "User",
    "DiskSpaceUsed",
    "Limit",
    "WarningLimit",
    "Status",
    "Source",
    "Group",
    "Counting",
];
const GROUP_COLUMNS: [&str; 6] = ["QuotaVolume", "Group", "Limit", "WarningLimit", "Members", "Error"];

/// Arguments of `freehold quota`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold quota mode data enforce\n  freehold quota default data --limit 10GB --warning 8GB\n  \
                  freehold quota set CORP\\\\alice --limit 50GB\n  freehold quota group set engineers --limit 100GB\n  \
                  freehold quota folder add Projects:/plans --size 20GB --threshold 85\n  \
                  freehold quota list -o json\n  freehold quota report --top 10\n\n\
                  Files are charged to their owners. An account's own limits count; else the most generous rule of its groups;\n\
                  else the volume's default. Administrators are not limited.\n\
                  Sizes: bytes, 10GB, 512MiB (powers of 1024, as in Windows), or none. Where a server has one volume, --volume can be left out."
)]
pub(super) enum QuotaCommand {
    /// How volumes treat quotas
    #[command(after_help = "Examples:\n  freehold quota settings\n  freehold quota settings data -o json")]
    Settings(SettingsArgs),
    /// Turn quotas off, track what is used, or enforce limits
    #[command(
        after_help = "Examples:\n  freehold quota mode data enforce\n  freehold quota mode data track --what-if"
    )]
    Mode(ModeArgs),
    /// Limits of accounts that have none of their own and none through a group
    #[command(
        after_help = "Examples:\n  freehold quota default data --limit 10GB --warning 8GB\n  freehold quota default data --limit none"
    )]
    Default(DefaultArgs),
    /// Who uses how much and may use how much
    #[command(
        after_help = "Examples:\n  freehold quota list\n  freehold quota list data --user alice -o json"
    )]
    List(ListArgs),
    /// Give an account limits of its own; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota set 'CORP\\alice' --limit 50GB --warning 45GB\n  freehold quota set anna bob --limit none --volume data"
    )]
    Set(SetArgs),
    /// Take an account's own limits away
    #[command(
        after_help = "Examples:\n  freehold quota remove 'CORP\\alice'\n  freehold quota remove anna --volume data --what-if"
    )]
    Remove(RemoveArgs),
    /// Limits for the members of groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Quotas of folders
    #[command(subcommand)]
    Folder(FolderCommand),
    /// Templates of folder quotas
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Folders whose subfolders get a quota each
    #[command(subcommand)]
    Auto(AutoCommand),
    /// Count a volume again while clients work, and compare
    #[command(after_help = "Examples:\n  freehold quota recount data")]
    Recount(RecountArgs),
    /// Who or what uses most
    #[command(
        after_help = "Examples:\n  freehold quota report --top 10\n  freehold quota report data --by type -o csv"
    )]
    Report(ReportArgs),
    /// When what is growing will be full
    #[command(after_help = "Examples:\n  freehold quota forecast\n  freehold quota forecast data -o json")]
    Forecast(ForecastArgs),
    /// Who is told of thresholds that are crossed
    #[command(subcommand)]
    Notify(quota_notify::NotifyCommand),
}

#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// One volume [default: all]
    volume: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct ModeArgs {
    /// The volume
    volume: String,
    /// The mode
    #[arg(value_enum, ignore_case = true)]
    mode: QuotaState,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct DefaultArgs {
    /// The volume
    volume: String,
    /// Most that each may use
    #[arg(long, value_name = "SIZE")]
    limit: Option<QuotaSize>,
    /// From where on each is warned
    #[arg(long, visible_alias = "warning-limit", value_name = "SIZE")]
    warning: Option<QuotaSize>,
    /// Record and tell when somebody's warning is crossed
    #[arg(long, value_name = "true|false")]
    record_warning: Option<bool>,
    /// Record and tell when somebody's limit is hit
    #[arg(long, value_name = "true|false")]
    record_limit: Option<bool>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// One volume [default: all]
    volume: Option<String>,
    /// One account only
    #[arg(long, value_name = "ACCOUNT")]
    user: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Name or SID; several get the same
    #[arg(required = true)]
    account: Vec<String>,
    /// The volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// Most that it may use
    #[arg(long, value_name = "SIZE", required_unless_present = "warning")]
    limit: Option<QuotaSize>,
    /// From where on it is warned
    #[arg(long, visible_alias = "warning-limit", value_name = "SIZE")]
    warning: Option<QuotaSize>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Name or SID
    #[arg(required = true)]
    account: Vec<String>,
    /// The volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

/// Arguments of `freehold quota group`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold quota group set CORP\\\\engineers --limit 100GB --warning 90GB\n  \
                  freehold quota group list\n  freehold quota group remove CORP\\\\engineers"
)]
pub(super) enum GroupCommand {
    /// Give a group's members limits; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota group set 'CORP\\engineers' --limit 100GB --warning 90GB"
    )]
    Set(GroupSetArgs),
    /// Take a group's limits away
    #[command(after_help = "Examples:\n  freehold quota group remove 'CORP\\engineers'")]
    Remove(GroupRemoveArgs),
    /// List the groups that have limits
    #[command(
        after_help = "Examples:\n  freehold quota group list\n  freehold quota group list data -o json"
    )]
    List(SettingsArgs),
}

#[derive(Debug, Args)]
pub(super) struct GroupSetArgs {
    /// Group of the domain or of this server
    group: String,
    /// The volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// Most that each member may use
    #[arg(long, value_name = "SIZE", required_unless_present = "warning")]
    limit: Option<QuotaSize>,
    /// From where on each member is warned
    #[arg(long, visible_alias = "warning-limit", value_name = "SIZE")]
    warning: Option<QuotaSize>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct GroupRemoveArgs {
    /// The group
    group: String,
    /// The volume
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(command: QuotaCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        QuotaCommand::Settings(SettingsArgs { volume, form }) => {
            settings(QuotaRequest::Settings { volume }, form.format, options)
        }
        QuotaCommand::Mode(ModeArgs { volume, mode, change, form }) => {
            let settings = QuotaSettingsChange { state: Some(mode), ..QuotaSettingsChange::default() };
            set_settings(volume, settings, change, form, options)
        }
        QuotaCommand::Default(arguments) => set_default(arguments, options),
        QuotaCommand::List(ListArgs { volume, user, form }) => {
            let rows =
                users(QuotaRequest::Users { volume, account: user, after: None, most: None }, options)?;
            output::print(&rows, &USER_COLUMNS, form.format)
        }
        QuotaCommand::Set(SetArgs { account, volume, limit, warning, change, form }) => {
            let volume = one_volume(volume, options)?;
            let user = |account| UserQuotaChange { account, limit, warning_limit: warning };
            let users = account.into_iter().map(user).collect();
            changed_users(
                QuotaRequest::SetUsers { volume, users, what_if: change.what_if },
                change,
                form,
                options,
            )
        }
        QuotaCommand::Remove(RemoveArgs { account, volume, change, form }) => {
            let volume = one_volume(volume, options)?;
            let request = QuotaRequest::RemoveUsers { volume, accounts: account, what_if: change.what_if };
            changed_users(request, change, form, options)
        }
        QuotaCommand::Group(command) => group(command, options),
        QuotaCommand::Folder(command) => quota_folder::folder(command, options),
        QuotaCommand::Template(command) => quota_folder::template(command, options),
        QuotaCommand::Auto(command) => quota_folder::auto(command, options),
        QuotaCommand::Recount(arguments) => quota_report::recount(&arguments, options),
        QuotaCommand::Report(arguments) => quota_report::report(arguments, options),
        QuotaCommand::Forecast(arguments) => quota_report::forecast(arguments, options),
        QuotaCommand::Notify(command) => quota_notify::run(command, options),
    }
}

/// Asks about quotas.
pub(super) fn ask(options: &ServerOptions, request: QuotaRequest) -> anyhow::Result<QuotaReply> {
    match target::call(options, Request::Quota { request })? {
        Reply::Quota(reply) => Ok(reply),
        other => Err(target::unexpected(&other)),
    }
}

/// Has something done that is not answered.
pub(super) fn act(options: &ServerOptions, request: QuotaRequest) -> anyhow::Result<()> {
    match target::call(options, Request::Quota { request })? {
        Reply::Done => Ok(()),
        other => Err(target::unexpected(&other)),
    }
}

/// The reply was not the one that belongs to the request.
pub(super) fn unexpected(reply: QuotaReply) -> anyhow::Error {
    target::unexpected(&Reply::Quota(reply))
}

/// Says on standard error that nothing was done, so that what is printed can be read by scripts.
pub(super) fn note_what_if(change: ChangeOptions) {
    if change.what_if {
        eprintln!("What if: this would be; nothing was done.");
    }
}

/// The volume that is meant where none is named.
pub(super) fn one_volume(volume: Option<String>, options: &ServerOptions) -> anyhow::Result<String> {
    if let Some(volume) = volume {
        return Ok(volume);
    }
    match ask(options, QuotaRequest::Settings { volume: None })? {
        QuotaReply::Settings(rows) => match <[QuotaSettingsRow; 1]>::try_from(rows) {
            Ok([row]) => Ok(row.quota_volume),
            Err(rows) => {
                let names: Vec<&str> = rows.iter().map(|row| row.quota_volume.as_str()).collect();
                anyhow::bail!("name the volume with --volume: there are {}", names.join(", "))
            }
        },
        other => Err(unexpected(other)),
    }
}

fn settings(request: QuotaRequest, format: Format, options: &ServerOptions) -> anyhow::Result<()> {
    match ask(options, request)? {
        QuotaReply::Settings(rows) => output::print(&rows, &SETTINGS_COLUMNS, format),
        other => Err(unexpected(other)),
    }
}

fn set_settings(
    volume: String,
    change: QuotaSettingsChange,
    asked: ChangeOptions,
    form: OutputOptions,
    options: &ServerOptions,
) -> anyhow::Result<()> {
    note_what_if(asked);
    let request = QuotaRequest::SetSettings { volume, settings: change, what_if: asked.what_if };
    settings(request, form.format, options)
}

fn set_default(arguments: DefaultArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let DefaultArgs { volume, limit, warning, record_warning, record_limit, change, form } = arguments;
    let settings = QuotaSettingsChange {
        state: None,
        default_limit: limit,
        default_warning_limit: warning,
        record_warning,
        record_limit,
    };
    if settings == QuotaSettingsChange::default() {
        anyhow::bail!(
            "nothing is to be changed: give --limit, --warning, --record-warning or --record-limit"
        );
    }
    set_settings(volume, settings, change, form, options)
}

/// All parts of a listing of accounts.
fn users(request: QuotaRequest, options: &ServerOptions) -> anyhow::Result<Vec<UserQuotaRow>> {
    let mut target = Target::open(options)?;
    let mut found = Vec::new();
    let mut reply = target.call(Request::Quota { request })?;
    loop {
        match reply {
            Reply::Quota(QuotaReply::Users { rows, more }) => {
                found.extend(rows);
                if !more {
                    return Ok(found);
                }
            }
            other => return Err(target::unexpected(&other)),
        }
        reply = target.next_part()?;
    }
}

fn changed_users(
    request: QuotaRequest,
    change: ChangeOptions,
    form: OutputOptions,
    options: &ServerOptions,
) -> anyhow::Result<()> {
    note_what_if(change);
    output::print(&users(request, options)?, &USER_COLUMNS, form.format)
}

fn group(command: GroupCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        GroupCommand::Set(GroupSetArgs { group, volume, limit, warning, change, form }) => {
            let volume = one_volume(volume, options)?;
            note_what_if(change);
            let what_if = change.what_if;
            let request = QuotaRequest::SetGroup { volume, group, limit, warning_limit: warning, what_if };
            groups(request, form, options)
        }
        GroupCommand::Remove(GroupRemoveArgs { group, volume, change }) => {
            let volume = one_volume(volume, options)?;
            if change.only_says(&format!("the rule of {group} on {volume} would be removed")) {
                return Ok(());
            }
            let done = format!("{group} has no rule on {volume} any more.");
            act(options, QuotaRequest::RemoveGroup { volume, group })?;
            super::say(&done);
            Ok(())
        }
        GroupCommand::List(SettingsArgs { volume, form }) => {
            groups(QuotaRequest::Groups { volume }, form, options)
        }
    }
}

fn groups(request: QuotaRequest, form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    match ask(options, request)? {
        QuotaReply::Groups(rows) => output::print::<GroupQuotaRow>(&rows, &GROUP_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}
