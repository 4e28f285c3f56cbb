//! Who asks: an account of this server with its token, its groups, and the ways into them.

use std::sync::Arc;

use freehold_acl::{Privileges, Token};
use freehold_dtyp::Sid;

use crate::admin::names;
use crate::state::tokens::LOGON_GROUPS;
use crate::state::{AccountsSnapshot, State, network_token_if};

pub(super) struct Subject {
    pub(super) name: String,
    pub(super) sid: Sid,
    pub(super) enabled: bool,
    pub(super) token: Token,
    /// What was assumed, for people.
    pub(super) what_if: Vec<String>,
    accounts: Arc<AccountsSnapshot>,
    /// SID of the machine: names of a domain's own groups in SDDL mean this server's.
    pub(super) machine: Sid,
    added: Vec<Sid>,
}

/// Privileges with a name, and what they are for.
const PRIVILEGES: [(Privileges, &str); 7] = [
    (Privileges::SECURITY, "SeSecurityPrivilege"),
    (Privileges::TAKE_OWNERSHIP, "SeTakeOwnershipPrivilege"),
    (Privileges::BACKUP, "SeBackupPrivilege"),
    (Privileges::RESTORE, "SeRestorePrivilege"),
    (Privileges::CHANGE_NOTIFY, "SeChangeNotifyPrivilege"),
    (Privileges::MANAGE_VOLUME, "SeManageVolumePrivilege"),
    (Privileges::RELABEL, "SeRelabelPrivilege"),
];

impl Subject {
    /// The account, as it would be in `groups` too.
    pub(super) fn find(state: &State, user: &str, groups: &[String]) -> anyhow::Result<Subject> {
        let accounts = state.accounts();
        // `SERVER\anna` and `anna@server` mean the local account, as at a logon.
        let bare = user.rsplit_once('\\').map_or(user, |(_, name)| name);
        let bare = bare.split_once('@').map_or(bare, |(name, _)| name);
        let by_sid = || user.parse().ok().and_then(|sid: Sid| accounts.account_by_sid(&sid));
        let account = accounts.account(bare).or_else(by_sid).ok_or_else(|| {
            anyhow::anyhow!("there is no account called {user:?}; `freehold user list` shows all")
        })?;
        let mut added = Vec::new();
        let mut what_if = Vec::new();
        for group in groups {
            let sid = names::find_sid(&accounts, group).ok_or_else(|| {
                anyhow::anyhow!("there is no group called {group:?}; `freehold group list` shows all")
            })?;
            what_if.push(format!("{} is in {}", account.name, names::name_of(&accounts, &sid)));
            added.push(sid);
        }
        Ok(Subject {
            name: account.name.clone(),
            sid: account.sid,
            enabled: !account.disabled,
            token: network_token_if(&accounts, account, &added),
            what_if,
            accounts: Arc::clone(&accounts),
            machine: state.identity().machine_sid,
            added,
        })
    }

    pub(super) fn name_of(&self, sid: &Sid) -> String {
        names::name_of(&self.accounts, sid)
    }

    pub(super) fn find_sid(&self, name: &str) -> Option<Sid> {
        names::find_sid(&self.accounts, name)
    }

    /// True for a group of this server.
    pub(super) fn is_group(&self, sid: &Sid) -> bool {
        self.accounts.group_by_sid(sid).is_some()
    }

    /// Names from the user to `sid`, both included; empty when the user is not in it.
    pub(super) fn chain(&self, sid: &Sid) -> Vec<String> {
        if *sid == Sid::OWNER_RIGHTS {
            return vec![self.name.clone(), "owner".to_owned()];
        }
        let named = |chain: Vec<Sid>| chain.iter().map(|sid| self.name_of(sid)).collect::<Vec<String>>();
        if let Some(chain) = self.accounts.membership_chain(&self.sid, sid) {
            return named(chain);
        }
        for added in &self.added {
            if let Some(chain) = self.accounts.membership_chain(added, sid) {
                let mut names = vec![self.name.clone()];
                names.extend(named(chain));
                return names;
            }
        }
        if LOGON_GROUPS.contains(sid) { vec![self.name.clone(), self.name_of(sid)] } else { Vec::new() }
    }

    /// Names of the groups of the token, those of every logon last.
    pub(super) fn group_names(&self) -> Vec<String> {
        let members = self.token.members().iter().map(|group| group.sid).filter(|sid| *sid != self.sid);
        let mut sids: Vec<Sid> = members.collect();
        sids.sort_by_key(|sid| (LOGON_GROUPS.contains(sid), *sid));
        sids.iter().map(|sid| self.name_of(sid)).collect()
    }

    pub(super) fn privilege_names(&self) -> Vec<String> {
        let held = PRIVILEGES.iter().filter(|(privilege, _)| self.token.has(*privilege));
        held.map(|(_, name)| (*name).to_owned()).collect()
    }

    /// Claims of the user or of the device.
    pub(super) fn claims(&self, of_user: bool) -> Vec<String> {
        let claims = self.token.claims().map(|claims| if of_user { &claims.user } else { &claims.device });
        claims.into_iter().flatten().map(|claim| format!("{} = {}", claim.name, claim.values)).collect()
    }
}
