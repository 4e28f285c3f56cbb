//! Who the server is.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::protocol::{Reply, Request, StatusRow};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(status))
}

/// Who the server is.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "getStatus", tag = "status",
    security(("negotiate" = []), ("token" = ["status:read"])),
    responses((status = 200, description = "The server.", body = StatusRow))
)]
async fn status(call: Call) -> Result<Json<StatusRow>, Problem> {
    match call.ask(Request::Status).await? {
        Reply::Status(row) => Ok(Json(row)),
        other => Err(unexpected(&other)),
    }
}
