//! What a user's quota leaves on a volume. The one place that knows of quotas here.

use freehold_dtyp::Sid;

use super::QuotaRow;

/// What the quota of `user` says. Volumes have none yet.
pub(super) fn row(_volume: &str, _user: &Sid) -> QuotaRow {
    QuotaRow { exceeded: false, text: "no quotas on this volume".to_owned() }
}
