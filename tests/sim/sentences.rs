//! Single sentences of [MS-SMB2] 3.3.5, each by the request that it speaks of, built by hand where no client sends it.

use std::sync::Arc;

use freehold::client::{Protection, Reply};
use freehold::crypto::Cipher;
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
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::oplock_break::{LeaseBreak, OplockBreakAcknowledgment};
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{
    Channel, Command, DecodeMessage, Dialect, FileId, HeaderFlags, LeaseKey, LeaseState, MessageId,
    OplockLevel, SessionId, Smb2Header, TreeId, Utf16Buf,
};
use freehold::state::PersistentChange;
use freehold::vfs::VfsError;
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, Guid, NtStatus};

use crate::world::{ClientId, Manner, PASSWORD, World};

const KEY: LeaseKey = LeaseKey([0x5A; 16]);
const CREATE_GUID: Guid = Guid([0xC7; 16]);
const FULL: u32 = AccessMask::FILE_ALL_ACCESS.0;

struct Desk {
    world: World,
    clients: Vec<(ClientId, TreeId)>,
}

/// What a CREATE asks for.
#[derive(Clone)]
struct Ask {
    name: &'static str,
    access: u32,
    options: u32,
    impersonation: ImpersonationLevel,
    oplock: OplockLevel,
    contexts: Vec<RequestContext<'static>>,
}

impl Ask {
    fn new(name: &'static str) -> Self {
        Ask {
            name,
            access: FULL,
            options: 0x40,
            impersonation: ImpersonationLevel::IMPERSONATION,
            oplock: OplockLevel::NONE,
            contexts: Vec::new(),
        }
    }

    fn oplock(self, oplock: OplockLevel) -> Self {
        Ask { oplock, ..self }
    }

    fn with(mut self, context: RequestContext<'static>) -> Self {
        self.contexts.push(context);
        self
    }

    /// A lease of the second version.
    fn lease(self, state: u32) -> Self {
        let state = LeaseState::from_bits_retain(state);
        let lease = Lease { key: KEY, state, v2: Some(LeaseV2::default()), ..Lease::default() };
        self.oplock(OplockLevel::LEASE).with(RequestContext::Lease(lease))
    }

    fn guid(self, flags: DurableHandleV2Flags) -> Self {
        let request = DurableHandleV2Request { timeout_ms: 0, flags, create_guid: CREATE_GUID };
        self.with(RequestContext::DurableHandleV2(request))
    }
}

/// What it got.
#[derive(Debug)]
struct Got {
    id: FileId,
    oplock: OplockLevel,
    lease: Option<Lease>,
}

fn any_guid(byte: u8) -> Option<Guid> {
    Some(Guid([byte; 16]))
}

fn set_flag(packet: &mut [u8], message: usize, flag: HeaderFlags) {
    let at = message + Smb2Header::FLAGS_OFFSET;
    let word = u32::from_le_bytes(packet[at..at + 4].try_into().unwrap()) | flag.bits();
    packet[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

fn set_session(packet: &mut [u8], message: usize, session: u64) {
    let at = message + Smb2Header::SESSION_ID_OFFSET;
    packet[at..at + 8].copy_from_slice(&session.to_le_bytes());
}

fn close_of(file_id: FileId) -> CloseRequest {
    CloseRequest { flags: CloseFlags::empty(), file_id }
}

/// The store of a server that does not end.
struct Forgetful;

impl PersistentStore for Forgetful {
    fn apply(&self, _: PersistentChange) -> Result<(), VfsError> {
        Ok(())
    }
}

/// A body of that many bytes.
struct Blob(usize);

impl Encode for Blob {
    fn encode(&self, writer: &mut freehold_dtyp::Writer) {
        writer.bytes(&vec![0; self.0]);
    }
}

impl Desk {
    fn new() -> Self {
        Desk { world: World::new(3), clients: Vec::new() }
    }

    fn join(&mut self, manner: Manner, machine: Option<Guid>, share: &str) -> usize {
        let id = self.world.connect_from("user", PASSWORD, manner, machine);
        self.world.log_on(id).unwrap();
        let tree = self.world.tree_connect(id, share).unwrap();
        self.clients.push((id, tree));
        self.clients.len() - 1
    }

    /// A client of 3.1.1 that signs.
    fn usual(&mut self, machine: u8, share: &str) -> usize {
        self.join(Manner::default(), any_guid(machine), share)
    }

    /// One request in a packet of its own, not protected yet.
    fn packet(
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
    fn append(
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

    fn post(&mut self, at: usize, packet: Vec<u8>, requests: &[(MessageId, Command)]) {
        self.world.send_compound(self.clients[at].0, packet, requests);
    }

    fn reply(&mut self, at: usize, message: MessageId) -> Option<Reply> {
        let id = self.clients[at].0;
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let place = replies.iter().position(|reply| reply.header.message_id == message)?;
        replies.remove(place)
    }

    fn call(&mut self, at: usize, command: Command, body: &impl Encode) -> Reply {
        let (packet, message) = self.packet(at, command, body, 1);
        self.post(at, packet, &[(message, command)]);
        self.reply(at, message).expect("a reply")
    }

    fn status(&mut self, at: usize, command: Command, body: &impl Encode) -> NtStatus {
        self.call(at, command, body).header.status
    }

    fn send_create(&mut self, at: usize, ask: &Ask, replay: bool) -> MessageId {
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

    fn created(&mut self, at: usize, message: MessageId) -> Result<Got, NtStatus> {
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

    fn create(&mut self, at: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(at, ask, false);
        self.created(at, message)
    }

    fn replay(&mut self, at: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(at, ask, true);
        self.created(at, message)
    }

    fn write(&mut self, at: usize, file_id: FileId) -> NtStatus {
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
    fn dropped(&self, at: usize) -> Option<Disconnect> {
        self.world.clients[self.clients[at].0].dropped
    }

    fn finish(mut self) {
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

/// 3.3.5.2.2: "If the request being received is not an SMB2 NEGOTIATE Request ..., the server MUST disconnect the connection
/// ... and send no reply."
#[test]
fn nothing_but_negotiate_begins_a_connection() {
    let mut world = World::new(1);
    world.tolerant = true;
    for command in [Command::ECHO, Command::SESSION_SETUP, Command::CANCEL, Command::READ] {
        let id = world.connect();
        let (packet, _) = world.clients[id].client.request(command, TreeId(1), &EchoRequest, 1);
        world.deliver(id, &packet);
        assert_eq!(world.clients[id].dropped, Some(Disconnect::Negotiate), "{command:?}");
        assert_eq!(world.next_packet(id), None, "{command:?}");
    }
}

/// 3.3.5.2.4: "If the SMB2 header of the SMB2 NEGOTIATE request has the SMB2_FLAGS_SIGNED bit set ..., the server MUST fail
/// the request with STATUS_INVALID_PARAMETER."
#[test]
fn a_signed_negotiate_is_refused_and_settles_nothing() {
    let mut world = World::new(1);
    let id = world.connect();
    let mut packet = world.clients[id].client.negotiate();
    let clean = packet.clone();
    set_flag(&mut packet, 0, HeaderFlags::SIGNED);
    world.deliver(id, &packet);
    let reply = world.next_packet(id).expect("a reply");
    assert_eq!(Smb2Header::decode(&reply).unwrap().status, NtStatus::INVALID_PARAMETER);
    assert!(world.is_connected(id));
    // The next one is message 1.
    let mut again = clean;
    again[Smb2Header::MESSAGE_ID_OFFSET] = 1;
    world.deliver(id, &again);
    let reply = world.next_packet(id).expect("a reply");
    assert_eq!(Smb2Header::decode(&reply).unwrap().status, NtStatus::SUCCESS);
}

/// 3.3.5.2.6: the server must disconnect where "the Command code in the SMB2 header does not match one of the command codes".
#[test]
fn a_command_that_does_not_exist_ends_the_connection() {
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    for command in [Command(0x14), Command(0xFF), Command(0xFFFF)] {
        let at = desk.usual(1, "data");
        let (packet, message) = desk.packet(at, command, &EchoRequest, 1);
        desk.post(at, packet, &[(message, command)]);
        assert_eq!(desk.dropped(at), Some(Disconnect::Command), "{command:?}");
    }
    // What the server sends is a command, too, but no request.
    let at = desk.usual(1, "data");
    assert_eq!(
        desk.status(at, Command::SERVER_TO_CLIENT_NOTIFICATION, &EchoRequest),
        NtStatus::INVALID_PARAMETER
    );
    // Behind another request it is refused: that one is answered.
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (_, second) = desk.append(at, &mut packet, Command(0xFF), &EchoRequest, false);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command(0xFF))]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::SUCCESS);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.status(at, Command::ECHO, &EchoRequest), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.2: a command other than READ, WRITE, IOCTL, QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO, or SET_INFO whose request is
/// greater than 68*1024 bytes ends the connection; without multi-credit requests any does.
#[test]
fn a_request_longer_than_its_command_can_be_ends_the_connection() {
    const MOST: usize = 68 * 1024 - Smb2Header::SIZE;
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    let at = desk.usual(1, "data");
    assert_eq!(desk.status(at, Command::CREATE, &Blob(MOST)), NtStatus::INVALID_PARAMETER);
    let (packet, message) = desk.packet(at, Command::CREATE, &Blob(MOST + 1), 1);
    desk.post(at, packet, &[(message, Command::CREATE)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::TooLong));

    let at = desk.usual(2, "data");
    assert_eq!(desk.status(at, Command::SET_INFO, &Blob(MOST + 1)), NtStatus::INVALID_PARAMETER);

    let old = Manner { dialect: Dialect::SMB_2_0_2, ..Manner::default() };
    let at = desk.join(old, any_guid(3), "data");
    assert_eq!(desk.status(at, Command::SET_INFO, &Blob(MOST)), NtStatus::INVALID_PARAMETER);
    let (packet, message) = desk.packet(at, Command::SET_INFO, &Blob(MOST + 1), 1);
    desk.post(at, packet, &[(message, Command::SET_INFO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::TooLong));
    desk.finish();
}

/// 3.3.5.2.3: CreditCharge counts "If Connection.SupportsMultiCredit is TRUE". In 2.0.2 the field is reserved.
#[test]
fn the_reserved_field_of_2_0_2_uses_no_message_ids() {
    let mut desk = Desk::new();
    let old = Manner { dialect: Dialect::SMB_2_0_2, ..Manner::default() };
    let at = desk.join(old, any_guid(1), "data");
    for _ in 0..3 {
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        packet[6..8].copy_from_slice(&[0xFF, 0xFF]);
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.reply(at, message).unwrap().header.status, NtStatus::SUCCESS);
    }
    desk.finish();
}

/// 3.3.5.2.1.1: the first request of a sealed message is of the session that sealed it and related to nothing; so is every
/// other one that is not related. Else "the server MUST disconnect the connection".
#[test]
fn what_is_sealed_is_of_the_session_that_sealed_it() {
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    let sealed = Manner { protection: Protection::Sealed(Cipher::Aes128Gcm), ..Manner::default() };
    let other = desk.join(sealed, any_guid(9), "data");
    let other_session = desk.world.clients[desk.clients[other].0].client.session().0;

    for session in [other_session, 0, u64::MAX, 0x1234_5678] {
        let at = desk.join(sealed, any_guid(1), "data");
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        set_session(&mut packet, 0, session);
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "{session:#x}");
    }

    let at = desk.join(sealed, any_guid(2), "data");
    let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    set_flag(&mut packet, 0, HeaderFlags::RELATED_OPERATIONS);
    desk.post(at, packet, &[(message, Command::ECHO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "related to nothing");

    let at = desk.join(sealed, any_guid(3), "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (start, second) = desk.append(at, &mut packet, Command::ECHO, &EchoRequest, false);
    set_session(&mut packet, start, other_session);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command::ECHO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "the second one's session");

    let at = desk.join(sealed, any_guid(4), "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (start, second) = desk.append(at, &mut packet, Command::ECHO, &EchoRequest, true);
    set_session(&mut packet, start, u64::MAX);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command::ECHO)]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::SUCCESS);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::SUCCESS, "related: all ones");
    desk.finish();
}

/// 3.3.5.2.4: a signed request whose session "is not found ... MUST be failed ... with the error code
/// STATUS_USER_SESSION_DELETED", also one that needs no session.
#[test]
fn a_signature_of_no_session_is_refused() {
    let mut desk = Desk::new();
    let clear = Manner { protection: Protection::Clear, ..Manner::default() };
    desk.world = World::with_signing(3, false);
    let at = desk.join(clear, any_guid(1), "data");
    for (signed, expected) in [(true, NtStatus::USER_SESSION_DELETED), (false, NtStatus::SUCCESS)] {
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        set_session(&mut packet, 0, 0x0BAD_5E55);
        if signed {
            set_flag(&mut packet, 0, HeaderFlags::SIGNED);
        }
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.reply(at, message).unwrap().header.status, expected, "signed: {signed}");
    }
    desk.finish();
}

/// 3.3.5.2.7.2: "When the current operation requires a FileId, and if the previous operation neither contains nor generates a
/// FileId, the server MUST fail the current operation and all subsequent operations with STATUS_INVALID_HANDLE."
#[test]
fn a_related_request_without_a_file_before_it_has_an_invalid_handle() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let mut requests = vec![(first, Command::ECHO)];
    for _ in 0..2 {
        let (_, message) = desk.append(at, &mut packet, Command::CLOSE, &close_of(FileId::ANY), true);
        requests.push((message, Command::CLOSE));
    }
    desk.post(at, packet, &requests);
    let statuses: Vec<_> =
        requests.iter().map(|(message, _)| desk.reply(at, *message).unwrap().header.status).collect();
    assert_eq!(statuses, [NtStatus::SUCCESS, NtStatus::INVALID_HANDLE, NtStatus::INVALID_HANDLE]);
    // A request that is related to nothing names an open that is not there.
    assert_eq!(desk.status(at, Command::CLOSE, &close_of(FileId::ANY)), NtStatus::FILE_CLOSED);
    // One that follows a file which is not there has that file.
    let gone = FileId { persistent: 77, volatile: 77 };
    let (mut packet, first) = desk.packet(at, Command::CLOSE, &close_of(gone), 1);
    let (_, second) = desk.append(at, &mut packet, Command::CLOSE, &close_of(FileId::ANY), true);
    desk.post(at, packet, &[(first, Command::CLOSE), (second, Command::CLOSE)]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::FILE_CLOSED);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::FILE_CLOSED);
    desk.finish();
}

/// 3.3.5.22.2: "there is an Open in Lease.LeaseOpens where Open.IsReplayEligible is TRUE, the server MUST set
/// Open.IsReplayEligible to FALSE."
#[test]
fn who_acknowledges_the_break_of_a_lease_knows_its_file() {
    let mut desk = Desk::new();
    let (first, second) = (desk.usual(1, "data"), desk.usual(2, "data"));
    let ask = Ask::new("f").lease(7).guid(DurableHandleV2Flags::empty());
    let got = desk.create(first, &ask).unwrap();
    let waits = desk.send_create(second, &Ask::new("f"), false);
    assert_eq!(desk.replay(first, &ask).unwrap().id, got.id, "nothing was done with it");
    let lease_state = LeaseState::from_bits_retain(3);
    let acknowledgment = OplockBreakAcknowledgment::Lease(LeaseBreak { lease_key: KEY, lease_state });
    assert_eq!(desk.status(first, Command::OPLOCK_BREAK, &acknowledgment), NtStatus::SUCCESS);
    desk.created(second, waits).unwrap();
    let again = desk.replay(first, &ask).unwrap();
    assert_ne!(again.id, got.id, "its first request's answer has come: this is another open");
    desk.finish();
}

/// 3.3.5.9: a replay for a persistent open that does not ask for one is INVALID_PARAMETER.
#[test]
fn a_replay_for_a_persistent_open_says_so() {
    let mut desk = Desk::new();
    let _ = desk.world.server.persistent.set(Arc::new(Forgetful) as Arc<dyn PersistentStore>);
    let at = desk.usual(1, "available");
    let persistent = Ask::new("f").guid(DurableHandleV2Flags::PERSISTENT);
    let got = desk.create(at, &persistent).unwrap();
    let other = Ask::new("f").guid(DurableHandleV2Flags::empty());
    assert_eq!(desk.replay(at, &other).unwrap_err(), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.replay(at, &persistent).unwrap().id, got.id);
    desk.finish();
}

/// 3.3.5.9: "When opening a named pipe, if the ImpersonationLevel level is Delegate, the server MUST fail the request with
/// STATUS_BAD_IMPERSONATION_LEVEL."
#[test]
fn a_pipe_is_opened_by_nobody_who_delegates() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "IPC$");
    let pipe = Ask { access: 0x0012_019F, ..Ask::new("srvsvc") };
    let delegated = Ask { impersonation: ImpersonationLevel::DELEGATE, ..pipe.clone() };
    assert_eq!(desk.create(at, &delegated).unwrap_err(), NtStatus::BAD_IMPERSONATION_LEVEL);
    desk.create(at, &pipe).unwrap();
    let at = desk.usual(1, "data");
    desk.create(at, &Ask { impersonation: ImpersonationLevel::DELEGATE, ..Ask::new("f") }).unwrap();
    desk.finish();
}

/// 3.3.5.9.7: another name is told before a lease that is not asked for; 3.3.5.9.12 has it the other way around.
#[test]
fn a_reconnect_of_the_first_version_looks_at_the_name_first() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    let got = desk.create(at, &Ask::new("f").lease(7).with(RequestContext::DurableHandle)).unwrap();
    desk.world.disconnect(desk.clients[at].0);
    let at = desk.usual(1, "data");
    let back = |name| Ask::new(name).with(RequestContext::DurableHandleReconnect(got.id));
    assert_eq!(desk.create(at, &back("other")).unwrap_err(), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.create(at, &back("f")).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND);
    let stranger = desk.usual(2, "data");
    assert_eq!(desk.create(stranger, &back("other")).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(desk.create(at, &back("f").lease(7)).unwrap().id, got.id);
    desk.finish();
}

/// 3.3.5.9: "If CreateOptions includes FILE_NO_INTERMEDIATE_BUFFERING, the server MUST set FILE_APPEND_DATA to zero in the
/// DesiredAccess field".
#[test]
fn who_buffers_nothing_does_not_append() {
    const APPEND: u32 = 0x4;
    const READ_ATTRIBUTES: u32 = 0x80;
    const UNBUFFERED: u32 = 0x8;
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    desk.create(at, &Ask::new("f")).unwrap();
    let asked = Ask { access: APPEND | READ_ATTRIBUTES, ..Ask::new("f") };
    let got = desk.create(at, &asked).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::SUCCESS);
    let unbuffered = Ask { options: 0x40 | UNBUFFERED, ..asked };
    let got = desk.create(at, &unbuffered).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::ACCESS_DENIED);
    // Generic rights are not looked into.
    let generic = Ask { access: 0x4000_0000, ..unbuffered };
    let got = desk.create(at, &generic).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.9.11: "If Connection.Dialect does not belong to the SMB 3.x dialect family ..., the server SHOULD ignore the
/// SMB2_CREATE_REQUEST_LEASE_V2 Create Context request."
#[test]
fn a_lease_of_the_second_version_is_nothing_to_2_1() {
    let mut desk = Desk::new();
    let old = Manner { dialect: Dialect::SMB_2_1, ..Manner::default() };
    let at = desk.join(old, any_guid(1), "data");
    let got = desk.create(at, &Ask::new("f").lease(7)).unwrap();
    assert_eq!((got.oplock, got.lease), (OplockLevel::NONE, None));
    let first = Lease { key: KEY, state: LeaseState::from_bits_retain(7), ..Lease::default() };
    let ask = Ask::new("g").oplock(OplockLevel::LEASE).with(RequestContext::Lease(first));
    let got = desk.create(at, &ask).unwrap();
    assert_eq!(got.lease.map(|lease| (lease.state.bits(), lease.v2)), Some((7, None)));
    desk.finish();
}

/// 3.3.4.6: "The server SHOULD set the SessionId in the SMB2 header to Open.Session.SessionId"; 3.3.4.7: of a lease it is zero.
#[test]
fn the_break_of_an_oplock_names_its_session() {
    let mut desk = Desk::new();
    let (first, second) = (desk.usual(1, "data"), desk.usual(2, "data"));
    let id = desk.clients[first].0;
    let session = desk.world.clients[id].client.session();
    for (name, ask, expected) in [
        ("f", Ask::new("f").oplock(OplockLevel::BATCH), session),
        ("g", Ask::new("g").lease(7), SessionId::NONE),
    ] {
        desk.create(first, &ask).unwrap();
        let waits = desk.send_create(second, &Ask::new(name), false);
        desk.world.settle();
        desk.world.receive(id).unwrap();
        let notification = desk.world.clients[id].notifications.pop_front().expect("a break");
        assert_eq!(notification.header.session_id, expected, "{name}");
        desk.world.advance(std::time::Duration::from_secs(36));
        desk.created(second, waits).unwrap();
    }
    desk.finish();
}
