//! The tables, and the steps from each version of them to the next.

use rusqlite::{Connection, TransactionBehavior};

use super::StateError;

/// Step `n` brings a database of version `n` to version `n + 1`. Steps that were released are never edited.
pub(super) const MIGRATIONS: &[&str] = &[
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_4,
    VERSION_5,
    SHARES_AND_SERVER,
    QUOTAS,
    API_TOKENS,
    PERSISTENT_MARKS,
    DFS,
    DFS_PLACED,
    DFS_SITES,
    DFS_DOMAIN,
];

/// Persistent opens keep what others change of them, and their application.
const PERSISTENT_MARKS: &str = "
ALTER TABLE persistent_open ADD COLUMN delete_pending INTEGER NOT NULL DEFAULT 0 CHECK (delete_pending IN (0, 1));
ALTER TABLE persistent_open ADD COLUMN marks_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE persistent_open ADD COLUMN app_instance BLOB CHECK (length(app_instance) = 16);
ALTER TABLE persistent_open ADD COLUMN app_version_high INTEGER;
ALTER TABLE persistent_open ADD COLUMN app_version_low INTEGER;
";

/// Shares say which accesses are recorded.
const VERSION_2: &str = "
ALTER TABLE share ADD COLUMN audit TEXT NOT NULL DEFAULT 'none'
    CHECK (audit IN ('none', 'success', 'failure', 'all'));
";

const VERSION_1: &str = "
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    server_guid BLOB NOT NULL CHECK (length(server_guid) = 16),
    machine_sid TEXT NOT NULL,
    created INTEGER NOT NULL,
    next_rid INTEGER NOT NULL
) STRICT;
CREATE TABLE account (
    rid INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    comment TEXT NOT NULL,
    nt_hash BLOB NOT NULL CHECK (length(nt_hash) = 16),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created INTEGER NOT NULL,
    password_set INTEGER NOT NULL
) STRICT;
CREATE TABLE local_group (
    sid TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL,
    builtin INTEGER NOT NULL CHECK (builtin IN (0, 1))
) STRICT;
CREATE TABLE group_member (
    group_sid TEXT NOT NULL REFERENCES local_group (sid) ON DELETE CASCADE,
    member_sid TEXT NOT NULL,
    PRIMARY KEY (group_sid, member_sid)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_by_member ON group_member (member_sid);
CREATE TABLE share (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    volume TEXT NOT NULL,
    path TEXT NOT NULL,
    comment TEXT NOT NULL,
    security BLOB NOT NULL,
    encrypt INTEGER NOT NULL CHECK (encrypt IN (0, 1)),
    access_based_enumeration INTEGER NOT NULL CHECK (access_based_enumeration IN (0, 1)),
    caching TEXT NOT NULL CHECK (caching IN ('manual', 'documents', 'programs', 'none')),
    continuously_available INTEGER NOT NULL CHECK (continuously_available IN (0, 1)),
    max_users INTEGER
) STRICT;
INSERT INTO local_group (sid, name, folded_name, comment, builtin) VALUES
    ('S-1-5-32-544', 'Administrators', 'ADMINISTRATORS', 'Members can administer this server', 1),
    ('S-1-5-32-545', 'Users', 'USERS', 'Everybody with an account on this server', 1),
    ('S-1-5-32-546', 'Guests', 'GUESTS', 'Members have little access', 1),
    ('S-1-5-32-551', 'Backup Operators', 'BACKUP OPERATORS', 'Members can back up files that they may not read', 1);
";

/// Persistent opens outlive the server.
const VERSION_3: &str = "
CREATE TABLE persistent_open (
    id INTEGER PRIMARY KEY,
    share TEXT NOT NULL,
    path BLOB NOT NULL,
    stream BLOB,
    file INTEGER NOT NULL,
    owner TEXT NOT NULL,
    user_name TEXT NOT NULL,
    client_guid BLOB NOT NULL CHECK (length(client_guid) = 16),
    create_guid BLOB NOT NULL CHECK (length(create_guid) = 16),
    create_action INTEGER NOT NULL,
    desired_access INTEGER NOT NULL,
    granted_access INTEGER NOT NULL,
    share_access INTEGER NOT NULL,
    create_options INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    delete_on_close INTEGER NOT NULL CHECK (delete_on_close IN (0, 1)),
    posix INTEGER NOT NULL CHECK (posix IN (0, 1)),
    oplock_level INTEGER NOT NULL,
    lease_key BLOB CHECK (length(lease_key) = 16),
    lease_state INTEGER,
    lease_version INTEGER,
    lease_epoch INTEGER,
    lease_parent BLOB CHECK (length(lease_parent) = 16),
    locks BLOB NOT NULL,
    lock_sequence BLOB NOT NULL,
    lock_version INTEGER NOT NULL
) STRICT;
";

/// Work on trees of access-control lists.
const VERSION_4: &str = "
CREATE TABLE acl_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    volume TEXT NOT NULL,
    path BLOB NOT NULL,
    edit TEXT,
    continue_on_error INTEGER NOT NULL CHECK (continue_on_error IN (0, 1)),
    sacl INTEGER NOT NULL CHECK (sacl IN (0, 1)),
    root_before BLOB,
    root_after BLOB,
    status TEXT NOT NULL CHECK (status IN ('preparing', 'queued', 'running', 'done', 'failed')),
    position BLOB,
    visited INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    errors TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER
) STRICT;
";

/// Membership of a domain.
const VERSION_5: &str = "
CREATE TABLE membership (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    dns_domain TEXT NOT NULL,
    netbios_domain TEXT NOT NULL,
    domain_sid TEXT NOT NULL,
    forest TEXT NOT NULL,
    computer_name TEXT NOT NULL,
    computer_dn TEXT NOT NULL,
    dns_host_name TEXT NOT NULL,
    site TEXT,
    joined INTEGER NOT NULL
) STRICT;
CREATE TABLE machine_password (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    status TEXT NOT NULL CHECK (status IN ('current', 'pending', 'earlier')),
    password TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    not_after INTEGER
) STRICT;
CREATE UNIQUE INDEX machine_password_in_use ON machine_password (status) WHERE status IN ('current', 'pending');
CREATE TABLE service_key (
    password INTEGER NOT NULL REFERENCES machine_password (id) ON DELETE CASCADE,
    encryption_type INTEGER NOT NULL,
    kvno INTEGER NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (password, encryption_type)
) STRICT, WITHOUT ROWID;
CREATE TABLE server_alias (
    folded_name TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// How long persistent handles wait, and what an administrator sets for the whole server.
const SHARES_AND_SERVER: &str = "
ALTER TABLE share ADD COLUMN ca_timeout INTEGER NOT NULL DEFAULT 0 CHECK (ca_timeout >= 0);
CREATE TABLE server_settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    encrypt_data INTEGER CHECK (encrypt_data IN (0, 1)),
    reject_unencrypted INTEGER CHECK (reject_unencrypted IN (0, 1))
) STRICT;
";

/// Quotas.
const QUOTAS: &str = "
CREATE TABLE quota_volume (
    volume TEXT PRIMARY KEY,
    mode TEXT NOT NULL CHECK (mode IN ('off', 'track', 'enforce')),
    default_limit INTEGER,
    default_warning INTEGER,
    record_warning INTEGER NOT NULL CHECK (record_warning IN (0, 1)),
    record_limit INTEGER NOT NULL CHECK (record_limit IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_entry (
    volume TEXT NOT NULL,
    sid TEXT NOT NULL,
    limit_bytes INTEGER,
    warning_bytes INTEGER,
    PRIMARY KEY (volume, sid)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_group (
    volume TEXT NOT NULL,
    sid TEXT NOT NULL,
    limit_bytes INTEGER,
    warning_bytes INTEGER,
    PRIMARY KEY (volume, sid)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_group_look_up (
    group_sid TEXT PRIMARY KEY,
    as_of INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_group_member (
    group_sid TEXT NOT NULL REFERENCES quota_group_look_up (group_sid) ON DELETE CASCADE,
    member_sid TEXT NOT NULL,
    PRIMARY KEY (group_sid, member_sid)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    volume TEXT NOT NULL,
    path TEXT NOT NULL,
    limit_bytes INTEGER,
    hard INTEGER NOT NULL CHECK (hard IN (0, 1)),
    thresholds TEXT NOT NULL,
    description TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    template TEXT,
    auto TEXT,
    peak_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (volume, path)
) STRICT;
CREATE TABLE quota_auto (
    volume TEXT NOT NULL,
    path TEXT NOT NULL,
    template TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    PRIMARY KEY (volume, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_template (
    folded_name TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    limit_bytes INTEGER,
    hard INTEGER NOT NULL CHECK (hard IN (0, 1)),
    thresholds TEXT NOT NULL,
    description TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_notification (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    webhook TEXT,
    webhook_secret TEXT
) STRICT;
CREATE TABLE quota_command (
    position INTEGER PRIMARY KEY,
    word TEXT NOT NULL
) STRICT;
CREATE TABLE quota_sample (
    volume TEXT NOT NULL,
    subject TEXT NOT NULL,
    hour INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (volume, subject, hour)
) STRICT, WITHOUT ROWID;
";

/// Tokens of the HTTPS door.
const API_TOKENS: &str = "
CREATE TABLE api_token (
    folded_name TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    last_used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
";

/// DFS namespaces.
const DFS: &str = "
CREATE TABLE dfs_namespace (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL,
    online INTEGER NOT NULL CHECK (online IN (0, 1)),
    ttl_seconds INTEGER NOT NULL CHECK (ttl_seconds > 0),
    flags INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dfs_folder (
    guid BLOB PRIMARY KEY CHECK (length(guid) = 16),
    namespace BLOB NOT NULL REFERENCES dfs_namespace (guid) ON DELETE CASCADE,
    path TEXT NOT NULL,
    comment TEXT NOT NULL,
    online INTEGER NOT NULL CHECK (online IN (0, 1)),
    ttl_seconds INTEGER NOT NULL CHECK (ttl_seconds > 0),
    flags INTEGER NOT NULL,
    security BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX dfs_folder_of_namespace ON dfs_folder (namespace, guid);
CREATE TABLE dfs_target (
    folder BLOB NOT NULL REFERENCES dfs_folder (guid) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    server TEXT NOT NULL,
    share TEXT NOT NULL,
    path TEXT NOT NULL,
    online INTEGER NOT NULL CHECK (online IN (0, 1)),
    priority_class INTEGER NOT NULL,
    priority_rank INTEGER NOT NULL CHECK (priority_rank BETWEEN 0 AND 31),
    PRIMARY KEY (folder, position)
) STRICT, WITHOUT ROWID;
";

/// Folders of DFS namespaces that are in the shares of their roots.
const DFS_PLACED: &str = "
CREATE TABLE dfs_placed_root (
    root TEXT PRIMARY KEY,
    volume BLOB NOT NULL CHECK (length(volume) = 16),
    path BLOB NOT NULL,
    node INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dfs_placed (
    root TEXT NOT NULL REFERENCES dfs_placed_root (root) ON DELETE CASCADE,
    path TEXT NOT NULL,
    security BLOB,
    done INTEGER NOT NULL CHECK (done IN (0, 1)),
    PRIMARY KEY (root, path)
) STRICT, WITHOUT ROWID;
";

/// The sites of the directory as they were read last.
const DFS_SITES: &str = "
CREATE TABLE dfs_sites (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    domain TEXT NOT NULL,
    read INTEGER NOT NULL,
    topology TEXT NOT NULL,
    servers TEXT NOT NULL
) STRICT;
";

/// Namespaces that the directory of a domain keeps: which domain, and the servers that hold their roots.
const DFS_DOMAIN: &str = "
ALTER TABLE dfs_namespace ADD COLUMN domain TEXT;
CREATE TABLE dfs_root_target (
    namespace BLOB NOT NULL REFERENCES dfs_namespace (guid) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    server TEXT NOT NULL,
    share TEXT NOT NULL,
    path TEXT NOT NULL,
    online INTEGER NOT NULL CHECK (online IN (0, 1)),
    priority_class INTEGER NOT NULL,
    priority_rank INTEGER NOT NULL CHECK (priority_rank BETWEEN 0 AND 31),
    PRIMARY KEY (namespace, position)
) STRICT, WITHOUT ROWID;
";

/// Brings the database to this program's version, step by step, each in its own transaction.
pub(super) fn migrate(database: &mut Connection) -> Result<(), StateError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    loop {
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > known || found < 0 {
            return Err(StateError::TooNew { found, known });
        }
        let Some(step) = usize::try_from(found).ok().and_then(|version| MIGRATIONS.get(version)) else {
            return Ok(());
        };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
    }
}

/// Makes the tables as they were in a former version.
#[cfg(test)]
pub(super) fn make_of_version(database: &Connection, version: usize) {
    for step in &MIGRATIONS[..version] {
        database.execute_batch(step).unwrap();
    }
    database.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
}
