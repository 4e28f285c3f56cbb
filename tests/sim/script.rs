//! Scripts: what clients do with one server, as text, and what every client sees of it (`scripts/*.txt`).
//!
//! A line at the margin is an action; the indented lines below it are what came of it, in the order of the clients. The
//! file is the expected transcript: `FREEHOLD_SCRIPTS=write` puts what really happened in its place, to be read and judged
//! before it is kept. Empty lines and lines that begin with `#` say what a case is about; `== title` begins a case, with a
//! server, a volume and a clock of its own.
//!
//! ```text
//! a open 1 f rwd/rwd batch          client a opens f as 1: access / share mode, and what to cache
//! a open 2 d rd/rwd RH@7 dir        a lease of version 2 under key 7; `@7v1`: version 1; options: dir, create,
//!                                   overwrite, doc (delete on close), parent=KEY, epoch=N, stat
//! a close 1 | a ack 1 II | a ack @7 RH | a write 1 | a read 1 | a lock 1 | a unlock 1 | a size 1 9 | a hide 1
//! a rename 1 NAME | a link 1 NAME | a delete 1 | a keep 1 (takes a deletion back) | a list 1 | a cancel 2
//! a open 3 f rwd/rwd batch durable  a durable open; `durable2=G`, `durable2=G:MS`: of version 2, by CreateGuid G; `back=1`,
//!                                   `back2=1:G`, `back2p=1:G` (as a persistent one): takes up the open 1; `replay`
//! b beside a                        b is another connection of the client that a is
//! a is anna                         before it does anything: whose name it logs on with
//! b returns-for a                   b is of a's machine and its user, with a session of its own
//! a lost                            its connection is gone
//! volume oplocks exclusive          before the first client: what the volume gives
//! sleep 35                          seconds pass
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold::client::{ClientError, Reply};
use freehold::fscc::FileAttributes;
use freehold::fscc::file_info::{
    BasicInformation, DispositionInformation, EndOfFileInformation, RenameInformation,
};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateAction, CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel,
    ShareAccess,
};
use freehold::smb2::create_context::{
    CreateContexts, DurableHandleV2Flags, DurableHandleV2Reconnect, DurableHandleV2Request, Lease,
    LeaseFlags, LeaseV2, RequestContext, ResponseContext,
};
use freehold::smb2::lock::{LockElement, LockElements, LockFlags, LockRequest, LockSequence};
use freehold::smb2::oplock_break::{
    LeaseBreak, LeaseBreakFlags, OplockBreak, OplockBreakAcknowledgment, OplockBreakResponse,
};
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use freehold::smb2::read::{ReadFlags, ReadRequest, ReadResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{
    Channel, Command, DecodeMessage, FileId, HeaderFlags, InfoType, LeaseKey, LeaseState, OplockLevel,
    TreeId, Utf16Buf,
};
use freehold::vfs::oplock_policy::OplockPolicy;
use freehold_acl::AccessMask;
use freehold_dtyp::{Encode, FileTime, Guid, NtStatus};

use crate::world::{ClientId, Manner, PASSWORD, World};

/// A client by the letter that the script gives it.
struct Actor {
    id: ClientId,
    tree: TreeId,
    user: String,
    lost: bool,
}

struct Case {
    world: World,
    actors: BTreeMap<String, Actor>,
    /// Opens by the script's name of them, with who made them.
    opens: BTreeMap<String, FileId>,
    /// What was asked, to be shown with its reply: by client and message.
    asked: BTreeMap<(ClientId, u64), (String, Command)>,
    /// Who logs on with another name than `user`.
    users: BTreeMap<String, String>,
    /// Requests that wait and have been shown.
    waiting: BTreeSet<(ClientId, u64)>,
}

fn state_text(state: LeaseState) -> String {
    let letters = [(1, 'R'), (4, 'W'), (2, 'H')];
    let text: String =
        letters.iter().filter(|(bit, _)| state.bits() & bit != 0).map(|(_, letter)| letter).collect();
    if text.is_empty() { "none".to_owned() } else { text }
}

fn state_of(text: &str) -> LeaseState {
    let bit = |letter| match letter {
        'R' => 1,
        'H' => 2,
        'W' => 4,
        _ => panic!("a lease state has no {letter}"),
    };
    if text == "none" {
        LeaseState::empty()
    } else {
        LeaseState::from_bits_retain(text.chars().map(bit).sum())
    }
}

fn level_text(level: OplockLevel) -> &'static str {
    match level {
        OplockLevel::NONE => "none",
        OplockLevel::II => "II",
        OplockLevel::EXCLUSIVE => "exclusive",
        OplockLevel::BATCH => "batch",
        OplockLevel::LEASE => "lease",
        _ => "?",
    }
}

fn level_of(text: &str) -> OplockLevel {
    match text {
        "none" | "-" => OplockLevel::NONE,
        "II" => OplockLevel::II,
        "exclusive" => OplockLevel::EXCLUSIVE,
        "batch" => OplockLevel::BATCH,
        other => panic!("no oplock level is called {other}"),
    }
}

fn key_of(text: &str) -> LeaseKey {
    LeaseKey([text.parse().unwrap_or_else(|_| panic!("{text} is no lease key")); 16])
}

fn status_text(status: NtStatus) -> String {
    status.to_string().trim_start_matches("STATUS_").to_owned()
}

/// What `open` asks for.
struct Wanted {
    access: AccessMask,
    share: u32,
    oplock: OplockLevel,
    lease: Option<Lease>,
    disposition: CreateDisposition,
    options: CreateOptions,
    /// Durability that is asked for, and opens to be taken up.
    durable: Vec<Durable>,
    replay: bool,
}

/// What is asked of durability.
enum Durable {
    /// DHnQ.
    V1,
    /// DH2Q: CreateGuid and timeout in milliseconds.
    V2(Guid, u32),
    /// DHnC of the open of this name.
    Back(String),
    /// DH2C.
    BackV2(String, Guid, DurableHandleV2Flags),
}

impl Durable {
    fn parse(word: &str) -> Option<Self> {
        let guid = |text: &str| Guid([text.parse().expect("a number"); 16]);
        let (word, value) = word.split_once('=').unwrap_or((word, ""));
        let (first, second) = value.split_once(':').unwrap_or((value, "0"));
        Some(match word {
            "durable" => Durable::V1,
            "durable2" => Durable::V2(guid(first), second.parse().expect("milliseconds")),
            "back" => Durable::Back(first.to_owned()),
            "back2" => Durable::BackV2(first.to_owned(), guid(second), DurableHandleV2Flags::empty()),
            "back2p" => Durable::BackV2(first.to_owned(), guid(second), DurableHandleV2Flags::PERSISTENT),
            _ => return None,
        })
    }
}

impl Wanted {
    fn parse(words: &[&str]) -> Self {
        let (access_text, share_text) = words[0].split_once('/').expect("access/share");
        let mut access = AccessMask::FILE_READ_ATTRIBUTES;
        for letter in access_text.chars() {
            access |= match letter {
                'r' => AccessMask::FILE_READ_DATA,
                'w' => AccessMask::FILE_WRITE_DATA | AccessMask::FILE_WRITE_ATTRIBUTES,
                'd' => AccessMask::DELETE,
                other => panic!("no right is called {other}"),
            };
        }
        let share = share_text.chars().map(|letter| match letter {
            'r' => 1,
            'w' => 2,
            'd' => 4,
            other => panic!("no share mode is called {other}"),
        });
        let mut wanted = Wanted {
            access,
            share: share.sum(),
            oplock: OplockLevel::NONE,
            lease: None,
            disposition: CreateDisposition::OPEN_IF,
            options: CreateOptions::NON_DIRECTORY_FILE,
            durable: Vec::new(),
            replay: false,
        };
        if let Some((state, key)) = words[1].split_once('@') {
            let (key, v1) = key.strip_suffix("v1").map_or((key, false), |key| (key, true));
            wanted.oplock = OplockLevel::LEASE;
            wanted.lease = Some(Lease {
                key: key_of(key),
                state: state_of(state),
                flags: LeaseFlags::empty(),
                v2: (!v1).then(LeaseV2::default),
            });
        } else {
            wanted.oplock = level_of(words[1]);
        }
        for word in &words[2..] {
            wanted.option(word);
        }
        wanted
    }

    fn option(&mut self, word: &str) {
        if let Some(durable) = Durable::parse(word) {
            self.durable.push(durable);
            return;
        }
        match (word, word.split_once('=')) {
            ("dir", _) => self.options = CreateOptions::DIRECTORY_FILE,
            ("replay", _) => self.replay = true,
            ("create", _) => self.disposition = CreateDisposition::CREATE,
            ("overwrite", _) => self.disposition = CreateDisposition::OVERWRITE,
            ("doc", _) => self.options |= CreateOptions::DELETE_ON_CLOSE,
            (_, Some(("parent", key))) => {
                let lease = self.lease.as_mut().expect("a lease");
                lease.flags |= LeaseFlags::PARENT_LEASE_KEY_SET;
                lease.v2.as_mut().expect("version 2").parent_key = key_of(key);
            }
            (_, Some(("epoch", number))) => {
                let lease = self.lease.as_mut().expect("a lease");
                lease.v2.as_mut().expect("version 2").epoch = number.parse().expect("a number");
            }
            _ => panic!("no option is called {word}"),
        }
    }
}

impl Case {
    fn new() -> Self {
        Case {
            world: World::new(23),
            actors: BTreeMap::new(),
            opens: BTreeMap::new(),
            asked: BTreeMap::new(),
            users: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    fn actor(&mut self, name: &str, beside: Option<&str>) -> (ClientId, TreeId) {
        if let Some(actor) = self.actors.get(name) {
            return (actor.id, actor.tree);
        }
        let user = self.users.get(name).map_or("user", String::as_str).to_owned();
        let id = match beside {
            Some(other) => self.world.connect_beside(self.actors[other].id),
            None => self.world.connect_as(&user, PASSWORD),
        };
        self.enter(name, id, user)
    }

    /// A connection is made: its session, and the share.
    fn enter(&mut self, name: &str, id: ClientId, user: String) -> (ClientId, TreeId) {
        self.world.log_on(id).expect("a logon");
        let tree = self.world.tree_connect(id, "data").expect("a share");
        self.actors.insert(name.to_owned(), Actor { id, tree, user, lost: false });
        (id, tree)
    }

    /// Another connection of the machine and the user that `other` was of.
    fn returns(&mut self, name: &str, other: &str) {
        let before = &self.actors[other];
        let (machine, user) = (self.world.machine(before.id), before.user.clone());
        let id = self.world.connect_from(&user, PASSWORD, Manner::default(), Some(machine));
        self.enter(name, id, user);
    }

    fn send(&mut self, actor: &str, label: &str, command: Command, body: &impl Encode) {
        let (id, tree) = self.actor(actor, None);
        let message = self.world.send(id, command, tree, body, 65_536);
        self.asked.insert((id, message), (label.to_owned(), command));
    }

    fn open_of(&self, name: &str) -> FileId {
        *self.opens.get(name).unwrap_or_else(|| panic!("{name} is not open"))
    }

    fn open(&mut self, actor: &str, name: &str, path: &str, wanted: &Wanted) {
        let path = Utf16Buf::from(path);
        let mut contexts: Vec<_> = wanted.lease.iter().map(|lease| RequestContext::Lease(*lease)).collect();
        contexts.extend(wanted.durable.iter().map(|durable| match durable {
            Durable::V1 => RequestContext::DurableHandle,
            Durable::V2(create_guid, timeout_ms) => RequestContext::DurableHandleV2(DurableHandleV2Request {
                timeout_ms: *timeout_ms,
                flags: DurableHandleV2Flags::empty(),
                create_guid: *create_guid,
            }),
            Durable::Back(open) => RequestContext::DurableHandleReconnect(self.open_of(open)),
            Durable::BackV2(open, create_guid, flags) => {
                RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
                    file_id: self.open_of(open),
                    create_guid: *create_guid,
                    flags: *flags,
                })
            }
        }));
        let request = CreateRequest {
            requested_oplock_level: wanted.oplock,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: wanted.access.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(wanted.share),
            create_disposition: wanted.disposition,
            create_options: wanted.options,
            name: path.as_utf16(),
            contexts: CreateContexts::from(contexts.as_slice()),
        };
        if !wanted.replay {
            return self.send(actor, name, Command::CREATE, &request);
        }
        let (id, tree) = self.actor(actor, None);
        let client = &mut self.world.clients[id].client;
        let mut packet = client.compound();
        let message = client.append(&mut packet, Command::CREATE, tree, &request, 0, false);
        let flags = HeaderFlags::REPLAY_OPERATION.bits().to_le_bytes();
        packet[16..20].iter_mut().zip(flags).for_each(|(place, flag)| *place |= flag);
        self.world.send_compound(id, packet, &[(message, Command::CREATE)]);
        self.asked.insert((id, message.0), (name.to_owned(), Command::CREATE));
    }

    fn set(&mut self, actor: &str, name: &str, class: u8, information: &impl Encode) {
        let buffer = information.to_bytes();
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: class,
            additional_information: 0,
            file_id: self.open_of(name),
            buffer: &buffer,
        };
        self.send(actor, name, Command::SET_INFO, &request);
    }

    fn name(&mut self, actor: &str, name: &str, class: u8, to: &str) {
        let file_name: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let information =
            RenameInformation { replace_if_exists: false, root_directory: 0, file_name: &file_name };
        self.set(actor, name, class, &information);
    }

    fn lock(&mut self, actor: &str, name: &str, flags: LockFlags) {
        let locks = [LockElement { file_offset: 0, length_bytes: 1, flags }];
        let request = LockRequest {
            lock_sequence: LockSequence::default(),
            file_id: self.open_of(name),
            locks: LockElements::from(locks.as_slice()),
        };
        self.send(actor, name, Command::LOCK, &request);
    }

    fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["sleep", seconds] => {
                self.world.advance(Duration::from_secs(seconds.parse().expect("a number of seconds")));
            }
            ["volume", "oplocks", what] => {
                assert!(self.actors.is_empty(), "the volume is there before its clients");
                let oplocks = match what {
                    "exclusive" => OplockPolicy::Exclusive,
                    "none" => OplockPolicy::None,
                    other => panic!("no volume gives {other}"),
                };
                self.world = World::giving(23, true, oplocks);
            }
            [actor, "beside", other] => {
                self.actor(actor, Some(other));
            }
            [actor, "is", user] => {
                assert!(!self.actors.contains_key(actor), "{actor} has a name already");
                self.users.insert(actor.to_owned(), user.to_owned());
            }
            [actor, "returns-for", other] => self.returns(actor, other),
            [actor, "lost"] => {
                let id = self.actor(actor, None).0;
                self.actors.get_mut(actor).expect("an actor").lost = true;
                self.world.disconnect(id);
            }
            [actor, "open", name, path, ..] => self.open(actor, name, path, &Wanted::parse(&words[4..])),
            [actor, "close", name] => {
                let request = CloseRequest { flags: CloseFlags::empty(), file_id: self.open_of(name) };
                self.send(actor, name, Command::CLOSE, &request);
            }
            [actor, "ack", who, what] => {
                let acknowledgment = match who.strip_prefix('@') {
                    Some(key) => OplockBreakAcknowledgment::Lease(LeaseBreak {
                        lease_key: key_of(key),
                        lease_state: state_of(what),
                    }),
                    None => OplockBreakAcknowledgment::Oplock(OplockBreak {
                        file_id: self.open_of(who),
                        oplock_level: level_of(what),
                    }),
                };
                self.send(actor, who, Command::OPLOCK_BREAK, &acknowledgment);
            }
            [actor, "cancel", name] => {
                let id = self.actor(actor, None).0;
                let message =
                    self.asked.iter().find(|((client, _), (label, _))| *client == id && label == name);
                let ((_, message), _) = message.expect("a request under way");
                let message = *message;
                self.world.cancel(id, message);
            }
            [actor, verb, name, ..] => self.act_on(actor, verb, name, words.get(3).copied()),
            _ => panic!("not an action: {line}"),
        }
    }

    fn act_on(&mut self, actor: &str, verb: &str, name: &str, what: Option<&str>) {
        let file_id = self.open_of(name);
        match (verb, what) {
            ("write", None) => {
                let request = WriteRequest {
                    file_offset: 0,
                    file_id,
                    channel: Channel::NONE,
                    remaining_bytes: 0,
                    channel_info: &[],
                    flags: WriteFlags::empty(),
                    data_message_offset: 0,
                    data: b"data",
                };
                self.send(actor, name, Command::WRITE, &request);
            }
            ("read", None) => {
                let request = ReadRequest {
                    padding: 0,
                    flags: ReadFlags::empty(),
                    length: 16,
                    file_offset: 0,
                    file_id,
                    minimum_count: 0,
                    channel: Channel::NONE,
                    remaining_bytes: 0,
                    channel_info: &[],
                };
                self.send(actor, name, Command::READ, &request);
            }
            ("lock", None) => self.lock(actor, name, LockFlags::EXCLUSIVE_LOCK),
            ("unlock", None) => self.lock(actor, name, LockFlags::UNLOCK),
            ("size", Some(bytes)) => {
                let end_of_file = bytes.parse().expect("a number of bytes");
                self.set(actor, name, 20, &EndOfFileInformation { end_of_file });
            }
            ("hide", None) => {
                let zero = FileTime::ZERO;
                let information = BasicInformation {
                    creation_time: zero,
                    last_access_time: zero,
                    last_write_time: zero,
                    change_time: zero,
                    file_attributes: FileAttributes::HIDDEN,
                };
                self.set(actor, name, 4, &information);
            }
            ("rename", Some(to)) => self.name(actor, name, 10, to),
            ("link", Some(to)) => self.name(actor, name, 11, to),
            ("delete", None) => self.set(actor, name, 13, &DispositionInformation { delete_pending: true }),
            ("keep", None) => self.set(actor, name, 13, &DispositionInformation { delete_pending: false }),
            ("list", None) => {
                let pattern = Utf16Buf::from("*");
                let request = QueryDirectoryRequest {
                    file_information_class: 12,
                    flags: QueryDirectoryFlags::RESTART_SCANS,
                    file_index: 0,
                    file_id,
                    output_buffer_length: 4096,
                    file_name: pattern.as_utf16(),
                };
                self.send(actor, name, Command::QUERY_DIRECTORY, &request);
            }
            _ => panic!("nothing is called {verb}"),
        }
    }

    /// What the clients have seen since the last time.
    fn seen(&mut self) -> String {
        self.world.settle();
        let mut text = String::new();
        let actors: Vec<(String, ClientId, bool)> =
            self.actors.iter().map(|(name, actor)| (name.clone(), actor.id, actor.lost)).collect();
        for (name, id, lost) in actors {
            if lost {
                continue;
            }
            self.world.receive(id).expect("what the server sends is in order");
            let client = &self.world.clients[id];
            let mut unanswered: Vec<u64> = client.open_requests.keys().copied().collect();
            unanswered.sort_unstable();
            for message in unanswered {
                if self.waiting.insert((id, message)) {
                    let (label, _) = &self.asked[&(id, message)];
                    let told =
                        if client.async_ids.contains_key(&message) { "" } else { " without being told" };
                    writeln!(text, "    {name}: {label} waits{told}").unwrap();
                }
            }
            while let Some(line) = self.next_line(id) {
                writeln!(text, "    {name}: {line}").unwrap();
            }
        }
        text
    }

    /// The next notification or final reply that a client has got, in the order in which they came.
    fn next_line(&mut self, id: ClientId) -> Option<String> {
        let client = &mut self.world.clients[id];
        let replies_taken = client.reply_count - client.replies.len() as u64;
        if client.replies_before.front().is_some_and(|before| *before <= replies_taken) {
            client.replies_before.pop_front();
            let notice = client.notifications.pop_front().expect("the notification that was counted");
            return Some(self.notice(&notice));
        }
        let reply = client.replies.pop_front()?;
        Some(self.reply(id, &reply))
    }

    fn notice(&self, notice: &Reply) -> String {
        match OplockBreakResponse::decode(&notice.message).expect("a notification") {
            OplockBreakResponse::Oplock(broken) => {
                let open = self.opens.iter().find(|(_, id)| **id == broken.file_id);
                let name = open.map_or("?", |(name, _)| name);
                format!("break {name} to {}", level_text(broken.oplock_level))
            }
            OplockBreakResponse::LeaseNotification(broken) => {
                let acknowledge = broken.flags.contains(LeaseBreakFlags::ACK_REQUIRED);
                format!(
                    "break @{} from {} to {}, epoch {}{}",
                    broken.lease_key.0[0],
                    state_text(broken.current_lease_state),
                    state_text(broken.new_lease_state),
                    broken.new_epoch,
                    if acknowledge { ", to be acknowledged" } else { "" }
                )
            }
            other => panic!("not a notification: {other:?}"),
        }
    }

    fn reply(&mut self, id: ClientId, reply: &Reply) -> String {
        let message = reply.header.message_id.0;
        let (label, command) = self.asked.remove(&(id, message)).expect("the request of this reply");
        self.waiting.remove(&(id, message));
        let status = reply.header.status;
        if status.is_error() {
            return format!("{label} {}", status_text(status));
        }
        match command {
            Command::CREATE => format!("{label} {}", self.created(&label, reply)),
            Command::CLOSE => {
                self.opens.remove(&label);
                format!("{label} closed")
            }
            Command::READ => {
                let (_, data) = ReadResponse::decode_with_data(&reply.message).expect("a READ reply");
                format!("{label} read {}", String::from_utf8_lossy(data))
            }
            _ => format!("{label} ok"),
        }
    }

    fn created(&mut self, label: &str, reply: &Reply) -> String {
        let response: CreateResponse<'_> = match reply.body() {
            Ok(response) => response,
            Err(ClientError::Status(status)) => return status_text(status),
            Err(error) => panic!("{error}"),
        };
        // An open that is taken up goes by its new name.
        self.opens.retain(|_, id| *id != response.file_id);
        self.opens.insert(label.to_owned(), response.file_id);
        let mut text = match response.create_action {
            CreateAction::CREATED => "created",
            CreateAction::OVERWRITTEN => "overwritten",
            _ => "opened",
        }
        .to_owned();
        if !matches!(response.oplock_level, OplockLevel::NONE | OplockLevel::LEASE) {
            write!(text, ", {}", level_text(response.oplock_level)).unwrap();
        }
        for context in response.contexts.iter() {
            let lease = match context.expect("a context") {
                ResponseContext::Lease(lease) => lease,
                ResponseContext::DurableHandle => {
                    text += ", durable";
                    continue;
                }
                ResponseContext::DurableHandleV2 { timeout_ms, .. } => {
                    write!(text, ", durable for {} s", timeout_ms / 1000).unwrap();
                    continue;
                }
                _ => continue,
            };
            write!(text, ", {}@{}", state_text(lease.state), lease.key.0[0]).unwrap();
            if let Some(v2) = lease.v2 {
                write!(text, " epoch {}", v2.epoch).unwrap();
                if lease.flags.contains(LeaseFlags::PARENT_LEASE_KEY_SET) {
                    write!(text, " parent {}", v2.parent_key.0[0]).unwrap();
                }
            }
            if lease.flags.contains(LeaseFlags::BREAK_IN_PROGRESS) {
                text += " breaking";
            }
        }
        text
    }

    /// Everybody leaves: nothing may be left of them.
    fn end(mut self) {
        for actor in self.actors.values().filter(|actor| !actor.lost) {
            self.world.disconnect(actor.id);
        }
        self.world.settle();
        // What waits for its client is given up.
        self.world.advance(Duration::from_secs(301));
        self.world.settle();
        self.world.check_nothing_left();
    }
}

/// Plays a script; what comes out is the script with what really happened.
fn play(script: &str) -> String {
    let mut out = String::new();
    let mut case: Option<Case> = None;
    for line in script.lines() {
        if line.starts_with(' ') {
            continue;
        }
        out += line;
        out.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("== ") {
            if let Some(case) = case.take() {
                case.end();
            }
            case = Some(Case::new());
            continue;
        }
        let case = case.as_mut().expect("a case begins with ==");
        case.act(line);
        out += &case.seen();
    }
    if let Some(case) = case {
        case.end();
    }
    out
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/scripts");
    let entries = std::fs::read_dir(folder).expect("the folder of the scripts");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// Says where two texts part.
fn difference(path: &Path, expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    let lines = || expected.lines().zip(got.lines()).enumerate();
    let at = lines()
        .find(|(_, (expected, got))| expected != got)
        .map_or_else(|| expected.lines().count().min(got.lines().count()), |(at, _)| at);
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    Some(format!("{}:{}: expected {:?}, got {:?}", path.display(), at + 1, line(expected), line(got)))
}

#[test]
fn scripts_have_their_transcripts() {
    let write = std::env::var("FREEHOLD_SCRIPTS").is_ok_and(|value| value == "write");
    let mut wrong = Vec::new();
    let scripts = scripts();
    assert!(scripts.len() >= 4, "only {} scripts were found", scripts.len());
    for path in scripts {
        let expected = std::fs::read_to_string(&path).expect("a script");
        let got = play(&expected);
        if write {
            std::fs::write(&path, got).expect("a script");
        } else {
            wrong.extend(difference(&path, &expected, &got));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_transcript_that_differs_is_noticed() {
    let script = "== one\na open 1 f rw/rwd batch\n    a: 1 created, batch\n";
    let path = Path::new("script");
    assert_eq!(play(script), script);
    let wrong = script.replace("created, batch", "created, II");
    let difference = difference(path, &wrong, &play(&wrong)).expect("a difference");
    assert!(difference.contains("script:3"), "{difference}");
}
