//! A whole conversation: the input is a sequence of frames and events for `proto::Connection`, before or after a logon.
//! Nothing panics or hangs, every admitted request has one reply, and after the end nothing is left.
//!
//! ```text
//! [how] { [step] ... }    how: bits 0-1 logged on with a dialect, 2 no logon, 3 sealed, 4 operations are delayed, 5 some fail
//! ```
#![no_main]

use std::time::Duration;

use freehold::client::Protection;
use freehold::crypto::{Cipher, SigningAlgorithm};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{CreateContexts, Lease, LeaseFlags, LeaseV2, RequestContext};
use freehold::smb2::{
    Command, Dialect, FileId, LeaseKey, LeaseState, MessageId, OplockLevel, TreeId, Utf16Buf,
};
use freehold_dtyp::{Encode, Writer};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/sim/world.rs"]
#[allow(dead_code)]
mod world;

use world::{ClientId, Manner, PASSWORD, World};

/// Steps of one conversation.
const MAX_STEPS: usize = 64;
/// No handle waits longer for its client to come back.
const LONGEST_LEFT_ALONE: Duration = Duration::from_secs(20 * 60);

/// StructureSize of each request and where its FileId stands, by command number.
const SHAPES: [(u16, Option<usize>); 19] = [
    (36, None),
    (25, None),
    (4, None),
    (9, None),
    (4, None),
    (57, None),
    (24, Some(8)),
    (24, Some(8)),
    (49, Some(16)),
    (49, Some(16)),
    (48, Some(8)),
    (57, Some(8)),
    (4, None),
    (4, None),
    (33, Some(8)),
    (32, Some(8)),
    (41, Some(24)),
    (33, Some(16)),
    (24, Some(8)),
];

const NAMES: [&str; 12] = [
    "", "a", "b", "dir", "dir\\a", "dir\\b", "a:s", "b:s:$DATA", "A", "dir\\sub", "dir\\sub\\c", "dir::$INDEX_ALLOCATION",
];
const PIPES: [&str; 3] = ["srvsvc", "wkssvc", "lsarpc"];

/// A body that is written as it is.
struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> u32 {
        let mut number = 0;
        for _ in 0..4 {
            number = number << 8 | u32::from(self.byte().unwrap_or(0));
        }
        number
    }

    /// As many bytes as the next byte says.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte().unwrap_or(0)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }
}

struct Conversation<'a> {
    world: World,
    client: ClientId,
    trees: Vec<TreeId>,
    files: Vec<FileId>,
    input: Input<'a>,
    /// Something was sent that the client does not keep books about.
    wild: bool,
}

impl Conversation<'_> {
    fn file(&self, choice: u8) -> FileId {
        match choice {
            255 => FileId::ANY,
            choice if self.files.is_empty() => FileId { persistent: choice.into(), volatile: choice.into() },
            choice => self.files[usize::from(choice) % self.files.len()],
        }
    }

    fn create(&mut self, tree: u8) -> Raw {
        let input = &mut self.input;
        let [name, access, share, disposition, options, oplock, contexts] =
            [(); 7].map(|()| input.byte().unwrap_or(0));
        let pipe = self.trees.len() > 1 && usize::from(tree) % self.trees.len() == 1;
        let names: &[&str] = if pipe { &PIPES } else { &NAMES };
        let name = Utf16Buf::from(names[usize::from(name) % names.len()]);
        let mut list = Vec::new();
        if contexts & 1 != 0 {
            list.push(RequestContext::QueryMaximalAccess(None));
        }
        if contexts & 2 != 0 {
            list.push(RequestContext::QueryOnDiskId);
        }
        if contexts & 4 != 0 {
            list.push(RequestContext::Lease(Lease {
                key: LeaseKey([oplock; 16]),
                state: LeaseState::from_bits_retain(u32::from(oplock & 7)),
                flags: LeaseFlags::empty(),
                v2: (contexts & 8 != 0).then(LeaseV2::default),
            }));
        }
        let extra = if contexts & 16 != 0 { input.bytes() } else { &[] };
        match contexts >> 5 {
            1 => list.push(RequestContext::ExtendedAttributes(extra)),
            2 => list.push(RequestContext::SecurityDescriptor(extra)),
            3 => list.push(RequestContext::AllocationSize(u64::from(share) << 12)),
            4 => list.push(RequestContext::DurableHandle),
            5 => list.push(RequestContext::DurableHandleReconnect(FileId { persistent: 1, volatile: 1 })),
            6 => list.push(RequestContext::TimewarpToken(freehold_dtyp::FileTime(1))),
            _ => {}
        }
        let request = CreateRequest {
            requested_oplock_level: match oplock & 3 {
                _ if contexts & 4 != 0 => OplockLevel::LEASE,
                0 => OplockLevel::NONE,
                1 => OplockLevel::II,
                2 => OplockLevel::EXCLUSIVE,
                _ => OplockLevel::BATCH,
            },
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: match access & 7 {
                0 => 0x001F_01FF,
                1 => 0x0200_0000,
                2 => 0x0012_0089,
                3 => 0x0000_0080,
                4 => 0x0001_0080,
                5 => 0x0100_0000 | u32::from(access),
                _ => u32::from(access) << 1,
            },
            file_attributes: u32::from(share & 0x77),
            share_access: ShareAccess::from_bits_retain(u32::from(!share & 7)),
            create_disposition: CreateDisposition(u32::from(disposition % 7)),
            create_options: CreateOptions::from_bits_retain(match options & 7 {
                0 => 0,
                1 => 1,
                2 => 0x40,
                3 => 0x1000,
                4 => 0x1001,
                5 => 0x0020_0000,
                6 => 0x2000,
                _ => u32::from(options) << 4,
            }),
            name: name.as_utf16(),
            contexts: CreateContexts::from(list.as_slice()),
        };
        Raw(freehold::smb2::message_bytes(&freehold::smb2::Smb2Header::default(), &request).split_off(64))
    }

    /// One request of a frame: command, body, the flags that say what follows.
    fn request(&mut self) -> Option<(Command, u8, TreeId, Raw)> {
        let command = self.input.byte()? % 20;
        let flags = self.input.byte()?;
        let tree = self.input.byte()?;
        let tree_id = if tree == 255 || self.trees.is_empty() {
            TreeId(tree.into())
        } else {
            self.trees[usize::from(tree) % self.trees.len()]
        };
        if command == 5 && flags & 0x80 == 0 {
            return Some((Command::CREATE, flags, tree_id, self.create(tree)));
        }
        let (size, file_at) = SHAPES.get(usize::from(command)).copied().unwrap_or((4, None));
        let mut body = size.to_le_bytes().to_vec();
        body.extend_from_slice(self.input.bytes());
        if flags & 0x40 == 0 {
            body.resize(body.len().max(usize::from(size & !1)), 0);
            if let Some(at) = file_at {
                let choice = body[at];
                let id = if flags & 1 != 0 { FileId::ANY } else { self.file(choice) };
                body[at..at + 8].copy_from_slice(&id.persistent.to_le_bytes());
                body[at + 8..at + 16].copy_from_slice(&id.volatile.to_le_bytes());
            }
        }
        Some((Command(command.into()), flags, tree_id, Raw(body)))
    }

    fn frame(&mut self) -> Option<()> {
        let mut packet = self.world.clients[self.client].client.compound();
        let mut sent: Vec<(MessageId, Command)> = Vec::new();
        for _ in 0..8 {
            let Some((command, flags, tree, body)) = self.request() else { break };
            if command == Command::CANCEL {
                let waiting: Vec<u64> =
                    self.world.clients[self.client].open_requests.keys().copied().collect();
                if let Some(oldest) = waiting.iter().min() {
                    self.world.cancel(self.client, *oldest);
                }
                break;
            }
            // A charge of 16 at most; before the logon there is one credit for one request.
            let needed = if self.trees.is_empty() { 1 } else { 16 };
            if self.world.clients[self.client].client.credits() < needed {
                break;
            }
            let related = flags & 1 != 0;
            let payload = if flags & 8 != 0 { 1 << 20 } else { 65_536 };
            let client = &mut self.world.clients[self.client].client;
            let message = client.append(&mut packet, command, tree, &body, payload, related);
            sent.push((message, command));
            if flags & 2 == 0 {
                break;
            }
        }
        if sent.is_empty() {
            return None;
        }
        self.world.send_compound(self.client, packet, &sent);
        Some(())
    }

    fn step(&mut self) -> Option<()> {
        match self.input.byte()? {
            0..=199 => self.frame()?,
            200..=219 => {
                let seconds = self.input.byte()?;
                self.world.advance(Duration::from_secs(seconds.into()));
            }
            220..=234 => {
                self.world.finish_one();
            }
            _ => {
                let length = (self.input.u32() & 0xFFF) as usize;
                let (bytes, rest) = self.input.0.split_at(length.min(self.input.0.len()));
                self.input.0 = rest;
                self.wild = true;
                self.world.deliver(self.client, bytes);
            }
        }
        if self.wild || !self.world.is_connected(self.client) {
            return Some(());
        }
        self.world.receive(self.client).expect("replies that are protected as they must be");
        for reply in std::mem::take(&mut self.world.clients[self.client].replies) {
            if reply.header.command == Command::CREATE
                && let Ok(created) = reply.body::<CreateResponse<'_>>()
                && self.files.len() < 200
            {
                self.files.push(created.file_id);
            }
        }
        Some(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let Some(how) = input.byte() else { return };
    let mut world = World::with_signing(7, false);
    world.tolerant = true;
    let (dialect, cipher) = match how & 3 {
        0 => (Dialect::SMB_3_1_1, Cipher::Aes128Gcm),
        1 => (Dialect::SMB_3_0_2, Cipher::Aes128Ccm),
        2 => (Dialect::SMB_2_1, Cipher::Aes128Ccm),
        _ => (Dialect::SMB_2_0_2, Cipher::Aes128Ccm),
    };
    let protection = if how & 8 != 0 && how & 2 == 0 { Protection::Sealed(cipher) } else { Protection::Clear };
    let manner = Manner { dialect, protection, signing: SigningAlgorithm::AesCmac };
    let client = world.connect_with("user", PASSWORD, manner);
    let mut trees = Vec::new();
    if how & 4 == 0 {
        world.log_on(client).expect("a logon");
        for share in ["data", "IPC$"] {
            trees.push(world.tree_connect(client, share).expect("a tree connect"));
        }
    }
    world.delay_one_in = if how & 16 != 0 { 3 } else { 0 };
    world.fail_one_in = if how & 32 != 0 { 8 } else { 0 };
    let mut conversation =
        Conversation { world, client, trees, files: Vec::new(), input, wild: false };
    for _ in 0..MAX_STEPS {
        if conversation.step().is_none() {
            break;
        }
    }
    let Conversation { mut world, wild, .. } = conversation;
    world.settle();
    if !wild && world.is_connected(client) {
        // What is left waits for something: it is cancelled, and then nothing is left.
        world.receive(client).expect("replies");
        let mut waiting: Vec<u64> = world.clients[client].open_requests.keys().copied().collect();
        waiting.sort_unstable();
        for message in waiting {
            world.cancel(client, message);
        }
        world.settle();
        world.receive(client).expect("replies");
        let left = &world.clients[client].open_requests;
        assert!(left.is_empty() || !world.is_connected(client), "no reply to {left:?}");
    }
    if world.is_connected(client) {
        world.disconnect(client);
    }
    world.settle();
    // Durable handles outlive the connection, but not for longer than the server lets any of them.
    world.advance(LONGEST_LEFT_ALONE);
    world.settle();
    world.check_nothing_left();
});
