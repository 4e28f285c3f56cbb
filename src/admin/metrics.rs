//! What a running server does, for who administers it.

use super::AdminService;
use super::metrics_protocol::{MetricsReply, MetricsRequest};
use crate::metrics::openmetrics;

impl AdminService {
    /// Answers a question about what the server does.
    ///
    /// # Errors
    /// When it does not run.
    pub(super) fn metrics(&self, request: &MetricsRequest) -> anyhow::Result<MetricsReply> {
        let snapshot = self.running("a picture of its work")?.metrics();
        Ok(match request {
            MetricsRequest::Snapshot => MetricsReply::Snapshot(Box::new(snapshot)),
            MetricsRequest::OpenMetrics => MetricsReply::OpenMetrics(openmetrics::text_of(snapshot)?),
        })
    }
}
