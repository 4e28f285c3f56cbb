//! [MS-LSAD] 3.1.4.4.1 LsarOpenPolicy2, 3.1.4.4.2 LsarOpenPolicy, LsarOpenPolicy3, 3.1.4.4.3
//! LsarQueryInformationPolicy2, 3.1.4.4.4 LsarQueryInformationPolicy, 3.1.4.4.7 LsarQueryDomainInformationPolicy, 3.1.4.9.1
//! LsarQuerySecurityObject, [MS-LSAT] 3.1.4.4 LsarGetUserName.

use freehold_dtyp::{Guid, NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::{Call, HANDLE_SIZE, Object};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::objects::{self, Refusal, Reply, ended, success};
use super::{
    POLICY, POLICY_GET_PRIVATE_INFORMATION, POLICY_VIEW_AUDIT_INFORMATION, POLICY_VIEW_LOCAL_INFORMATION,
    account_security, policy_handle, policy_security,
};

/// [MS-LSAD] 2.2.4.1 POLICY_INFORMATION_CLASS: PolicyAuditLogInformation.
const AUDIT_LOG: u16 = 1;
/// PolicyAuditEventsInformation.
const AUDIT_EVENTS: u16 = 2;
/// PolicyPrimaryDomainInformation.
const PRIMARY_DOMAIN: u16 = 3;
/// PolicyPdAccountInformation.
const PD_ACCOUNT: u16 = 4;
/// PolicyAccountDomainInformation.
const ACCOUNT_DOMAIN: u16 = 5;
/// PolicyLsaServerRoleInformation.
const SERVER_ROLE: u16 = 6;
/// PolicyReplicaSourceInformation.
const REPLICA_SOURCE: u16 = 7;
/// PolicyDnsDomainInformation.
const DNS_DOMAIN: u16 = 12;
/// PolicyDnsDomainInformationInt.
const DNS_DOMAIN_INT: u16 = 13;
/// PolicyLocalAccountDomainInformation.
const LOCAL_ACCOUNT_DOMAIN: u16 = 14;
/// PolicyServerRolePrimary.
const ROLE_PRIMARY: u32 = 3;
/// Categories of audited events, and the one of them that is object access (POLICY_AUDIT_EVENT_TYPE, 2.2.4.20).
const AUDIT_CATEGORIES: usize = 9;
const AUDIT_OBJECT_ACCESS: usize = 2;
/// POLICY_AUDIT_EVENT_SUCCESS and POLICY_AUDIT_EVENT_FAILURE (2.2.4.4).
const AUDIT_BOTH: u32 = 0x0000_0003;
/// Bytes of the results of LsarOpenPolicy3: OutVersion 4, the union's tag 4, Revision 4, SupportedFeatures 4, the handle.
pub(super) const OPEN_3_SIZE: usize = 4 + 4 + 4 + 4 + HANDLE_SIZE;

/// LsarOpenPolicy. SystemName points to a single character, which is ignored as the text says.
pub(super) fn open_policy(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("SystemName", |reader| reader.u16("SystemName"))?;
    open(call)
}

/// LsarOpenPolicy2.
pub(super) fn open_policy_2(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("SystemName", |reader| reader.wide_string("SystemName"))?;
    open(call)
}

fn open(call: &mut Call<'_, '_>) -> Reply {
    object_attributes(&mut call.parameters)?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let mut results = NdrWriter::new();
    give(call, &mut results, desired)?;
    success(results)
}

/// LsarOpenPolicy3: as LsarOpenPolicy2, with a revision that each side tells. Explorer tries it first.
pub(super) fn open_policy_3(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("SystemName", |reader| reader.wide_string("SystemName"))?;
    object_attributes(&mut call.parameters)?;
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
    results.u32(1); // Revision
    results.u32(0); // SupportedFeatures
    match give(call, &mut results, desired) {
        Ok(()) => success(results),
        Err(Refusal::Status(status)) => {
            results.bytes(&[0; HANDLE_SIZE]);
            ended(results, status)
        }
        Err(fault) => Err(fault),
    }
}

/// Opens the policy object. Callers without an account get nothing, whatever they ask for.
fn give(call: &mut Call<'_, '_>, results: &mut NdrWriter, desired: u32) -> Result<(), Refusal> {
    if call.cx.is_anonymous() {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let granted = objects::grant(call.cx.caller, &policy_security(), &POLICY, desired)?;
    objects::give(call, results, Object::Policy, granted)
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

/// LsarQuerySecurityObject.
pub(super) fn query_security(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let descriptor = match handle.object {
        Object::Policy => policy_security(),
        Object::LsaAccount(_) => account_security(),
        _ => return Err(NtStatus::INVALID_HANDLE.into()),
    };
    objects::query_security(call, handle, &descriptor)
}

/// The right that a class takes (the table of 3.1.4.4.3); `None` for classes that are not answered.
const fn right_for(class: u16) -> Option<u32> {
    match class {
        AUDIT_LOG | AUDIT_EVENTS => Some(POLICY_VIEW_AUDIT_INFORMATION),
        PD_ACCOUNT => Some(POLICY_GET_PRIVATE_INFORMATION),
        PRIMARY_DOMAIN | ACCOUNT_DOMAIN | SERVER_ROLE | REPLICA_SOURCE | DNS_DOMAIN | DNS_DOMAIN_INT
        | LOCAL_ACCOUNT_DOMAIN => Some(POLICY_VIEW_LOCAL_INFORMATION),
        _ => None,
    }
}

/// LsarQueryInformationPolicy and LsarQueryInformationPolicy2, which are the same.
pub(super) fn query_information(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let class = call.parameters.u16("InformationClass")?;
    handle.need(right_for(class).ok_or(NtStatus::INVALID_PARAMETER)?)?;
    let server = call.cx.server;
    let mut results = NdrWriter::new();
    results.pointer();
    results.u16(class);
    match class {
        AUDIT_LOG => audit_log(&mut results),
        AUDIT_EVENTS => audit_events(&mut results),
        PRIMARY_DOMAIN => match call.cx.domain {
            Some(member) => domain(&mut results, &member.netbios_name, Some(&member.sid)),
            None => domain(&mut results, &server.workgroup, None),
        },
        ACCOUNT_DOMAIN | LOCAL_ACCOUNT_DOMAIN => {
            domain(&mut results, &server.netbios_name, Some(&server.machine_sid));
        }
        SERVER_ROLE => results.u32(ROLE_PRIMARY),
        // 2.2.4.6 LSAPR_POLICY_PD_ACCOUNT_INFO and 2.2.4.8 LSAPR_POLICY_REPLICA_SRCE_INFO: a backup domain controller's.
        PD_ACCOUNT => empty_strings(&mut results, 1),
        REPLICA_SOURCE => empty_strings(&mut results, 2),
        _ => dns_domain(&mut results, call.cx),
    }
    success(results)
}

/// 2.2.4.3 POLICY_AUDIT_LOG_INFO. This server's log grows in files of its own: it is never full.
fn audit_log(results: &mut NdrWriter) {
    results.align(8);
    results.u32(0); // AuditLogPercentFull
    results.u32(u32::MAX); // MaximumLogSize
    results.u64(0); // AuditRetentionPeriod
    results.u8(0); // AuditLogFullShutdownInProgress
    results.u64(0); // TimeToShutdown
    results.u32(0); // NextAuditRecordId
}

/// 2.2.4.4 LSAPR_POLICY_AUDIT_EVENTS_INFO: what SACLs ask for is recorded, always.
fn audit_events(results: &mut NdrWriter) {
    results.align(4);
    results.u8(1); // AuditingMode
    results.pointer();
    results.count(AUDIT_CATEGORIES);
    results.count(AUDIT_CATEGORIES);
    for category in 0..AUDIT_CATEGORIES {
        results.u32(if category == AUDIT_OBJECT_ACCESS { AUDIT_BOTH } else { 0 });
    }
}

fn empty_strings(results: &mut NdrWriter, count: usize) {
    (0..count).for_each(|_| results.unicode_string_header(""));
    (0..count).for_each(|_| results.unicode_string_buffer(""));
}

/// 2.2.4.5 LSAPR_POLICY_PRIMARY_DOM_INFO, 2.2.4.6 LSAPR_POLICY_ACCOUNT_DOM_INFO.
fn domain(results: &mut NdrWriter, name: &str, sid: Option<&Sid>) {
    results.unicode_string_large_header(name);
    match sid {
        Some(_) => results.pointer(),
        None => results.null(),
    }
    results.unicode_string_large_buffer(name);
    if let Some(sid) = sid {
        results.sid(sid);
    }
}

/// 2.2.4.14 LSAPR_POLICY_DNS_DOMAIN_INFO. The GUID of the domain is not known here.
fn dns_domain(results: &mut NdrWriter, cx: &RpcContext<'_>) {
    let names = match cx.domain {
        Some(domain) => [domain.netbios_name.as_str(), domain.dns_name.as_str(), domain.forest.as_str()],
        None => [cx.server.workgroup.as_str(), "", ""],
    };
    names.iter().for_each(|name| results.unicode_string_large_header(name));
    results.guid(&Guid::ZERO);
    let sid = cx.domain.map(|domain| &domain.sid);
    if sid.is_some() {
        results.pointer()
    } else {
        results.null()
    }
    names.iter().for_each(|name| results.unicode_string_large_buffer(name));
    if let Some(sid) = sid {
        results.sid(sid);
    }
}

/// LsarQueryDomainInformationPolicy: neither EFS nor Kerberos settings are kept here.
pub(super) fn query_domain_information(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let class = call.parameters.u16("InformationClass")?;
    handle.need(POLICY_VIEW_LOCAL_INFORMATION)?;
    // 2.2.4.15 POLICY_DOMAIN_INFORMATION_CLASS.
    let known = matches!(class, 1..=3);
    Err(if known { NtStatus::OBJECT_NAME_NOT_FOUND } else { NtStatus::INVALID_PARAMETER }.into())
}

/// LsarGetUserName.
pub(super) fn get_user_name(call: &mut Call<'_, '_>) -> Reply {
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
    let mut results = NdrWriter::new();
    results.pointer();
    results.unicode_string_header(&name);
    results.unicode_string_buffer(&name);
    if wants_domain {
        results.pointer();
        results.pointer();
        results.unicode_string_header(&domain);
        results.unicode_string_buffer(&domain);
    } else {
        results.null();
    }
    success(results)
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
                1..=7 | 12..=14 => 0,
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

    fn classes(client: &mut Client<'_>, handle: [u8; 20]) -> Vec<(u16, u32)> {
        (1..15)
            .map(|class: u16| {
                (class, client.outcome(46, &[handle.as_slice(), &class.to_le_bytes()].concat()).1)
            })
            .collect()
    }

    #[test]
    fn a_class_takes_the_right_that_it_needs() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        for (class, status) in classes(&mut client, handle) {
            let expected = match class {
                1 | 2 | 4 => NtStatus::ACCESS_DENIED.0,
                3 | 5..=7 | 12..=14 => 0,
                _ => NtStatus::INVALID_PARAMETER.0,
            };
            assert_eq!(status, expected, "class {class}");
        }
        // POLICY_AUDIT_LOG_ADMIN is nothing that an ordinary user gets.
        let mut request = vec![0; 28];
        request.extend(0x200_u32.to_le_bytes());
        assert_eq!(client.outcome(44, &request), (vec![0; 20], NtStatus::ACCESS_DENIED.0));
    }

    #[test]
    fn a_handle_for_lookups_shows_nothing_else() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let mut request = vec![0; 28];
        request.extend(super::super::POLICY_LOOKUP_NAMES.to_le_bytes());
        let handle = client.opened(44, &request);
        let status = client.outcome(46, &[handle.as_slice(), &[5, 0]].concat());
        assert_eq!(status, (vec![0; 4], NtStatus::ACCESS_DENIED.0));
        let (_, status) = client.outcome(3, &[handle.as_slice(), &[4, 0, 0, 0]].concat());
        assert_eq!(status, NtStatus::ACCESS_DENIED.0);
    }

    #[test]
    fn a_member_tells_its_domain() {
        let fixture = Fixture::new().joined();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let (results, status) = client.outcome(46, &[handle.as_slice(), &[12, 0]].concat());
        let mut reader = NdrReader::new(&results);
        assert_eq!((reader.pointer("").unwrap(), reader.u32("").unwrap(), status), (true, 12, 0));
        let headers: Vec<_> = (0..3).map(|_| reader.unicode_string_header("").unwrap()).collect();
        reader.bytes("", 16).unwrap();
        assert!(reader.pointer("").unwrap());
        let names: Vec<String> = headers
            .into_iter()
            .map(|header| reader.unicode_string_buffer("", header).unwrap().to_string())
            .collect();
        assert_eq!(names, ["CORP", "corp.example", "example"]);
        assert_eq!((reader.sid("").unwrap().to_string().as_str(), reader.remaining()), ("S-1-5-21-7-8-9", 0));
        let (results, _) = client.outcome(46, &[handle.as_slice(), &[3, 0]].concat());
        assert!(results.ends_with(&9_u32.to_le_bytes()));
    }

    #[test]
    fn the_descriptor_is_told_in_the_parts_asked_for() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let (results, status) = client.outcome(3, &[handle.as_slice(), &[5, 0, 0, 0]].concat());
        assert_eq!(status, 0);
        let told =
            <freehold_acl::SecurityDescriptor as freehold_dtyp::Decode>::from_bytes(&results[16..]).unwrap();
        assert_eq!((told.owner, told.group), (Some(Sid::ADMINISTRATORS), None));
        assert_eq!(told.dacl, policy_security().dacl);
    }
}
