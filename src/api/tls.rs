//! The certificate and what follows from it: TLS 1.2 and 1.3, the fingerprint for people, the binding for logons.
//!
//! Without a configured certificate one is made at the first start and kept in the state folder, key and all with mode 0600:
//! clients are told its fingerprint.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use md5::{Digest as _, Md5};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// The certificate that is made here.
const CERTIFICATE_FILE: &str = "api-certificate.pem";
/// Its key.
const KEY_FILE: &str = "api-key.pem";
/// Years that it is good for: who trusts its fingerprint does not look at the date, others bring their own certificate.
const YEARS: i16 = 10;

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC1.
    pub key: PathBuf,
}

/// A certificate in use.
pub struct Tls {
    /// For connections.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate: `AB:CD:...`.
    pub fingerprint: String,
    /// MD5 of gss_channel_bindings_struct with tls-server-end-point (RFC 5929 4, [MS-NLMP] 2.2.2.1).
    pub binding: [u8; 16],
}

impl Tls {
    /// Reads the certificate and the key.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not belong together.
    pub fn load(files: &CertificateFiles) -> anyhow::Result<Tls> {
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| anyhow::anyhow!("the certificate {}: {error}", files.certificate.display()))?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| anyhow::anyhow!("the key {}: {error}", files.key.display()))?;
        let first = chain
            .first()
            .with_context(|| format!("{} has no certificate", files.certificate.display()))?
            .clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS")?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| {
                format!(
                    "the certificate {} and the key {} cannot be used",
                    files.certificate.display(),
                    files.key.display()
                )
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            config: Arc::new(config),
            fingerprint: fingerprint(&first),
            binding: end_point_binding(&first),
        })
    }
}

/// The certificate of this server in the state folder, made when there is none. `names` are what clients call it.
///
/// # Errors
/// When it cannot be made or written.
pub fn own(state_dir: &Path, names: &[&str]) -> anyhow::Result<CertificateFiles> {
    let files =
        CertificateFiles { certificate: state_dir.join(CERTIFICATE_FILE), key: state_dir.join(KEY_FILE) };
    // The certificate is written last: with it both are there.
    if !files.certificate.exists() {
        make(&files, names).context("a certificate for the HTTPS door cannot be made")?;
        tracing::info!(certificate = %files.certificate.display(), "a certificate for the HTTPS door was made");
    }
    Ok(files)
}

fn make(files: &CertificateFiles, names: &[&str]) -> anyhow::Result<()> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    // Names in certificates are ASCII; a name that is not is reached by another.
    let usable = names.iter().filter(|name| !name.is_empty() && name.is_ascii());
    all.extend(usable.map(|name| name.to_ascii_lowercase()));
    all.sort_unstable();
    all.dedup();
    let mut parameters = rcgen::CertificateParams::new(all)?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = today.yesterday()?;
    let date = |day: jiff::civil::Date, years: i16| {
        let (month, of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs().min(28));
        rcgen::date_time_ymd(i32::from(day.year() + years), month, of_month)
    };
    parameters.not_before = date(yesterday, 0);
    parameters.not_after = date(today, YEARS);
    let common = names.first().copied().filter(|name| name.is_ascii()).unwrap_or("freehold");
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, common);
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = rcgen::KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    write(&files.key, Zeroizing::new(key.serialize_pem()).as_bytes())?;
    write(&files.certificate, certificate.pem().as_bytes())
}

/// Writes a file of mode 0600 that is there whole or not at all.
fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    // What a start that was interrupted left behind.
    let _ = std::fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(std::fs::rename(&new, path)?)
}

fn fingerprint(certificate: &[u8]) -> String {
    let hash = digest(&SHA256, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// RFC 5929 4.1 in the form of [MS-NLMP] 2.2.2.1 MsvAvChannelBindings: no addresses, then the application data.
fn end_point_binding(certificate: &[u8]) -> [u8; 16] {
    let hash = digest(hash_of_signature(certificate), certificate);
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend_from_slice(hash.as_ref());
    let mut bindings = vec![0; 16];
    bindings.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bindings.extend_from_slice(&data);
    Md5::digest(&bindings).into()
}

/// RFC 5929 4.1: the hash of the certificate's signature, SHA-256 in place of MD5, SHA-1 and what has none.
fn hash_of_signature(certificate: &[u8]) -> &'static Algorithm {
    /// sha384WithRSAEncryption and ecdsa-with-SHA384.
    const WITH_SHA384: [&[u8]; 2] =
        [&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 12], &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3]];
    /// sha512WithRSAEncryption and ecdsa-with-SHA512.
    const WITH_SHA512: [&[u8]; 2] =
        [&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 13], &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4]];
    match signature_algorithm(certificate) {
        Some(oid) if WITH_SHA384.contains(&oid) => &SHA384,
        Some(oid) if WITH_SHA512.contains(&oid) => &SHA512,
        _ => &SHA256,
    }
}

/// RFC 5280 4.1: Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, ... }, ... }.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (content, _) = element(certificate)?;
    let (_, rest) = element(content)?;
    let (algorithm, _) = element(rest)?;
    element(algorithm).map(|(oid, _)| oid)
}

/// The content of the first DER element, and what is behind it.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if length.len() > 4 {
            return None;
        }
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let files = own(folder.path(), &["files.corp.example", "FILES", "bü"]).unwrap();
        let first = Tls::load(&files).unwrap();
        let second = Tls::load(&own(folder.path(), &["other"]).unwrap()).unwrap();
        assert_eq!((first.fingerprint.as_str(), first.fingerprint.len()), (second.fingerprint.as_str(), 95));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        for path in [&files.certificate, &files.key] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (own(one.path(), &["a"]).unwrap(), own(two.path(), &["b"]).unwrap());
        let _ = (&one, &two);
        let mixed = CertificateFiles { certificate: one.certificate, key: two.key };
        assert!(Tls::load(&mixed).is_err());
    }

    #[test]
    fn the_binding_follows_the_hash_of_the_signature() {
        let folder = tempfile::tempdir().unwrap();
        let files = own(folder.path(), &["a"]).unwrap();
        let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
        // ecdsa-with-SHA256: what is made here.
        let oid = signature_algorithm(&certificate).unwrap();
        assert_eq!(oid, [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2]);
        let mut bindings = vec![0u8; 16];
        bindings.extend_from_slice(&53u32.to_le_bytes());
        bindings.extend_from_slice(b"tls-server-end-point:");
        bindings.extend_from_slice(digest(&SHA256, &certificate).as_ref());
        let expected: [u8; 16] = Md5::digest(&bindings).into();
        assert_eq!(Tls::load(&files).unwrap().binding, expected);
        for broken in [&[][..], &[0x30], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 4, 0x30, 9, 1, 1]] {
            assert_eq!(signature_algorithm(broken), None, "{broken:?}");
        }
    }
}
