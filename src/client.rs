//! The client's side of SMB2 without I/O: builds requests, keeps keys, message ids and credits, checks replies. For
//! benchmarks, the simulation and conversations with other servers.
//!
//! Covers [MS-SMB2] 3.2 as far as one connection with one session needs it: NEGOTIATE to 3.1.1, NTLM in SPNEGO,
//! signing, sealing, compounds. The caller owns the transport and the order of things:
//!
//! ```text
//! negotiate() -> on_negotiate() -> session_setup() -> on_session_setup() until Ready -> request()/compound() -> open()
//! ```

use std::fmt;

use freehold_dtyp::{DecodeError, Encode, Guid, NtStatus, Writer};

use crate::auth::ntlm::client::{Credentials, Initiator, InitiatorOptions, Randomness};
use crate::auth::{AuthError, nt_hash};
use crate::crypto::{
    Cipher, CryptoError, KeyContext, OpenKey, PreauthHash, SealKey, Sender, SessionKeys, SigningAlgorithm,
    SigningKey,
};
use crate::smb2::header::Compound;
use crate::smb2::negotiate::{NegotiateRequest, NegotiateResponse};
use crate::smb2::negotiate_context::{
    self as wire, HashAlgorithm, NegotiateContext, NegotiateContexts, POSIX_TAG,
};
use crate::smb2::session_setup::{
    SessionFlags, SessionSetupFlags, SessionSetupRequest, SessionSetupResponse,
};
use crate::smb2::transform::TransformHeader;
use crate::smb2::tree_connect::{TreeConnectContexts, TreeConnectFlags, TreeConnectRequest};
use crate::smb2::{
    Capabilities, Command, CreditCharge, DecodeMessage, Dialect, HeaderFlags, HeaderId, List, MessageId,
    SecurityMode, SessionId, Smb2Header, TreeId, Utf16Buf,
};

/// Credits asked for with every request.
const CREDITS_WANTED: u16 = 512;
/// Bytes that the transport puts in front of a packet: its length.
const TRANSPORT_HEADER_SIZE: usize = 4;
/// Where the command stands in a header.
const COMMAND_OFFSET: usize = 12;

/// Where a packet begins in a buffer that has it with its transport header; see [`Client::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketStart {
    /// The transport's header.
    transport: usize,
    /// The first message.
    message: usize,
}

/// How messages are protected after the logon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// In the clear, where the server allows it.
    Clear,
    /// Signed with the best algorithm that both sides know.
    Signed,
    /// Sealed with the given cipher.
    Sealed(Cipher),
}

/// What the client offers and who it is.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Dialects offered, lowest first.
    pub dialects: Vec<Dialect>,
    /// Signing algorithms offered to 3.1.1, best first.
    pub signing: Vec<SigningAlgorithm>,
    /// Protection of the session's messages.
    pub protection: Protection,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Domain; may be empty.
    pub domain: String,
    /// 48 random bytes: client GUID, challenge, session key, salt.
    pub random: [u8; 48],
}

/// Why a conversation cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// A reply cannot be read.
    Decode(DecodeError),
    /// The server refused.
    Status(NtStatus),
    /// The server's authentication does not fit.
    Auth(AuthError),
    /// A signature or seal is wrong or missing.
    Crypto(CryptoError),
    /// The server chose what was not offered.
    Negotiation,
    /// The reply is not of a request of this client.
    Unexpected,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Decode(error) => write!(f, "the reply cannot be read: {error}"),
            ClientError::Status(status) => write!(f, "the server answered {status}"),
            ClientError::Auth(error) => write!(f, "the logon failed: {error}"),
            ClientError::Crypto(error) => write!(f, "the reply is not protected as it must be: {error}"),
            ClientError::Negotiation => f.write_str("the server chose what was not offered"),
            ClientError::Unexpected => f.write_str("the reply is not of a request of this client"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<DecodeError> for ClientError {
    fn from(error: DecodeError) -> Self {
        ClientError::Decode(error)
    }
}

impl From<AuthError> for ClientError {
    fn from(error: AuthError) -> Self {
        ClientError::Auth(error)
    }
}

impl From<CryptoError> for ClientError {
    fn from(error: CryptoError) -> Self {
        ClientError::Crypto(error)
    }
}

/// One reply: its header, and the whole message from the header on.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The header.
    pub header: Smb2Header,
    /// From the header to the next message of the compound.
    pub message: Vec<u8>,
}

impl Reply {
    /// Decodes the body.
    ///
    /// # Errors
    /// The status when it is an error, or [`ClientError::Decode`].
    pub fn body<'a, T: DecodeMessage<'a>>(&'a self) -> Result<T, ClientError> {
        if self.header.status.is_error() {
            return Err(ClientError::Status(self.header.status));
        }
        Ok(T::decode(&self.message)?)
    }
}

struct Keys {
    signing: Option<SigningKey>,
    seal: Option<SealKey>,
    open: Option<OpenKey>,
}

/// One connection with one session.
pub struct Client {
    options: ClientOptions,
    initiator: Initiator,
    preauth: PreauthHash,
    /// The same when NEGOTIATE was answered.
    preauth_negotiated: PreauthHash,
    dialect: Dialect,
    signing: SigningAlgorithm,
    cipher: Option<Cipher>,
    next_message: u64,
    credits: u32,
    session: SessionId,
    keys: Option<Keys>,
    /// Those of an anonymous logon, which are not used unless asked for.
    public_keys: Option<Keys>,
    encrypt: bool,
    verify: bool,
    posix: bool,
    dfs_trees: Vec<TreeId>,
    /// Largest read the server offers, in bytes.
    pub max_read_bytes: u32,
    /// Largest write the server offers, in bytes.
    pub max_write_bytes: u32,
}

impl Client {
    /// A client that has sent nothing yet.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let mut client_challenge = [0; 8];
        client_challenge.copy_from_slice(&options.random[16..24]);
        let mut exported_session_key = [0; 16];
        exported_session_key.copy_from_slice(&options.random[24..40]);
        let credentials = Credentials {
            user: options.user.clone(),
            domain: options.domain.clone(),
            workstation: String::new(),
            nt_hash: nt_hash(&options.password),
        };
        let randomness = Randomness { client_challenge, exported_session_key };
        Client {
            initiator: Initiator::new(credentials, randomness, InitiatorOptions::default()),
            options,
            preauth: PreauthHash::new(),
            preauth_negotiated: PreauthHash::new(),
            dialect: Dialect::SMB_2_0_2,
            signing: SigningAlgorithm::HmacSha256,
            cipher: None,
            next_message: 0,
            credits: 1,
            session: SessionId::NONE,
            keys: None,
            public_keys: None,
            encrypt: false,
            verify: true,
            posix: false,
            dfs_trees: Vec::new(),
            max_read_bytes: 65_536,
            max_write_bytes: 65_536,
        }
    }

    /// One more session on the same connection, for somebody else: it goes on with what was negotiated and with the credits. This
    /// one has none meanwhile.
    #[must_use]
    pub fn another_session(&mut self, user: &str, password: &str) -> Self {
        let options =
            ClientOptions { user: user.to_owned(), password: password.to_owned(), ..self.options.clone() };
        Client {
            preauth: self.preauth_negotiated,
            preauth_negotiated: self.preauth_negotiated,
            dialect: self.dialect,
            signing: self.signing,
            cipher: self.cipher,
            next_message: self.next_message,
            credits: std::mem::take(&mut self.credits),
            max_read_bytes: self.max_read_bytes,
            max_write_bytes: self.max_write_bytes,
            ..Client::new(options)
        }
    }

    /// After an anonymous logon: protects what is sent with keys that everybody knows ([MS-NLMP] 3.2.5.1.2).
    pub fn protect_anonymously(&mut self) {
        if let Some(keys) = self.public_keys.take() {
            self.keys = Some(keys);
            self.encrypt = matches!(self.options.protection, Protection::Sealed(_));
        }
    }

    /// The dialect negotiated.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Credits in hand.
    #[must_use]
    pub fn credits(&self) -> u32 {
        self.credits
    }

    /// The algorithm that signs.
    #[must_use]
    pub fn signing(&self) -> SigningAlgorithm {
        self.signing
    }

    /// Takes replies after the logon without computing their signatures, for measurements in which the client shall cost
    /// little. Sealed replies are opened, and so verified, all the same.
    pub fn trust_signatures(&mut self) {
        self.verify = false;
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    fn guid(&self) -> Guid {
        self.options.random.first_chunk::<16>().map_or(Guid::ZERO, |bytes| Guid(*bytes))
    }

    /// NEGOTIATE will offer the SMB3 POSIX Extensions.
    pub fn offer_posix(&mut self) {
        self.posix = true;
    }

    /// The NEGOTIATE request.
    pub fn negotiate(&mut self) -> Vec<u8> {
        let hashes = [HashAlgorithm::SHA_512];
        let salt = self.options.random;
        let ciphers: Vec<wire::Cipher> = match self.options.protection {
            Protection::Sealed(cipher) => vec![wire::Cipher(cipher.to_wire())],
            Protection::Clear | Protection::Signed => {
                vec![wire::Cipher::AES_128_GCM, wire::Cipher::AES_128_CCM]
            }
        };
        let algorithms: Vec<wire::SigningAlgorithm> =
            self.options.signing.iter().map(|each| wire::SigningAlgorithm(each.to_wire())).collect();
        let posix = [POSIX_TAG.0];
        let contexts = [
            NegotiateContext::PreauthIntegrity { hash_algorithms: List::from(&hashes), salt: &salt },
            NegotiateContext::Encryption { ciphers: List::from(ciphers.as_slice()) },
            NegotiateContext::Signing { algorithms: List::from(algorithms.as_slice()) },
            NegotiateContext::PosixExtensions { tags: &posix },
        ];
        let contexts = if self.posix { contexts.as_slice() } else { contexts.get(..3).unwrap_or_default() };
        let dialects = self.options.dialects.clone();
        let request = NegotiateRequest {
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::LARGE_MTU
                | Capabilities::ENCRYPTION
                | Capabilities::LEASING
                | Capabilities::DIRECTORY_LEASING
                | Capabilities::PERSISTENT_HANDLES,
            client_guid: self.guid(),
            dialects: List::from(dialects.as_slice()),
            contexts: NegotiateContexts::from(contexts),
        };
        let (packet, _) = self.request(Command::NEGOTIATE, TreeId::NONE, &request, 0);
        self.preauth.update(&packet);
        packet
    }

    /// Takes in the reply to NEGOTIATE.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn on_negotiate(&mut self, packet: &mut [u8]) -> Result<(), ClientError> {
        self.preauth.update(packet);
        let reply = self.one(packet)?;
        let response: NegotiateResponse<'_> = reply.body()?;
        if !self.options.dialects.contains(&response.dialect) {
            return Err(ClientError::Negotiation);
        }
        self.dialect = response.dialect;
        self.max_read_bytes = response.max_read_size;
        self.max_write_bytes = response.max_write_size;
        self.signing =
            if self.dialect.is_3x() { SigningAlgorithm::AesCmac } else { SigningAlgorithm::HmacSha256 };
        if response.capabilities.contains(Capabilities::ENCRYPTION) {
            self.cipher = Some(Cipher::Aes128Ccm);
        }
        for context in response.contexts.iter() {
            match context? {
                NegotiateContext::Encryption { ciphers } => {
                    self.cipher = ciphers.iter().find_map(|cipher| Cipher::from_wire(cipher.0));
                }
                NegotiateContext::Signing { algorithms } => {
                    let chosen = algorithms.iter().find_map(|each| SigningAlgorithm::from_wire(each.0));
                    self.signing = chosen.ok_or(ClientError::Negotiation)?;
                }
                _ => {}
            }
        }
        self.preauth_negotiated = self.preauth;
        Ok(())
    }

    /// The first SESSION_SETUP request.
    pub fn session_setup(&mut self) -> Vec<u8> {
        let token = self.initiator.start();
        self.session_setup_with(&token)
    }

    fn session_setup_with(&mut self, token: &[u8]) -> Vec<u8> {
        let request = SessionSetupRequest {
            flags: SessionSetupFlags::empty(),
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::empty(),
            previous_session_id: SessionId::NONE,
            security_buffer: token,
        };
        let (packet, _) = self.request(Command::SESSION_SETUP, TreeId::NONE, &request, 0);
        self.preauth.update(&packet);
        packet
    }

    /// Takes in a reply to SESSION_SETUP; `Some` is the next request, `None`: logged on.
    ///
    /// # Errors
    /// [`ClientError::Status`] when the server refuses the logon.
    pub fn on_session_setup(&mut self, packet: &mut [u8]) -> Result<Option<Vec<u8>>, ClientError> {
        let reply = self.one(packet)?;
        self.session = reply.header.session_id;
        if reply.header.status == NtStatus::MORE_PROCESSING_REQUIRED {
            self.preauth.update(packet);
            let response = SessionSetupResponse::decode(&reply.message)?;
            let token = self.initiator.step(response.security_buffer)?;
            return Ok(Some(self.session_setup_with(&token)));
        }
        let response: SessionSetupResponse<'_> = reply.body()?;
        self.initiator.finish(response.security_buffer)?;
        let flags = response.session_flags;
        if flags.intersects(SessionFlags::IS_GUEST | SessionFlags::IS_NULL) {
            self.keys = Some(Keys { signing: None, seal: None, open: None });
            if flags.contains(SessionFlags::IS_NULL) {
                let (signing, keys) = self.derive()?;
                self.public_keys = Some(self.sealing(signing, &keys)?);
            }
            return Ok(None);
        }
        let (signing, keys) = self.derive()?;
        if reply.header.flags.contains(HeaderFlags::SIGNED) {
            signing.verify(packet, Sender::Server)?;
        } else if self.dialect == Dialect::SMB_3_1_1 {
            return Err(ClientError::Crypto(CryptoError::BadSignature));
        }
        self.keys = Some(self.sealing(signing, &keys)?);
        self.encrypt = matches!(self.options.protection, Protection::Sealed(_))
            || flags.contains(SessionFlags::ENCRYPT_DATA);
        Ok(None)
    }

    /// [MS-SMB2] 3.1.4.2: the keys of a logon.
    fn derive(&self) -> Result<(SigningKey, SessionKeys), ClientError> {
        let session_key = self.initiator.session_key().ok_or(ClientError::Unexpected)?;
        let context = match self.dialect {
            Dialect::SMB_3_1_1 => KeyContext::Smb311(&self.preauth),
            dialect if dialect.is_3x() => KeyContext::Smb30,
            _ => KeyContext::Smb2,
        };
        let keys = SessionKeys::derive(context, &session_key, self.cipher)?;
        Ok((SigningKey::new(self.signing, &keys.signing)?, keys))
    }

    fn sealing(&self, signing: SigningKey, keys: &SessionKeys) -> Result<Keys, ClientError> {
        // Named from the server's side: what it encrypts with, this client opens with.
        let salt = self.options.random.first_chunk::<4>().copied().unwrap_or_default();
        Ok(Keys {
            signing: Some(signing),
            seal: keys.decryption.as_ref().map(|key| SealKey::new(key, salt)).transpose()?,
            open: keys.encryption.as_ref().map(OpenKey::new).transpose()?,
        })
    }

    /// A TREE_CONNECT request for `\\server\share`.
    pub fn tree_connect(&mut self, server: &str, share: &str) -> Vec<u8> {
        let path = Utf16Buf::from(format!("\\\\{server}\\{share}").as_str());
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: path.as_utf16(),
            contexts: TreeConnectContexts::EMPTY,
        };
        self.request(Command::TREE_CONNECT, TreeId::NONE, &request, 0).0
    }

    /// The tree connect is to a DFS share (SMB2_SHARE_CAP_DFS): from now on names of requests on it are
    /// `server\share\path` ([MS-SMB2] 3.2.4.3).
    pub fn resolve_names_by_dfs(&mut self, tree: TreeId) {
        self.dfs_trees.push(tree);
    }

    /// One request, protected, ready for the transport (without its 4-byte header), and its message id. `payload_bytes`
    /// is the larger of what it sends and what it expects back.
    pub fn request(
        &mut self,
        command: Command,
        tree: TreeId,
        body: &impl Encode,
        payload_bytes: u32,
    ) -> (Vec<u8>, MessageId) {
        let mut packet = Vec::with_capacity(256);
        let id = self.append(&mut packet, command, tree, body, payload_bytes, false);
        (self.protect(packet), id)
    }

    /// Starts a compound: add requests with [`Client::append`], then [`Client::protect`] it. Sign nothing in between.
    #[must_use]
    pub fn compound(&self) -> Vec<u8> {
        Vec::with_capacity(512)
    }

    /// Appends a request to a compound; `related` makes it use the session, tree and file of the one before.
    pub fn append(
        &mut self,
        packet: &mut Vec<u8>,
        command: Command,
        tree: TreeId,
        body: &impl Encode,
        payload_bytes: u32,
        related: bool,
    ) -> MessageId {
        let start = PacketStart { transport: 0, message: 0 };
        self.add(packet, start, command, tree, body, payload_bytes, related)
    }

    /// Starts a packet at the end of `output`, with room for what stands in front of it: fill it with [`Client::add`], then
    /// [`Client::finish`] it. Several packets may follow each other in one buffer.
    #[must_use]
    pub fn begin(&self, output: &mut Vec<u8>) -> PacketStart {
        let transport = output.len();
        let room = if self.seals() { TransformHeader::SIZE } else { 0 };
        let message = transport + TRANSPORT_HEADER_SIZE + room;
        output.resize(message, 0);
        PacketStart { transport, message }
    }

    /// Appends a request to the packet that `start` begins; as [`Client::append`].
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one request")]
    pub fn add(
        &mut self,
        output: &mut Vec<u8>,
        start: PacketStart,
        command: Command,
        tree: TreeId,
        body: &impl Encode,
        payload_bytes: u32,
        related: bool,
    ) -> MessageId {
        let multi_credit = self.dialect > Dialect::SMB_2_0_2;
        let charge = CreditCharge::for_length(payload_bytes);
        let id = MessageId(self.next_message);
        self.next_message += u64::from(charge.message_ids());
        self.credits = self.credits.saturating_sub(u32::from(charge.message_ids()));
        let length = (output.len() - start.message).next_multiple_of(8);
        output.resize(start.message + length, 0);
        let packet = &mut output[start.message..];
        if length != 0 {
            // NextCommand of the request before.
            let mut previous = 0;
            while let Some(next) = next_command(packet, previous) {
                previous += next;
            }
            let next = u32::try_from(length - previous).unwrap_or(u32::MAX);
            let at = previous + Smb2Header::NEXT_COMMAND_OFFSET;
            packet[at..at + 4].copy_from_slice(&next.to_le_bytes());
        }
        let mut flags = HeaderFlags::empty();
        flags.set(HeaderFlags::RELATED_OPERATIONS, related);
        flags.set(HeaderFlags::DFS_OPERATIONS, self.dfs_trees.contains(&tree));
        let header = Smb2Header {
            credit_charge: if multi_credit { charge } else { CreditCharge(0) },
            command,
            credits: CREDITS_WANTED,
            flags,
            message_id: id,
            id: HeaderId::Sync { process_id: 0xFEFF, tree_id: tree },
            session_id: self.session,
            ..Smb2Header::default()
        };
        output.extend_from_slice(&header.encode());
        let mut writer = Writer::from_vec(std::mem::take(output));
        body.encode(&mut writer);
        *output = writer.into_bytes();
        id
    }

    /// Signs or seals the packet that `start` begins, where it is, and writes the transport's header.
    ///
    /// # Errors
    /// [`ClientError::Crypto`]; [`ClientError::Unexpected`] for a packet longer than the transport can carry.
    pub fn finish(&self, output: &mut [u8], start: PacketStart) -> Result<(), ClientError> {
        let (head, packet) = output.split_at_mut(start.message);
        match head[start.transport..].split_last_chunk_mut::<{ TransformHeader::SIZE }>() {
            Some((_, header)) => self.seal(header, packet)?,
            None => self.sign(packet)?,
        }
        let length = output.len() - start.transport - TRANSPORT_HEADER_SIZE;
        let length = u32::try_from(length).ok().filter(|length| *length < 1 << 24);
        let length = length.ok_or(ClientError::Unexpected)?.to_be_bytes();
        output[start.transport..start.transport + TRANSPORT_HEADER_SIZE].copy_from_slice(&length);
        Ok(())
    }

    /// Signs or seals a packet as the session's protection says.
    #[must_use]
    pub fn protect(&self, mut packet: Vec<u8>) -> Vec<u8> {
        // A packet that cannot be protected is refused by the server, which is what shall be seen.
        if !self.seals() {
            let _ = self.sign(&mut packet);
            return packet;
        }
        let mut header = [0; TransformHeader::SIZE];
        if self.seal(&mut header, &mut packet).is_err() {
            return Vec::new();
        }
        packet.splice(..0, header);
        packet
    }

    /// Whether what is sent now is sealed.
    fn seals(&self) -> bool {
        self.encrypt && self.keys.as_ref().is_some_and(|keys| keys.seal.is_some())
    }

    fn seal(&self, bytes: &mut [u8; TransformHeader::SIZE], packet: &mut [u8]) -> Result<(), ClientError> {
        let key = self.keys.as_ref().and_then(|keys| keys.seal.as_ref()).ok_or(ClientError::Unexpected)?;
        *bytes = TransformHeader {
            original_message_size: u32::try_from(packet.len()).unwrap_or(u32::MAX),
            flags: TransformHeader::ENCRYPTED,
            session_id: self.session,
            ..TransformHeader::default()
        }
        .encode();
        Ok(key.seal(bytes, packet)?)
    }

    /// Signs every message of a packet that is to be signed. [MS-SMB2] 3.2.4.1.1: a TREE_CONNECT of 3.1.1 always is.
    fn sign(&self, packet: &mut [u8]) -> Result<(), ClientError> {
        let Some(key) = self.keys.as_ref().and_then(|keys| keys.signing.as_ref()) else { return Ok(()) };
        let mut start = 0;
        while start < packet.len() {
            let end = next_command(packet, start).map_or(packet.len(), |next| start + next);
            let message = &mut packet[start..end];
            let tree_connect = self.dialect == Dialect::SMB_3_1_1
                && message[COMMAND_OFFSET..].starts_with(&Command::TREE_CONNECT.0.to_le_bytes());
            if self.options.protection == Protection::Signed || tree_connect {
                message[Smb2Header::FLAGS_OFFSET] |= 0x08;
                key.sign(message, Sender::Client)?;
            }
            start = end;
        }
        Ok(())
    }

    /// Opens and checks a received packet and counts its credits.
    ///
    /// # Errors
    /// [`ClientError`] when it cannot be read, or is not protected as the session demands.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Vec<Reply>, ClientError> {
        let mut replies = Vec::new();
        for element in self.receive(packet)? {
            let element = element?;
            replies.push(Reply { header: element.header, message: element.message.to_vec() });
        }
        Ok(replies)
    }

    /// As [`Client::open`], the messages where they are.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub fn receive<'p>(&mut self, packet: &'p mut [u8]) -> Result<Compound<'p>, ClientError> {
        let mut sealed = false;
        let mut clear: &mut [u8] = packet;
        if clear.starts_with(&TransformHeader::PROTOCOL_ID) {
            let (header, body) =
                clear.split_at_mut_checked(TransformHeader::SIZE).ok_or(ClientError::Unexpected)?;
            let key =
                self.keys.as_ref().and_then(|keys| keys.open.as_ref()).ok_or(ClientError::Unexpected)?;
            let header = header.first_chunk::<{ TransformHeader::SIZE }>().ok_or(ClientError::Unexpected)?;
            key.open(header, body)?;
            clear = body;
            sealed = true;
        }
        let mut at = 0;
        loop {
            let header = Smb2Header::decode(&clear[at..])?;
            let next = header.next_command as usize;
            let end = if next == 0 { clear.len() } else { at + next };
            let message = clear.get_mut(at..end).ok_or(ClientError::Unexpected)?;
            self.credits = self.credits.saturating_add(u32::from(header.credits));
            let exempt = header.status == NtStatus::PENDING
                || header.message_id == MessageId::UNSOLICITED
                || matches!(header.command, Command::NEGOTIATE | Command::SESSION_SETUP);
            if !sealed && !exempt {
                let key = self.keys.as_ref().and_then(|keys| keys.signing.as_ref());
                if header.flags.contains(HeaderFlags::SIGNED) {
                    let key = key.ok_or(ClientError::Unexpected)?;
                    if self.verify {
                        key.verify(message, Sender::Server)?;
                    }
                } else if self.encrypt || self.options.protection == Protection::Signed && key.is_some() {
                    return Err(ClientError::Crypto(CryptoError::BadSignature));
                }
            }
            if next == 0 {
                return Ok(Compound::new(clear));
            }
            at = end;
        }
    }

    fn one(&mut self, packet: &mut [u8]) -> Result<Reply, ClientError> {
        self.open(packet)?.pop().ok_or(ClientError::Unexpected)
    }
}

/// NextCommand of the message at `start`, when it is not zero.
fn next_command(packet: &[u8], start: usize) -> Option<usize> {
    let at = start + Smb2Header::NEXT_COMMAND_OFFSET;
    let bytes = packet.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes) as usize).filter(|next| *next != 0)
}
