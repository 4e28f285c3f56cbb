//! What of a request is recorded in the audit log: shares by their option, files by their SACL ([MS-DTYP] 2.4.4.10 to 12).
//!
//! Records are collected while a request is carried out ([`Recording`]) and go to the shell as one [`Op::Audit`] before the
//! reply. What a handle may be recorded for is decided once, when it is opened ([`OpenAudit`]): a handle to a file whose
//! SACL asks for nothing has none, and pays for nothing. Each right is recorded at its first use through a handle, as
//! Windows does.
//!
//! Which commands use which rights is in `audit/used.rs`; what only a CREATE knows in `commands/create/audit.rs`.

mod used;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use freehold_acl::{
    AccessMask, AccessReason, AccessReasons, AuditOutcome, GenericMapping, SecurityDescriptor,
    SecurityInformation, Token, audited_access, query,
};
use freehold_dtyp::{FileTime, NtStatus, Sid, Wtf8, Wtf8Buf};

use super::context::{Context, Request};
use super::event::Now;
use super::link::Link;
use super::op::Op;
use super::open::{FileOpen, Open};
use super::server::Server;
use super::session::Session;
use super::status::CommandError;
use super::tree_connect::{Share, ShareTarget, TreeConnect};
use crate::audit::record::{Batch, Detail, Object, Reason, Record, Subject, names_of};
use crate::smb2::create::CreateRequest;
use crate::state::network_token;
use crate::state::tokens::LOGON_GROUPS;
use crate::vfs::{FileRef, Opened, VfsPath, VolumeIdentity};

/// Which accesses to a share are recorded (5140 and 5145).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareAudit {
    /// Those that are granted.
    pub success: bool,
    /// Those that are refused.
    pub failure: bool,
}

impl ShareAudit {
    const fn wants(self, success: bool) -> bool {
        if success { self.success } else { self.failure }
    }

    /// What either wants.
    #[must_use]
    pub const fn union(self, other: ShareAudit) -> ShareAudit {
        ShareAudit { success: self.success || other.success, failure: self.failure || other.failure }
    }
}

/// What is recorded of the use of one handle.
#[derive(Debug)]
pub struct OpenAudit {
    /// Another one once another session has taken the handle up.
    subject: ArcSwap<Subject>,
    volume: Arc<VolumeIdentity>,
    stream: Option<Wtf8Buf>,
    handle_id: u64,
    /// Rights whose use is recorded.
    audited: AccessMask,
    /// Those of them that were not used yet.
    left: AtomicU32,
}

impl OpenAudit {
    /// Takes note of the use of rights: those that are to be recorded now.
    fn first_use(&self, rights: AccessMask) -> AccessMask {
        let wanted = rights & self.audited;
        if wanted.is_empty() {
            return wanted;
        }
        AccessMask(self.left.fetch_and(!wanted.0, Ordering::Relaxed)) & wanted
    }

    /// 4660 and, unless DELETE was used before, 4663.
    fn deleted(&self, server: &Server, path: &VfsPath, now: Now, push: &mut dyn FnMut(&Record<'_>)) {
        let object = self.object(path);
        let subject = self.subject.load();
        let access = self.first_use(AccessMask::DELETE);
        if !access.is_empty() {
            let detail = Detail::ObjectAccessed { object, access };
            push(&record(server, now.wall, true, &subject, detail));
        }
        push(&record(server, now.wall, true, &subject, Detail::ObjectDeleted { object }));
    }

    fn object<'a>(&'a self, path: &'a VfsPath) -> Object<'a> {
        Object {
            volume: &self.volume.label,
            path: path.as_wtf8(),
            stream: self.stream.as_ref().map(Wtf8Buf::as_wtf8),
            handle_id: self.handle_id,
        }
    }
}

/// What a request under way has to record.
#[derive(Default)]
pub struct Recording {
    batch: Option<Box<Batch>>,
    /// The audited handle that the request names.
    open: Option<Arc<Open>>,
    /// The audited handle that it reads from, besides.
    source: Option<Arc<Open>>,
}

impl Recording {
    /// The request uses this handle.
    pub(super) fn uses(&mut self, open: &Arc<Open>) {
        self.open = Some(Arc::clone(open));
    }

    /// The request copies from this handle.
    pub(super) fn reads_from(&mut self, source: &Arc<Open>) {
        if audit_of(source).is_some() {
            self.source = Some(Arc::clone(source));
        }
    }

    fn push(&mut self, record: &Record<'_>) {
        self.batch.get_or_insert_default().push(record);
    }

    /// The request is decided: what is to be written before its reply.
    pub(super) fn settle(
        &mut self,
        server: &Server,
        request: Option<&Request>,
        status: NtStatus,
        now: Now,
    ) -> Option<Op> {
        let (open, source) = (self.open.take(), self.source.take());
        if let Some(request) = request.filter(|_| !status.is_error()) {
            if let Some(open) = open {
                let rights = used::rights(request, &open);
                self.used(server, &open, rights, now);
            }
            if let Some(source) = source {
                self.used(server, &source, AccessMask::FILE_READ_DATA, now);
            }
        }
        let batch = *self.batch.take()?;
        Some(Op::Audit { batch, follows_deletion: false })
    }

    /// Rights of a handle were used: 4663 for those that are used for the first time.
    fn used(&mut self, server: &Server, open: &Open, rights: AccessMask, now: Now) {
        let Some((file, audit)) = audit_of(open) else { return };
        let access = audit.first_use(rights);
        if !access.is_empty() {
            let path = file.file.0.path();
            let detail = Detail::ObjectAccessed { object: audit.object(&path), access };
            self.push(&record(server, now.wall, true, &audit.subject.load(), detail));
        }
    }
}

/// The handle's part of the log, where it has one.
fn audit_of(open: &Open) -> Option<(&FileOpen, &Arc<OpenAudit>)> {
    let file = open.as_file()?;
    Some((file, file.audit.as_ref()?))
}

const fn record<'a>(
    server: &'a Server,
    time: FileTime,
    success: bool,
    subject: &'a Subject,
    detail: Detail<'a>,
) -> Record<'a> {
    Record { time, success, computer: server.config.netbios_name.as_str(), subject: Some(subject), detail }
}

fn subject(session: &Session, link: &Link, share: &str) -> Subject {
    let identity = session.identity.load();
    Subject {
        user_sid: *identity.token.user(),
        user_name: identity.user.clone(),
        domain_name: identity.domain.clone(),
        logon_id: session.id.0,
        ip_address: link.peer.clone(),
        ip_port: link.peer_port,
        share_name: share.to_owned(),
    }
}

/// STATUS_AUDIT_FAILED when what is about to be done must be recorded and the log cannot be written.
///
/// # Errors
/// That status.
fn must_be_recorded(server: &Server) -> Result<(), CommandError> {
    if server.audit_refuses.load(Ordering::Acquire) {
        return Err(NtStatus::AUDIT_FAILED.into());
    }
    Ok(())
}

/// A request names a handle: where it is recorded, the log must take records.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn handle_named(
    server: &Server,
    recording: &mut Recording,
    open: &Arc<Open>,
    closes: bool,
) -> Result<(), CommandError> {
    if audit_of(open).is_some() && !closes {
        must_be_recorded(server)?;
        recording.uses(open);
    }
    Ok(())
}

/// 5140: a session connects to a share, or is refused.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn share_connected(
    cx: &mut Context<'_>,
    share: &Share,
    success: bool,
) -> Result<(), CommandError> {
    if !share.audit.union(cx.server.config.audit_shares).wants(success) {
        return Ok(());
    }
    must_be_recorded(cx.server)?;
    let subject = subject(cx.session()?, cx.link, &share.name);
    let detail = Detail::ShareAccessed { folder: folder_of(share) };
    cx.audit.push(&record(cx.server, cx.now.wall, success, &subject, detail));
    Ok(())
}

/// Volume's label and folder of a share.
fn folder_of(share: &Share) -> Option<(&str, Wtf8<'_>)> {
    match &share.target {
        ShareTarget::Disk { volume, path } => Some((&volume.identity.label, path.as_wtf8())),
        ShareTarget::Pipes => None,
    }
}

/// 5145: a CREATE is held against the share's descriptor.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn share_checked(
    cx: &mut Context<'_>,
    tree: &TreeConnect,
    request: &CreateRequest<'_>,
) -> Result<(), CommandError> {
    let wanted = tree.share.audit.union(cx.server.config.audit_shares);
    if wanted == ShareAudit::default() {
        return Ok(());
    }
    let access = GenericMapping::FILE.map_generic(AccessMask(request.desired_access));
    let named = access.without(AccessMask::MAXIMUM_ALLOWED | AccessMask::ACCESS_SYSTEM_SECURITY);
    let success = tree.maximal_access.contains(named);
    if !wanted.wants(success) {
        return Ok(());
    }
    must_be_recorded(cx.server)?;
    let session = Arc::clone(cx.session()?);
    let subject = subject(&session, cx.link, &tree.share.name);
    let target = request.name.to_wtf8();
    let check = Check {
        descriptor: &tree.share.security,
        token: &session.token(),
        granted: named & tree.maximal_access,
        backup_intent: false,
    };
    let detail = Detail::ShareChecked {
        folder: folder_of(&tree.share),
        target: target.as_wtf8(),
        access,
        reasons: &check.reasons(named),
    };
    cx.audit.push(&record(cx.server, cx.now.wall, success, &subject, detail));
    Ok(())
}

/// An access check whose reasons are recorded.
struct Check<'a> {
    descriptor: &'a SecurityDescriptor,
    token: &'a Token,
    granted: AccessMask,
    backup_intent: bool,
}

impl Check<'_> {
    /// The reason of each right in `access`, in Windows' words.
    fn reasons(&self, access: AccessMask) -> Vec<Reason> {
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
pub(super) struct Opening<'a> {
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
    pub(super) fn may_proceed(&self, server: &Server, granted: AccessMask) -> Result<(), CommandError> {
        if self.descriptor.audits()
            && !audited_access(self.descriptor, self.token, granted, AuditOutcome::Success).is_empty()
        {
            return must_be_recorded(server);
        }
        Ok(())
    }

    /// 4656 for an open that was refused.
    pub(super) fn refused(&self, cx: &mut Context<'_>, desired: AccessMask) -> Result<(), CommandError> {
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
    pub(super) fn granted(
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

/// The parts of a descriptor that a request changes. The flags of the upper half speak of the same parts: protecting a
/// DACL is a change of it.
fn changed_parts(information: SecurityInformation) -> SecurityInformation {
    let mut parts = information;
    let protects = SecurityInformation::PROTECTED_DACL | SecurityInformation::UNPROTECTED_DACL;
    if information.intersects(protects | SecurityInformation::BACKUP) {
        parts |= SecurityInformation::DACL;
    }
    let protects = SecurityInformation::PROTECTED_SACL | SecurityInformation::UNPROTECTED_SACL;
    if information.intersects(protects | SecurityInformation::BACKUP) {
        parts |= SecurityInformation::SACL;
    }
    if information.intersects(SecurityInformation::BACKUP) {
        parts |= SecurityInformation::OWNER | SecurityInformation::GROUP;
    }
    parts & SecurityInformation::ALL
}

/// Before a descriptor is changed: a change of what is audited is always recorded.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn security_changes(
    cx: &Context<'_>,
    information: SecurityInformation,
) -> Result<(), CommandError> {
    if changed_parts(information).intersects(SecurityInformation::SACL) {
        return must_be_recorded(cx.server);
    }
    Ok(())
}

/// 4670 and 4907: a descriptor was changed through a handle.
///
/// # Errors
/// `Internal` without a session.
pub(super) fn security_changed(
    cx: &mut Context<'_>,
    open: &Open,
    information: SecurityInformation,
    old: &SecurityDescriptor,
    new: &SecurityDescriptor,
) -> Result<(), CommandError> {
    /// What a change of permissions is about.
    const PERMISSIONS: SecurityInformation = SecurityInformation(
        SecurityInformation::OWNER.0 | SecurityInformation::GROUP.0 | SecurityInformation::DACL.0,
    );
    let Some(file) = open.as_file() else { return Ok(()) };
    let path = file.file.0.path();
    let parts = changed_parts(information);
    if let Some(audit) = &file.audit
        && parts.intersects(PERMISSIONS)
        && audit.audited.intersects(AccessMask::WRITE_DAC | AccessMask::WRITE_OWNER)
    {
        let (old, new) = (query(old, parts & PERMISSIONS), query(new, parts & PERMISSIONS));
        let detail = Detail::PermissionsChanged { object: audit.object(&path), old: &old, new: &new };
        cx.audit.push(&record(cx.server, cx.now.wall, true, &audit.subject.load(), detail));
    }
    if parts.intersects(SecurityInformation::SACL) {
        let subject = subject(cx.session()?, cx.link, &open.tree.share.name);
        let (old, new) = (query(old, SecurityInformation::SACL), query(new, SecurityInformation::SACL));
        let volume = open.tree.disk().map(|(volume, _)| Arc::clone(&volume.identity));
        let object = Object {
            volume: volume.as_ref().map_or("", |identity| &identity.label),
            path: path.as_wtf8(),
            stream: None,
            handle_id: open.file_id.volatile,
        };
        let detail = Detail::AuditSettingsChanged { object, old: &old, new: &new };
        cx.audit.push(&record(cx.server, cx.now.wall, true, &subject, detail));
    }
    Ok(())
}

/// A file is deleted with its last handle: 4660, and 4663 where the handle that asked for it was opened to delete. To be
/// queued behind the deletion itself.
pub(super) fn deleted(
    server: &Server,
    audit: Option<&Arc<OpenAudit>>,
    file: &FileRef,
    ops: &mut VecDeque<Op>,
    now: Now,
) {
    let Some(audit) = audit.filter(|audit| audit.audited.contains(AccessMask::DELETE)) else { return };
    let mut batch = Batch::default();
    audit.deleted(server, &file.0.path(), now, &mut |record| batch.push(record));
    ops.push_back(Op::Audit { batch, follows_deletion: true });
}

/// A rename is about to take the place of a file, which is deleted by it: 4656 for that, granted or refused.
///
/// # Errors
/// AUDIT_FAILED.
pub(super) fn replaces(
    cx: &mut Context<'_>,
    open: &Open,
    target: (&VfsPath, &SecurityDescriptor),
    allowed: bool,
) -> Result<Option<Arc<OpenAudit>>, CommandError> {
    let (path, descriptor) = target;
    let Some((volume, _)) = open.tree.disk().filter(|_| descriptor.audits()) else { return Ok(None) };
    let opening = Opening {
        descriptor,
        token: &*cx.token()?,
        volume: &volume.identity,
        path: path.as_wtf8(),
        stream: None,
        backup_intent: false,
        parent: None,
    };
    if !allowed {
        opening.refused(cx, AccessMask::DELETE)?;
        return Ok(None);
    }
    opening.may_proceed(cx.server, AccessMask::DELETE)?;
    // No client has this handle: its number ties the records of the deletion together.
    let handle_id = cx.server.next_file_id();
    opening.granted(cx, AccessMask::DELETE, AccessMask::EMPTY, handle_id)
}

/// The rename has taken the place of the file: 4663 and 4660.
pub(super) fn replaced(cx: &mut Context<'_>, audit: &OpenAudit, path: &VfsPath) {
    audit.deleted(cx.server, path, cx.now, &mut |record| cx.audit.push(record));
}

/// A session has taken a handle up that had lost its own: what is recorded from now on is its doing.
///
/// # Errors
/// `Internal` without a session.
pub(super) fn taken_up(cx: &Context<'_>, open: &Open) -> Result<(), CommandError> {
    if let Some((_, audit)) = audit_of(open) {
        audit.subject.store(Arc::new(subject(cx.session()?, cx.link, &open.tree.share.name)));
    }
    Ok(())
}

/// What is recorded of the use of a handle that was open when the server ended. Of an account that is not known any more,
/// what the SACL says of itself and of everybody counts.
pub(super) fn restored(
    server: &Server,
    share: &Share,
    (owner, user): (&Sid, &str),
    found: &Opened,
    stream: Option<&Wtf8Buf>,
    (handle_id, granted): (u64, AccessMask),
) -> Option<Arc<OpenAudit>> {
    let ShareTarget::Disk { volume, .. } = &share.target else { return None };
    if !found.security.audits() {
        return None;
    }
    let token = match server.accounts.load().account_by_sid(owner) {
        Some(account) => network_token(account),
        None => Token::builder(*owner).groups(LOGON_GROUPS).build(),
    };
    let audited = audited_access(&found.security, &token, granted, AuditOutcome::Success);
    (!audited.is_empty()).then(|| {
        Arc::new(OpenAudit {
            subject: ArcSwap::from_pointee(Subject {
                user_sid: *owner,
                user_name: user.to_owned(),
                domain_name: server.config.netbios_name.clone(),
                logon_id: 0,
                ip_address: String::new(),
                ip_port: 0,
                share_name: share.name.clone(),
            }),
            volume: Arc::clone(&volume.identity),
            stream: stream.cloned(),
            handle_id,
            audited,
            left: AtomicU32::new(audited.0),
        })
    })
}
