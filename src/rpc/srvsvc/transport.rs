//! [MS-SRVS] 3.1.4.19 NetrServerDiskEnum, 3.1.4.24 NetrServerTransportEnum, 3.1.4.45 NetrServerAliasEnum: drives,
//! transports and further names of this server.

use super::super::dispatch::Call;
use super::super::enumeration::{Entry, Enumeration};
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::access;

/// The only drive that paths of this server begin with.
const DRIVE: &str = "C:";
/// The transport of SMB2 over TCP, as Windows calls it.
pub(in super::super) const TRANSPORT_NAME: &str = "\\Device\\NetbiosSmb";

/// NetrServerDiskEnum. PreferedMaximumLength and ResumeHandle are ignored.
pub(super) fn disk_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let level = call.parameters.u32("Level")?;
    let entries = call.parameters.u32("EntriesRead")?;
    if call.parameters.pointer("Buffer")? {
        // Clients send none: entries go the other way only.
        let sizes = [call.parameters.u32("Buffer")?, call.parameters.u32("Buffer")?];
        let count = call.parameters.u32("Buffer")?;
        if entries != 0 || sizes != [0, 0] || count != 0 {
            return Err(Fault::BAD_STUB_DATA);
        }
    }
    call.parameters.u32("PreferedMaximumLength")?;
    let resume = call.parameters.optional("ResumeHandle", |reader| reader.u32("ResumeHandle"))?;
    let status = match level {
        0 if access::is_server_operator(call.cx) => Win32::SUCCESS,
        0 => Win32::ACCESS_DENIED,
        _ => Win32::INVALID_LEVEL,
    };
    let mut writer = NdrWriter::new();
    // The list ends with an empty name, which TotalEntries does not count.
    let names: &[&str] = if status == Win32::SUCCESS { &[DRIVE, ""] } else { &[] };
    writer.count(names.len());
    if names.is_empty() {
        writer.null();
    } else {
        writer.pointer();
        // DISK_INFO Buffer[]: conformant and varying, of varying strings.
        writer.count(names.len());
        writer.u32(0);
        writer.count(names.len());
        for name in names {
            writer.varying_string(name);
        }
    }
    writer.count(names.len().saturating_sub(1));
    writer.optional_u32(resume);
    writer.u32(status.0);
    Ok(writer)
}

/// NetrServerTransportEnum.
pub(super) fn transport_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0, 1, 2, 3])?;
    let status = match enumeration.level {
        3 => Win32::INVALID_LEVEL,
        _ if !access::is_power_user(call.cx) => Win32::ACCESS_DENIED,
        _ => {
            let server = call.cx.server;
            let connections = call.cx.activity.sessions().len();
            return Ok(enumeration.answer(&[TransportView {
                connections: u32::try_from(connections).unwrap_or(u32::MAX),
                server_name: &server.netbios_name,
                domain: call.cx.domain.map_or(&server.workgroup, |domain| &domain.netbios_name),
            }]));
        }
    };
    Ok(enumeration.refuse(status))
}

/// The one transport: TCP.
struct TransportView<'a> {
    connections: u32,
    server_name: &'a str,
    domain: &'a str,
}

impl Entry for TransportView<'_> {
    /// [MS-SRVS] 2.2.4.93 SERVER_TRANSPORT_INFO_0 to 2.2.4.95 SERVER_TRANSPORT_INFO_2.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        writer.u32(self.connections);
        writer.pointer();
        writer.pointer();
        writer.count(self.server_name.len());
        writer.pointer();
        if level >= 1 {
            writer.pointer();
        }
        if level == 2 {
            writer.u32(0); // flags
        }
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        writer.wide_string(TRANSPORT_NAME);
        writer.count(self.server_name.len());
        writer.bytes(self.server_name.as_bytes());
        writer.wide_string("000000000000"); // networkaddress: TCP has none of its own
        if level >= 1 {
            writer.wide_string(self.domain);
        }
    }
}

/// NetrServerAliasEnum.
pub(super) fn alias_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0])?;
    if !access::is_server_operator(call.cx) {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let target = call.cx.server.netbios_name.as_str();
    let aliases = call.cx.domain.map_or(&[][..], |domain| &domain.aliases);
    let aliases: Vec<AliasView<'_>> = aliases.iter().map(|alias| AliasView { alias, target }).collect();
    Ok(enumeration.answer(&aliases))
}

struct AliasView<'a> {
    alias: &'a str,
    target: &'a str,
}

impl Entry for AliasView<'_> {
    /// [MS-SRVS] 2.2.4.102 SERVER_ALIAS_INFO_0.
    fn fixed(&self, writer: &mut NdrWriter, _level: u32) {
        writer.pointer();
        writer.pointer();
        writer.u32(0); // default, and its padding
        writer.u32(0); // reserved
    }

    fn referents(&self, writer: &mut NdrWriter, _level: u32) {
        writer.wide_string(self.alias);
        writer.wide_string(self.target);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn words(values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn status(stub: &[u8]) -> u32 {
        u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap())
    }

    #[test]
    fn the_only_drive_ends_with_an_empty_name() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        // As smbtorture sends it: no server, level 0, nothing in the buffer, no limit, a resume handle of 0.
        let stub = client.call(23, &words(&[0, 0, 0, 0, 0, 0x2_0000, 0])).unwrap();
        let mut expected = words(&[2, 0x2_0000, 2, 0, 2, 0, 3]);
        expected.extend([b'C', 0, b':', 0, 0, 0, 0, 0]);
        expected.extend(words(&[0, 1]));
        expected.extend([0, 0, 0, 0]);
        expected.extend(words(&[1, 0x2_0004, 0, 0]));
        assert_eq!(stub, expected);
        assert_eq!(status(&client.call(23, &words(&[0, 1, 0, 0, 0, 0])).unwrap()), 124);
        let fixture = Fixture::new().ordinary_caller();
        let stub = Client::srvsvc(&fixture).call(23, &words(&[0, 0, 0, 0, 0, 0])).unwrap();
        assert_eq!(stub, words(&[0, 0, 0, 0, 5]));
    }

    fn enumerate(level: u32) -> Vec<u8> {
        words(&[0, level, level, 0x2_0000, 0, 0, u32::MAX, 0])
    }

    #[test]
    fn there_is_one_transport() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        for level in [0, 1, 2] {
            let stub = client.call(26, &enumerate(level)).unwrap();
            assert_eq!((stub[12], status(&stub)), (1, 0), "level {level}");
        }
        let stub = client.call(26, &enumerate(1)).unwrap();
        let mut reader = NdrReader::new(&stub);
        let head: Vec<u32> = (0..12).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((head[3], head[6], head[9]), (1, 2, 5));
        assert_eq!(reader.wide_string("").unwrap().to_string(), TRANSPORT_NAME);
        assert_eq!(reader.u32("").unwrap(), 5);
        assert_eq!(reader.bytes("", 5).unwrap(), b"FILES");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "000000000000");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "WORKGROUP");
        let rest: Vec<u32> = (0..3).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((rest, reader.remaining()), (vec![1, 0, 0], 0));
        assert_eq!(status(&client.call(26, &enumerate(3)).unwrap()), 124);
        assert_eq!(client.call(26, &enumerate(4)), Err(Fault::INVALID_TAG));
        let fixture = Fixture::new().ordinary_caller();
        assert_eq!(status(&Client::srvsvc(&fixture).call(26, &enumerate(0)).unwrap()), 5);
    }

    #[test]
    fn further_names_are_listed() {
        let fixture = Fixture::new().with_aliases(&["FILES2"]);
        let stub = Client::srvsvc(&fixture).call(55, &enumerate(0)).unwrap();
        let mut reader = NdrReader::new(&stub);
        let head: Vec<u32> = (0..10).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((head[3], head[5]), (1, 1));
        assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES2");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES");
        assert_eq!(status(&stub), 0);
        let fixture = Fixture::new().ordinary_caller();
        assert_eq!(status(&Client::srvsvc(&fixture).call(55, &enumerate(0)).unwrap()), 5);
    }
}
