//! The OpenAPI 3.1 document: the routes' own descriptions, and what holds for all of them.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, PathItem, Ref, RefOr, Response, Schema};
use utoipa::{Modify, OpenApi as _, PartialSchema, ToSchema as _};

use super::problem::{MEDIA_TYPE, Problem};
use super::routes;

/// What a refusal may be, and why.
const PROBLEMS: [(&str, &str); 13] = [
    ("400", "The request cannot be read."),
    ("401", "Nobody is logged on, or the logon or the token is not good."),
    ("403", "The caller is no administrator, or the token lacks the scope."),
    ("404", "There is nothing of that name."),
    ("405", "The path does not know the method."),
    ("408", "The request did not come in time."),
    ("409", "It exists already, or must not be changed."),
    ("413", "The body is too large."),
    ("414", "The address is too long."),
    ("415", "The body is not said to be JSON."),
    ("422", "A field is not what it should be, or the server refuses what is asked."),
    ("500", "Something failed inside of the server."),
    ("503", "The server cannot do it now."),
];

/// What holds for the whole document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Freehold administration",
        description = "Administration of a Freehold file server. Every operation is a request of the same service that \
                       the command line uses. Sizes are bytes, times ISO 8601 in UTC. Names of properties do not change.\n\n\
                       Log on with Negotiate (Kerberos or NTLM, as a member of the server's Administrators), or send a \
                       token that `freehold token add` made. Each operation names the scope that a token needs.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "status", description = "Who the server is."),
        (name = "server", description = "What holds for the whole server."),
        (name = "declaration", description = "The state as a file declares it."),
        (name = "sessions", description = "Who is connected."),
        (name = "open-files", description = "What is open."),
        (name = "shares", description = "Shares and who may connect."),
        (name = "users", description = "Local accounts."),
        (name = "groups", description = "Local groups."),
        (name = "domain", description = "The domain, further names, and who is who."),
        (name = "acl", description = "Access-control lists of files."),
        (name = "quotas", description = "Who uses how much, and may."),
        (name = "dfs", description = "DFS namespaces, their folders and where they lead."),
        (name = "audit", description = "What was recorded."),
        (name = "tokens", description = "Tokens for this interface."),
    ),
    components(schemas(Problem)),
    modifiers(&Common),
)]
struct Document;

/// Ways to log on.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of `freehold token add`. It may do what its scopes name."))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let negotiate = ApiKeyValue::with_description(
            "Authorization",
            "`Negotiate` (RFC 4559) with Kerberos or NTLM, or `NTLM`, as a member of this server's Administrators.",
        );
        components.add_security_scheme("negotiate", SecurityScheme::ApiKey(ApiKey::Header(negotiate)));
    }
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = Document::openapi();
    document.merge(routes::described().into_openapi());
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            refusals(operation);
        }
    }
    document
}

/// The document as it is published.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn text() -> serde_json::Result<String> {
    document().to_pretty_json().map(|text| text + "\n")
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// Adds how an operation is refused.
fn refusals(operation: &mut Operation) {
    for (status, description) in PROBLEMS {
        let mut response = Response::new(description);
        let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
        let content = RefOr::T(Content::new(Some(schema)));
        response.content.insert(MEDIA_TYPE.to_owned(), content);
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
}

/// The schema of `T` with properties in front that are texts: name, whether it must be there, what it is.
pub(super) fn with_properties<T: PartialSchema>(
    first: &[(&str, bool, &str)],
    description: &str,
) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = T::schema() else { return T::schema() };
    let rest = std::mem::take(&mut object.properties);
    for (name, required, description) in first {
        let kind = if *required {
            SchemaType::Type(Type::String)
        } else {
            SchemaType::from_iter([Type::String, Type::Null])
        };
        let property = ObjectBuilder::new().schema_type(kind).description(Some(*description));
        object.properties.insert((*name).to_owned(), property.into());
        if *required {
            object.required.push((*name).to_owned());
        }
    }
    object.properties.extend(rest);
    object.description = Some(description.to_owned());
    RefOr::T(Schema::Object(object))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::admin::scope::Scope;

    #[test]
    fn the_document_in_docs_is_this_one() {
        let text = text().unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        if std::env::var_os("FREEHOLD_OPENAPI").is_some_and(|word| word == "write") {
            std::fs::write(path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            text == kept,
            "docs/openapi.json is not up to date: FREEHOLD_OPENAPI=write cargo test --lib openapi, or \
             freehold api openapi > docs/openapi.json"
        );
    }

    #[test]
    fn every_operation_has_a_name_and_says_how_to_log_on() {
        let document: serde_json::Value = serde_json::from_str(&text().unwrap()).unwrap();
        let mut names = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} twice");
                let security = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path}"));
                let scope = security.iter().find_map(|way| way["token"][0].as_str());
                let scope = scope.unwrap_or_else(|| panic!("{name} names no scope"));
                let scope = Scope::of_name(scope).unwrap_or_else(|| panic!("{name}: {scope}"));
                assert!(method != "get" || scope.name().ends_with(":read"), "{name}");
                assert!(operation["summary"].is_string(), "{name} has no summary");
            }
        }
        assert!(names.len() > 20, "{names:?}");
    }
}
