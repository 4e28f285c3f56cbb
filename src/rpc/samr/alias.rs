//! [MS-SAMR] 3.1.5.1.8 SamrOpenAlias, 3.1.5.5.4 SamrQueryInformationAlias, 3.1.5.8.4 SamrGetMembersInAlias: local groups.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::dispatch::{Call, Handle, Object};
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Refusal, Reply, success};
use super::security::{ALIAS_LIST_MEMBERS, ALIAS_READ_INFORMATION, DOMAIN_LOOKUP};
use super::{Strings, domain_handle, server};
use crate::state::Group;

/// [MS-SAMR] 2.2.6.4 ALIAS_INFORMATION_CLASS.
const GENERAL: u16 = 1;
const NAME: u16 = 2;
const ADMIN_COMMENT: u16 = 3;

/// SamrOpenAlias.
pub(super) fn open(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let rid = call.parameters.u32("AliasId")?;
    handle.need(DOMAIN_LOOKUP)?;
    let sid = domain
        .with_rid(rid)
        .filter(|sid| call.cx.accounts.group_by_sid(sid).is_some())
        .ok_or(NtStatus::NO_SUCH_ALIAS)?;
    let mut results = NdrWriter::new();
    server::open(call, Object::SamAlias(sid), desired, &mut results)?;
    success(results)
}

/// Reads a handle that has to be an alias's, which may have been removed meanwhile.
fn alias(call: &mut Call<'_, '_>) -> Result<(Handle, Arc<Group>), Refusal> {
    let handle = objects::handle(call)?;
    let Object::SamAlias(sid) = handle.object else { return Err(NtStatus::INVALID_HANDLE.into()) };
    let group = call.cx.accounts.group_by_sid(&sid).ok_or(NtStatus::NO_SUCH_ALIAS)?;
    Ok((handle, Arc::clone(group)))
}

/// SamrQueryInformationAlias.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let (handle, group) = alias(call)?;
    let class = call.parameters.u16("AliasInformationClass")?;
    handle.need(ALIAS_READ_INFORMATION)?;
    let mut results = NdrWriter::new();
    let mut strings = Strings::default();
    results.pointer();
    results.u16(class);
    results.align(4);
    match class {
        // 2.2.6.2 SAMPR_ALIAS_GENERAL_INFORMATION.
        GENERAL => {
            strings.header(&mut results, &group.name);
            results.count(group.members.len());
            strings.header(&mut results, &group.comment);
        }
        NAME => strings.header(&mut results, &group.name),
        ADMIN_COMMENT => strings.header(&mut results, &group.comment),
        _ => return Err(NtStatus::INVALID_INFO_CLASS.into()),
    }
    strings.buffers(&mut results);
    success(results)
}

/// SamrGetMembersInAlias: 2.2.7.6 SAMPR_PSID_ARRAY_OUT.
pub(super) fn members(call: &mut Call<'_, '_>) -> Reply {
    let (handle, group) = alias(call)?;
    handle.need(ALIAS_LIST_MEMBERS)?;
    let mut results = NdrWriter::new();
    results.count(group.members.len());
    if group.members.is_empty() {
        results.null();
        return success(results);
    }
    results.pointer();
    results.count(group.members.len());
    group.members.iter().for_each(|_| results.pointer());
    group.members.iter().for_each(|sid| results.sid(sid));
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;
    use freehold_dtyp::Sid;

    const MAXIMUM: u32 = 0x0200_0000;

    #[test]
    fn a_local_group_has_a_name_a_comment_and_members() {
        let fixture = Fixture::new().with_members("team", &["S-1-5-21-1-2-3-1000", "S-1-5-21-7-8-9-500"]);
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let team = client.open_in(domain, 27, 1002, MAXIMUM);
        let (results, status) = client.outcome(28, &[team.as_slice(), &[1, 0]].concat());
        let mut reader = NdrReader::new(&results);
        assert_eq!((reader.pointer("").unwrap(), reader.u32("").unwrap(), status), (true, 1, 0));
        let name = reader.unicode_string_header("").unwrap();
        assert_eq!(reader.u32("").unwrap(), 2);
        reader.unicode_string_header("").unwrap();
        assert_eq!(reader.unicode_string_buffer("", name).unwrap().to_string(), "team");
        for (class, status) in
            [(2, 0), (3, 0), (4, NtStatus::INVALID_INFO_CLASS.0), (0, NtStatus::INVALID_INFO_CLASS.0)]
        {
            assert_eq!(
                client.outcome(28, &[team.as_slice(), &[class, 0]].concat()).1,
                status,
                "class {class}"
            );
        }
        let (results, status) = client.outcome(33, &team);
        let mut reader = NdrReader::new(&results);
        assert_eq!(
            (reader.u32("").unwrap(), reader.pointer("").unwrap(), reader.u32("").unwrap()),
            (2, true, 2)
        );
        reader.bytes("", 8).unwrap();
        let members: Vec<Sid> = (0..2).map(|_| reader.sid("").unwrap()).collect();
        let expected = ["S-1-5-21-1-2-3-1000", "S-1-5-21-7-8-9-500"].map(|sid| sid.parse().unwrap());
        assert_eq!((members, reader.remaining(), status), (expected.to_vec(), 0, 0));
    }

    #[test]
    fn members_are_for_handles_that_list_them() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let builtin = client.open_domain("S-1-5-32");
        let alias = client.open_in(builtin, 27, 544, ALIAS_READ_INFORMATION);
        assert_eq!(client.outcome(33, &alias), (vec![0; 8], NtStatus::ACCESS_DENIED.0));
        let alias = client.open_in(builtin, 27, 544, ALIAS_LIST_MEMBERS);
        assert_eq!(client.outcome(33, &alias), (vec![0; 8], 0));
        let named = client.outcome(28, &[alias.as_slice(), &[2, 0]].concat());
        assert_eq!(named, (vec![0; 4], NtStatus::ACCESS_DENIED.0));
    }

    #[test]
    fn groups_of_a_sid_are_found_through_groups() {
        let fixture = Fixture::new()
            .with_members("team", &["S-1-5-21-7-8-9-500"])
            .with_members("Users", &["S-1-5-21-1-2-3-1002"]);
        let mut client = Client::samr(&fixture);
        let mut asked = |domain: &str, sids: &[&str]| {
            let handle = client.open_domain(domain);
            let mut writer = NdrWriter::new();
            writer.bytes(&handle);
            writer.count(sids.len());
            writer.pointer();
            writer.count(sids.len());
            sids.iter().for_each(|_| writer.pointer());
            sids.iter().for_each(|sid| writer.sid(&sid.parse().unwrap()));
            let (results, status) = client.outcome(16, &writer.into_bytes());
            assert_eq!(status, 0);
            let words = results.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
            words.skip(3).collect::<Vec<u32>>()
        };
        assert_eq!(asked("S-1-5-21-1-2-3", &["S-1-5-21-7-8-9-500", "S-1-1-0"]), [1002]);
        assert_eq!(asked("S-1-5-32", &["S-1-5-21-7-8-9-500"]), [545]);
        assert!(asked("S-1-5-32", &["S-1-5-18"]).is_empty());
    }
}
