//! Persistent opens in the database. Changes that come at the same time are written in one transaction, so that many clients
//! share one wait for the disk; each caller returns when its change is durable.

use std::sync::Arc;

use freehold_dtyp::{Guid, Sid};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Row, Transaction, TransactionBehavior, params};

use super::persistent::{
    PersistentAppInstance, PersistentChange, PersistentLease, PersistentLock, PersistentLocks,
    PersistentMarks, PersistentOpen,
};
use super::{State, StateError};

/// Bytes of one lock in the database: offset, length, kind.
const LOCK_BYTES: usize = 8 + 8 + 1;

/// A change that waits to be written, and how that ended.
struct Waiting {
    change: PersistentChange,
    outcome: Mutex<Option<Result<(), String>>>,
}

/// Changes on their way to the database.
#[derive(Default)]
pub(super) struct Batch {
    queue: Mutex<Queue>,
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Arc<Waiting>>,
    /// Somebody is writing; what comes meanwhile goes with the next batch.
    writing: bool,
}

impl State {
    /// Makes a change of the persistent opens durable, together with others that come at the same time.
    ///
    /// # Errors
    /// [`StateError::Batch`] when the database could not be written.
    pub fn change_persistent(&self, change: PersistentChange) -> Result<(), StateError> {
        let mine = Arc::new(Waiting { change, outcome: Mutex::new(None) });
        let mut queue = self.persistent.queue.lock();
        queue.waiting.push(Arc::clone(&mine));
        loop {
            if let Some(outcome) = mine.outcome.lock().take() {
                return outcome.map_err(StateError::Batch);
            }
            if queue.writing {
                self.persistent.written.wait(&mut queue);
                continue;
            }
            queue.writing = true;
            let batch = std::mem::take(&mut queue.waiting);
            drop(queue);
            let outcome = self.write_batch(&batch).map_err(|error| error.to_string());
            for waiting in &batch {
                *waiting.outcome.lock() = Some(outcome.clone());
            }
            queue = self.persistent.queue.lock();
            queue.writing = false;
            self.persistent.written.notify_all();
        }
    }

    fn write_batch(&self, batch: &[Arc<Waiting>]) -> Result<(), StateError> {
        let mut database = self.database.lock();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for waiting in batch {
            apply(&transaction, &waiting.change)?;
        }
        Ok(transaction.commit()?)
    }

    /// The persistent opens that a former life of the server has left.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn persistent_opens(&self) -> Result<Vec<PersistentOpen>, StateError> {
        let database = self.database.lock();
        let mut statement = database.prepare_cached("SELECT * FROM persistent_open ORDER BY id")?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn apply(transaction: &Transaction<'_>, change: &PersistentChange) -> Result<(), StateError> {
    match change {
        PersistentChange::Grant(open) => grant(transaction, open),
        PersistentChange::Locks { id, locks } => {
            transaction
                .prepare_cached(
                    "UPDATE persistent_open SET locks = ?2, lock_sequence = ?3, lock_version = ?4
                     WHERE id = ?1 AND lock_version < ?4",
                )?
                .execute(params![
                    id.cast_signed(),
                    encode_locks(&locks.locks),
                    locks.sequence,
                    locks.version.cast_signed()
                ])?;
            Ok(())
        }
        PersistentChange::Path { id, path } => {
            transaction
                .prepare_cached("UPDATE persistent_open SET path = ?2 WHERE id = ?1")?
                .execute(params![id.cast_signed(), path])?;
            Ok(())
        }
        PersistentChange::Stream { id, stream } => {
            transaction
                .prepare_cached("UPDATE persistent_open SET stream = ?2 WHERE id = ?1")?
                .execute(params![id.cast_signed(), stream])?;
            Ok(())
        }
        PersistentChange::Marks { id, marks } => mark(transaction, *id, marks),
        PersistentChange::Close { id } => {
            transaction
                .prepare_cached("DELETE FROM persistent_open WHERE id = ?1")?
                .execute([id.cast_signed()])?;
            Ok(())
        }
    }
}

fn mark(transaction: &Transaction<'_>, id: u64, marks: &PersistentMarks) -> Result<(), StateError> {
    transaction
        .prepare_cached(
            "UPDATE persistent_open SET oplock_level = ?3, lease_state = coalesce(?4, lease_state),
             lease_epoch = coalesce(?5, lease_epoch), delete_pending = ?6, timeout_ms = ?7, marks_version = ?2
             WHERE id = ?1 AND marks_version < ?2",
        )?
        .execute(params![
            id.cast_signed(),
            marks.version.cast_signed(),
            marks.oplock_level,
            marks.lease.map(|(state, _)| state),
            marks.lease.map(|(_, epoch)| epoch),
            marks.delete_pending,
            marks.timeout_ms,
        ])?;
    Ok(())
}

fn grant(transaction: &Transaction<'_>, open: &PersistentOpen) -> Result<(), StateError> {
    let lease = open.lease.as_ref();
    let app_version = open.app_instance.and_then(|instance| instance.version);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO persistent_open (id, share, path, stream, file, owner, user_name, client_guid,
             create_guid, create_action, desired_access, granted_access, share_access, create_options, timeout_ms,
             delete_on_close, posix, oplock_level, lease_key, lease_state, lease_version, lease_epoch, lease_parent, locks,
             lock_sequence, lock_version, delete_pending, marks_version, app_instance, app_version_high, app_version_low)
             VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
             ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)",
        )?
        .execute(params![
            open.id.cast_signed(),
            open.share,
            open.path,
            open.stream,
            open.file.cast_signed(),
            open.owner.to_string(),
            open.user,
            open.client_guid.0,
            open.create_guid.0,
            open.action,
            open.desired_access,
            open.granted_access,
            open.share_access,
            open.create_options,
            open.timeout_ms,
            open.delete_on_close,
            open.posix,
            open.oplock_level,
            lease.map(|lease| lease.key),
            lease.map(|lease| lease.state),
            lease.map(|lease| lease.version),
            lease.map(|lease| lease.epoch),
            lease.and_then(|lease| lease.parent),
            encode_locks(&open.locks.locks),
            open.locks.sequence,
            open.locks.version.cast_signed(),
            open.delete_pending,
            open.marks_version.cast_signed(),
            open.app_instance.map(|instance| instance.id.0),
            app_version.map(|(high, _)| high.cast_signed()),
            app_version.map(|(_, low)| low.cast_signed()),
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<PersistentOpen> {
    let unsigned = |name: &str| row.get::<_, i64>(name).map(i64::cast_unsigned);
    let owner: String = row.get("owner")?;
    let damaged = |name: &str, error: Box<dyn std::error::Error + Send + Sync>| {
        let index = row.as_ref().column_index(name).unwrap_or(0);
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error)
    };
    let owner: Sid = owner.parse().map_err(|_| damaged("owner", "not a SID".into()))?;
    let lease = match row.get::<_, Option<[u8; 16]>>("lease_key")? {
        Some(key) => Some(PersistentLease {
            key,
            state: row.get("lease_state")?,
            version: row.get("lease_version")?,
            epoch: row.get("lease_epoch")?,
            parent: row.get("lease_parent")?,
        }),
        None => None,
    };
    let app_instance = match row.get::<_, Option<[u8; 16]>>("app_instance")? {
        Some(id) => {
            let half = |name: &str| row.get::<_, Option<i64>>(name).map(|half| half.map(i64::cast_unsigned));
            let version = half("app_version_high")?.zip(half("app_version_low")?);
            Some(PersistentAppInstance { id: Guid(id), version })
        }
        None => None,
    };
    let locks: Vec<u8> = row.get("locks")?;
    Ok(PersistentOpen {
        id: unsigned("id")?,
        share: row.get("share")?,
        path: row.get("path")?,
        stream: row.get("stream")?,
        file: unsigned("file")?,
        owner,
        user: row.get("user_name")?,
        client_guid: Guid(row.get("client_guid")?),
        create_guid: Guid(row.get("create_guid")?),
        action: row.get("create_action")?,
        desired_access: row.get("desired_access")?,
        granted_access: row.get("granted_access")?,
        share_access: row.get("share_access")?,
        create_options: row.get("create_options")?,
        timeout_ms: row.get("timeout_ms")?,
        delete_on_close: row.get("delete_on_close")?,
        delete_pending: row.get("delete_pending")?,
        marks_version: unsigned("marks_version")?,
        app_instance,
        posix: row.get("posix")?,
        oplock_level: row.get("oplock_level")?,
        lease,
        locks: PersistentLocks {
            version: unsigned("lock_version")?,
            locks: decode_locks(&locks),
            sequence: row.get("lock_sequence")?,
        },
    })
}

fn encode_locks(locks: &[PersistentLock]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(locks.len() * LOCK_BYTES);
    for lock in locks {
        bytes.extend(lock.offset.to_le_bytes());
        bytes.extend(lock.length_bytes.to_le_bytes());
        bytes.push(u8::from(lock.exclusive));
    }
    bytes
}

fn decode_locks(bytes: &[u8]) -> Vec<PersistentLock> {
    let (locks, _) = bytes.as_chunks::<LOCK_BYTES>();
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    locks
        .iter()
        .map(|lock| PersistentLock {
            offset: number(&lock[..8]),
            length_bytes: number(&lock[8..16]),
            exclusive: lock[16] != 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: u64) -> PersistentOpen {
        PersistentOpen {
            id,
            share: "CA".to_owned(),
            path: b"folder/file".to_vec(),
            stream: Some(b"stream".to_vec()),
            file: u64::MAX - 7,
            owner: Sid::SYSTEM,
            user: "anna".to_owned(),
            client_guid: Guid([1; 16]),
            create_guid: Guid([2; 16]),
            action: 2,
            desired_access: 0x8000_0000,
            granted_access: 0x0012_0089,
            share_access: 7,
            create_options: 0x40,
            timeout_ms: 300_000,
            delete_on_close: true,
            delete_pending: false,
            marks_version: 0,
            app_instance: Some(PersistentAppInstance { id: Guid([5; 16]), version: Some((u64::MAX, 1)) }),
            posix: true,
            oplock_level: 0,
            lease: Some(PersistentLease {
                key: [3; 16],
                state: 7,
                version: 2,
                epoch: 9,
                parent: Some([4; 16]),
            }),
            locks: PersistentLocks::default(),
        }
    }

    fn lock(offset: u64) -> PersistentLock {
        PersistentLock { offset, length_bytes: u64::MAX - offset, exclusive: offset.is_multiple_of(2) }
    }

    #[test]
    fn a_persistent_open_is_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let plain =
            PersistentOpen { stream: None, lease: None, oplock_level: 9, app_instance: None, ..open(1) };
        state.change_persistent(PersistentChange::Grant(Box::new(plain.clone()))).unwrap();
        state.change_persistent(PersistentChange::Grant(Box::new(open(2)))).unwrap();
        let locks = PersistentLocks { version: 1, locks: vec![lock(3), lock(8)], sequence: vec![255, 4] };
        state.change_persistent(PersistentChange::Locks { id: 2, locks: locks.clone() }).unwrap();
        state.change_persistent(PersistentChange::Path { id: 1, path: b"other".to_vec() }).unwrap();
        drop(state);
        let found = State::open(folder.path()).unwrap().persistent_opens().unwrap();
        let expected =
            [PersistentOpen { path: b"other".to_vec(), ..plain }, PersistentOpen { locks, ..open(2) }];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_older_list_of_locks_does_not_replace_a_newer_one() {
        let state = State::in_memory().unwrap();
        state.change_persistent(PersistentChange::Grant(Box::new(open(1)))).unwrap();
        let change = |version, locks| PersistentChange::Locks {
            id: 1,
            locks: PersistentLocks { version, locks, sequence: Vec::new() },
        };
        state.change_persistent(change(2, vec![lock(1)])).unwrap();
        state.change_persistent(change(1, Vec::new())).unwrap();
        assert_eq!(state.persistent_opens().unwrap()[0].locks.locks, [lock(1)]);
    }

    #[test]
    fn what_others_change_of_an_open_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let unversioned = Some(PersistentAppInstance { id: Guid([6; 16]), version: None });
        let bare = PersistentOpen { lease: None, oplock_level: 9, app_instance: unversioned, ..open(1) };
        for open in [bare.clone(), open(2)] {
            state.change_persistent(PersistentChange::Grant(Box::new(open))).unwrap();
        }
        let marks = |version, oplock_level, lease, delete_pending| PersistentMarks {
            version,
            oplock_level,
            lease,
            delete_pending,
            timeout_ms: 2_000,
        };
        for (id, marks) in [
            (1, marks(1, 1, None, true)),
            (2, marks(2, 0, Some((3, 11)), true)),
            // Comes late: what is newer stays.
            (2, marks(1, 0, Some((7, 10)), false)),
            // Nobody knows it.
            (3, marks(1, 0, None, true)),
        ] {
            state.change_persistent(PersistentChange::Marks { id, marks }).unwrap();
        }
        let stream = Some(b"renamed".to_vec());
        state.change_persistent(PersistentChange::Stream { id: 2, stream: stream.clone() }).unwrap();
        drop(state);
        let found = State::open(folder.path()).unwrap().persistent_opens().unwrap();
        let lease = open(2).lease.map(|lease| PersistentLease { state: 3, epoch: 11, ..lease });
        let expected = [
            PersistentOpen {
                oplock_level: 1,
                delete_pending: true,
                timeout_ms: 2_000,
                marks_version: 1,
                ..bare
            },
            PersistentOpen {
                lease,
                delete_pending: true,
                timeout_ms: 2_000,
                marks_version: 2,
                stream,
                ..open(2)
            },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn changes_at_the_same_time_are_all_written() {
        let state = State::in_memory().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let state = &state;
                scope.spawn(move || {
                    for number in 0..50 {
                        let id = thread * 100 + number;
                        state.change_persistent(PersistentChange::Grant(Box::new(open(id)))).unwrap();
                        if number % 2 == 0 {
                            state.change_persistent(PersistentChange::Close { id }).unwrap();
                        }
                    }
                });
            }
        });
        let left = state.persistent_opens().unwrap();
        assert_eq!(left.len(), 8 * 25);
        assert!(left.iter().all(|open| open.id % 2 == 1));
    }
}
