//! What a call is answered from.

use std::sync::Arc;

use freehold_acl::Token;
use freehold_dfs::Namespaces;
use freehold_dtyp::{FileTime, Guid, Sid};

use super::task::Ending;
use crate::auth::{Acceptor, AuthError, Authorization};
use crate::names::{Asked, DirectoryCache, Machine, NameBook, Principal, Scope};
use crate::state::{AccountsSnapshot, Membership, SharesSnapshot, domain_token};

/// How this server presents itself to RPC clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// NetBIOS name.
    pub netbios_name: String,
    /// DNS name.
    pub dns_name: String,
    /// Workgroup.
    pub workgroup: String,
    /// Comment in server listings.
    pub comment: String,
    /// Major and minor version of Windows that is claimed.
    pub version: (u32, u32),
    /// SID that those of local accounts start with.
    pub machine_sid: Sid,
    /// [MS-SMB2] 3.3.1.5 ServerGuid.
    pub server_guid: Guid,
}

impl ServerInfo {
    /// The version of Windows Server that is claimed where a client asks: 10.0.
    pub const VERSION: (u32, u32) = (10, 0);

    /// This server as the domain of its accounts.
    #[must_use]
    pub fn machine(&self) -> Machine<'_> {
        Machine { netbios_name: &self.netbios_name, dns_name: &self.dns_name, sid: self.machine_sid }
    }
}

/// The domain that this server is a member of, as RPC clients may know it: nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainInfo {
    /// NetBIOS name.
    pub netbios_name: String,
    /// DNS name.
    pub dns_name: String,
    /// DNS name of the forest's root domain.
    pub forest: String,
    /// SID.
    pub sid: Sid,
    /// Further names of this server that are registered there.
    pub aliases: Vec<String>,
    /// Every name that clients may call this server by, further ones in both their forms, lower case.
    pub host_names: Vec<String>,
}

impl From<&Membership> for DomainInfo {
    fn from(membership: &Membership) -> DomainInfo {
        DomainInfo {
            netbios_name: membership.netbios_domain.clone(),
            dns_name: membership.dns_domain.clone(),
            forest: membership.forest.clone(),
            sid: membership.domain_sid,
            aliases: membership.aliases.clone(),
            host_names: membership.host_names(),
        }
    }
}

/// Everything that a call may look at. Borrowed for one call.
#[derive(Clone, Copy)]
pub struct RpcContext<'a> {
    /// This server.
    pub server: &'a ServerInfo,
    /// The domain that it is a member of.
    pub domain: Option<&'a DomainInfo>,
    /// Who calls.
    pub caller: &'a Token,
    /// The caller's name without domain, empty for an anonymous one.
    pub caller_name: &'a str,
    /// NetBIOS name of the caller's domain, or this server's; empty for an anonymous one.
    pub caller_domain: &'a str,
    /// Local accounts and groups.
    pub accounts: &'a AccountsSnapshot,
    /// What the directory has answered so far.
    pub directory: &'a DirectoryCache,
    /// What it must be asked before the call can be answered. Should there be anything once an operation has returned, what it
    /// returned is dropped and the call runs again when the directory has answered (see [`super::Pipe`]).
    pub asked: &'a Asked,
    /// Shares.
    pub shares: &'a SharesSnapshot,
    /// DFS namespaces.
    pub namespaces: &'a Namespaces,
    /// Who is connected and what is open.
    pub activity: &'a dyn Activity,
    /// Logons within RPC.
    pub logons: &'a dyn Logons,
    /// The present time.
    pub now: FileTime,
}

impl RpcContext<'_> {
    /// May the caller see and do what is for administrators?
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.caller.is_admin()
    }

    /// All names: well-known, of this server, of the directory.
    #[must_use]
    pub fn names(&self) -> NameBook<'_> {
        NameBook {
            machine: self.server.machine(),
            accounts: self.accounts,
            directory: self.directory,
            asked: self.asked,
            now: self.now,
        }
    }

    /// Who has `sid`, as far as is known: what is not may be asked for, and then this call runs again.
    #[must_use]
    pub fn of_sid(&self, sid: &Sid) -> Option<Principal> {
        self.names().of_sid(sid).found()
    }

    /// Who is called `name`, in any spelling and case; as [`RpcContext::of_sid`].
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<Principal> {
        self.names().of_name(name, Scope::All).found()
    }

    /// Who calls, for what outlives the call.
    #[must_use]
    pub fn owned_caller(&self) -> Caller {
        Caller {
            token: Arc::new(self.caller.clone()),
            name: self.caller_name.to_owned(),
            domain: self.caller_domain.to_owned(),
        }
    }

    /// Is it somebody without a name?
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        *self.caller.user() == Sid::ANONYMOUS
    }
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What access checks see.
    pub token: Arc<Token>,
    /// Name without domain, empty for an anonymous one.
    pub name: String,
    /// NetBIOS name of the account's domain, or this server's.
    pub domain: String,
}

impl Caller {
    /// A user of a domain, as a domain controller tells of him.
    #[must_use]
    pub fn of_domain(accounts: &AccountsSnapshot, authorization: &Authorization) -> Caller {
        Caller {
            token: Arc::new(domain_token(accounts, authorization)),
            name: authorization.account_name.clone(),
            domain: authorization.domain_name.clone(),
        }
    }

    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Caller {
        let token = Token::builder(Sid::ANONYMOUS).groups([Sid::EVERYONE, Sid::NETWORK]).build();
        Caller { token: Arc::new(token), name: String::new(), domain: String::new() }
    }
}

/// Logons within RPC ([MS-RPCE] 3.3.1.5.2).
pub trait Logons {
    /// A new logon, with the server's names, keys, policy and randomness.
    fn acceptor(&self) -> Acceptor;
    /// A logon was refused. True: the client has had too many of that, the refusal has to wait.
    fn failed(&self, error: AuthError) -> bool;
    /// A logon succeeded.
    fn succeeded(&self, caller: &Caller);
}

/// What goes on in the server. Asked only when a call needs it.
pub trait Activity {
    /// Sessions.
    fn sessions(&self) -> Vec<SessionInfo>;
    /// Open files and pipes.
    fn open_files(&self) -> Vec<OpenFileInfo>;
    /// Tree connects.
    fn connections(&self) -> Vec<ConnectionInfo>;
    /// Tree connects to the share with this name, in any case.
    fn share_users(&self, share: &str) -> u32;
    /// Ends what is left of a task, once the call is over.
    fn end(&self, ending: &Ending);
    /// What the server has counted since it started.
    fn statistics(&self) -> Statistics;
}

/// [MS-SRVS] 2.2.4.39 STAT_SERVER_0, as far as it is counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// When the server started.
    pub started: FileTime,
    /// Opens that there have been, of files and pipes.
    pub opens: u64,
    /// Sessions that there have been.
    pub sessions: u64,
    /// Logons that were refused.
    pub refused_logons: u64,
}

/// Nothing goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoActivity;

impl Activity for NoActivity {
    fn sessions(&self) -> Vec<SessionInfo> {
        Vec::new()
    }

    fn open_files(&self) -> Vec<OpenFileInfo> {
        Vec::new()
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        Vec::new()
    }

    fn share_users(&self, _share: &str) -> u32 {
        0
    }

    fn end(&self, _ending: &Ending) {}

    fn statistics(&self) -> Statistics {
        Statistics::default()
    }
}

/// A session as [MS-SRVS] 2.2.4.15 SESSION_INFO_502 shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionInfo {
    /// The client's address or name.
    pub client: String,
    /// The user's name; empty for an anonymous session.
    pub user: String,
    /// Open files.
    pub opens: u32,
    /// Seconds since the session began.
    pub age_seconds: u32,
    /// Seconds since its last request.
    pub idle_seconds: u32,
    /// It is a guest's.
    pub guest: bool,
}

/// An open file as [MS-SRVS] 2.2.4.7 FILE_INFO_3 shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenFileInfo {
    /// Number that names this open, unique while it is open.
    pub id: u32,
    /// PERM_FILE_READ 1, PERM_FILE_WRITE 2, PERM_FILE_CREATE 4.
    pub permissions: u32,
    /// Byte-range locks.
    pub locks: u32,
    /// Path as administrators see it.
    pub path: String,
    /// The user's name.
    pub user: String,
}

/// A tree connect as [MS-SRVS] 2.2.4.2 CONNECTION_INFO_1 shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Number that names it.
    pub id: u32,
    /// Share.
    pub share: String,
    /// The client's address or name.
    pub client: String,
    /// The user's name.
    pub user: String,
    /// Open files.
    pub opens: u32,
    /// Seconds since it began.
    pub age_seconds: u32,
}
