//! The door of Windows' own tools to the administration service: what srvsvc and samr have changed becomes a request of
//! [`crate::admin::protocol`], with who called and from where, and its outcome what the call tells its client.
//!
//! The interfaces have checked what [MS-SRVS] and [MS-SAMR] demand of a caller; the service checks its scopes again, and records.
//! Runs on threads that may block.

use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl, AclPart, SecurityDescriptor, Token};
use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Folder, FolderOptions, Kind, ModelError, Namespace,
    NamespaceOptions,
};
use freehold_dtyp::{Guid, Sid};

use super::Shared;
use crate::admin::caller::{Caller, Door, ExecuteError, Grants};
use crate::admin::open_protocol::{OpenFileFilter, OpenFileRequest, SessionFilter, SessionRequest};
use crate::admin::protocol::{FolderEnumerationMode, Reply, Request, ShareOptions};
use crate::admin::scope::Scope;
use crate::admin::{AdminService, NothingFits, RunningServer, domain_root};
use crate::proto::activity::open_number;
use crate::rpc::{AccountTask, Commission, DfsTask, Done, Ending, Field, NewShare, TaskError};
use crate::smb2::SessionId;
use crate::state::{DfsEdit, ShareChange, State, StateError};

/// The way that a call came.
#[derive(Clone, Debug)]
pub struct Way {
    /// Address of the client.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// The session.
    pub session: SessionId,
}

/// What may change over RPC who is no administrator: the groups of [MS-SRVS] product behavior notes <52> to <77>.
const OPERATORS: [(Sid, &[Scope]); 2] = [
    (
        Sid::SERVER_OPERATORS,
        &[Scope::SharesRead, Scope::SharesWrite, Scope::SessionsRead, Scope::SessionsWrite],
    ),
    (Sid::POWER_USERS, &[Scope::SharesRead, Scope::SharesWrite]),
];

/// What a caller may ask the service for.
fn grants(token: &Token, allowed: bool) -> Grants {
    if !allowed {
        return Grants::Own;
    }
    if token.is_admin() {
        return Grants::All;
    }
    let groups = OPERATORS.iter().filter(|(group, _)| token.contains(group));
    Grants::Scopes(groups.flat_map(|(_, scopes)| scopes.iter().copied()).collect())
}

/// The service, as one call asks it.
pub(super) struct RpcDoor<'a> {
    shared: &'a Shared,
    service: AdminService,
    caller: Caller,
    session: u64,
}

impl<'a> RpcDoor<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, commission: &Commission, way: &Way) -> Self {
        let running = Arc::clone(shared) as Arc<dyn RunningServer>;
        let who = &commission.caller;
        RpcDoor {
            shared,
            service: AdminService::of_running(Arc::clone(&shared.state), running).sparing(way.session.0),
            caller: Caller {
                door: Door::Rpc,
                account: who.name.clone(),
                domain: who.domain.clone(),
                sid: *who.token.user(),
                token: None,
                grants: grants(&who.token, commission.allowed),
                address: way.address.clone(),
                port: way.port,
            },
            session: way.session.0,
        }
    }

    fn ask(&self, request: Request) -> Result<Reply, TaskError> {
        let mut last = Reply::Done;
        let done = self.service.execute_as(&self.caller, request, &mut |reply| {
            last = reply;
            true
        });
        done.map(|()| last).map_err(refusal)
    }

    fn change(&self, request: Request) -> Result<Done, TaskError> {
        self.ask(request).map(|_| Done::Nothing)
    }

    /// [MS-SRVS] 3.1.4.7: unlike with other doors the folder must be there; it is shared under the path that it has on the disk.
    pub(super) fn add_share(&self, new: &NewShare) -> Result<Done, TaskError> {
        let settings = ShareOptions {
            path: Some(new.path.clone()),
            description: Some(new.comment.clone()),
            security_descriptor: new.security.as_deref().map(security_text).transpose()?,
            concurrent_user_limit: new.max_users,
            ..ShareOptions::default()
        };
        let request =
            |volume: String, settings| Request::ShareAdd { name: new.name.clone(), volume, settings };
        if self.caller.grants == Grants::Own {
            // Who may not is told nothing of folders.
            return self.change(request(new.volume.clone(), settings));
        }
        match self.shared.folder_to_share(new) {
            Ok((volume, path)) => self.change(request(volume, ShareOptions { path: Some(path), ..settings })),
            Err(error) => {
                let refused = request(new.volume.clone(), settings);
                self.service.refused_before(&self.caller, &refused, &error.to_string());
                Err(error)
            }
        }
    }

    pub(super) fn change_share(&self, name: &str, change: &ShareChange) -> Result<Done, TaskError> {
        let settings = ShareOptions {
            description: change.comment.clone(),
            security_descriptor: change.security.as_deref().map(security_text).transpose()?,
            encrypt_data: change.encrypt,
            folder_enumeration_mode: change.access_based_enumeration.map(FolderEnumerationMode::of),
            caching_mode: change.caching,
            continuously_available: change.continuously_available,
            concurrent_user_limit: change.max_users.map(Option::unwrap_or_default),
            ..ShareOptions::default()
        };
        self.change(Request::ShareSet { name: name.to_owned(), volume: None, settings })
    }

    pub(super) fn remove_share(&self, name: &str) -> Result<Done, TaskError> {
        self.change(Request::ShareRemove { name: name.to_owned() })
    }

    /// Changes accounts and groups.
    pub(super) fn change_accounts(&self, task: &AccountTask) -> Result<Done, TaskError> {
        match task {
            AccountTask::AddGroup { name } => {
                self.change(Request::GroupAdd { name: name.clone(), comment: String::new() })?;
                let accounts = self.shared.state.accounts();
                accounts.group(name).map(|group| Done::Made(group.sid)).ok_or(TaskError::Failed)
            }
            AccountTask::RemoveGroup(group) => {
                self.change(Request::GroupRemove { name: self.group_name(group)? })
            }
            AccountTask::ChangeGroup { group, comment } => {
                let comment = Some(comment.clone());
                self.change(Request::GroupSet { name: self.group_name(group)?, comment })
            }
            AccountTask::AddMembers { group, members } => {
                let name = self.group_name(group)?;
                for member in members {
                    let member = member.to_string();
                    self.change(Request::GroupAddMember { name: name.clone(), member })?;
                }
                Ok(Done::Nothing)
            }
            AccountTask::RemoveMembers { group, members } => {
                let name = self.group_name(group)?;
                let accounts = self.shared.state.accounts();
                let present = accounts.group_by_sid(group).map(|group| group.members.as_slice());
                // Who is not in it is no error.
                let present = present.unwrap_or_default();
                for member in members.iter().filter(|member| present.contains(member)) {
                    let member = member.to_string();
                    self.change(Request::GroupRemoveMember { name: name.clone(), member })?;
                }
                Ok(Done::Nothing)
            }
            AccountTask::RemoveAccount(account) => {
                self.change(Request::UserRemove { name: self.account_name(account)? })
            }
            AccountTask::ChangeAccount { account, full_name, comment, disabled } => {
                self.change(Request::UserSet {
                    name: self.account_name(account)?,
                    password: None,
                    disabled: *disabled,
                    full_name: full_name.clone(),
                    comment: comment.clone(),
                })
            }
        }
    }

    /// Gives what is new its identity.
    pub(super) fn change_namespaces(&self, task: &DfsTask) -> Result<Done, TaskError> {
        let edits = match task {
            DfsTask::Edit(edits) => edits.clone(),
            DfsTask::AddFolder { namespace, path, comment, target } => {
                let folder = Folder {
                    path: path.clone(),
                    guid: new_guid()?,
                    comment: comment.clone(),
                    state: freehold_dfs::State::Online,
                    ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
                    options: FolderOptions::default(),
                    security: None,
                    targets: vec![target.clone()],
                };
                vec![DfsEdit::AddFolder { namespace: namespace.clone(), folder }]
            }
            DfsTask::AddNamespace { share, comment } => vec![DfsEdit::AddNamespace(Namespace {
                name: share.clone(),
                guid: new_guid()?,
                kind: Kind::StandAlone,
                comment: comment.clone(),
                state: freehold_dfs::State::Online,
                ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
                options: NamespaceOptions::default(),
                targets: Vec::new(),
            })],
            DfsTask::AddDomainRoot { share, comment, may_be_new } => {
                let member = self.shared.state.membership().ok_or(TaskError::NoFolder)?;
                let (kind, targets) = domain_root(&member, share);
                let namespace = Namespace {
                    name: share.clone(),
                    guid: new_guid()?,
                    kind,
                    comment: comment.clone(),
                    state: freehold_dfs::State::Online,
                    ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
                    options: NamespaceOptions::default(),
                    targets,
                };
                vec![if *may_be_new {
                    DfsEdit::AddNamespace(namespace)
                } else {
                    DfsEdit::AddRootTarget(namespace)
                }]
            }
        };
        self.service.edit_namespaces_as(&self.caller, &edits).map_err(refusal)?;
        Ok(Done::Nothing)
    }

    fn group_name(&self, group: &Sid) -> Result<String, TaskError> {
        let accounts = self.shared.state.accounts();
        accounts.group_by_sid(group).map(|group| group.name.clone()).ok_or(TaskError::NoShare)
    }

    fn account_name(&self, account: &Sid) -> Result<String, TaskError> {
        let accounts = self.shared.state.accounts();
        accounts.account_by_sid(account).map(|account| account.name.clone()).ok_or(TaskError::NoShare)
    }

    pub(super) fn end_sessions(&self, client: Option<&str>, user: Option<&str>) -> Result<Done, TaskError> {
        let filter = SessionFilter {
            session_id: None,
            client_computer_name: client.map(str::to_owned),
            client_user_name: user.map(str::to_owned),
        };
        let request = Request::Session { request: SessionRequest::Close { filter, what_if: false } };
        let Reply::Sessions(rows) = self.ask(request)? else { return Err(TaskError::Failed) };
        let own = rows.into_iter().map(|row| row.session_id).filter(|id| *id == self.session);
        Ok(Done::Own(Ending { sessions: own.collect(), opens: Vec::new() }))
    }

    pub(super) fn close_file(&self, number: u32) -> Result<Done, TaskError> {
        let open = self.shared.open_files().into_iter().find(|row| open_number(row.file_id) == number);
        let file_id = Some(open.map_or(u64::from(number), |row| row.file_id));
        let filter = OpenFileFilter { file_id, ..OpenFileFilter::default() };
        let request = Request::OpenFile { request: OpenFileRequest::Close { filter, what_if: false } };
        let Reply::OpenFiles(rows) = self.ask(request)? else { return Err(TaskError::Failed) };
        let own = rows.into_iter().filter(|row| row.session_id == self.session).map(|row| row.file_id);
        Ok(Done::Own(Ending { sessions: Vec::new(), opens: own.collect() }))
    }
}

/// Who may connect, as the service takes it. A null DACL, which restricts nothing, is written as the entry that it amounts to; a
/// descriptor that says nothing of who may connect is refused.
fn security_text(security: &SecurityDescriptor) -> Result<String, TaskError> {
    match &security.dacl {
        AclPart::Present(_) => Ok(security.to_sddl()),
        AclPart::Absent => Err(TaskError::Invalid(Field::Security)),
        AclPart::Null => {
            let everybody = Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY);
            let acl = Acl::from_aces([everybody]).map_err(|_| TaskError::Invalid(Field::Security))?;
            let security = SecurityDescriptor { dacl: AclPart::Present(acl), ..security.clone() };
            Ok(security.to_sddl())
        }
    }
}

fn new_guid() -> Result<Guid, TaskError> {
    State::new_guid().map_err(|error| {
        tracing::error!(%error, "a namespace or folder could not be given its identity");
        TaskError::Failed
    })
}

/// What a call tells its client of what the service says.
fn refusal(error: ExecuteError) -> TaskError {
    match &error {
        ExecuteError::Denied(_) => return TaskError::AccessDenied,
        ExecuteError::Unrecorded => return TaskError::Unrecorded,
        ExecuteError::Failed(_) => {}
    }
    match (error.state(), error.nothing_fits()) {
        (_, Some(NothingFits::Session)) => TaskError::NoSession,
        (_, Some(NothingFits::OpenFile)) => TaskError::NoOpenFile,
        (Some(StateError::NotFound { kind: "namespace" | "folder", .. }), _) => TaskError::NoFolder,
        (Some(StateError::NotFound { kind: "target", .. }), _) => TaskError::NoFile,
        (Some(StateError::NotFound { .. }), _) => TaskError::NoShare,
        (Some(StateError::Namespace(ModelError::BelowFolder(_) | ModelError::AboveFolder(_))), _) => {
            TaskError::Exists
        }
        (Some(StateError::Namespace(_)), _) => TaskError::Invalid(Field::Path),
        (Some(StateError::Exists { .. }), _) => TaskError::Exists,
        (Some(StateError::Refused(_)), _) => TaskError::AccessDenied,
        (Some(StateError::Invalid { field, .. }), _) => TaskError::Invalid(match *field {
            "comment" => Field::Comment,
            "max users" => Field::MaxUsers,
            "path" => Field::Path,
            _ => Field::Name,
        }),
        _ => {
            tracing::error!(%error, "a change that an RPC call asks for failed");
            TaskError::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_may_what_the_notes_say() {
        let of = |group: Sid| grants(&Token::builder(Sid::NETWORK).groups([group]).build(), true);
        assert_eq!(of(Sid::ADMINISTRATORS), Grants::All);
        let Grants::Scopes(operators) = of(Sid::SERVER_OPERATORS) else { panic!() };
        assert!(operators.contains(&Scope::SessionsWrite) && !operators.contains(&Scope::UsersWrite));
        let Grants::Scopes(power) = of(Sid::POWER_USERS) else { panic!() };
        assert!(power.contains(&Scope::SharesWrite) && !power.contains(&Scope::SessionsWrite));
        assert_eq!(of(Sid::USERS), Grants::Scopes(Vec::new()));
        let administrator = Token::builder(Sid::NETWORK).groups([Sid::ADMINISTRATORS]).build();
        assert_eq!(grants(&administrator, false), Grants::Own);
    }

    #[test]
    fn a_descriptor_says_who_may_connect_or_is_refused() {
        let text = |sddl: &str| security_text(&sddl.parse().unwrap());
        assert_eq!(text("O:BAG:BAD:(A;;FA;;;BA)").unwrap(), "O:BAG:BAD:(A;;FA;;;BA)");
        assert_eq!(text("O:BAG:BAD:NO_ACCESS_CONTROL").unwrap(), "O:BAG:BAD:(A;;FA;;;WD)");
        assert_eq!(text("O:BAG:BA"), Err(TaskError::Invalid(Field::Security)));
    }

    #[test]
    fn what_the_service_says_is_told_in_the_words_of_the_interface() {
        let failed = |error: anyhow::Error| refusal(ExecuteError::Failed(error));
        for (error, expected) in [
            (StateError::NotFound { kind: "share", name: "a".to_owned() }, TaskError::NoShare),
            (StateError::Exists { kind: "a share", name: "a".to_owned() }, TaskError::Exists),
            (
                StateError::Invalid { field: "comment", found: String::new(), allowed: "" },
                TaskError::Invalid(Field::Comment),
            ),
            (StateError::Random, TaskError::Failed),
        ] {
            assert_eq!(failed(error.into()), expected);
        }
        assert_eq!(failed(NothingFits::Session.into()), TaskError::NoSession);
        assert_eq!(failed(NothingFits::OpenFile.into()), TaskError::NoOpenFile);
        assert_eq!(failed(anyhow::anyhow!("anything")), TaskError::Failed);
        assert_eq!(refusal(ExecuteError::Unrecorded), TaskError::Unrecorded);
    }
}
