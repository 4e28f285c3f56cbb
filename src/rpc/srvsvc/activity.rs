//! [MS-SRVS] 3.1.4.1 NetrConnectionEnum, 3.1.4.2 NetrFileEnum, 3.1.4.5 NetrSessionEnum: for administrators.

use freehold_dtyp::Wtf8Buf;

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::win32::Win32;
use super::super::{ConnectionInfo, OpenFileInfo, SessionInfo};
use super::enumeration::{Entry, Enumeration};
use crate::state::accounts::fold_name;

/// sesi1_user_flags: SESS_GUEST.
const SESSION_GUEST: u32 = 1;
/// STYPE_DISKTREE and STYPE_IPC.
const SHARE_DISK: u32 = 0;
const SHARE_IPC: u32 = 3;

fn optional_name(parameters: &mut NdrReader<'_>, field: &'static str) -> Result<Option<Wtf8Buf>, Fault> {
    Ok(parameters.optional(field, |reader| reader.wide_string(field))?.filter(|text| !text.is_empty()))
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
    if !call.cx.is_administrator() {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let client = client.map(|name| Wtf8Buf::from(name.to_string().trim_start_matches('\\')));
    let mut sessions = call.cx.activity.sessions();
    sessions.retain(|session| same(&client, &session.client) && same(&user, &session.user));
    if sessions.is_empty() && client.is_some() {
        return Ok(enumeration.refuse(Win32::NERR_CLIENT_NAME_NOT_FOUND));
    }
    Ok(enumeration.answer(&sessions))
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
    if !call.cx.is_administrator() {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let Some(qualifier) = qualifier else { return Ok(enumeration.refuse(Win32::INVALID_PARAMETER)) };
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
    if !call.cx.is_administrator() {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let base = base.map_or(String::new(), |base| fold_name(&base.to_string()));
    let mut files = call.cx.activity.open_files();
    files.retain(|file| fold_name(&file.path).starts_with(&base) && same(&user, &file.user));
    Ok(enumeration.answer(&files))
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
        let stub = client.call(12, &request(&[Some("\\\\elsewhere"), None], 10)).unwrap();
        assert_eq!(status(&stub), 2312);
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
    }
}
