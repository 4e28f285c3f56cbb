//! A CLOSE behind requests of its open that are under way ([MS-SMB2] 3.3.5.10, 3.3.4.17): each ends as it would have, then the close;
//! nobody gets what the open had before.

use freehold::fscc::file_info::{DispositionInformation, EndOfFileInformation, RenameInformation};
use freehold::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest, CompletionFilter};
use freehold::smb2::close::CloseResponse;
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::logoff::LogoffRequest;
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest};

use super::*;

const NOW: u32 = 0x10;
const EXCLUSIVE: u32 = 0x2;

impl Desk {
    fn send_close(&mut self, client: usize, tree: TreeId, file_id: FileId) -> u64 {
        self.send_on(client, tree, Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id }, 0)
    }

    fn send_list(&mut self, client: usize, tree: TreeId, folder: FileId) -> u64 {
        let pattern = Utf16Buf::from("*");
        let request = QueryDirectoryRequest {
            file_information_class: 37,
            flags: QueryDirectoryFlags::empty(),
            file_index: 0,
            file_id: folder,
            output_buffer_length: 4096,
            file_name: pattern.as_utf16(),
        };
        self.send_on(client, tree, Command::QUERY_DIRECTORY, &request, 4096)
    }

    fn send_set(&mut self, file_id: FileId, class: u8, information: &impl Encode) -> u64 {
        let buffer = information.to_bytes();
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class,
            additional_information: 0,
            file_id,
            buffer: &buffer,
        };
        self.send_on(0, self.tree[0], Command::SET_INFO, &request, 1024)
    }

    fn send_open(&mut self, client: usize, name: &str, share: u32, oplock: OplockLevel) -> u64 {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: oplock,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: ALL.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(share),
            create_disposition: CreateDisposition(3),
            create_options: CreateOptions::empty(),
            name: name.as_utf16(),
            contexts: CreateContexts::EMPTY,
        };
        self.send_on(client, self.tree[client], Command::CREATE, &request, 0)
    }

    /// What has come since the last time, in its order; nothing that is under way is moved on.
    fn come(&mut self, client: usize) -> Vec<Reply> {
        let id = self.clients[client];
        self.world.run();
        self.world.receive(id).unwrap();
        self.world.clients[id].replies.drain(..).collect()
    }

    fn statuses(&mut self, client: usize) -> Vec<(u64, NtStatus)> {
        self.come(client).iter().map(|reply| (reply.header.message_id.0, reply.header.status)).collect()
    }

    /// Lets all that is sent in `send` take its time.
    fn slowly<T>(&mut self, send: impl FnOnce(&mut Desk) -> T) -> T {
        self.world.delay_one_in = 1;
        let sent = send(self);
        self.world.delay_one_in = 0;
        sent
    }

    /// A request of `file` that takes its time, and a close at once: the status of the first, which comes before the second.
    fn close_behind(&mut self, file: FileId, send: impl FnOnce(&mut Desk) -> u64) -> NtStatus {
        let (asked, close) = self.slowly(|desk| {
            let asked = send(desk);
            (asked, desk.send_close(0, desk.tree[0], file))
        });
        assert_eq!(self.statuses(0), [], "an answer before the request is done");
        // Nobody asks for more of it.
        let late = self.send_read(self.tree[0], file, 0, 1, 0);
        let again = self.send_close(0, self.tree[0], file);
        assert_eq!(self.statuses(0), [(late, NtStatus::FILE_CLOSED), (again, NtStatus::FILE_CLOSED)]);
        self.world.settle();
        let came = self.statuses(0);
        assert_eq!(came.len(), 2, "{came:?}");
        assert_eq!(came[0].0, asked, "what was asked first");
        assert_eq!(came[1], (close, NtStatus::SUCCESS));
        came[0].1
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let opened = self.world.volume.open(&path(name), None, DataUse::READ).unwrap();
        let mut bytes = vec![0; 300_000];
        let length = opened.file.0.read(0, &mut bytes, freehold::vfs::Wait::Allowed).unwrap();
        bytes.truncate(length);
        bytes
    }
}

#[test]
fn reads_writes_and_queries_end_before_the_close() {
    let mut desk = Desk::new(1);
    let tree = desk.tree[0];
    for size in [10, 200_000] {
        let file = desk.open(0, "f");
        let data: Vec<u8> = (0..size).map(|at: u32| at.to_le_bytes()[0]).collect();
        let status = desk.close_behind(file, |desk| desk.send_write(0, desk.tree[0], file, 0, &data));
        assert_eq!(status, NtStatus::SUCCESS);
        assert!(desk.bytes("f") == data, "what was written");
    }
    let file = desk.open(0, "f");
    assert_eq!(desk.close_behind(file, |desk| desk.send_read(tree, file, 0, 100_000, 1)), NtStatus::SUCCESS);
    let file = desk.open(0, "f");
    let end = desk.close_behind(file, |desk| desk.send_read(tree, file, 1 << 40, 10, 1));
    assert_eq!(end, NtStatus::END_OF_FILE);
    let file = desk.open(0, "f");
    let status = desk.close_behind(file, |desk| {
        desk.send_on(0, tree, Command::FLUSH, &FlushRequest { reserved1: 0, file_id: file }, 0)
    });
    assert_eq!(status, NtStatus::SUCCESS);
    let file = desk.open(0, "f");
    let status = desk.close_behind(file, |desk| {
        let request = QueryInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: 5,
            output_buffer_length: 100,
            additional_information: 0,
            flags: QueryInfoFlags::empty(),
            file_id: file,
            input_buffer: &[],
        };
        desk.send_on(0, tree, Command::QUERY_INFO, &request, 100)
    });
    assert_eq!(status, NtStatus::SUCCESS);
    let folder = desk.create(0, tree, "", ALL, DIRECTORY).unwrap();
    let status = desk.close_behind(folder, |desk| desk.send_list(0, tree, folder));
    assert_eq!(status, NtStatus::SUCCESS);
    desk.finish();
}

#[test]
fn control_codes_that_work_long_end_before_the_close() {
    let mut desk = Desk::new(1);
    let tree = desk.tree[0];
    let source = desk.open(0, "from");
    let data: Vec<u8> = (0..200_000u32).map(|at| (at / 251) as u8).collect();
    assert_eq!(desk.write(source, 0, &data), NtStatus::SUCCESS);
    let key = desk.key(source);
    let target = desk.open(0, "to");
    let chunks: Vec<CopyChunk> = (0..4u64)
        .map(|at| CopyChunk { source_offset: at * 50_000, target_offset: at * 50_000, length: 50_000 })
        .collect();
    let mut input = Writer::new();
    encode_copy_chunk_copy(key, &chunks, &mut input);
    let copied = desk.close_behind(target, |desk| {
        desk.send_ioctl(tree, FsctlCode::SRV_COPYCHUNK, target, input.as_slice(), 12)
    });
    assert_eq!(copied, NtStatus::SUCCESS);
    assert!(desk.bytes("to") == data, "what was copied");
    let target = desk.open(0, "to");
    let zeroed = desk.close_behind(target, |desk| {
        desk.send_ioctl(tree, FsctlCode::SET_ZERO_DATA, target, &zero(0, 150_000), 0)
    });
    assert_eq!(zeroed, NtStatus::SUCCESS);
    let left = desk.bytes("to");
    assert!(left[..150_000].iter().all(|byte| *byte == 0) && left[150_000..] == data[150_000..]);
    let target = desk.open(0, "to");
    let ranges = desk.close_behind(target, |desk| {
        desk.send_ioctl(tree, FsctlCode::QUERY_ALLOCATED_RANGES, target, &range(0, 200_000), 64)
    });
    assert_eq!(ranges, NtStatus::SUCCESS);
    // The source is in use as well: who is let in behind its close changes nothing of what is copied.
    let target = desk.open(0, "to");
    let copy =
        desk.slowly(|desk| desk.send_ioctl(tree, FsctlCode::SRV_COPYCHUNK, target, input.as_slice(), 12));
    let close = desk.send_close(0, tree, source);
    assert_eq!(desk.statuses(0), [], "the close waits for the copy");
    desk.world.settle();
    assert_eq!(desk.statuses(0), [(copy, NtStatus::SUCCESS), (close, NtStatus::SUCCESS)]);
    assert!(desk.bytes("to") == data, "what was copied");
    desk.close(0, tree, target);
    desk.finish();
}

#[test]
fn a_change_of_name_size_or_disposition_is_done_before_the_close() {
    let mut desk = Desk::new(1);
    let file = desk.open(0, "f");
    let resized = EndOfFileInformation { end_of_file: 4321 };
    assert_eq!(desk.close_behind(file, |desk| desk.send_set(file, 20, &resized)), NtStatus::SUCCESS);
    assert_eq!(desk.metadata("f").size_bytes, 4321);
    let file = desk.open(0, "f");
    let name: Vec<u8> = "g".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let renamed = RenameInformation { replace_if_exists: false, root_directory: 0, file_name: &name };
    assert_eq!(desk.close_behind(file, |desk| desk.send_set(file, 10, &renamed)), NtStatus::SUCCESS);
    assert_eq!(desk.metadata("g").size_bytes, 4321);
    let file = desk.open(0, "g");
    let deleted = DispositionInformation { delete_pending: true };
    assert_eq!(desk.close_behind(file, |desk| desk.send_set(file, 13, &deleted)), NtStatus::SUCCESS);
    assert!(desk.world.volume.open(&path("g"), None, DataUse::READ).is_err(), "it is deleted with the close");
    desk.finish();
}

#[test]
fn requests_that_wait_for_others_end_at_once() {
    let mut desk = Desk::new(2);
    let (tree, ipc) = (desk.tree[0], desk.pipes[0]);
    // 3.3.5.10: a watch.
    let folder = desk.create(0, tree, "", ALL, DIRECTORY).unwrap();
    let request = ChangeNotifyRequest {
        flags: ChangeNotifyFlags::empty(),
        output_buffer_length: 4096,
        file_id: folder,
        completion_filter: CompletionFilter::from_bits_retain(0xFFF),
    };
    let watch = desk.send_on(0, tree, Command::CHANGE_NOTIFY, &request, 4096);
    assert_eq!(desk.statuses(0), []);
    let close = desk.send_close(0, tree, folder);
    let expected = [(watch, NtStatus::NOTIFY_CLEANUP), (close, NtStatus::SUCCESS)];
    assert_eq!(desk.statuses(0), expected);
    // A lock.
    let (one, two) = (desk.open(0, "f"), desk.open(1, "f"));
    assert_eq!(desk.lock(1, two, 0, 10, EXCLUSIVE | NOW), NtStatus::SUCCESS);
    let lock = desk.send_locks(0, one, &[(0, 10, EXCLUSIVE)]);
    let close = desk.send_close(0, tree, one);
    assert_eq!(desk.statuses(0), [(lock, NtStatus::RANGE_NOT_LOCKED), (close, NtStatus::SUCCESS)]);
    // A read of an empty pipe, and a transceive of which the rest is missing.
    let pipe = desk.pipe("srvsvc");
    let read = desk.send_read(ipc, pipe, 0, 1024, 0);
    let close = desk.send_close(0, ipc, pipe);
    assert_eq!(desk.statuses(0), [(read, NtStatus::PIPE_BROKEN), (close, NtStatus::SUCCESS)]);
    let pipe = desk.pipe("srvsvc");
    let half = desk.send_ioctl(ipc, FsctlCode::PIPE_TRANSCEIVE, pipe, &bind()[..20], 1024);
    let close = desk.send_close(0, ipc, pipe);
    assert_eq!(desk.statuses(0), [(half, NtStatus::PIPE_BROKEN), (close, NtStatus::SUCCESS)]);
    desk.close(1, desk.tree[1], two);
    desk.finish();
}

#[test]
fn a_listing_that_waits_for_another_ends_and_the_other_goes_on() {
    let mut desk = Desk::new(1);
    let tree = desk.tree[0];
    let folder = desk.create(0, tree, "", ALL, DIRECTORY).unwrap();
    let (first, second, close) = desk.slowly(|desk| {
        let first = desk.send_list(0, tree, folder);
        let second = desk.send_list(0, tree, folder);
        (first, second, desk.send_close(0, tree, folder))
    });
    assert_eq!(desk.statuses(0), [(second, NtStatus::FILE_CLOSED)]);
    desk.world.settle();
    assert_eq!(desk.statuses(0), [(first, NtStatus::SUCCESS), (close, NtStatus::SUCCESS)]);
    desk.finish();
}

#[test]
fn nobody_is_let_in_while_a_closed_file_is_still_written() {
    let mut desk = Desk::new(2);
    let tree = desk.tree[0];
    let file = desk.open(0, "f");
    let (write, close) = desk
        .slowly(|desk| (desk.send_write(0, desk.tree[0], file, 0, b"late"), desk.send_close(0, tree, file)));
    let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
    assert_eq!(desk.statuses(1), [(alone, NtStatus::SHARING_VIOLATION)], "its writer is not done");
    desk.world.settle();
    assert_eq!(desk.statuses(0), [(write, NtStatus::SUCCESS), (close, NtStatus::SUCCESS)]);
    let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
    assert_eq!(desk.statuses(1), [(alone, NtStatus::SUCCESS)]);
    assert_eq!(desk.bytes("f"), b"late");
    let (first, second) = (desk.clients[0], desk.clients[1]);
    desk.world.disconnect(first);
    desk.world.disconnect(second);
    desk.world.settle();
    desk.world.check_nothing_left();
}

#[test]
fn an_oplock_is_given_up_behind_the_last_write() {
    let mut desk = Desk::new(2);
    let tree = desk.tree[0];
    let holder = desk.send_open(0, "f", 7, OplockLevel::BATCH);
    let reply = desk.reply(0, holder).expect("a reply");
    let created = reply.body::<CreateResponse<'_>>().unwrap();
    assert_eq!(created.oplock_level, OplockLevel::BATCH);
    let file = created.file_id;
    let (write, close) = desk
        .slowly(|desk| (desk.send_write(0, desk.tree[0], file, 0, b"late"), desk.send_close(0, tree, file)));
    let other = desk.send_open(1, "f", 7, OplockLevel::BATCH);
    assert_eq!(desk.statuses(1), [], "it may not cache what is about to change");
    desk.world.settle();
    assert_eq!(desk.statuses(0), [(write, NtStatus::SUCCESS), (close, NtStatus::SUCCESS)]);
    let reply = desk.reply(1, other).expect("a reply");
    let created = reply.body::<CreateResponse<'_>>().unwrap();
    assert_eq!(created.oplock_level, OplockLevel::BATCH);
    assert_eq!(desk.bytes("f"), b"late");
    desk.close(1, desk.tree[1], created.file_id);
    desk.finish();
}

#[test]
fn a_close_tells_the_size_that_the_last_write_has_left() {
    let mut desk = Desk::new(1);
    let tree = desk.tree[0];
    let file = desk.open(0, "f");
    let (write, close) = desk.slowly(|desk| {
        let write = desk.send_write(0, desk.tree[0], file, 0, &[7; 5000]);
        let request = CloseRequest { flags: CloseFlags::POSTQUERY_ATTRIB, file_id: file };
        (write, desk.send_on(0, tree, Command::CLOSE, &request, 0))
    });
    desk.world.settle();
    let came = desk.come(0);
    assert_eq!(came.iter().map(|reply| reply.header.message_id.0).collect::<Vec<_>>(), [write, close]);
    let told = came[1].body::<CloseResponse>().unwrap();
    assert_eq!((told.flags, told.end_of_file), (CloseFlags::POSTQUERY_ATTRIB, 5000));
    desk.finish();
}

#[test]
fn a_close_that_waits_long_is_told_of_and_is_not_cancelled() {
    let mut desk = Desk::new(1);
    let (tree, id) = (desk.tree[0], desk.clients[0]);
    let file = desk.open(0, "f");
    let (write, close) = desk
        .slowly(|desk| (desk.send_write(0, desk.tree[0], file, 0, b"late"), desk.send_close(0, tree, file)));
    desk.cancel(0, close);
    desk.world.advance(Duration::from_millis(499));
    assert_eq!(desk.statuses(0), []);
    assert!(!desk.world.clients[id].async_ids.contains_key(&close), "an interim reply to what is soon done");
    desk.world.advance(Duration::from_millis(1));
    assert_eq!(desk.statuses(0), []);
    assert!(desk.world.clients[id].async_ids.contains_key(&close));
    assert!(desk.world.cancel(id, close));
    desk.world.advance(Duration::from_secs(100));
    assert_eq!(desk.statuses(0), []);
    desk.world.settle();
    assert_eq!(desk.statuses(0), [(write, NtStatus::SUCCESS), (close, NtStatus::SUCCESS)]);
    desk.finish();
}

#[test]
fn a_close_within_a_compound_waits_too() {
    let mut desk = Desk::new(1);
    let (tree, id) = (desk.tree[0], desk.clients[0]);
    let file = desk.open(0, "f");
    let write = desk.slowly(|desk| desk.send_write(0, desk.tree[0], file, 0, b"late"));
    let client = &mut desk.world.clients[id].client;
    let mut packet = client.compound();
    let request = CloseRequest { flags: CloseFlags::empty(), file_id: file };
    let close = client.append(&mut packet, Command::CLOSE, tree, &request, 0, false);
    let echo = client.append(&mut packet, Command::ECHO, tree, &EchoRequest, 0, false);
    desk.world.send_compound(id, packet, &[(close, Command::CLOSE), (echo, Command::ECHO)]);
    assert_eq!(desk.statuses(0), []);
    desk.world.settle();
    let expected = [write, close.0, echo.0].map(|message| (message, NtStatus::SUCCESS));
    assert_eq!(desk.statuses(0), expected);
    desk.finish();
}

#[test]
fn a_connection_that_is_lost_gives_nothing_back_before_its_last_write() {
    for closes in [true, false] {
        let mut desk = Desk::new(2);
        let tree = desk.tree[0];
        let file = desk.open(0, "f");
        desk.slowly(|desk| {
            desk.send_write(0, desk.tree[0], file, 0, b"late");
            if closes {
                desk.send_close(0, tree, file);
            }
        });
        desk.world.disconnect(desk.clients[0]);
        let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
        assert_eq!(desk.statuses(1), [(alone, NtStatus::SHARING_VIOLATION)], "it is still written");
        desk.world.settle();
        assert_eq!(desk.bytes("f"), b"late");
        let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
        assert_eq!(desk.statuses(1), [(alone, NtStatus::SUCCESS)]);
        desk.world.disconnect(desk.clients[1]);
        desk.world.settle();
        desk.world.check_nothing_left();
    }
}

#[test]
fn a_tree_connect_and_a_session_give_nothing_back_before_their_last_write() {
    for logoff in [true, false] {
        let mut desk = Desk::new(2);
        let (tree, id) = (desk.tree[0], desk.clients[0]);
        let file = desk.open(0, "f");
        let write = desk.slowly(|desk| desk.send_write(0, desk.tree[0], file, 0, b"late"));
        let end = if logoff {
            desk.world.clients[id].logged_off = true;
            desk.send_on(0, TreeId::NONE, Command::LOGOFF, &LogoffRequest, 0)
        } else {
            desk.send_on(0, tree, Command::TREE_DISCONNECT, &TreeDisconnectRequest, 0)
        };
        assert_eq!(desk.statuses(0), [(end, NtStatus::SUCCESS)]);
        let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
        assert_eq!(desk.statuses(1), [(alone, NtStatus::SHARING_VIOLATION)], "it is still written");
        desk.world.settle();
        assert_eq!(desk.statuses(0), [(write, NtStatus::SUCCESS)]);
        let alone = desk.send_open(1, "f", 0, OplockLevel::NONE);
        assert_eq!(desk.statuses(1), [(alone, NtStatus::SUCCESS)]);
        desk.world.disconnect(desk.clients[0]);
        desk.world.disconnect(desk.clients[1]);
        desk.world.settle();
        desk.world.check_nothing_left();
    }
}
