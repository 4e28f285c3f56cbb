//! `freehold quota folder`, `template` and `auto`.

use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::quota::{act, ask, note_what_if, unexpected};
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::quota_protocol::{ApplyTo, FolderQuotaChange, QuotaReply, QuotaRequest, TemplateChange};
use crate::admin::quota_size::QuotaSize;

/// Columns of tables and of CSV.
const FOLDER_COLUMNS: [&str; 9] =
    ["QuotaVolume", "Path", "Usage", "Size", "SoftLimit", "Status", "Template", "Description", "Counting"];
const TEMPLATE_COLUMNS: [&str; 6] = ["Name", "Size", "SoftLimit", "Threshold", "Quotas", "Description"];
const AUTO_COLUMNS: [&str; 5] = ["QuotaVolume", "Path", "Template", "Disabled", "Quotas"];

/// Arguments of `freehold quota folder`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold quota folder add Projects:/plans --size 20GB --threshold 85 --threshold 95\n  \
                  freehold quota folder add Projects:/drafts --template \"10 GB soft\"\n  \
                  freehold quota folder set Projects:/plans --soft-limit true\n  freehold quota folder list\n\n\
                  Folders are given as share:/folder, \\\\server\\share\\folder, or as a path on this machine."
)]
pub(super) enum FolderCommand {
    /// Put a quota on a folder
    #[command(
        after_help = "Examples:\n  freehold quota folder add Projects:/plans --size 20GB --threshold 85,95\n  freehold quota folder add Projects:/drafts --template \"10 GB soft\""
    )]
    Add(FolderArgs),
    /// Change a folder's quota; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota folder set Projects:/plans --size 30GB\n  freehold quota folder set Projects:/plans --soft-limit true --what-if"
    )]
    Set(FolderArgs),
    /// Take a folder's quota away; the files stay
    #[command(after_help = "Examples:\n  freehold quota folder remove Projects:/plans")]
    Remove(PathArgs),
    /// List folder quotas
    #[command(
        after_help = "Examples:\n  freehold quota folder list\n  freehold quota folder list Projects:/plans -o json"
    )]
    List(FolderListArgs),
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// The folder
    path: String,
    /// Template that the settings come from
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Most bytes below the folder
    #[arg(long, visible_alias = "limit", value_name = "SIZE")]
    size: Option<QuotaSize>,
    /// Tell what would exceed it, and do not refuse it
    #[arg(long, alias = "soft", value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    soft_limit: Option<bool>,
    /// Percentage of the size at which somebody is told; may be given several times
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    threshold: Vec<u16>,
    /// Description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Count only
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    disabled: Option<bool>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct PathArgs {
    /// The folder
    path: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct FolderListArgs {
    /// The quota of this folder only
    path: Option<String>,
    /// One volume [default: all]
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

/// Arguments of `freehold quota template`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold quota template add \"10 GB\" --size 10GB --threshold 85\n  \
                  freehold quota template set \"10 GB\" --size 12GB --apply-to unmodified\n  freehold quota template list")]
pub(super) enum TemplateCommand {
    /// Make a template
    #[command(after_help = "Examples:\n  freehold quota template add \"10 GB\" --size 10GB --threshold 85")]
    Add(TemplateArgs),
    /// Change a template; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota template set \"10 GB\" --size 12GB --apply-to unmodified"
    )]
    Set(TemplateSetArgs),
    /// Remove a template; quotas that came from it stay
    #[command(after_help = "Examples:\n  freehold quota template remove \"10 GB\"")]
    Remove(TemplateRemoveArgs),
    /// List templates
    #[command(
        after_help = "Examples:\n  freehold quota template list\n  freehold quota template list -o json"
    )]
    List(TemplateListArgs),
}

#[derive(Debug, Args)]
pub(super) struct TemplateArgs {
    /// Name of the template
    name: String,
    /// Most bytes below a folder
    #[arg(long, visible_alias = "limit", value_name = "SIZE")]
    size: Option<QuotaSize>,
    /// Tell what would exceed it, and do not refuse it
    #[arg(long, alias = "soft", value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    soft_limit: Option<bool>,
    /// Percentage of the size at which somebody is told; may be given several times
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    threshold: Vec<u16>,
    /// Description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct TemplateSetArgs {
    #[command(flatten)]
    template: TemplateArgs,
    /// Folder quotas that change with it
    #[arg(long, value_enum, default_value = "none", value_name = "WHICH")]
    apply_to: ApplyTo,
}

#[derive(Debug, Args)]
pub(super) struct TemplateRemoveArgs {
    /// The template
    name: String,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct TemplateListArgs {
    /// One template only
    name: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

/// Arguments of `freehold quota auto`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  freehold quota auto add Homes:/ --template \"10 GB\"\n  freehold quota auto list\n  \
                  freehold quota auto remove Homes:/ --keep-quotas"
)]
pub(super) enum AutoCommand {
    /// Give each subfolder that a folder has or gets a quota of a template
    #[command(after_help = "Examples:\n  freehold quota auto add Homes:/ --template \"10 GB\"")]
    Add(AutoAddArgs),
    /// Change it; what is not named stays
    #[command(
        after_help = "Examples:\n  freehold quota auto set Homes:/ --template \"20 GB\" --apply-to unmodified"
    )]
    Set(AutoSetArgs),
    /// Give new subfolders no quota any more; those that subfolders have are removed
    #[command(
        after_help = "Examples:\n  freehold quota auto remove Homes:/\n  freehold quota auto remove Homes:/ --keep-quotas"
    )]
    Remove(AutoRemoveArgs),
    /// List the folders
    #[command(after_help = "Examples:\n  freehold quota auto list\n  freehold quota auto list -o json")]
    List(AutoListArgs),
}

#[derive(Debug, Args)]
pub(super) struct AutoAddArgs {
    /// The folder
    path: String,
    /// The template
    #[arg(long, value_name = "NAME")]
    template: String,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct AutoSetArgs {
    /// The folder
    path: String,
    /// Another template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Give new subfolders none for the time being
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    disabled: Option<bool>,
    /// Quotas of subfolders that change with it
    #[arg(long, value_enum, default_value = "none", value_name = "WHICH")]
    apply_to: ApplyTo,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct AutoRemoveArgs {
    /// The folder
    path: String,
    /// Let subfolders keep their quotas
    #[arg(long)]
    keep_quotas: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct AutoListArgs {
    /// One volume [default: all]
    volume: Option<String>,
    #[command(flatten)]
    form: OutputOptions,
}

pub(super) fn folder(command: FolderCommand, options: &ServerOptions) -> anyhow::Result<()> {
    let (request, form) = match command {
        FolderCommand::Add(arguments) => {
            let (path, settings, change, form) = folder_change(arguments);
            note_what_if(change);
            (QuotaRequest::AddFolder { path, settings, what_if: change.what_if }, form)
        }
        FolderCommand::Set(arguments) => {
            let (path, settings, change, form) = folder_change(arguments);
            note_what_if(change);
            (QuotaRequest::SetFolder { path, settings, what_if: change.what_if }, form)
        }
        FolderCommand::List(FolderListArgs { path, volume, form }) => {
            (QuotaRequest::Folders { volume, path: path.map(absolute) }, form)
        }
        FolderCommand::Remove(PathArgs { path, change }) => {
            if change.only_says(&format!("the quota of {path} would be removed")) {
                return Ok(());
            }
            act(options, QuotaRequest::RemoveFolder { path: absolute(path.clone()) })?;
            super::say(&format!("{path} has no quota any more."));
            return Ok(());
        }
    };
    match ask(options, request)? {
        QuotaReply::Folders(rows) => output::print(&rows, &FOLDER_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}

/// A path on this machine may be given from where the shell is; what names a share stays.
fn absolute(path: String) -> String {
    let is_relative = !path.contains(':') && !path.starts_with(['/', '\\']);
    if is_relative && let Ok(found) = target::absolute(std::path::Path::new(&path)) {
        return found.display().to_string();
    }
    path
}

fn folder_change(arguments: FolderArgs) -> (String, FolderQuotaChange, ChangeOptions, OutputOptions) {
    let FolderArgs { path, template, size, soft_limit, threshold, description, disabled, change, form } =
        arguments;
    let threshold = Some(threshold).filter(|percentages| !percentages.is_empty());
    let settings = FolderQuotaChange { template, size, soft_limit, threshold, description, disabled };
    (absolute(path), settings, change, form)
}

pub(super) fn template(command: TemplateCommand, options: &ServerOptions) -> anyhow::Result<()> {
    let (request, form) = match command {
        TemplateCommand::Add(arguments) => {
            let (name, settings, change, form) = template_change(arguments);
            if change.only_says(&format!("the template {name} would be made")) {
                return Ok(());
            }
            (QuotaRequest::AddTemplate { name, settings }, form)
        }
        TemplateCommand::Set(TemplateSetArgs { template, apply_to }) => {
            let (name, settings, change, form) = template_change(template);
            note_what_if(change);
            (QuotaRequest::SetTemplate { name, settings, apply_to, what_if: change.what_if }, form)
        }
        TemplateCommand::List(TemplateListArgs { name, form }) => (QuotaRequest::Templates { name }, form),
        TemplateCommand::Remove(TemplateRemoveArgs { name, change }) => {
            if change.only_says(&format!("the template {name} would be removed")) {
                return Ok(());
            }
            act(options, QuotaRequest::RemoveTemplate { name: name.clone() })?;
            super::say(&format!("The template {name} is removed; quotas that came from it stay."));
            return Ok(());
        }
    };
    match ask(options, request)? {
        QuotaReply::Templates(rows) => output::print(&rows, &TEMPLATE_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}

fn template_change(arguments: TemplateArgs) -> (String, TemplateChange, ChangeOptions, OutputOptions) {
    let TemplateArgs { name, size, soft_limit, threshold, description, change, form } = arguments;
    let threshold = Some(threshold).filter(|percentages| !percentages.is_empty());
    (name, TemplateChange { size, soft_limit, threshold, description }, change, form)
}

pub(super) fn auto(command: AutoCommand, options: &ServerOptions) -> anyhow::Result<()> {
    let (request, form) = match command {
        AutoCommand::Add(AutoAddArgs { path, template, change, form }) => {
            if change.only_says(&format!("subfolders of {path} would get quotas of the template {template}"))
            {
                return Ok(());
            }
            (QuotaRequest::AddAuto { path: absolute(path), template }, form)
        }
        AutoCommand::Set(AutoSetArgs { path, template, disabled, apply_to, change, form }) => {
            if change.only_says(&format!("the auto quota of {path} would be changed")) {
                return Ok(());
            }
            (QuotaRequest::SetAuto { path: absolute(path), template, disabled, apply_to }, form)
        }
        AutoCommand::List(AutoListArgs { volume, form }) => (QuotaRequest::Autos { volume }, form),
        AutoCommand::Remove(AutoRemoveArgs { path, keep_quotas, change }) => {
            if change.only_says(&format!("new subfolders of {path} would get no quota any more")) {
                return Ok(());
            }
            act(options, QuotaRequest::RemoveAuto { path: absolute(path.clone()), keep_quotas })?;
            super::say(&format!("New subfolders of {path} get no quota any more."));
            return Ok(());
        }
    };
    match ask(options, request)? {
        QuotaReply::Autos(rows) => output::print(&rows, &AUTO_COLUMNS, form.format),
        other => Err(unexpected(other)),
    }
}
