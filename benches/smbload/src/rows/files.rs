//! Rows that open, create, rename and delete small files, and the requests that all rows share.

use anyhow::{Context as _, bail, ensure};
use freehold::fscc::file_info::RenameInformation;
use freehold::smb2::close::{CloseFlags, CloseRequest};
use freehold::smb2::create::{
    CreateDisposition, CreateOptions, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{
    CreateContexts, DurableHandleV2Flags, DurableHandleV2Request, Lease, LeaseFlags, LeaseV2, RequestContext,
    ResponseContext,
};
use freehold::smb2::query_info::{QueryInfoFlags, QueryInfoRequest, QueryInfoResponse};
use freehold::smb2::read::{ReadFlags, ReadRequest, ReadResponse};
use freehold::smb2::set_info::SetInfoRequest;
use freehold::smb2::write::{WriteFlags, WriteRequest};
use freehold::smb2::{
    Channel, Command, DecodeMessage, FileId, InfoType, LeaseKey, LeaseState, OplockLevel, Smb2Header, Utf16,
    Utf16Buf,
};
use freehold_dtyp::{Encode, Guid, NtStatus};

use super::{Meter, Run};
use crate::engine::{self, Limit, Work};
use crate::link::{Link, Packet};
use crate::pattern;

/// The folder of everything that this program makes.
pub const ROOT: &str = "smbload";
/// Files of a folder in which files are made and deleted.
const FOLDER_FILES: u32 = 1_000;
/// Bytes of a small file.
const SMALL_BYTES: usize = 4096;
/// FILE_GENERIC_READ and FILE_GENERIC_WRITE.
pub const READ_WRITE: u32 = 0x0012_019F;
/// FILE_GENERIC_READ.
pub const READ: u32 = 0x0012_0089;
/// FILE_READ_ATTRIBUTES and SYNCHRONIZE: what Windows asks for to look at a file.
pub const ATTRIBUTES: u32 = 0x0010_0080;
/// DELETE, FILE_READ_ATTRIBUTES and SYNCHRONIZE.
const DELETE: u32 = 0x0011_0080;
/// FILE_ATTRIBUTE_NORMAL
const NORMAL: u32 = 0x80;
/// FileNetworkOpenInformation
const NETWORK_OPEN: u8 = 34;
/// Bytes of a FileNetworkOpenInformation.
const NETWORK_OPEN_BYTES: usize = 56;
/// FileRenameInformation
const RENAME: u8 = 10;

/// A CREATE without contexts that lets others do everything.
pub fn create<'a>(
    name: Utf16<'a>,
    desired_access: u32,
    create_disposition: CreateDisposition,
    create_options: CreateOptions,
) -> CreateRequest<'a> {
    CreateRequest {
        requested_oplock_level: OplockLevel::NONE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access,
        file_attributes: NORMAL,
        share_access: ShareAccess::READ | ShareAccess::WRITE | ShareAccess::DELETE,
        create_disposition,
        create_options,
        name,
        contexts: CreateContexts::EMPTY,
    }
}

/// A CLOSE, without the file's attributes.
pub const fn close(file_id: FileId) -> CloseRequest {
    CloseRequest { flags: CloseFlags::empty(), file_id }
}

/// A READ of a whole range.
pub const fn read(file_id: FileId, file_offset: u64, length: u32) -> ReadRequest<'static> {
    ReadRequest {
        padding: 0x50,
        flags: ReadFlags::empty(),
        length,
        file_offset,
        file_id,
        minimum_count: 0,
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: &[],
    }
}

/// A WRITE.
pub const fn write(file_id: FileId, file_offset: u64, data: &[u8]) -> WriteRequest<'_> {
    WriteRequest {
        file_offset,
        file_id,
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: &[],
        flags: WriteFlags::empty(),
        data_message_offset: WriteRequest::DATA_OFFSET,
        data,
    }
}

/// Fails for any status but success.
pub fn succeeded(header: &Smb2Header) -> anyhow::Result<()> {
    ensure!(header.status == NtStatus::SUCCESS, "{:?} was answered {}", header.command, header.status);
    Ok(())
}

/// Opens a file or a folder and leaves it open.
pub fn open(
    link: &mut Link,
    name: &str,
    access: u32,
    disposition: CreateDisposition,
    options: CreateOptions,
) -> anyhow::Result<(FileId, u64)> {
    let name_bytes = Utf16Buf::from(name);
    let reply =
        link.call(Command::CREATE, &create(name_bytes.as_utf16(), access, disposition, options), 0)?;
    let response: CreateResponse<'_> = reply.body().with_context(|| format!("opening `{name}`"))?;
    Ok((response.file_id, response.end_of_file))
}

/// Closes a file.
pub fn close_now(link: &mut Link, file_id: FileId) -> anyhow::Result<()> {
    let reply = link.call(Command::CLOSE, &close(file_id), 0)?;
    succeeded(&reply.header)
}

/// Makes a folder unless there is one.
pub fn make_folder(link: &mut Link, name: &str) -> anyhow::Result<()> {
    let (id, _) = open(link, name, READ, CreateDisposition::OPEN_IF, CreateOptions::DIRECTORY_FILE)?;
    close_now(link, id)
}

/// Whether there is such a file.
pub fn exists(link: &mut Link, name: &str) -> anyhow::Result<bool> {
    let name = Utf16Buf::from(name);
    let request = create(name.as_utf16(), ATTRIBUTES, CreateDisposition::OPEN, CreateOptions::empty());
    let reply = link.call(Command::CREATE, &request, 0)?;
    if reply.header.status == NtStatus::OBJECT_NAME_NOT_FOUND
        || reply.header.status == NtStatus::OBJECT_PATH_NOT_FOUND
    {
        return Ok(false);
    }
    close_now(link, reply.body::<CreateResponse<'_>>()?.file_id)?;
    Ok(true)
}

/// Name of a file by its number.
pub fn file_name(folder: &str, number: u32) -> String {
    format!("{folder}\\File-{number:06}.dat")
}

/// Makes `count` files in a folder, unless the last of them is there. `size_bytes` is zero or that of a small file.
pub fn fill_folder(link: &mut Link, folder: &str, count: u32, size_bytes: usize) -> anyhow::Result<()> {
    make_folder(link, ROOT)?;
    make_folder(link, folder)?;
    if exists(link, &file_name(folder, count - 1))? {
        return Ok(());
    }
    let data = (size_bytes != 0).then(|| contents(size_bytes));
    let mut work =
        Create::new(data, CreateDisposition::OPEN_IF, (0..count).map(|number| file_name(folder, number)));
    let done = engine::run(link, 1, Limit { operations: 1, ..Limit::NONE }, &mut work)?.operations
        + engine::run(link, 32, Limit::NONE, &mut work)?.operations;
    ensure!(done == u64::from(count), "{done} of {count} files were made in `{folder}`");
    Ok(())
}

/// What a small file holds.
fn contents(size_bytes: usize) -> Vec<u8> {
    let mut data = pattern::template(size_bytes);
    pattern::stamp(&mut data, 0, 0);
    data
}

/// A name for the folders of this run that no other run has.
fn run_folder(kind: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{ROOT}\\{kind}-{:x}", now.as_nanos())
}

/// Rows that make their data themselves.
pub fn prepare_nothing(_: &Run) -> anyhow::Result<()> {
    Ok(())
}

/// The folder of the rows that open and rename.
const SMALL: &str = "smbload\\small";

/// A thousand small files.
pub fn prepare_small(run: &Run) -> anyhow::Result<()> {
    let mut link = Link::connect(&run.target, &run.prepare_share, freehold::client::Protection::Clear)?;
    fill_folder(&mut link, SMALL, FOLDER_FILES, SMALL_BYTES)
}

/// CREATE, WRITE where there is data, CLOSE.
struct Create<N> {
    data: Option<Vec<u8>>,
    disposition: CreateDisposition,
    names: N,
    made: u64,
}

impl<N> Create<N> {
    fn new(data: Option<Vec<u8>>, disposition: CreateDisposition, names: N) -> Self {
        Create { data, disposition, names, made: 0 }
    }
}

impl<N: Iterator<Item = String>> Work for Create<N> {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let Some(name) = self.names.next() else { return Ok(false) };
        let name = Utf16Buf::from(name.as_str());
        let options = CreateOptions::NON_DIRECTORY_FILE;
        packet.add(Command::CREATE, &create(name.as_utf16(), READ_WRITE, self.disposition, options), 0);
        if let Some(data) = &self.data {
            packet.add(Command::WRITE, &write(FileId::ANY, 0, data), SMALL_BYTES as u32);
        }
        packet.add(Command::CLOSE, &close(FileId::ANY), 0);
        self.made += 1;
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        succeeded(header).map(|()| 1)
    }
}

/// Makes folders and gives the names of the files to be made in them.
fn new_names(run: &Run, link: &mut Link, kind: &str) -> anyhow::Result<(String, u32)> {
    make_folder(link, ROOT)?;
    let top = run_folder(kind);
    make_folder(link, &top)?;
    let folders = run.sizes.files.div_ceil(FOLDER_FILES);
    for folder in 0..folders {
        make_folder(link, &format!("{top}\\{folder:04}"))?;
    }
    Ok((top, folders * FOLDER_FILES))
}

/// Name of a file of a tree that [`new_names`] began. Files are made folder by folder, as a copy of a tree makes them.
fn tree_name(top: &str, number: u32) -> String {
    file_name(&format!("{top}\\{:04}", number / FOLDER_FILES), number % FOLDER_FILES)
}

fn create_files(
    run: &Run,
    link: &mut Link,
    meter: &mut Meter<'_>,
    data: Option<Vec<u8>>,
) -> anyhow::Result<()> {
    let (top, count) = new_names(run, link, "create")?;
    let expected = data.clone().unwrap_or_default();
    let names = (0..count).map(|number| tree_name(&top, number));
    let mut work = Create::new(data, CreateDisposition::CREATE, names);
    meter.drive(link, &mut work)?;
    let made = u32::try_from(work.made)?;
    ensure!(made != 0, "no file was made");
    for number in [0, made / 2, made - 1] {
        check_contents(link, &tree_name(&top, number), &expected)?;
    }
    ensure!(made == count || !exists(link, &tree_name(&top, made))?, "a file exists that was not made");
    Ok(())
}

/// Opens a file and compares all that it holds.
fn check_contents(link: &mut Link, name: &str, expected: &[u8]) -> anyhow::Result<()> {
    let (id, size) = open(link, name, READ, CreateDisposition::OPEN, CreateOptions::empty())?;
    ensure!(size == expected.len() as u64, "`{name}` has {size} bytes");
    if !expected.is_empty() {
        let length = u32::try_from(expected.len())?;
        let reply = link.call(Command::READ, &read(id, 0, length), length)?;
        succeeded(&reply.header)?;
        let (_, data) = ReadResponse::decode_with_data(&reply.message)?;
        ensure!(data == expected, "`{name}` holds something else");
    }
    close_now(link, id)
}

/// Row: create+close.
pub fn create_row(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    create_files(run, link, meter, None)
}

/// Row: create+write+close.
pub fn create_write(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    create_files(run, link, meter, Some(contents(SMALL_BYTES)))
}

/// CREATE with FILE_DELETE_ON_CLOSE, CLOSE.
struct Delete<N>(N, u32);

impl<N: Iterator<Item = String>> Work for Delete<N> {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let Some(name) = self.0.next() else { return Ok(false) };
        let name = Utf16Buf::from(name.as_str());
        let options = CreateOptions::NON_DIRECTORY_FILE | CreateOptions::DELETE_ON_CLOSE;
        packet.add(Command::CREATE, &create(name.as_utf16(), DELETE, CreateDisposition::OPEN, options), 0);
        packet.add(Command::CLOSE, &close(FileId::ANY), 0);
        self.1 += 1;
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        succeeded(header).map(|()| 1)
    }
}

/// Row: delete.
pub fn delete(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let mut prepare = Link::connect(&run.target, &run.prepare_share, freehold::client::Protection::Clear)?;
    let (top, count) = new_names(run, &mut prepare, "delete")?;
    let names = (0..count).map(|number| tree_name(&top, number));
    let mut work = Create::new(None, CreateDisposition::CREATE, names);
    engine::run(&mut prepare, 32, Limit::NONE, &mut work)?;
    drop(prepare);
    let mut work = Delete((0..count).map(|number| tree_name(&top, number)), 0);
    meter.drive(link, &mut work)?;
    let deleted = work.1;
    ensure!(deleted != 0, "no file was deleted");
    for number in [0, deleted / 2, deleted - 1] {
        ensure!(!exists(link, &tree_name(&top, number))?, "a deleted file is still there");
    }
    ensure!(
        deleted == count || exists(link, &tree_name(&top, deleted))?,
        "a file is gone that was not deleted"
    );
    Ok(())
}

/// CREATE, SET_INFO (FileRenameInformation), CLOSE; the second round names the files back.
struct Rename {
    next: u32,
}

impl Rename {
    fn name(number: u32, round: u32) -> String {
        let name = file_name(SMALL, number);
        if round.is_multiple_of(2) { name } else { format!("{name}.renamed") }
    }
}

impl Work for Rename {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let (number, round) = (self.next % FOLDER_FILES, self.next / FOLDER_FILES);
        self.next += 1;
        let from = Utf16Buf::from(Self::name(number, round).as_str());
        let to = Utf16Buf::from(Self::name(number, round + 1).as_str());
        let rename = RenameInformation {
            replace_if_exists: false,
            root_directory: 0,
            file_name: to.as_utf16().as_bytes(),
        };
        let buffer = rename.to_bytes();
        let request = create(from.as_utf16(), DELETE, CreateDisposition::OPEN, CreateOptions::empty());
        packet.add(Command::CREATE, &request, 0);
        let set = SetInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: RENAME,
            additional_information: 0,
            file_id: FileId::ANY,
            buffer: &buffer,
        };
        packet.add(Command::SET_INFO, &set, 0);
        packet.add(Command::CLOSE, &close(FileId::ANY), 0);
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        succeeded(header).map(|()| 1)
    }
}

/// Row: rename.
pub fn rename(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let mut work = Rename { next: 0 };
    meter.drive(link, &mut work)?;
    let (number, round) = (work.next % FOLDER_FILES, work.next / FOLDER_FILES);
    if number != 0 {
        ensure!(exists(link, &Rename::name(0, round + 1))?, "a renamed file is not there");
        ensure!(!exists(link, &Rename::name(0, round))?, "a renamed file is still there by its old name");
    }
    // Whatever was left half way gets its first name again, for the rows that come after.
    let names: Vec<u32> =
        (0..FOLDER_FILES).filter(|each| (round + u32::from(*each < number)) % 2 == 1).collect();
    let mut back = RenameBack(names);
    engine::run(link, 16, Limit::NONE, &mut back)?;
    ensure!(exists(link, &file_name(SMALL, 0))?, "a file has not got its first name again");
    Ok(())
}

/// Renames the files of these numbers from their second name to their first.
struct RenameBack(Vec<u32>);

impl Work for RenameBack {
    fn next(&mut self, slot: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let Some(number) = self.0.pop() else { return Ok(false) };
        Rename { next: FOLDER_FILES + number }.next(slot, packet)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        succeeded(header).map(|()| 1)
    }
}

/// CREATE, QUERY_INFO (FileNetworkOpenInformation), CLOSE.
struct OpenQuery {
    next: u32,
}

impl Work for OpenQuery {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let name = Utf16Buf::from(file_name(SMALL, self.next % FOLDER_FILES).as_str());
        self.next += 1;
        let options = CreateOptions::empty();
        packet.add(
            Command::CREATE,
            &create(name.as_utf16(), ATTRIBUTES, CreateDisposition::OPEN, options),
            0,
        );
        let query = QueryInfoRequest {
            info_type: InfoType::FILE,
            file_info_class: NETWORK_OPEN,
            output_buffer_length: NETWORK_OPEN_BYTES as u32,
            additional_information: 0,
            flags: QueryInfoFlags::empty(),
            file_id: FileId::ANY,
            input_buffer: &[],
        };
        packet.add(Command::QUERY_INFO, &query, NETWORK_OPEN_BYTES as u32);
        packet.add(Command::CLOSE, &close(FileId::ANY), 0);
        Ok(true)
    }

    fn reply(&mut self, _: usize, index: usize, header: &Smb2Header, message: &[u8]) -> anyhow::Result<u64> {
        succeeded(header)?;
        if index == 1 {
            // [MS-FSCC] 2.4.34: EndOfFile after four times and AllocationSize.
            let information = QueryInfoResponse::decode(message)?.output_buffer;
            let size = information
                .get(40..48)
                .and_then(|bytes| bytes.first_chunk())
                .map(|bytes| u64::from_le_bytes(*bytes));
            ensure!(size == Some(SMALL_BYTES as u64), "EndOfFile is {size:?}");
        }
        Ok(1)
    }
}

/// Row: open+query+close.
pub fn open_query(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    meter.drive(link, &mut OpenQuery { next: 0 })
}

/// CREATE with what Windows sends, CLOSE.
struct OpenWindows {
    next: u32,
}

impl Work for OpenWindows {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let number = self.next % FOLDER_FILES;
        let name = Utf16Buf::from(file_name(SMALL, number).as_str());
        self.next += 1;
        let mut key = [0x4C; 16];
        key[..4].copy_from_slice(&number.to_le_bytes());
        let mut guid = [0x47; 16];
        guid[..4].copy_from_slice(&self.next.to_le_bytes());
        let contexts = [
            RequestContext::DurableHandleV2(DurableHandleV2Request {
                timeout_ms: 0,
                flags: DurableHandleV2Flags::empty(),
                create_guid: Guid(guid),
            }),
            RequestContext::QueryMaximalAccess(None),
            RequestContext::QueryOnDiskId,
            RequestContext::Lease(Lease {
                key: LeaseKey(key),
                state: LeaseState::READ_CACHING | LeaseState::HANDLE_CACHING | LeaseState::WRITE_CACHING,
                flags: LeaseFlags::empty(),
                v2: Some(LeaseV2::default()),
            }),
        ];
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::LEASE,
            contexts: CreateContexts::from(&contexts),
            ..create(name.as_utf16(), READ, CreateDisposition::OPEN, CreateOptions::NON_DIRECTORY_FILE)
        };
        packet.add(Command::CREATE, &request, 0);
        packet.add(Command::CLOSE, &close(FileId::ANY), 0);
        Ok(true)
    }

    fn reply(&mut self, _: usize, index: usize, header: &Smb2Header, message: &[u8]) -> anyhow::Result<u64> {
        succeeded(header)?;
        if index != 0 {
            return Ok(1);
        }
        let response = CreateResponse::decode(message)?;
        ensure!(response.end_of_file == SMALL_BYTES as u64, "EndofFile is {}", response.end_of_file);
        let (mut access, mut disk_id) = (false, false);
        for context in response.contexts.iter() {
            match context? {
                ResponseContext::MaximalAccess { query_status, maximal_access } => {
                    access = query_status == NtStatus::SUCCESS && maximal_access & READ == READ;
                }
                ResponseContext::OnDiskId { .. } => disk_id = true,
                ResponseContext::Lease(lease) if lease.v2.is_none() => {
                    bail!("a lease of version 1 was granted")
                }
                _ => {}
            }
        }
        ensure!(access && disk_id, "MxAc or QFid was not answered");
        Ok(1)
    }
}

/// Row: open with contexts.
pub fn open_windows(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    meter.drive(link, &mut OpenWindows { next: 0 })
}
