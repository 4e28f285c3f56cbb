//! Membership of an Active Directory domain: what this server asks domain controllers for.
//!
//! Part of the I/O shell: asynchronous, and every wait has a limit. Knows nothing of SMB messages.
//!
//! [`Domain`] lives as long as the server. While the server is a member, [`Domain::member`] has what reaches the domain; it is made
//! anew when the server joins another domain or under another name, and dropped when it leaves. A changed password, key or alias
//! replaces nothing: whoever needs one reads the membership of the moment ([`State::membership`]).

mod account;
mod alias;
mod ber;
mod check;
pub mod dfs;
pub mod directory;
pub mod dns;
mod error;
mod join;
pub mod kdc;
pub mod keys;
pub mod keytab;
pub mod ldap;
mod leave;
pub mod locator;
pub mod machine_names;
mod maintenance;
pub mod netlogon;
mod own_ticket;
mod rotation;
mod rpc;
mod sites;
mod status;
#[cfg(test)]
mod testing;

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use freehold_dtyp::{FileTime, Sid};
use zeroize::Zeroizing;

pub use check::{Check, CheckResult};
pub use dfs::DfsDirectoryError;
pub use error::DomainError;
pub use join::{JoinRequest, Joined};
pub use leave::AccountEnd;
pub use status::DomainStatus;

use crate::config::DomainSettings;
use crate::names::{self, DirectoryCache};
use crate::state::{Membership, State};
use directory::Directory;
use kdc::Credentials;
use locator::Locator;

/// Told of each step as it is done, in a line for people.
pub type Progress<'a> = dyn FnMut(&str) + 'a;

/// Somebody of the domain who acts there for an administrator.
pub struct Logon {
    /// `name`, `name@domain` or `DOMAIN\name`.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Logon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logon({})", self.user)
    }
}

/// This server's side of its domain.
#[derive(Debug)]
pub struct Domain {
    state: Arc<State>,
    settings: Arc<DomainSettings>,
    /// The NetBIOS name of the configuration: what the computer account is called unless the administrator says otherwise.
    default_computer_name: String,
    /// What the directory has answered.
    names: Arc<DirectoryCache>,
    member: ArcSwapOption<Member>,
    /// Whom a join that is about to be kept went through: the other domain controllers hear of the account later.
    joined_through: parking_lot::Mutex<Option<Arc<locator::DomainController>>>,
    /// One join, leave, change of the password or of names at a time.
    changing: tokio::sync::Mutex<()>,
    /// The namespaces that the directory keeps.
    dfs: dfs::DfsDirectory,
}

/// What a member has to reach its domain with.
#[derive(Debug)]
pub struct Member {
    identity: MemberIdentity,
    /// Finds domain controllers.
    pub locator: Arc<Locator>,
    /// LDAP as the machine account.
    pub ldap: Arc<ldap::Pool>,
    /// NTLM logons of the domain's users.
    pub netlogon: netlogon::Netlogon,
    /// Names of the domain.
    pub directory: Arc<Directory>,
}

/// What a member's connections are made for: another one needs other connections.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MemberIdentity {
    dns_domain: String,
    domain_sid: Sid,
    computer_name: String,
    joined: FileTime,
}

impl MemberIdentity {
    fn of(membership: &Membership) -> Self {
        MemberIdentity {
            dns_domain: membership.dns_domain.clone(),
            domain_sid: membership.domain_sid,
            computer_name: membership.computer_name.clone(),
            joined: membership.joined,
        }
    }
}

/// The membership is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The same account of the same domain, or none as before.
    Same,
    /// This server has joined a domain; it was in none, or in the same one.
    Joined,
    /// It is not a member any more of the domain that it was in: sessions of that domain's users end.
    Left,
}

impl Domain {
    /// The domain of the server with this state. Nothing is asked of anybody yet.
    #[must_use]
    pub fn new(
        state: Arc<State>,
        settings: DomainSettings,
        default_computer_name: &str,
        names: Arc<DirectoryCache>,
    ) -> Arc<Self> {
        let domain = Arc::new(Domain {
            state,
            settings: Arc::new(settings),
            default_computer_name: default_computer_name.to_owned(),
            names,
            member: ArcSwapOption::empty(),
            joined_through: parking_lot::Mutex::new(None),
            changing: tokio::sync::Mutex::new(()),
            dfs: dfs::DfsDirectory::default(),
        });
        domain.refresh();
        domain
    }

    /// How domain controllers are found and talked to.
    #[must_use]
    pub fn settings(&self) -> &Arc<DomainSettings> {
        &self.settings
    }

    /// What reaches the domain; `None` when this server is no member.
    #[must_use]
    pub fn member(&self) -> Option<Arc<Member>> {
        self.member.load_full()
    }

    /// What the directory has answered; empty while this server is no member.
    #[must_use]
    pub fn names(&self) -> &Arc<DirectoryCache> {
        &self.names
    }

    /// Follows a change of the membership: [`Change::MembershipChanged`](crate::state::Change::MembershipChanged).
    pub fn refresh(&self) -> Refreshed {
        let before = self.member.load_full();
        let Some(membership) = self.state.membership() else {
            self.member.store(None);
            self.names.set_domain(None);
            return if before.is_some() { Refreshed::Left } else { Refreshed::Same };
        };
        let identity = MemberIdentity::of(&membership);
        match before {
            Some(before) if before.identity == identity => Refreshed::Same,
            before => {
                let domain = names::Domain {
                    sid: membership.domain_sid,
                    netbios_name: membership.netbios_domain.clone(),
                    dns_name: membership.dns_domain.clone(),
                };
                let member =
                    Member::new(identity, domain, &self.state, &self.settings, Arc::clone(&self.names));
                // Before anybody can see this member: another domain controller would refuse its first logon.
                if let Some(dc) = self.joined_through.lock().take() {
                    member.locator.stay_with(dc);
                }
                self.member.store(Some(Arc::new(member)));
                let another =
                    before.is_some_and(|before| before.identity.domain_sid != membership.domain_sid);
                if another { Refreshed::Left } else { Refreshed::Joined }
            }
        }
    }

    /// The membership and what reaches the domain.
    fn joined(&self) -> Result<(Arc<Membership>, Arc<Member>), DomainError> {
        match (self.state.membership(), self.member()) {
            (Some(membership), Some(member)) => Ok((membership, member)),
            _ => Err(DomainError::NotMember),
        }
    }
}

impl Member {
    fn new(
        identity: MemberIdentity,
        domain: names::Domain,
        state: &Arc<State>,
        settings: &Arc<DomainSettings>,
        names: Arc<DirectoryCache>,
    ) -> Self {
        let locator = Locator::new(&identity.dns_domain, settings);
        let state: Weak<State> = Arc::downgrade(state);
        let netlogon = netlogon::Netlogon::of_member(state.clone(), Arc::clone(&locator));
        let ldap = ldap::Pool::new(Arc::clone(&locator), DomainSettings::clone(settings), move || {
            let membership = state.upgrade().and_then(|state| state.membership());
            membership.map_or_else(Vec::new, |membership| machine_credentials(&membership))
        });
        let directory = Directory::new(Arc::clone(&ldap) as Arc<dyn directory::Source>, names, domain);
        Member { identity, locator, ldap, netlogon, directory }
    }
}

/// The machine account with each password that may be its own, the most probable first.
fn machine_credentials(membership: &Membership) -> Vec<Credentials> {
    let account = membership.account_name();
    let with = |password: &crate::state::MachinePassword| {
        Credentials::new(&account, &membership.dns_domain, password.text.clone())
    };
    membership.passwords().map(with).collect()
}

/// For the fuzz target: reads `bytes` as everything that a domain controller, a KDC and a directory server send.
#[cfg(fuzzing)]
pub fn read_any(bytes: &[u8]) {
    locator::read_any(bytes);
    kdc::read_any(bytes);
    ldap::read_any(bytes);
    netlogon::read_any(bytes);
    rpc::read_any(bytes);
}

#[cfg(test)]
mod tests {
    use super::testing::join;
    use super::*;

    #[test]
    fn a_member_is_made_anew_for_another_account_only() {
        let state = Arc::new(State::in_memory().unwrap());
        let domain = Domain::new(Arc::clone(&state), DomainSettings::default(), "FILES", Arc::default());
        assert!(domain.member().is_none());
        assert_eq!(domain.refresh(), Refreshed::Same);
        join(&state, "FILES", "S-1-5-21-7-8-9");
        assert_eq!(domain.refresh(), Refreshed::Joined);
        let first = domain.member().unwrap();
        state.add_alias("data").unwrap();
        state.note_pending_password("second", &[]).unwrap();
        assert_eq!(domain.refresh(), Refreshed::Same);
        assert!(Arc::ptr_eq(&first, &domain.member().unwrap()));
        join(&state, "OTHER", "S-1-5-21-7-8-9");
        assert_eq!(domain.refresh(), Refreshed::Joined);
        assert!(!Arc::ptr_eq(&first, &domain.member().unwrap()));
        join(&state, "OTHER", "S-1-5-21-1-1-1");
        assert_eq!(domain.refresh(), Refreshed::Left);
        state.leave_domain().unwrap();
        assert_eq!(domain.refresh(), Refreshed::Left);
        assert!(domain.member().is_none());
    }

    #[test]
    fn a_new_member_knows_whom_it_joined_through_before_anybody_sees_it() {
        let state = Arc::new(State::in_memory().unwrap());
        let domain = Domain::new(Arc::clone(&state), DomainSettings::default(), "FILES", Arc::default());
        *domain.joined_through.lock() = Some(locator::testing::controller("dc1"));
        join(&state, "FILES", "S-1-5-21-7-8-9");
        assert_eq!(domain.refresh(), Refreshed::Joined);
        assert_eq!(domain.member().unwrap().locator.current().unwrap().host, "dc1");
        // A later membership is not of that join.
        join(&state, "OTHER", "S-1-5-21-7-8-9");
        domain.refresh();
        assert!(domain.member().unwrap().locator.current().is_none());
    }

    #[test]
    fn the_machine_logs_on_with_the_pending_password_before_earlier_ones() {
        let mut membership = testing::membership();
        let password = |text: &str| crate::state::MachinePassword {
            text: Zeroizing::new(text.to_owned()),
            not_after: None,
        };
        membership.pending_password = Some(password("pending"));
        membership.earlier_passwords = vec![password("earlier")];
        let texts: Vec<_> = membership.passwords().map(|password| password.text.to_string()).collect();
        assert_eq!(texts, ["x", "pending", "earlier"]);
        assert_eq!(machine_credentials(&membership).len(), 3);
    }
}
