//! Requests that wait, and what their clients are told meanwhile ([MS-SMB2] 3.3.4.2), what related requests work on (3.3.5.2.7.2), and
//! anonymous sessions that sign or seal all the same ([MS-NLMP] 3.2.5.1.2).

use std::sync::Arc;

use freehold::client::{Protection, Reply};
use freehold::crypto::Cipher;
use freehold::proto::admit::Disconnect;
use freehold::proto::limits::MAX_PARKED_REQUESTS;
use freehold::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{CreateContexts, Lease, LeaseV2, RequestContext};
use freehold::smb2::oplock_break::LeaseBreak;
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest};
use freehold::smb2::read::{ReadFlags, ReadRequest};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::{
    Channel, Command, DecodeMessage, Dialect, FileId, InfoType, LeaseKey, LeaseState, MessageId, OplockLevel,
    TreeId, Utf16Buf,
};
use freehold::vfs::{DataUse, VfsPath, Volume as _};
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, Guid, NtStatus};

use crate::world::{ClientId, Manner, PASSWORD, World};

const RENAME: u8 = 10;
const BASIC: u8 = 4;
const DIRECTORY: u32 = 1;
const READ: u32 = 1;
const HANDLE: u32 = 2;

struct Desk {
    world: World,
    clients: Vec<(ClientId, TreeId)>,
}

fn close_of(file_id: FileId) -> CloseRequest {
    CloseRequest { flags: CloseFlags::empty(), file_id }
}

fn basic_of(file_id: FileId) -> QueryInfoRequest<'static> {
    QueryInfoRequest {
        info_type: InfoType::FILE,
        file_info_class: BASIC,
        output_buffer_length: 64,
        additional_information: 0,
        flags: QueryInfoFlags::empty(),
        file_id,
        input_buffer: b"",
    }
}

fn watch_of(file_id: FileId) -> ChangeNotifyRequest {
    ChangeNotifyRequest {
        flags: ChangeNotifyFlags::empty(),
        output_buffer_length: 1024,
        file_id,
        completion_filter: 3.into(),
    }
}

fn read_of(file_id: FileId, length: u32) -> ReadRequest<'static> {
    ReadRequest {
        padding: 80,
        flags: ReadFlags::empty(),
        length,
        file_offset: 0,
        file_id,
        minimum_count: 0,
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: b"",
    }
}

/// FileRenameInformation ([MS-FSCC] 2.4.42.2).
fn renamed_to(name: &str) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut buffer = vec![0; 16];
    buffer.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
    buffer.extend(name);
    buffer.resize(buffer.len().max(24), 0);
    buffer
}

fn rename_of(file_id: FileId, buffer: &[u8]) -> SetInfoRequest<'_> {
    SetInfoRequest {
        info_type: InfoType::FILE,
        file_info_class: RENAME,
        additional_information: 0,
        file_id,
        buffer,
    }
}

/// One request of a compound.
struct Part<'a> {
    command: Command,
    body: &'a dyn Fn(&mut freehold_dtyp::Writer),
    related: bool,
}

struct Written<'a>(&'a dyn Fn(&mut freehold_dtyp::Writer));

impl Encode for Written<'_> {
    fn encode(&self, writer: &mut freehold_dtyp::Writer) {
        (self.0)(writer);
    }
}

impl Desk {
    fn new() -> Self {
        Desk { world: World::new(3), clients: Vec::new() }
    }

    fn join(&mut self, machine: u8, share: &str) -> usize {
        let machine = Some(Guid([machine; 16]));
        let id = self.world.connect_from("user", PASSWORD, Manner::default(), machine);
        self.world.log_on(id).unwrap();
        let tree = self.world.tree_connect(id, share).unwrap();
        self.clients.push((id, tree));
        self.clients.len() - 1
    }

    fn send(&mut self, at: usize, command: Command, body: &impl Encode) -> u64 {
        let (id, tree) = self.clients[at];
        self.world.send(id, command, tree, body, 1)
    }

    fn reply(&mut self, at: usize, message: u64) -> Option<Reply> {
        let (id, _) = self.clients[at];
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let place = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(place)
    }

    fn call(&mut self, at: usize, command: Command, body: &impl Encode) -> Reply {
        let message = self.send(at, command, body);
        self.reply(at, message).expect("a reply")
    }

    fn status(&mut self, at: usize, command: Command, body: &impl Encode) -> NtStatus {
        self.call(at, command, body).header.status
    }

    /// Interim replies that have come for requests which are not answered.
    fn pending(&mut self, at: usize) -> usize {
        let (id, _) = self.clients[at];
        self.world.settle();
        self.world.receive(id).unwrap();
        self.world.clients[id].async_ids.len()
    }

    fn compound(&mut self, at: usize, parts: &[Part<'_>]) -> Vec<u64> {
        self.compound_as(at, parts, None)
    }

    /// The same; `strange`: the session and the tree connect that related requests name.
    fn compound_as(&mut self, at: usize, parts: &[Part<'_>], strange: Option<(u64, u32)>) -> Vec<u64> {
        let (id, tree) = self.clients[at];
        let client = &mut self.world.clients[id].client;
        let mut packet = client.compound();
        let requests: Vec<(MessageId, Command)> = parts
            .iter()
            .map(|part| {
                let body = Written(part.body);
                let start = packet.len().next_multiple_of(8);
                let message = client.append(&mut packet, part.command, tree, &body, 1, part.related);
                if let Some((session, tree)) = strange.filter(|_| part.related) {
                    packet[start + 36..start + 40].copy_from_slice(&tree.to_le_bytes());
                    packet[start + 40..start + 48].copy_from_slice(&session.to_le_bytes());
                }
                (message, part.command)
            })
            .collect();
        self.world.send_compound(id, packet, &requests);
        requests.iter().map(|(message, _)| message.0).collect()
    }

    fn create(&mut self, at: usize, name: &str, options: u32, lease: Option<(LeaseKey, u32)>) -> FileId {
        let body = |writer: &mut freehold_dtyp::Writer| write_create(writer, name, options, lease);
        let reply = self.call(at, Command::CREATE, &Written(&body));
        assert_eq!(reply.header.status, NtStatus::SUCCESS, "{name}");
        CreateResponse::decode(&reply.message).unwrap().file_id
    }

    fn acknowledge(&mut self, at: usize, key: LeaseKey, state: u32) -> NtStatus {
        let answer = LeaseBreak { lease_key: key, lease_state: LeaseState::from_bits_retain(state) };
        self.status(at, Command::OPLOCK_BREAK, &answer)
    }

    fn finish(mut self) {
        for (id, _) in self.clients.clone() {
            if self.world.is_connected(id) {
                self.world.disconnect(id);
            }
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

fn write_create(
    writer: &mut freehold_dtyp::Writer,
    name: &str,
    options: u32,
    lease: Option<(LeaseKey, u32)>,
) {
    let name = Utf16Buf::from(name);
    let context = lease.map(|(key, state)| {
        let state = LeaseState::from_bits_retain(state);
        RequestContext::Lease(Lease { key, state, v2: Some(LeaseV2::default()), ..Lease::default() })
    });
    CreateRequest {
        requested_oplock_level: if lease.is_some() { OplockLevel::LEASE } else { OplockLevel::NONE },
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: AccessMask::FILE_ALL_ACCESS.0,
        file_attributes: 0,
        share_access: ShareAccess::from_bits_retain(7),
        create_disposition: CreateDisposition::OPEN_IF,
        create_options: CreateOptions::from_bits_retain(options),
        name: name.as_utf16(),
        contexts: CreateContexts::from(context.as_slice()),
    }
    .encode(writer);
}

/// "If an operation would require asynchronous processing but resources are constrained, the server MAY choose to fail that
/// operation with STATUS_INSUFFICIENT_RESOURCES": Windows does so instead of the last one that may wait.
#[test]
fn one_request_too_many_is_refused_and_the_others_wait_on() {
    let mut desk = Desk::new();
    let at = desk.join(1, "data");
    let folder = desk.create(at, "folder", DIRECTORY, None);
    let mut waiting: Vec<u64> = Vec::new();
    for _ in 1..MAX_PARKED_REQUESTS {
        waiting.push(desk.send(at, Command::CHANGE_NOTIFY, &watch_of(folder)));
        desk.world.receive(desk.clients[at].0).unwrap();
    }
    assert_eq!(desk.pending(at), MAX_PARKED_REQUESTS - 1);
    for _ in 0..3 {
        assert_eq!(
            desk.status(at, Command::CHANGE_NOTIFY, &watch_of(folder)),
            NtStatus::INSUFFICIENT_RESOURCES
        );
    }
    // What does not wait is answered, and one that has stopped waiting makes room for another.
    assert_eq!(desk.status(at, Command::QUERY_INFO, &basic_of(folder)), NtStatus::SUCCESS);
    let (id, _) = desk.clients[at];
    let ended = waiting.pop().unwrap();
    assert!(desk.world.cancel(id, ended));
    assert_eq!(desk.reply(at, ended).unwrap().header.status, NtStatus::CANCELLED);
    waiting.push(desk.send(at, Command::CHANGE_NOTIFY, &watch_of(folder)));
    assert_eq!(desk.pending(at), MAX_PARKED_REQUESTS - 1);
    assert_eq!(desk.status(at, Command::CLOSE, &close_of(folder)), NtStatus::SUCCESS);
    for message in waiting {
        assert_eq!(desk.reply(at, message).unwrap().header.status, NtStatus::NOTIFY_CLEANUP);
    }
    desk.finish();
}

#[test]
fn a_pipe_with_nothing_to_say_keeps_who_asks_for_nothing_waiting() {
    let mut desk = Desk::new();
    let at = desk.join(1, "IPC$");
    let pipe = desk.create(at, "lsarpc", 0, None);
    let message = desk.send(at, Command::READ, &read_of(pipe, 0));
    assert_eq!(desk.pending(at), 1);
    let (id, _) = desk.clients[at];
    assert!(desk.world.cancel(id, message));
    assert_eq!(desk.reply(at, message).unwrap().header.status, NtStatus::CANCELLED);
    desk.finish();
}

#[test]
fn a_rename_waits_for_a_break_without_an_interim_reply() {
    const ANNA: LeaseKey = LeaseKey([0xA1; 16]);
    const BERT: LeaseKey = LeaseKey([0xB2; 16]);
    let mut desk = Desk::new();
    let anna = desk.join(1, "data");
    let bert = desk.join(2, "data");
    desk.create(anna, "f", 0, Some((ANNA, READ | HANDLE)));
    let file = desk.create(bert, "f", 0, Some((BERT, READ | HANDLE)));
    let to = renamed_to("g");
    let message = desk.send(bert, Command::SET_INFO, &rename_of(file, &to));
    desk.world.advance(std::time::Duration::from_secs(2));
    assert_eq!(desk.pending(bert), 0);
    assert!(desk.reply(bert, message).is_none());
    // Others of the connection are answered meanwhile.
    assert_eq!(desk.status(bert, Command::QUERY_INFO, &basic_of(file)), NtStatus::SUCCESS);
    assert_eq!(desk.acknowledge(anna, ANNA, READ), NtStatus::SUCCESS);
    let reply = desk.reply(bert, message).expect("a reply to the rename");
    assert_eq!(reply.header.status, NtStatus::SUCCESS);
    assert_eq!(reply.header.async_id(), None);
    assert!(reply.header.credits > 0, "the final reply is the one that grants credits");

    // A cancel finds it by its message id.
    let third = desk.join(3, "data");
    let holder = desk.create(third, "h", 0, Some((LeaseKey([3; 16]), READ | HANDLE)));
    let file = desk.create(bert, "h", 0, None);
    let message = desk.send(bert, Command::SET_INFO, &rename_of(file, &to));
    assert!(desk.reply(bert, message).is_none());
    let (id, _) = desk.clients[bert];
    assert!(!desk.world.cancel(id, message));
    assert_eq!(desk.reply(bert, message).unwrap().header.status, NtStatus::CANCELLED);
    assert_eq!(desk.status(third, Command::CLOSE, &close_of(holder)), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.16 for what has no AsyncId: each kind of change of names, of a file and of a stream.
#[test]
fn a_change_of_names_that_is_cancelled_while_it_waits_has_not_happened() {
    const LINK: u8 = 11;
    const DISPOSITION: u8 = 13;
    const THEIRS: LeaseKey = LeaseKey([3; 16]);
    for (name, class, buffer) in [
        ("f", RENAME, renamed_to("g")),
        ("f", LINK, renamed_to("g")),
        ("f", DISPOSITION, vec![1]),
        ("f:s", RENAME, renamed_to(":g")),
        ("f:s", DISPOSITION, vec![1]),
    ] {
        let mut desk = Desk::new();
        let anna = desk.join(1, "data");
        let bert = desk.join(2, "data");
        let held = desk.create(anna, name, 0, Some((THEIRS, READ | HANDLE)));
        let file = desk.create(bert, name, 0, None);
        let request = SetInfoRequest { file_info_class: class, ..rename_of(file, &buffer) };
        let message = desk.send(bert, Command::SET_INFO, &request);
        assert!(desk.reply(bert, message).is_none(), "{name} {class} does not wait");
        let (id, _) = desk.clients[bert];
        desk.world.cancel(id, message);
        let reply = desk.reply(bert, message).expect("a reply to what is cancelled");
        assert_eq!(reply.header.status, NtStatus::CANCELLED, "{name} {class}");
        // Nothing has become of it, now and when what it has waited for comes.
        assert_eq!(desk.acknowledge(anna, THEIRS, READ), NtStatus::SUCCESS);
        for client in [anna, bert] {
            let again = desk.create(client, name, 0, None);
            assert_eq!(desk.status(client, Command::CLOSE, &close_of(again)), NtStatus::SUCCESS);
        }
        assert_eq!(desk.status(bert, Command::CLOSE, &close_of(file)), NtStatus::SUCCESS);
        assert_eq!(desk.status(anna, Command::CLOSE, &close_of(held)), NtStatus::SUCCESS);
        let exists = |name: &str, stream: Option<&str>| {
            let path = VfsPath::new(name.into()).unwrap();
            desk.world.volume.open(&path, stream.map(Into::into), DataUse::READ).is_ok()
        };
        assert!(!exists("g", None) && !exists("f", Some("g")), "{name} {class}");
        assert!(exists("f", name.strip_prefix("f:")), "{name} {class}");
        desk.finish();
    }
}

/// Who caches a handle of one stream has nothing to do with the name of another.
#[test]
fn a_stream_that_gets_a_new_name_takes_handles_of_its_own_alone() {
    let mut desk = Desk::new();
    let anna = desk.join(1, "data");
    let bert = desk.join(2, "data");
    let held = desk.create(anna, "f", 0, Some((LeaseKey([3; 16]), READ | HANDLE)));
    let stream = desk.create(bert, "f:s", 0, None);
    let to = renamed_to(":t");
    assert_eq!(desk.status(bert, Command::SET_INFO, &rename_of(stream, &to)), NtStatus::SUCCESS);
    let (id, _) = desk.clients[anna];
    desk.world.receive(id).unwrap();
    assert!(desk.world.clients[id].notifications.is_empty(), "a break of what is not renamed");
    for (client, file) in [(bert, stream), (anna, held)] {
        assert_eq!(desk.status(client, Command::CLOSE, &close_of(file)), NtStatus::SUCCESS);
    }
    desk.finish();
}

#[test]
fn the_replies_around_a_rename_that_waits_stay_together() {
    const ANNA: LeaseKey = LeaseKey([0xA1; 16]);
    let mut desk = Desk::new();
    let anna = desk.join(1, "data");
    let bert = desk.join(2, "data");
    let held = desk.create(anna, "f", 0, Some((ANNA, READ | HANDLE)));
    let to = renamed_to("g");
    let create = |writer: &mut freehold_dtyp::Writer| write_create(writer, "f", 0, None);
    let rename = |writer: &mut freehold_dtyp::Writer| rename_of(FileId::ANY, &to).encode(writer);
    let close = |writer: &mut freehold_dtyp::Writer| close_of(FileId::ANY).encode(writer);
    let messages = desk.compound(
        bert,
        &[
            Part { command: Command::CREATE, body: &create, related: false },
            Part { command: Command::SET_INFO, body: &rename, related: true },
            Part { command: Command::CLOSE, body: &close, related: true },
        ],
    );
    desk.world.advance(std::time::Duration::from_secs(2));
    assert_eq!(desk.pending(bert), 0);
    let (id, _) = desk.clients[bert];
    assert!(desk.world.clients[id].replies.is_empty(), "the CREATE's reply waits for the others");
    assert_eq!(desk.status(anna, Command::CLOSE, &close_of(held)), NtStatus::SUCCESS);
    for message in messages {
        assert_eq!(desk.reply(bert, message).unwrap().header.status, NtStatus::SUCCESS);
    }
    desk.finish();
}

/// 3.3.5.2.7.2: "For every subsequent operation, the values used for FileId ... MUST be the ones used in processing the previous
/// operation or generated for the previous resulting response."
#[test]
fn a_related_request_works_on_the_file_before_it_whatever_it_names() {
    let mut desk = Desk::new();
    let at = desk.join(1, "data");
    let other = desk.create(at, "other", DIRECTORY, None);
    let create = |writer: &mut freehold_dtyp::Writer| write_create(writer, "f", 0, None);
    let strange = FileId { persistent: u64::MAX, volatile: 0 };
    let query = |writer: &mut freehold_dtyp::Writer| basic_of(strange).encode(writer);
    // The handle of another file that is open is not closed.
    let close = |writer: &mut freehold_dtyp::Writer| close_of(other).encode(writer);
    let messages = desk.compound(
        at,
        &[
            Part { command: Command::CREATE, body: &create, related: false },
            Part { command: Command::QUERY_INFO, body: &query, related: true },
            Part { command: Command::CLOSE, body: &close, related: true },
        ],
    );
    let mut file = None;
    for message in messages {
        let reply = desk.reply(at, message).unwrap();
        assert_eq!(reply.header.status, NtStatus::SUCCESS, "{:?}", reply.header.command);
        if reply.header.command == Command::CREATE {
            file = Some(CreateResponse::decode(&reply.message).unwrap().file_id);
        }
    }
    let file = file.unwrap();
    assert_eq!(desk.status(at, Command::CLOSE, &close_of(file)), NtStatus::FILE_CLOSED);
    assert_eq!(desk.status(at, Command::CLOSE, &close_of(other)), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.2.7.2 says the same of SessionId and TreeId.
#[test]
fn a_related_request_is_of_the_session_and_tree_connect_before_it_whatever_it_names() {
    let mut desk = Desk::new();
    let at = desk.join(1, "data");
    let stranger = desk.join(2, "data");
    let (other, _) = desk.clients[stranger];
    let elsewhere = desk.world.clients[other].client.session().0;
    let create = |writer: &mut freehold_dtyp::Writer| write_create(writer, "f", 0, None);
    let query = |writer: &mut freehold_dtyp::Writer| basic_of(FileId::ANY).encode(writer);
    let close = |writer: &mut freehold_dtyp::Writer| close_of(FileId::ANY).encode(writer);
    for strange in [(0, 0), (elsewhere, 77), (u64::MAX, u32::MAX)] {
        let messages = desk.compound_as(
            at,
            &[
                Part { command: Command::CREATE, body: &create, related: false },
                Part { command: Command::QUERY_INFO, body: &query, related: true },
                Part { command: Command::CLOSE, body: &close, related: true },
            ],
            Some(strange),
        );
        for message in messages {
            let reply = desk.reply(at, message).unwrap();
            assert_eq!(reply.header.status, NtStatus::SUCCESS, "{strange:?} {:?}", reply.header.command);
        }
    }
    desk.finish();
}

/// A world that lets in who has no name.
fn open_world() -> World {
    let world = World::new(4);
    let mut policy = world.server.acceptor.load().as_ref().clone();
    policy.allow_anonymous = true;
    world.server.acceptor.store(Arc::new(policy));
    world
}

fn manner(dialect: Dialect, protection: Protection) -> Manner {
    Manner { dialect, protection, ..Manner::default() }
}

#[test]
fn an_anonymous_client_may_sign() {
    for dialect in [Dialect::SMB_2_1, Dialect::SMB_3_0_2, Dialect::SMB_3_1_1] {
        let mut world = open_world();
        let id = world.connect_with("", "", manner(dialect, Protection::Signed));
        world.log_on(id).unwrap();
        // Nothing of its logon was signed; what it signs is answered so.
        world.clients[id].client.protect_anonymously();
        world.tree_connect(id, "IPC$").unwrap();
        world.disconnect(id);
        world.settle();
        world.check_nothing_left();

        // With another key it is refused, under the key that everybody knows; without a signature it is heard.
        let mut world = open_world();
        let id = world.connect_with("", "", manner(dialect, Protection::Signed));
        world.log_on(id).unwrap();
        let mut client = world.clients[id].client.tree_connect("sim", "IPC$");
        client[16] |= 8;
        world.deliver(id, &client);
        world.clients[id].client.protect_anonymously();
        let mut reply = world.next_packet(id).expect("a reply");
        let replies = world.clients[id].client.open(&mut reply).unwrap();
        assert_eq!(replies[0].header.status, NtStatus::ACCESS_DENIED, "{dialect:?}");
        let mut world = open_world();
        let id = world.connect_with("", "", manner(dialect, Protection::Clear));
        world.log_on(id).unwrap();
        world.tree_connect(id, "IPC$").unwrap();
    }
}

#[test]
fn an_anonymous_client_may_seal_beside_a_user() {
    let sealed = manner(Dialect::SMB_3_1_1, Protection::Sealed(Cipher::Aes128Gcm));
    // Alone on its connection it may not: everybody knows its key.
    let mut world = open_world();
    world.tolerant = true;
    let id = world.connect_with("", "", sealed);
    world.log_on(id).unwrap();
    world.clients[id].client.protect_anonymously();
    let packet = world.clients[id].client.tree_connect("sim", "IPC$");
    world.deliver(id, &packet);
    assert_eq!(world.clients[id].dropped, Some(Disconnect::Transform));

    let mut world = open_world();
    let id = world.connect_with("user", PASSWORD, sealed);
    world.log_on(id).unwrap();
    world.tree_connect(id, "data").unwrap();
    let anonymous = world.clients[id].client.another_session("", "");
    world.clients[id].client = anonymous;
    let mut request = Some(world.clients[id].client.session_setup());
    while let Some(packet) = request {
        world.deliver(id, &packet);
        let mut reply = world.next_packet(id).expect("a reply to SESSION_SETUP");
        request = world.clients[id].client.on_session_setup(&mut reply).unwrap();
    }
    world.clients[id].client.protect_anonymously();
    world.tree_connect(id, "IPC$").unwrap();
    // It is not what a share wants that is for sealed messages alone.
    let refused = world.tree_connect(id, "sealed").unwrap_err();
    assert_eq!(refused.to_string(), "the server answered STATUS_ACCESS_DENIED");
    world.disconnect(id);
    world.settle();
    world.check_nothing_left();
}
