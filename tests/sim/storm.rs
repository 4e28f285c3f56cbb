//! Many clients that do everything at random, pipelined, against delayed and failing operations, lost connections, spoilt
//! frames and a clock that jumps. [`crate::model`] says what must hold.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use freehold::client::{Protection, Reply};
use freehold::crypto::{Cipher, SigningAlgorithm};
use freehold::fscc::FileAttributes;
use freehold::fscc::file_info::{
    BasicInformation, DispositionInformation, EndOfFileInformation, RenameInformation,
};
use freehold::smb2::change_notify::{ChangeNotifyFlags, ChangeNotifyRequest, CompletionFilter};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{
    CreateContexts, Lease, LeaseFlags, LeaseV2, RequestContext, ResponseContext,
};
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::flush::FlushRequest;
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest};
use freehold::smb2::lock::{LockElement, LockFlags, LockRequest, LockSequence};
use freehold::smb2::logoff::LogoffRequest;
use freehold::smb2::oplock_break::{
    LeaseBreak, LeaseBreakFlags, LeaseBreakNotification, OplockBreak, OplockBreakAcknowledgment,
    OplockBreakResponse,
};
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest};
use freehold::smb2::read::{ReadFlags, ReadRequest, ReadResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::tree_disconnect::TreeDisconnectRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use freehold::smb2::{
    Channel, Command, DecodeMessage, Dialect, FileId, InfoType, LeaseKey, LeaseState, MessageId, OplockLevel,
    Smb2Header, TreeId, Utf16Buf, message_bytes,
};
use freehold::vfs::oplock_policy::OplockPolicy;
use freehold::vfs::{DataUse, VfsPath, Volume, Wait};
use freehold_dtyp::{Encode, FileTime, Guid, NtStatus, Writer};

use crate::model::{self, CACHE_HANDLE, CACHE_WRITE, Cacher, Content, Handle, Model};
use crate::world::{ClientId, Manner, PASSWORD, World};

/// Steps of one world.
const STEPS: usize = 300;
/// Requests that a client has under way at most.
const MOST_UNDER_WAY: usize = 24;
/// Bytes of a private file at most.
const MOST_BYTES: u64 = 20_000;

const SHARED_FILES: [&str; 8] = ["s0", "s1", "S1", "s0:x", "d0\\s0", "d0\\s1", "d1\\s0", "d1\\s1:y"];
const FOLDERS: [&str; 5] = ["", "d0", "d1", "d0\\e", "d2"];

/// A message body that is ready.
struct Body(Vec<u8>);

impl Encode for Body {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}

impl Body {
    /// The open that a request names.
    fn file(&self, command: Command) -> Option<FileId> {
        let at = match command {
            Command::CLOSE
            | Command::FLUSH
            | Command::LOCK
            | Command::IOCTL
            | Command::QUERY_DIRECTORY
            | Command::CHANGE_NOTIFY => 8,
            Command::READ | Command::WRITE | Command::SET_INFO => 16,
            Command::QUERY_INFO => 24,
            _ => return None,
        };
        let number = |at: usize| u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap());
        Some(FileId { persistent: number(at), volatile: number(at + 8) })
    }
}

fn body(message: &impl Encode) -> Body {
    Body(message_bytes(&Smb2Header::default(), message).split_off(Smb2Header::SIZE))
}

/// What was asked, as far as the reply matters.
#[derive(Clone)]
enum Asked {
    Create {
        name: String,
        access: u32,
        share: u32,
        lease: Option<LeaseKey>,
        tree: u32,
        empties: bool,
        /// CreateGuid of a request for a durable open.
        durable: Option<Guid>,
        /// The open that is to be taken up.
        back: Option<FileId>,
    },
    Read {
        name: String,
        offset: u64,
        length: u32,
        epoch: u64,
        clean: bool,
    },
    Write {
        name: String,
        offset: u64,
        data: Vec<u8>,
    },
    Resize {
        name: String,
        size: u64,
    },
    Lock {
        id: FileId,
        ranges: Vec<(u64, u64, bool)>,
    },
    Acknowledge {
        cacher: Cacher,
        told: u32,
    },
    Close {
        id: FileId,
    },
    TreeConnect,
}

/// A place at which one client after the other sits.
struct Seat {
    client: ClientId,
    user: &'static str,
    generation: u32,
    manner: Manner,
    trees: Vec<TreeId>,
}

struct Storm {
    world: World,
    /// What its volume gives.
    oplocks: OplockPolicy,
    model: Model,
    seats: Vec<Seat>,
    asked: HashMap<(ClientId, u64), Asked>,
    /// Opens that requests without an answer name, where they came by themselves.
    named: HashMap<(ClientId, u64), FileId>,
    /// The first request of the compound that a related one came in.
    behind: HashMap<(ClientId, u64), u64>,
    /// Breaks to acknowledge.
    breaks: Vec<(usize, ClientId, Cacher, u32)>,
    /// Opens that outlive the connection of their client.
    durable: HashMap<(ClientId, FileId), Kept>,
    /// Those of clients that are gone.
    kept: Vec<Kept>,
    /// All FileIds that were given, with the on-disk id told with each: a client that comes back for its open is told
    /// none.
    granted: HashMap<FileId, u64>,
    /// Some connections look into their mail late.
    late_mail: bool,
    /// It tells what happens.
    is_traced: bool,
    tally: Tally,
}

/// What happened, so that a storm in which nothing happens is noticed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Replies by command and status.
    pub replies: BTreeMap<(u16, String), u64>,
    /// Notifications of breaks.
    pub breaks: u64,
    /// Reads of which every byte was known.
    pub reads_checked: u64,
    /// Closes that were answered behind another request of their open which they had found under way.
    pub closes_behind: u64,
    /// Durable opens that a client has come back for, and got.
    pub taken_up: u64,
    /// CREATEs that came twice and were answered by the one open.
    pub replayed: u64,
    /// Opens with an oplock or a lease.
    pub cached_opens: u64,
    /// Locks granted.
    pub locks: u64,
    /// Private files whose bytes were compared at the end.
    pub contents_checked: u64,
    /// Writes whose data came after their head.
    pub writes_in_pieces: u64,
}

impl Tally {
    /// Adds another world's.
    pub fn add(&mut self, other: Tally) {
        for (key, count) in other.replies {
            *self.replies.entry(key).or_default() += count;
        }
        self.breaks += other.breaks;
        self.reads_checked += other.reads_checked;
        self.cached_opens += other.cached_opens;
        self.closes_behind += other.closes_behind;
        self.taken_up += other.taken_up;
        self.replayed += other.replayed;
        self.locks += other.locks;
        self.contents_checked += other.contents_checked;
        self.writes_in_pieces += other.writes_in_pieces;
    }

    /// Replies to a command with this status.
    pub fn of(&self, command: Command, status: NtStatus) -> u64 {
        self.replies.get(&(command.0, status.to_string())).copied().unwrap_or(0)
    }
}

impl Storm {
    fn new(seed: u64) -> Self {
        // Every third server does not ask for signatures: some clients then talk in the clear.
        // Two of seven volumes give not all that may be cached.
        let oplocks = match seed % 7 {
            3 => OplockPolicy::Exclusive,
            5 => OplockPolicy::None,
            _ => OplockPolicy::All,
        };
        let mut world = World::giving(seed, !seed.is_multiple_of(3), oplocks);
        let count = 2 + world.random.below(7);
        let mut storm = Storm {
            world,
            oplocks,
            model: Model::default(),
            seats: Vec::new(),
            asked: HashMap::new(),
            named: HashMap::new(),
            behind: HashMap::new(),
            durable: HashMap::new(),
            kept: Vec::new(),
            granted: HashMap::new(),
            breaks: Vec::new(),
            late_mail: seed.is_multiple_of(3),
            is_traced: std::env::var_os("FREEHOLD_SIM_TRACE").is_some(),
            tally: Tally::default(),
        };
        for _ in 0..count {
            let manner = storm.manner();
            storm.seats.push(Seat { client: 0, user: "", generation: 0, manner, trees: Vec::new() });
            storm.sit(storm.seats.len() - 1);
        }
        storm
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.world.random.below(limit)
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    fn manner(&mut self) -> Manner {
        let dialect = self.pick(&[
            Dialect::SMB_2_0_2,
            Dialect::SMB_2_1,
            Dialect::SMB_3_0,
            Dialect::SMB_3_0_2,
            Dialect::SMB_3_1_1,
            Dialect::SMB_3_1_1,
        ]);
        let ciphers = if dialect == Dialect::SMB_3_1_1 {
            vec![Cipher::Aes128Gcm, Cipher::Aes256Gcm, Cipher::Aes128Ccm, Cipher::Aes256Ccm]
        } else {
            vec![Cipher::Aes128Ccm]
        };
        let sealed = dialect.is_3x() && self.world.random.one_in(3);
        let clear = !self.world.server.config.require_signing && self.world.random.one_in(2);
        let protection = if clear {
            Protection::Clear
        } else if sealed {
            Protection::Sealed(self.pick(&ciphers))
        } else {
            Protection::Signed
        };
        let signing = self.pick(&[SigningAlgorithm::AesGmac, SigningAlgorithm::AesCmac]);
        Manner { dialect, protection, signing }
    }

    /// Runs something while operations are neither delayed nor failing.
    fn calmly<T>(&mut self, act: impl FnOnce(&mut World) -> T) -> T {
        let world = &mut self.world;
        let kept = (world.delay_one_in, world.fail_one_in, std::mem::take(&mut world.late));
        (world.delay_one_in, world.fail_one_in) = (0, 0);
        let result = act(world);
        (world.delay_one_in, world.fail_one_in, world.late) = kept;
        result
    }

    /// A new client takes a seat.
    fn sit(&mut self, seat: usize) {
        let returns = self.who_returns();
        let (manner, user, machine) = match returns.as_ref().and_then(|kept| kept.first()) {
            Some(kept) => (kept.manner, kept.user, Some(kept.machine)),
            None => (self.seats[seat].manner, if seat.is_multiple_of(2) { "even" } else { "odd" }, None),
        };
        let (client, trees) = self.calmly(|world| {
            let client = world.connect_from(user, PASSWORD, manner, machine);
            world.log_on(client).expect("a logon");
            (client, vec![world.tree_connect(client, "data").expect("a share")])
        });
        let place = &mut self.seats[seat];
        (place.client, place.trees) = (client, trees);
        (place.user, place.manner) = (user, manner);
        place.generation += 1;
        for kept in returns.into_iter().flatten() {
            self.take_up(seat, kept);
        }
    }

    fn prefix(&self, seat: usize) -> String {
        format!("p{seat}g{}_", self.seats[seat].generation)
    }

    /// A client is gone, by its own will or not.
    fn left(&mut self, seat: usize) {
        let client = self.seats[seat].client;
        self.model.gone(client);
        self.keep(client);
        self.model.abandon(&self.prefix(seat));
        self.asked.retain(|(other, _), _| *other != client);
        self.named.retain(|(other, _), _| *other != client);
        self.behind.retain(|(other, _), _| *other != client);
        self.breaks.retain(|(_, other, _, _)| *other != client);
    }

    fn room(&self, seat: usize) -> bool {
        let client = &self.world.clients[self.seats[seat].client];
        client.open_requests.len() < MOST_UNDER_WAY && client.client.credits() > 64
    }

    fn tree(&mut self, seat: usize) -> TreeId {
        let trees = self.seats[seat].trees.clone();
        // None left: one that is not there.
        if trees.is_empty() { TreeId(77) } else { self.pick(&trees) }
    }

    fn send(&mut self, seat: usize, command: Command, tree: TreeId, body: &Body, payload: u32) -> u64 {
        let client = self.seats[seat].client;
        let message = self.world.send(client, command, tree, body, payload);
        if self.is_traced {
            eprintln!("client {client} asks {message}: {command:?} of {:?}", body.file(command));
        }
        if let Some(id) = body.file(command) {
            self.named.insert((client, message), id);
        }
        message
    }

    /// Sends a request whose reply matters. What is asked is noted first: the reply may come at once.
    fn ask(&mut self, seat: usize, command: Command, tree: TreeId, body: &Body, asked: Asked) {
        let message = self.send(seat, command, tree, body, 65_536);
        self.asked.insert((self.seats[seat].client, message), asked);
    }

    /// An open of this client, if it has any.
    fn handle(&mut self, seat: usize) -> Option<Handle> {
        let handles: Vec<Handle> = self.model.handles(self.seats[seat].client).into_iter().cloned().collect();
        if handles.is_empty() {
            return None;
        }
        let at = usize::try_from(self.below(handles.len() as u64)).unwrap();
        Some(handles[at].clone())
    }

    /// An open of this client, or a FileId that is not one.
    fn file(&mut self, seat: usize) -> (TreeId, FileId) {
        match self.handle(seat) {
            Some(handle) if !self.world.random.one_in(30) => (TreeId(handle.tree), handle.id),
            _ => (self.tree(seat), FileId { persistent: 3, volatile: self.below(40) }),
        }
    }
}

mod act;
mod check;
mod durable;

use durable::Kept;

/// One world, from the first logon to the last disconnect.
pub fn run(seed: u64) -> Tally {
    let mut storm = Storm::new(seed);
    storm.world.delay_one_in = [0, 2, 3, 6][usize::try_from(storm.below(4)).unwrap()];
    storm.world.fail_one_in = [0, 0, 40, 12][usize::try_from(storm.below(4)).unwrap()];
    for step in 0..STEPS {
        if storm.is_traced {
            eprintln!("step {step} at {:?}, late {:?}", storm.world.now().monotonic, storm.world.late);
        }
        storm.step();
        storm.collect();
    }
    storm.finish();
    storm.tally.writes_in_pieces = storm.world.writes_in_pieces;
    storm.tally
}
