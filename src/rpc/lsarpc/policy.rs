//! [MS-LSAD] 3.1.4.4.1 LsarOpenPolicy2, 3.1.4.4.2 LsarOpenPolicy, LsarOpenPolicy3, 3.1.4.4.3
//! LsarQueryInformationPolicy2, 3.1.4.4.4 LsarQueryInformationPolicy, 3.1.4.9.4 LsarClose, [MS-LSAT] 3.1.4.4
//! LsarGetUserName.

use freehold_dtyp::{Guid, NtStatus, Sid};

use super::super::dispatch::{Call, HANDLE_SIZE, Handle};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::status;

/// PolicyPrimaryDomainInformation.
const PRIMARY_DOMAIN: u16 = 3;
/// PolicyAccountDomainInformation.
const ACCOUNT_DOMAIN: u16 = 5;
/// PolicyLsaServerRoleInformation.
const SERVER_ROLE: u16 = 6;
/// PolicyDnsDomainInformation.
const DNS_DOMAIN: u16 = 12;
/// PolicyDnsDomainInformationInt.
const DNS_DOMAIN_INT: u16 = 13;
/// PolicyLocalAccountDomainInformation.
const LOCAL_ACCOUNT_DOMAIN: u16 = 14;
/// PolicyServerRolePrimary.
const ROLE_PRIMARY: u16 = 3;

/// LsarClose.
pub(super) fn close(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let handle = call.parameters.array("ObjectHandle")?;
    call.handles.remove(&handle)?;
    let mut writer = NdrWriter::new();
    writer.bytes(&[0; HANDLE_SIZE]);
    Ok(status(writer, NtStatus::SUCCESS))
}

/// LsarOpenPolicy. SystemName points to a single character, which is ignored as the text says.
pub(super) fn open_policy(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    call.parameters.optional("SystemName", |reader| reader.u16("SystemName"))?;
    open(call, NdrWriter::new())
}

/// LsarOpenPolicy2.
pub(super) fn open_policy_2(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    call.parameters.optional("SystemName", |reader| reader.wide_string("SystemName"))?;
    open(call, NdrWriter::new())
}

/// LsarOpenPolicy3: as LsarOpenPolicy2, with a revision that each side tells. Explorer tries it first.
pub(super) fn open_policy_3(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    call.parameters.optional("SystemName", |reader| reader.wide_string("SystemName"))?;
    object_attributes(&mut call.parameters)?;
    call.parameters.u32("DesiredAccess")?;
    let version = call.parameters.u32("InVersion")?;
    if call.parameters.u32("InRevisionInfo")? != version || version != 1 {
        return Err(Fault::INVALID_TAG);
    }
    call.parameters.u32("Revision")?;
    call.parameters.u32("SupportedFeatures")?;
    let mut writer = NdrWriter::new();
    writer.u32(1);
    writer.u32(1);
    writer.u32(1); // Revision
    writer.u32(0); // SupportedFeatures
    finish_open(call, writer)
}

fn open(call: &mut Call<'_, '_>, writer: NdrWriter) -> Result<NdrWriter, Fault> {
    object_attributes(&mut call.parameters)?;
    call.parameters.u32("DesiredAccess")?;
    finish_open(call, writer)
}

fn finish_open(call: &mut Call<'_, '_>, mut writer: NdrWriter) -> Result<NdrWriter, Fault> {
    if call.cx.is_anonymous() {
        writer.align(4);
        writer.bytes(&[0; HANDLE_SIZE]);
        return Ok(status(writer, NtStatus::ACCESS_DENIED));
    }
    let handle = call.handles.add(Handle::Policy)?;
    writer.align(4);
    writer.bytes(&handle);
    Ok(status(writer, NtStatus::SUCCESS))
}

/// [MS-LSAD] 2.2.2.4 LSAPR_OBJECT_ATTRIBUTES: ignored, all of it; pointers in it but the last have to be null.
fn object_attributes(parameters: &mut NdrReader<'_>) -> Result<(), Fault> {
    parameters.u32("Length")?;
    let root = parameters.pointer("RootDirectory")?;
    let name = parameters.pointer("ObjectName")?;
    parameters.u32("Attributes")?;
    let security = parameters.pointer("SecurityDescriptor")?;
    let quality = parameters.pointer("SecurityQualityOfService")?;
    if root || name || security {
        return Err(Fault::BAD_STUB_DATA);
    }
    if quality {
        parameters.u32("Length")?;
        parameters.u16("ImpersonationLevel")?;
        parameters.bytes("ContextTrackingMode", 2)?;
    }
    Ok(())
}

/// LsarQueryInformationPolicy and LsarQueryInformationPolicy2, which differ in nothing that matters here.
pub(super) fn query_information(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let handle = call.parameters.array("PolicyHandle")?;
    let class = call.parameters.u16("InformationClass")?;
    call.handles.find(&handle)?;
    let server = call.cx.server;
    let mut writer = NdrWriter::new();
    let known =
        [PRIMARY_DOMAIN, ACCOUNT_DOMAIN, SERVER_ROLE, DNS_DOMAIN, DNS_DOMAIN_INT, LOCAL_ACCOUNT_DOMAIN];
    if !known.contains(&class) {
        writer.null();
        let refusal =
            if (1..=14).contains(&class) { NtStatus::ACCESS_DENIED } else { NtStatus::INVALID_PARAMETER };
        return Ok(status(writer, refusal));
    }
    writer.pointer();
    writer.u16(class);
    match class {
        PRIMARY_DOMAIN => domain(&mut writer, &server.workgroup, None),
        ACCOUNT_DOMAIN | LOCAL_ACCOUNT_DOMAIN => {
            domain(&mut writer, &server.netbios_name, Some(&server.machine_sid));
        }
        SERVER_ROLE => writer.u16(ROLE_PRIMARY),
        _ => {
            // 2.2.4.14 LSAPR_POLICY_DNS_DOMAIN_INFO of a computer that is in no domain.
            let names = [server.workgroup.as_str(), "", ""];
            for name in names {
                writer.unicode_string_header(name);
            }
            writer.guid(&Guid::ZERO);
            writer.null();
            for name in names {
                writer.unicode_string_buffer(name);
            }
        }
    }
    Ok(status(writer, NtStatus::SUCCESS))
}

/// 2.2.4.5 LSAPR_POLICY_PRIMARY_DOM_INFO, 2.2.4.6 LSAPR_POLICY_ACCOUNT_DOM_INFO.
fn domain(writer: &mut NdrWriter, name: &str, sid: Option<&Sid>) {
    writer.unicode_string_header(name);
    match sid {
        Some(_) => writer.pointer(),
        None => writer.null(),
    }
    writer.unicode_string_buffer(name);
    if let Some(sid) = sid {
        writer.sid(sid);
    }
}

/// LsarGetUserName.
pub(super) fn get_user_name(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    call.parameters.optional("SystemName", |reader| reader.wide_string("SystemName"))?;
    optional_string(&mut call.parameters, "UserName")?;
    let wants_domain = call.parameters.pointer("DomainName")?;
    if wants_domain {
        optional_string(&mut call.parameters, "DomainName")?;
    }
    let (domain, name) = match call.cx.of_sid(call.cx.caller.user()) {
        Some(principal) => (principal.domain, principal.name),
        None => (String::new(), call.cx.caller_name.to_owned()),
    };
    let mut writer = NdrWriter::new();
    writer.pointer();
    writer.unicode_string_header(&name);
    writer.unicode_string_buffer(&name);
    if wants_domain {
        writer.pointer();
        writer.pointer();
        writer.unicode_string_header(&domain);
        writer.unicode_string_buffer(&domain);
    } else {
        writer.null();
    }
    Ok(status(writer, NtStatus::SUCCESS))
}

fn optional_string(parameters: &mut NdrReader<'_>, field: &'static str) -> Result<(), Fault> {
    parameters.optional(field, |reader| {
        let header = reader.unicode_string_header(field)?;
        reader.unicode_string_buffer(field, header)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    /// The stub that Windows sends, made of its parts.
    fn open_3() -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.pointer();
        writer.wide_string("\\\\files");
        writer.u32(24);
        writer.null();
        writer.null();
        writer.u32(0);
        writer.null();
        writer.pointer();
        writer.u32(12);
        writer.u16(2);
        writer.bytes(&[1, 0]);
        writer.u32(0x0200_0000);
        for value in [1, 1, 1, 0] {
            writer.u32(value);
        }
        writer.into_bytes()
    }

    #[test]
    fn explorers_open_gets_a_handle_that_works_until_closed() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let stub = client.call(130, &open_3()).unwrap();
        assert_eq!(stub[..16], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(stub[36..], [0; 4]);
        let mut query = stub[16..36].to_vec();
        query.extend([5, 0]);
        let answer = client.call(46, &query).unwrap();
        let mut reader = NdrReader::new(&answer);
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.u16("").unwrap(), 5);
        let header = reader.unicode_string_header("").unwrap();
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.unicode_string_buffer("", header).unwrap().to_string(), "FILES");
        assert_eq!(reader.u32("").map(|_| ()), Ok(()));
        let handle = &stub[16..36];
        assert_eq!(client.call(0, handle).unwrap(), [0; 24]);
        assert_eq!(client.call(0, handle), Err(Fault::CONTEXT_MISMATCH));
        assert_eq!(client.call(46, &query), Err(Fault::CONTEXT_MISMATCH));
    }

    #[test]
    fn every_information_class_is_answered() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        for class in 0..20u16 {
            let mut query = handle.to_vec();
            query.extend(class.to_le_bytes());
            let answer = client.call(7, &query).unwrap();
            let status = u32::from_le_bytes(answer[answer.len() - 4..].try_into().unwrap());
            let expected = match class {
                3 | 5 | 6 | 12 | 13 | 14 => 0,
                1..=14 => NtStatus::ACCESS_DENIED.0,
                _ => NtStatus::INVALID_PARAMETER.0,
            };
            assert_eq!(status, expected, "class {class}");
        }
    }

    #[test]
    fn the_caller_is_told_its_name() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let answer = client.call(45, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut reader = NdrReader::new(&answer);
        assert!(reader.pointer("").unwrap());
        let header = reader.unicode_string_header("").unwrap();
        assert_eq!(reader.unicode_string_buffer("", header).unwrap().to_string(), "anna");
        assert!(reader.pointer("").unwrap() && reader.pointer("").unwrap());
        let header = reader.unicode_string_header("").unwrap();
        assert_eq!(reader.unicode_string_buffer("", header).unwrap().to_string(), "FILES");
    }

    #[test]
    fn anonymous_callers_get_no_policy() {
        let fixture = Fixture::new().anonymous_caller();
        let mut client = Client::lsarpc(&fixture);
        let stub = client.call(130, &open_3()).unwrap();
        assert_eq!(stub[16..36], [0; 20]);
        assert_eq!(stub[36..], NtStatus::ACCESS_DENIED.0.to_le_bytes());
    }
}
