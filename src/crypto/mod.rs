//! Key derivation, signing, sealing and the pre-authentication hash of SMB2/3: bytes to bytes.
//!
//! Owns [MS-SMB2] 3.1.4.1 (signing), 3.1.4.2 (keys), 3.1.4.3 (encryption) and 3.1.4.4.1 (pre-auth integrity hash).
//! Knows nothing of sessions, sockets or message structures beyond the place of the signature, the MessageId and the
//! command in the SMB2 header and of the fields of the transform header. Randomness comes in as an argument.
//!
//! Keys are zeroed when dropped, print nothing, and their schedules are computed once, when the key object is made.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod ccm;
mod kdf;
mod preauth;
mod sealing;
mod signing;

pub use kdf::{CipherKey, KeyContext, SESSION_KEY_MAX_SIZE, SessionKey, SessionKeys, SigningKeyBytes};
pub use preauth::{PREAUTH_HASH_SIZE, PreauthHash};
pub use sealing::{Cipher, MESSAGES_PER_KEY_LIMIT, OpenKey, SealKey, TRANSFORM_HEADER_SIZE};
pub use signing::{SIGNATURE_OFFSET, SIGNATURE_SIZE, Sender, SigningAlgorithm, SigningKey};

/// Why a cryptographic operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The signature or the authentication tag is not the one of this message under this key.
    #[error("the signature does not match")]
    BadSignature,
    /// The message is too short to hold the fields that the operation reads or writes.
    #[error("the message is too short")]
    MessageTooShort,
    /// The message is longer than the cipher can protect.
    #[error("the message is too long")]
    MessageTooLong,
    /// Every nonce of this key was used: the session must be set up anew.
    #[error("every nonce of the key was used")]
    NoncesExhausted,
    /// The key does not have the length that the algorithm needs.
    #[error("the key has a wrong length")]
    KeyLength,
    /// The cryptographic library refused the operation.
    #[error("the cryptographic library failed")]
    Library,
}

#[cfg(test)]
mod tests;
