//! Writes whose data comes after their head, in pieces ([MS-SMB2] 3.3.5.13): to clients they are writes like any other, and nobody
//! waits for a client that is slow.

use std::collections::HashMap;
use std::time::Duration;

use freehold::client::Protection;
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::oplock_break::OplockBreak;
use freehold::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use freehold::smb2::{Channel, Command, DecodeMessage, FileId, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::{DataUse, VfsPath, Volume, Wait};
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, NtStatus};

use crate::world::{ClientId, Manner, World};

const BYTES: usize = 100_000;

/// Clients that neither sign nor seal, each with an open of the one file.
struct Desk {
    world: World,
    trees: Vec<TreeId>,
    files: Vec<FileId>,
    /// Bytes of the writes that have no answer yet.
    asked: HashMap<(ClientId, u64), usize>,
}

impl Desk {
    fn new(clients: usize) -> Self {
        let mut world = World::with_signing(31, false);
        world.whole_one_in = 0;
        let mut desk = Desk { world, trees: Vec::new(), files: Vec::new(), asked: HashMap::new() };
        for client in 0..clients {
            desk.join(Protection::Clear);
            let file = desk.open(client, OplockLevel::NONE);
            desk.files.push(file);
            assert_eq!(desk.write_whole(client, 0, b"first"), NtStatus::SUCCESS);
        }
        desk
    }

    fn join(&mut self, protection: Protection) -> ClientId {
        let id = self.world.connect_with(
            "user",
            crate::world::PASSWORD,
            Manner { protection, ..Manner::default() },
        );
        self.world.log_on(id).unwrap();
        self.trees.push(self.world.tree_connect(id, "data").unwrap());
        id
    }

    fn send(&mut self, client: ClientId, command: Command, body: &impl Encode, bytes: usize) -> u64 {
        self.world.send(client, command, self.trees[client], body, u32::try_from(bytes).unwrap())
    }

    /// The status of a request that was answered.
    fn answer(&mut self, client: ClientId, message: u64) -> Option<NtStatus> {
        self.world.run();
        self.world.receive(client).unwrap();
        let replies = &mut self.world.clients[client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        let reply = replies.remove(at).unwrap();
        if let Some(bytes) = self.asked.remove(&(client, message))
            && !reply.header.status.is_error()
        {
            assert_eq!(WriteResponse::decode(&reply.message).unwrap().count as usize, bytes);
        }
        Some(reply.header.status)
    }

    fn open(&mut self, client: ClientId, oplock: OplockLevel) -> FileId {
        let name = Utf16Buf::from("f");
        let request = CreateRequest {
            requested_oplock_level: oplock,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: AccessMask::FILE_ALL_ACCESS.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition::OPEN_IF,
            create_options: CreateOptions::empty(),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        self.send(client, Command::CREATE, &request, 0);
        self.world.run();
        self.world.receive(client).unwrap();
        let reply = self.world.clients[client].replies.pop_back().unwrap();
        let created = reply.body::<CreateResponse<'_>>().unwrap();
        assert_eq!(created.oplock_level, oplock);
        created.file_id
    }

    fn send_write(&mut self, client: ClientId, offset: u64, data: &[u8], flags: WriteFlags) -> u64 {
        let request = WriteRequest {
            file_offset: offset,
            file_id: self.files[client],
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags,
            data_message_offset: 0,
            data,
        };
        let message = self.send(client, Command::WRITE, &request, data.len());
        self.asked.insert((client, message), data.len());
        message
    }

    fn write_whole(&mut self, client: ClientId, offset: u64, data: &[u8]) -> NtStatus {
        let message = self.send_write(client, offset, data, WriteFlags::empty());
        self.answer(client, message).expect("a reply to WRITE")
    }

    /// Sends the head of a write of [`BYTES`] bytes, all of them `byte`.
    fn begin(&mut self, client: ClientId, offset: u64, byte: u8) -> u64 {
        let before = self.world.writes_in_pieces;
        self.world.hold_back(client);
        let message = self.send_write(client, offset, &vec![byte; BYTES], WriteFlags::empty());
        assert_eq!(self.world.writes_in_pieces, before + 1, "the head went alone");
        assert_eq!(self.answer(client, message), None, "an answer to a request that is not there yet");
        message
    }

    fn lock(&mut self, client: ClientId, offset: u64, flags: LockFlags) -> NtStatus {
        let locks = [LockElement { file_offset: offset, length_bytes: 10, flags }];
        let request = LockRequest {
            lock_sequence: LockSequence(0),
            file_id: self.files[client],
            locks: locks.as_slice().into(),
        };
        let message = self.send(client, Command::LOCK, &request, 0);
        self.answer(client, message).expect("a reply to LOCK")
    }

    fn echo(&mut self, client: ClientId) {
        let message = self.send(client, Command::ECHO, &EchoRequest, 0);
        assert_eq!(self.answer(client, message), Some(NtStatus::SUCCESS));
    }

    fn bytes(&self) -> Vec<u8> {
        let path = VfsPath::new("f".into()).unwrap();
        let file = self.world.volume.open(&path, None, DataUse::READ).unwrap().file;
        let mut bytes = vec![0; 4 * BYTES];
        let length = file.0.read(0, &mut bytes, Wait::Allowed).unwrap();
        bytes.truncate(length);
        bytes
    }

    fn end(mut self) {
        for client in 0..self.trees.len() {
            if self.world.is_connected(client) {
                self.world.disconnect(client);
            }
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

#[test]
fn a_write_in_pieces_is_one_write() {
    let mut desk = Desk::new(1);
    let message = desk.begin(0, 3, 7);
    for bytes in [1, 40_000, 59_998] {
        desk.world.let_through(0, bytes);
        assert_eq!(desk.answer(0, message), None, "an answer before the last byte");
    }
    let mut expected = b"fir".to_vec();
    expected.extend([7; BYTES - 1]);
    assert_eq!(desk.bytes(), expected, "what came is in the file");
    desk.world.let_through(0, 1);
    assert_eq!(desk.answer(0, message), Some(NtStatus::SUCCESS));
    expected.push(7);
    assert_eq!(desk.bytes(), expected);
    desk.echo(0);
    desk.end();
}

#[test]
fn a_slow_client_holds_up_nobody_and_hears_nothing() {
    let mut desk = Desk::new(2);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 10);
    desk.world.advance(Duration::from_secs(100));
    assert_eq!(desk.answer(0, message), None);
    assert!(
        desk.world.clients[0].async_ids.is_empty(),
        "an interim reply to a request that is still being sent"
    );
    assert_eq!(desk.write_whole(1, 5, b"other"), NtStatus::SUCCESS);
    assert_eq!(desk.lock(1, 50_000, LockFlags::EXCLUSIVE_LOCK), NtStatus::SUCCESS);
    assert_eq!(desk.lock(1, 50_000, LockFlags::UNLOCK), NtStatus::SUCCESS);
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::SUCCESS));
    assert_eq!(&desk.bytes()[..20], b"\x07\x07\x07\x07\x07other\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07");
    desk.end();
}

#[test]
fn a_locked_range_refuses_the_whole_write_once_it_has_come() {
    let mut desk = Desk::new(2);
    assert_eq!(desk.lock(1, 99_000, LockFlags::EXCLUSIVE_LOCK), NtStatus::SUCCESS);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    assert_eq!(desk.answer(0, message), None, "an answer while the client is still sending");
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::FILE_LOCK_CONFLICT));
    assert_eq!(desk.bytes(), b"first", "nothing was written");
    desk.echo(0);
    desk.end();
}

#[test]
fn a_range_that_is_locked_meanwhile_is_not_written() {
    let mut desk = Desk::new(2);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    assert_eq!(desk.lock(1, 99_000, LockFlags::EXCLUSIVE_LOCK), NtStatus::SUCCESS, "nothing is held");
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::FILE_LOCK_CONFLICT));
    assert_eq!(desk.bytes(), vec![7; 60_000], "what had come before the lock");
    desk.end();
}

#[test]
fn who_began_to_cache_meanwhile_is_told() {
    let mut desk = Desk::new(1);
    let reader = desk.join(Protection::Clear);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    let file = desk.open(reader, OplockLevel::II);
    assert!(desk.world.clients[reader].notifications.is_empty());
    desk.world.let_through(0, 1);
    desk.world.receive(reader).unwrap();
    let notification = desk.world.clients[reader].notifications.pop_front().expect("a break");
    let expected = OplockBreak { oplock_level: OplockLevel::NONE, file_id: file };
    assert_eq!(OplockBreak::decode(&notification.message), Ok(expected));
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::SUCCESS));
    desk.end();
}

#[test]
fn a_session_that_ends_meanwhile_writes_no_more() {
    let mut desk = Desk::new(1);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    let session = desk.world.server.sessions.values().pop().expect("a session");
    let now = desk.world.now();
    desk.world.server.account_gone(session.identity.load().token.user(), now);
    drop(session);
    desk.world.run();
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::USER_SESSION_DELETED));
    assert_eq!(desk.bytes(), vec![7; 60_000]);
    desk.end();
}

#[test]
fn a_handle_that_is_closed_meanwhile_writes_no_more() {
    let mut desk = Desk::new(1);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    let now = desk.world.now();
    desk.world.server.share_gone("data", now);
    desk.world.run();
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::FILE_CLOSED));
    assert_eq!(desk.bytes(), vec![7; 60_000]);
    desk.end();
}

#[test]
fn a_full_disk_leaves_the_size_that_was() {
    let mut desk = Desk::new(1);
    desk.world.volume.set_capacity(90_000);
    let message = desk.begin(0, 3, 7);
    desk.world.let_through(0, 60_000);
    assert_eq!(desk.bytes().len(), 60_003);
    desk.world.let_through(0, 35_000);
    assert_eq!(desk.answer(0, message), None, "an answer while the client is still sending");
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::DISK_FULL));
    assert_eq!(desk.bytes(), b"fir\x07\x07");
    desk.end();
}

#[test]
fn a_full_disk_takes_nothing_from_another_client() {
    let mut desk = Desk::new(2);
    desk.world.volume.set_capacity(90_000);
    let message = desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    assert_eq!(desk.write_whole(1, 59_998, b"other"), NtStatus::SUCCESS);
    desk.world.let_through(0, BYTES);
    assert_eq!(desk.answer(0, message), Some(NtStatus::DISK_FULL));
    assert_eq!(
        &desk.bytes()[59_990..],
        b"\x07\x07\x07\x07\x07\x07\x07\x07other",
        "what was acknowledged stays"
    );
    desk.end();
}

#[test]
fn a_connection_that_is_lost_leaves_what_has_come() {
    let mut desk = Desk::new(1);
    desk.begin(0, 0, 7);
    desk.world.let_through(0, 60_000);
    desk.world.disconnect(0);
    assert_eq!(desk.bytes(), vec![7; 60_000]);
    desk.end();
}

#[test]
fn a_connection_may_be_lost_while_a_piece_is_written() {
    let mut desk = Desk::new(1);
    desk.begin(0, 0, 7);
    desk.world.delay_one_in = 1;
    desk.world.pass_data(0, 60_000);
    desk.world.run();
    desk.world.disconnect(0);
    desk.world.settle();
    assert_eq!(desk.bytes(), vec![7; 60_000]);
    desk.end();
}

#[test]
fn what_comes_behind_a_write_waits_for_it() {
    let mut desk = Desk::new(1);
    let write = desk.begin(0, 0, 7);
    let request = CloseRequest { flags: CloseFlags::empty(), file_id: desk.files[0] };
    let close = desk.send(0, Command::CLOSE, &request, 0);
    desk.world.let_through(0, 60_000);
    assert_eq!(desk.answer(0, close), None);
    desk.world.let_through(0, BYTES);
    assert_eq!(
        (desk.answer(0, write), desk.answer(0, close)),
        (Some(NtStatus::SUCCESS), Some(NtStatus::SUCCESS))
    );
    assert_eq!(desk.bytes(), vec![7; BYTES]);
    desk.end();
}

#[test]
fn what_is_signed_or_sealed_comes_whole() {
    use freehold::crypto::Cipher;
    for protection in [Protection::Signed, Protection::Sealed(Cipher::Aes128Gcm)] {
        let mut desk = Desk::new(0);
        let client = desk.join(protection);
        let file = desk.open(client, OplockLevel::NONE);
        desk.files.push(file);
        for _ in 0..2 {
            assert_eq!(desk.write_whole(client, 0, &vec![8; BYTES]), NtStatus::SUCCESS);
        }
        assert_eq!(desk.world.writes_in_pieces, 0);
        desk.end();
    }
}
