//! What the requests about quotas do.

use super::protocol::Reply;
use super::quota_protocol::QuotaRequest;
use super::service::AdminService;

/// Where the parts of an answer go.
type Sink<'a> = dyn FnMut(Reply) -> bool + 'a;

impl AdminService {
    /// Executes a request about quotas; `sink` gets the parts of the answer.
    pub(super) fn quota(&self, request: QuotaRequest, _sink: &mut Sink<'_>) -> anyhow::Result<()> {
        drop(request);
        anyhow::bail!("quotas cannot be administered by this version yet")
    }
}
