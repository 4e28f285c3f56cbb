//! Opens that outlive their connection, or the server, and requests that come twice ([MS-SMB2] 3.3.5.9.6 to 3.3.5.9.13, 3.3.7.1).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold::client::Reply;
use freehold::proto::persistent::{PersistentStore, restore, restore_deletions};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateAction, CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel,
    ShareAccess,
};
use freehold::smb2::create_context::{
    AppInstanceVersion, CreateContexts, DurableHandleV2Flags, DurableHandleV2Reconnect,
    DurableHandleV2Request, Lease, LeaseV2, RequestContext, ResponseContext,
};
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest};
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::oplock_break::{LeaseBreak, LeaseBreakNotification};
use freehold::smb2::read::{ReadFlags, ReadRequest};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{
    Channel, Command, DecodeMessage, Dialect, FileId, HeaderFlags, InfoType, LeaseKey, LeaseState,
    OplockLevel, TreeId, Utf16Buf,
};
use freehold::state::{PersistentChange, PersistentOpen};
use freehold::vfs::oplock_policy::OplockPolicy;
use freehold::vfs::{DataUse, VfsError, VfsPath, Volume};
use freehold_dtyp::{Encode, Guid, NtStatus, Wtf8Buf};

use crate::world::{ClientId, Manner, PASSWORD, World};

mod persistent;

/// The machines of two users.
const ANNA: Guid = Guid([0xA1; 16]);
const BERT: Guid = Guid([0xB2; 16]);
const CREATE_GUID: Guid = Guid([0xC3; 16]);
const KEY: LeaseKey = LeaseKey([0xE5; 16]);

/// The state of a server that ends: what it has written stays.
#[derive(Default)]
struct Store {
    opens: Mutex<BTreeMap<u64, PersistentOpen>>,
}

impl PersistentStore for Store {
    fn apply(&self, change: PersistentChange) -> Result<(), VfsError> {
        let mut opens = self.opens.lock().unwrap();
        match change {
            PersistentChange::Grant(open) => {
                opens.insert(open.id, *open);
            }
            PersistentChange::Locks { id, locks } => {
                let open = opens.get_mut(&id).expect("locks of an open that is known");
                if locks.version > open.locks.version {
                    open.locks = locks;
                }
            }
            PersistentChange::Path { id, path } => {
                opens.get_mut(&id).expect("an open that is known").path = path
            }
            PersistentChange::Stream { id, stream } => {
                opens.get_mut(&id).expect("an open that is known").stream = stream
            }
            // May overtake the grant, and comes again then.
            PersistentChange::Marks { id, marks } => {
                if let Some(open) = opens.get_mut(&id)
                    && marks.version > open.marks_version
                {
                    (open.marks_version, open.oplock_level) = (marks.version, marks.oplock_level);
                    (open.delete_pending, open.timeout_ms) = (marks.delete_pending, marks.timeout_ms);
                    if let (Some(lease), Some((state, epoch))) = (&mut open.lease, marks.lease) {
                        (lease.state, lease.epoch) = (state, epoch);
                    }
                }
            }
            PersistentChange::Close { id } => {
                opens.remove(&id).expect("the close of an open that is known");
            }
        }
        Ok(())
    }
}

struct Case {
    world: World,
    clients: Vec<(ClientId, TreeId)>,
}

/// What a CREATE answered.
#[derive(Debug)]
struct Got {
    id: FileId,
    action: CreateAction,
    oplock: OplockLevel,
    size: u64,
    /// Timeout in milliseconds and flags of the second version, zeros of the first.
    durable: Option<(u32, DurableHandleV2Flags)>,
    lease: Option<Lease>,
    on_disk_id: bool,
}

impl Got {
    /// Of a lease of the second version.
    fn epoch(&self) -> u16 {
        self.lease.and_then(|lease| lease.v2).expect("a lease of the second version").epoch
    }
}

impl Case {
    fn new() -> Self {
        Case { world: World::new(5), clients: Vec::new() }
    }

    /// A connection of a machine; returns its number here.
    fn join(&mut self, user: &str, machine: Guid, share: &str) -> usize {
        let id = self.world.connect_from(user, PASSWORD, Manner::default(), Some(machine));
        self.world.log_on(id).unwrap();
        let tree = self.world.tree_connect(id, share).unwrap();
        self.clients.push((id, tree));
        self.clients.len() - 1
    }

    /// As [`Case::join`], by a client that knows no newer dialect than `dialect`.
    fn join_with(&mut self, user: &str, machine: Guid, share: &str, dialect: Dialect) -> usize {
        let manner = Manner { dialect, ..Manner::default() };
        let id = self.world.connect_from(user, PASSWORD, manner, Some(machine));
        self.world.log_on(id).unwrap();
        let tree = self.world.tree_connect(id, share).unwrap();
        self.clients.push((id, tree));
        self.clients.len() - 1
    }

    fn lose(&mut self, client: usize) {
        self.world.disconnect(self.clients[client].0);
    }

    fn reply(&mut self, client: usize, message: u64) -> Option<Reply> {
        let (id, _) = self.clients[client];
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(at)
    }

    fn call(&mut self, client: usize, command: Command, body: &impl Encode) -> Reply {
        let (id, tree) = self.clients[client];
        let message = self.world.send(id, command, tree, body, 1);
        self.reply(client, message).expect("a reply")
    }

    /// Sends a request as a repetition, or with a ChannelSequence.
    fn send_marked(
        &mut self,
        client: usize,
        command: Command,
        body: &impl Encode,
        replay: bool,
        sequence: u16,
    ) -> u64 {
        let (id, tree) = self.clients[client];
        let client = &mut self.world.clients[id].client;
        let mut packet = client.compound();
        let message = client.append(&mut packet, command, tree, body, 1, false);
        if replay {
            let flags = HeaderFlags::REPLAY_OPERATION.bits().to_le_bytes();
            packet[16..20].iter_mut().zip(flags).for_each(|(place, flag)| *place |= flag);
        }
        packet[8..10].copy_from_slice(&sequence.to_le_bytes());
        self.world.send_compound(id, packet, &[(message, command)]);
        message.0
    }

    fn create(&mut self, client: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(client, ask, false);
        self.created(client, message).expect("a reply")
    }

    fn replay(&mut self, client: usize, ask: &Ask) -> Result<Got, NtStatus> {
        let message = self.send_create(client, ask, true);
        self.created(client, message).expect("a reply")
    }

    fn send_create(&mut self, client: usize, ask: &Ask, replay: bool) -> u64 {
        let name = Utf16Buf::from(ask.name);
        let mut contexts = ask.contexts.clone();
        if let Some(state) = ask.lease {
            let state = LeaseState::from_bits_retain(state);
            contexts.push(RequestContext::Lease(Lease {
                key: KEY,
                state,
                v2: Some(LeaseV2::default()),
                ..Lease::default()
            }));
        }
        let request = CreateRequest {
            requested_oplock_level: if ask.lease.is_some() { OplockLevel::LEASE } else { ask.oplock },
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: ask.access,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(ask.share),
            create_disposition: CreateDisposition::OPEN_IF,
            create_options: CreateOptions::from_bits_retain(ask.options),
            name: name.as_utf16(),
            contexts: CreateContexts::from(contexts.as_slice()),
        };
        self.send_marked(client, Command::CREATE, &request, replay, 0)
    }

    fn created(&mut self, client: usize, message: u64) -> Option<Result<Got, NtStatus>> {
        let reply = self.reply(client, message)?;
        if reply.header.status.is_error() {
            return Some(Err(reply.header.status));
        }
        let response = CreateResponse::decode(&reply.message).unwrap();
        let mut got = Got {
            id: response.file_id,
            action: response.create_action,
            oplock: response.oplock_level,
            size: response.end_of_file,
            durable: None,
            lease: None,
            on_disk_id: false,
        };
        for context in response.contexts.iter() {
            match context.unwrap() {
                ResponseContext::DurableHandle => got.durable = Some((0, DurableHandleV2Flags::empty())),
                ResponseContext::DurableHandleV2 { timeout_ms, flags } => {
                    got.durable = Some((timeout_ms, flags))
                }
                ResponseContext::Lease(lease) => got.lease = Some(lease),
                ResponseContext::OnDiskId { .. } => got.on_disk_id = true,
                _ => {}
            }
        }
        Some(Ok(got))
    }

    fn close(&mut self, client: usize, file_id: FileId) -> NtStatus {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        self.call(client, Command::CLOSE, &request).header.status
    }

    fn lock_body(file_id: FileId, offset: u64, flags: LockFlags, sequence: u32) -> impl Encode {
        let locks = [LockElement { file_offset: offset, length_bytes: 10, flags }];
        Body(freehold::smb2::message_bytes(
            &freehold::smb2::Smb2Header::default(),
            &LockRequest { lock_sequence: LockSequence(sequence), file_id, locks: locks.as_slice().into() },
        ))
    }

    fn lock(&mut self, client: usize, file_id: FileId, offset: u64, flags: LockFlags) -> NtStatus {
        self.call(client, Command::LOCK, &Self::lock_body(file_id, offset, flags, 0)).header.status
    }

    fn write(&mut self, client: usize, file_id: FileId, replay: bool, sequence: u16) -> Option<NtStatus> {
        let message = self.send_write(client, file_id, replay, sequence);
        self.reply(client, message).map(|reply| reply.header.status)
    }

    fn send_write(&mut self, client: usize, file_id: FileId, replay: bool, sequence: u16) -> u64 {
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
        self.send_marked(client, Command::WRITE, &request, replay, sequence)
    }

    fn read(&mut self, client: usize, file_id: FileId) -> NtStatus {
        let request = ReadRequest {
            padding: 80,
            flags: ReadFlags::empty(),
            length: 7,
            file_offset: 0,
            file_id,
            minimum_count: 0,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: b"",
        };
        self.call(client, Command::READ, &request).header.status
    }

    fn resiliency(&mut self, client: usize, file_id: FileId, timeout_ms: u32) -> NtStatus {
        let mut input = timeout_ms.to_le_bytes().to_vec();
        input.extend([0; 4]);
        let request = IoctlRequest {
            ctl_code: 0x0014_01D4,
            file_id,
            max_input_response: 0,
            max_output_response: 0,
            flags: IoctlFlags::IS_FSCTL,
            input: &input,
            output: b"",
        };
        self.call(client, Command::IOCTL, &request).header.status
    }

    /// Everybody goes, time passes, and nothing may be left.
    fn finish(mut self) {
        for index in 0..self.clients.len() {
            if self.world.is_connected(self.clients[index].0) {
                self.lose(index);
            }
        }
        self.world.settle();
        self.world.advance(Duration::from_secs(301));
        self.world.settle();
        self.world.check_nothing_left();
    }
}

struct Body(Vec<u8>);

impl Encode for Body {
    fn encode(&self, writer: &mut freehold_dtyp::Writer) {
        writer.bytes(&self.0[freehold::smb2::Smb2Header::SIZE..]);
    }
}

#[derive(Clone)]
struct Ask {
    name: &'static str,
    access: u32,
    share: u32,
    options: u32,
    oplock: OplockLevel,
    lease: Option<u32>,
    contexts: Vec<RequestContext<'static>>,
}

impl Ask {
    fn new(name: &'static str) -> Self {
        let oplock = OplockLevel::NONE;
        Ask { name, access: 0x1F_01FF, share: 7, options: 0x40, oplock, lease: None, contexts: Vec::new() }
    }

    fn with(mut self, context: RequestContext<'static>) -> Self {
        self.contexts.push(context);
        self
    }

    /// Durable by the second version, with a batch oplock.
    fn durable(name: &'static str, timeout_ms: u32) -> Self {
        Ask { oplock: OplockLevel::BATCH, ..Ask::new(name).v2(timeout_ms, DurableHandleV2Flags::empty()) }
    }

    fn v2(self, timeout_ms: u32, flags: DurableHandleV2Flags) -> Self {
        let request = DurableHandleV2Request { timeout_ms, flags, create_guid: CREATE_GUID };
        self.with(RequestContext::DurableHandleV2(request))
    }

    fn persistent(name: &'static str) -> Self {
        Ask::new(name).v2(300_000, DurableHandleV2Flags::PERSISTENT)
    }

    fn reconnect(name: &'static str, file_id: FileId, flags: DurableHandleV2Flags) -> Self {
        let request = DurableHandleV2Reconnect { file_id, create_guid: CREATE_GUID, flags };
        Ask::new(name).with(RequestContext::DurableHandleV2Reconnect(request))
    }

    fn share(self, share: u32) -> Self {
        Ask { share, ..self }
    }

    fn lease(self, state: u32) -> Self {
        Ask { lease: Some(state), ..self }
    }
}

const NO_FLAGS: DurableHandleV2Flags = DurableHandleV2Flags::empty();
const PERSISTENT: DurableHandleV2Flags = DurableHandleV2Flags::PERSISTENT;
const EXCLUSIVE_NOW: LockFlags = LockFlags::EXCLUSIVE_LOCK.union(LockFlags::FAIL_IMMEDIATELY);

#[test]
fn a_client_that_comes_back_has_its_file_and_its_locks() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let got = case.create(anna, &Ask::durable("f", 0).share(0)).unwrap();
    assert_eq!((got.oplock, got.durable), (OplockLevel::BATCH, Some((60_000, NO_FLAGS))));
    assert_eq!(case.write(anna, got.id, false, 0), Some(NtStatus::SUCCESS));
    assert_eq!(case.lock(anna, got.id, 100, EXCLUSIVE_NOW), NtStatus::SUCCESS);
    case.lose(anna);

    let again = case.join("anna", ANNA, "data");
    assert_eq!(case.read(again, got.id), NtStatus::FILE_CLOSED, "it is nobody's yet");
    let taken = case.create(again, &Ask::reconnect("f", got.id, NO_FLAGS)).unwrap();
    assert_eq!((taken.id, taken.action, taken.size), (got.id, CreateAction::OPENED, 7));
    assert_eq!((taken.oplock, taken.durable), (OplockLevel::BATCH, None));
    assert_eq!(case.read(again, got.id), NtStatus::SUCCESS);
    assert_eq!(
        case.lock(again, got.id, 100, LockFlags::UNLOCK),
        NtStatus::SUCCESS,
        "the lock is still there"
    );
    let twice = case.create(again, &Ask::reconnect("f", got.id, NO_FLAGS)).unwrap_err();
    assert_eq!(twice, NtStatus::OBJECT_NAME_NOT_FOUND, "it is not waiting any more");
    assert_eq!(case.close(again, got.id), NtStatus::SUCCESS);
    case.finish();
}

#[test]
fn only_the_owner_takes_an_open_up_and_only_by_its_name() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let got = case.create(anna, &Ask::durable("f", 0)).unwrap();
    case.lose(anna);
    let bert = case.join("bert", BERT, "data");
    let taken = Ask::reconnect("f", got.id, NO_FLAGS);
    assert_eq!(case.create(bert, &taken).unwrap_err(), NtStatus::ACCESS_DENIED);
    let anna = case.join("anna", ANNA, "data");
    let other = DurableHandleV2Reconnect { file_id: got.id, create_guid: Guid([1; 16]), flags: NO_FLAGS };
    let other = Ask::new("f").with(RequestContext::DurableHandleV2Reconnect(other));
    assert_eq!(case.create(anna, &other).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND, "another CreateGuid");
    assert_eq!(
        case.create(anna, &taken.clone().lease(7)).unwrap_err(),
        NtStatus::OBJECT_NAME_NOT_FOUND,
        "it has no lease"
    );
    assert_eq!(
        case.create(anna, &Ask::reconnect("f", got.id, PERSISTENT)).unwrap_err(),
        NtStatus::INVALID_PARAMETER,
        "it is not persistent"
    );
    let both = taken.clone().with(RequestContext::DurableHandle);
    assert_eq!(case.create(anna, &both).unwrap_err(), NtStatus::INVALID_PARAMETER);
    let sealed = case.join("anna", ANNA, "available");
    assert_eq!(case.create(sealed, &taken).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND, "another share");
    assert_eq!(case.create(anna, &taken).unwrap().id, got.id);
    case.finish();
}

#[test]
fn a_durable_open_is_given_up_when_its_time_is_over() {
    let mut case = Case::new();
    for (asked, granted) in [(0, 60_000), (5_000, 5_000), (u32::MAX, 300_000)] {
        let anna = case.join("anna", ANNA, "data");
        let got = case.create(anna, &Ask::durable("f", asked).share(0)).unwrap();
        assert_eq!(got.durable, Some((granted, NO_FLAGS)));
        case.lose(anna);
        case.world.advance(Duration::from_millis(u64::from(granted)) - Duration::from_millis(1));
        let anna = case.join("anna", ANNA, "data");
        assert_eq!(case.create(anna, &Ask::reconnect("f", got.id, NO_FLAGS)).unwrap().id, got.id);
        case.lose(anna);
        // Its time runs anew from each loss.
        case.world.advance(Duration::from_millis(u64::from(granted)) - Duration::from_millis(1));
        assert_eq!(case.world.server.disconnected.len(), 1);
        case.world.advance(Duration::from_millis(1));
        assert!(case.world.server.disconnected.is_empty());
        let anna = case.join("anna", ANNA, "data");
        let late = case.create(anna, &Ask::reconnect("f", got.id, NO_FLAGS)).unwrap_err();
        assert_eq!(late, NtStatus::OBJECT_NAME_NOT_FOUND);
        case.lose(anna);
    }
    case.finish();
}

#[test]
fn durability_needs_a_cached_handle_and_a_file() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    for (oplock, durable) in [
        (OplockLevel::NONE, false),
        (OplockLevel::II, false),
        (OplockLevel::EXCLUSIVE, false),
        (OplockLevel::BATCH, true),
    ] {
        for context in [
            RequestContext::DurableHandle,
            RequestContext::DurableHandleV2(DurableHandleV2Request {
                timeout_ms: 0,
                flags: PERSISTENT,
                create_guid: CREATE_GUID,
            }),
        ] {
            let got = case.create(anna, &Ask { oplock, ..Ask::new("f") }.with(context)).unwrap();
            assert_eq!(got.durable.is_some(), durable, "{oplock:?} {context:?}");
            assert!(got.durable.is_none_or(|(_, flags)| flags == NO_FLAGS), "the share keeps nothing");
            case.close(anna, got.id);
        }
    }
    for (state, durable) in [(0, false), (1, false), (5, false), (3, true), (7, true)] {
        let got = case.create(anna, &Ask::new("f").lease(state).with(RequestContext::DurableHandle)).unwrap();
        assert_eq!(got.durable.is_some(), durable, "{state}");
        case.close(anna, got.id);
    }
    let folder = Ask { options: 1, oplock: OplockLevel::BATCH, ..Ask::new("d") };
    let got = case.create(anna, &folder.with(RequestContext::DurableHandle)).unwrap();
    assert_eq!(got.durable, None);
    case.finish();
}

#[test]
fn an_open_that_conflicts_ends_a_durable_one() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let got = case.create(anna, &Ask { options: 0x1040, ..Ask::durable("f", 0).share(0) }).unwrap();
    assert_eq!(case.write(anna, got.id, false, 0), Some(NtStatus::SUCCESS));
    case.lose(anna);
    let bert = case.join("bert", BERT, "data");
    // FILE_DELETE_ON_CLOSE of the one that was given up has taken effect.
    let fresh = case.create(bert, &Ask::new("f")).unwrap();
    assert_eq!((fresh.action, fresh.size), (CreateAction::CREATED, 0));
    let anna = case.join("anna", ANNA, "data");
    let late = case.create(anna, &Ask::reconnect("f", got.id, NO_FLAGS)).unwrap_err();
    assert_eq!(late, NtStatus::OBJECT_NAME_NOT_FOUND);
    case.finish();
}

#[test]
fn a_shared_read_keeps_a_durable_lease_and_a_write_ends_it() {
    for (write, kept) in [(false, true), (true, false)] {
        let mut case = Case::new();
        let anna = case.join("anna", ANNA, "data");
        let got = case.create(anna, &Ask::new("f").lease(3).v2(0, NO_FLAGS)).unwrap();
        assert!(got.durable.is_some());
        case.lose(anna);
        let bert = case.join("bert", BERT, "data");
        let other = case.create(bert, &Ask::new("f")).unwrap();
        if write {
            assert_eq!(case.write(bert, other.id, false, 0), Some(NtStatus::SUCCESS));
        }
        let anna = case.join("anna", ANNA, "data");
        let taken = case.create(anna, &Ask::reconnect("f", got.id, NO_FLAGS).lease(3));
        assert_eq!(taken.map(|taken| taken.id).ok(), kept.then_some(got.id));
        case.finish();
    }
}

#[test]
fn locks_are_kept_for_a_durable_open_that_caches_writes_only() {
    for (state, locked, kept) in [(7, true, true), (7, false, true), (3, false, true), (3, true, false)] {
        let mut case = Case::new();
        let anna = case.join("anna", ANNA, "data");
        let got = case.create(anna, &Ask::new("f").lease(state).v2(0, NO_FLAGS)).unwrap();
        assert!(got.durable.is_some(), "{state}");
        assert_eq!(case.lock(anna, got.id, 100, EXCLUSIVE_NOW), NtStatus::SUCCESS);
        if !locked {
            assert_eq!(case.lock(anna, got.id, 100, LockFlags::UNLOCK), NtStatus::SUCCESS);
        }
        case.lose(anna);
        let anna = case.join("anna", ANNA, "data");
        let taken = case.create(anna, &Ask::reconnect("f", got.id, NO_FLAGS).lease(state));
        let expected = if kept { Ok(got.id) } else { Err(NtStatus::OBJECT_NAME_NOT_FOUND) };
        assert_eq!(taken.map(|taken| taken.id), expected, "{state} {locked}");
        case.finish();
    }
}

#[test]
fn a_lease_is_taken_up_by_its_machine_its_key_and_its_name() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let got = case.create(anna, &Ask::new("f").lease(7).v2(0, NO_FLAGS)).unwrap();
    case.lose(anna);
    let elsewhere = case.join("anna", BERT, "data");
    let taken = Ask::reconnect("f", got.id, NO_FLAGS).lease(0);
    assert_eq!(case.create(elsewhere, &taken).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND);
    let anna = case.join("anna", ANNA, "data");
    let without = Ask::reconnect("f", got.id, NO_FLAGS);
    assert_eq!(case.create(anna, &without).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND);
    let misnamed = Ask { name: "g", ..taken.clone() };
    assert_eq!(case.create(anna, &misnamed).unwrap_err(), NtStatus::INVALID_PARAMETER);
    let back = case.create(anna, &Ask { name: "F", ..taken }).unwrap();
    assert_eq!(back.lease.unwrap().state.bits(), 7);
    case.finish();
}

/// A lease context of either version.
fn lease_of(key: LeaseKey, second: bool) -> RequestContext<'static> {
    let state = LeaseState::from_bits_retain(7);
    RequestContext::Lease(Lease { key, state, v2: second.then(LeaseV2::default), ..Lease::default() })
}

/// What asks for durability, or for an open again, by either version.
fn durable_of(second: bool) -> RequestContext<'static> {
    let flags = NO_FLAGS;
    match second {
        true => RequestContext::DurableHandleV2(DurableHandleV2Request {
            timeout_ms: 0,
            flags,
            create_guid: CREATE_GUID,
        }),
        false => RequestContext::DurableHandle,
    }
}

fn again_of(second: bool, file_id: FileId) -> RequestContext<'static> {
    let flags = NO_FLAGS;
    match second {
        true => RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
            file_id,
            create_guid: CREATE_GUID,
            flags,
        }),
        false => RequestContext::DurableHandleReconnect(file_id),
    }
}

/// 3.3.5.9.7 and 3.3.5.9.12, line by line: what keeps a client from taking up an open that has a batch oplock (`None`) or a lease of
/// either version, by either version of the context. What was refused is there as before.
#[test]
fn each_condition_of_a_reconnect_is_checked() {
    const OTHER: LeaseKey = LeaseKey([0x77; 16]);
    for (second, held) in [false, true]
        .into_iter()
        .flat_map(|second| [None, Some(false), Some(true)].into_iter().map(move |held| (second, held)))
    {
        let with_lease = |ask: Ask| match held {
            Some(version) => Ask { oplock: OplockLevel::LEASE, ..ask }.with(lease_of(KEY, version)),
            None => Ask { oplock: OplockLevel::BATCH, ..ask },
        };
        let bare = |id: FileId| Ask::new("f").with(again_of(second, id));
        let right = |id: FileId| with_lease(bare(id));
        let mut case = Case::new();
        let anna = case.join("anna", ANNA, "data");
        let got = case.create(anna, &with_lease(Ask::new("f").with(durable_of(second)))).unwrap();
        assert!(got.durable.is_some(), "{second} {held:?}");
        let id = got.id;
        let back = case.join("anna", ANNA, "data");
        let connected = case.create(back, &right(id)).unwrap_err();
        assert_eq!(connected, NtStatus::OBJECT_NAME_NOT_FOUND, "Open.Session is not NULL");
        case.lose(anna);

        let missing = NtStatus::OBJECT_NAME_NOT_FOUND;
        let invalid = NtStatus::INVALID_PARAMETER;
        let mut refused = vec![
            (right(FileId { persistent: id.persistent ^ 1, ..id }), missing, "no such open"),
            (right(id).with(durable_of(true)), invalid, "DH2Q beside it"),
            (right(id).with(again_of(!second, id)), invalid, "the other version beside it"),
        ];
        if second {
            refused.push((right(id).with(durable_of(false)), invalid, "DHnQ beside DH2C"));
            let strange =
                DurableHandleV2Reconnect { file_id: id, create_guid: Guid([1; 16]), flags: NO_FLAGS };
            let strange = Ask::new("f").with(RequestContext::DurableHandleV2Reconnect(strange));
            refused.push((with_lease(strange), missing, "another CreateGuid"));
            let strange = Ask::reconnect("f", id, PERSISTENT);
            refused.push((with_lease(strange), invalid, "it is not persistent"));
        }
        match held {
            None => {
                for version in [false, true] {
                    refused.push((right(id).with(lease_of(KEY, version)), missing, "it has no lease"));
                }
            }
            Some(version) => {
                let lease = |key, version| bare(id).with(lease_of(key, version));
                refused.extend([
                    (bare(id), missing, "it has a lease"),
                    (lease(OTHER, version), missing, "another key"),
                    (lease(KEY, !version), missing, "another version"),
                    (
                        lease(KEY, version).with(lease_of(OTHER, !version)),
                        missing,
                        "another key beside its own",
                    ),
                    (
                        lease(OTHER, !version).with(lease_of(KEY, version)),
                        missing,
                        "its own beside another key",
                    ),
                    (Ask { name: "g", ..right(id) }, invalid, "another name"),
                ]);
            }
        }
        for (ask, status, why) in refused {
            let answer = case.create(back, &ask).map(|got| got.id);
            assert_eq!(answer, Err(status), "{why}: {second} {held:?}");
        }
        let bert = case.join("bert", ANNA, "data");
        let another = case.create(bert, &right(id)).unwrap_err();
        assert_eq!(another, NtStatus::ACCESS_DENIED, "another user: {second} {held:?}");

        let elsewhere = case.join("anna", BERT, "data");
        let mut last = right(id).with(RequestContext::QueryOnDiskId);
        if !second {
            // It is ignored beside DHnC.
            last = last.with(RequestContext::DurableHandle);
        }
        let taken = match held {
            // Only a lease is of a machine.
            None => case.create(elsewhere, &last).unwrap(),
            Some(version) => {
                assert_eq!(case.create(elsewhere, &last).unwrap_err(), missing, "another machine");
                let taken = case.create(back, &last).unwrap();
                let lease = taken.lease.expect("the lease is told");
                assert_eq!((lease.key, lease.state.bits(), lease.v2.is_some()), (KEY, 7, version));
                taken
            }
        };
        assert_eq!((taken.id, taken.action), (id, CreateAction::OPENED));
        // Nothing is said of its durability again, and of its id on the disk (3.3.5.9.9).
        assert_eq!((taken.durable, taken.on_disk_id), (None, false));
        assert_eq!(taken.lease.is_some(), held.is_some());
        case.finish();
    }
}

/// 3.3.5.9.7: "Open.Lease is NULL and the SMB2_CREATE_REQUEST_LEASE_V2 or the SMB2_CREATE_REQUEST_LEASE create context is present",
/// whatever the dialect makes of it.
#[test]
fn an_open_without_a_lease_is_not_taken_up_with_one_in_any_dialect() {
    for dialect in [Dialect::SMB_2_0_2, Dialect::SMB_2_1, Dialect::SMB_3_0, Dialect::SMB_3_1_1] {
        let mut case = Case::new();
        let anna = case.join_with("anna", ANNA, "data", dialect);
        let ask = Ask { oplock: OplockLevel::BATCH, ..Ask::new("f") };
        let got = case.create(anna, &ask.with(durable_of(false))).unwrap();
        assert!(got.durable.is_some());
        case.lose(anna);
        let anna = case.join_with("anna", ANNA, "data", dialect);
        let again = Ask::new("f").with(again_of(false, got.id));
        for version in [false, true] {
            let refused = case.create(anna, &again.clone().with(lease_of(KEY, version))).unwrap_err();
            assert_eq!(refused, NtStatus::OBJECT_NAME_NOT_FOUND, "{dialect:?} {version}");
        }
        assert_eq!(case.create(anna, &again).unwrap().id, got.id, "{dialect:?}");
        case.finish();
    }
}

/// 3.3.5.9.7: "Open.IsDurable is FALSE and Open.IsResilient is FALSE". A lease context is one only where the request's level says so
/// (3.3.5.9.8, 3.3.5.9.11): without it nothing is cached, and nothing is kept.
#[test]
fn what_was_not_durable_is_not_taken_up() {
    for (ask, lease) in [
        (Ask { oplock: OplockLevel::BATCH, ..Ask::new("f") }, None),
        (Ask::new("f").with(durable_of(false)).with(lease_of(KEY, false)), Some(false)),
        (Ask::new("f").with(durable_of(true)).with(lease_of(KEY, false)), Some(false)),
        (Ask::new("f").with(durable_of(true)).with(lease_of(KEY, true)), Some(true)),
        (Ask { oplock: OplockLevel::II, ..Ask::new("f") }.with(durable_of(true)), None),
    ] {
        let mut case = Case::new();
        let anna = case.join("anna", ANNA, "data");
        let got = case.create(anna, &ask).unwrap();
        assert_eq!((got.durable, got.lease), (None, None));
        case.lose(anna);
        assert!(case.world.server.disconnected.is_empty());
        let anna = case.join("anna", ANNA, "data");
        for second in [false, true] {
            let again = Ask::new("f").with(again_of(second, got.id));
            let again = match lease {
                Some(version) => again.with(lease_of(KEY, version)),
                None => again,
            };
            assert_eq!(case.create(anna, &again).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND);
        }
        case.finish();
    }
}

/// Lease.FileDeleteOnClose (3.3.5.9.8, 3.3.5.21.1): the name of a file that is to go says nothing.
#[test]
fn a_file_that_is_to_go_is_taken_up_by_any_name() {
    for by_option in [true, false] {
        let mut case = Case::new();
        let anna = case.join("anna", ANNA, "data");
        let options = if by_option { 0x1040 } else { 0x40 };
        let ask = Ask { options, ..Ask::new("f") };
        let got = case.create(anna, &ask.lease(7).with(durable_of(true))).unwrap();
        if !by_option {
            assert_eq!(case.set_info(anna, got.id, DISPOSITION, &[1]), NtStatus::SUCCESS);
        }
        case.lose(anna);
        let anna = case.join("anna", ANNA, "data");
        let again = Ask::new("g").lease(7).with(again_of(true, got.id));
        assert_eq!(case.create(anna, &again).unwrap().id, got.id, "{by_option}");
        assert_eq!(case.close(anna, got.id), NtStatus::SUCCESS);
        assert!(!case.exists("f"));
        case.finish();
    }
}

#[test]
fn a_request_that_waits_does_not_outlive_its_connection_on_a_durable_open() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let bert = case.join("bert", BERT, "data");
    let theirs = case.create(bert, &Ask::new("f")).unwrap();
    assert_eq!(case.lock(bert, theirs.id, 0, EXCLUSIVE_NOW), NtStatus::SUCCESS);
    let got = case.create(anna, &Ask::new("f")).unwrap();
    assert_eq!(case.resiliency(anna, got.id, 300_001), NtStatus::INVALID_PARAMETER);
    assert_eq!(case.resiliency(anna, got.id, 0), NtStatus::SUCCESS);
    let (id, tree) = case.clients[anna];
    let waiting = Case::lock_body(got.id, 0, LockFlags::EXCLUSIVE_LOCK, 0);
    case.world.send(id, Command::LOCK, tree, &waiting, 1);
    case.lose(anna);
    assert_eq!(case.lock(bert, theirs.id, 0, LockFlags::UNLOCK), NtStatus::SUCCESS);
    assert_eq!(case.lock(bert, theirs.id, 0, EXCLUSIVE_NOW), NtStatus::SUCCESS, "nobody else has taken it");
    // A resilient open needs no oplock.
    let anna = case.join("anna", ANNA, "data");
    let taken = Ask::new("f").with(RequestContext::DurableHandleReconnect(got.id));
    assert_eq!(case.create(anna, &taken).unwrap().id, got.id);
    case.finish();
}

#[test]
fn a_resilient_open_waits_as_long_as_was_asked_in_whole_seconds() {
    let mut case = Case::new();
    for (asked_ms, kept_ms) in [(1, 1_000), (100, 1_000), (1_000, 1_000), (2_001, 3_000), (0, 120_000)] {
        let anna = case.join("anna", ANNA, "data");
        // Resiliency ends durability, and the time that came with it.
        let got = case.create(anna, &Ask::durable("f", 60_000)).unwrap();
        assert_eq!(case.resiliency(anna, got.id, asked_ms), NtStatus::SUCCESS);
        case.lose(anna);
        case.world.advance(Duration::from_millis(kept_ms - 1));
        assert_eq!(case.world.server.disconnected.len(), 1, "{asked_ms} ms");
        case.world.advance(Duration::from_millis(1));
        assert!(case.world.server.disconnected.is_empty(), "{asked_ms} ms");
    }
    case.finish();
}

#[test]
fn a_create_that_comes_again_is_answered_by_its_open() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let ask = Ask::durable("f", 0).share(0);
    let first = case.create(anna, &ask).unwrap();
    assert_eq!(first.action, CreateAction::CREATED);
    let again = case.replay(anna, &ask).unwrap();
    assert_eq!((again.id, again.action, again.durable), (first.id, first.action, first.durable));
    assert_eq!(case.create(anna, &ask).unwrap_err(), NtStatus::DUPLICATE_OBJECTID, "not marked as a replay");
    assert_eq!(case.replay(anna, &ask.clone().lease(7)).unwrap_err(), NtStatus::ACCESS_DENIED);
    // Another session of the same machine.
    let second = case.join("anna", ANNA, "data");
    assert_eq!(case.replay(second, &ask).unwrap_err(), NtStatus::DUPLICATE_OBJECTID);
    // The first one is gone: the replay takes the open up.
    case.lose(anna);
    assert_eq!(case.replay(second, &ask).unwrap().id, first.id);
    // Once it is used it is not answered for any more: the request is carried out.
    assert_eq!(case.read(second, first.id), NtStatus::END_OF_FILE);
    let anew = case.send_create(second, &ask, true);
    assert!(case.created(second, anew).is_none(), "it waits for the break of the first one's oplock");
    assert_eq!(case.close(second, first.id), NtStatus::SUCCESS);
    let third = case.created(second, anew).unwrap().unwrap();
    assert_ne!(third.id, first.id);
    case.finish();
}

#[test]
fn a_create_that_is_still_waiting_tells_its_replay_to_come_again() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let bert = case.join("bert", BERT, "data");
    let held = case.create(bert, &Ask { oplock: OplockLevel::BATCH, ..Ask::new("f") }).unwrap();
    let ask = Ask::durable("f", 0);
    let waiting = case.send_create(anna, &ask, false);
    assert!(case.created(anna, waiting).is_none());
    assert_eq!(case.replay(anna, &ask).unwrap_err(), NtStatus::FILE_NOT_AVAILABLE);
    assert_eq!(case.close(bert, held.id), NtStatus::SUCCESS);
    let got = case.created(anna, waiting).unwrap().unwrap();
    assert_eq!(case.replay(anna, &ask).unwrap().id, got.id);
    case.finish();
}

#[test]
fn a_write_that_comes_again_waits_for_its_first_copy() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let got = case.create(anna, &Ask::durable("f", 0)).unwrap();
    case.world.delay_one_in = 1;
    case.send_write(anna, got.id, false, 0);
    case.lose_with_operations(anna);
    case.world.delay_one_in = 0;
    let anna = case.join("anna", ANNA, "data");
    // The volume is still busy with the first copy.
    let (id, tree) = case.clients[anna];
    let name = Utf16Buf::from("f");
    let reconnect = [RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
        file_id: got.id,
        create_guid: CREATE_GUID,
        flags: NO_FLAGS,
    })];
    let request = CreateRequest {
        requested_oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: 0,
        file_attributes: 0,
        share_access: ShareAccess::empty(),
        create_disposition: CreateDisposition::OPEN,
        create_options: CreateOptions::empty(),
        name: name.as_utf16(),
        contexts: CreateContexts::from(&reconnect),
    };
    case.world.send(id, Command::CREATE, tree, &request, 1);
    let early = case.send_write(anna, got.id, true, 1);
    case.world.receive(id).unwrap();
    let reply = case.world.clients[id].replies.iter().find(|reply| reply.header.message_id.0 == early);
    assert_eq!(reply.expect("a reply").header.status, NtStatus::FILE_NOT_AVAILABLE);
    case.world.settle();
    assert_eq!(case.write(anna, got.id, true, 1), Some(NtStatus::SUCCESS));
    assert_eq!(case.write(anna, got.id, false, 0), Some(NtStatus::FILE_NOT_AVAILABLE), "an older sequence");
    case.finish();
}

impl Case {
    /// Cuts a connection while the volume is busy with its requests.
    fn lose_with_operations(&mut self, client: usize) {
        self.world.disconnect(self.clients[client].0);
    }

    /// Ends the server at once and starts another one of the same files, as the shell does.
    fn restart(self, store: &Arc<Store>) -> Case {
        self.restart_giving(store, OplockPolicy::All)
    }

    fn restart_giving(self, store: &Arc<Store>, oplocks: OplockPolicy) -> Case {
        let world = self.world.restarted(6, oplocks);
        let _ = world.server.persistent.set(Arc::clone(store) as Arc<dyn PersistentStore>);
        let shares = world.server.shares.load_full();
        let records: Vec<PersistentOpen> = store.opens.lock().unwrap().values().cloned().collect();
        for record in &records {
            let path = VfsPath::new(Wtf8Buf::from(std::str::from_utf8(&record.path).unwrap())).unwrap();
            let stream = record.stream.as_ref().map(|name| Wtf8Buf::from(std::str::from_utf8(name).unwrap()));
            let stream = stream.as_ref().map(|name| name.as_wtf8());
            let opened = world.volume.open(&path, stream, DataUse::WRITE).unwrap();
            restore(&world.server, shares.find(&record.share).unwrap(), record, opened, world.now()).unwrap();
        }
        restore_deletions(&world.server, &records);
        Case { world, clients: Vec::new() }
    }

    fn with_store(store: &Arc<Store>) -> Case {
        let case = Case::new();
        let _ = case.world.server.persistent.set(Arc::clone(store) as Arc<dyn PersistentStore>);
        case
    }
}

#[test]
fn a_machine_that_takes_an_application_over_gets_its_files() {
    let instance = |ask: Ask| ask.with(RequestContext::AppInstanceId(Guid([0xD4; 16])));
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let first = case.create(anna, &instance(Ask::durable("f", 0).share(0))).unwrap();
    // The same machine is not taken from.
    let other = instance(Ask { contexts: Vec::new(), ..Ask::new("f") });
    let beside = case.join("anna", ANNA, "data");
    let waiting = case.send_create(beside, &other, false);
    assert!(case.created(beside, waiting).is_none());
    case.lose(beside);
    let anna2 = case.join("anna", BERT, "data");
    let second = case.create(anna2, &other.share(0)).unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(case.close(anna, first.id), NtStatus::FILE_CLOSED);
    case.finish();
}

#[test]
fn an_application_is_known_without_a_durable_handle_in_every_dialect() {
    let instance = || Ask::new("f").share(0).with(RequestContext::AppInstanceId(Guid([0xD4; 16])));
    let mut case = Case::new();
    let old = case.join_with("anna", ANNA, "data", Dialect::SMB_3_0_2);
    let first = case.create(old, &instance()).unwrap();
    let new = case.join("anna", BERT, "data");
    let version = AppInstanceVersion { high: 1, low: 0 };
    case.create(new, &instance().with(RequestContext::AppInstanceVersion(version))).unwrap();
    assert_eq!(case.close(old, first.id), NtStatus::FILE_CLOSED);
    // What has a version is not taken by what has none.
    assert_eq!(case.create(old, &instance()).unwrap_err(), NtStatus::FILE_FORCED_CLOSED);
    case.finish();
}

#[test]
fn the_second_version_beside_the_first_is_refused_in_every_dialect() {
    let v2 = || Ask::new("f").v2(0, DurableHandleV2Flags::empty());
    for dialect in [Dialect::SMB_2_1, Dialect::SMB_3_0] {
        let mut case = Case::new();
        let anna = case.join_with("anna", ANNA, "data", dialect);
        let both = v2().with(RequestContext::DurableHandle);
        assert_eq!(case.create(anna, &both).unwrap_err(), NtStatus::INVALID_PARAMETER, "{dialect:?}");
        // Alone it is not known before 3.0, and ignored.
        assert!(case.create(anna, &v2()).is_ok(), "{dialect:?}");
        case.finish();
    }
}

impl Case {
    fn set_info(&mut self, client: usize, file_id: FileId, class: u8, buffer: &[u8]) -> NtStatus {
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class,
            additional_information: 0,
            file_id,
            buffer,
        };
        self.call(client, Command::SET_INFO, &request).header.status
    }

    fn acknowledge(&mut self, client: usize, state: u32) -> NtStatus {
        let answer = LeaseBreak { lease_key: KEY, lease_state: LeaseState::from_bits_retain(state) };
        self.call(client, Command::OPLOCK_BREAK, &answer).header.status
    }

    fn exists(&self, name: &str) -> bool {
        let path = VfsPath::new(Wtf8Buf::from(name)).unwrap();
        self.world.volume.open(&path, None, DataUse::READ).is_ok()
    }
}

const DISPOSITION: u8 = 13;
const RENAME: u8 = 10;

#[test]
fn a_directory_is_never_merely_durable() {
    let mut case = Case::new();
    let anna = case.join("anna", ANNA, "data");
    let request = DurableHandleV2Request {
        timeout_ms: 0,
        flags: DurableHandleV2Flags::empty(),
        create_guid: CREATE_GUID,
    };
    let ask = Ask { options: 1, access: 0x12_0089, lease: Some(0b011), ..Ask::new("d") };
    let got = case.create(anna, &ask.with(RequestContext::DurableHandleV2(request))).unwrap();
    assert_eq!(got.durable, None);
    case.finish();
}
