//! Quotas as clients query and set them ([MS-SMB2] 3.3.5.20.4, 3.3.5.21.4; [MS-FSA] 2.1.5.13.6, 2.1.5.16.6), over a volume that
//! is told what its owners use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use freehold::fscc::chain::ChainEncode;
use freehold::fscc::fs_info::{
    FileSystemAttributes, FsAttributeInformation, FsControlFlags, FsControlInformation,
    FsFullSizeInformation, FsSizeInformation,
};
use freehold::fscc::quota::{GetQuotaInformation, QuotaInformation};
use freehold::fscc::{Append, ChainEntries, ChainWriter, FsInformationClass};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest, QueryInfoResponse, QueryQuotaInfo};
use freehold::smb2::read::{ReadFlags, ReadRequest};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::{Channel, Command, DecodeMessage, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::memory::MemoryVolume;
use freehold::vfs::quotas::{Quotas, Recount};
use freehold::vfs::{
    DataUse, Existing, FileRef, NewNode, OpenError, Opened, Space, VfsError, VfsPath, Volume, VolumeIdentity,
};
use freehold_dtyp::{Decode, Encode, FileTime, NtStatus, Sid, Wtf8, Wtf8Buf};
use freehold_quotas::{
    Change, Crossing, FolderQuotaId, Limits, Mode, OwnerRow, Policy, Settings, Source, Usage,
};

use crate::world::{ClientId, World};

const INDEX: &str = "$Extend\\$Quota:$Q:$INDEX_ALLOCATION";
const READ_WRITE: u32 = 0x0002_019F;
const UNIT_BYTES: u64 = 4096;
const NONE: i64 = -1;

/// Limits, and what owners use.
#[derive(Default)]
struct Table {
    policy: Mutex<Arc<Policy>>,
    used: Mutex<BTreeMap<Sid, u64>>,
}

impl Quotas for Table {
    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.lock().unwrap())
    }

    fn set_policy(&self, policy: Arc<Policy>) -> Result<(), VfsError> {
        *self.policy.lock().unwrap() = policy;
        Ok(())
    }

    fn change(&self, changes: &[Change]) -> Result<(), VfsError> {
        let mut policy = Policy::clone(&self.policy());
        for change in changes {
            match change {
                Change::Settings(settings) => policy.settings = *settings,
                Change::Entry { owner, limits } => {
                    policy.own.insert(*owner, *limits);
                }
                Change::Remove { owner } => {
                    policy.own.remove(owner);
                }
            }
        }
        self.set_policy(Arc::new(policy))
    }

    fn usage(&self, owner: &Sid) -> Usage {
        let used = self.used.lock().unwrap().get(owner).copied();
        Usage { logical_bytes: used.unwrap_or(0), physical_bytes: 0, files: u64::from(used.is_some()) }
    }

    fn owners(&self, after: Option<&Sid>, most: usize) -> Vec<OwnerRow> {
        let policy = self.policy();
        let used = self.used.lock().unwrap().clone();
        let all: BTreeSet<Sid> =
            policy.own.keys().chain(policy.by_group.keys()).chain(used.keys()).copied().collect();
        let row = |owner: Sid| {
            let (limits, source) = policy.limits_of(&owner);
            OwnerRow { owner, usage: self.usage(&owner), limits, source }
        };
        all.into_iter().filter(|owner| after.is_none_or(|after| owner > after)).take(most).map(row).collect()
    }

    fn folders(&self) -> Vec<(FolderQuotaId, Usage)> {
        Vec::new()
    }

    fn recount(&self, _: &mut dyn FnMut(u64) -> bool) -> Result<Recount, VfsError> {
        Ok(Recount::default())
    }

    fn on_crossing(&self, _: Box<dyn Fn(Crossing) + Send + Sync>) {}
}

/// The volume in memory, with the table.
struct Counted {
    inner: MemoryVolume,
    identity: VolumeIdentity,
    table: Arc<Table>,
}

impl Volume for Counted {
    fn identity(&self) -> &VolumeIdentity {
        &self.identity
    }

    fn space(&self) -> Result<Space, VfsError> {
        self.inner.space()
    }

    fn space_of(&self, caller: &Sid, _: &FileRef) -> Result<Space, VfsError> {
        let space = self.inner.space()?;
        let (limits, _) = self.table.policy().limits_of(caller);
        let Some(limit) = limits.limit_bytes else { return Ok(space) };
        let left = limit.saturating_sub(self.table.usage(caller).logical_bytes);
        Ok(Space {
            total_bytes: space.total_bytes.min(limit),
            available_bytes: space.available_bytes.min(left),
            limited: true,
            ..space
        })
    }

    fn quotas(&self) -> Option<Arc<dyn Quotas>> {
        Some(Arc::clone(&self.table) as Arc<dyn Quotas>)
    }

    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError> {
        self.inner.open(path, stream, data_use)
    }

    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError> {
        self.inner.create(parent, name, new)
    }

    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, now: FileTime) -> Result<Opened, VfsError> {
        self.inner.create_stream(file, name, now)
    }

    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        self.inner.rename(file, to, existing, now)
    }

    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        self.inner.link(file, to, existing, now)
    }

    fn unlink(&self, file: &FileRef) -> Result<(), VfsError> {
        self.inner.unlink(file)
    }

    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError> {
        self.inner.snapshots()
    }

    fn snapshot(&self, time: FileTime) -> Result<Arc<dyn Volume>, VfsError> {
        self.inner.snapshot(time)
    }

    fn sync(&self) -> Result<(), VfsError> {
        self.inner.sync()
    }
}

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// Owner number `rid` of the simulation's domain.
fn owner(rid: u32) -> Sid {
    sid("S-1-5-21-1-2-3").with_rid(rid).unwrap()
}

/// The SID of an account of the simulation.
fn account(name: &str) -> Sid {
    owner(1000 + u32::from(name.bytes().fold(0u8, u8::wrapping_add)))
}

/// A server that counts, an administrator (0) and a user (1) of it.
struct Desk {
    world: World,
    table: Arc<Table>,
    clients: [(ClientId, TreeId); 2],
}

const ADMINISTRATOR: usize = 0;
const USER: usize = 1;

impl Desk {
    fn new() -> Self {
        let table = Arc::new(Table::default());
        let counted = Arc::clone(&table);
        let mut world = World::counting(77, |inner| {
            let identity = VolumeIdentity { quotas: true, ..inner.identity().clone() };
            Arc::new(Counted { inner, identity, table: counted })
        });
        let clients = ["administrator", "user"].map(|name| {
            let client = world.connect_as(name, crate::world::PASSWORD);
            world.log_on(client).unwrap();
            (client, world.tree_connect(client, "data").unwrap())
        });
        Desk { world, table, clients }
    }

    fn use_bytes(&self, owner: Sid, bytes: u64) {
        self.table.used.lock().unwrap().insert(owner, bytes);
    }

    fn limit(&self, owner: Sid, warning: i64, limit: i64) {
        let of = |bytes: i64| u64::try_from(bytes).ok();
        let limits = Limits { limit_bytes: of(limit), warning_bytes: of(warning) };
        self.table.change(&[Change::Entry { owner, limits }]).unwrap();
    }

    fn mode(&self, mode: Mode) {
        let settings = Settings { mode, ..self.table.policy().settings };
        self.table.change(&[Change::Settings(settings)]).unwrap();
    }

    fn call(&mut self, who: usize, command: Command, body: &impl Encode, size: u32) -> (NtStatus, Vec<u8>) {
        let (client, tree) = self.clients[who];
        let message = self.world.send(client, command, tree, body, size);
        self.world.settle();
        self.world.receive(client).unwrap();
        let replies = &mut self.world.clients[client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("a reply");
        let reply = replies.remove(at).unwrap();
        (reply.header.status, reply.message)
    }

    fn create(
        &mut self,
        who: usize,
        name: &str,
        access: u32,
        disposition: u32,
        options: u32,
    ) -> Result<(FileId, Vec<u8>), NtStatus> {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: access,
            file_attributes: 0x80,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(disposition),
            create_options: CreateOptions::from_bits_retain(options),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        let (status, message) = self.call(who, Command::CREATE, &request, 0);
        if status.is_error() {
            return Err(status);
        }
        let file_id = CreateResponse::decode(&message).unwrap().file_id;
        Ok((file_id, message))
    }

    fn open(&mut self, who: usize, name: &str) -> FileId {
        self.create(who, name, READ_WRITE, 1, 0).unwrap().0
    }

    fn query(
        &mut self,
        who: usize,
        file_id: FileId,
        kind: InfoType,
        class: u8,
        input: &[u8],
        length: u32,
    ) -> Result<Vec<u8>, NtStatus> {
        let request = QueryInfoRequest {
            info_type: kind,
            file_info_class: class,
            output_buffer_length: length,
            additional_information: 0,
            flags: QueryInfoFlags::empty(),
            file_id,
            input_buffer: input,
        };
        let (status, message) = self.call(who, Command::QUERY_INFO, &request, length.max(1));
        match status {
            NtStatus::SUCCESS => Ok(QueryInfoResponse::decode(&message).unwrap().output_buffer.to_vec()),
            status => Err(status),
        }
    }

    fn set(&mut self, who: usize, file_id: FileId, kind: InfoType, class: u8, buffer: &[u8]) -> NtStatus {
        let request = SetInfoRequest {
            info_type: kind,
            file_info_class: class,
            additional_information: 0,
            file_id,
            buffer,
        };
        self.call(who, Command::SET_INFO, &request, 0).0
    }

    fn entries_in(
        &mut self,
        who: usize,
        file_id: FileId,
        query: &QueryQuotaInfo<'_>,
        length: u32,
    ) -> Result<Vec<QuotaInformation>, NtStatus> {
        let output = self.query(who, file_id, InfoType::QUOTA, 0, &query.to_bytes(), length)?;
        Ok(ChainEntries::<QuotaInformation>::new(&output).map(Result::unwrap).collect())
    }

    fn entries(
        &mut self,
        who: usize,
        file_id: FileId,
        query: &QueryQuotaInfo<'_>,
    ) -> Result<Vec<QuotaInformation>, NtStatus> {
        self.entries_in(who, file_id, query, 65_536)
    }

    /// The entries of these owners: used, threshold and limit.
    fn of(&mut self, who: usize, file_id: FileId, owners: &[Sid]) -> Result<Vec<(i64, i64, i64)>, NtStatus> {
        let list = chain(owners.iter().map(|sid| GetQuotaInformation { sid: *sid }));
        let found = self.entries(who, file_id, &QueryQuotaInfo { sid_list: &list, ..ALL })?;
        assert_eq!(found.iter().map(|entry| entry.sid).collect::<Vec<_>>(), owners);
        Ok(found.iter().map(|entry| (entry.quota_used, entry.quota_threshold, entry.quota_limit)).collect())
    }

    /// All entries from the first on: owner and use.
    fn all(&mut self, who: usize, file_id: FileId) -> Result<Vec<(Sid, i64)>, NtStatus> {
        let found = self.entries(who, file_id, &QueryQuotaInfo { restart_scan: true, ..ALL })?;
        Ok(found.iter().map(|entry| (entry.sid, entry.quota_used)).collect())
    }

    fn put(&mut self, who: usize, file_id: FileId, changes: &[(Sid, i64, i64)]) -> NtStatus {
        let buffer = chain(changes.iter().map(|(sid, quota_threshold, quota_limit)| QuotaInformation {
            change_time: FileTime(1),
            quota_used: 99,
            quota_threshold: *quota_threshold,
            quota_limit: *quota_limit,
            sid: *sid,
        }));
        self.set(who, file_id, InfoType::QUOTA, 0, &buffer)
    }

    fn control(&mut self, who: usize, file_id: FileId) -> Result<FsControlInformation, NtStatus> {
        let class = FsInformationClass::CONTROL.0;
        let output = self.query(who, file_id, InfoType::FILESYSTEM, class, &[], 100)?;
        Ok(FsControlInformation::from_bytes(&output).unwrap())
    }
}

/// Nobody named, from where the last one ended.
const ALL: QueryQuotaInfo<'_> =
    QueryQuotaInfo { return_single: false, restart_scan: false, sid_list: b"", start_sid: b"" };

fn chain<E: ChainEncode>(entries: impl Iterator<Item = E>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ChainWriter::new(&mut bytes, usize::MAX);
    for entry in entries {
        assert_eq!(writer.append(&entry), Append::Written);
    }
    bytes
}

#[test]
fn the_index_is_there_for_administrators_alone() {
    let mut desk = Desk::new();
    for name in [INDEX, "$EXTEND\\$quota:$q:$index_allocation", "$Extend\\$Quota:$O:$INDEX_ALLOCATION"] {
        assert_eq!(desk.create(USER, name, READ_WRITE, 1, 0).unwrap_err(), NtStatus::ACCESS_DENIED, "{name}");
        let (index, message) = desk.create(ADMINISTRATOR, name, READ_WRITE, 1, 0).unwrap();
        let response = CreateResponse::decode(&message).unwrap();
        assert_eq!(response.file_attributes, 0x36, "{name}");
        assert_eq!(
            [
                response.creation_time,
                response.last_access_time,
                response.last_write_time,
                response.change_time
            ],
            [FileTime::ZERO; 4]
        );
        assert_eq!((response.end_of_file, response.allocation_size), (0, 0));
        let close = CloseRequest { flags: CloseFlags::empty(), file_id: index };
        assert_eq!(desk.call(ADMINISTRATOR, Command::CLOSE, &close, 0).0, NtStatus::SUCCESS);
        assert_eq!(desk.control(ADMINISTRATOR, index), Err(NtStatus::FILE_CLOSED));
    }
    for (disposition, options, status) in [
        (0, 0, NtStatus::ACCESS_DENIED),
        (2, 0, NtStatus::OBJECT_NAME_COLLISION),
        (4, 0, NtStatus::ACCESS_DENIED),
        (5, 0, NtStatus::ACCESS_DENIED),
        (1, 0x1000, NtStatus::ACCESS_DENIED),
    ] {
        let refused = desk.create(ADMINISTRATOR, INDEX, READ_WRITE | 0x1_0000, disposition, options);
        assert_eq!(refused.unwrap_err(), status, "disposition {disposition}");
    }
    // There only, and nothing else of the folder.
    for name in [
        "d\\$Extend\\$Quota:$Q:$INDEX_ALLOCATION",
        "$Extend\\$Quota",
        "$Extend",
        "$Extend\\$ObjId:$O:$INDEX_ALLOCATION",
    ] {
        let refused = desk.create(ADMINISTRATOR, name, READ_WRITE, 1, 0).unwrap_err();
        assert!(
            [NtStatus::OBJECT_PATH_NOT_FOUND, NtStatus::OBJECT_NAME_NOT_FOUND].contains(&refused),
            "{name}: {refused}"
        );
    }
}

#[test]
fn the_index_is_in_no_listing_and_has_no_data() {
    let mut desk = Desk::new();
    let root = desk.create(ADMINISTRATOR, "", READ_WRITE, 1, 1).unwrap().0;
    let pattern = Utf16Buf::from("$*");
    let list = QueryDirectoryRequest {
        file_information_class: 3,
        flags: QueryDirectoryFlags::RESTART_SCANS,
        file_index: 0,
        file_id: root,
        file_name: pattern.as_utf16(),
        output_buffer_length: 4096,
    };
    assert_eq!(desk.call(ADMINISTRATOR, Command::QUERY_DIRECTORY, &list, 4096).0, NtStatus::NO_SUCH_FILE);
    let index = desk.open(ADMINISTRATOR, INDEX);
    let list = QueryDirectoryRequest { file_id: index, ..list };
    assert_eq!(
        desk.call(ADMINISTRATOR, Command::QUERY_DIRECTORY, &list, 4096).0,
        NtStatus::INVALID_PARAMETER
    );
    let read = ReadRequest {
        padding: 0,
        flags: ReadFlags::empty(),
        length: 10,
        file_offset: 0,
        file_id: index,
        minimum_count: 0,
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: &[],
    };
    assert_eq!(desk.call(ADMINISTRATOR, Command::READ, &read, 10).0, NtStatus::INVALID_DEVICE_REQUEST);
    let basic = desk.query(ADMINISTRATOR, index, InfoType::FILE, 4, &[], 100);
    assert_eq!(basic, Err(NtStatus::INVALID_DEVICE_REQUEST));
    let (client, _) = desk.clients[ADMINISTRATOR];
    desk.world.disconnect(client);
    desk.world.disconnect(desk.clients[USER].0);
    desk.world.settle();
    desk.world.check_nothing_left();
}

#[test]
fn a_list_is_answered_in_its_order_with_zeros_for_strangers() {
    let mut desk = Desk::new();
    desk.use_bytes(owner(5), 500);
    desk.limit(owner(7), 10, NONE);
    let index = desk.open(ADMINISTRATOR, INDEX);
    let expected = vec![(0, 10, NONE), (0, 0, 0), (500, NONE, NONE)];
    assert_eq!(desk.of(ADMINISTRATOR, index, &[owner(7), owner(6), owner(5)]), Ok(expected));
    // Only the first.
    let list = chain([owner(5), owner(7)].into_iter().map(|sid| GetQuotaInformation { sid }));
    let single = QueryQuotaInfo { return_single: true, sid_list: &list, ..ALL };
    assert_eq!(desk.entries(ADMINISTRATOR, index, &single).unwrap().len(), 1);
    // As many as fit, but one at least.
    let two = QueryQuotaInfo { sid_list: &list, ..ALL };
    assert_eq!(desk.entries_in(ADMINISTRATOR, index, &two, 100).unwrap().len(), 1);
    for length in [0, 10, 67] {
        let none = desk.entries_in(ADMINISTRATOR, index, &two, length);
        assert_eq!(none, Err(NtStatus::BUFFER_TOO_SMALL), "{length} bytes");
    }
    for bad in [&list[..list.len() - 1], &list[..30], &[0; 8]] {
        let bad = QueryQuotaInfo { sid_list: bad, ..ALL };
        assert_eq!(desk.entries(ADMINISTRATOR, index, &bad), Err(NtStatus::INVALID_PARAMETER));
    }
    let root = desk.create(ADMINISTRATOR, "", READ_WRITE, 1, 1).unwrap().0;
    let as_class = desk.query(ADMINISTRATOR, root, InfoType::FILE, 32, &[], 4096);
    assert_eq!(as_class, Err(NtStatus::INVALID_PARAMETER));
    let nothing = desk.query(ADMINISTRATOR, index, InfoType::QUOTA, 0, &[], 4096);
    assert_eq!(nothing, Err(NtStatus::INVALID_PARAMETER));
}

#[test]
fn a_scan_goes_on_where_it_ended_and_ends_with_no_more_entries() {
    let mut desk = Desk::new();
    for rid in 1..=5 {
        desk.use_bytes(owner(rid), u64::from(rid));
    }
    let numbers = |found: Result<Vec<QuotaInformation>, NtStatus>| {
        found.map(|found| found.iter().map(|entry| entry.quota_used).collect::<Vec<_>>())
    };
    let root = desk.create(ADMINISTRATOR, "", READ_WRITE, 1, 1).unwrap().0;
    let index = desk.open(ADMINISTRATOR, INDEX);
    for handle in [index, root] {
        // 68 bytes an entry, at multiples of 8.
        let scan =
            |desk: &mut Desk, query, length| numbers(desk.entries_in(ADMINISTRATOR, handle, query, length));
        assert_eq!(scan(&mut desk, &ALL, 140), Ok(vec![1, 2]));
        assert_eq!(scan(&mut desk, &QueryQuotaInfo { return_single: true, ..ALL }, 4096), Ok(vec![3]));
        assert_eq!(scan(&mut desk, &ALL, 20), Err(NtStatus::BUFFER_TOO_SMALL));
        assert_eq!(scan(&mut desk, &ALL, 4096), Ok(vec![4, 5]));
        assert_eq!(scan(&mut desk, &ALL, 4096), Err(NtStatus::NO_MORE_ENTRIES));
        assert_eq!(scan(&mut desk, &ALL, 4096), Err(NtStatus::NO_MORE_ENTRIES));
        let restart = QueryQuotaInfo { restart_scan: true, ..ALL };
        assert_eq!(scan(&mut desk, &restart, 4096), Ok(vec![1, 2, 3, 4, 5]));
        // From an owner on, whatever RestartScan says; the scan goes on from there.
        let third = owner(3).to_bytes();
        let start = QueryQuotaInfo { start_sid: &third, restart_scan: true, return_single: true, ..ALL };
        assert_eq!(scan(&mut desk, &start, 4096), Ok(vec![3]));
        assert_eq!(scan(&mut desk, &ALL, 4096), Ok(vec![4, 5]));
        let start = QueryQuotaInfo { return_single: false, ..start };
        assert_eq!(scan(&mut desk, &start, 4096), Ok(vec![3, 4, 5]));
        let stranger = owner(9).to_bytes();
        let start = QueryQuotaInfo { start_sid: &stranger, ..ALL };
        assert_eq!(scan(&mut desk, &start, 4096), Err(NtStatus::INVALID_PARAMETER));
        let start = QueryQuotaInfo { start_sid: &stranger[..9], ..ALL };
        assert_eq!(scan(&mut desk, &start, 4096), Err(NtStatus::INVALID_PARAMETER));
    }
}

#[test]
fn a_user_sees_the_own_entry_and_sets_nothing() {
    let mut desk = Desk::new();
    let me = account("user");
    desk.use_bytes(owner(1), 1);
    let file = desk.create(USER, "f", READ_WRITE, 2, 0).unwrap().0;
    assert_eq!(desk.all(USER, file), Err(NtStatus::NO_MORE_ENTRIES));
    desk.use_bytes(me, 70);
    desk.limit(me, 80, 90);
    assert_eq!(desk.all(USER, file), Ok(vec![(me, 70)]));
    assert_eq!(desk.entries(USER, file, &ALL), Err(NtStatus::NO_MORE_ENTRIES));
    assert_eq!(desk.of(USER, file, &[me]), Ok(vec![(70, 80, 90)]));
    for others in [&[owner(1)][..], &[me, owner(1)]] {
        assert_eq!(desk.of(USER, file, others), Err(NtStatus::ACCESS_DENIED));
    }
    for (start, answer) in [(me, Ok(1)), (owner(1), Err(NtStatus::ACCESS_DENIED))] {
        let start = start.to_bytes();
        let found = desk.entries(USER, file, &QueryQuotaInfo { start_sid: &start, ..ALL });
        assert_eq!(found.map(|found| found.len()), answer);
    }
    assert_eq!(desk.put(USER, file, &[(me, 1, 1_000_000)]), NtStatus::ACCESS_DENIED);
    let class = FsInformationClass::CONTROL.0;
    let control = desk.control(USER, file).unwrap();
    assert_eq!(
        desk.set(USER, file, InfoType::FILESYSTEM, class, &control.to_bytes()),
        NtStatus::ACCESS_DENIED
    );
    assert_eq!(desk.of(USER, file, &[me]), Ok(vec![(70, 80, 90)]));
}

#[test]
fn administrators_set_change_and_remove_entries() {
    let mut desk = Desk::new();
    let index = desk.open(ADMINISTRATOR, INDEX);
    let changes = [(owner(1), 10, 20), (owner(2), NONE, NONE), (owner(3), 0, 0)];
    assert_eq!(desk.put(ADMINISTRATOR, index, &changes), NtStatus::SUCCESS);
    let owners = [owner(1), owner(2), owner(3)];
    assert_eq!(desk.of(ADMINISTRATOR, index, &owners), Ok(vec![(0, 10, 20), (0, NONE, NONE), (0, 0, 0)]));
    assert_eq!(desk.table.policy().limits_of(&owner(3)).0.limit_bytes, Some(0), "nothing at all is a limit");
    // A request that is refused changes nothing, also where the fault is in its last entry.
    for (last, status) in [
        ((Sid::ADMINISTRATORS, 1, 1), NtStatus::ACCESS_DENIED),
        ((Sid::ADMINISTRATORS, 1, -2), NtStatus::ACCESS_DENIED),
        ((owner(9), 0, -2), NtStatus::NO_MATCH),
        ((owner(9), -2, 5), NtStatus::INVALID_PARAMETER),
        ((owner(9), 5, -3), NtStatus::INVALID_PARAMETER),
    ] {
        assert_eq!(desk.put(ADMINISTRATOR, index, &[(owner(1), 7, 7), last]), status);
        assert_eq!(desk.of(ADMINISTRATOR, index, &owners[..1]), Ok(vec![(0, 10, 20)]));
    }
    assert_eq!(desk.put(ADMINISTRATOR, index, &[(Sid::ADMINISTRATORS, NONE, NONE)]), NtStatus::SUCCESS);
    assert_eq!(desk.put(ADMINISTRATOR, index, &[(owner(1), 0, -2), (owner(2), 5, 6)]), NtStatus::SUCCESS);
    assert_eq!(desk.of(ADMINISTRATOR, index, &owners[..2]), Ok(vec![(0, 0, 0), (0, 5, 6)]));
    // An entry that the same request makes can go with it, but only once.
    assert_eq!(desk.put(ADMINISTRATOR, index, &[(owner(4), 1, 1), (owner(4), 0, -2)]), NtStatus::SUCCESS);
    assert_eq!(desk.put(ADMINISTRATOR, index, &[(owner(2), 0, -2), (owner(2), 0, -2)]), NtStatus::NO_MATCH);
    assert_eq!(desk.set(ADMINISTRATOR, index, InfoType::QUOTA, 0, &[]), NtStatus::INVALID_PARAMETER);
    assert_eq!(
        desk.set(ADMINISTRATOR, index, InfoType::QUOTA, 0, &[0; 60]),
        NtStatus::QUOTA_LIST_INCONSISTENT
    );
    // A handle that may not write sets nothing.
    let reads = desk.create(ADMINISTRATOR, INDEX, 0x12_0089, 1, 0).unwrap().0;
    assert_eq!(desk.put(ADMINISTRATOR, reads, &[(owner(1), 1, 1)]), NtStatus::ACCESS_DENIED);
}

#[test]
fn what_counts_is_told_wherever_it_comes_from() {
    let mut desk = Desk::new();
    let mut policy = Policy::clone(&desk.table.policy());
    policy.settings.mode = Mode::Enforce;
    policy.settings.default = Limits { limit_bytes: Some(100), warning_bytes: None };
    let group = Limits { limit_bytes: Some(300), warning_bytes: Some(200) };
    policy.by_group.insert(owner(2), (group, owner(50)));
    policy.exempt.push(owner(3));
    desk.table.set_policy(Arc::new(policy)).unwrap();
    for rid in [1, 3] {
        desk.use_bytes(owner(rid), 8);
    }
    assert!(matches!(desk.table.policy().limits_of(&owner(3)).1, Source::Exempt));
    let index = desk.open(ADMINISTRATOR, INDEX);
    assert_eq!(
        desk.of(ADMINISTRATOR, index, &[owner(1), owner(2), owner(3), owner(4)]),
        Ok(vec![(8, NONE, 100), (0, 200, 300), (8, NONE, NONE), (0, 0, 0)])
    );
}

#[test]
fn while_quotas_are_off_entries_are_shown_and_no_usage() {
    let mut desk = Desk::new();
    desk.use_bytes(owner(1), 500);
    desk.use_bytes(owner(2), 600);
    desk.limit(owner(2), 10, 20);
    desk.limit(owner(3), 10, 20);
    desk.mode(Mode::Off);
    let index = desk.open(ADMINISTRATOR, INDEX);
    assert_eq!(desk.all(ADMINISTRATOR, index), Ok(vec![(owner(2), 0), (owner(3), 0)]));
    assert_eq!(desk.entries(ADMINISTRATOR, index, &ALL), Err(NtStatus::NO_MORE_ENTRIES));
    assert_eq!(desk.of(ADMINISTRATOR, index, &[owner(1), owner(2)]), Ok(vec![(0, 0, 0), (0, 10, 20)]));
    let start = owner(1).to_bytes();
    let start = QueryQuotaInfo { start_sid: &start, ..ALL };
    assert_eq!(desk.entries(ADMINISTRATOR, index, &start), Err(NtStatus::INVALID_PARAMETER));
    desk.mode(Mode::Track);
    assert_eq!(desk.all(ADMINISTRATOR, index), Ok(vec![(owner(1), 500), (owner(2), 600), (owner(3), 0)]));
}

#[test]
fn the_volume_tells_its_settings_and_takes_others() {
    let mut desk = Desk::new();
    let index = desk.open(ADMINISTRATOR, INDEX);
    let class = FsInformationClass::CONTROL.0;
    let found = desk.control(ADMINISTRATOR, index).unwrap();
    assert_eq!((found.default_quota_threshold, found.default_quota_limit), (NONE, NONE));
    assert_eq!(found.file_system_control_flags, FsControlFlags::QUOTA_TRACK);
    let wanted = FsControlInformation {
        default_quota_threshold: 5,
        default_quota_limit: 6,
        file_system_control_flags: FsControlFlags::QUOTA_ENFORCE
            | FsControlFlags::LOG_QUOTA_LIMIT
            | FsControlFlags::LOG_QUOTA_THRESHOLD,
        ..FsControlInformation::default()
    };
    let set =
        |desk: &mut Desk, bytes: &[u8]| desk.set(ADMINISTRATOR, index, InfoType::FILESYSTEM, class, bytes);
    assert_eq!(set(&mut desk, &wanted.to_bytes()[..47]), NtStatus::INFO_LENGTH_MISMATCH);
    let negative = FsControlInformation { default_quota_limit: -2, ..wanted };
    assert_eq!(set(&mut desk, &negative.to_bytes()), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.control(ADMINISTRATOR, index), Ok(found));
    assert_eq!(set(&mut desk, &wanted.to_bytes()), NtStatus::SUCCESS);
    assert_eq!(desk.control(ADMINISTRATOR, index), Ok(wanted));
    let short = desk.query(ADMINISTRATOR, index, InfoType::FILESYSTEM, class, &[], 47);
    assert_eq!(short, Err(NtStatus::INFO_LENGTH_MISMATCH));
    let output = desk
        .query(ADMINISTRATOR, index, InfoType::FILESYSTEM, FsInformationClass::ATTRIBUTE.0, &[], 200)
        .unwrap();
    let attributes = FsAttributeInformation::<Wtf8Buf>::from_bytes(&output).unwrap().file_system_attributes;
    assert!(attributes.contains(FileSystemAttributes::VOLUME_QUOTAS));
}

#[test]
fn space_is_the_callers_own() {
    let mut desk = Desk::new();
    let me = account("user");
    desk.limit(me, NONE, i64::try_from(100 * UNIT_BYTES).unwrap());
    desk.use_bytes(me, 30 * UNIT_BYTES);
    let file = desk.create(USER, "f", READ_WRITE, 2, 0).unwrap().0;
    let index = desk.open(ADMINISTRATOR, INDEX);
    let mut sizes = [(USER, file), (ADMINISTRATOR, index)].map(|(who, handle)| {
        let kind = InfoType::FILESYSTEM;
        let size = desk.query(who, handle, kind, FsInformationClass::SIZE.0, &[], 100).unwrap();
        let full = desk.query(who, handle, kind, FsInformationClass::FULL_SIZE.0, &[], 100).unwrap();
        let size = FsSizeInformation::from_bytes(&size).unwrap();
        let full = FsFullSizeInformation::from_bytes(&full).unwrap();
        assert_eq!(
            (size.total_allocation_units, size.available_allocation_units),
            (full.total_allocation_units, full.caller_available_allocation_units)
        );
        full
    });
    assert_eq!((sizes[0].total_allocation_units, sizes[0].caller_available_allocation_units), (100, 70));
    assert!(sizes[1].total_allocation_units > 100, "nothing limits an administrator here");
    assert_eq!(sizes[0].actual_available_allocation_units, sizes[1].actual_available_allocation_units);
    desk.use_bytes(me, 101 * UNIT_BYTES);
    let full =
        desk.query(USER, file, InfoType::FILESYSTEM, FsInformationClass::FULL_SIZE.0, &[], 100).unwrap();
    sizes[0] = FsFullSizeInformation::from_bytes(&full).unwrap();
    assert_eq!((sizes[0].total_allocation_units, sizes[0].caller_available_allocation_units), (100, 0));
}

#[test]
fn a_volume_that_does_not_count_has_none_of_it() {
    let mut world = World::new(78);
    let client = world.connect_as("administrator", crate::world::PASSWORD);
    world.log_on(client).unwrap();
    let tree = world.tree_connect(client, "data").unwrap();
    let mut desk = Desk { world, table: Arc::default(), clients: [(client, tree); 2] };
    assert_eq!(
        desk.create(ADMINISTRATOR, INDEX, READ_WRITE, 1, 0).unwrap_err(),
        NtStatus::OBJECT_NAME_NOT_FOUND
    );
    let root = desk.create(ADMINISTRATOR, "", READ_WRITE, 1, 1).unwrap().0;
    assert_eq!(desk.all(ADMINISTRATOR, root), Err(NtStatus::NOT_SUPPORTED));
    assert_eq!(desk.put(ADMINISTRATOR, root, &[(owner(1), 1, 1)]), NtStatus::NOT_SUPPORTED);
    assert_eq!(desk.control(ADMINISTRATOR, root), Err(NtStatus::VOLUME_NOT_UPGRADED));
    let control = FsControlInformation::default().to_bytes();
    let class = FsInformationClass::CONTROL.0;
    assert_eq!(
        desk.set(ADMINISTRATOR, root, InfoType::FILESYSTEM, class, &control),
        NtStatus::VOLUME_NOT_UPGRADED
    );
}
