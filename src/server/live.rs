//! Sessions and open files of the running server, as the administration service lists and ends them. What they are is decided in
//! [`ServerActivity`], which the RPC interfaces ask too; here are their places on this machine's disks.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use super::Shared;
use crate::admin::open_protocol::{OpenFileRow, SessionRow};
use crate::proto::activity::{OpenFileReport, OpenPlace, ServerActivity, SessionReport};
use crate::proto::op::VolumeId;
use crate::rpc::Activity as _;
use crate::smb2::SessionId;
use crate::vfs::VfsPath;

/// 100-nanosecond units in a second.
const TICKS_PER_SECOND: u64 = 10_000_000;

impl Shared {
    /// All sessions, in the order in which they were made.
    pub(super) fn session_rows(&self) -> Vec<SessionRow> {
        self.activity().session_reports().into_iter().map(session_row).collect()
    }

    /// All opens, in the order in which they were made.
    pub(super) fn open_file_rows(&self) -> Vec<OpenFileRow> {
        let configured = self.state.volumes();
        let folders: HashMap<VolumeId, PathBuf> = configured
            .iter()
            .filter_map(|volume| Some((self.volumes.get(&volume.name)?.id, volume.path.clone())))
            .collect();
        self.activity().open_reports().into_iter().map(|report| open_file_row(report, &folders)).collect()
    }

    /// Ends sessions with all that they have open; how many there were.
    pub(super) fn end_sessions(&self, ids: &[u64]) -> usize {
        let ids: Vec<SessionId> = ids.iter().copied().map(SessionId).collect();
        self.ending(|activity| activity.end_sessions_called(&ids))
    }

    /// Closes opens; how many there were.
    pub(super) fn close_opens(&self, ids: &[u64]) -> usize {
        self.ending(|activity| activity.close_opens(|id| ids.contains(&id)))
    }

    /// Users of a share now.
    pub(super) fn users_of_share(&self, share: &str) -> u32 {
        self.activity().share_users(share)
    }

    fn activity(&self) -> ServerActivity<'_> {
        ServerActivity::new(&self.core, self.clock.now())
    }

    fn ending(&self, choose: impl FnOnce(&ServerActivity<'_>) -> usize) -> usize {
        let activity = self.activity();
        let count = choose(&activity);
        let mut operations = VecDeque::new();
        activity.finish(&mut operations);
        // No connection waits for them: the scavenger runs them.
        self.core.disconnected.run(operations);
        count
    }
}

fn session_row(report: SessionReport) -> SessionRow {
    SessionRow {
        session_id: report.id.0,
        client_computer_name: report.client,
        client_user_name: full_name(&report.domain, &report.user),
        client_user_sid: report.sid.to_string(),
        num_opens: report.opens as u64,
        seconds_exists: report.age_100ns / TICKS_PER_SECOND,
        seconds_idle: report.idle_100ns / TICKS_PER_SECOND,
        dialect: report.dialect.to_string(),
        encrypted: report.encrypted,
        signed: report.signed,
        num_channels: report.channels as u64,
    }
}

fn open_file_row(report: OpenFileReport, folders: &HashMap<VolumeId, PathBuf>) -> OpenFileRow {
    let (path, share_relative_path) = match report.place {
        OpenPlace::Pipe(name) => (format!("\\PIPE\\{name}"), name),
        OpenPlace::File { volume, share_path, path, stream } => {
            let stream = stream.map_or(String::new(), |stream| format!(":{stream}"));
            let text = text_of(&path);
            let on_disk = match folders.get(&volume) {
                Some(folder) if text.is_empty() => folder.display().to_string(),
                Some(folder) => folder.join(&text).display().to_string(),
                // A snapshot's.
                None => text,
            };
            (on_disk + &stream, below(&share_path, &path).replace('/', "\\") + &stream)
        }
    };
    OpenFileRow {
        file_id: report.id,
        session_id: report.session.0,
        path,
        share_relative_path,
        share_name: report.share,
        client_computer_name: report.client,
        client_user_name: full_name(&report.domain, &report.user),
        permissions: report.granted.0,
        locks: u32::try_from(report.locks).unwrap_or(u32::MAX),
        continuously_available: report.persistent,
        encrypted: report.encrypted,
        signed: report.signed,
    }
}

fn full_name(domain: &str, user: &str) -> String {
    if domain.is_empty() || user.is_empty() { user.to_owned() } else { format!("{domain}\\{user}") }
}

fn text_of(path: &VfsPath) -> String {
    path.as_wtf8().to_string()
}

/// The part of `path` below `folder`.
fn below(folder: &VfsPath, path: &VfsPath) -> String {
    let (folder, path) = (text_of(folder), text_of(path));
    if folder.is_empty() {
        return path;
    }
    match path.get(..folder.len()) {
        // The share's folder may be spelled in another case than the disk has.
        Some(start) if start.to_lowercase() == folder.to_lowercase() => {
            path[folder.len()..].trim_start_matches('/').to_owned()
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_the_share_lose_its_folder() {
        let path = |text: &str| VfsPath::new(text.into()).unwrap();
        for (folder, file, expected) in [
            ("", "a/b", "a/b"),
            ("a", "a/b", "b"),
            ("A", "a/b", "b"),
            ("a", "a", ""),
            ("Ä/b", "Ä/b/c.txt", "c.txt"),
            ("other", "a/b", "a/b"),
        ] {
            assert_eq!(below(&path(folder), &path(file)), expected, "{folder} {file}");
        }
    }

    #[test]
    fn users_without_a_domain_are_shown_bare() {
        assert_eq!(full_name("CORP", "alice"), "CORP\\alice");
        assert_eq!(full_name("", "alice"), "alice");
        assert_eq!(full_name("CORP", ""), "");
    }
}
