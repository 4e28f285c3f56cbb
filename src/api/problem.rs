//! Refusals as RFC 9457 has them: `application/problem+json`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::caller::{Denied, ExecuteError};
use crate::admin::dfs_fields::field_of;
use crate::state::StateError;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not carried out (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `about:blank`: the status says what kind it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The server's reason, and what to do next.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The field of the request that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    field: Option<Box<str>>,
    /// The scope that the token lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    scope: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Box<str>>) -> Problem {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            scope: None,
        }
    }

    pub(super) fn field(self, field: &str) -> Problem {
        Problem { field: Some(field.into()), ..self }
    }

    /// Nothing is called so.
    pub(super) fn not_found(what: &str, name: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no {what} called {name:?}"))
    }

    pub(super) fn internal(detail: impl Into<Box<str>>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Problem {
        let detail = error.to_string();
        match &error {
            ExecuteError::Denied(Denied::Scope { scope, .. }) => {
                let scope = Some(scope.name());
                Problem { scope, ..Problem::new(StatusCode::FORBIDDEN, detail) }
            }
            ExecuteError::Denied(Denied::Administrator { .. }) => Problem::new(StatusCode::FORBIDDEN, detail),
            ExecuteError::Unrecorded => Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail),
            ExecuteError::Failed(_) => match error.state() {
                Some(StateError::NotFound { .. }) => Problem::new(StatusCode::NOT_FOUND, detail),
                Some(StateError::Exists { .. } | StateError::Refused(_)) => {
                    Problem::new(StatusCode::CONFLICT, detail)
                }
                Some(StateError::Invalid { field, .. }) => {
                    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
                }
                Some(StateError::Namespace(wrong)) => {
                    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
                    match field_of(wrong) {
                        Some(field) => problem.field(field),
                        None => problem,
                    }
                }
                Some(
                    StateError::Folder { .. }
                    | StateError::InUse { .. }
                    | StateError::TooNew { .. }
                    | StateError::Damaged { .. }
                    | StateError::Database(_)
                    | StateError::Batch(_)
                    | StateError::Random,
                ) => {
                    tracing::error!(%error, "an administration request failed inside of the server");
                    Problem::internal(detail)
                }
                None if error.nothing_fits().is_some() => Problem::new(StatusCode::NOT_FOUND, detail),
                // What the service itself refuses, in words for administrators.
                None => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response
    }
}
