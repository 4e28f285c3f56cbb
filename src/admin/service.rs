//! What each request does.

use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, AceType, Acl, AclPart, SecurityDescriptor, ace_text};
use freehold_dtyp::{FileTime, Sid};

use super::names::{Names, sids_in};
use super::protocol::{
    GroupRow, Password, Reply, Request, ShareOptions, ShareRight, ShareRow, StatusRow, UserRow, VolumeRow,
};
use super::running::RunningServer;
use super::{explain, volume_folder};
use crate::config::VolumeConfig;
use crate::state::{AccountChange, CachingMode, NewAccount, Share, ShareChange, ShareSettings, State};

/// Executes requests against the state of a server, running or not.
#[derive(Clone)]
pub struct AdminService {
    state: Arc<State>,
    running: Option<Arc<dyn RunningServer>>,
}

/// What Windows calls "Change": read, write, execute, delete.
const CHANGE: AccessMask = AccessMask(0x0013_01BF);
/// What Windows calls "Read": read and execute.
const READ: AccessMask = AccessMask(0x0012_00A9);

impl AdminService {
    /// A service for `state`, of a server that does not run.
    #[must_use]
    pub const fn new(state: Arc<State>) -> Self {
        AdminService { state, running: None }
    }

    /// The service of a running server.
    #[must_use]
    pub fn of_running(state: Arc<State>, server: Arc<dyn RunningServer>) -> Self {
        AdminService { state, running: Some(server) }
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
        let done = match request {
            Request::Acl { request } => self.acl(request, sink),
            Request::Domain { request } => self.domain(request, sink),
            Request::Quota { request } => self.quota(request, sink),
            request => self.run(request).map(|reply| {
                sink(reply);
            }),
        };
        if let Err(error) = done {
            sink(Reply::Refused { message: format!("{error:#}") });
        }
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
            Request::ShareList => {
                let (shares, names) = (self.state.shares(), self.names());
                names.prepare(shares.all().iter().flat_map(|share| sids_in(&share.settings.security)));
                let rows = shares.all().iter().map(|share| self.share_row(share, &names));
                return Ok(Reply::Shares(rows.collect()));
            }
            Request::ShareGrant { name, account, right } => {
                self.change_access(&name, &account, Some(right))?;
            }
            Request::ShareRevoke { name, account } => self.change_access(&name, &account, None)?,
            Request::Explain(question) => {
                let server = self.running("an explanation")?;
                return Ok(Reply::Explanation(Box::new(explain::explain(
                    &self.state,
                    self.names(),
                    server,
                    &question,
                )?)));
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
        StatusRow {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine_sid: identity.machine_sid.to_string(),
            server_guid: identity.server_guid.to_string(),
            users: self.state.accounts().accounts().len(),
            shares: self.state.shares().all().len(),
            running: self.running.is_some(),
            volumes: self.state.volumes().iter().map(volume_row).collect(),
        }
    }

    fn add_share(&self, name: &str, volume: String, options: ShareOptions) -> anyhow::Result<()> {
        let security = match &options.access {
            Some(text) => self.parse_sddl(text)?,
            None => default_share_security(),
        };
        let path = self.settle_path(&volume, &options.path.unwrap_or_default())?;
        self.state.add_share(
            name,
            &ShareSettings {
                volume,
                path,
                comment: options.comment.unwrap_or_default(),
                security: Arc::new(security),
                encrypt: options.encrypt.unwrap_or(false),
                access_based_enumeration: options.access_based_enumeration.unwrap_or(false),
                caching: options.caching.unwrap_or(CachingMode::Manual),
                continuously_available: options.continuously_available.unwrap_or(false),
                max_users: options.max_users.filter(|most| *most != 0),
                audit: options.audit.unwrap_or_default(),
            },
        )?;
        Ok(())
    }

    fn set_share(&self, name: &str, volume: Option<String>, options: ShareOptions) -> anyhow::Result<()> {
        let shares = self.state.shares();
        let share = shares.share(name).ok_or_else(|| anyhow::anyhow!("there is no share called {name:?}"))?;
        let path = if volume.is_some() || options.path.is_some() {
            let volume = volume.as_ref().unwrap_or(&share.settings.volume);
            let path = options.path.as_ref().unwrap_or(&share.settings.path);
            Some(self.settle_path(volume, path)?)
        } else {
            None
        };
        let security = options.access.as_ref().map(|text| self.parse_sddl(text)).transpose()?;
        self.state.change_share(
            name,
            &ShareChange {
                volume,
                path,
                comment: options.comment,
                security: security.map(Arc::new),
                encrypt: options.encrypt,
                access_based_enumeration: options.access_based_enumeration,
                caching: options.caching,
                continuously_available: options.continuously_available,
                max_users: options.max_users.map(|most| Some(most).filter(|most| *most != 0)),
                audit: options.audit,
            },
        )?;
        Ok(())
    }

    /// The path within the volume as it is on disk; folders of it that are missing are made.
    fn settle_path(&self, volume: &str, path: &str) -> anyhow::Result<String> {
        let volumes = self.state.volumes();
        if volumes.is_empty() {
            return Ok(path.to_owned());
        }
        let Some(found) = volumes.iter().find(|known| known.name == volume) else {
            let names: Vec<&str> = volumes.iter().map(|known| known.name.as_str()).collect();
            anyhow::bail!("there is no volume called {volume:?}; the configuration has {}", names.join(", "));
        };
        volume_folder::settle(&found.path, path)
    }

    fn parse_sddl(&self, text: &str) -> anyhow::Result<SecurityDescriptor> {
        let domain = self.state.identity().machine_sid;
        let mut descriptor = SecurityDescriptor::from_sddl(text, Some(&domain))
            .map_err(|error| anyhow::anyhow!("the access {text:?} is not valid SDDL: {error}"))?;
        if descriptor.dacl.acl().is_none() {
            anyhow::bail!("the access {text:?} has no DACL: add one such as D:(A;;FA;;;BA)");
        }
        descriptor.owner.get_or_insert(Sid::ADMINISTRATORS);
        descriptor.group.get_or_insert(Sid::ADMINISTRATORS);
        Ok(descriptor)
    }

    fn change_access(&self, name: &str, account: &str, right: Option<ShareRight>) -> anyhow::Result<()> {
        let shares = self.state.shares();
        let share = shares.share(name).ok_or_else(|| anyhow::anyhow!("there is no share called {name:?}"))?;
        let sid = self.names().find(account)?;
        let mut descriptor = SecurityDescriptor::clone(&share.settings.security);
        let present: &[Ace] = descriptor.dacl.acl().map_or(&[], Acl::aces);
        let mut entries: Vec<Ace> = present.iter().filter(|ace| *ace.sid() != sid).cloned().collect();
        if right.is_none() && entries.len() == present.len() {
            anyhow::bail!("{account:?} has no entry of its own on the share {name:?}");
        }
        match right {
            Some(ShareRight::Full) => {
                entries.push(Ace::allow(sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY))
            }
            Some(ShareRight::Change) => entries.push(Ace::allow(sid, CHANGE, AceFlags::EMPTY)),
            Some(ShareRight::Read) => entries.push(Ace::allow(sid, READ, AceFlags::EMPTY)),
            Some(ShareRight::Deny) => {
                entries.push(Ace::deny(sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY))
            }
            None => {}
        }
        // Canonical order: what denies comes first.
        entries.sort_by_key(|ace| ace.ace_type() != AceType::ACCESS_DENIED);
        let acl = Acl::from_aces(entries).map_err(|_| anyhow::anyhow!("the share has too many entries"))?;
        descriptor.dacl = AclPart::Present(acl);
        let change = ShareChange { security: Some(Arc::new(descriptor)), ..ShareChange::default() };
        self.state.change_share(name, &change)?;
        Ok(())
    }

    fn share_row(&self, share: &Share, names: &Names) -> ShareRow {
        let settings = &share.settings;
        let volumes = self.state.volumes();
        let volume = volumes.iter().find(|volume| volume.name == settings.volume);
        let folder = volume.map_or(String::new(), |volume| {
            if settings.path.is_empty() {
                volume.path.display().to_string()
            } else {
                volume.path.join(&settings.path).display().to_string()
            }
        });
        ShareRow {
            name: share.name.clone(),
            volume: settings.volume.clone(),
            path: settings.path.clone(),
            folder,
            comment: settings.comment.clone(),
            encrypt: settings.encrypt,
            access_based_enumeration: settings.access_based_enumeration,
            caching: settings.caching,
            continuously_available: settings.continuously_available,
            max_users: settings.max_users.unwrap_or(0),
            audit: settings.audit,
            hidden: share.is_hidden(),
            access: settings.security.to_sddl(),
            permissions: settings.security.dacl.acl().map_or_else(Vec::new, |acl| {
                acl.aces().iter().map(|ace| ace_text(ace, |sid| names.name_of(sid))).collect()
            }),
        }
    }
}

/// Who may connect to a new share: administrators with full control, everybody who logs on with change. What happens to
/// files is decided by their own descriptors.
#[must_use]
pub fn default_share_security() -> SecurityDescriptor {
    let mut dacl = Acl::new();
    for ace in [
        Ace::allow(Sid::ADMINISTRATORS, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY),
        Ace::allow(Sid::AUTHENTICATED_USERS, CHANGE, AceFlags::EMPTY),
    ] {
        // Two entries are far below the limit of a list.
        let _ = dacl.push(ace);
    }
    SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl)
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
pub(super) fn iso_8601(time: FileTime) -> String {
    let (seconds, _) = time.to_unix();
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> (AdminService, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(State::in_memory().unwrap());
        state.set_volumes(vec![VolumeConfig::new("data", folder.path().to_owned())]);
        (AdminService::new(state), folder)
    }

    fn done(reply: Reply) {
        assert!(matches!(reply, Reply::Done), "{reply:?}");
    }

    fn refused(reply: Reply) -> String {
        match reply {
            Reply::Refused { message } => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_status_names_the_volumes() {
        let (service, folder) = service();
        let Reply::Status(row) = service.execute(Request::Status) else { panic!("no status") };
        let wanted = VolumeRow { name: "data".to_owned(), folder: folder.path().display().to_string() };
        assert_eq!((row.running, row.volumes), (false, vec![wanted]));
    }

    fn add_user(name: &str, groups: &[&str]) -> Request {
        Request::UserAdd {
            name: name.to_owned(),
            password: Password::new("Secret-1".to_owned()),
            full_name: String::new(),
            comment: String::new(),
            disabled: false,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    fn add_share(name: &str, volume: &str, path: &str) -> Request {
        let settings = ShareOptions { path: Some(path.to_owned()), ..ShareOptions::default() };
        Request::ShareAdd { name: name.to_owned(), volume: volume.to_owned(), settings }
    }

    fn shares(service: &AdminService) -> Vec<ShareRow> {
        match service.execute(Request::ShareList) {
            Reply::Shares(rows) => rows,
            other => panic!("{other:?}"),
        }
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

    #[test]
    fn a_share_makes_its_folder_and_keeps_the_case_on_disk() {
        let (service, folder) = service();
        std::fs::create_dir(folder.path().join("Projects")).unwrap();
        done(service.execute(add_share("a", "data", "projects\\new")));
        assert!(folder.path().join("Projects/new").is_dir());
        let row = &shares(&service)[0];
        assert_eq!(row.path, "Projects/new");
        assert_eq!(row.folder, folder.path().join("Projects/new").display().to_string());
    }

    #[test]
    fn an_unknown_volume_is_refused_with_the_known_ones() {
        let (service, _folder) = service();
        assert!(refused(service.execute(add_share("a", "other", ""))).contains("data"));
    }

    #[test]
    fn grants_replace_and_denials_come_first() {
        let (service, _folder) = service();
        done(service.execute(add_user("anna", &[])));
        done(service.execute(add_share("a", "data", "")));
        let grant = |account: &str, right| Request::ShareGrant {
            name: "a".to_owned(),
            account: account.to_owned(),
            right,
        };
        done(service.execute(grant("anna", ShareRight::Read)));
        done(service.execute(grant("Everyone", ShareRight::Deny)));
        done(service.execute(grant("ANNA", ShareRight::Full)));
        let access = shares(&service)[0].access.clone();
        let dacl = access.split_once("D:").unwrap().1;
        assert!(dacl.starts_with("(D;;FA;;;WD)"), "{access}");
        assert_eq!(dacl.matches("-1000)").count(), 1, "{access}");
        let revoke = Request::ShareRevoke { name: "a".to_owned(), account: "anna".to_owned() };
        done(service.execute(revoke.clone()));
        assert!(refused(service.execute(revoke)).contains("no entry"));
        assert!(refused(service.execute(grant("nobody", ShareRight::Read))).contains("nobody"));
    }

    #[test]
    fn access_is_taken_as_sddl_with_a_list() {
        let (service, _folder) = service();
        let with = |access: &str| {
            let settings = ShareOptions { access: Some(access.to_owned()), ..ShareOptions::default() };
            Request::ShareAdd { name: "a".to_owned(), volume: "data".to_owned(), settings }
        };
        assert!(refused(service.execute(with("nonsense"))).contains("SDDL"));
        assert!(refused(service.execute(with("O:BA"))).contains("DACL"));
        done(service.execute(with("D:(A;;FA;;;WD)")));
        assert_eq!(shares(&service)[0].access, "O:BAG:BAD:(A;;FA;;;WD)");
    }

    #[test]
    fn a_limit_of_zero_users_is_no_limit() {
        let (service, _folder) = service();
        done(service.execute(add_share("a", "data", "")));
        let set = |most| {
            let settings = ShareOptions { max_users: Some(most), ..ShareOptions::default() };
            Request::ShareSet { name: "a".to_owned(), volume: None, settings }
        };
        done(service.execute(set(5)));
        assert_eq!(shares(&service)[0].max_users, 5);
        done(service.execute(set(0)));
        assert_eq!(shares(&service)[0].max_users, 0);
    }
}
