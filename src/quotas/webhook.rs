//! Posts a notice to the administrator's URL.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::notice::Notice;

/// How long one try may take in all.
const TRY_LIMIT: Duration = Duration::from_secs(10);

/// Why nobody was told.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebhookError {
    /// The server answered with something else than 2xx.
    #[error("the webhook answered with status {0}")]
    Status(u16),
    /// It could not be reached.
    #[error("the webhook could not be reached: {0}")]
    Unreachable(String),
}

impl WebhookError {
    /// Is it worth another try? What the server calls the client's mistake is not.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            WebhookError::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            WebhookError::Unreachable(_) => true,
        }
    }
}

/// Makes requests: HTTPS with the system's trusted certificates, no redirects, no proxy of the environment.
pub(super) struct Agent(ureq::Agent);

impl Agent {
    /// Reads the system's trusted certificates.
    pub(super) fn new() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let roots = found.certs.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(TRY_LIMIT))
            .max_redirects(0)
            .proxy(None)
            .http_status_as_error(false)
            .user_agent(concat!("freehold/", env!("CARGO_PKG_VERSION")))
            .build();
        Agent(config.new_agent())
    }

    /// Posts `notice` to `url`, with `secret` as bearer token; tells the status.
    ///
    /// # Errors
    /// [`WebhookError`]; its text has nothing of the URL or the secret.
    pub(super) fn post(&self, url: &str, secret: Option<&str>, notice: &Notice) -> Result<u16, WebhookError> {
        let mut request = self.0.post(url).header("Content-Type", "application/json");
        if let Some(secret) = secret {
            request = request.header("Authorization", format!("Bearer {secret}"));
        }
        let body = serde_json::to_vec(notice).unwrap_or_default();
        match request.send(&body) {
            Ok(response) if response.status().is_success() => Ok(response.status().as_u16()),
            Ok(response) => Err(WebhookError::Status(response.status().as_u16())),
            Err(ureq::Error::BadUri(_)) => {
                Err(WebhookError::Unreachable("its URL cannot be used".to_owned()))
            }
            Err(error) => Err(WebhookError::Unreachable(error.to_string())),
        }
    }
}

/// Checks a webhook's URL: HTTPS, or HTTP to this machine itself, since a secret does not go over a network in clear.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(text: &str) -> Result<(), &'static str> {
    const WRONG: &str = "expected https://HOST/PATH, or http:// to this machine itself";
    let uri: ureq::http::Uri = text.parse().map_err(|_| WRONG)?;
    let host = uri.host().ok_or(WRONG)?;
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_here => Ok(()),
        _ => Err(WRONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_go_over_the_network_in_clear() {
        for url in
            ["https://hooks.example.org/a", "http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]/"]
        {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "x",
            "/path",
            "http://hooks.example.org/",
            "ftp://localhost/",
            "http://127.0.0.1.example.org/",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for (status, again) in
            [(500, true), (503, true), (429, true), (400, false), (404, false), (301, false)]
        {
            assert_eq!(WebhookError::Status(status).is_passing(), again, "{status}");
        }
    }
}
