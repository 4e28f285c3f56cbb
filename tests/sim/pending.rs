//! Requests that wait, and what ends them: CANCEL by either name, LOGOFF, TREE_DISCONNECT ([MS-SMB2] 3.3.5.6, 3.3.5.8, 3.3.5.16).

use freehold::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest};
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::logoff::LogoffRequest;
use freehold::smb2::read::{ReadFlags, ReadRequest};
use freehold::smb2::tree_disconnect::TreeDisconnectRequest;
use freehold::smb2::{
    Channel, Command, FileId, HeaderFlags, HeaderId, MessageId, OplockLevel, Smb2Header, TreeId,
};
use freehold_dtyp::NtStatus;

use crate::desk::{Ask, Desk};

/// FILE_NOTIFY_CHANGE_FILE_NAME
const FILE_NAME: u32 = 1;

/// Kinds of requests that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lock,
    Notify,
    Create,
    Read,
}

const KINDS: [Kind; 4] = [Kind::Lock, Kind::Notify, Kind::Create, Kind::Read];

/// A desk with a client that will wait, and another that is in its way.
struct Waiting {
    desk: Desk,
    /// The one that waits.
    at: usize,
    message: MessageId,
    command: Command,
}

fn lock_of(file_id: FileId, flags: LockFlags) -> Vec<u8> {
    let locks = [LockElement { file_offset: 0, length_bytes: 10, flags }];
    let request = LockRequest { lock_sequence: LockSequence(0), file_id, locks: locks.as_slice().into() };
    freehold::smb2::message_bytes(&Smb2Header::default(), &request)[Smb2Header::SIZE..].to_vec()
}

struct Body(Vec<u8>);

impl freehold_dtyp::Encode for Body {
    fn encode(&self, writer: &mut freehold_dtyp::Writer) {
        writer.bytes(&self.0);
    }
}

fn notify_of(file_id: FileId) -> ChangeNotifyRequest {
    ChangeNotifyRequest {
        flags: ChangeNotifyFlags::empty(),
        output_buffer_length: 1024,
        file_id,
        completion_filter: FILE_NAME.into(),
    }
}

/// Lets a client wait for something.
fn wait(kind: Kind) -> Waiting {
    let mut desk = Desk::new();
    let share = if kind == Kind::Read { "IPC$" } else { "data" };
    let (at, other) = (desk.usual(1, share), desk.usual(2, "data"));
    let oplock = if kind == Kind::Create { OplockLevel::BATCH } else { OplockLevel::NONE };
    let theirs = desk.create(other, &Ask::new("f").oplock(oplock)).unwrap().id;
    let exclusive = Body(lock_of(theirs, LockFlags::EXCLUSIVE_LOCK | LockFlags::FAIL_IMMEDIATELY));
    assert_eq!(desk.status(other, Command::LOCK, &exclusive), NtStatus::SUCCESS);
    let (command, message) = match kind {
        Kind::Lock => {
            let mine = desk.create(at, &Ask::new("f")).unwrap().id;
            let body = Body(lock_of(mine, LockFlags::EXCLUSIVE_LOCK));
            let (packet, message) = desk.packet(at, Command::LOCK, &body, 1);
            desk.post(at, packet, &[(message, Command::LOCK)]);
            (Command::LOCK, message)
        }
        Kind::Notify => {
            let folder = Ask { access: 0x0010_0081, options: 1, ..Ask::new("folder") };
            let mine = desk.create(at, &folder).unwrap().id;
            let (packet, message) = desk.packet(at, Command::CHANGE_NOTIFY, &notify_of(mine), 1024);
            desk.post(at, packet, &[(message, Command::CHANGE_NOTIFY)]);
            (Command::CHANGE_NOTIFY, message)
        }
        Kind::Create => (Command::CREATE, desk.send_create(at, &Ask::new("f"), false)),
        Kind::Read => {
            let mine = desk.create(at, &Ask { access: 0x0012_019F, ..Ask::new("srvsvc") }).unwrap().id;
            let request = ReadRequest {
                padding: 80,
                flags: ReadFlags::empty(),
                length: 1024,
                file_offset: 0,
                file_id: mine,
                minimum_count: 0,
                channel: Channel::NONE,
                remaining_bytes: 0,
                channel_info: b"",
            };
            let (packet, message) = desk.packet(at, Command::READ, &request, 1024);
            desk.post(at, packet, &[(message, Command::READ)]);
            (Command::READ, message)
        }
    };
    let mut waiting = Waiting { desk, at, message, command };
    assert!(waiting.reply().is_none(), "{kind:?} does not wait");
    waiting
}

impl Waiting {
    fn reply(&mut self) -> Option<NtStatus> {
        self.desk.reply(self.at, self.message).map(|reply| {
            assert_eq!(reply.header.command, self.command);
            reply.header.status
        })
    }

    /// Sends a CANCEL with this identifier.
    fn cancel(&mut self, id: HeaderId, message_id: MessageId) {
        let (client, _) = self.desk.clients[self.at];
        let mut header = Smb2Header {
            command: Command::CANCEL,
            message_id,
            session_id: self.desk.world.clients[client].client.session(),
            id,
            ..Smb2Header::default()
        };
        header.flags.set(HeaderFlags::ASYNC_COMMAND, matches!(id, HeaderId::Async(_)));
        let mut packet = header.encode().to_vec();
        packet.extend_from_slice(&[4, 0, 0, 0]);
        self.desk.post(self.at, packet, &[]);
    }

    fn async_id(&self) -> HeaderId {
        let (client, _) = self.desk.clients[self.at];
        HeaderId::Async(self.desk.world.clients[client].async_ids[&self.message.0])
    }
}

fn sync(tree_id: TreeId) -> HeaderId {
    HeaderId::Sync { process_id: 0, tree_id }
}

/// 3.3.5.16: by AsyncId "where Request.AsyncId matches the AsyncId of the incoming cancel request", else by MessageId; "If a
/// request is not found, the server MUST stop processing for this cancel request. No response is sent."
#[test]
fn whatever_waits_is_cancelled_by_either_of_its_names() {
    for kind in KINDS {
        for by_async_id in [true, false] {
            let mut waiting = wait(kind);
            let (id, message) = (waiting.async_id(), waiting.message);
            let HeaderId::Async(async_id) = id else { panic!("it waits") };
            // Names of nothing: another AsyncId, and its own MessageId where an AsyncId is looked for.
            waiting.cancel(HeaderId::Async(freehold::smb2::AsyncId(async_id.0 + 1)), message);
            waiting.cancel(sync(TreeId::NONE), MessageId(message.0 + 1));
            assert_eq!(waiting.reply(), None, "{kind:?}");
            match by_async_id {
                true => waiting.cancel(id, MessageId(0)),
                false => waiting.cancel(sync(TreeId::NONE), message),
            }
            assert_eq!(waiting.reply(), Some(NtStatus::CANCELLED), "{kind:?} by AsyncId: {by_async_id}");
            // It is over: nobody is left to be cancelled.
            waiting.cancel(id, message);
            waiting.cancel(sync(TreeId::NONE), message);
            assert_eq!(waiting.reply(), None);
            waiting.desk.finish();
        }
    }
}

/// What ends the opens ends what waits on them; a CREATE has none yet.
#[test]
fn requests_that_wait_end_with_their_open() {
    for (kind, expected) in [
        (Kind::Lock, NtStatus::RANGE_NOT_LOCKED),
        (Kind::Notify, NtStatus::NOTIFY_CLEANUP),
        (Kind::Read, NtStatus::PIPE_BROKEN),
    ] {
        let mut waiting = wait(kind);
        let at = waiting.at;
        assert_eq!(
            waiting.desk.status(at, Command::TREE_DISCONNECT, &TreeDisconnectRequest),
            NtStatus::SUCCESS
        );
        assert_eq!(waiting.reply(), Some(expected), "{kind:?} and TREE_DISCONNECT");
        waiting.desk.finish();

        let mut waiting = wait(kind);
        assert_eq!(waiting.desk.status(at, Command::LOGOFF, &LogoffRequest), NtStatus::SUCCESS);
        assert_eq!(waiting.reply(), Some(expected), "{kind:?} and LOGOFF");
        waiting.desk.finish();
    }
}

/// A CREATE that waits for another client's cache finds no tree connect, or no session, when it comes in at last.
#[test]
fn a_create_that_waits_comes_too_late() {
    for (command, expected) in [
        (Command::TREE_DISCONNECT, NtStatus::NETWORK_NAME_DELETED),
        (Command::LOGOFF, NtStatus::USER_SESSION_DELETED),
    ] {
        let mut waiting = wait(Kind::Create);
        let at = waiting.at;
        let status = match command {
            Command::LOGOFF => waiting.desk.status(at, command, &LogoffRequest),
            _ => waiting.desk.status(at, command, &TreeDisconnectRequest),
        };
        assert_eq!(status, NtStatus::SUCCESS);
        waiting.desk.world.advance(std::time::Duration::from_secs(36));
        assert_eq!(waiting.reply(), Some(expected), "{command:?}");
        waiting.desk.finish();
    }
}
