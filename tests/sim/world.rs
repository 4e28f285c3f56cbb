//! A server, a volume in memory, a virtual clock, and the clients around them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use freehold::auth::{self, AuthError};
use freehold::client::{Client, ClientError, ClientOptions, Protection, Reply};
use freehold::crypto::SigningAlgorithm;
use freehold::names::{Domain, Principal, Questions};
use freehold::proto::admit::Disconnect;
use freehold::proto::connection::Connection;
use freehold::proto::connection::pieces::HEAD_BYTES;
use freehold::proto::durable;
use freehold::proto::event::{ConnectionId, Now, Waker};
use freehold::proto::limits;
use freehold::proto::op::{AccountLookup, Op, OpId, OpResult, QuotaRequest, VolumeId, VolumeRef};
use freehold::proto::server::{Entropy, Server, ServerConfig};
use freehold::proto::session::Identity;
use freehold::proto::tree_connect::{CachingMode, Share, ShareTarget, Shares};
use freehold::rpc::{Done, Task, TaskError};
use freehold::server::worker::{Outcome, execute};
use freehold::smb2::header::Compound;
use freehold::smb2::{AsyncId, Command, Dialect, HeaderFlags, HeaderId, MessageId, Smb2Header, TreeId};
use freehold::vfs::local::LocalPrograms;
use freehold::vfs::memory::{MemoryOptions, MemoryVolume};
use freehold::vfs::oplock_policy::OplockPolicy;
use freehold::vfs::{OpenError, VfsError, VfsPath, Volume, Wait};
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor, Token};
use freehold_dtyp::{Encode, FileTime, Guid, NtStatus, Sid};

/// Password of every account.
pub const PASSWORD: &str = "Passw0rd";

/// A small generator (SplitMix64): the whole run follows from its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

struct SeededEntropy(Mutex<Random>);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut random = self.0.lock().unwrap();
        for chunk in buffer.chunks_mut(8) {
            let bytes = random.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

struct NoWaker;

impl Waker for NoWaker {
    fn wake(&self) {}
}

/// Names a client of the world.
pub type ClientId = usize;

pub struct SimClient {
    pub client: Client,
    /// What its ClientGuid and its secrets come from.
    random: [u8; 48],
    connection: Connection,
    /// Packets on their way to the server.
    outbox: VecDeque<Bytes>,
    /// Data on its way to the server, of a write whose head is there.
    data: Bytes,
    /// The network holds the data back for now.
    held_back: bool,
    /// Packets on their way to the client.
    inbox: VecDeque<Vec<u8>>,
    /// Requests that have no final reply yet, by message id.
    pub open_requests: HashMap<u64, Command>,
    /// Final replies that came, oldest first.
    pub replies: VecDeque<Reply>,
    /// Notifications of breaks that came, oldest first.
    pub notifications: VecDeque<Reply>,
    /// How many final replies had come before each of them.
    pub replies_before: VecDeque<u64>,
    /// Final replies that have come in all.
    pub reply_count: u64,
    /// AsyncIds of requests that got an interim reply, by message id.
    pub async_ids: HashMap<u64, AsyncId>,
    /// Requests whose signature was spoilt on the way: their replies need not be signed.
    pub spoilt: HashSet<u64>,
    /// LOGOFF was sent: who is not known any more gets unsigned answers.
    pub logged_off: bool,
    /// Why the server dropped the connection, if it did.
    pub dropped: Option<Disconnect>,
    connected: bool,
}

/// An audit log in memory.
#[derive(Default)]
pub struct AuditLog {
    /// What was written: JSON.
    pub records: Vec<String>,
    /// It cannot be written.
    pub fails: bool,
    /// It takes its time, until [`World::release_audit`].
    pub holds: bool,
    held: Vec<(ClientId, OpId, Op)>,
}

/// A directory in memory.
#[derive(Default)]
pub struct Directory {
    /// Its accounts.
    pub accounts: Vec<Principal>,
    /// What it was asked.
    pub asked: Vec<Questions>,
    /// It takes its time, until [`World::release_directory`].
    pub holds: bool,
    held: Vec<(ClientId, OpId, Op)>,
}

pub struct World {
    pub random: Random,
    pub server: Arc<Server>,
    pub volume: MemoryVolume,
    clock: Arc<Mutex<Duration>>,
    pub clients: Vec<SimClient>,
    /// Operations that the "disk" has not finished.
    delayed: Vec<(ClientId, OpId, Op)>,
    /// The audit log.
    pub audit: AuditLog,
    /// The directory of the domain that the server is a member of, once [`World::join`] has made it one.
    pub directory: Directory,
    /// One operation in this many is delayed, and one piece of data in this many is held back; 0: none.
    pub delay_one_in: u64,
    /// One operation in this many fails; 0: none.
    pub fail_one_in: u64,
    /// These clients' connections look into their mailboxes late: only when a request comes.
    pub late: HashSet<ClientId>,
    /// The server may drop a connection for what was sent: else that fails the test.
    pub tolerant: bool,
    /// One write in this many that could come in pieces comes whole; 0: none.
    pub whole_one_in: u64,
    /// Writes whose data did not come with their head.
    pub writes_in_pieces: u64,
}

/// How a client talks.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Highest dialect offered.
    pub dialect: Dialect,
    /// Protection of its messages.
    pub protection: Protection,
    /// Signing algorithm offered to 3.1.1.
    pub signing: SigningAlgorithm,
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            dialect: Dialect::SMB_3_1_1,
            protection: Protection::Signed,
            signing: SigningAlgorithm::AesGmac,
        }
    }
}

fn wall(monotonic: Duration) -> FileTime {
    FileTime(133_000_000_000_000_000).saturating_add(monotonic)
}

/// Everybody may do everything.
pub fn open_security() -> Arc<SecurityDescriptor> {
    let flags = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
    let dacl = Acl::from_aces([Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, flags)]).unwrap();
    Arc::new(SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl))
}

impl World {
    pub fn new(seed: u64) -> Self {
        World::with_signing(seed, true)
    }

    /// A server that demands signatures, or does not.
    pub fn with_signing(seed: u64, require_signing: bool) -> Self {
        World::of(seed, require_signing, OplockPolicy::All, Duration::from_nanos(1))
    }

    /// The same, of a volume that gives these oplocks and leases.
    pub fn giving(seed: u64, require_signing: bool, oplocks: OplockPolicy) -> Self {
        World::of(seed, require_signing, oplocks, Duration::from_nanos(1))
    }

    /// On a volume whose clock goes in steps of `tick`.
    pub fn ticking(seed: u64, require_signing: bool, tick: Duration) -> Self {
        World::of(seed, require_signing, OplockPolicy::All, tick)
    }

    fn of(seed: u64, require_signing: bool, oplocks: OplockPolicy, tick: Duration) -> Self {
        let clock = Arc::new(Mutex::new(Duration::ZERO));
        let volume_clock = Arc::clone(&clock);
        let volume = MemoryVolume::new(MemoryOptions {
            clock: Arc::new(move || {
                let now = *volume_clock.lock().unwrap();
                wall(now - Duration::from_nanos(u64::try_from(now.as_nanos() % tick.as_nanos()).unwrap()))
            }),
            ..MemoryOptions::new(open_security())
        });
        World::serving(seed, (require_signing, oplocks), volume.clone(), Arc::new(volume), clock)
    }

    /// A server whose shares are on what `counted` makes of the volume in memory.
    pub fn counting(seed: u64, counted: impl FnOnce(MemoryVolume) -> Arc<dyn Volume>) -> Self {
        let volume = MemoryVolume::new(MemoryOptions::new(open_security()));
        World::serving(seed, (true, OplockPolicy::All), volume.clone(), counted(volume), Arc::default())
    }

    /// Another server of the same files: the one before has ended.
    pub fn restarted(&self, seed: u64, oplocks: OplockPolicy) -> Self {
        let served = Arc::new(self.volume.clone());
        World::serving(seed, (true, oplocks), self.volume.clone(), served, Arc::clone(&self.clock))
    }

    fn serving(
        seed: u64,
        (require_signing, oplocks): (bool, OplockPolicy),
        volume: MemoryVolume,
        served: Arc<dyn Volume>,
        clock: Arc<Mutex<Duration>>,
    ) -> Self {
        let mut random = Random::new(seed);
        let config = ServerConfig {
            guid: Guid([7; 16]),
            netbios_name: "SIM".to_owned(),
            dns_name: "sim.example".to_owned(),
            machine_sid: "S-1-5-21-1-2-3".parse().unwrap(),
            comment: String::new(),
            min_dialect: Dialect::SMB_2_0_2,
            max_dialect: Dialect::SMB_3_1_1,
            require_signing,
            encrypt_data: false,
            reject_unencrypted: true,
            allow_anonymous: false,
            started: wall(Duration::ZERO),
            ..ServerConfig::default()
        };
        let entropy = SeededEntropy(Mutex::new(Random::new(random.next())));
        let server = Server::new(config, Box::new(entropy));
        let mut identity = served.identity().clone();
        // Two of three worlds' volumes mind programs, of which there are none but for operations that fail.
        identity.options.local_programs = match seed % 3 {
            0 => LocalPrograms::Ignore,
            1 => LocalPrograms::Locks,
            _ => LocalPrograms::Leases,
        };
        identity.options.oplocks = oplocks;
        // And one of five shows write times late.
        identity.options.delayed_write_times = seed.is_multiple_of(5);
        let volume_ref = VolumeRef { id: VolumeId(0), identity: Arc::new(identity), volume: served };
        let share = |name: &str, target: ShareTarget, encrypt, continuously_available| Share {
            name: name.to_owned(),
            target,
            comment: String::new(),
            security: open_security(),
            encrypt,
            varies: None,
            access_based_enumeration: false,
            continuously_available,
            ca_timeout: std::time::Duration::ZERO,
            caching: CachingMode::Manual,
            audit: Default::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: Arc::default(),
        };
        let root = || ShareTarget::Disk { volume: volume_ref.clone(), path: VfsPath::root() };
        server.shares.store(Arc::new(Shares::new([
            share("data", root(), false, false),
            share("sealed", root(), true, false),
            share("available", root(), false, true),
            share("IPC$", ShareTarget::Pipes, false, false),
        ])));
        World {
            random,
            server,
            volume,
            clock,
            clients: Vec::new(),
            delayed: Vec::new(),
            audit: AuditLog::default(),
            directory: Directory::default(),
            delay_one_in: 0,
            fail_one_in: 0,
            late: HashSet::new(),
            tolerant: false,
            whole_one_in: 4,
            writes_in_pieces: 0,
        }
    }

    pub fn now(&self) -> Now {
        let monotonic = *self.clock.lock().unwrap();
        Now { monotonic, wall: wall(monotonic) }
    }

    /// Lets time pass.
    pub fn advance(&mut self, duration: Duration) {
        *self.clock.lock().unwrap() += duration;
        let now = self.now();
        for id in 0..self.clients.len() {
            let client = &mut self.clients[id];
            // A request may outlive its connection.
            if client.connection.next_deadline().is_some_and(|deadline| deadline <= now.monotonic) {
                let outcome = client.connection.handle_deadline(now);
                self.after(id, outcome);
            }
        }
        durable::expire(&self.server, now);
        self.run();
    }

    /// What a connection wants after something was given to it: it goes on, or is dropped.
    fn after(&mut self, id: ClientId, outcome: Result<(), Disconnect>) {
        let Err(reason) = outcome else { return };
        if !self.clients[id].connected {
            return;
        }
        assert!(self.tolerant, "client {id} was dropped: {reason}");
        let now = self.now();
        let client = &mut self.clients[id];
        client.dropped = Some(reason);
        client.connected = false;
        client.connection.disconnected(now);
    }

    pub fn connect(&mut self) -> ClientId {
        self.connect_as("user", PASSWORD)
    }

    pub fn connect_as(&mut self, user: &str, password: &str) -> ClientId {
        self.connect_with(user, password, Manner::default())
    }

    pub fn connect_with(&mut self, user: &str, password: &str, manner: Manner) -> ClientId {
        self.connect_from(user, password, manner, None)
    }

    /// A connection of the machine with this ClientGuid; `None` for one that was never there.
    pub fn connect_from(
        &mut self,
        user: &str,
        password: &str,
        manner: Manner,
        machine: Option<Guid>,
    ) -> ClientId {
        let mut random = [0; 48];
        for chunk in random.chunks_mut(8) {
            chunk.copy_from_slice(&self.random.next().to_le_bytes());
        }
        if let Some(machine) = machine {
            random[..16].copy_from_slice(&machine.0);
        }
        self.connect_random(user, password, manner, random)
    }

    /// The ClientGuid of a client.
    pub fn machine(&self, id: ClientId) -> Guid {
        Guid(*self.clients[id].random.first_chunk().expect("16 bytes"))
    }

    /// One more connection of the client that `other` is a connection of: they have one ClientGuid.
    pub fn connect_beside(&mut self, other: ClientId) -> ClientId {
        let random = self.clients[other].random;
        self.connect_random("user", PASSWORD, Manner::default(), random)
    }

    fn connect_random(&mut self, user: &str, password: &str, manner: Manner, random: [u8; 48]) -> ClientId {
        let options = ClientOptions {
            dialects: Dialect::ALL.into_iter().filter(|dialect| *dialect <= manner.dialect).collect(),
            signing: vec![manner.signing],
            protection: manner.protection,
            user: user.to_owned(),
            password: password.to_owned(),
            domain: "SIM".to_owned(),
            random,
        };
        let connection = Connection::new(
            Arc::clone(&self.server),
            "192.0.2.1".to_owned(),
            "192.0.2.2".to_owned(),
            Box::new(NoWaker),
        );
        self.clients.push(SimClient {
            client: Client::new(options),
            random,
            connection,
            outbox: VecDeque::new(),
            data: Bytes::new(),
            held_back: false,
            inbox: VecDeque::new(),
            open_requests: HashMap::new(),
            replies: VecDeque::new(),
            notifications: VecDeque::new(),
            replies_before: VecDeque::new(),
            reply_count: 0,
            async_ids: HashMap::new(),
            spoilt: HashSet::new(),
            logged_off: false,
            dropped: None,
            connected: true,
        });
        self.clients.len() - 1
    }

    /// Hands a packet to the server and runs what follows. The data of a large write may come later.
    pub fn deliver(&mut self, id: ClientId, packet: &[u8]) {
        if self.clients[id].connected {
            self.clients[id].outbox.push_back(Bytes::copy_from_slice(packet));
            self.run();
        }
    }

    /// Holds back the data of the client's next write, until it is let through.
    pub fn hold_back(&mut self, id: ClientId) {
        self.clients[id].held_back = true;
    }

    /// Brings some of the data to the server, as one piece.
    pub fn pass_data(&mut self, id: ClientId, count: usize) {
        let now = self.now();
        let client = &mut self.clients[id];
        let piece = client.data.split_to(count.min(client.data.len()));
        assert!(client.connection.takes_data(), "the server waits for no data");
        let outcome = client.connection.receive_data(piece, now);
        client.held_back = !client.data.is_empty();
        self.after(id, outcome);
    }

    /// As [`World::pass_data`], then runs what follows.
    pub fn let_through(&mut self, id: ClientId, count: usize) {
        self.pass_data(id, count);
        self.run();
    }

    /// True while packets, or parts of one, have not come to the server.
    pub fn is_sending(&self, id: ClientId) -> bool {
        let client = &self.clients[id];
        !client.outbox.is_empty() || !client.data.is_empty()
    }

    /// Brings to the server what a client has sent, as the transport does; true when something came.
    fn upload(&mut self, id: ClientId) -> bool {
        let now = self.now();
        let mut moved = false;
        loop {
            let client = &mut self.clients[id];
            if !client.connected {
                client.outbox.clear();
                client.data.clear();
                return moved;
            }
            let outcome = if !client.data.is_empty() {
                if client.held_back || !client.connection.takes_data() {
                    return moved;
                }
                if self.delay_one_in != 0 && self.random.one_in(self.delay_one_in) {
                    client.held_back = true;
                    return moved;
                }
                let count = 1 + self.random.below(client.data.len() as u64);
                let piece = client.data.split_to(usize::try_from(count).unwrap());
                client.connection.receive_data(piece, now)
            } else if let Some(mut packet) = client.outbox.pop_front() {
                let head = packet.get(..HEAD_BYTES).unwrap_or_default();
                match client.connection.write_in_pieces(head, packet.len()) {
                    // A transport need not.
                    Some(write) if self.whole_one_in == 0 || !self.random.one_in(self.whole_one_in) => {
                        let head = BytesMut::from(packet.split_to(HEAD_BYTES));
                        assert_eq!(write.data_bytes, packet.len(), "data that is to come");
                        client.data = packet;
                        self.writes_in_pieces += 1;
                        client.connection.receive_head(head, write, now)
                    }
                    _ => client.connection.receive(BytesMut::from(packet), now),
                }
            } else {
                return moved;
            };
            self.after(id, outcome);
            moved = true;
        }
    }

    /// Runs operations, events and transmissions until nothing moves.
    pub fn run(&mut self) {
        loop {
            let mut moved = false;
            for id in 0..self.clients.len() {
                moved |= self.run_client(id);
            }
            for op in self.server.disconnected.take_operations() {
                moved = true;
                perform(op);
            }
            if !moved {
                return;
            }
        }
    }

    fn run_client(&mut self, id: ClientId) -> bool {
        let now = self.now();
        let mut moved = self.upload(id);
        if !self.late.contains(&id) {
            let outcome = self.clients[id].connection.handle_events(now);
            self.after(id, outcome);
        }
        while let Some((op_id, op)) = self.clients[id].connection.poll_op() {
            moved = true;
            if self.audit.holds && matches!(op, Op::Audit { .. }) {
                self.audit.held.push((id, op_id, op));
                continue;
            }
            if self.directory.holds && matches!(op, Op::Names { .. }) {
                self.directory.held.push((id, op_id, op));
                continue;
            }
            if self.delay_one_in != 0 && self.random.one_in(self.delay_one_in) {
                self.delayed.push((id, op_id, op));
                continue;
            }
            self.finish(id, op_id, op);
        }
        let client = &mut self.clients[id];
        while let Some(frame) = client.connection.poll_transmit() {
            assert!(client.connected, "client {id} is sent something after its end");
            moved = true;
            assert!(frame.splice.is_none(), "the memory volume has nothing to splice from");
            let bytes = frame.bytes();
            assert_eq!(bytes[..4], u32::try_from(bytes.len() - 4).unwrap().to_be_bytes(), "transport header");
            client.inbox.push_back(bytes[4..].to_vec());
            client.connection.recycle(frame.buffer);
        }
        moved
    }

    /// The log takes what was held back.
    pub fn release_audit(&mut self) {
        self.audit.holds = false;
        for (id, op_id, op) in std::mem::take(&mut self.audit.held) {
            self.finish(id, op_id, op);
        }
        self.run();
    }

    /// Makes the server a member of a domain with these accounts.
    pub fn join(&mut self, domain: Domain, accounts: Vec<Principal>) {
        self.server.directory.set_domain(Some(domain));
        self.server.directory.set_trusted(Vec::new());
        self.directory.accounts = accounts;
    }

    /// The directory answers what was held back.
    pub fn release_directory(&mut self) {
        self.directory.holds = false;
        for (id, op_id, op) in std::mem::take(&mut self.directory.held) {
            self.finish(id, op_id, op);
        }
        self.run();
    }

    /// Puts into the server's cache what the directory has to say.
    fn answer(&mut self, questions: Questions) {
        let at = self.now().wall;
        for sid in &questions.sids {
            let found = self.directory.accounts.iter().find(|account| account.sid == *sid);
            self.server.directory.put_sid(*sid, found.cloned(), at);
        }
        self.directory.asked.push(questions);
    }

    /// Finishes a delayed operation, or lets data through that was held back, chosen by chance; false when there is none.
    pub fn finish_one(&mut self) -> bool {
        let held_back: Vec<ClientId> =
            (0..self.clients.len()).filter(|id| self.clients[*id].held_back).collect();
        let waiting = self.delayed.len() + held_back.len();
        if waiting == 0 {
            return false;
        }
        let at = usize::try_from(self.random.below(waiting as u64)).unwrap();
        if let Some(id) = at.checked_sub(self.delayed.len()) {
            self.clients[held_back[id]].held_back = false;
            self.run();
            return true;
        }
        let (id, op_id, op) = self.delayed.swap_remove(at);
        self.finish(id, op_id, op);
        self.run();
        true
    }

    /// Runs an operation, or lets it fail, and tells the connection.
    fn finish(&mut self, id: ClientId, op_id: OpId, op: Op) {
        if let Op::Audit { batch, .. } = &op
            && !self.audit.fails
        {
            let text = |record: &[u8]| format!("{{{}}}", String::from_utf8_lossy(record));
            self.audit.records.extend(batch.records().map(text));
        }
        if let Op::Names { questions } = &op {
            self.answer(questions.clone());
        }
        let result = if self.audit.fails && matches!(op, Op::Audit { .. }) {
            OpResult::Audited(false)
        } else if self.fail_one_in != 0 && self.random.one_in(self.fail_one_in) {
            let error = match (self.random.one_in(2), &op) {
                (true, Op::LockLocal { .. }) => VfsError::RangeLocked,
                (true, _) => VfsError::DiskFull,
                (false, _) => VfsError::Io,
            };
            fail(op, error)
        } else {
            perform(op)
        };
        let now = self.now();
        let outcome = self.clients[id].connection.complete(op_id, result, now);
        self.after(id, outcome);
    }

    /// Reads what the server has sent to a client: each request gets exactly one final reply.
    pub fn receive(&mut self, id: ClientId) -> Result<(), ClientError> {
        let client = &mut self.clients[id];
        while let Some(mut packet) = client.inbox.pop_front() {
            let refused = Smb2Header::decode(&packet).ok().filter(|header| {
                header.status == NtStatus::ACCESS_DENIED && client.spoilt.remove(&header.message_id.0)
            });
            let replies = match (client.client.open(&mut packet), refused) {
                (Ok(replies), _) => replies,
                // Whom nobody knows gets an unsigned answer.
                (Err(_), Some(header)) => vec![Reply { header, message: packet }],
                (Err(_), None) if client.logged_off => after_logoff(&packet),
                (Err(error), None) => return Err(error),
            };
            for reply in replies {
                if reply.header.message_id == MessageId::UNSOLICITED {
                    client.notifications.push_back(reply);
                    client.replies_before.push_back(client.reply_count);
                    continue;
                }
                let message = reply.header.message_id.0;
                if reply.header.status == NtStatus::PENDING {
                    let async_id = reply.header.async_id().expect("an interim reply names an AsyncId");
                    assert!(client.open_requests.contains_key(&message), "an interim reply to {message}");
                    let before = client.async_ids.insert(message, async_id);
                    assert_eq!(before, None, "a second interim reply to {message}");
                    continue;
                }
                let known = client.open_requests.remove(&message);
                assert_eq!(
                    known,
                    Some(reply.header.command),
                    "a second reply, or one to nothing asked: {reply:?}"
                );
                let promised = client.async_ids.remove(&message);
                assert_eq!(reply.header.async_id(), promised, "the AsyncId of the reply to {message}");
                client.replies.push_back(reply);
                client.reply_count += 1;
            }
            let credits = client.client.credits();
            assert!(credits <= u32::from(limits::MAX_CREDITS), "{credits} credits");
            assert!(
                credits > 0 || !client.open_requests.is_empty(),
                "a client that waits for nothing is left without credits"
            );
        }
        Ok(())
    }

    /// The next packet that the server has sent to a client, as it came.
    pub fn next_packet(&mut self, id: ClientId) -> Option<Vec<u8>> {
        self.clients[id].inbox.pop_front()
    }

    /// Asks for the end of a request; true when it waits for something.
    pub fn cancel(&mut self, id: ClientId, message: u64) -> bool {
        let client = &mut self.clients[id];
        let async_id = client.async_ids.get(&message).copied();
        let mut header = Smb2Header {
            command: Command::CANCEL,
            message_id: MessageId(message),
            session_id: client.client.session(),
            ..Smb2Header::default()
        };
        if let Some(async_id) = async_id {
            header.flags |= HeaderFlags::ASYNC_COMMAND;
            header.id = HeaderId::Async(async_id);
        }
        let mut packet = header.encode().to_vec();
        packet.extend_from_slice(&[4, 0, 0, 0]);
        let packet = client.client.protect(packet);
        self.deliver(id, &packet);
        async_id.is_some()
    }

    /// Negotiates and logs on.
    pub fn log_on(&mut self, id: ClientId) -> Result<(), ClientError> {
        let packet = self.clients[id].client.negotiate();
        self.deliver(id, &packet);
        let mut reply = self.clients[id].inbox.pop_front().expect("a reply to NEGOTIATE");
        self.clients[id].client.on_negotiate(&mut reply)?;
        let mut request = Some(self.clients[id].client.session_setup());
        while let Some(packet) = request {
            self.deliver(id, &packet);
            let mut reply = self.clients[id].inbox.pop_front().expect("a reply to SESSION_SETUP");
            request = self.clients[id].client.on_session_setup(&mut reply)?;
        }
        Ok(())
    }

    /// Connects to a share.
    pub fn tree_connect(&mut self, id: ClientId, share: &str) -> Result<TreeId, ClientError> {
        let packet = self.clients[id].client.tree_connect("sim", share);
        self.deliver(id, &packet);
        let mut reply = self.clients[id].inbox.pop_front().expect("a reply to TREE_CONNECT");
        let reply = self.clients[id].client.open(&mut reply)?.pop().expect("one reply");
        if reply.header.status.is_error() {
            return Err(ClientError::Status(reply.header.status));
        }
        Ok(reply.header.tree_id().unwrap_or_default())
    }

    /// Sends a request; its reply is found in `replies` after [`World::receive`].
    pub fn send(
        &mut self,
        id: ClientId,
        command: Command,
        tree: TreeId,
        body: &impl Encode,
        payload_bytes: u32,
    ) -> u64 {
        let (packet, message) = self.clients[id].client.request(command, tree, body, payload_bytes);
        self.clients[id].open_requests.insert(message.0, command);
        self.deliver(id, &packet);
        message.0
    }

    /// Sends a compound that was built with `Client::append`.
    pub fn send_compound(&mut self, id: ClientId, packet: Vec<u8>, requests: &[(MessageId, Command)]) {
        let packet = self.clients[id].client.protect(packet);
        for (message, command) in requests {
            self.clients[id].open_requests.insert(message.0, *command);
        }
        self.deliver(id, &packet);
    }

    /// What others post to when they want this client told something.
    pub fn connection_id(&self, id: ClientId) -> ConnectionId {
        self.clients[id].connection.link().id
    }

    /// Cuts a client's connection.
    pub fn disconnect(&mut self, id: ClientId) {
        let now = self.now();
        self.clients[id].connected = false;
        self.clients[id].connection.disconnected(now);
        self.run();
    }

    pub fn is_connected(&self, id: ClientId) -> bool {
        self.clients[id].connected
    }

    /// Finishes everything that is under way.
    pub fn settle(&mut self) {
        self.late.clear();
        self.run();
        while self.finish_one() {}
        self.run();
    }

    /// After all clients have gone nothing may be left of them.
    pub fn check_nothing_left(&self) {
        for (id, client) in self.clients.iter().enumerate() {
            assert!(!client.connected, "client {id} is still connected");
            assert!(client.connection.is_drained(), "client {id} has requests left");
        }
        assert!(self.server.sessions.is_empty(), "sessions are left");
        assert!(self.server.clients.is_empty(), "clients are left");
        assert!(self.server.disconnected.is_empty(), "disconnected opens are left");
        assert!(self.server.nodes.is_empty(), "open files are left");
        assert!(self.server.held_times.is_empty(), "write times are held back");
        assert!(self.server.replays.is_empty(), "requests that can be replayed are left");
    }
}

/// The replies of a compound whose last parts had their turn after LOGOFF: those have nobody to sign for.
fn after_logoff(packet: &[u8]) -> Vec<Reply> {
    let replies = Compound::new(packet).map(|element| {
        let element = element.expect("a reply");
        let header = element.header;
        let protected = header.flags.contains(HeaderFlags::SIGNED);
        assert!(
            protected || header.status.is_error() || header.command == Command::ECHO,
            "an unsigned reply: {header:?}"
        );
        Reply { header, message: element.message.to_vec() }
    });
    replies.collect()
}

/// Lets an operation fail without doing anything. Closing does not fail, and accounts are not the volume's.
fn fail(op: Op, error: VfsError) -> OpResult {
    match op {
        Op::Account { .. } | Op::Delay { .. } | Op::Close { .. } => perform(op),
        // Nobody could be asked.
        Op::Names { .. } => OpResult::Done(Ok(())),
        Op::Rpc { .. } => OpResult::Rpc(Err(TaskError::Failed)),
        // A log that cannot be written.
        Op::Audit { .. } => OpResult::Audited(false),
        Op::Open { .. } | Op::Create { .. } | Op::CreateStream { .. } => {
            OpResult::Opened(Err(OpenError::Failed(error)))
        }
        Op::Rename { .. } => OpResult::Renamed(Err(error)),
        Op::Space { .. } => OpResult::Space(Err(error)),
        Op::Folder { .. } => OpResult::Folder(Err(error)),
        Op::Quota { request: QuotaRequest::Policy, .. } => OpResult::QuotaPolicy(Err(error)),
        Op::Quota { request: QuotaRequest::Change(_), .. } => OpResult::Done(Err(error)),
        Op::Quota { .. } => OpResult::QuotaOwners(Err(error)),
        Op::Read { buffer, .. } => OpResult::Read { buffer, result: Err(error), splice: None },
        // A program has it open.
        Op::OpenData { .. } if error == VfsError::DiskFull => OpResult::DataOpened(Ok(false)),
        Op::OpenData { .. } => OpResult::DataOpened(Err(error)),
        Op::Write { .. } => OpResult::Written(Err(error)),
        Op::AllocatedRanges { .. } => OpResult::Ranges(Err(error)),
        Op::CopyRanges { .. } => {
            OpResult::Copied { ranges: 0, partial_bytes: 0, total_bytes: 0, result: Err(error) }
        }
        Op::Metadata { .. } | Op::Overwrite { .. } => OpResult::Metadata(Err(error)),
        Op::Security { .. } => OpResult::Security(Err(error)),
        Op::ReplaceSecurity { .. } => OpResult::Replaced(Err(error)),
        Op::ExtendedAttributes { .. } => OpResult::ExtendedAttributes(Err(error)),
        Op::Streams { .. } => OpResult::Streams(Err(error)),
        Op::ReparseData { .. } => OpResult::Bytes(Err(error)),
        Op::Snapshots { .. } => OpResult::Snapshots(Err(error)),
        Op::Snapshot { .. } => OpResult::Snapshot(Err(error)),
        Op::List { visitor, .. } => OpResult::Listed { visitor, result: Err(error) },
        Op::Entry { .. } => OpResult::Entry(Err(error)),
        Op::IsEmpty { .. } => OpResult::IsEmpty(Err(error)),
        Op::Link { .. }
        | Op::Unlink { .. }
        | Op::Flush { .. }
        | Op::LockLocal { .. }
        | Op::UnlockLocal { .. }
        | Op::SetSize { .. }
        | Op::Allocate { .. }
        | Op::PunchHole { .. }
        | Op::CloneRange { .. }
        | Op::SetMetadata { .. }
        | Op::SetExtendedAttributes { .. }
        | Op::RenameStream { .. }
        | Op::SetCompressed { .. }
        | Op::SetReparseData { .. }
        | Op::Persist(_) => OpResult::Done(Err(error)),
    }
}

fn perform(op: Op) -> OpResult {
    match op {
        Op::Account { query } => OpResult::Account(Box::new(account(&query.user))),
        Op::Delay { .. } | Op::Names { .. } => OpResult::Done(Ok(())),
        Op::Audit { .. } => OpResult::Audited(true),
        // There is no state here that a call could change.
        Op::Rpc { commission, .. } => OpResult::Rpc(match commission.task {
            Task::RemoveShare { .. } => Ok(Done::Nothing),
            _ => Err(TaskError::AccessDenied),
        }),
        op => match execute(op, Wait::Allowed) {
            Outcome::Done(result) => result,
            Outcome::WouldBlock(_) => panic!("a volume that was allowed to wait did not"),
        },
    }
}

fn account(user: &str) -> AccountLookup {
    let restriction = (user == "disabled").then_some(AuthError::AccountDisabled);
    let rid = 1000 + u32::from(user.bytes().fold(0u8, u8::wrapping_add));
    let sid = "S-1-5-21-1-2-3".parse::<Sid>().unwrap().with_rid(rid).unwrap();
    let mut groups = vec![Sid::EVERYONE, Sid::AUTHENTICATED_USERS];
    if user == "administrator" {
        groups.push(Sid::ADMINISTRATORS);
    }
    AccountLookup {
        answer: auth::AccountAnswer::Secret { nt_hash: auth::nt_hash(PASSWORD), restriction },
        identity: Some(Identity {
            user: user.to_owned(),
            domain: "SIM".to_owned(),
            token: Arc::new(Token::builder(sid).groups(groups).build()),
            is_anonymous: false,
            is_guest: false,
        }),
    }
}
