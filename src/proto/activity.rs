//! Who is connected and what is open, as administrators see it ([MS-SRVS] 3.1.1.2 to 3.1.1.7): one view for the RPC
//! interfaces and for the administration service.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_acl::AccessMask;
use freehold_dtyp::{FileTime, Sid};

use super::durable::{self, Kept};
use super::event::Now;
use super::op::{Op, VolumeId};
use super::open::{Open, Target};
use super::server::Server;
use super::session::Session;
use super::teardown;
use crate::rpc::{Activity, ConnectionInfo, Ending as Rest, OpenFileInfo, SessionInfo, Statistics};
use crate::smb2::{Dialect, SessionId};
use crate::state::SharesSnapshot;
use crate::vfs::VfsPath;

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
    /// An open that waits for its client, by its volatile id.
    Disconnected(u64),
    Session(Arc<Session>),
}

/// A session as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// Its id.
    pub id: SessionId,
    /// Address of the client that made it.
    pub client: String,
    /// The user's name; empty for an anonymous one.
    pub user: String,
    /// The user's domain, or this server's name.
    pub domain: String,
    /// The user.
    pub sid: Sid,
    /// It is a guest's.
    pub is_guest: bool,
    /// Open files and pipes.
    pub opens: usize,
    /// Tenths of microseconds since it was made.
    pub age_100ns: u64,
    /// Tenths of microseconds since its last request, to the second.
    pub idle_100ns: u64,
    /// What was negotiated.
    pub dialect: Dialect,
    /// Every message must be sealed.
    pub encrypted: bool,
    /// Every message must be signed or sealed.
    pub signed: bool,
    /// Connections that it has channels on.
    pub channels: usize,
}

/// An open as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFileReport {
    /// FileId.Volatile.
    pub id: u64,
    /// The session; NONE for an open that waits for its client.
    pub session: SessionId,
    /// Address of the client; empty for an open that waits for it.
    pub client: String,
    /// The user's name; empty for an anonymous one.
    pub user: String,
    /// The user's domain, or this server's name; empty for an open that waits for its client.
    pub domain: String,
    /// The share it was opened through.
    pub share: String,
    /// What it leads to.
    pub place: OpenPlace,
    /// What it may do.
    pub granted: AccessMask,
    /// Byte-range locks.
    pub locks: usize,
    /// It survives a restart of the server.
    pub persistent: bool,
    /// Its messages must be sealed.
    pub encrypted: bool,
    /// Its messages must be signed or sealed.
    pub signed: bool,
}

/// What an open leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenPlace {
    /// A file of a volume.
    File {
        /// The volume, or the snapshot.
        volume: VolumeId,
        /// The share's folder in it.
        share_path: VfsPath,
        /// The file in it.
        path: VfsPath,
        /// A named stream of the file.
        stream: Option<String>,
    },
    /// A pipe; empty while it is in the middle of a call.
    Pipe(String),
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
                Ending::Disconnected(id) => {
                    tracing::info!("an administrator closed an open file that waited for its client");
                    durable::give_up_where(self.server, self.now, |open, _| open.file_id.volatile == id);
                }
                Ending::Session(session) => {
                    tracing::info!(session_id = session.id.0, "an administrator ended a session");
                    self.server.throw_out(&session, ops, self.now);
                }
            }
        }
    }

    /// All sessions, in the order in which they were made.
    #[must_use]
    pub fn session_reports(&self) -> Vec<SessionReport> {
        self.live_sessions().iter().map(|session| self.session_report(session)).collect()
    }

    /// All opens, in the order in which they were made, those that wait for their client included.
    #[must_use]
    pub fn open_reports(&self) -> Vec<OpenFileReport> {
        let mut reports = Vec::new();
        for session in self.live_sessions() {
            reports.extend(session.opens().iter().map(|open| report(open, Some(&session))));
        }
        reports.extend(self.server.disconnected.list().iter().map(|open| report(open, None)));
        reports.sort_by_key(|report| report.id);
        reports
    }

    /// Ends these sessions when the call is over; how many there were.
    pub fn end_sessions_called(&self, ids: &[SessionId]) -> usize {
        let mut sessions = self.live_sessions();
        sessions.retain(|session| ids.contains(&session.id));
        let count = sessions.len();
        self.ending.borrow_mut().extend(sessions.into_iter().map(Ending::Session));
        count
    }

    /// Closes the opens that `matching` accepts the FileId.Volatile of, when the call is over; how many there were.
    pub fn close_opens(&self, matching: impl Fn(u64) -> bool) -> usize {
        let mut found = Vec::new();
        for session in self.live_sessions() {
            let opens = session.opens();
            let opens = opens.into_iter().filter(|open| matching(open.file_id.volatile));
            found.extend(opens.map(|open| Ending::Open(Arc::clone(&session), open)));
        }
        let waiting = self.server.disconnected.list();
        let waiting = waiting.iter().map(|open| open.file_id.volatile).filter(|id| matching(*id));
        found.extend(waiting.map(Ending::Disconnected));
        let count = found.len();
        self.ending.borrow_mut().extend(found);
        count
    }

    fn live_sessions(&self) -> Vec<Arc<Session>> {
        let mut sessions = self.server.sessions.values();
        sessions.retain(|session| !session.closed.load(Ordering::Acquire));
        sessions.sort_by_key(|session| (session.created.0, session.id));
        sessions
    }

    fn session_report(&self, session: &Session) -> SessionReport {
        let identity = session.identity.load();
        SessionReport {
            id: session.id,
            client: session.client.clone(),
            user: identity.user.clone(),
            domain: identity.domain.clone(),
            sid: *identity.token.user(),
            is_guest: identity.is_guest,
            opens: session.open_count(),
            age_100ns: self.now.wall.0.saturating_sub(session.created.0),
            idle_100ns: self.now.wall.0.saturating_sub(session.last_request().0),
            dialect: session.negotiated.dialect,
            encrypted: session.encrypt_data,
            signed: session.signing_required || session.encrypt_data,
            channels: session.connections().len(),
        }
    }

    fn session_info(&self, session: &Session) -> SessionInfo {
        let report = self.session_report(session);
        SessionInfo {
            client: report.client,
            user: report.user,
            opens: u32::try_from(report.opens).unwrap_or(u32::MAX),
            age_seconds: seconds(report.age_100ns),
            idle_seconds: seconds(report.idle_100ns),
            guest: report.is_guest,
        }
    }

    fn age_seconds(&self, since: FileTime) -> u32 {
        seconds(self.now.wall.0.saturating_sub(since.0))
    }
}

fn seconds(ticks: u64) -> u32 {
    u32::try_from(ticks.checked_div(TICKS_PER_SECOND).unwrap_or(0)).unwrap_or(u32::MAX)
}

impl Activity for ServerActivity<'_> {
    fn sessions(&self) -> Vec<SessionInfo> {
        self.live_sessions().iter().map(|session| self.session_info(session)).collect()
    }

    fn open_files(&self) -> Vec<OpenFileInfo> {
        let shares = self.server.share_settings.load();
        self.open_reports().iter().map(|report| open_file(&shares, report)).collect()
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

    fn end(&self, rest: &Rest) {
        let sessions: Vec<SessionId> = rest.sessions.iter().copied().map(SessionId).collect();
        self.end_sessions_called(&sessions);
        self.close_opens(|id| rest.opens.contains(&id));
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
#[must_use]
pub fn open_number(volatile: u64) -> u32 {
    // INVARIANT: volatile ids count up from 1; the low half names an open for as long as 2^32 others are made.
    let [a, b, c, d, ..] = volatile.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// `session` is `None` for an open that waits for its client.
fn report(open: &Open, session: Option<&Session>) -> OpenFileReport {
    let mut user = String::new();
    let (mut persistent, mut locks) = (false, 0);
    let place = match (&open.target, open.tree.disk(), open.volume()) {
        (Target::File(file), Some((_, share_path)), Some(volume)) => {
            if let Some(known) = &file.state.lock().durability {
                persistent = known.kept == Kept::Persistent;
                user.clone_from(&known.user);
            }
            locks = file.node.lock().locks(file.stream_id).map_or(0, |locks| locks.held_by(open.id()));
            OpenPlace::File {
                volume: volume.id,
                share_path: share_path.clone(),
                path: file.file.0.path(),
                stream: file.stream.as_ref().map(ToString::to_string),
            }
        }
        (Target::QuotaIndex(index), Some((_, share_path)), Some(volume)) => {
            let root = index.root.0.path();
            OpenPlace::File {
                volume: volume.id,
                share_path: share_path.clone(),
                path: VfsPath::new("$Extend/$Quota".into()).map_or(root.clone(), |below| root.join(&below)),
                stream: None,
            }
        }
        // A pipe in the middle of a call is locked; this very call comes through one.
        (Target::Pipe(pipe), ..) => {
            OpenPlace::Pipe(pipe.try_lock().map_or(String::new(), |pipe| pipe.name().to_owned()))
        }
        // INVARIANT: a file has a volume.
        (Target::File(_) | Target::QuotaIndex(_), ..) => OpenPlace::Pipe(String::new()),
    };
    let identity = session.map(|session| session.identity.load());
    if let Some(identity) = &identity {
        user.clone_from(&identity.user);
    }
    let encrypted = open.tree.share.encrypt || session.is_some_and(|session| session.encrypt_data);
    OpenFileReport {
        id: open.file_id.volatile,
        session: session.map_or(SessionId::NONE, |session| session.id),
        client: session.map_or(String::new(), |session| session.client.clone()),
        user,
        domain: identity.map_or(String::new(), |identity| identity.domain.clone()),
        share: open.tree.share.name.clone(),
        place,
        granted: open.granted,
        locks,
        persistent,
        encrypted,
        signed: encrypted || session.is_some_and(|session| session.signing_required),
    }
}

fn open_file(shares: &SharesSnapshot, report: &OpenFileReport) -> OpenFileInfo {
    let mut permissions = 0;
    for (access, permission) in [
        (AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE, PERM_FILE_READ),
        (AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA, PERM_FILE_WRITE),
        (AccessMask::DELETE, PERM_FILE_CREATE),
    ] {
        if report.granted.intersects(access) {
            permissions |= permission;
        }
    }
    let path = match &report.place {
        OpenPlace::File { path, .. } => windows_path(shares, &report.share, path),
        OpenPlace::Pipe(name) => format!("\\PIPE\\{name}"),
    };
    OpenFileInfo {
        id: open_number(report.id),
        permissions,
        locks: u32::try_from(report.locks).unwrap_or(u32::MAX),
        path,
        user: report.user.clone(),
    }
}

/// `C:\volume\folder\file`, as [MS-SRVS] shows local paths.
fn windows_path(shares: &SharesSnapshot, share: &str, path: &VfsPath) -> String {
    let volume = shares.share(share).map_or("", |share| share.settings.volume.as_str());
    format!("C:\\{volume}\\{}", String::from_utf8_lossy(path.as_wtf8().as_bytes()).replace('/', "\\"))
}
