//! The audit log of a server: opened as the configuration says, and what its options mean to the core.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context as _;

use crate::acl_jobs::Recorder;
use crate::audit::log::{AuditLog, Done, LogOptions, OnFailure};
use crate::audit::record::Batch;
use crate::config::{AuditOption, Config, DomainNtlm};
use crate::proto::audit::{LogonAudit, ShareAudit};
use crate::proto::server::Server;

/// What a share's or the server's option wants recorded.
pub(super) const fn share_audit(option: AuditOption) -> ShareAudit {
    ShareAudit {
        success: matches!(option, AuditOption::Success | AuditOption::All),
        failure: matches!(option, AuditOption::Failure | AuditOption::All),
    }
}

/// Which logons are recorded.
pub(super) fn logon_audit(config: &Config) -> LogonAudit {
    let ShareAudit { success, failure } = share_audit(config.audit.logons);
    LogonAudit { success, failure, domain_ntlm: config.security.ntlm.domain == DomainNtlm::Audit }
}

/// Opens the audit log, which must be writable before anything is served.
pub(super) fn open_audit(config: &Config, core: &Server) -> anyhow::Result<Arc<AuditLog>> {
    let audit = &config.audit;
    let options = LogOptions {
        folder: audit.folder.clone(),
        max_file_bytes: audit.max_file_bytes.into(),
        max_file_age: audit.max_file_age,
        keep_files: audit.keep_files as usize,
        queue_bytes: audit.queue_bytes,
        sync: audit.sync,
        on_failure: if audit.refuse { OnFailure::Refuse } else { OnFailure::Continue },
        computer: config.names.netbios.clone(),
    };
    let log = AuditLog::open(options, Arc::clone(&core.audit_refuses))
        .with_context(|| format!("the audit log in {} cannot be opened", audit.folder.display()))?;
    Ok(Arc::new(log))
}

/// How long who may block waits for room in the log before it asks again.
const ROOM_AFTER: Duration = Duration::from_millis(5);

/// The log as who changes access-control lists for an administrator sees it.
pub(super) struct BlockingRecorder(pub(super) Arc<AuditLog>);

impl Recorder for BlockingRecorder {
    fn record(&self, batch: Batch, wait: bool) -> bool {
        let (kept, outcome) = mpsc::channel();
        // Nobody listens where the outcome is not waited for.
        let done: Done = Box::new(move |done| kept.send(done.is_ok()).unwrap_or_default());
        let mut waiting = (batch, done);
        while let Err(back) = self.0.try_submit(waiting.0, waiting.1) {
            waiting = back;
            std::thread::sleep(ROOM_AFTER);
        }
        !wait || outcome.recv().unwrap_or(false)
    }
}
