//! C706 9.3 and [MS-RPCE] 3.3.2: one association over TCP, for one interface and one call at a time.
//!
//! A connection whose call failed, ran out of time or was given up must be dropped: what it would answer next belongs to the
//! call before.

use std::net::SocketAddr;

use freehold_dtyp::Decode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::RpcError;
use super::pdu::{self, BindAck, RequestFragment, ResponseFragment, SEAL_ALIGNMENT, Verifier};
use crate::rpc::pdu::{HEADER_SIZE, Header, LAST_FRAGMENT, MUST_RECEIVE_FRAGMENT, PduType, Syntax};

/// Longest response, in bytes of its stub. The largest that is asked for is a user's groups: at most some ten thousand.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// What protects the messages of a connection.
pub(in crate::domain) trait Protection: Send {
    /// Its name on the wire.
    fn verifier(&self) -> Verifier;
    /// Bytes of a signature.
    fn signature_bytes(&self) -> usize;
    /// Encrypts the stub of a request and returns its signature.
    fn seal(&mut self, stub: &mut [u8]) -> Result<Vec<u8>, RpcError>;
    /// Decrypts the stub of a response and verifies its signature.
    fn open(&mut self, signature: &[u8], stub: &mut [u8]) -> Result<(), RpcError>;
}

/// An association that is bound to an interface.
pub(in crate::domain) struct Connection {
    stream: TcpStream,
    call_id: u32,
    max_fragment: u16,
    protection: Option<Box<dyn Protection>>,
}

impl Connection {
    /// Connects and binds to `interface`. With a protection `token` goes with the bind; the server's token is not looked at.
    pub(in crate::domain) async fn bind(
        address: SocketAddr,
        interface: &Syntax,
        protection: Option<(Box<dyn Protection>, &[u8])>,
        deadline: Instant,
    ) -> Result<Self, RpcError> {
        let stream = timeout_at(deadline, TcpStream::connect(address))
            .await
            .map_err(|_| RpcError::TimedOut)?
            .map_err(|error| RpcError::Connect(address, error))?;
        // Requests are small and wait for their answers.
        let _ = stream.set_nodelay(true);
        let (protection, token) = protection.unzip();
        let mut connection =
            Connection { stream, call_id: 1, max_fragment: MUST_RECEIVE_FRAGMENT, protection };
        let verifier = connection.protection.as_ref().map(|protection| protection.verifier()).zip(token);
        let bind = pdu::bind(connection.call_id, interface, verifier);
        timeout_at(deadline, connection.finish_bind(&bind)).await.map_err(|_| RpcError::TimedOut)??;
        Ok(connection)
    }

    async fn finish_bind(&mut self, bind: &[u8]) -> Result<(), RpcError> {
        self.stream.write_all(bind).await?;
        let (header, fragment) = self.receive().await?;
        // What follows the results is the server's token, and means nothing here.
        let body = pdu::plain_body(&fragment);
        match header.pdu_type {
            PduType::BIND_ACK => {
                self.max_fragment = BindAck::decode(body)?.max_receive;
                Ok(())
            }
            PduType::BIND_NAK => Err(RpcError::BindRefused(pdu::bind_refusal(body)?)),
            PduType::FAULT => Err(RpcError::Fault(pdu::fault_status(body)?)),
            other => Err(RpcError::Unexpected(other.0)),
        }
    }

    /// Runs an operation: `stub` holds its parameters, the answer its results.
    pub(in crate::domain) async fn call(
        &mut self,
        operation: u16,
        stub: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, RpcError> {
        self.call_id = self.call_id.wrapping_add(1);
        timeout_at(deadline, self.exchange(operation, stub)).await.map_err(|_| RpcError::TimedOut)?
    }

    async fn exchange(&mut self, operation: u16, stub: &[u8]) -> Result<Vec<u8>, RpcError> {
        let request = self.request(operation, stub)?;
        self.stream.write_all(&request).await?;
        let mut results = Vec::new();
        loop {
            let (header, mut fragment) = self.receive().await?;
            if header.call_id != self.call_id {
                return Err(RpcError::Unexpected(header.pdu_type.0));
            }
            match header.pdu_type {
                PduType::RESPONSE => {}
                PduType::FAULT => {
                    return Err(RpcError::Fault(pdu::fault_status(pdu::plain_body(&fragment))?));
                }
                other => return Err(RpcError::Unexpected(other.0)),
            }
            let verifier = self.protection.as_ref().map(|protection| protection.verifier());
            let ResponseFragment { stub, protection } =
                ResponseFragment::decode(&header, &mut fragment, verifier)?;
            let mut length = stub.len();
            if let (Some(security), Some((pad_bytes, signature))) = (&mut self.protection, protection) {
                security.open(signature, stub)?;
                length = length.saturating_sub(pad_bytes);
            }
            let last = header.flags & LAST_FRAGMENT != 0;
            // A fragment without content that is not the last leads nowhere.
            if results.len() + length > MAX_RESPONSE_BYTES || (length == 0 && !last) {
                return Err(RpcError::TooLong(MAX_RESPONSE_BYTES));
            }
            results.extend_from_slice(stub.get(..length).unwrap_or_default());
            if last {
                return Ok(results);
            }
        }
    }

    /// All fragments of a request.
    fn request(&mut self, operation: u16, stub: &[u8]) -> Result<Vec<u8>, RpcError> {
        let signature_bytes = self.protection.as_ref().map_or(0, |protection| protection.signature_bytes());
        let room = pdu::request_room(self.max_fragment, signature_bytes);
        let count = stub.len().div_ceil(room).max(1);
        let mut request = Vec::new();
        for index in 0..count {
            let offset = index * room;
            let mut part = stub.get(offset..stub.len().min(offset + room)).unwrap_or_default().to_vec();
            let mut pad_bytes = 0;
            let mut signature = Vec::new();
            if let Some(protection) = &mut self.protection {
                pad_bytes = part.len().next_multiple_of(SEAL_ALIGNMENT) - part.len();
                part.resize(part.len() + pad_bytes, 0);
                signature = protection.seal(&mut part)?;
            }
            let verifier = self.protection.as_ref().map(|protection| protection.verifier());
            let fragment = RequestFragment {
                call_id: self.call_id,
                operation,
                first: index == 0,
                last: index + 1 == count,
                left_bytes: stub.len() - offset,
                stub: &part,
                protection: verifier.map(|verifier| (verifier, pad_bytes, signature.as_slice())),
            };
            request.extend(fragment.encode());
        }
        Ok(request)
    }

    /// The next fragment; its length is bounded by the header's decoder.
    async fn receive(&mut self) -> Result<(Header, Vec<u8>), RpcError> {
        let mut fragment = vec![0; HEADER_SIZE];
        self.stream.read_exact(&mut fragment).await?;
        let header = Header::from_bytes(&fragment)?;
        fragment.resize(usize::from(header.fragment_length), 0);
        self.stream.read_exact(fragment.get_mut(HEADER_SIZE..).unwrap_or_default()).await?;
        Ok((header, fragment))
    }
}
