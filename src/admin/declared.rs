//! Declared state: what differs from it, in an order that never leaves more open than either state, and how it is changed.
//!
//! Everything is checked before anything is changed. New groups come first: an empty group opens nothing, and what follows
//! can name it. All the rest is one transaction.

mod export;
mod groups;
mod plan;
mod quotas;
mod shares;

#[cfg(test)]
mod tests;

use self::plan::Plan;
use super::declared_protocol::{ChangeRow, Declaration, DeclaredReply, DeclaredRequest};
use super::service::AdminService;
use crate::state::DeclaredStep;
use crate::state::quotas::QuotaEdit;

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
                    settings.path = self.settle_path(&settings.volume, &settings.path)?;
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
        }
        for row in &mut rows {
            row.done = row.action != super::declared_protocol::ChangeAction::Remove || prune;
        }
        Ok(rows)
    }
}
