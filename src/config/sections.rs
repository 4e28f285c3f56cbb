//! Each section of `freehold.toml`: its keys, their ranges and what they default to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::read::{Found, Mistakes, Section};
use super::{
    Config, Dialect, DomainNtlm, EncryptionMode, KerberosConfig, Limits, LocalPrograms, LogConfig, LogFormat,
    Mistake, NtlmConfig, OplockPolicy, SecurityConfig, ServerNames, VolumeConfig, WriteTimes,
};

/// The port of SMB over TCP.
const SMB_PORT: u16 = 445;
/// Longest NetBIOS name.
const MAX_NETBIOS_NAME: usize = 15;
/// Longest name of a Unix socket within its folder: it is opened through the folder, whose length does not count.
const MAX_SOCKET_NAME_BYTES: usize = 64;
/// Longest volume label in UTF-16 units.
const MAX_LABEL_UNITS: usize = 32;
/// Longest comment in characters.
const MAX_COMMENT: usize = 256;
/// Smallest and largest transfer sizes: clients hang up below 64 KiB.
const TRANSFER_BYTES: std::ops::RangeInclusive<u32> = 65_536..=16 * 1024 * 1024;

/// Whether the folders that a file names are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Folders {
    /// A volume whose folder is missing is a mistake.
    MustExist,
    /// Text only.
    Unchecked,
}

pub(super) fn parse(
    text: &str,
    folder: &Path,
    host_name: &str,
    folders: Folders,
) -> Result<Config, Vec<Mistake>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    let mistakes = Mistakes::default();
    let config = read_document(Section::top(&document, &mistakes), folder, host_name, folders);
    let mut all = mistakes.into_sorted();
    if !syntax.is_empty() {
        // What was guessed on a line that cannot be read is not worth a second message.
        let line_of = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count();
        let broken: Vec<Mistake> = syntax
            .iter()
            .map(|error| Mistake {
                message: error.message().to_owned(),
                help: None,
                span: error.span().unwrap_or(0..0),
            })
            .collect();
        let broken_lines: Vec<usize> = broken.iter().map(|mistake| line_of(mistake.span.start)).collect();
        all.retain(|mistake| mistake.span.end > 0 && !broken_lines.contains(&line_of(mistake.span.start)));
        all.extend(broken);
        all.sort_by_key(|mistake| mistake.span.start);
    }
    if all.is_empty() { Ok(config) } else { Err(all) }
}

fn read_document(mut top: Section<'_, '_>, folder: &Path, host_name: &str, folders: Folders) -> Config {
    let mut server = top.section("server");
    let listen = read_listen(&mut server);
    let state_dir = server
        .string("state_dir")
        .map_or_else(|| PathBuf::from("/var/lib/freehold"), |dir| folder.join(dir.value));
    let admin_socket = read_admin_socket(&mut server, folder, &state_dir);
    let names = read_names(&mut server, host_name);
    server.finish();
    let volumes = read_volumes(&mut top, folder, folders);
    let security = read_security(top.section("security"));
    let limits = read_limits(top.section("limits"));
    let log = read_log(top.section("log"));
    let audit = super::audit::read(top.section("audit"), folder, &state_dir);
    let api = super::api::read(top.section("api"), folder);
    let domain = super::domain::read(top.section("domain"), folder);
    let metrics = super::metrics::read(top.section("metrics"));
    top.finish();
    Config {
        listen,
        state_dir,
        admin_socket,
        names,
        volumes,
        security,
        limits,
        log,
        audit,
        metrics,
        api,
        domain,
    }
}

fn read_listen(server: &mut Section<'_, '_>) -> Vec<SocketAddr> {
    let Some(texts) = server.strings("listen") else {
        return vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), SMB_PORT)];
    };
    if texts.is_empty() {
        server.mistakes().add(
            server.span(),
            "`server.listen` is an empty list".to_owned(),
            Some("expected at least one address such as \"0.0.0.0:445\"".to_owned()),
        );
    }
    let mut addresses = Vec::new();
    for text in texts {
        match parse_address(&text.value, SMB_PORT) {
            Some(address) if addresses.contains(&address) => server.mistakes().add(
                text.span,
                format!("`server.listen` names {address} twice"),
                Some("leave one of them out".to_owned()),
            ),
            Some(address) => addresses.push(address),
            None => server.mistakes().add(
                text.span,
                format!("`server.listen` has {:?}", text.value),
                Some("expected an address with or without a port, such as \"0.0.0.0:445\", \"[::]:445\" or \"192.0.2.7\"".to_owned()),
            ),
        }
    }
    addresses
}

/// An address with or without a port; `port` is taken when it has none.
#[must_use]
pub fn parse_address(text: &str, port: u16) -> Option<SocketAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<Ipv4Addr>().ok().map(|ip| SocketAddr::new(ip.into(), port)))
        .or_else(|| {
            let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
            bare.parse::<Ipv6Addr>().ok().map(|ip| SocketAddr::new(ip.into(), port))
        })
}

fn read_admin_socket(server: &mut Section<'_, '_>, folder: &Path, state_dir: &Path) -> PathBuf {
    let Some(given) = server.string("admin_socket") else { return state_dir.join("admin.sock") };
    let socket = folder.join(&given.value);
    let length = socket.file_name().map_or(0, |name| name.len());
    if !(1..=MAX_SOCKET_NAME_BYTES).contains(&length) {
        server.mistakes().add(
            given.span,
            format!("`server.admin_socket` has a name of {length} bytes"),
            Some(format!("expected the path of a socket whose name has 1 to {MAX_SOCKET_NAME_BYTES} bytes")),
        );
    }
    socket
}

fn read_names(server: &mut Section<'_, '_>, host_name: &str) -> ServerNames {
    let first_label = host_name.split('.').next().unwrap_or(host_name);
    let from_host: String = first_label
        .chars()
        .filter(|c| is_netbios_character(*c))
        .take(MAX_NETBIOS_NAME)
        .collect::<String>()
        .to_ascii_uppercase();
    let fallback = if from_host.is_empty() { "FREEHOLD".to_owned() } else { from_host };
    let netbios = netbios_name(server, "name").unwrap_or(fallback);
    let workgroup = netbios_name(server, "workgroup").unwrap_or_else(|| "WORKGROUP".to_owned());
    let dns = match server.string("dns_name") {
        Some(found) if is_dns_name(&found.value) => found.value,
        Some(found) => {
            server.mistakes().add(
                found.span,
                format!("`server.dns_name` is {:?}", found.value),
                Some("expected a DNS name such as \"files.example.com\"".to_owned()),
            );
            found.value
        }
        None if is_dns_name(host_name) => host_name.to_ascii_lowercase(),
        None => netbios.to_ascii_lowercase(),
    };
    let comment = match server.string("comment") {
        Some(found) => {
            let length = found.value.chars().count();
            if length > MAX_COMMENT {
                server.mistakes().add(
                    found.span,
                    format!("`server.comment` has {length} characters"),
                    Some(format!("expected at most {MAX_COMMENT}")),
                );
            }
            found.value
        }
        None => String::new(),
    };
    ServerNames { netbios, dns, workgroup, comment }
}

fn netbios_name(server: &mut Section<'_, '_>, key: &'static str) -> Option<String> {
    let found = server.string(key)?;
    let good = (1..=MAX_NETBIOS_NAME).contains(&found.value.chars().count())
        && found.value.chars().all(is_netbios_character);
    if !good {
        server.mistakes().add(
            found.span,
            format!("`{}` is {:?}", server.path_of(key), found.value),
            Some(format!("expected 1 to {MAX_NETBIOS_NAME} letters, digits, - or _")),
        );
    }
    Some(found.value.to_ascii_uppercase())
}

fn is_netbios_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

pub(super) fn is_dns_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}

const LOCAL_PROGRAMS: &[(&str, LocalPrograms)] =
    &[("ignore", LocalPrograms::Ignore), ("locks", LocalPrograms::Locks), ("leases", LocalPrograms::Leases)];

const OPLOCKS: &[(&str, OplockPolicy)] =
    &[("all", OplockPolicy::All), ("exclusive", OplockPolicy::Exclusive), ("none", OplockPolicy::None)];

const WRITE_TIMES: &[(&str, WriteTimes)] =
    &[("immediate", WriteTimes::Immediate), ("delayed", WriteTimes::Delayed)];

fn read_volumes(top: &mut Section<'_, '_>, folder: &Path, folders: Folders) -> Vec<VolumeConfig> {
    let section = top.section("volumes");
    let mistakes = section.mistakes();
    let missing = section.span();
    let mut volumes: Vec<VolumeConfig> = Vec::new();
    for (name, mut volume) in section.named_sections("a volume") {
        if !is_volume_name(&name.value) {
            mistakes.add(
                name.span.clone(),
                format!("a volume is called {:?}", name.value),
                Some("expected 1 to 64 letters, digits, - or _".to_owned()),
            );
        }
        let path = read_volume_path(&mut volume, &name, folder, folders);
        let label = read_label(&mut volume, &name);
        let snapshots = read_snapshots(&mut volume, folder, &path);
        let hidden = volume.strings("hidden_names").unwrap_or_default();
        let options = VolumeConfig {
            label,
            snapshots,
            short_names: volume.boolean("short_names", false),
            named_streams: volume.boolean("named_streams", true),
            change_notify: volume.boolean("change_notify", true),
            hidden_names: hidden.into_iter().map(|found| found.value).collect(),
            keep_auto_inherited: volume.boolean("keep_auto_inherited", false),
            write_times: volume.choice("write_times", WRITE_TIMES, WriteTimes::Immediate),
            local_programs: volume.choice("local_programs", LOCAL_PROGRAMS, LocalPrograms::Ignore),
            oplocks: volume.choice("oplocks", OPLOCKS, OplockPolicy::All),
            ..VolumeConfig::new(&name.value, path.clone())
        };
        volume.finish();
        if let Some(other) = volumes.iter().find(|other| overlap(&other.path, &path)) {
            mistakes.add(
                name.span,
                format!("the volumes `{}` and `{}` share {}", other.name, name.value, path.display()),
                Some("expected folders of which none is inside of another; shares may point below a volume's root".to_owned()),
            );
        }
        volumes.push(options);
    }
    if volumes.is_empty() {
        mistakes.add(
            missing,
            "no volume is configured".to_owned(),
            Some("add one:  [volumes.data]  path = \"/srv/data\"".to_owned()),
        );
    }
    volumes
}

fn overlap(left: &Path, right: &Path) -> bool {
    !left.as_os_str().is_empty()
        && !right.as_os_str().is_empty()
        && (left.starts_with(right) || right.starts_with(left))
}

/// The folder of a volume's snapshots, which lies beside the volume: inside of it, clients would see it as a folder, and
/// every image would hold those before it.
fn read_snapshots(volume: &mut Section<'_, '_>, folder: &Path, path: &Path) -> Option<PathBuf> {
    let found = volume.string("snapshots")?;
    let snapshots = folder.join(&found.value);
    if overlap(&snapshots, path) {
        volume.mistakes().add(
            found.span,
            format!("`{}` and the volume are inside of each other", volume.path_of("snapshots")),
            Some("expected a folder outside of the volume's path".to_owned()),
        );
    }
    Some(snapshots)
}

fn is_volume_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn read_volume_path(
    volume: &mut Section<'_, '_>,
    name: &Found<String>,
    folder: &Path,
    folders: Folders,
) -> PathBuf {
    let Some(found) = volume.string("path") else {
        volume.mistakes().add(
            name.span.clone(),
            format!("the volume `{}` has no `path`", name.value),
            Some("add  path = \"/srv/...\"".to_owned()),
        );
        return PathBuf::new();
    };
    let path = folder.join(&found.value);
    if folders == Folders::MustExist {
        let problem = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => None,
            Ok(_) => Some("it is not a folder".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            volume.mistakes().add(
                found.span,
                format!("`{}` cannot be used: {problem}", volume.path_of("path")),
                Some(format!("expected a folder; make it with  mkdir -p {}", path.display())),
            );
        }
    }
    path
}

fn read_label(volume: &mut Section<'_, '_>, name: &Found<String>) -> String {
    match volume.string("label") {
        Some(found) => {
            let units = found.value.encode_utf16().count();
            if units > MAX_LABEL_UNITS {
                volume.mistakes().add(
                    found.span,
                    format!("`{}` has {units} characters", volume.path_of("label")),
                    Some(format!("expected at most {MAX_LABEL_UNITS}")),
                );
            }
            found.value
        }
        None => name.value.chars().take(MAX_LABEL_UNITS).collect(),
    }
}

const DIALECTS: &[(&str, Dialect)] = &[
    ("2.0.2", Dialect::Smb202),
    ("2.1", Dialect::Smb210),
    ("3.0", Dialect::Smb300),
    ("3.0.2", Dialect::Smb302),
    ("3.1.1", Dialect::Smb311),
];

const ENCRYPTION: &[(&str, EncryptionMode)] = &[
    ("off", EncryptionMode::Off),
    ("desired", EncryptionMode::Desired),
    ("required", EncryptionMode::Required),
];

fn read_security(mut section: Section<'_, '_>) -> SecurityConfig {
    let default = SecurityConfig::default();
    let security = SecurityConfig {
        require_signing: section.boolean("require_signing", default.require_signing),
        encryption: section.choice("encryption", ENCRYPTION, default.encryption),
        reject_unencrypted: section.boolean("reject_unencrypted", default.reject_unencrypted),
        min_dialect: section.choice("min_dialect", DIALECTS, default.min_dialect),
        max_dialect: section.choice("max_dialect", DIALECTS, default.max_dialect),
        allow_anonymous: section.boolean("allow_anonymous", default.allow_anonymous),
        allow_guest: section.boolean("allow_guest", default.allow_guest),
        posix_extensions: section.boolean("posix_extensions", default.posix_extensions),
        ntlm: read_ntlm(section.section("ntlm")),
        kerberos: read_kerberos(section.section("kerberos")),
    };
    if security.min_dialect > security.max_dialect {
        section.mistakes().add(
            section.span(),
            "`security.min_dialect` is higher than `security.max_dialect`".to_owned(),
            Some("expected a range with at least one dialect in it".to_owned()),
        );
    }
    if security.encryption == EncryptionMode::Required && security.max_dialect < Dialect::Smb300 {
        section.mistakes().add(
            section.span(),
            "`security.encryption` is \"required\" and `security.max_dialect` is below 3.0".to_owned(),
            Some("expected 3.0 or higher: older dialects cannot encrypt".to_owned()),
        );
    }
    section.finish();
    security
}

fn read_ntlm(mut section: Section<'_, '_>) -> NtlmConfig {
    let default = NtlmConfig::default();
    let ntlm = NtlmConfig {
        enabled: section.boolean("enabled", default.enabled),
        allow_raw: section.boolean("allow_raw", default.allow_raw),
        require_mic: section.boolean("require_mic", default.require_mic),
        domain: section.choice(
            "domain",
            &[("allow", DomainNtlm::Allow), ("audit", DomainNtlm::Audit), ("deny", DomainNtlm::Deny)],
            default.domain,
        ),
    };
    section.finish();
    ntlm
}

fn read_kerberos(mut section: Section<'_, '_>) -> KerberosConfig {
    let default = KerberosConfig::default();
    let kerberos = KerberosConfig { allow_rc4: section.boolean("allow_rc4", default.allow_rc4) };
    section.finish();
    kerberos
}

fn read_limits(mut section: Section<'_, '_>) -> Limits {
    let default = Limits::default();
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let logon_timeout = section.number("logon_timeout_seconds", 1..=3_600, seconds(default.logon_timeout));
    let logon_wait = section.number("logon_wait_seconds", 0..=60, seconds(default.logon_wait));
    let credits = section.number("credits", 16..=65_535, default.credits.into());
    let limits = Limits {
        connections: section.number("connections", 1..=1_000_000, default.connections),
        connections_per_address: section.number(
            "connections_per_address",
            1..=1_000_000,
            default.connections_per_address,
        ),
        half_open_logons_per_address: section.number(
            "half_open_logons_per_address",
            1..=100_000,
            default.half_open_logons_per_address,
        ),
        logon_timeout: Duration::from_secs(logon_timeout.into()),
        logon_failures_before_wait: section.number(
            "logon_failures_before_wait",
            1..=1_000,
            default.logon_failures_before_wait,
        ),
        logon_wait: Duration::from_secs(logon_wait.into()),
        sessions_per_connection: section.number(
            "sessions_per_connection",
            1..=65_536,
            default.sessions_per_connection,
        ),
        trees_per_session: section.number("trees_per_session", 1..=65_536, default.trees_per_session),
        opens_per_session: section.number("opens_per_session", 16..=1_000_000, default.opens_per_session),
        max_transact_bytes: section.size("max_transact_bytes", TRANSFER_BYTES, default.max_transact_bytes),
        max_read_bytes: section.size("max_read_bytes", TRANSFER_BYTES, default.max_read_bytes),
        max_write_bytes: section.size("max_write_bytes", TRANSFER_BYTES, default.max_write_bytes),
        credits: u16::try_from(credits).unwrap_or(default.credits),
        async_requests_per_connection: section.number(
            "async_requests_per_connection",
            16..=65_536,
            default.async_requests_per_connection,
        ),
    };
    section.finish();
    limits
}

fn read_log(mut section: Section<'_, '_>) -> LogConfig {
    let default = LogConfig::default();
    let format =
        section.choice("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)], default.format);
    let level = match section.string("level") {
        Some(found) => {
            if !is_log_filter(&found.value) {
                section.mistakes().add(
                    found.span,
                    format!("`log.level` is {:?}", found.value),
                    Some("expected off, error, warn, info, debug or trace, alone or by module as in \"info,freehold::proto=debug\"".to_owned()),
                );
            }
            found.value
        }
        None => default.level,
    };
    section.finish();
    LogConfig { format, level }
}

/// Levels, alone or by module, separated by commas.
fn is_log_filter(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    text.split(',').all(|directive| {
        let (target, level) = directive.split_once('=').unwrap_or(("freehold", directive));
        let target_is_good =
            !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        target_is_good && LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuditOption;

    fn mistakes(text: &str) -> Vec<(usize, usize, String)> {
        Config::parse(text, Path::new("/etc/freehold"), "host1.example.com")
            .expect_err("a mistake")
            .iter()
            .map(|mistake| {
                let (line, column) = mistake.line_and_column(text);
                let help = mistake.help.as_deref().unwrap_or("");
                (line, column, format!("{}; {help}", mistake.message))
            })
            .collect()
    }

    #[test]
    fn the_smallest_file_gets_safe_defaults() {
        let config = Config::parse(
            "[volumes.data]\npath = '/srv/data'\n",
            Path::new("/etc/freehold"),
            "host1.example.com",
        )
        .unwrap();
        assert_eq!(config.names.netbios, "HOST1");
        assert_eq!(config.names.dns, "host1.example.com");
        assert_eq!(config.listen, ["[::]:445".parse().unwrap()]);
        assert_eq!(config.admin_socket, Path::new("/var/lib/freehold/admin.sock"));
        assert!(config.security.require_signing && config.security.reject_unencrypted);
        assert!(!config.security.allow_guest && !config.security.allow_anonymous);
        assert_eq!(config.volumes[0].label, "data");
    }

    #[test]
    fn options_of_a_volume_are_read() {
        let text = "[volumes.data]\npath = '/srv/data'\nsnapshots = '../past'\nshort_names = true\n\
                    named_streams = false\nchange_notify = false\nhidden_names = ['.*', 'x']\nlocal_programs = 'locks'\n\
                    oplocks = 'exclusive'\nwrite_times = 'delayed'\n";
        let config = Config::parse(text, Path::new("/etc/freehold"), "host1").unwrap();
        let volume = &config.volumes[0];
        assert_eq!(volume.snapshots.as_deref(), Some(Path::new("/etc/freehold/../past")));
        assert!(volume.short_names && !volume.named_streams && !volume.change_notify);
        assert_eq!(volume.hidden_names, [".*", "x"]);
        assert_eq!(volume.local_programs, LocalPrograms::Locks);
        assert_eq!(volume.oplocks, OplockPolicy::Exclusive);
        for (value, policy) in [("all", OplockPolicy::All), ("none", OplockPolicy::None)] {
            let text = format!("[volumes.data]\npath = '/srv/data'\noplocks = '{value}'\n");
            assert_eq!(Config::parse(&text, Path::new("/"), "host1").unwrap().volumes[0].oplocks, policy);
        }
        let found = mistakes("[volumes.data]\npath = '/srv/data'\noplocks = 'level2'\n");
        assert!(matches!(&found[..], [(3, 11, text)] if text.contains("volumes.data.oplocks")), "{found:?}");
        assert_eq!(volume.write_times, WriteTimes::Delayed);
        for inside in ["/srv/data/past", "/srv", "/srv/data"] {
            let text = format!("[volumes.data]\npath = '/srv/data'\nsnapshots = '{inside}'\n");
            let found = mistakes(&text);
            assert!(
                matches!(&found[..], [(3, 13, text)] if text.contains("volumes.data.snapshots")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_packaged_file_shows_the_defaults() {
        let text = include_str!("../../packaging/freehold.toml");
        let config = Config::parse(text, Path::new("/etc/freehold"), "host1").unwrap();
        let bare =
            Config::parse("[volumes.data]\npath = '/srv/freehold/data'\n", Path::new("/"), "host1").unwrap();
        assert_eq!(config, Config { admin_socket: "/run/freehold/admin.sock".into(), ..bare });
    }

    #[test]
    fn relative_paths_count_from_the_folder_of_the_file() {
        let text = "[server]\nstate_dir = 'state'\n[volumes.a]\npath = 'vol'\n";
        let config = Config::parse(text, Path::new("/etc/freehold"), "h").unwrap();
        assert_eq!(config.state_dir, Path::new("/etc/freehold/state"));
        assert_eq!(config.volumes[0].path, Path::new("/etc/freehold/vol"));
    }

    #[test]
    fn every_mistake_is_reported_with_line_and_column() {
        let text = "\
[server]
lisen = \"0.0.0.0\"
name = \"much-too-long-name\"
[volumes.data]
path = 7
[security]
encryption = \"yes\"
require_signing = \"no\"
[limits]
credits = 1
max_read_bytes = \"32MiB\"
";
        let found = mistakes(text);
        let places: Vec<(usize, usize)> = found.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(
            places,
            [(2, 1), (3, 8), (4, 10), (5, 8), (7, 14), (8, 19), (10, 11), (11, 18)],
            "{found:#?}"
        );
        assert!(found[0].2.contains("`server.lisen`") && found[0].2.contains("did you mean `listen`"));
        assert!(found[4].2.contains("\"yes\"") && found[4].2.contains("\"desired\""));
        assert!(found[6].2.contains("`limits.credits` is 1") && found[6].2.contains("from 16 to 65535"));
    }

    #[test]
    fn syntax_errors_do_not_hide_other_mistakes() {
        let text = "[volumes.data]\npath = '/srv'\n[log]\nlevel = loud\nformat = 'xml'\n";
        let lines: Vec<usize> = mistakes(text).iter().map(|(line, _, _)| *line).collect();
        assert!(lines.contains(&4) && lines.contains(&5), "{lines:?}");
    }

    #[test]
    fn the_audit_log_is_checked_like_the_rest() {
        let text = "\
[audit]
folder = 'log'
max_file_size = \"1KiB\"
on_failure = \"drop\"
shares = \"everything\"
[volumes.data]
path = '/srv'
";
        let lines: Vec<usize> = mistakes(text).iter().map(|(line, _, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        let text = "[audit]\nfolder = 'log'\nshares = 'failure'\n[volumes.a]\npath = 'vol'\n";
        let audit = Config::parse(text, Path::new("/etc/freehold"), "h").unwrap().audit;
        assert_eq!(audit.folder, Path::new("/etc/freehold/log"));
        assert_eq!((audit.shares, audit.refuse, audit.sync), (AuditOption::Failure, true, true));
    }

    #[test]
    fn volumes_inside_of_each_other_are_refused() {
        let found = mistakes("[volumes.a]\npath = '/srv'\n[volumes.b]\npath = '/srv/b'\n");
        assert_eq!((found[0].0, found.len()), (3, 1), "{found:?}");
    }

    #[test]
    fn a_file_without_volumes_is_refused() {
        assert!(mistakes("")[0].2.contains("no volume"));
    }

    #[test]
    fn addresses_come_with_or_without_a_port() {
        assert_eq!(parse_address("192.0.2.7", SMB_PORT), Some("192.0.2.7:445".parse().unwrap()));
        assert_eq!(parse_address("::1", SMB_PORT), Some("[::1]:445".parse().unwrap()));
        assert_eq!(parse_address("[::1]:4450", SMB_PORT), Some("[::1]:4450".parse().unwrap()));
        assert_eq!(parse_address("localhost", SMB_PORT), None);
    }

    #[test]
    fn a_missing_folder_is_a_mistake_only_when_folders_are_checked() {
        let text = "[volumes.a]\npath = '/nonexistent-folder-of-a-test'\n";
        assert!(parse(text, Path::new("/"), "h", Folders::Unchecked).is_ok());
        assert_eq!(parse(text, Path::new("/"), "h", Folders::MustExist).unwrap_err().len(), 1);
    }
}
