//! CREATE requests that can be replayed, by ClientGuid and CreateGuid ([MS-SMB2] 3.3.5.9, 3.3.5.9.10).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use freehold_dtyp::Guid;
use parking_lot::Mutex;

use super::super::open::Open;

/// Number of locks; a power of two.
const SHARDS: usize = 16;

/// Names a CREATE: the client that sent it and its CreateGuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CreateKey {
    /// ClientGuid of the connection.
    pub client: Guid,
    /// CreateGuid.
    pub create: Guid,
}

#[derive(Clone)]
enum State {
    Pending,
    Done(Weak<Open>),
}

/// What became of a CREATE that comes again.
pub enum Replayable {
    /// Nothing is known of it, or its open has been used since.
    Unknown,
    /// It is still being worked on.
    Pending,
    /// It made this open, with which nothing else was done since.
    Done(Arc<Open>),
}

/// The requests. Clients choose the keys: the maps hash with a secret of their own.
#[derive(Default)]
pub struct ReplayTable {
    shards: [Mutex<HashMap<CreateKey, State>>; SHARDS],
    /// Persistent opens by their CreateGuid alone: they are found whatever connection asks.
    persistent: Mutex<HashMap<Guid, Weak<Open>>>,
    /// How many of them there are, to be seen without the lock.
    persistent_count: AtomicUsize,
}

impl ReplayTable {
    fn shard(&self, key: &CreateKey) -> &Mutex<HashMap<CreateKey, State>> {
        let mixed = key.create.0.iter().fold(0usize, |mixed, byte| mixed.rotate_left(3) ^ usize::from(*byte));
        #[allow(clippy::indexing_slicing)] // below SHARDS by the remainder
        &self.shards[mixed % SHARDS]
    }

    /// What is known of a request.
    #[must_use]
    pub fn find(&self, client: Guid, create: Guid) -> Replayable {
        let key = CreateKey { client, create };
        match self.shard(&key).lock().get(&key) {
            Some(State::Pending) => Replayable::Pending,
            Some(State::Done(open)) => match open.upgrade() {
                Some(open) if open.replay_eligible.load(Ordering::Relaxed) => Replayable::Done(open),
                Some(_) | None => Replayable::Unknown,
            },
            None => Replayable::Unknown,
        }
    }

    /// The persistent open of that CreateGuid.
    #[must_use]
    pub fn find_persistent(&self, create: Guid) -> Option<Arc<Open>> {
        if self.persistent_count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.persistent.lock().get(&create).and_then(Weak::upgrade)
    }

    /// All persistent opens.
    #[must_use]
    pub fn persistent(&self) -> Vec<Arc<Open>> {
        if self.persistent_count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        self.persistent.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Notes a request that is being worked on.
    #[must_use]
    pub fn begin(self: &Arc<Self>, client: Guid, create: Guid) -> PendingCreate {
        let key = CreateKey { client, create };
        self.shard(&key).lock().insert(key, State::Pending);
        PendingCreate { table: Arc::clone(self), key, done: false }
    }

    /// Notes a persistent open.
    pub fn add_persistent(&self, create: Guid, open: &Arc<Open>) {
        let mut persistent = self.persistent.lock();
        persistent.insert(create, Arc::downgrade(open));
        self.persistent_count.store(persistent.len(), Ordering::Relaxed);
    }

    /// Notes the open of a request that was carried out in a former life of the server.
    pub fn restore(&self, client: Guid, create: Guid, open: &Arc<Open>) {
        let key = CreateKey { client, create };
        self.shard(&key).lock().insert(key, State::Done(Arc::downgrade(open)));
        self.add_persistent(create, open);
    }

    /// Forgets an open that is closed. A later request of the same name keeps its place.
    pub fn forget(&self, client: Guid, create: Guid, open: &Open) {
        let key = CreateKey { client, create };
        if let Entry::Occupied(entry) = self.shard(&key).lock().entry(key)
            && matches!(entry.get(), State::Done(known) if std::ptr::eq(known.as_ptr(), open))
        {
            entry.remove();
        }
        if self.persistent_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut persistent = self.persistent.lock();
        if persistent.get(&create).is_some_and(|known| std::ptr::eq(known.as_ptr(), open)) {
            persistent.remove(&create);
        }
        self.persistent_count.store(persistent.len(), Ordering::Relaxed);
    }

    /// True when no request is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().is_empty()) && self.persistent.lock().is_empty()
    }
}

/// A request being worked on; forgotten when it is dropped without an open.
pub struct PendingCreate {
    table: Arc<ReplayTable>,
    key: CreateKey,
    done: bool,
}

impl PendingCreate {
    /// The request made this open.
    pub fn done(mut self, open: &Arc<Open>) {
        self.done = true;
        self.table.shard(&self.key).lock().insert(self.key, State::Done(Arc::downgrade(open)));
    }
}

impl Drop for PendingCreate {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Entry::Occupied(entry) = self.table.shard(&self.key).lock().entry(self.key)
            && matches!(entry.get(), State::Pending)
        {
            entry.remove();
        }
    }
}
