//! Admission of a received message ([MS-SMB2] 3.3.5.2), in the order of the section: transform, header, message id
//! window, signature, credit charge, compound relation. Session and tree connect are looked up when the request's turn
//! comes, because an earlier request of its compound may make them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use freehold_dtyp::NtStatus;
use smallvec::SmallVec;

use super::buffer::TRANSFORM_HEADER_BYTES;
use super::credits::CreditWindow;
use super::dispatch;
use super::limits::{BYTES_PER_CREDIT, MAX_COMPOUND_REQUESTS, MAX_SINGLE_CREDIT_BYTES};
use super::link::Link;
use crate::crypto::Sender;
use crate::smb2::{Command, HeaderFlags, SessionId, Smb2Header};

/// Why a connection is dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnect {
    /// Not SMB, SMB1 after its NEGOTIATE, or a header that cannot be.
    #[error("not an SMB2 message")]
    NotSmb2,
    /// A message id that was not granted, or was used before.
    #[error("a message id outside of the granted window")]
    MessageId,
    /// A sealed message that cannot be opened.
    #[error("a sealed message that cannot be opened")]
    Transform,
    /// A compound whose parts do not fit together.
    #[error("a malformed compound")]
    Compound,
    /// A second NEGOTIATE, or something else before the first.
    #[error("NEGOTIATE at the wrong time")]
    Negotiate,
    /// A TREE_CONNECT of 3.1.1 that is neither signed nor sealed: somebody in between may have made it.
    #[error("an unprotected TREE_CONNECT")]
    TreeConnect,
    /// VALIDATE_NEGOTIATE_INFO found that somebody changed the negotiation.
    #[error("the negotiation was tampered with")]
    ValidateNegotiate,
    /// A command that the protocol does not have.
    #[error("a command that does not exist")]
    Command,
    /// More waiting requests than a connection may have.
    #[error("too many requests at a time")]
    TooManyRequests,
    /// A message longer than allowed.
    #[error("a message that is too long")]
    TooLong,
}

/// One request of a frame, admitted.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its header.
    pub header: Smb2Header,
    /// Where it lies in the frame, from its header to the next one.
    pub range: Range<usize>,
    /// Its signature was checked and is right.
    pub signed: bool,
    /// Why it must be refused.
    pub refused: Option<NtStatus>,
    /// The client cancelled it before its turn came.
    pub cancelled: bool,
}

/// A frame whose requests may be carried out in turn.
#[derive(Debug)]
pub struct Admitted {
    /// The clear bytes.
    pub frame: Bytes,
    /// Its requests; at least one.
    pub elements: SmallVec<[Element; 1]>,
    /// The session whose key opened it.
    pub sealed_by: Option<SessionId>,
}

/// Opens a sealed frame in place and cuts the transform header off.
///
/// # Errors
/// [`Disconnect::Transform`] when there is no such session, or the frame was changed.
pub fn open_transform(link: &Link, frame: &mut BytesMut) -> Result<SessionId, Disconnect> {
    if frame.len() <= TRANSFORM_HEADER_BYTES {
        return Err(Disconnect::Transform);
    }
    let mut message = frame.split_off(TRANSFORM_HEADER_BYTES);
    let header = crate::smb2::transform::TransformHeader::decode(frame).map_err(|_| Disconnect::Transform)?;
    // 3.3.5.2.1.1: OriginalMessageSize must be the rest's, Flags (EncryptionAlgorithm in 3.0) must be 1.
    if usize::try_from(header.original_message_size) != Ok(message.len()) || header.flags != 1 {
        return Err(Disconnect::Transform);
    }
    let channel = link.channels.get(&header.session_id.0).ok_or(Disconnect::Transform)?;
    if link.constrained {
        // What an anonymous client seals counts only beside a user, as on Windows.
        return Err(Disconnect::Transform);
    }
    let keys = channel.session.sealing.as_ref().ok_or(Disconnect::Transform)?;
    let bytes = frame.first_chunk::<TRANSFORM_HEADER_BYTES>().ok_or(Disconnect::Transform)?;
    keys.open.open(bytes, &mut message).map_err(|_| Disconnect::Transform)?;
    *frame = message;
    Ok(header.session_id)
}

/// Splits a clear frame into its requests and checks what can be checked before their turn comes. CANCEL is returned
/// like the others, but uses no message id. Of a write whose data comes in pieces the frame is its head.
///
/// # Errors
/// [`Disconnect`]; message ids of a frame that is refused may have been used.
pub fn admit(
    link: &Link,
    window: &mut CreditWindow,
    mut frame: BytesMut,
    sealed_by: Option<SessionId>,
) -> Result<Admitted, Disconnect> {
    let mut elements = SmallVec::<[Element; 1]>::new();
    let mut start = 0usize;
    let mut session = SessionId::NONE;
    loop {
        let rest = frame.get_mut(start..).ok_or(Disconnect::Compound)?;
        let header = Smb2Header::decode(rest).map_err(|_| Disconnect::NotSmb2)?;
        if header.is_response() {
            return Err(Disconnect::NotSmb2);
        }
        let next = usize::try_from(header.next_command).map_err(|_| Disconnect::Compound)?;
        // 3.3.5.2.7: NextCommand is 8-byte aligned and leaves room for the next header.
        if next != 0 && (next % 8 != 0 || next < Smb2Header::SIZE || next >= rest.len()) {
            return Err(Disconnect::Compound);
        }
        let length = if next == 0 { rest.len() } else { next };
        let message = rest.get_mut(..length).ok_or(Disconnect::Compound)?;
        check_fit(link, &header, sealed_by, elements.is_empty(), length)?;
        if header.command != Command::CANCEL && !window.consume(header.message_id, message_ids(link, &header))
        {
            return Err(Disconnect::MessageId);
        }
        let related = header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        if !related || elements.is_empty() {
            session = header.session_id;
        }
        let (signed, mut refused) = check_signature(link, &header, session, message, sealed_by.is_some());
        if refused.is_none() {
            refused = check_charge(link, &header, message);
        }
        let end = start.saturating_add(length);
        elements.push(Element { header, range: start..end, signed, refused, cancelled: false });
        if elements.len() > MAX_COMPOUND_REQUESTS {
            return Err(Disconnect::Compound);
        }
        if next == 0 {
            break;
        }
        start = end;
    }
    Ok(Admitted { frame: frame.freeze(), elements, sealed_by })
}

/// True where operations may cost more than one credit (Connection.SupportsMultiCredit).
fn is_multi_credit(link: &Link) -> bool {
    link.negotiated.as_ref().is_some_and(|negotiated| negotiated.multi_credit)
}

/// 3.3.5.2.3: CreditCharge says how many message ids a request uses, where the dialect has it.
fn message_ids(link: &Link, header: &Smb2Header) -> u16 {
    if is_multi_credit(link) { header.credit_charge.message_ids() } else { 1 }
}

/// What ends a connection whatever else a request is: 3.3.5.2.1.1 (whose it is, when it is sealed), 3.3.5.2.2 (connection
/// state), 3.3.5.2.6 (its command) and 3.3.5.2 (its length).
// DIFFERS: an unknown command behind the first request of a compound is answered INVALID_PARAMETER, so that the requests
// before it are answered, too (smbtorture smb2.compound.invalid4).
fn check_fit(
    link: &Link,
    header: &Smb2Header,
    sealed_by: Option<SessionId>,
    is_first: bool,
    length_bytes: usize,
) -> Result<(), Disconnect> {
    let related = header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
    if let Some(session) = sealed_by
        && if related { is_first } else { header.session_id != session }
    {
        return Err(Disconnect::Transform);
    }
    if is_first && link.negotiated.is_none() && header.command != Command::NEGOTIATE {
        return Err(Disconnect::Negotiate);
    }
    if is_first && header.command > Command::SERVER_TO_CLIENT_NOTIFICATION {
        return Err(Disconnect::Command);
    }
    let may_be_long =
        is_multi_credit(link) && dispatch::row(header.command).is_some_and(|row| row.multi_credit);
    if length_bytes > MAX_SINGLE_CREDIT_BYTES && !may_be_long {
        return Err(Disconnect::TooLong);
    }
    Ok(())
}

/// 3.3.5.2.4 Verifying the Signature. Returns whether a signature was checked and found right, and why to refuse.
fn check_signature(
    link: &Link,
    header: &Smb2Header,
    session: SessionId,
    message: &mut [u8],
    sealed: bool,
) -> (bool, Option<NtStatus>) {
    let claims = header.flags.contains(HeaderFlags::SIGNED);
    if header.command == Command::NEGOTIATE {
        // A second one ends the connection, however it comes.
        let refused = claims && link.negotiated.is_none();
        return (false, refused.then_some(NtStatus::INVALID_PARAMETER));
    }
    if sealed {
        return (false, None);
    }
    let Some(channel) = link.channels.get(&session.0) else {
        // A logon under way has no key yet; what needs a session finds none when its turn comes.
        let lost = claims && (session == SessionId::NONE || header.command == Command::ECHO);
        return (false, lost.then_some(NtStatus::USER_SESSION_DELETED));
    };
    if claims {
        return match &channel.signing {
            Some(key) if key.verify(message, Sender::Client).is_ok() => (true, None),
            Some(_) => (false, Some(NtStatus::ACCESS_DENIED)),
            // Guest sessions have no key: the client cannot have signed with it.
            None => (false, Some(NtStatus::NOT_SUPPORTED)),
        };
    }
    if channel.session.signing_required && header.command != Command::CANCEL {
        return (false, Some(NtStatus::ACCESS_DENIED));
    }
    (false, None)
}

/// 3.3.5.2.5 Verifying the Credit Charge and the Payload Size.
pub(super) fn check_charge(link: &Link, header: &Smb2Header, message: &[u8]) -> Option<NtStatus> {
    if !dispatch::row(header.command).is_some_and(|row| row.multi_credit) {
        return None;
    }
    let payload = payload_bytes(header.command, message);
    let paid = u64::from(header.credit_charge.message_ids()).saturating_mul(u64::from(BYTES_PER_CREDIT));
    (is_multi_credit(link) && payload > paid).then_some(NtStatus::INVALID_PARAMETER)
}

/// The larger of what a request sends and what it expects back, in bytes: the fields named in 3.3.5.2.5, at their fixed
/// places, before the body is decoded. A body too short to have them is found when it is decoded.
fn payload_bytes(command: Command, message: &[u8]) -> u64 {
    let at = |offset: usize| -> u64 {
        let bytes =
            message.get(Smb2Header::SIZE.saturating_add(offset)..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
    };
    match command {
        // 2.2.19 and 2.2.21: Length.
        Command::READ | Command::WRITE => at(4),
        // 2.2.31: InputCount plus OutputCount, MaxInputResponse plus MaxOutputResponse.
        Command::IOCTL => at(28).saturating_add(at(40)).max(at(32).saturating_add(at(44))),
        // 2.2.33: OutputBufferLength.
        Command::QUERY_DIRECTORY => at(28),
        // 2.2.35: OutputBufferLength.
        Command::CHANGE_NOTIFY => at(4),
        // 2.2.37: OutputBufferLength, InputBufferLength.
        Command::QUERY_INFO => at(4).max(at(12)),
        // 2.2.39: BufferLength.
        Command::SET_INFO => at(4),
        _ => 0,
    }
}
