//! [MS-SAMR] 3.1.5.1.1 SamrConnect5 to 3.1.5.1.4 SamrConnect, 3.1.5.1.5 SamrOpenDomain, 3.1.5.2.1
//! SamrEnumerateDomainsInSamServer, 3.1.5.11.1 SamrLookupDomainInSamServer.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::{Call, HANDLE_SIZE, Object};
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Refusal, Reply, ended, success};
use super::security::{self, SAM_SERVER_ENUMERATE_DOMAINS, SAM_SERVER_LOOKUP_DOMAIN};
use super::{enumeration, server_handle};
use crate::names::builtin_sid;
use crate::state::accounts::fold_name;

/// Bytes of the results of SamrConnect5: OutVersion 4, the union's tag 4, Revision 4, SupportedFeatures 4, the handle.
pub(super) const CONNECT_5_SIZE: usize = 4 + 4 + 4 + 4 + HANDLE_SIZE;

/// SamrConnect: ServerName is a single character.
pub(super) fn connect(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("ServerName", |reader| reader.u16("ServerName"))?;
    let desired = call.parameters.u32("DesiredAccess")?;
    connected(call, desired)
}

/// SamrConnect2.
pub(super) fn connect_2(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    let desired = call.parameters.u32("DesiredAccess")?;
    connected(call, desired)
}

/// SamrConnect4, and the call before it with the same parameters.
pub(super) fn connect_4(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    call.parameters.u32("ClientRevision")?;
    let desired = call.parameters.u32("DesiredAccess")?;
    connected(call, desired)
}

/// SamrConnect5.
pub(super) fn connect_5(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let version = call.parameters.u32("InVersion")?;
    if call.parameters.u32("InRevisionInfo")? != version || version != 1 {
        return Err(Fault::INVALID_TAG.into());
    }
    call.parameters.u32("Revision")?;
    call.parameters.u32("SupportedFeatures")?;
    let mut results = NdrWriter::new();
    results.u32(1); // OutVersion
    results.u32(1);
    results.u32(3); // Revision: the handle takes every form of the later calls
    results.u32(0); // SupportedFeatures
    match server_access(call, desired, &mut results) {
        Ok(()) => success(results),
        Err(Refusal::Status(status)) => {
            results.bytes(&[0; HANDLE_SIZE]);
            ended(results, status)
        }
        Err(fault) => Err(fault),
    }
}

fn connected(call: &mut Call<'_, '_>, desired: u32) -> Reply {
    let mut results = NdrWriter::new();
    server_access(call, desired, &mut results)?;
    success(results)
}

/// Opens the server object. Windows lets administrators alone reach it over the network, whatever its descriptor says.
fn server_access(call: &mut Call<'_, '_>, desired: u32, results: &mut NdrWriter) -> Result<(), Refusal> {
    if !call.cx.is_administrator() {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    open(call, Object::SamServer, desired, results)
}

/// Opens an object with the rights that its descriptor gives.
pub(super) fn open(
    call: &mut Call<'_, '_>,
    object: Object,
    desired: u32,
    results: &mut NdrWriter,
) -> Result<(), Refusal> {
    let (class, descriptor) = security::of(&object).ok_or(NtStatus::INVALID_HANDLE)?;
    let granted = objects::grant(call.cx.caller, &descriptor, class, desired)?;
    objects::give(call, results, object, granted)
}

/// The two domains of a server that is no domain controller: its own accounts, and BUILTIN.
pub(super) fn domains(cx: &RpcContext<'_>) -> Vec<(String, Sid)> {
    let mut all = vec![(cx.server.netbios_name.clone(), cx.server.machine_sid)];
    all.extend(builtin_sid().map(|sid| ("Builtin".to_owned(), sid)));
    all
}

/// SamrEnumerateDomainsInSamServer.
pub(super) fn enumerate_domains(call: &mut Call<'_, '_>) -> Reply {
    let handle = server_handle(call)?;
    let context = call.parameters.u32("EnumerationContext")?;
    let preferred_bytes = call.parameters.u32("PreferedMaximumLength")?;
    handle.need(SAM_SERVER_ENUMERATE_DOMAINS)?;
    let entries: Vec<(u32, String)> = domains(call.cx).into_iter().map(|(name, _)| (0, name)).collect();
    enumeration(context, preferred_bytes, &entries)
}

/// SamrLookupDomainInSamServer.
pub(super) fn lookup_domain(call: &mut Call<'_, '_>) -> Reply {
    let handle = server_handle(call)?;
    let wanted = fold_name(&super::name(&mut call.parameters)?.to_string());
    handle.need(SAM_SERVER_LOOKUP_DOMAIN)?;
    if wanted.is_empty() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let found = domains(call.cx).into_iter().find(|(name, _)| fold_name(name) == wanted);
    let (_, sid) = found.ok_or(NtStatus::NO_SUCH_DOMAIN)?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.sid(&sid);
    success(results)
}

/// SamrOpenDomain.
pub(super) fn open_domain(call: &mut Call<'_, '_>) -> Reply {
    let handle = server_handle(call)?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let sid = call.parameters.sid("DomainId")?;
    handle.need(SAM_SERVER_LOOKUP_DOMAIN)?;
    if !domains(call.cx).iter().any(|(_, known)| *known == sid) {
        return Err(NtStatus::NO_SUCH_DOMAIN.into());
    }
    let mut results = NdrWriter::new();
    open(call, Object::SamDomain(sid), desired, &mut results)?;
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    #[test]
    fn a_handle_does_what_it_was_opened_for() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let mut request = vec![0; 4];
        request.extend(SAM_SERVER_LOOKUP_DOMAIN.to_le_bytes());
        let server = client.opened(57, &request);
        let enumerate = [server.as_slice(), &[0; 4], &[0, 1, 0, 0]].concat();
        assert_eq!(client.outcome(6, &enumerate), (vec![0; 12], NtStatus::ACCESS_DENIED.0));
        let mut open = NdrWriter::new();
        open.bytes(&server);
        open.u32(super::security::DOMAIN_LOOKUP);
        open.sid(&fixture.context().server.machine_sid);
        let domain = client.opened(7, &open.into_bytes());
        let list = [domain.as_slice(), &[0; 8], &[0, 1, 0, 0]].concat();
        assert_eq!(client.outcome(13, &list), (vec![0; 12], NtStatus::ACCESS_DENIED.0));
    }

    #[test]
    fn every_form_of_connecting_is_refused_to_others_than_administrators() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::samr(&fixture);
        for (operation, request, empty) in
            [(0, vec![0; 8], 20), (57, vec![0; 8], 20), (61, vec![0; 12], 20), (62, vec![0; 12], 20)]
        {
            assert_eq!(client.outcome(operation, &request), (vec![0; empty], NtStatus::ACCESS_DENIED.0));
        }
        let connect_5 = [0_u32, 0, 1, 1, 3, 0].map(u32::to_le_bytes).concat();
        let (results, status) = client.outcome(64, &connect_5);
        assert_eq!((&results[16..], status), ([0; 20].as_slice(), NtStatus::ACCESS_DENIED.0));
    }

    #[test]
    fn what_is_not_changed_over_this_interface_is_refused() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        for (operation, empty) in [(9, 0), (10, 24), (12, 24), (50, 28), (45, 0)] {
            let refused = (vec![0; empty], NtStatus::ACCESS_DENIED.0);
            assert_eq!(client.outcome(operation, &domain), refused, "{operation}");
        }
        let user = client.open_in(domain, 34, 1000, 0x0200_0000);
        let sid = client.outcome(65, &[user.as_slice(), &513_u32.to_le_bytes()].concat());
        assert_eq!((sid.0[sid.0.len() - 4..].to_vec(), sid.1), (513_u32.to_le_bytes().to_vec(), 0));
    }
}
