//! LeaseTable of [MS-SMB2] 3.3.1.11: which file each lease key of each client belongs to. The state of a lease is kept in the
//! file's node; a key here lives as long as an open carries it. Lock order: a node's state, then this table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use freehold_dtyp::{Guid, Wtf8Buf};
use parking_lot::Mutex;

use super::event::ConnectionId;
use super::node::NodeKey;
use crate::fsa::LeaseId;

/// Number of locks; a power of two.
const SHARDS: usize = 16;

/// What a lease is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseTarget {
    /// The file.
    pub node: NodeKey,
    /// Its stream in upper case; empty for the unnamed one.
    pub stream: Wtf8Buf,
}

/// All leases. Clients choose the keys: the maps hash with a secret of their own.
#[derive(Debug, Default)]
pub struct LeaseTable {
    shards: [Mutex<HashMap<LeaseId, LeaseTarget>>; SHARDS],
    /// The connections of each client that has leases, oldest first.
    clients: [Mutex<HashMap<Guid, Vec<ConnectionId>>>; SHARDS],
}

impl LeaseTable {
    fn client(&self, client: &Guid) -> &Mutex<HashMap<Guid, Vec<ConnectionId>>> {
        let mixed = client.0.iter().fold(0usize, |mixed, byte| mixed.rotate_left(3) ^ usize::from(*byte));
        #[allow(clippy::indexing_slicing)] // below SHARDS by the remainder
        &self.clients[mixed % SHARDS]
    }

    /// Notes that a client asks for leases on a connection: its breaks may go there ([MS-SMB2] 3.3.4.7). Connections that
    /// `is_connected` does not know any more are forgotten.
    pub fn join(&self, client: Guid, connection: ConnectionId, is_connected: impl Fn(ConnectionId) -> bool) {
        let mut shard = self.client(&client).lock();
        let connections = shard.entry(client).or_default();
        if !connections.contains(&connection) {
            connections.retain(|other| is_connected(*other));
            connections.push(connection);
        }
    }

    /// The client's connections, oldest first.
    #[must_use]
    pub fn connections(&self, client: &Guid) -> Vec<ConnectionId> {
        self.client(client).lock().get(client).cloned().unwrap_or_default()
    }

    /// Forgets a client's connection that is gone.
    pub fn leave(&self, client: &Guid, connection: ConnectionId) {
        let mut shard = self.client(client).lock();
        if let Some(connections) = shard.get_mut(client) {
            connections.retain(|other| *other != connection);
            if connections.is_empty() {
                shard.remove(client);
            }
        }
    }

    fn shard(&self, id: &LeaseId) -> &Mutex<HashMap<LeaseId, LeaseTarget>> {
        let mixed = id.key.iter().fold(0usize, |mixed, byte| mixed.rotate_left(3) ^ usize::from(*byte));
        #[allow(clippy::indexing_slicing)] // below SHARDS by the remainder
        &self.shards[mixed % SHARDS]
    }

    /// All leases of a client.
    #[must_use]
    pub fn of_client(&self, client: &Guid) -> Vec<(LeaseId, LeaseTarget)> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let own = shard.iter().filter(|(id, _)| id.client == *client);
            found.extend(own.map(|(id, target)| (*id, target.clone())));
        }
        found
    }

    /// What the lease is of, when there is such a lease.
    #[must_use]
    pub fn find(&self, id: &LeaseId) -> Option<LeaseTarget> {
        self.shard(id).lock().get(id).cloned()
    }

    /// Takes the key for a file; false when it is another file's.
    pub fn claim(&self, id: LeaseId, target: LeaseTarget) -> bool {
        match self.shard(&id).lock().entry(id) {
            Entry::Occupied(taken) => *taken.get() == target,
            Entry::Vacant(free) => {
                free.insert(target);
                true
            }
        }
    }

    /// Forgets a lease that went with its last open.
    pub fn release(&self, id: &LeaseId) {
        self.shard(id).lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::op::VolumeId;
    use crate::vfs::NodeId;
    use freehold_dtyp::Guid;

    #[test]
    fn a_key_is_of_one_file_at_a_time() {
        let table = LeaseTable::default();
        let id = LeaseId { client: Guid::default(), key: [7; 16] };
        let target = |node| LeaseTarget {
            node: NodeKey { volume: VolumeId(1), id: NodeId(node) },
            stream: Wtf8Buf::new(),
        };
        assert!(table.claim(id, target(1)));
        assert!(table.claim(id, target(1)));
        assert!(!table.claim(id, target(2)));
        assert_eq!(table.find(&id), Some(target(1)));
        table.release(&id);
        assert_eq!(table.find(&id), None);
        assert!(table.claim(id, target(2)));
    }
}
