//! Who is who, here and in the domain.

use std::sync::Arc;

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::Part;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::lookup_protocol::{AccountRow, MembershipRow};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(one)).routes(routes!(groups))
}

/// Says who has a name or a SID, in any spelling.
#[utoipa::path(
    get, path = "/v1/accounts/{account}", operation_id = "getAccount", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:read"])),
    params(("account" = String, Path, description = "Name or SID.")),
    responses((status = 200, description = "Who it is.", body = AccountRow))
)]
async fn one(call: Call, Part(account): Part) -> Result<Json<AccountRow>, Problem> {
    match call.ask(Request::Lookup { account }).await? {
        Reply::Lookup(row) => Ok(Json(*row)),
        other => Err(unexpected(&other)),
    }
}

/// Lists the groups that an account is in, of the domain and of this server.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/groups", operation_id = "listAccountGroups", tag = "domain",
    security(("negotiate" = []), ("token" = ["domain:read"])),
    params(("account" = String, Path, description = "Name or SID.")),
    responses((status = 200, description = "The groups.", body = Vec<MembershipRow>))
)]
async fn groups(call: Call, Part(account): Part) -> Result<Json<Vec<MembershipRow>>, Problem> {
    match call.ask(Request::LookupGroups { account }).await? {
        Reply::LookupGroups(rows) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}
