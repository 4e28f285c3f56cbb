//! [MS-WKST]: what this computer is, and what it is called.
//!
//! The redirector that the interface was made for is not here: nobody sits at this computer and it uses no others'
//! shares. What tells of it is answered as by a computer where nothing of that goes on; what would change it, and what would
//! change names or membership from afar, is refused: administrators do that with `freehold domain`.

mod info;
mod membership;

use super::dispatch::Call;
use super::enumeration::{Entry, Enumeration};
use super::fault::Fault;
use super::ndr::NdrWriter;
use super::srvsvc::TRANSPORT_NAME;
use super::win32::Win32;

/// Numbers in [MS-WKST] 2.2.5.11 STAT_WORKSTATION_0: 13 of 64 bits, of which the first is a time, and 27 of 32 bits.
const STATISTICS: (usize, usize) = (13, 27);

/// [MS-WKST] 3.2.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => info::workstation_get_info(call),
        // NetrWkstaSetInfo, NetrWkstaTransportAdd.
        1 | 6 => Ok(refused_with_error_parameter(changes_are(call))),
        // NetrWkstaTransportDel.
        7 => Ok(refused(changes_are(call))),
        2 => user_enum(call),
        5 => transport_enum(call),
        // NetrUseAdd, NetrUseDel. Notes <45> to <53>: for processes of the computer itself.
        8 => Ok(refused_with_error_parameter(Win32::NOT_SUPPORTED)),
        10 => Ok(refused(Win32::NOT_SUPPORTED)),
        9 => use_get_info(call),
        11 => use_enum(call),
        13 => statistics_get(call),
        20 => membership::get_join_information(call),
        // NetrJoinDomain2, NetrUnjoinDomain2, NetrRenameMachineInDomain2, NetrValidateName2.
        22..=25 => Ok(refused(Win32::ACCESS_DENIED)),
        26 => membership::get_joinable_ous(call),
        // NetrAddAlternateComputerName, NetrRemoveAlternateComputerName, NetrSetPrimaryComputerName.
        27..=29 => Ok(refused(Win32::ACCESS_DENIED)),
        30 => membership::enumerate_computer_names(call),
        // The same again with another encryption of the password.
        31..=37 => Ok(refused(Win32::ACCESS_DENIED)),
        _ => Err(Fault::OP_RANGE),
    }
}

/// What a change of the redirector is answered.
fn changes_are(call: &Call<'_, '_>) -> Win32 {
    if call.cx.is_administrator() { Win32::NOT_SUPPORTED } else { Win32::ACCESS_DENIED }
}

/// The reply of a call whose parameters do not matter, since nobody may make it. It returns nothing but its status.
fn refused(status: Win32) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.u32(status.0);
    writer
}

/// The same for a call that returns ErrorParameter in front of its status: null, since no member is to blame.
fn refused_with_error_parameter(status: Win32) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.null();
    writer.u32(status.0);
    writer
}

/// A list without entries.
struct Nothing;

impl Entry for Nothing {
    fn fixed(&self, _writer: &mut NdrWriter, _level: u32) {}
    fn referents(&self, _writer: &mut NdrWriter, _level: u32) {}
}

fn server_name(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    call.parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    Ok(())
}

/// 3.2.4.3 NetrWkstaUserEnum: who sits at this computer or has jobs running on it. Sessions over the network do not count.
fn user_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_name(call)?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0, 1])?;
    // Note <35>.
    if !call.cx.is_administrator() {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    Ok(enumeration.answer::<Nothing>(&[]))
}

/// 3.2.4.4 NetrWkstaTransportEnum.
fn transport_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_name(call)?;
    let enumeration = Enumeration::read(&mut call.parameters, &[0])?;
    if call.cx.is_anonymous() {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    Ok(enumeration.answer(&[Transport]))
}

/// TCP.
struct Transport;

impl Entry for Transport {
    /// [MS-WKST] 2.2.5.10 WKSTA_TRANSPORT_INFO_0.
    fn fixed(&self, writer: &mut NdrWriter, _level: u32) {
        writer.u32(0); // quality_of_service
        writer.u32(0); // number_of_vcs
        writer.pointer();
        writer.pointer();
        writer.u32(1); // wan_ish
    }

    fn referents(&self, writer: &mut NdrWriter, _level: u32) {
        writer.wide_string(TRANSPORT_NAME);
        writer.wide_string("000000000000");
    }
}

/// 3.2.4.8 NetrUseGetInfo.
fn use_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_name(call)?;
    call.parameters.wide_string("UseName")?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    match level {
        0..=3 => writer.null(),
        _ => return Err(Fault::INVALID_TAG),
    }
    writer.u32(Win32::NOT_SUPPORTED.0);
    Ok(writer)
}

/// 3.2.4.10 NetrUseEnum.
fn use_enum(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_name(call)?;
    Ok(Enumeration::read(&mut call.parameters, &[0, 1, 2])?.refuse(Win32::NOT_SUPPORTED))
}

/// 3.2.4.11 NetrWorkstationStatisticsGet: of a redirector that is not there; members that do not apply are zero.
fn statistics_get(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    server_name(call)?;
    call.parameters.optional("ServiceName", |reader| reader.wide_string("ServiceName"))?;
    let level = call.parameters.u32("Level")?;
    let options = call.parameters.u32("Options")?;
    let status = match (level, options) {
        _ if !call.cx.is_administrator() => Win32::ACCESS_DENIED,
        (1.., _) => Win32::INVALID_LEVEL,
        (0, 1..) => Win32::INVALID_PARAMETER,
        (0, 0) => Win32::SUCCESS,
    };
    let mut writer = NdrWriter::new();
    if status == Win32::SUCCESS {
        writer.pointer();
        writer.align(8);
        let (long, short) = STATISTICS;
        writer.bytes(&call.cx.activity.statistics().started.0.to_le_bytes());
        writer.bytes(&vec![0; long.saturating_sub(1).saturating_mul(8)]);
        writer.bytes(&vec![0; short.saturating_mul(4)]);
    } else {
        writer.null();
    }
    writer.u32(status.0);
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Client, Fixture};
    use super::*;

    pub(super) const WKSSVC: &str = "6bffd098-a112-3610-9833-46c3f87e345a";

    fn words(values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn status(stub: &[u8]) -> u32 {
        u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap())
    }

    fn enumerate(level: u32) -> Vec<u8> {
        words(&[0, level, level, 0x2_0000, 0, 0, u32::MAX, 0])
    }

    #[test]
    fn nobody_sits_at_this_computer() {
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        for level in [0, 1] {
            let stub = client.call(2, &enumerate(level)).unwrap();
            assert_eq!(stub, words(&[level, level, 0x2_0000, 0, 0, 0, 0, 0]));
        }
        assert_eq!(client.call(2, &enumerate(2)), Err(Fault::INVALID_TAG));
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        assert_eq!(status(&client.call(2, &enumerate(0)).unwrap()), 5);
    }

    #[test]
    fn there_is_one_transport() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        let stub = client.call(5, &enumerate(0)).unwrap();
        assert_eq!((stub[12], status(&stub)), (1, 0));
        let fixture = Fixture::new().anonymous_caller();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        assert_eq!(status(&client.call(5, &enumerate(0)).unwrap()), 5);
    }

    #[test]
    fn statistics_are_of_nothing() {
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        let stub = client.call(13, &words(&[0, 0, 0, 0])).unwrap();
        assert_eq!((stub.len(), status(&stub)), (8 + 13 * 8 + 27 * 4 + 4, 0));
        assert_eq!(client.call(13, &words(&[0, 0, 1, 0])).unwrap(), words(&[0, 124]));
        assert_eq!(client.call(13, &words(&[0, 0, 0, 1])).unwrap(), words(&[0, 87]));
    }

    #[test]
    fn what_would_change_this_computer_is_refused() {
        let fixture = Fixture::new();
        let mut client = Client::bind(&fixture, "wkssvc", WKSSVC, 1);
        for operation in (22..=25).chain(27..=29).chain(31..=37) {
            assert_eq!(client.call(operation, &[0; 40]).unwrap(), words(&[5]), "{operation}");
        }
        for operation in [7, 10] {
            assert_eq!(client.call(operation, &[0; 40]).unwrap(), words(&[50]), "{operation}");
        }
        // These return ErrorParameter, too: without it the reply cannot be read.
        for operation in [1, 6, 8] {
            assert_eq!(client.call(operation, &[0; 40]).unwrap(), words(&[0, 50]), "{operation}");
        }
        assert_eq!(status(&client.call(11, &enumerate(1)).unwrap()), 50);
        let mut writer = NdrWriter::new();
        writer.null();
        writer.wide_string("x:");
        writer.u32(1);
        assert_eq!(client.call(9, &writer.into_bytes()).unwrap(), words(&[1, 0, 50]));
        for operation in [3, 4, 12, 14, 15, 16, 21, 38] {
            assert_eq!(client.call(operation, &[0; 40]), Err(Fault::OP_RANGE), "{operation}");
        }
    }
}
