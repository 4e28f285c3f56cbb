//! [MS-SRVS] 3.1.4.17 NetrServerGetInfo: levels 100 to 103, 502, 503 and 599.
//!
//! Levels from 502 on tell of SMB 1 servers ([MS-SRVS] 2.2.4.46). What has a meaning here is told as it is; the rest has
//! Windows' defaults (note <41>), which some tools look at before they go on.

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::access;

/// [MS-SRVS] 2.2.2.6 PLATFORM_ID_NT.
const PLATFORM_NT: u32 = 500;
/// [MS-SRVS] 2.2.2.7 software type: SV_TYPE_WORKSTATION, SV_TYPE_SERVER, SV_TYPE_NT, SV_TYPE_SERVER_NT.
const SERVER_TYPE: u32 = 0x0000_0001 | 0x0000_0002 | 0x0000_1000 | 0x0000_8000;
/// sv*_disc: minutes until an idle session may be closed.
const IDLE_MINUTES: u32 = 15;
/// sv*_announce and sv*_anndelta.
const ANNOUNCE: [u32; 2] = [240, 3_000];

/// sv599_sessopens to sv599_lmannounce: what level 502 has.
const OPERATING: [u32; 18] = [
    16_384,   // sessopens: the most that the field may say
    1,        // sessvcs
    2_048,    // opensearch
    4_356,    // sizreqbuf
    4,        // initworkitems
    16,       // maxworkitems
    4,        // rawworkitems
    11,       // irpstacksize
    65_535,   // maxrawbuflen
    2_048,    // sessusers
    2_048,    // sessconns
    u32::MAX, // maxpagedmemoryusage
    u32::MAX, // maxnonpagedmemoryusage
    0,        // enablesoftcompat: share modes of DOS are not made up for anybody
    1,        // enableforcedlogoff
    0,        // timesource
    1,        // acceptdownlevelapis
    0,        // lmannounce
];

/// sv599_maxcopyreadlen to sv599_minkeepsearch.
const COPYING: [u32; 3] = [8_192, 0, 480];
/// sv503_maxkeepsearch, which follows them.
const MAX_KEEP_SEARCH: u32 = 3_600;
/// sv599_minkeepcomplsearch to sv599_maxfreeconnections.
const TUNING: [u32; 19] = [
    240,       // minkeepcomplsearch
    600,       // maxkeepcomplsearch
    2,         // threadcountadd
    2,         // numblockthreads
    30,        // scavtimeout
    2,         // minrcvqueue
    2,         // minfreeworkitems
    0x10_0000, // xactmemsize
    1,         // threadpriority
    50,        // maxmpxct
    35,        // oplockbreakwait
    35,        // oplockbreakresponsewait
    1,         // enableoplocks
    0,         // enableoplockforceclose
    0,         // enablefcbopens
    0,         // enableraw
    0,         // enablesharednetdrives
    2,         // minfreeconnections
    2,         // maxfreeconnections
];
/// sv599_initsesstable to sv599_maxworkitemidletime.
const TABLES: [u32; 14] = [4, 8, 16, 8, 5, 10, 5, 10, 0, 60, 0, 60, 300, 30];

/// NetrServerGetInfo.
pub(super) fn server_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    let allowed = match level {
        100 | 101 | 103 => !call.cx.is_anonymous(),
        // Note <80>.
        102 | 502 => access::is_power_user(call.cx),
        503 | 599 => access::is_server_operator(call.cx),
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
    if level <= 103 {
        identity(call, level, &mut writer);
    } else {
        operation(call, level, &mut writer);
    }
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

/// [MS-SRVS] 2.2.4.40 SERVER_INFO_100 to 2.2.4.43 SERVER_INFO_103.
fn identity(call: &Call<'_, '_>, level: u32, writer: &mut NdrWriter) {
    let server = call.cx.server;
    writer.u32(PLATFORM_NT);
    writer.pointer();
    if level >= 101 {
        writer.u32(server.version.0);
        writer.u32(server.version.1);
        writer.u32(SERVER_TYPE);
        writer.pointer();
    }
    if level >= 102 {
        writer.u32(u32::MAX); // users: no limit
        writer.u32(IDLE_MINUTES);
        writer.u32(0); // hidden
        for value in ANNOUNCE {
            writer.u32(value);
        }
        writer.u32(0); // licenses
        writer.pointer();
    }
    if level == 103 {
        writer.u32(0); // capabilities: no hashes for BranchCache
    }
    writer.wide_string(&server.netbios_name);
    if level >= 101 {
        writer.wide_string(&server.comment);
    }
    if level >= 102 {
        writer.wide_string("C:\\");
    }
}

/// [MS-SRVS] 2.2.4.44 SERVER_INFO_502 to 2.2.4.46 SERVER_INFO_599.
fn operation(call: &Call<'_, '_>, level: u32, writer: &mut NdrWriter) {
    let mut values: Vec<u32> = Vec::new();
    for value in OPERATING {
        writer.u32(value);
    }
    if level == 502 {
        return;
    }
    writer.pointer();
    values.extend(COPYING);
    values.push(MAX_KEEP_SEARCH);
    values.extend(TUNING);
    if level == 599 {
        values.extend(TABLES);
    }
    for value in values {
        writer.u32(value);
    }
    writer.wide_string(call.cx.domain.map_or(&call.cx.server.workgroup, |domain| &domain.netbios_name));
}

#[cfg(test)]
mod tests {
    use freehold_dtyp::Sid;

    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{self, Client, Fixture};

    #[test]
    fn the_server_tells_who_it_is() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(21, &testing::server_info_request(101)).unwrap();
        let mut reader = NdrReader::new(&stub);
        let head: Vec<u32> = (0..8).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((head[0], head[2], head[4], head[5]), (101, 500, 10, 0));
        assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "A test server");
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
    }

    #[test]
    fn every_level_has_all_its_fields() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        // Level, pointer, fields, strings, status.
        let string =
            |text: &str| 12 + (text.len() + 1) * 2 + if text.len().is_multiple_of(2) { 2 } else { 0 };
        let (name, comment, path, domain) =
            (string("FILES"), string("A test server"), string("C:\\"), string("WORKGROUP"));
        for (level, fields, strings) in [
            (100, 2, name),
            (101, 6, name + comment),
            (102, 13, name + comment + path),
            (103, 14, name + comment + path),
            (502, 18, 0),
            (503, 18 + 24, domain),
            (599, 18 + 24 + 14, domain),
        ] {
            let stub = client.call(21, &testing::server_info_request(level)).unwrap();
            assert_eq!(stub.len(), 8 + fields * 4 + strings + 4, "level {level}");
            assert_eq!(stub[stub.len() - 4..], [0; 4], "level {level}");
        }
    }

    #[test]
    fn details_are_for_operators() {
        let denied = |fixture: Fixture| -> Vec<u32> {
            let mut client = Client::srvsvc(&fixture);
            let mut status = |level| {
                let stub = client.call(21, &testing::server_info_request(level)).unwrap();
                u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap())
            };
            let levels = [100, 101, 103, 102, 502, 503, 599, 9];
            levels.into_iter().filter(|level| status(*level) == 5).collect()
        };
        assert!(denied(Fixture::new()).is_empty());
        assert_eq!(denied(Fixture::new().caller_in(Some(Sid::POWER_USERS))), [503, 599]);
        assert_eq!(denied(Fixture::new().ordinary_caller()), [102, 502, 503, 599]);
        assert_eq!(denied(Fixture::new().anonymous_caller()), [100, 101, 103, 102, 502, 503, 599]);
        let fixture = Fixture::new();
        let stub = Client::srvsvc(&fixture).call(21, &testing::server_info_request(9)).unwrap();
        assert_eq!(stub, [9, 0, 0, 0, 124, 0, 0, 0]);
    }
}
