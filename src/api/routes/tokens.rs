//! Tokens for this interface.

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
use crate::admin::protocol::{Reply, Request};
use crate::admin::token_protocol::{NewTokenRow, TokenReply, TokenRequest, TokenRow};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(remove))
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewToken {
    /// Its name: 1 to 64 characters.
    name: String,
    /// Names of scopes; at least one.
    #[schema(min_items = 1)]
    scopes: Vec<String>,
    /// Days until it expires; left out for never.
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<u32>,
}

/// Lists the tokens, without their secrets.
#[utoipa::path(
    get, path = "/v1/tokens", operation_id = "listTokens", tag = "tokens",
    security(("negotiate" = []), ("token" = ["tokens:read"])),
    responses((status = 200, description = "The tokens.", body = Vec<TokenRow>))
)]
async fn list(call: Call) -> Result<Json<Vec<TokenRow>>, Problem> {
    match call.ask(Request::Token { request: TokenRequest::List }).await? {
        Reply::Token(TokenReply::Tokens(rows)) => Ok(Json(rows)),
        other => Err(unexpected(&other)),
    }
}

/// Makes a token. Its secret is in the answer and nowhere else. A token cannot make one that may do more than itself.
#[utoipa::path(
    post, path = "/v1/tokens", operation_id = "addToken", tag = "tokens",
    security(("negotiate" = []), ("token" = ["tokens:write"])),
    request_body(content = NewToken, example = json!({"Name": "monitoring", "Scopes": ["status:read"], "ExpiresInDays": 90})),
    responses((status = 201, description = "The token and its secret.", body = NewTokenRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add(call: Call, Body(new): Body<NewToken>) -> Result<Response, Problem> {
    let NewToken { name, scopes, expires_in_days } = new;
    match call.ask(Request::Token { request: TokenRequest::Add { name, scopes, expires_in_days } }).await? {
        Reply::Token(TokenReply::Added(row)) => {
            let place = [(header::LOCATION, super::location(&["tokens", &row.token.name]))];
            Ok((StatusCode::CREATED, place, Json(*row)).into_response())
        }
        other => Err(unexpected(&other)),
    }
}

/// Removes a token; requests with it are refused from then on.
#[utoipa::path(
    delete, path = "/v1/tokens/{name}", operation_id = "removeToken", tag = "tokens",
    security(("negotiate" = []), ("token" = ["tokens:write"])),
    params(("name" = String, Path, description = "Name of the token.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    call.ask(Request::Token { request: TokenRequest::Remove { name } }).await?;
    Ok(StatusCode::NO_CONTENT)
}
