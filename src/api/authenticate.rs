//! Who asks: `Authorization: Negotiate` or `NTLM` (RFC 4559, [MS-NTHT]), or `Bearer` with a token (RFC 6750).
//!
//! A logon by Negotiate or NTLM belongs to its connection, as clients expect it, for at most ten minutes, and what this
//! server knows of the account is looked at again for each request. A token comes with each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use freehold_dtyp::{FileTime, Sid};
use parking_lot::Mutex;

use super::Api;
use super::body::MAX_BODY_BYTES;
use super::logon::User;
use super::problem::Problem;
use crate::admin::caller::{Caller, Door, Grants};
use crate::admin::scope::Scope;
use crate::auth::{AcceptStep, Accepted, Acceptor, AuthError, ChannelBinding, LogonKind, TOKEN_SIZE_LIMIT};

/// How long a logon is good for on its connection.
const LOGON_TIME: Duration = Duration::from_secs(600);
/// Path of the document that everybody may read.
pub(super) const OPENAPI_PATH: &str = "/v1/openapi.json";

/// What is known of a connection.
pub(super) struct Connection {
    peer: SocketAddr,
    logon: Mutex<Logon>,
}

/// Where a connection's logon is.
enum Logon {
    None,
    /// A token went out, the next is waited for.
    Running(Box<Acceptor>),
    Done {
        user: User,
        until: Instant,
        expires: Option<FileTime>,
    },
}

/// The schemes of logons that take several messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Negotiate,
    Ntlm,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Scheme::Negotiate => "Negotiate",
            Scheme::Ntlm => "NTLM",
        }
    }
}

/// What came of a logon's message.
enum Outcome {
    /// Somebody is logged on; the last token, which may be empty.
    User(User, Vec<u8>),
    /// A token for the client, who has to answer.
    Continue(Vec<u8>),
    Refused(Problem),
}

impl Connection {
    pub(super) fn new(peer: SocketAddr) -> Arc<Connection> {
        Arc::new(Connection { peer, logon: Mutex::new(Logon::None) })
    }

    /// Somebody is logged on.
    pub(super) fn has_logon(&self) -> bool {
        matches!(*self.logon.lock(), Logon::Done { .. })
    }

    fn client(&self) -> String {
        self.peer.ip().to_canonical().to_string()
    }

    fn caller(&self, user: &User) -> Caller {
        Caller {
            door: Door::Https,
            account: user.account.clone(),
            domain: user.domain.clone(),
            sid: user.sid,
            token: None,
            grants: if user.is_administrator { Grants::All } else { Grants::Own },
            address: self.client(),
            port: self.peer.port(),
        }
    }
}

/// Finds out who asks, and lets nobody else through.
pub(super) async fn authenticate(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    if request.uri().path() == OPENAPI_PATH && request.method() == Method::GET {
        return next.run(request).await;
    }
    let Some(connection) = request.extensions().get::<Arc<Connection>>().cloned() else {
        return Problem::internal("the connection is not known").into_response();
    };
    if let Err(problem) = same_origin(request.headers()) {
        return problem.into_response();
    }
    let mut credentials = request.headers().get_all(header::AUTHORIZATION).iter();
    let (first, second) = (credentials.next().cloned(), credentials.next());
    if second.is_some() {
        return Problem::new(StatusCode::BAD_REQUEST, "there are two Authorization headers").into_response();
    }
    // What is wiped is this copy; the connection's buffer is overwritten by what comes next.
    request.headers_mut().remove(header::AUTHORIZATION);
    let Some(first) = first else {
        return match present_logon(&api, &connection) {
            Some(user) => {
                request.extensions_mut().insert(connection.caller(&user));
                next.run(request).await
            }
            None => challenge(
                &api,
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "log on with Negotiate, or send Authorization: Bearer with a token (`freehold token add`)",
                ),
            ),
        };
    };
    let (scheme, value) = match split(&first) {
        Ok(found) => found,
        Err(problem) => return challenge(&api, problem),
    };
    if scheme.eq_ignore_ascii_case("Bearer") {
        return match bearer(&api, &connection, value).await {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
            Err(problem) => challenge(&api, problem),
        };
    }
    let scheme = if scheme.eq_ignore_ascii_case("Negotiate") {
        Scheme::Negotiate
    } else if scheme.eq_ignore_ascii_case("NTLM") {
        Scheme::Ntlm
    } else {
        return challenge(
            &api,
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "Authorization has an unknown scheme: Negotiate, NTLM or Bearer are taken",
            ),
        );
    };
    match log_on(&api, &connection, value).await {
        Outcome::User(user, token) => {
            request.extensions_mut().insert(connection.caller(&user));
            let mut response = next.run(request).await;
            if !token.is_empty() {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, with_token(scheme, &token));
            }
            response
        }
        Outcome::Continue(token) => {
            // The connection has to live on: what the client sent with its first message is read and forgotten.
            let body = std::mem::replace(request.body_mut(), Body::empty());
            let drained = axum::body::to_bytes(body, MAX_BODY_BYTES);
            let _ = tokio::time::timeout(Duration::from_secs(20), drained).await;
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "the logon goes on");
            let mut response = problem.into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, with_token(scheme, &token));
            response
        }
        Outcome::Refused(problem) => challenge(&api, problem),
    }
}

/// A browser that is logged on by itself must not do what another site wants.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://")) == Some(host) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "requests of other sites (Origin) are refused").field("Origin"))
}

fn split(value: &HeaderValue) -> Result<(&str, &str), Problem> {
    let text = value.to_str().ok().and_then(|text| text.trim().split_once(' '));
    text.map(|(scheme, value)| (scheme, value.trim())).ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "the Authorization header has no credentials")
            .field("Authorization")
    })
}

/// 401 with what is taken.
fn challenge(api: &Api, problem: Problem) -> Response {
    let mut response = problem.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        let headers = response.headers_mut();
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Negotiate"));
        if api.logons.takes_ntlm() {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("NTLM"));
        }
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"freehold\""));
    }
    response
}

fn with_token(scheme: Scheme, token: &[u8]) -> HeaderValue {
    let text = format!("{} {}", scheme.name(), base64::engine::general_purpose::STANDARD.encode(token));
    // Base64 is made of characters that headers can have.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Negotiate"))
}

/// Who is logged on to the connection, as of now.
fn present_logon(api: &Api, connection: &Connection) -> Option<User> {
    let mut logon = connection.logon.lock();
    let Logon::Done { user, until, expires } = &*logon else { return None };
    let now = FileTime::from_system_time(std::time::SystemTime::now());
    let in_time = Instant::now() < *until && expires.is_none_or(|expires| now < expires);
    let user = Some(user).filter(|_| in_time).and_then(|user| api.logons.still(user));
    if user.is_none() {
        *logon = Logon::None;
    }
    user
}

async fn bearer(api: &Arc<Api>, connection: &Connection, secret: &str) -> Result<Caller, Problem> {
    let now = FileTime::from_system_time(std::time::SystemTime::now());
    let client = connection.client();
    let found = api.state.api_token(secret);
    let why = match &found {
        None => "there is no such token",
        Some(token) if token.is_expired(now) => {
            "the token has expired: make another with `freehold token add`"
        }
        Some(_) => "",
    };
    let Some(token) = found.filter(|_| why.is_empty()) else {
        tracing::info!(peer = client, reason = why, "an administration request was refused");
        if let Some(wait) = api.logons.failed(&client) {
            tokio::time::sleep(wait).await;
        }
        return Err(Problem::new(StatusCode::UNAUTHORIZED, why));
    };
    if api.state.use_api_token(&token) {
        let (state, token) = (Arc::clone(&api.state), Arc::clone(&token));
        tokio::task::spawn_blocking(move || {
            if let Err(error) = state.keep_api_token_use(&token) {
                tracing::warn!(%error, "the use of a token could not be noted");
            }
        });
    }
    Ok(Caller {
        door: Door::Https,
        account: token.name.clone(),
        domain: String::new(),
        sid: Sid::NETWORK,
        token: Some(token.name.clone()),
        grants: Grants::Scopes(token.scopes.iter().filter_map(|name| Scope::of_name(name)).collect()),
        address: client,
        port: connection.peer.port(),
    })
}

/// Takes in a message of a logon.
async fn log_on(api: &Api, connection: &Connection, value: &str) -> Outcome {
    let invalid =
        || Outcome::Refused(Problem::new(StatusCode::UNAUTHORIZED, "the logon's token cannot be read"));
    if value.len() > TOKEN_SIZE_LIMIT * 2 {
        return invalid();
    }
    let Ok(token) = base64::engine::general_purpose::STANDARD.decode(value) else { return invalid() };
    let logon = std::mem::replace(&mut *connection.logon.lock(), Logon::None);
    let mut acceptor = match logon {
        Logon::Running(acceptor) => acceptor,
        // A new logon takes the place of the one before.
        Logon::None | Logon::Done { .. } => {
            Box::new(api.logons.acceptor(ChannelBinding::IfSent(api.binding)))
        }
    };
    let client = connection.client();
    let mut user = None;
    let mut step = acceptor.step(&token);
    if let AcceptStep::NeedAccount(query) = step {
        let account = api.logons.account(&query, &client).await;
        user = account.user;
        step = acceptor.resume(account.answer);
    }
    match step {
        AcceptStep::Continue(token) | AcceptStep::TryAgain(token, _) => {
            *connection.logon.lock() = Logon::Running(acceptor);
            Outcome::Continue(token)
        }
        AcceptStep::Done(accepted) => match user_of(api, &accepted, user) {
            Some(user) => {
                api.logons.succeeded(&client);
                let until = Instant::now() + LOGON_TIME;
                let done = Logon::Done { user: user.clone(), until, expires: accepted.expires };
                *connection.logon.lock() = done;
                Outcome::User(user, accepted.token_out)
            }
            None => refuse(api, &client, AuthError::AnonymousRefused).await,
        },
        AcceptStep::Failed(error) => refuse(api, &client, error).await,
        // An account is asked for once.
        AcceptStep::NeedAccount(_) => refuse(api, &client, AuthError::InvalidToken).await,
    }
}

fn user_of(api: &Api, accepted: &Accepted, user: Option<User>) -> Option<User> {
    match accepted.identity.kind {
        LogonKind::User => {
            user.or_else(|| accepted.authorization.as_ref().map(|found| api.logons.user_of(found)))
        }
        LogonKind::Guest | LogonKind::Anonymous => None,
    }
}

async fn refuse(api: &Api, client: &str, error: AuthError) -> Outcome {
    tracing::info!(peer = client, reason = %error, "an administrator's logon failed");
    let wait = api.logons.failed(client);
    if let Some(wait) = wait.filter(|_| error != AuthError::NoLogonServers) {
        tokio::time::sleep(wait).await;
    }
    Outcome::Refused(Problem::new(StatusCode::UNAUTHORIZED, format!("the logon failed: {error}")))
}
