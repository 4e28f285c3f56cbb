//! GlobalClientTable of [MS-SMB2] 3.3.1.5 and 3.3.1.16: the dialect that each client speaks on its connections. Whoever
//! makes a client fall back to an older one on a further connection is found out when it logs on (3.3.5.5.3).

use std::collections::HashMap;

use freehold_dtyp::Guid;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::event::ConnectionId;
use crate::smb2::Dialect;

/// Number of locks; a power of two.
const SHARDS: usize = 16;

struct Client {
    dialect: Dialect,
    /// Its connections on which somebody has logged on.
    connections: SmallVec<[ConnectionId; 2]>,
}

/// The clients that have logged on. They choose their ids: the maps hash with a secret of their own.
#[derive(Default)]
pub struct ClientTable {
    shards: [Mutex<HashMap<Guid, Client>>; SHARDS],
}

impl ClientTable {
    fn shard(&self, client: &Guid) -> &Mutex<HashMap<Guid, Client>> {
        let mixed = client.0.iter().fold(0usize, |mixed, byte| mixed.rotate_left(3) ^ usize::from(*byte));
        #[allow(clippy::indexing_slicing)] // below SHARDS by the remainder
        &self.shards[mixed % SHARDS]
    }

    /// Notes that a client has logged on on a connection of this dialect; false when its other connections speak another.
    /// In 2.0.2 there are no ids of clients.
    // DIFFERS: an id of zeros is nobody's: clients that have none would keep each other out.
    #[must_use]
    pub fn join(&self, client: Guid, dialect: Dialect, connection: ConnectionId) -> bool {
        if dialect == Dialect::SMB_2_0_2 || client == Guid::ZERO {
            return true;
        }
        let mut shard = self.shard(&client).lock();
        let known = shard.entry(client).or_insert_with(|| Client { dialect, connections: SmallVec::new() });
        if known.dialect != dialect {
            return false;
        }
        if !known.connections.contains(&connection) {
            known.connections.push(connection);
        }
        true
    }

    /// Forgets a client's connection that is gone, and the client with the last one (3.3.7.1).
    pub fn leave(&self, client: &Guid, connection: ConnectionId) {
        let mut shard = self.shard(client).lock();
        if let Some(known) = shard.get_mut(client) {
            known.connections.retain(|other| *other != connection);
            if known.connections.is_empty() {
                shard.remove(client);
            }
        }
    }

    /// True when nobody is logged on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.lock().is_empty())
    }
}
