//! The names by which clients reach this server: what a target may not lead back by.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::running::RunningServer;
use super::super::service::AdminService;
use crate::state::accounts::fold_name;

/// Names of this server and, while it runs, its addresses.
pub(in crate::admin) struct OwnNames<'a> {
    /// Folded.
    names: BTreeSet<String>,
    running: Option<&'a dyn RunningServer>,
}

impl OwnNames<'_> {
    /// Clients that ask for this server come here.
    pub(in crate::admin) fn has(&self, server: &str) -> bool {
        self.names.contains(&fold_name(server))
            || server
                .parse::<IpAddr>()
                .is_ok_and(|address| self.running.is_some_and(|running| running.is_own_address(address)))
    }
}

impl AdminService {
    /// What this server is called by.
    pub(in crate::admin) fn own_names(&self) -> OwnNames<'_> {
        let mut names = self.state().membership().map_or_else(Vec::new, |membership| membership.host_names());
        names.extend([self.dfs_server(), "localhost".to_owned()]);
        OwnNames { names: names.iter().map(|name| fold_name(name)).collect(), running: self.if_running() }
    }
}
