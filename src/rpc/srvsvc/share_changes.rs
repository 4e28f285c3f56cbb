//! [MS-SRVS] 3.1.4.7 NetrShareAdd, 3.1.4.11 NetrShareSetInfo, 3.1.4.12 NetrShareDel to 3.1.4.15 NetrShareDelCommit, 3.1.4.47
//! NetrShareDelEx.

use std::sync::Arc;

use freehold_acl::{AccessMask, SecurityDescriptor};
use freehold_dtyp::{Decode, Sid, Wtf8Buf};

use super::super::dispatch::{Call, HANDLE_SIZE, Handle, Object};
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::task::{Done, Field, NewShare, Task, TaskError};
use super::super::win32::Win32;
use super::access;
use super::share::{
    FLAG_ACCESS_BASED_ENUMERATION, FLAG_CONTINUOUSLY_AVAILABLE, FLAG_ENCRYPT_DATA, UNLIMITED,
};
use super::share_info::{ShareInfo, from_windows_path};
use crate::state::accounts::fold_name;
use crate::state::{CachingMode, ShareChange};

/// [MS-SRVS] 2.2.2.11 SHARE_INFO Parameter Error Codes.
const NETNAME: u32 = 1;
const TYPE: u32 = 3;
const REMARK: u32 = 4;
const MAX_USES: u32 = 6;
const PATH: u32 = 8;
const FILE_SD: u32 = 501;
/// Longest share name in characters.
const MAX_NAME: usize = 80;
/// Characters that a share's name cannot have ([MS-FSCC] 2.1.6).
const FORBIDDEN: &[u8] = b"\"/\\[]:|<>+=;,*?";
/// [MS-SRVS] 2.2.2.4: the bits of a type that are not the kind of resource.
const TYPE_MODIFIERS: u32 = 0xCE00_0000;
/// SHI1005_FLAGS_DFS and SHI1005_FLAGS_DFS_ROOT: told, never set.
const FLAGS_IGNORED: u32 = 0x0003;
/// The caching policy.
const FLAGS_CACHING: u32 = 0x0030;

/// Why a change is refused: the status, and the member of the structure that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    status: Win32,
    member: u32,
}

impl From<Win32> for Refusal {
    fn from(status: Win32) -> Self {
        Refusal { status, member: 0 }
    }
}

const fn invalid(member: u32) -> Refusal {
    Refusal { status: Win32::INVALID_PARAMETER, member }
}

impl From<TaskError> for Refusal {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::NoShare => Win32::NERR_NET_NAME_NOT_FOUND.into(),
            TaskError::Exists => Win32::NERR_DUPLICATE_SHARE.into(),
            TaskError::NoFolder => Win32::NERR_UNKNOWN_DEV_DIR.into(),
            TaskError::NoFile => Win32::FILE_NOT_FOUND.into(),
            TaskError::AccessDenied => Win32::ACCESS_DENIED.into(),
            TaskError::NoSession => Win32::NERR_CLIENT_NAME_NOT_FOUND.into(),
            TaskError::NoOpenFile => Win32::NERR_FILE_ID_NOT_FOUND.into(),
            TaskError::Unrecorded => Win32::AUDIT_FAILED.into(),
            TaskError::Failed => Win32::GEN_FAILURE.into(),
            TaskError::Invalid(field) => invalid(match field {
                Field::Name => NETNAME,
                Field::Comment => REMARK,
                Field::MaxUsers => MAX_USES,
                Field::Path => PATH,
                Field::Security => FILE_SD,
            }),
        }
    }
}

/// ParmErr and the status.
fn answer(parameter_error: Option<u32>, outcome: Result<Done, Refusal>) -> NdrWriter {
    let refusal = outcome.err().unwrap_or_else(|| Win32::SUCCESS.into());
    let mut writer = NdrWriter::new();
    writer.optional_u32(parameter_error.map(|_| refusal.member));
    writer.u32(refusal.status.0);
    writer
}

/// NetrShareAdd.
pub(super) fn share_add(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let level = call.parameters.u32("Level")?;
    let info = ShareInfo::read(&mut call.parameters, level)?;
    let parameter_error = call.parameters.optional("ParmErr", |reader| reader.u32("ParmErr"))?;
    let outcome = call.task(|call| match info.filter(|_| matches!(level, 2 | 502 | 503)) {
        None => Err(Refusal::from(Win32::INVALID_LEVEL)),
        Some(info) => {
            let may = call.allow_if(access::is_power_user(call.cx));
            let new = new_share(&info).map_err(|refusal| told_if(may, refusal))?;
            Ok(Task::AddShare(Box::new(new)))
        }
    })?;
    Ok(answer(parameter_error, outcome))
}

/// Who may not change anything is not told what would be wrong with it.
fn told_if(may: bool, refusal: Refusal) -> Refusal {
    if may { refusal } else { Win32::ACCESS_DENIED.into() }
}

fn new_share(info: &ShareInfo) -> Result<NewShare, Refusal> {
    let name = text(&info.name).ok_or(invalid(NETNAME))?;
    if !(1..=MAX_NAME).contains(&name.chars().count()) {
        return Err(invalid(NETNAME));
    }
    if matches!(fold_name(&name).as_str(), "PIPE" | "MAILSLOT") {
        return Err(Win32::ACCESS_DENIED.into());
    }
    if fold_name(&name) == "IPC$" {
        return Err(Win32::NERR_DUPLICATE_SHARE.into());
    }
    if name.bytes().any(|byte| byte < 0x20 || FORBIDDEN.contains(&byte)) {
        return Err(Win32::INVALID_NAME.into());
    }
    if info.share_type.unwrap_or(0) & !TYPE_MODIFIERS != super::share::DISK_TREE {
        return Err(invalid(TYPE));
    }
    let path = text(&info.path).filter(|path| !path.is_empty()).ok_or(invalid(PATH))?;
    // An absolute path that leads to no volume is that of a folder that is not there.
    let (volume, path) = match from_windows_path(&path) {
        Some(found) => found,
        None if path.contains(['\\', '/']) && path.contains(':') && !path.contains("..") => {
            return Err(Win32::NERR_UNKNOWN_DEV_DIR.into());
        }
        None => return Err(invalid(PATH)),
    };
    Ok(NewShare {
        name,
        volume,
        path,
        comment: text(&info.remark).unwrap_or_default(),
        security: info.security.as_deref().map(descriptor).transpose()?,
        max_users: max_users(info.max_uses),
    })
}

fn text(field: &Option<Wtf8Buf>) -> Option<String> {
    field.as_ref()?.as_wtf8().to_str().map(str::to_owned)
}

/// Tools that set no limit send 0 as well.
fn max_users(value: Option<u32>) -> Option<u32> {
    value.filter(|most| !matches!(*most, 0 | UNLIMITED))
}

/// Who may connect. What tools leave out is filled in: a descriptor without an owner belongs to the administrators.
fn descriptor(bytes: &[u8]) -> Result<Arc<SecurityDescriptor>, Refusal> {
    let mut descriptor = SecurityDescriptor::from_bytes(bytes).map_err(|_| invalid(FILE_SD))?;
    descriptor.owner.get_or_insert(Sid::ADMINISTRATORS);
    descriptor.group.get_or_insert(Sid::ADMINISTRATORS);
    Ok(Arc::new(descriptor))
}

/// NetrShareSetInfo.
pub(super) fn share_set_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("NetName")?;
    let level = call.parameters.u32("Level")?;
    let info = ShareInfo::read(&mut call.parameters, level)?;
    let parameter_error = call.parameters.optional("ParmErr", |reader| reader.u32("ParmErr"))?;
    let settable = matches!(level, 1 | 2 | 502 | 503 | 1004 | 1005 | 1006 | 1501);
    let outcome = call.task(|call| match info.filter(|_| settable) {
        None => Err(Refusal::from(Win32::INVALID_LEVEL)),
        Some(info) => {
            // Note <66>.
            let may = call.allow_if(access::is_server_operator(call.cx));
            let wanted = existing(call, &name).and_then(|name| Ok((name, change(&info)?)));
            let (name, change) = wanted.map_err(|refusal| told_if(may, refusal))?;
            Ok(Task::ChangeShare { name, change: Box::new(change) })
        }
    })?;
    Ok(answer(parameter_error, outcome))
}

/// The share as it is called. IPC$ is always there and always the same.
fn existing(call: &Call<'_, '_>, name: &Wtf8Buf) -> Result<String, Refusal> {
    if name.is_empty() {
        return Err(Win32::INVALID_PARAMETER.into());
    }
    let name = name.as_wtf8().to_str().ok_or(Win32::NERR_NET_NAME_NOT_FOUND)?;
    if fold_name(name) == "IPC$" {
        return Err(Win32::ACCESS_DENIED.into());
    }
    let share = call.cx.shares.share(name).ok_or(Win32::NERR_NET_NAME_NOT_FOUND)?;
    Ok(share.name.clone())
}

/// What of `info` can be set: its name, type and path cannot.
fn change(info: &ShareInfo) -> Result<ShareChange, Refusal> {
    let mut change = ShareChange { comment: text(&info.remark), ..ShareChange::default() };
    if info.max_uses.is_some() {
        change.max_users = Some(max_users(info.max_uses));
    }
    change.security = info.security.as_deref().map(descriptor).transpose()?;
    if let Some(flags) = info.flags {
        let kept =
            FLAGS_CACHING | FLAG_ACCESS_BASED_ENUMERATION | FLAG_CONTINUOUSLY_AVAILABLE | FLAG_ENCRYPT_DATA;
        if flags & !(kept | FLAGS_IGNORED) != 0 {
            // Hashes for BranchCache, forced sharing and the like: nothing is shown that is not kept.
            return Err(Win32::NOT_SUPPORTED.into());
        }
        let caching = flags & FLAGS_CACHING;
        change.caching = CachingMode::ALL.into_iter().find(|mode| mode.flags() == caching);
        change.access_based_enumeration = Some(flags & FLAG_ACCESS_BASED_ENUMERATION != 0);
        change.continuously_available = Some(flags & FLAG_CONTINUOUSLY_AVAILABLE != 0);
        change.encrypt = Some(flags & FLAG_ENCRYPT_DATA != 0);
    }
    Ok(change)
}

/// NetrShareDel.
pub(super) fn share_del(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("NetName")?;
    call.parameters.u32("Reserved")?;
    remove(call, &name)
}

/// NetrShareDelEx: level 503 names the share.
pub(super) fn share_del_ex(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let level = call.parameters.u32("Level")?;
    match ShareInfo::read(&mut call.parameters, level)?.filter(|_| level == 503) {
        None => Ok(super::status_only(Err(Win32::INVALID_LEVEL))),
        Some(info) => remove(call, &info.name.unwrap_or_default()),
    }
}

fn remove(call: &mut Call<'_, '_>, name: &Wtf8Buf) -> Result<NdrWriter, Fault> {
    let outcome = call.task(|call| {
        let may = call.allow_if(access::is_power_user(call.cx));
        let name = existing(call, name).map_err(|refusal| told_if(may, refusal))?;
        Ok::<_, Refusal>(Task::RemoveShare { name })
    })?;
    Ok(super::status_only(outcome.map(drop).map_err(|refusal| refusal.status)))
}

/// Notes <70> to <77>.
fn removable(call: &Call<'_, '_>, name: &Wtf8Buf) -> Result<String, Refusal> {
    if !access::is_power_user(call.cx) {
        return Err(Win32::ACCESS_DENIED.into());
    }
    existing(call, name)
}

/// NetrShareDelSticky. DIFFERS: a share cannot be made to go at the next start only.
pub(super) fn share_del_sticky(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("NetName")?;
    call.parameters.u32("Reserved")?;
    let outcome = removable(call, &name).map_err(|refusal| refusal.status);
    Ok(super::status_only(outcome.and(Err(Win32::NOT_SUPPORTED))))
}

/// NetrShareDelStart: the share stays until NetrShareDelCommit.
pub(super) fn share_del_start(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("NetName")?;
    call.parameters.u32("Reserved")?;
    let found = removable(call, &name).and_then(|name| {
        call.cx.shares.share(&name).map(|share| share.id).ok_or(Win32::NERR_NET_NAME_NOT_FOUND.into())
    });
    let (handle, status) = match found {
        Ok(id) => {
            let handle = Handle { object: Object::ShareDeletion(id), granted: AccessMask::DELETE };
            (call.handles.add(handle)?, Win32::SUCCESS)
        }
        Err(refusal) => ([0; HANDLE_SIZE], refusal.status),
    };
    let mut writer = NdrWriter::new();
    writer.bytes(&handle);
    writer.u32(status.0);
    Ok(writer)
}

/// NetrShareDelCommit.
pub(super) fn share_del_commit(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let handle: [u8; HANDLE_SIZE] = call.parameters.array("ContextHandle")?;
    let Object::ShareDeletion(id) = call.handles.find(&handle)?.object else {
        return Err(Fault::CONTEXT_MISMATCH);
    };
    let outcome = call.task(|call| {
        let share = call.cx.shares.all().iter().find(|share| share.id == id);
        let name = share.map(|share| share.name.clone()).ok_or(invalid(NETNAME))?;
        Ok::<_, Refusal>(Task::RemoveShare { name })
    })?;
    call.handles.remove(&handle)?;
    let status = outcome.err().map_or(Win32::SUCCESS, |refusal| refusal.status);
    let mut writer = NdrWriter::new();
    writer.bytes(&[0; HANDLE_SIZE]);
    writer.u32(status.0);
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    /// SHARE_INFO_2, or 502 with a descriptor, and where ParmErr stands.
    fn add_request(level: u32, name: &str, kind: u32, path: &str, most: u32, security: &[u8]) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.null();
        writer.u32(level);
        writer.u32(level);
        writer.pointer();
        writer.pointer();
        writer.u32(kind);
        writer.pointer();
        for value in [0, most, 0] {
            writer.u32(value);
        }
        writer.pointer();
        writer.null();
        if level == 502 {
            writer.count(security.len());
            writer.pointer();
        }
        for text in [name, "A remark", path] {
            writer.wide_string(text);
        }
        if level == 502 {
            writer.count(security.len());
            writer.bytes(security);
        }
        writer.optional_u32(Some(0));
        writer.into_bytes()
    }

    /// ParmErr and the status.
    fn outcome(stub: &[u8]) -> (u32, u32) {
        let word = |at: usize| u32::from_le_bytes(stub[at..at + 4].try_into().unwrap());
        (word(stub.len() - 8), word(stub.len() - 4))
    }

    fn world() -> Vec<u8> {
        let descriptor: SecurityDescriptor = "D:(A;;FA;;;WD)".parse().unwrap();
        freehold_dtyp::Encode::to_bytes(&descriptor)
    }

    #[test]
    fn a_share_is_made_of_a_folder() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(14, &add_request(2, "New", 0, "C:\\vol\\a\\b", 7, &[])).unwrap();
        assert_eq!(outcome(&stub), (0, 0));
        let stub = client.call(14, &add_request(502, "New2", 0, "c:\\vol", u32::MAX, &world())).unwrap();
        assert_eq!(outcome(&stub), (0, 0));
        let tasks = fixture.tasks();
        let [Task::AddShare(first), Task::AddShare(second)] = tasks.as_slice() else { panic!("{tasks:?}") };
        assert_eq!((first.name.as_str(), first.volume.as_str(), first.path.as_str()), ("New", "vol", "a/b"));
        assert_eq!((first.comment.as_str(), first.max_users), ("A remark", Some(7)));
        assert!(first.security.is_none() && second.max_users.is_none());
        let security = second.security.as_ref().unwrap();
        assert_eq!(security.owner, Some(Sid::ADMINISTRATORS));
        assert!(security.dacl.is_present());
    }

    #[test]
    fn what_a_share_cannot_be_is_refused_with_its_member() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let long = "x".repeat(81);
        for (level, name, kind, path, most, security, expected) in [
            (2, "", 0, "C:\\vol", 1, &[][..], (NETNAME, 87)),
            (2, &*long, 0, "C:\\vol", 1, &[], (NETNAME, 87)),
            (2, "pipe", 0, "C:\\vol", 1, &[], (0, 5)),
            (2, "ipc$", 0, "C:\\vol", 1, &[], (0, 2118)),
            (2, "a/b", 0, "C:\\vol", 1, &[], (0, 123)),
            (2, "a", 1, "C:\\vol", 1, &[], (TYPE, 87)),
            (2, "a", 0x8000_0000, "C:\\vol", 1, &[], (0, 0)),
            (2, "a", 0, "", 1, &[], (PATH, 87)),
            (2, "a", 0, "vol", 1, &[], (PATH, 87)),
            (2, "a", 0, "C:\\vol\\..", 1, &[], (PATH, 87)),
            (2, "a", 0, "D:\\vol", 1, &[], (0, 2116)),
            (2, "a", 0, "C:\\", 1, &[], (0, 2116)),
            (2, "a", 0, "C:\\vol", 0, &[], (0, 0)),
            (502, "a", 0, "C:\\vol", 1, &[1, 2, 3], (FILE_SD, 87)),
        ] {
            let stub = client.call(14, &add_request(level, name, kind, path, most, security)).unwrap();
            assert_eq!(outcome(&stub), expected, "{name} {path}");
        }
        let levels: Vec<u8> = [0, 77, 77, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!(client.call(14, &levels).unwrap(), [0, 0, 0, 0, 124, 0, 0, 0]);
        assert_eq!(fixture.tasks().len(), 2);
    }

    #[test]
    fn what_the_server_says_of_a_change_is_told() {
        for (done, expected) in [
            (TaskError::NoShare, (0, 2310)),
            (TaskError::Exists, (0, 2118)),
            (TaskError::NoFolder, (0, 2116)),
            (TaskError::AccessDenied, (0, 5)),
            (TaskError::Failed, (0, 31)),
            (TaskError::Invalid(Field::Comment), (REMARK, 87)),
        ] {
            let mut fixture = Fixture::new();
            fixture.done = Err(done);
            let stub = Client::srvsvc(&fixture).call(14, &add_request(2, "a", 0, "C:\\vol", 1, &[])).unwrap();
            assert_eq!(outcome(&stub), expected);
        }
    }

    fn set_request(name: &str, level: u32, info: impl FnOnce(&mut NdrWriter)) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.null();
        writer.wide_string(name);
        writer.u32(level);
        writer.u32(level);
        writer.pointer();
        info(&mut writer);
        writer.optional_u32(Some(0));
        writer.into_bytes()
    }

    #[test]
    fn settings_are_changed_by_level() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let mut set = |request: &[u8]| outcome(&client.call(17, request).unwrap());
        let remark = |writer: &mut NdrWriter| {
            writer.pointer();
            writer.wide_string("New remark");
        };
        assert_eq!(set(&set_request("DATA", 1004, remark)), (0, 0));
        assert_eq!(set(&set_request("data", 1005, |writer| writer.u32(0x4830 | 1))), (0, 0));
        assert_eq!(set(&set_request("data", 1006, |writer| writer.u32(u32::MAX))), (0, 0));
        let bytes = world();
        let security = |writer: &mut NdrWriter| {
            writer.count(bytes.len());
            writer.pointer();
            writer.count(bytes.len());
            writer.bytes(&bytes);
        };
        assert_eq!(set(&set_request("data", 1501, security)), (0, 0));
        let changes: Vec<ShareChange> = fixture
            .tasks()
            .into_iter()
            .map(|task| match task {
                Task::ChangeShare { name, change } if name == "Data" => *change,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(changes[0].comment.as_deref(), Some("New remark"));
        assert_eq!(changes[0].max_users, None);
        assert_eq!(changes[1].caching, Some(CachingMode::None));
        assert_eq!((changes[1].access_based_enumeration, changes[1].encrypt), (Some(true), Some(false)));
        assert_eq!((changes[1].continuously_available, changes[1].comment.clone()), (Some(true), None));
        assert_eq!(changes[2].max_users, Some(None));
        assert!(changes[3].security.is_some());
        assert_eq!(set(&set_request("nothing", 1006, |writer| writer.u32(1))), (0, 2310));
        assert_eq!(set(&set_request("ipc$", 1006, |writer| writer.u32(1))), (0, 5));
        assert_eq!(set(&set_request("", 1006, |writer| writer.u32(1))), (0, 87));
        assert_eq!(set(&set_request("data", 1005, |writer| writer.u32(0x2000))), (0, 50));
        assert_eq!(set(&set_request("data", 0, |writer| writer.null())), (0, 124));
    }

    fn del_request(name: &str) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.null();
        writer.wide_string(name);
        writer.u32(0);
        writer.into_bytes()
    }

    #[test]
    fn shares_are_removed_at_once_and_in_two_phases() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        assert_eq!(client.call(18, &del_request("DATA")).unwrap(), [0; 4]);
        assert_eq!(client.call(18, &del_request("nothing")).unwrap(), 2310u32.to_le_bytes());
        assert_eq!(client.call(18, &del_request("IPC$")).unwrap(), 5u32.to_le_bytes());
        assert_eq!(client.call(19, &del_request("data")).unwrap(), 50u32.to_le_bytes());
        let stub = client.call(37, &del_request("hidden$")).unwrap();
        assert_eq!(stub[HANDLE_SIZE..], [0; 4]);
        assert_eq!(client.call(38, &stub[..HANDLE_SIZE]).unwrap(), [0; HANDLE_SIZE + 4]);
        assert_eq!(client.call(38, &stub[..HANDLE_SIZE]), Err(Fault::CONTEXT_MISMATCH));
        let mut writer = NdrWriter::new();
        writer.null();
        writer.u32(503);
        writer.u32(503);
        writer.pointer();
        writer.pointer();
        for _ in 0..9 {
            writer.null();
        }
        writer.null();
        writer.wide_string("Data");
        assert_eq!(client.call(57, &writer.into_bytes()).unwrap(), [0; 4]);
        let names: Vec<String> = fixture
            .tasks()
            .into_iter()
            .map(|task| match task {
                Task::RemoveShare { name } => name,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["Data", "hidden$", "Data"]);
    }

    #[test]
    fn nothing_is_changed_by_others() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(14, &add_request(2, "a", 0, "C:\\vol", 1, &[])).unwrap();
        assert_eq!(outcome(&stub).1, 5);
        let stub = client.call(17, &set_request("data", 1006, |writer| writer.u32(1))).unwrap();
        assert_eq!(outcome(&stub).1, 5);
        for operation in [18, 19] {
            assert_eq!(client.call(operation, &del_request("data")).unwrap(), [5, 0, 0, 0]);
        }
        assert_eq!(client.call(37, &del_request("data")).unwrap()[HANDLE_SIZE..], [5, 0, 0, 0]);
        assert!(fixture.tasks().is_empty());
        let refused: Vec<Task> = fixture.refused().into_iter().map(|refused| refused.task).collect();
        assert!(
            matches!(refused[..], [Task::AddShare(_), Task::ChangeShare { .. }, Task::RemoveShare { .. }]),
            "{refused:?}"
        );
        // What would be wrong with it is not told.
        let stub = client.call(14, &add_request(2, "a/b", 0, "C:\\vol", 1, &[])).unwrap();
        assert_eq!(outcome(&stub), (0, 5));
        assert_eq!(client.call(18, &del_request("nothing")).unwrap(), [5, 0, 0, 0]);
        assert_eq!(fixture.refused().len(), 3);
        // Power Users add and remove, and set nothing.
        let fixture = Fixture::new().caller_in(Some(Sid::POWER_USERS));
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(17, &set_request("data", 1006, |writer| writer.u32(1))).unwrap();
        assert_eq!(outcome(&stub).1, 5);
        assert_eq!(client.call(18, &del_request("data")).unwrap(), [0; 4]);
    }
}
