//! What is refused: changes that are made with `freehold user` alone (new accounts, passwords), and calls that no server of
//! today serves.

use freehold_dtyp::NtStatus;

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Reply, ended};

/// A change of accounts, groups, settings or descriptors.
pub(super) fn change(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::ACCESS_DENIED.into())
}

/// SamrDeleteGroup: the handle stays good.
pub(super) fn delete(call: &mut Call<'_, '_>) -> Reply {
    let wire = call.parameters.array("Handle")?;
    call.handles.find(&wire)?;
    let mut results = NdrWriter::new();
    results.bytes(&wire);
    ended(results, NtStatus::ACCESS_DENIED)
}

/// SamrShutdownSamServer and the keys that the database of Windows is sealed with.
pub(super) fn not_supported(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::NOT_SUPPORTED.into())
}

/// 3.1.5.13.6 SamrSetDSRMPassword: a domain controller's.
pub(super) fn not_supported_here(_: &mut Call<'_, '_>) -> Reply {
    Err(NtStatus::NOT_SUPPORTED.into())
}

/// SamrTestPrivateFunctionsDomain, SamrTestPrivateFunctionsUser: no Windows has them.
pub(super) fn not_implemented(call: &mut Call<'_, '_>) -> Reply {
    objects::handle(call)?;
    Err(NtStatus::NOT_IMPLEMENTED.into())
}

/// 3.1.5.13.7 SamrValidatePassword carries passwords, and takes a connection that RPC itself seals.
pub(super) fn insecure(_: &mut Call<'_, '_>) -> Reply {
    Err(Fault::ACCESS_DENIED.into())
}
