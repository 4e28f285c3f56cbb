//! 4656: opens of files and folders, granted or refused, with the reason of each right.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use arc_swap::ArcSwap;
use freehold_acl::{
    AccessMask, AccessReason, AccessReasons, AuditOutcome, SecurityDescriptor, Token, audited_access,
};
use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::super::context::Context;
use super::super::server::Server;
use super::super::status::CommandError;
use super::{OpenAudit, must_be_recorded, record, subject};
use crate::audit::record::{Detail, Object, Reason, names_of};
use crate::vfs::VolumeIdentity;

/// An access check whose reasons are recorded.
pub(super) struct Check<'a> {
    pub(super) descriptor: &'a SecurityDescriptor,
    pub(super) token: &'a Token,
    /// What was granted.
    pub(super) granted: AccessMask,
    pub(super) backup_intent: bool,
}

impl Check<'_> {
    /// The reason of each right in `access`, in Windows' words.
    pub(super) fn reasons(&self, access: AccessMask) -> Vec<Reason> {
        let mut why = AccessReasons::new(self.descriptor, self.token, self.backup_intent);
        let mut reasons: Vec<Reason> = Vec::new();
        let mut last: Option<(AccessReason<'_>, usize)> = None;
        for (right, _) in names_of(access) {
            if right == AccessMask::MAXIMUM_ALLOWED {
                continue;
            }
            let granted = self.granted.contains(right);
            let reason = why.reason(right, granted);
            // Most rights are decided by the entry that decided the one before: its text is at hand.
            let text = match last.filter(|(before, _)| *before == reason).and_then(|(_, at)| reasons.get(at))
            {
                Some(same) => same.text.clone(),
                None => reason_text(&reason),
            };
            last = Some((reason, reasons.len()));
            reasons.push(Reason { right, text });
        }
        reasons
    }
}

fn reason_text(reason: &AccessReason<'_>) -> String {
    match reason {
        AccessReason::GrantedByAce(ace) => format!("Granted by D:{}", ace.to_sddl()),
        AccessReason::DeniedByAce(ace) => format!("Denied by D:{}", ace.to_sddl()),
        AccessReason::GrantedByOwnership => "Granted by Ownership".to_owned(),
        AccessReason::GrantedByPrivilege(name) => format!("Granted by {name}"),
        AccessReason::GrantedByNullDacl => "Granted by NULL DACL".to_owned(),
        AccessReason::GrantedByParent => "Granted by ACE on parent folder".to_owned(),
        AccessReason::DeniedByEmptyDacl => "Denied by Empty DACL".to_owned(),
        AccessReason::DeniedElsewhere => "Denied by integrity label, attribute or share".to_owned(),
        AccessReason::NotGranted => "Not granted".to_owned(),
    }
}

/// An open of a file or folder that was decided: what a record of it needs.
pub(in crate::proto) struct Opening<'a> {
    /// The file's descriptor.
    pub descriptor: &'a SecurityDescriptor,
    /// Who opens.
    pub token: &'a Token,
    /// The volume.
    pub volume: &'a Arc<VolumeIdentity>,
    /// The path below its root.
    pub path: Wtf8<'a>,
    /// The named stream.
    pub stream: Option<&'a Wtf8Buf>,
    /// Backup intent was given.
    pub backup_intent: bool,
    /// The folder's descriptor, where it has a say.
    pub parent: Option<&'a SecurityDescriptor>,
}

impl Opening<'_> {
    /// Before anything is done: an open with `granted` that the SACL wants recorded needs a log that takes records.
    ///
    /// # Errors
    /// AUDIT_FAILED.
    pub(in crate::proto) fn may_proceed(
        &self,
        server: &Server,
        granted: AccessMask,
    ) -> Result<(), CommandError> {
        if self.descriptor.audits()
            && !audited_access(self.descriptor, self.token, granted, AuditOutcome::Success).is_empty()
        {
            return must_be_recorded(server);
        }
        Ok(())
    }

    /// 4656 for an open that was refused.
    pub(in crate::proto) fn refused(
        &self,
        cx: &mut Context<'_>,
        desired: AccessMask,
    ) -> Result<(), CommandError> {
        if !self.descriptor.audits()
            || audited_access(self.descriptor, self.token, desired, AuditOutcome::Failure).is_empty()
        {
            return Ok(());
        }
        must_be_recorded(cx.server)?;
        let granted = freehold_acl::maximal_file_access(self.descriptor, self.parent, self.token);
        let reasons = self.check(granted).reasons(desired);
        let subject = subject(cx.session()?, cx.link, &cx.tree()?.share.name);
        let detail = Detail::HandleRequested { object: self.object(0), access: desired, reasons: &reasons };
        cx.audit.push(&record(cx.server, cx.now.wall, false, &subject, detail));
        Ok(())
    }

    /// 4656 for an open that is there now, and what is recorded of its use; `used` rights were used by the open itself.
    pub(in crate::proto) fn granted(
        &self,
        cx: &mut Context<'_>,
        granted: AccessMask,
        used: AccessMask,
        handle_id: u64,
    ) -> Result<Option<Arc<OpenAudit>>, CommandError> {
        if !self.descriptor.audits() {
            return Ok(None);
        }
        let audited = audited_access(self.descriptor, self.token, granted | used, AuditOutcome::Success);
        if audited.is_empty() {
            return Ok(None);
        }
        let audit = OpenAudit {
            subject: ArcSwap::from_pointee(subject(cx.session()?, cx.link, &cx.tree()?.share.name)),
            volume: Arc::clone(self.volume),
            stream: self.stream.cloned(),
            handle_id,
            audited,
            left: AtomicU32::new(audited.0),
        };
        let reasons = self.check(granted).reasons(granted);
        let object = self.object(handle_id);
        let requested = Detail::HandleRequested { object, access: granted, reasons: &reasons };
        cx.audit.push(&record(cx.server, cx.now.wall, true, &audit.subject.load(), requested));
        let access = audit.first_use(used);
        if !access.is_empty() {
            let detail = Detail::ObjectAccessed { object, access };
            cx.audit.push(&record(cx.server, cx.now.wall, true, &audit.subject.load(), detail));
        }
        Ok(Some(Arc::new(audit)))
    }

    fn check(&self, granted: AccessMask) -> Check<'_> {
        Check { descriptor: self.descriptor, token: self.token, granted, backup_intent: self.backup_intent }
    }

    fn object(&self, handle_id: u64) -> Object<'_> {
        Object {
            volume: &self.volume.label,
            path: self.path,
            stream: self.stream.map(Wtf8Buf::as_wtf8),
            handle_id,
        }
    }
}
