//! AES-CCM ([SP800-38C], RFC 3610) with the parameters of SMB3: an 11-byte nonce and a 16-byte tag.

use super::CryptoError;
use aes::{Aes128, Aes256};
use ccm::aead::consts::{U11, U16};
use ccm::{AeadInOut, Ccm, KeyInit};

/// An AES-CCM key with its schedule.
pub(super) struct CcmKey(Portable);

enum Portable {
    Aes128(Box<Ccm<Aes128, U16, U11>>),
    Aes256(Box<Ccm<Aes256, U16, U11>>),
}

impl CcmKey {
    pub(super) fn new(key: &[u8]) -> Result<Self, CryptoError> {
        Portable::new(key).map(CcmKey)
    }

    /// Encrypts in place and returns the tag.
    pub(super) fn seal(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; 16], CryptoError> {
        self.0.seal(nonce, aad, message)
    }

    /// Decrypts in place; the content of `message` is unspecified on an error.
    pub(super) fn open(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), CryptoError> {
        self.0.open(nonce, aad, message, tag)
    }
}

impl Portable {
    fn new(key: &[u8]) -> Result<Self, CryptoError> {
        if let Ok(key) = <&[u8; 16]>::try_from(key) {
            Ok(Portable::Aes128(Box::new(Ccm::new(key.into()))))
        } else if let Ok(key) = <&[u8; 32]>::try_from(key) {
            Ok(Portable::Aes256(Box::new(Ccm::new(key.into()))))
        } else {
            Err(CryptoError::KeyLength)
        }
    }

    fn seal(&self, nonce: &[u8; 11], aad: &[u8], message: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        match self {
            Portable::Aes128(key) => key.encrypt_inout_detached(nonce.into(), aad, message.into()),
            Portable::Aes256(key) => key.encrypt_inout_detached(nonce.into(), aad, message.into()),
        }
        .map(Into::into)
        .map_err(|_| CryptoError::MessageTooLong)
    }

    fn open(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), CryptoError> {
        match self {
            Portable::Aes128(key) => {
                key.decrypt_inout_detached(nonce.into(), aad, message.into(), tag.into())
            }
            Portable::Aes256(key) => {
                key.decrypt_inout_detached(nonce.into(), aad, message.into(), tag.into())
            }
        }
        .map_err(|_| CryptoError::BadSignature)
    }
}
