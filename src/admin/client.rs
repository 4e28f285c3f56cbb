//! The command line's end of the administration socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::protocol::{Reply, Request};
use super::{MAX_LINE_BYTES, socket};

/// Longest time to wait for a reply.
const REPLY_LIMIT: Duration = Duration::from_secs(60);

/// Why the server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket fails.
    #[error("the connection to the server failed: {0}")]
    Io(#[from] io::Error),
    /// The reply is of no known form.
    #[error("the server's reply cannot be understood: {0}")]
    Reply(#[from] serde_json::Error),
    /// The server closed the connection: the account that asks may not administer.
    #[error("the server closed the connection; run this as root or as the account that the server runs as")]
    Closed,
}

/// A connection to a running server.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the socket `path`.
    ///
    /// # Errors
    /// When there is no socket or nobody listens on it.
    pub fn connect(path: &Path) -> io::Result<Client> {
        let stream = socket::with_short_path(path, |short| UnixStream::connect(short))?;
        stream.set_read_timeout(Some(REPLY_LIMIT))?;
        stream.set_write_timeout(Some(REPLY_LIMIT))?;
        Ok(Client { reader: BufReader::new(stream) })
    }

    /// Asks and waits for the reply.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal is a reply, not an error.
    pub fn call(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let mut line = zeroize::Zeroizing::new(serde_json::to_vec(request)?);
        line.push(b'\n');
        self.reader.get_mut().write_all(&line).map_err(closed)?;
        self.next_part()
    }

    /// Waits for the next part of an answer in parts.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn next_part(&mut self) -> Result<Reply, ClientError> {
        let mut answer = Vec::new();
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let length = (&mut self.reader).take(limit).read_until(b'\n', &mut answer).map_err(closed)?;
        if length == 0 {
            return Err(ClientError::Closed);
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

fn closed(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ClientError::Closed,
        _ => ClientError::Io(error),
    }
}
