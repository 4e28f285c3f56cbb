//! The protocol state of one connection that commands may see and change ([MS-SMB2] 3.3.1.7 Connection).
//!
//! Life: `Fresh` --SMB1 multi-protocol NEGOTIATE--> `Fresh` (once) --NEGOTIATE--> `Negotiated`; it ends with the transport.

use std::sync::Arc;

use crate::crypto::{Cipher, PreauthHash, SigningAlgorithm, SigningKey};
use crate::metrics::Usage;
use crate::smb2::{Capabilities, Dialect, SecurityMode, SessionId};
use freehold_dtyp::Guid;

use super::commands::session_setup::Setup;
use super::event::ConnectionId;
use super::session::Session;
use super::sharded::IdMap;

/// What NEGOTIATE settled.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// The dialect.
    pub dialect: Dialect,
    /// ClientGuid.
    pub client_guid: Guid,
    /// What the client said it can.
    pub client_capabilities: Capabilities,
    /// SecurityMode of the client.
    pub client_security_mode: SecurityMode,
    /// Dialects the client offered, for VALIDATE_NEGOTIATE_INFO.
    pub client_dialects: Vec<Dialect>,
    /// What this server answered.
    pub server_capabilities: Capabilities,
    /// SecurityMode that this server answered.
    pub server_security_mode: SecurityMode,
    /// Cipher for SMB 3.x, when encryption is possible.
    pub cipher: Option<Cipher>,
    /// How messages are signed.
    pub signing: SigningAlgorithm,
    /// MaxReadSize in bytes.
    pub max_read_bytes: u32,
    /// MaxWriteSize in bytes.
    pub max_write_bytes: u32,
    /// MaxTransactSize in bytes.
    pub max_transact_bytes: u32,
    /// Operations may cost more than one credit.
    pub multi_credit: bool,
    /// The client spoke the SMB 3.1.1 POSIX extensions.
    pub posix: bool,
}

/// One session on this connection ([MS-SMB2] 3.3.1.14 Channel).
pub struct Channel {
    /// The session.
    pub session: Arc<Session>,
    /// Signs and verifies on this connection; `None` for guest sessions. Of an anonymous one everybody knows the key.
    pub signing: Option<Arc<SigningKey>>,
    /// Counts what the session does on this connection; `None` where it is no channel of it.
    pub usage: Option<Arc<Usage>>,
}

/// The connection.
pub struct Link {
    /// Its id in this server.
    pub id: ConnectionId,
    /// The peer's address without port: failed logons are counted by it.
    pub peer: String,
    /// The peer's port; 0 where it is not known.
    pub peer_port: u16,
    /// The address the client connected to.
    pub local: String,
    /// `None` before NEGOTIATE.
    pub negotiated: Option<Negotiated>,
    /// The hash over NEGOTIATE's request and reply ([MS-SMB2] PreauthIntegrityHashValue), for 3.1.1.
    pub preauth: PreauthHash,
    /// An SMB1 multi-protocol NEGOTIATE was answered.
    pub multi_protocol: bool,
    /// Sessions.
    pub channels: IdMap<u64, Arc<Channel>>,
    /// Logons and re-authentications under way.
    pub setups: IdMap<u64, Setup>,
    /// A logon has succeeded on it: larger frames and more credits are allowed.
    pub logged_on: bool,
    /// Nobody with a name has logged on to it ([MS-SMB2] Connection.ConstrainedConnection).
    pub constrained: bool,
}

impl Link {
    /// A connection that has not negotiated.
    #[must_use]
    pub fn new(id: ConnectionId, peer: String, local: String) -> Self {
        Link {
            id,
            peer,
            peer_port: 0,
            local,
            negotiated: None,
            preauth: PreauthHash::new(),
            multi_protocol: false,
            channels: IdMap::default(),
            setups: IdMap::default(),
            logged_on: false,
            constrained: true,
        }
    }

    /// The dialect; SMB 2.0.2 before it is negotiated.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.negotiated.as_ref().map_or(Dialect::SMB_2_0_2, |negotiated| negotiated.dialect)
    }

    /// Most bytes of one READ.
    #[must_use]
    pub fn max_read_bytes(&self) -> u32 {
        self.negotiated
            .as_ref()
            .map_or(super::limits::MAX_IO_BYTES_SMB_2_0_2, |settled| settled.max_read_bytes)
    }

    /// Most bytes of one WRITE.
    #[must_use]
    pub fn max_write_bytes(&self) -> u32 {
        self.negotiated
            .as_ref()
            .map_or(super::limits::MAX_IO_BYTES_SMB_2_0_2, |settled| settled.max_write_bytes)
    }

    /// Most bytes of one query, set, IOCTL or notification.
    #[must_use]
    pub fn max_transact_bytes(&self) -> u32 {
        self.negotiated
            .as_ref()
            .map_or(super::limits::MAX_IO_BYTES_SMB_2_0_2, |settled| settled.max_transact_bytes)
    }

    /// The session of that id on this connection.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.channels.get(&id.0).map(|channel| &channel.session)
    }
}
