//! RFC 4121: the tokens of Kerberos as a GSS-API mechanism, and the per-message tokens that SPNEGO needs.

use super::crypto::{EncryptionKey, usage};
use super::key::EncryptionType;
use crate::auth::der::{Der, DerError, TAG_OID, application, tlv};
use crate::auth::{AuthError, ChannelBinding};

/// The mechanism's identifier, and the one that Windows 2000 wrote wrong; both lead a token.
const OID_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
const OID_MS_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02];

/// RFC 4121 4.1: TOK_ID of the tokens that establish a context.
const TOK_AP_REQ: [u8; 2] = [1, 0];
const TOK_AP_REP: [u8; 2] = [2, 0];
const TOK_ERROR: [u8; 2] = [3, 0];
/// RFC 4121 4.2.6.1.
const TOK_MIC: [u8; 2] = [4, 4];
const SENT_BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_SUB_KEY: u8 = 4;
const MIC_HEADER: usize = 16;

/// RFC 4121 4.1.1: cksumtype of the authenticator's checksum.
const CHECKSUM_TYPE: i64 = 0x8003;

/// RFC 4121 4.1.1.1, and [MS-KILE] 3.2.5.2: what the client wants of the context.
const FLAG_MUTUAL: u32 = 0x2;
const FLAG_DCE_STYLE: u32 = 0x1000;

/// What a token's frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// No frame, as within DCE-style exchanges.
    Bare,
    /// RFC 2743 3.1, with this identifier.
    Kerberos,
    MsKerberos,
}

/// True for a token that begins a Kerberos exchange without SPNEGO around it.
pub(in crate::auth) fn is_kerberos(token: &[u8]) -> bool {
    token.first().copied() == Some(application(14))
        || matches!(unframe(token), Ok((Frame::Kerberos | Frame::MsKerberos, _)))
}

/// The AP-REQ in a token.
pub(super) fn ap_req(token: &[u8]) -> Result<(Frame, &[u8]), DerError> {
    let (frame, content) = unframe(token)?;
    match (frame, content.split_first_chunk::<2>()) {
        (Frame::Bare, _) => Ok((frame, content)),
        (_, Some((&TOK_AP_REQ, message))) => Ok((frame, message)),
        _ => Err(DerError),
    }
}

fn unframe(token: &[u8]) -> Result<(Frame, &[u8]), DerError> {
    if token.first().copied() != Some(application(0)) {
        return Ok((Frame::Bare, token));
    }
    let mut content = Der(Der(token).tagged(application(0))?);
    match content.tagged(TAG_OID)? {
        OID_KERBEROS => Ok((Frame::Kerberos, content.0)),
        OID_MS_KERBEROS => Ok((Frame::MsKerberos, content.0)),
        _ => Err(DerError),
    }
}

impl Frame {
    /// An AP-REP in the frame that the request had.
    pub(super) fn ap_rep(self, message: &[u8]) -> Vec<u8> {
        self.wrap(TOK_AP_REP, message)
    }

    /// A KRB-ERROR in the frame that the request had.
    pub(super) fn error(self, message: &[u8]) -> Vec<u8> {
        self.wrap(TOK_ERROR, message)
    }

    fn wrap(self, kind: [u8; 2], message: &[u8]) -> Vec<u8> {
        let oid = match self {
            Frame::Bare => return message.to_vec(),
            Frame::Kerberos => OID_KERBEROS,
            Frame::MsKerberos => OID_MS_KERBEROS,
        };
        let mut content = tlv(TAG_OID, oid);
        content.extend_from_slice(&kind);
        content.extend_from_slice(message);
        tlv(application(0), &content)
    }
}

/// RFC 4121 4.1.1: the authenticator's checksum, which is no checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GssChecksum {
    /// Bnd: MD5 of the channel's binding; zeros when the client sends none.
    pub(super) binding: [u8; 16],
    flags: u32,
}

impl GssChecksum {
    /// Clients that are no GSS-API initiators send none or another one: they want nothing of the context. What delegates
    /// credentials (KRB-CRED) is not read.
    pub(super) fn decode(checksum: Option<(i64, &[u8])>) -> Result<Self, DerError> {
        let content = match checksum {
            Some((CHECKSUM_TYPE, content)) if !content.is_empty() => content,
            _ => return Ok(GssChecksum::default()),
        };
        let (length, rest) = content.split_first_chunk::<4>().ok_or(DerError)?;
        let (binding, rest) = rest.split_first_chunk::<16>().ok_or(DerError)?;
        let flags = rest.first_chunk::<4>().ok_or(DerError)?;
        if u32::from_le_bytes(*length) != 16 {
            return Err(DerError);
        }
        Ok(GssChecksum { binding: *binding, flags: u32::from_le_bytes(*flags) })
    }

    pub(super) const fn wants_mutual(self) -> bool {
        self.flags & FLAG_MUTUAL != 0
    }

    pub(super) const fn is_dce_style(self) -> bool {
        self.flags & FLAG_DCE_STYLE != 0
    }

    /// Holds the binding against what the server demands.
    pub(super) fn check_binding(self, demanded: ChannelBinding) -> Result<(), AuthError> {
        let fits = match demanded {
            ChannelBinding::Ignore => true,
            ChannelBinding::IfSent(expected) => self.binding == [0; 16] || self.binding == expected,
            ChannelBinding::Required(expected) => self.binding == expected,
        };
        if fits { Ok(()) } else { Err(AuthError::BadBindings) }
    }
}

/// An established context: what per-message tokens are made with.
#[derive(Clone)]
pub(in crate::auth) struct MicKeys {
    /// The acceptor's sub-key, when there is one.
    pub(super) acceptor: Option<EncryptionKey>,
    /// The initiator's sub-key, or the ticket's session key.
    pub(super) initiator: EncryptionKey,
    /// The sequence number of our first message.
    pub(super) sequence_number: u32,
}

impl MicKeys {
    /// Verifies a MIC of the client over `message`.
    pub(in crate::auth) fn verify(&self, message: &[u8], token: &[u8]) -> Result<(), AuthError> {
        if self.initiator.encryption_type() == EncryptionType::RC4_HMAC {
            // RFC 4757 7.2 has tokens of its own kind; nothing that speaks SMB3 needs them.
            return Err(AuthError::MessageAltered);
        }
        let (header, checksum) = token.split_first_chunk::<MIC_HEADER>().ok_or(AuthError::MessageAltered)?;
        let [a, b, flags, filler @ ..] = header;
        let filler = filler.get(..5).unwrap_or_default();
        if [*a, *b] != TOK_MIC || flags & (SENT_BY_ACCEPTOR | SEALED) != 0 || filler != [0xff; 5] {
            return Err(AuthError::MessageAltered);
        }
        let key = if flags & ACCEPTOR_SUB_KEY == 0 { Some(&self.initiator) } else { self.acceptor.as_ref() };
        key.ok_or(AuthError::MessageAltered)?
            .verify_checksum(usage::INITIATOR_SIGN, &[message, header], checksum)
            .map_err(|_| AuthError::MessageAltered)
    }

    /// Our MIC over `message`; `None` with RC4.
    pub(in crate::auth) fn make(&self, message: &[u8]) -> Option<Vec<u8>> {
        let key = self.acceptor.as_ref().unwrap_or(&self.initiator);
        if key.encryption_type() == EncryptionType::RC4_HMAC {
            return None;
        }
        let flags =
            if self.acceptor.is_some() { SENT_BY_ACCEPTOR | ACCEPTOR_SUB_KEY } else { SENT_BY_ACCEPTOR };
        let mut token = [TOK_MIC.as_slice(), &[flags, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
        token.extend_from_slice(&u64::from(self.sequence_number).to_be_bytes());
        let checksum = key.checksum(usage::ACCEPTOR_SIGN, &[message, &token]);
        token.extend_from_slice(&checksum);
        Some(token)
    }
}
