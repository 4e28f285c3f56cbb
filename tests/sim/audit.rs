//! Records of the audit log: they precede replies, come once for each right of a handle, and what cannot be recorded is not
//! answered as done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold::client::{ClientError, Reply};
use freehold::smb2::close::{CloseFlags, CloseRequest, CloseResponse};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use freehold::smb2::{Channel, Command, FileId, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::{DataUse, NameCase, VfsPath, Volume};
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor};
use freehold_dtyp::{Encode, NtStatus, Sid};
use serde_json::Value;

use crate::world::{ClientId, World, open_security};

const OPEN: u32 = 1;
const CREATE: u32 = 2;
const DELETE_ON_CLOSE: u32 = 0x1000;
const NOTHING: [u64; 0] = [];

/// A client of a share whose files are all watched.
struct Desk {
    world: World,
    id: ClientId,
    tree: TreeId,
}

impl Desk {
    fn new() -> Self {
        let mut world = World::new(31);
        let flags = AceFlags(0xC0) | AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
        let sacl = Acl::from_aces([Ace::audit(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, flags)]).unwrap();
        let watched = SecurityDescriptor { sacl: sacl.into(), ..SecurityDescriptor::clone(&open_security()) };
        let data_use = DataUse { write: true, case: NameCase::Ignored };
        let root = world.volume.open(&VfsPath::root(), None, data_use).unwrap().file;
        root.0.set_security(Arc::new(watched), world.now().wall).unwrap();
        let id = world.connect();
        world.log_on(id).unwrap();
        let tree = world.tree_connect(id, "data").unwrap();
        Desk { world, id, tree }
    }

    fn send(&mut self, command: Command, body: &impl Encode) -> u64 {
        let message = self.world.send(self.id, command, self.tree, body, 1);
        self.world.settle();
        message
    }

    /// The reply to a message, if it has come.
    fn reply(&mut self, message: u64) -> Option<Reply> {
        self.world.receive(self.id).unwrap();
        let replies = &mut self.world.clients[self.id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(at)
    }

    fn call(&mut self, command: Command, body: &impl Encode) -> Reply {
        let message = self.send(command, body);
        self.reply(message).expect("a reply")
    }

    fn open(&mut self, name: &str, disposition: u32, options: u32) -> Result<FileId, NtStatus> {
        let name = Utf16Buf::from(name);
        let reply = self.call(Command::CREATE, &request(&name, disposition, options));
        file_id(&reply)
    }

    fn write(&mut self, file_id: FileId) -> Result<(), NtStatus> {
        let request = WriteRequest {
            file_offset: 0,
            file_id,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags: WriteFlags::empty(),
            data_message_offset: WriteRequest::DATA_OFFSET,
            data: b"data",
        };
        let reply = self.call(Command::WRITE, &request);
        status(reply.body::<WriteResponse>().map(|_| ()))
    }

    fn close(&mut self, file_id: FileId) -> Result<(), NtStatus> {
        let reply = self.call(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id });
        status(reply.body::<CloseResponse>().map(|_| ()))
    }

    /// Ids of the records so far, and forgets them.
    fn events(&mut self) -> Vec<u64> {
        let records = std::mem::take(&mut self.world.audit.records);
        let id = |text: &String| serde_json::from_str::<Value>(text).unwrap()["EventId"].as_u64().unwrap();
        records.iter().map(id).collect()
    }

    fn exists(&self, name: &str) -> bool {
        let path = VfsPath::new(name.to_owned().into()).unwrap();
        let data_use = DataUse { write: false, case: NameCase::Ignored };
        self.world.volume.open(&path, None, data_use).is_ok()
    }
}

fn request(name: &Utf16Buf, disposition: u32, options: u32) -> CreateRequest<'_> {
    CreateRequest {
        requested_oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: AccessMask::FILE_ALL_ACCESS.0,
        file_attributes: 0,
        share_access: ShareAccess::from_bits_retain(7),
        create_disposition: CreateDisposition(disposition),
        create_options: CreateOptions::from_bits_retain(options),
        name: name.as_utf16(),
        contexts: CreateContexts::from(&[][..]),
    }
}

fn status<T>(result: Result<T, ClientError>) -> Result<T, NtStatus> {
    result.map_err(|error| match error {
        ClientError::Status(status) => status,
        error => panic!("{error}"),
    })
}

fn file_id(reply: &Reply) -> Result<FileId, NtStatus> {
    status(reply.body::<CreateResponse<'_>>().map(|response| response.file_id))
}

#[test]
fn records_precede_replies() {
    let mut desk = Desk::new();
    desk.world.audit.holds = true;
    let name = Utf16Buf::from("f");
    let message = desk.send(Command::CREATE, &request(&name, CREATE, 0));
    assert!(desk.reply(message).is_none(), "answered before the log has it");
    assert!(desk.exists("f"));
    desk.world.release_audit();
    assert_eq!(desk.events(), [4656]);
    let reply = desk.reply(message).expect("a reply");
    assert!(file_id(&reply).is_ok());
}

#[test]
fn each_right_is_recorded_once_for_a_handle() {
    let mut desk = Desk::new();
    let file = desk.open("f", CREATE, 0).unwrap();
    assert_eq!(desk.events(), [4656]);
    for expected in [vec![4663], vec![], vec![]] {
        desk.write(file).unwrap();
        assert_eq!(desk.events(), expected);
    }
    desk.close(file).unwrap();
    assert_eq!(desk.events(), NOTHING);
    let again = desk.open("f", OPEN, 0).unwrap();
    desk.write(again).unwrap();
    desk.close(again).unwrap();
    assert_eq!(desk.events(), [4656, 4663]);
}

#[test]
fn a_deletion_is_recorded_when_it_is_done() {
    let mut desk = Desk::new();
    let file = desk.open("f", CREATE, DELETE_ON_CLOSE).unwrap();
    let other = desk.open("f", OPEN, 0).unwrap();
    desk.events();
    // The first handle asks for it, the last one has it done.
    desk.close(file).unwrap();
    assert_eq!(desk.events(), NOTHING);
    desk.close(other).unwrap();
    assert_eq!(desk.events(), [4663, 4660]);
    assert!(!desk.exists("f"));
}

/// The log breaks while requests are under way: their effects are there, their replies say that they are not recorded.
#[test]
fn what_was_not_recorded_is_not_answered_as_done() {
    let mut desk = Desk::new();
    let file = desk.open("before", CREATE, 0).unwrap();
    desk.world.audit.fails = true;
    assert_eq!(desk.open("f", CREATE, 0), Err(NtStatus::AUDIT_FAILED));
    assert_eq!(desk.write(file), Err(NtStatus::AUDIT_FAILED));
    desk.world.audit.fails = false;
    // The handle that was not told of is closed: with it, nobody could delete the file.
    let again = desk.open("f", OPEN, DELETE_ON_CLOSE).unwrap();
    desk.close(again).unwrap();
    assert!(!desk.exists("f"));
    desk.close(file).unwrap();
    desk.world.disconnect(desk.id);
    desk.world.settle();
    desk.world.check_nothing_left();
}

/// The log is known to be broken: nothing happens that it would have to record, handles can still be closed.
#[test]
fn what_cannot_be_recorded_is_refused_beforehand() {
    let mut desk = Desk::new();
    let file = desk.open("before", CREATE, 0).unwrap();
    desk.world.server.audit_refuses.store(true, Ordering::Release);
    desk.events();
    assert_eq!(desk.open("f", CREATE, 0), Err(NtStatus::AUDIT_FAILED));
    assert!(!desk.exists("f"));
    assert_eq!(desk.open("before", OPEN, 0), Err(NtStatus::AUDIT_FAILED));
    assert_eq!(desk.write(file), Err(NtStatus::AUDIT_FAILED));
    assert_eq!(desk.close(file), Ok(()));
    assert_eq!(desk.events(), NOTHING);
    desk.world.server.audit_refuses.store(false, Ordering::Release);
    assert!(desk.open("f", CREATE, 0).is_ok());
    assert_eq!(desk.events(), [4656]);
}

/// A name that is refused by the file's descriptor is a failure, one that is not there is none.
#[test]
fn refusals_are_recorded() {
    let mut desk = Desk::new();
    let file = desk.open("f", CREATE, 0).unwrap();
    desk.close(file).unwrap();
    let data_use = DataUse { write: true, case: NameCase::Ignored };
    let path = VfsPath::new("f".to_owned().into()).unwrap();
    let found = desk.world.volume.open(&path, None, data_use).unwrap();
    let nobody = SecurityDescriptor { dacl: Acl::new().into(), ..SecurityDescriptor::clone(&found.security) };
    found.file.0.set_security(Arc::new(nobody), desk.world.now().wall).unwrap();
    drop(found);
    desk.events();
    assert_eq!(desk.open("f", OPEN, 0), Err(NtStatus::ACCESS_DENIED));
    let record: Value = serde_json::from_str(&desk.world.audit.records[0]).unwrap();
    assert_eq!((&record["Keywords"], &record["HandleId"]), (&"Audit Failure".into(), &"0x0".into()));
    let reasons = record["AccessReason"].as_array().unwrap();
    assert!(reasons.contains(&"DELETE: Granted by ACE on parent folder".into()), "{reasons:?}");
    assert!(reasons.contains(&"WriteData (or AddFile): Denied by Empty DACL".into()), "{reasons:?}");
    assert_eq!(desk.events(), [4656]);
    assert_eq!(desk.open("missing", OPEN, 0), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert_eq!(desk.events(), NOTHING);
}
