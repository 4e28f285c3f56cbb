//! 4660, 4670 and 4907: deletions and changes of descriptors through handles.

use std::collections::VecDeque;
use std::sync::Arc;

use freehold_acl::{AccessMask, SecurityDescriptor, SecurityInformation, query};

use super::super::context::Context;
use super::super::event::Now;
use super::super::op::Op;
use super::super::open::Open;
use super::super::server::Server;
use super::super::status::CommandError;
use super::{OpenAudit, Opening, must_be_recorded, record, subject};
use crate::audit::record::{Batch, Detail, Object};
use crate::vfs::{FileRef, VfsPath};

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
pub(in crate::proto) fn security_changes(
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
pub(in crate::proto) fn security_changed(
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
pub(in crate::proto) fn deleted(
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
pub(in crate::proto) fn replaces(
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
pub(in crate::proto) fn replaced(cx: &mut Context<'_>, audit: &OpenAudit, path: &VfsPath) {
    audit.deleted(cx.server, path, cx.now, &mut |record| cx.audit.push(record));
}
