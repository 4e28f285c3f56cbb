//! Many changes at once, in one transaction: what applying a declaration takes.

use freehold_dtyp::Sid;

use super::accounts_changes::{self, add_member, still_administered};
use super::dfs::DfsEdit;
use super::quotas::QuotaEdit;
use super::{
    Change, ServerSettings, ShareSettings, State, StateError, dfs_changes, quotas_changes, server,
    shares_changes,
};

/// One change of many.
#[derive(Clone, Debug, PartialEq)]
pub enum DeclaredStep {
    /// Sets what holds for the whole server.
    Server(ServerSettings),
    /// Makes a group.
    AddGroup {
        /// Name.
        name: String,
        /// Comment.
        comment: String,
    },
    /// Gives a group a comment.
    ChangeGroup {
        /// The group.
        group: Sid,
        /// Comment.
        comment: String,
    },
    /// Removes a group that is not one of BUILTIN.
    RemoveGroup {
        /// The group.
        group: Sid,
    },
    /// Puts somebody into a group.
    AddMember {
        /// The group.
        group: Sid,
        /// Whom.
        member: Sid,
    },
    /// Takes somebody out of a group.
    RemoveMember {
        /// The group.
        group: Sid,
        /// Whom.
        member: Sid,
    },
    /// Makes a share.
    AddShare {
        /// Name.
        name: String,
        /// Its settings.
        settings: ShareSettings,
    },
    /// Gives a share all its settings anew.
    ChangeShare {
        /// Name.
        name: String,
        /// Its settings.
        settings: ShareSettings,
    },
    /// Removes a share.
    RemoveShare {
        /// Name.
        name: String,
    },
    /// Changes quotas.
    Quota(QuotaEdit),
    /// Changes DFS namespaces.
    Dfs(DfsEdit),
}

impl State {
    /// Makes all changes, in this order, or none; those of quotas are a transaction of their own, before the others.
    ///
    /// # Errors
    /// What each change alone is refused for; [`StateError::Refused`] when no enabled administrator would be left.
    pub fn change_all(&self, steps: &[DeclaredStep]) -> Result<(), StateError> {
        let accounts = self.accounts();
        let machine_sid = self.identity.machine_sid;
        let quotas: Vec<QuotaEdit> = steps
            .iter()
            .filter_map(|step| match step {
                DeclaredStep::Quota(edit) => Some(edit.clone()),
                _ => None,
            })
            .collect();
        if !quotas.is_empty() {
            self.edit_quotas(&quotas)?;
        }
        if quotas.len() == steps.len() {
            return Ok(());
        }
        self.change(|transaction| {
            let mut draft = dfs_changes::Draft::new(&self.namespaces());
            let mut changes = Vec::new();
            for step in steps {
                changes.extend(match step {
                    DeclaredStep::Server(settings) => {
                        server::store(transaction, *settings)?;
                        vec![Change::ServerChanged]
                    }
                    DeclaredStep::AddGroup { name, comment } => {
                        let group = accounts_changes::add_group(transaction, machine_sid, name, comment)?;
                        vec![Change::AccountChanged(group)]
                    }
                    DeclaredStep::ChangeGroup { group, comment } => {
                        transaction.execute(
                            "UPDATE local_group SET comment = ?2 WHERE sid = ?1",
                            (group.to_string(), comment),
                        )?;
                        vec![Change::AccountChanged(*group)]
                    }
                    DeclaredStep::RemoveGroup { group } => {
                        let sid = group.to_string();
                        transaction.execute("DELETE FROM group_member WHERE member_sid = ?1", [&sid])?;
                        transaction
                            .execute("DELETE FROM local_group WHERE sid = ?1 AND builtin = 0", [&sid])?;
                        accounts_changes::affected_by_member(&accounts, *group)
                    }
                    DeclaredStep::AddMember { group, member } => {
                        add_member(transaction, *group, *member)?;
                        accounts_changes::affected_by_member(&accounts, *member)
                    }
                    DeclaredStep::RemoveMember { group, member } => {
                        transaction.execute(
                            "DELETE FROM group_member WHERE group_sid = ?1 AND member_sid = ?2",
                            (group.to_string(), member.to_string()),
                        )?;
                        accounts_changes::affected_by_member(&accounts, *member)
                    }
                    DeclaredStep::AddShare { name, settings } => {
                        vec![shares_changes::add(transaction, name, settings)?]
                    }
                    DeclaredStep::ChangeShare { name, settings } => {
                        vec![shares_changes::replace(transaction, name, settings)?]
                    }
                    DeclaredStep::Dfs(edit) => {
                        draft.apply(transaction, edit)?;
                        vec![Change::NamespaceChanged(edit.namespace().to_owned())]
                    }
                    DeclaredStep::Quota(_) => Vec::new(),
                    DeclaredStep::RemoveShare { name } => vec![shares_changes::remove(transaction, name)?],
                });
            }
            still_administered(transaction, machine_sid, &accounts)?;
            let mut told: Vec<Change> = Vec::new();
            for change in changes {
                if told.last() != Some(&change) && !told.contains(&change) {
                    told.push(change);
                }
            }
            Ok(((), told))
        })
    }

    /// What a new share would be refused for, besides a name that is taken; the settings as they would be kept.
    ///
    /// # Errors
    /// [`StateError::Invalid`].
    pub fn check_share(name: &str, settings: &ShareSettings) -> Result<ShareSettings, StateError> {
        shares_changes::check(name, settings)
    }

    /// The edit as it would be kept.
    ///
    /// # Errors
    /// [`StateError::Invalid`] with the field.
    pub fn check_quota(edit: &QuotaEdit) -> Result<QuotaEdit, StateError> {
        quotas_changes::checked(edit)
    }

    /// What a new group would be refused for, besides a name that is taken.
    ///
    /// # Errors
    /// [`StateError::Invalid`].
    pub fn check_group(name: &str, comment: &str) -> Result<(), StateError> {
        accounts_changes::check_group(name, comment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::NewAccount;

    #[test]
    fn all_or_nothing_and_an_administrator_stays() {
        let state = State::in_memory().unwrap();
        let groups = ["Administrators"];
        let account = NewAccount {
            name: "anna",
            full_name: "",
            comment: "",
            password: "Secret-1",
            disabled: false,
            groups: &groups,
        };
        state.add_account(&account).unwrap();
        let anna = state.accounts().account("anna").unwrap().sid;
        let staff = DeclaredStep::AddGroup { name: "staff".to_owned(), comment: String::new() };
        let out = DeclaredStep::RemoveMember { group: Sid::ADMINISTRATORS, member: anna };
        assert!(matches!(state.change_all(&[staff.clone(), out]), Err(StateError::Refused(_))));
        assert!(state.accounts().group("staff").is_none());
        state.change_all(&[staff]).unwrap();
        let group = state.accounts().group("staff").unwrap().sid;
        state.change_all(&[DeclaredStep::AddMember { group, member: anna }]).unwrap();
        assert_eq!(state.accounts().group("staff").unwrap().members, [anna]);
        state.change_all(&[DeclaredStep::RemoveGroup { group }]).unwrap();
        assert!(!state.accounts().account("anna").unwrap().groups.contains(&group));
    }
}
