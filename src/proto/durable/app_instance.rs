//! [MS-SMB2] 3.3.5.9.13: an application that moved to another machine gets its files there, and loses them here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

use freehold_dtyp::{Guid, NtStatus};
use parking_lot::Mutex;

use super::super::event::Now;
use super::super::open::Open;
use super::super::server::Server;
use super::super::teardown;
use super::{AppInstance, give_up};
use crate::smb2::create_context::AppInstanceVersion;

/// The opens that name an application instance. Clients choose the ids: the map hashes with a secret of its own.
#[derive(Default)]
pub struct AppInstances {
    opens: Mutex<HashMap<Guid, Vec<Weak<Open>>>>,
}

impl AppInstances {
    /// Notes an open.
    pub fn add(&self, id: Guid, open: &Arc<Open>) {
        self.opens.lock().entry(id).or_default().push(Arc::downgrade(open));
    }

    /// Forgets an open that is closed.
    pub fn forget(&self, id: Guid, open: &Open) {
        let mut opens = self.opens.lock();
        if let Some(list) = opens.get_mut(&id) {
            list.retain(|known| !std::ptr::eq(known.as_ptr(), open));
            if list.is_empty() {
                opens.remove(&id);
            }
        }
    }

    fn of(&self, id: Guid) -> Vec<Arc<Open>> {
        self.opens.lock().get(&id).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }
}

/// Closes what an application instance of another client has open of a file through the same share; `matches` says whether
/// an open is of that file and share, `may_read` whether the user who asks may read the file.
///
/// # Errors
/// FILE_FORCED_CLOSED when the instance that has the file is not older.
pub fn close_older(
    server: &Server,
    instance: &AppInstance,
    client: Guid,
    may_read: bool,
    now: Now,
    matches: impl Fn(&Open) -> bool,
) -> Result<(), NtStatus> {
    for open in server.app_instances.of(instance.id) {
        let Some(file) = open.as_file() else { continue };
        let known = {
            let state = file.state.lock();
            state.durability.as_ref().map(|known| (known.client_guid, known.app_instance))
        };
        let Some((owner, Some(theirs))) = known else { continue };
        if owner == client || !matches(&open) {
            continue;
        }
        // DIFFERS: 3.3.5.9.13 compares versions for 3.1.1 alone; Windows keeps a version's file from a request without one in
        // every dialect.
        if is_refused(theirs.version, instance.version) {
            return Err(NtStatus::FILE_FORCED_CLOSED);
        }
        if may_read {
            force_closed(server, &open, now);
        }
    }
    Ok(())
}

/// Is the version that asks not newer than the one that has the file?
fn is_refused(theirs: Option<AppInstanceVersion>, ours: Option<AppInstanceVersion>) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => (theirs.high, theirs.low) >= (ours.high, ours.low),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// 3.3.4.17, for an open that may be connected or not.
fn force_closed(server: &Server, open: &Arc<Open>, now: Now) {
    let session = server.sessions.find(&open.session().0);
    match session.and_then(|session| session.remove_open(open.file_id)) {
        Some(open) => {
            let mut operations = VecDeque::new();
            teardown::close_now(server, &open, &mut operations, now);
            server.disconnected.run(operations);
        }
        None => give_up(server, open, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_instance_takes_a_file_from_one_with_a_version() {
        let version = |high, low| Some(AppInstanceVersion { high, low });
        assert!(!is_refused(None, None));
        assert!(!is_refused(None, version(1, 0)));
        assert!(is_refused(version(1, 0), None));
        assert!(is_refused(version(2, 0), version(1, 9)));
        assert!(is_refused(version(1, 5), version(1, 5)));
        assert!(!is_refused(version(1, 5), version(1, 6)));
        assert!(!is_refused(version(1, 5), version(2, 0)));
    }
}
