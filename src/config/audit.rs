//! The section `[audit]`: the audit log and what is recorded for every share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::AuditOption;
use super::read::Section;

/// How the audit log is kept, and what is recorded for every share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Its folder; absolute.
    pub folder: PathBuf,
    /// A file of this many bytes is followed by the next one.
    pub max_file_bytes: u32,
    /// A file of this age is followed by the next one.
    pub max_file_age: Duration,
    /// Files that are kept; 0 for all.
    pub keep_files: u32,
    /// Bytes of records that may wait to be written.
    pub queue_bytes: u32,
    /// Records are on the disk before the client has its answer.
    pub sync: bool,
    /// What must be recorded is refused while the log cannot be written; otherwise it goes on unrecorded.
    pub refuse: bool,
    /// Accesses that are recorded for every share, besides what each share says.
    pub shares: AuditOption,
    /// Logons that are recorded.
    pub logons: AuditOption,
}

impl AuditConfig {
    fn new(folder: PathBuf) -> Self {
        AuditConfig {
            folder,
            max_file_bytes: 256 * 1024 * 1024,
            max_file_age: Duration::from_secs(24 * 3_600),
            keep_files: 0,
            queue_bytes: 32 * 1024 * 1024,
            sync: true,
            refuse: true,
            shares: AuditOption::None,
            logons: AuditOption::Failure,
        }
    }
}

pub(super) fn read(mut section: Section<'_, '_>, folder: &Path, state_dir: &Path) -> AuditConfig {
    let default = AuditConfig::new(state_dir.join(crate::audit::FOLDER));
    let hours = section.number("max_file_age_hours", 1..=24 * 366, 24);
    let options: Vec<(&str, AuditOption)> =
        AuditOption::ALL.iter().map(|option| (option.word(), *option)).collect();
    let audit = AuditConfig {
        folder: section.string("folder").map_or(default.folder, |found| folder.join(found.value)),
        max_file_bytes: section.size("max_file_size", 1024 * 1024..=u32::MAX, default.max_file_bytes),
        max_file_age: Duration::from_secs(u64::from(hours) * 3_600),
        keep_files: section.number("keep_files", 0..=1_000_000, default.keep_files),
        queue_bytes: section.size("queue_size", 1024 * 1024..=1024 * 1024 * 1024, default.queue_bytes),
        sync: section.boolean("sync", default.sync),
        refuse: section.choice("on_failure", &[("refuse", true), ("continue", false)], default.refuse),
        shares: section.choice("shares", &options, default.shares),
        logons: section.choice("logons", &options, default.logons),
    };
    section.finish();
    audit
}
