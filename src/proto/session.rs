//! Session and its channels ([MS-SMB2] 3.3.1.8 and 3.3.1.14).
//!
//! Life: `InProgress` (a logon is being stepped; lives in the connection that started it) --logon--> `Valid`
//! --expiry--> `Expired` --re-authentication--> `Valid`; `Closed` ends it. Sessions are reachable by all connections, so
//! what changes is behind a lock of the session's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use freehold_acl::Token;
use freehold_dtyp::FileTime;
use parking_lot::Mutex;

use super::event::ConnectionId;
use super::link::Negotiated;
use super::open::Open;
use super::sharded::IdMap;
use super::tree_connect::TreeConnect;
use crate::crypto::{OpenKey, SealKey, SigningKey};
use crate::smb2::{FileId, SessionId, TreeId};

/// Who is logged on.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Account name as stored.
    pub user: String,
    /// Its domain or this server's name.
    pub domain: String,
    /// What access checks see.
    pub token: Arc<Token>,
    /// Logged on without an account.
    pub is_anonymous: bool,
    /// Logged on as guest.
    pub is_guest: bool,
}

/// Keys that seal and open the messages of a session ([MS-SMB2] EncryptionKey and DecryptionKey).
pub struct SealingKeys {
    /// For what this server sends.
    pub seal: SealKey,
    /// For what the client sends.
    pub open: OpenKey,
}

/// A session whose logon succeeded.
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What was negotiated on the connection it was made on: further channels must agree.
    pub negotiated: Negotiated,
    /// Signs where no channel has a key of its own ([MS-SMB2] Session.SigningKey); `None` for guests. An anonymous session has the
    /// key that everybody knows, for clients that sign all the same.
    pub signing: Option<Arc<SigningKey>>,
    /// Who is logged on; replaced by re-authentication.
    pub identity: ArcSwap<Identity>,
    /// Every message must be signed or sealed ([MS-SMB2] SigningRequired).
    pub signing_required: bool,
    /// Every message must be sealed ([MS-SMB2] EncryptData).
    pub encrypt_data: bool,
    /// Present in SMB 3.x. Those of an anonymous session are for what a client seals of its own accord: see [`Session::seals`].
    pub sealing: Option<SealingKeys>,
    /// The keys are those of an anonymous logon, which everybody knows. A later logon of somebody changes nothing of them.
    pub key_is_public: bool,
    /// ApplicationKey, for who asks (RPC).
    pub application_key: [u8; 16],
    /// When it was made.
    pub created: FileTime,
    /// Address of the client that made it.
    pub client: String,
    /// When the logon's validity ends ([MS-SMB2] ExpirationTime), as a FILETIME; never for [`NEVER`].
    expires: AtomicU64,
    /// When its last request came, to the second, as a FILETIME.
    last_request: AtomicU64,
    /// Ended; requests that raced see USER_SESSION_DELETED.
    pub closed: AtomicBool,
    trees: Mutex<IdMap<u32, Arc<TreeConnect>>>,
    opens: Mutex<IdMap<u64, Arc<Open>>>,
    next_tree: AtomicU32,
    connections: Mutex<Vec<ConnectionId>>,
    /// Connections that are gone, with requests under way that outlive them.
    lingering: Mutex<Vec<ConnectionId>>,
}

/// The parts of a session that its logon determines.
pub struct NewSession {
    /// See [`Session::id`].
    pub id: SessionId,
    /// The connection it is made on.
    pub connection: ConnectionId,
    /// See [`Session::negotiated`].
    pub negotiated: Negotiated,
    /// See [`Session::identity`].
    pub identity: Identity,
    /// See [`Session::signing`].
    pub signing: Option<Arc<SigningKey>>,
    /// See [`Session::signing_required`].
    pub signing_required: bool,
    /// See [`Session::encrypt_data`].
    pub encrypt_data: bool,
    /// See [`Session::sealing`].
    pub sealing: Option<SealingKeys>,
    /// See [`Session::key_is_public`].
    pub key_is_public: bool,
    /// See [`Session::application_key`].
    pub application_key: [u8; 16],
    /// See [`Session::created`].
    pub created: FileTime,
    /// See [`Session::client`].
    pub client: String,
    /// When the logon's validity ends; `None` for never.
    pub expires: Option<FileTime>,
}

/// [`Session::expires`] of a logon without an end.
const NEVER: u64 = u64::MAX;
/// 100-nanosecond units in a second.
const TICKS_PER_SECOND: u64 = 10_000_000;

impl Session {
    /// True where the server may ask for sealed messages, and seals what it sends: not for what everybody has the keys of.
    #[must_use]
    pub fn seals(&self) -> bool {
        self.sealing.is_some() && !self.key_is_public
    }

    /// A session without trees and opens.
    #[must_use]
    pub fn new(new: NewSession) -> Self {
        Session {
            id: new.id,
            negotiated: new.negotiated,
            identity: ArcSwap::from_pointee(new.identity),
            signing: new.signing,
            signing_required: new.signing_required,
            encrypt_data: new.encrypt_data,
            sealing: new.sealing,
            key_is_public: new.key_is_public,
            application_key: new.application_key,
            created: new.created,
            client: new.client,
            last_request: AtomicU64::new(new.created.0),
            expires: AtomicU64::new(new.expires.map_or(NEVER, |time| time.0)),
            closed: AtomicBool::new(false),
            trees: Mutex::new(IdMap::default()),
            opens: Mutex::new(IdMap::default()),
            next_tree: AtomicU32::new(1),
            connections: Mutex::new(vec![new.connection]),
            lingering: Mutex::new(Vec::new()),
        }
    }

    /// True when the logon's validity has ended: NETWORK_SESSION_EXPIRED until it is renewed.
    #[inline]
    #[must_use]
    pub fn is_expired(&self, now: FileTime) -> bool {
        self.expires.load(Ordering::Relaxed) <= now.0
    }

    /// A request came. Written once in a second, so that its channels share the line for reading.
    #[inline]
    pub fn touch(&self, now: FileTime) {
        if now.0.saturating_sub(self.last_request.load(Ordering::Relaxed)) >= TICKS_PER_SECOND {
            self.last_request.store(now.0, Ordering::Relaxed);
        }
    }

    /// When its last request came, to the second.
    #[must_use]
    pub fn last_request(&self) -> FileTime {
        FileTime(self.last_request.load(Ordering::Relaxed))
    }

    /// Re-authentication gave it another end.
    pub fn renew(&self, expires: Option<FileTime>) {
        self.expires.store(expires.map_or(NEVER, |time| time.0), Ordering::Relaxed);
    }

    /// The connections it has channels on; empty once it has ended. The first is the oldest.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.connections.lock().clone()
    }

    /// Adds a channel.
    pub fn join(&self, connection: ConnectionId) {
        self.connections.lock().push(connection);
    }

    /// Removes a channel; true when it was the last. One that `lingers` has requests of the session under way still.
    pub fn leave(&self, connection: ConnectionId, lingers: bool) -> bool {
        let mut connections = self.connections.lock();
        connections.retain(|each| *each != connection);
        if lingers && !connections.is_empty() {
            let mut lingering = self.lingering.lock();
            if !lingering.contains(&connection) {
                lingering.push(connection);
            }
        }
        connections.is_empty()
    }

    /// The connections that must hear of its end: its channels, and those that have requests of it under way still.
    #[must_use]
    pub fn all_connections(&self) -> Vec<ConnectionId> {
        let mut all = self.connections();
        all.extend(self.lingering.lock().iter());
        all
    }

    /// The token of the present identity.
    #[must_use]
    pub fn token(&self) -> Arc<Token> {
        self.identity.load().token.clone()
    }

    /// A tree id that is not in use.
    pub fn next_tree_id(&self) -> TreeId {
        loop {
            let id = self.next_tree.fetch_add(1, Ordering::Relaxed);
            if id != 0 && id != u32::MAX && !self.trees.lock().contains_key(&id) {
                return TreeId(id);
            }
        }
    }

    /// Number of tree connects.
    pub fn tree_count(&self) -> usize {
        self.trees.lock().len()
    }

    /// Adds a tree connect.
    pub fn add_tree(&self, tree: Arc<TreeConnect>) {
        self.trees.lock().insert(tree.id.0, tree);
    }

    /// The tree connect of that id.
    #[inline]
    pub fn tree(&self, id: TreeId) -> Option<Arc<TreeConnect>> {
        self.trees.lock().get(&id.0).cloned()
    }

    /// Takes a tree connect out.
    pub fn remove_tree(&self, id: TreeId) -> Option<Arc<TreeConnect>> {
        self.trees.lock().remove(&id.0).inspect(|tree| tree.end())
    }

    /// All tree connects, in the order they were made, for lists.
    pub fn trees(&self) -> Vec<Arc<TreeConnect>> {
        let mut trees: Vec<_> = self.trees.lock().values().cloned().collect();
        trees.sort_by_key(|tree| tree.id);
        trees
    }

    /// Takes out the tree connects to a share.
    pub fn take_trees_of(&self, share: &str) -> Vec<Arc<TreeConnect>> {
        let mut trees = self.trees.lock();
        let ids: Vec<u32> = trees
            .iter()
            .filter(|(_, tree)| tree.share.name.eq_ignore_ascii_case(share))
            .map(|(id, _)| *id)
            .collect();
        ids.iter().filter_map(|id| trees.remove(id)).inspect(|tree| tree.end()).collect()
    }

    /// Takes all tree connects out.
    pub fn take_trees(&self) -> Vec<Arc<TreeConnect>> {
        self.trees.lock().drain().map(|(_, tree)| tree).inspect(|tree| tree.end()).collect()
    }

    /// Number of opens.
    pub fn open_count(&self) -> usize {
        self.opens.lock().len()
    }

    /// Adds an open. Its volatile id is unique in the server.
    pub fn add_open(&self, open: Arc<Open>) {
        self.opens.lock().insert(open.file_id.volatile, open);
    }

    /// The open that a FileId names: both halves must match.
    #[inline]
    pub fn open(&self, id: FileId) -> Option<Arc<Open>> {
        self.opens.lock().get(&id.volatile).filter(|open| open.file_id.persistent == id.persistent).cloned()
    }

    /// Takes an open out; who gets it closes it.
    pub fn remove_open(&self, id: FileId) -> Option<Arc<Open>> {
        self.opens.lock().remove(&id.volatile)
    }

    /// Takes out all opens, or those of one tree connect, in the order they were made.
    pub fn take_opens(&self, tree: Option<TreeId>) -> Vec<Arc<Open>> {
        let mut opens = self.opens.lock();
        let ids: Vec<u64> = opens
            .iter()
            .filter(|(_, open)| tree.is_none_or(|tree| open.tree_id() == tree))
            .map(|(id, _)| *id)
            .collect();
        let mut taken: Vec<_> = ids.iter().filter_map(|id| opens.remove(id)).collect();
        taken.sort_by_key(|open| open.file_id.volatile);
        taken
    }

    /// All opens, for lists.
    pub fn opens(&self) -> Vec<Arc<Open>> {
        self.opens.lock().values().cloned().collect()
    }
}
