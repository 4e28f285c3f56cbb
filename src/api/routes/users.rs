//! Local accounts.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Body, Part};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use super::same_name;
use crate::admin::protocol::{Password, Reply, Request, UserRow};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(one, change, remove))
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewUser {
    /// Its name: 1 to 20 characters.
    name: String,
    /// Its password: 1 to 256 characters.
    password: Password,
    /// Full name.
    #[serde(default)]
    full_name: String,
    /// Comment.
    #[serde(default)]
    comment: String,
    /// It starts disabled.
    #[serde(default)]
    disabled: bool,
    /// Groups besides Users, by name or SID.
    #[serde(default)]
    groups: Vec<String>,
}

/// What is to change of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UserChange {
    /// New password.
    password: Option<Password>,
    /// Disable or enable.
    disabled: Option<bool>,
    /// New full name.
    full_name: Option<String>,
    /// New comment.
    comment: Option<String>,
}

async fn find(call: &Call, name: &str) -> Result<UserRow, Problem> {
    match call.look(Request::UserList).await? {
        Reply::Users(rows) => rows
            .into_iter()
            .find(|row| same_name(&row.name, name))
            .ok_or_else(|| Problem::not_found("account", name)),
        other => Err(unexpected(&other)),
    }
}

/// Lists the accounts of this server.
#[utoipa::path(
    get, path = "/v1/users", operation_id = "listUsers", tag = "users",
    security(("negotiate" = []), ("token" = ["users:read"])),
    responses((status = 200, description = "The accounts.", body = Vec<UserRow>))
)]
async fn list(call: Call) -> Result<Json<Vec<UserRow>>, Problem> {
    match call.ask(Request::UserList).await? {
        Reply::Users(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Makes an account.
#[utoipa::path(
    post, path = "/v1/users", operation_id = "addUser", tag = "users",
    security(("negotiate" = []), ("token" = ["users:write"])),
    request_body(content = NewUser, example = json!({"Name": "anna", "Password": "Secret-1", "FullName": "Anna Ek"})),
    responses((status = 201, description = "The account.", body = UserRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add(call: Call, Body(new): Body<NewUser>) -> Result<Response, Problem> {
    let NewUser { name, password, full_name, comment, disabled, groups } = new;
    call.ask(Request::UserAdd { name: name.clone(), password, full_name, comment, disabled, groups }).await?;
    let row = find(&call, &name).await?;
    let place = [(header::LOCATION, super::location(&["users", &row.name]))];
    Ok((StatusCode::CREATED, place, Json(row)).into_response())
}

/// Shows an account.
#[utoipa::path(
    get, path = "/v1/users/{name}", operation_id = "getUser", tag = "users",
    security(("negotiate" = []), ("token" = ["users:read"])),
    params(("name" = String, Path, description = "Name of the account.")),
    responses((status = 200, description = "The account.", body = UserRow))
)]
async fn one(call: Call, Part(name): Part) -> Result<Json<UserRow>, Problem> {
    let Json(rows) = list(call).await?;
    let found = rows.into_iter().find(|row| same_name(&row.name, &name));
    found.map(Json).ok_or_else(|| Problem::not_found("account", &name))
}

/// Changes an account.
#[utoipa::path(
    patch, path = "/v1/users/{name}", operation_id = "setUser", tag = "users",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(("name" = String, Path, description = "Name of the account.")),
    request_body(content = UserChange, example = json!({"Disabled": true})),
    responses((status = 200, description = "The account as it is now.", body = UserRow))
)]
async fn change(
    call: Call,
    Part(name): Part,
    Body(change): Body<UserChange>,
) -> Result<Json<UserRow>, Problem> {
    let UserChange { password, disabled, full_name, comment } = change;
    call.ask(Request::UserSet { name: name.clone(), password, disabled, full_name, comment }).await?;
    find(&call, &name).await.map(Json)
}

/// Removes an account. Its files stay.
#[utoipa::path(
    delete, path = "/v1/users/{name}", operation_id = "removeUser", tag = "users",
    security(("negotiate" = []), ("token" = ["users:write"])),
    params(("name" = String, Path, description = "Name of the account.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    call.ask(Request::UserRemove { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}
