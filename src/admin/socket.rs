//! The server's end of the administration socket.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};

use super::caller::Caller;
use super::protocol::{Reply, Request};
use super::{AdminService, MAX_LINE_BYTES};

/// Most connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 32;
/// A connection that sends nothing is closed after this time.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// Parts of an answer that are made before the peer has taken the first.
const PARTS_AHEAD: usize = 4;
/// Longest request: a declaration of everything that there is.
const MAX_REQUEST_BYTES: u64 = MAX_LINE_BYTES as u64;

/// Serves administration requests on the socket `path` until `stop` becomes true, then removes it.
///
/// # Errors
/// When the socket cannot be made, or another server answers on it.
pub async fn listen(service: AdminService, path: PathBuf, stop: watch::Receiver<bool>) -> io::Result<()> {
    let listener = bind(&path).inspect_err(|error| {
        tracing::error!(path = %path.display(), %error, "the administration socket cannot be opened");
    })?;
    tracing::info!(path = %path.display(), "administration socket is open");
    accept(&listener, service, stop).await;
    // Nobody else can have taken the name: the state folder is locked while this server runs.
    let _ = std::fs::remove_file(&path);
    Ok(())
}

async fn accept(listener: &UnixListener, service: AdminService, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "an administration connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let service = service.clone();
        let mut stop = stop.clone();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                () = stopped(&mut stop) => {}
                outcome = serve(stream, service) => {
                    if let Err(error) = outcome {
                        tracing::debug!(%error, "an administration connection ended early");
                    }
                }
            }
        });
    }
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could stop the server is gone: then it has stopped.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

/// Opens the socket with mode 0600. What a server that was killed left behind is replaced.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    with_short_path(path, |short| {
        match std::os::unix::net::UnixStream::connect(short) {
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server answers on it")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(short)?,
            Err(error) => return Err(error),
        }
        let listener = std::os::unix::net::UnixListener::bind(short)?;
        std::fs::set_permissions(short, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    })
}

/// Calls `work` with a name of `path` that fits into a socket address (108 bytes) however deep the folder is: through
/// the open folder.
pub(super) fn with_short_path<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(rustix::fs::OFlags::PATH.bits()).unwrap_or(0))
        .open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(name);
    work(&short)
}

/// The caller: only the account that the server runs as, and root.
fn caller_of(stream: &UnixStream) -> io::Result<Option<Caller>> {
    let peer = stream.peer_cred()?.uid();
    Ok((peer == 0 || peer == rustix::process::geteuid().as_raw()).then(|| Caller::local(peer)))
}

async fn serve(stream: UnixStream, service: AdminService) -> io::Result<()> {
    let Some(caller) = caller_of(&stream)? else {
        tracing::warn!("an administration request of another account was refused");
        return Ok(());
    };
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = zeroize::Zeroizing::new(Vec::new());
        let mut limited = (&mut reader).take(MAX_REQUEST_BYTES);
        let read = limited.read_until(b'\n', &mut line);
        let length = tokio::time::timeout(IDLE_LIMIT, read).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if length == 0 {
            return Ok(());
        }
        let request = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => request,
            Err(error) => {
                answer(&mut writer, &refused(&format!("the request cannot be understood: {error}"))).await?;
                continue;
            }
        };
        let (service, caller) = (service.clone(), caller.clone());
        // Parts are made no faster than the peer takes them.
        let (parts, mut made) = mpsc::channel(PARTS_AHEAD);
        let work = tokio::task::spawn_blocking(move || {
            let done = service.execute_as(&caller, request, &mut |reply| parts.blocking_send(reply).is_ok());
            if let Err(error) = done {
                // Nobody listens any more when it cannot be sent.
                let _ = parts.blocking_send(refused(&error.to_string()));
            }
        });
        while let Some(reply) = made.recv().await {
            answer(&mut writer, &reply).await?;
        }
        if work.await.is_err() {
            answer(&mut writer, &refused("the request failed inside of the server; see its log")).await?;
        }
    }
}

async fn answer(writer: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut answer = serde_json::to_vec(reply).map_err(io::Error::other)?;
    if answer.len() > MAX_LINE_BYTES {
        answer = serde_json::to_vec(&refused("the listing is too long"))?;
    }
    answer.push(b'\n');
    writer.write_all(&answer).await
}

fn refused(message: &str) -> Reply {
    Reply::Refused { message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use super::super::protocol::Password;
    use super::*;
    use crate::state::State;

    fn add_user(name: &str) -> Request {
        Request::UserAdd {
            name: name.to_owned(),
            password: Password::new("Secret-1".to_owned()),
            full_name: String::new(),
            comment: String::new(),
            disabled: false,
            groups: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_client_is_served_until_the_server_stops() {
        let folder = tempfile::tempdir().unwrap();
        // A path far longer than a socket address.
        let path = folder.path().join("x".repeat(120)).join("admin.sock");
        let state = Arc::new(State::in_memory().unwrap());
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(listen(AdminService::new(Arc::clone(&state)), path.clone(), stopped));
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let client_path = path.clone();
        tokio::task::spawn_blocking(move || {
            let mut client = Client::connect(&client_path).unwrap();
            assert!(matches!(client.call(&add_user("anna")).unwrap(), Reply::Done));
            assert!(matches!(client.call(&add_user("anna")).unwrap(), Reply::Refused { .. }));
            let Reply::Users(rows) = client.call(&Request::UserList).unwrap() else { panic!() };
            assert_eq!(rows.len(), 1);
        })
        .await
        .unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        stop.send(true).unwrap();
        server.await.unwrap().unwrap();
        assert!(!path.exists());
        assert!(state.accounts().account("anna").is_some());
    }

    #[tokio::test]
    async fn nonsense_is_answered_and_a_socket_in_use_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let state = Arc::new(State::in_memory().unwrap());
        let (_stop, stopped) = watch::channel(false);
        let server =
            tokio::spawn(listen(AdminService::new(Arc::clone(&state)), path.clone(), stopped.clone()));
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(b"{}\n\xff\n").await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        for _ in 0..2 {
            assert!(lines.next_line().await.unwrap().unwrap().contains("Refused"));
        }
        let second = listen(AdminService::new(state), path.clone(), stopped).await.unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        server.abort();
    }

    #[tokio::test]
    async fn a_socket_that_a_killed_server_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(bind(&path).is_ok());
    }
}
