//! What [MS-SRVS] 3.1.4.17 NetrServerGetInfo and [MS-WKST] 3.2.4.1 NetrWkstaGetInfo have in common: levels 100 to 102, the
//! last for administrators, none for callers without an account.

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::NdrWriter;
use super::win32::Win32;

/// [MS-SRVS] 2.2.2.6 PLATFORM_ID_NT.
const PLATFORM_NT: u32 = 500;

/// Reads the parameters and begins the reply as far as both calls agree: level, pointer and platform. `Err` is the
/// whole reply to a caller who may not ask that.
pub(super) fn begin(call: &mut Call<'_, '_>) -> Result<Result<(u32, NdrWriter), NdrWriter>, Fault> {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    let status = match level {
        _ if call.cx.is_anonymous() => Win32::ACCESS_DENIED,
        100 | 101 => Win32::SUCCESS,
        102 if call.cx.is_administrator() => Win32::SUCCESS,
        102 => Win32::ACCESS_DENIED,
        _ => Win32::INVALID_LEVEL,
    };
    if status != Win32::SUCCESS {
        if matches!(level, 100..=102) {
            writer.null();
        }
        writer.u32(status.0);
        return Ok(Err(writer));
    }
    writer.pointer();
    writer.u32(PLATFORM_NT);
    Ok(Ok((level, writer)))
}
