//! What the audit log is told of changes that an administrator makes here: the same records as for a client's SET_INFO,
//! with SYSTEM as who did it, since that is whose rights are used.

use std::sync::atomic::Ordering;

use freehold_acl::{
    AccessMask, AuditOutcome, SecurityDescriptor, SecurityInformation, Token, audited_access, query,
};
use freehold_dtyp::{FileTime, Sid};

use crate::audit::record::{Batch, Detail, Object, Record, Subject};
use crate::proto::op::VolumeRef;
use crate::proto::server::Server;
use crate::vfs::VfsPath;

/// SubjectLogonId of the system itself.
const SYSTEM_LOGON_ID: u64 = 0x3E7;
/// What a change of permissions is about.
const PERMISSIONS: SecurityInformation = SecurityInformation(
    SecurityInformation::OWNER.0 | SecurityInformation::GROUP.0 | SecurityInformation::DACL.0,
);

/// Keeps records. Called from a thread that may block.
pub trait Recorder: Send + Sync {
    /// Gives records to the log, waiting while it has no room; with `wait` also until they are kept. False when they are not.
    fn record(&self, batch: Batch, wait: bool) -> bool;
}

/// True while what must be recorded is not to be done.
pub(super) fn is_refused(server: &Server, before: &SecurityDescriptor, after: &SecurityDescriptor) -> bool {
    (before.audits() || after.audits()) && server.audit_refuses.load(Ordering::Relaxed)
}

/// Records that a descriptor was changed, where its SACL or the change of that asks for it: 4670 and 4907. False when that
/// could not be kept.
pub(super) fn changed(
    server: &Server,
    recorder: &dyn Recorder,
    volume: &VolumeRef,
    path: &VfsPath,
    descriptors: (&SecurityDescriptor, &SecurityDescriptor),
    wait: bool,
) -> bool {
    let (before, after) = descriptors;
    if !before.audits() && !after.audits() {
        return true;
    }
    let mut batch = Batch::default();
    let subject = Subject {
        user_sid: Sid::SYSTEM,
        user_name: "SYSTEM".to_owned(),
        domain_name: "NT AUTHORITY".to_owned(),
        logon_id: SYSTEM_LOGON_ID,
        ip_address: String::new(),
        ip_port: 0,
        share_name: String::new(),
    };
    let object = Object { volume: &volume.identity.label, path: path.as_wtf8(), stream: None, handle_id: 0 };
    let mut push = |detail| {
        batch.push(&Record {
            time: FileTime::from_system_time(std::time::SystemTime::now()),
            success: true,
            computer: &server.config.netbios_name,
            subject: Some(&subject),
            detail,
        });
    };
    let (old, new) = (query(before, PERMISSIONS), query(after, PERMISSIONS));
    let used = AccessMask::WRITE_DAC | AccessMask::WRITE_OWNER;
    if old != new && !audited_access(before, &Token::system(), used, AuditOutcome::Success).is_empty() {
        push(Detail::PermissionsChanged { object, old: &old, new: &new });
    }
    let (old, new) = (query(before, SecurityInformation::SACL), query(after, SecurityInformation::SACL));
    if old != new {
        push(Detail::AuditSettingsChanged { object, old: &old, new: &new });
    }
    batch.is_empty() || recorder.record(batch, wait)
}
