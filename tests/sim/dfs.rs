//! Roots of DFS namespaces as clients see them: [MS-SMB2] 3.3.5.4, 3.3.5.7, 3.3.5.9, 3.3.5.15.2 and [MS-DFSC] 3.2.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use freehold::client::{ClientError, Reply};
use freehold::fscc::FileInformationClass;
use freehold::fscc::file_info::RenameInformation;
use freehold::fscc::fsctl::FsctlCode;
use freehold::fscc::upcase::upcase_unit;
use freehold::proto::tree_connect::{CachingMode, Share, ShareTarget, Shares};
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::CreateContexts;
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::tree_connect::{
    ShareCapabilities, ShareFlags, TreeConnectContexts, TreeConnectFlags, TreeConnectRequest,
    TreeConnectResponse,
};
use freehold::smb2::{Command, DecodeMessage, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold_acl::AccessMask;
use freehold_dfs::sites::{Controller, SiteLink, Sites, Subnet, Topology};
use freehold_dfs::wire::{Entry, EntryFlags, ReferralRequest, ReferralResponse};
use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Fold, Folder, Kind, Namespace, NamespaceIndex,
    Namespaces, State, Target,
};
use freehold_dtyp::{Encode, Guid, NtStatus, Writer};

use crate::world::{ClientId, World, open_security};

const FOLD: Fold = Fold(upcase_unit);
/// FILE_DIRECTORY_FILE
const DIRECTORY: u32 = 0x1;
/// FILE_OPEN_REPARSE_POINT
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// Namespace `data` on the share of that name, with these folders and targets.
fn namespaces(folders: &[(&str, &[&str])]) -> Arc<Namespaces> {
    let root = Namespace {
        name: "Data".to_owned(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
        options: Default::default(),
        targets: Vec::new(),
    };
    let mut index = NamespaceIndex::new(Arc::new(root));
    for (number, (path, targets)) in folders.iter().enumerate() {
        let folder = Folder {
            path: (*path).to_owned(),
            guid: Guid([u8::try_from(number).unwrap(); 16]),
            comment: String::new(),
            state: State::Online,
            ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
            options: Default::default(),
            security: None,
            targets: targets.iter().map(|unc| Target::from_unc(unc).unwrap()).collect(),
        };
        index.insert(FOLD, Arc::new(folder)).unwrap();
    }
    Arc::new(Namespaces::new(FOLD, [index]))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

struct Desk {
    world: World,
    client: ClientId,
    pipes: TreeId,
    /// Without DFS in the client.
    plain: TreeId,
    /// With DFS.
    dfs: TreeId,
}

impl Desk {
    fn new(namespaces: Arc<Namespaces>) -> Self {
        let mut world = World::new(41);
        let mut shares: Vec<Share> =
            world.server.shares.load().list().into_iter().map(|share| Share::clone(share)).collect();
        shares.push(Share {
            name: "IPC$".to_owned(),
            target: ShareTarget::Pipes,
            comment: String::new(),
            security: open_security(),
            encrypt: false,
            varies: None,
            access_based_enumeration: false,
            continuously_available: false,
            ca_timeout: std::time::Duration::ZERO,
            caching: CachingMode::None,
            audit: Default::default(),
            max_uses: None,
            uses: Arc::new(AtomicU32::new(0)),
            requests: Arc::default(),
        });
        world.server.shares.store(Arc::new(Shares::new(shares)));
        world.server.set_namespaces(namespaces);
        let client = world.connect();
        world.log_on(client).unwrap();
        let pipes = world.tree_connect(client, "IPC$").unwrap();
        let plain = world.tree_connect(client, "data").unwrap();
        let dfs = world.tree_connect(client, "DATA").unwrap();
        world.clients[client].client.resolve_names_by_dfs(dfs);
        Desk { world, client, pipes, plain, dfs }
    }

    fn call(&mut self, tree: TreeId, command: Command, body: &impl Encode) -> Reply {
        let message = self.world.send(self.client, command, tree, body, 4096);
        self.world.settle();
        self.world.receive(self.client).unwrap();
        let replies = &mut self.world.clients[self.client].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("a reply");
        replies.remove(at).unwrap()
    }

    /// Opens or makes a file; the status.
    fn create(&mut self, tree: TreeId, name: &str, options: u32) -> NtStatus {
        match self.open(tree, name, options, AccessMask::FILE_READ_ATTRIBUTES) {
            Ok(_) => NtStatus::SUCCESS,
            Err(status) => status,
        }
    }

    /// The same with the access that is asked for.
    fn open(
        &mut self,
        tree: TreeId,
        name: &str,
        options: u32,
        access: AccessMask,
    ) -> Result<FileId, NtStatus> {
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
        match self.call(tree, Command::CREATE, &request).body::<CreateResponse<'_>>() {
            Ok(response) => Ok(response.file_id),
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    fn close(&mut self, tree: TreeId, file_id: FileId) {
        let request = CloseRequest { flags: CloseFlags::empty(), file_id };
        assert_eq!(self.call(tree, Command::CLOSE, &request).header.status, NtStatus::SUCCESS);
    }

    /// FileRenameInformation through an open.
    fn rename(&mut self, tree: TreeId, file_id: FileId, to: &str) -> NtStatus {
        let to = utf16(to);
        let information = RenameInformation { replace_if_exists: false, root_directory: 0, file_name: &to };
        let buffer = information.to_bytes();
        let request = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: FileInformationClass::RENAME.0,
            additional_information: 0,
            file_id,
            buffer: &buffer,
        };
        self.call(tree, Command::SET_INFO, &request).header.status
    }

    fn ioctl(&mut self, tree: TreeId, code: FsctlCode, input: &[u8], room: u32) -> (NtStatus, Vec<u8>) {
        let request = IoctlRequest {
            ctl_code: code.0,
            file_id: FileId::ANY,
            max_input_response: 0,
            max_output_response: room,
            flags: IoctlFlags::IS_FSCTL,
            input,
            output: &[],
        };
        let reply = self.call(tree, Command::IOCTL, &request);
        let status = reply.header.status;
        if status.is_error() {
            return (status, Vec::new());
        }
        (status, IoctlResponse::decode(&reply.message).unwrap().output.to_vec())
    }

    /// Addresses as a client that names its site is told them.
    fn refer_to_site(&mut self, path: &str, site: &[u8]) -> Vec<String> {
        let path = utf16(path);
        let request =
            ReferralRequest { max_referral_level: 4, request_file_name: &path, site_name: Some(site) };
        let mut writer = Writer::new();
        request.encode_ex(&mut writer);
        let (status, output) =
            self.ioctl(self.pipes, FsctlCode::DFS_GET_REFERRALS_EX, writer.as_slice(), 4096);
        assert_eq!(status, NtStatus::SUCCESS);
        addresses(&ReferralResponse::from_bytes(&output).unwrap())
    }

    /// Asks for a referral; addresses with `|` before the first of each target set.
    fn refer(&mut self, path: &str, level: u16) -> Result<(u16, u32, Vec<String>), NtStatus> {
        let path = utf16(path);
        let request =
            ReferralRequest { max_referral_level: level, request_file_name: &path, site_name: None };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let (status, output) = self.ioctl(self.pipes, FsctlCode::DFS_GET_REFERRALS, writer.as_slice(), 4096);
        if status != NtStatus::SUCCESS {
            return Err(status);
        }
        let mut writer = Writer::new();
        request.encode_ex(&mut writer);
        let extended = self.ioctl(self.pipes, FsctlCode::DFS_GET_REFERRALS_EX, writer.as_slice(), 4096);
        assert_eq!((extended.0, extended.1.len()), (NtStatus::SUCCESS, output.len()));
        let response = ReferralResponse::from_bytes(&output).unwrap();
        Ok((response.path_consumed, response.flags.bits(), addresses(&response)))
    }

    fn connected(&mut self, share: &str) -> (ShareFlags, ShareCapabilities) {
        let path = Utf16Buf::from(format!("\\\\sim\\{share}").as_str());
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: path.as_utf16(),
            contexts: TreeConnectContexts::EMPTY,
        };
        let reply = self.call(TreeId::NONE, Command::TREE_CONNECT, &request);
        let response = reply.body::<TreeConnectResponse>().unwrap();
        let dfs = ShareFlags::DFS | ShareFlags::DFS_ROOT;
        (response.share_flags & dfs, response.capabilities & ShareCapabilities::DFS)
    }
}

/// Addresses of a response, with `|` before the first of each target set.
fn addresses(response: &ReferralResponse<'_>) -> Vec<String> {
    let mut addresses = Vec::new();
    for entry in &response.entries {
        let (address, boundary) = match entry {
            Entry::Target { address, flags, .. } => {
                (*address, flags.contains(EntryFlags::TARGET_SET_BOUNDARY))
            }
            Entry::Share { share_name, .. } => (*share_name, false),
            Entry::Names { .. } => panic!("{entry:?}"),
        };
        let units: Vec<u16> =
            address.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        addresses.push(format!("{}{}", if boundary { "|" } else { "" }, String::from_utf16(&units).unwrap()));
    }
    addresses
}

fn ordinary() -> Arc<Namespaces> {
    namespaces(&[(r"dir\Link", &[r"\\fs1\stuff\x", r"\\fs2\stuff"]), ("top", &[r"\\fs3\top"])])
}

#[test]
fn a_root_says_that_it_is_one() {
    let mut desk = Desk::new(ordinary());
    assert_eq!(desk.connected("data"), (ShareFlags::DFS | ShareFlags::DFS_ROOT, ShareCapabilities::DFS));
    assert_eq!(desk.connected("IPC$"), (ShareFlags::empty(), ShareCapabilities::empty()));
    desk.world.server.set_namespaces(Arc::default());
    assert_eq!(desk.connected("data"), (ShareFlags::empty(), ShareCapabilities::empty()));
}

#[test]
fn names_begin_with_server_and_share_where_the_client_says_so() {
    let mut desk = Desk::new(ordinary());
    assert_eq!(desk.create(desk.plain, "here", 0), NtStatus::SUCCESS);
    // FILE_NON_DIRECTORY_FILE: nothing but the file that is there has this name.
    assert_eq!(desk.create(desk.dfs, r"any.name\data\here\below", 0), NtStatus::OBJECT_PATH_NOT_FOUND);
    assert_eq!(desk.create(desk.dfs, r"any.name\data\here", 0), NtStatus::SUCCESS);
    assert_eq!(desk.create(desk.dfs, r"\sim\DATA\here", 0), NtStatus::SUCCESS);
    assert_eq!(desk.create(desk.dfs, r"sim\data", 0x1), NtStatus::SUCCESS);
    assert_eq!(desk.create(desk.dfs, "", 0x1), NtStatus::SUCCESS);
    assert_eq!(desk.create(desk.dfs, r"sim\other\here", 0), NtStatus::OBJECT_PATH_NOT_FOUND);
    assert_eq!(desk.create(desk.dfs, "here", 0), NtStatus::OBJECT_PATH_NOT_FOUND);
    // Without the flag a name is a name.
    assert_eq!(desk.create(desk.plain, r"sim\data\here", 0), NtStatus::OBJECT_PATH_NOT_FOUND);
}

#[test]
fn what_is_a_folder_of_the_namespace_or_below_it_is_not_covered() {
    let mut desk = Desk::new(ordinary());
    for name in [
        r"sim\data\top",
        r"sim\data\TOP\a\b",
        r"sim\data\dir\link\x",
        r"sim\data\top:stream",
        r"sim\data\top\",
    ] {
        assert_eq!(desk.create(desk.dfs, name, 0), NtStatus::PATH_NOT_COVERED, "{name}");
        assert_eq!(desk.create(desk.dfs, name, OPEN_REPARSE_POINT), NtStatus::PATH_NOT_COVERED, "{name}");
    }
    for name in ["top", r"top\a", r"dir\LINK\x"] {
        assert_eq!(desk.create(desk.plain, name, 0), NtStatus::PATH_NOT_COVERED, "{name}");
    }
    assert_eq!(desk.create(desk.plain, r"top\a", OPEN_REPARSE_POINT), NtStatus::PATH_NOT_COVERED);
    for name in [r"sim\data\topping", r"sim\data\to"] {
        assert_eq!(desk.create(desk.dfs, name, 0), NtStatus::SUCCESS, "{name}");
    }
    // A folder that is added or removed counts at once.
    desk.world.server.set_namespaces(namespaces(&[("topping", &[r"\\fs\t"])]));
    assert_eq!(desk.create(desk.dfs, r"sim\data\topping\x", 0), NtStatus::PATH_NOT_COVERED);
    assert_eq!(desk.create(desk.dfs, r"sim\data\top", 0), NtStatus::SUCCESS);
}

#[test]
fn a_folder_is_there_to_be_looked_at_and_stays_where_it_is() {
    let mut desk = Desk::new(Arc::default());
    let plain = desk.plain;
    for name in ["dir", r"dir\link", "diary", "di"] {
        let made = desk.open(plain, name, DIRECTORY, AccessMask::FILE_READ_ATTRIBUTES).unwrap();
        desk.close(plain, made);
    }
    desk.world.server.set_namespaces(ordinary());
    // Who has connected before the share was a root sees no root.
    let plain = desk.world.tree_connect(desk.client, "data").unwrap();
    // What leads to a folder is renamed as little; what only begins with its name is no way to it.
    let way = desk.open(plain, "dir", DIRECTORY, AccessMask::DELETE).unwrap();
    assert_eq!(desk.rename(plain, way, "elsewhere"), NtStatus::ACCESS_DENIED);
    let beside = desk.open(plain, "di", DIRECTORY, AccessMask::DELETE).unwrap();
    assert_eq!(desk.rename(plain, beside, "elsewhere"), NtStatus::SUCCESS);
    let look = AccessMask::FILE_GENERIC_READ.union(AccessMask::FILE_EXECUTE);
    assert!(desk.open(plain, r"DIR\LINK", OPEN_REPARSE_POINT, look).is_ok());
    for access in [
        AccessMask::DELETE,
        AccessMask::FILE_WRITE_DATA,
        AccessMask::FILE_APPEND_DATA,
        AccessMask::FILE_WRITE_ATTRIBUTES,
        AccessMask::FILE_WRITE_EA,
        AccessMask::FILE_DELETE_CHILD,
        AccessMask::WRITE_DAC,
        AccessMask::WRITE_OWNER,
        AccessMask::GENERIC_WRITE,
        AccessMask::GENERIC_ALL,
    ] {
        let status = desk.open(plain, r"dir\link", OPEN_REPARSE_POINT, access);
        assert_eq!(status, Err(NtStatus::ACCESS_DENIED), "{access:?}");
        assert!(desk.open(plain, "diary", OPEN_REPARSE_POINT, access).is_ok(), "{access:?}");
    }
    let delete_on_close = OPEN_REPARSE_POINT | 0x1000;
    assert_eq!(
        desk.open(plain, r"dir\link", delete_on_close, AccessMask::DELETE),
        Err(NtStatus::ACCESS_DENIED)
    );
    let most = desk.open(plain, r"dir\link", OPEN_REPARSE_POINT, AccessMask::MAXIMUM_ALLOWED).unwrap();
    assert_eq!(desk.rename(plain, most, r"dir\other"), NtStatus::ACCESS_DENIED, "without DELETE");
    // Nothing is made where a folder is, also before it lies in the share.
    assert_eq!(desk.create(plain, "top", OPEN_REPARSE_POINT), NtStatus::ACCESS_DENIED);
}

#[test]
fn referrals_are_given_for_roots_and_folders() {
    let mut desk = Desk::new(ordinary());
    for level in [2, 3] {
        let root = desk.refer(r"\sim.example\data", level).unwrap();
        assert_eq!(root, (34, 3, vec![r"\sim.example\data".to_owned()]));
    }
    let root = desk.refer(r"\sim\data\dir\nothing", 4).unwrap();
    assert_eq!(root, (18, 3, vec![r"|\sim\data".to_owned()]));
    assert_eq!(desk.refer(r"\sim\data\top\a", 1).unwrap(), (26, 3, vec![r"\fs3\top".to_owned()]));
    let (consumed, flags, mut addresses) = desk.refer(r"\sim\DATA\DIR\LINK\a\b", 4).unwrap();
    assert_eq!((consumed, flags), (36, 2));
    assert!(addresses[0].starts_with('|') && !addresses[1].starts_with('|'), "{addresses:?}");
    addresses.iter_mut().for_each(|address| *address = address.replace('|', ""));
    addresses.sort();
    assert_eq!(addresses, [r"\fs1\stuff\x", r"\fs2\stuff"]);
}

#[test]
fn equal_targets_take_turns() {
    let mut desk = Desk::new(ordinary());
    let mut first = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..40 {
        let (_, _, addresses) = desk.refer(r"\sim\data\dir\link", 4).unwrap();
        *first.entry(addresses[0].clone()).or_default() += 1;
    }
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first.values().all(|count| *count >= 8), "{first:?}");
}

/// The client's address is in Berlin, which is 10 away from Rome and 30 from Paris.
fn sites() -> Sites {
    let text = |text: &str| text.to_owned();
    let link = |name: &str, cost, sites: [&str; 2]| SiteLink {
        name: text(name),
        cost,
        sites: sites.into_iter().map(text).collect(),
    };
    let topology = Topology {
        sites: ["Berlin", "Paris", "Rome"].map(text).into(),
        subnets: vec![
            Subnet { prefix: text("192.0.2.0/24"), site: text("Berlin") },
            Subnet { prefix: text("198.51.100.0/24"), site: text("Rome") },
        ],
        links: vec![link("a", 10, ["Berlin", "Rome"]), link("b", 20, ["Rome", "Paris"])],
        controllers: vec![Controller { name: text("paris.example"), site: text("Paris") }],
        ..Topology::default()
    };
    let servers = [("BERLIN", "192.0.2.9"), ("rome", "198.51.100.7"), ("paris", "203.0.113.1")];
    let place = |address: &str| freehold_dfs::sites::ServerPlace {
        addresses: vec![address.parse().unwrap()],
        site: None,
    };
    Sites::new(topology, &servers.map(|(name, address)| (name.to_owned(), place(address))).into())
}

#[test]
fn targets_come_in_the_order_of_sites() {
    const FOLDER: &str = r"\sim\data\link";
    let all: &[(&str, &[&str])] = &[("link", &[r"\\paris\d", r"\\rome\d", r"\\lost\d", r"\\Berlin\d"])];
    let mut desk = Desk::new(namespaces(all));
    let costing = |site_costing, insite_referrals| {
        let mut changed = Namespaces::clone(&namespaces(all));
        let mut index = NamespaceIndex::clone(changed.namespace("data").unwrap());
        let root = Namespace::clone(index.namespace());
        let options = freehold_dfs::NamespaceOptions { site_costing, insite_referrals, ..root.options };
        index.set_namespace(Arc::new(Namespace { options, ..root }));
        changed.set(Arc::new(index));
        Arc::new(changed)
    };
    let sets = |found: &[String]| found.iter().filter(|address| address.starts_with('|')).count();
    let told = |desk: &mut Desk| desk.refer(FOLDER, 4).unwrap().2;
    desk.world.server.set_namespaces(costing(true, false));
    assert_eq!(sets(&told(&mut desk)), 1, "no site is known");
    desk.world.server.sites.store(Arc::new(sites()));
    let by_cost = [r"|\Berlin\d", r"|\rome\d", r"|\paris\d", r"|\lost\d"];
    for _ in 0..10 {
        assert_eq!(told(&mut desk), by_cost);
    }
    let of_paris = [r"|\paris\d", r"|\rome\d", r"|\Berlin\d", r"|\lost\d"];
    assert_eq!(desk.refer_to_site(FOLDER, &utf16("PARIS\0")), of_paris);
    // A name that no site has is as none, also one that is no text.
    for name in [utf16("Atlantis"), utf16(""), vec![0x00, 0xD8]] {
        assert_eq!(desk.refer_to_site(FOLDER, &name), by_cost);
    }
    desk.world.server.set_namespaces(costing(false, false));
    let found = told(&mut desk);
    assert_eq!((found[0].as_str(), sets(&found)), (r"|\Berlin\d", 2), "{found:?}");
    desk.world.server.set_namespaces(costing(true, true));
    assert_eq!(told(&mut desk), [r"|\Berlin\d"]);
    // None is told that would not be told while it answers; the only one is told all the same.
    let dead = |names: &[&str]| Arc::new(names.iter().map(|name| (*name).to_owned()).collect());
    desk.world.server.dead_dfs_servers.store(dead(&["berlin"]));
    assert_eq!(told(&mut desk), [r"|\Berlin\d"]);
    desk.world.server.set_namespaces(costing(true, false));
    assert_eq!(told(&mut desk), by_cost[1..]);
    desk.world.server.dead_dfs_servers.store(dead(&["berlin", "rome", "paris", "lost"]));
    assert_eq!(told(&mut desk), by_cost);
}

#[test]
fn requests_without_an_answer_get_the_status_of_the_section() {
    let mut desk = Desk::new(ordinary());
    assert_eq!(desk.refer(r"\sim\other", 4), Err(NtStatus::NOT_FOUND));
    assert_eq!(desk.refer(r"\sim\IPC$", 4), Err(NtStatus::NOT_FOUND));
    assert_eq!(desk.refer(r"\corp.example\SYSVOL", 4), Err(NtStatus::NOT_FOUND));
    assert_eq!(desk.refer(r"\corp.example", 4), Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(desk.refer("", 4), Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(desk.refer(r"\sim\data", 0), Err(NtStatus::INVALID_PARAMETER));
    let pipes = desk.pipes;
    for input in [&[][..], &[4], &[4, 0, 1]] {
        let answer = desk.ioctl(pipes, FsctlCode::DFS_GET_REFERRALS, input, 4096);
        assert_eq!(answer.0, NtStatus::INVALID_PARAMETER, "{input:?}");
    }
    let mut whole = vec![4, 0];
    whole.extend(utf16("\\sim\\data\\dir\\link\0"));
    // Not one entry: 8 of the header, 34 of the entry, the path twice, the shorter address.
    let least = 8 + 34 + 2 * 38 + 2 * 11;
    for (room, expected) in [
        (0, NtStatus::BUFFER_OVERFLOW),
        (8, NtStatus::BUFFER_OVERFLOW),
        (least - 1, NtStatus::BUFFER_OVERFLOW),
    ] {
        let answer = desk.ioctl(pipes, FsctlCode::DFS_GET_REFERRALS, &whole, room);
        assert_eq!(answer, (expected, Vec::new()), "room for {room}");
    }
    let (status, output) = desk.ioctl(pipes, FsctlCode::DFS_GET_REFERRALS, &whole, least + 6);
    assert_eq!(
        (status, ReferralResponse::from_bytes(&output).unwrap().entries.len()),
        (NtStatus::SUCCESS, 1)
    );
    // [MS-SMB2] 3.3.5.15: it may come on any tree connect.
    let plain = desk.plain;
    assert_eq!(desk.ioctl(plain, FsctlCode::DFS_GET_REFERRALS, &whole, 4096).0, NtStatus::SUCCESS);
    desk.world.server.set_namespaces(Arc::default());
    assert_eq!(desk.refer(r"\sim\data", 4), Err(NtStatus::FS_DRIVER_REQUIRED));
}
