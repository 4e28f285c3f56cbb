//! The routes: a file per noun. Each hands a request of the administration protocol on and turns the reply into HTTP.

mod accounts;
mod acl;
mod audit;
mod declaration;
mod dfs;
mod dfs_folders;
mod domain;
mod folder_quotas;
mod groups;
mod metrics;
mod open_files;
mod quotas;
mod server;
mod sessions;
mod shares;
mod status;
mod tokens;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use super::authenticate::{OPENAPI_PATH, authenticate};
use super::body::MAX_BODY_BYTES;
use super::problem::Problem;
use super::{Api, openapi};
use crate::state::accounts::fold_name;

/// Longest path and query, in bytes.
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// The routes with their descriptions.
pub(super) fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .merge(status::routes())
        .merge(server::routes())
        .merge(declaration::routes())
        .merge(sessions::routes())
        .merge(open_files::routes())
        .merge(shares::routes())
        .merge(users::routes())
        .merge(groups::routes())
        .merge(accounts::routes())
        .merge(domain::routes())
        .merge(acl::routes())
        .merge(quotas::routes())
        .merge(folder_quotas::routes())
        .merge(dfs::routes())
        .merge(dfs_folders::routes())
        .merge(audit::routes())
        .merge(metrics::routes())
        .merge(tokens::routes())
}

/// The routes as they are served.
pub(super) fn router(api: &Arc<Api>) -> Router {
    let (routes, _) = described().split_for_parts();
    routes
        .route(OPENAPI_PATH, get(document))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(api), authenticate))
        .layer(middleware::from_fn(around))
        .with_state(Arc::clone(api))
}

/// What holds for each request and each response.
async fn around(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let mut response = if target > MAX_TARGET_BYTES {
        Problem::new(StatusCode::URI_TOO_LONG, format!("a path has at most {MAX_TARGET_BYTES} bytes"))
            .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn document() -> Response {
    match openapi::text() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is no {}: {OPENAPI_PATH} lists what there is", uri.path()),
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} cannot be done to {}: {OPENAPI_PATH} lists what can", uri.path()),
    )
}

/// Names are compared as the state compares them.
fn same_name(one: &str, other: &str) -> bool {
    fold_name(one) == fold_name(other)
}

/// Where something is, as a path: each part percent-encoded (RFC 3986 2.1) but for letters, digits and `-._~`.
fn location(parts: &[&str]) -> String {
    let mut path = "/v1".to_owned();
    for part in parts {
        path.push('/');
        path.push_str(&encoded(part));
    }
    path
}

/// A part of a path or of a query, percent-encoded as [`location`] does it.
fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
