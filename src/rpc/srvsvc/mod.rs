//! [MS-SRVS]: shares, sessions, open files, and what this server is.

mod activity;
mod enumeration;
mod server;
mod share;

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};

/// [MS-SRVS] 3.1.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        8 => activity::connection_enum(call),
        9 => activity::file_enum(call),
        12 => activity::session_enum(call),
        15 => share::share_enum(call, share::Which::All),
        16 => share::share_get_info(call),
        21 => server::server_get_info(call),
        28 => server::remote_time_of_day(call),
        33 => server::name_validate(call),
        36 => share::share_enum(call, share::Which::Kept),
        _ => Err(Fault::OP_RANGE),
    }
}

/// [MS-SRVS] 2.2.1.1 SRVSVC_HANDLE: the name that the client used for this server. Any name is right.
fn server_name(parameters: &mut NdrReader<'_>) -> Result<(), Fault> {
    parameters.optional("ServerName", |reader| reader.wide_string("ServerName"))?;
    Ok(())
}
