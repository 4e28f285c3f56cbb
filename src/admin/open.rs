//! What requests about sessions and open files do.

use super::open_protocol::{
    OpenFileFilter, OpenFileRequest, OpenFileRow, SessionFilter, SessionRequest, SessionRow,
};
use super::protocol::Reply;
use super::service::AdminService;
use crate::state::accounts::fold_name;

/// Nothing fits what is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NothingFits {
    /// No session.
    #[error("there is no such session: `freehold session list` shows those that there are")]
    Session,
    /// No open file.
    #[error("there is no such open file: `freehold openfile list` shows those that there are")]
    OpenFile,
}

impl AdminService {
    /// Executes a request about sessions.
    pub(super) fn sessions(&self, request: SessionRequest) -> anyhow::Result<Reply> {
        let server = self.running("the list of sessions")?;
        let (filter, what_if) = match request {
            SessionRequest::List { filter } => {
                let mut rows = server.sessions();
                rows.retain(|row| filter.fits(row));
                return Ok(Reply::Sessions(rows));
            }
            SessionRequest::Close { filter, what_if } => (filter, what_if),
        };
        if filter == SessionFilter::default() {
            anyhow::bail!("say which sessions: give SessionId, ClientComputerName or ClientUserName");
        }
        let mut rows = server.sessions();
        rows.retain(|row| filter.fits(row));
        if rows.is_empty() {
            return Err(NothingFits::Session.into());
        }
        if !what_if {
            let others = rows.iter().filter(|row| !self.is_spared(row.session_id));
            let ids: Vec<u64> = others.map(|row| row.session_id).collect();
            server.end_sessions(&ids);
        }
        Ok(Reply::Sessions(rows))
    }

    /// Executes a request about open files.
    pub(super) fn open_files(&self, request: OpenFileRequest) -> anyhow::Result<Reply> {
        let server = self.running("the list of open files")?;
        let (filter, what_if) = match request {
            OpenFileRequest::List { filter } => {
                let mut rows = server.open_files();
                rows.retain(|row| filter.fits(row));
                return Ok(Reply::OpenFiles(rows));
            }
            OpenFileRequest::Close { filter, what_if } => (filter, what_if),
        };
        if filter == OpenFileFilter::default() {
            anyhow::bail!(
                "say which files: give FileId, SessionId, ClientComputerName, ClientUserName, ShareName or Path"
            );
        }
        let mut rows = server.open_files();
        rows.retain(|row| filter.fits(row));
        if rows.is_empty() {
            return Err(NothingFits::OpenFile.into());
        }
        if !what_if {
            let others = rows.iter().filter(|row| !self.is_spared(row.session_id));
            let ids: Vec<u64> = others.map(|row| row.file_id).collect();
            server.close_opens(&ids);
        }
        Ok(Reply::OpenFiles(rows))
    }
}

impl SessionFilter {
    fn fits(&self, row: &SessionRow) -> bool {
        self.session_id.is_none_or(|id| id == row.session_id)
            && same_client(self.client_computer_name.as_ref(), &row.client_computer_name)
            && same_user(self.client_user_name.as_ref(), &row.client_user_name)
    }
}

impl OpenFileFilter {
    fn fits(&self, row: &OpenFileRow) -> bool {
        self.file_id.is_none_or(|id| id == row.file_id)
            && self.session_id.is_none_or(|id| id == row.session_id)
            && same_client(self.client_computer_name.as_ref(), &row.client_computer_name)
            && same_user(self.client_user_name.as_ref(), &row.client_user_name)
            && self.share_name.as_ref().is_none_or(|share| fold_name(share) == fold_name(&row.share_name))
            && self.path.as_ref().is_none_or(|path| {
                is_below(path, &row.path)
                    || is_below(path, &format!("{}/{}", row.share_name, row.share_relative_path))
            })
    }
}

/// Addresses may be written as `\\192.0.2.1`, as Windows' tools do.
fn same_client(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| fold_name(wanted.trim_start_matches('\\')) == fold_name(found))
}

/// A user without a domain is anybody of that name.
fn same_user(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| {
        let bare = found.rsplit('\\').next().unwrap_or(found);
        fold_name(wanted) == fold_name(if wanted.contains('\\') { found } else { bare })
    })
}

/// Is `path` the folder or file `wanted`, or below it? Either kind of slash separates, case does not count.
fn is_below(wanted: &str, path: &str) -> bool {
    let folded = |text: &str| fold_name(&text.replace('\\', "/"));
    let (wanted, path) = (folded(wanted), folded(path));
    let wanted = wanted.trim_end_matches('/');
    path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_fit_with_and_without_their_domain() {
        let fits = |wanted: &str, found| same_user(Some(&wanted.to_owned()), found);
        assert!(fits("ALICE", "CORP\\alice") && fits("corp\\alice", "CORP\\alice"));
        assert!(
            !fits("OTHER\\alice", "CORP\\alice")
                && !fits("bob", "CORP\\alice")
                && !fits("CORP", "CORP\\alice")
        );
        assert!(same_user(None, "anybody"));
    }

    #[test]
    fn a_path_fits_itself_and_what_is_below() {
        assert!(is_below("/srv/data", "/srv/data") && is_below("/srv/data/", "/srv/Data/x"));
        assert!(is_below("Files\\a", "files/a:stream") && !is_below("/srv/data", "/srv/database"));
    }

    #[test]
    fn clients_are_named_with_backslashes_too() {
        assert!(same_client(Some(&"\\\\192.0.2.1".to_owned()), "192.0.2.1"));
        assert!(!same_client(Some(&"192.0.2.1".to_owned()), "192.0.2.10"));
    }
}
