//! What the requests about quotas do. Limits are in the state; what is used is what a running server's volumes count.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_dtyp::Sid;
use freehold_quotas::{Limits, Settings};

use super::protocol::{Password, Reply};
use super::quota_protocol::{
    NotificationChange, NotificationRow, NotificationTestRow, QuotaReply, QuotaRequest, QuotaSettingsChange,
    QuotaSettingsRow,
};
use super::quota_size::{QuotaSize, readable};
use super::service::AdminService;
use crate::state::quotas::{Notification, QuotaEdit};
use crate::vfs::Volume;
use crate::vfs::quotas::Quotas;

/// Where the parts of an answer go.
pub(super) type Sink<'a> = dyn FnMut(Reply) -> bool + 'a;

/// Longest webhook URL, secret, or word of the command, in bytes.
const MAX_WORD_BYTES: usize = 4_096;
/// Most words of the command.
const MAX_WORDS: usize = 64;

impl AdminService {
    /// Executes a request about quotas; `sink` gets the parts of the answer.
    pub(super) fn quota(&self, request: QuotaRequest, sink: &mut Sink<'_>) -> anyhow::Result<()> {
        let reply = match request {
            QuotaRequest::Settings { volume } => {
                QuotaReply::Settings(self.settings_rows(&self.quota_volumes(volume.as_deref())?))
            }
            QuotaRequest::SetSettings { volume, settings, what_if } => {
                QuotaReply::Settings(vec![self.set_settings(&volume, &settings, what_if)?])
            }
            QuotaRequest::Users { volume, account, after, most } => {
                let volumes = self.quota_volumes(volume.as_deref())?;
                return self.quota_users(&volumes, account.as_deref(), after.as_deref(), most, sink);
            }
            QuotaRequest::SetUsers { volume, users, what_if } => {
                let rows = self.set_quota_users(&volume, &users, what_if)?;
                QuotaReply::Users { rows, more: false }
            }
            QuotaRequest::RemoveUsers { volume, accounts, what_if } => {
                let rows = self.remove_quota_users(&volume, &accounts, what_if)?;
                QuotaReply::Users { rows, more: false }
            }
            QuotaRequest::Groups { volume } => {
                QuotaReply::Groups(self.quota_groups(&self.quota_volumes(volume.as_deref())?))
            }
            QuotaRequest::SetGroup { volume, group, limit, warning_limit, what_if } => QuotaReply::Groups(
                vec![self.set_quota_group(&volume, &group, limit, warning_limit, what_if)?],
            ),
            QuotaRequest::RemoveGroup { volume, group } => {
                self.remove_quota_group(&volume, &group)?;
                sink(Reply::Done);
                return Ok(());
            }
            request @ (QuotaRequest::Recount { .. }
            | QuotaRequest::Report { .. }
            | QuotaRequest::Forecast { .. }) => return self.quota_report(request, sink),
            QuotaRequest::Notification => QuotaReply::Notification(self.notification_row()),
            QuotaRequest::SetNotification { settings } => {
                self.set_notification(settings)?;
                QuotaReply::Notification(self.notification_row())
            }
            QuotaRequest::TestNotification => QuotaReply::Tested(self.test_notification()?),
            request => match self.quota_folders(request)? {
                Some(reply) => reply,
                None => {
                    sink(Reply::Done);
                    return Ok(());
                }
            },
        };
        sink(Reply::Quota(reply));
        Ok(())
    }

    /// Names of the volumes that a request is about, in the order of the configuration.
    pub(super) fn quota_volumes(&self, volume: Option<&str>) -> anyhow::Result<Vec<String>> {
        let known = self.state().volumes();
        let mut names: Vec<String> = known.iter().map(|volume| volume.name.clone()).collect();
        match volume {
            None => Ok(names),
            Some(name) if names.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
            Some(name) => {
                names.sort_unstable();
                anyhow::bail!(
                    "there is no volume called {name:?}; the configuration has {}",
                    names.join(", ")
                )
            }
        }
    }

    /// What the opened volume counts; `None` when the server does not run.
    pub(super) fn counted(&self, volume: &str) -> Option<Arc<dyn Quotas>> {
        self.opened(volume)?.quotas()
    }

    /// The opened volume; `None` when the server does not run.
    pub(super) fn opened(&self, volume: &str) -> Option<Arc<dyn Volume>> {
        self.running("quotas").ok()?.volume(volume)
    }

    /// Makes the edits; the volume goes by them when this returns.
    pub(super) fn edit_quotas(&self, volume: &str, edits: &[QuotaEdit]) -> anyhow::Result<()> {
        self.state().edit_quotas(edits)?;
        if let Ok(server) = self.running("quotas") {
            server.quotas().apply(volume);
        }
        Ok(())
    }

    fn settings_rows(&self, volumes: &[String]) -> Vec<QuotaSettingsRow> {
        let snapshot = self.state().quotas();
        volumes.iter().map(|name| settings_row(name, &snapshot.volume(name).settings)).collect()
    }

    fn set_settings(
        &self,
        volume: &str,
        change: &QuotaSettingsChange,
        what_if: bool,
    ) -> anyhow::Result<QuotaSettingsRow> {
        self.quota_volumes(Some(volume))?;
        let mut settings = self.state().quotas().volume(volume).settings;
        settings.mode = change.state.map_or(settings.mode, Into::into);
        settings.default =
            merged(Some(settings.default), change.default_limit, change.default_warning_limit)?;
        settings.record_warning = change.record_warning.unwrap_or(settings.record_warning);
        settings.record_limit = change.record_limit.unwrap_or(settings.record_limit);
        if !what_if {
            self.edit_quotas(volume, &[QuotaEdit::Settings { volume: volume.to_owned(), settings }])?;
        }
        Ok(settings_row(volume, &settings))
    }

    fn notification_row(&self) -> NotificationRow {
        let snapshot = self.state().quotas();
        let to = snapshot.notification();
        NotificationRow {
            webhook: to.webhook.clone().unwrap_or_default(),
            webhook_secret: to.webhook_secret.is_some(),
            command: to.command.clone(),
        }
    }

    fn set_notification(&self, change: NotificationChange) -> anyhow::Result<()> {
        let mut to = Notification::clone(self.state().quotas().notification());
        if let Some(url) = change.webhook {
            check_word("webhook", &url)?;
            if !url.is_empty() {
                crate::quotas::check_url(&url)
                    .map_err(|wrong| anyhow::anyhow!("the webhook {url:?} cannot be used: {wrong}"))?;
            }
            let url = Some(url).filter(|url| !url.is_empty());
            if url != to.webhook {
                // What was a secret with one server is not told to another.
                to.webhook_secret = None;
            }
            to.webhook = url;
        }
        if let Some(secret) = change.webhook_secret.as_ref().map(Password::expose) {
            check_word("webhook secret", secret)?;
            if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                anyhow::bail!("the webhook secret has characters that a bearer token cannot have");
            }
            to.webhook_secret = (!secret.is_empty()).then(|| secret.to_owned().into());
        }
        if let Some(command) = change.command {
            check_command(&command)?;
            to.command = command;
        }
        Ok(self.state().edit_quotas(&[QuotaEdit::Notification(to)])?)
    }

    fn test_notification(&self) -> anyhow::Result<Vec<NotificationTestRow>> {
        let outcomes = self.running("telling somebody")?.quotas().test_notification();
        if outcomes.is_empty() {
            anyhow::bail!("nobody is told: set a webhook or a command with `freehold quota notify set`");
        }
        let row = |outcome: crate::quotas::Outcome| NotificationTestRow {
            channel: outcome.channel.to_owned(),
            success: outcome.result.is_ok(),
            detail: outcome.result.unwrap_or_else(|error| error),
        };
        Ok(outcomes.into_iter().map(row).collect())
    }
}

fn check_word(field: &str, word: &str) -> anyhow::Result<()> {
    if word.len() > MAX_WORD_BYTES || word.contains('\0') {
        anyhow::bail!("the {field} is longer than {MAX_WORD_BYTES} bytes or has a null character");
    }
    Ok(())
}

fn check_command(command: &[String]) -> anyhow::Result<()> {
    let Some(program) = command.first() else { return Ok(()) };
    if command.len() > MAX_WORDS {
        anyhow::bail!("the command has more than {MAX_WORDS} words");
    }
    command.iter().try_for_each(|word| check_word("command", word))?;
    let path = std::path::Path::new(program);
    if !path.is_absolute() || !path.is_file() {
        anyhow::bail!("the command {program:?} is no file: give the full path of a program");
    }
    Ok(())
}

fn settings_row(volume: &str, settings: &Settings) -> QuotaSettingsRow {
    QuotaSettingsRow {
        quota_volume: volume.to_owned(),
        state: settings.mode.into(),
        default_limit: settings.default.limit_bytes,
        default_warning_limit: settings.default.warning_bytes,
        record_warning: settings.record_warning,
        record_limit: settings.record_limit,
    }
}

/// Limits as they are after a change; what is not given stays.
///
/// # Errors
/// When the warning would be above the limit.
pub(super) fn merged(
    before: Option<Limits>,
    limit: Option<QuotaSize>,
    warning: Option<QuotaSize>,
) -> anyhow::Result<Limits> {
    let before = before.unwrap_or(Limits::NONE);
    let limits = Limits {
        limit_bytes: limit.map_or(before.limit_bytes, |size| size.0),
        warning_bytes: warning.map_or(before.warning_bytes, |size| size.0),
    };
    if let (Some(limit), Some(warning)) = (limits.limit_bytes, limits.warning_bytes)
        && warning > limit
    {
        anyhow::bail!(
            "the warning limit of {} is above the limit of {}: give a lower one, or none",
            readable(warning),
            readable(limit)
        );
    }
    Ok(limits)
}

/// Own limits after a change that has not been made, for what-ifs.
pub(super) type Planned = HashMap<Sid, Option<Limits>>;
