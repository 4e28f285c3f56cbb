//! DFS namespaces, and which referral a client would get.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::body::{Asked, Body, Part};
use super::super::call::{Call, unexpected};
use super::super::problem::Problem;
use crate::admin::dfs_protocol::{
    DfsNamespaceRow, DfsReply, DfsRequest, DfsResolution, DfsSiteRow, DfsTestRow, NamespaceOptions,
};
use crate::admin::domain_protocol::DomainLogon;
use crate::admin::protocol::{Reply, Request};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(one, change, remove))
        .routes(routes!(test))
        .routes(routes!(resolve))
        .routes(routes!(sites))
}

/// A new namespace; what is left out has its default.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewDfsNamespace {
    /// Its name, which is its share's.
    name: String,
    /// Volume of a share that is made for it, for which a token needs `shares:write` as well; left out where the share is there.
    volume: Option<String>,
    /// Folder of that share within the volume.
    path: Option<String>,
    /// Its settings.
    #[serde(default)]
    settings: NamespaceOptions,
    /// The directory of the domain keeps it, for all servers that hold its root; one that is there gets this server as well.
    #[serde(default)]
    domain: bool,
    /// Who changes the directory, for a namespace of the domain; this server's own account where it is left out.
    logon: Option<DomainLogon>,
}

/// What is to change of a namespace; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DfsNamespaceChange {
    /// The changes.
    settings: NamespaceOptions,
}

/// Whose targets are asked; all where nothing is given.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TestQuery {
    /// A namespace or a folder: `files`, `files\projects`, `\\server\files\projects`.
    path: Option<String>,
}

/// What a client asks about.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ResolveQuery {
    /// Any path in a namespace: `files\projects\plans`, `\\server\files\projects\plans`.
    path: String,
    /// Address of the client.
    client: Option<String>,
}

/// From where costs are counted.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SitesQuery {
    /// A site, or an address in it; the server's own site where it is left out.
    from: Option<String>,
}

/// Has a request about namespaces carried out.
pub(super) async fn ask(call: &Call, request: DfsRequest) -> Result<DfsReply, Problem> {
    reply_of(call.ask(Request::Dfs { request }).await?)
}

/// Looks at what has become of a change that the caller was allowed to make.
pub(super) async fn look(call: &Call, request: DfsRequest) -> Result<DfsReply, Problem> {
    reply_of(call.look(Request::Dfs { request }).await?)
}

fn reply_of(reply: Reply) -> Result<DfsReply, Problem> {
    match reply {
        Reply::Dfs(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

/// The answer does not belong to the request.
pub(super) fn surprise(reply: DfsReply) -> Problem {
    unexpected(&Reply::Dfs(reply))
}

fn rows(reply: DfsReply) -> Result<Vec<DfsNamespaceRow>, Problem> {
    match reply {
        DfsReply::Namespaces(rows) => Ok(rows),
        other => Err(surprise(other)),
    }
}

fn first(rows: Vec<DfsNamespaceRow>, name: &str) -> Result<DfsNamespaceRow, Problem> {
    rows.into_iter().next().ok_or_else(|| Problem::not_found("namespace", name))
}

async fn find(call: &Call, name: &str) -> Result<DfsNamespaceRow, Problem> {
    let request = DfsRequest::Namespaces { name: Some(name.to_owned()) };
    first(rows(look(call, request).await?)?, name)
}

/// Lists the namespaces.
#[utoipa::path(
    get, path = "/v1/dfs/namespaces", operation_id = "listDfsNamespaces", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    responses((status = 200, description = "The namespaces.", body = Vec<DfsNamespaceRow>))
)]
async fn list(call: Call) -> Result<Json<Vec<DfsNamespaceRow>>, Problem> {
    rows(ask(&call, DfsRequest::Namespaces { name: None }).await?).map(Json)
}

/// Makes a namespace. Its root is the share of its name, which is made where a volume is given.
#[utoipa::path(
    post, path = "/v1/dfs/namespaces", operation_id = "addDfsNamespace", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    request_body(content = NewDfsNamespace, example = json!({"Name": "files", "Volume": "data", "Path": "dfs/files"})),
    responses((status = 201, description = "The namespace.", body = DfsNamespaceRow,
               headers(("Location" = String, description = "Where it is."))))
)]
async fn add(call: Call, Body(new): Body<NewDfsNamespace>) -> Result<Response, Problem> {
    let NewDfsNamespace { name, volume, path, settings, domain, logon } = new;
    ask(&call, DfsRequest::AddNamespace { name: name.clone(), volume, path, settings, domain, logon })
        .await?;
    let row = find(&call, &name).await?;
    let place = [(header::LOCATION, super::location(&["dfs", "namespaces", &row.name]))];
    Ok((StatusCode::CREATED, place, Json(row)).into_response())
}

/// Shows a namespace.
#[utoipa::path(
    get, path = "/v1/dfs/namespaces/{name}", operation_id = "getDfsNamespace", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(("name" = String, Path, description = "Name of the namespace.")),
    responses((status = 200, description = "The namespace.", body = DfsNamespaceRow))
)]
async fn one(call: Call, Part(name): Part) -> Result<Json<DfsNamespaceRow>, Problem> {
    let found = rows(ask(&call, DfsRequest::Namespaces { name: Some(name.clone()) }).await?)?;
    first(found, &name).map(Json)
}

/// Changes a namespace.
#[utoipa::path(
    patch, path = "/v1/dfs/namespaces/{name}", operation_id = "setDfsNamespace", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    params(("name" = String, Path, description = "Name of the namespace.")),
    request_body(content = DfsNamespaceChange, example = json!({"Settings": {"TimeToLiveSec": 600}})),
    responses((status = 200, description = "The namespace as it is now.", body = DfsNamespaceRow))
)]
async fn change(
    call: Call,
    Part(name): Part,
    Body(change): Body<DfsNamespaceChange>,
) -> Result<Json<DfsNamespaceRow>, Problem> {
    let settings = change.settings;
    ask(&call, DfsRequest::SetNamespace { name: name.clone(), settings }).await?;
    find(&call, &name).await.map(Json)
}

/// Removes a namespace with its folders. The share and what the targets hold stay. Of a domain's namespace this server's own account
/// takes this server out of the root targets; the last one takes the namespace with it.
#[utoipa::path(
    delete, path = "/v1/dfs/namespaces/{name}", operation_id = "removeDfsNamespace", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:write"])),
    params(("name" = String, Path, description = "Name of the namespace.")),
    responses((status = 204, description = "It is removed."))
)]
async fn remove(call: Call, Part(name): Part) -> Result<StatusCode, Problem> {
    ask(&call, DfsRequest::RemoveNamespace { name, logon: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks each target's server whether it answers.
#[utoipa::path(
    get, path = "/v1/dfs/test", operation_id = "testDfsTargets", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(TestQuery),
    responses((status = 200, description = "The targets, each with what came back.", body = Vec<DfsTestRow>))
)]
async fn test(call: Call, Asked(query): Asked<TestQuery>) -> Result<Json<Vec<DfsTestRow>>, Problem> {
    match ask(&call, DfsRequest::Test { path: query.path }).await? {
        DfsReply::Tests(rows) => Ok(Json(rows)),
        other => Err(surprise(other)),
    }
}

/// Says which referral a client would get, and why.
#[utoipa::path(
    get, path = "/v1/dfs/resolve", operation_id = "resolveDfsPath", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(ResolveQuery),
    responses((status = 200, description = "The referral.", body = DfsResolution))
)]
async fn resolve(call: Call, Asked(query): Asked<ResolveQuery>) -> Result<Json<DfsResolution>, Problem> {
    let ResolveQuery { path, client } = query;
    match ask(&call, DfsRequest::Resolve { path, client }).await? {
        DfsReply::Resolution(resolution) => Ok(Json(*resolution)),
        other => Err(surprise(other)),
    }
}

/// Lists the sites of the directory, which order targets.
#[utoipa::path(
    get, path = "/v1/dfs/sites", operation_id = "listDfsSites", tag = "dfs",
    security(("negotiate" = []), ("token" = ["dfs:read"])),
    params(SitesQuery),
    responses((status = 200, description = "The sites; none where the server is no member of a domain.", body = Vec<DfsSiteRow>))
)]
async fn sites(call: Call, Asked(query): Asked<SitesQuery>) -> Result<Json<Vec<DfsSiteRow>>, Problem> {
    match ask(&call, DfsRequest::Sites { from: query.from }).await? {
        DfsReply::Sites(rows) => Ok(Json(rows)),
        other => Err(surprise(other)),
    }
}
