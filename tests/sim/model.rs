//! What must be true of a server seen from outside: opens that share modes forbid together, caches and locks that exclude
//! each other, data that reads must give.
//!
//! The model knows only what is certain: an open counts from the reply to its CREATE until its client asks for its end.

use std::collections::{HashMap, HashSet};

use freehold::smb2::{FileId, LeaseKey};

use crate::world::ClientId;

/// A stream of a file: the volume's file id, and the stream's name in upper case.
pub type StreamKey = (u64, String);

pub const READ: u32 = 0x1;
pub const WRITE: u32 = 0x2;
pub const APPEND: u32 = 0x4;
pub const EXECUTE: u32 = 0x20;
pub const DELETE: u32 = 0x1_0000;

pub const CACHE_HANDLE: u32 = 2;
pub const CACHE_WRITE: u32 = 4;

/// An open that is certainly there.
#[derive(Clone, Debug)]
pub struct Handle {
    pub client: ClientId,
    pub tree: u32,
    pub id: FileId,
    pub stream: StreamKey,
    pub access: u32,
    /// ShareAccess: 1 read, 2 write, 4 delete.
    pub share: u32,
    pub lease: Option<LeaseKey>,
    pub is_directory: bool,
    /// The private file that it is of.
    pub private: Option<String>,
}

/// What share modes look at.
fn shared_part(access: u32) -> u32 {
    let mut part = 0;
    part |= if access & (READ | EXECUTE) != 0 { 1 } else { 0 };
    part |= if access & (WRITE | APPEND) != 0 { 2 } else { 0 };
    part | if access & DELETE != 0 { 4 } else { 0 }
}

/// Who caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cacher {
    Oplock(ClientId, FileId),
    Lease(ClientId, LeaseKey),
}

impl Cacher {
    fn client(self) -> ClientId {
        match self {
            Cacher::Oplock(client, _) | Cacher::Lease(client, _) => client,
        }
    }
}

#[derive(Clone, Debug)]
struct Cache {
    stream: StreamKey,
    /// LeaseState.
    state: u32,
    /// A break is under way: what is held is not certain.
    breaking: bool,
    /// Notifications of breaks that are to be acknowledged.
    told: u32,
}

#[derive(Clone, Debug)]
struct Lock {
    client: ClientId,
    id: FileId,
    stream: StreamKey,
    first: u64,
    last: u64,
    exclusive: bool,
}

/// A file that one client alone writes.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub bytes: Vec<u8>,
    /// The last change of it may or may not have been done.
    pub unknown: bool,
    /// The file is certainly there.
    pub there: bool,
    /// A change is under way.
    pub changing: bool,
    /// Counts changes that were sent.
    pub epoch: u64,
}

#[derive(Default)]
pub struct Model {
    handles: Vec<Handle>,
    caches: HashMap<Cacher, Cache>,
    /// Caches of which a break came before the reply that granted them.
    broken_early: HashSet<Cacher>,
    locks: Vec<Lock>,
    /// Opens whose close was answered, as those who cache by an oplock.
    closed: HashSet<Cacher>,
    pub contents: HashMap<String, Content>,
}

impl Model {
    /// Opens of a client.
    pub fn handles(&self, client: ClientId) -> Vec<&Handle> {
        self.handles.iter().filter(|handle| handle.client == client).collect()
    }

    /// A CREATE succeeded; `cached` is the state of its oplock or lease, and whether a break of it is under way.
    pub fn opened(&mut self, new: Handle, cached: u32, breaking: bool) {
        for other in self.handles.iter().filter(|other| other.stream == new.stream) {
            let (mine, theirs) = (shared_part(new.access), shared_part(other.access));
            let fits = mine == 0 || theirs == 0 || (mine & !other.share == 0 && theirs & !new.share == 0);
            assert!(fits, "share modes are violated:\n{new:?}\n{other:?}");
        }
        let cacher = match new.lease {
            Some(key) => Cacher::Lease(new.client, key),
            None => Cacher::Oplock(new.client, new.id),
        };
        if cached != 0 || self.caches.contains_key(&cacher) {
            let breaking = breaking || self.broken_early.contains(&cacher);
            let told = self.times_told(cacher);
            self.caches.insert(cacher, Cache { stream: new.stream.clone(), state: cached, breaking, told });
        }
        let twice = self.handles.iter().any(|other| other.id == new.id);
        assert!(!twice, "a FileId is given twice: {new:?}");
        self.handles.push(new);
    }

    /// The client has asked for the end of an open.
    pub fn closing(&mut self, client: ClientId, id: FileId) {
        self.retain_handles(|handle| handle.client != client || handle.id != id);
    }

    /// The end of an open was answered.
    pub fn closed(&mut self, client: ClientId, id: FileId) {
        self.closed.insert(Cacher::Oplock(client, id));
    }

    /// Nobody is told of a break of what it has been told is closed.
    pub fn check_break(&self, cacher: Cacher) {
        assert!(!self.closed.contains(&cacher), "a break of {cacher:?} after its close was answered");
    }

    /// The client has asked for the end of all that it has on a tree.
    pub fn tree_closing(&mut self, client: ClientId, tree: u32) {
        self.retain_handles(|handle| handle.client != client || handle.tree != tree);
    }

    /// The client is gone.
    pub fn gone(&mut self, client: ClientId) {
        self.retain_handles(|handle| handle.client != client);
    }

    fn retain_handles(&mut self, keep: impl Fn(&Handle) -> bool) {
        self.handles.retain(keep);
        let handles = &self.handles;
        let there = |client: ClientId, id: FileId| {
            handles.iter().any(|handle| handle.client == client && handle.id == id)
        };
        self.locks.retain(|lock| there(lock.client, lock.id));
        self.caches.retain(|cacher, _| match *cacher {
            Cacher::Oplock(client, id) => there(client, id),
            Cacher::Lease(client, key) => {
                handles.iter().any(|handle| handle.client == client && handle.lease == Some(key))
            }
        });
    }

    /// A break notification came.
    pub fn breaks(&mut self, cacher: Cacher, to: u32, acknowledge: bool) {
        match self.caches.get_mut(&cacher) {
            Some(cache) if acknowledge => {
                cache.breaking = true;
                cache.told += 1;
            }
            Some(cache) => cache.state = to,
            None => {
                self.broken_early.insert(cacher);
            }
        }
    }

    /// True when an oplock that nobody breaks is of level II, or not known.
    pub fn holds_level_ii(&self, cacher: Cacher) -> bool {
        self.caches.get(&cacher).is_none_or(|cache| cache.state == 1 && !cache.breaking)
    }

    /// How many breaks a client was told of that it has to acknowledge.
    pub fn times_told(&self, cacher: Cacher) -> u32 {
        self.caches.get(&cacher).map_or(0, |cache| cache.told)
    }

    /// An acknowledgement was answered, which was sent when the client had been told of `told` breaks: `state` is what is kept,
    /// `None` when nothing is certain. The notification of the next step of a break comes before the answer to the last.
    pub fn acknowledged(&mut self, cacher: Cacher, state: Option<u32>, told: u32) {
        match (self.caches.get_mut(&cacher), state) {
            (Some(cache), Some(state)) => {
                cache.state = state;
                cache.breaking = cache.told != told;
            }
            (Some(_), None) => {
                self.caches.remove(&cacher);
            }
            (None, _) => {}
        }
    }

    /// No two caches exclude each other: who may write from a cache is alone. What a client still has that looks into its
    /// mail late is not certain.
    pub fn check_caches(&self, late: &HashSet<ClientId>) {
        let certain: Vec<_> = self
            .caches
            .iter()
            .filter(|(cacher, cache)| !cache.breaking && !self.broken_early.contains(cacher))
            .filter(|(cacher, _)| !late.contains(&cacher.client()))
            .collect();
        for (cacher, cache) in &certain {
            if cache.state & CACHE_WRITE == 0 {
                continue;
            }
            for (other, theirs) in &certain {
                assert!(
                    other == cacher || theirs.stream != cache.stream || theirs.state == 0,
                    "caches exclude each other: {cacher:?} {cache:?} and {other:?} {theirs:?}"
                );
            }
        }
    }

    /// A lock was granted.
    pub fn locked(&mut self, client: ClientId, id: FileId, offset: u64, length_bytes: u64, exclusive: bool) {
        let Some(handle) = self.handles.iter().find(|handle| handle.client == client && handle.id == id)
        else {
            return;
        };
        let stream = handle.stream.clone();
        let last = offset + (length_bytes - 1);
        for lock in &self.locks {
            let apart = lock.stream != stream || lock.last < offset || last < lock.first;
            let own = lock.client == client && lock.id == id;
            assert!(
                apart || own || !(lock.exclusive || exclusive),
                "locks exclude each other: {lock:?} and {offset}..={last} of {client} {id:?}"
            );
        }
        self.locks.push(Lock { client, id, stream, first: offset, last, exclusive });
    }

    /// The client has asked for the end of a lock.
    pub fn unlocking(&mut self, client: ClientId, id: FileId, offset: u64, length_bytes: u64) {
        let last = offset + (length_bytes - 1);
        self.locks.retain(|lock| {
            lock.client != client || lock.id != id || lock.first != offset || lock.last != last
        });
    }

    /// A lock of the client, to be given up.
    pub fn a_lock(&self, client: ClientId, choice: u64) -> Option<(FileId, u64, u64)> {
        let own: Vec<_> = self.locks.iter().filter(|lock| lock.client == client).collect();
        let lock = own.get(usize::try_from(choice % (own.len() as u64).max(1)).unwrap())?;
        Some((lock.id, lock.first, lock.last - lock.first + 1))
    }

    /// A change of a private file begins.
    pub fn change_begins(&mut self, name: &str) {
        let content = self.contents.entry(name.to_owned()).or_default();
        assert!(!content.changing, "the test changes one thing at a time");
        content.changing = true;
        content.epoch += 1;
    }

    /// It is done, or may be done by half.
    pub fn change_ends(&mut self, name: &str, change: Option<impl FnOnce(&mut Vec<u8>)>) {
        let content = self.contents.entry(name.to_owned()).or_default();
        content.changing = false;
        match change {
            Some(change) => change(&mut content.bytes),
            None => content.unknown = true,
        }
    }

    /// The client of these files is gone: what it had under way may be done or not.
    pub fn abandon(&mut self, prefix: &str) {
        for (_, content) in self.contents.iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
            if content.changing {
                content.changing = false;
                content.unknown = true;
            }
        }
    }
}
