//! [MS-LSAD] 3.1.4.8.1 LsarEnumeratePrivileges, 3.1.4.8.2 LsarLookupPrivilegeValue, 3.1.4.8.3 LsarLookupPrivilegeName,
//! 3.1.4.8.4 LsarLookupPrivilegeDisplayName.

use freehold_dtyp::{NtStatus, Wtf8Buf};

use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{Refusal, Reply, ended, success};
use super::rights::{PRIVILEGES, Privilege};
use super::{POLICY_LOOKUP_NAMES, POLICY_VIEW_LOCAL_INFORMATION, policy_handle};

/// English (United States), the one language there is.
const LANGUAGE: u16 = 0x0409;
/// Bytes of a fixed LSAPR_POLICY_PRIVILEGE_DEF: its string 8, its LUID 8.
const ENTRY_BYTES: usize = 8 + 8;

/// LsarEnumeratePrivileges.
pub(super) fn enumerate(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let context = call.parameters.size("EnumerationContext")?;
    let room = call.parameters.size("PreferedMaximumLength")?;
    handle.need(POLICY_VIEW_LOCAL_INFORMATION)?;
    let waiting = PRIVILEGES.get(context..).unwrap_or_default();
    if waiting.is_empty() {
        return Err(NtStatus::NO_MORE_ENTRIES.into());
    }
    let size = |privilege: &Privilege| privilege.name.len().saturating_mul(2).saturating_add(ENTRY_BYTES);
    let taken = super::accounts::fitting(waiting.iter().map(size), room);
    let now = waiting.get(..taken).unwrap_or_default();
    let mut results = NdrWriter::new();
    results.count(context.saturating_add(taken));
    results.count(now.len());
    results.pointer();
    results.count(now.len());
    for privilege in now {
        results.unicode_string_large_header(privilege.name);
        results.u32(privilege.luid);
        results.u32(0);
    }
    for privilege in now {
        results.unicode_string_large_buffer(privilege.name);
    }
    ended(results, if taken == waiting.len() { NtStatus::SUCCESS } else { NtStatus::MORE_ENTRIES })
}

fn read_name(call: &mut Call<'_, '_>) -> Result<Wtf8Buf, Refusal> {
    let header = call.parameters.unicode_string_header("Name")?;
    Ok(call.parameters.unicode_string_buffer("Name", header)?)
}

/// LsarLookupPrivilegeValue.
pub(super) fn lookup_value(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let name = read_name(call)?;
    handle.need(POLICY_LOOKUP_NAMES)?;
    let privilege = Privilege::of_name(&name).ok_or(NtStatus::NO_SUCH_PRIVILEGE)?;
    let mut results = NdrWriter::new();
    results.u32(privilege.luid);
    results.u32(0);
    success(results)
}

/// LsarLookupPrivilegeName.
pub(super) fn lookup_name(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let (low, high) = (call.parameters.u32("LowPart")?, call.parameters.u32("HighPart")?);
    handle.need(POLICY_LOOKUP_NAMES)?;
    let privilege = Privilege::of_luid(low, high).ok_or(NtStatus::NO_SUCH_PRIVILEGE)?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.unicode_string_large_header(privilege.name);
    results.unicode_string_large_buffer(privilege.name);
    success(results)
}

/// LsarLookupPrivilegeDisplayName.
pub(super) fn lookup_display_name(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let name = read_name(call)?;
    call.parameters.u16("ClientLanguage")?;
    call.parameters.u16("ClientSystemDefaultLanguage")?;
    handle.need(POLICY_LOOKUP_NAMES)?;
    let privilege = Privilege::of_name(&name).ok_or(NtStatus::NO_SUCH_PRIVILEGE)?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.unicode_string_large_header(privilege.display);
    results.unicode_string_large_buffer(privilege.display);
    results.u16(LANGUAGE);
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn named(handle: [u8; 20], name: &str) -> NdrWriter {
        let mut writer = NdrWriter::new();
        writer.bytes(&handle);
        writer.unicode_string_header(name);
        writer.unicode_string_buffer(name);
        writer
    }

    #[test]
    fn privileges_are_listed_from_where_the_last_list_ended() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        let mut context = 0_u32;
        let mut names = Vec::new();
        loop {
            let request = [policy.as_slice(), &context.to_le_bytes(), &300_u32.to_le_bytes()].concat();
            let (results, status) = client.outcome(2, &request);
            let mut reader = NdrReader::new(&results);
            context = reader.u32("").unwrap();
            if status == NtStatus::NO_MORE_ENTRIES.0 {
                break;
            }
            let count = reader.u32("").unwrap();
            assert!(reader.pointer("").unwrap());
            assert_eq!(reader.u32("").unwrap(), count);
            let headers: Vec<_> = (0..count)
                .map(|_| {
                    let header = reader.unicode_string_header("").unwrap();
                    (header, reader.u32("").unwrap(), reader.u32("").unwrap())
                })
                .collect();
            for (header, low, high) in headers {
                let name = reader.unicode_string_buffer("", header).unwrap().to_string();
                assert_eq!(Privilege::of_luid(low, high).unwrap().name, name);
                names.push(name);
            }
            assert!(reader.remaining() < 4, "padding of the last name");
        }
        assert_eq!(names.len(), PRIVILEGES.len());
    }

    #[test]
    fn a_privilege_has_a_number_a_name_and_a_text() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        let luid = [17, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(client.outcome(31, &named(policy, "SEBACKUPprivilege").into_bytes()), (luid.to_vec(), 0));
        let (results, status) = client.outcome(32, &[policy.as_slice(), &luid].concat());
        let mut reader = NdrReader::new(&results);
        assert!(reader.pointer("").unwrap());
        let header = reader.unicode_string_header("").unwrap();
        assert_eq!(reader.unicode_string_buffer("", header).unwrap().to_string(), "SeBackupPrivilege");
        assert_eq!(status, 0);
        let mut request = named(policy, "SeBackupPrivilege");
        request.u16(0x407);
        request.u16(0);
        let (results, status) = client.outcome(33, &request.into_bytes());
        let mut reader = NdrReader::new(&results);
        assert!(reader.pointer("").unwrap());
        let header = reader.unicode_string_header("").unwrap();
        assert_eq!(
            reader.unicode_string_buffer("", header).unwrap().to_string(),
            "Back up files and directories"
        );
        assert_eq!((reader.u16("").unwrap(), status), (LANGUAGE, 0));
        let none = NtStatus::NO_SUCH_PRIVILEGE.0;
        assert_eq!(client.outcome(31, &named(policy, "SeX").into_bytes()), (vec![0; 8], none));
        assert_eq!(client.outcome(32, &[policy.as_slice(), &[1; 8]].concat()), (vec![0; 4], none));
    }
}
