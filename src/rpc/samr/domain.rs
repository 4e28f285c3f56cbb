//! [MS-SAMR] 3.1.5.2.2 to 3.1.5.2.4 SamrEnumerate...InDomain, 3.1.5.3.1 to 3.1.5.3.3
//! SamrQueryDisplayInformation, 3.1.5.11.2 SamrLookupNamesInDomain, 3.1.5.11.3 SamrLookupIdsInDomain.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::{Call, Handle};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::{MORE_ENTRIES, SOME_NOT_MAPPED, enumeration, status};
use crate::names::{self, SidUse};
use crate::state::accounts::fold_name;

/// Most names or ids in one lookup (size_is of 3.1.5.11.2 and 3.1.5.11.3).
const MAX_LOOKUPS: usize = 1_000;
/// [MS-SAMR] 2.2.1.12 USER_ACCOUNT Codes: USER_ACCOUNT_DISABLED.
const ACCOUNT_DISABLED: u32 = 0x0000_0001;
/// USER_NORMAL_ACCOUNT.
const NORMAL_ACCOUNT: u32 = 0x0000_0010;
/// SE_GROUP_MANDATORY, SE_GROUP_ENABLED_BY_DEFAULT, SE_GROUP_ENABLED.
const GROUP_ATTRIBUTES: u32 = 0x0000_0007;
/// [MS-SAMR] 2.2.8.12 DOMAIN_DISPLAY_INFORMATION: DomainDisplayUser, DomainDisplayMachine, DomainDisplayGroup.
const DISPLAY_USER: u16 = 1;
const DISPLAY_MACHINE: u16 = 2;
const DISPLAY_GROUP: u16 = 3;

/// What a domain holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Users,
    Groups,
    Aliases,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Users, Kind::Groups, Kind::Aliases];

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
struct Entry {
    rid: u32,
    name: String,
    comment: String,
    full_name: String,
    /// USER_ACCOUNT codes, or SE_GROUP bits.
    control: u32,
}

fn entries(cx: &RpcContext<'_>, domain: &Sid, kind: Kind) -> Vec<Entry> {
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
                control: NORMAL_ACCOUNT | if account.disabled { ACCOUNT_DISABLED } else { 0 },
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

fn domain_handle(call: &mut Call<'_, '_>) -> Result<Sid, Fault> {
    let handle = call.parameters.array("DomainHandle")?;
    match call.handles.find(&handle)? {
        Handle::SamDomain(sid) => Ok(sid),
        _ => Err(Fault::CONTEXT_MISMATCH),
    }
}

/// SamrEnumerateGroupsInDomain, SamrEnumerateUsersInDomain, SamrEnumerateAliasesInDomain.
pub(super) fn enumerate(call: &mut Call<'_, '_>, kind: Kind) -> Result<NdrWriter, Fault> {
    let domain = domain_handle(call)?;
    let context = call.parameters.u32("EnumerationContext")?;
    let control = if kind == Kind::Users { call.parameters.u32("UserAccountControl")? } else { 0 };
    let preferred_bytes = call.parameters.u32("PreferedMaximumLength")?;
    let found: Vec<(u32, String)> = entries(call.cx, &domain, kind)
        .into_iter()
        .filter(|entry| control == 0 || entry.control & control != 0)
        .map(|entry| (entry.rid, entry.name))
        .collect();
    Ok(enumeration(context, preferred_bytes, &found))
}

/// SamrLookupNamesInDomain.
pub(super) fn lookup_names(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let domain = domain_handle(call)?;
    let count = varying_array(&mut call.parameters)?;
    let headers =
        (0..count).map(|_| call.parameters.unicode_string_header("Names")).collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for header in headers {
        let wanted = fold_name(&call.parameters.unicode_string_buffer("Names", header)?.to_string());
        found.push(find(call.cx, &domain, |entry| fold_name(&entry.name) == wanted));
    }
    let mut writer = NdrWriter::new();
    numbers(&mut writer, found.iter().map(|found| found.as_ref().map_or(0, |(entry, _)| entry.rid)));
    numbers(&mut writer, found.iter().map(uses));
    Ok(mapped(writer, &found))
}

/// SamrLookupIdsInDomain.
pub(super) fn lookup_ids(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let domain = domain_handle(call)?;
    let count = varying_array(&mut call.parameters)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let rid = call.parameters.u32("RelativeIds")?;
        found.push(find(call.cx, &domain, |entry| entry.rid == rid));
    }
    let name = |found: &Found| found.as_ref().map_or(String::new(), |(entry, _)| entry.name.clone());
    let mut writer = NdrWriter::new();
    writer.count(found.len());
    writer.pointer();
    writer.count(found.len());
    for entry in &found {
        writer.unicode_string_header(&name(entry));
    }
    for entry in &found {
        writer.unicode_string_buffer(&name(entry));
    }
    numbers(&mut writer, found.iter().map(uses));
    Ok(mapped(writer, &found))
}

/// What a lookup found.
type Found = Option<(Entry, Kind)>;

fn find(cx: &RpcContext<'_>, domain: &Sid, is_it: impl Fn(&Entry) -> bool) -> Found {
    Kind::ALL
        .into_iter()
        .find_map(|kind| entries(cx, domain, kind).into_iter().find(&is_it).map(|entry| (entry, kind)))
}

fn uses(found: &Found) -> u32 {
    u32::from(found.as_ref().map_or(SidUse::Unknown, |(_, kind)| kind.sid_use()).number())
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

/// [MS-SAMR] 2.2.7.4 SAMPR_ULONG_ARRAY.
fn numbers(writer: &mut NdrWriter, values: impl ExactSizeIterator<Item = u32>) {
    writer.count(values.len());
    writer.pointer();
    writer.count(values.len());
    values.for_each(|value| writer.u32(value));
}

fn mapped(writer: NdrWriter, found: &[Found]) -> NdrWriter {
    let known = found.iter().flatten().count();
    let outcome = if known == found.len() {
        NtStatus::SUCCESS
    } else if known == 0 {
        NtStatus::NONE_MAPPED
    } else {
        SOME_NOT_MAPPED
    };
    status(writer, outcome)
}

/// SamrQueryDisplayInformation, SamrQueryDisplayInformation2, SamrQueryDisplayInformation3.
pub(super) fn query_display_information(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let domain = domain_handle(call)?;
    let class = call.parameters.u16("DisplayInformationClass")?;
    let index = call.parameters.size("Index")?;
    let most = call.parameters.size("EntryCount")?;
    call.parameters.u32("PreferredMaximumLength")?;
    let all = match class {
        DISPLAY_USER => entries(call.cx, &domain, Kind::Users),
        DISPLAY_GROUP => entries(call.cx, &domain, Kind::Groups),
        DISPLAY_MACHINE => Vec::new(),
        // Classes 4 and 5 are of the OEM character set: no client of today asks.
        _ => return Err(Fault::INVALID_TAG),
    };
    let waiting = all.get(index.min(all.len())..).unwrap_or_default();
    let now = waiting.get(..most.max(1)).unwrap_or(waiting);
    let mut writer = NdrWriter::new();
    writer.count(size_of_entries(waiting));
    writer.count(size_of_entries(now));
    writer.u16(class);
    writer.align(4);
    writer.count(now.len());
    if now.is_empty() {
        writer.null();
        return Ok(status(writer, NtStatus::SUCCESS));
    }
    writer.pointer();
    writer.count(now.len());
    for (number, entry) in (index.saturating_add(1)..).zip(now) {
        writer.count(number);
        writer.u32(entry.rid);
        writer.u32(entry.control);
        for text in texts(entry, class) {
            writer.unicode_string_header(text);
        }
    }
    for entry in now {
        for text in texts(entry, class) {
            writer.unicode_string_buffer(text);
        }
    }
    Ok(status(writer, if now.len() == waiting.len() { NtStatus::SUCCESS } else { MORE_ENTRIES }))
}

/// 2.2.8.2 SAMPR_DOMAIN_DISPLAY_USER and 2.2.8.4 SAMPR_DOMAIN_DISPLAY_GROUP: their strings in order.
fn texts(entry: &Entry, class: u16) -> impl Iterator<Item = &str> {
    let full_name = (class == DISPLAY_USER).then_some(entry.full_name.as_str());
    [entry.name.as_str(), entry.comment.as_str()].into_iter().chain(full_name)
}

/// What TotalAvailable and TotalReturned count: bytes of fixed parts and strings.
fn size_of_entries(entries: &[Entry]) -> usize {
    entries.iter().fold(0, |sum, entry| {
        let texts =
            entry.name.len().saturating_add(entry.comment.len()).saturating_add(entry.full_name.len());
        sum.saturating_add(texts.saturating_mul(2)).saturating_add(36)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn open(client: &mut Client<'_>, domain: &str) -> [u8; 20] {
        let stub = client.call(57, &[0, 0, 0, 0, 0, 0, 0, 2]).unwrap();
        assert_eq!(stub[20..], [0; 4]);
        let mut request = stub[..20].to_vec();
        request.extend([0, 0, 0, 2]);
        let mut writer = NdrWriter::new();
        writer.sid(&domain.parse().unwrap());
        request.extend(writer.into_bytes());
        let stub = client.call(7, &request).unwrap();
        assert_eq!(stub[20..], [0; 4], "{domain}");
        stub[..20].try_into().unwrap()
    }

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
        let own = open(&mut client, "S-1-5-21-1-2-3");
        let builtin = open(&mut client, "S-1-5-32");
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
        let own = open(&mut client, "S-1-5-21-1-2-3");
        let stub = client.call(13, &enumerate_request(own, 0, true, 1)).unwrap();
        let (entries, context, status) = enumerated(&stub);
        assert_eq!((entries.len(), context, status), (1, 1, MORE_ENTRIES.0));
        let stub = client.call(13, &enumerate_request(own, context, true, 1)).unwrap();
        let (entries, _, status) = enumerated(&stub);
        assert_eq!((entries[0].1.as_str(), status), ("bob", 0));
    }

    #[test]
    fn names_lead_to_ids_and_back() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = open(&mut client, "S-1-5-21-1-2-3");
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
            (vec![1002, 0], vec![4, 8, SOME_NOT_MAPPED.0])
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
    fn display_information_has_the_full_names() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = open(&mut client, "S-1-5-21-1-2-3");
        let mut request = own.to_vec();
        request.extend([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]);
        let stub = client.call(51, &request).unwrap();
        let mut reader = NdrReader::new(&stub);
        let (available, returned) = (reader.u32("").unwrap(), reader.u32("").unwrap());
        assert!(available > returned);
        assert_eq!((reader.u16("").unwrap(), reader.u32("").unwrap()), (1, 1));
        assert!(reader.pointer("").unwrap());
        reader.u32("").unwrap();
        let numbers: Vec<u32> = (0..3).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!(numbers, [1, 1000, NORMAL_ACCOUNT]);
        assert_eq!(stub[stub.len() - 4..], MORE_ENTRIES.0.to_le_bytes());
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
        let own = open(&mut client, "S-1-5-21-1-2-3");
        assert_eq!(client.call(6, &enumerate_request(own, 0, false, 100)), Err(Fault::CONTEXT_MISMATCH));
    }
}
