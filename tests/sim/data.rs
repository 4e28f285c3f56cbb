//! READ, WRITE, FLUSH, LOCK, IOCTL and named pipes as clients see them ([MS-SMB2] 3.3.5.11 to 3.3.5.15).

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use freehold::client::{ClientError, Reply};
use freehold::fscc::FileAttributes;
use freehold::fscc::fsctl::{
    AllocatedRange, CopyChunk, CopyChunkResponse, FileRegion, FileRegionInput, FileRegionOutput, FsctlCode,
    REGION_VALID_CACHED_DATA, SetZeroData, encode_copy_chunk_copy,
};
use freehold::proto::tree_connect::{CachingMode, Share, ShareTarget, Shares};
use freehold::smb2::cancel::CancelRequest;
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::flush::{FlushRequest, FlushResponse};
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::read::{ReadFlags, ReadRequest, ReadResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::tree_disconnect::TreeDisconnectRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use freehold::smb2::{Channel, Command, DecodeMessage, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::{DataUse, Metadata, MetadataChange, VfsPath, Volume};
use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, NtStatus, Writer};

use crate::world::{ClientId, World, open_security};

const ALL: AccessMask = AccessMask::FILE_ALL_ACCESS;
const DIRECTORY: u32 = 0x1;

mod closing;
mod names;
mod overwriting;

struct Desk {
    world: World,
    clients: Vec<ClientId>,
    tree: Vec<TreeId>,
    pipes: Vec<TreeId>,
}

impl Desk {
    /// Clients with a tree connect to the data and one to the pipes.
    fn new(clients: usize) -> Self {
        let world = World::new(23);
        let mut shares: Vec<Share> =
            world.server.shares.load().list().into_iter().map(|share| Share::clone(share)).collect();
        shares.push(Share {
            name: "IPC$".to_owned(),
            target: ShareTarget::Pipes,
            comment: String::new(),
            security: open_security(),
            encrypt: false,
            varies: None,
            access_based_enumeration: false,
            continuously_available: false,
            ca_timeout: std::time::Duration::ZERO,
            caching: CachingMode::None,
            audit: Default::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: Arc::default(),
        });
        world.server.shares.store(Arc::new(Shares::new(shares)));
        let mut desk = Desk { world, clients: Vec::new(), tree: Vec::new(), pipes: Vec::new() };
        for _ in 0..clients {
            let id = desk.world.connect();
            desk.world.log_on(id).unwrap();
            desk.clients.push(id);
            desk.tree.push(desk.world.tree_connect(id, "data").unwrap());
            desk.pipes.push(desk.world.tree_connect(id, "IPC$").unwrap());
        }
        desk
    }

    fn send_on(
        &mut self,
        client: usize,
        tree: TreeId,
        command: Command,
        body: &impl Encode,
        size: u32,
    ) -> u64 {
        self.world.send(self.clients[client], command, tree, body, size)
    }

    /// The reply to a request, when it has come.
    fn reply(&mut self, client: usize, message: u64) -> Option<Reply> {
        let id = self.clients[client];
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(at)
    }

    fn call(&mut self, client: usize, command: Command, body: &impl Encode, size: u32) -> Reply {
        let message = self.send_on(client, self.tree[client], command, body, size);
        self.reply(client, message).expect("a reply")
    }

    fn create(
        &mut self,
        client: usize,
        tree: TreeId,
        name: &str,
        access: AccessMask,
        options: u32,
    ) -> Result<FileId, NtStatus> {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: access.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(3),
            create_options: CreateOptions::from_bits_retain(options),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        let message = self.send_on(client, tree, Command::CREATE, &request, 0);
        let reply = self.reply(client, message).expect("a reply to CREATE");
        match reply.body::<CreateResponse<'_>>() {
            Ok(response) => Ok(response.file_id),
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    fn open(&mut self, client: usize, name: &str) -> FileId {
        self.open_with(client, name, ALL)
    }

    fn open_with(&mut self, client: usize, name: &str, access: AccessMask) -> FileId {
        self.create(client, self.tree[client], name, access, 0).unwrap()
    }

    fn pipe(&mut self, name: &str) -> FileId {
        self.create(0, self.pipes[0], name, AccessMask(0x0012_019F), 0).unwrap()
    }

    fn close(&mut self, client: usize, tree: TreeId, file_id: FileId) {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        let message = self.send_on(client, tree, Command::CLOSE, &request, 0);
        assert_eq!(self.reply(client, message).expect("a reply").header.status, NtStatus::SUCCESS);
    }

    fn send_read(&mut self, tree: TreeId, file_id: FileId, offset: u64, length: u32, minimum: u32) -> u64 {
        let request = ReadRequest {
            padding: 0,
            flags: ReadFlags::empty(),
            length,
            file_offset: offset,
            file_id,
            minimum_count: minimum,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
        };
        self.send_on(0, tree, Command::READ, &request, length)
    }

    /// The data, or the status of a refusal.
    fn read_min(
        &mut self,
        file_id: FileId,
        offset: u64,
        length: u32,
        minimum: u32,
    ) -> Result<Vec<u8>, NtStatus> {
        let message = self.send_read(self.tree[0], file_id, offset, length, minimum);
        let reply = self.reply(0, message).expect("a reply to READ");
        if reply.header.status.is_error() {
            return Err(reply.header.status);
        }
        let (response, data) = ReadResponse::decode_with_data(&reply.message).unwrap();
        assert_eq!(response.data_length as usize, data.len());
        Ok(data.to_vec())
    }

    fn read(&mut self, file_id: FileId, offset: u64, length: u32) -> Result<Vec<u8>, NtStatus> {
        self.read_min(file_id, offset, length, 0)
    }

    fn send_write(&mut self, client: usize, tree: TreeId, file_id: FileId, offset: u64, data: &[u8]) -> u64 {
        let request = WriteRequest {
            file_offset: offset,
            file_id,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags: WriteFlags::empty(),
            data_message_offset: WriteRequest::DATA_OFFSET,
            data,
        };
        let size = u32::try_from(data.len()).unwrap();
        self.send_on(client, tree, Command::WRITE, &request, size)
    }

    fn write_on(
        &mut self,
        client: usize,
        tree: TreeId,
        file_id: FileId,
        offset: u64,
        data: &[u8],
    ) -> NtStatus {
        let message = self.send_write(client, tree, file_id, offset, data);
        let reply = self.reply(client, message).expect("a reply to WRITE");
        if !reply.header.status.is_error() {
            let response = WriteResponse::decode(&reply.message).unwrap();
            assert_eq!(response.count, u32::try_from(data.len()).unwrap());
        }
        reply.header.status
    }

    fn write(&mut self, file_id: FileId, offset: u64, data: &[u8]) -> NtStatus {
        self.write_on(0, self.tree[0], file_id, offset, data)
    }

    fn flush(&mut self, file_id: FileId) -> NtStatus {
        let reply = self.call(0, Command::FLUSH, &FlushRequest { reserved1: 0, file_id }, 0);
        if !reply.header.status.is_error() {
            FlushResponse::decode(&reply.message).unwrap();
        }
        reply.header.status
    }

    fn send_locks(&mut self, client: usize, file_id: FileId, locks: &[(u64, u64, u32)]) -> u64 {
        let elements: Vec<LockElement> = locks
            .iter()
            .map(|(file_offset, length_bytes, flags)| LockElement {
                file_offset: *file_offset,
                length_bytes: *length_bytes,
                flags: LockFlags::from_bits_retain(*flags),
            })
            .collect();
        let request =
            LockRequest { lock_sequence: LockSequence(0), file_id, locks: elements.as_slice().into() };
        self.send_on(client, self.tree[client], Command::LOCK, &request, 0)
    }

    fn locks(&mut self, client: usize, file_id: FileId, locks: &[(u64, u64, u32)]) -> NtStatus {
        let message = self.send_locks(client, file_id, locks);
        self.reply(client, message).expect("a reply to LOCK").header.status
    }

    fn lock(&mut self, client: usize, file_id: FileId, offset: u64, length: u64, flags: u32) -> NtStatus {
        self.locks(client, file_id, &[(offset, length, flags)])
    }

    fn cancel(&mut self, client: usize, message: u64) {
        let id = self.clients[client];
        let sim = &mut self.world.clients[id].client;
        let mut packet = sim.compound();
        sim.append(&mut packet, Command::CANCEL, TreeId::NONE, &CancelRequest, 0, false);
        // A cancel has the MessageId of what it cancels.
        packet[24..32].copy_from_slice(&message.to_le_bytes());
        self.world.send_compound(id, packet, &[]);
    }

    fn send_ioctl(
        &mut self,
        tree: TreeId,
        code: FsctlCode,
        file_id: FileId,
        input: &[u8],
        output: u32,
    ) -> u64 {
        let request = IoctlRequest {
            ctl_code: code.0,
            file_id,
            input,
            max_input_response: 0,
            output: &[],
            max_output_response: output,
            flags: IoctlFlags::IS_FSCTL,
        };
        self.send_on(0, tree, Command::IOCTL, &request, output.max(u32::try_from(input.len()).unwrap()))
    }

    /// Status, and the output where there is one.
    fn ioctl(
        &mut self,
        tree: TreeId,
        code: FsctlCode,
        file_id: FileId,
        input: &[u8],
        output: u32,
    ) -> (NtStatus, Vec<u8>) {
        let message = self.send_ioctl(tree, code, file_id, input, output);
        let reply = self.reply(0, message).expect("a reply to IOCTL");
        let data =
            IoctlResponse::decode(&reply.message).map_or(Vec::new(), |response| response.output.to_vec());
        (reply.header.status, data)
    }

    fn fsctl(&mut self, code: FsctlCode, file_id: FileId, input: &[u8], output: u32) -> (NtStatus, Vec<u8>) {
        self.ioctl(self.tree[0], code, file_id, input, output)
    }

    fn key(&mut self, file_id: FileId) -> [u8; 24] {
        let (status, output) = self.fsctl(FsctlCode::SRV_REQUEST_RESUME_KEY, file_id, &[], 32);
        assert_eq!((status, output.len()), (NtStatus::SUCCESS, 32));
        *output.first_chunk().unwrap()
    }

    fn copy(
        &mut self,
        key: [u8; 24],
        target: FileId,
        chunks: &[(u64, u64, u32)],
    ) -> (NtStatus, Option<[u32; 3]>) {
        self.copy_code(FsctlCode::SRV_COPYCHUNK, key, target, chunks)
    }

    fn copy_code(
        &mut self,
        code: FsctlCode,
        key: [u8; 24],
        target: FileId,
        chunks: &[(u64, u64, u32)],
    ) -> (NtStatus, Option<[u32; 3]>) {
        let chunks: Vec<CopyChunk> = chunks
            .iter()
            .map(|(source_offset, target_offset, length)| CopyChunk {
                source_offset: *source_offset,
                target_offset: *target_offset,
                length: *length,
            })
            .collect();
        let mut input = Writer::new();
        encode_copy_chunk_copy(key, &chunks, &mut input);
        let (status, output) = self.fsctl(code, target, input.as_slice(), 12);
        let told = CopyChunkResponse::from_bytes(&output)
            .ok()
            .map(|told| [told.chunks_written, told.chunk_bytes_written, told.total_bytes_written]);
        (status, told)
    }

    fn metadata(&self, name: &str) -> Metadata {
        self.world.volume.open(&path(name), None, DataUse::READ).unwrap().metadata
    }

    fn change(&self, name: &str, change: &MetadataChange) {
        let opened = self.world.volume.open(&path(name), None, DataUse::WRITE).unwrap();
        opened.file.0.set_metadata(change).unwrap();
    }

    fn finish(mut self) {
        for id in self.clients.clone() {
            self.world.disconnect(id);
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

fn path(name: &str) -> VfsPath {
    VfsPath::new(name.into()).unwrap()
}

#[test]
fn reads_end_at_the_end_and_want_their_minimum() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    assert_eq!(desk.read(file, 0, 5), Err(NtStatus::END_OF_FILE));
    assert_eq!(desk.write(file, 0, b"0123456789"), NtStatus::SUCCESS);
    assert_eq!(desk.read_min(file, 0, 10, 1).unwrap(), b"0123456789");
    assert_eq!(desk.read(file, 8, 10).unwrap(), b"89");
    assert_eq!(desk.read(file, 10, 1), Err(NtStatus::END_OF_FILE));
    assert_eq!(desk.read(file, 10, 0).unwrap(), b"");
    assert_eq!(desk.read_min(file, 10, 0, 1), Err(NtStatus::END_OF_FILE));
    assert_eq!(desk.read_min(file, 9, 1, 2), Err(NtStatus::END_OF_FILE));
    let most = i64::MAX as u64;
    assert_eq!(desk.read(file, most - 1, 1), Err(NtStatus::END_OF_FILE));
    assert_eq!(desk.read(file, most, 0).unwrap(), b"");
    for (offset, length) in [(most, 1), (most + 1, 0), (u64::MAX, 0), (u64::MAX - 1, 10)] {
        assert_eq!(desk.read(file, offset, length), Err(NtStatus::INVALID_PARAMETER), "{offset}");
    }
    let blind = desk.open_with(0, "f", AccessMask::FILE_READ_ATTRIBUTES);
    assert_eq!(desk.read(blind, 0, 1), Err(NtStatus::ACCESS_DENIED));
    let runner = desk.open_with(0, "f", AccessMask::FILE_EXECUTE);
    assert_eq!(desk.read(runner, 0, 1).unwrap(), b"0");
    let folder = desk.create(0, desk.tree[0], "d", ALL, DIRECTORY).unwrap();
    assert_eq!(desk.read(folder, 0, 0), Err(NtStatus::INVALID_DEVICE_REQUEST));
    assert_eq!(desk.write(folder, 0, b"x"), NtStatus::INVALID_DEVICE_REQUEST);
    desk.finish();
}

#[test]
fn writes_are_held_to_range_and_access() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let most = i64::MAX as u64;
    for (offset, data, expected) in [
        (u64::MAX, &b"x"[..], NtStatus::INVALID_PARAMETER),
        (u64::MAX - 1, b"x", NtStatus::INVALID_PARAMETER),
        (most + 1, b"", NtStatus::INVALID_PARAMETER),
        (most, b"", NtStatus::SUCCESS),
        (most, b"x", NtStatus::INVALID_PARAMETER),
        (0xFFF_FFFF_0000, b"x", NtStatus::INVALID_PARAMETER),
        (0xFFF_FFFF_0000, b"", NtStatus::SUCCESS),
        (0xFFF_FFFF_0000 - 1, b"x", NtStatus::SUCCESS),
    ] {
        assert_eq!(desk.write(file, offset, data), expected, "{offset:x}");
    }
    assert_eq!(desk.metadata("f").size_bytes, 0xFFF_FFFF_0000);
    let reader = desk.open_with(0, "f", AccessMask::FILE_READ_DATA);
    assert_eq!(desk.write(reader, 0, b"x"), NtStatus::ACCESS_DENIED);
    assert_eq!(desk.flush(reader), NtStatus::ACCESS_DENIED);
    let appender = desk.open_with(0, "f", AccessMask::FILE_APPEND_DATA);
    assert_eq!(desk.write(appender, 0, b"y"), NtStatus::SUCCESS);
    assert_eq!(desk.flush(appender), NtStatus::SUCCESS);
    assert_eq!(desk.flush(FileId { persistent: 1, volatile: 99 }), NtStatus::FILE_CLOSED);
    desk.finish();
}

#[test]
fn the_first_write_through_a_handle_sets_archive() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    desk.close(0, desk.tree[0], file);
    let attributes = Some(FileAttributes::HIDDEN);
    desk.change("f", &MetadataChange { attributes, ..MetadataChange::default() });
    let file = desk.open(0, "f");
    assert_eq!(desk.metadata("f").attributes, FileAttributes::HIDDEN);
    assert_eq!(desk.write(file, 0, b"x"), NtStatus::SUCCESS);
    assert_eq!(desk.metadata("f").attributes, FileAttributes::HIDDEN | FileAttributes::ARCHIVE);
    desk.finish();
}

#[test]
fn a_frozen_write_time_stays_and_any_other_moves() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    assert_eq!(desk.write(file, 0, b"x"), NtStatus::SUCCESS);
    let before = desk.metadata("f");
    desk.world.advance(Duration::from_secs(5));
    assert_eq!(desk.write(file, 0, b"y"), NtStatus::SUCCESS);
    let after = desk.metadata("f");
    assert!(after.modified > before.modified && after.changed > before.changed);
    // FileBasicInformation: LastWriteTime -1 freezes it on this handle, 0 keeps the others.
    let mut basic = vec![0; 40];
    basic[16..24].fill(0xFF);
    let request = SetInfoRequest {
        info_type: InfoType::FILE,
        file_info_class: 4,
        additional_information: 0,
        file_id: file,
        buffer: &basic,
    };
    assert_eq!(desk.call(0, Command::SET_INFO, &request, 0).header.status, NtStatus::SUCCESS);
    desk.world.advance(Duration::from_secs(5));
    assert_eq!(desk.write(file, 0, b"z"), NtStatus::SUCCESS);
    assert_eq!(desk.metadata("f").modified, after.modified);
    let other = desk.open(0, "f");
    assert_eq!(desk.write(other, 0, b"z"), NtStatus::SUCCESS);
    assert!(desk.metadata("f").modified > after.modified);
    desk.finish();
}

#[test]
fn locks_end_with_their_tree_connect() {
    let mut desk = Desk::new(1);
    let (one, two) = (desk.open(0, "f"), desk.open(0, "f"));
    assert_eq!(desk.lock(0, one, 0, 10, EXCLUSIVE), NtStatus::SUCCESS);
    let message = desk.send_locks(0, two, &[(0, 10, EXCLUSIVE)]);
    assert!(desk.reply(0, message).is_none());
    assert_eq!(
        desk.call(0, Command::TREE_DISCONNECT, &TreeDisconnectRequest, 0).header.status,
        NtStatus::SUCCESS
    );
    // Whichever of the two opens was closed first.
    let status = desk.reply(0, message).expect("a reply").header.status;
    assert!([NtStatus::RANGE_NOT_LOCKED, NtStatus::SUCCESS].contains(&status), "{status}");
    desk.finish();
}

const SHARED: u32 = 1;
const EXCLUSIVE: u32 = 2;
const UNLOCK: u32 = 4;
const NOW: u32 = 16;

#[test]
fn locks_hold_others_off_and_flags_are_checked() {
    let mut desk = Desk::new(1);
    let (one, two) = (desk.open(0, "f"), desk.open(0, "f"));
    assert_eq!(desk.write(one, 0, &[7; 100]), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, one, 10, 10, EXCLUSIVE), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, two, 19, 1, SHARED | NOW), NtStatus::LOCK_NOT_GRANTED);
    assert_eq!(desk.read(two, 0, 11), Err(NtStatus::FILE_LOCK_CONFLICT));
    assert_eq!(desk.read(two, 0, 10).unwrap(), [7; 10]);
    assert_eq!(desk.write(two, 15, b"x"), NtStatus::FILE_LOCK_CONFLICT);
    assert_eq!(desk.write(one, 15, b"x"), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, two, 10, 10, UNLOCK), NtStatus::RANGE_NOT_LOCKED);
    for flags in [0, SHARED | EXCLUSIVE, UNLOCK | SHARED, UNLOCK | NOW, NOW, 0x100 | SHARED] {
        assert_eq!(desk.lock(0, one, 50, 1, flags), NtStatus::INVALID_PARAMETER, "{flags}");
    }
    assert_eq!(desk.locks(0, one, &[]), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.lock(0, one, u64::MAX, 2, EXCLUSIVE | NOW), NtStatus::INVALID_LOCK_RANGE);
    assert_eq!(desk.lock(0, one, u64::MAX, 1, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    let blind = desk.open_with(0, "f", AccessMask::FILE_READ_ATTRIBUTES);
    assert_eq!(desk.lock(0, blind, 50, 1, SHARED | NOW), NtStatus::ACCESS_DENIED);
    let folder = desk.create(0, desk.tree[0], "d", ALL, DIRECTORY).unwrap();
    assert_eq!(desk.lock(0, folder, 0, 1, SHARED | NOW), NtStatus::INVALID_PARAMETER);
    desk.finish();
}

#[test]
fn several_locks_are_taken_together_or_not_at_all() {
    let mut desk = Desk::new(1);
    let (one, two) = (desk.open(0, "f"), desk.open(0, "f"));
    assert_eq!(desk.lock(0, two, 20, 5, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, one, 0, 5, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    // A shared lock stacks on one's own exclusive one, and is what goes again.
    let request = [(0, 5, SHARED | NOW), (10, 5, EXCLUSIVE | NOW), (20, 5, SHARED | NOW)];
    assert_eq!(desk.locks(0, one, &request), NtStatus::LOCK_NOT_GRANTED);
    assert_eq!(desk.lock(0, two, 10, 5, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, two, 0, 5, SHARED | NOW), NtStatus::LOCK_NOT_GRANTED);
    assert_eq!(desk.lock(0, one, 0, 5, UNLOCK), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, one, 0, 5, UNLOCK), NtStatus::RANGE_NOT_LOCKED);
    // One that would wait among several is refused; so is an unlock among locks.
    assert_eq!(desk.locks(0, one, &[(0, 1, SHARED), (1, 1, SHARED | NOW)]), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.locks(0, one, &[(0, 1, EXCLUSIVE | NOW), (1, 1, UNLOCK)]), NtStatus::INVALID_PARAMETER);
    // Unlocks before a bad entry are done.
    assert_eq!(desk.lock(0, one, 0, 1, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    let request = [(0, 1, UNLOCK), (1, 1, EXCLUSIVE | NOW)];
    assert_eq!(desk.locks(0, one, &request), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.lock(0, one, 0, 1, UNLOCK), NtStatus::RANGE_NOT_LOCKED);
    desk.finish();
}

#[test]
fn a_lock_waits_until_the_other_is_given_up() {
    let mut desk = Desk::new(2);
    let (one, two) = (desk.open(0, "f"), desk.open(1, "f"));
    assert_eq!(desk.lock(0, one, 0, 10, EXCLUSIVE), NtStatus::SUCCESS);
    let message = desk.send_locks(1, two, &[(5, 10, EXCLUSIVE)]);
    assert!(desk.reply(1, message).is_none());
    assert_eq!(desk.lock(1, two, 5, 10, UNLOCK), NtStatus::RANGE_NOT_LOCKED);
    assert_eq!(desk.lock(0, one, 0, 10, UNLOCK), NtStatus::SUCCESS);
    assert_eq!(desk.reply(1, message).expect("a reply").header.status, NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, one, 14, 1, SHARED | NOW), NtStatus::LOCK_NOT_GRANTED);
    // By a close, too.
    let message = desk.send_locks(0, one, &[(0, 20, SHARED)]);
    assert!(desk.reply(0, message).is_none());
    desk.close(1, desk.tree[1], two);
    assert_eq!(desk.reply(0, message).expect("a reply").header.status, NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn a_waiting_lock_ends_with_a_cancel_or_its_open() {
    let mut desk = Desk::new(2);
    let (one, two) = (desk.open(0, "f"), desk.open(1, "f"));
    assert_eq!(desk.lock(0, one, 0, 10, EXCLUSIVE), NtStatus::SUCCESS);
    let message = desk.send_locks(1, two, &[(0, 10, EXCLUSIVE)]);
    assert!(desk.reply(1, message).is_none());
    desk.cancel(1, message);
    assert_eq!(desk.reply(1, message).expect("a reply").header.status, NtStatus::CANCELLED);
    let message = desk.send_locks(1, two, &[(0, 10, EXCLUSIVE)]);
    assert!(desk.reply(1, message).is_none());
    desk.close(1, desk.tree[1], two);
    assert_eq!(desk.reply(1, message).expect("a reply").header.status, NtStatus::RANGE_NOT_LOCKED);
    assert_eq!(desk.lock(0, one, 0, 10, UNLOCK), NtStatus::SUCCESS);
    assert_eq!(desk.lock(0, one, 0, 10, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn control_codes_that_are_not_served_are_refused_as_windows_does() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    for (code, file_id, expected) in [
        (FsctlCode::DFS_GET_REFERRALS, FileId::ANY, NtStatus::FS_DRIVER_REQUIRED),
        (FsctlCode::DFS_GET_REFERRALS, file, NtStatus::INVALID_PARAMETER),
        (FsctlCode::QUERY_NETWORK_INTERFACE_INFO, FileId::ANY, NtStatus::NOT_SUPPORTED),
        (FsctlCode::QUERY_NETWORK_INTERFACE_INFO, file, NtStatus::INVALID_PARAMETER),
        (FsctlCode::LMR_REQUEST_RESILIENCY, file, NtStatus::INVALID_PARAMETER),
        (FsctlCode::OFFLOAD_READ, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode::GET_INTEGRITY_INFORMATION, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode::FIND_FILES_BY_SID, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode::QUERY_SHARED_VIRTUAL_DISK_SUPPORT, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode::PIPE_TRANSCEIVE, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode::PIPE_PEEK, file, NtStatus::INVALID_DEVICE_REQUEST),
        (FsctlCode(0x0009_FFFC), file, NtStatus::NOT_SUPPORTED),
        (FsctlCode::GET_COMPRESSION, FileId { persistent: 5, volatile: 5 }, NtStatus::FILE_CLOSED),
        (FsctlCode::PIPE_WAIT, FileId::ANY, NtStatus::INVALID_PARAMETER),
        (FsctlCode::GET_REPARSE_POINT, file, NtStatus::NOT_A_REPARSE_POINT),
        (FsctlCode::IS_PATHNAME_VALID, file, NtStatus::SUCCESS),
    ] {
        assert_eq!(desk.fsctl(code, file_id, &[], 1024).0, expected, "{code:?}");
    }
    assert_eq!(desk.fsctl(FsctlCode::GET_COMPRESSION, file, &[], 2), (NtStatus::SUCCESS, vec![0, 0]));
    assert_eq!(desk.fsctl(FsctlCode::SET_COMPRESSION, file, &[0, 0], 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(FsctlCode::SET_COMPRESSION, file, &[1, 0], 0).0, NtStatus::NOT_SUPPORTED);
    assert_eq!(desk.fsctl(FsctlCode::SET_COMPRESSION, file, &[9, 0], 0).0, NtStatus::INVALID_PARAMETER);
    assert_eq!(
        desk.fsctl(FsctlCode::SRV_ENUMERATE_SNAPSHOTS, file, &[], 16),
        (NtStatus::SUCCESS, vec![0; 16])
    );
    assert_eq!(desk.fsctl(FsctlCode::SRV_ENUMERATE_SNAPSHOTS, file, &[], 15).0, NtStatus::INVALID_PARAMETER);
    let (status, first) = desk.fsctl(FsctlCode::CREATE_OR_GET_OBJECT_ID, file, &[], 64);
    assert_eq!((status, first.len()), (NtStatus::SUCCESS, 64));
    assert_eq!(desk.fsctl(FsctlCode::GET_OBJECT_ID, file, &[], 64).1, first);
    let other = desk.open(0, "g");
    assert_ne!(desk.fsctl(FsctlCode::GET_OBJECT_ID, other, &[], 64).1[..16], first[..16]);
    desk.finish();
}

#[test]
fn chunks_are_copied_within_their_limits() {
    let mut desk = Desk::new(1);
    let (source, target) = (desk.open(0, "s"), desk.open(0, "t"));
    let data: Vec<u8> = (0..8192u32).map(|number| (number / 7) as u8).collect();
    assert_eq!(desk.write(source, 0, &data), NtStatus::SUCCESS);
    let key = desk.key(source);
    assert_eq!(
        desk.copy(key, target, &[(0, 4096, 4096), (4096, 0, 4096)]),
        (NtStatus::SUCCESS, Some([2, 0, 8192]))
    );
    assert_eq!(desk.read(target, 4096, 4096).unwrap(), data[..4096]);
    assert_eq!(desk.read(target, 0, 4096).unwrap(), data[4096..]);
    // What does not lie in the source ends the copy; chunks before it are done.
    assert_eq!(
        desk.copy(key, target, &[(0, 0, 4096), (4096, 4096, 8192)]),
        (NtStatus::INVALID_VIEW_SIZE, Some([1, 0, 4096]))
    );
    let limits = Some([256, 1024 * 1024, 16 * 1024 * 1024]);
    assert_eq!(desk.copy(key, target, &[(0, 0, 0)]), (NtStatus::INVALID_PARAMETER, limits));
    assert_eq!(desk.copy(key, target, &[(0, 0, u32::MAX)]), (NtStatus::INVALID_PARAMETER, limits));
    assert_eq!(desk.copy(key, target, &[(0, 0, 1); 257]), (NtStatus::INVALID_PARAMETER, limits));
    assert_eq!(desk.copy(key, target, &[(0, 0, 1024 * 1024); 17]), (NtStatus::INVALID_PARAMETER, limits));
    assert_eq!(
        desk.copy(*b"deadbeefdeadbeefdeadbeef", target, &[(0, 0, 1)]).0,
        NtStatus::OBJECT_NAME_NOT_FOUND
    );
    // A key that was never given out does not name its open.
    let mut guessed = key;
    guessed[..8].copy_from_slice(&target.volatile.to_le_bytes());
    guessed[8..16].copy_from_slice(&target.persistent.to_le_bytes());
    assert_eq!(desk.copy(guessed, source, &[(0, 0, 1)]).0, NtStatus::OBJECT_NAME_NOT_FOUND);
    // Access: the target must be readable, except for SRV_COPYCHUNK_WRITE.
    let writer = desk.open_with(0, "t", AccessMask::FILE_WRITE_DATA);
    assert_eq!(desk.copy(key, writer, &[(0, 0, 1)]).0, NtStatus::ACCESS_DENIED);
    let code = FsctlCode::SRV_COPYCHUNK_WRITE;
    assert_eq!(desk.copy_code(code, key, writer, &[(0, 0, 1)]), (NtStatus::SUCCESS, Some([1, 0, 1])));
    let reader = desk.open_with(0, "t", AccessMask::FILE_READ_DATA);
    assert_eq!(desk.copy(key, reader, &[(0, 0, 1)]).0, NtStatus::ACCESS_DENIED);
    let blind = desk.open_with(0, "s", AccessMask::FILE_READ_ATTRIBUTES);
    let blind = desk.key(blind);
    assert_eq!(desk.copy(blind, target, &[(0, 0, 1)]).0, NtStatus::ACCESS_DENIED);
    // A byte-range lock of somebody else.
    let other = desk.open(0, "s");
    assert_eq!(desk.lock(0, other, 100, 1, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    assert_eq!(
        desk.copy(key, target, &[(0, 0, 100), (100, 100, 100)]),
        (NtStatus::FILE_LOCK_CONFLICT, Some([1, 0, 100]))
    );
    desk.close(0, desk.tree[0], source);
    assert_eq!(desk.copy(key, target, &[(0, 0, 1)]).0, NtStatus::OBJECT_NAME_NOT_FOUND);
    desk.finish();
}

#[test]
fn a_chunk_that_overlaps_itself_is_read_before_it_is_written() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    assert_eq!(desk.write(file, 0, b"abcdefghij"), NtStatus::SUCCESS);
    let key = desk.key(file);
    assert_eq!(desk.copy(key, file, &[(0, 4, 6), (4, 0, 2)]), (NtStatus::SUCCESS, Some([2, 0, 8])));
    assert_eq!(desk.read(file, 0, 100).unwrap(), b"abcdabcdef");
    desk.finish();
}

fn range(offset: i64, length: i64) -> Vec<u8> {
    AllocatedRange { file_offset: offset, length }.to_bytes()
}

fn zero(offset: i64, end: i64) -> Vec<u8> {
    SetZeroData { file_offset: offset, beyond_final_zero: end }.to_bytes()
}

#[test]
fn all_of_a_file_is_valid_data() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let regions = FsctlCode::QUERY_FILE_REGIONS;
    let ask = |offset, length, desired_usage| {
        FileRegionInput { file_offset: offset, length, desired_usage }.to_bytes()
    };
    let told = |part: Option<(i64, i64)>| {
        let count = u32::from(part.is_some());
        let head = FileRegionOutput { flags: 0, total_region_entry_count: count, region_entry_count: count };
        let mut told = head.to_bytes();
        told.extend(part.into_iter().flat_map(|(file_offset, length)| {
            FileRegion { file_offset, length, usage: REGION_VALID_CACHED_DATA }.to_bytes()
        }));
        (NtStatus::SUCCESS, told)
    };
    assert_eq!(desk.fsctl(regions, file, &[], 40), told(None));
    assert_eq!(desk.write(file, 1000, &[1; 24]), NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(regions, file, &[], 40), told(Some((0, 1024))));
    assert_eq!(desk.fsctl(regions, file, &ask(0, 100, 1), 64), told(Some((0, 100))));
    assert_eq!(desk.fsctl(regions, file, &ask(1000, 1000, 1), 64), told(Some((1000, 24))));
    assert_eq!(desk.fsctl(regions, file, &ask(1024, 1000, 1), 64), told(None));
    for wrong in [ask(-1, 1, 1), ask(0, -1, 1), ask(1, i64::MAX, 1), ask(0, 1, 2)] {
        assert_eq!(desk.fsctl(regions, file, &wrong, 64).0, NtStatus::INVALID_PARAMETER);
    }
    assert_eq!(desk.fsctl(regions, file, &[], 39).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(desk.fsctl(regions, file, &[0; 23], 40).0, NtStatus::BUFFER_TOO_SMALL);
    let folder = desk.create(0, desk.tree[0], "d", ALL, DIRECTORY).unwrap();
    assert_eq!(desk.fsctl(regions, folder, &[], 40).0, NtStatus::INVALID_PARAMETER);
    desk.finish();
}

#[test]
fn holes_are_made_and_told() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let ranges = FsctlCode::QUERY_ALLOCATED_RANGES;
    assert_eq!(desk.fsctl(ranges, file, &range(0, 1024), 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.write(file, 0, &vec![1; 256 * 1024]), NtStatus::SUCCESS);
    // All of a file that is not sparse counts as allocated.
    assert_eq!(desk.fsctl(FsctlCode::SET_ZERO_DATA, file, &zero(0, 65_536), 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(ranges, file, &range(0, 4096), 16), (NtStatus::SUCCESS, range(0, 4096)));
    assert_eq!(desk.fsctl(ranges, file, &range(0, 4096), 15).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(desk.fsctl(FsctlCode::SET_SPARSE, file, &[], 0).0, NtStatus::SUCCESS);
    assert!(desk.metadata("f").attributes.contains(FileAttributes::SPARSE_FILE));
    assert_eq!(desk.fsctl(FsctlCode::SET_ZERO_DATA, file, &zero(131_072, 196_608), 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.read(file, 131_000, 100).unwrap(), [[1u8; 72].as_slice(), &[0; 28]].concat());
    let both = [range(65_536, 65_536), range(196_608, 65_536)].concat();
    assert_eq!(desk.fsctl(ranges, file, &range(0, 1 << 20), 100), (NtStatus::SUCCESS, both.clone()));
    assert_eq!(
        desk.fsctl(ranges, file, &range(0, 1 << 20), 31),
        (NtStatus::BUFFER_OVERFLOW, both[..16].to_vec())
    );
    for (input, expected) in [
        (range(0, 0), NtStatus::SUCCESS),
        (range(1 << 20, 5), NtStatus::SUCCESS),
        (range(512, -1), NtStatus::INVALID_PARAMETER),
        (range(-1, 5), NtStatus::INVALID_PARAMETER),
        (range(i64::MAX, 1), NtStatus::INVALID_PARAMETER),
        (vec![0; 15], NtStatus::INVALID_PARAMETER),
        ([range(0, 10), range(0, 10)].concat(), NtStatus::SUCCESS),
    ] {
        assert_eq!(desk.fsctl(ranges, file, &input, 100).0, expected, "{input:?}");
    }
    for (input, expected) in [
        (zero(4095, 4095), NtStatus::SUCCESS),
        (zero(4096, 4095), NtStatus::INVALID_PARAMETER),
        (zero(-1, 5), NtStatus::INVALID_PARAMETER),
        (zero(1 << 20, 2 << 20), NtStatus::SUCCESS),
    ] {
        assert_eq!(desk.fsctl(FsctlCode::SET_ZERO_DATA, file, &input, 0).0, expected, "{input:?}");
    }
    assert_eq!(desk.metadata("f").size_bytes, 256 * 1024);
    assert_eq!(desk.fsctl(FsctlCode::SET_SPARSE, file, &[0], 0).0, NtStatus::SUCCESS);
    assert!(!desk.metadata("f").attributes.contains(FileAttributes::SPARSE_FILE));
    desk.finish();
}

#[test]
fn holes_need_access_and_respect_locks() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    assert_eq!(desk.write(file, 0, &[1; 8192]), NtStatus::SUCCESS);
    let (sparse, zeros) = (FsctlCode::SET_SPARSE, FsctlCode::SET_ZERO_DATA);
    for (access, sets, zeroes, asks) in [
        (AccessMask::FILE_WRITE_ATTRIBUTES, true, false, false),
        (AccessMask::FILE_WRITE_DATA, true, true, false),
        (AccessMask::FILE_APPEND_DATA, true, false, false),
        (AccessMask::FILE_WRITE_EA, false, false, false),
        (AccessMask::FILE_READ_DATA, false, false, true),
    ] {
        let handle = desk.open_with(0, "f", access);
        let status = |allowed| if allowed { NtStatus::SUCCESS } else { NtStatus::ACCESS_DENIED };
        assert_eq!(desk.fsctl(sparse, handle, &[1], 0).0, status(sets), "{access:?}");
        assert_eq!(desk.fsctl(zeros, handle, &zero(0, 4096), 0).0, status(zeroes), "{access:?}");
        let ranges = desk.fsctl(FsctlCode::QUERY_ALLOCATED_RANGES, handle, &range(0, 8), 64).0;
        assert_eq!(ranges, status(asks), "{access:?}");
    }
    let folder = desk.create(0, desk.tree[0], "d", ALL, DIRECTORY).unwrap();
    assert_eq!(desk.fsctl(sparse, folder, &[1], 0).0, NtStatus::INVALID_PARAMETER);
    let other = desk.open(0, "f");
    assert_eq!(desk.lock(0, other, 0, 8192, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(zeros, file, &zero(0, 10), 0).0, NtStatus::FILE_LOCK_CONFLICT);
    assert_eq!(desk.fsctl(zeros, file, &zero(8192, 9000), 0).0, NtStatus::SUCCESS);
    // Trim: one range of whole blocks, and none at all.
    let mut trim = vec![0, 0, 0, 0, 1, 0, 0, 0];
    trim.extend(8192u64.to_le_bytes());
    trim.extend(65_536u64.to_le_bytes());
    assert_eq!(desk.fsctl(FsctlCode::FILE_LEVEL_TRIM, file, &trim, 4), (NtStatus::SUCCESS, vec![1, 0, 0, 0]));
    assert_eq!(desk.fsctl(FsctlCode::FILE_LEVEL_TRIM, file, &[0; 8], 4).0, NtStatus::INVALID_PARAMETER);
    desk.finish();
}

#[test]
fn reparse_points_are_set_read_and_deleted_by_their_tag() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let (set, get, delete) =
        (FsctlCode::SET_REPARSE_POINT, FsctlCode::GET_REPARSE_POINT, FsctlCode::DELETE_REPARSE_POINT);
    // IO_REPARSE_TAG_NFS and IO_REPARSE_TAG_AF_UNIX.
    let nfs = [0x14, 0, 0, 0x80, 4, 0, 0, 0, 1, 2, 3, 4];
    let unix = [0x23, 0, 0, 0x80, 0, 0, 0, 0];
    assert_eq!(desk.fsctl(delete, file, &nfs[..8], 0).0, NtStatus::IO_REPARSE_DATA_INVALID);
    assert_eq!(desk.fsctl(delete, file, &unix, 0).0, NtStatus::NOT_A_REPARSE_POINT);
    assert_eq!(desk.fsctl(set, file, &nfs[..11], 0).0, NtStatus::IO_REPARSE_DATA_INVALID);
    assert_eq!(desk.fsctl(set, file, &nfs, 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(get, file, &[], 1024), (NtStatus::SUCCESS, nfs.to_vec()));
    assert_eq!(desk.fsctl(get, file, &[], 9), (NtStatus::BUFFER_OVERFLOW, nfs[..9].to_vec()));
    assert_eq!(desk.fsctl(get, file, &[], 7).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(desk.fsctl(set, file, &unix, 0).0, NtStatus::IO_REPARSE_TAG_MISMATCH);
    assert_eq!(desk.fsctl(delete, file, &unix, 0).0, NtStatus::IO_REPARSE_TAG_MISMATCH);
    assert_eq!(desk.fsctl(delete, file, &[0x14, 0, 0, 0x80, 0, 0, 0, 0], 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(get, file, &[], 1024).0, NtStatus::NOT_A_REPARSE_POINT);
    let reader = desk.open_with(0, "f", AccessMask::FILE_READ_DATA);
    assert_eq!(desk.fsctl(set, reader, &nfs, 0).0, NtStatus::ACCESS_DENIED);
    desk.finish();
}

/// [MS-FSA] 2.1.5.10.37 and 2.1.5.10.14.
#[test]
fn reparse_points_suit_what_they_are_set_on() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let (set, get, delete) =
        (FsctlCode::SET_REPARSE_POINT, FsctlCode::GET_REPARSE_POINT, FsctlCode::DELETE_REPARSE_POINT);
    // A mount point and a symbolic link to "a".
    let mount = [3, 0, 0, 0xA0, 14, 0, 0, 0, 0, 0, 2, 0, 4, 0, 0, 0, b'a', 0, 0, 0, 0, 0];
    let link = [12, 0, 0, 0xA0, 14, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0, 0, 0, b'a', 0];
    assert_eq!(desk.fsctl(set, file, &mount, 0).0, NtStatus::NOT_A_DIRECTORY);
    assert_eq!(desk.write(file, 0, b"data"), NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(set, file, &link, 0).0, NtStatus::IO_REPARSE_DATA_INVALID);
    assert_eq!(desk.fsctl(get, file, &[], 64).0, NtStatus::NOT_A_REPARSE_POINT);
    // Special files may have data; whatever is set, ARCHIVE is.
    let theirs = [&[0x17, 0, 0, 0, 0, 0, 0, 0][..], &[7; 16]].concat();
    let plain = MetadataChange { attributes: Some(FileAttributes::HIDDEN), ..MetadataChange::default() };
    desk.change("f", &plain);
    assert_eq!(desk.fsctl(set, file, &theirs, 0).0, NtStatus::SUCCESS);
    let attributes = desk.metadata("f").attributes;
    assert!(attributes.contains(FileAttributes::ARCHIVE | FileAttributes::HIDDEN), "{attributes:?}");
    // The head of a tag that is not Microsoft's has 24 bytes.
    assert_eq!(desk.fsctl(get, file, &[], 23).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(desk.fsctl(get, file, &[], 24), (NtStatus::SUCCESS, theirs.clone()));
    desk.change("f", &plain);
    assert_eq!(desk.fsctl(delete, file, &theirs, 0).0, NtStatus::SUCCESS);
    assert!(desk.metadata("f").attributes.contains(FileAttributes::ARCHIVE));
    let empty = desk.open(0, "link");
    assert_eq!(desk.fsctl(set, empty, &link, 0).0, NtStatus::SUCCESS);
    assert_eq!(desk.fsctl(get, empty, &[], 64), (NtStatus::SUCCESS, link.to_vec()));
    desk.finish();
}

/// A bind to srvsvc with NDR.
fn bind() -> Vec<u8> {
    let mut bytes = vec![5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0];
    bytes.extend([0xB8, 0x10, 0xB8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    bytes.extend([
        0xC8, 0x4F, 0x32, 0x4B, 0x70, 0x16, 0xD3, 0x01, 0x12, 0x78, 0x5A, 0x47, 0xBF, 0x6E, 0xE1, 0x88,
    ]);
    bytes.extend([3, 0, 0, 0]);
    bytes.extend([
        0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60,
    ]);
    bytes.extend([2, 0, 0, 0]);
    bytes
}

#[test]
fn a_pipe_answers_transceives_and_reads() {
    let mut desk = Desk::new(1);
    let (ipc, transceive) = (desk.pipes[0], FsctlCode::PIPE_TRANSCEIVE);
    assert_eq!(
        desk.create(0, ipc, "spoolss", AccessMask(0x0012_019F), 0),
        Err(NtStatus::OBJECT_NAME_NOT_FOUND)
    );
    let pipe = desk.pipe("srvsvc");
    let (status, answer) = desk.ioctl(ipc, transceive, pipe, &bind(), 1024);
    assert_eq!((status, answer[2]), (NtStatus::SUCCESS, 12), "a bind_ack");
    // By WRITE and READ, in parts.
    let pipe = desk.pipe("srvsvc");
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &bind()), NtStatus::SUCCESS);
    let (status, peeked) = desk.ioctl(ipc, FsctlCode::PIPE_PEEK, pipe, &[], 20);
    assert_eq!((status, peeked.len()), (NtStatus::BUFFER_OVERFLOW, 20));
    assert_eq!(peeked[16..], answer[..4]);
    assert_eq!(desk.ioctl(ipc, transceive, pipe, &bind(), 1024).0, NtStatus::PIPE_BUSY);
    let message = desk.send_read(ipc, pipe, 0, 10, 0);
    let reply = desk.reply(0, message).expect("a reply");
    assert_eq!(reply.header.status, NtStatus::BUFFER_OVERFLOW);
    let (_, head) = ReadResponse::decode_with_data(&reply.message).unwrap();
    assert_eq!(head, &answer[..10]);
    let message = desk.send_read(ipc, pipe, 0, 1024, 0);
    let reply = desk.reply(0, message).expect("a reply");
    assert_eq!(reply.header.status, NtStatus::SUCCESS);
    assert_eq!(ReadResponse::decode_with_data(&reply.message).unwrap().1.len(), answer.len() - 10);
    let name: Vec<u8> = "srvsvc".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut wait = vec![0; 8];
    wait.extend([12, 0, 0, 0, 0, 0]);
    wait.extend(name);
    assert_eq!(desk.ioctl(ipc, FsctlCode::PIPE_WAIT, FileId::ANY, &wait, 0).0, NtStatus::SUCCESS);
    wait[14] = b'x';
    assert_eq!(
        desk.ioctl(ipc, FsctlCode::PIPE_WAIT, FileId::ANY, &wait, 0).0,
        NtStatus::OBJECT_NAME_NOT_FOUND
    );
    // File codes are not for pipes.
    assert_eq!(desk.ioctl(ipc, FsctlCode::SET_SPARSE, pipe, &[], 0).0, NtStatus::INVALID_DEVICE_REQUEST);
    desk.finish();
}

#[test]
fn a_read_of_an_empty_pipe_waits() {
    let mut desk = Desk::new(1);
    let ipc = desk.pipes[0];
    let pipe = desk.pipe("srvsvc");
    let message = desk.send_read(ipc, pipe, 0, 1024, 0);
    assert!(desk.reply(0, message).is_none());
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &bind()), NtStatus::SUCCESS);
    assert_eq!(desk.reply(0, message).expect("a reply").header.status, NtStatus::SUCCESS);
    let message = desk.send_read(ipc, pipe, 0, 1024, 0);
    assert!(desk.reply(0, message).is_none());
    desk.cancel(0, message);
    assert_eq!(desk.reply(0, message).expect("a reply").header.status, NtStatus::CANCELLED);
    // Half a request: its transceive waits for the rest.
    let (first, rest) = (bind()[..20].to_vec(), bind()[20..].to_vec());
    let other = desk.pipe("srvsvc");
    let waiting = desk.send_ioctl(ipc, FsctlCode::PIPE_TRANSCEIVE, other, &first, 1024);
    assert!(desk.reply(0, waiting).is_none());
    assert_eq!(desk.write_on(0, ipc, other, 0, &rest), NtStatus::SUCCESS);
    assert_eq!(desk.reply(0, waiting).expect("a reply").header.status, NtStatus::SUCCESS);
    let message = desk.send_read(ipc, pipe, 0, 1024, 0);
    assert!(desk.reply(0, message).is_none());
    desk.close(0, ipc, pipe);
    assert_eq!(desk.reply(0, message).expect("a reply").header.status, NtStatus::PIPE_BROKEN);
    // What is no PDU ends the conversation.
    assert_eq!(desk.write_on(0, ipc, other, 0, &[0xFF; 64]), NtStatus::PIPE_DISCONNECTED);
    let message = desk.send_read(ipc, other, 0, 1024, 0);
    assert_eq!(desk.reply(0, message).expect("a reply").header.status, NtStatus::PIPE_DISCONNECTED);
    desk.finish();
}
