//! What the requests about access-control lists do: names are looked up, the work is done by the running server's
//! [`AclJobs`].

use anyhow::Context as _;
use freehold_acl::{
    AceType, Acl, AclEdit, AclPart, Control, EntryError, SddlDomains, SecurityDescriptor, ace_text,
    parse_entry, parse_integrity, substitute_sids,
};
use freehold_dtyp::{FileTime, Sid};

use super::acl_path::{self, Whose};
use super::acl_protocol::{
    AclChange, AclChanged, AclJobRow, AclReply, AclRequest, AclRestored, AclRow, InheritMode, RestoreEntry,
};
use super::names;
use super::protocol::Reply;
use super::service::{AdminService, iso_8601};
use crate::acl_jobs::{AclJobs, Found, JobReport};
use crate::vfs::VfsPath;

/// Objects of a part of an answer.
const ROWS_AT_ONCE: usize = 256;
/// Bytes of text after which a part ends: a list can be 64 KiB, its text more.
const BYTES_AT_ONCE: usize = 256 * 1024;

/// An account cannot be found, or an entry not read.
#[derive(Debug, thiserror::Error)]
enum NameError {
    #[error("{0:#}")]
    Unknown(anyhow::Error),
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// Names of accounts as of one moment.
struct Names {
    names: names::Names,
    /// Whose accounts short names of SDDL mean.
    domains: SddlDomains,
}

impl Names {
    fn find(&self, name: &str) -> Result<Sid, NameError> {
        self.names.find(name).map_err(NameError::Unknown)
    }

    fn of(&self, sid: &Sid) -> String {
        self.names.full_name_of(sid)
    }

    fn row(&self, path: String, is_directory: bool, security: &SecurityDescriptor) -> AclRow {
        self.names.prepare(names::sids_in(security));
        let name = |sid: &Option<Sid>| sid.as_ref().map_or(String::new(), |sid| self.of(sid));
        let text = |ace| ace_text(ace, |sid| self.of(sid));
        let dacl = security.dacl.acl().map_or(&[][..], Acl::aces).iter();
        let labels = security.sacl.acl().map_or(&[][..], Acl::aces).iter();
        let labels = labels.filter(|ace| ace.ace_type() == AceType::SYSTEM_MANDATORY_LABEL);
        let mut access: Vec<String> = dacl.chain(labels).map(text).collect();
        if !matches!(security.dacl, AclPart::Present(_)) {
            access.insert(0, "no access control: everybody may do everything".to_owned());
        }
        AclRow {
            path,
            r#type: if is_directory { "Directory" } else { "File" }.to_owned(),
            owner: name(&security.owner),
            group: name(&security.group),
            protected: security.control.contains(Control::DACL_PROTECTED),
            access,
            sddl: security.to_sddl(),
            error: String::new(),
        }
    }

    fn found(&self, found: &Found) -> AclRow {
        let path = found.path.as_wtf8().to_string();
        match &found.security {
            Ok(security) => self.row(path, found.is_directory, security),
            Err(error) => AclRow {
                error: error.to_string(),
                ..self.row(path, found.is_directory, &SecurityDescriptor::default())
            },
        }
    }

    fn entries(&self, entries: &[String], denies: bool) -> anyhow::Result<Vec<freehold_acl::AclEntry>> {
        let read = |text: &String| {
            parse_entry(text, denies, |name| self.find(name)).with_context(|| format!("{text:?}"))
        };
        let entries = entries.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(!entries.is_empty(), "give at least one entry such as anna:(OI)(CI)M");
        Ok(entries)
    }

    fn edit(&self, change: &AclChange) -> anyhow::Result<AclEdit> {
        Ok(match change {
            AclChange::Grant { entries, replace } => {
                AclEdit::Grant { entries: self.entries(entries, false)?, replace: *replace }
            }
            AclChange::Deny { entries } => AclEdit::Deny { entries: self.entries(entries, true)? },
            AclChange::Revoke { accounts, granted, denied } => {
                let accounts: Result<Vec<Sid>, NameError> =
                    accounts.iter().map(|name| self.find(name)).collect();
                AclEdit::Revoke { accounts: accounts?, granted: *granted, denied: *denied }
            }
            AclChange::Inherit { mode: InheritMode::Enable } => AclEdit::InheritEnable,
            AclChange::Inherit { mode: InheritMode::Disable } => AclEdit::InheritDisable,
            AclChange::Inherit { mode: InheritMode::Remove } => AclEdit::InheritRemove,
            AclChange::Reset => AclEdit::Reset,
            AclChange::Set { sddl: None, owner: None, group: None, integrity: Some(integrity) } => {
                AclEdit::Integrity(parse_integrity(integrity)?)
            }
            AclChange::Set { sddl, owner, group, integrity } => {
                anyhow::ensure!(integrity.is_none(), "set the integrity level in a command of its own");
                let mut descriptor = match sddl {
                    Some(text) => SecurityDescriptor::from_sddl_of(text, &self.domains)
                        .map_err(|error| anyhow::anyhow!("{text:?} is not valid SDDL: {error}"))?,
                    None => SecurityDescriptor::default(),
                };
                if let Some(owner) = owner {
                    descriptor.owner = Some(self.find(owner)?);
                }
                if let Some(group) = group {
                    descriptor.group = Some(self.find(group)?);
                }
                let parts = freehold_acl::SecurityInformation::of(&descriptor);
                anyhow::ensure!(
                    !parts.is_empty(),
                    "there is nothing to set: give SDDL such as D:(A;OICI;FA;;;BA), --owner, --group or --integrity"
                );
                AclEdit::Set { descriptor }
            }
        })
    }
}

impl AdminService {
    /// Executes a request; `sink` gets the parts of the answer and says whether to go on.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn acl(&self, request: AclRequest, sink: &mut dyn FnMut(Reply) -> bool) -> anyhow::Result<()> {
        let jobs = self.running("an access-control list")?.acl_jobs();
        let names = Names { names: self.names(), domains: self.state().sddl_domains() };
        let place = |path: &str, user: &Option<String>| {
            let whose = Whose::Of(&names.names, user.as_deref());
            acl_path::find(path, &self.state().shares(), &self.state().volumes(), whose)
        };
        let reply = match request {
            AclRequest::Read { path, as_user, recurse } => {
                let place = place(&path, &as_user)?;
                return read(&jobs, &names, &place, recurse, sink).with_context(|| path);
            }
            AclRequest::Change { path, as_user, change, recurse, continue_on_error, what_if } => {
                let place = place(&path, &as_user)?;
                let edit = names.edit(&change)?;
                let changed = jobs
                    .change(&place.volume, &place.path, &edit, recurse, continue_on_error, what_if)
                    .with_context(|| path.clone())?;
                AclReply::Changed(Box::new(AclChanged {
                    row: names.row(String::new(), changed.is_directory, &changed.after),
                    changed: changed.before != changed.after,
                    job: changed.job,
                }))
            }
            AclRequest::Restore { path, as_user, entries, substitutes, continue_on_error, what_if } => {
                let place = place(&path, &as_user)?;
                let pair = |(old, new): &(String, String)| anyhow::Ok((names.find(old)?, names.find(new)?));
                let substitutes = substitutes.iter().map(pair).collect::<anyhow::Result<Vec<_>>>()?;
                let restore =
                    Restore { jobs: &jobs, place: &place, domains: names.domains, substitutes, what_if };
                AclReply::Restored(restore.all(&entries, continue_on_error))
            }
            AclRequest::Jobs => AclReply::Jobs(jobs.report()?.iter().map(job_row).collect()),
        };
        sink(Reply::Acl(reply));
        Ok(())
    }
}

fn read(
    jobs: &AclJobs,
    names: &Names,
    place: &acl_path::Place,
    recurse: bool,
    sink: &mut dyn FnMut(Reply) -> bool,
) -> anyhow::Result<()> {
    let mut rows: Vec<AclRow> = Vec::new();
    let mut bytes = 0;
    jobs.read(&place.volume, &place.path, recurse, &mut |found| {
        let row = names.found(&found);
        bytes += row.sddl.len() + row.path.len() + row.access.iter().map(String::len).sum::<usize>();
        rows.push(row);
        if rows.len() < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE {
            return true;
        }
        bytes = 0;
        sink(Reply::Acl(AclReply::Rows { rows: std::mem::take(&mut rows), more: true }))
    })?;
    sink(Reply::Acl(AclReply::Rows { rows, more: false }));
    Ok(())
}

/// Puts saved lists back.
struct Restore<'a> {
    jobs: &'a AclJobs,
    place: &'a acl_path::Place,
    domains: SddlDomains,
    substitutes: Vec<(Sid, Sid)>,
    what_if: bool,
}

impl Restore<'_> {
    fn all(&self, entries: &[RestoreEntry], continue_on_error: bool) -> AclRestored {
        let mut restored = AclRestored::default();
        for entry in entries {
            match self.one(entry) {
                Ok(changed) => {
                    restored.processed += 1;
                    restored.changed += u64::from(changed);
                }
                Err(error) => {
                    restored.failed.push((entry.path.clone(), format!("{error:#}")));
                    if !continue_on_error {
                        break;
                    }
                }
            }
        }
        restored
    }

    /// True when the object had something else.
    fn one(&self, entry: &RestoreEntry) -> anyhow::Result<bool> {
        let saved = SecurityDescriptor::from_sddl_of(&entry.sddl, &self.domains)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let wanted = substitute_sids(&saved, &self.substitutes).map_err(|_| {
            anyhow::anyhow!("with the accounts that take others' place the list would be longer than 64 KiB")
        })?;
        let path: VfsPath = self.place.path.join(&acl_path::path(&entry.path, &entry.path)?);
        if self.what_if {
            self.jobs.read(&self.place.volume, &path, false, &mut |_| true)?;
            return Ok(false);
        }
        Ok(self.jobs.restore(&self.place.volume, &path, &wanted)?)
    }
}

fn job_row(report: &JobReport) -> AclJobRow {
    let job = &report.job;
    let time = |time: Option<FileTime>| time.map_or(String::new(), iso_8601);
    let until = job.ended.unwrap_or_else(|| FileTime::from_system_time(std::time::SystemTime::now()));
    let ticks = job.started.map_or(0, |started| until.0.saturating_sub(started.0));
    AclJobRow {
        id: job.id,
        status: job.status.word().to_owned(),
        volume: job.work.volume.clone(),
        path: job.work.path.to_string(),
        visited: job.progress.visited,
        changed: job.progress.changed,
        failed: job.progress.failed,
        current: report.current.to_string(),
        errors: job.progress.errors.lines().map(str::to_owned).collect(),
        created: iso_8601(job.created),
        started: time(job.started),
        ended: time(job.ended),
        // Tenths of a microsecond.
        seconds: ticks as f64 / 1e7,
    }
}
