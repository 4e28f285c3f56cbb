//! Sessions whose logon has ended ([MS-SMB2] 3.3.5.2.9).

use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::flush::FlushRequest;
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::logoff::LogoffRequest;
use freehold::smb2::tree_disconnect::TreeDisconnectRequest;
use freehold::smb2::{Command, FileId, OplockLevel, TreeId, Utf16Buf};
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, FileTime, NtStatus};

use crate::world::{ClientId, World};

struct Case {
    world: World,
    client: ClientId,
    tree: TreeId,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let client = world.connect();
        world.log_on(client).unwrap();
        let tree = world.tree_connect(client, "data").unwrap();
        Case { world, client, tree }
    }

    fn call(&mut self, command: Command, body: &impl Encode) -> (NtStatus, FileId) {
        let message = self.world.send(self.client, command, self.tree, body, 1);
        self.world.settle();
        self.world.receive(self.client).unwrap();
        let replies = &mut self.world.clients[self.client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("a reply");
        let reply = replies.remove(at).unwrap();
        let file_id = match command {
            Command::CREATE => reply.body::<CreateResponse<'_>>().map(|response| response.file_id),
            _ => Ok(FileId::default()),
        };
        (reply.header.status, file_id.unwrap_or_default())
    }

    fn create(&mut self) -> (NtStatus, FileId) {
        let name = Utf16Buf::from("file");
        self.call(
            Command::CREATE,
            &CreateRequest {
                requested_oplock_level: OplockLevel::NONE,
                impersonation_level: ImpersonationLevel::IMPERSONATION,
                desired_access: AccessMask::FILE_ALL_ACCESS.0,
                file_attributes: 0,
                share_access: ShareAccess::from_bits_retain(7),
                create_disposition: CreateDisposition(3),
                create_options: CreateOptions::from_bits_retain(0),
                name: name.as_utf16(),
                contexts: CreateContexts::from([].as_slice()),
            },
        )
    }

    fn lock(&mut self, file_id: FileId, flags: LockFlags) -> NtStatus {
        let locks = [LockElement { file_offset: 0, length_bytes: 1, flags }];
        let request = LockRequest { lock_sequence: LockSequence(0), file_id, locks: locks.as_slice().into() };
        self.call(Command::LOCK, &request).0
    }

    /// The logon is good until then.
    fn renew(&self, expires: Option<FileTime>) {
        self.world.server.sessions.values().iter().for_each(|session| session.renew(expires));
    }
}

#[test]
fn an_expired_session_may_only_clean_up() {
    let mut case = Case::new(61);
    let (status, file_id) = case.create();
    assert_eq!(status, NtStatus::SUCCESS);
    let exclusive = LockFlags::EXCLUSIVE_LOCK | LockFlags::FAIL_IMMEDIATELY;
    assert_eq!(case.lock(file_id, exclusive), NtStatus::SUCCESS);
    let now = case.world.now().wall;
    case.renew(Some(FileTime(now.0 + 1)));
    assert_eq!(case.create().0, NtStatus::SUCCESS, "until its end");
    case.renew(Some(now));
    let expired = NtStatus::NETWORK_SESSION_EXPIRED;
    assert_eq!(case.create().0, expired);
    assert_eq!(case.call(Command::FLUSH, &FlushRequest { reserved1: 0, file_id }).0, expired);
    assert_eq!(case.call(Command::TREE_DISCONNECT, &TreeDisconnectRequest).0, expired);
    assert_eq!(case.lock(file_id, LockFlags::UNLOCK), NtStatus::SUCCESS);
    assert_eq!(case.lock(file_id, exclusive), expired);
    assert_eq!(case.call(Command::ECHO, &EchoRequest).0, NtStatus::SUCCESS);
    // Renewed, it goes on with what it has.
    case.renew(None);
    assert_eq!(case.lock(file_id, exclusive), NtStatus::SUCCESS);
    case.renew(Some(now));
    assert_eq!(
        case.call(Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id }).0,
        NtStatus::SUCCESS
    );
    assert_eq!(case.call(Command::LOGOFF, &LogoffRequest).0, NtStatus::SUCCESS);
}
