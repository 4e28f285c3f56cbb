//! [MS-SAMR]: the local accounts and groups, as a server that is no domain controller answers. For administrators, as Windows has
//! it since 2016.

mod alias;
mod changes;
mod display;
mod domain;
mod domain_info;
mod group;
mod membership;
mod refused;
mod security;
mod server;
mod user;
mod user_info;

use freehold_dtyp::{NtStatus, Sid, Wtf8Buf};

use super::dispatch::{Call, HANDLE_SIZE, Handle, Object};
use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};
use super::objects::{self, Operation, Refusal, Reply, ended};

/// SE_GROUP_MANDATORY, SE_GROUP_ENABLED_BY_DEFAULT, SE_GROUP_ENABLED ([MS-SAMR] 2.2.1.10).
const GROUP_ATTRIBUTES: u32 = 0x0000_0007;
/// [MS-SAMR] 2.2.1.12 USER_ACCOUNT Codes: USER_ACCOUNT_DISABLED.
const ACCOUNT_DISABLED: u32 = 0x0000_0001;
/// USER_NORMAL_ACCOUNT.
const NORMAL_ACCOUNT: u32 = 0x0000_0010;
/// Most SIDs in one call ([MS-SAMR] 2.2.7.5 SAMPR_PSID_ARRAY).
const MAX_SIDS: usize = 1_024;

/// The operations. Behind each: the bytes of its results when it is refused.
static OPERATIONS: &[Operation] = &[
    Operation::new(0, server::connect, HANDLE_SIZE),
    Operation::new(1, objects::close, HANDLE_SIZE),
    Operation::new(2, refused::change, 0),
    Operation::new(3, security::query, 4),
    Operation::new(4, refused::not_supported, 0),
    Operation::new(5, server::lookup_domain, 4),
    Operation::new(6, server::enumerate_domains, 12),
    Operation::new(7, server::open_domain, HANDLE_SIZE),
    Operation::new(8, domain_info::query, 4),
    Operation::new(9, refused::change, 0),
    Operation::new(10, refused::change, HANDLE_SIZE + 4),
    Operation::new(11, domain::enumerate_groups, 12),
    Operation::new(12, refused::change, HANDLE_SIZE + 4),
    Operation::new(13, domain::enumerate_users, 12),
    Operation::new(14, changes::create_alias, HANDLE_SIZE + 4),
    Operation::new(15, domain::enumerate_aliases, 12),
    Operation::new(16, membership::aliases_of, 8),
    Operation::new(17, domain::lookup_names, 16),
    Operation::new(18, domain::lookup_ids, 16),
    Operation::new(19, group::open, HANDLE_SIZE),
    Operation::new(20, group::query, 4),
    Operation::new(21, refused::change, 0),
    Operation::new(22, refused::change, 0),
    Operation::new(23, refused::delete, HANDLE_SIZE),
    Operation::new(24, refused::change, 0),
    Operation::new(25, group::members, 4),
    Operation::new(26, refused::change, 0),
    Operation::new(27, alias::open, HANDLE_SIZE),
    Operation::new(28, alias::query, 4),
    Operation::new(29, changes::set_alias, 0),
    Operation::new(30, changes::delete_alias, HANDLE_SIZE),
    Operation::new(31, changes::add_member, 0),
    Operation::new(32, changes::remove_member, 0),
    Operation::new(33, alias::members, 8),
    Operation::new(34, user::open, HANDLE_SIZE),
    Operation::new(35, changes::delete_user, HANDLE_SIZE),
    Operation::new(36, user_info::query, 4),
    Operation::new(37, changes::set_user, 0),
    Operation::new(39, user::groups, 4),
    Operation::new(40, display::query, display::EMPTY_SIZE),
    Operation::new(41, display::index_of, 4),
    Operation::new(42, refused::not_implemented, 0),
    Operation::new(43, refused::not_implemented, 0),
    Operation::new(44, user::password_information, 8),
    Operation::new(45, refused::change, 0),
    Operation::new(46, domain_info::query, 4),
    Operation::new(47, user_info::query, 4),
    Operation::new(48, display::query, display::EMPTY_SIZE),
    Operation::new(49, display::index_of, 4),
    Operation::new(50, refused::change, HANDLE_SIZE + 8),
    Operation::new(51, display::query, display::EMPTY_SIZE),
    Operation::new(52, changes::add_members, 0),
    Operation::new(53, changes::remove_members, 0),
    Operation::new(56, domain_info::password_information, 8),
    Operation::new(57, server::connect_2, HANDLE_SIZE),
    Operation::new(58, changes::set_user, 0),
    Operation::new(59, refused::not_supported, 0),
    Operation::new(60, refused::not_supported, 4),
    Operation::new(61, server::connect_4, HANDLE_SIZE),
    Operation::new(62, server::connect_4, HANDLE_SIZE),
    Operation::new(64, server::connect_5, server::CONNECT_5_SIZE),
    Operation::new(65, domain::rid_to_sid, 4),
    Operation::new(66, refused::not_supported_here, 0),
    Operation::new(67, refused::insecure, 4),
];

/// [MS-SAMR] 3.1.5 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    objects::call(OPERATIONS, call, operation)
}

/// Reads a handle that has to be the server's.
fn server_handle(call: &mut Call<'_, '_>) -> Result<Handle, Refusal> {
    let handle = objects::handle(call)?;
    if handle.object == Object::SamServer { Ok(handle) } else { Err(NtStatus::INVALID_HANDLE.into()) }
}

/// Reads a handle that has to be a domain's; the domain's SID.
fn domain_handle(call: &mut Call<'_, '_>) -> Result<(Handle, Sid), Refusal> {
    let handle = objects::handle(call)?;
    match handle.object {
        Object::SamDomain(sid) => Ok((handle, sid)),
        _ => Err(NtStatus::INVALID_HANDLE.into()),
    }
}

/// Reads a name.
fn name(parameters: &mut NdrReader<'_>) -> Result<Wtf8Buf, Refusal> {
    let header = parameters.unicode_string_header("Name")?;
    Ok(parameters.unicode_string_buffer("Name", header)?)
}

/// [MS-SAMR] 2.2.7.5 SAMPR_PSID_ARRAY.
fn sids(parameters: &mut NdrReader<'_>) -> Result<Vec<Sid>, Refusal> {
    let count = parameters.size("Count")?;
    if !parameters.pointer("Sids")? {
        return if count == 0 { Ok(Vec::new()) } else { Err(Fault::BAD_STUB_DATA.into()) };
    }
    let sent = parameters.size("Sids")?;
    // Each pointer takes four bytes, so that nothing is read for entries that were not sent.
    if sent != count || count > MAX_SIDS || count > parameters.remaining() {
        return Err(Fault::BAD_STUB_DATA.into());
    }
    for _ in 0..count {
        if !parameters.pointer("Sid")? {
            return Err(Fault::BAD_STUB_DATA.into());
        }
    }
    (0..count).map(|_| parameters.sid("Sid").map_err(Refusal::from)).collect()
}

/// [MS-SAMR] 2.2.7.4 SAMPR_ULONG_ARRAY.
fn numbers(results: &mut NdrWriter, values: impl ExactSizeIterator<Item = u32>) {
    results.count(values.len());
    results.pointer();
    results.count(values.len());
    values.for_each(|value| results.u32(value));
}

/// Writes strings that belong to one structure: their buffers come behind it, in the same order.
#[derive(Default)]
struct Strings(Vec<String>);

impl Strings {
    fn header(&mut self, results: &mut NdrWriter, text: &str) {
        results.unicode_string_header(text);
        self.0.push(text.to_owned());
    }

    fn buffers(self, results: &mut NdrWriter) {
        self.0.iter().for_each(|text| results.unicode_string_buffer(text));
    }
}

/// [MS-SAMR] 2.2.7.10 SAMPR_ENUMERATION_BUFFER from `context` on, with the parameters around it: as many entries as
/// `preferred_bytes` hold, at least one.
fn enumeration(context: u32, preferred_bytes: u32, entries: &[(u32, String)]) -> Reply {
    /// RelativeId and the fixed part of Name.
    const ENTRY_BYTES: usize = 4 + 8;
    let start = usize::try_from(context).unwrap_or(usize::MAX).min(entries.len());
    let waiting = entries.get(start..).unwrap_or_default();
    let mut room = usize::try_from(preferred_bytes).unwrap_or(usize::MAX);
    let mut taken = 0_usize;
    for (_, name) in waiting {
        let size = name.len().saturating_mul(2).saturating_add(ENTRY_BYTES);
        if taken > 0 && size > room {
            break;
        }
        room = room.saturating_sub(size);
        taken = taken.saturating_add(1);
    }
    let now = waiting.get(..taken).unwrap_or_default();
    let mut results = NdrWriter::new();
    results.count(start.saturating_add(taken));
    results.pointer();
    results.count(now.len());
    results.pointer();
    results.count(now.len());
    for (id, name) in now {
        results.u32(*id);
        results.unicode_string_header(name);
    }
    for (_, name) in now {
        results.unicode_string_buffer(name);
    }
    results.count(now.len());
    ended(results, if taken == waiting.len() { NtStatus::SUCCESS } else { NtStatus::MORE_ENTRIES })
}
