//! [MS-WKST] 3.2.4.12 NetrGetJoinInformation, 3.2.4.17 NetrGetJoinableOUs2, 3.2.4.21 NetrEnumerateComputerNames.

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;

/// [MS-WKST] 2.2.3.1 NETSETUP_JOIN_STATUS: NetSetupUnknownStatus.
const UNKNOWN_STATUS: u16 = 0;
/// NetSetupWorkgroupName.
const WORKGROUP_NAME: u16 = 2;
/// NetSetupDomainName.
const DOMAIN_NAME: u16 = 3;
/// [MS-WKST] 2.2.3.3 NET_COMPUTER_NAME_TYPE.
const PRIMARY: u16 = 0;
const ALTERNATE: u16 = 1;
const ALL: u16 = 2;
/// NET_IGNORE_UNSUPPORTED_FLAGS.
const IGNORE_UNSUPPORTED_FLAGS: u32 = 1;

/// NetrGetJoinInformation.
pub(super) fn get_join_information(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(call)?;
    call.parameters.optional("NameBuffer", |reader| reader.wide_string("NameBuffer"))?;
    let mut writer = NdrWriter::new();
    if call.cx.is_anonymous() {
        writer.null();
        writer.u16(UNKNOWN_STATUS);
        writer.u32(Win32::ACCESS_DENIED.0);
        return Ok(writer);
    }
    let (name, kind) = match call.cx.domain {
        Some(domain) => (&domain.dns_name, DOMAIN_NAME),
        None => (&call.cx.server.workgroup, WORKGROUP_NAME),
    };
    writer.pointer();
    writer.wide_string(name);
    writer.u16(kind);
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

/// NetrGetJoinableOUs2: administrators join with `freehold domain join`.
pub(super) fn get_joinable_ous(_call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let mut writer = NdrWriter::new();
    writer.u32(0);
    writer.null();
    writer.u32(Win32::ACCESS_DENIED.0);
    Ok(writer)
}

/// NetrEnumerateComputerNames.
pub(super) fn enumerate_computer_names(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(call)?;
    let kind = call.parameters.u16("NameType")?;
    let reserved = call.parameters.u32("Reserved")?;
    let mut writer = NdrWriter::new();
    match names(call, kind, reserved) {
        Ok(names) => {
            writer.pointer();
            writer.count(names.len());
            if names.is_empty() {
                writer.null();
            } else {
                writer.pointer();
                writer.count(names.len());
                for name in &names {
                    writer.unicode_string_header(name);
                }
                for name in &names {
                    writer.unicode_string_buffer(name);
                }
            }
            writer.u32(Win32::SUCCESS.0);
        }
        Err(status) => {
            writer.null();
            writer.u32(status.0);
        }
    }
    Ok(writer)
}

fn names<'c>(call: &Call<'c, '_>, kind: u16, reserved: u32) -> Result<Vec<&'c str>, Win32> {
    if !call.cx.is_administrator() {
        return Err(Win32::ACCESS_DENIED);
    }
    if reserved & IGNORE_UNSUPPORTED_FLAGS == 0 && reserved != 0 {
        return Err(Win32::INVALID_FLAGS);
    }
    let primary = [call.cx.server.dns_name.as_str()];
    let aliases = call.cx.domain.map_or(&[][..], |domain| &domain.aliases).iter().map(String::as_str);
    match kind {
        PRIMARY => Ok(primary.to_vec()),
        ALTERNATE => Ok(aliases.collect()),
        ALL => Ok(primary.into_iter().chain(aliases).collect()),
        _ => Err(Win32::INVALID_PARAMETER),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::super::tests::WKSSVC;

    #[test]
    fn a_domain_or_a_workgroup_is_told() {
        for (fixture, name, kind) in
            [(Fixture::new(), "WORKGROUP", 2), (Fixture::new().joined(), "corp.example", 3)]
        {
            let fixture = fixture.ordinary_caller();
            let stub = Client::bind(&fixture, "wkssvc", WKSSVC, 1).call(20, &[0; 8]).unwrap();
            let mut reader = NdrReader::new(&stub);
            assert!(reader.pointer("").unwrap());
            assert_eq!(reader.wide_string("").unwrap().to_string(), name);
            assert_eq!((reader.u16("").unwrap(), reader.u32("").unwrap(), reader.remaining()), (kind, 0, 0));
        }
        let fixture = Fixture::new().anonymous_caller();
        let stub = Client::bind(&fixture, "wkssvc", WKSSVC, 1).call(20, &[0; 8]).unwrap();
        assert_eq!(stub, [0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
    }

    #[test]
    fn names_of_the_computer_are_for_administrators() {
        let ask = |fixture: &Fixture, kind: u8, reserved: u8| {
            Client::bind(fixture, "wkssvc", WKSSVC, 1)
                .call(30, &[0, 0, 0, 0, kind, 0, 0, 0, reserved, 0, 0, 0])
                .unwrap()
        };
        let fixture = Fixture::new().joined();
        let names = |kind| {
            let stub = ask(&fixture, kind, 0);
            let mut reader = NdrReader::new(&stub);
            assert!(reader.pointer("").unwrap());
            let count = reader.size("").unwrap();
            assert!(reader.pointer("").unwrap());
            assert_eq!(reader.size("").unwrap(), count);
            let headers: Vec<_> = (0..count).map(|_| reader.unicode_string_header("").unwrap()).collect();
            let names: Vec<String> = headers
                .into_iter()
                .map(|header| reader.unicode_string_buffer("", header).unwrap().to_string())
                .collect();
            assert_eq!(reader.u32("").unwrap(), 0);
            names
        };
        assert_eq!(names(0), ["files.example.com"]);
        assert_eq!(names(1), ["files2.corp.example"]);
        assert_eq!(names(2), ["files.example.com", "files2.corp.example"]);
        assert_eq!(ask(&fixture, 3, 0), [0, 0, 0, 0, 87, 0, 0, 0]);
        assert_eq!(ask(&fixture, 0, 2), [0, 0, 0, 0, 0xEC, 3, 0, 0]);
        assert_eq!(ask(&Fixture::new().ordinary_caller(), 0, 0), [0, 0, 0, 0, 5, 0, 0, 0]);
        assert_eq!(ask(&Fixture::new(), 1, 1)[4..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn organizational_units_are_not_looked_up_from_afar() {
        let fixture = Fixture::new();
        let stub = Client::bind(&fixture, "wkssvc", WKSSVC, 1).call(26, &[0; 40]).unwrap();
        assert_eq!(stub, [0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
    }
}
