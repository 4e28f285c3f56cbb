//! [MS-DSSP] 3.2.5.1 DsRolerGetPrimaryDomainInformation: whether this computer is in a domain. It is not.

use freehold_dtyp::Guid;

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::NdrWriter;
use super::win32::Win32;

/// DsRole_RoleStandaloneServer.
const STANDALONE_SERVER: u16 = 2;

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
    let known = matches!(level, 1..=3);
    if known {
        writer.pointer();
        writer.u16(level);
    } else {
        writer.null();
    }
    match level {
        // 2.2.3 DSROLER_PRIMARY_DOMAIN_INFO_BASIC
        1 => {
            writer.align(4);
            writer.u16(STANDALONE_SERVER);
            writer.u32(0);
            writer.pointer();
            writer.null();
            writer.null();
            writer.guid(&Guid::ZERO);
            writer.wide_string(&call.cx.server.workgroup);
        }
        // 2.2.4 DSROLE_UPGRADE_STATUS_INFO: not being upgraded
        2 => {
            writer.align(4);
            writer.u32(0);
            writer.u16(0);
        }
        // 2.2.5 DSROLE_OPERATION_STATE_INFO: idle
        3 => writer.u16(0),
        _ => {}
    }
    writer.u32(if known { Win32::SUCCESS.0 } else { Win32::INVALID_PARAMETER.0 });
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::super::ndr::NdrReader;
    use super::super::testing::{Client, Fixture};

    #[test]
    fn the_server_stands_alone() {
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "lsarpc", "3919286a-b10c-11d0-9ba8-00c04fd92ef5", 0);
        let stub = client.call(0, &[1, 0]).unwrap();
        let mut reader = NdrReader::new(&stub);
        assert!(reader.pointer("").unwrap());
        assert_eq!((reader.u32("").unwrap(), reader.u16("").unwrap()), (1, 2));
        assert_eq!(reader.u32("").unwrap(), 0);
        assert!(reader.pointer("").unwrap() && !reader.pointer("").unwrap());
        assert!(!reader.pointer("").unwrap());
        reader.bytes("", 16).unwrap();
        assert_eq!(reader.wide_string("").unwrap().to_string(), "WORKGROUP");
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
        assert_eq!(client.call(0, &[9, 0]).unwrap(), [0, 0, 0, 0, 87, 0, 0, 0]);
    }
}
