//! Shares and who may connect.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Body, Part, TwoParts};
use super::super::call::{Call, unexpected};
use super::super::openapi::with_properties;
use super::super::problem::Problem;
use super::same_name;
use crate::admin::protocol::{Reply, Request, ShareAccessRow, ShareOptions, ShareRight, ShareRow};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(one, change, remove))
        .routes(routes!(access, grant))
        .routes(routes!(revoke))
        .routes(routes!(block))
        .routes(routes!(unblock))
}

/// A new share; what is left out takes its default.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewShare {
    name: String,
    volume: String,
    #[serde(flatten)]
    settings: ShareOptions,
}

impl PartialSchema for NewShare {
    fn schema() -> RefOr<Schema> {
        let first = [("Name", true, "Name of the share."), ("Volume", true, "Volume that it is in.")];
        with_properties::<ShareOptions>(&first, "A new share; what is left out takes its default.")
    }
}

impl ToSchema for NewShare {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewShare")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ShareOptions::schemas(schemas);
    }
}

/// What is to change of a share; what is left out stays.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ShareSettingsChange {
    #[serde(default)]
    volume: Option<String>,
    #[serde(flatten)]
    settings: ShareOptions,
}

impl PartialSchema for ShareSettingsChange {
    fn schema() -> RefOr<Schema> {
        let first = [("Volume", false, "Another volume.")];
        with_properties::<ShareOptions>(&first, "What is to change of a share; what is left out stays.")
    }
}

impl ToSchema for ShareSettingsChange {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ShareSettingsChange")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ShareOptions::schemas(schemas);
    }
}

/// A right to a share for somebody, in place of what he was allowed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewAccess {
    /// Account, group, SID, or a well-known name such as Everyone.
    account: String,
    /// The right.
    right: ShareRight,
}

/// Whom a share is to be kept from.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewBlock {
    /// Account, group, SID, or a well-known name such as Everyone.
    account: String,
}

async fn find(call: &Call, name: &str) -> Result<ShareRow, Problem> {
    match call.look(Request::ShareList).await? {
        Reply::Shares(rows) => rows
            .into_iter()
            .find(|row| same_name(&row.name, name))
            .ok_or_else(|| Problem::not_found("share", name)),
        other => Err(unexpected(&other)),
    }
}

/// Lists the shares.
#[utoipa::path(
    get, path = "/v1/shares", operation_id = "listShares", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:read"])),
    responses((status = 200, description = "The shares.", body = Vec<ShareRow>))
)]
async fn list(call: Call) -> Result<Json<Vec<ShareRow>>, Problem> {
    match call.ask(Request::ShareList).await? {
        Reply::Shares(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Makes a share.
#[utoipa::path(
    post, path = "/v1/shares", operation_id = "addShare", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    request_body(content = NewShare, example = json!({"Name": "Projects", "Volume": "data", "Path": "projects"})),
    responses((status = 201, description = "The share.", body = ShareRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add(call: Call, Body(new): Body<NewShare>) -> Result<Response, Problem> {
    let NewShare { name, volume, settings } = new;
    call.ask(Request::ShareAdd { name: name.clone(), volume, settings }).await?;
    let row = find(&call, &name).await?;
    let place = [(header::LOCATION, super::location(&["shares", &row.name]))];
    Ok((StatusCode::CREATED, place, Json(row)).into_response())
}

/// Shows a share.
#[utoipa::path(
    get, path = "/v1/shares/{name}", operation_id = "getShare", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:read"])),
    params(("name" = String, Path, description = "Name of the share.")),
    responses((status = 200, description = "The share.", body = ShareRow))
)]
async fn one(call: Call, Part(name): Part) -> Result<Json<ShareRow>, Problem> {
    let Json(rows) = list(call).await?;
    let found = rows.into_iter().find(|row| same_name(&row.name, &name));
    found.map(Json).ok_or_else(|| Problem::not_found("share", &name))
}

/// Changes a share.
#[utoipa::path(
    patch, path = "/v1/shares/{name}", operation_id = "setShare", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(("name" = String, Path, description = "Name of the share.")),
    request_body(content = ShareSettingsChange, example = json!({"EncryptData": true})),
    responses((status = 200, description = "The share as it is now.", body = ShareRow))
)]
async fn change(
    call: Call,
    Part(name): Part,
    Body(change): Body<ShareSettingsChange>,
) -> Result<Json<ShareRow>, Problem> {
    let ShareSettingsChange { volume, settings } = change;
    call.ask(Request::ShareSet { name: name.clone(), volume, settings }).await?;
    find(&call, &name).await.map(Json)
}

/// Removes a share. The files stay.
#[utoipa::path(
    delete, path = "/v1/shares/{name}", operation_id = "removeShare", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(("name" = String, Path, description = "Name of the share.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    call.ask(Request::ShareRemove { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn entries(call: &Call, name: String) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    match call.look(Request::ShareAccess { name: Some(name) }).await? {
        Reply::ShareAccess(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Lists who may connect to a share.
#[utoipa::path(
    get, path = "/v1/shares/{name}/access", operation_id = "listShareAccess", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:read"])),
    params(("name" = String, Path, description = "Name of the share.")),
    responses((status = 200, description = "The entries.", body = Vec<ShareAccessRow>))
)]
async fn access(call: Call, Part(name): Part) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    match call.ask(Request::ShareAccess { name: Some(name) }).await? {
        Reply::ShareAccess(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Allows an account or a group a right to a share, in place of what it was allowed.
#[utoipa::path(
    post, path = "/v1/shares/{name}/access", operation_id = "grantShareAccess", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(("name" = String, Path, description = "Name of the share.")),
    request_body(content = NewAccess, example = json!({"Account": "CORP\\alice", "Right": "Change"})),
    responses((status = 200, description = "The entries as they are now.", body = Vec<ShareAccessRow>))
)]
async fn grant(
    call: Call,
    Part(name): Part,
    Body(access): Body<NewAccess>,
) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    let NewAccess { account, right } = access;
    call.ask(Request::ShareGrant { name: name.clone(), account, right }).await?;
    entries(&call, name).await
}

/// Takes every right that an account or a group was allowed.
#[utoipa::path(
    delete, path = "/v1/shares/{name}/access/{account}", operation_id = "revokeShareAccess", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(
        ("name" = String, Path, description = "Name of the share."),
        ("account" = String, Path, description = "Account, group or SID."),
    ),
    responses((status = 200, description = "The entries as they are now.", body = Vec<ShareAccessRow>))
)]
async fn revoke(call: Call, TwoParts(name, account): TwoParts) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    call.ask(Request::ShareRevoke { name: name.clone(), account }).await?;
    entries(&call, name).await
}

/// Keeps a share from an account or a group, whatever it and its groups are allowed.
#[utoipa::path(
    post, path = "/v1/shares/{name}/block", operation_id = "blockShareAccess", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(("name" = String, Path, description = "Name of the share.")),
    request_body(content = NewBlock, example = json!({"Account": "CORP\\mallory"})),
    responses((status = 200, description = "The entries as they are now.", body = Vec<ShareAccessRow>))
)]
async fn block(
    call: Call,
    Part(name): Part,
    Body(block): Body<NewBlock>,
) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    call.ask(Request::ShareBlock { name: name.clone(), account: block.account }).await?;
    entries(&call, name).await
}

/// Takes back what kept a share from an account or a group.
#[utoipa::path(
    delete, path = "/v1/shares/{name}/block/{account}", operation_id = "unblockShareAccess", tag = "shares",
    security(("negotiate" = []), ("token" = ["shares:write"])),
    params(
        ("name" = String, Path, description = "Name of the share."),
        ("account" = String, Path, description = "Account, group or SID."),
    ),
    responses((status = 200, description = "The entries as they are now.", body = Vec<ShareAccessRow>))
)]
async fn unblock(
    call: Call,
    TwoParts(name, account): TwoParts,
) -> Result<Json<Vec<ShareAccessRow>>, Problem> {
    call.ask(Request::ShareUnblock { name: name.clone(), account }).await?;
    entries(&call, name).await
}
