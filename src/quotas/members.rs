//! Who is in a group, directly or through groups of this server or of the directory.

use std::collections::BTreeSet;
use std::sync::Arc;

use freehold_dtyp::Sid;

use crate::domain::Domain;
use crate::domain::directory::DirectoryError;
use crate::state::AccountsSnapshot;

/// What groups of this server hold: accounts of it, and what the directory has to be asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocalMembers {
    /// Accounts of this server.
    pub(super) accounts: BTreeSet<Sid>,
    /// Accounts and groups of the directory.
    pub(super) foreign: BTreeSet<Sid>,
}

/// Who is in `group`, a group of this server, one of the directory, or an account.
pub(super) fn local_members(accounts: &AccountsSnapshot, group: Sid) -> LocalMembers {
    let mut found = LocalMembers::default();
    let (mut seen, mut open) = (BTreeSet::from([group]), vec![group]);
    while let Some(sid) = open.pop() {
        if let Some(group) = accounts.group_by_sid(&sid) {
            open.extend(group.members.iter().filter(|member| seen.insert(**member)));
        } else if accounts.account_by_sid(&sid).is_some() {
            found.accounts.insert(sid);
        } else {
            found.foreign.insert(sid);
        }
    }
    found
}

/// Everybody in `group`, sorted. Blocks on the network where the directory has to be asked; `runtime` is where that is done.
///
/// # Errors
/// When the directory cannot be asked.
pub(super) fn members(
    accounts: &AccountsSnapshot,
    domain: &Arc<Domain>,
    runtime: &tokio::runtime::Handle,
    group: Sid,
) -> Result<Vec<Sid>, DirectoryError> {
    let local = local_members(accounts, group);
    let mut members = local.accounts;
    if let Some(member) = domain.member() {
        for sid in local.foreign {
            members.extend(runtime.block_on(member.directory.everybody_in(&sid))?);
        }
    } else {
        // Nobody can be asked: what is not of this server may be an account.
        members.extend(local.foreign.into_iter().filter(|sid| *sid != group));
    }
    Ok(members.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{NewAccount, State};

    #[test]
    fn groups_of_this_server_are_followed_circles_too() {
        let state = State::in_memory().unwrap();
        for name in ["anna", "bert"] {
            let account = NewAccount {
                name,
                password: "a-Long-password-1",
                full_name: "",
                comment: "",
                disabled: false,
                groups: &[],
            };
            state.add_account(&account).unwrap();
        }
        for name in ["outer", "inner"] {
            state.add_group(name, "").unwrap();
        }
        let foreign: Sid = "S-1-5-21-7-8-9-1103".parse().unwrap();
        let accounts = state.accounts();
        let group = |name: &str| accounts.group(name).unwrap().sid;
        let account = |name: &str| accounts.account(name).unwrap().sid;
        for (name, member) in [
            ("outer", account("anna")),
            ("outer", group("inner")),
            ("inner", account("bert")),
            ("inner", foreign),
        ] {
            state.add_group_member(name, &member.to_string()).unwrap();
        }
        let found = local_members(&state.accounts(), group("outer"));
        assert_eq!(found.accounts, BTreeSet::from([account("anna"), account("bert")]));
        assert_eq!(found.foreign, BTreeSet::from([foreign]));
        assert_eq!(local_members(&state.accounts(), foreign).foreign, BTreeSet::from([foreign]));
    }
}
