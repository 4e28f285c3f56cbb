//! The audit log.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::Asked;
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use super::encoded;
use crate::admin::audit_protocol::{
    AuditOutcome, AuditPackage, AuditPage, AuditReply, AuditRequest, AuditSearch,
};
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Which records; all where nothing is given.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// From this time on: 2026-11-27, 2026-11-27T14:00:00Z, or an age such as 90s, 30m, 12h, 7d.
    since: Option<String>,
    /// Before this time.
    until: Option<String>,
    /// Who did it, or whose logon it is: a name, `DOMAIN\\name`, `name@domain` or a SID.
    user: Option<String>,
    /// What it was done to: `volume:\\path` or `share\\path`, with `*` for any characters and `?` for one, without case.
    path: Option<String>,
    /// Ids of events, by comma.
    #[param(example = "4663,4660")]
    event: Option<String>,
    /// Only what was granted, or what was refused.
    #[param(inline)]
    outcome: Option<AuditOutcome>,
    /// Through this share.
    share: Option<String>,
    /// Logons by this package.
    #[param(inline)]
    package: Option<AuditPackage>,
    /// Records whose Seq comes after this one.
    after: Option<u64>,
    /// At most so many; 1,000 where it is left out.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<u64>,
}

impl AuditQuery {
    fn search(self) -> Result<AuditSearch, Problem> {
        let numbers = self.event.as_deref().map(|text| text.split(',').map(|id| id.trim().parse()).collect());
        let events: Result<Vec<u16>, _> = numbers.unwrap_or_else(|| Ok(Vec::new()));
        let AuditQuery { since, until, user, path, event, outcome, share, package, after, limit } = self;
        let events = events.map_err(|_| {
            let found = event.unwrap_or_default();
            let detail =
                format!("event is {found:?}: numbers from 0 to 65535 by comma are expected, as in 4663,4660");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).field("event")
        })?;
        Ok(AuditSearch { since, until, user, path, events, outcome, share, package, after, limit })
    }

    /// Where the page is that follows `page`.
    fn next(self, page: &AuditPage) -> Option<String> {
        let after = page.next?;
        let number = |value: u64| Some(value.to_string());
        let word = |value: &str| Some(value.to_owned());
        let outcome = self.outcome.and_then(|outcome| match outcome {
            AuditOutcome::Success => word("Success"),
            AuditOutcome::Failure => word("Failure"),
        });
        let parts: Vec<String> = [
            // An age counts from the first page.
            ("since", page.since.clone()),
            ("until", page.until.clone()),
            ("user", self.user),
            ("path", self.path),
            ("event", self.event),
            ("outcome", outcome),
            ("share", self.share),
            ("package", self.package.and_then(|package| word(package.name()))),
            ("limit", self.limit.and_then(number)),
            ("after", number(after)),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={}", encoded(&value))))
        .collect();
        Some(format!("{}?{}", super::location(&["audit"]), parts.join("&")))
    }
}

/// Lists records of the audit log, oldest first. Where there may be more, the header Link has the next page; a page may then be
/// short, or empty, when what fits is rare.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "searchAudit", tag = "audit",
    security(("negotiate" = []), ("token" = ["audit:read"])),
    params(AuditQuery),
    responses((status = 200, description = "The records, with the members of their events.", body = Vec<Object>,
               headers(("Link" = String, description = "The next page, with rel=\"next\"."))))
)]
async fn search(call: Call, Asked(query): Asked<AuditQuery>) -> Result<Response, Problem> {
    let search = Box::new(query.clone().search()?);
    let page = match call.ask(Request::Audit { request: AuditRequest::Search { search } }).await? {
        Reply::Audit(AuditReply::Page(page)) => page,
        other => return Err(unexpected(&other)),
    };
    let mut response = Json(&page.records).into_response();
    // What `encoded` makes is ASCII.
    if let Some(link) = query.next(&page).and_then(|next| format!("<{next}>; rel=\"next\"").parse().ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_of_the_same_search() {
        let query = AuditQuery {
            since: Some("1h".to_owned()),
            until: None,
            user: Some("CORP\\anna & otto".to_owned()),
            path: Some("data:\\ä*".to_owned()),
            event: Some("4663,4660".to_owned()),
            outcome: Some(AuditOutcome::Failure),
            share: None,
            package: Some(AuditPackage::Ntlm),
            after: Some(3),
            limit: Some(10),
        };
        let since = Some("2026-11-27T10:00:00.0000000Z".to_owned());
        let page = AuditPage { next: Some(17), since, ..AuditPage::default() };
        let next = query.clone().next(&page).unwrap();
        let expected = "/v1/audit?since=2026-11-27T10%3A00%3A00.0000000Z&user=CORP%5Canna%20%26%20otto&path=data%3A%5C%C3%A4%2A\
                        &event=4663%2C4660&outcome=Failure&package=NTLM&limit=10&after=17";
        assert_eq!(next, expected);
        assert_eq!(query.clone().next(&AuditPage::default()), None);
        assert_eq!(query.clone().search().unwrap().events, [4663, 4660]);
        for wrong in ["", "1,", "x", "65536", "-1"] {
            assert!(
                AuditQuery { event: Some(wrong.to_owned()), ..query.clone() }.search().is_err(),
                "{wrong:?}"
            );
        }
    }
}
