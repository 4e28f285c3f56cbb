//! LastWriteTime as clients see it on a volume that shows it late ([MS-FSA] 2.1.4.17, docs/decisions/0030-write-times.md).

use std::time::Duration;

use freehold::client::Protection;
use freehold::fscc::FileInformationClass;
use freehold::fscc::directory::DirectoryEntries;
use freehold::fscc::file_info::{AllocationInformation, BasicInformation, EndOfFileInformation};
use freehold::fscc::fsctl::{CopyChunk, FsctlCode, encode_copy_chunk_copy};
use freehold::smb2::close::{CloseFlags, CloseRequest, CloseResponse};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{CreateContexts, RequestContext};
use freehold::smb2::flush::FlushRequest;
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest, QueryDirectoryResponse};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest, QueryInfoResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{Channel, Command, DecodeMessage, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, FileTime, NtStatus, Writer};

use crate::world::{ClientId, Manner, PASSWORD, World};

/// A seed of a world whose volume shows write times late, and one whose does not.
const LATE: u64 = 15;
const AT_ONCE: u64 = 18;
const SECOND: Duration = Duration::from_secs(1);
const ATTRIBUTES: AccessMask = AccessMask::FILE_READ_ATTRIBUTES;

struct Desk {
    world: World,
    client: ClientId,
    tree: TreeId,
}

impl Desk {
    fn new(seed: u64) -> Self {
        Desk::of(World::new(seed))
    }

    fn of(mut world: World) -> Self {
        let manner = Manner { protection: Protection::Clear, ..Manner::default() };
        let manner = if world.server.config.require_signing { Manner::default() } else { manner };
        let client = world.connect_with("user", PASSWORD, manner);
        world.log_on(client).unwrap();
        let tree = world.tree_connect(client, "data").unwrap();
        Desk { world, client, tree }
    }

    fn call(&mut self, command: Command, body: &impl Encode, size: u32) -> (NtStatus, Vec<u8>) {
        let message = self.world.send(self.client, command, self.tree, body, size);
        self.world.settle();
        self.world.receive(self.client).unwrap();
        let replies = &mut self.world.clients[self.client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("a reply");
        let reply = replies.remove(at).unwrap();
        (reply.header.status, reply.message)
    }

    /// What was made, and the LastWriteTime that the reply tells.
    fn create(
        &mut self,
        name: &str,
        access: AccessMask,
        disposition: CreateDisposition,
        contexts: &[RequestContext<'_>],
    ) -> (FileId, FileTime) {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: if contexts.is_empty() { OplockLevel::NONE } else { OplockLevel::BATCH },
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: access.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: disposition,
            create_options: CreateOptions::empty(),
            name: name.as_utf16(),
            contexts: CreateContexts::from(contexts),
        };
        let (status, message) = self.call(Command::CREATE, &request, 0);
        assert_eq!(status, NtStatus::SUCCESS);
        let response = CreateResponse::decode(&message).unwrap();
        (response.file_id, response.last_write_time)
    }

    fn open(&mut self, name: &str) -> (FileId, FileTime) {
        self.create(name, AccessMask::FILE_ALL_ACCESS, CreateDisposition::OPEN_IF, &[])
    }

    /// The time that a handle made for asking is told.
    fn by_name(&mut self, name: &str) -> FileTime {
        let (file, time) = self.create(name, ATTRIBUTES, CreateDisposition::OPEN, &[]);
        assert_eq!(self.time(file), time);
        assert_eq!(self.close(file), time);
        time
    }

    fn write(&mut self, file_id: FileId, data: &[u8]) {
        let request = WriteRequest {
            file_offset: 0,
            file_id,
            channel: Channel::NONE,
            remaining_bytes: 0,
            channel_info: &[],
            flags: WriteFlags::empty(),
            data_message_offset: WriteRequest::DATA_OFFSET,
            data,
        };
        let size = u32::try_from(data.len()).unwrap();
        assert_eq!(self.call(Command::WRITE, &request, size).0, NtStatus::SUCCESS);
    }

    fn time(&mut self, file_id: FileId) -> FileTime {
        let request = QueryInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: FileInformationClass::BASIC.0,
            output_buffer_length: 64,
            additional_information: 0,
            flags: QueryInfoFlags::empty(),
            file_id,
            input_buffer: &[],
        };
        let (status, message) = self.call(Command::QUERY_INFO, &request, 64);
        assert_eq!(status, NtStatus::SUCCESS);
        let response = QueryInfoResponse::decode(&message).unwrap();
        BasicInformation::from_bytes(response.output_buffer).unwrap().last_write_time
    }

    fn listed(&mut self, name: &str) -> FileTime {
        let (root, _) = self.create("", AccessMask::FILE_READ_DATA, CreateDisposition::OPEN, &[]);
        // By its name, and among all.
        let times = [name, "*"].map(|pattern| {
            let pattern = Utf16Buf::from(pattern);
            let request = QueryDirectoryRequest {
                file_information_class: FileInformationClass::ID_BOTH_DIRECTORY.0,
                flags: QueryDirectoryFlags::REOPEN,
                file_index: 0,
                file_id: root,
                file_name: pattern.as_utf16(),
                output_buffer_length: 65_536,
            };
            let (status, message) = self.call(Command::QUERY_DIRECTORY, &request, 65_536);
            assert_eq!(status, NtStatus::SUCCESS);
            let response = QueryDirectoryResponse::decode(&message).unwrap();
            let class = FileInformationClass::ID_BOTH_DIRECTORY;
            let mut entries =
                DirectoryEntries::new(class, response.output_buffer).unwrap().map(Result::unwrap);
            entries.find(|entry| entry.name.to_string() == name).expect("the file is listed").last_write_time
        });
        self.close(root);
        assert_eq!(times[0], times[1]);
        times[0]
    }

    fn set(&mut self, file_id: FileId, class: FileInformationClass, buffer: &[u8]) {
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class.0,
            additional_information: 0,
            file_id,
            buffer,
        };
        assert_eq!(self.call(Command::SET_INFO, &request, 0).0, NtStatus::SUCCESS);
    }

    fn set_times(&mut self, file_id: FileId, write: u64) {
        let information =
            BasicInformation { last_write_time: FileTime(write), ..BasicInformation::default() };
        self.set(file_id, FileInformationClass::BASIC, &information.to_bytes());
    }

    fn flush(&mut self, file_id: FileId) {
        let request = FlushRequest { reserved1: 0, file_id };
        assert_eq!(self.call(Command::FLUSH, &request, 0).0, NtStatus::SUCCESS);
    }

    /// The time that the reply tells.
    fn close(&mut self, file_id: FileId) -> FileTime {
        let request = CloseRequest { flags: CloseFlags::POSTQUERY_ATTRIB, file_id };
        let (status, message) = self.call(Command::CLOSE, &request, 0);
        assert_eq!(status, NtStatus::SUCCESS);
        CloseResponse::decode(&message).unwrap().last_write_time
    }

    fn fsctl(&mut self, code: FsctlCode, file_id: FileId, input: &[u8], size: u32) -> Vec<u8> {
        let request = IoctlRequest {
            ctl_code: code.0,
            file_id,
            max_input_response: 0,
            max_output_response: size,
            flags: IoctlFlags::IS_FSCTL,
            input,
            output: b"",
        };
        let (status, message) = self.call(Command::IOCTL, &request, size);
        assert_eq!(status, NtStatus::SUCCESS);
        IoctlResponse::decode(&message).unwrap().output.to_vec()
    }

    fn pass(&mut self, time: Duration) {
        self.world.advance(time);
    }

    fn finish(mut self) {
        self.world.disconnect(self.client);
        self.world.settle();
        self.world.check_nothing_left();
    }
}

#[test]
fn a_first_write_is_seen_after_two_seconds_by_everybody() {
    let mut desk = Desk::new(LATE);
    let (file, made) = desk.open("f");
    desk.pass(SECOND);
    let written = desk.world.now().wall;
    desk.write(file, b"s");
    for _ in 0..2 {
        assert_eq!((desk.time(file), desk.by_name("f"), desk.listed("f")), (made, made, made));
        desk.pass(SECOND - Duration::from_millis(1));
        // What comes within the two seconds does not put it off.
        desk.write(file, b"t");
    }
    desk.pass(Duration::from_millis(2));
    let seen = desk.time(file);
    assert!(seen > written);
    assert_eq!((desk.by_name("f"), desk.listed("f")), (seen, seen));
    assert_eq!(desk.close(file), seen);
    desk.finish();
}

#[test]
fn elsewhere_it_is_seen_at_once() {
    let mut desk = Desk::new(AT_ONCE);
    let (file, made) = desk.open("f");
    desk.pass(SECOND);
    desk.write(file, b"s");
    let written = desk.time(file);
    assert!(written > made);
    assert_eq!((desk.by_name("f"), desk.listed("f")), (written, written));
    desk.finish();
}

#[test]
fn a_later_write_is_seen_with_the_close_of_its_handle() {
    let mut desk = Desk::new(LATE);
    let (file, _) = desk.open("f");
    desk.write(file, b"s");
    desk.pass(3 * SECOND);
    let first = desk.time(file);
    desk.write(file, b"t");
    desk.pass(100 * SECOND);
    // Other handles that come and go have nothing to show.
    assert_eq!((desk.time(file), desk.by_name("f"), desk.listed("f")), (first, first, first));
    let (other, time) = desk.open("f");
    assert_eq!((time, desk.close(other)), (first, first));
    // It is the time of the close then.
    let shown = desk.close(file);
    assert_eq!(shown, desk.world.now().wall);
    desk.pass(SECOND);
    assert_eq!((desk.by_name("f"), desk.listed("f")), (shown, shown));
    desk.finish();
}

#[test]
fn flush_size_and_times_show_what_was_written() {
    let ends: [fn(&mut Desk, FileId); 5] = [
        |desk, file| desk.flush(file),
        |desk, file| {
            let size = EndOfFileInformation { end_of_file: 1 };
            desk.set(file, FileInformationClass::END_OF_FILE, &size.to_bytes());
        },
        |desk, file| {
            let size = AllocationInformation { allocation_size: 0 };
            desk.set(file, FileInformationClass::ALLOCATION, &size.to_bytes());
        },
        // Zeros set nothing.
        |desk, file| desk.set_times(file, 0),
        |desk, file| {
            let information =
                BasicInformation { creation_time: FileTime(1000), ..BasicInformation::default() };
            desk.set(file, FileInformationClass::BASIC, &information.to_bytes());
        },
    ];
    for end in ends {
        let mut desk = Desk::new(LATE);
        let (file, made) = desk.open("f");
        desk.pass(SECOND);
        desk.write(file, b"s");
        assert_eq!(desk.time(file), made);
        desk.pass(SECOND);
        end(&mut desk, file);
        let shown = desk.time(file);
        assert_eq!(shown, desk.world.now().wall);
        assert_eq!((desk.by_name("f"), desk.listed("f")), (shown, shown));
        // A write of a handle that has shown its first one waits for another end.
        desk.pass(SECOND);
        desk.write(file, b"t");
        desk.pass(10 * SECOND);
        assert_eq!(desk.time(file), shown);
        end(&mut desk, file);
        let again = desk.time(file);
        assert!(again > shown);
        desk.pass(SECOND);
        assert_eq!(desk.close(file), again);
        desk.finish();
    }
}

#[test]
fn a_time_that_another_handle_sets_or_an_overwrite_is_seen_at_once() {
    let mut desk = Desk::new(LATE);
    let (file, made) = desk.open("f");
    desk.pass(SECOND);
    desk.write(file, b"s");
    let (other, time) = desk.open("f");
    assert_eq!(time, made);
    desk.set_times(other, 5000);
    assert_eq!((desk.time(file), desk.time(other)), (FileTime(5000), FileTime(5000)));
    desk.close(other);
    assert_eq!(desk.close(file), FileTime(5000));

    let (file, _) = desk.open("f");
    desk.pass(SECOND);
    desk.write(file, b"s");
    desk.pass(SECOND);
    let now = desk.world.now().wall;
    let (other, time) = desk.create("f", AccessMask::FILE_ALL_ACCESS, CreateDisposition::OVERWRITE_IF, &[]);
    assert_eq!((time, desk.time(file)), (now, now));
    desk.close(other);
    desk.finish();
}

#[test]
fn times_that_a_client_has_set_on_its_handle_are_not_held_back() {
    let mut desk = Desk::new(LATE);
    let (file, made) = desk.open("f");
    desk.pass(SECOND);
    desk.set_times(file, 5000);
    desk.write(file, b"s");
    assert_eq!((desk.time(file), desk.by_name("f")), (FileTime(5000), FileTime(5000)));
    assert!(desk.world.server.held_times.is_empty());
    // Let go again (-2), they are as those of any other handle.
    desk.set_times(file, u64::MAX - 1);
    desk.pass(SECOND);
    desk.write(file, b"t");
    assert_eq!(desk.time(file), FileTime(5000));
    assert!(desk.close(file) > made);
    desk.finish();
}

#[test]
fn of_two_handles_that_write_each_shows_with_its_close() {
    let mut desk = Desk::new(LATE);
    let (one, made) = desk.open("f");
    let (two, _) = desk.open("f");
    desk.pass(SECOND);
    desk.write(one, b"s");
    desk.pass(SECOND);
    desk.write(two, b"t");
    assert_eq!(desk.time(one), made);
    let shown = desk.close(one);
    assert!(shown > made);
    assert_eq!(desk.time(two), shown);
    desk.pass(SECOND);
    desk.write(two, b"u");
    desk.pass(10 * SECOND);
    assert_eq!(desk.time(two), shown);
    assert!(desk.close(two) > shown);
    desk.finish();
}

#[test]
fn a_named_stream_is_not_held_back() {
    let mut desk = Desk::new(LATE);
    let (stream, _) = desk.open("f:s");
    desk.pass(SECOND);
    desk.write(stream, b"s");
    assert!(desk.world.server.held_times.is_empty());
    desk.finish();
}

#[test]
fn a_copy_made_by_the_server_is_held_back_like_a_write() {
    let mut desk = Desk::new(LATE);
    let (source, _) = desk.open("from");
    desk.write(source, b"data");
    let (target, made) = desk.open("to");
    desk.pass(SECOND);
    let key = desk.fsctl(FsctlCode::SRV_REQUEST_RESUME_KEY, source, &[], 32);
    let mut input = Writer::new();
    let chunks = [CopyChunk { source_offset: 0, target_offset: 0, length: 4 }];
    encode_copy_chunk_copy(*key.first_chunk::<24>().unwrap(), &chunks, &mut input);
    desk.fsctl(FsctlCode::SRV_COPYCHUNK, target, input.as_slice(), 12);
    assert_eq!((desk.time(target), desk.listed("to")), (made, made));
    desk.pass(2 * SECOND);
    assert!(desk.time(target) > made);
    desk.finish();
}

#[test]
fn a_lost_session_shows_what_its_durable_handle_has_written() {
    let mut desk = Desk::new(LATE);
    let durable = [RequestContext::DurableHandle];
    let (file, made) = desk.create("f", AccessMask::FILE_ALL_ACCESS, CreateDisposition::OPEN_IF, &durable);
    desk.pass(SECOND);
    desk.write(file, b"s");
    assert_eq!(desk.time(file), made);
    desk.world.disconnect(desk.client);
    desk.world.settle();
    assert_eq!(desk.world.server.disconnected.len(), 1);
    assert!(desk.world.server.held_times.is_empty());
    desk.pass(Duration::from_secs(1000));
    desk.world.settle();
    desk.world.check_nothing_left();
}

#[test]
fn a_clock_that_goes_in_ticks_gives_a_write_no_time_that_is_shown_already() {
    let mut desk = Desk::of(World::ticking(LATE, true, Duration::from_millis(10)));
    let (file, made) = desk.open("f");
    desk.pass(Duration::from_millis(1));
    desk.write(file, b"s");
    assert_eq!(desk.time(file), made);
    desk.set_times(file, 0);
    assert!(desk.time(file) > made);
    desk.finish();
}

#[test]
fn large_writes_come_whole() {
    for (seed, in_pieces) in [(LATE, 0), (AT_ONCE, 1)] {
        let mut world = World::with_signing(seed, false);
        world.whole_one_in = 0;
        let mut desk = Desk::of(world);
        let (file, made) = desk.open("f");
        desk.pass(SECOND);
        desk.write(file, &[7; 100_000]);
        assert_eq!(desk.world.writes_in_pieces, in_pieces);
        assert_eq!(desk.time(file) == made, seed == LATE);
        desk.finish();
    }
}
