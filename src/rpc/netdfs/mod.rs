//! [MS-DFSNM]: namespaces of this server, stand-alone ones and those of the domain, their folders ("links") and targets, as Windows' DFS console and `dfsutil`
//! manage them.
//!
//! Whoever has logged on may look; administrators may change. DIFFERS: domain-based namespaces of version 1 are refused with
//! ERROR_NOT_SUPPORTED; the host in a path may have any name, for the client found this server by it.

mod domain_roots;
mod entry;
mod enumerate;
mod info;
mod links;
mod path;
mod roots;
mod set_info;
#[cfg(test)]
mod tests;

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};
use super::task::{Done, Task, TaskError};
use super::win32::Win32;
use super::{DfsTask, RpcContext};

/// 3.1.4.1.2: domain-based namespaces of version 2, several namespaces on one server, levels 200 and 300 of NetrDfsEnumEx, NetrDfsMove, and
/// the operations 23 to 25.
const MANAGER_VERSION: u32 = 6;

/// [MS-DFSNM] 3.1.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => Ok(manager_version()),
        1 => links::add(call),
        2 => links::remove(call),
        3 => set_info::set_info(call),
        4 => info::get_info(call),
        5 => enumerate::enumerate(call),
        6 => links::move_to(call),
        10 => domain_roots::add_ft_root(call),
        11 => domain_roots::remove_ft_root(call),
        12 => roots::add_root(call),
        13 => roots::remove_root(call),
        14 => roots::initialize(call),
        15 => roots::add_root_forced(call),
        19 => links::add2(call),
        20 => links::remove2(call),
        21 => enumerate::enumerate_ex(call),
        22 => set_info::set_info2(call),
        23 => domain_roots::add_root_target(call),
        24 => domain_roots::remove_root_target(call),
        25 => domain_roots::supported_version(call),
        _ => Err(Fault::OP_RANGE),
    }
}

/// 3.1.4.1.2 NetrDfsManagerGetVersion: its answer is its result. Everybody may ask.
fn manager_version() -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.u32(MANAGER_VERSION);
    writer
}

/// Who may change namespaces (3.1.4: the caller is an administrator of the server).
fn may_change(cx: &RpcContext<'_>) -> Result<(), Win32> {
    if cx.is_administrator() { Ok(()) } else { Err(Win32::ACCESS_DENIED) }
}

/// Who may look at them.
fn may_look(cx: &RpcContext<'_>) -> Result<(), Win32> {
    if cx.is_anonymous() { Err(Win32::ACCESS_DENIED) } else { Ok(()) }
}

/// A string that must be there.
fn text(parameters: &mut NdrReader<'_>, field: &'static str) -> Result<String, Fault> {
    Ok(parameters.wide_string(field)?.to_string())
}

/// A string that may be left out.
fn optional_text(parameters: &mut NdrReader<'_>, field: &'static str) -> Result<Option<String>, Fault> {
    Ok(parameters.optional(field, |reader| reader.wide_string(field))?.map(|text| text.to_string()))
}

/// Has a change made, for an administrator.
fn change(
    call: &mut Call<'_, '_>,
    prepare: impl FnOnce(&Call<'_, '_>) -> Result<DfsTask, Win32>,
) -> Result<Result<Done, Win32>, Fault> {
    call.task(|call| {
        let may = call.allow_if(call.cx.is_administrator());
        match prepare(call) {
            Ok(task) => Ok(Task::Dfs(Box::new(task))),
            // Who may not is told nothing of what is there.
            Err(_) if !may => Err(Win32::ACCESS_DENIED),
            Err(error) => Err(error),
        }
    })
}

/// The reply of a call that returns nothing but its status.
fn status_only(outcome: Result<Done, Win32>) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    writer
}

/// The reply of a call that returns a list of root targets for the client to notify, which there are none of here.
fn status_and_root_list(outcome: Result<Done, Win32>) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.null();
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    writer
}

/// [MS-DFSNM] 2.2.3.1 DFSM_ROOT_LIST behind a unique pointer to a pointer, as a parameter that goes both ways. Clients send none.
fn root_list(parameters: &mut NdrReader<'_>) -> Result<(), Fault> {
    if parameters.pointer("ppRootList")? && parameters.pointer("RootList")? {
        return Err(Fault::BAD_STUB_DATA);
    }
    Ok(())
}

impl From<TaskError> for Win32 {
    fn from(error: TaskError) -> Self {
        match error {
            // The namespace or the link.
            TaskError::NoFolder => Win32::NOT_FOUND,
            // The target of a link.
            TaskError::NoFile => Win32::FILE_NOT_FOUND,
            TaskError::NoShare => Win32::NERR_NET_NAME_NOT_FOUND,
            TaskError::Exists => Win32::FILE_EXISTS,
            TaskError::AccessDenied => Win32::ACCESS_DENIED,
            TaskError::Invalid(_) => Win32::INVALID_PARAMETER,
            TaskError::Unrecorded => Win32::AUDIT_FAILED,
            // Of interfaces that end sessions and close files.
            TaskError::NoSession | TaskError::NoOpenFile | TaskError::Failed => Win32::GEN_FAILURE,
        }
    }
}
