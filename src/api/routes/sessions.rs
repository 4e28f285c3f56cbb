//! Who is connected.

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
use crate::admin::open_protocol::{SessionFilter, SessionRequest, SessionRow};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one, close))
}

/// Which sessions; all where nothing is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionQuery {
    /// Of this client: an address.
    client_computer_name: Option<String>,
    /// Of this user.
    client_user_name: Option<String>,
}

async fn ask(call: &Call, request: SessionRequest) -> Result<Vec<SessionRow>, Problem> {
    match call.ask(Request::Session { request }).await? {
        Reply::Sessions(rows) => Ok(rows),
        other => Err(unexpected(&other)),
    }
}

fn of(id: u64) -> SessionFilter {
    SessionFilter { session_id: Some(id), ..SessionFilter::default() }
}

/// Lists the sessions.
#[utoipa::path(
    get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions",
    security(("negotiate" = []), ("token" = ["sessions:read"])),
    params(SessionQuery),
    responses((status = 200, description = "The sessions.", body = Vec<SessionRow>))
)]
async fn list(call: Call, Asked(query): Asked<SessionQuery>) -> Result<Json<Vec<SessionRow>>, Problem> {
    let SessionQuery { client_computer_name, client_user_name } = query;
    let filter = SessionFilter { session_id: None, client_computer_name, client_user_name };
    ask(&call, SessionRequest::List { filter }).await.map(Json)
}

/// Shows a session.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", operation_id = "getSession", tag = "sessions",
    security(("negotiate" = []), ("token" = ["sessions:read"])),
    params(("id" = u64, Path, description = "SessionId.")),
    responses((status = 200, description = "The session.", body = SessionRow))
)]
async fn one(call: Call, Part(id): Part) -> Result<Json<SessionRow>, Problem> {
    let filter = of(number("id", &id)?);
    let rows = ask(&call, SessionRequest::List { filter }).await?;
    rows.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("session", &id))
}

/// Closes a session, with everything that is open through it.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", operation_id = "closeSession", tag = "sessions",
    security(("negotiate" = []), ("token" = ["sessions:write"])),
    params(("id" = u64, Path, description = "SessionId.")),
    responses((status = 200, description = "The session that was closed.", body = SessionRow))
)]
async fn close(call: Call, Part(id): Part) -> Result<Json<SessionRow>, Problem> {
    let filter = of(number("id", &id)?);
    let rows = ask(&call, SessionRequest::Close { filter, what_if: false }).await?;
    rows.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("session", &id))
}
