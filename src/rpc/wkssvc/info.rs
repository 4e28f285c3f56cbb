//! [MS-WKST] 3.2.4.1 NetrWkstaGetInfo: levels 100 to 102 and 502.

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;

/// [MS-WKST] 2.2.5.1 PLATFORM_ID_NT.
const PLATFORM_NT: u32 = 500;

/// [MS-WKST] 2.2.5.4 WKSTA_INFO_502, in its order: settings of a redirector that is not here, with Windows' defaults.
const REDIRECTOR: [u32; 35] = [
    3_600,    // char_wait
    250,      // collection_time
    16,       // maximum_collection_count
    600,      // keep_conn
    50,       // max_cmds
    60,       // sess_timeout
    512,      // siz_char_buf
    17,       // max_threads
    6_144,    // lock_quota
    10,       // lock_increment
    500,      // lock_maximum
    10,       // pipe_increment
    500,      // pipe_maximum
    40,       // cache_file_timeout
    0,        // dormant_file_limit
    u32::MAX, // read_ahead_throughput
    3,        // num_mailslot_buffers
    20,       // num_srv_announce_buffers
    5,        // max_illegal_datagram_events
    60,       // illegal_datagram_event_reset_frequency
    0,        // log_election_packets
    1,        // use_opportunistic_locking
    1,        // use_unlock_behind
    1,        // use_close_behind
    1,        // buf_named_pipes
    1,        // use_lock_read_unlock
    1,        // utilize_nt_caching
    1,        // use_raw_read
    1,        // use_raw_write
    1,        // use_write_raw_data
    1,        // use_encryption
    1,        // buf_files_deny_write
    1,        // buf_read_only_files
    1,        // force_core_create_mode
    0,        // use_512_byte_max_transfer
];

/// NetrWkstaGetInfo.
pub(super) fn workstation_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(call)?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    let allowed = match level {
        100 | 101 => !call.cx.is_anonymous(),
        // Note <29>.
        102 | 502 => call.cx.is_administrator(),
        _ => {
            writer.u32(Win32::INVALID_LEVEL.0);
            return Ok(writer);
        }
    };
    if !allowed {
        writer.null();
        writer.u32(Win32::ACCESS_DENIED.0);
        return Ok(writer);
    }
    writer.pointer();
    if level == 502 {
        for value in REDIRECTOR {
            writer.u32(value);
        }
    } else {
        identity(call, level, &mut writer);
    }
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

/// [MS-WKST] 2.2.5.1 WKSTA_INFO_100 to 2.2.5.3 WKSTA_INFO_102.
fn identity(call: &Call<'_, '_>, level: u32, writer: &mut NdrWriter) {
    let server = call.cx.server;
    writer.u32(PLATFORM_NT);
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
    // DIFFERS: the text has DomainNameFQDN; a field of that name has the NetBIOS name in Windows, and clients take it for that.
    writer.wide_string(call.cx.domain.map_or(&server.workgroup, |domain| &domain.netbios_name));
    if level >= 101 {
        writer.wide_string(""); // lanroot
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{self, Client, Fixture};
    use super::super::tests::WKSSVC;

    #[test]
    fn the_computer_tells_its_name_and_workgroup() {
        for (fixture, group) in [(Fixture::new(), "WORKGROUP"), (Fixture::new().joined(), "CORP")] {
            let fixture = fixture.ordinary_caller();
            let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
            let stub = client.call(0, &testing::server_info_request(100)).unwrap();
            let mut reader = NdrReader::new(&stub);
            let head: Vec<u32> = (0..7).map(|_| reader.u32("").unwrap()).collect();
            assert_eq!((head[0], head[2], head[5], head[6]), (100, 500, 10, 0));
            assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES");
            assert_eq!(reader.wide_string("").unwrap().to_string(), group);
            assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
        }
    }

    #[test]
    fn details_are_for_administrators() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        for level in [102u8, 246] {
            let high = u8::from(level == 246);
            let stub =
                client.call(0, &testing::server_info_request(u32::from(level) + u32::from(high) * 256));
            assert_eq!(stub.unwrap(), [level, high, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
        }
        assert_eq!(client.call(0, &testing::server_info_request(9)).unwrap(), [9, 0, 0, 0, 124, 0, 0, 0]);
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        let stub = client.call(0, &testing::server_info_request(502)).unwrap();
        assert_eq!(stub.len(), 8 + 35 * 4 + 4);
        let stub = client.call(0, &testing::server_info_request(102)).unwrap();
        assert_eq!(stub[stub.len() - 4..], [0; 4]);
    }
}
