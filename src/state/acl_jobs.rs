//! Work under way on trees of access-control lists, kept so that it goes on after a restart.
//!
//! A job is `preparing` until the descriptor of its tree's root is in place, then `queued`, `running`, and in the end `done` or
//! `failed`. The latest ended ones are kept to be looked at.

use freehold_acl::{AclEdit, SecurityDescriptor};
use freehold_dtyp::{Decode, Encode, FileTime, Wtf8, Wtf8Buf};
use rusqlite::{OptionalExtension, Row};

use super::{State, StateError, now, time_from_sql, time_to_sql};

/// Ended jobs that are kept.
const KEPT: i64 = 100;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclJobStatus {
    /// The root of the tree may have its new descriptor or not.
    Preparing,
    /// It waits for its turn.
    Queued,
    /// It is being done.
    Running,
    /// It has reached everything.
    Done,
    /// It has ended before that.
    Failed,
}

impl AclJobStatus {
    const ALL: [AclJobStatus; 5] = [
        AclJobStatus::Preparing,
        AclJobStatus::Queued,
        AclJobStatus::Running,
        AclJobStatus::Done,
        AclJobStatus::Failed,
    ];

    /// The word in the database and in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            AclJobStatus::Preparing => "preparing",
            AclJobStatus::Queued => "queued",
            AclJobStatus::Running => "running",
            AclJobStatus::Done => "done",
            AclJobStatus::Failed => "failed",
        }
    }

    /// True when nothing more will happen.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, AclJobStatus::Done | AclJobStatus::Failed)
    }
}

/// What a job is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAclJob {
    /// Volume, by its name in the configuration.
    pub volume: String,
    /// Root of the tree, below the volume's root.
    pub path: Wtf8Buf,
    /// What happens to everything below the root, besides inheriting anew.
    pub edit: Option<AclEdit>,
    /// Goes on when a file cannot be changed.
    pub continue_on_error: bool,
    /// SACLs are affected too, so that a protected DACL is no end.
    pub sacl: bool,
    /// What the root has before the job, and what it is to have.
    pub root: Option<(SecurityDescriptor, SecurityDescriptor)>,
}

/// How far a job has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AclJobProgress {
    /// Path of what was finished last, below the tree's root; `None` before the first, and again once the tree is done.
    pub position: Option<Wtf8Buf>,
    /// Files and folders looked at.
    pub visited: u64,
    /// Those whose descriptor was changed.
    pub changed: u64,
    /// Those that could not be changed.
    pub failed: u64,
    /// The first few of those, one a line, with the reason.
    pub errors: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclJob {
    /// Its number.
    pub id: i64,
    /// What it does.
    pub work: NewAclJob,
    /// Where it stands.
    pub status: AclJobStatus,
    /// How far it has come.
    pub progress: AclJobProgress,
    /// When it was asked for.
    pub created: FileTime,
    /// When it was begun first.
    pub started: Option<FileTime>,
    /// When it ended.
    pub ended: Option<FileTime>,
}

const COLUMNS: &str = "id, volume, path, edit, continue_on_error, sacl, root_before, root_after, status, position, \
                       visited, changed, failed, errors, created, started, ended";

impl State {
    /// Keeps a job as `preparing` (with [`NewAclJob::root`]) or `queued`, and gives its number.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn add_acl_job(&self, work: &NewAclJob) -> Result<i64, StateError> {
        let edit = work.edit.as_ref().map(|edit| serde_json::to_string(edit).unwrap_or_default());
        let status = if work.root.is_some() { AclJobStatus::Preparing } else { AclJobStatus::Queued };
        let (before, after) = match &work.root {
            Some((before, after)) => (Some(before.to_bytes()), Some(after.to_bytes())),
            None => (None, None),
        };
        let database = self.database.lock();
        database.execute(
            "INSERT INTO acl_job (volume, path, edit, continue_on_error, sacl, root_before, root_after, status, errors, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9)",
            (
                &work.volume,
                work.path.as_bytes(),
                edit,
                work.continue_on_error,
                work.sacl,
                before,
                after,
                status.word(),
                time_to_sql(now()),
            ),
        )?;
        Ok(database.last_insert_rowid())
    }

    /// The root is as the job wants it: it can be begun.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn queue_acl_job(&self, id: i64) -> Result<(), StateError> {
        let query =
            "UPDATE acl_job SET status = 'queued', root_before = NULL, root_after = NULL WHERE id = ?1";
        self.database.lock().execute(query, [id])?;
        Ok(())
    }

    /// What the job does to each object is done; handing down is not.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn acl_job_edited(&self, id: i64) -> Result<(), StateError> {
        self.database
            .lock()
            .execute("UPDATE acl_job SET edit = NULL, position = NULL WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Forgets a job that was not begun.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn drop_acl_job(&self, id: i64) -> Result<(), StateError> {
        self.database.lock().execute("DELETE FROM acl_job WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Keeps how far a job has come.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn keep_acl_job(
        &self,
        id: i64,
        status: AclJobStatus,
        progress: &AclJobProgress,
    ) -> Result<(), StateError> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let time = time_to_sql(now());
        let database = self.database.lock();
        database.execute(
            "UPDATE acl_job SET status = ?2, position = ?3, visited = ?4, changed = ?5, failed = ?6, errors = ?7,
             started = coalesce(started, ?8), ended = ?9 WHERE id = ?1",
            (
                id,
                status.word(),
                progress.position.as_ref().map(Wtf8Buf::as_bytes),
                number(progress.visited),
                number(progress.changed),
                number(progress.failed),
                &progress.errors,
                time,
                status.is_ended().then_some(time),
            ),
        )?;
        if status.is_ended() {
            database.execute(
                "DELETE FROM acl_job WHERE ended IS NOT NULL AND id NOT IN
                 (SELECT id FROM acl_job WHERE ended IS NOT NULL ORDER BY id DESC LIMIT ?1)",
                [KEPT],
            )?;
        }
        Ok(())
    }

    /// All jobs, oldest first.
    ///
    /// # Errors
    /// Failures of the database, and what this program never writes.
    pub fn acl_jobs(&self) -> Result<Vec<AclJob>, StateError> {
        let database = self.database.lock();
        let mut statement = database.prepare_cached(&format!("SELECT {COLUMNS} FROM acl_job ORDER BY id"))?;
        let mut rows = statement.query([])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(read(row)?);
        }
        Ok(jobs)
    }

    /// The oldest job of a volume that has not ended.
    ///
    /// # Errors
    /// As [`State::acl_jobs`].
    pub fn next_acl_job(&self, volume: &str) -> Result<Option<AclJob>, StateError> {
        let database = self.database.lock();
        let query = format!(
            "SELECT {COLUMNS} FROM acl_job WHERE volume = ?1 AND status IN ('queued', 'running') ORDER BY id LIMIT 1"
        );
        let job = database.prepare_cached(&query)?.query_row([volume], |row| Ok(read(row))).optional()?;
        job.transpose()
    }
}

fn read(row: &Row<'_>) -> Result<AclJob, StateError> {
    let damaged = |what| move || StateError::Damaged { what };
    let path = |bytes: Vec<u8>, what| {
        Wtf8::from_bytes(&bytes).map(Wtf8::to_owned).ok_or(StateError::Damaged { what })
    };
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let edit: Option<String> = row.get(3)?;
    let edit = edit.map(|text| serde_json::from_str(&text)).transpose();
    let descriptor = |bytes: Option<Vec<u8>>| {
        let read = bytes.map(|bytes| SecurityDescriptor::from_bytes(&bytes)).transpose();
        read.map_err(|_| StateError::Damaged { what: "acl_job.root_before" })
    };
    let root = descriptor(row.get(6)?)?.zip(descriptor(row.get(7)?)?);
    let status: String = row.get(8)?;
    let position: Option<Vec<u8>> = row.get(9)?;
    Ok(AclJob {
        id: row.get(0)?,
        work: NewAclJob {
            volume: row.get(1)?,
            path: path(row.get(2)?, "acl_job.path")?,
            edit: edit.map_err(|_| StateError::Damaged { what: "acl_job.edit" })?,
            continue_on_error: row.get(4)?,
            sacl: row.get(5)?,
            root,
        },
        status: AclJobStatus::ALL
            .into_iter()
            .find(|known| known.word() == status)
            .ok_or_else(damaged("acl_job.status"))?,
        progress: AclJobProgress {
            position: position.map(|bytes| path(bytes, "acl_job.position")).transpose()?,
            visited: count(row.get(10)?),
            changed: count(row.get(11)?),
            failed: count(row.get(12)?),
            errors: row.get(13)?,
        },
        created: time_from_sql(row.get(14)?),
        started: row.get::<_, Option<i64>>(15)?.map(time_from_sql),
        ended: row.get::<_, Option<i64>>(16)?.map(time_from_sql),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(path: &str) -> NewAclJob {
        NewAclJob {
            volume: "data".to_owned(),
            path: path.into(),
            edit: None,
            continue_on_error: false,
            sacl: false,
            root: None,
        }
    }

    #[test]
    fn jobs_are_kept_over_a_restart_and_taken_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let sd = |text: &str| text.parse::<SecurityDescriptor>().unwrap();
        let prepared = NewAclJob {
            edit: Some(AclEdit::Reset),
            root: Some((sd("O:BAG:SYD:"), sd("O:BAG:SYD:AI"))),
            ..work("a/b")
        };
        let first = state.add_acl_job(&prepared).unwrap();
        let second = state.add_acl_job(&work("c")).unwrap();
        // What is being prepared has no turn yet.
        assert_eq!(state.next_acl_job("data").unwrap().unwrap().id, second);
        assert_eq!(state.next_acl_job("other").unwrap(), None);
        assert_eq!(state.acl_jobs().unwrap()[0].work, prepared);
        state.queue_acl_job(first).unwrap();
        let progress = AclJobProgress {
            position: Some("x/y".into()),
            visited: 7,
            changed: 5,
            failed: 1,
            errors: "z: no".to_owned(),
        };
        state.keep_acl_job(first, AclJobStatus::Running, &progress).unwrap();
        drop(state);
        let state = State::open(folder.path()).unwrap();
        let job = state.next_acl_job("data").unwrap().unwrap();
        assert_eq!((job.id, job.status, &job.progress), (first, AclJobStatus::Running, &progress));
        assert_eq!(job.work, NewAclJob { root: None, ..prepared });
        assert!(job.started.is_some() && job.ended.is_none());
        state.keep_acl_job(first, AclJobStatus::Done, &progress).unwrap();
        assert_eq!(state.next_acl_job("data").unwrap().unwrap().id, second);
        state.drop_acl_job(second).unwrap();
        assert_eq!(state.next_acl_job("data").unwrap(), None);
    }

    #[test]
    fn ended_jobs_do_not_pile_up() {
        let state = State::in_memory().unwrap();
        let waiting = state.add_acl_job(&work("waits")).unwrap();
        for _ in 0..KEPT + 5 {
            let id = state.add_acl_job(&work("a")).unwrap();
            state.keep_acl_job(id, AclJobStatus::Failed, &AclJobProgress::default()).unwrap();
        }
        let jobs = state.acl_jobs().unwrap();
        assert_eq!(jobs.len(), usize::try_from(KEPT).unwrap() + 1);
        assert_eq!(jobs[0].id, waiting);
    }
}
