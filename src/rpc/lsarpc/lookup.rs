//! [MS-LSAT] 3.1.4.5 LsarLookupNames4 to 3.1.4.8 LsarLookupNames, 3.1.4.9 LsarLookupSids3 to 3.1.4.11 LsarLookupSids.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::objects::{Reply, ended};
use super::{POLICY_LOOKUP_NAMES, policy_handle};
use crate::names::{self, Principal, SidUse};

/// Most SIDs in one lookup ([MS-LSAT] 2.2.18 LSAPR_SID_ENUM_BUFFER).
const MAX_SIDS: usize = 20_480;
/// Most names in one lookup ([MS-LSAT] 3.1.4.5 Count).
const MAX_NAMES: usize = 1_000;
/// LookupOptions ([MS-LSAT] 3.1.4.5): names without a domain are looked for on this computer only.
const LOCAL_NAMES_ONLY: u32 = 0x8000_0000;
/// MaxEntries of a referenced domain list; ignored by clients.
const MAX_DOMAIN_ENTRIES: u32 = 32;

/// The forms of LsarLookupNames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamesForm {
    /// LsarLookupNames.
    Rid,
    /// LsarLookupNames2.
    RidExtended,
    /// LsarLookupNames3.
    Sid,
}

/// One answer; `None` for what is unknown, in the order of the request.
type Answers = Vec<Option<Principal>>;

/// LsarLookupSids.
pub(super) fn lookup_sids(call: &mut Call<'_, '_>) -> Reply {
    sids(call, false)
}

/// LsarLookupSids2.
pub(super) fn lookup_sids_2(call: &mut Call<'_, '_>) -> Reply {
    sids(call, true)
}

/// LsarLookupNames.
pub(super) fn lookup_names(call: &mut Call<'_, '_>) -> Reply {
    names(call, NamesForm::Rid)
}

/// LsarLookupNames2.
pub(super) fn lookup_names_2(call: &mut Call<'_, '_>) -> Reply {
    names(call, NamesForm::RidExtended)
}

/// LsarLookupNames3.
pub(super) fn lookup_names_3(call: &mut Call<'_, '_>) -> Reply {
    names(call, NamesForm::Sid)
}

/// LsarLookupSids3 and LsarLookupNames4: for members that ask their domain controller over a secure channel ([MS-LSAT]
/// 3.1.4.5, 3.1.4.9), which this server is not.
pub(super) fn without_handle(_: &mut Call<'_, '_>) -> Reply {
    Err(NtStatus::ACCESS_DENIED.into())
}

fn sids(call: &mut Call<'_, '_>, extended: bool) -> Reply {
    let handle = policy_handle(call)?;
    let sids = read_sids(&mut call.parameters)?;
    let (level, _) = read_tail(&mut call.parameters, extended)?;
    handle.need(POLICY_LOOKUP_NAMES)?;
    let scope = Scope::of_level(level)?;
    let cx = call.cx;
    let answers: Answers =
        sids.iter().map(|sid| cx.of_sid(sid).filter(|found| scope.has(cx, found))).collect();
    // The domain of a SID that is nobody's is told all the same, where it is known.
    let mut domains = Domains::default();
    for (answer, sid) in answers.iter().zip(&sids) {
        match answer {
            Some(found) => domains.add(Some((&found.domain, found.domain_sid))),
            None => {
                let domain = Some(cx.names()).filter(|_| scope == Scope::Everything);
                let domain = domain.and_then(|book| book.domain_of(sid));
                domains.add(domain.as_ref().map(|domain| (domain.netbios_name.as_str(), domain.sid)));
            }
        }
    }
    let mut writer = NdrWriter::new();
    domains.write(&mut writer);
    // An unknown SID comes back as its own text, as Windows does it.
    let shown: Vec<String> = answers
        .iter()
        .zip(&sids)
        .map(|(answer, sid)| answer.as_ref().map_or_else(|| sid.to_string(), |found| found.name.clone()))
        .collect();
    writer.count(answers.len());
    array_pointer(&mut writer, answers.len());
    for ((answer, name), place) in answers.iter().zip(&shown).zip(&domains.places) {
        writer.align(4);
        writer.u16(sid_use(answer));
        writer.unicode_string_header(name);
        writer.i32(*place);
        if extended {
            writer.u32(0);
        }
    }
    for name in &shown {
        writer.unicode_string_buffer(name);
    }
    finish(writer, &answers)
}

fn names(call: &mut Call<'_, '_>, form: NamesForm) -> Reply {
    let handle = policy_handle(call)?;
    let extended = form != NamesForm::Rid;
    let wanted = read_names(&mut call.parameters)?;
    let (level, options) = read_tail(&mut call.parameters, extended)?;
    handle.need(POLICY_LOOKUP_NAMES)?;
    let scope = Scope::of_level(level)?;
    let isolated = if options & LOCAL_NAMES_ONLY == 0 { names::Scope::All } else { names::Scope::Local };
    let cx = call.cx;
    let book = cx.names();
    let find = |name: &String| {
        // As Windows has it: no name at all is the domain BUILTIN.
        let nameless = names::builtin_sid().filter(|_| name.is_empty());
        let known = match nameless {
            Some(builtin) => book.of_sid(&builtin),
            None => book.of_name(name, isolated),
        };
        known.found().filter(|found| scope.has(cx, found))
    };
    let answers: Answers = wanted.iter().map(find).collect();
    let domains = Domains::of(&answers);
    let mut writer = NdrWriter::new();
    domains.write(&mut writer);
    writer.count(answers.len());
    array_pointer(&mut writer, answers.len());
    let with_sid = form == NamesForm::Sid;
    for (answer, place) in answers.iter().zip(&domains.places) {
        writer.align(4);
        writer.u16(sid_use(answer));
        match answer {
            Some(_) if with_sid => writer.pointer(),
            None if with_sid => writer.null(),
            Some(found) => writer.u32(relative_id(found)),
            None => writer.u32(0),
        }
        writer.i32(*place);
        if extended {
            writer.u32(0);
        }
    }
    if with_sid {
        for found in answers.iter().flatten() {
            writer.sid(&found.sid);
        }
    }
    finish(writer, &answers)
}

/// Where is looked ([MS-LSAT] 2.2.16 LSAP_LOOKUP_LEVEL, 3.1.1.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// LsapLookupWksta: everywhere.
    Everything,
    /// LsapLookupPDC: accounts of domains, without what every computer has.
    Domains,
    /// LsapLookupTDL: the domain of this computer's own accounts.
    OwnDomain,
    /// The levels with which domain controllers ask each other. A member has nothing for them.
    Nothing,
}

impl Scope {
    fn of_level(level: u16) -> Result<Scope, NtStatus> {
        match level {
            1 => Ok(Scope::Everything),
            2 => Ok(Scope::Domains),
            3 => Ok(Scope::OwnDomain),
            4..=6 => Ok(Scope::Nothing),
            _ => Err(NtStatus::INVALID_PARAMETER),
        }
    }

    fn has(self, cx: &RpcContext<'_>, found: &Principal) -> bool {
        /// Sub-authorities of a domain that has accounts: 21 and three numbers.
        const OF_A_DOMAIN: usize = 4;
        match self {
            Scope::Everything => true,
            Scope::Domains => found.domain_sid.sub_authorities().len() == OF_A_DOMAIN,
            Scope::OwnDomain => found.domain_sid == cx.server.machine_sid,
            Scope::Nothing => false,
        }
    }
}

/// The RID, or -1 for a domain, which has none.
fn relative_id(found: &Principal) -> u32 {
    match found.sid.split_rid() {
        Some((_, rid)) if found.sid_use != SidUse::Domain => rid,
        _ => u32::MAX,
    }
}

fn sid_use(answer: &Option<Principal>) -> u16 {
    answer.as_ref().map_or(SidUse::Unknown, |found| found.sid_use).number()
}

/// MappedCount and the status.
fn finish(mut writer: NdrWriter, answers: &Answers) -> Reply {
    let mapped = answers.iter().flatten().count();
    writer.count(mapped);
    let outcome = if mapped == answers.len() {
        NtStatus::SUCCESS
    } else if mapped == 0 {
        NtStatus::NONE_MAPPED
    } else {
        NtStatus::SOME_NOT_MAPPED
    };
    ended(writer, outcome)
}

/// A pointer to an array and the array's conformance; null for an empty one.
fn array_pointer(writer: &mut NdrWriter, length: usize) {
    if length == 0 {
        writer.null();
    } else {
        writer.pointer();
        writer.count(length);
    }
}

/// [MS-LSAT] 2.2.18 LSAPR_SID_ENUM_BUFFER.
fn read_sids(parameters: &mut NdrReader<'_>) -> Result<Vec<Sid>, Fault> {
    let entries = parameters.size("Entries")?;
    if !parameters.pointer("SidInfo")? {
        return if entries == 0 { Ok(Vec::new()) } else { Err(Fault::BAD_STUB_DATA) };
    }
    // Each pointer takes four bytes, so that nothing is read for entries that were not sent.
    let sent = parameters.size("SidInfo")?;
    if sent != entries || entries > MAX_SIDS || entries > parameters.remaining() {
        return Err(Fault::BAD_STUB_DATA);
    }
    for _ in 0..entries {
        if !parameters.pointer("Sid")? {
            return Err(Fault::BAD_STUB_DATA);
        }
    }
    (0..entries).map(|_| parameters.sid("Sid").map_err(Fault::from)).collect()
}

/// Count and Names of the lookups of names.
fn read_names(parameters: &mut NdrReader<'_>) -> Result<Vec<String>, Fault> {
    let count = parameters.size("Count")?;
    let sent = parameters.size("Names")?;
    if sent != count || count > MAX_NAMES || count > parameters.remaining() {
        return Err(Fault::BAD_STUB_DATA);
    }
    let headers =
        (0..count).map(|_| parameters.unicode_string_header("Names")).collect::<Result<Vec<_>, _>>()?;
    headers
        .into_iter()
        .map(|header| Ok(parameters.unicode_string_buffer("Names", header)?.to_string()))
        .collect()
}

/// What follows in all lookups: an empty list to be filled, LookupLevel, MappedCount, and in the later forms
/// LookupOptions and ClientRevision. Returns LookupLevel and LookupOptions.
fn read_tail(parameters: &mut NdrReader<'_>, extended: bool) -> Result<(u16, u32), Fault> {
    let entries = parameters.u32("Entries")?;
    let present = parameters.pointer("Names")?;
    if entries != 0 || (present && parameters.u32("Names")? != 0) {
        return Err(Fault::BAD_STUB_DATA);
    }
    let level = parameters.u16("LookupLevel")?;
    parameters.u32("MappedCount")?;
    let mut options = 0;
    if extended {
        options = parameters.u32("LookupOptions")?;
        parameters.u32("ClientRevision")?;
    }
    Ok((level, options))
}

/// [MS-LSAT] 2.2.12 LSAPR_REFERENCED_DOMAIN_LIST: each domain once, and where in it each answer's is.
#[derive(Default)]
struct Domains {
    all: Vec<(String, Sid)>,
    places: Vec<i32>,
}

impl Domains {
    fn of(answers: &Answers) -> Self {
        let mut domains = Domains::default();
        for answer in answers {
            domains.add(answer.as_ref().map(|found| (found.domain.as_str(), found.domain_sid)));
        }
        domains
    }

    /// Adds the domain of the next answer; its place is -1 where none is known.
    fn add(&mut self, domain: Option<(&str, Sid)>) {
        let place = domain.map(|(name, sid)| {
            let known = self.all.iter().position(|(_, other)| *other == sid);
            known.unwrap_or_else(|| {
                self.all.push((name.to_owned(), sid));
                self.all.len().saturating_sub(1)
            })
        });
        self.places.push(place.and_then(|place| i32::try_from(place).ok()).unwrap_or(-1));
    }

    fn write(&self, writer: &mut NdrWriter) {
        writer.pointer();
        writer.count(self.all.len());
        if self.all.is_empty() {
            writer.null();
            writer.u32(MAX_DOMAIN_ENTRIES);
            return;
        }
        writer.pointer();
        writer.u32(MAX_DOMAIN_ENTRIES);
        writer.count(self.all.len());
        for (name, _) in &self.all {
            writer.unicode_string_header(name);
            writer.pointer();
        }
        for (name, sid) in &self.all {
            writer.unicode_string_buffer(name);
            writer.sid(sid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn sids_request(handle: Option<[u8; 20]>, sids: &[&str], extended: bool) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&handle.map_or(Vec::new(), |handle| handle.to_vec()));
        writer.count(sids.len());
        writer.pointer();
        writer.count(sids.len());
        for _ in sids {
            writer.pointer();
        }
        for sid in sids {
            writer.sid(&sid.parse().unwrap());
        }
        tail(writer, extended)
    }

    fn names_request(handle: Option<[u8; 20]>, names: &[&str], extended: bool) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&handle.map_or(Vec::new(), |handle| handle.to_vec()));
        writer.count(names.len());
        writer.count(names.len());
        for name in names {
            writer.unicode_string_header(name);
        }
        for name in names {
            writer.unicode_string_buffer(name);
        }
        tail(writer, extended)
    }

    fn tail(mut writer: NdrWriter, extended: bool) -> Vec<u8> {
        writer.u32(0);
        writer.null();
        writer.u16(1);
        writer.u32(0);
        if extended {
            writer.u32(0);
            writer.u32(2);
        }
        writer.into_bytes()
    }

    fn read_domains(reader: &mut NdrReader<'_>) -> Vec<(String, Sid)> {
        assert!(reader.pointer("").unwrap());
        let count = reader.u32("").unwrap();
        let present = reader.pointer("").unwrap();
        reader.u32("").unwrap();
        if !present {
            return Vec::new();
        }
        assert_eq!(reader.u32("").unwrap(), count);
        let headers: Vec<(u16, bool)> = (0..count)
            .map(|_| {
                let header = reader.unicode_string_header("").unwrap();
                assert!(reader.pointer("").unwrap());
                header
            })
            .collect();
        headers
            .into_iter()
            .map(|header| {
                let name = reader.unicode_string_buffer("", header).unwrap().to_string();
                (name, reader.sid("").unwrap())
            })
            .collect()
    }

    #[test]
    fn sids_become_names_with_their_domains() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let sids = ["S-1-5-21-1-2-3-1000", "S-1-5-32-544", "S-1-5-21-9-9-9-7", "S-1-5-18"];
        for (operation, handle, extended) in [(15, Some(handle), false), (57, Some(handle), true)] {
            let stub = client.call(operation, &sids_request(handle, &sids, extended)).unwrap();
            let mut reader = NdrReader::new(&stub);
            let domains = read_domains(&mut reader);
            let names: Vec<&str> = domains.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["FILES", "BUILTIN", "NT AUTHORITY"]);
            assert_eq!(reader.u32("").unwrap(), 4);
            assert!(reader.pointer("").unwrap());
            assert_eq!(reader.u32("").unwrap(), 4);
            let entries: Vec<(u16, (u16, bool), u32)> = (0..4)
                .map(|_| {
                    let sid_use = reader.u16("").unwrap();
                    let header = reader.unicode_string_header("").unwrap();
                    let index = reader.u32("").unwrap();
                    if extended {
                        reader.u32("").unwrap();
                    }
                    (sid_use, header, index)
                })
                .collect();
            let found: Vec<(u16, String, u32)> = entries
                .into_iter()
                .map(|(sid_use, header, index)| {
                    (sid_use, reader.unicode_string_buffer("", header).unwrap().to_string(), index)
                })
                .collect();
            let expected = [
                (1, "anna", 0),
                (4, "Administrators", 1),
                (8, "S-1-5-21-9-9-9-7", u32::MAX),
                (5, "SYSTEM", 2),
            ];
            assert_eq!(found, expected.map(|(kind, name, index)| (kind, name.to_owned(), index)));
            assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap()), (3, 0x107));
            assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn names_become_sids() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let names = ["ANNA", "BUILTIN\\users", "nobody"];
        let stub = client.call(68, &names_request(Some(handle), &names, true)).unwrap();
        let mut reader = NdrReader::new(&stub);
        assert_eq!(read_domains(&mut reader).len(), 2);
        assert_eq!(reader.u32("").unwrap(), 3);
        assert!(reader.pointer("").unwrap());
        reader.u32("").unwrap();
        let present: Vec<bool> = (0..3)
            .map(|_| {
                reader.u16("").unwrap();
                let present = reader.pointer("").unwrap();
                reader.u32("").unwrap();
                reader.u32("").unwrap();
                present
            })
            .collect();
        assert_eq!(present, [true, true, false]);
        assert_eq!(reader.sid("").unwrap().to_string(), "S-1-5-21-1-2-3-1000");
        assert_eq!(reader.sid("").unwrap(), Sid::USERS);
        assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap()), (2, 0x107));
    }

    #[test]
    fn the_older_forms_give_relative_ids() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        for (operation, extended) in [(14, false), (58, true)] {
            let stub =
                client.call(operation, &names_request(Some(handle), &["anna", "FILES"], extended)).unwrap();
            let mut reader = NdrReader::new(&stub);
            read_domains(&mut reader);
            assert_eq!((reader.u32("").unwrap(), reader.pointer("").unwrap()), (2, true));
            reader.u32("").unwrap();
            for (kind, rid) in [(1, 1000), (3, u32::MAX)] {
                assert_eq!((reader.u16("").unwrap(), reader.u32("").unwrap()), (kind, rid));
                assert_eq!(reader.u32("").unwrap(), 0);
                if extended {
                    reader.u32("").unwrap();
                }
            }
            assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap(), reader.remaining()), (2, 0, 0));
        }
    }

    #[test]
    fn nothing_known_is_none_mapped() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let stub = client.call(57, &sids_request(Some(handle), &["S-1-5-21-9-9-9-7"], true)).unwrap();
        assert_eq!(stub[stub.len() - 4..], NtStatus::NONE_MAPPED.0.to_le_bytes());
    }

    #[test]
    fn counts_that_the_bytes_do_not_hold_are_refused() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let mut stub = sids_request(Some(handle), &["S-1-5-18"], false);
        stub[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(client.call(15, &stub), Err(Fault::BAD_STUB_DATA));
        stub[28..32].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(client.call(15, &stub), Err(Fault::BAD_STUB_DATA));
    }

    #[test]
    fn a_level_says_where_is_looked() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let sids = ["S-1-5-18", "S-1-5-32-544", "S-1-5-21-1-2-3-1000"];
        for (level, status) in [
            (0, NtStatus::INVALID_PARAMETER),
            (1, NtStatus::SUCCESS),
            (2, NtStatus::SOME_NOT_MAPPED),
            (3, NtStatus::SOME_NOT_MAPPED),
            (4, NtStatus::NONE_MAPPED),
            (6, NtStatus::NONE_MAPPED),
            (7, NtStatus::INVALID_PARAMETER),
        ] {
            let mut request = sids_request(Some(handle), &sids, false);
            let at = request.len() - 8;
            request[at] = level;
            assert_eq!(client.outcome(15, &request).1, status.0, "level {level}");
        }
    }

    #[test]
    fn lookups_take_a_handle_that_was_opened_for_them() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let mut open = vec![0; 28];
        open.extend(super::super::POLICY_VIEW_LOCAL_INFORMATION.to_le_bytes());
        let handle = client.opened(44, &open);
        let refused = (vec![0; 16], NtStatus::ACCESS_DENIED.0);
        assert_eq!(client.outcome(57, &sids_request(Some(handle), &["S-1-5-18"], true)), refused);
        assert_eq!(client.outcome(68, &names_request(Some(handle), &["anna"], true)), refused);
        assert_eq!(client.outcome(76, &sids_request(None, &["S-1-5-18"], true)), refused);
        assert_eq!(client.outcome(77, &names_request(None, &["anna"], true)), refused);
    }

    #[test]
    fn a_sid_that_is_nobodys_is_in_its_domain_all_the_same() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let sids = ["S-1-5-21-1-2-3-77", "S-1-5-21-9-9-9-7"];
        let (results, status) = client.outcome(15, &sids_request(Some(handle), &sids, false));
        let mut reader = NdrReader::new(&results);
        let machine = ("FILES".to_owned(), "S-1-5-21-1-2-3".parse().unwrap());
        assert_eq!((read_domains(&mut reader), status), (vec![machine], NtStatus::NONE_MAPPED.0));
        reader.bytes("", 12).unwrap();
        for index in [0, u32::MAX] {
            assert_eq!(reader.u16("").unwrap(), 8);
            reader.unicode_string_header("").unwrap();
            assert_eq!(reader.u32("").unwrap(), index);
        }
    }

    #[test]
    fn no_name_is_the_domain_builtin() {
        let fixture = Fixture::new();
        let mut client = Client::lsarpc(&fixture);
        let handle = client.open_policy();
        let (results, status) = client.outcome(14, &names_request(Some(handle), &[""], false));
        let mut reader = NdrReader::new(&results);
        assert_eq!(read_domains(&mut reader), [("BUILTIN".to_owned(), names::builtin_sid().unwrap())]);
        reader.bytes("", 12).unwrap();
        assert_eq!((reader.u16("").unwrap(), reader.u32("").unwrap(), status), (3, u32::MAX, 0));
    }
}
