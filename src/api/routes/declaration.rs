//! The state as a file declares it.

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::Body;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::declared_protocol::{ChangeRow, Declaration, DeclaredReply, DeclaredRequest};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(export, apply))
}

/// A declaration to apply.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeclarationToApply {
    /// The state.
    declaration: Box<Declaration>,
    /// Only says what would be changed.
    #[serde(default)]
    what_if: bool,
    /// What is there and not declared is removed, in the sections that the declaration has.
    #[serde(default)]
    prune: bool,
}

/// Exports the state as a declaration.
#[utoipa::path(
    get, path = "/v1/declaration", operation_id = "exportDeclaration", tag = "declaration",
    security(("negotiate" = []), ("token" = ["config:read"])),
    responses((status = 200, description = "The state.", body = Declaration))
)]
async fn export(call: Call) -> Result<Json<Declaration>, Problem> {
    match call.ask(Request::Declared { request: DeclaredRequest::Export }).await? {
        Reply::Declared(DeclaredReply::Exported(declaration)) => Ok(Json(*declaration)),
        other => Err(unexpected(&other)),
    }
}

/// Makes the state as declared. Everything is checked before anything is changed; applying twice changes nothing.
#[utoipa::path(
    put, path = "/v1/declaration", operation_id = "applyDeclaration", tag = "declaration",
    security(("negotiate" = []), ("token" = ["config:write"])),
    request_body(content = DeclarationToApply),
    responses((status = 200, description = "What was or would be changed, in order.", body = Vec<ChangeRow>))
)]
async fn apply(call: Call, Body(body): Body<DeclarationToApply>) -> Result<Json<Vec<ChangeRow>>, Problem> {
    let DeclarationToApply { declaration, what_if, prune } = body;
    let request = DeclaredRequest::Apply { declaration, what_if, prune };
    match call.ask(Request::Declared { request }).await? {
        Reply::Declared(DeclaredReply::Changes(rows)) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}
