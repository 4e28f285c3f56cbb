//! When the machine account's password is changed.

use std::time::Duration;

use freehold_dtyp::FileTime;

use crate::config::DomainSettings;
use crate::state::Membership;

/// Servers that joined together do not change their passwords together: each does it up to this part of the period earlier.
const JITTER_PART: u64 = 10;

/// When the password is due; `None` when it is never changed by itself.
#[must_use]
pub(super) fn next_change(membership: &Membership, settings: &DomainSettings) -> Option<FileTime> {
    let days = settings.password_rotation_days;
    if days == 0 {
        return None;
    }
    let period = Duration::from_secs(u64::from(days) * 24 * 3_600);
    // The same for the same password, so that a restart moves nothing: FNV-1a over its time and the account.
    let mut hash: u64 = 0xCBF2_9CE4_8422_2325;
    for byte in membership.password_changed.0.to_le_bytes().iter().chain(membership.computer_name.as_bytes())
    {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    let earlier = Duration::from_secs(hash % (period.as_secs() / JITTER_PART).max(1));
    Some(membership.password_changed.saturating_add(period.saturating_sub(earlier)))
}
