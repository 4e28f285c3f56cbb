//! [MS-SMB2] 3.1.4.1 Signing An Outgoing Message and 3.1.5.1 Verifying an Incoming Message.
//!
//! The message is everything from the ProtocolId of one SMB2 header to the end of that message's part of the frame
//! (in a compound, up to and with the padding before the next header).

use super::{CryptoError, SigningKeyBytes};
use aws_lc_rs::{aead, cmac, constant_time, hmac};

/// Offset of the Signature field in the SMB2 header, in bytes.
pub const SIGNATURE_OFFSET: usize = 48;
/// Size of the Signature field, in bytes.
pub const SIGNATURE_SIZE: usize = 16;
/// End of the Signature field, which is the end of the header.
const SIGNATURE_END: usize = 64;
/// Offset of the Command field in the SMB2 header, in bytes.
const COMMAND_OFFSET: usize = 12;
/// Offset of the MessageId field in the SMB2 header, in bytes.
const MESSAGE_ID_OFFSET: usize = 24;
/// SMB2 CANCEL of [MS-SMB2] 2.2.1.
const COMMAND_CANCEL: u16 = 0x000C;

/// [MS-SMB2] 2.2.3.1.7 SMB2_SIGNING_CAPABILITIES: SigningAlgorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// HMAC-SHA256: dialects 2.0.2 and 2.1, or negotiated.
    HmacSha256,
    /// AES-128-CMAC: dialects 3.0 and 3.0.2, the default of 3.1.1.
    AesCmac,
    /// AES-128-GMAC: 3.1.1 when negotiated.
    AesGmac,
}

/// Who wrote a message: a part of the nonce of AES-GMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client: requests.
    Client,
    /// The server: responses and notifications.
    Server,
}

/// A signing key of a session or a channel with everything about it computed beforehand. Share it between threads.
pub struct SigningKey(Inner);

enum Inner {
    HmacSha256(Box<hmac::Key>),
    AesCmac(cmac::Key),
    AesGmac(aead::LessSafeKey),
}

impl SigningAlgorithm {
    /// The algorithm of a SigningAlgorithms value; `None` for values that [MS-SMB2] does not define.
    #[must_use]
    pub const fn from_wire(value: u16) -> Option<Self> {
        match value {
            0 => Some(SigningAlgorithm::HmacSha256),
            1 => Some(SigningAlgorithm::AesCmac),
            2 => Some(SigningAlgorithm::AesGmac),
            _ => None,
        }
    }

    /// The value in SigningAlgorithms.
    #[must_use]
    pub const fn to_wire(self) -> u16 {
        match self {
            SigningAlgorithm::HmacSha256 => 0,
            SigningAlgorithm::AesCmac => 1,
            SigningAlgorithm::AesGmac => 2,
        }
    }
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm())
    }
}

impl SigningKey {
    /// Prepares a key.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library refuses the key.
    pub fn new(algorithm: SigningAlgorithm, key: &SigningKeyBytes) -> Result<Self, CryptoError> {
        let key = key.as_bytes();
        Ok(SigningKey(match algorithm {
            SigningAlgorithm::HmacSha256 => {
                Inner::HmacSha256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
            }
            SigningAlgorithm::AesCmac => {
                Inner::AesCmac(cmac::Key::new(cmac::AES_128, key).map_err(|_| CryptoError::Library)?)
            }
            SigningAlgorithm::AesGmac => Inner::AesGmac(aead::LessSafeKey::new(
                aead::UnboundKey::new(&aead::AES_128_GCM, key).map_err(|_| CryptoError::Library)?,
            )),
        }))
    }

    /// The algorithm of the key.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self.0 {
            Inner::HmacSha256(_) => SigningAlgorithm::HmacSha256,
            Inner::AesCmac(_) => SigningAlgorithm::AesCmac,
            Inner::AesGmac(_) => SigningAlgorithm::AesGmac,
        }
    }

    /// Signs a message in one piece: writes its Signature field. MessageId and Command must be final, and the flag
    /// SMB2_FLAGS_SIGNED must be set already.
    ///
    /// AES-GMAC takes its nonce from the MessageId: never sign two different messages of one sender with the same
    /// MessageId (an interim response and the final one, or oplock breaks, whose MessageId is all ones).
    ///
    /// # Errors
    /// [`CryptoError::MessageTooShort`] when there is no whole header.
    pub fn sign(&self, message: &mut [u8], sender: Sender) -> Result<(), CryptoError> {
        signature_field(message)?.fill(0);
        let signature = self.compute_zeroed(message, sender)?;
        signature_field(message)?.copy_from_slice(&signature);
        Ok(())
    }

    /// Signs a message whose parts lie in several places: `header` starts with the whole SMB2 header, and gets the
    /// Signature. HMAC-SHA256 and AES-CMAC read the parts where they are; AES-GMAC needs one piece and copies them
    /// into a new buffer, so keep its messages contiguous and call [`SigningKey::sign`].
    ///
    /// # Errors
    /// As [`SigningKey::sign`].
    pub fn sign_parts(
        &self,
        header: &mut [u8],
        payload: &[&[u8]],
        sender: Sender,
    ) -> Result<(), CryptoError> {
        signature_field(header)?.fill(0);
        let signature = match &self.0 {
            Inner::HmacSha256(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(header);
                payload.iter().for_each(|part| context.update(part));
                first_16(context.sign().as_ref())?
            }
            Inner::AesCmac(key) => {
                let mut context = cmac::Context::with_key(key);
                context.update(header).map_err(|_| CryptoError::Library)?;
                for part in payload {
                    context.update(part).map_err(|_| CryptoError::Library)?;
                }
                first_16(context.sign().map_err(|_| CryptoError::Library)?.as_ref())?
            }
            Inner::AesGmac(_) => {
                let mut whole = header.to_vec();
                payload.iter().for_each(|part| whole.extend_from_slice(part));
                self.compute_zeroed(&whole, sender)?
            }
        };
        signature_field(header)?.copy_from_slice(&signature);
        Ok(())
    }

    /// Verifies a message in one piece, in constant time. The Signature field is overwritten for the time of the
    /// call and is restored before it returns.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`], or [`CryptoError::MessageTooShort`] when there is no whole header.
    pub fn verify(&self, message: &mut [u8], sender: Sender) -> Result<(), CryptoError> {
        let field = signature_field(message)?;
        let received = *field;
        field.fill(0);
        let computed = self.compute_zeroed(message, sender);
        *signature_field(message)? = received;
        constant_time::verify_slices_are_equal(&computed?, &received).map_err(|_| CryptoError::BadSignature)
    }

    /// The signature of a message whose Signature field holds zeros.
    fn compute_zeroed(&self, message: &[u8], sender: Sender) -> Result<[u8; SIGNATURE_SIZE], CryptoError> {
        match &self.0 {
            Inner::HmacSha256(key) => first_16(hmac::sign(key, message).as_ref()),
            Inner::AesCmac(key) => {
                first_16(cmac::sign(key, message).map_err(|_| CryptoError::Library)?.as_ref())
            }
            Inner::AesGmac(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(gmac_nonce(message, sender)?);
                let tag = key
                    .seal_in_place_separate_tag(nonce, aead::Aad::from(message), &mut [])
                    .map_err(|_| CryptoError::Library)?;
                first_16(tag.as_ref())
            }
        }
    }
}

/// The nonce of AES-GMAC: MessageId; then a bit for the sender and a bit for CANCEL requests; then zeros.
fn gmac_nonce(message: &[u8], sender: Sender) -> Result<[u8; 12], CryptoError> {
    let field = |offset: usize| message.get(offset..).ok_or(CryptoError::MessageTooShort);
    let message_id = field(MESSAGE_ID_OFFSET)?.first_chunk::<8>().ok_or(CryptoError::MessageTooShort)?;
    let command = field(COMMAND_OFFSET)?.first_chunk::<2>().ok_or(CryptoError::MessageTooShort)?;
    let mut role = match sender {
        Sender::Client => 0,
        Sender::Server => 1,
    };
    if sender == Sender::Client && u16::from_le_bytes(*command) == COMMAND_CANCEL {
        role |= 2;
    }
    let [a, b, c, d, e, f, g, h] = *message_id;
    Ok([a, b, c, d, e, f, g, h, role, 0, 0, 0])
}

fn signature_field(message: &mut [u8]) -> Result<&mut [u8; SIGNATURE_SIZE], CryptoError> {
    message
        .get_mut(SIGNATURE_OFFSET..SIGNATURE_END)
        .and_then(|field| field.first_chunk_mut())
        .ok_or(CryptoError::MessageTooShort)
}

fn first_16(bytes: &[u8]) -> Result<[u8; SIGNATURE_SIZE], CryptoError> {
    bytes.first_chunk().copied().ok_or(CryptoError::Library)
}
