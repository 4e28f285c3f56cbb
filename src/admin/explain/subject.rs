//! Who asks: an account of this server or of the domain with its token, its groups, and the ways into them.

use std::sync::Arc;

use freehold_acl::{Group, GroupAttributes, Privileges, SddlDomains, Token};
use freehold_dtyp::Sid;

use crate::admin::names::Names;
use crate::auth::Authorization;
use crate::names::{Principal, SidUse};
use crate::state::tokens::{LOGON_GROUPS, domain_token};
use crate::state::{AccountsSnapshot, network_token_if};

pub(super) struct Subject {
    pub(super) name: String,
    pub(super) sid: Sid,
    pub(super) enabled: bool,
    pub(super) token: Token,
    /// What was assumed, for people.
    pub(super) what_if: Vec<String>,
    names: Names,
    accounts: Arc<AccountsSnapshot>,
    /// Whose accounts short names of SDDL mean.
    pub(super) domains: SddlDomains,
    /// The account, as who connects to a share with variables.
    pub(super) principal: Principal,
    added: Vec<Sid>,
    /// Groups of the domain that the user is in, directly or not.
    of_domain: Vec<Sid>,
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
    pub(super) fn find(
        names: Names,
        domains: SddlDomains,
        user: &str,
        groups: &[String],
    ) -> anyhow::Result<Subject> {
        let hint = "`freehold user list` shows the accounts of this server";
        let found = names.principal(user).map_err(|error| anyhow::anyhow!("{error:#}; {hint}"))?;
        anyhow::ensure!(
            found.sid_use == SidUse::User,
            "{} is a {}, not a user",
            found.full_name(),
            found.sid_use.word()
        );
        let mut added = Vec::new();
        let mut what_if = Vec::new();
        for group in groups {
            let sid = names.find(group)?;
            names.prepare([sid]);
            what_if.push(format!("{} is in {}", found.name, names.name_of(&sid)));
            added.push(sid);
        }
        let accounts = Arc::clone(names.accounts());
        let (name, enabled, token, of_domain) = match accounts.account_by_sid(&found.sid) {
            Some(account) => {
                let token = network_token_if(&accounts, account, &added);
                (account.name.clone(), !account.disabled, token, Vec::new())
            }
            None => {
                let details = names.details(&found.sid)?;
                let of_domain = names.token_groups(&found.sid)?;
                names.prepare(of_domain.iter().copied());
                let member = |sid: &Sid| Group { sid: *sid, attributes: GroupAttributes::MEMBER };
                let authorization = Authorization {
                    user: found.sid,
                    primary_group: details.primary_group.unwrap_or(found.sid),
                    groups: of_domain.iter().chain(&added).map(member).collect(),
                    account_name: found.name.clone(),
                    domain_name: found.domain.clone(),
                    full_name: details.display_name,
                    user_principal_name: None,
                    user_claims: Vec::new(),
                    device_claims: Vec::new(),
                    device_groups: Vec::new(),
                };
                let token = domain_token(&accounts, &authorization);
                (found.full_name(), details.enabled, token, of_domain)
            }
        };
        Ok(Subject {
            name,
            sid: found.sid,
            enabled,
            token,
            what_if,
            names,
            accounts,
            domains,
            principal: found,
            added,
            of_domain,
        })
    }

    /// Has the names of these ready.
    pub(super) fn prepare(&self, sids: impl IntoIterator<Item = Sid>) {
        self.names.prepare(sids);
    }

    pub(super) fn name_of(&self, sid: &Sid) -> String {
        self.names.name_of(sid)
    }

    pub(super) fn find_sid(&self, name: &str) -> anyhow::Result<Sid> {
        self.names.find(name)
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
        for added in self.added.iter().chain(&self.of_domain) {
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
