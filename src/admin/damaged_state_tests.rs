//! A state whose rows hold what no program writes: it is refused by name, or served; nothing panics.

use std::sync::Arc;

use super::AdminService;
use super::declared_protocol::DeclaredRequest;
use super::protocol::{Reply, Request};
use super::quota_protocol::QuotaRequest;
use super::token_protocol::TokenRequest;
use crate::state::{State, StateError};

/// A row in every table that does not have one already.
const ROWS: &str = "
INSERT INTO account VALUES (1000, 'anna', 'ANNA', 'Anna', '', zeroblob(16), 0, 133000000000000000, 133000000000000000);
INSERT INTO group_member VALUES ('S-1-5-32-545', 'S-1-5-21-1-2-3-1000');
INSERT INTO share VALUES (1, 'Files', 'FILES', 'data', '', 'c', x'0100048014000000200000000000000000000000010100000000000512000000010100000000000512000000', 0, 0, 'manual', 0, NULL, 'none', 0);
INSERT INTO persistent_open (id, share, path, file, owner, user_name, client_guid, create_guid, create_action, desired_access,
    granted_access, share_access, create_options, timeout_ms, delete_on_close, posix, oplock_level, locks, lock_sequence, lock_version)
    VALUES (1, 'Files', x'61', 7, 'S-1-5-21-1-2-3-1000', 'anna', zeroblob(16), zeroblob(16), 1, 1, 1, 7, 0, 1000, 0, 0, 0, x'', x'', 0);
INSERT INTO acl_job (id, volume, path, continue_on_error, sacl, status, errors, created) VALUES (1, 'data', x'61', 0, 0, 'done', '', 1);
INSERT INTO membership VALUES (1, 'corp.example', 'CORP', 'S-1-5-21-7-8-9', 'corp.example', 'FILES', 'CN=FILES', 'files.corp.example', NULL, 1);
INSERT INTO machine_password VALUES (1, 'current', 'secret', 1, NULL);
INSERT INTO service_key VALUES (1, 18, 1, zeroblob(32));
INSERT INTO server_alias VALUES ('FILES2', 'files2');
INSERT INTO server_settings VALUES (1, 1, 1);
INSERT INTO quota_volume VALUES ('data', 'track', NULL, NULL, 1, 1);
INSERT INTO quota_entry VALUES ('data', 'S-1-5-21-1-2-3-1000', 100, 90);
INSERT INTO quota_group VALUES ('data', 'S-1-5-32-545', 100, 90);
INSERT INTO quota_group_look_up VALUES ('S-1-5-21-7-8-9-513', 1);
INSERT INTO quota_group_member VALUES ('S-1-5-21-7-8-9-513', 'S-1-5-21-7-8-9-1103');
INSERT INTO quota_folder VALUES (1, 'data', 'a', 100, 1, '80,90', '', 0, NULL, NULL, 0);
INSERT INTO quota_template VALUES ('T', 't', 100, 1, '80', '');
INSERT INTO quota_auto VALUES ('data', 'b', 't', 0);
INSERT INTO quota_notification VALUES (1, NULL, NULL);
INSERT INTO quota_command VALUES (0, '/bin/true');
INSERT INTO quota_sample VALUES ('data', 'S-1-5-21-1-2-3-1000', 1, 1);
INSERT INTO dfs_namespace VALUES (zeroblob(16), 'Files', 'FILES', '', 1, 300, 0, 'corp.example');
INSERT INTO dfs_folder VALUES (x'01000000000000000000000000000000', zeroblob(16), 'a', '', 1, 1800, 0, NULL);
INSERT INTO dfs_target VALUES (x'01000000000000000000000000000000', 0, 'server', 'share', '', 1, 0, 0);
INSERT INTO dfs_sites VALUES (1, 'corp.example', 1, '{}', '{}');
INSERT INTO dfs_root_target VALUES (zeroblob(16), 0, 'server', 'Files', '', 1, 0, 0);
INSERT INTO api_token VALUES ('T', 't', zeroblob(32), 'shares:read', 1, NULL, 0);
";

/// Every column of every table, with its type.
fn columns() -> Vec<(String, String, String)> {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    State::make_tables(&database);
    let mut tables =
        database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut columns = Vec::new();
    for table in tables.iter().filter(|table| !table.starts_with("sqlite_")) {
        let mut info = database.prepare(&format!("PRAGMA table_info({table})")).unwrap();
        let found =
            info.query_map([], |row| Ok((row.get::<_, String>(1)?, row.get::<_, String>(2)?))).unwrap();
        columns.extend(found.map(|column| column.map(|(name, kind)| (table.clone(), name, kind)).unwrap()));
    }
    columns
}

/// Everything that is listed from a state.
fn list(state: State) {
    let state = Arc::new(state);
    let _ = state.persistent_opens();
    let _ = state.acl_jobs();
    let _ = state.quota_samples("data");
    let _ = state.quota_peaks();
    let _ = state.kept_dfs_sites();
    let service = AdminService::new(state);
    let quota = |request| Request::Quota { request };
    for request in [
        Request::UserList,
        Request::GroupList,
        Request::ShareList,
        Request::ShareAccess { name: None },
        Request::ServerConfiguration,
        Request::Token { request: TokenRequest::List },
        Request::Declared { request: DeclaredRequest::Export },
        quota(QuotaRequest::Settings { volume: None }),
        quota(QuotaRequest::Groups { volume: None }),
        quota(QuotaRequest::Folders { volume: None, path: None }),
        quota(QuotaRequest::Templates { name: None }),
        quota(QuotaRequest::Autos { volume: None }),
        quota(QuotaRequest::Notification),
    ] {
        let _: Reply = service.execute(request);
    }
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_nothing_panics() {
    list(State::damaged(ROWS, "").unwrap());
    let columns = columns();
    assert!(columns.len() > 120, "{}", columns.len());
    let mut refused = 0;
    for (table, column, kind) in columns {
        let wrong: &[&str] = match kind.as_str() {
            "TEXT" => &["''", "'no such thing'", "char(0, 27)"],
            "BLOB" => &["x''", "x'00'", "zeroblob(70000)"],
            _ => &["-1", "3", "9223372036854775807", "-9223372036854775807"],
        };
        for value in wrong {
            let damage =
                format!("PRAGMA foreign_keys = OFF; UPDATE OR IGNORE {table} SET {column} = {value}");
            match State::damaged(ROWS, &damage) {
                Ok(state) => list(state),
                Err(StateError::Damaged { what }) => {
                    let group =
                        what.contains(&table) || (table.starts_with("quota_") && what.contains("quota"));
                    assert!(group, "{table}.{column} = {value}: {what}");
                    refused += 1;
                }
                // An identity that is another one makes other SIDs; SQLite's own words are for SQLite's own failures.
                Err(other) => panic!("{table}.{column} = {value}: {other}"),
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("state.db"),
        "this is no database, and long enough to have a header of one",
    )
    .unwrap();
    let error = State::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("state.db") && error.contains("copy of the state folder"), "{error}");
}
