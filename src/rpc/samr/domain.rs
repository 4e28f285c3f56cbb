//! [MS-SAMR] 3.1.5.2.2 to 3.1.5.2.4 SamrEnumerate...InDomain, 3.1.5.11.2 SamrLookupNamesInDomain, 3.1.5.11.3
//! SamrLookupIdsInDomain, 3.1.5.13.5 SamrRidToSid.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::{Call, Object};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::objects::{self, Reply, ended, success};
use super::security::{DOMAIN_LIST_ACCOUNTS, DOMAIN_LOOKUP};
use super::{ACCOUNT_DISABLED, GROUP_ATTRIBUTES, NORMAL_ACCOUNT, domain_handle, enumeration, numbers};
use crate::names::{self, SidUse};
use crate::state::accounts::fold_name;

/// Most names or ids in one lookup (size_is of 3.1.5.11.2 and 3.1.5.11.3).
const MAX_LOOKUPS: usize = 1_000;

/// What a domain holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Users,
    Groups,
    Aliases,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Users, Kind::Groups, Kind::Aliases];

    /// As in SID_NAME_USE.
    fn sid_use(self) -> SidUse {
        match self {
            Kind::Users => SidUse::User,
            Kind::Groups => SidUse::Group,
            Kind::Aliases => SidUse::Alias,
        }
    }
}

/// One account or group.
pub(super) struct Entry {
    pub(super) rid: u32,
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) full_name: String,
    /// USER_ACCOUNT codes, or SE_GROUP bits.
    pub(super) control: u32,
}

/// UserAccountControl of a local account.
pub(super) const fn account_control(disabled: bool) -> u32 {
    NORMAL_ACCOUNT | if disabled { ACCOUNT_DISABLED } else { 0 }
}

/// What `domain` holds of a kind.
pub(super) fn entries(cx: &RpcContext<'_>, domain: &Sid, kind: Kind) -> Vec<Entry> {
    let own = *domain == cx.server.machine_sid;
    match kind {
        Kind::Users if own => cx
            .accounts
            .accounts()
            .iter()
            .map(|account| Entry {
                rid: account.rid,
                name: account.name.clone(),
                comment: account.comment.clone(),
                full_name: account.full_name.clone(),
                control: account_control(account.disabled),
            })
            .collect(),
        Kind::Groups if own => vec![Entry {
            rid: names::PRIMARY_GROUP_RID,
            name: names::PRIMARY_GROUP_NAME.to_owned(),
            comment: String::new(),
            full_name: String::new(),
            control: GROUP_ATTRIBUTES,
        }],
        Kind::Aliases => cx
            .accounts
            .groups()
            .iter()
            .filter_map(|group| {
                let (group_domain, rid) = group.sid.split_rid()?;
                (group_domain == *domain).then(|| Entry {
                    rid,
                    name: group.name.clone(),
                    comment: group.comment.clone(),
                    full_name: String::new(),
                    control: GROUP_ATTRIBUTES,
                })
            })
            .collect(),
        Kind::Users | Kind::Groups => Vec::new(),
    }
}

/// SamrEnumerateGroupsInDomain.
pub(super) fn enumerate_groups(call: &mut Call<'_, '_>) -> Reply {
    enumerate(call, Kind::Groups)
}

/// SamrEnumerateUsersInDomain.
pub(super) fn enumerate_users(call: &mut Call<'_, '_>) -> Reply {
    enumerate(call, Kind::Users)
}

/// SamrEnumerateAliasesInDomain.
pub(super) fn enumerate_aliases(call: &mut Call<'_, '_>) -> Reply {
    enumerate(call, Kind::Aliases)
}

fn enumerate(call: &mut Call<'_, '_>, kind: Kind) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let context = call.parameters.u32("EnumerationContext")?;
    let control = if kind == Kind::Users { call.parameters.u32("UserAccountControl")? } else { 0 };
    let preferred_bytes = call.parameters.u32("PreferedMaximumLength")?;
    handle.need(DOMAIN_LIST_ACCOUNTS)?;
    let found: Vec<(u32, String)> = entries(call.cx, &domain, kind)
        .into_iter()
        .filter(|entry| control == 0 || entry.control & control != 0)
        .map(|entry| (entry.rid, entry.name))
        .collect();
    enumeration(context, preferred_bytes, &found)
}

/// SamrLookupNamesInDomain.
pub(super) fn lookup_names(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let count = varying_array(&mut call.parameters)?;
    let headers =
        (0..count).map(|_| call.parameters.unicode_string_header("Names")).collect::<Result<Vec<_>, _>>()?;
    let mut wanted = Vec::new();
    for header in headers {
        wanted.push(fold_name(&call.parameters.unicode_string_buffer("Names", header)?.to_string()));
    }
    handle.need(DOMAIN_LOOKUP)?;
    let all = everything(call.cx, &domain);
    let folded: Vec<String> = all.iter().map(|(entry, _)| fold_name(&entry.name)).collect();
    let find = |name: &String| folded.iter().position(|folded| folded == name).and_then(|at| all.get(at));
    let found: Vec<Found<'_>> = wanted.iter().map(find).collect();
    let mut results = NdrWriter::new();
    numbers(&mut results, found.iter().map(|found| found.map_or(0, |(entry, _)| entry.rid)));
    numbers(&mut results, found.iter().map(uses));
    mapped(results, &found)
}

/// SamrLookupIdsInDomain.
pub(super) fn lookup_ids(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let count = varying_array(&mut call.parameters)?;
    let wanted = (0..count).map(|_| call.parameters.u32("RelativeIds")).collect::<Result<Vec<u32>, _>>()?;
    handle.need(DOMAIN_LOOKUP)?;
    let all = everything(call.cx, &domain);
    let find = |rid: &u32| all.iter().find(|(entry, _)| entry.rid == *rid);
    let found: Vec<Found<'_>> = wanted.iter().map(find).collect();
    let mut results = NdrWriter::new();
    results.count(found.len());
    results.pointer();
    results.count(found.len());
    for entry in &found {
        match entry {
            Some((entry, _)) => results.unicode_string_header(&entry.name),
            None => results.null_string(),
        }
    }
    found.iter().flatten().for_each(|(entry, _)| results.unicode_string_buffer(&entry.name));
    numbers(&mut results, found.iter().map(uses));
    mapped(results, &found)
}

/// What a lookup found.
type Found<'a> = Option<&'a (Entry, Kind)>;

fn everything(cx: &RpcContext<'_>, domain: &Sid) -> Vec<(Entry, Kind)> {
    let of_kind = |kind| entries(cx, domain, kind).into_iter().map(move |entry| (entry, kind));
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

fn uses(found: &Found<'_>) -> u32 {
    u32::from(found.map_or(SidUse::Unknown, |(_, kind)| kind.sid_use()).number())
}

/// Count, and the conformance and variance of an array with room for [`MAX_LOOKUPS`].
fn varying_array(parameters: &mut NdrReader<'_>) -> Result<usize, Fault> {
    let count = parameters.size("Count")?;
    let room = parameters.size("MaximumCount")?;
    let offset = parameters.size("Offset")?;
    let sent = parameters.size("ActualCount")?;
    if count > MAX_LOOKUPS || sent != count || offset != 0 || room < count || count > parameters.remaining() {
        return Err(Fault::BAD_STUB_DATA);
    }
    Ok(count)
}

fn mapped(results: NdrWriter, found: &[Found<'_>]) -> Reply {
    let known = found.iter().flatten().count();
    let outcome = if known == found.len() {
        NtStatus::SUCCESS
    } else if known == 0 {
        NtStatus::NONE_MAPPED
    } else {
        NtStatus::SOME_NOT_MAPPED
    };
    ended(results, outcome)
}

/// SamrRidToSid: the handle is any object's of the domain.
pub(super) fn rid_to_sid(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let rid = call.parameters.u32("Rid")?;
    let domain = match handle.object {
        Object::SamDomain(sid) => Some(sid),
        Object::SamUser(sid) | Object::SamGroup(sid) | Object::SamAlias(sid) => {
            sid.split_rid().map(|(domain, _)| domain)
        }
        _ => None,
    };
    let sid = domain.and_then(|domain| domain.with_rid(rid)).ok_or(NtStatus::INVALID_HANDLE)?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.sid(&sid);
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    /// The entries of an enumeration, the context to go on with, and the status.
    fn enumerated(stub: &[u8]) -> (Vec<(u32, String)>, u32, u32) {
        let mut reader = NdrReader::new(stub);
        let context = reader.u32("").unwrap();
        assert!(reader.pointer("").unwrap());
        let count = reader.u32("").unwrap();
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.u32("").unwrap(), count);
        let fixed: Vec<(u32, (u16, bool))> = (0..count)
            .map(|_| (reader.u32("").unwrap(), reader.unicode_string_header("").unwrap()))
            .collect();
        let entries = fixed
            .into_iter()
            .map(|(id, header)| (id, reader.unicode_string_buffer("", header).unwrap().to_string()))
            .collect();
        assert_eq!(reader.u32("").unwrap(), count);
        (entries, context, reader.u32("").unwrap())
    }

    fn enumerate_request(handle: [u8; 20], context: u32, users: bool, preferred: u32) -> Vec<u8> {
        let mut request = handle.to_vec();
        request.extend(context.to_le_bytes());
        if users {
            request.extend([0; 4]);
        }
        request.extend(preferred.to_le_bytes());
        request
    }

    #[test]
    fn users_and_groups_of_each_domain_are_listed() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        let builtin = client.open_domain("S-1-5-32");
        for (handle, operation, expected) in [
            (own, 13, vec![(1000, "anna"), (1001, "bob")]),
            (own, 11, vec![(513, "None")]),
            (own, 15, vec![(1002, "team")]),
            (builtin, 13, vec![]),
            (builtin, 15, vec![(544, "Administrators"), (545, "Users")]),
        ] {
            let request = enumerate_request(handle, 0, operation == 13, u32::MAX);
            let (entries, _, status) = enumerated(&client.call(operation, &request).unwrap());
            let entries: Vec<(u32, &str)> = entries.iter().map(|(rid, name)| (*rid, name.as_str())).collect();
            assert_eq!((entries, status), (expected, 0), "operation {operation}");
        }
    }

    #[test]
    fn a_short_buffer_goes_on_with_the_next_entry() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        let stub = client.call(13, &enumerate_request(own, 0, true, 1)).unwrap();
        let (entries, context, status) = enumerated(&stub);
        assert_eq!((entries.len(), context, status), (1, 1, NtStatus::MORE_ENTRIES.0));
        let stub = client.call(13, &enumerate_request(own, context, true, 1)).unwrap();
        let (entries, _, status) = enumerated(&stub);
        assert_eq!((entries[0].1.as_str(), status), ("bob", 0));
    }

    #[test]
    fn names_lead_to_ids_and_back() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        let mut writer = NdrWriter::new();
        writer.bytes(&own);
        for number in [2, 1000, 0, 2] {
            writer.u32(number);
        }
        writer.unicode_string_header("TEAM");
        writer.unicode_string_header("nobody");
        writer.unicode_string_buffer("TEAM");
        writer.unicode_string_buffer("nobody");
        let stub = client.call(17, &writer.into_bytes()).unwrap();
        let words: Vec<u32> =
            stub.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(
            (words[3..5].to_vec(), words[8..].to_vec()),
            (vec![1002, 0], vec![4, 8, NtStatus::SOME_NOT_MAPPED.0])
        );

        let mut request = own.to_vec();
        for number in [1u32, 1000, 0, 1, 1001] {
            request.extend(number.to_le_bytes());
        }
        let stub = client.call(18, &request).unwrap();
        let mut reader = NdrReader::new(&stub);
        reader.bytes("", 12).unwrap();
        let header = reader.unicode_string_header("").unwrap();
        assert_eq!(reader.unicode_string_buffer("", header).unwrap().to_string(), "bob");
    }

    #[test]
    fn only_administrators_connect() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::samr(&fixture);
        let stub = client.call(57, &[0, 0, 0, 0, 0, 0, 0, 2]).unwrap();
        assert_eq!(stub[..20], [0; 20]);
        assert_eq!(stub[20..], NtStatus::ACCESS_DENIED.0.to_le_bytes());
    }

    #[test]
    fn a_handle_of_the_wrong_kind_is_refused() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        let stub = client.call(6, &enumerate_request(own, 0, false, 100)).unwrap();
        assert_eq!(stub, [[0; 12].as_slice(), &NtStatus::INVALID_HANDLE.0.to_le_bytes()].concat());
    }
}
