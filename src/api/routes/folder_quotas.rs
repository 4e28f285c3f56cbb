//! Quotas of folders, their templates, and folders whose subfolders get one each.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Body, Part};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use super::quotas::{ask, last};
use crate::admin::protocol::Reply;
use crate::admin::quota_protocol::{
    ApplyTo, AutoQuotaRow, FolderQuotaChange, FolderQuotaRow, QuotaReply, QuotaRequest, QuotaTemplateRow,
    TemplateChange,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(folders, add_folder, set_folder, remove_folder))
        .routes(routes!(templates, add_template))
        .routes(routes!(template, set_template, remove_template))
        .routes(routes!(autos, add_auto, set_auto, remove_auto))
}

/// Which folders; all where nothing is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FolderQuery {
    /// Of this volume.
    volume: Option<String>,
    /// This folder only.
    path: Option<String>,
}

/// Which folder.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PathQuery {
    /// A folder: `share:/folder`, `\\server\share\folder`, or a path on the server within a volume.
    path: String,
}

/// Which volume; all where none is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VolumeQuery {
    /// Of this volume.
    volume: Option<String>,
}

/// Which folder, and what becomes of its subfolders.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveAutoQuery {
    /// A folder: `share:/folder`, `\\server\share\folder`, or a path on the server within a volume.
    path: String,
    /// The quotas that subfolders have stay.
    #[serde(default)]
    #[param(required = false)]
    keep_quotas: bool,
}

/// A quota for a folder.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FolderQuotaBody {
    /// A folder: `share:/folder`, `\\server\share\folder`, or a path on the server within a volume.
    path: String,
    /// The quota; what is left out comes from the template, or stays.
    settings: FolderQuotaChange,
    /// Tells what would be, and does nothing.
    #[serde(default)]
    what_if: bool,
}

/// A new template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewTemplate {
    /// Its name.
    name: String,
    /// Its settings.
    settings: TemplateChange,
}

/// What is to change of a template.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TemplateBody {
    /// The changes; what is left out stays.
    settings: TemplateChange,
    /// Which folder quotas that came from it change with it.
    #[serde(default)]
    apply_to: ApplyTo,
    /// Tells what would be, and does nothing.
    #[serde(default)]
    what_if: bool,
}

/// A folder whose subfolders get a quota each.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewAuto {
    /// A folder: `share:/folder`, `\\server\share\folder`, or a path on the server within a volume.
    path: String,
    /// The template.
    template: String,
}

/// What is to change of an auto quota; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AutoBody {
    /// A folder: `share:/folder`, `\\server\share\folder`, or a path on the server within a volume.
    path: String,
    /// Another template.
    template: Option<String>,
    /// New subfolders get no quota for the time being.
    disabled: Option<bool>,
    /// Which quotas of its subfolders change with it.
    #[serde(default)]
    apply_to: ApplyTo,
}

/// Lists quotas of folders.
#[utoipa::path(
    get, path = "/v1/folder-quotas", operation_id = "listFolderQuotas", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(FolderQuery),
    responses((status = 200, description = "The quotas.", body = Vec<FolderQuotaRow>))
)]
async fn folders(call: Call, Asked(query): Asked<FolderQuery>) -> Result<Json<Vec<FolderQuotaRow>>, Problem> {
    let FolderQuery { volume, path } = query;
    match last(ask(&call, QuotaRequest::Folders { volume, path }).await?)? {
        QuotaReply::Folders(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Puts a quota on a folder that has none.
#[utoipa::path(
    post, path = "/v1/folder-quotas", operation_id = "addFolderQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    request_body(content = FolderQuotaBody, example = json!({"Path": "Projects:/plans", "Settings": {"Size": "10GB"}})),
    responses((status = 201, description = "The quota.", body = Vec<FolderQuotaRow>))
)]
async fn add_folder(
    call: Call,
    Body(body): Body<FolderQuotaBody>,
) -> Result<(StatusCode, Json<Vec<FolderQuotaRow>>), Problem> {
    let FolderQuotaBody { path, settings, what_if } = body;
    match last(ask(&call, QuotaRequest::AddFolder { path, settings, what_if }).await?)? {
        QuotaReply::Folders(rows) => Ok((StatusCode::CREATED, Json(rows))),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Changes the quota of a folder.
#[utoipa::path(
    patch, path = "/v1/folder-quotas", operation_id = "setFolderQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    request_body(content = FolderQuotaBody),
    responses((status = 200, description = "The quota as it is now, or would be.", body = Vec<FolderQuotaRow>))
)]
async fn set_folder(
    call: Call,
    Body(body): Body<FolderQuotaBody>,
) -> Result<Json<Vec<FolderQuotaRow>>, Problem> {
    let FolderQuotaBody { path, settings, what_if } = body;
    match last(ask(&call, QuotaRequest::SetFolder { path, settings, what_if }).await?)? {
        QuotaReply::Folders(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Takes the quota of a folder away. The files stay.
#[utoipa::path(
    delete, path = "/v1/folder-quotas", operation_id = "removeFolderQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(PathQuery),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_folder(call: Call, Asked(query): Asked<PathQuery>) -> Result<StatusCode, Problem> {
    let PathQuery { path } = query;
    ask(&call, QuotaRequest::RemoveFolder { path }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists templates of folder quotas.
#[utoipa::path(
    get, path = "/v1/quota-templates", operation_id = "listQuotaTemplates", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    responses((status = 200, description = "The templates.", body = Vec<QuotaTemplateRow>))
)]
async fn templates(call: Call) -> Result<Json<Vec<QuotaTemplateRow>>, Problem> {
    match last(ask(&call, QuotaRequest::Templates { name: None }).await?)? {
        QuotaReply::Templates(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Makes a template.
#[utoipa::path(
    post, path = "/v1/quota-templates", operation_id = "addQuotaTemplate", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    request_body(content = NewTemplate, example = json!({"Name": "Small", "Settings": {"Size": "1GB", "Threshold": [80, 95]}})),
    responses((status = 201, description = "The template.", body = Vec<QuotaTemplateRow>))
)]
async fn add_template(
    call: Call,
    Body(body): Body<NewTemplate>,
) -> Result<(StatusCode, Json<Vec<QuotaTemplateRow>>), Problem> {
    let NewTemplate { name, settings } = body;
    match last(ask(&call, QuotaRequest::AddTemplate { name, settings }).await?)? {
        QuotaReply::Templates(rows) => Ok((StatusCode::CREATED, Json(rows))),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Shows a template.
#[utoipa::path(
    get, path = "/v1/quota-templates/{name}", operation_id = "getQuotaTemplate", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(("name" = String, Path, description = "Name of the template.")),
    responses((status = 200, description = "The template.", body = Vec<QuotaTemplateRow>))
)]
async fn template(call: Call, Part(name): Part) -> Result<Json<Vec<QuotaTemplateRow>>, Problem> {
    match last(ask(&call, QuotaRequest::Templates { name: Some(name) }).await?)? {
        QuotaReply::Templates(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Changes a template.
#[utoipa::path(
    patch, path = "/v1/quota-templates/{name}", operation_id = "setQuotaTemplate", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("name" = String, Path, description = "Name of the template.")),
    request_body(content = TemplateBody),
    responses((status = 200, description = "The template as it is now, or would be.", body = Vec<QuotaTemplateRow>))
)]
async fn set_template(
    call: Call,
    Part(name): Part,
    Body(body): Body<TemplateBody>,
) -> Result<Json<Vec<QuotaTemplateRow>>, Problem> {
    let TemplateBody { settings, apply_to, what_if } = body;
    match last(ask(&call, QuotaRequest::SetTemplate { name, settings, apply_to, what_if }).await?)? {
        QuotaReply::Templates(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Removes a template. Folder quotas that came from it stay.
#[utoipa::path(
    delete, path = "/v1/quota-templates/{name}", operation_id = "removeQuotaTemplate", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(("name" = String, Path, description = "Name of the template.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_template(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    ask(&call, QuotaRequest::RemoveTemplate { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists folders whose subfolders get a quota each.
#[utoipa::path(
    get, path = "/v1/auto-quotas", operation_id = "listAutoQuotas", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:read"])),
    params(VolumeQuery),
    responses((status = 200, description = "The folders.", body = Vec<AutoQuotaRow>))
)]
async fn autos(call: Call, Asked(query): Asked<VolumeQuery>) -> Result<Json<Vec<AutoQuotaRow>>, Problem> {
    let VolumeQuery { volume } = query;
    match last(ask(&call, QuotaRequest::Autos { volume }).await?)? {
        QuotaReply::Autos(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Gives each subfolder that a folder has or gets a quota of a template.
#[utoipa::path(
    post, path = "/v1/auto-quotas", operation_id = "addAutoQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    request_body(content = NewAuto),
    responses((status = 201, description = "The folder.", body = Vec<AutoQuotaRow>))
)]
async fn add_auto(
    call: Call,
    Body(body): Body<NewAuto>,
) -> Result<(StatusCode, Json<Vec<AutoQuotaRow>>), Problem> {
    let NewAuto { path, template } = body;
    match last(ask(&call, QuotaRequest::AddAuto { path, template }).await?)? {
        QuotaReply::Autos(rows) => Ok((StatusCode::CREATED, Json(rows))),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Changes what the subfolders of a folder get.
#[utoipa::path(
    patch, path = "/v1/auto-quotas", operation_id = "setAutoQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    request_body(content = AutoBody),
    responses((status = 200, description = "The folder as it is now.", body = Vec<AutoQuotaRow>))
)]
async fn set_auto(call: Call, Body(body): Body<AutoBody>) -> Result<Json<Vec<AutoQuotaRow>>, Problem> {
    let AutoBody { path, template, disabled, apply_to } = body;
    match last(ask(&call, QuotaRequest::SetAuto { path, template, disabled, apply_to }).await?)? {
        QuotaReply::Autos(rows) => Ok(Json(rows)),
        other => Err(unexpected(&Reply::Quota(other))),
    }
}

/// Gives new subfolders no quota any more.
#[utoipa::path(
    delete, path = "/v1/auto-quotas", operation_id = "removeAutoQuota", tag = "quotas",
    security(("negotiate" = []), ("token" = ["quotas:write"])),
    params(RemoveAutoQuery),
    responses((status = 204, description = "It is removed."))
)]
async fn remove_auto(call: Call, Asked(query): Asked<RemoveAutoQuery>) -> Result<StatusCode, Problem> {
    let RemoveAutoQuery { path, keep_quotas } = query;
    ask(&call, QuotaRequest::RemoveAuto { path, keep_quotas }).await?;
    Ok(StatusCode::NO_CONTENT)
}
