//! One connection with a session and a tree connect over a blocking socket, its buffers used again and again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use freehold::client::{Client, ClientError, ClientOptions, PacketStart, Protection, Reply};
use freehold::crypto::SigningAlgorithm;
use freehold::smb2::{Command, Dialect, MessageId, TreeId};
use freehold_dtyp::{Encode, NtStatus};

/// A server that says nothing for so long is taken for stuck.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// Bytes of the receive buffer at first: more than two replies of 1 MiB.
const INBOX_BYTES: usize = 4 << 20;

/// Who logs on where.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// The share that is measured.
    pub share: String,
    /// User name.
    pub user: String,
    /// Domain of the user; may be empty.
    pub domain: String,
    /// Password.
    pub password: String,
    /// Whether signatures of replies are computed.
    pub verify: bool,
}

/// A connection that is logged on.
pub struct Link {
    /// The protocol's state.
    pub client: Client,
    /// The tree connect.
    pub tree: TreeId,
    /// Packets that [`Link::flush`] will send.
    pub outbox: Vec<u8>,
    /// Received bytes; [`Link::next_packet`] tells which are a packet.
    pub inbox: Vec<u8>,
    filled: Range<usize>,
    stream: TcpStream,
}

/// Random bytes of the system.
fn random() -> anyhow::Result<[u8; 48]> {
    let mut bytes = [0; 48];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("/dev/urandom")?;
    Ok(bytes)
}

impl Link {
    /// Connects, logs on and connects to `share`.
    ///
    /// # Errors
    /// What the network or the server refuse, and a protection other than the one asked for.
    pub fn connect(target: &Target, share: &str, protection: Protection) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address)
            .with_context(|| format!("connecting to {}", target.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_LIMIT))?;
        stream.set_write_timeout(Some(SILENCE_LIMIT))?;
        let client = Client::new(ClientOptions {
            dialects: vec![Dialect::SMB_3_1_1],
            signing: vec![SigningAlgorithm::AesGmac, SigningAlgorithm::AesCmac],
            protection,
            user: target.user.clone(),
            password: target.password.clone(),
            domain: target.domain.clone(),
            random: random()?,
        });
        let mut link =
            Link { client, tree: TreeId::NONE, outbox: Vec::new(), inbox: Vec::new(), filled: 0..0, stream };
        let negotiate = link.client.negotiate();
        let packet = link.exchange(&negotiate)?;
        link.client.on_negotiate(&mut link.inbox[packet])?;
        let mut request = link.client.session_setup();
        loop {
            let packet = link.exchange(&request)?;
            match link.client.on_session_setup(&mut link.inbox[packet]).context("logging on")? {
                Some(next) => request = next,
                None => break,
            }
        }
        let request = link.client.tree_connect(&target.address.ip().to_string(), share);
        let packet = link.exchange(&request)?;
        let reply = link.client.open(&mut link.inbox[packet])?.pop().context("no reply to TREE_CONNECT")?;
        ensure!(reply.header.status == NtStatus::SUCCESS, "connecting to `{share}`: {}", reply.header.status);
        link.tree = reply.header.tree_id().context("TREE_CONNECT answered asynchronously")?;
        if protection == Protection::Signed {
            let signing = link.client.signing();
            ensure!(signing == SigningAlgorithm::AesGmac, "the server signs with {signing:?}, not AES-GMAC");
        }
        if !target.verify {
            link.client.trust_signatures();
        }
        Ok(link)
    }

    /// Sends a packet of the client and waits for the next one.
    fn exchange(&mut self, packet: &[u8]) -> anyhow::Result<Range<usize>> {
        let length = u32::try_from(packet.len())?.to_be_bytes();
        self.outbox.extend_from_slice(&length);
        self.outbox.extend_from_slice(packet);
        self.flush()?;
        self.wait_packet()
    }

    /// One request and its final reply. Nothing else may be under way.
    ///
    /// # Errors
    /// A broken connection or protection; not an error status.
    pub fn call(
        &mut self,
        command: Command,
        body: &impl Encode,
        payload_bytes: u32,
    ) -> anyhow::Result<Reply> {
        let start = self.client.begin(&mut self.outbox);
        self.client.add(&mut self.outbox, start, command, self.tree, body, payload_bytes, false);
        self.client.finish(&mut self.outbox, start)?;
        self.flush()?;
        loop {
            let packet = self.wait_packet()?;
            let reply = self.client.open(&mut self.inbox[packet])?.pop().context("an empty packet")?;
            if reply.header.status != NtStatus::PENDING && reply.header.message_id != MessageId::UNSOLICITED {
                return Ok(reply);
            }
        }
    }

    /// Sends what the outbox holds.
    ///
    /// # Errors
    /// A broken connection.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.outbox).context("sending")?;
        self.outbox.clear();
        Ok(())
    }

    /// The next packet that has come whole, as a range of the inbox, valid until more is received.
    pub fn next_packet(&mut self) -> Option<Range<usize>> {
        let length = self.inbox.get(self.filled.clone())?.first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize & 0x00FF_FFFF;
        let start = self.filled.start + 4;
        if start + length > self.filled.end {
            return None;
        }
        self.filled.start = start + length;
        Some(start..start + length)
    }

    /// Waits for bytes.
    ///
    /// # Errors
    /// A broken connection, or silence.
    pub fn receive(&mut self) -> anyhow::Result<()> {
        if self.inbox.is_empty() {
            // Zeros from the allocator, so that only what is used gets memory.
            self.inbox = vec![0; INBOX_BYTES];
        }
        if self.filled.is_empty() {
            self.filled = 0..0;
        } else if self.filled.start >= self.inbox.len() / 2 || self.filled.end == self.inbox.len() {
            self.inbox.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.filled.end == self.inbox.len() {
            self.inbox.resize(self.inbox.len() * 2, 0);
        }
        match self.stream.read(&mut self.inbox[self.filled.end..]).context("receiving")? {
            0 => bail!("the server closed the connection"),
            bytes => self.filled.end += bytes,
        }
        Ok(())
    }

    fn wait_packet(&mut self) -> anyhow::Result<Range<usize>> {
        loop {
            if let Some(packet) = self.next_packet() {
                return Ok(packet);
            }
            self.receive()?;
        }
    }

    /// Makes the receive buffer small: for links that are to be many and idle.
    pub fn shrink(&mut self) {
        self.inbox = Vec::new();
        self.filled = 0..0;
        self.outbox.shrink_to_fit();
    }
}

/// One operation being built: a request, or several related ones.
pub struct Packet<'l> {
    client: &'l mut Client,
    outbox: &'l mut Vec<u8>,
    tree: TreeId,
    start: PacketStart,
    first: u64,
    count: usize,
}

impl<'l> Packet<'l> {
    /// Starts a packet at the end of the outbox.
    pub fn new(link: &'l mut Link) -> Self {
        let start = link.client.begin(&mut link.outbox);
        Packet {
            tree: link.tree,
            client: &mut link.client,
            outbox: &mut link.outbox,
            start,
            first: 0,
            count: 0,
        }
    }

    /// Appends a request. From the second on they are related: they use the file of the one before.
    /// `payload_bytes` is the larger of what it sends and what it expects back.
    pub fn add(&mut self, command: Command, body: &impl Encode, payload_bytes: u32) {
        let related = self.count != 0;
        let id = self.client.add(self.outbox, self.start, command, self.tree, body, payload_bytes, related);
        if self.count == 0 {
            self.first = id.0;
        }
        self.count += 1;
    }

    /// Protects it; the message id of its first request and the number of requests.
    ///
    /// # Errors
    /// As [`Client::finish`].
    pub fn finish(self) -> Result<(u64, usize), ClientError> {
        self.client.finish(self.outbox, self.start)?;
        Ok((self.first, self.count))
    }
}
