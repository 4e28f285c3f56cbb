//! [MS-WKST] 3.2.4.1 NetrWkstaGetInfo: what this computer is.

use super::dispatch::Call;
use super::fault::Fault;
use super::info_level;
use super::ndr::NdrWriter;
use super::win32::Win32;

/// [MS-WKST] 3.2.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => workstation_get_info(call),
        _ => Err(Fault::OP_RANGE),
    }
}

/// NetrWkstaGetInfo, with [MS-WKST] 2.2.5.1 WKSTA_INFO_100 to 2.2.5.3 WKSTA_INFO_102.
fn workstation_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let (level, mut writer) = match info_level::begin(call)? {
        Ok(begun) => begun,
        Err(refused) => return Ok(refused),
    };
    let server = call.cx.server;
    writer.pointer();
    writer.pointer();
    writer.u32(server.version.0);
    writer.u32(server.version.1);
    if level >= 101 {
        writer.pointer();
    }
    if level == 102 {
        writer.u32(0); // logged_on_users: nobody sits at this computer
    }
    writer.wide_string(&server.netbios_name);
    writer.wide_string(&server.workgroup);
    if level >= 101 {
        writer.wide_string(""); // lanroot
    }
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::super::ndr::NdrReader;
    use super::super::testing::{self, Client, Fixture};

    const WKSSVC: &str = "6bffd098-a112-3610-9833-46c3f87e345a";

    #[test]
    fn the_computer_tells_its_name_and_workgroup() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        let stub = client.call(0, &testing::server_info_request(100)).unwrap();
        let mut reader = NdrReader::new(&stub);
        let head: Vec<u32> = (0..7).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((head[0], head[2], head[5], head[6]), (100, 500, 10, 0));
        assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "WORKGROUP");
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
        let stub = client.call(0, &testing::server_info_request(102)).unwrap();
        assert_eq!(stub, [102, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
    }
}
