//! Membership of an Active Directory domain: what this server asks domain controllers for.
//!
//! Part of the I/O shell: asynchronous, and every wait has a limit. Knows nothing of SMB messages.
//!
//! [`Domain`] lives as long as the server. While the server is a member, [`Domain::member`] has what reaches the domain; it is made
//! anew when the server joins another domain or under another name, and dropped when it leaves. A changed password, key or alias
//! replaces nothing: whoever needs one reads the membership of the moment ([`State::membership`]).

mod ber;
pub mod dns;
pub mod kdc;
pub mod keys;
pub mod keytab;
pub mod ldap;
pub mod locator;
pub mod machine_names;
pub mod netlogon;
mod rotation;
mod rpc;
mod status;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use freehold_dtyp::{FileTime, Sid};

pub use status::DomainStatus;

use crate::config::DomainSettings;
use crate::state::{Membership, State};

/// This server's side of its domain.
#[derive(Debug)]
pub struct Domain {
    state: Arc<State>,
    settings: Arc<DomainSettings>,
    member: ArcSwapOption<Member>,
}

/// What a member has to reach its domain with.
#[derive(Debug)]
pub struct Member {
    identity: MemberIdentity,
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

impl Domain {
    /// The domain of the server with this state. Nothing is asked of anybody yet.
    #[must_use]
    pub fn new(state: Arc<State>, settings: DomainSettings) -> Arc<Self> {
        let domain = Arc::new(Domain { state, settings: Arc::new(settings), member: ArcSwapOption::empty() });
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

    /// Follows a change of the membership: [`Change::MembershipChanged`](crate::state::Change::MembershipChanged).
    pub fn refresh(&self) {
        let Some(membership) = self.state.membership() else {
            self.member.store(None);
            return;
        };
        let identity = MemberIdentity::of(&membership);
        if self.member.load().as_ref().is_none_or(|member| member.identity != identity) {
            self.member.store(Some(Arc::new(Member { identity })));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::NewMembership;

    fn join(state: &State, computer_name: &str) {
        state
            .join_domain(&NewMembership {
                dns_domain: "corp.example",
                netbios_domain: "CORP",
                domain_sid: "S-1-5-21-7-8-9".parse().unwrap(),
                forest: "corp.example",
                computer_name,
                computer_dn: "CN=FILES,CN=Computers,DC=corp,DC=example",
                dns_host_name: "files.corp.example",
                site: None,
                password: "first",
                keys: &[],
            })
            .unwrap();
    }

    #[test]
    fn a_member_is_made_anew_for_another_account_only() {
        let state = Arc::new(State::in_memory().unwrap());
        let domain = Domain::new(Arc::clone(&state), DomainSettings::default());
        assert!(domain.member().is_none());
        join(&state, "FILES");
        domain.refresh();
        let first = domain.member().unwrap();
        state.add_alias("data").unwrap();
        state.note_pending_password("second", &[]).unwrap();
        domain.refresh();
        assert!(Arc::ptr_eq(&first, &domain.member().unwrap()));
        join(&state, "OTHER");
        domain.refresh();
        assert!(!Arc::ptr_eq(&first, &domain.member().unwrap()));
        state.leave_domain().unwrap();
        domain.refresh();
        assert!(domain.member().is_none());
    }
}
