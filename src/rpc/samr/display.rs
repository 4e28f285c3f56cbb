//! [MS-SAMR] 3.1.5.3.1 to 3.1.5.3.3 SamrQueryDisplayInformation, 3.1.5.3.4 and 3.1.5.3.5
//! SamrGetDisplayEnumerationIndex: lists in the order of the names.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{Reply, ended, success};
use super::domain::{Entry, Kind, entries};
use super::domain_handle;
use super::security::DOMAIN_LIST_ACCOUNTS;
use crate::state::accounts::fold_name;

/// [MS-SAMR] 2.2.8.12 DOMAIN_DISPLAY_INFORMATION: DomainDisplayUser.
const USER: u16 = 1;
/// DomainDisplayMachine: accounts of computers, of which a member has none.
const MACHINE: u16 = 2;
/// DomainDisplayGroup.
const GROUP: u16 = 3;
/// DomainDisplayOemUser.
const OEM_USER: u16 = 4;
/// DomainDisplayOemGroup.
const OEM_GROUP: u16 = 5;
/// Bytes of the results of a refused query: TotalAvailable 4, TotalReturned 4, the union's tag 4, EntriesRead 4, Buffer 4.
pub(super) const EMPTY_SIZE: usize = 4 + 4 + 4 + 4 + 4;
/// What stands for a character that the OEM character set lacks.
const UNKNOWN_OEM: u8 = b'?';

/// The entries of a class by name; `None` for a class that does not exist.
fn list(cx: &RpcContext<'_>, domain: &Sid, class: u16) -> Option<Vec<Entry>> {
    let mut all = match class {
        USER | OEM_USER => entries(cx, domain, Kind::Users),
        GROUP | OEM_GROUP => entries(cx, domain, Kind::Groups),
        MACHINE => Vec::new(),
        _ => return None,
    };
    all.sort_by_cached_key(|entry| fold_name(&entry.name));
    Some(all)
}

/// SamrQueryDisplayInformation, SamrQueryDisplayInformation2, SamrQueryDisplayInformation3.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let class = call.parameters.u16("DisplayInformationClass")?;
    let index = call.parameters.size("Index")?;
    let most = call.parameters.size("EntryCount")?;
    let room = call.parameters.size("PreferredMaximumLength")?;
    let outcome = match list(call.cx, &domain, class) {
        // A union without such an arm: nothing that a client could take in.
        None => return Err(super::super::fault::Fault::INVALID_TAG.into()),
        Some(all) => handle.need(DOMAIN_LIST_ACCOUNTS).map(|()| all),
    };
    let all = match outcome {
        Ok(all) => all,
        Err(status) => return empty(class, status),
    };
    let waiting = all.get(index.min(all.len())..).unwrap_or_default();
    let now = taken(waiting, most, room);
    let mut results = NdrWriter::new();
    results.count(size_of_entries(&all));
    results.count(size_of_entries(now));
    results.u16(class);
    results.align(4);
    results.count(now.len());
    if now.is_empty() {
        results.null();
        return success(results);
    }
    results.pointer();
    results.count(now.len());
    let oem = matches!(class, OEM_USER | OEM_GROUP);
    for (number, entry) in (index.saturating_add(1)..).zip(now) {
        results.count(number);
        if oem {
            oem_header(&mut results, &entry.name);
        } else {
            results.u32(entry.rid);
            results.u32(entry.control);
            texts(entry, class).for_each(|text| results.unicode_string_header(text));
        }
    }
    for entry in now {
        if oem {
            oem_buffer(&mut results, &entry.name);
        } else {
            texts(entry, class).for_each(|text| results.unicode_string_buffer(text));
        }
    }
    ended(results, if now.len() == waiting.len() { NtStatus::SUCCESS } else { NtStatus::MORE_ENTRIES })
}

/// The results of a refused query: the union's tag is told all the same.
fn empty(class: u16, status: NtStatus) -> Reply {
    let mut results = NdrWriter::new();
    results.u32(0);
    results.u32(0);
    results.u16(class);
    results.align(4);
    results.u32(0);
    results.null();
    ended(results, status)
}

/// The first of `waiting`: at most `most`, as many as `room` bytes hold, and at least one.
fn taken(waiting: &[Entry], most: usize, room: usize) -> &[Entry] {
    let mut used = 0_usize;
    let fitting = waiting
        .iter()
        .take(most.max(1))
        .enumerate()
        .take_while(|(place, entry)| {
            used = used.saturating_add(size_of_entry(entry));
            *place == 0 || used <= room
        })
        .count();
    waiting.get(..fitting).unwrap_or(waiting)
}

/// 2.2.8.2 SAMPR_DOMAIN_DISPLAY_USER and 2.2.8.4 SAMPR_DOMAIN_DISPLAY_GROUP: their strings in order.
fn texts(entry: &Entry, class: u16) -> impl Iterator<Item = &str> {
    let full_name = (class == USER).then_some(entry.full_name.as_str());
    [entry.name.as_str(), entry.comment.as_str()].into_iter().chain(full_name)
}

/// What TotalAvailable and TotalReturned count: bytes of fixed parts and strings.
fn size_of_entries(entries: &[Entry]) -> usize {
    entries.iter().fold(0, |sum, entry| sum.saturating_add(size_of_entry(entry)))
}

fn size_of_entry(entry: &Entry) -> usize {
    let texts = entry.name.len().saturating_add(entry.comment.len()).saturating_add(entry.full_name.len());
    texts.saturating_mul(2).saturating_add(36)
}

/// A name in the OEM character set, of which all have the same first half.
fn oem(name: &str) -> Vec<u8> {
    name.chars()
        .map(|character| u8::try_from(character).ok().filter(u8::is_ascii).unwrap_or(UNKNOWN_OEM))
        .collect()
}

/// 2.2.8.5 SAMPR_DOMAIN_DISPLAY_OEM_USER: the fixed part of its RPC_STRING.
fn oem_header(results: &mut NdrWriter, name: &str) {
    let length = u16::try_from(oem(name).len()).unwrap_or(u16::MAX);
    results.align(4);
    results.u16(length);
    results.u16(length);
    results.pointer();
}

fn oem_buffer(results: &mut NdrWriter, name: &str) {
    let bytes = oem(name);
    results.count(bytes.len());
    results.u32(0);
    results.count(bytes.len());
    results.bytes(&bytes);
}

/// SamrGetDisplayEnumerationIndex and SamrGetDisplayEnumerationIndex2: the place of the first name that is not before
/// `Prefix`.
pub(super) fn index_of(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let class = call.parameters.u16("DisplayInformationClass")?;
    let prefix = fold_name(&super::name(&mut call.parameters)?.to_string());
    handle.need(DOMAIN_LIST_ACCOUNTS)?;
    let all = list(call.cx, &domain, class).ok_or(NtStatus::INVALID_PARAMETER)?;
    let place = all.iter().position(|entry| fold_name(&entry.name) >= prefix);
    let mut results = NdrWriter::new();
    results.count(place.unwrap_or(all.len()));
    ended(results, if place.is_some() { NtStatus::SUCCESS } else { NtStatus::NO_MORE_ENTRIES })
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::super::NORMAL_ACCOUNT;
    use super::*;

    #[test]
    fn display_information_has_the_full_names() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
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
        assert_eq!(stub[stub.len() - 4..], NtStatus::MORE_ENTRIES.0.to_le_bytes());
    }

    #[test]
    fn the_oem_classes_have_names_alone() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        let request = [own.as_slice(), &[4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1, 0, 0]].concat();
        let (results, status) = client.outcome(48, &request);
        let mut reader = NdrReader::new(&results[8..]);
        assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap(), status), (4, 2, 0));
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.u32("").unwrap(), 2);
        let entries: Vec<(u32, (u16, bool))> =
            (0..2).map(|_| (reader.u32("").unwrap(), reader.unicode_string_header("").unwrap())).collect();
        assert_eq!(entries, [(1, (4, true)), (2, (3, true))]);
        assert_eq!([(); 3].map(|()| reader.u32("").unwrap()), [4, 0, 4]);
        assert_eq!(reader.bytes("", 4).unwrap(), b"anna");
        assert_eq!(oem("Änne"), b"?nne");
    }

    #[test]
    fn a_prefix_leads_to_the_first_name_that_is_not_before_it() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let own = client.open_domain("S-1-5-21-1-2-3");
        for (prefix, index, status) in
            [("a", 0, 0), ("AZ", 1, 0), ("bob", 1, 0), ("c", 2, NtStatus::NO_MORE_ENTRIES.0)]
        {
            let mut writer = NdrWriter::new();
            writer.bytes(&own);
            writer.u16(1);
            writer.unicode_string_header(prefix);
            writer.unicode_string_buffer(prefix);
            let expected = (u32::to_le_bytes(index).to_vec(), status);
            assert_eq!(client.outcome(41, &writer.into_bytes()), expected, "{prefix}");
        }
    }
}
