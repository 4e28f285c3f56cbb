//! What comes with a request, read within limits and checked: JSON bodies, parts of the path, queries.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // A form of another site cannot have this type, so that a browser's logon is of no use to it.
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = content_type.is_some_and(|text| {
            text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON, sent with the header Content-Type: application/json",
            ));
        }
        // Before any of it is asked for: a client that waits to be told to go on does not send it at all.
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length
            .and_then(|text| text.parse::<u64>().ok())
            .is_some_and(|length| length > MAX_BODY_BYTES as u64)
        {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a body has at most {MAX_BODY_BYTES} bytes"),
            ));
        }
        let bytes = tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state))
            .await
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        parse(&bytes).map(Body)
    }
}

/// The body as what it should be.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    match Json::from_bytes(bytes) {
        Ok(Json(value)) => Ok(value),
        Err(JsonRejection::JsonDataError(error)) => {
            let text = error.body_text();
            let text = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text);
            Err(match field_of(text) {
                Some(field) => problem.field(field),
                None => problem,
            })
        }
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not JSON")),
    }
}

/// The field that a message of the decoder is about: its path in front, or the name that it quotes.
fn field_of(text: &str) -> Option<&str> {
    let quoted = text.split('`').nth(1);
    if text.contains("unknown field") || text.contains("missing field") {
        return quoted;
    }
    let (path, _) = text.split_once(": ")?;
    (!path.contains(' ')).then_some(path)
}

/// A part of the path.
pub(super) struct Part(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|rejection| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the path cannot be read: {}", rejection.body_text()),
            )
        })?;
        Ok(Part(text))
    }
}

/// Two parts of the path.
pub(super) struct TwoParts(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for TwoParts {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((one, two)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|rejection| {
                let why = rejection.body_text();
                Problem::new(StatusCode::BAD_REQUEST, format!("the path cannot be read: {why}"))
            })?;
        Ok(TwoParts(one, two))
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) = Query::<T>::from_request_parts(parts, state).await.map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text);
            match field_of(text) {
                Some(field) => problem.field(field),
                None => problem,
            }
        })?;
        Ok(Asked(value))
    }
}

/// A part of the path that is a number.
pub(super) fn number(field: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| {
        let detail =
            format!("{field} is {text:?}: a whole number from 0 to 18446744073709551615 is expected");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
    })
}
