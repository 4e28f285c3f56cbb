//! What is open.

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Part, number};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::open_protocol::{OpenFileFilter, OpenFileRequest, OpenFileRow};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one, close))
}

/// Which open files; all where nothing is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OpenFileQuery {
    /// Of this session.
    session_id: Option<u64>,
    /// Of this client: an address.
    client_computer_name: Option<String>,
    /// Of this user.
    client_user_name: Option<String>,
    /// Through this share.
    share_name: Option<String>,
    /// Of this path.
    path: Option<String>,
}

async fn ask(call: &Call, request: OpenFileRequest) -> Result<Vec<OpenFileRow>, Problem> {
    match call.ask(Request::OpenFile { request }).await? {
        Reply::OpenFiles(rows) => Ok(rows),
        other => Err(unexpected(&other)),
    }
}

fn of(id: u64) -> OpenFileFilter {
    OpenFileFilter { file_id: Some(id), ..OpenFileFilter::default() }
}

/// Lists the open files.
#[utoipa::path(
    get, path = "/v1/open-files", operation_id = "listOpenFiles", tag = "open-files",
    security(("negotiate" = []), ("token" = ["sessions:read"])),
    params(OpenFileQuery),
    responses((status = 200, description = "The open files.", body = Vec<OpenFileRow>))
)]
async fn list(call: Call, Asked(query): Asked<OpenFileQuery>) -> Result<Json<Vec<OpenFileRow>>, Problem> {
    let OpenFileQuery { session_id, client_computer_name, client_user_name, share_name, path } = query;
    let filter = OpenFileFilter {
        file_id: None,
        session_id,
        client_computer_name,
        client_user_name,
        share_name,
        path,
    };
    ask(&call, OpenFileRequest::List { filter }).await.map(Json)
}

/// Shows an open file.
#[utoipa::path(
    get, path = "/v1/open-files/{id}", operation_id = "getOpenFile", tag = "open-files",
    security(("negotiate" = []), ("token" = ["sessions:read"])),
    params(("id" = u64, Path, description = "FileId.")),
    responses((status = 200, description = "The open file.", body = OpenFileRow))
)]
async fn one(call: Call, Part(id): Part) -> Result<Json<OpenFileRow>, Problem> {
    let filter = of(number("id", &id)?);
    let rows = ask(&call, OpenFileRequest::List { filter }).await?;
    rows.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("open file", &id))
}

/// Closes an open file.
#[utoipa::path(
    delete, path = "/v1/open-files/{id}", operation_id = "closeOpenFile", tag = "open-files",
    security(("negotiate" = []), ("token" = ["sessions:write"])),
    params(("id" = u64, Path, description = "FileId.")),
    responses((status = 200, description = "The open file that was closed.", body = OpenFileRow))
)]
async fn close(call: Call, Part(id): Part) -> Result<Json<OpenFileRow>, Problem> {
    let filter = of(number("id", &id)?);
    let rows = ask(&call, OpenFileRequest::Close { filter, what_if: false }).await?;
    rows.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("open file", &id))
}
