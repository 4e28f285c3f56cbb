//! `explain`: may this user do that with this file, and why ([MS-DTYP] 2.5.3, [MS-FSA] 2.1.5.1, [MS-SMB2] 3.3.5.9).
//!
//! Owns the question, the answer and how the one becomes the other. The rules are not here: each right is put to the same
//! functions that decide a real open, with an observer that keeps what they come across. A what-if changes what they are
//! given (a token with more groups, a descriptor with one more entry), never the rules.

mod advice;
mod answer;
mod holders;
mod quota;
mod reason;
mod rights;
mod subject;
mod target;

use freehold_acl::{
    AccessError, AccessMask, FileAccess, GenericMapping, Place, Reasons, SecurityDescriptor, Token,
    create_access_check_observed, file_access_check_observed, maximum_access_observed, may_enumerate,
    share_access_check, within_share,
};
use freehold_dtyp::Sid;

pub use answer::{
    ConditionRow, EntryRow, Explanation, HolderRow, LockRow, LookupRow, QuotaRow, ReasonKind, RightRow,
    ShareAnswer,
};

use super::names::{Names, sids_in};
use super::running::RunningServer;
use crate::state::State;
use reason::Reasoner;
use rights::Asked;
use subject::Subject;
use target::Target;

/// What an administrator asks.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ExplainRequest {
    /// The account, by name or SID.
    pub user: String,
    /// `\\server\share\folder\file`, `share:/folder/file` or a path of this machine within a volume. Below a share that leads to
    /// another folder for each who connects it is the user's.
    pub path: String,
    /// The rights; `None` for what can be done at all.
    pub right: Option<String>,
    /// The share that the user comes through, where the path does not say it.
    pub share: Option<String>,
    /// What if the user were in these groups too?
    pub add_groups: Vec<String>,
    /// What if the file had these entries too? SDDL, or icacls' form.
    pub with_aces: Vec<String>,
    /// The program opens with backup intent, so that the privileges to back up and restore count.
    pub backup_intent: bool,
}

/// Answers a question. Blocks on disk.
///
/// # Errors
/// When the user, the path, the share, a group or an entry cannot be understood or is not there.
pub(super) fn explain(
    state: &State,
    names: Names,
    server: &dyn RunningServer,
    request: &ExplainRequest,
) -> anyhow::Result<Explanation> {
    let asked = Asked::parse(request.right.as_deref())?;
    let subject = Subject::find(names, state.sddl_domains(), &request.user, &request.add_groups)?;
    let target = Target::find(state, server, &request.path, request.share.as_deref(), &subject)?;
    let descriptor = target.with_aces(&request.with_aces, &subject)?;
    subject.prepare(sids_in(&descriptor));
    let question = Question { subject, target, descriptor, asked, backup_intent: request.backup_intent };
    Ok(question.answer(server))
}

/// A question with everything that it is about.
struct Question {
    subject: Subject,
    target: Target,
    /// The file's descriptor, or the folder's in which it would be made; with the entries of a what-if.
    descriptor: SecurityDescriptor,
    asked: Asked,
    backup_intent: bool,
}

/// What the share says.
struct ThroughShare {
    allows: AccessMask,
    reasons: Reasons,
}

impl Question {
    fn token(&self) -> &Token {
        &self.subject.token
    }

    /// [MS-SMB2] 3.3.5.7: TreeConnect.MaximalAccess.
    fn through_share(&self) -> Option<ThroughShare> {
        let share = self.target.share.as_ref()?;
        let mut reasons = Reasons::new(Place::Share);
        let mapping = &GenericMapping::FILE;
        let allows = maximum_access_observed(&share.settings.security, self.token(), mapping, &mut reasons);
        Some(ThroughShare { allows, reasons })
    }

    /// What an open with `desired` gets, as a CREATE decides it.
    fn check(
        &self,
        desired: AccessMask,
        share_allows: AccessMask,
        reasons: &mut Reasons,
    ) -> Result<AccessMask, AccessError> {
        let mut share_reasons = Reasons::new(Place::Share);
        let desired = share_access_check(desired, share_allows, &mut share_reasons)?;
        let granted = match &self.target.found {
            Some(found) => file_access_check_observed(
                &FileAccess {
                    descriptor: &self.descriptor,
                    parent: found.parent.as_deref(),
                    token: self.token(),
                    desired,
                    required: AccessMask::EMPTY,
                    backup_intent: self.backup_intent,
                    read_only: found.read_only,
                },
                reasons,
            )?,
            None => create_access_check_observed(
                &self.descriptor,
                self.token(),
                desired,
                false,
                self.backup_intent,
                reasons,
            )?,
        };
        within_share(granted, share_allows, &mut share_reasons)
    }

    /// What the quotas leave: of an existing file to its owner, else to the user who would own it.
    fn quota(&self, server: &dyn RunningServer) -> QuotaRow {
        let quotas = server.volume(&self.target.volume_name).and_then(|volume| volume.quotas());
        let owner = self.target.found.as_ref().and(self.descriptor.owner).unwrap_or(*self.token().owner());
        let name = self.subject.name_of(&owner);
        quota::row(quotas.as_deref(), &quota::Payer { owner, name: &name }, &self.target.path)
    }

    fn answer(&self, server: &dyn RunningServer) -> Explanation {
        let share = self.through_share();
        // Without a share nothing stands before the file.
        let allows = share.as_ref().map_or(AccessMask(u32::MAX), |share| share.allows);
        let mut reasons = Reasons::new(Place::Object);
        let outcome = self.check(self.asked.mask, allows, &mut reasons);
        let reasoner = Reasoner { question: self, share: share.as_ref() };
        let rows: Vec<RightRow> = self
            .asked
            .rights_to_show()
            .into_iter()
            .map(|right| {
                let mut reasons = Reasons::new(Place::Object);
                let granted = self.check(right, allows, &mut reasons);
                reasoner.row(right, granted, &reasons)
            })
            .collect();
        let granted = outcome.unwrap_or(AccessMask::EMPTY);
        let wanted = if self.asked.is_maximum() { granted } else { self.asked.mask };
        let mut holders = holders::rows(server, &self.target, wanted);
        if self.asked.is_maximum() {
            // Nothing in particular is to be done: what others keep from it is told, not held against it.
            holders.iter_mut().for_each(|holder| holder.blocks = false);
        }
        let status = self.status(outcome, allows, &holders);
        let mut explanation = Explanation {
            user: self.subject.name.clone(),
            user_sid: self.subject.sid.to_string(),
            account_enabled: self.subject.enabled,
            path: self.target.display(),
            exists: self.target.found.is_some(),
            is_directory: self.target.is_directory(),
            asked: self.asked.text.clone(),
            asked_mask: self.asked.mask.0,
            allowed: status == "STATUS_SUCCESS",
            status: status.to_owned(),
            granted_mask: granted.0,
            granted: rights::names(granted),
            owner: self.descriptor.owner.map(|owner| self.subject.name_of(&owner)).unwrap_or_default(),
            rights: rows,
            share: reasoner.share_answer(),
            also_through: self.target.also_through.clone(),
            visible: self.visible(),
            groups: self.subject.group_names(),
            privileges: self.subject.privilege_names(),
            user_claims: self.subject.claims(true),
            device_claims: self.subject.claims(false),
            conditions: reasoner.conditions(&reasons),
            quota: self.quota(server),
            holders,
            what_if: self
                .subject
                .what_if
                .iter()
                .chain(&self.target.what_if(&self.descriptor))
                .cloned()
                .collect(),
            summary: Vec::new(),
            advice: Vec::new(),
        };
        let (summary, advice) = advice::of(&explanation, self);
        explanation.summary = summary;
        explanation.advice = advice;
        explanation
    }

    /// The status that a client gets for FILE_OPEN.
    fn status(
        &self,
        outcome: Result<AccessMask, AccessError>,
        share_allows: AccessMask,
        holders: &[HolderRow],
    ) -> &'static str {
        if !self.subject.enabled {
            return "STATUS_ACCOUNT_DISABLED";
        }
        if share_allows.is_empty() {
            return "STATUS_ACCESS_DENIED";
        }
        match outcome {
            Err(AccessError::Denied) => "STATUS_ACCESS_DENIED",
            Err(AccessError::PrivilegeNotHeld) => "STATUS_PRIVILEGE_NOT_HELD",
            Ok(_) if self.target.found.is_none() => "STATUS_OBJECT_NAME_NOT_FOUND",
            Ok(_) if holders.iter().any(|holder| holder.blocks) => "STATUS_SHARING_VIOLATION",
            Ok(_) => "STATUS_SUCCESS",
        }
    }

    /// True when a listing of the folder shows it; `None` where there is nothing to show.
    fn visible(&self) -> Option<bool> {
        self.target.found.as_ref()?;
        let share = self.target.share.as_ref()?;
        Some(!share.settings.access_based_enumeration || may_enumerate(&self.descriptor, self.token()))
    }

    /// The chain of names by which the user is in `sid`.
    fn chain(&self, sid: &Sid) -> Vec<String> {
        self.subject.chain(sid)
    }
}

#[cfg(test)]
mod tests;
