//! [MS-SRVS] 3.1.4.20 NetrServerStatisticsGet, 3.1.4.21 NetrRemoteTOD.

use freehold_dtyp::FileTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::access;

/// tod_tinterval: the clock's resolution in 0.1 ms.
const CLOCK_INTERVAL: u32 = 310;

/// NetrServerStatisticsGet.
pub(super) fn statistics_get(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    call.parameters.optional("Service", |reader| reader.wide_string("Service"))?;
    let level = call.parameters.u32("Level")?;
    let options = call.parameters.u32("Options")?;
    let status = match (level, options) {
        _ if !access::is_server_operator(call.cx) => Win32::ACCESS_DENIED,
        (1.., _) => Win32::INVALID_LEVEL,
        (0, 1..) => Win32::INVALID_PARAMETER,
        (0, 0) => Win32::SUCCESS,
    };
    let mut writer = NdrWriter::new();
    if status == Win32::SUCCESS {
        writer.pointer();
        for value in statistics(call) {
            writer.u32(value);
        }
    } else {
        writer.null();
    }
    writer.u32(status.0);
    Ok(writer)
}

/// [MS-SRVS] 2.2.4.39 STAT_SERVER_0. DIFFERS: bytes on the wire, sessions that timed out and refused accesses are not
/// counted and stay 0.
fn statistics(call: &Call<'_, '_>) -> [u32; 17] {
    let counted = call.cx.activity.statistics();
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let (started, _) = counted.started.to_unix();
    let (started, opens) = (u32::try_from(started).unwrap_or(0), number(counted.opens));
    let (sessions, refused) = (number(counted.sessions), number(counted.refused_logons));
    [started, opens, 0, 0, sessions, 0, 0, refused, 0, 0, 0, 0, 0, 0, 0, 0, 0]
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
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
    fn statistics_are_for_operators() {
        let ask = |fixture: &Fixture, level: u32, options: u32| {
            let stub: Vec<u8> = [0, 0, level, options].into_iter().flat_map(u32::to_le_bytes).collect();
            Client::srvsvc(fixture).call(24, &stub).unwrap()
        };
        let fixture = Fixture::new();
        let stub = ask(&fixture, 0, 0);
        assert_eq!(stub.len(), 4 + 17 * 4 + 4);
        let field = |at: usize| u32::from_le_bytes(stub[4 + at * 4..][..4].try_into().unwrap());
        assert_eq!((field(0), field(1), field(4), field(7)), (1_600_000_000, 3, 2, 1));
        assert_eq!(ask(&fixture, 1, 0), [0, 0, 0, 0, 124, 0, 0, 0]);
        assert_eq!(ask(&fixture, 0, 1), [0, 0, 0, 0, 87, 0, 0, 0]);
        assert_eq!(ask(&Fixture::new().ordinary_caller(), 0, 0), [0, 0, 0, 0, 5, 0, 0, 0]);
    }
}
