//! Declared state: what differs from it, in an order that never leaves more open than either state, and how it is changed.
//!
//! Everything is checked before anything is changed. New groups come first: an empty group opens nothing, and what follows
//! can name it. All the rest is one transaction.

mod export;
mod groups;
mod namespaces;
mod plan;
mod quotas;
mod shares;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::plan::Plan;
use super::declared_protocol::{ChangeRow, Declaration, DeclaredReply, DeclaredRequest};
use super::service::{AdminService, now};
use crate::state::DeclaredStep;
use crate::state::quotas::{GroupMembers, QuotaEdit};

impl AdminService {
    /// Executes a request about declared state.
    pub(super) fn declared(&self, request: DeclaredRequest) -> anyhow::Result<DeclaredReply> {
        match request {
            DeclaredRequest::Apply { declaration, what_if, prune } => {
                Ok(DeclaredReply::Changes(self.apply(&declaration, what_if, prune)?))
            }
            DeclaredRequest::Export => Ok(DeclaredReply::Exported(Box::new(export::export(self)?))),
        }
    }

    fn apply(&self, declaration: &Declaration, what_if: bool, prune: bool) -> anyhow::Result<Vec<ChangeRow>> {
        let plan = Plan::make(self, declaration, prune)?;
        let mut rows = plan.rows();
        if what_if {
            return Ok(rows);
        }
        let (groups, rest): (Vec<_>, Vec<_>) =
            plan.steps().partition(|step| matches!(step, DeclaredStep::AddGroup { .. }));
        let steps = if groups.is_empty() {
            rest
        } else {
            self.state().change_all(&groups)?;
            // The groups have SIDs now.
            Plan::make(self, declaration, prune)?.steps().collect()
        };
        let mut settled = Vec::new();
        for mut step in steps {
            match &mut step {
                DeclaredStep::AddShare { settings, .. } | DeclaredStep::ChangeShare { settings, .. } => {
                    settings.path = self.settle_share_path(&settings.volume, &settings.path)?;
                }
                DeclaredStep::Quota(
                    QuotaEdit::Folder { volume, path, entry: Some(_) }
                    | QuotaEdit::Auto { volume, path, auto: Some(_) },
                ) => *path = self.settle_path(volume, path)?,
                _ => {}
            }
            settled.push(step);
        }
        if !settled.is_empty() {
            self.state().change_all(&settled)?;
            self.put_quotas_in_force(&settled)?;
        }
        for row in &mut rows {
            row.done = row.action != super::declared_protocol::ChangeAction::Remove || prune;
        }
        Ok(rows)
    }

    /// Limits hold when this returns, rules of groups for those that are in them now; where that cannot be looked up, as soon as it can.
    fn put_quotas_in_force(&self, steps: &[DeclaredStep]) -> anyhow::Result<()> {
        let Ok(server) = self.running("quotas") else { return Ok(()) };
        let (mut volumes, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let quotas = steps.iter().filter_map(|step| match step {
            DeclaredStep::Quota(edit) => Some(edit),
            _ => None,
        });
        for edit in quotas {
            match edit {
                QuotaEdit::Group { volume, group, limits } => {
                    volumes.insert(volume.clone());
                    groups.extend(limits.is_some().then_some(*group));
                }
                QuotaEdit::Settings { volume, .. }
                | QuotaEdit::Entry { volume, .. }
                | QuotaEdit::Folder { volume, .. }
                | QuotaEdit::Auto { volume, .. }
                | QuotaEdit::MoveFolders { volume, .. } => {
                    volumes.insert(volume.clone());
                }
                QuotaEdit::Template { .. } | QuotaEdit::Notification(_) | QuotaEdit::Members { .. } => {}
            }
        }
        let looked_up = groups.into_iter().filter_map(|group| {
            let members = Some(GroupMembers { members: server.quotas().look_up(&group)?, as_of: now() });
            Some(QuotaEdit::Members { group, members })
        });
        let looked_up: Vec<QuotaEdit> = looked_up.collect();
        if !looked_up.is_empty() {
            self.state().edit_quotas(&looked_up)?;
        }
        volumes.iter().for_each(|volume| server.quotas().apply(volume));
        Ok(())
    }
}
