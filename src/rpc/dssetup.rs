//! [MS-DSSP] 3.2.5.1 DsRolerGetPrimaryDomainInformation: whether this computer is in a domain, and in which.

use freehold_dtyp::Guid;

use super::RpcContext;
use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::NdrWriter;
use super::win32::Win32;

/// [MS-DSSP] 2.2.1 DSROLE_MACHINE_ROLE: DsRole_RoleStandaloneServer.
const STANDALONE_SERVER: u16 = 2;
/// DsRole_RoleMemberServer.
const MEMBER_SERVER: u16 = 3;
/// [MS-DSSP] 2.2.6 DSROLER_PRIMARY_DOMAIN_INFORMATION: what InfoLevel can be.
const BASIC: u16 = 1;
const UPGRADE_STATUS: u16 = 2;
const OPERATION_STATE: u16 = 3;

/// [MS-DSSP] 3.2.5 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => primary_domain_information(call),
        _ => Err(Fault::OP_RANGE),
    }
}

fn primary_domain_information(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let level = call.parameters.u16("InfoLevel")?;
    let mut writer = NdrWriter::new();
    let known = matches!(level, BASIC | UPGRADE_STATUS | OPERATION_STATE);
    if known {
        writer.pointer();
        writer.u16(level);
    } else {
        writer.null();
    }
    match level {
        BASIC => basic(&mut writer, call.cx),
        // 2.2.4 DSROLE_UPGRADE_STATUS_INFO: not being upgraded.
        UPGRADE_STATUS => {
            writer.align(4);
            writer.u32(0);
            writer.u16(0);
        }
        // 2.2.5 DSROLE_OPERATION_STATE_INFO: idle.
        OPERATION_STATE => writer.u16(0),
        _ => {}
    }
    writer.u32(if known { Win32::SUCCESS.0 } else { Win32::INVALID_PARAMETER.0 });
    Ok(writer)
}

/// 2.2.3 DSROLER_PRIMARY_DOMAIN_INFO_BASIC. The domain's GUID is not known here, and Flags says so.
fn basic(writer: &mut NdrWriter, cx: &RpcContext<'_>) {
    let workgroup = cx.server.workgroup.as_str();
    let (role, flat, dns) = match cx.domain {
        Some(domain) => {
            (MEMBER_SERVER, domain.netbios_name.as_str(), [domain.dns_name.as_str(), &domain.forest])
        }
        None => (STANDALONE_SERVER, workgroup, ["", ""]),
    };
    writer.align(4);
    writer.u16(role);
    writer.u32(0);
    writer.pointer();
    for name in dns {
        if name.is_empty() { writer.null() } else { writer.pointer() }
    }
    writer.guid(&Guid::ZERO);
    for name in std::iter::once(flat).chain(dns).filter(|name| !name.is_empty()) {
        writer.wide_string(name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ndr::NdrReader;
    use super::super::testing::{Client, Fixture};
    use super::*;

    /// The role and the names of level 1.
    fn asked(fixture: &Fixture) -> (u16, Vec<String>) {
        let mut client = Client::bind(fixture, "lsarpc", "3919286a-b10c-11d0-9ba8-00c04fd92ef5", 0);
        let stub = client.call(0, &[1, 0]).unwrap();
        let mut reader = NdrReader::new(&stub);
        assert!(reader.pointer("").unwrap());
        assert_eq!(reader.u16("").unwrap(), BASIC);
        let role = reader.u32("").unwrap();
        assert_eq!(reader.u32("").unwrap(), 0);
        let present: Vec<bool> = (0..3).map(|_| reader.pointer("").unwrap()).collect();
        reader.bytes("", 16).unwrap();
        let names = present.into_iter().filter(|present| *present);
        let names = names.map(|_| reader.wide_string("").unwrap().to_string()).collect();
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
        (u16::try_from(role).unwrap(), names)
    }

    #[test]
    fn the_server_stands_alone_until_it_is_a_member() {
        assert_eq!(asked(&Fixture::new()), (STANDALONE_SERVER, vec!["WORKGROUP".to_owned()]));
        let names = ["CORP", "corp.example", "example"].map(str::to_owned).to_vec();
        assert_eq!(asked(&Fixture::new().joined()), (MEMBER_SERVER, names));
    }

    #[test]
    fn the_other_levels_say_that_nothing_is_under_way() {
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "lsarpc", "3919286a-b10c-11d0-9ba8-00c04fd92ef5", 0);
        let stub = client.call(0, &[2, 0]).unwrap();
        assert_eq!(stub[4..], [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let stub = client.call(0, &[3, 0]).unwrap();
        assert_eq!(stub[4..], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(client.call(0, &[9, 0]).unwrap(), [0, 0, 0, 0, 87, 0, 0, 0]);
    }
}
