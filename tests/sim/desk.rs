//! A desk at which requests are made by hand, for what no client sends.

use freehold::client::Reply;
use freehold::proto::admit::Disconnect;
use freehold::proto::persistent::PersistentStore;
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{
    CreateContexts, DurableHandleV2Flags, DurableHandleV2Request, Lease, LeaseV2, RequestContext,
    ResponseContext,
};
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{
    Channel, Command, DecodeMessage, FileId, HeaderFlags, LeaseKey, LeaseState, MessageId, OplockLevel,
    Smb2Header, TreeId, Utf16Buf,
};
use freehold::state::PersistentChange;
use freehold::vfs::VfsError;
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, Guid, NtStatus};

use crate::world::{ClientId, Manner, PASSWORD, World};

pub const KEY: LeaseKey = LeaseKey([0x5A; 16]);
pub const CREATE_GUID: Guid = Guid([0xC7; 16]);
pub const FULL: u32 = AccessMask::FILE_ALL_ACCESS.0;

pub struct Desk {
    pub world: World,
    pub clients: Vec<(ClientId, TreeId)>,
}

/// What a CREATE asks for.
#[derive(Clone)]
pub struct Ask {
    pub name: &'static str,
    pub access: u32,
    pub options: u32,
    pub impersonation: ImpersonationLevel,
    pub oplock: OplockLevel,
    pub contexts: Vec<RequestContext<'static>>,
}

impl Ask {
    pub fn new(name: &'static str) -> Self {
        Ask {
            name,
            access: FULL,
            options: 0x40,
            impersonation: ImpersonationLevel::IMPERSONATION,
            oplock: OplockLevel::NONE,
            contexts: Vec::new(),
        }
    }

    pub fn oplock(self, oplock: OplockLevel) -> Self {
        Ask { oplock, ..self }
    }

    pub fn with(mut self, context: RequestContext<'static>) -> Self {
        self.contexts.push(context);
        self
    }

    /// A lease of the second version.
    pub fn lease(self, state: u32) -> Self {
        let state = LeaseState::from_bits_retain(state);
        let lease = Lease { key: KEY, state, v2: Some(LeaseV2::default()), ..Lease::default() };
        self.oplock(OplockLevel::LEASE).with(RequestContext::Lease(lease))
    }

    pub fn guid(self, flags: DurableHandleV2Flags) -> Self {
        let request = DurableHandleV2Request { timeout_ms: 0, flags, create_guid: CREATE_GUID };
        self.with(RequestContext::DurableHandleV2(request))
    }
}

/// What it got.
#[derive(Debug)]
pub struct Got {
    pub id: FileId,
    pub oplock: OplockLevel,
    pub lease: Option<Lease>,
}

pub fn any_guid(byte: u8) -> Option<Guid> {
    Some(Guid([byte; 16]))
}

pub fn set_flag(packet: &mut [u8], message: usize, flag: HeaderFlags) {
    let at = message + Smb2Header::FLAGS_OFFSET;
    let word = u32::from_le_bytes(packet[at..at + 4].try_into().unwrap()) | flag.bits();
    packet[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

pub fn set_session(packet: &mut [u8], message: usize, session: u64) {
    let at = message + Smb2Header::SESSION_ID_OFFSET;
    packet[at..at + 8].copy_from_slice(&session.to_le_bytes());
}

pub fn close_of(file_id: FileId) -> CloseRequest {
    CloseRequest { flags: CloseFlags::empty(), file_id }
}

/// The store of a server that does not end.
pub struct Forgetful;

impl PersistentStore for Forgetful {
    fn apply(&self, _: PersistentChange) -> Result<(), VfsError> {
        Ok(())
    }
}

/// A body of that many bytes.
pub struct Blob(pub usize);

impl Encode for Blob {
    fn encode(&self, writer: &mut freehold_dtyp::Writer) {
        writer.bytes(&vec![0; self.0]);
    }
}

impl Desk {
    pub fn new() -> Self {
        Desk { world: World::new(3), clients: Vec::new() }
    }

    pub fn join(&mut self, manner: Manner, machine: Option<Guid>, share: &str) -> usize {
        let id = self.world.connect_from("user", PASSWORD, manner, machine);
        self.world.log_on(id).unwrap();
        let tree = self.world.tree_connect(id, share).unwrap();
        self.clients.push((id, tree));
        self.clients.len() - 1
    }

    /// A client of 3.1.1 that signs.
    pub fn usual(&mut self, machine: u8, share: &str) -> usize {
        self.join(Manner::default(), any_guid(machine), share)
    }

    /// One request in a packet of its own, not protected yet.
    pub fn packet(
        &mut self,
        at: usize,
        command: Command,
        body: &impl Encode,
        bytes: u32,
    ) -> (Vec<u8>, MessageId) {
        let (id, tree) = self.clients[at];
        let client = &mut self.world.clients[id].client;
        let mut packet = client.compound();
        let message = client.append(&mut packet, command, tree, body, bytes, false);
        (packet, message)
    }

    /// Appends a request to a packet; says where it begins.
    pub fn append(
        &mut self,
        at: usize,
        packet: &mut Vec<u8>,
        command: Command,
        body: &impl Encode,
        related: bool,
    ) -> (usize, MessageId) {
        let (id, tree) = self.clients[at];
        let start = packet.len().next_multiple_of(8);
        let message = self.world.clients[id].client.append(packet, command, tree, body, 1, related);
        (start, message)
    }

    pub fn post(&mut self, at: usize, packet: Vec<u8>, requests: &[(MessageId, Command)]) {
        self.world.send_compound(self.clients[at].0, packet, requests);
    }

    pub fn reply(&mut self, at: usize, message: MessageId) -> Option<Reply> {
        let id = self.clients[at].0;
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let place = replies.iter().position(|reply| reply.header.message_id == message)?;
        replies.remove(place)
    }

    pub fn call(&mut self, at: usize, command: Command, body: &impl Encode) -> Reply {
        let (packet, message) = self.packet(at, command, body, 1);
        self.post(at, packet, &[(message, command)]);
        self.reply(at, message).expect("a reply")
    }

    pub fn status(&mut self, at: usize, command: Command, body: &impl Encode) -> NtStatus {
        self.call(at, command, body).header.status
    }

    pub fn send_create(&mut self, at: usize, ask: &Ask, replay: bool) -> MessageId {
        let name = Utf16Buf::from(ask.name);
        let request = CreateRequest {
            requested_oplock_level: ask.oplock,
            impersonation_level: ask.impersonation,
            desired_access: ask.access,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition::OPEN_IF,
            create_options: CreateOptions::from_bits_retain(ask.options),
            name: name.as_utf16(),
            contexts: CreateContexts::from(ask.contexts.as_slice()),
        };
        let (mut packet, message) = self.packet(at, Command::CREATE, &request, 1);
        if replay {
            set_flag(&mut packet, 0, HeaderFlags::REPLAY_OPERATION);
        }
        self.post(at, packet, &[(message, Command::CREATE)]);
        message
    }

    pub fn created(&mut self, at: usize, message: MessageId) -> Result<Got, NtStatus> {
        let reply = self.reply(at, message).expect("a reply to CREATE");
        if reply.header.status.is_error() {
            return Err(reply.header.status);
        }
        let response = CreateResponse::decode(&reply.message).unwrap();
        let lease = response.contexts.iter().find_map(|context| match context.unwrap() {
            ResponseContext::Lease(lease) => Some(lease),
            _ => None,
        });
        Ok(Got { id: response.file_id, oplock: response.oplock_level, lease })
    }

    pub fn create(&mut self, at: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(at, ask, false);
        self.created(at, message)
    }

    pub fn replay(&mut self, at: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(at, ask, true);
        self.created(at, message)
    }

    pub fn write(&mut self, at: usize, file_id: FileId) -> NtStatus {
        let request = WriteRequest {
            file_offset: 0,
            file_id,
            channel: Channel::NONE,
            remaining_bytes: 0,
            flags: WriteFlags::empty(),
            data: b"written",
            data_message_offset: 0,
            channel_info: b"",
        };
        self.status(at, Command::WRITE, &request)
    }

    /// Why the server has dropped a client.
    pub fn dropped(&self, at: usize) -> Option<Disconnect> {
        self.world.clients[self.clients[at].0].dropped
    }

    pub fn finish(mut self) {
        for (id, _) in self.clients.clone() {
            if self.world.is_connected(id) {
                self.world.disconnect(id);
            }
        }
        self.world.settle();
        self.world.advance(std::time::Duration::from_secs(301));
        self.world.settle();
        self.world.check_nothing_left();
    }
}
