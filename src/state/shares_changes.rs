//! Reads and changes shares in the database.

use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::accounts::fold_name;
use crate::config::AuditOption;
use crate::share_path::SharePath;

use super::{CachingMode, Change, Share, ShareSettings, SharesSnapshot, State, StateError, dfs_changes};

/// Longest share name in characters ([MS-SRVS] 2.2.4.22 with the limit of Windows for names that all clients see).
const MAX_SHARE_NAME: usize = 80;
/// Longest comment in characters.
const MAX_COMMENT: usize = 256;
/// Longest time that a persistent handle waits for its client, in seconds ([MS-SMB2] 3.3.5.9.10: 300,000 milliseconds).
const MAX_CA_TIMEOUT_SECONDS: u32 = 300;
/// Longest path within a volume in bytes.
const MAX_PATH_BYTES: usize = 4_096;
/// Characters that share names cannot have ([MS-FSCC] 2.1.6).
const FORBIDDEN: &str = "\"/\\[]:|<>+=;,*?";
/// Names that are pipes' and mail slots' or the server's own.
const RESERVED: [&str; 4] = ["IPC$", "ADMIN$", "PIPE", "MAILSLOT"];

/// New values for some settings of a share; `None` keeps.
#[derive(Clone, Debug, Default)]
pub struct ShareChange {
    /// Volume.
    pub volume: Option<String>,
    /// Folder within the volume.
    pub path: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Who may connect.
    pub security: Option<Arc<SecurityDescriptor>>,
    /// Only encrypted requests.
    pub encrypt: Option<bool>,
    /// Leave out what a user cannot read.
    pub access_based_enumeration: Option<bool>,
    /// Offline use.
    pub caching: Option<CachingMode>,
    /// Handles survive a failover.
    pub continuously_available: Option<bool>,
    /// How long such handles wait for their client, in seconds; 0 for the server's default.
    pub ca_timeout_seconds: Option<u32>,
    /// Most users; `Some(None)` for no limit.
    pub max_users: Option<Option<u32>>,
    /// Accesses that are recorded.
    pub audit: Option<AuditOption>,
}

impl State {
    /// Makes a share. Whether its volume and folder exist is for the caller to check.
    ///
    /// # Errors
    /// [`StateError::Exists`], [`StateError::Invalid`] and failures of the database.
    pub fn add_share(&self, name: &str, settings: &ShareSettings) -> Result<(), StateError> {
        self.change(|transaction| Ok(((), vec![add(transaction, name, settings)?])))
    }

    /// Changes settings of the share called `name`.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::Invalid`] and failures of the database.
    pub fn change_share(&self, name: &str, change: &ShareChange) -> Result<(), StateError> {
        self.change(|transaction| {
            let share = find(transaction, name)?;
            let mut settings = share.settings.clone();
            let ShareChange {
                volume,
                path,
                comment,
                security,
                encrypt,
                access_based_enumeration,
                caching,
                continuously_available,
                ca_timeout_seconds,
                max_users,
                audit,
            } = change.clone();
            settings.volume = volume.unwrap_or(settings.volume);
            settings.path = path.unwrap_or(settings.path);
            settings.comment = comment.unwrap_or(settings.comment);
            settings.security = security.unwrap_or(settings.security);
            settings.encrypt = encrypt.unwrap_or(settings.encrypt);
            settings.access_based_enumeration =
                access_based_enumeration.unwrap_or(settings.access_based_enumeration);
            settings.caching = caching.unwrap_or(settings.caching);
            settings.continuously_available =
                continuously_available.unwrap_or(settings.continuously_available);
            settings.ca_timeout_seconds = ca_timeout_seconds.unwrap_or(settings.ca_timeout_seconds);
            settings.max_users = max_users.unwrap_or(settings.max_users);
            settings.audit = audit.unwrap_or(settings.audit);
            store(transaction, &share.name, &checked(settings)?)?;
            Ok(((), vec![Change::ShareChanged(share.name.clone())]))
        })
    }

    /// Removes the share called `name`. The files stay.
    ///
    /// # Errors
    /// [`StateError::NotFound`] and failures of the database.
    pub fn remove_share(&self, name: &str) -> Result<(), StateError> {
        self.change(|transaction| Ok(((), vec![remove(transaction, name)?])))
    }
}

/// Makes a share.
pub(super) fn add(
    transaction: &Transaction<'_>,
    name: &str,
    settings: &ShareSettings,
) -> Result<Change, StateError> {
    check_name(name)?;
    let settings = checked(settings.clone())?;
    let taken: Option<String> = transaction
        .query_row("SELECT name FROM share WHERE folded_name = ?1", [fold_name(name)], |row| row.get(0))
        .optional()?;
    if let Some(name) = taken {
        return Err(StateError::Exists { kind: "a share", name });
    }
    transaction.execute("INSERT INTO share (name, folded_name, volume, path, comment, security, encrypt, access_based_enumeration, caching, continuously_available, max_users) VALUES (?1, ?2, '', '', '', x'', 0, 0, 'manual', 0, NULL)", (name, fold_name(name)))?;
    store(transaction, name, &settings)?;
    Ok(Change::ShareChanged(name.to_owned()))
}

/// Gives a share all its settings anew.
pub(super) fn replace(
    transaction: &Transaction<'_>,
    name: &str,
    settings: &ShareSettings,
) -> Result<Change, StateError> {
    let share = find(transaction, name)?;
    store(transaction, &share.name, &checked(settings.clone())?)?;
    Ok(Change::ShareChanged(share.name.clone()))
}

/// Removes a share.
pub(super) fn remove(transaction: &Transaction<'_>, name: &str) -> Result<Change, StateError> {
    let share = find(transaction, name)?;
    if dfs_changes::is_root(transaction, &share.name)? {
        return Err(StateError::Refused(
            "the share is the root of a DFS namespace: remove the namespace first (`freehold dfs namespace remove`)",
        ));
    }
    transaction.execute("DELETE FROM share WHERE id = ?1", [share.id])?;
    Ok(Change::ShareRemoved(share.name.clone()))
}

/// What a new share would be refused for, besides a name that is taken.
///
/// # Errors
/// [`StateError::Invalid`].
pub(super) fn check(name: &str, settings: &ShareSettings) -> Result<ShareSettings, StateError> {
    check_name(name)?;
    checked(settings.clone())
}

fn find(transaction: &Transaction<'_>, name: &str) -> Result<Arc<Share>, StateError> {
    load(transaction)?
        .share(name)
        .cloned()
        .ok_or_else(|| StateError::NotFound { kind: "share", name: name.to_owned() })
}

fn store(transaction: &Transaction<'_>, name: &str, settings: &ShareSettings) -> Result<(), StateError> {
    let varies = SharePath::parse(&settings.path).is_ok_and(|path| path.is_some());
    if varies && dfs_changes::is_root(transaction, name)? {
        return Err(StateError::Refused(dfs_changes::ROOT_VARIES));
    }
    transaction.execute(
        "UPDATE share SET volume = ?2, path = ?3, comment = ?4, security = ?5, encrypt = ?6,
         access_based_enumeration = ?7, caching = ?8, continuously_available = ?9, max_users = ?10, audit = ?11,
         ca_timeout = ?12 WHERE folded_name = ?1",
        (
            fold_name(name),
            &settings.volume,
            &settings.path,
            &settings.comment,
            settings.security.to_bytes(),
            settings.encrypt,
            settings.access_based_enumeration,
            settings.caching.word(),
            settings.continuously_available,
            settings.max_users,
            settings.audit.word(),
            settings.ca_timeout_seconds,
        ),
    )?;
    Ok(())
}

fn check_name(name: &str) -> Result<(), StateError> {
    let invalid = |allowed| StateError::Invalid { field: "share name", found: format!("{name:?}"), allowed };
    if !(1..=MAX_SHARE_NAME).contains(&name.chars().count()) {
        return Err(invalid("expected 1 to 80 characters"));
    }
    if name.chars().any(|character| character.is_control() || FORBIDDEN.contains(character)) {
        return Err(invalid("expected none of \" / \\ [ ] : | < > + = ; , * ? and no control characters"));
    }
    if name.trim() != name || name.chars().all(|character| character == '.') {
        return Err(invalid("expected no space at either end and more than dots"));
    }
    if RESERVED.contains(&fold_name(name).as_str()) {
        return Err(invalid("expected another name: this one is the server's own"));
    }
    Ok(())
}

/// The settings in their stored form.
fn checked(mut settings: ShareSettings) -> Result<ShareSettings, StateError> {
    let invalid = |field, found, allowed| Err(StateError::Invalid { field, found, allowed });
    let comment = &settings.comment;
    if comment.chars().count() > MAX_COMMENT || comment.chars().any(char::is_control) {
        let length = format!("{} characters long", comment.chars().count());
        return invalid("comment", length, "expected at most 256 characters, no control characters");
    }
    if settings.max_users == Some(0) {
        return invalid("max users", "0".to_owned(), "expected at least 1, or no limit");
    }
    if settings.ca_timeout_seconds > MAX_CA_TIMEOUT_SECONDS {
        let found = settings.ca_timeout_seconds.to_string();
        return invalid("CA timeout", found, "expected at most 300 seconds, or 0 for the server's default");
    }
    let path = settings.path.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..") || part.contains('\0')) {
        return invalid(
            "path",
            format!("{:?}", settings.path),
            "expected a path within the volume, without . and ..",
        );
    }
    settings.path = parts.join("/");
    if settings.path.len() > MAX_PATH_BYTES {
        return invalid("path", format!("{} bytes long", settings.path.len()), "expected at most 4096 bytes");
    }
    let Ok(varies) = SharePath::parse(&settings.path) else {
        return invalid(
            "path",
            format!("{:?}", settings.path),
            "expected no variable but {user}, {domain}, {sid}, {client} and {time}",
        );
    };
    if varies.is_some() && settings.continuously_available {
        return Err(StateError::Refused(
            "a share whose path has variables cannot be continuously available: its handles could not be found again after a restart; leave out the variables, or continuous availability",
        ));
    }
    Ok(settings)
}

/// The snapshot of what the database holds.
pub(super) fn load(database: &Connection) -> Result<SharesSnapshot, StateError> {
    let mut statement = database.prepare_cached(
        "SELECT id, name, volume, path, comment, security, encrypt, access_based_enumeration, caching,
         continuously_available, max_users, audit, ca_timeout FROM share",
    )?;
    let mut shares = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let security: Vec<u8> = row.get(5)?;
        let security = SecurityDescriptor::from_bytes(&security)
            .map_err(|_| StateError::Damaged { what: "share.security" })?;
        let audit: String = row.get(11)?;
        let audit = AuditOption::ALL
            .into_iter()
            .find(|option| option.word() == audit)
            .ok_or(StateError::Damaged { what: "share.audit" })?;
        let caching: String = row.get(8)?;
        let caching = CachingMode::ALL
            .into_iter()
            .find(|mode| mode.word() == caching)
            .ok_or(StateError::Damaged { what: "share.caching" })?;
        shares.push(Share {
            id: row.get(0)?,
            name: row.get(1)?,
            settings: ShareSettings {
                volume: row.get(2)?,
                path: row.get(3)?,
                comment: row.get(4)?,
                security: Arc::new(security),
                encrypt: row.get(6)?,
                access_based_enumeration: row.get(7)?,
                caching,
                continuously_available: row.get(9)?,
                ca_timeout_seconds: row.get(12)?,
                max_users: row.get(10)?,
                audit,
            },
        });
    }
    Ok(SharesSnapshot::new(shares))
}
