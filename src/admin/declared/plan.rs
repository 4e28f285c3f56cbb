//! What has to be done for a declaration, and what is wrong with it.

use std::collections::HashMap;

use freehold_dtyp::Sid;

use super::super::declared_protocol::{ChangeAction, ChangeRow, Declaration, DeclaredAccount};
use super::super::names::Names;
use super::super::service::AdminService;
use super::{groups, namespaces, quotas, shares};
use crate::state::accounts::fold_name;
use crate::state::{DeclaredStep, ServerSettings};

/// Changes in their order, each with what it does; a removal without pruning does nothing.
pub(super) struct Plan<'a> {
    pub(super) service: &'a AdminService,
    pub(super) names: Names,
    pub(super) prune: bool,
    /// Groups that are declared and not there yet, by folded name, with a SID that stands for theirs.
    new_groups: HashMap<String, Sid>,
    changes: Vec<(ChangeRow, Option<DeclaredStep>)>,
    mistakes: Vec<String>,
}

/// RIDs that stand for those of new groups in a plan that is only shown; no account has one so high.
const FIRST_PROVISIONAL_RID: u32 = 0xF000_0000;

impl<'a> Plan<'a> {
    /// Compares the declaration with the state.
    ///
    /// # Errors
    /// Every mistake of the declaration, a line each, beginning with its place.
    pub(super) fn make(
        service: &'a AdminService,
        declaration: &Declaration,
        prune: bool,
    ) -> anyhow::Result<Plan<'a>> {
        let names = service.names();
        let machine = service.state().identity().machine_sid;
        let declared = declaration.groups.iter().flatten().map(|group| fold_name(bare(&group.name)));
        let new = declared.filter(|name| names.accounts().group(name).is_none());
        let new_groups = new
            .zip(FIRST_PROVISIONAL_RID..)
            .filter_map(|(name, rid)| Some((name, machine.with_rid(rid)?)))
            .collect();
        // The directory is asked for all SIDs together.
        let limits =
            declaration.quotas.iter().flatten().flat_map(|quotas| quotas.users.iter().chain(&quotas.groups));
        let sids = accounts_in(declaration)
            .filter_map(|account| match account {
                DeclaredAccount::Both(both) => Some(both.sid.as_str()),
                DeclaredAccount::Name(_) => None,
            })
            .chain(limits.filter_map(|limits| limits.sid.as_deref()));
        names.prepare(sids.filter_map(|sid| sid.parse::<Sid>().ok()));
        let mut plan = Plan { service, names, prune, new_groups, changes: Vec::new(), mistakes: Vec::new() };
        if let Some(declared) = &declaration.groups {
            groups::plan(&mut plan, declared);
        }
        if let Some(declared) = &declaration.server {
            plan.server(ServerSettings {
                encrypt_data: declared.encrypt_data,
                reject_unencrypted: declared.reject_unencrypted_access,
            });
        }
        if let Some(declared) = &declaration.dfs_namespaces {
            namespaces::plan_removals(&mut plan, declared);
        }
        if let Some(declared) = &declaration.shares {
            shares::plan(&mut plan, declared);
        }
        if let Some(declared) = &declaration.dfs_namespaces {
            namespaces::plan(&mut plan, declaration, declared);
        }
        quotas::plan(&mut plan, declaration);
        match plan.mistakes.len() {
            0 => Ok(plan),
            count => {
                let noun = if count == 1 { "mistake" } else { "mistakes" };
                anyhow::bail!(
                    "the declaration has {count} {noun}, nothing was changed:\n{}",
                    plan.mistakes.join("\n")
                )
            }
        }
    }

    /// What is done, for people; nothing is done yet.
    pub(super) fn rows(&self) -> Vec<ChangeRow> {
        self.changes.iter().map(|(row, _)| row.clone()).collect()
    }

    /// What is done.
    pub(super) fn steps(self) -> impl Iterator<Item = DeclaredStep> {
        self.changes.into_iter().filter_map(|(_, step)| step)
    }

    pub(super) fn add(&mut self, kind: &str, name: &str, detail: String, step: DeclaredStep) {
        self.push(ChangeAction::Add, kind, name, detail, Some(step));
    }

    pub(super) fn change(&mut self, kind: &str, name: &str, detail: String, step: DeclaredStep) {
        self.push(ChangeAction::Change, kind, name, detail, Some(step));
    }

    /// Something is there that is not declared.
    pub(super) fn remove(&mut self, kind: &str, name: &str, detail: String, step: DeclaredStep) {
        let step = Some(step).filter(|_| self.prune);
        self.push(ChangeAction::Remove, kind, name, detail, step);
    }

    fn push(
        &mut self,
        action: ChangeAction,
        kind: &str,
        name: &str,
        detail: String,
        step: Option<DeclaredStep>,
    ) {
        let row = ChangeRow { action, kind: kind.to_owned(), name: name.to_owned(), detail, done: false };
        self.changes.push((row, step));
    }

    /// Something is wrong at a place such as `Shares[2].Path`.
    pub(super) fn mistake(&mut self, place: &str, what: impl std::fmt::Display) {
        self.mistakes.push(format!("{place}: {what:#}"));
    }

    /// Whom an account at a place means; a mistake is noted.
    pub(super) fn resolve(&mut self, place: &str, account: &DeclaredAccount) -> Option<Sid> {
        match self.find(account) {
            Ok(sid) => Some(sid),
            Err(error) => {
                self.mistake(place, error);
                None
            }
        }
    }

    fn find(&self, account: &DeclaredAccount) -> anyhow::Result<Sid> {
        match account {
            DeclaredAccount::Name(name) => match self.new_groups.get(&fold_name(bare(name))) {
                Some(sid) => Ok(*sid),
                None => self.names.find(name),
            },
            DeclaredAccount::Both(both) => {
                let sid: Sid = both
                    .sid
                    .parse()
                    .map_err(|_| anyhow::anyhow!("{:?} is no SID: it is written S-1-5-21-...", both.sid))?;
                if fold_name(&self.names.full_name_of(&sid)) == fold_name(&both.account) {
                    return Ok(sid);
                }
                match self.names.find(&both.account) {
                    Ok(found) if found != sid => anyhow::bail!(
                        "{:?} is {found} now, not {sid}: correct the SID, or leave it out",
                        both.account
                    ),
                    // Renamed, or nobody can be asked: the SID says who it is.
                    Ok(_) | Err(_) => Ok(sid),
                }
            }
        }
    }

    /// A SID for people.
    pub(super) fn name_of(&self, sid: &Sid) -> String {
        match self.new_groups.iter().find(|(_, provisional)| *provisional == sid) {
            Some((name, _)) => name.to_lowercase(),
            None => self.names.full_name_of(sid),
        }
    }

    fn server(&mut self, wanted: ServerSettings) {
        let now = self.service.state().server_settings();
        let mut details = Vec::new();
        let mut compare = |name: &str, now: Option<bool>, wanted: Option<bool>| {
            if now != wanted {
                details.push(format!("{name}: {} -> {}", setting(now), setting(wanted)));
            }
        };
        compare("EncryptData", now.encrypt_data, wanted.encrypt_data);
        compare("RejectUnencryptedAccess", now.reject_unencrypted, wanted.reject_unencrypted);
        if !details.is_empty() {
            self.change("Server", "", details.join("; "), DeclaredStep::Server(wanted));
        }
    }
}

fn accounts_in(declaration: &Declaration) -> impl Iterator<Item = &DeclaredAccount> {
    let of_shares = declaration.shares.iter().flatten().flat_map(|share| {
        [&share.full_access, &share.change_access, &share.read_access, &share.no_access].into_iter().flatten()
    });
    declaration.groups.iter().flatten().flat_map(|group| &group.members).chain(of_shares)
}

fn setting(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "true",
        Some(false) => "false",
        None => "as configured",
    }
}

/// A group's name without `BUILTIN\`.
pub(super) fn bare(name: &str) -> &str {
    match name.split_once('\\') {
        Some((domain, name)) if domain.eq_ignore_ascii_case("BUILTIN") => name,
        _ => name,
    }
}
