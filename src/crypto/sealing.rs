//! [MS-SMB2] 3.1.4.3 Encrypting the Message and 3.2.5.1.1, 3.3.5.2.1.1 Decrypting the Message.
//!
//! The SMB2 TRANSFORM_HEADER (2.2.41) is 52 bytes: ProtocolId (4), Signature (16), Nonce (16), OriginalMessageSize (4),
//! Reserved (2), Flags (2), SessionId (8). Everything from Nonce on is authenticated beside the encrypted message.

use super::ccm::CcmKey;
use super::{CipherKey, CryptoError};
use aws_lc_rs::aead;
use core::sync::atomic::{AtomicU64, Ordering};

/// Size of the SMB2 TRANSFORM_HEADER in bytes.
pub const TRANSFORM_HEADER_SIZE: usize = 52;
/// Messages that one key seals before it refuses. Far beyond what a session lives to see (a million messages a second
/// for nine years), and as far from a nonce used twice.
pub const MESSAGES_PER_KEY_LIMIT: u64 = 1 << 48;

const SIGNATURE_OFFSET: usize = 4;
const NONCE_OFFSET: usize = 20;
const GCM_NONCE_SIZE: usize = 12;
const CCM_NONCE_SIZE: usize = 11;

/// [MS-SMB2] 2.2.3.1.2 SMB2_ENCRYPTION_CAPABILITIES: Ciphers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// AES-128-CCM: 3.0 and 3.0.2, or negotiated.
    Aes128Ccm,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-CCM.
    Aes256Ccm,
    /// AES-256-GCM.
    Aes256Gcm,
}

/// Seals messages of one direction. One per session, shared by its channels and by threads: it owns the nonce counter.
pub struct SealKey {
    key: AeadKey,
    salt: [u8; 4],
    sealed: AtomicU64,
}

/// Opens messages of one direction. Share it between threads.
pub struct OpenKey {
    key: AeadKey,
}

pub(super) struct AeadKey {
    cipher: Cipher,
    implementation: AeadImplementation,
}

enum AeadImplementation {
    Gcm(aead::LessSafeKey),
    Ccm(CcmKey),
}

impl Cipher {
    /// The cipher of a Ciphers value; `None` for values that [MS-SMB2] does not define.
    #[must_use]
    pub const fn from_wire(value: u16) -> Option<Self> {
        match value {
            1 => Some(Cipher::Aes128Ccm),
            2 => Some(Cipher::Aes128Gcm),
            3 => Some(Cipher::Aes256Ccm),
            4 => Some(Cipher::Aes256Gcm),
            _ => None,
        }
    }

    /// The value in Ciphers.
    #[must_use]
    pub const fn to_wire(self) -> u16 {
        match self {
            Cipher::Aes128Ccm => 1,
            Cipher::Aes128Gcm => 2,
            Cipher::Aes256Ccm => 3,
            Cipher::Aes256Gcm => 4,
        }
    }

    /// Size of the key in bytes.
    #[must_use]
    pub const fn key_size(self) -> usize {
        match self {
            Cipher::Aes128Ccm | Cipher::Aes128Gcm => 16,
            Cipher::Aes256Ccm | Cipher::Aes256Gcm => 32,
        }
    }
}

impl SealKey {
    /// Prepares a key. `salt` fills the bytes of the nonce that the counter leaves: random bytes keep two key objects
    /// made by mistake from the same key apart. Make one object per key all the same.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library refuses the key.
    pub fn new(key: &CipherKey, salt: [u8; 4]) -> Result<Self, CryptoError> {
        Self::starting_at(key, salt, 0)
    }

    /// As [`SealKey::new`], as if `sealed` messages had been sealed.
    pub(super) fn starting_at(key: &CipherKey, salt: [u8; 4], sealed: u64) -> Result<Self, CryptoError> {
        Ok(SealKey { key: AeadKey::new(key)?, salt, sealed: AtomicU64::new(sealed) })
    }

    /// The cipher of the key.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.key.cipher
    }

    /// Encrypts `message` in place, and writes Nonce and Signature into `header`, whose other fields must be final.
    ///
    /// # Errors
    /// [`CryptoError::NoncesExhausted`] after [`MESSAGES_PER_KEY_LIMIT`] messages; [`CryptoError::MessageTooLong`].
    pub fn seal(
        &self,
        header: &mut [u8; TRANSFORM_HEADER_SIZE],
        message: &mut [u8],
    ) -> Result<(), CryptoError> {
        // Relaxed: only the uniqueness of the number matters, not its order with other memory.
        let counter = self.sealed.fetch_add(1, Ordering::Relaxed);
        if counter >= MESSAGES_PER_KEY_LIMIT {
            self.sealed.store(MESSAGES_PER_KEY_LIMIT, Ordering::Relaxed);
            return Err(CryptoError::NoncesExhausted);
        }
        let nonce = self.nonce(counter);
        let (front, aad) = split_header(header)?;
        let (nonce_field, _) = aad.split_first_chunk_mut::<16>().ok_or(CryptoError::Library)?;
        *nonce_field = nonce;
        let tag = self.key.seal(&nonce, aad, message)?;
        let (_, signature) = front.split_last_chunk_mut::<16>().ok_or(CryptoError::Library)?;
        *signature = tag;
        Ok(())
    }

    /// The Nonce field: the counter, then the salt, cut to what the cipher takes, then zeros.
    fn nonce(&self, counter: u64) -> [u8; 16] {
        let mut nonce = [0; 16];
        let used = match self.key.implementation {
            AeadImplementation::Gcm(_) => GCM_NONCE_SIZE,
            AeadImplementation::Ccm(_) => CCM_NONCE_SIZE,
        };
        let source = counter.to_le_bytes().into_iter().chain(self.salt);
        for (to, from) in nonce.iter_mut().zip(source).take(used) {
            *to = from;
        }
        nonce
    }
}

impl OpenKey {
    /// Prepares a key.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library refuses the key.
    pub fn new(key: &CipherKey) -> Result<Self, CryptoError> {
        Ok(OpenKey { key: AeadKey::new(key)? })
    }

    /// The cipher of the key.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.key.cipher
    }

    /// Decrypts `message` in place. On an error its content is unspecified and must not be looked at.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`] when the header or the message was changed or the key is another.
    pub fn open(&self, header: &[u8; TRANSFORM_HEADER_SIZE], message: &mut [u8]) -> Result<(), CryptoError> {
        let (front, aad) = header.split_at_checked(NONCE_OFFSET).ok_or(CryptoError::Library)?;
        let (nonce, _) = aad.split_first_chunk::<16>().ok_or(CryptoError::Library)?;
        let (_, tag) = front.split_last_chunk::<16>().ok_or(CryptoError::Library)?;
        self.key.open(nonce, aad, message, tag)
    }
}

impl AeadKey {
    pub(super) fn new(key: &CipherKey) -> Result<Self, CryptoError> {
        let gcm = |algorithm| {
            let unbound =
                aead::UnboundKey::new(algorithm, key.as_bytes()).map_err(|_| CryptoError::Library)?;
            Ok(AeadImplementation::Gcm(aead::LessSafeKey::new(unbound)))
        };
        let implementation = match key.cipher() {
            Cipher::Aes128Gcm => gcm(&aead::AES_128_GCM)?,
            Cipher::Aes256Gcm => gcm(&aead::AES_256_GCM)?,
            Cipher::Aes128Ccm | Cipher::Aes256Ccm => AeadImplementation::Ccm(CcmKey::new(key.as_bytes())?),
        };
        Ok(AeadKey { cipher: key.cipher(), implementation })
    }

    pub(super) fn seal(
        &self,
        nonce: &[u8; 16],
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; 16], CryptoError> {
        match &self.implementation {
            AeadImplementation::Gcm(key) => {
                let tag = key
                    .seal_in_place_separate_tag(gcm_nonce(nonce)?, aead::Aad::from(aad), message)
                    .map_err(|_| CryptoError::MessageTooLong)?;
                tag.as_ref().first_chunk().copied().ok_or(CryptoError::Library)
            }
            AeadImplementation::Ccm(key) => key.seal(ccm_nonce(nonce)?, aad, message),
        }
    }

    fn open(
        &self,
        nonce: &[u8; 16],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), CryptoError> {
        match &self.implementation {
            AeadImplementation::Gcm(key) => key
                .open_in_place_separate_tag(gcm_nonce(nonce)?, aead::Aad::from(aad), tag, message)
                .map(|_| ())
                .map_err(|_| CryptoError::BadSignature),
            AeadImplementation::Ccm(key) => key.open(ccm_nonce(nonce)?, aad, message, tag),
        }
    }
}

fn gcm_nonce(field: &[u8; 16]) -> Result<aead::Nonce, CryptoError> {
    let used = field.first_chunk::<GCM_NONCE_SIZE>().ok_or(CryptoError::Library)?;
    Ok(aead::Nonce::assume_unique_for_key(*used))
}

fn ccm_nonce(field: &[u8; 16]) -> Result<&[u8; CCM_NONCE_SIZE], CryptoError> {
    field.first_chunk().ok_or(CryptoError::Library)
}

/// ProtocolId and Signature; Nonce and everything after it.
fn split_header(header: &mut [u8; TRANSFORM_HEADER_SIZE]) -> Result<(&mut [u8], &mut [u8]), CryptoError> {
    const { assert!(SIGNATURE_OFFSET + 16 == NONCE_OFFSET) };
    header.split_at_mut_checked(NONCE_OFFSET).ok_or(CryptoError::Library)
}

impl core::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SealKey({:?})", self.key.cipher)
    }
}

impl core::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenKey({:?})", self.key.cipher)
    }
}
