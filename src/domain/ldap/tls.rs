//! LDAP over TLS (port 636): the domain controller proves its name with a certificate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LdapError;
use super::pump::{Sink, Source};

/// What is read at once.
const CHUNK_BYTES: usize = 32 * 1024;

/// What certificates are checked with: those in `file`, the system's when there is none.
///
/// # Errors
/// [`LdapError::Certificates`].
pub(super) fn config(file: Option<&Path>) -> Result<Arc<ClientConfig>, LdapError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unreadable = |reason: String| {
                LdapError::Certificates(format!("cannot read certificates from {}: {reason}", file.display()))
            };
            for certificate in
                CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?
            {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable("there is none in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(LdapError::Certificates(
                    "the system has no certificates of authorities".to_owned(),
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| LdapError::Certificates(error.to_string()))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The handshake: `host` must be in the certificate.
///
/// # Errors
/// [`LdapError`].
pub(super) async fn connect(
    stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
    limit: Duration,
) -> Result<(TlsSource, TlsSink), LdapError> {
    let failed = |reason: String| LdapError::Tls { host: host.to_owned(), reason };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(error.to_string()))?;
    match tokio::time::timeout(limit, TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => {
            let (source, sink) = tokio::io::split(stream);
            Ok((TlsSource(source), TlsSink(sink)))
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => {
            Err(LdapError::Unreachable { host: host.to_owned(), reason: "no answer to TLS".to_owned() })
        }
    }
}

pub(super) struct TlsSource(ReadHalf<TlsStream<TcpStream>>);

pub(super) struct TlsSink(WriteHalf<TlsStream<TcpStream>>);

impl Source for TlsSource {
    async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut plaintext = Vec::with_capacity(CHUNK_BYTES);
        let received = self.0.read_buf(&mut plaintext).await?;
        Ok(Some(plaintext).filter(|_| received != 0))
    }
}

impl Sink for TlsSink {
    async fn send(&mut self, plaintext: &[u8]) -> std::io::Result<()> {
        self.0.write_all(plaintext).await?;
        self.0.flush().await
    }
}
