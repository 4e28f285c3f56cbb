//! Reads and changes quotas in the database.
//!
//! With a hundred thousand entries on a volume a change must not read all of them again: it is made in the database and in a
//! copy of the snapshot, and the copy is put in place once the database has it.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_dtyp::Sid;
use freehold_quotas::{FolderQuotaId, Limits, Mode, Settings};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::accounts::fold_name;
use super::quotas::{
    AutoQuota, FolderEntry, FolderLimit, GroupMembers, Notification, QuotaEdit, QuotaTemplate,
    QuotasSnapshot, VolumeQuotas,
};
use super::{Change, State, StateError, time_from_sql, time_to_sql};

impl State {
    /// Quotas as of now. Does not block.
    #[must_use]
    pub fn quotas(&self) -> Arc<QuotasSnapshot> {
        self.quotas.load_full()
    }

    /// Makes all of `edits`, in their order, or none.
    ///
    /// # Errors
    /// [`StateError::Invalid`] with the field, and failures of the database.
    pub fn edit_quotas(&self, edits: &[QuotaEdit]) -> Result<(), StateError> {
        let mut volumes: Vec<String> = Vec::new();
        {
            let mut database = self.database.lock();
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut snapshot = QuotasSnapshot::clone(&self.quotas.load());
            for edit in edits {
                let edit = checked(edit)?;
                apply(&transaction, &mut snapshot, &edit)?;
                volumes.extend(touched(&snapshot, &edit));
                volumes.dedup();
            }
            transaction.commit()?;
            self.quotas.store(Arc::new(snapshot));
        }
        volumes.sort_unstable();
        volumes.dedup();
        for listener in self.listeners.lock().iter() {
            for volume in &volumes {
                listener(&Change::QuotasChanged(volume.clone()));
            }
        }
        Ok(())
    }
}

/// Volumes whose limits differ after `edit`.
fn touched(snapshot: &QuotasSnapshot, edit: &QuotaEdit) -> Vec<String> {
    match edit {
        QuotaEdit::Settings { volume, .. }
        | QuotaEdit::Entry { volume, .. }
        | QuotaEdit::Group { volume, .. }
        | QuotaEdit::Folder { volume, .. }
        | QuotaEdit::MoveFolders { volume, .. }
        | QuotaEdit::Auto { volume, .. } => vec![volume.clone()],
        QuotaEdit::Template { .. } | QuotaEdit::Notification(_) => Vec::new(),
        QuotaEdit::Members { group, .. } => {
            let ruled = snapshot.volumes.iter().filter(|(_, quotas)| quotas.groups.contains_key(group));
            ruled.map(|(name, _)| name.clone()).collect()
        }
    }
}

/// Makes one edit in the database and in the snapshot.
fn apply(
    transaction: &Transaction<'_>,
    snapshot: &mut QuotasSnapshot,
    edit: &QuotaEdit,
) -> Result<(), StateError> {
    match edit {
        QuotaEdit::Settings { volume, settings } => {
            store_settings(transaction, volume, settings)?;
            of_volume(snapshot, volume).settings = *settings;
        }
        QuotaEdit::Entry { volume, owner, limits } => {
            store_limits(transaction, "quota_entry", volume, owner, limits.as_ref())?;
            let own = &mut of_volume(snapshot, volume).own;
            match limits {
                Some(limits) => own.insert(*owner, *limits),
                None => own.remove(owner),
            };
        }
        QuotaEdit::Group { volume, group, limits } => {
            store_limits(transaction, "quota_group", volume, group, limits.as_ref())?;
            let groups = &mut of_volume(snapshot, volume).groups;
            match limits {
                Some(limits) => groups.insert(*group, *limits),
                None => groups.remove(group),
            };
        }
        QuotaEdit::Folder { volume, path, entry } => {
            let kept = of_volume(snapshot, volume).folders.get(path).map(|(id, _)| *id);
            let id = store_folder(transaction, volume, path, kept, entry.as_ref())?;
            let folders = &mut of_volume(snapshot, volume).folders;
            match (id, entry) {
                (Some(id), Some(entry)) => folders.insert(path.clone(), (id, entry.clone())),
                _ => folders.remove(path),
            };
        }
        QuotaEdit::MoveFolders { volume, from, to } => {
            move_folders(transaction, of_volume(snapshot, volume), volume, from, to)?;
        }
        QuotaEdit::Auto { volume, path, auto } => {
            store_auto(transaction, volume, path, auto.as_ref())?;
            let autos = &mut of_volume(snapshot, volume).autos;
            match auto {
                Some(auto) => autos.insert(path.clone(), auto.clone()),
                None => autos.remove(path),
            };
        }
        QuotaEdit::Template { name, limit } => {
            store_template(transaction, name, limit.as_ref())?;
            match limit {
                Some(limit) => {
                    let template = QuotaTemplate { name: name.clone(), limit: limit.clone() };
                    snapshot.templates.insert(fold_name(name), Arc::new(template));
                }
                None => {
                    snapshot.templates.remove(&fold_name(name));
                }
            }
        }
        QuotaEdit::Notification(notification) => {
            store_notification(transaction, notification)?;
            snapshot.notification = Arc::new(notification.clone());
        }
        QuotaEdit::Members { group, members } => {
            let before = snapshot.members.get(group).cloned().unwrap_or_default();
            store_members(transaction, group, &before, members.as_ref())?;
            match members {
                Some(members) => snapshot.members.insert(*group, Arc::new(members.clone())),
                None => snapshot.members.remove(group),
            };
        }
    }
    Ok(())
}

fn of_volume<'a>(snapshot: &'a mut QuotasSnapshot, volume: &str) -> &'a mut VolumeQuotas {
    Arc::make_mut(snapshot.volumes.entry(volume.to_owned()).or_default())
}

fn store_settings(
    transaction: &Transaction<'_>,
    volume: &str,
    settings: &Settings,
) -> Result<(), StateError> {
    transaction.execute(
        "INSERT INTO quota_volume (volume, mode, default_limit, default_warning, record_warning, record_limit)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (volume) DO UPDATE SET mode = ?2, default_limit = ?3, default_warning = ?4,
         record_warning = ?5, record_limit = ?6",
        (
            volume,
            mode_word(settings.mode),
            to_sql(settings.default.limit_bytes),
            to_sql(settings.default.warning_bytes),
            settings.record_warning,
            settings.record_limit,
        ),
    )?;
    Ok(())
}

/// `table` is one of two constants of this file.
fn store_limits(
    transaction: &Transaction<'_>,
    table: &'static str,
    volume: &str,
    sid: &Sid,
    limits: Option<&Limits>,
) -> Result<(), StateError> {
    match limits {
        Some(limits) => {
            let mut statement = transaction.prepare_cached(&format!(
                "INSERT INTO {table} (volume, sid, limit_bytes, warning_bytes) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (volume, sid) DO UPDATE SET limit_bytes = ?3, warning_bytes = ?4"
            ))?;
            statement.execute((
                volume,
                sid.to_string(),
                to_sql(limits.limit_bytes),
                to_sql(limits.warning_bytes),
            ))?;
        }
        None => {
            let mut statement =
                transaction.prepare_cached(&format!("DELETE FROM {table} WHERE volume = ?1 AND sid = ?2"))?;
            statement.execute((volume, sid.to_string()))?;
        }
    }
    Ok(())
}

fn store_folder(
    transaction: &Transaction<'_>,
    volume: &str,
    path: &str,
    kept: Option<FolderQuotaId>,
    entry: Option<&FolderEntry>,
) -> Result<Option<FolderQuotaId>, StateError> {
    let Some(entry) = entry else {
        if let Some(id) = kept {
            let subject = format!("folder:{}", id.0);
            transaction
                .execute("DELETE FROM quota_sample WHERE volume = ?1 AND subject = ?2", (volume, subject))?;
        }
        transaction.execute("DELETE FROM quota_folder WHERE volume = ?1 AND path = ?2", (volume, path))?;
        return Ok(None);
    };
    let limit = &entry.limit;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO quota_folder (volume, path, limit_bytes, hard, thresholds, description, disabled, template, auto)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (volume, path) DO UPDATE SET limit_bytes = ?3, hard = ?4, thresholds = ?5, description = ?6,
         disabled = ?7, template = ?8, auto = ?9",
    )?;
    statement.execute((
        volume,
        path,
        to_sql(limit.limit_bytes),
        limit.hard,
        thresholds_text(&limit.thresholds_percent),
        &limit.description,
        entry.disabled,
        &entry.template,
        &entry.auto,
    ))?;
    let id = match kept {
        Some(id) => id,
        None => FolderQuotaId(u64::try_from(transaction.last_insert_rowid()).unwrap_or(0)),
    };
    Ok(Some(id))
}

fn move_folders(
    transaction: &Transaction<'_>,
    quotas: &mut VolumeQuotas,
    volume: &str,
    from: &str,
    to: &str,
) -> Result<(), StateError> {
    let moved = |path: &str| -> Option<String> {
        let rest = path.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
    };
    let folders: Vec<(String, String)> =
        quotas.folders.keys().filter_map(|path| Some((path.clone(), moved(path)?))).collect();
    let autos: Vec<(String, String)> =
        quotas.autos.keys().filter_map(|path| Some((path.clone(), moved(path)?))).collect();
    for (old, new) in folders {
        // Whatever had a quota under the new name is not there any more.
        transaction.execute("DELETE FROM quota_folder WHERE volume = ?1 AND path = ?2", (volume, &new))?;
        transaction.execute(
            "UPDATE quota_folder SET path = ?3 WHERE volume = ?1 AND path = ?2",
            (volume, &old, &new),
        )?;
        if let Some(entry) = quotas.folders.remove(&old) {
            quotas.folders.insert(new, entry);
        }
    }
    for (old, new) in autos {
        transaction.execute("DELETE FROM quota_auto WHERE volume = ?1 AND path = ?2", (volume, &new))?;
        transaction.execute(
            "UPDATE quota_auto SET path = ?3 WHERE volume = ?1 AND path = ?2",
            (volume, &old, &new),
        )?;
        transaction.execute(
            "UPDATE quota_folder SET auto = ?3 WHERE volume = ?1 AND auto = ?2",
            (volume, &old, &new),
        )?;
        if let Some(auto) = quotas.autos.remove(&old) {
            quotas.autos.insert(new.clone(), auto);
        }
        for (_, entry) in quotas.folders.values_mut() {
            if entry.auto.as_deref() == Some(old.as_str()) {
                entry.auto = Some(new.clone());
            }
        }
    }
    Ok(())
}

fn store_auto(
    transaction: &Transaction<'_>,
    volume: &str,
    path: &str,
    auto: Option<&AutoQuota>,
) -> Result<(), StateError> {
    match auto {
        Some(auto) => transaction.execute(
            "INSERT INTO quota_auto (volume, path, template, disabled) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (volume, path) DO UPDATE SET template = ?3, disabled = ?4",
            (volume, path, &auto.template, auto.disabled),
        )?,
        None => {
            transaction.execute("DELETE FROM quota_auto WHERE volume = ?1 AND path = ?2", (volume, path))?
        }
    };
    Ok(())
}

fn store_template(
    transaction: &Transaction<'_>,
    name: &str,
    limit: Option<&FolderLimit>,
) -> Result<(), StateError> {
    match limit {
        Some(limit) => transaction.execute(
            "INSERT INTO quota_template (folded_name, name, limit_bytes, hard, thresholds, description)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (folded_name) DO UPDATE SET name = ?2, limit_bytes = ?3, hard = ?4, thresholds = ?5,
             description = ?6",
            (
                fold_name(name),
                name,
                to_sql(limit.limit_bytes),
                limit.hard,
                thresholds_text(&limit.thresholds_percent),
                &limit.description,
            ),
        )?,
        None => {
            transaction.execute("DELETE FROM quota_template WHERE folded_name = ?1", [fold_name(name)])?
        }
    };
    Ok(())
}

fn store_notification(transaction: &Transaction<'_>, to: &Notification) -> Result<(), StateError> {
    transaction.execute("DELETE FROM quota_notification", ())?;
    transaction.execute(
        "INSERT INTO quota_notification (id, webhook, webhook_secret) VALUES (1, ?1, ?2)",
        (&to.webhook, to.webhook_secret.as_ref().map(|secret| secret.as_str())),
    )?;
    transaction.execute("DELETE FROM quota_command", ())?;
    for (position, word) in to.command.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        transaction
            .execute("INSERT INTO quota_command (position, word) VALUES (?1, ?2)", (position, word))?;
    }
    Ok(())
}

/// Writes what differs: most look-ups of a large group find nobody new.
fn store_members(
    transaction: &Transaction<'_>,
    group: &Sid,
    before: &GroupMembers,
    after: Option<&GroupMembers>,
) -> Result<(), StateError> {
    let group = group.to_string();
    let Some(after) = after else {
        transaction.execute("DELETE FROM quota_group_look_up WHERE group_sid = ?1", [&group])?;
        return Ok(());
    };
    transaction.execute(
        "INSERT INTO quota_group_look_up (group_sid, as_of) VALUES (?1, ?2)
         ON CONFLICT (group_sid) DO UPDATE SET as_of = ?2",
        (&group, time_to_sql(after.as_of)),
    )?;
    let mut insert = transaction
        .prepare_cached("INSERT OR IGNORE INTO quota_group_member (group_sid, member_sid) VALUES (?1, ?2)")?;
    for member in after.members.iter().filter(|sid| before.members.binary_search(sid).is_err()) {
        insert.execute((&group, member.to_string()))?;
    }
    let mut delete = transaction
        .prepare_cached("DELETE FROM quota_group_member WHERE group_sid = ?1 AND member_sid = ?2")?;
    for member in before.members.iter().filter(|sid| after.members.binary_search(sid).is_err()) {
        delete.execute((&group, member.to_string()))?;
    }
    Ok(())
}

/// The edit in its stored form.
pub(super) fn checked(edit: &QuotaEdit) -> Result<QuotaEdit, StateError> {
    let mut edit = edit.clone();
    match &mut edit {
        QuotaEdit::Settings { settings, .. } => check_limits(&settings.default)?,
        QuotaEdit::Entry { limits: Some(limits), .. } | QuotaEdit::Group { limits: Some(limits), .. } => {
            check_limits(limits)?;
        }
        QuotaEdit::Folder { entry: Some(FolderEntry { limit, .. }), .. }
        | QuotaEdit::Template { limit: Some(limit), .. } => check_folder_limit(limit)?,
        QuotaEdit::Members { members: Some(members), .. } => {
            members.members.sort_unstable();
            members.members.dedup();
        }
        _ => {}
    }
    if let QuotaEdit::Template { name, limit: Some(_) } = &edit {
        check_template_name(name)?;
    }
    Ok(edit)
}

/// Largest size that the database and the wire's signed numbers hold.
const MAX_BYTES: u64 = i64::MAX as u64;
/// Most thresholds of a folder quota, as FSRM allows.
const MAX_THRESHOLDS: usize = 10;
/// Longest description in characters.
const MAX_DESCRIPTION: usize = 1_024;
/// Longest name of a template in characters.
const MAX_TEMPLATE_NAME: usize = 100;

fn check_limits(limits: &Limits) -> Result<(), StateError> {
    check_size("limit", limits.limit_bytes)?;
    check_size("warning limit", limits.warning_bytes)
}

fn check_size(field: &'static str, bytes: Option<u64>) -> Result<(), StateError> {
    match bytes.filter(|bytes| *bytes > MAX_BYTES) {
        Some(bytes) => {
            let allowed = "expected at most 9223372036854775807 bytes, or none";
            Err(StateError::Invalid { field, found: bytes.to_string(), allowed })
        }
        None => Ok(()),
    }
}

fn check_folder_limit(limit: &mut FolderLimit) -> Result<(), StateError> {
    let invalid = |field, found: String, allowed| Err(StateError::Invalid { field, found, allowed });
    check_size("size", limit.limit_bytes)?;
    limit.thresholds_percent.sort_unstable();
    limit.thresholds_percent.dedup();
    if let Some(wrong) = limit.thresholds_percent.iter().find(|percent| !(1..=250).contains(*percent)) {
        return invalid("threshold", wrong.to_string(), "expected percentages from 1 to 250");
    }
    if limit.thresholds_percent.len() > MAX_THRESHOLDS {
        let found = format!("{} percentages", limit.thresholds_percent.len());
        return invalid("threshold", found, "expected at most 10 percentages");
    }
    if limit.description.chars().count() > MAX_DESCRIPTION || limit.description.chars().any(char::is_control)
    {
        let found = format!("{} characters long", limit.description.chars().count());
        return invalid("description", found, "expected at most 1024 characters, no control characters");
    }
    Ok(())
}

fn check_template_name(name: &str) -> Result<(), StateError> {
    let length = name.chars().count();
    if !(1..=MAX_TEMPLATE_NAME).contains(&length) || name.trim() != name || name.chars().any(char::is_control)
    {
        return Err(StateError::Invalid {
            field: "template name",
            found: format!("{name:?}"),
            allowed: "expected 1 to 100 characters, no space at either end, no control characters",
        });
    }
    Ok(())
}

fn to_sql(bytes: Option<u64>) -> Option<i64> {
    bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

pub(super) fn from_sql(value: Option<i64>) -> Option<u64> {
    value.and_then(|bytes| u64::try_from(bytes).ok())
}

const fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Track => "track",
        Mode::Enforce => "enforce",
    }
}

fn thresholds_text(thresholds: &[u16]) -> String {
    thresholds.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

fn thresholds_from(text: &str) -> Result<Vec<u16>, StateError> {
    let numbers = text.split(',').filter(|part| !part.is_empty()).map(str::parse);
    numbers.collect::<Result<_, _>>().map_err(|_| StateError::Damaged { what: "quota thresholds" })
}

pub(super) fn sid_from(text: &str) -> Result<Sid, StateError> {
    text.parse().map_err(|_| StateError::Damaged { what: "SID of a quota" })
}

/// Limit, hard, thresholds, description from four columns.
fn folder_limit(row: &Row<'_>, first: usize) -> Result<FolderLimit, StateError> {
    let thresholds: String = row.get(first + 2)?;
    Ok(FolderLimit {
        limit_bytes: from_sql(row.get(first)?),
        hard: row.get(first + 1)?,
        thresholds_percent: thresholds_from(&thresholds)?,
        description: row.get(first + 3)?,
    })
}

/// The snapshot of what the database holds.
pub(super) fn load(database: &Connection) -> Result<QuotasSnapshot, StateError> {
    let mut snapshot = QuotasSnapshot::default();
    load_settings(database, &mut snapshot)?;
    load_limits(database, &mut snapshot)?;
    load_folders(database, &mut snapshot)?;
    load_members(database, &mut snapshot)?;
    let mut statement = database.prepare("SELECT webhook, webhook_secret FROM quota_notification")?;
    let mut rows = statement.query([])?;
    let mut notification = Notification::default();
    if let Some(row) = rows.next()? {
        notification.webhook = row.get(0)?;
        notification.webhook_secret = row.get::<_, Option<String>>(1)?.map(zeroize::Zeroizing::new);
    }
    let mut statement = database.prepare("SELECT word FROM quota_command ORDER BY position")?;
    notification.command = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    snapshot.notification = Arc::new(notification);
    Ok(snapshot)
}

fn load_settings(database: &Connection, snapshot: &mut QuotasSnapshot) -> Result<(), StateError> {
    let mut statement = database.prepare(
        "SELECT volume, mode, default_limit, default_warning, record_warning, record_limit FROM quota_volume",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (volume, mode): (String, String) = (row.get(0)?, row.get(1)?);
        let mode = [Mode::Off, Mode::Track, Mode::Enforce]
            .into_iter()
            .find(|known| mode_word(*known) == mode)
            .ok_or(StateError::Damaged { what: "quota_volume.mode" })?;
        of_volume(snapshot, &volume).settings = Settings {
            mode,
            default: Limits { limit_bytes: from_sql(row.get(2)?), warning_bytes: from_sql(row.get(3)?) },
            record_warning: row.get(4)?,
            record_limit: row.get(5)?,
        };
    }
    Ok(())
}

fn load_limits(database: &Connection, snapshot: &mut QuotasSnapshot) -> Result<(), StateError> {
    for (query, is_group) in [
        ("SELECT volume, sid, limit_bytes, warning_bytes FROM quota_entry", false),
        ("SELECT volume, sid, limit_bytes, warning_bytes FROM quota_group", true),
    ] {
        let mut statement = database.prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (volume, sid): (String, String) = (row.get(0)?, row.get(1)?);
            let sid = sid_from(&sid)?;
            let limits = Limits { limit_bytes: from_sql(row.get(2)?), warning_bytes: from_sql(row.get(3)?) };
            let quotas = of_volume(snapshot, &volume);
            if is_group {
                quotas.groups.insert(sid, limits);
            } else {
                quotas.own.insert(sid, limits);
            }
        }
    }
    Ok(())
}

fn load_folders(database: &Connection, snapshot: &mut QuotasSnapshot) -> Result<(), StateError> {
    let mut statement = database.prepare(
        "SELECT volume, path, id, limit_bytes, hard, thresholds, description, disabled, template, auto
         FROM quota_folder",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (volume, path, id): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let entry = FolderEntry {
            limit: folder_limit(row, 3)?,
            disabled: row.get(7)?,
            template: row.get(8)?,
            auto: row.get(9)?,
        };
        let id = FolderQuotaId(u64::try_from(id).unwrap_or(0));
        of_volume(snapshot, &volume).folders.insert(path, (id, entry));
    }
    let mut statement = database.prepare("SELECT volume, path, template, disabled FROM quota_auto")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (volume, path): (String, String) = (row.get(0)?, row.get(1)?);
        let auto = AutoQuota { template: row.get(2)?, disabled: row.get(3)? };
        of_volume(snapshot, &volume).autos.insert(path, auto);
    }
    let mut statement = database.prepare(
        "SELECT folded_name, name, limit_bytes, hard, thresholds, description FROM quota_template",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let template = QuotaTemplate { name: row.get(1)?, limit: folder_limit(row, 2)? };
        snapshot.templates.insert(row.get(0)?, Arc::new(template));
    }
    Ok(())
}

fn load_members(database: &Connection, snapshot: &mut QuotasSnapshot) -> Result<(), StateError> {
    let mut members: HashMap<Sid, GroupMembers> = HashMap::new();
    let mut statement = database.prepare("SELECT group_sid, as_of FROM quota_group_look_up")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let group: String = row.get(0)?;
        let as_of = time_from_sql(row.get(1)?);
        members.insert(sid_from(&group)?, GroupMembers { members: Vec::new(), as_of });
    }
    let mut statement = database.prepare("SELECT group_sid, member_sid FROM quota_group_member")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (group, member): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some(found) = members.get_mut(&sid_from(&group)?) {
            found.members.push(sid_from(&member)?);
        }
    }
    for (group, mut found) in members {
        found.members.sort_unstable();
        snapshot.members.insert(group, Arc::new(found));
    }
    Ok(())
}
