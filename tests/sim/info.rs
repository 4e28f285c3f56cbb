//! QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO and SET_INFO as clients see them ([MS-SMB2] 3.3.5.18 to 3.3.5.21).

use std::sync::Arc;

use freehold::client::{ClientError, Reply};
use freehold::fscc::directory::DirectoryEntries;
use freehold::fscc::file_info::{
    AllInformation, AllocationInformation, BasicInformation, EndOfFileInformation, StandardInformation,
    StreamInformation,
};
use freehold::fscc::full_ea::{FullEa, FullEas};
use freehold::fscc::notify::NotifyInformation;
use freehold::fscc::{ChainEntries, ChainWriter, FileAttributes, FileInformationClass, FsInformationClass};
use freehold::proto::op::VolumeId;
use freehold::smb2::cancel::CancelRequest;
use freehold::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest, ChangeNotifyResponse};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest, QueryDirectoryResponse};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest, QueryInfoResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::{Command, DecodeMessage, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold::vfs::counted::Counted;
use freehold::vfs::{DataUse, VfsPath, Volume as _};
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor, SecurityInformation};
use freehold_dtyp::{Decode, Encode, FileTime, NtStatus, Sid, Wtf8Buf};

use crate::world::{ClientId, World};

const ALL: AccessMask = AccessMask::FILE_ALL_ACCESS;
const DIRECTORY: u32 = 0x1;
const DELETE_ON_CLOSE: u32 = 0x1000;
const OUTPUT_BYTES: u32 = 65_536;
/// Every kind of change of names.
const NAMES: u32 = 0x3;

struct Desk {
    world: World,
    client: ClientId,
    tree: TreeId,
}

impl Desk {
    fn new() -> Self {
        Desk::of(World::new(31))
    }

    /// On a volume that counts usage.
    fn counting(folder: &std::path::Path) -> Self {
        Desk::of(World::counting(31, |inner| Arc::new(Counted::open(Arc::new(inner), folder, None))))
    }

    fn of(mut world: World) -> Self {
        let client = world.connect();
        world.log_on(client).unwrap();
        let tree = world.tree_connect(client, "data").unwrap();
        Desk { world, client, tree }
    }

    fn send(&mut self, command: Command, body: &impl Encode, size: u32) -> u64 {
        self.world.send(self.client, command, self.tree, body, size)
    }

    /// The reply to a request, when it has come.
    fn reply(&mut self, message: u64) -> Option<Reply> {
        self.world.settle();
        self.world.receive(self.client).unwrap();
        let replies = &mut self.world.clients[self.client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message)?;
        replies.remove(at)
    }

    fn call(&mut self, command: Command, body: &impl Encode, size: u32) -> Reply {
        let message = self.send(command, body, size);
        self.reply(message).expect("a reply")
    }

    fn create(&mut self, name: &str, access: AccessMask, options: u32) -> Result<FileId, NtStatus> {
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
        let reply = self.call(Command::CREATE, &request, 0);
        match reply.body::<CreateResponse<'_>>() {
            Ok(response) => Ok(response.file_id),
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    fn file(&mut self, name: &str) -> FileId {
        self.create(name, ALL, 0).unwrap()
    }

    fn folder(&mut self, name: &str) -> FileId {
        self.create(name, ALL, DIRECTORY).unwrap()
    }

    /// A handle of a folder that watches it. Without DELETE: a rename in the folder would not be let in beside that.
    fn watcher(&mut self, name: &str) -> FileId {
        self.create(name, ALL.without(AccessMask::DELETE), DIRECTORY).unwrap()
    }

    fn cancel(&mut self, message: u64) {
        let sim = &mut self.world.clients[self.client].client;
        let mut packet = sim.compound();
        sim.append(&mut packet, Command::CANCEL, TreeId::NONE, &CancelRequest, 0, false);
        // A cancel has the MessageId of what it cancels.
        packet[24..32].copy_from_slice(&message.to_le_bytes());
        self.world.send_compound(self.client, packet, &[]);
    }

    fn close(&mut self, file_id: FileId) {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        assert_eq!(self.call(Command::CLOSE, &request, 0).header.status, NtStatus::SUCCESS);
    }

    fn touch(&mut self, name: &str) {
        let file = self.file(name);
        self.close(file);
    }

    fn delete(&mut self, name: &str) {
        let file = self.create(name, ALL, DELETE_ON_CLOSE).unwrap();
        self.close(file);
    }

    fn list_as(
        &mut self,
        file_id: FileId,
        class: FileInformationClass,
        pattern: &str,
        flags: QueryDirectoryFlags,
        length: u32,
    ) -> Result<Vec<String>, NtStatus> {
        let pattern = Utf16Buf::from(pattern);
        let request = QueryDirectoryRequest {
            file_information_class: class.0,
            flags,
            file_index: 0,
            file_id,
            file_name: pattern.as_utf16(),
            output_buffer_length: length,
        };
        let reply = self.call(Command::QUERY_DIRECTORY, &request, length);
        if reply.header.status != NtStatus::SUCCESS {
            return Err(reply.header.status);
        }
        let response = QueryDirectoryResponse::decode(&reply.message).unwrap();
        assert!(response.output_buffer.len() <= length as usize);
        let entries = DirectoryEntries::new(class, response.output_buffer).unwrap();
        Ok(entries.map(|entry| entry.unwrap().name.to_string()).collect())
    }

    fn list(
        &mut self,
        file_id: FileId,
        pattern: &str,
        flags: QueryDirectoryFlags,
    ) -> Result<Vec<String>, NtStatus> {
        self.list_as(file_id, FileInformationClass::ID_BOTH_DIRECTORY, pattern, flags, OUTPUT_BYTES)
    }

    fn query_with(
        &mut self,
        file_id: FileId,
        info_type: InfoType,
        class: u8,
        additional: u32,
        input: &[u8],
        length: u32,
    ) -> (NtStatus, Vec<u8>) {
        let request = QueryInfoRequest {
            info_type,
            file_info_class: class,
            output_buffer_length: length,
            additional_information: additional,
            flags: QueryInfoFlags::RESTART_SCAN,
            file_id,
            input_buffer: input,
        };
        let reply = self.call(Command::QUERY_INFO, &request, length);
        let status = reply.header.status;
        if status.is_error() {
            return (status, Vec::new());
        }
        (status, QueryInfoResponse::decode(&reply.message).unwrap().output_buffer.to_vec())
    }

    fn query(&mut self, file_id: FileId, class: FileInformationClass) -> Result<Vec<u8>, NtStatus> {
        let (status, bytes) = self.query_with(file_id, InfoType::FILE, class.0, 0, &[], OUTPUT_BYTES);
        if status == NtStatus::SUCCESS { Ok(bytes) } else { Err(status) }
    }

    fn basic(&mut self, file_id: FileId) -> BasicInformation {
        BasicInformation::from_bytes(&self.query(file_id, FileInformationClass::BASIC).unwrap()).unwrap()
    }

    fn standard(&mut self, file_id: FileId) -> StandardInformation {
        StandardInformation::from_bytes(&self.query(file_id, FileInformationClass::STANDARD).unwrap())
            .unwrap()
    }

    fn set_with(
        &mut self,
        file_id: FileId,
        info_type: InfoType,
        class: u8,
        additional: u32,
        buffer: &[u8],
    ) -> NtStatus {
        let request = SetInfoRequest {
            info_type,
            file_info_class: class,
            additional_information: additional,
            file_id,
            buffer,
        };
        self.call(Command::SET_INFO, &request, 0).header.status
    }

    fn set(&mut self, file_id: FileId, class: FileInformationClass, buffer: &[u8]) -> NtStatus {
        self.set_with(file_id, InfoType::FILE, class.0, 0, buffer)
    }

    fn set_end_of_file(&mut self, file_id: FileId, end_of_file: i64) -> NtStatus {
        let information = EndOfFileInformation { end_of_file };
        self.set(file_id, FileInformationClass::END_OF_FILE, &information.to_bytes())
    }

    fn rename(&mut self, file_id: FileId, to: &str) -> NtStatus {
        let name: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let information = freehold::fscc::file_info::RenameInformation {
            replace_if_exists: false,
            root_directory: 0,
            file_name: &name,
        };
        self.set(file_id, FileInformationClass::RENAME, &information.to_bytes())
    }

    fn watch(&mut self, file_id: FileId, tree: bool, filter: u32, length: u32) -> u64 {
        let request = ChangeNotifyRequest {
            flags: if tree { ChangeNotifyFlags::WATCH_TREE } else { ChangeNotifyFlags::empty() },
            output_buffer_length: length,
            file_id,
            completion_filter: filter.into(),
        };
        self.send(Command::CHANGE_NOTIFY, &request, length)
    }

    /// Status and changes of an answered watch.
    fn changes(&mut self, message: u64) -> Option<(NtStatus, Vec<(u32, String)>)> {
        let reply = self.reply(message)?;
        if reply.header.status.is_error() {
            return Some((reply.header.status, Vec::new()));
        }
        let response = ChangeNotifyResponse::decode(&reply.message).unwrap();
        let entries = ChainEntries::<NotifyInformation<Wtf8Buf>>::new(response.output_buffer)
            .map(|entry| entry.map(|entry| (entry.action.0, entry.file_name.to_string())).unwrap())
            .collect();
        Some((reply.header.status, entries))
    }

    fn told(&mut self, message: u64) -> Vec<(u32, String)> {
        let (status, changes) = self.changes(message).expect("a change");
        assert_eq!(status, NtStatus::SUCCESS);
        changes
    }
}

fn change(action: u32, name: &str) -> (u32, String) {
    (action, name.to_owned())
}

const NO_FLAGS: QueryDirectoryFlags = QueryDirectoryFlags::empty();

#[test]
fn a_listing_starts_with_the_dots_and_ends_with_no_more_files() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    for name in ["d\\b", "d\\A", "d\\c.txt"] {
        desk.touch(name);
    }
    assert_eq!(desk.list(folder, "*", NO_FLAGS).unwrap(), [".", "..", "A", "b", "c.txt"]);
    assert_eq!(desk.list(folder, "*", NO_FLAGS), Err(NtStatus::NO_MORE_FILES));
    // The pattern is that of the first request, until a restart brings another.
    let restart = QueryDirectoryFlags::RESTART_SCANS;
    assert_eq!(desk.list(folder, "", restart).unwrap().len(), 5);
    assert_eq!(desk.list(folder, "*.TXT", restart).unwrap(), ["c.txt"]);
    assert_eq!(desk.list(folder, "*", NO_FLAGS), Err(NtStatus::NO_MORE_FILES));
    assert_eq!(desk.list(folder, "B", QueryDirectoryFlags::REOPEN).unwrap(), ["b"]);
    assert_eq!(desk.list(folder, "*", NO_FLAGS), Err(NtStatus::NO_MORE_FILES));
}

#[test]
fn nothing_found_at_first_is_no_such_file() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    assert_eq!(desk.list(folder, "*.none", NO_FLAGS), Err(NtStatus::NO_SUCH_FILE));
    assert_eq!(desk.list(folder, "*.none", NO_FLAGS), Err(NtStatus::NO_MORE_FILES));
    let reopen = QueryDirectoryFlags::REOPEN;
    assert_eq!(desk.list(folder, "none", reopen), Err(NtStatus::NO_SUCH_FILE));
    assert_eq!(desk.list(folder, "a|b", reopen), Err(NtStatus::OBJECT_NAME_INVALID));
    assert_eq!(desk.list(folder, ".", reopen).unwrap(), ["."]);
}

#[test]
fn one_entry_at_a_time_and_small_buffers_lose_nothing() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    let names: Vec<String> = (0..30).map(|number| format!("file{number:02}")).collect();
    for name in &names {
        desk.touch(&format!("d\\{name}"));
    }
    let expected: Vec<String> =
        [".", ".."].into_iter().map(str::to_owned).chain(names.iter().cloned()).collect();
    for (flags, length) in [(QueryDirectoryFlags::RETURN_SINGLE_ENTRY, OUTPUT_BYTES), (NO_FLAGS, 300)] {
        let mut found = desk.list(folder, "*", flags | QueryDirectoryFlags::REOPEN).unwrap();
        if flags == NO_FLAGS {
            found = desk
                .list_as(folder, FileInformationClass::NAMES, "*", QueryDirectoryFlags::REOPEN, length)
                .unwrap();
        } else {
            assert_eq!(found.len(), 1);
        }
        loop {
            match desk.list_as(folder, FileInformationClass::NAMES, "*", flags, length) {
                Ok(more) => found.extend(more),
                Err(status) => {
                    assert_eq!(status, NtStatus::NO_MORE_FILES);
                    break;
                }
            }
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn listings_check_class_length_access_and_kind() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    desk.touch("d\\a-name-that-is-long-enough");
    let class = FileInformationClass::ID_BOTH_DIRECTORY;
    let list = |desk: &mut Desk, file, class, length| {
        desk.list_as(file, class, "a*", QueryDirectoryFlags::REOPEN, length)
    };
    assert_eq!(list(&mut desk, folder, class, 103), Err(NtStatus::INFO_LENGTH_MISMATCH));
    assert_eq!(list(&mut desk, folder, class, 110), Err(NtStatus::BUFFER_OVERFLOW));
    let basic = FileInformationClass::BASIC;
    assert_eq!(list(&mut desk, folder, basic, 4096), Err(NtStatus::INVALID_INFO_CLASS));
    let file = desk.file("f");
    assert_eq!(list(&mut desk, file, class, 4096), Err(NtStatus::INVALID_PARAMETER));
    let blind = desk.create("d", AccessMask::FILE_READ_ATTRIBUTES, DIRECTORY).unwrap();
    assert_eq!(list(&mut desk, blind, class, 4096), Err(NtStatus::ACCESS_DENIED));
}

#[test]
fn files_that_go_during_a_listing_are_left_out() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    for name in ["d\\a", "d\\b", "d\\c"] {
        desk.touch(name);
    }
    assert_eq!(desk.list(folder, "*", QueryDirectoryFlags::RETURN_SINGLE_ENTRY).unwrap(), ["."]);
    desk.delete("d\\b");
    assert_eq!(desk.list(folder, "*", NO_FLAGS).unwrap(), ["..", "a", "c"]);
}

#[test]
fn access_based_listings_show_what_can_be_read() {
    let mut desk = Desk::new();
    let mut share =
        freehold::proto::tree_connect::Share::clone(desk.world.server.shares.load().find("data").unwrap());
    share.access_based_enumeration = true;
    let shares = freehold::proto::tree_connect::Shares::new([share]);
    desk.world.server.shares.store(std::sync::Arc::new(shares));
    desk.tree = desk.world.tree_connect(desk.client, "data").unwrap();

    let folder = desk.folder("d");
    for name in ["a", "b", "c"] {
        desk.touch(&format!("d\\{name}"));
    }
    let hidden = desk.file("d\\b");
    let dacl = Acl::from_aces([Ace::allow(Sid::SYSTEM, ALL, AceFlags::EMPTY)]).unwrap();
    let descriptor = SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl).to_bytes();
    let status = desk.set_with(hidden, InfoType::SECURITY, 0, SecurityInformation::DACL.0, &descriptor);
    assert_eq!(status, NtStatus::SUCCESS);
    assert_eq!(desk.list(folder, "*", NO_FLAGS).unwrap(), [".", "..", "a", "c"]);
    let reopen = QueryDirectoryFlags::REOPEN;
    assert_eq!(desk.list(folder, "B", reopen), Err(NtStatus::NO_SUCH_FILE));
    assert_eq!(desk.list(folder, "C", reopen).unwrap(), ["c"]);
    assert_eq!(desk.list(folder, "*", reopen | QueryDirectoryFlags::RETURN_SINGLE_ENTRY).unwrap(), ["."]);
    let single = QueryDirectoryFlags::RETURN_SINGLE_ENTRY;
    let mut found = Vec::new();
    while let Ok(more) = desk.list(folder, "*", single) {
        found.extend(more);
    }
    assert_eq!(found, ["..", "a", "c"]);
}

#[test]
fn a_watch_waits_for_a_change_and_collects_between_requests() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let first = desk.watch(folder, false, NAMES, 1000);
    assert!(desk.reply(first).is_none());
    desk.touch("d\\a");
    assert_eq!(desk.told(first), [change(1, "a")]);
    desk.touch("d\\b");
    desk.delete("d\\a");
    // Below the folder: not watched, as the first request said.
    let below = desk.folder("d\\sub");
    desk.touch("d\\sub\\x");
    let second = desk.watch(folder, true, NAMES, 1000);
    assert_eq!(desk.told(second), [change(1, "b"), change(2, "a"), change(1, "sub")]);
    desk.close(below);
}

#[test]
fn a_watched_tree_tells_paths_and_renames() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let sub = desk.folder("d\\sub");
    desk.close(sub);
    let file = desk.file("d\\sub\\a");
    let message = desk.watch(folder, true, NAMES, 1000);
    assert_eq!(desk.rename(file, "d\\sub\\b"), NtStatus::SUCCESS);
    assert_eq!(desk.told(message), [change(4, "sub/a"), change(5, "sub/b")]);
    assert_eq!(desk.rename(file, "d\\b"), NtStatus::SUCCESS);
    let message = desk.watch(folder, true, NAMES, 1000);
    let mut told = desk.told(message);
    if told.len() < 2 {
        let message = desk.watch(folder, true, NAMES, 1000);
        told.extend(desk.told(message));
    }
    assert_eq!(told, [change(2, "sub/b"), change(1, "b")]);
}

#[test]
fn who_watches_for_attributes_hears_of_a_renamed_file_as_modified() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let file = desk.file("d\\a");
    let message = desk.watch(folder, false, 0x4, 1000);
    assert_eq!(desk.rename(file, "d\\b"), NtStatus::SUCCESS);
    assert_eq!(desk.told(message), [change(3, "b")]);
}

#[test]
fn a_watch_goes_on_when_its_folder_is_renamed() {
    let mut desk = Desk::new();
    let folder = desk.folder("d");
    let message = desk.watch(folder, false, NAMES, 1000);
    assert_eq!(desk.rename(folder, "e"), NtStatus::SUCCESS);
    assert!(desk.reply(message).is_none());
    desk.touch("e\\a");
    assert_eq!(desk.told(message), [change(1, "a")]);
}

#[test]
fn what_does_not_fit_makes_the_client_list_again() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let message = desk.watch(folder, false, NAMES, 1);
    desk.touch("d\\a");
    assert_eq!(desk.changes(message), Some((NtStatus::NOTIFY_ENUM_DIR, Vec::new())));
    desk.touch("d\\b");
    let message = desk.watch(folder, false, NAMES, 1000);
    assert_eq!(desk.changes(message), Some((NtStatus::NOTIFY_ENUM_DIR, Vec::new())));
}

#[test]
fn watches_end_with_cancel_close_and_deletion() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let message = desk.watch(folder, false, NAMES, 1000);
    desk.cancel(message);
    assert_eq!(desk.changes(message), Some((NtStatus::CANCELLED, Vec::new())));
    // What happens after a cancel is not lost.
    desk.touch("d\\a");
    let message = desk.watch(folder, false, NAMES, 1000);
    assert_eq!(desk.told(message), [change(1, "a")]);
    desk.delete("d\\a");
    let message = desk.watch(folder, false, NAMES, 1000);
    assert_eq!(desk.told(message), [change(2, "a")]);

    let message = desk.watch(folder, false, NAMES, 1000);
    let other = desk.watcher("d");
    let waiting = desk.watch(other, false, NAMES, 1000);
    desk.close(other);
    assert_eq!(desk.changes(waiting), Some((NtStatus::NOTIFY_CLEANUP, Vec::new())));
    let doomed = desk.create("d", ALL, DIRECTORY | DELETE_ON_CLOSE).unwrap();
    assert!(desk.reply(message).is_none());
    desk.close(doomed);
    assert_eq!(desk.changes(message), Some((NtStatus::DELETE_PENDING, Vec::new())));
}

#[test]
fn a_disposition_ends_watches_too() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let message = desk.watch(folder, false, NAMES, 1000);
    let doomed = desk.folder("d");
    assert_eq!(desk.set(doomed, FileInformationClass::DISPOSITION, &[1]), NtStatus::SUCCESS);
    assert_eq!(desk.changes(message), Some((NtStatus::DELETE_PENDING, Vec::new())));
    let message = desk.watch(folder, false, NAMES, 1000);
    assert_eq!(desk.changes(message), Some((NtStatus::DELETE_PENDING, Vec::new())));
    assert_eq!(desk.set(doomed, FileInformationClass::DISPOSITION, &[0]), NtStatus::SUCCESS);
    let message = desk.watch(folder, false, NAMES, 1000);
    assert!(desk.reply(message).is_none());
}

#[test]
fn several_requests_of_one_watch_are_answered_in_their_order() {
    let mut desk = Desk::new();
    let folder = desk.watcher("d");
    let first = desk.watch(folder, false, NAMES, 1000);
    let second = desk.watch(folder, false, NAMES, 1000);
    desk.touch("d\\a");
    assert_eq!(desk.told(first), [change(1, "a")]);
    assert!(desk.reply(second).is_none());
    desk.touch("d\\b");
    assert_eq!(desk.told(second), [change(1, "b")]);
}

#[test]
fn watches_check_kind_access_and_length() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let message = desk.watch(file, false, NAMES, 1000);
    assert_eq!(desk.changes(message).unwrap().0, NtStatus::INVALID_PARAMETER);
    let blind = desk.create("", AccessMask::FILE_READ_ATTRIBUTES, DIRECTORY).unwrap();
    let message = desk.watch(blind, false, NAMES, 1000);
    assert_eq!(desk.changes(message).unwrap().0, NtStatus::ACCESS_DENIED);
}

#[test]
fn every_class_has_its_least_length_and_cuts_what_is_variable() {
    let mut desk = Desk::new();
    let file = desk.file("name.txt");
    for (class, fixed) in [
        (4, 40),
        (5, 24),
        (6, 8),
        (7, 4),
        (8, 4),
        (14, 8),
        (16, 4),
        (17, 4),
        (18, 104),
        (21, 8),
        (22, 32),
        (28, 16),
        (34, 56),
        (35, 8),
        (48, 8),
        (59, 24),
    ] {
        let (status, full) = desk.query_with(file, InfoType::FILE, class, 0, &[], OUTPUT_BYTES);
        assert_eq!(status, NtStatus::SUCCESS, "class {class}");
        for length in 0..full.len() {
            let (status, cut) =
                desk.query_with(file, InfoType::FILE, class, 0, &[], u32::try_from(length).unwrap());
            let expected =
                if length < fixed { NtStatus::INFO_LENGTH_MISMATCH } else { NtStatus::BUFFER_OVERFLOW };
            assert_eq!(status, expected, "class {class}, length {length}");
            assert!(cut.len() <= length && full.starts_with(&cut), "class {class}, length {length}");
        }
    }
}

#[test]
fn file_system_classes_have_their_least_length() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::counting(folder.path());
    let root = desk.create("", ALL, DIRECTORY).unwrap();
    for (class, fixed) in [(1, 24), (3, 24), (4, 8), (5, 16), (6, 48), (7, 32), (8, 64), (11, 28)] {
        let (status, full) = desk.query_with(root, InfoType::FILESYSTEM, class, 0, &[], OUTPUT_BYTES);
        assert_eq!(status, NtStatus::SUCCESS, "class {class}");
        let short = u32::try_from(fixed - 1).unwrap();
        let (status, _) = desk.query_with(root, InfoType::FILESYSTEM, class, 0, &[], short);
        assert_eq!(status, NtStatus::INFO_LENGTH_MISMATCH, "class {class}");
        assert!(full.len() >= fixed - 7, "class {class}");
    }
    let status = |desk: &mut Desk, class: FsInformationClass| {
        desk.query_with(root, InfoType::FILESYSTEM, class.0, 0, &[], OUTPUT_BYTES).0
    };
    assert_eq!(status(&mut desk, FsInformationClass::VOLUME_FLAGS), NtStatus::NOT_SUPPORTED);
    assert_eq!(status(&mut desk, FsInformationClass(99)), NtStatus::INVALID_INFO_CLASS);
}

#[test]
fn a_volume_that_counts_nothing_has_no_quota_settings() {
    let mut desk = Desk::new();
    let root = desk.create("", ALL, DIRECTORY).unwrap();
    let class = FsInformationClass::CONTROL.0;
    let (status, _) = desk.query_with(root, InfoType::FILESYSTEM, class, 0, &[], OUTPUT_BYTES);
    assert_eq!(status, NtStatus::VOLUME_NOT_UPGRADED);
}

#[test]
fn classes_need_the_access_of_their_section() {
    let mut desk = Desk::new();
    desk.touch("f");
    let bare = desk.create("f", AccessMask::FILE_EXECUTE, 0).unwrap();
    for (class, allowed) in [
        (FileInformationClass::STANDARD, true),
        (FileInformationClass::INTERNAL, true),
        (FileInformationClass::EA, true),
        (FileInformationClass::STREAM, true),
        (FileInformationClass::NORMALIZED_NAME, true),
        (FileInformationClass::BASIC, false),
        (FileInformationClass::ALL, false),
        (FileInformationClass::NETWORK_OPEN, false),
        (FileInformationClass::ATTRIBUTE_TAG, false),
        (FileInformationClass::FULL_EA, false),
    ] {
        let found = desk.query(bare, class);
        assert_eq!(found.err() == Some(NtStatus::ACCESS_DENIED), !allowed, "{class:?}");
    }
    assert_eq!(desk.query(bare, FileInformationClass::HARD_LINK), Err(NtStatus::NOT_SUPPORTED));
    assert_eq!(desk.query(bare, FileInformationClass(99)), Err(NtStatus::INVALID_INFO_CLASS));
    let basic = BasicInformation::default().to_bytes();
    assert_eq!(desk.set(bare, FileInformationClass::BASIC, &basic), NtStatus::ACCESS_DENIED);
    assert_eq!(desk.set_end_of_file(bare, 0), NtStatus::ACCESS_DENIED);
    let (status, _) = desk.query_with(bare, InfoType::SECURITY, 0, 4, &[], OUTPUT_BYTES);
    assert_eq!(status, NtStatus::ACCESS_DENIED);
}

#[test]
fn names_are_paths_of_the_share_in_the_spelling_on_disk() {
    let mut desk = Desk::new();
    let folder = desk.folder("Dir");
    desk.close(folder);
    desk.touch("Dir\\File:Stream");
    let stream = desk.file("dir\\FILE:STREAM");
    let all = desk.query(stream, FileInformationClass::ALL).unwrap();
    let all = AllInformation::<Wtf8Buf>::from_bytes(&all).unwrap();
    assert_eq!(all.name.name.to_string(), "\\Dir\\File:STREAM");
    let normalized = desk.query(stream, FileInformationClass::NORMALIZED_NAME).unwrap();
    let text: Vec<u8> = "Dir\\File:Stream".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(normalized[4..], text);
    let streams = desk.query(stream, FileInformationClass::STREAM).unwrap();
    let names: Vec<String> = ChainEntries::<StreamInformation<Wtf8Buf>>::new(&streams)
        .map(|entry| entry.unwrap().stream_name.to_string())
        .collect();
    assert_eq!(names, ["::$DATA", ":Stream:$DATA"]);
}

#[test]
fn a_file_to_be_deleted_has_one_name_less() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    assert_eq!(desk.standard(file).number_of_links, 1);
    assert_eq!(desk.set(file, FileInformationClass::DISPOSITION, &[1]), NtStatus::SUCCESS);
    let standard = desk.standard(file);
    assert!(standard.delete_pending && standard.number_of_links == 0);
    assert_eq!(desk.set(file, FileInformationClass::DISPOSITION, &[0]), NtStatus::SUCCESS);
    let standard = desk.standard(file);
    assert!(!standard.delete_pending && standard.number_of_links == 1);
}

#[test]
fn times_and_attributes_are_kept_frozen_and_refused() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let time = FileTime(132_000_000_000_000_000);
    let wanted = BasicInformation {
        creation_time: time,
        last_write_time: time,
        file_attributes: FileAttributes::HIDDEN,
        ..BasicInformation::default()
    };
    let set = |desk: &mut Desk, wanted: &BasicInformation| {
        desk.set(file, FileInformationClass::BASIC, &wanted.to_bytes())
    };
    assert_eq!(set(&mut desk, &wanted), NtStatus::SUCCESS);
    let found = desk.basic(file);
    assert_eq!((found.creation_time, found.last_write_time), (time, time));
    assert_eq!(found.file_attributes, FileAttributes::HIDDEN);
    // A time that was set stays when the size is changed through the same handle.
    desk.world.advance(std::time::Duration::from_secs(5));
    assert_eq!(desk.set_end_of_file(file, 10), NtStatus::SUCCESS);
    let found = desk.basic(file);
    assert_eq!(found.last_write_time, time);
    assert!(found.file_attributes.contains(FileAttributes::ARCHIVE));
    let resume = BasicInformation { last_write_time: FileTime(!1), ..BasicInformation::default() };
    assert_eq!(set(&mut desk, &resume), NtStatus::SUCCESS);
    assert_eq!(desk.basic(file).last_write_time, time);
    desk.world.advance(std::time::Duration::from_secs(5));
    assert_eq!(desk.set_end_of_file(file, 11), NtStatus::SUCCESS);
    assert!(desk.basic(file).last_write_time > time);

    for refused in [
        BasicInformation { change_time: FileTime(!2), ..BasicInformation::default() },
        BasicInformation { file_attributes: FileAttributes::DIRECTORY, ..BasicInformation::default() },
    ] {
        assert_eq!(set(&mut desk, &refused), NtStatus::INVALID_PARAMETER);
    }
    let short = desk.set(file, FileInformationClass::BASIC, &[0; 39]);
    assert_eq!(short, NtStatus::INFO_LENGTH_MISMATCH);
    let folder = desk.folder("d");
    let temporary =
        BasicInformation { file_attributes: FileAttributes::TEMPORARY, ..BasicInformation::default() };
    let status = desk.set(folder, FileInformationClass::BASIC, &temporary.to_bytes());
    assert_eq!(status, NtStatus::INVALID_PARAMETER);
}

#[test]
fn allocation_keeps_the_write_time_and_cuts_what_does_not_fit() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    assert_eq!(desk.set_end_of_file(file, 100), NtStatus::SUCCESS);
    let before = desk.basic(file);
    desk.world.advance(std::time::Duration::from_secs(5));
    let allocate = |desk: &mut Desk, allocation_size| {
        let information = AllocationInformation { allocation_size };
        desk.set(file, FileInformationClass::ALLOCATION, &information.to_bytes())
    };
    assert_eq!(allocate(&mut desk, 8192), NtStatus::SUCCESS);
    let standard = desk.standard(file);
    assert_eq!((standard.end_of_file, standard.allocation_size), (100, 8192));
    let after = desk.basic(file);
    assert_eq!(after.last_write_time, before.last_write_time);
    assert!(after.change_time > before.change_time);
    assert_eq!(allocate(&mut desk, 10), NtStatus::SUCCESS);
    assert_eq!(desk.standard(file).end_of_file, 10);
    assert_eq!(allocate(&mut desk, -1), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.set_end_of_file(file, -1), NtStatus::INVALID_PARAMETER);
    let folder = desk.folder("d");
    assert_eq!(desk.set_end_of_file(folder, 0), NtStatus::INVALID_PARAMETER);
    let valid = desk.set(file, FileInformationClass::VALID_DATA_LENGTH, &[0; 8]);
    assert_eq!(valid, NtStatus::PRIVILEGE_NOT_HELD);
}

#[test]
fn extended_attributes_are_set_listed_and_removed() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let class = FileInformationClass::FULL_EA;
    assert_eq!(desk.query(file, class), Err(NtStatus::NO_EAS_ON_FILE));
    let list = |entries: &[(&str, &str)]| {
        let mut bytes = Vec::new();
        let mut chain = ChainWriter::new(&mut bytes, usize::MAX);
        for (name, value) in entries {
            let entry = FullEa { flags: 0, name: name.as_bytes(), value: value.as_bytes() };
            let _ = chain.append(&entry);
        }
        bytes
    };
    assert_eq!(desk.set(file, class, &list(&[("ONE", "1"), ("TWO", "22")])), NtStatus::SUCCESS);
    let read = |bytes: &[u8]| -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        FullEas::new(bytes).map(|entry| entry.map(|e| (text(e.name), text(e.value))).unwrap()).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(read(&desk.query(file, class).unwrap()), [pair("ONE", "1"), pair("TWO", "22")]);
    // By name; what is not there has no value.
    let asked = [12, 0, 0, 0, 3, b't', b'w', b'o', 0, 0, 0, 0, 0, 0, 0, 0, 1, b'X', 0];
    let (status, found) = desk.query_with(file, InfoType::FILE, class.0, 0, &asked, OUTPUT_BYTES);
    assert_eq!((status, read(&found)), (NtStatus::SUCCESS, vec![pair("TWO", "22"), pair("X", "")]));
    let (status, _) = desk.query_with(file, InfoType::FILE, class.0, 0, &[], 8);
    assert_eq!(status, NtStatus::BUFFER_TOO_SMALL);
    let (status, found) = desk.query_with(file, InfoType::FILE, class.0, 0, &[], 20);
    assert_eq!((status, read(&found)), (NtStatus::BUFFER_OVERFLOW, vec![pair("ONE", "1")]));
    assert_eq!(desk.set(file, class, &list(&[("one", ""), ("TWO", "")])), NtStatus::SUCCESS);
    assert_eq!(desk.query(file, class), Err(NtStatus::NO_EAS_ON_FILE));
    assert_eq!(desk.set(file, class, &list(&[("a*b", "1")])), NtStatus::INVALID_EA_NAME);
}

#[test]
fn descriptors_say_how_long_they_are_and_who_may_own() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let dacl = SecurityInformation::DACL.0;
    let (status, bytes) = desk.query_with(file, InfoType::SECURITY, 0, dacl, &[], OUTPUT_BYTES);
    assert_eq!(status, NtStatus::SUCCESS);
    let request = QueryInfoRequest {
        info_type: InfoType::SECURITY,
        file_info_class: 0,
        output_buffer_length: 1,
        additional_information: dacl,
        flags: QueryInfoFlags::empty(),
        file_id: file,
        input_buffer: &[],
    };
    let reply = desk.call(Command::QUERY_INFO, &request, 1);
    assert_eq!(reply.header.status, NtStatus::BUFFER_TOO_SMALL);
    let needed = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    assert!(reply.message.ends_with(&needed));

    let descriptor =
        SecurityDescriptor { owner: Some(Sid::SYSTEM), ..SecurityDescriptor::from_bytes(&bytes).unwrap() };
    let owner = SecurityInformation::OWNER.0;
    let status = desk.set_with(file, InfoType::SECURITY, 0, owner, &descriptor.to_bytes());
    assert_eq!(status, NtStatus::INVALID_OWNER);
    let status = desk.set_with(file, InfoType::SECURITY, 0, dacl, &descriptor.to_bytes());
    assert_eq!(status, NtStatus::SUCCESS);
    let status = desk.set_with(file, InfoType::SECURITY, 0, dacl, &[1, 2, 3]);
    assert_eq!(status, NtStatus::INVALID_SECURITY_DESCR);
    let sacl = SecurityInformation::SACL.0;
    let (status, _) = desk.query_with(file, InfoType::SECURITY, 0, sacl, &[], OUTPUT_BYTES);
    assert_eq!(status, NtStatus::ACCESS_DENIED);
}

/// The folder's descriptor is read, then another one takes its place and is handed down to what is listed, then the file
/// appears: it must not have what the folder had before.
#[test]
fn a_file_that_is_made_while_its_folder_changes_inherits_what_the_folder_has_then() {
    for change_after in 1..=2 {
        let mut desk = Desk::new();
        let root = desk.world.volume.open(&VfsPath::root(), None, DataUse::READ).unwrap().file;
        desk.world.delay_one_in = 1;
        let name = Utf16Buf::from("new");
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: ALL.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(2),
            create_options: CreateOptions::from_bits_retain(DIRECTORY),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        let message = desk.send(Command::CREATE, &request, 0);
        desk.world.run();
        for _ in 0..change_after {
            assert!(desk.world.finish_one());
        }
        let flags = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
        let everyone = Ace::allow(Sid::EVERYONE, ALL, flags);
        let denied = Ace::deny(Sid::GUESTS, ALL, flags);
        let dacl = Acl::from_aces([denied.clone(), everyone.clone()]).unwrap();
        let changed = SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl);
        root.0.set_security(changed.into(), desk.world.now().wall).unwrap();
        desk.world.server.inheritance.folder_changed();
        let walk = desk.world.server.inheritance.begin(VolumeId(0), VfsPath::root());
        assert_eq!(desk.reply(message).unwrap().header.status, NtStatus::SUCCESS);
        let made = desk.world.volume.open(&VfsPath::new("new".into()).unwrap(), None, DataUse::READ);
        let security = made.unwrap().security;
        // After two operations the folder was there already: the walk that comes finds it.
        if change_after == 1 {
            assert_eq!(security.dacl.acl().unwrap().aces(), [denied, everyone]);
            assert_eq!(walk.take_moved(), [VfsPath::new("new".into()).unwrap()]);
        } else {
            assert_eq!(security.dacl.acl().unwrap().aces(), [everyone]);
        }
    }
}

#[test]
fn what_is_not_served_is_refused_by_its_own_status() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let set = |desk: &mut Desk, class: FileInformationClass| desk.set(file, class, &[0; 64]);
    assert_eq!(set(&mut desk, FileInformationClass::DISPOSITION_EX), NtStatus::NOT_SUPPORTED);
    assert_eq!(set(&mut desk, FileInformationClass::RENAME_EX), NtStatus::NOT_SUPPORTED);
    assert_eq!(set(&mut desk, FileInformationClass::SHORT_NAME), NtStatus::PRIVILEGE_NOT_HELD);
    // What can only be asked for is no class of SET_INFO.
    for class in [FileInformationClass::EA, FileInformationClass::STANDARD, FileInformationClass(99)] {
        assert_eq!(set(&mut desk, class), NtStatus::INVALID_INFO_CLASS);
    }
    assert_eq!(set(&mut desk, FileInformationClass::QUOTA), NtStatus::NOT_SUPPORTED);
    assert_eq!(desk.set_with(file, InfoType::QUOTA, 0, 0, &[]), NtStatus::NOT_SUPPORTED);
    assert_eq!(desk.set_with(file, InfoType(9), 0, 0, &[]), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.set_with(file, InfoType::FILESYSTEM, 2, 0, &[0; 8]), NtStatus::NOT_SUPPORTED);
    let sector_size = desk.set_with(file, InfoType::FILESYSTEM, 11, 0, &[0; 28]);
    assert_eq!(sector_size, NtStatus::INVALID_INFO_CLASS);
    let mode = |desk: &mut Desk, mode: u32| desk.set(file, FileInformationClass::MODE, &mode.to_le_bytes());
    assert_eq!(mode(&mut desk, 2), NtStatus::SUCCESS);
    assert_eq!(desk.query(file, FileInformationClass::MODE).unwrap(), [2, 0, 0, 0]);
    assert_eq!(mode(&mut desk, 1), NtStatus::INVALID_PARAMETER);
}

/// [MS-FSA] 2.1.5.15.7 and 2.1.5.15.12, in their order: the fixed part, the right, then the length of the name.
#[test]
fn the_length_of_a_new_name_is_checked() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    for class in [FileInformationClass::RENAME, FileInformationClass::LINK] {
        let mut buffer = [0; 24];
        buffer[20] = b'g';
        assert_eq!(desk.set(file, class, &buffer[..19]), NtStatus::INFO_LENGTH_MISMATCH);
        // None, an odd number of bytes, and one more than the four that are there.
        for length in [0, 1, 3, 6, u32::MAX] {
            buffer[16..20].copy_from_slice(&length.to_le_bytes());
            assert_eq!(desk.set(file, class, &buffer), NtStatus::INVALID_PARAMETER, "{length}");
        }
    }
    let mut name = [0; 24];
    (name[16], name[20]) = (2, b'g');
    assert_eq!(desk.set(file, FileInformationClass::RENAME, &name), NtStatus::SUCCESS);
}

/// [MS-FSA] 2.1.5.15.8: what can change on an open handle, and that whether it is synchronous cannot.
#[test]
fn the_mode_of_a_handle_changes_where_it_can() {
    const SYNCHRONOUS: u32 = 0x20;
    const UNBUFFERED: u32 = 0x8;
    let mut desk = Desk::new();
    let mode =
        |desk: &mut Desk, file, mode: u32| desk.set(file, FileInformationClass::MODE, &mode.to_le_bytes());
    let file = desk.file("f");
    for (wanted, status) in [
        (2, NtStatus::SUCCESS),
        (4, NtStatus::SUCCESS),
        (6, NtStatus::SUCCESS),
        (0, NtStatus::SUCCESS),
        (0x10, NtStatus::INVALID_PARAMETER),
        (0x20, NtStatus::INVALID_PARAMETER),
        (0x30, NtStatus::INVALID_PARAMETER),
        (0x8, NtStatus::INVALID_PARAMETER),
        (0x1000, NtStatus::INVALID_PARAMETER),
    ] {
        assert_eq!(mode(&mut desk, file, wanted), status, "{wanted:#x}");
        if status == NtStatus::SUCCESS {
            assert_eq!(desk.query(file, FileInformationClass::MODE).unwrap(), wanted.to_le_bytes());
        }
    }
    let synchronous = desk.create("g", ALL, SYNCHRONOUS).unwrap();
    if desk.query(synchronous, FileInformationClass::MODE).unwrap() == SYNCHRONOUS.to_le_bytes() {
        assert_eq!(mode(&mut desk, synchronous, 4), NtStatus::INVALID_PARAMETER, "it stays synchronous");
        assert_eq!(mode(&mut desk, synchronous, 0x14), NtStatus::SUCCESS);
        assert_eq!(desk.query(synchronous, FileInformationClass::MODE).unwrap(), [0x14, 0, 0, 0]);
    }
    // What goes past the cache is not written through it, either.
    let unbuffered =
        desk.create("h", AccessMask(ALL.0 & !AccessMask::FILE_APPEND_DATA.0), UNBUFFERED).unwrap();
    assert_eq!(mode(&mut desk, unbuffered, 2 | 4), NtStatus::SUCCESS);
    assert_eq!(desk.query(unbuffered, FileInformationClass::MODE).unwrap(), [0xC, 0, 0, 0]);
    let through =
        desk.create("i", AccessMask(ALL.0 & !AccessMask::FILE_APPEND_DATA.0), UNBUFFERED | 2).unwrap();
    assert_eq!(mode(&mut desk, through, 0), NtStatus::SUCCESS);
    assert_eq!(desk.query(through, FileInformationClass::MODE).unwrap(), [0xA, 0, 0, 0]);
}

/// [MS-FSA] 2.1.5.15.1, 2.1.5.15.5, 2.1.5.15.15: more than NTFS holds is no size, and all of a file is valid data.
#[test]
fn sizes_that_no_file_has_are_refused() {
    const MOST: i64 = 0x0FFF_FFFF_0000;
    let mut desk = Desk::new();
    let file = desk.file("f");
    let folder = desk.folder("d");
    let size = |desk: &mut Desk, file, class, bytes: i64| desk.set(file, class, &bytes.to_le_bytes());
    for class in [FileInformationClass::END_OF_FILE, FileInformationClass::ALLOCATION] {
        for bytes in [-1, i64::MIN, i64::MAX, MOST + 1] {
            assert_eq!(size(&mut desk, file, class, bytes), NtStatus::INVALID_PARAMETER, "{bytes}");
        }
        assert_eq!(size(&mut desk, folder, class, 0), NtStatus::INVALID_PARAMETER);
        assert_eq!(desk.set(file, class, &[0; 7]), NtStatus::INFO_LENGTH_MISMATCH);
        assert_eq!(size(&mut desk, file, class, 0), NtStatus::SUCCESS);
    }
    assert_eq!(desk.set_end_of_file(file, 10), NtStatus::SUCCESS);
    // Who may not manage the volume hears of that first.
    let valid = FileInformationClass::VALID_DATA_LENGTH;
    for bytes in [-1, 0, 10, 11, i64::MAX] {
        assert_eq!(size(&mut desk, file, valid, bytes), NtStatus::PRIVILEGE_NOT_HELD, "{bytes}");
    }
    assert_eq!(size(&mut desk, folder, valid, 0), NtStatus::PRIVILEGE_NOT_HELD);
}

/// [MS-FSA] 2.1.5.15.14, in its order; and 2.1.5.15.9, .11 and .13, which nobody serves.
#[test]
fn short_names_are_refused_by_what_is_wrong_first() {
    let mut desk = Desk::new();
    let name = |text: &str| {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut buffer = u32::try_from(units.len()).unwrap().to_le_bytes().to_vec();
        buffer.extend(units);
        buffer
    };
    let class = FileInformationClass::SHORT_NAME;
    let file = desk.file("long name");
    assert_eq!(desk.set(file, class, &[0; 3]), NtStatus::INFO_LENGTH_MISMATCH);
    assert_eq!(desk.set(file, class, &[200, 0, 0, 0, b'a', 0]), NtStatus::INFO_LENGTH_MISMATCH);
    for bad in ["\\a", "a b", "a..b", "123456789", "a.1234", "a:b"] {
        assert_eq!(desk.set(file, class, &name(bad)), NtStatus::INVALID_PARAMETER, "{bad}");
    }
    let stream = desk.file("long name:s");
    assert_eq!(desk.set(stream, class, &name("A")), NtStatus::INVALID_PARAMETER);
    for good in ["", "A", "SHORT.TXT"] {
        assert_eq!(desk.set(file, class, &name(good)), NtStatus::PRIVILEGE_NOT_HELD, "{good}");
    }
    let reader = desk.create("long name", AccessMask(0x0001_0001), 0).unwrap();
    assert_eq!(desk.set(reader, class, &name("a b")), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.set(reader, class, &name("A")), NtStatus::ACCESS_DENIED);
    let goes = desk.create("other", ALL, DELETE_ON_CLOSE).unwrap();
    assert_eq!(desk.set(goes, class, &name("A")), NtStatus::ACCESS_DENIED);
    let no_delete = desk.create("long name", AccessMask(0x0012_0116), 0).unwrap();
    assert_eq!(desk.set(no_delete, class, &name("a b")), NtStatus::ACCESS_DENIED);
    for class in
        [FileInformationClass::OBJECT_ID, FileInformationClass::QUOTA, FileInformationClass::SFIO_RESERVE]
    {
        assert_eq!(desk.set(file, class, &[0; 64]), NtStatus::NOT_SUPPORTED);
    }
}

/// [MS-FSA] 2.1.5.15.12 and 2.1.5.15.7: a file with another name, or one more, is to be archived; one with the same name is as it was.
#[test]
fn a_new_name_sets_archive_and_the_same_name_does_nothing() {
    let mut desk = Desk::new();
    let file = desk.file("f");
    let clear = |desk: &mut Desk, file| {
        let hidden =
            BasicInformation { file_attributes: FileAttributes::HIDDEN, ..BasicInformation::default() };
        assert_eq!(desk.set(file, FileInformationClass::BASIC, &hidden.to_bytes()), NtStatus::SUCCESS);
    };
    let archived = FileAttributes::HIDDEN | FileAttributes::ARCHIVE;
    clear(&mut desk, file);
    let before = desk.basic(file);
    desk.world.advance(std::time::Duration::from_secs(1));
    assert_eq!(desk.rename(file, "f"), NtStatus::SUCCESS);
    assert_eq!(desk.basic(file), before, "it has the name already");
    assert_eq!(desk.rename(file, "F"), NtStatus::SUCCESS);
    let after = desk.basic(file);
    assert_eq!(after.file_attributes, archived);
    assert!(after.change_time > before.change_time);
    assert_eq!((after.last_write_time, after.creation_time), (before.last_write_time, before.creation_time));

    clear(&mut desk, file);
    let name = [vec![0; 16], vec![2, 0, 0, 0], vec![b'g', 0, 0, 0]].concat();
    assert_eq!(desk.set(file, FileInformationClass::LINK, &name), NtStatus::SUCCESS);
    assert_eq!(desk.basic(file).file_attributes, archived);

    // A change time that the client keeps stays.
    clear(&mut desk, file);
    let kept = BasicInformation { change_time: FileTime(u64::MAX), ..BasicInformation::default() };
    assert_eq!(desk.set(file, FileInformationClass::BASIC, &kept.to_bytes()), NtStatus::SUCCESS);
    let before = desk.basic(file);
    desk.world.advance(std::time::Duration::from_secs(1));
    assert_eq!(desk.rename(file, "h"), NtStatus::SUCCESS);
    let after = desk.basic(file);
    assert_eq!((after.change_time, after.file_attributes), (before.change_time, archived));

    // So do extended attributes ([MS-FSA] 2.1.5.15.6).
    clear(&mut desk, file);
    let before = desk.basic(file);
    desk.world.advance(std::time::Duration::from_secs(1));
    let attribute = [0, 0, 0, 0, 0, 1, 1, 0, b'A', 0, b'v'];
    assert_eq!(desk.set(file, FileInformationClass::FULL_EA, &attribute), NtStatus::SUCCESS);
    let after = desk.basic(file);
    assert_eq!((after.change_time, after.file_attributes), (before.change_time, archived));

    let folder = desk.folder("d");
    assert_eq!(desk.rename(folder, "e"), NtStatus::SUCCESS);
    assert!(!desk.basic(folder).file_attributes.contains(FileAttributes::ARCHIVE));
}

/// [MS-FSA] 2.1.5.15.2: a volume's root is neither hidden nor of the system.
#[test]
fn the_root_of_a_volume_is_not_hidden() {
    let mut desk = Desk::new();
    let root = desk.folder("");
    let wanted = FileAttributes::HIDDEN | FileAttributes::SYSTEM | FileAttributes::READONLY;
    let set = BasicInformation { file_attributes: wanted, ..BasicInformation::default() };
    assert_eq!(desk.set(root, FileInformationClass::BASIC, &set.to_bytes()), NtStatus::SUCCESS);
    assert_eq!(desk.basic(root).file_attributes, FileAttributes::READONLY | FileAttributes::DIRECTORY);
}
