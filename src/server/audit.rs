//! The audit log of a server: opened as the configuration says, and what its options mean to the core.

use std::sync::Arc;

use anyhow::Context as _;

use crate::audit::log::{AuditLog, LogOptions, OnFailure};
use crate::config::{AuditOption, Config};
use crate::proto::audit::ShareAudit;
use crate::proto::server::Server;

/// What a share's or the server's option wants recorded.
pub(super) const fn share_audit(option: AuditOption) -> ShareAudit {
    ShareAudit {
        success: matches!(option, AuditOption::Success | AuditOption::All),
        failure: matches!(option, AuditOption::Failure | AuditOption::All),
    }
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
