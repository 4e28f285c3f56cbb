//! The sites of the directory as they were read last, with the addresses of DFS targets: a server that starts while no domain
//! controller answers orders targets by them. A copy: what cannot be read of it counts as not there.

use std::collections::BTreeMap;

use freehold_dfs::sites::{ServerPlace, Topology};
use freehold_dtyp::FileTime;
use rusqlite::OptionalExtension;

use super::{State, StateError, time_from_sql, time_to_sql};

/// What was read, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptSites {
    /// DNS name of the domain whose controllers were asked.
    pub domain: String,
    /// When they answered last.
    pub read: FileTime,
    /// What they have.
    pub topology: Topology,
    /// The servers of DFS targets, as namespaces name them.
    pub servers: BTreeMap<String, ServerPlace>,
}

impl State {
    /// What was kept last; `None` where nothing was. Blocks on disk.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept_dfs_sites(&self) -> Result<Option<KeptSites>, StateError> {
        let database = self.database.lock();
        let mut statement =
            database.prepare_cached("SELECT domain, read, topology, servers FROM dfs_sites WHERE id = 1")?;
        let row = statement
            .query_row([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                ))
            })
            .optional()?;
        let Some((domain, read, topology, servers)) = row else { return Ok(None) };
        let read = time_from_sql(read);
        match (serde_json::from_str(&topology), serde_json::from_str(&servers)) {
            (Ok(topology), Ok(servers)) => Ok(Some(KeptSites { domain, read, topology, servers })),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "the sites that were kept cannot be read; they are read from the directory anew");
                Ok(None)
            }
        }
    }

    /// Keeps them in the place of what was kept before. Blocks on disk.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_dfs_sites(&self, sites: &KeptSites) -> Result<(), StateError> {
        let text = |what, written: serde_json::Result<String>| {
            written.map_err(|error| StateError::Batch(format!("{what} cannot be written: {error}")))
        };
        let topology = text("the sites", serde_json::to_string(&sites.topology))?;
        let servers = text("the servers of DFS targets", serde_json::to_string(&sites.servers))?;
        self.database.lock().execute(
            "INSERT OR REPLACE INTO dfs_sites (id, domain, read, topology, servers) VALUES (1, ?, ?, ?, ?)",
            (&sites.domain, time_to_sql(sites.read), topology, servers),
        )?;
        Ok(())
    }

    /// Forgets them: this server is no member any more. Blocks on disk.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_dfs_sites(&self) -> Result<(), StateError> {
        self.database.lock().execute("DELETE FROM dfs_sites", [])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use freehold_dfs::sites::Subnet;

    use super::*;

    fn kept() -> KeptSites {
        let place = ServerPlace { addresses: vec!["10.1.0.7".parse().unwrap()], site: None };
        KeptSites {
            domain: "corp.example".to_owned(),
            read: FileTime(133_000_000_000_000_000),
            topology: Topology {
                sites: vec!["Berlin".to_owned()],
                subnets: vec![Subnet { prefix: "10.1.0.0/16".to_owned(), site: "Berlin".to_owned() }],
                ..Topology::default()
            },
            servers: [("fs1".to_owned(), place)].into(),
        }
    }

    #[test]
    fn sites_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.kept_dfs_sites().unwrap(), None);
        state.keep_dfs_sites(&KeptSites::default()).unwrap();
        state.keep_dfs_sites(&kept()).unwrap();
        drop(state);
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.kept_dfs_sites().unwrap(), Some(kept()));
        state.forget_dfs_sites().unwrap();
        assert_eq!(state.kept_dfs_sites().unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        let state = State::in_memory().unwrap();
        for (column, text) in
            [("topology", "{"), ("servers", "[1]"), ("servers", r#"{"a":{"Addresses":["x"]}}"#)]
        {
            state.keep_dfs_sites(&kept()).unwrap();
            state.database.lock().execute(&format!("UPDATE dfs_sites SET {column} = ?"), [text]).unwrap();
            assert_eq!(state.kept_dfs_sites().unwrap(), None, "{column} {text}");
        }
    }
}
