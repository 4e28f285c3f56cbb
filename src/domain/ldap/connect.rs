//! From an address to a connection that somebody has logged on to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use ldap3::{LdapConnAsync, LdapConnSettings, Scope, StdStream};
use tokio::net::{TcpStream, UnixStream};

use super::error::{ResultCode, shown, win32_of};
use super::operations::Search;
use super::pump::{self, Ending, Sink, Source};
use super::{Connection, LdapError, RootDse, sasl, tls};
use crate::config::{DomainSettings, LdapProtection};
use crate::domain::kdc::{Credentials, Initiator, KdcError};
use crate::domain::locator::{DomainController, Locator};

const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;
/// When the kernel asks a peer that is silent whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

impl Connection {
    /// Connects to `dc` and logs on, protected as the settings say.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn open(
        dc: &Arc<DomainController>,
        locator: &Arc<Locator>,
        settings: &DomainSettings,
        credentials: &Credentials,
    ) -> Result<Self, LdapError> {
        let mut connection = match settings.ldap {
            // What Kerberos cannot name may log on over TLS, where the domain controllers have certificates.
            LdapProtection::Sealed => match sealed(dc, locator, settings, credentials).await {
                Err(error @ LdapError::Kerberos(KdcError::NotAscii { .. })) => {
                    over_tls(dc, locator, settings, credentials).await.map_err(|over_tls| match over_tls {
                        LdapError::Tls { .. }
                        | LdapError::Certificates(_)
                        | LdapError::Unreachable { .. } => error,
                        other => other,
                    })?
                }
                outcome => outcome?,
            },
            LdapProtection::Tls => over_tls(dc, locator, settings, credentials).await?,
        };
        connection.root = connection.read_root().await?;
        Ok(connection)
    }

    /// Finds a domain controller, connects and logs on; another one when one does not answer. For whoever logs on once, as the one who
    /// joins this server to a domain.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn bind_as(
        locator: &Arc<Locator>,
        settings: &DomainSettings,
        credentials: &Credentials,
    ) -> Result<Self, LdapError> {
        Self::bind_as_first(locator, settings, std::slice::from_ref(credentials))
            .await
            .map(|(connection, _)| connection)
    }

    /// As [`Self::bind_as`], with the first of these credentials that a domain controller takes, and which one that is. All of them are
    /// tried at the same domain controller: what one refuses because it has not heard of a new password says nothing of another.
    ///
    /// # Errors
    /// [`LdapError`]; the refusal of the last one when the domain controller takes none.
    pub async fn bind_as_first(
        locator: &Arc<Locator>,
        settings: &DomainSettings,
        credentials: &[Credentials],
    ) -> Result<(Self, usize), LdapError> {
        const TRIES: usize = 3;
        let mut last = LdapError::NoAccount;
        for _ in 0..TRIES {
            let dc = locator.find().await?;
            for (place, credentials) in credentials.iter().enumerate() {
                match Self::open(&dc, locator, settings, credentials).await {
                    Ok(connection) => return Ok((connection, place)),
                    Err(error) => last = error,
                }
                if !last.is_wrong_password() {
                    break;
                }
            }
            if !last.is_unreachable() {
                break;
            }
            locator.failed(&dc);
        }
        Err(last)
    }

    async fn read_root(&self) -> Result<RootDse, LdapError> {
        let attributes = [
            "defaultNamingContext",
            "configurationNamingContext",
            "schemaNamingContext",
            "rootDomainNamingContext",
        ];
        let search = Search { scope: Scope::Base, ..Search::new("", "(objectClass=*)", &attributes) };
        let root = self.search(&search).await?.into_iter().next().unwrap_or_default();
        let text = |name: &str| root.text(name).unwrap_or_default().to_owned();
        let root = RootDse {
            domain: text("defaultNamingContext"),
            configuration: text("configurationNamingContext"),
            schema: text("schemaNamingContext"),
            forest: text("rootDomainNamingContext"),
        };
        if root.domain.is_empty() {
            let reason = "its root DSE names no domain".to_owned();
            return Err(LdapError::Protocol { host: self.dc().host.clone(), reason });
        }
        Ok(root)
    }
}

async fn tcp(dc: &DomainController, port: u16, limit: Duration) -> Result<TcpStream, LdapError> {
    let unreachable = |reason: String| LdapError::Unreachable {
        host: dc.host.clone(),
        reason: format!("port {port}: {reason}"),
    };
    let stream =
        match tokio::time::timeout(limit, TcpStream::connect(SocketAddr::new(dc.address, port))).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no connection in time".to_owned())),
        };
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 6);
    socket2::SockRef::from(&stream)
        .set_tcp_keepalive(&keepalive)
        .and_then(|()| stream.set_nodelay(true))
        .map_err(|error| unreachable(error.to_string()))?;
    Ok(stream)
}

async fn sealed(
    dc: &Arc<DomainController>,
    locator: &Arc<Locator>,
    settings: &DomainSettings,
    credentials: &Credentials,
) -> Result<Connection, LdapError> {
    let service = format!("ldap/{}", dc.host);
    let (initiator, token) = Initiator::start(dc, credentials, &service).await?;
    let mut stream = tcp(dc, LDAP_PORT, settings.connect_timeout).await?;
    let context = sasl::bind(&mut stream, &dc.host, credentials.account(), initiator, &token).await?;
    let (source, sink) = stream.into_split();
    let source = sasl::SealedSource::new(source, context.unseal);
    let sink = sasl::SealedSink::new(sink, context.seal);
    attach(dc, locator, settings, source, sink).await
}

async fn over_tls(
    dc: &Arc<DomainController>,
    locator: &Arc<Locator>,
    settings: &DomainSettings,
    credentials: &Credentials,
) -> Result<Connection, LdapError> {
    let config = tls::config(settings.tls_ca.as_deref())?;
    let stream = tcp(dc, LDAPS_PORT, settings.connect_timeout).await?;
    let (source, sink) = tls::connect(stream, &dc.host, config, settings.connect_timeout).await?;
    let connection = attach(dc, locator, settings, source, sink).await?;
    // RFC 4513 5.1.3, inside of TLS only.
    let account = credentials.principal_name();
    let mut ldap = connection.ldap.clone();
    let result = connection.call(async { ldap.simple_bind(&account, credentials.password()).await }).await?;
    if ResultCode(result.rc) != ResultCode::SUCCESS {
        return Err(LdapError::Bind {
            host: dc.host.clone(),
            account,
            code: ResultCode(result.rc),
            win32: win32_of(&result.text),
            message: shown(&result.text),
        });
    }
    Ok(connection)
}

/// Gives ldap3 one end of a pair of sockets and starts what pumps to the other.
async fn attach(
    dc: &Arc<DomainController>,
    locator: &Arc<Locator>,
    settings: &DomainSettings,
    source: impl Source,
    sink: impl Sink,
) -> Result<Connection, LdapError> {
    let failed = |reason: String| LdapError::Unreachable {
        host: dc.host.clone(),
        reason: format!("a local socket: {reason}"),
    };
    let (ours, theirs) = UnixStream::pair().map_err(|error| failed(error.to_string()))?;
    let theirs = theirs.into_std().map_err(|error| failed(error.to_string()))?;
    let ldap_settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
    // The URL only says that the stream is a local socket.
    let (driver, ldap) = LdapConnAsync::with_settings(ldap_settings, "ldapi://pump")
        .await
        .map_err(|error| failed(error.to_string()))?;
    let ending = Ending::default();
    let pump = tokio::spawn(pump::run(source, sink, ours, Arc::clone(&ending))).abort_handle();
    let driver = tokio::spawn(async move {
        // Its errors are those of the pump, which says why.
        let _ = driver.drive().await;
    })
    .abort_handle();
    Ok(Connection {
        ldap,
        dc: Arc::clone(dc),
        locator: Arc::clone(locator),
        root: RootDse::default(),
        request_limit: settings.request_timeout,
        in_flight: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
        gone: AtomicBool::new(false),
        ending,
        last_used: parking_lot::Mutex::new(Instant::now()),
        tasks: [pump, driver],
    })
}
