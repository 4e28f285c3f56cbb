//! What of a request is recorded in the audit log: shares by their option, files by their SACL ([MS-DTYP] 2.4.4.10 to 12).
//!
//! Records are collected while a request is carried out ([`Recording`]) and go to the shell as one [`Op::Audit`] before the
//! reply. What a handle may be recorded for is decided once, when it is opened ([`OpenAudit`]): a handle to a file whose
//! SACL asks for nothing has none, and pays for nothing. Each right is recorded at its first use through a handle, as
//! Windows does.
//!
//! `audit/logon.rs` has 4624, 4625 and 4634, `audit/share.rs` 5140 and 5145, `opening.rs` 4656, `changes.rs` 4660, 4670 and 4907, `taken_up.rs` handles that outlive their session; which commands use which rights is in `used.rs`; what only a CREATE knows in `commands/create/audit.rs`.

mod changes;
mod logon;
mod opening;
mod share;
mod taken_up;
mod used;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use freehold_acl::AccessMask;
use freehold_dtyp::{FileTime, NtStatus, Wtf8Buf};

use super::context::Request;
use super::event::Now;
use super::link::Link;
use super::op::Op;
use super::open::{FileOpen, Open};
use super::server::Server;
use super::session::Session;
use super::status::CommandError;
use crate::audit::record::{Batch, Detail, Object, Record, Subject};
use crate::vfs::{VfsPath, VolumeIdentity};

pub(super) use changes::{deleted, replaced, replaces, security_changed, security_changes};
pub use logon::{Attempt, LogonAudit};
pub(super) use logon::{logged_off, logged_on, logging_on, logon_failed};
pub(super) use opening::Opening;
pub(super) use share::{share_checked, share_connected};
pub(super) use taken_up::{restored, taken_up};

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

    fn append(&mut self, batch: &Batch) {
        self.batch.get_or_insert_default().append(batch);
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
