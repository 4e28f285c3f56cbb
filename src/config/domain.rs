//! The section `[domain]`: how this server finds its domain's controllers and talks to them. Whether it is a member of a
//! domain is not here: `freehold domain join` decides that.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::Section;
use super::sections::{is_dns_name, parse_address};

/// The port of DNS.
const DNS_PORT: u16 = 53;
/// Most DNS servers and most domain controllers that can be named.
const MAX_SERVERS: usize = 16;

/// How LDAP is kept from being read and changed on its way. It is never clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdapProtection {
    /// Port 389, sealed by Kerberos: works without certificates.
    Sealed,
    /// Port 636, TLS: the domain controllers' certificates are checked.
    Tls,
}

/// How this server finds domain controllers and talks to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainSettings {
    /// DNS servers in place of the system's; empty for the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// Domain controllers by name or address, in place of those that DNS names; empty for DNS.
    pub servers: Vec<String>,
    /// Site in place of the one that domain controllers tell.
    pub site: Option<String>,
    /// How LDAP is protected.
    pub ldap: LdapProtection,
    /// File with the certificates (PEM) that domain controllers' certificates are checked against, absolute; `None` for the
    /// system's.
    pub tls_ca: Option<PathBuf>,
    /// Age in days at which the machine account's password is changed; 0 for never.
    pub password_rotation_days: u32,
    /// How long keys and passwords count after they were replaced: no shorter than tickets live.
    pub keep_old_keys: Duration,
    /// Longest wait for a domain controller to take a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a domain controller's answer.
    pub request_timeout: Duration,
}

impl Default for DomainSettings {
    fn default() -> Self {
        DomainSettings {
            dns_servers: Vec::new(),
            servers: Vec::new(),
            site: None,
            ldap: LdapProtection::Sealed,
            tls_ca: None,
            password_rotation_days: 30,
            keep_old_keys: Duration::from_secs(24 * 3_600),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
        }
    }
}

pub(super) fn read(mut section: Section<'_, '_>, folder: &Path) -> DomainSettings {
    let default = DomainSettings::default();
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let keep_hours =
        section.number("keep_old_keys_hours", 1..=24 * 60, seconds(default.keep_old_keys) / 3_600);
    let connect = section.number("connect_timeout_seconds", 1..=60, seconds(default.connect_timeout));
    let request = section.number("request_timeout_seconds", 1..=120, seconds(default.request_timeout));
    let settings = DomainSettings {
        dns_servers: read_dns_servers(&mut section),
        servers: read_servers(&mut section),
        site: read_site(&mut section),
        ldap: section.choice(
            "ldap",
            &[("sealed", LdapProtection::Sealed), ("tls", LdapProtection::Tls)],
            default.ldap,
        ),
        tls_ca: section.string("tls_ca").map(|found| folder.join(found.value)),
        password_rotation_days: section.number(
            "password_rotation_days",
            0..=3_650,
            default.password_rotation_days,
        ),
        keep_old_keys: Duration::from_secs(u64::from(keep_hours) * 3_600),
        connect_timeout: Duration::from_secs(connect.into()),
        request_timeout: Duration::from_secs(request.into()),
    };
    section.finish();
    settings
}

fn read_dns_servers(section: &mut Section<'_, '_>) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for found in section.strings("dns_servers").unwrap_or_default() {
        match parse_address(&found.value, DNS_PORT) {
            Some(address) if servers.len() < MAX_SERVERS => servers.push(address),
            Some(_) => section.mistakes().add(
                found.span,
                format!("`domain.dns_servers` has more than {MAX_SERVERS} servers"),
                Some("leave some out: one that answers will do".to_owned()),
            ),
            None => section.mistakes().add(
                found.span,
                format!("`domain.dns_servers` has {:?}", found.value),
                Some("expected an address with or without a port, such as \"192.0.2.1\"".to_owned()),
            ),
        }
    }
    servers
}

fn read_servers(section: &mut Section<'_, '_>) -> Vec<String> {
    let mut servers = Vec::new();
    for found in section.strings("servers").unwrap_or_default() {
        // Kerberos names a service by its host: an address alone has no service tickets, but it names a host to ask.
        let good = is_dns_name(&found.value) || found.value.parse::<std::net::IpAddr>().is_ok();
        if good && servers.len() < MAX_SERVERS {
            servers.push(found.value);
        } else if good {
            section.mistakes().add(
                found.span,
                format!("`domain.servers` has more than {MAX_SERVERS} servers"),
                Some("leave some out, or all, and let DNS name them".to_owned()),
            );
        } else {
            section.mistakes().add(
                found.span,
                format!("`domain.servers` has {:?}", found.value),
                Some(
                    "expected the name or the address of a domain controller, such as \"dc1.corp.example\""
                        .to_owned(),
                ),
            );
        }
    }
    servers
}

/// A site's name is a label of DNS names ([MS-ADTS] 6.1.1.2.2.1).
fn read_site(section: &mut Section<'_, '_>) -> Option<String> {
    let found = section.string("site")?;
    if !is_dns_name(&found.value) || found.value.contains('.') {
        section.mistakes().add(
            found.span,
            format!("`domain.site` is {:?}", found.value),
            Some("expected the name of a site, such as \"Default-First-Site-Name\"".to_owned()),
        );
    }
    Some(found.value)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, LdapProtection};
    use std::path::Path;

    fn parse(domain: &str) -> Result<Config, Vec<crate::config::Mistake>> {
        let text = format!("[domain]\n{domain}\n[volumes.data]\npath = '/srv'\n");
        Config::parse(&text, Path::new("/etc/freehold"), "host1")
    }

    #[test]
    fn everything_can_be_set() {
        let domain = parse(
            "dns_servers = ['192.0.2.1', '[2001:db8::1]:5353']\nservers = 'dc1.corp.example'\nsite = 'Paris'\n\
             ldap = 'tls'\ntls_ca = 'ca.pem'\npassword_rotation_days = 0\nkeep_old_keys_hours = 48",
        )
        .unwrap()
        .domain;
        assert_eq!(
            domain.dns_servers,
            ["192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:5353".parse().unwrap()]
        );
        assert_eq!((domain.servers[0].as_str(), domain.site.as_deref()), ("dc1.corp.example", Some("Paris")));
        assert_eq!(domain.ldap, LdapProtection::Tls);
        assert_eq!(domain.tls_ca.as_deref(), Some(Path::new("/etc/freehold/ca.pem")));
        assert_eq!((domain.password_rotation_days, domain.keep_old_keys.as_secs()), (0, 48 * 3_600));
    }

    #[test]
    fn each_mistake_is_named_at_its_place() {
        let text = "[domain]\ndns_servers = ['dns.example']\nservers = ['a b']\nsite = 'a.b'\nldap = 'clear'\n\
                    tls_ca = 7\npassword_rotation_days = -1\nserver = 'x'\n[volumes.data]\npath = '/srv'\n";
        let found = Config::parse(text, Path::new("/"), "h").unwrap_err();
        let places: Vec<_> = found.iter().map(|mistake| mistake.line_and_column(text)).collect();
        assert_eq!(places, [(2, 16), (3, 12), (4, 8), (5, 8), (6, 10), (7, 26), (8, 1)], "{found:#?}");
        assert!(found[3].help.as_deref().unwrap().contains("\"sealed\", \"tls\""));
        assert!(found[6].help.as_deref().unwrap().contains("`servers`"));
    }
}
