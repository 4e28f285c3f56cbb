//! CREATE, CLOSE, breaks, renames and deletions as clients see them ([MS-SMB2] 3.3.5.9, 3.3.5.10, 3.3.5.21, 3.3.5.22).

use std::time::Duration;

use freehold::client::{ClientError, Reply};
use freehold::fsa::{HolderId, OpenId};
use freehold::fscc::file_info::{DispositionInformation, EndOfFileInformation, RenameInformation};
use freehold::proto::event::Event;
use freehold::smb2::close::{CloseFlags, CloseRequest, CloseResponse};
use freehold::smb2::create::{
    CreateAction, CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel,
    ShareAccess,
};
use freehold::smb2::create_context::{CreateContexts, Lease, RequestContext, ResponseContext};
use freehold::smb2::oplock_break::{LeaseBreak, OplockBreak, OplockBreakAcknowledgment, OplockBreakResponse};
use freehold::smb2::set_info::{SetInfoRequest, SetInfoResponse};
use freehold::smb2::{
    Command, DecodeMessage, FileId, InfoType, LeaseKey, LeaseState, OplockLevel, TreeId, Utf16Buf,
};
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, NtStatus};

use crate::world::{ClientId, World};

/// What a CREATE asks for; the usual one opens or creates a file with all rights and shares everything.
#[derive(Clone)]
struct Ask<'a> {
    name: &'a str,
    access: u32,
    share: u32,
    disposition: u32,
    options: u32,
    attributes: u32,
    oplock: OplockLevel,
    lease: Option<(u8, u32)>,
    maximal_access: bool,
}

impl<'a> Ask<'a> {
    fn new(name: &'a str) -> Self {
        Ask {
            name,
            access: AccessMask::FILE_ALL_ACCESS.0,
            share: 7,
            disposition: 3,
            options: 0,
            attributes: 0,
            oplock: OplockLevel::NONE,
            lease: None,
            maximal_access: false,
        }
    }
    fn disposition(self, disposition: u32) -> Self {
        Ask { disposition, ..self }
    }
    fn options(self, options: u32) -> Self {
        Ask { options, ..self }
    }
    fn access(self, access: AccessMask) -> Self {
        Ask { access: access.0, ..self }
    }
    fn share(self, share: u32) -> Self {
        Ask { share, ..self }
    }
    fn attributes(self, attributes: u32) -> Self {
        Ask { attributes, ..self }
    }
    fn oplock(self, oplock: OplockLevel) -> Self {
        Ask { oplock, ..self }
    }
    fn lease(self, key: u8, state: u32) -> Self {
        Ask { lease: Some((key, state)), oplock: OplockLevel::LEASE, ..self }
    }
}

const OPEN: u32 = 1;
const CREATE: u32 = 2;
const OVERWRITE: u32 = 4;
const OVERWRITE_IF: u32 = 5;
const DIRECTORY: u32 = 0x1;
const NON_DIRECTORY: u32 = 0x40;
const DELETE_ON_CLOSE: u32 = 0x1000;
const R: u32 = 1;
const H: u32 = 2;
const W: u32 = 4;

/// What a CREATE answered.
#[derive(Debug)]
struct Got {
    id: FileId,
    action: CreateAction,
    oplock: OplockLevel,
    attributes: u32,
    lease: Option<Lease>,
    maximal_access: Option<u32>,
}

struct Table {
    world: World,
    clients: Vec<(ClientId, TreeId)>,
}

impl Table {
    fn new(clients: usize) -> Self {
        let mut world = World::new(11);
        let clients = (0..clients)
            .map(|_| {
                let id = world.connect();
                world.log_on(id).unwrap();
                let tree = world.tree_connect(id, "data").unwrap();
                (id, tree)
            })
            .collect();
        Table { world, clients }
    }

    fn send(&mut self, client: usize, command: Command, body: &impl Encode) -> u64 {
        let (id, tree) = self.clients[client];
        self.world.send(id, command, tree, body, 1)
    }

    /// The reply to a request, when it has come.
    fn reply(&mut self, client: usize, message: u64) -> Option<Reply> {
        let (id, _) = self.clients[client];
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(at)
    }

    fn call(&mut self, client: usize, command: Command, body: &impl Encode) -> Reply {
        let message = self.send(client, command, body);
        self.reply(client, message).expect("a reply")
    }

    fn ask(&mut self, client: usize, ask: &Ask<'_>) -> u64 {
        let name = Utf16Buf::from(ask.name);
        let mut contexts = Vec::new();
        if let Some((key, state)) = ask.lease {
            contexts.push(RequestContext::Lease(Lease {
                key: LeaseKey([key; 16]),
                state: LeaseState::from_bits_retain(state),
                ..Lease::default()
            }));
        }
        if ask.maximal_access {
            contexts.push(RequestContext::QueryMaximalAccess(None));
        }
        let request = CreateRequest {
            requested_oplock_level: ask.oplock,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: ask.access,
            file_attributes: ask.attributes,
            share_access: ShareAccess::from_bits_retain(ask.share),
            create_disposition: CreateDisposition(ask.disposition),
            create_options: CreateOptions::from_bits_retain(ask.options),
            name: name.as_utf16(),
            contexts: CreateContexts::from(contexts.as_slice()),
        };
        self.send(client, Command::CREATE, &request)
    }

    fn got(reply: &Reply) -> Result<Got, NtStatus> {
        let response = match reply.body::<CreateResponse<'_>>() {
            Ok(response) => response,
            Err(ClientError::Status(status)) => return Err(status),
            Err(error) => panic!("{error}"),
        };
        let mut got = Got {
            id: response.file_id,
            action: response.create_action,
            oplock: response.oplock_level,
            attributes: response.file_attributes,
            lease: None,
            maximal_access: None,
        };
        for context in response.contexts.iter() {
            match context.unwrap() {
                ResponseContext::Lease(lease) => got.lease = Some(lease),
                ResponseContext::MaximalAccess { maximal_access, .. } => {
                    got.maximal_access = Some(maximal_access)
                }
                other => panic!("{other:?} was not asked for"),
            }
        }
        Ok(got)
    }

    fn create(&mut self, client: usize, ask: &Ask<'_>) -> Result<Got, NtStatus> {
        let message = self.ask(client, ask);
        Self::got(&self.reply(client, message).expect("a reply to CREATE"))
    }

    /// The reply to a CREATE that may have had to wait.
    fn created(&mut self, client: usize, message: u64) -> Option<Result<Got, NtStatus>> {
        self.reply(client, message).map(|reply| Self::got(&reply))
    }

    fn open(&mut self, client: usize, ask: &Ask<'_>) -> FileId {
        self.create(client, ask).unwrap().id
    }

    fn close(&mut self, client: usize, file_id: FileId) {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        let reply = self.call(client, Command::CLOSE, &request);
        reply.body::<CloseResponse>().unwrap();
    }

    fn make(&mut self, ask: &Ask<'_>) {
        let id = self.open(0, ask);
        self.close(0, id);
    }

    fn status_of(&mut self, ask: &Ask<'_>) -> NtStatus {
        match self.create(0, ask) {
            Ok(got) => {
                self.close(0, got.id);
                NtStatus::SUCCESS
            }
            Err(status) => status,
        }
    }

    fn set_info(&mut self, client: usize, file_id: FileId, class: u8, information: &impl Encode) -> u64 {
        let buffer = information.to_bytes();
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class,
            additional_information: 0,
            file_id,
            buffer: &buffer,
        };
        self.send(client, Command::SET_INFO, &request)
    }

    fn set(&mut self, client: usize, file_id: FileId, class: u8, information: &impl Encode) -> NtStatus {
        let message = self.set_info(client, file_id, class, information);
        let reply = self.reply(client, message).expect("a reply to SET_INFO");
        match reply.body::<SetInfoResponse>() {
            Ok(_) => NtStatus::SUCCESS,
            Err(ClientError::Status(status)) => status,
            Err(error) => panic!("{error}"),
        }
    }

    fn rename(&mut self, client: usize, file_id: FileId, to: &str, replace: bool) -> NtStatus {
        let name: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let information =
            RenameInformation { replace_if_exists: replace, root_directory: 0, file_name: &name };
        self.set(client, file_id, 10, &information)
    }

    fn link(&mut self, client: usize, file_id: FileId, to: &str) -> NtStatus {
        let name: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let information = RenameInformation { replace_if_exists: false, root_directory: 0, file_name: &name };
        self.set(client, file_id, 11, &information)
    }

    fn delete(&mut self, client: usize, file_id: FileId, delete_pending: bool) -> NtStatus {
        self.set(client, file_id, 13, &DispositionInformation { delete_pending })
    }

    fn notification(&mut self, client: usize) -> Option<OplockBreakResponse> {
        let (id, _) = self.clients[client];
        self.world.settle();
        self.world.receive(id).unwrap();
        let reply = self.world.clients[id].notifications.pop_front()?;
        Some(OplockBreakResponse::decode(&reply.message).unwrap())
    }

    fn oplock_break(&mut self, client: usize) -> (FileId, OplockLevel) {
        match self.notification(client) {
            Some(OplockBreakResponse::Oplock(broken)) => (broken.file_id, broken.oplock_level),
            other => panic!("{other:?}"),
        }
    }

    /// Old state, new state, whether it must be acknowledged.
    fn lease_break(&mut self, client: usize) -> (u32, u32, bool) {
        match self.notification(client) {
            Some(OplockBreakResponse::LeaseNotification(broken)) => {
                (broken.current_lease_state.bits(), broken.new_lease_state.bits(), !broken.flags.is_empty())
            }
            other => panic!("{other:?}"),
        }
    }

    fn acknowledge(&mut self, client: usize, acknowledgment: OplockBreakAcknowledgment) -> NtStatus {
        self.call(client, Command::OPLOCK_BREAK, &acknowledgment).header.status
    }

    fn acknowledge_lease(&mut self, client: usize, key: u8, state: u32) -> NtStatus {
        let lease_state = LeaseState::from_bits_retain(state);
        let acknowledgment = LeaseBreak { lease_key: LeaseKey([key; 16]), lease_state };
        self.acknowledge(client, OplockBreakAcknowledgment::Lease(acknowledgment))
    }

    fn finish(mut self) {
        for (id, _) in self.clients.clone() {
            self.world.disconnect(id);
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

#[test]
fn dispositions_find_and_make_files() {
    let mut table = Table::new(1);
    for (disposition, exists, expected) in [
        (0, true, Ok(CreateAction::SUPERSEDED)),
        (0, false, Ok(CreateAction::CREATED)),
        (1, true, Ok(CreateAction::OPENED)),
        (1, false, Err(NtStatus::OBJECT_NAME_NOT_FOUND)),
        (2, true, Err(NtStatus::OBJECT_NAME_COLLISION)),
        (2, false, Ok(CreateAction::CREATED)),
        (3, true, Ok(CreateAction::OPENED)),
        (3, false, Ok(CreateAction::CREATED)),
        (4, true, Ok(CreateAction::OVERWRITTEN)),
        (4, false, Err(NtStatus::OBJECT_NAME_NOT_FOUND)),
        (5, true, Ok(CreateAction::OVERWRITTEN)),
        (5, false, Ok(CreateAction::CREATED)),
        (6, true, Err(NtStatus::INVALID_PARAMETER)),
        (6, false, Err(NtStatus::INVALID_PARAMETER)),
    ] {
        let name = format!("f{disposition}{exists}");
        if exists {
            table.make(&Ask::new(&name));
        }
        let got = table.create(0, &Ask::new(&name).disposition(disposition));
        assert_eq!(got.as_ref().map(|got| got.action).map_err(|status| *status), expected, "{name}");
        if let Ok(got) = got {
            table.close(0, got.id);
        }
    }
    table.finish();
}

#[test]
fn what_is_found_must_be_of_the_kind_that_is_wanted() {
    let mut table = Table::new(1);
    table.make(&Ask::new("file"));
    table.make(&Ask::new("dir").options(DIRECTORY));
    for (ask, status) in [
        (Ask::new("dir").options(NON_DIRECTORY), NtStatus::FILE_IS_A_DIRECTORY),
        (Ask::new("file").options(DIRECTORY), NtStatus::NOT_A_DIRECTORY),
        (Ask::new("dir").options(DIRECTORY), NtStatus::SUCCESS),
        (Ask::new("dir"), NtStatus::SUCCESS),
        (Ask::new("dir").disposition(OVERWRITE_IF), NtStatus::FILE_IS_A_DIRECTORY),
        (Ask::new("dir").options(DIRECTORY).disposition(OVERWRITE_IF), NtStatus::INVALID_PARAMETER),
        (Ask::new("dir").options(DIRECTORY | NON_DIRECTORY), NtStatus::INVALID_PARAMETER),
        (Ask::new("dir").options(DIRECTORY).disposition(CREATE), NtStatus::OBJECT_NAME_COLLISION),
        (Ask::new("file").options(DIRECTORY).disposition(CREATE), NtStatus::OBJECT_NAME_COLLISION),
        (Ask::new("file\\"), NtStatus::OBJECT_NAME_INVALID),
        (Ask::new("dir\\"), NtStatus::SUCCESS),
        (Ask::new("dir::$DATA"), NtStatus::FILE_IS_A_DIRECTORY),
        (Ask::new("dir::$DATA").options(DIRECTORY), NtStatus::NOT_A_DIRECTORY),
        (Ask::new("dir::$INDEX_ALLOCATION"), NtStatus::SUCCESS),
        (Ask::new("file::$DATA"), NtStatus::SUCCESS),
        (Ask::new("file:x:$INDEX_ALLOCATION"), NtStatus::INVALID_PARAMETER),
        (Ask::new("dir\\.\\inside"), NtStatus::SUCCESS),
        (Ask::new(".\\dir\\..\\file"), NtStatus::SUCCESS),
        (Ask::new("dir\\..\\file"), NtStatus::INVALID_PARAMETER),
        (Ask::new("none\\file"), NtStatus::OBJECT_PATH_NOT_FOUND),
        (Ask::new("file\\file"), NtStatus::OBJECT_PATH_NOT_FOUND),
        (Ask::new("\\file"), NtStatus::INVALID_PARAMETER),
        (Ask::new("a*"), NtStatus::OBJECT_NAME_INVALID),
        (Ask::new("").disposition(OPEN), NtStatus::SUCCESS),
        (Ask::new("").disposition(CREATE).options(DIRECTORY), NtStatus::OBJECT_NAME_COLLISION),
    ] {
        assert_eq!(table.status_of(&ask), status, "{} {:#x}", ask.name, ask.options);
    }
    table.finish();
}

#[test]
fn options_access_and_attributes_are_checked_bit_by_bit() {
    let mut table = Table::new(1);
    table.make(&Ask::new("file"));
    let (mut ok, mut unsupported, mut invalid) = (0u32, 0u32, 0u32);
    for bit in (0..32).filter(|bit| 1 << bit != DELETE_ON_CLOSE && 1 << bit != DIRECTORY) {
        let ask = Ask::new("file").options(1 << bit).access(AccessMask::MAXIMUM_ALLOWED);
        match table.status_of(&ask) {
            NtStatus::SUCCESS => ok |= 1 << bit,
            NtStatus::NOT_SUPPORTED => unsupported |= 1 << bit,
            NtStatus::INVALID_PARAMETER => invalid |= 1 << bit,
            other => panic!("option {bit}: {other}"),
        }
    }
    assert_eq!((ok, unsupported, invalid), (0x00ef_cf7e, 0x0010_2080, 0xff00_0000));

    let mut denied = 0u32;
    for bit in 0..32 {
        match table.status_of(&Ask::new("file").access(AccessMask(1 << bit))) {
            NtStatus::SUCCESS => {}
            NtStatus::ACCESS_DENIED | NtStatus::PRIVILEGE_NOT_HELD => denied |= 1 << bit,
            other => panic!("right {bit}: {other}"),
        }
    }
    assert_eq!(denied, 0x0de0_fe00);
    assert_eq!(table.status_of(&Ask::new("file").access(AccessMask::EMPTY)), NtStatus::ACCESS_DENIED);

    let mut invalid = 0u32;
    for bit in (0..32).filter(|bit| 1 << bit != 0x4000) {
        let name = format!("attribute{bit}");
        match table.create(0, &Ask::new(&name).attributes(1 << bit)) {
            Ok(got) => {
                assert_eq!(got.attributes & !0x2000, (1 << bit | 0x20) & 0x0000_5127, "attribute {bit}");
                table.close(0, got.id);
            }
            Err(NtStatus::INVALID_PARAMETER) => invalid |= 1 << bit,
            Err(other) => panic!("attribute {bit}: {other}"),
        }
    }
    assert_eq!(invalid, 0xffff_8048);
    table.finish();
}

#[test]
fn share_modes_decide_who_opens_beside_whom() {
    let mut table = Table::new(2);
    let read = AccessMask::FILE_READ_DATA;
    let held = table.open(0, &Ask::new("f").access(read).share(1));
    assert_eq!(
        table.create(1, &Ask::new("f").access(AccessMask::FILE_WRITE_DATA)).unwrap_err(),
        NtStatus::SHARING_VIOLATION
    );
    assert_eq!(
        table.create(1, &Ask::new("f").access(read).share(2)).unwrap_err(),
        NtStatus::SHARING_VIOLATION
    );
    let beside = table.open(1, &Ask::new("f").access(read).share(1));
    table.close(1, beside);
    let stat = table.open(1, &Ask::new("f").access(AccessMask::FILE_READ_ATTRIBUTES).share(0));
    table.close(1, stat);
    table.close(0, held);
    let alone = table.open(1, &Ask::new("f").share(0));
    assert_eq!(table.create(0, &Ask::new("f").access(read)).unwrap_err(), NtStatus::SHARING_VIOLATION);
    table.close(1, alone);
    table.finish();
}

#[test]
fn a_file_marked_for_deletion_goes_with_its_last_close() {
    let mut table = Table::new(2);
    let first = table.open(0, &Ask::new("f"));
    let second = table.open(1, &Ask::new("f"));
    assert_eq!(table.delete(0, first, true), NtStatus::SUCCESS);
    assert_eq!(table.create(1, &Ask::new("f")).unwrap_err(), NtStatus::DELETE_PENDING);
    assert_eq!(table.delete(1, second, false), NtStatus::SUCCESS);
    let third = table.open(1, &Ask::new("f"));
    table.close(1, third);
    assert_eq!(table.delete(0, first, true), NtStatus::SUCCESS);
    table.close(0, first);
    assert_eq!(table.create(0, &Ask::new("f")).unwrap_err(), NtStatus::DELETE_PENDING);
    table.close(1, second);
    assert_eq!(
        table.create(0, &Ask::new("f").disposition(OPEN)).unwrap_err(),
        NtStatus::OBJECT_NAME_NOT_FOUND
    );
    table.finish();
}

#[test]
fn delete_on_close_deletes_and_read_only_files_refuse_it() {
    let mut table = Table::new(1);
    let id = table.open(0, &Ask::new("f").options(DELETE_ON_CLOSE));
    table.close(0, id);
    assert_eq!(table.status_of(&Ask::new("f").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);

    let read = AccessMask::FILE_READ_DATA;
    assert_eq!(
        table.status_of(&Ask::new("f").options(DELETE_ON_CLOSE).access(read)),
        NtStatus::ACCESS_DENIED
    );
    assert_eq!(
        table.status_of(&Ask::new("f").options(DELETE_ON_CLOSE).attributes(1)),
        NtStatus::CANNOT_DELETE
    );
    table.make(&Ask::new("r").attributes(1));
    let delete = Ask::new("r").access(AccessMask::DELETE);
    assert_eq!(table.status_of(&delete.clone().options(DELETE_ON_CLOSE)), NtStatus::CANNOT_DELETE);
    assert_eq!(table.status_of(&Ask::new("r")), NtStatus::ACCESS_DENIED);
    assert_eq!(table.status_of(&Ask::new("r").disposition(OVERWRITE).attributes(1)), NtStatus::ACCESS_DENIED);
    let id = table.open(0, &delete);
    assert_eq!(table.delete(0, id, true), NtStatus::CANNOT_DELETE);
    table.close(0, id);
    table.finish();
}

#[test]
fn directories_are_deleted_only_when_empty() {
    let mut table = Table::new(1);
    table.make(&Ask::new("d").options(DIRECTORY));
    table.make(&Ask::new("d\\f"));
    let id = table.open(0, &Ask::new("d").options(DIRECTORY));
    assert_eq!(table.delete(0, id, true), NtStatus::DIRECTORY_NOT_EMPTY);
    let file = table.open(0, &Ask::new("d\\f").options(DELETE_ON_CLOSE));
    table.close(0, file);
    assert_eq!(table.delete(0, id, true), NtStatus::SUCCESS);
    assert_eq!(table.status_of(&Ask::new("d\\g")), NtStatus::DELETE_PENDING);
    table.close(0, id);
    assert_eq!(table.status_of(&Ask::new("d").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);

    table.make(&Ask::new("e").options(DIRECTORY));
    table.make(&Ask::new("e\\f"));
    let id = table.open(0, &Ask::new("e").options(DIRECTORY | DELETE_ON_CLOSE));
    table.close(0, id);
    assert_eq!(table.status_of(&Ask::new("e\\f").disposition(OPEN)), NtStatus::SUCCESS);
    // The root of a share stays.
    let root = table.open(0, &Ask::new(""));
    assert_eq!(table.delete(0, root, true), NtStatus::ACCESS_DENIED);
    table.close(0, root);
    table.finish();
}

#[test]
fn hidden_files_are_overwritten_only_by_who_says_so() {
    let mut table = Table::new(1);
    table.make(&Ask::new("h").attributes(2));
    assert_eq!(table.status_of(&Ask::new("h").disposition(OVERWRITE)), NtStatus::ACCESS_DENIED);
    let got = table.create(0, &Ask::new("h").disposition(OVERWRITE).attributes(2)).unwrap();
    assert_eq!((got.action, got.attributes), (CreateAction::OVERWRITTEN, 0x22));
    table.close(0, got.id);
    table.finish();
}

#[test]
fn streams_have_share_modes_and_deletions_of_their_own() {
    let mut table = Table::new(1);
    let stream = table.open(0, &Ask::new("f:s").share(0).access(AccessMask::FILE_WRITE_DATA));
    assert_eq!(table.status_of(&Ask::new("f").access(AccessMask::FILE_WRITE_DATA)), NtStatus::SUCCESS);
    assert_eq!(
        table.status_of(&Ask::new("f:S").access(AccessMask::FILE_READ_DATA)),
        NtStatus::SHARING_VIOLATION
    );
    assert_eq!(table.status_of(&Ask::new("f").access(AccessMask::DELETE)), NtStatus::SHARING_VIOLATION);
    assert_eq!(table.status_of(&Ask::new("f:t")), NtStatus::SUCCESS);
    table.close(0, stream);
    assert_eq!(table.status_of(&Ask::new("f:none").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);

    // Who may delete the file leaves a stream to those alone who share deletion.
    let file = table.open(0, &Ask::new("f").access(AccessMask::DELETE));
    let read = |share| Ask::new("f:t").access(AccessMask::FILE_READ_DATA).share(share);
    assert_eq!(table.status_of(&read(3)), NtStatus::SHARING_VIOLATION);
    assert_eq!(table.status_of(&read(7)), NtStatus::SUCCESS);
    table.close(0, file);
    assert_eq!(table.status_of(&read(3)), NtStatus::SUCCESS);

    let stream = table.open(0, &Ask::new("f:s").options(DELETE_ON_CLOSE));
    table.close(0, stream);
    assert_eq!(table.status_of(&Ask::new("f:s").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(table.status_of(&Ask::new("f").disposition(OPEN)), NtStatus::SUCCESS);

    // The file waits for its streams, whoever is closed first.
    let stream = table.open(0, &Ask::new("f:t"));
    let file = table.open(0, &Ask::new("f").options(DELETE_ON_CLOSE));
    table.close(0, file);
    assert_eq!(table.status_of(&Ask::new("f:t")), NtStatus::DELETE_PENDING);
    table.close(0, stream);
    assert_eq!(table.status_of(&Ask::new("f").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    table.finish();
}

#[test]
fn a_batch_oplock_is_broken_before_a_second_open_comes_in() {
    let mut table = Table::new(2);
    let first = table.create(0, &Ask::new("f").oplock(OplockLevel::BATCH)).unwrap();
    assert_eq!(first.oplock, OplockLevel::BATCH);
    let waiting = table.ask(1, &Ask::new("f").oplock(OplockLevel::BATCH));
    assert!(table.created(1, waiting).is_none());
    assert_eq!(table.oplock_break(0), (first.id, OplockLevel::II));
    let acknowledgment = OplockBreak { oplock_level: OplockLevel::II, file_id: first.id };
    let acknowledgment = OplockBreakAcknowledgment::Oplock(acknowledgment);
    assert_eq!(table.acknowledge(0, acknowledgment), NtStatus::SUCCESS);
    let second = table.created(1, waiting).unwrap().unwrap();
    assert_eq!(second.oplock, OplockLevel::II);
    assert_eq!(table.acknowledge(0, acknowledgment), NtStatus::INVALID_DEVICE_STATE);
    table.finish();
}

#[test]
fn a_break_ends_with_the_holders_close_his_silence_or_his_end() {
    let mut table = Table::new(2);
    let first = table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH).share(0));
    let waiting = table.ask(1, &Ask::new("f"));
    assert!(table.created(1, waiting).is_none());
    table.close(0, first);
    let second = table.created(1, waiting).unwrap().unwrap();
    table.close(1, second.id);

    table.open(0, &Ask::new("f").oplock(OplockLevel::EXCLUSIVE));
    let waiting = table.ask(1, &Ask::new("f"));
    table.world.advance(Duration::from_secs(34));
    assert!(table.created(1, waiting).is_none());
    table.world.advance(Duration::from_secs(2));
    let second = table.created(1, waiting).unwrap().unwrap();
    table.close(1, second.id);

    table.open(0, &Ask::new("g").oplock(OplockLevel::BATCH));
    let waiting = table.ask(1, &Ask::new("g"));
    assert!(table.created(1, waiting).is_none());
    let (id, _) = table.clients[0];
    table.world.disconnect(id);
    table.created(1, waiting).unwrap().unwrap();
    let (id, _) = table.clients[1];
    table.world.disconnect(id);
    table.world.settle();
    table.world.check_nothing_left();
}

#[test]
fn a_deletion_while_an_open_waits_gives_it_a_new_file() {
    let mut table = Table::new(2);
    let first = table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH).options(DELETE_ON_CLOSE));
    let waiting = table.ask(1, &Ask::new("f"));
    assert!(table.created(1, waiting).is_none());
    table.close(0, first);
    let second = table.created(1, waiting).unwrap().unwrap();
    assert_eq!(second.action, CreateAction::CREATED);
    table.finish();
}

#[test]
fn leases_are_shared_under_their_key_and_broken_for_others() {
    let mut table = Table::new(2);
    let first = table.create(0, &Ask::new("f").lease(1, R | H | W)).unwrap();
    assert_eq!(first.oplock, OplockLevel::LEASE);
    assert_eq!(first.lease.unwrap().state.bits(), R | H | W);
    assert_eq!(table.create(0, &Ask::new("other").lease(1, R)).unwrap_err(), NtStatus::INVALID_PARAMETER);
    let again = table.create(0, &Ask::new("f").lease(1, R)).unwrap();
    assert_eq!(again.lease.unwrap().state.bits(), R | H | W);
    table.close(0, again.id);

    let waiting = table.ask(1, &Ask::new("f").lease(2, R | H | W));
    assert!(table.created(1, waiting).is_none());
    assert_eq!(table.lease_break(0), (R | H | W, R | H, true));
    assert_eq!(table.acknowledge_lease(0, 1, R | H | W), NtStatus::REQUEST_NOT_ACCEPTED);
    assert_eq!(table.acknowledge_lease(0, 9, R), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(table.acknowledge_lease(0, 1, R | H), NtStatus::SUCCESS);
    assert_eq!(table.acknowledge_lease(0, 1, R | H), NtStatus::UNSUCCESSFUL);
    let second = table.created(1, waiting).unwrap().unwrap();
    assert_eq!(second.lease.unwrap().state.bits(), R | H);

    // An overwrite takes the rest, and waits for nobody.
    let overwritten = table.create(1, &Ask::new("f").disposition(OVERWRITE)).unwrap();
    assert_eq!(overwritten.action, CreateAction::OVERWRITTEN);
    assert_eq!(table.lease_break(0), (R | H, 0, true));
    assert_eq!(table.lease_break(1), (R | H, 0, true));
    table.finish();
}

#[test]
fn renames_follow_the_rules_of_names_and_opens() {
    let mut table = Table::new(2);
    table.make(&Ask::new("d").options(DIRECTORY));
    table.make(&Ask::new("taken"));
    let file = table.open(0, &Ask::new("f"));
    assert_eq!(table.rename(0, file, "taken", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, file, "none\\f", false), NtStatus::OBJECT_PATH_NOT_FOUND);
    assert_eq!(table.rename(0, file, "a*b", false), NtStatus::OBJECT_NAME_INVALID);
    assert_eq!(table.rename(0, file, "d", true), NtStatus::ACCESS_DENIED);
    assert_eq!(table.rename(0, file, "F", false), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, file, "d\\g", false), NtStatus::SUCCESS);
    let held = table.open(1, &Ask::new("taken"));
    assert_eq!(table.rename(0, file, "taken", true), NtStatus::ACCESS_DENIED);
    table.close(1, held);
    assert_eq!(table.rename(0, file, "taken", true), NtStatus::SUCCESS);
    table.close(0, file);
    assert_eq!(table.status_of(&Ask::new("d\\g").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);

    let no_delete = table.open(0, &Ask::new("taken").access(AccessMask::FILE_READ_DATA));
    assert_eq!(table.rename(0, no_delete, "x", false), NtStatus::ACCESS_DENIED);
    table.close(0, no_delete);
    table.finish();
}

/// jcifs writes the names of directories with a backslash at the end, also the new one.
#[test]
fn a_new_name_may_end_like_that_of_a_directory_if_it_is_one() {
    let mut table = Table::new(1);
    table.make(&Ask::new("d").options(DIRECTORY));
    let directory = table.open(0, &Ask::new("e").options(DIRECTORY));
    assert_eq!(table.rename(0, directory, "f\\", false), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, directory, "d\\g\\", false), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, directory, "d\\h\\\\", false), NtStatus::OBJECT_NAME_INVALID);
    table.close(0, directory);
    assert_eq!(table.status_of(&Ask::new("d\\g").disposition(OPEN).options(DIRECTORY)), NtStatus::SUCCESS);
    let file = table.open(0, &Ask::new("file"));
    assert_eq!(table.rename(0, file, "other\\", false), NtStatus::OBJECT_NAME_INVALID);
    table.close(0, file);
    table.finish();
}

#[test]
fn the_directory_of_a_new_name_takes_part_in_share_modes() {
    let mut table = Table::new(1);
    table.make(&Ask::new("d").options(DIRECTORY));
    let attributes = AccessMask::FILE_READ_ATTRIBUTES;
    let data = AccessMask::FILE_READ_DATA;
    for (access, share, status) in [
        (AccessMask::FILE_ALL_ACCESS, 7, NtStatus::SHARING_VIOLATION),
        (AccessMask::DELETE, 0, NtStatus::SHARING_VIOLATION),
        (data, 7, NtStatus::SUCCESS),
        (data, 0, NtStatus::SHARING_VIOLATION),
        (attributes, 0, NtStatus::SUCCESS),
    ] {
        let directory = table.open(0, &Ask::new("d").options(DIRECTORY).access(access).share(share));
        let file = table.open(0, &Ask::new("d\\f").options(DELETE_ON_CLOSE));
        assert_eq!(table.rename(0, file, "d\\g", false), status, "{access:?} {share}");
        table.close(0, file);
        table.close(0, directory);
    }
    table.finish();
}

#[test]
fn directories_with_something_open_below_are_not_moved() {
    let mut table = Table::new(2);
    table.make(&Ask::new("d").options(DIRECTORY));
    let file = table.open(1, &Ask::new("d\\f"));
    let directory = table.open(0, &Ask::new("d").options(DIRECTORY));
    assert_eq!(table.rename(0, directory, "e", false), NtStatus::ACCESS_DENIED);
    assert_eq!(table.rename(0, directory, "d\\x", false), NtStatus::INVALID_PARAMETER);
    table.close(1, file);
    assert_eq!(table.rename(0, directory, "e", false), NtStatus::SUCCESS);
    table.close(0, directory);
    assert_eq!(table.status_of(&Ask::new("e\\f").disposition(OPEN)), NtStatus::SUCCESS);
    table.finish();
}

#[test]
fn a_rename_waits_until_others_close_what_they_only_cache() {
    let mut table = Table::new(2);
    let file = table.open(0, &Ask::new("f").lease(1, R | H));
    let cached = table.open(1, &Ask::new("f").lease(2, R | H));
    let name: Vec<u8> = "g".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let information = RenameInformation { replace_if_exists: true, root_directory: 0, file_name: &name };
    let waiting = table.set_info(0, file, 10, &information);
    assert!(table.reply(0, waiting).is_none());
    assert_eq!(table.lease_break(1), (R | H, R, true));
    assert_eq!(table.status_of(&Ask::new("g").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(table.acknowledge_lease(1, 2, R), NtStatus::SUCCESS);
    assert_eq!(table.reply(0, waiting).unwrap().header.status, NtStatus::SUCCESS);
    table.close(1, cached);
    table.finish();
}

#[test]
fn streams_are_renamed_within_their_file() {
    let mut table = Table::new(1);
    let stream = table.open(0, &Ask::new("f:one"));
    table.make(&Ask::new("f:two"));
    assert_eq!(table.rename(0, stream, ":two", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, stream, ":two:$DATA", true), NtStatus::SUCCESS);
    table.close(0, stream);
    assert_eq!(table.status_of(&Ask::new("f:one").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(table.status_of(&Ask::new("f:two").disposition(OPEN)), NtStatus::SUCCESS);
    let file = table.open(0, &Ask::new("f"));
    let stream = table.open(0, &Ask::new("f:two"));
    assert_eq!(table.rename(0, file, "g", false), NtStatus::ACCESS_DENIED);
    table.close(0, stream);
    assert_eq!(table.rename(0, file, "g", false), NtStatus::SUCCESS);
    table.finish();
}

/// [MS-FSA] 2.1.5.15.12.1, in its order: what the name says, then what it is said of.
#[test]
fn the_new_name_of_a_stream_is_checked() {
    let mut table = Table::new(1);
    table.make(&Ask::new("e").options(DIRECTORY));
    let stream = table.open(0, &Ask::new("f:one"));
    let of_folder = table.open(0, &Ask::new("e:one"));
    let file = table.open(0, &Ask::new("g"));
    let folder = table.open(0, &Ask::new("d").options(DIRECTORY));
    let long = format!(":{}:$DATA", "x".repeat(256));
    for name in [
        ":",
        "::",
        ":s:",
        ":s:$DATA:",
        "::::",
        ":s:$DATA:x",
        ":s\\ / ::$DATA",
        ":a\\b",
        ":a/b:$DATA",
        ":a\0",
        ":a*",
        ":a?b",
        ":<a>:$DATA",
        ":\"a\"",
        ":a:$DA/TA",
        &long,
    ] {
        for id in [stream, of_folder, file, folder] {
            assert_eq!(table.rename(0, id, name, true), NtStatus::INVALID_PARAMETER, "{name}");
        }
    }
    for id in [stream, of_folder, file] {
        for name in [":s:$NotDATA", ":s:$INDEX_ALLOCATION", ":s:$BITMAP"] {
            assert_eq!(table.rename(0, id, name, true), NtStatus::OBJECT_TYPE_MISMATCH, "{name}");
        }
    }
    assert_eq!(table.rename(0, file, "::$INDEX_ALLOCATION", true), NtStatus::OBJECT_TYPE_MISMATCH);
    for name in [":s", ":s:$DATA", ":s:$NotINDEX_ALLOCATION"] {
        assert_eq!(table.rename(0, folder, name, true), NtStatus::OBJECT_TYPE_MISMATCH, "{name}");
    }
    for name in ["::$DATA", "::$INDEX_ALLOCATION", ":s:$INDEX_ALLOCATION"] {
        assert_eq!(table.rename(0, folder, name, true), NtStatus::INVALID_PARAMETER, "{name}");
    }
    // What has the name already.
    assert_eq!(table.rename(0, stream, ":ONE:$data", false), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, file, "::$DATA", false), NtStatus::SUCCESS);
    // The data of a file stays where it is.
    assert_eq!(table.rename(0, file, ":s:$DATA", false), NtStatus::NOT_SUPPORTED);
    // A stream becomes no file, and a file no stream of another.
    assert_eq!(table.rename(0, stream, "h", false), NtStatus::INVALID_PARAMETER);
    assert_eq!(table.rename(0, stream, "f:h", false), NtStatus::INVALID_PARAMETER);
    assert_eq!(table.rename(0, file, "f:h", false), NtStatus::OBJECT_NAME_INVALID);
    for (id, name, status) in [
        (stream, ":h", NtStatus::INVALID_PARAMETER),
        (stream, "h", NtStatus::INVALID_PARAMETER),
        (folder, "h", NtStatus::FILE_IS_A_DIRECTORY),
        (folder, "a*", NtStatus::FILE_IS_A_DIRECTORY),
        (file, ":h", NtStatus::OBJECT_NAME_INVALID),
        (file, "h:h", NtStatus::OBJECT_NAME_INVALID),
        (file, "a<b*", NtStatus::OBJECT_NAME_INVALID),
    ] {
        assert_eq!(table.link(0, id, name), status, "{name}");
    }
    table.finish();
}

/// The rest of that section: only a stream that nobody uses and that has no data gives way.
#[test]
fn a_stream_takes_the_name_of_one_that_is_empty_and_not_open() {
    let mut table = Table::new(2);
    let stream = table.open(0, &Ask::new("f:one"));
    let other = table.open(1, &Ask::new("f:two"));
    assert_eq!(table.rename(0, stream, ":two", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, stream, ":two", true), NtStatus::INVALID_PARAMETER, "it is open");
    assert_eq!(table.set(1, other, 20, &EndOfFileInformation { end_of_file: 5 }), NtStatus::SUCCESS);
    table.close(1, other);
    assert_eq!(table.rename(0, stream, ":TWO:$DATA", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, stream, ":TWO:$DATA", true), NtStatus::INVALID_PARAMETER, "it has data");
    let other = table.open(1, &Ask::new("f:two"));
    assert_eq!(table.set(1, other, 20, &EndOfFileInformation { end_of_file: 0 }), NtStatus::SUCCESS);
    table.close(1, other);
    assert_eq!(table.rename(0, stream, ":Two:$DATA", true), NtStatus::SUCCESS);

    let data = table.open(1, &Ask::new("f"));
    assert_eq!(table.rename(0, stream, "::$DATA", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, stream, "::$DATA", true), NtStatus::INVALID_PARAMETER, "it is open");
    assert_eq!(table.set(1, data, 20, &EndOfFileInformation { end_of_file: 5 }), NtStatus::SUCCESS);
    table.close(1, data);
    assert_eq!(table.rename(0, stream, "::$DATA", true), NtStatus::INVALID_PARAMETER, "it has data");
    let data = table.open(1, &Ask::new("f"));
    assert_eq!(table.set(1, data, 20, &EndOfFileInformation { end_of_file: 0 }), NtStatus::SUCCESS);
    table.close(1, data);
    assert_eq!(table.rename(0, stream, "::$DATA", true), NtStatus::SUCCESS);
    table.close(0, stream);
    table.finish();
}

/// [MS-FSA] 2.1.5.15.12: Open.Link.IsDeleted and TargetLink.IsDeleted; 2.1.5.15.7 has the first.
#[test]
fn what_is_to_go_gets_no_name_and_gives_none() {
    let mut table = Table::new(2);
    let file = table.open(0, &Ask::new("f"));
    assert_eq!(table.delete(0, file, true), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, file, "g", false), NtStatus::ACCESS_DENIED);
    assert_eq!(table.link(0, file, "g"), NtStatus::ACCESS_DENIED);
    assert_eq!(table.delete(0, file, false), NtStatus::SUCCESS);
    let other = table.open(1, &Ask::new("g"));
    assert_eq!(table.rename(0, file, "g", true), NtStatus::ACCESS_DENIED, "it is open");
    assert_eq!(table.delete(1, other, true), NtStatus::SUCCESS);
    assert_eq!(table.rename(0, file, "g", false), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.rename(0, file, "g", true), NtStatus::DELETE_PENDING);
    table.close(1, other);
    assert_eq!(table.rename(0, file, "g", true), NtStatus::SUCCESS);
    table.finish();
}

/// [MS-FSA] 2.1.5.15.12, TargetExistsSameFile: of two names of a file the old one goes, whatever ReplaceIfExists says.
#[test]
fn a_file_is_renamed_to_another_name_of_its_own() {
    for replace in [false, true] {
        let mut table = Table::new(1);
        let file = table.open(0, &Ask::new("f"));
        assert_eq!(table.link(0, file, "g"), NtStatus::SUCCESS);
        assert_eq!(table.rename(0, file, "g", replace), NtStatus::SUCCESS);
        table.close(0, file);
        assert_eq!(table.status_of(&Ask::new("f").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
        assert_eq!(table.status_of(&Ask::new("g").disposition(OPEN)), NtStatus::SUCCESS);
        table.finish();
    }
}

/// [MS-FSA] 2.1.5.1, phase 6: components are looked for one after the other, and an empty one is none.
#[test]
fn an_empty_component_is_met_where_it_stands() {
    let mut table = Table::new(1);
    table.make(&Ask::new("d").options(DIRECTORY));
    table.make(&Ask::new("d\\f"));
    for disposition in [OPEN, CREATE, 3, OVERWRITE_IF] {
        for (name, status) in [
            ("none\\\\f", NtStatus::OBJECT_PATH_NOT_FOUND),
            ("none\\also\\\\f", NtStatus::OBJECT_PATH_NOT_FOUND),
            ("d\\none\\\\f", NtStatus::OBJECT_PATH_NOT_FOUND),
            ("d\\f\\\\g", NtStatus::OBJECT_PATH_NOT_FOUND),
            ("d\\f\\g\\\\h", NtStatus::OBJECT_PATH_NOT_FOUND),
            ("d\\\\f", NtStatus::OBJECT_NAME_INVALID),
            ("D\\\\none\\f", NtStatus::OBJECT_NAME_INVALID),
            ("d\\\\", NtStatus::OBJECT_NAME_INVALID),
            ("none\\\\\\\\\\\\::$DATA", NtStatus::OBJECT_NAME_INVALID),
            ("\\none", NtStatus::INVALID_PARAMETER),
            ("\\\\none", NtStatus::INVALID_PARAMETER),
        ] {
            for options in [0, NON_DIRECTORY] {
                let ask = Ask::new(name).disposition(disposition).options(options);
                assert_eq!(table.status_of(&ask), status, "{name}");
            }
        }
    }
    table.finish();
}

#[test]
fn links_give_a_file_another_name() {
    let mut table = Table::new(1);
    table.make(&Ask::new("taken"));
    let file = table.open(0, &Ask::new("f"));
    assert_eq!(table.link(0, file, "taken"), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(table.link(0, file, "g"), NtStatus::SUCCESS);
    table.close(0, file);
    let id = table.open(0, &Ask::new("f").options(DELETE_ON_CLOSE));
    table.close(0, id);
    assert_eq!(table.status_of(&Ask::new("g").disposition(OPEN)), NtStatus::SUCCESS);
    assert_eq!(table.status_of(&Ask::new("f").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    table.finish();
}

#[test]
fn a_link_is_deleted_while_the_file_is_open_through_another() {
    let mut table = Table::new(2);
    let first = table.open(0, &Ask::new("f"));
    // One open that was there before the file had a second link, one through each of them after.
    assert_eq!(table.link(0, first, "g"), NtStatus::SUCCESS);
    let through_g = table.open(1, &Ask::new("g"));
    let again = table.open(1, &Ask::new("F"));
    assert_eq!(table.delete(0, first, true), NtStatus::SUCCESS);
    assert_eq!(table.create(1, &Ask::new("f")).unwrap_err(), NtStatus::DELETE_PENDING);
    let other = table.open(1, &Ask::new("g"));
    table.close(0, first);
    assert_eq!(table.create(1, &Ask::new("f")).unwrap_err(), NtStatus::DELETE_PENDING);
    table.close(1, again);
    assert_eq!(
        table.create(0, &Ask::new("f").disposition(OPEN)).unwrap_err(),
        NtStatus::OBJECT_NAME_NOT_FOUND
    );
    // The name is free, and what has it then is another file.
    let new = table.open(0, &Ask::new("f"));
    assert_eq!(table.delete(0, new, true), NtStatus::SUCCESS);
    table.close(0, new);
    // A link that was renamed is the same link.
    assert_eq!(table.link(1, through_g, "h"), NtStatus::SUCCESS);
    assert_eq!(table.rename(1, through_g, "i", false), NtStatus::SUCCESS);
    assert_eq!(table.delete(1, other, true), NtStatus::SUCCESS);
    assert_eq!(table.create(1, &Ask::new("i")).unwrap_err(), NtStatus::DELETE_PENDING);
    assert_eq!(table.status_of(&Ask::new("h").disposition(OPEN)), NtStatus::SUCCESS);
    table.close(1, other);
    table.close(1, through_g);
    assert_eq!(table.status_of(&Ask::new("i").disposition(OPEN)), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(table.status_of(&Ask::new("h").disposition(OPEN)), NtStatus::SUCCESS);
    table.finish();
}

#[test]
fn maximal_access_is_told_to_who_asks() {
    let mut table = Table::new(1);
    let ask = Ask { maximal_access: true, ..Ask::new("f") };
    let got = table.create(0, &ask).unwrap();
    assert_eq!(got.maximal_access, Some(AccessMask::FILE_ALL_ACCESS.0));
    table.close(0, got.id);
    table.finish();
}

#[test]
fn a_cancelled_wait_is_over() {
    let mut table = Table::new(2);
    table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH));
    let waiting = table.ask(1, &Ask::new("f"));
    assert!(table.created(1, waiting).is_none());
    let (id, _) = table.clients[1];
    table.world.disconnect(id);
    let (id, _) = table.clients[0];
    table.world.disconnect(id);
    table.world.settle();
    table.world.check_nothing_left();
}

/// Found by the conversation target: the CANCEL was noted, and forgotten when the operation was done.
#[test]
fn a_cancel_that_comes_while_an_operation_runs_ends_the_wait_that_follows() {
    let mut table = Table::new(2);
    table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH));
    table.world.delay_one_in = 1;
    let waiting = table.ask(1, &Ask::new("f"));
    table.world.delay_one_in = 0;
    let (id, _) = table.clients[1];
    assert!(!table.world.cancel(id, waiting), "it has no interim reply yet");
    table.world.settle();
    assert_eq!(table.created(1, waiting).unwrap().err(), Some(NtStatus::CANCELLED));
    for (id, _) in table.clients {
        table.world.disconnect(id);
    }
    table.world.settle();
    table.world.check_nothing_left();
}

/// [MS-SMB2] 3.3.5.16: a request is found by its MessageId wherever it stands.
#[test]
fn a_cancel_of_a_request_whose_turn_in_its_compound_has_not_come_ends_its_wait() {
    let mut table = Table::new(2);
    table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH));
    let (id, tree) = table.clients[1];
    let name = Utf16Buf::from("f");
    let body = CreateRequest {
        requested_oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: AccessMask::FILE_READ_DATA.0,
        file_attributes: 0,
        share_access: ShareAccess::from_bits_retain(7),
        create_disposition: CreateDisposition(OPEN),
        create_options: CreateOptions::from_bits_retain(0),
        name: name.as_utf16(),
        contexts: CreateContexts::from(&[][..]),
    };
    let client = &mut table.world.clients[id].client;
    let mut packet = client.compound();
    let [first, second] =
        [(); 2].map(|()| client.append(&mut packet, Command::CREATE, tree, &body, 1, false));
    let sent = [(first, Command::CREATE), (second, Command::CREATE)];
    table.world.send_compound(id, packet, &sent);
    table.world.receive(id).unwrap();
    table.world.cancel(id, second.0);
    table.world.cancel(id, first.0);
    for message in [first, second] {
        let status = table.created(1, message.0).expect("a reply").err();
        assert_eq!(status, Some(NtStatus::CANCELLED));
    }
    for (id, _) in table.clients {
        table.world.disconnect(id);
    }
    table.world.settle();
    table.world.check_nothing_left();
}

#[test]
fn nobody_gets_hold_of_what_is_being_deleted() {
    let mut table = Table::new(2);
    let first = table.open(0, &Ask::new("f").options(DELETE_ON_CLOSE));
    // The disk takes its time: the deletion is asked for but not done.
    table.world.delay_one_in = 1;
    let request = CloseRequest { flags: CloseFlags::empty(), file_id: first };
    let closing = table.send(0, Command::CLOSE, &request);
    table.world.delay_one_in = 0;
    let waiting = table.ask(1, &Ask::new("f"));
    let (id, _) = table.clients[1];
    table.world.receive(id).unwrap();
    assert!(table.world.clients[id].replies.is_empty());
    table.reply(0, closing).unwrap().body::<CloseResponse>().unwrap();
    table.world.advance(Duration::from_millis(5));
    let second = table.created(1, waiting).unwrap().unwrap();
    assert_eq!(second.action, CreateAction::CREATED);
    table.finish();
}

#[test]
fn a_break_that_comes_after_the_close_is_not_sent() {
    let mut table = Table::new(1);
    let id = table.open(0, &Ask::new("f").oplock(OplockLevel::BATCH));
    let (client, _) = table.clients[0];
    let connection = table.world.connection_id(client);
    let session = table.world.clients[client].client.session();
    let told = |table: &mut Table| {
        let body = OplockBreak { oplock_level: OplockLevel::II, file_id: id }.to_bytes();
        let holder = HolderId::Oplock(OpenId(id.volatile));
        let event = Event::Break { session, holder, persistent: id.persistent, done: false, body };
        assert!(table.world.server.post(connection, event));
        table.notification(0).is_some()
    };
    assert!(told(&mut table));
    table.close(0, id);
    assert!(!told(&mut table));
    table.finish();
}
