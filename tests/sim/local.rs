//! Programs of the server's machine, as far as the core sees them (docs/decisions/0034): a volume that says that a program has
//! locked a range, or that it wants a file.

use std::sync::Arc;
use std::time::Duration;

use freehold::proto::caching::{break_for_local_program, has_let_go};
use freehold::proto::node::NodeKey;
use freehold::proto::op::VolumeId;
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::{Command, DecodeMessage, FileId, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::fault::{FaultVolume, Faults, Operation, Outcome};
use freehold::vfs::{DataUse, VfsError, VfsPath, Volume};
use freehold_dtyp::{Encode, NtStatus, Wtf8Buf};

use crate::world::{ClientId, PASSWORD, World};

/// Seeds of worlds whose volume shares locks, and stands behind caches.
const LOCKS: u64 = 1;
const LEASES: u64 = 2;
const READ_WRITE: u32 = 0x0002_019F;
const SHARED: u32 = 1;
const EXCLUSIVE: u32 = 2;
const UNLOCK: u32 = 4;
const AT_ONCE: u32 = 0x10;

struct Desk {
    world: World,
    faults: Arc<Faults>,
    clients: [(ClientId, TreeId); 2],
}

impl Desk {
    fn new(seed: u64) -> Self {
        let faults = Faults::new(seed);
        let planned = Arc::clone(&faults);
        let mut world = World::counting(seed, |inner| Arc::new(FaultVolume::new(inner, planned)));
        let clients = [(); 2].map(|()| {
            let client = world.connect_as("user", PASSWORD);
            world.log_on(client).unwrap();
            (client, world.tree_connect(client, "data").unwrap())
        });
        Desk { world, faults, clients }
    }

    fn send(&mut self, who: usize, command: Command, body: &impl Encode) -> u64 {
        let (client, tree) = self.clients[who];
        self.world.send(client, command, tree, body, 0)
    }

    /// The final reply, where it is there.
    fn reply(&mut self, who: usize, message: u64) -> Option<(NtStatus, Vec<u8>)> {
        let client = self.clients[who].0;
        self.world.receive(client).unwrap();
        let replies = &mut self.world.clients[client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        let reply = replies.remove(at).unwrap();
        Some((reply.header.status, reply.message))
    }

    fn send_create(&mut self, who: usize, name: &str, level: OplockLevel) -> u64 {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: level,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: READ_WRITE,
            file_attributes: 0x80,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(3),
            create_options: CreateOptions::from_bits_retain(0),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        self.send(who, Command::CREATE, &request)
    }

    /// The handle and the level that was granted.
    fn created(&mut self, who: usize, message: u64) -> (FileId, OplockLevel) {
        let (status, message) = self.reply(who, message).expect("a reply to CREATE");
        assert_eq!(status, NtStatus::SUCCESS);
        let response = CreateResponse::decode(&message).unwrap();
        (response.file_id, response.oplock_level)
    }

    fn open(&mut self, who: usize, level: OplockLevel) -> (FileId, OplockLevel) {
        let message = self.send_create(who, "f", level);
        self.created(who, message)
    }

    fn close(&mut self, who: usize, file_id: FileId) {
        let message = self.send(who, Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id });
        assert_eq!(self.reply(who, message).expect("a reply to CLOSE").0, NtStatus::SUCCESS);
    }

    fn send_lock(&mut self, who: usize, file_id: FileId, flags: u32) -> u64 {
        let lock = [LockElement { file_offset: 0, length_bytes: 10, flags: LockFlags::from(flags) }];
        let request = LockRequest { lock_sequence: LockSequence::default(), file_id, locks: lock[..].into() };
        self.send(who, Command::LOCK, &request)
    }

    fn lock(&mut self, who: usize, file_id: FileId, flags: u32) -> NtStatus {
        let message = self.send_lock(who, file_id, flags);
        self.reply(who, message).expect("a reply to LOCK").0
    }

    /// The next `looks` looks find a program's lock.
    fn program_locks(&self, looks: u64) {
        for _ in 0..looks {
            self.faults.fail_once(Operation::Lock, 0, Outcome::Failed(VfsError::RangeLocked));
        }
    }

    fn key(&self) -> NodeKey {
        let path = VfsPath::new(Wtf8Buf::from("f")).unwrap();
        let opened = self.world.volume.open(&path, None, DataUse::READ).unwrap();
        NodeKey { volume: VolumeId(0), id: opened.metadata.id }
    }

    fn program_wants_the_file(&mut self) {
        break_for_local_program(&self.world.server, self.key(), self.world.now());
        self.world.run();
    }

    fn finish(mut self) {
        for (client, _) in self.clients {
            self.world.disconnect(client);
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

#[test]
fn a_lock_that_a_program_has_is_looked_for_again() {
    let mut desk = Desk::new(LOCKS);
    let (one, two) = (desk.open(0, OplockLevel::NONE).0, desk.open(1, OplockLevel::NONE).0);
    desk.program_locks(1);
    assert_eq!(desk.lock(0, one, EXCLUSIVE | AT_ONCE), NtStatus::LOCK_NOT_GRANTED);
    desk.program_locks(3);
    let message = desk.send_lock(0, one, EXCLUSIVE);
    // What waits for a program's lock is no lock to other clients.
    assert_eq!(desk.reply(0, message), None);
    assert_eq!(desk.faults.calls(Operation::Lock), 2);
    for _ in 0..3 {
        assert_eq!(desk.reply(0, message), None);
        desk.world.advance(Duration::from_secs(1));
    }
    assert_eq!(desk.reply(0, message).expect("a reply").0, NtStatus::SUCCESS);
    assert_eq!(desk.lock(1, two, SHARED | AT_ONCE), NtStatus::LOCK_NOT_GRANTED);
    assert_eq!(desk.faults.calls(Operation::Lock), 5, "another client's lock is not asked for");
    assert_eq!(desk.lock(0, one, UNLOCK), NtStatus::SUCCESS);
    assert_eq!(desk.lock(1, two, SHARED | AT_ONCE), NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn a_lock_that_waits_for_a_program_ends_with_a_cancel_or_its_open() {
    let mut desk = Desk::new(LOCKS);
    let (one, two) = (desk.open(0, OplockLevel::NONE).0, desk.open(1, OplockLevel::NONE).0);
    desk.program_locks(1);
    let message = desk.send_lock(0, one, EXCLUSIVE);
    let client = desk.clients[0].0;
    assert!(desk.reply(0, message).is_none() && desk.world.cancel(client, message));
    assert_eq!(desk.reply(0, message).expect("a reply").0, NtStatus::CANCELLED);
    assert_eq!(desk.lock(1, two, EXCLUSIVE | AT_ONCE), NtStatus::SUCCESS, "nothing is left of it");
    assert_eq!(desk.lock(1, two, UNLOCK), NtStatus::SUCCESS);

    desk.program_locks(1);
    let message = desk.send_lock(0, one, SHARED);
    assert!(desk.reply(0, message).is_none());
    desk.close(0, one);
    assert_eq!(desk.reply(0, message).expect("a reply").0, NtStatus::RANGE_NOT_LOCKED);
    assert_eq!(desk.lock(1, two, EXCLUSIVE | AT_ONCE), NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn who_comes_while_the_kernel_is_asked_is_first() {
    let mut desk = Desk::new(LOCKS);
    let (one, two) = (desk.open(0, OplockLevel::NONE).0, desk.open(1, OplockLevel::NONE).0);
    desk.world.delay_one_in = 1;
    let first = desk.send_lock(0, one, EXCLUSIVE | AT_ONCE);
    desk.world.delay_one_in = 0;
    assert_eq!(desk.lock(1, two, EXCLUSIVE | AT_ONCE), NtStatus::SUCCESS);
    desk.world.settle();
    assert_eq!(desk.reply(0, first).expect("a reply").0, NtStatus::LOCK_NOT_GRANTED);
    // One that may wait is woken by the other's unlock.
    assert_eq!(desk.lock(1, two, UNLOCK), NtStatus::SUCCESS);
    desk.world.delay_one_in = 1;
    let first = desk.send_lock(0, one, EXCLUSIVE);
    desk.world.delay_one_in = 0;
    assert_eq!(desk.lock(1, two, EXCLUSIVE | AT_ONCE), NtStatus::SUCCESS);
    desk.world.settle();
    assert_eq!(desk.reply(0, first), None);
    assert_eq!(desk.lock(1, two, UNLOCK), NtStatus::SUCCESS);
    assert_eq!(desk.reply(0, first).expect("a reply").0, NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn a_program_that_comes_between_the_lease_and_the_grant_is_not_lost() {
    let mut desk = Desk::new(LEASES);
    let (made, level) = desk.open(0, OplockLevel::BATCH);
    assert_eq!(level, OplockLevel::BATCH);
    desk.close(0, made);
    // Held up behind the kernel's yes.
    desk.world.delay_one_in = 1;
    let message = desk.send_create(0, "f", OplockLevel::BATCH);
    assert!(desk.world.finish_one(), "the open of the path");
    desk.world.delay_one_in = 0;
    desk.program_wants_the_file();
    assert!(has_let_go(&desk.world.server, desk.key(), desk.world.now()));
    desk.world.settle();
    let (file, level) = desk.created(0, message);
    assert_eq!(level, OplockLevel::NONE);
    desk.close(0, file);
    assert_eq!(desk.open(1, OplockLevel::BATCH).1, OplockLevel::BATCH);
    desk.finish();
}

#[test]
fn what_is_cached_is_gone_when_its_holder_does_not_answer() {
    let mut desk = Desk::new(LEASES);
    let (_, level) = desk.open(0, OplockLevel::EXCLUSIVE);
    assert_eq!(level, OplockLevel::EXCLUSIVE);
    desk.program_wants_the_file();
    let let_go = |desk: &Desk| has_let_go(&desk.world.server, desk.key(), desk.world.now());
    assert!(!let_go(&desk));
    desk.world.advance(Duration::from_secs(34));
    assert!(!let_go(&desk));
    desk.world.advance(Duration::from_secs(2));
    assert!(let_go(&desk));
    desk.finish();
}
