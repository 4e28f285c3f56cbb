//! [MS-SMB2] 3.1.4.2 Generating Cryptographic Keys: the keys of a session from its session key, for every dialect.
//!
//! The function is the one of SP800-108 section 5.1 (counter mode, HMAC-SHA256, 32-bit counter in front); labels and
//! contexts, which include their terminating zeros, are in [MS-SMB2] 3.3.5.5.3 and 3.2.5.3.1.

use super::{Cipher, CryptoError, PreauthHash};
use aws_lc_rs::kdf::{KbkdfCtrHmacAlgorithmId, get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Longest session key that an authentication mechanism may give, in bytes.
pub const SESSION_KEY_MAX_SIZE: usize = 64;

/// Session.FullSessionKey: what the authentication mechanism agreed on.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey {
    bytes: [u8; SESSION_KEY_MAX_SIZE],
    length: usize,
}

/// A 16-byte key: Session.SigningKey, Channel.SigningKey or Session.ApplicationKey.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKeyBytes([u8; 16]);

/// A key for sealing or opening: 16 or 32 bytes, as its cipher needs.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CipherKey {
    bytes: [u8; 32],
    #[zeroize(skip)]
    cipher: Cipher,
}

/// What decides the labels and contexts of the key derivation.
#[derive(Clone, Copy, Debug)]
pub enum KeyContext<'a> {
    /// Dialects 2.0.2 and 2.1: the session key itself signs, nothing is sealed.
    Smb2,
    /// Dialects 3.0 and 3.0.2.
    Smb30,
    /// Dialect 3.1.1: Session.PreauthIntegrityHashValue, or the one of the channel that is bound.
    Smb311(&'a PreauthHash),
}

/// The keys of a session. `encryption` and `decryption` are named from the server's side.
pub struct SessionKeys {
    /// Session.SigningKey, and Channel.SigningKey of the first channel.
    pub signing: SigningKeyBytes,
    /// Session.ApplicationKey: handed to what runs above, such as RPC.
    pub application: SigningKeyBytes,
    /// Session.EncryptionKey, server to client; `None` when no cipher was negotiated.
    pub encryption: Option<CipherKey>,
    /// Session.DecryptionKey, client to server; `None` when no cipher was negotiated.
    pub decryption: Option<CipherKey>,
}

impl SessionKey {
    /// From the mechanism's key; bytes past [`SESSION_KEY_MAX_SIZE`] are ignored.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut bytes = [0; SESSION_KEY_MAX_SIZE];
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        SessionKey { bytes, length: key.len().min(SESSION_KEY_MAX_SIZE) }
    }

    /// Session.FullSessionKey.
    #[must_use]
    pub fn full(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Session.SessionKey: the first 16 bytes, padded with zeros at the right when there are fewer.
    #[must_use]
    pub fn first_16(&self) -> &[u8; 16] {
        self.bytes.first_chunk().unwrap_or(&[0; 16])
    }
}

impl SigningKeyBytes {
    /// From the key's bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        SigningKeyBytes(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl CipherKey {
    /// From the key's bytes.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] when `key` does not have the length that `cipher` needs.
    pub fn new(cipher: Cipher, key: &[u8]) -> Result<Self, CryptoError> {
        let mut bytes = [0; 32];
        if key.len() != cipher.key_size() {
            return Err(CryptoError::KeyLength);
        }
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        Ok(CipherKey { bytes, cipher })
    }

    /// The cipher that the key is for.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The key's bytes: as many as the cipher needs.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.cipher.key_size()).unwrap_or_default()
    }
}

impl SessionKeys {
    /// Derives the keys of a new session; `cipher` is Connection.CipherId (AES-128-CCM for 3.0 and 3.0.2), if any.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library refuses, which it does for no input known.
    pub fn derive(
        context: KeyContext<'_>,
        session_key: &SessionKey,
        cipher: Option<Cipher>,
    ) -> Result<Self, CryptoError> {
        let signing = SigningKeyBytes::derive(context, session_key)?;
        let labels = match &context {
            KeyContext::Smb2 => {
                let application = SigningKeyBytes(*session_key.first_16());
                return Ok(SessionKeys { signing, application, encryption: None, decryption: None });
            }
            KeyContext::Smb30 => Labels {
                application: (b"SMB2APP\0", b"SmbRpc\0"),
                encryption: (b"SMB2AESCCM\0", b"ServerOut\0"),
                decryption: (b"SMB2AESCCM\0", b"ServerIn \0"),
            },
            KeyContext::Smb311(hash) => Labels {
                application: (b"SMBAppKey\0", hash.as_bytes()),
                encryption: (b"SMBS2CCipherKey\0", hash.as_bytes()),
                decryption: (b"SMBC2SCipherKey\0", hash.as_bytes()),
            },
        };
        let cipher_key =
            |label| cipher.map(|cipher| derive_cipher_key(session_key, cipher, label)).transpose();
        Ok(SessionKeys {
            signing,
            application: derive_16(session_key, labels.application)?,
            encryption: cipher_key(labels.encryption)?,
            decryption: cipher_key(labels.decryption)?,
        })
    }
}

/// Label and Context of each key.
struct Labels<'a> {
    application: (&'a [u8], &'a [u8]),
    encryption: (&'a [u8], &'a [u8]),
    decryption: (&'a [u8], &'a [u8]),
}

impl SigningKeyBytes {
    /// Derives Channel.SigningKey: the only key of a connection that is bound to an existing session.
    ///
    /// # Errors
    /// As [`SessionKeys::derive`].
    pub fn derive(context: KeyContext<'_>, session_key: &SessionKey) -> Result<Self, CryptoError> {
        match &context {
            KeyContext::Smb2 => Ok(SigningKeyBytes(*session_key.first_16())),
            KeyContext::Smb30 => derive_16(session_key, (b"SMB2AESCMAC\0", b"SmbSign\0")),
            KeyContext::Smb311(hash) => derive_16(session_key, (b"SMBSigningKey\0", hash.as_bytes())),
        }
    }
}

fn derive_16(key: &SessionKey, label: (&[u8], &[u8])) -> Result<SigningKeyBytes, CryptoError> {
    let mut output = SigningKeyBytes([0; 16]);
    derive_bytes(key.first_16(), label, &mut output.0)?;
    Ok(output)
}

/// Ko is Session.FullSessionKey for the 256-bit ciphers, and the first 16 bytes of it for the others.
fn derive_cipher_key(
    key: &SessionKey,
    cipher: Cipher,
    label: (&[u8], &[u8]),
) -> Result<CipherKey, CryptoError> {
    let mut output = CipherKey { bytes: [0; 32], cipher };
    let size = cipher.key_size();
    let source = if size == 32 && key.length >= 16 { key.full() } else { key.first_16() };
    let place = output.bytes.get_mut(..size).ok_or(CryptoError::KeyLength)?;
    derive_bytes(source, label, place)?;
    Ok(output)
}

/// SP800-108 5.1 with `Label || 0x00 || Context || L` as the fixed input, L in bits and big-endian.
fn derive_bytes(key: &[u8], (label, context): (&[u8], &[u8]), output: &mut [u8]) -> Result<(), CryptoError> {
    /// Longest label (16), the separator, longest context (64), L.
    const INFO_MAX: usize = 16 + 1 + 64 + 4;
    let length_bits = u32::try_from(output.len().saturating_mul(8)).map_err(|_| CryptoError::KeyLength)?;
    let mut info = smallvec::SmallVec::<[u8; INFO_MAX]>::new();
    info.extend_from_slice(label);
    info.push(0);
    info.extend_from_slice(context);
    info.extend_from_slice(&length_bits.to_be_bytes());
    let algorithm =
        get_kbkdf_ctr_hmac_algorithm(KbkdfCtrHmacAlgorithmId::Sha256).ok_or(CryptoError::Library)?;
    kbkdf_ctr_hmac(algorithm, key, &info, output).map_err(|_| CryptoError::Library)
}

macro_rules! hide_when_printed {
    ($($ty:ident)*) => {$(
        impl core::fmt::Debug for $ty {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($ty), "(..)"))
            }
        }
    )*};
}
hide_when_printed!(SessionKey SigningKeyBytes CipherKey SessionKeys);
