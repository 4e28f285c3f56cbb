//! Folders of DFS namespaces, and where they lead. A path has backslashes or slashes of its own: it stands in the query or the body.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Body};
use super::super::call::Call;
use super::super::problem::Problem;
use super::dfs::{ask, look, surprise};
use crate::admin::dfs_protocol::{
    DfsFolderRow, DfsReply, DfsRequest, DfsTargetRow, FolderOptions, TargetOptions,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(folders, add_folder, set_folder, remove_folder))
        .routes(routes!(move_folder))
        .routes(routes!(targets, add_target, set_target, remove_target))
}

/// Which folders; all where nothing is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AboutQuery {
    /// A namespace or a folder: `files`, `files\projects`, `\\server\files\projects`.
    path: Option<String>,
}

/// Which folder.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FolderQuery {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
}

/// Which target.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TargetQuery {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
    /// The target: `\\server\share`, or a folder below.
    target_path: String,
}

/// A new folder; what is left out has its default.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewDfsFolder {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
    /// Where it leads: at least one `\\server\share`, or a folder below.
    target_paths: Vec<String>,
    /// Its settings.
    #[serde(default)]
    settings: FolderOptions,
    /// The settings of its targets.
    #[serde(default)]
    targets: TargetOptions,
}

/// What is to change of a folder; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DfsFolderChange {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
    /// The changes.
    settings: FolderOptions,
}

/// Another place for a folder.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DfsFolderMove {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
    /// Its new path, in the same namespace.
    new_path: String,
}

/// A target of a folder, with its settings: those of a new one, or what is to change.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DfsTargetBody {
    /// The folder: `files\projects`, `\\server\files\projects`.
    path: String,
    /// The target: `\\server\share`, or a folder below.
    target_path: String,
    /// Its settings; what is left out has its default where the target is new, else stays.
    #[serde(default)]
    settings: TargetOptions,
}

async fn folder(call: &Call, path: String) -> Result<DfsFolderRow, Problem> {
    match look(call, DfsRequest::Folders { path: Some(path.clone()) }).await? {
        DfsReply::Folders(rows) => rows.into_iter().next().ok_or_else(|| Problem::not_found("folder", &path)),
        other => Err(surprise(other)),
    }
}

fn target_rows(reply: DfsReply) -> Result<Json<Vec<DfsTargetRow>>, Problem> {
    match reply {
        DfsReply::Targets(rows) => Ok(Json(rows)),
        other => Err(surprise(other)),
    }
}

/// Lists folders of namespaces.
#[utoipa::path(
    get, path = "/v1/dfs/folders", operation_id = "listDfsFolders", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(AboutQuery),
    responses((status = 200, description = "The folders.", body = Vec<DfsFolderRow>))
)]
async fn folders(call: Call, Asked(query): Asked<AboutQuery>) -> Result<Json<Vec<DfsFolderRow>>, Problem> {
    match ask(&call, DfsRequest::Folders { path: query.path }).await? {
        DfsReply::Folders(rows) => Ok(Json(rows)),
        other => Err(surprise(other)),
    }
}

/// Makes a folder with its targets.
#[utoipa::path(
    post, path = "/v1/dfs/folders", operation_id = "addDfsFolder", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = NewDfsFolder, example = json!({"Path": "files\\projects", "TargetPaths": ["\\\\fs1\\projects"]})),
    responses((status = 201, description = "The folder.", body = DfsFolderRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add_folder(call: Call, Body(new): Body<NewDfsFolder>) -> Result<Response, Problem> {
    let NewDfsFolder { path, target_paths, settings, targets } = new;
    ask(&call, DfsRequest::AddFolder { path: path.clone(), target_paths, settings, targets }).await?;
    let row = folder(&call, path).await?;
    let place = format!("/v1/dfs/folders?path={}", super::encoded(&row.path));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(row)).into_response())
}

/// Changes a folder.
#[utoipa::path(
    patch, path = "/v1/dfs/folders", operation_id = "setDfsFolder", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = DfsFolderChange, example = json!({"Path": "files\\projects", "Settings": {"TimeToLiveSec": 600}})),
    responses((status = 200, description = "The folder as it is now.", body = DfsFolderRow))
)]
async fn set_folder(call: Call, Body(change): Body<DfsFolderChange>) -> Result<Json<DfsFolderRow>, Problem> {
    let DfsFolderChange { path, settings } = change;
    ask(&call, DfsRequest::SetFolder { path: path.clone(), settings }).await?;
    folder(&call, path).await.map(Json)
}

/// Removes a folder with its targets. What they hold stays.
#[utoipa::path(
    delete, path = "/v1/dfs/folders", operation_id = "removeDfsFolder", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    params(FolderQuery),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_folder(call: Call, Asked(query): Asked<FolderQuery>) -> Result<StatusCode, Problem> {
    ask(&call, DfsRequest::RemoveFolder { path: query.path }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a folder another place in its namespace.
#[utoipa::path(
    post, path = "/v1/dfs/folders/move", operation_id = "moveDfsFolder", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = DfsFolderMove, example = json!({"Path": "files\\projects", "NewPath": "files\\archive\\projects"})),
    responses((status = 200, description = "The folder as it is now.", body = DfsFolderRow))
)]
async fn move_folder(call: Call, Body(body): Body<DfsFolderMove>) -> Result<Json<DfsFolderRow>, Problem> {
    let DfsFolderMove { path, new_path } = body;
    ask(&call, DfsRequest::MoveFolder { path, new_path: new_path.clone() }).await?;
    folder(&call, new_path).await.map(Json)
}

/// Lists the targets of folders.
#[utoipa::path(
    get, path = "/v1/dfs/targets", operation_id = "listDfsTargets", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(AboutQuery),
    responses((status = 200, description = "The targets.", body = Vec<DfsTargetRow>))
)]
async fn targets(call: Call, Asked(query): Asked<AboutQuery>) -> Result<Json<Vec<DfsTargetRow>>, Problem> {
    target_rows(ask(&call, DfsRequest::Targets { path: query.path }).await?)
}

/// Gives a folder a further target.
#[utoipa::path(
    post, path = "/v1/dfs/targets", operation_id = "addDfsTarget", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = DfsTargetBody, example = json!({"Path": "files\\projects", "TargetPath": "\\\\fs2\\projects"})),
    responses((status = 201, description = "The folder's targets as they are now.", body = Vec<DfsTargetRow>))
)]
async fn add_target(
    call: Call,
    Body(body): Body<DfsTargetBody>,
) -> Result<(StatusCode, Json<Vec<DfsTargetRow>>), Problem> {
    let DfsTargetBody { path, target_path, settings } = body;
    ask(&call, DfsRequest::AddTarget { path: path.clone(), target_path, settings }).await?;
    let rows = target_rows(look(&call, DfsRequest::Targets { path: Some(path) }).await?)?;
    Ok((StatusCode::CREATED, rows))
}

/// Changes a target.
#[utoipa::path(
    patch, path = "/v1/dfs/targets", operation_id = "setDfsTarget", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = DfsTargetBody, example = json!({"Path": "files\\projects", "TargetPath": "\\\\fs2\\projects",
                                                            "Settings": {"State": "Offline"}})),
    responses((status = 200, description = "The folder's targets as they are now.", body = Vec<DfsTargetRow>))
)]
async fn set_target(call: Call, Body(body): Body<DfsTargetBody>) -> Result<Json<Vec<DfsTargetRow>>, Problem> {
    let DfsTargetBody { path, target_path, settings } = body;
    ask(&call, DfsRequest::SetTarget { path: path.clone(), target_path, settings }).await?;
    target_rows(look(&call, DfsRequest::Targets { path: Some(path) }).await?)
}

/// Takes a target from a folder that has others. What it holds stays.
#[utoipa::path(
    delete, path = "/v1/dfs/targets", operation_id = "removeDfsTarget", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    params(TargetQuery),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_target(call: Call, Asked(query): Asked<TargetQuery>) -> Result<StatusCode, Problem> {
    let TargetQuery { path, target_path } = query;
    ask(&call, DfsRequest::RemoveTarget { path, target_path }).await?;
    Ok(StatusCode::NO_CONTENT)
}
