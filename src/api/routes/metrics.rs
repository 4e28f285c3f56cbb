//! What the server does, as figures.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::metrics_protocol::{MetricsReply, MetricsRequest};
use crate::admin::protocol::{Reply, Request};

/// The media type of OpenMetrics 1.0.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Shows what the server does, as OpenMetrics.
#[utoipa::path(
    get, path = "/v1/metrics", operation_id = "getMetrics", tag = "status",
    security(("negotiate" = []), ("token" = ["metrics:read"])),
    responses((status = 200, description = "The figures.", body = String,
               content_type = "application/openmetrics-text"))
)]
async fn metrics(call: Call) -> Result<Response, Problem> {
    match call.ask(Request::Metrics { request: MetricsRequest::OpenMetrics }).await? {
        Reply::Metrics(MetricsReply::OpenMetrics(text)) => {
            Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
        }
        other => Err(unexpected(&other)),
    }
}
