//! LeaseTable of [MS-SMB2] 3.3.1.11: which file each lease key of each client belongs to. The state of a lease is kept in the
//! file's node; a key here lives as long as an open carries it. Lock order: a node's state, then this table.
//!
//! A client chooses a key for a name. Through a share whose folder depends on who connects, one name is several files: the key
//! is then *mixed*, every file of it has a lease of no state, and none grows until the files of all but one are closed.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// Its name as the client sees it, where the share's folder depends on who connects.
    pub seen_as: Option<Arc<SeenAs>>,
}

/// A name in a share whose folder depends on who connects: one for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAs {
    /// The share, in upper case.
    pub share: String,
    /// The path below the share, in upper case.
    pub below: Wtf8Buf,
}

impl LeaseTarget {
    fn is_same(&self, other: &LeaseTarget) -> bool {
        self.node == other.node && self.stream == other.stream
    }

    /// Another file that the client sees under the same name.
    fn is_mixed_up_with(&self, other: &LeaseTarget) -> bool {
        self.seen_as.is_some() && self.seen_as == other.seen_as && self.stream == other.stream
    }
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is this file's.
    Own,
    /// The key is of several files with one name: nothing may be cached under it.
    Mixed,
    /// The key is another file's.
    Taken,
}

/// All leases. Clients choose the keys: the maps hash with a secret of their own.
#[derive(Debug, Default)]
pub struct LeaseTable {
    shards: [Mutex<HashMap<LeaseId, Vec<LeaseTarget>>>; SHARDS],
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

    fn shard(&self, id: &LeaseId) -> &Mutex<HashMap<LeaseId, Vec<LeaseTarget>>> {
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
            found.extend(own.flat_map(|(id, targets)| targets.iter().map(|target| (*id, target.clone()))));
        }
        found
    }

    /// There is such a lease.
    #[must_use]
    pub fn is_known(&self, id: &LeaseId) -> bool {
        self.shard(id).lock().contains_key(id)
    }

    /// What the lease is of: nothing where there is none, several files where its key is mixed.
    #[must_use]
    pub fn find(&self, id: &LeaseId) -> Vec<LeaseTarget> {
        self.shard(id).lock().get(id).cloned().unwrap_or_default()
    }

    /// A claim of the file would not be refused.
    #[must_use]
    pub fn may_claim(&self, id: &LeaseId, target: &LeaseTarget) -> bool {
        let shard = self.shard(id).lock();
        let Some(targets) = shard.get(id) else { return true };
        targets.iter().any(|taken| taken.is_same(target) || taken.is_mixed_up_with(target))
    }

    /// As [`LeaseTable::may_claim`], for a file that is not made yet.
    #[must_use]
    pub fn may_claim_new(&self, id: &LeaseId, stream: &Wtf8Buf, seen_as: Option<&Arc<SeenAs>>) -> bool {
        let shard = self.shard(id).lock();
        let Some(targets) = shard.get(id) else { return true };
        seen_as.is_some()
            && targets.iter().any(|taken| taken.seen_as.as_ref() == seen_as && taken.stream == *stream)
    }

    /// Takes the key for a file.
    pub fn claim(&self, id: LeaseId, target: LeaseTarget) -> Claim {
        let mut shard = self.shard(&id).lock();
        let targets = shard.entry(id).or_default();
        if !targets.iter().any(|taken| taken.is_same(&target)) {
            if !targets.is_empty() && !targets.iter().any(|taken| taken.is_mixed_up_with(&target)) {
                return Claim::Taken;
            }
            targets.push(target);
        }
        if targets.len() > 1 { Claim::Mixed } else { Claim::Own }
    }

    /// Forgets the lease of a file that went with its last open.
    pub fn release(&self, id: &LeaseId, node: NodeKey) {
        let mut shard = self.shard(id).lock();
        if let Some(targets) = shard.get_mut(id) {
            targets.retain(|target| target.node != node);
            if targets.is_empty() {
                shard.remove(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::op::VolumeId;
    use crate::vfs::NodeId;

    fn key(node: u64) -> NodeKey {
        NodeKey { volume: VolumeId(1), id: NodeId(node) }
    }

    fn target(node: u64, below: Option<&str>) -> LeaseTarget {
        let seen_as = below.map(|below| Arc::new(SeenAs { share: "HOME".to_owned(), below: below.into() }));
        LeaseTarget { node: key(node), stream: Wtf8Buf::new(), seen_as }
    }

    const ID: LeaseId = LeaseId { client: Guid([1; 16]), key: [7; 16] };

    #[test]
    fn a_key_is_of_one_file_at_a_time() {
        let table = LeaseTable::default();
        assert_eq!(table.claim(ID, target(1, None)), Claim::Own);
        assert_eq!(table.claim(ID, target(1, None)), Claim::Own);
        assert_eq!(table.claim(ID, target(2, None)), Claim::Taken);
        assert!(!table.may_claim(&ID, &target(2, None)));
        assert_eq!(table.find(&ID), [target(1, None)]);
        table.release(&ID, key(1));
        assert!(!table.is_known(&ID));
        assert_eq!(table.claim(ID, target(2, None)), Claim::Own);
    }

    #[test]
    fn a_key_of_one_name_and_two_files_is_mixed_until_one_is_left() {
        let table = LeaseTable::default();
        assert_eq!(table.claim(ID, target(1, Some("A"))), Claim::Own);
        assert_eq!(table.claim(ID, target(3, Some("B"))), Claim::Taken);
        let seen_as = target(0, Some("A")).seen_as;
        assert!(table.may_claim_new(&ID, &Wtf8Buf::new(), seen_as.as_ref()));
        assert!(!table.may_claim_new(&ID, &Wtf8Buf::new(), target(0, Some("B")).seen_as.as_ref()));
        assert!(!table.may_claim_new(&ID, &Wtf8Buf::new(), None));
        assert_eq!(table.claim(ID, target(2, Some("A"))), Claim::Mixed);
        assert_eq!(table.claim(ID, target(1, Some("A"))), Claim::Mixed);
        table.release(&ID, key(2));
        assert_eq!(table.claim(ID, target(1, Some("A"))), Claim::Own);
    }
}
