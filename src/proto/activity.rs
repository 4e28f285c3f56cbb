//! Who is connected and what is open, as administrators see it ([MS-SRVS] 3.1.1.2 to 3.1.1.7).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_acl::AccessMask;
use freehold_dtyp::FileTime;

use super::event::Now;
use super::op::Op;
use super::open::{Open, Target};
use super::server::Server;
use super::session::Session;
use super::teardown;
use crate::rpc::{Activity, ConnectionInfo, OpenFileInfo, SessionInfo, Statistics};
use crate::state::SharesSnapshot;

/// PERM_FILE_READ, PERM_FILE_WRITE and PERM_FILE_CREATE of [MS-SRVS] 2.2.4.7.
const PERM_FILE_READ: u32 = 1;
const PERM_FILE_WRITE: u32 = 2;
const PERM_FILE_CREATE: u32 = 4;
/// 100-nanosecond units in a second.
const TICKS_PER_SECOND: u64 = 10_000_000;

/// The server's sessions, tree connects and opens.
pub struct ServerActivity<'a> {
    /// Whose.
    pub server: &'a Server,
    /// The present.
    pub now: Now,
    /// What a call wants ended.
    ending: RefCell<Vec<Ending>>,
}

/// Something that an administrator ends. It is done when the call is over: the call's own pipe may be among it.
enum Ending {
    Open(Arc<Session>, Arc<Open>),
    Session(Arc<Session>),
}

impl<'a> ServerActivity<'a> {
    /// Of that server at that time.
    #[must_use]
    pub const fn new(server: &'a Server, now: Now) -> Self {
        ServerActivity { server, now, ending: RefCell::new(Vec::new()) }
    }

    /// Ends what the calls wanted ended, with `ops`. Call it when no pipe is locked.
    pub fn finish(self, ops: &mut VecDeque<Op>) {
        for ending in self.ending.into_inner() {
            match ending {
                Ending::Open(session, open) => {
                    if let Some(open) = session.remove_open(open.file_id) {
                        tracing::info!(session_id = session.id.0, "an administrator closed an open file");
                        teardown::close_open(self.server, &open, ops, self.now);
                    }
                }
                Ending::Session(session) => {
                    tracing::info!(session_id = session.id.0, "an administrator ended a session");
                    self.server.throw_out(&session, ops, self.now);
                }
            }
        }
    }

    fn live_sessions(&self) -> Vec<Arc<Session>> {
        let mut sessions = self.server.sessions.values();
        sessions.retain(|session| !session.closed.load(Ordering::Acquire));
        sessions.sort_by_key(|session| (session.created.0, session.id));
        sessions
    }

    fn session_info(&self, session: &Session) -> SessionInfo {
        let identity = session.identity.load();
        SessionInfo {
            client: session.client.clone(),
            user: identity.user.clone(),
            opens: u32::try_from(session.open_count()).unwrap_or(u32::MAX),
            age_seconds: self.age_seconds(session.created),
            idle_seconds: 0,
            guest: identity.is_guest,
        }
    }

    fn age_seconds(&self, since: FileTime) -> u32 {
        let ticks = self.now.wall.0.saturating_sub(since.0);
        u32::try_from(ticks.checked_div(TICKS_PER_SECOND).unwrap_or(0)).unwrap_or(u32::MAX)
    }
}

impl Activity for ServerActivity<'_> {
    fn sessions(&self) -> Vec<SessionInfo> {
        self.live_sessions().iter().map(|session| self.session_info(session)).collect()
    }

    fn open_files(&self) -> Vec<OpenFileInfo> {
        let mut files = Vec::new();
        let shares = self.server.share_settings.load();
        for session in self.live_sessions() {
            let user = session.identity.load().user.clone();
            files.extend(session.opens().iter().map(|open| open_file(&shares, open, &user)));
        }
        files.sort_by_key(|file| file.id);
        files
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        let mut connections = Vec::new();
        for session in self.live_sessions() {
            let user = session.identity.load().user.clone();
            let opens = session.opens();
            for tree in session.trees() {
                let of_tree = opens.iter().filter(|open| open.tree_id() == tree.id).count();
                connections.push(ConnectionInfo {
                    id: tree.id.0,
                    share: tree.share.name.clone(),
                    client: session.client.clone(),
                    user: user.clone(),
                    opens: u32::try_from(of_tree).unwrap_or(u32::MAX),
                    age_seconds: self.age_seconds(session.created),
                });
            }
        }
        connections
    }

    fn share_users(&self, share: &str) -> u32 {
        self.server.shares.load().find(share).map_or(0, |share| share.uses.load(Ordering::Relaxed))
    }

    fn close_file(&self, id: u32) -> bool {
        let found = self.live_sessions().into_iter().find_map(|session| {
            let open = session.opens().into_iter().find(|open| open_number(open) == id)?;
            Some((session, open))
        });
        let Some((session, open)) = found else { return false };
        self.ending.borrow_mut().push(Ending::Open(session, open));
        true
    }

    fn end_sessions(&self, matching: &dyn Fn(&SessionInfo) -> bool) -> usize {
        let mut sessions = self.live_sessions();
        sessions.retain(|session| matching(&self.session_info(session)));
        let count = sessions.len();
        self.ending.borrow_mut().extend(sessions.into_iter().map(Ending::Session));
        count
    }

    fn statistics(&self) -> Statistics {
        let counted = self.server.logons();
        Statistics {
            started: self.server.config.started,
            opens: self.server.opens_made(),
            sessions: counted.succeeded,
            refused_logons: counted.refused,
        }
    }
}

/// What [MS-SRVS] names an open by.
fn open_number(open: &Open) -> u32 {
    // INVARIANT: volatile ids count up from 1; the low half names an open for as long as 2^32 others are made.
    let [a, b, c, d, ..] = open.file_id.volatile.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn open_file(shares: &SharesSnapshot, open: &Open, user: &str) -> OpenFileInfo {
    let mut permissions = 0;
    for (access, permission) in [
        (AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE, PERM_FILE_READ),
        (AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA, PERM_FILE_WRITE),
        (AccessMask::DELETE, PERM_FILE_CREATE),
    ] {
        if open.granted.intersects(access) {
            permissions |= permission;
        }
    }
    let (path, locks) = match &open.target {
        Target::File(file) => {
            let mut node = file.node.lock();
            let locks = node.locks(file.stream_id).map_or(0, |locks| locks.held_by(open.id()));
            drop(node);
            (windows_path(shares, open, &file.file.0.path()), u32::try_from(locks).unwrap_or(u32::MAX))
        }
        Target::QuotaIndex(index) => {
            let folder = windows_path(shares, open, &index.root.0.path());
            (format!("{}\\$Extend\\$Quota", folder.trim_end_matches('\\')), 0)
        }
        // A pipe in the middle of a call is locked; this very call comes through one.
        Target::Pipe(pipe) => (format!("\\PIPE\\{}", pipe.try_lock().map_or("", |pipe| pipe.name())), 0),
    };
    OpenFileInfo { id: open_number(open), permissions, locks, path, user: user.to_owned() }
}

/// `C:\volume\folder\file`, as [MS-SRVS] shows local paths.
fn windows_path(shares: &SharesSnapshot, open: &Open, path: &crate::vfs::VfsPath) -> String {
    let share = shares.share(&open.tree.share.name);
    let volume = share.map_or("", |share| share.settings.volume.as_str());
    format!("C:\\{volume}\\{}", String::from_utf8_lossy(path.as_wtf8().as_bytes()).replace('/', "\\"))
}
