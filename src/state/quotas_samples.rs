//! Usage of the past, for forecasts: hourly for two days, then daily for ninety.

use std::collections::HashMap;

use freehold_quotas::FolderQuotaId;
use rusqlite::TransactionBehavior;

use super::quotas::{Sample, SampleSubject};
use super::quotas_changes::{from_sql, sid_from};
use super::{State, StateError};

/// Samples of the last so many hours are all kept.
const HOURLY_FOR: i64 = 48;
/// Of older ones one a day is kept, for so many hours.
const DAILY_FOR: i64 = 90 * 24;

impl State {
    /// Keeps what was used in the hour `hour` (since 1970), and drops what is too old.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn add_quota_samples(
        &self,
        volume: &str,
        hour: i64,
        samples: &[(SampleSubject, u64)],
    ) -> Result<(), StateError> {
        let mut database = self.database.lock();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached(
                "INSERT OR REPLACE INTO quota_sample (volume, subject, hour, used) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (subject, used) in samples {
                let used = i64::try_from(*used).unwrap_or(i64::MAX);
                statement.execute((volume, subject_text(subject), hour, used))?;
            }
        }
        // Of a day that is over the first sample stays, whichever hour that was: the server may have been off.
        transaction.execute(
            "DELETE FROM quota_sample WHERE volume = ?1 AND (hour < ?2 OR (hour < ?3 AND EXISTS (
                SELECT 1 FROM quota_sample AS first WHERE first.volume = quota_sample.volume
                AND first.subject = quota_sample.subject AND first.hour < quota_sample.hour
                AND first.hour >= quota_sample.hour / 24 * 24)))",
            (volume, hour.saturating_sub(DAILY_FOR), hour.saturating_sub(HOURLY_FOR)),
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// All samples of a volume, each subject's in the order of time.
    ///
    /// # Errors
    /// [`StateError::Damaged`] and failures of the database.
    pub fn quota_samples(&self, volume: &str) -> Result<HashMap<SampleSubject, Vec<Sample>>, StateError> {
        let database = self.database.lock();
        let mut statement = database
            .prepare_cached("SELECT subject, hour, used FROM quota_sample WHERE volume = ?1 ORDER BY hour")?;
        let mut samples: HashMap<SampleSubject, Vec<Sample>> = HashMap::new();
        let mut rows = statement.query([volume])?;
        while let Some(row) = rows.next()? {
            let subject: String = row.get(0)?;
            let sample = Sample { hour: row.get(1)?, used_bytes: from_sql(row.get(2)?).unwrap_or(0) };
            samples.entry(subject_from(&subject)?).or_default().push(sample);
        }
        Ok(samples)
    }

    /// Raises the most that folder quotas have seen.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn raise_quota_peaks(&self, peaks: &[(FolderQuotaId, u64)]) -> Result<(), StateError> {
        let mut database = self.database.lock();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (id, bytes) in peaks {
            let id = i64::try_from(id.0).unwrap_or(i64::MAX);
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            transaction.execute(
                "UPDATE quota_folder SET peak_bytes = max(peak_bytes, ?2) WHERE id = ?1",
                (id, bytes),
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The most that folder quotas have seen.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn quota_peaks(&self) -> Result<HashMap<FolderQuotaId, u64>, StateError> {
        let database = self.database.lock();
        let mut statement = database.prepare_cached("SELECT id, peak_bytes FROM quota_folder")?;
        let mut peaks = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
            peaks.insert(FolderQuotaId(id), from_sql(row.get(1)?).unwrap_or(0));
        }
        Ok(peaks)
    }
}

fn subject_text(subject: &SampleSubject) -> String {
    match subject {
        SampleSubject::Volume => String::new(),
        SampleSubject::Owner(sid) => sid.to_string(),
        SampleSubject::Folder(id) => format!("folder:{}", id.0),
    }
}

fn subject_from(text: &str) -> Result<SampleSubject, StateError> {
    if text.is_empty() {
        return Ok(SampleSubject::Volume);
    }
    match text.strip_prefix("folder:") {
        Some(id) => {
            let id = id.parse().map_err(|_| StateError::Damaged { what: "quota_sample.subject" })?;
            Ok(SampleSubject::Folder(FolderQuotaId(id)))
        }
        None => Ok(SampleSubject::Owner(sid_from(text)?)),
    }
}
