//! [MS-SMB2] 3.3.5.15.9 Handling a Resiliency Request.

use std::time::Duration;

use freehold_dtyp::{NtStatus, Reader};

use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::durable::{Durability, Kept};
use super::super::super::limits::{MAX_RESILIENCY_TIMEOUT, RESILIENCY_TIMEOUT};
use super::super::super::persistent;
use super::Call;
use crate::smb2::Dialect;

/// FSCTL_LMR_REQUEST_RESILIENCY: the open is to outlive its session whatever it caches, for the time asked for. One that is
/// persistent stays so, and waits that long from now on: IsDurable becomes FALSE, and with it goes DurableOpenTimeOut (3.3.7.1).
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a pipe or from a client of 2.0.2, INVALID_PARAMETER for a timeout above the maximum.
pub(super) fn request(cx: &mut Context<'_>, call: &Call) -> StepResult {
    if cx.link.dialect() == Dialect::SMB_2_0_2 {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    let open = call.open()?;
    let file = file_of(&open)?;
    // 2.2.31.3 NETWORK_RESILIENCY_REQUEST: Timeout in milliseconds, Reserved.
    let mut reader = Reader::new(&call.input);
    let asked_ms = reader.u32("Timeout")?;
    reader.skip("Reserved", 4)?;
    let timeout = match asked_ms {
        0 => RESILIENCY_TIMEOUT,
        asked => Duration::from_millis(u64::from(asked)),
    };
    if timeout > MAX_RESILIENCY_TIMEOUT {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let identity = cx.session()?.identity.load_full();
    let client_guid =
        cx.link.negotiated.as_ref().map(|negotiated| negotiated.client_guid).unwrap_or_default();
    {
        let mut state = file.state.lock();
        let known = state.durability.get_or_insert_with(|| {
            Box::new(Durability {
                kept: Kept::No,
                timeout,
                client_guid,
                owner: *identity.token.user(),
                user: identity.user.clone(),
                created: None,
                app_instance: None,
                lock_version: 0,
                marks_version: 0,
                deadline: None,
            })
        });
        known.timeout = timeout;
        if known.kept != Kept::Persistent {
            known.kept = Kept::Resilient;
        }
    }
    cx.before_reply.extend(persistent::timeout_changed(cx.server, &open));
    call.done(cx)
}
