//! Requests and answers about quotas. Names of fields are for scripts: they never change; where Amazon FSx for Windows File
//! Server shows the same thing, its names are used (`Get-FSxUserQuotaEntries`, `Get-FSxFSRMQuota`). All sizes are in bytes.

use freehold_quotas::Mode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::protocol::Password;
use super::quota_size::QuotaSize;

/// What can be asked about quotas. `volume` is a name of the configuration; `path` is a folder in any of the spellings
/// `share:/folder`, `\\server\share\folder`, or a path on this machine within a volume; `account` and `group` are names or SIDs in
/// any spelling.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum QuotaRequest {
    /// How volumes treat quotas: answers [`QuotaReply::Settings`].
    Settings {
        /// One volume; all where it is left out.
        volume: Option<String>,
    },
    /// Changes how a volume treats quotas; what is not given stays. Answers [`QuotaReply::Settings`].
    SetSettings {
        /// The volume.
        volume: String,
        /// The changes.
        settings: QuotaSettingsChange,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Who uses how much of a volume and may use how much: answers [`QuotaReply::Users`], in parts.
    Users {
        /// One volume; all where it is left out.
        volume: Option<String>,
        /// One account only.
        account: Option<String>,
        /// Accounts whose SIDs come after this one, in the order of a listing; for paging within one volume.
        after: Option<String>,
        /// At most so many.
        most: Option<u64>,
    },
    /// Gives accounts limits of their own, all of them or none. Answers [`QuotaReply::Users`].
    SetUsers {
        /// The volume.
        volume: String,
        /// Who and what.
        users: Vec<UserQuotaChange>,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Takes accounts' own limits away: groups' rules or the volume's default are theirs then. Answers [`QuotaReply::Users`].
    RemoveUsers {
        /// The volume.
        volume: String,
        /// Whose.
        accounts: Vec<String>,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Rules of groups: answers [`QuotaReply::Groups`].
    Groups {
        /// One volume; all where it is left out.
        volume: Option<String>,
    },
    /// Gives the members of a group limits, in place of the rule it had. Answers [`QuotaReply::Groups`].
    SetGroup {
        /// The volume.
        volume: String,
        /// The group, of the domain or of this server.
        group: String,
        /// Most bytes for each member; what is not given stays, and is none where there was nothing.
        limit: Option<QuotaSize>,
        /// Bytes above which a warning is due.
        warning_limit: Option<QuotaSize>,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Takes a group's rule away.
    RemoveGroup {
        /// The volume.
        volume: String,
        /// The group.
        group: String,
    },
    /// Folder quotas: answers [`QuotaReply::Folders`].
    Folders {
        /// One volume; all where it is left out.
        volume: Option<String>,
        /// The quota of this folder only.
        path: Option<String>,
    },
    /// Puts a quota on a folder that has none. Answers [`QuotaReply::Folders`].
    AddFolder {
        /// The folder; it must be there.
        path: String,
        /// The quota; what is not given comes from the template.
        settings: FolderQuotaChange,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Changes a folder's quota; what is not given stays. Answers [`QuotaReply::Folders`].
    SetFolder {
        /// The folder.
        path: String,
        /// The changes; a template given here puts its settings in place.
        settings: FolderQuotaChange,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Takes a folder's quota away. The files stay.
    RemoveFolder {
        /// The folder.
        path: String,
    },
    /// Templates of folder quotas: answers [`QuotaReply::Templates`].
    Templates {
        /// One only.
        name: Option<String>,
    },
    /// Makes a template. Answers [`QuotaReply::Templates`].
    AddTemplate {
        /// Its name.
        name: String,
        /// Its settings.
        settings: TemplateChange,
    },
    /// Changes a template; what is not given stays. Answers [`QuotaReply::Templates`].
    SetTemplate {
        /// The template.
        name: String,
        /// The changes.
        settings: TemplateChange,
        /// Which folder quotas that came from it change with it.
        #[serde(default)]
        apply_to: ApplyTo,
        /// Tells what would be, and does nothing.
        #[serde(default)]
        what_if: bool,
    },
    /// Removes a template. Folder quotas that came from it stay; auto quotas of it keep it from being removed.
    RemoveTemplate {
        /// The template.
        name: String,
    },
    /// Folders whose subfolders get a quota each: answers [`QuotaReply::Autos`].
    Autos {
        /// One volume; all where it is left out.
        volume: Option<String>,
    },
    /// Gives each subfolder that a folder has or gets a quota of a template. Answers [`QuotaReply::Autos`].
    AddAuto {
        /// The folder.
        path: String,
        /// The template.
        template: String,
    },
    /// Changes it; what is not given stays. Answers [`QuotaReply::Autos`].
    SetAuto {
        /// The folder.
        path: String,
        /// Another template.
        template: Option<String>,
        /// New subfolders get no quota for the time being.
        disabled: Option<bool>,
        /// Which quotas of its subfolders change with it.
        #[serde(default)]
        apply_to: ApplyTo,
    },
    /// New subfolders get no quota any more.
    RemoveAuto {
        /// The folder.
        path: String,
        /// The quotas that subfolders have stay; without it they go, as FSx does.
        #[serde(default)]
        keep_quotas: bool,
    },
    /// Counts a volume again while clients work, compares and puts right: answers [`QuotaReply::Counting`] as often as there is
    /// something to tell, then [`QuotaReply::Recounted`].
    Recount {
        /// The volume.
        volume: String,
    },
    /// Who or what uses most: answers [`QuotaReply::Report`].
    Report {
        /// One volume; all where it is left out.
        volume: Option<String>,
        /// By what.
        by: ReportBy,
        /// At most so many rows.
        top: Option<u64>,
    },
    /// When what is growing will be full: answers [`QuotaReply::Forecast`].
    Forecast {
        /// One volume; all where it is left out.
        volume: Option<String>,
        /// One account only.
        account: Option<String>,
        /// At most so many rows.
        top: Option<u64>,
    },
    /// Who is told of thresholds that are crossed: answers [`QuotaReply::Notification`].
    Notification,
    /// Changes who is told; what is not given stays. Answers [`QuotaReply::Notification`].
    SetNotification {
        /// The changes.
        settings: NotificationChange,
    },
    /// Tells them something now, as a test: answers [`QuotaReply::Tested`].
    TestNotification,
}

/// What a volume does with quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
pub enum QuotaState {
    /// Usage is not shown and nothing is limited
    Off,
    /// Usage is kept and thresholds are told; nothing is refused
    Track,
    /// What would exceed a limit is refused
    Enforce,
}

impl From<Mode> for QuotaState {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => QuotaState::Off,
            Mode::Track => QuotaState::Track,
            Mode::Enforce => QuotaState::Enforce,
        }
    }
}

impl From<QuotaState> for Mode {
    fn from(state: QuotaState) -> Self {
        match state {
            QuotaState::Off => Mode::Off,
            QuotaState::Track => Mode::Track,
            QuotaState::Enforce => Mode::Enforce,
        }
    }
}

/// Changes of how a volume treats quotas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct QuotaSettingsChange {
    /// Off, track, enforce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<QuotaState>,
    /// Limit of accounts without one of their own and without a group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_limit: Option<QuotaSize>,
    /// From where on they are warned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_warning_limit: Option<QuotaSize>,
    /// Crossing a warning is recorded and told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_warning: Option<bool>,
    /// Crossing a limit is recorded and told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_limit: Option<bool>,
}

/// An account's own limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UserQuotaChange {
    /// Name or SID.
    pub account: String,
    /// Most bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<QuotaSize>,
    /// Bytes above which a warning is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_limit: Option<QuotaSize>,
}

/// Settings of a folder quota that can be given or left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct FolderQuotaChange {
    /// The template that the settings come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Most bytes below the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<QuotaSize>,
    /// What would exceed it is told, not refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_limit: Option<bool>,
    /// Percentages of the size (1 to 250) at which somebody is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Vec<u16>>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// It counts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Settings of a template that can be given or left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct TemplateChange {
    /// Most bytes below a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<QuotaSize>,
    /// What would exceed it is told, not refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_limit: Option<bool>,
    /// Percentages of the size (1 to 250) at which somebody is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Vec<u16>>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Which folder quotas change with what they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "PascalCase")]
pub enum ApplyTo {
    /// All that came from it
    All,
    /// Those that are still as the template made them
    Unmodified,
    /// None
    #[default]
    None,
}

/// What a report is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "PascalCase")]
pub enum ReportBy {
    /// Owner of the files
    Owner,
    /// Folders that have a quota
    Folder,
    /// Days since files were written to
    Age,
    /// Types of files by the end of their names
    Type,
}

/// Changes of who is told.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct NotificationChange {
    /// URL that a JSON document is posted to; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Bearer token that goes with it; empty for none. Never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub webhook_secret: Option<Password>,
    /// Program (a full path) and its arguments; empty for none. No shell is involved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// How a volume treats quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct QuotaSettingsRow {
    /// The volume.
    pub quota_volume: String,
    /// Off, track, enforce.
    pub state: QuotaState,
    /// Limit of accounts without one of their own and without a group's; null for none.
    pub default_limit: Option<u64>,
    /// From where on they are warned; null for never.
    pub default_warning_limit: Option<u64>,
    /// Crossing a warning is recorded and told.
    pub record_warning: bool,
    /// Crossing a limit is recorded and told.
    pub record_limit: bool,
}

/// Where usage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum QuotaStatus {
    /// Below both.
    #[serde(rename = "OK")]
    Ok,
    /// Above the warning.
    Warning,
    /// Above the limit.
    Exceeded,
}

impl From<freehold_quotas::Status> for QuotaStatus {
    fn from(status: freehold_quotas::Status) -> Self {
        match status {
            freehold_quotas::Status::Ok => QuotaStatus::Ok,
            freehold_quotas::Status::OverWarning => QuotaStatus::Warning,
            freehold_quotas::Status::OverLimit => QuotaStatus::Exceeded,
        }
    }
}

/// Where limits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum LimitSource {
    /// The account's own.
    Own,
    /// A group's rule.
    Group,
    /// The volume's default.
    Default,
    /// Nothing limits administrators of the server.
    Exempt,
}

/// What an account uses of a volume and may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UserQuotaRow {
    /// The volume.
    pub quota_volume: String,
    /// The account's name; its SID where it has none.
    pub user: String,
    /// Its SID.
    pub sid: String,
    /// Bytes of its files and their named streams; null when the server does not run.
    pub disk_space_used: Option<u64>,
    /// Bytes that they take on disk; null when the server does not run.
    pub physical_space_used: Option<u64>,
    /// Number of its files and folders; null when the server does not run.
    pub files: Option<u64>,
    /// Most bytes; null for no limit.
    pub limit: Option<u64>,
    /// Bytes above which a warning is due; null for never.
    pub warning_limit: Option<u64>,
    /// Where usage stands.
    pub status: QuotaStatus,
    /// Where the limits come from.
    pub source: LimitSource,
    /// The group whose rule it is; empty otherwise.
    pub group: String,
    /// The volume is still being counted: more is used than is shown.
    #[serde(default)]
    #[schema(required)]
    pub counting: bool,
}

/// A group's rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GroupQuotaRow {
    /// The volume.
    pub quota_volume: String,
    /// The group's name; its SID where it has none.
    pub group: String,
    /// Its SID.
    pub sid: String,
    /// Most bytes for each member; null for no limit.
    pub limit: Option<u64>,
    /// Bytes above which a warning is due; null for never.
    pub warning_limit: Option<u64>,
    /// Members, those of its groups included, when they were looked up last.
    pub members: u64,
    /// When that was (ISO 8601, UTC); empty for not yet.
    pub members_as_of: String,
    /// Why they could not be looked up since; empty where they could.
    pub error: String,
}

/// A folder's quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FolderQuotaRow {
    /// The volume.
    pub quota_volume: String,
    /// The folder below the volume's root, `/` between its parts.
    pub path: String,
    /// The folder on this machine.
    pub folder: String,
    /// Description.
    pub description: String,
    /// Most bytes; null where it only counts.
    pub size: Option<u64>,
    /// What would exceed it is told, not refused.
    pub soft_limit: bool,
    /// It counts only.
    pub disabled: bool,
    /// The template that it came from; empty for none.
    pub template: String,
    /// It is as the template says.
    pub matches_template: bool,
    /// Percentages of the size at which somebody is told.
    pub threshold: Vec<u16>,
    /// Bytes below the folder; null when the server does not run.
    pub usage: Option<u64>,
    /// The most that was seen, looking every minute.
    pub peak_usage: u64,
    /// Files and folders below it; null when the server does not run.
    pub files: Option<u64>,
    /// Where usage stands: warning from its first threshold on.
    pub status: QuotaStatus,
    /// It was made for a subfolder of a folder with an auto quota.
    pub auto: bool,
    /// What is below the folder is still being counted: more is used than is shown.
    #[serde(default)]
    #[schema(required)]
    pub counting: bool,
}

/// A template of folder quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct QuotaTemplateRow {
    /// Name.
    pub name: String,
    /// Most bytes; null where it only counts.
    pub size: Option<u64>,
    /// What would exceed it is told, not refused.
    pub soft_limit: bool,
    /// Percentages of the size at which somebody is told.
    pub threshold: Vec<u16>,
    /// Description.
    pub description: String,
    /// Folder quotas that came from it.
    pub quotas: u64,
}

/// A folder whose subfolders get a quota each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AutoQuotaRow {
    /// The volume.
    pub quota_volume: String,
    /// The folder below the volume's root, `/` between its parts.
    pub path: String,
    /// The folder on this machine.
    pub folder: String,
    /// The template.
    pub template: String,
    /// New subfolders get no quota for the time being.
    pub disabled: bool,
    /// Quotas that were made by it.
    pub quotas: u64,
}

/// Usage that was not what a recount found: a bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DriftRow {
    /// The account's name; its SID where it has none.
    pub user: String,
    /// Its SID.
    pub sid: String,
    /// Bytes that were kept.
    pub kept: u64,
    /// Bytes that were counted.
    pub counted: u64,
    /// Files and folders that were kept.
    pub files_kept: u64,
    /// Files and folders that were counted.
    pub files_counted: u64,
}

/// What a recount found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RecountRow {
    /// The volume.
    pub quota_volume: String,
    /// Files and folders that were counted.
    pub files: u64,
    /// It was stopped, and nothing was put right.
    pub stopped: bool,
    /// Accounts whose usage was wrong and has been put right.
    pub drift: Vec<DriftRow>,
}

/// A line of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ReportRow {
    /// The volume.
    pub quota_volume: String,
    /// Account, folder, age or type.
    pub name: String,
    /// Bytes.
    pub disk_space_used: u64,
    /// Files and folders; of an age or type, files alone.
    pub files: u64,
    /// Share of all that the volume's accounts use, in percent.
    pub percent: f64,
    /// Most bytes; null for no limit.
    pub limit: Option<u64>,
    /// Where usage stands.
    pub status: QuotaStatus,
}

/// When something will be full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ForecastRow {
    /// The volume.
    pub quota_volume: String,
    /// `Volume`, `User` or `Folder`.
    pub r#type: String,
    /// The volume, account or folder.
    pub name: String,
    /// Bytes used now.
    pub disk_space_used: u64,
    /// Bytes at which it is full; null for no limit.
    pub limit: Option<u64>,
    /// Bytes by which it grows in a day; null where the history is too short.
    pub bytes_per_day: Option<f64>,
    /// Days until it is full; null where it does not grow, has no limit, or nothing can be said.
    pub days_until_full: Option<f64>,
    /// When that is (ISO 8601, UTC); empty likewise.
    pub full_at: String,
    /// Days of history that this rests on.
    pub history_days: f64,
    /// What there is to say besides.
    pub remark: String,
}

/// Who is told of thresholds that are crossed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationRow {
    /// URL that a JSON document is posted to; empty for none.
    pub webhook: String,
    /// A bearer token goes with it.
    pub webhook_secret: bool,
    /// Program and arguments; empty for none.
    pub command: Vec<String>,
}

/// How telling somebody went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationTestRow {
    /// `webhook` or `command`.
    pub channel: String,
    /// It went well.
    pub success: bool,
    /// The server's answer, the exit code, or what went wrong.
    pub detail: String,
}

/// Answers to a [`QuotaRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum QuotaReply {
    /// Volumes.
    Settings(Vec<QuotaSettingsRow>),
    /// Accounts; more follow when `more`.
    Users {
        /// Accounts.
        rows: Vec<UserQuotaRow>,
        /// It is not the last part.
        more: bool,
    },
    /// Rules of groups.
    Groups(Vec<GroupQuotaRow>),
    /// Folder quotas.
    Folders(Vec<FolderQuotaRow>),
    /// Templates.
    Templates(Vec<QuotaTemplateRow>),
    /// Auto quotas.
    Autos(Vec<AutoQuotaRow>),
    /// A recount goes on.
    Counting {
        /// Files and folders so far.
        files: u64,
    },
    /// It is done.
    Recounted(Box<RecountRow>),
    /// A report.
    Report(Vec<ReportRow>),
    /// Forecasts.
    Forecast(Vec<ForecastRow>),
    /// Who is told.
    Notification(NotificationRow),
    /// How telling them went.
    Tested(Vec<NotificationTestRow>),
}
