//! HTTPS for administrators: the same requests as the command line's, as HTTP with JSON, described by an OpenAPI document
//! that is made from this code.
//!
//! Owns TLS and its certificate ([`tls`]), the listener and its limits (`listener`), who asks (Negotiate and NTLM through
//! the server's own acceptors, or a token: `authenticate`), the routes, and how refusals look (`problem`, RFC 9457).
//! What is asked for is done by [`AdminService::execute_as`], which checks the caller's permission and records changes; no
//! route decides anything of that itself.
//!
//! There is no clear HTTP: a connection that does not begin with TLS is closed.

mod authenticate;
mod body;
mod call;
mod listener;
pub mod logon;
pub mod openapi;
mod problem;
mod routes;
pub mod tls;

use std::sync::Arc;

use crate::admin::AdminService;
use crate::state::State;

pub use listener::serve;

/// What the routes work with.
pub struct Api {
    service: AdminService,
    state: Arc<State>,
    logons: Arc<dyn logon::Logons>,
    /// The channel binding of this server's certificate.
    binding: [u8; 16],
}

impl Api {
    /// The door to `service`. `state` has the tokens.
    #[must_use]
    pub fn new(
        service: AdminService,
        state: Arc<State>,
        logons: Arc<dyn logon::Logons>,
        binding: [u8; 16],
    ) -> Arc<Api> {
        Arc::new(Api { service, state, logons, binding })
    }
}

#[cfg(test)]
mod tests;
