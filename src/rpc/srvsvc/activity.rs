//! [MS-SRVS] 3.1.4.1 NetrConnectionEnum, 3.1.4.2 NetrFileEnum to 3.1.4.4 NetrFileClose, 3.1.4.5 NetrSessionEnum, 3.1.4.6
//! NetrSessionDel: who is connected and what is open, and how an operator ends it.

use freehold_dtyp::Wtf8Buf;

use super::super::dispatch::Call;
use super::super::enumeration::{Entry, Enumeration};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::win32::Win32;
use super::super::{ConnectionInfo, Done, OpenFileInfo, SessionInfo, Task, TaskError};
use super::access;
use crate::state::accounts::fold_name;

/// sesi1_user_flags: SESS_GUEST.
const SESSION_GUEST: u32 = 1;
/// STYPE_DISKTREE and STYPE_IPC.
const SHARE_DISK: u32 = 0;
const SHARE_IPC: u32 = 3;

fn optional_name(parameters: &mut NdrReader<'_>, field: &'static str) -> Result<Option<Wtf8Buf>, Fault> {
    Ok(parameters.optional(field, |reader| reader.wide_string(field))?.filter(|text| !text.is_empty()))
}

/// Longest filter in characters, its ending zero included.
const MAX_FILTER: usize = 1_024;

/// A filter that is too long is refused.
fn checked(filters: &[&Option<Wtf8Buf>]) -> Result<(), Win32> {
    let too_long = |filter: &Wtf8Buf| filter.as_wtf8().utf16_length() >= MAX_FILTER;
    if filters.iter().any(|filter| filter.as_ref().is_some_and(too_long)) {
        return Err(Win32::INVALID_PARAMETER);
    }
    Ok(())
}

/// ClientName without the backslashes that it must begin with.
fn client_name(filter: Option<Wtf8Buf>, otherwise: Win32) -> Result<Option<Wtf8Buf>, Win32> {
    let Some(filter) = filter else { return Ok(None) };
    let text = filter.to_string();
    text.strip_prefix("\\\\").map(|name| Some(Wtf8Buf::from(name))).ok_or(otherwise)
}

fn same(filter: &Option<Wtf8Buf>, value: &str) -> bool {
    filter.as_ref().is_none_or(|filter| fold_name(&filter.to_string()) == fold_name(value))
}

/// NetrSessionEnum.
pub(super) fn session_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let client = optional_name(&mut call.parameters, "ClientName")?;
    let user = optional_name(&mut call.parameters, "UserName")?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0, 1, 2, 10, 502])?;
    Ok(match matching_sessions(call, client, user) {
        Ok(sessions) => enumeration.answer(&sessions),
        Err(status) => enumeration.refuse(status),
    })
}

fn matching_sessions(
    call: &Call<'_, '_>,
    client: Option<Wtf8Buf>,
    user: Option<Wtf8Buf>,
) -> Result<Vec<SessionInfo>, Win32> {
    if !access::is_server_operator(call.cx) {
        return Err(Win32::ACCESS_DENIED);
    }
    checked(&[&client, &user])?;
    let client = client_name(client, Win32::NERR_INVALID_COMPUTER)?;
    let mut sessions = call.cx.activity.sessions();
    sessions.retain(|session| same(&client, &session.client) && same(&user, &session.user));
    match (sessions.is_empty(), &client, &user) {
        (true, Some(_), _) => Err(Win32::NERR_CLIENT_NAME_NOT_FOUND),
        (true, None, Some(_)) => Err(Win32::NERR_USER_NOT_FOUND),
        _ => Ok(sessions),
    }
}

/// NetrSessionDel.
pub(super) fn session_del(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let client = optional_name(&mut call.parameters, "ClientName")?;
    let user = optional_name(&mut call.parameters, "UserName")?;
    let outcome = call.task(|call| {
        let may = call.allow_if(access::is_server_operator(call.cx));
        sessions_to_end(client, user)
            .map_err(|status| Refusal(if may { status } else { Win32::ACCESS_DENIED }))
    })?;
    Ok(ended(call, outcome))
}

fn sessions_to_end(client: Option<Wtf8Buf>, user: Option<Wtf8Buf>) -> Result<Task, Win32> {
    checked(&[&client, &user])?;
    if client.is_none() && user.is_none() {
        return Err(Win32::NERR_CLIENT_NAME_NOT_FOUND);
    }
    let client = client_name(client, Win32::NERR_CLIENT_NAME_NOT_FOUND)?;
    let text = |name: Option<Wtf8Buf>| name.map(|name| name.to_string());
    Ok(Task::EndSessions { client: text(client), user: text(user) })
}

/// Why nothing is ended.
struct Refusal(Win32);

impl From<TaskError> for Refusal {
    fn from(error: TaskError) -> Self {
        Refusal(match error {
            TaskError::NoSession => Win32::NERR_CLIENT_NAME_NOT_FOUND,
            TaskError::NoOpenFile => Win32::NERR_FILE_ID_NOT_FOUND,
            TaskError::AccessDenied => Win32::ACCESS_DENIED,
            TaskError::NoShare
            | TaskError::Exists
            | TaskError::NoFolder
            | TaskError::NoFile
            | TaskError::Invalid(_) => Win32::INVALID_PARAMETER,
            TaskError::Unrecorded => Win32::AUDIT_FAILED,
            TaskError::Failed => Win32::GEN_FAILURE,
        })
    }
}

/// The reply; what the call itself comes through is ended behind it.
fn ended(call: &Call<'_, '_>, outcome: Result<Done, Refusal>) -> NdrWriter {
    if let Ok(Done::Own(ending)) = &outcome {
        call.cx.activity.end(ending);
    }
    super::status_only(outcome.map(drop).map_err(|Refusal(status)| status))
}

impl Entry for SessionInfo {
    /// [MS-SRVS] 2.2.4.11 SESSION_INFO_0 to 2.2.4.15 SESSION_INFO_502.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        writer.pointer();
        if level == 0 {
            return;
        }
        writer.pointer();
        if level != 10 {
            writer.u32(self.opens);
        }
        writer.u32(self.age_seconds);
        writer.u32(self.idle_seconds);
        if level != 10 {
            writer.u32(if self.guest { SESSION_GUEST } else { 0 });
        }
        if matches!(level, 2 | 502) {
            writer.pointer();
        }
        if level == 502 {
            writer.pointer();
        }
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        writer.wide_string(&self.client);
        if level != 0 {
            writer.wide_string(&self.user);
        }
        if matches!(level, 2 | 502) {
            writer.wide_string(""); // the client's operating system: SMB2 does not tell
        }
        if level == 502 {
            writer.wide_string(""); // transport
        }
    }
}

/// NetrConnectionEnum.
pub(super) fn connection_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let qualifier = optional_name(&mut call.parameters, "Qualifier")?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0, 1])?;
    if !access::may_list(call.cx) {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let Some(qualifier) = qualifier.filter(|text| checked(&[&Some(text.clone())]).is_ok()) else {
        return Ok(enumeration.refuse(Win32::INVALID_PARAMETER));
    };
    let qualifier = qualifier.to_string();
    let mut connections = call.cx.activity.connections();
    match qualifier.strip_prefix("\\\\") {
        Some(client) => connections.retain(|found| fold_name(&found.client) == fold_name(client)),
        None => connections.retain(|found| fold_name(&found.share) == fold_name(&qualifier)),
    }
    let views: Vec<ConnectionView> = connections
        .into_iter()
        .map(|info| ConnectionView { by_client: qualifier.starts_with("\\\\"), info })
        .collect();
    Ok(enumeration.answer(&views))
}

struct ConnectionView {
    /// The caller asked for a client: the share is what it does not know.
    by_client: bool,
    info: ConnectionInfo,
}

impl Entry for ConnectionView {
    /// [MS-SRVS] 2.2.4.1 CONNECTION_INFO_0, 2.2.4.2 CONNECTION_INFO_1.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        writer.u32(self.info.id);
        if level == 0 {
            return;
        }
        writer.u32(if fold_name(&self.info.share) == "IPC$" { SHARE_IPC } else { SHARE_DISK });
        writer.u32(self.info.opens);
        writer.u32(1); // users
        writer.u32(self.info.age_seconds);
        writer.pointer();
        writer.pointer();
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        if level != 0 {
            writer.wide_string(&self.info.user);
            writer.wide_string(if self.by_client { &self.info.share } else { &self.info.client });
        }
    }
}

/// NetrFileEnum.
pub(super) fn file_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let base = optional_name(&mut call.parameters, "BasePath")?;
    let user = optional_name(&mut call.parameters, "UserName")?;
    let enumeration = Enumeration::read(&mut call.parameters, &[2, 3])?;
    if !access::is_server_operator(call.cx) {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    if let Err(status) = checked(&[&base, &user]) {
        return Ok(enumeration.refuse(status));
    }
    let base = base.map_or(String::new(), |base| fold_name(&base.to_string()));
    let mut files = call.cx.activity.open_files();
    files.retain(|file| is_below(&fold_name(&file.path), &base) && same(&user, &file.user));
    Ok(enumeration.answer(&files))
}

/// A prefix ends where a component does.
fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| {
        rest.is_empty() || base.is_empty() || base.ends_with('\\') || rest.starts_with('\\')
    })
}

/// NetrFileGetInfo.
pub(super) fn file_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let id = call.parameters.u32("FileId")?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    if !matches!(level, 2 | 3) {
        writer.u32(Win32::INVALID_LEVEL.0);
        return Ok(writer);
    }
    let outcome = if access::is_server_operator(call.cx) {
        let files = call.cx.activity.open_files();
        files.into_iter().find(|file| file.id == id).ok_or(Win32::FILE_NOT_FOUND)
    } else {
        Err(Win32::ACCESS_DENIED)
    };
    match &outcome {
        Ok(file) => {
            writer.pointer();
            file.fixed(&mut writer, level);
            file.referents(&mut writer, level);
        }
        Err(_) => writer.null(),
    }
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

/// NetrFileClose.
pub(super) fn file_close(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let id = call.parameters.u32("FileId")?;
    let outcome = call.task(|call| {
        call.allow_if(access::is_server_operator(call.cx));
        Ok::<_, Refusal>(Task::CloseFile { id })
    })?;
    Ok(ended(call, outcome))
}

impl Entry for OpenFileInfo {
    /// [MS-SRVS] 2.2.4.6 FILE_INFO_2, 2.2.4.7 FILE_INFO_3.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        writer.u32(self.id);
        if level == 3 {
            writer.u32(self.permissions);
            writer.u32(self.locks);
            writer.pointer();
            writer.pointer();
        }
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        if level == 3 {
            writer.wide_string(&self.path);
            writer.wide_string(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Ending;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn request(names: &[Option<&str>], level: u32) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.null();
        for name in names {
            match name {
                Some(name) => {
                    writer.pointer();
                    writer.wide_string(name);
                }
                None => writer.null(),
            }
        }
        writer.u32(level);
        writer.u32(level);
        writer.pointer();
        writer.u32(0);
        writer.null();
        writer.u32(u32::MAX);
        writer.null();
        writer.into_bytes()
    }

    fn entries(stub: &[u8]) -> u32 {
        u32::from_le_bytes(stub[12..16].try_into().unwrap())
    }

    fn status(stub: &[u8]) -> u32 {
        u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap())
    }

    #[test]
    fn sessions_are_listed_and_filtered() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        for level in [0, 1, 2, 10, 502] {
            let stub = client.call(12, &request(&[None, None], level)).unwrap();
            assert_eq!((entries(&stub), status(&stub)), (2, 0), "level {level}");
        }
        let stub = client.call(12, &request(&[Some("\\\\192.0.2.1"), None], 10)).unwrap();
        assert_eq!(entries(&stub), 1);
        let stub = client.call(12, &request(&[None, Some("BOB")], 10)).unwrap();
        assert_eq!(entries(&stub), 1);
        for (filters, expected) in [
            ([Some("\\\\elsewhere"), None], 2312),
            ([Some("192.0.2.1"), None], 2351),
            ([None, Some("nobody")], 2221),
            ([Some("\\\\192.0.2.1"), Some("bob")], 2312),
            ([None, Some(&*"x".repeat(1_024))], 87),
        ] {
            let stub = client.call(12, &request(&filters, 10)).unwrap();
            assert_eq!((entries(&stub), status(&stub)), (0, expected), "{filters:?}");
        }
    }

    fn session_del(names: [Option<&str>; 2]) -> Vec<u8> {
        let whole = request(&names, 0);
        // Without the enumeration's parameters.
        whole[..whole.len() - 6 * 4 - 4].to_vec()
    }

    #[test]
    fn sessions_are_ended_by_client_and_user() {
        let mut fixture = Fixture::new();
        let own = Ending { sessions: vec![3], opens: Vec::new() };
        fixture.done = Ok(Done::Own(own.clone()));
        let mut client = Client::srvsvc(&fixture);
        let mut end = |names| status(&client.call(13, &session_del(names)).unwrap());
        assert_eq!(end([Some("\\\\192.0.2.1"), None]), 0);
        assert_eq!(end([None, Some("BOB")]), 0);
        assert_eq!(end([Some("\\\\192.0.2.1"), Some("bob")]), 0);
        assert_eq!(end([Some("192.0.2.1"), None]), 2312);
        assert_eq!(end([None, None]), 2312);
        let wanted: Vec<(Option<String>, Option<String>)> = fixture
            .tasks()
            .into_iter()
            .map(|task| match task {
                Task::EndSessions { client, user } => (client, user),
                other => panic!("{other:?}"),
            })
            .collect();
        let text = |name: &str| Some(name.to_owned());
        let expected = [(text("192.0.2.1"), None), (None, text("BOB")), (text("192.0.2.1"), text("bob"))];
        assert_eq!(wanted, expected);
        // What the call itself came through is ended behind the answer.
        assert_eq!(fixture.ended(), vec![format!("{own:?}"); 3]);
        fixture.done = Err(TaskError::NoSession);
        let mut client = Client::srvsvc(&fixture);
        assert_eq!(status(&client.call(13, &session_del([None, Some("nobody")])).unwrap()), 2312);
    }

    #[test]
    fn an_open_file_is_told_of_and_closed() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let mut info = |id: u32, level: u32| {
            let stub: Vec<u8> = [0, id, level].into_iter().flat_map(u32::to_le_bytes).collect();
            client.call(10, &stub).unwrap()
        };
        assert_eq!(info(7, 2), [2, 0, 0, 0, 0, 0, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(status(&info(7, 3)), 0);
        assert_eq!(info(8, 3), [3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(info(7, 1), [1, 0, 0, 0, 124, 0, 0, 0]);
        for (done, expected) in [
            (Ok(Done::Own(Ending::default())), 0),
            (Err(TaskError::NoOpenFile), 2314),
            (Err(TaskError::Unrecorded), 606),
        ] {
            let mut fixture = Fixture::new();
            fixture.done = done;
            let stub = Client::srvsvc(&fixture).call(11, &[0, 0, 0, 0, 7, 0, 0, 0]).unwrap();
            assert_eq!(status(&stub), expected);
            assert!(matches!(fixture.tasks()[..], [Task::CloseFile { id: 7 }]));
        }
    }

    #[test]
    fn a_base_path_is_whole_components() {
        for (path, base, below) in [
            ("C:\\VOL\\SUB", "C:\\VOL", true),
            ("C:\\VOL\\SUB", "C:\\VOL\\", true),
            ("C:\\VOLUME\\SUB", "C:\\VOL", false),
            ("C:\\VOL", "C:\\VOL", true),
            ("C:\\VOL", "", true),
        ] {
            assert_eq!(is_below(path, base), below, "{path} {base}");
        }
    }

    #[test]
    fn open_files_and_connections_are_listed() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(9, &request(&[None, None], 3)).unwrap();
        assert_eq!((entries(&stub), status(&stub)), (1, 0));
        let stub = client.call(9, &request(&[Some("c:\\other"), None], 3)).unwrap();
        assert_eq!(entries(&stub), 0);
        let stub = client.call(8, &request(&[Some("data")], 1)).unwrap();
        assert_eq!(entries(&stub), 1);
        let stub = client.call(8, &request(&[None], 1)).unwrap();
        assert_eq!(status(&stub), 87);
    }

    #[test]
    fn nothing_of_it_is_for_others() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        for (operation, names) in [(12, &[None, None][..]), (9, &[None, None]), (8, &[Some("data")])] {
            let level = if operation == 9 { 3 } else { 1 };
            let stub = client.call(operation, &request(names, level)).unwrap();
            assert_eq!((entries(&stub), status(&stub)), (0, 5), "operation {operation}");
        }
        assert_eq!(status(&client.call(10, &[0, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0]).unwrap()), 5);
        assert_eq!(status(&client.call(11, &[0, 0, 0, 0, 7, 0, 0, 0]).unwrap()), 5);
        assert_eq!(status(&client.call(13, &session_del([None, Some("anna")])).unwrap()), 5);
        assert!(fixture.ended().is_empty() && fixture.tasks().is_empty());
        // The changes among them are recorded with who wanted them.
        let refused = fixture.refused();
        assert!(matches!(refused[0].task, Task::CloseFile { id: 7 }), "{refused:?}");
        assert!(matches!(refused[1].task, Task::EndSessions { .. }), "{refused:?}");
        assert_eq!((refused[0].caller.domain.as_str(), refused[0].caller.name.as_str()), ("FILES", "anna"));
    }
}
