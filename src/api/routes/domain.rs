//! The domain and this server's further names.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Body, Part};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::domain_protocol::{
    AliasRow, CheckRow, DomainLogon, DomainReply, DomainRequest, DomainStatusRow, JoinedRow,
};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(test))
        .routes(routes!(join))
        .routes(routes!(leave))
        .routes(routes!(rotate))
        .routes(routes!(aliases, add_alias))
        .routes(routes!(remove_alias))
}

/// The domain to join, and who joins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DomainJoin {
    /// DNS name of the domain.
    domain: String,
    /// Who joins.
    logon: DomainLogon,
    /// Distinguished name of the container for a new computer account.
    organizational_unit: Option<String>,
    /// Name of the computer account, in place of the NetBIOS name.
    computer_name: Option<String>,
    /// The domain controller to use.
    server: Option<String>,
    /// Looks at everything and changes nothing.
    #[serde(default)]
    what_if: bool,
}

/// How the membership is to end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct DomainLeave {
    /// Who disables or removes the computer account; the account itself tries when nobody is named.
    logon: Option<DomainLogon>,
    /// The account stays as it is.
    keep_account: bool,
    /// The account is removed, not disabled.
    delete_account: bool,
    /// Leaves also when the directory cannot be reached or refuses.
    force: bool,
}

/// A further name of this server.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewAlias {
    /// The name, short or fully qualified.
    name: String,
    /// Who registers it where the computer account may not.
    logon: Option<DomainLogon>,
}

/// The domain that was left.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct LeftRow {
    /// DNS name of the domain.
    domain: String,
}

/// The keys that are in use now.
#[derive(serde::Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct RotatedRow {
    /// Key version number.
    key_version: u32,
}

async fn ask(call: &Call, request: DomainRequest) -> Result<DomainReply, Problem> {
    match call.ask(Request::Domain { request }).await? {
        Reply::Domain(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

fn other(reply: DomainReply) -> Problem {
    unexpected(&Reply::Domain(reply))
}

/// Shows how the membership is going.
#[utoipa::path(
    get, path = "/v1/domain", operation_id = "getDomain", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:read"])),
    responses((status = 200, description = "The membership; Joined is false where there is none.", body = DomainStatusRow))
)]
async fn status(call: Call) -> Result<Json<DomainStatusRow>, Problem> {
    match ask(&call, DomainRequest::Status).await? {
        DomainReply::Status(row) => Ok(Json(*row)),
        reply => Err(other(reply)),
    }
}

/// Checks everything that the membership takes.
#[utoipa::path(
    post, path = "/v1/domain/test", operation_id = "testDomain", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:read"])),
    responses((status = 200, description = "What was checked.", body = Vec<CheckRow>))
)]
async fn test(call: Call) -> Result<Json<Vec<CheckRow>>, Problem> {
    match ask(&call, DomainRequest::Test).await? {
        DomainReply::Checks(rows) => Ok(Json(rows)),
        reply => Err(other(reply)),
    }
}

/// Makes this server a member of a domain.
#[utoipa::path(
    post, path = "/v1/domain/join", operation_id = "joinDomain", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:write"])),
    request_body(content = DomainJoin),
    responses((status = 200, description = "What was done, or would be.", body = JoinedRow))
)]
async fn join(call: Call, Body(join): Body<DomainJoin>) -> Result<Json<JoinedRow>, Problem> {
    let DomainJoin { domain, logon, organizational_unit, computer_name, server, what_if } = join;
    let request = DomainRequest::Join { domain, logon, organizational_unit, computer_name, server, what_if };
    match ask(&call, request).await? {
        DomainReply::Joined(row) => Ok(Json(*row)),
        reply => Err(other(reply)),
    }
}

/// Ends the membership.
#[utoipa::path(
    post, path = "/v1/domain/leave", operation_id = "leaveDomain", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:write"])),
    request_body(content = DomainLeave),
    responses((status = 200, description = "The domain that was left.", body = LeftRow))
)]
async fn leave(call: Call, Body(leave): Body<DomainLeave>) -> Result<Json<LeftRow>, Problem> {
    let DomainLeave { logon, keep_account, delete_account, force } = leave;
    match ask(&call, DomainRequest::Leave { logon, keep_account, delete_account, force }).await? {
        DomainReply::Left { domain } => Ok(Json(LeftRow { domain })),
        reply => Err(other(reply)),
    }
}

/// Changes the machine account's password now.
#[utoipa::path(
    post, path = "/v1/domain/rotate", operation_id = "rotateDomainPassword", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:write"])),
    responses((status = 200, description = "The keys that are in use now.", body = RotatedRow))
)]
async fn rotate(call: Call) -> Result<Json<RotatedRow>, Problem> {
    match ask(&call, DomainRequest::Rotate).await? {
        DomainReply::Rotated { key_version } => Ok(Json(RotatedRow { key_version })),
        reply => Err(other(reply)),
    }
}

/// Lists the further names of this server.
#[utoipa::path(
    get, path = "/v1/domain/aliases", operation_id = "listAliases", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:read"])),
    responses((status = 200, description = "The names.", body = Vec<AliasRow>))
)]
async fn aliases(call: Call) -> Result<Json<Vec<AliasRow>>, Problem> {
    match ask(&call, DomainRequest::AliasList).await? {
        DomainReply::Aliases(rows) => Ok(Json(rows)),
        reply => Err(other(reply)),
    }
}

/// Adds a further name of this server.
#[utoipa::path(
    post, path = "/v1/domain/aliases", operation_id = "addAlias", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:write"])),
    request_body(content = NewAlias, example = json!({"Name": "projects"})),
    responses((status = 201, description = "The name.", body = AliasRow))
)]
async fn add_alias(call: Call, Body(new): Body<NewAlias>) -> Result<(StatusCode, Json<AliasRow>), Problem> {
    let NewAlias { name, logon } = new;
    match ask(&call, DomainRequest::AliasAdd { name, logon }).await? {
        DomainReply::AliasChanged(row) => Ok((StatusCode::CREATED, Json(row))),
        reply => Err(other(reply)),
    }
}

/// Removes a further name of this server, by the rights of its own account.
#[utoipa::path(
    delete, path = "/v1/domain/aliases/{name}", operation_id = "removeAlias", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:write"])),
    params(("name" = String, Path, description = "The name.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_alias(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    match ask(&call, DomainRequest::AliasRemove { name, logon: None, force: false }).await? {
        DomainReply::AliasChanged(_) => Ok(StatusCode::NO_CONTENT),
        reply => Err(other(reply)),
    }
}
