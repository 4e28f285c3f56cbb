//! What a caller may ask for: a scope for each request.
//!
//! Owns the names of the scopes and which request takes which. A new request does not compile before it has one.

use super::acl_protocol::AclRequest;
use super::declared_protocol::DeclaredRequest;
use super::dfs_protocol::DfsRequest;
use super::domain_protocol::DomainRequest;
use super::open_protocol::{OpenFileRequest, SessionRequest};
use super::protocol::Request;
use super::quota_protocol::QuotaRequest;
use super::token_protocol::TokenRequest;
use crate::audit::record::EventId;

/// A right to ask for something. Each noun has one to read and one to change; neither contains the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Who the server is.
    StatusRead,
    /// Shares and who may connect.
    SharesRead,
    /// To change them.
    SharesWrite,
    /// Local accounts and groups.
    UsersRead,
    /// To change them.
    UsersWrite,
    /// The domain, further names, and who has a name.
    DomainRead,
    /// To join, leave, change passwords, read keys.
    DomainWrite,
    /// Access-control lists of files, and explanations of them.
    AclRead,
    /// To change them.
    AclWrite,
    /// Usage and limits.
    QuotasRead,
    /// To change limits.
    QuotasWrite,
    /// DFS namespaces.
    DfsRead,
    /// To change them.
    DfsWrite,
    /// Sessions and open files.
    SessionsRead,
    /// To close them.
    SessionsWrite,
    /// The server's declaration: to export it.
    ConfigRead,
    /// To apply one.
    ConfigWrite,
    /// The tokens for this service.
    TokensRead,
    /// To make and remove them.
    TokensWrite,
    /// The audit log.
    AuditRead,
    /// What the server does: figures, the most active users, slow requests.
    MetricsRead,
}

impl Scope {
    /// All of them, in the order of listings.
    pub const ALL: [Scope; 21] = [
        Scope::StatusRead,
        Scope::SharesRead,
        Scope::SharesWrite,
        Scope::UsersRead,
        Scope::UsersWrite,
        Scope::DomainRead,
        Scope::DomainWrite,
        Scope::AclRead,
        Scope::AclWrite,
        Scope::QuotasRead,
        Scope::QuotasWrite,
        Scope::DfsRead,
        Scope::DfsWrite,
        Scope::SessionsRead,
        Scope::SessionsWrite,
        Scope::ConfigRead,
        Scope::ConfigWrite,
        Scope::TokensRead,
        Scope::TokensWrite,
        Scope::AuditRead,
        Scope::MetricsRead,
    ];

    /// Its name: `shares:read`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::StatusRead => "status:read",
            Scope::SharesRead => "shares:read",
            Scope::SharesWrite => "shares:write",
            Scope::UsersRead => "users:read",
            Scope::UsersWrite => "users:write",
            Scope::DomainRead => "domain:read",
            Scope::DomainWrite => "domain:write",
            Scope::AclRead => "acl:read",
            Scope::AclWrite => "acl:write",
            Scope::QuotasRead => "quotas:read",
            Scope::QuotasWrite => "quotas:write",
            Scope::DfsRead => "dfs:read",
            Scope::DfsWrite => "dfs:write",
            Scope::SessionsRead => "sessions:read",
            Scope::SessionsWrite => "sessions:write",
            Scope::ConfigRead => "config:read",
            Scope::ConfigWrite => "config:write",
            Scope::TokensRead => "tokens:read",
            Scope::TokensWrite => "tokens:write",
            Scope::AuditRead => "audit:read",
            Scope::MetricsRead => "metrics:read",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// What it lets a token do, for those who choose.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Scope::StatusRead => "who the server is, and what holds for all of it",
            Scope::SharesRead => "shares and who may connect",
            Scope::SharesWrite => "change them",
            Scope::UsersRead => "local accounts and groups",
            Scope::UsersWrite => "change them; as good as all scopes: it makes administrators",
            Scope::DomainRead => "the domain, further names, who is who",
            Scope::DomainWrite => "join, leave, rotate, read the keys that make a machine this server",
            Scope::AclRead => "access-control lists of files, and explanations",
            Scope::AclWrite => "change them, and with them who reads what",
            Scope::QuotasRead => "usage and limits",
            Scope::QuotasWrite => "change limits",
            Scope::SessionsRead => "sessions and open files",
            Scope::SessionsWrite => "close them",
            Scope::ConfigRead => "export what is declared",
            Scope::ConfigWrite => {
                "apply a declaration, set what holds for all of the server and the program that quotas run; nearly all scopes: a \
                 declaration has shares, quotas and members of Administrators"
            }
            Scope::TokensRead => "tokens, without their secrets",
            Scope::TokensWrite => "make and remove them, with its own scopes at most",
            Scope::AuditRead => "the audit log",
            Scope::DfsRead => "DFS namespaces, and where their folders lead",
            Scope::DfsWrite => "change them, and with them where clients are sent",
            Scope::MetricsRead => "figures, the most active users, slow requests",
        }
    }

    /// Whoever has it can make himself an administrator, or run a program as the server: decision 0025.
    #[must_use]
    pub const fn is_nearly_everything(self) -> bool {
        matches!(self, Scope::UsersWrite | Scope::ConfigWrite | Scope::DomainWrite)
    }

    /// What a change by this scope is, to the audit log, when no event of its own fits better.
    const fn changes(self) -> bool {
        matches!(
            self,
            Scope::SharesWrite
                | Scope::UsersWrite
                | Scope::DomainWrite
                | Scope::AclWrite
                | Scope::QuotasWrite
                | Scope::DfsWrite
                | Scope::SessionsWrite
                | Scope::ConfigWrite
                | Scope::TokensWrite
        )
    }
}

/// What a request takes and is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The scope that it takes.
    pub scope: Scope,
    /// Its name, such as `ShareAdd`.
    pub operation: &'static str,
    /// What it is done to: the name of a share, an account, a path.
    pub object: String,
    /// The share that it is about.
    pub share: Option<String>,
    /// The event that records it.
    pub event: EventId,
}

impl Demand {
    /// It changes something, so that it is recorded.
    #[must_use]
    pub const fn changes(&self) -> bool {
        self.scope.changes()
    }

    pub(super) fn new(scope: Scope, operation: &'static str, object: &str) -> Demand {
        Demand {
            scope,
            operation,
            object: object.to_owned(),
            share: None,
            event: EventId::PRIVILEGED_SERVICE_CALLED,
        }
    }

    pub(super) fn event(self, event: EventId) -> Demand {
        Demand { event, ..self }
    }

    fn share(scope: Scope, operation: &'static str, share: &str, event: EventId) -> Demand {
        Demand { share: Some(share.to_owned()), event, ..Demand::new(scope, operation, share) }
    }
}

/// What `request` takes.
#[must_use]
pub fn demand(request: &Request) -> Demand {
    use Scope::{AclRead, DomainRead, SharesRead, SharesWrite, StatusRead, UsersRead, UsersWrite};
    match request {
        Request::Status => Demand::new(StatusRead, "Status", ""),
        Request::UserAdd { name, .. } => {
            Demand::new(UsersWrite, "UserAdd", name).event(EventId::USER_CREATED)
        }
        Request::UserSet { name, .. } => {
            Demand::new(UsersWrite, "UserSet", name).event(EventId::USER_CHANGED)
        }
        Request::UserRemove { name } => {
            Demand::new(UsersWrite, "UserRemove", name).event(EventId::USER_DELETED)
        }
        Request::UserList => Demand::new(UsersRead, "UserList", ""),
        Request::Lookup { account } => Demand::new(DomainRead, "Lookup", account),
        Request::LookupGroups { account } => Demand::new(DomainRead, "LookupGroups", account),
        Request::GroupAdd { name, .. } => {
            Demand::new(UsersWrite, "GroupAdd", name).event(EventId::GROUP_CREATED)
        }
        Request::GroupSet { name, .. } => {
            Demand::new(UsersWrite, "GroupSet", name).event(EventId::GROUP_CHANGED)
        }
        Request::GroupRemove { name } => {
            Demand::new(UsersWrite, "GroupRemove", name).event(EventId::GROUP_DELETED)
        }
        Request::GroupList => Demand::new(UsersRead, "GroupList", ""),
        Request::GroupAddMember { name, .. } => {
            Demand::new(UsersWrite, "GroupAddMember", name).event(EventId::GROUP_MEMBER_ADDED)
        }
        Request::GroupRemoveMember { name, .. } => {
            Demand::new(UsersWrite, "GroupRemoveMember", name).event(EventId::GROUP_MEMBER_REMOVED)
        }
        Request::ShareAdd { name, .. } => Demand::share(SharesWrite, "ShareAdd", name, EventId::SHARE_ADDED),
        Request::ShareSet { name, .. } => {
            Demand::share(SharesWrite, "ShareSet", name, EventId::SHARE_CHANGED)
        }
        Request::ShareRemove { name } => {
            Demand::share(SharesWrite, "ShareRemove", name, EventId::SHARE_DELETED)
        }
        Request::ShareList => Demand::new(SharesRead, "ShareList", ""),
        Request::ShareGrant { name, .. } => {
            Demand::share(SharesWrite, "ShareGrant", name, EventId::SHARE_CHANGED)
        }
        Request::ShareRevoke { name, .. } => {
            Demand::share(SharesWrite, "ShareRevoke", name, EventId::SHARE_CHANGED)
        }
        Request::ShareAccess { name } => {
            Demand::new(SharesRead, "ShareAccess", name.as_deref().unwrap_or_default())
        }
        Request::ShareBlock { name, .. } => {
            Demand::share(SharesWrite, "ShareBlock", name, EventId::SHARE_CHANGED)
        }
        Request::ShareUnblock { name, .. } => {
            Demand::share(SharesWrite, "ShareUnblock", name, EventId::SHARE_CHANGED)
        }
        Request::ServerConfiguration => Demand::new(StatusRead, "ServerConfiguration", ""),
        Request::ServerSet { .. } => Demand::new(Scope::ConfigWrite, "ServerSet", ""),
        Request::ServerReset => Demand::new(Scope::ConfigWrite, "ServerReset", ""),
        Request::Session { request } => match request {
            SessionRequest::List { .. } => Demand::new(Scope::SessionsRead, "SessionList", ""),
            SessionRequest::Close { filter, .. } => {
                let id = filter.session_id.map(|id| id.to_string());
                let of = id.or_else(|| filter.client_computer_name.clone());
                let object = of.or_else(|| filter.client_user_name.clone());
                Demand::new(Scope::SessionsWrite, "SessionClose", &object.unwrap_or_default())
            }
        },
        Request::OpenFile { request } => match request {
            OpenFileRequest::List { .. } => Demand::new(Scope::SessionsRead, "OpenFileList", ""),
            OpenFileRequest::Close { filter, .. } => {
                let object = filter.file_id.map(|id| id.to_string());
                Demand::new(Scope::SessionsWrite, "OpenFileClose", &object.unwrap_or_default())
            }
        },
        // A declaration names shares and members of Administrators.
        Request::Declared { request } => match request {
            DeclaredRequest::Apply { .. } => Demand::new(Scope::ConfigWrite, "Apply", ""),
            DeclaredRequest::Export => Demand::new(Scope::ConfigRead, "Export", ""),
        },
        Request::Audit { .. } => Demand::new(Scope::AuditRead, "AuditSearch", ""),
        Request::Metrics { .. } => Demand::new(Scope::MetricsRead, "Metrics", ""),
        Request::Explain(question) => Demand::new(AclRead, "Explain", &question.path),
        Request::Acl { request } => acl(request),
        Request::Domain { request } => domain(request),
        Request::Quota { request } => quota(request),
        Request::Dfs { request } => dfs(request),
        Request::Token { request } => token(request),
    }
}

/// A path for the record; below a home share it says nothing without whose folder is meant.
fn object_of(path: &str, as_user: Option<&str>) -> String {
    as_user.map_or_else(|| path.to_owned(), |user| format!("{path} (as {user})"))
}

fn acl(request: &AclRequest) -> Demand {
    match request {
        AclRequest::Read { path, as_user, .. } => {
            Demand::new(Scope::AclRead, "AclRead", &object_of(path, as_user.as_deref()))
        }
        AclRequest::Change { path, as_user, .. } => {
            Demand::new(Scope::AclWrite, "AclChange", &object_of(path, as_user.as_deref()))
        }
        AclRequest::Restore { path, as_user, .. } => {
            Demand::new(Scope::AclWrite, "AclRestore", &object_of(path, as_user.as_deref()))
        }
        AclRequest::Jobs => Demand::new(Scope::AclRead, "AclJobs", ""),
    }
}

fn domain(request: &DomainRequest) -> Demand {
    use Scope::{DomainRead, DomainWrite};
    match request {
        DomainRequest::Join { domain, .. } => Demand::new(DomainWrite, "DomainJoin", domain),
        DomainRequest::Leave { .. } => Demand::new(DomainWrite, "DomainLeave", ""),
        DomainRequest::Status => Demand::new(DomainRead, "DomainStatus", ""),
        DomainRequest::Test => Demand::new(DomainRead, "DomainTest", ""),
        DomainRequest::Rotate => Demand::new(DomainWrite, "DomainRotate", ""),
        // The keys are the server: who reads them can be it.
        DomainRequest::Keytab => Demand::new(DomainWrite, "DomainKeytab", ""),
        DomainRequest::AliasAdd { name, .. } => Demand::new(DomainWrite, "AliasAdd", name),
        DomainRequest::AliasRemove { name, .. } => Demand::new(DomainWrite, "AliasRemove", name),
        DomainRequest::AliasList => Demand::new(DomainRead, "AliasList", ""),
    }
}

fn quota(request: &QuotaRequest) -> Demand {
    use Scope::{QuotasRead, QuotasWrite};
    let of = |scope, operation, object: Option<&String>| {
        Demand::new(scope, operation, object.map_or("", String::as_str))
    };
    match request {
        QuotaRequest::Settings { volume } => of(QuotasRead, "QuotaSettings", volume.as_ref()),
        QuotaRequest::SetSettings { volume, .. } => of(QuotasWrite, "QuotaSetSettings", Some(volume)),
        QuotaRequest::Users { volume, .. } => of(QuotasRead, "QuotaUsers", volume.as_ref()),
        QuotaRequest::SetUsers { volume, .. } => of(QuotasWrite, "QuotaSetUsers", Some(volume)),
        QuotaRequest::RemoveUsers { volume, .. } => of(QuotasWrite, "QuotaRemoveUsers", Some(volume)),
        QuotaRequest::Groups { volume } => of(QuotasRead, "QuotaGroups", volume.as_ref()),
        QuotaRequest::SetGroup { group, .. } => of(QuotasWrite, "QuotaSetGroup", Some(group)),
        QuotaRequest::RemoveGroup { group, .. } => of(QuotasWrite, "QuotaRemoveGroup", Some(group)),
        QuotaRequest::Folders { path, .. } => of(QuotasRead, "QuotaFolders", path.as_ref()),
        QuotaRequest::AddFolder { path, .. } => of(QuotasWrite, "QuotaAddFolder", Some(path)),
        QuotaRequest::SetFolder { path, .. } => of(QuotasWrite, "QuotaSetFolder", Some(path)),
        QuotaRequest::RemoveFolder { path } => of(QuotasWrite, "QuotaRemoveFolder", Some(path)),
        QuotaRequest::Templates { name } => of(QuotasRead, "QuotaTemplates", name.as_ref()),
        QuotaRequest::AddTemplate { name, .. } => of(QuotasWrite, "QuotaAddTemplate", Some(name)),
        QuotaRequest::SetTemplate { name, .. } => of(QuotasWrite, "QuotaSetTemplate", Some(name)),
        QuotaRequest::RemoveTemplate { name } => of(QuotasWrite, "QuotaRemoveTemplate", Some(name)),
        QuotaRequest::Autos { volume } => of(QuotasRead, "QuotaAutos", volume.as_ref()),
        QuotaRequest::AddAuto { path, .. } => of(QuotasWrite, "QuotaAddAuto", Some(path)),
        QuotaRequest::SetAuto { path, .. } => of(QuotasWrite, "QuotaSetAuto", Some(path)),
        QuotaRequest::RemoveAuto { path, .. } => of(QuotasWrite, "QuotaRemoveAuto", Some(path)),
        QuotaRequest::Recount { volume } => of(QuotasWrite, "QuotaRecount", Some(volume)),
        QuotaRequest::Report { volume, .. } => of(QuotasRead, "QuotaReport", volume.as_ref()),
        QuotaRequest::Forecast { volume, .. } => of(QuotasRead, "QuotaForecast", volume.as_ref()),
        QuotaRequest::Notification => of(QuotasRead, "QuotaNotification", None),
        // What runs a program of the server is not left to who may set limits.
        QuotaRequest::SetNotification { .. } => of(Scope::ConfigWrite, "QuotaSetNotification", None),
        QuotaRequest::TestNotification => of(QuotasWrite, "QuotaTestNotification", None),
    }
}

fn dfs(request: &DfsRequest) -> Demand {
    use Scope::{DfsRead, DfsWrite};
    let of =
        |operation, path: Option<&String>| Demand::new(DfsRead, operation, path.map_or("", String::as_str));
    match request {
        DfsRequest::Namespaces { name } => of("DfsNamespaces", name.as_ref()),
        // It makes a share too.
        DfsRequest::AddNamespace { name, volume: Some(_), .. } => {
            Demand::share(Scope::SharesWrite, "DfsAddNamespace", name, EventId::SHARE_ADDED)
        }
        DfsRequest::AddNamespace { name, volume: None, .. } => Demand::new(DfsWrite, "DfsAddNamespace", name),
        DfsRequest::SetNamespace { name, .. } => Demand::new(DfsWrite, "DfsSetNamespace", name),
        DfsRequest::RemoveNamespace { name, .. } => Demand::new(DfsWrite, "DfsRemoveNamespace", name),
        DfsRequest::Folders { path } => of("DfsFolders", path.as_ref()),
        DfsRequest::AddFolder { path, .. } => Demand::new(DfsWrite, "DfsAddFolder", path),
        DfsRequest::SetFolder { path, .. } => Demand::new(DfsWrite, "DfsSetFolder", path),
        DfsRequest::MoveFolder { path, .. } => Demand::new(DfsWrite, "DfsMoveFolder", path),
        DfsRequest::RemoveFolder { path } => Demand::new(DfsWrite, "DfsRemoveFolder", path),
        DfsRequest::Targets { path } => of("DfsTargets", path.as_ref()),
        DfsRequest::AddTarget { path, .. } => Demand::new(DfsWrite, "DfsAddTarget", path),
        DfsRequest::SetTarget { path, .. } => Demand::new(DfsWrite, "DfsSetTarget", path),
        DfsRequest::RemoveTarget { path, .. } => Demand::new(DfsWrite, "DfsRemoveTarget", path),
        DfsRequest::Test { path } => of("DfsTest", path.as_ref()),
        DfsRequest::Resolve { path, .. } => of("DfsResolve", Some(path)),
        DfsRequest::Sites { from } => of("DfsSites", from.as_ref()),
    }
}

fn token(request: &TokenRequest) -> Demand {
    match request {
        TokenRequest::Add { name, .. } => Demand::new(Scope::TokensWrite, "TokenAdd", name),
        TokenRequest::Remove { name } => Demand::new(Scope::TokensWrite, "TokenRemove", name),
        TokenRequest::List => Demand::new(Scope::TokensRead, "TokenList", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scopes_lead_back_to_them() {
        for scope in Scope::ALL {
            assert_eq!(Scope::of_name(scope.name()), Some(scope));
            assert_eq!(scope.changes(), scope.name().ends_with(":write"), "{}", scope.name());
        }
        assert_eq!(Scope::of_name("everything"), None);
        assert!(Scope::ALL.iter().all(|scope| scope.changes() || !scope.is_nearly_everything()));
    }

    #[test]
    fn a_change_takes_a_scope_to_write_and_has_an_event_of_its_own() {
        let name = || "a".to_owned();
        let remove = demand(&Request::ShareRemove { name: name() });
        assert_eq!((remove.scope, remove.event), (Scope::SharesWrite, EventId::SHARE_DELETED));
        assert_eq!(remove.share.as_deref(), Some("a"));
        assert!(remove.changes() && !demand(&Request::ShareList).changes());
        let keytab = demand(&Request::Domain { request: DomainRequest::Keytab });
        assert_eq!(keytab.scope, Scope::DomainWrite);
    }
}
