//! [MS-SRVS]: shares, sessions, open files, and what this server is.

mod access;
mod activity;
mod file_security;
mod names;
mod paths;
mod server;
mod server_info;
mod share;
mod share_changes;
mod share_info;
mod transport;

pub(super) use transport::TRANSPORT_NAME;

use std::cmp::Ordering;

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};
use super::win32::Win32;

/// [MS-SRVS] 3.1.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        8 => activity::connection_enum(call),
        9 => activity::file_enum(call),
        10 => activity::file_get_info(call),
        11 => activity::file_close(call),
        12 => activity::session_enum(call),
        13 => activity::session_del(call),
        14 => share_changes::share_add(call),
        15 => share::share_enum(call, share::Which::All),
        16 => share::share_get_info(call),
        17 => share_changes::share_set_info(call),
        18 => share_changes::share_del(call),
        19 => share_changes::share_del_sticky(call),
        20 => share::share_check(call),
        21 => server_info::server_get_info(call),
        // NetrServerSetInfo.
        22 => Ok(settled_in_configuration(call, true)),
        23 => transport::disk_enum(call),
        24 => server::statistics_get(call),
        // NetrServerTransportAdd, NetrServerTransportDel, NetrServerTransportAddEx, NetrServerTransportDelEx, NetrServerAliasAdd,
        // NetrServerAliasDel.
        25 | 27 | 41 | 53 | 54 | 56 => Ok(settled_in_configuration(call, false)),
        26 => transport::transport_enum(call),
        28 => server::remote_time_of_day(call),
        30 => paths::path_type(call),
        31 => paths::path_canonicalize(call),
        32 => paths::path_compare(call),
        33 => names::name_validate(call),
        34 => names::name_canonicalize(call),
        35 => names::name_compare(call),
        36 => share::share_enum(call, share::Which::Kept),
        37 => share_changes::share_del_start(call),
        38 => share_changes::share_del_commit(call),
        39 => file_security::get_file_security(call),
        40 => file_security::set_file_security(call),
        // NetrDfsGetVersion to NetrDfsManagerReportSiteInfo. Note <42>: deprecated since Windows Server 2003, which answers
        // them with an error of its own.
        44..=46 | 49..=51 => Ok(status_only(Err(Win32::NOT_SUPPORTED))),
        // Version, which is 0, and the list of sites, which is null.
        43 | 52 => Ok(null_and(Win32::NOT_SUPPORTED)),
        48 => dfs_create_exit_point(call),
        55 => transport::alias_enum(call),
        57 => share_changes::share_del_ex(call),
        _ => Err(Fault::OP_RANGE),
    }
}

/// [MS-SRVS] 2.2.1.1 SRVSVC_HANDLE: the name that the client used for this server. Any name is right.
fn server_name(parameters: &mut NdrReader<'_>) -> Result<(), Fault> {
    parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    Ok(())
}

/// The reply of a call that returns nothing but its status.
fn status_only(outcome: Result<(), Win32>) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    writer
}

/// The reply of a call that returns four bytes in front of its status, and nothing in them.
fn null_and(status: Win32) -> NdrWriter {
    let mut writer = NdrWriter::new();
    writer.null();
    writer.u32(status.0);
    writer
}

/// [MS-SRVS] 3.1.4.39 NetrDfsCreateExitPoint: the reply has as much room for the short prefix as the client wants.
fn dfs_create_exit_point(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    /// Range of ShortPrefixLen, in characters.
    const MAX_SHORT_PREFIX: usize = 32;
    let parameters = &mut call.parameters;
    server_name(parameters)?;
    parameters.align(4)?;
    parameters.array::<16>("Uid")?;
    parameters.wide_string("Prefix")?;
    parameters.u32("Type")?;
    let length = parameters.size("ShortPrefixLen")?;
    if length > MAX_SHORT_PREFIX {
        return Err(parameters.error("ShortPrefixLen").into());
    }
    let mut writer = NdrWriter::new();
    writer.count(length);
    for _ in 0..length {
        writer.u16(0);
    }
    writer.u32(Win32::NOT_SUPPORTED.0);
    Ok(writer)
}

/// The reply of a call that would change what this server is and where it listens: that is in its configuration file and with
/// `freehold alias`, for administrators and Server Operators (notes <79> and <81>) as for everybody. `parameter_error`: the reply has
/// ParmErr, which is null.
fn settled_in_configuration(call: &Call<'_, '_>, parameter_error: bool) -> NdrWriter {
    let status =
        if access::is_server_operator(call.cx) { Win32::NOT_SUPPORTED } else { Win32::ACCESS_DENIED };
    let mut writer = NdrWriter::new();
    if parameter_error {
        writer.null();
    }
    writer.u32(status.0);
    writer
}

/// The reply of a call that returns 0, -1 or 1 ([MS-SRVS] 3.1.4.31, 3.1.4.34), or an error code in its place.
fn comparison(outcome: Result<Ordering, Win32>) -> NdrWriter {
    let mut writer = NdrWriter::new();
    match outcome {
        Ok(Ordering::Less) => writer.i32(-1),
        Ok(Ordering::Equal) => writer.i32(0),
        Ok(Ordering::Greater) => writer.i32(1),
        Err(status) => writer.u32(status.0),
    }
    writer
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Client, Fixture};
    use super::{Fault, NdrWriter};

    #[test]
    fn refusals_of_the_old_interface_for_dfs_can_be_read() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let status = 50_u32.to_le_bytes();
        for operation in [44, 45, 46, 49, 50, 51] {
            assert_eq!(client.call(operation, &[0; 40]).unwrap(), status, "{operation}");
        }
        for operation in [43, 52] {
            assert_eq!(client.call(operation, &[0; 8]).unwrap(), [[0; 4], status].concat(), "{operation}");
        }
        let exit_point = |length: u32| {
            let mut writer = NdrWriter::new();
            writer.null();
            writer.bytes(&[7; 16]);
            writer.wide_string("prefix");
            writer.u32(1);
            writer.u32(length);
            writer.into_bytes()
        };
        // An array of characters, and what brings the status to a multiple of four.
        for (length, bytes) in [(0_u32, 0), (3, 8), (32, 64)] {
            let expected = [&length.to_le_bytes()[..], &vec![0; bytes], &status].concat();
            assert_eq!(client.call(48, &exit_point(length)).unwrap(), expected, "{length}");
        }
        assert_eq!(client.call(48, &exit_point(33)), Err(Fault::BAD_STUB_DATA));
        assert_eq!(client.call(48, &exit_point(33)[..30]), Err(Fault::BAD_STUB_DATA));
    }

    #[test]
    fn what_the_server_is_cannot_be_changed_from_afar() {
        for (fixture, status) in [(Fixture::new(), 50), (Fixture::new().ordinary_caller(), 5)] {
            let mut client = Client::srvsvc(&fixture);
            assert_eq!(client.call(22, &[0; 12]).unwrap(), [[0; 4], u32::to_le_bytes(status)].concat());
            for operation in [25, 27, 41, 53, 54, 56] {
                assert_eq!(
                    client.call(operation, &[0; 12]).unwrap(),
                    u32::to_le_bytes(status),
                    "{operation}"
                );
            }
            assert!(fixture.tasks().is_empty());
        }
    }
}
