//! The settings as plain data.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that is fixed while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Addresses to serve SMB on; at least one. Port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Folder of the state database; absolute.
    pub state_dir: PathBuf,
    /// Socket that the administration commands use; absolute.
    pub admin_socket: PathBuf,
    /// How this server calls itself.
    pub names: ServerNames,
    /// Volumes by the order of their names.
    pub volumes: Vec<VolumeConfig>,
    /// What is asked of clients.
    pub security: SecurityConfig,
    /// Bounds on what clients may use.
    pub limits: Limits,
    /// What is logged and how.
    pub log: LogConfig,
    /// The audit log.
    pub audit: super::AuditConfig,
    /// What operators see.
    pub metrics: super::MetricsConfig,
    /// Administration over HTTPS.
    pub api: super::ApiConfig,
    /// How domain controllers are found and talked to.
    pub domain: super::DomainSettings,
}

/// How this server calls itself in NTLM challenges and to RPC clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerNames {
    /// NetBIOS name: 1 to 15 upper-case characters.
    pub netbios: String,
    /// DNS name of the host, or the host's name alone.
    pub dns: String,
    /// Workgroup shown to clients: 1 to 15 upper-case characters.
    pub workgroup: String,
    /// Comment shown in server listings; at most 256 characters.
    pub comment: String,
}

/// A folder of this machine whose content is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeConfig {
    /// Name that shares refer to.
    pub name: String,
    /// The folder; absolute.
    pub path: PathBuf,
    /// Label that clients see, at most 32 UTF-16 units.
    pub label: String,
    /// Folder of the volume's snapshots; absolute.
    pub snapshots: Option<PathBuf>,
    /// Files have 8.3 names besides their own.
    pub short_names: bool,
    /// Files can have named streams.
    pub named_streams: bool,
    /// Changes can be watched.
    pub change_notify: bool,
    /// Names, with wildcards, that are shown as hidden.
    pub hidden_names: Vec<String>,
    /// Descriptors keep AUTO_INHERITED as clients set it.
    pub keep_auto_inherited: bool,
    /// When writes show in LastWriteTime.
    pub write_times: WriteTimes,
    /// How far programs of this machine are minded.
    pub local_programs: LocalPrograms,
    /// What clients may cache.
    pub oplocks: OplockPolicy,
}

/// When a volume shows what was written in LastWriteTime (docs/decisions/0030-write-times.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteTimes {
    /// At once, as Windows does since 2019.
    #[default]
    Immediate,
    /// After two seconds, or when the handle is flushed or closed, as Windows did before.
    Delayed,
}

/// How far a volume minds programs of this machine that use its files (docs/decisions/0034-local-programs.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalPrograms {
    /// Not at all.
    #[default]
    Ignore,
    /// Byte-range locks are shared with them, and their leases are broken by opens.
    Locks,
    /// The same, and their opens break what clients cache.
    Leases,
}

/// Which oplocks and leases clients get on a volume (docs/decisions/0034-local-programs.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OplockPolicy {
    /// All that the rules allow.
    #[default]
    All,
    /// Exclusive and batch oplocks, and leases with W; no level II, R or RH, and none on directories.
    Exclusive,
    /// None.
    None,
}

impl VolumeConfig {
    /// A folder as a volume, everything else as it is by default.
    #[must_use]
    pub fn new(name: &str, path: PathBuf) -> Self {
        VolumeConfig {
            name: name.to_owned(),
            path,
            label: name.to_owned(),
            snapshots: None,
            short_names: false,
            named_streams: true,
            change_notify: true,
            hidden_names: Vec::new(),
            keep_auto_inherited: false,
            write_times: WriteTimes::Immediate,
            local_programs: LocalPrograms::Ignore,
            oplocks: OplockPolicy::All,
        }
    }
}

/// SMB dialects in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// SMB 2.0.2.
    Smb202,
    /// SMB 2.1.
    Smb210,
    /// SMB 3.0.
    Smb300,
    /// SMB 3.0.2.
    Smb302,
    /// SMB 3.1.1.
    Smb311,
}

impl Dialect {
    /// The number on the wire ([MS-SMB2] 2.2.3 Dialects).
    #[must_use]
    pub const fn revision(self) -> u16 {
        match self {
            Dialect::Smb202 => 0x0202,
            Dialect::Smb210 => 0x0210,
            Dialect::Smb300 => 0x0300,
            Dialect::Smb302 => 0x0302,
            Dialect::Smb311 => 0x0311,
        }
    }
}

/// Whether sessions are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMode {
    /// Never offered.
    Off,
    /// Used by clients that ask for it and on shares that demand it.
    Desired,
    /// Every session is encrypted.
    Required,
}

/// What is asked of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityConfig {
    /// Every signed-on session signs ([MS-SMB2] 3.3.1.5 RequireMessageSigning).
    pub require_signing: bool,
    /// Encryption of sessions.
    pub encryption: EncryptionMode,
    /// Clear requests to an encrypted session or share fail ([MS-SMB2] 3.3.1.5 RejectUnencryptedAccess).
    pub reject_unencrypted: bool,
    /// Lowest dialect that is accepted.
    pub min_dialect: Dialect,
    /// Highest dialect that is offered.
    pub max_dialect: Dialect,
    /// Anonymous sessions are let in (to IPC$ only).
    pub allow_anonymous: bool,
    /// Unknown users become guests.
    pub allow_guest: bool,
    /// The SMB3 POSIX Extensions are spoken with clients that offer them.
    pub posix_extensions: bool,
    /// NTLM logons.
    pub ntlm: NtlmConfig,
    /// Kerberos logons.
    pub kerberos: KerberosConfig,
}

/// Kerberos logons, of members of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KerberosConfig {
    /// Tickets and keys of RC4-HMAC are taken.
    pub allow_rc4: bool,
}

/// NTLM logons. Only NTLMv2 exists here; older forms cannot be switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlmConfig {
    /// NTLM is offered at all.
    pub enabled: bool,
    /// NTLM without the SPNEGO wrapping is accepted.
    pub allow_raw: bool,
    /// A logon whose message has no integrity code is refused even where the protocol allows it.
    pub require_mic: bool,
    /// Whether users of the domain may log on with NTLM. Accounts of this server always may.
    pub domain: DomainNtlm,
}

/// NTLM logons of users of the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DomainNtlm {
    /// A domain controller decides.
    #[default]
    Allow,
    /// A domain controller decides, and each is logged: who still needs NTLM, and from where.
    Audit,
    /// Refused: Kerberos only.
    Deny,
}

/// Bounds on what clients may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: u32,
    /// Connections at a time from one address.
    pub connections_per_address: u32,
    /// Connections of one address that have not logged on yet.
    pub half_open_logons_per_address: u32,
    /// A connection without a session is closed after this time.
    pub logon_timeout: Duration,
    /// Failed logons in a row from one address before the next one waits.
    pub logon_failures_before_wait: u32,
    /// How long such a logon waits.
    pub logon_wait: Duration,
    /// Sessions on one connection.
    pub sessions_per_connection: u32,
    /// Tree connects of one session.
    pub trees_per_session: u32,
    /// Open files of one session.
    pub opens_per_session: u32,
    /// [MS-SMB2] MaxTransactSize in bytes.
    pub max_transact_bytes: u32,
    /// [MS-SMB2] MaxReadSize in bytes.
    pub max_read_bytes: u32,
    /// [MS-SMB2] MaxWriteSize in bytes.
    pub max_write_bytes: u32,
    /// Credits that one connection can hold.
    pub credits: u16,
    /// Requests of one connection that may wait for an answer later (notifications, blocking locks): of so many the last is refused.
    pub async_requests_per_connection: u32,
}

/// Accesses to a share that are recorded.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AuditOption {
    /// None.
    #[default]
    None,
    /// Those that are granted.
    Success,
    /// Those that are refused.
    Failure,
    /// All.
    All,
}

impl AuditOption {
    /// All options.
    pub const ALL: [AuditOption; 4] =
        [AuditOption::None, AuditOption::Success, AuditOption::Failure, AuditOption::All];

    /// The word in the configuration, in the state database and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            AuditOption::None => "none",
            AuditOption::Success => "success",
            AuditOption::Failure => "failure",
            AuditOption::All => "all",
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged and how; always to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Form of the lines.
    pub format: LogFormat,
    /// A level (`info`) or levels by module (`info,freehold::proto=debug`).
    pub level: String,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        SecurityConfig {
            require_signing: true,
            encryption: EncryptionMode::Desired,
            reject_unencrypted: true,
            min_dialect: Dialect::Smb202,
            max_dialect: Dialect::Smb311,
            allow_anonymous: false,
            allow_guest: false,
            posix_extensions: true,
            ntlm: NtlmConfig::default(),
            kerberos: KerberosConfig::default(),
        }
    }
}

impl Default for NtlmConfig {
    fn default() -> Self {
        NtlmConfig { enabled: true, allow_raw: true, require_mic: false, domain: DomainNtlm::Allow }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 16_384,
            connections_per_address: 4_096,
            half_open_logons_per_address: 256,
            logon_timeout: Duration::from_secs(45),
            logon_failures_before_wait: 9,
            logon_wait: Duration::from_secs(2),
            sessions_per_connection: 1_024,
            trees_per_session: 1_024,
            opens_per_session: 65_536,
            max_transact_bytes: 8 * 1024 * 1024,
            max_read_bytes: 8 * 1024 * 1024,
            max_write_bytes: 8 * 1024 * 1024,
            credits: 8_192,
            async_requests_per_connection: 512,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: LogFormat::Text, level: "info".to_owned() }
    }
}
