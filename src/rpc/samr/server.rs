//! [MS-SAMR] 3.1.5.1.1 SamrConnect5 to 3.1.5.1.4 SamrConnect, 3.1.5.1.5 SamrOpenDomain, 3.1.5.2.1
//! SamrEnumerateDomainsInSamServer, 3.1.5.11.1 SamrLookupDomainInSamServer.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::{Call, HANDLE_SIZE, Handle};
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::{NO_SUCH_DOMAIN, enumeration, server_handle, status};
use crate::names::builtin_sid;
use crate::state::accounts::fold_name;

/// The forms of SamrConnect that differ in their parameters only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectForm {
    /// SamrConnect: ServerName is a single character.
    First,
    /// SamrConnect2.
    Second,
    /// SamrConnect4.
    Fourth,
}

/// SamrConnect, SamrConnect2, SamrConnect4.
pub(super) fn connect(call: &mut Call<'_, '_>, form: ConnectForm) -> Result<NdrWriter, Fault> {
    if form == ConnectForm::First {
        call.parameters.optional("ServerName", |reader| reader.u16("ServerName"))?;
    } else {
        call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    }
    if form == ConnectForm::Fourth {
        call.parameters.u32("ClientRevision")?;
    }
    call.parameters.u32("DesiredAccess")?;
    give(call, NdrWriter::new(), Handle::SamServer)
}

/// SamrConnect5.
pub(super) fn connect_5(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    call.parameters.u32("DesiredAccess")?;
    let version = call.parameters.u32("InVersion")?;
    if call.parameters.u32("InRevisionInfo")? != version || version != 1 {
        return Err(Fault::INVALID_TAG);
    }
    call.parameters.u32("Revision")?;
    call.parameters.u32("SupportedFeatures")?;
    let mut writer = NdrWriter::new();
    writer.u32(1); // OutVersion
    writer.u32(1);
    writer.u32(3); // Revision: the handle takes every form of the later calls
    writer.u32(0); // SupportedFeatures
    give(call, writer, Handle::SamServer)
}

/// Answers with a new handle, or with none to a caller who is no administrator.
fn give(call: &mut Call<'_, '_>, mut writer: NdrWriter, handle: Handle) -> Result<NdrWriter, Fault> {
    if !call.cx.is_administrator() {
        writer.bytes(&[0; HANDLE_SIZE]);
        return Ok(status(writer, NtStatus::ACCESS_DENIED));
    }
    let handle = call.handles.add(handle)?;
    writer.bytes(&handle);
    Ok(status(writer, NtStatus::SUCCESS))
}

/// The two domains of a server that is in none: its own accounts, and BUILTIN.
fn domains(cx: &RpcContext<'_>) -> Vec<(String, Sid)> {
    let mut all = vec![(cx.server.netbios_name.clone(), cx.server.machine_sid)];
    all.extend(builtin_sid().map(|sid| ("Builtin".to_owned(), sid)));
    all
}

/// SamrEnumerateDomainsInSamServer.
pub(super) fn enumerate_domains(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_handle(call)?;
    let context = call.parameters.u32("EnumerationContext")?;
    let preferred_bytes = call.parameters.u32("PreferedMaximumLength")?;
    let entries: Vec<(u32, String)> = domains(call.cx).into_iter().map(|(name, _)| (0, name)).collect();
    Ok(enumeration(context, preferred_bytes, &entries))
}

/// SamrLookupDomainInSamServer.
pub(super) fn lookup_domain(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_handle(call)?;
    let header = call.parameters.unicode_string_header("Name")?;
    let name = call.parameters.unicode_string_buffer("Name", header)?;
    let wanted = fold_name(&name.to_string());
    let mut writer = NdrWriter::new();
    match domains(call.cx).into_iter().find(|(name, _)| fold_name(name) == wanted) {
        Some((_, sid)) => {
            writer.pointer();
            writer.sid(&sid);
            Ok(status(writer, NtStatus::SUCCESS))
        }
        None => {
            writer.null();
            Ok(status(writer, NO_SUCH_DOMAIN))
        }
    }
}

/// SamrOpenDomain.
pub(super) fn open_domain(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_handle(call)?;
    call.parameters.u32("DesiredAccess")?;
    let sid = call.parameters.sid("DomainId")?;
    if !domains(call.cx).iter().any(|(_, known)| *known == sid) {
        let mut writer = NdrWriter::new();
        writer.bytes(&[0; HANDLE_SIZE]);
        return Ok(status(writer, NO_SUCH_DOMAIN));
    }
    give(call, NdrWriter::new(), Handle::SamDomain(sid))
}
