//! What holds for the whole server.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::Body;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::protocol::{Reply, Request, ServerConfigurationRow, ServerOptions};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(show, change, reset))
}

fn row(reply: Reply) -> Result<Json<ServerConfigurationRow>, Problem> {
    match reply {
        Reply::ServerConfiguration(row) => Ok(Json(*row)),
        other => Err(unexpected(&other)),
    }
}

/// Shows what holds for the whole server.
#[utoipa::path(
    get, path = "/v1/server", operation_id = "getServerConfiguration", tag = "server",
    security(("negotiate" = []), ("token" = ["status:read"])),
    responses((status = 200, description = "The settings.", body = ServerConfigurationRow))
)]
async fn show(call: Call) -> Result<Json<ServerConfigurationRow>, Problem> {
    row(call.ask(Request::ServerConfiguration).await?)
}

/// Changes what holds for the whole server; what is left out stays.
#[utoipa::path(
    patch, path = "/v1/server", operation_id = "setServerConfiguration", tag = "server",
    security(("negotiate" = []), ("token" = ["config:write"])),
    request_body(content = ServerOptions, example = json!({"EncryptData": true})),
    responses((status = 200, description = "The settings as they are now.", body = ServerConfigurationRow))
)]
async fn change(
    call: Call,
    Body(settings): Body<ServerOptions>,
) -> Result<Json<ServerConfigurationRow>, Problem> {
    call.ask(Request::ServerSet { settings }).await?;
    row(call.look(Request::ServerConfiguration).await?)
}

/// Takes back what was set: the values of the configuration file hold again.
#[utoipa::path(
    delete, path = "/v1/server", operation_id = "resetServerConfiguration", tag = "server",
    security(("negotiate" = []), ("token" = ["config:write"])),
    responses((status = 200, description = "The settings as they are now.", body = ServerConfigurationRow))
)]
async fn reset(call: Call) -> Result<Json<ServerConfigurationRow>, Problem> {
    call.ask(Request::ServerReset).await?;
    row(call.look(Request::ServerConfiguration).await?)
}
