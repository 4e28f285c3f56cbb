//! [MS-LSAD] and [MS-LSAT]: as much as is needed to show and find names of accounts.

mod lookup;
mod policy;

use freehold_dtyp::NtStatus;

use super::dispatch::Call;
use super::fault::Fault;
use super::ndr::NdrWriter;

/// [MS-LSAD] 3.1.4 and [MS-LSAT] 3.1.4 Message Processing Events and Sequencing Rules.
pub(super) fn call(call: &mut Call<'_, '_>, operation: u16) -> Result<NdrWriter, Fault> {
    match operation {
        0 => policy::close(call),
        6 => policy::open_policy(call),
        7 | 46 => policy::query_information(call),
        14 => lookup::lookup_names(call, lookup::NamesForm::Rid),
        15 => lookup::lookup_sids(call, lookup::SidsForm::Plain),
        44 => policy::open_policy_2(call),
        45 => policy::get_user_name(call),
        57 => lookup::lookup_sids(call, lookup::SidsForm::Extended),
        58 => lookup::lookup_names(call, lookup::NamesForm::RidExtended),
        68 => lookup::lookup_names(call, lookup::NamesForm::Sid),
        76 => lookup::lookup_sids(call, lookup::SidsForm::WithoutHandle),
        77 => lookup::lookup_names(call, lookup::NamesForm::SidWithoutHandle),
        130 => policy::open_policy_3(call),
        _ => Err(Fault::OP_RANGE),
    }
}

/// Ends an answer.
fn status(mut writer: NdrWriter, status: NtStatus) -> NdrWriter {
    writer.u32(status.0);
    writer
}
