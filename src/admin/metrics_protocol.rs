//! Requests and answers about what a running server does.

use serde::{Deserialize, Serialize};

use crate::metrics::snapshot::Snapshot;

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "What", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum MetricsRequest {
    /// All that is counted, as rows.
    Snapshot,
    /// The same as OpenMetrics text.
    OpenMetrics,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum MetricsReply {
    /// Rows.
    Snapshot(Box<Snapshot>),
    /// Text, of the media type [`crate::metrics::openmetrics::CONTENT_TYPE`].
    OpenMetrics(String),
}
