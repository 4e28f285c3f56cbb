//! Access-control lists of files, and why somebody may or may not do something with one.

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Body};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::acl_protocol::{AclChange, AclChanged, AclJobRow, AclReply, AclRequest, AclRow};
use crate::admin::explain::{ExplainRequest, Explanation};
use crate::admin::protocol::{Reply, Request};

/// Most objects of one answer.
const MAX_ROWS: u32 = 10_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(read, change)).routes(routes!(jobs)).routes(routes!(explain))
}

/// Which lists.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AclQuery {
    /// `share:/folder/file`, `\\server\share\folder\file`, or a path of the server within a volume.
    path: String,
    /// Whose folder, where the share leads to another one for each who connects: an account, or a SID.
    #[serde(default)]
    #[param(required = false)]
    as_user: Option<String>,
    /// Everything below, too.
    #[serde(default)]
    #[param(required = false, default = false)]
    recurse: bool,
    /// Most objects.
    #[serde(default = "most")]
    #[param(required = false, minimum = 1, maximum = 10000, default = 1000)]
    limit: u32,
}

const fn most() -> u32 {
    1_000
}

/// A change in the words of icacls.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AclChangeRequest {
    /// As in the query of `readAcl`.
    path: String,
    /// As in the query of `readAcl`.
    #[serde(default)]
    as_user: Option<String>,
    /// What.
    change: AclChange,
    /// The same for everything below.
    #[serde(default)]
    recurse: bool,
    /// Goes on below when an object cannot be changed.
    #[serde(default)]
    continue_on_error: bool,
    /// Tells what would become of the object, and does nothing.
    #[serde(default)]
    what_if: bool,
}

fn other(reply: AclReply) -> Problem {
    unexpected(&Reply::Acl(reply))
}

/// Reads access-control lists.
#[utoipa::path(
    get, path = "/v1/acl", operation_id = "readAcl", tag = "acl",
    security(("negotiate" = []), ("token" = ["acl:read"])),
    params(AclQuery),
    responses((status = 200, description = "The objects and their lists.", body = Vec<AclRow>))
)]
async fn read(call: Call, Asked(query): Asked<AclQuery>) -> Result<Json<Vec<AclRow>>, Problem> {
    let AclQuery { path, as_user, recurse, limit } = query;
    if !(1..=MAX_ROWS).contains(&limit) {
        let text = format!("limit is {limit}: it is from 1 to {MAX_ROWS}");
        return Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, text).field("limit"));
    }
    let limit = limit as usize;
    let mut all: Vec<AclRow> = Vec::new();
    // Each part has a row at least.
    let request = AclRequest::Read { path, as_user, recurse };
    for reply in call.ask_for(Request::Acl { request }, limit).await? {
        match reply {
            Reply::Acl(AclReply::Rows { rows, .. }) => all.extend(rows),
            reply => return Err(unexpected(&reply)),
        }
    }
    all.truncate(limit);
    Ok(Json(all))
}

/// Changes an access-control list, and what inherits from it.
#[utoipa::path(
    post, path = "/v1/acl", operation_id = "changeAcl", tag = "acl",
    security(("negotiate" = []), ("token" = ["acl:write"])),
    request_body(content = AclChangeRequest, example = json!({
        "Path": "Projects:/plans", "Change": {"Do": "Grant", "Entries": ["anna:(OI)(CI)M"], "Replace": false}})),
    responses((status = 200, description = "What was done, or would be.", body = AclChanged))
)]
async fn change(call: Call, Body(body): Body<AclChangeRequest>) -> Result<Json<AclChanged>, Problem> {
    let AclChangeRequest { path, as_user, change, recurse, continue_on_error, what_if } = body;
    let request = AclRequest::Change { path, as_user, change, recurse, continue_on_error, what_if };
    match call.ask(Request::Acl { request }).await? {
        Reply::Acl(AclReply::Changed(row)) => Ok(Json(*row)),
        Reply::Acl(reply) => Err(other(reply)),
        reply => Err(unexpected(&reply)),
    }
}

/// Lists the jobs that hand changes down.
#[utoipa::path(
    get, path = "/v1/acl/jobs", operation_id = "listAclJobs", tag = "acl",
    security(("negotiate" = []), ("token" = ["acl:read"])),
    responses((status = 200, description = "The jobs.", body = Vec<AclJobRow>))
)]
async fn jobs(call: Call) -> Result<Json<Vec<AclJobRow>>, Problem> {
    match call.ask(Request::Acl { request: AclRequest::Jobs }).await? {
        Reply::Acl(AclReply::Jobs(rows)) => Ok(Json(rows)),
        reply => Err(unexpected(&reply)),
    }
}

/// Says whether a user may do something with a file, and why.
#[utoipa::path(
    post, path = "/v1/explain", operation_id = "explain", tag = "acl",
    security(("negotiate" = []), ("token" = ["acl:read"])),
    request_body(content = ExplainRequest),
    responses((status = 200, description = "The answer and its reasons.", body = Explanation))
)]
async fn explain(call: Call, Body(question): Body<ExplainRequest>) -> Result<Json<Explanation>, Problem> {
    match call.ask(Request::Explain(question)).await? {
        Reply::Explanation(answer) => Ok(Json(*answer)),
        reply => Err(unexpected(&reply)),
    }
}
