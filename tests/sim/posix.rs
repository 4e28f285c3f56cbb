//! The SMB3 POSIX Extensions beside clients that do not speak them, and the AAPL context.

use freehold::client::{ClientError, Reply};
use freehold::fscc::file_info::{DispositionInformation, RenameInformation};
use freehold::fscc::fs_info::FsPosixInformation;
use freehold::fscc::posix::{PosixDirectoryEntries, PosixInformation, file_type};
use freehold::smb2::apple::{ServerCapabilities, ServerQueryResponse, VolumeCapabilities};
use freehold::smb2::close::{CloseFlags, CloseRequest, CloseResponse};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{CreateContexts, RequestContext, ResponseContext};
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest};
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest, QueryDirectoryResponse};
use freehold::smb2::query_info::{QueryInfoRequest, QueryInfoResponse};
use freehold::smb2::set_info::{SetInfoRequest, SetInfoResponse};
use freehold::smb2::{Command, FileId, InfoType, OplockLevel, TreeId, Utf16Buf};
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor, SecurityInformation};
use freehold_dtyp::{Decode, Encode, NtStatus, Sid};

use crate::world::{ClientId, World};

const OPEN: u32 = 1;
const CREATE: u32 = 2;
const OPEN_IF: u32 = 3;
const DIRECTORY: u32 = 0x1;
const NON_DIRECTORY: u32 = 0x40;
const DELETE_ON_CLOSE: u32 = 0x1000;
const OPEN_REPARSE_POINT: u32 = 0x20_0000;
/// What Linux sends where it makes nothing.
const NO_MODE: u32 = 0xFFFF;
const POSIX_CLASS: u8 = 100;

/// A POSIX client (0) and a Windows client (1) of the same share.
struct Table {
    world: World,
    clients: [(ClientId, TreeId); 2],
}

const LINUX: usize = 0;
const WINDOWS: usize = 1;

impl Table {
    fn new() -> Self {
        let mut world = World::new(21);
        let clients = [true, false].map(|posix| {
            let id = world.connect();
            if posix {
                world.clients[id].client.offer_posix();
            }
            world.log_on(id).unwrap();
            let tree = world.tree_connect(id, "data").unwrap();
            (id, tree)
        });
        Table { world, clients }
    }

    fn call(&mut self, client: usize, command: Command, body: &impl Encode) -> Reply {
        let (id, tree) = self.clients[client];
        let message = self.world.send(id, command, tree, body, 1);
        self.world.settle();
        self.world.receive(id).unwrap();
        let replies = &mut self.world.clients[id].replies;
        let at = replies.iter().position(|reply| reply.header.message_id.0 == message).expect("a reply");
        replies.remove(at).unwrap()
    }

    /// Opens with every right; the contexts of the answer as well.
    fn create_with(
        &mut self,
        client: usize,
        name: &str,
        disposition: u32,
        options: u32,
        contexts: &[RequestContext<'_>],
    ) -> Result<(FileId, Reply), NtStatus> {
        let name = Utf16Buf::from(name);
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: AccessMask::FILE_ALL_ACCESS.0,
            file_attributes: 0,
            share_access: ShareAccess::from_bits_retain(7),
            create_disposition: CreateDisposition(disposition),
            create_options: CreateOptions::from_bits_retain(options),
            name: name.as_utf16(),
            contexts: CreateContexts::from(contexts),
        };
        let reply = self.call(client, Command::CREATE, &request);
        match reply.body::<CreateResponse<'_>>() {
            Ok(response) => Ok((response.file_id, reply.clone())),
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    fn posix(&mut self, name: &str, disposition: u32, options: u32, mode: u32) -> Result<FileId, NtStatus> {
        self.create_with(LINUX, name, disposition, options, &[RequestContext::Posix { mode }])
            .map(|got| got.0)
    }

    fn windows(&mut self, name: &str, disposition: u32, options: u32) -> Result<FileId, NtStatus> {
        self.create_with(WINDOWS, name, disposition, options, &[]).map(|got| got.0)
    }

    fn close(&mut self, client: usize, file_id: FileId) {
        let reply = self.call(client, Command::CLOSE, &CloseRequest { flags: CloseFlags::empty(), file_id });
        reply.body::<CloseResponse>().unwrap();
    }

    fn make(&mut self, name: &str, options: u32) {
        let id = self.posix(name, CREATE, options, 0o755).unwrap();
        self.close(LINUX, id);
    }

    /// As the Linux client removes a file.
    fn unlink(&mut self, name: &str) -> NtStatus {
        match self.posix(name, OPEN, DELETE_ON_CLOSE, NO_MODE) {
            Ok(id) => {
                self.close(LINUX, id);
                NtStatus::SUCCESS
            }
            Err(status) => status,
        }
    }

    fn set(&mut self, client: usize, file_id: FileId, kind: (InfoType, u8, u32), data: &[u8]) -> NtStatus {
        let (info_type, file_info_class, additional_information) = kind;
        let request =
            SetInfoRequest { info_type, file_info_class, additional_information, file_id, buffer: data };
        match self.call(client, Command::SET_INFO, &request).body::<SetInfoResponse>() {
            Ok(_) => NtStatus::SUCCESS,
            Err(ClientError::Status(status)) => status,
            Err(error) => panic!("{error}"),
        }
    }

    fn new_name(&mut self, from: &str, class: u8, to: &str) -> NtStatus {
        let id = self.posix(from, OPEN, 0, NO_MODE).unwrap();
        let name: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let information =
            RenameInformation { replace_if_exists: class == 10, root_directory: 0, file_name: &name };
        let status = self.set(LINUX, id, (InfoType::FILE, class, 0), &information.to_bytes());
        self.close(LINUX, id);
        status
    }

    fn rename(&mut self, from: &str, to: &str) -> NtStatus {
        self.new_name(from, 10, to)
    }

    fn query(&mut self, client: usize, file_id: FileId, info_type: InfoType) -> Result<Vec<u8>, NtStatus> {
        let request = QueryInfoRequest {
            info_type,
            file_info_class: POSIX_CLASS,
            output_buffer_length: 4096,
            additional_information: 0,
            flags: 0.into(),
            file_id,
            input_buffer: &[],
        };
        match self.call(client, Command::QUERY_INFO, &request).body::<QueryInfoResponse<'_>>() {
            Ok(response) => Ok(response.output_buffer.to_vec()),
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    fn information(&mut self, file_id: FileId) -> PosixInformation {
        PosixInformation::from_bytes(&self.query(LINUX, file_id, InfoType::FILE).unwrap()).unwrap()
    }

    fn stat(&mut self, name: &str) -> Result<PosixInformation, NtStatus> {
        let id = self.posix(name, OPEN, 0, NO_MODE)?;
        let information = self.information(id);
        self.close(LINUX, id);
        Ok(information)
    }

    fn list(&mut self, pattern: &str) -> Result<Vec<(String, u32)>, NtStatus> {
        let id = self.posix("", OPEN, DIRECTORY, NO_MODE)?;
        let pattern = Utf16Buf::from(pattern);
        let request = QueryDirectoryRequest {
            file_information_class: POSIX_CLASS,
            flags: QueryDirectoryFlags::empty(),
            file_index: 0,
            file_id: id,
            file_name: pattern.as_utf16(),
            output_buffer_length: 65_536,
        };
        let reply = self.call(LINUX, Command::QUERY_DIRECTORY, &request);
        let listed = match reply.body::<QueryDirectoryResponse<'_>>() {
            Ok(response) => {
                let entries = PosixDirectoryEntries::new(response.output_buffer).map(Result::unwrap);
                Ok(entries.map(|(name, information)| (name.to_string(), information.mode)).collect())
            }
            Err(ClientError::Status(status)) => Err(status),
            Err(error) => panic!("{error}"),
        };
        self.close(LINUX, id);
        listed
    }

    fn finish(mut self) {
        for (id, _) in self.clients {
            self.world.disconnect(id);
        }
        self.world.settle();
        self.world.check_nothing_left();
    }
}

#[test]
fn names_are_posix_names_and_case_counts() {
    let mut t = Table::new();
    for name in ["name", "NAME", "a:b", "c*?\"<>|d\\e", "dot. "] {
        t.make(name, 0);
    }
    assert_eq!(t.posix("Name", OPEN, 0, NO_MODE), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert_eq!(t.posix("a:B", OPEN, 0, NO_MODE), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert_eq!(t.posix("/name", OPEN, 0, NO_MODE), Err(NtStatus::INVALID_PARAMETER));
    let listed: Vec<String> = t.list("*").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, [".", "..", "a:b", "c*?\"<>|d\\e", "dot. ", "NAME", "name"]);
    assert_eq!(t.list("a:b").unwrap(), [("a:b".to_owned(), 0o755)]);
    assert_eq!(t.list("Name"), Err(NtStatus::NO_SUCH_FILE));
    // Windows clients see the same files, by names that they can spell.
    assert_eq!(t.windows("a:b", OPEN, 0), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    for name in ["a\u{EE3A}b", "NAME", "nAME", "c\u{EE2A}\u{EE3F}\u{EE22}\u{EE3C}\u{EE3E}\u{EE7C}d\u{EE5C}e"]
    {
        let id = t.windows(name, OPEN, 0).unwrap();
        t.close(WINDOWS, id);
    }
    assert_eq!(t.windows("nAmE", CREATE, 0), Err(NtStatus::OBJECT_NAME_COLLISION));
    t.make("dir", DIRECTORY);
    t.make("dir/x", 0);
    assert!(t.stat("dir/x").is_ok() && t.windows("DIR\\X", OPEN, 0).is_ok());
    assert_eq!(t.stat("Dir/x"), Err(NtStatus::OBJECT_PATH_NOT_FOUND));
    t.finish();
}

#[test]
fn the_context_counts_only_where_it_was_negotiated() {
    let mut t = Table::new();
    let posix = [RequestContext::Posix { mode: 0o600 }];
    let (id, reply) = t.create_with(WINDOWS, "file", CREATE, 0, &posix).unwrap();
    assert!(reply.body::<CreateResponse<'_>>().unwrap().contexts.is_empty());
    assert_eq!(t.create_with(WINDOWS, "FILE", OPEN, 0, &posix).map(|_| ()), Ok(()));
    assert_eq!(t.query(WINDOWS, id, InfoType::FILE), Err(NtStatus::NOT_SUPPORTED));
    assert_eq!(t.query(WINDOWS, id, InfoType::FILESYSTEM), Err(NtStatus::NOT_SUPPORTED));
    // Nor does the class on an open of a POSIX client that came without the context.
    let (plain, _) = t.create_with(LINUX, "FILE", OPEN, 0, &[]).unwrap();
    assert_eq!(t.query(LINUX, plain, InfoType::FILE), Err(NtStatus::NOT_SUPPORTED));
    let (id, reply) =
        t.create_with(LINUX, "file", OPEN, 0, &[RequestContext::Posix { mode: NO_MODE }]).unwrap();
    let response = reply.body::<CreateResponse<'_>>().unwrap();
    let contexts: Vec<_> = response.contexts.iter().map(Result::unwrap).collect();
    let owner = match contexts.as_slice() {
        // Nobody set a mode: everybody may do everything.
        [ResponseContext::Posix { link_count: 1, reparse_tag: 0, mode: 0o777, owner, .. }] => *owner,
        other => panic!("{other:?}"),
    };
    assert_eq!(t.information(id).owner, owner);
    let space = t.query(LINUX, id, InfoType::FILESYSTEM).unwrap();
    let space = FsPosixInformation::from_bytes(&space).unwrap();
    assert!(space.total_blocks > 0 && space.user_blocks_available <= space.total_blocks);
    t.finish();
}

#[test]
fn modes_are_kept_and_changed() {
    let mut t = Table::new();
    let id = t.posix("file", CREATE, 0, 0o100_640).unwrap();
    let made = t.information(id);
    assert_eq!((made.mode, made.link_count, made.end_of_file), (0o640, 1, 0));
    let directory = t.posix("dir", CREATE, DIRECTORY, 0o1777).unwrap();
    assert_eq!(t.information(directory).mode, 0o1777);
    t.close(LINUX, directory);
    // chmod(2): a DACL with nothing but a mode.
    let mode = |bits: u32| Sid::from_parts([0, 0, 0, 0, 0, 5], &[88, 3, bits]).unwrap();
    let chmod = |bits: u32| {
        let dacl = Acl::from_aces([Ace::allow(mode(bits), AccessMask::EMPTY, AceFlags::EMPTY)]).unwrap();
        SecurityDescriptor { dacl: freehold_acl::AclPart::Present(dacl), ..SecurityDescriptor::default() }
    };
    let dacl = (InfoType::SECURITY, 0, SecurityInformation::DACL.0);
    assert_eq!(t.set(LINUX, id, dacl, &chmod(0o4711).to_bytes()), NtStatus::SUCCESS);
    let after = t.information(id);
    assert_eq!((after.mode, after.owner), (0o4711, made.owner));
    t.close(LINUX, id);
    // The rest of the list is as it was: the Windows client may still do everything.
    let other = t.windows("file", OPEN, 0).unwrap();
    // The same list from a Windows client is the whole list.
    assert_eq!(t.set(WINDOWS, other, dacl, &chmod(0o600).to_bytes()), NtStatus::SUCCESS);
    t.close(WINDOWS, other);
    assert_eq!(t.windows("file", OPEN, 0), Err(NtStatus::ACCESS_DENIED));
    assert_eq!(t.list("*").unwrap()[2..], [("dir".to_owned(), 0o1777), ("file".to_owned(), 0o600)]);
    t.finish();
}

#[test]
fn unlink_takes_the_name_and_leaves_the_open_file() {
    let mut t = Table::new();
    t.make("file", 0);
    let open = t.posix("file", OPEN, 0, NO_MODE).unwrap();
    let before = t.information(open);
    assert_eq!(t.unlink("file"), NtStatus::SUCCESS);
    assert_eq!(t.stat("file"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    let gone = t.information(open);
    assert_eq!((gone.inode, gone.link_count), (before.inode, 0));
    // The name is free at once, for everybody.
    let other = t.windows("FILE", CREATE, 0).unwrap();
    t.close(LINUX, open);
    assert_eq!(t.unlink("FILE"), NtStatus::SUCCESS);
    assert_eq!(
        t.posix("FILE", OPEN, 0, NO_MODE),
        Err(NtStatus::DELETE_PENDING),
        "a Windows client has it open"
    );
    t.close(WINDOWS, other);
    assert_eq!(t.stat("FILE"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));

    // rmdir(2) of a directory that another POSIX client looks at.
    t.make("dir", DIRECTORY);
    t.make("dir/x", 0);
    let looks = t.posix("dir", OPEN, DIRECTORY, NO_MODE).unwrap();
    let removes = t.posix("dir", OPEN, DIRECTORY, NO_MODE).unwrap();
    let delete = DispositionInformation { delete_pending: true }.to_bytes();
    let disposition = (InfoType::FILE, 13, 0);
    assert_eq!(t.set(LINUX, removes, disposition, &delete), NtStatus::DIRECTORY_NOT_EMPTY);
    assert_eq!(t.unlink("dir/x"), NtStatus::SUCCESS);
    assert_eq!(t.set(LINUX, removes, disposition, &delete), NtStatus::SUCCESS);
    t.close(LINUX, removes);
    assert_eq!(t.stat("dir"), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    assert_eq!(t.posix("dir/y", CREATE, 0, 0o644), Err(NtStatus::OBJECT_PATH_NOT_FOUND));
    t.close(LINUX, looks);
    t.finish();
}

#[test]
fn rename_and_link_are_those_of_posix() {
    let mut t = Table::new();
    for name in ["a", "b", "c"] {
        t.make(name, 0);
    }
    let id = t.stat("a").unwrap().inode;
    let open = t.posix("b", OPEN, 0, NO_MODE).unwrap();
    assert_eq!(t.rename("a", "b"), NtStatus::SUCCESS, "over an open file");
    assert_eq!(t.stat("b").unwrap().inode, id);
    assert_eq!(t.information(open).link_count, 0);
    t.close(LINUX, open);
    let held = t.windows("c", OPEN, 0).unwrap();
    assert_eq!(t.rename("b", "c"), NtStatus::ACCESS_DENIED, "a Windows client has it open");
    t.close(WINDOWS, held);
    assert_eq!(t.rename("b", "B"), NtStatus::SUCCESS);
    t.make("b", 0);
    assert_eq!((t.stat("B").unwrap().inode, t.list("*").unwrap().len()), (id, 5));

    // Directories: an empty one is replaced, an open one is moved.
    for name in ["empty", "full", "moved"] {
        t.make(name, DIRECTORY);
    }
    t.make("full/x", 0);
    let below = t.posix("full/x", OPEN, 0, NO_MODE).unwrap();
    assert_eq!(t.rename("moved", "full"), NtStatus::DIRECTORY_NOT_EMPTY);
    assert_eq!(t.rename("full", "empty"), NtStatus::SUCCESS);
    assert!(t.stat("empty/x").is_ok());
    assert_eq!(t.rename("b", "empty"), NtStatus::FILE_IS_A_DIRECTORY);
    assert_eq!(t.rename("empty", "b"), NtStatus::NOT_A_DIRECTORY);
    t.close(LINUX, below);
    let below = t.windows("empty\\x", OPEN, 0).unwrap();
    assert_eq!(t.rename("empty", "full"), NtStatus::ACCESS_DENIED, "a Windows client has a file in it open");
    t.close(WINDOWS, below);

    assert_eq!(t.new_name("b", 11, "l:1"), NtStatus::SUCCESS);
    assert_eq!(t.new_name("b", 11, "l:1"), NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(t.new_name("b", 11, "L:1"), NtStatus::SUCCESS);
    assert_eq!(t.stat("b").unwrap().link_count, 3);
    // Two names of one file: both stay.
    assert_eq!(t.rename("b", "l:1"), NtStatus::SUCCESS);
    assert_eq!((t.stat("b").unwrap().link_count, t.stat("l:1").is_ok()), (3, true));
    t.finish();
}

#[test]
fn special_files_tell_their_type() {
    let mut t = Table::new();
    let nfs = |kind: &[u8; 8]| [&[0x14, 0, 0, 0x80, 8, 0, 0, 0][..], kind].concat();
    let points = [
        ("block", nfs(b"BLK\0\0\0\0\0"), file_type::BLOCK_DEVICE),
        ("char", nfs(b"CHR\0\0\0\0\0"), file_type::CHARACTER_DEVICE),
        ("fifo", nfs(b"FIFO\0\0\0\0"), file_type::FIFO),
        ("socket", nfs(b"SOCK\0\0\0\0"), file_type::SOCKET),
        ("wsl", vec![0x24, 0, 0, 0x80, 0, 0, 0, 0], file_type::FIFO),
    ];
    for (name, data, _) in &points {
        let id = t.posix(name, CREATE, 0, 0o600).unwrap();
        let request = IoctlRequest {
            ctl_code: 0x0009_00A4,
            file_id: id,
            input: data,
            max_input_response: 0,
            output: &[],
            max_output_response: 0,
            flags: IoctlFlags::from_bits_retain(1),
        };
        assert_eq!(t.call(LINUX, Command::IOCTL, &request).header.status, NtStatus::SUCCESS, "{name}");
        t.close(LINUX, id);
        assert_eq!(t.posix(name, OPEN, 0, NO_MODE), Err(NtStatus::IO_REPARSE_TAG_NOT_HANDLED));
    }
    let listed = t.list("*").unwrap().split_off(2);
    let wanted: Vec<_> = points.iter().map(|(name, _, kind)| ((*name).to_owned(), kind | 0o600)).collect();
    assert_eq!(listed, wanted);
    let id = t.posix("fifo", OPEN, OPEN_REPARSE_POINT, NO_MODE).unwrap();
    assert_eq!(t.information(id).mode, file_type::FIFO | 0o600);
    t.finish();
}

/// One entry of [MS-FSCC] 2.4.16 FILE_FULL_EA_INFORMATION, as Linux sends it for a special file of WSL.
fn entry(name: &str, value: &[u8], last: bool) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_le_bytes();
    let mut bytes = vec![0, 0, 0, 0, 0, u8::try_from(name.len()).unwrap(), length[0], length[1]];
    bytes.extend(name.as_bytes());
    bytes.push(0);
    bytes.extend(value);
    if !last {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes[0] = u8::try_from(bytes.len()).unwrap();
    }
    bytes
}

/// As versions of Linux later than 6.1 make a FIFO with `reparse=wsl`: attributes in the CREATE, a reparse point, and both asked for by
/// a handle that has no more than these rights. One that is not there is told by an empty value.
#[test]
fn special_files_of_wsl_are_made_and_told_as_linux_does() {
    let mut t = Table::new();
    let mode = 0o10_644u32.to_le_bytes();
    let attributes = [
        entry("$LXUID", &[1, 0, 0, 0], false),
        entry("$LXGID", &[2, 0, 0, 0], false),
        entry("$LXMOD", &mode, true),
    ]
    .concat();
    let name = Utf16Buf::from("fifo");
    let contexts = [RequestContext::ExtendedAttributes(&attributes)];
    let request = CreateRequest {
        requested_oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: (AccessMask::SYNCHRONIZE
            | AccessMask::DELETE
            | AccessMask::FILE_READ_ATTRIBUTES
            | AccessMask::FILE_WRITE_ATTRIBUTES)
            .0,
        file_attributes: 0,
        share_access: ShareAccess::from_bits_retain(7),
        create_disposition: CreateDisposition(CREATE),
        create_options: CreateOptions::from_bits_retain(OPEN_REPARSE_POINT | NON_DIRECTORY),
        name: name.as_utf16(),
        contexts: CreateContexts::from(&contexts[..]),
    };
    let made = t.call(WINDOWS, Command::CREATE, &request);
    let id = made.body::<CreateResponse<'_>>().unwrap().file_id;
    let set = IoctlRequest {
        ctl_code: 0x0009_00A4,
        file_id: id,
        input: &[0x24, 0, 0, 0x80, 0, 0, 0, 0],
        max_input_response: 0,
        output: &[],
        max_output_response: 0,
        flags: IoctlFlags::from_bits_retain(1),
    };
    assert_eq!(t.call(WINDOWS, Command::IOCTL, &set).header.status, NtStatus::SUCCESS);
    t.close(WINDOWS, id);

    let names: Vec<u8> = ["$LXUID", "$LXGID", "$LXMOD", "$LXDEV"]
        .iter()
        .flat_map(|name| {
            let next = if *name == "$LXDEV" { 0 } else { 12 };
            [&[next, 0, 0, 0, 6][..], name.as_bytes(), &[0]].concat()
        })
        .collect();
    let id = t.windows("fifo", OPEN, OPEN_REPARSE_POINT).unwrap();
    let query = QueryInfoRequest {
        info_type: InfoType::FILE,
        file_info_class: 15,
        // What Linux asks for: four entries of the longest values.
        output_buffer_length: 92,
        additional_information: 0,
        flags: 0.into(),
        file_id: id,
        input_buffer: &names,
    };
    let reply = t.call(WINDOWS, Command::QUERY_INFO, &query);
    let told = reply.body::<QueryInfoResponse<'_>>().unwrap().output_buffer.to_vec();
    let wanted = [
        entry("$LXUID", &[1, 0, 0, 0], false),
        entry("$LXGID", &[2, 0, 0, 0], false),
        entry("$LXMOD", &mode, false),
        entry("$LXDEV", &[], true),
    ];
    assert_eq!(told, wanted.concat());
    t.close(WINDOWS, id);
    t.finish();
}

#[test]
fn posix_opens_do_not_exclude_each_other() {
    let mut t = Table::new();
    let exclusive = |t: &mut Table, client: usize, contexts: &[RequestContext<'_>]| {
        let name = Utf16Buf::from("file");
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::NONE,
            impersonation_level: ImpersonationLevel::IMPERSONATION,
            desired_access: AccessMask::FILE_ALL_ACCESS.0,
            file_attributes: 0,
            share_access: ShareAccess::empty(),
            create_disposition: CreateDisposition(OPEN_IF),
            create_options: CreateOptions::empty(),
            name: name.as_utf16(),
            contexts: CreateContexts::from(contexts),
        };
        t.call(client, Command::CREATE, &request).header.status
    };
    let posix = [RequestContext::Posix { mode: 0o644 }];
    assert_eq!(exclusive(&mut t, LINUX, &posix), NtStatus::SUCCESS);
    assert_eq!(exclusive(&mut t, LINUX, &posix), NtStatus::SUCCESS);
    assert_eq!(exclusive(&mut t, LINUX, &[]), NtStatus::SHARING_VIOLATION);
    assert_eq!(exclusive(&mut t, WINDOWS, &[]), NtStatus::SHARING_VIOLATION);
    t.finish();
}

#[test]
fn a_mac_learns_what_is_true() {
    let mut t = Table::new();
    let mut query = [0; 24];
    (query[0], query[8], query[16]) = (1, 7, 15);
    let (_, reply) = t.create_with(WINDOWS, "", OPEN, DIRECTORY, &[RequestContext::Apple(&query)]).unwrap();
    let response = reply.body::<CreateResponse<'_>>().unwrap();
    let contexts: Vec<_> = response.contexts.iter().map(Result::unwrap).collect();
    let [ResponseContext::Apple(answer)] = contexts.as_slice() else { panic!("{contexts:?}") };
    let answer = ServerQueryResponse::from_bytes(answer).unwrap();
    assert_eq!(answer.server, Some(ServerCapabilities::UNIX_BASED));
    assert_eq!(answer.volume, Some(VolumeCapabilities::FULL_SYNC));
    let other = RequestContext::Apple(&[2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let (_, reply) = t.create_with(WINDOWS, "", OPEN, DIRECTORY, &[other]).unwrap();
    assert!(reply.body::<CreateResponse<'_>>().unwrap().contexts.is_empty());
    t.finish();
}
