//! Recounts, reports and forecasts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::{AgeBand, Classes, FileType, FolderQuotaId, Limits, OwnerRow, Usage};

use super::protocol::Reply;
use super::quota::Sink;
use super::quota_protocol::{
    DriftRow, ForecastRow, QuotaReply, QuotaRequest, RecountRow, ReportBy, ReportRow,
};
use super::service::{AdminService, iso_8601, now};
use crate::quotas::{MIN_HISTORY_HOURS, forecast};
use crate::state::quotas::{Sample, SampleSubject};

/// Rows of a report unless said otherwise.
const TOP: usize = 20;
/// Owners that are asked for at a time.
const PAGE: usize = 5_000;
/// How often the progress of a recount is told.
const TELL_EVERY: Duration = Duration::from_millis(250);

impl AdminService {
    /// Requests that look at what is used.
    pub(super) fn quota_report(&self, request: QuotaRequest, sink: &mut Sink<'_>) -> anyhow::Result<()> {
        let top = |top: Option<u64>| top.map_or(TOP, |top| usize::try_from(top).unwrap_or(usize::MAX));
        let reply = match request {
            QuotaRequest::Recount { volume } => QuotaReply::Recounted(Box::new(self.recount(&volume, sink)?)),
            QuotaRequest::Report { volume, by, top: most } => {
                let mut rows = Vec::new();
                for volume in self.quota_volumes(volume.as_deref())? {
                    rows.extend(match by {
                        ReportBy::Owner => self.report_by_owner(&volume, top(most))?,
                        ReportBy::Folder => self.report_by_folder(&volume, top(most))?,
                        ReportBy::Age => self.report_by_age(&volume, top(most))?,
                        ReportBy::Type => self.report_by_type(&volume, top(most))?,
                    });
                }
                QuotaReply::Report(rows)
            }
            QuotaRequest::Forecast { volume, account, top: most } => {
                let account = account.map(|account| self.names().find(&account)).transpose()?;
                let mut rows = Vec::new();
                for volume in self.quota_volumes(volume.as_deref())? {
                    rows.extend(self.forecasts(&volume, account.as_ref())?);
                }
                let key = |row: &ForecastRow| row.days_until_full.unwrap_or(f64::INFINITY);
                rows.sort_by(|one, other| key(one).total_cmp(&key(other)));
                rows.truncate(top(most));
                QuotaReply::Forecast(rows)
            }
            // INVARIANT: `AdminService::quota` gives only these.
            _ => anyhow::bail!("a request that is no report"),
        };
        sink(Reply::Quota(reply));
        Ok(())
    }

    fn counting(&self, volume: &str) -> anyhow::Result<std::sync::Arc<dyn crate::vfs::quotas::Quotas>> {
        self.running("what is used")?;
        self.counted(volume).with_context(|| format!("the volume {volume:?} does not count what is used"))
    }

    fn recount(&self, volume: &str, sink: &mut Sink<'_>) -> anyhow::Result<RecountRow> {
        self.quota_volumes(Some(volume))?;
        let quotas = self.counting(volume)?;
        let mut told = Instant::now();
        let found = quotas.recount(&mut |files| {
            if told.elapsed() < TELL_EVERY {
                return true;
            }
            told = Instant::now();
            sink(Reply::Quota(QuotaReply::Counting { files }))
        })?;
        let names = self.names();
        names.prepare(found.drifted.iter().map(|(owner, _, _)| *owner));
        let drift = found.drifted.iter().map(|(owner, kept, counted)| DriftRow {
            user: names.name_of(owner),
            sid: owner.to_string(),
            kept: kept.logical_bytes,
            counted: counted.logical_bytes,
            files_kept: kept.files,
            files_counted: counted.files,
        });
        Ok(RecountRow {
            quota_volume: volume.to_owned(),
            files: found.files,
            stopped: found.stopped,
            drift: drift.collect(),
        })
    }

    fn owners(&self, volume: &str) -> anyhow::Result<Vec<OwnerRow>> {
        let quotas = self.counting(volume)?;
        let mut owners: Vec<OwnerRow> = Vec::new();
        loop {
            let page = quotas.owners(owners.last().map(|row| &row.owner), PAGE);
            let is_last = page.len() < PAGE;
            owners.extend(page);
            if is_last {
                return Ok(owners);
            }
        }
    }

    fn report_by_owner(&self, volume: &str, top: usize) -> anyhow::Result<Vec<ReportRow>> {
        let mut owners = self.owners(volume)?;
        let total: u64 = owners.iter().map(|row| row.usage.logical_bytes).sum();
        owners.sort_by_key(|row| (std::cmp::Reverse(row.usage.logical_bytes), row.owner));
        owners.truncate(top);
        let names = self.names();
        names.prepare(owners.iter().map(|row| row.owner));
        let row = |row: &OwnerRow| ReportRow {
            quota_volume: volume.to_owned(),
            name: names.name_of(&row.owner),
            disk_space_used: row.usage.logical_bytes,
            files: row.usage.files,
            percent: percent(row.usage.logical_bytes, total),
            limit: row.limits.limit_bytes,
            status: row.limits.status(row.usage.logical_bytes).into(),
        };
        Ok(owners.iter().map(row).collect())
    }

    fn report_by_folder(&self, volume: &str, top: usize) -> anyhow::Result<Vec<ReportRow>> {
        let total: u64 = self.owners(volume)?.iter().map(|row| row.usage.logical_bytes).sum();
        let mut folders = self.folder_rows(Some(volume), None)?;
        folders.sort_by_key(|row| std::cmp::Reverse(row.usage));
        folders.truncate(top);
        let rows = folders.into_iter().map(|row| ReportRow {
            quota_volume: row.quota_volume,
            name: row.path,
            disk_space_used: row.usage.unwrap_or(0),
            files: row.files.unwrap_or(0),
            percent: percent(row.usage.unwrap_or(0), total),
            limit: row.size,
            status: row.status,
        });
        Ok(rows.collect())
    }

    /// What there is of each age, the youngest first; every age has a row.
    fn report_by_age(&self, volume: &str, top: usize) -> anyhow::Result<Vec<ReportRow>> {
        let ages = self.classes(volume)?.ages;
        let mut rows = class_rows(volume, AgeBand::ALL.iter().map(|band| band.name).zip(ages));
        rows.truncate(top);
        Ok(rows)
    }

    /// What there is of each type of which there is any, the most first.
    fn report_by_type(&self, volume: &str, top: usize) -> anyhow::Result<Vec<ReportRow>> {
        let types = self.classes(volume)?.types;
        let mut rows = class_rows(volume, FileType::ALL.iter().map(|kind| kind.name()).zip(types));
        rows.retain(|row| row.files > 0);
        rows.sort_by_key(|row| std::cmp::Reverse((row.disk_space_used, row.files)));
        rows.truncate(top);
        Ok(rows)
    }

    fn classes(&self, volume: &str) -> anyhow::Result<Classes> {
        self.counting(volume)?.classes().with_context(|| {
            format!(
                "the files of the volume {volume:?} are still being counted by age and type: ask again later, or have them \
                 counted now by `freehold quota recount {volume}`"
            )
        })
    }

    fn forecasts(&self, volume: &str, account: Option<&Sid>) -> anyhow::Result<Vec<ForecastRow>> {
        let quotas = self.counting(volume)?;
        let samples = self.state().quota_samples(volume)?;
        let rows = Forecasts { volume, samples };
        let names = self.names();
        if let Some(account) = account {
            names.prepare([*account]);
            let (limits, used) = (quotas.policy().limits_of(account).0, quotas.usage(account).logical_bytes);
            return Ok(vec![rows.row(
                "User",
                names.name_of(account),
                &SampleSubject::Owner(*account),
                used,
                limits,
            )]);
        }
        let mut found = Vec::new();
        if let Some(space) = self.opened(volume).and_then(|volume| volume.space().ok()) {
            let used = space.total_bytes.saturating_sub(space.available_bytes);
            let limits = Limits { limit_bytes: Some(space.total_bytes), warning_bytes: None };
            found.push(rows.row("Volume", volume.to_owned(), &SampleSubject::Volume, used, limits));
        }
        // Who has a limit or has grown is worth a line.
        let owners: Vec<OwnerRow> = self
            .owners(volume)?
            .into_iter()
            .filter(|row| row.limits.limit_bytes.is_some() && row.usage.logical_bytes > 0)
            .collect();
        names.prepare(owners.iter().map(|row| row.owner));
        for row in owners {
            let subject = SampleSubject::Owner(row.owner);
            found.push(rows.row(
                "User",
                names.name_of(&row.owner),
                &subject,
                row.usage.logical_bytes,
                row.limits,
            ));
        }
        let usage: HashMap<FolderQuotaId, _> = quotas.folders().into_iter().collect();
        for (path, (id, entry)) in &self.state().quotas().volume(volume).folders {
            let used = usage.get(id).map_or(0, |usage| usage.logical_bytes);
            let limits = Limits { limit_bytes: entry.limit.limit_bytes, warning_bytes: None };
            found.push(rows.row("Folder", path.clone(), &SampleSubject::Folder(*id), used, limits));
        }
        Ok(found)
    }
}

fn class_rows(volume: &str, classes: impl Iterator<Item = (&'static str, Usage)> + Clone) -> Vec<ReportRow> {
    let total: u64 = classes.clone().map(|(_, usage)| usage.logical_bytes).sum();
    let row = |(name, usage): (&str, Usage)| ReportRow {
        quota_volume: volume.to_owned(),
        name: name.to_owned(),
        disk_space_used: usage.logical_bytes,
        files: usage.files,
        percent: percent(usage.logical_bytes, total),
        limit: None,
        status: super::quota_protocol::QuotaStatus::Ok,
    };
    classes.map(row).collect()
}

/// Makes rows from the samples of a volume.
struct Forecasts<'a> {
    volume: &'a str,
    samples: HashMap<SampleSubject, Vec<Sample>>,
}

impl Forecasts<'_> {
    fn row(
        &self,
        kind: &str,
        name: String,
        subject: &SampleSubject,
        used: u64,
        limits: Limits,
    ) -> ForecastRow {
        let samples = self.samples.get(subject).map_or(&[][..], Vec::as_slice);
        let found = forecast(samples, used, limits.limit_bytes);
        let remark = match (found.bytes_per_day, limits.limit_bytes) {
            _ if found.days_until_full == Some(0.0) => "it is full".to_owned(),
            (None, _) => format!(
                "too little history: {:.1} days, and {} hours are needed",
                found.history_days, MIN_HISTORY_HOURS
            ),
            (Some(_), None) => "it has no limit".to_owned(),
            (Some(rate), Some(_)) if rate <= 0.0 => "it does not grow".to_owned(),
            (Some(_), Some(_)) if found.days_until_full.is_none() => "not within ten years".to_owned(),
            _ => String::new(),
        };
        let full_at = found.days_until_full.map_or_else(String::new, |days| {
            let ahead = Duration::try_from_secs_f64(days * 86_400.0).unwrap_or_default();
            iso_8601(FileTime::saturating_add(now(), ahead))
        });
        ForecastRow {
            quota_volume: self.volume.to_owned(),
            r#type: kind.to_owned(),
            name,
            disk_space_used: used,
            limit: limits.limit_bytes,
            bytes_per_day: found.bytes_per_day.map(f64::round),
            days_until_full: found.days_until_full.map(|days| (days * 10.0).round() / 10.0),
            full_at,
            history_days: (found.history_days * 10.0).round() / 10.0,
            remark,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1_000.0 / whole as f64).round() / 10.0 }
}
