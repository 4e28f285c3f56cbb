//! A request of somebody known, on its way to the administration service.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::Api;
use super::problem::Problem;
use crate::admin::caller::{Caller, ExecuteError};
use crate::admin::protocol::{Reply, Request};

/// How long an answer is waited for. What takes longer goes on without anybody waiting.
const ANSWER_TIME: Duration = Duration::from_secs(110);

/// Who asks, and whom.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) api: Arc<Api>,
    pub(super) caller: Caller,
}

impl FromRequestParts<Arc<Api>> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        // INVARIANT: nothing comes to a route before `authenticate` has put the caller there.
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "nobody is logged on"))?;
        Ok(Call { api: Arc::clone(api), caller })
    }
}

impl Call {
    /// Has the request carried out; the last part of the answer.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, Problem> {
        let mut last = Reply::Done;
        for reply in self.ask_for(request, usize::MAX).await? {
            last = reply;
        }
        Ok(last)
    }

    /// Has the request carried out; at most `most` parts of the answer.
    pub(super) async fn ask_for(&self, request: Request, most: usize) -> Result<Vec<Reply>, Problem> {
        let (api, caller) = (Arc::clone(&self.api), self.caller.clone());
        blocking(move || -> Result<Vec<Reply>, ExecuteError> {
            let mut parts = Vec::new();
            api.service.execute_as(&caller, request, &mut |reply| {
                parts.push(reply);
                parts.len() < most
            })?;
            Ok(parts)
        })
        .await?
        .map_err(Problem::from)
    }

    /// Looks at what has become of a change that the caller was allowed to make.
    pub(super) async fn look(&self, request: Request) -> Result<Reply, Problem> {
        let api = Arc::clone(&self.api);
        match blocking(move || api.service.execute(request)).await? {
            Reply::Refused { message } => Err(Problem::internal(message)),
            reply => Ok(reply),
        }
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let running = tokio::task::spawn_blocking(work);
    match tokio::time::timeout(ANSWER_TIME, running).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(Problem::internal("the request failed inside of the server; see its log")),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the answer takes long; the server goes on with it: look at the result later",
        )),
    }
}

/// The answer does not belong to the request.
pub(super) fn unexpected(_: &Reply) -> Problem {
    Problem::internal("the server answered something else than was asked; see its log")
}
