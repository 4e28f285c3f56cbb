//! [MS-SAMR]: as much as object pickers need to list and find local accounts and groups. For administrators, as Windows
//! has it since 2016.

mod domain;
mod server;

use freehold_dtyp::NtStatus;

use super::dispatch::{Call, HANDLE_SIZE, Handle};
use super::fault::Fault;
use super::ndr::NdrWriter;

/// STATUS_MORE_ENTRIES, a success.
const MORE_ENTRIES: NtStatus = NtStatus(0x0000_0105);
/// STATUS_SOME_NOT_MAPPED, a success.
const SOME_NOT_MAPPED: NtStatus = NtStatus(0x0000_0107);
/// STATUS_NO_SUCH_DOMAIN.
const NO_SUCH_DOMAIN: NtStatus = NtStatus(0xC000_00DF);

/// [MS-SAMR] 3.1.5 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => server::connect(call, server::ConnectForm::First),
        1 => close(call),
        5 => server::lookup_domain(call),
        6 => server::enumerate_domains(call),
        7 => server::open_domain(call),
        11 => domain::enumerate(call, domain::Kind::Groups),
        13 => domain::enumerate(call, domain::Kind::Users),
        15 => domain::enumerate(call, domain::Kind::Aliases),
        17 => domain::lookup_names(call),
        18 => domain::lookup_ids(call),
        40 | 48 | 51 => domain::query_display_information(call),
        57 => server::connect(call, server::ConnectForm::Second),
        62 => server::connect(call, server::ConnectForm::Fourth),
        64 => server::connect_5(call),
        _ => Err(Fault::OP_RANGE),
    }
}

/// 3.1.5.13.1 SamrCloseHandle.
fn close(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let handle = call.parameters.array("SamHandle")?;
    call.handles.remove(&handle)?;
    let mut writer = NdrWriter::new();
    writer.bytes(&[0; HANDLE_SIZE]);
    Ok(status(writer, NtStatus::SUCCESS))
}

/// Reads a handle that has to be the server's.
fn server_handle(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let handle = call.parameters.array("ServerHandle")?;
    match call.handles.find(&handle)? {
        Handle::SamServer => Ok(()),
        _ => Err(Fault::CONTEXT_MISMATCH),
    }
}

/// Ends an answer.
fn status(mut writer: NdrWriter, status: NtStatus) -> NdrWriter {
    writer.u32(status.0);
    writer
}

/// [MS-SAMR] 2.2.7.10 SAMPR_ENUMERATION_BUFFER from `context` on, with the parameters around it: as many entries as
/// `preferred_bytes` hold, at least one.
fn enumeration(context: u32, preferred_bytes: u32, entries: &[(u32, String)]) -> NdrWriter {
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
    let mut writer = NdrWriter::new();
    writer.count(start.saturating_add(taken));
    writer.pointer();
    writer.count(now.len());
    writer.pointer();
    writer.count(now.len());
    for (id, name) in now {
        writer.u32(*id);
        writer.unicode_string_header(name);
    }
    for (_, name) in now {
        writer.unicode_string_buffer(name);
    }
    writer.count(now.len());
    status(writer, if taken == waiting.len() { NtStatus::SUCCESS } else { MORE_ENTRIES })
}
