//! [MS-SMB2] 2.2.1 SMB2 Packet Header, and the walk over the elements of a compound.

use freehold_dtyp::{DecodeError, DecodeReason, NtStatus};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::types::{AsyncId, CreditCharge, MessageId, SessionId, TreeId, open_flags, open_number};

open_number! {
    /// Command of [MS-SMB2] 2.2.1.
    Command(u16) {
        /// SMB2 NEGOTIATE
        NEGOTIATE = 0x0000;
        /// SMB2 SESSION_SETUP
        SESSION_SETUP = 0x0001;
        /// SMB2 LOGOFF
        LOGOFF = 0x0002;
        /// SMB2 TREE_CONNECT
        TREE_CONNECT = 0x0003;
        /// SMB2 TREE_DISCONNECT
        TREE_DISCONNECT = 0x0004;
        /// SMB2 CREATE
        CREATE = 0x0005;
        /// SMB2 CLOSE
        CLOSE = 0x0006;
        /// SMB2 FLUSH
        FLUSH = 0x0007;
        /// SMB2 READ
        READ = 0x0008;
        /// SMB2 WRITE
        WRITE = 0x0009;
        /// SMB2 LOCK
        LOCK = 0x000A;
        /// SMB2 IOCTL
        IOCTL = 0x000B;
        /// SMB2 CANCEL
        CANCEL = 0x000C;
        /// SMB2 ECHO
        ECHO = 0x000D;
        /// SMB2 QUERY_DIRECTORY
        QUERY_DIRECTORY = 0x000E;
        /// SMB2 CHANGE_NOTIFY
        CHANGE_NOTIFY = 0x000F;
        /// SMB2 QUERY_INFO
        QUERY_INFO = 0x0010;
        /// SMB2 SET_INFO
        SET_INFO = 0x0011;
        /// SMB2 OPLOCK_BREAK
        OPLOCK_BREAK = 0x0012;
        /// SMB2 SERVER_TO_CLIENT_NOTIFICATION
        SERVER_TO_CLIENT_NOTIFICATION = 0x0013;
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.1.
    HeaderFlags(u32) {
        /// SMB2_FLAGS_SERVER_TO_REDIR: a response.
        SERVER_TO_REDIR = 0x0000_0001;
        /// SMB2_FLAGS_ASYNC_COMMAND: the header holds an AsyncId instead of a TreeId.
        ASYNC_COMMAND = 0x0000_0002;
        /// SMB2_FLAGS_RELATED_OPERATIONS: uses what the element before it opened.
        RELATED_OPERATIONS = 0x0000_0004;
        /// SMB2_FLAGS_SIGNED
        SIGNED = 0x0000_0008;
        /// SMB2_FLAGS_PRIORITY_MASK: three bits, 3.1.1 only.
        PRIORITY_MASK = 0x0000_0070;
        /// SMB2_FLAGS_DFS_OPERATIONS
        DFS_OPERATIONS = 0x1000_0000;
        /// SMB2_FLAGS_REPLAY_OPERATION
        REPLAY_OPERATION = 0x2000_0000;
    }
}

/// What the first four bytes of a packet say that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolId {
    /// 0xFF 'S' 'M' 'B': an SMB1 message; see `smb1_negotiate`.
    Smb1,
    /// 0xFE 'S' 'M' 'B': one or more SMB2 messages.
    Smb2,
    /// 0xFD 'S' 'M' 'B': [MS-SMB2] 2.2.41 SMB2 TRANSFORM_HEADER.
    Transform,
    /// 0xFC 'S' 'M' 'B': [MS-SMB2] 2.2.42 SMB2 COMPRESSION_TRANSFORM_HEADER.
    Compression,
}

impl ProtocolId {
    /// By the first four bytes; `None` for anything else and for less than four.
    #[inline]
    #[must_use]
    pub fn of(packet: &[u8]) -> Option<Self> {
        match *packet.first_chunk::<4>()? {
            [0xFE, b'S', b'M', b'B'] => Some(ProtocolId::Smb2),
            [0xFD, b'S', b'M', b'B'] => Some(ProtocolId::Transform),
            [0xFC, b'S', b'M', b'B'] => Some(ProtocolId::Compression),
            [0xFF, b'S', b'M', b'B'] => Some(ProtocolId::Smb1),
            _ => None,
        }
    }
}

/// The eight bytes that are a tree or, in an asynchronous message, an AsyncId.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderId {
    /// [MS-SMB2] 2.2.1.2 SMB2 Packet Header - SYNC.
    Sync {
        /// Reserved in the specification; clients put a process id here. Zero in responses, except where echoed.
        process_id: u32,
        /// The tree connect.
        tree_id: TreeId,
    },
    /// [MS-SMB2] 2.2.1.1 SMB2 Packet Header - ASYNC.
    Async(AsyncId),
}

/// [MS-SMB2] 2.2.1 SMB2 Packet Header, both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smb2Header {
    /// Credits that this request consumes.
    pub credit_charge: CreditCharge,
    /// In a response the status; in a request of a 3.x dialect its low half is the ChannelSequence, see
    /// [`Smb2Header::channel_sequence`].
    pub status: NtStatus,
    /// The command.
    pub command: Command,
    /// CreditRequest in a request, CreditResponse in a response.
    pub credits: u16,
    /// Flags. Whether [`Smb2Header::id`] is asynchronous decides the ASYNC_COMMAND bit on encoding.
    pub flags: HeaderFlags,
    /// Bytes from this header to that of the next element of the compound; zero in the last.
    pub next_command: u32,
    /// Number of the request.
    pub message_id: MessageId,
    /// Tree connect or AsyncId.
    pub id: HeaderId,
    /// The session.
    pub session_id: SessionId,
    /// Signature, zero when not signed.
    pub signature: [u8; 16],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireHeader {
    protocol_id: [u8; 4],
    structure_size: U16,
    credit_charge: U16,
    status: U32,
    command: U16,
    credits: U16,
    flags: U32,
    next_command: U32,
    message_id: U64,
    id: [U32; 2],
    session_id: U64,
    signature: [u8; 16],
}

impl Default for Smb2Header {
    fn default() -> Self {
        Smb2Header {
            credit_charge: CreditCharge(0),
            status: NtStatus::SUCCESS,
            command: Command::NEGOTIATE,
            credits: 0,
            flags: HeaderFlags::empty(),
            next_command: 0,
            message_id: MessageId(0),
            id: HeaderId::Sync { process_id: 0, tree_id: TreeId::NONE },
            session_id: SessionId::NONE,
            signature: [0; 16],
        }
    }
}

impl Smb2Header {
    /// Bytes of a header; also its StructureSize.
    pub const SIZE: usize = 64;
    /// Where the status stands.
    pub const STATUS_OFFSET: usize = 8;
    /// Where the credits stand.
    pub const CREDITS_OFFSET: usize = 14;
    /// Where the flags stand.
    pub const FLAGS_OFFSET: usize = 16;
    /// Where NextCommand stands.
    pub const NEXT_COMMAND_OFFSET: usize = 20;
    /// Where the MessageId stands.
    pub const MESSAGE_ID_OFFSET: usize = 24;
    /// Where the SessionId stands.
    pub const SESSION_ID_OFFSET: usize = 40;
    /// Where the signature stands; 16 bytes up to the header's end.
    pub const SIGNATURE_OFFSET: usize = 48;
    /// The first four bytes.
    pub const PROTOCOL_ID: [u8; 4] = [0xFE, b'S', b'M', b'B'];

    /// Reads the header at the start of `bytes` and ignores what follows.
    ///
    /// # Errors
    /// `Truncated` below 64 bytes; `Invalid` for another ProtocolId or StructureSize.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Ok((wire, _)) = WireHeader::ref_from_prefix(bytes) else {
            return Err(DecodeError { field: "Header", reason: DecodeReason::Truncated, offset: 0 });
        };
        if wire.protocol_id != Self::PROTOCOL_ID {
            return Err(DecodeError { field: "ProtocolId", reason: DecodeReason::Invalid, offset: 0 });
        }
        if usize::from(wire.structure_size.get()) != Self::SIZE {
            return Err(DecodeError { field: "StructureSize", reason: DecodeReason::Invalid, offset: 4 });
        }
        let flags = HeaderFlags::from(wire.flags.get());
        let [low, high] = wire.id;
        let id = if flags.contains(HeaderFlags::ASYNC_COMMAND) {
            HeaderId::Async(AsyncId(u64::from(high.get()) << 32 | u64::from(low.get())))
        } else {
            HeaderId::Sync { process_id: low.get(), tree_id: TreeId(high.get()) }
        };
        Ok(Smb2Header {
            credit_charge: CreditCharge(wire.credit_charge.get()),
            status: NtStatus(wire.status.get()),
            command: Command(wire.command.get()),
            credits: wire.credits.get(),
            flags,
            next_command: wire.next_command.get(),
            message_id: MessageId(wire.message_id.get()),
            id,
            session_id: SessionId(wire.session_id.get()),
            signature: wire.signature,
        })
    }

    /// The 64 bytes of the header.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut flags = self.flags;
        let id = match self.id {
            HeaderId::Sync { process_id, tree_id } => {
                flags.remove(HeaderFlags::ASYNC_COMMAND);
                [U32::new(process_id), U32::new(tree_id.0)]
            }
            HeaderId::Async(AsyncId(id)) => {
                flags.insert(HeaderFlags::ASYNC_COMMAND);
                let [b0, b1, b2, b3, b4, b5, b6, b7] = id.to_le_bytes();
                [U32::from_bytes([b0, b1, b2, b3]), U32::from_bytes([b4, b5, b6, b7])]
            }
        };
        let wire = WireHeader {
            protocol_id: Self::PROTOCOL_ID,
            structure_size: U16::new(64),
            credit_charge: U16::new(self.credit_charge.0),
            status: U32::new(self.status.0),
            command: U16::new(self.command.0),
            credits: U16::new(self.credits),
            flags: U32::new(flags.bits()),
            next_command: U32::new(self.next_command),
            message_id: U64::new(self.message_id.0),
            id,
            session_id: U64::new(self.session_id.0),
            signature: self.signature,
        };
        zerocopy::transmute!(wire)
    }

    /// ChannelSequence of a request (dialects 3.x): the low half of the status field.
    #[inline]
    #[must_use]
    pub const fn channel_sequence(&self) -> u16 {
        let [low, high, _, _] = self.status.0.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// TreeId; `None` in an asynchronous header.
    #[inline]
    #[must_use]
    pub const fn tree_id(&self) -> Option<TreeId> {
        match self.id {
            HeaderId::Sync { tree_id, .. } => Some(tree_id),
            HeaderId::Async(_) => None,
        }
    }

    /// AsyncId; `None` in a synchronous header.
    #[inline]
    #[must_use]
    pub const fn async_id(&self) -> Option<AsyncId> {
        match self.id {
            HeaderId::Sync { .. } => None,
            HeaderId::Async(async_id) => Some(async_id),
        }
    }

    /// True when SERVER_TO_REDIR is set.
    #[inline]
    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.flags.contains(HeaderFlags::SERVER_TO_REDIR)
    }
}

/// One message of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its header.
    pub header: Smb2Header,
    /// Where it starts in the packet.
    pub packet_offset: usize,
    /// From its header to the next one's (padding included): what a body decoder wants.
    pub message: &'a [u8],
}

/// [MS-SMB2] 2.2.1 and 3.3.5.2.7: the messages of a packet, by NextCommand. Stops after the first error.
///
/// A NextCommand that is not a multiple of 8, is below the header's size or points past the end is an error
/// of the element that holds it.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    packet: &'a [u8],
    next: Option<usize>,
}

impl<'a> Compound<'a> {
    /// The messages of `packet`, which starts with an SMB2 header.
    #[must_use]
    pub const fn new(packet: &'a [u8]) -> Self {
        Compound { packet, next: Some(0) }
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Element<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let packet_offset = self.next.take()?;
        let rest = self.packet.get(packet_offset..)?;
        let at =
            |error: DecodeError| DecodeError { offset: error.offset.saturating_add(packet_offset), ..error };
        let header = match Smb2Header::decode(rest) {
            Ok(header) => header,
            Err(error) => return Some(Err(at(error))),
        };
        if header.next_command == 0 {
            return Some(Ok(Element { header, packet_offset, message: rest }));
        }
        let length = usize::try_from(header.next_command).unwrap_or(usize::MAX);
        let wrong = |reason| {
            Some(Err(at(DecodeError {
                field: "NextCommand",
                reason,
                offset: Smb2Header::NEXT_COMMAND_OFFSET,
            })))
        };
        if length < Smb2Header::SIZE || !length.is_multiple_of(8) {
            return wrong(DecodeReason::Invalid);
        }
        match rest.split_at_checked(length) {
            Some((message, _)) => {
                self.next = packet_offset.checked_add(length);
                Some(Ok(Element { header, packet_offset, message }))
            }
            None => wrong(DecodeReason::OutOfBounds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Smb2Header> {
        let first = (any::<u16>(), any::<u32>(), any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>());
        let second = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<[u8; 16]>());
        (first, second).prop_map(
            |(
                (charge, status, command, credits, flags, next_command),
                (message_id, low, high, session_id, signature),
            )| {
                let flags = HeaderFlags::from(flags);
                let id = if flags.contains(HeaderFlags::ASYNC_COMMAND) {
                    HeaderId::Async(AsyncId(u64::from(high) << 32 | u64::from(low)))
                } else {
                    HeaderId::Sync { process_id: low, tree_id: TreeId(high) }
                };
                Smb2Header {
                    credit_charge: CreditCharge(charge),
                    status: NtStatus(status),
                    command: Command(command),
                    credits,
                    flags,
                    next_command,
                    message_id: MessageId(message_id),
                    id,
                    session_id: SessionId(session_id),
                    signature,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn headers_round_trip(header in any_header()) {
            let bytes = header.encode();
            prop_assert_eq!(Smb2Header::decode(&bytes), Ok(header));
            prop_assert_eq!(&bytes[Smb2Header::SIGNATURE_OFFSET..], &header.signature[..]);
            prop_assert_eq!(&bytes[Smb2Header::CREDITS_OFFSET..Smb2Header::FLAGS_OFFSET], &header.credits.to_le_bytes()[..]);
        }

        #[test]
        fn compounds_of_any_bytes_end(mut packet in proptest::collection::vec(any::<u8>(), 0..600), steps in proptest::collection::vec((0..9_usize, 0..16_u8), 0..8)) {
            for (slot, next) in steps {
                if let Some(place) = packet.get_mut(slot * 64..).and_then(|rest| rest.first_chunk_mut::<64>()) {
                    *place = Smb2Header { next_command: u32::from(next) * 32, ..Smb2Header::default() }.encode();
                }
            }
            let elements: Vec<_> = Compound::new(&packet).collect();
            prop_assert!(elements.len() <= packet.len() / 64 + 1);
            for element in elements.into_iter().flatten() {
                prop_assert!(element.message.len() >= 64);
                prop_assert_eq!(&packet[element.packet_offset..][..element.message.len()], element.message);
            }
        }
    }

    /// The NEGOTIATE request's header of [MS-SMB2] 4.1.
    #[test]
    fn the_header_of_a_negotiate_request() {
        let bytes = crate::smb2::testing::hex(
            "fe534d42 4000 0000 00000000 0000 0100 00000000 00000000 0000000000000000 fffe0000 00000000
             0000000000000000 00000000000000000000000000000000",
        );
        let header = Smb2Header {
            credits: 1,
            id: HeaderId::Sync { process_id: 0xFEFF, tree_id: TreeId(0) },
            ..Smb2Header::default()
        };
        assert_eq!(Smb2Header::decode(&bytes), Ok(header));
        assert_eq!(header.encode()[..], bytes[..]);
    }

    #[test]
    fn compound_elements_are_cut_at_next_command() {
        let mut packet = Smb2Header { next_command: 72, ..Smb2Header::default() }.encode().to_vec();
        packet.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(&Smb2Header { command: Command::ECHO, ..Smb2Header::default() }.encode());
        packet.extend_from_slice(&[4, 0, 0, 0]);
        let elements: Vec<_> = Compound::new(&packet).collect::<Result<_, _>>().expect("two elements");
        let places: Vec<_> =
            elements.iter().map(|e| (e.header.command, e.packet_offset, e.message.len())).collect();
        assert_eq!(places, [(Command::NEGOTIATE, 0, 72), (Command::ECHO, 72, 68)]);
    }

    #[test]
    fn next_command_must_be_aligned_and_inside() {
        for (next_command, reason) in
            [(8, DecodeReason::Invalid), (68, DecodeReason::Invalid), (136, DecodeReason::OutOfBounds)]
        {
            let mut packet = Smb2Header { next_command, ..Smb2Header::default() }.encode().to_vec();
            packet.resize(128, 0);
            let error = DecodeError { field: "NextCommand", reason, offset: 20 };
            assert_eq!(Compound::new(&packet).collect::<Vec<_>>(), [Err(error)]);
        }
    }

    #[test]
    fn the_protocol_id_decides_what_follows() {
        assert_eq!(ProtocolId::of(b"\xFESMB..."), Some(ProtocolId::Smb2));
        assert_eq!(ProtocolId::of(b"\xFFSMB"), Some(ProtocolId::Smb1));
        assert_eq!(ProtocolId::of(b"\xFBSMB"), None);
        assert_eq!(ProtocolId::of(b"\xFES"), None);
    }
}
