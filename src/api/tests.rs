//! Requests through the routes, without TLS and sockets.

mod dfs;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_dtyp::FileTime;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::authenticate::Connection;
use super::logon::{Account, Answer, Logons, User};
use super::*;
use crate::auth::ntlm::client::{Credentials, Initiator, InitiatorOptions, Randomness};
use crate::auth::{
    Acceptor, AcceptorConfig, AcceptorRandomness, AccountAnswer, AccountQuery, Authorization, ChannelBinding,
};
use crate::config::VolumeConfig;
use crate::state::NewAccount;

/// Accounts of a state, as the server knows them.
struct LocalLogons(Arc<State>);

impl Logons for LocalLogons {
    fn acceptor(&self, channel_binding: ChannelBinding) -> Acceptor {
        let config = AcceptorConfig { channel_binding, ..AcceptorConfig::default() };
        let randomness = AcceptorRandomness::new(&[7; AcceptorRandomness::SIZE]);
        Acceptor::new(Arc::new(config), FileTime(134_000_000_000_000_000), randomness)
    }

    fn takes_ntlm(&self) -> bool {
        true
    }

    fn account<'a>(&'a self, query: &'a AccountQuery, _: &'a str) -> Answer<'a> {
        let accounts = self.0.accounts();
        let found = match accounts.account(&query.user) {
            Some(account) => Account {
                answer: AccountAnswer::Secret { nt_hash: account.nt_hash.clone(), restriction: None },
                user: Some(User {
                    account: account.name.clone(),
                    domain: "HOST".to_owned(),
                    sid: account.sid,
                    is_administrator: account.is_administrator(),
                }),
            },
            None => Account { answer: AccountAnswer::Unknown, user: None },
        };
        Box::pin(std::future::ready(found))
    }

    fn user_of(&self, _: &Authorization) -> User {
        unreachable!("there is no Kerberos here")
    }

    fn still(&self, user: &User) -> Option<User> {
        self.0.accounts().account_by_sid(&user.sid).map(|_| user.clone())
    }

    fn failed(&self, _: &str) -> Option<Duration> {
        None
    }

    fn succeeded(&self, _: &str) {}
}

/// A server with an administrator, a user and a volume.
struct Server {
    state: Arc<State>,
    router: Router,
    _volume: tempfile::TempDir,
}

fn server() -> Server {
    let volume = tempfile::tempdir().unwrap();
    let state = Arc::new(State::in_memory().unwrap());
    state.set_volumes(vec![VolumeConfig::new("data", volume.path().to_owned())]);
    for (name, groups) in [("root", &["Administrators"][..]), ("anna", &[])] {
        state
            .add_account(&NewAccount {
                name,
                full_name: "",
                comment: "",
                password: "Secret-1",
                disabled: false,
                groups,
            })
            .unwrap();
    }
    let logons = Arc::new(LocalLogons(Arc::clone(&state)));
    let api = Api::new(AdminService::new(Arc::clone(&state)), Arc::clone(&state), logons, [9; 16]);
    Server { state, router: routes::router(&api), _volume: volume }
}

impl Server {
    fn token(&self, scopes: &[&str]) -> String {
        self.token_called("t", scopes)
    }

    fn token_called(&self, name: &str, scopes: &[&str]) -> String {
        format!("Bearer {}", *self.state.add_api_token(name, scopes, None).unwrap())
    }

    async fn send(&self, connection: &Arc<Connection>, request: Request<Body>) -> (Response<()>, Value) {
        let mut request = request;
        request.extensions_mut().insert(Arc::clone(connection));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (Response::from_parts(parts, ()), value)
    }

    /// One request on a connection of its own.
    async fn ask(&self, method: &str, path: &str, credentials: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, credentials)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let (response, value) = self.send(&connection(), request).await;
        if response.status().is_client_error() || response.status().is_server_error() {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(value["status"], response.status().as_u16());
        }
        (response.status(), value)
    }

    /// Logs on with NTLM on `connection` and asks for `path`.
    async fn ntlm(&self, connection: &Arc<Connection>, user: &str, password: &str, path: &str) -> StatusCode {
        let credentials = Credentials {
            user: user.to_owned(),
            domain: String::new(),
            workstation: String::new(),
            nt_hash: crate::auth::nt_hash(password),
        };
        let randomness = Randomness { client_challenge: [1; 8], exported_session_key: [2; 16] };
        let mut client = Initiator::new(credentials, randomness, InitiatorOptions::default());
        let ask = |token: Vec<u8>| {
            let value = format!("NTLM {}", STANDARD.encode(token));
            Request::get(path).header(header::AUTHORIZATION, value).body(Body::empty()).unwrap()
        };
        let (response, _) = self.send(connection, ask(client.start())).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        let challenge = STANDARD.decode(challenge.strip_prefix("NTLM ").unwrap()).unwrap();
        let answer = client.step(&challenge).unwrap();
        self.send(connection, ask(answer)).await.0.status()
    }
}

fn connection() -> Arc<Connection> {
    Connection::new(SocketAddr::from(([192, 0, 2, 7], 50_000)))
}

#[tokio::test]
async fn nobody_is_told_how_to_log_on() {
    let server = server();
    let request = Request::get("/v1/shares").body(Body::empty()).unwrap();
    let (response, problem) = server.send(&connection(), request).await;
    let ways: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ways, ["Negotiate", "NTLM", "Bearer realm=\"freehold\""]);
    assert!(problem["detail"].as_str().unwrap().contains("freehold token add"), "{problem}");
    for wrong in ["Bearer x", "Bearer", "Basic YTpi", "Negotiate !", "Negotiate YQ==", "NTLM ", ""] {
        let (status, _) = server.ask("GET", "/v1/nothing", wrong, "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let request = Request::get("/v1/openapi.json").body(Body::empty()).unwrap();
    assert_eq!(server.send(&connection(), request).await.1["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_share_is_made_changed_and_removed() {
    let server = server();
    let token = server.token(&["shares:read", "shares:write"]);
    let body = r#"{"Name":"Projects","Volume":"data","Path":"p","Description":"x"}"#;
    let (status, row) = server.ask("POST", "/v1/shares", &token, body).await;
    assert_eq!((status, &row["Name"], &row["Path"]), (StatusCode::CREATED, &json!("Projects"), &json!("p")));
    assert_eq!(server.ask("POST", "/v1/shares", &token, body).await.0, StatusCode::CONFLICT);
    let (status, row) = server.ask("PATCH", "/v1/shares/projects", &token, r#"{"EncryptData":true}"#).await;
    assert_eq!(
        (status, &row["EncryptData"], &row["Description"]),
        (StatusCode::OK, &json!(true), &json!("x"))
    );
    let grant = r#"{"Account":"anna","Right":"Read"}"#;
    let (status, row) = server.ask("POST", "/v1/shares/Projects/access", &token, grant).await;
    assert_eq!(status, StatusCode::OK);
    assert!(row.to_string().contains("anna"), "{row}");
    let (status, row) = server.ask("DELETE", "/v1/shares/Projects/access/anna", &token, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!row.to_string().contains("anna"), "{row}");
    let block = r#"{"Account":"anna"}"#;
    let (status, row) = server.ask("POST", "/v1/shares/Projects/block", &token, block).await;
    assert_eq!((status, &row[0]["AccessControlType"]), (StatusCode::OK, &json!("Deny")), "{row}");
    let (_, row) = server.ask("DELETE", "/v1/shares/Projects/block/anna", &token, "").await;
    assert_eq!(row, server.ask("GET", "/v1/shares/Projects/access", &token, "").await.1);
    assert!(!row.to_string().contains("Deny"), "{row}");
    let (_, rows) = server.ask("GET", "/v1/shares", &token, "").await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(server.ask("DELETE", "/v1/shares/Projects", &token, "").await.0, StatusCode::NO_CONTENT);
    for method in ["DELETE", "GET"] {
        assert_eq!(server.ask(method, "/v1/shares/Projects", &token, "").await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_token_may_do_what_its_scopes_say() {
    let server = server();
    let token = server.token(&["shares:read"]);
    assert_eq!(server.ask("GET", "/v1/shares", &token, "").await.0, StatusCode::OK);
    for (method, path, body, scope) in [
        ("GET", "/v1/users", "", "users:read"),
        ("DELETE", "/v1/shares/a", "", "shares:write"),
        ("POST", "/v1/tokens", r#"{"Name":"b","Scopes":["shares:read"]}"#, "tokens:write"),
    ] {
        let (status, problem) = server.ask(method, path, &token, body).await;
        assert_eq!((status, &problem["scope"]), (StatusCode::FORBIDDEN, &json!(scope)));
    }
    server.state.remove_api_token("t").unwrap();
    assert_eq!(server.ask("GET", "/v1/shares", &token, "").await.0, StatusCode::UNAUTHORIZED);
    let expired = server.state.add_api_token("old", &["shares:read"], Some(FileTime(1))).unwrap();
    let (status, problem) = server.ask("GET", "/v1/shares", &format!("Bearer {}", *expired), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(problem["detail"].as_str().unwrap().contains("expired"), "{problem}");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_named() {
    let server = server();
    let token = server.token(&["shares:write", "users:write", "acl:read"]);
    let post = |path: &'static str, body: &'static str| server.ask("POST", path, &token, body);
    for (path, body, field) in [
        ("/v1/shares", r#"{"Name":"a","Volume":"data","Colour":1}"#, "Colour"),
        ("/v1/shares", r#"{"Name":"a"}"#, "Volume"),
        ("/v1/users", r#"{"Name":5,"Password":"x"}"#, "Name"),
        ("/v1/users", r#"{"Name":"a","Password":"x","Groups":[1]}"#, "Groups[0]"),
        ("/v1/users", r#"{"Name":"a/b","Password":"x"}"#, "account name"),
    ] {
        let (status, problem) = post(path, body).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(post("/v1/shares", "{").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post("/v1/status", "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.state.shares().all().len(), 0);
    let (status, problem) = server.ask("GET", "/v1/acl?path=a&limit=0", &token, "").await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("limit")));
    for (path, expected) in [
        ("/v1/acl", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/acl?path=a&x=1", StatusCode::UNPROCESSABLE_ENTITY),
        ("/v1/shares/%FF", StatusCode::BAD_REQUEST),
        ("/v2", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(server.ask("GET", path, &token, "").await.0, expected, "{path}");
    }
    let long = format!("/v1/shares/{}", "a".repeat(9_000));
    assert_eq!(server.ask("GET", &long, &token, "").await.0, StatusCode::URI_TOO_LONG);
    let large = format!("\"{}\"", "a".repeat(2 << 20));
    assert_eq!(server.ask("POST", "/v1/shares", &token, &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn forms_and_other_sites_are_refused() {
    let server = server();
    let token = server.token(&["shares:write"]);
    let request = |name: &str, value: &str| {
        Request::post("/v1/shares")
            .header(header::HOST, "files.example:8445")
            .header(header::AUTHORIZATION, &token)
            .header(name, value)
            .body(Body::from("{}"))
            .unwrap()
    };
    let status = async |name, value| server.send(&connection(), request(name, value)).await.0.status();
    assert_eq!(status("content-type", "text/plain").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(status("origin", "https://evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(status("origin", "https://files.example:8445").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn administrators_log_on_with_ntlm_and_others_do_not_get_far() {
    let server = server();
    let first = connection();
    assert_eq!(server.ntlm(&first, "root", "Secret-1", "/v1/users").await, StatusCode::OK);
    let again = || Request::get("/v1/shares").body(Body::empty()).unwrap();
    assert_eq!(server.send(&first, again()).await.0.status(), StatusCode::OK);
    // The logon is the connection's.
    assert_eq!(server.send(&connection(), again()).await.0.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.ntlm(&connection(), "root", "wrong", "/v1/users").await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.ntlm(&connection(), "nobody", "Secret-1", "/v1/users").await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.ntlm(&connection(), "anna", "Secret-1", "/v1/users").await, StatusCode::FORBIDDEN);
    // A logon that fails ends the one before.
    assert_eq!(server.ntlm(&first, "root", "wrong", "/v1/users").await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.send(&first, again()).await.0.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_account_that_is_gone_is_logged_on_no_more() {
    let server = server();
    let connection = connection();
    assert_eq!(server.ntlm(&connection, "anna", "Secret-1", "/v1/users").await, StatusCode::FORBIDDEN);
    server.state.remove_account("anna").unwrap();
    let request = Request::get("/v1/users").body(Body::empty()).unwrap();
    assert_eq!(server.send(&connection, request).await.0.status(), StatusCode::UNAUTHORIZED);
}
