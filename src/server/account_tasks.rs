//! What samr has the server do with local accounts and groups ([`crate::rpc::AccountTask`]). Runs on threads that may block.

use freehold_dtyp::Sid;

use super::Shared;
use super::rpc_tasks::refusal;
use crate::rpc::{AccountTask, Done, TaskError};
use crate::state::{AccountChange, StateError};

impl Shared {
    /// Changes accounts and groups. Who asks was checked by the call.
    pub(super) fn change_accounts(&self, task: AccountTask) -> Result<Done, TaskError> {
        let state = &self.state;
        match task {
            AccountTask::AddGroup { name } => {
                return state.add_group(&name, "").map(Done::Made).map_err(refusal);
            }
            AccountTask::RemoveGroup(group) => state.remove_group(&group.to_string()).map_err(refusal)?,
            AccountTask::ChangeGroup { group, comment } => {
                state.change_group(group, &comment).map_err(refusal)?
            }
            AccountTask::AddMembers { group, members } => {
                let group = group.to_string();
                for member in members {
                    state.add_group_member(&group, &member.to_string()).map_err(refusal)?;
                }
            }
            AccountTask::RemoveMembers { group, members } => {
                let group = group.to_string();
                for member in members {
                    match state.remove_group_member(&group, &member.to_string()) {
                        Ok(()) | Err(StateError::NotFound { kind: "member", .. }) => {}
                        Err(error) => return Err(refusal(error)),
                    }
                }
            }
            AccountTask::RemoveAccount(account) => {
                let name = self.account_name(account)?;
                state.remove_account(&name).map_err(refusal)?;
            }
            AccountTask::ChangeAccount { account, full_name, comment, disabled } => {
                let name = self.account_name(account)?;
                let change = AccountChange {
                    full_name: full_name.as_deref(),
                    comment: comment.as_deref(),
                    disabled,
                    ..AccountChange::default()
                };
                state.change_account(&name, &change).map_err(refusal)?;
            }
        }
        Ok(Done::Nothing)
    }

    fn account_name(&self, account: Sid) -> Result<String, TaskError> {
        let accounts = self.state.accounts();
        accounts.account_by_sid(&account).map(|account| account.name.clone()).ok_or(TaskError::NoShare)
    }
}
