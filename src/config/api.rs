//! The section `[api]`: administration over HTTPS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::read::Section;
use super::sections::parse_address;

/// The port that is taken where an address has none.
pub const API_PORT: u16 = 8445;

/// Administration over HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiConfig {
    /// Addresses to listen on; none for no HTTPS. Port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Certificate with its chain, and key, in PEM; `None` for one that the server makes itself. Absolute.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

pub(super) fn read(mut section: Section<'_, '_>, folder: &Path) -> ApiConfig {
    let mut listen = Vec::new();
    for text in section.strings("listen").unwrap_or_default() {
        match parse_address(&text.value, API_PORT) {
            Some(address) if listen.contains(&address) => section.mistakes().add(
                text.span,
                format!("`api.listen` names {address} twice"),
                Some("leave one of them out".to_owned()),
            ),
            Some(address) => listen.push(address),
            None => section.mistakes().add(
                text.span,
                format!("`api.listen` has {:?}", text.value),
                Some(
                    "expected an address with or without a port, such as \"0.0.0.0:8445\" or \"127.0.0.1\""
                        .to_owned(),
                ),
            ),
        }
    }
    let (certificate, key) = (section.string("certificate"), section.string("key"));
    let certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((folder.join(certificate.value), folder.join(key.value))),
        (None, None) => None,
        (Some(alone), None) => {
            section.mistakes().add(
                alone.span,
                "`api.certificate` has no `api.key` beside it".to_owned(),
                Some("name the file of its private key as `key`".to_owned()),
            );
            None
        }
        (None, Some(alone)) => {
            section.mistakes().add(
                alone.span,
                "`api.key` has no `api.certificate` beside it".to_owned(),
                Some("name the file of the certificate as `certificate`".to_owned()),
            );
            None
        }
    };
    section.finish();
    ApiConfig { listen, certificate }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<ApiConfig, Vec<String>> {
        let text = format!("{text}[volumes.data]\npath = '/data'\n");
        let parsed = Config::parse(&text, Path::new("/etc/freehold"), "host");
        parsed
            .map(|config| config.api)
            .map_err(|mistakes| mistakes.into_iter().map(|mistake| mistake.message).collect())
    }

    #[test]
    fn it_is_off_until_an_address_is_named() {
        assert_eq!(parse("").unwrap(), ApiConfig::default());
        let api =
            parse("[api]\nlisten = ['192.0.2.7', '[::1]:443']\ncertificate = 'a.pem'\nkey = '/b.pem'\n")
                .unwrap();
        assert_eq!(api.listen, ["192.0.2.7:8445".parse().unwrap(), "[::1]:443".parse().unwrap()]);
        let files = (PathBuf::from("/etc/freehold/a.pem"), PathBuf::from("/b.pem"));
        assert_eq!(api.certificate, Some(files));
    }

    #[test]
    fn mistakes_name_their_setting() {
        for (text, expected) in [
            ("[api]\nlisten = 'here'\n", "`api.listen` has \"here\""),
            ("[api]\nlisten = ['127.0.0.1', '127.0.0.1:8445']\n", "`api.listen` names 127.0.0.1:8445 twice"),
            ("[api]\ncertificate = 'a'\n", "`api.certificate` has no `api.key` beside it"),
            ("[api]\nkey = 'a'\n", "`api.key` has no `api.certificate` beside it"),
            ("[api]\nport = 1\n", "`api.port` is not a setting"),
        ] {
            assert_eq!(parse(text).unwrap_err(), [expected], "{text}");
        }
    }
}
