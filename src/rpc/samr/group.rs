//! [MS-SAMR] 3.1.5.1.7 SamrOpenGroup, 3.1.5.5.3 SamrQueryInformationGroup, 3.1.5.8.3 SamrGetMembersInGroup: the one group that
//! a server has which is no domain controller, the primary group of every account.

use freehold_dtyp::{NtStatus, Sid};

use super::super::dispatch::{Call, Handle, Object};
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Refusal, Reply, success};
use super::security::{DOMAIN_LOOKUP, GROUP_LIST_MEMBERS, GROUP_READ_INFORMATION};
use super::{GROUP_ATTRIBUTES, Strings, domain_handle, server};
use crate::names::{PRIMARY_GROUP_NAME, PRIMARY_GROUP_RID};

/// [MS-SAMR] 2.2.5.6 GROUP_INFORMATION_CLASS.
const GENERAL: u16 = 1;
const NAME: u16 = 2;
const ATTRIBUTE: u16 = 3;
const ADMIN_COMMENT: u16 = 4;
const REPLICATION: u16 = 5;

/// SamrOpenGroup.
pub(super) fn open(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let rid = call.parameters.u32("GroupId")?;
    handle.need(DOMAIN_LOOKUP)?;
    let sid = domain
        .with_rid(rid)
        .filter(|_| domain == call.cx.server.machine_sid && rid == PRIMARY_GROUP_RID)
        .ok_or(NtStatus::NO_SUCH_GROUP)?;
    let mut results = NdrWriter::new();
    server::open(call, Object::SamGroup(sid), desired, &mut results)?;
    success(results)
}

fn group_handle(call: &mut Call<'_, '_>) -> Result<(Handle, Sid), Refusal> {
    let handle = objects::handle(call)?;
    match handle.object {
        Object::SamGroup(sid) => Ok((handle, sid)),
        _ => Err(NtStatus::INVALID_HANDLE.into()),
    }
}

/// SamrQueryInformationGroup.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let (handle, _) = group_handle(call)?;
    let class = call.parameters.u16("GroupInformationClass")?;
    if !(GENERAL..=REPLICATION).contains(&class) {
        return Err(NtStatus::INVALID_INFO_CLASS.into());
    }
    handle.need(GROUP_READ_INFORMATION)?;
    let mut results = NdrWriter::new();
    let mut strings = Strings::default();
    results.pointer();
    results.u16(class);
    results.align(4);
    match class {
        NAME => strings.header(&mut results, PRIMARY_GROUP_NAME),
        ATTRIBUTE => results.u32(GROUP_ATTRIBUTES),
        ADMIN_COMMENT => strings.header(&mut results, ""),
        // 2.2.5.3 SAMPR_GROUP_GENERAL_INFORMATION, for both.
        _ => {
            strings.header(&mut results, PRIMARY_GROUP_NAME);
            results.u32(GROUP_ATTRIBUTES);
            results.count(call.cx.accounts.accounts().len());
            strings.header(&mut results, "");
        }
    }
    strings.buffers(&mut results);
    success(results)
}

/// SamrGetMembersInGroup: 2.2.7.14 SAMPR_GET_MEMBERS_BUFFER.
pub(super) fn members(call: &mut Call<'_, '_>) -> Reply {
    let (handle, _) = group_handle(call)?;
    handle.need(GROUP_LIST_MEMBERS)?;
    let accounts = call.cx.accounts.accounts();
    let mut results = NdrWriter::new();
    results.pointer();
    results.count(accounts.len());
    results.pointer();
    results.pointer();
    results.count(accounts.len());
    accounts.iter().for_each(|account| results.u32(account.rid));
    results.count(accounts.len());
    accounts.iter().for_each(|_| results.u32(GROUP_ATTRIBUTES));
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    const MAXIMUM: u32 = 0x0200_0000;

    #[test]
    fn every_account_is_in_the_one_group() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let group = client.open_in(domain, 19, 513, MAXIMUM);
        let words = |results: Vec<u8>| -> Vec<u32> {
            results.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
        };
        let (results, status) = client.outcome(25, &group);
        let words_of_members = words(results);
        assert_eq!(
            (words_of_members[1], &words_of_members[4..], status),
            (2, [2, 1000, 1001, 2, 7, 7].as_slice(), 0)
        );
        let (results, status) = client.outcome(20, &[group.as_slice(), &[1, 0]].concat());
        let general = words(results);
        // The name's length, SE_GROUP bits, MemberCount.
        assert_eq!((general[2], &general[4..6], status), (0x0008_0008, [7, 2].as_slice(), 0));
        let (results, status) = client.outcome(20, &[group.as_slice(), &[3, 0]].concat());
        assert_eq!((words(results)[2], status), (7, 0));
        let refused = client.outcome(20, &[group.as_slice(), &[6, 0]].concat());
        assert_eq!(refused, (vec![0; 4], NtStatus::INVALID_INFO_CLASS.0));
        let user = client.open_in(domain, 34, 1000, MAXIMUM);
        let (results, status) = client.outcome(39, &user);
        let groups = words(results);
        assert_eq!((groups[1], &groups[3..], status), (1, [1, 513, 7].as_slice(), 0));
    }
}
