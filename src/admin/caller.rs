//! Who asks, whether he may, and the record of it: every door comes through [`AdminService::execute_as`].
//!
//! A change is recorded when it is done and when it fails, whatever is refused is recorded too: with the event that
//! Windows has for it (4720 an account was made, 5142 a share, ...), and 4673 for what has none and for what was not allowed.

use std::fmt::Write as _;

use freehold_dtyp::{FileTime, Sid};

use super::AdminService;
use super::dfs_protocol::DfsRequest;
use super::open::NothingFits;
use super::protocol::{Reply, Request};
use super::quota_protocol::QuotaRequest;
use super::scope::{Demand, Scope, demand};
use super::token_protocol::TokenRequest;
use crate::audit::record::{Administered, Batch, Detail, EventId, Record, Subject};
use crate::state::{DfsEdit, StateError};

/// Longest text of a request in a record, in bytes.
const MAX_REQUEST_TEXT: usize = 1_024;

/// The way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The socket on this machine.
    Local,
    /// HTTPS.
    Https,
    /// The pipes that Windows' own tools use.
    Rpc,
}

impl Door {
    const fn name(self) -> &'static str {
        match self {
            Door::Local => "local",
            Door::Https => "https",
            Door::Rpc => "rpc",
        }
    }
}

/// What a caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grants {
    /// Everything: administrators of this server, and who reaches the local socket.
    All,
    /// What these scopes say.
    Scopes(Vec<Scope>),
    /// What is his own and nothing else.
    Own,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The way in.
    pub door: Door,
    /// Name of the account, or of the token.
    pub account: String,
    /// The account's domain; empty where there is none.
    pub domain: String,
    /// The account.
    pub sid: Sid,
    /// The token's name, where it is one.
    pub token: Option<String>,
    /// What it may ask for.
    pub grants: Grants,
    /// Address of the client; empty on this machine.
    pub address: String,
    /// Its port.
    pub port: u16,
}

/// The caller lacks what the request takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A token without the scope.
    #[error(
        "the token {token:?} has not the scope {scope}: make one that has with `freehold token add NAME --scope {scope}`",
        scope = scope.name()
    )]
    Scope {
        /// The token.
        token: String,
        /// What is missing.
        scope: Scope,
    },
    /// Somebody who is no administrator.
    #[error(
        "{account} is not a member of this server's Administrators: `freehold group add-member Administrators {account}` makes it one"
    )]
    Administrator {
        /// Who.
        account: String,
    },
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// What must be recorded is not done while the audit log cannot be written.
    #[error(
        "the audit log cannot be written, and changes must be recorded: free space or mend its disk, then try again"
    )]
    Unrecorded,
    /// It was refused or failed.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

impl Caller {
    /// Who came through the local socket: user `uid` of this machine, whom the socket let in.
    #[must_use]
    pub fn local(uid: u32) -> Caller {
        Caller {
            door: Door::Local,
            account: if uid == 0 { "root".to_owned() } else { format!("uid {uid}") },
            domain: String::new(),
            sid: Sid::SYSTEM,
            token: None,
            grants: Grants::All,
            address: String::new(),
            port: 0,
        }
    }

    /// `CORP\alice`, or the bare name.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.domain.is_empty() {
            self.account.clone()
        } else {
            format!("{}\\{}", self.domain, self.account)
        }
    }

    /// May it ask for that?
    ///
    /// # Errors
    /// [`Denied`] with what is missing.
    pub fn may(&self, demand: &Demand) -> Result<(), Denied> {
        match &self.grants {
            Grants::All => Ok(()),
            Grants::Scopes(scopes) if scopes.contains(&demand.scope) => Ok(()),
            Grants::Scopes(_) if self.token.is_some() => {
                Err(Denied::Scope { token: self.token.clone().unwrap_or_default(), scope: demand.scope })
            }
            Grants::Scopes(_) | Grants::Own => Err(Denied::Administrator { account: self.full_name() }),
        }
    }

    /// It asks for what is its own: its usage and limits.
    fn owns(&self, request: &Request) -> bool {
        let Request::Quota { request: QuotaRequest::Users { account: Some(account), .. } } = request else {
            return false;
        };
        self.token.is_none() && *account == self.sid.to_string()
    }

    /// What a request takes besides its scope: a share that is made for the root of a namespace takes that of namespaces too, and a token
    /// makes no token that may do what itself may not.
    fn may_besides(&self, request: &Request) -> Result<(), Denied> {
        if let Request::Dfs { request: DfsRequest::AddNamespace { name, volume: Some(_), .. } } = request {
            return self.may(&Demand::new(Scope::DfsWrite, "DfsAddNamespace", name));
        }
        self.may_hand_on(request)
    }

    fn may_hand_on(&self, request: &Request) -> Result<(), Denied> {
        let Request::Token { request: TokenRequest::Add { scopes: wanted, .. } } = request else {
            return Ok(());
        };
        let Grants::Scopes(own) = &self.grants else { return Ok(()) };
        let beyond = wanted.iter().filter_map(|name| Scope::of_name(name)).find(|scope| !own.contains(scope));
        match beyond {
            Some(scope) => Err(Denied::Scope { token: self.token.clone().unwrap_or_default(), scope }),
            None => Ok(()),
        }
    }
}

impl AdminService {
    /// Executes one request for `caller`, if it may; `sink` gets each part of the answer and says whether to go on. Records
    /// changes and refusals. Blocks on disk.
    ///
    /// # Errors
    /// [`ExecuteError`]; `sink` may have had parts before.
    pub fn execute_as(
        &self,
        caller: &Caller,
        request: Request,
        sink: &mut dyn FnMut(Reply) -> bool,
    ) -> Result<(), ExecuteError> {
        let demand = demand(&request);
        let text = if self.records() { request_text(&request) } else { String::new() };
        let allowed = if caller.owns(&request) { Ok(()) } else { caller.may(&demand) };
        let allowed = allowed.and_then(|()| caller.may_besides(&request));
        self.perform(caller, &demand, &text, allowed, || self.carry_out(request, sink))
    }

    /// Makes changes of namespaces that a door has worked out itself: all of them or none. Allowed and recorded as requests are.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn edit_namespaces_as(&self, caller: &Caller, edits: &[DfsEdit]) -> Result<(), ExecuteError> {
        let object = edits.first().map(DfsEdit::namespace).unwrap_or_default();
        let demand = Demand::new(Scope::DfsWrite, "DfsEdit", object);
        let text = if self.records() { request_text(&edits) } else { String::new() };
        self.perform(caller, &demand, &text, caller.may(&demand), || self.edit_namespaces(edits))
    }

    /// Does `work` if it is `allowed`, and records it when it changes something.
    fn perform(
        &self,
        caller: &Caller,
        demand: &Demand,
        text: &str,
        allowed: Result<(), Denied>,
        work: impl FnOnce() -> anyhow::Result<()>,
    ) -> Result<(), ExecuteError> {
        if let Err(denied) = allowed {
            self.record(caller, demand, text, Some(&denied.to_string()));
            return Err(denied.into());
        }
        if demand.changes() && self.is_audit_refusing() {
            return Err(ExecuteError::Unrecorded);
        }
        let done = work();
        if demand.changes() {
            let reason = done.as_ref().err().map(|error| format!("{error:#}"));
            self.record(caller, demand, text, reason.as_deref());
        }
        done.map_err(ExecuteError::Failed)
    }

    /// Records that the door has refused a change, for `reason`: it is as if the service had.
    pub fn refused_before(&self, caller: &Caller, request: &Request, reason: &str) {
        self.record(caller, &demand(request), &request_text(request), Some(reason));
    }

    /// Records what `caller` did, or was refused for `reason`.
    fn record(&self, caller: &Caller, demand: &Demand, request: &str, reason: Option<&str>) {
        let Some(server) = self.if_running() else { return };
        let subject = Subject {
            user_sid: caller.sid,
            user_name: caller.account.clone(),
            domain_name: caller.domain.clone(),
            logon_id: 0,
            ip_address: caller.address.clone(),
            ip_port: caller.port,
            share_name: demand.share.clone().unwrap_or_default(),
        };
        let administered = Administered {
            door: caller.door.name(),
            token: caller.token.as_deref(),
            operation: demand.operation,
            object: &demand.object,
            request,
            reason: reason.unwrap_or_default(),
        };
        // What was not done has not made, changed or removed anything.
        let event = if reason.is_some() { EventId::PRIVILEGED_SERVICE_CALLED } else { demand.event };
        let jobs = server.acl_jobs();
        let mut batch = Batch::default();
        batch.push(&Record {
            time: FileTime::from_system_time(std::time::SystemTime::now()),
            success: reason.is_none(),
            computer: &jobs.core().rpc.netbios_name,
            subject: Some(&subject),
            detail: Detail::Administered { event, administered },
        });
        if !server.record(batch) {
            tracing::error!(operation = demand.operation, "a change could not be recorded");
        }
    }
}

/// The request as it is recorded: its types show no secret, and it is cut where it is long.
fn request_text(request: &impl std::fmt::Debug) -> String {
    struct Bounded(String);
    impl std::fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            let room = MAX_REQUEST_TEXT.saturating_sub(self.0.len());
            let fits = text.floor_char_boundary(room);
            self.0.push_str(&text[..fits]);
            if fits < text.len() { Err(std::fmt::Error) } else { Ok(()) }
        }
    }
    let mut text = Bounded(String::new());
    if write!(text, "{request:?}").is_err() {
        text.0.push('…');
    }
    text.0
}

impl ExecuteError {
    /// What the state says, when it was the state that refused.
    #[must_use]
    pub fn state(&self) -> Option<&StateError> {
        match self {
            ExecuteError::Failed(error) => error.downcast_ref(),
            ExecuteError::Denied(_) | ExecuteError::Unrecorded => None,
        }
    }

    /// What there is nothing of that was to be ended.
    #[must_use]
    pub fn nothing_fits(&self) -> Option<NothingFits> {
        match self {
            ExecuteError::Failed(error) => error.downcast_ref().copied(),
            ExecuteError::Denied(_) | ExecuteError::Unrecorded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::protocol::Password;
    use super::*;
    use crate::state::State;

    fn caller(grants: Grants) -> Caller {
        Caller { grants, token: Some("t".to_owned()), ..Caller::local(0) }
    }

    fn run(caller: &Caller, request: Request) -> Result<(), ExecuteError> {
        AdminService::new(Arc::new(State::in_memory().unwrap())).execute_as(caller, request, &mut |_| true)
    }

    #[test]
    fn a_scope_gives_what_it_names_and_nothing_else() {
        let token = caller(Grants::Scopes(vec![Scope::SharesRead]));
        run(&token, Request::ShareList).unwrap();
        for request in [Request::UserList, Request::ShareRemove { name: "a".to_owned() }] {
            assert!(matches!(run(&token, request), Err(ExecuteError::Denied(Denied::Scope { .. }))));
        }
        let user = caller(Grants::Own);
        let error = run(&user, Request::Status).unwrap_err();
        assert!(matches!(error, ExecuteError::Denied(Denied::Administrator { .. })), "{error}");
        run(&caller(Grants::All), Request::UserList).unwrap();
        let usage = |of: &Caller| Request::Quota {
            request: QuotaRequest::Users {
                volume: None,
                account: Some(of.sid.to_string()),
                after: None,
                most: None,
            },
        };
        let user = Caller { token: None, ..user };
        let denied = |outcome: Result<(), ExecuteError>| matches!(outcome, Err(ExecuteError::Denied(_)));
        assert!(!denied(run(&user, usage(&user))));
        assert!(denied(run(&user, usage(&Caller { sid: Sid::NETWORK, ..user.clone() }))));
        assert!(denied(run(&Caller { token: Some("t".to_owned()), ..user.clone() }, usage(&user))));
    }

    #[test]
    fn a_token_hands_on_what_it_has_and_no_more() {
        let token = caller(Grants::Scopes(vec![Scope::TokensWrite, Scope::SharesRead]));
        let add = |scope: &str| Request::Token {
            request: TokenRequest::Add {
                name: "a".to_owned(),
                scopes: vec![scope.to_owned()],
                expires_in_days: None,
            },
        };
        run(&token, add("shares:read")).unwrap();
        let error = run(&token, add("users:write")).unwrap_err();
        assert!(
            matches!(error, ExecuteError::Denied(Denied::Scope { scope: Scope::UsersWrite, .. })),
            "{error}"
        );
    }

    #[test]
    fn what_the_state_refuses_is_told_apart() {
        let error = run(&caller(Grants::All), Request::UserRemove { name: "a".to_owned() }).unwrap_err();
        assert!(matches!(error.state(), Some(StateError::NotFound { .. })), "{error}");
    }

    #[test]
    fn the_text_of_a_request_has_no_secret_and_an_end() {
        let request = |comment: &str| Request::UserAdd {
            name: "anna".to_owned(),
            password: Password::new("secret-word".to_owned()),
            full_name: String::new(),
            comment: comment.to_owned(),
            disabled: false,
            groups: Vec::new(),
        };
        let text = request_text(&request(&"ä".repeat(5_000)));
        assert!(text.starts_with("UserAdd { name: \"anna\"") && text.ends_with('…'), "{text}");
        assert!(text.len() <= MAX_REQUEST_TEXT + '…'.len_utf8());
        assert!(!request_text(&request("")).contains("secret-word"));
    }
}
