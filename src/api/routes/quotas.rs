//! Quotas of users and groups on volumes, what is used, and who is told.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Body, Part, TwoParts};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::protocol::{Reply, Request};
use crate::admin::quota_protocol::{
    ForecastRow, GroupQuotaRow, NotificationChange, NotificationRow, NotificationTestRow, QuotaReply,
    QuotaRequest, QuotaSettingsChange, QuotaSettingsRow, RecountRow, ReportBy, ReportRow, UserQuotaChange,
    UserQuotaRow,
};
use crate::admin::quota_size::QuotaSize;

/// Most accounts of one answer.
const MAX_USERS: u64 = 100_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(settings))
        .routes(routes!(own))
        .routes(routes!(volume_settings, set_settings))
        .routes(routes!(users))
        .routes(routes!(user, set_user, remove_user))
        .routes(routes!(groups))
        .routes(routes!(set_group, remove_group))
        .routes(routes!(report))
        .routes(routes!(forecast))
        .routes(routes!(recount))
        .routes(routes!(notification, set_notification))
        .routes(routes!(test_notification))
}

/// Has a request carried out; all parts of the answer.
pub(super) async fn ask(call: &Call, request: QuotaRequest) -> Result<Vec<Reply>, Problem> {
    call.ask_for(Request::Quota { request }, usize::MAX).await
}

/// The last part of an answer.
pub(super) fn last(parts: Vec<Reply>) -> Result<QuotaReply, Problem> {
    match parts.into_iter().next_back() {
        Some(Reply::Quota(reply)) => Ok(reply),
        other => Err(unexpected(&other.unwrap_or(Reply::Done))),
    }
}

/// The accounts of all parts of an answer.
fn accounts(parts: Vec<Reply>) -> Result<Vec<UserQuotaRow>, Problem> {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Reply::Quota(QuotaReply::Users { rows, .. }) => all.extend(rows),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(all)
}

/// Which accounts, in the order of their SIDs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// This account only.
    account: Option<String>,
    /// Those whose SIDs come after this one.
    after: Option<String>,
    /// At most so many; 1,000 where it is left out.
    #[param(minimum = 1, maximum = 100000)]
    limit: Option<u64>,
}

/// What a report is to show.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// By what.
    #[param(inline)]
    by: ReportBy,
    /// At most so many rows.
    top: Option<u64>,
}

/// What a forecast is about.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ForecastQuery {
    /// One account only.
    account: Option<String>,
    /// At most so many rows.
    top: Option<u64>,
}

/// Limits of an account or of a group's members; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LimitsBody {
    /// Most bytes: a number, or `10GB`, or `none`.
    limit: Option<QuotaSize>,
    /// Bytes above which a warning is due.
    warning_limit: Option<QuotaSize>,
    /// Tells what would be, and does nothing.
    #[serde(default)]
    what_if: bool,
}

/// How a volume is to treat quotas.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SettingsBody {
    /// The changes; what is left out stays.
    settings: QuotaSettingsChange,
    /// Tells what would be, and does nothing.
    #[serde(default)]
    what_if: bool,
}

/// Shows how the volumes treat quotas.
#[utoipa::path(
    get, path = "/v1/quotas", operation_id = "listQuotaSettings", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    responses((status = 200, description = "The volumes.", body = Vec<QuotaSettingsRow>))
)]
async fn settings(call: Call) -> Result<Json<Vec<QuotaSettingsRow>>, Problem> {
    match last(ask(&call, QuotaRequest::Settings { volume: None }).await?)? {
        QuotaReply::Settings(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Shows what the caller uses and may use, on every volume. Whoever can log on may ask.
#[utoipa::path(
    get, path = "/v1/quotas/me", operation_id = "getOwnQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    responses((status = 200, description = "The caller's usage and limits.", body = Vec<UserQuotaRow>))
)]
async fn own(call: Call) -> Result<Json<Vec<UserQuotaRow>>, Problem> {
    if call.caller.token.is_some() {
        let text = "a token owns no files: ask for /v1/quotas/{volume}/users/{account}";
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    }
    let account = Some(call.caller.sid.to_string());
    let request = QuotaRequest::Users { volume: None, account, after: None, most: None };
    accounts(ask(&call, request).await?).map(Json)
}

/// Shows how a volume treats quotas.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}", operation_id = "getQuotaSettings", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("volume" = String, Path, description = "Name of the volume.")),
    responses((status = 200, description = "The volume.", body = Vec<QuotaSettingsRow>))
)]
async fn volume_settings(call: Call, Part(volume): Part) -> Result<Json<Vec<QuotaSettingsRow>>, Problem> {
    match last(ask(&call, QuotaRequest::Settings { volume: Some(volume) }).await?)? {
        QuotaReply::Settings(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Changes how a volume treats quotas.
#[utoipa::path(
    patch, path = "/v1/quotas/{volume}", operation_id = "setQuotaSettings", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("volume" = String, Path, description = "Name of the volume.")),
    request_body(content = SettingsBody, example = json!({"Settings": {"State": "Enforce", "DefaultLimit": "10GB"}})),
    responses((status = 200, description = "The volume as it is now, or would be.", body = Vec<QuotaSettingsRow>))
)]
async fn set_settings(
    call: Call,
    Part(volume): Part,
    Body(body): Body<SettingsBody>,
) -> Result<Json<Vec<QuotaSettingsRow>>, Problem> {
    let SettingsBody { settings, what_if } = body;
    match last(ask(&call, QuotaRequest::SetSettings { volume, settings, what_if }).await?)? {
        QuotaReply::Settings(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Lists who uses how much of a volume and may use how much. Where there are more, the header Link has the next page.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}/users", operation_id = "listUserQuotas", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("volume" = String, Path, description = "Name of the volume."), UsersQuery),
    responses((status = 200, description = "The accounts.", body = Vec<UserQuotaRow>))
)]
async fn users(call: Call, Part(volume): Part, Asked(query): Asked<UsersQuery>) -> Result<Response, Problem> {
    let UsersQuery { account, after, limit } = query;
    let limit = limit.unwrap_or(1_000);
    if !(1..=MAX_USERS).contains(&limit) {
        let text = format!("limit is {limit}: it is from 1 to {MAX_USERS}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text).field("limit"));
    }
    let request = QuotaRequest::Users { volume: Some(volume.clone()), account, after, most: Some(limit) };
    let rows = accounts(ask(&call, request).await?)?;
    let full = rows.len() as u64 >= limit;
    let mut response = Json(&rows).into_response();
    if let Some(row) = rows.last().filter(|_| full) {
        let place = super::location(&["quotas", &volume, "users"]);
        let link = format!("<{place}?after={}&limit={limit}>; rel=\"next\"", row.sid);
        // What `location` makes is ASCII, and so is a SID.
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// Shows what an account uses of a volume and may use.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}/users/{account}", operation_id = "getUserQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(
        ("volume" = String, Path, description = "Name of the volume."),
        ("account" = String, Path, description = "Name or SID."),
    ),
    responses((status = 200, description = "The account.", body = UserQuotaRow))
)]
async fn user(call: Call, TwoParts(volume, account): TwoParts) -> Result<Json<UserQuotaRow>, Problem> {
    let request =
        QuotaRequest::Users { volume: Some(volume), account: Some(account.clone()), after: None, most: None };
    let rows = accounts(ask(&call, request).await?)?;
    rows.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("account", &account))
}

/// Gives an account limits of its own.
#[utoipa::path(
    put, path = "/v1/quotas/{volume}/users/{account}", operation_id = "setUserQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(
        ("volume" = String, Path, description = "Name of the volume."),
        ("account" = String, Path, description = "Name or SID."),
    ),
    request_body(content = LimitsBody, example = json!({"Limit": "10GB", "WarningLimit": "9GB"})),
    responses((status = 200, description = "The account as it is now, or would be.", body = Vec<UserQuotaRow>))
)]
async fn set_user(
    call: Call,
    TwoParts(volume, account): TwoParts,
    Body(body): Body<LimitsBody>,
) -> Result<Json<Vec<UserQuotaRow>>, Problem> {
    let LimitsBody { limit, warning_limit, what_if } = body;
    let users = vec![UserQuotaChange { account, limit, warning_limit }];
    accounts(ask(&call, QuotaRequest::SetUsers { volume, users, what_if }).await?).map(Json)
}

/// Takes an account's own limits away: groups' rules or the volume's default are its then.
#[utoipa::path(
    delete, path = "/v1/quotas/{volume}/users/{account}", operation_id = "removeUserQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(
        ("volume" = String, Path, description = "Name of the volume."),
        ("account" = String, Path, description = "Name or SID."),
    ),
    responses((status = 200, description = "The account as it is now.", body = Vec<UserQuotaRow>))
)]
async fn remove_user(
    call: Call,
    TwoParts(volume, account): TwoParts,
) -> Result<Json<Vec<UserQuotaRow>>, Problem> {
    let request = QuotaRequest::RemoveUsers { volume, accounts: vec![account], what_if: false };
    accounts(ask(&call, request).await?).map(Json)
}

/// Lists the rules of groups on a volume.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}/groups", operation_id = "listGroupQuotas", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("volume" = String, Path, description = "Name of the volume.")),
    responses((status = 200, description = "The rules.", body = Vec<GroupQuotaRow>))
)]
async fn groups(call: Call, Part(volume): Part) -> Result<Json<Vec<GroupQuotaRow>>, Problem> {
    match last(ask(&call, QuotaRequest::Groups { volume: Some(volume) }).await?)? {
        QuotaReply::Groups(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Gives each member of a group limits.
#[utoipa::path(
    put, path = "/v1/quotas/{volume}/groups/{group}", operation_id = "setGroupQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("volume" = String, Path, description = "Name of the volume."), ("group" = String, Path, description = "Name or SID of the group.")),
    request_body(content = LimitsBody),
    responses((status = 200, description = "The rule as it is now, or would be.", body = Vec<GroupQuotaRow>))
)]
async fn set_group(
    call: Call,
    TwoParts(volume, group): TwoParts,
    Body(body): Body<LimitsBody>,
) -> Result<Json<Vec<GroupQuotaRow>>, Problem> {
    let LimitsBody { limit, warning_limit, what_if } = body;
    match last(ask(&call, QuotaRequest::SetGroup { volume, group, limit, warning_limit, what_if }).await?)? {
        QuotaReply::Groups(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Takes a group's rule away.
#[utoipa::path(
    delete, path = "/v1/quotas/{volume}/groups/{group}", operation_id = "removeGroupQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("volume" = String, Path, description = "Name of the volume."), ("group" = String, Path, description = "Name or SID of the group.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_group(call: Call, TwoParts(volume, group): TwoParts) -> Result<StatusCode, Problem> {
    ask(&call, QuotaRequest::RemoveGroup { volume, group }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows who or what uses most of a volume.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}/report", operation_id = "getQuotaReport", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("volume" = String, Path, description = "Name of the volume."), ReportQuery),
    responses((status = 200, description = "The report.", body = Vec<ReportRow>))
)]
async fn report(
    call: Call,
    Part(volume): Part,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<Vec<ReportRow>>, Problem> {
    let ReportQuery { by, top } = query;
    match last(ask(&call, QuotaRequest::Report { volume: Some(volume), by, top }).await?)? {
        QuotaReply::Report(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Says when what is growing will be full.
#[utoipa::path(
    get, path = "/v1/quotas/{volume}/forecast", operation_id = "getQuotaForecast", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("volume" = String, Path, description = "Name of the volume."), ForecastQuery),
    responses((status = 200, description = "The forecasts.", body = Vec<ForecastRow>))
)]
async fn forecast(
    call: Call,
    Part(volume): Part,
    Asked(query): Asked<ForecastQuery>,
) -> Result<Json<Vec<ForecastRow>>, Problem> {
    let ForecastQuery { account, top } = query;
    match last(ask(&call, QuotaRequest::Forecast { volume: Some(volume), account, top }).await?)? {
        QuotaReply::Forecast(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Counts a volume again while clients work, compares, and puts right.
#[utoipa::path(
    post, path = "/v1/quotas/{volume}/recount", operation_id = "recountQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("volume" = String, Path, description = "Name of the volume.")),
    responses((status = 200, description = "What was found.", body = RecountRow))
)]
async fn recount(call: Call, Part(volume): Part) -> Result<Json<RecountRow>, Problem> {
    match last(ask(&call, QuotaRequest::Recount { volume }).await?)? {
        QuotaReply::Recounted(row) => Ok(Json(*row)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Shows who is told of thresholds that are crossed.
#[utoipa::path(
    get, path = "/v1/quota-notification", operation_id = "getQuotaNotification", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    responses((status = 200, description = "Who is told.", body = NotificationRow))
)]
async fn notification(call: Call) -> Result<Json<NotificationRow>, Problem> {
    match last(ask(&call, QuotaRequest::Notification).await?)? {
        QuotaReply::Notification(row) => Ok(Json(row)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Changes who is told; what is left out stays.
#[utoipa::path(
    patch, path = "/v1/quota-notification", operation_id = "setQuotaNotification", tag = "quotas",
    security(("negotiate" = []), ("token" = ["config:write"])),
    request_body(content = NotificationChange),
    responses((status = 200, description = "Who is told now.", body = NotificationRow))
)]
async fn set_notification(
    call: Call,
    Body(settings): Body<NotificationChange>,
) -> Result<Json<NotificationRow>, Problem> {
    match last(ask(&call, QuotaRequest::SetNotification { settings }).await?)? {
        QuotaReply::Notification(row) => Ok(Json(row)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Tells them something now, as a test.
#[utoipa::path(
    post, path = "/v1/quota-notification/test", operation_id = "testQuotaNotification", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    responses((status = 200, description = "How it went.", body = Vec<NotificationTestRow>))
)]
async fn test_notification(call: Call) -> Result<Json<Vec<NotificationTestRow>>, Problem> {
    match last(ask(&call, QuotaRequest::TestNotification).await?)? {
        QuotaReply::Tested(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}
