//! Local groups.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Body, Part, TwoParts};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use super::same_name;
use crate::admin::protocol::{GroupRow, Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(one, change, remove))
        .routes(routes!(add_member, remove_member))
}

/// A new group.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewGroup {
    /// Its name: 1 to 256 characters.
    name: String,
    /// Comment.
    #[serde(default)]
    comment: String,
}

/// What of a group changes; what is not given stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct GroupChange {
    /// New comment.
    comment: Option<String>,
}

async fn find(call: &Call, name: &str) -> Result<GroupRow, Problem> {
    match call.look(Request::GroupList).await? {
        Reply::Groups(rows) => rows
            .into_iter()
            .find(|row| same_name(&row.name, name) || row.sid == name)
            .ok_or_else(|| Problem::not_found("group", name)),
        other => Err(unexpected(&other)),
    }
}

/// Lists the groups of this server.
#[utoipa::path(
    get, path = "/v1/groups", operation_id = "listGroups", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:read"])),
    responses((status = 200, description = "The groups.", body = Vec<GroupRow>))
)]
async fn list(call: Call) -> Result<Json<Vec<GroupRow>>, Problem> {
    match call.ask(Request::GroupList).await? {
        Reply::Groups(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Makes a group.
#[utoipa::path(
    post, path = "/v1/groups", operation_id = "addGroup", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:write"])),
    request_body(content = NewGroup, example = json!({"Name": "engineers", "Comment": "Who builds it"})),
    responses((status = 201, description = "The group.", body = GroupRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add(call: Call, Body(new): Body<NewGroup>) -> Result<Response, Problem> {
    let NewGroup { name, comment } = new;
    call.ask(Request::GroupAdd { name: name.clone(), comment }).await?;
    let row = find(&call, &name).await?;
    let place = [(header::LOCATION, super::location(&["groups", &row.name]))];
    Ok((StatusCode::CREATED, place, Json(row)).into_response())
}

/// Shows a group.
#[utoipa::path(
    get, path = "/v1/groups/{name}", operation_id = "getGroup", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:read"])),
    params(("name" = String, Path, description = "Name of the group.")),
    responses((status = 200, description = "The group.", body = GroupRow))
)]
async fn one(call: Call, Part(name): Part) -> Result<Json<GroupRow>, Problem> {
    let Json(rows) = list(call).await?;
    let found = rows.into_iter().find(|row| same_name(&row.name, &name));
    found.map(Json).ok_or_else(|| Problem::not_found("group", &name))
}

/// Changes a group.
#[utoipa::path(
    patch, path = "/v1/groups/{name}", operation_id = "setGroup", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(("name" = String, Path, description = "Name of the group.")),
    request_body(content = GroupChange, example = json!({"Comment": "Who builds it"})),
    responses((status = 200, description = "The group as it is now.", body = GroupRow))
)]
async fn change(
    call: Call,
    Part(name): Part,
    Body(change): Body<GroupChange>,
) -> Result<Json<GroupRow>, Problem> {
    call.ask(Request::GroupSet { name: name.clone(), comment: change.comment }).await?;
    find(&call, &name).await.map(Json)
}

/// Removes a group. Its members stay.
#[utoipa::path(
    delete, path = "/v1/groups/{name}", operation_id = "removeGroup", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(("name" = String, Path, description = "Name of the group.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    call.ask(Request::GroupRemove { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts an account, a group or a SID into a group.
#[utoipa::path(
    put, path = "/v1/groups/{name}/members/{member}", operation_id = "addGroupMember", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(
        ("name" = String, Path, description = "Name of the group."),
        ("member" = String, Path, description = "Account, group or SID, of this server or of the domain."),
    ),
    responses((status = 200, description = "The group as it is now.", body = GroupRow))
)]
async fn add_member(call: Call, TwoParts(name, member): TwoParts) -> Result<Json<GroupRow>, Problem> {
    call.ask(Request::GroupAddMember { name: name.clone(), member }).await?;
    find(&call, &name).await.map(Json)
}

/// Takes an account, a group or a SID out of a group.
#[utoipa::path(
    delete, path = "/v1/groups/{name}/members/{member}", operation_id = "removeGroupMember", tag = "groups",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(
        ("name" = String, Path, description = "Name of the group."),
        ("member" = String, Path, description = "Account, group or SID."),
    ),
    responses((status = 200, description = "The group as it is now.", body = GroupRow))
)]
async fn remove_member(call: Call, TwoParts(name, member): TwoParts) -> Result<Json<GroupRow>, Problem> {
    call.ask(Request::GroupRemoveMember { name: name.clone(), member }).await?;
    find(&call, &name).await.map(Json)
}
