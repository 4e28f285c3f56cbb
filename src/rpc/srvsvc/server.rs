//! [MS-SRVS] 3.1.4.17 NetrServerGetInfo, 3.1.4.21 NetrRemoteTOD, 3.1.4.31 NetprNameValidate.

use freehold_dtyp::FileTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::info_level;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;

/// [MS-SRVS] 2.2.2.7 software type: SV_TYPE_WORKSTATION, SV_TYPE_SERVER, SV_TYPE_NT, SV_TYPE_SERVER_NT.
const SERVER_TYPE: u32 = 0x0000_0001 | 0x0000_0002 | 0x0000_1000 | 0x0000_8000;
/// tod_tinterval: the clock's resolution in 0.1 ms.
const CLOCK_INTERVAL: u32 = 310;
/// Longest share name that NetprNameValidate takes.
const MAX_SHARE_NAME: usize = 80;
/// NAMETYPE_SHARE of [MS-SRVS] 2.2.2.9.
const NAME_TYPE_SHARE: u32 = 9;

/// NetrServerGetInfo.
pub(super) fn server_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let (level, mut writer) = match info_level::begin(call)? {
        Ok(begun) => begun,
        Err(refused) => return Ok(refused),
    };
    let server = call.cx.server;
    writer.pointer();
    if level >= 101 {
        writer.u32(server.version.0);
        writer.u32(server.version.1);
        writer.u32(SERVER_TYPE);
        writer.pointer();
    }
    if level == 102 {
        writer.u32(u32::MAX); // users: no limit
        writer.u32(15); // disc: minutes until an idle session may be closed
        writer.u32(0); // hidden
        writer.u32(240); // announce
        writer.u32(3_000); // anndelta
        writer.u32(0); // licenses
        writer.pointer();
    }
    writer.wide_string(&server.netbios_name);
    if level >= 101 {
        writer.wide_string(&server.comment);
    }
    if level == 102 {
        writer.wide_string("C:\\");
    }
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

/// NetrRemoteTOD.
pub(super) fn remote_time_of_day(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let mut writer = NdrWriter::new();
    writer.pointer();
    for value in time_of_day(call.cx.now) {
        writer.u32(value);
    }
    writer.u32(Win32::SUCCESS.0);
    Ok(writer)
}

/// [MS-SRVS] 2.2.4.105 TIME_OF_DAY_INFO. The server keeps UTC: tod_timezone is 0.
fn time_of_day(now: FileTime) -> [u32; 12] {
    let (seconds, nanoseconds) = now.to_unix();
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let civil = TimeZone::UTC.to_datetime(timestamp);
    let unsigned = |value: i8| u32::try_from(value).unwrap_or(0);
    [
        u32::try_from(seconds).unwrap_or(u32::MAX),
        // Milliseconds from an arbitrary start: clients compare two of them.
        u32::try_from(now.0.div_euclid(10_000) & u64::from(u32::MAX)).unwrap_or(0),
        unsigned(civil.hour()),
        unsigned(civil.minute()),
        unsigned(civil.second()),
        nanoseconds.div_euclid(10_000_000),
        0,
        CLOCK_INTERVAL,
        unsigned(civil.day()),
        unsigned(civil.month()),
        u32::try_from(civil.year()).unwrap_or(0),
        unsigned(civil.weekday().to_sunday_zero_offset()),
    ]
}

/// NetprNameValidate: share names only; other types are not for this server to judge.
pub(super) fn name_validate(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("Name")?;
    let name_type = call.parameters.u32("NameType")?;
    let flags = call.parameters.u32("Flags")?;
    let units = name.as_wtf8().utf16_length();
    let forbidden = |byte: &u8| *byte < 0x20 || b"\"/\\[]:|<>+=;,*?".contains(byte);
    let status = if flags & 0x7FFF_FFFF != 0 {
        Win32::INVALID_PARAMETER
    } else if name_type == NAME_TYPE_SHARE {
        let good = (1..=MAX_SHARE_NAME).contains(&units) && !name.as_bytes().iter().any(forbidden);
        if good { Win32::SUCCESS } else { Win32::INVALID_NAME }
    } else {
        Win32::INVALID_PARAMETER
    };
    let mut writer = NdrWriter::new();
    writer.u32(status.0);
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{self, Client, Fixture};
    use super::*;

    #[test]
    fn the_clock_is_told_in_utc() {
        // 2024-02-29 12:34:56.78 UTC, a Thursday.
        let now = FileTime::from_unix(1_709_210_096, 780_000_000);
        let info = time_of_day(now);
        assert_eq!(info[0], 1_709_210_096);
        assert_eq!(info[2..], [12, 34, 56, 78, 0, 310, 29, 2, 2024, 4]);
        assert_eq!(time_of_day(FileTime(u64::MAX))[0], u32::MAX);
    }

    #[test]
    fn the_server_tells_its_name_and_version() {
        let fixture = Fixture::new();
        let stub = Client::srvsvc(&fixture).call(21, &testing::server_info_request(101)).unwrap();
        let mut reader = NdrReader::new(&stub);
        let head: Vec<u32> = (0..8).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((head[0], head[2], head[4], head[5], head[6]), (101, 500, 10, 0, 0x9003));
        assert_eq!(reader.wide_string("").unwrap().to_string(), "FILES");
        assert_eq!(reader.wide_string("").unwrap().to_string(), "A test server");
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
    }

    #[test]
    fn details_are_for_administrators() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(21, &testing::server_info_request(102)).unwrap();
        assert_eq!(stub, [102, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]);
        let stub = client.call(21, &testing::server_info_request(9)).unwrap();
        assert_eq!(stub, [9, 0, 0, 0, 124, 0, 0, 0]);
    }

    #[test]
    fn share_names_are_validated() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        for (name, status) in [("data", 0), ("", 123), ("a/b", 123)] {
            let mut writer = NdrWriter::new();
            writer.null();
            writer.wide_string(name);
            writer.u32(9);
            writer.u32(0);
            assert_eq!(client.call(33, &writer.into_bytes()).unwrap(), u32::to_le_bytes(status), "{name}");
        }
    }
}
