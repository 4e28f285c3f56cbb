//! What each request does.

use std::sync::Arc;

use freehold_dtyp::FileTime;

use super::explain;
use super::names::Names;
use super::protocol::{GroupRow, Password, Reply, Request, StatusRow, UserRow, VolumeRow};
use super::running::RunningServer;
use super::shares::AccessChange;
use crate::config::VolumeConfig;
use crate::state::{AccountChange, NewAccount, ServerSettings, State, StateError};

/// Executes requests against the state of a server, running or not.
#[derive(Clone)]
pub struct AdminService {
    state: Arc<State>,
    running: Option<Arc<dyn RunningServer>>,
    /// The session that asks: see [`AdminService::sparing`].
    spared: Option<u64>,
}

impl AdminService {
    /// A service for `state`, of a server that does not run.
    #[must_use]
    pub const fn new(state: Arc<State>) -> Self {
        AdminService { state, running: None, spared: None }
    }

    /// The service of a running server.
    #[must_use]
    pub fn of_running(state: Arc<State>, server: Arc<dyn RunningServer>) -> Self {
        AdminService { state, running: Some(server), spared: None }
    }

    /// The service as a call through this session asks it: what the session has is in the answer to a request that ends it, and left
    /// for the caller to end when he has his answer.
    #[must_use]
    pub fn sparing(self, session: u64) -> Self {
        AdminService { spared: Some(session), ..self }
    }

    /// True for the session that asks.
    pub(super) fn is_spared(&self, session: u64) -> bool {
        self.spared == Some(session)
    }

    /// The running server.
    ///
    /// # Errors
    /// When it does not run: `what` takes its opened volumes.
    pub fn running(&self, what: &str) -> anyhow::Result<&dyn RunningServer> {
        self.running
            .as_deref()
            .ok_or_else(|| anyhow::anyhow!("{what} takes a running server: start it with `freehold serve`"))
    }

    /// Executes one request. Blocks on disk. Of an answer in parts only the last one is kept: see
    /// [`AdminService::execute_in_parts`].
    #[must_use]
    pub fn execute(&self, request: Request) -> Reply {
        let mut last = Reply::Done;
        self.execute_in_parts(request, &mut |reply| {
            last = reply;
            true
        });
        last
    }

    /// Executes one request whose answer may have parts; `sink` gets each and says whether to go on. Blocks on disk.
    pub fn execute_in_parts(&self, request: Request, sink: &mut dyn FnMut(Reply) -> bool) {
        if let Err(error) = self.carry_out(request, sink) {
            sink(Reply::Refused { message: format!("{error:#}") });
        }
    }

    /// Does what is asked, whoever asks.
    pub(super) fn carry_out(
        &self,
        request: Request,
        sink: &mut dyn FnMut(Reply) -> bool,
    ) -> anyhow::Result<()> {
        match request {
            Request::Acl { request } => self.acl(request, sink),
            Request::Domain { request } => self.domain(request, sink),
            Request::Quota { request } => self.quota(request, sink),
            request => self.run(request).map(|reply| {
                sink(reply);
            }),
        }
    }

    /// The running server, if it runs.
    pub(super) fn if_running(&self) -> Option<&dyn RunningServer> {
        self.running.as_deref()
    }

    /// True where changes are recorded.
    pub(super) fn records(&self) -> bool {
        self.running.is_some()
    }

    /// True while what must be recorded is not to be done.
    pub(super) fn is_audit_refusing(&self) -> bool {
        self.if_running().is_some_and(|server| {
            server.acl_jobs().core().audit_refuses.load(std::sync::atomic::Ordering::Relaxed)
        })
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Names of accounts as of now.
    pub(super) fn names(&self) -> Names {
        Names::new(&self.state, self.running.as_deref())
    }

    fn run(&self, request: Request) -> anyhow::Result<Reply> {
        match request {
            Request::Status => return Ok(Reply::Status(self.status())),
            Request::UserAdd { name, password, full_name, comment, disabled, groups } => {
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                self.state.add_account(&NewAccount {
                    name: &name,
                    full_name: &full_name,
                    comment: &comment,
                    password: password.expose(),
                    disabled,
                    groups: &groups,
                })?;
            }
            Request::UserSet { name, password, disabled, full_name, comment } => {
                let change = AccountChange {
                    password: password.as_ref().map(Password::expose),
                    disabled,
                    full_name: full_name.as_deref(),
                    comment: comment.as_deref(),
                };
                self.state.change_account(&name, &change)?;
            }
            Request::UserRemove { name } => self.state.remove_account(&name)?,
            Request::UserList => return Ok(Reply::Users(users(&self.names()))),
            Request::GroupAdd { name, comment } => {
                self.state.add_group(&name, &comment)?;
            }
            Request::GroupSet { name, comment } => {
                let accounts = self.state.accounts();
                let group = accounts
                    .group(&name)
                    .map(|group| group.sid)
                    .ok_or_else(|| StateError::NotFound { kind: "group", name: name.clone() })?;
                if let Some(comment) = comment {
                    self.state.change_group(group, &comment)?;
                }
            }
            Request::GroupRemove { name } => self.state.remove_group(&name)?,
            Request::GroupList => return Ok(Reply::Groups(groups(&self.names()))),
            Request::GroupAddMember { name, member } => {
                let sid = self.names().find(&member)?;
                self.state.add_group_member(&name, &sid.to_string())?;
            }
            Request::GroupRemoveMember { name, member } => {
                let sid = self.names().find(&member)?;
                self.state.remove_group_member(&name, &sid.to_string())?;
            }
            Request::ShareAdd { name, volume, settings } => self.add_share(&name, volume, settings)?,
            Request::ShareSet { name, volume, settings } => self.set_share(&name, volume, settings)?,
            Request::ShareRemove { name } => self.state.remove_share(&name)?,
            Request::ShareList => return Ok(Reply::Shares(self.share_rows())),
            Request::ShareAccess { name } => {
                return Ok(Reply::ShareAccess(self.share_access(name.as_deref())?));
            }
            Request::ShareGrant { name, account, right } => {
                self.change_access(&name, &account, AccessChange::Grant(right))?;
            }
            Request::ShareRevoke { name, account } => {
                self.change_access(&name, &account, AccessChange::Revoke)?;
            }
            Request::ShareBlock { name, account } => {
                self.change_access(&name, &account, AccessChange::Block)?;
            }
            Request::ShareUnblock { name, account } => {
                self.change_access(&name, &account, AccessChange::Unblock)?;
            }
            Request::ServerConfiguration => {
                return Ok(Reply::ServerConfiguration(Box::new(self.server_configuration()?)));
            }
            Request::ServerSet { settings } => self.set_server(settings)?,
            Request::ServerReset => self.state.set_server_settings(ServerSettings::default())?,
            Request::Session { request } => return self.sessions(request),
            Request::OpenFile { request } => return self.open_files(request),
            Request::Declared { request } => return Ok(Reply::Declared(self.declared(request)?)),
            Request::Explain(question) => {
                let server = self.running("an explanation")?;
                return Ok(Reply::Explanation(Box::new(explain::explain(
                    &self.state,
                    self.names(),
                    server,
                    &question,
                )?)));
            }
            Request::Audit { request } => return Ok(Reply::Audit(self.audit(request)?)),
            Request::Metrics { request } => return Ok(Reply::Metrics(self.metrics(&request)?)),
            Request::Dfs { request } => return Ok(Reply::Dfs(self.dfs(request)?)),
            Request::Token { request } => {
                if let Some(reply) = self.tokens(request)? {
                    return Ok(Reply::Token(reply));
                }
            }
            Request::Lookup { account } => return Ok(Reply::Lookup(Box::new(self.look_up(&account)?))),
            Request::LookupGroups { account } => {
                return Ok(Reply::LookupGroups(self.groups_of(&account)?));
            }
            // INVARIANT: their answers have parts; `execute_in_parts` keeps them.
            Request::Acl { .. } | Request::Domain { .. } | Request::Quota { .. } => {
                anyhow::bail!("a request with an answer in parts")
            }
        }
        Ok(Reply::Done)
    }

    fn status(&self) -> StatusRow {
        let identity = self.state.identity();
        let (api, api_fingerprint) = self.if_running().and_then(RunningServer::api).unwrap_or_default();
        StatusRow {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine_sid: identity.machine_sid.to_string(),
            server_guid: identity.server_guid.to_string(),
            users: self.state.accounts().accounts().len(),
            shares: self.state.shares().all().len(),
            running: self.running.is_some(),
            volumes: self.state.volumes().iter().map(volume_row).collect(),
            api_addresses: api.iter().map(ToString::to_string).collect(),
            api_fingerprint,
        }
    }
}

fn volume_row(volume: &VolumeConfig) -> VolumeRow {
    VolumeRow { name: volume.name.clone(), folder: volume.path.display().to_string() }
}

fn users(names: &Names) -> Vec<UserRow> {
    names
        .accounts()
        .accounts()
        .iter()
        .map(|account| UserRow {
            name: account.name.clone(),
            enabled: !account.disabled,
            administrator: account.is_administrator(),
            full_name: account.full_name.clone(),
            comment: account.comment.clone(),
            sid: account.sid.to_string(),
            groups: account.groups.iter().map(|sid| names.name_of(sid)).collect(),
            created: iso_8601(account.created),
            password_set: iso_8601(account.password_set),
        })
        .collect()
}

fn groups(names: &Names) -> Vec<GroupRow> {
    let accounts = names.accounts();
    names.prepare(accounts.groups().iter().flat_map(|group| group.members.iter().copied()));
    accounts
        .groups()
        .iter()
        .map(|group| GroupRow {
            name: group.name.clone(),
            built_in: group.builtin,
            comment: group.comment.clone(),
            sid: group.sid.to_string(),
            members: group.members.iter().map(|sid| names.name_of(sid)).collect(),
        })
        .collect()
}

/// ISO 8601 in UTC, whole seconds.
/// The system's time.
pub(super) fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

pub(super) fn iso_8601(time: FileTime) -> String {
    let (seconds, _) = time.to_unix();
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{ShareOptions, ShareRight};
    use super::super::testing::{add_user, done, refused, service, shares};
    use super::*;

    #[test]
    fn the_status_names_the_volumes() {
        let (service, folder) = service();
        let Reply::Status(row) = service.execute(Request::Status) else { panic!("no status") };
        let wanted = VolumeRow { name: "data".to_owned(), folder: folder.path().display().to_string() };
        assert_eq!((row.running, row.volumes), (false, vec![wanted]));
    }

    #[test]
    fn accounts_are_listed_with_their_groups() {
        let (service, _folder) = service();
        done(service.execute(add_user("anna", &["Administrators"])));
        let Reply::Users(rows) = service.execute(Request::UserList) else { panic!() };
        assert_eq!((rows[0].name.as_str(), rows[0].enabled, rows[0].administrator), ("anna", true, true));
        assert_eq!(rows[0].groups, ["Administrators", "Users"]);
        assert!(rows[0].created.starts_with("20") && rows[0].created.ends_with('Z'), "{}", rows[0].created);
        let Reply::Groups(rows) = service.execute(Request::GroupList) else { panic!() };
        assert_eq!(rows.iter().find(|row| row.name == "Users").unwrap().members, ["anna"]);
    }

    #[test]
    fn members_of_the_domain_are_taken_by_sid_while_the_server_does_not_run() {
        let (service, _folder) = service();
        let alice = "S-1-5-21-7-8-9-1103";
        let member =
            |member: &str| Request::GroupAddMember { name: "Users".to_owned(), member: member.to_owned() };
        assert!(refused(service.execute(member("CORP\\alice"))).contains("CORP"));
        done(service.execute(member(&format!("*{alice}"))));
        done(service.execute(Request::ShareAdd {
            name: "a".to_owned(),
            volume: "data".to_owned(),
            settings: ShareOptions::default(),
        }));
        let right = ShareRight::Read;
        done(service.execute(Request::ShareGrant { name: "a".to_owned(), account: alice.to_owned(), right }));
        let Reply::Groups(rows) = service.execute(Request::GroupList) else { panic!() };
        assert_eq!(rows.iter().find(|row| row.name == "Users").unwrap().members, [alice]);
        let row = &shares(&service)[0];
        assert!(row.permissions.iter().any(|entry| entry.starts_with(alice)), "{:?}", row.permissions);
        assert!(
            row.permissions.iter().any(|entry| entry.starts_with("Administrators:")),
            "{:?}",
            row.permissions
        );
        let lookup = |account: &str| service.execute(Request::Lookup { account: account.to_owned() });
        let Reply::Lookup(row) = lookup("builtin\\users") else { panic!() };
        assert_eq!(
            (row.name.as_str(), row.r#type.as_str(), row.source.as_str()),
            ("BUILTIN\\Users", "local group", "server")
        );
        assert!(refused(lookup(alice)).contains(alice));
    }
}
