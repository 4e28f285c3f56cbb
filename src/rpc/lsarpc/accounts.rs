//! [MS-LSAD] 3.1.4.5: account objects, read only. LsarEnumerateAccounts, LsarOpenAccount, LsarEnumeratePrivilegesAccount,
//! LsarGetSystemAccessAccount, LsarEnumerateAccountsWithUserRight, LsarEnumerateAccountRights.

use freehold_dtyp::{NtStatus, Sid};

use super::super::dispatch::{Call, Object};
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Refusal, Reply, ended, success};
use super::rights::{Account, is_right};
use super::{
    ACCOUNT, ACCOUNT_VIEW, POLICY_LOOKUP_NAMES, POLICY_VIEW_LOCAL_INFORMATION, account_security,
    policy_handle,
};

/// SE_PRIVILEGE_ENABLED_BY_DEFAULT and SE_PRIVILEGE_ENABLED ([MS-LSAD] 2.2.5.4).
const ENABLED: u32 = 0x0000_0003;

/// How many of the next entries, with these sizes, fit into `room` bytes; at least one.
pub(super) fn fitting(sizes: impl IntoIterator<Item = usize>, room: usize) -> usize {
    let mut used = 0_usize;
    sizes
        .into_iter()
        .enumerate()
        .take_while(|(index, size)| {
            used = used.saturating_add(*size);
            *index == 0 || used <= room
        })
        .count()
}

/// 2.2.5.2 LSAPR_ACCOUNT_ENUM_BUFFER.
fn write_sids(results: &mut NdrWriter, sids: &[Sid]) {
    results.count(sids.len());
    if sids.is_empty() {
        results.null();
        return;
    }
    results.pointer();
    results.count(sids.len());
    sids.iter().for_each(|_| results.pointer());
    sids.iter().for_each(|sid| results.sid(sid));
}

/// LsarEnumerateAccounts.
pub(super) fn enumerate(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let context = call.parameters.size("EnumerationContext")?;
    let room = call.parameters.size("PreferedMaximumLength")?;
    handle.need(POLICY_VIEW_LOCAL_INFORMATION)?;
    let waiting = Account::all().get(context..).unwrap_or_default();
    if waiting.is_empty() {
        return Err(NtStatus::NO_MORE_ENTRIES.into());
    }
    let taken = fitting(waiting.iter().map(|account| account.sid.size().saturating_add(4)), room);
    let sids: Vec<Sid> = waiting.iter().take(taken).map(|account| account.sid).collect();
    let mut results = NdrWriter::new();
    results.count(context.saturating_add(taken));
    write_sids(&mut results, &sids);
    ended(results, if taken == waiting.len() { NtStatus::SUCCESS } else { NtStatus::MORE_ENTRIES })
}

/// LsarOpenAccount.
pub(super) fn open(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    let sid = call.parameters.sid("AccountSid")?;
    let desired = call.parameters.u32("DesiredAccess")?;
    Account::find(&sid).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    let granted = objects::grant(call.cx.caller, &account_security(), &ACCOUNT, desired)?;
    let mut results = NdrWriter::new();
    objects::give(call, &mut results, Object::LsaAccount(sid), granted)?;
    success(results)
}

/// The account that a handle is for, when it may be viewed.
fn viewed(call: &mut Call<'_, '_>) -> Result<&'static Account, Refusal> {
    let handle = objects::handle(call)?;
    let Object::LsaAccount(sid) = handle.object else { return Err(NtStatus::INVALID_HANDLE.into()) };
    handle.need(ACCOUNT_VIEW)?;
    Account::find(&sid).ok_or(Refusal::Status(NtStatus::INVALID_HANDLE))
}

/// LsarEnumeratePrivilegesAccount: 2.2.5.5 LSAPR_PRIVILEGE_SET.
pub(super) fn enumerate_privileges(call: &mut Call<'_, '_>) -> Reply {
    let account = viewed(call)?;
    let count = account.privileges().count();
    let mut results = NdrWriter::new();
    results.pointer();
    results.count(count);
    results.count(count);
    results.u32(0); // Control
    for privilege in account.privileges() {
        results.u32(privilege.luid);
        results.u32(0);
        results.u32(ENABLED);
    }
    success(results)
}

/// LsarGetSystemAccessAccount.
pub(super) fn system_access(call: &mut Call<'_, '_>) -> Reply {
    let account = viewed(call)?;
    let mut results = NdrWriter::new();
    results.u32(account.system_access());
    success(results)
}

/// LsarEnumerateAccountsWithUserRight. Without a right: who has any.
pub(super) fn enumerate_with_right(call: &mut Call<'_, '_>) -> Reply {
    let handle = policy_handle(call)?;
    let right = call.parameters.optional("UserRight", |parameters| {
        let header = parameters.unicode_string_header("UserRight")?;
        parameters.unicode_string_buffer("UserRight", header)
    })?;
    handle.need(POLICY_VIEW_LOCAL_INFORMATION | POLICY_LOOKUP_NAMES)?;
    if right.as_ref().is_some_and(|right| !is_right(right)) {
        return Err(NtStatus::NO_SUCH_PRIVILEGE.into());
    }
    let right = right.map(|right| right.to_string());
    let has = |account: &&Account| {
        right.as_ref().is_none_or(|right| account.rights().any(|held| held.eq_ignore_ascii_case(right)))
    };
    let sids: Vec<Sid> = Account::all().iter().filter(has).map(|account| account.sid).collect();
    if sids.is_empty() {
        return Err(NtStatus::NO_MORE_ENTRIES.into());
    }
    let mut results = NdrWriter::new();
    write_sids(&mut results, &sids);
    success(results)
}

/// LsarEnumerateAccountRights: 2.2.5.3 LSAPR_USER_RIGHT_SET.
pub(super) fn enumerate_rights(call: &mut Call<'_, '_>) -> Reply {
    policy_handle(call)?;
    let sid = call.parameters.sid("AccountSid")?;
    let account = Account::find(&sid).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
    objects::grant(call.cx.caller, &account_security(), &ACCOUNT, ACCOUNT_VIEW)?;
    let rights: Vec<&str> = account.rights().collect();
    let mut results = NdrWriter::new();
    results.count(rights.len());
    results.pointer();
    results.count(rights.len());
    rights.iter().for_each(|right| results.unicode_string_header(right));
    rights.iter().for_each(|right| results.unicode_string_buffer(right));
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::fault::Fault;
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn with_sid(handle: [u8; 20], sid: Sid, rest: &[u32]) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&handle);
        writer.sid(&sid);
        rest.iter().for_each(|word| writer.u32(*word));
        writer.into_bytes()
    }

    fn enumerate_request(handle: [u8; 20], context: u32, room: u32) -> Vec<u8> {
        [handle.as_slice(), &context.to_le_bytes(), &room.to_le_bytes()].concat()
    }

    fn read_sids(reader: &mut NdrReader<'_>) -> Vec<Sid> {
        let count = reader.u32("").unwrap();
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.u32("").unwrap(), count);
        (0..count).for_each(|_| assert!(reader.pointer("").unwrap()));
        (0..count).map(|_| reader.sid("").unwrap()).collect()
    }

    #[test]
    fn accounts_with_rights_are_listed_in_parts() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        for (context, room, sids, next, status) in [
            (0, 100, vec![Sid::EVERYONE, Sid::ADMINISTRATORS, Sid::BACKUP_OPERATORS], 3, NtStatus::SUCCESS),
            (0, 1, vec![Sid::EVERYONE], 1, NtStatus::MORE_ENTRIES),
            (2, 1, vec![Sid::BACKUP_OPERATORS], 3, NtStatus::SUCCESS),
        ] {
            let (results, outcome) = client.outcome(11, &enumerate_request(policy, context, room));
            let mut reader = NdrReader::new(&results);
            assert_eq!(reader.u32("").unwrap(), next);
            assert_eq!((read_sids(&mut reader), reader.remaining()), (sids, 0));
            assert_eq!(outcome, status.0);
        }
        let (results, outcome) = client.outcome(11, &enumerate_request(policy, 3, 100));
        assert_eq!((results, outcome), (vec![0; 12], NtStatus::NO_MORE_ENTRIES.0));
    }

    #[test]
    fn rights_of_an_account_are_read_in_every_way() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        let (results, status) = client.outcome(36, &with_sid(policy, Sid::BACKUP_OPERATORS, &[]));
        let mut reader = NdrReader::new(&results);
        assert_eq!(
            (reader.u32("").unwrap(), reader.pointer("").unwrap(), reader.u32("").unwrap()),
            (2, true, 2)
        );
        let headers: Vec<_> = (0..2).map(|_| reader.unicode_string_header("").unwrap()).collect();
        let names: Vec<String> = headers
            .into_iter()
            .map(|header| reader.unicode_string_buffer("", header).unwrap().to_string())
            .collect();
        assert_eq!((names.join(" ").as_str(), status), ("SeBackupPrivilege SeRestorePrivilege", 0));

        let account = client.opened(17, &with_sid(policy, Sid::BACKUP_OPERATORS, &[0x0200_0000]));
        let (results, status) = client.outcome(18, &account);
        let words: Vec<u32> =
            results.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!((&words[1..], status), ([2, 2, 0, 17, 0, 3, 18, 0, 3].as_slice(), 0));
        assert_eq!(client.outcome(23, &account), (vec![0; 4], 0));
        let everyone = client.opened(17, &with_sid(policy, Sid::EVERYONE, &[1]));
        assert_eq!(client.outcome(23, &everyone), (vec![2, 0, 0, 0], 0));
        assert_eq!(client.outcome(0, &account), (vec![0; 20], 0));
        assert_eq!(client.call(23, &account), Err(Fault::CONTEXT_MISMATCH));
    }

    #[test]
    fn who_has_a_right_is_found() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        let mut with_right = |name: &str| {
            let mut writer = NdrWriter::new();
            writer.bytes(&policy);
            writer.pointer();
            writer.unicode_string_header(name);
            writer.unicode_string_buffer(name);
            client.outcome(35, &writer.into_bytes())
        };
        let (results, status) = with_right("sebackupprivilege");
        let found = read_sids(&mut NdrReader::new(&results));
        assert_eq!((found, status), (vec![Sid::ADMINISTRATORS, Sid::BACKUP_OPERATORS], 0));
        assert_eq!(with_right("SeDebugPrivilege"), (vec![0; 8], NtStatus::NO_MORE_ENTRIES.0));
        assert_eq!(with_right("SeNothingPrivilege"), (vec![0; 8], NtStatus::NO_SUCH_PRIVILEGE.0));
    }

    #[test]
    fn rights_are_for_administrators_to_see_and_nobody_changes_them() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        let denied = NtStatus::ACCESS_DENIED.0;
        assert_eq!(client.outcome(36, &with_sid(policy, Sid::EVERYONE, &[])), (vec![0; 8], denied));
        assert_eq!(client.outcome(17, &with_sid(policy, Sid::EVERYONE, &[1])), (vec![0; 20], denied));
        let unknown = NtStatus::OBJECT_NAME_NOT_FOUND.0;
        assert_eq!(client.outcome(36, &with_sid(policy, Sid::SYSTEM, &[])), (vec![0; 8], unknown));
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let policy = client.open_policy();
        for (operation, empty) in [(37, 0), (38, 0), (10, 20), (4, 0), (8, 0)] {
            assert_eq!(client.outcome(operation, &policy), (vec![0; empty], denied), "{operation}");
        }
    }

    #[test]
    fn as_many_entries_as_fit_and_at_least_one() {
        assert_eq!(fitting([10, 10, 10], 25), 2);
        assert_eq!(fitting([10, 10], 1), 1);
        assert_eq!(fitting([], 100), 0);
    }
}
